//! Random batches against a model in memory that is too simple to be wrong.

use super::world::{Draft, batch, dossier, item, receipt, service};
use super::{Make, Story};
use crate::{Append, Body, DueObject, Entry, Outgoing, Queued, RecordOp, Store, StoreError, Verdict, check_ledger};
use base::{ActId, Digest, UnixMs};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const STORIES: &[Story] = &[("any sequence of batches does what the model does", random)];

/// Numbers out of which random acts are made.
const AUTHORS: usize = 3;
const DOSSIERS: u64 = 2;
const ITEMS: u64 = 2;

#[derive(Clone, Debug)]
enum Step {
    Act { draft: Draft, to: Vec<usize> },
    Receipt { from: usize, n: u8, acts: Vec<Draft> },
    Erase { dossier: u64, item: u64 },
    Judge { draft: Draft, verdict: Verdict },
    Note { to: usize, n: u8 },
    Put { id: u8, only_if_absent: bool },
    Take { id: u8 },
}

#[derive(Clone, Default)]
struct Model {
    ledger: Vec<(Digest, i64)>,
    acts: BTreeMap<ActId, ModelAct>,
    held: BTreeMap<(ActId, usize), u64>,
    /// By recipient: order key and what.
    outbox: BTreeMap<usize, BTreeMap<(u64, u64), Digest>>,
    records: BTreeSet<u8>,
    notes: u64,
}

#[derive(Clone)]
struct ModelAct {
    draft: Draft,
    pos: u64,
    verdict: Verdict,
    body: Body,
}

fn draft() -> impl Strategy<Value = Draft> {
    (0..AUTHORS, 0..DOSSIERS, 0..4u64, 0..ITEMS, 0..2u8, 0..4u8).prop_map(|(author, dossier, seq, item, variant, kind)| Draft {
        item,
        variant,
        body: (kind > 0).then(|| vec![kind; usize::from(kind) * 3]),
        verdict: if kind == 1 { Verdict::Waiting } else { Verdict::Valid },
        ..Draft::new(author, dossier, seq)
    })
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![Just(Verdict::Valid), Just(Verdict::Waiting), Just(Verdict::Void("law.guard".to_owned()))];
    prop_oneof![
        8 => (draft(), proptest::collection::vec(0..AUTHORS, 0..3)).prop_map(|(draft, to)| Step::Act { draft, to }),
        3 => (0..AUTHORS, 0..4u8, proptest::collection::vec(draft(), 0..4)).prop_map(|(from, n, acts)| Step::Receipt { from, n, acts }),
        1 => (0..DOSSIERS, 0..ITEMS).prop_map(|(dossier, item)| Step::Erase { dossier, item }),
        2 => (draft(), verdict).prop_map(|(draft, verdict)| Step::Judge { draft, verdict }),
        2 => (0..AUTHORS, 0..4u8).prop_map(|(to, n)| Step::Note { to, n }),
        1 => (0..3u8, any::<bool>()).prop_map(|(id, only_if_absent)| Step::Put { id, only_if_absent }),
        1 => (0..3u8).prop_map(|id| Step::Take { id }),
    ]
}

/// A batch does its steps in the store's own order of work.
fn rank(step: &Step) -> u8 {
    match step {
        Step::Erase { .. } => 0,
        Step::Act { .. } | Step::Receipt { .. } => 1,
        Step::Judge { .. } => 2,
        Step::Note { .. } => 4,
        Step::Put { .. } | Step::Take { .. } => 5,
    }
}

impl Model {
    fn file(&mut self, object: Digest, at: i64) -> (u64, bool) {
        match self.ledger.iter().position(|e| e.0 == object) {
            Some(pos) => (pos as u64, false),
            None => {
                self.ledger.push((object, at));
                (self.ledger.len() as u64 - 1, true)
            }
        }
    }

    /// Does one batch; false if it is to be refused.
    fn apply(&mut self, steps: &[Step], at: i64) -> bool {
        for step in steps {
            match step {
                Step::Erase { dossier, item } => {
                    for act in self.acts.values_mut().filter(|a| a.draft.dossier == *dossier && a.draft.item == *item) {
                        act.body = Body::Erased;
                    }
                }
                Step::Act { draft, .. } => {
                    let (pos, new) = self.file(*draft.id().as_ref(), at);
                    let body = draft.body.clone().map_or(Body::Absent, Body::Held);
                    if new {
                        self.acts.insert(draft.id(), ModelAct { draft: draft.clone(), pos, verdict: draft.verdict.clone(), body });
                    } else if let Some(act) = self.acts.get_mut(&draft.id()).filter(|a| a.body == Body::Absent) {
                        act.body = body;
                    }
                }
                Step::Receipt { from, n, acts } => {
                    let (pos, _) = self.file(Digest::of(receipt(*from, &n.to_string()).bytes()), at);
                    for id in acts.iter().map(Draft::id).filter(|id| self.acts.contains_key(id)) {
                        self.held.entry((id, *from)).or_insert(pos);
                        self.outbox.entry(*from).or_default().retain(|_, object| object != id.as_ref());
                    }
                }
                Step::Judge { draft, verdict } => match self.acts.get_mut(&draft.id()) {
                    Some(act) => act.verdict = verdict.clone(),
                    None => return false,
                },
                Step::Note { to, n } => {
                    let (size, object) = (self.ledger.len() as u64, Digest::of(&[*n]));
                    let queue = self.outbox.entry(*to).or_default();
                    if !queue.values().any(|o| *o == object) {
                        queue.insert((size, self.notes), object);
                        self.notes += 1;
                    }
                }
                Step::Put { id, only_if_absent } => {
                    if !self.records.insert(*id) && *only_if_absent {
                        return false;
                    }
                }
                Step::Take { id } => {
                    if !self.records.remove(id) {
                        return false;
                    }
                }
            }
        }
        for (draft, to) in steps.iter().filter_map(|s| if let Step::Act { draft, to } = s { Some((draft, to)) } else { None }) {
            let pos = self.acts[&draft.id()].pos;
            for to in to {
                self.outbox.entry(*to).or_default().insert((pos, u64::MAX), *draft.id().as_ref());
            }
        }
        true
    }
}

fn append(steps: &[Step], at: i64) -> Append {
    let mut append = batch(at, vec![]);
    for step in steps {
        match step.clone() {
            Step::Act { draft, to } => {
                append.entries.push(draft.entry());
                append.queue.extend(to.into_iter().map(|to| Queued { recipient: service(to), what: Outgoing::Act(draft.id()) }));
            }
            Step::Receipt { from, n, acts } => {
                append.entries.push(Entry::receipt_taken(receipt(from, &n.to_string()), acts.iter().map(|d| *d.id().as_ref()).collect()));
            }
            Step::Erase { dossier: d, item: i } => append.erase.push((dossier(d), item(i))),
            Step::Judge { draft, verdict } => append.verdicts.push((draft.id(), verdict)),
            Step::Note { to, n } => append.queue.push(Queued { recipient: service(to), what: Outgoing::Note(vec![n]) }),
            Step::Put { id, only_if_absent } => {
                let (kind, id, data) = ("k".to_owned(), id.to_string(), vec![]);
                append.records.push(if only_if_absent { RecordOp::PutIfAbsent { kind, id, data } } else { RecordOp::Put { kind, id, data } });
            }
            Step::Take { id } => append.records.push(RecordOp::Take { kind: "k".to_owned(), id: id.to_string() }),
        }
    }
    append
}

fn compare(store: &dyn Store, model: &Model) -> Result<(), TestCaseError> {
    let ledger: Vec<_> = store.entries(0, 10_000).unwrap().iter().map(|e| (e.object, e.at.0)).collect();
    prop_assert_eq!(&ledger, &model.ledger);
    for n in 0..DOSSIERS {
        let mut expected: Vec<&ModelAct> = model.acts.values().filter(|a| a.draft.dossier == n).collect();
        expected.sort_by_key(|a| (service(a.draft.author), a.draft.seq, a.pos));
        let draw = |a: &ModelAct| (a.draft.id(), a.pos, a.draft.seq, a.verdict.clone(), a.body.clone());
        let found: Vec<_> = store.acts_of(&dossier(n)).unwrap().into_iter().map(|a| (a.id, a.pos, a.seq, a.verdict, a.body)).collect();
        prop_assert_eq!(found, expected.iter().map(|a| draw(a)).collect::<Vec<_>>());
        let mut waiting: Vec<_> = expected.iter().filter(|a| a.verdict == Verdict::Waiting).map(|a| a.pos).collect();
        waiting.sort_unstable();
        prop_assert_eq!(store.waiting(&dossier(n)).unwrap().iter().map(|a| a.pos).collect::<Vec<_>>(), waiting);
    }
    for to in 0..AUTHORS {
        let found = store.outbox_next(&service(to), None, 10_000, usize::MAX).unwrap();
        let found: Vec<Digest> = found.iter().map(|d| if let DueObject::Act(a) = &d.what { *a.id.as_ref() } else { note(&d.what) }).collect();
        prop_assert_eq!(found, model.outbox.get(&to).map(|q| q.values().copied().collect::<Vec<_>>()).unwrap_or_default());
    }
    for id in model.acts.keys() {
        let found: BTreeSet<_> = store.receipts_of(id).unwrap().iter().map(|h| (h.service, h.receipt)).collect();
        let expected: BTreeSet<_> = model.held.iter().filter(|h| h.0.0 == *id).map(|h| (service(h.0.1), *h.1)).collect();
        prop_assert_eq!(found, expected);
    }
    let records: BTreeSet<u8> = store.records("k", None, 100).unwrap().iter().map(|r| r.id.parse().unwrap()).collect();
    prop_assert_eq!(&records, &model.records);
    prop_assert!(check_ledger(store).is_ok());
    Ok(())
}

fn note(what: &DueObject) -> Digest {
    if let DueObject::Note { id, .. } = what { *id } else { Digest::default() }
}

fn random(make: Make<'_>) {
    let steps = proptest::collection::vec(step(), 0..6).prop_map(|mut steps| {
        steps.sort_by_key(rank);
        steps
    });
    // Each group is one call, each list in it one batch.
    let groups = proptest::collection::vec(proptest::collection::vec(steps, 1..4), 1..12);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let run = runner.run(&groups, |groups| {
        let store = make();
        let mut model = Model::default();
        for (at, group) in groups.iter().enumerate() {
            let at = UnixMs(at as i64).0;
            let results = store.append(group.iter().map(|steps| append(steps, at)).collect()).unwrap();
            for (steps, result) in group.iter().zip(results) {
                let mut next = model.clone();
                let expected = next.apply(steps, at);
                if expected {
                    model = next;
                }
                prop_assert_eq!(result.is_ok(), expected, "{:?}", result.map_err(|e: StoreError| e.code()));
            }
            compare(&*store, &model)?;
        }
        Ok(())
    });
    if let Err(e) = run {
        panic!("{e}");
    }
}
