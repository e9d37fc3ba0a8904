//! Controlled delivery: one story for each path and for each pitfall.

use crate::play::*;
use base::ItemId;
use dossier::{ClockState, OfficerRole::*};
use serde_json::json;

const ROUTE: [&str; 3] = ["ma", "es", "fr"];
const PARTIES: [(&str, &str); 3] = [("ma", "route"), ("es", "route"), ("fr", "route")];

/// Spain, in the middle of the route, asks; the goods start in Morocco and go to France.
fn asked() -> Play {
    Play::opened_by("es", "controlled-delivery", &PARTIES, json!({ "goods": "narcotics", "start": 1000, "expected_end": 3000 }))
}

fn planned() -> (Play, ItemId) {
    let mut p = asked();
    let root = p.root();
    p.all(&ROUTE, root, "authorise", json!({}));
    let plan = p.add("es", "plan", root, json!({}));
    p.all(&["ma", "fr"], plan, "agree", json!({}));
    (p, root)
}

fn under_way() -> (Play, ItemId, ItemId) {
    let (mut p, root) = planned();
    p.all(&ROUTE, root, "ready", json!({}));
    let goods = p.add("ma", "consignment", root, json!({}));
    (p, root, goods)
}

#[test]
fn a_route_has_at_least_two_states_and_any_of_them_asks() {
    let opens = |who: &str, parties: &[(&str, &str)]| Play::tries_to_open(who, "controlled-delivery", parties, json!({}));
    assert_eq!(opens("ma", &PARTIES[..1]), "refusal.act.opening");
    assert_eq!(opens("fr", &PARTIES), OK, "the State of destination, which stands last");
    assert_eq!(opens("es", &PARTIES[..2]), OK);
}

#[test]
fn authorised_by_all_handed_over_twice_and_delivered() {
    let mut p = asked();
    let root = p.root();
    p.all(&["fr", "ma"], root, "authorise", json!({ "authority_kind": "prosecutor-general-court-of-appeal" }));
    assert_eq!((p.phase(root), p.own_phase("es", root), p.own_phase("ma", root)), ("authorisation", "undecided", "decided"));
    p.all(&["es"], root, "authorise", json!({}));
    assert_eq!(p.phase(root), "planning");
    let condition = p.add("fr", "condition", root, json!({ "kind": "no-foreign-weapons" }));
    let plan = p.add("es", "plan", root, json!({}));
    p.add("ma", "leg", plan, json!({ "number": 1 }));
    p.all(&["ma", "fr"], plan, "agree", json!({}));
    assert_eq!(p.moves("ma", root, "ready", json!({})), GUARD, "a condition is not ticked off");
    assert_eq!(p.moves("fr", condition, "tick", json!({})), GUARD, "nobody has accepted it");
    p.all(&["ma", "es"], condition, "accept", json!({}));
    p.all(&["fr"], condition, "tick", json!({}));
    p.all(&ROUTE, root, "ready", json!({}));
    assert_eq!(p.phase(root), "under_way");
    let goods = p.add("ma", "consignment", root, json!({}));
    for (giver, taker) in [("ma", "es"), ("es", "fr")] {
        p.all(&[giver], goods, "offer", json!({}));
        p.all(&[taker], goods, "accept", json!({ "seals_intact": true }));
        assert_eq!(p.phase(goods), "handing_over", "the giver answers until it has seen the acceptance");
        p.all(&[giver], goods, "confirm", json!({}));
        assert_eq!((p.phase(goods), p.stance(giver, goods), p.stance(taker, goods)), ("held", "relieved", "holding"));
    }
    p.all(&["fr"], goods, "deliver", json!({ "arrested": 3 }));
    assert_eq!((p.phase(goods), p.phase(root)), ("delivered", "debriefing"));
    let debrief = p.add("es", "debrief", root, json!({}));
    assert_eq!(p.moves("es", root, "conclude", json!({})), GUARD, "the debrief is open");
    p.all(&["ma", "es"], debrief, "contribute", json!({}));
    p.all(&["fr"], debrief, "waive", json!({}));
    p.all(&ROUTE, root, "conclude", json!({}));
    assert_eq!(p.phase(root), "completed");
}

/// A second debrief, opened while one State has concluded already, does not wait for that one.
#[test]
fn who_has_concluded_is_not_waited_for() {
    let (mut p, root, goods) = under_way();
    p.all(&["ma"], goods, "intercept", json!({}));
    let first = p.add("es", "debrief", root, json!({}));
    p.all(&ROUTE, first, "waive", json!({}));
    p.all(&["fr"], root, "conclude", json!({}));
    let second = p.add("es", "debrief", root, json!({}));
    p.all(&["ma"], second, "contribute", json!({}));
    assert_eq!(p.phase(second), "open", "Spain has not concluded");
    p.all(&["es"], second, "contribute", json!({}));
    assert_eq!((p.phase(second), p.clock("fr", second, "contribution")), ("done", None));
    p.all(&["ma", "es"], root, "conclude", json!({}));
    assert_eq!(p.phase(root), "completed");
}

#[test]
fn one_refusal_stops_the_whole() {
    let mut p = asked();
    let root = p.root();
    p.all(&["es", "ma"], root, "authorise", json!({}));
    assert_eq!(p.bare().moves("fr", root, "refuse", json!({})), "refusal.field.missing", "a refusal names its ground");
    assert_eq!(p.moves("fr", root, "refuse", json!({ "ground": ["surveillance-not-assured"] })), OK);
    assert_eq!((p.phase(root), p.own_phase("es", root)), ("refused", "over"));
    for who in ["es", "ma"] {
        assert_eq!(p.moves(who, root, "ready", json!({})), "refusal.act.ended");
    }
    assert_eq!(p.adds("es", "consignment", root, json!({})).0, "refusal.act.wrong-phase", "nothing moves");
}

#[test]
fn withdrawn_before_the_start() {
    let (mut p, root) = planned();
    assert_eq!(p.moves("es", root, "withdraw", json!({ "reason": ["compromised"] })), OK);
    assert_eq!(p.phase(root), "called_off");
    // The moment it turns: who has said that it is ready stops, it does not withdraw.
    let (mut p, root, _) = under_way();
    assert_eq!(p.moves("es", root, "withdraw", json!({})), "refusal.act.wrong-state");
}

#[test]
fn anybody_stops_everything_and_the_goods_are_secured() {
    let (mut p, root, goods) = under_way();
    assert_eq!(p.as_role(Officer).moves("fr", root, "stop", json!({ "reason": ["danger-to-persons"] })), OK, "any officer of any State");
    assert_eq!(p.phase(root), "aborted");
    assert_eq!(p.moves("es", root, "conclude", json!({})), GUARD, "Morocco still holds the goods");
    assert_eq!(p.adds("es", "consignment", root, json!({})).0, "refusal.act.wrong-phase", "nothing new sets out");
    p.all(&["ma"], goods, "intercept", json!({ "seized": { "amount": "40", "unit": "kg" } }));
    p.all(&["es", "ma"], root, "conclude", json!({}));
    assert_eq!(p.phase(root), "abort_concluded");
}

#[test]
fn stopping_crosses_the_last_word_of_readiness() {
    let (mut p, root) = planned();
    p.all(&["ma", "es"], root, "ready", json!({}));
    let verdicts = p.cross(&[("ma", root, "stop", json!({})), ("fr", root, "ready", json!({}))]);
    assert_eq!((verdicts, p.phase(root)), (vec![OK.to_owned(), OK.to_owned()], "aborted"), "stopped is stronger than ready");
}

#[test]
fn intercepted_under_way() {
    let (mut p, root, goods) = under_way();
    p.all(&["ma"], goods, "offer", json!({}));
    // The offer is accepted while the goods are seized: both said so, the seizure counts.
    let verdicts = p.cross(&[("ma", goods, "intercept", json!({ "arrested": 2 })), ("es", goods, "accept", json!({}))]);
    assert_eq!((verdicts, p.phase(goods), p.phase(root)), (vec![OK.to_owned(), OK.to_owned()], "intercepted", "debriefing"));
}

#[test]
fn lost_and_found_and_lost_for_good() {
    let (mut p, root, goods) = under_way();
    p.all(&["ma"], goods, "lose", json!({}));
    assert_eq!(p.phase(goods), "lost");
    assert_eq!(p.clock("ma", goods, "search"), Some((ClockState::Running, p.minute - 1 + 30)), "half an hour, then it is stopped or given up");
    p.all(&["ma"], goods, "find", json!({}));
    assert_eq!(p.phase(goods), "held");
    p.all(&["ma"], goods, "lose", json!({}));
    assert_eq!(p.as_role(Officer).moves("ma", goods, "give_up", json!({})), "refusal.act.officer-role");
    assert_eq!(p.approved_by(None).moves("ma", goods, "give_up", json!({})), "refusal.act.four-eyes");
    assert_eq!(p.moves("ma", goods, "give_up", json!({})), OK);
    assert_eq!((p.phase(goods), p.phase(root)), ("given_up", "debriefing"));
}

#[test]
fn goods_are_replaced_by_mutual_consent_only() {
    let (mut p, root, goods) = under_way();
    let swap = p.add("ma", "substitution", root, json!({ "mode": "replaced-in-part", "consignment": goods.to_string() }));
    p.all(&["es"], swap, "agree", json!({}));
    assert_eq!(p.moves("ma", swap, "carry_out", json!({})), GUARD, "one has not consented");
    p.all(&["fr"], swap, "agree", json!({}));
    assert_eq!(p.moves("es", swap, "carry_out", json!({})), GUARD, "who proposed it carries it out");
    p.all(&["ma"], swap, "carry_out", json!({}));
    assert_eq!(p.phase(swap), "done");
    let other = p.add("es", "substitution", root, json!({}));
    p.all(&["fr"], other, "oppose", json!({}));
    assert_eq!(p.phase(other), "rejected");
    assert_eq!(p.moves("es", other, "carry_out", json!({})), "refusal.act.ended");
}

#[test]
fn an_offer_taken_back_while_it_is_accepted_is_held_by_two_until_a_call_settles_it() {
    let crossed = || {
        let (mut p, _, goods) = under_way();
        p.all(&["ma"], goods, "offer", json!({}));
        p.cross(&[("ma", goods, "take_back", json!({})), ("es", goods, "accept", json!({}))]);
        assert_eq!(p.phase(goods), "to_confirm");
        assert_eq!(p.clock("es", goods, "confirmation"), Some((ClockState::Running, p.minute - 1 + 15)));
        assert_eq!(p.moves("es", goods, "offer", json!({})), GUARD, "who may not hold alone does not pass on");
        (p, goods)
    };
    // The call says that the goods went over.
    let (mut p, goods) = crossed();
    p.all(&["ma"], goods, "confirm", json!({}));
    assert_eq!(p.phase(goods), "held");
    // The call says that they stayed: the giver says so first, and only then the taker that it received nothing.
    let (mut p, goods) = crossed();
    assert_eq!(p.moves("es", goods, "disclaim", json!({})), GUARD, "until then somebody answers for the goods");
    p.all(&["ma"], goods, "keep", json!({}));
    p.all(&["es"], goods, "disclaim", json!({}));
    assert_eq!(p.phase(goods), "kept");
    let root = p.root();
    let again = p.add("ma", "consignment", root, json!({}));
    p.all(&["ma"], goods, "renew", json!({ "consignment": again.to_string() }));
    assert_eq!((p.phase(goods), p.phase(again), p.phase(root)), ("renewed", "held", "under_way"), "custody goes on under a new record");
}

#[test]
fn custody_follows_the_route() {
    let (mut p, _, goods) = under_way();
    assert_eq!(p.moves("es", goods, "accept", json!({})), GUARD, "nothing is offered");
    p.all(&["ma"], goods, "offer", json!({}));
    assert_eq!(p.moves("fr", goods, "accept", json!({})), GUARD, "Spain comes first");
    assert_eq!(p.moves("ma", goods, "confirm", json!({})), GUARD, "nobody has accepted: never unheld");
    p.all(&["es"], goods, "not_yet", json!({}));
    p.all(&["es"], goods, "accept", json!({}));
    assert_eq!(p.moves("es", goods, "deliver", json!({})), GUARD, "Morocco is not relieved");
}

/// There is no start button for police: each State's own competent authority authorises, and the last word is all States'.
#[test]
fn police_cannot_start_it() {
    let mut p = asked();
    let root = p.root();
    for role in [Officer, Desk, Supervisor] {
        assert_eq!(p.as_role(role).moves("ma", root, "authorise", json!({})), "refusal.act.officer-role");
    }
    assert_eq!(p.moves("ma", root, "authorise", json!({})), OK);
    assert_eq!(p.moves("ma", root, "ready", json!({})), GUARD, "Spain and France have not authorised");
    p.all(&["es"], root, "authorise", json!({}));
    assert_eq!(p.moves("ma", root, "ready", json!({})), GUARD, "France has not");
    p.all(&["fr"], root, "authorise", json!({}));
    assert_eq!(p.moves("ma", root, "ready", json!({})), GUARD, "no plan is agreed");
    let plan = p.add("ma", "plan", root, json!({}));
    p.all(&["es"], plan, "agree", json!({}));
    assert_eq!(p.moves("ma", root, "ready", json!({})), GUARD, "by all");
    p.all(&["fr"], plan, "agree", json!({}));
    assert_eq!(p.moves("ma", root, "ready", json!({})), OK);
    assert_eq!(p.adds("ma", "consignment", root, json!({})).0, "refusal.act.wrong-phase", "and all must be ready");
}

#[test]
fn a_condition_that_cannot_be_met_holds_it_up_until_it_is_dropped() {
    let (mut p, root) = planned();
    let condition = p.add("fr", "condition", root, json!({}));
    p.all(&["ma"], condition, "accept", json!({}));
    p.all(&["es"], condition, "reject", json!({}));
    assert_eq!(p.phase(condition), "contested");
    assert_eq!(p.moves("fr", condition, "tick", json!({})), GUARD);
    assert_eq!(p.moves("es", root, "ready", json!({})), GUARD);
    p.all(&["fr"], condition, "drop", json!({}));
    assert_eq!(p.moves("es", root, "ready", json!({})), OK);
}

/// Two reference numbers always; a named contact by day and night; hours, not weeks.
#[test]
fn every_authorisation_names_its_reference_its_authority_and_its_contact() {
    let mut p = asked();
    let root = p.root();
    assert_eq!(p.clock("fr", root, "authorisation"), Some((ClockState::Running, 12 * 60)));
    p.all(&["fr"], root, "announce_delay", json!({ "decided_by": 900 }));
    assert_eq!(p.clock("fr", root, "authorisation"), Some((ClockState::Running, 12 * 60)), "saying that it takes longer is no decision");
    for field in ["reference", "authority", "authority_kind", "decision", "duty_contact", "duty_phone", "valid_until"] {
        let all = json!({ "reference": "X", "authority": "Parquet", "authority_kind": "public-prosecutor", "decision": "1/2030", "modes": ["intact"],
            "valid_until": 5000, "duty_contact": "Permanence", "duty_phone": "+33100000000" });
        let lacking = all.as_object().unwrap().iter().filter(|(k, _)| *k != field).map(|(k, v)| (k.clone(), v.clone())).collect::<serde_json::Map<_, _>>();
        assert_eq!(p.bare().moves("fr", root, "authorise", lacking.into()), "refusal.field.missing", "{field}");
    }
    p.all(&["fr"], root, "authorise", json!({}));
    assert_eq!(p.clock("fr", root, "authorisation").unwrap().0, ClockState::Met);
}

/// What is told in a delivery is information; it becomes evidence by an act of its own, with the authority that allows it.
#[test]
fn information_is_not_evidence() {
    let (mut p, root, goods) = under_way();
    p.all(&["ma"], goods, "intercept", json!({}));
    let proof = p.add("ma", "evidence", root, json!({ "to": "fr", "use": ["court"] }));
    assert_eq!(p.moves("es", proof, "receive", json!({})), GUARD, "it is for France");
    assert_eq!(p.moves("fr", proof, "receive", json!({})), OK);
    assert_eq!(p.approved_by(None).adds("ma", "evidence", root, json!({ "to": "fr" })).0, "refusal.act.four-eyes");
    assert_eq!(p.bare().adds("ma", "evidence", root, json!({ "to": "fr", "what": "x", "use": ["court"] })).0, "refusal.field.missing", "no authority");
}

#[test]
fn costs_are_claimed_contested_and_settled() {
    let (mut p, root, _) = under_way();
    let cost = p.add("ma", "cost", root, json!({ "bearer": "es" }));
    assert_eq!(p.moves("fr", cost, "accept", json!({})), GUARD, "not its bill");
    p.all(&["es"], cost, "contest", json!({}));
    assert_eq!(p.phase(cost), "contested");
    p.all(&["es"], cost, "accept", json!({}));
    assert_eq!(p.phase(cost), "settled");
}

#[test]
fn the_log_is_append_only() {
    let (mut p, root, _) = under_way();
    let first = p.add("ma", "entry", root, json!({ "type": "incident" }));
    assert_eq!(p.adds("es", "entry", root, json!({ "supersedes": first.to_string() })).0, "refusal.field.wrong", "nobody corrects another's entry");
    let second = p.add("ma", "entry", root, json!({ "supersedes": first.to_string() }));
    let s = p.held[0].state();
    assert_eq!((s.item(&second).unwrap().number, &s.item(&first).unwrap().superseded_by[..]), (2, &[second][..]));
    assert!(s.kind_of(s.item(&first).unwrap()).moves.is_empty(), "an entry is a fact");
}
