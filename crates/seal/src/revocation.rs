//! A revocation: the root key's word that the keys of one card are no longer the service's alone, and since when that may be so.
//!
//! It says what is refused from now on and what is in doubt. It takes nothing back: what stands in a ledger stays there.

use crate::card::{CardFault, read_versioned, service_id};
use crate::cose::{Signed, Typ};
use crate::ed25519::PublicKey;
use base::{ServiceId, UnixMs};
use minicbor::{Decode, Encode};

/// Version of the revocation that this node reads and writes.
pub const REVOCATION_VERSION: u8 = 1;
/// Bytes of a signed revocation.
pub const REVOCATION_BYTES_MAX: usize = 1024;
/// Revocations that are kept of one service.
pub const REVOCATIONS_MAX: usize = 256;

/// Why the keys of a card are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// Somebody else is known to have had them.
    #[n(0)]
    Stolen,
    /// Somebody else may have had them.
    #[n(1)]
    Suspected,
    /// They are gone, and where they are is not known.
    #[n(2)]
    Lost,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 3] = [Reason::Stolen, Reason::Suspected, Reason::Lost];

    /// Returns the stable code.
    pub fn code(self) -> &'static str {
        match self {
            Reason::Stolen => "stolen",
            Reason::Suspected => "suspected",
            Reason::Lost => "lost",
        }
    }

    /// Finds a reason by its code.
    pub fn from_code(code: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|r| r.code() == code)
    }
}

/// The keys of one card, withdrawn.
///
/// Canonical CBOR map with the field numbers below, inside COSE_Sign1 under the root key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Revocation {
    /// [`REVOCATION_VERSION`].
    #[n(0)]
    pub version: u8,
    /// The service.
    #[n(1)]
    pub service: ServiceId,
    /// Its root key, so that the revocation can be checked without a card.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// The card. Every other card that carries its signing or its TLS key is withdrawn with it.
    #[n(3)]
    pub card: u32,
    /// First moment at which somebody else may have had the keys.
    #[n(4)]
    pub since: UnixMs,
    /// When this was signed.
    #[n(5)]
    pub at: UnixMs,
    /// Why.
    #[n(6)]
    pub reason: Reason,
}

impl Revocation {
    /// Reads a signed revocation: canonical bytes, root key that hashes to the service id, root signature, fields in order.
    pub fn read(bytes: &[u8]) -> Result<Revocation, CardFault> {
        let signed = Signed::parse(bytes, Typ::Revocation, REVOCATION_BYTES_MAX)?;
        let revocation: Revocation = Revocation::read_payload(signed.payload())?;
        if revocation.service != signed.signer() || revocation.card != signed.card_number() {
            return Err(CardFault::Service(signed.signer()));
        }
        let root = PublicKey::new(&revocation.root).ok_or(CardFault::Field("root"))?;
        signed.verify_with(&root)?;
        Ok(revocation)
    }

    /// Reads a revocation that nobody has signed yet.
    pub(crate) fn read_payload(payload: &[u8]) -> Result<Revocation, CardFault> {
        let revocation: Revocation = read_versioned(payload, REVOCATION_BYTES_MAX, REVOCATION_VERSION)?;
        if revocation.service != service_id(&revocation.root) {
            return Err(CardFault::Service(revocation.service));
        }
        match (revocation.card, revocation.since <= revocation.at) {
            (0, _) => Err(CardFault::Field("card")),
            (_, false) => Err(CardFault::Field("since")),
            _ => Ok(revocation),
        }
    }
}
