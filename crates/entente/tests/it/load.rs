//! Load, in short: one partner floods and another is served; three nodes under kills, cuts and floods lose nothing. The long forms are
//! `entente bench fairness` and `entente bench soak`.

use entente::launch::{Founder, Station};
use entente::soak::SoakArgs;
use entente::{fairness, soak};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// An honest partner may wait longer while another floods, because two share the machine: not more than so many times as long, or
/// this long where it waited next to nothing before.
const LONGER_MAX: f64 = 20.0;
const LONGER_MS: f64 = 2_500.0;

#[test]
fn a_flooding_partner_does_not_starve_another() {
    let dir = tempfile::tempdir().unwrap();
    let v = runtime().block_on(fairness::run(dir.path(), Path::new(PROGRAM), 8)).unwrap();
    eprintln!("{v}");
    let number = |half: &str, name: &str| v[half][name].as_f64().unwrap();
    assert!(v["flood"]["busy"].as_u64().unwrap() + v["flood"]["refused"].as_u64().unwrap() + v["flood"]["receipts"].as_u64().unwrap() > 50, "no flood: {v}");
    let (calm, flooded) = (number("calm", "p99_ms"), number("flooded", "p99_ms"));
    assert!(flooded < (calm * LONGER_MAX).max(LONGER_MS), "p99 {calm} ms calm, {flooded} ms flooded: {v}");
    assert!(number("flooded", "acts") > 8.0, "{v}");
}

#[test]
fn three_nodes_under_load_and_faults_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let args = SoakArgs { seconds: 30, rate: 40.0, dir: None, plots: Some(dir.path().join("plots")), json: true };
    let v = runtime().block_on(soak::run(&args, dir.path(), Path::new(PROGRAM))).unwrap();
    eprintln!("{v}");
    assert_eq!(v["lost"], 0);
    assert!(v["acts"].as_u64().unwrap() > 100 && v["kills"] == 1 && v["cuts"] == 1 && v["floods"]["times"] == 1, "{v}");
    // Half a minute shows no slope of memory; that nothing piles up shows in open files, which return to where they were.
    let files = |name: &str| v["nodes"]["ma"][name].as_f64().unwrap();
    assert!(files("files_last_quarter") < files("files_second_quarter") + 40.0, "{v}");
    for figure in ["memory", "descriptors", "disk", "latency"] {
        assert!(std::fs::read_to_string(dir.path().join(format!("plots/{figure}.svg"))).unwrap().contains("</svg>"));
    }
}

/// Posts raw bytes to the local API and returns the status line's number and the answer's code.
async fn post(node: &Station, head: &str, body: &[u8]) -> (u16, String) {
    let mut tcp = tokio::net::TcpStream::connect(node.api).await.unwrap();
    let token = std::fs::read_to_string(node.dir.join("tokens/admin")).unwrap();
    let head = format!(
        "POST /v1/intents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nconnection: close\r\n{head}content-length: {}\r\n\r\n",
        token.trim(),
        body.len()
    );
    let _ = tcp.write_all(head.as_bytes()).await; // may be refused before all of it is read
    let _ = tcp.write_all(body).await;
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let code = text.split_once("\"code\":\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default().to_owned();
    (status, code)
}

#[test]
fn bombs_for_the_local_api_are_refused_and_the_node_lives() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let founder = Founder { code: "aa", country: "MA", zone: "Africa/Casablanca", name: &[(base::Lang::En, "aa")], languages: &[base::Lang::En] };
        let mut node = Station::found(dir.path(), &founder).unwrap();
        node.start(Path::new(PROGRAM)).await.unwrap();
        let many_keys = format!(
            "{{\"do\":\"open\",\"mechanism\":\"x\",\"parties\":[],\"fields\":{{{}}}}}",
            (0..400_000).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(",")
        );
        for (what, head, body, status, code) in [
            ("nesting", "", [b"[".repeat(500_000), b"]".repeat(500_000)].concat(), 422, "refusal.api.form"),
            ("nesting inside a field", "", [b"{\"do\":\"open\",\"fields\":{\"a\":".to_vec(), b"{\"a\":".repeat(200_000)].concat(), 400, "refusal.api.form"),
            ("a coded body", "content-encoding: gzip\r\n", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0], 400, "refusal.api.form"),
            ("very many keys", "", many_keys.into_bytes(), 422, "refusal.mechanism.unknown"),
            ("more bytes than a request may have", "", vec![b' '; 33 << 20], 413, "refusal.api.form"),
        ] {
            let began = Instant::now();
            assert_eq!(post(&node, head, &body).await, (status, code.to_owned()), "{what}");
            assert!(began.elapsed() < Duration::from_secs(8), "{what}: {:?}", began.elapsed());
        }
        let huge = format!("x-long: {}\r\n", "y".repeat(2 << 20));
        let (status, _) = post(&node, &huge, b"{}").await;
        assert!([0, 400, 431].contains(&status), "a huge header: {status}");
        assert!(node.client("admin").get("/v1/status").await.is_ok());
        node.stop().unwrap();
    });
}

/// `count` names that an unkeyed hash (FNV-1a, whose low bits a table takes) puts into one place of a million: stage by stage two
/// syllables that lead from one state to the same next one.
fn colliding(count: usize) -> Vec<String> {
    const BITS: u64 = (1 << 20) - 1;
    let step = |state: u64, text: &[u8]| text.iter().fold(state, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3) & BITS);
    let (mut state, mut names) = (0xcbf2_9ce4_8422_2325 & BITS, vec![String::new()]);
    while names.len() < count {
        let mut seen = std::collections::HashMap::new();
        let pair = (0..26u32.pow(4)).find_map(|n| {
            let word: Vec<u8> = (0..4).map(|i| b'a' + (n / 26u32.pow(i) % 26) as u8).collect();
            let to = step(state, &word);
            seen.insert(to, word.clone()).map(|other| (to, [other, word]))
        });
        let (to, words) = pair.expect("the states are fewer than the words");
        state = to;
        names = names.iter().flat_map(|n| words.iter().map(move |w| format!("{n}{}", std::str::from_utf8(w).unwrap()))).collect();
    }
    names.truncate(count);
    let first = step(0xcbf2_9ce4_8422_2325 & BITS, names[0].as_bytes());
    assert!(names.iter().all(|n| step(0xcbf2_9ce4_8422_2325 & BITS, n.as_bytes()) == first), "they do collide");
    names
}

#[test]
fn names_that_collide_in_a_plain_hash_take_no_longer_than_others() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let founder = Founder { code: "aa", country: "MA", zone: "Africa/Casablanca", name: &[(base::Lang::En, "aa")], languages: &[base::Lang::En] };
        let mut node = Station::found(dir.path(), &founder).unwrap();
        node.start(Path::new(PROGRAM)).await.unwrap();
        let form = |names: &[String]| {
            let fields = names.iter().map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",");
            format!("{{\"do\":\"open\",\"mechanism\":\"x\",\"parties\":[],\"fields\":{{{fields}}}}}").into_bytes()
        };
        let bad = colliding(1 << 16);
        let length = bad[0].len();
        let plain: Vec<String> = (0..bad.len()).map(|n| format!("{n:0length$}")).collect();
        let node = &node;
        let time = |body: Vec<u8>| async move {
            let mut best = Duration::MAX;
            for _ in 0..3 {
                let began = Instant::now();
                assert_eq!(post(node, "", &body).await, (422, "refusal.mechanism.unknown".to_owned()));
                best = best.min(began.elapsed());
            }
            best.as_secs_f64()
        };
        let (some, all, other) = (time(form(&bad[..1 << 13])).await, time(form(&bad)).await, time(form(&plain)).await);
        // Eight times as many take about eight times as long, where a list in one place would take sixty-four times.
        assert!(all < 24.0 * some + 0.2, "{some:.3} s for {}, {all:.3} s for {}", 1 << 13, bad.len());
        assert!(all < 4.0 * other + 0.2, "{all:.3} s where names collide, {other:.3} s where not");
        // The same in header names: few are taken, and those at once.
        let headers: String = bad[..2_000].iter().map(|n| format!("{n}: 1\r\n")).collect();
        let began = Instant::now();
        let (status, _) = post(node, &headers, b"{}").await;
        assert!([0, 400, 431].contains(&status), "{status}");
        let few: String = bad[..60].iter().map(|n| format!("{n}: 1\r\n")).collect();
        assert_eq!(post(node, &few, b"{}").await.0, 422, "as many as a request may have");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    });
}
