//! Statistics from acts alone: both sides find the same table, also when content is erased; what is counted, and what is not.

use crate::play::*;
use crate::world::{at, service};
use base::{ServiceId, UnixMs};
use dossier::statistics::{By, Drawing, Line, RUNNING, Row, Table, chart, csv, table};
use dossier::{Act, Dossier};
use expect_test::expect;
use serde_json::json;
use std::sync::Arc;

const NOW: i64 = 100_000;

/// Three requests of Morocco to Spain and France: answered, refused, and one that still runs.
fn plays() -> Vec<Play> {
    let parties = [("ma", "requesting"), ("es", "requested"), ("fr", "requested")];
    let open = |area: &str| Play::open("information-request", &parties, json!({ "offence": area, "question": ["?"] }));
    let mut answered = open("drug-trafficking");
    let root = answered.root();
    answered.minute = 100;
    answered.all(&["es", "fr"], root, "answer", json!({ "answer": ["Oui."], "reference": "REF-2" }));
    answered.all(&["ma"], root, "close", json!({}));
    let mut refused = open("terrorism");
    refused.minute = 300;
    let root = refused.root();
    refused.all(&["fr"], root, "refuse", json!({ "ground": ["national-security"], "reference": "FR-2" }));
    assert_eq!(refused.moves("ma", root, "close", json!({})), GUARD, "a void act is counted as such");
    vec![answered, refused, open("terrorism")]
}

fn lines(plays: &[Play], who: &str, until: UnixMs) -> Vec<Line> {
    plays
        .iter()
        .filter_map(|p| Line::read(&p.held[p.held.iter().position(|d| d.state().party(&service(who)).is_some()).unwrap()], &service(who), until))
        .collect()
}

fn picture(t: &Table) -> String {
    let names = ["ma", "es", "fr"].map(|n| (service(n).to_string(), n));
    let name = |_: By, code: &str| names.iter().find(|(id, _)| id == code).map_or(code.to_owned(), |(_, n)| n.to_string());
    csv(t, &name).replace("\r\n", "\n")
}

fn counted(by: &[By], among: Option<&ServiceId>) -> Table {
    table(&lines(&plays(), "ma", at(NOW).at), at(0).at, at(NOW).at, by, among)
}

#[test]
fn what_is_counted() {
    expect![[r#"
        mechanism,outcome,dossiers,ended,acts,void,answer_minutes,end_minutes,longest_minutes
        information-request,closed,1,1,4,0,100,102,102
        information-request,running,2,0,3,1,300,,
    "#]]
    .assert_eq(&picture(&counted(&[By::Mechanism, By::Outcome], None)));
    let areas = picture(&counted(&[By::Area], None));
    assert_eq!(areas.lines().count(), 3, "{areas}");
    let answers = picture(&counted(&[By::Partner, By::Answer], None));
    for row in ["es,answered,1,1", "fr,answered,1,1", "fr,refused,1,0", "es,received,2,0", "fr,received,1,0"] {
        assert!(answers.contains(row), "{row} in {answers}");
    }
}

#[test]
fn both_sides_find_the_same_table() {
    let plays = plays();
    let until = at(NOW).at;
    let of = |who: &str, among: &str| {
        let by = [By::Mechanism, By::Area, By::Outcome];
        table(&lines(&plays, who, until), at(0).at, until, &by, Some(&service(among)))
    };
    assert_eq!(of("ma", "es"), of("es", "ma"));
    assert_eq!((of("ma", "es").digest, of("fr", "ma").basis), (of("es", "ma").digest, of("ma", "fr").basis));
    // Who leaves one dossier out is found out by both digests.
    let less = table(&lines(&plays[1..], "es", until), at(0).at, until, &[By::Mechanism, By::Area, By::Outcome], Some(&service("ma")));
    assert!(less.digest != of("ma", "es").digest && less.basis != of("ma", "es").basis);
}

#[test]
fn the_period_cuts_what_was_opened_and_what_happened() {
    let plays = plays();
    let at_minute = |m: i64| table(&lines(&plays, "ma", at(m).at), at(0).at, at(m).at, &[By::Outcome], None);
    let outcomes = |t: &Table| t.rows.iter().map(|r| (r.key[0].clone(), r.dossiers)).collect::<Vec<_>>();
    assert_eq!(outcomes(&at_minute(103)), [("closed".to_owned(), 1), (RUNNING.to_owned(), 2)]);
    assert_eq!(outcomes(&at_minute(102)), [(RUNNING.to_owned(), 3)], "a minute before, the closing had not happened");
    assert_eq!(outcomes(&at_minute(0)), [], "not open before it");
    let later = table(&lines(&plays, "ma", at(NOW).at), at(1).at, at(NOW).at, &[By::Outcome], None);
    assert!(later.rows.is_empty(), "opened before the period");
}

#[test]
fn numbers_stand_when_content_is_erased() {
    let plays = plays();
    let whole = &plays[0].held[0];
    let mut erased = Dossier::new(whole.opening().clone(), Arc::clone(whole.mechanism()), Ok(None));
    for (act, verdict) in whole.timeline() {
        let head = base::cbor::to_vec(act.head());
        erased.restore(Arc::new(Act::decode(&head, None).unwrap()), verdict.clone());
    }
    let line = |d: &Dossier| Line::read(d, &service("ma"), at(NOW).at).unwrap();
    let (before, after) = (line(whole), line(&erased));
    assert_eq!(before.areas, ["drug-trafficking"]);
    assert_eq!(after, Line { areas: vec!["erased".to_owned()], ..before }, "only the area stood in the form");
}

#[test]
fn a_stranger_counts_nothing() {
    assert_eq!(Line::read(&plays()[0].held[0], &service("de"), at(NOW).at), None);
}

#[test]
fn cells_cannot_become_formulas() {
    let t = counted(&[By::Area], None);
    let evil = csv(&t, &|_, _| "=HYPERLINK(\"x\"),\n".to_owned());
    assert!(evil.lines().nth(1).unwrap().starts_with("\"'=HYPERLINK(\"\"x\"\"),"), "{evil}");
}

#[test]
fn a_chart_is_plain_text_in_both_directions() {
    let t = counted(&[By::Outcome], None);
    let draw = |rtl: bool| {
        chart(&t, &Drawing { title: "<Ouverts> & \"clos\"", lang: "fr", rtl, measure: |r: &Row| Some(r.dossiers as i64) }, &|_, code| code.to_owned())
    };
    let svg = draw(false);
    expect![[r##"
        <svg xmlns="http://www.w3.org/2000/svg" width="720" height="100" viewBox="0 0 720 100" role="img" xml:lang="fr" direction="ltr" font-family="sans-serif" font-size="13">
        <title>&lt;Ouverts&gt; &amp; &quot;clos&quot;</title>
        <rect width="720" height="100" fill="white"/>
        <text x="8" y="24" font-size="16" font-weight="bold">&lt;Ouverts&gt; &amp; &quot;clos&quot;</text>
        <text x="8" y="59">closed</text>
        <rect x="260" y="47" width="190" height="16" fill="#1f4e79"/>
        <text x="456" y="59">1</text>
        <text x="8" y="81">running</text>
        <rect x="260" y="69" width="380" height="16" fill="#1f4e79"/>
        <text x="646" y="81">2</text>
        </svg>
    "##]].assert_eq(&svg);
    assert!(draw(true).contains(r#"direction="rtl""#) && draw(true).contains(r#"<rect x="80" y="69" width="380""#), "{}", draw(true));
}
