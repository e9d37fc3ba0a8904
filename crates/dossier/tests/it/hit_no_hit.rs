//! Hit/no-hit: the list grant. One story for each way that it goes, and for what may cross.

use crate::play::*;
use base::ItemId;
use dossier::OfficerRole::*;
use serde_json::json;

const PARTIES: [(&str, &str); 2] = [("es", "asking"), ("ma", "holding")];

fn asked() -> (Play, ItemId) {
    let p = Play::open("hit-no-hit", &PARTIES, json!({ "elements": 192 }));
    let root = p.root();
    (p, root)
}

#[test]
fn granted_paused_resumed_and_finished() {
    let (mut p, root) = asked();
    assert_eq!(p.phase(root), "asked");
    assert_eq!(p.moves("ma", root, "grant", json!({ "elements": 128 })), OK);
    assert_eq!(p.phase(root), "open");
    p.all(&["es"], root, "pause", json!({}));
    assert_eq!(p.phase(root), "paused");
    p.all(&["es"], root, "resume", json!({}));
    assert_eq!(p.phase(root), "open");
    p.all(&["es"], root, "finish", json!({}));
    assert_eq!(p.phase(root), "finished");
    assert_ne!(p.moves("es", root, "resume", json!({})), OK, "what is finished stays so");
}

#[test]
fn the_holder_declines_or_ends_what_it_granted() {
    let (mut p, root) = asked();
    assert_eq!(p.moves("ma", root, "decline", json!({ "ground": "sovereignty" })), OK);
    assert_eq!(p.phase(root), "declined");
    assert_ne!(p.moves("ma", root, "grant", json!({})), OK, "a decision is made once");
    let (mut p, root) = asked();
    assert_ne!(p.moves("ma", root, "stop", json!({})), OK, "nothing is granted yet");
    p.all(&["ma"], root, "grant", json!({}));
    p.all(&["ma"], root, "stop", json!({}));
    assert_eq!(p.phase(root), "stopped");
}

#[test]
fn only_a_competent_authority_with_a_second_officer_grants() {
    let (mut p, root) = asked();
    assert_eq!(p.as_role(Desk).moves("ma", root, "grant", json!({})), "refusal.act.officer-role");
    assert_eq!(p.approved_by(None).moves("ma", root, "grant", json!({})), "refusal.act.four-eyes");
    assert_eq!(p.moves("es", root, "grant", json!({})), "refusal.act.unknown-move", "nobody grants to itself");
    assert_eq!(p.moves("ma", root, "pause", json!({})), "refusal.act.unknown-move", "pausing is for who asks");
    assert_eq!(Play::tries_unapproved("es", "hit-no-hit", &PARTIES), "refusal.act.four-eyes");
    assert_ne!(Play::tries_bare("es", "hit-no-hit", &PARTIES, json!({})), OK, "a list says why");
}

#[test]
fn a_grant_that_crosses_the_end_leaves_it_ended() {
    let (mut p, root) = asked();
    assert_eq!(p.cross(&[("es", root, "finish", json!({})), ("ma", root, "grant", json!({}))]), [OK, OK]);
    assert_eq!(p.phase(root), "finished");
    let (mut p, root) = asked();
    assert_eq!(p.cross(&[("es", root, "finish", json!({})), ("ma", root, "decline", json!({}))]), [OK, OK]);
    assert_eq!(p.phase(root), "declined", "what the holder decided is what is shown");
}
