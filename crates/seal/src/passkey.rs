//! Passkeys of officers: what an authenticator says (W3C Web Authentication Level 3) and whether its signature holds.
//!
//! Only bytes are read here: 1 the attestation object is opened (RFC 8949 CBOR), 2 authenticator data are taken apart (6.1),
//! 3 the public key is read (RFC 9052 COSE), 4 a signature is verified. Challenge, origin and flags are judged by whoever asks,
//! who knows what was asked. Attestation statements are not read: the officer's invitation says whose key it is, not the maker.

use crate::ed25519;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base::Digest;
use minicbor::Decoder;
use minicbor::data::Type;

/// Bytes that an attestation object may have.
pub const ATTESTATION_OBJECT_BYTES_MAX: usize = 16 * 1024;
/// Bytes that a credential's id may have (Web Authentication, 4: at most 1023).
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1023;
/// Bytes that a public key in COSE form may have.
pub const PASSKEY_BYTES_MAX: usize = 2048;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;
/// Levels and entries of a CBOR item that is skipped; authenticators stay far below.
const SKIPPED_MAX: usize = 256;

/// What an authenticator sent is not of the form that belongs here; the browser's or authenticator's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyFault {
    /// The bytes are not in form.
    #[error("what the authenticator sent is not in form; try again, or use another passkey")]
    Form,
    /// The key is of a kind that is not taken.
    #[error("this kind of passkey is not taken; use one with ES256, EdDSA or RS256")]
    Algorithm,
}

impl PasskeyFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            PasskeyFault::Form => "refusal.passkey.form",
            PasskeyFault::Algorithm => "refusal.passkey.algorithm",
        }
    }
}

/// What an authenticator says of itself and of a credential (6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// SHA-256 of the id of the site for which the credential is.
    pub site: Digest,
    /// Whether the officer touched it.
    pub user_present: bool,
    /// Whether it made sure who the officer is: by PIN, finger or face, which never leave it.
    pub user_verified: bool,
    /// Its signature counter; 0 where it does not count.
    pub counter: u32,
    /// A new credential: its id and its public key in COSE form.
    pub credential: Option<(Vec<u8>, Vec<u8>)>,
}

impl AuthenticatorData {
    /// Reads authenticator data.
    pub fn parse(bytes: &[u8]) -> Result<AuthenticatorData, PasskeyFault> {
        let (site, rest) = bytes.split_first_chunk::<32>().ok_or(PasskeyFault::Form)?;
        let ([flags, counter @ ..], rest) = rest.split_first_chunk::<5>().ok_or(PasskeyFault::Form)?;
        let credential = match flags & ATTESTED != 0 {
            false => None,
            true => {
                let (_, rest) = rest.split_first_chunk::<16>().ok_or(PasskeyFault::Form)?;
                let (length, rest) = rest.split_first_chunk::<2>().ok_or(PasskeyFault::Form)?;
                let length = usize::from(u16::from_be_bytes(*length));
                if !(1..=CREDENTIAL_ID_BYTES_MAX).contains(&length) || rest.len() < length {
                    return Err(PasskeyFault::Form);
                }
                let (id, key) = rest.split_at(length);
                // Extensions may follow the key, so its own end is looked for.
                let key_bytes = key.get(..end_of_item(key)?).filter(|k| k.len() <= PASSKEY_BYTES_MAX).ok_or(PasskeyFault::Form)?;
                Some((id.to_vec(), key_bytes.to_vec()))
            }
        };
        Ok(AuthenticatorData {
            site: Digest(*site),
            user_present: flags & USER_PRESENT != 0,
            user_verified: flags & USER_VERIFIED != 0,
            counter: u32::from_be_bytes(*counter),
            credential,
        })
    }

    /// Reads the authenticator data of an attestation object (6.5.4).
    pub fn of_attestation(bytes: &[u8]) -> Result<AuthenticatorData, PasskeyFault> {
        if bytes.len() > ATTESTATION_OBJECT_BYTES_MAX {
            return Err(PasskeyFault::Form);
        }
        let mut d = Decoder::new(bytes);
        let entries = d.map().ok().flatten().filter(|n| *n <= 8).ok_or(PasskeyFault::Form)?;
        let mut data = None;
        for _ in 0..entries {
            match d.str().map_err(|_| PasskeyFault::Form)? {
                "authData" => data = Some(d.bytes().map_err(|_| PasskeyFault::Form)?),
                _ => {
                    let at = d.position();
                    d.set_position(at + end_of_item(&bytes[at..])?);
                }
            }
        }
        AuthenticatorData::parse(data.ok_or(PasskeyFault::Form)?)
    }
}

/// Finds where one CBOR item ends, without recursion.
fn end_of_item(bytes: &[u8]) -> Result<usize, PasskeyFault> {
    let mut d = Decoder::new(bytes);
    let mut open: u64 = 1;
    for _ in 0..SKIPPED_MAX {
        if open == 0 {
            return Ok(d.position());
        }
        open -= 1;
        match d.datatype().map_err(|_| PasskeyFault::Form)? {
            Type::Map => open += d.map().ok().flatten().filter(|n| *n < SKIPPED_MAX as u64).ok_or(PasskeyFault::Form)? * 2,
            Type::Array => open += d.array().ok().flatten().filter(|n| *n < SKIPPED_MAX as u64).ok_or(PasskeyFault::Form)?,
            Type::MapIndef | Type::ArrayIndef | Type::BytesIndef | Type::StringIndef | Type::Tag => return Err(PasskeyFault::Form),
            _ => d.skip().map_err(|_| PasskeyFault::Form)?,
        }
    }
    Err(PasskeyFault::Form)
}

/// The public key of a passkey.
pub struct Passkey(Key);

enum Key {
    Es256(ParsedPublicKey),
    EdDsa(ed25519::PublicKey),
    Rs256 { n: Vec<u8>, e: Vec<u8> },
}

impl Passkey {
    /// Reads a key in COSE form: ES256 on P-256 (-7), EdDSA on Ed25519 (-8) or RS256 (-257).
    pub fn parse(cose: &[u8]) -> Result<Passkey, PasskeyFault> {
        let form = |_| PasskeyFault::Form;
        if cose.len() > PASSKEY_BYTES_MAX {
            return Err(PasskeyFault::Form);
        }
        let mut d = Decoder::new(cose);
        let entries = d.map().ok().flatten().filter(|n| *n <= 8).ok_or(PasskeyFault::Form)?;
        let (mut kind, mut alg, mut curve) = (0, 0, 0);
        let (mut one, mut two, mut three): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
        for _ in 0..entries {
            match d.i64().map_err(form)? {
                1 => kind = d.i64().map_err(form)?,
                3 => alg = d.i64().map_err(form)?,
                -1 if d.datatype().map_err(form)? == Type::Bytes => one = d.bytes().map_err(form)?,
                -1 => curve = d.i64().map_err(form)?,
                -2 => two = d.bytes().map_err(form)?,
                -3 => three = d.bytes().map_err(form)?,
                _ => d.skip().map_err(form)?,
            }
        }
        if d.position() != cose.len() {
            return Err(PasskeyFault::Form);
        }
        let key = match (kind, alg, curve) {
            (2, -7, 1) if two.len() == 32 && three.len() == 32 => {
                let point = [&[4], two, three].concat();
                Key::Es256(ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| PasskeyFault::Form)?)
            }
            (1, -8, 6) => {
                let point: &[u8; 32] = two.try_into().map_err(|_| PasskeyFault::Form)?;
                Key::EdDsa(ed25519::PublicKey::new(point).ok_or(PasskeyFault::Form)?)
            }
            (3, -257, _) if (256..=1024).contains(&one.len()) && (1..=8).contains(&two.len()) => Key::Rs256 { n: one.to_vec(), e: two.to_vec() },
            (1..=3, -7 | -8 | -257, _) => return Err(PasskeyFault::Form),
            _ => return Err(PasskeyFault::Algorithm),
        };
        Ok(Passkey(key))
    }

    /// Tells whether a signature over a message holds.
    pub fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Key::Es256(key) => key.verify_sig(message, signature).is_ok(),
            Key::EdDsa(key) => key.holds(message, signature),
            Key::Rs256 { n, e } => RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
    use minicbor::Encoder;

    fn ec2(alg: i64, point: &[u8]) -> Vec<u8> {
        let mut e = Encoder::new(Vec::new());
        e.map(5).unwrap().u8(1).unwrap().u8(2).unwrap().u8(3).unwrap().i64(alg).unwrap();
        e.i8(-1).unwrap().u8(1).unwrap().i8(-2).unwrap().bytes(&point[1..33]).unwrap().i8(-3).unwrap().bytes(&point[33..]).unwrap();
        e.into_writer()
    }

    fn attestation(flags: u8, id: &[u8], key: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut data = [7; 32].to_vec();
        data.push(flags);
        data.extend(9u32.to_be_bytes());
        data.extend([0; 16]);
        data.extend((id.len() as u16).to_be_bytes());
        data.extend([id, key, tail].concat());
        let mut e = Encoder::new(Vec::new());
        e.map(3).unwrap().str("fmt").unwrap().str("none").unwrap().str("attStmt").unwrap().map(0).unwrap().str("authData").unwrap().bytes(&data).unwrap();
        e.into_writer()
    }

    #[test]
    fn a_new_credential_is_read_and_its_signature_verified() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let cose = ec2(-7, pair.public_key().as_ref());
        let data = AuthenticatorData::of_attestation(&attestation(0x45, b"credential", &cose, &[0xa0])).unwrap();
        assert!(data.user_present && data.user_verified && data.counter == 9 && data.site == Digest([7; 32]));
        assert_eq!(data.credential, Some((b"credential".to_vec(), cose.clone())), "what follows the key is not part of it");
        let (key, signature) = (Passkey::parse(&cose).unwrap(), pair.sign(&SystemRandom::new(), b"said").unwrap());
        assert!(key.holds(b"said", signature.as_ref()));
        assert!(!key.holds(b"sait", signature.as_ref()) && !key.holds(b"said", b""));
    }

    #[test]
    fn the_other_two_kinds_of_key_are_taken_and_no_more() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let mut e = Encoder::new(Vec::new());
        e.map(4).unwrap().u8(1).unwrap().u8(1).unwrap().u8(3).unwrap().i8(-8).unwrap().i8(-1).unwrap().u8(6).unwrap();
        e.i8(-2).unwrap().bytes(pair.public_key().as_ref()).unwrap();
        assert!(Passkey::parse(e.writer()).unwrap().holds(b"said", pair.sign(b"said").as_ref()));

        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut e = Encoder::new(Vec::new());
        e.map(4).unwrap().u8(1).unwrap().u8(3).unwrap().u8(3).unwrap().i16(-257).unwrap();
        // RFC 8017, A.1.1: a sequence of two numbers; with 2048 bits the modulus begins after nine bytes.
        let (n, exponent) = (&pair.public_key().as_ref()[9..265], [1, 0, 1]);
        e.i8(-1).unwrap().bytes(n).unwrap().i8(-2).unwrap().bytes(&exponent).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"said", &mut signature).unwrap();
        let key = Passkey::parse(e.writer()).unwrap();
        assert!(key.holds(b"said", &signature));
        signature[9] ^= 1;
        assert!(!key.holds(b"said", &signature));

        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        assert_eq!(Passkey::parse(&ec2(-47, pair.public_key().as_ref())).err(), Some(PasskeyFault::Algorithm));
        let mut off_the_curve = pair.public_key().as_ref().to_vec();
        off_the_curve[40] ^= 1;
        assert_eq!(Passkey::parse(&ec2(-7, &off_the_curve)).err(), Some(PasskeyFault::Form));
    }

    #[test]
    fn bytes_cut_or_nested_anywhere_are_refused() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let whole = attestation(0x41, b"id", &ec2(-7, pair.public_key().as_ref()), &[]);
        assert!(!AuthenticatorData::of_attestation(&whole).unwrap().user_verified);
        for cut in 0..whole.len() {
            assert_eq!(AuthenticatorData::of_attestation(&whole[..cut]).err(), Some(PasskeyFault::Form), "{cut}");
        }
        let deep = vec![0x81; 100_000];
        assert_eq!(end_of_item(&deep), Err(PasskeyFault::Form));
        assert_eq!(AuthenticatorData::of_attestation(&attestation(0x41, b"", &[], &[])).err(), Some(PasskeyFault::Form), "an id has a byte");
        let bare = AuthenticatorData::parse(&[&[0; 32][..], &[0x01, 0, 0, 0, 5]].concat()).unwrap();
        assert_eq!((bare.counter, bare.credential), (5, None));
    }
}
