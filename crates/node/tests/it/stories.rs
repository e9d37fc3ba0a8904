//! The ordinary day: cards, accords, four eyes, a request with its clocks.

use crate::world::*;
use base::{Lang, UnixMs};
use dossier::OfficerRole::*;
use expect_test::expect;
use node::{DueKind, Intent, Made, NodeError};
use seal::{Directory, Fingerprint};
use serde_json::json;

fn code<T>(r: Result<T, NodeError>) -> &'static str {
    r.map_or_else(|e| e.code(), |_| "ok")
}

#[test]
fn a_first_card_is_taken_with_its_fingerprint_only() {
    let mut w = World::strangers(2);
    let (own, es, words) = (w.sides[MA].keys.card_bytes().to_vec(), w.sides[ES].keys.card_bytes().to_vec(), w.words(ES));
    let (now, size, strange) = (w.now, w.size(MA), keys("fr", 9));
    let others = Fingerprint::of(&strange.service()).words(Lang::En);
    let one_wrong = words.replacen(words.split(' ').next().unwrap(), "xylograph", 1);
    let ours = w.words(MA);
    let digits = Fingerprint::of(&w.id(ES)).digits();
    let n = w.node(MA);
    let mut picture = String::new();
    for (what, card, heard) in [
        ("nothing", &es, ""),
        ("another's", &es, others.as_str()),
        ("a wrong word", &es, &one_wrong),
        ("too few", &es, "zoo zoo"),
        ("our own", &own, &ours),
        ("no card", &vec![1, 2, 3], &words),
    ] {
        picture += &format!("{what}: {}\n", code(n.import_card(card, heard, now)));
    }
    expect![[r#"
        nothing: refusal.node.asked
        another's: refusal.fingerprint.differs
        a wrong word: refusal.fingerprint.word
        too few: refusal.fingerprint.count
        our own: refusal.node.asked
        no card: peer.bytes.not-canonical
    "#]]
    .assert_eq(&picture);
    assert!(n.commit().is_empty() && n.partners().unwrap().is_empty(), "nothing of it was kept");
    assert_eq!(w.size(MA), size);
    let spanish = Fingerprint::of(&w.id(ES)).words(Lang::Es);
    for heard in [words, digits, spanish] {
        w.node(MA).import_card(&es, &heard, now).unwrap();
        w.sides[MA].commit();
    }
    assert_eq!(w.node(MA).partners().unwrap().len(), 1);
    assert_eq!(w.size(MA), size + 1, "the same card again adds nothing");
}

#[test]
fn a_later_card_comes_by_parcel_and_only_from_its_owner() {
    let mut w = World::partners(3);
    let (now, es) = (w.now, w.id(ES));
    let mut rotated = w.sides[ES].keys.clone();
    let draft = seal::CardDraft { endpoints: vec!["new.example:8443".into()], valid_from: UnixMs(now.0 + HOUR), ..card_draft("es") };
    let second = rotated.rotate(&draft, now, &mut Seeded(5)).unwrap();
    let parcel = w.parcel(DE, MA, 1, &[node::Piece::Card(second.clone())]);
    let receipt = w.hand(DE, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["peer.card.service"], "a card is brought by its owner");
    let parcel = w.parcel(ES, MA, 1, &[node::Piece::Card(second)]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["held"]);
    let cards = w.node(MA).book().cards(&es).unwrap();
    assert_eq!((cards.latest().number, cards.latest().endpoints[0].as_str()), (2, "new.example:8443"));
    let mut forged = w.sides[ES].keys.clone();
    let other = forged.rotate(&draft, now, &mut Seeded(6)).unwrap();
    let parcel = w.parcel(ES, MA, 2, &[node::Piece::Card(other)]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["peer.card.fork"]);
    w.restart(MA);
    assert_eq!(w.node(MA).book().cards(&es).unwrap().latest().number, 2, "it survives a restart");
    // The new key signs once its time has come, and the old one for two days more.
    w.sides[ES].keys = rotated;
    w.wait(2 * HOUR);
    let at = w.now;
    w.sides[ES].keys.advance(at);
    let parcel = w.parcel(ES, MA, 3, &[]);
    assert!(w.hand(ES, MA, &parcel).is_ok());
}

#[test]
fn an_accord_among_two_and_among_three_is_in_force_once_all_have_signed() {
    for n in [2, 3] {
        let mut w = World::partners(n);
        let id = w.accord_proposed(&["information-request"]);
        let mut picture = format!("{n}: ");
        for i in 0..n {
            w.pump();
            picture += &format!("{} ", w.alike(id));
            w.signs(i, id);
        }
        w.pump();
        picture += &w.alike(id);
        assert_eq!(picture, if n == 2 { "2: proposed proposed in-force" } else { "3: proposed proposed proposed in-force" });
        assert_eq!(w.filed(0, id), w.filed(n - 1, id));
    }
}

#[test]
fn four_eyes_are_two_officers_with_the_roles_and_once() {
    let mut w = World::partners(2);
    let now = w.now;
    let parties = w.parties(&[(MA, "party"), (ES, "party")]);
    let intent = Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields: w.accord_form(&["working-visit"]), handling: h0() };
    let n = &mut w.sides[MA];
    for (id, roles) in [("supervisor.1", vec![Supervisor]), ("desk.1", vec![Desk]), ("authority.1", vec![CompetentAuthority])] {
        n.node.add_officer(id.parse().unwrap(), id.into(), roles, now).unwrap();
    }
    n.commit();
    let who = |n: &node::Node, id: &str| n.officers().iter().find(|o| o.id.as_str() == id).unwrap().clone();
    let (supervisor, desk, authority) = (who(&n.node, "supervisor.1"), who(&n.node, "desk.1"), who(&n.node, "authority.1"));
    assert_eq!(code(n.node.propose(&desk, intent.clone(), now)), "refusal.act.officer-role", "judged before anybody is asked to approve");
    n.commit();
    let Made::Pending { id, roles, .. } = n.node.propose(&supervisor, intent, now).unwrap() else { panic!("four eyes are wanted") };
    n.commit();
    assert_eq!(roles, [CompetentAuthority]);
    assert_eq!(n.node.list(None, None, 10).unwrap().len(), 0, "nothing is opened yet");
    let due = n.node.due(now).unwrap();
    assert_eq!((due.len(), due[0].kind, due[0].what.as_str(), due[0].answers.as_str()), (1, DueKind::Approval, id.as_str(), "supervisor.1"));
    assert_eq!(code(n.node.approve(&supervisor, &id, now)), "refusal.pending.same-eyes");
    assert_eq!(code(n.node.approve(&desk, &id, now)), "refusal.act.four-eyes");
    assert_eq!(code(n.node.dismiss(&desk, &id, now)), "refusal.officer.role");
    assert_eq!(code(n.node.approve(&authority, "0011223344556677", now)), "refusal.pending.gone");
    n.commit();
    assert!(matches!(n.node.approve(&authority, &id, now), Ok(Made::Act { .. })));
    assert_eq!(code(n.node.approve(&authority, &id, now)), "refusal.pending.gone", "also before the first is on disk");
    n.commit();
    assert_eq!(code(n.node.approve(&authority, &id, now)), "refusal.pending.gone");
    n.commit();
    assert_eq!(n.node.list(None, None, 10).unwrap().len(), 1);
    assert!(n.node.all_pending().unwrap().is_empty());
}

#[test]
fn an_approval_given_twice_at_once_leaves_no_gap_in_our_chain() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    w.accepts(ES, asked.dossier);
    let now = w.now;
    let n = &mut w.sides[ES];
    let (chief, deputy) = (n.chief.clone(), n.deputy.clone());
    // A consent is opened under four eyes; the same proposal is approved twice, and a note follows, all before one commit.
    let answer = moves(asked.dossier, None, "answer_part", {
        let mut a = answer();
        a["still_to_come"] = fr("Le reste.");
        a.as_object_mut().unwrap().remove("reference"); // it was given when the request was accepted
        a
    });
    let Made::Pending { id, .. } = n.node.propose(&chief, answer, now).unwrap() else { panic!() };
    n.commit();
    n.node.approve(&deputy, &id, now).unwrap();
    assert_eq!(code(n.node.approve(&deputy, &id, now)), "refusal.pending.gone");
    n.node.propose(&chief, note(asked.dossier, "Suite."), now).unwrap();
    assert!(n.node.commit().iter().all(|(_, r)| r.is_ok()));
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(MA, asked.dossier), "es1 valid, es2 valid, es3 valid, ma1 valid");
}

#[test]
fn a_request_is_asked_clarified_and_answered_within_its_clock() {
    let (mut w, accord) = World::allied(2);
    let asked = w.asks(MA, None);
    let id = asked.dossier;
    w.wait(90 * MINUTE);
    w.pump();
    let received = w.store(ES).act(&asked.act).unwrap().unwrap().at;
    // The clock runs from the signed receipt: both sides reckon alike.
    let clock = |w: &mut World, i: usize| {
        let now = w.now;
        let due = w.node(i).due(now).unwrap();
        let d = due.into_iter().find(|d| d.what == "request/answer").unwrap();
        format!("{:?} {} {:?} {}", d.kind, d.answers, d.state.unwrap(), (d.due.unwrap().0 - received.0) / MINUTE)
    };
    assert_eq!((clock(&mut w, MA), clock(&mut w, ES)), ("Theirs es Running 480".into(), "Ours es Running 480".into()));
    w.accepts(ES, id);
    let question = w.does(ES, opens(id, "clarification", json!({ "question": [fr("Quel jour ?")] })));
    w.pump();
    assert_eq!(clock(&mut w, MA).split(' ').nth(2), Some("Paused"));
    assert_eq!(clock(&mut w, ES).split(' ').nth(2), Some("Paused"));
    w.wait(60 * MINUTE);
    w.does(MA, moves(id, Some(question.item), "give", json!({ "answer": [fr("Lundi.")] })));
    w.pump();
    assert_eq!((clock(&mut w, MA), clock(&mut w, ES)), ("Theirs es Running 540".into(), "Ours es Running 540".into()));
    assert_eq!(w.tries(MA, moves(id, None, "close", json!({}))).unwrap_err().code(), "refusal.act.guard");
    w.does(ES, moves(id, None, "answer", answer()));
    w.pump();
    assert_eq!(w.alike(id), "answered-by-all");
    w.does(MA, moves(id, None, "close", json!({})));
    w.pump();
    assert_eq!(w.alike(id), "closed");
    assert_eq!(w.tries(ES, note(id, "Trop tard.")).unwrap_err().code(), "refusal.act.ended");
    assert_eq!(w.waiting_for(MA) + w.waiting_for(ES), 0);
    let now = w.now;
    assert_eq!(w.node(MA).view(&id, &[], now).unwrap().accord, Some(accord));
    // Its proof folds to the same digest with nothing but the file.
    let proof = w.node(ES).prove_dossier(&id, None).unwrap();
    let proved = node::Proof::read(&serde_json::to_string(&proof).unwrap()).unwrap().verify().unwrap();
    assert_eq!((proved.digest, proved.phase.as_deref(), proved.acts), (Some(w.digest(MA, id)), Some("closed"), 6));
    let mut cut = proof.clone();
    cut.acts.retain(|(signed, _)| *signed != proof.acts[0].0);
    assert!(cut.verify().is_err(), "an act in the middle cannot be left out");
}

#[test]
fn what_an_accord_does_not_permit_is_not_opened() {
    let mut w = World::partners(3);
    let accord = w.accord_proposed(&["working-visit"]);
    w.pump();
    let open = |w: &mut World, accord| {
        let parties = w.asking(MA);
        code(w.tries(MA, Intent::Open { mechanism: "information-request".into(), accord, parties, follows: None, fields: form(question()), handling: h0() }))
    };
    assert_eq!(open(&mut w, None), "refusal.accord.none", "none is in force");
    assert_eq!(open(&mut w, Some(accord)), "refusal.act.accord", "not all have signed");
    for i in 0..3 {
        w.signs(i, accord);
        w.pump();
    }
    assert_eq!(open(&mut w, None), "refusal.accord.none", "it does not name the mechanism");
    assert_eq!(open(&mut w, Some(accord)), "refusal.act.accord");
    let right = w.accord(&["information-request"]);
    assert_eq!(open(&mut w, None), "ok");
    assert_eq!(open(&mut w, Some(right)), "ok");
    w.accord(&["information-request"]);
    assert_eq!(open(&mut w, None), "refusal.accord.which", "two fit; one is to be named");
    let no_such = base::Digest::of(b"none").into();
    assert_eq!(open(&mut w, Some(no_such)), "refusal.node.absent");
}
