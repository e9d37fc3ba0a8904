//! Information request: one story for each path and for each pitfall.

use crate::play::*;
use dossier::{ClockState, OfficerRole::*};
use serde_json::{Value, json};

/// Morocco asks Spain and France.
fn asked(form: Value) -> Play {
    Play::open("information-request", &[("ma", "requesting"), ("es", "requested"), ("fr", "requested")], form)
}

#[test]
fn a_second_officer_sends_it_and_the_form_is_whole() {
    let parties = [("ma", "requesting"), ("es", "requested")];
    assert_eq!(Play::tries_unapproved("ma", "information-request", &parties), "refusal.act.four-eyes");
    assert_eq!(Play::tries_bare("ma", "information-request", &parties, json!({})), "refusal.field.missing");
    assert_eq!(Play::tries_to_open("es", "information-request", &parties, json!({})), "refusal.act.opening", "who is asked does not ask");
}

#[test]
fn accepted_answered_in_part_then_whole_by_each_for_itself() {
    let mut p = asked(json!({}));
    let root = p.root();
    assert_eq!(p.moves("es", root, "answer_part", json!({})), "refusal.act.wrong-state", "what is not accepted is not worked on");
    p.all(&["es"], root, "accept", json!({}));
    p.all(&["es"], root, "answer_part", json!({}));
    assert_eq!((p.phase(root), p.own_phase("es", root), p.own_phase("fr", root)), ("open", "in-work", "undecided"));
    p.all(&["es", "fr"], root, "answer", json!({ "reference": "REF-2", "conditions": ["no-onward"] }));
    assert_eq!((p.phase(root), p.own_phase("es", root)), ("answered-by-all", "answer-given"));
    p.all(&["ma"], root, "close", json!({ "outcome": "Utile." }));
    assert_eq!(p.phase(root), "closed");
    assert_eq!(p.adds("es", "note", root, json!({})).0, "refusal.act.ended");
}

#[test]
fn refused_on_a_ground_of_either_list_and_never_without() {
    for mut ground in [json!({ "ground": ["harm-to-investigation-or-person"] }), json!({ "treaty_ground": ["sovereignty"] })] {
        ground["reference"] = json!("ES-2");
        let mut p = asked(json!({}));
        let root = p.root();
        assert_eq!(p.moves("es", root, "refuse", json!({ "explanation": "Non.", "reference": "ES-2" })), GUARD, "no ground, no refusal");
        assert_eq!(p.approved_by(None).moves("es", root, "refuse", ground.clone()), "refusal.act.four-eyes");
        assert_eq!(p.moves("es", root, "refuse", ground), OK);
        assert_eq!((p.phase(root), p.own_phase("es", root)), ("open", "answer-refused"), "the other still answers");
        assert_eq!(p.moves("ma", root, "close", json!({})), GUARD);
    }
}

#[test]
fn one_part_is_answered_and_the_rest_refused() {
    let mut p = asked(json!({}));
    let root = p.root();
    assert_eq!(p.moves("es", root, "answer_and_refuse_rest", json!({ "reference": "ES-2" })), GUARD, "the refused part has its ground");
    assert_eq!(p.bare().moves("es", root, "answer_and_refuse_rest", json!({ "ground": ["owner-did-not-consent"] })), "refusal.field.missing");
    p.all(&["es"], root, "answer_and_refuse_rest", json!({ "ground": ["owner-did-not-consent"], "reference": "ES-2" }));
    assert_eq!((p.stance("es", root), p.own_phase("es", root)), ("answered_in_part", "answer-given"));
}

#[test]
fn a_judge_is_awaited_with_notice_of_the_delay_and_then_it_goes_on_or_is_refused() {
    let mut p = asked(json!({}));
    let root = p.root();
    assert_eq!(p.bare().moves("es", root, "await_authority", json!({ "authority": "Juge" })), "refusal.field.missing", "length and reason are stated");
    p.all(&["es", "fr"], root, "await_authority", json!({ "expected_delay": "P10D", "reference": "REF-2" }));
    assert_eq!(p.own_phase("es", root), "before-the-judge");
    assert_eq!(p.clock("es", root, "answer").unwrap().0, ClockState::Paused, "the clock of the answer stands still");
    assert_eq!(p.clock("es", root, "authority").unwrap().0, ClockState::Running, "and another one runs");
    assert_eq!(p.as_role(Desk).moves("es", root, "authorised", json!({})), "refusal.act.officer-role");
    p.all(&["es"], root, "authorised", json!({}));
    assert_eq!((p.own_phase("es", root), p.clock("es", root, "answer").unwrap().0), ("in-work", ClockState::Running));
    p.all(&["fr"], root, "refuse", json!({ "ground": ["judicial-authorisation-refused"] }));
    assert_eq!(p.own_phase("fr", root), "answer-refused");
}

#[test]
fn a_clarification_stops_the_clock_of_who_asked_for_it_and_of_nobody_else() {
    let mut p = asked(json!({}));
    let root = p.root();
    let question = p.add("es", "clarification", root, json!({}));
    let states = |p: &Play| ["es", "fr"].map(|who| p.clock(who, root, "answer").unwrap().0);
    assert_eq!(states(&p), [ClockState::Paused, ClockState::Running]);
    assert_eq!(p.moves("fr", question, "drop", json!({})), "refusal.act.unknown-move", "it is not its question");
    p.all(&["ma"], question, "cannot_give", json!({}));
    assert_eq!((p.phase(question), states(&p)), ("not-given", [ClockState::Running; 2]));
    let again = p.add("es", "clarification", root, json!({}));
    p.all(&["es"], again, "drop", json!({}));
    assert_eq!((p.phase(again), states(&p)), ("dropped", [ClockState::Running; 2]));
}

#[test]
fn withdrawn_by_who_asked_while_an_answer_is_on_its_way() {
    let mut p = asked(json!({}));
    let root = p.root();
    let verdicts = p.cross(&[
        ("ma", root, "withdraw", json!({ "reason": { "lang": "fr", "text": "Affaire close." } })),
        ("es", root, "accept", json!({ "reference": "X" })),
    ]);
    assert_eq!((verdicts, p.phase(root)), (vec![OK.to_owned(), OK.to_owned()], "withdrawn"));
    assert_eq!(p.own_phase("es", root), "over");
    assert_eq!(p.moves("fr", root, "answer", json!({})), "refusal.act.ended");
}

/// 8 hours, 3 and 7 days bind members of the Union; a clock is the mechanism's, by the urgency, and the accord's where it says otherwise.
#[test]
fn the_clock_is_data_and_follows_the_urgency() {
    for (urgency, minutes) in [("urgent-direct", 8 * 60), ("urgent-indirect", 3 * 1440), ("ordinary", 7 * 1440)] {
        let p = asked(json!({ "urgency": urgency }));
        assert_eq!(p.clock("es", p.root(), "answer"), Some((ClockState::Running, minutes)), "{urgency}");
    }
}

#[test]
fn another_use_and_a_correction_also_after_the_end() {
    let mut p = asked(json!({}));
    let root = p.root();
    p.all(&["es", "fr"], root, "answer", json!({ "reference": "REF-2" }));
    p.all(&["ma"], root, "close", json!({}));
    let court = p.add("ma", "consent", root, json!({ "owner": "es", "use": "court" }));
    assert_eq!(p.moves("fr", court, "grant", json!({})), GUARD, "it is not the owner");
    assert_eq!(p.moves("es", court, "deny", json!({})), GUARD, "a denial has its ground");
    p.all(&["es"], court, "grant", json!({}));
    assert_eq!(p.phase(court), "granted");
    let wrong = p.add("es", "correction", root, json!({ "erase": true }));
    p.all(&["ma"], wrong, "confirm", json!({}));
    assert_eq!(p.phase(wrong), "pending", "France was told too");
    p.all(&["fr"], wrong, "confirm", json!({}));
    assert_eq!(p.phase(wrong), "confirmed");
}

/// A person is a suspect until told otherwise, and otherwise is told by a correction that every party confirms; an acquittal asks for erasure.
#[test]
fn a_persons_category_changes_by_a_correction_only_and_an_acquittal_asks_for_erasure() {
    let person =
        |category: &str| json!([{ "given": { "lang": "fr", "text": "Exemple" }, "family": { "lang": "fr", "text": "Inventé" }, "category": category }]);
    let mut p = asked(json!({ "persons": person("suspect") }));
    let root = p.root();
    let m = crate::world::mechanism("information-request");
    let says_persons = m.root().moves.iter().filter(|mv| mv.role == "requesting" && mv.fields.iter().any(|f| f.id == "persons"));
    assert_eq!(says_persons.count(), 0, "no move changes what the request said of a person");
    let now = p.add("ma", "correction", root, json!({ "persons": person("witness"), "erase": false }));
    assert_eq!((p.phase(now), p.clock("es", now, "requested_confirms").unwrap().0), ("pending", ClockState::Running));
    p.all(&["es"], now, "confirm", json!({}));
    assert_eq!(p.phase(now), "pending", "nobody is passed over in silence");
    p.all(&["fr"], now, "confirm", json!({}));
    assert_eq!(p.phase(now), "confirmed");
    p.all(&["ma"], root, "withdraw", json!({}));
    assert_eq!(p.bare().adds("ma", "correction", root, json!({ "what": "Acquitté." })).0, "refusal.field.missing", "whether to erase is said");
    let acquitted = p.add("ma", "correction", root, json!({ "erase": true }));
    p.all(&["es", "fr"], acquitted, "confirm", json!({}));
    assert_eq!(p.phase(acquitted), "confirmed", "also after the end");
}

/// Two reference numbers always: ours in the form, theirs in the acceptance, or in the answer or refusal that comes without one.
#[test]
fn both_sides_have_their_reference() {
    let mut p = asked(json!({}));
    let root = p.root();
    assert_eq!(p.bare().moves("es", root, "accept", json!({})), "refusal.field.missing");
    p.all(&["es"], root, "accept", json!({ "reference": "ES-1" }));
    let s = p.held[0].state();
    let item = s.item(&root).unwrap();
    assert!(item.fields.get("reference").is_some() && item.said[1].get("reference").is_some());
    p.all(&["es"], root, "answer", json!({}));
    assert_eq!(p.moves("fr", root, "answer", json!({})), GUARD, "France has not named its own");
    for name in ["await_authority", "refuse", "answer_and_refuse_rest"] {
        assert_eq!(
            p.moves("fr", root, name, json!(if name == "await_authority" { json!({}) } else { json!({ "ground": ["not-available"] }) })),
            GUARD,
            "{name}"
        );
    }
    p.all(&["fr"], root, "answer", json!({ "reference": "FR-1" }));
    assert_eq!(p.phase(root), "answered-by-all");
}
