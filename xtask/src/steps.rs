//! The steps: what each runs and when it counts as passed.

use crate::needs::{self, Tool};
use crate::run::{Ended, cargo, program, read, shown, watched};
use crate::{files, house, law};

/// One step.
pub struct Step {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub what: &'static str,
    /// Whether `cargo xtask test` runs it; what is not run there is part of a step that is.
    pub in_test: bool,
    /// Runs it.
    pub run: fn() -> Result<Ended, String>,
}

/// All steps in the order in which they are run: the fast ones first.
pub const STEPS: &[Step] = &[
    Step { name: "needs", what: "install what the other steps call", in_test: true, run: || needs::install().map(Ended::Passed) },
    Step { name: "graph", what: "crates import downwards only; pure crates are pure; no traces of a machine", in_test: true, run: graph },
    Step { name: "fmt", what: "cargo fmt --all --check", in_test: true, run: fmt },
    Step { name: "clippy", what: "cargo clippy, warnings are errors", in_test: true, run: clippy },
    Step { name: "unit", what: "cargo test --workspace --locked", in_test: true, run: || tested(&["--workspace"]) },
    Step { name: "vectors", what: "published vectors are what the code writes", in_test: false, run: || tested(&["--workspace", "vectors"]) },
    Step { name: "provider", what: "signing in by an identity provider: the build feature that is off by default", in_test: true, run: || tested(PROVIDER) },
    Step { name: "deny", what: "licences, sources, bans and advisories of all dependencies", in_test: true, run: deny },
];

/// Finds a step.
pub fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|s| s.name == name)
}

fn graph() -> Result<Ended, String> {
    let house = house::read()?;
    let mut faults = law::faults(&house);
    faults.extend(files::faults(&house)?);
    let arrows: usize = house.iter().map(|c| c.imports.iter().filter(|i| i.ours).count()).sum();
    match faults[..] {
        [] => Ok(Ended::Passed(format!("{} crates, {arrows} arrows", house.len()))),
        _ => Err(format!("{} faults\n   {}", faults.len(), faults.join("\n   "))),
    }
}

fn fmt() -> Result<Ended, String> {
    shown(cargo(["fmt", "--all", "--check"])).map(|()| Ended::Passed(String::new())).map_err(|e| format!("{e}; 'cargo fmt --all' mends it"))
}

fn clippy() -> Result<Ended, String> {
    let args = ["clippy", "--workspace", "--all-targets", "--features", "entente/oidc", "--locked", "--"];
    // A newer compiler brings new lints, which are no reason why a sound checkout should fail on somebody's fresh machine.
    let newer = needs::compiler() > house::rust_version()?;
    let lints: &[&str] = if newer { &["--cap-lints", "warn"] } else { &["-D", "warnings"] };
    shown(cargo(args.iter().chain(lints)))?;
    Ok(match newer {
        true => Ended::NotChecked("that warnings are none: this compiler is newer than the project's, its new lints are only shown".to_owned()),
        false => Ended::Passed(String::new()),
    })
}

/// The tests of what only a build feature brings.
const PROVIDER: &[&str] = &["-p", "entente", "-p", "entente-transport", "--features", "entente/oidc", "--", "provider", "oidc", "asking"];

/// With these words a test says what it could not check on this machine.
const NOT_CHECKED: &str = "NOT CHECKED: ";

/// Runs the tests that `cargo test` picks by these words.
fn tested(words: &[&str]) -> Result<Ended, String> {
    let mut sum = Sum::default();
    let args = ["test", "--locked"].iter().chain(words);
    let mut skipped: Vec<String> = Vec::new();
    let outcome = watched(cargo(args), |line| {
        sum.add(line);
        skipped.extend(line.split_once(NOT_CHECKED).map(|(_, what)| what.trim().to_owned()));
    });
    let note = sum.in_words();
    match outcome {
        Ok(()) if sum.passed == 0 => Err("not one test was run".to_owned()),
        Ok(()) if skipped.is_empty() => Ok(Ended::Passed(note)),
        Ok(()) => Ok(Ended::NotChecked(format!("{note}\n      {}", skipped.join("\n      ")))),
        Err(e) => Err(format!("{note}; {e}")),
    }
}

/// What the closing lines of all test runs add up to.
#[derive(Default)]
struct Sum {
    runs: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Sum {
    /// Takes one line of output; only closing lines count.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let count = |word: &str| {
            let before = counts.split([';', '.']).map(str::trim).find_map(|part| part.strip_suffix(word))?;
            before.trim().rsplit(' ').next()?.parse::<u64>().ok()
        };
        self.runs += 1;
        self.passed += count(" passed").unwrap_or(0);
        self.failed += count(" failed").unwrap_or(0);
        self.ignored += count(" ignored").unwrap_or(0);
    }

    fn in_words(&self) -> String {
        format!("{} tests passed, {} failed, {} ignored in {} runs", self.passed, self.failed, self.ignored, self.runs)
    }
}

fn deny() -> Result<Ended, String> {
    let tool = match needs::cargo_deny()? {
        Tool::Here(tool) => tool,
        Tool::NoRegistry => {
            return Ok(Ended::NotChecked("LICENCES, BANS, SOURCES, ADVISORIES: crates.io cannot be reached, so cargo-deny cannot be installed".to_owned()));
        }
    };
    let call = |args: &[&str]| program(&tool, ["--locked"].iter().chain(args));
    shown(call(&["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    if let Err(why) = read(call(&["fetch", "db"])) {
        println!("{why}");
        return Ok(Ended::NotChecked("ADVISORIES: the database of RustSec cannot be had; licences, bans and sources are in order".to_owned()));
    }
    shown(call(&["check", "--disable-fetch", "advisories"]))?;
    Ok(Ended::Passed("licences, bans, sources, advisories".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up_and_nothing_else() {
        let mut sum = Sum::default();
        for line in [
            "running 3 tests",
            "test a::b ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
            "test result: FAILED. 40 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s",
        ] {
            sum.add(line);
        }
        assert_eq!(sum.in_words(), "43 tests passed, 2 failed, 1 ignored in 2 runs");
    }

    #[test]
    fn what_test_leaves_out_is_part_of_unit() {
        let left_out: Vec<&str> = STEPS.iter().filter(|s| !s.in_test).map(|s| s.name).collect();
        assert_eq!(left_out, ["vectors"], "a step that nobody runs checks nothing");
    }
}
