//! What travels inside a parcel: a canonical array of pieces, each acknowledged by its digest.

use base::cbor::{self, CborError};
use base::{Digest, DossierId, ExhibitId, ServiceId};
use dossier::Mark;
use minicbor::{Decode, Encode};

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
        /// The bytes.
        #[cbor(n(4), with = "minicbor::bytes")]
        data: Vec<u8>,
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

    /// Writes the canonical bytes behind what is there.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        minicbor::encode(self, out).expect("writing into memory cannot fail");
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

/// Reads a parcel's content.
pub fn split(content: &[u8]) -> Result<Vec<Piece>, CborError> {
    cbor::from_slice(content, CONTENT_BYTES_MAX)
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
            Piece::Chunk { exhibit: Digest::of(b"e").into(), size: 9, index: 0, proof: vec![], data: vec![3; 9] },
            Piece::Whole { dossier: Digest::of(b"d").into(), exhibit: Digest::of(b"e").into() },
            Piece::Restored { signed: vec![3; 300] },
            Piece::Recovered { signed: vec![4; 300] },
            Piece::Returned { signed: vec![5; 300] },
            Piece::Front { dossier: Digest::of(b"d").into(), marks: vec![Mark { party: Digest::of(b"a").into(), seq: 7, act: Digest::of(b"i").into() }] },
        ];
        let bytes = join(&pieces.iter().map(Piece::encode).collect::<Vec<_>>());
        assert_eq!(split(&bytes), Ok(pieces));
        assert_eq!(split(&bytes[..bytes.len() - 1]).unwrap_err().code(), "peer.bytes.truncated");
    }
}
