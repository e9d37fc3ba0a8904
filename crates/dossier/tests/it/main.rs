//! Stories of dossiers: what may be, what folds, what breaks.

mod controlled_delivery;
mod engine;
mod event_security;
mod mechanisms;
mod play;
mod risk_assessment;
mod statistics;
mod stories;
mod vectors;
mod world;
