//! The register's drafts: what the press tells, read but not believed, until an officer confirms, corrects or rejects it.

use crate::error::NodeError;
use crate::intent::Intent;
use crate::node::{Node, Ticket, log};
use crate::officer::Officer;
use base::{Handling, ServiceId, UnixMs};
use register::{EventDraft, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Append, RecordOp};

/// Whether an officer has looked at a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftState {
    /// Nobody has decided.
    Draft,
    /// An officer says that it is so, perhaps corrected.
    Confirmed,
    /// An officer says that it is not.
    Rejected,
}

/// A draft in the register.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// Its name: the first 16 digits of the digest of its texts' names.
    pub id: String,
    /// What the texts tell, as it now stands.
    pub event: EventDraft,
    /// Names of its texts in the register, in the order of the event's sources; texts that came in after a decision stand behind them.
    pub texts: Vec<String>,
    /// Paths of texts of the same event that came in after an officer had decided; the event does not rest on them.
    pub later: Vec<String>,
    /// What the officers say of it.
    pub state: DraftState,
    /// When it was read.
    pub at: UnixMs,
    /// Who decided last.
    pub by: Option<String>,
}

impl Node {
    /// Returns all drafts.
    pub fn drafts(&self) -> Result<Vec<Draft>, NodeError> {
        self.documents("draft")?.iter().map(|r| read(&r.data)).collect()
    }

    /// Finds a draft.
    pub fn draft(&self, id: &str) -> Result<Draft, NodeError> {
        read(&self.store.record("draft", id)?.ok_or(NodeError::Absent("draft"))?.data)
    }

    /// Confirms a draft, corrected or as it is, or rejects it.
    pub fn decide_draft(
        &mut self,
        officer: &Officer,
        id: &str,
        state: DraftState,
        corrected: Option<EventDraft>,
        now: UnixMs,
    ) -> Result<(Ticket, Draft), NodeError> {
        let mut draft = self.draft(id)?;
        let before = draft.clone();
        if let Some(event) = corrected {
            draft.event = event;
        }
        draft.state = state;
        draft.by = Some(officer.id.to_string());
        let mut batch = Append::new(now);
        batch.records.push(RecordOp::Put { kind: "draft".to_owned(), id: id.to_owned(), data: write(&draft) });
        batch.logs.push(log("audit", serde_json::json!({ "what": "draft decided", "by": officer.id, "before": before, "after": draft })));
        Ok((self.stage(batch), draft))
    }

    /// Drafts the opening of a working visit out of a confirmed draft; the officer completes what the texts do not say.
    pub fn visit_from(&self, id: &str, guests: Vec<ServiceId>, mut fields: BTreeMap<String, serde_json::Value>) -> Result<Intent, NodeError> {
        let draft = self.draft(id)?;
        if draft.state != DraftState::Confirmed {
            return Err(NodeError::Asked("confirm the draft first; nothing is taken as fact unseen".to_owned()));
        }
        if !matches!(draft.event.kind, Kind::Visit | Kind::Meeting) {
            return Err(NodeError::Asked("only a visit or a meeting can open a working visit".to_owned()));
        }
        let event = serde_json::to_value(&draft.event).map_err(|e| NodeError::Corrupt(e.to_string()))?;
        let mut put = |field: &str, value: serde_json::Value| {
            if !value.is_null() && value.as_str() != Some("") {
                fields.entry(field.to_owned()).or_insert(value);
            }
        };
        put("date_from", event["date_from"].clone());
        put("date_to", event["date_to"].clone());
        put("register_source", event["sources"].clone());
        let lang = draft.event.languages.first().cloned().unwrap_or_else(|| "fr".to_owned());
        if let Some(place) = event["place"].as_str() {
            put("place", serde_json::json!({ "name": { "lang": lang, "text": place } }));
        }
        let me = self.me();
        let parties = std::iter::once((me, "host".to_owned())).chain(guests.into_iter().map(|g| (g, "guest".to_owned()))).collect();
        Ok(Intent::Open { mechanism: "working-visit".to_owned(), accord: None, parties, follows: None, fields, handling: Handling::code("H0") })
    }
}

/// Reads a draft at rest.
pub(crate) fn read(data: &[u8]) -> Result<Draft, NodeError> {
    serde_json::from_slice(data).map_err(|e| NodeError::Corrupt(format!("a draft of the register: {e}")))
}

/// Writes a draft for the store.
pub(crate) fn write(draft: &Draft) -> Vec<u8> {
    serde_json::to_vec(draft).expect("plain data has a JSON form")
}
