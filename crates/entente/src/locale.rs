//! The words of every stable error code in six languages, as pairs: what happened and whose doing, and what to do next.
//!
//! The pairs stand in `locales/errors.toml`, which is part of the program. Details of the case (names, numbers, places) are
//! not in them: whoever shows a pair prints the error's own text beside it.

use base::Labels;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const ERRORS: &str = include_str!("../locales/errors.toml");

/// What one error code says to people.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// What happened, and whose doing it is.
    pub what: Labels,
    /// What to do next.
    pub help: Labels,
}

static ALL: LazyLock<BTreeMap<String, Pair>> = LazyLock::new(|| toml::from_str(ERRORS).unwrap_or_else(|e| panic!("locales/errors.toml: {e}")));

/// Finds the pair of a stable error code; a code of a partner's newer program has none.
pub fn of(code: &str) -> Option<&'static Pair> {
    ALL.get(code)
}

/// Goes over all pairs by code, for whoever shows a whole list.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Pair)> {
    ALL.iter().map(|(code, pair)| (code.as_str(), pair))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Lang;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    /// How error codes begin: by blame, and the two checkers whose faults have codes of their own.
    const FAMILIES: [&str; 5] = ["refusal.", "peer.", "failure.", "mechanism.", "register.text."];

    #[test]
    fn every_pair_is_whole_and_in_order() {
        let gaps: Vec<String> = all()
            .flat_map(|(code, pair)| [("what", &pair.what), ("help", &pair.help)].map(|(part, labels)| (code, part, labels.blank())))
            .filter(|(_, _, blank)| !blank.is_empty())
            .map(|(code, part, blank)| format!("{code} {part}: {blank:?}"))
            .collect();
        assert!(gaps.is_empty(), "blank: {gaps:?}");
        let listed: Vec<&str> = ERRORS.lines().filter_map(|l| l.strip_prefix("[\"")?.strip_suffix("\"]")).collect();
        assert_eq!(listed, all().map(|(code, _)| code).collect::<Vec<_>>(), "the file lists each code once, sorted");
    }

    #[test]
    fn a_pair_is_found_by_its_code() {
        let (code, pair) = all().next().expect("there are pairs");
        assert_eq!(of(code), Some(pair));
        assert_eq!(of(&format!("{code}.newer")), None);
        let said: BTreeSet<&str> = Lang::ALL.into_iter().map(|l| pair.help.get(l)).collect();
        assert_eq!(said.len(), Lang::ALL.len(), "each language has its own words");
    }

    #[test]
    fn codes_and_pairs_are_the_same_in_number_and_name() {
        let mut found: BTreeSet<String> = BTreeSet::new();
        for path in sources() {
            found.extend(codes(&fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))));
        }
        let paired: BTreeSet<String> = all().map(|(code, _)| code.to_owned()).collect();
        let wordless: Vec<&String> = found.difference(&paired).collect();
        let unused: Vec<&String> = paired.difference(&found).collect();
        assert!(wordless.is_empty() && unused.is_empty(), "without a pair in locales/errors.toml: {wordless:?}; pairs of codes that no source has: {unused:?}");
    }

    #[test]
    fn the_scan_sees_codes_and_nothing_else() {
        let source = r#"a => "refusal.home", b => "peer.act.seen-gap" "refusal." "failure.Node" "note.form" 'x' "see peer.act.body"
"failure.node."
#[cfg(test)]
mod tests {
    "peer.only.tested""#;
        assert_eq!(codes(source).into_iter().collect::<Vec<_>>(), ["peer.act.seen-gap", "refusal.home"]);
    }

    /// Lists the Rust sources of all crates.
    fn sources() -> Vec<PathBuf> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let listed = |dir: &Path| -> Vec<PathBuf> {
            fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())).map(|entry| entry.unwrap().path()).collect()
        };
        let mut waiting: Vec<PathBuf> = listed(&crates).into_iter().map(|c| c.join("src")).filter(|src| src.is_dir()).collect();
        assert!(waiting.len() > 1, "the crates stand beside each other");
        let mut files = Vec::new();
        while let Some(dir) = waiting.pop() {
            let (dirs, others): (Vec<_>, Vec<_>) = listed(&dir).into_iter().partition(|p| p.is_dir());
            waiting.extend(dirs);
            files.extend(others.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs")));
        }
        files
    }

    /// Finds quoted codes; unit tests at the end of a file are left out, for they may make codes up.
    fn codes(source: &str) -> BTreeSet<String> {
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let is_code = |text: &&str| {
            let rest = FAMILIES.iter().find_map(|f| text.strip_prefix(f));
            rest.is_some_and(|r| !r.is_empty() && !r.ends_with('.')) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b))
        };
        // Every piece between two quotation marks is looked at: telling literals from what stands between them needs a parser.
        code.split('"').filter(is_code).map(str::to_owned).collect()
    }
}
