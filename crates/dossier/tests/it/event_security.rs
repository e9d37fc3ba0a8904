//! Event security: one story for each path and for each pitfall; Morocco, Spain and Portugal host, France sends supporters.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::json;

const VOICE: &str = "refusal.act.voice";
const HOSTS: [&str; 3] = ["ma", "es", "pt"];
const PARTIES: [(&str, &str); 4] = [("ma", "host"), ("es", "host"), ("pt", "host"), ("fr", "guest")];

fn constituted() -> (Play, ItemId) {
    let mut p = Play::open("event-security", &PARTIES, json!({ "title": "Coupe du monde 2030", "date_from": "2030-06-08", "date_to": "2030-07-21" }));
    let root = p.root();
    assert_eq!(p.phase(root), "constituting");
    p.all(&["es", "pt"], root, "agree", json!({}));
    p.all(&["fr"], root, "join", json!({}));
    (p, root)
}

/// The centre is open; Morocco has the first shift and Spain takes over.
fn operating() -> (Play, ItemId, ItemId, ItemId) {
    let (mut p, root) = constituted();
    let review = p.add("ma", "readiness", root, json!({ "scope": ["stades"] }));
    p.all(&HOSTS, review, "declare_ready", json!({}));
    p.all(&HOSTS, root, "hand_over", json!({}));
    let centre = p.add("ma", "centre", root, json!({ "report_times": ["08:00 Africa/Casablanca", "20:00 Africa/Casablanca"] }));
    let shift = p.add("ma", "shift", centre, json!({ "next": "es", "ends": 5000 }));
    (p, root, centre, shift)
}

fn entry(p: &mut Play, who: &str, centre: ItemId, shift: ItemId) -> ItemId {
    p.add(who, "entry", centre, json!({ "shift": shift.to_string(), "type": "info" }))
}

#[test]
fn constituted_prepared_operated_reviewed_and_closed() {
    let (mut p, root, centre, shift) = operating();
    assert_eq!((p.phase(root), p.phase(centre)), ("operating", "open"));
    let first = entry(&mut p, "ma", centre, shift);
    let second = entry(&mut p, "fr", centre, shift);
    p.add("ma", "situation_report", centre, json!({ "from_when": 0, "to_when": 100, "entries": [first.to_string(), second.to_string()] }));
    p.all(&["ma"], shift, "hand_over", json!({}));
    p.all(&["es"], shift, "take_over", json!({}));
    p.all(&HOSTS, centre, "close", json!({}));
    assert_eq!(p.moves("ma", root, "close", json!({})), "refusal.act.wrong-state");
    p.all(&HOSTS, root, "take_back", json!({}));
    assert_eq!(p.phase(root), "after_action");
    assert_eq!(p.moves("ma", root, "close", json!({})), GUARD, "no review yet");
    let review = p.add("pt", "review", root, json!({}));
    p.all(&["ma", "es"], review, "contribute", json!({}));
    assert_eq!(p.moves("ma", root, "close", json!({})), GUARD, "Portugal has not contributed");
    p.all(&["pt"], review, "waive", json!({}));
    p.all(&HOSTS, root, "close", json!({}));
    assert_eq!(p.phase(root), "closed");
}

#[test]
fn a_host_that_declines_the_mandate_leaves_no_committee() {
    let mut p = Play::open("event-security", &PARTIES, json!({}));
    let root = p.root();
    p.all(&["es"], root, "agree", json!({}));
    assert_eq!(p.moves("pt", root, "decline", json!({ "ground": ["command-not-coordination"] })), OK);
    assert_eq!(p.phase(root), "not_constituted");
    assert_eq!(p.adds("ma", "meeting", root, json!({ "agenda": ["x"] })).0, "refusal.act.ended");
}

#[test]
fn a_host_withdraws_with_notice_and_the_others_go_on() {
    let (mut p, root) = constituted();
    assert_eq!(p.approved_by(None).moves("pt", root, "withdraw", json!({})), "refusal.act.four-eyes");
    p.all(&["pt"], root, "withdraw", json!({ "from_when": 500, "ground": ["no-capacity"] }));
    assert_eq!(p.phase(root), "preparing");
    p.all(&["ma", "es"], root, "withdraw", json!({ "ground": ["no-capacity"] }));
    assert_eq!(p.phase(root), "dissolved");
}

#[test]
fn a_guest_comes_and_goes_and_that_moves_no_host() {
    let (mut p, root) = constituted();
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!((p.phase(root), p.stance("fr", root)), ("preparing", "left"));
}

#[test]
fn a_sub_group_is_a_smaller_circle_in_a_dossier_of_its_own() {
    let (mut p, root) = constituted();
    let group = p.add("ma", "sub_group", root, json!({ "members": ["ma", "es"], "chair": "ma", "topic": "ticket-fraud" }));
    let link = json!({ "dossier": { "dossier": base::Digest::of(b"sub").to_string(), "relation": "sub-group" } });
    p.all(&["es"], group, "agree", json!({}));
    assert_eq!(p.moves("ma", group, "link", link.clone()), GUARD, "Portugal has not agreed");
    p.all(&["pt"], group, "agree", json!({}));
    assert_eq!(p.moves("es", group, "link", link.clone()), "refusal.act.wrong-state", "its proposer opens it");
    p.all(&["ma"], group, "link", link);
    assert_eq!(p.phase(group), "set_up");
    let links = dossier::links(&p.held[3]);
    assert_eq!(
        (links.len(), links[0].relation.as_str(), links[0].item),
        (1, "sub-group", group),
        "also the guest sees that there is one, and not what is in it"
    );
    let other = p.add("es", "sub_group", root, json!({ "members": ["es", "pt"] }));
    p.all(&["ma"], other, "oppose", json!({}));
    assert_eq!(p.phase(other), "rejected");
}

#[test]
fn meetings_have_minutes_that_all_hosts_agree_to_or_reserve() {
    let (mut p, root) = constituted();
    let meeting = p.add("ma", "meeting", root, json!({ "agenda": ["Sites"], "when": 400 }));
    assert_eq!(p.moves("es", meeting, "agree", json!({})), GUARD, "there are no minutes");
    p.all(&["ma"], meeting, "write_minutes", json!({ "minutes": ["…"] }));
    p.all(&["es"], meeting, "agree", json!({}));
    assert_eq!(p.phase(meeting), "minutes_open");
    p.all(&["pt"], meeting, "reserve", json!({}));
    assert_eq!(p.phase(meeting), "minutes_agreed");
    let called_off = p.add("es", "meeting", root, json!({ "agenda": ["x"] }));
    p.all(&["es"], called_off, "cancel", json!({}));
    assert_eq!(p.phase(called_off), "cancelled");
}

#[test]
fn decisions_need_every_host_and_dissent_is_kept() {
    let (mut p, root) = constituted();
    let one = p.add("ma", "decision", root, json!({}));
    p.all(&["es"], one, "vote_for", json!({}));
    assert_eq!(p.phase(one), "open");
    p.all(&["pt"], one, "abstain", json!({}));
    assert_eq!((p.phase(one), p.stance("pt", one)), ("adopted", "abstains"));
    let two = p.add("ma", "decision", root, json!({}));
    assert_eq!(p.moves("pt", two, "vote_against", json!({ "ground": ["outside-mandate"] })), OK);
    assert_eq!(p.phase(two), "rejected");
    assert_eq!(p.moves("fr", two, "vote_for", json!({})), "refusal.act.unknown-move", "guests advise, hosts decide");
}

/// The committee and the centre command nobody: an action is taken on by its owner, who may decline, and moved by nobody else.
#[test]
fn nobody_is_commanded() {
    let (mut p, root) = constituted();
    let action = p.add("ma", "action", root, json!({ "owner": "es", "due": 5000 }));
    for other in ["ma", "pt", "fr"] {
        assert_eq!(p.moves(other, action, "take_on", json!({})), GUARD);
        assert_eq!(p.moves(other, action, "report_done", json!({})), GUARD);
    }
    assert_eq!(p.bare().moves("es", action, "decline", json!({})), "refusal.field.missing", "declining names its ground, and is enough");
    p.all(&["es"], action, "take_on", json!({}));
    assert_eq!(p.clock("es", action, "due").unwrap(), (ClockState::Running, 5000));
    assert_eq!(p.clock("ma", action, "due"), None, "the owner alone answers for it");
    p.all(&["es"], action, "report_done", json!({}));
    assert_eq!(p.phase(action), "done");
    // In the whole mechanism no word orders: every move changes the stance of who makes it.
    let (mut p, _, centre, shift) = operating();
    let told = entry(&mut p, "ma", centre, shift);
    let follow_up = p.add("ma", "follow_up", centre, json!({ "owner": "fr", "entry": told.to_string() }));
    assert_eq!(p.clock("fr", follow_up, "answer_guest").unwrap().0, ClockState::Running);
    p.all(&["fr"], follow_up, "decline", json!({ "ground": ["no-legal-basis-personal-data"] }));
    assert_eq!(p.phase(follow_up), "declined");
}

#[test]
fn risks_are_judged_by_each_and_no_judgement_is_anothers() {
    let (mut p, root) = constituted();
    let risk = p.add("es", "risk", root, json!({ "kind": "crowd-safety" }));
    for (who, likelihood) in [("ma", "unlikely"), ("es", "likely"), ("pt", "even-chance")] {
        p.all(&[who], risk, "judge", json!({ "likelihood": likelihood, "impact": "serious" }));
    }
    assert_eq!(p.phase(risk), "being_judged");
    assert_eq!(p.clock("fr", risk, "judgement").unwrap().0, ClockState::Running);
    p.all(&["fr"], risk, "abstain", json!({}));
    assert_eq!(p.phase(risk), "judged");
    p.all(&["ma"], risk, "judge", json!({ "likelihood": "very-likely", "impact": "critical" }));
    let s = p.held[3].state();
    let said = |who: &str| format!("{:?}", s.item(&risk).unwrap().said[s.party(&crate::world::service(who)).unwrap()].get("likelihood"));
    assert!(said("ma").contains("very-likely") && said("es").contains("\"likely"), "each its own, side by side");
    let measure = p.add("es", "measure", risk, json!({ "owner": "pt" }));
    p.all(&["pt"], measure, "take_on", json!({}));
    assert_eq!(p.moves("ma", risk, "close", json!({})), GUARD);
    p.all(&["es"], risk, "close", json!({}));
    assert_eq!(p.phase(risk), "closed");
}

#[test]
fn nothing_is_handed_over_before_readiness_is_passed() {
    let (mut p, root) = constituted();
    assert_eq!(p.moves("ma", root, "hand_over", json!({})), GUARD);
    assert_eq!(p.adds("ma", "centre", root, json!({ "report_times": ["08:00"] })).0, "refusal.act.wrong-phase");
    let review = p.add("ma", "readiness", root, json!({ "scope": ["x"] }));
    p.all(&["ma", "es"], review, "declare_ready", json!({}));
    assert_eq!(p.moves("pt", review, "declare_not_ready", json!({ "lacking": ["radio"] })), OK);
    assert_eq!(p.phase(review), "not_passed");
    assert_eq!(p.moves("ma", root, "hand_over", json!({})), GUARD);
    let again = p.add("ma", "readiness", root, json!({ "scope": ["x"] }));
    p.all(&["ma", "es"], again, "declare_ready", json!({}));
    p.all(&["pt"], again, "declare_reserved", json!({ "reservation": ["radio"] }));
    assert_eq!(p.moves("ma", root, "hand_over", json!({})), OK);
    assert_eq!(p.phase(root), "preparing", "until all hosts have");
}

#[test]
fn a_shift_is_handed_over_by_both_and_the_desk_is_never_empty() {
    let (mut p, _, centre, shift) = operating();
    assert_eq!(p.moves("es", shift, "take_over", json!({})), GUARD, "it is not handed over yet");
    p.all(&["ma"], shift, "hand_over", json!({ "open_matters": ["Bus 12"] }));
    assert_eq!(p.moves("pt", shift, "take_over", json!({})), GUARD, "Spain is next");
    assert_eq!(p.clock("es", shift, "takeover").unwrap(), (ClockState::Running, p.minute - 2 + 15));
    assert_eq!(p.moves("ma", centre, "close", json!({})), GUARD, "a shift is open");
    p.all(&["es"], shift, "take_over", json!({}));
    assert_eq!(p.phase(shift), "handed_over");
    let within = p.add("es", "shift", centre, json!({ "next": "es" }));
    assert_eq!(p.approved_by(None).moves("es", within, "hand_over_within", json!({ "open_matters": ["-"] })), "refusal.act.four-eyes", "both officers sign");
    p.all(&["es"], within, "hand_over_within", json!({ "open_matters": ["-"] }));
    assert_eq!(p.phase(within), "handed_over");
}

#[test]
fn the_logbook_is_append_only_and_numbered_by_each() {
    let (mut p, _, centre, shift) = operating();
    let one = entry(&mut p, "ma", centre, shift);
    let two = entry(&mut p, "fr", centre, shift);
    let corrects = |of: ItemId| json!({ "shift": shift.to_string(), "supersedes": of.to_string() });
    assert_eq!(p.adds("fr", "entry", centre, corrects(one)).0, "refusal.field.wrong", "each corrects its own");
    let three = p.add("ma", "entry", centre, corrects(one));
    let s = p.held[1].state();
    let seen = |i: ItemId| (s.item(&i).unwrap().number, s.item(&i).unwrap().superseded_by.len());
    assert_eq!((seen(one), seen(two), seen(three)), ((1, 1), (1, 0), (2, 0)));
    assert_eq!(p.adds("ma", "situation_report", centre, json!({ "entries": [centre.to_string()] })).0, "refusal.field.wrong", "a report is built from entries");
}

/// Supporters' data do not travel in a log: it has no field for persons; a request with its legal basis is a dossier of its own.
#[test]
fn the_log_has_no_place_for_persons() {
    let (mut p, _, centre, shift) = operating();
    let form = json!({ "shift": shift.to_string(), "persons": "Exemple Inventé" });
    assert_eq!(p.adds("ma", "entry", centre, form).0, "refusal.field.unknown");
    let m = crate::world::mechanism("event-security");
    let forms = m.items.iter().flat_map(|k| k.fields.iter().chain(k.moves.iter().flat_map(|mv| &mv.fields)));
    assert_eq!(forms.filter(|f| matches!(f.kind, dossier::FieldType::Person | dossier::FieldType::Document)).count(), 0);
    let linked = json!({ "shift": shift.to_string(), "request": "demande" });
    assert_eq!(p.adds("ma", "entry", centre, linked).0, OK);
}

#[test]
fn partners_that_are_no_police_see_released_texts_only() {
    let (mut p, root) = constituted();
    let text = p.add("ma", "release", root, json!({ "recipients": ["Organisateur"] }));
    p.all(&["es"], text, "agree", json!({}));
    assert_eq!(p.phase(text), "pending");
    assert_eq!(p.as_role(DataProtection).moves("pt", text, "oppose", json!({ "ground": ["no-legal-basis-personal-data"] })), OK);
    assert_eq!(p.phase(text), "withheld");
}

/// Officers abroad have no powers and no weapons unless the host agrees to them in words.
#[test]
fn delegations_have_no_powers_unless_agreed() {
    let (mut p, root) = constituted();
    let delegation = p.add("fr", "delegation", root, json!({ "at": "ma", "spotters": 6, "powers_asked": "Port d'arme" }));
    assert_eq!(p.moves("es", delegation, "accept", json!({})), GUARD, "it works in Morocco");
    assert_eq!(p.as_role(Desk).moves("ma", delegation, "accept", json!({})), "refusal.act.officer-role");
    p.all(&["ma"], delegation, "accept", json!({}));
    let s = p.held[0].state();
    assert_eq!(s.item(&delegation).unwrap().said[0].get("powers"), None, "accepted, and no power with it");
    p.all(&["fr"], delegation, "recall", json!({}));
    assert_eq!(p.phase(delegation), "recalled");
    let other = p.add("fr", "delegation", root, json!({ "at": "es" }));
    p.all(&["es"], other, "decline", json!({ "ground": ["domestic-law"] }));
    assert_eq!(p.phase(other), "declined");
}

/// Portugal leaves the committee: nothing of what the others have before them waits for it.
#[test]
fn a_host_that_withdraws_holds_no_vote_up_and_has_none() {
    let (mut p, root) = constituted();
    let decision = p.add("ma", "decision", root, json!({}));
    let group = p.add("ma", "sub_group", root, json!({}));
    let meeting = p.add("ma", "meeting", root, json!({}));
    p.all(&["ma"], meeting, "write_minutes", json!({}));
    let readiness = p.add("es", "readiness", root, json!({ "scope": ["x"] }));
    let release = p.add("ma", "release", root, json!({}));
    p.all(&["es"], decision, "vote_for", json!({}));
    for item in [group, meeting, release] {
        p.all(&["es"], item, "agree", json!({}));
    }
    p.all(&["ma", "es"], readiness, "declare_ready", json!({}));
    let all = [decision, group, meeting, readiness, release];
    assert_eq!(all.map(|i| p.phase(i).to_owned()), ["open", "proposed", "minutes_open", "in_progress", "pending"]);
    p.all(&["pt"], root, "withdraw", json!({}));
    assert_eq!(all.map(|i| p.phase(i).to_owned()), ["adopted", "agreed", "minutes_agreed", "passed", "released"]);
    p.all(&["ma"], group, "link", json!({ "dossier": "groupe" }));
    let next = p.add("ma", "decision", root, json!({}));
    assert_eq!(p.moves("pt", next, "vote_against", json!({})), VOICE);
    for kind in ["decision", "meeting", "sub_group", "readiness"] {
        assert_eq!(p.adds("pt", kind, root, json!({})).0, VOICE, "{kind}");
    }
    let verdicts = p.cross(&[("ma", root, "withdraw", json!({})), ("es", next, "vote_for", json!({}))]);
    assert_eq!((verdicts, p.phase(next)), (vec![OK.to_owned(), OK.to_owned()], "adopted"), "a withdrawal crosses a vote");
    let alone = p.add("es", "sub_group", root, json!({}));
    p.all(&["es"], root, "withdraw", json!({}));
    assert_eq!((p.phase(alone), p.phase(root)), ("lapsed", "dissolved"));
}

#[test]
fn a_risk_waits_for_no_guest_that_has_left_and_is_closed_by_a_host_when_who_raised_it_is_gone() {
    let (mut p, root) = constituted();
    let risk = p.add("fr", "risk", root, json!({ "kind": "crowd-safety" }));
    p.all(&HOSTS, risk, "judge", json!({ "likelihood": "likely", "impact": "serious" }));
    assert_eq!(p.phase(risk), "being_judged", "France has not judged");
    assert_eq!(p.moves("ma", risk, "close", json!({})), GUARD, "France raised it");
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!(p.phase(risk), "judged");
    assert_eq!(p.moves("fr", risk, "judge", json!({ "likelihood": "unlikely", "impact": "serious" })), VOICE);
    p.all(&["ma"], risk, "close", json!({}));
    assert_eq!(p.phase(risk), "closed");
}

/// A shift whose holder withdraws, or that nobody takes over, does not keep the centre open for ever.
#[test]
fn a_shift_is_taken_back_or_broken_off_and_the_centre_closes_without_who_has_left() {
    let (mut p, root, centre, shift) = operating();
    p.all(&["ma"], shift, "hand_over", json!({ "open_matters": ["-"] }));
    assert_eq!(p.phase(shift), "handing_over");
    p.all(&["ma"], shift, "take_back", json!({}));
    assert_eq!(p.phase(shift), "on_duty", "nobody had taken over");
    p.all(&["ma"], shift, "hand_over", json!({ "open_matters": ["-"] }));
    p.cross(&[("ma", shift, "take_back", json!({})), ("es", shift, "take_over", json!({}))]);
    assert_eq!(p.phase(shift), "handed_over", "who took over has it");
    let last = p.add("pt", "shift", centre, json!({ "next": "ma", "ends": 9000 }));
    p.all(&["ma", "es"], root, "withdraw", json!({}));
    assert_eq!(p.moves("pt", centre, "close", json!({})), GUARD, "its own shift is open");
    p.all(&["pt"], last, "hand_over_within", json!({ "open_matters": ["-"] }));
    p.all(&["pt"], centre, "close", json!({}));
    assert_eq!(p.phase(centre), "closed_down", "nobody waits for Morocco and Spain");
    let (mut p, root, centre, shift) = operating();
    p.all(&["ma"], root, "withdraw", json!({}));
    assert_eq!(p.phase(shift), "broken_off", "who was on duty has left");
    p.all(&["es", "pt"], centre, "close", json!({}));
    assert_eq!(p.phase(centre), "closed_down");
}
