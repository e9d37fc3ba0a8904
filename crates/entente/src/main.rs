//! The program: arguments, configuration, wiring.

mod api;
mod client;
mod config;
mod courier;
mod engine;
mod home;
mod serve;

fn main() {}
