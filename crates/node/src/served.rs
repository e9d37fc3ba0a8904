//! Inbound, second half: what was opened is judged, filed and answered with a receipt.
//!
//! 1 the parcel's number, 2 cards and mechanisms, 3 acts: party, guard, fold, or wait, 4 what waited, 5 wants, checkpoints and
//! cosignatures, 6 one batch with the receipt in it.

use crate::error::NodeError;
use crate::inbound::{Arrived, Opened};
use crate::node::{Node, Ticket, log, put};
use crate::outbound::CARD_REVOKED;
use crate::piece::Piece;
use crate::refusals::Line;
use crate::witness::UNCOMPARED;
use base::{ActId, Digest, DossierId, ServiceId, UnixMs};
use dossier::{Act, Checked, Deed, Fork, Judged, Mechanism, Verdict, Want};
use seal::{Held, Receipt, ReceiptEntry, Signed, Typ, Verified};
use std::collections::BTreeSet;
use std::collections::btree_map::Entry as MapEntry;
use std::sync::Arc;
use store::{Answer, Append, Entry, Filing, LogLine, Outgoing, Parcel, Queued};

/// Acts of one dossier that may wait for others.
const WAITING_MAX: usize = 5_000;
/// Acts that one request for a range brings back at most.
const RANGE_MAX: u64 = 2_000;

/// Mechanisms that a node keeps, its own and those that partners sent along.
const MECHANISMS_MAX: usize = 500;

/// What receiving a parcel led to.
pub enum Served {
    /// The same parcel was answered before: the same receipt again.
    Again(Vec<u8>),
    /// Staged; the receipt comes with the commit.
    Staged(Ticket),
}

/// How a parcel came.
#[derive(Clone, Copy)]
struct Way {
    by_file: bool,
    /// When its sender sealed it, by the sender's clock: the time of what in it states none.
    sealed: UnixMs,
}

/// The fate of one piece, in the parcel's order.
pub(crate) enum Fate {
    Entry(usize),
    Held,
    Since(UnixMs),
    /// An act that is here, since when.
    Here(UnixMs),
    Refused(&'static str),
}

impl Node {
    /// Takes an opened parcel: files what it holds and stages the receipt.
    ///
    /// A failure of our own disk is no refusal: nothing is told to the sender, and all that is staged is taken back.
    pub fn receive(&mut self, arrived: Arrived, now: UnixMs) -> Result<Served, NodeError> {
        // What came by file may have been sealed days ago, and says nothing of our clock.
        if arrived.until.is_none() {
            self.hear_time(arrived.from, arrived.at, now);
        }
        self.trust_clock(now)?; // the receipt would carry our time, and deadlines begin there
        self.serve_all(arrived, now).inspect_err(|e| self.spoil(e))
    }

    fn serve_all(&mut self, arrived: Arrived, now: UnixMs) -> Result<Served, NodeError> {
        let Arrived { from, number, id, until, pieces, at: sealed, .. } = arrived;
        let way = Way { by_file: until.is_some(), sealed };
        if let Some(given) = self.store.given(&id)? {
            return Ok(Served::Again(given.receipt));
        }
        if self.store.given_numbered(&from, number)?.is_some() || self.traffic.is_used(from, number, id) {
            self.note_fault(from, &NodeError::Replayed(number), now);
            return Err(NodeError::Replayed(number));
        }
        let mut batch = Append::new(now);
        // By file every session of a partner may be a start of its node; what it would be told comes with the next comparison.
        if until.is_none() {
            self.meet_anew(from, number, &mut batch)?;
        }
        let mut touched = BTreeSet::new();
        let mut fates: Vec<(Digest, Fate)> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (digest, fate) = match piece {
                // What is here is here: an act that another party hands on, with a word under a card that was revoked since, brings nothing
                // new. Its author's own word does: it goes again under the card that acts.
                Err((digest, e)) if e.code() == CARD_REVOKED => {
                    let here = self.store.act(&digest.into())?.filter(|a| a.author != from);
                    (digest, here.map(|a| Fate::Here(a.at)).ok_or(e))
                }
                Err((digest, e)) => (digest, Err(e)),
                Ok(opened) => (opened.digest(), self.serve(opened, from, way, &mut batch, &mut touched, now)),
            };
            let fate = match fate {
                Err(e) if e.failure().is_some() => return Err(e),
                fate => fate,
            };
            let fate = fate.unwrap_or_else(|e| {
                // What a partner rightly shows us of ourselves is our own incident, logged where it was found, and no refused input of its.
                if !matches!(e, NodeError::NotOurs) {
                    let line = serde_json::json!({ "from": from, "piece": digest, "code": e.code(), "what": e.to_string() });
                    batch.logs.extend(self.refused_line(from, e.code(), &e.to_string(), line, now));
                }
                Fate::Refused(e.code())
            });
            fates.push((digest, fate));
        }
        self.file_changed_exhibits(&mut batch);
        for dossier in touched {
            batch.dossiers.extend(self.row(&dossier, now)?);
            batch.records.push(put(UNCOMPARED, &dossier.to_string(), Vec::new()));
        }
        if until.is_some() {
            self.owe(from, number, id, &mut batch)?;
        }
        batch.answer = Some(self.answer(from, number, id, until, fates, now)?);
        Ok(Served::Staged(self.stage(batch)))
    }

    /// Notes refused input in the local log, in a batch of its own.
    ///
    /// No more than a limit in an hour for one partner, so that nobody fills our disk with what we refuse.
    pub fn note_refused(&mut self, from: ServiceId, code: &str, what: &str, now: UnixMs) -> Option<Ticket> {
        let line = self.refused_line(from, code, what, serde_json::json!({ "from": from, "code": code, "what": what }), now)?;
        let mut batch = Append::new(now);
        batch.logs.push(line);
        Some(self.stage(batch))
    }

    /// Writes a refusal to the operator's log and returns its line for the local log, if this hour still has room for it.
    fn refused_line(&mut self, from: ServiceId, code: &str, what: &str, mut line: serde_json::Value, now: UnixMs) -> Option<LogLine> {
        let counted = self.refusals.count(from, now);
        if counted == Line::Dropped {
            return None;
        }
        let partner = self.book.code(&from);
        tracing::warn!(%partner, code, "refused input: {what}");
        if counted == Line::Last {
            tracing::warn!(%partner, "this partner's refused input fills the log; for the rest of the hour it is refused without a line");
            line["rest_of_the_hour"] = "refused without a line".into();
        }
        Some(log("refused-input", line))
    }

    pub(crate) fn note_fault(&mut self, from: ServiceId, e: &NodeError, now: UnixMs) {
        let _ = self.note_refused(from, e.code(), &e.to_string(), now); // it goes with the next commit
    }

    fn answer(
        &self,
        from: ServiceId,
        number: u64,
        id: base::ParcelId,
        until: Option<UnixMs>,
        fates: Vec<(Digest, Fate)>,
        now: UnixMs,
    ) -> Result<Answer, NodeError> {
        let keys = self.keys.clone();
        let at = self.local(now)?;
        let to = from;
        let sign = move |ledger: &store::LedgerState, places: &[store::Place]| {
            // An act is held since it first came. Where our clock was set back meanwhile, the receipt is dated then, or what
            // runs from receipt would start a second time.
            let first = |fate: &Fate| match fate {
                Fate::Entry(i) => Some(places[*i].at),
                Fate::Here(since) => Some(*since),
                _ => None,
            };
            let latest = fates.iter().filter_map(|(_, fate)| first(fate)).max().unwrap_or(at.at);
            let at = if latest > at.at { latest.in_zone(at.zone())? } else { at };
            let entry = |(digest, fate): (Digest, Fate)| {
                let held = match fate {
                    Fate::Entry(i) => Held::Held { at: places[i].at },
                    Fate::Held => Held::Held { at: at.at },
                    Fate::Here(since) => Held::Held { at: since },
                    Fate::Since(since) => Held::Held { at: since.min(at.at) },
                    Fate::Refused(code) => Held::Refused { code: code.to_owned() },
                };
                ReceiptEntry { act: digest.into(), held }
            };
            let receipt = Receipt {
                version: seal::RECEIPT_VERSION,
                parcel: id,
                from: keys.service(),
                to,
                at: at.clone(),
                entries: fates.into_iter().map(entry).collect(),
                ledger_size: ledger.size,
                ledger_root: ledger.root,
                number,
            };
            Ok(receipt.sign(&keys))
        };
        Ok(Answer { parcel: Parcel { sender: from, number, id }, until, sign: Box::new(sign) })
    }

    fn serve(
        &mut self,
        opened: Opened,
        from: ServiceId,
        way: Way,
        batch: &mut Append,
        touched: &mut BTreeSet<DossierId>,
        now: UnixMs,
    ) -> Result<Fate, NodeError> {
        let by_file = way.by_file;
        match opened {
            Opened::Act { act, verified, body, attested } => {
                let mut before = (batch.entries.len(), batch.records.len());
                let taken = self.admit(&act, &verified, attested.as_deref(), from, batch).and_then(|()| {
                    self.own_act_came(&act, body.is_none(), from, batch)?;
                    before = (batch.entries.len(), batch.records.len()); // what our own signature proves stands, whatever becomes of the act
                    self.take_act(&act, *verified, body, from, batch, touched)
                });
                if let Err(e) = taken {
                    batch.entries.truncate(before.0);
                    batch.records.truncate(before.1);
                    return Err(e);
                }
                Ok(Fate::Entry(batch.entries.len() - 1))
            }
            Opened::Other { piece: Piece::Revocation(bytes), .. } => {
                self.take_revocation(from, &bytes, batch)?;
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Card(bytes), .. } => {
                let mut cards = (*seal::Directory::cards(&self.book, &from).ok_or(NodeError::UnknownPartner(from))?).clone();
                if cards.add(&bytes)? {
                    self.stage_cards(batch, cards);
                }
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Mechanism(bytes), .. } => {
                let mechanism = Mechanism::parse(&bytes)?;
                let kept = self.mechanisms.len();
                if let MapEntry::Vacant(free) = self.mechanisms.entry(mechanism.hash) {
                    if kept >= MECHANISMS_MAX {
                        return Err(NodeError::TooManyMechanisms);
                    }
                    // Kept; it is proved before an officer may sign an accord that names it.
                    batch.records.push(put("mechanism", &mechanism.hash.to_string(), bytes));
                    free.insert(Arc::new(mechanism));
                }
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Want { dossier, author, from: first, to }, .. } => {
                self.serve_want(from, dossier, author, first, to, batch)?;
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Checkpoint { note, old_size, proof }, .. } => {
                self.cosign(from, (&note, way.sealed), (old_size, &proof), batch, now)?;
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Cosigned { note }, .. } => {
                self.take_cosigned(from, &note, batch, now)?;
                Ok(Fate::Held)
            }
            Opened::Chunk { chunk, .. } => self.serve_chunk(from, chunk, by_file, batch),
            Opened::Other { piece: Piece::Seek { dossier, exhibit, lacking, why }, .. } => {
                self.serve_seek(from, (dossier, exhibit), (&lacking, why), by_file, batch)
            }
            Opened::Other { piece: Piece::Whole { dossier, exhibit }, .. } => self.serve_whole(from, dossier, exhibit),
            Opened::Other { piece: Piece::Restored { signed }, .. } => {
                match Signed::parse(&signed, Typ::Restored, seal::RESTORED_BYTES_MAX)?.signer() {
                    signer if signer == self.me() => self.take_own_declaration(from, &signed, batch)?,
                    _ => self.take_restored(from, &signed, batch, now)?,
                }
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Recovered { signed }, .. } => {
                self.take_recovered(from, &signed, batch)?;
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Returned { signed }, .. } => {
                self.take_returned(&signed, batch)?;
                Ok(Fate::Held)
            }
            Opened::Other { piece: Piece::Front { dossier, marks }, .. } => {
                self.take_front(from, dossier, &marks, batch)?;
                Ok(Fate::Held)
            }
            Opened::Other { piece, .. } if piece.is_hit() => {
                self.serve_hit(from, piece, batch, now)?;
                Ok(Fate::Held)
            }
            Opened::Other { .. } => Err(NodeError::Asked("this piece is not known here".to_owned())),
        }
    }

    /// Hears what an act proves of us before it is filed. One with our signature that is not in our ledger: this ledger is older than what we
    /// signed, or somebody else has the key. A head alone: whoever named it to our restoration has no more of it.
    fn own_act_came(&mut self, act: &Act, head_alone: bool, from: ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        let (own, dossier, seq) = (act.head().author == self.me(), act.head().dossier, act.head().seq);
        if (head_alone && self.store.act(&act.id())?.is_none() && self.head_alone(act.head(), from, batch)) || !own || self.has_act(act)? {
            return Ok(());
        }
        if !self.is_used(&dossier, seq) {
            self.found_older(from, batch)?;
        }
        self.shown_at_last(&dossier, seq);
        Ok(())
    }

    /// Files one act, its own verdict last in the batch's entries, and what had waited for it.
    fn take_act(
        &mut self,
        act: &Arc<Act>,
        verified: Verified,
        body: Option<Vec<u8>>,
        from: ServiceId,
        batch: &mut Append,
        touched: &mut BTreeSet<DossierId>,
    ) -> Result<(), NodeError> {
        let id = act.head().dossier;
        if body.is_none() {
            // An act is judged on its content; without it this node would come to another verdict than all others.
            if self.store.act(&act.id())?.is_none() {
                return Err(NodeError::WithoutContent);
            }
            let filing = Filing { id: act.id(), dossier: id, seq: act.head().seq, item: act.item(), verdict: store::Verdict::Waiting };
            batch.entries.push(Entry::act(verified, filing, None)); // the ledger keeps the first filing
            return Ok(());
        }
        let known = self.dossier(&id)?.is_some();
        let new = !self.has_act(act)?;
        let mut begun = false;
        let mut verdict = store::Verdict::Waiting;
        let mut forks = Vec::new();
        if !known {
            begun = self.begin_dossier(act, from, batch)?;
        }
        if known || begun {
            let me = self.me();
            let d = self.dossier(&id)?.ok_or(NodeError::NotParty)?;
            let party = |s: &ServiceId| d.opening().parties.iter().any(|p| p.service == *s);
            if !party(&from) || !party(&me) || !party(&act.head().author) {
                return Err(NodeError::NotParty);
            }
            forks = d.forks();
            match d.judge(Arc::clone(act)) {
                Judged::Known => verdict = store::Verdict::Valid, // the ledger keeps the first verdict
                Judged::Waiting(wants) => {
                    if d.waiting().count() >= WAITING_MAX {
                        return Err(NodeError::TooMuchWaiting);
                    }
                    d.hold(Arc::clone(act));
                    self.touch(id);
                    self.want(from, id, &wants, batch);
                }
                Judged::Ready(_) => {
                    let done = d.file(Arc::clone(act));
                    verdict = as_stored(&done[0]);
                    for waited in &done[1..] {
                        batch.verdicts.push((waited.act().id(), as_stored(waited)));
                    }
                    self.name_exhibits(&done, batch);
                    self.touch(id);
                }
            }
        } else {
            let early = self.early.entry(id).or_default();
            if self.store.waiting(&id)?.len() + early.len() >= WAITING_MAX || !self.traffic.may_stray(from) {
                return Err(NodeError::TooMuchWaiting);
            }
            early.push(Arc::clone(act));
        }
        let h = act.head();
        let filing = Filing { id: act.id(), dossier: id, seq: h.seq, item: act.item(), verdict };
        batch.entries.push(Entry::act(verified, filing, body));
        touched.insert(id);
        self.settle(&id, &h.author, (h.seq, &act.id()), batch);
        if new {
            self.take_back(act, from, batch)?;
        }
        self.spread_forks(id, &forks, batch)?;
        // What was here already brings those on that wait no further, and would only have them ask again for what nobody has any more.
        if begun || (new && self.is_awaited(&id)) {
            self.revive(id, begun, batch, touched)?;
        }
        Ok(())
    }

    /// Tells whether an act is here, on disk or staged for it: partners that all bring back the same may come in one group.
    pub(crate) fn has_act(&mut self, act: &Act) -> Result<bool, NodeError> {
        let (id, dossier) = (act.id(), act.head().dossier);
        if self.store.act(&id)?.is_some() || self.early.get(&dossier).is_some_and(|acts| acts.iter().any(|a| a.id() == id)) {
            return Ok(true);
        }
        Ok(self.dossier(&dossier)?.is_some_and(|d| d.act(&id).is_some() || d.waiting().any(|w| w.id() == id)))
    }

    /// Sees to what came back: an own act goes to the other parties again, for what was due to them was lost with our outbox.
    fn take_back(&mut self, act: &Arc<Act>, from: ServiceId, batch: &mut Append) -> Result<(), NodeError> {
        let (me, own) = (self.me(), act.head().author == self.me());
        self.count_back(own, batch);
        if !own {
            return Ok(());
        }
        let parties: Vec<ServiceId> = match self.dossier(&act.head().dossier)? {
            Some(d) => d.opening().parties.iter().map(|p| p.service).collect(),
            None => Vec::new(),
        };
        for to in parties.into_iter().filter(|p| *p != me && *p != from) {
            batch.queue.push(Queued { recipient: to, what: Outgoing::Act(act.id()) });
            self.traffic.rewind(to);
            self.news += 1;
        }
        Ok(())
    }

    /// Begins a dossier with its opening act; tells whether it can be judged now. Until its accord is here it waits.
    fn begin_dossier(&mut self, act: &Arc<Act>, from: ServiceId, batch: &mut Append) -> Result<bool, NodeError> {
        let id = act.head().dossier;
        let Deed::Open(opening) = &act.head().deed else {
            // Its opening is still under way, or was lost: ask for everything that this act builds on.
            let h = act.head();
            let own = (h.seq > 1).then_some(Want { author: h.author, from: 1, to: h.seq - 1 });
            let wants: Vec<Want> = own.into_iter().chain(h.seen.iter().map(Want::up_to)).collect();
            self.want(from, id, &wants, batch);
            return Ok(false);
        };
        let party = |s: &ServiceId| opening.parties.iter().any(|p| p.service == *s);
        if opening.dossier() != id || !party(&from) || !party(&self.me()) || !party(&act.head().author) {
            return Err(NodeError::NotParty);
        }
        if !self.mechanisms.contains_key(&opening.mechanism) {
            // An accord that is here and does not name it: the partner has another version than was agreed.
            let accord = opening.accord.as_ref().map(|a| a.dossier);
            let agreed = match accord {
                Some(id) => self.dossier(&id)?.and_then(|d| dossier::accord::Terms::at(d, &d.marks()).ok()),
                None => None,
            };
            return Err(match agreed {
                Some(terms) if !terms.mechanisms.contains(&opening.mechanism) => NodeError::OtherVersion(opening.mechanism.to_string()),
                _ => NodeError::UnknownMechanism(opening.mechanism.to_string()),
            });
        }
        if let Some(accord) = &opening.accord
            && !self.has_accord(accord)?
        {
            self.await_accord(batch, id, accord.dossier);
            let wants: Vec<Want> = match self.dossier(&accord.dossier)? {
                Some(d) => d.lacks(&accord.seen),
                None => accord.seen.iter().map(Want::up_to).collect(),
            };
            self.want(from, accord.dossier, &wants, batch);
            return Ok(false);
        }
        let dossier = self.new_dossier(opening)?.ok_or_else(|| NodeError::UnknownMechanism(opening.mechanism.to_string()))?;
        self.put_dossier(dossier);
        self.touch(id);
        Ok(true)
    }

    /// Goes over dossiers that waited for this one as their accord, and over acts that came before their dossier's opening.
    pub(crate) fn revive(&mut self, id: DossierId, begun: bool, batch: &mut Append, touched: &mut BTreeSet<DossierId>) -> Result<(), NodeError> {
        let mut queue: Vec<DossierId> = self.awaited(&id).into_iter().chain(begun.then_some(id)).collect();
        while let Some(next) = queue.pop() {
            let mut acts = self.early.remove(&next).unwrap_or_default();
            for w in &self.store.waiting(&next)? {
                acts.push(Arc::new(crate::node::read_act(w)?));
            }
            if self.dossier(&next)?.is_none() {
                let Some(open) = acts.iter().find(|a| matches!(a.head().deed, Deed::Open(_))).cloned() else { continue };
                let from = open.head().author;
                if !self.begin_dossier(&open, from, batch)? {
                    self.early.insert(next, acts);
                    continue;
                }
                batch.records.push(store::RecordOp::Delete { kind: "awaiting".to_owned(), id: next.to_string() });
                acts.sort_by_key(|a| (!matches!(a.head().deed, Deed::Open(_)), a.head().seq));
            }
            let d = self.dossier(&next)?.ok_or(NodeError::NotParty)?;
            let before = d.forks();
            let mut done: Vec<Checked> = Vec::new();
            for act in acts {
                done.extend(d.file(act));
            }
            batch.verdicts.extend(done.iter().map(|c| (c.act().id(), as_stored(c))));
            self.name_exhibits(&done, batch);
            if !done.is_empty() {
                self.touch(next);
                touched.insert(next);
                queue.extend(self.awaited(&next));
            }
            self.spread_forks(next, &before, batch)?;
        }
        Ok(())
    }

    /// Asks a partner for acts that are lacking here, not more often than once in a while.
    pub(crate) fn want(&mut self, from: ServiceId, dossier: DossierId, wants: &[Want], batch: &mut Append) {
        for w in wants {
            if self.traffic.may_want(from, dossier, *w, batch.at) {
                let piece = Piece::Want { dossier, author: w.author, from: w.from, to: w.to };
                batch.queue.push(Queued { recipient: from, what: Outgoing::Note(piece.encode()) });
                self.news += 1;
            }
        }
    }

    /// Queues acts that a party lacks: anyone who holds them may hand them on, since each is signed by its own author.
    fn serve_want(&mut self, to: ServiceId, dossier: DossierId, author: ServiceId, first: u64, last: u64, batch: &mut Append) -> Result<(), NodeError> {
        self.hear_want(to, dossier, author, last, batch)?;
        let last = last.min(first.saturating_add(RANGE_MAX));
        let Some(d) = self.dossier(&dossier)? else { return self.serve_own(to, dossier, author, first, last, batch) };
        if !d.opening().parties.iter().any(|p| p.service == to) {
            return Err(NodeError::Absent("dossier"));
        }
        let mechanism = Arc::clone(d.mechanism());
        let put_back = self.was_put_back(&to)?;
        // What was erased here helps nobody: an act is judged on its content. Its author keeps it for whoever lacks it. Who was
        // put back must learn all the same which numbers are used.
        let useful = |a: &store::Act| put_back || matches!(a.body, store::Body::Held(_));
        let acts: Vec<ActId> = self.store.range(&dossier, &author, first, last)?.into_iter().filter(useful).map(|a| a.id).collect();
        if put_back {
            if !dossier::shipped().iter().any(|s| s.hash == mechanism.hash) {
                batch.queue.push(Queued { recipient: to, what: Outgoing::Note(Piece::Mechanism(mechanism.bytes().to_vec()).encode()) });
            }
            self.return_receipts(to, &acts, batch)?;
        }
        batch.queue.extend(acts.into_iter().map(|act| Queued { recipient: to, what: Outgoing::Act(act) }));
        self.traffic.rewind(to);
        self.carry_rewind(to, batch)?;
        self.news += 1;
        Ok(())
    }

    /// Hears what a request for acts of our own says: whoever asks for numbers that are not here has seen a later one of ours. It is asked
    /// for that in turn: with our signature it is the proof of an older copy. Where that is declared, its answer comes first.
    fn hear_want(&mut self, from: ServiceId, dossier: DossierId, author: ServiceId, last: u64, batch: &mut Append) -> Result<(), NodeError> {
        let me = self.me();
        if author != me || self.awaits(&from) {
            return Ok(());
        }
        let known = self.dossier(&dossier)?.map(|d| (d.opening().parties.iter().any(|p| p.service == from), d.chain_end(&me)));
        let (may_ask, have) = known.unwrap_or((true, 0));
        if may_ask && last > have && (known.is_some() || self.traffic.may_stray(from)) {
            if known.is_some() {
                self.shows_own(dossier, from, last, batch.at);
            }
            // Up to any number: what the other holds lies after what it asks for.
            self.want(from, dossier, &[Want { author: me, from: have + 1, to: have.saturating_add(RANGE_MAX) }], batch);
        }
        Ok(())
    }

    /// Hands a service its own acts of a dossier that never began here, because its opening did not come.
    fn serve_own(&mut self, to: ServiceId, dossier: DossierId, author: ServiceId, first: u64, last: u64, batch: &mut Append) -> Result<(), NodeError> {
        let acts = if author == to { self.store.range(&dossier, &author, first, last)? } else { Vec::new() };
        if acts.is_empty() {
            return Err(NodeError::Absent("dossier"));
        }
        batch.queue.extend(acts.into_iter().map(|a| Queued { recipient: to, what: Outgoing::Act(a.id) }));
        self.traffic.rewind(to);
        self.carry_rewind(to, batch)?;
        self.news += 1;
        Ok(())
    }

    /// Shows a newly found fork to all other parties: both acts, as their author signed them. To the author as well: it may be an older copy
    /// that knows of one only, or somebody else has its key.
    fn spread_forks(&mut self, id: DossierId, before: &[Fork], batch: &mut Append) -> Result<(), NodeError> {
        let me = self.me();
        let Some(d) = self.dossier(&id)? else { return Ok(()) };
        // One that is judged changes what is folded, so it is shown whatever of that author was shown before.
        let told = |f: &Fork| before.iter().any(|b| b.author == f.author && (f.waits || b.seq == f.seq));
        let forks: Vec<Fork> = d.forks().into_iter().filter(|f| !told(f)).collect();
        if forks.is_empty() {
            return Ok(());
        }
        let parties: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
        let mut shown: BTreeSet<ActId> = BTreeSet::new();
        for fork in forks {
            tracing::error!(dossier = %id.short(), author = %self.book.code(&fork.author), number = fork.seq, "one author signed two acts with one number");
            batch.logs.push(log(
                "incident",
                serde_json::json!({ "code": "peer.act.equivocation", "dossier": id, "author": fork.author, "seq": fork.seq, "acts": fork.acts }),
            ));
            for act in fork.acts {
                if shown.insert(act) {
                    batch.queue.extend(parties.iter().map(|p| Queued { recipient: *p, what: Outgoing::Act(act) }));
                }
            }
        }
        for p in &parties {
            self.traffic.rewind(*p);
            self.carry_rewind(*p, batch)?;
        }
        self.news += 1;
        Ok(())
    }
}

pub(crate) fn as_stored(checked: &Checked) -> store::Verdict {
    match checked.verdict() {
        Verdict::Valid => store::Verdict::Valid,
        Verdict::Void(code) => store::Verdict::Void(code.clone()),
    }
}
