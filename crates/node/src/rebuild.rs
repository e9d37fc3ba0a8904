//! Rebuild: every projection is worked out anew from the ledger, the bodies and the local documents.
//!
//! 1 remember the verdicts of acts whose content is erased, 2 wipe, 3 file every entry again in ledger order with the outbox
//! of our own acts, 4 fold every dossier anew and write verdicts and rows.

use crate::error::NodeError;
use crate::inbound::CARRY_DAYS_CEILING;
use crate::node::{Node, put, read_act};
use crate::outbound::is_passing;
use crate::served::as_stored;
use base::{ActId, DossierId, ParcelId, ServiceId, UnixMs};
use dossier::{Act, Deed, Dossier};
use seal::{Held, Receipt, Signed, Typ};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use store::{Append, Filing, Kind, LedgerEntry, Outgoing, Parcel, Queued, REBUILDING, RecordOp, Refile};

/// Ledger entries that one batch files again.
const GROUP: usize = 500;
/// Kind and id of the document that holds the verdicts of acts whose content is erased, while a rebuild runs.
const KEPT: (&str, &str) = ("rebuild", "kept");

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
        // A rebuild that was cut short left what it had remembered; the projections cannot tell it any more.
        let mut kept = self.remembered()?;
        let mut parties: HashMap<DossierId, Vec<ServiceId>> = HashMap::new();
        self.each_entry(|node, e| {
            if e.kind != Kind::Act {
                return Ok(());
            }
            if let Some(filed) = node.store.act(&e.object.into())?
                && filed.body == store::Body::Erased
            {
                kept.entry(filed.id).or_insert(filed.verdict);
            }
            let signed = Signed::parse(&e.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?;
            if let Deed::Open(o) = &Act::decode(signed.payload(), None)?.head().deed {
                parties.insert(o.dossier(), o.parties.iter().map(|p| p.service).collect());
            }
            Ok(())
        })?;
        let mut first = Append::new(now);
        let lines: Vec<(ActId, String)> = kept.iter().filter(|(_, v)| **v != store::Verdict::Waiting).map(|(a, v)| (*a, v.to_string())).collect();
        first.records.push(put(KEPT.0, KEPT.1, serde_json::to_vec(&lines).expect("plain data has a JSON form")));
        self.put_away(first)?;
        self.store.wipe_projections()?;
        self.forget_all();
        let mut order: Vec<DossierId> = Vec::new();
        let mut answered: HashSet<ParcelId> = HashSet::new();
        let (mut batch, mut done, mut acts) = (Append::new(now), 0u64, 0u64);
        self.each_entry(|node, e| {
            node.refile(&e, &parties, &mut batch, &mut order, &mut answered)?;
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
        last.records.extend([REBUILDING, KEPT].map(|(kind, id)| RecordOp::Delete { kind: kind.to_owned(), id: id.to_owned() }));
        self.put_away(last)?;
        progress(size, size);
        Ok(Rebuilt { entries: size, acts, dossiers })
    }

    fn remembered(&self) -> Result<BTreeMap<ActId, store::Verdict>, NodeError> {
        let corrupt = || NodeError::Corrupt("the verdicts that a rebuild remembered".to_owned());
        let Some(record) = self.store.record(KEPT.0, KEPT.1)? else { return Ok(BTreeMap::new()) };
        let lines: Vec<(ActId, String)> = serde_json::from_slice(&record.data).map_err(|_| corrupt())?;
        lines.into_iter().map(|(a, v)| Ok((a, store::Verdict::parse(&v).ok_or_else(corrupt)?))).collect()
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

    fn refile(
        &mut self,
        e: &LedgerEntry,
        parties: &HashMap<DossierId, Vec<ServiceId>>,
        batch: &mut Append,
        order: &mut Vec<DossierId>,
        answered: &mut HashSet<ParcelId>,
    ) -> Result<(), NodeError> {
        match e.kind {
            Kind::Act => {
                let signed = Signed::parse(&e.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?;
                let act = Act::decode(signed.payload(), None)?;
                let h = act.head();
                let filing = Filing { id: act.id(), dossier: h.dossier, seq: h.seq, item: act.item(), verdict: store::Verdict::Waiting };
                batch.refile.push(Refile::Act { pos: e.pos, author: h.author, filing });
                order.push(h.dossier);
                if h.author == self.me() {
                    let others = parties.get(&h.dossier).into_iter().flatten().filter(|p| **p != h.author);
                    batch.queue.extend(others.map(|p| Queued { recipient: *p, what: Outgoing::Act(act.id()) }));
                }
            }
            Kind::ReceiptTaken => {
                let receipt = read_receipt(&e.signed)?;
                let held = receipt.entries.iter().filter(|x| matches!(x.held, Held::Held { .. })).map(|x| *x.act.as_ref()).collect();
                // What the partner refused for good is not sent again by itself either.
                let for_good = |held: &Held| matches!(held, Held::Refused { code } if !is_passing(code));
                let refused = receipt.entries.iter().filter(|x| for_good(&x.held)).map(|x| (receipt.from, *x.act.as_ref()));
                // A batch is worked off as refile, outbox: what this receipt settles must be queued by then.
                if !batch.queue.is_empty() {
                    self.put_away(std::mem::replace(batch, Append::new(batch.at)))?;
                }
                batch.unqueue.extend(refused);
                batch.refile.push(Refile::ReceiptTaken { pos: e.pos, service: receipt.from, at: e.at, objects: held });
            }
            Kind::ReceiptGiven => {
                let receipt = read_receipt(&e.signed)?;
                // The parcel is gone; its receipt says under which number it came.
                // A parcel that came again after its receipt was forgotten has two; the first one stands.
                if answered.insert(receipt.parcel) {
                    // Nor does the ledger say which way it came; remembered as if by file, none can be played again.
                    let until = Some(e.at.plus_ms(i64::from(CARRY_DAYS_CEILING + 1) * 86_400_000));
                    batch.refile.push(Refile::ReceiptGiven {
                        pos: e.pos,
                        parcel: Parcel { sender: receipt.to, number: receipt.number, id: receipt.parcel },
                        until,
                    });
                }
            }
            Kind::Card | Kind::CheckpointCosigned | Kind::Revocation | Kind::Attestation | Kind::Succession | Kind::Restored | Kind::Recovered => {}
        }
        Ok(())
    }

    /// Folds every dossier anew, and again those whose accord came later into the ledger than they.
    fn refold_all(&mut self, mut order: Vec<DossierId>, kept: &BTreeMap<ActId, store::Verdict>, now: UnixMs) -> Result<u64, NodeError> {
        let mut folded = 0;
        loop {
            let before = order.len();
            let mut left = Vec::new();
            for id in order {
                match self.refold(&id, kept, now)? {
                    Refolded::Done => folded += 1,
                    Refolded::Waits(accord) => left.push((id, accord)),
                    Refolded::Unopened => {}
                }
            }
            if left.is_empty() || left.len() == before {
                for (id, accord) in left {
                    let mut batch = Append::new(now);
                    self.await_accord(&mut batch, id, accord);
                    self.put_away(batch)?;
                }
                return Ok(folded);
            }
            order = left.into_iter().map(|(id, _)| id).collect();
        }
    }

    fn refold(&mut self, id: &DossierId, kept: &BTreeMap<ActId, store::Verdict>, now: UnixMs) -> Result<Refolded, NodeError> {
        let mut filed = self.store.acts_of(id)?;
        filed.sort_by_key(|f| f.pos);
        let mut acts: Vec<Arc<Act>> = filed.iter().map(|f| read_act(f).map(Arc::new)).collect::<Result<_, _>>()?;
        let opening = acts.iter().find_map(|a| match &a.head().deed {
            Deed::Open(o) => Some(o.clone()),
            _ => None,
        });
        let Some(opening) = opening else { return Ok(Refolded::Unopened) };
        if let Some(a) = &opening.accord
            && !self.has_accord(a)?
        {
            return Ok(Refolded::Waits(a.dossier));
        }
        let mut d = self.new_dossier(&opening)?.ok_or_else(|| NodeError::Corrupt(format!("the mechanism of dossier {id}")))?;
        let mut batch = Append::new(now);
        // What cannot be judged any more is put back with its verdict, yet like the rest not before what it has seen.
        loop {
            let before = acts.len();
            acts.retain(|act| {
                let h = act.head();
                let here = (h.seq == 1 || d.act(&h.prev).is_some()) && d.holds(&h.seen);
                if here {
                    match kept.get(&act.id()) {
                        Some(verdict) => {
                            d.restore(Arc::clone(act), dossier::Verdict::from_text(&verdict.to_string()).unwrap_or(dossier::Verdict::Valid));
                            batch.verdicts.push((act.id(), verdict.clone()));
                        }
                        None => batch.verdicts.extend(d.file(Arc::clone(act)).iter().map(|c| (c.act().id(), as_stored(c)))),
                    }
                }
                !here
            });
            if acts.is_empty() || acts.len() == before {
                break;
            }
        }
        acts.into_iter().for_each(|act| d.hold(act));
        self.show_forks(&d, &mut batch)?;
        self.put_dossier(d);
        self.touch(*id);
        let changed = filed.iter().map(|f| f.at).max().unwrap_or(now);
        batch.dossiers.extend(self.row(id, changed)?);
        self.put_away(batch)?;
        Ok(Refolded::Done)
    }
}

impl Node {
    /// Queues the proofs that a party spoke with two tongues for whoever is not known to hold them: they are no acts of ours, so the
    /// ledger does not say that they were due.
    fn show_forks(&self, d: &Dossier, batch: &mut Append) -> Result<(), NodeError> {
        let me = self.me();
        for fork in d.forks() {
            for act in fork.acts {
                let holders: Vec<ServiceId> = self.store.receipts_of(&act)?.into_iter().map(|h| h.service).collect();
                let lacking = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me && !holders.contains(s));
                batch.queue.extend(lacking.map(|recipient| Queued { recipient, what: Outgoing::Act(act) }));
            }
        }
        Ok(())
    }
}

/// What came of folding one dossier.
enum Refolded {
    Done,
    /// Its accord is not here as its opener had seen it.
    Waits(DossierId),
    /// Its opening never came.
    Unopened,
}

pub(crate) fn read_receipt(signed: &[u8]) -> Result<Receipt, NodeError> {
    let parsed = Signed::parse(signed, Typ::Receipt, seal::RECEIPT_BYTES_MAX)?;
    base::cbor::from_slice(parsed.payload(), seal::RECEIPT_BYTES_MAX).map_err(|e| NodeError::Corrupt(e.to_string()))
}
