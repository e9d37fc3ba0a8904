//! What another service did wrong at the door of the seal, by stable code.

use base::cbor::CborError;
use base::{ServiceId, UnixMs};

/// A signed or sealed object cannot be trusted; always the doing of who made or carried it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// The bytes are not in canonical form, too large or not this object.
    #[error(transparent)]
    Bytes(#[from] CborError),
    /// The signature does not hold.
    #[error("the signature does not hold; the object was altered on its way or forged. Keep it as evidence and ask the sender by telephone")]
    Signature,
    /// We hold no card of the service that is named as signer.
    #[error("service {0} is not known here; exchange cards and compare fingerprints with it first")]
    UnknownSender(ServiceId),
    /// We know the service but not that card of it.
    #[error("card {number} of service {service} is not known here; ask the service for its newer cards")]
    UnknownCard {
        /// Whose card.
        service: ServiceId,
        /// Its number.
        number: u32,
    },
    /// The card was not valid at the time of the object.
    #[error("card {number} is valid from {from} until {until}, the object is of {at}; the signer must sign with a card that is valid")]
    CardExpired {
        /// The card's number.
        number: u32,
        /// First moment of its validity.
        from: UnixMs,
        /// Last moment of its validity.
        until: UnixMs,
        /// When the object says that it was made.
        at: UnixMs,
    },
    /// A newer card has taken over, and the time of grace is past.
    #[error("card {number} was retired at {retired}, the object is of {at}; the signer must sign with its newer card")]
    CardRetired {
        /// The card's number.
        number: u32,
        /// When the time of grace ended.
        retired: UnixMs,
        /// When the object says that it was made.
        at: UnixMs,
    },
    /// The service has withdrawn the card's keys: somebody else may have signed this.
    #[error("card {number} is revoked: its keys may have been in other hands since {since}. What is signed with it is not taken any more; call the service")]
    CardRevoked {
        /// The card's number.
        number: u32,
        /// Since when others may have had its keys.
        since: UnixMs,
    },
    /// A good object at the wrong door.
    #[error("this is not an object of type {expected}; it was put into the wrong place, or the sender's software is at fault")]
    WrongType {
        /// What this door takes.
        expected: &'static str,
    },
    /// The parcel is addressed to another service.
    #[error("this parcel is addressed to service {0}, not to us; the courier delivered it to the wrong door")]
    NotForUs(ServiceId),
    /// The signature holds, but the content cannot be decrypted.
    #[error("the parcel cannot be opened with the keys of our card {number}; the sender must seal it anew for our present card")]
    Open {
        /// Our card for which it was sealed.
        number: u32,
    },
    /// A version or algorithm that this node does not speak.
    #[error("the object uses version or algorithm {0}, which this node does not speak; one of the two services must update")]
    Version(i64),
}

impl SealFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            SealFault::Bytes(e) => e.code(),
            SealFault::Signature => "peer.seal.signature",
            SealFault::UnknownSender(_) => "peer.seal.unknown-sender",
            SealFault::UnknownCard { .. } => "peer.seal.unknown-card",
            SealFault::CardExpired { .. } => "peer.seal.card-expired",
            SealFault::CardRetired { .. } => "peer.seal.card-retired",
            SealFault::CardRevoked { .. } => "peer.seal.card-revoked",
            SealFault::WrongType { .. } => "peer.seal.wrong-type",
            SealFault::NotForUs(_) => "peer.seal.not-for-us",
            SealFault::Open { .. } => "peer.seal.open",
            SealFault::Version(_) => "peer.seal.version",
        }
    }
}
