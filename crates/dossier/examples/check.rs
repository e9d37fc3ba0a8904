//! Proves mechanism files while they are being written: `cargo run -p entente-dossier --example check -- FILE…`.
//!
//! Prints what was explored and how long it took, then every fault with the shortest way to it; ends with 1 where one is not proved.

use dossier::{Mechanism, check};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let mut sound = true;
    for path in std::env::args().skip(1) {
        let began = Instant::now();
        let read = std::fs::read(&path).map_err(|e| e.to_string()).and_then(|bytes| Mechanism::parse(&bytes).map_err(|e| format!("{} ({})", e, e.code())));
        let mechanism = match read {
            Ok(m) => m,
            Err(why) => {
                println!("{path}: {why}");
                sound = false;
                continue;
            }
        };
        let report = check(&mechanism);
        for e in &report.explored {
            let complete = if e.complete { "" } else { ", NOT COMPLETE" };
            println!("{}: {} combinations, {} in the product ({}), {} in work{complete}", e.item, e.combinations, e.product, e.parties, e.work);
        }
        for f in &report.faults {
            println!("FAULT {} in {}: {}", f.code, f.item, f.what);
            f.path.iter().for_each(|step| println!("    {step}"));
        }
        println!("{path}: {} in {:.1?}", if report.proved() { "proved" } else { "NOT PROVED" }, began.elapsed());
        sound &= report.proved();
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
