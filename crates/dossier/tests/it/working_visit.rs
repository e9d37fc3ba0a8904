//! Working visit: one story for each path and for each pitfall; the communiqué's hashes and embargo stand in `stories.rs`.

use crate::play::*;
use dossier::{ClockState, OfficerRole::*};
use serde_json::{Value, json};

/// Spain receives Morocco and Germany.
fn invited() -> Play {
    Play::open("working-visit", &[("es", "host"), ("ma", "guest"), ("de", "guest")], json!({}))
}

fn received() -> Play {
    let mut p = invited();
    let root = p.root();
    p.all(&["ma", "de"], root, "accept", json!({}));
    p
}

fn promise(owner: &str) -> Value {
    json!({ "owner": owner, "due": "2030-06-13" })
}

#[test]
fn invited_received_promised_kept_and_concluded() {
    let mut p = received();
    let root = p.root();
    assert_eq!(p.phase(root), "visit");
    let point = p.add("es", "agenda_point", root, json!({}));
    p.all(&["ma", "de"], point, "agree", json!({}));
    assert_eq!(p.phase(point), "on-the-agenda");
    let kept = p.add("ma", "commitment", root, promise("ma"));
    assert_eq!(p.moves("es", root, "conclude", json!({})), GUARD, "a promise is only proposed");
    p.all(&["es", "de"], kept, "agree", json!({}));
    for who in ["es", "ma", "de"] {
        p.all(&[who], root, "conclude", json!({}));
    }
    assert_eq!(p.phase(root), "follow-up", "what was promised is tracked after the visit");
    assert_eq!(p.moves("es", kept, "report_done", json!({})), GUARD, "another's promise");
    assert_eq!(p.moves("es", kept, "confirm", json!({})), GUARD, "nothing is reported");
    p.all(&["ma"], kept, "report_done", json!({}));
    assert_eq!((p.phase(kept), p.phase(root)), ("reported", "follow-up"));
    p.all(&["es", "de"], kept, "confirm", json!({}));
    assert_eq!((p.phase(kept), p.phase(root)), ("kept", "concluded"));
}

#[test]
fn cancelled_by_the_host_or_declined_by_all_guests_with_a_reason() {
    let mut p = invited();
    let root = p.root();
    assert_eq!(p.bare().moves("es", root, "cancel", json!({})), "refusal.field.missing");
    p.all(&["es"], root, "cancel", json!({ "reason": "timing" }));
    assert_eq!(p.phase(root), "cancelled");
    let mut p = invited();
    let root = p.root();
    p.all(&["ma"], root, "decline", json!({ "reason": "agenda" }));
    assert_eq!(p.phase(root), "invitation", "the other has not answered");
    p.all(&["de"], root, "decline", json!({ "reason": "agenda" }));
    assert_eq!(p.phase(root), "declined");
}

#[test]
fn either_side_strikes_an_agenda_point_or_declines_a_promise() {
    let mut p = received();
    let root = p.root();
    let point = p.add("ma", "agenda_point", root, json!({}));
    p.all(&["de"], point, "strike", json!({}));
    assert_eq!(p.phase(point), "struck");
    assert_eq!(p.moves("es", point, "agree", json!({})), "refusal.act.ended");
    let asked = p.add("de", "commitment", root, promise("es"));
    p.all(&["es"], asked, "decline", json!({}));
    assert_eq!(p.phase(asked), "declined", "nobody is bound by what another proposes");
}

#[test]
fn either_side_strikes_a_communique_and_the_agreement_is_over_the_same_hashes() {
    let mut p = received();
    let root = p.root();
    let version = p.add("es", "version", root, json!({}));
    assert_eq!(p.as_role(Desk).moves("ma", version, "agree", json!({})), "refusal.act.officer-role");
    p.all(&["ma"], version, "agree", json!({}));
    p.all(&["de"], version, "strike", json!({ "reason": "not-authorised", "sentence": "…" }));
    assert_eq!(p.phase(version), "struck");
    assert_eq!(p.moves("ma", version, "release", json!({})), "refusal.act.ended");
    let next = p.add("es", "version", root, json!({}));
    assert_eq!(p.phase(next), "under_discussion", "what was agreed to before is agreed to anew");
}

/// A promise has an owner and a day; when the day is over, it is the owner who is late, and nobody else.
#[test]
fn a_promise_that_is_late_is_its_owners() {
    let mut p = received();
    let root = p.root();
    let late = p.add("ma", "commitment", root, json!({ "owner": "de", "due": "2020-01-01" }));
    p.all(&["es", "de"], late, "agree", json!({}));
    assert_eq!(p.clock("de", late, "due_guest").map(|c| c.0), Some(ClockState::Expired));
    assert_eq!((p.clock("ma", late, "due_guest"), p.clock("es", late, "due")), (None, None));
}
