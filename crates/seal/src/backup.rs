//! A backup's own key: chunks and lists sealed so that whoever stores them reads nothing and changes nothing unseen.
//!
//! 1 [`BackupKey::generate`] draws 32 bytes that lie beside the backup under a passphrase or key file. 2 A chunk is named by a keyed
//! digest of its content, so that the same content is stored once and its name tells a stranger nothing. 3 It is sealed with
//! AES-256-GCM-SIV (RFC 8452) under its name: put into another's place it does not open. Bytes in, bytes out; files are others' business.

use crate::keyfile::{self, Lock};
use crate::keys::KeysRefusal;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base::{Digest, Entropy};
use std::fmt;
use zeroize::{ZeroizeOnDrop, Zeroizing};

const KIND_BACKUP: &str = "backup";
/// Bytes by which a sealed chunk or list is longer than its content: the tag.
pub const BACKUP_OVERHEAD_BYTES: usize = 16;

/// Something in a backup does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BackupFailure {
    /// The bytes were damaged or exchanged, or belong to another backup's key.
    #[error("a part of the backup does not open: the medium damaged it, it was exchanged, or it belongs to another backup key")]
    Open,
}

impl BackupFailure {
    /// Returns the stable code of this failure.
    pub fn code(&self) -> &'static str {
        match self {
            BackupFailure::Open => "failure.backup.open",
        }
    }
}

/// The key of one place of backups.
#[derive(ZeroizeOnDrop)]
pub struct BackupKey {
    secret: [u8; 32],
    /// Names chunks.
    naming: [u8; 32],
    /// Seals them.
    sealing: [u8; 32],
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupKey(secret)")
    }
}

impl BackupKey {
    /// Draws a new key.
    pub fn generate(entropy: &mut dyn Entropy) -> BackupKey {
        let mut secret = Zeroizing::new([0; 32]);
        entropy.fill(&mut *secret);
        BackupKey::new(&secret)
    }

    fn new(secret: &[u8; 32]) -> BackupKey {
        BackupKey { secret: *secret, naming: derive(secret, b"entente/backup/name/1"), sealing: derive(secret, b"entente/backup/seal/1") }
    }

    /// Locks the key into a file of its own.
    pub fn to_file(&self, lock: &Lock<'_>, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeysRefusal> {
        keyfile::lock(KIND_BACKUP, &self.secret, lock, entropy)
    }

    /// Unlocks the key.
    pub fn from_file(bytes: &[u8], lock: &Lock<'_>) -> Result<BackupKey, KeysRefusal> {
        let secret = keyfile::unlock(KIND_BACKUP, bytes, lock)?;
        let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| KeysRefusal::File("a backup key has 32 bytes".to_owned()))?;
        Ok(BackupKey::new(secret))
    }

    /// Returns a chunk's name: HMAC-SHA256 of its content (RFC 2104).
    pub fn name(&self, content: &[u8]) -> Digest {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.naming), content);
        Digest::from_slice(tag.as_ref()).expect("HMAC-SHA256 has 32 bytes")
    }

    /// Seals a chunk under its name; [`BACKUP_OVERHEAD_BYTES`] longer than the content.
    ///
    /// The nonce follows from the name and so from the content: the same content gives the same bytes, another content another nonce.
    pub fn seal_chunk(&self, name: &Digest, content: &[u8]) -> Vec<u8> {
        self.seal(&[b"entente/backup/chunk/1".as_slice(), &name.0].concat(), content)
    }

    /// Opens a chunk and holds it against its name.
    pub fn open_chunk(&self, name: &Digest, sealed: Vec<u8>) -> Result<Vec<u8>, BackupFailure> {
        let content = self.open(&[b"entente/backup/chunk/1".as_slice(), &name.0].concat(), sealed)?;
        if self.name(&content) == *name { Ok(content) } else { Err(BackupFailure::Open) }
    }

    /// Seals the list of one backup, or what is noted about it, under its title; a title is sealed once.
    pub fn seal_list(&self, title: &str, list: &[u8]) -> Vec<u8> {
        self.seal(&[b"entente/backup/list/1".as_slice(), title.as_bytes()].concat(), list)
    }

    /// Opens a list under its title.
    pub fn open_list(&self, title: &str, sealed: Vec<u8>) -> Result<Vec<u8>, BackupFailure> {
        self.open(&[b"entente/backup/list/1".as_slice(), title.as_bytes()].concat(), sealed)
    }

    fn seal(&self, place: &[u8], content: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(content.len() + BACKUP_OVERHEAD_BYTES);
        out.extend_from_slice(content);
        self.cipher().seal_in_place_append_tag(nonce(place), Aad::from(place), &mut out).expect("a chunk is far below the cipher's limit");
        out
    }

    fn open(&self, place: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, BackupFailure> {
        let length = self.cipher().open_in_place(nonce(place), Aad::from(place), &mut sealed).map_err(|_| BackupFailure::Open)?.len();
        sealed.truncate(length);
        Ok(sealed)
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &self.sealing).expect("a key of 32 bytes"))
    }
}

fn nonce(place: &[u8]) -> Nonce {
    let digest = Digest::tagged("entente/backup/nonce/1", &[place]);
    Nonce::try_assume_unique_for_key(&digest.0[..NONCE_LEN]).expect("12 bytes")
}

fn derive(secret: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
    prk.expand(&[info], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key)).expect("32 bytes are one HKDF block");
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use crate::vectors::hex;
    use proptest::prelude::*;

    #[test]
    fn a_chunk_opens_under_its_own_name_and_key_only() {
        let (key, other) = (BackupKey::generate(&mut SystemEntropy), BackupKey::generate(&mut SystemEntropy));
        let (name, second) = (key.name(b"content"), key.name(b"other content"));
        let sealed = key.seal_chunk(&name, b"content");
        assert_eq!(sealed.len(), 7 + BACKUP_OVERHEAD_BYTES);
        assert_eq!(key.seal_chunk(&name, b"content"), sealed, "the same content is stored once");
        assert_eq!(key.open_chunk(&name, sealed.clone()).as_deref(), Ok(&b"content"[..]));
        assert_eq!(key.open_chunk(&second, sealed.clone()), Err(BackupFailure::Open));
        assert_eq!(other.open_chunk(&name, sealed.clone()), Err(BackupFailure::Open));
        assert_eq!(key.open_list("content", sealed), Err(BackupFailure::Open));
        assert_eq!(key.open_chunk(&name, Vec::new()), Err(BackupFailure::Open));
        assert_ne!(other.name(b"content"), name, "a name tells nothing to who has not the key");
        let misnamed = key.seal_chunk(&second, b"content");
        assert_eq!(key.open_chunk(&second, misnamed), Err(BackupFailure::Open), "the name is held against the content");
    }

    #[test]
    fn the_key_lies_under_a_lock_of_its_own_kind() {
        let key = BackupKey::generate(&mut SystemEntropy);
        let lock = Lock::KeyFile(&[3; 32]);
        let file = key.to_file(&lock, &mut SystemEntropy).unwrap();
        assert_eq!(BackupKey::from_file(&file, &lock).unwrap().name(b"x"), key.name(b"x"));
        assert_eq!(BackupKey::from_file(&file, &Lock::KeyFile(&[4; 32])).unwrap_err().code(), "refusal.keys.key-file");
        assert_eq!(crate::Keys::from_file(&file, &lock).unwrap_err().code(), "refusal.keys.file");
        assert_eq!(format!("{key:?}"), "BackupKey(secret)");
    }

    /// What lies in a backup must open under every later version.
    #[test]
    fn the_stored_form_stays() {
        let key = BackupKey::new(&[1; 32]);
        let name = key.name(b"content");
        assert_eq!(hex(name.0), NAME);
        assert_eq!(hex(key.seal_chunk(&name, b"content")), CHUNK);
        assert_eq!(hex(key.seal_list("t", b"list")), LIST);
    }

    const NAME: &str = "b766fb8d72f780dc66bc7b50fd19c695dc4b41ecf16d9ecaf2d03033274a5253";
    const CHUNK: &str = "36a04c6a176a4971bfa1984d2800c5b41641da1f4f2e91";
    const LIST: &str = "f7e8b674492f2592361d063c4844dac0cea1a1cf";

    proptest! {
        #[test]
        fn any_changed_bit_is_found(content in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let key = BackupKey::new(&[2; 32]);
            let name = key.name(&content);
            let mut sealed = key.seal_chunk(&name, &content);
            let n = at.index(sealed.len());
            sealed[n] ^= 1 << bit;
            prop_assert_eq!(key.open_chunk(&name, sealed), Err(BackupFailure::Open));
        }
    }
}
