//! Shrinks a plan that fails: leaves out steps and faults as long as the same invariant still breaks.

use crate::plan::Plan;
use crate::run::{Outcome, run};

/// Runs that shrinking may take.
pub const RUNS_MAX: usize = 400;

/// Returns the shortest plan that was found, and how it ends.
pub fn shrink(plan: &Plan, invariant: &'static str) -> (Plan, Outcome) {
    let outcome = run(plan);
    let mut first = plan.clone();
    // What comes after the step that failed did nothing.
    first.steps.truncate(outcome.violation.as_ref().map_or(usize::MAX, |(at, _)| *at));
    let breaks = |o: &Outcome| o.violation.as_ref().is_some_and(|(_, v)| v.invariant == invariant);
    shorten(first, outcome, |plan| Some(run(plan)).filter(breaks))
}

/// Shortens a plan while `fails` says that what is left still fails; `last` is how the plan itself ends.
fn shorten<T>(mut best: Plan, mut last: T, mut fails: impl FnMut(&Plan) -> Option<T>) -> (Plan, T) {
    let mut runs = 0;
    let mut tried = |plan: &Plan| {
        runs += 1;
        if runs > RUNS_MAX { None } else { fails(plan) }
    };
    // 1 halves, quarters and so on of the steps, 2 single faults.
    let mut part = best.steps.len().div_ceil(2).max(1);
    loop {
        let (mut at, mut any) = (0, false);
        while at < best.steps.len() {
            let mut shorter = best.clone();
            shorter.steps.drain(at..(at + part).min(best.steps.len()));
            match tried(&shorter) {
                Some(t) => (best, last, any) = (shorter, t, true),
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
            if let Some(t) = tried(&calmer) {
                (best, last) = (calmer, t);
            }
        }
    }
    (best, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Fault;

    #[test]
    fn what_a_failure_does_not_need_is_left_out() {
        // Made up: it fails when a sync fails somewhere before a restart.
        let fails = |plan: &Plan| {
            let sync = plan.steps.iter().position(|s| s.faults.contains(&Fault::SyncFails))?;
            plan.steps[sync..].iter().any(|s| s.kind == crate::plan::Kind::Restart).then_some(())
        };
        let seed = (1..).find(|s| fails(&Plan::draw(*s, 120)).is_some()).unwrap();
        let (short, ()) = shorten(Plan::draw(seed, 120), (), fails);
        assert!(short.steps.len() <= 2, "{}", short.as_text());
        assert!(short.steps.iter().flat_map(|s| &s.faults).all(|f| *f == Fault::SyncFails), "{}", short.as_text());
    }
}
