//! The demonstration: four services on one machine, each a process of its own, tell the whole story through their local APIs.
//!
//! 1 services, cards, fingerprints; 2 accords; 3 the register; 4 a working visit and its communiqué; a request, and a node that
//! is killed meanwhile (5 to 7); a fourth service joins (8); a scene of each larger mechanism (9 to 16), and what is left on the desks (17);
//! checkpoints, comparison, verification (18 and 19). A check that fails stops it with that check's name.

mod accords;
mod asking;
mod cast;
mod communique;
mod ending;
mod founding;
mod hits;
mod joining;
mod kept;
mod press;
mod scenes;
mod visit;
mod voice;
mod wish;
mod world;

use crate::client::Problem;
use crate::launch::LaunchError;
use base::Entropy;
use cast::{Seat, Service};
use seal::SystemEntropy;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use voice::Voice;
pub use world::{World, WorldNode, WorldOfficer, world};

/// What the operator wants.
#[derive(Debug, Clone, Default)]
pub struct DemoArgs {
    /// Let the nodes run on, with a desk each, until a signal comes (if all went well), and leave the directory in place.
    pub keep: bool,
    /// A directory to work in, which is left in place: an empty or absent one, or with `keep` one that was kept before; else a temporary
    /// one, which is removed.
    pub dir: Option<PathBuf>,
    /// Tell the story as one JSON object a line.
    pub json: bool,
}

/// Why the demonstration stopped; each text says what happened.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Something that must hold does not: a fault of the program.
    #[error("check failed: {name}: {found}")]
    Check {
        /// What must hold.
        name: String,
        /// What was found.
        found: String,
    },
    /// A node refused what the story needs, or does not answer.
    #[error("node {code} does not do {wanted}: {problem}")]
    Node {
        /// The node.
        code: &'static str,
        /// The path of its local API.
        wanted: String,
        /// What it says.
        problem: Problem,
    },
    /// A service cannot be founded, or its node does not come up.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The directory, a file or a signal of the operating system.
    #[error("{0}")]
    System(String),
    /// Somebody wants it to stop.
    #[error("stopped by a signal; the nodes were ended")]
    Interrupted,
}

impl DemoError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &str {
        match self {
            DemoError::Check { .. } => "failure.demo.check",
            DemoError::Node { problem, .. } => &problem.code,
            DemoError::Launch(_) => "failure.demo.launch",
            DemoError::System(_) => "failure.demo.system",
            DemoError::Interrupted => "refusal.demo.interrupted",
        }
    }
}

/// The stage: services under one directory, and the voice that tells what they do.
struct Stage {
    voice: Voice,
    root: PathBuf,
    ma: Service,
    es: Service,
    de: Service,
    /// Joins in chapter 8; until then it has a directory and no node.
    pt: Service,
}

impl Stage {
    /// The three of the first chapters.
    fn three(&self) -> [&Service; 3] {
        [&self.ma, &self.es, &self.de]
    }

    /// All four, once Portugal has joined.
    fn all(&self) -> [&Service; 4] {
        [&self.ma, &self.es, &self.de, &self.pt]
    }

    /// Tries what must be refused with a code, tells the refusal, and checks that it is that one.
    async fn try_in_vain(&self, who: &Service, seat: Seat, path: &str, body: &serde_json::Value, code: &str) -> Result<(), DemoError> {
        let problem = who.refused(seat, path, body).await?;
        self.voice.shows(&format!("refused, HTTP {}: {}", problem.status, problem.what));
        self.voice.same(&format!("{} refuses this with {code}", who.code()), problem.code.as_str(), code)
    }
}

/// Runs the demonstration to its end; nodes that it started are ended with it, unless they shall be kept.
pub fn run(args: &DemoArgs) -> Result<(), DemoError> {
    let system = |what: &str| {
        let what = what.to_owned();
        move |e: std::io::Error| DemoError::System(format!("{what}: {e}"))
    };
    let program = std::env::current_exe().map_err(system("this program"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("the runtime"))?;
    let (root, ours) = directory(args).map_err(|(dir, e)| DemoError::System(format!("{}: {e}", dir.display())))?;
    let voice = Voice::new(args.json);
    let told = runtime.block_on(async {
        let stopped = told_to_stop();
        tokio::pin!(stopped);
        let (mut stage, before) = match kept::is_kept(&root) {
            true => kept::found(voice, &root).map(|(stage, shown)| (stage, Some(shown)))?,
            false => (founding::found(voice, &root)?, None),
        };
        let outcome = tokio::select! {
            outcome = until_the_end(&mut stage, &program, args.keep, before) => outcome,
            stopped = &mut stopped => Err(stopped),
        };
        if let Err(e) = &outcome
            && !matches!(e, DemoError::Interrupted)
        {
            let mut err = std::io::stderr().lock();
            for s in stage.all() {
                let _ = writeln!(err, "the end of {}:\n{}", s.station.log.display(), s.station.log_tail()); // the error itself comes after it
            }
        }
        outcome?;
        if args.keep { kept::hold(&mut stage, &program, stopped).await } else { Ok(()) }
    });
    if ours && !args.keep {
        let removed = fs::remove_dir_all(&root).map_err(system(&root.display().to_string()));
        return told.and(removed);
    }
    told
}

/// Tells the story, or starts the nodes of one that was kept; then says how to go on, where they are kept.
async fn until_the_end(stage: &mut Stage, program: &Path, keep: bool, before: Option<scenes::Shown>) -> Result<(), DemoError> {
    let shown = match before {
        Some(shown) => kept::start(stage, program).await.map(|()| shown)?,
        None => story(stage, program, keep).await?,
    };
    if !keep {
        stage.voice.hands(&serde_json::json!({ "done": true, "checks": stage.voice.checks(), "seconds": stage.voice.seconds(), "dossiers": shown }));
        return Ok(());
    }
    kept::note(&stage.root, &shown)?;
    kept::tell(stage, program, &shown).await
}

async fn story(stage: &mut Stage, program: &Path, keep: bool) -> Result<scenes::Shown, DemoError> {
    founding::start(stage, program).await?;
    founding::meet(stage).await?;
    let accords = accords::agree(stage).await?;
    let draft = press::read(stage).await?;
    let visit = visit::invite(stage, &accords, &draft).await?;
    visit::prepare(stage, &visit).await?;
    let commitments = visit::promise(stage, &visit).await?;
    communique::publish(stage, &visit, &commitments).await?;
    let request = asking::ask(stage, &accords).await?;
    asking::interrupt(stage, program, &request).await?;
    asking::answer(stage, &request).await?;
    hits::ask(stage).await?;
    joining::join(stage, program).await?;
    let mut shown = scenes::play(stage).await?;
    shown.append(&mut ending::desks(stage).await?);
    ending::witness(stage).await?;
    ending::compare(stage).await?;
    ending::verify_all(stage, program, keep).await?;
    Ok(shown)
}

/// Makes the directory to work in; tells whether it is a temporary one of ours.
fn directory(args: &DemoArgs) -> Result<(PathBuf, bool), (PathBuf, std::io::Error)> {
    let (root, ours) = match &args.dir {
        Some(dir) => (std::path::absolute(dir).map_err(|e| (dir.clone(), e))?, false),
        None => {
            let mut random = [0u8; 6];
            SystemEntropy.fill(&mut random);
            let name = base::hex::encode(&random);
            (std::env::temp_dir().join(format!("entente-demo-{name}")), true)
        }
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&root);
    made.map_err(|e| (root.clone(), e))?;
    match fs::read_dir(&root).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok((root, ours)),
        Ok(false) if kept::is_kept(&root) && args.keep => Ok((root, ours)),
        Ok(false) if kept::is_kept(&root) => Err((root, std::io::Error::other("a demonstration was kept here; --keep starts its nodes again"))),
        Ok(false) => Err((root, std::io::Error::other("the directory is not empty; choose another one"))),
        Err(e) => Err((root, e)),
    }
}

async fn told_to_stop() -> DemoError {
    let listen = || Ok::<_, std::io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?));
    let (mut term, mut int, mut hup) = match listen() {
        Ok(signals) => signals,
        Err(e) => return DemoError::System(format!("signals: {e}")),
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = hup.recv() => {}
    }
    DemoError::Interrupted
}

/// Waits until something holds, looking often; after `within` the check has failed.
async fn until<F: Future<Output = Result<bool, DemoError>>>(name: &str, within: Duration, mut holds: impl FnMut() -> F) -> Result<(), DemoError> {
    let began = Instant::now();
    while !holds().await? {
        if began.elapsed() > within {
            return Err(DemoError::Check { name: name.to_owned(), found: format!("not within {} s", within.as_secs()) });
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_which_something_lies_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("fresh");
        let args = |dir: &Path| DemoArgs { dir: Some(dir.to_owned()), ..DemoArgs::default() };
        assert_eq!(directory(&args(&root)).unwrap(), (root.clone(), false));
        fs::write(root.join("mine"), "").unwrap();
        let stopped = run(&args(&root)).unwrap_err();
        assert_eq!((stopped.code(), fs::read_dir(&root).unwrap().count()), ("failure.demo.system", 1));
        kept::note(&root, &scenes::Shown::new()).unwrap();
        assert!(run(&args(&root)).unwrap_err().to_string().contains("--keep starts its nodes again"));
        assert_eq!(directory(&DemoArgs { keep: true, ..args(&root) }).unwrap(), (root, false));
    }

    #[test]
    fn a_check_that_fails_stops_with_its_name() {
        let voice = Voice::new(true);
        voice.same("one is one", &1, &1).unwrap();
        let stopped = voice.same("one is two", &1, &2).unwrap_err();
        assert_eq!((stopped.code(), voice.checks()), ("failure.demo.check", 1));
        assert_eq!(stopped.to_string(), "check failed: one is two: 1 where 2 belongs");
    }
}
