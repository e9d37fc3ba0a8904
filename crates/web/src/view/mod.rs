//! Views that mechanisms ask for, drawn as HTML and SVG: pure functions of what a dossier shows, its mechanism and who reads.
//!
//! No view knows a mechanism by name. Each looks for what the mechanism declares: field types, vocabularies, ordered roles, facts,
//! clocks. Meaning never lies in colour alone; each figure has its table; nothing needs a script, a style attribute or another host.
//! [`STYLE`] belongs on the page.

mod agenda;
mod atlas;
mod board;
mod format;
mod hijri;
mod logbook;
mod matrix;
mod places;
mod route;
mod scene;
mod statistics;
mod timeline;
mod words;

pub use atlas::{Mark, map};
pub use format::{Plural, Reader, date, distance, hijri_date, length, month, number, plural, weekdays};
pub use hijri::hijri;
pub use scene::Scene;
pub use statistics::statistics;
pub use timeline::{Event, events, timeline};
pub use words::word;

use maud::Markup;

/// The style sheet of all views.
pub const STYLE: &str = include_str!("../../assets/view.css");

/// Draws a view by the name under which mechanisms ask for it; none for `timeline`, which is drawn from acts, and for names not known here.
pub fn draw(scene: &Scene<'_>, name: &str) -> Option<Markup> {
    match name {
        "board" => Some(board::board(scene)),
        "route" => Some(route::route(scene)),
        "matrix" => Some(matrix::matrix(scene)),
        "logbook" => Some(logbook::logbook(scene)),
        "calendar" => Some(agenda::calendar(scene)),
        "map" => Some(places::places(scene)),
        _ => None,
    }
}
