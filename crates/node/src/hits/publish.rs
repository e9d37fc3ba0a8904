//! From the index to what a partner holds: an epoch's key, the filter, its changes.
//!
//! 1 the node prepares a job: accord, key, what was published, 2 the job runs beside the node, for it may take a minute, 3 the node stores key and
//! map and queues the pieces, in one batch. The map leads from a tag back to the record and never leaves; the key is destroyed with its epoch.

use super::index::{Kept, each};
use super::quota::end_of;
use super::wire::{HIT_VERSION, HitList, SUITE, Signing};
use super::{DAY_MS, HitFault, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use crate::piece::Piece;
use base::{Digest, DossierId, MechanismId, ServiceId, UnixMs, hex};
use matching::filter::{Changes, Filter};
use matching::names::SCHEME;
use matching::oprf::{Kernel, Key};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Append, Outgoing, Queued, RecordOp, Store};
use zeroize::Zeroizing;

/// Days after which an epoch ends and its key is destroyed.
pub const EPOCH_DAYS: u32 = 30;
/// Days beyond it for which a partner may still ask, so that nothing hangs on one missed day.
const GRACE_DAYS: u32 = 10;
/// Bytes of the filter in one piece.
pub(super) const PART_BYTES: usize = 512 * 1024;
/// Tags that one piece of changes adds or removes.
const CHANGES_EACH: usize = 50_000;
/// Entries of the map in one document, and bytes of one.
const MAP_ENTRIES: usize = 32_768;
const ENTRY_BYTES: usize = 24;
/// Inputs that are worked on at a time.
const INPUTS_EACH: usize = 65_536;
pub(super) const EPOCH: &str = "hit-epoch";
const KEY: &str = "hit-key";
const MAP: &str = "hit-map";

/// A tag and the record that it came of.
type Mapped = (u64, [u8; 16]);

/// What a partner was last given.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Epoch {
    pub(super) number: u32,
    pub(super) accord: DossierId,
    /// SHA-256 of the signed head.
    pub(super) list: Digest,
    pub(super) at: UnixMs,
    /// Up to when changes to the index are in it.
    pub(super) as_of: UnixMs,
    /// Pieces of changes since.
    pub(super) changes: u32,
    chunks: u32,
    tags: usize,
    records: usize,
}

/// How one partner's list stands.
#[derive(Clone, Serialize, Debug)]
pub struct PublishedView {
    /// The partner.
    pub partner: ServiceId,
    /// Number of the epoch.
    pub epoch: u32,
    /// Since when its key is in use.
    pub since: UnixMs,
    /// When it ends.
    pub until: UnixMs,
    /// Up to when changes to the index are in it.
    pub as_of: UnixMs,
    /// Records in it.
    pub records: usize,
    /// Tags in it.
    pub tags: usize,
    /// Pieces of changes since the epoch began.
    pub changes: u32,
    /// Why the partner's node did not take it.
    pub refused: Option<String>,
}

/// Work to be done beside the node.
pub struct IndexJob {
    to: ServiceId,
    accord: DossierId,
    mechanism: MechanismId,
    categories: BTreeSet<String>,
    number: u32,
    secret: Zeroizing<[u8; 32]>,
    /// The epoch that goes on; none where a new one begins.
    goes_on: Option<Epoch>,
    before: u32,
    store: Arc<dyn Store>,
    at: UnixMs,
}

/// What a job worked out.
pub struct IndexDone {
    job: IndexJob,
    map: Vec<Mapped>,
    records: usize,
    /// The whole filter, or the changes.
    made: Made,
}

enum Made {
    Filter(Vec<u8>),
    Changes(Vec<Changes>),
}

impl IndexDone {
    /// Returns how many tags are new and how many go, where an epoch goes on; all of them where one begins.
    pub fn counts(&self) -> (usize, usize) {
        match &self.made {
            Made::Filter(_) => (self.map.len(), 0),
            Made::Changes(all) => all.iter().fold((0, 0), |(a, r), c| (a + c.added.len(), r + c.removed.len())),
        }
    }

    /// Tells whether there is nothing to send.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.made, Made::Changes(all) if all.is_empty())
    }
}

impl Node {
    pub(super) fn epoch(&self, partner: &ServiceId) -> Result<Option<Epoch>, NodeError> {
        self.store.record(EPOCH, &partner.to_string())?.map(|r| read_json(&r.data, "an epoch of the index")).transpose()
    }

    pub(super) fn epoch_key(&self, partner: &ServiceId) -> Result<Option<Key>, NodeError> {
        let Some(r) = self.store.record(KEY, &partner.to_string())? else { return Ok(None) };
        let data = Zeroizing::new(r.data);
        let bytes: &[u8; 32] = data.as_slice().try_into().map_err(|_| NodeError::Corrupt("a key of the index".to_owned()))?;
        Ok(Some(Key::from_bytes(bytes, Kernel::best()).map_err(HitFault::from)?))
    }

    /// Prepares a partner's list: the changes since, or a new epoch under a new key.
    ///
    /// None where nothing is due: no accord permits it any more. `rotate` begins a new epoch in any case.
    pub fn index_job(&mut self, officer: Option<&Officer>, to: ServiceId, rotate: bool, now: UnixMs) -> Result<IndexJob, NodeError> {
        officer.map_or(Ok(()), super::index::keeper)?;
        self.trust_clock(now)?;
        let ground = self.hit_ground(to, self.me(), now)?;
        self.may_sign(&ground.accord, &[to], now)?;
        let before = self.epoch(&to)?;
        let over = |e: &Epoch| now >= e.at.plus_ms(i64::from(EPOCH_DAYS) * DAY_MS) || e.accord != ground.accord;
        let refused = self.store.record(super::held::REFUSED, &to.to_string())?.is_some();
        let goes_on = before.clone().filter(|e| !rotate && !refused && !over(e));
        let (number, secret) = match &goes_on {
            Some(e) => (e.number, self.epoch_key(&to)?.map(|k| k.to_bytes()).ok_or_else(|| NodeError::Corrupt("the key of an epoch".to_owned()))?),
            None => (before.as_ref().map_or(1, |e| e.number + 1), Key::generate(&mut *self.entropy, Kernel::best()).to_bytes()),
        };
        Ok(IndexJob {
            to,
            accord: ground.accord,
            mechanism: ground.mechanism.hash,
            categories: ground.terms.hits.categories,
            number,
            secret,
            goes_on,
            before: before.map_or(0, |e| e.chunks),
            store: self.store(),
            at: now,
        })
    }

    /// Stores what a job worked out and queues it for the partner; none where nothing changed. A job that is overtaken is refused.
    pub fn publish(&mut self, officer: Option<&Officer>, done: IndexDone, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let IndexDone { job, map, records, made } = done;
        let current = self.epoch(&job.to)?;
        let stands = match (&job.goes_on, &current) {
            (Some(a), Some(b)) => (a.list, a.changes) == (b.list, b.changes),
            (None, b) => b.as_ref().map_or(0, |b| b.number) < job.number,
            (Some(_), None) => false,
        };
        if !stands {
            return Err(NodeError::Asked("the list was published meanwhile; try again".to_owned()));
        }
        let (to, partner) = (job.to, job.to.to_string());
        let mut batch = Append::new(now);
        let key = Key::from_bytes(&job.secret, Kernel::best()).map_err(HitFault::from)?;
        let (added, mut pieces, epoch) = match made {
            Made::Changes(all) if all.is_empty() => return Ok(None),
            Made::Changes(all) => {
                let mut epoch = job.goes_on.clone().expect("changes are made where an epoch goes on");
                let mut pieces = Vec::new();
                for c in &all {
                    epoch.changes += 1;
                    pieces.push(Piece::HitChanges { list: epoch.list, number: epoch.changes, data: c.to_bytes() });
                }
                ("changes", pieces, epoch)
            }
            Made::Filter(bytes) => {
                let head = HitList {
                    version: HIT_VERSION,
                    by: self.me(),
                    to,
                    accord: job.accord,
                    mechanism: job.mechanism,
                    epoch: job.number,
                    scheme: SCHEME,
                    suite: SUITE,
                    public: key.public().to_bytes(),
                    count: map.len() as u64,
                    bytes: bytes.len() as u64,
                    filter: Digest::of(&bytes),
                    at: now,
                    until: now.plus_ms(i64::from(EPOCH_DAYS + GRACE_DAYS) * DAY_MS),
                };
                let signed = head.sign(&self.keys).into_bytes();
                let list = Digest::of(&signed);
                let mut pieces = vec![Piece::HitList { signed }];
                pieces.extend((0u32..).zip(bytes.chunks(PART_BYTES)).map(|(part, data)| Piece::HitPart { list, part, data: data.to_vec() }));
                // The old key goes: nothing of it stays, not in the write-ahead log either.
                batch.shred = current.is_some();
                batch.records.push(put(KEY, &partner, key.to_bytes().to_vec()));
                batch.records.push(RecordOp::Delete { kind: super::held::REFUSED.to_owned(), id: partner.clone() });
                let epoch = Epoch { number: job.number, accord: job.accord, list, at: now, as_of: job.at, changes: 0, chunks: 0, tags: 0, records: 0 };
                ("epoch", pieces, epoch)
            }
        };
        let chunks: Vec<&[Mapped]> = map.chunks(MAP_ENTRIES).collect();
        let count = u32::try_from(chunks.len()).expect("a filter is bounded");
        let epoch = Epoch { as_of: job.at, chunks: count, tags: map.len(), records, ..epoch };
        for (n, chunk) in (0u32..).zip(&chunks) {
            let bytes = chunk.iter().flat_map(|(tag, id)| tag.to_be_bytes().into_iter().chain(*id)).collect();
            batch.records.push(put(MAP, &map_id(&partner, n), bytes));
        }
        batch.records.extend((count..job.before).map(|n| RecordOp::Delete { kind: MAP.to_owned(), id: map_id(&partner, n) }));
        batch.records.push(put(EPOCH, &partner, json(&epoch)));
        batch.queue.extend(pieces.drain(..).map(|p| Queued { recipient: to, what: Outgoing::Note(p.encode()) }));
        let by = officer.map(|o| o.id.to_string());
        let line = serde_json::json!({ "what": "index published", "kind": added, "partner": to, "epoch": epoch.number, "records": records, "tags": map.len(), "by": by });
        batch.logs.push(log("audit", line));
        self.news += 1;
        Ok(Some(self.stage(batch)))
    }

    /// Lists partners whose list is due: the first one, a new epoch, or changes of a day; for the clock.
    pub fn index_due(&mut self, now: UnixMs) -> Result<Vec<ServiceId>, NodeError> {
        if self.store.records(super::index::KIND, None, 1)?.is_empty() && self.store.records(EPOCH, None, 1)?.is_empty() {
            return Ok(Vec::new());
        }
        let mut due = Vec::new();
        for partner in self.hit_partners(now)? {
            let stands = self.epoch(&partner)?.is_some_and(|e| now < e.as_of.plus_ms(DAY_MS) && now < e.at.plus_ms(i64::from(EPOCH_DAYS) * DAY_MS));
            if !stands {
                due.push(partner);
            }
        }
        Ok(due)
    }

    /// Destroys the key of a partner's epoch and forgets its map: nobody can be answered under it any more.
    pub(super) fn destroy_epoch(&mut self, partner: &ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        let Some(epoch) = self.epoch(partner)? else { return Ok(()) };
        let id = partner.to_string();
        batch.shred = true;
        batch.records.extend([KEY, EPOCH].map(|kind| RecordOp::Delete { kind: kind.to_owned(), id: id.clone() }));
        batch.records.extend((0..epoch.chunks).map(|n| RecordOp::Delete { kind: MAP.to_owned(), id: map_id(&id, n) }));
        batch.logs.push(log("audit", serde_json::json!({ "what": "key of the index destroyed", "partner": partner, "epoch": epoch.number })));
        Ok(())
    }

    /// Destroys the key of an epoch whose grace is over, or with whose partner no accord permits questions any more.
    pub(super) fn sweep_epoch(&mut self, r: &store::Record, now: UnixMs, batch: &mut Append) -> Result<(), NodeError> {
        let (partner, epoch): (ServiceId, Epoch) = (r.id.parse()?, read_json(&r.data, "an epoch of the index")?);
        if now >= epoch.at.plus_ms(i64::from(EPOCH_DAYS + GRACE_DAYS) * DAY_MS) || !self.hit_partners(now)?.contains(&partner) {
            self.destroy_epoch(&partner, batch)?;
        }
        Ok(())
    }

    /// Finds the records that stand under a tag in a partner's list.
    pub(super) fn mapped(&self, partner: &ServiceId, epoch: &Epoch, tag: u64) -> Result<Vec<[u8; 16]>, NodeError> {
        let id = partner.to_string();
        let read = |n: u32| -> Result<Vec<Mapped>, NodeError> {
            let r = self.store.record(MAP, &map_id(&id, n))?.ok_or_else(|| NodeError::Corrupt("the map of the index".to_owned()))?;
            Ok(read_map(&r.data))
        };
        // Chunks are in order: the first whose last tag is not below, and those that go on with the same tag.
        let (mut low, mut high) = (0, epoch.chunks);
        while low < high {
            let middle = low + (high - low) / 2;
            if read(middle)?.last().is_some_and(|(last, _)| *last < tag) { low = middle + 1 } else { high = middle }
        }
        let mut found = Vec::new();
        for n in low..epoch.chunks {
            let chunk = read(n)?;
            let from = chunk.partition_point(|(t, _)| *t < tag);
            found.extend(chunk[from..].iter().take_while(|(t, _)| *t == tag).map(|(_, id)| *id));
            if chunk.last().is_none_or(|(last, _)| *last > tag) {
                break;
            }
        }
        Ok(found)
    }

    /// Shows how lists stand with partners.
    pub(super) fn published_lists(&self) -> Result<Vec<PublishedView>, NodeError> {
        let view = |r: store::Record| {
            let e: Epoch = read_json(&r.data, "an epoch of the index")?;
            let refused = self.store.record(super::held::REFUSED, &r.id)?.map(|r| String::from_utf8_lossy(&r.data).into_owned());
            Ok(PublishedView {
                partner: r.id.parse()?,
                epoch: e.number,
                since: e.at,
                until: e.at.plus_ms(i64::from(EPOCH_DAYS) * DAY_MS),
                as_of: e.as_of,
                records: e.records,
                tags: e.tags,
                changes: e.changes,
                refused,
            })
        };
        self.documents(EPOCH)?.into_iter().map(view).collect()
    }
}

fn map_id(partner: &str, n: u32) -> String {
    format!("{partner}/{n:08}")
}

fn read_map(bytes: &[u8]) -> Vec<Mapped> {
    let entry = |e: &[u8]| Some((u64::from_be_bytes(e.get(..8)?.try_into().ok()?), e.get(8..)?.try_into().ok()?));
    bytes.chunks_exact(ENTRY_BYTES).filter_map(entry).collect()
}

impl IndexJob {
    /// Returns for whom.
    pub fn partner(&self) -> ServiceId {
        self.to
    }

    /// Works out tags, filter or changes; `progress` is told how many keys are done. Takes all cores.
    pub fn run(self, progress: &(dyn Fn(usize) + Sync)) -> Result<IndexDone, NodeError> {
        let key = Key::from_bytes(&self.secret, Kernel::best()).map_err(HitFault::from)?;
        let mut before: BTreeMap<[u8; 16], Vec<u64>> = BTreeMap::new();
        if self.goes_on.is_some() {
            for n in 0..self.before {
                let chunk = self.store.record(MAP, &map_id(&self.to.to_string(), n))?;
                for (tag, id) in chunk.iter().flat_map(|r| read_map(&r.data)) {
                    before.entry(id).or_default().push(tag);
                }
            }
        }
        let as_of = self.goes_on.as_ref().map(|e| e.as_of);
        let (mut map, mut changes, mut records): (Vec<Mapped>, Changes, usize) = (Vec::new(), Changes::default(), 0);
        let mut waiting: Vec<([u8; 16], Vec<u64>, Vec<String>)> = Vec::new();
        let mut inputs = 0;
        let mut work = |waiting: &mut Vec<([u8; 16], Vec<u64>, Vec<String>)>, map: &mut Vec<Mapped>| -> Result<(), NodeError> {
            let flat: Vec<&str> = waiting.iter().flat_map(|(_, _, i)| i.iter().map(String::as_str)).collect();
            let mut tags = key.tags(&flat, progress).map_err(HitFault::from)?.into_iter();
            for (id, old, inputs) in waiting.drain(..) {
                let new: Vec<u64> = tags.by_ref().take(inputs.len()).collect();
                map.extend(new.iter().map(|t| (*t, id)));
                let one = Changes::between(old, new);
                changes.added.extend(one.added);
                changes.removed.extend(one.removed);
            }
            Ok(())
        };
        each(&*self.store, |r| {
            let kept: Kept = read_json(&r.data, "a record of the index")?;
            if !self.categories.contains(&kept.record.category) || end_of(kept.record.until) <= self.at {
                return Ok(());
            }
            records += 1;
            let id: [u8; 16] = hex::decode(&r.id).and_then(|b| b.try_into().ok()).ok_or_else(|| NodeError::Corrupt("a record of the index".to_owned()))?;
            let old = before.remove(&id);
            match (old, as_of) {
                // Written before the list was last worked out: its tags are the same.
                (Some(tags), Some(as_of)) if r.at < as_of => map.extend(tags.into_iter().map(|t| (t, id))),
                (old, _) => {
                    inputs += kept.record.inputs().len();
                    waiting.push((id, old.unwrap_or_default(), kept.record.inputs().to_vec()));
                    if inputs >= INPUTS_EACH {
                        inputs = 0;
                        work(&mut waiting, &mut map)?;
                    }
                }
            }
            Ok(())
        })?;
        work(&mut waiting, &mut map)?;
        changes.removed.extend(before.into_values().flatten());
        map.sort_unstable();
        let made = match self.goes_on {
            Some(_) => Made::Changes(parts(changes)),
            None => Made::Filter(Filter::build(map.iter().map(|(t, _)| *t).collect()).map_err(HitFault::from)?.to_bytes()),
        };
        Ok(IndexDone { job: self, map, records, made })
    }
}

/// Parts changes so that each fits a piece.
fn parts(mut all: Changes) -> Vec<Changes> {
    all.added.sort_unstable();
    all.removed.sort_unstable();
    let (added, removed) = (all.added.chunks(CHANGES_EACH), all.removed.chunks(CHANGES_EACH));
    added.map(|a| Changes { added: a.to_vec(), removed: Vec::new() }).chain(removed.map(|r| Changes { added: Vec::new(), removed: r.to_vec() })).collect()
}
