//! Checks backups: every chunk opens under its name, the database is put together and opens, its ledger holds by hash and signature.

use super::target::{Listed, Stored, Target};
use super::{BackupError, STORE, Scratch, io};
use crate::audit::{audit, owner};
use base::{Digest, ServiceId, UnixMs};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use store::{LedgerState, Sqlite};

/// A chunk that is gone or damaged, and what that costs.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Damage {
    /// The chunk.
    pub chunk: Digest,
    /// Whether it is not there at all.
    pub missing: bool,
    /// The files and bytes that it held: name, first byte, first byte after it.
    pub held: Vec<(String, u64, u64)>,
    /// The backups that cannot be restored without it.
    pub backups: Vec<String>,
}

/// What a check found.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Verified {
    /// Backups that were checked whole, database and ledger included.
    pub whole: Vec<String>,
    /// Chunks that were read.
    pub chunks: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Chunks that are gone or damaged.
    pub damage: Vec<Damage>,
    /// Backups whose list does not open: what they held cannot be told.
    pub lists: Vec<String>,
    /// Backups whose chunks are whole and whose database is not sound: name and why.
    pub unsound: Vec<(String, String)>,
}

impl Verified {
    /// Tells whether nothing was found.
    pub fn holds(&self) -> bool {
        self.damage.is_empty() && self.lists.is_empty() && self.unsound.is_empty()
    }
}

/// Checks one backup, or all; databases are put together in `scratch` for a moment.
pub fn verify(target: &Target, which: Option<&Listed>, scratch: &Path, now: UnixMs, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, BackupError> {
    let (all, bad) = target.lists()?;
    let chosen: Vec<&Listed> = match which {
        Some(one) => all.iter().filter(|l| l.snapshot.id == one.snapshot.id).collect(),
        None => all.iter().collect(),
    };
    let mut found = Verified { whole: Vec::new(), chunks: 0, bytes: 0, damage: Vec::new(), lists: bad, unsound: Vec::new() };
    let named: BTreeSet<Digest> = chosen.iter().flat_map(|l| l.snapshot.files.iter().flat_map(|f| f.chunks.iter().copied())).collect();
    let mut broken: BTreeMap<Digest, bool> = BTreeMap::new();
    for chunk in &named {
        match target.get(chunk)? {
            Some(content) => found.bytes += content.len() as u64,
            None => {
                broken.insert(*chunk, !target.is_there(chunk));
            }
        }
        found.chunks += 1;
        progress(found.chunks as u64, named.len() as u64);
    }
    found.damage = broken.into_iter().map(|(chunk, missing)| cost(&all, chunk, missing)).collect();
    let spoilt: BTreeSet<&String> = found.damage.iter().flat_map(|d| &d.backups).collect();
    for l in chosen.iter().filter(|l| !spoilt.contains(&l.snapshot.id)) {
        let s = &l.snapshot;
        let again = Scratch::new(scratch, "verify");
        let stored = s.files.iter().find(|f| f.name == STORE).ok_or_else(|| BackupError::Damaged(format!("backup {} holds no store", s.id)))?;
        write_file(target, stored, &again.0)?;
        match check_store(&again.0, s.service) {
            Ok(state) if (state.size, state.root) == (s.ledger_size, s.ledger_root) => {
                target.note_checked(&s.id, now)?;
                found.whole.push(s.id.clone());
            }
            Ok(state) => {
                found.unsound.push((s.id.clone(), format!("its ledger has {} entries where {} were backed up, or another root", state.size, s.ledger_size)))
            }
            Err(e) => found.unsound.push((s.id.clone(), e.to_string())),
        }
    }
    Ok(found)
}

/// Tells what a chunk held, and which backups need it.
fn cost(all: &[Listed], chunk: Digest, missing: bool) -> Damage {
    let mut damage = Damage { chunk, missing, held: Vec::new(), backups: Vec::new() };
    for s in all.iter().map(|l| &l.snapshot) {
        for f in &s.files {
            for n in f.chunks.iter().enumerate().filter(|(_, c)| **c == chunk).map(|(n, _)| n as u64) {
                let place = (f.name.clone(), n * f.chunk_bytes, ((n + 1) * f.chunk_bytes).min(f.bytes));
                if !damage.held.contains(&place) {
                    damage.held.push(place);
                }
                if damage.backups.last() != Some(&s.id) {
                    damage.backups.push(s.id.clone());
                }
            }
        }
    }
    damage
}

/// Puts a file together out of its chunks; synced.
pub(super) fn write_file(target: &Target, file: &Stored, path: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut out = File::options().create_new(true).write(true).mode(file.mode).open(path).map_err(io(path))?;
    for (n, chunk) in file.chunks.iter().enumerate() {
        let content = target.get(chunk)?.ok_or_else(|| {
            let from = n as u64 * file.chunk_bytes;
            BackupError::Damaged(format!(
                "{} cannot be put together: chunk {chunk}, its bytes {from} to {}, is damaged or gone. \
                 Take another backup, or the same one from another medium; entente backup verify names all damage",
                file.name,
                (from + file.chunk_bytes).min(file.bytes)
            ))
        })?;
        out.write_all(&content).map_err(io(path))?;
    }
    out.sync_all().map_err(io(path))
}

/// Checks a store's file: SQLite's own structure, the ledger's hashes and root, every signature.
pub(super) fn check_store(path: &Path, service: ServiceId) -> Result<LedgerState, BackupError> {
    let unsound = |e: store::StoreError| BackupError::Unsound(e.to_string());
    Sqlite::check_file(path).map_err(unsound)?;
    let store = Sqlite::inspect_ledger(path).map_err(unsound)?;
    if owner(&store) != Some(service) {
        return Err(BackupError::Unsound("its ledger is another service's".to_owned()));
    }
    let (state, audit) = audit(&store, service, &mut |_, _| ()).map_err(unsound)?;
    match audit.faults.first() {
        Some((pos, code, text)) => Err(BackupError::Unsound(format!("entry {pos} of the ledger: {text} [{code}]"))),
        None => Ok(state),
    }
}
