//! Exhibits with content: an officer adds a file, an act names it, and it travels chunk by chunk under every fault.
//!
//! What must hold: a chunk for which there was a receipt is here after any crash; what a node calls whole is, byte for byte, what was
//! added; no chunk goes to whoever is no party of a dossier that names it; in the end whoever may have it has it, if anybody has.

use crate::invariants::Violation;
use crate::station::NAMES;
use crate::world::{CANARY, Moment, World};
use base::{CHUNK_BYTES, Digest, DossierId, ExhibitId, ServiceId};
use node::{Intent, NodeError, Piece};
use seal::Directory;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Body;

/// Files that are added in one run.
const FILES_MAX: usize = 4;
/// Times that a federation waits in the end for whoever asked in vain to ask again, each longer than the longest pause.
const TURNS_MAX: usize = 6;
const PAUSE_MS: i64 = 70 * 60_000;

/// A file that an officer added.
pub struct Content {
    /// All of it.
    pub bytes: Arc<Vec<u8>>,
    /// Who added it.
    by: usize,
    /// Who may have it, by place: whoever is party where somebody wanted to name it.
    parties: BTreeSet<usize>,
}

/// The bytes of one chunk of a file.
fn chunk(bytes: &[u8], index: u32) -> &[u8] {
    bytes.chunks(CHUNK_BYTES).nth(index as usize).unwrap_or_default()
}

impl World {
    pub(crate) fn do_add(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let size = match m.rng.below(8) {
            0..=4 => 1_000 + m.rng.below(200_000),
            5 => CHUNK_BYTES,
            6 => CHUNK_BYTES + 1 + m.rng.below(300_000),
            _ => 2 * CHUNK_BYTES + m.rng.below(200_000),
        };
        let mut bytes = vec![0; size];
        base::Entropy::fill(&mut m.rng, &mut bytes);
        bytes[..CANARY.len()].copy_from_slice(CANARY.as_bytes());
        if self.book.exhibits.len() >= FILES_MAX {
            return Ok(());
        }
        let Some(chief) = self.stations[i].officer("chief") else { return Ok(()) };
        let part = 1 + m.rng.below(400_000);
        let bytes = Arc::new(bytes);
        let content = bytes.clone();
        let done = self.work(i, m, |node, now| {
            let shelves = node.shelves().ok_or(NodeError::ExhibitNoVault)?;
            let mut intake = shelves.take_in()?;
            content.chunks(part).try_for_each(|p| intake.write(p))?;
            node.add_exhibit(&chief, intake.finish()?, now)
        })?;
        let Some((done, committed)) = done else { return Ok(()) };
        match done {
            Ok((ticket, id)) if committed.iter().any(|(t, r)| *t == ticket && r.is_ok()) => {
                self.tell(format!("{} adds a file of {size} bytes, {}", NAMES[i], id.short()));
                self.book.exhibits.insert(id, Content { bytes, by: i, parties: BTreeSet::from([i]) });
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(e) => {
                self.tell(format!("{} cannot add a file: {}", NAMES[i], e.code()));
                self.sound_refusal(i, &e)
            }
        }
    }

    /// Lists the files of which a service has the content, as far as it has said so.
    pub(crate) fn files(&self, i: usize) -> Vec<(ExhibitId, u64)> {
        let chunks = |c: &Content| base::chunk_count(c.bytes.len() as u64).unwrap_or(0);
        let has = |(id, c): &(&ExhibitId, &Content)| c.by == i || (0..chunks(c)).all(|n| self.book.told_chunks[i].contains(&(**id, n)));
        self.book.exhibits.iter().filter(has).map(|(id, c)| (*id, c.bytes.len() as u64)).collect()
    }

    /// Notes who may have the files that an intent names.
    pub(crate) fn may_have(&mut self, intent: &Intent, parties: &[ServiceId]) {
        let (Intent::Open { fields, .. } | Intent::OpenItem { fields, .. } | Intent::Move { fields, .. }) = intent;
        let text = serde_json::to_string(fields).unwrap_or_default();
        let places: Vec<usize> = parties.iter().filter_map(|p| self.place(p)).collect();
        for (_, content) in self.book.exhibits.iter_mut().filter(|(id, _)| text.contains(&id.to_string())) {
            content.parties.extend(&places);
        }
    }

    /// Names all chunks as receipts name them.
    pub(crate) fn chunk_names(&self) -> BTreeMap<Digest, (ExhibitId, u32)> {
        let chunks = |(id, c): (&ExhibitId, &Content)| (0..base::chunk_count(c.bytes.len() as u64).unwrap_or(0)).map(|n| (*id, n)).collect::<Vec<_>>();
        self.book.exhibits.iter().flat_map(chunks).map(|(id, n)| (node::chunk_name(&id, n), (id, n))).collect()
    }

    /// Chunks go to parties only.
    pub(crate) fn chunks_only_for(&self, from: usize, to: usize, parcel: &[u8]) -> Result<(), Violation> {
        if Some(from) == self.liar || self.book.exhibits.is_empty() {
            return Ok(());
        }
        let cards = self.stations[to].running.as_ref().and_then(|r| r.node.book().cards(&self.id(from)));
        let parsed = seal::Parcel::parse(parcel, node::PARCEL_BYTES_MAX).ok();
        let Some(opened) = cards.zip(parsed).and_then(|(cards, p)| p.open(&cards, &self.stations[to].keys).ok()) else { return Ok(()) };
        let pieces: Vec<Piece> = base::cbor::from_slice(opened.plaintext(), node::PARCEL_BYTES_MAX).unwrap_or_default();
        for piece in pieces {
            let Piece::Chunk { exhibit, index, data, .. } = piece else { continue };
            let Some(content) = self.book.exhibits.get(&exhibit) else { continue };
            if !content.parties.contains(&to) {
                let what = format!("{} sends a chunk of {} to {}, which is no party where it is named", NAMES[from], exhibit.short(), NAMES[to]);
                return Err(Violation::new("nothing-for-others", what));
            }
            if chunk(&content.bytes, index) != data {
                return Err(Violation::new("whole-is-whole", format!("{} sends a chunk {index} of {} that is another", NAMES[from], exhibit.short())));
            }
        }
        Ok(())
    }

    /// What a node says it has of files is there, and is what was added.
    pub(crate) fn exhibits_hold(&mut self, i: usize) -> Result<(), Violation> {
        let Some(chief) = self.stations[i].officer("chief").filter(|_| !self.book.exhibits.is_empty()) else { return Ok(()) };
        let now = self.now(i);
        let dossiers: Vec<DossierId> = self.book.parties.iter().filter(|(_, p)| p.contains(&i)).map(|(d, _)| *d).collect();
        let mut whole = Vec::new();
        for dossier in dossiers {
            let told = self.book.told_chunks[i].clone();
            let Some(node) = self.node(i) else { return Ok(()) };
            for view in node.exhibits_of(&dossier).unwrap_or_default() {
                let acknowledged: u64 = told.iter().filter(|t| t.0 == view.id).map(|t| base::chunk_bytes(view.size, t.1).unwrap_or(0) as u64).sum();
                match view.here.state {
                    "held" => whole.push((dossier, view.id)),
                    "coming" if view.here.bytes < acknowledged => {
                        let what = format!("{} has {} bytes of {} and gave receipts for {acknowledged}", NAMES[i], view.here.bytes, view.id.short());
                        return Err(Violation::new("nothing-acknowledged-is-lost", what));
                    }
                    _ => {}
                }
            }
        }
        for (dossier, id) in whole {
            let Some(bytes) = self.book.exhibits.get(&id).map(|c| c.bytes.clone()) else { continue };
            let Some(node) = self.node(i) else { return Ok(()) };
            let not = |what: String| Violation::new("whole-is-whole", format!("{}: {} {what}", NAMES[i], id.short()));
            let (_, reading) = node.read_exhibit(&chief, (&dossier, &id), "to compare", None, now).map_err(|e| not(format!("cannot be read: {e}")))?;
            node.commit();
            let count = base::chunk_count(reading.size()).unwrap_or(0);
            if reading.size() != bytes.len() as u64 {
                return Err(not("has another size".to_owned()));
            }
            for n in 0..count {
                let here = reading.chunk(n).map_err(|e| not(format!("cannot be read: {e}")))?;
                if here != chunk(&bytes, n) {
                    return Err(not(format!("is another in chunk {n}")));
                }
            }
        }
        Ok(())
    }

    /// In the end everybody who may have a file has it, if some honest service has.
    pub(crate) fn exhibits_in_the_end(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        if self.book.exhibits.is_empty() {
            return Ok(());
        }
        for turn in 0.. {
            let lacking = self.lacking_in_the_end()?;
            match lacking {
                None => break,
                Some(what) if turn == TURNS_MAX => return Err(Violation::new("everything-arrives", what)),
                Some(_) => {}
            }
            self.time = self.time.plus_ms(PAUSE_MS);
            self.rest(m)?;
        }
        for i in self.honest() {
            self.exhibits_hold(i)?;
        }
        Ok(())
    }

    /// Names a service that lacks a file which an act that counts there names, and which another honest service has.
    fn lacking_in_the_end(&mut self) -> Result<Option<String>, Violation> {
        let dossiers = self.dossiers();
        let (mut lacking, mut held) = (Vec::new(), BTreeSet::new());
        for (dossier, parties) in &dossiers {
            let liar = self.liar;
            for i in parties.iter().copied().filter(|i| liar != Some(*i)) {
                let Some(node) = self.node(i) else { continue };
                let views = node.exhibits_of(dossier).unwrap_or_default();
                held.extend(views.iter().filter(|v| v.here.state == "held").map(|v| (*dossier, v.id)));
                let named = self.named_in(i, dossier)?;
                for id in named {
                    match views.iter().find(|v| v.id == id).map(|v| v.here.state) {
                        Some("held" | "erased" | "refused") => {}
                        state if !self.cannot_know(i, dossier, parties) => lacking.push((i, *dossier, id, state.unwrap_or("nothing"))),
                        _ => {}
                    }
                }
            }
        }
        let missing = lacking.into_iter().find(|(_, dossier, id, _)| held.contains(&(*dossier, *id)));
        Ok(missing.map(|(i, dossier, id, state)| format!("{} has {state} of {}, which {} names and another party has", NAMES[i], id.short(), dossier.short())))
    }

    /// Lists the files that honest acts name which count at a service and whose content is kept there.
    fn named_in(&self, i: usize, dossier: &DossierId) -> Result<BTreeSet<ExhibitId>, Violation> {
        let Some(store) = self.stations[i].store() else { return Ok(BTreeSet::new()) };
        let acts = store.acts_of(dossier).map_err(|e| Violation::new("stays-sound", e.to_string()))?;
        let mut named = BTreeSet::new();
        for act in acts.iter().filter(|a| a.verdict == store::Verdict::Valid && self.place(&a.author).is_some_and(|p| self.is_true(p))) {
            let Body::Held(body) = &act.body else { continue };
            let Ok(signed) = seal::Signed::parse(&act.signed, seal::Typ::Act, 1 << 20) else { continue };
            let Ok(read) = dossier::Act::decode(signed.payload(), Some(body)) else { continue };
            named.extend(read.body().into_iter().flat_map(|b| b.exhibits()).map(|e| e.id));
        }
        Ok(named)
    }
}
