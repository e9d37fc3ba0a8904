//! SQLite: one file in WAL mode, one writer, readers that do not wait for it.
//!
//! `synchronous=FULL` syncs the write-ahead log at each commit, so what was committed survives a power cut. A lock file keeps a
//! second process out; [`Sqlite::inspect`] reads beside a running one.

mod read;
mod snapshot;
mod write;

use crate::{LedgerState, StoreError, ledger, sql};
use base::{Digest, DossierId, Entropy, ItemId};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use seal::ledger::Frontier;
use seal::rest::{ItemKey, StorageKey};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a statement waits for another process before it is refused as locked.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// Reader connections kept open between reads.
const READERS_KEPT_MAX: usize = 8;
/// Pages of the write-ahead log after which it is copied into the file: 16 MiB, so that pages of random keys are written once.
const WAL_PAGES: u32 = 4096;
/// Memory for pages, in KiB, of the writer and of each reader.
const CACHE_KIB: (u32, u32) = (32 * 1024, 4 * 1024);
/// What makes a commit survive a power cut.
const DURABLE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

/// A store in one SQLite file.
pub struct Sqlite {
    // Dropped before the writer: the last connection to close moves the write-ahead log into the file, and only a writer can.
    readers: Option<Readers>,
    writer: Mutex<Writing>,
    /// The ledger as last committed.
    ledger: Mutex<LedgerState>,
    keys: Keys,
    commits: AtomicU64,
    read_only: bool,
    _lock: Option<File>,
}

/// What only the writer has.
struct Writing {
    conn: Connection,
    /// The ledger's end, or nothing after a failed transaction, when the disk must be asked again.
    tree: Option<Frontier>,
    entropy: Box<dyn Entropy>,
    /// Item keys in use, so that a run of acts on one item unwraps its key once.
    item_keys: write::ItemKeys,
    /// Whether erased pages still stand in the write-ahead log.
    residue: bool,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// The keys at rest.
struct Keys {
    storage: StorageKey,
    /// Seals local documents, the log and dossier summaries; itself wrapped in the file.
    house: ItemKey,
}

impl Sqlite {
    /// Opens the store in this file, makes it if there is none, and brings its schema up to date.
    ///
    /// `entropy` gives item keys and nonces. Refuses a second process, a newer schema and the wrong storage key.
    pub fn open(path: &Path, storage: StorageKey, entropy: Box<dyn Entropy>) -> Result<Sqlite, StoreError> {
        Self::open_at(path, storage, entropy).map_err(|e| ask_disk(path, e))
    }

    fn open_at(path: &Path, storage: StorageKey, mut entropy: Box<dyn Entropy>) -> Result<Sqlite, StoreError> {
        let lock = lock(path)?;
        let mut conn = Connection::open(path)?;
        conn.busy_timeout(BUSY_WAIT)?;
        conn.execute_batch(DURABLE)?;
        write_settings(&conn, WAL_PAGES)?;
        migrate(&mut conn, sql::MIGRATIONS)?;
        let house = house_key(&conn, &storage, Some(&mut *entropy))?;
        Self::start(conn, Some(path), Keys { storage, house }, entropy, Some(lock))
    }

    /// Opens the store on a file system of SQLite's own that was registered under a name, for simulations of a failing disk.
    ///
    /// There is one connection, which holds the file for itself, so that the file system needs neither locks nor shared memory;
    /// all else is as in [`Sqlite::open`]. `wal_pages` says when the write-ahead log is copied into the file.
    pub fn open_on(vfs: &str, path: &Path, wal_pages: u32, storage: StorageKey, mut entropy: Box<dyn Entropy>) -> Result<Sqlite, StoreError> {
        let mut conn = Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs)?;
        conn.execute_batch("PRAGMA locking_mode = EXCLUSIVE;")?;
        conn.execute_batch(DURABLE)?;
        write_settings(&conn, wal_pages)?;
        migrate(&mut conn, sql::MIGRATIONS)?;
        let house = house_key(&conn, &storage, Some(&mut *entropy))?;
        Self::start(conn, None, Keys { storage, house }, entropy, None)
    }

    /// Opens a store that lives as long as this value, for simulations and tests. Readers wait for the writer here.
    pub fn in_memory(storage: StorageKey, mut entropy: Box<dyn Entropy>) -> Result<Sqlite, StoreError> {
        let mut conn = Connection::open_in_memory()?;
        write_settings(&conn, WAL_PAGES)?;
        migrate(&mut conn, sql::MIGRATIONS)?;
        let house = house_key(&conn, &storage, Some(&mut *entropy))?;
        Self::start(conn, None, Keys { storage, house }, entropy, None)
    }

    /// Opens the store only to read, also beside a running node; writing is refused as `failure.store.read-only`.
    pub fn inspect(path: &Path, storage: StorageKey) -> Result<Sqlite, StoreError> {
        let conn = reader(path)?;
        conn.execute_batch("PRAGMA query_only = ON")?;
        refuse_newer(version(&conn)?, sql::MIGRATIONS)?;
        let house = house_key(&conn, &storage, None)?;
        let store = Self::start(conn, Some(path), Keys { storage, house }, Box::new(NoEntropy), None)?;
        Ok(Sqlite { read_only: true, ..store })
    }

    fn start(conn: Connection, path: Option<&Path>, keys: Keys, entropy: Box<dyn Entropy>, lock: Option<File>) -> Result<Sqlite, StoreError> {
        conn.set_prepared_statement_cache_capacity(64);
        let tree = read::tree(&conn)?;
        Ok(Sqlite {
            ledger: Mutex::new(ledger::state(&tree)),
            writer: Mutex::new(Writing { conn, tree: Some(tree), entropy, item_keys: write::ItemKeys::default(), residue: false }),
            readers: path.map(|path| Readers { path: path.to_owned(), idle: Mutex::default() }),
            keys,
            commits: AtomicU64::new(0),
            read_only: false,
            _lock: lock,
        })
    }

    /// Says better what an error of the disk is about, where there is a disk.
    fn explained(&self, e: StoreError) -> StoreError {
        match &self.readers {
            Some(readers) => ask_disk(&readers.path, e),
            None => e,
        }
    }

    /// Runs one read on a connection of its own, or on the writer's where there is but one.
    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let Some(readers) = &self.readers else { return f(&held(&self.writer).conn) };
        let idle = held(&readers.idle).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => reader(&readers.path).map_err(|e| self.explained(e))?,
        };
        let result = f(&conn);
        let mut idle = held(&readers.idle);
        if idle.len() < READERS_KEPT_MAX {
            idle.push(conn);
        }
        result
    }
}

/// Finds out what an error of the disk is really about: SQLite tells a full disk from others, and neither a disk that the
/// kernel turned read-only under an open file, nor want of descriptors. So the directory itself is asked, with a small file.
fn ask_disk(path: &Path, e: StoreError) -> StoreError {
    let StoreError::Io(text) = e else { return e };
    let mut name = path.as_os_str().to_owned();
    name.push(".probe");
    let tried = std::fs::write(&name, [0u8; 4096]).and_then(|()| File::open(&name)?.sync_all());
    let _ = std::fs::remove_file(&name); // it may not be there
    match tried.map_err(disk) {
        Ok(()) => StoreError::Io(text),
        Err(StoreError::Io(why)) => StoreError::Io(format!("{text}; {why}")),
        Err(known) => known,
    }
}

/// Locks, also after a panic elsewhere: what the lock guards is only changed once a transaction is committed.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name).map_err(disk)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
        Err(TryLockError::Error(e)) => Err(disk(e)),
    }
}

fn disk(e: std::io::Error) -> StoreError {
    use std::io::ErrorKind as K;
    match e.kind() {
        K::StorageFull | K::QuotaExceeded => StoreError::DiskFull,
        K::PermissionDenied | K::ReadOnlyFilesystem => StoreError::ReadOnly,
        _ => StoreError::Io(e.to_string()),
    }
}

fn write_settings(conn: &Connection, wal_pages: u32) -> Result<(), StoreError> {
    // secure_delete: what is erased is overwritten with zeros and not only forgotten.
    let settings = format!(
        "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {wal_pages}; PRAGMA cache_size = -{}",
        CACHE_KIB.0
    );
    Ok(conn.execute_batch(&settings)?)
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.execute_batch(&format!("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{}", CACHE_KIB.1))?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

fn version(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(sql::VERSION_READ, [], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0))
}

fn refuse_newer(found: i64, migrations: &[&str]) -> Result<(), StoreError> {
    let known = migrations.len() as i64;
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}

/// Takes the missing steps, each in a transaction of its own.
fn migrate(conn: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    conn.execute_batch(sql::VERSION_TABLE)?;
    let found = version(conn)?;
    refuse_newer(found, migrations)?;
    for (n, step) in migrations.iter().enumerate().skip(found as usize) {
        let tx = conn.transaction()?;
        tx.execute_batch(&step.replace("/* clustered */", "WITHOUT ROWID").replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"))?;
        tx.execute(sql::VERSION_PUT, [n as i64 + 1])?;
        tx.commit()?;
    }
    Ok(())
}

/// Reads the house key, or draws it for a new store; a storage key that is not this store's is found here.
fn house_key(conn: &Connection, storage: &StorageKey, entropy: Option<&mut dyn Entropy>) -> Result<ItemKey, StoreError> {
    let wrapped: Option<Vec<u8>> = conn.query_row(sql::HOUSE_KEY, [], |row| row.get(0)).optional()?;
    match (wrapped, entropy) {
        (Some(wrapped), _) => storage.unwrap(&wrapped, HOUSE_AAD).map_err(rest),
        (None, None) => Err(StoreError::Corrupt("this store was never started".to_owned())),
        (None, Some(entropy)) => {
            let key = ItemKey::generate(entropy);
            conn.execute(sql::HOUSE_KEY_PUT, [storage.wrap(&key, HOUSE_AAD)])?;
            Ok(key)
        }
    }
}

fn rest(e: seal::rest::RestFailure) -> StoreError {
    StoreError::Corrupt(e.to_string())
}

// Places to which keys and sealed bytes are tied.
const HOUSE_AAD: &[u8] = b"entente/store/house-key/1";

fn key_aad(dossier: &DossierId, item: &ItemId) -> Vec<u8> {
    [b"entente/store/item-key/1".as_slice(), dossier.bytes(), item.bytes()].concat()
}

fn body_aad(act: &Digest) -> Vec<u8> {
    [b"entente/store/body/1".as_slice(), act.bytes()].concat()
}

fn record_aad(kind: &str, id: &str) -> Vec<u8> {
    [b"entente/store/record/1".as_slice(), &(kind.len() as u64).to_be_bytes(), kind.as_bytes(), id.as_bytes()].concat()
}

fn log_aad(seq: i64, kind: &str) -> Vec<u8> {
    [b"entente/store/log/1".as_slice(), &seq.to_be_bytes(), kind.as_bytes()].concat()
}

fn summary_aad(dossier: &DossierId) -> Vec<u8> {
    [b"entente/store/summary/1".as_slice(), dossier.bytes()].concat()
}

fn sql_number(n: u64) -> Result<i64, StoreError> {
    i64::try_from(n).map_err(|_| StoreError::NumberTooLarge(n))
}

/// A store opened to read draws nothing.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) {
        unreachable!("a store opened to read seals nothing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Append, LogLine, RecordOp, Store};
    use seal::SystemEntropy;

    fn store(path: &Path) -> Sqlite {
        Sqlite::open(path, StorageKey::generate(&mut SystemEntropy), Box::new(SystemEntropy)).unwrap()
    }

    fn large() -> Append {
        Append { logs: vec![LogLine { kind: "large".to_owned(), data: vec![7; 100_000] }], ..Append::default() }
    }

    #[test]
    fn a_full_disk_keeps_nothing_of_the_transaction_and_goes_on_when_there_is_room() {
        let home = tempfile::tempdir().unwrap();
        let store = store(&home.path().join("node.db"));
        let pages = |n: i64| held(&store.writer).conn.query_row(&format!("PRAGMA max_page_count = {n}"), [], |row| row.get::<_, i64>(0)).unwrap();
        // SQLite's own limit stands for the end of the disk: it answers with the same SQLITE_FULL.
        let most = pages(1_000_000);
        assert_eq!(most, 1_000_000);
        pages(60);
        let small = || Append { records: vec![RecordOp::Put { kind: "k".to_owned(), id: "1".to_owned(), data: vec![] }], ..Append::default() };
        assert_eq!(store.append(vec![small(), large(), large()]), Err(StoreError::DiskFull));
        assert_eq!(store.record("k", "1"), Ok(None));
        pages(1_000_000);
        assert!(store.append(vec![small(), large()]).unwrap().iter().all(Result::is_ok));
        assert_eq!(store.log(None, None, 10).unwrap().len(), 1);
    }

    #[test]
    fn a_store_that_cannot_be_written_says_so() {
        let home = tempfile::tempdir().unwrap();
        let store = store(&home.path().join("node.db"));
        held(&store.writer).conn.execute_batch("PRAGMA query_only = ON").unwrap();
        assert_eq!(store.append(vec![large()]), Err(StoreError::ReadOnly));
        assert_eq!(store.wipe_projections(), Err(StoreError::ReadOnly));
        assert_eq!(disk(std::io::ErrorKind::ReadOnlyFilesystem.into()), StoreError::ReadOnly);
        assert_eq!(disk(std::io::ErrorKind::StorageFull.into()), StoreError::DiskFull);
    }

    #[test]
    fn the_disk_is_asked_for_durability() {
        let home = tempfile::tempdir().unwrap();
        let store = store(&home.path().join("node.db"));
        let conn = &held(&store.writer).conn;
        let pragma = |name: &str| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        for (name, value) in [("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)] {
            assert_eq!(pragma(name), value.into(), "{name}");
        }
    }

    #[test]
    fn migrations_go_forward_one_by_one_and_whole() {
        const ONE: &str = "CREATE TABLE a (id BIGINT PRIMARY KEY); INSERT INTO a (id) VALUES (7);";
        const TWO: &str = "CREATE TABLE b (id BIGINT PRIMARY KEY, word TEXT) /* clustered */; INSERT INTO b (id, word) SELECT id, 'kept' FROM a;";
        const BROKEN: &str = "CREATE TABLE c (id BIGINT PRIMARY KEY); INSERT INTO nowhere (id) VALUES (1);";
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &[ONE]).unwrap();
        migrate(&mut conn, &[ONE]).unwrap();
        assert!(migrate(&mut conn, &[ONE, TWO, BROKEN]).is_err());
        assert_eq!(version(&conn), Ok(2), "the broken step left nothing");
        assert!(conn.prepare("SELECT id FROM c").is_err());
        assert_eq!(conn.query_row("SELECT word FROM b WHERE id = 7", [], |row| row.get::<_, String>(0)).unwrap(), "kept");
        assert_eq!(migrate(&mut conn, &[ONE]), Err(StoreError::NewerSchema { found: 2, known: 1 }));
    }
}
