//! How likely two spellings are one name, and why, part by part.
//!
//! 1 neighbours that the other name writes in one word are written together, 2 every part of one name is aligned with every part of the other, 3 the
//! best are taken one by one, 4 what fits, what is left over and in which order makes a few figures, 5 learned weights make one number of them.
//! Nothing here decides: a person reads it, with the reasons.

use super::costs::Costs;
use super::letters::{WORD_MAX, is_arabic_symbol};
use super::parts::{PARTS_MAX, Part, parts};
use super::units::{Known, Unit, Units};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::OnceLock;

/// A name that is ready to be compared.
#[derive(Clone, Debug)]
pub struct Name {
    parts: Vec<Part>,
    worths: Vec<[i32; 2]>,
    units: Vec<Option<Unit>>,
    arabic: bool,
}

/// How well one part fits another.
#[derive(Clone, PartialEq, Debug)]
pub struct Fit {
    /// The part of the first name, folded.
    pub left: String,
    /// The part of the second name, folded.
    pub right: String,
    /// From 0, nothing in common, to 1, the same sounds.
    pub fit: f32,
}

/// What comparing two names says.
#[derive(Clone, PartialEq, Debug)]
pub struct Likeness {
    /// From 0 to 1: how likely pairs that look like this are one name, as measured on labelled pairs.
    pub score: f32,
    /// Which parts were held against each other.
    pub fits: Vec<Fit>,
    /// Parts of the first name that have no counterpart.
    pub left_over: Vec<String>,
    /// Parts of the second name that have no counterpart.
    pub right_over: Vec<String>,
    /// Whether the parts stand in another order.
    pub reordered: bool,
}

/// From this score on two spellings are taken for one name; chosen on the public pairs.
pub const ALIKE: f32 = 0.5;
/// What a form without its doubtful affix loses.
const BARE_LOSS: f32 = 0.04;
/// What a form loses whose groups of letters are parted.
const PARTED_LOSS: f32 = 0.04;
/// How well a short form fits its name at least.
const SHORT_FIT: f32 = 0.85;
/// Figures that a pair comes to.
pub(crate) const FIGURES: usize = 16;
/// Weights: one for each figure and each product of two.
pub(crate) const WEIGHTS: usize = FIGURES * (FIGURES + 1) / 2;
/// Sounds of a whole name.
const WHOLE_MAX: usize = WORD_MAX;

/// The learned weights: Latin beside Latin or Arabic beside Arabic, and one of each.
#[derive(Clone)]
pub(crate) struct Weights(pub(crate) [[f32; WEIGHTS]; 2]);

impl Weights {
    pub(crate) fn shipped() -> &'static Weights {
        static WEIGHTS: OnceLock<Weights> = OnceLock::new();
        WEIGHTS.get_or_init(|| Weights::read(include_str!("../../data/weights.txt")).expect("the shipped weights are tested"))
    }

    /// Reads two lines of numbers.
    pub(crate) fn read(text: &str) -> Option<Weights> {
        let mut lines = text.lines().filter(|l| !l.starts_with('#'));
        let mut line = || -> Option<[f32; WEIGHTS]> {
            let numbers: Vec<f32> = lines.next()?.split_whitespace().map(|n| n.parse().ok()).collect::<Option<_>>()?;
            numbers.try_into().ok()
        };
        Some(Weights([line()?, line()?]))
    }
}

impl Name {
    /// Prepares a name in any of the scripts.
    pub fn new(text: &str) -> Name {
        Name::with(text, Costs::shipped(), Units::shipped())
    }

    pub(crate) fn with(text: &str, costs: &Costs, units: &Units) -> Name {
        Name::of(parts(text), costs, units)
    }

    fn of(parts: Vec<Part>, costs: &Costs, units: &Units) -> Name {
        let worths = parts.iter().map(|p| [false, true].map(|arabic| costs.own(&p.forms[0].symbols, arabic))).collect();
        let arabic = parts.iter().any(|p| p.forms[0].symbols.first().is_some_and(|s| is_arabic_symbol(*s)));
        let units = parts.iter().map(|p| unit(p, units)).collect();
        Name { parts, worths, units, arabic }
    }

    /// Compares with another name.
    pub fn likeness(&self, other: &Name) -> Likeness {
        let (costs, units) = (Costs::shipped(), Units::shipped());
        let (left, right) = parted_alike(self, other, costs, units);
        let pairing = Pairing::of(&left, &right, costs, units);
        let text = |side: &Name, i: usize| side.parts[i].text.clone();
        let fits = pairing.taken.iter().map(|(i, j, fit)| Fit { left: text(&left, *i), right: text(&right, *j), fit: fit.clamp(0.0, 1.0) }).collect();
        let over = |side: &Name, taken: &dyn Fn(usize) -> bool| (0..side.parts.len()).filter(|i| !taken(*i)).map(|i| text(side, i)).collect();
        Likeness {
            score: pairing.score(Weights::shipped()),
            fits,
            left_over: over(&left, &|i| pairing.taken.iter().any(|t| t.0 == i)),
            right_over: over(&right, &|j| pairing.taken.iter().any(|t| t.1 == j)),
            reordered: pairing.reordered,
        }
    }

    /// Returns the score alone, which is quicker.
    pub fn score(&self, other: &Name) -> f32 {
        Pairing::of_alike(self, other, Costs::shipped(), Units::shipped()).score(Weights::shipped())
    }

    /// Returns what of the table each part is.
    pub(crate) fn units(&self) -> &[Option<Unit>] {
        &self.units
    }

    /// Makes a name of the first part of this one and all but the first of another.
    pub(crate) fn first_with_others(&self, other: &Name) -> Name {
        fn both<T: Clone>(a: &[T], b: &[T]) -> Vec<T> {
            a.iter().take(1).chain(b.iter().skip(1)).cloned().collect()
        }
        Name {
            parts: both(&self.parts, &other.parts),
            worths: both(&self.worths, &other.worths),
            units: both(&self.units, &other.units),
            arabic: self.arabic || other.arabic,
        }
    }

    /// Leaves the first part away: of a name that runs through the generations, the father's is left.
    pub(crate) fn without_first(&self) -> Name {
        let behind = self.parts.len().min(1);
        Name { parts: self.parts[behind..].to_vec(), worths: self.worths[behind..].to_vec(), units: self.units[behind..].to_vec(), arabic: self.arabic }
    }

    /// Writes two neighbours as one word where a part of a shorter name that fits no single one fits them together; the best, where there are
    /// several.
    fn together(&self, shorter: &Name, costs: &Costs, units: &Units) -> Option<Name> {
        let mut rows = [0; WORD_MAX + 1];
        let mut fit_of = |p: &Part, q: &Part| fit(p, q, self, shorter, costs, &mut rows);
        let alone = |q| (q, self.parts.iter().map(|p| fit_of(p, q)).fold(-1.0, f32::max));
        let unmatched: Vec<(&Part, f32)> =
            shorter.parts.iter().filter(|q| !q.is_initial()).map(alone).filter(|(_, alone)| *alone <= 1.0 - TOGETHER_GAIN).collect();
        if unmatched.is_empty() {
            return None;
        }
        let mut best: Option<(f32, usize)> = None;
        for (i, two) in self.parts.windows(2).enumerate() {
            let one = Part::together(&two[0], &two[1]);
            for (q, alone) in &unmatched {
                let both = fit_of(&one, q);
                if both >= TOGETHER_MIN.max(alone + TOGETHER_GAIN) && best.is_none_or(|b| both > b.0) {
                    best = Some((both, i));
                }
            }
        }
        best.map(|(_, i)| {
            let mut parts = self.parts.clone();
            let second = parts.remove(i + 1);
            parts[i] = Part::together(&parts[i], &second);
            Name::of(parts, costs, units)
        })
    }

    /// Goes over the parts.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// The parts of two names, held against each other.
pub(crate) struct Pairing {
    /// Places in both names, and how well the parts there fit.
    pub(crate) taken: Vec<(usize, usize, f32)>,
    pub(crate) reordered: bool,
    /// Whether the longer name begins with a name of its own that the shorter one has not: `Ali Hassan Naji` beside `Hassan Naji` is a child beside
    /// the father.
    pub(crate) alone_in_front: bool,
    pub(crate) figures: [f32; FIGURES],
    mixed: bool,
}

impl Pairing {
    /// Holds two names against each other that are first parted alike.
    pub(crate) fn of_alike(a: &Name, b: &Name, costs: &Costs, units: &Units) -> Pairing {
        let (a, b) = parted_alike(a, b, costs, units);
        Pairing::of(&a, &b, costs, units)
    }

    pub(crate) fn of(a: &Name, b: &Name, costs: &Costs, units: &Units) -> Pairing {
        let mut known = [[Known::Nothing; PARTS_MAX]; PARTS_MAX];
        let mut fits = [[0f32; PARTS_MAX]; PARTS_MAX];
        let mut rows = [0i32; WORD_MAX + 1];
        let (n, m) = (a.parts.len(), b.parts.len());
        for (i, p) in a.parts.iter().enumerate() {
            for (j, q) in b.parts.iter().enumerate() {
                known[i][j] = units.known(a.units[i], b.units[j]);
                fits[i][j] = match known[i][j] {
                    Known::Same => 1.0,
                    Known::Short => fit(p, q, a, b, costs, &mut rows).max(SHORT_FIT),
                    Known::Other(_) | Known::Nothing => fit(p, q, a, b, costs, &mut rows),
                };
            }
        }
        let mut taken = Vec::with_capacity(n.min(m));
        let (mut free_a, mut free_b) = ([true; PARTS_MAX], [true; PARTS_MAX]);
        while taken.len() < n.min(m) {
            let mut best = (0, 0, f32::NEG_INFINITY);
            for i in (0..n).filter(|i| free_a[*i]) {
                for j in (0..m).filter(|j| free_b[*j]) {
                    if fits[i][j] > best.2 {
                        best = (i, j, fits[i][j]);
                    }
                }
            }
            (free_a[best.0], free_b[best.1]) = (false, false);
            taken.push(best);
        }
        let worth_a = |i: usize| a.worths[i][usize::from(b.arabic)].max(1) as f32;
        let worth_b = |j: usize| b.worths[j][usize::from(a.arabic)].max(1) as f32;
        let worst = taken.last().map_or(1.0, |t| t.2);
        // They were taken from the best down.
        let second = taken.iter().rev().nth(1).map_or(worst, |t| t.2);
        let weight: f32 = taken.iter().map(|t| worth_a(t.0) + worth_b(t.1)).sum();
        let mean = taken.iter().map(|t| t.2 * (worth_a(t.0) + worth_b(t.1))).sum::<f32>() / weight.max(1.0);
        let total: f32 = taken.iter().map(|t| t.2.max(0.0) * (worth_a(t.0) + worth_b(t.1))).sum::<f32>() / 1000.0;
        let over: f32 = (0..n).filter(|i| free_a[*i]).map(worth_a).sum::<f32>() + (0..m).filter(|j| free_b[*j]).map(worth_b).sum::<f32>();
        let left = n.max(m) - n.min(m);
        let mut order = taken.clone();
        order.sort_by_key(|t| t.0);
        let reordered = order.windows(2).any(|w| w[0].1 > w[1].1);
        let at = |i: Option<usize>, j: Option<usize>| i.zip(j).map_or(0.0, |(i, j)| fits[i][j]);
        let last = at(n.checked_sub(1), m.checked_sub(1));
        let first = at((n > 0).then_some(0), (m > 0).then_some(0));
        let whole = if worst > 0.95 || n == 0 || m == 0 { mean } else { whole(a, b, costs) };
        let known_same = taken.iter().filter(|t| known[t.0][t.1] == Known::Same).count() as f32 / taken.len().max(1) as f32;
        let known_other = taken.iter().map(|t| if let Known::Other(how_well) = known[t.0][t.1] { how_well } else { 0.0 }).fold(0.0, f32::max);
        // What many bear says little.
        let rare = taken.iter().map(|t| t.2.max(0.0) * (1.0 - units.widespread(a.units[t.0]).max(units.widespread(b.units[t.1])))).fold(0.0, f32::max);
        let alone_in_front = match n.cmp(&m) {
            Ordering::Greater => free_a[0] && a.parts[0].is_own_name(),
            Ordering::Less => free_b[0] && b.parts[0].is_own_name(),
            Ordering::Equal => false,
        };
        let figures = [
            1.0,
            worst,
            second,
            mean,
            total,
            over / (over + weight).max(1.0),
            (left.min(3) as f32) / 3.0,
            f32::from(u8::from(n.min(m) <= 1)),
            f32::from(u8::from(reordered)),
            last,
            first,
            whole,
            known_same,
            known_other,
            rare,
            f32::from(u8::from(alone_in_front)),
        ];
        Pairing { taken, reordered, alone_in_front, figures, mixed: a.arabic != b.arabic }
    }

    /// Tells whether one name is in Arabic script and the other is not.
    pub(crate) fn is_mixed(&self) -> bool {
        self.mixed
    }

    /// Which line of weights applies.
    pub(crate) fn line(&self) -> usize {
        usize::from(self.mixed)
    }

    /// All products of two figures, the single ones among them, since the first is one.
    pub(crate) fn products(&self) -> [f32; WEIGHTS] {
        let mut out = [0.0; WEIGHTS];
        let mut at = 0;
        for i in 0..FIGURES {
            for j in i..FIGURES {
                out[at] = self.figures[i] * self.figures[j];
                at += 1;
            }
        }
        out
    }

    pub(crate) fn score(&self, weights: &Weights) -> f32 {
        if self.taken.is_empty() {
            return 0.0;
        }
        let sum: f32 = self.products().iter().zip(&weights.0[self.line()]).map(|(p, w)| p * w).sum();
        1.0 / (1.0 + (-sum).exp())
    }
}

/// How well two neighbours, written as one word, must fit a part of the other name to be one.
const TOGETHER_MIN: f32 = 0.4;
/// By how much better than each of them alone.
const TOGETHER_GAIN: f32 = 0.2;

/// Writes neighbours of the longer name together where the shorter one does: `ظاهر عويس` beside `ظاهرعويس`, `شهيد خيل` beside `Shahidkhel`.
fn parted_alike<'a>(a: &'a Name, b: &'a Name, costs: &Costs, units: &Units) -> (Cow<'a, Name>, Cow<'a, Name>) {
    match a.parts.len().cmp(&b.parts.len()) {
        Ordering::Greater => (a.together(b, costs, units).map_or(Cow::Borrowed(a), Cow::Owned), Cow::Borrowed(b)),
        Ordering::Less => (Cow::Borrowed(a), b.together(a, costs, units).map_or(Cow::Borrowed(b), Cow::Owned)),
        Ordering::Equal => (Cow::Borrowed(a), Cow::Borrowed(b)),
    }
}

/// Finds a part in the table, as it stands or without what may be an affix.
fn unit(part: &Part, units: &Units) -> Option<Unit> {
    let bare = part.bare.as_deref();
    match (part.known_bare(), bare) {
        (true, Some(bare)) => units.find(bare),
        (false, Some(bare)) => units.find(&part.text).or_else(|| units.find(bare)),
        (_, None) => units.find(&part.text),
    }
}

fn fit(p: &Part, q: &Part, a: &Name, b: &Name, costs: &Costs, rows: &mut [i32; WORD_MAX + 1]) -> f32 {
    if p.text == q.text {
        return 1.0;
    }
    if p.is_initial() || q.is_initial() {
        let first = costs.pair[usize::from(p.forms[0].symbols.first().copied().unwrap_or_default())]
            [usize::from(q.forms[0].symbols.first().copied().unwrap_or_default())];
        return if first > 0 { 0.8 } else { -0.5 };
    }
    let mut best = f32::NEG_INFINITY;
    for x in &p.forms {
        for y in &q.forms {
            let own = (costs.own(&x.symbols, b.arabic) + costs.own(&y.symbols, a.arabic)).max(1) as f32 / 2.0;
            let loss = f32::from(u8::from(x.without.is_some()) + u8::from(y.without.is_some())) * BARE_LOSS
                + f32::from(u8::from(x.parted) + u8::from(y.parted)) * PARTED_LOSS;
            best = best.max((costs.align(&x.symbols, &y.symbols, rows) as f32 / own).min(1.0) - loss);
        }
    }
    best.max(-1.0)
}

/// Aligns the names as if each were one word: for what is parted in one of them only.
fn whole(a: &Name, b: &Name, costs: &Costs) -> f32 {
    let all = |n: &Name| {
        let mut s: Vec<u8> = n.parts.iter().flat_map(|p| p.forms[0].symbols.iter().copied()).collect();
        s.truncate(WHOLE_MAX);
        s
    };
    let (x, y) = (all(a), all(b));
    let mut rows = [0; WORD_MAX + 1];
    let own = (costs.own(&x, b.arabic) + costs.own(&y, a.arabic)).max(1) as f32 / 2.0;
    (costs.align(&x, &y, &mut rows) as f32 / own).clamp(-1.0, 1.0)
}
