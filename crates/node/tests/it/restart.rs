//! The program stops at any moment and starts again on its file: nothing is lost, nothing doubled.

use crate::world::*;
use seal::{Cards, Held, Receipt};
use std::collections::BTreeSet;

fn held_at(w: &World, by: usize, receipt: &[u8]) -> i64 {
    let cards = Cards::first(w.sides[by].keys.card_bytes()).unwrap();
    match Receipt::read(receipt, &cards).unwrap().0.entries[0].held {
        Held::Held { at } => at.0,
        Held::Refused { ref code } => panic!("{code}"),
    }
}

#[test]
fn a_node_goes_on_where_its_file_stands() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    let accord = w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    w.pump();
    w.accepts(ES, asked.dossier);
    w.notes(MA, asked.dossier, "Avant l'arrêt.");
    let picture = |w: &mut World| {
        let both: Vec<_> = (0..2).map(|i| (w.digest(i, accord), w.digest(i, asked.dossier), w.size(i), w.filed(i, asked.dossier), w.waiting_for(i))).collect();
        let officers: Vec<usize> = (0..2).map(|i| w.node(i).officers().len()).collect();
        format!("{both:?} {officers:?} {}", w.node(0).partners().unwrap().len())
    };
    let before = picture(&mut w);
    let mut numbers = BTreeSet::new();
    for _ in 0..3 {
        let (number, _) = w.carry(MA, ES).unwrap();
        assert!(numbers.insert(number), "parcel number {number} came twice");
        w.restart(MA);
        w.restart(ES);
        assert_eq!(picture(&mut w), before);
    }
    w.pump();
    assert_eq!(w.alike(asked.dossier), "open");
    assert_eq!(w.filed(MA, asked.dossier), "es1 valid, ma1 valid, ma2 valid");
    assert_eq!(w.waiting_for(MA) + w.waiting_for(ES), 0);
    let proposal = w.sides[MA].chief.clone();
    let now = w.now;
    w.node(MA).propose(&proposal, moves(accord, None, "denounce", serde_json::json!({ "notice": fr("Fin") })), now).unwrap();
    w.sides[MA].commit();
    w.restart(MA);
    assert_eq!(w.node(MA).all_pending().unwrap().len(), 1, "a proposal waits for its second officer over a restart");
}

#[test]
fn what_was_staged_and_not_stored_is_gone_and_was_never_promised() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    w.pump();
    let now = w.now;
    let chief = w.sides[MA].chief.clone();
    w.node(MA).propose(&chief, note(asked.dossier, "Jamais écrit."), now).unwrap();
    w.restart(MA);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid");
    w.notes(MA, asked.dossier, "Écrit.");
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid");
}

#[test]
fn a_lost_receipt_is_given_again_with_the_first_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let lost = w.hand(MA, ES, &parcel).unwrap();
    let first = held_at(&w, ES, &lost);
    w.answered(MA, ES, number, &parcel, None).unwrap();
    for restarts in [false, true] {
        w.wait(20 * MINUTE);
        if restarts {
            w.restart(MA);
            w.restart(ES);
        }
        let (again, parcel) = w.carry(MA, ES).unwrap();
        assert_ne!(again, number);
        let receipt = w.hand(MA, ES, &parcel).unwrap();
        assert_eq!(held_at(&w, ES, &receipt), first, "the clock that runs from receipt does not start anew");
        if restarts {
            w.answered(MA, ES, again, &parcel, Some(&receipt)).unwrap();
        } else {
            w.answered(MA, ES, again, &parcel, None).unwrap();
        }
    }
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid");
    assert_eq!(w.waiting_for(MA), 0);
    let now = w.now;
    let due = |w: &mut World, i: usize| w.node(i).due(now).unwrap().into_iter().find(|d| d.what == "request/answer").unwrap().due.unwrap().0;
    assert_eq!((due(&mut w, MA), due(&mut w, ES)), (first + 8 * HOUR, first + 8 * HOUR));
}

#[test]
fn several_parcels_under_way_may_be_lost_in_any_way() {
    let mut w = World::partners(2);
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    let a = w.carry(MA, ES).unwrap();
    w.notes(MA, asked.dossier, "Deux.");
    let b = w.carry(MA, ES).unwrap();
    w.notes(MA, asked.dossier, "Trois.");
    let c = w.carry(MA, ES).unwrap();
    assert!(w.carry(MA, ES).is_none(), "everything is under way");
    // The second comes first, the first is lost, the third's receipt is lost.
    let receipt = w.hand(MA, ES, &b.1).unwrap();
    w.answered(MA, ES, b.0, &b.1, Some(&receipt)).unwrap();
    w.hand(MA, ES, &c.1).unwrap();
    w.answered(MA, ES, c.0, &c.1, None).unwrap();
    assert_eq!(w.filed(ES, asked.dossier), "ma2 waiting, ma3 waiting");
    w.answered(MA, ES, a.0, &a.1, None).unwrap();
    w.pump();
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid, ma3 valid");
    assert_eq!(w.waiting_for(MA), 0);
    w.alike(asked.dossier);
}

#[test]
fn an_act_that_is_queued_again_leaves_although_newer_ones_left_meanwhile() {
    // ES asks for an old act in the same moment as MA's courier takes newer things out.
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    w.notes(MA, asked.dossier, "Nouveau.");
    let (ma, es, now) = (w.id(MA), w.id(ES), w.now);
    let want = w.parcel(ES, MA, 5, &[node::Piece::Want { dossier: asked.dossier, author: ma, from: 1, to: 1 }]);
    let side = &mut w.sides[MA];
    let arrived = node::open(want, es, &side.node.book(), &side.keys, now).unwrap();
    side.node.receive(arrived, now).unwrap();
    let newer = side.node.load(es, now).unwrap().unwrap();
    side.commit();
    let parcel = newer.seal(&side.keys).unwrap().bytes;
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    w.answered(MA, ES, newer.number, &parcel, Some(&receipt)).unwrap();
    w.pump();
    assert_eq!(w.waiting_for(MA), 0, "nothing stays behind the courier's back");
}

#[test]
fn a_receipt_that_is_given_again_keeps_its_first_time_although_the_clock_was_set_back() {
    let mut w = World::partners(2);
    w.accord(&["information-request"]);
    w.asks(MA, None);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let lost = w.hand(MA, ES, &parcel).unwrap();
    let first = held_at(&w, ES, &lost);
    w.answered(MA, ES, number, &parcel, None).unwrap();
    // ES finds that its clock was ahead, and sets it back.
    for minutes in [0, -3, -5] {
        w.wait(minutes * MINUTE);
        let (number, parcel) = w.carry(MA, ES).unwrap();
        let receipt = w.hand(MA, ES, &parcel).unwrap();
        assert_eq!(held_at(&w, ES, &receipt), first, "{minutes} minutes: what runs from receipt would start a second time");
        let settles = if minutes == -5 { Some(receipt.as_slice()) } else { None };
        w.answered(MA, ES, number, &parcel, settles).unwrap();
    }
    assert_eq!(w.waiting_for(MA), 0, "a receipt dated ahead of the clock settles as well");
}

#[test]
fn dossiers_that_find_no_room_in_memory_are_read_anew_and_stand_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    w.accord(&["information-request"]);
    let asked: Vec<_> = (0..5).map(|_| w.asks(MA, None).dossier).collect();
    w.pump();
    let write = |w: &mut World, round: &str| {
        for (n, dossier) in asked.iter().enumerate() {
            w.notes(n % 2, *dossier, &format!("{round}, {n}"));
            w.pump();
        }
        w.sides[MA].commit();
        w.node(MA).memory()
    };
    let (all, bytes) = write(&mut w, "there is room for all");
    assert!(all >= asked.len(), "{all} dossiers in memory");
    w.restart_with(MA, 0);
    assert_eq!(write(&mut w, "there is room for none").0, 1, "the one that was used last stays");
    w.restart_with(MA, bytes); // they have grown meanwhile
    let (some, kept) = write(&mut w, "there is room for some");
    assert!((2..all).contains(&some) && kept <= bytes, "{some} dossiers of {kept} bytes; there is room for {bytes}");
    for dossier in &asked {
        assert_eq!(w.alike(*dossier), "open");
        assert_eq!(w.store(MA).acts_of(dossier).unwrap().len(), 4);
    }
    assert_eq!(w.waiting_for(MA) + w.waiting_for(ES), 0);
}
