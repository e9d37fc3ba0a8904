//! Says in six languages why two records are alike: the words of `matching::compare`, and the command that shows them.

use base::{Labels, Lang};
use matching::compare::{Comparison, Reason, compare};
use matching::subject::{Subject, SubjectFault};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const WORDS: &str = include_str!("../locales/reasons.toml");

static ALL: LazyLock<BTreeMap<String, Labels>> = LazyLock::new(|| toml::from_str(WORDS).unwrap_or_else(|e| panic!("locales/reasons.toml: {e}")));

fn word(code: &str, lang: Lang) -> &str {
    ALL.get(code).map_or(code, |labels| labels.get(lang))
}

/// Says one reason in a sentence: the field, what stood on either side, what was found.
pub fn sentence(reason: &Reason, lang: Lang) -> String {
    let field = word(reason.field.as_str(), lang);
    let found = word(reason.finding.as_str(), lang);
    let sides: Vec<&str> = [reason.left.as_str(), reason.right.as_str()].into_iter().filter(|s| !s.is_empty()).collect();
    match sides.as_slice() {
        [] => format!("{field}: {found}"),
        [one, other] if one == other => format!("{field}: {one}: {found}"),
        sides => format!("{field}: {}: {found}", sides.join(" / ")),
    }
}

/// One side of a comparison, as it is typed: name, and a date of birth where one is known.
pub fn record(name: &str, birth: Option<&str>) -> Result<Subject, SubjectFault> {
    let mut subject = Subject::default();
    subject.name(name)?;
    birth.map_or(Ok(()), |b| subject.birth(b))?;
    Ok(subject)
}

/// Compares two records and returns score and reasons, in words of a language too.
pub fn told(left: &Subject, right: &Subject, lang: Lang) -> Value {
    let Comparison { name_score, reasons } = compare(left, right);
    let one = |r: &Reason| json!({ "field": r.field.as_str(), "finding": r.finding.as_str(), "left": r.left, "right": r.right, "words": sentence(r, lang) });
    json!({ "name_score": name_score.map(|s| (f64::from(s) * 1e3).round() / 1e3), "reasons": reasons.iter().map(one).collect::<Vec<_>>() })
}

/// Shows a comparison to people; the score stands last, because it decides nothing.
pub fn shown(whole: &Value, lang: Lang) -> String {
    let mut out = String::new();
    for reason in whole["reasons"].as_array().into_iter().flatten() {
        out += &crate::cli::sentence(lang, reason["words"].as_str().unwrap_or_default());
        out.push('\n');
    }
    out + &format!("{}\n", whole["name_score"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use matching::compare::{Field, Finding};
    use matching::subject::KeyType;
    use std::collections::BTreeSet;

    #[test]
    fn every_finding_and_field_has_its_words_in_six_languages_and_no_word_is_idle() {
        let identifiers = KeyType::ALL.into_iter().filter(|k| *k > KeyType::NameDate).map(Field::Identifier);
        let said: BTreeSet<&str> =
            Finding::ALL.iter().map(|f| f.as_str()).chain([Field::Name, Field::Birth].into_iter().chain(identifiers).map(Field::as_str)).collect();
        assert_eq!(said, ALL.keys().map(String::as_str).collect());
        let gaps: Vec<_> = ALL.iter().filter(|(_, labels)| !labels.blank().is_empty()).map(|(code, _)| code).collect();
        assert!(gaps.is_empty(), "{gaps:?}");
    }

    #[test]
    fn two_spellings_are_explained_in_each_language() {
        let (left, right) = (record("خالد الزروالي", Some("1975-02-03")).unwrap(), record("Khalid Zerouali", Some("1975-03-02")).unwrap());
        let words = |lang| shown(&told(&left, &right, lang), lang);
        let all: BTreeSet<String> = Lang::ALL.into_iter().map(words).collect();
        assert_eq!(all.len(), Lang::ALL.len(), "no two languages say the same");
        assert!(words(Lang::Fr).contains("Naissance: 1975-02-03 / 1975-03-02: même date, jour et mois intervertis"));
        assert!(words(Lang::En).contains("another spelling of the same sounds"));
        assert!(record("???", None).is_err());
    }
}
