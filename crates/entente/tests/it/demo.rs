//! The demonstration from outside: it ends well and leaves nothing, keeps what it is told to keep, and takes its nodes along when stopped.

use entente::client::Client;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// A demonstration whose temporary directories are made in `at`.
fn demo(at: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("demo").env("TMPDIR", at).env_remove("ENTENTE_DIR").stdin(Stdio::null());
    command
}

fn signal(name: &str, pid: u64) -> bool {
    Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn goes_away(address: &str) {
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < GONE_WITHIN, "a node still answers at {address}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_whole_story_is_told_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let done = demo(dir.path()).output().unwrap();
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success(), "{err}\n{out}");
    for line in [
        "ma does not take a card whose fingerprint was not read right",
        "ma refuses this with refusal.pending.same-eyes",
        "the trilateral accord is in force at de",
        "two texts, English and French, were joined into one event",
        "the refusal came while the embargo ran",
        "the communiqué is public: 'published' at all three",
        "an outsider finds two altered words in the French text",
        "the clock of es stands still while its question is open",
        "every note is there once: nothing lost, nothing doubled",
        "a Spanish spelling meets the name in Arabic letters: a hit",
        "a namesake with another date of birth is no hit",
        "the request names the case and ma's reference",
        "every clock was met: answer, clarification, closing",
        "the accord of four is in force at pt",
        "nobody holds it any more: 'erased' at es, ma, de",
        "purged everywhere: 'closed' at de, ma, es, pt",
        "stopped for all: 'aborted' at ma, es, de",
        "one refusal stops the whole: 'refused' at ma, es, pt",
        "es refuses 'sign' with refusal.act.officer-role",
        "ma and es go on: 'action' at ma, es, pt",
        "the shift waits for ma's signature: 'handing_over' at ma, es, pt, de",
        "adopted by two, with a dissent and an abstention: 'adopted' at pt, ma, es, de",
        "withdrawn by who asked: 'withdrawn' at es, pt",
        "something waits at pt, and somebody must approve something",
        "the ledger of de is cosigned by all partners at",
        "every hash, signature and receipt in the ledger of pt holds (entente verify --ledger)",
        "every hash, signature and receipt in the ledger of es holds (entente verify --ledger)",
    ] {
        assert!(out.contains(&format!("✓ {line}")), "{line:?} is not told in\n{out}");
    }
    let held = out.lines().filter(|l| l.trim_start().starts_with('✓')).count();
    assert!(out.contains(&format!("{held} checks held in ")), "the checks are counted as they were shown: {held}");
    assert!(!out.contains('\x1b'), "no colour where nobody looks");
    assert_eq!((err.as_str(), fs::read_dir(dir.path()).unwrap().count()), ("", 0));
}

/// Nodes that a test must not leave behind, however it ends.
struct Kept(Vec<Value>);

impl Drop for Kept {
    fn drop(&mut self) {
        for pid in self.0.iter().filter_map(|n| n["pid"].as_u64()) {
            signal("-KILL", pid);
        }
    }
}

#[test]
fn kept_nodes_answer_until_they_are_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("kept");
    let done = demo(dir.path()).arg("--keep").arg("--json").arg("--dir").arg(&root).output().unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{}\n{out}", String::from_utf8_lossy(&done.stderr));
    let lines: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["done"], last["checks"].as_u64()), (&Value::Bool(true), Some(lines.iter().filter(|l| l["holds"] == true).count() as u64)));
    let mut kept = Kept(last["nodes"].as_array().unwrap().clone());
    assert_eq!(kept.0.len(), 4);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for node in &kept.0 {
        let text = |key: &str| node[key].as_str().unwrap();
        let token = fs::read_to_string(Path::new(text("dir")).join("tokens").join(text("desk"))).unwrap();
        let client = Client::new(text("api"), token.trim());
        let status = runtime.block_on(client.get("/v1/status")).unwrap();
        assert_eq!((status["code"].as_str(), &status["outbox"], &status["incidents"]), (Some(text("code")), &0.into(), &0.into()));
        let seen = Command::new(PROGRAM).args(["--dir", text("dir"), "--officer", text("desk"), "dossier", "list", "--json"]).output().unwrap();
        assert!(seen.status.success(), "the command line reaches a kept node: {}", String::from_utf8_lossy(&seen.stderr));
    }
    for node in std::mem::take(&mut kept.0) {
        assert!(signal("-TERM", node["pid"].as_u64().unwrap()));
        goes_away(node["api"].as_str().unwrap());
    }
    for code in ["ma", "es", "de", "pt"] {
        let checked = Command::new(PROGRAM)
            .arg("--dir")
            .arg(root.join(code))
            .args(["verify", "--ledger", "--key-file"])
            .arg(root.join(format!("{code}.key")))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn who_stops_the_story_stops_its_nodes() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = demo(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = |line: String| line.split_once("officers at ").map(|(_, address)| address.to_owned());
    let apis: Vec<String> = lines.by_ref().map(|l| l.unwrap()).filter_map(running).take(3).collect();
    assert_eq!(apis.len(), 3);
    assert!(apis.iter().all(|a| TcpStream::connect(a).is_ok()), "all three nodes run");
    assert!(signal("-INT", u64::from(child.id())));
    lines.for_each(drop);
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8(done.stderr).unwrap().contains("refusal.demo.interrupted"));
    apis.iter().for_each(|a| goes_away(a));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
