//! Views drawn from stories of the mechanisms: in six languages, without scripts and styles, each with its words and its table.
//!
//! With `ENTENTE_VIEWS_DIR` set, the pages are written there for people to look at.

use crate::play::Play;
use crate::world::{at, service};
use base::{Lang, ServiceId};
use dossier::{Viewer, view};
use entente_web::view::{Reader, STYLE, Scene, draw, events, statistics, timeline, word};
use expect_test::expect;
use serde_json::json;

const SERVICES: [(&str, &str); 4] = [("ma", "MA"), ("es", "ES"), ("fr", "FR"), ("de", "DE")];

fn named(id: &ServiceId) -> (String, Option<String>) {
    let found = SERVICES.iter().find(|(n, _)| service(n) == *id);
    found.map_or((id.short(), None), |(n, c)| (n.to_string(), Some(c.to_string())))
}

fn place(name: &str, country: &str) -> serde_json::Value {
    json!({ "name": { "lang": "fr", "text": name }, "country": country })
}

/// Draws every view that a story's mechanism asks for.
fn drawn(p: &Play, lang: Lang) -> Vec<(String, String)> {
    let d = &p.held[0];
    let shown = view(d, Viewer { service: service("ma"), roles: &[], now: at(p.minute).at }, &|_, _| None);
    let reader = Reader { lang, zone: "Africa/Casablanca", hijri: lang == Lang::Ar, now: at(p.minute).at, service: &named };
    let scene = Scene { reader: &reader, view: &shown, mechanism: d.mechanism(), page: None };
    let one = |name: &String| {
        let drawn = if name == "timeline" { timeline(&scene, &events(d)) } else { draw(&scene, name).unwrap_or_else(|| panic!("{name}")) };
        (name.clone(), drawn.into_string())
    };
    d.mechanism().views.iter().map(one).collect()
}

fn one(p: &Play, lang: Lang, name: &str) -> String {
    drawn(p, lang).into_iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name} is not asked for")).1
}

/// Words of a drawing, a line for each piece.
fn said(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => {
                inside = true;
                out.push('\n');
            }
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n")
}

fn delivery() -> Play {
    let parties = [("ma", "route"), ("es", "route"), ("fr", "route")];
    let form = json!({ "goods": "narcotics", "start": 1000, "expected_end": 3000, "border_points": [place("Algésiras", "ES"), place("Le Perthus", "FR")] });
    let mut p = Play::opened_by("es", "controlled-delivery", &parties, form);
    let root = p.root();
    p.all(&["ma", "es", "fr"], root, "authorise", json!({}));
    let plan = p.add("es", "plan", root, json!({}));
    p.add("es", "leg", plan, json!({ "number": 1, "from_place": place("Tanger", "MA"), "to_place": place("Algésiras", "ES"), "begins": 1200 }));
    p.add("es", "leg", plan, json!({ "number": 2, "from_place": place("Algésiras", "ES"), "to_place": place("Lyon", "FR"), "begins": 1900 }));
    p.all(&["ma", "fr"], plan, "agree", json!({}));
    p.all(&["ma", "es", "fr"], root, "ready", json!({}));
    let goods = p.add("ma", "consignment", root, json!({}));
    p.all(&["ma"], goods, "offer", json!({}));
    p.all(&["es"], goods, "accept", json!({}));
    p.all(&["ma"], goods, "confirm", json!({}));
    let first = p.add("es", "entry", root, json!({ "happened": 5, "type": "incident", "place": place("Tarifa", "ES") }));
    p.add("es", "entry", root, json!({ "happened": 6, "type": "incident", "supersedes": first.to_string() }));
    assert_ne!(p.moves("ma", root, "authorise", json!({})), "valid");
    p
}

/// The centre is open, Morocco has the first shift and Spain takes over; an action is late, one is done, one has no date.
fn event() -> Play {
    let parties = [("ma", "host"), ("es", "host"), ("fr", "guest")];
    let mut p = Play::open("event-security", &parties, json!({ "title": "Coupe du monde", "date_from": "2025-02-01", "date_to": "2025-02-20" }));
    let (root, hosts) = (p.root(), ["ma", "es"]);
    p.all(&["es"], root, "agree", json!({}));
    p.all(&["fr"], root, "join", json!({}));
    p.add("ma", "venue", root, json!({ "place": place("Grand Stade de Casablanca", "MA") }));
    p.add("es", "venue", root, json!({ "place": place("Estadio Invented", "ES") }));
    p.add("es", "action", root, json!({ "owner": "ma", "due": 8 }));
    p.add("ma", "action", root, json!({ "owner": "es", "due": 5000 }));
    let done = p.add("ma", "action", root, json!({ "owner": "fr", "due": 90_000 }));
    p.all(&["fr"], done, "take_on", json!({}));
    p.all(&["fr"], done, "report_done", json!({}));
    let review = p.add("ma", "readiness", root, json!({ "scope": ["stades"] }));
    p.all(&hosts, review, "declare_ready", json!({}));
    p.all(&hosts, root, "hand_over", json!({}));
    let centre = p.add("ma", "centre", root, json!({ "report_times": ["08:00 Africa/Casablanca"] }));
    let shift = p.add("ma", "shift", centre, json!({ "next": "es", "begins": 10, "ends": 5000 }));
    let told = |n: i64| json!({ "shift": shift.to_string(), "type": "info", "happened": n, "received": n });
    let first = p.add("ma", "entry", centre, told(20));
    let mut corrected = told(21);
    corrected["supersedes"] = json!(first.to_string());
    p.add("ma", "entry", centre, corrected);
    p.add("ma", "situation_report", centre, json!({ "from_when": 0, "to_when": 100, "entries": [first.to_string()] }));
    p.all(&["ma"], shift, "hand_over", json!({ "open_matters": ["Bus 12 en retard"] }));
    p.all(&["es"], shift, "take_over", json!({}));
    p
}

/// Each judges under seal; the version keeps a dissent.
fn assessment() -> Play {
    let mut p = Play::open("risk-assessment", &[("ma", "assessor"), ("es", "assessor"), ("de", "assessor")], json!({ "expires": 10_000 }));
    let root = p.root();
    let round = p.add("ma", "round", root, json!({ "due": 60 }));
    let of = |likelihood: &str, impact: &str| json!({ "likelihood": likelihood, "impact": impact, "sources": ["B2"] });
    let said = [("ma", of("likely", "serious")), ("es", of("unlikely", "moderate")), ("de", of("likely", "serious"))];
    for (who, form) in &said {
        let (seal, _) = p.seal(who, round, "reveal", form);
        assert_eq!(p.moves(who, round, "commit", json!({ "seal": seal })), "valid");
    }
    for (who, form) in &said {
        let mut opened = form.clone();
        opened["opening"] = p.seal(who, round, "reveal", form).1;
        assert_eq!(p.moves(who, round, "reveal", opened), "valid");
    }
    let version = p.add("de", "version", root, json!({ "likelihood": "likely", "impact": "serious", "reply_until": 500 }));
    p.all(&["es"], version, "dissent", json!({ "dissent": ["Un seul lieu."], "likelihood": "unlikely" }));
    p.all(&["ma"], version, "agree", json!({}));
    p
}

fn opened(id: &str, parties: &[(&str, &str)]) -> Play {
    Play::open(id, parties, json!({}))
}

/// A story of each mechanism that ships, by its name.
fn all() -> Vec<(&'static str, Play)> {
    let two = |a: &'static str, b: &'static str| [("ma", a), ("es", b)];
    vec![
        ("controlled-delivery", delivery()),
        ("event-security", event()),
        ("risk-assessment", assessment()),
        ("information-request", Play::open("information-request", &two("requesting", "requested"), json!({ "question": ["?"] }))),
        (
            "early-warning",
            Play::open("early-warning", &two("issuer", "recipient"), json!({ "places": [place("Tanger", "MA"), place("Cádiz", "ES"), "Quelque part"] })),
        ),
        ("expert-exchange", opened("expert-exchange", &two("asking", "offering"))),
        ("joint-investigation-team", opened("joint-investigation-team", &two("party", "party"))),
        ("joint-operation", Play::open("joint-operation", &two("participant", "participant"), json!({ "date_from": "2025-02-03", "date_to": "2025-02-05" }))),
        ("working-visit", opened("working-visit", &two("host", "guest"))),
    ]
}

#[test]
fn every_view_of_every_story_is_whole_in_six_languages() {
    let dir = std::env::var_os("ENTENTE_VIEWS_DIR").map(std::path::PathBuf::from);
    for (id, p) in all() {
        for lang in Lang::ALL {
            let views = drawn(&p, lang);
            for (name, html) in &views {
                assert!(html.len() < 100_000, "{id} {name}: {} bytes", html.len());
                for never in [" style=", "<script", " onclick", "href=\"http", "src="] {
                    assert!(!html.contains(never), "{id} {name}: {never}");
                }
                assert!(html.contains(&format!("lang=\"{lang}\" dir=\"{}\"", if lang == Lang::Ar { "rtl" } else { "ltr" })), "{id} {name}");
                assert!(html.contains(&format!("<h2>{}</h2>", word(lang, name))), "{id} {name}");
                assert!(
                    !html.contains("<svg") || (html.contains("<title>") && html.contains("<desc>") && html.contains("<table")),
                    "{id} {name}: a figure has its table"
                );
            }
            if let Some(dir) = &dir {
                let body: String = views.into_iter().map(|(_, html)| html).collect();
                let head = format!(
                    "<!doctype html><html lang={lang} dir={}><meta charset=utf-8><meta name=viewport content='width=device-width'>",
                    if lang == Lang::Ar { "rtl" } else { "ltr" }
                );
                let page = format!("{head}<title>{id}</title><style>body{{margin:0;font-family:sans-serif}}{STYLE}</style>{body}");
                std::fs::write(dir.join(format!("{id}-{lang}.html")), page).unwrap();
            }
        }
    }
}

#[test]
fn a_route_shows_order_borders_legs_and_who_holds() {
    let html = one(&delivery(), Lang::En, "route");
    assert_eq!(
        (html.matches("class=\"mark holder\"").count(), html.matches("class=\"mark stop\"").count(), html.matches("class=\"mark border\"").count()),
        (1, 2, 2)
    );
    expect![[r#"
        Route
        #
        Who
        Phase
        Holds
        1
        ma
        · Morocco
        Ready to go
        2
        es
        · Spain
        Ready to go
        ◉
        Consignment 1
        3
        fr
        · France
        Ready to go
        Consignment
        What
        Phase
        ma
        es
        fr
        Consignment 1
        Held by one
        Relieved
        Holds
        Waits
        Leg
        From
        To
        When
        Who
        Tanger
        (MA)
        Algésiras
        (ES)
        28 January 2025
        ,
        14:46
        es
        Algésiras
        (ES)
        Lyon
        (FR)
        29 January 2025
        ,
        02:26
        es"#]]
    .assert_eq(&said(&html[html.find("<table").unwrap()..]));
}

#[test]
fn a_matrix_shows_differences_and_keeps_dissent() {
    let html = one(&assessment(), Lang::En, "matrix");
    let words: Vec<String> = html.split("<p class=\"").skip(1).map(|p| said(&format!("<{}", &p[..p.find("</p>").unwrap()])).replace('\n', " ")).collect();
    expect![[r#"
        Judgements differ — Likelihood: Unlikely (20 to 45 %) – Likely (55 to 80 %) · Impact: Serious
        ≠ Dissent — es : Unlikely (20 to 45 %) · Serious
        Judgements differ — Likelihood: Unlikely (20 to 45 %) – Likely (55 to 80 %) · Impact: Moderate – Serious"#]]
    .assert_eq(&words.join("\n"));
    assert_eq!(html.matches("class=\"who\"").count(), 5, "three judgements, the version, its dissent");
}

#[test]
fn a_team_without_risks_shows_who_stands_where() {
    let html = one(&opened("joint-investigation-team", &[("ma", "party"), ("es", "party")]), Lang::En, "matrix");
    assert!(html.contains("<table class=\"stances\">") && !html.contains("heat"), "{html}");
}

#[test]
fn a_board_puts_what_is_late_first() {
    let words = said(&one(&event(), Lang::En, "board"));
    let at = |w: &str| words.find(w).unwrap_or_else(|| panic!("{w} in {words}"));
    assert!(at("Late") < at("Within seven days") && at("Within seven days") < at("Ended"), "{words}");
    assert!(one(&event(), Lang::En, "board").contains("class=\"column column-late\""));
    assert!(words.contains("late by ") && words.contains("in 3 days"), "{words}");
}

#[test]
fn a_logbook_keeps_what_was_corrected_and_shows_the_hand_over() {
    let html = one(&event(), Lang::Fr, "logbook");
    assert_eq!((html.matches("<s>").count(), html.matches("class=\"shift\"").count(), html.matches("class=\"report\"").count()), (1, 1, 1));
    assert!(html.contains("Bus 12 en retard") && html.contains(word(Lang::Fr, "superseded")), "{html}");
}

#[test]
fn a_calendar_has_both_calendars_for_who_wants_them() {
    let (ar, fr) = (one(&event(), Lang::Ar, "calendar"), one(&event(), Lang::Fr, "calendar"));
    assert!(ar.contains("شعبان 1446 هـ") && ar.contains("1 فبراير 2025"), "{ar}");
    assert!(fr.contains("1er février 2025") && !fr.contains("chaabane"));
}

#[test]
fn a_map_says_which_places_it_cannot_mark() {
    let html = all().into_iter().find(|(id, _)| *id == "early-warning").map(|(_, p)| one(&p, Lang::En, "map")).unwrap();
    assert_eq!(html.matches("class=\"mark pin\"").count(), 2);
    assert!(html.contains("Country not stated") && html.contains("Quelque part"));
}

#[test]
fn a_timeline_shows_a_void_act_for_what_it_is() {
    let html = one(&delivery(), Lang::En, "timeline");
    assert_eq!((html.matches("class=\"void\"").count(), html.matches("refusal.").count()), (1, 1));
}

#[test]
fn statistics_have_their_chart_and_their_table() {
    use dossier::statistics::{By, Line, table};
    let line = Line::read(&delivery().held[0], &service("ma"), at(9000).at).unwrap();
    let counted = table(&[line], at(0).at, at(9000).at, &[By::Mechanism], None);
    for lang in Lang::ALL {
        let reader = Reader { lang, zone: "Africa/Casablanca", hijri: false, now: at(0).at, service: &named };
        let html = statistics(&reader, &counted, &|_, code| format!("<{code}>")).into_string();
        assert!(html.contains("<svg") && html.contains("<table>") && !html.contains("style="), "{html}");
        assert_eq!(html.matches("&lt;controlled-delivery&gt;").count(), 2, "escaped in both");
    }
}
