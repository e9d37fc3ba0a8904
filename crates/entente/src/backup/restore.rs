//! Restores a backup into a new directory: 1 every file out of its chunks, 2 the store is checked as when it was made, 3 the keys
//! open it, 4 the fence is declared in it, 5 only then the directory gets its name.

use super::target::{Listed, Target};
use super::verify::{check_store, write_file};
use super::{BackupError, STORE, io};
use crate::home::Home;
use base::{Digest, UnixMs};
use seal::{Lock, SystemEntropy};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::{Sqlite, Store};

/// What a restoration did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Back {
    /// The backup.
    pub id: String,
    /// The moment that it shows.
    pub at: UnixMs,
    /// Files.
    pub files: usize,
    /// Bytes.
    pub bytes: u64,
    /// Entries of the ledger.
    pub ledger_size: u64,
    /// Its root.
    pub ledger_root: Digest,
    /// The declaration with which the node asks its partners; none after a move.
    pub declared: Option<Digest>,
    /// Partners that it will ask, by short name.
    pub partners: Vec<String>,
    /// Acts and notes that were on their way when the backup was made and are sent again.
    pub outbox: u64,
}

/// Restores a backup into a directory that is not there yet or is empty. `lock` opens the node's own keys.
pub fn restore(target: &Target, from: &Listed, into: &Path, lock: &Lock<'_>, now: UnixMs, progress: &mut dyn FnMut(u64, u64)) -> Result<Back, BackupError> {
    let s = &from.snapshot;
    if fs::read_dir(into).is_ok_and(|mut d| d.next().is_some()) {
        return Err(BackupError::Asked(format!("{} is not empty; name a new directory with --dir, nothing is overwritten", into.display())));
    }
    let part = into.with_extension("restoring");
    if part.exists() {
        return Err(BackupError::Asked(format!("{} is left of a restoration that was cut short; look at it and remove it", part.display())));
    }
    fs::create_dir_all(&part).map_err(io(&part))?;
    let made = fill(target, from, &part, lock, now, progress);
    let back = match made {
        Ok(back) => back,
        Err(e) => {
            let _ = fs::remove_dir_all(&part); // only what was just made is in it
            return Err(e);
        }
    };
    if into.exists() {
        fs::remove_dir(into).map_err(io(into))?;
    }
    fs::rename(&part, into).map_err(io(into))?;
    let above = into.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(above).and_then(|d| d.sync_all()).map_err(io(above))?;
    tracing::info!(backup = %s.id, "restored");
    Ok(back)
}

fn fill(target: &Target, from: &Listed, part: &Path, lock: &Lock<'_>, now: UnixMs, progress: &mut dyn FnMut(u64, u64)) -> Result<Back, BackupError> {
    let s = &from.snapshot;
    let bytes: u64 = s.files.iter().map(|f| f.bytes).sum();
    let mut done = 0;
    for file in &s.files {
        let path = safe(part, &file.name)?;
        let dir = path.parent().expect("below the directory");
        fs::create_dir_all(dir).map_err(io(dir))?;
        write_file(target, file, &path)?;
        done += file.bytes;
        progress(done, bytes);
    }
    for dir in folders(part)? {
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).map_err(io(&dir))?;
        File::open(&dir).and_then(|d| d.sync_all()).map_err(io(&dir))?;
    }
    let state = check_store(&part.join(STORE), s.service)?;
    if (state.size, state.root) != (s.ledger_size, s.ledger_root) {
        return Err(BackupError::Unsound(format!("its ledger has {} entries where {} were backed up, or another root", state.size, s.ledger_size)));
    }
    let home = Home::open(part)?;
    let keys = home.keys(lock)?;
    if keys.service() != s.service {
        return Err(BackupError::Unsound("the key file in it is another service's".to_owned()));
    }
    let store = Sqlite::open(&part.join(STORE), keys.storage().clone(), Box::new(SystemEntropy))?;
    // After a move the old node signs nothing any more, so this one goes on; but once only, and only from the very last backup.
    let newest = target.lists()?.0.last().is_some_and(|l| l.snapshot.id == s.id);
    let goes_on = s.moved && newest && target.claim(&s.id)?;
    let declared = match goes_on {
        true => None,
        false => {
            let done = node::declare(&store, &keys, &home.config().zone, s.at, now, &mut SystemEntropy);
            Some(done.map_err(crate::home::HomeError::from)?)
        }
    };
    let outbox = store.outbox_depth()?.iter().map(|d| d.count).sum();
    let mut partners = Vec::new();
    for r in store.records("cards", None, 10_000)? {
        if r.id != s.service.to_string() {
            let code = first_code(&r.data);
            partners.push(code.unwrap_or(r.id));
        }
    }
    drop(store);
    Ok(Back { id: s.id.clone(), at: s.at, files: s.files.len(), bytes, ledger_size: s.ledger_size, ledger_root: s.ledger_root, declared, partners, outbox })
}

/// Reads the short name from a partner's stored cards.
fn first_code(data: &[u8]) -> Option<String> {
    let chain: Vec<minicbor::bytes::ByteVec> = minicbor::decode(data).ok()?;
    Some(seal::Cards::chain(chain.iter().map(|b| b.as_slice())).ok()?.latest().code.clone())
}

/// Joins a name from a list to the directory; a list that names anything outside is no list of ours.
fn safe(dir: &Path, name: &str) -> Result<std::path::PathBuf, BackupError> {
    let plain = !name.is_empty() && Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
    if plain { Ok(dir.join(name)) } else { Err(BackupError::Damaged(format!("the list names '{name}', which lies outside of the node's directory"))) }
}

fn folders(root: &Path) -> Result<Vec<std::path::PathBuf>, BackupError> {
    let mut out = vec![root.to_owned()];
    let mut n = 0;
    while n < out.len() {
        let dir = out[n].clone();
        for entry in fs::read_dir(&dir).map_err(io(&dir))? {
            let entry = entry.map_err(io(&dir))?;
            if entry.file_type().map_err(io(&dir))?.is_dir() {
                out.push(entry.path());
            }
        }
        n += 1;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_the_directory() {
        let dir = Path::new("/d");
        assert!(safe(dir, "tokens/admin").is_ok() && safe(dir, "node.db").is_ok());
        for bad in ["../x", "/etc/x", "a/../../x", "", "."] {
            assert!(safe(dir, bad).is_err(), "{bad}");
        }
    }
}
