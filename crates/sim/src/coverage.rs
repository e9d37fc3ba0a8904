//! Coverage: which fault struck during which kind of step, how often, and what never did.

use crate::plan::{Fault, Kind};
use std::collections::BTreeMap;

/// What was met in one or many runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Steps by kind.
    pub steps: BTreeMap<Kind, u64>,
    /// Times that a fault was met, by fault and the kind of step in which it was.
    pub cells: BTreeMap<(Fault, Kind), u64>,
    /// Faults that were made.
    pub faults: u64,
    /// Acts that were made.
    pub acts: u64,
    /// Acts by mechanism and move or kind of item.
    pub deeds: BTreeMap<String, u64>,
}

impl Coverage {
    /// Counts a fault that struck.
    pub fn hit(&mut self, fault: Fault, kind: Kind) {
        self.faults += 1;
        self.met(fault, kind);
    }

    /// Counts a step that was made under a fault that was counted before: a wrong clock, a cut line.
    pub fn met(&mut self, fault: Fault, kind: Kind) {
        *self.cells.entry((fault, kind)).or_default() += 1;
    }

    /// Adds what another run met.
    pub fn add(&mut self, other: &Coverage) {
        other.steps.iter().for_each(|(k, n)| *self.steps.entry(*k).or_default() += n);
        other.cells.iter().for_each(|(k, n)| *self.cells.entry(*k).or_default() += n);
        other.deeds.iter().for_each(|(k, n)| *self.deeds.entry(k.clone()).or_default() += n);
        self.faults += other.faults;
        self.acts += other.acts;
    }

    /// Lists the cells that can be met and never were.
    pub fn missing(&self) -> Vec<(Fault, Kind)> {
        let all = Fault::ALL.iter().flat_map(|f| Kind::ALL.iter().map(move |k| (*f, *k)));
        all.filter(|(f, k)| f.can_strike(*k) && !self.cells.contains_key(&(*f, *k))).collect()
    }

    /// Draws the table; `-` stands where a fault cannot strike.
    pub fn table(&self) -> String {
        let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|k| !matches!(k, Kind::Wait | Kind::Lie)).collect();
        let mut out = format!("{:<28}", "fault \\ step");
        kinds.iter().for_each(|k| out += &format!("{:>11}", k.name()));
        out.push('\n');
        for f in Fault::ALL {
            out += &format!("{:<28}", f.name());
            for k in &kinds {
                let cell = match (f.can_strike(*k), self.cells.get(&(*f, *k))) {
                    (false, _) => "-".to_owned(),
                    (true, n) => n.copied().unwrap_or(0).to_string(),
                };
                out += &format!("{cell:>11}");
            }
            out.push('\n');
        }
        out
    }

    /// Writes it for another process to read.
    pub fn to_json(&self) -> serde_json::Value {
        let cells: Vec<_> = self.cells.iter().map(|((f, k), n)| serde_json::json!([f.name(), k.name(), n])).collect();
        let steps: Vec<_> = self.steps.iter().map(|(k, n)| serde_json::json!([k.name(), n])).collect();
        serde_json::json!({ "faults": self.faults, "acts": self.acts, "cells": cells, "steps": steps, "deeds": self.deeds })
    }

    /// Reads what `to_json` wrote.
    pub fn from_json(v: &serde_json::Value) -> Option<Coverage> {
        let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
        let mut out = Coverage { faults: v["faults"].as_u64()?, acts: v["acts"].as_u64()?, ..Coverage::default() };
        for c in v["cells"].as_array()? {
            out.cells.insert((Fault::named(&text(&c[0])?)?, Kind::named(&text(&c[1])?)?), c[2].as_u64()?);
        }
        for s in v["steps"].as_array()? {
            out.steps.insert(Kind::named(&text(&s[0])?)?, s[1].as_u64()?);
        }
        for (d, n) in v["deeds"].as_object()? {
            out.deeds.insert(d.clone(), n.as_u64()?);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_struck_is_listed_and_what_cannot_is_not() {
        let mut c = Coverage::default();
        c.hit(Fault::Lose, Kind::Deliver);
        let missing = c.missing();
        assert!(!missing.contains(&(Fault::Lose, Kind::Deliver)) && !missing.contains(&(Fault::Lose, Kind::Act)));
        assert!(missing.contains(&(Fault::CrashInWrite, Kind::Act)));
        assert_eq!(Coverage::from_json(&c.to_json()), Some(c));
    }
}
