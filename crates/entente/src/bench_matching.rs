//! Measures hit/no-hit at the level of its cryptography: an index built, keys asked with proof, a day's changes, a rotation.
//!
//! 1 both sides run in this process and speak over a socket of this machine, 2 CPU is that of the whole process, so of both sides, 3 every
//! workload checks its own result: exactly the planted hits, or there is no figure, 4 peers run in turn with us, and ratios are those of one round.

use crate::bench::{load1, round};
use crate::bench_matching_peers::{Peer, Peers};
use crate::launch::LaunchError;
use clap::ValueEnum;
use matching::filter::{Changes, Filter};
use matching::oprf::{ELEMENT_BYTES, Evaluated, Kernel, Key, Output, Proof, PublicKey, Question};
use rustix::time::{ClockId, clock_gettime};
use seal::SystemEntropy;
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Keys of one subject in the workloads.
const SUBJECT_KEYS: usize = 8;
/// To how many elements a question of one subject is filled up.
const PADDED: usize = 64;
/// Subjects of one grant.
const GRANT_SUBJECTS: usize = 5_000;
/// Cached keys that are held against a day's changes.
const CACHED: usize = 40_000;
/// One way of the slow line, in milliseconds.
const ONE_WAY_MS: u64 = 10;
/// Questions of one subject: on the quick line, on the slow one.
const ROUNDS: [usize; 2] = [300, 60];
/// Bytes of a proof.
const PROOF_BYTES: usize = 64;
/// Keys that are held in memory at a time while a long list is rotated.
const PORTION: usize = 1 << 20;

/// Which code does the group work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lanes {
    /// On every processor
    Portable,
    /// Four lanes of AVX2
    Four,
    /// Eight lanes of AVX-512 IFMA
    Eight,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// An index, and keys asked of it; peers run beside it
    W1,
    /// One subject of eight keys: how long an officer waits
    W2,
    /// 5,000 subjects in one grant
    W3,
    /// A day's changes of one in a hundred, and 40,000 cached keys held against them
    W4,
    /// A long list under a new key
    W5,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct MatchingArgs {
    /// Keys in the index.
    pub keys: usize,
    /// Keys asked; one in ten is in the index.
    pub asked: usize,
    /// Keys of the rotated list.
    pub rotated: usize,
    /// How often the first workload is run; the median counts.
    pub runs: usize,
    /// All, where none is named.
    pub workloads: Vec<Workload>,
    /// Which code is measured, as [`kernels`] gives it; long workloads run with the first alone.
    pub kernels: Vec<Kernel>,
    /// The folder of `psi_peers.py`.
    pub peers: Option<PathBuf>,
}

/// CPU of all threads and time on the wall.
#[derive(Clone, Copy)]
struct Cost {
    cpu_s: f64,
    wall_s: f64,
}

fn cpu() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

fn costs<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (cpu_before, began) = (cpu(), Instant::now());
    let out = work();
    (out, Cost { cpu_s: cpu() - cpu_before, wall_s: began.elapsed().as_secs_f64() })
}

/// A key as long as the peers': 32 hexadecimal digits; no two alike.
fn key_text(n: u64) -> String {
    let mixed = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{n:016x}{mixed:016x}")
}

fn texts(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(key_text).collect()
}

/// What a stranger's key begins with.
const STRANGER: u64 = 1 << 40;

fn peak_mib(reset: bool) -> f64 {
    if reset {
        let _ = std::fs::write("/proc/self/clear_refs", "5"); // where it may not be reset, the peak is that of the whole run
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.map_or(-1.0, |k| k / 1024.0)
}

/// The side that holds the list: answers questions on one line until it is closed.
fn serve(listener: &TcpListener, key: &Key, one_way: Duration) -> std::io::Result<()> {
    let (mut line, _) = listener.accept()?;
    line.set_nodelay(true)?;
    let mut head = [0; 4];
    while line.read_exact(&mut head).is_ok() {
        let mut asked = vec![[0; ELEMENT_BYTES]; u32::from_be_bytes(head) as usize];
        line.read_exact(asked.as_flattened_mut())?;
        std::thread::sleep(one_way);
        let answer = key.evaluate(&asked, &mut SystemEntropy).map_err(std::io::Error::other)?;
        let bytes = [answer.elements.as_flattened(), &answer.proof.to_bytes()].concat();
        std::thread::sleep(one_way);
        line.write_all(&bytes)?;
    }
    Ok(())
}

/// Asks and returns the outputs, and the bytes that went over the line both ways.
fn ask(line: &mut TcpStream, inputs: &[String], pad_to: usize, public: &PublicKey, kernel: Kernel) -> std::io::Result<(Vec<Output>, usize)> {
    let question = Question::blind(inputs, pad_to, &mut SystemEntropy, kernel).map_err(std::io::Error::other)?;
    let blinded = question.blinded();
    let count = u32::try_from(blinded.len()).map_err(std::io::Error::other)?;
    let sent = [&count.to_be_bytes(), blinded.as_flattened()].concat();
    line.write_all(&sent)?;
    let mut elements = vec![[0; ELEMENT_BYTES]; blinded.len()];
    line.read_exact(elements.as_flattened_mut())?;
    let mut proof = [0; PROOF_BYTES];
    line.read_exact(&mut proof)?;
    let proof = Proof::from_bytes(&proof).map_err(std::io::Error::other)?;
    let received = elements.len() * ELEMENT_BYTES + PROOF_BYTES;
    let outputs = question.finish(&Evaluated { elements, proof }, public).map_err(std::io::Error::other)?;
    Ok((outputs, sent.len() + received))
}

/// Lets both sides speak over a socket; the holder runs on a thread of its own.
fn between<T>(key: &Key, one_way: Duration, story: impl FnOnce(&mut TcpStream) -> std::io::Result<T>) -> std::io::Result<T> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| serve(&listener, key, one_way));
        let mut line = TcpStream::connect(address)?;
        line.set_nodelay(true)?;
        let out = story(&mut line);
        drop(line);
        serving.join().map_err(|_| std::io::Error::other("the holder's thread ended early"))??;
        out
    })
}

fn told(name: &'static str) -> impl Fn(usize) + Sync {
    let done = std::sync::atomic::AtomicUsize::new(0);
    move |more| {
        let before = done.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        if before >> 18 != (before + more) >> 18 {
            eprintln!("{name}: {} keys", before + more);
        }
    }
}

fn wrong(what: String) -> std::io::Error {
    std::io::Error::other(what)
}

/// W1: an index of so many keys, and keys asked of it, one in ten a hit.
fn index_and_ask(args: &MatchingArgs, kernel: Kernel) -> std::io::Result<Value> {
    let peak_before = peak_mib(true);
    let list = texts(0..args.keys as u64);
    let hits = args.asked / 10;
    let asked = [texts(0..hits as u64), texts(STRANGER..STRANGER + (args.asked - hits) as u64)].concat();
    let key = Key::generate(&mut SystemEntropy, kernel);
    let (tags, built) = costs(|| key.tags(&list, &told("index")));
    let (bytes, filtered) = costs(|| Filter::build(tags.map_err(|e| wrong(e.to_string()))?).map(|f| f.to_bytes()).map_err(|e| wrong(e.to_string())));
    let peak = peak_mib(false);
    drop(list);
    let bytes = bytes?;
    let (filter, opened) = costs(|| Filter::from_bytes(&bytes).map_err(|e| wrong(e.to_string())));
    let filter = filter?;
    let asking = || between(&key, Duration::ZERO, |line| ask(line, &asked, 1, key.public(), kernel));
    // The first question warms the caches; peers are asked once too, but start cold by whole seconds of setup.
    let (answer, online) = costs(asking);
    let (outputs, online_bytes) = answer?;
    let found: Vec<bool> = outputs.iter().map(|o| filter.contains(o.tag())).collect();
    if found.iter().enumerate().any(|(n, hit)| *hit != (n < hits)) {
        return Err(wrong(format!("{} hits where {hits} were planted", found.iter().filter(|f| **f).count())));
    }
    let floor = 2 * ELEMENT_BYTES * args.asked + PROOF_BYTES;
    Ok(json!({
        "build_cpu_s": built.cpu_s + filtered.cpu_s, "build_wall_s": built.wall_s + filtered.wall_s, "us_a_key": built.cpu_s * 1e6 / args.keys as f64,
        "filter_cpu_s": filtered.cpu_s, "filter_bytes": bytes.len(), "filter_bits_a_key": bytes.len() as f64 * 8.0 / args.keys as f64,
        "open_cpu_s": opened.cpu_s, "online_cpu_s": online.cpu_s, "online_wall_s": online.wall_s, "online_bytes": online_bytes,
        "bytes_over_floor": online_bytes as f64 / floor as f64, "peak_mib": peak, "idle_mib": peak_before, "hits": hits,
    }))
}

/// W2: how long one subject takes, on this machine and over a line of 20 ms there and back.
fn wait(kernel: Kernel) -> std::io::Result<Value> {
    let key = Key::generate(&mut SystemEntropy, kernel);
    let mut out = Map::new();
    for (name, rounds, one_way_ms) in [("loopback", ROUNDS[0], 0), ("rtt_20_ms", ROUNDS[1], ONE_WAY_MS)] {
        for (padding, pad_to) in [("", 1), ("_padded", PADDED)] {
            let one = |line: &mut TcpStream, n: u64| {
                let (answer, cost) = costs(|| ask(line, &texts(n * 100..n * 100 + SUBJECT_KEYS as u64), pad_to, key.public(), kernel));
                answer.map(|(_, bytes)| (cost.wall_s * 1e3, cost.cpu_s * 1e3, bytes))
            };
            let all = between(&key, Duration::from_millis(one_way_ms), |line| (0..rounds as u64).map(|n| one(line, n)).collect::<Result<Vec<_>, _>>())?;
            let mut waits: Vec<f64> = all.iter().map(|a| a.0).collect();
            waits.sort_by(f64::total_cmp);
            let at = |q: f64| round(waits[((waits.len() - 1) as f64 * q) as usize]);
            let cpu = all.iter().map(|a| a.1).sum::<f64>() / rounds as f64;
            out.insert(
                format!("{name}{padding}"),
                json!({ "p50_ms": at(0.5), "p99_ms": at(0.99), "cpu_ms": round(cpu), "bytes": all[0].2, "questions": rounds }),
            );
        }
    }
    Ok(out.into())
}

/// W3: all keys of a grant's subjects in one batch.
fn grant(kernel: Kernel) -> std::io::Result<Value> {
    let key = Key::generate(&mut SystemEntropy, kernel);
    let inputs = texts(0..(GRANT_SUBJECTS * SUBJECT_KEYS) as u64);
    let (answer, cost) = costs(|| between(&key, Duration::ZERO, |line| ask(line, &inputs, 1, key.public(), kernel)));
    let (outputs, bytes) = answer?;
    let direct = key.outputs(&inputs[..100], &|_| ()).map_err(std::io::Error::other)?;
    if outputs[..100] != direct {
        return Err(wrong("an answer differs from what the holder works out itself".to_owned()));
    }
    Ok(
        json!({ "elements": inputs.len(), "cpu_s": round(cost.cpu_s), "wall_s": round(cost.wall_s), "bytes": bytes, "us_a_key": round(cost.cpu_s * 1e6 / inputs.len() as f64) }),
    )
}

/// W4: one in a hundred changes: half of them gone, as many new; cached keys are held against the changes without a question.
fn changes(args: &MatchingArgs, kernel: Kernel) -> std::io::Result<Value> {
    let key = Key::generate(&mut SystemEntropy, kernel);
    let fault = |e: &dyn std::fmt::Display| wrong(e.to_string());
    let tags = |range| key.tags(&texts(range), &|_| ()).map_err(|e| fault(&e));
    let half = (args.keys / 200).max(1) as u64;
    let before = tags(0..args.keys as u64)?;
    let (new, added) = costs(|| tags(STRANGER..STRANGER + half));
    let new = new?;
    let after = [&before[half as usize..], &new].concat();
    let mut filter = Filter::build(before.clone()).map_err(|e| fault(&e))?;
    let (bytes, between) = costs(|| Changes::between(before.clone(), after).to_bytes());
    let changes = Changes::from_bytes(&bytes).map_err(|e| fault(&e))?;
    // One cached key in a thousand is among the new ones.
    let cached: Vec<u64> = new.iter().copied().take(CACHED / 1000).chain(tags(2 * STRANGER..2 * STRANGER + CACHED as u64)?).take(CACHED).collect();
    let (hits, screened) = costs(|| changes.hits(&cached).count());
    let expected = new.len().min(CACHED / 1000);
    if hits != expected {
        return Err(wrong(format!("{hits} cached keys hit where {expected} were planted")));
    }
    let (applied, apply) = costs(|| filter.apply(&changes));
    applied.map_err(|e| fault(&e))?;
    if filter.contains(before[0]) || !filter.contains(new[0]) {
        return Err(wrong("the changed filter does not hold the changed list".to_owned()));
    }
    Ok(json!({
        "changes": 2 * half, "new_keys_cpu_s": round(added.cpu_s), "between_cpu_s": round(between.cpu_s), "bytes_a_change": round(bytes.len() as f64 / (2 * half) as f64),
        "apply_ms": round(apply.wall_s * 1e3), "cached": cached.len(), "screened_ms": round(screened.wall_s * 1e3), "online_bytes": 0, "hits": hits,
    }))
}

/// W5: a long list under a new key.
fn rotate(args: &MatchingArgs, kernel: Kernel) -> std::io::Result<Value> {
    peak_mib(true);
    let key = Key::generate(&mut SystemEntropy, kernel);
    let progress = told("rotation");
    let mut tags = Vec::with_capacity(args.rotated);
    let mut spent = Cost { cpu_s: 0.0, wall_s: 0.0 };
    for from in (0..args.rotated).step_by(PORTION) {
        let portion = texts(from as u64..(from + PORTION).min(args.rotated) as u64);
        let (more, cost) = costs(|| key.tags(&portion, &progress));
        tags.extend(more.map_err(std::io::Error::other)?);
        spent = Cost { cpu_s: spent.cpu_s + cost.cpu_s, wall_s: spent.wall_s + cost.wall_s };
    }
    let (bytes, filtered) = costs(|| Filter::build(tags).map(|f| f.to_bytes()).map_err(|e| wrong(e.to_string())));
    Ok(json!({
        "keys": args.rotated, "cpu_s": round(spent.cpu_s + filtered.cpu_s), "wall_s": round(spent.wall_s + filtered.wall_s), "filter_cpu_s": round(filtered.cpu_s),
        "filter_bytes": bytes?.len(), "us_a_key": round(spent.cpu_s * 1e6 / args.rotated as f64), "peak_mib": round(peak_mib(false)),
    }))
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The median of each figure over some runs.
fn medians(runs: &[Value]) -> Value {
    let fields = runs.first().and_then(Value::as_object).into_iter().flatten();
    fields.map(|(name, _)| (name.clone(), json!(round(median(runs.iter().filter_map(|r| r[name].as_f64()).collect()))))).collect::<Map<_, _>>().into()
}

/// Our figure of a run as a part of the peer's, in the same run: how many times less we need.
fn ratios(ours: &[Value], peers: &[Vec<Peer>], name: &str) -> Value {
    let of = |field: &str, theirs: &dyn Fn(&Peer) -> f64| {
        let each = ours.iter().zip(peers).filter_map(|(o, p)| Some(theirs(p.iter().find(|p| p.name == name)?) / o[field].as_f64()?));
        let each: Vec<f64> = each.collect();
        (!each.is_empty()).then(|| round(median(each)))
    };
    json!({
        "build_cpu": of("build_cpu_s", &|p| p.build_cpu_s), "build_wall": of("build_wall_s", &|p| p.build_wall_s),
        "online_cpu": of("online_cpu_s", &|p| p.online_cpu_s), "online_bytes": of("online_bytes", &|p| p.online_bytes),
        "download_bytes": of("filter_bytes", &|p| p.download_bytes), "peak": of("peak_mib", &|p| p.peak_mib),
    })
}

/// Returns the kernels that were asked for, or all that this processor has; refuses what it has not.
pub fn kernels(asked: &[Lanes]) -> Result<Vec<Kernel>, String> {
    if asked.is_empty() {
        return Ok(Kernel::all().collect());
    }
    let find = |l: &Lanes| {
        let (name, lacking) = match l {
            Lanes::Portable => ("portable", ""),
            Lanes::Four => ("four", "AVX2"),
            Lanes::Eight => ("eight", "AVX-512 IFMA"),
        };
        Kernel::all().find(|k| k.name() == name).ok_or_else(|| format!("this processor has no {lacking}; --kernel portable runs everywhere"))
    };
    asked.iter().map(find).collect()
}

/// Runs what is asked for; says which peer could not be run, and why.
pub fn measure(args: &MatchingArgs) -> Result<Value, LaunchError> {
    let failed = |e: std::io::Error| LaunchError::System(e.to_string());
    let kernels = &args.kernels;
    let wanted = |w: Workload| args.workloads.is_empty() || args.workloads.contains(&w);
    let mut load = vec![load1()];
    let mut out = Map::new();
    if wanted(Workload::W1) {
        let peers = args.peers.as_deref().map(Peers::prepare);
        let mut ours: Vec<Vec<Value>> = vec![Vec::new(); kernels.len()];
        let mut theirs: Vec<Vec<Peer>> = Vec::new();
        for _ in 0..args.runs.max(1) {
            for (kernel, runs) in kernels.iter().zip(&mut ours) {
                runs.push(index_and_ask(args, *kernel).map_err(failed)?);
            }
            theirs.extend(peers.as_ref().map(|p| p.run(args.keys, args.asked)));
        }
        let mut w1 = Map::new();
        for (kernel, runs) in kernels.iter().zip(&ours) {
            let mut figures = medians(runs);
            let names = theirs.first().into_iter().flatten().map(|p| p.name);
            figures["times_less_than"] = names.map(|n| (n.to_owned(), ratios(runs, &theirs, n))).collect::<Map<_, _>>().into();
            w1.insert(kernel.name().to_owned(), figures);
        }
        let of_peer = |n: usize| medians(&theirs.iter().filter_map(|t| t.get(n)).map(Peer::figures).collect::<Vec<_>>());
        let run = theirs.first().into_iter().flatten().enumerate();
        w1.insert("peers".to_owned(), run.map(|(n, p)| (p.name.to_owned(), of_peer(n))).collect::<Map<_, _>>().into());
        w1.insert("peers_not_run".to_owned(), json!(peers.as_ref().map_or(&[][..], |p| &p.lacking)));
        out.insert("w1".to_owned(), w1.into());
    }
    type Work<'a> = (Workload, &'a str, &'a dyn Fn(Kernel) -> std::io::Result<Value>);
    let others: [Work<'_>; 4] =
        [(Workload::W2, "w2", &wait), (Workload::W3, "w3", &grant), (Workload::W4, "w4", &|k| changes(args, k)), (Workload::W5, "w5", &|k| rotate(args, k))];
    for (_, name, work) in others.iter().filter(|o| wanted(o.0)) {
        // The long ones do not depend on the kernel but in what the first workload has shown: the first kernel alone runs them.
        let mine = if matches!(*name, "w4" | "w5") { &kernels[..kernels.len().min(1)] } else { kernels };
        let each = mine.iter().map(|k| work(*k).map(|v| (k.name().to_owned(), v)).map_err(failed));
        out.insert((*name).to_owned(), Value::Object(each.collect::<Result<Map<_, _>, _>>()?));
    }
    load.push(load1());
    Ok(json!({ "keys": args.keys, "asked": args.asked, "runs": args.runs, "load1": load, "workloads": out }))
}

/// Shows the figures to people, one line a workload and kernel.
pub fn shown(whole: &Value) -> String {
    let mut out = format!("{} keys, {} asked, {} runs, load {}\n", whole["keys"], whole["asked"], whole["runs"], whole["load1"]);
    for (workload, of) in whole["workloads"].as_object().into_iter().flatten() {
        for (name, figures) in of.as_object().into_iter().flatten() {
            out += &lines(&format!("{workload} {name}"), figures);
        }
    }
    out
}

fn lines(name: &str, figures: &Value) -> String {
    let Some(all) = figures.as_object() else { return format!("{name}: {figures}\n") };
    let (inner, plain): (Vec<_>, Vec<_>) = all.iter().partition(|(_, v)| v.is_object());
    let mut out = String::new();
    if !plain.is_empty() {
        out += &format!("{name}: {}\n", plain.iter().map(|(k, v)| format!("{} {v}", k.replace('_', " "))).collect::<Vec<_>>().join(", "));
    }
    inner.iter().for_each(|(k, v)| out += &lines(&format!("{name}, {}", k.replace('_', " ")), v));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_finds_what_was_planted_with_every_kernel() {
        let workloads = vec![Workload::W1, Workload::W4, Workload::W5];
        let args = MatchingArgs { keys: 2_000, asked: 50, rotated: 1_500, runs: 1, workloads, kernels: kernels(&[]).unwrap(), peers: None };
        let whole = measure(&args).unwrap();
        let w = &whole["workloads"];
        for kernel in Kernel::all() {
            assert_eq!(w["w1"][kernel.name()]["hits"], json!(5.0));
        }
        assert_eq!(w["w1"]["portable"]["online_bytes"], json!((4 + 64 * 50 + 64) as f64), "64 a key, the proof, and four that count");
        let best = Kernel::best().name();
        assert_eq!((w["w4"][best]["hits"].clone(), w["w5"][best]["keys"].clone()), (json!(10), json!(1_500)));
        assert!(w["w2"].is_null(), "what was not asked for is not run");
        assert!(shown(&whole).contains("w1 portable: "));
    }

    #[test]
    fn a_kernel_is_found_by_its_name_or_refused() {
        assert_eq!(kernels(&[Lanes::Portable]), Ok(vec![Kernel::Portable]));
        for (asked, name) in [(Lanes::Four, "four"), (Lanes::Eight, "eight")] {
            match kernels(&[asked]) {
                Ok(found) => assert_eq!(found.iter().map(|k| k.name()).collect::<Vec<_>>(), [name]),
                Err(why) => assert!(why.starts_with("this processor has no AVX") && Kernel::all().all(|k| k.name() != name)),
            }
        }
    }

    #[test]
    fn ratios_are_those_of_one_round() {
        let peer = |build| Peer { name: "x", build_cpu_s: build, build_wall_s: 1.0, online_cpu_s: 1.0, online_bytes: 1.0, download_bytes: 1.0, peak_mib: 1.0 };
        let ours = [json!({ "build_cpu_s": 1.0 }), json!({ "build_cpu_s": 10.0 }), json!({ "build_cpu_s": 2.0 })];
        let peers = [vec![peer(3.0)], vec![peer(50.0)], vec![peer(8.0)]];
        assert_eq!(ratios(&ours, &peers, "x")["build_cpu"], json!(4.0), "3, 5 and 4 times");
        assert_eq!(ratios(&ours, &peers, "y")["build_cpu"], Value::Null);
    }
}
