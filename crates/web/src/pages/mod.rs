//! The pages, one a file; each adds its routes with who may use them. docs/desk.md says how to add one.

mod accords;
mod acts;
mod administration;
mod ask;
mod audit;
mod calendar;
mod communique;
mod desk;
mod dossier;
mod dossiers;
mod draft;
mod drafts;
mod exhibits;
mod items;
mod live;
mod moves;
mod new;
mod officers;
mod partners;
mod pending;
#[cfg(feature = "oidc")]
mod provider;
mod register;
mod search;
mod settings;
mod signin;
mod statistics;
mod tasks;
mod verify;
mod views;

pub(crate) use administration::{AUDIT, KEEP};
pub(crate) use ask::{INDEX_ALONE, SEE};
pub(crate) use officers::LOCK;

use crate::access::{Access, Pages};
use crate::assets;
use crate::desk::Desk as Handle;

/// Puts the pages together.
pub fn pages(handle: Handle) -> Pages {
    let begun = Pages::new(handle).get("/assets/{edition}/{name}", Access::Anyone, assets::serve);
    #[cfg(feature = "oidc")]
    let begun = provider::routes(begun);
    let of_dossiers: [fn(Pages) -> Pages; 8] =
        [dossiers::routes, dossier::routes, items::routes, views::routes, exhibits::routes, moves::routes, new::routes, pending::routes];
    let across: [fn(Pages) -> Pages; 5] = [search::routes, tasks::routes, calendar::routes, statistics::routes, settings::routes];
    let hits: [fn(Pages) -> Pages; 1] = [ask::routes];
    let register: [fn(Pages) -> Pages; 5] = [register::routes, drafts::routes, draft::routes, communique::routes, verify::routes];
    let first: [fn(Pages) -> Pages; 3] = [signin::routes, desk::routes, live::routes];
    let house: [fn(Pages) -> Pages; 5] = [partners::routes, accords::routes, officers::routes, administration::routes, audit::routes];
    first.into_iter().chain(of_dossiers).chain(across).chain(hits).chain(register).chain(house).fold(begun, |pages, add| add(pages))
}
