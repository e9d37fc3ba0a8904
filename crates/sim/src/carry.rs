//! Carry: now and then what is due to a partner leaves by file, beside the line. The file is lost, comes late, twice, torn, before an older
//! one, or while the line was faster; receipts go back with the next file the other way.
//!
//! Both ways run as the program runs them: 1 an export hands out receipts and loads, 2 each load is sealed, and leaves only when what
//! its receipt will be held against is durable, 3 the export counts when somebody says that its file is written. An import runs
//! record by record, a commit for each; one that stops anywhere is done again.

use crate::invariants::{Violation, acts_in, not_held};
use crate::liar::{Expect, Lie};
use crate::plan::Fault;
use crate::station::NAMES;
use crate::world::{Moment, World};
use base::{ActId, Digest};
use node::{CarryNext, CarryRecord, CarrySealed, Intake, IntakeDone, IntakeJob, NodeError, Outgo, Ticket};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files that are carried at a time.
const FILES_MAX: usize = 12;
/// Bytes of a volume: one file takes all that a run has for a partner.
const VOLUME_BYTES: u64 = 1 << 30;
/// Days that a parcel may be old when its file is taken.
const DAYS_MAX: u32 = 30;
/// Bytes of a file that are read at a time.
const READ_BYTES: usize = 40_000;

/// A carry file that somebody has with them.
#[derive(Clone)]
pub struct Carried {
    /// Who wrote it.
    pub from: usize,
    /// For whom.
    pub to: usize,
    /// Which of all files, in the order in which they were written.
    number: u64,
    bytes: Arc<Vec<u8>>,
    /// The acts in its parcels.
    acts: Vec<ActId>,
    /// False receipts in it, by the parcel's number and their bytes.
    lies: BTreeMap<(u64, Vec<u8>), Lie>,
    /// Whether it is as it was written.
    whole: bool,
}

/// An export that has begun.
struct Writing {
    export: u64,
    out: Outgo,
    bytes: Vec<u8>,
    acts: Vec<ActId>,
    lies: BTreeMap<(u64, Vec<u8>), Lie>,
}

impl World {
    pub(crate) fn do_export(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let n = self.stations.len();
        let to = (i + 1 + m.rng.below(n - 1)) % n;
        let again = m.rng.chance(1, 4);
        self.export(i, to, again, m)
    }

    /// Writes what is due to a partner into one file.
    pub(crate) fn export(&mut self, i: usize, to: usize, again: bool, m: &mut Moment<'_>) -> Result<(), Violation> {
        let partner = self.id(to);
        let keys = self.stations[i].keys.clone();
        // What is to strike strikes at one of its commits.
        let strikes_at = m.rng.below(4);
        let mut calm = Moment { kind: m.kind, faults: &[], rng: m.rng.clone() };
        let begun = self.work(i, if strikes_at == 0 { &mut *m } else { &mut calm }, |node, now| {
            let (_, begun) = node.carry_begin(partner, again, now)?;
            let out = Outgo::new(node.keys(), partner, &begun, VOLUME_BYTES, 1)?;
            Ok::<_, NodeError>((begun.export, out))
        })?;
        let Some((begun, _)) = begun else { return Ok(()) };
        let (export, out) = match begun {
            Ok(begun) => begun,
            Err(e) => {
                self.tell(format!("{} cannot export for {}: {}", NAMES[i], NAMES[to], e.code()));
                return self.sound_refusal(i, &e);
            }
        };
        let mut file = Writing { export, out, bytes: Vec::new(), acts: Vec::new(), lies: BTreeMap::new() };
        let mut whole = false;
        for n in 1.. {
            match self.export_on(i, to, &mut file, &keys, if strikes_at == n { &mut *m } else { &mut calm })? {
                Some(true) => {}
                through => {
                    whole = through.is_some();
                    break;
                }
            }
        }
        if file.bytes.is_empty() {
            return Ok(());
        }
        self.nothing_readable(&file.bytes)?;
        // Its node was lost while it wrote, and whoever restored it destroyed what was on the media, as the manual says; of a copy that
        // nobody declared nobody knew to do so.
        if self.book.put_back.fresh.contains(&i) && self.book.put_back.silent != Some(i) {
            return Ok(());
        }
        if whole {
            let end = file.out.finish();
            file.bytes.extend(end);
            if m.has(Fault::Unconfirmed) {
                self.coverage.hit(Fault::Unconfirmed, m.kind);
            } else if let Some(by) = self.stations[i].officer("chief") {
                let done = self.work(i, &mut calm, |node, now| node.carry_done(partner, export, 1, &by.id, now).map(drop))?;
                if let Some((Err(e), _)) = done {
                    self.sound_refusal(i, &e)?;
                }
            }
        }
        let number = self.book.files;
        self.book.files += 1;
        self.tell(format!("{} writes file {number} for {}{}", NAMES[i], NAMES[to], if whole { "" } else { ", not to its end" }));
        self.bag.push(Carried { from: i, to, number, bytes: Arc::new(file.bytes), acts: file.acts, lies: file.lies, whole });
        if self.bag.len() > FILES_MAX {
            let lost = m.rng.below(self.bag.len());
            self.bag.remove(lost);
        }
        Ok(())
    }

    /// Writes the next records of an export and tells whether there may be more; none if it breaks off.
    fn export_on(&mut self, i: usize, to: usize, file: &mut Writing, keys: &seal::Keys, m: &mut Moment<'_>) -> Result<Option<bool>, Violation> {
        let (partner, export, room) = (self.id(to), file.export, file.out.room());
        let honest = Some(i) != self.liar;
        let done = self.work(i, m, |node, now| {
            let next = node.carry_next(partner, export, room, now)?;
            let CarryNext::Load(load) = next else { return Ok((next, None)) };
            let parcel = load.seal(keys)?;
            let sealed = CarrySealed { number: load.number, parcel: parcel.id, sent: load.sent.clone() };
            node.carry_sealed(partner, export, &[sealed], now)?;
            Ok::<_, NodeError>((CarryNext::Load(load), Some(parcel.bytes)))
        })?;
        let Some((done, committed)) = done else { return Ok(None) };
        let now = self.now(i);
        let (next, parcel) = match done {
            Ok(done) => done,
            Err(e) => {
                self.tell(format!("{} breaks its export off: {}", NAMES[i], e.code()));
                self.sound_refusal(i, &e)?;
                return Ok(None);
            }
        };
        // What a receipt will be held against was not stored: the parcel may not leave.
        if committed.iter().any(|(_, r)| r.is_err()) {
            return Ok(None);
        }
        let bad = |e: NodeError| Violation::new("stays-sound", format!("{} cannot write a file: {e}", NAMES[i]));
        match next {
            CarryNext::Receipts(all) => {
                for (n, owed) in all.iter().enumerate() {
                    if let Some(act) = self.stations[i].store().and_then(|s| not_held(s, &owed.receipt)) {
                        let what = format!("{} writes a receipt for act {act} that is not on its disk", NAMES[i]);
                        return Err(Violation::new("no-receipt-before-durability", what));
                    }
                    let lie = (!honest && m.rng.chance(1, 2)).then(|| self.false_owed(i, &all, n, &mut m.rng)).flatten();
                    let (number, receipt) = match lie {
                        Some((number, receipt, lie)) => {
                            file.lies.insert((number, receipt.clone()), lie);
                            (number, receipt)
                        }
                        None => (owed.number, owed.receipt.clone()),
                    };
                    file.bytes.extend(file.out.add(CarryRecord::Receipt(number, &receipt), now).map_err(bad)?);
                }
                Ok(Some(true))
            }
            CarryNext::Load(load) => {
                self.only_for(i, to, &load.content)?;
                self.is_synced(i)?;
                file.acts.extend(acts_in(&load.content).iter().map(dossier::Act::id));
                let parcel = parcel.expect("it was sealed");
                self.chunks_only_for(i, to, &parcel)?;
                file.bytes.extend(file.out.add(CarryRecord::Parcel(&parcel), now).map_err(bad)?);
                Ok(Some(true))
            }
            CarryNext::Done => Ok(Some(false)),
        }
    }

    /// Makes up what the liar puts in the place of a receipt that it owes: one for another parcel, of another number, or a changed one.
    fn false_owed(&self, liar: usize, all: &[node::CarryOwed], n: usize, rng: &mut crate::rng::Rng) -> Option<(u64, Vec<u8>, Lie)> {
        let keys = &self.stations[liar].keys;
        let own = seal::Cards::first(keys.card_bytes()).ok()?;
        let (mut receipt, _) = seal::Receipt::read(&all[n].receipt, &own).ok()?;
        let number = all[n].number;
        let code = "peer.receipt.other";
        let (number, bytes) = match rng.below(3) {
            0 => {
                // The receipt for one parcel, as if it were another's.
                let other = all.iter().find(|o| o.number != number)?;
                (number, other.receipt.clone())
            }
            1 => {
                receipt.parcel = Digest::of(b"another parcel").into();
                (number, receipt.sign(keys).bytes().to_vec())
            }
            _ => {
                receipt.entries.pop();
                (number, receipt.sign(keys).bytes().to_vec())
            }
        };
        Some((number, bytes, Lie { kind: Fault::OtherReceipt, expect: Expect::Receipt(code) }))
    }

    pub(crate) fn do_import(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let at = m.rng.below(self.bag.len());
        if self.bag.is_empty() {
            return Ok(());
        }
        let at = if m.has(Fault::FileOrder) || m.rng.chance(1, 3) { at } else { 0 };
        let to = self.bag[at].to;
        if !self.up(to)? {
            return Ok(());
        }
        let mut file = self.bag.remove(at);
        if self.bag.iter().any(|f| (f.from, f.to) == (file.from, file.to) && f.number < file.number) {
            self.coverage.hit(Fault::FileOrder, m.kind);
        }
        if m.has(Fault::FileLost) {
            self.coverage.hit(Fault::FileLost, m.kind);
            self.tell(format!("file {} from {} to {} is lost", file.number, NAMES[file.from], NAMES[to]));
            return Ok(());
        }
        if m.has(Fault::FileTwice) {
            self.coverage.hit(Fault::FileTwice, m.kind);
            self.bag.push(file.clone());
        }
        if m.has(Fault::FileTorn) {
            self.coverage.hit(Fault::FileTorn, m.kind);
            let cut = m.rng.below(file.bytes.len());
            file.bytes = Arc::new(file.bytes[..cut].to_vec());
            file.whole = false;
        }
        self.import(&file, m)
    }

    /// Takes a file, record by record; what stops it leaves what was stored, and the file may come again.
    pub(crate) fn import(&mut self, file: &Carried, m: &mut Moment<'_>) -> Result<(), Violation> {
        let to = file.to;
        self.for_nobody_else(file)?;
        let Some(chief) = self.stations[to].officer("chief") else { return Ok(()) };
        let Some(node) = self.node(to) else { return Ok(()) };
        let mut intake = Intake::new(node, DAYS_MAX, chief.id);
        let mut chunks = file.bytes.chunks(READ_BYTES);
        let (mut ended, mut struck) = (false, false);
        loop {
            let now = self.now(to);
            let next = match ended {
                false => intake.next(now),
                true => intake.finish(),
            };
            let job = match next {
                Ok(Some(job)) => job,
                Ok(None) if ended => break,
                Ok(None) => {
                    match chunks.next() {
                        Some(more) => intake.push(more),
                        None => ended = true,
                    }
                    continue;
                }
                Err(e) => return self.not_imported(file, &e),
            };
            // What is to strike strikes at any of the records.
            let strikes = !struck && m.rng.chance(1, 3);
            struck |= strikes;
            let mut calm = Moment { kind: m.kind, faults: &[], rng: m.rng.clone() };
            if !self.import_one(file, &mut intake, job, if strikes { &mut *m } else { &mut calm })? {
                return Ok(());
            }
        }
        let Some(report) = intake.report() else { return Ok(()) };
        if file.whole && !report.whole && report.faults.iter().any(|f| f.record == 0 && f.code.starts_with("refusal.carry.")) {
            let codes: Vec<&str> = report.faults.iter().map(|f| f.code.as_str()).collect();
            return Err(Violation::new("file-arrives-whole", format!("{} finds file {} altered, which is not: {codes:?}", NAMES[to], file.number)));
        }
        if !file.whole && report.whole {
            return Err(Violation::new("file-arrives-whole", format!("{} takes file {}, which was cut, for whole", NAMES[to], file.number)));
        }
        let count = |c: node::CarryCount| format!("{} new {} again {} refused", c.new, c.again, c.refused);
        self.tell(format!(
            "{} has read file {} of {}: parcels {}, receipts {}",
            NAMES[to],
            file.number,
            NAMES[file.from],
            count(report.parcels),
            count(report.receipts)
        ));
        Ok(())
    }

    /// Does one record on the node; tells whether the import goes on.
    fn import_one(&mut self, file: &Carried, intake: &mut Intake, job: IntakeJob, m: &mut Moment<'_>) -> Result<bool, Violation> {
        let to = file.to;
        let lie = if let IntakeJob::Receipt(_, number, bytes) = &job { file.lies.get(&(*number, bytes.clone())).cloned() } else { None };
        let done = self.work(to, m, |node, now| job.run(node, now))?;
        let Some((done, committed)) = done else { return Ok(false) };
        let all_stored = committed.iter().all(|(_, r)| r.is_ok());
        let (done, appended) = match done {
            Ok((Some(ticket), done)) => match committed.into_iter().find(|(t, _): &(Ticket, _)| *t == ticket) {
                Some((_, Ok(appended))) => (Ok(done), Some(appended)),
                Some((_, Err(e))) => (Err(e.into()), None),
                None => return Err(Violation::new("stays-sound", format!("{} loses a record of a file", NAMES[to]))),
            },
            Ok((None, done)) => (Ok(done), None),
            Err(e) => (Err(e), None),
        };
        if let Some(lie) = lie {
            self.coverage.hit(lie.kind, m.kind);
            self.false_owed_met(file, &lie, &done, all_stored)?;
        }
        if let Ok(IntakeDone::Parcel(again)) = &done {
            self.is_synced(to)?;
            let given = appended.as_ref().and_then(|a| a.receipt.clone());
            self.answered(to, &file.acts, given.as_deref(), None, !again)?;
        }
        if let Err(e) = &done {
            self.sound_refusal(to, e)?;
        }
        let goes_on = intake.done(done, appended);
        if let Err(e) = &goes_on {
            self.tell(format!("{} stops reading file {}: {}", NAMES[to], file.number, e.code()));
        }
        Ok(goes_on.is_ok())
    }

    /// A false receipt came by file: nothing may be settled by it.
    fn false_owed_met(&mut self, file: &Carried, lie: &Lie, done: &Result<IntakeDone, NodeError>, logged: bool) -> Result<(), Violation> {
        let Expect::Receipt(begins) = lie.expect else { return Ok(()) };
        match done {
            Err(e) if e.code().starts_with(begins) && logged => drop(self.book.named.insert((file.to, "refused-input", e.code().to_owned()))),
            // Nobody awaits it any more, it came before as it should, or the disk failed.
            Err(_) | Ok(IntakeDone::SettledBefore) => {}
            Ok(_) => {
                let what = format!("{} took a false receipt of {} by file", NAMES[file.to], NAMES[file.from]);
                return Err(Violation::new("every-lie-is-named", what));
            }
        }
        Ok(())
    }

    fn not_imported(&mut self, file: &Carried, e: &NodeError) -> Result<(), Violation> {
        self.tell(format!("{} does not take file {} of {}: {}", NAMES[file.to], file.number, NAMES[file.from], e.code()));
        // Torn in its head it is no file; a card that is over or unknown by now opens nothing.
        let of_a_card = ["peer.seal.card-expired", "peer.seal.card-retired", "peer.seal.card-revoked", "peer.seal.unknown-card"].contains(&e.code());
        let of_the_file = !file.whole || of_a_card || e.code().starts_with("failure.");
        match of_the_file {
            true => self.sound_refusal(file.to, e),
            false => Err(Violation::new("file-arrives-whole", format!("{} refuses file {}: {e}", NAMES[file.to], file.number))),
        }
    }

    /// A file opens for nobody but its recipient.
    fn for_nobody_else(&mut self, file: &Carried) -> Result<(), Violation> {
        for i in (0..self.stations.len()).filter(|i| *i != file.to && *i != file.from) {
            let now = self.now(i);
            let Some(chief) = self.stations[i].officer("chief") else { continue };
            let Some(node) = self.node(i) else { continue };
            let mut intake = Intake::new(node, DAYS_MAX, chief.id);
            intake.push(&file.bytes);
            if matches!(intake.next(now), Ok(Some(IntakeJob::Parcel(_) | IntakeJob::Receipt(..)))) {
                return Err(Violation::new("nothing-for-others", format!("{} can read a file for {}", NAMES[i], NAMES[file.to])));
            }
        }
        Ok(())
    }

    /// In the end all files that are still carried arrive, and receipts go back the same way.
    pub(crate) fn carry_in_the_end(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let m = &mut Moment { kind: crate::plan::Kind::Import, faults: &[], rng: m.rng.clone() };
        for round in 0..2 {
            let mut bag = std::mem::take(&mut self.bag);
            m.rng.shuffle(&mut bag);
            for file in bag {
                self.import(&file, m)?;
            }
            let n = self.stations.len();
            for (from, to) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| round == 0 && a != b) {
                self.export(from, to, false, m)?;
            }
        }
        Ok(())
    }
}
