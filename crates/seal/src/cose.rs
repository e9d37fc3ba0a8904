//! The one form in which anything is signed: COSE_Sign1 (RFC 9052, 4.2) with Ed25519 (RFC 9053, 2.2), canonical and untagged.
//!
//! `bytes -> Signed (parsed, untrusted) -> verify against the signer's cards -> Verified`. A [`Verified`] has no other source
//! than that and [`crate::Keys::sign`], so what takes a `Verified` takes nothing unsigned.

use crate::cards::Cards;
use crate::ed25519::{PublicKey, SIGNATURE_BYTES, SecretKey};
use crate::fault::SealFault;
use base::cbor::{self, CborError};
use base::{ServiceId, UnixMs};
use minicbor::{Decoder, Encoder};
use std::fmt;
use std::ops::Range;

/// EdDSA in the COSE algorithm registry (RFC 9053); with an Ed25519 key it means Ed25519.
const ALG_EDDSA: i64 = -8;
/// Header parameter `typ` (RFC 9596).
const TYP: u64 = 16;
/// Service id and card number.
const KID_BYTES: usize = 36;

/// What kind of object a signature covers; stands in the protected header, so that no signature fits another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Typ {
    /// The head of an act.
    Act,
    /// A card, signed by the root key.
    Card,
    /// A receipt for a parcel.
    Receipt,
    /// A sealed parcel.
    Parcel,
    /// A revocation, signed by the root key.
    Revocation,
    /// A word on an act whose author's card was revoked.
    Attestation,
    /// A succession, signed by the new root key and, where it can be had, by the predecessor.
    Succession,
    /// The head of a volume of a carry file.
    CarryHead,
    /// The end of a volume of a carry file.
    CarryEnd,
    /// The declaration that a ledger was put back.
    Restored,
    /// A partner's answer to that.
    Recovered,
    /// What a service says of the list that partners may ask: epoch, key, filter.
    HitList,
    /// A question to such a list.
    HitQuestion,
    /// An officer's word that a hit is to be followed: what is sealed for it is asked for.
    HitConfirmation,
}

impl Typ {
    /// Returns the media type in the header.
    pub fn media_type(self) -> &'static str {
        match self {
            Typ::Act => "application/entente-act+cbor",
            Typ::Card => "application/entente-card+cbor",
            Typ::Receipt => "application/entente-receipt+cbor",
            Typ::Parcel => "application/entente-parcel+cbor",
            Typ::Revocation => "application/entente-revocation+cbor",
            Typ::Attestation => "application/entente-attestation+cbor",
            Typ::Succession => "application/entente-succession+cbor",
            Typ::CarryHead => "application/entente-carry-head+cbor",
            Typ::CarryEnd => "application/entente-carry-end+cbor",
            Typ::Restored => "application/entente-restored+cbor",
            Typ::Recovered => "application/entente-recovered+cbor",
            Typ::HitList => "application/entente-hit-list+cbor",
            Typ::HitQuestion => "application/entente-hit-question+cbor",
            Typ::HitConfirmation => "application/entente-hit-confirmation+cbor",
        }
    }
}

/// A signed object as it came in: well-formed, not yet believed.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Signed {
    typ: Typ,
    signer: ServiceId,
    card_number: u32,
    bytes: Vec<u8>,
    protected: Range<usize>,
    payload: Range<usize>,
    signature: Range<usize>,
}

impl Signed {
    /// Reads one signed object of one type, no larger than `bytes_max`.
    ///
    /// Refuses anything but the one canonical form of array, header and lengths.
    pub fn parse(bytes: &[u8], typ: Typ, bytes_max: usize) -> Result<Signed, SealFault> {
        if bytes.len() > bytes_max {
            return Err(CborError::TooLarge { bytes: bytes.len(), bytes_max }.into());
        }
        cbor::check(bytes)?;
        let [protected, payload, signature] = parts(bytes).map_err(|e| CborError::Shape(e.to_string()))?;
        let (signer, card_number) = read_header(&bytes[protected.clone()], typ)?;
        Ok(Signed { typ, signer, card_number, bytes: bytes.to_vec(), protected, payload, signature })
    }

    /// Returns the service that claims to have signed.
    pub fn signer(&self) -> ServiceId {
        self.signer
    }

    /// Returns the number of the card with which it claims to have signed.
    pub fn card_number(&self) -> u32 {
        self.card_number
    }

    /// Returns the content, which nobody has vouched for yet.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.payload.clone()]
    }

    /// Believes the object if its signer's card was good at `at` and the signature holds.
    ///
    /// `at` is the time that the object itself states, in milliseconds. The signature is tried before the validity, so a fault
    /// that blames a card is itself backed by a signature.
    pub fn verify(self, cards: &Cards, at: UnixMs) -> Result<Verified, SealFault> {
        if cards.service() != self.signer {
            return Err(SealFault::UnknownSender(self.signer));
        }
        let unknown = SealFault::UnknownCard { service: self.signer, number: self.card_number };
        let key = cards.signing_key(self.card_number).ok_or(unknown)?;
        let number = self.card_number;
        let verified = self.verify_with(key)?;
        cards.judge(number, at)?;
        Ok(verified)
    }

    /// Believes the object if the signature holds and the card was within its own validity at `at`, whether it is retired or revoked.
    ///
    /// For what stands in a ledger, or of which somebody else says under signature that he held it before: a later card and a
    /// revocation forbid what comes, and undo nothing that is there.
    pub fn verify_held(self, cards: &Cards, at: UnixMs) -> Result<Verified, SealFault> {
        if cards.service() != self.signer {
            return Err(SealFault::UnknownSender(self.signer));
        }
        let unknown = SealFault::UnknownCard { service: self.signer, number: self.card_number };
        let key = cards.signing_key(self.card_number).ok_or(unknown)?;
        let number = self.card_number;
        let verified = self.verify_with(key)?;
        cards.judge_held(number, at)?;
        Ok(verified)
    }

    /// Believes the object if it is signed with this key.
    pub(crate) fn verify_with(self, key: &PublicKey) -> Result<Verified, SealFault> {
        let message = to_be_signed(&self.bytes[self.protected.clone()], self.payload());
        if !key.holds(&message, &self.bytes[self.signature.clone()]) {
            return Err(SealFault::Signature);
        }
        Ok(Verified { typ: self.typ, signer: self.signer, card_number: self.card_number, bytes: self.bytes, payload: self.payload })
    }
}

/// A signed object whose signature and card were found good.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    typ: Typ,
    signer: ServiceId,
    card_number: u32,
    bytes: Vec<u8>,
    payload: Range<usize>,
}

impl Verified {
    /// Returns the kind of object.
    pub fn typ(&self) -> Typ {
        self.typ
    }

    /// Returns the service that signed.
    pub fn signer(&self) -> ServiceId {
        self.signer
    }

    /// Returns the number of the card with which it signed.
    pub fn card_number(&self) -> u32 {
        self.card_number
    }

    /// Returns the signed content.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.payload.clone()]
    }

    /// Returns the whole COSE_Sign1 object, byte for byte as it was signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the same bytes, without copying them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

// Contents stay out of logs.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({:?} by {} card {}, {} bytes)", self.typ, self.signer.short(), self.card_number, self.bytes.len())
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({:?} by {} card {}, {} bytes)", self.typ, self.signer.short(), self.card_number, self.bytes.len())
    }
}

/// Signs a payload; the caller vouches that `key` belongs to this card (or to the root, for a card).
pub(crate) fn sign(key: &SecretKey, signer: ServiceId, card_number: u32, typ: Typ, payload: &[u8]) -> Verified {
    let protected = header(signer, card_number, typ);
    let signature = key.sign(&to_be_signed(&protected, payload));
    let bytes = assembled(&protected, payload, &signature);
    let end = bytes.len() - (SIGNATURE_BYTES + 2);
    Verified { typ, signer, card_number, payload: end - payload.len()..end, bytes }
}

fn assembled(protected: &[u8], payload: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Vec<u8> {
    write(payload.len() + 256, |e| e.array(4)?.bytes(protected)?.map(0)?.bytes(payload)?.bytes(signature)?.ok())
}

/// Returns how many bytes a signed object with a payload of this length will have.
pub(crate) fn signed_bytes(signer: ServiceId, card_number: u32, typ: Typ, payload: &[u8]) -> usize {
    assembled(&header(signer, card_number, typ), payload, &[0; SIGNATURE_BYTES]).len()
}

/// Writes CBOR into memory, where writing cannot fail.
pub(crate) fn write(bytes: usize, f: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), minicbor::encode::Error<std::convert::Infallible>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes);
    f(&mut Encoder::new(&mut out)).expect("encoding into memory cannot fail");
    out
}

/// Writes the protected header: algorithm, signer's key, type.
fn header(signer: ServiceId, card_number: u32, typ: Typ) -> Vec<u8> {
    let mut kid = [0; KID_BYTES];
    kid[..32].copy_from_slice(signer.bytes());
    kid[32..].copy_from_slice(&card_number.to_be_bytes());
    write(96, |e| e.map(3)?.u64(1)?.i64(ALG_EDDSA)?.u64(4)?.bytes(&kid)?.u64(TYP)?.str(typ.media_type())?.ok())
}

/// Writes `Sig_structure` (RFC 9052, 4.4) without external data.
fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    write(payload.len() + 160, |e| e.array(4)?.str("Signature1")?.bytes(protected)?.bytes(&[])?.bytes(payload)?.ok())
}

/// Finds protected header, payload and signature in bytes that are canonical.
fn parts(bytes: &[u8]) -> Result<[Range<usize>; 3], minicbor::decode::Error> {
    let shape = |what| Err(minicbor::decode::Error::message(what));
    let mut d = Decoder::new(bytes);
    if d.array()? != Some(4) {
        return shape("a signed object is an array of four");
    }
    let protected = range(&mut d)?;
    if d.map()? != Some(0) {
        return shape("nothing may stand outside the signature");
    }
    let payload = range(&mut d)?;
    let signature = range(&mut d)?;
    if signature.len() != SIGNATURE_BYTES {
        return shape("an Ed25519 signature has 64 bytes");
    }
    Ok([protected, payload, signature])
}

/// Reads one byte string and returns where its content lies.
pub(crate) fn range(d: &mut Decoder<'_>) -> Result<Range<usize>, minicbor::decode::Error> {
    let n = d.bytes()?.len();
    Ok(d.position() - n..d.position())
}

/// Reads the protected header, which has exactly one form.
fn read_header(protected: &[u8], typ: Typ) -> Result<(ServiceId, u32), SealFault> {
    cbor::check(protected)?;
    let shape = |e: minicbor::decode::Error| SealFault::from(CborError::Shape(e.to_string()));
    let wrong = |what: &str| SealFault::from(CborError::Shape(what.to_owned()));
    let mut d = Decoder::new(protected);
    d.map().map_err(shape)?;
    if d.u64().map_err(shape)? != 1 {
        return Err(wrong("the header names no algorithm"));
    }
    let alg = d.i64().map_err(shape)?;
    if alg != ALG_EDDSA {
        return Err(SealFault::Version(alg));
    }
    if d.u64().map_err(shape)? != 4 {
        return Err(wrong("the header names no key"));
    }
    let kid = d.bytes().map_err(shape)?;
    let (signer, number) = kid.split_at_checked(32).ok_or_else(|| wrong("a key is named by service and card number"))?;
    let signer = ServiceId::from_slice(signer).expect("split at 32 bytes");
    let number = u32::from_be_bytes(number.try_into().map_err(|_| wrong("a key is named by service and card number"))?);
    if d.u64().map_err(shape)? != TYP {
        return Err(wrong("the header names no type"));
    }
    if d.str().map_err(shape)? != typ.media_type() {
        return Err(SealFault::WrongType { expected: typ.media_type() });
    }
    if header(signer, number, typ) != protected {
        return Err(wrong("the header has more than algorithm, key and type"));
    }
    Ok((signer, number))
}
