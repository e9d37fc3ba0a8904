//! The long run: three nodes under load and faults, their memory, descriptors, disk and latency sampled, and nothing lost at the end.
//!
//! Each partner reaches a node by a line through this program, which can cut it. In turn, over and over: one node is killed and
//! started again, one is cut off, one is flooded by a fourth service. The first node is never killed: its memory must stay flat.

use crate::bench::{dossiers, note};
use crate::client::Client;
use crate::flood::{Flooded, Flooder};
use crate::launch::{Founder, LaunchError, Station, free_port, settle, until};
use crate::plot::{Band, Line, figure};
use base::{Entropy, Lang};
use seal::SystemEntropy;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Acts after which a writer opens the next dossier.
const ACTS_PER_DOSSIER: usize = 200;
/// Words of a note.
const WORDS: usize = 290;
/// Writers; each has one act under way.
const WRITERS: usize = 8;
/// Time between two samples.
const SAMPLE: Duration = Duration::from_secs(2);
/// Seconds over which latencies are put together.
const LATENCY_S: f64 = 10.0;
/// Share by which the first node's memory may be larger in the last quarter than in the second: the allocator's own breathing.
const GROWTH_MAX: f64 = 0.10;
/// What is done within a cycle: at which share of it, and for how long at most.
const KILL_AT: f64 = 0.15;
const CUT: (f64, f64) = (0.35, 0.50);
const FLOOD: (f64, f64) = (0.65, 0.85);

/// What to run.
#[derive(Debug, Clone)]
pub struct SoakArgs {
    /// How long.
    pub seconds: u64,
    /// Acts a second, all writers together.
    pub rate: f64,
    /// Where the nodes' directories are made; a temporary place where none is named.
    pub dir: Option<PathBuf>,
    /// Where the figures are drawn.
    pub plots: Option<PathBuf>,
    /// Whether machines read.
    pub json: bool,
}

#[derive(Clone, Copy, Default)]
struct Sample {
    rss_mb: f64,
    files: f64,
    disk_mb: f64,
}

/// What the run saw.
#[derive(Default)]
struct Seen {
    samples: BTreeMap<String, Vec<(f64, Option<Sample>)>>,
    /// When each act was delivered, how long that took, and whether the way was free.
    latencies: Vec<(f64, f64)>,
    bands: Vec<Band>,
    kills: usize,
    cuts: usize,
    floods: Vec<Flooded>,
    /// Acknowledged acts by dossier.
    told: BTreeMap<String, (usize, Vec<String>)>,
    /// Times that a writer was refused or cut off.
    unsure: usize,
}

/// A line to a node, through this program, that can be cut.
struct Way {
    cut: watch::Sender<bool>,
}

impl Way {
    async fn open(at: SocketAddr, to: SocketAddr) -> Result<Way, LaunchError> {
        let listener = TcpListener::bind(at).await.map_err(|e| LaunchError::System(format!("{at}: {e}")))?;
        let (cut, seen) = watch::channel(false);
        tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                while open.try_join_next().is_some() {}
                let Ok((mut inside, _)) = listener.accept().await else { return };
                let mut seen = seen.clone();
                if *seen.borrow_and_update() {
                    continue; // dropped at once
                }
                open.spawn(async move {
                    let Ok(mut node) = TcpStream::connect(to).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut inside, &mut node) => {}
                        _ = seen.wait_for(|cut| *cut) => {}
                    }
                });
            }
        });
        Ok(Way { cut })
    }
}

/// Runs it and prints what came of it; what was lost or grew is an error.
pub fn soak(args: &SoakArgs) -> Result<(), LaunchError> {
    let system = |e: &dyn std::fmt::Display| LaunchError::System(e.to_string());
    let root = args.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("entente-soak-{}", std::process::id())));
    let program = std::env::current_exe().map_err(|e| system(&e))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| system(&e))?;
    let whole = runtime.block_on(run(args, &root, &program))?;
    if args.dir.is_none() {
        let _ = std::fs::remove_dir_all(&root); // only temporary files
    }
    match args.json {
        true => println!("{whole}"),
        false => print(&whole),
    }
    match whole["flat"] == true {
        true => Ok(()),
        false => Err(LaunchError::System("the first node's memory grew; see the figures".to_owned())),
    }
}

/// Gives a node little memory for dossiers, so that it is full early on: what grows after that is a fault.
fn little_memory(node: &Station) -> Result<(), LaunchError> {
    let path = node.dir.join(crate::config::FILE);
    let text = std::fs::read_to_string(&path).map_err(|e| LaunchError::System(format!("{}: {e}", path.display())))?;
    let lines = text.lines().map(|l| if l.starts_with("memory_mib") { "memory_mib = 32" } else { l });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).map_err(|e| LaunchError::System(format!("{}: {e}", path.display())))
}

/// Runs three nodes for a time with a program and returns the figures.
pub async fn run(args: &SoakArgs, root: &Path, program: &Path) -> Result<Value, LaunchError> {
    let founders = [("ma", "MA", "Africa/Casablanca"), ("es", "ES", "Europe/Madrid"), ("de", "DE", "Europe/Berlin")];
    let (mut nodes, mut ways) = (Vec::new(), Vec::new());
    for (code, country, zone) in founders {
        let (api, peer, known_as) = (free_port()?, free_port()?, free_port()?);
        nodes.push(Station::found_at(root, &Founder { code, country, zone, name: &[(Lang::En, code)], languages: &[Lang::En] }, api, peer, known_as)?);
        little_memory(nodes.last().expect("it was founded"))?;
        ways.push(Way::open(known_as, peer).await?);
    }
    settle(&mut nodes, program).await?;
    let fourth = Station::found(root, &Founder { code: "xx", country: "PT", zone: "Europe/Lisbon", name: &[(Lang::En, "xx")], languages: &[Lang::En] })?;
    let flooder = Arc::new(Flooder::new(&fourth, &nodes[0]).await?);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let began = Instant::now();
    let end = began + Duration::from_secs(args.seconds);
    let nodes = Arc::new(tokio::sync::RwLock::new(nodes));
    let mut writers = JoinSet::new();
    for w in 0..WRITERS {
        let (nodes, seen) = (Arc::clone(&nodes), Arc::clone(&seen));
        let pace = Duration::from_secs_f64(WRITERS as f64 / args.rate);
        writers.spawn(async move { write(w, nodes, seen, began, end, pace).await });
    }
    let sampling = tokio::spawn(sample(Arc::clone(&nodes), Arc::clone(&seen), began, end));
    let flood = {
        let seen = Arc::clone(&seen);
        let cycle = cycle(args.seconds);
        tokio::spawn(async move {
            let mut at = began;
            while at + cycle.mul_f64(FLOOD.0) < end {
                tokio::time::sleep_until((at + cycle.mul_f64(FLOOD.0)).into()).await;
                let came_to = flooder.run(cycle.mul_f64(FLOOD.1 - FLOOD.0)).await;
                seen.lock().expect("no holder panics").floods.push(came_to);
                at += cycle;
            }
        })
    };
    faults(&nodes, &ways, program, &seen, began, end, cycle(args.seconds)).await?;
    while let Some(done) = writers.join_next().await {
        done.map_err(|e| LaunchError::System(e.to_string()))??;
    }
    let _ = tokio::join!(sampling, flood);
    ways.iter().for_each(|w| w.cut.send_modify(|cut| *cut = false));
    let lost = count_lost(&nodes.read().await, &seen).await?;
    for node in nodes.write().await.iter_mut() {
        node.stop()?;
        let key: [u8; 32] = std::fs::read(&node.key_file).ok().and_then(|k| k.try_into().ok()).unwrap_or_default();
        let store = crate::home::Home::open(&node.dir)?.inspect(&seal::Lock::KeyFile(&key))?;
        store::check_ledger(&store).map_err(|e| LaunchError::System(format!("the ledger of {}: {e}", node.code)))?;
    }
    if lost > 0 {
        return Err(LaunchError::System(format!("{lost} acknowledged acts are lost or doubled")));
    }
    let seen = seen.lock().expect("no holder panics");
    if let Some(plots) = &args.plots {
        draw(plots, &seen, args.seconds as f64).map_err(|e| LaunchError::System(format!("{}: {e}", plots.display())))?;
    }
    Ok(figures(args, &seen))
}

fn cycle(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(60))
}

/// Kills, cuts and mends, cycle after cycle.
async fn faults(
    nodes: &tokio::sync::RwLock<Vec<Station>>,
    ways: &[Way],
    program: &Path,
    seen: &Mutex<Seen>,
    began: Instant,
    end: Instant,
    cycle: Duration,
) -> Result<(), LaunchError> {
    let mut at = began;
    let mut round = 0;
    while at + cycle.mul_f64(KILL_AT) < end {
        // The first node is never killed; the second and third take turns.
        let (killed, cut) = if round % 2 == 0 { (1, 2) } else { (2, 1) };
        tokio::time::sleep_until((at + cycle.mul_f64(KILL_AT)).into()).await;
        let down = began.elapsed().as_secs_f64();
        nodes.write().await[killed].kill();
        tokio::time::sleep(cycle.mul_f64(0.05)).await;
        nodes.write().await[killed].start(program).await?;
        seen.lock().expect("no holder panics").bands.push((format!("node {killed} killed"), down, began.elapsed().as_secs_f64()));
        seen.lock().expect("no holder panics").kills += 1;
        for (node, (from, to), name) in [(cut, CUT, "cut off"), (0, FLOOD, "flooded")] {
            let (from, to) = (at + cycle.mul_f64(from), at + cycle.mul_f64(to));
            if from >= end {
                return Ok(());
            }
            tokio::time::sleep_until(from.into()).await;
            if name == "cut off" {
                let _ = ways[node].cut.send(true); // the listening task lives as long as the program
                seen.lock().expect("no holder panics").cuts += 1;
            }
            tokio::time::sleep_until(to.min(end).into()).await;
            let _ = ways[node].cut.send(false);
            let since = |t: Instant| (t - began).as_secs_f64();
            seen.lock().expect("no holder panics").bands.push((format!("node {node} {name}"), since(from), since(to)));
        }
        at += cycle;
        round += 1;
    }
    Ok(())
}

/// Writes notes, one under way at a time, into one dossier after another.
async fn write(
    w: usize,
    nodes: Arc<tokio::sync::RwLock<Vec<Station>>>,
    seen: Arc<Mutex<Seen>>,
    began: Instant,
    end: Instant,
    pace: Duration,
) -> Result<(), LaunchError> {
    let other = 1 + w % 2;
    let from = if w < WRITERS / 2 { 0 } else { other };
    let client: Client = nodes.read().await[from].client("desk");
    let mut dossier = String::new();
    let mut written = ACTS_PER_DOSSIER;
    while Instant::now() < end {
        let at = Instant::now();
        if written >= ACTS_PER_DOSSIER {
            let opened = {
                let nodes = nodes.read().await;
                dossiers(&nodes[0], &nodes[other], 1).await
            };
            let Ok(ids) = opened else {
                tokio::time::sleep(Duration::from_millis(500)).await; // a node is down or cut off
                continue;
            };
            dossier = ids[0].clone();
            seen.lock().expect("no holder panics").told.insert(dossier.clone(), (other, Vec::new()));
            written = 0;
        }
        written += 1;
        match client.post("/v1/intents?wait=delivered&timeout_s=120", &note(&dossier, &words())).await {
            Ok(made) => {
                let mut seen = seen.lock().expect("no holder panics");
                if made["delivered"] == true {
                    seen.latencies.push((began.elapsed().as_secs_f64(), at.elapsed().as_secs_f64() * 1000.0));
                }
                seen.told.entry(dossier.clone()).or_default().1.push(made["act"].as_str().unwrap_or_default().to_owned());
            }
            // Not there at that moment: its dossier may not have come across yet, or its node is down.
            Err(p) if [0, 404, 503].contains(&p.status) => {
                seen.lock().expect("no holder panics").unsure += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(p) => return Err(p.into()),
        }
        tokio::time::sleep_until((at + pace).into()).await;
    }
    Ok(())
}

/// Draws two kilobytes of a note as people write: of a vocabulary that ends (4,096 words), and some words oftener than others.
fn words() -> String {
    const SYLLABLES: [&str; 16] = ["ba", "ce", "di", "fo", "ga", "he", "ji", "ko", "la", "me", "ni", "po", "ra", "se", "ti", "vo"];
    let mut drawn = [0u8; 4 * WORDS];
    SystemEntropy.fill(&mut drawn);
    let number = |pair: &[u8]| usize::from(u16::from_le_bytes([pair[0], pair[1]])) % 4096;
    let word = |four: &[u8]| {
        let n = number(&four[..2]).min(number(&four[2..]));
        [n >> 8, n >> 4, n].map(|n| SYLLABLES[n % 16]).concat()
    };
    drawn.chunks_exact(4).map(word).collect::<Vec<_>>().join(" ")
}

/// Reads memory, open files and disk of every node's process.
async fn sample(nodes: Arc<tokio::sync::RwLock<Vec<Station>>>, seen: Arc<Mutex<Seen>>, began: Instant, end: Instant) {
    while Instant::now() < end {
        for node in nodes.read().await.iter() {
            let one = node.pid().and_then(|pid| {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
                let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<f64>().ok())?;
                let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as f64;
                let disk: u64 = std::fs::read_dir(&node.dir).ok()?.flatten().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
                Some(Sample { rss_mb: rss / 1024.0, files, disk_mb: disk as f64 / 1e6 })
            });
            seen.lock().expect("no holder panics").samples.entry(node.code.clone()).or_default().push((began.elapsed().as_secs_f64(), one));
        }
        tokio::time::sleep(SAMPLE).await;
    }
}

/// Counts acknowledged acts that do not stand exactly once with both parties.
async fn count_lost(nodes: &[Station], seen: &Mutex<Seen>) -> Result<usize, LaunchError> {
    for node in nodes {
        let client = node.client("admin");
        until("an empty outbox at the end", Duration::from_secs(360), || async { Ok(client.get("/v1/status").await?["outbox"] == 0) }).await?;
    }
    let told = seen.lock().expect("no holder panics").told.clone();
    let mut lost = 0;
    for (id, (other, acts)) in told {
        for node in [&nodes[0], &nodes[other]] {
            let view = node.client("desk").get(&format!("/v1/dossiers/{id}?reason=measurement")).await?;
            let mut held: BTreeMap<&str, usize> = BTreeMap::new();
            view["items"].as_array().into_iter().flatten().filter_map(|i| i["act"].as_str()).for_each(|a| *held.entry(a).or_default() += 1);
            lost += acts.iter().filter(|a| held.get(a.as_str()) != Some(&1)).count();
        }
    }
    Ok(lost)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0usize), |(s, n), v| (s + v, n + 1));
    sum / n.max(1) as f64
}

/// Returns the value below which a share of all lies.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len().max(1) - 1) as f64 * q) as usize).copied().unwrap_or(f64::NAN)
}

fn figures(args: &SoakArgs, seen: &Seen) -> Value {
    let seconds = args.seconds as f64;
    let quarter = |n: f64| (seconds * n / 4.0, seconds * (n + 1.0) / 4.0);
    let rounded = |v: f64| (v * 10.0).round() / 10.0;
    let mut nodes = serde_json::Map::new();
    let mut flat = false;
    for (code, samples) in &seen.samples {
        let of = |pick: fn(&Sample) -> f64, (from, to): (f64, f64)| {
            mean(samples.iter().filter(|(t, _)| *t >= from && *t < to).filter_map(|(_, s)| s.as_ref().map(pick)))
        };
        let [second, last] = [1.0, 3.0].map(|q| of(|s| s.rss_mb, quarter(q)));
        if code == "ma" {
            flat = last <= second * (1.0 + GROWTH_MAX);
        }
        let most = |pick: fn(&Sample) -> f64| samples.iter().filter_map(|(_, s)| s.as_ref().map(pick)).fold(0.0, f64::max);
        nodes.insert(
            code.clone(),
            json!({
                "rss_mb_second_quarter": rounded(second), "rss_mb_last_quarter": rounded(last), "rss_mb_most": rounded(most(|s| s.rss_mb)),
                "files_second_quarter": rounded(of(|s| s.files, quarter(1.0))), "files_last_quarter": rounded(of(|s| s.files, quarter(3.0))), "files_most": most(|s| s.files),
                "disk_mb_end": rounded(most(|s| s.disk_mb)),
            }),
        );
    }
    let mut all: Vec<f64> = seen.latencies.iter().map(|l| l.1).collect();
    let acts: usize = seen.told.values().map(|(_, acts)| acts.len()).sum();
    let sum = |pick: fn(&Flooded) -> u64| seen.floods.iter().map(pick).sum::<u64>();
    json!({
        "seconds": args.seconds, "acts": acts, "acts_per_s": rounded(acts as f64 / seconds), "dossiers": seen.told.len(), "kills": seen.kills, "cuts": seen.cuts,
        "floods": { "times": seen.floods.len(), "receipts": sum(|f| f.receipts), "busy": sum(|f| f.busy), "refused": sum(|f| f.refused), "broken": sum(|f| f.broken) },
        "retried": seen.unsure, "latency_ms": { "p50": rounded(quantile(&mut all, 0.5)), "p99": rounded(quantile(&mut all, 0.99)), "most": rounded(quantile(&mut all, 1.0)) },
        "nodes": nodes, "lost": 0, "flat": flat,
    })
}

fn print(v: &Value) {
    println!(
        "{} s, {} acts ({} a second) in {} dossiers, all on the disks of both parties, none lost, none doubled",
        v["seconds"], v["acts"], v["acts_per_s"], v["dossiers"]
    );
    println!("faults: {} kills, {} cuts, floods {}; {} writes had to be tried again", v["kills"], v["cuts"], v["floods"], v["retried"]);
    println!("latency in ms, faults included: {}", v["latency_ms"]);
    for (code, n) in v["nodes"].as_object().into_iter().flatten() {
        println!("{code}: {n}");
    }
    println!("memory of the first node, which is never killed: {}", if v["flat"] == true { "flat" } else { "GROWS" });
}

/// Draws the figures.
fn draw(into: &Path, seen: &Seen, seconds: f64) -> std::io::Result<()> {
    std::fs::create_dir_all(into)?;
    let lines = |pick: fn(&Sample) -> f64| -> Vec<Line> {
        let line = |(code, samples): (&String, &Vec<(f64, Option<Sample>)>)| Line {
            name: code.clone(),
            points: samples.iter().map(|(t, s)| (*t, s.as_ref().map(pick))).collect(),
        };
        seen.samples.iter().map(line).collect()
    };
    let latency = |q: f64| {
        let windows = (seconds / LATENCY_S).ceil() as usize;
        let window = |n: usize| {
            let from = n as f64 * LATENCY_S;
            let mut ms: Vec<f64> = seen.latencies.iter().filter(|(t, _)| *t >= from && *t < from + LATENCY_S).map(|l| l.1).collect();
            (from + LATENCY_S / 2.0, (!ms.is_empty()).then(|| quantile(&mut ms, q).max(1.0).log10()))
        };
        (0..windows).map(window).collect()
    };
    let figures = [
        ("memory", "Memory of each node's process (grey: kills, cuts, floods)", "MB", lines(|s| s.rss_mb)),
        ("descriptors", "Open files of each node's process", "files", lines(|s| s.files)),
        ("disk", "Bytes in each node's directory", "MB", lines(|s| s.disk_mb)),
        (
            "latency",
            "From the officer's intent to the verified receipt, by ten seconds; waits for dead and cut-off nodes included",
            "log10 ms",
            vec![Line { name: "p50".to_owned(), points: latency(0.5) }, Line { name: "p99".to_owned(), points: latency(0.99) }],
        ),
    ];
    figures.iter().try_for_each(|(name, title, unit, lines)| std::fs::write(into.join(format!("{name}.svg")), figure(title, unit, lines, &seen.bands)))
}
