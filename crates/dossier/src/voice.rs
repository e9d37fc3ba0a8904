//! Voices: who still has a say. An item kind names states of its stances in which a party has a voice; rules, moves and clocks of what
//! lives within ask for the parties that have it.
//!
//! 1 a kind declares a voice, 2 rules of the kinds within it read its name like a role: the states, on their own item, of the parties
//! who stand so above, 3 a move or an opening may be for them `only`, 4 a clock may be answered by them alone. When a party moves above,
//! the phases of what lives within are worked out anew.

use crate::mechanism::{ItemKind, Mechanism, Stance};
use crate::state::{Item, State};
use base::{ItemId, Labels};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A voice: the parties whose stance on an item is one of some states.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// Its name; rules of the kinds within read it like a role.
    pub id: String,
    /// Its label.
    pub label: Labels,
    /// By role, the states in which a party has it. A role that is not named is never in it.
    pub states: BTreeMap<String, Vec<String>>,
}

impl Voice {
    /// Tells whether a party of a role has it in a state.
    pub fn holds(&self, role: &str, state: &str) -> bool {
        self.states.get(role).is_some_and(|s| s.iter().any(|n| n == state))
    }
}

impl Mechanism {
    /// Goes over the kinds within which a kind lives, the nearest first.
    pub fn above<'a>(&'a self, kind: &'a ItemKind) -> impl Iterator<Item = &'a ItemKind> {
        std::iter::successors(kind.parent.as_deref().and_then(|p| self.kind(p)), |k| k.parent.as_deref().and_then(|p| self.kind(p)))
    }

    /// Finds a voice that is declared above a kind, with the kind that declares it.
    pub fn voice_above<'a>(&'a self, kind: &'a ItemKind, id: &str) -> Option<(&'a ItemKind, &'a Voice)> {
        self.above(kind).find_map(|k| Some((k, k.voice(id)?)))
    }

    /// Lists the voices above a kind that its rules, its moves or its opening ask for, with the kinds that declare them.
    pub(crate) fn asked_of<'a>(&'a self, kind: &'a ItemKind) -> Vec<(&'a ItemKind, &'a Voice)> {
        let only = |id: &str| kind.only.iter().chain(kind.moves.iter().filter_map(|m| m.only.as_ref())).any(|o| o == id);
        let answers = |id: &str| kind.clocks.iter().any(|c| c.answers == id);
        let asks = |s: &Voice| kind.rules().any(|r| r.reads(&s.id)) || only(&s.id) || answers(&s.id);
        self.above(kind).flat_map(|k| k.voices.iter().map(move |s| (k, s))).filter(|(_, s)| asks(s)).collect()
    }
}

impl ItemKind {
    /// Finds a voice that the kind declares.
    pub fn voice(&self, id: &str) -> Option<&Voice> {
        self.voices.iter().find(|s| s.id == id)
    }

    /// Tells whether a phase of the kind reads one of some voices.
    fn phases_read(&self, voices: &[Voice]) -> bool {
        self.phases.iter().any(|p| voices.iter().any(|s| p.rule.reads(&s.id)))
    }
}

impl State {
    /// Tells whether a party has a voice: on the nearest item, from one upwards, whose kind declares the voice.
    pub fn stands(&self, from: &Item, party: usize, voice: &str) -> bool {
        let up = std::iter::successors(Some(from), |i| i.parent.and_then(|p| self.item(&p)));
        let mut declared = { up }.filter_map(|i| self.kind_of(i).voice(voice).map(|s| (i, s)));
        declared.next().is_some_and(|(i, s)| self.stance_name(i, party).is_some_and(|state| s.holds(&self.parties()[party].1, state)))
    }

    /// Tells whether a party may open a kind within an item, or make a move on one, that is for one voice only. Roles that the voice
    /// does not name open freely.
    pub(crate) fn admits(&self, from: &Item, party: usize, only: Option<&String>) -> bool {
        let Some(id) = only else { return true };
        let role = &self.parties()[party].1;
        let named = self.mechanism().items.iter().find_map(|k| k.voice(id)).is_some_and(|s| s.states.contains_key(role));
        !named || self.stands(from, party, id)
    }

    /// Lists the items within one, however deep, whose phases read how parties stand on it; the deepest first.
    pub(crate) fn heirs(&self, of: &ItemId) -> Vec<ItemId> {
        let mut out = Vec::new();
        if let Some(item) = self.item(of)
            && !self.kind_of(item).voices.is_empty()
        {
            self.gather(of, item.kind, item.kind, &mut out);
        }
        out
    }

    fn gather(&self, within: &ItemId, kind: usize, declares: usize, out: &mut Vec<ItemId>) {
        let kinds = &self.mechanism().items;
        let voices = &kinds[declares].voices;
        let leads = |k: &ItemKind| k.phases_read(voices) || kinds.iter().any(|d| d.phases_read(voices) && self.mechanism().above(d).any(|a| a.id == k.id));
        // An item of the declaring kind that stands within another begins a circle of its own.
        for (place, k) in kinds.iter().enumerate().filter(|(place, k)| *place != declares && leads(k)) {
            if k.parent.as_deref() != Some(kinds[kind].id.as_str()) && !(place == kind && k.nests > 0) {
                continue;
            }
            for child in self.within(within, place) {
                self.gather(&child.id, place, declares, out);
                if k.phases_read(voices) {
                    out.push(child.id);
                }
            }
        }
    }
}

/// How the parties of one role may stand above an item, told apart only by the voices that are asked for, and how they pass from one way
/// to another. That a party's stance above can be moved so is taken from its moves alone, whatever their guards say.
pub(crate) struct Classes {
    /// For each class, which of the voices it is in.
    pub stands: Vec<Vec<bool>>,
    /// From, to.
    pub edges: BTreeSet<(u8, u8)>,
    /// For each class, those through which a party may have come, itself included; those in most voices first, as a beginning mostly is.
    pub before: Vec<Vec<u8>>,
}

impl Classes {
    /// Works out the classes of a role; one class where nothing above tells its parties apart.
    pub fn of(asked: &[(&ItemKind, &Voice)], role: &str) -> Classes {
        let kinds = declaring(asked);
        // Every way to stand on all kinds above at once; no state where the role holds none, or only its opener does.
        let mut ways: Vec<Vec<Option<usize>>> = vec![Vec::new()];
        for k in &kinds {
            let stance = k.stance(role);
            let states = stance.map_or(Vec::new(), |s| reachable(k, s).into_iter().map(Some).collect());
            let none = stance.is_none_or(|s| s.opener_only).then_some(None);
            let each: Vec<Option<usize>> = states.into_iter().chain(none).collect();
            ways = ways.iter().flat_map(|w| each.iter().map(|s| w.iter().copied().chain([*s]).collect())).collect();
        }
        let name = |k: usize, s: usize| kinds[k].stance(role).map_or("", |st| st.states[s].id.as_str());
        let bits = |way: &Vec<Option<usize>>| -> Vec<bool> {
            let at = |kind: &ItemKind| kinds.iter().position(|k| k.id == kind.id).expect("gathered above");
            asked.iter().map(|(kind, s)| way[at(kind)].is_some_and(|state| s.holds(role, name(at(kind), state)))).collect()
        };
        let mut stands: Vec<Vec<bool>> = ways.iter().map(bits).collect();
        stands.sort();
        stands.dedup();
        let class = |way: &Vec<Option<usize>>| stands.iter().position(|s| *s == bits(way)).expect("gathered above") as u8;
        let mut edges = BTreeSet::new();
        for way in &ways {
            for (k, state) in way.iter().enumerate().filter_map(|(k, s)| s.map(|s| (k, s))) {
                for m in kinds[k].moves.iter().filter(|m| m.role == role && m.from.iter().any(|f| f == name(k, state))) {
                    let mut next = way.clone();
                    next[k] = kinds[k].stance(role).and_then(|st| st.states.iter().position(|s| s.id == m.to));
                    edges.insert((class(way), class(&next)));
                }
            }
        }
        edges.retain(|(a, b)| a != b);
        let before = (0..stands.len() as u8).map(|c| closed(c, &edges).into_iter().rev().collect()).collect();
        Classes { stands, edges, before }
    }
}

/// Lists the kinds that declare some voices, each once.
pub(crate) fn declaring<'a>(asked: &[(&'a ItemKind, &Voice)]) -> Vec<&'a ItemKind> {
    let mut kinds: Vec<&ItemKind> = Vec::new();
    for (k, _) in asked {
        if !kinds.iter().any(|o| o.id == k.id) {
            kinds.push(k);
        }
    }
    kinds
}

/// Returns a class and all from which it can be come to.
fn closed(class: u8, edges: &BTreeSet<(u8, u8)>) -> Vec<u8> {
    let mut out = BTreeSet::from([class]);
    loop {
        let more: Vec<u8> = edges.iter().filter(|(a, b)| out.contains(b) && !out.contains(a)).map(|(a, _)| *a).collect();
        if more.is_empty() {
            return out.into_iter().collect();
        }
        out.extend(more);
    }
}

/// Lists the states of a stance to which its moves lead from where it begins.
fn reachable(kind: &ItemKind, stance: &Stance) -> Vec<usize> {
    let place = |id: &String| stance.states.iter().position(|s| s.id == *id);
    let mut out: BTreeSet<usize> = [Some(&stance.initial), stance.opener_initial.as_ref()].into_iter().flatten().filter_map(place).collect();
    loop {
        let on = |m: &&crate::Move| m.role == stance.role && m.from.iter().filter_map(place).any(|f| out.contains(&f));
        let more: Vec<usize> = kind.moves.iter().filter(on).filter_map(|m| place(&m.to)).filter(|t| !out.contains(t)).collect();
        if more.is_empty() {
            return out.into_iter().collect();
        }
        out.extend(more);
    }
}
