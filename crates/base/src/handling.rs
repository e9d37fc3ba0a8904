//! What a receiver may do with what it was given: handling codes, TLP, classification, and the evaluation of a source.
//!
//! Codes are vocabulary entries, never bare letters: an evaluation names its scale, a classification its country's scheme.

use crate::{Text, Vocabulary};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A code together with the vocabulary that gives it its meaning.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Coded {
    /// The vocabulary's id.
    #[n(0)]
    pub vocabulary: String,
    /// The code within it.
    #[n(1)]
    pub code: String,
}

impl Coded {
    /// Joins a vocabulary and a code.
    pub fn new(vocabulary: &str, code: &str) -> Coded {
        Coded { vocabulary: vocabulary.to_owned(), code: code.to_owned() }
    }

    /// Tells whether both are known here.
    pub fn is_known(&self) -> bool {
        Vocabulary::get(&self.vocabulary).is_some_and(|v| v.entry(&self.code).is_some())
    }
}

/// How a source and its information were graded, on a named scale; grades are never converted between scales.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Evaluation {
    /// The scale's id: `4x4` (Regulation (EU) 2016/794, article 29) or `6x6` (Admiralty).
    #[n(0)]
    pub scale: String,
    /// The source's grade.
    #[n(1)]
    pub source: String,
    /// The information's grade.
    #[n(2)]
    pub information: String,
}

impl Evaluation {
    /// Tells whether the scale is known and has both grades.
    pub fn is_known(&self) -> bool {
        ["source", "information"]
            .iter()
            .zip([&self.source, &self.information])
            .all(|(part, grade)| Coded::new(&format!("{part}-{}", self.scale), grade).is_known())
    }
}

/// What a receiver may do with an act's content.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Handling {
    /// Codes of the vocabulary `handling-codes`, in order, each once; several hold together.
    #[n(0)]
    pub codes: Vec<String>,
    /// The restriction that H3 announces.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Text>,
    /// A code of the vocabulary `tlp` (FIRST, TLP 2.0); neither a classification nor a handling code.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tlp: Option<String>,
    /// A level of one State's or organisation's scheme, as its owner wrote it.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Coded>,
}

/// What somebody wants to do with content that another service owns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Preventing and combating crime: what the content was given for.
    Crime,
    /// Using it in judicial proceedings.
    Court,
    /// Passing it on to a third party.
    Onward,
    /// Anything else.
    Other,
}

/// A handling code forbids what was asked; ordinary business, solved by asking the owner for consent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlingRefusal {
    /// A code forbids this use.
    #[error("handling code {code} forbids this use; ask the owner for consent and record the answer")]
    Forbidden {
        /// The code that forbids.
        code: &'static str,
    },
    /// A code, level or restriction is not of its vocabulary, or H3 lacks its text.
    #[error("the handling of this content is not well formed: {0}")]
    Malformed(String),
}

impl HandlingRefusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            HandlingRefusal::Forbidden { .. } => "refusal.handling.forbidden",
            HandlingRefusal::Malformed(_) => "refusal.handling.malformed",
        }
    }
}

impl Handling {
    /// Makes the handling that consists of one code.
    pub fn code(code: &str) -> Handling {
        Handling { codes: vec![code.to_owned()], ..Handling::default() }
    }

    /// Checks every code against its vocabulary, their order, and that H3 says what it restricts.
    pub fn check(&self) -> Result<(), HandlingRefusal> {
        let known = |vocabulary: &str, code: &str| match Coded::new(vocabulary, code).is_known() {
            true => Ok(()),
            false => Err(HandlingRefusal::Malformed(format!("'{code}' is not a code of {vocabulary}"))),
        };
        self.codes.iter().try_for_each(|c| known("handling-codes", c))?;
        if !self.codes.is_sorted_by(|a, b| a < b) {
            return Err(HandlingRefusal::Malformed("codes stand in order, each once".to_owned()));
        }
        let h3 = self.codes.iter().any(|c| c == "H3");
        if h3 != self.restriction.as_ref().is_some_and(|t| !t.text.trim().is_empty()) {
            return Err(HandlingRefusal::Malformed("H3 and the text of its restriction belong together".to_owned()));
        }
        self.tlp.iter().try_for_each(|c| known("tlp", c))?;
        self.classification.iter().try_for_each(|c| match c.vocabulary.starts_with("classification-") {
            true => known(&c.vocabulary, &c.code),
            false => Err(HandlingRefusal::Malformed(format!("'{}' is not a classification scheme", c.vocabulary))),
        })
    }

    /// Tells whether these codes allow a use without asking the owner.
    ///
    /// H0: crime only. H1: not in court. H2: not onward. H3: nothing beyond crime until a person has read the restriction.
    pub fn permits(&self, wanted: Use) -> Result<(), HandlingRefusal> {
        let forbids = |code: &str| match code {
            "H1" => wanted == Use::Court,
            "H2" => wanted == Use::Onward,
            "H3" => wanted != Use::Crime,
            _ => wanted == Use::Other,
        };
        let code = ["H0", "H1", "H2", "H3"].into_iter().find(|c| self.codes.iter().any(|own| own == c) && forbids(c));
        code.map_or(Ok(()), |code| Err(HandlingRefusal::Forbidden { code }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_forbid_what_they_say_and_their_neighbour_not() {
        let h = |codes: &[&str]| Handling { codes: codes.iter().map(|c| c.to_string()).collect(), ..Handling::default() };
        assert!(h(&["H1"]).permits(Use::Onward).is_ok());
        assert_eq!(h(&["H1"]).permits(Use::Court), Err(HandlingRefusal::Forbidden { code: "H1" }));
        assert_eq!(h(&["H1", "H2"]).permits(Use::Onward), Err(HandlingRefusal::Forbidden { code: "H2" }));
        assert_eq!(h(&["H0"]).permits(Use::Other), Err(HandlingRefusal::Forbidden { code: "H0" }));
        assert!(h(&["H0"]).permits(Use::Crime).is_ok());
    }

    #[test]
    fn grades_need_their_scale() {
        let e = |scale: &str, source: &str, information: &str| {
            Evaluation { scale: scale.into(), source: source.into(), information: information.into() }.is_known()
        };
        assert!(e("4x4", "X", "4") && e("6x6", "F", "6"));
        assert!(!e("4x4", "F", "4"), "4x4 has no F");
        assert!(!e("5x5", "A", "1"));
    }

    #[test]
    fn h3_needs_its_words_and_white_is_dead() {
        assert_eq!(Handling::code("H3").check().unwrap_err().code(), "refusal.handling.malformed");
        let said = Handling { restriction: Some(Text::new(crate::Lang::Fr, "Accord préalable requis.")), ..Handling::code("H3") };
        assert!(said.check().is_ok());
        let tlp = |c: &str| Handling { tlp: Some(c.into()), ..Handling::code("H0") }.check();
        assert!(tlp("AMBER+STRICT").is_ok() && tlp("WHITE").is_err());
        let level = Handling { classification: Some(Coded::new("classification-es", "RESERVADO")), ..Handling::default() };
        assert!(level.check().is_ok());
        let mixed = Handling { classification: Some(Coded::new("tlp", "RED")), ..Handling::default() };
        assert!(mixed.check().is_err(), "TLP is not a classification");
    }
}
