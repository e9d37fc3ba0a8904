//! A node that is killed in the middle of writing keeps what it acknowledged, and no half of anything.
//!
//! The parent starts this test binary again as a child that appends from several threads and says on its standard output what
//! was acknowledged. The parent kills it at a random moment with SIGKILL, opens the file and compares.
//! This shows atomicity and order; that the disk itself was asked to write shows only in the system calls.

use crate::file::open;
use base::Digest;
use entente_store::conformance::world::{Draft, batch, dossier, picture, receipt, service};
use entente_store::{Answer, Append, DueObject, LogLine, Outgoing, Parcel, Queued, Store, check_ledger};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 30;
const CALLERS: usize = 3;
/// Acts in a batch.
const ACTS: u64 = 3;

fn drafts(round: u64, caller: usize, n: u64) -> Vec<Draft> {
    (0..ACTS).map(|k| Draft { item: n, ..Draft::new(caller, round, n * ACTS + k) }).collect()
}

/// A batch of each kind of thing, so that half of it would show anywhere.
fn work(round: u64, caller: usize, n: u64) -> Append {
    let drafts = drafts(round, caller, n);
    let number = round * 1_000_000 + n;
    let id = Digest::tagged("parcel", &[&number.to_be_bytes(), &[caller as u8]]).into();
    let sign: entente_store::Sign = Box::new(move |ledger, _| Ok(receipt(0, &format!("{caller} {number} {} {}", ledger.size, ledger.root))));
    Append {
        queue: drafts.iter().map(|d| Queued { recipient: service(caller), what: Outgoing::Act(d.id()) }).collect(),
        logs: vec![LogLine { kind: format!("{round}/{caller}"), data: n.to_be_bytes().to_vec() }],
        answer: Some(Answer { parcel: Parcel { sender: service(caller), number, id }, until: None, sign }),
        ..batch(1, drafts.iter().map(Draft::entry).collect())
    }
}

#[test]
#[ignore = "the child of `what_was_acknowledged_survives_a_kill`"]
fn child() {
    let (Ok(path), Ok(round)) = (std::env::var("KILLED_STORE"), std::env::var("KILLED_ROUND")) else { return };
    let round: u64 = round.parse().unwrap();
    let store = open(Path::new(&path));
    // As the node does: what waits goes into one transaction, and each caller learns its own result after it.
    for n in 0.. {
        let outcomes = store.append((0..CALLERS).map(|caller| work(round, caller, n)).collect()).unwrap();
        for (caller, outcome) in outcomes.into_iter().enumerate() {
            outcome.unwrap();
            writeln!(std::io::stdout(), "acknowledged {caller} {n}").unwrap();
        }
    }
}

/// Runs a child until a moment drawn from the round's number and returns what it acknowledged: the next number of each caller.
fn killed(path: &Path, round: u64) -> BTreeMap<usize, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("KILLED_STORE", path)
        .env("KILLED_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = BTreeMap::new();
    // The first rounds may be killed before anything is stored, even while the schema is made.
    let draw = Digest::of(&round.to_be_bytes()).0;
    let length = Duration::from_millis(u64::from(draw[0]) * if round.is_multiple_of(5) { 1 } else { 2 });
    let killer = std::thread::spawn(move || {
        let start = Instant::now();
        std::thread::sleep(length);
        child.kill().unwrap();
        child.wait().unwrap();
        start.elapsed()
    });
    while let Some(Ok(line)) = lines.next() {
        // The harness prints its own words before ours on the first line.
        let Some((_, said)) = line.split_once("acknowledged ") else { continue };
        let (caller, n) = said.split_once(' ').unwrap();
        *acknowledged.entry(caller.parse().unwrap()).or_default() = n.parse::<u64>().unwrap() + 1;
    }
    killer.join().unwrap();
    acknowledged
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("node.db");
    let (mut acknowledged_in_all, mut rounds_cut) = (0, 0);
    for round in 0..ROUNDS {
        let acknowledged = killed(&path, round);
        let store = open(&path);
        check_ledger(&store).unwrap();
        let acts = store.acts_of(&dossier(round)).unwrap();
        let by_id: BTreeMap<_, _> = acts.iter().map(|a| (a.id, a)).collect();
        let mut batches_here = 0;
        for caller in 0..CALLERS {
            let acknowledged = acknowledged.get(&caller).copied().unwrap_or(0);
            let logged = store.log(Some(&format!("{round}/{caller}")), None, usize::MAX >> 1).unwrap().len() as u64;
            assert!(logged == acknowledged || logged == acknowledged + 1, "round {round}: {acknowledged} acknowledged, {logged} stored");
            rounds_cut += u64::from(logged > acknowledged);
            for n in 0..logged + 1 {
                let held: Vec<_> = drafts(round, caller, n).iter().filter_map(|d| by_id.get(&d.id()).copied()).collect();
                assert_eq!(held.len() as u64, if n < logged { ACTS } else { 0 }, "round {round}: batch {n} of {logged} in part");
                assert!(held.iter().all(|a| picture(&a.body) == format!("body {caller} {round} {}", a.seq)));
            }
            let id = |n: u64| Digest::tagged("parcel", &[&(round * 1_000_000 + n).to_be_bytes(), &[caller as u8]]).into();
            assert!((0..logged).all(|n| store.given(&id(n)).unwrap().is_some()) && store.given(&id(logged)).unwrap().is_none());
            batches_here += logged;
            acknowledged_in_all += acknowledged;
        }
        assert_eq!(acts.len() as u64, batches_here * ACTS);
        let queued: usize = store.outbox_depth().unwrap().iter().map(|d| d.count as usize).sum();
        let due: usize = store
            .outbox_depth()
            .unwrap()
            .iter()
            .map(|d| store.outbox_next(&d.recipient, None, usize::MAX >> 1, usize::MAX).unwrap())
            .map(|due| due.iter().filter(|d| matches!(d.what, DueObject::Act(_))).count())
            .sum();
        assert_eq!(queued, due);
        let size = store.ledger().unwrap().size;
        assert_eq!(size, queued as u64 / ACTS * (ACTS + 1), "each batch is its acts and one receipt");
    }
    println!("{acknowledged_in_all} batches acknowledged in {ROUNDS} rounds, {rounds_cut} callers cut between commit and acknowledgement");
    assert!(acknowledged_in_all > 100, "the rounds were too short to show anything");
}
