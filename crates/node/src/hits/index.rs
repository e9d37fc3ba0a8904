//! This service's own index: what partners may be told that it is held. Keys of subjects, never their names; sealed at rest by the store.

use super::{HIT_MECHANISM, HitFault, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use base::{Date, Digest, UnixMs, hex};
use dossier::OfficerRole;
use matching::subject::{Side, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Append, RecordOp};

pub(super) const KIND: &str = "hit-record";
/// Records of one index.
pub const INDEX_RECORDS_MAX: usize = 1_000_000;
/// Bytes of a reference, quality, contact or source.
const LINE_BYTES_MAX: usize = 200;
/// Who may load and publish.
pub(super) const KEEPERS: &[OfficerRole] = &[OfficerRole::Administrator, OfficerRole::Desk, OfficerRole::Supervisor];

/// One record of the index.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndexRecord {
    /// The owner's own reference, which a confirmed hit gives.
    pub reference: String,
    /// Code of `data-subject-categories`.
    pub category: String,
    /// How good the identification is, as the owner writes it; may be empty.
    pub quality: String,
    /// The case officer or desk that answers for it.
    pub contact: String,
    /// The last day on which it is kept.
    pub until: Date,
    /// Inputs of the oblivious function, in order; what they were made of is not kept.
    keys: Vec<String>,
}

/// A record with the source that it came from.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) source: String,
    #[serde(flatten)]
    pub(super) record: IndexRecord,
}

/// What loading a source changed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Changed {
    /// Records that are new.
    pub added: usize,
    /// Records that are otherwise than before.
    pub changed: usize,
    /// Records that are as before.
    pub same: usize,
    /// Records of this source that it holds no more.
    pub removed: usize,
}

impl IndexRecord {
    /// Makes a record of a subject; refuses a subject that cannot be told from others, and a category that is no code.
    pub fn new(subject: &Subject, reference: &str, category: &str, quality: &str, contact: &str, until: Date) -> Result<IndexRecord, HitFault> {
        let line = |text: &str| text.trim().chars().take(LINE_BYTES_MAX).collect::<String>();
        let reference = line(reference);
        if reference.is_empty() {
            return Err(HitFault::Justification("the reference"));
        }
        if base::Vocabulary::get("data-subject-categories").is_none_or(|v| v.entry(category).is_none()) {
            return Err(HitFault::Category(category.to_owned()));
        }
        let keys = subject.keys(Side::List)?.iter().map(|k| String::from_utf8_lossy(&k.input(HIT_MECHANISM)).into_owned()).collect();
        Ok(IndexRecord { reference, category: category.to_owned(), quality: line(quality), contact: line(contact), until, keys })
    }

    /// Returns the inputs of the oblivious function.
    pub(super) fn inputs(&self) -> &[String] {
        &self.keys
    }
}

/// Returns the name under which a record of a source is kept: 16 bytes.
pub(super) fn record_id(source: &str, reference: &str) -> [u8; 16] {
    let digest = Digest::tagged("entente/hit-record/1", &[source.as_bytes(), reference.as_bytes()]);
    digest.0[..16].try_into().expect("a digest has 32 bytes")
}

pub(super) fn keeper(officer: &Officer) -> Result<(), NodeError> {
    match officer.roles.iter().any(|r| KEEPERS.contains(r)) {
        true => Ok(()),
        false => Err(NodeError::Role("administrator, desk or supervisor")),
    }
}

impl Node {
    /// Lists partners who may be given a list.
    pub fn index_partners(&mut self, now: UnixMs) -> Result<Vec<base::ServiceId>, NodeError> {
        self.hit_partners(now)
    }

    /// Returns the categories of persons that an index may hold here: what accords in force permit, or the two of the law where there is none.
    pub fn index_categories(&mut self, now: UnixMs) -> Result<BTreeSet<String>, NodeError> {
        let me = self.me();
        let mut all = BTreeSet::new();
        for partner in self.hit_partners(now)? {
            all.extend(self.hit_ground(partner, me, now)?.terms.hits.categories);
        }
        Ok(if all.is_empty() { dossier::accord::HitGrant::default().categories } else { all })
    }

    /// Loads the records of a source in one transaction: all or nothing. No officer: a watched directory. `whole`: what the source does not hold any more is removed.
    ///
    /// Refuses a category that no accord permits, the same reference twice, and more than [`INDEX_RECORDS_MAX`].
    pub fn load_index(
        &mut self,
        officer: Option<&Officer>,
        source: &str,
        whole: bool,
        records: Vec<IndexRecord>,
        now: UnixMs,
    ) -> Result<(Ticket, Changed), NodeError> {
        officer.map_or(Ok(()), keeper)?;
        let source = source.trim();
        if source.is_empty() || source.len() > LINE_BYTES_MAX {
            return Err(NodeError::Asked("a source has a name of at most 200 bytes, such as a file's".to_owned()));
        }
        let allowed = self.index_categories(now)?;
        let mut new: BTreeMap<String, IndexRecord> = BTreeMap::new();
        for record in records {
            if !allowed.contains(&record.category) {
                return Err(HitFault::Category(record.category).into());
            }
            let id = hex::encode(&record_id(source, &record.reference));
            if let Some(twice) = new.insert(id, record) {
                return Err(NodeError::Asked(format!("the reference '{}' stands twice in this source", twice.reference)));
            }
        }
        let mut batch = Append::new(now);
        let (mut changed, mut others) = (Changed::default(), 0usize);
        self.each_record(|id, kept| {
            match (kept.source == source, new.get(&id)) {
                (true, Some(record)) if *record == kept.record => {
                    changed.same += 1;
                    new.remove(&id);
                }
                (true, Some(_)) => changed.changed += 1,
                (true, None) if whole => {
                    changed.removed += 1;
                    batch.records.push(RecordOp::Delete { kind: KIND.to_owned(), id });
                }
                _ => others += 1,
            }
            Ok(())
        })?;
        changed.added = new.len() - changed.changed;
        if others + changed.same + new.len() > INDEX_RECORDS_MAX {
            return Err(HitFault::Full(INDEX_RECORDS_MAX).into());
        }
        for (id, record) in new {
            batch.records.push(put(KIND, &id, json(&Kept { source: source.to_owned(), record })));
        }
        batch.logs.push(log("audit", serde_json::json!({ "what": "index loaded", "source": source, "by": officer.map(|o| &o.id), "changed": changed })));
        Ok((self.stage(batch), changed))
    }

    /// Goes over all records of the index.
    pub(super) fn each_record(&self, mut take: impl FnMut(String, Kept) -> Result<(), NodeError>) -> Result<(), NodeError> {
        each(&*self.store, |r| take(r.id.clone(), read_json(&r.data, "a record of the index")?))
    }

    /// Takes a record out whose last day is over; its tags go with the next changes.
    pub(super) fn sweep_record(&mut self, r: &store::Record, now: UnixMs, batch: &mut Append) -> Result<(), NodeError> {
        let kept: Kept = read_json(&r.data, "a record of the index")?;
        if super::quota::end_of(kept.record.until) <= now {
            batch.records.push(RecordOp::Delete { kind: KIND.to_owned(), id: r.id.clone() });
        }
        Ok(())
    }
}

/// Goes over the documents of the index, a page at a time.
pub(super) fn each(store: &dyn store::Store, mut take: impl FnMut(&store::Record) -> Result<(), NodeError>) -> Result<(), NodeError> {
    let mut last: Option<String> = None;
    loop {
        let page = store.records(KIND, last.as_deref(), crate::node::PAGE)?;
        for r in &page {
            take(r)?;
        }
        match page.last() {
            Some(r) if page.len() == crate::node::PAGE => last = Some(r.id.clone()),
            _ => return Ok(()),
        }
    }
}
