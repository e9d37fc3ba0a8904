//! kill -9 at any moment of a run of 10,000 acts between two nodes: no acknowledged act is lost, none is doubled.

use entente::bench::{dossiers, note, two_nodes};
use entente::launch::{Station, until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ACTS: usize = 10_000;
const WRITERS: usize = 24;
const DOSSIERS: usize = 8;

/// What the writers know: which texts a node acknowledged, and which it may or may not have taken.
#[derive(Default)]
struct Told {
    acknowledged: BTreeMap<String, String>,
    unsure: BTreeSet<String>,
    next: usize,
}

#[test]
fn ten_thousand_acts_survive_kill_nine() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_entente"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(dir.path(), program));
}

async fn story(root: &Path, program: &Path) {
    let (mut a, mut b) = two_nodes(root, program).await.unwrap();
    let ids = dossiers(&a, &b, DOSSIERS).await.unwrap();
    let told = Arc::new(Mutex::new(Told::default()));
    let mut writers = Vec::new();
    for w in 0..WRITERS {
        // Both sides write into the same dossiers.
        let client = if w % 2 == 0 { a.client("desk") } else { b.client("desk") };
        let (told, ids) = (Arc::clone(&told), ids.clone());
        writers.push(tokio::spawn(async move {
            loop {
                let (n, text) = {
                    let mut t = told.lock().unwrap();
                    if t.acknowledged.len() >= ACTS {
                        return;
                    }
                    t.next += 1;
                    (t.next, format!("act {} of writer {w}", t.next))
                };
                let dossier = &ids[n % ids.len()];
                let answer = client.post("/v1/intents", &note(dossier, &text)).await;
                let mut t = told.lock().unwrap();
                match answer {
                    Ok(made) => drop(t.acknowledged.insert(text, made["act"].as_str().unwrap().to_owned())),
                    Err(problem) => {
                        drop(t);
                        if problem.status != 0 && problem.status != 503 {
                            panic!("{problem}");
                        }
                        told.lock().unwrap().unsure.insert(text);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        }));
    }
    let began = Instant::now();
    let mut kills = 0;
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    while told.lock().unwrap().acknowledged.len() < ACTS {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        tokio::time::sleep(Duration::from_millis(40 + (seed >> 33) % 400)).await;
        assert!(began.elapsed() < Duration::from_secs(600), "too slow: {} of {ACTS}", told.lock().unwrap().acknowledged.len());
        let victim = if seed >> 40 & 1 == 0 { &mut a } else { &mut b };
        victim.kill();
        kills += 1;
        victim.start(program).await.unwrap();
    }
    for w in writers {
        w.await.unwrap();
    }
    assert!(kills >= 10, "only {kills} kills: the run was over too soon to prove anything");
    for station in [&a, &b] {
        until("an empty outbox", Duration::from_secs(120), || async { Ok(station.client("desk").get("/v1/status").await?["outbox"] == 0) }).await.unwrap();
    }
    let (on_a, on_b) = (collect(&a, &ids).await, collect(&b, &ids).await);
    let told = told.lock().unwrap();
    for (text, act) in &told.acknowledged {
        for (name, held) in [("a", &on_a), ("b", &on_b)] {
            assert_eq!(held.get(text).map(|acts| acts.as_slice()), Some(&[act.clone()][..]), "acknowledged {text:?} on {name}");
        }
    }
    for (text, acts) in &on_a {
        assert!(acts.len() == 1, "{text:?} is doubled");
        assert!(told.acknowledged.contains_key(text) || told.unsure.contains(text), "{text:?} was never written");
    }
    assert_eq!(on_a, on_b);
    eprintln!(
        "{} acts acknowledged, {} more kept whose answer was lost, {kills} kills, {:.1} s",
        told.acknowledged.len(),
        on_a.len() - told.acknowledged.len(),
        began.elapsed().as_secs_f64()
    );
    for station in [&mut a, &mut b] {
        station.stop().unwrap();
        let home = entente::home::Home::open(&station.dir).unwrap();
        let key: [u8; 32] = std::fs::read(&station.key_file).unwrap().try_into().unwrap();
        let store = home.inspect(&seal::Lock::KeyFile(&key)).unwrap();
        store::check_ledger(&store).unwrap();
    }
}

/// Reads every note of some dossiers: text and the acts that carry it; chains without gap or fork.
async fn collect(station: &Station, ids: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in ids {
        let view = station.client("desk").get(&format!("/v1/dossiers/{id}?reason=test")).await.unwrap();
        assert_eq!(
            (&view["forks"], &view["waiting"], &view["void"]),
            (&Value::Array(vec![]), &Value::Array(vec![]), &Value::Array(vec![])),
            "{id} on {}",
            station.code
        );
        for item in view["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "note") {
            let text = item["fields"]["text"][0]["text"].as_str().unwrap().to_owned();
            out.entry(text).or_default().push(item["act"].as_str().unwrap().to_owned());
        }
    }
    out
}
