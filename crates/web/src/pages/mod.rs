//! The pages, one a file; each adds its routes with who may use them. docs/desk.md says how to add one.

mod communique;
mod desk;
mod dossier;
mod dossiers;
mod draft;
mod drafts;
mod live;
mod moves;
mod new;
mod pending;
mod register;
mod settings;
mod signin;
mod verify;

use crate::access::{Access, Pages};
use crate::assets;
use crate::desk::Desk as Handle;

/// Puts the pages together.
pub fn pages(handle: Handle) -> Pages {
    let begun = Pages::new(handle).get("/assets/{edition}/{name}", Access::Anyone, assets::serve);
    [signin::routes, desk::routes, live::routes, dossiers::routes, dossier::routes, moves::routes, new::routes, pending::routes, settings::routes, register::routes, drafts::routes, draft::routes, communique::routes, verify::routes]
        .into_iter()
        .fold(begun, |pages, add| add(pages))
}
