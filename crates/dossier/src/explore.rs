//! Explores all combinations of stances that an item kind can come into, crossing decisions included.
//!
//! Parties act on what they have seen, and what they have seen may be old. So a step from a combination is possible if its
//! guard holds there, or on any earlier state of the others (a superset of what can happen). Children are explored by
//! themselves first; here each child kind that a rule mentions stands 0 to 2 times, in any of its phases.

use crate::mechanism::{ItemKind, Mechanism, Move, Stance};
use crate::rule::{Facts, Rule};
use crate::state::{PhaseOf, empty_counts, phase};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// Combinations after which exploring stops.
pub const COMBINATIONS_MAX: usize = 200_000;
/// Children of a kind that are explored at once.
const CHILDREN_MAX: usize = 2;
const NONE: u8 = u8::MAX;

/// What exploring a kind taught about it, for the kind above.
#[derive(Default, Clone)]
pub(crate) struct Abstract {
    initial: BTreeSet<u8>,
    edges: BTreeSet<(u8, u8)>,
}

/// One party in the explored configuration.
pub(crate) struct Slot<'m> {
    role: &'m str,
    opener: bool,
    stance: Option<&'m Stance>,
}

/// A combination: each slot's state and each mentioned child kind's children as (slot of the opener, phase).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Combo {
    stances: Vec<u8>,
    children: Vec<Vec<(u8, u8)>>,
}

pub(crate) struct Found {
    pub combos: Vec<Combo>,
    pub phases: Vec<PhaseOf>,
    pub own: Vec<Vec<Option<PhaseOf>>>,
    /// How each combination was first reached: from which, by which step.
    pub before: Vec<Option<(usize, String)>>,
    /// Steps that are possible for parties who know everything.
    pub known_steps: Vec<Vec<usize>>,
    /// All steps, the moves by their place in the kind's list.
    pub moves_taken: BTreeSet<usize>,
    /// Steps that lead out of a final phase: (from, to).
    pub reopened: Vec<(usize, usize)>,
    pub complete: bool,
}

pub(crate) struct Explorer<'m> {
    mechanism: &'m Mechanism,
    pub kind: &'m ItemKind,
    pub slots: Vec<Slot<'m>>,
    children: Vec<(&'m ItemKind, Abstract)>,
    /// Whether a rule asks who opened a child; where none does, who did is left out.
    openers_matter: bool,
    memo: RefCell<HashMap<Vec<u8>, PhaseOf>>,
    guards: RefCell<HashMap<Vec<u8>, bool>>,
    ancestors: HashMap<&'m str, Vec<BTreeSet<u8>>>,
}

impl<'m> Explorer<'m> {
    /// Prepares one configuration: an opener's role and how many parties each role has.
    pub fn new(mechanism: &'m Mechanism, kind: &'m ItemKind, opener: &str, counts: &BTreeMap<&'m str, usize>, known: &HashMap<&str, Abstract>) -> Explorer<'m> {
        let mut slots = Vec::new();
        for (role, n) in counts {
            for i in 0..*n {
                let opener = *role == opener && i == 0;
                slots.push(Slot { role, opener, stance: kind.stance(role).filter(|s| !s.opener_only || opener) });
            }
        }
        let rules = || kind.phases.iter().map(|p| &p.rule).chain(kind.moves.iter().filter_map(|m| m.guard.as_ref()));
        let mentioned = |c: &&ItemKind| rules().any(|r: &Rule| r.mentions(&c.id));
        let children = mechanism.children(&kind.id).filter(mentioned).map(|c| (c, known.get(c.id.as_str()).cloned().unwrap_or_default())).collect();
        let ancestors = kind.stances.iter().map(|s| (s.role.as_str(), ancestors(kind, s))).collect();
        let openers_matter = rules().any(|r| r.reads("own_items"));
        Explorer { mechanism, kind, slots, children, openers_matter, memo: RefCell::default(), guards: RefCell::default(), ancestors }
    }

    /// Describes the configuration for people.
    pub fn describe(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.slots.iter().for_each(|s| *counts.entry(s.role).or_default() += 1);
        let opener = self.slots.iter().find(|s| s.opener).map_or("", |s| s.role);
        let counts = counts.iter().map(|(r, n)| format!("{n} {r}")).collect::<Vec<_>>().join(", ");
        format!("{counts}; opened by {opener}")
    }

    fn initial(&self) -> Combo {
        let state = |s: &Slot<'_>| {
            let stance = s.stance?;
            let first = if s.opener { stance.opener_initial.as_ref().unwrap_or(&stance.initial) } else { &stance.initial };
            place(stance, first)
        };
        Combo { stances: self.slots.iter().map(|s| state(s).unwrap_or(NONE)).collect(), children: vec![Vec::new(); self.children.len()] }
    }

    /// Explores everything that can come about.
    pub fn run(&self) -> Found {
        let mut found = Found {
            combos: Vec::new(),
            phases: Vec::new(),
            own: Vec::new(),
            before: Vec::new(),
            known_steps: Vec::new(),
            moves_taken: BTreeSet::new(),
            reopened: Vec::new(),
            complete: true,
        };
        let mut index: HashMap<Combo, usize> = HashMap::new();
        let mut queue = VecDeque::new();
        let first = self.canonical(self.initial());
        self.visit(first, None, &mut found, &mut index, &mut queue);
        while let Some(at) = queue.pop_front() {
            if found.combos.len() > COMBINATIONS_MAX {
                found.complete = false;
                break;
            }
            let combo = found.combos[at].clone();
            let ended = self.is_end(&found.phases[at]);
            for (next, step, known, taken) in self.steps(&combo, ended) {
                let to = self.visit(self.canonical(next), Some((at, step)), &mut found, &mut index, &mut queue);
                found.moves_taken.extend(taken);
                if known {
                    found.known_steps[at].push(to);
                }
                if ended && !self.is_end(&found.phases[to]) {
                    found.reopened.push((at, to));
                }
            }
        }
        found
    }

    fn visit(&self, combo: Combo, before: Option<(usize, String)>, found: &mut Found, index: &mut HashMap<Combo, usize>, queue: &mut VecDeque<usize>) -> usize {
        if let Some(i) = index.get(&combo) {
            return *i;
        }
        let i = found.combos.len();
        found.phases.push(self.phase(&combo, None));
        found.own.push(self.own_phases(&combo));
        found.before.push(before);
        found.known_steps.push(Vec::new());
        index.insert(combo.clone(), i);
        found.combos.push(combo);
        queue.push_back(i);
        i
    }

    /// Tells whether a phase is final.
    pub fn is_end(&self, phase: &PhaseOf) -> bool {
        matches!(phase, PhaseOf::One(p) if self.kind.phases[*p].ends)
    }

    /// Lists the steps from a combination: where to, in words, whether a party who knows everything could take it, which move.
    fn steps(&self, combo: &Combo, ended: bool) -> Vec<(Combo, String, bool, Option<usize>)> {
        let mut out = Vec::new();
        for (s, slot) in self.slots.iter().enumerate() {
            let Some(stance) = slot.stance else { continue };
            for (m, mv) in self.kind.moves.iter().enumerate().filter(|(_, m)| m.role == slot.role) {
                if !mv.from.iter().any(|f| place(stance, f) == Some(combo.stances[s])) {
                    continue;
                }
                let known = !ended && self.guard_holds(mv, combo, s);
                let stale = !known && self.could_have_seen(mv, combo, s, ended);
                if known || stale {
                    let mut next = combo.clone();
                    next.stances[s] = place(stance, &mv.to).unwrap_or(NONE);
                    let text = format!("{}: {}{}", self.name(s), mv.id, if stale { " (on what it had seen before)" } else { "" });
                    out.push((next, text, known, Some(m)));
                }
            }
        }
        let phase = self.phase(combo, None);
        for (c, (child, known)) in self.children.iter().enumerate() {
            let open_here = match &phase {
                PhaseOf::One(p) => child.open_in.is_empty() || child.open_in.contains(&self.kind.phases[*p].id),
                _ => true,
            };
            if combo.children[c].len() < CHILDREN_MAX && open_here && (!ended || child.outlives) {
                let openers = (0..self.slots.len()).filter(|s| child.opened_by.iter().any(|r| r == self.slots[*s].role));
                for s in openers.take(if self.openers_matter { usize::MAX } else { 1 }) {
                    for p in known.initial.iter().copied().chain(child.phases.is_empty().then_some(0)) {
                        let mut next = combo.clone();
                        next.children[c].push((if self.openers_matter { s as u8 } else { 0 }, p));
                        next.children[c].sort();
                        out.push((next, format!("{}: open {}", self.name(s), child.id), true, None));
                    }
                }
            }
            if !ended || child.outlives {
                for (i, (opener, p)) in combo.children[c].iter().enumerate() {
                    for (_, to) in known.edges.iter().filter(|(from, _)| from == p) {
                        let mut next = combo.clone();
                        next.children[c][i] = (*opener, *to);
                        next.children[c].sort();
                        out.push((next, format!("{} becomes {}", child.id, child.phases[*to as usize].id), true, None));
                    }
                }
            }
        }
        out
    }

    fn name(&self, s: usize) -> String {
        let slot = &self.slots[s];
        let alike = self.slots.iter().filter(|o| o.role == slot.role).count();
        let n = self.slots[..=s].iter().filter(|o| o.role == slot.role).count();
        if alike > 1 { format!("{} {n}", slot.role) } else { slot.role.to_owned() }
    }

    fn guard_holds(&self, m: &Move, combo: &Combo, s: usize) -> bool {
        match &m.guard {
            None => true,
            Some(rule) if rule.reads_fields() => true, // taken both ways
            Some(rule) => {
                let mut key = self.key(combo, Some(s), &|name| rule.reads(name));
                key.extend(rule.source().bytes());
                *self.guards.borrow_mut().entry(key).or_insert_with(|| rule.holds(&self.facts(combo, Some(s))) == Ok(true))
            }
        }
    }

    /// Tells whether an earlier state of the others, as this party may still see it, allows the move.
    fn could_have_seen(&self, m: &Move, combo: &Combo, s: usize, ended: bool) -> bool {
        if !ended && m.guard.as_ref().is_some_and(|r| r.reads("items") || r.reads("own_items")) {
            return true;
        }
        let mut earlier = vec![combo.clone()];
        for (o, slot) in self.slots.iter().enumerate().filter(|(o, _)| *o != s) {
            let (Some(stance), state) = (slot.stance, combo.stances[o]) else { continue };
            let before = &self.ancestors[stance.role.as_str()][state as usize];
            earlier = earlier.iter().flat_map(|c| before.iter().map(move |b| with(c, o, *b))).collect();
        }
        // A child that the party has not seen yet is not there for it.
        let childless = earlier.iter().map(|c| Combo { children: vec![Vec::new(); c.children.len()], ..c.clone() }).collect::<Vec<_>>();
        earlier.into_iter().chain(childless).any(|c| !self.is_end(&self.phase(&c, None)) && self.guard_holds(m, &c, s))
    }

    /// Works out the phase of the whole, or of one party.
    pub fn phase(&self, combo: &Combo, party: Option<usize>) -> PhaseOf {
        let per = party.map(|p| self.slots[p].role);
        let key = self.key(combo, party, &|name| self.kind.family(per).any(|p| p.rule.reads(name)));
        if let Some(known) = self.memo.borrow().get(&key) {
            return known.clone();
        }
        let found = phase(self.kind, per, &self.facts(combo, party));
        self.memo.borrow_mut().insert(key, found.clone());
        found
    }

    /// Writes down what some rules read of a combination, so that each different reading is evaluated once.
    fn key(&self, combo: &Combo, party: Option<usize>, read: &dyn Fn(&str) -> bool) -> Vec<u8> {
        let mut key = vec![party.map_or(0, |p| 1 + self.mechanism.roles.iter().position(|r| r.id == self.slots[p].role).unwrap_or(0) as u8)];
        for role in self.mechanism.roles.iter().filter(|r| read("parties") || read(&r.id)) {
            let at = key.len();
            key.extend(self.slots.iter().zip(&combo.stances).filter(|(s, _)| s.role == role.id).map(|(_, v)| *v));
            key[at..].sort_unstable();
        }
        for child in combo.children.iter().filter(|_| read("items")) {
            key.push(NONE);
            let at = key.len();
            key.extend(child.iter().map(|(_, p)| *p));
            key[at..].sort_unstable();
        }
        if let Some(p) = party {
            for child in combo.children.iter().filter(|_| read("own_items")) {
                key.push(NONE);
                let at = key.len();
                key.extend(child.iter().filter(|(o, _)| *o as usize == p).map(|(_, ph)| *ph));
                key[at..].sort_unstable();
            }
            key.push(if read("me") { combo.stances[p] } else { NONE });
        }
        key
    }

    fn own_phases(&self, combo: &Combo) -> Vec<Option<PhaseOf>> {
        let own = |s: usize| (self.kind.family(Some(self.slots[s].role)).next().is_some() && combo.stances[s] != NONE).then(|| self.phase(combo, Some(s)));
        (0..self.slots.len()).map(own).collect()
    }

    fn facts<'a>(&'a self, combo: &Combo, party: Option<usize>) -> Facts<'a> {
        let mut facts = Facts::default();
        for role in &self.mechanism.roles {
            facts.roles.insert(&role.id, Vec::new());
        }
        for (s, slot) in self.slots.iter().enumerate() {
            if let (Some(stance), true) = (slot.stance, combo.stances[s] != NONE) {
                let state = stance.states[combo.stances[s] as usize].id.as_str();
                facts.roles.entry(slot.role).or_default().push(state);
                facts.parties.push(state);
                if party == Some(s) {
                    facts.me = state;
                }
            }
        }
        for child in self.mechanism.children(&self.kind.id) {
            facts.items.insert(&child.id, empty_counts(child));
            facts.own_items.insert(&child.id, empty_counts(child));
        }
        for ((kind, _), children) in self.children.iter().zip(&combo.children) {
            for (opener, p) in children {
                let name = kind.phases.get(*p as usize).map_or("count", |p| p.id.as_str());
                *facts.items.entry(&kind.id).or_default().entry(name).or_default() += 1;
                if party == Some(*opener as usize) {
                    *facts.own_items.entry(&kind.id).or_default().entry(name).or_default() += 1;
                }
            }
        }
        facts
    }

    /// Sorts parties that are alike, so that combinations which differ only by their order count once.
    fn canonical(&self, combo: Combo) -> Combo {
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        let own = |s: usize| combo.children.iter().map(|c| c.iter().filter(|(o, _)| *o as usize == s).map(|(_, p)| *p).collect::<Vec<_>>()).collect::<Vec<_>>();
        order.sort_by_key(|s| (self.slots[*s].role, !self.slots[*s].opener, combo.stances[*s], own(*s)));
        let mut to = vec![0u8; order.len()];
        order.iter().enumerate().for_each(|(new, old)| to[*old] = new as u8);
        let mut children: Vec<Vec<(u8, u8)>> =
            combo.children.iter().map(|c| c.iter().map(|(o, p)| (if self.openers_matter { to[*o as usize] } else { 0 }, *p)).collect()).collect();
        children.iter_mut().for_each(|c| c.sort());
        Combo { stances: order.iter().map(|s| combo.stances[*s]).collect(), children }
    }

    /// Goes over the whole product of stances, reachable or not, with no children, and returns the first
    /// combination without exactly one phase that is not among those found; and how many were looked at.
    pub fn product(&self, found: &Found) -> (usize, Option<String>) {
        let seen: HashSet<&Combo> = found.combos.iter().collect();
        let mut combos = vec![self.initial()];
        for (s, slot) in self.slots.iter().enumerate() {
            let n = slot.stance.map_or(0, |st| st.states.len());
            if n > 0 {
                combos = combos.iter().flat_map(|c| (0..n).map(move |v| with(c, s, v as u8))).collect();
            }
            if combos.len() > COMBINATIONS_MAX {
                return (0, None);
            }
        }
        let looked = combos.len();
        for combo in combos {
            let combo = self.canonical(combo);
            let one = |p: &PhaseOf| matches!(p, PhaseOf::One(_));
            if !seen.contains(&combo) && (!one(&self.phase(&combo, None)) || self.own_phases(&combo).iter().flatten().any(|p| !one(p))) {
                return (looked, Some(self.in_words(&combo)));
            }
        }
        (looked, None)
    }

    /// Lists role and state of every slot.
    pub fn states(&self, combo: &Combo) -> Vec<(String, String)> {
        let state = |(slot, v): (&Slot<'_>, &u8)| slot.stance.filter(|_| *v != NONE).map(|st| (slot.role.to_owned(), st.states[*v as usize].id.clone()));
        self.slots.iter().zip(&combo.stances).filter_map(state).collect()
    }

    /// Says how everybody stands in a combination.
    pub fn in_words(&self, combo: &Combo) -> String {
        let state = |s: usize| {
            self.slots[s].stance.filter(|_| combo.stances[s] != NONE).map(|st| format!("{} {}", self.name(s), st.states[combo.stances[s] as usize].id))
        };
        let child = |((kind, _), c): (&(&ItemKind, Abstract), &Vec<(u8, u8)>)| {
            c.iter().map(|(_, p)| format!("{} {}", kind.id, kind.phases.get(*p as usize).map_or("there", |p| p.id.as_str()))).collect::<Vec<_>>()
        };
        (0..self.slots.len()).filter_map(state).chain(self.children.iter().zip(&combo.children).flat_map(child)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the way to a combination, step by step.
    pub fn path(&self, found: &Found, mut to: usize) -> Vec<String> {
        let mut path = Vec::new();
        while let Some((from, step)) = &found.before[to] {
            path.push(step.clone());
            to = *from;
        }
        path.push(format!("open {} ({})", self.kind.id, self.describe()));
        path.reverse();
        path
    }

    /// Sums up what the kind above needs to know.
    pub fn summarise(&self, found: &Found, into: &mut Abstract) {
        let one = |p: &PhaseOf| match p {
            PhaseOf::One(i) => Some(*i as u8),
            _ => None,
        };
        into.initial.extend(found.phases.first().and_then(one));
        for (from, tos) in found.known_steps.iter().enumerate() {
            for to in tos {
                if let (Some(a), Some(b)) = (one(&found.phases[from]), one(&found.phases[*to]))
                    && a != b
                {
                    into.edges.insert((a, b));
                }
            }
        }
    }
}

fn with(combo: &Combo, slot: usize, state: u8) -> Combo {
    let mut next = combo.clone();
    next.stances[slot] = state;
    next
}

fn place(stance: &Stance, state: &str) -> Option<u8> {
    stance.states.iter().position(|s| s.id == state).map(|p| p as u8)
}

/// For each state of a stance, the states through which it may have come, itself included.
fn ancestors(kind: &ItemKind, stance: &Stance) -> Vec<BTreeSet<u8>> {
    let mut out: Vec<BTreeSet<u8>> = (0..stance.states.len() as u8).map(|s| BTreeSet::from([s])).collect();
    loop {
        let mut grown = false;
        for m in kind.moves.iter().filter(|m| m.role == stance.role) {
            let Some(to) = place(stance, &m.to) else { continue };
            for from in m.from.iter().filter_map(|f| place(stance, f)) {
                let before = out[from as usize].clone();
                let len = out[to as usize].len();
                out[to as usize].extend(before);
                grown |= out[to as usize].len() > len;
            }
        }
        if !grown {
            return out;
        }
    }
}
