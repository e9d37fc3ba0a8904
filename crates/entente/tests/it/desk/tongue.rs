//! A page speaks one language. Every word of its frame must be a word of that language's files: a word that is forgotten, left in another
//! language or written in the code stands out. What people wrote is left out: it is marked as theirs (`bdi`, `lang`, `code`).

use super::browser::Tab;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Letters that a word has at least to be looked at: shorter ones are codes and units.
const LETTERS_MIN: usize = 3;

/// Words that stand in the code: names, and what `view::format` writes as each language does (months, units, calendars).
const OWN: [&str; 7] = ["entente", "sha", "csv", "utc", "gmt", "hex", "json"];

/// The words of each language: all that its files, the mechanisms and the vocabularies say in it.
static WORDS: LazyLock<HashMap<String, HashSet<String>>> = LazyLock::new(|| {
    let mut words: HashMap<String, HashSet<String>> = HashMap::new();
    for dir in ["web/locales", "entente/locales", "base/vocabularies", "dossier/mechanisms"] {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(dir);
        let files: Vec<PathBuf> = std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|x| x == "toml")).collect();
        assert!(!files.is_empty(), "{}", at.display());
        for file in files {
            gather(&toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap(), None, &mut words);
        }
    }
    for lang in super::sight::LANGS {
        let code: base::Lang = lang.parse().unwrap();
        let mine = words.get_mut(lang).unwrap();
        for month in 1..=12 {
            mine.extend(split(&web::view::month(code, 2030, month)));
        }
        for day in 0..400 {
            let at = base::UnixMs(1_900_000_000_000).plus_ms(day * 86_400_000);
            let date = at.to_string()[..10].parse().unwrap();
            mine.extend(web::view::hijri_date(code, date).iter().flat_map(|d| split(d)));
        }
        for minutes in (0..130).chain((130..60 * 24 * 130).step_by(59)) {
            for due in [true, false] {
                mine.extend(split(&web::view::distance(code, base::UnixMs(0), base::UnixMs(minutes * 60_000), due)));
                mine.extend(split(&web::view::distance(code, base::UnixMs(minutes * 60_000), base::UnixMs(0), due)));
            }
            mine.extend(split(&web::view::length(code, minutes * 60_000)));
        }
        mine.extend(web::view::weekdays(code).iter().flat_map(|d| split(d)));
    }
    words
});

/// Collects texts under language codes, at any depth; forms of a plural lie one level deeper.
fn gather(value: &toml::Value, lang: Option<&str>, into: &mut HashMap<String, HashSet<String>>) {
    match value {
        toml::Value::Table(t) => {
            for (key, inner) in t {
                gather(inner, lang.or(super::sight::LANGS.into_iter().find(|l| l == key)), into);
            }
        }
        toml::Value::Array(all) => all.iter().for_each(|inner| gather(inner, lang, into)),
        toml::Value::String(text) => {
            if let Some(lang) = lang {
                into.entry(lang.to_owned()).or_default().extend(split(text));
            }
        }
        _ => {}
    }
}

/// Words of letters alone, in small letters.
fn split(text: &str) -> Vec<String> {
    let letters = |w: &&str| w.chars().count() >= LETTERS_MIN && w.chars().all(char::is_alphabetic);
    let joined = text.replace(['\u{64b}', '\u{64c}', '\u{64d}', '\u{64e}', '\u{64f}', '\u{650}', '\u{651}', '\u{652}'], "");
    joined.split(|c: char| !c.is_alphanumeric()).filter(letters).map(str::to_lowercase).collect()
}

/// Takes out what is set apart within a sentence by Unicode isolates (UAX #9): names, numbers, what somebody wrote.
fn ours(text: &str) -> String {
    let mut depth = 0;
    let keep = |c: &char| {
        match c {
            '\u{2066}'..='\u{2068}' => depth += 1,
            '\u{2069}' => depth -= 1,
            _ => return depth == 0,
        }
        false
    };
    text.chars().filter(keep).collect()
}

/// What a page says itself: text that is not marked as somebody's, and what is read aloud or shown in the place of text.
const SAID: &str = "(() => { \
    const said = [], mine = (e) => !e.closest('bdi, code, .said, noscript, script, style, [dir=auto], datalist') \
        && e.closest('[lang]') === document.documentElement; \
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); \
    while (walk.nextNode()) { const n = walk.currentNode; if (mine(n.parentElement)) said.push(n.data); } \
    for (const e of document.querySelectorAll('[aria-label], [placeholder], [title], [alt]')) \
        if (!e.closest('bdi, code, .said') && e.closest('[lang]') === document.documentElement) \
            for (const a of ['aria-label', 'placeholder', 'title', 'alt']) if (e.hasAttribute(a)) said.push(e.getAttribute(a)); \
    return said; })()";

/// Returns the words of a page's frame that are none of its language, each with the text in which it stands.
pub fn strays(tab: &Tab) -> Vec<(String, String)> {
    let lang = tab.js("document.documentElement.lang").as_str().unwrap().to_owned();
    let known = &WORDS[&lang];
    let said = tab.js(SAID);
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for text in said.as_array().unwrap().iter().filter_map(|t| t.as_str()) {
        for word in split(&ours(text)) {
            if !known.contains(&word) && !OWN.contains(&word.as_str()) && seen.insert(word.clone()) {
                out.push((word, text.trim().chars().take(120).collect()));
            }
        }
    }
    out
}

#[test]
fn a_language_knows_its_words_and_no_others() {
    for (lang, word, theirs) in
        [("fr", "demande", true), ("fr", "deadline", false), ("ar", "اتفاق", true), ("ar", "deadline", false), ("de", "frist", true), ("de", "the", false)]
    {
        assert_eq!(WORDS[lang].contains(word), theirs, "{lang} {word}");
    }
    assert_eq!(split("Bdi: l'état, 3 h; ES-12 x1 müssen"), ["bdi", "état", "müssen"]);
}
