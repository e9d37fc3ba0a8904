//! How well names are told apart, and found again by their keys: figures of labelled pairs, for the shipped tables or for ones just learned.

use super::costs::Costs;
use super::keys::{NameKey, Readings, Width};
use super::learn::{Labelled, Learned};
use super::score::{ALIKE, Name, Pairing, Weights};
use super::units::Units;
use std::borrow::Cow;

/// The part of false hits at which recall is told.
const FALSE_PART: usize = 100;
/// One in so many names is held back.
const HELD_BACK: u64 = 4;

/// Tables with which names are compared and turned into keys.
pub struct Tables {
    costs: Cow<'static, Costs>,
    weights: Cow<'static, Weights>,
    units: Cow<'static, Units>,
    readings: Readings,
}

/// What pairs come to, at the score from which two names are taken for one.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Rates {
    /// Pairs.
    pub pairs: usize,
    /// Pairs that are one name.
    pub same: usize,
    /// The part of what is taken for one name that is.
    pub precision: Option<f64>,
    /// The part of what is one name that is taken for one.
    pub recall: Option<f64>,
    /// The harmonic mean of both.
    pub f1: Option<f64>,
    /// Recall where one in a hundred pairs of two names is taken for one.
    pub recall_at_one_percent: Option<f64>,
}

/// How names are held against each other by keys: the width of each side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sides(pub Width, pub Width);

/// Whether two names met by a key, and how many keys they had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// Whether a key is in both.
    pub met: bool,
    /// Keys of both together.
    pub keys: usize,
}

impl Tables {
    /// Returns the shipped tables.
    pub fn shipped() -> Tables {
        let (costs, units) = (Costs::shipped(), Units::shipped());
        Tables { costs: Cow::Borrowed(costs), weights: Cow::Borrowed(Weights::shipped()), units: Cow::Borrowed(units), readings: Readings::of(costs, units) }
    }

    /// Takes tables that were just learned; none where their text is not of the form.
    pub fn of(learned: &Learned) -> Option<Tables> {
        let costs = Costs::read(&learned.letters)?;
        let units = Units::read(&learned.units)?;
        let readings = Readings::of(&costs, &units);
        Some(Tables { costs: Cow::Owned(costs), weights: Cow::Owned(Weights::read(&learned.weights)?), units: Cow::Owned(units), readings })
    }

    /// Prepares a name.
    pub fn name(&self, text: &str) -> Name {
        Name::with(text, &self.costs, &self.units)
    }

    /// Returns how likely two names are one.
    pub fn score(&self, a: &Name, b: &Name) -> f32 {
        Pairing::of_alike(a, b, &self.costs, &self.units).score(&self.weights)
    }

    /// Returns a name's keys.
    pub fn keys(&self, name: &Name, width: Width) -> Vec<NameKey> {
        name.keys_by(width, &self.readings)
    }

    /// Holds two names against each other by their keys.
    pub fn meet(&self, a: &Name, b: &Name, sides: Sides) -> Met {
        let (a, b) = (a.keys_by(sides.0, &self.readings), b.keys_by(sides.1, &self.readings));
        Met { met: a.iter().any(|k| b.contains(k)), keys: a.len() + b.len() }
    }
}

/// Parts pairs into those to learn from and those held back, by the first name's text: no first name stands on both sides.
pub fn hold_back(pairs: Vec<Labelled>) -> (Vec<Labelled>, Vec<Labelled>) {
    let hash = |s: &str| s.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    pairs.into_iter().partition(|p| !hash(&p.left).is_multiple_of(HELD_BACK))
}

/// Works the rates out of scores, each with whether its pair is one name.
pub fn rates(scores: &[(f32, bool)]) -> Rates {
    let count = |f: &dyn Fn(&(f32, bool)) -> bool| scores.iter().filter(|s| f(s)).count() as f64;
    let (hit, wrong, missed) = (count(&|s| s.1 && s.0 >= ALIKE), count(&|s| !s.1 && s.0 >= ALIKE), count(&|s| s.1 && s.0 < ALIKE));
    let mut negatives: Vec<f32> = scores.iter().filter(|s| !s.1).map(|s| s.0).collect();
    negatives.sort_by(|a, b| b.total_cmp(a));
    let bar = negatives.get(negatives.len() / FALSE_PART);
    Rates {
        pairs: scores.len(),
        same: scores.iter().filter(|s| s.1).count(),
        precision: part(hit, hit + wrong),
        recall: part(hit, hit + missed),
        f1: part(2.0 * hit, 2.0 * hit + wrong + missed),
        recall_at_one_percent: bar.and_then(|bar| part(count(&|s| s.1 && s.0 > *bar), hit + missed)),
    }
}

/// A part of a whole with four digits; none where there is no whole.
pub fn part(of: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (of / whole * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::super::learn::learn;
    use super::*;

    fn pair(left: &str, right: &str, same: bool) -> Labelled {
        Labelled { left: left.to_owned(), right: right.to_owned(), same }
    }

    #[test]
    fn rates_follow_from_scores() {
        let r = rates(&[(0.9, true), (0.8, false), (0.2, true)]);
        assert_eq!((r.precision, r.recall, r.f1, r.recall_at_one_percent), (Some(0.5), Some(0.5), Some(0.5), Some(0.5)));
        assert_eq!(rates(&[(0.9, true)]).recall_at_one_percent, None, "no negative, no bar");
        assert_eq!(rates(&[]), Rates::default());
    }

    #[test]
    fn what_is_held_back_shares_no_first_name_with_the_rest() {
        let pairs = (0..200).flat_map(|n| [pair(&format!("Ana {n}"), "x", true), pair(&format!("Ana {n}"), "y", false)]).collect();
        let (rest, held) = hold_back(pairs);
        assert!(held.iter().all(|h| rest.iter().all(|r| r.left != h.left)) && held.len() > 40 && rest.len() > 240);
    }

    #[test]
    fn learned_tables_are_used_and_not_the_shipped_ones() {
        // Two labels turned round: whoever learns from them takes strangers for one.
        let pairs: Vec<Labelled> = (0..8).flat_map(|_| [pair("محمد الزروالي", "Mohamed Zerouali", false), pair("خالد بنشقرون", "Ana Vogel", true)]).collect();
        let (shipped, learned) = (Tables::shipped(), Tables::of(&learn(&pairs)).unwrap());
        let score = |t: &Tables| t.score(&t.name("محمد الزروالي"), &t.name("Mohamed Zerouali"));
        assert!(score(&shipped) >= ALIKE && score(&learned) < ALIKE);
        let met = shipped.meet(&shipped.name("محمد الزروالي"), &shipped.name("Mohamed Zerouali"), Sides(Width::Wide, Width::Medium));
        assert!(met.met && met.keys >= 2);
    }
}
