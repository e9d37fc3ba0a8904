//! Expert exchange: one story for each path and for each pitfall.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, FieldType, OfficerRole::*};
use serde_json::json;

const PARTIES: [(&str, &str); 2] = [("ma", "asking"), ("es", "offering")];
const BOTH: [&str; 2] = ["ma", "es"];

fn asked() -> (Play, ItemId) {
    let p = Play::open("expert-exchange", &PARTIES, json!({}));
    let root = p.root();
    (p, root)
}

/// Spain has offered and both have agreed the terms.
fn running() -> (Play, ItemId) {
    let (mut p, root) = asked();
    p.all(&["es"], root, "offer", json!({}));
    let terms = p.add("es", "terms", root, json!({}));
    p.all(&["ma"], terms, "agree", json!({}));
    assert_eq!((p.phase(terms), p.phase(root)), ("agreed", "exchanging"));
    (p, root)
}

/// A Spanish expert whom Morocco has accepted, and a mission that both have agreed.
fn under_way() -> (Play, ItemId, ItemId, ItemId) {
    let (mut p, root) = running();
    let expert = p.add("es", "nomination", root, json!({}));
    p.all(&["ma"], expert, "accept", json!({}));
    let mission = p.add("ma", "mission", expert, json!({ "activity": "training" }));
    p.all(&["es"], mission, "agree", json!({}));
    assert_eq!((p.phase(expert), p.phase(mission)), ("accepted", "under_way"));
    (p, root, expert, mission)
}

#[test]
fn from_the_need_to_what_was_done_with_the_lesson() {
    let (mut p, root, expert, mission) = under_way();
    for who in BOTH {
        p.add(who, "report", mission, json!({}));
    }
    p.all(&BOTH, mission, "end", json!({}));
    assert_eq!(p.phase(mission), "done");
    p.all(&["es"], expert, "finish", json!({}));
    let lesson = p.add("ma", "lesson", root, json!({}));
    p.all(&["es"], lesson, "agree", json!({}));
    assert_eq!((p.phase(expert), p.phase(lesson)), ("finished", "published"));
    let follow_up = p.add("ma", "follow_up", root, json!({}));
    p.all(&BOTH, root, "conclude", json!({}));
    assert_eq!((p.phase(root), p.phase(follow_up)), ("concluded", "waits_asking"));
    assert_eq!(p.moves("es", follow_up, "report", json!({})), "refusal.act.unknown-move", "it is Morocco's own");
    p.all(&["ma"], follow_up, "report", json!({}));
    assert_eq!(p.phase(follow_up), "done", "a follow-up outlives the exchange");
}

#[test]
fn nobody_is_named_before_the_terms_are_agreed() {
    let (mut p, root) = asked();
    assert_eq!(p.adds("es", "terms", root, json!({})).0, "refusal.act.wrong-phase", "no offer, no terms");
    p.all(&["es"], root, "offer", json!({}));
    let terms = p.add("es", "terms", root, json!({}));
    assert_eq!(p.adds("es", "nomination", root, json!({})).0, "refusal.act.wrong-phase", "the terms are only proposed");
    assert_eq!(p.moves("es", terms, "agree", json!({})), "refusal.act.wrong-state", "nobody agrees for the other");
    assert_eq!(p.approved_by(None).moves("ma", terms, "agree", json!({})), "refusal.act.four-eyes");
    p.all(&["ma"], terms, "agree", json!({}));
    assert_eq!(p.moves("es", terms, "take_back", json!({})), "refusal.act.ended", "agreed is agreed");
    p.add("es", "nomination", root, json!({}));
}

#[test]
fn terms_name_costs_status_and_insurance_and_give_no_powers_by_silence() {
    let (mut p, root) = asked();
    p.all(&["es"], root, "offer", json!({}));
    let costs_only = p.bare().adds("es", "terms", root, json!({ "travel_by": "ma", "stay_by": "ma" })).0;
    assert_eq!(costs_only, "refusal.field.missing", "status and insurance lack");
    let first = p.add("es", "terms", root, json!({ "powers": "Aucune ; sans arme." }));
    assert_eq!(p.bare().moves("ma", first, "oppose", json!({})), "refusal.field.missing", "a ground is named");
    p.all(&["ma"], first, "oppose", json!({ "reason": ["powers"] }));
    assert_eq!((p.phase(first), p.phase(root)), ("dropped", "settling"));
    assert_eq!(p.adds("ma", "terms", root, json!({ "replaces": first.to_string() })).0, "refusal.field.wrong", "who proposed them replaces them");
    let second = p.add("es", "terms", root, json!({ "replaces": first.to_string() }));
    p.all(&["ma"], second, "agree", json!({}));
    assert_eq!(p.phase(root), "exchanging");
}

#[test]
fn who_receives_vets_and_owes_no_more_than_the_outcome() {
    let (mut p, root) = running();
    let expert = p.add("es", "nomination", root, json!({}));
    assert_eq!(p.phase(expert), "waits_asking");
    assert_eq!(p.moves("es", expert, "accept", json!({})), "refusal.act.wrong-state", "nobody accepts its own");
    assert_eq!(p.adds("ma", "mission", expert, json!({})).0, "refusal.act.wrong-phase", "no mission before vetting");
    assert_eq!(p.approved_by(None).moves("ma", expert, "accept", json!({})), "refusal.act.four-eyes");
    p.all(&["ma"], expert, "refuse", json!({ "reason": ["vetting"] }));
    assert_eq!((p.phase(expert), p.phase(root)), ("refused", "exchanging"), "another may be nominated");
    let observer = p.add("ma", "nomination", root, json!({}));
    assert_eq!(p.phase(observer), "waits_offering", "observers travel the other way, and the host vets them");
    p.all(&["es"], observer, "accept", json!({}));
    p.add("ma", "mission", observer, json!({ "activity": "observation" }));
}

#[test]
fn a_mission_ends_with_both_reports() {
    let (mut p, _, expert, mission) = under_way();
    assert_eq!(p.moves("es", mission, "end", json!({})), GUARD, "no report");
    let report = p.add("ma", "report", mission, json!({}));
    assert_eq!(p.moves("es", mission, "end", json!({})), GUARD, "another's report is not its own");
    p.all(&["ma"], mission, "end", json!({}));
    assert_eq!(p.moves("es", expert, "finish", json!({})), GUARD, "the mission is not over");
    assert_eq!(p.adds("es", "report", mission, json!({ "replaces": report.to_string() })).0, "refusal.field.wrong", "nobody rewrites the other's");
    p.add("es", "report", mission, json!({}));
    p.all(&["es"], mission, "end", json!({}));
    p.all(&["es"], expert, "finish", json!({}));
}

#[test]
fn either_breaks_off_at_once_and_a_recalled_expert_is_still_reported() {
    let (mut p, root, expert, mission) = under_way();
    p.all(&["es"], expert, "recall", json!({ "reason": ["expert-withdrew"] }));
    assert_eq!((p.phase(expert), p.phase(mission)), ("recalled", "under_way"));
    assert_eq!(p.bare().moves("ma", mission, "break_off", json!({})), "refusal.field.missing", "a reason is named");
    p.all(&["ma"], mission, "break_off", json!({ "reason": ["turned-operational"] }));
    assert_eq!(p.phase(mission), "broken_off");
    p.add("es", "report", mission, json!({}));
    p.all(&["es"], root, "decline", json!({ "reason": ["safety"] }));
    assert_eq!(p.phase(root), "declined");
    p.add("ma", "report", mission, json!({}));
}

#[test]
fn a_mission_runs_only_when_both_have_agreed_it() {
    let (mut p, root) = running();
    let expert = p.add("es", "nomination", root, json!({}));
    p.all(&["ma"], expert, "accept", json!({}));
    let mission = p.add("es", "mission", expert, json!({}));
    assert_eq!(p.phase(mission), "waits_asking");
    assert_eq!(p.adds("es", "report", mission, json!({})).0, "refusal.act.wrong-phase", "nothing to report yet");
    let crossed = p.cross(&[("es", mission, "break_off", json!({ "reason": ["timing"] })), ("ma", mission, "agree", json!({}))]);
    assert_eq!((crossed, p.phase(mission)), (vec![OK.to_owned(), OK.to_owned()], "broken_off"), "breaking off prevails");
    let other = p.add("es", "mission", expert, json!({}));
    p.all(&["ma"], other, "decline", json!({ "reason": ["too-sensitive"] }));
    assert_eq!(p.phase(other), "declined");
}

#[test]
fn a_lesson_is_published_by_both_or_not_at_all() {
    let (mut p, root) = running();
    let lesson = p.add("es", "lesson", root, json!({}));
    assert_eq!(p.moves("ma", root, "conclude", json!({})), GUARD, "a lesson waits");
    assert_eq!(p.as_role(Officer).moves("ma", lesson, "object", json!({})), "refusal.act.officer-role");
    p.as_role(DataProtection).all(&["ma"], lesson, "object", json!({ "reason": ["personal-data"] }));
    assert_eq!(p.phase(lesson), "unpublished");
    let again = p.add("es", "lesson", root, json!({ "replaces": lesson.to_string() }));
    p.all(&["es"], again, "take_back", json!({}));
    assert_eq!(p.phase(again), "unpublished");
    p.all(&BOTH, root, "conclude", json!({}));
    assert_eq!(p.phase(root), "concluded");
}

#[test]
fn a_need_may_be_declined_or_withdrawn_and_waits_with_a_clock() {
    let (mut p, root) = asked();
    assert_eq!(p.clock("es", root, "offer").map(|c| c.0), Some(ClockState::Running));
    assert_eq!(p.clock("ma", root, "offer"), None, "the clock is the offering service's");
    assert_eq!(p.moves("ma", root, "conclude", json!({})), GUARD, "there is no offer");
    let (lapsed, full) = (json!({ "reason": ["need-lapsed"] }), json!({ "reason": ["capacity"] }));
    let crossed = p.cross(&[("ma", root, "withdraw", lapsed), ("es", root, "decline", full)]);
    assert_eq!((crossed, p.phase(root)), (vec![OK.to_owned(), OK.to_owned()], "withdrawn"));
    let (mut p, root) = asked();
    assert_eq!(p.bare().moves("es", root, "decline", json!({})), "refusal.field.missing", "a ground is named");
    p.all(&["es"], root, "decline", json!({ "reason": ["human-rights"] }));
    assert_eq!(p.phase(root), "declined");
    assert_eq!(Play::tries_unapproved("ma", "expert-exchange", &PARTIES), "refusal.act.four-eyes");
}

#[test]
fn no_form_has_a_place_for_a_case_or_for_anybody_but_the_expert() {
    let m = crate::world::mechanism("expert-exchange");
    let forms = m.items.iter().flat_map(|k| std::iter::once(&k.fields).chain(k.moves.iter().map(|m| &m.fields)));
    for field in forms.flatten() {
        use FieldType::*;
        let of_a_case = matches!(field.kind, Person | Document | Vehicle | Vessel | Phone | Account | Exhibit | Evaluation);
        assert!(!of_a_case, "{} could hold data of a case", field.id);
    }
    let named = m.items.iter().filter(|k| k.fields.iter().any(|f| f.id == "name"));
    assert_eq!(named.map(|k| k.id.as_str()).collect::<Vec<_>>(), ["nomination"]);
    let (mut p, root) = running();
    assert_eq!(p.adds("es", "nomination", root, json!({ "suspect": "Inventé" })).0, "refusal.field.unknown");
    assert_eq!(p.bare().adds("es", "nomination", root, json!({ "name": "Inventé Exemple" })).0, "refusal.field.missing", "the expert agrees");
}
