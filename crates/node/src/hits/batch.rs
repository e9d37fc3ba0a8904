//! Granted lists: many persons in one cause, asked one by one under a list grant. The grant's own dossier says whether it runs: it is granted,
//! paused and resumed, ended there, by acts of both sides; here lies only what is still to be asked.

use super::ask::{ASK, Ask, Asked, Justification, asker};
use super::wire::Aim;
use super::{HIT_MECHANISM, HitFault, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use base::{Digest, DossierId, ServiceId, Text, UnixMs};
use dossier::Value;
use matching::subject::{Side, Subject};
use serde::{Deserialize, Serialize};
use store::{Append, RecordOp};

pub(super) const KIND: &str = "hit-batch";
/// Persons of one list.
pub const BATCH_PERSONS_MAX: usize = 20_000;
/// Questions that one step asks.
const STEP: usize = 50;
/// Questions of one list that may wait for their answer.
const UNDER_WAY_MAX: usize = 200;

/// One person of a list.
#[derive(Clone, Debug)]
pub struct BatchPerson {
    /// How the officer calls it here; never leaves this node.
    pub label: String,
    /// Who it is.
    pub subject: Subject,
}

/// What of a list is still to be asked.
#[derive(Clone, Serialize, Deserialize)]
struct Batch {
    to: ServiceId,
    officer: String,
    why: Justification,
    /// Label and inputs of each person that was not asked yet, the last one next.
    open: Vec<(String, Vec<String>)>,
    asked: Vec<Digest>,
    /// Why it stands still, by code.
    stands: Option<String>,
}

/// How far a list is.
#[derive(Clone, Serialize, Debug)]
pub struct BatchView {
    /// The grant's dossier.
    pub grant: DossierId,
    /// Whom it asks.
    pub to: ServiceId,
    /// The grant's phase: asked, open, paused, or an end.
    pub phase: String,
    /// Persons in all.
    pub persons: usize,
    /// Persons that were asked about.
    pub asked: usize,
    /// Persons whose answer is here.
    pub answered: usize,
    /// Questions with a hit.
    pub hits: Vec<Digest>,
    /// Why it stands still, by code.
    pub stands: Option<String>,
}

impl Node {
    /// Takes a list of persons under a list grant; it is asked by itself while the grant is open.
    pub fn batch(&mut self, officer: &Officer, grant: DossierId, aim: Aim, persons: Vec<BatchPerson>, now: UnixMs) -> Result<Ticket, NodeError> {
        asker(officer)?;
        if persons.is_empty() || persons.len() > BATCH_PERSONS_MAX {
            return Err(HitFault::Full(BATCH_PERSONS_MAX).into());
        }
        if self.store.record(KIND, &grant.to_string())?.is_some() {
            return Err(HitFault::Grant("its list is here already").into());
        }
        let me = self.me();
        let d = self.dossier(&grant)?.filter(|d| d.mechanism().id == HIT_MECHANISM).ok_or(HitFault::Grant("the dossier is none"))?;
        let party = |role: &str| d.opening().parties.iter().find(|p| p.role == role).map(|p| p.service);
        let to = party("holding").filter(|_| party("asking") == Some(me)).ok_or(HitFault::Grant("it stands between other services"))?;
        let root = d.state().item(&d.root()).ok_or(HitFault::Grant("it is not open"))?;
        let code = |field: &str| match root.fields.get(field) {
            Some(Value::Choice(c) | Value::Line(c)) => c.clone(),
            _ => String::new(),
        };
        let reason = match root.fields.get("reason") {
            Some(Value::Text(t)) => t.clone(),
            _ => Text::new(base::Lang::En, ""),
        };
        let why = Justification {
            purpose: code("purpose"),
            offence: code("offence"),
            category: code("subject_category"),
            aim,
            reference: code("reference"),
            reason,
            grant: Some(grant),
        };
        let mut open = Vec::with_capacity(persons.len());
        for p in persons.into_iter().rev() {
            let keys = p.subject.keys(Side::Question).map_err(HitFault::from)?;
            open.push((p.label, keys.iter().map(|k| String::from_utf8_lossy(&k.input(HIT_MECHANISM)).into_owned()).collect()));
        }
        let mut batch = Append::new(now);
        batch.logs.push(log("hit", serde_json::json!({ "what": "list taken", "grant": grant, "persons": open.len(), "officer": officer.id })));
        let list = Batch { to, officer: officer.id.to_string(), why, open, asked: Vec::new(), stands: None };
        batch.records.push(put(KIND, &grant.to_string(), json(&list)));
        Ok(self.stage(batch))
    }

    /// Asks what is next of every list whose grant is open; returns how many questions were asked.
    pub(super) fn step_batches(&mut self, batch: &mut Append) -> Result<usize, NodeError> {
        let mut asked = 0;
        for r in self.documents(KIND)? {
            let grant: DossierId = r.id.parse()?;
            let mut list: Batch = read_json(&r.data, "a list that is asked")?;
            if list.open.is_empty() || self.grant_phase(&grant)? != "open" {
                continue;
            }
            let Some(officer) = self.officers.iter().find(|o| o.id.as_str() == list.officer && o.active).cloned() else { continue };
            let mut under_way = 0;
            for id in list.asked.iter().rev().take(UNDER_WAY_MAX) {
                under_way += usize::from(self.ask_of(id)?.is_some_and(|a| a.asked == Asked::Sent));
            }
            let before = (list.asked.len(), list.stands.clone());
            for _ in 0..STEP.min(UNDER_WAY_MAX.saturating_sub(under_way)) {
                let Some((label, inputs)) = list.open.last().cloned() else { break };
                match self.ask_inputs(&officer, list.to, inputs, label, list.why.clone(), false, batch) {
                    Ok(id) => {
                        list.open.pop();
                        list.asked.push(id);
                        list.stands = None;
                        asked += 1;
                    }
                    Err(e) if e.failure().is_some() => return Err(e),
                    Err(e) => {
                        list.stands = Some(e.code().to_owned());
                        break;
                    }
                }
            }
            if before != (list.asked.len(), list.stands.clone()) {
                batch.records.push(put(KIND, &r.id, json(&list)));
            }
        }
        Ok(asked)
    }

    fn grant_phase(&mut self, grant: &DossierId) -> Result<String, NodeError> {
        let Some(d) = self.dossier(grant)? else { return Ok(String::new()) };
        let phase = d.state().item(&d.root()).and_then(|r| d.state().phase_name(r)).unwrap_or_default();
        Ok(phase.to_owned())
    }

    /// Shows how far all lists are.
    pub fn batches(&mut self) -> Result<Vec<BatchView>, NodeError> {
        let mut out = Vec::new();
        for r in self.documents(KIND)? {
            let grant: DossierId = r.id.parse()?;
            let list: Batch = read_json(&r.data, "a list that is asked")?;
            let (mut answered, mut hits) = (0, Vec::new());
            for id in &list.asked {
                let asked: Option<Ask> = self.ask_of(id)?;
                answered += usize::from(asked.as_ref().is_none_or(|a| a.asked != Asked::Sent));
                if asked.is_some_and(|a| matches!(a.asked, Asked::Hit | Asked::Confirmed | Asked::Referred)) {
                    hits.push(*id);
                }
            }
            let persons = list.open.len() + list.asked.len();
            let phase = self.grant_phase(&grant)?;
            out.push(BatchView { grant, to: list.to, phase, persons, asked: list.asked.len(), answered, hits, stands: list.stands });
        }
        Ok(out)
    }

    /// Forgets a list whose grant has ended once its questions are gone, of which the last one goes last.
    pub(super) fn sweep_batch(&mut self, r: &store::Record, batch: &mut Append) -> Result<(), NodeError> {
        let list: Batch = read_json(&r.data, "a list that is asked")?;
        let ended = matches!(self.grant_phase(&r.id.parse()?)?.as_str(), "finished" | "declined" | "stopped");
        let gone = match list.asked.last() {
            Some(id) => self.store.record(ASK, &id.to_string())?.is_none(),
            None => true,
        };
        if ended && gone {
            batch.records.push(RecordOp::Delete { kind: KIND.to_owned(), id: r.id.clone() });
        } else if ended && !list.open.is_empty() {
            batch.records.push(put(KIND, &r.id, json(&Batch { open: Vec::new(), ..list })));
        }
        Ok(())
    }
}
