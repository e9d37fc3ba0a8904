//! The suite of a vault: what is on a shelf comes back as it was, from its own place only, until it is taken away.

use crate::{Shelf, StoreError, Vault};
use base::CHUNK_BYTES;
use seal::exhibit::chunk_hash;

/// Runs every story on an empty vault; `damage` changes a byte in the middle of a shelf's file.
pub fn run_vault(vault: &dyn Vault, damage: impl Fn(&Shelf)) {
    what_is_written_comes_back(vault);
    a_chunk_opens_in_its_own_place_only(vault);
    what_is_taken_away_is_gone(vault);
    damage_is_found(vault, damage);
}

fn put(vault: &dyn Vault, shelf: &Shelf, index: u32, chunk: &[u8]) -> Result<(), StoreError> {
    vault.write(shelf, index, chunk, &chunk_hash(chunk))
}

fn chunk(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i / 7) as u8 ^ seed).collect()
}

fn what_is_written_comes_back(vault: &dyn Vault) {
    let shelf = vault.begin().unwrap();
    let all = [chunk(1, CHUNK_BYTES), chunk(2, CHUNK_BYTES), chunk(3, 77)];
    for i in [2, 0, 1, 0] {
        put(vault, &shelf, i, &all[i as usize]).unwrap();
    }
    vault.sync(&shelf).unwrap();
    for (i, c) in all.iter().enumerate() {
        let i = i as u32;
        assert_eq!(vault.read(&shelf, i).as_ref(), Ok(c), "chunk {i}");
        assert_eq!(vault.hash(&shelf, i), Ok(chunk_hash(c)));
    }
    put(vault, &shelf, 1, &all[0]).unwrap();
    assert_eq!(vault.read(&shelf, 1).as_ref(), Ok(&all[0]), "written over");
    assert!(matches!(vault.read(&shelf, 3), Err(StoreError::Corrupt(_))), "never written");
    vault.remove(&shelf.name).unwrap();
}

fn a_chunk_opens_in_its_own_place_only(vault: &dyn Vault) {
    let (one, other) = (vault.begin().unwrap(), vault.begin().unwrap());
    put(vault, &one, 0, b"of one").unwrap();
    put(vault, &other, 0, b"of another").unwrap();
    let mixed = Shelf { name: one.name.clone(), key: other.key.clone() };
    assert!(matches!(vault.read(&mixed, 0), Err(StoreError::Corrupt(_))), "another shelf's key");
    let outside = Shelf { name: "../node.db".to_owned(), key: one.key.clone() };
    assert!(matches!(vault.read(&outside, 0), Err(StoreError::Corrupt(_))), "a name that leads elsewhere");
    [one, other].iter().for_each(|s| vault.remove(&s.name).unwrap());
}

fn what_is_taken_away_is_gone(vault: &dyn Vault) {
    let shelf = vault.begin().unwrap();
    put(vault, &shelf, 0, b"words").unwrap();
    assert_eq!(vault.names().unwrap(), [shelf.name.as_str()]);
    vault.remove(&shelf.name).unwrap();
    vault.remove(&shelf.name).unwrap();
    assert_eq!(vault.names().unwrap().len(), 0);
    assert!(matches!(vault.read(&shelf, 0), Err(StoreError::Corrupt(_))));
    assert!(put(vault, &shelf, 0, b"words").is_err(), "nothing is written to a shelf that is gone");
}

fn damage_is_found(vault: &dyn Vault, damage: impl Fn(&Shelf)) {
    let shelf = vault.begin().unwrap();
    put(vault, &shelf, 0, &chunk(5, CHUNK_BYTES)).unwrap();
    damage(&shelf);
    assert!(matches!(vault.read(&shelf, 0), Err(StoreError::Corrupt(_))));
    put(vault, &shelf, 0, &chunk(5, CHUNK_BYTES)).unwrap();
    assert_eq!(vault.read(&shelf, 0), Ok(chunk(5, CHUNK_BYTES)), "mended by writing it again");
    vault.remove(&shelf.name).unwrap();
}
