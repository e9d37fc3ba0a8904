//! Prunes: lists that are not to be kept go first, then the chunks that no list names any more.

use super::BackupError;
use super::target::Target;
use base::UnixMs;
use std::collections::BTreeSet;

const DAY_MS: i64 = 86_400_000;

/// What pruning did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Pruned {
    /// Backups that are gone.
    pub gone: Vec<String>,
    /// Backups that stay.
    pub kept: usize,
    /// Chunks that are gone, what interrupted backups left included.
    pub chunks: usize,
    /// Bytes that are free again.
    pub bytes: u64,
}

/// Keeps the newest backups and those that are young enough; the newest of all always stays.
///
/// Refuses while a list does not open: nobody can tell which chunks it needs. `damaged` says that those lists go as well.
pub fn prune(target: &Target, keep: usize, keep_days: u32, damaged: bool, now: UnixMs) -> Result<Pruned, BackupError> {
    let (all, bad) = target.lists()?;
    if !bad.is_empty() && !damaged {
        return Err(BackupError::Asked(format!(
            "the lists of {} do not open, so nobody can tell which chunks they need; copy them from another medium, or give them up with --drop-damaged",
            bad.join(", ")
        )));
    }
    let young = now.plus_ms(-i64::from(keep_days) * DAY_MS);
    let from = all.len().saturating_sub(keep.max(1));
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for (n, l) in all.into_iter().enumerate() {
        if n >= from || (keep_days > 0 && l.snapshot.at >= young) { kept.push(l) } else { gone.push(l.snapshot.id) }
    }
    gone.extend(bad);
    for id in &gone {
        target.drop_list(id)?;
    }
    let needed: BTreeSet<String> = kept.iter().flat_map(|l| l.snapshot.files.iter().flat_map(|f| f.chunks.iter().map(ToString::to_string))).collect();
    let (mut chunks, mut bytes) = (0, 0);
    for name in target.chunk_names()?.into_iter().filter(|n| n.len() > 2 && !needed.contains(n)) {
        bytes += target.drop_chunk(&name)?;
        chunks += 1;
    }
    Ok(Pruned { gone, kept: kept.len(), chunks, bytes })
}
