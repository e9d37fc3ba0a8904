//! Why a text gave no draft.

use serde::{Serialize, Serializer};
use thiserror::Error;

/// The reason a text gave no draft; ordinary business, shown to the officer beside the drafts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Silence {
    /// The text is larger than we read. Give the article alone, or split the file.
    #[error("the text has {bytes} bytes, more than text_bytes_max = {text_bytes_max}; give the article alone")]
    TextTooLarge {
        /// Size of the text.
        bytes: usize,
        /// The limit, [`crate::TEXT_BYTES_MAX`].
        text_bytes_max: usize,
    },
    /// More texts than one run reads. Import the rest in a second run.
    #[error("one run reads texts_max = {texts_max} texts; import this one in another run")]
    TooManyTexts {
        /// The limit, [`crate::TEXTS_MAX`].
        texts_max: usize,
    },
    /// The text is empty or blank.
    #[error("the text is empty")]
    Empty,
    /// Control characters or replacement characters: a binary file, or the wrong encoding.
    #[error("this is not readable text; give plain UTF-8")]
    NotText,
    /// Menus, buttons and credits only.
    #[error("the page holds furniture only and no article; save the article itself")]
    OnlyFurniture,
    /// The language is not one that the data files can read.
    #[error("the language of the text ({language}) is not read; enter the event by hand")]
    LanguageNotRead {
        /// ISO 639-1 code, or "und".
        language: String,
    },
    /// The text tells of no visit, meeting, joint operation or agreement between services of two countries.
    #[error("the text tells of no cooperation event: {missing}")]
    NoEvent {
        /// What was looked for and not found, in words.
        missing: &'static str,
    },
}

impl Silence {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Silence::TextTooLarge { .. } => "register.text.too-large",
            Silence::TooManyTexts { .. } => "register.text.too-many",
            Silence::Empty => "register.text.empty",
            Silence::NotText => "register.text.not-text",
            Silence::OnlyFurniture => "register.text.only-furniture",
            Silence::LanguageNotRead { .. } => "register.text.language",
            Silence::NoEvent { .. } => "register.text.no-event",
        }
    }
}

/// A text that gave no draft, and why; in JSON `{"source", "code", "reason"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// The path as given.
    pub source: String,
    /// Why there is no draft.
    pub reason: Silence,
}

impl Serialize for Silent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            source: &'a str,
            code: &'a str,
            reason: String,
        }
        Line { source: &self.source, code: self.reason.code(), reason: self.reason.to_string() }.serialize(serializer)
    }
}
