//! Files that fill the index or a list of persons to ask about: CSV, and FollowTheMoney entities, one JSON object a line.
//!
//! Every line is read or rejected with its number, a stable code and why; who reads decides whether a file with rejects is loaded at all.

mod csv;
mod ftm;

use base::Date;
use matching::subject::Subject;
use node::{BatchPerson, HitFault, IndexRecord};
use serde::{Deserialize, Serialize};
use std::path::Path;
use utoipa::ToSchema;

/// Rejected lines that are named one by one; the number of all of them is told as well.
pub const REJECTS_NAMED_MAX: usize = 1_000;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values with a heading (RFC 4180).
    Csv,
    /// FollowTheMoney entities, one JSON object a line.
    Ftm,
}

impl Format {
    /// Tells the form by a file's name.
    pub fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()? {
            "csv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" | "ftm" | "ijson" => Some(Format::Ftm),
            _ => None,
        }
    }
}

/// What a file does not say for each line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Code of `data-subject-categories`.
    pub category: Option<String>,
    /// The case officer or desk.
    pub contact: Option<String>,
    /// The last day on which records are kept.
    pub until: Option<String>,
    /// How good the identification is.
    pub quality: Option<String>,
}

/// A line that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// Its number, from 1.
    pub line: usize,
    /// The stable code.
    pub code: String,
    /// Why, and what helps.
    pub what: String,
}

/// One subject of a file, before it becomes a record or a question.
#[derive(Debug, Default)]
struct Entry {
    line: usize,
    reference: String,
    subject: Subject,
    /// What is wrong with it, the first fault found.
    fault: Option<HitFault>,
    category: Option<String>,
    contact: Option<String>,
    until: Option<String>,
    quality: Option<String>,
}

impl Entry {
    fn try_do(&mut self, done: Result<(), matching::subject::SubjectFault>) {
        if let Err(e) = done {
            self.fault.get_or_insert(HitFault::Subject(e));
        }
    }
}

/// What cannot be read at all.
const FORM: &str = "refusal.matching.source";

fn reject(line: usize, what: impl Into<String>) -> Reject {
    Reject { line, code: FORM.to_owned(), what: what.into() }
}

fn refused(line: usize, e: &HitFault) -> Reject {
    Reject { line, code: e.code().to_owned(), what: e.to_string() }
}

fn entries(format: Format, text: &str) -> (Vec<Entry>, Vec<Reject>) {
    match format {
        Format::Csv => csv::read(text),
        Format::Ftm => ftm::read(text),
    }
}

/// Reads records of an index.
pub fn records(format: Format, text: &str, defaults: &Defaults) -> (Vec<IndexRecord>, Vec<Reject>) {
    let (entries, mut rejects) = entries(format, text);
    let mut out = Vec::with_capacity(entries.len());
    for e in entries {
        match record(&e, defaults) {
            Ok(r) => out.push(r),
            Err(r) => rejects.push(r),
        }
    }
    rejects.sort_by_key(|r| r.line);
    (out, rejects)
}

fn record(e: &Entry, defaults: &Defaults) -> Result<IndexRecord, Reject> {
    if let Some(fault) = &e.fault {
        return Err(refused(e.line, fault));
    }
    let said = |own: &Option<String>, other: &Option<String>| own.as_ref().or(other.as_ref()).map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
    let lacks = |what: &str| reject(e.line, format!("no {what} is said, in the line or for the whole file"));
    let category = said(&e.category, &defaults.category).ok_or_else(|| lacks("category of the person"))?;
    let contact = said(&e.contact, &defaults.contact).ok_or_else(|| lacks("contact"))?;
    let until = said(&e.until, &defaults.until).ok_or_else(|| lacks("last day"))?;
    let until: Date = until.parse().map_err(|_| reject(e.line, format!("'{until}' is no day; write 2026-12-31")))?;
    let quality = said(&e.quality, &defaults.quality).unwrap_or_default();
    IndexRecord::new(&e.subject, &e.reference, &category, &quality, &contact, until).map_err(|f| refused(e.line, &f))
}

/// Reads persons that are to be asked about.
pub fn persons(format: Format, text: &str) -> (Vec<BatchPerson>, Vec<Reject>) {
    let (entries, mut rejects) = entries(format, text);
    let mut out = Vec::with_capacity(entries.len());
    for e in entries {
        let judged =
            e.fault.as_ref().map_or_else(|| e.subject.keys(matching::subject::Side::Question).map(drop).map_err(HitFault::Subject), |f| Err(f.clone()));
        match judged {
            Ok(()) => out.push(BatchPerson { label: e.reference, subject: e.subject }),
            Err(f) => rejects.push(refused(e.line, &f)),
        }
    }
    rejects.sort_by_key(|r| r.line);
    (out, rejects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        let said = |s: &str| Some(s.to_owned());
        Defaults { category: said("suspect"), contact: said("desk"), until: said("2026-12-31"), quality: None }
    }

    fn codes(rejects: &[Reject]) -> Vec<(usize, &str)> {
        rejects.iter().map(|r| (r.line, r.code.as_str())).collect()
    }

    #[test]
    fn a_table_is_read_line_by_line_and_says_what_it_does_not_take() {
        let text = "reference,name,birth,document,phone,plate,category\r\n\
            MA/1,\"بن شقرون, يوسف;Youssef Benchekroun\",1981-03-07,ES:passport:AAA123456,+212537000001,MA:12345-أ-6,convicted\r\n\
            MA/2,Nadia Invented,,,,,\n\
            \n\
            MA/3,Omar Invented,1970-13-01,,,,\n\
            ,Omar Invented,1970,,,,\n\
            MA/5,Omar Invented,1970,,0537000001,,\n\
            MA/6,Omar Invented,1970,,,,driver\n\
            MA/7,Omar Invented\n\
            MA/8,Omar Invented,1970,,,,\n";
        let (records, rejects) = records(Format::Csv, text, &defaults());
        assert_eq!(records.iter().map(|r| (r.reference.as_str(), r.category.as_str())).collect::<Vec<_>>(), [("MA/1", "convicted"), ("MA/8", "suspect")]);
        assert_eq!(
            codes(&rejects),
            [
                (3, "refusal.matching.too-little"),
                (5, "refusal.matching.value"),
                (6, "refusal.matching.justification"),
                (7, "refusal.matching.value"),
                (8, "refusal.matching.category"),
                (9, "refusal.matching.source"),
            ]
        );
    }

    #[test]
    fn a_heading_that_is_not_known_rejects_the_file() {
        for text in ["reference,nom\nMA/1,Omar\n", "name,birth\nOmar,1970\n", "", "reference,name,name\n"] {
            let (records, rejects) = records(Format::Csv, text, &defaults());
            assert!(records.is_empty());
            assert_eq!(codes(&rejects), [(1, "refusal.matching.source")], "{text}");
        }
        let (none, rejects) = records(Format::Csv, "reference,name\nMA/1,\"open", &defaults());
        assert_eq!((none.len(), codes(&rejects)), (0, vec![(2, "refusal.matching.source")]));
    }

    #[test]
    fn entities_are_joined_with_their_passports() {
        let text = r#"{"id":"p1","schema":"Person","properties":{"name":["Youssef Benchekroun"],"alias":["يوسف بن شقرون"],"birthDate":["1981-03-07"],"nationality":["ma"]}}
{"id":"d1","schema":"Passport","properties":{"holder":["p1"],"country":["ma"],"number":["AB123456"]}}
{"id":"v1","schema":"Vehicle","properties":{"registrationNumber":["12345-أ-6"],"country":["ma"]}}
{"id":"s1","schema":"Vessel","properties":{"imoNumber":["IMO9074729"],"flag":["ma"]}}
{"id":"c1","schema":"Company","properties":{"name":["Invented SARL"],"phone":["+212537000001"]}}
{"id":"c2","schema":"Company","properties":{"name":["Nothing Known SARL"]}}
{"id":"d2","schema":"Passport","properties":{"holder":["nobody"],"country":["ma"],"number":["ZZ123456"]}}
{"id":"x","schema":"Ownership","properties":{}}
{"id":"y","schema":
{"id":"p2","schema":"Person","properties":{"firstName":["Omar"],"lastName":["Invented"],"birthDate":["1970"],"passportNumber":["ES998877"]}}"#;
        let (records, rejects) = records(Format::Ftm, text, &defaults());
        assert_eq!(records.iter().map(|r| r.reference.as_str()).collect::<Vec<_>>(), ["p1", "v1", "s1", "c1"]);
        let keys = serde_json::to_value(&records[0]).unwrap()["keys"].to_string();
        assert!(keys.contains("document|1|MA|passport|AB123456") && keys.contains("name-date"), "{keys}");
        assert_eq!(
            codes(&rejects),
            [
                (6, "refusal.matching.too-little"),
                (7, "refusal.matching.source"),
                (8, "refusal.matching.source"),
                (9, "refusal.matching.source"),
                (10, "refusal.matching.value"),
            ],
            "{rejects:?}"
        );
    }
}
