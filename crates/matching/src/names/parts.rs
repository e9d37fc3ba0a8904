//! A name as its parts: what is written in two words here and in one there comes together, what only leads over falls out.
//!
//! `Abd al-Rahman`, `Abderrahmane` and `عبدالرحمن` are one part; `Ben Youssef` and `Benyoussef` too; articles and European particles are
//! none. A part has one form, or a second one where nobody can tell from the letters whether they hold an article.

use super::letters::{self, Symbol};
use base::fold::is_arabic;

/// Parts of one name; what comes behind is left out.
pub(crate) const PARTS_MAX: usize = 8;
/// Bytes of a name; what is longer is cut.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// One part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// The folded letters.
    pub(crate) text: String,
    /// One or two ways to read it, the likelier first.
    pub(crate) forms: Vec<Form>,
}

/// One way to read a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    /// The sounds.
    pub(crate) symbols: Vec<Symbol>,
    /// Which affix was taken off that may belong to it.
    pub(crate) without: Option<Affix>,
}

/// What may be a part of a name or only lead to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Affix {
    /// al, el, ال
    Article,
    /// ben, bou: son or father of.
    Kin,
}

const ARTICLES: &[&str] = &["al", "el", "ul", "il", "l", "ال"];
const ASSIMILATED: &[&str] = &[
    "ad", "ed", "ud", "an", "en", "un", "ar", "er", "ur", "as", "es", "us", "at", "et", "ut", "az", "ez", "uz", "ach", "ech", "ash", "esh", "ush", "ath",
    "eth", "adh", "edh",
];
const SON: &[&str] = &["ben", "bin", "ibn", "bn", "بن", "ابن"];
const FATHER: &[&str] = &["abu", "abou", "abo", "bou", "bu", "ابو", "بو", "ابي", "ابا"];
const SERVANT: &[&str] = &["abd", "abdel", "abdal", "abdul", "abdoul", "abdol", "abdou", "abdu", "abdil", "عبد"];
const FAITH: &[&str] = &["din", "dine", "eddin", "eddine", "addin", "addine", "uddin", "oddin", "edin", "edine", "ddine", "الدين", "دين"];
const GOD: &[&str] = &["allah", "ullah", "alla", "ollah", "lah", "الله", "اله", "لله"];
const FELL: &[&str] = &[
    "de",
    "del",
    "della",
    "di",
    "da",
    "do",
    "dos",
    "das",
    "du",
    "des",
    "la",
    "le",
    "los",
    "las",
    "y",
    "e",
    "i",
    "von",
    "van",
    "vom",
    "zum",
    "der",
    "den",
    "zu",
    "zur",
    "af",
    "av",
    "ter",
    "ten",
    "op",
    "und",
    "of",
    "the",
    "baron",
    "baroness",
    "lord",
    "lady",
    "sir",
    "dame",
    "dr",
    "prof",
    "freiherr",
    "graf",
    "sheikh",
    "cheikh",
    "shaikh",
    "jr",
    "sr",
    "ii",
    "iii",
    "iv",
    "rd",
    "nd",
    "th",
    "st",
    "ould",
    "wuld",
    "weld",
    "mint",
    "bint",
    "bent",
    "ولد",
    "منت",
    "بنت",
    "الشيخ",
    "شيخ",
    "hajj",
    "hadj",
    "الحاج",
];

/// Parts a name.
pub(crate) fn parts(name: &str) -> Vec<Part> {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let words = letters::words(&name[..end]);
    let mut all: Vec<Part> = Vec::new();
    let mut prefix: Option<&str> = None;
    let mut article = false;
    for (i, word) in words.iter().enumerate() {
        let word = word.as_str();
        let next = words.get(i + 1).map(String::as_str);
        let last = next.is_none();
        if !last && is_article(word, next.unwrap_or_default()) {
            article = true;
            continue;
        }
        if is(GOD, word) && (prefix == Some("abd") || (prefix.is_none() && !all.is_empty())) {
            match prefix.take() {
                Some(_) => all.push(if is_arabic_word(word) { Part::of(&["عبد", "اله"], None) } else { Part::of(&["abd", "allah"], None) }),
                None => append(&mut all, if is_arabic_word(word) { "اله" } else { "allah" }),
            }
            continue;
        }
        if prefix.is_none() && !all.is_empty() && is(FAITH, word) {
            append(&mut all, if is_arabic_word(word) { "دين" } else { "din" });
            continue;
        }
        if !last && prefix.is_none() {
            let opens = [(SERVANT, "abd"), (SON, "ben"), (FATHER, "bou")].into_iter().find(|(list, _)| is(list, word));
            if let Some((_, name)) = opens {
                prefix = Some(name);
                continue;
            }
        }
        if is(FELL, word) && !(last && all.is_empty()) && prefix.is_none() {
            article = false;
            continue;
        }
        let part = part(word, prefix.take(), article);
        article = false;
        if all.len() < PARTS_MAX && !all.contains(&part) {
            all.push(part);
        }
    }
    all
}

fn is(list: &[&str], word: &str) -> bool {
    list.contains(&word)
}

fn is_arabic_word(word: &str) -> bool {
    word.chars().next().is_some_and(is_arabic)
}

/// Tells whether a word is an article of the next: plain, or taking on the sound that follows.
fn is_article(word: &str, next: &str) -> bool {
    if is(ARTICLES, word) {
        return true;
    }
    is(ASSIMILATED, word) && word.len() > 1 && next.starts_with(&word[1..])
}

fn append(all: &mut [Part], rest: &str) {
    if let Some(last) = all.last_mut() {
        *last = Part::of(&[&last.text, rest], None);
    }
}

/// Makes a part of a word and what stood before it.
fn part(word: &str, prefix: Option<&str>, article: bool) -> Part {
    let arabic = is_arabic_word(word);
    let bare = if article { None } else { without_article(word) };
    let rest = bare.unwrap_or(word);
    match prefix {
        Some("abd") => Part::of(&[if arabic { "عبد" } else { "abd" }, rest], None),
        Some("ben") => Part::of(&[if arabic { "بن" } else { "ben" }, rest], Some((rest, Affix::Kin))),
        Some(_) => Part::of(&[if arabic { "بو" } else { "bou" }, rest], Some((rest, Affix::Kin))),
        None => match (servant(word), bare) {
            (Some((first, rest)), _) => Part::of(&[first, rest], None),
            (None, Some(bare)) => Part::of(&[word], Some((bare, Affix::Article))),
            (None, None) => Part::of(&[word], None),
        },
    }
}

/// Reads `Abderrahmane`, `Abdelaziz`, `عبدالرحمن` as servant and what follows, without the article between.
fn servant(word: &str) -> Option<(&str, &str)> {
    if let Some(rest) = word.strip_prefix("عبدال") {
        return match rest {
            "له" => Some(("عبد", "اله")),
            _ => Some(("عبد", rest)).filter(|_| rest.chars().count() >= 2),
        };
    }
    let rest = word.strip_prefix("abd")?;
    let tail = rest.trim_start_matches(['a', 'e', 'i', 'o', 'u']);
    if tail.len() == rest.len() {
        return None;
    }
    if let Some(name) = tail.strip_prefix('l') {
        return match name {
            "lah" | "la" | "ah" => Some(("abd", "allah")),
            _ => Some(("abd", name)).filter(|_| name.len() >= 3),
        };
    }
    let mut letters = tail.bytes();
    let doubled = matches!((letters.next(), letters.next()), (Some(a), Some(b)) if a == b) || tail.starts_with("chch") || tail.starts_with("shsh");
    (doubled && tail.len() >= 4).then(|| ("abd", &tail[1..]))
}

/// Takes off what may be an article that is written together with its word.
fn without_article(word: &str) -> Option<&str> {
    if let Some(rest) = word.strip_prefix("ال") {
        return Some(rest).filter(|r| r.chars().count() >= 2);
    }
    if is_arabic_word(word) {
        return None;
    }
    if let Some(rest) = word.strip_prefix("al").or_else(|| word.strip_prefix("el")) {
        return Some(rest.strip_prefix('l').filter(|r| r.len() >= 4).unwrap_or(rest)).filter(|r| r.len() >= 4);
    }
    let bytes = word.as_bytes();
    let doubled = bytes.len() >= 5 && matches!(bytes[0], b'a' | b'e') && bytes[1] == bytes[2] && matches!(bytes[1], b's' | b'n' | b'r' | b't' | b'd' | b'z');
    doubled.then(|| &word[2..])
}

impl Part {
    fn of(pieces: &[&str], bare: Option<(&str, Affix)>) -> Part {
        let form = |pieces: &[&str], without: Option<Affix>| {
            // Piece by piece: where two words meet, no two letters become one sound.
            let mut symbols = Vec::with_capacity(12);
            pieces.iter().for_each(|p| letters::symbols(p, &mut symbols));
            Form { symbols, without }
        };
        let mut forms = vec![form(pieces, None)];
        forms.extend(bare.map(|(word, affix)| form(&[word], Some(affix))));
        Part { text: pieces.concat(), forms }
    }

    /// Tells whether only the first letter is written.
    pub(crate) fn is_initial(&self) -> bool {
        self.text.chars().count() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small picture: parts, and behind a stroke what a part may be without its affix.
    fn shown(name: &str) -> String {
        let one = |p: &Part| match p.forms.get(1) {
            None => p.text.clone(),
            Some(f) => format!("{}|{}", p.text, f.symbols.iter().map(|s| letters::SYMBOLS[usize::from(*s)]).collect::<String>()),
        };
        parts(name).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_written_apart_or_together_comes_to_the_same() {
        for (apart, together) in [
            ("Abd al-Rahman", "Abderrahman"),
            ("Abdul Rahman", "Abdurrahman"),
            ("عبد الرحمن", "عبدالرحمن"),
            ("Abd Allah", "Abdullah"),
            ("عبد الله", "عبدالله"),
            ("Abd el Aziz", "Abdelaziz"),
        ] {
            assert_eq!(shown(apart), shown(together));
        }
        assert_eq!(shown("Ben Youssef"), "benyoussef|^yousef");
        assert_eq!(shown("Abou Bakr"), "boubakr|bakr");
        assert_eq!(shown("Nour Eddine"), "nourdin");
        assert_eq!(shown("نصر الله"), "نصراله");
        assert_eq!(shown("Fath Allah"), "fathallah");
    }

    #[test]
    fn articles_and_particles_fall_and_doubtful_ones_stay_beside() {
        assert_eq!(shown("Mohamed El-Khadir ech-Chami"), "mohamed khadir chami");
        assert_eq!(shown("الخضر"), "الخضر|خضر");
        assert_eq!(shown("Elharrak Ennaji Elias"), "elharrak|harak ennaji|naji$ elias");
        assert_eq!(shown("Juan de la Cruz y Vega"), "juan cruz vega");
        assert_eq!(shown("Mohamed Ould Ahmed"), "mohamed ahmed");
        assert_eq!(shown("Ben"), "ben");
        assert_eq!(shown("De"), "de");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn long_and_strange_names_are_bounded() {
        assert_eq!(parts(&"Ana Eva Ida Ola Uma Ava Ela Ira Osa Ula ".repeat(50)).len(), PARTS_MAX);
        assert_eq!(parts(&"ش".repeat(10_000))[0].forms[0].symbols.len(), letters::WORD_MAX);
    }
}
