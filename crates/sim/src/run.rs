//! A run: the plan step by step, then the end; a failure is a violation, a panic of the product included.

use crate::coverage::Coverage;
use crate::invariants::Violation;
use crate::plan::Plan;
use crate::station::STATIONS_MAX;
use crate::world::World;
use base::Digest;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Steps of a run.
pub const STEPS: usize = 320;

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was met.
    pub coverage: Coverage,
    /// What did not hold, and in which step; none where all held.
    pub violation: Option<(usize, Violation)>,
    /// What happened.
    pub story: Vec<String>,
}

impl Outcome {
    /// Names the whole story: two runs of one plan have the same.
    pub fn digest(&self) -> Digest {
        Digest::of(self.story.join("\n").as_bytes())
    }
}

/// Runs a plan.
pub fn run(plan: &Plan) -> Outcome {
    let mut outcome = Outcome { coverage: Coverage::default(), violation: None, story: Vec::new() };
    let mut world = match caught(|| World::found(plan)) {
        Ok(world) => world,
        Err(v) => {
            outcome.violation = Some((0, v));
            return outcome;
        }
    };
    for (n, step) in plan.steps.iter().enumerate() {
        if let Err(v) = caught(|| world.step(step)) {
            outcome.violation = Some((n + 1, v));
            break;
        }
    }
    if outcome.violation.is_none()
        && let Err(v) = caught(|| world.end())
    {
        outcome.violation = Some((plan.steps.len() + 1, v));
    }
    outcome.coverage = std::mem::take(&mut world.coverage);
    outcome.story = std::mem::take(&mut world.story);
    // Nodes go before the disks on which they lie.
    world.stations.iter_mut().for_each(crate::station::Station::stop);
    (0..STATIONS_MAX).for_each(crate::station::leave);
    outcome
}

fn caught<T>(f: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Violation::new("no-panic", what.unwrap_or_default()))
    })
}
