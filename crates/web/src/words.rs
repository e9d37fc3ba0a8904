//! The desk's words in six languages: `locales/desk.toml`, `locales/register.toml` for register and communiqués, `locales/ask.toml` for hit/no-hit, one entry a sentence, and which form a number takes in which language.
//!
//! `t` gives a sentence, `fill` puts names into it, `many` chooses the form by a number (Unicode CLDR plural rules). Tests hold the file
//! against the sources: a key without words, words without a key, a language without its forms, or a lost `{name}` fails.

use crate::view::{Plural, number, plural};
use base::{Labels, Lang, Vocabulary};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXTS: [&str; 3] = [include_str!("../locales/desk.toml"), include_str!("../locales/register.toml"), include_str!("../locales/ask.toml")];

/// What a key says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    /// One sentence a language.
    Plain(Labels),
    /// A form for each way of counting.
    Counted(BTreeMap<Lang, BTreeMap<String, String>>),
}

static ALL: LazyLock<BTreeMap<String, Said>> = LazyLock::new(|| toml::from_str(&TEXTS.concat()).unwrap_or_else(|e| panic!("locales: {e}")));

/// Returns the words of a key.
///
/// # Panics
///
/// Panics where the key has none, which a test finds.
pub fn t(lang: Lang, key: &str) -> &'static str {
    match ALL.get(key) {
        Some(Said::Plain(labels)) => labels.get(lang),
        _ => panic!("the locales have no sentence '{key}'"),
    }
}

/// Returns the words of a key with values in the places that bear their names.
pub fn fill(lang: Lang, key: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(t(lang, key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// Sets somebody's name apart where no element can: in an attribute, an option, or within a sentence (first strong isolate, UAX #9).
pub fn apart(name: &str) -> String {
    format!("\u{2068}{name}\u{2069}")
}

/// Returns the words of a key in the form that a number takes, the number in the place `{n}`.
///
/// # Panics
///
/// Panics where the key has no forms, which a test finds.
pub fn many(lang: Lang, key: &str, n: usize) -> String {
    let Some(Said::Counted(forms)) = ALL.get(key) else { panic!("the locales count no '{key}'") };
    forms[&lang][form(lang, n)].replace("{n}", &number(lang, n as i64))
}

/// Returns the name of the form that a whole number takes.
fn form(lang: Lang, n: usize) -> &'static str {
    match plural(lang, n as u64) {
        Plural::Zero => "zero",
        Plural::One => "one",
        Plural::Two => "two",
        Plural::Few => "few",
        Plural::Many => "many",
        Plural::Other => "other",
    }
}

/// Returns the direction in which a language is written.
pub fn direction(lang: Lang) -> &'static str {
    if lang == Lang::Ar { "rtl" } else { "ltr" }
}

/// Returns the label of a vocabulary's code; a code of a partner's newer program keeps its name.
pub fn coded<'a>(lang: Lang, vocabulary: &str, code: &'a str) -> &'a str {
    Vocabulary::get(vocabulary).and_then(|v| v.entry(code)).map_or(code, |e| e.label.get(lang))
}

/// Returns the name of an officer's role.
pub fn role(lang: Lang, role: dossier::OfficerRole) -> &'static str {
    use dossier::OfficerRole::*;
    match role {
        Officer => t(lang, "role.officer"),
        Desk => t(lang, "role.desk"),
        Supervisor => t(lang, "role.supervisor"),
        CompetentAuthority => t(lang, "role.competent-authority"),
        DataProtection => t(lang, "role.data-protection"),
        Administrator => t(lang, "role.administrator"),
    }
}

/// Returns a language's own name for itself.
pub fn own_name(lang: Lang) -> &'static str {
    match lang {
        Lang::Ar => "العربية",
        Lang::Fr => "Français",
        Lang::Es => "Español",
        Lang::En => "English",
        Lang::De => "Deutsch",
        Lang::Pt => "Português",
    }
}

/// Returns the own name of the language with a code; a code of another language stays as it is.
pub fn language(code: &str) -> &str {
    code.parse::<Lang>().map_or(code, |l| own_name(l))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    const FORMS: [(Lang, &[&str]); 6] = [
        (Lang::Ar, &["few", "many", "one", "other", "two", "zero"]),
        (Lang::Fr, &["one", "other"]),
        (Lang::Es, &["one", "other"]),
        (Lang::En, &["one", "other"]),
        (Lang::De, &["one", "other"]),
        (Lang::Pt, &["one", "other"]),
    ];

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
    }

    #[test]
    fn every_sentence_stands_in_every_language_with_its_places() {
        let mut faults = Vec::new();
        for (key, said) in ALL.iter() {
            match said {
                Said::Plain(labels) => {
                    faults.extend(labels.blank().iter().map(|l| format!("{key}: blank in {l}")));
                    let wanted = places(labels.get(Lang::En));
                    faults.extend(Lang::ALL.iter().filter(|l| places(labels.get(**l)) != wanted).map(|l| format!("{key}: other places in {l}")));
                }
                Said::Counted(by_lang) => {
                    for (lang, wanted) in FORMS {
                        let has: Vec<&str> = by_lang.get(&lang).into_iter().flat_map(|f| f.keys()).map(String::as_str).collect();
                        if has != wanted || by_lang[&lang].values().any(|v| v.trim().is_empty()) {
                            faults.push(format!("{key}: {lang} has the forms {has:?}"));
                        }
                    }
                }
            }
        }
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn keys_and_words_are_the_same() {
        let mut sources = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        let mut used: BTreeSet<String> = BTreeSet::new();
        while let Some(at) = sources.pop() {
            for entry in std::fs::read_dir(at).unwrap().map(|e| e.unwrap().path()) {
                if entry.is_dir() {
                    sources.push(entry);
                } else if entry.extension().is_some_and(|e| e == "rs") {
                    let text = std::fs::read_to_string(&entry).unwrap();
                    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                    used.extend(code.split('"').filter(|s| ALL.contains_key(*s)).map(str::to_owned));
                    for call in ["t(lang, \"", "t(seat.lang, \"", "many(lang, \"", "fill(lang, \"", "many(seat.lang, \"", "fill(seat.lang, \""] {
                        used.extend(code.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
                    }
                }
            }
        }
        let known: BTreeSet<String> = ALL.keys().cloned().collect();
        assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "keys without words");
        assert_eq!(known.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "words without a key");
    }
}
