//! A parcel: many acts to one service, sealed once, then signed, bound to sender, recipient and number.
//!
//! Out: 1 HPKE with X-Wing over the plaintext (COSE_Encrypt0, RFC 9052, 5.2, in the layout of draft-ietf-cose-hpke, integrated
//! encryption), 2 address and number around it, 3 COSE_Sign1. In: 1 size and form, 2 signature and card, 3 address, 4 decrypt.
//! The signature covers the ciphertext, so a forger makes us decrypt nothing; sender, recipient and number are authenticated a
//! second time inside the encryption, so nobody can sign another's ciphertext as his own.

use crate::card::{Card, CardFault};
use crate::cards::Cards;
use crate::cose::{Signed, Typ, Verified, write};
use crate::fault::SealFault;
use crate::keys::Keys;
use crate::{hpke, xwing};
use base::cbor::{self, CborError};
use base::{Digest, ParcelId, ServiceId, UnixMs};
use minicbor::{Decoder, Encoder};
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

/// What is signed: the address, and where the encrypted object lies in the payload. A parcel is large, so nothing of it is copied.
struct Envelope {
    to: ServiceId,
    to_card: u32,
    number: u64,
    at: UnixMs,
    encrypted: Range<usize>,
}

/// A parcel as it came in: its address can be read, nothing of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Parcel {
    id: ParcelId,
    signed: Signed,
    to: ServiceId,
    to_card: u32,
    number: u64,
    at: UnixMs,
    encrypted: Encrypted,
}

#[derive(Clone, PartialEq, Eq)]
struct Encrypted {
    encapsulated: Vec<u8>,
    /// Where the ciphertext lies in the payload.
    ciphertext: Range<usize>,
}

/// A parcel whose signature held and whose content was decrypted.
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
    /// What was inside.
    pub plaintext: Vec<u8>,
    /// The parcel as it was signed, to be kept as evidence.
    pub verified: Verified,
}

// Contents stay out of logs.
impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encrypted({} bytes)", self.ciphertext.len())
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} number {} from {}, {} bytes)", self.id.short(), self.number, self.from.short(), self.plaintext.len())
    }
}

/// Seals a plaintext for the owner of a card; returns the parcel's bytes.
///
/// `number` counts the parcels to this recipient, `at` is our clock. Refuses only a card whose sealing key is none, which
/// no card out of [`Cards`] has.
pub fn seal_parcel(keys: &Keys, to: &Card, number: u64, at: UnixMs, plaintext: &[u8]) -> Result<Vec<u8>, CardFault> {
    let bad_key = CardFault::Field("sealing");
    let key = xwing::PublicKey::new(&to.sealing).ok_or(bad_key.clone())?;
    let header = protected();
    let aad = enc_structure(&header, keys.service(), keys.card_number(), to.service, to.number, number, at);
    let (encapsulated, ciphertext) = hpke::seal(&key, INFO, &aad, plaintext).ok_or(bad_key)?;
    let mut head = write(1200, |e| e.array(3)?.bytes(&header)?.map(1)?.i64(EK)?.bytes(&encapsulated)?.ok());
    head.extend(bytes_head(ciphertext.len()));
    let mut payload = Vec::with_capacity(ciphertext.len() + head.len() + 96);
    let address = |e: &mut Encoder<&mut Vec<u8>>| {
        e.map(5)?.u64(0)?.bytes(to.service.bytes())?.u64(1)?.u32(to.number)?.u64(2)?.u64(number)?.u64(3)?.i64(at.0)?.u64(4)?.ok()
    };
    address(&mut Encoder::new(&mut payload)).expect("encoding into memory cannot fail");
    payload.extend(bytes_head(head.len() + ciphertext.len()));
    payload.extend(head);
    payload.extend_from_slice(&ciphertext);
    drop(ciphertext);
    Ok(keys.sign(Typ::Parcel, &payload).into_bytes())
}

/// Writes the head of a byte string (RFC 8949, 3.1), so that its content can follow without being gathered before.
fn bytes_head(len: usize) -> Vec<u8> {
    let n = (len as u64).to_be_bytes();
    match len {
        0..24 => vec![0x40 | n[7]],
        24..0x100 => vec![0x58, n[7]],
        0x100..0x1_0000 => vec![0x59, n[6], n[7]],
        0x1_0000..0x1_0000_0000 => [&[0x5a], &n[4..]].concat(),
        _ => [&[0x5b], &n[..]].concat(),
    }
}

impl Parcel {
    /// Reads a parcel no larger than `bytes_max`, without any key.
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Parcel, SealFault> {
        let signed = Signed::parse(bytes, Typ::Parcel, bytes_max)?;
        cbor::check(signed.payload())?;
        let envelope = Envelope::read(signed.payload()).map_err(|e| CborError::Shape(e.to_string()))?;
        let encrypted = Encrypted::read(signed.payload(), envelope.encrypted)?;
        let Envelope { to, to_card, number, at, .. } = envelope;
        Ok(Parcel { id: Digest::of(bytes).into(), signed, to, to_card, number, at, encrypted })
    }

    /// Names the parcel: the digest of its bytes.
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
        self.to
    }

    /// Returns the number of the recipient's card for which it was sealed.
    pub fn to_card(&self) -> u32 {
        self.to_card
    }

    /// Returns the sender's number for it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns when it claims to have been sealed.
    pub fn at(&self) -> UnixMs {
        self.at
    }

    /// Opens the parcel: signature and sender's card first, then the address, then decryption.
    ///
    /// Works with retired sealing keys of ours as long as they are kept.
    pub fn open(self, sender: &Cards, keys: &Keys) -> Result<Opened, SealFault> {
        let Parcel { id, signed, to, to_card, number, at, encrypted } = self;
        let verified = signed.verify(sender, at)?;
        if to != keys.service() {
            return Err(SealFault::NotForUs(to));
        }
        let (from, from_card) = (verified.signer(), verified.card_number());
        let ours = keys.sealing(to_card).ok_or(SealFault::Open { number: to_card })?;
        let aad = enc_structure(&protected(), from, from_card, to, to_card, number, at);
        let ciphertext = &verified.payload()[encrypted.ciphertext];
        let plaintext = hpke::open(ours, &encrypted.encapsulated, INFO, &aad, ciphertext).ok_or(SealFault::Open { number: to_card })?;
        Ok(Opened { id, from, from_card, number, at, plaintext, verified })
    }
}

impl Envelope {
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
        let length = d.bytes()?.len();
        Ok(Envelope { to, to_card, number, at, encrypted: d.position() - length..d.position() })
    }
}

impl Encrypted {
    /// Reads COSE_Encrypt0, which has one form here, at its place in the payload.
    fn read(payload: &[u8], place: Range<usize>) -> Result<Encrypted, SealFault> {
        let bytes = &payload[place.clone()];
        cbor::check(bytes)?;
        let [header, encapsulated, ciphertext] = Self::parts(bytes).map_err(|e| CborError::Shape(e.to_string()))?;
        if header != protected() {
            cbor::check(header)?;
            let alg = Self::alg(header).map_err(|e| CborError::Shape(e.to_string()))?;
            return Err(match alg == ALG_HPKE_XWING {
                true => CborError::Shape("the encryption header has more than the algorithm".to_owned()).into(),
                false => SealFault::Version(alg),
            });
        }
        // The ciphertext is the last part.
        Ok(Encrypted { encapsulated: encapsulated.to_vec(), ciphertext: place.end - ciphertext.len()..place.end })
    }

    fn parts(bytes: &[u8]) -> Result<[&[u8]; 3], minicbor::decode::Error> {
        let shape = |what| Err(minicbor::decode::Error::message(what));
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(3) {
            return shape("an encrypted object is an array of three");
        }
        let header = d.bytes()?;
        if d.map()? != Some(1) || d.i64()? != EK {
            return shape("the encapsulated key stands alone in its header");
        }
        let encapsulated = d.bytes()?;
        if encapsulated.len() != xwing::ENCAPSULATED_BYTES {
            return shape("an encapsulated X-Wing key has 1120 bytes");
        }
        Ok([header, encapsulated, d.bytes()?])
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
