//! A succession: a service that lost its root key says under its new one which service it was.
//!
//! The new root signs; whoever still has the old service's acting keys signs the same words with them. Neither makes it true: it is
//! taken by people who compare the new fingerprint by telephone, as for a first card.

use crate::card::{CardFault, read_versioned, service_id};
use crate::cards::Cards;
use crate::cose::{Signed, Typ, Verified};
use crate::ed25519::PublicKey;
use crate::fault::SealFault;
use base::{ServiceId, UnixMs};
use minicbor::{Decode, Encode};

/// Version of the succession that this node reads and writes.
pub const SUCCESSION_VERSION: u8 = 1;
/// Bytes of a signed succession.
pub const SUCCESSION_BYTES_MAX: usize = 1024;

/// A new service and the one whose place it takes.
///
/// Canonical CBOR map with the field numbers below, inside COSE_Sign1 under the new root key (card number 0 in the header), and a
/// second time, where it can be had, under an acting card of the predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Succession {
    /// [`SUCCESSION_VERSION`].
    #[n(0)]
    pub version: u8,
    /// The new service.
    #[n(1)]
    pub service: ServiceId,
    /// Its root key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// The service whose root key was lost.
    #[n(3)]
    pub predecessor: ServiceId,
    /// When this was signed.
    #[n(4)]
    pub at: UnixMs,
}

impl Succession {
    /// Reads what the new root key signed.
    pub fn read(bytes: &[u8]) -> Result<(Succession, Verified), CardFault> {
        let signed = Signed::parse(bytes, Typ::Succession, SUCCESSION_BYTES_MAX)?;
        let succession: Succession = read_versioned(signed.payload(), SUCCESSION_BYTES_MAX, SUCCESSION_VERSION)?;
        let own = succession.service == service_id(&succession.root) && succession.service == signed.signer() && signed.card_number() == 0;
        if !own {
            return Err(CardFault::Service(signed.signer()));
        }
        if succession.service == succession.predecessor {
            return Err(CardFault::Field("predecessor"));
        }
        let root = PublicKey::new(&succession.root).ok_or(CardFault::Field("root"))?;
        let verified = signed.verify_with(&root)?;
        Ok((succession, verified))
    }

    /// Checks that the predecessor signed the very same words with a card that could act then and is not revoked.
    pub fn countersigned(&self, bytes: &[u8], predecessor: &Cards) -> Result<Verified, SealFault> {
        let signed = Signed::parse(bytes, Typ::Succession, SUCCESSION_BYTES_MAX)?;
        if signed.payload() != base::cbor::to_vec(self) {
            return Err(base::cbor::CborError::Shape("the predecessor signed another succession".to_owned()).into());
        }
        signed.verify(predecessor, self.at)
    }
}
