//! What several services do together, at their desks: a controlled delivery across three States, an abort, and a shift of a centre's logbook
//! that both sides hand over.

use super::browser::{Browser, Tab};
use super::sight::look;
use super::story::{PROGRAM, agree, does, fill, h0, phase, say_why, seat, stations};
use base::UnixMs;
use entente::engine::now;
use entente::launch::{Station, settle};
use serde_json::{Value, json};
use std::path::Path;
use tokio::runtime::Runtime;

fn w(text: &str) -> Value {
    json!({ "lang": "en", "text": text })
}

fn place(name: &str, country: &str) -> Value {
    json!({ "name": w(name), "country": country })
}

/// A moment so many minutes ahead, as the local API takes it.
fn soon(minutes: i64) -> Value {
    let at: UnixMs = now().plus_ms(minutes * 60_000);
    json!(at.in_zone("Europe/Madrid").unwrap().to_string())
}

/// The windows of one service: the desk and the supervisor, who is its competent authority too.
struct Windows {
    desk: Tab,
    chief: Tab,
}

fn windows(runtime: &Runtime, browser: &Browser, station: &Station, names: [&'static str; 2]) -> Windows {
    runtime.block_on(async { Windows { desk: seat(browser, station, "desk", names[0]).await, chief: seat(browser, station, "chief", names[1]).await } })
}

/// The first item of a kind at a node.
fn item(runtime: &Runtime, at: &Station, dossier: &str, kind: &str) -> String {
    let view = runtime.block_on(at.client("desk").get(&format!("/v1/dossiers/{dossier}?reason=story"))).unwrap();
    let found = view["items"].as_array().unwrap().iter().find(|i| i["kind"] == kind);
    found.unwrap_or_else(|| panic!("{} has no {kind} yet: {view}", at.code))["id"].as_str().unwrap().to_owned()
}

/// Fields by which an authority's decision is stated, as they are typed.
const DECISION: [(&str, &str); 8] = [
    ("authority:0:text", "Prosecutor general at the court of appeal"),
    ("authority_kind:0:v", "public-prosecutor"),
    ("decision:0:v", "82/2030"),
    ("reference:0:v", "LV-19"),
    ("=modes:all:v", "intact"),
    ("valid_until:0:v", "2031-05-03T20:00"),
    ("duty_contact:0:text", "Duty officer"),
    ("duty_phone:0:v", "+10000000000"),
];

/// Opens a delivery at the desk of the first State; returns its dossier.
fn opens(first: &Windows, route: [&Station; 2], runtime: &Runtime) -> String {
    let tab = &first.desk;
    tab.open("/new");
    tab.follow("form:has(input[value=controlled-delivery]) button");
    let draft = tab.js("location.pathname").as_str().unwrap().to_owned();
    look(tab, "draft-route", &draft);
    tab.open(&draft);
    // The order of the route is the officer's to say, and not that in which partners happen to be listed.
    for (n, s) in route.iter().enumerate() {
        tab.fill(&format!("party:{}", s.service), "route");
        tab.fill(&format!("place:{}", s.service), &(n + 2).to_string());
    }
    fill(
        tab,
        &[
            ("reference:0:v", "MA-LV-19"),
            ("legal_basis:0:text", "1988 Convention, article 11"),
            ("purpose:0:v", "investigate"),
            ("offence:0:v", "drug-trafficking"),
            ("offence_text:0:text", "Transport of cannabis resin"),
            ("goods:0:v", "narcotics"),
            ("goods_text:0:text", "Forty kilograms of resin"),
            ("=means:all:v", "lorry"),
            ("intelligence:0:text", "The load leaves Tanger Med for a depot in Kehl."),
            ("evaluation:0:source", "4x4/B"),
            ("evaluation:0:information", "4x4/2"),
            ("border_points:0:name", "Algeciras"),
            ("border_points:0:country", "ES"),
            ("start:0:v", "2031-05-01T06:00"),
            ("expected_end:0:v", "2031-05-02T20:00"),
            ("=handling", "H0"),
        ],
    );
    tab.follow("button[value=preview]");
    tab.until_shown("What es will receive");
    tab.follow("button[value=send]");
    tab.until_shown("waits for a second officer");
    let pending = tab.js("location.pathname").as_str().unwrap().to_owned();
    first.chief.open(&pending);
    first.chief.follow("form[action$=approve] button");
    let dossier = first.chief.js("location.pathname").as_str().unwrap().trim_start_matches("/dossiers/").to_owned();
    for s in route {
        runtime.block_on(phase(s, &dossier, None, "authorisation"));
    }
    dossier
}

#[test]
fn a_controlled_delivery_across_three_desks() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("a controlled delivery in a browser, across three States", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut three = stations(dir.path(), &["ma", "es", "de"]);
    runtime.block_on(async {
        settle(&mut three, Path::new(PROGRAM)).await.unwrap();
        agree(&three.iter().collect::<Vec<_>>(), &["controlled-delivery"], "Controlled deliveries").await;
    });
    let [ma_at, es_at, de_at] = [&three[0], &three[1], &three[2]];
    let ma = windows(&runtime, &browser, ma_at, ["MA desk", "MA chief"]);
    let es = windows(&runtime, &browser, es_at, ["ES desk", "ES chief"]);
    let de = windows(&runtime, &browser, de_at, ["DE desk", "DE chief"]);
    let wait = |dossier: &str, item: Option<&str>, wanted: &str| {
        for s in &three {
            runtime.block_on(phase(s, dossier, item, wanted));
        }
    };

    // Every State authorises by its own authority, or nothing moves.
    let delivery = opens(&ma, [es_at, de_at], &runtime);
    does(&ma.chief, &delivery, "moves/authorise", &DECISION, None);
    does(&es.chief, &delivery, "moves/authorise", &DECISION, None);
    wait(&delivery, None, "authorisation");
    de.chief.open(&format!("/dossiers/{delivery}"));
    say_why(&de.chief, "a delivery on our soil");
    de.chief.open(&format!("/dossiers/{delivery}"));
    de.chief.until_shown("Public prosecutor");
    does(&de.chief, &delivery, "moves/authorise", &DECISION, None);
    wait(&delivery, None, "planning");

    // A plan with its legs, agreed to by all.
    let plan = [
        ("coordination:0:text", "A cell in Algeciras; each State leads on its own soil."),
        ("surveillance:0:text", "Watched throughout, relieved at each border."),
        ("handover_points:0:name", "Algeciras"),
        ("handover_points:0:country", "ES"),
        ("modes:0:v", "intact"),
        ("weapons:0:text", "Each on its own soil only."),
        ("=stop_when:all:v", "surveillance-lost"),
        ("prosecutes:0:v", &de_at.service.to_string()),
        ("costs:0:text", "Each its own."),
    ];
    does(&ma.desk, &delivery, "new/plan", &plan, None);
    let plan = item(&runtime, ma_at, &delivery, "plan");
    wait(&delivery, Some(&plan), "under_discussion");
    let leg = |n: &'static str, from: [&'static str; 2], to: [&'static str; 2]| {
        [
            ("number:0:v", n),
            ("from_place:0:name", from[0]),
            ("from_place:0:country", from[1]),
            ("to_place:0:name", to[0]),
            ("to_place:0:country", to[1]),
            ("begins:0:v", "2031-05-01T08:00"),
            ("watched_by:0:text", "Own teams"),
        ]
    };
    let (tanger, algeciras, kehl) = (["Tanger Med", "MA"], ["Algeciras", "ES"], ["Kehl", "DE"]);
    does(&ma.desk, &delivery, "new/leg", &leg("1", tanger, algeciras), None);
    does(&es.desk, &delivery, "new/leg", &leg("2", algeciras, kehl), None);
    does(&es.chief, &delivery, "moves/agree", &[], None);
    does(&de.chief, &delivery, "moves/agree", &[], None);
    wait(&delivery, Some(&plan), "agreed");
    for each in [&ma, &es, &de] {
        does(&each.chief, &delivery, "moves/ready", &[("watch:0:text", "Three teams, relieved every six hours.")], Some(&each.desk));
    }
    wait(&delivery, None, "under_way");

    // Custody passes by an offer and an acceptance; the goods are never nobody's.
    does(
        &ma.desk,
        &delivery,
        "new/consignment",
        &[("what:0:text", "Forty kilograms, double floor"), ("place:0:name", "Tanger Med"), ("place:0:country", "MA")],
        None,
    );
    let goods = item(&runtime, ma_at, &delivery, "consignment");
    wait(&delivery, Some(&goods), "held");
    let at = [("place:0:name", "Algeciras"), ("place:0:country", "ES"), ("when:0:v", "2031-05-01T09:00")];
    does(&ma.desk, &delivery, "moves/offer", &[&at[..], &[("state_of_goods:0:text", "Seals intact.")]].concat(), None);
    let offered = runtime.block_on(async { ma_at.client("desk").get(&format!("/v1/dossiers/{delivery}?reason=story")).await.unwrap() });
    let phase_of = |view: &Value| view["items"].as_array().unwrap().iter().find(|i| i["id"] == goods.as_str()).unwrap()["phase"].as_str().unwrap().to_owned();
    wait(&delivery, Some(&goods), &phase_of(&offered));
    does(&es.desk, &delivery, "moves/accept", &[&at[..], &[("seals_intact:0:v", "yes")]].concat(), None);
    does(&ma.desk, &delivery, "moves/confirm", &[], None);
    wait(&delivery, Some(&goods), "held");
    let route = format!("/dossiers/{delivery}/views/route");
    de.desk.open(&route);
    say_why(&de.desk, "where are the goods");
    de.desk.open(&route);
    let held = de.desk.js("[...document.querySelectorAll('span.held')].map(h => h.closest('tr').querySelector('.service').textContent.trim()).join()");
    assert_eq!(held, "es", "the route shows who holds the goods, and nobody else does");
    de.desk.until_shown("Kehl");
    look(&de.desk, "delivery-route", &route);

    an_abort(&runtime, &three, [&ma, &es, &de], &wait);
    for tab in [&ma, &es, &de].iter().flat_map(|each| [&each.desk, &each.chief]) {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
}

/// A second delivery is ready; one State stops it for all, from its own desk, and nobody has to agree to that.
fn an_abort(runtime: &Runtime, three: &[Station], each: [&Windows; 3], wait: &impl Fn(&str, Option<&str>, &str)) {
    let [ma_at, es_at, de_at] = [&three[0], &three[1], &three[2]];
    let parties: Vec<Value> = three.iter().map(|s| json!([s.service, "route"])).collect();
    let fields = json!({
        "reference": "MA-LV-20", "legal_basis": w("1988 Convention, article 11"), "purpose": "investigate", "offence": "drug-trafficking",
        "offence_text": w("Transport of cannabis resin"), "goods": "narcotics", "goods_text": w("Twenty kilograms of resin"), "means": ["lorry"],
        "intelligence": [w("A second load.")], "evaluation": { "scale": "4x4", "source": "B", "information": "2" }, "border_points": [place("Algeciras", "ES")],
        "start": soon(360), "expected_end": soon(2400),
    });
    let open =
        json!({ "do": "open", "mechanism": "controlled-delivery", "accord": null, "follows": null, "parties": parties, "fields": fields, "handling": h0() });
    let delivery = runtime.block_on(ma_at.act("desk", "chief", &open, "delivered")).unwrap()["dossier"].as_str().unwrap().to_owned();
    wait(&delivery, None, "authorisation");
    let step = |item: Option<&str>, name: &str, fields: Value| json!({ "do": "move", "dossier": delivery, "item": item, "name": name, "fields": fields, "handling": h0() });
    let decision = json!({
        "authority": w("Court"), "authority_kind": "public-prosecutor", "decision": "83/2030", "reference": "LV-20", "modes": ["intact"],
        "valid_until": soon(4000), "duty_contact": w("Duty officer"), "duty_phone": "+10000000000",
    });
    let plan = json!({
        "coordination": w("A cell in Algeciras"), "surveillance": [w("Throughout")], "handover_points": [place("Algeciras", "ES")], "modes": "intact",
        "weapons": w("Own soil only"), "stop_when": ["surveillance-lost"], "prosecutes": es_at.service, "costs": w("Each its own"),
    });
    runtime.block_on(async {
        for s in three {
            s.act("chief", "judge", &step(None, "authorise", decision.clone()), "delivered").await.unwrap();
        }
        for s in three {
            phase(s, &delivery, None, "planning").await;
        }
        let open = json!({ "do": "open-item", "dossier": delivery, "parent": null, "kind": "plan", "fields": plan, "handling": h0() });
        let made = ma_at.act("desk", "chief", &open, "delivered").await.unwrap();
        let plan = made["item"].as_str().unwrap();
        for s in [es_at, de_at] {
            s.act("chief", "judge", &step(Some(plan), "agree", json!({})), "delivered").await.unwrap();
        }
        for s in three {
            phase(s, &delivery, Some(plan), "agreed").await;
        }
        for s in three {
            s.act("chief", "desk", &step(None, "ready", json!({ "watch": w("Three teams") })), "delivered").await.unwrap();
        }
    });
    wait(&delivery, None, "under_way");
    let [ma, es, de] = each;
    let stop = [("=reason:all:v", "danger-to-persons"), ("explanation:0:text", "An armed escort was seen."), ("seize_where:0:text", "Service area of the A-4")];
    does(&de.desk, &delivery, "moves/stop", &stop, None);
    wait(&delivery, None, "aborted");
    es.desk.open(&format!("/dossiers/{delivery}"));
    say_why(&es.desk, "stopped");
    es.desk.open(&format!("/dossiers/{delivery}"));
    es.desk.until_shown("An armed escort was seen.");
    let reason = base::Vocabulary::get("stop-reasons-delivery").unwrap().entry("danger-to-persons").unwrap().label.get(base::Lang::En);
    es.desk.until_shown(reason);
    look(&es.desk, "delivery-aborted", &format!("/dossiers/{delivery}"));
    for each in [ma, es] {
        does(&each.desk, &delivery, "moves/conclude", &[("result:0:text", "Stopped for the safety of persons; nothing was on the road.")], None);
    }
    wait(&delivery, None, "abort_concluded");
}

#[test]
fn a_shift_of_the_logbook_is_handed_over_by_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("the logbook of a centre in a browser, handed over from shift to shift", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut both = stations(dir.path(), &["ma", "es"]);
    runtime.block_on(async {
        settle(&mut both, Path::new(PROGRAM)).await.unwrap();
        agree(&both.iter().collect::<Vec<_>>(), &["event-security"], "Event security").await;
    });
    let (ma_at, es_at) = (&both[0], &both[1]);
    let event = a_centre_is_open(&runtime, ma_at, es_at);
    let (ma, es) = runtime.block_on(async { (seat(&browser, ma_at, "desk", "MA desk").await, seat(&browser, es_at, "desk", "ES desk").await) });
    let ma_id = ma_at.service.to_string();

    // es keeps the first shift and writes what comes in.
    let shift = [("leader:0:text", "Lucía Ferrer"), ("begins:0:v", "2031-06-13T07:00"), ("ends:0:v", "2031-06-13T15:00"), ("next:0:v", ma_id.as_str())];
    does(&es, &event, "new/shift", &shift, None);
    let shift = item(&runtime, es_at, &event, "shift");
    let entry = [
        ("received:0:v", "2031-06-13T08:02"),
        ("happened:0:v", "2031-06-13T08:00"),
        ("from:0:text", "National information point, Spain"),
        ("to:0:text", "Centre"),
        ("type:0:v", "info"),
        ("nature:0:v", "fact"),
        ("text:0:text", "Salen 14 autobuses de Sevilla."),
        ("text:0:lang", "es"),
        ("evaluation:0:source", "4x4/A"),
        ("evaluation:0:information", "4x4/1"),
        ("priority:0:v", "routine"),
        ("shift:0:v", shift.as_str()),
    ];
    does(&es, &event, "new/entry", &entry, None);

    // ma cannot take over what was not handed over, and the page says why.
    runtime.block_on(phase(ma_at, &event, Some(&shift), "on_duty"));
    let logbook = format!("/dossiers/{event}/views/logbook");
    ma.open(&format!("/dossiers/{event}"));
    say_why(&ma, "next shift");
    ma.open(&format!("/dossiers/{event}"));
    assert_eq!(ma.js("!!document.querySelector(\"main a[href$='moves/take_over']\")"), false);
    ma.js("document.querySelectorAll('details').forEach(d => d.open = true)");
    ma.until_shown("The shift is not handed over yet, or not to you.");

    // Handed over by who leaves, taken over by who comes; until then it is under way at both.
    does(&es, &event, "moves/hand_over", &[("open_matters:0:text", "Pendiente: matrículas de los autobuses."), ("open_matters:0:lang", "es")], None);
    for s in &both {
        runtime.block_on(phase(s, &event, Some(&shift), "handing_over"));
    }
    ma.open(&logbook);
    ma.until_shown("Pendiente: matrículas de los autobuses.");
    look(&ma, "logbook", &logbook);
    ma.open(&logbook);
    ma.follow("main a[href$='moves/take_over']");
    ma.click("input[name=handling][value=H0]");
    ma.follow("button[value=send]");
    for s in &both {
        runtime.block_on(phase(s, &event, Some(&shift), "handed_over"));
    }
    es.open(&logbook);
    es.until_shown("Has taken over");
    for tab in [&ma, &es] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
}

/// Two hosts are ready and have handed over to a centre that is open.
fn a_centre_is_open(runtime: &Runtime, ma: &Station, es: &Station) -> String {
    runtime.block_on(async {
        let form = json!({
            "title": w("World Cup 2030"), "reference": "MA-CSM-1", "legal_basis": w("Accord, article 16"), "purpose": "prevent",
            "mandate": w("Prepare and follow the security of the matches."), "date_from": "2031-06-01", "date_to": "2031-07-15", "languages": ["fr", "es"],
        });
        let parties = json!([[ma.service, "host"], [es.service, "host"]]);
        let open =
            json!({ "do": "open", "mechanism": "event-security", "accord": null, "follows": null, "parties": parties, "fields": form, "handling": h0() });
        let event = ma.act("desk", "chief", &open, "delivered").await.unwrap()["dossier"].as_str().unwrap().to_owned();
        phase(es, &event, None, "constituting").await;
        let step =
            |item: Value, name: &str, fields: Value| json!({ "do": "move", "dossier": event, "item": item, "name": name, "fields": fields, "handling": h0() });
        let new = |kind: &str, fields: Value| json!({ "do": "open-item", "dossier": event, "parent": null, "kind": kind, "fields": fields, "handling": h0() });
        let agree = step(Value::Null, "agree", json!({ "reference": "ES-CSM-1", "representative": w("Marta Olivares") }));
        es.act("chief", "judge", &agree, "delivered").await.unwrap();
        phase(ma, &event, None, "preparing").await;
        let made = ma.act("desk", "chief", &new("readiness", json!({ "scope": [w("Opening match")] })), "delivered").await.unwrap();
        for s in [ma, es] {
            s.act("chief", "judge", &step(made["item"].clone(), "declare_ready", json!({})), "delivered").await.unwrap();
        }
        for s in [ma, es] {
            phase(s, &event, made["item"].as_str(), "passed").await;
        }
        for s in [ma, es] {
            s.act("chief", "judge", &step(Value::Null, "hand_over", json!({})), "delivered").await.unwrap();
        }
        for s in [ma, es] {
            phase(s, &event, None, "operating").await;
        }
        let centre = json!({ "place": place("Lisboa", "PT"), "phone": "+351211000000", "report_times": ["07:00", "19:00"], "until": soon(40 * 1440) });
        let made = es.act("desk", "chief", &new("centre", centre), "delivered").await.unwrap();
        phase(ma, &event, made["item"].as_str(), "open").await;
        event
    })
}
