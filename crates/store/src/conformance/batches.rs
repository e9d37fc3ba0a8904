//! All or nothing, one wait for many, receipts inside the transaction.

use super::world::{Draft, append, batch, dossier, picture, receipt, service};
use super::{Make, Story};
use crate::{Answer, Append, Kind, LogLine, Outgoing, Parcel, Queued, RecordOp, Store, StoreError, Verdict, check_ledger};
use base::{Digest, ParcelId, UnixMs};
use std::sync::{Arc, Mutex};

pub(super) const STORIES: &[Story] = &[
    ("a refused batch leaves nothing, its neighbours stay", refused_among_others),
    ("a refused batch alone leaves nothing", refused_alone),
    ("many batches wait for the disk once", group),
    ("a receipt names the ledger under which its acts are durable", answer),
    ("a parcel that comes twice gets the same receipt", repeated),
    ("a parcel number is used once", reused),
    ("a signer that fails or panics ends its batch only", signer),
    ("old parcels are forgotten, the ledger is not", pruned),
    ("a parcel that may come again late is remembered until then, however many come after it", remembered),
];

fn refuse(mut batch: Append) -> Append {
    batch.records.push(RecordOp::Take { kind: "intent".to_owned(), id: "none".to_owned() });
    batch
}

fn everything(n: u64) -> Append {
    let draft = Draft { item: n, ..Draft::new(0, n, 0) };
    Append {
        queue: vec![Queued { recipient: service(1), what: Outgoing::Act(draft.id()) }, Queued { recipient: service(1), what: Outgoing::Note(vec![n as u8]) }],
        records: vec![RecordOp::Put { kind: "draft".to_owned(), id: n.to_string(), data: vec![1] }],
        logs: vec![LogLine { kind: "audit".to_owned(), data: vec![n as u8] }],
        ..batch(n as i64, vec![draft.entry()])
    }
}

fn traces(store: &dyn Store) -> (u64, usize, usize, usize) {
    let outbox = store.outbox_next(&service(1), None, 100, usize::MAX).unwrap().len();
    (store.ledger().unwrap().size, outbox, store.records("draft", None, 100).unwrap().len(), store.log(None, None, 100).unwrap().len())
}

fn refused_among_others(make: Make<'_>) {
    let store = make();
    let results = store.append(vec![everything(1), refuse(everything(2)), everything(3)]).unwrap();
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().code(), "refusal.store.record-missing");
    assert_eq!(traces(&*store), (2, 4, 2, 2));
    assert_eq!(store.act(&Draft { item: 2, ..Draft::new(0, 2, 0) }.id()), Ok(None));
    // The refused act may come again; its item key was undone with it.
    append(&*store, everything(2)).unwrap();
    let act = store.acts_of(&dossier(2)).unwrap().remove(0);
    assert_eq!((act.pos, picture(&act.body).as_str()), (2, "body 0 2 0"));
    assert_eq!(store.log(None, None, 10).unwrap().iter().map(|l| l.seq).collect::<Vec<_>>(), [0, 1, 2]);
    check_ledger(&*store).unwrap();
}

fn refused_alone(make: Make<'_>) {
    let store = make();
    append(&*store, everything(1)).unwrap();
    let commits = store.commits();
    assert_eq!(append(&*store, refuse(everything(2))).unwrap_err().code(), "refusal.store.record-missing");
    let unknown = Append { verdicts: vec![(Draft::new(2, 9, 9).id(), Verdict::Valid)], ..everything(3) };
    assert_eq!(append(&*store, unknown).unwrap_err(), StoreError::UnknownAct(Draft::new(2, 9, 9).id()));
    let unknown = Append { queue: vec![Queued { recipient: service(1), what: Outgoing::Act(Draft::new(2, 9, 9).id()) }], ..everything(3) };
    assert_eq!(append(&*store, unknown).unwrap_err().code(), "refusal.store.act-unknown");
    let far = Draft { seq: 1 << 63, ..Draft::new(0, 3, 0) };
    assert_eq!(append(&*store, batch(1, vec![far.entry()])).unwrap_err(), StoreError::NumberTooLarge(1 << 63));
    assert_eq!(traces(&*store), (1, 2, 1, 1));
    assert_eq!(store.commits(), commits, "what leaves nothing does not wait for the disk");
    append(&*store, everything(2)).unwrap();
    check_ledger(&*store).unwrap();
}

fn group(make: Make<'_>) {
    let store = make();
    let before = store.commits();
    let results = store.append((0..50).map(everything).collect()).unwrap();
    assert_eq!(store.commits() - before, 1);
    assert_eq!(results.into_iter().map(|r| r.unwrap().ledger.size).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
}

fn parcel(number: u64, variant: u8) -> Parcel {
    let id = ParcelId::from(Digest::tagged("parcel", &[&number.to_be_bytes(), &[variant]]));
    Parcel { sender: service(0), number, id }
}

fn arriving(parcel: Parcel, draft: &Draft) -> Append {
    let answer = Answer {
        parcel,
        until: None,
        sign: Box::new(|ledger, places| {
            let held: Vec<_> = places.iter().map(|p| (p.pos, p.at.0, p.new)).collect();
            Ok(receipt(1, &format!("size {} root {} held {held:?}", ledger.size, ledger.root)))
        }),
    };
    Append { answer: Some(answer), ..batch(parcel.number as i64, vec![draft.entry()]) }
}

fn answer(make: Make<'_>) {
    let store = make();
    append(&*store, batch(0, vec![Draft::new(0, 0, 0).entry()])).unwrap();
    let both = store.append(vec![arriving(parcel(1, 0), &Draft::new(0, 0, 1)), arriving(parcel(2, 0), &Draft::new(0, 0, 1))]).unwrap();
    for (n, (done, held)) in both.into_iter().zip(["[(1, 1, true)]", "[(1, 1, false)]"]).enumerate() {
        let done = done.unwrap();
        let size = n as u64 + 2;
        let root = store.root(size).unwrap().unwrap();
        let expected = receipt(1, &format!("size {size} root {root} held {held}"));
        assert_eq!(done.receipt.as_deref(), Some(expected.bytes()));
        assert_eq!((done.ledger.size, done.repeated), (size + 1, false));
        let entry = store.entries(size, 1).unwrap().remove(0);
        assert_eq!((entry.kind, entry.signed.as_slice()), (Kind::ReceiptGiven, expected.bytes()));
    }
    check_ledger(&*store).unwrap();
}

fn repeated(make: Make<'_>) {
    let store = make();
    let first = append(&*store, arriving(parcel(1, 0), &Draft::new(0, 0, 0))).unwrap();
    let again = append(&*store, arriving(parcel(1, 0), &Draft::new(0, 0, 0))).unwrap();
    assert_eq!((again.receipt, again.repeated, again.ledger), (first.receipt.clone(), true, first.ledger));
    let given = store.given(&parcel(1, 0).id).unwrap().unwrap();
    assert_eq!((given.parcel, given.pos, Some(given.receipt.clone())), (parcel(1, 0), 1, first.receipt));
    assert_eq!(store.given_numbered(&service(0), 1).unwrap(), Some(given));
    assert_eq!(store.given_numbered(&service(1), 1), Ok(None));
    assert_eq!(store.given_numbered(&service(0), u64::MAX), Ok(None));
    assert_eq!(store.given(&parcel(2, 0).id), Ok(None));
}

fn reused(make: Make<'_>) {
    let store = make();
    append(&*store, arriving(parcel(7, 0), &Draft::new(0, 0, 0))).unwrap();
    let e = append(&*store, arriving(parcel(7, 1), &Draft::new(0, 0, 1))).unwrap_err();
    assert_eq!(e, StoreError::NumberReused(7));
    assert_eq!(store.ledger().unwrap().size, 2);
    // In one transaction with the parcel that took the number, too.
    let both = store.append(vec![arriving(parcel(8, 0), &Draft::new(0, 0, 1)), arriving(parcel(8, 1), &Draft::new(0, 0, 2))]).unwrap();
    assert!(both[0].is_ok() && both[1] == Err(StoreError::NumberReused(8)));
    assert_eq!(store.given_highest(&service(0)), Ok(Some(8)));
    assert_eq!(store.given_highest(&service(1)), Ok(None));
}

fn signer(make: Make<'_>) {
    let store = make();
    let asked = Arc::new(Mutex::new(0));
    let fails = |panics: bool| {
        let asked = asked.clone();
        let sign: crate::Sign = Box::new(move |ledger, _| {
            *asked.lock().unwrap() = ledger.size;
            if panics { std::panic::resume_unwind(Box::new("gone")) } else { Err("no key".into()) }
        });
        Append { answer: Some(Answer { parcel: parcel(1, 0), until: None, sign }), ..everything(1) }
    };
    for panics in [false, true] {
        let results = store.append(vec![fails(panics), everything(2)]).unwrap();
        assert_eq!(results[0].as_ref().unwrap_err().code(), "failure.store.unsigned");
        assert!(results[1].is_ok());
    }
    assert_eq!(*asked.lock().unwrap(), 2, "the signer saw its act in the ledger");
    assert_eq!(store.given_highest(&service(0)), Ok(None));
    assert_eq!(store.ledger().unwrap().size, 1);
    check_ledger(&*store).unwrap();
}

fn pruned(make: Make<'_>) {
    let store = make();
    let kept = crate::GIVEN_KEPT;
    // The sender has started again, and its numbers go on far above.
    let numbers: Vec<u64> = (2..=kept + 1).chain((1 << 32) + 1..=(1 << 32) + 512).collect();
    let known = |number: u64| store.given(&parcel(number, 0).id).unwrap().is_some();
    let mut late = arriving(parcel(1, 0), &Draft::new(0, 0, 1));
    late.answer.as_mut().unwrap().until = Some(UnixMs(i64::MAX));
    append(&*store, late).unwrap();
    for (n, some) in numbers.chunks(64).enumerate() {
        let batches = some.iter().map(|number| arriving(parcel(*number, 0), &Draft::new(0, 0, *number))).collect();
        assert!(store.append(batches).unwrap().iter().all(Result::is_ok));
        let end = 64 * n + some.len();
        assert!(known(numbers[end - 1]) && known(numbers[end.saturating_sub(kept as usize)]), "the last {kept}");
    }
    assert!(!known(2), "what lies before them is forgotten in the end");
    assert!(known(1), "what may come again late is remembered by its time");
    let reused = append(&*store, arriving(parcel(kept, 1), &Draft::new(0, 0, 1 << 20)));
    assert_eq!(reused.unwrap_err(), StoreError::NumberReused(kept), "a number from before the sender started again");
    assert_eq!(store.given_highest(&service(0)), Ok(numbers.last().copied()));
    assert_eq!(store.entries(0, 20_000).unwrap().iter().filter(|e| e.kind == Kind::ReceiptGiven).count(), numbers.len() + 1);
}

fn remembered(make: Make<'_>) {
    let store = make();
    let late = |number: u64, until: i64, at: i64, seq: u64| {
        let mut append = Append { at: UnixMs(at), ..arriving(parcel(number, 0), &Draft::new(0, 0, seq)) };
        append.answer.as_mut().unwrap().until = Some(UnixMs(until));
        append
    };
    let known = |number: u64| store.given(&parcel(number, 0).id).unwrap().is_some();
    let far = 10 * crate::GIVEN_KEPT;
    append(&*store, late(5, 1000, 10, 0)).unwrap();
    append(&*store, arriving(parcel(6, 0), &Draft::new(0, 0, 1))).unwrap();
    append(&*store, Append { at: UnixMs(20), ..arriving(parcel(far, 0), &Draft::new(0, 0, 2)) }).unwrap();
    assert_eq!((known(5), known(6), known(far)), (true, true, true));
    // One that is late itself makes nobody forget the newer ones, and its own number is used.
    append(&*store, late(7, 2000, 30, 3)).unwrap();
    assert!(known(far) && known(7));
    let e = append(&*store, late(7, 2000, 31, 4)).unwrap();
    assert!(e.repeated);
    let other = append(&*store, Append { at: UnixMs(32), ..arriving(parcel(5, 1), &Draft::new(0, 0, 5)) }).unwrap_err();
    assert_eq!(other, StoreError::NumberReused(5));
    for (at, five) in [(1000, true), (1001, false)] {
        append(&*store, Append { at: UnixMs(at), ..arriving(parcel(far + at as u64, 0), &Draft::new(0, 0, at as u64)) }).unwrap();
        assert_eq!((known(5), known(7)), (five, true), "at {at}");
    }
}
