//! Acts arrive as they like: everybody folds alike, what lacks its past waits, is asked for and revived.

use crate::world::*;
use base::{Digest, DossierId};
use serde_json::json;

/// Nine acts among three, with nothing delivered yet beyond the accord; returns the dossier.
fn busy(w: &mut World) -> DossierId {
    let id = w.asks(MA, None).dossier;
    w.send_all(MA, ES);
    w.accepts(ES, id);
    w.notes(ES, id, "Bien reçu.");
    w.send_all(ES, MA);
    w.notes(MA, id, "Merci.");
    w.notes(ES, id, "Nous cherchons.");
    id
}

#[test]
fn an_act_that_comes_before_its_opening_waits_is_asked_for_and_revived() {
    let (mut w, _) = World::allied(3);
    let id = busy(&mut w);
    assert_eq!(w.phase(DE, id), "refusal.node.absent");
    w.send(ES, DE);
    assert_eq!(w.filed(DE, id), "es1 waiting, es2 waiting, es3 waiting");
    assert_eq!(w.phase(DE, id), "refusal.node.absent", "nothing is shown of what cannot be judged");
    assert!(w.node(DE).list(None, None, 9).unwrap().iter().all(|l| l.id != id));
    // DE asks the one who told it, and that one hands on what it holds of others.
    w.send_all(DE, ES);
    w.send_all(ES, DE);
    assert_eq!(w.filed(DE, id), "es1 valid, es2 valid, es3 valid, ma1 valid");
    w.pump();
    assert_eq!(w.alike(id), "open");
    assert_eq!(w.filed(DE, id), w.filed(MA, id));
    let sum: u64 = (0..3).map(|i| w.waiting_for(i)).sum();
    assert_eq!(sum, 0);
}

#[test]
fn every_order_of_arrival_folds_alike() {
    // Each seed delivers one parcel at a time between two services drawn from it.
    let mut seen = Vec::new();
    for seed in 0..12u64 {
        let (mut w, _) = World::allied(3);
        let id = w.asks(MA, None).dossier;
        let mut draw = Seeded(seed);
        let mut next = |n: u64| {
            let mut b = [0; 8];
            base::Entropy::fill(&mut draw, &mut b);
            u64::from_be_bytes(b) % n
        };
        for step in 0..14 {
            let (a, b) = (next(3) as usize, next(3) as usize);
            if a != b {
                w.send(a, b);
            }
            let i = next(3) as usize;
            if w.phase(i, id) == "open" && step % 2 == 0 {
                w.notes(i, id, &format!("Note {step}"));
            }
        }
        w.pump();
        w.wait(31_000);
        w.pump();
        assert_eq!(w.alike(id), "open", "seed {seed}");
        let filed: Vec<String> = (0..3).map(|i| w.filed(i, id)).collect();
        assert!(filed.iter().all(|f| *f == filed[0] && !f.contains("waiting")), "seed {seed}: {filed:?}");
        for i in 0..3 {
            let before = w.digest(i, id);
            w.restart(i);
            assert_eq!(w.digest(i, id), before, "seed {seed}: the disk folds as memory did");
        }
        seen.push(filed[0].len());
    }
    assert!(seen.iter().any(|n| *n != seen[0]), "the seeds differ");
}

#[test]
fn a_dossier_under_an_accord_that_is_not_whole_here_waits_for_it() {
    let mut w = World::partners(3);
    let accord = w.accord_proposed(&["information-request"]);
    w.pump();
    w.signs(ES, accord);
    w.signs(DE, accord);
    w.pump();
    // MA signs last; ES knows and opens at once; DE has not heard of the signature.
    w.signs(MA, accord);
    w.send_all(MA, ES);
    assert_eq!((w.phase(ES, accord).as_str(), w.phase(DE, accord).as_str()), ("in-force", "proposed"));
    let asked = w.asks(ES, None);
    w.notes(ES, asked.dossier, "Urgent.");
    w.send(ES, DE);
    assert_eq!(w.filed(DE, asked.dossier), "es1 waiting, es2 waiting");
    w.restart(DE);
    assert_eq!(w.phase(DE, asked.dossier), "refusal.node.absent");
    // The signature comes from its author, or on request from whoever told of it.
    w.send_all(MA, DE);
    assert_eq!(w.phase(DE, accord), "in-force");
    assert_eq!(w.filed(DE, asked.dossier), "es1 valid, es2 valid");
    w.pump();
    assert_eq!(w.alike(asked.dossier), "open");
    w.accepts(DE, asked.dossier);
    w.pump();
    w.alike(asked.dossier);
}

#[test]
fn the_accord_is_asked_of_whoever_opened_under_it() {
    let mut w = World::partners(3);
    let accord = w.accord_proposed(&["information-request"]);
    w.pump();
    w.signs(ES, accord);
    w.signs(DE, accord);
    w.pump();
    w.signs(MA, accord);
    w.send_all(MA, ES);
    let asked = w.asks(ES, None);
    // MA is cut off from DE: only ES and DE speak.
    for _ in 0..3 {
        w.send_all(ES, DE);
        w.send_all(DE, ES);
    }
    assert_eq!((w.phase(DE, accord).as_str(), w.phase(DE, asked.dossier).as_str()), ("in-force", "open"));
    w.pump();
    w.alike(asked.dossier);
}

#[test]
fn the_same_is_not_asked_for_twice_in_half_a_minute_and_strangers_get_nothing() {
    let (mut w, _) = World::allied(3);
    let id = busy(&mut w);
    let held: Vec<_> = w.store(ES).acts_of(&id).unwrap().into_iter().filter(|a| a.author == w.id(ES)).collect();
    let piece = |n: usize| match &held[n].body {
        store::Body::Held(b) => node::Piece::Act { signed: held[n].signed.clone(), body: Some(b.clone()) },
        _ => panic!(),
    };
    let wants = |w: &World| w.store(DE).outbox_depth().unwrap().iter().map(|d| d.count).sum::<u64>();
    let parcel = w.parcel(ES, DE, 91, &[piece(1)]);
    w.hand(ES, DE, &parcel).unwrap();
    assert_eq!(wants(&w), 2, "the first of ES and the opening of MA");
    let parcel = w.parcel(ES, DE, 92, &[piece(1)]);
    w.hand(ES, DE, &parcel).unwrap();
    assert_eq!(wants(&w), 2);
    // Its author can have its own act of a dossier that never began here, and nobody else: who is a party cannot be told without the opening.
    let es = w.id(ES);
    let early = node::Piece::Want { dossier: id, author: es, from: 1, to: 9 };
    for (by, fate, queued) in [(MA, "refusal.node.absent", 2), (ES, "held", 3)] {
        let parcel = w.parcel(by, DE, 95, std::slice::from_ref(&early));
        let receipt = w.hand(by, DE, &parcel).unwrap();
        assert_eq!((fates(&w, DE, &receipt), wants(&w)), (vec![fate.to_owned()], queued), "asked by {by}");
    }
    // A partner asks for a dossier in which it has no part, and for one that does not exist: the answer is the same.
    let two = World::accord_between(&mut w, MA, ES);
    let want = |dossier, author| node::Piece::Want { dossier, author, from: 1, to: 9 };
    let (ma, nothing) = (w.id(MA), Digest::of(b"nothing").into());
    let parcel = w.parcel(DE, MA, 93, &[want(two, ma), want(nothing, ma)]);
    let receipt = w.hand(DE, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["refusal.node.absent", "refusal.node.absent"]);
    let endless = node::Piece::Want { dossier: id, author: ma, from: 1, to: u64::MAX };
    let beyond = node::Piece::Want { dossier: id, author: ma, from: u64::MAX, to: 0 };
    let parcel = w.parcel(ES, MA, 94, &[endless, beyond]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["held", "held"], "a range has its limit, and beyond the end there is nothing");
    assert!(w.carry(MA, DE).is_none_or(|(_, _)| w.store(DE).acts_of(&two).unwrap().is_empty()));
}

impl World {
    /// An accord that only two of the services know of.
    pub fn accord_between(w: &mut World, a: usize, b: usize) -> DossierId {
        let parties = w.parties(&[(a, "party"), (b, "party")]);
        let fields = w.accord_form(&["information-request"]);
        let intent = node::Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() };
        w.does(a, intent).dossier
    }
}

#[test]
fn content_that_did_not_come_along_does_not_void_the_act() {
    // ES hands MA's note on without its body; DE must not judge what it has not read, or it would fold otherwise than the rest.
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let noted = w.notes(MA, id, "Important.");
    w.send_all(MA, ES);
    let filed = w.store(ES).act(&noted.act).unwrap().unwrap();
    let stripped = w.parcel(ES, DE, 77, &[node::Piece::Act { signed: filed.signed, body: None }]);
    let receipt = w.hand(ES, DE, &stripped).unwrap();
    assert_eq!(fates(&w, DE, &receipt), ["refusal.act.without-content"]);
    w.pump();
    w.alike(id);
    assert_eq!(w.filed(DE, id), "ma1 valid, ma2 valid");
    w.does(MA, moves(id, None, "withdraw", json!({ "reason": fr("Résolu") })));
    w.pump();
    assert_eq!(w.alike(id), "withdrawn");
}

#[test]
fn a_dossier_that_waits_for_its_accord_asks_for_what_is_lacking_and_not_again_for_what_is_known() {
    let (mut w, _) = World::allied(3);
    let accord = w.accord_proposed(&["information-request"]);
    w.pump();
    w.signs(DE, accord);
    w.pump();
    // What brings it into force does not reach DE.
    w.signs(ES, accord);
    w.send_all(ES, MA);
    w.signs(MA, accord);
    let asked = w.asks(MA, Some(accord)).dossier;
    let piece = |w: &World, dossier: &DossierId| {
        let act = w.store(MA).acts_of(dossier).unwrap().into_iter().find(|a| a.seq == 1).unwrap();
        let store::Body::Held(body) = act.body else { panic!("it is kept") };
        node::Piece::Act { signed: act.signed, body: Some(body) }
    };
    let wants = |w: &World| w.store(DE).outbox_depth().unwrap().iter().map(|d| d.count).sum::<u64>();
    assert_eq!(wants(&w), 0);
    let (opening, known) = (piece(&w, &asked), piece(&w, &accord));
    let parcel = w.parcel(MA, DE, 96, &[opening]);
    w.hand(MA, DE, &parcel).unwrap();
    assert_eq!(wants(&w), 2, "the signatures of MA and ES");
    // They arrive, and what they ask for stays under way.
    w.send_all(DE, MA);
    w.send_all(DE, ES);
    for n in 1..4 {
        w.wait(MINUTE);
        let parcel = w.parcel(MA, DE, 96 + n, std::slice::from_ref(&known));
        w.hand(MA, DE, &parcel).unwrap();
        assert_eq!(wants(&w), 0, "what is here already brings nothing on");
    }
    w.pump();
    w.alike(asked);
}
