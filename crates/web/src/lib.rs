//! Floor 5: the desk, what an officer sees in a browser. The only crate that knows HTML, sessions and languages.
//!
//! A request: `access` (who is it, may they, is a change from our own pages) -> a page (reads or changes the node through `desk::Running`,
//! by the engine that answers the local API too) -> `layout` (frame, words). No page holds a rule of cooperation: those live below.

mod access;
mod assets;
mod because;
mod country;
mod desk;
mod doors;
mod draft;
pub mod files;
mod finder;
mod form;
mod labels;
mod layout;
mod logged;
mod multipart;
mod pages;
mod press;
#[cfg(feature = "oidc")]
mod provider;
mod published;
mod reading;
pub mod search;
mod session;
mod show;
pub mod view;
mod webauthn;
mod when;
mod words;

pub use access::{ACT, Access, EXPORT, READ, RUN, Row};
pub use desk::{Answering, BackupState, Desk, IndexLoaded, IndexSource, IndexWork, Job, Later, Lay, Outlook, Pair, Persons, Read, Running, Settings};
pub use doors::Peer;
#[cfg(feature = "oidc")]
pub use provider::{Back, Begun, Fault, Provider};
pub use webauthn::{INVITATION_HOURS, invite};

/// Puts the desk together: a router that serves it, and the list of its routes.
pub fn desk(desk: Desk) -> (axum::Router, Vec<Row>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(finder::keep(desk.clone()));
    }
    let pages = pages::pages(desk);
    let rows = pages.rows().to_vec();
    (pages.into_router(), rows)
}
