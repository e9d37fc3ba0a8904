//! Working visit: one story for each path and for each pitfall; the communiqué's hashes and embargo stand in `stories.rs`.

use crate::play::*;
use dossier::{ClockState, OfficerRole::*};
use serde_json::{Value, json};

const VOICE: &str = "refusal.act.voice";

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

/// Germany had accepted and then cannot come: nothing waits for it, and it binds nobody.
#[test]
fn a_guest_that_is_not_coming_any_more_holds_nothing_up() {
    let mut p = received();
    let root = p.root();
    let point = p.add("es", "agenda_point", root, json!({}));
    let kept = p.add("ma", "commitment", root, promise("ma"));
    let owed = p.add("es", "commitment", root, promise("de"));
    let version = p.add("es", "version", root, json!({ "embargo": 5 }));
    for item in [point, version] {
        p.all(&["ma"], item, "agree", json!({}));
    }
    p.all(&["es"], kept, "agree", json!({}));
    p.all(&["ma"], owed, "agree", json!({}));
    assert_eq!([point, kept, owed, version].map(|i| p.phase(i).to_owned()), ["proposed", "proposed", "proposed", "under_discussion"]);
    assert_eq!(p.moves("es", owed, "set_aside", json!({})), GUARD, "its owner is coming");
    p.all(&["de"], root, "decline", json!({ "reason": "agenda" }));
    assert_eq!([point, kept, owed, version].map(|i| p.phase(i).to_owned()), ["on-the-agenda", "agreed", "agreed", "agreed"]);
    assert_eq!(p.moves("de", version, "strike", json!({})), VOICE, "who does not come strikes nothing");
    assert_eq!(p.moves("es", kept, "set_aside", json!({})), GUARD, "Morocco keeps its promise");
    p.all(&["es"], owed, "set_aside", json!({}));
    assert_eq!(p.phase(owed), "declined");
    p.minute = 20;
    p.all(&["es", "ma"], version, "release", json!({}));
    assert_eq!(p.phase(version), "published");
    p.all(&["ma"], kept, "report_done", json!({}));
    p.all(&["es"], kept, "confirm", json!({}));
    p.all(&["es", "ma"], root, "conclude", json!({}));
    assert_eq!((p.phase(kept), p.phase(root)), ("kept", "concluded"));
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

/// Three things are kept apart: the text that all agreed to, what each says for itself, and the list of promises, which nobody publishes.
#[test]
fn an_own_statement_is_neither_the_communique_nor_a_promise() {
    let mut p = received();
    let root = p.root();
    let version = p.add("es", "version", root, json!({ "embargo": 5 }));
    p.all(&["ma", "de"], version, "agree", json!({}));
    assert_eq!(p.approved_by(None).adds("ma", "statement", root, json!({ "text": ["Le pôle communique."] })).0, "refusal.act.four-eyes");
    let own = p.add("ma", "statement", root, json!({ "text": ["Le pôle communique."] }));
    assert_eq!((p.phase(own), p.phase(version)), ("-", "agreed"), "nobody agrees to another's statement, and it changes no agreed text");
    assert_ne!(p.adds("es", "statement", root, json!({ "supersedes": own.to_string() })).0, OK, "nobody corrects another's");
    let m = crate::world::mechanism("working-visit");
    let of = |kind: &str| m.kind(kind).unwrap().fields.iter().map(|f| f.id.clone()).collect::<Vec<_>>();
    assert!(
        !of("version").contains(&"commitments".to_owned()) && !of("statement").iter().any(|f| f.contains("commitment")),
        "no form of a text has a place for promises"
    );
    p.all(&["es", "ma", "de"], root, "conclude", json!({}));
    p.add("ma", "statement", root, json!({ "supersedes": own.to_string() }));
}
