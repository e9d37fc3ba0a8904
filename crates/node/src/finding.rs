//! What a desk needs that searches across dossiers: one line of the list by its id, and a log of every search with its reason.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log};
use crate::officer::Officer;
use crate::overview::Listed;
use base::{DossierId, UnixMs};
use store::Append;

/// Characters of a query that the log keeps.
const LOGGED_CHARS_MAX: usize = 300;

impl Node {
    /// Finds one dossier as it stands in the list.
    pub fn listed_one(&self, id: &DossierId) -> Result<Option<Listed>, NodeError> {
        Ok(self.store.dossier(id)?.map(|row| self.listed(&row)))
    }

    /// Logs that an officer searched: for what, why, and which dossiers were named in answer. A search reads contents, so it is a consultation.
    pub fn note_search(&mut self, officer: &Officer, query: &str, reason: &str, named: &[DossierId], now: UnixMs) -> Result<Ticket, NodeError> {
        officer.must_read()?;
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why you search; the reason is logged".to_owned()));
        }
        let query: String = query.chars().take(LOGGED_CHARS_MAX).collect();
        let mut batch = Append::new(now);
        batch.logs.push(log("consultation", serde_json::json!({ "what": "search", "officer": officer.id, "query": query, "named": named, "reason": reason })));
        Ok(self.stage(batch))
    }
}
