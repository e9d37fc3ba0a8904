//! `--keep`: the nodes run on with a desk each until somebody ends them, and a directory that was kept is started again.
//!
//! 1 what is shown is noted in the directory, 2 each officer is invited to their desk by a link, 3 nodes are watched, 4 a signal ends all.

use super::cast::{DE, ES, MA, PT, Seat, Service};
use super::scenes::Shown;
use super::voice::Voice;
use super::wish::short;
use super::{DemoError, Stage};
use crate::launch::{LaunchError, Station};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file by which a kept directory is known.
const FILE: &str = "demonstration.json";
/// How often it is looked whether a node has ended.
const LOOK: Duration = Duration::from_millis(500);

/// What a kept directory says of itself.
#[derive(Serialize, Deserialize)]
struct Note {
    dossiers: Shown,
}

/// Tells whether a directory holds a demonstration that was kept.
pub fn is_kept(root: &Path) -> bool {
    root.join(FILE).is_file()
}

/// Notes in the directory that it is kept, and what it shows.
pub fn note(root: &Path, shown: &Shown) -> Result<(), DemoError> {
    let path = root.join(FILE);
    let text = serde_json::to_vec_pretty(&Note { dossiers: shown.clone() }).expect("plain data has a JSON form");
    fs::write(&path, text).map_err(|e| DemoError::System(format!("{}: {e}", path.display())))
}

/// Finds the four services of a kept directory, and what they show; no node runs yet.
pub fn found(voice: Voice, root: &Path) -> Result<(Stage, Shown), DemoError> {
    let path = root.join(FILE);
    let read = fs::read(&path).map_err(|e| DemoError::System(format!("{}: {e}", path.display())))?;
    let note: Note = serde_json::from_slice(&read).map_err(|e| DemoError::System(format!("{}: {e}", path.display())))?;
    let [ma, es, de, pt] = [&MA, &ES, &DE, &PT].map(|cast| Station::again(root, cast.founder.code).map(|station| Service { station, cast }));
    Ok((Stage { ma: ma?, es: es?, de: de?, pt: pt?, root: root.to_owned(), voice }, note.dossiers))
}

/// Starts the nodes of a kept directory.
pub async fn start(stage: &mut Stage, program: &Path) -> Result<(), DemoError> {
    stage.voice.chapter("The four nodes of this directory start again");
    for s in [&mut stage.ma, &mut stage.es, &mut stage.de, &mut stage.pt] {
        s.station.start(program).await?;
        stage.voice.says(s.code(), &format!("node runs: partners come in at {}, officers' programs at {}", s.station.peer, s.station.api));
    }
    Ok(())
}

/// Says where each desk is, how its officers sign in, and how to look around.
pub async fn tell(stage: &Stage, program: &Path, shown: &Shown) -> Result<(), DemoError> {
    let voice = &stage.voice;
    voice.chapter("The nodes run on, with a desk each, until Ctrl-C");
    let mut nodes = Vec::new();
    for s in stage.all() {
        let (name, station) = (s.cast.founder.name[0].1, &s.station);
        voice.says(s.code(), &format!("{name}: {}", station.origin()));
        let mut officers = Vec::new();
        for (id, name, role) in s.cast.people.into_iter().chain([("admin", "the administrator", "administrator")]) {
            let link = station.invite(id).await.map_err(LaunchError::from)?;
            voice.shows(&format!("{:<42} {link}", format!("{name}, {}", role.replace('-', " "))));
            officers.push(json!({ "id": id, "name": name, "role": role, "link": link, "token_file": station.dir.join("tokens").join(id) }));
        }
        voice.shows(&format!("directory {}, API {}, process {}", station.dir.display(), station.api, station.pid().unwrap_or(0)));
        nodes.push(json!({
            "code": s.code(), "desk": station.origin(), "dir": station.dir, "api": station.api.to_string(), "pid": station.pid(), "officers": officers,
        }));
    }
    for line in how(&stage.ma, program) {
        voice.says("all", &line);
    }
    voice.says("all", "what lies there, by dossier:");
    for (name, dossier) in shown {
        voice.shows(&format!("{} {name}", short(dossier)));
    }
    voice.says("all", "Ctrl-C ends the four nodes and keeps the directory");
    voice.hands(&json!({ "done": true, "checks": voice.checks(), "seconds": voice.seconds(), "nodes": nodes, "dossiers": shown }));
    Ok(())
}

/// How to sign in and to go on by the command line, with one service as the example.
fn how(s: &Service, program: &Path) -> Vec<String> {
    let (program, dir, desk) = (program.display(), s.station.dir.display(), s.cast.people[Seat::Desk as usize].0);
    vec![
        format!(
            "open a link in a browser: it makes a passkey, once, within {} hours; from then on that officer signs in at the address",
            web::INVITATION_HOURS
        ),
        format!("a new link: {program} --dir {dir} --officer admin officer invite {desk}"),
        format!("by command line: {program} --dir {dir} --officer {desk} due"),
        format!("                 {program} --dir {dir} --officer {desk} dossier show ID --reason demonstration"),
    ]
}

/// Waits for a signal, and says so when a node ends meanwhile; then ends the others in good order.
pub async fn hold(stage: &mut Stage, program: &Path, stopped: impl Future<Output = DemoError>) -> Result<(), DemoError> {
    tokio::pin!(stopped);
    let why = loop {
        tokio::select! {
            biased;
            why = &mut stopped => break why,
            () = tokio::time::sleep(LOOK) => {}
        }
        for s in [&mut stage.ma, &mut stage.es, &mut stage.de, &mut stage.pt] {
            if let Some(status) = s.station.ended() {
                let (dir, key) = (s.station.dir.display(), s.station.key_file.display());
                stage
                    .voice
                    .says(s.code(), &format!("the node has ended ({status}); start it again with {} --dir {dir} serve --key-file {key}", program.display()));
            }
        }
    };
    let DemoError::Interrupted = why else { return Err(why) };
    for s in [&mut stage.ma, &mut stage.es, &mut stage.de, &mut stage.pt] {
        s.station.stop()?;
        stage.voice.says(s.code(), "stopped, and ended well");
    }
    let root: &PathBuf = &stage.root;
    stage.voice.says("all", &format!("start it again: {} demo --keep --dir {}; or remove that directory", program.display(), root.display()));
    let ended: Value = json!({ "ended": true });
    stage.voice.hands(&ended);
    Ok(())
}
