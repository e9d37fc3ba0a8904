//! Reads the labels of a folder of texts: `index.tsv` with a header, one line a text.
//!
//! Columns by name, in any order: `file`, `language`, `event_id`, `date`, `kind`; others are passed over. An empty `event_id` says that the text
//! tells of no cooperation event; an empty date or kind is not judged. Dates: `2031-05-13`, `2031-05-13/2031-05-14`, `2031-05`, `2031`.
//! Kinds: the codes of [`Kind`] or plain words for them; several that would do stand with `|` between.

use crate::event::{Form, Kind};
use jiff::civil::Date;
use thiserror::Error;

/// Most labels that one folder may have.
pub const LABELS_MAX: usize = crate::TEXTS_MAX;

/// What a reader says of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// File, relative to the folder.
    pub file: String,
    /// ISO 639-1 code; empty if not said.
    pub language: String,
    /// Event that the text tells of, under any name; none if it tells of no cooperation event.
    pub event: Option<String>,
    /// First and last day on which it may have been, and whether the day itself is said.
    pub date: Option<LabelDate>,
    /// Kinds that would do.
    pub kinds: Vec<LabelKind>,
}

/// When the event was, as the reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelDate {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// `false` if only the month or the year is said.
    pub is_day: bool,
}

/// A kind as a reader says it: "operation" leaves open which, "meeting" how many sat at the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelKind {
    /// Kinds that it names.
    pub kinds: &'static [Kind],
    /// How many sat at the table, if it says so.
    pub form: Option<Form>,
}

/// Why a file of labels cannot be read; the line counts from 1.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LabelFault {
    /// The header lacks a column.
    #[error("line 1 must name the columns file, language, event_id, date and kind, with tabs between; it lacks {column}")]
    Header {
        /// What it lacks.
        column: &'static str,
    },
    /// A date is none of the forms that are read.
    #[error("line {line}: {value:?} is no date; write 2031-05-13, 2031-05-13/2031-05-14, 2031-05 or 2031, or nothing")]
    Date {
        /// Where.
        line: usize,
        /// What stands there.
        value: String,
    },
    /// A kind that has no meaning here.
    #[error(
        "line {line}: {value:?} is no kind; write visit, meeting, joint_operation, shared_information_operation, agreement, inauguration, statement, other or nothing"
    )]
    Kind {
        /// Where.
        line: usize,
        /// What stands there.
        value: String,
    },
    /// A line without a file.
    #[error("line {line} names no file")]
    File {
        /// Where.
        line: usize,
    },
    /// A file is labelled twice.
    #[error("line {line}: {file} has a label already")]
    Twice {
        /// Where.
        line: usize,
        /// Which.
        file: String,
    },
    /// More labels than one run reads.
    #[error("more than labels_max = {LABELS_MAX} labels; split the folder")]
    TooMany,
}

/// Reads the labels of an `index.tsv`.
pub fn labels(tsv: &str) -> Result<Vec<Label>, LabelFault> {
    let mut lines = tsv.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header: Vec<String> = lines.next().map_or("", |(_, line)| line).split('\t').map(|name| name.trim().to_ascii_lowercase()).collect();
    let column = |names: &[&str]| header.iter().position(|name| names.contains(&name.as_str()));
    let need = |names: &[&'static str]| column(names).ok_or(LabelFault::Header { column: names[0] });
    let file_at = need(&["file", "path", "text"])?;
    let event_at = need(&["event_id", "event", "id"])?;
    let (language_at, date_at, kind_at) = (need(&["language", "lang"])?, need(&["date", "dates"])?, need(&["kind", "type"])?);
    let mut all: Vec<Label> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (at, line) in lines {
        let line_number = at + 1;
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let file = cell(file_at).to_owned();
        if file.is_empty() {
            return Err(LabelFault::File { line: line_number });
        }
        if !seen.insert(file.clone()) {
            return Err(LabelFault::Twice { line: line_number, file });
        }
        if all.len() == LABELS_MAX {
            return Err(LabelFault::TooMany);
        }
        let date = match cell(date_at) {
            "" | "open" | "?" | "-" => None,
            value => Some(label_date(value).ok_or_else(|| LabelFault::Date { line: line_number, value: value.to_owned() })?),
        };
        let words = cell(kind_at);
        let kinds = words.split('|').map(str::trim).filter(|word| !matches!(*word, "" | "-" | "none" | "?"));
        let kinds = kinds.map(|word| label_kind(word).ok_or_else(|| LabelFault::Kind { line: line_number, value: word.to_owned() }));
        let event = Some(cell(event_at)).filter(|event| !matches!(*event, "" | "-" | "none"));
        all.push(Label {
            file,
            language: cell(language_at).to_ascii_lowercase(),
            event: event.map(str::to_owned),
            date,
            kinds: kinds.collect::<Result<_, _>>()?,
        });
    }
    Ok(all)
}

fn label_date(value: &str) -> Option<LabelDate> {
    let ends: Vec<&str> = value.split(['/', ' ', '…']).map(str::trim).filter(|end| !end.is_empty() && *end != "to").collect();
    let (first, last) = match ends.as_slice() {
        [one] => (span(one)?, span(one)?),
        [from, to] => (span(from)?, span(to)?),
        _ => return None,
    };
    (first.0 <= last.1).then_some(LabelDate { from: first.0, to: last.1, is_day: first.2 && last.2 })
}

fn span(text: &str) -> Option<(Date, Date, bool)> {
    let numbers: Vec<i16> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match numbers.as_slice() {
        [year] => Some((Date::new(*year, 1, 1).ok()?, Date::new(*year, 12, 31).ok()?, false)),
        [year, month] => {
            let first = Date::new(*year, i8::try_from(*month).ok()?, 1).ok()?;
            Some((first, first.last_of_month(), false))
        }
        [year, month, day] => {
            let day = Date::new(*year, i8::try_from(*month).ok()?, i8::try_from(*day).ok()?).ok()?;
            Some((day, day, true))
        }
        _ => None,
    }
}

/// Reads a kind by its code or in plain words.
fn label_kind(word: &str) -> Option<LabelKind> {
    let word = crate::fold::fold(word);
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    let form = match () {
        () if has(&["trilat", "tripart", "three"]) => Some(Form::Trilateral),
        () if has(&["bilat"]) => Some(Form::Bilateral),
        () if has(&["multilat"]) => Some(Form::Multilateral),
        () => None,
    };
    let kinds: &'static [Kind] = match () {
        () if has(&["information", "shared", "tip", "intel"]) => &[Kind::SharedInformationOperation],
        () if has(&["joint", "common"]) && has(&["oper", "raid", "action"]) => &[Kind::JointOperation],
        () if has(&["oper", "arrest", "seizure", "dismantl"]) => &[Kind::JointOperation, Kind::SharedInformationOperation],
        () if has(&["inaugur", "opening"]) => &[Kind::Inauguration],
        () if has(&["visit", "trip"]) => &[Kind::Visit],
        () if has(&["meet", "talk", "summit", "lateral", "tripart"]) => &[Kind::Meeting],
        () if has(&["agree", "sign", "memorandum", "mou", "accord", "treaty", "convention", "intent"]) => &[Kind::Agreement],
        () if has(&["statement", "declaration", "praise", "communique"]) => &[Kind::Statement],
        () if has(&["other", "training", "workshop", "exercise"]) => &[Kind::Other],
        () => return None,
    };
    Some(LabelKind { kinds, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_kinds_of_every_form() {
        let tsv =
            "file\tlanguage\tevent_id\tdate\tkind\textra\na\tfr\te\t2031-05-13/2031-05-14\ttrilateral meeting\t-\nb\tes\t\t\t\nc\tEN\te\t2031-02\toperation\n";
        let read = labels(tsv).unwrap();
        assert_eq!((read[0].kinds[0].kinds, read[0].kinds[0].form), (&[Kind::Meeting][..], Some(Form::Trilateral)));
        assert!(read[0].date.unwrap().is_day && read[1].event.is_none() && read[1].date.is_none() && read[2].language == "en");
        assert_eq!(read[2].date.unwrap().to.to_string(), "2031-02-28");
        assert_eq!(read[2].kinds[0].kinds.len(), 2);
        for kind in Kind::ALL {
            assert!(label_kind(kind.code()).unwrap().kinds.contains(&kind), "{}", kind.code());
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let fault = |tsv: &str| labels(tsv).unwrap_err().to_string();
        assert!(fault("file\tlanguage\tdate\tkind\n").contains("event_id"));
        let head = "file\tlanguage\tevent_id\tdate\tkind\n";
        assert!(fault(&format!("{head}a\tfr\te\t13.5.2031\tvisit\n")).starts_with("line 2"));
        assert!(fault(&format!("{head}a\tfr\te\t2031-13\tvisit\n")).starts_with("line 2"));
        assert!(fault(&format!("{head}a\tfr\te\t\tparade\n")).contains("parade"));
        assert!(fault(&format!("{head}a\tfr\te\t\t\n\na\tfr\te\t\t\n")).starts_with("line 4"));
        assert!(fault(&format!("{head}\tfr\te\t\t\n")).contains("names no file"));
    }
}
