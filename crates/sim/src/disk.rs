//! The disk: SQLite's own files in memory, with a clear line between what was written and what was synced.
//!
//! SQLite writes through a file system of ours. Every write, truncation, deletion and sync counts as one operation; a strike lets
//! one of them fail, or ends the program there, with the write torn at any byte. After a crash the disk keeps what was synced
//! and, drawn by chance, any part of what was not: nothing, all, a prefix, or any sectors of any writes.

use crate::rng::Rng;
use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenOptions, Vfs, WalDisabled};
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::Folder;

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What strikes an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// A write fails: the medium.
    WriteFails,
    /// A write finds no room.
    Full,
    /// A sync fails; what it should have synced may never reach the medium.
    SyncFails,
    /// The power goes in the middle of an operation.
    Crash,
    /// The power goes at a sync: everything of the transaction is written and nothing is durable.
    CrashAtSync,
}

/// One node's disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    armed: Option<(Strike, u64)>,
    operations: u64,
    struck: bool,
    dead: bool,
    torn: u64,
}

#[derive(Default, Clone)]
struct File {
    live: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Change>,
    /// Whether a sync of it failed, so that its pending changes are lost with the next crash.
    poisoned: usize,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// What a crash leaves of the operations that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// Nothing of them.
    None,
    /// All of them.
    All,
    /// A prefix of them, the last one torn.
    Prefix,
    /// Any sectors of any of them.
    Sectors,
}

impl Aftermath {
    /// All kinds.
    pub const ALL: [Aftermath; 4] = [Aftermath::None, Aftermath::All, Aftermath::Prefix, Aftermath::Sectors];
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets something strike after so many more operations.
    pub fn arm(&self, strike: Strike, after: u64, torn: u64) {
        let mut s = self.state();
        (s.armed, s.struck, s.torn) = (Some((strike, after)), false, torn);
    }

    /// Takes the strike back; tells whether it struck.
    pub fn disarm(&self) -> bool {
        let mut s = self.state();
        s.armed = None;
        std::mem::take(&mut s.struck)
    }

    /// Tells whether the power is gone.
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Counts the operations since the disk was new.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Takes the power away between two operations.
    pub fn cut_power(&self) {
        self.state().dead = true;
    }

    /// Tells whether a write-ahead log holds bytes that were written and that no sync was asked for.
    ///
    /// What a failed sync left behind is of a transaction that was taken back: SQLite does not read it, and writes over it.
    pub fn has_unsynced_log(&self) -> bool {
        let unsynced = |f: &File| f.pending.iter().skip(f.poisoned).any(|c| matches!(c, Change::Write(..)));
        self.state().files.iter().any(|(name, f)| name.ends_with("-wal") && unsynced(f))
    }

    /// Gives the power back; what was not synced is there as the aftermath says.
    pub fn reboot(&self, aftermath: Aftermath, rng: &mut Rng) {
        let mut s = self.state();
        (s.dead, s.armed, s.struck) = (false, None, false);
        for file in s.files.values_mut() {
            let pending = std::mem::take(&mut file.pending);
            let lost = std::mem::take(&mut file.poisoned).min(pending.len());
            let pending = &pending[lost..];
            let kept = if aftermath == Aftermath::Prefix { rng.below(pending.len() + 1) } else { pending.len() };
            for (n, change) in pending.iter().enumerate() {
                match (aftermath, change) {
                    (Aftermath::None, _) => {}
                    (Aftermath::Prefix, Change::Write(at, data)) if n == kept => {
                        apply(&mut file.synced, &Change::Write(*at, data[..rng.below(data.len())].to_vec()))
                    }
                    (Aftermath::Prefix, _) if n >= kept => {}
                    (Aftermath::Sectors, Change::Write(at, data)) => {
                        let mut from = 0;
                        while from < data.len() {
                            let to = data.len().min(from + SECTOR - (at + from) % SECTOR);
                            if rng.chance(1, 2) {
                                apply(&mut file.synced, &Change::Write(at + from, data[from..to].to_vec()));
                            }
                            from = to;
                        }
                    }
                    (Aftermath::Sectors, change) => {
                        if rng.chance(1, 2) {
                            apply(&mut file.synced, change);
                        }
                    }
                    (_, change) => apply(&mut file.synced, change),
                }
            }
            file.live = file.synced.clone();
        }
    }

    /// Returns a copy, under another name, of the disk as a power cut that loses all that was not synced would leave it.
    pub fn synced_copy_as(&self, name: &str, other: &str) -> Disk {
        let s = self.state();
        let renamed = |n: &String| n.replacen(name, other, 1);
        let files = s.files.iter().map(|(n, f)| (renamed(n), File { live: f.synced.clone(), synced: f.synced.clone(), ..File::default() })).collect();
        Disk(Arc::new(Mutex::new(State { files, ..State::default() })))
    }

    /// Tells whether any file holds some bytes.
    pub fn contains(&self, needle: &[u8]) -> bool {
        self.state().files.values().any(|f| f.live.windows(needle.len()).any(|w| w == needle))
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, data) => {
            let end = at + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(data);
        }
        Change::Length(n) => bytes.resize(*n, 0),
    }
}

impl State {
    /// Counts an operation; says what strikes it.
    fn operation(&mut self, is_sync: bool) -> Result<Option<Strike>, Error> {
        self.alive()?;
        self.operations += 1;
        let Some((strike, after)) = &mut self.armed else { return Ok(None) };
        let fits = match strike {
            Strike::WriteFails | Strike::Full => !is_sync,
            Strike::SyncFails | Strike::CrashAtSync => is_sync,
            Strike::Crash => true,
        };
        if !fits {
            return Ok(None);
        }
        if *after > 0 {
            *after -= 1;
            return Ok(None);
        }
        let strike = *strike;
        (self.armed, self.struck) = (None, true);
        Ok(Some(strike))
    }

    /// Ends an operation that writes no bytes as its strike says.
    fn struck_by(&mut self, strike: Strike) -> Result<(), Error> {
        match strike {
            Strike::Crash | Strike::CrashAtSync => {
                self.dead = true;
                Err(gone())
            }
            Strike::Full => Err(ErrorKind::StorageFull.into()),
            _ => Err(Error::other("the medium does not take it")),
        }
    }

    fn alive(&self) -> Result<(), Error> {
        if self.dead { Err(gone()) } else { Ok(()) }
    }

    fn change(&mut self, name: &str, change: Change) -> Result<(), Error> {
        let strike = self.operation(false)?;
        let torn = self.torn;
        let file = self.files.get_mut(name).ok_or(ErrorKind::NotFound)?;
        let mut put = |change: Change| {
            apply(&mut file.live, &change);
            file.pending.push(change);
        };
        match (strike, change) {
            (None, change) => put(change),
            (Some(Strike::WriteFails), _) => return Err(Error::other("the medium does not take it")),
            (Some(Strike::Full), _) => return Err(ErrorKind::WriteZero.into()),
            (Some(_), change) => {
                if let Change::Write(at, mut data) = change {
                    data.truncate((torn % (data.len() as u64 + 1)) as usize);
                    put(Change::Write(at, data));
                }
                self.dead = true;
                return Err(gone());
            }
        }
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), Error> {
        let strike = self.operation(true)?;
        let file = self.files.get_mut(name).ok_or(ErrorKind::NotFound)?;
        match strike {
            None => {
                for change in file.pending.drain(..).skip(std::mem::take(&mut file.poisoned)) {
                    apply(&mut file.synced, &change);
                }
                Ok(())
            }
            Some(Strike::SyncFails) => {
                file.poisoned = file.pending.len();
                Err(Error::other("the medium does not confirm"))
            }
            Some(_) => {
                self.dead = true;
                Err(gone())
            }
        }
    }
}

/// A folder on a disk, for what does not go through SQLite: the shelves of exhibits.
pub struct Shelves {
    disk: Disk,
    prefix: String,
}

impl Shelves {
    /// Opens the folder of a service.
    pub fn of(name: &str, disk: &Disk) -> Shelves {
        Shelves { disk: disk.clone(), prefix: format!("{name}/shelves/") }
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// SQLite reads "no room" in one way, a folder in another.
fn room(e: Error) -> Error {
    if e.kind() == ErrorKind::WriteZero { ErrorKind::StorageFull.into() } else { e }
}

impl Folder for Shelves {
    fn create(&self, name: &str) -> Result<(), Error> {
        let (mut s, path) = (self.disk.state(), self.path(name));
        s.operation(false)?.map_or(Ok(()), |strike| s.struck_by(strike))?;
        match s.files.contains_key(&path) {
            true => Err(ErrorKind::AlreadyExists.into()),
            false => {
                s.files.insert(path, File::default());
                Ok(())
            }
        }
    }

    fn write_at(&self, name: &str, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let at = usize::try_from(at).map_err(|_| ErrorKind::InvalidInput)?;
        self.disk.state().change(&self.path(name), Change::Write(at, bytes.to_vec())).map_err(room)
    }

    fn sync(&self, name: &str) -> Result<(), Error> {
        self.disk.state().sync(&self.path(name))
    }

    fn read_at(&self, name: &str, at: u64, out: &mut [u8]) -> Result<usize, Error> {
        let s = self.disk.state();
        s.alive()?;
        let file = s.files.get(&self.path(name)).ok_or(ErrorKind::NotFound)?;
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(file.live.len());
        let length = out.len().min(file.live.len() - from);
        out[..length].copy_from_slice(&file.live[from..from + length]);
        Ok(length)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let (mut s, path) = (self.disk.state(), self.path(name));
        s.operation(false)?.map_or(Ok(()), |strike| s.struck_by(strike))?;
        s.files.remove(&path);
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let s = self.disk.state();
        s.alive()?;
        Ok(s.files.keys().filter_map(|n| n.strip_prefix(&self.prefix)).map(str::to_owned).collect())
    }

    fn free(&self) -> Result<u64, Error> {
        self.disk.state().alive().map(|()| 1 << 40)
    }
}

fn gone() -> Error {
    Error::other("the power is gone")
}

/// The rooms of all disks, by the first part of a path.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<BTreeMap<String, Disk>>>);

/// A file that SQLite has open.
struct Open {
    disk: Disk,
    name: String,
    lock: LockKind,
}

thread_local! {
    /// One file system for each thread: the binding counts its files without a lock.
    static HERE: (String, Rooms) = {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (name, rooms) = (format!("entente-sim-{}", COUNT.fetch_add(1, Ordering::Relaxed)), Rooms::default());
        sqlite_vfs::register(&name, rooms.clone(), false).expect("SQLite takes a file system");
        (name, rooms)
    };
}

/// Mounts a disk under a name on this thread; returns the name of the file system on which it lies.
pub fn mount(name: &str, disk: &Disk) -> String {
    HERE.with(|(vfs, rooms)| {
        rooms.all().insert(name.to_owned(), disk.clone());
        vfs.clone()
    })
}

/// Takes a disk away again.
pub fn unmount(name: &str) {
    HERE.with(|(_, rooms)| rooms.all().remove(name));
}

impl Rooms {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Disk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self, path: &str) -> Result<Disk, Error> {
        self.all().get(path.split('/').next().unwrap_or_default()).cloned().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Vfs for Rooms {
    type Handle = Open;

    fn open(&self, path: &str, opts: OpenOptions) -> Result<Open, Error> {
        let disk = self.disk(path)?;
        let mut s = disk.state();
        s.alive()?;
        let there = s.files.contains_key(path);
        match (opts.access, there) {
            (OpenAccess::Create | OpenAccess::CreateNew, false) => drop(s.files.insert(path.to_owned(), File::default())),
            (OpenAccess::CreateNew, true) => return Err(ErrorKind::AlreadyExists.into()),
            (_, false) => return Err(ErrorKind::NotFound.into()),
            (_, true) => {}
        }
        drop(s);
        Ok(Open { disk, name: path.to_owned(), lock: LockKind::None })
    }

    fn delete(&self, path: &str) -> Result<(), Error> {
        let disk = self.disk(path)?;
        let mut s = disk.state();
        if !s.files.contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        match s.operation(false)? {
            None => {
                s.files.remove(path);
                Ok(())
            }
            Some(Strike::Crash | Strike::CrashAtSync) => {
                s.dead = true;
                Err(gone())
            }
            Some(_) => Err(Error::other("the medium does not take it")),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, Error> {
        let disk = self.disk(path)?;
        let s = disk.state();
        s.alive()?;
        Ok(s.files.contains_key(path))
    }

    fn temporary_name(&self) -> String {
        // SQLite is told to keep temporary things in memory.
        "nowhere/temporary".to_owned()
    }

    fn random(&self, buffer: &mut [i8]) {
        buffer.fill(0);
    }

    fn sleep(&self, duration: Duration) -> Duration {
        duration // nobody waits in a world without time
    }
}

impl DatabaseHandle for Open {
    type WalIndex = WalDisabled;

    fn size(&self) -> Result<u64, Error> {
        let s = self.disk.state();
        s.alive()?;
        s.files.get(&self.name).map(|f| f.live.len() as u64).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let s = self.disk.state();
        s.alive()?;
        let file = s.files.get(&self.name).ok_or(ErrorKind::NotFound)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(file.live.len());
        let n = buffer.len().min(file.live.len() - from);
        buffer[..n].copy_from_slice(&file.live[from..from + n]);
        if n < buffer.len() {
            // SQLite wants the rest as zeros.
            buffer[n..].fill(0);
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn write_all_at(&mut self, data: &[u8], offset: u64) -> Result<(), Error> {
        let at = usize::try_from(offset).map_err(|_| ErrorKind::InvalidInput)?;
        self.disk.state().change(&self.name, Change::Write(at, data.to_vec()))
    }

    fn sync(&mut self, _data_only: bool) -> Result<(), Error> {
        self.disk.state().sync(&self.name)
    }

    fn set_len(&mut self, size: u64) -> Result<(), Error> {
        let n = usize::try_from(size).map_err(|_| ErrorKind::InvalidInput)?;
        self.disk.state().change(&self.name, Change::Length(n))
    }

    fn lock(&mut self, lock: LockKind) -> Result<bool, Error> {
        self.lock = lock;
        Ok(true)
    }

    fn reserved(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    fn current_lock(&self) -> Result<LockKind, Error> {
        Ok(self.lock)
    }

    fn wal_index(&self, _readonly: bool) -> Result<WalDisabled, Error> {
        Ok(WalDisabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(disk: &Disk) -> Open {
        mount("t", disk);
        HERE.with(|(_, rooms)| rooms.disk("t/x")).unwrap().state().files.entry("t/x".to_owned()).or_default();
        Open { disk: disk.clone(), name: "t/x".to_owned(), lock: LockKind::None }
    }

    fn read(file: &mut Open, n: usize) -> Vec<u8> {
        let mut b = vec![0; n];
        let _ = file.read_exact_at(&mut b, 0);
        b
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_drops_the_rest() {
        let disk = Disk::default();
        let mut f = file(&disk);
        f.write_all_at(b"durable", 0).unwrap();
        f.sync(false).unwrap();
        f.write_all_at(b"DURABLE", 0).unwrap();
        assert_eq!(read(&mut f, 7), b"DURABLE");
        disk.cut_power();
        assert!(f.write_all_at(b"late", 0).is_err());
        disk.reboot(Aftermath::None, &mut Rng::new(1));
        assert_eq!(read(&mut f, 7), b"durable");
    }

    #[test]
    fn a_strike_hits_the_operation_that_it_was_armed_for() {
        let disk = Disk::default();
        let mut f = file(&disk);
        disk.arm(Strike::Full, 1, 0);
        f.write_all_at(b"a", 0).unwrap();
        f.sync(false).unwrap();
        assert_eq!(f.write_all_at(b"b", 1).unwrap_err().kind(), ErrorKind::WriteZero);
        assert!(disk.disarm());
        f.write_all_at(b"c", 1).unwrap();
        disk.arm(Strike::Crash, 0, 2);
        assert!(f.write_all_at(b"torn", 2).is_err() && disk.is_dead());
        disk.reboot(Aftermath::All, &mut Rng::new(1));
        assert_eq!(read(&mut f, 6), b"acto\0\0", "torn after two bytes");
    }

    #[test]
    fn what_a_failed_sync_should_have_kept_is_gone_after_a_crash() {
        let disk = Disk::default();
        let mut f = file(&disk);
        f.write_all_at(b"lost", 0).unwrap();
        disk.arm(Strike::SyncFails, 0, 0);
        assert!(f.sync(false).is_err());
        f.write_all_at(b"kept", 4).unwrap();
        f.sync(false).unwrap();
        assert_eq!(read(&mut f, 8), b"lostkept", "the program sees it as long as it runs");
        disk.cut_power();
        disk.reboot(Aftermath::All, &mut Rng::new(1));
        assert_eq!(read(&mut f, 8), b"\0\0\0\0kept");
    }
}
