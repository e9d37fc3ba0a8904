//! Tells the language of a paragraph: by script for Arabic, by function words for the rest.
//!
//! Languages that we can name but not read are in the list too, so that an Italian page is not taken for a Spanish one.

use crate::fold::is_arabic;
use crate::words::Words;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A language of `data/languages.toml`, by its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lang(u8);

impl Lang {
    /// No language could be told.
    pub const UNKNOWN: Lang = Lang(31);

    /// Returns the bit of this language in a phrase's mask.
    pub fn bit(self) -> u32 {
        1 << self.0
    }

    /// Returns the ISO 639-1 code, or "und".
    pub fn code(self) -> &'static str {
        LANGUAGES.list.get(usize::from(self.0)).map_or("und", |language| &language.code)
    }

    /// Tells whether the data files hold this language's cues.
    pub fn is_read(self) -> bool {
        LANGUAGES.list.get(usize::from(self.0)).is_some_and(|language| language.read)
    }
}

#[derive(Deserialize)]
struct Language {
    code: String,
    read: bool,
    #[serde(default)]
    script: String,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    abbreviations: Vec<String>,
}

#[derive(Deserialize)]
struct LanguageFile {
    language: Vec<Language>,
}

/// The languages we know and the words that give them away.
pub(crate) struct Languages {
    list: Vec<Language>,
    words: HashMap<String, u32>,
    abbreviations: std::collections::HashSet<String>,
}

/// The language file of this crate; panics if it is malformed, which a test proves it is not.
pub(crate) static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    let file: LanguageFile = toml::from_str(include_str!("../data/languages.toml")).expect("the language file of this crate is valid TOML");
    let mut words: HashMap<String, u32> = HashMap::new();
    for (at, language) in file.language.iter().enumerate() {
        for word in &language.words {
            *words.entry(crate::fold::fold(word)).or_default() |= 1 << at;
        }
    }
    let abbreviations = file.language.iter().flat_map(|language| language.abbreviations.iter().map(|word| crate::fold::fold(word)));
    Languages { abbreviations: abbreviations.collect(), words, list: file.language }
});

impl Languages {
    /// Returns the language of an ISO 639-1 code.
    pub fn by_code(&self, code: &str) -> Option<Lang> {
        self.list.iter().position(|language| language.code == code).map(|at| Lang(at as u8))
    }

    /// Tells whether a full stop after this folded word does not end a sentence.
    pub fn is_abbreviation(&self, folded: &str) -> bool {
        self.abbreviations.contains(folded)
    }

    /// Returns the language of the words `from..to`, or [`Lang::UNKNOWN`] where its own function words do not lead by a clear margin.
    pub fn tell(&self, words: &Words, from: usize, to: usize) -> Lang {
        let mut votes = [0usize; 32];
        let mut arabic = 0;
        for at in from..to {
            let folded = words.folded(at);
            if folded.starts_with(is_arabic) {
                arabic += 1;
            } else if let Some(mask) = self.words.get(folded) {
                let weight = if mask.count_ones() == 1 { 3 } else { 1 };
                votes.iter_mut().take(self.list.len()).enumerate().for_each(|(n, vote)| *vote += weight * (mask >> n & 1) as usize);
            }
        }
        if arabic * 2 > to - from {
            return self.list.iter().position(|language| language.script == "arabic").map_or(Lang::UNKNOWN, |at| Lang(at as u8));
        }
        let best = (0..self.list.len()).max_by_key(|&n| votes[n]).unwrap_or(31);
        let second = (0..self.list.len()).filter(|&n| n != best).map(|n| votes[n]).max().unwrap_or(0);
        if votes[best] >= 3 && votes[best] > second + second / 4 { Lang(best as u8) } else { Lang::UNKNOWN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(text: &str) -> &'static str {
        let mut words = Words::default();
        words.push(text, 0, text.len());
        LANGUAGES.tell(&words, 0, words.list.len()).code()
    }

    #[test]
    fn names_each_language_and_none_for_noise() {
        assert_eq!(tell("Le chef de la police a reçu son homologue dans les locaux du service."), "fr");
        assert_eq!(tell("The head of the police has met with his counterpart at the ministry."), "en");
        assert_eq!(tell("El jefe de la policía se reunió con su homólogo en la sede del servicio."), "es");
        assert_eq!(tell("Der Leiter der Polizei traf sich mit seinem Amtskollegen und der Ministerin."), "de");
        assert_eq!(tell("استقبل المدير العام نظيره في مقر المديرية"), "ar");
        assert_eq!(tell("Il capo della polizia ha incontrato gli omologhi nella sede del ministero, con una delegazione."), "it");
        assert_eq!(tell("qzx 12 wvu 44 lorem"), "und");
    }
}
