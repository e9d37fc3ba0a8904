//! The program: arguments, configuration, wiring.

mod courier;
mod engine;

fn main() {}
