//! Measures backups: a node with so many acts is backed up, goes on a little, is backed up again, verified and restored.
//!
//! The acts are real: two nodes in this process, one on a file as in its service, every act signed, sealed, judged and receipted.

use crate::backup::{self, Order, Target};
use crate::bench::{letters, note};
use crate::engine::now;
use crate::home::{Founding, Home, key_file_bytes};
use crate::launch::{LaunchError, accord};
use base::{DossierId, Lang, ServiceId, Text};
use dossier::OfficerRole;
use node::{Intent, Made, Node, Served, Settings};
use seal::{CardDraft, Duty, Fingerprint, Keys, Lock, SystemEntropy};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use store::Sqlite;

/// Acts that travel in one parcel.
const TOGETHER: usize = 100;
/// Acts after which the next dossier is used.
const ACTS_PER_DOSSIER: usize = 1000;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BackupArgs {
    /// Acts in the ledger before the first backup.
    pub acts: usize,
    /// Acts between the first and the second.
    pub more: usize,
    /// Where the directories are made and kept.
    pub dir: PathBuf,
    /// Whether machines read.
    pub json: bool,
}

fn system(e: impl std::fmt::Display) -> LaunchError {
    LaunchError::System(e.to_string())
}

/// Measures and prints.
pub fn backup(args: &BackupArgs) -> Result<(), LaunchError> {
    let key = key_file_bytes();
    let lock = Lock::KeyFile(&key);
    let (home, place) = (args.dir.join("node"), args.dir.join("backups"));
    let mut pair = Pair::found(&home, &lock)?;
    pair.write(args.acts)?;
    pair.close();
    let target = Target::open_or_make(&place, &lock).map_err(system)?;
    let order = || Order { dir: home.clone(), now: now(), moved: false };
    let (first, first_s) = timed(|| backup::create(&target, &order(), &mut |_, _| ()))?;
    let (before, after) = (args.dir.join("before.db"), args.dir.join("after.db"));
    Sqlite::snapshot(&home.join("node.db"), &before, &mut |_, _| ()).map_err(system)?;
    let mut pair = pair.again(&home, &lock)?;
    pair.write(args.more)?;
    pair.close();
    Sqlite::snapshot(&home.join("node.db"), &after, &mut |_, _| ()).map_err(system)?;
    let pieces = changed_by_piece(&before, &after)?;
    let (second, second_s) = timed(|| backup::create(&target, &order(), &mut |_, _| ()))?;
    let (third, third_s) = timed(|| backup::create(&target, &order(), &mut |_, _| ()))?;
    let newest = target.find(None).map_err(system)?;
    let (verified, verify_s) = timed(|| backup::verify(&target, Some(&newest), &home, now(), &mut |_, _| ()))?;
    let (back, restore_s) = timed(|| backup::restore(&target, &newest, &args.dir.join("restored"), &lock, now(), &mut |_, _| ()))?;
    let figures = json!({
        "acts": args.acts, "entries": first.ledger_size, "bytes": first.bytes,
        "first": { "s": first_s, "bytes": first.new_bytes, "chunks": first.new_chunks },
        "second": { "s": second_s, "acts": args.more, "bytes": second.new_bytes, "chunks": second.new_chunks },
        "unchanged": { "s": third_s, "bytes": third.new_bytes },
        "pieces": pieces.iter().map(|(kib, changed, of)| json!({ "kib": kib, "changed": changed, "of": of })).collect::<Vec<_>>(),
        "verify": { "s": verify_s, "chunks": verified.chunks, "holds": verified.holds() },
        "restore": { "s": restore_s, "entries": back.ledger_size },
    });
    println!("{}", if args.json { figures.to_string() } else { told(&figures) });
    Ok(())
}

/// Counts how much of a database changed, cut into aligned pieces of several sizes: KiB, pieces that changed, pieces.
fn changed_by_piece(before: &Path, after: &Path) -> Result<Vec<(usize, usize, usize)>, LaunchError> {
    let (before, after) = (std::fs::read(before).map_err(system)?, std::fs::read(after).map_err(system)?);
    let count = |kib: usize| {
        let bytes = kib * 1024;
        let old: Vec<&[u8]> = before.chunks(bytes).collect();
        let changed = after.chunks(bytes).enumerate().filter(|(n, piece)| old.get(*n) != Some(piece)).count();
        (kib, changed, after.len().div_ceil(bytes))
    };
    Ok([4, 16, 64, 256, 1024].into_iter().map(count).collect())
}

fn told(f: &Value) -> String {
    let mib = |v: &Value| v.as_f64().unwrap_or(0.0) / 1_048_576.0;
    let s = |v: &Value| v["s"].as_f64().unwrap_or(0.0);
    let piece: Vec<String> = f["pieces"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|p| {
            let (kib, changed) = (p["kib"].as_f64().unwrap_or(0.0), p["changed"].as_f64().unwrap_or(0.0));
            format!("{kib} KiB: {changed} of {} ({:.1} MiB)", p["of"], kib * changed / 1024.0)
        })
        .collect();
    format!(
        "{} acts, {} ledger entries, {:.1} MiB in the directory\n\
         first backup      {:6.2} s  {:7.2} MiB written\n\
         {:5} acts later  {:6.2} s  {:7.2} MiB written\n\
         nothing changed   {:6.2} s  {:7.2} MiB written\n\
         verify one        {:6.2} s\n\
         restore           {:6.2} s\n\
         of the database changed, by size of the pieces: {}",
        f["acts"],
        f["entries"],
        mib(&f["bytes"]),
        s(&f["first"]),
        mib(&f["first"]["bytes"]),
        f["second"]["acts"],
        s(&f["second"]),
        mib(&f["second"]["bytes"]),
        s(&f["unchanged"]),
        mib(&f["unchanged"]["bytes"]),
        s(&f["verify"]),
        s(&f["restore"]),
        piece.join(", ")
    )
}

fn timed<T>(work: impl FnOnce() -> Result<T, backup::BackupError>) -> Result<(T, f64), LaunchError> {
    let began = Instant::now();
    let done = work().map_err(system)?;
    Ok((done, began.elapsed().as_secs_f64()))
}

/// Two nodes in this process; the first on a file.
struct Pair {
    a: Option<Node>,
    b: Node,
    dossiers: Vec<DossierId>,
    written: usize,
}

impl Pair {
    fn found(dir: &Path, lock: &Lock<'_>) -> Result<Pair, LaunchError> {
        let at = now();
        let duty = vec![Duty { desk: "desk".to_owned(), phone: "+10000000000".to_owned(), mail: String::new() }];
        let founding = Founding {
            code: "aa".to_owned(),
            country: "MA".to_owned(),
            name: vec![Text::new(Lang::Fr, "aa")],
            endpoints: vec!["127.0.0.1:1".to_owned()],
            listen: ([127, 0, 0, 1], 1).into(),
            api: ([127, 0, 0, 1], 2).into(),
            zone: "UTC".to_owned(),
            languages: vec![Lang::Fr],
            duty: duty.clone(),
            valid_days: 30,
            desk: None,
        };
        Home::init(dir, &founding, lock)?;
        let draft = CardDraft {
            code: "bb".to_owned(),
            country: "ES".to_owned(),
            name: vec![Text::new(Lang::Es, "bb")],
            endpoints: vec!["127.0.0.1:3".to_owned()],
            languages: vec![Lang::Es.into()],
            duty,
            valid_from: at.plus_ms(-3_600_000),
            valid_until: at.plus_ms(30 * 86_400_000),
        };
        let keys = Keys::generate(&draft, at, &mut SystemEntropy).map_err(system)?;
        let store = Sqlite::in_memory(keys.storage().clone(), Box::new(SystemEntropy)).map_err(system)?;
        let b = Node::open(Arc::new(store), keys, Settings { zone: "UTC".to_owned(), memory: crate::config::memory_mib() << 20 }, Box::new(SystemEntropy), at)
            .map_err(system)?;
        let mut pair = Pair { a: Some(Home::open(dir)?.node(lock)?), b, dossiers: Vec::new(), written: 0 };
        pair.meet()?;
        Ok(pair)
    }

    /// Closes the first node's file.
    fn close(&mut self) {
        self.a = None;
    }

    /// Opens the first node again.
    fn again(self, dir: &Path, lock: &Lock<'_>) -> Result<Pair, LaunchError> {
        Ok(Pair { a: Some(Home::open(dir)?.node(lock)?), ..self })
    }

    fn a(&mut self) -> &mut Node {
        self.a.as_mut().expect("the first node is open")
    }

    /// Has both take the other's card, officers, and an accord in force.
    fn meet(&mut self) -> Result<(), LaunchError> {
        let (me, other) = (self.a().me(), self.b.me());
        let cards = [self.a().keys().card_bytes().to_vec(), self.b.keys().card_bytes().to_vec()];
        let words = |s: &ServiceId| Fingerprint::of(s).words(Lang::En);
        self.a().import_card(&cards[1], &words(&other), now()).map_err(system)?;
        self.b.import_card(&cards[0], &words(&me), now()).map_err(system)?;
        for node in [self.a.as_mut().expect("open"), &mut self.b] {
            use OfficerRole::{CompetentAuthority, Desk, Officer, Supervisor};
            for id in ["one", "two"] {
                let roles = vec![Officer, Desk, Supervisor, CompetentAuthority];
                node.add_officer(id.parse().map_err(system)?, id.to_owned(), roles, now()).map_err(system)?;
            }
            crate::home::commit(node).map_err(system)?;
        }
        let hash = self.a().mechanism("information-request").map_err(system)?.hash.to_string();
        let opened = does(self.a(), accord(&[me, other], &[("information-request", &hash)], "Measurement"))?;
        self.carry()?;
        let authority = json!({ "authority": { "lang": "en", "text": "Director" } });
        let sign = json!({ "do": "move", "dossier": opened, "item": null, "name": "sign", "handling": { "codes": ["H0"] }, "fields": authority });
        does(self.a(), sign.clone())?;
        self.carry()?;
        does(&mut self.b, sign)?;
        self.carry()
    }

    /// Writes notes in turn, and carries them.
    fn write(&mut self, acts: usize) -> Result<(), LaunchError> {
        for n in 0..acts {
            if self.written.is_multiple_of(ACTS_PER_DOSSIER) {
                self.open_dossier()?;
            }
            let dossier = self.dossiers.last().expect("just opened").to_string();
            let intent = note(&dossier, &letters());
            let node = if n.is_multiple_of(2) { self.a() } else { &mut self.b };
            does(node, intent)?;
            self.written += 1;
            if n % TOGETHER == TOGETHER - 1 {
                self.carry()?;
            }
        }
        self.carry()
    }

    fn open_dossier(&mut self) -> Result<(), LaunchError> {
        let text = |t: &str| json!({ "lang": "en", "text": t });
        let (me, other) = (self.a().me(), self.b.me());
        let intent = json!({
            "do": "open", "mechanism": "information-request", "accord": null, "follows": null, "handling": { "codes": ["H0"] },
            "parties": [[me, "requesting"], [other, "requested"]],
            "fields": {
                "reference": "BENCH", "legal_basis": text("Agreement, article 5"), "purpose": "investigate", "offence": "terrorism",
                "facts": text("Measured."), "question": [text("How fast?")], "why_requested": text("It is the other node."), "urgency": "ordinary"
            }
        });
        let opened = does(self.a(), intent)?;
        self.dossiers.push(opened);
        self.carry()
    }

    /// Carries everything both ways.
    fn carry(&mut self) -> Result<(), LaunchError> {
        let a = self.a.as_mut().expect("the first node is open");
        while send(a, &mut self.b)? | send(&mut self.b, a)? {}
        Ok(())
    }
}

/// Has one officer propose and another approve where that is wanted.
fn does(node: &mut Node, intent: Value) -> Result<DossierId, LaunchError> {
    let intent: Intent = serde_json::from_value(intent).map_err(system)?;
    let officer = |node: &Node, id: &str| node.officers().iter().find(|o| o.id.as_str() == id).cloned().ok_or_else(|| system("no officer"));
    let (one, two) = (officer(node, "one")?, officer(node, "two")?);
    let mut made = node.propose(&one, intent, now()).map_err(system)?;
    crate::home::commit(node).map_err(system)?;
    if let Made::Pending { id, .. } = &made {
        made = node.approve(&two, id, now()).map_err(system)?;
        crate::home::commit(node).map_err(system)?;
    }
    match made {
        Made::Act { dossier, .. } => Ok(dossier),
        Made::Pending { .. } => Err(system("a third pair of eyes was wanted")),
    }
}

/// Carries one parcel from one node to the other; false when nothing was due.
fn send(from: &mut Node, to: &mut Node) -> Result<bool, LaunchError> {
    let Some(load) = from.load(to.me(), now()).map_err(system)? else { return Ok(false) };
    let parcel = load.seal(&from.keys()).map_err(system)?;
    let arrived = node::open(parcel.bytes, from.me(), &to.book(), &to.keys(), now()).map_err(system)?;
    let served = to.receive(arrived, now()).map_err(system)?;
    let mut outcomes = to.commit();
    let receipt = match served {
        Served::Again(receipt) => receipt,
        Served::Staged(ticket) => {
            let place = outcomes.iter().position(|(t, _)| *t == ticket).ok_or_else(|| system("the batch was lost"))?;
            outcomes.swap_remove(place).1.map_err(system)?.receipt.ok_or_else(|| system("no receipt"))?
        }
    };
    from.answered(to.me(), load.number, parcel.id, Some(&receipt), now()).map_err(system)?;
    crate::home::commit(from).map_err(system)?;
    Ok(true)
}
