//! X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 (FIPS 203) and X25519 (RFC 7748) in one KEM, over AWS-LC's primitives.
//!
//! Public key `ML-KEM key (1184) || X25519 key (32)`, encapsulation `ML-KEM ciphertext (1088) || X25519 ephemeral key (32)`, shared
//! secret `SHA3-256(ss_M || ss_X || ct_X || pk_X || label)`. Stays secret while either of the two stands.
//! AWS-LC hands out no ML-KEM seed, so a secret key at rest is the expanded one, not the draft's 32-byte seed; on the wire nothing differs.

use aws_lc_rs::agreement::{self, X25519};
use aws_lc_rs::digest::{SHA3_256, digest};
use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

const ML_KEM_PUBLIC: usize = 1184;
const ML_KEM_CIPHERTEXT: usize = 1088;
const ML_KEM_SECRET: usize = 2400;
/// Where FIPS 203 (algorithm 16) puts the public key within the expanded secret key.
const ML_KEM_PUBLIC_IN_SECRET: usize = 1152;
const X25519_BYTES: usize = 32;
const LABEL: &[u8; 6] = br"\.//^\";

/// Bytes of a public key.
pub const PUBLIC_BYTES: usize = ML_KEM_PUBLIC + X25519_BYTES;
/// Bytes of an encapsulated secret.
pub const ENCAPSULATED_BYTES: usize = ML_KEM_CIPHERTEXT + X25519_BYTES;
/// Bytes of a secret key at rest: expanded ML-KEM key, X25519 scalar.
pub const SECRET_BYTES: usize = ML_KEM_SECRET + X25519_BYTES;

/// A secret that two sides share.
pub type Shared = Zeroizing<[u8; 32]>;

/// A public key, parsed.
pub struct PublicKey {
    ml_kem: EncapsulationKey,
    x25519: [u8; X25519_BYTES],
}

impl PublicKey {
    /// Parses a key of [`PUBLIC_BYTES`].
    pub fn new(bytes: &[u8]) -> Option<PublicKey> {
        let (m, x) = bytes.split_at_checked(ML_KEM_PUBLIC)?;
        Some(PublicKey { ml_kem: EncapsulationKey::new(&ML_KEM_768, m).ok()?, x25519: x.try_into().ok()? })
    }

    /// Draws a secret for the owner of this key: the bytes for the owner, and the secret.
    ///
    /// None if the key is none: ML-KEM coefficients out of range (FIPS 203, 7.2) or an X25519 point of small order.
    pub fn encapsulate(&self) -> Option<([u8; ENCAPSULATED_BYTES], Shared)> {
        let (ct_m, ss_m) = self.ml_kem.encapsulate().ok()?;
        let ephemeral = agreement::PrivateKey::generate(&X25519).ok()?;
        let ct_x = ephemeral.compute_public_key().ok()?;
        let ss_x = diffie_hellman(&ephemeral, &self.x25519)?;
        let shared = combine(ss_m.as_ref(), &*ss_x, ct_x.as_ref(), &self.x25519);
        let mut encapsulated = [0; ENCAPSULATED_BYTES];
        encapsulated[..ML_KEM_CIPHERTEXT].copy_from_slice(ct_m.as_ref());
        encapsulated[ML_KEM_CIPHERTEXT..].copy_from_slice(ct_x.as_ref());
        Some((encapsulated, shared))
    }
}

/// A secret key, prepared; AWS-LC wipes it when it is dropped.
pub struct SecretKey {
    ml_kem: DecapsulationKey,
    x25519: agreement::PrivateKey,
    public: Box<[u8; PUBLIC_BYTES]>,
}

impl SecretKey {
    /// Draws a new key.
    pub fn generate() -> SecretKey {
        let ml_kem = DecapsulationKey::generate(&ML_KEM_768).expect("the operating system gives no randomness");
        let x25519 = agreement::PrivateKey::generate(&X25519).expect("the operating system gives no randomness");
        let m = ml_kem.encapsulation_key().and_then(|k| k.key_bytes()).expect("a new key has its public half");
        Self::join(ml_kem, x25519, m.as_ref()).expect("a new key is whole")
    }

    /// Takes a key as [`SecretKey::bytes`] gave it.
    pub fn from_bytes(bytes: &[u8]) -> Option<SecretKey> {
        let (m, x) = bytes.split_at_checked(ML_KEM_SECRET)?;
        let ml_kem = DecapsulationKey::new(&ML_KEM_768, m).ok()?;
        let x25519 = agreement::PrivateKey::from_private_key(&X25519, x).ok()?;
        Self::join(ml_kem, x25519, &m[ML_KEM_PUBLIC_IN_SECRET..][..ML_KEM_PUBLIC])
    }

    fn join(ml_kem: DecapsulationKey, x25519: agreement::PrivateKey, m: &[u8]) -> Option<SecretKey> {
        let mut public = Box::new([0; PUBLIC_BYTES]);
        public[..ML_KEM_PUBLIC].copy_from_slice(m);
        public[ML_KEM_PUBLIC..].copy_from_slice(x25519.compute_public_key().ok()?.as_ref());
        Some(SecretKey { ml_kem, x25519, public })
    }

    /// Returns the secret, for the key file only.
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(SECRET_BYTES));
        out.extend_from_slice(self.ml_kem.key_bytes().expect("a prepared key has its bytes").as_ref());
        let scalar: Curve25519SeedBin<'_> = self.x25519.as_be_bytes().expect("a prepared key has its bytes");
        out.extend_from_slice(scalar.as_ref());
        out
    }

    /// Returns the public half.
    pub fn public(&self) -> &[u8; PUBLIC_BYTES] {
        &self.public
    }

    /// Recovers the secret that was drawn for this key.
    ///
    /// None for a wrong length or an X25519 key of small order; a forged ML-KEM part yields another secret, by design.
    pub fn decapsulate(&self, encapsulated: &[u8]) -> Option<Shared> {
        let (ct_m, ct_x) = encapsulated.split_at_checked(ML_KEM_CIPHERTEXT)?;
        if ct_x.len() != X25519_BYTES {
            return None;
        }
        let ss_m = self.ml_kem.decapsulate(Ciphertext::from(ct_m)).ok()?;
        let ss_x = diffie_hellman(&self.x25519, ct_x)?;
        Some(combine(ss_m.as_ref(), &*ss_x, ct_x, &self.public[ML_KEM_PUBLIC..]))
    }
}

/// X25519; refuses the all-zero result (RFC 7748, 6.1).
pub(crate) fn diffie_hellman(ours: &agreement::PrivateKey, theirs: &[u8]) -> Option<Shared> {
    let theirs = agreement::UnparsedPublicKey::new(&X25519, theirs);
    let take = |secret: &[u8]| Ok(Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(|_| ())?));
    agreement::agree(ours, theirs, (), take).ok()
}

/// The draft's combiner, section 5.3.
fn combine(ss_m: &[u8], ss_x: &[u8], ct_x: &[u8], pk_x: &[u8]) -> Shared {
    let mut input = Zeroizing::new(Vec::with_capacity(4 * 32 + LABEL.len()));
    for part in [ss_m, ss_x, ct_x, pk_x, LABEL] {
        input.extend_from_slice(part);
    }
    let hash = digest(&SHA3_256, &input);
    Zeroizing::new(hash.as_ref().try_into().expect("SHA3-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_share_a_secret_and_keys_survive_storage() {
        let secret = SecretKey::generate();
        let again = SecretKey::from_bytes(&secret.bytes()).unwrap();
        assert_eq!(again.public(), secret.public());
        let (encapsulated, shared) = PublicKey::new(secret.public()).unwrap().encapsulate().unwrap();
        assert_eq!(secret.decapsulate(&encapsulated).unwrap(), shared);
        assert_eq!(again.decapsulate(&encapsulated).unwrap(), shared);
        assert_ne!(SecretKey::generate().decapsulate(&encapsulated).unwrap(), shared);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let secret = SecretKey::generate();
        assert!(PublicKey::new(&secret.public()[1..]).is_none());
        let mut zero_point = *secret.public();
        zero_point[ML_KEM_PUBLIC..].fill(0);
        assert!(PublicKey::new(&zero_point).is_none_or(|k| k.encapsulate().is_none()));
        let mut out_of_range = *secret.public();
        out_of_range[..3].fill(0xff); // coefficients of 4095, the modulus is 3329
        assert!(PublicKey::new(&out_of_range).is_none_or(|k| k.encapsulate().is_none()));
        let (mut encapsulated, _) = PublicKey::new(secret.public()).unwrap().encapsulate().unwrap();
        assert!(secret.decapsulate(&encapsulated[1..]).is_none());
        encapsulated[ML_KEM_CIPHERTEXT..].fill(0);
        assert!(secret.decapsulate(&encapsulated).is_none());
    }
}
