//! What this node knows of each exhibit: which acts name it, which of its chunks are here, and what partners lack of it.
//!
//! One local document for each exhibit. Names come from acts that count, one for each dossier and author, and are its reference
//! count: without a name that stands, the content goes. Chunks count only once the document says so, which it does in the
//! transaction of their receipt.

use crate::error::NodeError;
use crate::node::{Node, log, put};
use crate::piece::Piece;
use crate::ranges::Ranges;
use crate::shelves::{Shelves, Taken};
use base::{ActId, DossierId, ExhibitId, ServiceId, UnixMs, chunk_count, hex};
use dossier::{Checked, Exhibit, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{Append, Outgoing, Queued, RecordOp, Shelf, Vault};

/// Exhibits that one node knows.
const EXHIBITS_KEPT_MAX: usize = 100_000;
/// Dossiers and authors that may name one exhibit.
const NAMES_MAX: usize = 1_000;
/// Hours for which a file that was added is kept before an act names it.
const UNNAMED_HOURS: i64 = 24;
/// The kind of the local documents.
const KIND: &str = "exhibit";
/// Why an exhibit is not taken: its author has used up what the accord permits.
pub(crate) const QUOTA: &str = "refusal.exhibit.quota";

/// An exhibit as its document says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) size: u64,
    pub(crate) names: Vec<Name>,
    /// The shelf's name and wrapped key, hexadecimal; without it the content is gone or has not begun to come.
    shelf: Option<(String, String)>,
    pub(crate) have: Ranges,
    /// Since when all of it is here.
    pub(crate) since: Option<UnixMs>,
    /// Why it is not taken.
    pub(crate) refused: Option<String>,
    /// When a chunk last came, or when it was first named.
    pub(crate) moved: UnixMs,
    /// Since when its content is erased here.
    pub(crate) gone: Option<UnixMs>,
    /// What partners have said of it.
    pub(crate) others: BTreeMap<ServiceId, Other>,
    /// Chunks that left for a partner by file, and do not leave so again unless it is asked for.
    pub(crate) carried: BTreeMap<ServiceId, Ranges>,
}

/// An act that names the exhibit, the first of its author in its dossier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) dossier: DossierId,
    pub(crate) accord: Option<DossierId>,
    pub(crate) act: ActId,
    pub(crate) author: ServiceId,
    pub(crate) parties: Vec<ServiceId>,
    pub(crate) name: String,
    pub(crate) media: String,
    /// Since when the content is not kept for this dossier any more.
    pub(crate) released: Option<UnixMs>,
}

/// An exhibit as one partner stands to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Other {
    /// Chunks that it has asked for and not receipted.
    pub(crate) lacking: Ranges,
    /// When it last asked or receipted a chunk.
    pub(crate) moved: UnixMs,
    /// Since when it holds all of it, by its own signed receipt.
    pub(crate) since: Option<UnixMs>,
    /// Why it does not take it.
    pub(crate) refused: Option<String>,
}

/// When a partner was last asked for an exhibit.
pub(crate) struct Asked {
    pub(crate) turn: usize,
    pub(crate) at: UnixMs,
    pub(crate) in_vain: u32,
}

/// All exhibits, in memory; documents and shelves hold what lasts.
#[derive(Default)]
pub(crate) struct Exhibits {
    pub(crate) shelves: Option<Shelves>,
    pub(crate) kept: BTreeMap<ExhibitId, Kept>,
    /// Those that we may have and have not whole.
    pub(crate) lacking: BTreeSet<ExhibitId>,
    /// Those of which a partner lacks chunks that are here.
    pub(crate) owing: BTreeSet<(ServiceId, ExhibitId)>,
    pub(crate) asked: HashMap<ExhibitId, Asked>,
    /// Chunks that are on their way to a partner.
    pub(crate) flying: HashMap<(ServiceId, ExhibitId), BTreeSet<u32>>,
    /// Documents that change with the parcel in hand.
    pub(crate) changed: BTreeSet<ExhibitId>,
    /// Shelves that go once the batch that lets them go is durable.
    doomed: Vec<String>,
}

impl Kept {
    fn new(size: u64, now: UnixMs) -> Kept {
        let (names, others, carried) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Kept { size, names, shelf: None, have: Ranges::default(), since: None, refused: None, moved: now, gone: None, others, carried }
    }

    pub(crate) fn chunks(&self) -> u32 {
        chunk_count(self.size).unwrap_or(0)
    }

    pub(crate) fn shelf(&self) -> Option<Shelf> {
        let (name, key) = self.shelf.as_ref()?;
        Some(Shelf { name: name.clone(), key: hex::decode(key)? })
    }

    /// Returns how many bytes are here.
    pub(crate) fn bytes(&self) -> u64 {
        bytes_of(&self.have, self.size)
    }

    /// Returns the names for which the content is kept.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(|n| n.released.is_none())
    }

    pub(crate) fn named_in(&self, dossier: &DossierId) -> Option<&Name> {
        self.names.iter().find(|n| n.dossier == *dossier)
    }

    /// Tells whether a service is a party of a dossier that names it.
    pub(crate) fn concerns(&self, service: &ServiceId) -> bool {
        self.standing().any(|n| n.parties.contains(service))
    }
}

/// Returns how many bytes some chunks of an exhibit have.
pub(crate) fn bytes_of(chunks: &Ranges, size: u64) -> u64 {
    let last = chunk_count(size).map_or(0, |n| n - 1);
    let short = if chunks.has(last) { base::CHUNK_BYTES as u64 - base::chunk_bytes(size, last).unwrap_or(0) as u64 } else { 0 };
    u64::from(chunks.count()) * base::CHUNK_BYTES as u64 - short
}

impl Exhibits {
    /// Works out anew what is lacking and owed of one exhibit.
    pub(crate) fn index(&mut self, id: ExhibitId) {
        self.owing.retain(|(_, e)| *e != id);
        self.lacking.remove(&id);
        let Some(kept) = self.kept.get(&id) else { return };
        // Our own too: after a restore, or where the disk has damaged it, other parties may still hold it.
        if kept.since.is_none() && kept.refused.is_none() && kept.gone.is_none() && kept.standing().next().is_some() {
            self.lacking.insert(id);
        }
        if kept.since.is_some() {
            self.owing.extend(kept.others.iter().filter(|(_, o)| !o.lacking.is_empty()).map(|(s, _)| (*s, id)));
        }
    }

    fn document(&self, id: &ExhibitId) -> RecordOp {
        match self.kept.get(id) {
            Some(kept) => put(KIND, &id.to_string(), serde_json::to_vec(kept).expect("plain data has a JSON form")),
            None => RecordOp::Delete { kind: KIND.to_owned(), id: id.to_string() },
        }
    }
}

impl Node {
    /// Keeps exhibits in a vault from now on. Shelves that no document knows are taken away; an exhibit whose shelf is gone, as after
    /// a restore, is fetched anew from the parties that hold it.
    pub fn keep_exhibits(&mut self, vault: Arc<dyn Vault>, now: UnixMs) -> Result<(), NodeError> {
        let present: BTreeSet<String> = vault.names()?.into_iter().collect();
        let known: BTreeSet<&String> = self.exhibits.kept.values().filter_map(|k| k.shelf.as_ref().map(|s| &s.0)).collect();
        for orphan in present.iter().filter(|n| !known.contains(n)) {
            vault.remove(orphan)?;
        }
        self.exhibits.shelves = Some(Shelves::new(vault));
        let gone = |k: &Kept| k.shelf.as_ref().is_some_and(|s| !present.contains(&s.0));
        let lost: Vec<ExhibitId> = self.exhibits.kept.iter().filter(|(_, k)| gone(k)).map(|(id, _)| *id).collect();
        let mut batch = Append::new(now);
        for id in lost {
            let Some(kept) = self.exhibits.kept.get_mut(&id) else { continue };
            (kept.shelf, kept.have, kept.since) = (None, Ranges::default(), None);
            let code = NodeError::ExhibitDamaged { exhibit: id, index: 0 }.code();
            batch.logs.push(log("incident", serde_json::json!({ "code": code, "exhibit": id, "what": "its shelf is gone" })));
            self.file_exhibit(id, &mut batch);
        }
        self.expect_anew();
        if batch.records.is_empty() {
            return Ok(());
        }
        self.stage(batch);
        Ok(self.commit().into_iter().try_for_each(|(_, r)| r.map(drop))?)
    }

    /// Returns the handle by which chunks are written and read beside the node; none where it keeps no exhibits.
    pub fn shelves(&self) -> Option<Shelves> {
        self.exhibits.shelves.clone()
    }

    pub(crate) fn vault_or_refuse(&self) -> Result<Shelves, NodeError> {
        self.exhibits.shelves.clone().ok_or(NodeError::ExhibitNoVault)
    }

    /// Reads the documents of all exhibits.
    pub(crate) fn read_exhibits(&mut self) -> Result<(), NodeError> {
        let mut kept = BTreeMap::new();
        for record in self.documents(KIND)? {
            let one: Kept = serde_json::from_slice(&record.data).map_err(|_| NodeError::Corrupt("an exhibit's document".to_owned()))?;
            kept.insert(record.id.parse()?, one);
        }
        let ids: Vec<ExhibitId> = kept.keys().copied().collect();
        let before = std::mem::take(&mut self.exhibits);
        self.exhibits = Exhibits { kept, shelves: before.shelves, asked: before.asked, flying: before.flying, ..Exhibits::default() };
        ids.into_iter().for_each(|id| self.exhibits.index(id));
        self.expect_anew();
        Ok(())
    }

    fn expect_anew(&self) {
        let Some(shelves) = &self.exhibits.shelves else { return };
        let lacking = self.exhibits.lacking.iter().filter_map(|id| self.exhibits.kept.get(id).and_then(|k| Some((*id, (k.shelf()?, k.size)))));
        shelves.expect_only(lacking.collect());
    }

    /// Writes an exhibit's document with a batch, and works out what follows from it.
    pub(crate) fn file_exhibit(&mut self, id: ExhibitId, batch: &mut Append) {
        self.exhibits.index(id);
        batch.records.push(self.exhibits.document(&id));
        self.news += 1;
    }

    /// Writes the documents of all exhibits that the parcel in hand has changed.
    pub(crate) fn file_changed_exhibits(&mut self, batch: &mut Append) {
        for id in std::mem::take(&mut self.exhibits.changed) {
            self.file_exhibit(id, batch);
        }
    }

    /// Takes shelves away that a durable batch let go; after a failure they stay, for memory is read anew.
    pub(crate) fn clear_shelves(&mut self, whole: bool) {
        let doomed = std::mem::take(&mut self.exhibits.doomed);
        let Some(shelves) = self.exhibits.shelves.as_ref().filter(|_| whole) else { return };
        for name in doomed {
            if let Err(e) = shelves.vault().remove(&name) {
                tracing::error!(code = e.code(), "an erased exhibit's file stays, unreadable, until the next start: {e}");
            }
        }
    }

    /// Notes the exhibits that acts name which now count.
    pub(crate) fn name_exhibits(&mut self, done: &[Checked], batch: &mut Append) {
        for checked in done.iter().filter(|c| *c.verdict() == Verdict::Valid) {
            let act = checked.act();
            let named: Vec<Exhibit> = act.body().into_iter().flat_map(|b| b.exhibits()).cloned().collect();
            let dossier = act.head().dossier;
            let Some(d) = self.held(&dossier).filter(|_| !named.is_empty()) else { continue };
            let (accord, party_max) = d.terms().map_or((None, None), |t| (Some(t.accord), t.exhibits.party_bytes_max));
            let parties: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).collect();
            for e in named {
                let (name, media) = (e.name.clone(), e.media.clone());
                let name = Name { dossier, accord, act: act.id(), author: act.head().author, parties: parties.clone(), name, media, released: None };
                self.name_exhibit(&e, name, party_max, batch);
            }
        }
    }

    fn name_exhibit(&mut self, e: &Exhibit, name: Name, party_max: Option<u64>, batch: &mut Append) {
        let (me, dossier, author, accord) = (self.me(), name.dossier, name.author, name.accord);
        let full = self.exhibits.kept.len() >= EXHIBITS_KEPT_MAX && !self.exhibits.kept.contains_key(&e.id);
        let kept = self.exhibits.kept.entry(e.id).or_insert_with(|| Kept::new(e.size, batch.at));
        if kept.have.is_empty() {
            // A size is proved by the first chunk that fits it; until then whoever named it before may have named it wrongly.
            kept.size = e.size;
        }
        if kept.size != e.size || full || kept.names.len() >= NAMES_MAX {
            let contradicts = kept.size != e.size;
            let code = if contradicts { "peer.exhibit.size" } else { NodeError::ExhibitRoom.code() };
            tracing::warn!(exhibit = %e.id.short(), code, "an act names an exhibit that cannot be taken");
            batch.logs.push(log("incident", serde_json::json!({ "code": code, "exhibit": e.id, "dossier": dossier, "service": author })));
            if full {
                self.exhibits.kept.remove(&e.id);
            }
            return;
        }
        kept.names.retain(|n| n.released.is_none() || (n.dossier, n.author) != (dossier, author));
        if !kept.names.iter().any(|n| (n.dossier, n.author) == (dossier, author)) {
            kept.names.push(name);
        }
        if kept.gone.take().is_some() {
            kept.carried.clear();
            (kept.have, kept.since, kept.moved) = (Ranges::default(), None, batch.at);
        }
        kept.refused = None;
        let here = kept.since.is_some();
        if author != me {
            let over = !here && party_max.is_some_and(|max| self.exhibit_bytes_of(&author, accord) > max);
            if let Some(kept) = self.exhibits.kept.get_mut(&e.id) {
                kept.refused = over.then(|| QUOTA.to_owned());
            }
            if here || over {
                // The author learns at once that nothing must be sent, or why nothing will be taken.
                self.tell_exhibit(author, dossier, e.id, over.then(|| QUOTA.to_owned()), batch);
            }
        }
        self.file_exhibit(e.id, batch);
    }

    /// Tells a partner that we hold an exhibit whole, or why we do not take it.
    pub(crate) fn tell_exhibit(&mut self, to: ServiceId, dossier: DossierId, exhibit: ExhibitId, why: Option<String>, batch: &mut Append) {
        let piece = Piece::Seek { dossier, exhibit, lacking: Vec::new(), why };
        batch.queue.push(Queued { recipient: to, what: Outgoing::Note(piece.encode()) });
        self.news += 1;
    }

    /// Sums the exhibits that one party has sent under an accord and that are still kept for it.
    pub(crate) fn exhibit_bytes_of(&self, author: &ServiceId, accord: Option<DossierId>) -> u64 {
        let counts = |k: &&Kept| k.refused.is_none() && k.gone.is_none() && k.standing().any(|n| n.author == *author && n.accord == accord);
        self.exhibits.kept.values().filter(counts).fold(0, |sum, k| sum.saturating_add(k.size))
    }

    /// Keeps a file that an officer added; what is here already is kept once. Returns its address.
    pub fn add_exhibit(&mut self, officer: &crate::Officer, taken: Taken, now: UnixMs) -> Result<(crate::Ticket, ExhibitId), NodeError> {
        self.vault_or_refuse()?;
        let Taken { id, size, shelf } = taken;
        if self.exhibits.kept.len() >= EXHIBITS_KEPT_MAX && !self.exhibits.kept.contains_key(&id) {
            self.exhibits.doomed.push(shelf.name);
            return Err(NodeError::ExhibitRoom);
        }
        let mut batch = Append::new(now);
        batch.logs.push(log("audit", serde_json::json!({ "what": "exhibit added", "exhibit": id, "bytes": size, "by": officer.id })));
        let kept = self.exhibits.kept.entry(id).or_insert_with(|| Kept::new(size, now));
        let spare = match kept.since {
            Some(_) => Some(shelf.name),
            None => {
                let begun = kept.shelf.replace((shelf.name, hex::encode(&shelf.key)));
                kept.size = size;
                (kept.have, kept.since, kept.moved, kept.gone, kept.refused) = (Ranges::below(kept.chunks()), Some(now), now, None, None);
                begun.map(|(name, _)| name)
            }
        };
        self.exhibits.doomed.extend(spare);
        self.exhibit_is_whole(id, &mut batch);
        Ok((self.stage(batch), id))
    }

    /// Follows an exhibit's completion: nothing more is expected, and everybody who named it learns.
    pub(crate) fn exhibit_is_whole(&mut self, id: ExhibitId, batch: &mut Append) {
        if let Some(shelves) = &self.exhibits.shelves {
            shelves.dismiss(&id);
        }
        self.exhibits.asked.remove(&id);
        let me = self.me();
        let names: Vec<(ServiceId, DossierId)> =
            self.exhibits.kept.get(&id).into_iter().flat_map(|k| k.standing()).filter(|n| n.author != me).map(|n| (n.author, n.dossier)).collect();
        for (author, dossier) in names {
            self.tell_exhibit(author, dossier, id, None, batch);
        }
        self.file_exhibit(id, batch);
    }

    /// Gives an exhibit that is to be asked for its shelf, with its document in a batch of its own.
    pub(crate) fn begin_shelf(&mut self, id: ExhibitId, now: UnixMs) -> Result<(), NodeError> {
        let shelves = self.vault_or_refuse()?;
        let Some(kept) = self.exhibits.kept.get_mut(&id).filter(|k| k.shelf.is_none()) else { return Ok(()) };
        let shelf = shelves.vault().begin()?;
        shelves.expect(id, shelf.clone(), kept.size);
        kept.shelf = Some((shelf.name, hex::encode(&shelf.key)));
        let mut batch = Append::new(now);
        batch.records.push(self.exhibits.document(&id));
        self.stage(batch);
        Ok(())
    }

    /// Keeps the content of exhibits for a dossier no longer: all that it names, or some. What nothing else names is erased.
    ///
    /// `forget` also takes the names away, at the end of retention; else they stay, to show what was erased and when.
    pub(crate) fn release_exhibits(&mut self, dossier: &DossierId, only: Option<&BTreeSet<ExhibitId>>, forget: bool, batch: &mut Append) {
        let concerned = |(id, kept): (&ExhibitId, &Kept)| (kept.named_in(dossier).is_some() && only.is_none_or(|o| o.contains(id))).then_some(*id);
        let ids: Vec<ExhibitId> = self.exhibits.kept.iter().filter_map(concerned).collect();
        for id in ids {
            let Some(kept) = self.exhibits.kept.get_mut(&id) else { continue };
            match forget {
                true => kept.names.retain(|n| n.dossier != *dossier),
                false => kept.names.iter_mut().filter(|n| n.dossier == *dossier).for_each(|n| n.released = n.released.or(Some(batch.at))),
            }
            if kept.standing().next().is_none() {
                self.erase_exhibit(id, forget, batch);
            }
            self.file_exhibit(id, batch);
        }
    }

    fn erase_exhibit(&mut self, id: ExhibitId, forget: bool, batch: &mut Append) {
        let Some(kept) = self.exhibits.kept.get_mut(&id) else { return };
        // Without the document's key the file is noise, even where a disk keeps what was deleted.
        self.exhibits.doomed.extend(kept.shelf.take().map(|(name, _)| name));
        (kept.have, kept.since, kept.gone) = (Ranges::default(), None, Some(batch.at));
        kept.others.values_mut().for_each(|o| o.lacking = Ranges::default());
        kept.carried.clear();
        batch.logs.push(log("audit", serde_json::json!({ "what": "exhibit erased", "exhibit": id, "bytes": kept.size })));
        if let Some(shelves) = &self.exhibits.shelves {
            shelves.dismiss(&id);
        }
        if forget && self.exhibits.kept[&id].names.is_empty() {
            self.exhibits.kept.remove(&id);
        }
    }

    /// Erases files that were added and that no act has named since, and takes what was over a quota where there is room again.
    pub(crate) fn sweep_exhibits(&mut self, now: UnixMs) -> Option<crate::Ticket> {
        let mut batch = Append::new(now);
        let stale = |k: &Kept| k.names.is_empty() && now.0 - k.moved.0 >= UNNAMED_HOURS * 3_600_000;
        let unnamed: Vec<ExhibitId> = self.exhibits.kept.iter().filter(|(_, k)| stale(k)).map(|(id, _)| *id).collect();
        for id in unnamed {
            self.erase_exhibit(id, true, &mut batch);
            self.file_exhibit(id, &mut batch);
        }
        let over: Vec<(ExhibitId, Name, u64)> = self
            .exhibits
            .kept
            .iter()
            .filter(|(_, k)| k.refused.as_deref() == Some(QUOTA))
            .filter_map(|(id, k)| Some((*id, k.standing().next()?.clone(), k.size)))
            .collect();
        for (id, name, size) in over {
            let max = self.dossier(&name.dossier).ok().flatten().and_then(|d| d.terms().and_then(|t| t.exhibits.party_bytes_max));
            if max.is_none_or(|max| self.exhibit_bytes_of(&name.author, name.accord).saturating_add(size) <= max)
                && let Some(kept) = self.exhibits.kept.get_mut(&id)
            {
                kept.refused = None;
                self.file_exhibit(id, &mut batch);
            }
        }
        (!batch.records.is_empty()).then(|| self.stage(batch))
    }
}
