//! The ledger's Merkle tree (RFC 6962, 2.1) over stored hashes.
//!
//! Leaf data are `kind || signed bytes`. Of the inner nodes only every eighth level is stored, as soon as a subtree is full:
//! one row in 256 entries, and any root, subtree or proof needs at most 255 stored hashes for each eight levels.

use crate::{Kind, LedgerState, Store, StoreError};
use base::Digest;
use seal::ledger::{self, Frontier, leaf_hash, node_hash};

/// Levels between two stored ones.
const LEVEL_STEP: u8 = 8;

/// Returns the leaf hash of a signed object.
pub fn leaf_of(kind: Kind, signed: &[u8]) -> Digest {
    let mut data = Vec::with_capacity(1 + signed.len());
    data.push(kind as u8);
    data.extend_from_slice(signed);
    leaf_hash(&data)
}

/// Returns size and root of a tree.
pub(crate) fn state(frontier: &Frontier) -> LedgerState {
    LedgerState { size: frontier.size(), root: frontier.root() }
}

/// A subtree that has just become full and is to be stored.
pub(crate) struct Full {
    pub level: u8,
    pub index: u64,
    pub hash: Digest,
}

/// Adds a leaf and returns the subtrees of stored levels that it fills.
pub(crate) fn push(frontier: &mut Frontier, leaf: Digest) -> Vec<Full> {
    let mut full = Vec::new();
    frontier.append(leaf, |level, index, hash| {
        if level > 0 && level % LEVEL_STEP == 0 {
            full.push(Full { level, index, hash });
        }
    });
    full
}

/// Stored hashes.
pub(crate) trait Hashes {
    /// Reads `count` hashes of a level (0 or a multiple of [`LEVEL_STEP`]) from an index on; fewer if there are fewer.
    fn read(&self, level: u8, from: u64, count: u64) -> Result<Vec<Digest>, StoreError>;
}

/// Reads the frontier of the first `size` entries.
pub(crate) fn load(hashes: &impl Hashes, size: u64) -> Result<Frontier, StoreError> {
    let mut bytes = size.to_be_bytes().to_vec();
    let mut done = 0;
    for level in (0..64u8).rev().filter(|level| size >> level & 1 == 1) {
        bytes.extend_from_slice(&subtree(hashes, level, done >> level)?.0);
        done += 1 << level;
    }
    Ok(Frontier::from_bytes(&bytes).expect("one peak per set bit of the size"))
}

/// Computes the hash of a full subtree.
pub(crate) fn subtree(hashes: &impl Hashes, level: u8, index: u64) -> Result<Digest, StoreError> {
    let stored = level - level % LEVEL_STEP;
    let count = 1u64 << (level - stored);
    let mut row = hashes.read(stored, index << (level - stored), count)?;
    if row.len() as u64 != count {
        return Err(StoreError::Corrupt(format!("level {stored} of the ledger's tree has a gap under subtree {index} of level {level}")));
    }
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    Ok(row[0])
}

/// Proves that entry `index` is among the first `size`; nothing if the ledger has fewer (RFC 9162, 2.1.3).
pub fn prove_inclusion(store: &dyn Store, index: u64, size: u64) -> Result<Option<Vec<Digest>>, StoreError> {
    if index >= size || size > store.ledger()?.size {
        return Ok(None);
    }
    ledger::inclusion_proof(index, size, &mut |level, index| full(store, level, index)).map(Some)
}

/// Proves that the first `old` entries are a prefix of the first `new`; nothing if the ledger has fewer (RFC 9162, 2.1.4).
pub fn prove_consistency(store: &dyn Store, old: u64, new: u64) -> Result<Option<Vec<Digest>>, StoreError> {
    if old > new || new > store.ledger()?.size {
        return Ok(None);
    }
    ledger::consistency_proof(old, new, &mut |level, index| full(store, level, index)).map(Some)
}

fn full(store: &dyn Store, level: u8, index: u64) -> Result<Digest, StoreError> {
    store.subtree(level, index)?.ok_or_else(|| StoreError::Corrupt(format!("subtree {index} of level {level} of the ledger is not there")))
}

/// Reads the whole ledger and checks it against itself: positions without gaps, leaf hashes, stored subtrees, root.
///
/// Takes the time of hashing every signed byte once. Signatures are the business of whoever holds the cards.
pub fn check_ledger(store: &dyn Store) -> Result<LedgerState, StoreError> {
    let end = store.ledger()?;
    let mut tree = Frontier::new();
    while tree.size() < end.size {
        let page = store.entries(tree.size(), 1000)?;
        if page.is_empty() {
            return Err(StoreError::Corrupt(format!("the ledger ends at {} instead of {}", tree.size(), end.size)));
        }
        for entry in page.into_iter().take((end.size - tree.size()) as usize) {
            if entry.pos != tree.size() {
                return Err(StoreError::Corrupt(format!("the ledger has no entry {}", tree.size())));
            }
            let leaf = leaf_of(entry.kind, &entry.signed);
            if leaf != entry.leaf {
                return Err(StoreError::Corrupt(format!("entry {} of the ledger was changed after it was written", entry.pos)));
            }
            for Full { level, index, hash } in push(&mut tree, leaf) {
                if full(store, level, index)? != hash {
                    return Err(StoreError::Corrupt(format!("subtree {index} of level {level} of the ledger was changed after it was written")));
                }
            }
        }
    }
    if state(&tree) == end { Ok(end) } else { Err(StoreError::Corrupt("the ledger's root does not follow from its entries".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// RFC 6962, 2.1, as it is written there.
    fn naive(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::of(b""),
            [one] => *one,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&naive(&leaves[..k]), &naive(&leaves[k..]))
            }
        }
    }

    #[derive(Default)]
    struct Rows(RefCell<BTreeMap<(u8, u64), Digest>>);

    impl Hashes for Rows {
        fn read(&self, level: u8, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
            Ok(self.0.borrow().range((level, from)..(level, from + count)).map(|(_, hash)| *hash).collect())
        }
    }

    #[test]
    fn every_eighth_level_suffices_for_the_root_of_the_rfc() {
        let rows = Rows::default();
        let mut tree = Frontier::new();
        let mut leaves = Vec::new();
        for n in 0..66_000u64 {
            if n < 600 || n % 9973 == 0 || (65_530..65_545).contains(&n) {
                let loaded = load(&rows, n).unwrap();
                assert_eq!(loaded, tree, "{n} entries");
                assert_eq!(state(&loaded), LedgerState { size: n, root: naive(&leaves) });
            }
            let leaf = leaf_hash(&n.to_be_bytes());
            leaves.push(leaf);
            rows.0.borrow_mut().insert((0, n), leaf);
            rows.0.borrow_mut().extend(push(&mut tree, leaf).into_iter().map(|full| ((full.level, full.index), full.hash)));
        }
        assert_eq!(rows.0.borrow().keys().filter(|k| k.0 == 8).count(), 257);
        assert_eq!(rows.0.borrow().keys().filter(|k| k.0 == 16).count(), 1);
        rows.0.borrow_mut().remove(&(8, 3));
        assert_eq!(subtree(&rows, 9, 1).unwrap_err().code(), "failure.store.corrupt");
    }
}
