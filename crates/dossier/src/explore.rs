//! Explores all combinations of stances that an item kind can come into, crossing decisions included.
//!
//! Parties act on what they have seen, and what they have seen may be old. So a step from a combination is possible if its
//! guard holds there, or on any earlier state of the others (a superset of what can happen). Children are explored by
//! themselves first; here each child kind that a rule counts stands 0 to 2 times in the phases that rules count.
//!
//! A combination is a row of bytes: one state for each slot; where the kind asks for voices, one class for each slot, of how it
//! stands above; then for each counted kind how many children stand in which phase. What a rule reads of a row is a key; each rule
//! is evaluated once for each key.
//!
//! How parties stand above when an item is opened, and how that changes meanwhile, is taken from the moves above without their guards:
//! more than can happen. Nobody is proved a way out by it: that the item goes on may not rest on what somebody does above.

mod reads;

use crate::counted::{Abstract, Counted};
use crate::mechanism::{ItemKind, Mechanism, Stance};
use crate::rule::{Facts, Rule};
use crate::state::{PhaseOf, empty_counts};
use crate::voice::{Classes, Voice};
use reads::Reading;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// Combinations after which exploring stops.
pub const COMBINATIONS_MAX: usize = 200_000;
/// Work that the proof of one mechanism may take, over all its configurations: one for each step and earlier state that is looked at,
/// and for each rule that is evaluated its [`Rule::weight`].
pub const PROOF_WORK_MAX: u64 = 40_000_000;
/// Children of a kind that are explored at once.
const CHILDREN_MAX: u8 = 2;
const NONE: u8 = u8::MAX;

/// What is left of the work that a proof may take.
pub(crate) struct Budget(Cell<u64>);

impl Budget {
    /// Begins with so much.
    pub fn new(work: u64) -> Budget {
        Budget(Cell::new(work))
    }

    /// Takes some of it; tells whether there is any left.
    pub fn spend(&self, work: u64) -> bool {
        self.0.set(self.0.get().saturating_sub(work));
        self.0.get() > 0
    }

    /// Tells whether it is used up: whatever was found since is not to be believed.
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Returns what is left.
    pub fn left(&self) -> u64 {
        self.0.get()
    }
}

/// One party in the explored configuration.
pub(crate) struct Slot<'m> {
    role: &'m str,
    place: usize,
    ordered: bool,
    opener: bool,
    stance: Option<&'m Stance>,
}

/// A row of bytes: each slot's state, then the counts of each counted kind.
pub(crate) type Combo = Box<[u8]>;

#[derive(Clone, Copy)]
pub(crate) enum Step {
    Move { slot: u8, mv: u16, stale: bool },
    Open { slot: u8, kind: u8 },
    Child { kind: u8, to: Option<usize> },
    Above { slot: u8, to: u8 },
}

pub(crate) struct Found {
    /// How many of the first combinations are beginnings.
    pub beginnings: usize,
    pub combos: Vec<Combo>,
    pub phases: Vec<PhaseOf>,
    pub own: Vec<Vec<Option<PhaseOf>>>,
    /// How each combination was first reached: from which, by which step.
    pub before: Vec<Option<(usize, Step)>>,
    /// Steps, and whether parties who know everything can take them.
    pub steps: Vec<Vec<(usize, bool)>>,
    /// All steps, the moves by their place in the kind's list.
    pub moves_taken: BTreeSet<usize>,
    /// Steps that lead out of a final phase: (from, to).
    pub reopened: Vec<(usize, usize)>,
    /// Combinations that must never come about: which, and the rule's place.
    pub forbidden: Vec<(usize, usize)>,
    pub complete: bool,
}

/// A guard as the checker takes it.
enum Taken {
    /// It reads contents: it may hold and may not.
    BothWays,
    /// It reads stances and counts, by its place among the readings.
    Exactly(usize),
}

/// A move of one slot.
struct SlotMove<'m> {
    place: usize,
    from: Vec<u8>,
    to: u8,
    guards: Vec<(Taken, &'m Rule)>,
    /// The voice that it is for, by its place among those that the kind asks for.
    only: Option<usize>,
}

pub(crate) struct Explorer<'m> {
    mechanism: &'m Mechanism,
    pub kind: &'m ItemKind,
    pub slots: Vec<Slot<'m>>,
    moves: Vec<Vec<SlotMove<'m>>>,
    children: Vec<Counted<'m>>,
    /// Voices above that the kind asks for.
    asked: Vec<(&'m ItemKind, &'m Voice)>,
    /// How each slot may stand above.
    classes: Vec<Classes>,
    /// Where the counts of children begin in a row.
    counts_at: usize,
    width: usize,
    families: Vec<(Option<&'m str>, Reading)>,
    guards: Vec<Reading>,
    nevers: Reading,
    phase_memo: RefCell<HashMap<Vec<u8>, PhaseOf>>,
    /// What each phase's own rule reads, by its place; a phase reads less than its family.
    phases: Vec<Reading>,
    rule_memo: RefCell<HashMap<Vec<u8>, bool>>,
    guard_memo: RefCell<HashMap<Vec<u8>, bool>>,
    never_memo: RefCell<HashMap<Vec<u8>, Option<usize>>>,
    stale_memo: RefCell<HashMap<Vec<u8>, bool>>,
    ancestors: Vec<Vec<Vec<u8>>>,
    budget: &'m Budget,
}

/// Tells whether it matters for a kind's stances which party opened it.
pub(crate) fn opener_matters(kind: &ItemKind) -> bool {
    let begins = |s: &Stance| s.opener_only || s.opener_initial.as_ref().is_some_and(|i| *i != s.initial);
    kind.stances.iter().any(begins) || kind.rules().any(|r| r.reads("mine")) || kind.only.is_some()
}

/// Tells whether it matters for a kind's stances in which order the parties of a role stand.
pub(crate) fn order_matters(mechanism: &Mechanism, kind: &ItemKind, role: usize) -> bool {
    let role = &mechanism.roles[role];
    let picks = |r: &Rule| r.reads("before") || r.reads("after") || ["parties[".to_owned(), format!("{}[", role.id)].iter().any(|p| r.mentions(p));
    role.ordered && kind.rules().any(picks)
}

impl<'m> Explorer<'m> {
    /// Prepares one configuration: how many parties each role has, which of them opened the item, and what is known of its children.
    pub fn new(
        mechanism: &'m Mechanism,
        kind: &'m ItemKind,
        opener: (&str, usize),
        counts: &BTreeMap<&'m str, usize>,
        known: &HashMap<&str, Abstract>,
        budget: &'m Budget,
    ) -> Explorer<'m> {
        let mut slots = Vec::new();
        for (role, n) in counts {
            let place = mechanism.roles.iter().position(|r| r.id == *role).unwrap_or_default();
            for i in 0..*n {
                let opener = *role == opener.0 && i == opener.1;
                let stance = kind.stance(role).filter(|s| !s.opener_only || opener);
                slots.push(Slot { role, place, ordered: order_matters(mechanism, kind, place), opener, stance });
            }
        }
        let asked = mechanism.asked_of(kind);
        let classes: Vec<Classes> = slots.iter().filter(|_| !asked.is_empty()).map(|s| Classes::of(&asked, s.role)).collect();
        let counts_at = slots.len() + classes.len();
        let mut width = counts_at;
        let mut children = Vec::new();
        for child in mechanism.children(&kind.id) {
            let Some(mut counted) = Counted::of(kind, child, known.get(child.id.as_str())) else { continue };
            counted.at = width;
            width += counted.phases.len() * if counted.owned { slots.len() } else { 1 };
            children.push(counted);
        }
        let family = |per: Option<&'m str>| (per, Reading::of(mechanism, kind, &asked, kind.family(per).map(|p| &p.rule).collect::<Vec<_>>().into_iter()));
        let mut families = vec![family(None)];
        families.extend(kind.stances.iter().filter(|s| kind.family(Some(&s.role)).next().is_some()).map(|s| family(Some(&s.role))));
        let mut guards = Vec::new();
        let mut places: HashMap<*const Rule, usize> = HashMap::new();
        let mut takes = |rule: &'m Rule| match rule.reads_contents() {
            true => (Taken::BothWays, rule),
            false => {
                let known = *places.entry(std::ptr::from_ref(rule)).or_insert_with(|| {
                    guards.push(Reading::of(mechanism, kind, &asked, std::iter::once(rule)));
                    guards.len() - 1
                });
                (Taken::Exactly(known), rule)
            }
        };
        let of_role = |stance: &'m Stance, takes: &mut dyn FnMut(&'m Rule) -> (Taken, &'m Rule)| {
            let moves = kind.moves.iter().enumerate().filter(|(_, m)| m.role == stance.role);
            moves
                .map(|(place, mv)| SlotMove {
                    place,
                    from: mv.from.iter().filter_map(|f| state(stance, f)).collect(),
                    to: state(stance, &mv.to).unwrap_or(NONE),
                    guards: mv.guards.iter().map(&mut *takes).collect(),
                    only: mv.only.as_ref().and_then(|o| asked.iter().position(|(_, s)| s.id == *o)),
                })
                .collect::<Vec<_>>()
        };
        let moves = slots.iter().map(|s| s.stance.map_or_else(Vec::new, |st| of_role(st, &mut takes))).collect();
        let ancestors = slots.iter().map(|s| s.stance.map_or_else(Vec::new, |st| ancestors(kind, st))).collect();
        Explorer {
            mechanism,
            kind,
            slots,
            moves,
            children,
            classes,
            counts_at,
            width,
            families,
            guards,
            nevers: Reading::of(mechanism, kind, &asked, kind.nevers.iter().map(|n| &n.rule)),
            phase_memo: RefCell::default(),
            phases: kind.phases.iter().map(|p| Reading::of(mechanism, kind, &asked, std::iter::once(&p.rule))).collect(),
            rule_memo: RefCell::default(),
            guard_memo: RefCell::default(),
            never_memo: RefCell::default(),
            stale_memo: RefCell::default(),
            ancestors,
            asked,
            budget,
        }
    }

    /// Describes the configuration for people.
    pub fn describe(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.slots.iter().for_each(|s| *counts.entry(s.role).or_default() += 1);
        let opener = self
            .slots
            .iter()
            .position(|s| s.opener)
            .map_or(String::new(), |s| if self.slots[s].ordered { self.name(s) } else { self.slots[s].role.to_owned() });
        let counts = counts.iter().map(|(r, n)| format!("{n} {r}")).collect::<Vec<_>>().join(", ");
        format!("{counts}; opened by {opener}")
    }

    /// Lists how an item may begin: the stances are given, how its parties stand above is not, but for who opened it.
    fn beginnings(&self) -> Vec<Combo> {
        let first = |s: &Slot<'_>| {
            let stance = s.stance?;
            state(stance, if s.opener { stance.opener_initial.as_ref().unwrap_or(&stance.initial) } else { &stance.initial })
        };
        let mut row = vec![0; self.width];
        self.slots.iter().enumerate().for_each(|(i, s)| row[i] = first(s).unwrap_or(NONE));
        let mut rows = vec![row];
        let wanted = self.kind.only.as_ref().and_then(|o| self.asked.iter().position(|(_, s)| s.id == *o));
        for (s, classes) in self.classes.iter().enumerate() {
            let role = self.slots[s].role;
            let needs = wanted.filter(|w| self.slots[s].opener && self.asked[*w].1.states.contains_key(role));
            let may = |c: &u8| needs.is_none_or(|w| classes.stands[*c as usize][w]);
            let at = self.slots.len() + s;
            let set = |c: u8, mut row: Vec<u8>| {
                row[at] = c;
                row
            };
            rows = (0..classes.stands.len() as u8).filter(may).flat_map(|c| rows.iter().map(move |row| set(c, row.clone()))).collect();
        }
        rows.into_iter().map(Combo::from).collect()
    }

    /// Tells whether a slot has, in a combination, one of the voices that the kind asks for.
    fn stands(&self, combo: &[u8], s: usize, voice: usize) -> bool {
        self.classes.get(s).is_some_and(|c| c.stands[combo[self.slots.len() + s] as usize][voice])
    }

    /// Tells whether somebody has a voice in a combination; a voice that the kind itself declares is read from its own stances.
    pub fn anybody_stands(&self, combo: &[u8], id: &str) -> bool {
        let asked = self.asked.iter().position(|(_, s)| s.id == id);
        (0..self.slots.len()).any(|s| match (asked, self.kind.voice(id)) {
            (Some(a), _) => combo[s] != NONE && self.stands(combo, s, a),
            (None, Some(own)) => self.slots[s].stance.is_some_and(|st| combo[s] != NONE && own.holds(self.slots[s].role, &st.states[combo[s] as usize].id)),
            _ => false,
        })
    }

    /// Explores everything that can come about.
    pub fn run(&self) -> Found {
        let mut found = Found {
            beginnings: 0,
            combos: Vec::new(),
            phases: Vec::new(),
            own: Vec::new(),
            before: Vec::new(),
            steps: Vec::new(),
            moves_taken: BTreeSet::new(),
            reopened: Vec::new(),
            forbidden: Vec::new(),
            complete: true,
        };
        let mut index: HashMap<Combo, usize> = HashMap::new();
        let mut queue = VecDeque::new();
        for first in self.beginnings() {
            self.visit(self.canonical(first), None, &mut found, &mut index, &mut queue);
        }
        found.beginnings = found.combos.len();
        let mut steps = Vec::new();
        while let Some(at) = queue.pop_front() {
            if found.combos.len() > COMBINATIONS_MAX || self.budget.is_spent() {
                found.complete = false;
                break;
            }
            let combo = found.combos[at].clone();
            let ended = self.is_end(&found.phases[at]);
            steps.clear();
            self.steps(&combo, &found.phases[at], &found.own[at], ended, &mut steps);
            self.budget.spend(1 + steps.len() as u64);
            for (next, step, known) in steps.drain(..) {
                let to = self.visit(self.canonical(next), Some((at, step)), &mut found, &mut index, &mut queue);
                if let Step::Move { mv, .. } = step {
                    found.moves_taken.insert(mv as usize);
                }
                found.steps[at].push((to, known));
                if ended && !self.is_end(&found.phases[to]) {
                    found.reopened.push((at, to));
                }
            }
        }
        found
    }

    fn visit(&self, combo: Combo, before: Option<(usize, Step)>, found: &mut Found, index: &mut HashMap<Combo, usize>, queue: &mut VecDeque<usize>) -> usize {
        if let Some(i) = index.get(&combo) {
            return *i;
        }
        let i = found.combos.len();
        found.forbidden.extend(self.never(&combo).map(|n| (i, n)));
        found.phases.push(self.phase(&combo, None));
        found.own.push(self.own_phases(&combo));
        found.before.push(before);
        found.steps.push(Vec::new());
        index.insert(combo.clone(), i);
        found.combos.push(combo);
        queue.push_back(i);
        i
    }

    /// Tells whether a phase is final.
    pub fn is_end(&self, phase: &PhaseOf) -> bool {
        matches!(phase, PhaseOf::One(p) if self.kind.phases[*p].ends)
    }

    /// Lists the steps from a combination: where to, which, and whether parties who know everything could take it.
    fn steps(&self, combo: &Combo, whole: &PhaseOf, own: &[Option<PhaseOf>], ended: bool, out: &mut Vec<(Combo, Step, bool)>) {
        for (s, moves) in self.moves.iter().enumerate() {
            // How it stands above is the party's own doing: it knows that as it is.
            let stands = |m: &&SlotMove<'_>| m.only.is_none_or(|o| self.stands(combo, s, o));
            for m in moves.iter().filter(|m| m.from.contains(&combo[s])).filter(stands) {
                let known = !ended && m.guards.iter().all(|g| self.holds(g, combo, s));
                let stale = !known && self.could_have_seen(m, combo, s, ended);
                if known || stale {
                    out.push((with(combo, s, m.to), Step::Move { slot: s as u8, mv: m.place as u16, stale }, known));
                }
            }
        }
        for (s, classes) in self.classes.iter().enumerate() {
            let at = self.slots.len() + s;
            for (_, to) in classes.edges.iter().filter(|(from, _)| *from == combo[at]) {
                out.push((with(combo, at, *to), Step::Above { slot: s as u8, to: *to }, false));
            }
        }
        for (c, child) in self.children.iter().enumerate() {
            if ended && !child.kind.outlives {
                continue;
            }
            if child.number(combo, self.slots.len()) < CHILDREN_MAX {
                let openers = (0..self.slots.len()).filter(|s| child.kind.opened_by.iter().any(|r| r == self.slots[*s].role));
                for s in openers.filter(|s| self.opens_in(child.kind, whole, own[*s].as_ref())).take(if child.owned { usize::MAX } else { 1 }) {
                    for p in child.initial.iter().flatten() {
                        let at = child.at + if child.owned { s * child.phases.len() } else { 0 } + p;
                        out.push((with(combo, at, combo[at] + 1), Step::Open { slot: s as u8, kind: c as u8 }, true));
                    }
                }
            }
            for at in (child.at..child.end(self.slots.len())).filter(|at| combo[*at] > 0) {
                let p = (at - child.at) % child.phases.len();
                for (_, to, known) in child.edges.iter().filter(|(from, ..)| *from == p) {
                    let mut next = with(combo, at, combo[at] - 1);
                    if let Some(to) = to {
                        next[at - p + to] += 1;
                    }
                    out.push((next, Step::Child { kind: c as u8, to: *to }, *known));
                }
            }
        }
    }

    fn opens_in(&self, child: &ItemKind, whole: &PhaseOf, own: Option<&PhaseOf>) -> bool {
        let named = |p: &PhaseOf| matches!(p, PhaseOf::One(p) if child.open_in.contains(&self.kind.phases[*p].id));
        child.open_in.is_empty() || named(whole) || own.is_some_and(named)
    }

    fn name(&self, s: usize) -> String {
        let slot = &self.slots[s];
        let alike = self.slots.iter().filter(|o| o.role == slot.role).count();
        let n = self.slots[..=s].iter().filter(|o| o.role == slot.role).count();
        if alike > 1 { format!("{} {n}", slot.role) } else { slot.role.to_owned() }
    }

    fn holds(&self, (taken, rule): &(Taken, &Rule), combo: &[u8], s: usize) -> bool {
        let Taken::Exactly(g) = taken else { return true };
        let mut key = vec![*g as u8, (*g >> 8) as u8];
        self.key(combo, Some(s), &self.guards[*g], &mut key);
        if let Some(known) = self.guard_memo.borrow().get(&key) {
            return *known;
        }
        self.budget.spend(rule.weight());
        let holds = rule.holds(&self.facts(combo, Some(s))) == Ok(true);
        self.guard_memo.borrow_mut().insert(key, holds);
        holds
    }

    /// Tells whether an earlier state of the others, as this party may still see it, allows the move.
    ///
    /// Guards that count children are taken as seen at any earlier time; all others must hold together on one earlier state.
    fn could_have_seen(&self, m: &SlotMove<'_>, combo: &Combo, s: usize, ended: bool) -> bool {
        let counts = |rule: &Rule| rule.reads("items") || rule.reads("own_items");
        let exact: Vec<_> = m.guards.iter().filter(|(_, rule)| ended || !counts(rule)).collect();
        if !ended && exact.iter().all(|(taken, _)| matches!(taken, Taken::BothWays)) {
            return true;
        }
        // What reads nothing of the others is as it is, whatever was seen of them.
        let own = |taken: &Taken| matches!(taken, Taken::Exactly(g) if self.guards[*g].of_itself());
        if exact.iter().any(|g| own(&g.0) && !self.holds(g, combo, s)) {
            return false;
        }
        // Without children first: what does not depend on them is found once for all.
        let mut bare = combo.clone();
        bare[self.counts_at..].fill(0);
        let tried: &[&Combo] = if bare == *combo { &[combo] } else { &[&bare, combo] };
        tried.iter().any(|row| self.earlier_allows(m, &exact, row, s))
    }

    fn earlier_allows(&self, m: &SlotMove<'_>, exact: &[&(Taken, &Rule)], row: &Combo, s: usize) -> bool {
        let mut key = vec![m.place as u8, exact.len() as u8];
        self.seen_by(s, row, &mut key);
        if let Some(known) = self.stale_memo.borrow().get(&key) {
            return *known;
        }
        let allows = self.any_earlier(0, &mut row.clone(), s, &mut |c| !self.is_end(&self.phase(c, None)) && exact.iter().all(|g| self.holds(g, c, s)));
        self.stale_memo.borrow_mut().insert(key, allows);
        allows
    }

    /// Writes a combination down as one party sees it: parties that are alike stand for one another.
    fn seen_by(&self, s: usize, row: &[u8], key: &mut Vec<u8>) {
        let n = self.slots.len();
        if self.slots.iter().any(|slot| slot.ordered) {
            key.push(s as u8);
            key.extend_from_slice(row);
            return;
        }
        let owned = |o: usize| {
            let of = move |c: &Counted<'_>| c.at + o * c.phases.len()..c.at + (o + 1) * c.phases.len();
            self.children.iter().filter(|c| c.owned).flat_map(move |c| row[of(c)].iter().copied())
        };
        let one = |o: usize| -> Vec<u8> {
            let class = self.classes.get(o).map_or(0, |_| row[n + o]);
            [self.slots[o].place as u8, u8::from(self.slots[o].opener), row[o], class].into_iter().chain(owned(o)).collect()
        };
        let mut others: Vec<Vec<u8>> = (0..n).filter(|o| *o != s).map(one).collect();
        others.sort_unstable();
        key.extend(one(s));
        key.extend(others.into_iter().flatten());
        self.children.iter().filter(|c| !c.owned).for_each(|c| key.extend_from_slice(&row[c.at..c.end(n)]));
    }

    /// Goes over the earlier states of all slots but one until a test holds.
    fn any_earlier(&self, o: usize, row: &mut Combo, s: usize, test: &mut dyn FnMut(&Combo) -> bool) -> bool {
        if o == self.slots.len() {
            // Once too much was asked the whole proof is void, whatever is said here.
            return !self.budget.spend(1) || test(row);
        }
        if o == s || row[o] == NONE {
            return self.any_earlier(o + 1, row, s, test);
        }
        let (now, above) = (row[o], self.slots.len() + o);
        let stood = self.classes.get(o).map(|_| row[above]);
        let found = self.ancestors[o][now as usize].iter().any(|b| {
            row[o] = *b;
            match (stood, self.classes.get(o)) {
                (Some(class), Some(classes)) => classes.before[class as usize].iter().any(|c| {
                    row[above] = *c;
                    self.any_earlier(o + 1, row, s, test)
                }),
                _ => self.any_earlier(o + 1, row, s, test),
            }
        });
        row[o] = now;
        if let Some(class) = stood {
            row[above] = class;
        }
        found
    }

    /// Works out the phase of the whole, or of one party.
    pub fn phase(&self, combo: &[u8], party: Option<usize>) -> PhaseOf {
        let per = party.map(|p| self.slots[p].role);
        let Some(f) = self.families.iter().position(|(role, _)| *role == per) else { return PhaseOf::None };
        let mut key = vec![f as u8];
        self.key(combo, party, &self.families[f].1, &mut key);
        if let Some(known) = self.phase_memo.borrow().get(&key) {
            return known.clone();
        }
        let all = self.kind.phases.iter().enumerate().filter(|(_, p)| p.per.as_deref() == per);
        let found = PhaseOf::of(all.filter(|(i, p)| self.phase_holds(*i, &p.rule, combo, party)).map(|(i, _)| i).collect());
        self.phase_memo.borrow_mut().insert(key, found.clone());
        found
    }

    fn phase_holds(&self, place: usize, rule: &Rule, combo: &[u8], party: Option<usize>) -> bool {
        let mut key = vec![place as u8, (place >> 8) as u8];
        self.key(combo, party, &self.phases[place], &mut key);
        if let Some(known) = self.rule_memo.borrow().get(&key) {
            return *known;
        }
        self.budget.spend(rule.weight());
        let holds = rule.holds(&self.facts(combo, party)) == Ok(true);
        self.rule_memo.borrow_mut().insert(key, holds);
        holds
    }

    /// Finds what must never be and is.
    fn never(&self, combo: &[u8]) -> Option<usize> {
        if self.kind.nevers.is_empty() {
            return None;
        }
        let mut key = Vec::new();
        self.key(combo, None, &self.nevers, &mut key);
        if let Some(known) = self.never_memo.borrow().get(&key) {
            return *known;
        }
        self.budget.spend(self.kind.nevers.iter().map(|n| n.rule.weight()).sum());
        let facts = self.facts(combo, None);
        // A rule that cannot be evaluated counts as broken: nothing would be proved by it.
        let found = self.kind.nevers.iter().position(|n| n.rule.holds(&facts) != Ok(false));
        self.never_memo.borrow_mut().insert(key, found);
        found
    }

    fn own_phases(&self, combo: &[u8]) -> Vec<Option<PhaseOf>> {
        let has = |s: usize| self.families.iter().any(|(role, _)| *role == Some(self.slots[s].role));
        (0..self.slots.len()).map(|s| (combo[s] != NONE && has(s)).then(|| self.phase(combo, Some(s)))).collect()
    }

    fn facts<'a>(&'a self, combo: &[u8], party: Option<usize>) -> Facts<'a> {
        let mut facts = Facts::default();
        for role in &self.mechanism.roles {
            facts.roles.insert(&role.id, Vec::new());
        }
        for (_, s) in &self.asked {
            facts.roles.insert(&s.id, Vec::new());
        }
        for (s, slot) in self.slots.iter().enumerate() {
            let (Some(stance), true) = (slot.stance, combo[s] != NONE) else { continue };
            let name = stance.states[combo[s] as usize].id.as_str();
            facts.roles.entry(slot.role).or_default().push(name);
            facts.parties.push(name);
            for (_, (_, voice)) in self.asked.iter().enumerate().filter(|(a, _)| self.stands(combo, s, *a)) {
                facts.roles.entry(&voice.id).or_default().push(name);
            }
            match party {
                Some(p) if p == s => facts.me = name,
                Some(p) if self.slots[p].place == slot.place && s < p => facts.before.push(name),
                Some(p) if self.slots[p].place == slot.place => facts.after.push(name),
                _ => {}
            }
        }
        facts.mine = party.is_some_and(|p| self.slots[p].opener);
        for child in self.mechanism.children(&self.kind.id) {
            facts.items.insert(&child.id, empty_counts(child));
            facts.own_items.insert(&child.id, empty_counts(child));
        }
        for child in &self.children {
            for at in (child.at..child.end(self.slots.len())).filter(|at| combo[*at] > 0) {
                let own = child.owned && party == Some((at - child.at) / child.phases.len());
                for name in &child.phases[(at - child.at) % child.phases.len()] {
                    *facts.items.entry(&child.kind.id).or_default().entry(name).or_default() += i64::from(combo[at]);
                    if own {
                        *facts.own_items.entry(&child.kind.id).or_default().entry(name).or_default() += i64::from(combo[at]);
                    }
                }
            }
        }
        facts
    }

    /// Sorts parties that are alike, so that combinations which differ only by their order count once.
    fn canonical(&self, combo: Combo) -> Combo {
        let n = self.slots.len();
        let own = |s: usize| {
            self.children.iter().filter(|c| c.owned).flat_map({
                let combo = &combo;
                move |c| combo[c.at + s * c.phases.len()..c.at + (s + 1) * c.phases.len()].iter().copied()
            })
        };
        let class = |s: usize| self.classes.get(s).map_or(0, |_| combo[n + s]);
        let unsorted = |a: usize| {
            let (one, two) = (&self.slots[a], &self.slots[a + 1]);
            let alike = one.place == two.place && !one.ordered && one.opener == two.opener;
            alike && (combo[a], class(a), own(a).collect::<Vec<_>>()) > (combo[a + 1], class(a + 1), own(a + 1).collect())
        };
        if !(0..n.saturating_sub(1)).any(unsorted) {
            return combo;
        }
        let mut order: Vec<usize> = (0..n).collect();
        let mut from = 0;
        while from < n {
            let alike = |s: &Slot<'_>| s.place == self.slots[from].place && s.opener == self.slots[from].opener && !s.ordered;
            let len = self.slots[from..].iter().take_while(|s| alike(s)).count().max(1);
            order[from..from + len].sort_by_cached_key(|s| (combo[*s], class(*s), own(*s).collect::<Vec<_>>()));
            from += len;
        }
        let mut sorted = combo.clone();
        for (new, old) in order.iter().enumerate() {
            sorted[new] = combo[*old];
            if !self.classes.is_empty() {
                sorted[n + new] = combo[n + old];
            }
            for c in self.children.iter().filter(|c| c.owned) {
                let w = c.phases.len();
                sorted[c.at + new * w..c.at + (new + 1) * w].copy_from_slice(&combo[c.at + old * w..c.at + (old + 1) * w]);
            }
        }
        sorted
    }

    /// Goes over the whole product of stances, reachable or not, with no children, and returns the first combination
    /// without exactly one phase that is neither among those found nor one that must never be; and how many were looked at.
    pub fn product(&self, found: &Found) -> (usize, Option<String>) {
        let seen: HashSet<&Combo> = found.combos.iter().collect();
        let states = self.slots.iter().map(|s| s.stance.map_or(0, |st| st.states.len() as u8));
        let sizes: Vec<u8> = states.chain(self.classes.iter().map(|c| c.stands.len() as u8)).collect();
        let count = |sizes: &[u8]| sizes.iter().filter(|n| **n > 0).try_fold(1usize, |all, n| Some(all * *n as usize).filter(|all| *all <= COMBINATIONS_MAX));
        // Where that is too much, with everybody in every voice that its role can have: the last of the classes.
        let whole: Vec<u8> = sizes.iter().enumerate().map(|(s, n)| if s < self.slots.len() { *n } else { 1 }).collect();
        let (all, sizes) = match (count(&sizes), count(&whole)) {
            (Some(all), _) => (all, sizes),
            (None, Some(all)) => (all, whole),
            (None, None) => return (0, None),
        };
        let one = |p: &PhaseOf| matches!(p, PhaseOf::One(_));
        let mut row = vec![0; self.width];
        for mut n in 0..all {
            if !self.budget.spend(1) {
                return (n, None);
            }
            for (s, size) in sizes.iter().enumerate() {
                let last = s.checked_sub(self.slots.len()).map_or(0, |c| self.classes[c].stands.len() as u8 - 1);
                row[s] = if *size == 0 { NONE } else { (n % *size as usize) as u8 };
                row[s] = if *size == 1 { last } else { row[s] };
                n /= (*size).max(1) as usize;
            }
            let combo: Combo = row.clone().into();
            if *combo != *self.canonical(combo.clone()) || seen.contains(&combo) || self.never(&combo).is_some() {
                continue;
            }
            if !one(&self.phase(&combo, None)) || self.own_phases(&combo).iter().flatten().any(|p| !one(p)) {
                return (all, Some(self.in_words(&combo)));
            }
        }
        (all, None)
    }

    /// Lists role and state of every slot.
    pub fn states(&self, combo: &[u8]) -> impl Iterator<Item = (usize, u8)> {
        self.slots.iter().zip(combo).filter(|(_, v)| **v != NONE).map(|(slot, v)| (slot.place, *v))
    }

    /// Says how everybody stands in a combination.
    pub fn in_words(&self, combo: &[u8]) -> String {
        let state = |s: usize| {
            let stance = self.slots[s].stance.filter(|_| combo[s] != NONE)?;
            Some(format!("{} {}{}", self.name(s), stance.states[combo[s] as usize].id, self.lacks(combo, s)))
        };
        let child = |c: &Counted<'_>| {
            let one = |at: usize| std::iter::repeat_n(format!("{} {}", c.kind.id, c.phase_name((at - c.at) % c.phases.len())), combo[at] as usize);
            (c.at..c.end(self.slots.len())).flat_map(one).collect::<Vec<_>>()
        };
        (0..self.slots.len()).filter_map(state).chain(self.children.iter().flat_map(child)).collect::<Vec<_>>().join(", ")
    }

    /// Names the voices that a slot's role may have above and that it has not.
    fn lacks(&self, combo: &[u8], s: usize) -> String {
        if self.classes.is_empty() { String::new() } else { self.lacks_in(combo[self.slots.len() + s], s) }
    }

    fn lacks_in(&self, class: u8, s: usize) -> String {
        let has = &self.classes[s].stands[class as usize];
        let lacking = self.asked.iter().zip(has).filter(|((_, st), has)| st.states.contains_key(self.slots[s].role) && !**has);
        let names: Vec<&str> = lacking.map(|((_, st), _)| st.id.as_str()).collect();
        if names.is_empty() { String::new() } else { format!(" (not {})", names.join(", not ")) }
    }

    /// Returns the way to a combination, step by step.
    pub fn path(&self, found: &Found, mut to: usize) -> Vec<String> {
        let mut path = Vec::new();
        while let Some((from, step)) = found.before[to] {
            path.push(match step {
                Step::Move { slot, mv, stale } => {
                    let old = if stale { " (on what it had seen before)" } else { "" };
                    format!("{}: {}{old}", self.name(slot as usize), self.kind.moves[mv as usize].id)
                }
                Step::Above { slot, to } => {
                    let lacks = self.lacks_in(to, slot as usize);
                    format!("{}: moves above{}", self.name(slot as usize), if lacks.is_empty() { " (with every voice)".to_owned() } else { lacks })
                }
                Step::Open { slot, kind } => format!("{}: open {}", self.name(slot as usize), self.children[kind as usize].kind.id),
                Step::Child { kind, to } => {
                    let child = &self.children[kind as usize];
                    let phase = to.map_or("something that is not counted", |t| child.phase_name(t));
                    format!("{} becomes {phase}", child.kind.id)
                }
            });
            to = from;
        }
        let lacking = |s: usize| Some(self.lacks(&found.combos[to], s)).filter(|l| !l.is_empty()).map(|l| format!("; {}{l}", self.name(s)));
        let above: String = (0..self.slots.len()).filter_map(lacking).collect();
        path.push(format!("open {} ({}{above})", self.kind.id, self.describe()));
        path.reverse();
        path
    }

    /// Sums up what the kind above needs to know.
    pub fn summarise(&self, found: &Found, into: &mut Abstract) {
        let one = |p: &PhaseOf| match p {
            PhaseOf::One(i) => Some(*i as u8),
            _ => None,
        };
        into.initial.extend(found.phases[..found.beginnings].iter().filter_map(one));
        for (from, tos) in found.steps.iter().enumerate() {
            for (to, known) in tos {
                if let (Some(a), Some(b)) = (one(&found.phases[from]), one(&found.phases[*to]))
                    && a != b
                {
                    *into.edges.entry((a, b)).or_default() |= known;
                }
            }
        }
    }
}

fn with(combo: &Combo, at: usize, value: u8) -> Combo {
    let mut next = combo.clone();
    next[at] = value;
    next
}

fn state(stance: &Stance, name: &str) -> Option<u8> {
    stance.states.iter().position(|s| s.id == name).map(|p| p as u8)
}

/// For each state of a stance, the states through which it may have come, itself included.
fn ancestors(kind: &ItemKind, stance: &Stance) -> Vec<Vec<u8>> {
    let mut out: Vec<BTreeSet<u8>> = (0..stance.states.len() as u8).map(|s| BTreeSet::from([s])).collect();
    loop {
        let mut grown = false;
        for m in kind.moves.iter().filter(|m| m.role == stance.role) {
            let Some(to) = state(stance, &m.to) else { continue };
            for from in m.from.iter().filter_map(|f| state(stance, f)) {
                let before = out[from as usize].clone();
                let len = out[to as usize].len();
                out[to as usize].extend(before);
                grown |= out[to as usize].len() > len;
            }
        }
        if !grown {
            return out.into_iter().map(|s| s.into_iter().collect()).collect();
        }
    }
}
