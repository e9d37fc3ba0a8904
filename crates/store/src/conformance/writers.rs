//! Many hands at once: the writer's thread, readers beside it.

use super::world::{Draft, append, batch, dossier};
use super::{Make, Story};
use crate::{Answer, Append, Parcel, RecordOp, Store, Writer, check_ledger};
use base::Digest;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Barrier};
use std::thread;

pub(super) const STORIES: &[Story] = &[
    ("concurrent callers share the wait and each learns its own result", writer),
    ("a full queue refuses, and what was submitted is stored at the end", full),
    ("readers see whole batches while others write", readers),
    ("one of two who take the same document wins", race),
];

fn writer(make: Make<'_>) {
    let store: Arc<dyn Store> = make().into();
    let writer = Writer::start(store.clone(), 1000).unwrap();
    let before = store.commits();
    // Holds the writer in its first transaction until everything else is queued.
    let (entered, goes_on) = (sync_channel::<()>(1), sync_channel::<()>(1));
    let first = writer.submit(blocked(entered.0, goes_on.1)).unwrap();
    entered.1.recv().unwrap();
    let ready = Barrier::new(8);
    thread::scope(|scope| {
        let (writer, ready, gate) = (&writer, &ready, &goes_on.0);
        for caller in 0..8u64 {
            scope.spawn(move || {
                let mut tickets = Vec::new();
                for seq in 0..20 {
                    let refused = seq == 7;
                    let records = if refused { vec![RecordOp::Take { kind: "x".to_owned(), id: "y".to_owned() }] } else { vec![] };
                    let append = Append { records, ..batch(1, vec![Draft::new(1, caller, seq).entry()]) };
                    tickets.push((refused, writer.submit(append).unwrap()));
                }
                if ready.wait().is_leader() {
                    gate.send(()).unwrap();
                }
                for (refused, ticket) in tickets {
                    assert_eq!(ticket.wait().is_err(), refused);
                }
            });
        }
    });
    first.wait().unwrap();
    assert_eq!(store.commits() - before, 2, "one for the first, one for all that waited meanwhile");
    assert!((0..8).all(|caller| store.acts_of(&dossier(caller)).unwrap().len() == 19));
    check_ledger(&*store).unwrap();
}

/// A batch whose signer says that it has begun and waits.
fn blocked(entered: std::sync::mpsc::SyncSender<()>, goes_on: std::sync::mpsc::Receiver<()>) -> Append {
    let parcel = Parcel { sender: super::world::service(0), number: 1, id: Digest::of(b"parcel").into() };
    let sign: crate::Sign = Box::new(move |_, _| {
        entered.send(())?;
        goes_on.recv()?;
        Ok(super::world::receipt(1, "late"))
    });
    Append { answer: Some(Answer { parcel, until: None, sign }), ..Append::default() }
}

fn full(make: Make<'_>) {
    let store: Arc<dyn Store> = make().into();
    let writer = Writer::start(store.clone(), 3).unwrap();
    let (entered, goes_on) = (sync_channel::<()>(1), sync_channel::<()>(1));
    let first = writer.submit(blocked(entered.0, goes_on.1)).unwrap();
    entered.1.recv().unwrap();
    let submit = |seq| writer.submit(batch(1, vec![Draft::new(0, 0, seq).entry()]));
    let tickets: Vec<_> = (0..3).map(|seq| submit(seq).unwrap()).collect();
    assert_eq!(submit(3).err().unwrap().code(), "refusal.store.busy");
    goes_on.0.send(()).unwrap();
    first.wait().unwrap();
    drop(tickets);
    drop(writer);
    assert_eq!(store.acts_of(&dossier(0)).unwrap().len(), 3, "a caller who does not wait loses nothing");
}

fn readers(make: Make<'_>) {
    let store = make();
    let batches = 60u64;
    thread::scope(|scope| {
        let store = &*store;
        for _ in 0..3 {
            scope.spawn(move || {
                let mut last = 0;
                while last < batches * 5 {
                    let size = store.entries(last, 10_000).unwrap().last().map_or(last, |e| e.pos + 1);
                    assert!(size >= last && size % 5 == 0, "half a batch was seen");
                    assert_eq!(store.acts_of(&dossier(0)).unwrap().len() as u64 % 5, 0);
                    let end = store.ledger().unwrap();
                    assert_eq!(store.root(end.size).unwrap(), Some(end.root));
                    last = size;
                }
            });
        }
        for n in 0..batches {
            append(store, batch(1, (n * 5..n * 5 + 5).map(|seq| Draft::new(0, 0, seq).entry()).collect())).unwrap();
        }
    });
}

fn race(make: Make<'_>) {
    let store = make();
    let put = RecordOp::Put { kind: "intent".to_owned(), id: "1".to_owned(), data: vec![] };
    append(&*store, Append { records: vec![put], ..Append::default() }).unwrap();
    let won: usize = thread::scope(|scope| {
        let store = &*store;
        let take = |seq| {
            let records = vec![RecordOp::Take { kind: "intent".to_owned(), id: "1".to_owned() }];
            append(store, Append { records, ..batch(1, vec![Draft::new(0, 0, seq).entry()]) })
        };
        let hands: Vec<_> = (0..4).map(|seq| scope.spawn(move || take(seq).is_ok())).collect();
        hands.into_iter().map(|hand| usize::from(hand.join().unwrap())).sum()
    });
    assert_eq!((won, store.ledger().unwrap().size), (1, 1));
}
