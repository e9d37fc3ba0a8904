//! How the content of exhibits travels: in ordinary sealed parcels, asked for by who lacks it, behind everything else.
//!
//! 1 an act names an exhibit, 2 who lacks it asks (`Seek`), the author first and then the other parties in turn, 3 who holds it
//! hands out chunks when no act is due, a few at a time, 4 a receipt says that a chunk is on the disk, and what it says need not
//! go again, 5 once all are, the holder asks `Whole`, and the receipt for that is the partner's signed word on since when it holds it.

use crate::error::NodeError;
use crate::exhibit::{Asked, Other, QUOTA};
use crate::node::{Node, log};
use crate::outbound::{About, Load, Sent};
use crate::piece::{self, Piece};
use crate::ranges::Ranges;
use crate::served::Fate;
use crate::shelves::{Shelves, room};
use base::{CHUNK_BYTES, Digest, DossierId, ExhibitId, ServiceId, UnixMs, chunk_bytes};
use bytes::Bytes;
use seal::Held;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};
use store::{Append, Outgoing, Queued, Shelf, StoreError};

/// Time after which an exhibit of which nothing came is asked for again, of the next party; doubled each time in vain.
const SEEK_AGAIN_MS: i64 = 30_000;
/// How often that time doubles: up to about an hour.
const SEEK_DOUBLINGS_MAX: u32 = 7;
/// Exhibits that one parcel asks for.
const SEEKS_MAX: usize = 50;
/// Parcels with chunks under way to one partner: fewer than the courier carries at once, so that an act always finds room.
const CHUNK_PARCELS_MAX: usize = 3;
/// Chunks in one parcel, once the way has shown that it is not slow.
const CHUNKS_MAX: usize = 2;

/// A chunk that came, written beside the node or not yet.
pub(crate) struct ChunkIn {
    pub(crate) exhibit: ExhibitId,
    pub(crate) size: u64,
    pub(crate) index: u32,
    pub(crate) data: Bytes,
    pub(crate) hash: Digest,
    /// The shelf on which it lies durably, or why not; none while nobody has tried.
    pub(crate) stored: Option<Result<Shelf, StoreError>>,
}

/// A chunk that goes, read when its parcel is sealed.
pub(crate) struct Cut {
    pub(crate) exhibit: ExhibitId,
    pub(crate) shelf: Shelf,
    pub(crate) size: u64,
    pub(crate) index: u32,
}

impl ChunkIn {
    /// Writes chunks that are expected, says so, and makes them durable: one wait for the disk for each exhibit.
    pub(crate) fn shelve<'a>(chunks: impl Iterator<Item = &'a mut ChunkIn>, shelves: &Shelves, written_all: impl FnOnce()) {
        let mut written: Vec<(Shelf, Vec<&mut ChunkIn>)> = Vec::new();
        for chunk in chunks.filter(|c| c.stored.is_none()) {
            let Some(shelf) = shelves.expected(&chunk.exhibit, chunk.size) else { continue };
            match shelves.vault().write(&shelf, chunk.index, &std::mem::take(&mut chunk.data), &chunk.hash) {
                Err(e) => chunk.stored = Some(Err(e)),
                Ok(()) => match written.iter_mut().find(|(s, _)| *s == shelf) {
                    Some((_, chunks)) => chunks.push(chunk),
                    None => written.push((shelf, vec![chunk])),
                },
            }
        }
        written_all();
        for (shelf, chunks) in written {
            let synced = shelves.vault().sync(&shelf);
            chunks.into_iter().for_each(|c| c.stored = Some(synced.clone().map(|()| shelf.clone())));
        }
    }
}

/// Returns about how many bytes of content chunks make.
pub(crate) fn chunks_bytes(cuts: &[Cut]) -> usize {
    cuts.iter().map(|c| chunk_bytes(c.size, c.index).unwrap_or(CHUNK_BYTES) + 1024).sum()
}

/// Reads the chunks of a parcel and writes them behind what is there, as its content.
pub(crate) fn write_chunks(shelves: &Shelves, cuts: &[Cut], content: &mut Vec<u8>) -> Result<(), NodeError> {
    piece::begin(content, cuts.len());
    for c in cuts {
        shelves.write_piece(c.exhibit, &c.shelf, c.size, c.index, content)?;
    }
    Ok(())
}

impl Node {
    // --- what comes in ---

    /// Takes a partner's word on an exhibit: what it lacks, that it lacks nothing, or why it does not take it.
    pub(crate) fn serve_seek(
        &mut self,
        from: ServiceId,
        (dossier, exhibit): (DossierId, ExhibitId),
        (lacking, why): (&[(u32, u32)], Option<String>),
        by_file: bool,
        batch: &mut Append,
    ) -> Result<Fate, NodeError> {
        self.may_speak(from, &dossier, &exhibit)?;
        let kept = self.exhibits.kept.get_mut(&exhibit).ok_or(NodeError::Absent("exhibit"))?;
        let lacking = Ranges::read(lacking, kept.chunks()).ok_or(NodeError::ExhibitRanges)?;
        let why = why.filter(|w| w.len() <= seal::RECEIPT_CODE_BYTES_MAX);
        if !lacking.is_empty() && kept.since.is_none() {
            return Err(NodeError::ExhibitIncomplete);
        }
        let whole = lacking.is_empty() && why.is_none();
        kept.others.insert(from, Other { lacking, moved: batch.at, since: None, refused: why });
        if by_file || whole {
            // Who asks by file has waited in vain for what left so before.
            kept.carried.remove(&from);
        }
        if whole {
            self.ask_whole(from, dossier, exhibit, batch);
        }
        self.exhibits.changed.insert(exhibit);
        Ok(Fate::Held)
    }

    /// Answers whether we hold all of an exhibit: the receipt says since when.
    pub(crate) fn serve_whole(&mut self, from: ServiceId, dossier: DossierId, exhibit: ExhibitId) -> Result<Fate, NodeError> {
        self.may_speak(from, &dossier, &exhibit)?;
        let since = self.exhibits.kept.get(&exhibit).and_then(|k| k.since);
        since.map(Fate::Since).ok_or(NodeError::ExhibitIncomplete)
    }

    /// Lets a partner speak of an exhibit only in a dossier that has both of us and names it; hidden and absent answer alike.
    fn may_speak(&mut self, from: ServiceId, dossier: &DossierId, exhibit: &ExhibitId) -> Result<(), NodeError> {
        let named = self.exhibits.kept.get(exhibit).and_then(|k| k.named_in(dossier));
        match named.is_some_and(|n| n.parties.contains(&from) && n.released.is_none()) {
            true => Ok(()),
            false => Err(NodeError::Absent("exhibit")),
        }
    }

    /// Takes a chunk whose content was verified; its receipt comes after both the disk and the document have it.
    ///
    /// By file nobody can ask first: there an act that counts and names the exhibit is enough.
    pub(crate) fn serve_chunk(&mut self, from: ServiceId, mut chunk: ChunkIn, by_file: bool, batch: &mut Append) -> Result<Fate, NodeError> {
        let ChunkIn { exhibit, size, index, .. } = chunk;
        if by_file {
            self.expect_by_file(from, exhibit, batch.at)?;
        }
        let kept = self.exhibits.kept.get(&exhibit).filter(|k| k.concerns(&from)).ok_or(NodeError::ExhibitUnasked)?;
        if let Some(code) = &kept.refused {
            return Err(if by_file && code == QUOTA { NodeError::ExhibitQuota } else { NodeError::ExhibitUnasked });
        }
        if kept.size != size {
            return Err(NodeError::Chunk { fault: seal::exhibit::ChunkFault::Size, exhibit, index });
        }
        if kept.since.is_some() || kept.have.has(index) {
            return Ok(Fate::Held);
        }
        let shelf = kept.shelf().ok_or(NodeError::ExhibitUnasked)?;
        if chunk.stored.is_none() {
            ChunkIn::shelve(std::iter::once(&mut chunk), &self.vault_or_refuse()?, || ());
        }
        match chunk.stored {
            Some(Ok(on)) if on == shelf => {}
            Some(Ok(_)) | None => return Err(NodeError::ExhibitUnasked),
            Some(Err(e)) => return Err(room(e)),
        }
        let kept = self.exhibits.kept.get_mut(&exhibit).ok_or(NodeError::ExhibitUnasked)?;
        kept.have.insert(index);
        kept.moved = batch.at;
        let whole = kept.have.count() == kept.chunks();
        if whole {
            kept.since = Some(batch.at);
        }
        if let Some(asked) = self.exhibits.asked.get_mut(&exhibit) {
            (asked.at, asked.in_vain) = (batch.at, 0);
        }
        match whole {
            true => self.exhibit_is_whole(exhibit, batch),
            false => drop(self.exhibits.changed.insert(exhibit)),
        }
        Ok(Fate::Held)
    }

    // --- what goes out ---

    /// Returns what of exhibits is due to a partner when nothing else is: first what we ask, then chunks.
    pub(crate) fn load_exhibits(&mut self, to: ServiceId, now: UnixMs) -> Result<Option<Load>, NodeError> {
        let Some(card) = self.sends_to(to, now)?.filter(|_| self.exhibits.shelves.is_some()) else { return Ok(None) };
        let seeks = self.seeks_due(to, now)?;
        let load = if seeks.is_empty() {
            let Some(cuts) = self.cut(to) else { return Ok(None) };
            let objects: Vec<Digest> = cuts.iter().map(|c| piece::chunk_name(&c.exhibit, c.index)).collect();
            let about = cuts.iter().enumerate().map(|(place, c)| (place, About::Chunk(c.exhibit, c.index))).collect();
            for c in &cuts {
                self.exhibits.flying.entry((to, c.exhibit)).or_default().insert(c.index);
            }
            let mut load = self.compose(to, card, Vec::new(), Sent::new(&objects, about), now);
            load.cuts = self.exhibits.shelves.clone().map(|s| (s, cuts));
            load
        } else {
            let objects: Vec<Digest> = seeks.iter().map(Piece::digest).collect();
            let content = piece::join(&seeks.iter().map(Piece::encode).collect::<Vec<_>>());
            self.compose(to, card, content, Sent::new(&objects, BTreeMap::new()), now)
        };
        self.traffic.under_way(to, load.number, load.sent.clone());
        Ok(Some(load))
    }

    /// Writes what is to be asked of a partner now.
    fn seeks_due(&mut self, to: ServiceId, now: UnixMs) -> Result<Vec<Piece>, NodeError> {
        let mut seeks = Vec::new();
        let ids: Vec<ExhibitId> = self.exhibits.lacking.iter().copied().collect();
        for id in ids {
            let Some((dossier, turn)) = self.may_ask(&id, to, now) else { continue };
            let vault = self.vault_or_refuse()?;
            let kept = &self.exhibits.kept[&id];
            let missing = kept.have.missing(kept.chunks());
            let lacks_room = vault.vault().room()? < u64::from(missing.count()).saturating_mul(store::SLOT_BYTES);
            let in_vain = self.exhibits.asked.get(&id).map_or(0, |a| a.in_vain + 1);
            self.exhibits.asked.insert(id, Asked { turn, at: now, in_vain });
            let (lacking, why) = match lacks_room {
                true => (Vec::new(), Some(NodeError::ExhibitRoom.code().to_owned())),
                false => {
                    self.begin_shelf(id, now)?;
                    (missing.pairs(), None)
                }
            };
            seeks.push(Piece::Seek { dossier, exhibit: id, lacking, why });
            if seeks.len() == SEEKS_MAX {
                break;
            }
        }
        Ok(seeks)
    }

    /// Tells whether it is a partner's turn to be asked for an exhibit: in which dossier, and which turn it is.
    fn may_ask(&self, id: &ExhibitId, to: ServiceId, now: UnixMs) -> Option<(DossierId, usize)> {
        let (kept, me) = (self.exhibits.kept.get(id)?, self.me());
        // Authors first: they have it. Other parties may have it by now.
        let authors = kept.standing().map(|n| (n.author, n.dossier));
        let mut seen = BTreeSet::new();
        let all = authors.chain(kept.standing().flat_map(|n| n.parties.iter().map(|p| (*p, n.dossier))));
        let all: Vec<(ServiceId, DossierId)> = all.filter(|s| s.0 != me && seen.insert(*s)).collect();
        let turn = match self.exhibits.asked.get(id) {
            None => 0,
            Some(a) if now.0 - a.at.0 >= SEEK_AGAIN_MS << a.in_vain.min(SEEK_DOUBLINGS_MAX) => a.turn + 1,
            Some(_) => return None,
        };
        let (whose, dossier) = *all.get(turn % all.len().max(1))?;
        (whose == to).then_some((dossier, turn))
    }

    /// Chooses the next chunks for a partner: of the exhibit after the one that was served last, so that none waits for a large one.
    fn cut(&mut self, to: ServiceId) -> Option<Vec<Cut>> {
        let (parcels, window, last) = self.traffic.chunks_under_way(&to);
        if parcels >= window.min(CHUNK_PARCELS_MAX) {
            return None;
        }
        let chunks_max = if window >= CHUNK_PARCELS_MAX { CHUNKS_MAX } else { 1 };
        let after = last.map_or((Unbounded, Unbounded), |l| (Excluded((to, l)), Unbounded));
        let mine = |(s, id): &(ServiceId, ExhibitId)| (*s == to).then_some(*id);
        let later = self.exhibits.owing.range(after).map_while(mine);
        let order: Vec<ExhibitId> = later.chain(self.exhibits.owing.iter().filter_map(mine)).collect();
        for exhibit in order {
            let Some(kept) = self.exhibits.kept.get(&exhibit) else { continue };
            let (Some(shelf), Some(other)) = (kept.shelf(), kept.others.get(&to)) else { continue };
            let flying = self.exhibits.flying.get(&(to, exhibit));
            let free = other.lacking.iter().filter(|i| flying.is_none_or(|f| !f.contains(i)));
            let cuts: Vec<Cut> = free.take(chunks_max).map(|index| Cut { exhibit, shelf: shelf.clone(), size: kept.size, index }).collect();
            if !cuts.is_empty() {
                self.traffic.served_last(to, exhibit);
                return Some(cuts);
            }
        }
        None
    }

    /// Asks a partner for its signed word that it holds an exhibit whole.
    fn ask_whole(&mut self, to: ServiceId, dossier: DossierId, exhibit: ExhibitId, batch: &mut Append) {
        batch.queue.push(Queued { recipient: to, what: Outgoing::Note(Piece::Whole { dossier, exhibit }.encode()) });
        self.news += 1;
    }

    // --- what comes of it ---

    /// Takes back what a parcel carried that was not answered.
    pub(crate) fn exhibits_unanswered(&mut self, to: ServiceId, sent: &Sent) {
        for about in sent.about() {
            if let About::Chunk(exhibit, index) = about {
                self.landed(to, *exhibit, *index);
            }
        }
    }

    fn landed(&mut self, to: ServiceId, exhibit: ExhibitId, index: u32) {
        if let Some(flying) = self.exhibits.flying.get_mut(&(to, exhibit)) {
            flying.remove(&index);
            if flying.is_empty() {
                self.exhibits.flying.remove(&(to, exhibit));
            }
        }
    }

    /// Settles what a receipt says of an exhibit.
    pub(crate) fn settle_exhibit(&mut self, to: ServiceId, about: About, held: &Held, batch: &mut Append) {
        let (exhibit, index) = match about {
            About::Chunk(exhibit, index) => {
                self.landed(to, exhibit, index);
                (exhibit, Some(index))
            }
            About::Whole(exhibit) => (exhibit, None),
        };
        let Some(kept) = self.exhibits.kept.get_mut(&exhibit) else { return };
        let dossier = kept.standing().find(|n| n.parties.contains(&to)).map(|n| n.dossier);
        if let (Held::Refused { code }, Some(index)) = (held, index)
            && code == NodeError::ExhibitEarly.code()
        {
            // It came by file in front of the act: it goes with the next one.
            kept.carried.entry(to).or_default().remove(index);
            self.exhibits.changed.insert(exhibit);
            return;
        }
        let all = Ranges::below(kept.chunks());
        // Of what went by file unasked its receipt is the partner's first word: it takes the exhibit.
        let unasked = || Other { lacking: all, ..Other::default() };
        let other = kept.others.entry(to).or_insert_with(unasked);
        other.moved = batch.at;
        match (held, index) {
            (Held::Held { .. }, Some(index)) => {
                other.lacking.remove(index);
                if other.lacking.is_empty() {
                    kept.carried.remove(&to);
                }
                if other.lacking.is_empty()
                    && let Some(dossier) = dossier
                {
                    self.ask_whole(to, dossier, exhibit, batch);
                }
            }
            (Held::Held { at }, None) => (other.since, other.refused) = (Some(*at), None),
            // It said before that it was whole, and has lost it since; it asks when it wants it again.
            (Held::Refused { .. }, None) => other.since = None,
            (Held::Refused { code }, Some(_)) => {
                (other.lacking, other.refused) = (Ranges::default(), Some(code.clone()));
                if code == "peer.exhibit.chunk" {
                    tracing::error!(partner = %self.book.code(&to), exhibit = %exhibit.short(), "the partner says that a chunk of ours is not the exhibit's");
                    batch.logs.push(log("incident", serde_json::json!({ "code": code, "exhibit": exhibit, "chunk": index, "service": to, "whose": "ours" })));
                }
            }
        }
        self.exhibits.changed.insert(exhibit);
    }

    /// Follows a load that could not be sealed: what it carried is due again, and a chunk that cannot be read is lost here.
    pub fn unsealed(&mut self, to: ServiceId, number: u64, why: &NodeError, now: UnixMs) -> Option<crate::Ticket> {
        if let Some(sent) = self.traffic.take_sent(&to, number) {
            self.exhibits_unanswered(to, &sent);
        }
        let NodeError::ExhibitDamaged { exhibit, index } = why else { return None };
        Some(self.exhibit_damaged(*exhibit, *index, now))
    }

    /// Notes that a chunk cannot be read any more; it is asked for again where another party may hold it.
    pub fn exhibit_damaged(&mut self, exhibit: ExhibitId, index: u32, now: UnixMs) -> crate::Ticket {
        let mut batch = Append::new(now);
        // What was erased while it was on its way out is no damage.
        if let Some(kept) = self.exhibits.kept.get_mut(&exhibit).filter(|k| k.shelf().is_some()) {
            let code = NodeError::ExhibitDamaged { exhibit, index }.code();
            batch.logs.push(log("incident", serde_json::json!({ "code": code, "exhibit": exhibit, "chunk": index })));
            kept.have.remove(index);
            kept.since = None;
            kept.others.values_mut().for_each(|o| o.lacking = Ranges::default());
            if let (Some(shelf), Some(shelves)) = (kept.shelf(), &self.exhibits.shelves) {
                shelves.expect(exhibit, shelf, kept.size);
            }
            self.exhibits.asked.remove(&exhibit);
            self.file_exhibit(exhibit, &mut batch);
        }
        self.stage(batch)
    }
}
