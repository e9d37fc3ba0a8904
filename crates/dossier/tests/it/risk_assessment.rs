//! Joint risk assessment: one story for each path and for each pitfall.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::{Value as Json, json};

const VOICE: &str = "refusal.act.voice";
const ALL: [&str; 3] = ["ma", "es", "de"];
const PARTIES: [(&str, &str); 3] = [("ma", "assessor"), ("es", "assessor"), ("de", "assessor")];

fn asked() -> (Play, ItemId) {
    let p = Play::open("risk-assessment", &PARTIES, json!({ "expires": 10_000 }));
    let root = p.root();
    (p, root)
}

/// A round that is due an hour from the beginning.
fn round() -> (Play, ItemId, ItemId) {
    let (mut p, root) = asked();
    let round = p.add("ma", "round", root, json!({ "due": 60 }));
    (p, root, round)
}

fn view(likelihood: &str) -> Json {
    json!({ "likelihood": likelihood, "sources": ["B2"] })
}

fn commits(p: &mut Play, who: &str, round: ItemId, likelihood: &str) -> String {
    let (seal, _) = p.seal(who, round, "reveal", &view(likelihood));
    p.moves(who, round, "commit", json!({ "seal": seal }))
}

fn reveals(p: &mut Play, who: &str, round: ItemId, likelihood: &str) -> String {
    let (_, opening) = p.seal(who, round, "reveal", &view(likelihood));
    let mut form = view(likelihood);
    form["opening"] = opening;
    p.moves(who, round, "reveal", form)
}

#[test]
fn each_commits_before_anybody_reveals_and_the_agreed_version_keeps_a_dissent() {
    let (mut p, root, round) = round();
    for (who, likelihood) in [("ma", "likely"), ("es", "unlikely"), ("de", "likely")] {
        assert_eq!(commits(&mut p, who, round, likelihood), OK);
    }
    assert_eq!(p.phase(round), "revealing");
    for (who, likelihood) in [("es", "unlikely"), ("de", "likely"), ("ma", "likely")] {
        assert_eq!(reveals(&mut p, who, round, likelihood), OK);
    }
    assert_eq!(p.phase(round), "complete");
    let version = p.add("de", "version", root, json!({ "likelihood": "likely", "reply_until": 500 }));
    assert_eq!((p.stance("de", version), p.phase(version)), ("agreed", "considered"));
    p.all(&["es"], version, "dissent", json!({ "dissent": ["Les indicateurs ne portent que sur un seul lieu."], "likelihood": "unlikely" }));
    assert_eq!(p.moves("es", version, "agree", json!({})), WRONG_STATE, "a dissent is not taken back, it stays beside the version");
    p.all(&["ma"], version, "agree", json!({}));
    assert_eq!((p.phase(version), p.phase(root)), ("adopted", "valid"));
    p.all(&ALL, root, "close", json!({}));
    assert_eq!(p.phase(root), "closed");
}

/// A move that does not lead on from where the party stands.
const WRONG_STATE: &str = "refusal.act.wrong-state";

#[test]
fn nobody_reveals_before_all_are_in_or_the_time_is_over() {
    let (mut p, _, round) = round();
    assert_eq!(commits(&mut p, "ma", round, "likely"), OK);
    assert_eq!(commits(&mut p, "es", round, "likely"), OK);
    assert_eq!(reveals(&mut p, "ma", round, "likely"), GUARD, "Germany is not in, and the hour is not over");
    p.minute = 60;
    assert_eq!(reveals(&mut p, "ma", round, "likely"), OK, "the hour is over");
    assert_eq!(commits(&mut p, "de", round, "likely"), GUARD, "who has seen another's view cannot seal its own");
    assert_eq!(p.moves("ma", round, "end", json!({})), GUARD, "Spain's seal is still closed");
    assert_eq!(reveals(&mut p, "es", round, "likely"), OK);
    p.all(&["ma"], round, "end", json!({}));
    assert_eq!(p.phase(round), "complete");
}

#[test]
fn a_seal_that_is_never_opened_does_not_hold_up_the_others() {
    let (mut p, root) = asked();
    let round = p.add("ma", "round", root, json!({ "due": 60, "reveal_by": 120 }));
    for who in ALL {
        assert_eq!(commits(&mut p, who, round, "likely"), OK);
    }
    assert_eq!(reveals(&mut p, "ma", round, "likely"), OK);
    assert_eq!(p.clock("es", round, "reveal"), Some((ClockState::Running, 120)));
    p.minute = 119;
    assert_eq!(p.moves("ma", round, "end", json!({})), GUARD, "Spain and Germany have one more minute");
    assert_eq!((p.minute, p.moves("es", round, "end", json!({}))), (120, "refusal.act.wrong-state".into()), "who has not revealed ends nothing");
    p.all(&["ma"], round, "end", json!({}));
    assert_eq!((p.phase(round), p.stance("es", round)), ("complete", "committed"), "everybody sees who kept its seal closed");
    assert_eq!(reveals(&mut p, "es", round, "likely"), "refusal.act.ended");
}

#[test]
fn what_is_revealed_is_what_was_sealed() {
    let (mut p, _, round) = round();
    for who in ALL {
        assert_eq!(commits(&mut p, who, round, "likely"), OK);
    }
    assert_eq!(reveals(&mut p, "es", round, "unlikely"), "refusal.field.wrong", "another likelihood than the one under seal");
    let (copied, _) = p.seal("ma", round, "reveal", &view("likely"));
    assert_ne!(copied, p.seal("es", round, "reveal", &view("likely")).0, "a copied seal opens for its author only");
    assert_eq!(reveals(&mut p, "es", round, "likely"), OK);
}

#[test]
fn a_service_may_withhold_with_its_reason_and_leave_at_any_time() {
    let (mut p, root, round) = round();
    assert_eq!(commits(&mut p, "ma", round, "likely"), OK);
    assert_eq!(commits(&mut p, "es", round, "likely"), OK);
    assert_eq!(p.bare().moves("de", round, "withhold", json!({})), "refusal.field.missing", "a reason is named");
    p.all(&["de"], round, "withhold", json!({ "reason": ["source-protection"] }));
    p.all(&["de"], root, "leave", json!({ "reason": ["outside-scope"], "explanation": "Affaire politique." }));
    for who in ["ma", "es"] {
        assert_eq!(reveals(&mut p, who, round, "likely"), OK);
    }
    let version = p.add("ma", "version", root, json!({ "reply_until": 500 }));
    assert_eq!(p.moves("de", version, "dissent", json!({ "dissent": ["Non."] })), VOICE, "who has left has no voice");
    assert_eq!(p.phase(version), "considered");
    p.all(&["es"], version, "agree", json!({}));
    assert_eq!(p.phase(version), "adopted", "and is not waited for");
    p.all(&["ma", "es"], root, "close", json!({}));
    assert_eq!(p.phase(root), "closed");
}

#[test]
fn silence_does_not_stop_a_version_for_ever_but_who_left_is_no_second_voice() {
    let (mut p, root) = asked();
    let version = p.add("ma", "version", root, json!({ "reply_until": 500 }));
    p.all(&["es"], version, "agree", json!({}));
    assert_eq!(p.moves("ma", version, "adopt", json!({})), GUARD, "Germany has its time");
    p.minute = 500;
    p.all(&["ma"], version, "adopt", json!({}));
    assert_eq!(p.phase(version), "adopted");
    let (mut p, root) = asked();
    let version = p.add("ma", "version", root, json!({ "reply_until": 500 }));
    p.all(&["es"], version, "agree", json!({}));
    p.all(&["es"], root, "leave", json!({}));
    p.minute = 500;
    assert_eq!(p.moves("ma", version, "adopt", json!({})), GUARD, "one alone of those who take part");
}

#[test]
fn a_round_does_not_wait_for_who_leaves_in_the_middle() {
    let (mut p, root, round) = round();
    for who in ["ma", "es"] {
        assert_eq!(commits(&mut p, who, round, "likely"), OK);
    }
    assert_eq!(reveals(&mut p, "ma", round, "likely"), GUARD, "Germany has not committed");
    p.all(&["de"], root, "leave", json!({}));
    assert_eq!(p.phase(round), "revealing", "it turns with the leaving");
    assert_eq!(commits(&mut p, "de", round, "likely"), VOICE);
    assert_eq!(reveals(&mut p, "ma", round, "likely"), OK);
    p.cross(&[("es", root, "leave", json!({})), ("ma", root, "leave", json!({}))]);
    assert_eq!((p.phase(round), p.phase(root)), ("complete", "closed"), "Spain's seal stays closed");
}

#[test]
fn one_service_alone_makes_no_joint_assessment() {
    let (mut p, root) = asked();
    let version = p.add("ma", "version", root, json!({ "reply_until": 5 }));
    p.minute = 10;
    assert_eq!(p.moves("ma", version, "adopt", json!({})), GUARD, "no second service shares it");
    p.all(&["es"], version, "dissent", json!({ "dissent": ["Non."] }));
    p.all(&["de"], version, "abstain", json!({}));
    assert_eq!((p.phase(version), p.phase(root)), ("not_shared", "assessing"));
}

#[test]
fn nobody_edits_anothers_view_and_sources_are_codes() {
    let (mut p, root, round) = round();
    let version = p.add("de", "version", root, json!({}));
    let replaced = p.adds("es", "version", root, json!({ "replaces": version.to_string() })).0;
    assert_eq!(replaced, "refusal.field.wrong", "only the author replaces its own");
    let mut form = view("likely");
    form["sources"] = json!(["B2"]);
    let (seal, _) = p.seal("ma", round, "reveal", &form);
    p.all(&["ma"], round, "commit", json!({ "seal": seal }));
    assert_eq!(p.stance("ma", round), "committed");
}

#[test]
fn it_expires_and_a_sign_gives_reason_for_another_round() {
    let (mut p, root) = asked();
    assert_eq!(p.clock("es", root, "expiry"), Some((ClockState::Running, 10_000)));
    p.add("es", "sign", root, json!({ "nature": "fact", "evaluation": "A1" }));
    let again = p.add("es", "round", root, json!({ "trigger": "Un indicateur est apparu.", "due": 3_000 }));
    assert_eq!(p.clock("de", again, "commit"), Some((ClockState::Running, 3_000)));
    assert_eq!(p.moves("ma", root, "close", json!({})), GUARD, "a round is open");
}

#[test]
fn a_second_officer_stands_behind_what_is_revealed() {
    let (mut p, _, round) = round();
    for who in ALL {
        assert_eq!(commits(&mut p, who, round, "likely"), OK);
    }
    let (_, opening) = p.seal("ma", round, "reveal", &view("likely"));
    let mut form = view("likely");
    form["opening"] = opening;
    assert_eq!(p.approved_by(None).moves("ma", round, "reveal", form.clone()), "refusal.act.four-eyes");
    assert_eq!(p.as_role(DataProtection).moves("ma", round, "reveal", form.clone()), "refusal.act.officer-role");
    assert_eq!(p.moves("ma", round, "reveal", form), OK);
}
