//! What is signed for hit/no-hit, and what a reference holds: canonical CBOR maps inside COSE_Sign1. Wire format: `docs/protocol.md`.

use crate::error::NodeError;
use base::cbor::{self, CborError};
use base::{Date, Digest, DossierId, MechanismId, OfficerId, ServiceId, Text, UnixMs};
use minicbor::{Decode, Encode};
use seal::{Cards, Keys, SealFault, Signed, Typ, Verified};

/// Version of the three signed objects.
pub const HIT_VERSION: u8 = 1;
/// The suite: RFC 9497, ristretto255-SHA512, verifiable mode.
pub const SUITE: u8 = 1;
/// Bytes of a signed list head, question or confirmation.
pub const HIT_SIGNED_BYTES_MAX: usize = 96 * 1024;

/// What a service says of the list that one partner may ask.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HitList {
    /// [`HIT_VERSION`].
    #[n(0)]
    pub version: u8,
    /// Whose list.
    #[n(1)]
    pub by: ServiceId,
    /// Who may ask it.
    #[n(2)]
    pub to: ServiceId,
    /// The accord under which.
    #[n(3)]
    pub accord: DossierId,
    /// The mechanism that the accord names.
    #[n(4)]
    pub mechanism: MechanismId,
    /// Number of the epoch, for people.
    #[n(5)]
    pub epoch: u32,
    /// Version of the rules by which subjects become keys.
    #[n(6)]
    pub scheme: u32,
    /// [`SUITE`].
    #[n(7)]
    pub suite: u8,
    /// The public key of this epoch, against which answers are proved.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub public: [u8; 32],
    /// Tags in the filter.
    #[n(9)]
    pub count: u64,
    /// Bytes of the filter.
    #[n(10)]
    pub bytes: u64,
    /// SHA-256 of the filter.
    #[n(11)]
    pub filter: Digest,
    /// When it was made; a later one takes the place of an earlier one.
    #[n(12)]
    pub at: UnixMs,
    /// From when it may not be asked any more.
    #[n(13)]
    pub until: UnixMs,
}

/// Why a question is asked (Regulation (EU) 2024/982, Article 33).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// To find out who a person is.
    #[n(0)]
    Identify,
    /// To learn more on a person who is known.
    #[n(1)]
    LearnMore,
}

/// The head of a question; the elements lie apart.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HitQuestion {
    /// [`HIT_VERSION`].
    #[n(0)]
    pub version: u8,
    /// Who asks.
    #[n(1)]
    pub by: ServiceId,
    /// Who is asked.
    #[n(2)]
    pub to: ServiceId,
    /// SHA-256 of the signed head of the list that is asked.
    #[n(3)]
    pub list: Digest,
    /// The list grant under which, for what goes beyond the accord's quotas.
    #[n(4)]
    pub grant: Option<DossierId>,
    /// The officer, by the asking service's own name.
    #[n(5)]
    pub officer: OfficerId,
    /// Code of `legal-purposes`.
    #[n(6)]
    pub purpose: String,
    /// Code of `crime-areas`.
    #[n(7)]
    pub offence: String,
    /// Code of `data-subject-categories`: who is asked about.
    #[n(8)]
    pub category: String,
    /// To identify, or to learn more.
    #[n(9)]
    pub aim: Aim,
    /// The case's reference at the asking service.
    #[n(10)]
    pub reference: String,
    /// Why it is asked.
    #[n(11)]
    pub reason: Text,
    /// How many elements.
    #[n(12)]
    pub count: u32,
    /// [`commitment`] to the elements.
    #[n(13)]
    pub commitment: Digest,
    /// When.
    #[n(14)]
    pub at: UnixMs,
}

/// An officer's word that hits are to be followed: what is sealed for them is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HitConfirmation {
    /// [`HIT_VERSION`].
    #[n(0)]
    pub version: u8,
    /// Who asked.
    #[n(1)]
    pub by: ServiceId,
    /// Who holds the list.
    #[n(2)]
    pub to: ServiceId,
    /// SHA-256 of the signed question.
    #[n(3)]
    pub question: Digest,
    /// The officer who confirms.
    #[n(4)]
    pub officer: OfficerId,
    /// For each hit the tag (8 bytes) and the fetch tag (32 bytes) of the output.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub tags: Vec<u8>,
    /// When.
    #[n(6)]
    pub at: UnixMs,
}

/// Bytes of one hit in a confirmation.
pub const HIT_TAG_BYTES: usize = 40;

/// What a confirmed hit gives: where to ask, never what is held.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
pub struct HitReference {
    /// The holder's own reference.
    #[n(0)]
    pub reference: String,
    /// Code of `data-subject-categories`.
    #[n(1)]
    pub category: String,
    /// How good the record's identification is, in the holder's words or code; may be empty.
    #[n(2)]
    pub quality: String,
    /// The case officer or desk that answers for it, by the holder's own name.
    #[n(3)]
    pub contact: String,
    /// The last day on which the holder keeps the record.
    #[n(4)]
    pub until: Date,
}

/// Commits to a question's elements; a signed head that names it cannot be put over others.
pub fn commitment(elements: &[u8]) -> Digest {
    Digest::tagged("entente/hit-elements/1", &[elements])
}

/// Names what a sealed reference is bound to.
pub fn reference_aad(question: &Digest, tag: &[u8]) -> Vec<u8> {
    [b"entente/hit-reference/1".as_slice(), &question.0, tag].concat()
}

/// Something of the three that is signed.
pub trait Signing: Encode<()> + for<'b> Decode<'b, ()> {
    /// Its type in the signature's header.
    const TYP: Typ;
    /// Returns version, signer and time as it states them.
    fn stated(&self) -> (u8, ServiceId, UnixMs);

    /// Signs it.
    fn sign(&self, keys: &Keys) -> Verified {
        keys.sign(Self::TYP, &cbor::to_vec(self))
    }

    /// Reads and verifies it against the cards of the service that must have signed it.
    fn read(bytes: &[u8], cards: &Cards) -> Result<Self, NodeError> {
        let signed = Signed::parse(bytes, Self::TYP, HIT_SIGNED_BYTES_MAX)?;
        let read: Self = cbor::from_slice(signed.payload(), HIT_SIGNED_BYTES_MAX).map_err(SealFault::from)?;
        let (version, by, at) = read.stated();
        if version != HIT_VERSION {
            return Err(SealFault::Version(i64::from(version)).into());
        }
        if by != signed.signer() || by != cards.service() {
            return Err(SealFault::from(CborError::Shape("it is signed by another service than the one that it names".to_owned())).into());
        }
        signed.verify(cards, at)?;
        Ok(read)
    }
}

impl Signing for HitList {
    const TYP: Typ = Typ::HitList;
    fn stated(&self) -> (u8, ServiceId, UnixMs) {
        (self.version, self.by, self.at)
    }
}

impl Signing for HitQuestion {
    const TYP: Typ = Typ::HitQuestion;
    fn stated(&self) -> (u8, ServiceId, UnixMs) {
        (self.version, self.by, self.at)
    }
}

impl Signing for HitConfirmation {
    const TYP: Typ = Typ::HitConfirmation;
    fn stated(&self) -> (u8, ServiceId, UnixMs) {
        (self.version, self.by, self.at)
    }
}
