//! Where backups lie: its key, its chunks, its lists. Chunks are written aside, synced, and only then get their names.

use super::{BackupError, NOTE, io};
use base::{Digest, Entropy, ServiceId, UnixMs};
use seal::{BACKUP_OVERHEAD_BYTES, BackupKey, Lock, SystemEntropy};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The version of lists that this program writes and reads.
const VERSION: u32 = 1;
/// Bytes of one list.
const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;
const KEY: &str = "backup.key";
const CHUNKS: &str = "chunks";
const LISTS: &str = "lists";
const LOCK: &str = "lock";
const LIST_END: &str = "list";
const CHECKED_END: &str = "checked";
const CLAIMED_END: &str = "claimed";

/// One file as a backup holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its path below the node's directory.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// Its length.
    pub bytes: u64,
    /// When it was last changed, milliseconds; large files that did not change are not read again.
    pub changed: i64,
    /// The length of all its chunks but the last.
    pub chunk_bytes: u64,
    /// Its chunks, in order.
    pub chunks: Vec<Digest>,
}

/// One backup: what its list says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`VERSION`].
    pub version: u32,
    /// Its name: the time, then eight digits drawn at random.
    pub id: String,
    /// Whose.
    pub service: ServiceId,
    /// The moment that it shows.
    pub at: UnixMs,
    /// Whether it was made to move the node: nothing was signed here afterwards.
    pub moved: bool,
    /// Entries of the ledger.
    pub ledger_size: u64,
    /// Its root.
    pub ledger_root: Digest,
    /// Bytes that this backup added to the target.
    pub new_bytes: u64,
    /// Its files, by name.
    pub files: Vec<Stored>,
}

/// A backup in the order of time, and when it was last checked after its making.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The backup.
    pub snapshot: Snapshot,
    /// When it was last verified; at the latest when it was made.
    pub verified: UnixMs,
}

/// What the node's directory says of its last backups.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LastBackup {
    /// The last one that was made and verified: name, moment, target.
    pub made: Option<(String, UnixMs, String)>,
    /// The last attempt that failed since: when, code, text.
    pub failed: Option<(UnixMs, String, String)>,
    /// The last time that backups were put together and checked as a restoration would: when, and whether they held.
    #[serde(default)]
    pub tried: Option<(UnixMs, bool)>,
}

impl LastBackup {
    /// Reads the note in a node's directory.
    pub fn read(dir: &Path) -> LastBackup {
        fs::read(dir.join(NOTE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes the note; a backup does not fail for want of it.
    pub(super) fn write(&self, dir: &Path) {
        let bytes = serde_json::to_vec(self).expect("plain data has a JSON form");
        if let Err(e) = write_whole(&dir.join(NOTE), &bytes) {
            tracing::warn!("the note on the last backup cannot be written: {e}");
        }
    }
}

/// A place of backups, open with its key.
#[derive(Debug)]
pub struct Target {
    dir: PathBuf,
    pub(super) key: BackupKey,
    _lock: Option<File>,
}

impl Target {
    /// Tells whether a directory holds backups already.
    pub fn exists(dir: &Path) -> bool {
        dir.join(KEY).exists()
    }

    /// Opens a target to read.
    pub fn open(dir: &Path, lock: &Lock<'_>) -> Result<Target, BackupError> {
        let path = dir.join(KEY);
        if !path.exists() {
            return Err(BackupError::Asked(format!("{} holds no backups; entente backup create makes the first", dir.display())));
        }
        let key = BackupKey::from_file(&fs::read(&path).map_err(io(&path))?, lock)?;
        Ok(Target { dir: dir.to_owned(), key, _lock: None })
    }

    /// Opens a target to write, and makes it where there is none; one writer at a time.
    pub fn open_or_make(dir: &Path, lock: &Lock<'_>) -> Result<Target, BackupError> {
        for dir in [dir.to_owned(), dir.join(CHUNKS), dir.join(LISTS)] {
            fs::create_dir_all(&dir).map_err(io(&dir))?;
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).map_err(io(&dir))?;
        }
        if !Target::exists(dir) {
            let path = dir.join(KEY);
            let bytes = BackupKey::generate(&mut SystemEntropy).to_file(lock, &mut SystemEntropy)?;
            write_whole(&path, &bytes).map_err(io(&path))?;
        }
        Target::open(dir, lock)?.to_write()
    }

    /// Takes the target for writing.
    pub fn to_write(self) -> Result<Target, BackupError> {
        let path = self.dir.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Target { _lock: Some(file), ..self }),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy(self.dir.display().to_string())),
            Err(TryLockError::Error(e)) => Err(io(&path)(e)),
        }
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Draws a name for a backup of this moment.
    pub(super) fn name(at: UnixMs) -> String {
        let mut draw = [0; 4];
        SystemEntropy.fill(&mut draw);
        let time: String = at.to_string().split('.').next().unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        format!("{}Z-{}", time.trim_end_matches('Z'), base::hex::encode(&draw))
    }

    fn chunk_path(&self, name: &Digest) -> PathBuf {
        let name = name.to_string();
        self.dir.join(CHUNKS).join(&name[..2]).join(name)
    }

    /// Tells whether a chunk of this many bytes is stored; its content is not looked at.
    pub(super) fn has(&self, name: &Digest, bytes: usize) -> bool {
        fs::metadata(self.chunk_path(name)).is_ok_and(|m| m.len() == (bytes + BACKUP_OVERHEAD_BYTES) as u64)
    }

    /// Writes a chunk beside its place; [`Target::keep`] gives it its name.
    pub(super) fn put(&self, name: &Digest, content: &[u8]) -> Result<u64, BackupError> {
        let path = self.chunk_path(name);
        let dir = path.parent().expect("chunks lie in folders");
        fs::create_dir_all(dir).map_err(io(dir))?;
        let sealed = self.key.seal_chunk(name, content);
        let part = path.with_extension("part");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&part).map_err(io(&part))?;
        file.write_all(&sealed).map_err(io(&part))?;
        Ok(sealed.len() as u64)
    }

    /// Makes chunks durable and gives them their names, then makes the names durable.
    pub(super) fn keep(&self, names: &[Digest]) -> Result<(), BackupError> {
        let mut folders = std::collections::BTreeSet::new();
        for name in names {
            let path = self.chunk_path(name);
            let part = path.with_extension("part");
            File::open(&part).and_then(|f| f.sync_data()).map_err(io(&part))?;
            fs::rename(&part, &path).map_err(io(&path))?;
            folders.extend(path.parent().map(Path::to_owned));
        }
        folders.insert(self.dir.join(CHUNKS));
        folders.iter().try_for_each(|dir| File::open(dir).and_then(|d| d.sync_all()).map_err(io(dir)))
    }

    /// Reads a chunk and holds it against its name; none where it is gone or damaged.
    pub(super) fn get(&self, name: &Digest) -> Result<Option<Vec<u8>>, BackupError> {
        let path = self.chunk_path(name);
        match fs::read(&path) {
            Ok(sealed) => Ok(self.key.open_chunk(name, sealed).ok()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io(&path)(e)),
        }
    }

    /// Tells whether there is a file for a chunk, whatever is in it.
    pub(super) fn is_there(&self, name: &Digest) -> bool {
        self.chunk_path(name).exists()
    }

    /// Removes a chunk; returns its bytes.
    pub(super) fn drop_chunk(&self, name: &str) -> Result<u64, BackupError> {
        let path = self.dir.join(CHUNKS).join(&name[..2]).join(name);
        let bytes = fs::metadata(&path).map_or(0, |m| m.len());
        fs::remove_file(&path).map_err(io(&path))?;
        Ok(bytes)
    }

    /// Lists the names of all files among the chunks, those of interrupted backups too.
    pub(super) fn chunk_names(&self) -> Result<Vec<String>, BackupError> {
        let root = self.dir.join(CHUNKS);
        let mut out = Vec::new();
        for folder in fs::read_dir(&root).map_err(io(&root))? {
            let folder = folder.map_err(io(&root))?.path();
            for file in fs::read_dir(&folder).map_err(io(&folder))? {
                out.push(file.map_err(io(&folder))?.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(out)
    }

    fn list_path(&self, id: &str, end: &str) -> PathBuf {
        self.dir.join(LISTS).join(format!("{id}.{end}"))
    }

    /// Writes a backup's list: from here on it is one.
    pub(super) fn put_list(&self, snapshot: &Snapshot) -> Result<(), BackupError> {
        let bytes = serde_json::to_vec(snapshot).expect("plain data has a JSON form");
        let path = self.list_path(&snapshot.id, LIST_END);
        write_whole(&path, &self.key.seal_list(&snapshot.id, &bytes)).map_err(io(&path))
    }

    /// Returns all backups, the oldest first, and the names of those whose list does not open.
    pub fn lists(&self) -> Result<(Vec<Listed>, Vec<String>), BackupError> {
        let root = self.dir.join(LISTS);
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for file in fs::read_dir(&root).map_err(io(&root))? {
            let name = file.map_err(io(&root))?.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(&format!(".{LIST_END}")) else { continue };
            match self.list(id)? {
                Some(snapshot) => good.push(Listed { verified: self.checked(id).unwrap_or(snapshot.at), snapshot }),
                None => bad.push(id.to_owned()),
            }
        }
        good.sort_by(|a, b| (a.snapshot.at, &a.snapshot.id).cmp(&(b.snapshot.at, &b.snapshot.id)));
        bad.sort();
        Ok((good, bad))
    }

    fn list(&self, id: &str) -> Result<Option<Snapshot>, BackupError> {
        let path = self.list_path(id, LIST_END);
        let bytes = fs::metadata(&path).map_err(io(&path))?.len();
        if bytes > LIST_BYTES_MAX {
            return Ok(None);
        }
        let sealed = fs::read(&path).map_err(io(&path))?;
        let Ok(plain) = self.key.open_list(id, sealed) else { return Ok(None) };
        let snapshot: Option<Snapshot> = serde_json::from_slice(&plain).ok();
        match snapshot {
            Some(s) if s.version > VERSION => {
                Err(BackupError::Asked(format!("backup {id} has version {}, and this program knows up to {VERSION}; use the newer program", s.version)))
            }
            other => Ok(other.filter(|s| s.id == id)),
        }
    }

    /// Finds a backup: by its name or the beginning of it, or the newest that is not younger than a time; the newest of all without.
    pub fn find(&self, at: Option<&str>) -> Result<Listed, BackupError> {
        let (mut all, bad) = self.lists()?;
        let none = |what: String| {
            BackupError::Asked(format!(
                "there is no backup {what} in {}{}; entente backup list shows them",
                self.dir.display(),
                if bad.is_empty() { String::new() } else { format!(" ({} whose list is damaged)", bad.len()) }
            ))
        };
        let Some(at) = at else { return all.pop().ok_or_else(|| none("at all".to_owned())) };
        if let Ok(time) = at.parse::<base::Instant>() {
            return all.into_iter().rev().find(|l| l.snapshot.at <= time.at).ok_or_else(|| none(format!("as old as {at}")));
        }
        let mut found = all.into_iter().filter(|l| l.snapshot.id.starts_with(at));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(none(format!("'{at}'"))),
            (Some(_), Some(_)) => Err(BackupError::Asked(format!("several backups begin with '{at}'; write more of the name"))),
        }
    }

    /// Removes a backup's list; its chunks stay until nobody names them.
    pub(super) fn drop_list(&self, id: &str) -> Result<(), BackupError> {
        for end in [CHECKED_END, CLAIMED_END, LIST_END] {
            let path = self.list_path(id, end);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(&path)(e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes that a backup was found whole at a time.
    pub(super) fn note_checked(&self, id: &str, at: UnixMs) -> Result<(), BackupError> {
        let path = self.list_path(id, CHECKED_END);
        write_whole(&path, &self.key.seal_list(&format!("{id}.{CHECKED_END}"), at.0.to_string().as_bytes())).map_err(io(&path))
    }

    fn checked(&self, id: &str) -> Option<UnixMs> {
        let sealed = fs::read(self.list_path(id, CHECKED_END)).ok()?;
        let plain = self.key.open_list(&format!("{id}.{CHECKED_END}"), sealed).ok()?;
        String::from_utf8(plain).ok()?.parse().ok().map(UnixMs)
    }

    /// Claims the last backup before a move for one restoration without a fence; false if somebody did before.
    pub(super) fn claim(&self, id: &str) -> Result<bool, BackupError> {
        let path = self.list_path(id, CLAIMED_END);
        match OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path) {
            Ok(file) => file.sync_all().map(|()| true).map_err(io(&path)),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(io(&path)(e)),
        }
    }
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}
