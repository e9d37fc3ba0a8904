//! Vocabularies as data: closed lists of codes with labels in six languages and their source.
//!
//! The files in `vocabularies/` are part of the program; two nodes of one version know the same codes.

use crate::Labels;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A closed list of codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Its name, equal to its file's name.
    pub id: String,
    /// Its version; codes are added, never given another meaning.
    pub version: u32,
    /// Where it comes from.
    pub source: String,
    /// Its own name for people.
    pub label: Labels,
    /// Its codes, in the order in which people list them.
    #[serde(rename = "code")]
    pub entries: Vec<Entry>,
}

/// One code of a vocabulary.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The code.
    pub code: String,
    /// Its meaning for people.
    pub label: Labels,
    /// Its place in an order of severity or level, where the vocabulary has one.
    pub rank: Option<i64>,
    /// What a user of the code must know, in English.
    pub note: Option<String>,
}

/// A vocabulary file is not well formed; the programmer's or data owner's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("vocabulary {id}: {why}")]
pub struct VocabularyError {
    /// The file's name.
    pub id: String,
    /// What is wrong.
    pub why: String,
}

macro_rules! files {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../vocabularies/", $id, ".toml")))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "article-3-findings",
    "authorising-authorities",
    "block-grounds-upload",
    "classification-de",
    "classification-es",
    "classification-eu",
    "classification-fr",
    "classification-ma",
    "classification-nato",
    "classification-pt",
    "commitment-kinds",
    "conditions-of-use",
    "confidence-levels",
    "consignment-kinds",
    "consignment-modes",
    "countries",
    "crime-areas",
    "currencies",
    "data-subject-categories",
    "decline-grounds-operation",
    "decline-grounds-warning",
    "decline-reasons-accord",
    "decline-reasons-event",
    "decline-reasons-visit",
    "delivery-conditions",
    "dossier-relations",
    "event-kinds",
    "event-risk-kinds",
    "expected-actions",
    "expert-activities",
    "expert-ending-reasons",
    "fact-or-assessment",
    "guest-officer-tasks",
    "handling-codes",
    "impact-levels",
    "information-4x4",
    "information-6x6",
    "judicial-authorities",
    "keep-grounds",
    "legal-basis-kinds",
    "legal-purposes",
    "likelihood-words",
    "log-entry-types",
    "log-priorities",
    "objection-grounds-publication",
    "objection-grounds-warning",
    "operation-results",
    "pap",
    "recall-reasons",
    "refusal-grounds-2023-977",
    "refusal-grounds-delivery",
    "refusal-grounds-expert",
    "refusal-grounds-team",
    "refusal-grounds-treaty",
    "rejection-grounds-information",
    "source-4x4",
    "source-6x6",
    "stop-reasons-delivery",
    "strike-reasons",
    "team-capacities",
    "tlp",
    "transport-means",
    "urgency",
    "urgency-reasons",
    "uses",
    "visit-levels",
    "warning-end-reasons",
    "warning-report-kinds",
    "withhold-reasons-assessment",
    "working-languages",
];

static ALL: LazyLock<BTreeMap<&'static str, Vocabulary>> =
    LazyLock::new(|| FILES.iter().map(|(id, text)| (*id, Vocabulary::parse(id, text).unwrap_or_else(|e| panic!("{e}")))).collect());

impl Vocabulary {
    /// Finds a vocabulary by its id.
    pub fn get(id: &str) -> Option<&'static Vocabulary> {
        ALL.get(id)
    }

    /// Goes over all vocabularies by id.
    pub fn all() -> impl Iterator<Item = &'static Vocabulary> {
        ALL.values()
    }

    /// Finds a code.
    pub fn entry(&self, code: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.code == code)
    }

    /// Reads a vocabulary file and checks that its id fits, its codes are single and its labels whole.
    pub fn parse(id: &str, text: &str) -> Result<Vocabulary, VocabularyError> {
        let fault = |why: String| VocabularyError { id: id.to_owned(), why };
        let v: Vocabulary = toml::from_str(text).map_err(|e| fault(e.to_string()))?;
        if v.id != id {
            return Err(fault(format!("the file says its id is '{}'", v.id)));
        }
        let labels = v.entries.iter().map(|e| (e.code.as_str(), &e.label)).chain([("the vocabulary itself", &v.label)]);
        for (what, label) in labels {
            if let Some(lang) = label.blank().first() {
                return Err(fault(format!("{what} has no label in {lang}")));
            }
        }
        for (i, e) in v.entries.iter().enumerate() {
            if v.entries[..i].iter().any(|before| before.code == e.code) {
                return Err(fault(format!("code '{}' stands twice", e.code)));
            }
        }
        Ok(v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_vocabulary_is_whole() {
        let on_disk = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/vocabularies")).unwrap().count();
        assert_eq!(Vocabulary::all().count(), on_disk, "a file in vocabularies/ is not listed in FILES");
        assert!(Vocabulary::all().all(|v| !v.entries.is_empty() && !v.source.is_empty()));
    }

    #[test]
    fn reservado_is_not_the_same_in_spain_and_portugal() {
        let place = |scheme: &str| {
            let v = Vocabulary::get(scheme).unwrap();
            let above = |code: &str| v.entries.iter().filter(|e| e.rank > v.entry(code).unwrap().rank).count();
            above("RESERVADO")
        };
        assert_eq!((place("classification-es"), place("classification-pt")), (1, 3));
    }

    #[test]
    fn a_broken_file_is_named() {
        let e = Vocabulary::parse("x", "id = \"y\"").unwrap_err();
        assert_eq!(e.id, "x");
    }
}
