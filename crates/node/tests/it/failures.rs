//! The disk fails at the commit: who asked hears it, memory goes back to the disk, and the next attempt works.

use crate::world::*;
use node::NodeError;
use seal::Directory;
use std::sync::atomic::Ordering::Relaxed;

#[test]
fn an_act_that_could_not_be_stored_was_never_made() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    let (before, size) = (w.digest(MA, asked.dossier), w.size(MA));
    let now = w.now;
    let side = &mut w.sides[MA];
    side.disk.full.store(true, Relaxed);
    let chief = side.chief.clone();
    for words in ["Un.", "Deux."] {
        side.node.propose(&chief, note(asked.dossier, words), now).unwrap();
    }
    let outcomes = side.node.commit();
    assert_eq!(outcomes.iter().map(|(_, r)| r.as_ref().unwrap_err().code()).collect::<Vec<_>>(), ["failure.store.disk-full"; 2]);
    assert_eq!((w.digest(MA, asked.dossier), w.size(MA)), (before, size));
    assert!(w.carry(MA, ES).is_none(), "nothing of it can leave");
    w.sides[MA].disk.full.store(false, Relaxed);
    w.notes(MA, asked.dossier, "Trois.");
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid", "the chain has no gap");
}

#[test]
fn a_parcel_that_could_not_be_stored_gets_no_receipt_and_is_taken_the_next_time() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.sides[ES].disk.full.store(true, Relaxed);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    assert_eq!(w.hand(MA, ES, &parcel).unwrap_err(), "failure.store.disk-full");
    assert_eq!(w.phase(ES, asked.dossier), "refusal.node.absent");
    w.answered(MA, ES, number, &parcel, None).unwrap();
    w.sides[ES].disk.full.store(false, Relaxed);
    assert!(w.hand(MA, ES, &parcel).is_ok(), "the very same parcel is good now");
    w.pump();
    assert_eq!(w.alike(asked.dossier), "open");
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid");
}

#[test]
fn an_act_that_waited_in_memory_only_is_forgotten_with_the_failed_commit() {
    let (mut w, _) = World::allied(3);
    let asked = w.asks(MA, None);
    w.pump();
    let first = w.notes(MA, asked.dossier, "Un.");
    w.notes(MA, asked.dossier, "Deux.");
    w.send_all(MA, DE);
    let filed = w.store(DE).acts_of(&asked.dossier).unwrap();
    let piece = |n: u64| {
        filed
            .iter()
            .find(|a| a.seq == n)
            .map(|a| node::Piece::Act {
                signed: a.signed.clone(),
                body: match &a.body {
                    store::Body::Held(b) => Some(b.clone()),
                    _ => None,
                },
            })
            .unwrap()
    };
    // The later one comes first, and cannot be stored.
    w.sides[ES].disk.full.store(true, Relaxed);
    let parcel = w.parcel(DE, ES, 1, &[piece(3)]);
    assert_eq!(w.hand(DE, ES, &parcel).unwrap_err(), "failure.store.disk-full");
    w.sides[ES].disk.full.store(false, Relaxed);
    let parcel = w.parcel(DE, ES, 2, &[piece(2)]);
    assert!(w.hand(DE, ES, &parcel).is_ok(), "no verdict is written on what the disk does not hold");
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid");
    assert!(w.store(ES).act(&first.act).unwrap().is_some());
    w.pump();
    w.alike(asked.dossier);
}

#[test]
fn a_receipt_that_could_not_be_stored_leaves_its_acts_due() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    w.sides[MA].disk.full.store(true, Relaxed);
    assert_eq!(w.answered(MA, ES, number, &parcel, Some(&receipt)), Err("failure.store.disk-full"));
    w.sides[MA].disk.full.store(false, Relaxed);
    assert_eq!(w.waiting_for(MA), 1);
    w.pump();
    assert_eq!(w.waiting_for(MA), 0, "it is sent again without a restart");
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid");
}

#[test]
fn cards_officers_and_mechanisms_that_could_not_be_stored_are_not_known() {
    let mut w = World::partners(2);
    let (now, es) = (w.now, w.id(ES));
    let stranger = keys("fr", 31);
    let words = seal::Fingerprint::of(&stranger.service()).words(base::Lang::En);
    let mut rotated = w.sides[ES].keys.clone();
    let next = rotated.issue_card(&seal::CardDraft { valid_from: now, ..card_draft("es") }, now).unwrap();
    let own = String::from_utf8(w.node(MA).mechanism("information-request").unwrap().bytes().to_vec()).unwrap() + "\n";
    let side = &mut w.sides[MA];
    side.disk.full.store(true, Relaxed);
    side.node.import_card(stranger.card_bytes(), &words, now).unwrap();
    side.node.import_card(&next, "", now).unwrap();
    side.node.add_officer("new.1".parse().unwrap(), "New".into(), vec![dossier::OfficerRole::Desk], now).unwrap();
    let (hash, _) = side.node.add_mechanism(own.as_bytes(), now).unwrap();
    assert!(side.node.commit().iter().all(|(_, r)| r.is_err()));
    side.disk.full.store(false, Relaxed);
    let n = &side.node;
    assert!(n.book().cards(&stranger.service()).is_none());
    assert_eq!(n.book().cards(&es).unwrap().latest().number, 1);
    assert_eq!((n.officers().len(), n.partners().unwrap().len()), (2, 1));
    assert_eq!(n.mechanism(&hash.to_string()).err().map(|e| e.code()), Some("refusal.mechanism.unknown"));
}

#[test]
fn a_disk_that_cannot_even_be_read_does_not_empty_the_node() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    let now = w.now;
    let side = &mut w.sides[MA];
    let chief = side.chief.clone();
    side.node.propose(&chief, note(asked.dossier, "Perdu."), now).unwrap();
    side.disk.full.store(true, Relaxed);
    side.disk.unreadable.store(true, Relaxed);
    assert!(side.node.commit()[0].1.is_err());
    assert_eq!(side.node.view(&asked.dossier, &[], now).unwrap_err().code(), "failure.store.io");
    side.disk.full.store(false, Relaxed);
    side.disk.unreadable.store(false, Relaxed);
    assert_eq!(side.node.officers().len(), 2, "whoever could sign in still can");
    w.notes(MA, asked.dossier, "Gardé.");
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid");
}

#[test]
fn an_attempt_that_the_law_refused_leaves_no_dossier_in_memory() {
    let (mut w, _) = World::allied(2);
    let parties = w.asking(MA);
    let mut fields = form(question());
    fields.remove("facts");
    let intent = node::Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: None, fields, handling: h0() };
    let refused: NodeError = w.tries(MA, intent).unwrap_err();
    assert_eq!(refused.code(), "refusal.field.missing");
    assert_eq!(w.node(MA).list(Some("information-request"), None, 9).unwrap().len(), 0);
}
