//! Units of names, given and family names, that are known: which Latin spellings stand for which Arabic one, and which short form for which name.
//!
//! Two spellings that were seen to stand for each other are one, however they sound; two that are both well known and were never seen together are
//! likely two names, however alike they sound (Imad and Ahmed). The table is learned (`learn`): it holds units that three or more
//! names share, no whole name, and nothing of who bore them. Short forms and what newspapers write are by hand (`data/short_forms.txt`,
//! `data/press_spellings.txt`).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

/// Names that a unit must stand in to be known.
pub(crate) const NAMES_MIN: u32 = 3;
/// From so many names on a unit is as well known as can be.
const WELL_KNOWN: f32 = 40.0;
/// Units that one unit may stand for.
const NEAR_MAX: usize = 16;
/// Names for which a spelling stands that was written by hand.
const BY_HAND: u32 = 2;
/// The part of a unit's names from which what stands beside it is said of it.
const SHARE_MIN: f32 = 0.02;

/// Place in the table.
pub(crate) type Unit = u16;

/// What is known of two units.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Known {
    /// Seen to be one.
    Same,
    /// A short form and its name, or two of one name.
    Short,
    /// Both known, and never seen to be one: from 0, hardly known, to 1, well known.
    Other(f32),
    /// Nothing.
    Nothing,
}

/// One unit.
#[derive(Clone, Default)]
struct Entry {
    arabic: bool,
    names: u32,
    /// Units of the other script that it stands for, and how many names say so.
    near: Vec<(Unit, u32)>,
    /// The names that it is a short form of.
    long: Vec<Unit>,
}

/// The table.
#[derive(Clone, Default)]
pub(crate) struct Units {
    places: HashMap<Box<str>, Unit, ByLetters>,
    entries: Vec<Entry>,
}

/// Finds words quickly. The tables are ours and fixed while a program runs, so that nobody can fill them with words that collide.
pub(crate) type ByLetters = BuildHasherDefault<Letters>;

/// Takes eight bytes at a time: exclusive or, a multiplication, and the upper half brought down.
#[derive(Clone, Copy, Default)]
pub(crate) struct Letters(u64);

impl Hasher for Letters {
    fn write(&mut self, bytes: &[u8]) {
        for eight in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..eight.len()].copy_from_slice(eight);
            let mixed = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 = mixed ^ mixed >> 32;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What was counted: for each pair of an Arabic and a Latin unit the names in which they stand for each other, as numbers that only tell them apart.
pub(crate) type Seen = BTreeMap<(String, String), HashSet<u64>>;

impl Units {
    /// Returns the shipped table.
    pub(crate) fn shipped() -> &'static Units {
        static UNITS: OnceLock<Units> = OnceLock::new();
        UNITS.get_or_init(|| Units::read(include_str!("../../data/units.txt")).expect("the shipped table is tested"))
    }

    /// Reads lines of an Arabic unit, its names, and the Latin units that stand for it with theirs; adds the short forms.
    pub(crate) fn read(text: &str) -> Option<Units> {
        let mut units = Units::default();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split(' ');
            let arabic = units.place(words.next()?, true);
            for pair in words {
                let (latin, names) = pair.split_once(':')?;
                let (latin, names) = (units.place(latin, false), names.parse().ok()?);
                for (of, beside) in [(arabic, latin), (latin, arabic)] {
                    let entry = &mut units.entries[usize::from(of)];
                    entry.names += names;
                    entry.near.push((beside, names));
                }
            }
        }
        for line in include_str!("../../data/press_spellings.txt").lines().filter(|l| !l.starts_with('#')) {
            let (arabic, latin) = line.split_once(':')?;
            let arabic = units.place(arabic, true);
            for l in latin.split_whitespace() {
                let latin = units.place(l, false);
                if !units.stands_for(arabic, latin) {
                    for (of, beside) in [(arabic, latin), (latin, arabic)] {
                        let entry = &mut units.entries[usize::from(of)];
                        entry.names += BY_HAND;
                        entry.near.push((beside, BY_HAND));
                    }
                }
            }
        }
        for e in &mut units.entries {
            e.near.sort_by_key(|n| std::cmp::Reverse(n.1));
            e.near.truncate(NEAR_MAX);
        }
        for line in include_str!("../../data/short_forms.txt").lines().filter(|l| !l.starts_with('#')) {
            let (long, short) = line.split_once(':')?;
            let arabic = long.chars().next().is_some_and(base::fold::is_arabic);
            let long = units.place(long.trim(), arabic);
            for s in short.split_whitespace() {
                let s = units.place(s, arabic);
                units.entries[usize::from(s)].long.push(long);
            }
        }
        Some(units)
    }

    fn place(&mut self, text: &str, arabic: bool) -> Unit {
        if let Some(unit) = self.places.get(text) {
            return *unit;
        }
        let unit = Unit::try_from(self.entries.len()).expect("the table is tested to be small");
        self.places.insert(text.into(), unit);
        self.entries.push(Entry { arabic, ..Entry::default() });
        unit
    }

    /// Finds a unit by its folded letters.
    pub(crate) fn find(&self, text: &str) -> Option<Unit> {
        self.places.get(text).copied()
    }

    /// Returns in how many names a unit stands.
    pub(crate) fn names(&self, unit: Unit) -> u32 {
        self.entries[usize::from(unit)].names
    }

    /// How widespread a unit is, from 0, unknown, to 1.
    pub(crate) fn widespread(&self, unit: Option<Unit>) -> f32 {
        unit.map_or(0.0, |u| ((1.0 + self.entries[usize::from(u)].names as f32).ln() / WELL_KNOWN.ln()).min(1.0))
    }

    fn stands_for(&self, a: Unit, b: Unit) -> bool {
        self.entries[usize::from(a)].near.iter().any(|n| n.0 == b)
    }

    /// Tells what is known of two units.
    pub(crate) fn known(&self, a: Option<Unit>, b: Option<Unit>) -> Known {
        let (Some(a), Some(b)) = (a, b) else { return Known::Nothing };
        if a == b {
            return Known::Same;
        }
        let (x, y) = (&self.entries[usize::from(a)], &self.entries[usize::from(b)]);
        let shortened = x.long.contains(&b) || y.long.contains(&a) || x.long.iter().any(|l| y.long.contains(l));
        let together = match x.arabic == y.arabic {
            false => self.stands_for(a, b),
            true => x.near.iter().any(|n| y.near.iter().any(|m| m.0 == n.0)),
        };
        match (together, shortened) {
            (true, _) => Known::Same,
            (_, true) => Known::Short,
            // Two Arabic spellings were never held against each other.
            _ if x.arabic && y.arabic || x.near.is_empty() || y.near.is_empty() => Known::Nothing,
            _ => Known::Other(((1.0 + x.names.min(y.names) as f32).ln() / WELL_KNOWN.ln()).min(1.0)),
        }
    }

    /// Returns the Arabic units that a Latin one stands for with their shares, and the names that it is short for.
    pub(crate) fn readings(&self, unit: Unit) -> Vec<(Unit, f32)> {
        let entry = &self.entries[usize::from(unit)];
        match entry.arabic {
            true => Vec::new(),
            false => entry.near.iter().map(|n| (n.0, n.1 as f32 / entry.names as f32)).filter(|n| n.1 >= 0.1).collect(),
        }
    }

    /// Returns the names that a unit is a short form of.
    pub(crate) fn long(&self, unit: Unit) -> &[Unit] {
        &self.entries[usize::from(unit)].long
    }

    /// Goes over all units with their letters.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Unit)> {
        self.places.iter().map(|(text, unit)| (&**text, *unit))
    }
}

/// Writes what was counted as the text of `data/units.txt`: units of three names and more, and what stands beside them often enough.
pub(crate) fn written(seen: &Seen) -> String {
    let mut names: [HashMap<&str, HashSet<u64>>; 2] = [HashMap::new(), HashMap::new()];
    for ((arabic, latin), of) in seen {
        names[0].entry(arabic).or_default().extend(of);
        names[1].entry(latin).or_default().extend(of);
    }
    let count = |side: usize, unit: &str| names[side].get(unit).map_or(0, HashSet::len) as u32;
    let mut lines: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
    for ((arabic, latin), of) in seen {
        let (a, l, both) = (count(0, arabic), count(1, latin), of.len() as u32);
        let often = both as f32 >= SHARE_MIN * a.min(l) as f32 && (both >= 2 || a.max(l) < 8);
        if a >= NAMES_MIN && l >= NAMES_MIN && often {
            lines.entry(arabic).or_default().push((both, latin));
        }
    }
    let mut out =
        Cow::Borrowed("# Arabic units of names, and the Latin ones that stand for each, with the number of names that say so; written by `learn_names`.\n")
            .into_owned();
    for (arabic, mut latin) in lines {
        latin.sort_by(|a, b| b.cmp(a));
        out.push_str(arabic);
        latin.iter().for_each(|(n, l)| write!(out, " {l}:{n}").expect("writing into memory"));
        out.push('\n');
    }
    out
}
