//! Names of persons across scripts and spellings: how alike two are, and why; keys under which they meet without being told.

pub mod chance;
mod costs;
mod keys;
pub mod learn;
mod letters;
mod parts;
pub mod rates;
mod score;
mod units;

pub use keys::{NameKey, SCHEME, Width};
pub use score::{ALIKE, Fit, Likeness, Name};
