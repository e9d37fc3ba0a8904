//! Keys to and from the key file: canonical CBOR under its lock, wiped from memory after use.

use super::{Acting, Asking, Generation, Keys, KeysRefusal, RootKey};
use crate::card::{CARD_BYTES_MAX, Card, service_id};
use crate::ed25519::{PublicKey, SecretKey};
use crate::keyfile::{self, Lock};
use crate::rest::StorageKey;
use crate::tls::TlsIdentity;
use crate::xwing;
use base::{Entropy, UnixMs};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const SECRETS_VERSION: u8 = 1;
const KIND_KEYS: &str = "keys";

/// What the key file holds, under its lock.
#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
struct Secrets {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    root_public: [u8; 32],
    /// Ed25519 seed; absent if the root key is kept elsewhere.
    #[cbor(n(2), with = "minicbor::bytes")]
    root: Option<Vec<u8>>,
    #[cbor(n(3), with = "minicbor::bytes")]
    storage: [u8; 32],
    #[cbor(n(4), with = "minicbor::bytes")]
    card: Vec<u8>,
    #[n(5)]
    in_use: u32,
    #[n(6)]
    generations: Vec<Stored>,
    /// The next card's keys, while it waits for a root key that is kept elsewhere.
    #[n(7)]
    asked: Option<Stored>,
    /// That card, unsigned.
    #[cbor(n(8), with = "minicbor::bytes")]
    asked_card: Option<Vec<u8>>,
    /// Our cards before the newest, oldest first; no secrets.
    #[zeroize(skip)]
    #[n(9)]
    earlier: Vec<ByteVec>,
}

#[derive(Encode, Decode, Zeroize, ZeroizeOnDrop)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    number: u32,
    #[n(1)]
    valid_from: i64,
    /// X-Wing secret as [`xwing::SecretKey::bytes`] gives it.
    #[cbor(n(2), with = "minicbor::bytes")]
    sealing: Vec<u8>,
    /// Ed25519 seed; absent once wiped, like the two below.
    #[cbor(n(3), with = "minicbor::bytes")]
    signing: Option<Vec<u8>>,
    #[cbor(n(4), with = "minicbor::bytes")]
    tls_key: Option<Vec<u8>>,
    #[cbor(n(5), with = "minicbor::bytes")]
    tls_certificate: Option<Vec<u8>>,
}

impl Keys {
    /// Locks all secrets into the bytes of a key file.
    pub fn to_file(&self, lock: &Lock<'_>, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeysRefusal> {
        let stored = |g: &Generation| Stored {
            number: g.number,
            valid_from: g.valid_from.0,
            sealing: g.sealing.bytes().to_vec(),
            signing: g.acting.as_ref().map(|a| a.signing.seed().to_vec()),
            tls_key: g.acting.as_ref().map(|a| a.tls.key_der.to_vec()),
            tls_certificate: g.acting.as_ref().map(|a| a.tls.certificate_der.clone()),
        };
        let secrets = Secrets {
            version: SECRETS_VERSION,
            root_public: self.root_public,
            root: self.root.as_ref().map(|r| r.0.seed().to_vec()),
            storage: *self.storage.bytes(),
            card: self.card.clone(),
            in_use: self.in_use,
            generations: self.generations.iter().map(stored).collect(),
            asked: self.asked.as_ref().map(|a| stored(&a.generation)),
            asked_card: self.asked.as_ref().map(|a| a.payload.clone()),
            earlier: self.earlier.iter().cloned().map(ByteVec::from).collect(),
        };
        // Room from the start: a buffer that grows would leave copies of secrets behind.
        let earlier: usize = self.earlier.iter().map(|c| c.len() + 8).sum();
        let mut plain = Zeroizing::new(Vec::with_capacity(self.card.len() + earlier + 1024 + CARD_BYTES_MAX + (self.generations.len() + 1) * 4096));
        minicbor::encode(&secrets, &mut *plain).expect("encoding into memory cannot fail");
        keyfile::lock(KIND_KEYS, &plain, lock, entropy)
    }

    /// Unlocks a key file.
    pub fn from_file(bytes: &[u8], lock: &Lock<'_>) -> Result<Keys, KeysRefusal> {
        let plain = keyfile::unlock(KIND_KEYS, bytes, lock)?;
        let secrets: Secrets = minicbor::decode(&plain).map_err(|e| KeysRefusal::File(e.to_string()))?;
        let other = || KeysRefusal::File(format!("its secrets have version {}", secrets.version));
        if secrets.version != SECRETS_VERSION {
            return Err(other());
        }
        Self::from_secrets(&secrets).ok_or_else(|| KeysRefusal::File("its secrets do not belong together".to_owned()))
    }

    fn from_secrets(secrets: &Secrets) -> Option<Keys> {
        let seed = |s: &Vec<u8>| Some(SecretKey::from_seed(s.as_slice().try_into().ok()?));
        let root = match &secrets.root {
            Some(s) => Some(RootKey(Arc::new(seed(s)?))),
            None => None,
        };
        let generation = |s: &Stored| {
            let acting = match (&s.signing, &s.tls_key, &s.tls_certificate) {
                (Some(signing), Some(key), Some(certificate)) => {
                    Some(Arc::new(Acting { signing: seed(signing)?, tls: TlsIdentity::from_stored(certificate.clone(), key.clone())? }))
                }
                _ => None,
            };
            let sealing = Arc::new(xwing::SecretKey::from_bytes(&s.sealing)?);
            Some(Generation { number: s.number, valid_from: UnixMs(s.valid_from), acting, sealing })
        };
        let asked = match (&secrets.asked, &secrets.asked_card) {
            (Some(stored), Some(payload)) => Some(Asking { generation: generation(stored)?, payload: payload.clone() }),
            _ => None,
        };
        let keys = Keys {
            service: service_id(&secrets.root_public),
            root_public: secrets.root_public,
            root,
            generations: secrets.generations.iter().map(generation).collect::<Option<_>>()?,
            in_use: secrets.in_use,
            storage: StorageKey::from_bytes(secrets.storage),
            card: secrets.card.clone(),
            earlier: secrets.earlier.iter().map(|c| c.to_vec()).collect(),
            asked,
        };
        keys.belong_together().then_some(keys)
    }

    /// Tells whether the newest card is ours, names the newest keys, and the card that acts can act.
    fn belong_together(&self) -> bool {
        let Ok(card) = Card::read(&self.card) else { return false };
        let Some(last) = self.generations.last() else { return false };
        let acts = self.generations.iter().any(|g| g.number == self.in_use && g.acting.is_some());
        let newest = last.acting.as_ref().is_some_and(|a| a.signing.public() == card.signing && a.tls.pin == card.tls_pin);
        let root = self.root.as_ref().is_none_or(|r| r.service() == self.service) && PublicKey::new(&self.root_public).is_some();
        acts && newest && root && card.service == self.service && card.number == last.number && card.sealing == last.sealing.public()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use crate::vectors::wire_draft;

    const LOCK: Lock<'static> = Lock::KeyFile(&[1; 32]);

    #[test]
    fn what_is_wiped_is_not_stored() {
        let draft = wire_draft();
        let mut keys = Keys::generate(&draft, draft.valid_from, &mut SystemEntropy).unwrap();
        let begin = draft.valid_from;
        keys.rotate(&draft, begin.plus_ms(-1), &mut SystemEntropy).unwrap();
        assert!(keys.generations.iter().all(|g| g.acting.is_some()));
        keys.advance(begin.plus_ms(crate::OVERLAP_MS));
        assert!(keys.generations.iter().all(|g| g.acting.is_some()), "to the last moment of the overlap");
        keys.advance(begin.plus_ms(crate::OVERLAP_MS + 1));
        let stored = Keys::from_file(&keys.to_file(&LOCK, &mut SystemEntropy).unwrap(), &LOCK).unwrap();
        for keys in [keys, stored] {
            let acting: Vec<bool> = keys.generations.iter().map(|g| g.acting.is_some()).collect();
            assert_eq!(acting, [false, true], "the retired card's signing key is gone, its sealing key stays");
        }
    }

    #[test]
    fn secrets_that_do_not_belong_together_are_refused() {
        let new = || Keys::generate(&wire_draft(), wire_draft().valid_from, &mut SystemEntropy).unwrap();
        let (keys, other) = (new(), new());
        let again = |keys: &Keys| Keys::from_file(&keys.to_file(&LOCK, &mut SystemEntropy).unwrap(), &LOCK);
        assert!(again(&keys).is_ok());
        let mixed = [
            Keys { root: other.root.clone(), ..keys.clone() },
            Keys { card: other.card.clone(), ..keys.clone() },
            Keys { generations: other.generations.clone(), ..keys.clone() },
            Keys { generations: Vec::new(), ..keys.clone() },
            Keys { in_use: 2, ..keys.clone() },
        ];
        for keys in mixed {
            assert_eq!(again(&keys).unwrap_err().code(), "refusal.keys.file");
        }
    }
}
