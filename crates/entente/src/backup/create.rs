//! Makes a backup: 1 a copy of the store at one moment, 2 every file in chunks, of which only new ones are written, 3 all of the store
//! and everything new is read back and checked, 4 only then the list is written.

use super::target::{LastBackup, Listed, Snapshot, Stored, Target};
use super::verify::check_store;
use super::{BESIDE_STORE, BackupError, NOTE, PART, STORE, Scratch, io};
use base::{Digest, ServiceId, UnixMs};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use store::{LedgerState, Sqlite};

/// Bytes of a chunk of the store: sixteen pages, so that few changed pages cost little and a large store makes no millions of files.
const STORE_CHUNK_BYTES: usize = 64 * 1024;
/// Bytes of a chunk of any other file.
const FILE_CHUNK_BYTES: usize = 1024 * 1024;
/// Files of this size and more are not read again while name, length and time of change are as they were.
const TRUSTED_BYTES_MIN: u64 = 1024 * 1024;
/// Files that one backup takes.
const FILES_MAX: usize = 1_000_000;

/// What to back up.
#[derive(Debug, Clone)]
pub struct Order {
    /// The node's directory.
    pub dir: PathBuf,
    /// The moment.
    pub now: UnixMs,
    /// Whether the node moves and signs nothing here any more.
    pub moved: bool,
}

/// What a backup did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Created {
    /// Its name.
    pub id: String,
    /// Files in it.
    pub files: usize,
    /// Bytes in it, before sealing.
    pub bytes: u64,
    /// Chunks that were new.
    pub new_chunks: usize,
    /// Bytes that were written to the target.
    pub new_bytes: u64,
    /// Chunks of earlier backups that were damaged and were written anew.
    pub healed: usize,
    /// Entries of the ledger.
    pub ledger_size: u64,
    /// Its root.
    pub ledger_root: Digest,
}

/// Makes a backup and notes in the node's directory what became of it. `progress` hears bytes read of bytes known so far.
pub fn create(target: &Target, order: &Order, progress: &mut dyn FnMut(u64, u64)) -> Result<Created, BackupError> {
    let made = make(target, order, progress);
    match &made {
        Ok(m) => {
            LastBackup { made: Some((m.id.clone(), order.now, target.dir().display().to_string())), failed: None, tried: LastBackup::read(&order.dir).tried }
                .write(&order.dir)
        }
        Err(e) => failed(&order.dir, e, order.now),
    }
    made
}

/// Notes in a node's directory that a backup could not even begin.
pub fn failed(dir: &Path, e: &BackupError, at: UnixMs) {
    LastBackup { failed: Some((at, e.code().to_owned(), e.to_string())), ..LastBackup::read(dir) }.write(dir);
}

/// Notes that backups were put together and checked, and whether they held; a directory without a node keeps no note.
pub fn tried(dir: &Path, held: bool, at: UnixMs) {
    if dir.join(STORE).is_file() {
        LastBackup { tried: Some((at, held)), ..LastBackup::read(dir) }.write(dir);
    }
}

/// Returns what a node's directory says of its last backups.
pub fn last(dir: &Path) -> LastBackup {
    LastBackup::read(dir)
}

fn make(target: &Target, order: &Order, progress: &mut dyn FnMut(u64, u64)) -> Result<Created, BackupError> {
    let dir = &order.dir;
    if !dir.join(STORE).is_file() {
        return Err(BackupError::Asked(format!("{} holds no node; name its directory with --dir", dir.display())));
    }
    let (home, place) = (fs::canonicalize(dir).map_err(io(dir))?, fs::canonicalize(target.dir()).map_err(io(target.dir()))?);
    if place.starts_with(&home) || home.starts_with(&place) {
        return Err(BackupError::Asked("the backups cannot lie in the node's own directory, nor it in theirs: the disk that is lost takes both".to_owned()));
    }
    let copy = Scratch::new(dir, "store");
    Sqlite::snapshot(&dir.join(STORE), &copy.0, &mut |_, _| ())?;
    fs::set_permissions(&copy.0, fs::Permissions::from_mode(0o600)).map_err(io(&copy.0))?;
    let service = owner_of(&copy.0)?;
    let (lists, _) = target.lists()?;
    if let Some(other) = lists.iter().find(|l| l.snapshot.service != service) {
        return Err(BackupError::Asked(format!(
            "{} holds backups of service {}; each service has a place of its own",
            place.display(),
            other.snapshot.service
        )));
    }
    let mut work = Work { target, known: known(&lists), new: BTreeSet::new(), new_bytes: 0, read: 0, progress };
    let mut files = vec![work.store(&copy.0, &dir.join(STORE))?];
    // After the store: what it names by content is there by now.
    for (name, path) in listing(dir)? {
        files.extend(work.file(name, &path)?);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let (new, new_bytes) = (std::mem::take(&mut work.new), work.new_bytes);
    target.keep(&new.iter().copied().collect::<Vec<_>>())?;
    let (state, healed) = read_back(target, dir, &copy.0, &files, &new, service)?;
    let id = Target::name(order.now);
    let bytes = files.iter().map(|f| f.bytes).sum();
    let created =
        Created { id: id.clone(), files: files.len(), bytes, new_chunks: new.len(), new_bytes, healed, ledger_size: state.size, ledger_root: state.root };
    target.put_list(&Snapshot {
        version: 1,
        id,
        service,
        at: order.now,
        moved: order.moved,
        ledger_size: state.size,
        ledger_root: state.root,
        new_bytes,
        files,
    })?;
    Ok(created)
}

fn owner_of(store: &Path) -> Result<ServiceId, BackupError> {
    crate::audit::owner(&Sqlite::inspect_ledger(store)?).ok_or_else(|| BackupError::Unsound("its ledger does not begin with a card".to_owned()))
}

/// Large files of the newest backup, by name, length and time of change.
fn known(lists: &[Listed]) -> BTreeMap<(String, u64, i64), Stored> {
    let newest = lists.last().into_iter().flat_map(|l| &l.snapshot.files);
    newest.filter(|f| f.name != STORE && f.bytes >= TRUSTED_BYTES_MIN).map(|f| ((f.name.clone(), f.bytes, f.changed), f.clone())).collect()
}

/// Lists every file below the node's directory that belongs into a backup: all but the store, which is copied, and what is of the moment.
fn listing(dir: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut out = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io(&folder))? {
            let entry = entry.map_err(io(&folder))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(io(&folder))?);
            let name = path.strip_prefix(dir).expect("below it").to_string_lossy().into_owned();
            let passing = name == STORE || name == NOTE || name.ends_with(PART.1) || name.starts_with(PART.0) || BESIDE_STORE.contains(&name.as_str());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && !passing {
                out.push((name, path));
            }
        }
        if out.len() > FILES_MAX {
            return Err(BackupError::Asked(format!("the node's directory holds more than {FILES_MAX} files; something that is no node's lies in it")));
        }
    }
    out.sort();
    Ok(out)
}

struct Work<'a> {
    target: &'a Target,
    known: BTreeMap<(String, u64, i64), Stored>,
    /// Chunks written now.
    new: BTreeSet<Digest>,
    new_bytes: u64,
    read: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Work<'_> {
    fn store(&mut self, copy: &Path, original: &Path) -> Result<Stored, BackupError> {
        let (mode, changed) = (0o600, changed(&fs::metadata(original).map_err(io(original))?));
        self.chunks(STORE.to_owned(), copy, mode, changed, STORE_CHUNK_BYTES)
    }

    /// Takes one file; none if it went away since it was listed.
    fn file(&mut self, name: String, path: &Path) -> Result<Option<Stored>, BackupError> {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io(path)(e)),
        };
        let (mode, changed) = (meta.permissions().mode() & 0o777, changed(&meta));
        let before = self.known.get(&(name.clone(), meta.len(), changed));
        if let Some(stored) = before.filter(|s| s.chunks.iter().enumerate().all(|(n, c)| self.target.has(c, chunk_len(s, n)))) {
            return Ok(Some(Stored { mode, ..stored.clone() }));
        }
        match self.chunks(name, path, mode, changed, FILE_CHUNK_BYTES) {
            Err(BackupError::Io(_, e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    fn chunks(&mut self, name: String, path: &Path, mode: u32, changed: i64, chunk_bytes: usize) -> Result<Stored, BackupError> {
        let mut file = File::open(path).map_err(io(path))?;
        let of = file.metadata().map_err(io(path))?.len();
        let (mut chunks, mut bytes) = (Vec::new(), 0u64);
        loop {
            let mut content = Vec::with_capacity(chunk_bytes);
            (&mut file).take(chunk_bytes as u64).read_to_end(&mut content).map_err(io(path))?;
            if content.is_empty() {
                break;
            }
            let chunk = self.target.key.name(&content);
            if !self.new.contains(&chunk) && !self.target.has(&chunk, content.len()) {
                self.new_bytes += self.target.put(&chunk, &content)?;
                self.new.insert(chunk);
            }
            bytes += content.len() as u64;
            self.read += content.len() as u64;
            (self.progress)(bytes, of);
            chunks.push(chunk);
        }
        Ok(Stored { name, mode, bytes, changed, chunk_bytes: chunk_bytes as u64, chunks })
    }
}

/// Returns the length of a file's chunk.
fn chunk_len(file: &Stored, n: usize) -> usize {
    let from = n as u64 * file.chunk_bytes;
    file.chunk_bytes.min(file.bytes.saturating_sub(from)) as usize
}

fn changed(meta: &fs::Metadata) -> i64 {
    meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Reads back all of the store and every new chunk; what an earlier backup left damaged is written anew from what is at hand.
fn read_back(
    target: &Target,
    dir: &Path,
    copy: &Path,
    files: &[Stored],
    new: &BTreeSet<Digest>,
    service: ServiceId,
) -> Result<(LedgerState, usize), BackupError> {
    let mut healed = 0;
    let again = Scratch::new(dir, "read-back");
    for file in files {
        let store = file.name == STORE;
        let source = if store { copy.to_owned() } else { dir.join(&file.name) };
        let mut out = if store { Some(File::options().create_new(true).write(true).open(&again.0).map_err(io(&again.0))?) } else { None };
        for (n, chunk) in file.chunks.iter().enumerate().filter(|(_, c)| store || new.contains(*c)) {
            let content = match target.get(chunk)? {
                Some(content) => content,
                None => {
                    let content = slice(&source, n as u64 * file.chunk_bytes, chunk_len(file, n))?;
                    if target.key.name(&content) != *chunk {
                        return Err(BackupError::Damaged(format!(
                            "a part of {} was damaged on the way to {}; check that medium",
                            file.name,
                            target.dir().display()
                        )));
                    }
                    target.put(chunk, &content)?;
                    target.keep(&[*chunk])?;
                    healed += 1;
                    target.get(chunk)?.ok_or_else(|| {
                        BackupError::Damaged(format!("{} does not give back what was just written to it; take another medium", target.dir().display()))
                    })?
                }
            };
            if let Some(out) = &mut out {
                std::io::Write::write_all(out, &content).map_err(io(&again.0))?;
            }
        }
    }
    Ok((check_store(&again.0, service)?, healed))
}

fn slice(path: &Path, from: u64, bytes: usize) -> Result<Vec<u8>, BackupError> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(path).map_err(io(path))?;
    file.seek(SeekFrom::Start(from)).map_err(io(path))?;
    let mut out = Vec::with_capacity(bytes);
    file.take(bytes as u64).read_to_end(&mut out).map_err(io(path))?;
    Ok(out)
}
