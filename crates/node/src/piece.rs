//! What travels inside a parcel: a canonical array of pieces, each acknowledged by its digest.

use base::cbor::{self, CborError};
use base::{Digest, DossierId, ExhibitId, ServiceId};
use bytes::Bytes;
use dossier::Mark;
use minicbor::{Decode, Decoder, Encode, Encoder};

/// The number of the piece that is a chunk of an exhibit.
const CHUNK: u8 = 9;
/// Bytes of one parcel's content.
pub const CONTENT_BYTES_MAX: usize = 6 << 20;

/// One piece of a parcel.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Piece {
    /// An act: the signed head and, unless it was erased, the body.
    #[n(0)]
    Act {
        /// COSE_Sign1 over the head.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
        /// The body's bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        body: Option<Vec<u8>>,
    },
    /// A later card of the sender.
    #[n(1)]
    Card(
        #[cbor(n(0), with = "minicbor::bytes")]
        /// The signed card.
        Vec<u8>,
    ),
    /// A mechanism that an accord names.
    #[n(2)]
    Mechanism(
        #[cbor(n(0), with = "minicbor::bytes")]
        /// The file's bytes.
        Vec<u8>,
    ),
    /// Asks for acts that are lacking here.
    #[n(3)]
    Want {
        /// The dossier.
        #[n(0)]
        dossier: DossierId,
        /// Whose acts.
        #[n(1)]
        author: ServiceId,
        /// The first number.
        #[n(2)]
        from: u64,
        /// The last number.
        #[n(3)]
        to: u64,
    },
    /// A checkpoint of the sender's ledger, to be cosigned.
    #[n(4)]
    Checkpoint {
        /// The signed note.
        #[n(0)]
        note: String,
        /// The size that the recipient last cosigned, as the sender knows it.
        #[n(1)]
        old_size: u64,
        /// Proof that the ledger has only grown since (RFC 9162, 2.1.4).
        #[n(2)]
        proof: Vec<Digest>,
    },
    /// The recipient's checkpoint with the sender's cosignature.
    #[n(5)]
    Cosigned {
        /// The signed note.
        #[n(0)]
        note: String,
    },
    /// A revocation of one of the sender's cards.
    #[n(6)]
    Revocation(
        #[cbor(n(0), with = "minicbor::bytes")]
        /// The signed revocation.
        Vec<u8>,
    ),
    /// An act whose author's card was revoked, with somebody's word on it.
    #[n(7)]
    Attested {
        /// The signed attestation.
        #[cbor(n(0), with = "minicbor::bytes")]
        attestation: Vec<u8>,
        /// COSE_Sign1 over the head.
        #[cbor(n(1), with = "minicbor::bytes")]
        signed: Vec<u8>,
        /// The body's bytes.
        #[cbor(n(2), with = "minicbor::bytes")]
        body: Option<Vec<u8>>,
    },
    /// What of an exhibit is lacking at the sender; nothing where it holds all of it or, with a code, does not take it.
    #[n(8)]
    Seek {
        /// A dossier that both are parties of and that names the exhibit.
        #[n(0)]
        dossier: DossierId,
        /// The exhibit.
        #[n(1)]
        exhibit: ExhibitId,
        /// Chunk numbers as ranges `from..to`, in order, none touching the next.
        #[n(2)]
        lacking: Vec<(u32, u32)>,
        /// The stable code of why it is not taken.
        #[n(3)]
        why: Option<String>,
    },
    /// A chunk of an exhibit, acknowledged by [`chunk_name`] once it is on the recipient's disk.
    #[n(9)]
    Chunk {
        /// The exhibit.
        #[n(0)]
        exhibit: ExhibitId,
        /// Its size in bytes.
        #[n(1)]
        size: u64,
        /// The chunk's number, from 0.
        #[n(2)]
        index: u32,
        /// Proof that the chunk is in the exhibit (RFC 9162, 2.1.3).
        #[n(3)]
        proof: Vec<Digest>,
        /// The bytes; a chunk that came shares the buffer of its parcel.
        #[cbor(n(4), with = "shared")]
        data: Bytes,
    },
    /// Asks whether the recipient holds all of an exhibit; the receipt says since when.
    #[n(10)]
    Whole {
        /// A dossier that both are parties of and that names the exhibit.
        #[n(0)]
        dossier: DossierId,
        /// The exhibit.
        #[n(1)]
        exhibit: ExhibitId,
    },
    /// The sender's declaration that its ledger was put back; back to its signer, what somebody declared in its name.
    #[n(12)]
    Restored {
        /// The signed declaration.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
    },
    /// One page of the sender's answer to the recipient's declaration.
    #[n(13)]
    Recovered {
        /// The signed page.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
    },
    /// A receipt that the recipient gave before its ledger was put back.
    #[n(14)]
    Returned {
        /// The signed receipt.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
    },
    /// How far the sender has folded a dossier, so that parties find out when one of them was told other things.
    #[n(15)]
    Front {
        /// The dossier.
        #[n(0)]
        dossier: DossierId,
        /// The last act of each party that the sender has folded, ordered by party.
        #[n(1)]
        marks: Vec<Mark>,
    },
    /// The head of the list that the recipient may ask; its filter follows in parts.
    #[n(16)]
    HitList {
        /// The signed head.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
    },
    /// A part of the filter of a list.
    #[n(17)]
    HitPart {
        /// SHA-256 of the list's signed head.
        #[n(0)]
        list: Digest,
        /// The part's number, from 0.
        #[n(1)]
        part: u32,
        /// The bytes.
        #[cbor(n(2), with = "minicbor::bytes")]
        data: Vec<u8>,
    },
    /// Changes to a list under the same key.
    #[n(18)]
    HitChanges {
        /// SHA-256 of the list's signed head.
        #[n(0)]
        list: Digest,
        /// Their number, from 1.
        #[n(1)]
        number: u32,
        /// The changes, see `matching::filter::Changes`.
        #[cbor(n(2), with = "minicbor::bytes")]
        data: Vec<u8>,
    },
    /// A question to the recipient's list.
    #[n(19)]
    HitQuestion {
        /// The signed head.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
        /// The blinded elements, 32 bytes each.
        #[cbor(n(1), with = "minicbor::bytes")]
        elements: Vec<u8>,
    },
    /// The answer to a question.
    #[n(20)]
    HitAnswer {
        /// SHA-256 of the signed question.
        #[n(0)]
        question: Digest,
        /// The evaluated elements, in the order of the question.
        #[cbor(n(1), with = "minicbor::bytes")]
        elements: Vec<u8>,
        /// The proof that the published key made them all (RFC 9497, 2.2).
        #[cbor(n(2), with = "minicbor::bytes")]
        proof: Vec<u8>,
    },
    /// Hits of a question that an officer confirms.
    #[n(21)]
    HitConfirmation {
        /// The signed confirmation.
        #[cbor(n(0), with = "minicbor::bytes")]
        signed: Vec<u8>,
    },
    /// References of confirmed hits, each sealed under what its input came to; empty where there was no record after all.
    #[n(22)]
    HitReference {
        /// SHA-256 of the signed question.
        #[n(0)]
        question: Digest,
        /// In the order of the confirmation.
        #[n(1)]
        sealed: Vec<minicbor::bytes::ByteVec>,
    },
}

/// Returns the name by which a receipt acknowledges a chunk: it is known before the chunk is read.
pub fn chunk_name(exhibit: &ExhibitId, index: u32) -> Digest {
    Digest::tagged("entente/chunk/1", &[exhibit.bytes(), &index.to_be_bytes()])
}

impl Piece {
    /// Tells whether this is about hit/no-hit.
    pub(crate) fn is_hit(&self) -> bool {
        use Piece::*;
        matches!(
            self,
            HitList { .. } | HitPart { .. } | HitChanges { .. } | HitQuestion { .. } | HitAnswer { .. } | HitConfirmation { .. } | HitReference { .. }
        )
    }

    /// Returns the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Returns the digest by which a piece that is no act is acknowledged.
    pub fn digest(&self) -> Digest {
        match self {
            Piece::Chunk { exhibit, index, .. } => chunk_name(exhibit, *index),
            other => Digest::of(&other.encode()),
        }
    }
}

/// Joins encoded pieces into a parcel's content.
pub fn join(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pieces.iter().map(Vec::len).sum::<usize>() + 9);
    begin(&mut out, pieces.len());
    pieces.iter().for_each(|p| out.extend_from_slice(p));
    out
}

/// Begins a parcel's content of so many pieces.
pub(crate) fn begin(out: &mut Vec<u8>, pieces: usize) {
    minicbor::Encoder::new(out).array(pieces as u64).expect("writing into memory cannot fail");
}

/// Returns the digest under which a sender remembers what a parcel holds, in order; it never leaves the node.
pub(crate) fn named(objects: &[Digest]) -> Digest {
    let parts: Vec<&[u8]> = objects.iter().map(|o| &o.0[..]).collect();
    Digest::tagged("entente/load/1", &parts)
}

/// Writes a chunk piece but for its bytes, which follow.
pub(crate) fn begin_chunk(out: &mut Vec<u8>, exhibit: &ExhibitId, size: u64, index: u32, proof: &[Digest], bytes: usize) {
    let written = (|| {
        let mut e = Encoder::new(out);
        e.array(2)?.u8(CHUNK)?.array(5)?.encode(exhibit)?.u64(size)?.u32(index)?.encode(proof)?.bytes_len(bytes as u64)?.ok()
    })();
    written.expect("writing into memory cannot fail");
}

/// Reads a parcel's content. The bytes of chunks are not copied: they stay where they came.
pub fn split(content: &Bytes) -> Result<Vec<Piece>, CborError> {
    if content.len() > CONTENT_BYTES_MAX {
        return Err(CborError::TooLarge { bytes: content.len(), bytes_max: CONTENT_BYTES_MAX });
    }
    cbor::check(content)?;
    let mut d = Decoder::new(content);
    let mut pieces = Vec::new();
    for _ in 0..d.array().map_err(shape)?.unwrap_or(0) {
        let begin = d.position();
        d.skip().map_err(shape)?;
        let piece = content.slice(begin..d.position());
        pieces.push(if piece.starts_with(&[0x82, CHUNK]) { read_chunk(&piece).map_err(shape)? } else { cbor::from_slice(&piece, CONTENT_BYTES_MAX)? });
    }
    Ok(pieces)
}

/// Reads a chunk piece that is canonical; it has exactly these fields.
fn read_chunk(piece: &Bytes) -> Result<Piece, minicbor::decode::Error> {
    let mut d = Decoder::new(piece);
    d.array()?;
    d.u8()?;
    if d.array()? != Some(5) {
        return Err(minicbor::decode::Error::message("a chunk has five fields"));
    }
    let (exhibit, size, index, proof, data) = (d.decode()?, d.u64()?, d.u32()?, d.decode()?, d.bytes()?);
    Ok(Piece::Chunk { exhibit, size, index, proof, data: piece.slice_ref(data) })
}

fn shape(e: minicbor::decode::Error) -> CborError {
    CborError::Shape(e.to_string())
}

/// Bytes that are shared, as a CBOR byte string; read alone, they are copied.
mod shared {
    use bytes::Bytes;
    use minicbor::decode::{self, Decoder};
    use minicbor::encode::{self, Encoder, Write};

    pub(super) fn encode<C, W: Write>(bytes: &Bytes, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(bytes)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Bytes, decode::Error> {
        d.bytes().map(Bytes::copy_from_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_as_they_were() {
        let pieces = vec![
            Piece::Act { signed: vec![1; 300], body: Some(vec![2; 70_000]) },
            Piece::Act { signed: vec![1], body: None },
            Piece::Want { dossier: Digest::of(b"d").into(), author: Digest::of(b"a").into(), from: 1, to: 900 },
            Piece::Checkpoint { note: "n".into(), old_size: 0, proof: vec![Digest::of(b"x")] },
            Piece::Seek { dossier: Digest::of(b"d").into(), exhibit: Digest::of(b"e").into(), lacking: vec![(0, 7), (9, 10)], why: None },
            Piece::Chunk { exhibit: Digest::of(b"e").into(), size: 9, index: 0, proof: vec![], data: vec![3; 9].into() },
            Piece::Whole { dossier: Digest::of(b"d").into(), exhibit: Digest::of(b"e").into() },
            Piece::Restored { signed: vec![3; 300] },
            Piece::Recovered { signed: vec![4; 300] },
            Piece::Returned { signed: vec![5; 300] },
            Piece::Front { dossier: Digest::of(b"d").into(), marks: vec![Mark { party: Digest::of(b"a").into(), seq: 7, act: Digest::of(b"i").into() }] },
        ];
        let bytes = Bytes::from(join(&pieces.iter().map(Piece::encode).collect::<Vec<_>>()));
        assert_eq!(split(&bytes), Ok(pieces));
        assert_eq!(split(&bytes.slice(..bytes.len() - 1)).unwrap_err().code(), "peer.bytes.truncated");
    }

    #[test]
    fn a_chunk_is_written_in_one_form_and_read_in_no_other() {
        let (exhibit, proof) = (Digest::of(b"e").into(), vec![Digest::of(b"x"), Digest::of(b"y")]);
        for data in [vec![], vec![3; 9], vec![4; 300], vec![5; 70_000]] {
            let mut written = Vec::new();
            begin(&mut written, 1);
            begin_chunk(&mut written, &exhibit, 5 << 20, 4, &proof, data.len());
            written.extend(&data);
            let piece = Piece::Chunk { exhibit, size: 5 << 20, index: 4, proof: proof.clone(), data: data.into() };
            assert_eq!(written, join(&[piece.encode()]), "the derived writer writes the same");
            assert_eq!(split(&written.clone().into()), Ok(vec![piece]));
            // One field more, one fewer, another kind of value.
            let at = written.iter().position(|b| *b == 0x85).unwrap();
            for (place, byte) in [(at, 0x84), (at, 0x86), (at + 1, 0x78)] {
                let mut other = written.clone();
                other[place] = byte;
                assert!(split(&other.into()).is_err());
            }
        }
        let more = cbor::to_vec(&vec![(9u8, (Digest::of(b"e"), 9u64, 0u32, Vec::<Digest>::new(), minicbor::bytes::ByteVec::from(vec![3; 9]), 1u8))]);
        assert_eq!(split(&more.into()).unwrap_err().code(), "peer.bytes.shape", "a field that this version does not know");
        let unknown = cbor::to_vec(&vec![(99u8, Vec::<u8>::new())]);
        assert_eq!(split(&unknown.into()).unwrap_err().code(), "peer.bytes.shape");
        assert_eq!(split(&vec![0xa0].into()).unwrap_err().code(), "peer.bytes.shape", "a content is an array");
    }
}
