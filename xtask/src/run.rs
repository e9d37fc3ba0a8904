//! Runs steps one after another and says how each ended and how long it took.

use crate::silence;
use crate::steps::Step;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a run may say nothing: longer than a slow machine compiles, and than the longest test takes.
const SILENCE_MAX: Duration = Duration::from_secs(20 * 60);
/// How long it then has to end, until more of it is killed.
const SILENCE_AFTER: Duration = Duration::from_secs(2 * 60);

/// How a step ended that did not fail.
pub enum Ended {
    /// Everything was checked; the note says how much.
    Passed(String),
    /// Something could not be checked; the note says what and why.
    NotChecked(String),
}

/// Runs steps up to the first that fails; tells whether none did.
pub fn all(steps: &[&Step]) -> bool {
    let begun = Instant::now();
    let mut table = Vec::new();
    let mut failed = false;
    for (n, step) in steps.iter().enumerate() {
        if failed {
            table.push(format!("{:<8} not run", step.name));
            continue;
        }
        say(&format!("{}/{} {}: {}", n + 1, steps.len(), step.name, step.what));
        let at = Instant::now();
        let ended = (step.run)();
        let (word, note) = match ended {
            Ok(Ended::Passed(note)) => ("passed", note),
            Ok(Ended::NotChecked(note)) => ("PASSED IN PART, NOT CHECKED", note),
            Err(note) => {
                failed = true;
                ("FAILED", note)
            }
        };
        let row = format!("{:<8} {word} in {}{}{note}", step.name, seconds(at.elapsed()), if note.is_empty() { "" } else { ": " });
        say(&row);
        table.push(row);
    }
    if steps.len() > 1 {
        say(&format!("{} in {}", if failed { "FAILED" } else { "all steps done" }, seconds(begun.elapsed())));
        table.iter().for_each(|row| println!("   {row}"));
    }
    !failed
}

fn say(line: &str) {
    println!("\n== {line}");
    let _ = std::io::stdout().flush(); // output of the programs that we start must not overtake it
}

fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 60.0 { format!("{s:.1} s") } else { format!("{} min {:02} s", s as u64 / 60, s as u64 % 60) }
}

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    // Cargo sets it for programs that it runs, tests included.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    here.and_then(|p| p.parent().map(Path::to_owned)).expect("run as 'cargo xtask'")
}

/// Returns a call of the cargo that runs us, in the workspace.
pub fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// Returns a call of a program in the workspace.
pub fn program<A: AsRef<OsStr>>(name: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    // Golden files are compared here and written by hand only.
    for name in ["UPDATE_EXPECT", "UPDATE_VECTORS"] {
        command.env_remove(name);
    }
    command
}

/// Runs a program with its output shown; an exit code other than 0 is a failure.
pub fn shown(mut command: Command) -> Result<(), String> {
    let text = in_words(&command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("'{text}' ended with {status}")),
        Err(e) => Err(format!("'{text}' could not be started: {e}")),
    }
}

/// Runs a program and hands each line that it writes to standard output to `see`, after showing it. One that says nothing for
/// [`SILENCE_MAX`] is broken up and has failed: a test that hangs is named and shown, and does not use up somebody's hour.
pub fn watched(command: Command, see: impl FnMut(&str)) -> Result<(), String> {
    watched_for(command, SILENCE_MAX, see)
}

fn watched_for(mut command: Command, silence_max: Duration, mut see: impl FnMut(&str)) -> Result<(), String> {
    let text = in_words(&command);
    let broken = |e: std::io::Error| format!("'{text}' could not be run: {e}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(broken)?;
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (sender, lines) = channel();
    thread::spawn(move || out.split(b'\n').try_for_each(|line| sender.send(line)));
    let mut patience = silence_max;
    loop {
        match lines.recv_timeout(patience) {
            Ok(line) => {
                let line = line.map_err(broken)?;
                let line = String::from_utf8_lossy(&line);
                println!("{line}");
                see(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                silence::break_up(child.id());
                patience = SILENCE_AFTER;
            }
        }
    }
    let silent = patience != silence_max;
    match child.wait().map_err(broken)? {
        _ if silent => Err(format!("'{text}' said nothing for {} minutes; what hung is shown above", silence_max.as_secs() / 60)),
        status if status.success() => Ok(()),
        status => Err(format!("'{text}' ended with {status}")),
    }
}

/// Runs a program and returns what it writes to standard output.
pub fn read(mut command: Command) -> Result<String, String> {
    let text = in_words(&command);
    let out = command.output().map_err(|e| format!("'{text}' could not be started: {e}"))?;
    match out.status.success() {
        true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
        false => Err(format!("'{text}' ended with {}:\n{}", out.status, String::from_utf8_lossy(&out.stderr))),
    }
}

/// Tells whether a program runs and ends with 0; its output is thrown away.
pub fn works(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn in_words(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    std::iter::once(name).chain(command.get_args().map(OsStr::to_string_lossy)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_says_nothing_is_broken_up_and_has_failed() {
        let silent = |seconds: u32| program("sh", ["-c", &format!("echo one; sleep {seconds}; echo two")]);
        let run = |seconds, patience| {
            let mut seen = Vec::new();
            let ended = watched_for(silent(seconds), patience, |line| seen.push(line.to_owned()));
            (ended, seen)
        };
        let lines = ["one".to_owned(), "two".to_owned()].to_vec();
        assert_eq!(run(0, SILENCE_MAX), (Ok(()), lines.clone()));
        let (ended, seen) = run(600, Duration::from_secs(2));
        assert!(ended.unwrap_err().contains("said nothing"));
        assert_eq!(seen, lines, "what came after it was broken up is seen too");
    }
}
