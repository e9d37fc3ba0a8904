//! The fence of a node that was put back to an older state: it signs in no dossier before every party has said what it holds.
//!
//! 1 [`declare`] writes into a restored store, before its node starts, that it was put back; a node that finds by a partner's proof
//! that it lacks what it signed declares it by itself. 2 Every partner is asked (`recover.rs`). 3 A dossier opens again for signing
//! when all its other parties have answered and all that they named is here. 4 For a partner that is gone for good, two officers
//! lift the fence (`lift.rs`).

use crate::error::NodeError;
use crate::lift::Lifted;
use crate::node::{Node, PAGE, Ticket, log, put};
use crate::piece::Piece;
use base::{ActId, Digest, DossierId, Entropy, ServiceId, UnixMs};
use dossier::Head;
use seal::{Cards, Directory, Keys, Restored, Signed, Typ};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Append, Entry, Outgoing, Queued, RecordOp, Store};

/// Kind and id of the document that says that this ledger was put back.
pub(crate) const DECLARED: (&str, &str) = ("fence", "declared");
/// Kind of the documents on how far each partner has answered.
const PARTNER: &str = "fence-partner";
/// Kind of the documents on what a partner named and is not here yet.
pub(crate) const OPEN: &str = "fence-open";
/// Kind of the documents on liftings that wait for their second officer.
pub(crate) const LIFT: &str = "fence-lift";
/// Kind of the documents on numbers of ours that are used by acts that never come.
const USED: &str = "fence-used";
/// What was said of one restoration, and says nothing of the next.
const OF_ONE_RESTORATION: [&str; 4] = [PARTNER, OPEN, LIFT, USED];
/// Kind and id of the document on what has come back.
const BACK: (&str, &str) = ("fence", "back");

/// Incarnations by which a restored node leaps at least: so many starts between the backup and the loss are provided for.
const LEAP_MIN: u32 = 1 << 16;
/// The leap's random part, so that two machines restored from one backup do not number alike.
const LEAP_RANDOM: u32 = 1 << 24;
/// Parcel numbers are below 2^63, so incarnations are below this.
const INCARNATION_MAX: u32 = 1 << 31;
/// How long an echo of own acts that are not here holds back signing, while whoever has seen them is asked for the proof.
const ECHO_MS: i64 = 15 * 60_000;
/// After this time without a whole answer a partner is asked again.
const ASK_AGAIN_MS: i64 = 10 * 60_000;
/// Time between two looks at all that is open: arrivals are settled at once, this is for what was lost on the way.
const GO_OVER_MS: i64 = 30_000;
/// Chain ends of one partner that may be open at a time; more wait on the partner's side.
pub(crate) const OPEN_MAX: usize = 100_000;

/// How this ledger came to be older than what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// An administrator restored a backup.
    Restored,
    /// A partner's proof showed that own acts or checkpoints are not here: somebody put an older copy in place.
    Found,
}

/// What stands in the document [`DECLARED`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Declared {
    pub why: Why,
    /// The signed declaration, hexadecimal.
    pub signed: String,
    /// Its digest: what answers name.
    pub digest: Digest,
    pub size: u64,
    pub root: Digest,
    /// Where the first line that was lost leaves this ledger: the smallest size that this declaration or one before it names.
    pub lost_from: u64,
    /// Entries that the lines which were lost had at least, by partners' receipts and checkpoints: of this restoration and those before it.
    pub lost_to: u64,
    pub at: UnixMs,
    pub copied: UnixMs,
    /// Whether another machine declared after us under our name.
    #[serde(default)]
    pub twin: bool,
}

/// How far one partner has answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub asked: i64,
    pub pages: u32,
    pub got: BTreeSet<u32>,
    /// Entries that our lost ledger had at least, by the partner's receipts and checkpoints.
    pub lost_size: u64,
    pub lifted: Option<Lifted>,
}

impl Answer {
    pub fn done(&self) -> bool {
        self.lifted.is_some() || (self.pages > 0 && self.got.len() as u32 == self.pages)
    }
}

/// The fence in memory.
#[derive(Default)]
pub(crate) struct Fence {
    pub declared: Option<Declared>,
    pub partners: BTreeMap<ServiceId, Answer>,
    /// What partners named and is not here yet: by dossier, author and partner; number and act.
    pub open: BTreeMap<(DossierId, ServiceId, ServiceId), (u64, ActId)>,
    /// Up to which number our own acts in a dossier are used although they never come: a partner named them, and handed on heads alone.
    pub used: BTreeMap<DossierId, (u64, ServiceId)>,
    /// Numbers of ours that a party has seen in a dossier and that were not here, and since when; our own id stands for acts that wait here.
    echoes: BTreeMap<(DossierId, ServiceId), (u64, UnixMs)>,
    /// Declarations of partners that were answered last, and when.
    pub answered: HashMap<ServiceId, (Digest, UnixMs)>,
    /// The start of each partner's node that was met last, and when.
    pub met: HashMap<ServiceId, (u64, UnixMs)>,
    /// When what is open was last gone over.
    gone_over: i64,
    pub back: (u64, u64),
    /// To which sizes we went back for partners' declarations that are staged and not stored.
    pub gone_back: HashMap<ServiceId, u64>,
}

/// Declares in a store that its ledger was put back, before its node starts; returns the declaration's digest.
///
/// `copied` is when the copy was made. The store must not be in use. Done twice, the later declaration stands.
pub fn declare(store: &dyn Store, keys: &Keys, zone: &str, copied: UnixMs, now: UnixMs, entropy: &mut dyn Entropy) -> Result<Digest, NodeError> {
    if now < keys.acts_from() {
        return Err(NodeError::ClockBeforeCard(keys.acts_from())); // a declaration that holds nowhere would never be answered
    }
    let mut batch = Append::new(now);
    let incarnation = match store.record("node", "incarnation")? {
        Some(r) => String::from_utf8_lossy(&r.data).parse::<u32>().map_err(|_| NodeError::Corrupt("the incarnation".to_owned()))?,
        None => 0,
    };
    let state = store.ledger()?;
    let before: Option<Declared> = match store.record(DECLARED.0, DECLARED.1)? {
        Some(r) => Some(serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("the fence".to_owned()))?),
        None => None,
    };
    let declared = sign(keys, zone, (state.size, state.root, before.as_ref()), (copied.min(now), now), Why::Restored, &mut batch, entropy)?;
    batch.records.push(put("node", "incarnation", leap(incarnation, entropy)?.to_string().into_bytes()));
    // An answer to an earlier declaration says nothing about what was lost since.
    for kind in OF_ONE_RESTORATION {
        let mut after: Option<String> = None;
        loop {
            let page = store.records(kind, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            batch.records.extend(page.into_iter().map(|r| RecordOp::Delete { kind: kind.to_owned(), id: r.id }));
        }
    }
    batch.records.push(RecordOp::Delete { kind: BACK.0.to_owned(), id: BACK.1.to_owned() });
    batch.logs.push(log("audit", serde_json::json!({ "what": "restored from a backup", "size": declared.size, "copied": declared.copied })));
    store.append(vec![batch])?.into_iter().try_for_each(|r| r.map(drop))?;
    Ok(declared.digest)
}

/// Signs a declaration and puts it into a batch: ledger entry and document. `before` is the one that stood until now.
fn sign(
    keys: &Keys,
    zone: &str,
    (size, root, before): (u64, Digest, Option<&Declared>),
    (copied, now): (UnixMs, UnixMs),
    why: Why,
    batch: &mut Append,
    entropy: &mut dyn Entropy,
) -> Result<Declared, NodeError> {
    let mut nonce = [0; 16];
    entropy.fill(&mut nonce);
    let said = Restored { version: seal::RESTORED_VERSION, service: keys.service(), nonce, at: now.in_zone(zone)?, copied, size, root };
    let verified = said.sign(keys);
    let digest = Digest::of(verified.bytes());
    let (lost_from, lost_to) = before.map_or((size, 0), |b| (b.lost_from.min(size), b.lost_to));
    let declared = Declared { why, signed: base::hex::encode(verified.bytes()), digest, size, root, lost_from, lost_to, at: now, copied, twin: false };
    batch.entries.push(Entry::restored(&verified));
    batch.records.push(put(DECLARED.0, DECLARED.1, json(&declared)));
    Ok(declared)
}

/// Leaps over the incarnations that may have been used since the copy was made.
fn leap(incarnation: u32, entropy: &mut dyn Entropy) -> Result<u32, NodeError> {
    let mut draw = [0; 4];
    entropy.fill(&mut draw);
    let leap = LEAP_MIN + u32::from_be_bytes(draw) % LEAP_RANDOM;
    incarnation.checked_add(leap).filter(|n| *n < INCARNATION_MAX).ok_or_else(|| NodeError::Corrupt("the incarnations are used up".to_owned()))
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

pub(crate) fn open_id(dossier: &DossierId, author: &ServiceId, partner: &ServiceId) -> String {
    format!("{dossier}/{author}/{partner}")
}

impl Node {
    /// Reads the fence's documents.
    pub(crate) fn read_fence(&self) -> Result<Fence, NodeError> {
        let corrupt = || NodeError::Corrupt("the fence".to_owned());
        let mut fence = Fence { gone_over: i64::MIN, ..Fence::default() };
        let Some(declared) = self.store.record(DECLARED.0, DECLARED.1)? else { return Ok(fence) };
        fence.declared = Some(serde_json::from_slice(&declared.data).map_err(|_| corrupt())?);
        for r in self.documents(PARTNER)? {
            fence.partners.insert(r.id.parse()?, serde_json::from_slice(&r.data).map_err(|_| corrupt())?);
        }
        for r in self.documents(OPEN)? {
            let mut ids = r.id.split('/');
            let mut next = || ids.next().ok_or_else(corrupt);
            let key = (next()?.parse()?, next()?.parse()?, next()?.parse()?);
            fence.open.insert(key, serde_json::from_slice(&r.data).map_err(|_| corrupt())?);
        }
        for r in self.documents(USED)? {
            fence.used.insert(r.id.parse()?, serde_json::from_slice(&r.data).map_err(|_| corrupt())?);
        }
        if let Some(back) = self.store.record(BACK.0, BACK.1)? {
            fence.back = serde_json::from_slice(&back.data).map_err(|_| corrupt())?;
        }
        Ok(fence)
    }

    /// Tells whether a restoration was declared and this partner has not answered it yet.
    pub(crate) fn awaits(&self, partner: &ServiceId) -> bool {
        self.fence.declared.is_some() && *partner != self.me() && !self.fence.partners.get(partner).is_some_and(Answer::done)
    }

    /// Tells whether some partner has not answered, or something that one named is not here.
    pub fn is_fenced(&self) -> bool {
        let Some(declared) = &self.fence.declared else { return false };
        declared.twin || !self.fence.open.is_empty() || self.book.all().iter().any(|c| self.awaits(&c.service()))
    }

    /// Refuses to sign in a dossier among these parties as long as a number might be used twice.
    pub(crate) fn may_sign(&mut self, dossier: &DossierId, parties: &[ServiceId], now: UnixMs) -> Result<(), NodeError> {
        let me = self.me();
        if let Some(declared) = &self.fence.declared {
            if declared.twin {
                return Err(NodeError::Twin);
            }
            if self.has_old_keys() {
                return Err(NodeError::OldKeys);
            }
            let awaited: BTreeSet<ServiceId> = parties.iter().filter(|p| self.awaits(p)).copied().collect();
            if !awaited.is_empty() {
                return Err(self.fenced(awaited));
            }
            self.nothing_open(dossier)?;
        }
        self.no_own_act_waits(dossier)?;
        let (end, wanted) = match self.dossier(dossier)? {
            None => return Ok(()),
            Some(d) => (d.chain_end(&me), d.wants().into_iter().find(|w| w.author == me).map(|w| w.to)),
        };
        if let Some((_, by)) = self.fence.used.get(dossier).filter(|(seq, _)| *seq > end) {
            return Err(NodeError::ErasedThere(self.book.code(by)));
        }
        if let Some(seq) = wanted {
            self.shows_own(*dossier, me, seq, now);
        }
        // Somebody has seen acts of ours that are not here. Until it has shown them, or failed to, nothing is signed beside them.
        let lifted = |s: &ServiceId| self.fence.partners.get(s).is_some_and(|a| a.lifted.is_some());
        let here = (*dossier, ServiceId::from(Digest([0; 32])));
        let mut echoes =
            self.fence.echoes.range(here..).take_while(|(k, _)| k.0 == *dossier).filter(|(_, (seq, since))| *seq > end && now.0 - since.0 < ECHO_MS);
        let others: Vec<ServiceId> = parties.iter().filter(|p| **p != me).copied().collect();
        match echoes.find(|((_, by), _)| if *by == me { !others.iter().any(lifted) } else { !lifted(by) }) {
            None => Ok(()),
            Some(((_, by), _)) => Err(NodeError::Shown(self.codes(if *by == me { &others } else { std::slice::from_ref(by) }))),
        }
    }

    /// Remembers that a party has seen a number of ours that is not here: it may be used, so nothing is signed there for a while. Whoever
    /// could not show the act in that time is not believed again, or it could stop a dossier by claims alone.
    pub(crate) fn shows_own(&mut self, dossier: DossierId, by: ServiceId, seq: u64, now: UnixMs) {
        let echo = self.fence.echoes.entry((dossier, by)).or_insert((seq, now));
        if now.0 - echo.1.0 < ECHO_MS {
            echo.0 = seq.max(echo.0);
        }
    }

    /// Forgets what was seen of our numbers up to an act of ours that has come from elsewhere.
    pub(crate) fn shown_at_last(&mut self, dossier: &DossierId, seq: u64) {
        self.fence.echoes.retain(|k, (shown, _)| k.0 != *dossier || *shown > seq);
    }

    /// Refuses while something that partners named in a dossier is not here.
    pub(crate) fn nothing_open(&self, dossier: &DossierId) -> Result<(), NodeError> {
        let here = (*dossier, ServiceId::from(Digest([0; 32])), ServiceId::from(Digest([0; 32])));
        let by: BTreeSet<ServiceId> = self.fence.open.range(here..).take_while(|(k, _)| k.0 == *dossier).map(|(k, _)| k.2).collect();
        if by.is_empty() { Ok(()) } else { Err(self.fenced(by)) }
    }

    /// Refuses while an act of our own waits in a dossier for what is not here: it came back to a ledger that was put back, and its number
    /// is used, whoever could still show what it builds on. An act under the next free number of what is folded would be the second there.
    fn no_own_act_waits(&mut self, dossier: &DossierId) -> Result<(), NodeError> {
        let me = self.me();
        let Some(d) = self.dossier(dossier)? else { return Ok(()) };
        if !d.waiting().any(|a| a.head().author == me) {
            return Ok(());
        }
        let lacking: BTreeSet<ServiceId> = d.wants().into_iter().map(|w| w.author).collect();
        Err(NodeError::OwnWaits(self.codes(&lacking)))
    }

    fn fenced(&self, awaited: BTreeSet<ServiceId>) -> NodeError {
        NodeError::Fenced(self.codes(&awaited))
    }

    fn codes<'a>(&self, of: impl IntoIterator<Item = &'a ServiceId>) -> String {
        of.into_iter().map(|s| self.book.code(s)).collect::<Vec<_>>().join(", ")
    }

    /// Tells whether our newest card, as partners know it, is newer than our key file.
    pub(crate) fn has_old_keys(&self) -> bool {
        let known = self.book.cards(&self.me()).map_or(0, |c| c.latest().number);
        Cards::first(self.keys.card_bytes()).is_ok_and(|c| c.latest().number < known)
    }

    /// Declares by itself that this ledger is older than what was signed, because a partner has shown a proof of it.
    ///
    /// It is not known where the older copy ends, so the declared point is the last that a partner cosigned on this line.
    pub(crate) fn found_older(&mut self, by: ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        if self.fence.declared.is_some() && (self.is_fenced() || self.fence.partners.values().any(|a| a.lifted.is_some())) {
            return Ok(());
        }
        let now = batch.at;
        let mut point = (0, Digest::of(b""));
        for r in self.documents("cosigned")? {
            let (size, root): (u64, Digest) = serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("what was cosigned".to_owned()))?;
            if size > point.0 && self.store.root(size)? == Some(root) {
                point = (size, root);
            }
        }
        let copied = self.store.entries(point.0.saturating_sub(1), 1)?.first().map_or(now, |e| e.at.min(now));
        let (keys, zone) = (self.keys.clone(), self.settings.zone.clone());
        let before = self.fence.declared.clone();
        let declared = sign(&keys, &zone, (point.0, point.1, before.as_ref()), (copied, now), Why::Found, batch, &mut *self.entropy)?;
        let incarnation = leap(self.traffic.incarnation(), &mut *self.entropy)?;
        batch.records.push(put("node", "incarnation", incarnation.to_string().into_bytes()));
        self.traffic.begin(incarnation);
        for kind in OF_ONE_RESTORATION {
            batch.records.extend(self.documents(kind)?.into_iter().map(|r| RecordOp::Delete { kind: kind.to_owned(), id: r.id }));
        }
        tracing::error!(partner = %self.book.code(&by), "an older copy of the ledger was put in place; nothing is signed until partners have answered");
        batch.logs.push(log("incident", serde_json::json!({ "code": NodeError::Older.code(), "service": by, "size": point.0 })));
        self.fence = Fence { declared: Some(declared), ..Fence::default() };
        self.ask_all(batch);
        Ok(())
    }

    /// Asks every partner that has not answered, and again for what was named and did not come; nothing while nothing is fenced.
    pub fn recover(&mut self, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        if !self.is_fenced() {
            return Ok(None);
        }
        let mut batch = Append::new(now);
        self.declare_anew(&mut batch)?;
        self.ask_all(&mut batch);
        if now.0.saturating_sub(self.fence.gone_over) < GO_OVER_MS {
            return Ok((!batch.queue.is_empty() || !batch.records.is_empty()).then(|| self.stage(batch)));
        }
        self.fence.gone_over = now.0;
        let open: Vec<_> = self.fence.open.iter().map(|(k, v)| (*k, *v)).collect();
        for ((dossier, author, partner), (seq, act)) in open {
            if self.store.act(&act)?.is_some() {
                self.settle(&dossier, &author, (seq, &act), &mut batch);
                continue;
            }
            self.want_end(partner, dossier, author, seq, &mut batch)?;
        }
        let something = !batch.queue.is_empty() || !batch.records.is_empty();
        Ok(something.then(|| self.stage(batch)))
    }

    /// Signs our declaration anew under the card that acts, where nobody believes it as it is before all have answered: the card that signed
    /// it was revoked since, or was over already, the key file in the backup being older than our newest card. Point and nonce stay: to
    /// partners it is the same restoration, said by keys that nobody else has.
    fn declare_anew(&mut self, batch: &mut Append) -> Result<(), NodeError> {
        let awaited = self.book.all().iter().any(|c| self.awaits(&c.service()));
        let Some(before) = self.fence.declared.clone().filter(|_| awaited) else { return Ok(()) };
        let corrupt = || NodeError::Corrupt("the fence".to_owned());
        let bytes = base::hex::decode(&before.signed).ok_or_else(corrupt)?;
        let signed = Signed::parse(&bytes, Typ::Restored, seal::RESTORED_BYTES_MAX)?;
        let now = batch.at;
        let Some(own) = self.book.cards(&self.me()) else { return Ok(()) };
        // Under a card that is over as well, or before it begins by our own clock, the new one would be worth no more.
        let acts = self.keys.card_number();
        if own.judge(signed.card_number(), before.at).is_ok() || own.judge(acts, now).is_err() || self.trust_clock(now).is_err() {
            return Ok(());
        }
        let said: Restored = base::cbor::from_slice(signed.payload(), seal::RESTORED_BYTES_MAX).map_err(|_| corrupt())?;
        let said = Restored { at: now.in_zone(&self.settings.zone)?, copied: said.copied.min(now), ..said };
        let verified = said.sign(&self.keys);
        let digest = Digest::of(verified.bytes());
        let declared = Declared { signed: base::hex::encode(verified.bytes()), digest, at: now, ..before };
        batch.entries.push(Entry::restored(&verified));
        batch.records.push(put(DECLARED.0, DECLARED.1, json(&declared)));
        batch.logs.push(log("audit", serde_json::json!({ "what": "restoration declared anew under a later card", "card": acts })));
        self.fence.declared = Some(declared);
        // Pages that answer the old one are not waited for any more; whoever has answered it has answered.
        let open: Vec<ServiceId> = self.fence.partners.iter().filter(|(_, a)| !a.done()).map(|(p, _)| *p).collect();
        for partner in open {
            let lost_size = self.fence.partners.get(&partner).map_or(0, |a| a.lost_size);
            self.put_answer(partner, Answer { asked: i64::MIN, lost_size, ..Answer::default() }, batch);
        }
        Ok(())
    }

    /// Asks for an author's acts in a dossier up to a number, from the first that is not here.
    pub(crate) fn want_end(&mut self, partner: ServiceId, dossier: DossierId, author: ServiceId, seq: u64, batch: &mut Append) -> Result<(), NodeError> {
        let have = self.dossier(&dossier)?.and_then(|d| d.last(&author).map(|a| a.head().seq)).unwrap_or(0);
        // Under the same number another act may stand here: then that very number is asked for, and the fork comes to light.
        let from = (have + 1).min(seq);
        self.want(partner, dossier, &[dossier::Want { author, from, to: seq }], batch);
        Ok(())
    }

    /// Queues our declaration to all that have not answered it, not more often than once in a while.
    fn ask_all(&mut self, batch: &mut Append) {
        let Some(declared) = self.fence.declared.clone() else { return };
        let Some(signed) = base::hex::decode(&declared.signed) else { return };
        let piece = Piece::Restored { signed }.encode();
        for partner in self.book.all().iter().map(|c| c.service()).filter(|s| *s != self.me()).collect::<Vec<_>>() {
            let answer = self.fence.partners.entry(partner).or_insert_with(|| Answer { asked: i64::MIN, ..Answer::default() });
            if answer.done() || batch.at.0.saturating_sub(answer.asked) < ASK_AGAIN_MS {
                continue;
            }
            answer.asked = batch.at.0;
            batch.records.push(put(PARTNER, &partner.to_string(), json(answer)));
            batch.queue.push(Queued { recipient: partner, what: Outgoing::Note(piece.clone()) });
            self.news += 1;
        }
    }

    /// Writes how far a partner has answered.
    pub(crate) fn put_answer(&mut self, partner: ServiceId, answer: Answer, batch: &mut Append) {
        batch.records.push(put(PARTNER, &partner.to_string(), json(&answer)));
        self.fence.partners.insert(partner, answer);
    }

    /// Remembers that a partner named an act that is not here.
    pub(crate) fn open_end(&mut self, dossier: DossierId, author: ServiceId, partner: ServiceId, end: (u64, ActId), batch: &mut Append) {
        batch.records.push(put(OPEN, &open_id(&dossier, &author, &partner), json(&end)));
        self.fence.open.insert((dossier, author, partner), end);
    }

    /// Takes the head of an act that came without its content; true where the partner had named that act or one after it.
    ///
    /// The partner has erased the content, or keeps it back: what it named never comes from there. A number of our own is used all the same.
    pub(crate) fn head_alone(&mut self, head: &Head, from: ServiceId, batch: &mut Append) -> bool {
        let key = (head.dossier, head.author, from);
        let Some((seq, _)) = self.fence.open.get(&key).copied().filter(|(seq, _)| head.seq <= *seq) else { return false };
        self.strike(key, batch);
        if head.author == self.me() {
            let used = self.fence.used.entry(head.dossier).or_insert((seq, from));
            *used = (*used).max((seq, from));
            batch.records.push(put(USED, &head.dossier.to_string(), json(used)));
        }
        true
    }

    /// Tells whether a number of ours is known to be used by an act that never comes.
    pub(crate) fn is_used(&self, dossier: &DossierId, seq: u64) -> bool {
        self.fence.used.get(dossier).is_some_and(|(used, _)| *used >= seq)
    }

    pub(crate) fn strike(&mut self, key: (DossierId, ServiceId, ServiceId), batch: &mut Append) {
        self.fence.open.remove(&key);
        batch.records.push(RecordOp::Delete { kind: OPEN.to_owned(), id: open_id(&key.0, &key.1, &key.2) });
    }

    /// Counts how much of what a partner named is open.
    pub(crate) fn open_of(&self, partner: &ServiceId) -> usize {
        self.fence.open.keys().filter(|k| k.2 == *partner).count()
    }

    /// Strikes an act out of what partners named, now that it is here.
    pub(crate) fn settle(&mut self, dossier: &DossierId, author: &ServiceId, (seq, act): (u64, &ActId), batch: &mut Append) {
        if *author == self.me() && self.fence.used.get(dossier).is_some_and(|(used, _)| *used <= seq) {
            self.fence.used.remove(dossier); // another party still had it
            batch.records.push(RecordOp::Delete { kind: USED.to_owned(), id: dossier.to_string() });
        }
        let from = (*dossier, *author, ServiceId::from(Digest([0; 32])));
        let here = |k: &(DossierId, ServiceId, ServiceId)| k.0 == *dossier && k.1 == *author;
        let done: Vec<_> = self.fence.open.range(from..).take_while(|(k, _)| here(k)).filter(|(_, end)| end.1 == *act).map(|(k, _)| *k).collect();
        done.into_iter().for_each(|key| self.strike(key, batch));
    }

    /// Counts an act that came back while the fence stands.
    pub(crate) fn count_back(&mut self, own: bool, batch: &mut Append) {
        if self.fence.declared.is_none() || (!own && !self.is_fenced()) {
            return;
        }
        if own {
            self.fence.back.0 += 1
        } else {
            self.fence.back.1 += 1
        }
        batch.records.push(put(BACK.0, BACK.1, json(&self.fence.back)));
    }

    /// Notes that another machine runs under our name: nothing is signed any more until officers say that it was stopped.
    pub(crate) fn found_twin(&mut self, by: ServiceId, batch: &mut Append) {
        let Some(declared) = &mut self.fence.declared else { return };
        if !std::mem::replace(&mut declared.twin, true) {
            tracing::error!(partner = %self.book.code(&by), "another machine runs under this service's name; one of both must be stopped");
            batch.records.push(put(DECLARED.0, DECLARED.1, json(declared)));
            batch.logs.push(log("incident", serde_json::json!({ "code": NodeError::Twin.code(), "service": by })));
        }
    }
}
