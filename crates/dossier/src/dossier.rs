//! A dossier folded from its acts: independent of the order of arrival, of duplicates and of restarts.
//!
//! An act is judged once everything that it has seen is here, on exactly that state; so its verdict depends on its causal
//! past alone and never changes. Two acts of one author with one number are a fork: from there on that author's acts stay
//! evidence and fold to nothing, whatever came first.

use crate::accord::Terms;
use crate::act::{AccordRef, Act, Deed, Head, Mark, Opening, Signatory, VERSION, root_item};
use crate::guard::{self, Refusal};
use crate::mechanism::Mechanism;
use crate::state::State;
use base::{ActId, BodyId, DossierId, Instant, ItemId, ServiceId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What the guard said of an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The act counts.
    Valid,
    /// The act folds to nothing, by the code of the refusal.
    Void(String),
}

impl Verdict {
    /// Returns `valid` or `void:<code>`, the form in which verdicts are kept.
    pub fn as_text(&self) -> String {
        match self {
            Verdict::Valid => "valid".to_owned(),
            Verdict::Void(code) => format!("void:{code}"),
        }
    }

    /// Reads the form in which verdicts are kept.
    pub fn from_text(text: &str) -> Option<Verdict> {
        match text {
            "valid" => Some(Verdict::Valid),
            _ => text.strip_prefix("void:").map(|code| Verdict::Void(code.to_owned())),
        }
    }
}

/// Acts of one author that are lacking: a range of numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Want {
    /// The author.
    pub author: ServiceId,
    /// The first number.
    pub from: u64,
    /// The last number.
    pub to: u64,
}

impl Want {
    /// All acts of a party up to a mark: what to ask for where nothing of the dossier is here.
    pub fn up_to(mark: &Mark) -> Want {
        Want { author: mark.party, from: 1, to: mark.seq }
    }
}

/// Two or more acts of one author with one number: proof of equivocation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fork {
    /// The author.
    pub author: ServiceId,
    /// The number.
    pub seq: u64,
    /// The acts, in the order of their ids.
    pub acts: Vec<ActId>,
    /// Whether fewer than two of them are judged yet, so that what is folded does not depend on it.
    pub waits: bool,
}

/// An act that was judged; only such an act can be folded.
#[derive(Clone, Debug)]
#[must_use]
pub struct Checked {
    act: Arc<Act>,
    verdict: Verdict,
    refusal: Option<Refusal>,
}

impl Checked {
    /// Returns the verdict.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Returns the act.
    pub fn act(&self) -> &Arc<Act> {
        &self.act
    }

    /// Returns why the act is void.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}

/// What came of judging an act.
#[derive(Debug)]
pub enum Judged {
    /// It was here already.
    Known,
    /// It builds on acts that are not here yet.
    Waiting(Vec<Want>),
    /// It can be folded.
    Ready(Checked),
}

struct Filed {
    act: Arc<Act>,
    verdict: Verdict,
    order: usize,
}

/// One run of a mechanism among parties.
pub struct Dossier {
    id: DossierId,
    mechanism: Arc<Mechanism>,
    opening: Opening,
    terms: Option<Arc<Terms>>,
    void: Option<&'static str>,
    filed: HashMap<ActId, Filed>,
    chains: Vec<BTreeMap<u64, BTreeSet<ActId>>>,
    /// The first number at which each party's chain forks.
    forked: Vec<Option<u64>>,
    waiting: BTreeMap<ActId, Arc<Act>>,
    /// The waiting acts by party and number.
    numbered: BTreeMap<(usize, u64), BTreeSet<ActId>>,
    /// The first number of each party under which there are two acts, of which one waited when the other came.
    doubled: Vec<Option<u64>>,
    front: State,
    views: Vec<State>,
    weight: usize,
}

/// Bytes of memory that an act takes beside its content: its head decoded, its place in the chain, its item in one view.
const ACT_WEIGHT: usize = 1200;
/// Bytes of memory that an item takes in each further view.
const ITEM_WEIGHT: usize = 450;

impl Dossier {
    /// Begins a dossier with what its opening says; the opening act itself is then judged and folded like any other.
    ///
    /// `terms` are the accord's, at the marks that the opening names; a refusal makes every act of the dossier void.
    pub fn new(opening: Opening, mechanism: Arc<Mechanism>, terms: Result<Option<Arc<Terms>>, Refusal>) -> Dossier {
        let (terms, void) = match terms {
            Ok(terms) => (terms, None),
            Err(Refusal::Accord(why)) => (None, Some(why)),
            Err(_) => (None, Some("the accord cannot be read as its opener had seen it")),
        };
        let front = State::new(Arc::clone(&mechanism), &opening);
        let n = opening.parties.len();
        Dossier {
            id: opening.dossier(),
            views: vec![front.clone(); n],
            chains: vec![BTreeMap::new(); n],
            forked: vec![None; n],
            doubled: vec![None; n],
            numbered: BTreeMap::new(),
            mechanism,
            opening,
            terms,
            void,
            filed: HashMap::new(),
            waiting: BTreeMap::new(),
            weight: 0,
            front,
        }
    }

    /// Returns its id.
    pub fn id(&self) -> DossierId {
        self.id
    }

    /// Returns the root item's id.
    pub fn root(&self) -> ItemId {
        root_item(self.id)
    }

    /// Returns its mechanism.
    pub fn mechanism(&self) -> &Arc<Mechanism> {
        &self.mechanism
    }

    /// Returns its opening.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Returns the accord's terms; none for an accord.
    pub fn terms(&self) -> Option<&Terms> {
        self.terms.as_deref()
    }

    /// Returns about how many bytes of memory this dossier takes; what it shares with others left out.
    pub fn weight(&self) -> usize {
        self.weight
    }

    fn weigh(&mut self, act: &Act) {
        self.weight += act.bytes() + ACT_WEIGHT + ITEM_WEIGHT * self.views.len();
    }

    /// Returns the state folded from everything here.
    pub fn state(&self) -> &State {
        &self.front
    }

    /// Returns an act that was judged.
    pub fn act(&self, id: &ActId) -> Option<(&Act, &Verdict)> {
        self.filed.get(id).map(|f| (&*f.act, &f.verdict))
    }

    /// Goes over the judged acts of one author by number, forks included.
    pub fn chain(&self, author: &ServiceId) -> impl Iterator<Item = (&Act, &Verdict)> {
        let chain = self.front.party(author).map(|p| &self.chains[p]);
        chain.into_iter().flat_map(|c| c.values().flatten()).filter_map(|id| self.act(id))
    }

    /// Returns the last judged act of one author.
    pub fn last(&self, author: &ServiceId) -> Option<&Act> {
        let chain = &self.chains[self.front.party(author)?];
        let (_, acts) = chain.iter().next_back()?;
        acts.first().and_then(|id| self.filed.get(id)).map(|f| &*f.act)
    }

    /// Returns the highest number of an author that is here, judged or waiting; 0 where nothing is.
    pub fn chain_end(&self, author: &ServiceId) -> u64 {
        let judged = self.last(author).map_or(0, |a| a.head().seq);
        self.waiting().filter(|a| a.head().author == *author).map(|a| a.head().seq).fold(judged, u64::max)
    }

    /// Goes over all judged acts in an order that every node finds alike: causes first, then by time and id.
    pub fn timeline(&self) -> Vec<(&Act, &Verdict)> {
        self.in_time().into_iter().map(|(act, verdict)| (&**act, verdict)).collect()
    }

    pub(crate) fn in_time(&self) -> Vec<(&Arc<Act>, &Verdict)> {
        let mut queues: Vec<Vec<&Filed>> = self.chains.iter().map(|c| c.values().flatten().filter_map(|id| self.filed.get(id)).collect()).collect();
        queues.iter_mut().for_each(|q| q.reverse());
        let mut reached: HashMap<ServiceId, u64> = HashMap::new();
        let mut out = Vec::with_capacity(self.filed.len());
        loop {
            let ready = |f: &&Filed| f.act.head().seen.iter().all(|m| reached.get(&m.party).is_some_and(|n| *n >= m.seq));
            let key = |f: &Filed| (f.act.head().at.at, f.act.id());
            let next = (0..queues.len()).filter_map(|q| queues[q].last().copied().filter(ready).map(|f| (key(f), q))).min();
            let Some((_, q)) = next else { return out };
            let f = queues[q].pop().expect("seen above");
            reached.insert(f.act.head().author, f.act.head().seq);
            out.push((&f.act, &f.verdict));
        }
    }

    /// Returns the acts that wait for others.
    pub fn waiting(&self) -> impl Iterator<Item = &Act> {
        self.waiting.values().map(|a| &**a)
    }

    /// Returns what is lacking so that waiting acts can be judged.
    pub fn wants(&self) -> Vec<Want> {
        let mut all: BTreeMap<ServiceId, Want> = BTreeMap::new();
        for want in self.waiting.values().flat_map(|a| self.lacking(a)) {
            let entry = all.entry(want.author).or_insert(want);
            *entry = Want { author: want.author, from: entry.from.min(want.from), to: entry.to.max(want.to) };
        }
        all.into_values().collect()
    }

    /// Returns what another party has folded and is lacking here, or stands otherwise here: a range by author.
    pub fn lacks(&self, marks: &[Mark]) -> Vec<Want> {
        marks.iter().filter_map(|m| self.lack(m)).collect()
    }

    /// Returns the proofs that a party spoke with two tongues: of each that did, the first number that is judged twice; where there is none,
    /// the first under which an act waits beside another. It proves as much, and changes nothing of what is folded.
    pub fn forks(&self) -> Vec<Fork> {
        let fork = |p: usize| {
            let (seq, waits) = self.forked[p].map(|seq| (seq, false)).or(self.doubled[p].map(|seq| (seq, true)))?;
            Some(Fork { author: self.opening.parties[p].service, seq, acts: self.under(p, seq).into_iter().collect(), waits })
        };
        (0..self.forked.len()).filter_map(fork).collect()
    }

    /// Returns the last act of every party that is folded in, ordered by party: what another dossier names as seen.
    pub fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> =
            self.opening.parties.iter().zip(&self.front.marks).filter(|(_, m)| m.0 > 0).map(|(p, m)| Mark { party: p.service, seq: m.0, act: m.1 }).collect();
        marks.sort();
        marks
    }

    /// Returns the accord reference that names this accord as it stands here.
    pub fn as_accord(&self) -> AccordRef {
        AccordRef { dossier: self.id, seen: self.marks() }
    }

    /// Returns the state at some marks; none where they name acts that are not here.
    pub fn state_at(&self, seen: &[Mark]) -> Option<State> {
        let mut state = State::new(Arc::clone(&self.mechanism), &self.opening);
        self.advance(&mut state, seen.iter().copied()).then_some(state)
    }

    /// Tells whether everything that some marks name is here.
    pub fn holds(&self, seen: &[Mark]) -> bool {
        seen.iter().all(|m| self.filed.contains_key(&m.act))
    }

    /// Writes the head of an own act on the state as it stands here: number, predecessor and what was seen.
    pub fn draft(&self, author: ServiceId, at: Instant, by: Signatory, second: Option<Signatory>, deed: Deed, body: BodyId) -> Head {
        let own = self.last(&author);
        let mut seen: BTreeMap<ServiceId, Mark> = self.marks().into_iter().map(|m| (m.party, m)).collect();
        let before = own.map(|a| a.head().seen.clone()).unwrap_or_default();
        // A party that forked is frozen in front, yet what was seen of it before the fork came out cannot be unseen.
        let built_on = seen.values().filter_map(|m| self.filed.get(&m.act)).flat_map(|f| f.act.head().seen.clone());
        for m in before.into_iter().chain(built_on.collect::<Vec<_>>()) {
            let entry = seen.entry(m.party).or_insert(m);
            if entry.seq < m.seq {
                *entry = m;
            }
        }
        seen.remove(&author);
        let (seq, prev) = own.map_or((1, ActId::default()), |a| (a.head().seq + 1, a.id()));
        Head { version: VERSION, dossier: self.id, author, seq, prev, seen: seen.into_values().collect(), at, by, second, deed, body }
    }

    /// Judges an act on what its author had seen; changes nothing but caches.
    pub fn judge(&mut self, act: Arc<Act>) -> Judged {
        if self.filed.contains_key(&act.id()) {
            return Judged::Known;
        }
        if self.front.party(&act.head().author).is_some() {
            let wants = self.lacking(&act);
            if !wants.is_empty() {
                return Judged::Waiting(wants);
            }
        }
        let refusal = self.verdict(&act).err();
        let verdict = refusal.as_ref().map_or(Verdict::Valid, |r| Verdict::Void(r.code().to_owned()));
        Judged::Ready(Checked { act, verdict, refusal })
    }

    /// Takes an act that this node's own ledger already holds with its verdict: its content may have been erased since.
    pub fn restore(&mut self, act: Arc<Act>, verdict: Verdict) {
        self.fold(Checked { act, verdict, refusal: None });
    }

    /// Keeps an act until what it builds on is here.
    pub fn hold(&mut self, act: Arc<Act>) {
        self.weigh(&act);
        if let Some(p) = self.front.party(&act.head().author) {
            self.numbered.entry((p, act.head().seq)).or_default().insert(act.id());
            self.note_double(p, act.head().seq);
        }
        self.waiting.insert(act.id(), act);
    }

    fn under(&self, p: usize, seq: u64) -> BTreeSet<ActId> {
        self.chains[p].get(&seq).into_iter().chain(self.numbered.get(&(p, seq))).flatten().copied().collect()
    }

    fn note_double(&mut self, p: usize, seq: u64) {
        if self.doubled[p].is_none_or(|first| seq < first) && self.numbered.contains_key(&(p, seq)) && self.under(p, seq).len() > 1 {
            self.doubled[p] = Some(seq);
        }
    }

    /// Folds a judged act in.
    pub fn fold(&mut self, checked: Checked) {
        let Checked { act, verdict, .. } = checked;
        let Some(p) = self.front.party(&act.head().author) else { return };
        if self.waiting.remove(&act.id()).is_none() {
            self.weigh(&act);
        } else if let Entry::Occupied(mut waiting) = self.numbered.entry((p, act.head().seq)) {
            waiting.get_mut().remove(&act.id());
            if waiting.get().is_empty() {
                waiting.remove();
            }
        }
        let order = self.filed.len();
        let valid = verdict == Verdict::Valid;
        let (seq, id) = (act.head().seq, act.id());
        if self.filed.insert(id, Filed { act: Arc::clone(&act), verdict, order }).is_some() {
            return;
        }
        let here = self.chains[p].entry(seq).or_default();
        here.insert(id);
        let judged = here.len();
        self.note_double(p, seq);
        if judged > 1 {
            self.forked[p] = Some(self.forked[p].map_or(seq, |before| before.min(seq)));
            if self.front.marks[p].0 >= seq {
                self.refold();
            }
        } else if self.forked[p].is_none() && self.front.marks[p] == (seq - 1, act.head().prev) {
            self.front.apply(&act, valid);
        }
    }

    /// Judges and folds an act, and all that waited for it; returns the verdicts in order.
    pub fn file(&mut self, act: Arc<Act>) -> Vec<Checked> {
        let mut done = Vec::new();
        let mut next = vec![act];
        while let Some(act) = next.pop() {
            match self.judge(Arc::clone(&act)) {
                Judged::Known => {}
                Judged::Waiting(_) => self.hold(act),
                Judged::Ready(checked) => {
                    self.fold(checked.clone());
                    done.push(checked);
                    next.extend(self.waiting.values().filter(|w| self.lacking(w).is_empty()).cloned().collect::<Vec<_>>());
                }
            }
        }
        done
    }

    /// Works the state out anew, each chain up to where it forks.
    fn refold(&mut self) {
        let mut fresh = State::new(Arc::clone(&self.mechanism), &self.opening);
        let ends: Vec<u64> = self.forked.iter().map(|f| f.unwrap_or(u64::MAX)).collect();
        let mut acts: Vec<&Filed> =
            self.filed.values().filter(|f| self.front.party(&f.act.head().author).is_some_and(|p| f.act.head().seq < ends[p])).collect();
        acts.sort_by_key(|f| f.order);
        for f in acts {
            fresh.apply(&f.act, f.verdict == Verdict::Valid);
        }
        self.front = fresh;
    }

    fn lacking(&self, act: &Act) -> Vec<Want> {
        let head = act.head();
        let prev = (head.seq > 1).then_some(Mark { party: head.author, seq: head.seq - 1, act: head.prev });
        prev.iter().chain(&head.seen).filter_map(|m| self.lack(m)).collect()
    }

    /// Tells what is lacking so that a mark's act is here.
    fn lack(&self, m: &Mark) -> Option<Want> {
        let p = self.front.party(&m.party)?;
        if self.filed.contains_key(&m.act) {
            return None;
        }
        let have = self.chains[p].keys().next_back().copied().unwrap_or(0);
        Some(Want { author: m.party, from: have.saturating_add(1).min(m.seq), to: m.seq })
    }

    fn verdict(&mut self, act: &Act) -> Result<(), Refusal> {
        let head = act.head();
        if let Deed::Open(opening) = &head.deed
            && *opening == self.opening
        {
            if let Some(why) = self.void {
                return Err(Refusal::Accord(why));
            }
            return guard::judge_opening(act, opening, &self.mechanism, self.terms.as_deref());
        }
        let author = self.front.party(&head.author).ok_or(Refusal::NotParty)?;
        self.past_is_sound(act)?;
        let fresh = self.front_like();
        let mut view = std::mem::replace(&mut self.views[author], fresh);
        let own = (head.seq > 1).then_some(Mark { party: head.author, seq: head.seq - 1, act: head.prev });
        let sound = self.advance(&mut view, own.into_iter().chain(head.seen.iter().copied()));
        let verdict = if sound { guard::judge(act, &view, self.terms.as_deref()) } else { Err(Refusal::SeenFalse) };
        self.views[author] = view;
        verdict
    }

    fn front_like(&self) -> State {
        State::new(Arc::clone(&self.mechanism), &self.opening)
    }

    /// Checks what an act claims to have seen: true marks, never less than before, and whole.
    fn past_is_sound(&self, act: &Act) -> Result<(), Refusal> {
        let head = act.head();
        let fits = |m: &Mark| self.filed.get(&m.act).is_some_and(|f| f.act.head().seq == m.seq && f.act.head().author == m.party);
        if !head.seen.iter().all(fits) {
            return Err(Refusal::SeenFalse);
        }
        let seen = |party: &ServiceId| if *party == head.author { head.seq - 1 } else { head.seen.iter().find(|m| m.party == *party).map_or(0, |m| m.seq) };
        if head.seq > 1 {
            let prev = &self.filed.get(&head.prev).ok_or(Refusal::SeenFalse)?.act;
            if prev.head().author != head.author || prev.head().seq + 1 != head.seq {
                return Err(Refusal::SeenFalse);
            }
            if prev.head().seen.iter().any(|m| seen(&m.party) < m.seq) {
                return Err(Refusal::SeenRegress);
            }
            if prev.head().at.at > head.at.at {
                return Err(Refusal::TimeBack);
            }
        }
        let gap = |m: &Mark| self.filed[&m.act].act.head().seen.iter().any(|deeper| seen(&deeper.party) < deeper.seq);
        if head.seen.iter().any(gap) { Err(Refusal::SeenGap) } else { Ok(()) }
    }

    /// Brings a state forward to some marks, along the branches that they name; starts afresh where the state is on another, or has more.
    ///
    /// It has more where its author signed on a second branch, having seen less there than on the first, or nothing: what was folded for the
    /// first is no part of that act's past, and whichever came earlier here must not matter.
    fn advance(&self, state: &mut State, marks: impl Iterator<Item = Mark> + Clone) -> bool {
        let mut asked = vec![0; state.marks.len()];
        for mark in marks.clone() {
            let Some(p) = state.party(&mark.party) else { return false };
            asked[p] = mark.seq;
        }
        if state.marks.iter().zip(&asked).any(|(here, asked)| here.0 > *asked) {
            *state = self.front_like();
        }
        let mut steps: Vec<&Filed> = Vec::new();
        for mark in marks.clone() {
            let Some(p) = state.party(&mark.party) else { return false };
            let (stop_seq, stop) = state.marks[p];
            let mut at = mark.act;
            while let Some(f) = self.filed.get(&at).filter(|f| f.act.head().seq > stop_seq) {
                steps.push(f);
                at = f.act.head().prev;
            }
            if at != stop {
                return if state.marks.iter().all(|m| m.0 == 0) {
                    false
                } else {
                    *state = self.front_like();
                    self.advance(state, marks)
                };
            }
        }
        steps.sort_by_key(|f| f.order);
        for f in steps {
            state.apply(&f.act, f.verdict == Verdict::Valid);
        }
        true
    }
}
