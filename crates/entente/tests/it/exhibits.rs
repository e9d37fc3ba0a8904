//! A large file between two real nodes, each killed in the middle: it arrives whole, goes on where it stood, and is never in memory.
//!
//! `EXHIBIT_MIB=512` makes it the long form.

use entente::bench::{dossiers, two_nodes};
use entente::launch::{Station, until};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Megabytes by which a node may grow beyond what it had before.
const GROWTH_MB_MAX: f64 = 64.0;
const WITHIN: Duration = Duration::from_secs(600);

#[test]
fn a_large_file_survives_kill_nine_at_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mib = std::env::var("EXHIBIT_MIB").map_or(64, |m| m.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(dir.path(), Path::new(env!("CARGO_BIN_EXE_entente")), mib));
}

/// Writes a file of which no chunk is like another, without holding it.
fn write_file(path: &Path, mib: u64) {
    let mut out = File::create(path).unwrap();
    let mut chunk = vec![0u8; 1 << 20];
    let mut seed = 7u64;
    for _ in 0..mib {
        for word in chunk.chunks_exact_mut(8) {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            word.copy_from_slice(&seed.to_le_bytes());
        }
        out.write_all(&chunk).unwrap();
    }
    out.write_all(b"and a little more").unwrap();
}

/// Compares what is written to it with a file.
struct Same(File);

impl Write for Same {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut own = vec![0; bytes.len()];
        self.0.read_exact(&mut own)?;
        if own == bytes { Ok(bytes.len()) } else { Err(std::io::Error::other("another byte")) }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn exhibit(s: &Station, dossier: &str) -> Result<Value, entente::client::Problem> {
    Ok(s.client("desk").get(&format!("/v1/dossiers/{dossier}/exhibits?reason=test")).await?[0].clone())
}

async fn here(s: &Station, dossier: &str) -> u64 {
    exhibit(s, dossier).await.unwrap()["here"]["bytes"].as_u64().unwrap_or(0)
}

async fn memory_mb(s: &Station, key: &str) -> f64 {
    s.client("admin").get("/v1/process").await.unwrap()[key].as_f64().unwrap() / 1024.0
}

async fn story(root: &Path, program: &Path, mib: u64) {
    let file = root.join("film.mp4");
    write_file(&file, mib);
    let size = std::fs::metadata(&file).unwrap().len();
    let (mut a, mut b) = two_nodes(root, program).await.unwrap();
    let dossier = dossiers(&a, &b, 1).await.unwrap().remove(0);
    let before = [memory_mb(&a, "rss_kib").await, memory_mb(&b, "rss_kib").await];
    let run = |s: &Station, args: &[&str]| {
        let token = s.dir.join("tokens").join("desk");
        Command::new(program).arg("--dir").arg(&s.dir).arg("--token-file").arg(token).arg("--json").args(args).output().unwrap()
    };
    let added = run(&a, &["exhibit", "add", file.to_str().unwrap(), "--dossier", &dossier, "--description", "fr=Film"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let grown = memory_mb(&a, "peak_rss_kib").await - before[0];
    assert!(grown < GROWTH_MB_MAX, "adding {mib} MiB made the sender grow by {grown} MB");
    let arrives = |part: u64| size / 100 * part;
    let reaches = |s: &Station, part: u64| {
        let (client, path) = (s.client("desk"), format!("/v1/dossiers/{dossier}/exhibits?reason=test"));
        async move {
            until("chunks", WITHIN, || async { Ok(client.get(&path).await?[0]["here"]["bytes"].as_u64().unwrap_or(0) >= arrives(part)) }).await.unwrap();
        }
    };
    reaches(&b, 15).await;
    let stood = here(&b, &dossier).await;
    b.kill();
    b.start(program).await.unwrap();
    let stands = here(&b, &dossier).await;
    assert!(stands >= stood, "what was receipted is on the disk: {stood} bytes before, {stands} after");
    reaches(&b, 50).await;
    a.kill();
    a.start(program).await.unwrap();
    until("the file at both ends", WITHIN, || async {
        let (there, here) = (exhibit(&a, &dossier).await?, exhibit(&b, &dossier).await?);
        Ok(there["there"][0]["state"] == "held" && here["here"]["state"] == "held" && there["there"][0]["since"] == here["here"]["since"])
    })
    .await
    .unwrap();
    for (s, before) in [(&a, before[0]), (&b, before[1])] {
        let grown = memory_mb(s, "peak_rss_kib").await - before;
        assert!(grown < GROWTH_MB_MAX, "{} grew by {grown} MB over {mib} MiB", s.code);
        println!("{} grew by {grown:.0} MB", s.code);
    }
    let one = exhibit(&b, &dossier).await.unwrap();
    let path = format!("/v1/dossiers/{dossier}/exhibits/{}?reason=test", one["id"].as_str().unwrap());
    let read = b.client("desk").download(&path, &mut Same(File::open(&file).unwrap()), |_, _| ()).await.unwrap();
    assert_eq!(read, size, "every byte is the sender's");
    taken_out(&b, &run, &dossier, &one, &file, root);
    let unsigned = b.client("desk").get(&format!("/v1/dossiers/{dossier}/exhibits?reason=")).await.unwrap_err();
    assert_eq!(unsigned.code, "refusal.node.asked", "who looks says why");
    let none = b.client("admin").get(&path).await.unwrap_err();
    assert_eq!(none.code, "refusal.officer.role", "the administrator by that alone reads nothing");
}

/// Takes the file out with the program, over what an earlier try left, and checks it beside a proof.
fn taken_out(b: &Station, run: &dyn Fn(&Station, &[&str]) -> std::process::Output, dossier: &str, one: &Value, file: &Path, root: &Path) {
    let (to, part, proof) = (root.join("out.mp4"), root.join("out.mp4.part"), root.join("proof.json"));
    let mut begun = vec![0; 3_000_000];
    File::open(file).unwrap().read_exact(&mut begun).unwrap();
    std::fs::write(&part, &begun).unwrap();
    let id = one["id"].as_str().unwrap();
    let got = run(b, &["exhibit", "get", dossier, &id[..12], to.to_str().unwrap(), "--reason", "test"]);
    assert!(got.status.success(), "{}", String::from_utf8_lossy(&got.stderr));
    let said: Value = serde_json::from_slice(&got.stdout).unwrap();
    assert_eq!(said["resumed_at"], json!(3_000_000), "it goes on where it stood");
    assert!(!part.exists());
    begun[7] ^= 1;
    std::fs::write(&part, &begun).unwrap();
    let bad = run(b, &["exhibit", "get", dossier, &id[..12], to.to_str().unwrap(), "--reason", "test"]);
    assert!(!bad.status.success() && String::from_utf8_lossy(&bad.stderr).contains("peer.exhibit.chunk"), "what is not the exhibit is not called so");
    let exported = run(b, &["dossier", "export", dossier, proof.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let verify = |what: &Path| run(b, &["verify", proof.to_str().unwrap(), "--exhibit", what.to_str().unwrap()]);
    assert!(verify(&to).status.success());
    let mut altered = File::options().append(true).open(&to).unwrap();
    altered.write_all(b"!").unwrap();
    let bad = verify(&to);
    assert!(!bad.status.success() && String::from_utf8_lossy(&bad.stderr).contains("peer.proof.exhibit"));
}
