//! The node's own lines of its log in the reader's language: `locales/log.toml`, found by their English words.

use base::{Labels, Lang};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Deserialize)]
struct File {
    said: Vec<Labels>,
}

static ALL: LazyLock<BTreeMap<String, Labels>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../locales/log.toml")).unwrap_or_else(|e| panic!("locales: {e}"));
    file.said.into_iter().map(|l| (l.get(Lang::En).to_owned(), l)).collect()
});

/// Returns what a line of the log says in a language; none for a line of a newer or older program.
pub(crate) fn logged(lang: Lang, what: &str) -> Option<&'static str> {
    ALL.get(what).map(|l| l.get(lang))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_line_that_the_program_writes_has_its_words() {
        let mut at: Vec<_> = ["node", "web", "entente"].iter().map(|c| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(c).join("src")).collect();
        let mut written: BTreeSet<String> = BTreeSet::new();
        while let Some(dir) = at.pop() {
            for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
                if path.is_dir() {
                    at.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for call in ["\"what\": \"", "hit_line(\"", "bare_desk(\""] {
                    written.extend(code.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
                }
            }
        }
        assert!(written.len() > 40, "{written:?}");
        let lacking: Vec<_> = written.iter().filter(|w| !ALL.contains_key(*w)).collect();
        assert_eq!(lacking, Vec::<&String>::new(), "lines without words in locales/log.toml");
        assert_eq!(logged(Lang::Fr, "officer added"), Some("fonctionnaire ajouté"));
        assert_eq!(logged(Lang::Fr, "something of a newer program"), None);
        assert!(ALL.values().all(|l| l.blank().is_empty()));
    }
}
