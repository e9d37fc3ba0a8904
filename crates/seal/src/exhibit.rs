//! The content address of an exhibit: the root of a Merkle tree over its chunks (RFC 9162, 2.1.1), so that every chunk can be
//! checked on its own, in any order, from anybody.
//!
//! A chunk travels with its inclusion proof (RFC 9162, 2.1.3): 32 bytes for each doubling of the file, 448 bytes a MiB at 10 GiB.

use crate::ledger::{inclusion_proof, node_hash, verify_inclusion};
use aws_lc_rs::digest::{Context, SHA256};
use base::{Digest, ExhibitId, chunk_bytes, chunk_count};
use std::convert::Infallible;

/// A chunk is not the one that the exhibit's address commits to; whoever sent it must explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    /// The number or length of the chunk does not fit the exhibit's size.
    #[error("the exhibit's size does not fit: it has no chunk of this number and length")]
    Size,
    /// The bytes or their proof are not those of the exhibit.
    #[error("the chunk is not the one that the exhibit's address commits to: it was altered, or is of another file")]
    Content,
}

impl ChunkFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            ChunkFault::Size => "peer.exhibit.size",
            ChunkFault::Content => "peer.exhibit.chunk",
        }
    }
}

/// Hashes a chunk: `SHA-256(0x00 || chunk)`, without copying it.
pub fn chunk_hash(chunk: &[u8]) -> Digest {
    let mut hash = Context::new(&SHA256);
    hash.update(&[0]);
    hash.update(chunk);
    Digest(hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// Checks one chunk against the exhibit's address and size; returns its hash.
pub fn verify_chunk(exhibit: &ExhibitId, size: u64, index: u32, chunk: &[u8], proof: &[Digest]) -> Result<Digest, ChunkFault> {
    let count = chunk_count(size).ok_or(ChunkFault::Size)?;
    if chunk_bytes(size, index) != Some(chunk.len()) {
        return Err(ChunkFault::Size);
    }
    let hash = chunk_hash(chunk);
    match verify_inclusion(&hash, index.into(), count.into(), proof, exhibit.as_ref()) {
        true => Ok(hash),
        false => Err(ChunkFault::Content),
    }
}

/// The tree over an exhibit's chunks: 64 bytes for each chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkTree {
    /// Hashes of complete subtrees by level, the chunks' first.
    levels: Vec<Vec<Digest>>,
}

impl ChunkTree {
    /// Builds the tree over the hashes of all chunks, in order.
    pub fn new(chunks: Vec<Digest>) -> ChunkTree {
        let mut levels = vec![chunks];
        while let Some(below) = levels.last().filter(|l| l.len() > 1) {
            let above = below.as_chunks::<2>().0.iter().map(|[l, r]| node_hash(l, r)).collect();
            levels.push(above);
        }
        ChunkTree { levels }
    }

    /// Returns the exhibit's address; that of no chunk at all is the digest of nothing, which no exhibit has.
    pub fn root(&self) -> ExhibitId {
        // The complete subtrees at the right edge, the smallest first, are joined from the right.
        let edge = self.levels.iter().filter(|l| l.len() % 2 == 1).filter_map(|l| l.last());
        edge.copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| Digest::of(&[])).into()
    }

    /// Returns the proof that a chunk is in the exhibit; none where there is no such chunk.
    pub fn proof(&self, index: u32) -> Option<Vec<Digest>> {
        let size = self.levels[0].len() as u64;
        let node = |level: u8, at: u64| Ok::<_, Infallible>(self.levels[usize::from(level)][usize::try_from(at).unwrap_or(usize::MAX)]);
        (u64::from(index) < size).then(|| match inclusion_proof(index.into(), size, &mut { node }) {
            Ok(proof) => proof,
            Err(never) => match never {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Frontier, leaf_hash};
    use base::CHUNK_BYTES;

    fn file(size: usize) -> Vec<u8> {
        (0..size).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn the_address_is_the_root_of_rfc_9162_for_every_count() {
        let mut frontier = Frontier::new();
        let mut leaves = Vec::new();
        for n in 0u8..70 {
            assert_eq!(ChunkTree::new(leaves.clone()).root(), frontier.root().into(), "{n} chunks");
            let leaf = leaf_hash(&[n]);
            assert_eq!(leaf, chunk_hash(&[n]));
            frontier.append(leaf, |_, _, _| ());
            leaves.push(leaf);
        }
    }

    #[test]
    fn every_chunk_holds_alone_and_no_other_does() {
        let bytes = file(5 * CHUNK_BYTES + 77);
        let size = bytes.len() as u64;
        let chunks: Vec<&[u8]> = bytes.chunks(CHUNK_BYTES).collect();
        let tree = ChunkTree::new(chunks.iter().map(|c| chunk_hash(c)).collect());
        let id = tree.root();
        for (i, chunk) in chunks.iter().enumerate() {
            let index = i as u32;
            let proof = tree.proof(index).unwrap();
            assert_eq!(verify_chunk(&id, size, index, chunk, &proof), Ok(chunk_hash(chunk)), "chunk {i}");
            let mut altered = chunk.to_vec();
            altered[chunk.len() / 2] ^= 1;
            assert_eq!(verify_chunk(&id, size, index, &altered, &proof), Err(ChunkFault::Content));
            assert_eq!(verify_chunk(&id, size, (index + 1) % 5, chunk, &proof).unwrap_err().code().split('.').nth(1), Some("exhibit"), "in another place");
        }
        let (first, proof) = (chunks[0], tree.proof(0).unwrap());
        assert_eq!(verify_chunk(&id, size + 1, 5, chunks[5], &tree.proof(5).unwrap()), Err(ChunkFault::Size), "a byte more");
        assert_eq!(verify_chunk(&id, 0, 0, first, &proof), Err(ChunkFault::Size));
        assert_eq!(verify_chunk(&id, size, 6, first, &proof), Err(ChunkFault::Size));
        assert_eq!(verify_chunk(&id, size, 0, first, &proof[1..]), Err(ChunkFault::Content));
        assert_eq!(tree.proof(6), None);
    }
}
