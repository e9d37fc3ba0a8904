//! `docs/mechanisms/COVERAGE.md` names a story for each path and pitfall; every one of them exists, as a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Gathers the names of functions that follow a `#[test]` line, in all Rust files below a directory.
fn tests_below(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let named = lines.windows(2).filter(|w| w[0] == "#[test]").filter_map(|w| w[1].strip_prefix("fn ")?.split('(').next());
            found.extend(named.map(str::to_owned));
        }
    }
}

#[test]
fn every_story_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tests = BTreeSet::new();
    for krate in ["base", "dossier", "node"] {
        for part in ["src", "tests"] {
            let dir = root.join("crates").join(krate).join(part);
            if dir.is_dir() {
                tests_below(&dir, &mut tests);
            }
        }
    }
    let page = fs::read_to_string(root.join("docs/mechanisms/COVERAGE.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|l| l.starts_with("| ") && l.contains('`')).collect();
    let named: Vec<&str> = rows.iter().filter_map(|l| l.rsplit('`').nth(1)).collect();
    assert!(named.len() == rows.len() && named.len() > 80, "each row names a story: {}", named.len());
    let absent: Vec<&&str> = named.iter().filter(|n| !tests.contains(**n)).collect();
    assert!(absent.is_empty(), "named, and not there: {absent:?}");
    let sections = page.lines().filter(|l| l.starts_with("## 3.")).count();
    assert_eq!(sections, 10, "each mechanism of the field has its section");
}
