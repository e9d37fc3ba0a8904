//! Outbound, second half: what is due to a partner is handed out when asked, and its receipt settles it.
//!
//! The node never sends. A load is sealed by the caller, so that sealing runs beside the node on another core.

use crate::error::{NOT_OURS, NodeError};
use crate::exhibit_flow::{Cut, chunks_bytes, write_chunks};
use crate::node::{Node, Ticket, log};
use crate::piece::{self, Piece};
use crate::shelves::Shelves;
use base::{Digest, DossierId, ExhibitId, ParcelId, ServiceId, UnixMs};
use dossier::Want;
use seal::{Card, Directory, Held, Keys, Receipt, SealedParcel, Signed, Typ};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use store::{Append, Body, DueObject, Entry, QueuePlace};

/// Pieces in one parcel.
pub const PIECES_MAX: usize = 500;
/// Bytes of acts in one parcel, unless a single one is larger.
pub const LOAD_BYTES_MAX: usize = 1 << 20;
/// Bytes of a sealed parcel.
pub const PARCEL_BYTES_MAX: usize = piece::CONTENT_BYTES_MAX + 64 * 1024;
/// Time after which the same acts may be asked for again.
const WANT_AGAIN_MS: i64 = 30_000;
/// Acts of dossiers that are not here yet, which one partner may leave between two starts of this node.
const STRAYS_MAX: usize = 10_000;
/// Refusals that pass: a clock is set, a card or a mechanism comes, room is made, we hear of a revocation that the recipient knows already.
const PASSING: [&str; 6] =
    ["peer.act.clock-ahead", "peer.act.too-much-waiting", CARD_REVOKED, "refusal.partner.unknown", "refusal.mechanism.unknown", "refusal.mechanism.too-many"];
/// Time after which what a partner refused because of a revocation goes again, with our word on it.
const WORD_AGAIN_MS: i64 = 2_000;
/// The refusal of an act whose author's card is revoked and on which nobody has given a word.
pub(crate) const CARD_REVOKED: &str = "peer.seal.card-revoked";
/// The refusal of what a card signed after the overlap with the next one.
pub(crate) const CARD_RETIRED: &str = "peer.seal.card-retired";
/// Ranges that were asked for and are remembered, so that they are not asked for again at once.
const WANTED_MAX: usize = 10_000;
/// Parcel numbers of a partner that are remembered beside the store's.
const NUMBERS_KEPT: usize = 1024;

/// How many answers in a row let all parcels with chunks go at once.
const WINDOW_MAX: usize = 8;
/// Bytes of the longest note that asks whether an exhibit is whole.
const WHOLE_BYTES_MAX: usize = 128;

/// Tells whether a note's receipt says something of an exhibit.
fn about_note(bytes: &[u8]) -> Option<About> {
    match minicbor::decode::<Piece>(Some(bytes).filter(|b| b.len() <= WHOLE_BYTES_MAX)?) {
        Ok(Piece::Whole { exhibit, .. }) => Some(About::Whole(exhibit)),
        _ => None,
    }
}

/// Tells whether a refusal is of the moment only, so that what was refused stays due.
pub(crate) fn is_passing(code: &str) -> bool {
    PASSING.contains(&code)
}

/// What is under way, in memory: a restart forgets it and sends again.
#[derive(Default)]
pub(crate) struct Traffic {
    incarnation: u32,
    partners: HashMap<ServiceId, Way>,
    wanted: HashMap<(ServiceId, DossierId, ServiceId), (u64, u64, UnixMs)>,
    used: HashMap<ServiceId, VecDeque<(u64, ParcelId)>>,
    rewound: BTreeSet<ServiceId>,
    strays: HashMap<ServiceId, usize>,
}

#[derive(Default)]
struct Way {
    counter: u32,
    cursor: Option<QueuePlace>,
    /// A parcel with our newer cards and revocations is under way.
    noticed: bool,
    /// When what was refused because of a revocation last went again.
    worded: Option<UnixMs>,
    /// By number what each holds.
    loads: BTreeMap<u64, Sent>,
    /// Parcels with chunks that may be under way: more with each that is answered, one after a failure.
    window: usize,
    /// The exhibit that was served last.
    served: Option<ExhibitId>,
}

/// What a piece of a load is about, where its receipt says something of an exhibit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum About {
    Chunk(ExhibitId, u32),
    Whole(ExhibitId),
}

/// What a parcel holds, as its receipt must answer it; by file that may be many days later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// Digest of all of it, in order.
    objects: Digest,
    /// The pieces whose answer says something of an exhibit, by their place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    about: BTreeMap<usize, About>,
}

/// A receipt that holds, before it is staged.
pub(crate) struct Settled {
    pub(crate) batch: Append,
    /// When the partner signed it.
    pub(crate) at: UnixMs,
    /// What the partner now holds.
    pub(crate) held: Vec<Digest>,
    /// Whether something was refused for the moment only and stays due.
    pub(crate) passing: bool,
}

/// A parcel's content for one partner, to be sealed.
pub struct Load {
    /// The recipient's card.
    pub card: Card,
    /// The parcel's number.
    pub number: u64,
    /// The content; empty where chunks of exhibits are read when it is sealed.
    pub content: Vec<u8>,
    /// What its receipt must answer.
    pub sent: Sent,
    /// When.
    pub at: UnixMs,
    /// Which of our cards signs: the one that acts, or an older one that the recipient knows.
    pub signer: u32,
    pub(crate) cuts: Option<(Shelves, Vec<Cut>)>,
}

impl Load {
    /// Seals the content for its recipient.
    pub fn seal(&self, keys: &Keys) -> Result<SealedParcel, NodeError> {
        let older = (self.signer != keys.card_number()).then(|| keys.under(self.signer)).flatten();
        let keys = older.as_ref().unwrap_or(keys);
        match &self.cuts {
            // Read into the parcel itself: chunks are too large to be copied.
            Some((shelves, cuts)) => seal::seal_parcel_with(keys, &self.card, self.number, self.at, chunks_bytes(cuts), |out| write_chunks(shelves, cuts, out)),
            None => Ok(seal::seal_parcel(keys, &self.card, self.number, self.at, &self.content)?),
        }
    }
}

impl Sent {
    /// Notes what a parcel holds, in order, and which of it is about an exhibit.
    pub(crate) fn new(objects: &[Digest], about: BTreeMap<usize, About>) -> Sent {
        Sent { objects: piece::named(objects), about }
    }

    /// Returns what the pieces are about whose answer says something of an exhibit.
    pub(crate) fn about(&self) -> impl Iterator<Item = &About> {
        self.about.values()
    }

    fn has_chunks(&self) -> bool {
        self.about().any(|a| matches!(a, About::Chunk(..)))
    }
}

impl Traffic {
    pub(crate) fn begin(&mut self, incarnation: u32) {
        self.incarnation = incarnation;
        self.partners.values_mut().for_each(|way| way.counter = 0);
    }

    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// Gives the next number to a parcel.
    fn number(&mut self, to: ServiceId) -> u64 {
        let way = self.partners.entry(to).or_default();
        way.counter += 1;
        u64::from(self.incarnation) << 32 | u64::from(way.counter)
    }

    /// Remembers what a parcel carries until it is answered.
    pub(crate) fn under_way(&mut self, to: ServiceId, number: u64, sent: Sent) {
        self.partners.entry(to).or_default().loads.insert(number, sent);
    }

    /// Returns how many parcels with chunks are under way, how many may be, and which exhibit was served last.
    pub(crate) fn chunks_under_way(&mut self, to: &ServiceId) -> (usize, usize, Option<ExhibitId>) {
        let way = self.partners.entry(*to).or_default();
        let with_chunks = way.loads.values().filter(|sent| sent.has_chunks()).count();
        (with_chunks, way.window.max(1), way.served)
    }

    pub(crate) fn served_last(&mut self, to: ServiceId, exhibit: ExhibitId) {
        self.partners.entry(to).or_default().served = Some(exhibit);
    }

    /// Forgets what a load carried, and returns it.
    pub(crate) fn take_sent(&mut self, to: &ServiceId, number: u64) -> Option<Sent> {
        self.partners.get_mut(to).and_then(|w| w.loads.remove(&number))
    }

    /// Tells whether a number was used by another parcel that is staged and not yet stored; remembers it.
    pub(crate) fn is_used(&mut self, from: ServiceId, number: u64, id: ParcelId) -> bool {
        let used = self.used.entry(from).or_default();
        if let Some((_, before)) = used.iter().find(|(n, _)| *n == number) {
            return *before != id;
        }
        used.push_back((number, id));
        if used.len() > NUMBERS_KEPT {
            used.pop_front();
        }
        false
    }

    /// Lets loads after the next commit begin at the front of the outbox: something older is queued again.
    pub(crate) fn rewind(&mut self, to: ServiceId) {
        self.rewound.insert(to);
    }

    /// Follows a commit: what was queued again is in the outbox only now; after a failure what was settled may still be there.
    pub(crate) fn committed(&mut self, whole: bool) {
        if !whole {
            self.wanted.clear(); // what was to ask may not be stored
        }
        let rewound = std::mem::take(&mut self.rewound);
        for (_, way) in self.partners.iter_mut().filter(|(to, _)| !whole || rewound.contains(to)) {
            way.cursor = None;
            way.noticed = false;
        }
    }

    /// Counts an act of a partner whose dossier is not here yet; tells whether it may still be kept.
    pub(crate) fn may_stray(&mut self, from: ServiceId) -> bool {
        let strays = self.strays.entry(from).or_default();
        *strays += 1;
        *strays <= STRAYS_MAX
    }

    pub(crate) fn may_want(&mut self, from: ServiceId, dossier: DossierId, want: Want, now: UnixMs) -> bool {
        if self.wanted.len() >= WANTED_MAX {
            self.wanted.retain(|_, (_, _, asked)| now.0 - asked.0 < WANT_AGAIN_MS);
            if self.wanted.len() >= WANTED_MAX {
                return false; // asked for later, with the next act that lacks it
            }
        }
        let entry = self.wanted.entry((from, dossier, want.author)).or_insert((0, 0, UnixMs(i64::MIN / 2)));
        let again = now.0 - entry.2.0 >= WANT_AGAIN_MS;
        let news = want.from < entry.0 || want.to > entry.1;
        if again || news {
            *entry = (want.from, want.to, now);
        }
        again || news
    }
}

impl Traffic {
    /// Numbers a parcel that holds notices only; none while one is under way.
    pub(crate) fn notice(&mut self, to: ServiceId, sent: Sent) -> Option<u64> {
        let way = self.partners.entry(to).or_default();
        if std::mem::replace(&mut way.noticed, true) {
            return None;
        }
        let number = self.number(to);
        self.under_way(to, number, sent);
        Some(number)
    }

    /// Tells whether what was refused because of a revocation may go again already.
    fn may_word(&mut self, to: ServiceId, now: UnixMs) -> bool {
        let way = self.partners.entry(to).or_default();
        let again = way.worded.is_none_or(|at| now.0 - at.0 >= WORD_AGAIN_MS);
        if again {
            way.worded = Some(now);
        }
        again
    }

    /// Lets notices to a partner go again.
    pub(crate) fn renotice(&mut self, to: ServiceId) {
        self.partners.entry(to).or_default().noticed = false;
    }
}

impl Node {
    /// Returns what is due to a partner next, up to a parcel's size; none when nothing is.
    pub fn load(&mut self, to: ServiceId, now: UnixMs) -> Result<Option<Load>, NodeError> {
        // Over the line a partner learns of our newer card under the one that it knows; a carry file has our cards in its head.
        if let Some(signer) = self.older_card_for(&to, now).filter(|_| !self.book.is_suspended(&to)) {
            let cards = self.book.cards(&to).ok_or(NodeError::UnknownPartner(to))?;
            return Ok(cards.current(now).cloned().and_then(|card| self.notice(to, card, signer, now)));
        }
        let cursor = self.traffic.partners.get(&to).and_then(|way| way.cursor);
        let Some((load, last)) = self.load_after(to, cursor, LOAD_BYTES_MAX, now)? else {
            // Chunks of exhibits go when nothing else is due.
            return self.load_exhibits(to, now);
        };
        let way = self.traffic.partners.entry(to).or_default();
        way.cursor = Some(last);
        way.loads.insert(load.number, load.sent.clone());
        Ok(Some(load))
    }

    /// Numbers a parcel; it is remembered by whoever sends it.
    pub(crate) fn compose(&mut self, to: ServiceId, card: Card, content: Vec<u8>, sent: Sent, at: UnixMs) -> Load {
        let (number, signer) = (self.traffic.number(to), self.keys.card_number());
        Load { card, number, content, sent, at, signer, cuts: None }
    }

    /// Returns the card for which a parcel of any kind may leave for a partner; none where none may: the partner is suspended or its card is
    /// over, or ours has not begun or is over by our own clock. Such a parcel would be refused; the officer is told by what cannot be signed.
    pub(crate) fn sends_to(&self, to: ServiceId, now: UnixMs) -> Result<Option<Card>, NodeError> {
        let cards = self.book.cards(&to).ok_or(NodeError::UnknownPartner(to))?;
        let holds_nowhere = |e: NodeError| matches!(e, NodeError::ClockBeforeCard(_) | NodeError::ClockAfterCard(_));
        let held = self.book.is_suspended(&to) || self.trust_clock(now).is_err_and(holds_nowhere);
        Ok(cards.current(now).filter(|_| !held).cloned())
    }

    /// Returns what is due to a partner after a place, up to a size, and the place of the last of it. Every way numbers from one count.
    pub(crate) fn load_after(
        &mut self,
        to: ServiceId,
        after: Option<QueuePlace>,
        bytes_max: usize,
        now: UnixMs,
    ) -> Result<Option<(Load, QueuePlace)>, NodeError> {
        let Some(card) = self.sends_to(to, now)? else { return Ok(None) };
        let due = self.store.outbox_next(&to, after, PIECES_MAX, bytes_max)?;
        let Some(last) = due.last().map(|d| d.place) else { return Ok(None) };
        let mut attestations = self.words_for(due.iter().filter_map(|d| if let DueObject::Act(a) = &d.what { Some(a) } else { None }), now)?;
        let (mut objects, mut about, mut pieces) = (Vec::with_capacity(due.len()), BTreeMap::new(), Vec::with_capacity(due.len()));
        for d in due {
            match d.what {
                DueObject::Act(act) => {
                    objects.push(*act.id.as_ref());
                    let body = match act.body {
                        Body::Held(bytes) => Some(bytes),
                        Body::Erased | Body::Absent => None,
                    };
                    let word = attestations.remove(&act.id);
                    pieces.push(match word {
                        Some(attestation) => Piece::Attested { attestation, signed: act.signed, body }.encode(),
                        None => Piece::Act { signed: act.signed, body }.encode(),
                    });
                }
                DueObject::Note { id, bytes } => {
                    about.extend(about_note(&bytes).map(|a| (objects.len(), a)));
                    objects.push(id);
                    pieces.push(bytes);
                }
            }
        }
        Ok(Some((self.compose(to, card, piece::join(&pieces), Sent::new(&objects, about), now), last)))
    }

    /// Takes the answer to a parcel: a receipt settles what it names, none leaves all of it due; returns what the partner now holds.
    pub fn answered(
        &mut self,
        to: ServiceId,
        number: u64,
        parcel: ParcelId,
        receipt: Option<&[u8]>,
        now: UnixMs,
    ) -> Result<Option<(Ticket, Vec<Digest>)>, NodeError> {
        let Some(sent) = self.traffic.take_sent(&to, number) else { return Ok(None) };
        if receipt.is_none() {
            self.take_turns(to);
        }
        let taken = match receipt {
            Some(bytes) => self.read_receipt(to, &sent, (number, parcel), bytes, now).map(|t| {
                self.hear_time(to, t.at, now); // given just now: it came over the line
                Some((self.stage(t.batch), t.held))
            }),
            None => Ok(None),
        };
        let way = self.traffic.partners.entry(to).or_default();
        if sent.has_chunks() {
            way.window = if matches!(taken, Ok(Some(_))) { (way.window + 1).min(WINDOW_MAX) } else { 1 };
        }
        if !matches!(taken, Ok(Some(_))) {
            self.exhibits_unanswered(to, &sent);
            // What was not acknowledged is due again, from the beginning; the partner knows duplicates.
            let way = self.traffic.partners.entry(to).or_default();
            (way.cursor, way.noticed) = (None, false);
        }
        if let Err(e) = &taken {
            self.note_fault(to, e, now);
        }
        taken
    }

    /// Lets every partner's next load begin at the front of its outbox, so that what was refused for the moment goes again.
    pub fn retry(&mut self) {
        self.traffic.partners.values_mut().for_each(|way| (way.cursor, way.noticed) = (None, false));
        self.news += 1;
    }

    /// Reads the receipt for a parcel that held just what was `sent`, and makes the batch that settles what it names.
    pub(crate) fn read_receipt(
        &mut self,
        to: ServiceId,
        sent: &Sent,
        (number, parcel): (u64, ParcelId),
        bytes: &[u8],
        now: UnixMs,
    ) -> Result<Settled, NodeError> {
        let cards = self.book.cards(&to).ok_or(NodeError::UnknownPartner(to))?;
        if Signed::parse(bytes, Typ::Receipt, seal::RECEIPT_BYTES_MAX)?.signer() != to {
            return Err(NodeError::ReceiptSigner);
        }
        let (receipt, verified) = Receipt::read(bytes, &cards)?;
        let named: Vec<Digest> = receipt.entries.iter().map(|e| *e.act.as_ref()).collect();
        if (receipt.number, receipt.parcel) != (number, parcel) || receipt.to != self.me() || piece::named(&named) != sent.objects {
            return Err(NodeError::Receipt);
        }
        let mut batch = Append::new(now);
        let mut held = Vec::with_capacity(receipt.entries.len());
        let mut passing = false;
        // It was under way when the partner heard of a revocation: it goes again, with our word on it.
        let revoked = receipt.entries.iter().any(|e| matches!(&e.held, Held::Refused { code } if code == CARD_REVOKED));
        if revoked && self.traffic.may_word(to, now) {
            self.traffic.rewind(to);
            self.news += 1;
        }
        // An act under a revoked card goes again, with a word on it. A note under one is of no use any more: what it said is said anew.
        let passes = |object: &Digest, code: &str| -> Result<bool, NodeError> {
            Ok(is_passing(code) && (code != CARD_REVOKED || self.store.act(&(*object).into())?.is_some()))
        };
        let mut stays = BTreeSet::new();
        for entry in &receipt.entries {
            if let Held::Refused { code } = &entry.held
                && passes(entry.act.as_ref(), code)?
            {
                stays.insert(*entry.act.as_ref());
            }
        }
        for (place, entry) in receipt.entries.iter().enumerate() {
            let object = *entry.act.as_ref();
            if let Some(about) = sent.about.get(&place) {
                self.settle_exhibit(to, *about, &entry.held, &mut batch);
            }
            match &entry.held {
                Held::Held { .. } => held.push(object),
                // What only the moment forbids stays due; it goes again with the next round.
                Held::Refused { code } if stays.contains(&object) => {
                    passing = true;
                    tracing::info!(partner = %self.book.code(&to), %code, "the partner does not take {} yet", entry.act.short());
                }
                Held::Refused { code } => {
                    tracing::warn!(partner = %self.book.code(&to), %code, "the partner refused {}", entry.act.short());
                    batch.unqueue.push((to, object));
                    self.hit_refused(to, &object, code, &mut batch)?;
                    if code == NOT_OURS {
                        // The partner's own signed word that its ledger is not the one of which it had signed a checkpoint.
                        tracing::error!(partner = %self.book.code(&to), "the partner's ledger was rewritten");
                        batch
                            .logs
                            .push(log("incident", serde_json::json!({ "code": NodeError::Rewritten.code(), "service": to, "receipt": Digest::of(bytes) })));
                    }
                    batch.logs.push(log("refused-by-partner", serde_json::json!({ "partner": to, "object": object, "code": code })));
                }
            }
        }
        self.file_changed_exhibits(&mut batch);
        let settled = receipt.entries.iter().map(|e| *e.act.as_ref()).filter(|object| !stays.contains(object)).collect();
        self.told(to, &settled, &mut batch);
        batch.entries.push(Entry::receipt_taken(verified, held.clone()));
        Ok(Settled { batch, at: receipt.at.at, held, passing })
    }
}
