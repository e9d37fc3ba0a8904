//! Chapters 17 to 19: what lies on the desks; ledgers are cosigned by partners, every shared dossier is compared, every ledger verified;
//! then all stops.

use super::cast::Seat;
use super::scenes::{self, Shown};
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

/// Lines of a desk that are shown.
const DUE_LINES: usize = 6;

/// Leaves dossiers in the middle of their stories, and shows what is due at each desk.
pub async fn desks(stage: &Stage) -> Result<Shown, DemoError> {
    let voice = &stage.voice;
    voice.chapter("18  What is left on the desks: dossiers in the middle of their stories");
    let left = scenes::leave(stage).await?;
    for (name, dossier) in &left {
        voice.shows(&format!("{} {name}", short(dossier)));
    }
    for s in stage.all() {
        let due = s.get(Seat::Desk, "/v1/due").await?;
        let all: Vec<&Value> = due.as_array().into_iter().flatten().collect();
        let count = |kind: &str| all.iter().filter(|d| d["kind"] == kind).count();
        let late = all.iter().filter(|d| d["state"] == "expired").count();
        voice.says(
            s.code(),
            &format!("{}: {} for us, {} for partners, {} to approve; {late} late", s.who(Seat::Desk), count("ours"), count("theirs"), count("approval")),
        );
        for d in all.iter().filter(|d| d["kind"] == "ours").take(DUE_LINES) {
            let at = base::UnixMs(d["due"].as_i64().unwrap_or(0)).to_string();
            voice.shows(&format!("{} {:<8} {:<28} {}", at.get(..16).unwrap_or(&at), text(d, "state"), text(d, "what"), text(d, "title")));
        }
        voice.check(&format!("something waits at {}, and somebody must approve something", s.code()), count("ours") > 0 && count("approval") > 0, || {
            due.to_string()
        })?;
    }
    Ok(left)
}

/// Has every node's ledger cosigned by all partners.
pub async fn witness(stage: &Stage) -> Result<(), DemoError> {
    let voice = &stage.voice;
    voice.chapter("19  Checkpoints: each partner signs that the other's ledger only grew");
    for s in stage.all() {
        let size = s.status().await?["ledger_size"].as_u64().unwrap_or(0);
        s.post(Seat::Supervisor, "/v1/checkpoint", &json!({})).await?;
        let name = format!("the ledger of {} is cosigned by all partners at {size} entries or more", s.code());
        let cosigned = |status: &Value| status["cosigned"].as_array().into_iter().flatten().filter(|c| c[1].as_u64() >= Some(size)).count();
        until(&name, COSIGNED_WITHIN, || async move { Ok(cosigned(&s.status().await?) == 3) }).await?;
        voice.check(&name, true, String::new)?;
    }
    Ok(())
}

/// Shows how every node stands, and compares what they share.
pub async fn compare(stage: &Stage) -> Result<(), DemoError> {
    let voice = &stage.voice;
    voice.chapter("20  The end: what each holds, and that it is the same");
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
    Ok(())
}

/// Verifies every ledger, once its node has stopped or beside it, and the communiqué's proof.
pub async fn verify_all(stage: &mut Stage, program: &Path, keep: bool) -> Result<(), DemoError> {
    for s in [&mut stage.ma, &mut stage.es, &mut stage.de, &mut stage.pt] {
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
    voice.says("all", &format!("{} checks held in {:.1} s: four processes, no file read across, no server between them", voice.checks(), voice.seconds()));
    Ok(())
}

/// Has the program verify something, as anybody may, and shows its first line.
fn verify(voice: &Voice, command: &mut Command, name: &str) -> Result<(), DemoError> {
    let output = command.output().map_err(|e| DemoError::System(format!("entente verify: {e}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().take(1).for_each(|line| voice.shows(line));
    voice.check(name, output.status.success(), || format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}
