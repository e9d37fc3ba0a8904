//! What of hit/no-hit goes by the clock: files in a watched directory, lists that are due to partners, standing subjects and granted lists.

use crate::api_hits::{load_source, publish_to};
use crate::config::Config;
use crate::engine::{Engine, now};
use crate::sources::{Defaults, Format};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often files and what is to be asked are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often it is looked whether a partner's list is due.
const DUE: Duration = Duration::from_secs(300);
/// Bytes of one watched file.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a file was when it was last looked at: time and size.
type Seen = (SystemTime, u64);

/// Goes on until it is told to stop.
pub async fn tend(engine: Engine, config: Config, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    let mut watch = config.index_watch.as_deref().map(|dir| Watch::new(dir, &config));
    let mut looked: Option<tokio::time::Instant> = None;
    loop {
        if let Some(watch) = &mut watch {
            watch.look(&engine).await;
        }
        if looked.is_none_or(|at| at.elapsed() >= DUE) {
            looked = Some(tokio::time::Instant::now());
            publish_due(&engine).await;
        }
        if let Err(e) = engine.run(|n| n.tend_asks(now()).map(|t| (t, ()))).await {
            tracing::error!(code = e.code(), "questions that go on by themselves stand still: {e}");
        }
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn publish_due(engine: &Engine) {
    let due = match engine.read(|n| n.index_due(now())).await {
        Ok(due) => due,
        Err(e) => return tracing::error!(code = e.code(), "it cannot be told whether a list is due: {e}"),
    };
    for partner in due {
        if let Err(e) = publish_to(engine, None, Some(partner), false).await {
            tracing::error!(code = e.code(), "a partner's list cannot be made: {e}");
        }
    }
}

/// A directory whose files are sources of the index, each by its name.
struct Watch {
    dir: PathBuf,
    defaults: Defaults,
    seen: HashMap<PathBuf, Seen>,
    loaded: HashMap<PathBuf, Seen>,
}

impl Watch {
    fn new(dir: &Path, config: &Config) -> Watch {
        let defaults = Defaults {
            category: config.index_category.clone(),
            contact: config.index_contact.clone(),
            until: config.index_until.map(|d| d.to_string()),
            quality: None,
        };
        Watch { dir: dir.to_owned(), defaults, seen: HashMap::new(), loaded: HashMap::new() }
    }

    /// Loads files that are new or changed and stood still since the last look; what was rejected stands beside the file, `NAME.rejects`.
    async fn look(&mut self, engine: &Engine) {
        let files = match files(&self.dir) {
            Ok(files) => files,
            Err(e) => return tracing::error!(code = "failure.index.watch", "{} cannot be read: {e}", self.dir.display()),
        };
        for (path, format, now) in files {
            let still = self.seen.insert(path.clone(), now) == Some(now);
            if !still || self.loaded.get(&path) == Some(&now) {
                continue;
            }
            self.loaded.insert(path.clone(), now);
            let done = self.load(engine, &path, format).await;
            match done {
                Ok(said) => tracing::info!("{}: {said}", path.display()),
                Err(said) => tracing::error!(code = "refusal.matching.source", "{}: {said}", path.display()),
            }
        }
    }

    async fn load(&self, engine: &Engine, path: &Path, format: Format) -> Result<String, String> {
        let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
        let source = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let answer = load_source(engine, None, source, (format, text, self.defaults.clone()), true, false, true).await.map_err(|e| e.to_string())?;
        let report = path.with_file_name(format!("{}.rejects", path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default()));
        if answer["loaded"] == true {
            let _ = fs::remove_file(&report); // it may not be there
            return Ok(format!("loaded: {}", answer["changed"]));
        }
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
        let lines: String =
            answer["rejects"].as_array().into_iter().flatten().map(|r| format!("{}\t{}\t{}\n", r["line"], text(&r["code"]), text(&r["what"]))).collect();
        fs::write(&report, lines).map_err(|e| format!("{}: {e}", report.display()))?;
        Err(format!("nothing was loaded: {} lines are rejected, see {}", answer["rejected"], report.display()))
    }
}

fn files(dir: &Path) -> std::io::Result<Vec<(PathBuf, Format, Seen)>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        let Some(format) = Format::of(&path).filter(|_| meta.is_file() && meta.len() <= FILE_BYTES_MAX) else { continue };
        out.push((path, format, (meta.modified()?, meta.len())));
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}
