//! Checkpoints: partners watch that a ledger only grows (C2SP tlog-checkpoint and cosignature formats).

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::piece::Piece;
use base::{Digest, ServiceId, UnixMs};
use seal::{Checkpoint, Directory, ledger};
use store::{Append, Entry, Outgoing, Queued, prove_consistency};

impl Node {
    /// Stages a checkpoint of our ledger for every partner, with the proof that it only grew since the partner's last cosignature.
    pub fn checkpoint(&mut self, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let state = self.store.ledger()?;
        let note = Checkpoint::sign(&self.keys, state.size, state.root);
        let mut batch = Append::new(now);
        for cards in self.book.all().into_iter().filter(|c| c.service() != self.keys.service()) {
            let to = cards.service();
            let old_size = self.number("cosigned", &to)?.map_or(0, |(size, _)| size);
            if old_size >= state.size {
                continue;
            }
            let Some(proof) = prove_consistency(&*self.store, old_size, state.size)? else { continue };
            let piece = Piece::Checkpoint { note: note.clone(), old_size, proof }.encode();
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
        if batch.queue.is_empty() {
            return Ok(None);
        }
        self.news += 1;
        Ok(Some(self.stage(batch)))
    }

    /// Reads size and root that stand under a partner's name.
    fn number(&self, kind: &str, service: &ServiceId) -> Result<Option<(u64, Digest)>, NodeError> {
        let Some(record) = self.store.record(kind, &service.to_string())? else { return Ok(None) };
        serde_json::from_slice(&record.data).map(Some).map_err(|_| NodeError::Corrupt(format!("what was {kind} of a partner")))
    }

    /// Cosigns a partner's checkpoint if its ledger only grew since the last one; else keeps the proof of the opposite.
    pub(crate) fn cosign(&mut self, from: ServiceId, note: &str, old_size: u64, proof: &[Digest], batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let cards = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        let checkpoint = Checkpoint::read(note, &cards, now)?;
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
        let data = serde_json::to_vec(&(checkpoint.size, checkpoint.root)).expect("plain data has a JSON form");
        batch.records.push(put("witnessed", &from.to_string(), data));
        batch.records.push(put("witnessed-note", &from.to_string(), whole.clone().into_bytes()));
        batch.queue.push(Queued { recipient: from, what: Outgoing::Note(Piece::Cosigned { note: whole }.encode()) });
        self.news += 1;
        Ok(())
    }

    /// Files a partner's cosignature under our own checkpoint.
    pub(crate) fn take_cosigned(&mut self, from: ServiceId, note: &str, batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let own = self.book.cards(&self.keys.service()).ok_or(NodeError::UnknownPartner(self.keys.service()))?;
        let partner = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        let checkpoint = Checkpoint::read(note, &own, now)?;
        // A note signed with our key that our ledger does not bear out would mean that somebody else holds our key.
        if self.store.root(checkpoint.size)? != Some(checkpoint.root) {
            batch.logs.push(log("incident", serde_json::json!({ "code": NodeError::NotOurs.code(), "service": from, "note": note })));
            return Err(NodeError::NotOurs);
        }
        batch.entries.push(Entry::checkpoint_cosigned(note, &own, &partner, now)?);
        if self.number("cosigned", &from)?.is_some_and(|(size, _)| size >= checkpoint.size) {
            return Ok(());
        }
        let data = serde_json::to_vec(&(checkpoint.size, checkpoint.root)).expect("plain data has a JSON form");
        batch.records.push(put("cosigned", &from.to_string(), data));
        Ok(())
    }
}
