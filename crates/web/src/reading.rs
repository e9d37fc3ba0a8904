//! What an officer has read: for each dossier, how it stood when the officer last looked.

use base::{DossierId, UnixMs};
use node::{Drawer, Node, NodeError, Officer, Paper};
use std::collections::BTreeMap;

/// Dossiers that are remembered; the ones that were read longest ago are forgotten first and count as unread again.
const READ_MAX: usize = 5_000;

/// Returns when each dossier that the officer has read had last changed as they read it.
pub(crate) fn of(n: &Node, officer: &Officer) -> Result<BTreeMap<DossierId, UnixMs>, NodeError> {
    Ok(n.paper(Drawer::Reading, officer.id.as_str())?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Notes that the officer has read a dossier; nothing where that is known.
pub(crate) fn note(n: &Node, officer: &Officer, dossier: DossierId, changed: UnixMs) -> Result<Option<Paper>, NodeError> {
    let mut all = of(n, officer)?;
    if all.insert(dossier, changed) == Some(changed) {
        return Ok(None);
    }
    while all.len() > READ_MAX {
        let oldest = all.iter().min_by_key(|(_, at)| **at).map(|(id, _)| *id);
        oldest.and_then(|id| all.remove(&id));
    }
    Ok(Some(Paper::Put(Drawer::Reading, officer.id.to_string(), serde_json::to_vec(&all).expect("plain data has a JSON form"))))
}
