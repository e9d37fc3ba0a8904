//! The Merkle tree over a ledger's leaves (RFC 9162, 2.1; the same hashes as RFC 6962): growth, root, proofs and their verification.
//!
//! Nodes are addressed by level (0 = leaves) and index from the left. Only complete subtrees are ever stored: they never change.
//! [`Frontier`] holds the roots of the complete subtrees at the right edge, enough to append and to know the root.

use base::Digest;

/// Hashes a leaf: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Digest {
    let mut input = Vec::with_capacity(data.len() + 1);
    input.push(0);
    input.extend_from_slice(data);
    Digest::of(&input)
}

/// Hashes an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(&left.0);
    input[33..].copy_from_slice(&right.0);
    Digest::of(&input)
}

/// The right edge of a growing tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, widest first: one per set bit of `size`.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// Starts an empty tree.
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf's hash and hands each subtree that it completes, the leaf first, to `keep(level, index, hash)`.
    pub fn append(&mut self, leaf: Digest, mut keep: impl FnMut(u8, u64, Digest)) {
        let (mut level, mut node) = (0, leaf);
        keep(level, self.size, node);
        while self.size >> level & 1 == 1 {
            let left = self.peaks.pop().expect("one peak per set bit of the size");
            node = node_hash(&left, &node);
            level += 1;
            keep(level, self.size >> level, node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Returns the root; that of the empty tree is the digest of nothing.
    pub fn root(&self) -> Digest {
        let join = |right: Digest, left: &Digest| node_hash(left, &right);
        match self.peaks.split_last() {
            None => Digest::of(&[]),
            Some((last, rest)) => rest.iter().rev().fold(*last, join),
        }
    }

    /// Writes the frontier: size, 8 bytes big-endian, then the peaks, widest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        self.peaks.iter().for_each(|p| out.extend_from_slice(&p.0));
        out
    }

    /// Reads what [`Frontier::to_bytes`] wrote; `None` for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Frontier> {
        let (size, peaks) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, rest) = peaks.as_chunks::<32>();
        let fits = rest.is_empty() && peaks.len() == size.count_ones() as usize;
        fits.then(|| Frontier { size, peaks: peaks.iter().map(|p| Digest(*p)).collect() })
    }
}

/// Makes the proof that leaf `index` is in the tree of `size` leaves (RFC 9162, 2.1.3.1).
///
/// `node(level, index)` yields stored hashes of complete subtrees. Needs `index < size`.
pub fn inclusion_proof<E>(index: u64, size: u64, node: &mut impl FnMut(u8, u64) -> Result<Digest, E>) -> Result<Vec<Digest>, E> {
    assert!(index < size, "a proof is asked for a leaf beyond the tree");
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        let (sibling, inside) = if index < middle { ((middle, high), (low, middle)) } else { ((low, middle), (middle, high)) };
        path.push(subtree(sibling.0, sibling.1, node)?);
        (low, high) = inside;
    }
    path.reverse();
    Ok(path)
}

/// Makes the proof that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162, 2.1.4.1).
///
/// Empty if `old` is 0 or equals `new`. Needs `old <= new`.
pub fn consistency_proof<E>(old: u64, new: u64, node: &mut impl FnMut(u8, u64) -> Result<Digest, E>) -> Result<Vec<Digest>, E> {
    assert!(old <= new, "a proof is asked for a tree that shrank");
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut low, mut high) = (0, new);
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(subtree(middle, high, node)?);
            high = middle;
        } else {
            path.push(subtree(low, middle, node)?);
            low = middle;
        }
    }
    if low > 0 {
        path.push(subtree(low, high, node)?);
    }
    path.reverse();
    Ok(path)
}

/// Verifies an inclusion proof (RFC 9162, 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Digest, index: u64, size: u64, proof: &[Digest], root: &Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Verifies a consistency proof between two sizes and their roots (RFC 9162, 2.1.4.2).
#[must_use]
pub fn verify_consistency(old: u64, new: u64, old_root: &Digest, new_root: &Digest, proof: &[Digest]) -> bool {
    if old > new {
        return false;
    }
    if old == new || old == 0 {
        let empty = old > 0 || *old_root == Digest::of(&[]);
        return proof.is_empty() && empty && (old != new || old_root == new_root);
    }
    let mut path = proof.iter().copied();
    let first = if old.is_power_of_two() { Some(*old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for node in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(&node, &old_hash);
            new_hash = node_hash(&node, &new_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, &node);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The largest power of two below `n`; `n` is at least 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The hash of the leaves `low..high`, where `low` is a multiple of the widest complete subtree in it.
fn subtree<E>(low: u64, high: u64, node: &mut impl FnMut(u8, u64) -> Result<Digest, E>) -> Result<Digest, E> {
    let width = high - low;
    if width.is_power_of_two() {
        let level = width.trailing_zeros();
        return node(level as u8, low >> level);
    }
    let middle = low + split(width);
    let left = subtree(low, middle, node)?;
    Ok(node_hash(&left, &subtree(middle, high, node)?))
}
