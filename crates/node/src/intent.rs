//! Outbound, first half: an officer's intent becomes an act.
//!
//! 1 the form is read by the mechanism, 2 the head is written on what this node has folded, 3 the same guard as for foreign
//! acts, 4 where four eyes are wanted it waits for the second officer, 5 signature, ledger and outbox in one batch.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use crate::piece::Piece;
use crate::served::as_stored;
use crate::witness::UNCOMPARED;
use base::cbor::{self, Map};
use base::{ActId, DossierId, ExhibitId, Handling, ItemId, ServiceId, UnixMs};
use dossier::accord::{self, Terms};
use dossier::{Act, Body, Custody, Deed, Dossier, Field, Head, Judged, Mechanism, OfficerRole, Opening, Party, Refusal, Signatory, Value};
use seal::Typ;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Append, Entry, Filing, Outgoing, Queued, RecordOp};

/// What an officer wants done, in plain form.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Intent {
    /// Opens a dossier.
    Open {
        /// The mechanism's name or hash.
        mechanism: String,
        /// The accord; none for an accord itself, or where just one fits.
        accord: Option<DossierId>,
        /// The other parties and everybody's role; our own role comes first.
        parties: Vec<(ServiceId, String)>,
        /// A dossier from which this one follows.
        follows: Option<DossierId>,
        /// The root item's form.
        #[serde(default)]
        fields: BTreeMap<String, serde_json::Value>,
        /// What receivers may do with it.
        #[serde(default)]
        handling: Handling,
    },
    /// Opens an item.
    OpenItem {
        /// The dossier.
        dossier: DossierId,
        /// The item within which it is opened; the root where none is named.
        parent: Option<ItemId>,
        /// Its kind.
        kind: String,
        /// Its form.
        #[serde(default)]
        fields: BTreeMap<String, serde_json::Value>,
        /// What receivers may do with it.
        #[serde(default)]
        handling: Handling,
    },
    /// Moves our stance.
    Move {
        /// The dossier.
        dossier: DossierId,
        /// The item; the root where none is named.
        item: Option<ItemId>,
        /// The move.
        name: String,
        /// Its form.
        #[serde(default)]
        fields: BTreeMap<String, serde_json::Value>,
        /// What receivers may do with it.
        #[serde(default)]
        handling: Handling,
    },
}

/// What an intent led to.
#[derive(Debug, Clone)]
pub enum Made {
    /// An act was signed and staged.
    Act {
        /// The batch.
        ticket: Ticket,
        /// The act.
        act: ActId,
        /// Its dossier.
        dossier: DossierId,
        /// The item that it opened or moved.
        item: ItemId,
        /// The services that must receipt it.
        recipients: Vec<ServiceId>,
    },
    /// A second officer must approve.
    Pending {
        /// The batch.
        ticket: Ticket,
        /// The proposal's name.
        id: String,
        /// Roles of which one must approve.
        roles: Vec<OfficerRole>,
    },
}

/// An intent that waits for its second officer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// Its name.
    pub id: String,
    /// What is wanted.
    pub intent: Intent,
    /// Who wants it.
    pub by: String,
    /// Since when.
    pub at: UnixMs,
    /// Roles of which one must approve.
    pub roles: Vec<OfficerRole>,
}

/// An intent read by its mechanism.
struct Read {
    dossier: DossierId,
    mechanism: Arc<Mechanism>,
    deed: Deed,
    body: Body,
    first: Vec<OfficerRole>,
    second: Vec<OfficerRole>,
}

/// An act that may be: the act, its head's bytes, its body's.
type Tried = (Arc<Act>, Vec<u8>, Vec<u8>);

impl Node {
    /// Takes an officer's intent: signs and stages the act, or keeps it for the second pair of eyes.
    pub fn propose(&mut self, officer: &Officer, intent: Intent, now: UnixMs) -> Result<Made, NodeError> {
        self.trust_clock(now)?;
        let read = self.read_intent(&intent, now)?;
        let by = officer.sign(&read.first).ok_or(NodeError::Role("officer with a role"))?;
        if read.second.is_empty() {
            return self.make(read, by, None, now, None);
        }
        // Everything but the second officer is judged now, so that nobody is asked to approve what cannot be.
        let roles = read.second.clone();
        self.try_and_forget(&read, &by, now)?;
        let mut id = [0u8; 8];
        self.entropy.fill(&mut id);
        let id = base::hex::encode(&id);
        let pending = Pending { id: id.clone(), intent, by: officer.id.to_string(), at: now, roles: roles.clone() };
        let mut batch = Append::new(now);
        batch.records.push(put("pending", &id, serde_json::to_vec(&pending).expect("plain data has a JSON form")));
        Ok(Made::Pending { ticket: self.stage(batch), id, roles })
    }

    /// Judges an intent with a second officer who is still to be found, and leaves nothing behind.
    fn try_and_forget(&mut self, read: &Read, by: &Signatory, now: UnixMs) -> Result<Vec<ServiceId>, NodeError> {
        let stand_in = match read.second.first() {
            Some(role) => Some(Signatory { officer: "to-be-found".parse()?, role: *role }),
            None => None,
        };
        self.try_out(read, by, stand_in, now)?;
        let parties = match &read.deed {
            Deed::Open(opening) => opening.parties.iter().map(|p| p.service).collect(),
            _ => self.held(&read.dossier).map(|d| d.opening().parties.iter().map(|p| p.service).collect()).unwrap_or_default(),
        };
        self.untry(read);
        Ok(parties)
    }

    /// Judges an intent; returns the dossier's parties and the roles of which a second officer must approve.
    pub(crate) fn try_intent(&mut self, officer: &Officer, intent: &Intent, now: UnixMs) -> Result<(Vec<ServiceId>, Vec<OfficerRole>), NodeError> {
        self.trust_clock(now)?;
        let read = self.read_intent(intent, now)?;
        let by = officer.sign(&read.first).ok_or(NodeError::Role("officer with a role"))?;
        let parties = self.try_and_forget(&read, &by, now)?;
        Ok((parties, read.second))
    }

    /// Approves a waiting proposal as its second officer.
    pub fn approve(&mut self, officer: &Officer, id: &str, now: UnixMs) -> Result<Made, NodeError> {
        self.trust_clock(now)?;
        let pending = self.pending(id)?;
        if pending.by == officer.id.as_str() {
            return Err(NodeError::SameEyes);
        }
        let first = self.officers.iter().find(|o| o.id.as_str() == pending.by && o.active).cloned().ok_or(NodeError::NotPending)?;
        let read = self.read_intent(&pending.intent, now)?;
        let by = first.sign(&read.first).ok_or(NodeError::NotPending)?;
        let second = officer.sign(&read.second);
        let made = self.make(read, by, second, now, Some(id))?;
        self.hit_proposal_approved(id, &made, now)?;
        Ok(made)
    }

    /// Withdraws a waiting proposal; its author and supervisors may.
    pub fn dismiss(&mut self, officer: &Officer, id: &str, now: UnixMs) -> Result<Ticket, NodeError> {
        let pending = self.pending(id)?;
        if pending.by != officer.id.as_str() && !officer.roles.iter().any(|r| pending.roles.contains(r)) {
            return Err(NodeError::Role("author or second officer"));
        }
        let mut batch = Append::new(now);
        batch.records.push(RecordOp::Take { kind: "pending".to_owned(), id: id.to_owned() });
        batch.logs.push(log("audit", serde_json::json!({ "what": "proposal dismissed", "pending": pending, "by": officer.id })));
        self.decided.insert(id.to_owned());
        Ok(self.stage(batch))
    }

    fn pending(&self, id: &str) -> Result<Pending, NodeError> {
        if self.decided.contains(id) {
            return Err(NodeError::NotPending);
        }
        let record = self.store.record("pending", id)?.ok_or(NodeError::NotPending)?;
        serde_json::from_slice(&record.data).map_err(|_| NodeError::Corrupt("a waiting proposal".to_owned()))
    }

    /// Returns all proposals that wait for a second officer.
    pub fn all_pending(&self) -> Result<Vec<Pending>, NodeError> {
        self.documents("pending")?.iter().map(|r| serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("a waiting proposal".to_owned()))).collect()
    }

    fn read_intent(&mut self, intent: &Intent, now: UnixMs) -> Result<Read, NodeError> {
        let mut salt = [0u8; 16];
        self.entropy.fill(&mut salt);
        let body = |fields: Map<Value>, handling: &Handling| Body { salt, handling: handling.clone(), fields };
        match intent {
            Intent::Open { mechanism, accord, parties, follows, fields, handling } => {
                let mechanism = self.mechanism(mechanism)?;
                let parties: Vec<Party> = parties.iter().map(|(service, role)| Party { service: *service, role: role.clone() }).collect();
                if let Some(p) = parties.iter().find(|p| seal::Directory::cards(&self.book, &p.service).is_none()) {
                    return Err(NodeError::UnknownPartner(p.service));
                }
                let accord = match (accord, mechanism.id == accord::MECHANISM) {
                    (_, true) => None,
                    (Some(id), false) => Some(self.dossier(id)?.ok_or(NodeError::Absent("accord"))?.as_accord()),
                    (None, false) => Some(self.fitting_accord(&mechanism, &parties, now)?),
                };
                let mut nonce = [0u8; 16];
                self.entropy.fill(&mut nonce);
                let opening = Opening { mechanism: mechanism.hash, accord, parties, follows: *follows, nonce };
                let root = mechanism.root();
                let body = body(read_form(&root.fields, fields)?, handling);
                let (first, second) = (root.officer.clone(), root.four_eyes.clone());
                Ok(Read { dossier: opening.dossier(), deed: Deed::Open(opening), body, first, second, mechanism })
            }
            Intent::OpenItem { dossier, parent, kind, fields, handling } => {
                let d = self.dossier(dossier)?.ok_or(NodeError::Absent("dossier"))?;
                let mechanism = Arc::clone(d.mechanism());
                let parent = parent.unwrap_or(d.root());
                let k = mechanism.kind(kind).ok_or(Refusal::UnknownKind)?;
                let body = body(read_form(&k.fields, fields)?, handling);
                let (first, second) = (k.officer.clone(), k.four_eyes.clone());
                Ok(Read { dossier: *dossier, deed: Deed::OpenItem { kind: kind.clone(), parent }, body, first, second, mechanism })
            }
            Intent::Move { dossier, item, name, fields, handling } => {
                let me = self.me();
                let d = self.dossier(dossier)?.ok_or(NodeError::Absent("dossier"))?;
                let mechanism = Arc::clone(d.mechanism());
                let item = item.unwrap_or(d.root());
                let state = d.state();
                let role = state.party(&me).map(|p| state.parties()[p].1.clone()).ok_or(NodeError::NotParty)?;
                let kind = state.item(&item).map(|i| state.kind_of(i).id.clone()).ok_or(Refusal::UnknownItem)?;
                let m = mechanism.kind(&kind).and_then(|k| k.find_move_of(name, &role)).ok_or(Refusal::UnknownMove)?;
                let body = body(read_form(&m.fields, fields)?, handling);
                let (first, second) = (m.officer.clone(), m.four_eyes.clone());
                if mechanism.id == accord::MECHANISM && name == "sign" {
                    self.prove_before_signing(dossier)?;
                }
                Ok(Read { dossier: *dossier, deed: Deed::Move { item, name: name.clone() }, body, first, second, mechanism })
            }
        }
    }

    /// Finds a mechanism by name (the shipped or newest one) or by hash.
    pub fn mechanism(&self, name: &str) -> Result<Arc<Mechanism>, NodeError> {
        let found = self.mechanisms.values().filter(|m| m.id == name || m.hash.to_string() == name).max_by_key(|m| m.version);
        found.cloned().ok_or_else(|| NodeError::UnknownMechanism(name.to_owned()))
    }

    /// Returns all mechanisms that are known here.
    pub fn mechanisms(&self) -> impl Iterator<Item = &Arc<Mechanism>> {
        self.mechanisms.values()
    }

    /// Keeps a mechanism of the operator's own, once it is proved.
    pub fn add_mechanism(&mut self, bytes: &[u8], now: UnixMs) -> Result<(base::MechanismId, Ticket), NodeError> {
        let m = Mechanism::parse(bytes)?;
        self.prove(&m)?;
        let hash = m.hash;
        let mut batch = Append::new(now);
        batch.records.push(put("mechanism", &hash.to_string(), bytes.to_vec()));
        self.mechanisms.insert(hash, Arc::new(m));
        Ok((hash, self.stage(batch)))
    }

    /// No accord is signed before every mechanism that it names is here and proved.
    fn prove_before_signing(&mut self, accord: &DossierId) -> Result<(), NodeError> {
        for m in self.named_in(accord)? {
            self.prove(&m)?;
        }
        Ok(())
    }

    /// Returns the mechanisms of partners that must be proved before this intent can be done, and are not yet.
    ///
    /// Proving takes seconds where a partner means harm: the caller does it on another thread, by [`proof_fault`], and tells the
    /// node with [`Node::note_proof`] before it proposes. What is not told so is proved when the intent is read.
    pub fn unproved(&mut self, intent: &Intent) -> Result<Vec<Arc<Mechanism>>, NodeError> {
        let Intent::Move { dossier, name, .. } = intent else { return Ok(Vec::new()) };
        let is_accord = self.dossier(dossier)?.is_some_and(|d| d.mechanism().id == accord::MECHANISM);
        if !is_accord || name != "sign" {
            return Ok(Vec::new());
        }
        let named = self.named_in(dossier)?;
        Ok(named.into_iter().filter(|m| !self.proofs.contains_key(&m.hash)).collect())
    }

    /// Returns the mechanisms that must be proved before a waiting proposal can be approved.
    pub fn unproved_pending(&mut self, id: &str) -> Result<Vec<Arc<Mechanism>>, NodeError> {
        let pending = self.pending(id)?;
        self.unproved(&pending.intent)
    }

    /// Remembers what [`proof_fault`] said of a mechanism.
    pub fn note_proof(&mut self, mechanism: base::MechanismId, fault: Option<Unproved>) {
        if self.proofs.len() >= PROOFS_MAX {
            self.proofs.clear();
        }
        self.proofs.insert(mechanism, fault);
    }

    fn prove(&mut self, m: &Mechanism) -> Result<(), NodeError> {
        if !self.proofs.contains_key(&m.hash) {
            self.note_proof(m.hash, proof_fault(m));
        }
        match &self.proofs[&m.hash] {
            None => Ok(()),
            Some(Unproved::Fault(fault)) => Err(NodeError::UnprovedMechanism(m.id.clone(), fault.clone())),
            Some(Unproved::TooLarge) => Err(NodeError::LargeMechanism(m.id.clone())),
        }
    }

    /// Returns the mechanisms that an accord names, all of which must be here; those that come with the program are left out.
    fn named_in(&mut self, accord: &DossierId) -> Result<Vec<Arc<Mechanism>>, NodeError> {
        let d = self.dossier(accord)?.ok_or(NodeError::Absent("accord"))?;
        let named = named_in(d);
        let mut foreign = Vec::new();
        for m in named {
            let Some(known) = self.mechanisms.get(&m.id).cloned() else {
                return Err(match self.mechanisms.values().any(|k| k.id == m.name) {
                    true => NodeError::OtherVersion(m.name),
                    false => NodeError::UnknownMechanism(m.name),
                });
            };
            if !dossier::shipped().iter().any(|s| s.hash == known.hash) {
                foreign.push(known);
            }
        }
        Ok(foreign)
    }

    /// Finds the one accord in force that permits a mechanism among parties; the one with the fewest parties where several do.
    pub(crate) fn fitting_accord(&mut self, mechanism: &Mechanism, parties: &[Party], now: UnixMs) -> Result<dossier::AccordRef, NodeError> {
        let hash = self.mechanism(accord::MECHANISM)?.hash;
        let filter = store::DossierFilter { mechanism: Some(hash), phase: Some(accord::IN_FORCE), ..Default::default() };
        let mut fits: Vec<(usize, dossier::AccordRef)> = Vec::new();
        let mut other_version = false;
        for row in self.store.dossiers(&filter, None, crate::node::PAGE)? {
            let Some(d) = self.dossier(&row.id)? else { continue };
            let reference = d.as_accord();
            let Ok(terms) = Terms::at(d, &reference.seen) else { continue };
            let trial = Opening { mechanism: mechanism.hash, accord: Some(reference.clone()), parties: parties.to_vec(), follows: None, nonce: [0; 16] };
            if terms.permit(&trial, now).is_ok() {
                fits.push((terms.parties.len(), reference));
            } else {
                other_version |= parties.iter().all(|p| terms.parties.contains(&p.service)) && names_other_version(d, mechanism);
            }
        }
        fits.sort_by_key(|f| f.0);
        match &fits[..] {
            [] if other_version => Err(NodeError::OtherVersion(mechanism.id.clone())),
            [] => Err(NodeError::NoAccord),
            [(n, _), (m, _), ..] if n == m => Err(NodeError::WhichAccord(fits.iter().filter(|f| f.0 == *n).count())),
            [(_, first), ..] => Ok(first.clone()),
        }
    }

    /// Judges an intent without doing it; a dossier that it would open stays in memory only if it may be.
    fn try_out(&mut self, read: &Read, by: &Signatory, second: Option<Signatory>, now: UnixMs) -> Result<Tried, NodeError> {
        let parties: Vec<ServiceId> = match &read.deed {
            Deed::Open(o) => o.parties.iter().map(|p| p.service).collect(),
            _ => self.dossier(&read.dossier)?.ok_or(NodeError::Absent("dossier"))?.opening().parties.iter().map(|p| p.service).collect(),
        };
        self.may_sign(&read.dossier, &parties, now)?;
        if let Deed::Open(Opening { accord: Some(accord), .. }) = &read.deed {
            // What a partner named of the accord and is not here yet may have ended it.
            self.nothing_open(&accord.dossier)?;
        }
        self.exhibits_may_be_named(read)?;
        let tried = self.try_in_memory(read, by, second, now);
        if tried.is_err() {
            self.untry(read);
        }
        tried
    }

    /// Forgets a dossier that was not opened after all; its name is fresh, so nothing else is of that name.
    fn untry(&mut self, read: &Read) {
        if let Deed::Open(_) = &read.deed {
            self.drop_dossier(&read.dossier);
        }
    }

    /// Returns what a move says of the content of its item's exhibits, and which these are.
    fn custody(&self, read: &Read) -> Option<(Custody, BTreeSet<ExhibitId>)> {
        let Deed::Move { item, name } = &read.deed else { return None };
        let state = self.held(&read.dossier)?.state();
        let item = state.item(item)?;
        let role = &state.parties()[state.party(&self.me())?].1;
        let custody = state.kind_of(item).find_move_of(name, role)?.custody?;
        let exhibit = |v: &Value| if let Value::Exhibit(e) = v { Some(e.id) } else { None };
        Some((custody, item.fields.iter().flat_map(|(_, v)| v.each()).filter_map(exhibit).collect()))
    }

    /// Lets an act name only exhibits that are here, that may be passed on, and that the accord permits.
    fn exhibits_may_be_named(&mut self, read: &Read) -> Result<(), NodeError> {
        if let Some((Custody::Takes, exhibits)) = self.custody(read)
            && !exhibits.iter().all(|id| self.exhibits.kept.get(id).is_some_and(|k| k.since.is_some()))
        {
            return Err(NodeError::ExhibitIncomplete);
        }
        let me = self.me();
        let mut new = 0u64;
        let accord = match &read.deed {
            Deed::Open(o) => o.accord.as_ref().map(|a| a.dossier),
            _ => self.dossier(&read.dossier)?.and_then(|d| d.terms().map(|t| t.accord)),
        };
        let named: Vec<dossier::Exhibit> = read.body.exhibits().cloned().collect();
        for e in &named {
            let kept = self.exhibits.kept.get(&e.id).filter(|k| k.since.is_some() && k.size == e.size);
            let kept = kept.ok_or_else(|| NodeError::ExhibitAbsent(e.name.clone()))?;
            new = new.saturating_add(if kept.standing().any(|n| n.author == me && n.accord == accord) { 0 } else { e.size });
            // What another party gave in another dossier goes on to these parties only if its handling permits.
            let foreign: Vec<_> = kept.standing().filter(|n| n.author != me && n.dossier != read.dossier).map(|n| (n.dossier, n.act)).collect();
            for (dossier, act) in foreign {
                let handling = self.dossier(&dossier)?.and_then(|d| d.act(&act)?.0.body().map(|b| b.handling.clone()));
                handling.map_or(Ok(()), |h| h.permits(base::Use::Onward)).map_err(Refusal::from)?;
            }
        }
        let max = match accord {
            Some(id) if new > 0 => self.dossier(&id)?.and_then(|d| Terms::at(d, &d.marks()).ok()).and_then(|t| t.exhibits.party_bytes_max),
            _ => None,
        };
        match max.is_some_and(|max| self.exhibit_bytes_of(&me, accord).saturating_add(new) > max) {
            true => Err(NodeError::ExhibitQuota),
            false => Ok(()),
        }
    }

    fn try_in_memory(&mut self, read: &Read, by: &Signatory, second: Option<Signatory>, now: UnixMs) -> Result<Tried, NodeError> {
        if let (Deed::Open(opening), None) = (&read.deed, self.dossier(&read.dossier)?) {
            let fresh = self.new_dossier(opening)?.ok_or_else(|| NodeError::UnknownMechanism(read.mechanism.id.clone()))?;
            self.put_dossier(fresh);
            self.touch(read.dossier);
        }
        let me = self.me();
        let mut at = self.local(now)?;
        let (body_bytes, body_id) = read.body.encode();
        let d = self.dossier(&read.dossier)?.ok_or(NodeError::Absent("dossier"))?;
        // Our clock may have been set back; our acts stay in order all the same.
        if let Some(last) = d.last(&me)
            && last.head().at.at > at.at
        {
            at = last.head().at.at.in_zone(at.zone())?;
        }
        let head: Head = d.draft(me, at, by.clone(), second, read.deed.clone(), body_id);
        let head_bytes = cbor::to_vec(&head);
        let act = Arc::new(Act::decode(&head_bytes, Some(&body_bytes))?);
        match d.judge(Arc::clone(&act)) {
            Judged::Ready(checked) => match checked.refusal() {
                Some(refusal) => Err(refusal.clone().into()),
                None => Ok((act, head_bytes, body_bytes)),
            },
            Judged::Known | Judged::Waiting(_) => Err(NodeError::Asked("this node lacks acts of the dossier; wait until it has caught up".to_owned())),
        }
    }

    fn make(&mut self, read: Read, by: Signatory, second: Option<Signatory>, now: UnixMs, pending: Option<&str>) -> Result<Made, NodeError> {
        let (act, head_bytes, body_bytes) = self.try_out(&read, &by, second, now)?;
        let me = self.me();
        let signed = self.keys.sign(Typ::Act, &head_bytes);
        let id = read.dossier;
        let d = self.dossier(&id)?.ok_or(NodeError::Absent("dossier"))?;
        let done = d.file(Arc::clone(&act));
        let recipients: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
        self.touch(id);
        let filed = self.stage_own(&read, signed, &act, body_bytes, &done, &recipients, now, pending);
        // The act is folded in: if it cannot be staged, nothing that builds on it may be stored either.
        let ticket = filed.inspect_err(|e| self.spoil(e))?;
        Ok(Made::Act { ticket, act: act.id(), dossier: id, item: act.item(), recipients })
    }

    #[allow(clippy::too_many_arguments)] // One step of `make`, apart so that its failure has one place.
    fn stage_own(
        &mut self,
        read: &Read,
        signed: seal::Verified,
        act: &Act,
        body_bytes: Vec<u8>,
        done: &[dossier::Checked],
        recipients: &[ServiceId],
        now: UnixMs,
        pending: Option<&str>,
    ) -> Result<Ticket, NodeError> {
        let id = read.dossier;
        let mut batch = Append::new(now);
        let filing = Filing { id: act.id(), dossier: id, seq: act.head().seq, item: act.item(), verdict: store::Verdict::Valid };
        if let Deed::Open(_) = &read.deed
            && read.mechanism.id == accord::MECHANISM
        {
            self.queue_mechanisms(&read.body, recipients, &mut batch);
        }
        batch.entries.push(Entry::act(signed, filing, Some(body_bytes)));
        batch.verdicts.extend(done[1..].iter().map(|c| (c.act().id(), as_stored(c))));
        self.name_exhibits(done, &mut batch);
        if let Some((Custody::Erases, exhibits)) = self.custody(read) {
            self.release_exhibits(&id, Some(&exhibits), false, &mut batch);
        }
        batch.queue.extend(recipients.iter().map(|r| Queued { recipient: *r, what: Outgoing::Act(act.id()) }));
        if let Some(pending) = pending {
            batch.records.push(RecordOp::Take { kind: "pending".to_owned(), id: pending.to_owned() });
            self.decided.insert(pending.to_owned());
        }
        let mut touched = BTreeSet::from([id]);
        if self.is_awaited(&id) {
            self.revive(id, false, &mut batch, &mut touched)?;
        }
        for t in touched {
            batch.dossiers.extend(self.row(&t, now)?);
            batch.records.push(put(UNCOMPARED, &t.to_string(), Vec::new()));
        }
        self.news += 1;
        Ok(self.stage(batch))
    }

    /// Sends along the mechanism files that a proposed accord names and that do not come with the program.
    fn queue_mechanisms(&self, body: &Body, recipients: &[ServiceId], batch: &mut Append) {
        for v in body.fields.get("mechanisms").into_iter().flat_map(Value::each) {
            let Value::Mechanism(m) = v else { continue };
            let Some(known) = self.mechanisms.get(&m.id).filter(|k| !dossier::shipped().iter().any(|s| s.hash == k.hash)) else { continue };
            let piece = Piece::Mechanism(known.bytes().to_vec()).encode();
            batch.queue.extend(recipients.iter().map(|r| Queued { recipient: *r, what: Outgoing::Note(piece.clone()) }));
        }
    }
}

/// Lists the mechanisms that an accord's own dossier names.
fn named_in(accord: &Dossier) -> Vec<dossier::MechanismRef> {
    let root = accord.state().item(&accord.root());
    let values = root.and_then(|r| r.fields.get("mechanisms")).into_iter().flat_map(Value::each);
    values
        .filter_map(|v| match v {
            Value::Mechanism(m) => Some(m.clone()),
            _ => None,
        })
        .collect()
}

/// Tells whether an accord names a mechanism by its name, and not in this version.
fn names_other_version(accord: &Dossier, mechanism: &Mechanism) -> bool {
    let named = named_in(accord);
    named.iter().any(|m| m.name == mechanism.id) && !named.iter().any(|m| m.id == mechanism.hash)
}

/// Mechanisms whose proof is remembered.
const PROOFS_MAX: usize = 1000;

/// Why a mechanism is not proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproved {
    /// Its first fault.
    Fault(String),
    /// It was not explored to the end, for that is more work than is given to any ([`dossier::PROOF_WORK_MAX`]).
    TooLarge,
}

/// Proves a mechanism; returns why it is not, or nothing. Takes up to some seconds where a mechanism is large: not for the node's thread.
pub fn proof_fault(m: &Mechanism) -> Option<Unproved> {
    let report = dossier::check(m);
    (!report.proved()).then(|| report.faults.first().map_or(Unproved::TooLarge, |f| Unproved::Fault(f.what.clone())))
}

pub(crate) fn read_form(form: &[Field], fields: &BTreeMap<String, serde_json::Value>) -> Result<Map<Value>, NodeError> {
    let read = |(id, json): (&String, &serde_json::Value)| {
        let field = form.iter().find(|f| f.id == *id).ok_or_else(|| dossier::FieldFault::Unknown(id.clone()))?;
        Ok((id.clone(), field.read(json)?))
    };
    fields.iter().map(read).collect()
}
