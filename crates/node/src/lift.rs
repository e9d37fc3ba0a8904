//! Lifting the fence for a partner that is gone for good, by two officers; and the fence as people see it.

use crate::error::NodeError;
use crate::fence::{Answer, DECLARED, LIFT, Why, json};
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use base::{ServiceId, UnixMs};
use dossier::OfficerRole;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Append, RecordOp};

/// A lifting: who decided it and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifted {
    /// The administrator who proposed it.
    pub by: String,
    /// The second officer; empty while none has approved.
    pub second: String,
    /// Why.
    pub reason: String,
    /// When it was proposed.
    pub at: UnixMs,
}

/// The fence as people see it.
#[derive(Debug, Clone, Serialize)]
pub struct FenceView {
    /// How it came about.
    pub why: Why,
    /// When the restoration was declared.
    pub declared: UnixMs,
    /// When the copy was made, as far as it is known.
    pub copied: UnixMs,
    /// Entries of the ledger that stand as before.
    pub size: u64,
    /// Entries that are known to have stood behind them, on this line or one lost before, and are lost as entries; acts among them come back.
    pub lost_entries: u64,
    /// Partners that have not answered yet, by short name.
    pub awaited: Vec<String>,
    /// Partners that have.
    pub answered: Vec<String>,
    /// Partners that are waited for no more, and by whose decision.
    pub lifted: Vec<(String, Lifted)>,
    /// Liftings that wait for a second officer.
    pub proposed: Vec<(String, Lifted)>,
    /// Dossiers in which something that a partner named is still on its way.
    pub dossiers_open: usize,
    /// Dossiers in which an act of ours never comes back, because nobody has shown its content: nothing is signed in them.
    pub dossiers_erased: usize,
    /// Our own acts that came back.
    pub own_back: u64,
    /// Partners' acts that came back.
    pub others_back: u64,
    /// Whether another machine runs under our name.
    pub twin: bool,
    /// Whether our key file is older than our newest card.
    pub old_keys: bool,
    /// Whether nothing is waited for any more.
    pub over: bool,
}

impl Node {
    /// Proposes to wait no longer for a partner that is gone for good; named by our own id, that our twin was stopped.
    ///
    /// The risk: if the partner comes back with acts of ours that nobody else has, numbers may have been signed twice, and every
    /// partner will see that as a proof against us. Refuses without a reason, and for a partner that has answered.
    pub fn propose_lift(&mut self, officer: &Officer, partner: ServiceId, reason: &str, now: UnixMs) -> Result<Ticket, NodeError> {
        if !officer.roles.contains(&OfficerRole::Administrator) {
            return Err(NodeError::Role("administrator"));
        }
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why this partner is waited for no longer; the reason is kept".to_owned()));
        }
        self.may_be_lifted(&partner)?;
        let proposal = Lifted { by: officer.id.to_string(), second: String::new(), reason: reason.trim().to_owned(), at: now };
        let mut batch = Append::new(now);
        batch.records.push(put(LIFT, &partner.to_string(), json(&proposal)));
        batch.logs.push(log("audit", serde_json::json!({ "what": "lifting of the fence proposed", "partner": partner, "proposal": proposal })));
        Ok(self.stage(batch))
    }

    /// Approves a lifting as the second officer.
    pub fn approve_lift(&mut self, officer: &Officer, partner: ServiceId, now: UnixMs) -> Result<Ticket, NodeError> {
        use OfficerRole::{Administrator, CompetentAuthority, Supervisor};
        if !officer.roles.iter().any(|r| [Administrator, CompetentAuthority, Supervisor].contains(r)) {
            return Err(NodeError::Role("administrator, supervisor or competent authority"));
        }
        let record = self.store.record(LIFT, &partner.to_string())?.ok_or(NodeError::NotPending)?;
        let proposal: Lifted = serde_json::from_slice(&record.data).map_err(|_| NodeError::Corrupt("a lifting".to_owned()))?;
        if proposal.by == officer.id.as_str() {
            return Err(NodeError::SameEyes);
        }
        self.may_be_lifted(&partner)?;
        let lifted = Lifted { second: officer.id.to_string(), ..proposal };
        let mut batch = Append::new(now);
        batch.records.push(RecordOp::Take { kind: LIFT.to_owned(), id: partner.to_string() });
        batch.logs.push(log("audit", serde_json::json!({ "what": "fence lifted", "partner": partner, "lifted": lifted })));
        if partner == self.me() {
            if let Some(declared) = &mut self.fence.declared {
                declared.twin = false;
                batch.records.push(put(DECLARED.0, DECLARED.1, json(declared)));
            }
            return Ok(self.stage(batch));
        }
        let keys: Vec<_> = self.fence.open.keys().filter(|k| k.2 == partner).copied().collect();
        for key in keys {
            self.strike(key, &mut batch);
        }
        let answer = Answer { lifted: Some(lifted), ..self.fence.partners.get(&partner).cloned().unwrap_or_default() };
        self.put_answer(partner, answer, &mut batch);
        Ok(self.stage(batch))
    }

    fn may_be_lifted(&self, partner: &ServiceId) -> Result<(), NodeError> {
        let twin = self.fence.declared.as_ref().is_some_and(|d| d.twin);
        let fenced = if *partner == self.me() { twin } else { self.awaits(partner) || self.open_of(partner) > 0 };
        if fenced { Ok(()) } else { Err(NodeError::Asked("this partner holds nothing back: it has answered, or nothing was restored here".to_owned())) }
    }

    /// Shows the fence; none where nothing was ever put back.
    pub fn fence(&self) -> Result<Option<FenceView>, NodeError> {
        let Some(d) = &self.fence.declared else { return Ok(None) };
        let code = |s: &ServiceId| self.book.code(s);
        let answered = |a: &Answer| a.lifted.is_none() && a.done();
        let lost = self.fence.partners.values().map(|a| a.lost_size).max().unwrap_or(0);
        let mut proposed = Vec::new();
        for r in self.documents(LIFT)? {
            let lift = serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("a lifting".to_owned()))?;
            proposed.push((code(&r.id.parse()?), lift));
        }
        Ok(Some(FenceView {
            why: d.why,
            declared: d.at,
            copied: d.copied,
            size: d.size,
            lost_entries: lost.saturating_sub(d.size),
            awaited: self.book.all().iter().map(|c| c.service()).filter(|s| self.awaits(s)).map(|s| code(&s)).collect(),
            answered: self.fence.partners.iter().filter(|(_, a)| answered(a)).map(|(s, _)| code(s)).collect(),
            lifted: self.fence.partners.iter().filter_map(|(s, a)| Some((code(s), a.lifted.clone()?))).collect(),
            proposed,
            dossiers_open: self.fence.open.keys().map(|k| k.0).collect::<BTreeSet<_>>().len(),
            dossiers_erased: self.fence.used.len(),
            own_back: self.fence.back.0,
            others_back: self.fence.back.1,
            twin: d.twin,
            old_keys: self.has_old_keys(),
            over: !self.is_fenced(),
        }))
    }
}
