//! What became of the last load of each source: how much changed, or which lines were rejected, so that an officer sees at the desk that a
//! nightly file was not taken. Lines are kept by number and code: what stands in them is a person's.

use super::index::source_name;
use super::{Changed, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, put};
use crate::officer::Officer;
use base::UnixMs;
use serde::{Deserialize, Serialize};
use store::{Append, RecordOp};

const KIND: &str = "hit-load";
/// Rejected lines that are remembered of one load; how many there were is remembered as well.
pub const LOAD_REJECTS_MAX: usize = 100;
/// Sources whose last load is remembered; beyond it the oldest is forgotten.
pub const LOADS_MAX: usize = 200;

/// What became of the last load of a source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoadNote {
    /// The source.
    pub source: String,
    /// When.
    pub at: UnixMs,
    /// Who loaded it; none for a watched directory.
    pub by: Option<String>,
    /// What changed; none where nothing was loaded.
    pub changed: Option<Changed>,
    /// Lines that were rejected.
    pub rejected: usize,
    /// The first of them: number of the line, 0 where it has none, and stable code.
    pub rejects: Vec<(usize, String)>,
}

impl Node {
    /// Remembers what became of a load, over what was remembered of the same source. Refuses a source without a name.
    pub fn note_load(&mut self, officer: Option<&Officer>, note: LoadNote) -> Result<Ticket, NodeError> {
        let mut batch = Append::new(note.at);
        let source = source_name(&note.source)?.to_owned();
        let mut before = self.loads()?;
        before.retain(|n| n.source != source);
        while before.len() >= LOADS_MAX {
            let Some(oldest) = before.pop() else { break };
            batch.records.push(RecordOp::Delete { kind: KIND.to_owned(), id: oldest.source });
        }
        let mut note = LoadNote { source, by: officer.map(|o| o.id.to_string()), ..note };
        note.rejects.truncate(LOAD_REJECTS_MAX);
        batch.records.push(put(KIND, &note.source, json(&note)));
        Ok(self.stage(batch))
    }

    /// Shows what became of the last load of each source, the newest first.
    pub(super) fn loads(&self) -> Result<Vec<LoadNote>, NodeError> {
        let mut out: Vec<LoadNote> = self.documents(KIND)?.into_iter().map(|r| read_json(&r.data, "a note on a load")).collect::<Result<_, _>>()?;
        out.sort_by_key(|n| std::cmp::Reverse(n.at));
        Ok(out)
    }
}
