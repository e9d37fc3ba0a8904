//! Holds drafts against the labels of a careful reader and counts what is right.
//!
//! Flow: 1 every labelled text is looked up among the drafts, 2 grouping: of all pairs of texts, those that stand in one draft against those that
//! tell of one event, 3 dates, kinds and languages, text by text. A text that should give no draft and gives one counts against the pairs that it
//! makes, and by itself.

use crate::event::{DatePrecision, EventDraft, Reading};
use crate::labels::{Label, LabelDate};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// How well drafts meet their labels; all counts are of texts, unless a name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Labelled texts.
    pub texts: usize,
    /// Events that the labels tell apart.
    pub events_labelled: usize,
    /// Drafts that were made.
    pub events_drafted: usize,
    /// Pairs of texts of one event by the labels.
    pub pairs_labelled: u64,
    /// Pairs of texts of one draft.
    pub pairs_drafted: u64,
    /// Pairs in both.
    pub pairs_right: u64,
    /// Share of drafted pairs that are right.
    pub precision: f64,
    /// Share of labelled pairs that were found.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Texts of an event that gave no draft.
    pub missed: usize,
    /// Texts of no event that gave a draft.
    pub invented: usize,
    /// Texts of no event that gave none.
    pub rightly_silent: usize,
    /// Texts of an event whose date is labelled and that gave a draft.
    pub dates_judged: usize,
    /// The draft's days are those of the label, lie in them, or hold them.
    pub dates_right: usize,
    /// The draft's days are others.
    pub dates_wrong: usize,
    /// The draft has no date, or only the month or the year that holds the labelled day.
    pub dates_open: usize,
    /// Texts of an event whose kind is labelled and that gave a draft.
    pub kinds_judged: usize,
    /// The draft's kind is one of those labelled.
    pub kinds_right: usize,
    /// Texts whose language is labelled.
    pub languages_judged: usize,
    /// The language was told right.
    pub languages_right: usize,
    /// What is not right, one line each.
    pub faults: Vec<String>,
}

/// How a draft's date meets a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Right,
    Wrong,
    Open,
}

/// Holds a reading against labels; texts without a label do not count.
pub fn quality(labels: &[Label], reading: &Reading) -> Quality {
    let mut quality = Quality { texts: labels.len(), events_drafted: reading.events.len(), ..Quality::default() };
    let draft_of: HashMap<&str, usize> =
        reading.events.iter().enumerate().flat_map(|(at, event)| event.sources.iter().map(move |source| (source.as_str(), at))).collect();
    let language_of: HashMap<&str, &str> = reading.pages.iter().map(|page| (page.source.as_str(), page.language)).collect();
    pairs(labels, &draft_of, &mut quality);
    for label in labels {
        if let Some(language) = language_of.get(label.file.as_str()).filter(|_| !label.language.is_empty()) {
            quality.languages_judged += 1;
            match *language == label.language {
                true => quality.languages_right += 1,
                false => quality.faults.push(format!("{}: language {language}, labelled {}", label.file, label.language)),
            }
        }
        let draft = draft_of.get(label.file.as_str()).map(|at| &reading.events[*at]);
        match (&label.event, draft) {
            (Some(event), Some(draft)) => judge(label, event, draft, &mut quality),
            (Some(event), None) => {
                quality.missed += 1;
                quality.faults.push(format!("{}: no draft, labelled {event}", label.file));
            }
            (None, Some(_)) => {
                quality.invented += 1;
                quality.faults.push(format!("{}: a draft, labelled as no event", label.file));
            }
            (None, None) => quality.rightly_silent += 1,
        }
    }
    quality
}

fn pairs(labels: &[Label], draft_of: &HashMap<&str, usize>, quality: &mut Quality) {
    let mut events: BTreeMap<&str, u64> = BTreeMap::new();
    let mut drafts: BTreeMap<usize, u64> = BTreeMap::new();
    let mut both: BTreeMap<(&str, usize), u64> = BTreeMap::new();
    for label in labels {
        let draft = draft_of.get(label.file.as_str()).copied();
        if let Some(event) = &label.event {
            *events.entry(event).or_default() += 1;
        }
        if let Some(draft) = draft {
            *drafts.entry(draft).or_default() += 1;
            if let Some(event) = &label.event {
                *both.entry((event, draft)).or_default() += 1;
            }
        }
    }
    let of = |n: u64| n * n.saturating_sub(1) / 2;
    quality.events_labelled = events.len();
    quality.pairs_labelled = events.values().map(|n| of(*n)).sum();
    quality.pairs_drafted = drafts.values().map(|n| of(*n)).sum();
    quality.pairs_right = both.values().map(|n| of(*n)).sum();
    let share = |part: u64, whole: u64| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    quality.precision = share(quality.pairs_right, quality.pairs_drafted);
    quality.recall = share(quality.pairs_right, quality.pairs_labelled);
    let sum = quality.precision + quality.recall;
    quality.f1 = if sum == 0.0 { 0.0 } else { 2.0 * quality.precision * quality.recall / sum };
    for (event, count) in events {
        let parts: Vec<u64> = both.iter().filter(|((of, _), _)| *of == event).map(|(_, n)| *n).collect();
        if parts.len() > 1 {
            quality.faults.push(format!("event {event}: {count} texts stand in {} drafts", parts.len()));
        }
    }
    for (draft, count) in drafts {
        let names: Vec<&str> = both.iter().filter(|((_, of), _)| *of == draft).map(|((event, _), _)| *event).collect();
        if names.len() > 1 {
            quality.faults.push(format!("draft {draft}: {count} texts of {}", names.join(" and ")));
        }
    }
}

fn judge(label: &Label, event: &str, draft: &EventDraft, quality: &mut Quality) {
    if let Some(date) = label.date {
        quality.dates_judged += 1;
        match meet(date, draft.date_from.zip(draft.date_to), draft.date_precision) {
            Met::Right => quality.dates_right += 1,
            Met::Open => quality.dates_open += 1,
            Met::Wrong => {
                quality.dates_wrong += 1;
                let day = |date: Option<Date>| date.map_or("open".to_owned(), |date| date.to_string());
                let (from, to) = (day(draft.date_from), day(draft.date_to));
                quality.faults.push(format!("{} ({event}): {from} to {to}, labelled {} to {}", label.file, date.from, date.to));
            }
        }
    }
    if !label.kinds.is_empty() {
        quality.kinds_judged += 1;
        let fits = label.kinds.iter().any(|kind| kind.kinds.contains(&draft.kind) && (kind.form.is_none() || kind.form == draft.form));
        match fits {
            true => quality.kinds_right += 1,
            false => quality.faults.push(format!("{} ({event}): kind {}, labelled {:?}", label.file, draft.kind.code(), label.kinds[0].kinds[0].code())),
        }
    }
}

fn meet(label: LabelDate, draft: Option<(Date, Date)>, precision: DatePrecision) -> Met {
    let Some((from, to)) = draft else { return Met::Open };
    let (within, holds) = (label.from <= from && to <= label.to, from <= label.from && label.to <= to);
    match precision {
        DatePrecision::Day if within || holds => Met::Right,
        DatePrecision::Month | DatePrecision::Year if within => Met::Right,
        DatePrecision::Month | DatePrecision::Year if holds || from <= label.to && label.from <= to => Met::Open,
        DatePrecision::None => Met::Open,
        _ => Met::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_right_wrong_or_open() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let label = |from: &str, to: &str, is_day| LabelDate { from: day(from), to: day(to), is_day };
        let met = |label, from: &str, to: &str, precision| meet(label, Some((day(from), day(to))), precision);
        let trip = label("2031-05-13", "2031-05-14", true);
        assert_eq!(met(trip, "2031-05-13", "2031-05-14", DatePrecision::Day), Met::Right);
        assert_eq!(met(trip, "2031-05-14", "2031-05-14", DatePrecision::Day), Met::Right);
        assert_eq!(met(trip, "2031-05-14", "2031-05-15", DatePrecision::Day), Met::Wrong);
        assert_eq!(met(trip, "2031-05-01", "2031-05-31", DatePrecision::Month), Met::Open);
        assert_eq!(met(trip, "2031-06-01", "2031-06-30", DatePrecision::Month), Met::Wrong);
        assert_eq!(met(label("2031-05-01", "2031-05-31", false), "2031-05-01", "2031-05-31", DatePrecision::Month), Met::Right);
        assert_eq!(meet(trip, None, DatePrecision::None), Met::Open);
    }
}
