//! Every shipped mechanism is proved; a broken one is refused with the shortest way to where it breaks.

use dossier::{Mechanism, check, matrix, shipped};
use expect_test::expect_file;

#[test]
fn every_shipped_mechanism_is_proved() {
    for m in shipped() {
        let report = check(m);
        for e in &report.explored {
            eprintln!("{} {}: {} combinations, {} in the product ({})", m.id, e.item, e.combinations, e.product, e.parties);
        }
        assert!(report.proved(), "{}: {:#?}", m.id, report.faults);
        eprintln!("{}: {} of {} in work", m.id, report.work, dossier::PROOF_WORK_MAX);
        assert!(report.work < dossier::PROOF_WORK_MAX / 2, "{}: a stranger's may be as large", m.id);
    }
}

#[test]
fn the_limit_of_work_is_for_the_whole_mechanism_and_nothing_is_proved_beyond_it() {
    let m = shipped().iter().find(|m| m.id == "information-request").unwrap();
    let work = check(m).work;
    assert!(dossier::check_within(m, work + 1).proved(), "as much as it takes");
    let cut = dossier::check_within(m, work / 2);
    assert!(cut.too_large && !cut.proved() && cut.faults.is_empty(), "what was cut short has no faults to show and is not proved");
}

#[test]
fn the_golden_matrices_are_what_people_have_read() {
    for m in shipped() {
        let path = format!("{}/matrices/{}.txt", env!("CARGO_MANIFEST_DIR"), m.id);
        expect_file![path].assert_eq(&matrix(m, base::Lang::En));
    }
}

fn broken(id: &str, from: &str, to: &str) -> Vec<(String, String, Vec<String>)> {
    let good = shipped().iter().find(|m| m.id == id).unwrap();
    let text = std::str::from_utf8(good.bytes()).unwrap();
    assert!(text.contains(from), "the text to break is gone");
    let m = Mechanism::parse(text.replacen(from, to, 1).as_bytes()).unwrap();
    check(&m).faults.into_iter().map(|f| (f.code.to_owned(), f.what, f.path)).collect()
}

#[test]
fn a_double_phase_is_named_with_the_way_to_it() {
    let faults = broken("accord", r#"rule = 'party.all(s, s == "signed")'"#, r#"rule = 'party.exists(s, s == "signed")'"#);
    let (code, what, path) = &faults[0];
    assert_eq!(code, "mechanism.phase.double");
    assert!(what.contains("proposed and in-force"), "{what}");
    assert_eq!(path[1..], ["party 1: sign"], "one step is the shortest way");
}

#[test]
fn a_forgotten_combination_is_named_with_the_way_to_it() {
    let faults = broken("accord", r#"party.exists(s, s == "declined") && "#, r#"party.all(s, s == "declined") && "#);
    assert!(faults.iter().any(|(code, _, path)| code == "mechanism.phase.none" && path[1..] == ["party 1: decline"]), "{faults:#?}");
}

#[test]
fn an_unreachable_phase_is_named() {
    let faults = broken("information-request", r#"to = "withdrawn""#, r#"to = "closed""#);
    let codes: Vec<&str> = faults.iter().map(|f| f.0.as_str()).collect();
    assert!(codes.contains(&"mechanism.unreachable.phase") && codes.contains(&"mechanism.unreachable.state"), "{faults:#?}");
}

#[test]
fn a_dead_end_is_named_with_the_way_to_it() {
    let faults = broken("working-visit", "label = {", "label = {");
    assert!(faults.is_empty());
    // A meeting that has taken back its only way on: the clarification that nobody can answer or drop.
    let good = shipped().iter().find(|m| m.id == "accord").unwrap();
    let text = std::str::from_utf8(good.bytes()).unwrap().replace("final = true\n", "");
    let faults = check(&Mechanism::parse(text.as_bytes()).unwrap()).faults;
    let dead = faults.iter().find(|f| f.code == "mechanism.dead-end" || f.code == "mechanism.no-way-out").expect("a dead end");
    assert_eq!(dead.path.len(), 1, "it is there from the start: {dead:#?}");
    let dead = faults.iter().find(|f| f.code == "mechanism.dead-end").expect("nobody can move once all have declined");
    assert!(dead.path.len() >= 3, "{dead:#?}");
}

#[test]
fn a_waiting_phase_without_clock_is_named_with_the_way_to_it() {
    let faults = broken("information-request", r#"runs_in = ["before-the-judge"]"#, r#"runs_in = ["undecided"]"#);
    let (_, what, path) = faults.iter().find(|f| f.0 == "mechanism.no-clock").expect("no clock runs before the judge");
    assert!(what.contains("awaiting_authority"), "{what}");
    assert_eq!(path[1..], ["requested: await_authority"]);
}

#[test]
fn a_crossing_that_reopens_what_ended_is_named() {
    // Without the word "asking" an answer that crosses the withdrawal would bring the request back to life.
    let rule = r#"rule = 'requesting[0] == "withdrawn"'"#;
    let faults = broken(
        "information-request",
        rule,
        r#"rule = 'requesting[0] == "withdrawn" && requested.exists(s, !(s in ["answered", "answered_in_part", "refused"]))'"#,
    );
    assert!(faults.iter().any(|f| f.0 == "mechanism.reopened" || f.0 == "mechanism.phase.none"), "{faults:#?}");
}

#[test]
fn files_that_are_no_mechanisms_are_refused_by_name() {
    let good = std::str::from_utf8(shipped()[0].bytes()).unwrap();
    let code = |text: String| Mechanism::parse(text.as_bytes()).unwrap_err().code();
    assert_eq!(code("id = 1".into()), "refusal.mechanism.shape");
    assert_eq!(code(good.replace("version = 1", "version = 1\nsecret = 2")), "refusal.mechanism.shape");
    assert_eq!(code(good.replacen("from = [\"considering\"]", "from = [\"asleep\"]", 1)), "refusal.mechanism.content");
    assert_eq!(code(good.replacen("party.all(s", "partei.all(s", 1)), "refusal.mechanism.content");
    assert_eq!(code(good.replacen("vocabulary = \"legal-purposes\"", "vocabulary = \"whims\"", 1)), "refusal.mechanism.content");
    assert_eq!(code(format!("{good}{}", " ".repeat(600_000))), "refusal.mechanism.too-large");
    assert_eq!(Mechanism::parse(&[0xff, 0xfe]).unwrap_err().code(), "refusal.mechanism.shape");
    let nested = good.replacen("rule = 'party.all(s, s == \"signed\")'", &format!("rule = '{}true{}'", "(".repeat(40), ")".repeat(40)), 1);
    assert_eq!(code(nested), "refusal.mechanism.content");
}
