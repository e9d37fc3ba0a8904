//! `statistics`: counts and times of cooperation, as a table, CSV or a chart; the digest is what two services compare.

use super::desk::Desk;
use super::face::{table, write};
use super::trouble::Trouble;
use crate::client::escape;
use base::{Date, Lang, Vocabulary};
use dossier::statistics::{By, Drawing, Row, Table, chart, csv};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to count.
#[derive(Debug, Clone, clap::Args)]
pub struct StatisticsArgs {
    /// First day, UTC
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The day after the last, UTC
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// By what: mechanism, partner, area, outcome, answer (the partner's own state)
    #[arg(long, value_delimiter = ',', default_value = "mechanism,outcome", value_name = "LIST")]
    by: Vec<String>,
    /// Only what this partner is a party of: it finds the same table and digest if it names us
    #[arg(long, value_name = "CODE")]
    among: Option<String>,
    /// Print CSV (RFC 4180) instead of a table
    #[arg(long)]
    csv: bool,
    /// Write a bar chart of the dossiers (SVG) to a file as well
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl StatisticsArgs {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        let services = desk.services()?;
        let among = match &self.among {
            Some(name) => Some(services.find(name)?),
            None => None,
        };
        let among = among.map(|s| format!("&among={s}")).unwrap_or_default();
        let answer = desk.get(&format!("/v1/statistics?from={}&until={}&by={}{among}", self.from, self.until, escape(&self.by.join(","))))?;
        let counted: Table = serde_json::from_value(answer.clone()).map_err(|e| Trouble::refused("failure.client.answer", e.to_string()))?;
        let lang = desk.face.lang;
        let mut mechanisms = BTreeMap::new();
        let at = counted.by.iter().position(|b| *b == By::Mechanism);
        for row in counted.rows.iter().filter_map(|r| r.key.get(at?)) {
            if !mechanisms.contains_key(row) {
                mechanisms.insert(row.clone(), desk.mechanism(row)?.mechanism());
            }
        }
        let name = |by: By, code: &str| match by {
            By::Mechanism => mechanisms.get(code).cloned().unwrap_or_else(|| code.to_owned()),
            By::Partner => services.code(&serde_json::json!(code)),
            By::Area => Vocabulary::get("crime-areas").and_then(|v| v.entry(code)).map_or(code.to_owned(), |e| e.label.get(lang).to_owned()),
            By::Outcome | By::Answer => code.to_owned(),
        };
        if let Some(path) = &self.svg {
            let title = format!("{} – {}", self.from, self.until);
            let drawing = Drawing { title: &title, lang: lang.code(), rtl: lang == Lang::Ar, measure: |r: &Row| Some(r.dossiers as i64) };
            std::fs::write(path, chart(&counted, &drawing, &name))
                .map_err(|e| Trouble::refused("failure.output", format!("{} cannot be written: {e}", path.display())))?;
        }
        if self.csv {
            return write(&csv(&counted, &name));
        }
        desk.face.show(&answer, || {
            let mut rows =
                vec![self.by.iter().map(|b| b.to_uppercase()).chain(["DOSSIERS", "ENDED", "ACTS", "VOID", "ANSWER", "END"].map(str::to_owned)).collect()];
            for r in &counted.rows {
                let key = counted.by.iter().zip(&r.key).map(|(b, code)| name(*b, code));
                let numbers = [r.dossiers, r.ended, r.acts, r.void].map(|n| n.to_string());
                rows.push(key.chain(numbers).chain([minutes(r.answer_minutes), minutes(r.end_minutes)]).collect());
            }
            format!("{}digest {}\nbasis  {}\n", table(&rows), counted.digest, counted.basis)
        })
    }
}

/// Prints minutes as days, hours and minutes.
fn minutes(n: Option<i64>) -> String {
    match n {
        None => "-".to_owned(),
        Some(n) if n >= 1440 => format!("{}d {}h", n / 1440, n / 60 % 24),
        Some(n) if n >= 60 => format!("{}h {}m", n / 60, n % 60),
        Some(n) => format!("{n}m"),
    }
}
