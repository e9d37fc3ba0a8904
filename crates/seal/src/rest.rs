//! Bodies at rest, each under a key of its own, so that destroying one key erases one body.
//!
//! `StorageKey --wraps--> ItemKey --seals--> body`. The store keeps the wrapped item key beside the body; erasing is overwriting
//! the wrapped key. The additional data (`aad`) ties both to their place: a body or key that is moved elsewhere does not open.

use aws_lc_rs::aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Digest, Entropy};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a wrapped item key: the key and its tag.
pub const WRAPPED_BYTES: usize = 32 + 16;
/// Bytes of the nonce with which a sealed body begins.
pub const NONCE_BYTES: usize = NONCE_LEN;
/// Bytes by which a sealed body is longer than the body: nonce and tag.
pub const OVERHEAD_BYTES: usize = NONCE_LEN + 16;

/// Something at rest does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestFailure {
    /// The bytes were damaged or moved, or belong to other keys.
    #[error("stored data does not open: the disk damaged it, it was moved, or the key file belongs to another store; restore a backup")]
    Open,
}

impl RestFailure {
    /// Returns the stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            RestFailure::Open => "failure.rest.open",
        }
    }
}

/// The key under which one store's item keys lie.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct StorageKey([u8; 32]);

/// The key of one body.
#[derive(PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ItemKey([u8; 32]);

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey(secret)")
    }
}

impl fmt::Debug for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ItemKey(secret)")
    }
}

impl StorageKey {
    /// Draws a new key.
    pub fn generate(entropy: &mut dyn Entropy) -> StorageKey {
        let mut key = StorageKey([0; 32]);
        entropy.fill(&mut key.0);
        key
    }

    /// Takes a key out of the key file.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> StorageKey {
        StorageKey(bytes)
    }

    /// Returns the bytes, for the key file only.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Wraps an item key for the place that `aad` names; [`WRAPPED_BYTES`] long.
    ///
    /// AES-256-GCM-SIV (RFC 8452) with a nonce made from `aad`: needs no counter and no randomness, and the worst that a
    /// repeated place and key can show is that they are the same.
    pub fn wrap(&self, item: &ItemKey, aad: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(WRAPPED_BYTES);
        out.extend_from_slice(&item.0);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &self.0).expect("a key of 32 bytes"));
        key.seal_in_place_append_tag(wrap_nonce(aad), Aad::from(aad), &mut out).expect("48 bytes are within the cipher's limit");
        out
    }

    /// Unwraps an item key that was wrapped for the same place.
    pub fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<ItemKey, RestFailure> {
        let mut bytes = Zeroizing::new(wrapped.to_vec());
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &self.0).expect("a key of 32 bytes"));
        let opened = key.open_in_place(wrap_nonce(aad), Aad::from(aad), &mut bytes).map_err(|_| RestFailure::Open)?;
        let item: &[u8; 32] = (&*opened).try_into().map_err(|_| RestFailure::Open)?;
        Ok(ItemKey(*item))
    }
}

impl ItemKey {
    /// Takes a key that was derived.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> ItemKey {
        ItemKey(bytes)
    }

    /// Draws a new key.
    pub fn generate(entropy: &mut dyn Entropy) -> ItemKey {
        let mut key = ItemKey([0; 32]);
        entropy.fill(&mut key.0);
        key
    }

    /// Seals a body for the place that `aad` names: `nonce (12) || AES-256-GCM`, [`OVERHEAD_BYTES`] longer than the body.
    ///
    /// The nonce is random; one item key seals the few versions of one body, far from the 2^32 of NIST SP 800-38D, 8.3.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut out = Vec::with_capacity(plaintext.len() + OVERHEAD_BYTES);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plaintext);
        let tag = self
            .cipher()
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out[NONCE_LEN..])
            .expect("a body is far below the cipher's limit of 64 GiB");
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// Opens a body that was sealed for the same place.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, RestFailure> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(RestFailure::Open)?;
        let mut body = body.to_vec();
        let length = self.open_in_place(aad, nonce, &mut body)?;
        body.truncate(length);
        Ok(body)
    }

    /// Opens in place what stands behind the nonce, body and tag; returns how long the body is, which then stands in front.
    pub fn open_in_place(&self, aad: &[u8], nonce: &[u8; NONCE_BYTES], sealed: &mut [u8]) -> Result<usize, RestFailure> {
        let opened = self.cipher().open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), sealed);
        opened.map(|body| body.len()).map_err(|_| RestFailure::Open)
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).expect("a key of 32 bytes"))
    }
}

fn wrap_nonce(aad: &[u8]) -> Nonce {
    let digest = Digest::tagged("entente/rest/wrap/1", &[aad]);
    Nonce::try_assume_unique_for_key(&digest.0[..NONCE_LEN]).expect("12 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use crate::vectors::hex;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrapped_and_sealed_opens_only_in_its_place() {
        let mut entropy = SystemEntropy;
        let storage = StorageKey::generate(&mut entropy);
        let item = ItemKey::generate(&mut entropy);
        let wrapped = storage.wrap(&item, b"body 1");
        assert_eq!(wrapped.len(), WRAPPED_BYTES);
        assert_eq!(storage.unwrap(&wrapped, b"body 1").as_ref(), Ok(&item));
        assert_eq!(storage.unwrap(&wrapped, b"body 2"), Err(RestFailure::Open));
        assert_eq!(StorageKey::generate(&mut entropy).unwrap(&wrapped, b"body 1"), Err(RestFailure::Open));
        let sealed = item.seal(b"body 1", b"words", &mut entropy);
        assert_eq!(sealed.len(), 5 + OVERHEAD_BYTES);
        assert_eq!(item.open(b"body 1", &sealed).as_deref(), Ok(&b"words"[..]));
        assert_eq!(item.open(b"body 2", &sealed), Err(RestFailure::Open));
        assert_eq!(ItemKey::generate(&mut entropy).open(b"body 1", &sealed), Err(RestFailure::Open));
        assert_eq!(item.open(b"body 1", &[]), Err(RestFailure::Open));
        assert_ne!(item.seal(b"body 1", b"words", &mut entropy), sealed, "a nonce is drawn for each sealing");
    }

    /// What lies on a disk must open under every later version.
    #[test]
    fn the_stored_form_stays() {
        let (storage, item) = (StorageKey([1; 32]), ItemKey([2; 32]));
        assert_eq!(hex(storage.wrap(&item, b"body 1")), "34527b168119d126174e953cf6a6d652f084fc5891c42efb75f83b6c33d3030345248726f0223bbdb1308699a9c314a3");
        assert_eq!(hex(item.seal(b"body 1", b"words", &mut Sevens)), "070707070707070707070707f63caf7416a184b54300ad17ee8dd2858a96f7d3b8");
    }

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let storage = StorageKey::from_bytes([7; 32]);
        assert_eq!(format!("{storage:?} {:?}", ItemKey([9; 32])), "StorageKey(secret) ItemKey(secret)");
    }

    proptest! {
        #[test]
        fn any_changed_bit_is_found(body in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut entropy = SystemEntropy;
            let (storage, item) = (StorageKey::generate(&mut entropy), ItemKey::generate(&mut entropy));
            let mut sealed = item.seal(b"a", &body, &mut entropy);
            prop_assert_eq!(item.open(b"a", &sealed), Ok(body));
            let n = at.index(sealed.len());
            sealed[n] ^= 1 << bit;
            prop_assert_eq!(item.open(b"a", &sealed), Err(RestFailure::Open));
            let mut wrapped = storage.wrap(&item, b"a");
            wrapped[at.index(WRAPPED_BYTES)] ^= 1 << bit;
            prop_assert_eq!(storage.unwrap(&wrapped, b"a"), Err(RestFailure::Open));
        }
    }
}
