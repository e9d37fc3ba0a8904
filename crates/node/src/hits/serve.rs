//! Answering: 1 the signed head, 2 a batch is used once, 3 the epoch, 4 accord, purpose, category, quota or grant, 5 the elements are evaluated
//! with a proof; log, count and answer are one batch. Nothing here learns what was asked.

use super::HitFault;
use super::ask::{QUESTION_ELEMENTS_MAX, hit_line};
use super::quota::Way;
use super::wire::{HitQuestion, Signing, commitment};
use crate::error::NodeError;
use crate::node::{Node, log, put};
use crate::piece::Piece;
use base::{Digest, ServiceId, UnixMs, hex};
use matching::oprf::{ELEMENT_BYTES, OprfFault};
use serde::{Deserialize, Serialize};
use store::{Append, Outgoing, Queued};

/// How far a question's time may be from our clock: as old as a carried parcel usually may be, and a day.
const SKEW_MS: i64 = 31 * super::DAY_MS;
pub(super) const SERVED: &str = "hit-served";
pub(super) const COMMITTED: &str = "hit-committed";

/// A question that was answered, for an auditor and for its confirmation: the signed head, and the elements that it commits to.
#[derive(Serialize, Deserialize)]
pub(super) struct ServedAsk {
    pub(super) from: ServiceId,
    pub(super) signed: String,
    pub(super) elements: String,
    pub(super) list: Digest,
    pub(super) confirmed: Vec<String>,
}

impl Node {
    /// Judges a partner's question and queues its answer.
    pub(crate) fn serve_hit_question(&mut self, from: ServiceId, signed: &[u8], elements: &[u8], batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let cards = seal::Directory::cards(&self.book, &from).ok_or(NodeError::UnknownPartner(from))?;
        let q = HitQuestion::read(signed, &cards)?;
        let id = Digest::of(signed);
        let count = elements.len() / ELEMENT_BYTES;
        if q.to != self.me() || q.by != from || (q.at.0 - now.0).abs() > SKEW_MS {
            return Err(HitFault::Unasked.into());
        }
        if !elements.len().is_multiple_of(ELEMENT_BYTES) || count == 0 || count > QUESTION_ELEMENTS_MAX || count != q.count as usize {
            return Err(HitFault::Oprf(OprfFault::Count { found: count, expected: q.count as usize }).into());
        }
        if commitment(elements) != q.commitment {
            return Err(HitFault::Commitment.into());
        }
        let committed = format!("{from}/{}", q.commitment);
        let before = match self.hits.seen.get(&(from, q.commitment)) {
            Some(id) => Some(*id),
            None => self.store.record(COMMITTED, &committed)?.map(|r| String::from_utf8_lossy(&r.data).parse()).transpose()?,
        };
        match before {
            Some(same) if same == id => return Ok(()), // it came again because our receipt was lost; its answer is on its way
            Some(_) => return Err(HitFault::Replayed.into()),
            None => {}
        }
        let ground = self.hit_ground(from, self.me(), now)?;
        let epoch = self.epoch(&from)?.filter(|e| e.list == q.list && e.accord == ground.accord).ok_or(HitFault::Epoch)?;
        self.hit_may(Way::In, from, &ground, &q, now)?;
        let key = self.epoch_key(&from)?.ok_or(HitFault::Epoch)?;
        let blinded: Vec<[u8; ELEMENT_BYTES]> = elements.chunks_exact(ELEMENT_BYTES).map(|c| c.try_into().expect("32 bytes")).collect();
        let evaluated = key.evaluate(&blinded, &mut *self.entropy).map_err(HitFault::from)?;
        self.hit_count(Way::In, from, &q, batch)?;
        self.hits.seen.insert((from, q.commitment), id);
        let served = ServedAsk { from, signed: hex::encode(signed), elements: hex::encode(elements), list: epoch.list, confirmed: Vec::new() };
        batch.records.push(put(SERVED, &id.to_string(), super::json(&served)));
        batch.records.push(put(COMMITTED, &committed, id.to_string().into_bytes()));
        batch.logs.push(log("hit", hit_line("was asked", &id, &q)));
        let answer = Piece::HitAnswer { question: id, elements: evaluated.elements.concat(), proof: evaluated.proof.to_bytes().to_vec() };
        batch.queue.push(Queued { recipient: from, what: Outgoing::Note(answer.encode()) });
        self.news += 1;
        Ok(())
    }
}
