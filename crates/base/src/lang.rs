//! The six languages, labels that exist in all of them, and free text that carries its language.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A language in which Entente speaks to people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum Lang {
    /// Arabic, right to left.
    #[n(0)]
    Ar,
    /// French.
    #[n(1)]
    Fr,
    /// Spanish.
    #[n(2)]
    Es,
    /// English.
    #[n(3)]
    En,
    /// German.
    #[n(4)]
    De,
    /// Portuguese.
    #[n(5)]
    Pt,
}

impl Lang {
    /// All six, in the order in which label files list them.
    pub const ALL: [Lang; 6] = [Lang::Ar, Lang::Fr, Lang::Es, Lang::En, Lang::De, Lang::Pt];

    /// Returns the ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Lang::Ar => "ar",
            Lang::Fr => "fr",
            Lang::Es => "es",
            Lang::En => "en",
            Lang::De => "de",
            Lang::Pt => "pt",
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Lang {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let found = Lang::ALL.into_iter().find(|l| l.code() == s);
        found.ok_or_else(|| format!("'{s}' is not one of ar, fr, es, en, de, pt"))
    }
}

/// A label in all six languages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    ar: String,
    fr: String,
    es: String,
    en: String,
    de: String,
    pt: String,
}

impl Labels {
    /// Returns the label in one language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Ar => &self.ar,
            Lang::Fr => &self.fr,
            Lang::Es => &self.es,
            Lang::En => &self.en,
            Lang::De => &self.de,
            Lang::Pt => &self.pt,
        }
    }

    /// Returns the languages in which the label is blank; a label that is whole has none.
    pub fn blank(&self) -> Vec<Lang> {
        Lang::ALL.into_iter().filter(|l| self.get(*l).trim().is_empty()).collect()
    }
}

/// A language tag (RFC 5646), checked for its alphabet and length only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, Encode, Decode)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct Tag(#[n(0)] String);

impl Tag {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether this is a tag at all; decoded tags are checked where acts are judged.
    pub fn is_well_formed(&self) -> bool {
        let parts_fit = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
        self.0.len() <= 35 && (2..=3).contains(&self.0.split('-').next().unwrap_or("").len()) && self.0.split('-').all(parts_fit)
    }
}

impl From<Lang> for Tag {
    fn from(l: Lang) -> Self {
        Tag(l.code().to_owned())
    }
}

impl FromStr for Tag {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let tag = Tag(s.to_owned());
        if tag.is_well_formed() { Ok(tag) } else { Err(format!("'{s}' is not a language tag such as fr, ar or es-ES")) }
    }
}

/// Free text in one language.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, Encode, Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Text {
    /// The language in which it is written.
    #[n(0)]
    pub lang: Tag,
    /// The words.
    #[n(1)]
    pub text: String,
}

impl Text {
    /// Joins a language and words.
    pub fn new(lang: Lang, text: impl Into<String>) -> Text {
        Text { lang: lang.into(), text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_checked() {
        assert!(["fr", "ar-MA", "zgh-Tfng-MA"].iter().all(|t| t.parse::<Tag>().is_ok()));
        assert!(["", "f", "fr_FR", "français", "aaaa"].iter().all(|t| t.parse::<Tag>().is_err()));
    }
}
