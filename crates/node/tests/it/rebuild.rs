//! Every projection is worked out anew from the ledger, and nothing looks other than before.

use crate::world::*;
use base::DossierId;

fn picture(w: &mut World, i: usize, dossiers: &[DossierId]) -> String {
    let now = w.now;
    let mut out = String::new();
    for d in dossiers {
        out += &format!("{} {} {}\n", d.short(), w.digest(i, *d).short(), w.filed(i, *d));
        let row = w.store(i).dossier(d).unwrap().unwrap();
        out += &format!("  {} {} {} {} {}\n", row.phase, row.closed, row.opened_at, row.updated_at, String::from_utf8(row.summary).unwrap());
        for act in w.store(i).acts_of(d).unwrap() {
            out += &format!("  {} held by {:?}\n", act.id.short(), w.store(i).receipts_of(&act.id).unwrap());
        }
    }
    for o in (0..w.sides.len()).filter(|o| *o != i) {
        let to = w.id(o);
        let due = w.store(i).outbox_next(&to, None, 100, 1 << 20).unwrap();
        out += &format!(
            "for {}: {:?}\n",
            NAMES[o],
            due.iter()
                .map(|d| match &d.what {
                    store::DueObject::Act(a) => a.id.short(),
                    store::DueObject::Note { id, .. } => format!("note {}", id.short()),
                })
                .collect::<Vec<_>>()
        );
    }
    let due = w.node(i).due(now).unwrap();
    out += &due.iter().map(|d| format!("due {:?} {} {} {:?} {:?}\n", d.kind, d.what, d.answers, d.due, d.state)).collect::<String>();
    out
}

fn rebuilt(w: &mut World, i: usize) -> node::Rebuilt {
    let now = w.now;
    let mut heard = Vec::new();
    let done = w.node(i).rebuild(now, &mut |n, of| heard.push((n, of))).unwrap();
    assert_eq!(heard.last(), Some(&(done.entries, done.entries)));
    assert!(w.store(i).record("store", "rebuilding").unwrap().is_none());
    done
}

/// A federation with something in every drawer: settled, due, refused, waiting for a second officer, forked.
fn full() -> (World, Vec<DossierId>) {
    let (mut w, accord) = World::allied(3);
    let one = w.asks(MA, None).dossier;
    w.pump();
    w.accepts(ES, one);
    w.notes(DE, one, "Wir prüfen.");
    w.pump();
    w.does(DE, opens(one, "clarification", serde_json::json!({ "question": [fr("Quand ?")] })));
    w.send_all(DE, MA);
    let two = w.asks(ES, None).dossier;
    w.send_all(ES, MA);
    w.notes(MA, two, "Reçu.");
    w.notes(MA, one, "Patience.");
    w.send_all(MA, DE);
    (w, vec![accord, one, two])
}

#[test]
fn a_rebuilt_node_looks_as_before() {
    let (mut w, dossiers) = full();
    for (i, name) in NAMES.iter().enumerate() {
        let mine: Vec<DossierId> = dossiers.iter().copied().filter(|d| w.store(i).dossier(d).unwrap().is_some()).collect();
        assert!(mine.len() >= 2);
        let (before, size) = (picture(&mut w, i, &mine), w.size(i));
        let done = rebuilt(&mut w, i);
        assert_eq!((done.entries, done.dossiers as usize), (size, mine.len()));
        assert_eq!(picture(&mut w, i, &mine), before, "{name}");
        w.restart(i);
        assert_eq!(picture(&mut w, i, &mine), before, "{name} after a restart");
    }
    w.pump();
    dossiers.iter().for_each(|d| drop(w.alike(*d)));
}

#[test]
fn a_rebuild_sends_nothing_again_that_was_receipted_or_refused() {
    let (mut w, _) = World::allied(2);
    for _ in 0..3 {
        w.asks(MA, None);
    }
    w.pump();
    assert_eq!(w.waiting_for(MA), 0);
    rebuilt(&mut w, MA);
    assert_eq!(w.waiting_for(MA), 0);
}

#[test]
fn what_was_erased_stays_erased_and_its_verdict_stands() {
    let (mut w, dossiers) = full();
    let one = dossiers[1];
    let acts = w.store(MA).acts_of(&one).unwrap();
    let mut items: Vec<_> = acts.iter().map(|a| a.item).collect();
    items.dedup();
    let before = (w.digest(MA, one), w.filed(MA, one));
    let mut batch = store::Append::new(w.now);
    batch.erase.extend(items.iter().map(|i| (one, *i)));
    w.store(MA).append(vec![batch]).unwrap().remove(0).unwrap();
    w.restart(MA);
    assert_eq!((w.digest(MA, one), w.filed(MA, one)), before, "restart");
    rebuilt(&mut w, MA);
    assert_eq!((w.digest(MA, one), w.filed(MA, one)), before, "rebuild");
    w.restart(MA);
    assert_eq!((w.digest(MA, one), w.filed(MA, one)), before);
    assert!(w.store(MA).acts_of(&one).unwrap().iter().all(|a| a.body == store::Body::Erased));
    w.notes(MA, one, "La suite.");
    w.pump();
    assert_eq!(w.digest(MA, one), w.digest(DE, one));
}

#[test]
fn what_came_out_of_order_is_rebuilt_alike_also_when_it_was_erased() {
    let mut w = World::partners(3);
    let accord = w.accord_proposed(&["information-request"]);
    w.pump();
    for i in [ES, DE] {
        w.signs(i, accord);
    }
    w.pump();
    w.signs(MA, accord);
    w.send_all(MA, ES);
    // DE's ledger holds the request before the signature under which it stands, and its notes in the wrong order.
    let asked = w.asks(ES, None).dossier;
    let notes: Vec<_> = ["Un.", "Deux.", "Trois."].iter().map(|t| w.notes(ES, asked, t)).collect();
    let piece = |w: &World, act| {
        let a = w.store(ES).act(&act).unwrap().unwrap();
        match a.body {
            store::Body::Held(b) => node::Piece::Act { signed: a.signed, body: Some(b) },
            _ => panic!("held"),
        }
    };
    for (n, d) in notes.iter().rev().enumerate() {
        let parcel = w.parcel(ES, DE, 1 + n as u64, &[piece(&w, d.act)]);
        w.hand(ES, DE, &parcel).unwrap();
    }
    w.send_all(ES, DE);
    w.send_all(MA, DE);
    w.pump();
    w.alike(asked);
    for erased in [false, true] {
        if erased {
            let mut batch = store::Append::new(w.now);
            batch.erase.push((asked, notes[0].item));
            batch.erase.push((asked, notes[2].item));
            w.store(DE).append(vec![batch]).unwrap().remove(0).unwrap();
        }
        let before = picture(&mut w, DE, &[accord, asked]);
        rebuilt(&mut w, DE);
        assert_eq!(picture(&mut w, DE, &[accord, asked]), before, "erased: {erased}");
    }
}

#[test]
fn a_rebuild_that_was_cut_short_is_finished_at_the_next_start() {
    let (mut w, dossiers) = full();
    let before = picture(&mut w, MA, &dossiers);
    w.store(MA).wipe_projections().unwrap();
    w.restart(MA);
    assert_eq!(picture(&mut w, MA, &dossiers), before, "a node on empty projections would write its own chain twice");
}

#[test]
fn a_partner_that_sends_an_old_parcel_again_cannot_make_a_rebuild_impossible() {
    let (mut w, _) = World::allied(2);
    w.asks(MA, None);
    w.pump();
    let old = w.parcel(ES, MA, 1 << 40, &[]);
    let first = w.hand(ES, MA, &old).unwrap();
    // So much comes after it that its number is forgotten.
    let (es, now) = (w.id(ES), w.now);
    let mut number = 1 << 40;
    while w.store(MA).given(&parcel_id(&old)).unwrap().is_some() {
        assert!(number < (1 << 40) + 2 * store::GIVEN_KEPT, "old numbers are forgotten in the end");
        for _ in 0..64 {
            number += 1;
            let parcel = w.parcel(ES, MA, number, &[]);
            let side = &mut w.sides[MA];
            let arrived = node::open(parcel, es, &side.node.book(), &side.keys, now).unwrap();
            side.node.receive(arrived, now).unwrap();
        }
        w.sides[MA].commit();
    }
    w.wait(1000);
    assert_ne!(w.hand(ES, MA, &old).unwrap(), first, "it is received once more");
    rebuilt(&mut w, MA);
    w.hand(ES, MA, &old).unwrap();
    rebuilt(&mut w, MA);
}

#[test]
fn after_a_rebuild_another_parcel_under_a_used_number_is_refused_and_the_next_number_is_taken() {
    let (mut w, _) = World::allied(2);
    let (used, next) = (1 << 40, (1 << 40) + 1);
    let first = w.parcel(ES, MA, used, &[]);
    let receipt = w.hand(ES, MA, &first).unwrap();
    rebuilt(&mut w, MA);
    // The number stands in our receipt, and so in our ledger.
    let (from, highest) = (w.id(ES), w.store(MA).given_highest(&w.id(ES)).unwrap());
    assert_eq!((highest, w.store(MA).given_numbered(&from, used).unwrap().map(|g| g.receipt)), (Some(used), Some(receipt.clone())));
    let other = w.parcel(ES, MA, used, &[node::Piece::Card(w.sides[ES].keys.card_bytes().to_vec())]);
    assert_eq!(w.hand(ES, MA, &other).unwrap_err(), "peer.parcel.replayed");
    assert_eq!(w.logged(MA, "refused-input").len(), 1);
    assert_eq!(w.hand(ES, MA, &first).unwrap(), receipt, "the parcel itself earns its receipt again");
    let after = w.parcel(ES, MA, next, &[]);
    w.hand(ES, MA, &after).unwrap();
}

#[test]
fn a_receipt_that_names_another_number_settles_nothing() {
    let (mut w, _) = World::allied(2);
    w.asks(MA, None);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let honest = w.hand(MA, ES, &parcel).unwrap();
    let cards = seal::Cards::first(w.sides[ES].keys.card_bytes()).unwrap();
    let (receipt, _) = seal::Receipt::read(&honest, &cards).unwrap();
    assert_eq!(receipt.number, number);
    let due = w.waiting_for(MA);
    let other = seal::Receipt { number: number + 1, ..receipt }.sign(&w.sides[ES].keys);
    assert_eq!(w.answered(MA, ES, number, &parcel, Some(other.bytes())).unwrap_err(), "peer.receipt.other");
    assert_eq!(w.waiting_for(MA), due);
}
