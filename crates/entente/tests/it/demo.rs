//! The demonstration from outside: it ends well and leaves nothing, keeps what it is told to keep, and takes its nodes along when stopped.

use crate::desk::browser::Browser;
use crate::desk::story::take_up;
use entente::client::Client;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
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

/// A demonstration that a test must not leave behind, however it ends, and the nodes that it keeps.
struct Kept {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The line that ends the story.
    done: Value,
    /// The lines before it whose checks hold.
    held: u64,
}

impl Kept {
    /// Starts it and waits for the end of the story.
    fn start(at: &Path, root: &Path) -> Kept {
        let mut child = demo(at).args(["--keep", "--json", "--dir"]).arg(root).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut kept = Kept { child, lines, done: Value::Null, held: 0 };
        while kept.done.is_null() {
            let line = kept.lines.next().expect("the story has an end").unwrap();
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            kept.held += u64::from(said["holds"] == true);
            if said["done"] == true {
                kept.done = said;
            }
        }
        kept
    }

    fn nodes(&self) -> &Vec<Value> {
        self.done["nodes"].as_array().unwrap()
    }

    /// The link by which an officer of a role comes to the desk.
    fn link(node: &Value, role: &str) -> String {
        let officers = node["officers"].as_array().unwrap();
        officers.iter().find(|o| o["role"] == role).unwrap()["link"].as_str().unwrap().to_owned()
    }

    /// Ends it as Ctrl-C does; everything is gone then.
    fn end(mut self) {
        assert!(signal("-INT", u64::from(self.child.id())));
        let last = self.lines.by_ref().last().unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&last).unwrap()["ended"], true, "{last}");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        for node in self.nodes() {
            goes_away(node["api"].as_str().unwrap());
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it has ended, where all went well
        let _ = self.child.wait();
        for pid in self.done["nodes"].as_array().into_iter().flatten().filter_map(|n| n["pid"].as_u64()) {
            signal("-KILL", pid);
        }
    }
}

#[test]
fn a_kept_demonstration_has_a_desk_for_everybody_until_it_is_ended_and_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("kept");
    let browser = Browser::start("the desks of a demonstration that is kept", &dir.path().join("chromium"));
    let kept = Kept::start(dir.path(), &root);
    assert_eq!((kept.done["checks"].as_u64(), kept.nodes().len()), (Some(kept.held), 4));
    let left: BTreeSet<&str> = kept.done["dossiers"].as_object().unwrap().keys().filter_map(|k| k.split('/').next()).collect();
    let shipped: Vec<String> = dossier::shipped().iter().map(|m| m.id.clone()).collect();
    assert_eq!(left.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>(), shipped.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for node in kept.nodes() {
        let text = |key: &str| node[key].as_str().unwrap();
        let desk = node["officers"].as_array().unwrap().iter().find(|o| o["role"] == "desk").unwrap();
        let token = fs::read_to_string(desk["token_file"].as_str().unwrap()).unwrap();
        let status = runtime.block_on(Client::new(text("api"), token.trim()).get("/v1/status")).unwrap();
        assert_eq!((status["code"].as_str(), &status["outbox"], &status["incidents"]), (Some(text("code")), &0.into(), &0.into()));
        let seen = Command::new(PROGRAM).args(["--dir", text("dir"), "--officer", desk["id"].as_str().unwrap(), "dossier", "list", "--json"]).output().unwrap();
        assert!(seen.status.success(), "the command line reaches a kept node: {}", String::from_utf8_lossy(&seen.stderr));
        assert_eq!(node["officers"].as_array().unwrap().len(), 6);
        if let Some(browser) = &browser {
            let tab = take_up(browser, &Kept::link(node, "desk"), "officer of a desk");
            tab.until_shown(desk["name"].as_str().unwrap());
            assert_eq!(tab.js("location.origin"), text("desk"));
            assert_ne!(tab.js("document.querySelectorAll('main .list a').length"), 0, "something waits at {}", text("code"));
            assert_eq!(tab.complaints(), Vec::<String>::new());
        }
    }
    if let Some(browser) = &browser {
        // One person with two desks in one browser stays signed in at both.
        let both = take_up(browser, &Kept::link(&kept.nodes()[0], "supervisor"), "at two desks");
        both.goto(&Kept::link(&kept.nodes()[1], "supervisor"));
        both.click("button[data-passkey]");
        both.until("location.pathname === '/' && document.readyState === 'complete'");
        for node in &kept.nodes()[..2] {
            both.goto(&format!("{}/settings", node["desk"].as_str().unwrap()));
            assert_eq!(both.js("location.pathname"), "/settings");
        }
    }
    let before = kept.done.clone();
    kept.end();

    let refused = demo(dir.path()).arg("--dir").arg(&root).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--keep starts its nodes again"));
    let again = Kept::start(dir.path(), &root);
    assert_eq!(again.done["dossiers"], before["dossiers"]);
    for (node, was) in again.nodes().iter().zip(before["nodes"].as_array().unwrap()) {
        assert_eq!((&node["desk"], &node["api"]), (&was["desk"], &was["api"]));
        assert_ne!(Kept::link(node, "officer"), Kept::link(was, "officer"), "a new link, once for each start");
    }
    if let Some(browser) = &browser {
        let tab = take_up(browser, &Kept::link(&again.nodes()[2], "competent-authority"), "authority of de");
        tab.until_shown("Annegret Falk");
    }
    // A node that ends by itself is told, and the others are ended all the same.
    assert!(signal("-TERM", again.nodes()[3]["pid"].as_u64().unwrap()));
    let mut again = again;
    let told = again.lines.by_ref().map(|l| l.unwrap()).find(|l| l.contains("the node has ended")).unwrap();
    assert!(told.contains("serve --key-file"), "{told}");
    again.end();
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
