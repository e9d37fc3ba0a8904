//! Planted faults: patches that break the product in one place each, and the demand that the simulator finds every one.
//!
//! A patch is a unified diff whose head says in one line what it breaks. It is applied to a copy of the sources beside the build;
//! a copied file is written only where it differs, so that from one patch to the next little is compiled anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seeds that are tried before a planted fault counts as not found.
pub const SEEDS_MAX: u64 = 200;

/// One planted fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// The file's name without its ending.
    pub name: String,
    /// What it breaks, in one line.
    pub breaks: String,
    diff: String,
}

/// How the search for a planted fault ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The seed that found it.
    pub seed: u64,
    /// The invariant that broke.
    pub invariant: String,
    /// What was seen.
    pub what: String,
}

/// Returns the folder of the workspace from which this program was built.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads all planted faults, by name.
pub fn all() -> Result<Vec<Planted>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted");
    let mut out = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_some_and(|e| e == "patch") {
            let diff = fs::read_to_string(&path).map_err(|e| e.to_string())?;
            let breaks = diff.lines().next().unwrap_or_default().to_owned();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            out.push(Planted { name, breaks, diff });
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

impl Planted {
    /// Returns the files that it changes with their new text, read from a tree; refuses where a place is not there or not alone.
    pub fn applied(&self, tree: &Path) -> Result<Vec<(PathBuf, String)>, String> {
        let mut out: Vec<(PathBuf, String)> = Vec::new();
        let (mut old, mut new) = (String::new(), String::new());
        for line in self.diff.lines().chain(["@@"]) {
            if line.starts_with("@@") || line.starts_with("diff ") {
                if !old.is_empty() {
                    let (path, text) = out.last_mut().ok_or("a change without a file")?;
                    if text.matches(&old).count() != 1 {
                        return Err(format!("{}: its place in {} is gone or not alone:\n{old}", self.name, path.display()));
                    }
                    *text = text.replacen(&old, &new, 1);
                }
                (old, new) = (String::new(), String::new());
            } else if let Some(path) = line.strip_prefix("+++ b/") {
                let path = PathBuf::from(path);
                let text = fs::read_to_string(tree.join(&path)).map_err(|e| format!("{}: {}: {e}", self.name, path.display()))?;
                out.push((path, text));
            } else if out.is_empty() || line.starts_with("---") || line.starts_with("index ") {
                continue;
            } else if let Some(kept) = line.strip_prefix(' ') {
                old += &format!("{kept}\n");
                new += &format!("{kept}\n");
            } else if let Some(gone) = line.strip_prefix('-') {
                old += &format!("{gone}\n");
            } else if let Some(come) = line.strip_prefix('+') {
                new += &format!("{come}\n");
            } else if line.is_empty() {
                old.push('\n');
                new.push('\n');
            }
        }
        Ok(out)
    }

    /// Builds the simulator with this fault in a scratch copy and looks for it; none where it is not found.
    pub fn search(&self) -> Result<Option<Found>, String> {
        let (root, scratch) = (workspace(), workspace().join("target/planted"));
        let tree = scratch.join("tree");
        for part in ["crates", "xtask", "Cargo.toml", "Cargo.lock", ".cargo"] {
            mirror(&root.join(part), &tree.join(part))?;
        }
        for (path, text) in self.applied(&root)? {
            write(&tree.join(path), text.as_bytes())?;
        }
        let target = scratch.join("build");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "entente-sim"])
            .current_dir(&tree)
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", "--cap-lints allow")
            .status();
        if !built.map_err(|e| e.to_string())?.success() {
            return Err(format!("{} does not build", self.name));
        }
        let run = Command::new(target.join("debug/entente-sim")).args(["--first", "--seeds", &SEEDS_MAX.to_string()]).output().map_err(|e| e.to_string())?;
        let text = String::from_utf8_lossy(&run.stdout);
        let last: serde_json::Value = text.lines().last().and_then(|l| serde_json::from_str(l).ok()).ok_or(format!("{} ended without a word", self.name))?;
        let found = &last["broken"][0];
        let word = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        Ok(found["seed"].as_u64().map(|seed| Found { seed, invariant: word("invariant"), what: word("what") }))
    }
}

/// Makes a copy like its original: files that are alike are left alone, files that are gone are removed.
fn mirror(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", from.display());
    if from.is_file() {
        return write(to, &fs::read(from).map_err(failed)?);
    }
    fs::create_dir_all(to).map_err(failed)?;
    let names =
        |p: &Path| -> Result<Vec<std::ffi::OsString>, String> { fs::read_dir(p).map_err(failed)?.map(|e| e.map(|e| e.file_name()).map_err(failed)).collect() };
    let here = names(from)?;
    for gone in names(to)?.into_iter().filter(|n| !here.contains(n)) {
        let path = to.join(gone);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.map_err(failed)?;
    }
    here.iter().try_for_each(|name| mirror(&from.join(name), &to.join(name)))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|held| held == bytes) {
        return Ok(());
    }
    path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes)).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_fault_still_has_its_place() {
        let all = all().unwrap();
        assert!(all.len() >= 10, "only {} are planted", all.len());
        for planted in &all {
            let changed = planted.applied(&workspace()).unwrap_or_else(|e| panic!("{e}"));
            assert!(!changed.is_empty() && !planted.breaks.is_empty(), "{} changes nothing", planted.name);
            for (path, text) in changed {
                assert_ne!(text, fs::read_to_string(workspace().join(&path)).unwrap(), "{}", planted.name);
            }
        }
    }

    #[test]
    fn a_place_that_is_gone_is_named() {
        let diff = "breaks nothing\n--- a/Cargo.toml\n+++ b/Cargo.toml\n@@ -1 +1 @@\n-this line is in no manifest\n+neither is this\n";
        let planted = Planted { name: "made-up".to_owned(), breaks: String::new(), diff: diff.to_owned() };
        assert!(planted.applied(&workspace()).unwrap_err().contains("is gone or not alone"));
    }
}
