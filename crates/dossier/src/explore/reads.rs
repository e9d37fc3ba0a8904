//! What rules read of a combination: written down as a key, so that each different reading is evaluated once.

use super::{Explorer, NONE};
use crate::mechanism::{ItemKind, Mechanism, Role};
use crate::rule::Rule;
use crate::voice::Voice;

/// What a set of rules reads of a row.
pub(super) struct Reading {
    roles: Vec<bool>,
    items: bool,
    own_items: bool,
    me: bool,
    mine: bool,
    neighbours: bool,
    voices: Vec<bool>,
    /// Where the rules ask nothing of lists but how many are in some states: these questions, instead of the lists themselves.
    asks: Option<Vec<Ask>>,
}

/// One question to a list of states.
struct Ask {
    /// The role, by its place, or all.
    role: Option<usize>,
    /// The voice, by its place among those that are asked for, instead of a role.
    voice: Option<usize>,
    /// By role and state, which of them count; all where only the length is asked.
    counts: Vec<Vec<bool>>,
}

impl Reading {
    /// Tells whether the rules read nothing but the party itself.
    pub(super) fn of_itself(&self) -> bool {
        let others = self.roles.iter().chain(&self.voices).any(|r| *r);
        !(others || self.items || self.own_items || self.neighbours)
    }

    pub(super) fn of<'r>(mechanism: &Mechanism, kind: &ItemKind, asked: &[(&ItemKind, &Voice)], rules: impl Iterator<Item = &'r Rule> + Clone) -> Reading {
        let reads = |name: &str| rules.clone().any(|r| r.reads(name));
        let all = reads("parties");
        Reading {
            roles: mechanism.roles.iter().map(|r| all || reads(&r.id)).collect(),
            items: reads("items"),
            own_items: reads("own_items"),
            me: reads("me"),
            mine: reads("mine"),
            neighbours: reads("before") || reads("after"),
            voices: asked.iter().map(|(_, s)| reads(&s.id)).collect(),
            asks: rules.clone().map(Rule::asked).collect::<Option<Vec<_>>>().map(|all| {
                let mut each: Vec<_> = all.into_iter().flatten().collect();
                each.sort();
                each.dedup();
                each.into_iter().map(|(list, states)| Ask::of(mechanism, kind, asked, list, states)).collect()
            }),
        }
    }
}

impl Ask {
    fn of(mechanism: &Mechanism, kind: &ItemKind, asked: &[(&ItemKind, &Voice)], list: &str, states: &[String]) -> Ask {
        let counts = |role: &Role| {
            let all = kind.stance(&role.id).into_iter().flat_map(|s| &s.states);
            all.map(|s| states.is_empty() || states.contains(&s.id)).collect()
        };
        Ask {
            role: mechanism.roles.iter().position(|r| r.id == *list),
            voice: asked.iter().position(|(_, v)| v.id == *list),
            counts: mechanism.roles.iter().map(counts).collect(),
        }
    }
}

impl Explorer<'_> {
    /// Writes down what some rules read of a combination, so that each different reading is evaluated once.
    pub(super) fn key(&self, combo: &[u8], party: Option<usize>, reading: &Reading, key: &mut Vec<u8>) {
        if let Some(asks) = &reading.asks {
            key.extend(asks.iter().map(|ask| self.answer(ask, combo)));
        }
        let mut at = if reading.asks.is_some() { self.slots.len() } else { 0 };
        while at < self.slots.len() {
            let slot = &self.slots[at];
            let n = self.slots[at..].iter().take_while(|s| s.place == slot.place).count();
            if reading.roles[slot.place] {
                let from = key.len();
                key.extend_from_slice(&combo[at..at + n]);
                if !slot.ordered {
                    key[from..].sort_unstable();
                }
            }
            at += n;
        }
        for (a, _) in reading.voices.iter().enumerate().filter(|(_, read)| **read && reading.asks.is_none()) {
            let stand = (0..self.slots.len()).filter(|s| combo[*s] != NONE && self.stands(combo, *s, a));
            let mut states: Vec<[u8; 2]> = stand.map(|s| [self.slots[s].place as u8, combo[s]]).collect();
            states.sort_unstable();
            key.push(states.len() as u8);
            key.extend(states.into_iter().flatten());
        }
        if reading.items {
            for child in &self.children {
                let width = child.phases.len();
                key.extend((0..width).map(|p| (child.at + p..child.end(self.slots.len())).step_by(width).map(|at| combo[at]).sum::<u8>()));
            }
        }
        let Some(p) = party else { return };
        key.push(self.slots[p].place as u8);
        if reading.own_items {
            for child in self.children.iter().filter(|c| c.owned) {
                let at = child.at + p * child.phases.len();
                key.extend_from_slice(&combo[at..at + child.phases.len()]);
            }
        }
        if reading.me {
            key.push(combo[p]);
        }
        if reading.mine {
            key.push(self.slots[p].opener as u8);
        }
        if reading.neighbours {
            let alike = (0..self.slots.len()).filter(|o| self.slots[*o].place == self.slots[p].place);
            key.extend(alike.map(|o| if o == p { NONE - 1 } else { combo[o] }));
        }
    }

    /// Counts, in a combination, the states of a list that a question asks for.
    fn answer(&self, ask: &Ask, combo: &[u8]) -> u8 {
        let in_list = |s: usize| match (ask.role, ask.voice) {
            (Some(role), _) => self.slots[s].place == role,
            (None, Some(voice)) => self.stands(combo, s, voice),
            (None, None) => true,
        };
        let counts = |s: &usize| combo[*s] != NONE && in_list(*s) && ask.counts[self.slots[*s].place][combo[*s] as usize];
        (0..self.slots.len()).filter(counts).count() as u8
    }
}
