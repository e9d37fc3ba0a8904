//! Floor 6: the program's parts. Configuration, wiring, the local API and its client, commands, demo, measurements.
//!
//! A library so that tests drive the very parts that the program runs; `main.rs` only starts it.

pub mod api;
pub mod bench;
pub mod carry;
pub mod cli;
pub mod client;
pub mod config;
pub mod courier;
pub mod demo;
pub mod engine;
pub mod fairness;
pub mod flood;
pub mod home;
pub mod launch;
pub mod locale;
mod own;
pub mod pipe;
mod plot;
mod queue;
pub mod serve;
pub mod soak;
