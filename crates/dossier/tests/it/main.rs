//! Stories of dossiers: what may be, what folds, what breaks.

mod mechanisms;
mod stories;
mod vectors;
mod world;
