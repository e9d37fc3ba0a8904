//! The directory of exhibits passes the vault's suite, and keeps the disk above its floor.

use base::Digest;
use entente_store::{DirVault, StoreError, Vault, conformance};
use seal::SystemEntropy;
use seal::rest::StorageKey;
use std::os::unix::fs::{FileExt, PermissionsExt};

fn vault(dir: &std::path::Path, floor_bytes: u64) -> DirVault {
    DirVault::open(dir, StorageKey::generate(&mut SystemEntropy), Box::new(SystemEntropy), floor_bytes).unwrap()
}

#[test]
fn a_directory_passes_the_suite() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("exhibits");
    conformance::run_vault(&vault(&dir, 0), |shelf| {
        let file = std::fs::OpenOptions::new().read(true).write(true).open(dir.join(&shelf.name)).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 500_000).unwrap();
        file.write_all_at(&[byte[0] ^ 1], 500_000).unwrap();
    });
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn nothing_is_legible_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let vault = vault(home.path(), 0);
    let shelf = vault.begin().unwrap();
    vault.write(&shelf, 0, &b"Ibn Battuta, Tanger ".repeat(500), &Digest::default()).unwrap();
    vault.sync(&shelf).unwrap();
    let raw = std::fs::read(home.path().join(&shelf.name)).unwrap();
    assert!(!raw.windows(11).any(|w| w == b"Ibn Battuta"));
    let stranger = DirVault::open(home.path(), StorageKey::generate(&mut SystemEntropy), Box::new(SystemEntropy), 0).unwrap();
    assert!(matches!(stranger.read(&shelf, 0), Err(StoreError::Corrupt(_))), "another service's key opens nothing");
}

#[test]
fn the_disk_keeps_its_floor() {
    let home = tempfile::tempdir().unwrap();
    let free = vault(home.path(), 0).room().unwrap();
    assert!(free > 4 << 20, "the test's disk is full");
    let tight = vault(home.path(), u64::MAX);
    let shelf = tight.begin().unwrap();
    assert_eq!(tight.room(), Ok(0));
    assert_eq!(tight.write(&shelf, 0, b"words", &Digest::default()), Err(StoreError::DiskFull));
}
