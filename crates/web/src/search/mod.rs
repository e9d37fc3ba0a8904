//! Search across dossiers in six languages: words are folded and stemmed here, so that every store finds alike.
//!
//! 1 `lines` reads what a dossier shows, 2 `words` cuts it into folded words with their stems, 3 [`Index`] remembers in memory which
//! dossier has which, 4 [`Query`] is what an officer typed, 5 a dossier that seems to answer is read again: only what stands there now
//! is a hit. So nothing of an index lies on a disk, and what was erased is not found even by an index that has not heard of it.

mod index;
mod lines;
mod postings;
mod query;
mod words;

pub use index::{DOSSIERS_READ_MAX, Found, Hit, INDEX_BYTES_MAX, Index, Meta, Snippet, TERMS_MAX, highlight};
pub use lines::{Line, lines};
pub use query::{PARTS_MAX, QUERY_CHARS_MAX, Query};
pub use words::{WORD_LETTERS_MAX, Word, stems, words};
