//! A service's fingerprint, read aloud by two people: twelve words (BIP-39) or nine groups of five digits.
//!
//! Both stand for the first 128 bits of the service id, so another service with the same fingerprint costs 2^128 tries. The check
//! (4 bits in the words, the ninth group of the digits) is there for the ear, not against an attacker.

use base::{Digest, Lang, ServiceId};
use bip39::{Language, Mnemonic};
use std::fmt;

const BYTES: usize = 16;
const WORDS: usize = 12;
/// Eight groups of five digits, 16 bits each, and one that checks them.
const GROUPS: usize = 9;

/// The first 128 bits of a service id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; BYTES]);

/// What was read aloud is not a fingerprint, or not the right one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintRefusal {
    /// A word is not in the list.
    #[error("word {place}, '{word}', is not in the list of this language; ask for it to be spelt")]
    Word {
        /// Its place, from 1.
        place: usize,
        /// As it was typed.
        word: String,
    },
    /// A group is not five digits up to 65535.
    #[error("group {place}, '{group}', is not five digits up to 65535; ask for it again")]
    Group {
        /// Its place, from 1.
        place: usize,
        /// As it was typed.
        group: String,
    },
    /// Too few or too many words or groups.
    #[error("there are {found} words or groups where {expected} belong; have it read again from the start")]
    Count {
        /// How many belong there.
        expected: usize,
        /// How many were typed.
        found: usize,
    },
    /// Every word exists, but together they are no fingerprint.
    #[error("at least one word or group was misheard: all of them exist, but the check does not come out; have it read again")]
    Check,
    /// A fingerprint, but of another service.
    #[error("this is the fingerprint of another service; do not trust the card, and find out by a second way who handed it over")]
    Differs,
}

impl FingerprintRefusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            FingerprintRefusal::Word { .. } => "refusal.fingerprint.word",
            FingerprintRefusal::Group { .. } => "refusal.fingerprint.group",
            FingerprintRefusal::Count { .. } => "refusal.fingerprint.count",
            FingerprintRefusal::Check => "refusal.fingerprint.check",
            FingerprintRefusal::Differs => "refusal.fingerprint.differs",
        }
    }
}

impl Fingerprint {
    /// Takes the fingerprint of a service.
    pub fn of(service: &ServiceId) -> Fingerprint {
        Fingerprint(*service.bytes().first_chunk().expect("an id has 32 bytes"))
    }

    /// Writes twelve words; English for Arabic and German, for which BIP-39 has no list.
    pub fn words(&self, lang: Lang) -> String {
        let mnemonic = Mnemonic::from_entropy_in(list(lang), &self.0).expect("16 bytes are a length that BIP-39 knows");
        mnemonic.words().collect::<Vec<_>>().join(" ")
    }

    /// Writes nine groups of five digits, the same in every language.
    pub fn digits(&self) -> String {
        let groups = self.0.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair));
        groups.chain([self.check()]).map(|group| format!("{group:05}")).collect::<Vec<_>>().join(" ")
    }

    /// Reads words of one language, whatever the case, accents and spaces between them.
    pub fn parse_words(text: &str, lang: Lang) -> Result<Fingerprint, FingerprintRefusal> {
        let typed: Vec<&str> = text.split_whitespace().collect();
        let found = |(i, word): (usize, &&str)| {
            let folded = fold(word);
            let known = list(lang).word_list().iter().find(|w| fold(w) == folded);
            known.copied().ok_or_else(|| FingerprintRefusal::Word { place: i + 1, word: (*word).to_owned() })
        };
        let words = typed.iter().enumerate().map(found).collect::<Result<Vec<_>, _>>()?;
        if words.len() != WORDS {
            return Err(FingerprintRefusal::Count { expected: WORDS, found: words.len() });
        }
        let mnemonic = Mnemonic::parse_in_normalized(list(lang), &words.join(" ")).map_err(|_| FingerprintRefusal::Check)?;
        let bytes = mnemonic.to_entropy();
        Ok(Fingerprint(bytes.try_into().expect("twelve words are 16 bytes")))
    }

    /// Reads nine groups of digits; Arabic-Indic digits count too.
    pub fn parse_digits(text: &str) -> Result<Fingerprint, FingerprintRefusal> {
        let typed: Vec<&str> = text.split_whitespace().collect();
        let read = |(i, group): (usize, &&str)| {
            let ascii: Option<String> = group.chars().map(|c| digit(c).and_then(|d| char::from_digit(d, 10))).collect();
            let number = ascii.filter(|a| a.len() == 5).and_then(|a| a.parse::<u16>().ok());
            number.ok_or_else(|| FingerprintRefusal::Group { place: i + 1, group: (*group).to_owned() })
        };
        let groups = typed.iter().enumerate().map(read).collect::<Result<Vec<u16>, _>>()?;
        let [numbers @ .., check] = groups.as_slice() else { return Err(FingerprintRefusal::Count { expected: GROUPS, found: 0 }) };
        if groups.len() != GROUPS {
            return Err(FingerprintRefusal::Count { expected: GROUPS, found: groups.len() });
        }
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        let fingerprint = Fingerprint(bytes.try_into().expect("eight groups are 16 bytes"));
        if fingerprint.check() == *check { Ok(fingerprint) } else { Err(FingerprintRefusal::Check) }
    }

    /// Reads what was typed, words or digits, and compares it with a service.
    pub fn compare(service: &ServiceId, text: &str, lang: Lang) -> Result<(), FingerprintRefusal> {
        let digits = text.trim_start().starts_with(|c| digit(c).is_some());
        let read = if digits { Fingerprint::parse_digits(text)? } else { Fingerprint::parse_words(text, lang)? };
        if read == Fingerprint::of(service) { Ok(()) } else { Err(FingerprintRefusal::Differs) }
    }

    /// The ninth group: 16 bits of a digest over the others.
    fn check(&self) -> u16 {
        let digest = Digest::tagged("entente/fingerprint/1", &[&self.0]);
        u16::from_be_bytes([digest.0[0], digest.0[1]])
    }
}

impl fmt::Display for Fingerprint {
    /// Prints the English words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Lang::En))
    }
}

fn list(lang: Lang) -> Language {
    match lang {
        Lang::Fr => Language::French,
        Lang::Es => Language::Spanish,
        Lang::Pt => Language::Portuguese,
        Lang::En | Lang::Ar | Lang::De => Language::English,
    }
}

/// Lower case without accents: the lists keep accents apart from their letters (NFD), keyboards do not. In none of the lists do
/// accents alone tell two words apart.
fn fold(word: &str) -> String {
    let bare = |c: char| match c {
        'á' | 'à' | 'â' | 'ã' | 'ä' => Some('a'),
        'é' | 'è' | 'ê' | 'ë' => Some('e'),
        'í' | 'ì' | 'î' | 'ï' => Some('i'),
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => Some('o'),
        'ú' | 'ù' | 'û' | 'ü' => Some('u'),
        'ç' => Some('c'),
        'ñ' => Some('n'),
        '\u{300}'..='\u{36f}' => None,
        other => Some(other),
    };
    word.chars().flat_map(char::to_lowercase).filter_map(bare).collect()
}

fn digit(c: char) -> Option<u32> {
    match c {
        '0'..='9' => Some(c as u32 - '0' as u32),
        '\u{660}'..='\u{669}' => Some(c as u32 - 0x660),
        '\u{6f0}'..='\u{6f9}' => Some(c as u32 - 0x6f0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn published_bip_39_entropy_gives_the_published_words() {
        // trezor/python-mnemonic vectors.json, the vectors that BIP-39 refers to.
        let words = |byte: u8| Fingerprint([byte; BYTES]).words(Lang::En);
        assert_eq!(words(0), "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about");
        assert_eq!(words(0x7f), "legal winner thank year wave sausage worth useful legal winner thank yellow");
        assert_eq!(words(0xff), "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong");
    }

    #[test]
    fn accents_never_tell_two_words_apart() {
        for lang in Lang::ALL {
            let folded: BTreeSet<String> = list(lang).word_list().iter().map(|w| fold(w)).collect();
            assert_eq!(folded.len(), 2048, "{lang}");
            assert!(folded.iter().all(|w| w.is_ascii()), "{lang}");
        }
    }
}
