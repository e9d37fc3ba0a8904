//! The short run: some seeds under every fault. The long one is `cargo xtask sim --seeds N`.

use entente_sim::{Coverage, Plan, STEPS, run};

/// Seeds of the short run; about 40 s of one core in a debug build.
const SEEDS: std::ops::Range<u64> = 1..41;

#[test]
fn everything_holds_under_every_fault() {
    let mut met = Coverage::default();
    for seed in SEEDS {
        let outcome = run(&Plan::draw(seed, STEPS));
        if let Some((at, v)) = outcome.violation {
            panic!("seed {seed}, step {at}: {}: {}\ncargo xtask sim --seed {seed} tells the story and makes it short", v.invariant, v.what);
        }
        met.add(&outcome.coverage);
    }
    println!("{}", met.table());
    // A run in which little happens shows little.
    assert!(met.faults > 4_000 && met.acts > 700, "{} faults, {} acts", met.faults, met.acts);
    let missing: Vec<String> = met.missing().iter().map(|(f, k)| format!("{} during {}", f.name(), k.name())).collect();
    assert!(missing.len() < 30, "never met: {}", missing.join("; "));
}

#[test]
fn a_seed_is_one_story() {
    for seed in [3, 12] {
        let (one, other) = (run(&Plan::draw(seed, STEPS)), run(&Plan::draw(seed, STEPS)));
        assert_eq!(one.story, other.story, "seed {seed} does not replay: something in it was not drawn from the seed");
        assert_eq!(one.coverage, other.coverage);
    }
}

#[test]
fn every_mechanism_that_ships_is_used_without_the_simulator_knowing_it() {
    let mut met = Coverage::default();
    let mut unopened: Vec<String> = dossier::shipped().iter().map(|mechanism| format!("{}: open", mechanism.id)).collect();
    for seed in 100..140 {
        met.add(&run(&Plan::draw(seed, STEPS)).coverage);
        unopened.retain(|opened| !met.deeds.contains_key(opened));
        if unopened.is_empty() {
            return;
        }
    }
    panic!("nobody opened {unopened:?}: {:?}", met.deeds.keys());
}
