//! The pages, one a file; each adds its routes with who may use them. docs/desk.md says how to add one.

mod desk;
mod dossier;
mod dossiers;
mod live;
mod moves;
mod new;
mod pending;
mod settings;
mod signin;

use crate::access::{Access, Pages};
use crate::assets;
use crate::desk::Desk as Handle;

/// Puts the pages together.
pub fn pages(handle: Handle) -> Pages {
    let begun = Pages::new(handle).get("/assets/{edition}/{name}", Access::Anyone, assets::serve);
    [signin::routes, desk::routes, live::routes, dossiers::routes, dossier::routes, moves::routes, new::routes, pending::routes, settings::routes]
        .into_iter()
        .fold(begun, |pages, add| add(pages))
}
