//! Our own keys in the running node: a newer card is filed, told to every partner, and takes over at its time without a stop.
//!
//! A partner that has not receipted our newest card knows an older one only. As long as the keys of that one are kept, it is told
//! under them: one parcel with the newer cards and revocations and nothing else. All else waits for its receipt. Where that fails, the
//! next try is made under the card that acts, and so on by turns: the partner may have been given it by hand.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::outbound::{Load, Sent};
use crate::piece::{self, Piece};
use base::{Digest, ServiceId, UnixMs};
use seal::{Card, CardKeys, Cards, Directory, Keys, Revocation, SealFault};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{Append, Outgoing, Queued, RecordOp};

/// Kind of the documents that hold what a partner has not been told.
const UNTOLD: &str = "untold";
/// How long before the end of our newest card the node begins to warn: 60 days.
pub const CARD_WARNING_MS: i64 = 60 * 86_400_000;

/// How our keys stand.
#[derive(Debug, Clone, Serialize)]
pub struct KeysView {
    /// The card that acts.
    pub acts: u32,
    /// Our cards, oldest first.
    pub cards: Vec<OwnCard>,
    /// Whether the root key is in the key file.
    pub root_here: bool,
    /// A card that was asked for and waits for the root key.
    pub asked: Option<u32>,
    /// Partners that have not receipted our newest card or a revocation, by short name.
    pub untold: Vec<String>,
    /// Codes of what needs somebody's hand: "refusal.keys.ends-soon", "refusal.keys.ended".
    pub warnings: Vec<&'static str>,
}

/// One of our cards.
#[derive(Debug, Clone, Serialize)]
pub struct OwnCard {
    /// Its number.
    pub number: u32,
    /// When it begins.
    pub valid_from: UnixMs,
    /// When it ends.
    pub valid_until: UnixMs,
    /// What its keys do: "acts", "waits", "overlaps", "opens" (only what is under way), "forgotten".
    pub keys: &'static str,
    /// Since when its keys are suspected, if it is revoked.
    pub revoked_since: Option<UnixMs>,
}

impl Node {
    /// Takes newer keys over: files and tells new cards and revocations, and signs with the card that acts from now on.
    ///
    /// `revocations` are signed by our root key; each may come again.
    pub fn adopt_keys(&mut self, keys: Keys, revocations: &[Vec<u8>], now: UnixMs) -> Result<Ticket, NodeError> {
        if keys.service() != self.me() {
            return Err(NodeError::Asked("these keys belong to another service".to_owned()));
        }
        let mut batch = Append::new(now);
        let (was, acts) = (self.keys.card_number(), keys.card_number());
        if was != acts {
            tracing::info!(card = acts, "our newer card has taken over");
            batch.logs.push(log("audit", serde_json::json!({ "what": "card took over", "card": acts, "before": was })));
        }
        let before = std::mem::replace(&mut self.keys, keys);
        if let Err(e) = self.stage_news(&mut batch, revocations) {
            self.keys = before;
            return Err(e);
        }
        self.tell_book();
        self.news += 1;
        Ok(self.stage(batch))
    }

    /// Files our newest card and revocations that are new, and queues them for every partner.
    pub(crate) fn stage_news(&mut self, batch: &mut Append, revocations: &[Vec<u8>]) -> Result<(), NodeError> {
        let held = self.book.cards(&self.keys.service());
        let mut cards = match &held {
            Some(c) => (**c).clone(),
            None => Cards::first(self.keys.card_bytes())?,
        };
        let mut news = Vec::new();
        if held.is_none() {
            news.push(Piece::Card(self.keys.card_bytes().to_vec()).encode());
            self.stage_cards(batch, cards.clone());
        }
        // A ledger that was put back, or whose disk did not take one, may lack several cards. Those before it are of no use any more.
        let known = cards.latest().number;
        for card in self.keys.cards_bytes().map(<[u8]>::to_vec).collect::<Vec<_>>() {
            if Cards::first(&card)?.latest().number > known && cards.add(&card)? {
                // Partners know our first card by hand; every later one they get from us.
                news.push(Piece::Card(card).encode());
                self.stage_cards(batch, cards.clone());
            }
        }
        for bytes in revocations {
            if cards.revoke(bytes)? {
                news.push(Piece::Revocation(bytes.clone()).encode());
                self.stage_revocation(batch, cards.clone(), bytes)?;
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        let partners: Vec<ServiceId> = self.book.all().iter().map(|c| c.service()).filter(|s| *s != self.me()).collect();
        for p in partners {
            batch.queue.extend(news.iter().map(|n| Queued { recipient: p, what: Outgoing::Note(n.clone()) }));
            let untold = self.notices.entry(p).or_default();
            untold.extend(news.iter().cloned());
            batch.records.push(put(UNTOLD, &p.to_string(), as_document(untold)));
            self.traffic.renotice(p);
            self.traffic.rewind(p);
        }
        self.tell_book();
        self.news += 1;
        Ok(())
    }

    /// Reads what partners have not been told.
    pub(crate) fn read_notices(&self) -> Result<BTreeMap<ServiceId, Vec<Vec<u8>>>, NodeError> {
        let corrupt = |_| NodeError::Corrupt("what a partner has not been told".to_owned());
        let mut all = BTreeMap::new();
        for record in self.documents(UNTOLD)? {
            let pieces: Vec<minicbor::bytes::ByteVec> = minicbor::decode(&record.data).map_err(corrupt)?;
            all.insert(record.id.parse()?, pieces.into_iter().map(Vec::from).collect());
        }
        Ok(all)
    }

    /// Writes into the shared book what the doors must know.
    pub(crate) fn tell_book(&self) {
        self.book.suspend(self.suspended.keys().copied().collect());
        let known = |(partner, untold): (&ServiceId, &Vec<Vec<u8>>)| Some((*partner, oldest_card(untold)?.saturating_sub(1).min(self.keys.card_number())));
        self.book.speak(self.notices.iter().filter_map(known).filter(|(p, n)| *n < self.keys.card_number() && !self.tried.contains(p)).collect());
    }

    /// Returns the older card under which a partner is to be told of the newer one, while we still have its keys and it is not over by our
    /// clock. That it is revoked hinders nothing: a partner that has not heard of it is told so under the card that it knows.
    pub(crate) fn older_card_for(&self, to: &ServiceId, now: UnixMs) -> Option<u32> {
        let own = self.book.cards(&self.me())?;
        let holds = |n: u32| matches!(own.judge(n, now), Ok(()) | Err(SealFault::CardRevoked { .. }));
        self.book.known_to(to).filter(|n| self.keys.under(*n).is_some() && holds(*n))
    }

    /// Returns a parcel with nothing but what a partner has not been told of our cards, once at a time.
    pub(crate) fn notice(&mut self, to: ServiceId, card: Card, signer: u32, at: UnixMs) -> Option<Load> {
        let untold = self.notices.get(&to)?;
        let sent = Sent::new(&untold.iter().map(|n| Digest::of(n)).collect::<Vec<_>>(), BTreeMap::new());
        let number = self.traffic.notice(to, sent.clone())?;
        Some(Load { card, number, content: piece::join(untold), sent, at, signer, cuts: None })
    }

    /// Speaks to a partner under the other card next time, after it could not be told under this one.
    pub(crate) fn take_turns(&mut self, partner: ServiceId) {
        if !self.notices.contains_key(&partner) {
            return;
        }
        if !self.tried.remove(&partner) {
            self.tried.insert(partner);
        }
        self.tell_book();
        self.news += 1;
    }

    /// Strikes what a partner has receipted, or refused for good, off what it has not been told.
    pub(crate) fn told(&mut self, partner: ServiceId, settled: &BTreeSet<Digest>, batch: &mut Append) {
        let Some(untold) = self.notices.get_mut(&partner) else { return };
        let before = untold.len();
        untold.retain(|n| !settled.contains(&Digest::of(n)));
        if untold.len() == before {
            return;
        }
        batch.records.push(match untold.is_empty() {
            true => RecordOp::Delete { kind: UNTOLD.to_owned(), id: partner.to_string() },
            false => put(UNTOLD, &partner.to_string(), as_document(untold)),
        });
        self.notices.retain(|_, n| !n.is_empty());
        self.tried.retain(|p| self.notices.contains_key(p));
        self.traffic.renotice(partner);
        self.tell_book();
        self.news += 1;
    }

    /// Tells how our keys stand.
    pub fn keys_view(&self, now: UnixMs) -> Result<KeysView, NodeError> {
        let cards = self.book.cards(&self.me()).ok_or(NodeError::Absent("card"))?;
        Ok(KeysView {
            acts: self.keys.card_number(),
            cards: own_cards(&self.keys, &cards),
            root_here: self.keys.has_root(),
            asked: self.keys.asked(),
            untold: self.notices.keys().map(|s| self.book.code(s)).collect(),
            warnings: warnings(&cards, now),
        })
    }

    /// Returns what stands on our newest card, to issue the next one.
    pub fn own_card(&self) -> Result<Card, NodeError> {
        Ok(self.book.cards(&self.me()).ok_or(NodeError::Absent("card"))?.latest().clone())
    }

    /// Returns the revocations of our own cards.
    pub fn own_revocations(&self) -> Vec<Revocation> {
        self.book.cards(&self.me()).map(|c| c.revocations().cloned().collect()).unwrap_or_default()
    }
}

/// Names what needs somebody's hand: a card that ends soon, or has ended, with no later one to follow.
pub(crate) fn warnings(cards: &Cards, now: UnixMs) -> Vec<&'static str> {
    match cards.latest().valid_until.0 - now.0 {
        left if left < 0 => vec!["refusal.keys.ended"],
        left if left < CARD_WARNING_MS => vec!["refusal.keys.ends-soon"],
        _ => Vec::new(),
    }
}

fn own_cards(keys: &Keys, cards: &Cards) -> Vec<OwnCard> {
    let here: BTreeMap<u32, CardKeys> = keys.all().into_iter().map(|k| (k.number, k)).collect();
    let acts = keys.card_number();
    let show = |c: &Card| OwnCard {
        number: c.number,
        valid_from: c.valid_from,
        valid_until: c.valid_until,
        keys: match here.get(&c.number) {
            _ if c.number == acts => "acts",
            Some(_) if c.number > acts => "waits",
            Some(k) if k.signs => "overlaps",
            Some(_) => "opens",
            None => "forgotten",
        },
        revoked_since: cards.revocation(c.number).map(|r| r.since),
    };
    cards.iter().map(show).collect()
}

/// Returns the number of the oldest card among pieces.
fn oldest_card(pieces: &[Vec<u8>]) -> Option<u32> {
    let number = |bytes: &Vec<u8>| match piece::split(&piece::join(std::slice::from_ref(bytes)).into()).ok()?.pop()? {
        Piece::Card(card) => Some(Cards::first(&card).ok()?.latest().number),
        _ => None,
    };
    pieces.iter().filter_map(number).min()
}

fn as_document(pieces: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<minicbor::bytes::ByteVec> = pieces.iter().map(|p| p.clone().into()).collect();
    minicbor::to_vec(&list).expect("encoding into memory cannot fail")
}
