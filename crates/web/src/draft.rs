//! Drafts of new dossiers: what was typed so far, as it was typed.

use crate::form::Typed;
use base::UnixMs;
use node::{Drawer, Node, NodeError, Officer, Paper};
use serde::{Deserialize, Serialize};

/// Drafts that one officer may keep.
pub(crate) const DRAFTS_MAX: usize = 50;

/// A draft.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// The mechanism's name.
    pub mechanism: String,
    /// The accord's dossier; empty for an accord itself.
    pub accord: String,
    /// What was typed.
    pub typed: Typed,
    /// When it was last kept.
    pub kept: UnixMs,
}

impl Draft {
    /// Returns what may stand for the draft in a list.
    pub fn title(&self) -> &str {
        let first = |names: [&str; 2]| self.typed.iter().find(|(n, v)| names.contains(&n.as_str()) && !v.is_empty()).map(|(_, v)| v.as_str());
        first(["reference:0:v", "title:0:text"]).unwrap_or("–")
    }
}

fn name(officer: &Officer, draft: &str) -> String {
    format!("{}/{draft}", officer.id)
}

/// Finds a draft of an officer.
pub(crate) fn find(n: &Node, officer: &Officer, draft: &str) -> Result<Draft, NodeError> {
    let bytes = n.paper(Drawer::Draft, &name(officer, draft))?.ok_or(NodeError::Absent("draft"))?;
    serde_json::from_slice(&bytes).map_err(|_| NodeError::Corrupt("a draft".to_owned()))
}

/// Keeps a draft.
pub(crate) fn keep(officer: &Officer, draft: &str, what: &Draft) -> Paper {
    Paper::Put(Drawer::Draft, name(officer, draft), serde_json::to_vec(what).expect("plain data has a JSON form"))
}

/// Throws a draft away.
pub(crate) fn drop(officer: &Officer, draft: &str) -> Paper {
    Paper::Drop(Drawer::Draft, name(officer, draft))
}
