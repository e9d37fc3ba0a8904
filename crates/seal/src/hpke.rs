//! HPKE (RFC 9180), base mode, single shot: KEM X-Wing (0x647a), KDF HKDF-SHA256 (0x0001), AEAD AES-256-GCM (0x0002).
//!
//! `encapsulate -> key schedule (5.1) -> one AEAD operation with the base nonce (5.2, sequence 0)`. The KEM's secret goes into the
//! schedule as it is (draft-ietf-hpke-pq), without the extract step that RFC 9180 gives its own Diffie-Hellman KEMs.

use crate::xwing;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

const VERSION: &[u8] = b"HPKE-v1";
/// "HPKE", then KEM, KDF and AEAD identifiers, 16 bits each.
const SUITE: [u8; 10] = [b'H', b'P', b'K', b'E', 0x64, 0x7a, 0x00, 0x01, 0x00, 0x02];
const MODE_BASE: u8 = 0;
/// Bytes by which a ciphertext is longer than its plaintext.
pub const TAG_BYTES: usize = 16;

/// A message that is about to be sealed: its key is agreed.
pub struct Sealing(Context);

impl Sealing {
    /// Agrees a key with the owner of `to` and returns what it travels in; `None` if `to` is no key.
    pub fn begin(to: &xwing::PublicKey, info: &[u8]) -> Option<([u8; xwing::ENCAPSULATED_BYTES], Sealing)> {
        let (encapsulated, shared) = to.encapsulate()?;
        Some((encapsulated, Sealing(Context::new(SUITE, &*shared, info))))
    }

    /// Seals in place and returns the tag that belongs behind it; `None` only for 64 GiB and more.
    pub fn seal(self, aad: &[u8], in_out: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        let tag = self.0.cipher().seal_in_place_separate_tag(self.0.nonce(), Aad::from(aad), in_out).ok()?;
        tag.as_ref().try_into().ok()
    }
}

/// Opens in place what was sealed for us, ciphertext and tag, and returns the plaintext; `None` if anything of it was changed or it was
/// sealed for another key.
pub fn open<'a>(ours: &xwing::SecretKey, encapsulated: &[u8], info: &[u8], aad: &[u8], in_out: &'a mut [u8]) -> Option<&'a mut [u8]> {
    let shared = ours.decapsulate(encapsulated)?;
    let context = Context::new(SUITE, &*shared, info);
    context.cipher().open_in_place(context.nonce(), Aad::from(aad), in_out).ok()
}

/// What the key schedule yields.
struct Context {
    key: Zeroizing<[u8; 32]>,
    base_nonce: Zeroizing<[u8; NONCE_LEN]>,
}

impl Context {
    /// The key schedule of RFC 9180, 5.1, with neither pre-shared key nor its id.
    fn new(suite: [u8; 10], shared: &[u8], info: &[u8]) -> Context {
        let psk_id_hash = labeled_extract(suite, &[], b"psk_id_hash", &[]);
        let info_hash = labeled_extract(suite, &[], b"info_hash", info);
        let mut schedule = [MODE_BASE; 65];
        schedule[1..33].copy_from_slice(&*psk_id_hash);
        schedule[33..].copy_from_slice(&*info_hash);
        let secret = labeled_extract(suite, shared, b"secret", &[]);
        Context { key: labeled_expand(suite, &secret, b"key", &schedule), base_nonce: labeled_expand(suite, &secret, b"base_nonce", &schedule) }
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*self.key).expect("a key of 32 bytes"))
    }

    /// The nonce of the first and only message.
    fn nonce(&self) -> Nonce {
        Nonce::assume_unique_for_key(*self.base_nonce)
    }
}

/// Hands key and nonce to the known-answer tests of other suites.
#[cfg(test)]
pub fn key_schedule(suite: [u8; 10], shared: &[u8], info: &[u8]) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; NONCE_LEN]>) {
    let Context { key, base_nonce } = Context::new(suite, shared, info);
    (key, base_nonce)
}

/// `LabeledExtract` (RFC 9180, 4); HKDF-Extract (RFC 5869, 2.2) is HMAC under the salt.
fn labeled_extract(suite: [u8; 10], salt: &[u8], label: &[u8], ikm: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in [VERSION, &suite, label, ikm] {
        mac.update(part);
    }
    Zeroizing::new(mac.sign().as_ref().try_into().expect("HMAC-SHA256 has 32 bytes"))
}

/// `LabeledExpand` (RFC 9180, 4) to `N` bytes.
fn labeled_expand<const N: usize>(suite: [u8; 10], secret: &[u8; 32], label: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    let length = u16::try_from(N).expect("keys and nonces are short").to_be_bytes();
    let mut out = Zeroizing::new([0; N]);
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret);
    let parts = [&length[..], VERSION, &suite, label, info];
    prk.expand(&parts, Length(N)).and_then(|okm| okm.fill(&mut *out)).expect("HKDF gives up to 8160 bytes");
    out
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
