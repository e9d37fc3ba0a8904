//! Order, duplicates, Merkle roots.

use super::world::{Draft, KEYS, acts, append, batch, receipt, service};
use super::{Make, Story};
use crate::{Entry, Kind, LedgerState, check_ledger, leaf_of, prove_consistency, prove_inclusion};
use base::{Digest, UnixMs};
use seal::ledger::{node_hash, verify_consistency, verify_inclusion};
use seal::{Cards, Checkpoint, Typ};

pub(super) const STORIES: &[Story] = &[
    ("an empty ledger has the empty root", empty),
    ("entries stand in the order of filing", order),
    ("an object is held once", duplicates),
    ("roots of all sizes are those of RFC 6962", roots),
    ("what the ledger proves, seal verifies", proofs),
    ("cards and cosigned checkpoints are filed once verified", cards),
    ("subtrees are there when they are full", subtrees),
];

fn empty(make: Make<'_>) {
    let store = make();
    assert_eq!(store.ledger(), Ok(LedgerState { size: 0, root: Digest::of(b"") }));
    assert_eq!(store.root(0), Ok(Some(Digest::of(b""))));
    assert_eq!(store.root(1), Ok(None));
    assert_eq!(store.subtree(0, 0), Ok(None));
    assert_eq!(store.entries(0, 10), Ok(Vec::new()));
    check_ledger(&*store).unwrap();
}

fn order(make: Make<'_>) {
    let store = make();
    let draft = Draft::new(0, 0, 0);
    let taken = receipt(1, "I hold it");
    let done = append(&*store, batch(7, vec![draft.entry(), Entry::receipt_taken(taken.clone(), vec![])])).unwrap();
    assert_eq!(done.places.iter().map(|p| (p.pos, p.at.0, p.new)).collect::<Vec<_>>(), [(0, 7, true), (1, 7, true)]);
    let entries = store.entries(0, 10).unwrap();
    let picture: Vec<_> = entries.iter().map(|e| (e.pos, e.kind, e.at.0, e.object, e.signed.clone())).collect();
    let expected = [
        (0, Kind::Act, 7, *draft.id().as_ref(), draft.signed().bytes().to_vec()),
        (1, Kind::ReceiptTaken, 7, Digest::of(taken.bytes()), taken.bytes().to_vec()),
    ];
    assert_eq!(picture, expected);
    assert!(entries.iter().all(|e| e.leaf == leaf_of(e.kind, &e.signed)));
    assert_eq!(store.entry(&expected[1].3).unwrap().as_ref(), Some(&entries[1]));
    assert_eq!(store.entries(1, 10).unwrap(), entries[1..]);
    assert_eq!(store.entries(0, 1).unwrap(), entries[..1]);
}

fn duplicates(make: Make<'_>) {
    let store = make();
    let (first, second) = (Draft::new(0, 0, 0), Draft::new(0, 0, 1));
    append(&*store, batch(1, vec![first.entry()])).unwrap();
    let done = append(&*store, batch(2, vec![second.entry(), first.entry(), second.entry()])).unwrap();
    assert_eq!(done.places.iter().map(|p| (p.pos, p.at.0, p.new)).collect::<Vec<_>>(), [(1, 2, true), (0, 1, false), (1, 2, false)]);
    assert_eq!(done.ledger.size, 2);
    // Same head, other signed bytes: the same act, and the first bytes stay.
    let again = Entry::act(KEYS[1].sign(Typ::Act, &first.head()), first.filing(), None);
    assert!(!append(&*store, batch(3, vec![again])).unwrap().places[0].new);
    assert_eq!(store.act(&first.id()).unwrap().unwrap().author, service(0));
    check_ledger(&*store).unwrap();
}

/// RFC 6962, 2.1, as it is written there.
fn naive(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive(left), &naive(right))
        }
    }
}

fn roots(make: Make<'_>) {
    let store = make();
    let mut seq = 0;
    for step in [1, 2, 100, 150, 3, 1, 255, 30] {
        acts(&*store, &(seq..seq + step).map(|n| Draft::new(0, 0, n)).collect::<Vec<_>>());
        seq += step;
    }
    let leaves: Vec<Digest> = store.entries(0, 1000).unwrap().iter().map(|e| e.leaf).collect();
    assert_eq!(leaves.len() as u64, seq);
    for size in 0..=seq {
        assert_eq!(store.root(size).unwrap(), Some(naive(&leaves[..size as usize])), "{size} entries");
    }
    assert_eq!(store.ledger(), Ok(LedgerState { size: seq, root: naive(&leaves) }));
    assert_eq!(store.root(seq + 1), Ok(None));
    check_ledger(&*store).unwrap();
}

fn proofs(make: Make<'_>) {
    let store = make();
    acts(&*store, &(0..300).map(|n| Draft::new(0, 0, n)).collect::<Vec<_>>());
    let leaves: Vec<Digest> = store.entries(0, 1000).unwrap().iter().map(|e| e.leaf).collect();
    let root = |size: u64| naive(&leaves[..size as usize]);
    for (index, size) in [(0, 1), (0, 300), (299, 300), (255, 256), (256, 257), (17, 290)] {
        let proof = prove_inclusion(&*store, index, size).unwrap().unwrap();
        assert!(verify_inclusion(&leaves[index as usize], index, size, &proof, &root(size)), "{index} in {size}");
    }
    for (old, new) in [(0, 300), (1, 2), (255, 257), (256, 300), (299, 300), (300, 300)] {
        let proof = prove_consistency(&*store, old, new).unwrap().unwrap();
        assert!(verify_consistency(old, new, &root(old), &root(new), &proof), "{old} to {new}");
    }
    assert_eq!(prove_inclusion(&*store, 0, 301), Ok(None));
    assert_eq!(prove_inclusion(&*store, 5, 5), Ok(None));
    assert_eq!(prove_consistency(&*store, 0, 301), Ok(None));
    assert_eq!(prove_consistency(&*store, 2, 1), Ok(None));
}

fn cards(make: Make<'_>) {
    let store = make();
    let [own, partner] = [0, 1].map(|n: usize| Cards::first(KEYS[n].card_bytes()).unwrap());
    assert!(Entry::card(&partner, 2).is_none());
    append(&*store, batch(1, vec![Entry::card(&own, 1).unwrap(), Entry::card(&partner, 1).unwrap()])).unwrap();
    let LedgerState { size, root } = store.ledger().unwrap();
    let note = Checkpoint::sign(&KEYS[0], size, root);
    assert!(Entry::checkpoint_cosigned(&note, &own, &partner, UnixMs(5000)).is_err(), "nobody has cosigned yet");
    let cosigned = note.clone() + &Checkpoint::read(&note, &own, UnixMs(5000)).unwrap().cosign(&KEYS[1], UnixMs(5000));
    append(&*store, batch(2, vec![Entry::checkpoint_cosigned(&cosigned, &own, &partner, UnixMs(5000)).unwrap()])).unwrap();
    let entries = store.entries(0, 10).unwrap();
    assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [Kind::Card, Kind::Card, Kind::CheckpointCosigned]);
    assert_eq!((entries[1].signed.as_slice(), entries[2].signed.as_slice()), (KEYS[1].card_bytes(), cosigned.as_bytes()));
    assert!(!append(&*store, batch(3, vec![Entry::card(&own, 1).unwrap()])).unwrap().places[0].new);
}

fn subtrees(make: Make<'_>) {
    let store = make();
    acts(&*store, &(0..300).map(|n| Draft::new(0, 0, n)).collect::<Vec<_>>());
    let leaves: Vec<Digest> = store.entries(0, 1000).unwrap().iter().map(|e| e.leaf).collect();
    for level in 0..10u8 {
        for index in 0..=300u64 >> level {
            let (from, to) = ((index << level) as usize, ((index + 1) << level) as usize);
            let expected = leaves.get(from..to).map(naive);
            assert_eq!(store.subtree(level, index).unwrap(), expected, "level {level} index {index}");
        }
    }
    assert_eq!(store.subtree(63, 0), Ok(None));
    assert_eq!(store.subtree(64, 0), Ok(None));
    assert_eq!(store.subtree(8, u64::MAX), Ok(None));
}
