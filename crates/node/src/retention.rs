//! Retention: once a dossier has ended and its time is over, its content is erased here; heads, signatures and ledger stay.
//!
//! The time is the accord's, else the mechanism's, in whole days from the last act that counts; a dossier still open has none.
//! Each party does this for itself: an accord obliges, but nobody reaches into another's disk. What another party still has to
//! receive stays until it has, for a while: without its content that party could never judge it, and would wait for it for ever.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::outbound::PIECES_MAX;
use base::{Digest, DossierId, ItemId, ServiceId, UnixMs};
use dossier::{Dossier, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{Append, DossierRow, DueObject};

const DAY_MS: i64 = 86_400_000;
/// Days beyond the end of its retention for which content that a party has not receipted is kept for it.
pub const UNDELIVERED_DAYS_MAX: u32 = 180;
/// Bytes of a look into an outbox.
const LOOK_BYTES_MAX: usize = 4 << 20;

/// Returns the moment from which a dossier's content may no longer be kept; none while it is open.
pub(crate) fn kept_until(d: &Dossier) -> Option<UnixMs> {
    let ended = d.state().item(&d.root()).is_some_and(|r| d.state().ended(r));
    let last = d.timeline().into_iter().filter(|(_, v)| **v == Verdict::Valid).map(|(a, _)| a.head().at.at).max()?;
    let days = d.terms().and_then(|t| t.retention_days).unwrap_or(d.mechanism().retention_days);
    ended.then(|| last.plus_ms(i64::from(days).saturating_mul(DAY_MS)))
}

/// Takes what comes from the content out of a dossier's row.
fn untitled(mut row: DossierRow) -> DossierRow {
    let mut summary: serde_json::Value = serde_json::from_slice(&row.summary).unwrap_or_default();
    summary["title"] = "".into();
    row.summary = summary.to_string().into_bytes();
    row
}

/// A dossier that has ended and whose content is still kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keeping {
    /// The dossier.
    pub dossier: DossierId,
    /// From when its content may no longer be kept.
    pub until: UnixMs,
    /// Acts of it that partners have not receipted; counted only where the time is over.
    pub undelivered: usize,
}

impl Node {
    /// Lists ended dossiers whose content must be erased before a moment, the first one first; what is erased already is not among them.
    pub fn keepings(&mut self, before: UnixMs, now: UnixMs) -> Result<Vec<Keeping>, NodeError> {
        let mut out = Vec::new();
        for (dossier, until) in self.ended_and_kept()? {
            if until < before {
                out.push(Keeping { dossier, until, undelivered: 0 });
            }
        }
        if out.iter().any(|k| k.until <= now) {
            let undelivered = self.undelivered()?;
            out.iter_mut().filter(|k| k.until <= now).for_each(|k| k.undelivered = undelivered.get(&k.dossier).map_or(0, Vec::len));
        }
        out.sort_by_key(|k| (k.until, k.dossier));
        Ok(out)
    }

    /// Finds dossiers that have ended and are not erased, each with the end of its retention.
    fn ended_and_kept(&mut self) -> Result<Vec<(DossierId, UnixMs)>, NodeError> {
        let done: BTreeSet<String> = self.documents("erased")?.into_iter().map(|r| r.id).collect();
        let mut out = Vec::new();
        for listed in self.list(None, Some(true), usize::MAX)? {
            if !done.contains(&listed.id.to_string())
                && let Some(until) = self.dossier(&listed.id)?.and_then(|d| kept_until(d))
            {
                out.push((listed.id, until));
            }
        }
        Ok(out)
    }

    /// Stages the erasure of every ended dossier whose time is over; returns them.
    pub fn sweep(&mut self, now: UnixMs) -> Result<Option<(Ticket, Vec<DossierId>)>, NodeError> {
        self.sweep_exhibits(now);
        self.sweep_hits(now)?;
        let mut over: Vec<(DossierId, UnixMs, BTreeSet<ItemId>)> = Vec::new();
        for (id, until) in self.ended_and_kept()?.into_iter().filter(|(_, until)| *until <= now) {
            let items = self.dossier(&id)?.map(|d| d.state().items().map(|i| i.id).collect());
            over.extend(items.map(|items| (id, until, items)));
        }
        // An outbox may be long; it is looked at only when there is something to erase.
        let undelivered = if over.is_empty() { BTreeMap::new() } else { self.undelivered()? };
        let mut batch = Append::new(now);
        let mut erased = Vec::new();
        for (id, until, mut items) in over {
            let due = undelivered.get(&id).map_or(&[][..], Vec::as_slice);
            if !due.is_empty() && now < until.plus_ms(i64::from(UNDELIVERED_DAYS_MAX) * DAY_MS) {
                continue;
            }
            // Without its content nobody could do anything with an act.
            batch.unqueue.extend(due);
            // Void acts carry content too.
            items.extend(self.store.acts_of(&id)?.into_iter().map(|a| a.item));
            batch.erase.extend(items.into_iter().map(|item| (id, item)));
            // The list shows a title out of the content; it goes too, and the row says that something changed.
            batch.dossiers.extend(self.row(&id, now)?.map(untitled));
            batch.records.push(put("erased", &id.to_string(), until.to_string().into_bytes()));
            let what = "content erased at the end of its retention";
            batch.logs.push(log("audit", serde_json::json!({ "what": what, "dossier": id, "kept_until": until, "never_delivered": due.len() })));
            self.release_exhibits(&id, None, true, &mut batch);
            erased.push(id);
        }
        for id in &erased {
            self.forget(id);
            self.touch(*id);
        }
        Ok((!erased.is_empty()).then(|| (self.stage(batch), erased)))
    }

    /// Lists, by dossier, the acts that partners have not receipted: to whom and which.
    fn undelivered(&self) -> Result<BTreeMap<DossierId, Vec<(ServiceId, Digest)>>, NodeError> {
        let mut out: BTreeMap<DossierId, Vec<(ServiceId, Digest)>> = BTreeMap::new();
        for depth in self.store.outbox_depth()? {
            let mut after = None;
            loop {
                let page = self.store.outbox_next(&depth.recipient, after, PIECES_MAX, LOOK_BYTES_MAX)?;
                let Some(last) = page.last() else { break };
                after = Some(last.place);
                for due in page {
                    if let DueObject::Act(act) = due.what {
                        out.entry(act.dossier).or_default().push((depth.recipient, *act.id.as_ref()));
                    }
                }
            }
        }
        Ok(out)
    }
}
