//! What lies across dossiers: which name which, and statistics over all of them.

use crate::error::NodeError;
use crate::node::{Node, PAGE};
use base::{DossierId, ServiceId, UnixMs};
use dossier::statistics::{By, Line, Table, table};
use dossier::{LinkedFrom, opposite};
use std::collections::{BTreeMap, BTreeSet};

/// For each dossier, those of this node that name it.
pub(crate) type LinkIndex = BTreeMap<DossierId, BTreeSet<LinkedFrom>>;

/// Adds what a dossier's summary says of others.
pub(crate) fn note_links(index: &mut LinkIndex, from: DossierId, summary: &serde_json::Value) {
    for link in summary["links"].as_array().into_iter().flatten() {
        let to = link[0].as_str().and_then(|id| id.parse().ok());
        if let (Some(to), Some(relation)) = (to, link[1].as_str()) {
            index.entry(to).or_default().insert(LinkedFrom { dossier: from, relation: opposite(relation).to_owned() });
        }
    }
}

impl Node {
    /// Lists the dossiers of this node that name another, with what they are to it; the rows are read once, when first asked.
    pub(crate) fn linked_from(&mut self, id: &DossierId) -> Result<Vec<LinkedFrom>, NodeError> {
        if self.links.is_none() {
            let mut index = LinkIndex::new();
            let mut after = None;
            loop {
                let page = self.store.dossiers(&store::DossierFilter::default(), after, PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some((last.updated_at, last.id));
                for row in &page {
                    note_links(&mut index, row.id, &serde_json::from_slice(&row.summary).unwrap_or_default());
                }
            }
            self.links = Some(index);
        }
        Ok(self.links.as_ref().and_then(|i| i.get(id)).into_iter().flatten().cloned().collect())
    }

    /// Counts this node's dossiers that were opened in a period; see `dossier::statistics`.
    pub fn statistics(&mut self, from: UnixMs, until: UnixMs, by: &[By], among: Option<&ServiceId>) -> Result<Table, NodeError> {
        let me = self.me();
        let mut lines = Vec::new();
        for listed in self.list(None, None, usize::MAX)?.into_iter().filter(|l| (from..until).contains(&l.opened_at)) {
            if let Some(d) = self.dossier(&listed.id)? {
                lines.extend(Line::read(d, &me, until));
            }
        }
        Ok(table(&lines, from, until, by, among))
    }
}
