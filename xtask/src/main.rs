//! What a change must pass, as a program: `cargo xtask test`, and each of its steps alone.
//!
//! 1 [`needs`]: what the steps call is here or is installed, 2 the steps in order, fast ones first, each timed, 3 one table at the
//! end. The first step that fails ends the run. What could not be checked for want of a network stands in the table in capitals.

mod files;
mod house;
mod law;
mod needs;
mod run;
mod silence;
mod sim;
mod steps;

use std::process::ExitCode;
use steps::{STEPS, Step};

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.first().is_some_and(|a| a == "sim") {
        return match sim::run(&asked[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let chosen: Vec<&Step> = match asked.first().map(String::as_str) {
        Some("test") if asked.len() == 1 => STEPS.iter().filter(|s| s.in_test).collect(),
        Some(_) if asked.iter().all(|a| steps::find(a).is_some()) => asked.iter().filter_map(|a| steps::find(a)).collect(),
        _ => return usage(&asked),
    };
    match run::all(&chosen) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn usage(asked: &[String]) -> ExitCode {
    let asked_for_help = matches!(asked.first().map(String::as_str), None | Some("help" | "-h" | "--help"));
    println!("cargo xtask test            everything that must hold, in this order");
    for step in STEPS {
        println!("cargo xtask {:<15} {}{}", step.name, step.what, if step.in_test { "" } else { " (part of unit)" });
    }
    println!("cargo xtask sim {:<11} the federation from seeds, long: --seeds N [--from S] | --seed S | --planted [NAME]", "…");
    match asked_for_help {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("\nthere is no task '{}'", asked.join(" "));
            ExitCode::FAILURE
        }
    }
}
