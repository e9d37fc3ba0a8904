//! Carry files between real nodes and real files: a whole cooperation without a line, both ways at once, and kill -9 in the middle.

use entente::bench::{dossiers, note, two_nodes};
use entente::launch::{Founder, Station, accord, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");

/// Runs `entente carry …` as the administrator of a station: exit code, standard output as JSON, standard error.
fn carry(station: &Station, args: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(PROGRAM);
    for name in ["ENTENTE_DIR", "ENTENTE_TOKEN", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    let output = command.arg("--dir").arg(&station.dir).args(["--officer", "admin", "--json", "carry"]).args(args).stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    (output.status.code().unwrap(), serde_json::from_str(&out).unwrap_or_default(), err)
}

/// Runs what must succeed.
fn fine(station: &Station, args: &[&str]) -> Value {
    let (exit, out, err) = carry(station, args);
    assert_eq!((exit, err.as_str()), (0, ""), "{args:?}: {out}");
    out
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The carry files in a directory that one service wrote.
fn files(dir: &Path, from: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.file_name().unwrap().to_str().unwrap().starts_with(from));
    all.sort();
    all
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Brings the medium to a service whose node runs for just as long: imports, acts, exports.
async fn visit<F: AsyncFnOnce(&Station)>(at: &mut Station, other: &str, medium: &Path, act: F) -> Value {
    at.start(Path::new(PROGRAM)).await.unwrap();
    let brought: Vec<String> = files(medium, other).iter().map(|p| text(p).to_owned()).collect();
    let mut report = Value::Null;
    if !brought.is_empty() {
        let args: Vec<&str> = ["import"].into_iter().chain(brought.iter().map(String::as_str)).collect();
        report = fine(at, &args);
        brought.iter().for_each(|f| fs::remove_file(f).unwrap());
    }
    act(at).await;
    fine(at, &["export", other, text(medium)]);
    at.stop().unwrap();
    report
}

#[test]
fn an_accord_and_a_request_without_any_line() {
    let root = tempfile::tempdir().unwrap();
    runtime().block_on(without_line(root.path()));
}

async fn without_line(root: &Path) {
    let found = |code, country| {
        let founder = Founder { code, country, zone: "UTC", name: &[(base::Lang::Fr, code)], languages: &[base::Lang::Fr] };
        Station::found(root, &founder).unwrap()
    };
    let (mut a, mut b) = (found("aa", "MA"), found("bb", "ES"));
    let medium = root.join("medium");
    fs::create_dir(&medium).unwrap();
    let mut cards = Vec::new();
    for s in [&mut a, &mut b] {
        s.start(Path::new(PROGRAM)).await.unwrap();
        s.add_officer("desk", "Desk", &["desk", "officer"]).await.unwrap();
        s.add_officer("chief", "Chief", &["supervisor", "competent-authority"]).await.unwrap();
        s.add_officer("judge", "Judge", &["competent-authority", "supervisor"]).await.unwrap();
        cards.push(json!({ "card": s.client("admin").get("/v1/card").await.unwrap()["card"], "fingerprint": s.fingerprint }));
        s.stop().unwrap();
    }
    for (s, card) in [(&mut a, &cards[1]), (&mut b, &cards[0])] {
        s.start(Path::new(PROGRAM)).await.unwrap();
        s.client("admin").post("/v1/partners", card).await.unwrap();
        s.stop().unwrap();
    }
    let (ids, sign) = (
        [a.service, b.service],
        |id: &Value| json!({ "do": "move", "dossier": id, "item": null, "name": "sign", "handling": { "codes": ["H0"] }, "fields": { "authority": { "lang": "en", "text": "Director" } } }),
    );
    let mut id = Value::Null;
    visit(&mut a, "bb", &medium, async |s| {
        let hash = s.client("desk").get("/v1/mechanisms/information-request").await.unwrap()["hash"].as_str().unwrap().to_owned();
        id = s.act("chief", "judge", &accord(&ids, &[("information-request", &hash)], "By file"), "none").await.unwrap()["dossier"].clone();
    })
    .await;
    for (s, other) in [(&mut b, "aa"), (&mut a, "bb")] {
        visit(s, other, &medium, async |s| drop(s.act("judge", "chief", &sign(&id), "none").await.unwrap())).await;
    }
    let nothing = async |_: &Station| ();
    visit(&mut b, "aa", &medium, nothing).await;
    let mut request = Value::Null;
    visit(&mut a, "bb", &medium, async |s| {
        let text = |t: &str| json!({ "lang": "en", "text": t });
        let intent = json!({
            "do": "open", "mechanism": "information-request", "accord": null, "follows": null, "handling": { "codes": ["H0"] },
            "parties": [[ids[0], "requesting"], [ids[1], "requested"]],
            "fields": {
                "reference": "BL/7", "legal_basis": text("Agreement, article 5"), "purpose": "investigate", "offence": "terrorism",
                "facts": text("Invented."), "question": [text("Whose?")], "why_requested": text("Theirs."), "urgency": "ordinary"
            }
        });
        request = s.act("desk", "chief", &intent, "none").await.unwrap()["dossier"].clone();
    })
    .await;
    let read = async |s: &Station| s.client("desk").get(&format!("/v1/dossiers/{}?reason=test", request.as_str().unwrap())).await.unwrap();
    let mut on_b = Value::Null;
    visit(&mut b, "aa", &medium, async |s| on_b = read(s).await).await;
    let taken = visit(&mut a, "bb", &medium, nothing).await;
    assert_eq!(taken["taken"][0]["receipts"]["new"], 1, "{taken}");
    visit(&mut b, "aa", &medium, nothing).await;
    visit(&mut a, "bb", &medium, async |s| {
        let on_a = read(s).await;
        assert_eq!((&on_a["phase"], &on_a["digest"]), (&json!("open"), &on_b["digest"]), "both fold alike");
        assert_eq!(s.client("desk").get("/v1/status").await.unwrap()["outbox"], 0, "and everything is acknowledged");
        let v = &fine(s, &["status"])[0];
        assert_eq!((&v["under_way"], &v["waiting"], &v["missing"]), (&json!(0), &json!(0), &json!([])));
    })
    .await;
    assert!(files(&medium, "aa").is_empty(), "where nothing is due, nothing is written");
}

#[test]
fn by_file_and_by_line_at_the_same_time() {
    let root = tempfile::tempdir().unwrap();
    runtime().block_on(both_ways(root.path()));
}

async fn both_ways(root: &Path) {
    let (a, b) = two_nodes(root, Path::new(PROGRAM)).await.unwrap();
    let ids = dossiers(&a, &b, 2).await.unwrap();
    let medium = root.join("medium");
    fs::create_dir(&medium).unwrap();
    let writing = {
        let (client, ids) = (a.client("desk"), ids.clone());
        tokio::spawn(async move {
            for n in 0..200 {
                client.post("/v1/intents", &note(&ids[n % 2], &format!("note {n}"))).await.unwrap();
            }
        })
    };
    // Files go out and in while the line carries the same acts.
    let began = Instant::now();
    while !writing.is_finished() {
        tokio::task::block_in_place(|| {
            for (from, to) in [(&a, &b), (&b, &a)] {
                fine(from, &["export", &to.code, text(&medium), "--again"]);
                for file in files(&medium, &from.code) {
                    fine(to, &["import", text(&file)]);
                    fs::remove_file(file).unwrap();
                }
            }
        });
        assert!(began.elapsed() < Duration::from_secs(120));
    }
    writing.await.unwrap();
    for s in [&a, &b] {
        until("an empty outbox", Duration::from_secs(60), || async { Ok(s.client("desk").get("/v1/status").await?["outbox"] == 0) }).await.unwrap();
    }
    let (on_a, on_b) = (notes(&a, &ids).await, notes(&b, &ids).await);
    assert_eq!(on_a, on_b);
    assert_eq!((on_a.len(), on_a.values().all(|n| *n == 1)), (200, true), "none is lost and none doubled");
    for s in [&a, &b] {
        assert_eq!(s.client("desk").get("/v1/status").await.unwrap()["incidents"], 0);
    }
}

async fn notes(station: &Station, ids: &[String]) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for id in ids {
        let view = station.client("desk").get(&format!("/v1/dossiers/{id}?reason=test")).await.unwrap();
        for item in view["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "note") {
            *out.entry(item["fields"]["text"][0]["text"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    out
}

#[test]
fn kill_nine_in_the_middle_of_an_import() {
    let root = tempfile::tempdir().unwrap();
    // CARRY_ACTS makes the long form; with --nocapture it tells how fast files are written and taken.
    let acts = std::env::var("CARRY_ACTS").ok().and_then(|n| n.parse().ok()).unwrap_or(600);
    runtime().block_on(killed(root.path(), acts));
}

async fn killed(root: &Path, acts: usize) {
    let (mut a, mut b) = two_nodes(root, Path::new(PROGRAM)).await.unwrap();
    let ids = dossiers(&a, &b, 4).await.unwrap();
    let medium = root.join("medium");
    fs::create_dir(&medium).unwrap();
    // The line stays down: each node runs only while the other does not.
    b.stop().unwrap();
    for n in 0..acts {
        a.client("desk").post("/v1/intents", &note(&ids[n % 4], &format!("{n} {}", "x".repeat(15_000)))).await.unwrap();
    }
    let began = Instant::now();
    let out = fine(&a, &["export", "bb", text(&medium)]);
    let (write_s, bytes) = (began.elapsed().as_secs_f64(), out["files"][0]["bytes"].as_u64().unwrap());
    let parcels = out["parcels"].as_u64().unwrap();
    assert!(parcels > 5, "{out}");
    a.stop().unwrap();
    let file = files(&medium, "aa").remove(0);

    b.start(Path::new(PROGRAM)).await.unwrap();
    let size = async |s: &Station| s.client("desk").get("/v1/status").await.unwrap()["ledger_size"].as_u64().unwrap();
    let before = size(&b).await;
    // A medium that is slow at its middle: the importer has the first half and waits for the rest.
    let slow = root.join("slow.carry");
    assert!(Command::new("mkfifo").arg(&slow).status().unwrap().success());
    let importing = {
        let (dir, slow) = (b.dir.clone(), slow.clone());
        tokio::task::spawn_blocking(move || {
            Command::new(PROGRAM).arg("--dir").arg(dir).args(["--officer", "admin", "carry", "import"]).arg(slow).stdin(Stdio::null()).output().unwrap()
        })
    };
    let whole = fs::read(&file).unwrap();
    let medium_end = tokio::task::spawn_blocking(move || {
        let mut end = fs::OpenOptions::new().write(true).open(slow).unwrap();
        std::io::Write::write_all(&mut end, &whole[..whole.len() / 2]).unwrap();
        end
    });
    let medium_end = medium_end.await.unwrap();
    let (mut last, mut still) = (before, 0);
    while last == before || still < 20 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let now = size(&b).await;
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
    b.kill();
    drop(medium_end);
    let cut = importing.await.unwrap();
    assert_ne!(cut.status.code(), Some(0), "{}", String::from_utf8_lossy(&cut.stdout));
    let told = String::from_utf8(cut.stderr).unwrap();
    assert!(told.contains("failure.node.not-running") || told.contains("failure.carry.broken"), "{told}");

    b.start(Path::new(PROGRAM)).await.unwrap();
    let began = Instant::now();
    let taken = fine(&b, &["import", text(&file), "--reply", text(&medium)]);
    let read_s = began.elapsed().as_secs_f64();
    let count = |r: &Value, key: &str| r["taken"][0]["parcels"][key].as_u64().unwrap();
    let again = count(&taken, "again");
    assert!(again > 0 && again < parcels && again + count(&taken, "new") == parcels, "some was here, the rest came now: {taken}");
    assert_eq!(count(&fine(&b, &["import", text(&file)]), "again"), parcels);
    let on_b = notes(&b, &ids).await;
    assert_eq!((on_b.len(), on_b.values().all(|n| *n == 1)), (acts, true));
    b.stop().unwrap();

    a.start(Path::new(PROGRAM)).await.unwrap();
    let settled = fine(&a, &["import", text(&files(&medium, "bb")[0])]);
    assert_eq!(settled["taken"][0]["receipts"]["new"], parcels, "{settled}");
    assert_eq!(a.client("desk").get("/v1/status").await.unwrap()["outbox"], 0);
    let share = (parcels - again) as f64 / parcels as f64;
    let mb = bytes as f64 / 1e6;
    eprintln!(
        "{acts} acts, {mb:.1} MB: written in {write_s:.2} s ({:.1} MB/s); {again} of {parcels} parcels were here, the rest taken in {read_s:.2} s ({:.1} MB/s, {:.0} acts/s)",
        mb / write_s,
        mb * share / read_s,
        acts as f64 * share / read_s
    );
}

#[test]
fn a_node_that_is_told_to_stop_does_not_wait_for_a_medium_that_stalls() {
    let root = tempfile::tempdir().unwrap();
    runtime().block_on(stalled(root.path()));
}

async fn stalled(root: &Path) {
    let (a, mut b) = two_nodes(root, Path::new(PROGRAM)).await.unwrap();
    let dossier = dossiers(&a, &b, 1).await.unwrap().remove(0);
    b.stop().unwrap();
    let medium = root.join("medium");
    fs::create_dir(&medium).unwrap();
    a.client("desk").post("/v1/intents", &note(&dossier, "before it stalls")).await.unwrap();
    fine(&a, &["export", "bb", text(&medium)]);
    let whole = fs::read(files(&medium, "aa").remove(0)).unwrap();
    b.start(Path::new(PROGRAM)).await.unwrap();
    let slow = root.join("slow.carry");
    assert!(Command::new("mkfifo").arg(&slow).status().unwrap().success());
    let mut importing =
        Command::new(PROGRAM).arg("--dir").arg(&b.dir).args(["--officer", "admin", "carry", "import"]).arg(&slow).stdout(Stdio::null()).spawn().unwrap();
    // All of it but the last bytes, and those never come.
    let mut end = fs::OpenOptions::new().write(true).open(&slow).unwrap();
    std::io::Write::write_all(&mut end, &whole[..whole.len() - 8]).unwrap();
    let here = || async { Ok(notes(&b, std::slice::from_ref(&dossier)).await.len() == 1) };
    until("the parcel that came", Duration::from_secs(30), here).await.unwrap();
    let began = Instant::now();
    b.stop().unwrap();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    drop(end);
    assert!(!importing.wait().unwrap().success());
    b.start(Path::new(PROGRAM)).await.unwrap();
    assert_eq!(notes(&b, &[dossier]).await.len(), 1, "what was taken stays taken");
}

#[test]
fn what_cannot_be_written_or_read_has_its_text_and_exit_code() {
    let root = tempfile::tempdir().unwrap();
    runtime().block_on(refused(root.path()));
}

async fn refused(root: &Path) {
    let (a, b) = two_nodes(root, Path::new(PROGRAM)).await.unwrap();
    let code = |s: &Station, args: &[&str]| {
        let (exit, out, err) = carry(s, args);
        let told: Value = serde_json::from_str(&err).unwrap_or_else(|_| out["taken"][0].clone());
        (exit, told["code"].as_str().unwrap_or_default().to_owned())
    };
    let nowhere = root.join("nowhere");
    assert_eq!(code(&a, &["export", "bb", text(&nowhere)]), (1, "failure.file.write".to_owned()));
    assert_eq!(code(&a, &["export", "zz", text(root)]), (1, "refusal.partner.unknown".to_owned()));
    assert_eq!(code(&a, &["import", text(&nowhere)]), (1, "refusal.file.unreadable".to_owned()));
    assert_eq!(code(&a, &["export", "bb", text(root), "--max-size", "1k", "--again"]), (1, "refusal.carry.volume-small".to_owned()));
    let other = root.join("other.carry");
    fs::write(&other, vec![7; 3_000_000]).unwrap();
    assert_eq!(code(&a, &["import", text(&other)]), (1, "refusal.carry.no-file".to_owned()));
    // Our own file is refused where it is named, and passed over on a medium that goes round.
    let medium = root.join("medium");
    fs::create_dir(&medium).unwrap();
    assert_eq!(code(&a, &["import", text(&medium)]), (1, "refusal.file.unreadable".to_owned()));
    a.client("desk").post("/v1/checkpoint", &json!({})).await.unwrap();
    let out = fine(&a, &["export", "bb", text(&medium), "--again"]);
    if let Some(own) = files(&medium, "aa").first() {
        assert_eq!(code(&a, &["import", text(own)]), (1, "refusal.carry.own".to_owned()));
        assert_eq!(fine(&a, &["import", text(&medium)])["taken"][0]["code"], "refusal.carry.own", "{out}");
    }
    // Only the administrator handles media.
    let mut command = Command::new(PROGRAM);
    let told = command.arg("--dir").arg(&b.dir).args(["--officer", "desk", "carry", "export", "aa"]).arg(root).stdin(Stdio::null()).output().unwrap();
    assert!(String::from_utf8_lossy(&told.stderr).starts_with("refusal.officer.role"), "{told:?}");
}

#[test]
fn a_large_file_by_sticks_that_hold_a_part_of_it() {
    let root = tempfile::tempdir().unwrap();
    // CARRY_MIB makes the long form; with --nocapture it tells how fast and how much memory.
    let mib = std::env::var("CARRY_MIB").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    runtime().block_on(by_sticks(root.path(), mib));
}

/// Runs `entente …` as the desk of a station; what it says as JSON.
fn desk(station: &Station, args: &[&str]) -> Value {
    let token = station.dir.join("tokens").join("desk");
    let mut command = Command::new(PROGRAM);
    let output = command.arg("--dir").arg(&station.dir).arg("--token-file").arg(token).arg("--json").args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

async fn peak_mb(s: &Station) -> f64 {
    s.client("admin").get("/v1/process").await.unwrap()["peak_rss_kib"].as_f64().unwrap() / 1024.0
}

async fn by_sticks(root: &Path, mib: usize) {
    let program = Path::new(PROGRAM);
    let (mut a, mut b) = two_nodes(root, program).await.unwrap();
    let dossier = dossiers(&a, &b, 1).await.unwrap().remove(0);
    let (film, stick) = (root.join("film.mp4"), root.join("stick"));
    let mut seed = 7u64;
    let words = (0..mib << 17).flat_map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_le_bytes()
    });
    fs::write(&film, words.collect::<Vec<u8>>()).unwrap();
    fs::create_dir(&stick).unwrap();
    // From here on no two nodes run at the same time.
    b.stop().unwrap();
    desk(&a, &["exhibit", "add", text(&film), "--dossier", &dossier, "--description", "fr=Film"]);
    a.stop().unwrap();
    let size = format!("{}M", (mib / 5).max(3));
    let (mut came, mut rounds, mut spent, mut grown) = (0, 0, [0.0f64; 2], [0.0f64; 2]);
    loop {
        a.start(program).await.unwrap();
        let (before, began) = (peak_mb(&a).await, Instant::now());
        let out = fine(&a, &["export", "bb", text(&stick), "--max-size", &size, "--max-files", "1"]);
        spent[0] += began.elapsed().as_secs_f64();
        grown[0] = f64::max(grown[0], peak_mb(&a).await - before);
        assert!(grown[0] < 64.0, "the file is never in memory: {grown:?}");
        a.stop().unwrap();
        let written = files(&stick, "aa");
        assert!(written.len() <= 1, "{out}");
        let Some(file) = written.first() else {
            assert_eq!(out["exhibits_left"], 0, "{out}");
            break;
        };
        assert!(fs::metadata(file).unwrap().len() <= (mib as u64 / 5).max(3) * 1_000_000);
        b.start(program).await.unwrap();
        let (before, began) = (peak_mb(&b).await, Instant::now());
        came += fine(&b, &["import", text(file)])["taken"][0]["chunks"].as_u64().unwrap();
        spent[1] += began.elapsed().as_secs_f64();
        grown[1] = f64::max(grown[1], peak_mb(&b).await - before);
        assert!(grown[1] < 64.0, "the file is never in memory: {grown:?}");
        if rounds == 1 {
            // In the middle the node is killed: what was taken is on the disk.
            b.kill();
            b.start(program).await.unwrap();
            assert_eq!(fine(&b, &["import", text(file)])["taken"][0]["chunks"], 0);
        }
        b.stop().unwrap();
        fs::remove_file(file).unwrap();
        rounds += 1;
    }
    assert!(came == mib as u64 && rounds > 4, "{came} chunks in {rounds} rounds");
    let [write_s, take_s] = spent;
    eprintln!("{mib} MiB over {rounds} sticks: written in {write_s:.2} s, taken in {take_s:.2} s; memory grew by at most {grown:.0?} MB");
    // Receipts go back, the word on the whole is asked for and comes: one stick for each.
    for n in 0..4 {
        let (at, other) = if n % 2 == 0 { (&mut b, "aa") } else { (&mut a, "bb") };
        visit(at, other, &stick, async |_| ()).await;
    }
    a.start(program).await.unwrap();
    files(&stick, "bb").iter().for_each(|f| drop(fine(&a, &["import", text(f)])));
    let there = desk(&a, &["exhibit", "list", &dossier, "--reason", "test"]);
    let one = &there["exhibits"].as_array().or(there.as_array()).unwrap()[0];
    assert_eq!(one["there"][0]["state"], "held", "{there}");
    a.stop().unwrap();
    b.start(program).await.unwrap();
    let id = one["id"].as_str().unwrap();
    desk(&b, &["exhibit", "get", &dossier, &id[..12], text(&root.join("out.mp4")), "--reason", "test"]);
    assert!(fs::read(&film).unwrap() == fs::read(root.join("out.mp4")).unwrap(), "every byte is the sender's");
}
