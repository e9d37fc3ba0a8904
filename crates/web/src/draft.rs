//! Drafts of new dossiers and of forms in a dossier: what was typed so far, as it was typed.

use crate::form::Typed;
use base::{Digest, UnixMs};
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
    /// The hit that the dossier follows up; none where it follows none.
    #[serde(default)]
    pub hit: Option<Digest>,
    /// The form in a dossier that was typed into: its address and its words; none for a new dossier.
    #[serde(default)]
    pub form: Option<(String, String)>,
}

impl Draft {
    /// Returns what may stand for the draft in a list.
    pub fn title(&self) -> &str {
        if let Some((_, words)) = &self.form {
            return words;
        }
        let first = |names: [&str; 2]| self.typed.iter().find(|(n, v)| names.contains(&n.as_str()) && !v.is_empty()).map(|(_, v)| v.as_str());
        first(["reference:0:v", "title:0:text"]).unwrap_or("–")
    }
}

fn name(officer: &Officer, draft: &str) -> String {
    format!("{}/{draft}", officer.id)
}

/// Names the draft of a form in a dossier by the form's address.
pub(crate) fn name_of_form(path: &str) -> String {
    Digest::tagged("entente/desk-form-draft/1", &[path.as_bytes()]).to_string()
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
