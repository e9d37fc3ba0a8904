//! Ed25519 (RFC 8032) keys, prepared once and used many times.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use zeroize::Zeroizing;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The points of small order with their sign bit cleared (RFC 8032, 5.1.2 encoding; canonical and not).
///
/// Under such a key one signature holds for many messages, so its owner could deny what it signed.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    le(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1,
        0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e,
        0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    le(0xec, 0xff, 0x7f),
    le(0xed, 0xff, 0x7f),
    le(0xee, 0xff, 0x7f),
];

const fn le(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut out = [middle; 32];
    out[0] = first;
    out[31] = last;
    out
}

/// A public key, parsed.
#[derive(Debug, Clone)]
pub struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// Parses a key; refuses points that are none or of small order.
    pub fn new(bytes: &[u8; 32]) -> Option<PublicKey> {
        let mut unsigned = *bytes;
        unsigned[31] &= 0x7f;
        if SMALL_ORDER.contains(&unsigned) {
            return None;
        }
        ParsedPublicKey::new(&ED25519, bytes).ok().map(PublicKey)
    }

    /// Tells whether a signature holds.
    pub fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

/// A secret key; AWS-LC wipes it when it is dropped.
pub struct SecretKey(Ed25519KeyPair);

impl SecretKey {
    /// Takes a seed (RFC 8032, 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> SecretKey {
        SecretKey(Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed"))
    }

    /// Returns the seed, for the key file only.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        let bin = self.0.seed().and_then(|s| s.as_be_bytes()).expect("a key pair has its seed");
        let mut out = Zeroizing::new([0; 32]);
        out.copy_from_slice(bin.as_ref());
        out
    }

    /// Returns the public half.
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex<const N: usize>(s: &str) -> [u8; N] {
        std::array::from_fn(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap())
    }

    #[test]
    fn rfc_8032_section_7_1_vectors() {
        let vectors: [(&str, &str, &[u8], &str); 2] = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                &[],
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                &[0x72],
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ];
        for (seed, public, message, signature) in vectors {
            let key = SecretKey::from_seed(&unhex(seed));
            assert_eq!(key.public(), unhex(public));
            assert_eq!(key.sign(message), unhex(signature));
            assert_eq!(*key.seed(), unhex(seed));
            assert!(PublicKey::new(&unhex(public)).unwrap().holds(message, &unhex::<64>(signature)));
        }
    }

    #[test]
    fn a_key_of_small_order_would_let_its_owner_deny() {
        for mut point in SMALL_ORDER {
            assert!(PublicKey::new(&point).is_none());
            point[31] |= 0x80;
            assert!(PublicKey::new(&point).is_none());
        }
    }
}
