//! Joint operation: one story for each path and for each pitfall. Spain proposes; Morocco and France act too, a supporting body helps.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::json;

const VOICE: &str = "refusal.act.voice";
const ALL: [&str; 3] = ["es", "ma", "fr"];
const PARTIES: [(&str, &str); 4] = [("es", "participant"), ("ma", "participant"), ("fr", "participant"), ("eu", "supporting")];

fn proposed() -> (Play, ItemId) {
    let p = Play::open("joint-operation", &PARTIES, json!({ "date_from": "2025-02-10", "date_to": "2025-02-12" }));
    let root = p.root();
    (p, root)
}

fn planned() -> (Play, ItemId, ItemId) {
    let (mut p, root) = proposed();
    p.all(&["ma", "fr"], root, "join", json!({}));
    let plan = p.add("es", "plan", root, json!({ "lead": "es", "co_leads": ["ma"], "results": ["arrests", "drugs-seized"], "reply_until": 500 }));
    p.all(&["ma", "fr"], plan, "agree", json!({}));
    (p, root, plan)
}

fn acting() -> (Play, ItemId) {
    let (mut p, root, plan) = planned();
    p.all(&ALL, root, "clear", json!({ "plan": plan.to_string() }));
    p.all(&ALL, root, "ready", json!({}));
    (p, root)
}

fn counting() -> (Play, ItemId) {
    let (mut p, root) = acting();
    p.all(&ALL, root, "end_action", json!({}));
    (p, root)
}

#[test]
fn proposed_planned_cleared_acted_counted_and_closed() {
    let (mut p, root) = proposed();
    p.add("eu", "threat_picture", root, json!({ "evaluation": ["B2"] }));
    p.add("ma", "threat_picture", root, json!({ "evaluation": ["A1"] }));
    assert_eq!(p.phase(root), "proposed");
    p.all(&["ma", "fr"], root, "join", json!({}));
    assert_eq!(p.phase(root), "planning");
    let plan = p.add("es", "plan", root, json!({ "results": ["arrests"], "reply_until": 500 }));
    assert_eq!(p.moves("ma", root, "clear", json!({ "plan": plan.to_string() })), GUARD, "nobody has agreed to the plan");
    p.all(&["ma", "fr"], plan, "agree", json!({}));
    p.all(&["es", "ma"], root, "clear", json!({ "plan": plan.to_string() }));
    assert_eq!(p.moves("ma", root, "ready", json!({})), GUARD, "France has not checked its law");
    p.all(&["fr"], root, "clear", json!({ "plan": plan.to_string() }));
    assert_eq!(p.phase(root), "briefing");
    let day = p.add("es", "action_day", root, json!({ "until": 400 }));
    p.all(&["es", "ma"], root, "ready", json!({}));
    assert_eq!(p.moves("es", day, "start", json!({})), GUARD, "France is not ready");
    p.all(&["fr"], root, "ready", json!({}));
    assert_eq!(p.phase(root), "action");
    assert_ne!(p.moves("ma", day, "start", json!({})), OK, "the day is kept by who opened it");
    p.all(&["es"], day, "start", json!({}));
    assert_eq!(p.moves("ma", root, "end_action", json!({})), GUARD, "the day is open");
    p.all(&["es"], day, "end", json!({}));
    p.all(&ALL, root, "end_action", json!({}));
    assert_eq!(p.phase(root), "counting");
    let one = p.add("ma", "result", root, json!({ "kind": "arrests", "count": 4 }));
    let tally = p.add("es", "tally", root, json!({ "results": [one.to_string()], "reply_until": 900 }));
    p.all(&["ma", "fr"], tally, "agree", json!({}));
    let line = p.add("fr", "media_line", root, json!({ "tally": tally.to_string(), "reply_until": 900 }));
    p.all(&["es", "ma"], line, "agree", json!({}));
    assert_eq!((p.phase(tally), p.phase(line)), ("agreed", "agreed"));
    assert_eq!(p.moves("es", root, "close", json!({})), GUARD, "no debrief");
    let debrief = p.add("es", "debrief", root, json!({ "reply_until": 900 }));
    p.all(&["es", "ma"], debrief, "contribute", json!({}));
    assert_eq!(p.moves("es", root, "close", json!({})), GUARD, "the debrief is open");
    p.all(&["fr"], debrief, "waive", json!({}));
    p.all(&ALL, root, "close", json!({ "follow_up": ["suite"] }));
    assert_eq!(p.phase(root), "closed");
    assert_eq!(dossier::links(&p.held[0]).len(), 1, "the follow-up dossier that all three named");
}

#[test]
fn two_go_on_without_the_third_and_one_alone_does_not() {
    let (mut p, root) = proposed();
    p.all(&["ma"], root, "join", json!({}));
    assert_eq!(p.bare().moves("fr", root, "decline", json!({})), "refusal.field.missing", "declining has a ground");
    p.all(&["fr"], root, "decline", json!({ "ground": ["no-capacity"] }));
    assert_eq!(p.phase(root), "planning");
    p.all(&["ma"], root, "withdraw", json!({ "from_when": 100, "ground": ["domestic-law"] }));
    assert_eq!(p.phase(root), "not_held");
    assert_eq!(p.moves("es", root, "clear", json!({ "plan": root.to_string() })), "refusal.act.ended", "nothing goes on");
}

#[test]
fn who_agrees_to_a_plan_goes_on_after_the_time_without_who_is_silent_but_not_against_who_opposes() {
    let (mut p, root) = proposed();
    p.all(&["ma"], root, "join", json!({}));
    let plan = p.add("es", "plan", root, json!({ "reply_until": 500 }));
    assert_eq!(p.moves("es", plan, "adopt", json!({})), GUARD, "one alone");
    p.all(&["ma"], plan, "agree", json!({}));
    assert_eq!(p.phase(plan), "under_discussion", "France has neither joined nor declined");
    assert_eq!(p.moves("es", plan, "adopt", json!({})), GUARD, "the time is not over");
    p.minute = 500;
    p.all(&["es"], plan, "adopt", json!({}));
    assert_eq!(p.phase(plan), "agreed");
    let (mut p, root) = proposed();
    p.all(&["ma", "fr"], root, "join", json!({}));
    let plan = p.add("es", "plan", root, json!({ "reply_until": 500 }));
    p.all(&["ma"], plan, "agree", json!({}));
    p.all(&["fr"], plan, "oppose", json!({}));
    assert_eq!(p.phase(plan), "struck");
    p.all(&["fr"], root, "withdraw", json!({}));
    assert_eq!(p.phase(plan), "struck", "an objection stays one, also of who then withdraws");
    p.minute = 600;
    assert_eq!(p.moves("es", plan, "adopt", json!({})), "refusal.act.ended");
    assert_ne!(p.adds("ma", "plan", root, json!({ "supersedes": plan.to_string() })).0, OK, "nobody edits another's version");
    p.add("es", "plan", root, json!({ "supersedes": plan.to_string() }));
}

/// A plan that Spain proposed: Morocco and France have joined and have not agreed yet.
fn discussed() -> (Play, ItemId, ItemId) {
    let (mut p, root) = proposed();
    p.all(&["ma", "fr"], root, "join", json!({}));
    let plan = p.add("es", "plan", root, json!({ "reply_until": 500 }));
    (p, root, plan)
}

#[test]
fn who_withdraws_between_two_agreements_is_not_waited_for_and_has_no_say() {
    let (mut p, root, plan) = discussed();
    p.all(&["ma"], plan, "agree", json!({}));
    assert_eq!(p.phase(plan), "under_discussion", "France is awaited");
    assert_eq!(p.clock("fr", plan, "reply").unwrap().0, ClockState::Running);
    p.all(&["fr"], root, "withdraw", json!({ "from_when": 20 }));
    assert_eq!((p.phase(plan), p.clock("fr", plan, "reply")), ("agreed", None), "it turns with the withdrawal");
    let again = p.add("es", "plan", root, json!({ "supersedes": plan.to_string(), "reply_until": 500 }));
    for name in ["agree", "oppose"] {
        assert_eq!(p.moves("fr", again, name, json!({})), VOICE, "{name}");
    }
    for kind in ["plan", "task", "media_line", "guest_officers"] {
        let form = if kind == "guest_officers" { json!({ "at": "ma" }) } else { json!({}) };
        assert_eq!(p.adds("fr", kind, root, form).0, VOICE, "{kind}");
    }
    assert_eq!(p.phase(again), "under_discussion", "Morocco has its say");
    p.all(&["ma"], again, "agree", json!({}));
    p.all(&["es", "ma"], root, "clear", json!({ "plan": again.to_string() }));
    assert_eq!(p.phase(root), "briefing");
}

#[test]
fn a_withdrawal_crosses_an_agreement_in_flight() {
    let (mut p, root, plan) = discussed();
    let verdicts = p.cross(&[("fr", root, "withdraw", json!({ "from_when": 20 })), ("ma", plan, "agree", json!({}))]);
    assert_eq!((verdicts, p.phase(plan)), (vec![OK.to_owned(), OK.to_owned()], "agreed"), "neither had heard of the other");
    let (mut p, root, plan) = discussed();
    p.all(&["ma"], plan, "agree", json!({}));
    // France agrees first and withdraws at once; the objection of Morocco's partner would have come too late either way.
    p.all(&["fr"], plan, "agree", json!({}));
    p.all(&["fr"], root, "withdraw", json!({ "from_when": 20 }));
    assert_eq!(p.phase(plan), "agreed", "what all had agreed to stays agreed to by who goes on");
}

#[test]
fn who_has_withdrawn_is_not_one_of_the_two_who_adopt() {
    let (mut p, root, plan) = discussed();
    p.all(&["fr"], plan, "agree", json!({}));
    p.all(&["fr"], root, "withdraw", json!({}));
    p.minute = 500;
    assert_eq!(p.moves("es", plan, "adopt", json!({})), GUARD, "Spain alone is left of those who agreed; Morocco is silent");
    assert_eq!(p.moves("fr", plan, "adopt", json!({})), VOICE);
    p.all(&["ma"], plan, "agree", json!({}));
    assert_eq!(p.phase(plan), "agreed");
}

#[test]
fn a_plan_with_nobody_left_to_agree_lapses() {
    let (mut p, root, plan) = discussed();
    p.all(&["ma"], root, "withdraw", json!({}));
    assert_eq!(p.phase(plan), "under_discussion");
    p.all(&["fr"], root, "withdraw", json!({}));
    assert_eq!((p.phase(plan), p.phase(root)), ("lapsed", "not_held"));
}

#[test]
fn what_a_withdrawn_participant_kept_or_had_taken_on_holds_nobody_up() {
    let (mut p, root) = acting();
    let day = p.add("fr", "action_day", root, json!({ "until": 400 }));
    let task = p.add("es", "task", root, json!({ "owner": "fr" }));
    p.all(&["fr"], day, "start", json!({}));
    p.all(&["fr"], task, "take_on", json!({}));
    assert_eq!(p.moves("es", root, "end_action", json!({})), GUARD, "the day is open");
    p.all(&["fr"], root, "withdraw", json!({}));
    assert_eq!((p.phase(day), p.phase(task)), ("called_off", "lapsed"));
    p.all(&["es", "ma"], root, "end_action", json!({}));
    assert_eq!(p.phase(root), "counting");
    let counted = p.add("fr", "result", root, json!({ "kind": "arrests", "count": 1 }));
    let tally = p.add("es", "tally", root, json!({ "results": [counted.to_string()], "reply_until": 9000 }));
    p.all(&["ma"], tally, "agree", json!({}));
    let line = p.add("ma", "media_line", root, json!({ "reply_until": 9000 }));
    p.all(&["es"], line, "agree", json!({}));
    assert_eq!((p.phase(tally), p.phase(line)), ("agreed", "agreed"), "nobody waits for France");
}

#[test]
fn each_checks_its_own_law_with_two_officers() {
    let (mut p, root, plan) = planned();
    for role in [Officer, Desk] {
        assert_eq!(p.as_role(role).moves("ma", root, "clear", json!({ "plan": plan.to_string() })), "refusal.act.officer-role");
    }
    assert_eq!(p.approved_by(None).moves("ma", root, "clear", json!({ "plan": plan.to_string() })), "refusal.act.four-eyes");
    p.all(&ALL, root, "clear", json!({ "plan": plan.to_string() }));
    p.all(&["ma"], root, "take_back", json!({}));
    assert_eq!(p.phase(root), "planning");
    assert_eq!(p.moves("es", root, "ready", json!({})), GUARD);
}

#[test]
fn a_task_may_be_declined_and_nobody_orders() {
    let (mut p, root, _) = planned();
    let task = p.add("es", "task", root, json!({ "owner": "ma", "due": 900 }));
    assert_eq!(p.moves("fr", task, "take_on", json!({})), GUARD, "it was asked of Morocco");
    assert_eq!(p.clock("ma", task, "answer").unwrap().0, ClockState::Running);
    assert_eq!(p.clock("fr", task, "answer"), None);
    p.all(&["ma"], task, "take_on", json!({}));
    p.all(&["ma"], task, "decline", json!({ "ground": ["harm-to-investigation"] }));
    assert_eq!(p.phase(task), "declined", "also after it was taken on");
    let done = p.add("es", "task", root, json!({ "owner": "fr" }));
    p.all(&["fr"], done, "take_on", json!({}));
    p.all(&["fr"], done, "report_done", json!({}));
    assert_eq!(p.phase(done), "done");
    let asked = p.add("es", "task", root, json!({ "owner": "fr" }));
    assert_eq!(p.moves("ma", asked, "cancel", json!({})), GUARD, "Spain asked");
    p.all(&["es"], asked, "cancel", json!({}));
    assert_eq!(p.phase(asked), "cancelled");
    assert_eq!(p.moves("fr", asked, "take_on", json!({})), "refusal.act.ended");
}

/// Guest officers inform and coordinate: no code and no field gives them a power or a weapon.
#[test]
fn guest_officers_have_no_powers_and_no_weapons() {
    let codes: Vec<String> = base::Vocabulary::get("guest-officer-tasks").unwrap().entries.iter().map(|e| e.code.clone()).collect();
    assert_eq!(codes, ["information", "prevention", "coordination", "observation", "interpreting"]);
    let (mut p, root) = acting();
    let guests = json!({ "at": "ma", "number": 8, "tasks": ["information"], "until": 2000 });
    let group = p.add("es", "guest_officers", root, guests.clone());
    assert_eq!(p.moves("fr", group, "accept", json!({})), GUARD, "Morocco is the host");
    p.all(&["ma"], group, "accept", json!({}));
    assert_eq!(p.phase(group), "accepted");
    let mut armed = guests;
    armed["weapons"] = json!("x");
    assert_eq!(p.adds("es", "guest_officers", root, armed).0, "refusal.field.unknown");
    p.all(&["ma"], group, "decline", json!({ "ground": ["sovereignty"] }));
    assert_eq!(p.phase(group), "declined", "the host may send them home");
}

#[test]
fn anybody_withdraws_at_any_time_before_the_end_with_notice() {
    for name in ["planning", "action"] {
        let (mut p, root) = if name == "action" { acting() } else { planned_only() };
        assert_eq!(p.phase(root), name);
        assert_eq!(p.bare().moves("fr", root, "withdraw", json!({ "ground": ["danger"] })), "refusal.field.missing", "from when");
        p.all(&["fr"], root, "withdraw", json!({ "from_when": 300, "ground": ["danger"] }));
        assert_eq!(p.phase(root), name, "the others go on");
    }
    let (mut p, root) = counting();
    assert_eq!(p.moves("fr", root, "withdraw", json!({})), "refusal.act.wrong-state", "what is over cannot be left");
}

fn planned_only() -> (Play, ItemId) {
    let (p, root, _) = planned();
    (p, root)
}

/// Led by a participant, supported by the centre, commanded by nobody.
#[test]
fn a_supporting_body_supports_and_decides_nothing() {
    let (mut p, root, plan) = planned();
    for name in ["join", "clear", "ready", "withdraw"] {
        assert_eq!(p.moves("eu", root, name, json!({})), "refusal.act.unknown-move", "{name}");
    }
    assert_eq!(p.moves("eu", plan, "agree", json!({})), "refusal.act.unknown-move");
    for kind in ["task", "plan", "action_day", "media_line"] {
        assert_ne!(p.bare().adds("eu", kind, root, json!({})).0, OK, "{kind}");
    }
    p.add("eu", "entry", root, json!({ "type": "info" }));
    p.add("eu", "note", root, json!({ "text": ["x"] }));
}

#[test]
fn results_follow_the_template_and_only_an_agreed_tally_stands() {
    let (mut p, root) = counting();
    let first = p.add("ma", "result", root, json!({ "kind": "arrests", "count": 4, "with": ["es"] }));
    assert_eq!(p.adds("es", "result", root, json!({ "kind": "arrests", "count": 5, "supersedes": first.to_string() })).0, "refusal.field.wrong");
    let second = p.add("ma", "result", root, json!({ "kind": "arrests", "count": 5, "supersedes": first.to_string() }));
    let tally = p.add("es", "tally", root, json!({ "results": [second.to_string()], "reply_until": 900 }));
    p.all(&["fr"], tally, "oppose", json!({}));
    assert_eq!(p.phase(tally), "struck");
}

#[test]
fn an_action_day_is_called_off_and_the_log_is_append_only() {
    let (mut p, root) = acting();
    let day = p.add("es", "action_day", root, json!({ "until": 400 }));
    p.all(&["es"], day, "call_off", json!({}));
    assert_eq!(p.phase(day), "called_off");
    let entry = p.add("ma", "entry", root, json!({ "type": "incident" }));
    assert_eq!(p.adds("es", "entry", root, json!({ "supersedes": entry.to_string() })).0, "refusal.field.wrong", "nobody corrects another's entry");
    p.add("ma", "entry", root, json!({ "supersedes": entry.to_string() }));
}

/// What police plan together is no joint investigation team: nothing here is signed by a judicial authority, and no evidence passes.
#[test]
fn it_is_no_joint_investigation_team() {
    let m = crate::world::mechanism("joint-operation");
    assert!(m.items.iter().all(|k| k.moves.iter().all(|mv| mv.id != "sign") && k.id != "evidence"));
}

#[test]
fn a_debrief_does_not_wait_for_who_has_left_and_ends_after_its_time_without_who_is_silent() {
    let (mut p, root) = acting();
    p.all(&["fr"], root, "withdraw", json!({}));
    p.all(&["es", "ma"], root, "end_action", json!({}));
    let debrief = p.add("es", "debrief", root, json!({ "reply_until": 100 }));
    p.all(&["es"], debrief, "contribute", json!({}));
    assert_eq!(p.moves("es", debrief, "end", json!({})), GUARD, "Morocco has its time");
    assert_eq!(p.moves("fr", debrief, "contribute", json!({})), VOICE);
    p.all(&["ma"], debrief, "contribute", json!({}));
    assert_eq!(p.phase(debrief), "done");
    let silent = p.add("ma", "debrief", root, json!({ "reply_until": 200 }));
    p.all(&["ma"], silent, "contribute", json!({}));
    p.minute = 200;
    p.all(&["ma"], silent, "end", json!({}));
    p.all(&["es", "ma"], root, "close", json!({}));
    assert_eq!(p.phase(root), "closed");
}
