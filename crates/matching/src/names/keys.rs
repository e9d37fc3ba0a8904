//! Keys of a name: short strings that two spellings of it share, so that they can meet by equality alone.
//!
//! 1 every part is read as the consonants that it stands for, the likeliest reading first and the learned doubts after it, 2 two parts make a key,
//! in alphabetical order, so that double surnames, middle names and the order of names do no harm, 3 the least doubtful keys are taken
//! up to the width that is asked for. A key alone is no identity: what leaves a node holds a date or a number beside it (`subject`).

use super::costs::Costs;
use super::letters::{COUNT, SYMBOLS, Symbol, is_arabic_symbol};
use super::parts::{Affix, Form};
use super::score::Name;
use super::units::{Unit, Units};
use std::sync::OnceLock;

/// The version of the key scheme: two nodes meet only under the same one.
pub const SCHEME: u32 = 1;

/// How many keys a name may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// The likeliest reading of every pair of parts, or two.
    Narrow,
    /// Up to 12 keys: the doubts that are worth it.
    Medium,
    /// Up to 40 keys: more doubts, and a consonant left out.
    Wide,
}

impl Width {
    /// Keys beside the likeliest of every pair, and how much less likely than those one may be, in nats.
    fn limits(self) -> (usize, f32) {
        match self {
            Width::Narrow => (2, 2.2),
            Width::Medium => (12, 6.5),
            Width::Wide => (40, 7.0),
        }
    }
}

/// Consonant classes, and the Arabic letters that stand for each.
const CLASSES: &[(char, &str)] = &[
    ('B', "ب پ"),
    ('T', "ت ط ث"),
    ('J', "ج"),
    ('H', "ح ه"),
    ('X', "خ"),
    ('D', "د ذ ض ظ"),
    ('R', "ر"),
    ('Z', "ز"),
    ('S', "س ص"),
    ('C', "ش چ"),
    ('Q', "غ"),
    ('F', "ف ڤ"),
    ('K', "ق ك گ"),
    ('L', "ل"),
    ('M', "م"),
    ('N', "ن"),
];
/// Readings of one part that are looked at.
const READINGS_MAX: usize = 24;
/// In nats: what a symbol stands for less often than this is no reading of it.
const RARE: f32 = 6.0;
/// What leaving out one consonant costs.
const LEFT_OUT: f32 = 3.4;

/// What it costs a short form to be read as its name.
const SHORT: f32 = 1.2;
/// What it costs a known unit to be read by its letters all the same.
const BY_LETTERS: f32 = 0.7;

/// A class, or nothing, and its cost.
type Way = (Option<char>, f32);

/// A reading of a part: consonants, and how much less likely it is than certain, in nats.
type Reading = (String, f32);

/// How symbols and known units are read.
pub(crate) struct Readings {
    /// For each symbol the classes that it may stand for, `None` for nothing, with their costs; the likeliest first.
    ways: Vec<Vec<Way>>,
    /// For each known Latin unit the readings of the Arabic units that it stands for, and of the name that it is short for.
    units: Vec<Vec<Reading>>,
}

impl Readings {
    /// Returns those of the shipped table.
    pub(crate) fn shipped() -> &'static Readings {
        static READINGS: OnceLock<Readings> = OnceLock::new();
        READINGS.get_or_init(|| Readings::of(Costs::shipped(), Units::shipped()))
    }

    pub(crate) fn of(costs: &Costs, units: &Units) -> Readings {
        let mut all = Readings { ways: (0..COUNT).map(|s| read(s, costs)).collect(), units: Vec::new() };
        let mut letters: Vec<(Unit, &str)> = units.all().map(|(text, unit)| (unit, text)).collect();
        letters.sort_unstable();
        let own: Vec<Option<Reading>> = letters.iter().map(|(_, text)| all.likeliest(text)).collect();
        let read = |u: &Unit, cost: f32| own[usize::from(*u)].clone().map(|(text, _)| (text, cost));
        all.units = letters
            .iter()
            .map(|(unit, _)| {
                let near = units.readings(*unit);
                let stands_for = near.iter().filter_map(|(u, share)| read(u, -share.ln()));
                stands_for.chain(units.long(*unit).iter().filter_map(|u| read(u, SHORT))).collect()
            })
            .collect();
        all
    }

    /// Reads a unit in the likeliest way.
    fn likeliest(&self, text: &str) -> Option<Reading> {
        let mut symbols = Vec::new();
        super::letters::symbols(text, &mut symbols);
        let mut all = Vec::new();
        consonants(&Form { symbols, without: None }, 0.0, self, &mut all);
        all.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn class_of(symbol: usize) -> Option<char> {
    CLASSES.iter().find(|(_, letters)| letters.split(' ').any(|l| l == SYMBOLS[symbol])).map(|c| c.0)
}

fn read(s: usize, costs: &Costs) -> Vec<Way> {
    if is_arabic_symbol(s as Symbol) {
        let own = class_of(s);
        // A heh is often not heard, and so not written in Latin.
        return match SYMBOLS[s] {
            "ه" => vec![(own, 0.2), (None, 1.8)],
            _ => vec![(own, 0.0)],
        };
    }
    let mut sums: Vec<Way> = vec![(None, 0.0)];
    let nat = |w: i16| f32::from(w) / 16.0;
    for a in (0..COUNT).filter(|a| is_arabic_symbol(*a as Symbol)) {
        let likely = (nat(costs.pair[s][a]) + nat(costs.frequency[a])).exp();
        match sums.iter_mut().find(|c| c.0 == class_of(a)) {
            Some(c) => c.1 += likely,
            None => sums.push((class_of(a), likely)),
        }
    }
    // Left out beside Arabic: the same as standing for nothing.
    sums[0].1 += nat(costs.alone[s][1]).exp();
    let total: f32 = sums.iter().map(|c| c.1).sum();
    sums.iter_mut().for_each(|c| c.1 = -(c.1 / total).ln());
    sums.sort_by(|a, b| a.1.total_cmp(&b.1));
    sums.retain(|c| c.1 < RARE);
    sums
}

/// Reads a form in all ways that are worth it, the likeliest first.
fn consonants(form: &Form, cost: f32, readings: &Readings, all: &mut Vec<Reading>) {
    let mut beam: Vec<Reading> = vec![(String::new(), cost)];
    for s in &form.symbols {
        let ways = &readings.ways[usize::from(*s)];
        let mut next: Vec<Reading> = Vec::with_capacity(beam.len() * ways.len());
        for (text, so_far) in &beam {
            for (class, more) in ways {
                let mut text = text.clone();
                if let Some(c) = class.filter(|c| !text.ends_with(*c)) {
                    text.push(c);
                }
                match next.iter_mut().find(|r| r.0 == text) {
                    Some(r) => r.1 = r.1.min(so_far + more),
                    None => next.push((text, so_far + more)),
                }
            }
        }
        next.sort_by(|a, b| a.1.total_cmp(&b.1));
        next.truncate(READINGS_MAX);
        beam = next;
    }
    let opens = form.symbols.first().is_some_and(|s| readings.ways[usize::from(*s)].first().is_some_and(|w| w.0.is_none()));
    for (mut text, cost) in beam {
        // An h at the end is a matter of spelling, an L at the beginning mostly an article that grew together with its word.
        if text.len() > 2 {
            text.truncate(text.trim_end_matches('H').len().max(2));
        }
        if text.len() > 2 && text.starts_with('L') {
            text.remove(0);
        }
        // Short words keep the mark that they open with a vowel: Ali is not Lea.
        if text.len() < 2 && opens {
            text.insert(0, 'A');
        }
        if !text.is_empty() {
            all.push((text, cost));
        }
    }
}

fn part_readings(forms: &[Form], unit: Option<Unit>, width: Width, readings: &Readings) -> Vec<Reading> {
    let mut all: Vec<Reading> = unit.map_or_else(Vec::new, |u| readings.units[usize::from(u)].clone());
    let known = if all.is_empty() { 0.0 } else { BY_LETTERS };
    let arabic = forms[0].symbols.first().is_some_and(|s| is_arabic_symbol(*s));
    for form in forms {
        // In Arabic what looks like an article nearly always is one; elsewhere it is open.
        let cost = match (form.without, forms.get(1).and_then(|f| f.without), arabic) {
            (None, None, _) => 0.0,
            (Some(Affix::Kin), _, _) => 1.4,
            (None, Some(Affix::Kin), _) => 0.2,
            (Some(Affix::Article), _, true) => 0.1,
            (None, Some(Affix::Article), true) => 2.2,
            (Some(Affix::Article), _, false) => 0.9,
            (None, Some(Affix::Article), false) => 0.5,
        };
        consonants(form, cost + known, readings, &mut all);
    }
    if width == Width::Wide {
        let whole: Vec<Reading> = all.clone();
        for (text, cost) in whole.iter().filter(|r| r.0.len() >= 3) {
            all.extend((0..text.len()).map(|i| (format!("{}{}", &text[..i], &text[i + 1..]), cost + LEFT_OUT)));
        }
    }
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    let mut seen: Vec<&str> = Vec::new();
    let mut kept = Vec::new();
    for (text, cost) in &all {
        if !seen.contains(&text.as_str()) && kept.len() < READINGS_MAX {
            seen.push(text);
            kept.push((text.clone(), *cost));
        }
    }
    kept
}

impl Name {
    /// Returns the name's keys, the likeliest first, none twice; none where the name holds no letter.
    pub fn keys(&self, width: Width) -> Vec<String> {
        self.keys_by(width, Readings::shipped())
    }

    pub(crate) fn keys_by(&self, width: Width, readings: &Readings) -> Vec<String> {
        let (keys_max, doubt_max) = width.limits();
        let parts: Vec<Vec<Reading>> = self.parts().iter().zip(self.units()).map(|(p, u)| part_readings(&p.forms, *u, width, readings)).filter(|r| !r.is_empty()).collect();
        let mut all: Vec<(String, f32, bool)> = Vec::new();
        if let [one] = parts.as_slice() {
            all.extend(one.iter().enumerate().map(|(i, (text, cost))| (text.clone(), *cost, i == 0)));
        }
        for (i, first) in parts.iter().enumerate() {
            for second in &parts[i + 1..] {
                for (x, (a, ca)) in first.iter().enumerate() {
                    for (y, (b, cb)) in second.iter().enumerate() {
                        let (low, high) = if a <= b { (a, b) } else { (b, a) };
                        let doubt = ca + cb - first[0].1 - second[0].1;
                        if doubt < doubt_max {
                            all.push((format!("{low} {high}"), doubt, x + y == 0));
                        }
                    }
                }
            }
        }
        all.sort_by(|a, b| b.2.cmp(&a.2).then(a.1.total_cmp(&b.1)).then_with(|| a.0.cmp(&b.0)));
        let mut keys: Vec<String> = Vec::new();
        for (key, _, certain) in all {
            if (certain || keys.len() < keys_max) && !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(a: &str, b: &str, width: Width) -> bool {
        let (a, b) = (Name::new(a).keys(width), Name::new(b).keys(width));
        a.iter().any(|k| b.contains(k))
    }

    #[test]
    fn spellings_of_one_name_meet_and_names_that_share_a_part_do_not() {
        for (a, b) in [("محمد بن شقرون", "Mohamed Benchekroun"), ("خالد الزروالي", "Khalid Zerouali"), ("Saïd el Idrissi", "Idrissi, Said")]
        {
            assert!(shared(a, b, Width::Narrow), "{a} {b}");
        }
        assert!(!shared("Mohamed Benchekroun", "محمد الزروالي", Width::Medium));
        assert!(!shared("Ali Karim", "Lea Karim", Width::Narrow), "a short name keeps the vowel that it opens with");
    }

    #[test]
    fn a_width_is_kept_and_wider_holds_narrower() {
        for name in ["محمد بن عبد الله الإدريسي", "Jose Maria Garcia Lopez", "Ana", "x", "", "٣"] {
            let keys = [Width::Narrow, Width::Medium, Width::Wide].map(|w| Name::new(name).keys(w));
            assert!(keys[1].len() <= 12 && keys[2].len() <= 40, "{name}: {keys:?}");
            assert!(keys[0].iter().all(|k| keys[1].contains(k) && keys[2].contains(k)), "{name}");
        }
        assert!(Name::new("...").keys(Width::Wide).is_empty());
    }
}
