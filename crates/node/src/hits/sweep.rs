//! What ends by the clock: records, keys of old epochs, lists, results, questions, counts. An index may hold a million records, and the node has one
//! thread: a round goes over all documents in steps of at most [`STEP`], and between two steps whatever else waits gets its turn.

use super::{DAY_MS, HIT_MECHANISM, ask, batch, held, index, publish, quota, serve};
use crate::error::NodeError;
use crate::node::{Node, PAGE, Ticket, log};
use base::UnixMs;
use store::{Append, Record, RecordOp};

/// Documents that one step looks at.
pub const STEP: usize = 2_000;

/// Kinds of documents, in the order in which a round goes over them.
const KINDS: [&str; 9] = [index::KIND, publish::EPOCH, held::LIST, ask::ASK, ask::SENT, serve::SERVED, serve::COMMITTED, ask::ANSWERED, batch::KIND];
/// Where counts stand: behind all of [`KINDS`].
const COUNTS: &str = quota::KIND;

/// How far a round is: the kind, and the last document of it that was looked at.
#[derive(Default)]
pub(super) struct Round {
    kind: usize,
    after: Option<String>,
    /// Records of the index that this round took out.
    gone: usize,
}

impl Node {
    /// Goes on with what may no longer be kept, one step: at most [`STEP`] documents are looked at.
    ///
    /// `Node::hits_unswept` then tells whether the round goes on.
    pub(crate) fn sweep_hits(&mut self, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let mut round = std::mem::take(&mut self.hits.round);
        let mut batch = Append::new(now);
        let mut left = STEP;
        while left > 0 && round.kind <= KINDS.len() {
            let kind = KINDS.get(round.kind).copied().unwrap_or(COUNTS);
            let want = left.min(PAGE);
            let page = self.store.records(kind, round.after.as_deref(), want)?;
            left -= page.len().max(1).min(left);
            let before = batch.records.len();
            for r in &page {
                self.sweep_one(kind, r, now, &mut batch)?;
            }
            if kind == index::KIND {
                round.gone += batch.records.len() - before;
            }
            match page.last() {
                Some(last) if page.len() == want => round.after = Some(last.id.clone()),
                _ => {
                    if kind == index::KIND && round.gone > 0 {
                        let line = serde_json::json!({ "what": "index records removed at the end of their retention", "records": round.gone });
                        batch.logs.push(log("audit", line));
                    }
                    round = Round { kind: round.kind + 1, after: None, gone: 0 };
                }
            }
        }
        self.hits.round = if round.kind > KINDS.len() { Round::default() } else { round };
        Ok((!batch.records.is_empty() || !batch.logs.is_empty()).then(|| self.stage(batch)))
    }

    /// Tells whether a round of `Node::sweep` stands in the midst of hit/no-hit's documents and wants another call.
    pub fn hits_unswept(&self) -> bool {
        self.hits.round.kind > 0 || self.hits.round.after.is_some()
    }

    fn sweep_one(&mut self, kind: &str, r: &Record, now: UnixMs, batch: &mut Append) -> Result<(), NodeError> {
        let days = |days: u32| i64::from(days) * DAY_MS;
        let kept = match kind {
            index::KIND => return self.sweep_record(r, now, batch),
            publish::EPOCH => return self.sweep_epoch(r, now, batch),
            held::LIST => return self.sweep_held(r, now, batch),
            ask::ASK => return self.sweep_ask(r, now, batch),
            batch::KIND => return self.sweep_batch(r, batch),
            quota::KIND => {
                self.sweep_count(r, now, batch);
                return Ok(());
            }
            ask::SENT => days(ask::EXPIRE_SENT_DAYS),
            // What partners asked and answered.
            _ => days(self.mechanism(HIT_MECHANISM)?.retention_days),
        };
        if now >= r.at.plus_ms(kept) {
            batch.records.push(RecordOp::Delete { kind: kind.to_owned(), id: r.id.clone() });
        }
        Ok(())
    }
}
