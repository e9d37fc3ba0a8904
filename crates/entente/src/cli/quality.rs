//! Measures how well the register reads a labelled folder, and how fast.
//!
//! The folder holds texts and an `index.tsv` (`docs/register.md` says its form). The time is that of the reading on one core, from texts in memory
//! to drafts; the best of several rounds, as other work on the machine only ever adds.

use super::drafts::reader;
use super::trouble::Trouble;
use register::{Decisions, Quality, Text, labels, quality};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Rounds over which the best time is taken.
const ROUNDS: usize = 5;
/// Texts of the folder are read again and again until so many have been read in a round, so that a small folder is measured too.
const ROUND_TEXTS: usize = 1000;

/// What to measure.
#[derive(Debug, Clone)]
pub struct RegisterArgs {
    /// The labelled folder.
    pub folder: PathBuf,
    /// A service's own names.
    pub names: Option<PathBuf>,
    /// Whether machines read.
    pub json: bool,
    /// Whether to name every fault.
    pub faults: bool,
}

/// Runs the measurement and prints it.
pub fn register(args: &RegisterArgs) -> Result<String, Trouble> {
    let index = args.folder.join("index.tsv");
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| Trouble::unreadable(path, e));
    let refused = |fault: register::LabelFault| Trouble::refused("refusal.register.labels", format!("{}: {fault}", index.display()));
    let labels = labels(&read(&index)?).map_err(refused)?;
    let bodies = labels.iter().map(|label| read(&args.folder.join(&label.file))).collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<Text<'_>> = labels.iter().zip(&bodies).map(|(label, body)| Text { path: &label.file, body }).collect();
    let reader = reader(args.names.as_deref())?;
    let reading = reader.read(&texts, &Decisions::default());
    let quality = quality(&labels, &reading);
    let rounds = ROUND_TEXTS.div_ceil(texts.len().max(1)).min(ROUND_TEXTS);
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(reader.read(&texts, &Decisions::default()));
        }
        best = best.min(started.elapsed());
    }
    let per_text_us = best.as_secs_f64() * 1e6 / (rounds * texts.len().max(1)) as f64;
    let bytes: usize = bodies.iter().map(String::len).sum();
    if args.json {
        let mut all = serde_json::to_value(&quality).expect("plain data has a JSON form");
        all["us_per_text"] = json!((per_text_us * 10.0).round() / 10.0);
        all["bytes_per_text"] = json!(bytes / texts.len().max(1));
        return Ok(format!("{all}\n"));
    }
    Ok(words(&quality, per_text_us, bytes / texts.len().max(1), args.faults))
}

fn words(q: &Quality, per_text_us: f64, bytes: usize, faults: bool) -> String {
    let mut out = format!(
        "texts        {}, of {} events by the labels; {} drafts\n\
         grouping     precision {:.3}, recall {:.3}, F1 {:.3} (pairs: {} labelled, {} drafted, {} right)\n\
         no draft     {} of an event (missed), {} of none (right); {} drafts of no event (invented)\n\
         dates        {} right, {} wrong, {} left open, of {}\n\
         kinds        {} right of {}\n\
         languages    {} right of {}\n\
         time         {per_text_us:.0} us a text of {bytes} bytes on one core, {:.2} s for 1,000\n",
        q.texts,
        q.events_labelled,
        q.events_drafted,
        q.precision,
        q.recall,
        q.f1,
        q.pairs_labelled,
        q.pairs_drafted,
        q.pairs_right,
        q.missed,
        q.rightly_silent,
        q.invented,
        q.dates_right,
        q.dates_wrong,
        q.dates_open,
        q.dates_judged,
        q.kinds_right,
        q.kinds_judged,
        q.languages_right,
        q.languages_judged,
        per_text_us / 1000.0,
    );
    if faults {
        q.faults.iter().for_each(|fault| out += &format!("fault        {fault}\n"));
    } else if !q.faults.is_empty() {
        out += &format!("faults       {}; --faults names them\n", q.faults.len());
    }
    out
}
