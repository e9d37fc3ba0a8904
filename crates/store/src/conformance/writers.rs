//! Many hands at once: one writes, others read or write beside it.

use super::world::{Draft, append, batch, dossier};
use super::{Make, Story};
use crate::{Append, RecordOp};
use std::thread;

pub(super) const STORIES: &[Story] = &[("readers see whole batches while others write", readers), ("one of two who take the same document wins", race)];

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
