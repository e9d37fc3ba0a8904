//! Measures what storing an act costs, next to a bare SQLite insert of the same bytes in the same run.
//!
//! `cargo run --release -p entente-store --example acts_per_second [directory [batch]]`. Each line: acts per second of wall time, and
//! microseconds of the calling thread's CPU time per act. Signing is done before the clock starts, but for the receipt.

use base::{Digest, ServiceId};
use entente_store::conformance::world::{Draft, batch, receipt, service};
use entente_store::{Answer, Append, Outgoing, Parcel, Queued, Sqlite, Store};
use rusqlite::{Connection, params};
use seal::SystemEntropy;
use seal::rest::StorageKey;
use std::path::{Path, PathBuf};
use std::time::Instant;

const BODY_BYTES: usize = 2048;
const ACTS: usize = 20_000;
const COMMITS_MAX: usize = 2000;

fn main() {
    let home = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let home = tempfile::tempdir_in(home).unwrap();
    let sizes = std::env::args().nth(2).map_or(vec![1, 10, 100], |n| vec![n.parse().unwrap()]);
    println!("{:<44} {:>9} {:>12} {:>10}", "", "acts/s", "us CPU/act", "commits");
    for round in 0..2u64 {
        for &batch_acts in &sizes {
            let path = |name: &str| home.path().join(format!("{name}-{round}-{batch_acts}.db"));
            let acts = ACTS.min(COMMITS_MAX * batch_acts);
            let drafts = drafts(acts);
            bare(&path("bare"), &drafts, batch_acts);
            run("store: act + body", &path("plain"), batches(&drafts, batch_acts, |_, append| append));
            run("store: act + body + outbox (author)", &path("author"), batches(&drafts, batch_acts, queued));
            run("store: act + body + receipt (recipient)", &path("recipient"), batches(&drafts, batch_acts, answered));
        }
    }
    for waiting in [1, 16, 64, 400] {
        together(&home.path().join(format!("together-{waiting}.db")), waiting);
    }
}

/// Acts of one author in a hundred dossiers, ten to an item.
fn drafts(n: usize) -> Vec<Draft> {
    let mut noise = vec![0; BODY_BYTES];
    (0..n as u64)
        .map(|n| {
            base::Entropy::fill(&mut SystemEntropy, &mut noise);
            Draft { item: n / 1000, body: Some(noise.clone()), ..Draft::new(0, n % 100, n / 100) }
        })
        .collect()
}

fn batches(drafts: &[Draft], batch_acts: usize, dress: impl Fn(&[Draft], Append) -> Append) -> Vec<Append> {
    drafts.chunks(batch_acts).map(|part| dress(part, batch(1, part.iter().map(Draft::entry).collect()))).collect()
}

fn queued(drafts: &[Draft], append: Append) -> Append {
    let recipient: ServiceId = service(1);
    Append { queue: drafts.iter().map(|d| Queued { recipient, what: Outgoing::Act(d.id()) }).collect(), ..append }
}

fn answered(drafts: &[Draft], append: Append) -> Append {
    let (number, id) = (drafts[0].dossier + 100 * drafts[0].seq, Digest::of(&drafts[0].head()).into());
    let sign: entente_store::Sign = Box::new(|ledger, _| Ok(receipt(1, &format!("{} {}", ledger.size, ledger.root))));
    Append { answer: Some(Answer { parcel: Parcel { sender: service(0), number, id }, until: None, sign }), ..append }
}

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, StorageKey::generate(&mut SystemEntropy), Box::new(SystemEntropy)).unwrap()
}

fn run(name: &str, path: &Path, batches: Vec<Append>) {
    let store = open(path);
    let (acts, per) = (batches.iter().map(|b| b.entries.len()).sum(), batches[0].entries.len());
    let before = store.commits();
    measured(&format!("{name}, {per} at once"), acts, || {
        batches.into_iter().for_each(|batch| drop(store.append(vec![batch]).unwrap().remove(0).unwrap()));
        store.commits() - before
    });
}

/// The least that a database does: the same signed bytes and body in two columns, same settings.
fn bare(path: &Path, drafts: &[Draft], batch_acts: usize) {
    let mut conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096; CREATE TABLE act (pos INTEGER PRIMARY KEY, signed BLOB, body BLOB)")
        .unwrap();
    let rows: Vec<_> = drafts.iter().map(|d| (d.signed(), d.body.clone())).collect();
    measured(&format!("bare SQLite: one table, {batch_acts} at once"), rows.len(), || {
        for part in rows.chunks(batch_acts) {
            let tx = conn.transaction().unwrap();
            for (signed, body) in part {
                tx.prepare_cached("INSERT INTO act (signed, body) VALUES ($1, $2)").unwrap().execute(params![signed.bytes(), body]).unwrap();
            }
            tx.commit().unwrap();
        }
        rows.len().div_ceil(batch_acts) as u64
    });
}

/// Many batches that wait for one commit, as the node's engine gathers them.
fn together(path: &Path, callers: usize) {
    let store = open(path);
    let drafts = drafts(if callers == 1 { COMMITS_MAX } else { ACTS });
    let mut waiting: Vec<Append> = batches(&drafts, 1, queued);
    let (before, start) = (store.commits(), Instant::now());
    while !waiting.is_empty() {
        let later = waiting.split_off(waiting.len().min(callers));
        assert!(store.append(std::mem::replace(&mut waiting, later)).unwrap().iter().all(Result::is_ok));
    }
    let (rate, commits) = (drafts.len() as f64 / start.elapsed().as_secs_f64(), store.commits() - before);
    println!("{:<44} {rate:>9.0} {:>12} {commits:>10}", format!("store: author, {callers} batches at a time"), "");
}

fn measured(name: &str, acts: usize, work: impl FnOnce() -> u64) {
    let (cpu, start) = (cpu_ns(), Instant::now());
    let commits = work();
    let (wall, cpu) = (start.elapsed().as_secs_f64(), (cpu_ns() - cpu) as f64 / 1000.0);
    println!("{name:<44} {:>9.0} {:>12.1} {commits:>10}", acts as f64 / wall, cpu / acts as f64);
}

/// Time that this thread has run, in nanoseconds (Linux).
fn cpu_ns() -> u64 {
    let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}
