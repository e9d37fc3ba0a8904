//! Joint investigation team: one story for each path and for each pitfall. France and Spain with Morocco, which is a third country.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::json;

const VOICE: &str = "refusal.act.voice";
const ALL: [&str; 3] = ["fr", "es", "ma"];
const PARTIES: [(&str, &str); 4] = [("fr", "party"), ("es", "party"), ("ma", "third_country"), ("eu", "assisting")];

fn forming() -> (Play, ItemId, ItemId) {
    let mut p = Play::open("joint-investigation-team", &PARTIES, json!({ "from": "2025-02-01", "until": "2026-01-31" }));
    let root = p.root();
    let version = p.add("fr", "agreement", root, json!({}));
    (p, root, version)
}

fn operating() -> (Play, ItemId) {
    let (mut p, root, version) = forming();
    p.all(&ALL, root, "sign", json!({ "agreement": version.to_string() }));
    (p, root)
}

/// A space in which Morocco has named its controller.
fn space() -> (Play, ItemId, ItemId) {
    let (mut p, root) = operating();
    let space = p.add("fr", "space", root, json!({}));
    p.all(&["ma"], space, "name_controller", json!({}));
    (p, root, space)
}

#[test]
fn needed_negotiated_signed_run_evaluated_and_erased() {
    let (mut p, root, version) = forming();
    p.add("ma", "parallel_case", root, json!({}));
    p.add("eu", "parallel_case", root, json!({}));
    assert_eq!(p.phase(root), "forming");
    assert_eq!(p.adds("fr", "space", root, json!({})).0, "refusal.act.wrong-phase", "there is no team yet");
    p.all(&["fr", "es"], root, "sign", json!({ "agreement": version.to_string() }));
    assert_eq!(p.phase(root), "forming", "Morocco has not signed");
    p.all(&["ma"], root, "sign", json!({ "agreement": version.to_string(), "authority_kind": "prosecutor-general-court-of-appeal" }));
    assert_eq!(p.phase(root), "operating");
    p.add("es", "appointment", root, json!({ "capacity": "leader" }));
    p.add("ma", "appointment", root, json!({ "capacity": "seconded", "at": "es" }));
    p.add("eu", "appointment", root, json!({ "capacity": "participant" }));
    let space = p.add("fr", "space", root, json!({}));
    let proof = p.add("fr", "evidence", space, json!({ "use": ["court"], "conditions": ["no-onward"], "addressees": ["es"] }));
    p.all(&["es"], proof, "download", json!({}));
    p.all(&["ma"], proof, "pass", json!({}));
    assert_eq!(p.phase(proof), "to_erase");
    p.all(&ALL, root, "end", json!({}));
    assert_eq!(p.phase(root), "closing");
    assert_eq!(p.moves("fr", space, "close", json!({})), GUARD, "evidence lies in it");
    p.all(&["fr"], proof, "erase", json!({}));
    assert_eq!(p.moves("fr", root, "erase", json!({})), GUARD, "the space is open");
    p.all(&["fr"], space, "close", json!({}));
    assert_eq!(p.moves("fr", root, "erase", json!({})), GUARD, "it is not evaluated");
    let evaluation = p.add("es", "evaluation", root, json!({ "reply_until": 900 }));
    p.all(&["fr", "es"], evaluation, "contribute", json!({}));
    assert_eq!(p.moves("fr", root, "erase", json!({})), GUARD, "Morocco has not contributed");
    p.all(&["ma"], evaluation, "contribute", json!({}));
    p.all(&ALL, root, "erase", json!({}));
    assert_eq!(p.phase(root), "concluded");
}

/// A police team cannot call itself a joint investigation team: only a judicial authority signs, and no code names another.
#[test]
fn police_cannot_sign() {
    let (mut p, root, version) = forming();
    let form = json!({ "agreement": version.to_string() });
    for role in [Officer, Desk, Supervisor, DataProtection, Administrator] {
        assert_eq!(p.as_role(role).moves("es", root, "sign", form.clone()), "refusal.act.officer-role", "{role:?}");
    }
    assert_eq!(p.approved_by(None).moves("es", root, "sign", form.clone()), "refusal.act.four-eyes");
    let codes = &base::Vocabulary::get("judicial-authorities").unwrap().entries;
    assert!(codes.iter().all(|c| !c.code.contains("police") && !c.code.contains("customs")), "there is no code for police");
    for field in ["authority", "authority_kind", "decision", "reference", "agreement"] {
        let all = json!({ "agreement": version.to_string(), "authority": "Parquet", "authority_kind": "public-prosecutor", "decision": "1", "reference": "X" });
        let lacking: serde_json::Map<_, _> = all.as_object().unwrap().iter().filter(|(k, _)| *k != field).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(p.bare().moves("es", root, "sign", lacking.into()), "refusal.field.missing", "{field}");
    }
    assert_eq!(p.moves("es", root, "sign", form), OK);
    assert_eq!(p.moves("eu", root, "sign", json!({})), "refusal.act.unknown-move", "an assisting body is no party");
}

#[test]
fn one_party_alone_is_no_team() {
    let mut p = Play::open("joint-investigation-team", &PARTIES[..1], json!({}));
    let root = p.root();
    let version = p.add("fr", "agreement", root, json!({}));
    assert_eq!(p.moves("fr", root, "sign", json!({ "agreement": version.to_string() })), GUARD);
}

#[test]
fn a_party_that_declines_leaves_no_team() {
    let (mut p, root, version) = forming();
    p.all(&["fr", "es"], root, "sign", json!({ "agreement": version.to_string() }));
    assert_eq!(p.bare().moves("ma", root, "decline", json!({})), "refusal.field.missing", "on a ground");
    p.all(&["ma"], root, "decline", json!({ "ground": ["no-domestic-investigation"] }));
    assert_eq!(p.phase(root), "not_set_up");
    assert_eq!(p.adds("fr", "space", root, json!({})).0, "refusal.act.ended", "a smaller circle opens a dossier of its own");
}

#[test]
fn all_sign_the_same_version() {
    let (mut p, root, first) = forming();
    let second = p.add("es", "agreement", root, json!({}));
    p.all(&["fr"], root, "sign", json!({ "agreement": first.to_string() }));
    assert_eq!(p.moves("es", root, "sign", json!({ "agreement": second.to_string() })), GUARD, "France signed another");
    p.all(&["fr"], root, "unsign", json!({}));
    p.all(&["es", "fr"], root, "sign", json!({ "agreement": second.to_string() }));
    assert_eq!(p.moves("ma", root, "sign", json!({ "agreement": first.to_string() })), GUARD);
    p.all(&["ma"], root, "sign", json!({ "agreement": second.to_string() }));
    assert_eq!(p.moves("fr", root, "unsign", json!({})), GUARD, "from here on a change is an amendment");
    assert_eq!(p.adds("fr", "agreement", root, json!({})).0, "refusal.act.wrong-phase");
}

#[test]
fn a_signature_taken_back_crosses_the_last_one() {
    let (mut p, root, version) = forming();
    p.all(&["fr", "es"], root, "sign", json!({ "agreement": version.to_string() }));
    let verdicts = p.cross(&[("fr", root, "unsign", json!({})), ("ma", root, "sign", json!({ "agreement": version.to_string() }))]);
    assert_eq!((verdicts, p.phase(root)), (vec![OK.to_owned(), OK.to_owned()], "forming"), "no team without every signature");
}

#[test]
fn the_period_is_extended_only_by_an_amendment_that_all_judicial_authorities_sign() {
    let (mut p, root) = operating();
    let ends = |p: &Play| p.clock("fr", root, "period").unwrap().1;
    let first = ends(&p);
    let amendment = p.add("es", "amendment", root, json!({ "until": "2026-06-30" }));
    assert_eq!(p.as_role(Supervisor).moves("fr", amendment, "sign", json!({})), "refusal.act.officer-role");
    p.all(&["fr", "es"], amendment, "sign", json!({}));
    assert_eq!((p.phase(amendment), ends(&p)), ("proposed", first), "who proposes it signs too, and Morocco has not");
    p.all(&["ma"], amendment, "sign", json!({}));
    assert_eq!(p.phase(amendment), "in_force");
    assert_eq!(ends(&p) - first, 150 * 24 * 60, "from 31 January to 30 June");
    let other = p.add("fr", "amendment", root, json!({ "until": "2027-06-30" }));
    p.all(&["es"], other, "oppose", json!({}));
    assert_eq!((p.phase(other), ends(&p) - first), ("rejected", 150 * 24 * 60));
}

#[test]
fn a_party_leaves_and_the_others_go_on() {
    let (mut p, root) = operating();
    assert_eq!(p.as_role(Supervisor).moves("es", root, "leave", json!({})), "refusal.act.officer-role", "what a judicial authority signed it ends");
    p.all(&["es"], root, "leave", json!({ "from_when": 100, "ground": ["priorities"] }));
    assert_eq!(p.phase(root), "operating");
    let amendment = p.add("fr", "amendment", root, json!({ "until": "2026-06-30" }));
    assert_eq!(p.moves("es", amendment, "sign", json!({})), VOICE, "it is bound by nothing new");
    p.all(&["fr"], amendment, "sign", json!({}));
    assert_eq!(p.phase(amendment), "proposed", "Morocco is in the team");
    p.all(&["ma"], amendment, "sign", json!({}));
    assert_eq!(p.phase(amendment), "in_force", "nobody waits for Spain");
}

#[test]
fn a_party_that_leaves_between_two_signatures_or_while_one_is_under_way_holds_up_no_amendment() {
    let (mut p, root) = operating();
    let amendment = p.add("fr", "amendment", root, json!({ "until": "2026-06-30" }));
    p.all(&["fr", "ma"], amendment, "sign", json!({}));
    assert_eq!(p.phase(amendment), "proposed");
    p.all(&["es"], root, "leave", json!({}));
    assert_eq!(p.phase(amendment), "in_force", "it turns with the leaving");
    let (mut p, root) = operating();
    let amendment = p.add("fr", "amendment", root, json!({ "until": "2026-06-30" }));
    p.all(&["fr"], amendment, "sign", json!({}));
    p.cross(&[("es", root, "leave", json!({})), ("ma", amendment, "sign", json!({}))]);
    assert_eq!(p.phase(amendment), "in_force");
}

#[test]
fn who_has_left_gets_no_evidence_gives_none_and_its_own_is_cleared_away() {
    let (mut p, root, space) = space();
    let own = p.add("es", "evidence", space, json!({ "addressees": ["fr"] }));
    let anothers = p.add("fr", "evidence", space, json!({ "addressees": ["es"] }));
    assert_eq!(p.moves("fr", own, "clear_away", json!({})), GUARD, "who uploaded it erases it itself");
    p.all(&["es"], root, "leave", json!({}));
    assert_eq!(p.moves("es", anothers, "download", json!({})), VOICE);
    assert_eq!(p.adds("es", "evidence", space, json!({ "addressees": ["fr"] })).0, VOICE);
    assert_eq!(p.moves("es", space, "close", json!({})), VOICE, "it closes nobody's space");
    assert_eq!(p.phase(own), "to_erase");
    assert_eq!(p.approved_by(None).moves("fr", own, "clear_away", json!({})), "refusal.act.four-eyes");
    p.all(&["fr"], own, "clear_away", json!({}));
    assert_eq!(p.phase(own), "erased");
    p.all(&["ma"], anothers, "pass", json!({}));
    assert_eq!(p.phase(anothers), "to_erase", "Spain is not waited for");
    p.all(&["fr"], anothers, "erase", json!({}));
    p.all(&["fr"], space, "close", json!({}));
    assert_eq!(p.phase(space), "closed");
}

#[test]
fn a_third_countrys_upload_is_cleared_away_once_it_has_left() {
    let (mut p, root, space) = space();
    let upload = p.add("ma", "third_upload", space, json!({ "addressees": ["fr", "es"] }));
    p.all(&["fr"], upload, "vet", json!({}));
    assert_eq!(p.moves("es", upload, "clear_away", json!({})), GUARD);
    p.all(&["ma"], root, "leave", json!({}));
    assert_eq!(p.phase(upload), "to_erase");
    p.all(&["es"], upload, "clear_away", json!({}));
    assert_eq!(p.phase(upload), "blocked", "nobody gets it any more");
    assert_eq!(p.adds("ma", "third_upload", space, json!({ "addressees": ["fr"] })).0, VOICE);
}

#[test]
fn before_a_third_country_downloads_the_uploader_has_checked_necessity_and_conditions() {
    let (mut p, _, space) = space();
    let proof = p.add("fr", "evidence", space, json!({ "use": ["court"], "conditions": ["no-onward"], "addressees": ["es", "ma"] }));
    assert_eq!(p.moves("ma", proof, "download", json!({})), GUARD, "not released");
    assert_eq!(p.moves("es", proof, "download", json!({})), OK, "a party may");
    assert_eq!(p.moves("es", proof, "release", json!({})), "refusal.act.wrong-state", "only who uploaded it");
    assert_eq!(p.approved_by(None).moves("fr", proof, "release", json!({})), "refusal.act.four-eyes");
    assert_eq!(p.bare().moves("fr", proof, "release", json!({ "basis": "x" })), "refusal.field.missing", "necessity is written down");
    p.all(&["fr"], proof, "release", json!({}));
    assert_eq!(p.moves("ma", proof, "download", json!({})), OK);
    let other = p.add("fr", "evidence", space, json!({ "addressees": ["es"] }));
    p.all(&["fr"], other, "release", json!({}));
    assert_eq!(p.moves("ma", other, "download", json!({})), GUARD, "it is not addressed to Morocco");
}

#[test]
fn a_third_country_uploads_nothing_before_its_controller_is_named() {
    let (mut p, root) = operating();
    let space = p.add("fr", "space", root, json!({}));
    assert_eq!(p.own_phase("ma", space), "no_upload");
    assert_eq!(p.adds("ma", "third_upload", space, json!({ "addressees": ["fr"] })).0, "refusal.act.wrong-phase");
    p.all(&["ma"], space, "name_controller", json!({}));
    assert_eq!(p.own_phase("ma", space), "may_upload");
    assert_eq!(p.adds("ma", "third_upload", space, json!({ "addressees": ["fr"] })).0, OK);
    assert_ne!(p.adds("ma", "evidence", space, json!({ "addressees": ["fr"] })).0, OK, "and not by the way of the parties");
}

#[test]
fn an_administrator_checks_a_third_countrys_upload_before_others_download() {
    let (mut p, _, space) = space();
    let upload = p.add("ma", "third_upload", space, json!({ "addressees": ["fr", "es"] }));
    assert_eq!(p.phase(upload), "to_check");
    assert_eq!(p.moves("es", upload, "download", json!({})), GUARD);
    assert_eq!(p.approved_by(None).moves("fr", upload, "vet", json!({})), "refusal.act.four-eyes");
    p.all(&["fr"], upload, "vet", json!({}));
    assert_eq!(p.phase(upload), "available");
    p.all(&["es", "fr"], upload, "download", json!({}));
    assert_eq!(p.phase(upload), "to_erase");
    p.all(&["ma"], upload, "erase", json!({}));
    assert_eq!(p.phase(upload), "erased");
    let bad = p.add("ma", "third_upload", space, json!({ "addressees": ["fr", "es"] }));
    assert_eq!(p.bare().moves("fr", bad, "block", json!({})), "refusal.field.missing", "on a ground");
    p.all(&["fr"], bad, "block", json!({ "ground": ["unlawful"] }));
    assert_eq!(p.moves("es", bad, "download", json!({})), "refusal.act.ended");
}

#[test]
fn a_block_after_the_check_crosses_a_download() {
    let (mut p, _, space) = space();
    let upload = p.add("ma", "third_upload", space, json!({ "addressees": ["fr", "es"] }));
    p.all(&["fr"], upload, "vet", json!({}));
    p.cross(&[("fr", upload, "stop", json!({ "ground": ["human-rights"] })), ("es", upload, "download", json!({}))]);
    assert_eq!((p.phase(upload), p.stance("es", upload)), ("blocked", "downloaded"), "everybody sees who has it nevertheless");
}

#[test]
fn what_all_have_downloaded_is_erased_and_nothing_lies_longer_than_four_weeks() {
    let (mut p, _, space) = space();
    let began = p.minute;
    let proof = p.add("fr", "evidence", space, json!({ "addressees": ["es"] }));
    assert_eq!(p.clock("fr", proof, "four_weeks"), Some((ClockState::Running, began + 28 * 24 * 60)));
    p.all(&["es"], proof, "download", json!({}));
    assert_eq!(p.phase(proof), "available", "Morocco has neither downloaded nor passed");
    p.all(&["ma"], proof, "pass", json!({}));
    assert_eq!(p.phase(proof), "to_erase");
    assert_eq!(p.clock("fr", proof, "four_weeks").unwrap().1, began + 28 * 24 * 60, "the four weeks go on from the upload");
    assert_eq!(p.clock("fr", proof, "erasure").unwrap().0, ClockState::Running);
    p.all(&["fr"], proof, "erase", json!({}));
    let late = p.add("fr", "evidence", space, json!({ "addressees": ["es"] }));
    p.all(&["fr"], late, "erase", json!({}));
    assert_eq!(p.moves("es", late, "download", json!({})), "refusal.act.ended", "the four weeks may end before everybody came");
}

/// Evidence goes with its conditions, the use allowed and the authority that allowed it, in the hands of two officers.
#[test]
fn evidence_has_its_conditions() {
    let (mut p, _, space) = space();
    let whole = json!({ "what": "x", "use": ["court"], "conditions": ["no-onward"], "authority": "x", "addressees": [crate::world::service("es")] });
    for field in ["use", "conditions", "authority", "what", "addressees"] {
        let lacking: serde_json::Map<_, _> = whole.as_object().unwrap().iter().filter(|(k, _)| *k != field).map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(p.bare().adds("fr", "evidence", space, lacking.into()).0, "refusal.field.missing", "{field}");
    }
    assert_eq!(p.approved_by(None).adds("fr", "evidence", space, whole.clone()).0, "refusal.act.four-eyes");
    assert_eq!(p.bare().adds("fr", "evidence", space, whole).0, OK);
}

#[test]
fn management_data_stay_five_years_at_most_and_the_evaluation_does_not_wait_for_ever() {
    assert!(crate::world::mechanism("joint-investigation-team").retention_days <= 5 * 365);
    let (mut p, root) = operating();
    let evaluation = p.add("fr", "evaluation", root, json!({ "reply_until": 100 }));
    p.all(&["fr"], evaluation, "contribute", json!({}));
    assert_eq!(p.moves("fr", evaluation, "end", json!({})), GUARD);
    p.minute = 100;
    p.all(&["fr"], evaluation, "end", json!({}));
    assert_eq!(p.phase(evaluation), "done");
}
