//! The vault as the doors see it: chunks are written, read and checked beside the node, on any thread that may block.
//!
//! Only the node says which exhibits are expected; what nobody expects never touches the disk.

use crate::error::NodeError;
use crate::piece;
use base::{CHUNK_BYTES, ExhibitId, chunk_bytes, chunk_count};
use seal::exhibit::{ChunkTree, chunk_hash};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, RwLock};
use store::{Shelf, StoreError, Vault};

/// Chunk trees that are kept between chunks; the largest has 4 MiB.
const TREES_KEPT: usize = 4;

/// The trees that were used last, the last one first.
type Trees = VecDeque<(ExhibitId, Arc<ChunkTree>)>;

/// The vault, and which exhibits are expected. Clones share both.
#[derive(Clone)]
pub struct Shelves {
    vault: Arc<dyn Vault>,
    expected: Arc<RwLock<HashMap<ExhibitId, (Shelf, u64)>>>,
    trees: Arc<Mutex<Trees>>,
}

impl Shelves {
    pub(crate) fn new(vault: Arc<dyn Vault>) -> Shelves {
        Shelves { vault, expected: Arc::default(), trees: Arc::default() }
    }

    pub(crate) fn vault(&self) -> &dyn Vault {
        &*self.vault
    }

    /// Says which exhibits are expected, instead of what was said before.
    pub(crate) fn expect_only(&self, all: HashMap<ExhibitId, (Shelf, u64)>) {
        *self.expected.write().expect("no writer panics") = all;
    }

    pub(crate) fn expect(&self, id: ExhibitId, shelf: Shelf, size: u64) {
        self.expected.write().expect("no writer panics").insert(id, (shelf, size));
    }

    pub(crate) fn dismiss(&self, id: &ExhibitId) {
        self.expected.write().expect("no writer panics").remove(id);
    }

    pub(crate) fn expected(&self, id: &ExhibitId, size: u64) -> Option<Shelf> {
        self.expected.read().expect("no writer panics").get(id).filter(|e| e.1 == size).map(|e| e.0.clone())
    }

    /// Reads a chunk and its proof, as it travels, behind what is there: the chunk is decrypted in its place.
    pub(crate) fn write_piece(&self, id: ExhibitId, shelf: &Shelf, size: u64, index: u32, out: &mut Vec<u8>) -> Result<(), NodeError> {
        let lost = NodeError::ExhibitDamaged { exhibit: id, index };
        let tree = self.tree(id, shelf, size)?;
        let (Some(proof), Some(bytes)) = (tree.proof(index), chunk_bytes(size, index)) else { return Err(lost) };
        piece::begin_chunk(out, &id, size, index, &proof, bytes);
        let begin = out.len();
        self.vault.read_into(shelf, index, out).map_err(|e| damaged(e, id, index))?;
        if out.len() - begin == bytes { Ok(()) } else { Err(lost) }
    }

    fn tree(&self, id: ExhibitId, shelf: &Shelf, size: u64) -> Result<Arc<ChunkTree>, NodeError> {
        if let Some((_, tree)) = self.trees.lock().expect("no holder panics").iter().find(|t| t.0 == id) {
            return Ok(Arc::clone(tree));
        }
        let count = chunk_count(size).unwrap_or(0);
        let hashes = (0..count).map(|i| self.vault.hash(shelf, i).map_err(|e| damaged(e, id, i))).collect::<Result<Vec<_>, _>>()?;
        let tree = Arc::new(ChunkTree::new(hashes));
        if tree.root() != id {
            return Err(NodeError::Corrupt(format!("the hashes on shelf {}", shelf.name)));
        }
        let mut trees = self.trees.lock().expect("no holder panics");
        trees.push_front((id, Arc::clone(&tree)));
        trees.truncate(TREES_KEPT);
        Ok(tree)
    }

    /// Begins to take in a file of our own.
    pub fn take_in(&self) -> Result<FileIntake, NodeError> {
        let shelf = self.vault.begin()?;
        Ok(FileIntake { shelves: self.clone(), shelf: Some(shelf), hashes: Vec::new(), filled: Vec::with_capacity(CHUNK_BYTES), size: 0 })
    }
}

/// A file of our own that is being taken in; what is dropped before its end leaves nothing behind.
#[must_use]
pub struct FileIntake {
    shelves: Shelves,
    shelf: Option<Shelf>,
    hashes: Vec<base::Digest>,
    filled: Vec<u8>,
    size: u64,
}

/// A file of our own that is whole, durable and addressed by its content; [`crate::Node::add_exhibit`] keeps it.
#[must_use]
pub struct Taken {
    pub(crate) id: ExhibitId,
    pub(crate) size: u64,
    pub(crate) shelf: Shelf,
}

impl Taken {
    /// Returns the file's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl FileIntake {
    /// Takes the next bytes; refuses what would be larger than any exhibit.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), NodeError> {
        if chunk_count(self.size + bytes.len() as u64).is_none() && !bytes.is_empty() {
            return Err(NodeError::Asked("an exhibit has at most 64 GiB; cut the file into several".to_owned()));
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.filled.len()));
            self.filled.extend_from_slice(now);
            self.size += now.len() as u64;
            bytes = later;
            if self.filled.len() == CHUNK_BYTES {
                self.put()?;
            }
        }
        Ok(())
    }

    fn put(&mut self) -> Result<(), NodeError> {
        let shelf = self.shelf.as_ref().expect("it is there until the end");
        let index = u32::try_from(self.hashes.len()).expect("the size was checked");
        let hash = chunk_hash(&self.filled);
        self.shelves.vault.write(shelf, index, &self.filled, &hash).map_err(room)?;
        self.hashes.push(hash);
        self.filled.clear();
        Ok(())
    }

    /// Ends the file and makes it durable; refuses an empty one.
    pub fn finish(mut self) -> Result<Taken, NodeError> {
        if !self.filled.is_empty() {
            self.put()?;
        }
        if self.size == 0 {
            return Err(NodeError::Asked("the file is empty; an exhibit has at least one byte".to_owned()));
        }
        let shelf = self.shelf.as_ref().expect("it is there until the end");
        self.shelves.vault.sync(shelf)?;
        let id = ChunkTree::new(std::mem::take(&mut self.hashes)).root();
        let shelf = self.shelf.take().expect("it is there until the end");
        Ok(Taken { id, size: self.size, shelf })
    }
}

impl Drop for FileIntake {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.take()
            && let Err(e) = self.shelves.vault.remove(&shelf.name)
        {
            tracing::warn!(code = e.code(), "a file that was not taken in leaves its shelf until the next start: {e}");
        }
    }
}

/// Names the chunk that the disk has damaged, so that it alone is fetched again.
fn damaged(e: StoreError, exhibit: ExhibitId, index: u32) -> NodeError {
    match e {
        StoreError::Corrupt(_) => NodeError::ExhibitDamaged { exhibit, index },
        e => e.into(),
    }
}

/// Says of a disk at its floor what an exhibit's sender and officer can do about it.
pub(crate) fn room(e: StoreError) -> NodeError {
    match e {
        StoreError::DiskFull => NodeError::ExhibitRoom,
        e => e.into(),
    }
}

/// An exhibit that may be read out, chunk by chunk.
pub struct Reading {
    pub(crate) shelves: Shelves,
    pub(crate) id: ExhibitId,
    pub(crate) shelf: Shelf,
    pub(crate) size: u64,
}

impl Reading {
    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads a chunk; one that the disk has damaged does not open.
    pub fn chunk(&self, index: u32) -> Result<Vec<u8>, NodeError> {
        self.shelves.vault.read(&self.shelf, index).map_err(|e| damaged(e, self.id, index))
    }
}
