//! What partners compare: that a ledger only grows (C2SP tlog-checkpoint and cosignature formats), and that they were told the same.

use crate::error::NodeError;
use crate::node::{Node, PAGE, Ticket, log, put};
use crate::piece::Piece;
use crate::recover::GOES_ON_AT;
use base::{Digest, DossierId, ServiceId, UnixMs};
use dossier::{Mark, PARTIES_MAX, Want};
use seal::{Checkpoint, Directory, Restored, ledger};
use std::collections::BTreeSet;
use store::{Append, Entry, Kind, Outgoing, Queued, RecordOp, prove_consistency};

/// Size and root of a ledger.
pub(crate) type Point = (u64, Digest);

/// Cosigned points of one partner that are remembered: six weeks of a checkpoint each quarter of an hour.
const WITNESSED_KEPT: u64 = 4096;
/// Ledger entries looked through for what a partner that starts anew did last.
const MEET_BACK: u64 = 2_000;
/// Dossiers of which such a partner is told how far they are folded here.
const MEET_MAX: usize = 64;
/// A partner that starts more often than this is told less often.
const MEET_AGAIN_MS: i64 = 60_000;
/// Kind of the documents that name dossiers which changed since their parties last compared them.
pub(crate) const UNCOMPARED: &str = "uncompared";
/// Kind of the documents that name what was last sent of a dossier to its other parties.
const FRONT_DUE: &str = "front-due";

impl Node {
    /// Stages, for every partner, a checkpoint of our ledger with the proof that it only grew since the partner's last
    /// cosignature, and for the parties of dossiers that changed how far we have folded them.
    pub fn checkpoint(&mut self, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let state = self.store.ledger()?;
        let mut batch = Append::new(now);
        for cards in self.book.all().into_iter().filter(|c| c.service() != self.keys.service()) {
            let to = cards.service();
            // Before a partner has answered our restoration it knows another line, and would name ours a rewritten one.
            if self.awaits(&to) {
                continue;
            }
            let old_size = self.number("cosigned", &to)?.map_or(0, |(size, _)| size);
            // The first checkpoint after a restoration is the declared point itself.
            let declared = self.fence.declared.as_ref().filter(|d| old_size < d.size).map(|d| (d.size, d.root));
            let (size, root) = declared.unwrap_or((state.size, state.root));
            if old_size >= size {
                continue;
            }
            let Some(proof) = prove_consistency(&*self.store, old_size, size)? else { continue };
            let note = Checkpoint::sign(&self.keys, size, root);
            let piece = Piece::Checkpoint { note, old_size, proof }.encode();
            let (id, now_due) = (to.to_string(), Digest::of(&piece));
            // One is enough: for a partner that is away for weeks, the newest takes the place of the one before.
            if let Some(before) = self.store.record("checkpoint-due", &id)?
                && let Some(before) = Digest::from_slice(&before.data).filter(|b| *b != now_due)
            {
                batch.unqueue.push((to, before));
            }
            batch.records.push(put("checkpoint-due", &id, now_due.bytes().to_vec()));
            batch.queue.push(Queued { recipient: to, what: Outgoing::Note(piece) });
        }
        self.compare(&mut batch)?;
        if batch.queue.is_empty() && batch.records.is_empty() {
            return Ok(None);
        }
        self.news += 1;
        Ok(Some(self.stage(batch)))
    }

    /// Tells the other parties how far we have folded the dossiers that changed since we last told them.
    ///
    /// An author may tell two parties different things, or one of them nothing. As long as neither of the two acts, nothing that
    /// they send shows what they had seen; so they compare. The other of two parties is told as well: what it hears of its own acts
    /// shows it that it runs on an older copy, before it signs a number again.
    fn compare(&mut self, batch: &mut Append) -> Result<(), NodeError> {
        let me = self.me();
        for record in self.documents(UNCOMPARED)? {
            let id: DossierId = record.id.parse()?;
            if let Some(d) = self.dossier(&id)?
                && d.opening().parties.len() > 1
            {
                let piece = Piece::Front { dossier: id, marks: d.marks() }.encode();
                let others: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
                // One is enough here too: the newest takes the place of the one before.
                let due = Digest::of(&piece);
                if let Some(before) = self.store.record(FRONT_DUE, &record.id)?
                    && let Some(before) = Digest::from_slice(&before.data).filter(|b| *b != due)
                {
                    batch.unqueue.extend(others.iter().map(|to| (*to, before)));
                }
                batch.records.push(put(FRONT_DUE, &record.id, due.bytes().to_vec()));
                batch.queue.extend(others.into_iter().map(|recipient| Queued { recipient, what: Outgoing::Note(piece.clone()) }));
            }
            batch.records.push(RecordOp::Delete { kind: UNCOMPARED.to_owned(), id: record.id });
        }
        Ok(())
    }

    /// Tells a partner whose node has started anew how far we have folded the dossiers in which it acted last: if its disk was changed for an
    /// older copy and nobody said so, it sees its own acts that are not there before it signs their numbers again.
    pub(crate) fn meet_anew(&mut self, from: ServiceId, number: u64, batch: &mut Append) -> Result<(), NodeError> {
        let start = number >> 32;
        let (before, at) = match self.fence.met.get(&from) {
            Some(met) => *met,
            None => (self.store.given_highest(&from)?.map_or(start, |n| n >> 32), UnixMs(i64::MIN / 2)),
        };
        if start <= before || batch.at.0.saturating_sub(at.0) < MEET_AGAIN_MS {
            self.fence.met.entry(from).or_insert((before, at));
            return Ok(());
        }
        self.fence.met.insert(from, (start, batch.at));
        for id in self.acted_in(&from)? {
            let Some(d) = self.dossier(&id)?.filter(|d| d.opening().parties.iter().any(|p| p.service == from)) else { continue };
            let (piece, wants) = (Piece::Front { dossier: id, marks: d.marks() }.encode(), d.wants());
            batch.queue.push(Queued { recipient: from, what: Outgoing::Note(piece) });
            self.news += 1;
            // What waits here for its acts is not among what is folded.
            self.want(from, id, &wants, batch);
        }
        Ok(())
    }

    /// Finds the dossiers in which a partner acted last, as our ledger came to know it, looking back a while.
    fn acted_in(&self, partner: &ServiceId) -> Result<BTreeSet<DossierId>, NodeError> {
        let (mut to, mut out) = (self.store.ledger()?.size, BTreeSet::new());
        let stop = to.saturating_sub(MEET_BACK);
        while to > stop && out.len() < MEET_MAX {
            let from = to.saturating_sub(PAGE as u64).max(stop);
            for e in self.store.entries(from, (to - from) as usize)?.into_iter().rev().filter(|e| e.kind == Kind::Act) {
                if out.len() < MEET_MAX {
                    out.extend(self.store.act(&e.object.into())?.filter(|a| a.author == *partner).map(|a| a.dossier));
                }
            }
            to = from;
        }
        Ok(out)
    }

    /// Takes what another party has folded of a dossier: asks it for what is lacking here, or stands otherwise here.
    pub(crate) fn take_front(&mut self, from: ServiceId, id: DossierId, marks: &[Mark], batch: &mut Append) -> Result<(), NodeError> {
        let known = match self.dossier(&id)? {
            Some(d) if d.opening().parties.iter().any(|p| p.service == from) => Some(d.lacks(marks)),
            Some(_) => return Err(NodeError::Absent("dossier")),
            None => None,
        };
        // What of our own is lacking here was lost with a ledger that was put back. If that is declared, this partner's answer will mend
        // it. Else the acts themselves are asked for: with our signature they are the proof of an older copy, or came to the partner by
        // file after it had answered. Until they are here their numbers are not free.
        let (me, awaited) = (self.me(), self.awaits(&from));
        if let Some(own) = known.iter().flatten().find(|w| w.author == me) {
            self.shows_own(id, from, own.to, batch.at);
        }
        let wants: Vec<Want> = match known {
            Some(wants) => wants,
            // Its opening is under way or was lost; like a stray act, this is worth asking back for so many times only.
            None if marks.len() > PARTIES_MAX || !self.traffic.may_stray(from) => return Err(NodeError::TooMuchWaiting),
            None => marks.iter().map(Want::up_to).collect(),
        };
        let wants: Vec<Want> = wants.into_iter().filter(|w| w.author != me || !(awaited || self.is_used(&id, w.to))).collect();
        self.want(from, id, &wants, batch);
        Ok(())
    }

    /// Reads size and root that stand under a partner's name.
    pub(crate) fn number(&self, kind: &str, service: &ServiceId) -> Result<Option<(u64, Digest)>, NodeError> {
        let Some(record) = self.store.record(kind, &service.to_string())? else { return Ok(None) };
        serde_json::from_slice(&record.data).map(Some).map_err(|_| NodeError::Corrupt(format!("what was {kind} of a partner")))
    }

    /// Cosigns a partner's checkpoint if its ledger only grew since the last one; else keeps the proof of the opposite.
    ///
    /// A checkpoint states no time. It is judged at the time at which its parcel was sealed, as the parcel's card is: by our own clock, behind
    /// the partner's or days after a file was written, a card that is good might not have begun or be over.
    pub(crate) fn cosign(
        &mut self,
        from: ServiceId,
        (note, sealed): (&str, UnixMs),
        (old_size, proof): (u64, &[Digest]),
        batch: &mut Append,
        now: UnixMs,
    ) -> Result<(), NodeError> {
        if self.awaits(&from) {
            // Our older copy may have forgotten what we cosigned last; the partner's answer will say.
            return Err(NodeError::Fenced(self.book.code(&from)));
        }
        let cards = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        let checkpoint = Checkpoint::read(note, &cards, sealed)?;
        if let Some(point) = self.number(GOES_ON_AT, &from)?
            && (checkpoint.size, checkpoint.root) != point
        {
            return self.hold_against(from, &checkpoint, note, old_size, proof, point, batch);
        }
        let last = self.number("witnessed", &from)?;
        let (size, root) = last.unwrap_or((0, Digest::default()));
        let grew =
            checkpoint.size >= size && (size == 0 || (old_size == size && ledger::verify_consistency(size, checkpoint.size, &root, &checkpoint.root, proof)));
        let rewritten = checkpoint.size == size && size > 0 && checkpoint.root != root;
        // Smaller than before is no proof: parcels overtake each other. Two roots of one size are, and a proof that does not hold.
        if rewritten || (old_size == size && checkpoint.size > size && !grew) {
            tracing::error!(partner = %self.book.code(&from), "the partner's ledger was rewritten");
            batch.logs.push(log(
                "incident",
                serde_json::json!({ "code": "peer.ledger.rewritten", "service": from, "note": note, "size_before": size, "root_before": root }),
            ));
            return Err(NodeError::Rewritten);
        }
        if !grew {
            // The partner does not know of our last cosignature. Shown it again, it either goes on from there, or finds that
            // its ledger does not bear it out, and says so under its signature.
            if let Some(last) = self.store.record("witnessed-note", &from.to_string())? {
                let note = String::from_utf8_lossy(&last.data).into_owned();
                batch.queue.push(Queued { recipient: from, what: Outgoing::Note(Piece::Cosigned { note }.encode()) });
                self.news += 1;
            }
            return Err(NodeError::CheckpointStart(size));
        }
        let whole = format!("{note}{}", checkpoint.cosign(&self.keys, now));
        self.put_witnessed(from, &checkpoint, &whole, batch)?;
        batch.records.push(RecordOp::Delete { kind: GOES_ON_AT.to_owned(), id: from.to_string() });
        batch.queue.push(Queued { recipient: from, what: Outgoing::Note(Piece::Cosigned { note: whole }.encode()) });
        self.news += 1;
        Ok(())
    }

    /// Files a partner's cosignature under our own checkpoint.
    pub(crate) fn take_cosigned(&mut self, from: ServiceId, note: &str, batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let own = self.book.cards(&self.keys.service()).ok_or(NodeError::UnknownPartner(self.keys.service()))?;
        let partner = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        let checkpoint = Checkpoint::read_cosigned(note, &own, &partner, now)?;
        // A note signed with our key that our ledger does not bear out: this ledger is an older copy, or somebody else holds our key. The
        // partner that shows it does right; a note that our key did not sign was refused above, as its fault.
        if self.store.root(checkpoint.size)? != Some(checkpoint.root) {
            if let Some(declared) = self.fence.declared.clone()
                && checkpoint.size > declared.lost_from
            {
                // Of a line that was lost, sent before the partner knew; after it knew, of another machine under our name. By file it may
                // come after the answer, cosigned by a clock that was ahead: the line is known to have been so long that it may be of it.
                if !self.awaits(&from)
                    && checkpoint.size > declared.lost_to
                    && checkpoint.cosigned_by(note, &partner).is_ok_and(|at| at.0 > declared.at.0.saturating_add(1000))
                {
                    self.found_twin(from, batch);
                } else {
                    tracing::info!(partner = %self.book.code(&from), size = checkpoint.size, "a cosignature of the line that was lost is passed over");
                }
                return Ok(());
            }
            self.found_older(from, batch)?;
            batch.logs.push(log("incident", serde_json::json!({ "code": NodeError::NotOurs.code(), "service": self.me(), "shown_by": from, "note": note })));
            return Err(NodeError::NotOurs);
        }
        batch.entries.push(Entry::checkpoint_cosigned(note, &own, &partner, now)?);
        if self.number("cosigned", &from)?.is_some_and(|(size, _)| size >= checkpoint.size) {
            return Ok(());
        }
        let data = serde_json::to_vec(&(checkpoint.size, checkpoint.root)).expect("plain data has a JSON form");
        batch.records.push(put("cosigned", &from.to_string(), data));
        batch.records.push(put("cosigned-note", &from.to_string(), note.as_bytes().to_vec()));
        Ok(())
    }

    /// Remembers what was cosigned last, and, for a while, what was cosigned before it.
    pub(crate) fn put_witnessed(&mut self, from: ServiceId, checkpoint: &Checkpoint, note: &str, batch: &mut Append) -> Result<(), NodeError> {
        let data = serde_json::to_vec(&(checkpoint.size, checkpoint.root)).expect("plain data has a JSON form");
        let n = self.store.record("witnessed-count", &from.to_string())?.and_then(|r| String::from_utf8_lossy(&r.data).parse::<u64>().ok()).unwrap_or(0);
        batch.records.push(put("witnessed", &from.to_string(), data.clone()));
        batch.records.push(put("witnessed-note", &from.to_string(), note.as_bytes().to_vec()));
        batch.records.push(put("witnessed-at", &format!("{from}/{:04}", n % WITNESSED_KEPT), data));
        batch.records.push(put("witnessed-count", &from.to_string(), (n + 1).to_string().into_bytes()));
        Ok(())
    }

    /// Returns everything that we remember to have cosigned of a partner, by document.
    fn all_witnessed(&self, of: &ServiceId) -> Result<Vec<(String, Point)>, NodeError> {
        let prefix = format!("{of}/");
        let mut after = prefix.clone();
        let mut out = Vec::new();
        loop {
            let page = self.store.records("witnessed-at", Some(&after), PAGE)?;
            let Some(last) = page.last() else { return Ok(out) };
            after = last.id.clone();
            for r in page {
                if !r.id.starts_with(&prefix) {
                    return Ok(out);
                }
                let point = serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("what was cosigned of a partner".to_owned()))?;
                out.push((r.id, point));
            }
        }
    }

    /// Finds the largest size up to one that we cosigned of a partner, and that no declaration of it has ended, stored or only staged.
    pub(crate) fn cosigned_up_to(&self, of: &ServiceId, size: u64) -> Result<Option<Point>, NodeError> {
        let size = self.fence.gone_back.get(of).map_or(size, |back| size.min(*back));
        Ok(self.all_witnessed(of)?.into_iter().map(|(_, p)| p).filter(|p| p.0 <= size).max_by_key(|p| p.0))
    }

    /// Goes back to what was cosigned up to a declared point; what was cosigned beyond it is evidence of a line that ended.
    pub(crate) fn go_back(&mut self, of: ServiceId, known: Option<(u64, Digest)>, said: &Restored, batch: &mut Append) -> Result<(), NodeError> {
        let id = of.to_string();
        let back = self.fence.gone_back.entry(of).or_insert(said.size);
        *back = said.size.min(*back);
        match known {
            Some(point) => batch.records.push(put("witnessed", &id, serde_json::to_vec(&point).expect("plain data has a JSON form"))),
            None => batch.records.push(RecordOp::Delete { kind: "witnessed".to_owned(), id: id.clone() }),
        }
        batch.records.push(RecordOp::Delete { kind: "witnessed-note".to_owned(), id: id.clone() });
        let beyond = self.all_witnessed(&of)?.into_iter().filter(|(_, p)| p.0 > said.size);
        batch.records.extend(beyond.map(|(id, _)| RecordOp::Delete { kind: "witnessed-at".to_owned(), id }));
        // Cosigned at exactly the declared point: the line goes on from there. Else its next checkpoint must be that point.
        if known.is_none_or(|k| k.0 < said.size) && said.size > 0 {
            batch.records.push(put(GOES_ON_AT, &id, serde_json::to_vec(&(said.size, said.root)).expect("plain data has a JSON form")));
        } else {
            batch.records.push(RecordOp::Delete { kind: GOES_ON_AT.to_owned(), id });
        }
        Ok(())
    }

    /// Judges a checkpoint that is not the declared point: sent before the declaration, or of a line that was to have ended.
    #[allow(clippy::too_many_arguments)] // One step of `cosign`, apart so that it stays readable.
    fn hold_against(
        &mut self,
        from: ServiceId,
        checkpoint: &Checkpoint,
        note: &str,
        old_size: u64,
        proof: &[Digest],
        point: (u64, Digest),
        batch: &mut Append,
    ) -> Result<(), NodeError> {
        let same_size = checkpoint.size == point.0;
        let from_point = old_size == point.0 && checkpoint.size > point.0;
        let grew = from_point && ledger::verify_consistency(point.0, checkpoint.size, &point.1, &checkpoint.root, proof);
        if same_size || (from_point && !grew) {
            batch.logs.push(log(
                "incident",
                serde_json::json!({ "code": NodeError::Rewritten.code(), "service": from, "note": note, "size_before": point.0, "root_before": point.1 }),
            ));
            return Err(NodeError::Rewritten);
        }
        Err(NodeError::CheckpointStart(point.0))
    }
}
