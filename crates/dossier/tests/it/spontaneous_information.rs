//! Spontaneous information: one story for each path and for each pitfall. Morocco tells Spain and France what they have not asked for.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::json;

const PARTIES: [(&str, &str); 3] = [("ma", "sender"), ("es", "receiver"), ("fr", "receiver")];

fn sent() -> (Play, ItemId) {
    let form = json!({ "conditions": ["no-onward", "no-court"], "expected_action": ["check-own-data"], "feedback_by": 5000, "review_by": "2025-06-30" });
    let p = Play::open("spontaneous-information", &PARTIES, form);
    let root = p.root();
    (p, root)
}

fn held() -> (Play, ItemId) {
    let (mut p, root) = sent();
    p.all(&["es", "fr"], root, "acknowledge", json!({}));
    (p, root)
}

#[test]
fn it_is_checked_by_a_second_officer_and_says_why_under_which_conditions_and_until_when() {
    let whole = json!({ "reference": "RB-1", "legal_basis": "Convention", "purpose": "prevent", "offence": ["drug-trafficking"], "why_relevant": "x",
        "facts": ["x"], "evaluation": ["B2"], "quality": "x", "conditions": ["no-onward"], "expected_action": ["assess"], "feedback_by": 5000,
        "review_by": "2026-01-01", "language": "es" });
    for lacking in ["why_relevant", "conditions", "expected_action", "feedback_by", "review_by", "evaluation", "quality", "reference"] {
        let form: serde_json::Map<_, _> = whole.as_object().unwrap().iter().filter(|(k, _)| *k != lacking).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(Play::tries_bare("ma", "spontaneous-information", &PARTIES, form.into()), "refusal.field.missing", "{lacking}");
    }
    assert_eq!(Play::tries_bare("ma", "spontaneous-information", &PARTIES, whole), OK);
    assert_eq!(Play::tries_unapproved("ma", "spontaneous-information", &PARTIES), "refusal.act.four-eyes");
    assert_eq!(Play::tries_to_open("es", "spontaneous-information", &PARTIES, json!({})), "refusal.act.opening", "a receiver asks by a request");
}

#[test]
fn acknowledged_used_and_erased_at_the_review() {
    let (mut p, root) = sent();
    assert_eq!((p.phase(root), p.own_phase("es", root)), ("out", "unacknowledged"));
    assert_eq!(p.clock("es", root, "acknowledgement"), Some((ClockState::Running, 24 * 60)));
    assert_eq!(p.moves("es", root, "report_use", json!({})), "refusal.act.wrong-state", "what has not arrived is not used");
    assert_eq!(p.bare().moves("es", root, "acknowledge", json!({})), "refusal.field.missing", "two reference numbers always");
    p.all(&["es", "fr"], root, "acknowledge", json!({}));
    assert_eq!(p.clock("es", root, "feedback"), Some((ClockState::Running, 5000)), "the feedback date of the form");
    p.all(&["es"], root, "report_use", json!({ "feedback": "Une saisie." }));
    p.all(&["es"], root, "report_use", json!({ "feedback": "Un second résultat." }));
    assert_eq!((p.own_phase("es", root), p.own_phase("fr", root)), ("in_use", "to_feed_back"));
    assert_eq!(p.clock("es", root, "review").unwrap().0, ClockState::Running);
    p.all(&["fr"], root, "report_not_relevant", json!({}));
    assert_eq!(p.own_phase("fr", root), "to_erase", "what is not needed is not kept");
    p.all(&["fr"], root, "erase", json!({}));
    assert_eq!((p.phase(root), p.own_phase("fr", root)), ("out", "holds_nothing"));
    assert_eq!(p.approved_by(None).moves("es", root, "erase", json!({})), "refusal.act.four-eyes");
    p.all(&["es"], root, "erase", json!({}));
    assert_eq!(p.phase(root), "erased");
}

/// A receiver was not asked, so it cannot refuse: it rejects on a ground, and then it must erase.
#[test]
fn rejected_as_unlawful_is_erased() {
    let (mut p, root) = sent();
    assert_eq!(p.moves("es", root, "refuse", json!({})), "refusal.act.unknown-move");
    assert_eq!(p.bare().moves("es", root, "reject", json!({})), "refusal.field.missing", "a rejection names its ground");
    p.all(&["es"], root, "reject", json!({ "ground": ["outside-scope"] }));
    assert_eq!(p.own_phase("es", root), "to_erase");
    assert_eq!(p.clock("es", root, "erasure"), Some((ClockState::Running, p.minute - 1 + 3 * 24 * 60)));
    for name in ["acknowledge", "report_use", "keep"] {
        assert_eq!(p.moves("es", root, name, json!({})), "refusal.act.wrong-state", "{name}: what was rejected is not used");
    }
    p.all(&["es"], root, "erase", json!({}));
    assert_eq!((p.own_phase("es", root), p.own_phase("fr", root)), ("holds_nothing", "unacknowledged"));
}

#[test]
fn a_recall_is_answered_by_everybody_who_holds_it() {
    let (mut p, root) = held();
    p.all(&["fr"], root, "report_use", json!({}));
    assert_eq!(p.moves("fr", root, "keep", json!({})), GUARD, "nothing was recalled");
    assert_eq!(p.moves("ma", root, "recall", json!({ "reason": ["acquitted-or-dropped"] })), OK);
    assert_eq!((p.phase(root), p.own_phase("es", root), p.own_phase("fr", root)), ("recalled", "to_erase", "to_erase"));
    p.all(&["es"], root, "erase", json!({}));
    assert_eq!(p.phase(root), "recalled", "France has not answered");
    assert_eq!(p.moves("fr", root, "report_use", json!({})), OK, "feedback may still come");
    assert_eq!(p.as_role(Desk).moves("fr", root, "keep", json!({ "ground": ["evidence"] })), "refusal.act.officer-role");
    assert_eq!(p.bare().moves("fr", root, "keep", json!({})), "refusal.field.missing", "kept only on a ground");
    p.all(&["fr"], root, "keep", json!({ "ground": ["evidence"] }));
    assert_eq!((p.phase(root), p.own_phase("fr", root)), ("kept_by_some", "keeps"), "the phase says who still holds it");
    assert_eq!(p.clock("fr", root, "kept_review").unwrap().0, ClockState::Running, "the ground is looked at again");
    p.all(&["fr"], root, "erase", json!({}));
    assert_eq!(p.phase(root), "erased");
}

#[test]
fn a_recall_reaches_also_who_has_not_acknowledged() {
    let (mut p, root) = sent();
    p.all(&["ma"], root, "recall", json!({}));
    assert_eq!(p.own_phase("es", root), "to_erase", "its node has it");
    p.all(&["es", "fr"], root, "erase", json!({}));
    assert_eq!(p.phase(root), "erased");
}

#[test]
fn a_recall_crosses_its_use() {
    let (mut p, root) = held();
    let verdicts = p.cross(&[("ma", root, "recall", json!({})), ("es", root, "report_use", json!({}))]);
    assert_eq!((verdicts, p.own_phase("es", root)), (vec![OK.to_owned(), OK.to_owned()], "to_erase"), "the recall counts");
}

#[test]
fn a_correction_is_answered_by_every_receiver() {
    let (mut p, root) = held();
    assert_eq!(p.approved_by(None).adds("ma", "correction", root, json!({})).0, "refusal.act.four-eyes");
    assert_ne!(p.adds("es", "correction", root, json!({})).0, OK, "nobody rewrites another's information");
    let c = p.add("ma", "correction", root, json!({ "right": ["La plaque est 0000-YYY."] }));
    p.all(&["es"], c, "correct", json!({}));
    assert_eq!(p.phase(c), "open", "France has not answered");
    assert_eq!(p.bare().moves("fr", c, "mark", json!({})), "refusal.field.missing");
    p.all(&["fr"], c, "mark", json!({ "ground": ["accuracy-contested"] }));
    assert_eq!(p.phase(c), "answered");
    p.all(&["fr"], root, "erase", json!({}));
    let again = p.add("ma", "correction", root, json!({}));
    p.all(&["es"], again, "correct", json!({}));
    p.all(&["fr"], again, "hold_nothing", json!({}));
    assert_eq!(p.phase(again), "answered");
    p.all(&["ma"], root, "recall", json!({}));
    assert_eq!(p.adds("ma", "correction", root, json!({})).0, "refusal.act.wrong-phase", "what is recalled is not corrected any more");
}

/// Information is not evidence: another use needs the owner's consent, for which the same item is asked as in a request.
#[test]
fn another_use_needs_the_senders_consent() {
    let (mut p, root) = held();
    let consent = p.add("es", "consent", root, json!({ "owner": "ma", "use": "court" }));
    assert_eq!(p.moves("fr", consent, "grant", json!({})), GUARD, "France does not own it");
    assert_eq!(p.as_role(Officer).moves("ma", consent, "grant", json!({})), "refusal.act.officer-role");
    p.all(&["ma"], consent, "grant", json!({}));
    assert_eq!(p.phase(consent), "granted");
    let other = p.add("fr", "consent", root, json!({ "owner": "ma", "use": "onward" }));
    p.all(&["ma"], other, "deny", json!({ "treaty_ground": ["security"] }));
    assert_eq!(p.phase(other), "denied");
}

/// The clocks are the accord's; a person's category goes with each person, and a correction names the one that holds now.
#[test]
fn a_person_always_has_a_category() {
    let person = json!({ "given": { "lang": "fr", "text": "Exemple" }, "family": { "lang": "fr", "text": "Inventé" } });
    let (mut p, root) = held();
    let with = |category: &str| {
        let mut one = person.clone();
        one["category"] = json!(category);
        json!({ "persons": [one] })
    };
    p.add("ma", "correction", root, with("witness"));
    let fault = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sent().0.add("ma", "correction", root, json!({ "persons": [person] }))));
    assert!(fault.is_err(), "a person without a category is not written");
}
