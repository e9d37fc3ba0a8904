//! A copy of the whole store at one moment, taken beside whoever writes, and reading a copy's ledger without its keys.

use super::{BUSY_WAIT, Keys, NoEntropy, Sqlite, disk, reader, refuse_newer, version};
use crate::{StoreError, sql};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use seal::rest::{ItemKey, StorageKey};
use std::path::Path;
use std::time::Duration;

/// Pages that one step copies before `progress` is told; all steps see one moment.
const STEP_PAGES: i32 = 4096;
/// How long a step waits for another process that holds the file for a moment, and how often.
const STEP_WAIT: (Duration, u32) = (Duration::from_millis(50), 200);

impl Sqlite {
    /// Copies the store in `path` to a new file, as it stood when the copying began, also while a node writes it.
    ///
    /// Page by page in the file's own order (SQLite's online backup), so that two copies differ only where the store did. The copy
    /// holds what the store holds: bodies and documents sealed, signed heads open; it belongs into a place as well guarded. It is
    /// not synced: whoever keeps it does that. `progress` hears how many pages of how many are done.
    pub fn snapshot(path: &Path, copy: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let source = reader(path)?;
        refuse_newer(version(&source)?, sql::MIGRATIONS)?;
        // Held over all steps: what is committed meanwhile does not make the copying begin again.
        let moment = source.unchecked_transaction()?;
        moment.query_row(sql::VERSION_READ, [], |_| Ok(()))?;
        if copy.exists() {
            return Err(StoreError::Io(format!("{} is there already", copy.display())));
        }
        std::fs::File::options().write(true).create_new(true).open(copy).map_err(disk)?;
        let mut target = Connection::open(copy)?;
        target.busy_timeout(BUSY_WAIT)?;
        target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        {
            let backup = Backup::new(&moment, &mut target)?;
            let mut waits = 0;
            loop {
                match backup.step(STEP_PAGES)? {
                    StepResult::Done => break,
                    StepResult::More => {
                        let at = backup.progress();
                        progress((at.pagecount - at.remaining) as u64, at.pagecount as u64);
                    }
                    _ if waits == STEP_WAIT.1 => return Err(StoreError::Locked),
                    _ => {
                        waits += 1;
                        std::thread::park_timeout(STEP_WAIT.0);
                    }
                }
            }
        }
        target.close().map_err(|(_, e)| e)?;
        Ok(())
    }

    /// Opens a store to read nothing but its ledger, for which no key is needed: entries, hashes, root.
    ///
    /// Contents, documents and the log do not open here.
    pub fn inspect_ledger(path: &Path) -> Result<Sqlite, StoreError> {
        let conn = reader(path)?;
        conn.execute_batch("PRAGMA query_only = ON")?;
        refuse_newer(version(&conn)?, sql::MIGRATIONS)?;
        let mut nobody = Nobody;
        let keys = Keys { storage: StorageKey::generate(&mut nobody), house: ItemKey::generate(&mut nobody) };
        let store = Self::start(conn, Some(path), keys, Box::new(NoEntropy), None)?;
        Ok(Sqlite { read_only: true, ..store })
    }

    /// Reads the whole file as SQLite sees it: pages, trees, indexes. Refuses as corrupt what it cannot account for.
    pub fn check_file(path: &Path) -> Result<(), StoreError> {
        let conn = reader(path)?;
        let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if said == "ok" { Ok(()) } else { Err(StoreError::Corrupt(said)) }
    }
}

/// The key of nobody: nothing was ever sealed with it.
struct Nobody;

impl base::Entropy for Nobody {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}
