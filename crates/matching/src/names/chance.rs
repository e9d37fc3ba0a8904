//! How many other people a question would hit by chance, by the keys of a name.
//!
//! A list of names is drawn from labelled names of one script: the first part of one, all other parts of another, each as often as it occurs there. The
//! questions are the other spellings of names. Who has the very name that is asked for is no false hit but a namesake, whom no key of a
//! name can tell apart; he is left out of the count.

use super::keys::Width;
use super::learn::Labelled;
use super::rates::{Sides, Tables, part};
use super::score::Name;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Names that are drawn, and questions that are put, at most.
const LIST: usize = 200_000;
const QUESTIONS: usize = 2_000;
/// Beside how many others hits are told.
const BESIDE: f64 = 1e6;
/// How often two people's dates of birth are one, or one with day and month exchanged, and how often their years: measured on the dates of
/// 15,839 politicians born from 1930 to 1985. Dates are taken to have nothing to do with names.
pub const SAME_DATE: f64 = 1.0 / 12_488.0;
/// See [`SAME_DATE`].
pub const SAME_YEAR: f64 = 1.0 / 47.0;

/// What chance does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Chance {
    /// Questions that were put.
    pub questions: usize,
    /// Mean number of others who are hit, beside 10^6.
    pub mean: f64,
    /// Half of the questions hit at most so many.
    pub median: f64,
    /// The part of questions beside whom the list held a namesake.
    pub namesakes: f64,
}

/// Draws a list out of the names of one script and asks it; none where there are fewer than two such names.
///
/// `arabic`: names in Arabic script are drawn and their Latin spellings are asked; otherwise Latin ones are both.
pub fn chance(tables: &Tables, from: &[Labelled], asked: &[Labelled], arabic: bool, sides: Sides) -> Option<Chance> {
    let is_arabic = |text: &str| text.chars().any(base::fold::is_arabic);
    let drawn_from: Vec<Name> =
        from.iter().filter(|p| p.same && is_arabic(&p.left) == arabic).map(|p| tables.name(&p.left)).filter(|n| n.parts().len() >= 2).collect();
    let asked: Vec<&Labelled> = asked.iter().filter(|p| p.same && is_arabic(&p.left) == arabic && !is_arabic(&p.right)).collect();
    if drawn_from.len() < 2 || asked.is_empty() {
        return None;
    }
    // Drawn by a fixed sequence, so that a run can be repeated.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut draw = |n: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((state >> 33) as usize) % n
    };
    // A hundred of each that there can be are enough.
    let list = LIST.min(drawn_from.len() * drawn_from.len() * 100);
    let mut by_key: HashMap<u64, Vec<u32>> = HashMap::new();
    let mut bearers: HashMap<u64, Vec<u32>> = HashMap::new();
    for i in 0..list as u32 {
        let (first, others) = (&drawn_from[draw(drawn_from.len())], &drawn_from[draw(drawn_from.len())]);
        let name = first.first_with_others(others);
        bearers.entry(identity(&name)).or_default().push(i);
        for key in tables.keys(&name, sides.0) {
            by_key.entry(hash(key.as_str())).or_default().push(i);
        }
    }
    let step = (asked.len() / QUESTIONS).max(1);
    let (mut hits, mut namesakes) = (Vec::new(), 0usize);
    for p in asked.iter().step_by(step) {
        let same = bearers.get(&identity(&tables.name(&p.left)));
        namesakes += usize::from(same.is_some());
        let mut found: Vec<u32> =
            tables.keys(&tables.name(&p.right), sides.1).iter().filter_map(|k| by_key.get(&hash(k.as_str()))).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found.retain(|i| same.is_none_or(|s| s.binary_search(i).is_err()));
        hits.push(found.len());
    }
    hits.sort_unstable();
    let scaled = |n: f64| n * BESIDE / list as f64;
    Some(Chance {
        questions: hits.len(),
        mean: scaled(hits.iter().sum::<usize>() as f64 / hits.len() as f64),
        median: scaled(hits[hits.len() / 2] as f64),
        namesakes: part(namesakes as f64, hits.len() as f64).unwrap_or_default(),
    })
}

/// The widths that are told, and how they are called: what a list and a question carry.
pub const TOLD: [(&str, Sides); 5] = [
    ("narrow", Sides(Width::Narrow, Width::Narrow)),
    ("medium", Sides(Width::Medium, Width::Medium)),
    ("wide", Sides(Width::Wide, Width::Wide)),
    ("wide list, medium question", Sides(Width::Wide, Width::Medium)),
    ("medium list, narrow question", Sides(Width::Medium, Width::Narrow)),
];

fn hash(key: &str) -> u64 {
    let mut h = DefaultHasher::new();
    key.hash(&mut h);
    h.finish()
}

/// Names of the same parts in any order are one name.
fn identity(name: &Name) -> u64 {
    let mut parts: Vec<&str> = name.parts().iter().map(super::parts::Part::unit_text).collect();
    parts.sort_unstable();
    hash(&parts.join(" "))
}
