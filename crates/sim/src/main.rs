//! Runs seeds and says what broke. `cargo xtask sim` builds and calls it; what it prints last is one line of JSON.

use entente_sim::{Coverage, Outcome, Plan, STEPS, run, shrink};
use std::process::ExitCode;

/// What is asked.
#[derive(Default)]
struct Asked {
    seeds: u64,
    from: u64,
    steps: Option<usize>,
    seed: Option<u64>,
    plan: Option<String>,
    first: bool,
}

fn main() -> ExitCode {
    let asked = match read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}\nentente-sim --seeds N [--from S] [--steps K] [--first] | --seed S [--steps K] | --plan FILE");
            return ExitCode::from(2);
        }
    };
    // A panic of the product is a violation, which the run reports; the trace would only stand in the way.
    std::panic::set_hook(Box::new(|_| ()));
    let steps = asked.steps.unwrap_or(STEPS);
    let one = match (&asked.plan, asked.seed) {
        (Some(file), _) => match std::fs::read_to_string(file).ok().and_then(|t| Plan::from_text(&t)) {
            Some(plan) => Some(plan),
            None => {
                eprintln!("{file} is no plan");
                return ExitCode::from(2);
            }
        },
        (None, seed) => seed.map(|s| Plan::draw(s, steps)),
    };
    match one {
        Some(plan) => replay(&plan),
        None => many(&asked, steps),
    }
}

fn read(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { seeds: 20, from: 1, ..Asked::default() };
    while let Some(name) = args.next() {
        if name == "--first" {
            asked.first = true;
            continue;
        }
        let value = args.next().ok_or(format!("{name} wants a value"))?;
        let number = value.parse::<u64>().map_err(|_| format!("{value} is no number"));
        match name.as_str() {
            "--seeds" => asked.seeds = number?,
            "--from" => asked.from = number?,
            "--steps" => asked.steps = Some(number? as usize),
            "--seed" => asked.seed = Some(number?),
            "--plan" => asked.plan = Some(value),
            other => return Err(format!("there is no option {other}")),
        }
    }
    Ok(asked)
}

/// Runs one plan and tells its story; one that fails is made as short as it can be.
fn replay(plan: &Plan) -> ExitCode {
    let outcome = run(plan);
    println!("{}", outcome.story.join("\n"));
    println!("the story is {}", outcome.digest());
    let Some((at, violation)) = &outcome.violation else {
        println!("{}", outcome.coverage.table());
        println!("seed {}: {} faults, {} acts, everything held", plan.seed, outcome.coverage.faults, outcome.coverage.acts);
        return ExitCode::SUCCESS;
    };
    println!("\nBROKEN in step {at}: {}: {}\n", violation.invariant, violation.what);
    let (short, outcome) = shrink(plan, violation.invariant);
    println!("{}\n", outcome.story.join("\n"));
    println!("the shortest plan found, {} of {} steps; run it with --plan FILE:\n{}", short.steps.len(), plan.steps.len(), short.as_text());
    if let Some((at, v)) = &outcome.violation {
        println!("step {at}: {}: {}", v.invariant, v.what);
    }
    ExitCode::FAILURE
}

/// Runs many seeds; the last line sums up as JSON.
fn many(asked: &Asked, steps: usize) -> ExitCode {
    let mut coverage = Coverage::default();
    let mut broken = Vec::new();
    let mut seeds = 0;
    for seed in asked.from..asked.from + asked.seeds {
        let Outcome { coverage: met, violation, .. } = run(&Plan::draw(seed, steps));
        coverage.add(&met);
        seeds += 1;
        if let Some((at, v)) = violation {
            println!("seed {seed} step {at}: {}: {}", v.invariant, v.what);
            broken.push(serde_json::json!({ "seed": seed, "step": at, "invariant": v.invariant, "what": v.what }));
            if asked.first {
                break;
            }
        }
    }
    println!("{}", serde_json::json!({ "seeds": seeds, "coverage": coverage.to_json(), "broken": broken }));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
