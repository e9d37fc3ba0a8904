//! Outbox and receipts.

use super::world::{Draft, acts, append, batch, item, picture, receipt, service};
use super::{Make, Story};
use crate::{Append, DueObject, Entry, Holding, Outgoing, QueuePlace, Queued, Store};
use base::{ActId, Digest, UnixMs};

pub(super) const STORIES: &[Story] = &[
    ("the outbox keeps the order of the ledger, notes before the acts that follow them", order),
    ("a receipt clears what it names, for its signer only", settlement),
    ("the outbox hands out by count and bytes and goes on after a place", paging),
    ("an old act that is queued again goes first", again),
    ("notes are held once, and can be withdrawn", notes),
    ("an erased body leaves the outbox with its act's head", erased),
];

fn queue(to: usize, act: ActId) -> Queued {
    Queued { recipient: service(to), what: Outgoing::Act(act) }
}

fn note(to: usize, text: &str) -> Queued {
    Queued { recipient: service(to), what: Outgoing::Note(text.as_bytes().to_vec()) }
}

fn draw(what: &DueObject) -> String {
    match what {
        DueObject::Act(act) => picture(&act.body),
        DueObject::Note { bytes, .. } => String::from_utf8(bytes.clone()).unwrap(),
    }
}

fn due(store: &dyn Store, to: usize) -> Vec<String> {
    store.outbox_next(&service(to), None, 1000, usize::MAX).unwrap().iter().map(|d| draw(&d.what)).collect()
}

fn send(store: &dyn Store, at: i64, drafts: &[Draft], queued: Vec<Queued>) {
    append(store, Append { queue: queued, ..batch(at, drafts.iter().map(Draft::entry).collect()) }).unwrap();
}

fn order(make: Make<'_>) {
    let store = make();
    let d: Vec<Draft> = (0..4).map(|seq| Draft::new(0, 1, seq)).collect();
    send(&*store, 5, &[], vec![note(1, "card"), note(1, "mechanism"), note(2, "card")]);
    send(&*store, 6, &d[..2], vec![queue(1, d[1].id()), queue(1, d[0].id()), queue(2, d[0].id())]);
    send(&*store, 7, &[], vec![note(1, "checkpoint")]);
    send(&*store, 8, &d[2..], vec![queue(1, d[2].id()), queue(1, d[2].id()), queue(1, d[3].id())]);
    assert_eq!(due(&*store, 1), ["card", "mechanism", "body 0 1 0", "body 0 1 1", "checkpoint", "body 0 1 2", "body 0 1 3"]);
    assert_eq!(due(&*store, 2), ["card", "body 0 1 0"]);
    assert_eq!(due(&*store, 0), [""; 0]);
    let mut expected = [(service(1), 7, 5), (service(2), 2, 5)];
    expected.sort();
    assert_eq!(store.outbox_depth().unwrap().iter().map(|d| (d.recipient, d.count, d.oldest.0)).collect::<Vec<_>>(), expected);
}

fn settlement(make: Make<'_>) {
    let store = make();
    let d: Vec<Draft> = (0..3).map(|seq| Draft::new(0, 1, seq)).collect();
    let all = |to| d.iter().map(move |d| queue(to, d.id()));
    send(&*store, 5, &d, all(1).chain(all(2)).chain([note(1, "card"), note(2, "card")]).collect());
    let named = vec![*d[0].id().as_ref(), *d[2].id().as_ref(), Digest::of(b"card"), Digest::of(b"never seen")];
    append(&*store, batch(9, vec![Entry::receipt_taken(receipt(1, "r"), named.clone())])).unwrap();
    assert_eq!(due(&*store, 1), ["body 0 1 1"]);
    assert_eq!(due(&*store, 2).len(), 4);
    assert_eq!(store.receipts_of(&d[0].id()), Ok(vec![Holding { service: service(1), at: UnixMs(9), receipt: 3 }]));
    assert_eq!(store.receipts_of(&d[1].id()), Ok(vec![]));
    append(&*store, batch(11, vec![Entry::receipt_taken(receipt(2, "s"), named.clone()), Entry::receipt_taken(receipt(1, "r again"), named)])).unwrap();
    let holders: Vec<_> = store.receipts_of(&d[0].id()).unwrap().iter().map(|h| (h.service, h.at.0, h.receipt)).collect();
    assert_eq!(holders, [(service(1), 9, 3), (service(2), 11, 4)], "the first receipt counts");
    // A receipt that comes twice is one entry, and still clears what was queued in between.
    send(&*store, 12, &[], vec![queue(1, d[0].id())]);
    assert_eq!(due(&*store, 1), ["body 0 1 0", "body 0 1 1"]);
    let size = store.ledger().unwrap().size;
    append(&*store, batch(13, vec![Entry::receipt_taken(receipt(1, "r"), vec![*d[0].id().as_ref()])])).unwrap();
    assert_eq!((store.ledger().unwrap().size, due(&*store, 1)), (size, vec!["body 0 1 1".to_owned()]));
}

fn paging(make: Make<'_>) {
    let store = make();
    let d: Vec<Draft> = (0..600).map(|seq| Draft { body: Some(vec![7; 100]), ..Draft::new(0, 1, seq) }).collect();
    send(&*store, 5, &d, d.iter().map(|d| queue(1, d.id())).collect());
    let next = |after: Option<QueuePlace>, count, bytes| store.outbox_next(&service(1), after, count, bytes).unwrap();
    let seqs = |due: &[crate::Due]| due.iter().map(|d| if let DueObject::Act(a) = &d.what { a.seq } else { u64::MAX }).collect::<Vec<_>>();
    assert_eq!(seqs(&next(None, 600, usize::MAX)), (0..600).collect::<Vec<_>>());
    assert_eq!(seqs(&next(None, 3, usize::MAX)), [0, 1, 2]);
    let one = d[0].signed().bytes().len() + 100;
    assert_eq!(seqs(&next(None, 600, 3 * one)), [0, 1, 2]);
    assert_eq!(seqs(&next(None, 600, 3 * one - 1)), [0, 1]);
    assert_eq!(seqs(&next(None, 600, 1)), [0], "one alone leaves even if it is larger");
    assert_eq!(seqs(&next(None, 0, usize::MAX)), [0; 0]);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = next(after, 7, usize::MAX);
        let Some(last) = page.last() else { break };
        after = Some(last.place);
        seen.extend(seqs(&page));
    }
    assert_eq!(seen, (0..600).collect::<Vec<_>>());
}

fn again(make: Make<'_>) {
    let store = make();
    let d: Vec<Draft> = (0..3).map(|seq| Draft::new(0, 1, seq)).collect();
    let ids = acts(&*store, &d);
    send(&*store, 5, &[], vec![queue(1, ids[2]), note(1, "card"), queue(1, ids[0])]);
    assert_eq!(due(&*store, 1), ["body 0 1 0", "body 0 1 2", "card"]);
}

fn notes(make: Make<'_>) {
    let store = make();
    let ids = acts(&*store, &[Draft::new(0, 1, 0)]);
    send(&*store, 5, &[], vec![note(1, "a"), note(1, "b"), note(1, "a"), queue(1, ids[0])]);
    send(&*store, 6, &[], vec![note(1, "b"), note(1, "c")]);
    assert_eq!(due(&*store, 1), ["body 0 1 0", "a", "b", "c"]);
    let queued = store.outbox_next(&service(1), None, 9, 99999).unwrap();
    assert!(matches!(&queued[1].what, DueObject::Note { id, .. } if *id == Digest::of(b"a")));
    let unqueue = vec![(service(1), Digest::of(b"b")), (service(1), *ids[0].as_ref()), (service(2), Digest::of(b"a"))];
    append(&*store, Append { unqueue, ..Append::default() }).unwrap();
    assert_eq!(due(&*store, 1), ["a", "c"]);
    assert_eq!(store.receipts_of(&ids[0]), Ok(vec![]), "withdrawn is not receipted");
}

fn erased(make: Make<'_>) {
    let store = make();
    let d = Draft::new(0, 1, 0);
    send(&*store, 5, std::slice::from_ref(&d), vec![queue(1, d.id())]);
    append(&*store, Append { erase: vec![(super::world::dossier(1), item(0))], ..Append::default() }).unwrap();
    assert_eq!(due(&*store, 1), ["(erased)"]);
}
