//! Floor 2: hit/no-hit without telling: oblivious keys, filters that cannot be guessed at offline.
//!
//! Who holds a list: [`oprf::Key`] turns the list's keys into a [`filter::Filter`] that partners may hold. Who asks: [`oprf::Question`]
//! blinds, the holder evaluates with a proof, the filter answers. Absent: storage, so that no name can be kept here; a log; a clock.

pub mod compare;
pub mod filter;
pub mod names;
pub mod oprf;
pub mod subject;
