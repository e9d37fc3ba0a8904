//! Proves a mechanism, or shows the shortest way to where it breaks.
//!
//! Proved for every item kind, with each role at its minimum and up to three parties: every combination has exactly one
//! phase, from every waiting phase some party can move and an end can be reached, every waiting phase has a clock, every
//! declared state, move and phase can be reached, and no crossing act reopens what has ended.

use crate::counted::Abstract;
use crate::explore::{Budget, Explorer, Found, PROOF_WORK_MAX, opener_matters, order_matters};
use crate::mechanism::{ItemKind, Mechanism};
use crate::state::PhaseOf;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Parties of one role that are explored at most.
const PARTIES_EXPLORED_MAX: usize = 3;
/// Configurations of parties that are explored of one kind and opener.
const CONFIGURATIONS_MAX: usize = 1_000;

/// What was explored of one configuration.
#[derive(Debug, Clone, Serialize)]
pub struct Explored {
    /// The item kind.
    pub item: String,
    /// The parties.
    pub parties: String,
    /// Combinations that can come about.
    pub combinations: usize,
    /// Combinations of the whole product that were looked at besides.
    pub product: usize,
    /// Whether nothing was left out.
    pub complete: bool,
    /// The work that it took, of [`PROOF_WORK_MAX`] for the whole mechanism.
    pub work: u64,
}

/// A fault of a mechanism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its stable code.
    pub code: &'static str,
    /// The item kind.
    pub item: String,
    /// What is wrong.
    pub what: String,
    /// The shortest way there, step by step; empty for what cannot be reached.
    pub path: Vec<String>,
}

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The mechanism.
    pub mechanism: String,
    /// What was explored.
    pub explored: Vec<Explored>,
    /// Faults; none means proved.
    pub faults: Vec<Fault>,
    /// Whether the proof would take more work than [`PROOF_WORK_MAX`], so that nothing is known.
    pub too_large: bool,
    /// The work that it took.
    pub work: u64,
}

impl Report {
    /// Tells whether the mechanism is proved.
    pub fn proved(&self) -> bool {
        !self.too_large && self.faults.is_empty() && self.explored.iter().all(|e| e.complete)
    }
}

/// Checks a mechanism, with no more than [`PROOF_WORK_MAX`] of work: whoever wrote it must not hold its reader up.
pub fn check(mechanism: &Mechanism) -> Report {
    check_within(mechanism, PROOF_WORK_MAX)
}

/// Checks a mechanism with so much work at most.
pub fn check_within(mechanism: &Mechanism, work_max: u64) -> Report {
    let budget = Budget::new(work_max);
    let mut report = explored(mechanism, &budget);
    report.work = work_max - budget.left();
    if budget.is_spent() || report.too_large {
        (report.too_large, report.faults) = (true, Vec::new());
    }
    report
}

fn explored(mechanism: &Mechanism, budget: &Budget) -> Report {
    let mut report = Report { mechanism: mechanism.id.clone(), explored: Vec::new(), faults: Vec::new(), too_large: false, work: 0 };
    let mut known: HashMap<&str, Abstract> = HashMap::new();
    for kind in mechanism.items.iter().rev().filter(|k| !k.stances.is_empty()) {
        let mut reached = Reached::default();
        let mut summary = Abstract::default();
        let mut done = HashSet::new();
        for opener in &kind.opened_by {
            let Some(configurations) = configurations(mechanism, kind, opener) else {
                report.too_large = true;
                return report;
            };
            for (counts, place) in configurations {
                if budget.is_spent() {
                    return report;
                }
                // Where it does not matter who opened the item, configurations of the same parties are the same.
                if !opener_matters(kind) && !done.insert(counts.clone()) {
                    continue;
                }
                let before = budget.left();
                let explorer = Explorer::new(mechanism, kind, (opener, place), &counts, &known, budget);
                let found = explorer.run();
                explorer.summarise(&found, &mut summary);
                reached.note(&explorer, &found);
                let (product, forgotten) = explorer.product(&found);
                report.explored.push(Explored {
                    item: kind.id.clone(),
                    parties: explorer.describe(),
                    combinations: found.combos.len(),
                    product,
                    complete: found.complete,
                    work: before - budget.left(),
                });
                let mut faults = faults(mechanism, &explorer, &found);
                if let Some(words) = forgotten {
                    faults.push(Fault {
                        code: "mechanism.phase.not-total",
                        item: kind.id.clone(),
                        what: format!("no single phase for: {words}"),
                        path: Vec::new(),
                    });
                }
                // The same fault in a larger configuration says nothing new.
                faults.retain(|f| !report.faults.iter().any(|g| (g.code, &g.item) == (f.code, &f.item)));
                report.faults.extend(faults);
            }
        }
        report.faults.extend(reached.missing(mechanism, kind));
        known.insert(&kind.id, summary);
    }
    report
}

/// Lists how many parties each role may have, its minimum up to three, the opener's role at least one; and, in an ordered
/// role, at which place the opener stands. None where there are too many.
fn configurations<'m>(mechanism: &'m Mechanism, kind: &ItemKind, opener: &str) -> Option<Vec<(BTreeMap<&'m str, usize>, usize)>> {
    let mut all = vec![BTreeMap::new()];
    for role in &mechanism.roles {
        let least = if role.id == opener { role.min.max(1) } else { role.min };
        // Where no rule reads how a role stands, its parties cannot tell whether there are others of them.
        let stand = mechanism.asked_of(kind).iter().any(|(_, s)| s.states.contains_key(&role.id));
        let read = stand || kind.rules().any(|r| r.reads(&role.id) || ["parties", "before", "after"].iter().any(|n| r.reads(n)));
        let most = role.max.min(if read { PARTIES_EXPLORED_MAX } else { 1 }).max(least);
        all = all
            .iter()
            .flat_map(|c: &BTreeMap<&'m str, usize>| (least..=most).map(|n| c.clone().into_iter().chain([(role.id.as_str(), n)]).collect()))
            .collect();
        if all.len() > CONFIGURATIONS_MAX {
            return None;
        }
    }
    let ordered = mechanism.roles.iter().position(|r| r.id == opener).is_some_and(|r| order_matters(mechanism, kind, r));
    let by_place = opener_matters(kind) && ordered;
    let each = |c: BTreeMap<&'m str, usize>| {
        let places = if by_place { c.get(opener).copied().unwrap_or(1) } else { 1 };
        (0..places).map(move |p| (c.clone(), p))
    };
    Some(all.into_iter().flat_map(each).collect())
}

fn faults(mechanism: &Mechanism, explorer: &Explorer<'_>, found: &Found) -> Vec<Fault> {
    let kind = explorer.kind;
    let mut out: Vec<Fault> = Vec::new();
    let mut add = |code: &'static str, what: String, at: usize| {
        if !out.iter().any(|f| f.code == code) {
            out.push(Fault { code, item: kind.id.clone(), what, path: explorer.path(found, at) });
        }
    };
    let ways_out = can_end(explorer, found);
    for (at, combo) in found.combos.iter().enumerate() {
        let words = || explorer.in_words(combo);
        for phase in std::iter::once(&found.phases[at]).chain(found.own[at].iter().flatten()) {
            match phase {
                PhaseOf::None => add("mechanism.phase.none", format!("no phase holds for: {}", words()), at),
                PhaseOf::Many(all) => {
                    let names = all.iter().map(|p| kind.phases[*p].id.as_str()).collect::<Vec<_>>().join(" and ");
                    add("mechanism.phase.double", format!("phases {names} hold at once for: {}", words()), at);
                }
                _ => {}
            }
        }
        let PhaseOf::One(p) = &found.phases[at] else { continue };
        let phase = &kind.phases[*p];
        if phase.ends {
            continue;
        }
        if !found.complete {
            // Combinations whose steps were not followed would all look like dead ends.
        } else if !found.steps[at].iter().any(|(_, known)| *known) {
            add("mechanism.dead-end", format!("nobody can move in phase {}: {}", phase.id, words()), at);
        } else if !ways_out[at] {
            add("mechanism.no-way-out", format!("no end can be reached from phase {}: {}", phase.id, words()), at);
        }
        if !clock_runs(mechanism, explorer, combo, &phase.id, &found.own[at]) {
            add("mechanism.no-clock", format!("phase {} waits and no clock runs: {}", phase.id, words()), at);
        }
    }
    if let Some((at, n)) = found.forbidden.first() {
        add("mechanism.never", format!("what must never be ({}) comes about: {}", kind.nevers[*n].id, explorer.in_words(&found.combos[*at])), *at);
    }
    if let Some((from, to)) = found.reopened.first() {
        add(
            "mechanism.reopened",
            format!("a crossing act reopens what had ended: {} -> {}", explorer.in_words(&found.combos[*from]), explorer.in_words(&found.combos[*to])),
            *to,
        );
    }
    out
}

fn clock_runs(mechanism: &Mechanism, explorer: &Explorer<'_>, combo: &[u8], phase: &str, own: &[Option<PhaseOf>]) -> bool {
    let kind = explorer.kind;
    let answered = |who: &str| mechanism.role(who).map_or_else(|| explorer.anybody_stands(combo, who), |r| r.min > 0);
    let in_own = |name: &String| own.iter().flatten().any(|p| matches!(p, PhaseOf::One(i) if kind.phases[*i].id == *name));
    kind.clocks.iter().any(|c| c.runs_in.iter().any(|r| (r == phase && answered(&c.answers)) || in_own(r)))
}

/// Tells from which combinations parties who know everything can come to an end.
fn can_end(explorer: &Explorer<'_>, found: &Found) -> Vec<bool> {
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); found.combos.len()];
    for (from, tos) in found.steps.iter().enumerate() {
        tos.iter().filter(|(_, known)| *known).for_each(|(to, _)| back[*to].push(from));
    }
    let mut can: Vec<bool> = found.phases.iter().map(|p| explorer.is_end(p)).collect();
    let mut queue: Vec<usize> = (0..can.len()).filter(|i| can[*i]).collect();
    while let Some(at) = queue.pop() {
        for from in &back[at] {
            if !std::mem::replace(&mut can[*from], true) {
                queue.push(*from);
            }
        }
    }
    can
}

#[derive(Default)]
struct Reached {
    /// Role and state, by their places.
    states: BTreeSet<(usize, u8)>,
    moves: BTreeSet<usize>,
    phases: BTreeSet<usize>,
}

impl Reached {
    fn note(&mut self, explorer: &Explorer<'_>, found: &Found) {
        self.moves.extend(&found.moves_taken);
        for (combo, (phase, own)) in found.combos.iter().zip(found.phases.iter().zip(&found.own)) {
            self.states.extend(explorer.states(combo));
            for p in std::iter::once(phase).chain(own.iter().flatten()) {
                if let PhaseOf::One(i) = p {
                    self.phases.insert(*i);
                }
            }
        }
    }

    fn missing(&self, mechanism: &Mechanism, kind: &ItemKind) -> Vec<Fault> {
        let fault = |code, what| Fault { code, item: kind.id.clone(), what, path: Vec::new() };
        let place = |role: &str| mechanism.roles.iter().position(|r| r.id == role).unwrap_or_default();
        let all = kind.stances.iter().flat_map(|s| s.states.iter().enumerate().map(move |(i, st)| (s, i as u8, st)));
        let states = all.filter(|(s, i, _)| !self.states.contains(&(place(&s.role), *i)));
        let moves = kind.moves.iter().enumerate().filter(|(i, _)| !self.moves.contains(i)).map(|(_, m)| m);
        let phases = kind.phases.iter().enumerate().filter(|(i, _)| !self.phases.contains(i)).map(|(_, p)| p);
        states
            .map(|(s, _, st)| fault("mechanism.unreachable.state", format!("{} never comes to state {}", s.role, st.id)))
            .chain(moves.map(|m| fault("mechanism.unreachable.move", format!("{} can never make move {}", m.role, m.id))))
            .chain(phases.map(|p| fault("mechanism.unreachable.phase", format!("phase {} never comes about", p.id))))
            .collect()
    }
}
