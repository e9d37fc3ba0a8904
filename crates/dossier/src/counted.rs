//! How the checker sees the children of an item: by the classes of phases that its rules tell apart.

use crate::mechanism::ItemKind;
use crate::state::{ENDED, RUNNING};
use std::collections::{BTreeMap, BTreeSet};

/// What exploring a kind taught about it, for the kind above.
#[derive(Default, Clone)]
pub(crate) struct Abstract {
    pub initial: BTreeSet<u8>,
    /// From which phase to which, and whether parties who know everything can take it there.
    pub edges: BTreeMap<(u8, u8), bool>,
}

/// A kind of child that rules count: the classes of phases that they tell apart, and how children pass between them.
pub(crate) struct Counted<'m> {
    pub kind: &'m ItemKind,
    /// For each class the names under which rules count it, its own first; a child in a phase of no class is gone.
    pub phases: Vec<Vec<&'m str>>,
    pub initial: Vec<Option<usize>>,
    /// From, to (none: gone), and whether parties who know everything can take it there.
    pub edges: Vec<(usize, Option<usize>, bool)>,
    /// Whether a rule asks who opened it; where none does, that is left out.
    pub owned: bool,
    /// Where its counts begin in a row.
    pub at: usize,
}

impl<'m> Counted<'m> {
    /// Works out what rules of a kind read of a child kind; none where they read nothing of it.
    pub fn of(kind: &ItemKind, child: &'m ItemKind, known: Option<&Abstract>) -> Option<Counted<'m>> {
        let reads = || kind.rules().flat_map(|r| r.counted().iter().map(move |c| (r, c))).filter(|(_, (k, _))| *k == child.id || k.is_empty());
        reads().next()?;
        let owned = reads().any(|(r, _)| r.reads("own_items"));
        if child.phases.is_empty() {
            return Some(Counted { kind: child, phases: vec![vec!["count"]], initial: vec![Some(0)], edges: Vec::new(), owned, at: 0 });
        }
        let known = known.cloned().unwrap_or_default();
        let all = reads().any(|(_, (_, phase))| phase.is_none());
        let named = |name: &str| all || reads().any(|(_, (_, phase))| phase.as_deref() == Some(name));
        // Phases from which one that is named can be reached stay apart, since where a child is then decides what it can become.
        let mut apart: BTreeSet<u8> = (0..child.phases.len() as u8).filter(|p| named(&child.phases[*p as usize].id)).collect();
        let stays = |p: u8, apart: &BTreeSet<u8>| apart.contains(&p) || named(if child.phases[p as usize].ends { ENDED } else { RUNNING });
        loop {
            let more: Vec<u8> = known.edges.keys().filter(|(a, b)| apart.contains(b) && !apart.contains(a)).map(|(a, _)| *a).collect();
            if more.is_empty() {
                break;
            }
            apart.extend(more);
        }
        let mut phases: Vec<Vec<&'m str>> = Vec::new();
        let mut class: Vec<Option<usize>> = Vec::new();
        for (i, p) in child.phases.iter().enumerate() {
            let whole = if p.ends { ENDED } else { RUNNING };
            let names = if apart.contains(&(i as u8)) { vec![p.id.as_str(), whole] } else { vec![whole] };
            class.push(stays(i as u8, &apart).then(|| {
                phases.iter().position(|n| *n == names).unwrap_or_else(|| {
                    phases.push(names);
                    phases.len() - 1
                })
            }));
        }
        // That an end can be reached from every phase that is running is proved of the child by itself.
        let mut edges: BTreeMap<(usize, Option<usize>), bool> = BTreeMap::new();
        for ((a, b), known) in &known.edges {
            if let Some(from) = class[*a as usize].filter(|from| Some(*from) != class[*b as usize]) {
                *edges.entry((from, class[*b as usize])).or_default() |= known;
            }
        }
        let initial: BTreeSet<Option<usize>> = known.initial.iter().map(|p| class[*p as usize]).collect();
        let edges = edges.into_iter().map(|((a, b), known)| (a, b, known)).collect();
        Some(Counted { kind: child, phases, initial: initial.into_iter().collect(), edges, owned, at: 0 })
    }

    pub fn end(&self, slots: usize) -> usize {
        self.at + self.phases.len() * if self.owned { slots } else { 1 }
    }

    pub fn number(&self, combo: &[u8], slots: usize) -> u8 {
        combo[self.at..self.end(slots)].iter().sum()
    }

    pub fn phase_name(&self, class: usize) -> &'m str {
        self.phases[class][0]
    }
}
