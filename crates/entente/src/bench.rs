//! Measures delivered acts between two nodes on this machine, beside what the same machine does for the bare primitives.
//!
//! An act counts when it is signed, sealed, on the disk of both nodes and receipted. A run with one receipt missing gives no figure.

use crate::client::{Client, Problem};
use crate::launch::{Founder, LaunchError, Station, settle};
use base::{Entropy, Lang, UnixMs};
use seal::{CardDraft, Cards, Keys, Parcel, Signed, SystemEntropy, Typ, seal_parcel};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::{Append, RecordOp, Sqlite, Store};
use tokio::task::JoinSet;

/// Bytes of one act's text.
const BODY_BYTES: usize = 2048;
/// Acts after which the next dossier is used.
const ACTS_PER_DOSSIER: usize = 1000;
/// Acts in the batches for which the cost of sealing is shared out.
const SHARE: f64 = 100.0;

/// What to measure.
#[derive(Debug, Clone)]
pub struct ExchangeArgs {
    /// Acts in each run.
    pub acts: usize,
    /// Acts under way at once, one run each.
    pub outstanding: Vec<usize>,
    /// Where the nodes' directories are made; a temporary place where none is named.
    pub dir: Option<PathBuf>,
    /// Whether machines read.
    pub json: bool,
}

/// What the nodes' processes have used so far.
#[derive(Clone, Copy, Default)]
struct Used {
    cpu_ms: f64,
    disk_bytes: u64,
    peak_kib: u64,
}

struct Run {
    outstanding: usize,
    acts: usize,
    seconds: f64,
    latencies_ms: Vec<f64>,
    used: Used,
    open_loop: bool,
}

impl Run {
    fn figures(&mut self, limit_us: f64, commit_ms: f64) -> Value {
        self.latencies_ms.sort_by(f64::total_cmp);
        let at = |q: f64| self.latencies_ms[((self.latencies_ms.len() - 1) as f64 * q) as usize];
        let cpu_us = self.used.cpu_ms * 1000.0 / self.acts as f64;
        json!({
            "outstanding": self.outstanding, "open_loop": self.open_loop, "acts": self.acts,
            "acts_per_s": round(self.acts as f64 / self.seconds), "p50_ms": round(at(0.5)), "p99_ms": round(at(0.99)),
            "p50_in_commits": round(at(0.5) / commit_ms), "cpu_s_per_1000": round(cpu_us / 1000.0), "share_of_crypto_limit": round(limit_us / cpu_us),
            "disk_bytes_per_act": self.used.disk_bytes / self.acts as u64, "peak_mb": self.used.peak_kib / 1024,
        })
    }
}

pub(crate) fn round(x: f64) -> f64 {
    let scale = if x.abs() >= 100.0 { 10.0 } else { 1000.0 };
    (x * scale).round() / scale
}

/// Runs the measurement and prints it.
pub fn exchange(args: &ExchangeArgs) -> Result<(), LaunchError> {
    let system = |e: &dyn std::fmt::Display| LaunchError::System(e.to_string());
    let root = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("entente-bench-{}", std::process::id())));
    let program = std::env::current_exe().map_err(|e| system(&e))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| system(&e))?;
    let yard = primitives(&root).map_err(|e| system(&e))?;
    let limit_us = yard["sign_us"].as_f64().unwrap_or(0.0)
        + yard["verify_us"].as_f64().unwrap_or(0.0)
        + (yard["seal_us"].as_f64().unwrap_or(0.0) + yard["open_us"].as_f64().unwrap_or(0.0)) / SHARE;
    let mut load = vec![load1()];
    let commit_ms = yard["sqlite_commit_p50_us"].as_f64().unwrap_or(0.0) / 1000.0;
    let runs = runtime.block_on(measure(args, &root, &program, limit_us, commit_ms))?;
    load.push(load1());
    if args.dir.is_none() {
        let _ = std::fs::remove_dir_all(&root); // only temporary files
    }
    let whole = json!({ "body_bytes": BODY_BYTES, "primitives": yard, "crypto_limit_us_per_act": round(limit_us), "runs": runs, "load1": load });
    print(&whole, args.json);
    Ok(())
}

fn print(whole: &Value, json: bool) {
    if json {
        println!("{whole}");
        return;
    }
    let y = &whole["primitives"];
    println!(
        "bare primitives on this machine, 2 KiB: sign {} us, verify {} us, seal {} us, open {} us, append and fdatasync {} us, SQLite commit of one row {} us (p50)",
        y["sign_us"], y["verify_us"], y["seal_us"], y["open_us"], y["fsync_p50_us"], y["sqlite_commit_p50_us"]
    );
    println!("crypto limit: sign + verify + (seal + open)/100 = {} us of CPU an act on both nodes; load {}", whole["crypto_limit_us_per_act"], whole["load1"]);
    if whole["load1"].as_array().into_iter().flatten().any(|l| l.as_f64() > Some(2.0)) {
        println!("other work was running (load above 2): compare CPU only, not rates and waits");
    }
    let head = ["outstanding", "acts", "acts/s", "p50 ms", "p99 ms", "p50/commit", "CPU s/1000", "crypto share", "disk B/act", "peak MB"];
    println!("{}", head.map(|h| format!("{h:>13}")).concat());
    for r in whole["runs"].as_array().into_iter().flatten() {
        let name = if r["open_loop"] == true { format!("open {}/s", r["outstanding"]) } else { r["outstanding"].to_string() };
        let columns = ["acts", "acts_per_s", "p50_ms", "p99_ms", "p50_in_commits", "cpu_s_per_1000", "share_of_crypto_limit", "disk_bytes_per_act", "peak_mb"];
        println!("{name:>13}{}", columns.map(|c| format!("{:>13}", r[c].to_string())).concat());
    }
}

async fn measure(args: &ExchangeArgs, root: &Path, program: &Path, limit_us: f64, commit_ms: f64) -> Result<Vec<Value>, LaunchError> {
    let (a, b) = two_nodes(root, program).await?;
    let mut out = Vec::new();
    let mut fastest: f64 = 0.0;
    for outstanding in &args.outstanding {
        let dossiers = dossiers(&a, &b, args.acts.div_ceil(ACTS_PER_DOSSIER)).await?;
        let mut run = closed_loop(&a, &b, args.acts, *outstanding, &dossiers).await?;
        fastest = fastest.max(run.acts as f64 / run.seconds);
        out.push(run.figures(limit_us, commit_ms));
    }
    let rate = (fastest / 2.0) as usize;
    if rate > 0 {
        let acts = args.acts.min(rate * 10);
        let dossiers = dossiers(&a, &b, acts.div_ceil(ACTS_PER_DOSSIER)).await?;
        out.push(open_loop(&a, &b, acts, rate, &dossiers).await?.figures(limit_us, commit_ms));
    }
    Ok(out)
}

/// Founds and starts two nodes that know each other, with officers and an accord in force.
pub async fn two_nodes(root: &Path, program: &Path) -> Result<(Station, Station), LaunchError> {
    let found = |code, country, zone, lang| Station::found(root, &Founder { code, country, zone, name: &[(lang, code)], languages: &[lang] });
    let mut both = [found("aa", "MA", "Africa/Casablanca", Lang::Fr)?, found("bb", "ES", "Europe/Madrid", Lang::Es)?];
    settle(&mut both, program).await?;
    let [a, b] = both;
    Ok((a, b))
}

/// Opens information requests from the first to the second node; their notes are the acts that are measured.
pub async fn dossiers(a: &Station, b: &Station, n: usize) -> Result<Vec<String>, LaunchError> {
    let text = |t: &str| json!({ "lang": "en", "text": t });
    let mut ids = Vec::new();
    for i in 0..n {
        let intent = json!({
            "do": "open", "mechanism": "information-request", "accord": null, "follows": null, "handling": { "codes": ["H0"] },
            "parties": [[a.service, "requesting"], [b.service, "requested"]],
            "fields": {
                "reference": format!("BENCH-{i}"), "legal_basis": text("Agreement, article 5"), "purpose": "investigate", "offence": "terrorism",
                "facts": text("Measured."), "question": [text("How fast?")], "why_requested": text("It is the other node."), "urgency": "ordinary"
            }
        });
        let made = a.act("desk", "chief", &intent, "delivered").await?;
        ids.push(made["dossier"].as_str().unwrap_or_default().to_owned());
    }
    Ok(ids)
}

/// An intent to write a note of some text into a dossier.
pub fn note(dossier: &str, text: &str) -> Value {
    json!({ "do": "open-item", "dossier": dossier, "parent": null, "kind": "note", "handling": { "codes": ["H0"] }, "fields": { "text": [{ "lang": "en", "text": text }] } })
}

/// Draws letters that do not compress.
pub(crate) fn letters() -> String {
    let mut bytes = [0u8; BODY_BYTES];
    SystemEntropy.fill(&mut bytes);
    bytes.iter().map(|b| (b'a' + b % 26) as char).collect()
}

async fn send(client: Client, dossier: String) -> Result<f64, LaunchError> {
    let began = Instant::now();
    let made = client.post("/v1/intents?wait=delivered&timeout_s=120", &note(&dossier, &letters())).await?;
    match made["delivered"] == true {
        true => Ok(began.elapsed().as_secs_f64() * 1000.0),
        false => Err(LaunchError::System("a receipt is missing, so there is no figure".to_owned())),
    }
}

async fn closed_loop(a: &Station, b: &Station, acts: usize, outstanding: usize, dossiers: &[String]) -> Result<Run, LaunchError> {
    let before = used(&[a, b]).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let client = a.client("desk");
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..outstanding {
        let (next, client, dossiers) = (Arc::clone(&next), client.clone(), dossiers.to_vec());
        workers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= acts {
                    return Ok(latencies);
                }
                latencies.push(send(client.clone(), dossiers[n % dossiers.len()].clone()).await?);
            }
        });
    }
    let latencies_ms = all(workers).await?.concat();
    let seconds = began.elapsed().as_secs_f64();
    Ok(Run { outstanding, acts, seconds, latencies_ms, used: used(&[a, b]).await?.since(before), open_loop: false })
}

async fn open_loop(a: &Station, b: &Station, acts: usize, rate: usize, dossiers: &[String]) -> Result<Run, LaunchError> {
    let before = used(&[a, b]).await?;
    let client = a.client("desk");
    let began = Instant::now();
    let mut sends = JoinSet::new();
    for n in 0..acts {
        tokio::time::sleep_until((began + Duration::from_secs_f64(n as f64 / rate as f64)).into()).await;
        sends.spawn(send(client.clone(), dossiers[n % dossiers.len()].clone()));
    }
    let latencies_ms = all(sends).await?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Run { outstanding: rate, acts, seconds, latencies_ms, used: used(&[a, b]).await?.since(before), open_loop: true })
}

/// Waits for all tasks; the first fault of one stops the rest.
async fn all<T: 'static>(mut tasks: JoinSet<Result<T, LaunchError>>) -> Result<Vec<T>, LaunchError> {
    let mut out = Vec::new();
    while let Some(done) = tasks.join_next().await {
        out.push(done.map_err(|e| LaunchError::System(e.to_string()))??);
    }
    Ok(out)
}

impl Used {
    fn since(self, before: Used) -> Used {
        Used { cpu_ms: self.cpu_ms - before.cpu_ms, disk_bytes: self.disk_bytes.saturating_sub(before.disk_bytes), peak_kib: self.peak_kib }
    }
}

async fn used(stations: &[&Station]) -> Result<Used, Problem> {
    let mut sum = Used::default();
    for s in stations {
        let process = s.client("admin").get("/v1/process").await?;
        sum.cpu_ms += process["cpu_ms"].as_f64().unwrap_or(0.0);
        sum.peak_kib += process["peak_rss_kib"].as_u64().unwrap_or(0);
        let files = std::fs::read_dir(&s.dir).into_iter().flatten().flatten().filter(|f| f.file_name().to_string_lossy().starts_with("node.db"));
        sum.disk_bytes += files.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum::<u64>();
    }
    Ok(sum)
}

pub(crate) fn load1() -> f64 {
    std::fs::read_to_string("/proc/loadavg").ok().and_then(|l| l.split(' ').next().and_then(|n| n.parse().ok())).unwrap_or(-1.0)
}

/// Measures sign, verify, seal, open on 2 KiB in one thread, and append with fdatasync; microseconds.
fn primitives(dir: &Path) -> std::io::Result<Value> {
    let draft = CardDraft {
        code: "yard".to_owned(),
        country: "MA".to_owned(),
        name: vec![base::Text::new(Lang::En, "Yard")],
        endpoints: vec!["127.0.0.1:1".to_owned()],
        languages: vec![Lang::En.into()],
        duty: vec![seal::Duty { desk: "Desk".to_owned(), phone: "+10000000000".to_owned(), mail: String::new() }],
        valid_from: UnixMs(0),
        valid_until: UnixMs(i64::MAX / 2),
    };
    let keys = Keys::generate(&draft, UnixMs(1), &mut SystemEntropy).map_err(std::io::Error::other)?;
    let cards = Cards::first(keys.card_bytes()).map_err(std::io::Error::other)?;
    let body = letters().into_bytes();
    let signed = keys.sign(Typ::Act, &body).bytes().to_vec();
    let card = cards.latest().clone();
    let parcel = seal_parcel(&keys, &card, 1, UnixMs(1), &body).map_err(std::io::Error::other)?.bytes;
    let limit = body.len() + 8192;
    let sign = median(|| drop(keys.sign(Typ::Act, &body)));
    let verify = median(|| drop(Signed::parse(&signed, Typ::Act, limit).map(|s| s.verify(&cards, UnixMs(1)))));
    let sealing = median(|| drop(seal_parcel(&keys, &card, 1, UnixMs(1), &body)));
    let open = median(|| drop(Parcel::parse(&parcel[..], limit).map(|p| p.open(&cards, &keys))));
    std::fs::create_dir_all(dir)?;
    let path = dir.join("fsync.yard");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&body)?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    std::fs::remove_file(path)?;
    let all = [
        ("sign_us", sign),
        ("verify_us", verify),
        ("seal_us", sealing),
        ("open_us", open),
        ("fsync_p50_us", times[100]),
        ("fsync_p99_us", times[198]),
        ("sqlite_commit_p50_us", commits(dir, &keys)?),
    ];
    Ok(all.into_iter().map(|(k, v)| (k.to_owned(), json!(round(v)))).collect::<serde_json::Map<_, _>>().into())
}

/// Measures a transaction of one row of the same size in the node's own store; median in microseconds.
fn commits(dir: &Path, keys: &Keys) -> std::io::Result<f64> {
    let path = dir.join("yard.db");
    let store = Sqlite::open(&path, keys.storage().clone(), Box::new(SystemEntropy)).map_err(std::io::Error::other)?;
    let mut times = Vec::new();
    for i in 0..200 {
        let mut batch = Append::new(UnixMs(i));
        batch.records.push(RecordOp::Put { kind: "yard".to_owned(), id: i.to_string(), data: letters().into_bytes() });
        let began = Instant::now();
        let stored = store.append(vec![batch]).map_err(std::io::Error::other)?;
        stored.into_iter().try_for_each(|r| r.map(drop)).map_err(std::io::Error::other)?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Times a piece of work in nine groups of 100 and returns the median for one, in microseconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut groups: Vec<f64> = (0..9)
        .map(|_| {
            let began = Instant::now();
            (0..100).for_each(|_| work());
            began.elapsed().as_secs_f64() * 1e4
        })
        .collect();
    groups.sort_by(f64::total_cmp);
    groups[4]
}
