//! The long run of the simulator: built for speed, on every core, with what it met and how fast.

use crate::run::{cargo, program, root, shown, watched};
use serde_json::Value;
use std::time::Instant;

/// Builds the simulator and runs it with these arguments.
pub fn run(args: &[String]) -> Result<(), String> {
    shown(cargo(["build", "--release", "--quiet", "--locked", "--package", "entente-sim"]))?;
    let mut args = args.to_vec();
    let many = args.is_empty() || args.iter().any(|a| a == "--seeds");
    if many && !args.iter().any(|a| a == "--jobs") {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        args.extend(["--jobs".to_owned(), cores.to_string()]);
    }
    let at = Instant::now();
    let mut last = String::new();
    let outcome = watched(program(root().join("target/release/entente-sim"), &args), |line| last = line.to_owned());
    if let Some(sum) = serde_json::from_str::<Value>(&last).ok().filter(|s| s["coverage"].is_object()) {
        let seconds = at.elapsed().as_secs_f64();
        let (faults, acts) = (sum["coverage"]["faults"].as_u64().unwrap_or(0), sum["coverage"]["acts"].as_u64().unwrap_or(0));
        let steps: u64 = sum["coverage"]["steps"].as_array().into_iter().flatten().filter_map(|s| s[1].as_u64()).sum();
        println!(
            "{} seeds, {steps} steps, {faults} faults, {acts} acts ({:.0} acts/s, {:.0} faults/s) in {seconds:.0} s; {} broken",
            sum["seeds"],
            acts as f64 / seconds,
            faults as f64 / seconds,
            sum["broken"].as_array().map_or(0, Vec::len)
        );
    }
    outcome
}
