//! What is done about a run that says nothing any more: each program that it started is told with what its threads wait for and
//! the end of its log, then the programs at the ends of the tree are killed, so that whoever waits for them goes on and says so.
//! Read from /proc (proc(5)); where there is none, the run itself is killed.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Lines of a program's log that are shown.
const LOG_LINES: usize = 30;

/// One running program below another.
struct Running {
    pid: u32,
    parent: u32,
}

/// Shows what runs below a process and kills the ends of it; the process itself where nothing runs below.
pub fn break_up(root: u32) {
    let below = below(root);
    println!("\nNO WORD for a long time; what runs, and what it waits for:");
    below.iter().for_each(|r| show(r.pid));
    let ends: Vec<u32> = below.iter().map(|r| r.pid).filter(|pid| below.iter().all(|r| r.parent != *pid)).collect();
    for pid in if ends.is_empty() { vec![root] } else { ends } {
        println!("killing {pid}");
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status(); // it may have ended by now
    }
}

/// Returns all that a process started and that runs, near ones first.
fn below(root: u32) -> Vec<Running> {
    let all: Vec<Running> = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|e| running(&e.path())).collect();
    let mut found: Vec<Running> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for r in all.iter().filter(|r| r.parent == parent) {
            parents.push(r.pid);
            found.push(Running { pid: r.pid, parent });
        }
    }
    found
}

fn running(dir: &Path) -> Option<Running> {
    let pid = dir.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(dir.join("stat")).ok()?;
    // The name is in brackets and may hold anything; state and parent follow it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
    (state != "Z").then_some(Running { pid, parent })
}

fn show(pid: u32) {
    let dir = Path::new("/proc").join(pid.to_string());
    let words = fs::read(dir.join("cmdline")).unwrap_or_default();
    println!("- {pid}: {}", String::from_utf8_lossy(&words).replace('\0', " "));
    for thread in fs::read_dir(dir.join("task")).into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        let state = read("stat").rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned)).unwrap_or_default();
        println!("    {:<16} {state} {:<24} {}", read("comm").trim(), read("wchan").trim(), read("syscall").trim());
    }
    // A program under test writes its log to a file; what goes to a pipe or a terminal was seen or is somebody else's.
    let log = fs::read_link(dir.join("fd/2")).ok().filter(|to| to.is_file()).and_then(|to| fs::read_to_string(to).ok()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].iter().for_each(|line| println!("    | {line}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn the_ends_of_the_tree_are_killed_and_who_waits_goes_on() {
        if !Path::new("/proc/self/stat").exists() {
            println!("NOT CHECKED: runs that say nothing: there is no /proc");
            return;
        }
        let mut shell = Command::new("sh").args(["-c", "sleep 600; exit 7"]).spawn().unwrap();
        let began = Instant::now();
        while below(shell.id()).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        break_up(shell.id());
        assert_eq!(shell.wait().unwrap().code(), Some(7), "the shell itself was left alone");
    }
}
