//! A service's own secrets: root key, and per card a signing, a sealing and a TLS key; and the storage key.
//!
//! 1 [`Keys::generate`] makes all of it and card 1. 2 [`Keys::rotate`] makes the next card with new keys, or [`Keys::issue_card`] with
//! the present ones; a card may begin later, so that partners have it before its keys act. Where the root key is kept elsewhere the
//! same goes in two steps, [`Keys::request`] and [`Keys::install`]. 3 [`Keys::advance`] lets the newest card that has begun act, and
//! wipes the signing and TLS keys of the ones before once their overlap is over. Sealing keys stay, to open what is under way, until
//! [`Keys::forget_old`].

mod stored;

use crate::card::{CARD_VERSION, Card, CardDraft, CardFault, service_id};
use crate::cards::{CARD_SKEW_MS, OVERLAP_MS};
use crate::cose::{self, Typ, Verified};
use crate::ed25519::SecretKey;
use crate::keyfile::{self, Lock};
use crate::request::{REQUEST_VERSION, RootRequest, RootTask};
use crate::rest::StorageKey;
use crate::revocation::{REVOCATION_VERSION, Reason, Revocation};
use crate::succession::{SUCCESSION_VERSION, Succession};
use crate::tls::TlsIdentity;
use crate::xwing;
use base::{Digest, Entropy, ServiceId, UnixMs, cbor};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

const KIND_ROOT: &str = "root";
/// How long sealing keys are kept after their card was retired, for parcels that are still under way: 30 days.
pub const SEALING_GRACE_MS: i64 = 30 * 86_400_000;

/// Our own keys cannot do what was asked; ordinary business of the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysRefusal {
    /// The passphrase does not fit.
    #[error("the passphrase does not open this key file (or the file was altered); type it again or take a backup of the file")]
    Passphrase,
    /// The key file does not fit.
    #[error("the 32-byte key file does not open these keys (or they were altered); use the key file that they were locked with")]
    KeyFile,
    /// The file asks for costs that no honest file asks for.
    #[error("the key file asks for an absurd cost of opening (8 MiB to 1 GiB, 1 to 16 passes and lanes are allowed); take a backup of the file")]
    Parameters,
    /// The bytes are no key file.
    #[error("this is not a key file that this program can read: {0}; take a backup of the file")]
    File(String),
    /// The root key is kept elsewhere.
    #[error("the root key is not here, and only it can sign a card; bring it from where it is kept")]
    RootAway,
    /// This root key belongs to another service.
    #[error("this root key belongs to service {0}, not to this one; bring the right one")]
    RootOther(ServiceId),
    /// Something else came back than what was asked of the root key.
    #[error("this is not the card that was asked for last; make the request again with 'entente keys request' and have that one signed")]
    NotAsked,
    /// The card would break the rules for cards.
    #[error("this card cannot be issued: {0}")]
    Draft(CardFault),
}

impl KeysRefusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            KeysRefusal::Passphrase => "refusal.keys.passphrase",
            KeysRefusal::KeyFile => "refusal.keys.key-file",
            KeysRefusal::Parameters => "refusal.keys.parameters",
            KeysRefusal::File(_) => "refusal.keys.file",
            KeysRefusal::RootAway => "refusal.keys.root-away",
            KeysRefusal::RootOther(_) => "refusal.keys.root-other",
            KeysRefusal::NotAsked => "refusal.keys.not-asked",
            KeysRefusal::Draft(_) => "refusal.keys.draft",
        }
    }
}

/// The root key by itself, to be kept offline.
#[derive(Clone)]
pub struct RootKey(Arc<SecretKey>);

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey(of {})", self.service().short())
    }
}

impl RootKey {
    /// Returns the service that this key is the root of.
    pub fn service(&self) -> ServiceId {
        service_id(&self.0.public())
    }

    /// Returns the key itself.
    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// Locks the root key into a file of its own.
    pub fn to_file(&self, lock: &Lock<'_>, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeysRefusal> {
        keyfile::lock(KIND_ROOT, &*self.0.seed(), lock, entropy)
    }

    /// Unlocks a root key.
    pub fn from_file(bytes: &[u8], lock: &Lock<'_>) -> Result<RootKey, KeysRefusal> {
        let seed = keyfile::unlock(KIND_ROOT, bytes, lock)?;
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| KeysRefusal::File("a root key has 32 bytes".to_owned()))?;
        Ok(RootKey(Arc::new(SecretKey::from_seed(seed))))
    }
}

/// Cards before the newest that the key file keeps: more are never taken on between a backup and its restoration.
pub const EARLIER_CARDS_MAX: usize = 64;

/// All secrets of one service. Clones share them; they are wiped with the last clone.
#[derive(Clone)]
pub struct Keys {
    service: ServiceId,
    root_public: [u8; 32],
    root: Option<RootKey>,
    /// By card number, without gap at the end; never empty.
    generations: Vec<Generation>,
    in_use: u32,
    storage: StorageKey,
    card: Vec<u8>,
    /// Our cards before the newest, oldest first; at most [`EARLIER_CARDS_MAX`].
    earlier: Vec<Vec<u8>>,
    /// The next card, asked of a root key that is kept elsewhere.
    asked: Option<Asking>,
}

/// A card that waits for the root key.
#[derive(Clone)]
struct Asking {
    generation: Generation,
    payload: Vec<u8>,
}

/// One of our cards whose keys are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardKeys {
    /// The card.
    pub number: u32,
    /// When it begins.
    pub valid_from: UnixMs,
    /// Whether its signing and TLS keys are here; else only the sealing key, to open what is under way.
    pub signs: bool,
}

/// The keys of one card.
#[derive(Clone)]
struct Generation {
    number: u32,
    valid_from: UnixMs,
    acting: Option<Arc<Acting>>,
    sealing: Arc<xwing::SecretKey>,
}

/// The keys that are wiped when the card is retired.
struct Acting {
    signing: SecretKey,
    tls: TlsIdentity,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys(of {}, card {}, root {})", self.service.short(), self.in_use, if self.root.is_some() { "here" } else { "away" })
    }
}

impl Keys {
    /// Makes the keys of a new service and its card 1.
    ///
    /// Root, signing and storage keys are drawn from `entropy`; sealing and TLS keys always from the operating system.
    pub fn generate(draft: &CardDraft, at: UnixMs, entropy: &mut dyn Entropy) -> Result<Keys, KeysRefusal> {
        let root = SecretKey::from_seed(&draw(entropy));
        let acting = Acting { signing: SecretKey::from_seed(&draw(entropy)), tls: TlsIdentity::generate() };
        Keys::found(root, acting, xwing::SecretKey::generate(), StorageKey::generate(entropy), draft, at)
    }

    /// Founds a service on given keys.
    fn found(root: SecretKey, acting: Acting, sealing: xwing::SecretKey, storage: StorageKey, draft: &CardDraft, at: UnixMs) -> Result<Keys, KeysRefusal> {
        let root_public = root.public();
        let service = service_id(&root_public);
        let root = Some(RootKey(Arc::new(root)));
        let mut keys = Keys { service, root_public, root, generations: Vec::new(), in_use: 1, storage, card: Vec::new(), earlier: Vec::new(), asked: None };
        keys.issue(draft, at, Arc::new(acting), Arc::new(sealing))?;
        Ok(keys)
    }

    /// Founds a service on the fixed keys of the golden vectors.
    #[cfg(test)]
    pub(crate) fn from_seeds(root: [u8; 32], signing: [u8; 32], sealing: xwing::SecretKey, tls: TlsIdentity, draft: &CardDraft) -> Keys {
        let acting = Acting { signing: SecretKey::from_seed(&signing), tls };
        Keys::found(SecretKey::from_seed(&root), acting, sealing, StorageKey::from_bytes([0; 32]), draft, draft.valid_from).unwrap()
    }

    /// Issues the next card with the present keys, for a new address or desk; returns its signed bytes.
    pub fn issue_card(&mut self, draft: &CardDraft, at: UnixMs) -> Result<Vec<u8>, KeysRefusal> {
        let last = self.last();
        let (acting, sealing) = (last.acting.clone().expect("the newest keys are never wiped"), last.sealing.clone());
        self.issue(draft, at, acting, sealing)
    }

    /// Issues the next card with new signing, sealing and TLS keys; returns its signed bytes.
    ///
    /// Let it begin some days ahead, so that partners hold it before its keys act.
    pub fn rotate(&mut self, draft: &CardDraft, at: UnixMs, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeysRefusal> {
        let acting = Acting { signing: SecretKey::from_seed(&draw(entropy)), tls: TlsIdentity::generate() };
        self.issue(draft, at, Arc::new(acting), Arc::new(xwing::SecretKey::generate()))
    }

    fn issue(&mut self, draft: &CardDraft, at: UnixMs, acting: Arc<Acting>, sealing: Arc<xwing::SecretKey>) -> Result<Vec<u8>, KeysRefusal> {
        let root = self.root.clone().ok_or(KeysRefusal::RootAway)?;
        let asked = self.ask(draft, at, acting, sealing)?;
        let answer = root.answer(&RootRequest { version: REQUEST_VERSION, service: self.service, tasks: vec![asked] });
        let signed = answer.inspect_err(|_| self.asked = None)?.signed.remove(0).to_vec();
        self.install(&signed, at)?;
        Ok(signed)
    }

    /// Prepares the next card, with new keys or the present ones, for a root key that is kept elsewhere.
    ///
    /// What was asked before and not installed is forgotten. Refuses a beginning before now: a card takes over, it does not rewrite.
    pub fn request(&mut self, draft: &CardDraft, new_keys: bool, at: UnixMs, entropy: &mut dyn Entropy) -> Result<RootTask, KeysRefusal> {
        if new_keys {
            let acting = Acting { signing: SecretKey::from_seed(&draw(entropy)), tls: TlsIdentity::generate() };
            return self.ask(draft, at, Arc::new(acting), Arc::new(xwing::SecretKey::generate()));
        }
        let last = self.last();
        let (acting, sealing) = (last.acting.clone().expect("the newest keys are never wiped"), last.sealing.clone());
        self.ask(draft, at, acting, sealing)
    }

    fn ask(&mut self, draft: &CardDraft, at: UnixMs, acting: Arc<Acting>, sealing: Arc<xwing::SecretKey>) -> Result<RootTask, KeysRefusal> {
        let previous = self.generations.last();
        let number = previous.map_or(1, |g| g.number + 1);
        let d = draft.clone();
        let card = Card {
            version: CARD_VERSION,
            service: self.service,
            root: self.root_public,
            number,
            code: d.code,
            country: d.country,
            name: d.name,
            signing: acting.signing.public(),
            sealing: sealing.public().to_vec(),
            tls_pin: acting.tls.pin,
            endpoints: d.endpoints,
            languages: d.languages,
            duty: d.duty,
            valid_from: d.valid_from,
            valid_until: d.valid_until,
            previous: previous.map(|_| Digest::of(&self.card)),
        };
        card.check().map_err(KeysRefusal::Draft)?;
        if card.valid_until <= at {
            return Err(KeysRefusal::Draft(CardFault::Field("valid_until")));
        }
        if previous.is_some() && card.valid_from < at.plus_ms(-CARD_SKEW_MS) {
            return Err(KeysRefusal::Draft(CardFault::Field("valid_from")));
        }
        let payload = cbor::to_vec(&card);
        self.asked = Some(Asking { generation: Generation { number, valid_from: card.valid_from, acting: Some(acting), sealing }, payload: payload.clone() });
        Ok(RootTask::Card(payload))
    }

    /// Takes the card that was asked for last, signed by the root key.
    pub fn install(&mut self, signed: &[u8], at: UnixMs) -> Result<(), KeysRefusal> {
        let card = Card::read(signed).map_err(KeysRefusal::Draft)?;
        let fits = |a: &Asking| a.payload == cbor::to_vec(&card);
        let asking = self.asked.take_if(|a| fits(a)).ok_or(KeysRefusal::NotAsked)?;
        self.generations.push(asking.generation);
        let before = std::mem::replace(&mut self.card, signed.to_vec());
        if !before.is_empty() {
            self.earlier.push(before);
        }
        let over = self.earlier.len().saturating_sub(EARLIER_CARDS_MAX);
        self.earlier.drain(..over);
        self.advance(at);
        Ok(())
    }

    /// Prepares the revocation of one of our cards.
    pub fn revocation(&self, card: u32, since: UnixMs, reason: Reason, at: UnixMs) -> Result<RootTask, KeysRefusal> {
        let newest = self.last().number;
        if card == 0 || card > newest {
            return Err(KeysRefusal::Draft(CardFault::Gap { expected: newest, found: card }));
        }
        if since > at {
            return Err(KeysRefusal::Draft(CardFault::Field("since")));
        }
        let revocation = Revocation { version: REVOCATION_VERSION, service: self.service, root: self.root_public, card, since, at, reason };
        Ok(RootTask::Revocation(cbor::to_vec(&revocation)))
    }

    /// Lets the newest card that has begun at this time act; returns its number.
    ///
    /// The signing and TLS keys of a card before it are kept for [`OVERLAP_MS`] after its successor began, for partners that have not
    /// got the new card yet, and are then wiped, unless the card that acts has the same.
    pub fn advance(&mut self, at: UnixMs) -> u32 {
        let begun = self.generations.iter().rev().find(|g| g.valid_from <= at).map_or(self.in_use, |g| g.number);
        self.in_use = self.in_use.max(begun);
        let ends: Vec<Option<UnixMs>> = self.generations.iter().skip(1).map(|next| Some(next.valid_from.plus_ms(OVERLAP_MS))).chain([None]).collect();
        for (generation, ends) in self.generations.iter_mut().zip(ends) {
            if generation.number < self.in_use && ends.is_some_and(|ends| ends < at) {
                generation.acting = None;
            }
        }
        self.in_use
    }

    /// Wipes sealing keys whose card was retired longer than [`SEALING_GRACE_MS`] ago; returns how many.
    pub fn forget_old(&mut self, at: UnixMs) -> usize {
        let old = |next: &Generation| next.number <= self.in_use && next.valid_from.plus_ms(OVERLAP_MS + SEALING_GRACE_MS) < at;
        let Some(first) = self.generations.iter().skip(1).filter(|next| old(next)).map(|next| next.number).next_back() else { return 0 };
        let before = self.generations.len();
        self.forget_sealing(first);
        before - self.generations.len()
    }

    /// Returns these keys as they sign under another card of ours whose keys are still here.
    ///
    /// Only to reach partners that do not hold the card that acts.
    pub fn under(&self, number: u32) -> Option<Keys> {
        let kept = self.generations.iter().any(|g| g.number == number && g.acting.is_some());
        kept.then(|| Keys { in_use: number, ..self.clone() })
    }

    /// Returns the cards whose keys are here, oldest first.
    pub fn all(&self) -> Vec<CardKeys> {
        let show = |g: &Generation| CardKeys { number: g.number, valid_from: g.valid_from, signs: g.acting.is_some() };
        self.generations.iter().map(show).collect()
    }

    /// Tells whether the root key is here.
    pub fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// Returns the root key, if it is here.
    pub fn root(&self) -> Option<&RootKey> {
        self.root.as_ref()
    }

    /// Returns the number of the card that was asked for and not installed yet.
    pub fn asked(&self) -> Option<u32> {
        self.asked.as_ref().map(|a| a.generation.number)
    }

    /// Says under our root key whose place we take.
    pub fn succeed(&self, predecessor: ServiceId, at: UnixMs) -> Result<Verified, KeysRefusal> {
        let root = self.root.as_ref().ok_or(KeysRefusal::RootAway)?;
        let succession = Succession { version: SUCCESSION_VERSION, service: self.service, root: self.root_public, predecessor, at };
        Ok(cose::sign(&root.0, self.service, 0, Typ::Succession, &cbor::to_vec(&succession)))
    }

    /// Wipes the sealing keys of all cards before this number; parcels sealed for them can no longer be opened by anyone.
    pub fn forget_sealing(&mut self, before: u32) {
        let keep = before.min(self.in_use);
        self.generations.retain(|g| g.number >= keep);
    }

    /// Takes the root key out, to be kept offline; `None` if it is away already.
    pub fn detach_root(&mut self) -> Option<RootKey> {
        self.root.take()
    }

    /// Puts the root key back, to issue a card.
    pub fn attach_root(&mut self, root: RootKey) -> Result<(), KeysRefusal> {
        if root.service() != self.service {
            return Err(KeysRefusal::RootOther(root.service()));
        }
        self.root = Some(root);
        Ok(())
    }

    /// Signs a payload with the key of the card that acts. Cards are signed by [`Keys::issue_card`] alone.
    pub fn sign(&self, typ: Typ, payload: &[u8]) -> Verified {
        assert!(!matches!(typ, Typ::Card | Typ::Revocation), "cards and revocations are signed by the root key");
        cose::sign(self.signing(), self.service, self.in_use, typ, payload)
    }

    /// Returns the service that these keys belong to.
    pub fn service(&self) -> ServiceId {
        self.service
    }

    /// Returns the number of the card that acts.
    pub fn card_number(&self) -> u32 {
        self.in_use
    }

    /// Returns the signed bytes of the newest card, begun or not.
    pub fn card_bytes(&self) -> &[u8] {
        &self.card
    }

    /// Returns our cards, signed, oldest first, the newest last: a ledger that was put back may lack several of them.
    pub fn cards_bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.earlier.iter().map(Vec::as_slice).chain([self.card.as_slice()])
    }

    /// Returns when the card that acts begins.
    pub fn acts_from(&self) -> UnixMs {
        let begins = self.generations.iter().find(|g| g.number == self.in_use).map(|g| g.valid_from);
        begins.expect("the keys of the card that acts are never wiped")
    }

    /// Returns the TLS key and certificate of the card that acts.
    pub fn tls(&self) -> &TlsIdentity {
        &self.acting().tls
    }

    /// Returns the key for bodies at rest.
    pub fn storage(&self) -> &StorageKey {
        &self.storage
    }

    /// Returns the signing key of the card that acts.
    pub(crate) fn signing(&self) -> &SecretKey {
        &self.acting().signing
    }

    /// Returns the sealing key of one of our cards.
    pub(crate) fn sealing(&self, number: u32) -> Option<&xwing::SecretKey> {
        self.generations.iter().find(|g| g.number == number).map(|g| &*g.sealing)
    }

    fn last(&self) -> &Generation {
        self.generations.last().expect("a service has at least one card")
    }

    fn acting(&self) -> &Acting {
        let found = self.generations.iter().find(|g| g.number == self.in_use).and_then(|g| g.acting.as_deref());
        found.expect("the keys of the card that acts are never wiped")
    }
}

fn draw(entropy: &mut dyn Entropy) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(&mut *seed);
    seed
}
