//! Decisions of people by command: a suspended partner, keys carried by hand, another lock, a service that follows another.

use crate::rotation::{entente, settled};
use base::Lang;
use entente::bench::{dossiers, note, two_nodes};
use entente::launch::{Founder, Station, until};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Runs what must succeed.
fn done(program: &Path, station: &Station, args: &[&str]) -> Value {
    let (ok, out, err) = entente(program, station, args);
    assert!(ok, "{args:?}: {err}");
    out
}

/// Runs what must be refused, and returns what it says.
fn refused(program: &Path, station: &Station, args: &[&str], code: &str) {
    let (ok, out, err) = entente(program, station, args);
    assert!(!ok && err.contains(code), "{args:?}: {out} {err}");
}

#[test]
fn people_decide_whom_to_trust() {
    let dir = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_entente"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(dir.path(), program));
}

async fn story(root: &Path, program: &Path) {
    let (mut a, mut b) = two_nodes(root, program).await.unwrap();
    let ids = dossiers(&a, &b, 1).await.unwrap();
    let file = |name: &str| root.join(name).to_str().unwrap().to_owned();
    let (a_key, b_key) = (a.key_file.to_str().unwrap().to_owned(), b.key_file.to_str().unwrap().to_owned());

    // Two officers suspend, and two resume.
    let suspend = |who: &'static str, what: &'static str| ["partner", what, "aa", "--reason", "the root key may be gone", "--officer", who];
    assert_eq!(done(program, &b, &suspend("chief", "suspend"))["done"], false);
    refused(program, &b, &suspend("chief", "suspend"), "refusal.pending.same-eyes");
    assert_eq!(done(program, &b, &suspend("judge", "suspend"))["done"], true);
    a.client("desk").post("/v1/intents", &note(&ids[0], "not taken")).await.unwrap();
    let client = a.client("admin");
    until("the partner does not answer", Duration::from_secs(20), || async {
        Ok(client.get("/v1/partners").await?[0]["health"]["attempts"].as_u64() > Some(0))
    })
    .await
    .unwrap();
    assert_eq!(a.client("admin").get("/v1/status").await.unwrap()["outbox"], 1);
    assert_eq!(done(program, &b, &suspend("judge", "resume"))["done"], false);
    assert_eq!(done(program, &b, &suspend("chief", "resume"))["done"], true);
    settled(&a, &b).await;

    // A partner that is away when keys are revoked takes them from a file.
    b.stop().unwrap();
    let since = entente::engine::now().to_string();
    done(program, &a, &["keys", "revoke", "--card", "1", "--since", &since, "--reason", "lost", "--officer", "admin"]);
    assert_eq!(done(program, &a, &["keys", "status", "--officer", "admin"])["untold"], json!(["bb"]));
    done(program, &a, &["keys", "export", &file("aa.keys"), "--officer", "admin"]);
    a.stop().unwrap();
    b.start(program).await.unwrap();
    assert_eq!(done(program, &b, &["partner", "keys", &file("aa.keys"), "--officer", "admin"])["taken"], 1);
    let partner = b.client("admin").get("/v1/partners").await.unwrap()[0].clone();
    assert_eq!((&partner["card"], &partner["revoked"][0][0], &partner["revoked"][0][1]), (&json!(2), &json!(1), &json!("lost")));
    a.start(program).await.unwrap();
    a.client("desk").post("/v1/intents", &note(&ids[0], "under the new card")).await.unwrap();
    settled(&a, &b).await;

    // A new service follows, by its own fingerprint.
    let founder = Founder { code: "an", country: "MA", zone: "Africa/Casablanca", name: &[(Lang::Fr, "an")], languages: &[Lang::Fr] };
    let new = Station::found(root, &founder).unwrap();
    let new_key = new.key_file.to_str().unwrap().to_owned();
    let old_dir = a.dir.to_str().unwrap().to_owned();
    let declare = ["succession", "declare", &file("an.succession"), "--key-file", &new_key, "--old-dir", &old_dir, "--old-key-file", &a_key];
    let declared = done(program, &new, &declare);
    assert_eq!((&declared["predecessor"], &declared["countersigned"]), (&json!(a.service), &json!(true)));
    let confirm = |words: String| {
        ["succession".to_owned(), "confirm".to_owned(), file("an.succession"), "--fingerprint".to_owned(), words, "--officer".to_owned(), "admin".to_owned()]
    };
    let wrong = confirm(a.fingerprint.clone());
    refused(program, &b, &wrong.each_ref().map(String::as_str), "refusal.fingerprint.differs");
    let right = confirm(new.fingerprint.clone());
    assert_eq!(done(program, &b, &right.each_ref().map(String::as_str))["countersigned"], true);
    let left = done(program, &b, &["succession", "list", "--officer", "admin"]);
    assert_eq!((&left[0]["dossiers"][0][0], left[0]["accords"].as_array().unwrap().len()), (&json!(ids[0]), 1));
    assert_eq!(b.client("admin").get("/v1/partners").await.unwrap().as_array().unwrap().len(), 2);

    // Another lock, and a root key that comes back.
    b.stop().unwrap();
    let (new_lock, root_file) = (file("b2.key"), file("b.root"));
    done(program, &b, &["keys", "passphrase", "--new-key-file", &new_lock, "--key-file", &b_key]);
    refused(program, &b, &["verify", "--ledger", "--key-file", &b_key], "refusal.keys.key-file");
    done(program, &b, &["verify", "--ledger", "--key-file", &new_lock]);
    done(program, &b, &["keys", "detach-root", &root_file, "--key-file", &new_lock]);
    refused(program, &b, &["keys", "detach-root", &root_file, "--key-file", &new_lock], "refusal.keys.root-away");
    done(program, &b, &["keys", "attach-root", &root_file, "--key-file", &new_lock]);
}
