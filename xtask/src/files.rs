//! Laws that stand in no crate graph: every crate inherits the lints, sources of a floor do not say what is absent from it, and no
//! file knows the machine that it was written on.

use crate::house::Crate;
use crate::law;
use crate::run::root;
use std::path::{Path, PathBuf};

/// What is no part of the project; in a second work tree `.git` is a file.
const NOT_OURS: &[&str] = &["target", ".git"];
/// Folders at the top of a machine in which people and build machines keep their checkouts.
const KEEPS: &[&str] = &["home", "Users", "root", "work", "workspace", "workspaces", "builds"];

/// The one crate that calls code for instructions found at run time, and the one file in which it may say so. Its lints stand in its
/// own manifest, because what the workspace forbids nothing below can allow.
const MAY_BE_UNSAFE: (&str, &str) = ("lanes", "door.rs");

/// Lists every breach in the files of the workspace, one line each.
pub fn faults(house: &[Crate]) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    for c in house {
        let manifest = text(&c.folder.join("Cargo.toml"))?;
        if c.name == MAY_BE_UNSAFE.0 {
            let elsewhere = |p: &PathBuf| !p.ends_with(MAY_BE_UNSAFE.1);
            for path in sources(&c.folder.join("src"))?.into_iter().filter(elsewhere) {
                out.extend(says(&text(&path)?, "unsafe").map(|line| format!("{}:{line} says unsafe, which one file alone may", shown(&path))));
            }
            if !manifest.contains("unsafe_code = \"deny\"") {
                out.push(format!("{} does not deny unsafe code", c.name));
            }
        } else if !inherits_lints(&manifest) {
            out.push(format!("{} does not inherit the workspace's lints: it lacks [lints] workspace = true", c.name));
        }
        for unsaid in law::place(&c.name).into_iter().flat_map(|p| p.unsaid).copied().flatten() {
            for path in sources(&c.folder.join("src"))? {
                out.extend(says(&text(&path)?, unsaid).map(|line| format!("{}:{line} says {unsaid}, which must be absent from {}", shown(&path), c.name)));
            }
        }
    }
    let keeps = keeps();
    for path in all(&root())? {
        let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", shown(&path)))?;
        out.extend(trace(&String::from_utf8_lossy(&bytes), &keeps).map(|line| format!("{}:{line} names a path of somebody's machine", shown(&path))));
    }
    Ok(out)
}

/// Returns the beginnings of paths that exist on one machine only, this checkout's own among them.
fn keeps() -> Vec<String> {
    let own = root().to_string_lossy().into_owned();
    // A checkout right under / has a name that may well be a word of a text.
    let own = (own.matches('/').count() > 1).then_some(own);
    KEEPS.iter().map(|k| format!("/{k}/")).chain(own).collect()
}

/// Returns the first line that names a path with one of these beginnings.
fn trace(text: &str, keeps: &[String]) -> Option<usize> {
    let begins = |line: &str, keep: &String| {
        let starts = |(at, _): (usize, &str)| {
            let inside = |c: char| c.is_alphanumeric() || "/._-})~".contains(c);
            !line[..at].ends_with(inside)
        };
        line.match_indices(keep.as_str()).any(starts)
    };
    text.lines().position(|line| keeps.iter().any(|k| begins(line, k))).map(|n| n + 1)
}

/// Tells whether a manifest inherits the lints of the workspace.
fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|l| *l != "[lints]").skip(1).take_while(|l| !l.starts_with('['));
    lines.any(|l| l.split_whitespace().collect::<String>() == "workspace=true")
}

/// Returns the first line, tests and comments aside, that holds a word.
fn says(source: &str, word: &str) -> Option<usize> {
    let mut in_test = false;
    for (n, line) in source.lines().enumerate() {
        in_test |= line.starts_with("#[cfg(test)]");
        if !in_test && !line.trim_start().starts_with("//") && line.contains(word) {
            return Some(n + 1);
        }
        // A test item ends with its own brace or semicolon in the first column.
        in_test &= !(line == "}" || (line.ends_with(';') && !line.starts_with(' ')));
    }
    None
}

/// Lists the sources of a crate; modules that exist in tests only are left out.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let lib = ["lib.rs", "main.rs"].iter().map(|f| folder.join(f)).find(|f| f.is_file());
    let lib = lib.map_or(Ok(String::new()), |f| text(&f))?;
    let lines: Vec<&str> = lib.lines().collect();
    let only_tests =
        lines.windows(2).filter(|w| w[0] == "#[cfg(test)]").filter_map(|w| w[1].trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let skipped: Vec<PathBuf> = only_tests.flat_map(|m| [folder.join(m), folder.join(format!("{m}.rs"))]).collect();
    let ours = |p: &PathBuf| p.extension().is_some_and(|e| e == "rs") && !skipped.iter().any(|s| p.starts_with(s));
    Ok(all(folder)?.into_iter().filter(ours).collect())
}

/// Lists all files below a folder, what is no part of the project left out.
fn all(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", shown(folder));
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        match (kind.is_dir(), entry.file_name().to_str()) {
            (_, Some(name)) if NOT_OURS.contains(&name) => {}
            (true, _) => out.extend(all(&entry.path())?),
            (false, _) if kind.is_file() => out.push(entry.path()),
            (false, _) => {}
        }
    }
    Ok(out)
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", shown(path)))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_workspace_obey() {
        assert_eq!(faults(&crate::house::read().unwrap()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_files_of_the_workspace_were_really_read() {
        let files: Vec<String> = all(&root()).unwrap().iter().map(|p| shown(p)).collect();
        assert!(["Cargo.toml", "xtask/src/files.rs", "crates/base/src/lib.rs", ".ci/run"].iter().all(|f| files.iter().any(|g| g == f)));
        assert!(!files.iter().any(|f| f.starts_with("target/") || f.starts_with(".git/")));
        let seal = sources(&root().join("crates/seal/src")).unwrap();
        assert!(seal.iter().any(|p| p.ends_with("parcel.rs")) && !seal.iter().any(|p| p.ends_with("wire.rs")));
    }

    #[test]
    fn a_path_of_a_machine_is_found() {
        let keeps: Vec<String> = ["home", "root", "work"].iter().map(|k| format!("/{k}/")).collect();
        // A stroke stands for the slash that matters, so that the made-up texts are no traces themselves.
        for (text, line) in [
            ("see\nPATH=|home/ana/entente", Some(2)),
            ("`|root/.cargo`", Some(1)),
            ("in (|work/main)", Some(1)),
            ("/var/lib/entente and https://node.example|home/desk", None),
            ("crates|work/main, ~|work/x, home/ana, |homely/", None),
        ] {
            assert_eq!(trace(&text.replace('|', "/"), &keeps), line, "{text}");
        }
    }

    #[test]
    fn lints_are_inherited_or_not() {
        assert!(inherits_lints("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n"));
        assert!(!inherits_lints("[package]\nedition.workspace = true\n\n[lints]\n\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints.rust]\nunsafe_code = \"forbid\"\n"));
    }

    #[test]
    fn what_a_floor_must_not_say_is_found_outside_tests_and_comments() {
        assert_eq!(says("use std::fs;\n", "std::fs"), Some(1));
        assert_eq!(says("//! No std::fs.\nfn a() {}\n    // nor std::fs\n\n#[cfg(test)]\nmod tests { use std::fs; }\n", "std::fs"), None);
        assert_eq!(says("fn a() {\n    std::fs::read(p)\n}\n", "std::fs"), Some(2));
        let after = "#[cfg(test)]\nmod vectors;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\nfn b() { std::fs::read(p) }\n";
        assert_eq!(says(after, "std::fs"), Some(7), "what stands behind the tests is no test");
    }
}
