//! Floor 5: the desk in a browser. The only crate that knows HTML, sessions and the languages of pages.

pub mod search;
pub mod view;
