//! Floor 1: ids, time, handling, vocabularies, languages and canonical bytes. Imports no other floor.

pub mod cbor;
mod exhibit;
pub mod fold;
mod handling;
pub mod hex;
mod ids;
mod lang;
mod time;
mod vocabulary;

pub use exhibit::{CHUNK_BYTES, EXHIBIT_BYTES_MAX, chunk_bytes, chunk_count};
pub use handling::{Coded, Evaluation, Handling, HandlingRefusal, Use};
pub use ids::{ActId, BodyId, Digest, DossierId, ExhibitId, IdError, ItemId, MechanismId, OfficerId, ParcelId, ServiceId};
pub use lang::{Labels, Lang, Tag, Text};
pub use time::{Date, Instant, Length, TimeError, UnixMs};
pub use vocabulary::{Entry, Vocabulary, VocabularyError};

/// Where random bytes come from: handed in, so that a simulation can replay a run from its seed.
pub trait Entropy: Send {
    /// Fills a buffer with unpredictable bytes.
    fn fill(&mut self, buffer: &mut [u8]);
}
