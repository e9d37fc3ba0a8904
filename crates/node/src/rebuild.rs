//! Rebuild: every projection is worked out anew from the ledger, the bodies and the local documents.
//!
//! 1 remember the verdicts of acts whose content is erased, 2 wipe, 3 file every entry again in ledger order with the outbox
//! of our own acts, 4 fold every dossier anew and write verdicts and rows.

use crate::error::NodeError;
use crate::node::{Node, read_act};
use crate::served::as_stored;
use base::{ActId, DossierId, ServiceId, UnixMs};
use dossier::{Act, Deed};
use seal::{Held, Receipt, Signed, Typ};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Append, Filing, Kind, LedgerEntry, Outgoing, Parcel, Queued, RecordOp, Refile, REBUILDING};

/// Ledger entries that one batch files again.
const GROUP: usize = 500;

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Rebuilt {
    /// Ledger entries that were read.
    pub entries: u64,
    /// Acts among them.
    pub acts: u64,
    /// Dossiers that were folded.
    pub dossiers: u64,
}

impl Node {
    /// Works every projection out anew; `progress` hears how many entries of how many are done.
    pub fn rebuild(&mut self, now: UnixMs, progress: &mut dyn FnMut(u64, u64)) -> Result<Rebuilt, NodeError> {
        let size = self.store.ledger()?.size;
        let mut kept: BTreeMap<ActId, store::Verdict> = BTreeMap::new();
        self.each_entry(|node, e| {
            if e.kind == Kind::Act
                && let Some(filed) = node.store.act(&e.object.into())?
                && filed.body == store::Body::Erased
            {
                kept.insert(filed.id, filed.verdict);
            }
            Ok(())
        })?;
        self.store.wipe_projections()?;
        self.forget_all();
        let mut order: Vec<DossierId> = Vec::new();
        let (mut batch, mut done, mut acts) = (Append::new(now), 0u64, 0u64);
        self.each_entry(|node, e| {
            node.refile(&e, &mut batch, &mut order)?;
            acts += u64::from(e.kind == Kind::Act);
            done += 1;
            if batch.refile.len() >= GROUP {
                node.put_away(std::mem::replace(&mut batch, Append::new(now)))?;
                progress(done, size);
            }
            Ok(())
        })?;
        self.put_away(batch)?;
        let mut seen = BTreeSet::new();
        order.retain(|d| seen.insert(*d));
        let dossiers = self.refold_all(order, &kept, now)?;
        let mut last = Append::new(now);
        last.records.push(RecordOp::Delete { kind: REBUILDING.0.to_owned(), id: REBUILDING.1.to_owned() });
        self.put_away(last)?;
        progress(size, size);
        Ok(Rebuilt { entries: size, acts, dossiers })
    }

    fn each_entry(&mut self, mut see: impl FnMut(&mut Node, LedgerEntry) -> Result<(), NodeError>) -> Result<(), NodeError> {
        let mut from = 0;
        loop {
            let page = self.store.entries(from, GROUP)?;
            let Some(last) = page.last() else { return Ok(()) };
            from = last.pos + 1;
            page.into_iter().try_for_each(|e| see(self, e))?;
        }
    }

    fn put_away(&mut self, batch: Append) -> Result<(), NodeError> {
        self.stage(batch);
        self.commit().into_iter().try_for_each(|(_, r)| r.map(drop)).map_err(NodeError::from)
    }

    fn refile(&mut self, e: &LedgerEntry, batch: &mut Append, order: &mut Vec<DossierId>) -> Result<(), NodeError> {
        match e.kind {
            Kind::Act => {
                let signed = Signed::parse(&e.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?;
                let act = Act::decode(signed.payload(), None)?;
                let h = act.head();
                let filing = Filing { id: act.id(), dossier: h.dossier, seq: h.seq, item: act.item(), verdict: store::Verdict::Waiting };
                batch.refile.push(Refile::Act { pos: e.pos, author: h.author, filing });
                order.push(h.dossier);
                if h.author == self.me() {
                    let parties = self.parties_in_ledger(&act)?;
                    batch.queue.extend(parties.into_iter().map(|p| Queued { recipient: p, what: Outgoing::Act(act.id()) }));
                }
            }
            Kind::ReceiptTaken => {
                let receipt = read_receipt(&e.signed)?;
                let held = receipt.entries.iter().filter(|x| matches!(x.held, Held::Held { .. })).map(|x| *x.act.as_ref()).collect();
                // What the partner refused is not sent again by itself either.
                let refused = receipt.entries.iter().filter(|x| matches!(x.held, Held::Refused { .. })).map(|x| (receipt.from, *x.act.as_ref()));
                batch.unqueue.extend(refused);
                batch.refile.push(Refile::ReceiptTaken { pos: e.pos, service: receipt.from, at: e.at, objects: held });
                // A batch is worked off as refile, outbox: what this receipt settles must be queued by then.
                self.put_away(std::mem::replace(batch, Append::new(batch.at)))?;
            }
            Kind::ReceiptGiven => {
                let receipt = read_receipt(&e.signed)?;
                // The number stood in the parcel, which is gone; its id tells duplicates apart all the same.
                batch.refile.push(Refile::ReceiptGiven { pos: e.pos, parcel: Parcel { sender: receipt.to, number: e.pos, id: receipt.parcel } });
            }
            Kind::Card | Kind::CheckpointCosigned => {}
        }
        Ok(())
    }

    /// Finds the other parties of an own act's dossier: in memory, or in the opening that the ledger holds.
    fn parties_in_ledger(&mut self, act: &Act) -> Result<Vec<ServiceId>, NodeError> {
        let others = |o: &dossier::Opening, me: ServiceId| o.parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
        let me = self.me();
        if let Deed::Open(o) = &act.head().deed {
            return Ok(others(o, me));
        }
        for filed in self.store.acts_of(&act.head().dossier)? {
            if let Deed::Open(o) = &read_act(&filed)?.head().deed {
                return Ok(others(o, me));
            }
        }
        Ok(Vec::new())
    }

    /// Folds every dossier anew; accords come out first because what stands under them names them.
    fn refold_all(&mut self, order: Vec<DossierId>, kept: &BTreeMap<ActId, store::Verdict>, now: UnixMs) -> Result<u64, NodeError> {
        let mut folded = 0;
        for id in order {
            let mut acts: Vec<(u64, Arc<Act>)> = Vec::new();
            for filed in self.store.acts_of(&id)? {
                acts.push((filed.pos, Arc::new(read_act(&filed)?)));
            }
            acts.sort_by_key(|a| a.0);
            let opening = acts.iter().find_map(|(_, a)| match &a.head().deed {
                Deed::Open(o) => Some(o.clone()),
                _ => None,
            });
            let Some(opening) = opening else { continue };
            if let Some(a) = &opening.accord
                && !self.has_accord(a)?
            {
                let mut batch = Append::new(now);
                self.await_accord(&mut batch, id, a.dossier);
                self.put_away(batch)?;
                continue;
            }
            let mut d = self.new_dossier(&opening)?.ok_or_else(|| NodeError::Corrupt(format!("the mechanism of dossier {id}")))?;
            let mut batch = Append::new(now);
            for (_, act) in acts {
                if let Some(verdict) = kept.get(&act.id()) {
                    let settled = dossier::Verdict::from_text(&verdict.to_string()).unwrap_or(dossier::Verdict::Valid);
                    d.restore(Arc::clone(&act), settled);
                    batch.verdicts.push((act.id(), verdict.clone()));
                } else {
                    batch.verdicts.extend(d.file(act).iter().map(|c| (c.act().id(), as_stored(c))));
                }
            }
            self.put_dossier(d);
            self.touch(id);
            batch.dossiers.extend(self.row(&id, now)?);
            self.put_away(batch)?;
            folded += 1;
        }
        Ok(folded)
    }
}

fn read_receipt(signed: &[u8]) -> Result<Receipt, NodeError> {
    let parsed = Signed::parse(signed, Typ::Receipt, seal::RECEIPT_BYTES_MAX)?;
    base::cbor::from_slice(parsed.payload(), seal::RECEIPT_BYTES_MAX).map_err(|e| NodeError::Corrupt(e.to_string()))
}
