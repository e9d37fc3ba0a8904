//! A mechanism that a stranger wrote, between two running nodes: agreed and used without a new build of either; and versions that differ.

use crate::rotation::{entente, settled};
use entente::bench::two_nodes;
use entente::launch::{Station, accord, until};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const TUTORIAL: &str = include_str!("../../../../docs/mechanisms/tutorial.toml");
const NAME: &str = "equipment-loan";

/// Runs what must succeed.
fn done(program: &Path, station: &Station, args: &[&str]) -> Value {
    let (ok, out, err) = entente(program, station, args);
    assert!(ok, "{args:?}: {err}");
    out
}

/// Runs what must be refused, and returns what an officer reads who speaks that language.
fn refused(program: &Path, station: &Station, lang: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).args(["--lang", lang]).arg("--dir").arg(&station.dir).env_remove("ENTENTE_PASSPHRASE").output().unwrap();
    assert!(!out.status.success(), "{args:?} was not refused");
    String::from_utf8(out.stderr).unwrap()
}

/// Brings an accord over a version of the mechanism into force; the first station proposes it.
async fn agree(a: &Station, b: &Station, hash: &str) {
    let opened = a.act("chief", "judge", &accord(&[a.service, b.service], &[(NAME, hash)], "Equipment"), "delivered").await.unwrap();
    let id = opened["dossier"].as_str().unwrap().to_owned();
    let sign = json!({ "do": "move", "dossier": id, "item": null, "name": "sign", "handling": { "codes": ["H0"] }, "fields": { "authority": { "lang": "en", "text": "Director" } } });
    for station in [a, b] {
        station.act("judge", "chief", &sign, "delivered").await.unwrap();
    }
    for station in [a, b] {
        phase(station, &id, "in-force").await;
    }
}

async fn phase(station: &Station, dossier: &str, wanted: &str) -> String {
    let path = format!("/v1/dossiers/{dossier}?reason=loan");
    let client = station.client("desk");
    // An act may still be on its way: until then there is no such dossier here.
    until(wanted, Duration::from_secs(30), || async { Ok(client.get(&path).await.is_ok_and(|d| d["phase"] == wanted)) }).await.unwrap();
    client.get(&path).await.unwrap()["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_strangers_mechanism_is_agreed_and_used_between_two_running_nodes_and_other_versions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(dir.path(), Path::new(env!("CARGO_BIN_EXE_entente"))));
}

async fn story(root: &Path, program: &Path) {
    let (a, b) = two_nodes(root, program).await.unwrap();
    let file = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // The stranger's file is given to one node as it stands; the other has never seen it.
    let first = file("loan.toml", TUTORIAL);
    let hash = done(program, &a, &["mechanism", "add", &first, "--officer", "admin"])["hash"].as_str().unwrap().to_owned();
    assert_eq!(hash, base::Digest::of(TUTORIAL.as_bytes()).to_string());
    assert_eq!(b.client("desk").get(&format!("/v1/mechanisms/{NAME}")).await.unwrap_err().code, "refusal.mechanism.unknown");
    agree(&a, &b, &hash).await;
    assert_eq!(b.client("desk").get(&format!("/v1/mechanisms/{NAME}")).await.unwrap()["hash"], hash.as_str(), "it came with the proposal, byte for byte");

    // Used to its end by both.
    let open = |mechanism: &'static str| {
        [
            "dossier",
            "open",
            mechanism,
            "--officer",
            "desk",
            "--as",
            "borrower",
            "--party",
            "aa=lender",
            "--field",
            "what@es=Doce radios",
            "--field",
            "until=2030-06-13",
        ]
    };
    let loan = done(program, &b, &open(NAME))["dossier"].as_str().unwrap().to_owned();
    phase(&a, &loan, "asked").await;
    let step = |station: &Station, officer: &str, name: &str, more: &[&str]| {
        done(program, station, &[&["dossier", "move", &loan, name, "--officer", officer, "--wait"], more].concat());
    };
    step(&a, "chief", "lend", &["--field", "reference=MA-7"]);
    phase(&b, &loan, "lent").await;
    step(&b, "desk", "confirm_receipt", &[]);
    step(&b, "desk", "give_back", &[]);
    step(&a, "desk", "confirm_return", &[]);
    assert_eq!(phase(&a, &loan, "back").await, phase(&b, &loan, "back").await, "both fold alike what neither was built with");

    // Each now has another version of its own; neither takes the other's dossiers under what was not agreed, and both say what helps.
    let second = done(program, &b, &["mechanism", "add", &file("two.toml", &TUTORIAL.replacen("version = 1", "version = 2", 1)), "--officer", "admin"]);
    let third = done(program, &a, &["mechanism", "add", &file("three.toml", &TUTORIAL.replacen("version = 1", "version = 3", 1)), "--officer", "admin"]);
    assert!(second["hash"] != third["hash"] && second["hash"] != hash.as_str());
    let said = refused(program, &b, "es", &open(NAME));
    assert!(said.contains("refusal.mechanism.other-version") && said.contains("por su hash (entente accord show)"), "{said}");
    let from_a = [
        "dossier",
        "open",
        NAME,
        "--officer",
        "desk",
        "--as",
        "borrower",
        "--party",
        "bb=lender",
        "--field",
        "what@fr=Deux drones",
        "--field",
        "until=2030-06-13",
    ];
    let said = refused(program, &a, "fr", &from_a);
    assert!(said.contains("refusal.mechanism.other-version") && said.contains("par son empreinte (entente accord show)"), "{said}");

    // What the text advises works: the agreed version by its hash, or an accord that names the new one.
    let by_hash: Vec<&str> = open(NAME).into_iter().map(|w| if w == NAME { hash.as_str() } else { w }).collect();
    let again = done(program, &b, &by_hash)["dossier"].as_str().unwrap().to_owned();
    phase(&a, &again, "asked").await;
    agree(&b, &a, second["hash"].as_str().unwrap()).await;
    let new = done(program, &b, &open(NAME))["dossier"].as_str().unwrap().to_owned();
    phase(&a, &new, "asked").await;
    assert_eq!(a.client("desk").get(&format!("/v1/dossiers/{new}?reason=loan")).await.unwrap()["void"], json!([]));
    settled(&a, &b).await;
}
