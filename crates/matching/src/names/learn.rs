//! Learns the tables from labelled pairs: which sounds stand for each other, and what the figures of a pair weigh.
//!
//! 1 begin with the classes that every reader of both scripts knows, 2 align the parts of all pairs that are one name, count what stands
//! beside what, and begin again with the counts, 3 with the table so found work out the figures of all pairs, and fit the weights. No table of
//! whole names is kept: only symbols and weights.

#![allow(clippy::needless_range_loop)] // symbols are numbers, and tables are read by them on both sides

use super::costs::{Costs, Weight};
use super::letters::{COUNT, SYMBOLS, Symbol, is_arabic_symbol};
use super::score::{Name, Pairing, WEIGHTS, Weights};
use super::units::{self, Seen, Units};
use std::fmt::Write;

/// A labelled pair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// One spelling.
    pub left: String,
    /// Another.
    pub right: String,
    /// Whether they are one name.
    pub same: bool,
}

/// What was learned, as the text of the three data files.
pub struct Learned {
    /// `data/letters.txt`.
    pub letters: String,
    /// `data/weights.txt`.
    pub weights: String,
    /// `data/units.txt`.
    pub units: String,
}

/// Rounds of aligning and counting.
const ROUNDS: usize = 6;
/// Steps of fitting.
const STEPS: usize = 3000;

/// Sounds that every reader of both scripts takes for related; the beginning of learning, not its end.
const CLASSES: &[&str] = &[
    "b p ب پ v",
    "t th t$ ت ث ط ة",
    "dj j g ge zh ج گ غ",
    "h h$ ح ه ه$",
    "kh خ ch h",
    "d dh ض د ذ ظ",
    "z ز ذ ظ s ts",
    "s c ce sz ص س ث z",
    "sch ch sh tch cz ش چ",
    "k q g c kh ق ك gh",
    "f v ف ڤ",
    "r gh ر غ",
    "l ل",
    "m م",
    "n ن",
    "w ou o u v oua ou$ o$ و و$ ^و ^ou ^o ^u",
    "y i e ai i$ e$ ي ي$ ^ي ^y ^i ^e eh$",
    "a e a$ ah$ eh$ e$ ا ^ا ^a ^e ع ^ع ا$ ه$ ^o ^i i o u",
];

struct Counts {
    pair: Vec<[f64; COUNT]>,
    /// A symbol beside nothing, by the script of the other word.
    alone: [[f64; 2]; COUNT],
}

fn script(s: Symbol) -> usize {
    usize::from(is_arabic_symbol(s))
}

fn related(a: usize, b: usize) -> bool {
    a == b || CLASSES.iter().any(|c| [a, b].iter().all(|s| c.split(' ').any(|x| x == SYMBOLS[*s])))
}

/// How often each symbol occurs in names of its script.
fn frequencies(pairs: &[Labelled]) -> [f64; COUNT] {
    let mut seen = [0.5; COUNT];
    let empty = Costs { pair: vec![[0; COUNT]; COUNT], alone: [[0; 2]; COUNT], own: [[0; 2]; COUNT], frequency: [0; COUNT] };
    for text in pairs.iter().flat_map(|p| [&p.left, &p.right]) {
        Name::with(text, &empty, &Units::default()).parts().iter().flat_map(|p| &p.forms[0].symbols).for_each(|s| seen[usize::from(*s)] += 1.0);
    }
    let mut totals = [0.0; 2];
    (0..COUNT).for_each(|i| totals[script(i as Symbol)] += seen[i]);
    std::array::from_fn(|i| seen[i] / totals[script(i as Symbol)])
}

/// Turns counts into weights: logarithms of how much likelier than chance.
fn weigh(counts: &Counts, frequency: &[f64; COUNT]) -> Costs {
    let quantised = |x: f64| (x * 16.0).round().clamp(-160.0, 160.0) as Weight;
    let mut costs = Costs { pair: vec![[0; COUNT]; COUNT], alone: [[0; 2]; COUNT], own: [[0; 2]; COUNT], frequency: [0; COUNT] };
    // One distribution over all operations for each combination of scripts.
    let mut total = [[0.0f64; 2]; 2];
    for a in 0..COUNT {
        let s = script(a as Symbol);
        for b in 0..COUNT {
            total[s][script(b as Symbol)] += counts.pair[a][b];
        }
        for other in 0..2 {
            total[s][other] += counts.alone[a][other];
            total[other][s] += counts.alone[a][other];
        }
    }
    for a in 0..COUNT {
        let s = script(a as Symbol);
        costs.frequency[a] = quantised(frequency[a].ln());
        for b in 0..COUNT {
            let t = total[s][script(b as Symbol)];
            costs.pair[a][b] = quantised((counts.pair[a][b] / t / (frequency[a] * frequency[b])).ln());
        }
        for other in 0..2 {
            costs.alone[a][other] = quantised((counts.alone[a][other] / total[s][other] / frequency[a]).ln());
            // The expected worth of the symbol, over what it was found beside.
            let row: f64 = (0..COUNT).filter(|b| script(*b as Symbol) == other).map(|b| counts.pair[a][b]).sum::<f64>() + counts.alone[a][other];
            let worth: f64 = (0..COUNT).filter(|b| script(*b as Symbol) == other).map(|b| counts.pair[a][b] / row * f64::from(costs.pair[a][b])).sum::<f64>()
                + counts.alone[a][other] / row * f64::from(costs.alone[a][other]);
            costs.own[a][other] = if s == other { costs.pair[a][a] } else { worth.round() as Weight };
        }
    }
    costs
}

fn prior(strength: f64, frequency: &[f64; COUNT]) -> Counts {
    let mut counts = Counts { pair: vec![[0.0; COUNT]; COUNT], alone: [[0.0; 2]; COUNT] };
    let is_vowel =
        |i: usize| "a e i o u y ai ou oua h ^a ^e ^i ^o ^u ^y ^ou a$ e$ i$ o$ ah$ eh$ h$ ou$ ا ا$ ^ا ه$ ي و ع ^ع".split(' ').any(|v| v == SYMBOLS[i]);
    for a in 0..COUNT {
        for b in 0..COUNT {
            let same_script = script(a as Symbol) == script(b as Symbol);
            let factor = match (a == b, related(a, b), same_script) {
                (true, _, _) => 1.0 / frequency[a].max(1e-3) * 0.8,
                (_, true, false) => 8.0,
                (_, true, true) => 1.0,
                _ => 0.03,
            };
            counts.pair[a][b] = strength * frequency[a] * frequency[b] * factor;
        }
        for other in 0..2 {
            let factor = match (is_vowel(a), script(a as Symbol) == other) {
                (true, false) => 0.5,
                (true, true) => 0.1,
                _ => 0.03,
            };
            counts.alone[a][other] = strength * frequency[a] * factor;
        }
    }
    counts
}

/// Aligns two words and adds what stands beside what to the counts.
fn count(costs: &Costs, a: &[Symbol], b: &[Symbol], weight: f64, counts: &mut Counts) {
    let (n, m) = (a.len(), b.len());
    let script_of = |w: &[Symbol]| usize::from(w.first().is_some_and(|s| is_arabic_symbol(*s)));
    let (sa, sb) = (script_of(a), script_of(b));
    let alone = |s: Symbol, other: usize| i32::from(costs.alone[usize::from(s)][other]);
    let mut table = vec![vec![0i32; m + 1]; n + 1];
    for i in 0..=n {
        for j in 0..=m {
            if i + j == 0 {
                continue;
            }
            let mut best = i32::MIN;
            if i > 0 && j > 0 {
                best = best.max(table[i - 1][j - 1] + i32::from(costs.pair[usize::from(a[i - 1])][usize::from(b[j - 1])]));
            }
            if i > 0 {
                best = best.max(table[i - 1][j] + alone(a[i - 1], sb));
            }
            if j > 0 {
                best = best.max(table[i][j - 1] + alone(b[j - 1], sa));
            }
            table[i][j] = best;
        }
    }
    let (mut i, mut j) = (n, m);
    while i + j > 0 {
        if i > 0 && j > 0 && table[i][j] == table[i - 1][j - 1] + i32::from(costs.pair[usize::from(a[i - 1])][usize::from(b[j - 1])]) {
            counts.pair[usize::from(a[i - 1])][usize::from(b[j - 1])] += weight;
            counts.pair[usize::from(b[j - 1])][usize::from(a[i - 1])] += weight;
            (i, j) = (i - 1, j - 1);
        } else if i > 0 && table[i][j] == table[i - 1][j] + alone(a[i - 1], sb) {
            counts.alone[usize::from(a[i - 1])][sb] += weight;
            i -= 1;
        } else {
            counts.alone[usize::from(b[j - 1])][sa] += weight;
            j -= 1;
        }
    }
}

/// Learns all tables.
pub fn learn(pairs: &[Labelled]) -> Learned {
    let frequency = frequencies(pairs);
    let none = Units::default();
    let mut costs = weigh(&prior(20_000.0, &frequency), &frequency);
    for _ in 0..ROUNDS {
        let mut counts = prior(2_000.0, &frequency);
        for pair in pairs.iter().filter(|p| p.same) {
            let (a, b) = (Name::with(&pair.left, &costs, &none), Name::with(&pair.right, &costs, &none));
            for (i, j, fit) in Pairing::of(&a, &b, &costs, &none).taken {
                if fit < 0.25 {
                    continue;
                }
                let forms = |p: usize, n: &Name| n.parts()[p].forms.clone();
                let mut rows = [0; super::letters::WORD_MAX + 1];
                let (fa, fb) = (forms(i, &a), forms(j, &b));
                let best = fa.iter().flat_map(|x| fb.iter().map(move |y| (x, y))).max_by_key(|(x, y)| costs.align(&x.symbols, &y.symbols, &mut rows));
                let Some((x, y)) = best else { continue };
                count(&costs, &x.symbols, &y.symbols, 1.0, &mut counts);
            }
        }
        // Two Latin spellings are often two ways to write one Arabic letter: what both stand for lends a part of its counts.
        pivot(&mut counts);
        costs = weigh(&counts, &frequency);
    }
    let seen = stands_for(pairs, &costs);
    Learned { letters: written(&costs), units: units::written(&seen), weights: written_weights(&fit(pairs, &costs, &seen)) }
}

/// Learns what figures weigh beside the letters and units that ship, as the text of `data/weights.txt`.
///
/// Keys are made of letters and units alone: they stay as they are, so that no index has to be loaded again and nodes with other weights still meet.
pub fn learn_weights(pairs: &[Labelled]) -> String {
    let costs = Costs::shipped();
    written_weights(&fit(pairs, costs, &stands_for(pairs, costs)))
}

fn written_weights(weights: &Weights) -> String {
    weights.0.iter().fold(HEAD_WEIGHTS.to_owned(), |mut out, line| {
        let numbers: Vec<String> = line.iter().map(|w| format!("{w:.3}")).collect();
        writeln!(out, "{}", numbers.join(" ")).expect("writing into memory");
        out
    })
}

const HEAD_WEIGHTS: &str = "# What the figures of a pair weigh, and their products; written by the example `learn_names`.\n";
const HEAD_LETTERS: &str =
    "# For each symbol: left out beside Latin and Arabic, worth beside Latin and Arabic, frequency, then its row; written by `learn_names`.\n";

fn pivot(counts: &mut Counts) {
    let latin: Vec<usize> = (0..COUNT).filter(|i| script(*i as Symbol) == 0).collect();
    let arabic: Vec<usize> = (0..COUNT).filter(|i| script(*i as Symbol) == 1).collect();
    let mut lent = vec![[0.0f64; COUNT]; COUNT];
    for p in &arabic {
        let row: f64 = latin.iter().map(|l| counts.pair[*p][*l]).sum();
        for a in &latin {
            for b in &latin {
                lent[*a][*b] += counts.pair[*p][*a] * counts.pair[*p][*b] / row.max(1e-9);
            }
        }
    }
    for a in &latin {
        for b in &latin {
            if a != b {
                counts.pair[*a][*b] += 0.03 * lent[*a][*b];
            } else {
                counts.pair[*a][*b] += 0.3 * lent[*a][*b];
            }
        }
    }
}

fn written(costs: &Costs) -> String {
    let mut out = HEAD_LETTERS.to_owned();
    for i in 0..COUNT {
        let mut numbers: Vec<String> =
            costs.alone[i].iter().chain(&costs.own[i]).chain([&costs.frequency[i]]).chain(&costs.pair[i]).map(ToString::to_string).collect();
        numbers.insert(0, SYMBOLS[i].to_owned());
        writeln!(out, "{}", numbers.join(" ")).expect("writing into memory");
    }
    out
}

/// Names that are left out at a time when figures are worked out.
const FOLDS: u64 = 5;
/// What two parts must fit to be counted as one unit.
const UNIT_FIT: f32 = 0.3;

fn told_apart(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)) >> 16
}

/// Counts which units stand for each other in pairs of two scripts that are one name.
fn stands_for(pairs: &[Labelled], costs: &Costs) -> Seen {
    let mut seen = Seen::new();
    let none = Units::default();
    for pair in pairs.iter().filter(|p| p.same) {
        let (a, b) = (Name::with(&pair.left, costs, &none), Name::with(&pair.right, costs, &none));
        for (i, j, fit) in Pairing::of(&a, &b, costs, &none).taken {
            let (x, y) = (&a.parts()[i], &b.parts()[j]);
            let arabic = |p: &super::parts::Part| p.forms[0].symbols.first().is_some_and(|s| is_arabic_symbol(*s));
            if fit < UNIT_FIT || x.is_initial() || y.is_initial() || arabic(x) == arabic(y) {
                continue;
            }
            let (ar, latin) = if arabic(x) { (x, y) } else { (y, x) };
            seen.entry((ar.unit_text().to_owned(), latin.unit_text().to_owned())).or_default().insert(told_apart(&pair.left));
        }
    }
    seen
}

/// Parts that both names must have for pairs without the first part to be made of them: two are left then.
const GENERATIONS_MIN: usize = 3;

/// Makes pairs out of two spellings of one name that runs through three generations, each spelling beside the other without its first part, and says
/// whether they are one person's: not where that part is a name of its own, because then what is left is the father's; but where it is only put
/// before names.
///
/// The public pairs hold next to none, because the fathers of public figures are seldom public figures; in the records of a service they stand side
/// by side. Only for two scripts: of Latin names, those of Turks, Germans and Americans lose their first part and stay the same person's (44 of 46 in
/// the public pairs).
fn without_first(a: &Name, b: &Name) -> Vec<(Name, Name, bool)> {
    if a.parts().len().min(b.parts().len()) < GENERATIONS_MIN {
        return Vec::new();
    }
    let same = |n: &Name| !n.parts()[0].is_own_name();
    vec![(a.without_first(), b.clone(), same(b)), (a.clone(), b.without_first(), same(a))]
}

/// Works out the figures of all pairs. The units beside which a pair is held come of other names than its own, as they will in use.
fn figures(pairs: &[Labelled], costs: &Costs, seen: &Seen) -> [Vec<([f32; WEIGHTS], f32)>; 2] {
    let mut rows = [Vec::new(), Vec::new()];
    for fold in 0..FOLDS {
        let others = seen.iter().map(|(pair, names)| (pair.clone(), names.iter().copied().filter(|n| n % FOLDS != fold).collect()));
        let others: Seen = others.filter(|(_, names): &(_, std::collections::HashSet<u64>)| !names.is_empty()).collect();
        let units = Units::read(&units::written(&others)).expect("what was just written is of the form");
        for p in pairs.iter().filter(|p| told_apart(&p.left) % FOLDS == fold) {
            let (a, b) = (Name::with(&p.left, costs, &units), Name::with(&p.right, costs, &units));
            let pairing = Pairing::of_alike(&a, &b, costs, &units);
            if !pairing.taken.is_empty() {
                rows[pairing.line()].push((pairing.products(), f32::from(u8::from(p.same))));
            }
            if p.same && pairing.is_mixed() {
                let made = without_first(&a, &b).into_iter().map(|(a, b, same)| (Pairing::of_alike(&a, &b, costs, &units), same));
                // Where the first part stands for another one after all, the pair shows nothing.
                let shown = made.filter(|(made, same)| *same || made.alone_in_front);
                rows[pairing.line()].extend(shown.map(|(made, same)| (made.products(), f32::from(u8::from(same)))));
            }
        }
    }
    rows
}

/// Fits the weights by gradient descent with momentum on the logarithmic loss; the larger weights are held back.
fn fit(pairs: &[Labelled], costs: &Costs, seen: &Seen) -> Weights {
    let mut weights = Weights([[0.0; WEIGHTS]; 2]);
    for (line, rows) in figures(pairs, costs, seen).into_iter().enumerate() {
        let (mut w, mut first, mut second) = ([0f32; WEIGHTS], [0f32; WEIGHTS], [0f32; WEIGHTS]);
        for step in 1..=STEPS {
            let mut gradient = [0f32; WEIGHTS];
            for (x, y) in &rows {
                let z: f32 = x.iter().zip(&w).map(|(x, w)| x * w).sum();
                let error = 1.0 / (1.0 + (-z).exp()) - y;
                gradient.iter_mut().zip(x).for_each(|(g, x)| *g += error * x);
            }
            let rate = 0.05 * (1.0 - 0.9 * step as f32 / STEPS as f32);
            for k in 0..WEIGHTS {
                let g = gradient[k] / rows.len().max(1) as f32 + 1e-4 * w[k];
                first[k] = 0.9 * first[k] + 0.1 * g;
                second[k] = 0.999 * second[k] + 0.001 * g * g;
                let (f, s) = (first[k] / (1.0 - 0.9f32.powi(step as i32)), second[k] / (1.0 - 0.999f32.powi(step as i32)));
                w[k] -= rate * f / (s.sqrt() + 1e-8);
            }
        }
        weights.0[line] = w;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_beside_itself_without_its_first_part_is_the_fathers_or_only_shortened() {
        let made = |a: &str, b: &str| -> Vec<(usize, usize, bool)> {
            let made = without_first(&Name::new(a), &Name::new(b));
            made.iter().map(|(a, b, same)| (a.parts().len(), b.parts().len(), *same)).collect()
        };
        assert_eq!(made("رامز نعيم الدرعي", "Ramez Naim Derai"), [(2, 3, false), (3, 2, false)]);
        assert_eq!(made("محمد نعيم الدرعي", "Mohamed Naim Derai"), [(2, 3, true), (3, 2, true)]);
        assert_eq!(made("نعيم الدرعي", "Naim Derai"), [], "nothing would be left to tell a father by");
        assert_eq!(made("رامز نعيم الدرعي", "Ramez Derai"), []);
    }
}
