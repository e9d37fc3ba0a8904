//! The simulator's stories: seeds that must hold, and that a seed is one story.

mod seeds;
