//! Reads public communiqués as they come from the web and drafts register events from them.
//!
//! Flow, one step a file: `clean` takes the page apart, `language` and `lexicon` name what stands there, `scene` tells the main
//! event from what is merely mentioned, `dates`, `actors`, `names`, `kind`, `threats` and `promises` each read one thing,
//! `group` finds the texts that tell of one event, `draft` writes it down. Pure: no clock, no storage, no network; names, cues and
//! vocabularies are data under `data/`. Wrong is worse than open: what the texts do not say stays empty.

mod actors;
mod clean;
mod dates;
mod draft;
mod event;
mod fold;
mod group;
mod hits;
mod kind;
mod labels;
mod language;
mod lexicon;
mod names;
mod promises;
mod quality;
mod scene;
mod silence;
mod threats;
mod when;
mod words;

pub use clean::TEXT_BYTES_MAX;
pub use draft::{TEXTS_MAX, draft};
pub use event::{DatePrecision, EventDraft, Form, Kind, Official, PageNote, PartNote, Point, Reading, Span, Text};
pub use labels::{LABELS_MAX, Label, LabelDate, LabelFault, LabelKind, labels};
pub use quality::{Quality, quality};
pub use silence::{Silence, Silent};
