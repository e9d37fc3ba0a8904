//! The demonstration's voice: what happens, who does it, and every check aloud. Plain text, or one JSON object a line.

use super::DemoError;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Tells the story and counts its checks.
pub struct Voice {
    json: bool,
    colour: bool,
    began: Instant,
    checks: Cell<usize>,
    aside: Option<RefCell<Vec<String>>>,
}

impl Voice {
    /// Speaks JSON to machines; to people in colour where standard output is a terminal (and NO_COLOR is not set).
    pub fn new(json: bool) -> Voice {
        let colour = !json && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Voice { json, colour, began: Instant::now(), checks: Cell::new(0), aside: None }
    }

    /// Begins a voice that keeps its lines until they are told, for what happens at the same time as something else.
    pub fn aside(&self) -> Voice {
        Voice { json: self.json, colour: self.colour, began: self.began, checks: Cell::new(0), aside: Some(RefCell::default()) }
    }

    /// Tells what another voice has kept, and counts its checks.
    pub fn tells(&self, aside: &Voice) {
        for line in aside.aside.iter().flat_map(RefCell::take) {
            self.write(&line);
        }
        self.checks.set(self.checks.get() + aside.checks.take());
    }

    /// Begins a chapter.
    pub fn chapter(&self, title: &str) {
        self.line(json!({ "chapter": title }), &format!("\n{}", self.paint("1", title)));
    }

    /// Tells what a service does, or what comes to it.
    pub fn says(&self, code: &str, what: &str) {
        let colour = match code {
            "ma" => "31",
            "es" => "33",
            "de" => "36",
            "pt" => "32",
            _ => "0",
        };
        self.line(json!({ "service": code, "says": what }), &format!("  {} {what}", self.paint(colour, &format!("{code:<3}"))));
    }

    /// Shows something that belongs to the line before.
    pub fn shows(&self, what: &str) {
        self.line(json!({ "shows": what }), &format!("      {}", self.paint("2", what)));
    }

    /// Hands machines a whole value, where people were shown lines.
    pub fn hands(&self, value: &Value) {
        if self.json {
            self.write(&value.to_string());
        }
    }

    /// Says that something holds, or stops the demonstration with the check's name.
    pub fn check(&self, name: &str, holds: bool, found: impl FnOnce() -> String) -> Result<(), DemoError> {
        if !holds {
            return Err(DemoError::Check { name: name.to_owned(), found: found() });
        }
        self.checks.set(self.checks.get() + 1);
        self.line(json!({ "check": name, "holds": true }), &format!("      {} {name}", self.paint("32", "✓")));
        Ok(())
    }

    /// Checks that two values are the same.
    pub fn same<T: PartialEq + Debug + ?Sized>(&self, name: &str, found: &T, wanted: &T) -> Result<(), DemoError> {
        self.check(name, found == wanted, || format!("{found:?} where {wanted:?} belongs"))
    }

    /// Returns how many checks held.
    pub fn checks(&self) -> usize {
        self.checks.get()
    }

    /// Returns the seconds since the beginning.
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&self, machine: Value, people: &str) {
        if self.json { self.write(&machine.to_string()) } else { self.write(people) }
    }

    fn write(&self, line: &str) {
        if let Some(kept) = &self.aside {
            return kept.borrow_mut().push(line.to_owned());
        }
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush()); // a reader that went away does not stop the nodes' story
    }
}
