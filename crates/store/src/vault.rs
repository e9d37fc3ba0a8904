//! Where the chunks of exhibits lie: one shelf for each exhibit, sealed under a key of its own.
//!
//! A shelf holds fixed slots, so that chunks come in any order and are written over when they come again. Which slots count is
//! for the node's documents to say, in the same transaction as the receipt: 1 [`Vault::write`], 2 [`Vault::sync`], 3 the document.
//! What a crash leaves between 2 and 3 is asked for once more. The shelf's key lies wrapped in the node's document, so that
//! deleting the document erases the content, whatever becomes of the file.

use crate::StoreError;
use crate::folder::{Directory, Folder};
use base::{CHUNK_BYTES, Digest, Entropy, hex};
use seal::rest::{ItemKey, NONCE_BYTES, OVERHEAD_BYTES, StorageKey};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Mutex;

/// Bytes of a sealed chunk hash.
const HASH_BYTES: usize = 32 + OVERHEAD_BYTES;
/// Bytes of one slot: the chunk's hash and the chunk, both sealed.
pub const SLOT_BYTES: u64 = (HASH_BYTES + CHUNK_BYTES + OVERHEAD_BYTES) as u64;
/// Bytes of a shelf's name.
const NAME_BYTES: usize = 16;

/// A shelf: its name on the disk and its wrapped key. Whoever keeps this can read it, with the store's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shelf {
    /// The file's name: 32 hexadecimal digits, drawn at random, so that a directory tells nothing of what lies in it.
    pub name: String,
    /// The shelf's key, wrapped by the store's (`seal::rest`).
    pub key: Vec<u8>,
}

/// Where chunks lie. All methods block; run them on a thread that may block.
pub trait Vault: Send + Sync {
    /// Makes an empty shelf.
    fn begin(&self) -> Result<Shelf, StoreError>;

    /// Writes a chunk and its hash into its slot, over what was there; durable after [`Vault::sync`] only.
    ///
    /// `hash` is the chunk's, as whoever verified it has worked it out. Refuses as `failure.store.disk-full` what would take the
    /// disk below its floor.
    fn write(&self, shelf: &Shelf, index: u32, chunk: &[u8], hash: &Digest) -> Result<(), StoreError>;

    /// Makes what was written to a shelf durable.
    fn sync(&self, shelf: &Shelf) -> Result<(), StoreError>;

    /// Reads a chunk; one that was damaged, moved or never written does not open and is `failure.store.corrupt`.
    fn read(&self, shelf: &Shelf, index: u32) -> Result<Vec<u8>, StoreError> {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + OVERHEAD_BYTES);
        self.read_into(shelf, index, &mut chunk)?;
        Ok(chunk)
    }

    /// Reads a chunk, as [`Vault::read`] does, behind what is there.
    fn read_into(&self, shelf: &Shelf, index: u32, out: &mut Vec<u8>) -> Result<(), StoreError>;

    /// Reads the hash of a chunk without the chunk.
    fn hash(&self, shelf: &Shelf, index: u32) -> Result<Digest, StoreError>;

    /// Takes a shelf away; one that is not there is gone already.
    fn remove(&self, name: &str) -> Result<(), StoreError>;

    /// Lists the shelves by name, to find those that no document knows.
    fn names(&self) -> Result<Vec<String>, StoreError>;

    /// Returns how many bytes may still be written before the disk is at its floor.
    fn room(&self) -> Result<u64, StoreError>;
}

/// Shelves as files in one directory.
pub struct DirVault {
    folder: Box<dyn Folder>,
    storage: StorageKey,
    entropy: Mutex<Box<dyn Entropy>>,
    floor_bytes: u64,
}

impl DirVault {
    /// Opens the directory, makes it if there is none. `floor_bytes` of the disk are left free for the ledger and everything else.
    pub fn open(dir: &Path, storage: StorageKey, entropy: Box<dyn Entropy>, floor_bytes: u64) -> Result<DirVault, StoreError> {
        Ok(DirVault::on(Box::new(Directory::open(dir).map_err(failed)?), storage, entropy, floor_bytes))
    }

    /// Keeps shelves in a folder that is there.
    pub fn on(folder: Box<dyn Folder>, storage: StorageKey, entropy: Box<dyn Entropy>, floor_bytes: u64) -> DirVault {
        DirVault { folder, storage, entropy: Mutex::new(entropy), floor_bytes }
    }

    fn key(&self, shelf: &Shelf) -> Result<ItemKey, StoreError> {
        self.storage.unwrap(&shelf.key, &key_place(&shelf.name)).map_err(|_| StoreError::Corrupt(format!("the key of shelf {}", shelf.name)))
    }

    fn seal(&self, key: &ItemKey, place: &[u8], plain: &[u8]) -> Vec<u8> {
        // The lock is held for the nonce only, so that chunks are sealed beside each other.
        let mut nonce = Drawn([0; 12]);
        self.entropy.lock().expect("no holder panics").fill(&mut nonce.0);
        key.seal(place, plain, &mut nonce)
    }

    /// Reads what lies sealed in a place, up to so many bytes of it, and opens it in place behind what is there.
    fn open_at(&self, shelf: &Shelf, at: u64, bytes_max: usize, place: &[u8], out: &mut Vec<u8>) -> Result<(), StoreError> {
        let damaged = || StoreError::Corrupt(format!("shelf {}", shelf.name));
        let (name, key, begin) = (named(&shelf.name)?, self.key(shelf)?, out.len());
        let mut nonce = [0; NONCE_BYTES];
        self.folder.read_at(name, at, &mut nonce).map_err(|e| of_shelf(e, shelf))?;
        out.resize(begin + bytes_max + OVERHEAD_BYTES - NONCE_BYTES, 0);
        let read = self.folder.read_at(name, at + NONCE_BYTES as u64, &mut out[begin..]).map_err(|e| of_shelf(e, shelf));
        let opened = read.and_then(|read| key.open_in_place(place, &nonce, &mut out[begin..begin + read]).map_err(|_| damaged()));
        // Nothing stays behind of what does not open.
        out.truncate(begin + opened.as_ref().unwrap_or(&0));
        opened.map(|_| ())
    }
}

/// Takes a shelf's name for a file's: it comes from our own documents, and must not lead anywhere else all the same.
fn named(name: &str) -> Result<&str, StoreError> {
    match name.len() == 2 * NAME_BYTES && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => Ok(name),
        false => Err(StoreError::Corrupt("the name of a shelf".to_owned())),
    }
}

fn of_shelf(e: std::io::Error, shelf: &Shelf) -> StoreError {
    match e.kind() {
        ErrorKind::NotFound => StoreError::Corrupt(format!("shelf {} is gone", shelf.name)),
        _ => failed(e),
    }
}

impl Vault for DirVault {
    fn begin(&self) -> Result<Shelf, StoreError> {
        let (mut name, mut entropy) = ([0; NAME_BYTES], self.entropy.lock().expect("no holder panics"));
        entropy.fill(&mut name);
        let key = ItemKey::generate(&mut **entropy);
        let name = hex::encode(&name);
        let shelf = Shelf { key: self.storage.wrap(&key, &key_place(&name)), name };
        self.folder.create(named(&shelf.name)?).map_err(failed)?;
        Ok(shelf)
    }

    fn write(&self, shelf: &Shelf, index: u32, chunk: &[u8], hash: &Digest) -> Result<(), StoreError> {
        assert!(chunk.len() <= CHUNK_BYTES, "a chunk fits its slot");
        if self.room()? < SLOT_BYTES {
            return Err(StoreError::DiskFull);
        }
        let key = self.key(shelf)?;
        let at = u64::from(index) * SLOT_BYTES;
        let name = named(&shelf.name)?;
        // The chunk first: until its hash stands, the slot does not open.
        let chunk = self.seal(&key, &chunk_place(shelf, index), chunk);
        self.folder.write_at(name, at + HASH_BYTES as u64, &chunk).map_err(|e| of_shelf(e, shelf))?;
        self.folder.write_at(name, at, &self.seal(&key, &hash_place(shelf, index), &hash.0)).map_err(|e| of_shelf(e, shelf))
    }

    fn sync(&self, shelf: &Shelf) -> Result<(), StoreError> {
        self.folder.sync(named(&shelf.name)?).map_err(|e| of_shelf(e, shelf))
    }

    fn read_into(&self, shelf: &Shelf, index: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        // A shorter last chunk ends where the file ends; a chunk in the middle fills its slot.
        let at = u64::from(index) * SLOT_BYTES + HASH_BYTES as u64;
        self.open_at(shelf, at, CHUNK_BYTES, &chunk_place(shelf, index), out)
    }

    fn hash(&self, shelf: &Shelf, index: u32) -> Result<Digest, StoreError> {
        let mut bytes = Vec::new();
        self.open_at(shelf, u64::from(index) * SLOT_BYTES, 32, &hash_place(shelf, index), &mut bytes)?;
        bytes.try_into().map(Digest).map_err(|_| StoreError::Corrupt(format!("a hash of shelf {}", shelf.name)))
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.folder.remove(named(name)?).map_err(failed)
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.folder.names().map_err(failed)?;
        names.retain(|n| named(n).is_ok());
        names.sort();
        Ok(names)
    }

    fn room(&self) -> Result<u64, StoreError> {
        Ok(self.folder.free().map_err(failed)?.saturating_sub(self.floor_bytes))
    }
}

/// Twelve bytes that were drawn before.
struct Drawn([u8; 12]);

impl Entropy for Drawn {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0[..buffer.len()]);
    }
}

fn key_place(name: &str) -> Vec<u8> {
    [b"shelf/", name.as_bytes()].concat()
}

fn chunk_place(shelf: &Shelf, index: u32) -> Vec<u8> {
    [b"chunk/", shelf.name.as_bytes(), &index.to_be_bytes()].concat()
}

fn hash_place(shelf: &Shelf, index: u32) -> Vec<u8> {
    [b"chunk-hash/", shelf.name.as_bytes(), &index.to_be_bytes()].concat()
}

fn failed(e: std::io::Error) -> StoreError {
    match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::DiskFull,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StoreError::ReadOnly,
        _ => StoreError::Io(e.to_string()),
    }
}
