//! Reads public communiqués as they come from the web and drafts register events from them.
//!
//! Flow, one step a file: `clean` takes the page apart, `language` and `lexicon` name what stands there, `scene` tells the main
//! event from what is merely mentioned, `dates`, `actors`, `names`, `kind`, `threats` and `promises` each read one thing,
//! `group` finds the texts that tell of one event, `draft` writes it down. Pure: no clock, no storage, no network; names, cues and
//! vocabularies are data under `data/`. Wrong is worse than open: what the texts do not say stays empty.

mod actors;
mod amounts;
mod clean;
mod dateline;
mod dates;
mod event;
mod evidence;
mod extend;
mod fold;
mod group;
mod hits;
mod kind;
mod labels;
mod language;
mod lexicon;
mod names;
mod nearness;
mod promises;
mod quality;
mod reader;
mod scene;
mod silence;
mod stamps;
mod steps;
mod tale;
mod threats;
mod when;
mod words;
mod write;

pub use clean::TEXT_BYTES_MAX;
pub use event::{DatePrecision, Dispute, EventDraft, Form, Kind, Official, PageNote, PartNote, Point, Reading, Side, Span, Step, Text};
pub use extend::{NAME_WORDS_MAX, NAMES_BYTES_MAX, NAMES_TABLES_MAX, NamesFault};
pub use labels::{LABELS_MAX, Label, LabelDate, LabelFault, LabelKind, labels};
pub use quality::{Quality, quality};
pub use reader::{Decisions, Reader, TEXTS_MAX, draft};
pub use silence::{Silence, Silent};
