//! Runs seeds and says what broke; looks for planted faults. `cargo xtask sim` builds and calls it.
//!
//! What it prints last is one line of JSON: seeds, coverage, and what broke.

use entente_sim::{Coverage, Outcome, Plan, STEPS, planted, run, shrink};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

const USAGE: &str = "entente-sim --seeds N [--from S] [--steps K] [--jobs J] [--first]   run many seeds
entente-sim --seed S [--steps K] | --plan FILE                     replay one, and make it as short as it can be if it fails
entente-sim --planted [NAME]                                       look for the planted faults, or for one of them";

/// What is asked.
struct Asked {
    seeds: u64,
    from: u64,
    steps: usize,
    jobs: u64,
    first: bool,
    seed: Option<u64>,
    plan: Option<String>,
    planted: Option<Option<String>>,
}

fn main() -> ExitCode {
    let asked = match read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if let Some(name) = &asked.planted {
        return hunt(name.as_deref());
    }
    // A panic of the product is a violation, which the run reports; the trace would only stand in the way.
    std::panic::set_hook(Box::new(|_| ()));
    match (&asked.plan, asked.seed) {
        (Some(file), _) => match std::fs::read_to_string(file).ok().and_then(|t| Plan::from_text(&t)) {
            Some(plan) => replay(&plan),
            None => {
                eprintln!("{file} is no plan");
                ExitCode::from(2)
            }
        },
        (None, Some(seed)) => replay(&Plan::draw(seed, asked.steps)),
        (None, None) if asked.jobs > 1 => shared(&asked),
        (None, None) => many(&asked),
    }
}

fn read(args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { seeds: 20, from: 1, steps: STEPS, jobs: 1, first: false, seed: None, plan: None, planted: None };
    let mut args = args.peekable();
    while let Some(name) = args.next() {
        match name.as_str() {
            "--first" => asked.first = true,
            "--planted" => asked.planted = Some(args.next_if(|n| !n.starts_with("--"))),
            _ => {
                let value = args.next().ok_or(format!("{name} wants a value, or is no option"))?;
                let number = value.parse::<u64>().map_err(|_| format!("{value} is no number"));
                match name.as_str() {
                    "--seeds" => asked.seeds = number?,
                    "--from" => asked.from = number?,
                    "--steps" => asked.steps = number? as usize,
                    "--jobs" => asked.jobs = number?.max(1),
                    "--seed" => asked.seed = Some(number?),
                    "--plan" => asked.plan = Some(value),
                    other => return Err(format!("there is no option {other}")),
                }
            }
        }
    }
    Ok(asked)
}

/// Runs one plan and tells its story; one that fails is made as short as it can be.
fn replay(plan: &Plan) -> ExitCode {
    let outcome = run(plan);
    println!("{}", outcome.story.join("\n"));
    println!("the story's digest is {}", outcome.digest());
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

/// Runs many seeds, one after another.
fn many(asked: &Asked) -> ExitCode {
    let (mut coverage, mut broken, mut seeds) = (Coverage::default(), Vec::new(), 0);
    for seed in asked.from..asked.from + asked.seeds {
        let Outcome { coverage: met, violation, .. } = run(&Plan::draw(seed, asked.steps));
        coverage.add(&met);
        seeds += 1;
        if let Some((at, v)) = violation {
            println!("seed {seed} step {at}: {}: {}", v.invariant, v.what);
            broken.push(json!({ "seed": seed, "step": at, "invariant": v.invariant, "what": v.what }));
            if asked.first {
                break;
            }
        }
    }
    sum_up(seeds, &coverage, broken)
}

fn sum_up(seeds: u64, coverage: &Coverage, broken: Vec<Value>) -> ExitCode {
    let whole = broken.is_empty();
    println!("{}", json!({ "seeds": seeds, "coverage": coverage.to_json(), "broken": broken }));
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shares seeds out among processes, so that each federation keeps a thread and a SQLite of its own, and adds up what they met.
fn shared(asked: &Asked) -> ExitCode {
    let own = std::env::current_exe();
    let part = asked.seeds.div_ceil(asked.jobs);
    let start = |job: u64| {
        let from = asked.from + job * part;
        let seeds = part.min((asked.from + asked.seeds).saturating_sub(from));
        let args = ["--seeds", &seeds.to_string(), "--from", &from.to_string(), "--steps", &asked.steps.to_string()].map(str::to_owned);
        Command::new(own.as_ref().map_err(ToString::to_string)?).args(args).stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())
    };
    let children: Vec<_> = (0..asked.jobs).map(start).collect();
    let (mut coverage, mut broken, mut seeds, mut lost) = (Coverage::default(), Vec::new(), 0, false);
    // Each part is read on a thread of its own, so that what breaks is told at once.
    let read = |child: Result<std::process::Child, String>| {
        std::thread::spawn(move || {
            let mut last = String::new();
            let Ok(mut child) = child else { return last };
            for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                if line.starts_with("seed ") {
                    println!("{line}");
                }
                last = line;
            }
            let _ = child.wait(); // what it said last tells whether it ended well
            last
        })
    };
    let parts: Vec<_> = children.into_iter().map(read).collect();
    for part in parts {
        let sum: Value = part.join().ok().and_then(|l| serde_json::from_str(&l).ok()).unwrap_or_default();
        match Coverage::from_json(&sum["coverage"]) {
            Some(met) => coverage.add(&met),
            None => lost = true,
        }
        seeds += sum["seeds"].as_u64().unwrap_or(0);
        broken.extend(sum["broken"].as_array().cloned().unwrap_or_default());
    }
    println!("{}", coverage.table());
    let missing: Vec<String> = coverage.missing().iter().map(|(f, k)| format!("{} during {}", f.name(), k.name())).collect();
    match missing.is_empty() {
        true => println!("every cell that can be met was met"),
        false => println!("never met: {}", missing.join("; ")),
    }
    if lost {
        println!("a part of the seeds was not run to its end");
        broken.push(json!({ "invariant": "runs-to-its-end" }));
    }
    sum_up(seeds, &coverage, broken)
}

/// Looks for planted faults; each must be found.
fn hunt(name: Option<&str>) -> ExitCode {
    let all = match planted::all() {
        Ok(all) => all,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let (mut found, mut missed) = (0, Vec::new());
    for planted in all.iter().filter(|p| name.is_none_or(|n| n == p.name)) {
        match planted.search() {
            Ok(Some(f)) => {
                found += 1;
                println!("{:<28} found by seed {:>3}: {}: {}", planted.name, f.seed, f.invariant, f.what);
            }
            Ok(None) => missed.push(format!("{}: not found in {} seeds", planted.name, planted::SEEDS_MAX)),
            Err(why) => missed.push(why),
        }
    }
    missed.iter().for_each(|m| println!("MISSED {m}"));
    println!("{}", json!({ "planted": found + missed.len(), "found": found }));
    if missed.is_empty() && found > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
