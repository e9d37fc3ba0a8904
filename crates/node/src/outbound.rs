//! Outbound, second half: what is due to a partner is handed out when asked, and its receipt settles it.
//!
//! The node never sends. A load is sealed by the caller, so that sealing runs beside the node on another core.

use crate::error::{NOT_OURS, NodeError};
use crate::exhibit_flow::{Cut, join_chunks};
use crate::node::{Node, Ticket, log};
use crate::piece::{self, Piece};
use crate::shelves::Shelves;
use base::{Digest, DossierId, ExhibitId, ParcelId, ServiceId, UnixMs};
use dossier::Want;
use seal::{Card, Directory, Held, Keys, Receipt};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use store::{Append, Body, DueObject, Entry, QueuePlace};

/// Pieces in one parcel.
pub const PIECES_MAX: usize = 500;
/// Bytes of acts in one parcel, unless a single one is larger.
const LOAD_BYTES_MAX: usize = 1 << 20;
/// Bytes of a sealed parcel.
pub const PARCEL_BYTES_MAX: usize = piece::CONTENT_BYTES_MAX + 64 * 1024;
/// Time after which the same acts may be asked for again.
const WANT_AGAIN_MS: i64 = 30_000;
/// Acts of dossiers that are not here yet, which one partner may leave between two starts of this node.
const STRAYS_MAX: usize = 10_000;
/// Refusals that pass: a clock is set, a card or a mechanism comes, room is made.
const PASSING: [&str; 5] =
    ["peer.act.clock-ahead", "peer.act.too-much-waiting", "refusal.partner.unknown", "refusal.mechanism.unknown", "refusal.mechanism.too-many"];
/// Parcel numbers of a partner that are remembered beside the store's.
const NUMBERS_KEPT: usize = 1024;

/// How many answers in a row let all parcels with chunks go at once.
const WINDOW_MAX: usize = 8;
/// Bytes of the longest note that asks whether an exhibit is whole.
const WHOLE_BYTES_MAX: usize = 128;

/// Tells whether a note's receipt says something of an exhibit.
fn about_note(bytes: &[u8]) -> About {
    match bytes.len() <= WHOLE_BYTES_MAX {
        true => match minicbor::decode::<Piece>(bytes) {
            Ok(Piece::Whole { exhibit, .. }) => About::Whole(exhibit),
            _ => About::Other,
        },
        false => About::Other,
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
    loads: BTreeMap<u64, Vec<(Digest, About)>>,
    /// Parcels with chunks that may be under way: more with each that is answered, one after a failure.
    window: usize,
    /// The exhibit that was served last.
    served: Option<ExhibitId>,
}

/// What a piece of a load is about, where its receipt says something of an exhibit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum About {
    Chunk(ExhibitId, u32),
    Whole(ExhibitId),
    Other,
}

/// A parcel's content for one partner, to be sealed.
pub struct Load {
    /// The recipient's card.
    pub card: Card,
    /// The parcel's number.
    pub number: u64,
    /// The content; empty where chunks of exhibits are read when it is sealed.
    pub content: Vec<u8>,
    /// When.
    pub at: UnixMs,
    pub(crate) cuts: Option<(Shelves, Vec<Cut>)>,
}

impl Load {
    /// Seals the content for its recipient.
    pub fn seal(&self, keys: &Keys) -> Result<Vec<u8>, NodeError> {
        let seal = |content: &[u8]| Ok(seal::seal_parcel(keys, &self.card, self.number, self.at, content)?);
        match &self.cuts {
            Some((shelves, cuts)) => seal(&join_chunks(shelves, cuts)?),
            None => seal(&self.content),
        }
    }
}

impl Traffic {
    pub(crate) fn begin(&mut self, incarnation: u32) {
        self.incarnation = incarnation;
    }

    /// Numbers a load and remembers what it carries until it is answered.
    pub(crate) fn hand_out(&mut self, to: ServiceId, card: &Card, content: Vec<u8>, sent: Vec<(Digest, About)>, at: UnixMs) -> Load {
        let way = self.partners.entry(to).or_default();
        way.counter += 1;
        let number = u64::from(self.incarnation) << 32 | u64::from(way.counter);
        way.loads.insert(number, sent);
        Load { card: card.clone(), number, content, at, cuts: None }
    }

    /// Returns how many parcels with chunks are under way, how many may be, and which exhibit was served last.
    pub(crate) fn chunks_under_way(&mut self, to: &ServiceId) -> (usize, usize, Option<ExhibitId>) {
        let way = self.partners.entry(*to).or_default();
        let with_chunks = way.loads.values().filter(|sent| sent.iter().any(|s| matches!(s.1, About::Chunk(..)))).count();
        (with_chunks, way.window.max(1), way.served)
    }

    pub(crate) fn served_last(&mut self, to: ServiceId, exhibit: ExhibitId) {
        self.partners.entry(to).or_default().served = Some(exhibit);
    }

    /// Forgets what a load carried, and returns it.
    pub(crate) fn take_sent(&mut self, to: &ServiceId, number: u64) -> Vec<(Digest, About)> {
        self.partners.get_mut(to).and_then(|w| w.loads.remove(&number)).unwrap_or_default()
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
        let rewound = std::mem::take(&mut self.rewound);
        for (_, way) in self.partners.iter_mut().filter(|(to, _)| !whole || rewound.contains(to)) {
            way.cursor = None;
        }
    }

    /// Counts an act of a partner whose dossier is not here yet; tells whether it may still be kept.
    pub(crate) fn may_stray(&mut self, from: ServiceId) -> bool {
        let strays = self.strays.entry(from).or_default();
        *strays += 1;
        *strays <= STRAYS_MAX
    }

    pub(crate) fn may_want(&mut self, from: ServiceId, dossier: DossierId, want: Want, now: UnixMs) -> bool {
        let entry = self.wanted.entry((from, dossier, want.author)).or_insert((0, 0, UnixMs(i64::MIN / 2)));
        let again = now.0 - entry.2.0 >= WANT_AGAIN_MS;
        let news = want.from < entry.0 || want.to > entry.1;
        if again || news {
            *entry = (want.from, want.to, now);
        }
        again || news
    }
}

impl Node {
    /// Returns what is due to a partner next, up to a parcel's size; none when nothing is.
    pub fn load(&mut self, to: ServiceId, now: UnixMs) -> Result<Option<Load>, NodeError> {
        let cards = self.book.cards(&to).ok_or(NodeError::UnknownPartner(to))?;
        let Some(card) = cards.current(now).cloned() else { return Ok(None) };
        let way = self.traffic.partners.entry(to).or_default();
        let due = self.store.outbox_next(&to, way.cursor, PIECES_MAX, LOAD_BYTES_MAX)?;
        // Chunks of exhibits go when nothing else is due.
        let Some(last) = due.last().map(|d| d.place) else { return self.load_exhibits(to, &card, now) };
        way.cursor = Some(last);
        let (mut sent, mut pieces) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
        for d in due {
            match d.what {
                DueObject::Act(act) => {
                    sent.push((*act.id.as_ref(), About::Other));
                    let body = match act.body {
                        Body::Held(bytes) => Some(bytes),
                        Body::Erased | Body::Absent => None,
                    };
                    pieces.push(Piece::Act { signed: act.signed, body }.encode());
                }
                DueObject::Note { id, bytes } => {
                    sent.push((id, about_note(&bytes)));
                    pieces.push(bytes);
                }
            }
        }
        Ok(Some(self.traffic.hand_out(to, &card, piece::join(&pieces), sent, now)))
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
        let sent = self.traffic.partners.get_mut(&to).and_then(|w| w.loads.remove(&number));
        let Some(sent) = sent else { return Ok(None) };
        let taken = match receipt {
            Some(bytes) => self.take_receipt(to, &sent, parcel, bytes, now).map(Some),
            None => Ok(None),
        };
        let way = self.traffic.partners.entry(to).or_default();
        if sent.iter().any(|s| matches!(s.1, About::Chunk(..))) {
            way.window = if matches!(taken, Ok(Some(_))) { (way.window + 1).min(WINDOW_MAX) } else { 1 };
        }
        if !matches!(taken, Ok(Some(_))) {
            self.exhibits_unanswered(to, &sent);
            // What was not acknowledged is due again, from the beginning; the partner knows duplicates.
            self.traffic.partners.entry(to).or_default().cursor = None;
        }
        if let Err(e) = &taken {
            self.note_fault(to, e, now);
        }
        taken
    }

    /// Lets every partner's next load begin at the front of its outbox, so that what was refused for the moment goes again.
    pub fn retry(&mut self) {
        self.traffic.partners.values_mut().for_each(|way| way.cursor = None);
        self.news += 1;
    }

    fn take_receipt(
        &mut self,
        to: ServiceId,
        sent: &[(Digest, About)],
        parcel: ParcelId,
        bytes: &[u8],
        now: UnixMs,
    ) -> Result<(Ticket, Vec<Digest>), NodeError> {
        let cards = self.book.cards(&to).ok_or(NodeError::UnknownPartner(to))?;
        let (receipt, verified) = Receipt::read(bytes, &cards)?;
        let named = receipt.entries.iter().map(|e| *e.act.as_ref());
        if receipt.parcel != parcel || receipt.to != self.me() || !named.eq(sent.iter().map(|s| s.0)) {
            return Err(NodeError::Receipt);
        }
        let mut batch = Append::new(now);
        let mut held = Vec::with_capacity(receipt.entries.len());
        for (entry, (_, about)) in receipt.entries.iter().zip(sent) {
            let object = *entry.act.as_ref();
            self.settle_exhibit(to, *about, &entry.held, &mut batch);
            match &entry.held {
                Held::Held { .. } => held.push(object),
                // What only the moment forbids stays due; it goes again with the next round.
                Held::Refused { code } if is_passing(code) => {
                    tracing::info!(partner = %self.book.code(&to), %code, "the partner does not take {} yet", entry.act.short());
                }
                Held::Refused { code } => {
                    tracing::warn!(partner = %self.book.code(&to), %code, "the partner refused {}", entry.act.short());
                    batch.unqueue.push((to, object));
                    if code == NOT_OURS {
                        // The partner's own signed word that its ledger is not the one under which it signed.
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
        batch.entries.push(Entry::receipt_taken(verified, held.clone()));
        Ok((self.stage(batch), held))
    }
}
