//! What only a file shows: reopening, other processes, damage, and what erasing leaves on the disk.

use base::{Digest, Entropy, UnixMs};
use entente_store::conformance::world::{Draft, acts, append, batch, dossier, item, picture, receipt, service};
use entente_store::{Append, Body, DossierRow, Entry, LogLine, Outgoing, Queued, RecordOp, Sqlite, Store, check_ledger};
use rusqlite::Connection;
use seal::SystemEntropy;
use seal::rest::StorageKey;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Gives the same storage key each time.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

pub fn key() -> StorageKey {
    StorageKey::generate(&mut Fixed)
}

pub fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, key(), Box::new(SystemEntropy)).unwrap()
}

fn home() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("node.db");
    (home, path)
}

fn code<T>(result: Result<T, entente_store::StoreError>) -> &'static str {
    result.err().unwrap().code()
}

/// Everything that lies in the directory.
fn on_disk(home: &TempDir) -> Vec<u8> {
    fs::read_dir(home.path()).unwrap().flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

#[test]
fn a_store_that_is_opened_again_goes_on() {
    let (_home, path) = home();
    let drafts: Vec<Draft> = (0..300).map(|seq| Draft { item: seq % 3, ..Draft::new(0, 0, seq) }).collect();
    let mut before = None;
    for part in drafts.chunks(130) {
        let store = open(&path);
        assert_eq!(store.ledger().ok(), before.or(store.ledger().ok()));
        acts(&store, part);
        append(&store, Append { logs: vec![LogLine { kind: "audit".to_owned(), data: vec![1] }], ..Append::default() }).unwrap();
        before = store.ledger().ok();
    }
    let store = open(&path);
    assert_eq!(check_ledger(&store).ok(), before);
    assert!(store.acts_of(&dossier(0)).unwrap().iter().all(|a| picture(&a.body) == format!("body 0 0 {}", a.seq)));
    assert_eq!(store.log(None, None, 10).unwrap().iter().map(|l| l.seq).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn one_process_writes_and_others_may_look() {
    let (_home, path) = home();
    let store = open(&path);
    assert_eq!(code(Sqlite::open(&path, key(), Box::new(SystemEntropy))), "failure.store.locked");
    let eye = Sqlite::inspect(&path, key()).unwrap();
    acts(&store, &[Draft::new(0, 0, 0)]);
    assert_eq!(eye.ledger(), store.ledger());
    assert_eq!(picture(&eye.acts_of(&dossier(0)).unwrap()[0].body), "body 0 0 0");
    check_ledger(&eye).unwrap();
    assert_eq!(code(append(&eye, batch(1, vec![Draft::new(0, 0, 1).entry()]))), "failure.store.read-only");
    assert_eq!(code(eye.wipe_projections()), "failure.store.read-only");
    drop(store);
    open(&path);
}

#[test]
fn a_snapshot_shows_one_moment_of_a_store_that_is_written_meanwhile() {
    let (home, path) = home();
    let store = std::sync::Arc::new(open(&path));
    acts(&*store, &(0..300).map(|seq| Draft::new(0, 0, seq)).collect::<Vec<_>>());
    let writing = std::sync::Arc::clone(&store);
    let writer = std::thread::spawn(move || (300..600).for_each(|seq| drop(acts(&*writing, &[Draft::new(0, 0, seq)]))));
    let copies: Vec<PathBuf> = (0..3).map(|n| home.path().join(format!("copy-{n}.db"))).collect();
    let mut sizes = Vec::new();
    for copy in &copies {
        Sqlite::snapshot(&path, copy, &mut |_, _| ()).unwrap();
        Sqlite::check_file(copy).unwrap();
        // Whole and itself without any key; with the key it is a store like another.
        let eye = Sqlite::inspect_ledger(copy).unwrap();
        let state = check_ledger(&eye).unwrap();
        assert_eq!(store.root(state.size).unwrap(), Some(state.root), "a prefix of what is there now");
        assert_eq!(code(append(&eye, batch(1, vec![Draft::new(0, 0, 999).entry()]))), "failure.store.read-only");
        sizes.push(state.size);
    }
    writer.join().unwrap();
    assert!(sizes[0] >= 300 && sizes.is_sorted() && store.ledger().unwrap().size == 600, "{sizes:?}");
    let restored = open(&copies[0]);
    assert!(restored.acts_of(&dossier(0)).unwrap().iter().all(|a| picture(&a.body) == format!("body 0 0 {}", a.seq)));
    acts(&restored, &[Draft::new(1, 0, 0)]);
    assert_eq!(check_ledger(&restored).unwrap().size, sizes[0] + 1, "it goes on by itself");
    assert_eq!(store.ledger().unwrap().size, 600, "and the first does not know of it");
}

#[test]
fn a_snapshot_overwrites_nothing_and_wants_a_store_that_it_knows() {
    let (home, path) = home();
    let copy = home.path().join("copy.db");
    assert!(Sqlite::snapshot(&path, &copy, &mut |_, _| ()).is_err(), "there is no store");
    drop(open(&path));
    Sqlite::snapshot(&path, &copy, &mut |_, _| ()).unwrap();
    let before = fs::read(&copy).unwrap();
    assert_eq!(code(Sqlite::snapshot(&path, &copy, &mut |_, _| ())), "failure.store.io");
    assert_eq!(fs::read(&copy).unwrap(), before);
    let mut damaged = before;
    damaged.truncate(damaged.len() - 5000);
    fs::write(&copy, damaged).unwrap();
    assert!(Sqlite::check_file(&copy).is_err());
    Connection::open(&path).unwrap().execute("INSERT INTO schema_version (version) VALUES (99)", []).unwrap();
    assert_eq!(code(Sqlite::snapshot(&path, &home.path().join("other.db"), &mut |_, _| ())), "refusal.store.newer-schema");
}

#[test]
fn the_wrong_key_and_a_newer_schema_are_refused_at_the_door() {
    let (_home, path) = home();
    drop(open(&path));
    let other = || StorageKey::generate(&mut SystemEntropy);
    assert_eq!(code(Sqlite::open(&path, other(), Box::new(SystemEntropy))), "failure.store.corrupt");
    assert_eq!(code(Sqlite::inspect(&path, other())), "failure.store.corrupt");
    Connection::open(&path).unwrap().execute("INSERT INTO schema_version (version) VALUES (99)", []).unwrap();
    let refused = Sqlite::open(&path, key(), Box::new(SystemEntropy)).err().unwrap();
    assert_eq!(refused.code(), "refusal.store.newer-schema");
    assert!(refused.to_string().contains("schema 99"), "{refused}");
    assert_eq!(code(Sqlite::inspect(&path, key())), "refusal.store.newer-schema");
}

#[test]
fn a_changed_ledger_is_found() {
    for damage in [
        "UPDATE ledger SET signed = X'00' WHERE pos = 17",
        "UPDATE ledger SET kind = 4 WHERE pos = 17",
        "UPDATE ledger SET leaf = zeroblob(32) WHERE pos = 299",
        "PRAGMA foreign_keys = OFF; DELETE FROM ledger WHERE pos = 270",
        "UPDATE subtree SET hash = zeroblob(32)",
    ] {
        let (_home, path) = home();
        let store = open(&path);
        acts(&store, &(0..300).map(|seq| Draft::new(0, 0, seq)).collect::<Vec<_>>());
        check_ledger(&store).unwrap();
        Connection::open(&path).unwrap().execute_batch(damage).unwrap();
        assert_eq!(code(check_ledger(&store)), "failure.store.corrupt", "{damage}");
    }
}

#[test]
fn bodies_do_not_open_elsewhere() {
    let (_home, path) = home();
    let store = open(&path);
    let ids = acts(&store, &[Draft::new(0, 0, 0), Draft::new(0, 0, 1), Draft { item: 1, ..Draft::new(0, 0, 2) }]);
    let raw = Connection::open(&path).unwrap();
    raw.execute("UPDATE body SET sealed = (SELECT sealed FROM body WHERE pos = 1) WHERE pos = 0", []).unwrap();
    assert_eq!(code(store.act(&ids[0])), "failure.store.corrupt");
    assert!(store.act(&ids[1]).is_ok());
    raw.execute("UPDATE item_key SET wrapped = (SELECT MAX(wrapped) FROM item_key)", []).unwrap();
    assert_eq!([1, 2].iter().filter(|n| store.act(&ids[**n]).is_err()).count(), 1, "one key is in its place, the other is not");
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let (_home, path) = home();
    fs::write(&path, [b'x'; 5000]).unwrap();
    assert_eq!(code(Sqlite::open(&path, key(), Box::new(SystemEntropy))), "failure.store.corrupt");
    assert_eq!(code(Sqlite::open(Path::new("/proc/none/node.db"), key(), Box::new(SystemEntropy))), "failure.store.io");
}

#[test]
fn nothing_that_people_wrote_lies_open_on_the_disk() {
    let (home, path) = home();
    let store = open(&path);
    let word = |what: &str| format!("Invented Person, {what}").into_bytes();
    let row = DossierRow {
        id: dossier(0),
        mechanism: Digest::default().into(),
        accord: Digest::default(),
        opened_at: UnixMs(0),
        updated_at: UnixMs(0),
        phase: "a phase in clear".to_owned(),
        closed: false,
        summary: word("summary"),
    };
    let all = Append {
        dossiers: vec![row],
        records: vec![RecordOp::Put { kind: "draft".to_owned(), id: "1".to_owned(), data: word("record") }],
        logs: vec![LogLine { kind: "audit".to_owned(), data: word("log") }],
        ..batch(1, vec![Draft { body: Some(word("body")), ..Draft::new(0, 0, 0) }.entry()])
    };
    append(&store, all).unwrap();
    let disk = on_disk(&home);
    assert!(contains(&disk, b"a phase in clear"), "the search works");
    assert!(!contains(&disk, b"Invented Person"));
    assert_eq!(store.dossier(&dossier(0)).unwrap().unwrap().summary, word("summary"));
}

/// The sealed body and the wrapped key of an act's item, as they lie on the disk.
fn sealed(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let raw = Connection::open(path).unwrap();
    let read = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    (read("SELECT sealed FROM body WHERE pos = 0"), read("SELECT wrapped FROM item_key"))
}

#[test]
fn erasing_leaves_neither_body_nor_key_on_the_disk() {
    for large in [20, 20_000] {
        let (home, path) = home();
        let store = open(&path);
        let draft = Draft { body: Some(vec![1; large]), ..Draft::new(0, 0, 0) };
        acts(&store, std::slice::from_ref(&draft));
        let (body, key) = sealed(&path);
        let tail = &body[body.len() - 40..];
        assert!(contains(&on_disk(&home), tail) && contains(&on_disk(&home), &key));
        append(&store, Append { erase: vec![(dossier(0), item(0))], ..Append::default() }).unwrap();
        assert!(!contains(&on_disk(&home), tail) && !contains(&on_disk(&home), &key));
        assert_eq!(store.act(&draft.id()).unwrap().unwrap().body, Body::Erased);
    }
}

#[test]
fn what_a_reader_still_needs_is_erased_after_it() {
    let (home, path) = home();
    let store = open(&path);
    acts(&store, &[Draft::new(0, 0, 0)]);
    let (_, key) = sealed(&path);
    let mut raw = Connection::open(&path).unwrap();
    let reading = raw.transaction().unwrap();
    reading.query_row("SELECT COUNT(*) FROM ledger", [], |row| row.get::<_, i64>(0)).unwrap();
    append(&store, Append { erase: vec![(dossier(0), item(0))], ..Append::default() }).unwrap();
    assert!(contains(&on_disk(&home), &key), "the reader's snapshot needs it");
    drop(reading);
    append(&store, batch(2, vec![Draft { item: 1, ..Draft::new(0, 0, 1) }.entry()])).unwrap();
    assert!(!contains(&on_disk(&home), &key));
}

#[test]
fn a_failed_foreign_write_does_not_confuse_the_ledger() {
    let (_home, path) = home();
    let store = open(&path);
    acts(&store, &[Draft::new(0, 0, 0)]);
    // Somebody puts an entry behind our back: the next position is taken, and nothing may be half filed.
    let raw = Connection::open(&path).unwrap();
    raw.execute("INSERT INTO ledger (pos, kind, at, object, leaf, signed) VALUES (1, 4, 0, X'01', X'02', X'03')", []).unwrap();
    let taken = Entry::receipt_taken(receipt(1, "r"), vec![]);
    let queue = vec![Queued { recipient: service(1), what: Outgoing::Note(vec![1]) }];
    assert_eq!(code(store.append(vec![Append { queue, ..batch(1, vec![taken]) }])), "failure.store.io");
    assert_eq!(store.outbox_depth(), Ok(vec![]));
    raw.execute("DELETE FROM ledger WHERE pos = 1", []).unwrap();
    acts(&store, &[Draft::new(0, 0, 1)]);
    assert_eq!(check_ledger(&store).unwrap().size, 2);
}
