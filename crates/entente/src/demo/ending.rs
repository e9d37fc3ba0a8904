//! Chapters 8 and 9: ledgers are cosigned by partners, every shared dossier is compared, every ledger verified; then all stops.

use super::cast::Seat;
use super::voice::Voice;
use super::wish::{short, text};
use super::{DemoError, Stage, communique, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const COSIGNED_WITHIN: Duration = Duration::from_secs(20);
const EMPTY_WITHIN: Duration = Duration::from_secs(20);

/// Has every node's ledger cosigned by both partners.
pub async fn witness(stage: &Stage) -> Result<(), DemoError> {
    let voice = &stage.voice;
    voice.chapter("8  Checkpoints: each partner signs that the other's ledger only grew");
    for s in stage.all() {
        let size = s.status().await?["ledger_size"].as_u64().unwrap_or(0);
        s.post(Seat::Supervisor, "/v1/checkpoint", &json!({})).await?;
        let name = format!("the ledger of {} is cosigned by both partners at {size} entries or more", s.code());
        let cosigned = |status: &Value| status["cosigned"].as_array().into_iter().flatten().filter(|c| c[1].as_u64() >= Some(size)).count();
        until(&name, COSIGNED_WITHIN, || async move { Ok(cosigned(&s.status().await?) == 2) }).await?;
        voice.check(&name, true, String::new)?;
    }
    Ok(())
}

/// Shows how every node stands, and compares what they share.
pub async fn compare(stage: &Stage) -> Result<(), DemoError> {
    let voice = &stage.voice;
    voice.chapter("9  The end: what each holds, and that it is the same");
    let mut digests: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    for s in stage.all() {
        until(&format!("nothing waits in the outbox of {}", s.code()), EMPTY_WITHIN, || async move { Ok(s.status().await?["outbox"] == 0) }).await?;
        let status = s.status().await?;
        voice.says(
            s.code(),
            &format!(
                "ledger of {} entries, root {}…, outbox {}, incidents {}",
                status["ledger_size"],
                short(text(&status, "ledger_root")),
                status["outbox"],
                status["incidents"]
            ),
        );
        let listed = s.get(Seat::Desk, "/v1/dossiers").await?;
        for l in listed.as_array().into_iter().flatten() {
            voice.shows(&format!("{} {:<19} {:<10} {}", short(text(l, "id")), text(l, "mechanism"), text(l, "phase"), text(l, "title")));
            let view = s.look(Seat::DataProtection, text(l, "id"), "comparison of digests").await?;
            digests.entry(text(l, "id").to_owned()).or_default().push((s.code(), text(&view, "digest").to_owned()));
        }
        voice.same(&format!("{} has nothing undelivered and no incident", s.code()), &(&status["outbox"], &status["incidents"]), &(&json!(0), &json!(0)))?;
    }
    for (dossier, held) in &digests {
        let codes: Vec<&str> = held.iter().map(|h| h.0).collect();
        let alike = held.len() > 1 && held.iter().all(|h| h.1 == held[0].1 && !h.1.is_empty());
        voice.check(&format!("dossier {} folds to the same digest at {}", short(dossier), codes.join(", ")), alike, || format!("{held:?}"))?;
    }
    voice.same("six dossiers, each at its own parties and nowhere else", &digests.values().map(Vec::len).sum::<usize>(), &(2 + 3 + 3 + 2 + 2 + 2))
}

/// Stops the nodes and verifies their ledgers, or leaves them running and tells how to go on.
pub async fn leave(stage: &mut Stage, program: &Path, visit: &str, keep: bool) -> Result<(), DemoError> {
    for s in [&mut stage.ma, &mut stage.es, &mut stage.de] {
        if !keep {
            s.station.stop()?;
            stage.voice.says(s.code(), "stopped (SIGTERM), and ended well");
        }
        let name = format!("every hash, signature and receipt in the ledger of {} holds (entente verify --ledger)", s.code());
        verify(
            &stage.voice,
            Command::new(program).arg("--dir").arg(&s.station.dir).args(["verify", "--ledger", "--key-file"]).arg(&s.station.key_file),
            &name,
        )?;
    }
    let voice = &stage.voice;
    let proof = stage.root.join(communique::proof_name("ma"));
    verify(voice, Command::new(program).arg("verify").arg(proof), "the communiqué's proof holds without any node (entente verify FILE)")?;
    voice.says("all", &format!("{} checks held in {:.1} s: three processes, no file read across, no server between them", voice.checks(), voice.seconds()));
    let mut nodes = Vec::new();
    if keep {
        voice.chapter("The nodes are left running");
        for s in [&mut stage.ma, &mut stage.es, &mut stage.de] {
            let (code, dir, api) = (s.code(), s.station.dir.display().to_string(), s.station.api.to_string());
            let pid = s.station.leave().unwrap_or(0);
            let tokens = s.station.dir.join("tokens");
            voice.says(code, &format!("directory {dir}, API {api}, process {pid}"));
            for (id, name, role) in s.cast.people {
                voice.shows(&format!("{name}, {}: token in {}", role.replace('-', " "), tokens.join(id).display()));
            }
            voice.shows(&format!("the administrator: token in {}", tokens.join("admin").display()));
            let desk = s.cast.people[Seat::Desk as usize].0;
            let program = program.display();
            voice.shows(&format!("try: {program} --dir {dir} --officer {desk} status"));
            voice.shows(&format!("     {program} --dir {dir} --officer {desk} due"));
            voice.shows(&format!("     {program} --dir {dir} --officer {desk} dossier show {} --reason demonstration", short(visit)));
            nodes.push(json!({ "code": code, "dir": dir, "api": api, "pid": pid, "desk": desk }));
        }
        let pids: Vec<String> = nodes.iter().map(|n| n["pid"].to_string()).collect();
        voice.says("all", &format!("to stop them: kill {}", pids.join(" ")));
        voice.shows(&format!("then remove {}", stage.root.display()));
    }
    voice.hands(&json!({ "done": true, "checks": voice.checks(), "seconds": voice.seconds(), "nodes": nodes }));
    Ok(())
}

/// Has the program verify something, as anybody may, and shows its first line.
fn verify(voice: &Voice, command: &mut Command, name: &str) -> Result<(), DemoError> {
    let output = command.output().map_err(|e| DemoError::System(format!("entente verify: {e}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().take(1).for_each(|line| voice.shows(line));
    voice.check(name, output.status.success(), || format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}
