//! An attestation: a service's signed word on one act whose author's card was revoked.
//!
//! The author says whether the act is its own; another party says since when it held the act, so that a party that heard of the
//! revocation first can take it all the same and everybody folds the same acts. A word on an act changes no verdict.

use crate::card::read_versioned;
use crate::cards::Cards;
use crate::cose::{Signed, Typ, Verified};
use crate::fault::SealFault;
use crate::keys::Keys;
use base::cbor::{self, CborError};
use base::{ActId, ServiceId, UnixMs};
use minicbor::{Decode, Encode};

/// Version of the attestation that this node reads and writes.
pub const ATTESTATION_VERSION: u8 = 1;
/// Bytes of a signed attestation.
pub const ATTESTATION_BYTES_MAX: usize = 1024;

/// What a service says of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Word {
    /// Its author: I made it.
    #[n(0)]
    Mine,
    /// Its author: I did not make it.
    #[n(1)]
    NotMine,
    /// Another party: I held it before I knew of the revocation.
    #[n(2)]
    Held {
        /// Since when, by its own clock.
        #[n(0)]
        since: UnixMs,
    },
}

/// A service's word on one act.
///
/// Canonical CBOR map with the field numbers below, inside COSE_Sign1 under the signing key of a card that acts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attestation {
    /// [`ATTESTATION_VERSION`].
    #[n(0)]
    pub version: u8,
    /// The act.
    #[n(1)]
    pub act: ActId,
    /// Who says so.
    #[n(2)]
    pub by: ServiceId,
    /// What it says.
    #[n(3)]
    pub word: Word,
    /// When.
    #[n(4)]
    pub at: UnixMs,
}

impl Attestation {
    /// Signs our word with the card that acts.
    pub fn sign(keys: &Keys, act: ActId, word: Word, at: UnixMs) -> Verified {
        let payload = Attestation { version: ATTESTATION_VERSION, act, by: keys.service(), word, at };
        keys.sign(Typ::Attestation, &cbor::to_vec(&payload))
    }

    /// Returns who claims to have signed these bytes.
    pub fn signer(bytes: &[u8]) -> Result<ServiceId, SealFault> {
        Ok(Signed::parse(bytes, Typ::Attestation, ATTESTATION_BYTES_MAX)?.signer())
    }

    /// Reads and verifies an attestation against the cards of the service that claims to have signed it.
    pub fn read(bytes: &[u8], cards: &Cards) -> Result<(Attestation, Verified), SealFault> {
        let signed = Signed::parse(bytes, Typ::Attestation, ATTESTATION_BYTES_MAX)?;
        let attestation: Attestation = read_versioned(signed.payload(), ATTESTATION_BYTES_MAX, ATTESTATION_VERSION)?;
        let late = matches!(attestation.word, Word::Held { since } if since > attestation.at);
        if attestation.by != signed.signer() || late {
            return Err(CborError::Shape("an attestation is signed by who gives it, and holds before it says so".to_owned()).into());
        }
        let at = attestation.at;
        Ok((attestation, signed.verify(cards, at)?))
    }
}
