//! Backups from outside: what is written, what is found when it was damaged, what comes back, and what a moved node says.

use base::{Lang, Text};
use dossier::OfficerRole;
use entente::home::{Founding, Home, commit};
use seal::{Duty, Lock};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use store::Store;

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");
const KEY: [u8; 32] = [9; 32];

/// Runs a command on a node's directory: exit code, standard output, standard error.
pub fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut c = Command::new(PROGRAM);
    for name in ["ENTENTE_DIR", "ENTENTE_TOKEN", "ENTENTE_PASSPHRASE", "ENTENTE_BACKUP_PASSPHRASE", "LC_ALL", "LC_MESSAGES", "LANG"] {
        c.env_remove(name);
    }
    let out = c.arg("--dir").arg(dir).args(args).stdin(Stdio::null()).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

/// Runs what must succeed and returns its JSON.
pub fn command(dir: &Path, args: &[&str]) -> Value {
    let (exit, out, err) = run(dir, &[args, &["--json"]].concat());
    assert_eq!(exit, 0, "{args:?}: {err}{out}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"))
}

/// Copies a directory with everything in it.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &to),
            false => assert!(fs::copy(entry.path(), to).is_ok()),
        }
    }
}

/// A node of its own beside a place of backups.
struct Bench {
    root: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let root = tempfile::tempdir().unwrap();
        let founding = Founding {
            code: "ma".to_owned(),
            country: "MA".to_owned(),
            name: vec![Text::new(Lang::Fr, "Bureau de liaison")],
            endpoints: vec!["127.0.0.1:17400".to_owned()],
            listen: ([127, 0, 0, 1], 17400).into(),
            api: ([127, 0, 0, 1], 17401).into(),
            zone: "Africa/Casablanca".to_owned(),
            languages: vec![Lang::Fr],
            duty: vec![Duty { desk: "24/7".to_owned(), phone: "+10000000000".to_owned(), mail: String::new() }],
            valid_days: 365,
            desk: None,
        };
        let b = Bench { root };
        Home::init(&b.node(), &founding, &Lock::KeyFile(&KEY)).unwrap();
        fs::write(b.path("node.key"), KEY).unwrap();
        fs::create_dir_all(b.node().join("exhibits/ab")).unwrap();
        fs::write(b.node().join("exhibits/ab/abcd"), large(3, 5_000_000)).unwrap();
        b
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn node(&self) -> PathBuf {
        self.path("node")
    }

    fn args(&self, command: &[&str], more: &[&str]) -> Vec<String> {
        let target = self.path("backups").display().to_string();
        let key = self.path("backup.key").display().to_string();
        command.iter().map(|s| (*s).to_owned()).chain([target, "--backup-key-file".to_owned(), key]).chain(more.iter().map(|s| (*s).to_owned())).collect()
    }

    fn does(&self, dir: &Path, name: &[&str], more: &[&str]) -> Value {
        let args = self.args(name, more);
        command(dir, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn tries(&self, dir: &Path, name: &[&str], more: &[&str]) -> (i32, String, String) {
        let args = self.args(name, more);
        run(dir, &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn create(&self) -> Value {
        self.does(&self.node(), &["backup", "create"], &[])
    }

    /// Writes something into the store.
    fn officer(&self, id: &str) {
        let home = Home::open(&self.node()).unwrap();
        let mut node = home.node(&Lock::KeyFile(&KEY)).unwrap();
        node.add_officer(id.parse().unwrap(), id.to_owned(), vec![OfficerRole::Desk], entente::engine::now()).unwrap();
        commit(&mut node).unwrap();
    }

    fn officers(&self, dir: &Path) -> Vec<String> {
        let store = Home::open(dir).unwrap().inspect(&Lock::KeyFile(&KEY)).unwrap();
        store.records("officer", None, 100).unwrap().into_iter().map(|r| r.id).collect()
    }

    fn restore(&self, into: &str, more: &[&str]) -> Value {
        let key = self.path("node.key").display().to_string();
        self.does(&self.path(into), &["backup", "restore"], &[&["--key-file", key.as_str()], more].concat())
    }

    fn chunks(&self) -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> =
            fs::read_dir(self.path("backups/chunks")).unwrap().flat_map(|d| fs::read_dir(d.unwrap().path()).unwrap()).map(|f| f.unwrap().path()).collect();
        all.sort();
        all
    }
}

/// Bytes that repeat nowhere.
fn large(seed: u64, bytes: usize) -> Vec<u8> {
    let mut z = seed;
    let mut next = || {
        z = z.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (z >> 40) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn exhibits_come_back_with_their_node() {
    let b = Bench::new();
    let shelves = |dir: &Path| -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = fs::read_dir(dir.join("exhibits")).unwrap().map(|f| f.unwrap().path()).filter(|p| p.is_file()).collect();
        all.sort();
        all
    };
    let opened = |dir: &Path| Home::open(dir).unwrap().node(&Lock::KeyFile(&KEY)).unwrap();
    let add = |seed: u64| {
        let (mut node, now) = (opened(&b.node()), entente::engine::now());
        let (_, token) = node.add_officer(format!("desk.{seed}").parse().unwrap(), "Desk".to_owned(), vec![OfficerRole::Desk], now).unwrap();
        commit(&mut node).unwrap();
        let desk = node.officer_by_token(&token).unwrap();
        let mut intake = node.shelves().unwrap().take_in().unwrap();
        intake.write(&large(seed, 3_000_000)).unwrap();
        node.add_exhibit(&desk, intake.finish().unwrap(), now).unwrap();
        commit(&mut node).unwrap();
    };
    add(5);
    let first = shelves(&b.node());
    b.create();
    b.restore("whole", &[]);
    // Of a later one the document is there and the shelf is lost; of an earlier one the shelf is there and the document is not.
    add(6);
    let both = shelves(&b.node());
    let later = both.iter().find(|s| !first.contains(s)).unwrap();
    fs::copy(later, b.path("whole/exhibits").join(later.file_name().unwrap())).unwrap();
    b.create();
    b.restore("torn", &[]);
    fs::remove_file(b.path("torn/exhibits").join(first[0].file_name().unwrap())).unwrap();
    for (copy, kept, incidents) in [("whole", &first[0], 0), ("torn", later, 1)] {
        let node = opened(&b.path(copy));
        let left = shelves(&b.path(copy));
        assert_eq!(left.iter().map(|p| p.file_name()).collect::<Vec<_>>(), [kept.file_name()], "{copy}");
        assert_eq!(fs::read(&left[0]).unwrap(), fs::read(kept).unwrap(), "{copy}");
        let told = node.store().log(Some("incident"), None, 100).unwrap();
        let damaged = told.iter().filter(|l| String::from_utf8_lossy(&l.data).contains("failure.exhibit.damaged")).count();
        assert_eq!(damaged, incidents, "{copy}");
    }
}

#[test]
fn the_second_backup_writes_only_what_changed_and_each_comes_back_as_it_was() {
    let b = Bench::new();
    let first = b.create();
    assert!(first["new_bytes"].as_u64().unwrap() > 5_000_000);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    b.officer("k.desk");
    let second = b.create();
    let again = second["new_bytes"].as_u64().unwrap();
    assert!(again > 0 && again < 1_000_000, "{again}");
    // Nothing of the content stands in the place of backups.
    let sealed: Vec<u8> = b.chunks().iter().flat_map(|c| fs::read(c).unwrap()).collect();
    for open in [&b"SQLite format 3"[..], b"Africa/Casablanca", &large(3, 64)] {
        assert!(!sealed.windows(open.len()).any(|w| w == open));
    }
    let listed = b.does(&b.node(), &["backup", "list"], &[]);
    let ids: Vec<&str> = listed["backups"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [first["id"].as_str().unwrap(), second["id"].as_str().unwrap()]);
    // To a point: by name, by time, the newest.
    let at = listed["backups"][0]["at"].as_i64().unwrap();
    let time = base::UnixMs(at + 500).to_string();
    let old = b.restore("old", &["--at", &time]);
    assert_eq!((old["id"].as_str().unwrap(), b.officers(&b.path("old"))), (ids[0], vec!["admin".to_owned()]));
    let new = b.restore("new", &[]);
    assert_eq!((new["id"].as_str().unwrap(), b.officers(&b.path("new"))), (ids[1], vec!["admin".to_owned(), "k.desk".to_owned()]));
    assert!(new["declared"].is_string());
    for name in ["config.toml", "keys.entente", "tokens/admin", "exhibits/ab/abcd"] {
        assert_eq!(fs::read(b.path("new").join(name)).unwrap(), fs::read(b.node().join(name)).unwrap(), "{name}");
    }
    let verified = command(&b.path("new"), &["verify", "--ledger", "--key-file", b.path("node.key").to_str().unwrap()]);
    assert_eq!(verified["signatures"]["restorations"], 1);
    let (exit, _, err) = b.tries(&b.path("new"), &["backup", "restore"], &["--key-file", b.path("node.key").to_str().unwrap()]);
    assert!(exit == 1 && err.contains("is not empty"), "{err}");
    assert_eq!(b.does(&b.node(), &["backup", "verify"], &["--all"])["verified"]["whole"].as_array().unwrap().len(), 2);
}

#[test]
fn a_damaged_chunk_is_named_with_what_it_costs_and_the_next_backup_heals_it() {
    let b = Bench::new();
    let made = b.create();
    let victim = b.chunks().into_iter().max_by_key(|c| fs::metadata(c).unwrap().len()).unwrap();
    let mut bytes = fs::read(&victim).unwrap();
    bytes[1000] ^= 1;
    fs::write(&victim, &bytes).unwrap();
    let (exit, out, _) = b.tries(&b.node(), &["backup", "verify"], &[]);
    let name = victim.file_name().unwrap().to_str().unwrap();
    assert!(
        exit == 1 && out.contains(name) && out.contains("is damaged: it held exhibits/ab/abcd bytes") && out.contains(made["id"].as_str().unwrap()),
        "{out}"
    );
    let (exit, _, err) = b.tries(&b.path("x"), &["backup", "restore"], &["--key-file", b.path("node.key").to_str().unwrap()]);
    assert!(exit == 1 && err.starts_with("failure.backup.damaged: exhibits/ab/abcd cannot be put together: chunk"), "{err}");
    assert!(!b.path("x").exists() && !b.path("x.restoring").exists(), "nothing half restored is left");
    // A part of the store that is gone, and one that is damaged: the next backup reads all of the store back.
    fs::remove_file(&victim).unwrap();
    let store = b.chunks().into_iter().find(|c| fs::metadata(c).unwrap().len() == 64 * 1024 + 16).unwrap();
    fs::write(&store, vec![0; 64 * 1024 + 16]).unwrap();
    let again = b.create();
    assert_eq!((again["healed"].as_u64(), again["new_chunks"].as_u64().map(|n| n >= 1)), (Some(1), Some(true)), "{again}");
    assert_eq!(b.does(&b.node(), &["backup", "verify"], &["--all"])["holds"], true);
    b.restore("y", &["--at", made["id"].as_str().unwrap()]);
}

#[test]
fn an_interrupted_backup_leaves_the_earlier_ones_whole() {
    let b = Bench::new();
    let made = b.create();
    fs::write(b.node().join("exhibits/more"), large(11, 60_000_000)).unwrap();
    let args = b.args(&["backup", "create"], &[]);
    let mut child = Command::new(PROGRAM).arg("--dir").arg(b.node()).args(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let chunks = b.chunks().len();
    for _ in 0..2000 {
        if b.chunks().len() > chunks + 5 || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was cut short");
    let listed = b.does(&b.node(), &["backup", "list"], &[]);
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    assert_eq!(b.does(&b.node(), &["backup", "verify"], &["--all"])["holds"], true);
    b.restore("back", &[]);
    // What the cut one left is taken away, and what was restored does not know of it.
    let pruned = b.does(&b.node(), &["backup", "prune"], &["--keep", "5"]);
    assert!(pruned["chunks"].as_u64().unwrap() > 0 && pruned["kept"] == 1, "{pruned}");
    assert_eq!(b.does(&b.node(), &["backup", "verify"], &[])["verified"]["whole"][0], made["id"]);
    b.create();
}

#[test]
fn pruning_keeps_what_is_needed_and_never_the_wrong_thing() {
    let b = Bench::new();
    let mut ids = Vec::new();
    for n in 0..3 {
        b.officer(&format!("o{n}"));
        ids.push(b.create()["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(b.does(&b.node(), &["backup", "prune"], &["--keep", "1", "--keep-days", "1"])["kept"], 3, "young ones stay");
    let pruned = b.does(&b.node(), &["backup", "prune"], &["--keep", "0"]);
    assert_eq!((pruned["kept"].as_u64(), pruned["gone"].as_array().unwrap().len()), (Some(1), 2), "the newest always stays");
    assert_eq!(b.does(&b.node(), &["backup", "verify"], &["--all"])["verified"]["whole"][0], ids[2].as_str());
    // A list that does not open: nobody can tell what it needs.
    b.create();
    let list = b.path("backups/lists").join(format!("{}.list", ids[2]));
    let mut bytes = fs::read(&list).unwrap();
    bytes[20] ^= 1;
    fs::write(&list, bytes).unwrap();
    let (exit, _, err) = b.tries(&b.node(), &["backup", "prune"], &["--keep", "1"]);
    assert!(exit == 1 && err.contains("--drop-damaged") && err.contains(&ids[2]), "{err}");
    assert_eq!(b.tries(&b.node(), &["backup", "verify"], &["--all"]).0, 1);
    assert_eq!(b.does(&b.node(), &["backup", "prune"], &["--keep", "1", "--drop-damaged"])["gone"][0], ids[2].as_str());
    assert_eq!(b.does(&b.node(), &["backup", "verify"], &["--all"])["holds"], true);
}

#[test]
fn a_place_of_backups_is_one_services_and_opens_with_its_own_key_only() {
    let b = Bench::new();
    b.create();
    fs::write(b.path("other.key"), [1; 32]).unwrap();
    let target = b.path("backups").display().to_string();
    let (exit, _, err) = run(&b.node(), &["backup", "list", &target, "--backup-key-file", b.path("other.key").to_str().unwrap()]);
    assert!(exit == 1 && err.starts_with("refusal.keys.key-file"), "{err}");
    let (exit, _, err) = run(&b.node(), &["backup", "list", &target]);
    assert!(exit == 1 && err.contains("ENTENTE_BACKUP_PASSPHRASE"), "{err}");
    let inside = b.node().join("backups").display().to_string();
    let (exit, _, err) = run(&b.node(), &["backup", "create", &inside, "--backup-key-file", b.path("backup.key").to_str().unwrap()]);
    assert!(exit == 1 && err.contains("the disk that is lost takes both"), "{err}");
    let other = Bench::new();
    let (exit, _, err) = run(&other.node(), &["backup", "create", &target, "--backup-key-file", b.path("backup.key").to_str().unwrap()]);
    assert!(exit == 1 && err.contains("each service has a place of its own"), "{err}");
    let (exit, _, err) = run(&b.node(), &["backup", "list", b.path("nothing").to_str().unwrap(), "--backup-key-file", b.path("backup.key").to_str().unwrap()]);
    assert!(exit == 1 && err.contains("holds no backups"), "{err}");
}

#[test]
fn what_the_clock_makes_is_noted_whether_it_went_well_or_not() {
    let b = Bench::new();
    fs::write(b.path("backup.key"), [5; 32]).unwrap();
    assert!(entente::backup::last(&b.node()).made.is_none());
    let now = || entente::serve::backup_now(&b.node(), &b.path("backups"), &b.path("backup.key"));
    let made = now().unwrap();
    let note = entente::backup::last(&b.node());
    assert_eq!((note.made.map(|m| m.0), note.failed), (Some(made.id.clone()), None));
    fs::write(b.path("backup.key"), [5; 31]).unwrap();
    assert_eq!(now().unwrap_err().code(), "refusal.backup.asked");
    let note = entente::backup::last(&b.node());
    assert_eq!((note.made.map(|m| m.0), note.failed.map(|f| f.1)), (Some(made.id), Some("refusal.backup.asked".to_owned())), "the good one still counts");
    fs::write(b.path("backup.key"), [5; 32]).unwrap();
    assert_eq!(now().unwrap().new_bytes, 0, "nothing changed, nothing is written");
    assert!(entente::backup::last(&b.node()).failed.is_none());
}

#[test]
fn a_moved_node_says_where_it_went_and_goes_on_there_without_a_fence_once() {
    let b = Bench::new();
    b.create();
    let key = b.path("node.key").display().to_string();
    let keyed = ["--key-file", key.as_str()];
    let moved = b.does(&b.node(), &["migrate"], &[&["--to", "the machine in room 4"][..], &keyed].concat());
    let (exit, _, err) = run(&b.node(), &["serve", "--key-file", &key]);
    assert!(exit == 1 && err.starts_with("refusal.node.moved") && err.contains("room 4"), "{err}");
    let (exit, _, err) = b.tries(&b.node(), &["migrate"], &[&["--to", "room 5"][..], &keyed].concat());
    assert!(exit == 1 && err.starts_with("refusal.node.moved"), "{err}");
    let back = b.restore("new", &[]);
    assert_eq!((&back["id"], back["declared"].is_null()), (&moved["id"], true), "it goes on where it stood");
    assert!(Home::open(&b.path("new")).unwrap().node(&Lock::KeyFile(&KEY)).is_ok());
    let again = b.restore("second", &[]);
    assert!(again["declared"].is_string(), "a second one from the same backup is fenced");
}
