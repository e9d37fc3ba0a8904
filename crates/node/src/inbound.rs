//! Opens what other services send: 1 size, 2 sender's card at that time, 3 signature, 4 decryption, 5 pieces, 6 every act's
//! own signature. Needs no node, so it runs beside it on another core.

use crate::book::Book;
use crate::error::NodeError;
use crate::exhibit_flow::ChunkIn;
use crate::outbound::PARCEL_BYTES_MAX;
use crate::piece::{self, Piece};
use crate::shelves::Shelves;
use base::cbor::CborError;
use base::{ActId, Digest, ParcelId, ServiceId, UnixMs};
use dossier::Act;
use seal::exhibit::verify_chunk;
use seal::{Directory, Keys, Parcel, SealFault, Signed, Typ, Verified};
use std::sync::Arc;
use store::StoreError;

/// How far a sender's clock may be off.
pub const PARCEL_SKEW_MINUTES_MAX: u64 = 60;
/// How far ahead of our clock an act may be dated.
pub const ACT_AHEAD_MINUTES_MAX: i64 = 10;

/// A parcel that was opened, with everything that can be told of it without the node.
pub struct Arrived {
    pub(crate) from: ServiceId,
    pub(crate) number: u64,
    pub(crate) id: ParcelId,
    pub(crate) pieces: Vec<Result<Opened, (Digest, NodeError)>>,
}

/// One piece, verified.
pub(crate) enum Opened {
    Act { act: Arc<Act>, verified: Box<Verified>, body: Option<Vec<u8>> },
    Chunk { digest: Digest, chunk: ChunkIn },
    Other { digest: Digest, piece: Piece },
}

impl Arrived {
    /// Writes the chunks of exhibits that are expected, beside the node; one that was not written so is written by the node itself.
    pub fn shelve(&mut self, shelves: &Shelves) {
        ChunkIn::shelve(self.pieces.iter_mut().filter_map(as_chunk), shelves);
    }
}

fn as_chunk(piece: &mut Result<Opened, (Digest, NodeError)>) -> Option<&mut ChunkIn> {
    match piece {
        Ok(Opened::Chunk { chunk, .. }) => Some(chunk),
        _ => None,
    }
}

/// Opens a parcel that a service brought.
pub fn open(bytes: &[u8], from: ServiceId, book: &Book, keys: &Keys, now: UnixMs) -> Result<Arrived, NodeError> {
    let parcel = Parcel::parse(bytes, PARCEL_BYTES_MAX)?;
    if parcel.from() != from {
        return Err(NodeError::Courier);
    }
    // Nobody has vouched for this time yet: it may be the end of the range.
    let off = parcel.at().0.abs_diff(now.0) / 60_000;
    if off > PARCEL_SKEW_MINUTES_MAX {
        return Err(NodeError::ParcelClock(off));
    }
    if i64::try_from(parcel.number()).is_err() {
        return Err(StoreError::NumberTooLarge(parcel.number()).into());
    }
    let cards = book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
    let (number, id) = (parcel.number(), parcel.id());
    let opened = parcel.open(&cards, keys)?;
    let pieces = piece::split(&opened.plaintext).map_err(SealFault::from)?;
    if pieces.len() > seal::RECEIPT_ENTRIES_MAX {
        return Err(SealFault::from(CborError::Shape("more pieces than a receipt can name".to_owned())).into());
    }
    Ok(Arrived { from, number, id, pieces: pieces.into_iter().map(|p| open_piece(p, book, now)).collect() })
}

fn open_piece(piece: Piece, book: &Book, now: UnixMs) -> Result<Opened, (Digest, NodeError)> {
    match piece {
        Piece::Act { signed, body } => {
            // Whatever is wrong with an act, its sender knows it by the digest of the payload that it signed.
            let name = |s: &Signed| Digest::of(s.payload());
            let parsed = Signed::parse(&signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512).map_err(|e| (Digest::of(&signed), e.into()))?;
            let id = name(&parsed);
            open_act(parsed, body, book, now).map_err(|e| (id, e))
        }
        Piece::Chunk { exhibit, size, index, proof, data } => {
            let digest = crate::piece::chunk_name(&exhibit, index);
            let fault = |fault| (digest, NodeError::Chunk { fault, exhibit, index });
            let hash = verify_chunk(&exhibit, size, index, &data, &proof).map_err(fault)?;
            Ok(Opened::Chunk { digest, chunk: ChunkIn { exhibit, size, index, data, hash, stored: None } })
        }
        other => Ok(Opened::Other { digest: other.digest(), piece: other }),
    }
}

fn open_act(signed: Signed, body: Option<Vec<u8>>, book: &Book, now: UnixMs) -> Result<Opened, NodeError> {
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
    let verified = Box::new(signed.verify(&cards, head.at.at)?);
    Ok(Opened::Act { act: Arc::new(act), verified, body })
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
