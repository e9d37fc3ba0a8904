//! Floor 5: a federation of nodes on one thread from a seed, to find what breaks it.
//!
//! The nodes, their law, keys, seals and stores are the real ones. Time, chance, network and disk are made here: 1 a plan is drawn
//! from the seed, 2 each step lets one node do something while something goes wrong, 3 what must hold is checked after every
//! step, 4 in the end faults cease, everything is carried, and everything must hold. A plan that fails replays and shrinks.

mod backup;
mod carry;
mod coverage;
mod disk;
mod exhibits;
mod filler;
mod invariants;
mod liar;
mod network;
mod plan;
pub mod planted;
mod reads;
mod rekey;
mod rng;
mod run;
mod shrink;
mod station;
mod steps;
mod will;
mod world;

pub use coverage::Coverage;
pub use disk::{Aftermath, Disk, Strike};
pub use filler::Filler;
pub use invariants::Violation;
pub use plan::{Fault, Kind, Plan, Step};
pub use rng::Rng;
pub use run::{Outcome, STEPS, run};
pub use shrink::shrink;
