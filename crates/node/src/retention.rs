//! Retention: once a dossier has ended and its time is over, its content is erased here; heads, signatures and ledger stay.
//!
//! The time is the accord's, else the mechanism's, in whole days from the last act that counts; a dossier still open has none.
//! Each party does this for itself: an accord obliges, but nobody reaches into another's disk.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use base::{DossierId, ItemId, UnixMs};
use dossier::{Dossier, Verdict};
use std::collections::BTreeSet;
use store::Append;

const DAY_MS: i64 = 86_400_000;

/// Returns the moment from which a dossier's content may no longer be kept; none while it is open.
pub(crate) fn kept_until(d: &Dossier) -> Option<UnixMs> {
    let ended = d.state().item(&d.root()).is_some_and(|r| d.state().ended(r));
    let last = d.timeline().into_iter().filter(|(_, v)| **v == Verdict::Valid).map(|(a, _)| a.head().at.at).max()?;
    let days = d.terms().and_then(|t| t.retention_days).unwrap_or(d.mechanism().retention_days);
    ended.then(|| last.plus_ms(i64::from(days).saturating_mul(DAY_MS)))
}

impl Node {
    /// Stages the erasure of every ended dossier whose time is over; returns them.
    pub fn sweep(&mut self, now: UnixMs) -> Result<Option<(Ticket, Vec<DossierId>)>, NodeError> {
        self.sweep_exhibits(now);
        let done: BTreeSet<String> = self.documents("erased")?.into_iter().map(|r| r.id).collect();
        let mut batch = Append::new(now);
        let mut erased = Vec::new();
        for listed in self.list(None, Some(true), usize::MAX)? {
            if done.contains(&listed.id.to_string()) {
                continue;
            }
            let Some(d) = self.dossier(&listed.id)? else { continue };
            let Some(until) = kept_until(d).filter(|until| *until <= now) else { continue };
            let mut items: BTreeSet<ItemId> = d.state().items().map(|i| i.id).collect();
            // Void acts carry content too.
            items.extend(self.store.acts_of(&listed.id)?.into_iter().map(|a| a.item));
            batch.erase.extend(items.into_iter().map(|item| (listed.id, item)));
            batch.records.push(put("erased", &listed.id.to_string(), until.to_string().into_bytes()));
            batch
                .logs
                .push(log("audit", serde_json::json!({ "what": "content erased at the end of its retention", "dossier": listed.id, "kept_until": until })));
            self.release_exhibits(&listed.id, None, true, &mut batch);
            erased.push(listed.id);
        }
        for id in &erased {
            self.forget(id);
            self.touch(*id);
        }
        Ok((!erased.is_empty()).then(|| (self.stage(batch), erased)))
    }
}
