//! Opens what other services send: 1 size, 2 sender's card at that time, 3 signature, 4 digest and decryption, 5 pieces, 6 every act's
//! own signature; an act whose author's card was revoked comes in only with a party's signed word that it held it before. Needs no node, so it runs beside it on another core.

use crate::book::Book;
use crate::error::NodeError;
use crate::exhibit_flow::ChunkIn;
use crate::outbound::PARCEL_BYTES_MAX;
use crate::piece::{self, Piece};
use crate::shelves::Shelves;
use base::cbor::CborError;
use base::{ActId, Digest, ParcelId, ServiceId, UnixMs};
use bytes::Bytes;
use dossier::Act;
use seal::exhibit::verify_chunk;
use seal::{Attestation, Directory, Keys, Parcel, SealFault, Signed, Typ, Verified};
use std::sync::Arc;
use store::StoreError;

/// How far a sender's clock may be off.
pub const PARCEL_SKEW_MINUTES_MAX: u64 = 60;
/// Days after which a carried parcel is refused, whatever the operator sets: its receipt is remembered as long.
pub const CARRY_DAYS_CEILING: u32 = 366;
/// How far ahead of our clock an act may be dated.
pub const ACT_AHEAD_MINUTES_MAX: i64 = 10;

/// Minutes of a day.
const MINUTES_OF_DAY: u64 = 1440;

/// A parcel that was opened, with everything that can be told of it without the node.
pub struct Arrived {
    pub(crate) from: ServiceId,
    pub(crate) number: u64,
    pub(crate) at: UnixMs,
    pub(crate) id: ParcelId,
    /// Until when it could come again by file; none where it came over the wire.
    pub(crate) until: Option<UnixMs>,
    pub(crate) pieces: Vec<Result<Opened, (Digest, NodeError)>>,
}

/// One piece, verified.
pub(crate) enum Opened {
    Act { act: Arc<Act>, verified: Box<Verified>, body: Option<Vec<u8>>, attested: Option<Box<Attested>> },
    Chunk { digest: Digest, chunk: ChunkIn },
    Other { digest: Digest, piece: Piece },
}

impl Arrived {
    /// Writes the chunks of exhibits that are expected, beside the node; one that was not written so is written by the node itself.
    pub fn shelve(&mut self, shelves: &Shelves) {
        self.shelve_then(shelves, || ());
    }

    /// Does the same, and says when all is written and only the disk is waited for.
    pub fn shelve_then(&mut self, shelves: &Shelves, written: impl FnOnce()) {
        ChunkIn::shelve(self.pieces.iter_mut().filter_map(as_chunk), shelves, written);
    }

    /// Counts the chunks of exhibits in it.
    pub fn chunks(&self) -> u64 {
        self.pieces.iter().filter(|p| matches!(p, Ok(Opened::Chunk { .. }))).count() as u64
    }
}

fn as_chunk(piece: &mut Result<Opened, (Digest, NodeError)>) -> Option<&mut ChunkIn> {
    match piece {
        Ok(Opened::Chunk { chunk, .. }) => Some(chunk),
        _ => None,
    }
}

/// A service's word on an act, verified.
pub(crate) struct Attested {
    pub(crate) attestation: Attestation,
    pub(crate) verified: Verified,
}

/// Opens a parcel that a service brought over the wire.
pub fn open(bytes: impl Into<Vec<u8>> + AsRef<[u8]>, from: ServiceId, book: &Book, keys: &Keys, now: UnixMs) -> Result<Arrived, NodeError> {
    open_aged(Parcel::parse(bytes, PARCEL_BYTES_MAX)?, from, book, keys, None, now)
}

/// Opens a parcel that came in a carry file of this service, sealed up to `days_max` days ago.
///
/// As on the wire the sender's card is judged at the time that the parcel states, and no parcel is of the future. Nothing older
/// than [`CARRY_DAYS_CEILING`] is taken.
pub fn open_carried(parcel: Parcel, from: ServiceId, book: &Book, keys: &Keys, days_max: u32, now: UnixMs) -> Result<Arrived, NodeError> {
    open_aged(parcel, from, book, keys, Some(days_max.min(CARRY_DAYS_CEILING)), now)
}

fn open_aged(parcel: Parcel, from: ServiceId, book: &Book, keys: &Keys, days_max: Option<u32>, now: UnixMs) -> Result<Arrived, NodeError> {
    if parcel.from() != from {
        return Err(NodeError::Courier);
    }
    if book.is_suspended(&from) {
        return Err(NodeError::Suspended);
    }
    // Nobody has vouched for this time yet: it may be the end of the range.
    let off = parcel.at().0.abs_diff(now.0) / 60_000;
    match days_max {
        Some(days_max) if parcel.at() <= now => {
            let days = off / MINUTES_OF_DAY;
            if off > u64::from(days_max) * MINUTES_OF_DAY {
                return Err(NodeError::CarryAge(days, days_max));
            }
        }
        _ if off > PARCEL_SKEW_MINUTES_MAX => return Err(NodeError::ParcelClock(off)),
        _ => {}
    }
    if i64::try_from(parcel.number()).is_err() {
        return Err(StoreError::NumberTooLarge(parcel.number()).into());
    }
    let cards = book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
    let (number, id, at) = (parcel.number(), parcel.id(), parcel.at());
    let until = days_max.map(|_| parcel.at().plus_ms(i64::from(CARRY_DAYS_CEILING + 1) * 86_400_000));
    let opened = parcel.open(&cards, keys)?;
    let pieces = piece::split(&content(opened)).map_err(SealFault::from)?;
    if pieces.len() > seal::RECEIPT_ENTRIES_MAX {
        return Err(SealFault::from(CborError::Shape("more pieces than a receipt can name".to_owned())).into());
    }
    Ok(Arrived { from, number, at, id, until, pieces: pieces.into_iter().map(|p| open_piece(p, book, now)).collect() })
}

/// Takes the content out of the buffer in which the parcel came, without copying it.
fn content(opened: seal::Opened) -> Bytes {
    let (bytes, place) = opened.into_content();
    Bytes::from(bytes).slice(place)
}

fn open_piece(piece: Piece, book: &Book, now: UnixMs) -> Result<Opened, (Digest, NodeError)> {
    match piece {
        Piece::Act { signed, body } => open_named(&signed, body, None, book, now),
        Piece::Attested { attestation, signed, body } => open_named(&signed, body, Some(&attestation), book, now),
        Piece::Chunk { exhibit, size, index, proof, data } => {
            let digest = crate::piece::chunk_name(&exhibit, index);
            let fault = |fault| (digest, NodeError::Chunk { fault, exhibit, index });
            let hash = verify_chunk(&exhibit, size, index, &data, &proof).map_err(fault)?;
            Ok(Opened::Chunk { digest, chunk: ChunkIn { exhibit, size, index, data, hash, stored: None } })
        }
        other => Ok(Opened::Other { digest: other.digest(), piece: other }),
    }
}

/// Opens an act. Whatever is wrong with it, its sender knows it by the digest of the payload that it signed.
fn open_named(signed: &[u8], body: Option<Vec<u8>>, word: Option<&[u8]>, book: &Book, now: UnixMs) -> Result<Opened, (Digest, NodeError)> {
    let parsed = Signed::parse(signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512).map_err(|e| (Digest::of(signed), e.into()))?;
    let id = Digest::of(parsed.payload());
    open_act(parsed, body, word, book, now).map_err(|e| (id, e))
}

/// Reads and verifies a word on an act.
fn open_word(bytes: &[u8], act: ActId, author: ServiceId, book: &Book) -> Result<Box<Attested>, NodeError> {
    let by = Attestation::signer(bytes)?;
    let cards = book.cards(&by).ok_or(NodeError::UnknownPartner(by))?;
    let (attestation, verified) = Attestation::read(bytes, &cards)?;
    // An author says whether an act is its own; that another party's act is or is not its own, nobody can say.
    let about = matches!(attestation.word, seal::Word::Held { .. }) || by == author;
    match attestation.act == act && about {
        true => Ok(Box::new(Attested { attestation, verified })),
        false => Err(NodeError::Word),
    }
}

fn open_act(signed: Signed, body: Option<Vec<u8>>, word: Option<&[u8]>, book: &Book, now: UnixMs) -> Result<Opened, NodeError> {
    let act = Act::decode(signed.payload(), body.as_deref())?;
    let head = act.head();
    if head.author != signed.signer() {
        return Err(NodeError::Signer);
    }
    if i64::try_from(head.seq).is_err() {
        return Err(StoreError::NumberTooLarge(head.seq).into());
    }
    let ahead = (head.at.at.0 - now.0) / 60_000;
    if ahead > ACT_AHEAD_MINUTES_MAX {
        return Err(NodeError::ClockAhead(ahead));
    }
    let cards = book.cards(&head.author).ok_or(NodeError::UnknownPartner(head.author))?;
    let attested = word.map(|w| open_word(w, act.id(), head.author, book)).transpose()?;
    // With a word on it, a revoked card is no ground to refuse; a retired one stays one.
    let revoked = cards.revocation(signed.card_number()).is_some();
    let verified = Box::new(match attested.is_some() && revoked {
        true => signed.verify_held(&cards, head.at.at)?,
        false => signed.verify(&cards, head.at.at)?,
    });
    Ok(Opened::Act { act: Arc::new(act), verified, body, attested })
}

impl Opened {
    /// Returns the digest by which the receipt names this piece.
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Opened::Act { act, .. } => *ActId::as_ref(&act.id()),
            Opened::Chunk { digest, .. } | Opened::Other { digest, .. } => *digest,
        }
    }
}
