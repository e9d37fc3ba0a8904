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

pub use agenda::leaf;
pub use atlas::{Mark, map};
pub use format::{Plural, Reader, amount, date, distance, hijri_date, length, month, number, plural, weekdays};
pub use hijri::hijri;
pub use scene::{ENTRIES_SHOWN, Scene};
pub use statistics::statistics;
pub use timeline::{Event, events, timeline};
pub use words::word;

use dossier::Mechanism;
use maud::Markup;

/// The style sheet of all views.
pub const STYLE: &str = include_str!("../../assets/view.css");

/// Tells whether a value is one of a field: several moves may give one name to fields of different types.
pub(crate) fn fits(field: &dossier::Field, value: &serde_json::Value) -> bool {
    field.read(value).is_ok_and(|read| field.check(&read).is_ok())
}

/// Views that belong to almost every dossier and say nothing of what a mechanism is about.
const GENERAL: [&str; 2] = ["timeline", "board"];

/// Lists the views that a mechanism asks for and that are known here.
pub fn asked(m: &Mechanism) -> impl Iterator<Item = &str> {
    m.views.iter().map(String::as_str).filter(|v| NAMES.contains(v))
}

/// Returns the view in which a dossier is best seen first: the first that its mechanism asks for beyond the general ones.
pub fn leading(m: &Mechanism) -> Option<&str> {
    asked(m).find(|v| !GENERAL.contains(v))
}

/// Tells whether acts on a kind of item belong beside a view: those of a logbook beside the logbook, all beside the others.
pub fn concerns(m: &Mechanism, view: &str, kind: &str) -> bool {
    view != "logbook" || m.kind(kind).is_some_and(logbook::is_logged)
}

/// Names of all views.
const NAMES: [&str; 7] = ["timeline", "board", "route", "matrix", "logbook", "calendar", "map"];

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
