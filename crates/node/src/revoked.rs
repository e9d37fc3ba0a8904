//! What a revocation does here, and what we say and believe of acts under a revoked card.
//!
//! 1 the revocation is filed and its cards act no more at any door. 2 Acts in doubt that this node holds go to all parties and to
//! their author, each with our signed word that we held it, so that whoever heard of the revocation first takes them too and all fold
//! the same acts. 3 Their verdicts stay; each has a standing, which the author's word ends: its own, or not.

use crate::error::NodeError;
use crate::inbound::Attested;
use crate::node::{Node, Ticket, log, put};
use base::{ActId, Digest, DossierId, ServiceId, UnixMs};
use dossier::Act;
use seal::{Attestation, Cards, Directory, SealFault, Signed, Typ, Verified, Word};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Append, Entry, Kind, Outgoing, Queued};

/// Acts in doubt that are handed on by themselves when a revocation comes; more are handed on when somebody asks for them.
pub const DOUBTFUL_MAX: usize = 20_000;
/// Kind of the documents that hold a service's revocations.
const REVOKED: &str = "revoked";
/// Kind of the documents that hold words on acts, as "act/service".
const ATTESTED: &str = "attested";
/// Kind of the documents that name acts which came in our own name from outside.
const IN_OUR_NAME: &str = "in-our-name";
/// Ledger entries read at a time.
const PAGE: usize = 500;

/// How far an act under a revoked card can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was in this ledger before anybody else may have had the keys.
    BeforeSuspicion,
    /// It was in this ledger before the revocation came, yet after the keys may have been in other hands.
    Doubtful,
    /// It came after the revocation, on a party's word that it had held it before.
    OnWord,
    /// Its author says under a good card that it is its own.
    Confirmed,
    /// Its author says under a good card that it is not its own.
    Disowned,
}

/// An act under a revoked card, as this node holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StandingView {
    /// The act.
    pub act: ActId,
    /// Its dossier.
    pub dossier: DossierId,
    /// Who is named as its author.
    pub author: ServiceId,
    /// The revoked card.
    pub card: u32,
    /// Why it was revoked.
    pub reason: &'static str,
    /// Since when others may have had its keys.
    pub since: UnixMs,
    /// Since when this ledger holds the act.
    pub held: UnixMs,
    /// When the act says that it was made.
    pub at: UnixMs,
    /// The officer that it names.
    pub officer: String,
    /// What it did.
    pub verdict: String,
    /// How far it can be relied on.
    pub standing: Standing,
    /// Whether it came in our own name from outside.
    pub in_our_name: bool,
    /// Who has given a word on it.
    pub words: Vec<ServiceId>,
}

/// A word on an act, kept to be found by the act.
#[derive(Serialize, Deserialize)]
struct Kept {
    by: ServiceId,
    mine: Option<bool>,
    at: UnixMs,
    signed: String,
}

impl Node {
    /// Puts revocations beside the chains that were read from the documents.
    pub(crate) fn read_revocations(&self, all: &mut [Cards]) -> Result<(), NodeError> {
        for record in self.documents(REVOKED)? {
            let service: ServiceId = record.id.parse()?;
            let list: Vec<minicbor::bytes::ByteVec> = minicbor::decode(&record.data).map_err(|_| NodeError::Corrupt("a partner's revocations".to_owned()))?;
            let Some(cards) = all.iter_mut().find(|c| c.service() == service) else { continue };
            for bytes in list {
                cards.revoke(&bytes)?;
            }
        }
        Ok(())
    }

    /// Puts a revocation into the book, the documents and the ledger, and logs it.
    pub(crate) fn stage_revocation(&mut self, batch: &mut Append, cards: Cards, bytes: &[u8]) -> Result<(), NodeError> {
        let list: Vec<minicbor::bytes::ByteVec> = cards.revocation_bytes().map(|b| b.to_vec().into()).collect();
        let revocation = seal::Revocation::read(bytes)?;
        let service = cards.service();
        tracing::error!(service = %self.book.code(&service), card = revocation.card, "a card was revoked");
        batch.entries.extend(Entry::revocation(&cards, &Digest::of(bytes)));
        batch.records.push(put(REVOKED, &service.to_string(), minicbor::to_vec(&list).expect("encoding into memory cannot fail")));
        batch.logs.push(log(
            "incident",
            serde_json::json!({ "code": "peer.card.revoked", "service": service, "card": revocation.card, "since": revocation.since,
                "reason": revocation.reason.code() }),
        ));
        self.book.put(cards);
        self.news += 1;
        Ok(())
    }

    /// Takes a partner's revocation, and hands on what is in doubt by it.
    pub(crate) fn take_revocation(&mut self, from: ServiceId, bytes: &[u8], batch: &mut Append) -> Result<(), NodeError> {
        let mut cards = (*self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?).clone();
        if !cards.revoke(bytes)? {
            return Ok(());
        }
        self.stage_revocation(batch, cards, bytes)?;
        self.spread_doubtful(from, batch)
    }

    /// Takes a revocation that was carried by hand; its root signature says whose it is.
    pub fn import_revocation(&mut self, bytes: &[u8], now: UnixMs) -> Result<(Ticket, ServiceId), NodeError> {
        let service = seal::Revocation::read(bytes)?.service;
        if service == self.me() {
            return Err(NodeError::Asked("this revokes a card of our own; install it with entente keys install".to_owned()));
        }
        let mut batch = Append::new(now);
        self.take_revocation(service, bytes, &mut batch)?;
        Ok((self.stage(batch), service))
    }

    /// Queues every act in doubt of a service for all other parties, its author among them.
    fn spread_doubtful(&mut self, of: ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        let me = self.me();
        let mut to: BTreeSet<ServiceId> = BTreeSet::new();
        for act in self.doubtful_of(of)? {
            let Some(d) = self.dossier(&act.dossier)? else { continue };
            let parties: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
            batch.queue.extend(parties.iter().map(|p| Queued { recipient: *p, what: Outgoing::Act(act.id) }));
            to.extend(parties);
        }
        to.into_iter().for_each(|p| self.traffic.rewind(p));
        Ok(())
    }

    /// Returns the acts under revoked cards of a service that came here since its keys are suspected; of our own also those that a partner
    /// has received only since then.
    fn doubtful_of(&self, service: ServiceId) -> Result<Vec<store::Act>, NodeError> {
        let cards = self.book.cards(&service).ok_or(NodeError::UnknownPartner(service))?;
        let Some(since) = cards.revocations().map(|r| r.since).min() else { return Ok(Vec::new()) };
        let mut found: Vec<store::Act> = Vec::new();
        let mut seen: BTreeSet<ActId> = BTreeSet::new();
        let mut from = self.first_since(since)?;
        loop {
            let page = self.store.entries(from, PAGE)?;
            let Some(last) = page.last() else { return Ok(found) };
            from = last.pos + 1;
            for entry in page {
                let named: Vec<ActId> = match entry.kind {
                    Kind::Act => vec![entry.object.into()],
                    Kind::ReceiptTaken if service == self.me() => {
                        let receipt = crate::rebuild::read_receipt(&entry.signed)?;
                        receipt.entries.iter().filter(|e| matches!(e.held, seal::Held::Held { .. })).map(|e| e.act).collect()
                    }
                    _ => continue,
                };
                for id in named {
                    let Some(act) = self.store.act(&id)?.filter(|a| a.author == service) else { continue };
                    let card = Signed::parse(&act.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?.card_number();
                    if cards.revocation(card).is_some_and(|r| entry.at >= r.since) && seen.insert(id) {
                        found.push(act);
                    }
                }
                if found.len() >= DOUBTFUL_MAX {
                    return Ok(found);
                }
            }
        }
    }

    /// Finds the first ledger entry that was written at a time or later.
    fn first_since(&self, since: UnixMs) -> Result<u64, NodeError> {
        let (mut low, mut high) = (0, self.store.ledger()?.size);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.store.entries(middle, 1)?.first() {
                Some(entry) if entry.at < since => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Lets an act in whose author's card may be revoked meanwhile: known here, or with a party's word on it, which is filed.
    pub(crate) fn admit(&mut self, act: &Act, verified: &Verified, word: Option<&Attested>, from: ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        let head = act.head();
        let cards = self.book.cards(&head.author).ok_or(NodeError::UnknownPartner(head.author))?;
        if let Some(revocation) = cards.revocation(verified.card_number())
            && word.is_none()
            && self.store.act(&act.id())?.is_none()
        {
            return Err(SealFault::CardRevoked { number: verified.card_number(), since: revocation.since }.into());
        }
        // After a declared restoration our own acts come back from partners; otherwise somebody has our key, or an older copy stands here.
        if head.author == self.me() && !self.is_fenced() && !self.is_used(&head.dossier, head.seq) && !self.has_act(act)? {
            tracing::error!(partner = %self.book.code(&from), act = %act.id().short(), "an act came in our name that our ledger does not hold");
            let line = serde_json::json!({ "code": "peer.act.in-our-name", "act": act.id(), "dossier": head.dossier, "from": from });
            batch.records.push(put(IN_OUR_NAME, &act.id().to_string(), from.to_string().into_bytes()));
            batch.logs.push(log("incident", line));
        }
        let Some(word) = word else { return Ok(()) };
        let by = word.attestation.by;
        let party = match (&head.deed, self.dossier(&head.dossier)?) {
            (_, Some(d)) => d.opening().parties.iter().any(|p| p.service == by),
            (dossier::Deed::Open(o), None) => o.parties.iter().any(|p| p.service == by),
            (_, None) => by == from || by == head.author,
        };
        if !party {
            return Err(NodeError::NotParty);
        }
        self.keep_word(&word.attestation, &word.verified, batch)
    }

    fn keep_word(&self, attestation: &Attestation, verified: &Verified, batch: &mut Append) -> Result<(), NodeError> {
        batch.entries.push(Entry::attestation(verified));
        let mine = match attestation.word {
            Word::Mine => Some(true),
            Word::NotMine => Some(false),
            Word::Held { .. } => None,
        };
        // The last word of a service counts, in whatever order its words come.
        if self.words(&attestation.act)?.iter().any(|k| k.by == attestation.by && k.at > attestation.at) {
            return Ok(());
        }
        let kept = Kept { by: attestation.by, mine, at: attestation.at, signed: base::hex::encode(verified.bytes()) };
        let id = format!("{}/{}", attestation.act, attestation.by);
        batch.records.push(put(ATTESTED, &id, serde_json::to_vec(&kept).expect("plain data has a JSON form")));
        Ok(())
    }

    fn words(&self, act: &ActId) -> Result<Vec<Kept>, NodeError> {
        let prefix = format!("{act}/");
        let corrupt = |_| NodeError::Corrupt("a word on an act".to_owned());
        let page = self.store.records(ATTESTED, Some(&prefix), dossier::PARTIES_MAX)?;
        page.iter().take_while(|r| r.id.starts_with(&prefix)).map(|r| serde_json::from_slice(&r.data).map_err(corrupt)).collect()
    }

    /// Returns the signed words on an act, as hexadecimal digits.
    pub(crate) fn signed_words(&self, act: &ActId) -> Result<Vec<String>, NodeError> {
        Ok(self.words(act)?.into_iter().map(|k| k.signed).collect())
    }

    /// Returns signed words for those acts among some whose author's card is revoked.
    pub(crate) fn words_for<'a>(&self, acts: impl Iterator<Item = &'a store::Act>, now: UnixMs) -> Result<BTreeMap<ActId, Vec<u8>>, NodeError> {
        let mut words = BTreeMap::new();
        for act in acts {
            let Some(cards) = self.book.cards(&act.author).filter(|c| c.revocations().next().is_some()) else { continue };
            let card = Signed::parse(&act.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?.card_number();
            if cards.revocation(card).is_some() {
                words.insert(act.id, self.word_on(act, &cards, card, now)?);
            }
        }
        Ok(words)
    }

    /// Returns a word on an act: its author's or our own, whoever is nearer to it; else that of who brought it.
    fn word_on(&self, act: &store::Act, cards: &Cards, card: u32, now: UnixMs) -> Result<Vec<u8>, NodeError> {
        let kept = self.words(&act.id)?;
        let signed = |k: &Kept| base::hex::decode(&k.signed).ok_or_else(|| NodeError::Corrupt("a word on an act".to_owned()));
        // A word under a card that is revoked itself is taken by nobody any more.
        let good = |k: &&Kept| signed(k).is_ok_and(|bytes| self.is_good_word(&bytes));
        if let Some(author) = kept.iter().filter(|k| k.by == act.author && k.mine.is_some()).find(good) {
            return signed(author);
        }
        if let Some(mine) = kept.iter().find(|k| k.by == act.author && k.by == self.me()).and_then(|k| k.mine) {
            let word = if mine { Word::Mine } else { Word::NotMine };
            return Ok(Attestation::sign(&self.keys, act.id, word, now).bytes().to_vec());
        }
        if act.author == self.me() && self.store.record(IN_OUR_NAME, &act.id.to_string())?.is_none() {
            return Ok(Attestation::sign(&self.keys, act.id, Word::Mine, now).bytes().to_vec());
        }
        // Where every word with which it came is under a card that is revoked by now, we held it before we knew of that.
        match kept.iter().find(good) {
            Some(other) if act.pos >= self.revoked_pos(cards, card)? => signed(other),
            _ => Ok(Attestation::sign(&self.keys, act.id, Word::Held { since: act.at.min(now) }, now).bytes().to_vec()),
        }
    }

    /// Tells whether a word was signed under a card that is not revoked.
    fn is_good_word(&self, bytes: &[u8]) -> bool {
        let Ok(signed) = Signed::parse(bytes, Typ::Attestation, seal::ATTESTATION_BYTES_MAX) else { return false };
        self.book.cards(&signed.signer()).is_some_and(|c| c.revocation(signed.card_number()).is_none())
    }

    /// Returns where the ledger holds the first revocation of a card; the end if it is not there yet.
    fn revoked_pos(&self, cards: &Cards, card: u32) -> Result<u64, NodeError> {
        let mut first = u64::MAX;
        for digest in cards.revocation_digests(card) {
            first = first.min(self.store.entry(&digest)?.map_or(u64::MAX, |e| e.pos));
        }
        Ok(first)
    }

    /// Tells how far the acts of a dossier can be relied on whose author's card is revoked.
    pub fn standings(&self, dossier: &DossierId) -> Result<Vec<StandingView>, NodeError> {
        let mut out = Vec::new();
        for act in self.store.acts_of(dossier)? {
            out.extend(self.standing(&act)?);
        }
        Ok(out)
    }

    /// Lists acts in doubt of a service, ours or a partner's.
    pub fn doubtful(&self, service: ServiceId) -> Result<Vec<StandingView>, NodeError> {
        let mut out = Vec::new();
        for act in self.doubtful_of(service)? {
            out.extend(self.standing(&act)?);
        }
        Ok(out)
    }

    pub(crate) fn standing(&self, act: &store::Act) -> Result<Option<StandingView>, NodeError> {
        let Some(cards) = self.book.cards(&act.author) else { return Ok(None) };
        let signed = Signed::parse(&act.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?;
        let card = signed.card_number();
        let Some(revocation) = cards.revocation(card) else { return Ok(None) };
        let words = self.words(&act.id)?;
        let author = words.iter().find(|k| k.by == act.author).and_then(|k| k.mine);
        let before = act.pos < self.revoked_pos(&cards, card)?;
        let standing = match author {
            Some(true) => Standing::Confirmed,
            Some(false) => Standing::Disowned,
            None if before && act.at < revocation.since => Standing::BeforeSuspicion,
            None if before => Standing::Doubtful,
            None => Standing::OnWord,
        };
        let head = Act::decode(signed.payload(), None)?.head().clone();
        Ok(Some(StandingView {
            act: act.id,
            dossier: act.dossier,
            author: act.author,
            card,
            reason: revocation.reason.code(),
            since: revocation.since,
            held: act.at,
            at: head.at.at,
            officer: head.by.officer.to_string(),
            verdict: act.verdict.to_string(),
            standing,
            in_our_name: self.store.record(IN_OUR_NAME, &act.id.to_string())?.is_some(),
            words: words.into_iter().map(|k| k.by).collect(),
        }))
    }

    /// Says under our present card of acts in our name that they are ours, or that they are not, and tells all their parties.
    ///
    /// Without names: all acts in doubt that were made here. Changes no verdict: what must be undone is undone by new acts.
    pub fn stand_by(&mut self, by: &str, acts: &[ActId], ours: bool, now: UnixMs) -> Result<(Ticket, Vec<ActId>), NodeError> {
        let me = self.me();
        let open = self.doubtful(me)?;
        let undecided = |v: &&StandingView| !matches!(v.standing, Standing::Confirmed | Standing::Disowned);
        let chosen: Vec<StandingView> = match acts.is_empty() {
            true => open.iter().filter(undecided).filter(|v| v.in_our_name != ours).cloned().collect(),
            false => {
                let find = |a: &ActId| open.iter().find(|v| v.act == *a).cloned().ok_or_else(|| NodeError::NotDoubtful(a.short()));
                acts.iter().map(find).collect::<Result<_, _>>()?
            }
        };
        self.trust_clock(now)?;
        let mut batch = Append::new(now);
        let mut to: BTreeSet<ServiceId> = BTreeSet::new();
        for view in &chosen {
            let word = if ours { Word::Mine } else { Word::NotMine };
            let verified = Attestation::sign(&self.keys, view.act, word, now);
            let cards = self.book.cards(&me).ok_or(NodeError::Absent("card"))?;
            let (attestation, verified) = Attestation::read(verified.bytes(), &cards)?;
            self.keep_word(&attestation, &verified, &mut batch)?;
            let Some(d) = self.dossier(&view.dossier)? else { continue };
            let parties: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
            batch.queue.extend(parties.iter().map(|p| Queued { recipient: *p, what: Outgoing::Act(view.act) }));
            to.extend(parties);
        }
        let named: Vec<ActId> = chosen.iter().map(|v| v.act).collect();
        let what = if ours { "acts confirmed" } else { "acts disowned" };
        batch.logs.push(log("audit", serde_json::json!({ "what": what, "by": by, "acts": named })));
        to.into_iter().for_each(|p| self.traffic.rewind(p));
        self.news += 1;
        Ok((self.stage(batch), named))
    }
}
