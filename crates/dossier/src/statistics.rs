//! Statistics of cooperation: counts and times from acts alone, which both sides compute alike and can verify without content.
//!
//! 1 each dossier becomes one line, from the heads of its acts up to a moment; 2 lines are counted into a table by what is
//! asked; 3 the table has a digest that two services compare, and prints as CSV (`csv`) and as a chart (`chart`).
//!
//! Heads outlive contents, so a table can be worked out again after everything was erased; only the crime area stands in a
//! form, and is `erased` then. Times are the acts' own: what depends on receipts differs between parties and is not counted.

mod chart;
mod csv;

pub use chart::{Drawing, chart};
pub use csv::csv;

use crate::act::{Act, Deed};
use crate::dossier::{Dossier, Verdict};
use crate::state::State;
use crate::value::Value;
use base::{Digest, DossierId, ServiceId, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The vocabulary from which a form's crime area comes.
const AREAS: &str = "crime-areas";
/// The outcome of a dossier that has not ended.
pub const RUNNING: &str = "running";

/// What a dossier adds to statistics.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// The dossier.
    pub dossier: DossierId,
    /// The mechanism's name.
    pub mechanism: String,
    /// The other parties, each with its state on the root item; `-` where its role holds none.
    pub partners: BTreeMap<ServiceId, String>,
    /// Codes of the crime areas of the opening form; `erased`, or `none` where the form names none.
    pub areas: Vec<String>,
    /// The phase in which it ended, or [`RUNNING`].
    pub outcome: String,
    /// When it was opened.
    pub opened: UnixMs,
    /// When another party first acted in it.
    pub first_answer: Option<UnixMs>,
    /// When it came to its end.
    pub ended: Option<UnixMs>,
    /// Valid acts.
    pub acts: u64,
    /// Acts that folded to nothing.
    pub void: u64,
    /// The digest of the acts that were counted, in the order of the timeline.
    pub basis: Digest,
}

/// By what a table counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The mechanism.
    Mechanism,
    /// The other party; a dossier with two partners counts with both.
    Partner,
    /// The crime area; a dossier that names two counts in both.
    Area,
    /// The phase in which it ended.
    Outcome,
    /// The other party's own state on the root item: answered, refused, signed…
    Answer,
}

/// What is counted of a group of dossiers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// One code for each thing by which the table counts; a service by its id.
    pub key: Vec<String>,
    /// Dossiers.
    pub dossiers: u64,
    /// Of these, those that have ended.
    pub ended: u64,
    /// Valid acts in them.
    pub acts: u64,
    /// Acts in them that folded to nothing.
    pub void: u64,
    /// Median minutes from opening to the first act of another party.
    pub answer_minutes: Option<i64>,
    /// Median minutes from opening to the end, of those that have ended.
    pub end_minutes: Option<i64>,
    /// The longest minutes from opening to the end.
    pub longest_minutes: Option<i64>,
}

/// A table of statistics.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Table {
    /// Opened from this moment on.
    pub from: UnixMs,
    /// Opened before this moment; what came later is not counted either.
    pub until: UnixMs,
    /// By what it counts.
    pub by: Vec<By>,
    /// The rows, ordered by key.
    pub rows: Vec<Row>,
    /// The digest of period, key and numbers: equal on two nodes that counted the same.
    pub digest: Digest,
    /// The digest of the acts that were counted: where tables differ, it says whether the nodes hold the same.
    pub basis: Digest,
}

impl Line {
    /// Reads a dossier up to a moment, as one of its parties; none if it was not open before it or is not that party's.
    pub fn read(dossier: &Dossier, own: &ServiceId, until: UnixMs) -> Option<Line> {
        let mut state = State::new(Arc::clone(dossier.mechanism()), dossier.opening());
        state.party(own)?;
        let (mut opened, mut first_answer, mut ended) = (None, None, None);
        let (mut acts, mut void, mut names) = (0, 0, Vec::new());
        let mut areas = Vec::new();
        for (act, verdict) in dossier.in_time().into_iter().filter(|(a, _)| a.head().at.at < until) {
            let head = act.head();
            names.extend_from_slice(act.id().bytes());
            names.push((*verdict == Verdict::Valid) as u8);
            if *verdict != Verdict::Valid {
                void += 1;
                continue;
            }
            acts += 1;
            state.apply(act, true);
            match (&head.deed, &opened) {
                (Deed::Open(_), None) => {
                    opened = Some((head.at.at, head.author));
                    areas = areas_of(dossier, act);
                }
                (_, Some((_, opener))) if head.author != *opener => first_answer = first_answer.or(Some(head.at.at)),
                _ => {}
            }
            let over = state.item(&dossier.root()).is_some_and(|r| state.ended(r));
            ended = over.then(|| ended.unwrap_or(head.at.at));
        }
        let (opened, _) = opened?;
        let root = state.item(&dossier.root())?;
        let outcome = if ended.is_some() { state.phase_name(root).unwrap_or(RUNNING) } else { RUNNING };
        let stance = |(p, (service, _)): (usize, &(ServiceId, String))| (*service, state.stance_name(root, p).unwrap_or("-").to_owned());
        Some(Line {
            dossier: dossier.id(),
            mechanism: dossier.mechanism().id.clone(),
            partners: state.parties().iter().enumerate().map(stance).filter(|(s, _)| s != own).collect(),
            areas,
            outcome: outcome.to_owned(),
            opened,
            first_answer,
            ended,
            acts,
            void,
            basis: Digest::tagged("entente/statistics/line/1", &[dossier.id().bytes(), &names]),
        })
    }

    fn keys(&self, by: &[By], among: Option<&ServiceId>) -> Vec<Vec<String>> {
        let partners = || self.partners.iter().filter(move |(s, _)| among.is_none_or(|a| a == *s));
        let apart = by.contains(&By::Partner) || by.contains(&By::Answer);
        let with: Vec<Option<(&ServiceId, &String)>> = if apart { partners().map(Some).collect() } else { vec![None] };
        let areas: Vec<&str> = if by.contains(&By::Area) { self.areas.iter().map(String::as_str).collect() } else { vec![""] };
        let code = |b: &By, partner: &Option<(&ServiceId, &String)>, area: &str| match b {
            By::Mechanism => self.mechanism.clone(),
            By::Partner => partner.map(|(s, _)| s.to_string()).unwrap_or_default(),
            By::Area => area.to_owned(),
            By::Outcome => self.outcome.clone(),
            By::Answer => partner.map(|(_, state)| state.clone()).unwrap_or_default(),
        };
        with.iter().flat_map(|p| areas.iter().map(move |a| by.iter().map(|b| code(b, p, a)).collect())).collect()
    }
}

/// Counts lines into a table: dossiers opened in a period, `from` included and `until` not.
///
/// With `among`, only dossiers of which that partner is a party, and of its answers only that partner's: the table that the
/// partner finds too, with the two services in each other's place. Rows by partner are then one, so leave that out to compare.
pub fn table(lines: &[Line], from: UnixMs, until: UnixMs, by: &[By], among: Option<&ServiceId>) -> Table {
    let mut groups: BTreeMap<Vec<String>, Vec<&Line>> = BTreeMap::new();
    let mut basis: Vec<[u8; 32]> = Vec::new();
    for line in lines.iter().filter(|l| (from..until).contains(&l.opened) && among.is_none_or(|a| l.partners.contains_key(a))) {
        basis.push(line.basis.0);
        for key in line.keys(by, among) {
            let group = groups.entry(key).or_default();
            // Two partners that answered alike are one dossier all the same.
            if !group.iter().any(|l| l.dossier == line.dossier) {
                group.push(line);
            }
        }
    }
    let rows: Vec<Row> = groups.into_iter().map(|(key, lines)| row(key, &lines)).collect();
    basis.sort_unstable();
    let printed = serde_json::to_vec(&(from, until, by, &rows)).expect("rows have a JSON form");
    Table {
        from,
        until,
        by: by.to_vec(),
        rows,
        digest: Digest::tagged("entente/statistics/1", &[&printed]),
        basis: Digest::tagged("entente/statistics/basis/1", &[&basis.concat()]),
    }
}

fn row(key: Vec<String>, lines: &[&Line]) -> Row {
    let minutes = |from: UnixMs, to: UnixMs| (to.0 - from.0) / 60_000;
    let mut answers: Vec<i64> = lines.iter().filter_map(|l| Some(minutes(l.opened, l.first_answer?))).collect();
    let mut ends: Vec<i64> = lines.iter().filter_map(|l| Some(minutes(l.opened, l.ended?))).collect();
    Row {
        key,
        dossiers: lines.len() as u64,
        ended: ends.len() as u64,
        acts: lines.iter().map(|l| l.acts).sum(),
        void: lines.iter().map(|l| l.void).sum(),
        answer_minutes: median(&mut answers),
        longest_minutes: ends.iter().max().copied(),
        end_minutes: median(&mut ends),
    }
}

/// The middle value, the lower of two: a number that really occurred.
fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn areas_of(dossier: &Dossier, act: &Act) -> Vec<String> {
    let fields: Vec<_> = dossier.mechanism().root().fields.iter().filter(|f| f.vocabulary.as_deref() == Some(AREAS)).collect();
    let Some(body) = act.body() else { return vec![if fields.is_empty() { "none" } else { "erased" }.to_owned()] };
    let codes = fields.iter().filter_map(|f| body.fields.get(&f.id)).flat_map(Value::each).filter_map(|v| match v {
        Value::Choice(code) => Some(code.clone()),
        _ => None,
    });
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    codes.dedup();
    if codes.is_empty() { vec!["none".to_owned()] } else { codes }
}
