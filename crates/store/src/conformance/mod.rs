//! The one suite that every implementation of [`Store`] passes.
//!
//! Each family is a list of small stories; a broken promise panics with the story's name in the text.

mod acts;
mod batches;
mod exchange;
mod ledger;
mod lists;
mod model;
mod shelves;
pub mod world;
mod writers;

use crate::Store;
pub use shelves::run_vault;

/// Makes an empty store.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// Runs every story, each on an empty store of its own.
pub fn run(make: impl Fn() -> Box<dyn Store>) {
    let stories = [ledger::STORIES, batches::STORIES, acts::STORIES, exchange::STORIES, lists::STORIES, writers::STORIES, model::STORIES];
    for (name, story) in stories.into_iter().flatten() {
        println!("{name}");
        story(&make);
    }
}

type Story = (&'static str, fn(Make<'_>));
