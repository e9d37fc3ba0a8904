//! Words of views in the reader's language, from `locales/view.toml`, which is part of the program.

use base::{Labels, Lang};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static ALL: LazyLock<BTreeMap<String, Labels>> =
    LazyLock::new(|| toml::from_str(include_str!("../../locales/view.toml")).unwrap_or_else(|e| panic!("locales/view.toml: {e}")));

/// Returns a word of a view; a key that nobody wrote down is the programmer's fault and is shown as it is.
pub fn word(lang: Lang, key: &str) -> &str {
    ALL.get(key).map_or(key, |l| l.get(lang))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_whole_and_used() {
        let blank: Vec<_> = ALL.iter().filter(|(_, l)| !l.blank().is_empty()).collect();
        assert!(blank.is_empty(), "{blank:?}");
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view");
        let sources: String = std::fs::read_dir(dir)
            .unwrap()
            .map(|f| f.unwrap().path())
            .filter(|p| !p.ends_with("words.rs"))
            .map(|p| std::fs::read_to_string(p).unwrap())
            .collect();
        let unused: Vec<_> = ALL.keys().filter(|k| !sources.contains(&format!("\"{k}\""))).collect();
        assert!(unused.is_empty(), "{unused:?}");
        let heads = sources.split(".heads(&[").skip(1).filter_map(|s| s.split(']').next()).flat_map(|s| s.split('"').skip(1).step_by(2));
        let asked = sources.split("word(\"").skip(1).filter_map(|s| s.split('"').next()).chain(heads);
        let lacking: Vec<_> = asked.filter(|k| !ALL.contains_key(*k)).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
    }
}
