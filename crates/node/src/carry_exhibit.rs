//! Exhibits by carry file: chunks in ordinary parcels, behind the acts, and without a question where none can come first.
//!
//! Out: 1 once the acts of an export are through it is planned: what we lack is asked for where nothing moved for days, and a
//! partner gets the chunks that it lacks or, where it has said nothing yet, all of what we named to it, small exhibits first,
//! 2 chunks are handed out parcel by parcel and read when the parcel is sealed, 3 they have left once the export's files are
//! written: the next export goes on behind them until the partner asks again. In: 4 a chunk is taken where an act that counts
//! names its exhibit. 5 Receipts settle chunks as on the wire, and either way settles what the other still has to send.

use crate::error::NodeError;
use crate::exhibit::Kept;
use crate::exhibit_flow::Cut;
use crate::node::Node;
use crate::outbound::{About, Load, PIECES_MAX, Sent};
use crate::piece::{self, Piece};
use crate::ranges::Ranges;
use base::{CHUNK_BYTES, Digest, ExhibitId, ServiceId, UnixMs, chunk_bytes};
use std::collections::{BTreeMap, VecDeque};
use store::Append;

/// Days in which nothing of an exhibit came, after which a partner is asked for it by file; a medium may be as long on its way.
const SILENCE_DAYS: i64 = 3;
/// Exhibits that one parcel asks for.
const ASKS_MAX: usize = 50;
/// Bytes of a chunk's piece beside the chunk, at most: its proof and what names it.
const PIECE_EXTRA_BYTES: usize = 1024;

/// What of exhibits an export carries, as it stood when the acts were through.
pub(crate) struct Plan {
    asks: VecDeque<ExhibitId>,
    to_go: VecDeque<(ExhibitId, Ranges)>,
    /// What was handed out.
    left: BTreeMap<ExhibitId, Ranges>,
    /// What was handed out last.
    last: Vec<(ExhibitId, u32)>,
}

impl Plan {
    /// Takes back what was handed out last.
    pub(crate) fn put_back(&mut self) {
        for (id, index) in std::mem::take(&mut self.last).into_iter().rev() {
            if self.to_go.front().is_none_or(|(first, _)| *first != id) {
                self.to_go.push_front((id, Ranges::default()));
            }
            self.to_go.iter_mut().take(1).for_each(|(_, ranges)| ranges.insert(index));
            self.left.entry(id).or_default().remove(index);
        }
    }

    /// Hands out the next chunk.
    fn next(&mut self) -> Option<(ExhibitId, u32)> {
        loop {
            let (id, ranges) = self.to_go.front_mut()?;
            match ranges.pop() {
                Some(index) => return Some((*id, index)),
                None => drop(self.to_go.pop_front()),
            }
        }
    }
}

/// Tells what of an exhibit goes to a partner by file: what it lacks, or all of what we named and it has not spoken of.
fn wanted(kept: &Kept, me: &ServiceId, to: &ServiceId) -> Ranges {
    let named_by = |who: &ServiceId| kept.standing().any(|n| n.author == *who && n.parties.contains(to));
    match kept.others.get(to) {
        _ if kept.since.is_none() || !kept.concerns(to) => Ranges::default(),
        Some(other) => other.lacking.clone(),
        None if named_by(me) && !named_by(to) => Ranges::below(kept.chunks()),
        None => Ranges::default(),
    }
}

impl Node {
    /// Counts the exhibits of which a partner lacks content that we would give it by file.
    pub(crate) fn exhibits_wanted_by(&self, to: &ServiceId) -> u64 {
        let me = self.me();
        self.exhibits.kept.values().filter(|k| !wanted(k, &me, to).is_empty()).count() as u64
    }

    /// Returns the next parcel of an export that asks for exhibits or holds chunks, up to `chunks_max` whole ones.
    pub(crate) fn carry_exhibits(&mut self, to: ServiceId, export: u64, chunks_max: usize, now: UnixMs) -> Result<Option<Load>, NodeError> {
        let (Some(shelves), Some(card)) = (self.exhibits.shelves.clone(), self.sends_to(to, now)?) else { return Ok(None) };
        let again = self.export(&to, export)?.again;
        let mut plan = match self.export(&to, export)?.plan.take() {
            Some(plan) => plan,
            None => self.plan_exhibits(to, again, now),
        };
        plan.last.clear();
        let asks: Vec<Piece> = (0..ASKS_MAX).map_while(|_| plan.asks.pop_front()).filter_map(|id| self.ask_by_file(to, id, now)).collect();
        let cuts = if asks.is_empty() { self.cut_for_file(&mut plan, chunks_max) } else { Vec::new() };
        self.export(&to, export)?.plan = Some(plan);
        if !asks.is_empty() {
            let objects: Vec<Digest> = asks.iter().map(Piece::digest).collect();
            let content = piece::join(&asks.iter().map(Piece::encode).collect::<Vec<_>>());
            return Ok(Some(self.compose(to, card, content, Sent::new(&objects, BTreeMap::new()), now)));
        }
        if cuts.is_empty() {
            return Ok(None);
        }
        let objects: Vec<Digest> = cuts.iter().map(|c| piece::chunk_name(&c.exhibit, c.index)).collect();
        let about = cuts.iter().enumerate().map(|(place, c)| (place, About::Chunk(c.exhibit, c.index))).collect();
        let mut load = self.compose(to, card, Vec::new(), Sent::new(&objects, about), now);
        load.cuts = Some((shelves, cuts));
        Ok(Some(load))
    }

    fn plan_exhibits(&self, to: ServiceId, again: bool, now: UnixMs) -> Plan {
        let (all, me) = (&self.exhibits, self.me());
        let silent = |at: UnixMs| now.0 - at.0 >= SILENCE_DAYS * 86_400_000;
        let asks = |id: &&ExhibitId| {
            let due = |k: &Kept| again || silent(k.moved) && self.carry.asked.get(&(to, **id)).is_none_or(|at| silent(*at));
            all.kept.get(*id).is_some_and(|k| k.concerns(&to) && due(k))
        };
        let none = Ranges::default();
        let goes = |(id, k): (&ExhibitId, &Kept)| {
            let carried = k.carried.get(&to).filter(|_| !again).unwrap_or(&none);
            let chunks = wanted(k, &me, &to).without(carried);
            (!chunks.is_empty()).then_some((k.size, *id, chunks))
        };
        let mut to_go: Vec<_> = all.kept.iter().filter_map(goes).collect();
        to_go.sort_by_key(|(size, id, _)| (*size, *id));
        Plan {
            asks: all.lacking.iter().filter(asks).copied().collect(),
            to_go: to_go.into_iter().map(|(_, id, chunks)| (id, chunks)).collect(),
            left: BTreeMap::new(),
            last: Vec::new(),
        }
    }

    /// Writes what we lack of an exhibit, or that there is no room for it.
    fn ask_by_file(&mut self, to: ServiceId, exhibit: ExhibitId, now: UnixMs) -> Option<Piece> {
        let kept = self.exhibits.kept.get(&exhibit)?;
        let dossier = kept.standing().find(|n| n.parties.contains(&to))?.dossier;
        let (lacking, why) = match self.lacks_room(kept) {
            true => (Vec::new(), Some(NodeError::ExhibitRoom.code().to_owned())),
            false => (kept.have.missing(kept.chunks()).pairs(), None),
        };
        self.carry.asked.insert((to, exhibit), now);
        Some(Piece::Seek { dossier, exhibit, lacking, why })
    }

    /// Cuts the next parcel's chunks: as many bytes as that many whole ones have.
    fn cut_for_file(&self, plan: &mut Plan, chunks_max: usize) -> Vec<Cut> {
        let (mut cuts, mut bytes) = (Vec::new(), chunks_max * (CHUNK_BYTES + PIECE_EXTRA_BYTES));
        while cuts.len() < PIECES_MAX {
            let Some((exhibit, index)) = plan.next() else { break };
            // What was erased or damaged meanwhile does not go.
            let Some((shelf, size)) = self.exhibits.kept.get(&exhibit).filter(|k| k.since.is_some()).and_then(|k| Some((k.shelf()?, k.size))) else {
                continue;
            };
            let needed = chunk_bytes(size, index).unwrap_or(CHUNK_BYTES) + PIECE_EXTRA_BYTES;
            plan.last.push((exhibit, index));
            plan.left.entry(exhibit).or_default().insert(index);
            if needed > bytes {
                let whole = std::mem::replace(&mut plan.last, vec![(exhibit, index)]);
                plan.put_back();
                plan.last = whole;
                plan.last.pop();
                break;
            }
            bytes -= needed;
            cuts.push(Cut { exhibit, shelf, size, index });
        }
        cuts
    }

    /// Notes what left with an export whose files are written; returns how many exhibits have chunks that did not.
    pub(crate) fn carry_exhibits_done(&mut self, to: ServiceId, again: bool, plan: Option<Plan>, now: UnixMs, batch: &mut Append) -> usize {
        let plan = plan.unwrap_or_else(|| self.plan_exhibits(to, again, now));
        let anew = self.exhibits.kept.iter().filter(|(_, k)| again && k.carried.contains_key(&to)).map(|(id, _)| *id);
        let changed: Vec<ExhibitId> = anew.chain(plan.left.keys().copied()).collect();
        for id in changed {
            let Some(kept) = self.exhibits.kept.get_mut(&id) else { continue };
            if again {
                kept.carried.remove(&to);
            }
            // A receipt may have come over the line meanwhile; what is settled needs no remembering.
            let left = plan.left.get(&id).filter(|l| !l.is_empty() && kept.since.is_some());
            if let Some(left) = left.filter(|_| kept.others.get(&to).is_none_or(|o| !o.lacking.is_empty())) {
                left.iter().for_each(|n| kept.carried.entry(to).or_default().insert(n));
            }
            self.exhibits.changed.insert(id);
        }
        self.file_changed_exhibits(batch);
        plan.to_go.iter().filter(|(_, chunks)| !chunks.is_empty()).count()
    }

    /// Gives an exhibit that comes by file its shelf, if the disk has room for all of it.
    pub(crate) fn expect_by_file(&mut self, from: ServiceId, exhibit: ExhibitId, now: UnixMs) -> Result<(), NodeError> {
        let Some(kept) = self.exhibits.kept.get(&exhibit) else { return Err(NodeError::ExhibitEarly) };
        if !kept.concerns(&from) || !self.exhibits.lacking.contains(&exhibit) {
            return Ok(());
        }
        if kept.shelf().is_none() && self.lacks_room(kept) {
            return Err(NodeError::ExhibitRoom);
        }
        self.begin_shelf(exhibit, now)
    }
}
