//! Backups of a node's directory: encrypted, incremental, verified after writing, restored to a point.
//!
//! A **target** is a directory: `backup.key` (the key, under a lock of its own), `chunks/` (sealed pieces, each stored once) and
//! `lists/` (one sealed list for each backup). A list is written last, after everything it names was read back, so an
//! interrupted backup leaves the earlier ones as they were. `docs/backup.md` is for the administrator, `docs/design/0010-backup.md` says why.

mod create;
mod prune;
mod restore;
mod target;
mod verify;

pub use create::{Created, Order, create, failed, last, tried};
pub use prune::{Pruned, prune};
pub use restore::{Back, restore};
pub use target::{LastBackup, Listed, Snapshot, Stored, Target};
pub use verify::{Damage, Verified, verify};

use std::path::Path;

/// The store's file in a node's directory, and what SQLite and its lock keep beside it.
const STORE: &str = "node.db";
const BESIDE_STORE: [&str; 4] = ["node.db-wal", "node.db-shm", "node.db-journal", "node.db.lock"];
/// The note on the last backup, in the node's directory; no part of a backup.
const NOTE: &str = "backup.json";
/// How files that are put together for a moment begin and end.
const PART: (&str, &str) = (".backup-", ".part");

/// A backup was not made, checked or restored; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The operator's doing.
    #[error("{0}")]
    Asked(String),
    /// Another backup works on this target.
    #[error("another backup writes to {0} at this moment; wait for its end")]
    Busy(String),
    /// The key of the target does not open.
    #[error(transparent)]
    Key(#[from] seal::KeysRefusal),
    /// Parts of a backup are gone or damaged.
    #[error("{0}")]
    Damaged(String),
    /// What was read back is not a sound store.
    #[error("the database in the backup does not hold ({0}); the backup was not listed. Check the disk of the node with entente verify --ledger")]
    Unsound(String),
    /// The node's directory or store.
    #[error(transparent)]
    Home(#[from] crate::home::HomeError),
    /// The operating system.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

impl BackupError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            BackupError::Asked(_) => "refusal.backup.asked",
            BackupError::Busy(_) => "refusal.backup.busy",
            BackupError::Key(e) => e.code(),
            BackupError::Damaged(_) => "failure.backup.damaged",
            BackupError::Unsound(_) => "failure.backup.unsound",
            BackupError::Home(e) => e.code(),
            BackupError::Io(..) => "failure.backup.io",
        }
    }
}

impl From<store::StoreError> for BackupError {
    fn from(e: store::StoreError) -> BackupError {
        BackupError::Home(e.into())
    }
}

/// Says which path the operating system refused.
fn io(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let what = path.display().to_string();
    move |e| BackupError::Io(what, e)
}

/// A file that lives as long as this value, in a place as well guarded as the node's own directory.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(dir: &Path, what: &str) -> Scratch {
        sweep(dir);
        let scratch = Scratch(dir.join(format!("{}{what}-{}{}", PART.0, std::process::id(), PART.1)));
        scratch.clear(); // left by a process that was killed and had our number
        scratch
    }

    fn clear(&self) {
        for end in ["", "-wal", "-shm", "-journal", ".lock"] {
            let mut name = self.0.clone().into_os_string();
            name.push(end);
            let _ = std::fs::remove_file(name); // most are not there
        }
    }
}

/// Removes what killed processes left behind; a process that lives keeps its own.
fn sweep(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PART.0).and_then(|n| n.split_once(PART.1)).and_then(|(n, _)| n.rsplit('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = std::fs::remove_file(entry.path()); // another may be faster
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}
