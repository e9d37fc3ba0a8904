//! Stories of dossiers: what may be, what folds, what breaks.

mod bombs;
mod mechanisms;
mod stories;
mod vectors;
mod world;
