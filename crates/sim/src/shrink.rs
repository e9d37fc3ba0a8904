//! Shrinks a plan that fails: leaves out steps and faults as long as the same invariant still breaks.

use crate::plan::Plan;
use crate::run::{Outcome, run};

/// Runs that shrinking may take.
pub const RUNS_MAX: usize = 400;

/// Returns the shortest plan that was found, and how it ends.
pub fn shrink(plan: &Plan, invariant: &'static str) -> (Plan, Outcome) {
    let mut runs = 0;
    let mut best = plan.clone();
    let mut outcome = run(&best);
    let mut fails = |plan: &Plan| {
        runs += 1;
        let outcome = if runs > RUNS_MAX { None } else { Some(run(plan)) };
        outcome.filter(|o| o.violation.as_ref().is_some_and(|(_, v)| v.invariant == invariant))
    };
    // What comes after the step that failed did nothing.
    if let Some((at, _)) = &outcome.violation {
        best.steps.truncate(*at);
    }
    // 1 halves, quarters and so on of the steps, 2 single faults.
    let mut part = best.steps.len().div_ceil(2).max(1);
    loop {
        let (mut at, mut any) = (0, false);
        while at < best.steps.len() {
            let mut shorter = best.clone();
            shorter.steps.drain(at..(at + part).min(best.steps.len()));
            match fails(&shorter) {
                Some(o) => (best, outcome, any) = (shorter, o, true),
                None => at += part,
            }
        }
        if part == 1 && !any {
            break;
        }
        part = (part / 2).max(1);
    }
    for step in 0..best.steps.len() {
        for fault in best.steps[step].faults.clone() {
            let mut calmer = best.clone();
            calmer.steps[step].faults.retain(|f| *f != fault);
            if let Some(o) = fails(&calmer) {
                (best, outcome) = (calmer, o);
            }
        }
    }
    (best, outcome)
}
