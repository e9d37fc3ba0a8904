//! Secrets in a file: canonical CBOR around AES-256-GCM, under a passphrase (Argon2id, RFC 9106) or a 32-byte key file (HKDF, RFC 5869).
//!
//! `{0: version, 1: kind, 2: how the key is made, 3: salt, 4: nonce, 5: ciphertext}`; all before the ciphertext is authenticated with it.

use crate::card::read_versioned;
use crate::keys::KeysRefusal;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use base::Entropy;
use base::cbor;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

const FILE_VERSION: u8 = 1;
/// Bytes of a key file: room for the sealing keys of a thousand cards.
const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Cost of Argon2id; stored in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Kdf {
    /// Memory in KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over it.
    #[n(1)]
    pub passes: u32,
    /// Lanes.
    #[n(2)]
    pub lanes: u32,
}

impl Default for Kdf {
    /// The second recommended option of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Kdf { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

impl Kdf {
    /// Tells whether a file may ask for this cost: 8 MiB to 1 GiB, 1 to 16 passes, 1 to 16 lanes.
    pub fn is_sane(&self) -> bool {
        (8 * 1024..=1024 * 1024).contains(&self.memory_kib) && (1..=16).contains(&self.passes) && (1..=16).contains(&self.lanes)
    }
}

/// What a file of secrets is locked with.
#[derive(Clone, Copy)]
pub enum Lock<'a> {
    /// Something that people remember.
    Passphrase {
        /// The words, as UTF-8, exactly as typed.
        text: &'a str,
        /// What a new file shall cost to open; a file that exists says for itself.
        kdf: Kdf,
    },
    /// 32 random bytes that lie elsewhere.
    KeyFile(&'a [u8; 32]),
}

impl<'a> Lock<'a> {
    /// Locks with a passphrase at the default cost.
    pub fn passphrase(text: &'a str) -> Lock<'a> {
        Lock::Passphrase { text, kdf: Kdf::default() }
    }
}

/// Everything but the ciphertext.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Head {
    #[n(0)]
    version: u8,
    #[n(1)]
    kind: String,
    /// Absent under a key file.
    #[n(2)]
    kdf: Option<Kdf>,
    #[cbor(n(3), with = "minicbor::bytes")]
    salt: [u8; 32],
    #[cbor(n(4), with = "minicbor::bytes")]
    nonce: [u8; NONCE_LEN],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct File {
    #[n(0)]
    version: u8,
    #[n(1)]
    kind: String,
    #[n(2)]
    kdf: Option<Kdf>,
    #[cbor(n(3), with = "minicbor::bytes")]
    salt: [u8; 32],
    #[cbor(n(4), with = "minicbor::bytes")]
    nonce: [u8; NONCE_LEN],
    #[cbor(n(5), with = "minicbor::bytes")]
    ciphertext: Vec<u8>,
}

/// Locks secrets of one kind into a file's bytes.
pub fn lock(kind: &str, secrets: &[u8], lock: &Lock<'_>, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeysRefusal> {
    let (mut salt, mut nonce) = ([0; 32], [0; NONCE_LEN]);
    entropy.fill(&mut salt);
    entropy.fill(&mut nonce);
    let kdf = match lock {
        Lock::Passphrase { kdf, .. } => Some(*kdf),
        Lock::KeyFile(_) => None,
    };
    let head = Head { version: FILE_VERSION, kind: kind.to_owned(), kdf, salt, nonce };
    let cipher = derive(lock, kdf, &salt)?;
    // The plaintext stands only in this buffer, which the cipher overwrites.
    let mut ciphertext = Vec::with_capacity(secrets.len() + 16);
    ciphertext.extend_from_slice(secrets);
    let aad = Aad::from(cbor::to_vec(&head));
    cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut ciphertext).expect("secrets are far below the cipher's limit");
    let Head { version, kind, kdf, salt, nonce } = head;
    Ok(cbor::to_vec(&File { version, kind, kdf, salt, nonce, ciphertext }))
}

/// Unlocks a file's bytes of one kind.
pub fn unlock(kind: &str, bytes: &[u8], lock: &Lock<'_>) -> Result<Zeroizing<Vec<u8>>, KeysRefusal> {
    let file: File = read_versioned(bytes, FILE_BYTES_MAX, FILE_VERSION).map_err(|e| KeysRefusal::File(e.to_string()))?;
    if file.kind != kind {
        return Err(KeysRefusal::File(format!("it holds '{}' where '{kind}' is needed", file.kind)));
    }
    let cipher = derive(lock, file.kdf, &file.salt)?;
    let head = Head { version: file.version, kind: file.kind, kdf: file.kdf, salt: file.salt, nonce: file.nonce };
    let mut out = Zeroizing::new(file.ciphertext);
    let opened = cipher.open_in_place(Nonce::assume_unique_for_key(file.nonce), Aad::from(cbor::to_vec(&head)), &mut out);
    let length = opened.map_err(|_| wrong(lock))?.len();
    out.truncate(length);
    Ok(out)
}

fn wrong(lock: &Lock<'_>) -> KeysRefusal {
    match lock {
        Lock::Passphrase { .. } => KeysRefusal::Passphrase,
        Lock::KeyFile(_) => KeysRefusal::KeyFile,
    }
}

fn derive(lock: &Lock<'_>, kdf: Option<Kdf>, salt: &[u8; 32]) -> Result<LessSafeKey, KeysRefusal> {
    let mut key = Zeroizing::new([0; 32]);
    match (lock, kdf) {
        (Lock::Passphrase { text, .. }, Some(kdf)) if kdf.is_sane() => {
            let params = argon2::Params::new(kdf.memory_kib, kdf.passes, kdf.lanes, Some(32)).map_err(|_| KeysRefusal::Parameters)?;
            let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
            argon2.hash_password_into(text.as_bytes(), salt, &mut *key).map_err(|_| KeysRefusal::Parameters)?;
        }
        (Lock::Passphrase { .. }, Some(_)) => return Err(KeysRefusal::Parameters),
        (Lock::KeyFile(bytes), None) => {
            let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&bytes[..]);
            prk.expand(&[b"entente/keyfile/1"], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut *key)).expect("32 bytes are one HKDF block");
        }
        (Lock::Passphrase { .. }, None) => return Err(KeysRefusal::KeyFile),
        (Lock::KeyFile(_), Some(_)) => return Err(KeysRefusal::Passphrase),
    }
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).expect("a key of 32 bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106, 5.3, the Argon2id vector; with secret and associated data, which our files do not use.
    #[test]
    fn rfc_9106_section_5_3_vector() {
        let params =
            argon2::ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(argon2::AssociatedData::new(&[4; 12]).unwrap()).output_len(32).build().unwrap();
        let argon2 = argon2::Argon2::new_with_secret(&[3; 8], argon2::Algorithm::Argon2id, argon2::Version::V0x13, params).unwrap();
        let mut out = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut out).unwrap();
        let hex: String = out.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    #[test]
    fn the_turn_from_sane_to_absurd_costs() {
        let kdf = |memory_kib, passes, lanes| Kdf { memory_kib, passes, lanes };
        assert!(Kdf::default().is_sane() && kdf(8192, 1, 1).is_sane() && kdf(1 << 20, 16, 16).is_sane());
        for absurd in
            [kdf(8191, 1, 1), kdf((1 << 20) + 1, 1, 1), kdf(8192, 0, 1), kdf(8192, 17, 1), kdf(8192, 1, 0), kdf(8192, 1, 17), kdf(u32::MAX, u32::MAX, u32::MAX)]
        {
            assert!(!absurd.is_sane(), "{absurd:?}");
        }
    }
}
