//! Carry: the same parcels and receipts by file, for a partner that no line reaches, or beside the line.
//!
//! Out: 1 an export begins at the front of the outbox or where the last one ended, 2 receipts that are owed, then loads, each
//! sealed by the caller, chunks of exhibits last (`carry_exhibit.rs`), 3 what a receipt will be held against is durable before the
//! parcel leaves, 4 the export is done when its files are written. In: parcels are received as on the wire and their receipts
//! owed; receipts settle what was carried, however long ago. An export that breaks off moves nothing: the next one holds the same
//! again; one whose files are full hands back what did not fit.

use crate::carry_exhibit::Plan;
use crate::error::NodeError;
use crate::inbound::{Arrived, CARRY_DAYS_CEILING};
use crate::node::{Node, PAGE, Ticket, log, put};
use crate::outbound::{Load, Sent};
use crate::served::Served;
use base::{Digest, ExhibitId, OfficerId, ParcelId, ServiceId, UnixMs};
use seal::{CardFault, Cards, Directory};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use store::{Append, QueuePlace, RecordOp};

/// Kind of the document that says how carrying stands with a partner.
const STATE: &str = "carry";
/// Kind of the documents of parcels that left by file and have no receipt yet, by partner and parcel number.
const UNDER_WAY: &str = "carried";
/// Kind of the documents of receipts that are to go back by file, by partner and in order.
const OWED: &str = "carry-owed";
/// Parcels under way by file to one partner; of more, the oldest are forgotten and their acts stay due.
const UNDER_WAY_MAX: usize = 100_000;
/// Receipts owed to one partner by file; of more, the oldest are forgotten and the partner's acts come again.
const OWED_MAX: u64 = 100_000;
/// Parcels of one export; what is left is for the next.
const EXPORT_PARCELS_MAX: u64 = 50_000;
/// Receipts that are handed out at a time.
const RECEIPTS_PAGE: usize = 50;
/// Runs of volume numbers of a partner that are told apart.
const RUNS_MAX: usize = 64;

/// How carrying stands with one partner.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Carrying {
    /// Up to where the outbox was exported; none begins at its front.
    place: Option<(i64, i64)>,
    /// Volumes that were written for the partner.
    volumes: u64,
    exported_at: Option<UnixMs>,
    /// The number of the next receipt that is owed.
    owed_next: u64,
    /// Receipts before this number went out in an export.
    owed_done: u64,
    /// Volumes of the partner that were imported whole, as runs of numbers.
    seen: Vec<(u64, u64)>,
    imported_at: Option<UnixMs>,
}

/// What is in memory of carrying: a restart reads the documents anew and ends all exports.
#[derive(Default)]
pub(crate) struct Carry {
    states: HashMap<ServiceId, Carrying>,
    exports: HashMap<ServiceId, Export>,
    /// When a partner was last asked for an exhibit by file; a restart forgets it and asks again.
    pub(crate) asked: HashMap<(ServiceId, ExhibitId), UnixMs>,
}

impl Carry {
    /// Forgets what may be ahead of the disk.
    pub(crate) fn forget(&mut self) {
        self.states.clear();
    }
}

pub(crate) struct Export {
    id: u64,
    pub(crate) again: bool,
    place: Option<QueuePlace>,
    /// Something older was queued again meanwhile.
    rewound: bool,
    owed_after: Option<String>,
    owed_end: u64,
    parcels: u64,
    /// What it carries of exhibits, once the acts are through.
    pub(crate) plan: Option<Plan>,
    last: Last,
    /// Its files take no more.
    full: bool,
}

/// What an export handed out last, should it not fit into the files any more.
enum Last {
    Receipts,
    /// Acts and notes, after this place.
    Load(Option<QueuePlace>),
    Exhibits,
}

/// A parcel that left by file, as its receipt must answer it.
#[derive(Serialize, Deserialize)]
struct UnderWay {
    parcel: ParcelId,
    /// What it holds.
    sent: Sent,
}

#[derive(Serialize, Deserialize)]
struct Owed {
    parcel: ParcelId,
    number: u64,
}

/// An export that has begun.
#[derive(Debug, Clone)]
pub struct CarryBegun {
    /// Its name, for what follows.
    pub export: u64,
    /// The number of its first volume.
    pub volume: u64,
    /// Receipts that it will hold, at most.
    pub receipts: u64,
    /// Acts and notes that wait for the partner.
    pub due: u64,
    /// Our own cards, for the heads.
    pub cards: Arc<Cards>,
}

/// How large a load may be so that a volume holds it.
#[derive(Debug, Clone, Copy)]
pub struct CarryRoom {
    /// Bytes of acts and notes, unless a single one is larger.
    pub bytes: usize,
    /// Whole chunks of exhibits; none where a volume is too small for one.
    pub chunks: usize,
}

/// A receipt that a partner is owed.
#[derive(Debug, Clone)]
pub struct CarryOwed {
    /// Its place among those owed to the partner.
    pub place: u64,
    /// The number of its parcel.
    pub number: u64,
    /// The receipt.
    pub receipt: Vec<u8>,
}

/// What comes next in an export.
pub enum CarryNext {
    /// Receipts.
    Receipts(Vec<CarryOwed>),
    /// A parcel to be sealed; then [`Node::carry_sealed`] before it may leave.
    Load(Box<Load>),
    /// Nothing more.
    Done,
}

/// A sealed parcel that is about to leave by file.
#[derive(Debug, Clone)]
pub struct CarrySealed {
    /// Its number.
    pub number: u64,
    /// Its id.
    pub parcel: ParcelId,
    /// The load's [`Load::sent`].
    pub sent: Sent,
}

/// What a carried receipt led to.
pub enum CarrySettled {
    /// Staged; what the partner now holds.
    New(Ticket, Vec<Digest>),
    /// It was here before.
    Again,
}

/// How carrying stands with a partner, for people.
#[derive(Debug, Clone, Serialize)]
pub struct CarryView {
    /// Its id.
    pub service: ServiceId,
    /// Its short name.
    pub code: String,
    /// Acts and notes that it has not receipted.
    pub waiting: u64,
    /// Exhibits of which it lacks content that we have.
    pub exhibits: u64,
    /// Parcels that left by file and have no receipt yet.
    pub under_way: u64,
    /// When the oldest of them left.
    pub oldest: Option<UnixMs>,
    /// Volumes that were written for it.
    pub volumes: u64,
    /// When the last export was done.
    pub exported_at: Option<UnixMs>,
    /// Receipts that go with the next export.
    pub owed: u64,
    /// The highest of its volumes that was imported whole.
    pub imported: u64,
    /// When one was imported last.
    pub imported_at: Option<UnixMs>,
    /// Its volumes that never came, as runs of numbers.
    pub missing: Vec<(u64, u64)>,
}

impl Node {
    /// Begins an export for a partner and ends any other one for it; `again` starts from all that is not acknowledged.
    pub fn carry_begin(&mut self, to: ServiceId, again: bool, now: UnixMs) -> Result<(Option<Ticket>, CarryBegun), NodeError> {
        let me = self.me();
        let cards = self.book.cards(&to).filter(|_| to != me).ok_or(NodeError::UnknownPartner(to))?;
        if cards.current(now).is_none() {
            return Err(NodeError::PartnerCard(cards.latest().code.clone()));
        }
        self.trust_clock(now)?; // a file cannot be called back: what holds nowhere would be found out by the partner, weeks later
        let state = self.carrying(&to)?;
        let (start, id) = (if again { 0 } else { state.owed_done }, now.0.unsigned_abs());
        let id = self.carry.exports.get(&to).map_or(id, |e| id.max(e.id + 1));
        let export = Export {
            id,
            again,
            place: state.place.filter(|_| !again).map(QueuePlace::from_numbers),
            rewound: false,
            owed_after: Some(start.checked_sub(1).map_or_else(|| format!("{to}/"), |before| numbered(&to, before))),
            owed_end: state.owed_next,
            parcels: 0,
            plan: None,
            last: Last::Receipts,
            full: false,
        };
        self.carry.exports.insert(to, export);
        let due = self.store.outbox_depth()?.into_iter().find(|d| d.recipient == to).map_or(0, |d| d.count);
        let cards = self.book.cards(&me).ok_or(NodeError::Absent("card"))?;
        let begun = CarryBegun { export: id, volume: state.volumes + 1, receipts: state.owed_next - start, due, cards };
        Ok((self.forget_old(&to, now)?, begun))
    }

    /// Returns what comes next in an export, in parcels that a volume has room for.
    pub fn carry_next(&mut self, to: ServiceId, export: u64, room: CarryRoom, now: UnixMs) -> Result<CarryNext, NodeError> {
        self.trust_clock(now)?; // each volume states when it was begun
        let (after, end) = {
            let e = self.export(&to, export)?;
            if e.full {
                return Ok(CarryNext::Done);
            }
            (e.owed_after.clone(), e.owed_end)
        };
        if let Some(after) = after {
            let (last, stop) = (self.page(OWED, &to, &after, RECEIPTS_PAGE)?, numbered(&to, end));
            let rest: Vec<_> = last.into_iter().filter(|r| r.id < stop).collect();
            self.export(&to, export)?.owed_after = rest.last().map(|r| r.id.clone());
            if !rest.is_empty() {
                self.export(&to, export)?.last = Last::Receipts;
                let mut receipts = Vec::with_capacity(rest.len());
                for r in rest {
                    let (owed, place): (Owed, u64) = (read(&r.data)?, place_of(&r.id)?);
                    receipts.extend(self.store.given(&owed.parcel)?.map(|g| CarryOwed { place, number: owed.number, receipt: g.receipt }));
                }
                return Ok(CarryNext::Receipts(receipts));
            }
        }
        let (place, parcels) = {
            let e = self.export(&to, export)?;
            (e.place, e.parcels)
        };
        if parcels >= EXPORT_PARCELS_MAX {
            return Ok(CarryNext::Done);
        }
        let (load, last, place) = match self.load_after(to, place, room.bytes, now)? {
            Some((load, next)) => (load, Last::Load(place), Some(next)),
            None => match self.carry_exhibits(to, export, room.chunks, now)? {
                Some(load) => (load, Last::Exhibits, place),
                None => return Ok(CarryNext::Done),
            },
        };
        let e = self.export(&to, export)?;
        (e.place, e.parcels, e.last) = (place, parcels + 1, last);
        Ok(CarryNext::Load(Box::new(load)))
    }

    /// Takes back what an export handed out last and its files have no room for: the load, or the receipts from `owed` on. Nothing
    /// more comes, and the next export begins with it.
    pub fn carry_put_back(&mut self, to: ServiceId, export: u64, owed: u64) -> Result<(), NodeError> {
        let e = self.export(&to, export)?;
        e.full = true;
        match e.last {
            Last::Receipts => e.owed_end = owed,
            Last::Load(place) => e.place = place,
            Last::Exhibits => e.plan.iter_mut().for_each(Plan::put_back),
        }
        if !matches!(e.last, Last::Receipts) {
            e.parcels -= 1;
        }
        Ok(())
    }

    /// Stages what the receipts of some parcels will be held against; only when it is stored may the parcels leave.
    pub fn carry_sealed(&mut self, to: ServiceId, export: u64, sealed: &[CarrySealed], now: UnixMs) -> Result<Ticket, NodeError> {
        self.export(&to, export)?;
        let mut batch = Append::new(now);
        for s in sealed {
            let way = UnderWay { parcel: s.parcel, sent: s.sent.clone() };
            batch.records.push(put(UNDER_WAY, &numbered(&to, s.number), write(&way)));
        }
        Ok(self.stage(batch))
    }

    /// Stages the end of an export whose volumes are written: the next one goes on from there. Returns also how many exhibits have
    /// content that is left for the next.
    pub fn carry_done(&mut self, to: ServiceId, export: u64, volumes: u64, by: &OfficerId, now: UnixMs) -> Result<(Ticket, usize), NodeError> {
        self.export(&to, export)?;
        let export = self.carry.exports.remove(&to).ok_or(NodeError::CarryExport)?;
        let mut state = self.carrying(&to)?;
        state.place = export.place.filter(|_| !export.rewound).map(QueuePlace::numbers);
        state.volumes += volumes;
        state.owed_done = state.owed_done.max(export.owed_end);
        state.exported_at = Some(now);
        let mut batch = Append::new(now);
        let what =
            serde_json::json!({ "what": "carry file written", "by": by, "partner": to, "volumes": volumes, "up_to": state.volumes, "parcels": export.parcels });
        batch.logs.push(log("audit", what));
        let left = self.carry_exhibits_done(to, export.again, export.plan, now, &mut batch);
        self.keep(&to, state, &mut batch);
        Ok((self.stage(batch), left))
    }

    /// Takes a parcel that came by file; tells whether it was here before. Its receipt is owed either way.
    pub fn receive_carried(&mut self, arrived: Arrived, now: UnixMs) -> Result<(Ticket, bool), NodeError> {
        let (from, number, id) = (arrived.from, arrived.number, arrived.id);
        match self.receive(arrived, now)? {
            Served::Staged(ticket) => Ok((ticket, false)),
            Served::Again(_) => Ok((self.owe_again(from, number, id, now)?, true)),
        }
    }

    pub(crate) fn owe_again(&mut self, from: ServiceId, number: u64, parcel: ParcelId, now: UnixMs) -> Result<Ticket, NodeError> {
        let mut batch = Append::new(now);
        self.owe(from, number, parcel, &mut batch)?;
        Ok(self.stage(batch))
    }

    /// Puts a receipt among those that are to go back by file.
    pub(crate) fn owe(&mut self, to: ServiceId, number: u64, parcel: ParcelId, batch: &mut Append) -> Result<(), NodeError> {
        let mut state = self.carrying(&to)?;
        batch.records.push(put(OWED, &numbered(&to, state.owed_next), write(&Owed { parcel, number })));
        if let Some(old) = state.owed_next.checked_sub(OWED_MAX) {
            batch.records.push(RecordOp::Delete { kind: OWED.to_owned(), id: numbered(&to, old) });
        }
        state.owed_next += 1;
        self.keep(&to, state, batch);
        Ok(())
    }

    /// Takes those of a partner's cards that continue the ones known here; each proves itself under the partner's root key.
    pub(crate) fn carry_cards(&mut self, from: ServiceId, all: &[Vec<u8>], now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let mut cards = (*self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?).clone();
        let mut batch = Append::new(now);
        for bytes in all {
            match cards.add(bytes) {
                Ok(true) => {
                    batch.logs.push(log("audit", serde_json::json!({ "what": "card imported", "service": from, "card": cards.latest().number })));
                    self.stage_cards(&mut batch, cards.clone());
                }
                // Older than the first card that is held here, or too far ahead: the signatures below will show what is lacking.
                Ok(false) | Err(CardFault::Gap { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(if batch.records.is_empty() { None } else { Some(self.stage(batch)) })
    }

    /// Takes a receipt that came by file for a parcel that left by file.
    ///
    /// One for a parcel that is not under way any more settles nothing and harms nothing: what is not acknowledged stays due.
    pub fn carry_settle(&mut self, from: ServiceId, number: u64, receipt: &[u8], now: UnixMs) -> Result<CarrySettled, NodeError> {
        let id = numbered(&from, number);
        let Some(record) = self.store.record(UNDER_WAY, &id)? else {
            let here = self.store.entry(&Digest::of(receipt))?.is_some();
            return if here { Ok(CarrySettled::Again) } else { Err(NodeError::CarryReceipt) };
        };
        let way: UnderWay = read(&record.data)?;
        let taken = self.read_receipt(from, &way.sent, (number, way.parcel), receipt, now);
        if let Err(e) = &taken {
            self.note_fault(from, e, now); // as over the line
        }
        let mut taken = taken?;
        taken.batch.records.push(RecordOp::Delete { kind: UNDER_WAY.to_owned(), id });
        if taken.passing {
            self.carry_rewind(from, &mut taken.batch)?;
        }
        Ok(CarrySettled::New(self.stage(taken.batch), taken.held))
    }

    /// Lets the next export begin at the front of the outbox: something older is queued again.
    pub(crate) fn carry_rewind(&mut self, to: ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        if let Some(export) = self.carry.exports.get_mut(&to) {
            export.rewound = true;
        }
        let mut state = self.carrying(&to)?;
        if state.place.take().is_some() {
            self.keep(&to, state, batch);
        }
        Ok(())
    }

    /// Stages that a partner's volume was imported; `whole` says that nothing of it is lacking.
    pub fn carry_imported(&mut self, from: ServiceId, volume: u64, whole: bool, by: &OfficerId, now: UnixMs) -> Result<(Ticket, Vec<(u64, u64)>), NodeError> {
        let mut state = self.carrying(&from)?;
        if whole {
            add_run(&mut state.seen, volume);
        }
        state.imported_at = Some(now);
        let missing = missing(&state.seen);
        let mut batch = Append::new(now);
        batch.logs.push(log("audit", serde_json::json!({ "what": "carry file taken", "by": by, "partner": from, "volume": volume, "whole": whole })));
        self.keep(&from, state, &mut batch);
        Ok((self.stage(batch), missing))
    }

    /// Shows how carrying stands with every partner.
    pub fn carry_status(&mut self) -> Result<Vec<CarryView>, NodeError> {
        let depth = self.store.outbox_depth()?;
        let mut views = Vec::new();
        let me = self.me();
        for cards in self.book.all().into_iter().filter(|c| c.service() != me) {
            let service = cards.service();
            let state = self.carrying(&service)?;
            let (mut under_way, mut oldest) = (0, None::<UnixMs>);
            self.each(UNDER_WAY, &service, |r| {
                under_way += 1;
                oldest = Some(oldest.map_or(r.at, |o| o.min(r.at)));
            })?;
            views.push(CarryView {
                service,
                code: cards.latest().code.clone(),
                waiting: depth.iter().find(|d| d.recipient == service).map_or(0, |d| d.count),
                exhibits: self.exhibits_wanted_by(&service),
                under_way,
                oldest,
                volumes: state.volumes,
                exported_at: state.exported_at,
                owed: state.owed_next - state.owed_done,
                imported: state.seen.last().map_or(0, |r| r.1),
                imported_at: state.imported_at,
                missing: missing(&state.seen),
            });
        }
        Ok(views)
    }

    /// Forgets parcels and receipts that nobody can answer or use any more, the oldest first.
    fn forget_old(&mut self, of: &ServiceId, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let limit = now.plus_ms(-i64::from(CARRY_DAYS_CEILING) * 86_400_000);
        let mut batch = Append::new(now);
        let mut ids: Vec<(String, bool)> = Vec::new();
        self.each(UNDER_WAY, of, |r| ids.push((r.id.clone(), r.at < limit)))?;
        let beyond = ids.len().saturating_sub(UNDER_WAY_MAX);
        let old = ids.into_iter().enumerate().filter(|(n, (_, old))| *n < beyond || *old).map(|(_, (id, _))| (UNDER_WAY, id));
        let mut gone: Vec<(&str, String)> = old.collect();
        self.each(OWED, of, |r| gone.extend((r.at < limit).then(|| (OWED, r.id.clone()))))?;
        batch.records.extend(gone.into_iter().map(|(kind, id)| RecordOp::Delete { kind: kind.to_owned(), id }));
        Ok(if batch.records.is_empty() { None } else { Some(self.stage(batch)) })
    }

    pub(crate) fn export(&mut self, to: &ServiceId, id: u64) -> Result<&mut Export, NodeError> {
        self.carry.exports.get_mut(to).filter(|e| e.id == id).ok_or(NodeError::CarryExport)
    }

    fn carrying(&mut self, of: &ServiceId) -> Result<Carrying, NodeError> {
        if let Some(state) = self.carry.states.get(of) {
            return Ok(state.clone());
        }
        let state: Carrying = match self.store.record(STATE, &of.to_string())? {
            Some(r) => read(&r.data)?,
            None => Carrying::default(),
        };
        self.carry.states.insert(*of, state.clone());
        Ok(state)
    }

    fn keep(&mut self, of: &ServiceId, state: Carrying, batch: &mut Append) {
        batch.records.push(put(STATE, &of.to_string(), write(&state)));
        self.carry.states.insert(*of, state);
    }

    /// Returns the documents of a kind and partner after an id.
    fn page(&self, kind: &str, of: &ServiceId, after: &str, limit: usize) -> Result<Vec<store::Record>, NodeError> {
        let prefix = format!("{of}/");
        let mut page = self.store.records(kind, Some(after), limit)?;
        page.retain(|r| r.id.starts_with(&prefix));
        Ok(page)
    }

    fn each(&self, kind: &str, of: &ServiceId, mut see: impl FnMut(&store::Record)) -> Result<(), NodeError> {
        let mut after = format!("{of}/");
        loop {
            let page = self.page(kind, of, &after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.id);
            page.iter().for_each(&mut see);
        }
    }
}

/// Names a document so that a partner's stand together in the order of their numbers, and begin after their bare name.
fn numbered(of: &ServiceId, number: u64) -> String {
    format!("{of}/{number:016x}")
}

fn place_of(id: &str) -> Result<u64, NodeError> {
    let number = id.rsplit_once('/').and_then(|(_, n)| u64::from_str_radix(n, 16).ok());
    number.ok_or_else(|| NodeError::Corrupt("what was carried".to_owned()))
}

fn write(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, NodeError> {
    serde_json::from_slice(data).map_err(|_| NodeError::Corrupt("what was carried".to_owned()))
}

/// Adds a number to runs of numbers; of too many runs the lowest two become one.
fn add_run(runs: &mut Vec<(u64, u64)>, n: u64) {
    let place = runs.partition_point(|r| r.1 < n);
    if runs.get(place).is_some_and(|r| r.0 <= n) {
        return;
    }
    runs.insert(place, (n, n));
    if place + 1 < runs.len() && runs[place + 1].0 == n + 1 {
        runs[place].1 = runs.remove(place + 1).1;
    }
    if place > 0 && runs[place - 1].1 + 1 == n {
        runs[place - 1].1 = runs.remove(place).1;
    }
    if runs.len() > RUNS_MAX {
        runs[0].1 = runs.remove(1).1;
    }
}

/// Tells which numbers from 1 on lie between the runs.
fn missing(runs: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut next = 1;
    let mut out = Vec::new();
    for (first, last) in runs {
        if *first > next {
            out.push((next, first - 1));
        }
        next = last.saturating_add(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_volumes_grow_together_and_show_their_gaps() {
        let mut runs = Vec::new();
        for n in [3, 1, 7, 2, 2, 8, 5] {
            add_run(&mut runs, n);
        }
        assert_eq!((runs.clone(), missing(&runs)), (vec![(1, 3), (5, 5), (7, 8)], vec![(4, 4), (6, 6)]));
        add_run(&mut runs, 6);
        add_run(&mut runs, 4);
        assert_eq!((runs.clone(), missing(&runs)), (vec![(1, 8)], vec![]));
        for n in 0..200 {
            add_run(&mut runs, 100 + 2 * n);
        }
        assert_eq!(runs.len(), RUNS_MAX);
        add_run(&mut runs, u64::MAX);
        assert_eq!(runs.last(), Some(&(u64::MAX, u64::MAX)));
    }
}
