//! Measures a file from one node to another on this machine, beside what the same disk and processor do for the bare steps.
//!
//! Counted from the first byte of the upload until the sender holds the receiver's signed word that all of it is on its disk.

use crate::bench::{dossiers, load1, round, two_nodes};
use crate::launch::{LaunchError, Station};
use base::{CHUNK_BYTES, Entropy};
use seal::SystemEntropy;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest that one file may take.
const WITHIN: Duration = Duration::from_secs(3_600);

/// Time between two looks at how far the file is.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What to measure.
#[derive(Debug, Clone)]
pub struct ExhibitArgs {
    /// Mebibytes of the file.
    pub mib: u64,
    /// How often.
    pub runs: usize,
    /// Where the nodes' directories are made; a temporary place where none is named.
    pub dir: Option<PathBuf>,
    /// Whether machines read.
    pub json: bool,
}

/// Runs the measurement and prints it.
pub fn exhibit(args: &ExhibitArgs) -> Result<(), LaunchError> {
    let system = |e: &dyn std::fmt::Display| LaunchError::System(e.to_string());
    let root = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("entente-bench-{}", std::process::id())));
    let program = std::env::current_exe().map_err(|e| system(&e))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| system(&e))?;
    let file = root.join("exhibit.yard");
    std::fs::create_dir_all(&root).map_err(|e| system(&e))?;
    let mut load = vec![load1()];
    let runs = runtime.block_on(measure(args, &root, &program, &file));
    load.push(load1());
    let _ = std::fs::remove_file(&file); // it may not be there
    if args.dir.is_none() {
        let _ = std::fs::remove_dir_all(&root); // only temporary files
    }
    let whole = json!({ "mib": args.mib, "runs": runs?, "load1": load });
    print(&whole, args.json);
    Ok(())
}

fn print(whole: &Value, json: bool) {
    if json {
        println!("{whole}");
        return;
    }
    println!("a file of {} MiB, added at one node until the other's signed word is back; load {}", whole["mib"], whole["load1"]);
    if whole["load1"].as_array().into_iter().flatten().any(|l| l.as_f64() > Some(2.0)) {
        println!("other work was running (load above 2): compare CPU and memory only, not seconds");
    }
    let columns =
        ["add_s", "deliver_s", "whole_s", "mib_per_s", "cpu_s", "fsync_yard_s", "sha256_yard_s", "idle_mb_from", "peak_mb_from", "idle_mb_to", "peak_mb_to"];
    println!("{}", columns.map(|c| format!("{c:>14}")).concat());
    for r in whole["runs"].as_array().into_iter().flatten() {
        println!("{}", columns.map(|c| format!("{:>14}", r[c].to_string())).concat());
    }
}

/// What a node's process has used.
struct Used {
    cpu_ms: f64,
    rss_mb: f64,
    peak_mb: f64,
}

async fn used(s: &Station) -> Result<Used, LaunchError> {
    let p = s.client("admin").get("/v1/process").await?;
    let of = |key: &str| p[key].as_f64().unwrap_or(0.0);
    Ok(Used { cpu_ms: of("cpu_ms"), rss_mb: of("rss_kib") / 1024.0, peak_mb: of("peak_rss_kib") / 1024.0 })
}

async fn measure(args: &ExhibitArgs, root: &Path, program: &Path, file: &Path) -> Result<Vec<Value>, LaunchError> {
    let (a, b) = two_nodes(root, program).await?;
    let dossier = dossiers(&a, &b, 1).await?.remove(0);
    let mut out = Vec::new();
    for run in 0..args.runs {
        let (fsync_yard_s, sha256_yard_s) = yard(file, args.mib).map_err(|e| LaunchError::System(e.to_string()))?;
        let (from, to) = (used(&a).await?, used(&b).await?);
        let began = Instant::now();
        let opened = File::open(file).map_err(|e| LaunchError::System(e.to_string()))?;
        let added = a.client("desk").upload("/v1/exhibits", opened, |_| ()).await?;
        let add_s = began.elapsed().as_secs_f64();
        deliver(&a, &dossier, &added, &format!("yard-{run}.bin")).await?;
        let whole_s = began.elapsed().as_secs_f64();
        let (from_after, to_after) = (used(&a).await?, used(&b).await?);
        out.push(json!({
            "add_s": round(add_s), "deliver_s": round(whole_s - add_s), "whole_s": round(whole_s), "mib_per_s": round(args.mib as f64 / whole_s),
            "cpu_s": round((from_after.cpu_ms + to_after.cpu_ms - from.cpu_ms - to.cpu_ms) / 1000.0),
            "fsync_yard_s": round(fsync_yard_s), "sha256_yard_s": round(sha256_yard_s),
            "idle_mb_from": round(from.rss_mb), "peak_mb_from": round(from_after.peak_mb), "idle_mb_to": round(to.rss_mb), "peak_mb_to": round(to_after.peak_mb),
        }));
    }
    Ok(out)
}

/// Names an exhibit in a dossier and waits until the sender holds the receiver's word that all of it is there.
pub async fn deliver(a: &Station, dossier: &str, added: &Value, name: &str) -> Result<(), LaunchError> {
    let value = json!({ "id": added["id"], "size": added["size"], "name": name, "media": "application/octet-stream" });
    let intent =
        json!({ "do": "open-item", "dossier": dossier, "parent": null, "kind": "exhibit", "handling": { "codes": ["H0"] }, "fields": { "file": [value] } });
    a.client("desk").post("/v1/intents", &intent).await?;
    let path = format!("/v1/dossiers/{dossier}/exhibits?reason=measurement");
    let began = Instant::now();
    loop {
        // Every look is logged and so waits for the disk: few of them, so that they do not slow down what is measured.
        tokio::time::sleep(LOOK_EVERY).await;
        let all = a.client("desk").get(&path).await?;
        let one = all.as_array().into_iter().flatten().find(|e| e["id"] == added["id"]).cloned().unwrap_or_default();
        if one["there"][0]["state"] == "held" && !one["there"][0]["since"].is_null() {
            return Ok(());
        }
        if began.elapsed() > WITHIN {
            return Err(LaunchError::System(format!("the exhibit is not at the other node after {} s: {one}", WITHIN.as_secs())));
        }
    }
}

/// Writes a file of random bytes with one fdatasync, and hashes it; seconds for each.
fn yard(file: &Path, mib: u64) -> std::io::Result<(f64, f64)> {
    let mut chunk = vec![0; CHUNK_BYTES];
    SystemEntropy.fill(&mut chunk);
    let mut out = File::create(file)?;
    let began = Instant::now();
    for i in 0..mib {
        chunk[..8].copy_from_slice(&i.to_be_bytes()); // no chunk is like another
        out.write_all(&chunk)?;
    }
    out.sync_data()?;
    let written = began.elapsed().as_secs_f64();
    let (mut from, mut hashed) = (File::open(file)?, 0.0);
    while from.read_exact(&mut chunk).is_ok() {
        let began = Instant::now();
        std::hint::black_box(seal::exhibit::chunk_hash(&chunk));
        hashed += began.elapsed().as_secs_f64();
    }
    Ok((written, hashed))
}
