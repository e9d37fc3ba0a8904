//! Suspending a partner: the last resort, when a service's root key may be in other hands and no signature says more than another.
//!
//! One officer proposes, a second one completes it; nothing is taken from the partner and nothing sent to it until two officers undo it.
//! What was filed stays, what is due stays due.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use base::{ServiceId, UnixMs};
use seal::Directory;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Append, RecordOp};

const SUSPENDED: &str = "suspended";
const SUSPENDING: &str = "suspending";

/// Why, by whom and since when nothing is exchanged with a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// The officer who asked for it.
    pub by: String,
    /// The officer who completed it.
    pub second: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: UnixMs,
}

/// What waits for a second officer.
#[derive(Serialize, Deserialize)]
struct Proposed {
    by: String,
    reason: String,
    suspend: bool,
}

impl Node {
    pub(crate) fn read_suspended(&self) -> Result<BTreeMap<ServiceId, Suspension>, NodeError> {
        let corrupt = |_| NodeError::Corrupt("a suspended partner".to_owned());
        self.documents(SUSPENDED)?.iter().map(|r| Ok((r.id.parse()?, serde_json::from_slice(&r.data).map_err(corrupt)?))).collect()
    }

    /// Suspends a partner or resumes with it: the first officer proposes, another one who says the same completes it.
    ///
    /// Tells whether it is done (false: it waits for a second officer). The reason of the first one is kept.
    pub fn suspend(&mut self, officer: &Officer, service: ServiceId, reason: &str, suspend: bool, now: UnixMs) -> Result<(Ticket, bool), NodeError> {
        if service == self.me() || self.book.cards(&service).is_none() {
            return Err(NodeError::UnknownPartner(service));
        }
        if self.suspended.contains_key(&service) == suspend {
            return Err(NodeError::NotPending);
        }
        let id = service.to_string();
        let waiting: Option<Proposed> = match self.store.record(SUSPENDING, &id)? {
            Some(r) => Some(serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("a proposal to suspend".to_owned()))?),
            None => None,
        };
        let mut batch = Append::new(now);
        let line = |what: &str| log("audit", serde_json::json!({ "what": what, "service": service, "by": officer.id, "reason": reason }));
        match waiting.filter(|w| w.suspend == suspend) {
            None => {
                if reason.trim().is_empty() {
                    return Err(NodeError::Asked("say why; the reason is logged".to_owned()));
                }
                let proposed = Proposed { by: officer.id.to_string(), reason: reason.to_owned(), suspend };
                batch.records.push(put(SUSPENDING, &id, serde_json::to_vec(&proposed).expect("plain data has a JSON form")));
                batch.logs.push(line(if suspend { "suspension proposed" } else { "end of suspension proposed" }));
                Ok((self.stage(batch), false))
            }
            Some(first) if first.by == officer.id.as_str() => Err(NodeError::SameEyes),
            Some(first) => {
                batch.records.push(RecordOp::Delete { kind: SUSPENDING.to_owned(), id: id.clone() });
                batch.logs.push(line(if suspend { "partner suspended" } else { "suspension ended" }));
                if suspend {
                    let suspension = Suspension { by: first.by, second: officer.id.to_string(), reason: first.reason, at: now };
                    batch.records.push(put(SUSPENDED, &id, serde_json::to_vec(&suspension).expect("plain data has a JSON form")));
                    self.suspended.insert(service, suspension);
                } else {
                    batch.records.push(RecordOp::Delete { kind: SUSPENDED.to_owned(), id });
                    self.suspended.remove(&service);
                    self.traffic.rewind(service);
                }
                self.tell_book();
                self.news += 1;
                Ok((self.stage(batch), true))
            }
        }
    }

    /// Returns what waits for a second officer about a partner: who proposed it, why, and whether to suspend (else to resume).
    pub fn suspension_asked(&self, service: &ServiceId) -> Result<Option<(String, String, bool)>, NodeError> {
        let corrupt = |_| NodeError::Corrupt("a proposal to suspend".to_owned());
        let found: Option<Proposed> = match self.store.record(SUSPENDING, &service.to_string())? {
            Some(r) => Some(serde_json::from_slice(&r.data).map_err(corrupt)?),
            None => None,
        };
        // A proposal that says what is so already has nothing left to do.
        Ok(found.filter(|f| f.suspend != self.suspended.contains_key(service)).map(|f| (f.by, f.reason, f.suspend)))
    }

    /// Returns the partners with whom nothing is exchanged for now.
    pub fn suspended(&self) -> &BTreeMap<ServiceId, Suspension> {
        &self.suspended
    }
}
