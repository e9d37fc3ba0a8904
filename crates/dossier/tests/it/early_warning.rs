//! Early warning: one story for each path and for each pitfall. Spain warns Morocco, France and Portugal.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::json;

const ALL: [&str; 3] = ["ma", "fr", "pt"];
const PARTIES: [(&str, &str); 4] = [("es", "issuer"), ("ma", "recipient"), ("fr", "recipient"), ("pt", "recipient")];

fn issued() -> (Play, ItemId) {
    let form = json!({ "article_3": "not-concerned", "from": 100, "until": 900, "expires": 1000, "credibility": "B3" });
    let p = Play::open("early-warning", &PARTIES, form);
    let root = p.root();
    (p, root)
}

fn in_force() -> (Play, ItemId) {
    let (mut p, root) = issued();
    p.all(&ALL, root, "acknowledge", json!({}));
    (p, root)
}

#[test]
fn a_second_officer_checks_it_and_every_part_is_there() {
    let whole = json!({ "reference": "A-1", "legal_basis": "x", "purpose": "protect-public-security", "offence": ["terrorism"], "threat": ["x"],
        "from": 100, "until": 900, "places": ["Stade"], "credibility": "B3", "recommended": ["x"], "not_to_do": ["x"], "contact": "x",
        "contact_phone": "+34910000000", "expires": 1000, "article_3": "not-concerned", "article_3_reasons": "x" });
    for lacking in [
        "threat",
        "from",
        "until",
        "places",
        "credibility",
        "recommended",
        "not_to_do",
        "contact",
        "contact_phone",
        "expires",
        "article_3",
        "article_3_reasons",
    ] {
        let form: serde_json::Map<_, _> = whole.as_object().unwrap().iter().filter(|(k, _)| *k != lacking).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(Play::tries_bare("es", "early-warning", &PARTIES, form.into()), "refusal.field.missing", "{lacking}");
    }
    assert_eq!(Play::tries_bare("es", "early-warning", &PARTIES, whole), OK);
    assert_eq!(Play::tries_unapproved("es", "early-warning", &PARTIES), "refusal.act.four-eyes", "one officer alone warns nobody");
}

/// There is no code for a finding that Article 3 forbids, so such a warning cannot be written.
#[test]
fn no_finding_lets_a_political_warning_out() {
    let codes: Vec<String> = base::Vocabulary::get("article-3-findings").unwrap().entries.iter().map(|e| e.code.clone()).collect();
    assert_eq!(codes, ["not-concerned", "ordinary-crime-predominates"]);
    assert!(base::Vocabulary::get("objection-grounds-warning").unwrap().entries.iter().any(|e| e.code == "political"), "but it is a ground to object");
}

#[test]
fn named_duty_officers_acknowledge_in_minutes_or_it_is_escalated() {
    let (mut p, root) = issued();
    assert_eq!((p.phase(root), p.own_phase("ma", root)), ("alerting", "unacknowledged"));
    assert_eq!(p.clock("ma", root, "acknowledgement"), Some((ClockState::Running, 30)));
    assert_eq!(p.clock("es", root, "escalation"), Some((ClockState::Running, 45)), "the issuer answers for escalating");
    let named = json!({ "reference": "X", "desk": "PC", "duty_officer": "Exemple Inventé", "phone": "+212500000000", "taken_at": 5 });
    for lacking in ["duty_officer", "desk", "phone", "taken_at", "reference"] {
        let form: serde_json::Map<_, _> = named.as_object().unwrap().iter().filter(|(k, _)| *k != lacking).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(p.bare().moves("ma", root, "acknowledge", form.into()), "refusal.field.missing", "{lacking}");
    }
    p.all(&["ma", "fr"], root, "acknowledge", json!({}));
    assert_eq!(p.clock("ma", root, "acknowledgement").unwrap().0, ClockState::Met);
    p.minute = 50;
    p.add("es", "escalation", root, json!({ "to": "pt", "called": 50 }));
    assert_eq!(p.clock("pt", root, "acknowledgement").unwrap().0, ClockState::Expired);
    assert_eq!((p.phase(root), p.clock("es", root, "escalation").unwrap().0), ("alerting", ClockState::Expired), "a call is no acknowledgement");
    p.all(&["pt"], root, "acknowledge", json!({}));
    assert_eq!((p.phase(root), p.clock("pt", root, "acknowledgement").unwrap().0), ("in_force", ClockState::MetLate));
}

#[test]
fn each_says_whether_it_acts_and_declining_has_a_ground() {
    let (mut p, root) = issued();
    assert_eq!(p.moves("ma", root, "decline", json!({})), "refusal.act.wrong-state", "first it is acknowledged");
    p.all(&ALL, root, "acknowledge", json!({}));
    assert_eq!(p.own_phase("fr", root), "undecided");
    assert_eq!(p.clock("fr", root, "decision").unwrap().0, ClockState::Running);
    p.all(&["ma"], root, "act", json!({}));
    assert_eq!(p.bare().moves("fr", root, "decline", json!({})), "refusal.field.missing");
    p.all(&["fr"], root, "decline", json!({ "ground": ["not-credible"] }));
    assert_eq!((p.stance("ma", root), p.stance("fr", root), p.own_phase("fr", root)), ("acting", "declined", "decided"));
    p.all(&["fr"], root, "act", json!({}));
    assert_eq!(p.stance("fr", root), "acting", "and it may think again");
    assert_eq!(p.moves("es", root, "act", json!({})), "refusal.act.unknown-move", "the issuer orders nobody and acts at home");
}

#[test]
fn cancelled_and_purged_by_all() {
    let (mut p, root) = in_force();
    assert_eq!(p.moves("ma", root, "purge", json!({})), GUARD, "it is in force");
    p.all(&["es"], root, "cancel", json!({ "reason": "unfounded" }));
    assert_eq!((p.phase(root), p.own_phase("ma", root)), ("purging", "to_purge"));
    p.all(&["ma", "fr"], root, "purge", json!({}));
    assert_eq!(p.phase(root), "purging", "Portugal has not answered");
    assert_eq!(p.as_role(Desk).moves("pt", root, "keep", json!({ "ground": ["evidence"] })), "refusal.act.officer-role");
    p.all(&["pt"], root, "keep", json!({ "ground": ["evidence"] }));
    assert_eq!(p.phase(root), "closed");
}

#[test]
fn it_expires_at_its_time_and_an_update_puts_that_off() {
    let (mut p, root) = in_force();
    p.minute = 998;
    assert_eq!(p.moves("es", root, "expire", json!({})), GUARD, "not yet");
    p.minute = 1000;
    assert_eq!(p.moves("es", root, "expire", json!({})), OK);
    assert_eq!(p.phase(root), "purging");
    let (mut p, root) = in_force();
    assert_eq!(p.clock("es", root, "expiry"), Some((ClockState::Running, 1000)));
    assert_eq!(p.approved_by(None).adds("es", "update", root, json!({})).0, "refusal.act.four-eyes", "an update is checked like a warning");
    let update = p.add("es", "update", root, json!({ "expires": 2000, "article_3": "not-concerned" }));
    p.all(&["ma", "fr"], update, "acknowledge", json!({}));
    assert_eq!(p.clock("es", root, "expiry"), Some((ClockState::Running, 1000)), "not all know of it");
    p.all(&["pt"], update, "acknowledge", json!({}));
    assert_eq!(p.clock("es", root, "expiry"), Some((ClockState::Running, 2000)));
}

#[test]
fn sightings_and_actions_are_reported_and_corrected_by_new_reports() {
    let (mut p, root) = in_force();
    let seen = p.add("ma", "report", root, json!({ "kind": "sighting", "nature": "fact" }));
    assert_eq!(p.adds("fr", "report", root, json!({ "supersedes": seen.to_string() })).0, "refusal.field.wrong", "nobody corrects another's report");
    p.add("ma", "report", root, json!({ "kind": "no-result", "supersedes": seen.to_string() }));
    p.add("es", "report", root, json!({ "kind": "action-taken" }));
}

#[test]
fn the_issuer_accepts_an_objection_and_withdraws() {
    let (mut p, root) = in_force();
    let o = p.add("ma", "objection", root, json!({ "ground": ["political"] }));
    assert_eq!(p.phase(root), "in_force", "an objection alone stops nobody from protecting people");
    assert_eq!(p.moves("fr", root, "act", json!({})), OK);
    p.all(&["es"], o, "accept", json!({}));
    assert_eq!((p.phase(o), p.phase(root)), ("upheld", "to_withdraw"));
    assert_eq!(p.clock("es", root, "withdrawal").unwrap().0, ClockState::Running);
    assert_eq!(p.moves("pt", root, "act", json!({})), GUARD, "nobody acts on it any more");
    p.all(&["es"], root, "withdraw", json!({ "ground": ["political"] }));
    p.all(&ALL, root, "purge", json!({}));
    assert_eq!(p.phase(root), "closed");
}

#[test]
fn most_recipients_make_the_issuer_withdraw_and_fewer_do_not() {
    let (mut p, root) = in_force();
    let o = p.add("ma", "objection", root, json!({ "ground": ["religious"] }));
    assert_eq!(p.moves("ma", o, "maintain", json!({})), GUARD, "first the issuer is heard");
    p.all(&["fr"], o, "support", json!({}));
    assert_eq!(p.approved_by(None).moves("es", o, "contest", json!({})), "refusal.act.four-eyes");
    p.all(&["es"], o, "contest", json!({}));
    p.all(&["ma"], o, "maintain", json!({}));
    assert_eq!((p.phase(o), p.phase(root)), ("judged", "in_force"), "one of three");
    p.all(&["fr"], o, "maintain", json!({}));
    assert_eq!((p.phase(o), p.phase(root)), ("upheld", "to_withdraw"), "two of three");
    let (mut p, root) = in_force();
    let o = p.add("ma", "objection", root, json!({ "ground": ["racial"] }));
    p.all(&["es"], o, "contest", json!({}));
    p.all(&["ma"], o, "maintain", json!({}));
    p.all(&["fr", "pt"], o, "not_support", json!({}));
    assert_eq!((p.phase(o), p.phase(root)), ("dismissed", "in_force"));
    p.all(&["ma"], root, "decline", json!({ "ground": ["art-3"] }));
    assert_eq!(p.stance("ma", root), "declined", "who was not followed still need not act");
}

/// A warning is no arrest warrant, and a source that cannot be judged is not the worst one: the scale goes with the code.
#[test]
fn it_has_no_move_that_orders_an_arrest_and_no_bare_evaluation() {
    let (p, root) = in_force();
    let s = p.held[0].state();
    let kind = s.kind_of(s.item(&root).unwrap());
    let moves: Vec<&str> = kind.moves.iter().filter(|m| m.role == "recipient").map(|m| m.id.as_str()).collect();
    assert_eq!(moves, ["acknowledge", "act", "decline", "purge", "keep"]);
    let bare = std::panic::catch_unwind(|| Play::tries_bare("es", "early-warning", &PARTIES, json!({ "credibility": { "source": "B", "information": "3" } })));
    assert!(bare.is_err(), "an evaluation names its scale");
}
