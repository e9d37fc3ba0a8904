//! Standing subjects: asked about once in an epoch, then looked up in every change to the list, here, without a question to anybody.

use super::ask::{ASK, Ask, Asked, quality_among};
use super::{HitFault, json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use base::{Digest, ServiceId, UnixMs};
use matching::filter::Changes;
use store::Append;

/// Names the questions that are standing subjects, so that changes are not held against all questions.
pub(super) const STANDING: &str = "hit-standing";
/// Standing subjects of one node.
pub(super) const STANDING_MAX: usize = 10_000;

impl Node {
    /// Looks all standing subjects up in the changes that came.
    pub(super) fn screen_standing(&mut self, from: ServiceId, changes: &Changes, batch: &mut Append) -> Result<(), NodeError> {
        for (id, mut ask) in self.standing_asks()? {
            if ask.to != from || ask.outputs.is_empty() || !matches!(ask.asked, Asked::NoHit | Asked::FalseHit) {
                continue;
            }
            let tags: Vec<u64> = ask.outputs.iter().map(|o| o.tag).collect();
            let found: Vec<u64> = changes.hits(&tags).collect();
            if found.is_empty() {
                continue;
            }
            ask.hits = ask.outputs.iter().filter(|o| found.contains(&o.tag)).cloned().collect();
            ask.quality = quality_among(&ask).map(|q| q.as_str().to_owned());
            (ask.asked, ask.answered_at) = (Asked::Hit, Some(batch.at));
            batch.records.push(put(ASK, &id.to_string(), json(&ask)));
            batch.logs.push(log("hit", serde_json::json!({ "what": "standing subject hit by changes", "question": id, "partner": from })));
        }
        Ok(())
    }

    pub(super) fn standing_asks(&self) -> Result<Vec<(Digest, Ask)>, NodeError> {
        let mut out = Vec::new();
        for r in self.documents(STANDING)? {
            let id: Digest = r.id.parse()?;
            if let Some(ask) = self.ask_of(&id)?.filter(|a| a.standing) {
                out.push((id, ask));
            }
        }
        Ok(out)
    }

    pub(super) fn room_for_standing(&self) -> Result<(), NodeError> {
        match self.standing_asks()?.len() >= STANDING_MAX {
            true => Err(HitFault::Full(STANDING_MAX).into()),
            false => Ok(()),
        }
    }

    /// Ends a standing subject: it becomes a question like any other, and its result expires.
    pub fn end_standing(&mut self, officer: &Officer, question: &Digest, now: UnixMs) -> Result<Ticket, NodeError> {
        super::ask::asker(officer)?;
        let mut ask = self.ask_of(question)?.filter(|a| a.standing).ok_or(NodeError::Absent("standing subject"))?;
        (ask.standing, ask.outputs) = (false, Vec::new());
        let mut batch = Append::new(now);
        batch.records.push(put(ASK, &question.to_string(), json(&ask)));
        batch.records.push(store::RecordOp::Delete { kind: STANDING.to_owned(), id: question.to_string() });
        batch.logs.push(log("hit", serde_json::json!({ "what": "standing subject ended", "question": question, "officer": officer.id })));
        Ok(self.stage(batch))
    }

    /// Makes a question that was answered a standing subject: it is asked again, counted like any question, because what a question came to is
    /// kept for standing subjects only. Returns the new question's name.
    pub fn begin_standing(&mut self, officer: &Officer, question: &Digest, now: UnixMs) -> Result<(Ticket, Digest), NodeError> {
        super::ask::asker(officer)?;
        let ask = self.ask_of(question)?.filter(|a| !a.standing && a.asked != Asked::Sent).ok_or(NodeError::Absent("question"))?;
        self.room_for_standing()?;
        let mut batch = Append::new(now);
        let id = self.ask_inputs(officer, ask.to, ask.about(), ask.why.clone(), true, &mut batch)?;
        Ok((self.stage(batch), id))
    }

    /// Asks anew about standing subjects whose partner began a new epoch: old outputs say nothing under a new key. In the name of the officer who
    /// set them up, counted like any question; what a quota does not permit today waits. Returns how many were asked.
    pub(super) fn renew_standing(&mut self, batch: &mut Append) -> Result<usize, NodeError> {
        let mut asked = 0;
        for (id, mut ask) in self.standing_asks()? {
            let Some(list) = self.hit_held(&ask.to)?.map(|h| h.list) else { continue };
            let settled = matches!(ask.asked, Asked::NoHit | Asked::FalseHit | Asked::Failed { .. });
            let Some(officer) = self.officers.iter().find(|o| o.id.as_str() == ask.officer && o.active).cloned() else { continue };
            if list == ask.list || !settled {
                continue;
            }
            match self.ask_inputs(&officer, ask.to, ask.about(), ask.why.clone(), true, batch) {
                Ok(_) => {
                    (ask.standing, ask.outputs) = (false, Vec::new());
                    batch.records.push(put(ASK, &id.to_string(), json(&ask)));
                    batch.records.push(store::RecordOp::Delete { kind: STANDING.to_owned(), id: id.to_string() });
                    asked += 1;
                }
                Err(e) if e.failure().is_some() => return Err(e),
                Err(e) => tracing::info!(code = e.code(), "a standing subject is not asked anew yet: {e}"),
            }
        }
        Ok(asked)
    }
}
