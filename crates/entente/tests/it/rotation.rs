//! The drill with real processes: two nodes exchange acts over mutual TLS while one of them rotates its keys, and then revokes them.

use entente::bench::{dossiers, note, two_nodes};
use entente::launch::{Station, until};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Seconds of traffic before, between and after; the long form takes them from ROTATION_SECONDS.
fn seconds() -> u64 {
    std::env::var("ROTATION_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3)
}

/// Runs a command of the program on a station's directory, as its administrator.
pub fn entente(program: &Path, station: &Station, args: &[&str]) -> (bool, Value, String) {
    let mut command = Command::new(program);
    command.args(args).arg("--json").arg("--dir").arg(&station.dir);
    let done = command.env_remove("ENTENTE_PASSPHRASE").output().unwrap();
    let out = serde_json::from_slice(&done.stdout).unwrap_or(Value::Null);
    (done.status.success(), out, String::from_utf8_lossy(&done.stderr).into_owned())
}

pub async fn settled(a: &Station, b: &Station) {
    let (at_a, at_b) = (a.client("admin"), b.client("admin"));
    let empty = until("both outboxes are empty", Duration::from_secs(60), || async {
        Ok(at_a.get("/v1/status").await?["outbox"] == 0 && at_b.get("/v1/status").await?["outbox"] == 0)
    });
    if let Err(e) = empty.await {
        let left = [at_a.get("/v1/partners").await.unwrap(), at_b.get("/v1/partners").await.unwrap()];
        panic!("{e}\n{}\n{}\n{}\n{}", left[0], left[1], a.log_tail(), b.log_tail());
    }
}

async fn acting(station: &Station, card: u64) {
    let client = station.client("admin");
    until("the new card acts", Duration::from_secs(30), || async { Ok(client.get("/v1/keys").await?["acts"] == card) }).await.unwrap();
}

#[test]
fn keys_change_under_traffic_without_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_entente"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(dir.path(), program));
}

async fn story(root: &Path, program: &Path) {
    let (mut a, b) = two_nodes(root, program).await.unwrap();
    let ids = dossiers(&a, &b, 2).await.unwrap();
    let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writers = Vec::new();
    for w in 0..2 {
        let client = if w == 0 { a.client("desk") } else { b.client("desk") };
        let (stop, made, id) = (stop.clone(), made.clone(), ids[w % ids.len()].clone());
        writers.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let n = made.fetch_add(1, Ordering::Relaxed);
                client.post("/v1/intents", &note(&id, &format!("note {n} of writer {w}"))).await.unwrap();
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        }));
    }
    let pause = Duration::from_secs(seconds());
    tokio::time::sleep(pause).await;
    // A planned rotation a moment ahead: the partner holds the card before its keys act.
    let from = entente::engine::now().plus_ms(1500);
    let (ok, view, err) = entente(program, &a, &["keys", "rotate", "--from", &from.to_string(), "--officer", "admin"]);
    assert!(ok, "{err}");
    assert_eq!((&view["acts"], &view["cards"][1]["keys"]), (&json!(1), &json!("waits")));
    acting(&a, 2).await;
    tokio::time::sleep(pause).await;
    // One that begins at once: the partner learns of it under the old card.
    let (ok, _, err) = entente(program, &a, &["keys", "rotate", "--from", "now", "--officer", "admin"]);
    assert!(ok, "{err}");
    acting(&a, 3).await;
    tokio::time::sleep(pause).await;
    // And a theft: the new card begins at once, the old ones are out at the partner as soon as it has heard.
    let since = entente::engine::now().plus_ms(-500).to_string();
    let stolen = ["keys", "revoke", "--card", "3", "--since", &since, "--reason", "stolen", "--officer", "admin"];
    let (ok, view, err) = entente(program, &a, &stolen);
    assert!(ok, "{err}");
    assert_eq!(view["acts"], 4);
    assert!(!view["cards"][2]["revoked_since"].is_null());
    tokio::time::sleep(pause).await;
    stop.store(true, Ordering::Relaxed);
    for w in writers {
        w.await.unwrap();
    }
    settled(&a, &b).await;
    let told = b.client("admin").get("/v1/partners").await.unwrap();
    assert_eq!((&told[0]["card"], &told[0]["revoked"][0][0]), (&json!(4), &json!(3)));
    for id in &ids {
        let path = format!("/v1/dossiers/{id}?reason=drill");
        let (at_a, at_b) = (a.client("desk").get(&path).await.unwrap(), b.client("desk").get(&path).await.unwrap());
        assert_eq!(at_a["digest"], at_b["digest"]);
        assert!(at_a["void"].as_array().unwrap().is_empty() && at_b["forks"].as_array().unwrap().is_empty());
    }
    // Nothing was lost, nothing refused for good: all that was made is at both.
    let refused = b.client("admin").get("/v1/log?kind=refused-by-partner&reason=test").await.unwrap();
    assert!(refused.as_array().unwrap().is_empty(), "{refused}");
    let refused = a.client("admin").get("/v1/log?kind=refused-by-partner&reason=test").await.unwrap();
    assert!(refused.as_array().unwrap().is_empty(), "{refused}");
    println!("{} acts under three changes of keys, none lost and none refused", made.load(Ordering::Relaxed));
    assert!(made.load(Ordering::Relaxed) > 50, "there was traffic");
    // What came under the stolen card in the window is in doubt until its author says otherwise.
    a.client("chief").post("/v1/doubtful", &json!({ "acts": [], "ours": true })).await.unwrap();
    settled(&a, &b).await;
    let own = format!("/v1/doubtful?service={}", a.service);
    let at_b = b.client("admin").get(&own).await.unwrap();
    assert!(!at_b.as_array().unwrap().is_empty() && at_b.as_array().unwrap().iter().all(|v| v["standing"] == "confirmed"), "{at_b}");
    for s in [&a, &b] {
        let (ok, audit, err) = entente(program, s, &["verify", "--ledger", "--key-file", s.key_file.to_str().unwrap()]);
        assert!(ok, "{audit} {err}");
    }
    // The key file is the node's while it runs; afterwards the root key goes offline and comes back for one command.
    let key_file = a.key_file.to_str().unwrap().to_owned();
    let root_file = root.join("a.root");
    let detach = ["keys", "detach-root", root_file.to_str().unwrap(), "--key-file", &key_file];
    let (ok, _, err) = entente(program, &a, &detach);
    assert!(!ok && err.contains("refusal.keys.held"), "{err}");
    a.stop().unwrap();
    let (ok, _, err) = entente(program, &a, &detach);
    assert!(ok, "{err}");
    a.start(program).await.unwrap();
    let (ok, _, err) = entente(program, &a, &["keys", "card", "--officer", "admin"]);
    assert!(!ok && err.contains("refusal.keys.root-away"), "{err}");
    let with = ["keys", "rotate", "--from", "now", "--officer", "admin", "--root", root_file.to_str().unwrap(), "--root-key-file", &key_file];
    let (ok, view, err) = entente(program, &a, &with);
    assert!(ok, "{err}");
    assert_eq!((&view["acts"], &view["root_here"]), (&json!(5), &json!(false)));
    // The same in two steps, with a root key that never comes near.
    let (ask, answer) = (root.join("a.request"), root.join("a.answer"));
    let (ask, answer) = (ask.to_str().unwrap(), answer.to_str().unwrap());
    assert!(entente(program, &a, &["keys", "request", ask, "--from", "now", "--officer", "admin"]).0);
    assert!(entente(program, &a, &["keys", "sign", ask, answer, "--root", root_file.to_str().unwrap(), "--key-file", &key_file]).0);
    let (ok, view, err) = entente(program, &a, &["keys", "install", answer, "--officer", "admin"]);
    assert!(ok, "{err}");
    assert_eq!(view["acts"], 6);
    let (ok, _, err) = entente(program, &a, &["keys", "install", answer, "--officer", "admin"]);
    assert!(!ok && err.contains("refusal.keys.not-asked"), "{err}");
    a.client("desk").post("/v1/intents", &note(&ids[0], "the last one")).await.unwrap();
    settled(&a, &b).await;
}
