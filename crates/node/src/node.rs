//! The node: dossiers in memory, what is staged for the disk, and the one door to the ledger.
//!
//! 1 a door stages a batch and folds it in memory, 2 `commit` stores all staged batches in one transaction, 3 only then is
//! anybody told. Where storing fails, memory is thrown away and read anew from the ledger: nothing was promised.

use crate::across::{LinkIndex, note_links};
use crate::book::Book;
use crate::carry::Carry;
use crate::error::NodeError;
use crate::exhibit::Exhibits;
use crate::fence::Fence;
use crate::officer::Officer;
use crate::outbound::Traffic;
use crate::recover::RECEIVED;
use base::{ActId, Digest, DossierId, Entropy, Instant, MechanismId, ServiceId, UnixMs};
use dossier::accord::Terms;
use dossier::{AccordRef, Act, Deed, Dossier, Mechanism, Opening, Verdict, shipped};
use seal::{Cards, Keys, Signed, Typ};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use store::{Append, Appended, Body, DossierRow, Entry, LogLine, RecordOp, Store, StoreError};

/// Dossiers that are kept in memory between uses.
const DOSSIERS_KEPT: usize = 2_000;
/// Documents read at a time.
pub(crate) const PAGE: usize = 500;
/// Kind and id of the document that says where this node was moved; a node with it does not start.
pub const MOVED: (&str, &str) = ("node", "moved");

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tz name of the place where officers work.
    pub zone: String,
    /// Bytes that dossiers kept in memory may take together, as [`Dossier::weight`] counts them. The one used last stays, however large
    /// it is; one that is not there is read from the ledger when it is wanted, all of its acts.
    pub memory: usize,
}

/// A staged batch; [`Node::commit`] says what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ticket(pub(crate) u64);

/// What became of staged batches.
pub type Committed = Vec<(Ticket, Result<Appended, StoreError>)>;

/// One service's node.
pub struct Node {
    pub(crate) keys: Keys,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) book: Book,
    pub(crate) settings: Settings,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) mechanisms: BTreeMap<MechanismId, Arc<Mechanism>>,
    pub(crate) officers: Vec<Officer>,
    pub(crate) traffic: Traffic,
    pub(crate) exhibits: Exhibits,
    /// Cards and revocations of ours that a partner has not receipted, as pieces, oldest first.
    pub(crate) notices: BTreeMap<ServiceId, Vec<Vec<u8>>>,
    /// Partners to which we speak under our acting card although they have not receipted it: they may have it by hand.
    pub(crate) tried: BTreeSet<ServiceId>,
    /// With whom we do not speak for now.
    pub(crate) suspended: BTreeMap<ServiceId, crate::suspend::Suspension>,
    pub(crate) carry: Carry,
    pub(crate) clock: crate::clocks::OwnClock,
    /// What proving said of mechanisms that do not come with the program: nothing, or the first fault.
    pub(crate) proofs: BTreeMap<MechanismId, Option<crate::intent::Unproved>>,
    pub(crate) refusals: crate::refusals::Refusals,
    dossiers: HashMap<DossierId, (Dossier, u64)>,
    /// Dossiers whose acts wait because an accord is not here as their opener had seen it, by that accord.
    awaiting: HashMap<DossierId, BTreeSet<DossierId>>,
    /// Acts that came before their dossier's opening in the same group, so that the disk does not have them yet.
    pub(crate) early: HashMap<DossierId, Vec<Arc<Act>>>,
    touched: HashSet<DossierId>,
    staged: Vec<(Ticket, Append)>,
    /// Proposals that a staged batch decides.
    pub(crate) decided: HashSet<String>,
    /// Why nothing that is staged may be stored: our disk failed in the middle of a door's work.
    broken: Option<StoreError>,
    /// Whether memory could not be read anew after a failure.
    behind: bool,
    next: u64,
    uses: u64,
    /// Which dossiers name which; none until somebody asks.
    pub(crate) links: Option<LinkIndex>,
    /// Counts changes that give the courier something to do.
    pub(crate) news: u64,
    pub(crate) fence: Fence,
    pub(crate) hits: crate::hits::Hits,
}

impl Node {
    /// Opens the node on its store: cards, mechanisms, officers, and a fresh range of parcel numbers.
    pub fn open(store: Arc<dyn Store>, keys: Keys, settings: Settings, entropy: Box<dyn Entropy>, now: UnixMs) -> Result<Node, NodeError> {
        now.in_zone(&settings.zone)?;
        let mut node = Node {
            book: Book::default(),
            mechanisms: BTreeMap::new(),
            officers: Vec::new(),
            traffic: Traffic::default(),
            exhibits: Exhibits::default(),
            notices: BTreeMap::new(),
            tried: BTreeSet::new(),
            suspended: BTreeMap::new(),
            carry: Carry::default(),
            clock: Default::default(),
            proofs: BTreeMap::new(),
            refusals: Default::default(),
            dossiers: HashMap::new(),
            awaiting: HashMap::new(),
            links: None,
            early: HashMap::new(),
            touched: HashSet::new(),
            staged: Vec::new(),
            decided: HashSet::new(),
            broken: None,
            behind: false,
            next: 0,
            uses: 0,
            news: 0,
            fence: Fence::default(),
            hits: Default::default(),
            keys,
            store,
            settings,
            entropy,
        };
        if let Some(moved) = node.store.record(MOVED.0, MOVED.1)? {
            return Err(NodeError::Moved(String::from_utf8_lossy(&moved.data).into_owned()));
        }
        node.read_documents()?;
        node.note_ledger_time()?;
        node.begin(now)?;
        if node.store.record(store::REBUILDING.0, store::REBUILDING.1)?.is_some() {
            tracing::warn!("a rebuild was cut short; it is done again before anything else");
            node.rebuild(now, &mut |_, _| ())?;
        }
        Ok(node)
    }

    /// Reads the documents that memory holds; where one cannot be read, memory stays as it was.
    fn read_documents(&mut self) -> Result<(), NodeError> {
        let corrupt = |what: &str| NodeError::Corrupt(what.to_owned());
        let mut all_cards = Vec::new();
        for record in self.documents("cards")? {
            let chain: Vec<minicbor::bytes::ByteVec> = minicbor::decode(&record.data).map_err(|_| corrupt("a partner's cards"))?;
            all_cards.push(Cards::chain(chain.iter().map(|b| b.as_slice()))?);
        }
        self.read_revocations(&mut all_cards)?;
        let mut mechanisms: BTreeMap<MechanismId, Arc<Mechanism>> = shipped().iter().map(|m| (m.hash, Arc::clone(m))).collect();
        for record in self.documents("mechanism")? {
            let m = Mechanism::parse(&record.data)?;
            mechanisms.insert(m.hash, Arc::new(m));
        }
        let mut officers = Vec::new();
        for record in self.documents("officer")? {
            officers.push(serde_json::from_slice(&record.data).map_err(|_| corrupt("an officer"))?);
        }
        let mut awaiting: HashMap<DossierId, BTreeSet<DossierId>> = HashMap::new();
        for record in self.documents("awaiting")? {
            let (dossier, accord) = (record.id.parse()?, String::from_utf8_lossy(&record.data).parse()?);
            awaiting.entry(accord).or_default().insert(dossier);
        }
        self.read_exhibits()?;
        let (notices, suspended) = (self.read_notices()?, self.read_suspended()?);
        self.book.replace(all_cards);
        (self.notices, self.suspended) = (notices, suspended);
        self.tell_book();
        let fence = self.read_fence()?;
        (self.mechanisms, self.officers, self.awaiting, self.fence) = (mechanisms, officers, awaiting, fence);
        Ok(())
    }

    /// Files our own newest card if it is new, and takes the next incarnation, so that no parcel number comes twice.
    fn begin(&mut self, now: UnixMs) -> Result<(), NodeError> {
        let incarnation = match self.store.record("node", "incarnation")? {
            Some(r) => String::from_utf8_lossy(&r.data).parse::<u32>().map_err(|_| NodeError::Corrupt("the incarnation".to_owned()))? + 1,
            None => 1,
        };
        self.traffic.begin(incarnation);
        let mut batch = Append::new(now);
        batch.records.push(put("node", "incarnation", incarnation.to_string().into_bytes()));
        self.stage_news(&mut batch, &[])?;
        self.stage(batch);
        self.recover(now)?;
        self.commit().into_iter().try_for_each(|(_, r)| r.map(drop))?;
        Ok(())
    }

    /// Returns our service's id.
    pub fn me(&self) -> ServiceId {
        self.keys.service()
    }

    /// Returns the address book.
    pub fn book(&self) -> Book {
        self.book.clone()
    }

    /// Returns our keys.
    pub fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// Returns the store, to read.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Counts changes that give the courier something to do.
    pub fn news(&self) -> u64 {
        self.news
    }

    /// Puts a moment into the node's zone.
    pub fn local(&self, at: UnixMs) -> Result<Instant, NodeError> {
        Ok(at.in_zone(&self.settings.zone)?)
    }

    /// Returns all documents of a kind.
    pub(crate) fn documents(&self, kind: &str) -> Result<Vec<store::Record>, StoreError> {
        let mut all: Vec<store::Record> = Vec::new();
        loop {
            let page = self.store.records(kind, all.last().map(|r| r.id.as_str()), PAGE)?;
            let last = page.len() < PAGE;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// Puts a service's cards into the book, the documents and, the newest, into the ledger.
    pub(crate) fn stage_cards(&mut self, batch: &mut Append, cards: Cards) {
        let chain: Vec<minicbor::bytes::ByteVec> = cards.iter_bytes().map(|b| b.to_vec().into()).collect();
        let bytes = minicbor::to_vec(&chain).expect("encoding into memory cannot fail");
        batch.entries.extend(Entry::card(&cards, cards.latest().number));
        batch.records.push(put("cards", &cards.service().to_string(), bytes));
        self.book.put(cards);
        self.news += 1;
    }

    /// Stages a batch for the next commit.
    pub(crate) fn stage(&mut self, batch: Append) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.staged.push((ticket, batch));
        ticket
    }

    /// Stores everything staged in one transaction and says what became of each batch.
    pub fn commit(&mut self) -> Committed {
        let (tickets, batches): (Vec<Ticket>, Vec<Append>) = self.staged.drain(..).unzip();
        let broken = self.broken.take();
        if tickets.is_empty() && broken.is_none() && !self.behind {
            return Vec::new();
        }
        let fail = |e: StoreError| tickets.iter().map(|_| Err(e.clone())).collect();
        let results: Vec<Result<Appended, StoreError>> = match broken {
            Some(e) => {
                self.behind = true;
                fail(e)
            }
            None if batches.is_empty() => Vec::new(),
            None => self.store.append(batches).unwrap_or_else(fail),
        };
        let whole = results.iter().all(Result::is_ok);
        if !whole || self.behind {
            self.forget_touched();
        }
        self.traffic.committed(whole);
        self.fence.gone_back.clear();
        self.hits.committed(whole && !self.behind);
        self.clear_shelves(whole);
        if !whole {
            self.carry.forget();
        }
        if !self.behind {
            self.touched.clear();
        }
        self.early.clear();
        self.decided.clear();
        self.shed();
        tickets.into_iter().zip(results).collect()
    }

    /// Stages the smallest thing that can be stored, to find out whether the disk takes writes again.
    pub fn probe(&mut self, now: UnixMs) -> Ticket {
        let mut batch = Append::new(now);
        batch.records.push(put("node", "probe", now.0.to_string().into_bytes()));
        self.stage(batch)
    }

    /// Throws all of memory away and reads it anew from the disk.
    pub fn reload(&mut self) {
        self.dossiers.clear();
        self.forget_touched();
    }

    /// Throws away what memory holds beyond the disk.
    fn forget_touched(&mut self) {
        for id in &self.touched {
            self.dossiers.remove(id);
        }
        self.hits = Default::default();
        let read = self.read_documents();
        self.behind = read.is_err();
        if let Err(e) = read {
            tracing::error!(code = e.code(), "the documents cannot be read anew, which is tried again: {e}");
        }
    }

    /// Takes back everything that is staged: memory went ahead of what can be told from our disk.
    pub(crate) fn spoil(&mut self, e: &NodeError) {
        if let Some(e) = e.failure() {
            self.broken.get_or_insert(e);
        }
    }

    /// Takes a dossier out of memory that was only tried out.
    pub(crate) fn drop_dossier(&mut self, id: &DossierId) {
        self.dossiers.remove(id);
    }

    /// Keeps the dossiers used last.
    fn shed(&mut self) {
        let bytes: usize = self.dossiers.values().map(|d| d.0.weight()).sum();
        if self.dossiers.len() <= DOSSIERS_KEPT && bytes <= self.settings.memory {
            return;
        }
        let mut uses: Vec<(u64, usize)> = self.dossiers.values().map(|d| (d.1, d.0.weight())).collect();
        uses.sort_unstable_by(|a, b| b.cmp(a));
        // Down to three quarters of both, so that this is not done again with the next act.
        let mut bytes = 0;
        let kept = uses.iter().take(DOSSIERS_KEPT / 4 * 3).take_while(|(_, weight)| {
            bytes += weight;
            bytes <= self.settings.memory / 4 * 3
        });
        let least = kept.last().map_or(uses[0].0, |(used, _)| *used);
        self.dossiers.retain(|_, d| d.1 >= least);
    }

    /// Returns how many dossiers are in memory and about how many bytes they take.
    pub fn memory(&self) -> (usize, usize) {
        (self.dossiers.len(), self.dossiers.values().map(|d| d.0.weight()).sum())
    }

    /// Returns a dossier, reading it from the ledger where it is not in memory.
    pub(crate) fn dossier(&mut self, id: &DossierId) -> Result<Option<&mut Dossier>, NodeError> {
        self.uses += 1;
        if !self.dossiers.contains_key(id) {
            let Some(read) = self.read_dossier(id)? else { return Ok(None) };
            self.dossiers.insert(*id, (read, self.uses));
        }
        let uses = self.uses;
        Ok(self.dossiers.get_mut(id).map(|d| {
            d.1 = uses;
            &mut d.0
        }))
    }

    /// Returns a dossier that is in memory.
    pub(crate) fn held(&self, id: &DossierId) -> Option<&Dossier> {
        self.dossiers.get(id).map(|d| &d.0)
    }

    /// Takes a dossier out of memory; it is read from the ledger when it is next wanted.
    pub(crate) fn forget(&mut self, id: &DossierId) {
        self.dossiers.remove(id);
    }

    /// Empties the memory of dossiers.
    pub(crate) fn forget_all(&mut self) {
        self.dossiers.clear();
        self.awaiting.clear();
    }

    /// Marks a dossier as ahead of the disk until the next commit.
    pub(crate) fn touch(&mut self, id: DossierId) {
        self.touched.insert(id);
    }

    pub(crate) fn put_dossier(&mut self, dossier: Dossier) {
        self.uses += 1;
        self.dossiers.insert(dossier.id(), (dossier, self.uses));
    }

    fn read_dossier(&mut self, id: &DossierId) -> Result<Option<Dossier>, NodeError> {
        let filed = self.store.acts_of(id)?;
        let mut acts = Vec::with_capacity(filed.len());
        for f in &filed {
            acts.push((read_act(f)?, &f.verdict, f.pos));
        }
        let opening = acts.iter().find_map(|(a, v, _)| match &a.head().deed {
            Deed::Open(o) if **v != store::Verdict::Waiting => Some(o.clone()),
            _ => None,
        });
        let Some(opening) = opening else { return Ok(None) };
        let mut dossier = self.new_dossier(&opening)?.ok_or_else(|| NodeError::Corrupt(format!("the mechanism of dossier {id}")))?;
        // In ledger order every act comes after what it has seen, except those that had to wait.
        acts.sort_by_key(|(_, _, pos)| *pos);
        let mut open: Vec<(Arc<Act>, &store::Verdict)> = acts.into_iter().map(|(a, v, _)| (Arc::new(a), v)).collect();
        loop {
            let before = open.len();
            open.retain(|(act, verdict)| {
                let settled = match verdict {
                    store::Verdict::Valid => Some(Verdict::Valid),
                    store::Verdict::Void(code) => Some(Verdict::Void(code.clone())),
                    _ => None,
                };
                let Some(settled) = settled else { return true };
                let h = act.head();
                let here = (h.seq == 1 || dossier.act(&h.prev).is_some()) && dossier.holds(&h.seen);
                if here {
                    dossier.restore(Arc::clone(act), settled);
                }
                !here
            });
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        for (act, verdict) in open {
            match verdict {
                store::Verdict::Waiting => dossier.hold(act),
                _ => return Err(NodeError::Corrupt(format!("act {} lacks what it has seen", act.id()))),
            }
        }
        Ok(Some(dossier))
    }

    /// Begins a dossier in memory: its mechanism, and its accord as the opener had seen it. None where the mechanism is not known.
    pub(crate) fn new_dossier(&mut self, opening: &Opening) -> Result<Option<Dossier>, NodeError> {
        let Some(mechanism) = self.mechanisms.get(&opening.mechanism).cloned() else { return Ok(None) };
        let terms = match &opening.accord {
            None => Ok(None),
            Some(a) => match self.dossier(&a.dossier)? {
                Some(accord) => Terms::at(accord, &a.seen).map(|t| Some(Arc::new(t))),
                None => Err(dossier::Refusal::Accord("this node has no such accord")),
            },
        };
        Ok(Some(Dossier::new(opening.clone(), mechanism, terms)))
    }

    /// Tells whether an accord is here at least as its reference names it.
    pub(crate) fn has_accord(&mut self, reference: &AccordRef) -> Result<bool, NodeError> {
        Ok(self.dossier(&reference.dossier)?.is_some_and(|d| d.holds(&reference.seen)))
    }

    /// Remembers that a dossier waits for an accord.
    pub(crate) fn await_accord(&mut self, batch: &mut Append, dossier: DossierId, accord: DossierId) {
        if self.awaiting.entry(accord).or_default().insert(dossier) {
            batch.records.push(put("awaiting", &dossier.to_string(), accord.to_string().into_bytes()));
        }
    }

    /// Tells whether dossiers wait for an accord.
    pub(crate) fn is_awaited(&self, accord: &DossierId) -> bool {
        self.awaiting.contains_key(accord)
    }

    /// Takes the dossiers that waited for an accord.
    pub(crate) fn awaited(&mut self, accord: &DossierId) -> BTreeSet<DossierId> {
        self.awaiting.remove(accord).unwrap_or_default()
    }

    /// Writes a dossier's row for lists.
    pub(crate) fn row(&mut self, id: &DossierId, now: UnixMs) -> Result<Option<DossierRow>, NodeError> {
        let Some(d) = self.dossier(id)? else { return Ok(None) };
        let root = d.state().item(&d.root());
        let summary = serde_json::json!({
            "title": root.map(|r| title(&r.fields)).unwrap_or_default(),
            "mechanism": d.mechanism().id,
            "parties": d.opening().parties.iter().map(|p| serde_json::json!({ "service": p.service, "role": p.role })).collect::<Vec<_>>(),
            "forks": d.forks().len(),
            "links": dossier::links(d).iter().map(|l| serde_json::json!([l.dossier, l.relation])).collect::<Vec<_>>(),
        });
        let row = DossierRow {
            id: *id,
            mechanism: d.mechanism().hash,
            accord: d.opening().accord.as_ref().map_or(Digest::default(), |a| *a.dossier.as_ref()),
            opened_at: root.map_or(now, |r| r.at.at),
            updated_at: now,
            phase: root.and_then(|r| d.state().phase_name(r)).unwrap_or("void").to_owned(),
            closed: root.is_none_or(|r| d.state().ended(r)),
            summary: summary.to_string().into_bytes(),
        };
        if let Some(index) = &mut self.links {
            note_links(index, *id, &summary);
        }
        Ok(Some(row))
    }

    /// Tells when a party received an act: we by our own ledger, others by the time in their signed receipt.
    pub(crate) fn received(&self, act: &ActId, service: &ServiceId) -> Option<UnixMs> {
        if *service == self.me() {
            let here = self.store.act(act).ok().flatten().map(|a| a.at);
            // After a restoration our own returned receipt tells when the act was here first.
            let before = match self.fence.declared {
                Some(_) => self.store.record(RECEIVED, &act.to_string()).ok().flatten(),
                None => None,
            };
            let before = before.and_then(|r| String::from_utf8_lossy(&r.data).parse().ok()).map(UnixMs);
            return here.map(|h| before.map_or(h, |b| h.min(b)));
        }
        let holding = self.store.receipts_of(act).ok()?.into_iter().find(|h| h.service == *service)?;
        let entry = self.store.entries(holding.receipt, 1).ok()?.pop()?;
        let signed = Signed::parse(&entry.signed, Typ::Receipt, seal::RECEIPT_BYTES_MAX).ok()?;
        let receipt: seal::Receipt = base::cbor::from_slice(signed.payload(), seal::RECEIPT_BYTES_MAX).ok()?;
        receipt.entries.iter().find(|e| e.act == *act).and_then(|e| match e.held {
            seal::Held::Held { at } => Some(at),
            seal::Held::Refused { .. } => None,
        })
    }
}

/// The field under which a dossier is listed.
fn title(fields: &base::cbor::Map<dossier::Value>) -> String {
    let pick = ["title", "reference"].into_iter().find_map(|f| fields.get(f));
    match pick {
        Some(dossier::Value::Text(t)) => t.text.clone(),
        Some(dossier::Value::Line(l)) => l.clone(),
        _ => String::new(),
    }
}

/// Decodes a filed act.
pub(crate) fn read_act(filed: &store::Act) -> Result<Act, NodeError> {
    let signed = Signed::parse(&filed.signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512)?;
    let body = match &filed.body {
        Body::Held(bytes) => Some(bytes.as_slice()),
        Body::Erased | Body::Absent => None,
    };
    Ok(Act::decode(signed.payload(), body)?)
}

/// Puts a document.
pub(crate) fn put(kind: &str, id: &str, data: Vec<u8>) -> RecordOp {
    RecordOp::Put { kind: kind.to_owned(), id: id.to_owned(), data }
}

/// A line for the local log.
pub(crate) fn log(kind: &str, what: serde_json::Value) -> LogLine {
    LogLine { kind: kind.to_owned(), data: what.to_string().into_bytes() }
}
