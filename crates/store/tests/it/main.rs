//! SQLite against the conformance suite, and what only a real file and a real process can show.

mod conformance;
mod file;
mod killed;
mod shelves;
