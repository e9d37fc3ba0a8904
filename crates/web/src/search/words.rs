//! Words of a text in the form in which they are compared: folded, and the stems by which inflected forms meet.

use base::Lang;
use base::fold::{fold, fold_char, is_arabic, is_mark};
use frostem::{Algorithm, Stemmer};
use std::ops::Range;

/// Letters of a word that are compared; what is longer is no word of a language, and meets by its beginning.
pub const WORD_LETTERS_MAX: usize = 64;

/// A word where it stands in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// Its bytes in the text.
    pub at: Range<usize>,
    /// Its folded form.
    pub folded: String,
}

/// Cuts a text into words; whatever is no letter, digit or mark on one parts them.
pub fn words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut letters = 0;
    for (i, c) in text.char_indices() {
        if c.is_alphanumeric() || is_mark(c) {
            let word = open.get_or_insert_with(|| {
                letters = 0;
                Word { at: i..i, folded: String::new() }
            });
            word.at.end = i + c.len_utf8();
            if letters == WORD_LETTERS_MAX {
                continue;
            }
            letters += 1;
            match c {
                // The Maghreb writes its hard g with either of two letters that others write with kaf.
                'گ' | 'ڭ' => word.folded.push('ك'),
                _ => fold_char(c, &mut word.folded),
            }
        } else {
            out.extend(open.take().filter(|w| !w.folded.is_empty()));
        }
    }
    out.extend(open.filter(|w| !w.folded.is_empty()));
    out
}

/// Returns the stems of a word as written in a language; Arabic script is read as Arabic whatever the language says.
///
/// A word may have two: that of the word with its accents and that of the word without, since people leave accents out. One that is too
/// long for a word has none.
pub fn stems(written: &str, lang: Lang) -> Vec<String> {
    if written.chars().nth(WORD_LETTERS_MAX).is_some() {
        return Vec::new();
    }
    let folded = words(written).into_iter().map(|w| w.folded).collect::<String>();
    if folded.chars().any(is_arabic) {
        return light(&folded);
    }
    let algorithm = match lang {
        Lang::Ar => return Vec::new(),
        Lang::Fr => Algorithm::French,
        Lang::Es => Algorithm::Spanish,
        Lang::En => Algorithm::English,
        Lang::De => Algorithm::German,
        Lang::Pt => Algorithm::Portuguese,
    };
    let stemmer = Stemmer::new(algorithm);
    let mut out = vec![fold(&stemmer.stem(&written.to_lowercase())), stemmer.stem(&folded).into_owned()];
    out.dedup();
    out
}

/// The fewest letters that stay when an ending falls.
const STAY_MIN: usize = 2;

/// Strips conjunction, article and endings of a folded Arabic word: the light10 stemmer (Larkey, Ballesteros, Connell 2007).
///
/// Whether what a word begins with is a conjunction, an article or its own letter cannot be told, so each reading is a stem.
fn light(folded: &str) -> Vec<String> {
    let long = |s: &&str| s.chars().count() >= STAY_MIN;
    let heads = [Some(folded), folded.strip_prefix('و').filter(|rest| rest.chars().count() > STAY_MIN)];
    let mut out = Vec::new();
    for head in heads.into_iter().flatten() {
        let bare = ["وال", "بال", "كال", "فال", "ال", "لل"].iter().find_map(|a| head.strip_prefix(a)).filter(long);
        for mut stem in [Some(head), bare].into_iter().flatten() {
            for ending in ["ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي"] {
                stem = stem.strip_suffix(ending).filter(long).unwrap_or(stem);
            }
            out.push(stem.to_owned());
        }
    }
    out.sort();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meet(a: &str, b: &str, lang: Lang) -> bool {
        let (a, b) = (stems(a, lang), stems(b, lang));
        a.iter().any(|s| b.contains(s))
    }

    #[test]
    fn spellings_of_one_arabic_word_meet() {
        for (a, b) in [
            ("التعاون", "تعاون"),
            ("الأمنيّة", "امنية"),
            ("وَالأَمْن", "أمن"),
            ("بالمخدرات", "مخدرات"),
            ("إدارة", "اداره"),
            ("مستشفى", "مستشفي"),
            ("المـغـرب", "مغرب"),
        ] {
            assert!(meet(a, b, Lang::Ar), "{a} {b}: {:?} {:?}", stems(a, Lang::Ar), stems(b, Lang::Ar));
        }
        assert!(!meet("أمن", "أمير", Lang::Ar));
    }

    #[test]
    fn inflected_words_meet_with_and_without_accents() {
        let pairs = [
            (Lang::Fr, "véhicules", "vehicule"),
            (Lang::Es, "investigaciones", "investigación"),
            (Lang::En, "vehicles", "vehicle"),
            (Lang::De, "Fahrzeugen", "Fahrzeug"),
            (Lang::Pt, "informações", "informação"),
        ];
        for (lang, a, b) in pairs {
            assert!(meet(a, b, lang), "{a} {b}: {:?} {:?}", stems(a, lang), stems(b, lang));
        }
        assert!(!meet("vehicle", "vessel", Lang::En));
    }

    #[test]
    fn words_say_where_they_stand() {
        let text = "L'Été, مُحَمَّد";
        let all = words(text);
        assert_eq!(all.iter().map(|w| w.folded.as_str()).collect::<Vec<_>>(), ["l", "ete", "محمد"]);
        assert_eq!(&text[all[1].at.clone()], "Été");
        assert!(words("… \u{640} —").is_empty(), "a lone tatweel is no word");
    }
}
