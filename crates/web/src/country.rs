//! Countries as people type them: by name, in any of the six languages, or by the code of two letters (ISO 3166-1).
//!
//! Every form has the same field for a country: a line beside one list of names, which stands once on a page however many fields use it.
//! Browsers offer the list while one types; where one does not, or for who knows the code, typing is enough. What was typed is read here alone.

use crate::search::words;
use crate::words::coded;
use base::{Lang, Vocabulary};
use maud::{Markup, html};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Stable code of what is typed for a country and names none.
pub(crate) const UNKNOWN: &str = "refusal.desk.country";

/// The page's name of the list.
const LIST: &str = "countries";
/// Characters of a country that a form takes.
const CHARS_MAX: usize = 80;

/// Codes by every name, in the form in which names are compared.
static CODES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let entries = Vocabulary::get("countries").into_iter().flat_map(|v| &v.entries);
    let names = |e: &'static base::Entry| Lang::ALL.into_iter().map(|l| e.label.get(l)).chain([e.code.as_str()]).map(|n| (folded(n), e.code.as_str()));
    entries.flat_map(names).collect()
});

/// Without case, accents, vowel signs and punctuation.
fn folded(text: &str) -> String {
    words(text).into_iter().map(|w| w.folded).collect::<Vec<_>>().join(" ")
}

/// Returns the code of what was typed; none where no country is called so.
pub(crate) fn read(typed: &str) -> Option<&'static str> {
    CODES.get(&folded(typed)).copied()
}

/// Draws the names from which browsers offer; once a page that has a field of [`input`].
pub(crate) fn list(lang: Lang) -> Markup {
    let entries = Vocabulary::get("countries").into_iter().flat_map(|v| &v.entries);
    html! { datalist id=(LIST) { @for e in entries { option value=(e.label.get(lang)); } } }
}

/// Draws a field for a country. What was typed is shown by the country's name in the reader's language, and as it stands where it names none.
pub(crate) fn input(lang: Lang, name: &str, label: &str, typed: &str) -> Markup {
    let code = read(typed);
    let shown = code.map_or(typed, |c| coded(lang, "countries", c));
    let is_wrong = code.is_none() && !typed.trim().is_empty();
    html! {
        input type="text" name=(name) value=(shown) list=(LIST) dir="auto" maxlength=(CHARS_MAX) aria-label=(label) aria-invalid=[is_wrong.then_some("true")];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_name_and_by_code() {
        for typed in ["Espagne", "espagne ", "ESPAÑA", "Espana", "Spanien", "إسبانيا", "اسبانيا", "ES", "es"] {
            assert_eq!(read(typed), Some("ES"), "{typed}");
        }
        for typed in ["", " ", "Espagn", "E", "XX", "ESP", "Espagne, France"] {
            assert_eq!(read(typed), None, "{typed}");
        }
    }

    /// What one reader sees and another one sends back must be the same country, and no name may mean two.
    #[test]
    fn every_name_means_its_own_country() {
        let all = &Vocabulary::get("countries").unwrap().entries;
        for e in all {
            for name in Lang::ALL.into_iter().map(|l| e.label.get(l)).chain([e.code.as_str()]) {
                assert_eq!(read(name), Some(e.code.as_str()), "{name}");
                assert!(name.chars().count() < CHARS_MAX, "{name}");
            }
        }
    }

    #[test]
    fn a_field_shows_the_name_in_the_readers_language() {
        let drawn = |typed: &str| input(Lang::Fr, "c", "Pays", typed).into_string();
        assert!(drawn("Spanien").contains(r#"value="Espagne""#) && !drawn("es").contains("aria-invalid"));
        assert!(drawn("Atlantis").contains(r#"value="Atlantis""#) && drawn("Atlantis").contains(r#"aria-invalid="true""#));
        assert!(!drawn("").contains("aria-invalid"), "an empty field is no fault");
        assert!(list(Lang::Ar).into_string().contains("إسبانيا"));
    }
}
