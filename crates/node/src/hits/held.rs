//! Partners' lists as they are held here: taken whole, checked, probed; changes in order. A list that fails a check leaves nothing behind.

use super::wire::{HIT_VERSION, HitList, SUITE, Signing};
use super::{HitFault, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, log, put};
use base::{Digest, ServiceId, UnixMs, hex};
use matching::filter::{Changes, Filter};
use matching::names::SCHEME;
use matching::oprf::PublicKey;
use serde::{Deserialize, Serialize};
use store::{Append, RecordOp};

/// Tags of one partner's list.
pub(super) const TAGS_MAX: u64 = 1 << 23;
/// Bytes of one partner's filter: 34 bits for each tag.
const FILTER_BYTES_MAX: u64 = TAGS_MAX / 8 * 34 + 64;
/// Pieces of changes in one epoch.
const CHANGES_MAX: u32 = 10_000;
pub(super) const LIST: &str = "hit-list";
const COMING: &str = "hit-coming";
const PART: &str = "hit-part";
const CHANGES: &str = "hit-changes";
/// Why a partner's node did not take our list.
pub(super) const REFUSED: &str = "hit-refused";

/// A list whose parts are still coming.
pub(super) struct Coming {
    signed: Vec<u8>,
    head: HitList,
    list: Digest,
    bytes: Vec<u8>,
    parts: u32,
}

/// A list that can be asked.
pub(super) struct Held {
    pub(super) head: HitList,
    pub(super) list: Digest,
    pub(super) public: PublicKey,
    pub(super) filter: Filter,
    pub(super) changes: u32,
    pub(super) as_of: UnixMs,
    signed: Vec<u8>,
    parts: u32,
}

impl Held {
    fn stored(&self) -> Stored {
        Stored { signed: hex::encode(&self.signed), parts: self.parts, changes: self.changes, as_of: self.as_of }
    }
}

/// How a list lies on the disk.
#[derive(Serialize, Deserialize)]
struct Stored {
    signed: String,
    parts: u32,
    changes: u32,
    as_of: UnixMs,
}

fn part_id(from: &ServiceId, list: &Digest, n: u32) -> String {
    format!("{from}/{}/{n:08}", hex::encode(&list.0[..8]))
}

fn delete(kind: &str, id: String) -> RecordOp {
    RecordOp::Delete { kind: kind.to_owned(), id }
}

impl Node {
    /// Takes the head of a partner's list; its parts follow.
    pub(crate) fn take_hit_list(&mut self, from: ServiceId, signed: &[u8], batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let list = Digest::of(signed);
        if self.hit_coming(&from)?.is_some_and(|c| c.list == list) || self.hit_held(&from)?.is_some_and(|h| h.list == list) {
            return Ok(());
        }
        let cards = seal::Directory::cards(&self.book, &from).ok_or(NodeError::UnknownPartner(from))?;
        let head = HitList::read(signed, &cards)?;
        let no = |why| Err(HitFault::List(why).into());
        if head.version != HIT_VERSION || head.suite != SUITE || head.by != from || head.to != self.me() {
            return no("it is for another service or of another suite");
        }
        if head.scheme != SCHEME {
            return Err(HitFault::Scheme { theirs: head.scheme, ours: SCHEME }.into());
        }
        let ground = self.hit_ground(self.me(), from, now)?;
        if head.accord != ground.accord || head.mechanism != ground.mechanism.hash {
            return no("it stands under another accord than the one that lets this service ask");
        }
        if self.hit_held(&from)?.is_some_and(|h| head.at <= h.head.at) || self.hit_coming(&from)?.is_some_and(|c| head.at <= c.head.at) {
            return no("it is not newer than the one that is here");
        }
        if head.until <= now || head.count > TAGS_MAX || head.bytes > FILTER_BYTES_MAX || head.bytes == 0 {
            return no("its time is over, or it is larger than a node takes");
        }
        PublicKey::from_bytes(&head.public).map_err(HitFault::from)?;
        self.drop_coming(&from, batch);
        batch.records.push(put(COMING, &from.to_string(), json(&Stored { signed: hex::encode(signed), parts: 0, changes: 0, as_of: head.at })));
        self.hits.coming.insert(from, Coming { signed: signed.to_vec(), head, list, bytes: Vec::new(), parts: 0 });
        Ok(())
    }

    /// Takes a part of a filter; with the last one the list is checked as a whole and takes the place of the one before.
    pub(crate) fn take_hit_part(&mut self, from: ServiceId, list: Digest, part: u32, data: Vec<u8>, batch: &mut Append) -> Result<(), NodeError> {
        if self.hit_held(&from)?.is_some_and(|h| h.list == list) {
            return Ok(()); // it came before, and is whole
        }
        self.hit_coming(&from)?;
        let Some(coming) = self.hits.coming.get_mut(&from).filter(|c| c.list == list) else { return Err(HitFault::Unasked.into()) };
        if part < coming.parts {
            return Ok(());
        }
        let whole = coming.bytes.len() as u64 + data.len() as u64;
        if part != coming.parts || data.is_empty() || data.len() > super::publish::PART_BYTES || whole > coming.head.bytes {
            self.drop_coming(&from, batch);
            return Err(HitFault::Order.into());
        }
        coming.bytes.extend_from_slice(&data);
        coming.parts += 1;
        batch.records.push(put(PART, &part_id(&from, &list, part), data));
        let stored = Stored { signed: hex::encode(&coming.signed), parts: coming.parts, changes: 0, as_of: coming.head.at };
        if whole < coming.head.bytes {
            batch.records.push(put(COMING, &from.to_string(), json(&stored)));
            return Ok(());
        }
        let Some(coming) = self.hits.coming.remove(&from) else { return Ok(()) };
        match self.check_list(&coming) {
            Ok((filter, public)) => {
                self.drop_held(&from, batch)?;
                batch.records.push(delete(COMING, from.to_string()));
                batch.records.push(put(LIST, &from.to_string(), json(&stored)));
                let line = serde_json::json!({ "what": "list taken", "partner": from, "epoch": coming.head.epoch, "tags": coming.head.count });
                batch.logs.push(log("audit", line));
                let Coming { signed, head, parts, .. } = coming;
                let as_of = head.at;
                self.hits.held.insert(from, Held { head, list, public, filter, changes: 0, as_of, signed, parts });
                Ok(())
            }
            Err(e) => {
                self.hits.coming.insert(from, coming);
                self.drop_coming(&from, batch);
                batch.logs.push(log("incident", serde_json::json!({ "code": e.code(), "service": from, "list": list })));
                Err(e.into())
            }
        }
    }

    /// Checks a list that is here in all its parts: the digest that was signed, the form, the number, and that strangers do not hit.
    fn check_list(&mut self, coming: &Coming) -> Result<(Filter, PublicKey), HitFault> {
        if Digest::of(&coming.bytes) != coming.head.filter {
            return Err(HitFault::Digest);
        }
        let filter = Filter::from_bytes(&coming.bytes)?;
        if filter.len() as u64 != coming.head.count {
            return Err(HitFault::Digest);
        }
        filter.probe(&mut *self.entropy)?;
        Ok((filter, PublicKey::from_bytes(&coming.head.public)?))
    }

    /// Takes a day's changes to a partner's list; returns the tags that are new, for standing subjects.
    pub(crate) fn take_hit_changes(&mut self, from: ServiceId, list: Digest, number: u32, data: &[u8], batch: &mut Append) -> Result<(), NodeError> {
        self.hit_held(&from)?;
        let Some(held) = self.hits.held.get_mut(&from).filter(|h| h.list == list) else { return Err(HitFault::Unasked.into()) };
        if number <= held.changes {
            return Ok(());
        }
        if number != held.changes + 1 || number > CHANGES_MAX {
            return Err(HitFault::Order.into());
        }
        let changes = Changes::from_bytes(data).map_err(HitFault::from)?;
        let mut filter = held.filter.clone();
        filter.apply(&changes).map_err(HitFault::from)?;
        if filter.len() as u64 > TAGS_MAX {
            return Err(HitFault::List("its changes make it larger than a node takes").into());
        }
        // Changes could plant what a base cannot hold.
        filter.probe(&mut *self.entropy).map_err(HitFault::from)?;
        held.filter = filter;
        (held.changes, held.as_of) = (number, batch.at);
        batch.records.push(put(LIST, &from.to_string(), json(&held.stored())));
        batch.records.push(put(CHANGES, &part_id(&from, &list, number), data.to_vec()));
        self.screen_standing(from, &changes, batch)
    }

    /// Returns the list of a partner that can be asked, reading it where it is not in memory.
    pub(super) fn hit_held(&mut self, from: &ServiceId) -> Result<Option<&Held>, NodeError> {
        if !self.hits.held.contains_key(from)
            && let Some(r) = self.store.record(LIST, &from.to_string())?
        {
            let corrupt = || NodeError::Corrupt("a partner's list".to_owned());
            let stored: Stored = read_json(&r.data, "a partner's list")?;
            let signed = hex::decode(&stored.signed).ok_or_else(corrupt)?;
            let (head, list) = (read_head(&signed)?, Digest::of(&signed));
            let mut bytes = Vec::new();
            for n in 0..stored.parts {
                bytes.extend(self.store.record(PART, &part_id(from, &list, n))?.ok_or_else(corrupt)?.data);
            }
            let mut filter = Filter::from_bytes(&bytes).map_err(|_| corrupt())?;
            for n in 1..=stored.changes {
                let data = self.store.record(CHANGES, &part_id(from, &list, n))?.ok_or_else(corrupt)?.data;
                filter.apply(&Changes::from_bytes(&data).map_err(|_| corrupt())?).map_err(|_| corrupt())?;
            }
            let public = PublicKey::from_bytes(&head.public).map_err(|_| corrupt())?;
            self.hits.held.insert(*from, Held { head, list, public, filter, changes: stored.changes, as_of: stored.as_of, signed, parts: stored.parts });
        }
        Ok(self.hits.held.get(from))
    }

    /// Returns the list that is coming from a partner, reading what is here of it where it is not in memory.
    fn hit_coming(&mut self, from: &ServiceId) -> Result<Option<&Coming>, NodeError> {
        if !self.hits.coming.contains_key(from)
            && let Some(r) = self.store.record(COMING, &from.to_string())?
        {
            let corrupt = || NodeError::Corrupt("a partner's list".to_owned());
            let stored: Stored = read_json(&r.data, "a partner's list")?;
            let signed = hex::decode(&stored.signed).ok_or_else(corrupt)?;
            let (head, list) = (read_head(&signed)?, Digest::of(&signed));
            // What was taken or dropped in this very group stands on the disk only after it.
            if !self.hits.dropped.contains(&list) && self.hits.held.get(from).is_none_or(|h| h.list != list) {
                let mut bytes = Vec::new();
                for n in 0..stored.parts {
                    bytes.extend(self.store.record(PART, &part_id(from, &list, n))?.ok_or_else(corrupt)?.data);
                }
                self.hits.coming.insert(*from, Coming { signed, head, list, bytes, parts: stored.parts });
            }
        }
        Ok(self.hits.coming.get(from))
    }

    fn drop_coming(&mut self, from: &ServiceId, batch: &mut Append) {
        if let Some(c) = self.hits.coming.remove(from) {
            self.hits.dropped.insert(c.list);
            batch.records.push(delete(COMING, from.to_string()));
            batch.records.extend((0..c.parts).map(|n| delete(PART, part_id(from, &c.list, n))));
        }
    }

    /// Forgets a partner's list.
    pub(super) fn drop_held(&mut self, from: &ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        let Some(r) = self.store.record(LIST, &from.to_string())? else { return Ok(()) };
        let stored: Stored = read_json(&r.data, "a partner's list")?;
        let list = hex::decode(&stored.signed).map(|s| Digest::of(&s)).unwrap_or_default();
        self.hits.held.remove(from);
        batch.records.push(delete(LIST, from.to_string()));
        batch.records.extend((0..stored.parts).map(|n| delete(PART, part_id(from, &list, n))));
        batch.records.extend((1..=stored.changes).map(|n| delete(CHANGES, part_id(from, &list, n))));
        Ok(())
    }

    /// Forgets a list whose time is over, or with whose partner no accord permits questions any more.
    pub(super) fn sweep_held(&mut self, r: &store::Record, now: UnixMs, batch: &mut Append) -> Result<(), NodeError> {
        let from: ServiceId = r.id.parse()?;
        let over = self.hit_held(&from)?.is_none_or(|h| h.head.until <= now);
        if over || self.hit_ground(self.me(), from, now).is_err() {
            self.drop_held(&from, batch)?;
        }
        Ok(())
    }

    /// Lists partners whose list is here.
    pub(super) fn hit_lists(&self) -> Result<Vec<ServiceId>, NodeError> {
        self.documents(LIST)?.into_iter().map(|r| Ok(r.id.parse()?)).collect()
    }
}

/// Reads a head that was verified when it came.
fn read_head(signed: &[u8]) -> Result<HitList, NodeError> {
    let parsed = seal::Signed::parse(signed, seal::Typ::HitList, super::HIT_SIGNED_BYTES_MAX)?;
    base::cbor::from_slice(parsed.payload(), super::HIT_SIGNED_BYTES_MAX).map_err(|_| NodeError::Corrupt("a partner's list".to_owned()))
}
