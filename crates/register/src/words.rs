//! Cuts a paragraph into words; each knows its bytes in the text as given, its folded form and what stood before it.
//!
//! Letters and digits are separate words ("28th", "و17"), and so are the halves of "l'Espagne" and "maroco-espagnol".

use crate::fold::{fold_char, is_mark};

/// What stood between a word and the one before it, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap(pub u16);

impl Gap {
    pub const COMMA: Gap = Gap(1);
    pub const HYPHEN: Gap = Gap(2);
    pub const DOT: Gap = Gap(4);
    pub const STOP: Gap = Gap(8);
    pub const SLASH: Gap = Gap(16);
    pub const PAREN: Gap = Gap(32);
    pub const SPACE: Gap = Gap(64);
    pub const END: Gap = Gap(128);
    pub const PERCENT: Gap = Gap(256);
    pub const APOSTROPHE: Gap = Gap(512);

    /// Tells whether any of the given bits is set.
    pub fn has(self, other: Gap) -> bool {
        self.0 & other.0 != 0
    }

    /// Tells whether nothing but spaces, apostrophes and hyphens stood there, so that one phrase may run across it.
    pub fn is_soft(self) -> bool {
        self.0 & !(Gap::SPACE.0 | Gap::HYPHEN.0 | Gap::APOSTROPHE.0) == 0
    }
}

/// One word of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// First byte in the text as given.
    pub start: u32,
    /// Byte after the last one.
    pub end: u32,
    fold_start: u32,
    fold_end: u32,
    /// What stood before it.
    pub gap: Gap,
    /// Starts with a capital letter.
    pub is_capital: bool,
    /// Two letters or more, all capitals.
    pub is_capitals: bool,
    /// Value, if the word is a number below one million.
    pub number: Option<u32>,
    /// How many digits the number was written with.
    pub digits: u8,
}

/// The words of one text and their folded forms.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// In reading order.
    pub list: Vec<Word>,
    folded: String,
}

impl Words {
    /// Returns the folded form of a word.
    pub fn folded(&self, at: usize) -> &str {
        let word = &self.list[at];
        &self.folded[word.fold_start as usize..word.fold_end as usize]
    }

    /// Appends the words of `text[start..end]`; the first one is marked as following an end.
    pub fn push(&mut self, text: &str, start: usize, end: usize) {
        let mut gap = Gap::END;
        let mut open: Option<Open> = None;
        for (offset, c) in text[start..end].char_indices() {
            let at = start + offset;
            let sort = sort_of(c);
            if sort == Sort::Mark {
                continue;
            }
            if let Some(word) = open.take_if(|word| word.sort != sort) {
                self.close(text, word, at, gap);
                gap = Gap::default();
            }
            match sort {
                Sort::Letter | Sort::Digit => {
                    let word = open.get_or_insert(Open { start: at, sort, fold_start: self.folded.len() });
                    debug_assert!(word.sort == sort);
                    fold_char(c, &mut self.folded);
                }
                _ => {
                    let dot_ends = c == '.' && text[at + 1..end].chars().next().is_none_or(|n| !n.is_alphanumeric());
                    gap.0 |= gap_of(c).0;
                    if dot_ends || matches!(c, '!' | '?' | '؟' | '…') {
                        gap.0 |= Gap::END.0;
                    }
                }
            }
        }
        if let Some(word) = open {
            self.close(text, word, end, gap);
        }
    }

    fn close(&mut self, text: &str, word: Open, end: usize, gap: Gap) {
        let raw = text[word.start..end].trim_end_matches(is_mark);
        let end = word.start + raw.len();
        let letters = raw.chars().filter(|c| !is_mark(*c));
        let (count, capitals) = letters.fold((0usize, 0usize), |(n, up), c| (n + 1, up + usize::from(c.is_uppercase())));
        let folded = &self.folded[word.fold_start..];
        let number = if word.sort == Sort::Digit && count <= 6 { folded.parse().ok() } else { None };
        self.list.push(Word {
            start: word.start as u32,
            end: end as u32,
            fold_start: word.fold_start as u32,
            fold_end: self.folded.len() as u32,
            gap,
            is_capital: raw.chars().next().is_some_and(char::is_uppercase),
            is_capitals: count >= 2 && capitals == count,
            number,
            digits: count.min(255) as u8,
        });
    }
}

struct Open {
    start: usize,
    sort: Sort,
    fold_start: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Letter,
    Digit,
    Mark,
    Other,
}

fn sort_of(c: char) -> Sort {
    match c {
        'a'..='z' | 'A'..='Z' => Sort::Letter,
        '0'..='9' | '٠'..='٩' | '۰'..='۹' => Sort::Digit,
        _ if c.is_ascii() => Sort::Other,
        'º' | 'ª' | '²' | '³' | '¹' => Sort::Other,
        _ if is_mark(c) => Sort::Mark,
        _ if c.is_alphabetic() => Sort::Letter,
        _ => Sort::Other,
    }
}

fn gap_of(c: char) -> Gap {
    match c {
        ',' | '،' => Gap::COMMA,
        '-' | '‐' | '‑' | '–' | '—' | '−' => Gap::HYPHEN,
        '.' => Gap::DOT,
        ';' | ':' | '؛' | '|' | '•' | '·' | '!' | '?' | '؟' | '…' => Gap::STOP,
        '/' => Gap::SLASH,
        '(' | ')' | '[' | ']' => Gap::PAREN,
        '%' | '°' | '€' | '$' => Gap::PERCENT,
        '\'' | '’' | '‘' | 'ʼ' | '´' | '`' => Gap::APOSTROPHE,
        '«' | '»' | '"' | '“' | '”' | '„' => Gap::SPACE,
        _ => Gap::SPACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let mut words = Words::default();
        words.push(text, 0, text.len());
        (0..words.list.len()).map(|at| words.folded(at).to_owned()).collect()
    }

    #[test]
    fn letters_and_digits_part() {
        assert_eq!(cut("L’Été du 1er, 28th و17 G7"), ["l", "ete", "du", "1", "er", "28", "th", "و", "17", "g", "7"]);
        assert_eq!(cut("16º día"), ["16", "dia"]);
    }

    #[test]
    fn bytes_are_those_of_the_text() {
        let text = "à Málaga (DGAX), رومّان.";
        let mut words = Words::default();
        words.push(text, 0, text.len());
        let raw: Vec<_> = words.list.iter().map(|w| &text[w.start as usize..w.end as usize]).collect();
        assert_eq!(raw, ["à", "Málaga", "DGAX", "رومّان"]);
        assert!(words.list[2].is_capitals && words.list[1].is_capital && !words.list[1].is_capitals);
        assert!(words.list[2].gap.has(Gap::PAREN) && words.list[3].gap.has(Gap::COMMA));
    }
}
