//! What travels inside a parcel: a canonical array of pieces, each acknowledged by its digest.

use base::cbor::{self, CborError};
use base::{Digest, DossierId, ServiceId};
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
}

impl Piece {
    /// Returns the canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// Returns the digest by which a piece that is no act is acknowledged.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }
}

/// Joins encoded pieces into a parcel's content.
pub fn join(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pieces.iter().map(Vec::len).sum::<usize>() + 9);
    let mut e = minicbor::Encoder::new(&mut out);
    e.array(pieces.len() as u64).expect("writing into memory cannot fail");
    pieces.iter().for_each(|p| out.extend_from_slice(p));
    out
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
            Piece::Restored { signed: vec![3; 300] },
            Piece::Recovered { signed: vec![4; 300] },
            Piece::Returned { signed: vec![5; 300] },
        ];
        let bytes = join(&pieces.iter().map(Piece::encode).collect::<Vec<_>>());
        assert_eq!(split(&bytes), Ok(pieces));
        assert_eq!(split(&bytes[..bytes.len() - 1]).unwrap_err().code(), "peer.bytes.truncated");
    }
}
