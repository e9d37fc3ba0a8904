//! The verifiable oblivious pseudorandom function of RFC 9497, ristretto255-SHA512, in batches.
//!
//! 1 [`Question::blind`] hides inputs, 2 [`Key::evaluate`] answers without seeing them and proves that it used its one key, 3
//! [`Question::finish`] checks the proof and takes the blinds off, 4 [`Key::outputs`] gives the same outputs to who holds key and inputs.

mod fault;
mod kernel;
mod key;
mod output;
mod proof;
mod question;
mod suite;
#[cfg(test)]
mod vectors;

pub use fault::OprfFault;
pub use kernel::Kernel;
pub use key::{Key, PublicKey};
pub use output::Output;
pub use proof::Proof;
pub use question::{Evaluated, Question};
pub use suite::INPUT_BYTES_MAX;

/// Elements in one batch: the proof numbers them with two bytes (RFC 9497, 2.2.1).
pub const BATCH_MAX: usize = 65_535;
/// Bytes of an encoded element.
pub const ELEMENT_BYTES: usize = 32;
