//! What partners and a restored service say to each other, so that what was lost comes back and no number is used twice.
//!
//! 1 the restored service sends its declaration, 2 a partner records the incident, keeps what it had cosigned as evidence, goes back
//! to what it cosigned up to the declared point, and answers in signed pages with the ends of all chains of shared dossiers, 3 the
//! restored service asks for what it lacks as for any act, 4 receipts that it gave and lost come back beside those acts.

use crate::error::NodeError;
use crate::fence::{Answer, DECLARED, OPEN_MAX, json};
use crate::node::{Node, PAGE, log, put};
use crate::outbound::{CARD_RETIRED, CARD_REVOKED};
use crate::piece::Piece;
use crate::witness::Point;
use base::{ActId, Digest, DossierId, ServiceId, UnixMs};
use seal::{Cards, Checkpoint, Directory, Held, Receipt, Recovered, Restored};
use std::collections::BTreeSet;
use store::{Append, ChainEnd, Entry, Kind, Outgoing, Queued, RecordOp};

/// Kind of the documents that hold partners' declarations.
const PUT_BACK: &str = "put-back";
/// Kind of the documents that hold the last cosigned note of the line that a partner's declaration ended, or of one that it had lost before.
const LOST_LINE: &str = "lost-line";
/// Kind of the documents that say which point a partner's next checkpoint must have.
pub(crate) const GOES_ON_AT: &str = "goes-on-at";
/// Kind of the documents with the time at which our own lost receipts say that we got an act.
pub(crate) const RECEIVED: &str = "received";
/// Ledger entries looked through for the newest receipt of a partner.
const LOOK_BACK: u64 = 20_000;
/// Cards that an answer carries.
const CARDS_BACK: usize = 8;
/// Restorations of one partner that are recorded; one that has more has another trouble.
const PUT_BACKS_MAX: usize = 256;
/// Time within which the same declaration earns no second answer.
const ANSWER_AGAIN_MS: i64 = 60_000;
/// Acts whose receipts are looked up at a time.
const RECEIPTS_BACK: usize = 2_000;

/// Passes over what a card signed that was revoked since, or that a clock ahead dated beyond the time of a card that was issued since: it
/// was good when the partner took it, and says nothing any more. The answer itself bears the partner's acting card.
fn unless_over<T>(read: Result<T, impl Into<NodeError>>) -> Result<Option<T>, NodeError> {
    match read.map_err(Into::into) {
        Err(e) if e.code() == CARD_REVOKED || e.code() == CARD_RETIRED => Ok(None),
        read => read.map(Some),
    }
}

/// Writes what is kept of a partner's declaration: the point, when it was made, and its nonce.
fn put_back(said: &Restored) -> Vec<u8> {
    serde_json::to_vec(&(said.size, said.root, said.at.at, said.nonce)).expect("plain data has a JSON form")
}

/// Reads the size out of a note that was verified when it was kept.
fn size_in(note: &[u8]) -> u64 {
    String::from_utf8_lossy(note).lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
}

impl Node {
    /// Takes a partner's declaration that its ledger was put back: records it, goes back to what was cosigned before, and answers.
    pub(crate) fn take_restored(&mut self, from: ServiceId, bytes: &[u8], batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let cards = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        let (said, verified) = Restored::read(bytes, &cards)?;
        let ahead = (said.at.at.0 - now.0) / 60_000;
        if ahead > crate::inbound::ACT_AHEAD_MINUTES_MAX {
            return Err(NodeError::ClockAhead(ahead));
        }
        let digest = Digest::of(bytes);
        let id = format!("{from}/{digest}");
        let last = self.fence.answered.get(&from).copied();
        if last.is_some_and(|(d, at)| d == digest && now.0.saturating_sub(at.0) < ANSWER_AGAIN_MS) {
            return Ok(()); // the answer is on its way
        }
        self.fence.answered.insert(from, (digest, now));
        if self.store.record(PUT_BACK, &id)?.is_none()
            && !batch.records.iter().any(|r| matches!(r, RecordOp::Put { kind, id: i, .. } if kind == PUT_BACK && *i == id))
        {
            match self.put_backs(&from)?.into_iter().find(|(_, point, nonce)| *nonce == said.nonce && *point == (said.size, said.root)) {
                Some((earlier, ..)) => self.record_anew(from, &said, &earlier, digest, batch)?,
                None => self.record_restored(from, &said, digest, &id, batch)?,
            }
            batch.entries.push(Entry::restored(&verified));
        }
        self.answer_restored(from, &said, bytes, batch, now)
    }

    fn record_restored(&mut self, from: ServiceId, said: &Restored, digest: Digest, id: &str, batch: &mut Append) -> Result<(), NodeError> {
        if self.put_backs(&from)?.len() >= PUT_BACKS_MAX {
            return Err(NodeError::Asked("this service has declared too many restorations; its operator must call".to_owned()));
        }
        let before = self.number("witnessed", &from)?;
        let known = self.cosigned_up_to(&from, said.size)?;
        // What was cosigned at exactly the declared size must be what is declared there.
        if known.is_some_and(|(size, root)| size == said.size && root != said.root) {
            batch.logs.push(log("incident", serde_json::json!({ "code": NodeError::Rewritten.code(), "service": from, "declared": digest })));
            return Err(NodeError::Rewritten);
        }
        tracing::warn!(partner = %self.book.code(&from), size = said.size, "the partner declares that its ledger was put back");
        batch.logs.push(log(
            "incident",
            serde_json::json!({
                "code": "peer.ledger.restored", "service": from, "declared": digest, "size": said.size, "copied": said.copied, "at": said.at.at,
                "size_before": before.map(|b| b.0), "cosigned_up_to": known.map(|k| k.0),
            }),
        ));
        if let Some(other) = self.twin_of(&from, said)? {
            tracing::error!(partner = %self.book.code(&from), "the partner was restored twice from one copy: two machines may run under its name");
            batch.logs.push(log(
                "incident",
                serde_json::json!({ "code": "peer.ledger.twin", "service": from, "declared": digest, "other": other, "size": said.size }),
            ));
        }
        batch.records.push(put(PUT_BACK, id, put_back(said)));
        if let Some(note) = self.lost_line(&from)? {
            batch.records.push(put(LOST_LINE, id, note));
        }
        self.go_back(from, known, said, batch)
    }

    /// Records a declaration that was here before and is signed anew, because its card is over or was revoked since: the same restoration.
    fn record_anew(&mut self, from: ServiceId, said: &Restored, earlier: &Digest, digest: Digest, batch: &mut Append) -> Result<(), NodeError> {
        batch.records.push(put(PUT_BACK, &format!("{from}/{digest}"), put_back(said)));
        if let Some(note) = self.store.record(LOST_LINE, &format!("{from}/{earlier}"))? {
            batch.records.push(put(LOST_LINE, &format!("{from}/{digest}"), note.data));
        }
        let what = "a partner's restoration was declared anew under a later card";
        batch.logs.push(log("audit", serde_json::json!({ "what": what, "service": from, "declared": digest, "before": earlier })));
        Ok(())
    }

    /// Finds another declaration of this partner that goes on from the same point: two machines, or one that was restored again.
    fn twin_of(&self, from: &ServiceId, said: &Restored) -> Result<Option<Digest>, NodeError> {
        let other = |(_, point, nonce): &(Digest, Point, [u8; 16])| *point == (said.size, said.root) && *nonce != said.nonce;
        Ok(self.put_backs(from)?.into_iter().find(other).map(|(digest, ..)| digest))
    }

    /// Returns a partner's declarations, the points that they name and their nonces; at most [`PUT_BACKS_MAX`] were taken.
    fn put_backs(&self, of: &ServiceId) -> Result<Vec<(Digest, Point, [u8; 16])>, NodeError> {
        let prefix = format!("{of}/");
        let page = self.store.records(PUT_BACK, Some(&prefix), PUT_BACKS_MAX)?;
        let mut out = Vec::new();
        for r in page {
            let Some(digest) = r.id.strip_prefix(&prefix) else { break };
            let (size, root, _, nonce): (u64, Digest, UnixMs, [u8; 16]) =
                serde_json::from_slice(&r.data).map_err(|_| NodeError::Corrupt("a partner's declaration".to_owned()))?;
            out.push((digest.parse()?, (size, root), nonce));
        }
        Ok(out)
    }

    /// Tells whether a partner has ever declared that its ledger was put back.
    pub(crate) fn was_put_back(&self, partner: &ServiceId) -> Result<bool, NodeError> {
        let prefix = format!("{partner}/");
        Ok(self.store.records(PUT_BACK, Some(&prefix), 1)?.iter().any(|r| r.id.starts_with(&prefix)))
    }

    /// Returns what we cosigned last of the line that a restoration ends. Where that is nothing, the partner was put back again before we
    /// cosigned anything anew, and what it lost is of a line before, the longest of those.
    fn lost_line(&self, of: &ServiceId) -> Result<Option<Vec<u8>>, NodeError> {
        if let Some(note) = self.store.record("witnessed-note", &of.to_string())? {
            return Ok(Some(note.data));
        }
        let mut notes = Vec::new();
        for (declaration, ..) in self.put_backs(of)? {
            notes.extend(self.store.record(LOST_LINE, &format!("{of}/{declaration}"))?.map(|r| r.data));
        }
        Ok(notes.into_iter().max_by_key(|note| size_in(note)))
    }

    /// Queues the answer to a declaration, all pages.
    fn answer_restored(&mut self, to: ServiceId, said: &Restored, declaration: &[u8], batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        let restored = Digest::of(declaration);
        let chains = self.shared_chains(&to)?;
        let pages: Vec<&[seal::ChainEnd]> = match chains.is_empty() {
            true => vec![&[]],
            false => chains.chunks(seal::RECOVERED_CHAINS_MAX).collect(),
        };
        let known = self.cosigned_up_to(&to, said.size)?.unwrap_or((0, Digest::default()));
        let at = self.local(now)?;
        let lost = match self.store.record(LOST_LINE, &format!("{to}/{restored}"))? {
            Some(kept) => Some(kept.data),
            None => self.lost_line(&to)?, // it was recorded just now, and is not stored yet
        };
        let text = |note: Vec<u8>| String::from_utf8_lossy(&note).into_owned();
        let checkpoint = lost.map(text);
        let witnessed = self.store.record("cosigned-note", &to.to_string())?.map(|r| text(r.data));
        let receipt = self.last_receipt(&to)?;
        let cards = self.book.cards(&to).ok_or(NodeError::UnknownPartner(to))?;
        let held: Vec<&[u8]> = cards.iter_bytes().collect();
        let newest: Vec<minicbor::bytes::ByteVec> = held[held.len().saturating_sub(CARDS_BACK)..].iter().map(|c| c.to_vec().into()).collect();
        let total = pages.len() as u32;
        // Whoever stands at the service's address shall see what was declared in its name.
        batch.queue.push(Queued { recipient: to, what: Outgoing::Note(Piece::Restored { signed: declaration.to_vec() }.encode()) });
        for (n, page) in pages.into_iter().enumerate() {
            let first = n == 0;
            let answer = Recovered {
                version: seal::RESTORED_VERSION,
                restored,
                from: self.me(),
                to,
                at: at.clone(),
                page: n as u32,
                pages: total,
                chains: page.to_vec(),
                number: self.store.given_highest(&to)?.unwrap_or(0),
                cosigned_size: known.0,
                cosigned_root: known.1,
                checkpoint: checkpoint.clone().filter(|_| first),
                witnessed: witnessed.clone().filter(|_| first),
                receipt: receipt.clone().filter(|_| first),
                cards: if first { newest.clone() } else { Vec::new() },
            };
            let signed = answer.sign(&self.keys).bytes().to_vec();
            batch.queue.push(Queued { recipient: to, what: Outgoing::Note(Piece::Recovered { signed }.encode()) });
        }
        self.news += 1;
        Ok(())
    }

    /// Returns the ends of all chains in dossiers that we share with a partner; of a dossier whose opening never came, its own.
    fn shared_chains(&self, with: &ServiceId) -> Result<Vec<seal::ChainEnd>, NodeError> {
        let mut out: Vec<seal::ChainEnd> = Vec::new();
        let mut after = None;
        let mut shared: Option<(DossierId, Option<bool>)> = None;
        loop {
            let page = self.store.chain_ends(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(out) };
            after = Some((last.dossier, last.author));
            for ChainEnd { dossier, author, seq, act } in page {
                if shared.is_none_or(|(d, _)| d != dossier) {
                    shared = Some((dossier, self.is_party(&dossier, with)?));
                }
                let ours = shared.and_then(|(_, s)| s).unwrap_or(author == *with);
                // Of two acts under one number the first stands here; the other comes with it.
                let doubled = out.last().is_some_and(|c| (c.dossier, c.author) == (dossier, author));
                if ours && !doubled {
                    out.push(seal::ChainEnd { dossier, author, seq, act });
                }
            }
        }
    }

    /// Tells whether a service is party of a dossier; none where its opening never came.
    fn is_party(&self, dossier: &DossierId, service: &ServiceId) -> Result<Option<bool>, NodeError> {
        let Some(row) = self.store.dossier(dossier)? else { return Ok(None) };
        let summary: serde_json::Value = serde_json::from_slice(&row.summary).map_err(|_| NodeError::Corrupt(format!("the row of dossier {dossier}")))?;
        let id = service.to_string();
        Ok(Some(summary["parties"].as_array().into_iter().flatten().any(|p| p["service"] == id.as_str())))
    }

    /// Finds the newest receipt of a partner in our ledger, looking back a while.
    fn last_receipt(&self, of: &ServiceId) -> Result<Option<Vec<u8>>, NodeError> {
        let end = self.store.ledger()?.size;
        let (mut to, stop) = (end, end.saturating_sub(LOOK_BACK));
        while to > stop {
            let from = to.saturating_sub(PAGE as u64).max(stop);
            for e in self.store.entries(from, (to - from) as usize)?.into_iter().rev().filter(|e| e.kind == Kind::ReceiptTaken) {
                if seal::Signed::parse(&e.signed, seal::Typ::Receipt, seal::RECEIPT_BYTES_MAX)?.signer() == *of {
                    return Ok(Some(e.signed));
                }
            }
            to = from;
        }
        Ok(None)
    }

    /// Takes one page of a partner's answer to our declaration, and asks for what is lacking.
    pub(crate) fn take_recovered(&mut self, from: ServiceId, bytes: &[u8], batch: &mut Append) -> Result<(), NodeError> {
        let cards = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        let (said, verified) = Recovered::read(bytes, &cards)?;
        if said.to != self.me() {
            return Err(NodeError::Asked("this answer is for another service".to_owned()));
        }
        // An answer to an earlier restoration of ours, or to another machine's: the latter makes itself known by its declaration.
        let Some(declared) = self.fence.declared.clone().filter(|d| d.digest == said.restored) else { return Ok(()) };
        if self.open_of(&from) + said.chains.len() > OPEN_MAX {
            return Err(NodeError::TooMuchWaiting);
        }
        let mut answer = self.fence.partners.get(&from).cloned().unwrap_or_default();
        if answer.done() || (answer.got.contains(&said.page) && answer.pages == said.pages) {
            return Ok(());
        }
        if answer.pages != said.pages {
            answer = Answer { asked: answer.asked, lost_size: answer.lost_size, lifted: answer.lifted.clone(), ..Answer::default() };
        }
        batch.entries.push(Entry::recovered(&verified));
        for end in &said.chains {
            // What came before the answer in one parcel is stored with it or not at all.
            let beside = batch.entries.iter().any(|e| e.object() == end.act.as_ref());
            if !beside && self.store.act(&end.act)?.is_none() {
                self.open_end(end.dossier, end.author, from, (end.seq, end.act), batch);
                self.want_end(from, end.dossier, end.author, end.seq, batch)?;
            }
        }
        self.take_what_stood(from, &said, declared.size, &mut answer, batch)?;
        if let Some(declared) = self.fence.declared.as_mut().filter(|d| d.lost_to < answer.lost_size) {
            declared.lost_to = answer.lost_size;
            batch.records.push(put(DECLARED.0, DECLARED.1, json(declared)));
        }
        answer.pages = said.pages;
        answer.got.insert(said.page);
        if answer.done() {
            tracing::info!(partner = %self.book.code(&from), "the partner has said what it holds");
            batch.logs.push(log("audit", serde_json::json!({ "what": "a partner answered our restoration", "partner": from, "lost_size": answer.lost_size })));
        }
        self.put_answer(from, answer, batch);
        self.news += 1;
        Ok(())
    }

    /// Takes over what an answer tells of the lost line: numbers, cards, what was cosigned on both sides.
    fn take_what_stood(&mut self, from: ServiceId, said: &Recovered, declared_size: u64, answer: &mut Answer, batch: &mut Append) -> Result<(), NodeError> {
        let now = batch.at;
        let incarnation = u32::try_from(said.number >> 32).unwrap_or(u32::MAX);
        if incarnation >= self.traffic.incarnation() && incarnation < (1 << 31) - 2 {
            self.traffic.begin(incarnation + 1);
            batch.records.push(put("node", "incarnation", (incarnation + 1).to_string().into_bytes()));
        }
        let own = self.book.cards(&self.me()).ok_or(NodeError::UnknownPartner(self.me()))?;
        let mut cards = (*own).clone();
        let newer = said.cards.iter().filter(|c| Cards::first(c).is_ok_and(|c| c.latest().number > own.latest().number));
        let mut taken = false;
        for card in newer {
            taken |= cards.add(card).is_ok_and(|new| new);
        }
        if taken {
            tracing::error!("the key file is older than this service's newest card; nothing can be signed with it");
            batch.logs.push(log("incident", serde_json::json!({ "code": NodeError::OldKeys.code(), "service": from, "card": cards.latest().number })));
            self.stage_cards(batch, cards.clone());
        }
        if let Some(receipt) = &said.receipt
            && let Some((receipt, _)) = unless_over(Receipt::read(receipt, &cards))?
        {
            answer.lost_size = answer.lost_size.max(receipt.ledger_size);
        }
        let partner = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        if let Some(note) = &said.checkpoint
            && let Some(checkpoint) = unless_over(Checkpoint::read_cosigned(note, &cards, &partner, now))?
        {
            answer.lost_size = answer.lost_size.max(checkpoint.size);
        }
        if let Some(note) = &said.witnessed {
            // Our own cosignature is our word: from there we go on watching, whatever our older copy says.
            let read = |note: &str| Checkpoint::read_cosigned(note, &partner, &cards, now).and_then(|c| c.cosigned_by(note, &cards).map(|_| c));
            if let Some(checkpoint) = unless_over(read(note))?
                && self.number("witnessed", &from)?.is_none_or(|(size, _)| size < checkpoint.size)
            {
                self.put_witnessed(from, &checkpoint, note, batch)?;
            }
        }
        if said.page == 0 && said.cosigned_size <= declared_size {
            let data = serde_json::to_vec(&(said.cosigned_size, said.cosigned_root)).expect("plain data has a JSON form");
            batch.records.push(put("cosigned", &from.to_string(), data));
        }
        Ok(())
    }

    /// Looks at a declaration that bears our own signature and came from elsewhere: a later one than ours is another machine's. One that
    /// stands in this ledger is none, whatever time it states: our clock may have been ahead when we said it.
    pub(crate) fn take_own_declaration(&mut self, from: ServiceId, bytes: &[u8], batch: &mut Append) -> Result<(), NodeError> {
        let own = self.book.cards(&self.me()).ok_or(NodeError::UnknownPartner(self.me()))?;
        // One that a revoked card signed says nothing any more: it is ours, declared anew since, or a thief's.
        let Some((said, _)) = unless_over(Restored::read(bytes, &own))? else { return Ok(()) };
        if self.store.entry(&Digest::of(bytes))?.is_some() {
            return Ok(());
        }
        match &self.fence.declared {
            Some(d) if said.at.at < d.at => {}
            Some(_) => self.found_twin(from, batch),
            // Somebody restored our backup on another machine while this one runs.
            None => {
                self.found_older(from, batch)?;
                self.found_twin(from, batch);
            }
        }
        Ok(())
    }

    /// Takes a receipt that we gave before our ledger was put back: the time in it is when we had those acts.
    pub(crate) fn take_returned(&mut self, bytes: &[u8], batch: &mut Append) -> Result<(), NodeError> {
        if self.fence.declared.is_none() {
            return Ok(()); // nothing was lost here that it could bring back
        }
        let own = self.book.cards(&self.me()).ok_or(NodeError::UnknownPartner(self.me()))?;
        let (receipt, verified) = Receipt::read(bytes, &own)?;
        for e in &receipt.entries {
            let Held::Held { at } = e.held else { continue };
            let id = e.act.to_string();
            let before = self.store.record(RECEIVED, &id)?.and_then(|r| String::from_utf8_lossy(&r.data).parse::<i64>().ok());
            if before.is_none_or(|b| at.0 < b) {
                batch.records.push(put(RECEIVED, &id, at.0.to_string().into_bytes()));
            }
        }
        batch.entries.push(Entry::receipt_returned(&verified));
        Ok(())
    }

    /// Hands a restored partner its own receipts for acts that it is about to get again, and the mechanism they need.
    pub(crate) fn return_receipts(&self, to: ServiceId, acts: &[ActId], batch: &mut Append) -> Result<(), NodeError> {
        let mut receipts = BTreeSet::new();
        for act in acts.iter().take(RECEIPTS_BACK) {
            receipts.extend(self.store.receipts_of(act)?.into_iter().filter(|h| h.service == to).map(|h| h.receipt));
        }
        for pos in receipts {
            let Some(entry) = self.store.entries(pos, 1)?.pop() else { continue };
            batch.queue.push(Queued { recipient: to, what: Outgoing::Note(Piece::Returned { signed: entry.signed }.encode()) });
        }
        Ok(())
    }
}
