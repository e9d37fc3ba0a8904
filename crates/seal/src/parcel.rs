//! A parcel: many acts to one service, sealed once, then signed, bound to sender, recipient and number.
//!
//! Out: 1 HPKE with X-Wing over the plaintext (COSE_Encrypt0, RFC 9052, 5.2, in the layout of draft-ietf-cose-hpke, integrated
//! encryption), 2 SHA-256 of it, with address and number, 3 COSE_Sign1 over those. In: 1 size and form, 2 signature and card,
//! 3 address, 4 digest, 5 decrypt. The signed part vouches for the ciphertext beside it by its digest, so a forger makes us decrypt
//! nothing; sender, recipient and number are authenticated a second time inside the encryption, so nobody can sign another's
//! ciphertext as his own. A parcel is large, so it stays in the one buffer in which it came or is made.

use crate::card::{Card, CardFault};
use crate::cards::Cards;
use crate::cose::{Signed, Typ, Verified, range, signed_bytes, write};
use crate::fault::SealFault;
use crate::keys::Keys;
use crate::{hpke, xwing};
use base::cbor::{self, CborError};
use base::{Digest, ParcelId, ServiceId, UnixMs};
use minicbor::Decoder;
use std::fmt;
use std::ops::Range;

/// Our algorithm identifier, from COSE's range for private use (RFC 9053, 10): HPKE base mode, X-Wing, HKDF-SHA256, AES-256-GCM.
///
/// draft-ietf-cose-hpke registers classical KEMs only; once a hybrid suite has a number, a new value here is a new version.
pub const ALG_HPKE_XWING: i64 = -65801;
/// Header parameter `ek`, the encapsulated key (draft-ietf-cose-hpke).
const EK: i64 = -4;
const INFO: &[u8] = b"entente/parcel/1";

/// What a parcel adds to its plaintext, at most.
pub const PARCEL_OVERHEAD_BYTES_MAX: usize = 1536;

/// Bytes of the longest head of a byte string of less than 4 GiB (RFC 8949, 3.1).
const HEAD_BYTES: usize = 5;

/// What is signed: the address, and the SHA-256 of the encrypted object that stands beside it.
#[derive(Clone, PartialEq, Eq)]
struct Envelope {
    to: ServiceId,
    to_card: u32,
    number: u64,
    at: UnixMs,
    encrypted: Digest,
}

/// A parcel as it was made.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct SealedParcel {
    /// Names the parcel.
    pub id: ParcelId,
    /// The parcel.
    pub bytes: Vec<u8>,
}

/// A parcel as it came in: its address can be read, nothing of it is believed.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Parcel {
    id: ParcelId,
    signed: Signed,
    envelope: Envelope,
    /// The whole parcel.
    bytes: Vec<u8>,
    encrypted: Encrypted,
}

/// Where the encrypted object and its parts lie in the parcel.
#[derive(Clone, PartialEq, Eq)]
struct Encrypted {
    whole: Range<usize>,
    encapsulated: Range<usize>,
    ciphertext: Range<usize>,
}

/// A parcel whose signature and digest held and whose content was decrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Names the parcel.
    pub id: ParcelId,
    /// Who sent it.
    pub from: ServiceId,
    /// With which of its cards.
    pub from_card: u32,
    /// The sender's number for it, counted per recipient.
    pub number: u64,
    /// When the sender sealed it, by its own clock.
    pub at: UnixMs,
    /// The part that was signed, to be kept as evidence: with the encrypted object, or with its digest alone, anybody can check it.
    pub verified: Verified,
    /// The buffer in which the parcel came, and where in it the content now lies.
    bytes: Vec<u8>,
    content: Range<usize>,
}

impl Opened {
    /// Returns what was inside.
    pub fn plaintext(&self) -> &[u8] {
        &self.bytes[self.content.clone()]
    }

    /// Hands over the buffer in which the parcel came and where in it the content lies.
    pub fn into_content(self) -> (Vec<u8>, Range<usize>) {
        (self.bytes, self.content)
    }
}

// Contents stay out of logs.
impl fmt::Debug for SealedParcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedParcel({}, {} bytes)", self.id.short(), self.bytes.len())
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Envelope { to, number, .. } = &self.envelope;
        write!(f, "Parcel({} number {number} for {}, {:?}, {} bytes)", self.id.short(), to.short(), self.signed, self.bytes.len())
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} number {} from {}, {} bytes)", self.id.short(), self.number, self.from.short(), self.content.len())
    }
}

/// Seals a plaintext for the owner of a card.
///
/// `number` counts the parcels to this recipient, `at` is our clock. Refuses only a card whose sealing key is none, which
/// no card out of [`Cards`] has.
pub fn seal_parcel(keys: &Keys, to: &Card, number: u64, at: UnixMs, plaintext: &[u8]) -> Result<SealedParcel, CardFault> {
    seal_parcel_with(keys, to, number, at, plaintext.len(), |out| {
        out.extend_from_slice(plaintext);
        Ok(())
    })
}

/// Seals what `write` puts behind what is there, in its place: a content of several MiB is not copied.
///
/// `bytes` is about how much that will be. Beside the errors of `write` refuses only a card whose sealing key is none.
pub fn seal_parcel_with<E: From<CardFault>>(
    keys: &Keys,
    to: &Card,
    number: u64,
    at: UnixMs,
    bytes: usize,
    write_content: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<SealedParcel, E> {
    let bad_key = || CardFault::Field("sealing");
    let key = xwing::PublicKey::new(&to.sealing).ok_or_else(bad_key)?;
    let (encapsulated, sealing) = hpke::Sealing::begin(&key, INFO).ok_or_else(bad_key)?;
    let header = protected();
    let aad = enc_structure(&header, keys.service(), keys.card_number(), to.service, to.number, number, at);
    let mut envelope = Envelope { to: to.service, to_card: to.number, number, at, encrypted: Digest::default() };

    // The signed part stands first and is made last; how long it will be is known.
    let encrypted_at = 1 + signed_bytes(keys.service(), keys.card_number(), Typ::Parcel, &envelope.write());
    let mut out = Vec::with_capacity(bytes + PARCEL_OVERHEAD_BYTES_MAX);
    out.resize(encrypted_at, 0);
    out.extend(write(1200, |e| e.array(3)?.bytes(&header)?.map(1)?.i64(EK)?.bytes(&encapsulated)?.ok()));
    let head_at = out.len();
    out.resize(head_at + HEAD_BYTES, 0);
    write_content(&mut out)?;
    // A short content has a shorter head and moves up.
    let ciphertext_bytes = out.len() - head_at - HEAD_BYTES + hpke::TAG_BYTES;
    let head = write(HEAD_BYTES, |e| e.bytes_len(ciphertext_bytes as u64)?.ok());
    out.splice(head_at..head_at + HEAD_BYTES, head.iter().copied());
    let tag = sealing.seal(&aad, &mut out[head_at + head.len()..]).ok_or_else(bad_key)?;
    out.extend_from_slice(&tag);

    envelope.encrypted = Digest::of(&out[encrypted_at..]);
    let signed = keys.sign(Typ::Parcel, &envelope.write());
    out[0] = 0x82; // an array of two
    out[1..encrypted_at].copy_from_slice(signed.bytes());
    Ok(SealedParcel { id: Digest::of(signed.bytes()).into(), bytes: out })
}

impl Parcel {
    /// Reads a parcel no larger than `bytes_max`, without any key. Bytes that are handed over whole are not copied.
    pub fn parse(bytes: impl Into<Vec<u8>> + AsRef<[u8]>, bytes_max: usize) -> Result<Parcel, SealFault> {
        let length = bytes.as_ref().len();
        if length > bytes_max {
            return Err(CborError::TooLarge { bytes: length, bytes_max }.into());
        }
        let bytes: Vec<u8> = bytes.into();
        cbor::check(&bytes)?;
        let (signed, whole) = parts(&bytes).map_err(|e| CborError::Shape(e.to_string()))?;
        let signed = &bytes[signed];
        let id = Digest::of(signed).into();
        let signed = Signed::parse(signed, Typ::Parcel, bytes_max)?;
        let envelope: Envelope = cbor::check(signed.payload()).and_then(|()| Envelope::read(signed.payload()).map_err(|e| CborError::Shape(e.to_string())))?;
        let encrypted = Encrypted::read(&bytes, whole)?;
        Ok(Parcel { id, signed, envelope, bytes, encrypted })
    }

    /// Names the parcel: the digest of its signed part, which names the rest.
    pub fn id(&self) -> ParcelId {
        self.id
    }

    /// Returns who claims to have sent it.
    pub fn from(&self) -> ServiceId {
        self.signed.signer()
    }

    /// Returns the card with which it claims to be signed.
    pub fn from_card(&self) -> u32 {
        self.signed.card_number()
    }

    /// Returns the service to which it is addressed.
    pub fn to(&self) -> ServiceId {
        self.envelope.to
    }

    /// Returns the number of the recipient's card for which it was sealed.
    pub fn to_card(&self) -> u32 {
        self.envelope.to_card
    }

    /// Returns the sender's number for it.
    pub fn number(&self) -> u64 {
        self.envelope.number
    }

    /// Returns when it claims to have been sealed.
    pub fn at(&self) -> UnixMs {
        self.envelope.at
    }

    /// Opens the parcel: signature and sender's card first, then the address, then the digest, then decryption.
    ///
    /// Works with retired sealing keys of ours as long as they are kept.
    pub fn open(self, sender: &Cards, keys: &Keys) -> Result<Opened, SealFault> {
        let Parcel { id, signed, envelope, mut bytes, encrypted } = self;
        let Envelope { to, to_card, number, at, encrypted: digest } = envelope;
        let verified = signed.verify(sender, at)?;
        if to != keys.service() {
            return Err(SealFault::NotForUs(to));
        }
        // What was signed is not what stands beside it.
        if Digest::of(&bytes[encrypted.whole]) != digest {
            return Err(SealFault::Signature);
        }
        let (from, from_card) = (verified.signer(), verified.card_number());
        let ours = keys.sealing(to_card).ok_or(SealFault::Open { number: to_card })?;
        let aad = enc_structure(&protected(), from, from_card, to, to_card, number, at);
        let (before, ciphertext) = bytes[..encrypted.ciphertext.end].split_at_mut(encrypted.ciphertext.start);
        let opened = hpke::open(ours, &before[encrypted.encapsulated], INFO, &aad, ciphertext).ok_or(SealFault::Open { number: to_card })?;
        let content = encrypted.ciphertext.start..encrypted.ciphertext.start + opened.len();
        Ok(Opened { id, from, from_card, number, at, verified, bytes, content })
    }
}

/// Finds the signed and the encrypted part in bytes that are canonical.
fn parts(bytes: &[u8]) -> Result<(Range<usize>, Range<usize>), minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    if d.array()? != Some(2) {
        return Err(minicbor::decode::Error::message("a parcel is an array of two"));
    }
    let begin = d.position();
    d.skip()?;
    Ok((begin..d.position(), d.position()..bytes.len()))
}

impl Envelope {
    fn write(&self) -> Vec<u8> {
        let Envelope { to, to_card, number, at, encrypted } = self;
        write(96, |e| e.map(5)?.u64(0)?.bytes(to.bytes())?.u64(1)?.u32(*to_card)?.u64(2)?.u64(*number)?.u64(3)?.i64(at.0)?.u64(4)?.bytes(&encrypted.0)?.ok())
    }

    /// Reads a payload that is canonical; it has exactly one form.
    fn read(payload: &[u8]) -> Result<Envelope, minicbor::decode::Error> {
        let mut d = Decoder::new(payload);
        if d.map()? != Some(5) {
            return Err(minicbor::decode::Error::message("an envelope has five fields"));
        }
        let key = |d: &mut Decoder<'_>, n: u64| match d.u64()? == n {
            true => Ok(()),
            false => Err(minicbor::decode::Error::message("a field that this version does not know")),
        };
        key(&mut d, 0)?;
        let to = d.decode()?;
        key(&mut d, 1)?;
        let to_card = d.u32()?;
        key(&mut d, 2)?;
        let number = d.u64()?;
        key(&mut d, 3)?;
        let at = d.decode()?;
        key(&mut d, 4)?;
        Ok(Envelope { to, to_card, number, at, encrypted: d.decode()? })
    }
}

impl Encrypted {
    /// Reads COSE_Encrypt0, which has one form here, at its place in the parcel.
    fn read(parcel: &[u8], whole: Range<usize>) -> Result<Encrypted, SealFault> {
        let bytes = &parcel[whole.clone()];
        let [header, encapsulated, ciphertext] = Self::parts(bytes).map_err(|e| CborError::Shape(e.to_string()))?;
        let header = &bytes[header];
        if header != protected() {
            cbor::check(header)?;
            let alg = Self::alg(header).map_err(|e| CborError::Shape(e.to_string()))?;
            return Err(match alg == ALG_HPKE_XWING {
                true => CborError::Shape("the encryption header has more than the algorithm".to_owned()).into(),
                false => SealFault::Version(alg),
            });
        }
        let placed = |r: Range<usize>| whole.start + r.start..whole.start + r.end;
        Ok(Encrypted { encapsulated: placed(encapsulated), ciphertext: placed(ciphertext), whole })
    }

    fn parts(bytes: &[u8]) -> Result<[Range<usize>; 3], minicbor::decode::Error> {
        let shape = |what| Err(minicbor::decode::Error::message(what));
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(3) {
            return shape("an encrypted object is an array of three");
        }
        let header = range(&mut d)?;
        if d.map()? != Some(1) || d.i64()? != EK {
            return shape("the encapsulated key stands alone in its header");
        }
        let encapsulated = range(&mut d)?;
        if encapsulated.len() != xwing::ENCAPSULATED_BYTES {
            return shape("an encapsulated X-Wing key has 1120 bytes");
        }
        Ok([header, encapsulated, range(&mut d)?])
    }

    fn alg(header: &[u8]) -> Result<i64, minicbor::decode::Error> {
        let mut d = Decoder::new(header);
        d.map()?;
        if d.u64()? == 1 { d.i64() } else { Err(minicbor::decode::Error::message("the encryption header names no algorithm")) }
    }
}

fn protected() -> Vec<u8> {
    write(8, |e| e.map(1)?.u64(1)?.i64(ALG_HPKE_XWING)?.ok())
}

/// Writes `Enc_structure` (RFC 9052, 5.3); its external data name sender, recipient, number and time.
fn enc_structure(header: &[u8], from: ServiceId, from_card: u32, to: ServiceId, to_card: u32, number: u64, at: UnixMs) -> Vec<u8> {
    let external = write(128, |e| e.array(6)?.bytes(from.bytes())?.u32(from_card)?.bytes(to.bytes())?.u32(to_card)?.u64(number)?.i64(at.0)?.ok());
    write(160, |e| e.array(3)?.str("Encrypt0")?.bytes(header)?.bytes(&external)?.ok())
}
