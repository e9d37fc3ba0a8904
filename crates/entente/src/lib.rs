//! Floor 6: the program's parts. Configuration, wiring, the local API and its client, commands, demo, measurements.
//!
//! A library so that tests drive the very parts that the program runs; `main.rs` only starts it.

pub mod api;
mod api_exhibits;
mod api_hits;
mod api_keys;
pub mod audit;
pub mod backup;
pub mod bench;
pub mod bench_backup;
pub mod bench_exhibit;
pub mod bench_matching;
mod bench_matching_peers;
pub mod bench_names;
pub mod carry;
pub mod cli;
pub mod client;
mod client_files;
pub mod config;
pub mod courier;
pub mod demo;
pub mod desk;
mod desk_tls;
pub mod engine;
pub mod fairness;
pub mod flood;
mod hits_clock;
pub mod home;
mod index_work;
pub mod keeper;
pub mod launch;
pub mod locale;
#[cfg(feature = "oidc")]
mod oidc;
mod own;
pub mod pipe;
mod plot;
mod queue;
pub mod reasons;
pub mod serve;
pub mod soak;
mod sources;
