//! The strings and hashes of the suite: RFC 9497, sections 3.1, 4.1 and 4.6; expand_message_xmd of RFC 9380, 5.3.1.

use super::OprfFault;
use curve25519_dalek::scalar::Scalar;
use sha2::digest::Update;
use sha2::{Digest, Sha512};

/// Bytes of one input: lengths are written in two bytes.
pub const INPUT_BYTES_MAX: usize = 65_535;

/// The context string: version, mode 1 (verifiable), suite.
macro_rules! with_context {
    ($label:literal) => {
        concat!($label, "OPRFV1-\x01-ristretto255-SHA512").as_bytes()
    };
}
const TO_GROUP: &[u8] = with_context!("HashToGroup-");
const TO_SCALAR: &[u8] = with_context!("HashToScalar-");
const DERIVE: &[u8] = with_context!("DeriveKeyPair");
pub(super) const SEED: &[u8] = with_context!("Seed-");

/// The hash of 128 zero bytes so far: where every expansion begins (Z_pad).
#[derive(Clone)]
pub(super) struct Expander(Sha512);

impl Expander {
    pub(super) fn new() -> Expander {
        Expander(Sha512::new().chain([0; 128]))
    }

    /// Expands a message to 64 bytes.
    fn expand(&self, parts: &[&[u8]], domain: &[u8]) -> [u8; 64] {
        let length = u8::try_from(domain.len()).expect("our domains are short");
        let mut first = self.0.clone();
        parts.iter().for_each(|p| Update::update(&mut first, p));
        let b0 = first.chain([0, 64, 0]).chain(domain).chain([length]).finalize();
        Sha512::new().chain(b0).chain([1]).chain(domain).chain([length]).finalize().into()
    }

    /// Hashes an input to the uniform string that the group's map takes.
    pub(super) fn uniform(&self, input: &[u8]) -> Result<[u8; 64], OprfFault> {
        if input.len() > INPUT_BYTES_MAX {
            return Err(OprfFault::Input(input.len()));
        }
        Ok(self.expand(&[input], TO_GROUP))
    }

    pub(super) fn scalar(&self, parts: &[&[u8]]) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.expand(parts, TO_SCALAR))
    }

    /// Derives a secret key from a seed (RFC 9497, 3.2.1); the chance of failure is negligible, and then another seed is needed.
    pub(super) fn derive(&self, seed: &[u8; 32], info: &[u8]) -> Option<Scalar> {
        let length = u16::try_from(info.len()).ok()?.to_be_bytes();
        (0..=255u8).map(|counter| Scalar::from_bytes_mod_order_wide(&self.expand(&[seed, &length, info, &[counter]], DERIVE))).find(|key| *key != Scalar::ZERO)
    }
}

/// Hashes an input and its unblinded element to the output (RFC 9497, 3.3.1).
pub(super) fn finalize(input: &[u8], element: &[u8; 32]) -> [u8; 64] {
    let length = u16::try_from(input.len()).expect("inputs were measured before").to_be_bytes();
    Sha512::new().chain(length).chain(input).chain([0, 32]).chain(element).chain(b"Finalize").finalize().into()
}
