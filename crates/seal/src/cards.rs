//! One service's chain of cards, and who may have signed what when.
//!
//! The first card is taken by hand, after its fingerprint was read aloud; each later one must continue the chain under the same
//! root key. Two cards with one number are a fork: refused, and a matter for the telephone. Revocations stand beside the chain: what
//! a revoked card signs is refused at the door, whatever time it states; what was taken before stays.

use crate::card::{Card, CardFault};
use crate::ed25519::PublicKey;
use crate::fault::SealFault;
use crate::revocation::{REVOCATIONS_MAX, Revocation};
use base::{Digest, ServiceId, UnixMs};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a card may still sign after the next one has begun: 48 hours, for what is under way.
pub const OVERLAP_MS: i64 = 48 * 3_600_000;
/// How far ahead of its beginning a card's TLS key is known at the door, since no two clocks are the same: one hour.
pub const CARD_SKEW_MS: i64 = 3_600_000;
/// Cards in one chain: one a week for 75 years.
pub const CARDS_MAX: usize = 4096;

/// A service's cards that we hold, without gap, oldest first.
#[derive(Debug, Clone)]
pub struct Cards {
    chain: Vec<Arc<Entry>>,
    revocations: Vec<Arc<(Revocation, Vec<u8>)>>,
}

#[derive(Debug)]
struct Entry {
    card: Card,
    bytes: Vec<u8>,
    signing: PublicKey,
}

/// Where the cards of all known services are found.
pub trait Directory {
    /// Returns a service's cards, if we hold any.
    fn cards(&self, service: &ServiceId) -> Option<Arc<Cards>>;
}

impl Directory for BTreeMap<ServiceId, Arc<Cards>> {
    fn cards(&self, service: &ServiceId) -> Option<Arc<Cards>> {
        self.get(service).cloned()
    }
}

impl Cards {
    /// Takes the first card that we hold of a service; its number may be any.
    ///
    /// It vouches for itself: the root key hashes to the service id and signs. Whether that service is who it says is for people
    /// to find out, with [`crate::Fingerprint`].
    pub fn first(bytes: &[u8]) -> Result<Cards, CardFault> {
        Ok(Cards { chain: vec![Arc::new(Entry::read(bytes)?)], revocations: Vec::new() })
    }

    /// Takes cards in order, as [`Cards::iter_bytes`] gives them.
    pub fn chain<B: AsRef<[u8]>>(all: impl IntoIterator<Item = B>) -> Result<Cards, CardFault> {
        let mut all = all.into_iter();
        let first = all.next().ok_or(CardFault::Gap { expected: 1, found: 0 })?;
        let mut cards = Cards::first(first.as_ref())?;
        for bytes in all {
            cards.add(bytes.as_ref())?;
        }
        Ok(cards)
    }

    /// Adds the next card; tells whether it was new (false: we hold these very bytes).
    ///
    /// Refuses a card of another service, a gap, a card that does not name the one before it, and a fork.
    pub fn add(&mut self, bytes: &[u8]) -> Result<bool, CardFault> {
        let entry = Entry::read(bytes)?;
        let (service, number) = (entry.card.service, entry.card.number);
        if service != self.service() {
            return Err(CardFault::Service(service));
        }
        let last = self.last();
        if let Some(held) = self.entry(number) {
            return if held.bytes == bytes { Ok(false) } else { Err(CardFault::Fork { service, number }) };
        }
        let expected = last.card.number.saturating_add(1);
        if number != expected || self.chain.len() >= CARDS_MAX {
            return Err(CardFault::Gap { expected, found: number });
        }
        // It may begin before the one that it follows: after a theft the next card begins at once, also over one that waits.
        if entry.card.previous != Some(Digest::of(&last.bytes)) {
            return Err(CardFault::Previous(number));
        }
        self.chain.push(Arc::new(entry));
        Ok(true)
    }

    /// Takes a revocation of one of the cards; tells whether it was new (false: we hold these very bytes).
    ///
    /// Refuses one of another service, and one of a card that is newer than all we hold: that card must come first.
    pub fn revoke(&mut self, bytes: &[u8]) -> Result<bool, CardFault> {
        let revocation = Revocation::read(bytes)?;
        if revocation.service != self.service() {
            return Err(CardFault::Service(revocation.service));
        }
        if self.revocations.iter().any(|r| r.1 == bytes) {
            return Ok(false);
        }
        if revocation.card > self.latest().number {
            return Err(SealFault::UnknownCard { service: revocation.service, number: revocation.card }.into());
        }
        if self.revocations.len() >= REVOCATIONS_MAX {
            return Err(CardFault::Field("revocations"));
        }
        self.revocations.push(Arc::new((revocation, bytes.to_vec())));
        Ok(true)
    }

    /// Returns the revocation that covers a card, with the earliest suspicion if there are several.
    pub fn revocation(&self, number: u32) -> Option<&Revocation> {
        self.revocations.iter().map(|r| &r.0).filter(|r| self.covers(r, number)).min_by_key(|r| r.since)
    }

    /// Returns the SHA-256 of the signed bytes of every revocation that covers a card.
    pub fn revocation_digests(&self, number: u32) -> Vec<Digest> {
        self.revocations.iter().filter(|r| self.covers(&r.0, number)).map(|r| Digest::of(&r.1)).collect()
    }

    /// Goes over all revocations, in the order in which they came.
    pub fn revocations(&self) -> impl Iterator<Item = &Revocation> {
        self.revocations.iter().map(|r| &r.0)
    }

    /// Goes over the signed bytes of all revocations, in the order in which they came.
    pub fn revocation_bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.revocations.iter().map(|r| r.1.as_slice())
    }

    /// Returns whose cards these are.
    pub fn service(&self) -> ServiceId {
        self.last().card.service
    }

    /// Returns the card with a number.
    pub fn get(&self, number: u32) -> Option<&Card> {
        self.entry(number).map(|e| &e.card)
    }

    /// Returns the newest card that is valid at a time and not revoked.
    pub fn current(&self, at: UnixMs) -> Option<&Card> {
        self.chain.iter().rev().map(|e| &e.card).find(|c| c.valid_from <= at && at <= c.valid_until && self.revocation(c.number).is_none())
    }

    /// Returns the newest card, valid or not.
    pub fn latest(&self) -> &Card {
        &self.last().card
    }

    /// Goes over all cards, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Card> {
        self.chain.iter().map(|e| &e.card)
    }

    /// Goes over the signed bytes of all cards, oldest first.
    pub fn iter_bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(|e| e.bytes.as_slice())
    }

    /// Returns the TLS pins to accept at a time: those of every card that may act now or within [`CARD_SKEW_MS`], newest first.
    pub fn pins(&self, at: UnixMs) -> Vec<Digest> {
        let may_act = |c: &&Card| self.judge(c.number, at).is_ok() || self.judge(c.number, at.plus_ms(CARD_SKEW_MS)).is_ok();
        self.chain.iter().rev().map(|e| &e.card).filter(may_act).map(|c| c.tls_pin).collect()
    }

    /// Judges at the door whether what the card with a number signed for a time may come in now.
    ///
    /// Nothing that a revoked card signed may, whatever time it states: a thief dates as he likes.
    pub fn judge(&self, number: u32, at: UnixMs) -> Result<(), SealFault> {
        self.judge_held(number, at)?;
        if let Some(revocation) = self.revocation(number) {
            return Err(SealFault::CardRevoked { number, since: revocation.since });
        }
        match self.get(number.saturating_add(1)).map(|next| next.valid_from.plus_ms(OVERLAP_MS)) {
            Some(retired) if at > retired => Err(SealFault::CardRetired { number, retired, at }),
            _ => Ok(()),
        }
    }

    /// Judges whether a time lies within a card's own validity; for what was taken before, which later cards and revocations leave alone.
    pub fn judge_held(&self, number: u32, at: UnixMs) -> Result<(), SealFault> {
        let card = self.get(number).ok_or(SealFault::UnknownCard { service: self.service(), number })?;
        match at < card.valid_from || card.valid_until < at {
            true => Err(SealFault::CardExpired { number, from: card.valid_from, until: card.valid_until, at }),
            false => Ok(()),
        }
    }

    /// Tells whether a revocation withdraws a card: the one that it names, and every other with its signing or its TLS key.
    fn covers(&self, revocation: &Revocation, number: u32) -> bool {
        let same = |a: &Card, b: &Card| a.signing == b.signing || a.tls_pin == b.tls_pin;
        revocation.card == number || self.get(revocation.card).zip(self.get(number)).is_some_and(|(revoked, card)| same(revoked, card))
    }

    /// Returns the prepared signing key of a card.
    pub(crate) fn signing_key(&self, number: u32) -> Option<&PublicKey> {
        self.entry(number).map(|e| &e.signing)
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        let place = number.checked_sub(self.chain[0].card.number)?;
        self.chain.get(usize::try_from(place).ok()?).map(|e| &**e)
    }

    fn last(&self) -> &Entry {
        self.chain.last().expect("a chain is never empty")
    }
}

impl Entry {
    fn read(bytes: &[u8]) -> Result<Entry, CardFault> {
        let card = Card::read(bytes)?;
        let signing = PublicKey::new(&card.signing).ok_or(CardFault::Field("signing"))?;
        Ok(Entry { card, bytes: bytes.to_vec(), signing })
    }
}
