//! SQLite passes the suite, in memory and on disk.

use entente_store::{Sqlite, Store, conformance};
use seal::SystemEntropy;
use seal::rest::StorageKey;
use std::sync::Mutex;

#[test]
fn in_memory() {
    conformance::run(|| Box::new(Sqlite::in_memory(StorageKey::generate(&mut SystemEntropy), Box::new(SystemEntropy)).unwrap()));
}

#[test]
fn on_disk() {
    let homes = Mutex::new(Vec::new());
    conformance::run(|| {
        let home = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&home.path().join("node.db"), StorageKey::generate(&mut SystemEntropy), Box::new(SystemEntropy)).unwrap();
        homes.lock().unwrap().push(home);
        Box::new(store) as Box<dyn Store>
    });
}
