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
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
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

/// What a width takes.
struct Limits {
    /// Keys beside the likeliest of every pair.
    keys: usize,
    /// How much less likely than the likeliest of its pair a key may be.
    doubt: Cost,
    /// In a name of three parts and more: how often two parts may meet by chance, as the product of how many names bear each; the rarest pair stays.
    bearers: u64,
    /// What it costs to leave a consonant out of a word of three, four, and more of them; none where that is not done.
    left_out: [Option<Cost>; 3],
    /// The same for the mark of an opening vowel and for one of two consonants that are one class.
    slight: Option<Cost>,
}

impl Width {
    const fn limits(self) -> Limits {
        match self {
            Width::Narrow => Limits { keys: 3, doubt: tenths(40), bearers: 1_000, left_out: [None; 3], slight: None },
            Width::Medium => {
                let left_out = [None, Some(tenths(52)), Some(tenths(42))];
                Limits { keys: 12, doubt: tenths(65), bearers: 100_000, left_out, slight: Some(tenths(60)) }
            }
            Width::Wide => {
                let left_out = [Some(tenths(65)), Some(tenths(34)), Some(tenths(34))];
                Limits { keys: 40, doubt: tenths(80), bearers: 100_000, left_out, slight: Some(tenths(30)) }
            }
        }
    }
}

/// A key of a name: the consonants of two parts with a space between, or of the one part that there is.
///
/// The letters stand in the value itself, so that forty keys are forty values and not forty pieces of memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// Behind the last letter nothing but zeros.
    letters: [u8; KEY_BYTES],
    length: u8,
}

/// Two parts and the space between.
const KEY_BYTES: usize = 2 * CONSONANTS_MAX + 1;

impl NameKey {
    fn of(low: Text, high: Text) -> NameKey {
        let mut letters = [0; KEY_BYTES];
        let mut length = low.write(&mut letters);
        if high.len() > 0 {
            letters[length] = b' ';
            length += 1 + high.write(&mut letters[length + 1..]);
        }
        NameKey { letters, length: length as u8 }
    }

    /// Returns the letters: capitals of the Latin alphabet, and the space between two parts.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..usize::from(self.length)]).expect("letters of the alphabet")
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Consonant classes in alphabetical order, and the Arabic letters that stand for each; `A` is the mark of a short word that opens with a vowel.
const CLASSES: &[(char, &str)] = &[
    ('A', ""),
    ('B', "ب پ"),
    ('C', "ش چ"),
    ('D', "د ذ ض ظ"),
    ('F', "ف ڤ"),
    ('H', "ح ه"),
    ('J', "ج"),
    ('K', "ق ك گ"),
    ('L', "ل"),
    ('M', "م"),
    ('N', "ن"),
    ('Q', "غ"),
    ('R', "ر"),
    ('S', "س ص"),
    ('T', "ت ط ث"),
    ('X', "خ"),
    ('Z', "ز"),
];
/// The letters of the classes by their numbers, which begin with one.
const LETTERS: [u8; 32] = {
    let mut letters = [b' '; 32];
    let mut i = 0;
    while i < CLASSES.len() {
        letters[i + 1] = CLASSES[i].0 as u8;
        i += 1;
    }
    letters
};
/// Readings of one part that are looked at.
const READINGS_MAX: usize = 24;
/// In nats: what a symbol stands for less often than this is no reading of it.
const RARE: f32 = 6.0;
/// What it costs a short form to be read as its name, in nats.
const SHORT: f32 = 1.2;
/// What it costs to read a group of two letters as two sounds, in nats.
const PARTED: f32 = 2.3;
/// What it costs a known unit to be read by its letters all the same, in nats.
const BY_LETTERS: f32 = 0.7;

/// Letters with a sign and the bare ones, and what it costs in nats to read one as the other.
const UNSIGNED: &[(&str, &str)] = &[("ş", "s"), ("ç", "c"), ("č", "c"), ("ğ", "g"), ("ž", "z")];
const NO_SIGN: f32 = 0.4;
/// Consonants up to which a word keeps the mark that it opens with a vowel: with fewer sounds each says more.
const SHORT_WORD: usize = 2;

/// How much less likely than certain: in parts of a nat, whole numbers, so that two nodes come to the same.
type Cost = i32;

fn nats(x: f32) -> Cost {
    (x * 256.0).round() as Cost
}

const fn tenths(of_nats: Cost) -> Cost {
    of_nats * 256 / 10
}

/// Consonants of a part: five bits for each from the highest down, at most 12 of them, and in the lowest four bits how many. As a number it is in the order
/// of the alphabet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
struct Text(u64);

const BITS: usize = 5;
const CONSONANTS_MAX: usize = 12;
/// The four bits of the length.
const LENGTH: u64 = 15;

impl Text {
    fn len(self) -> usize {
        (self.0 & LENGTH) as usize
    }

    /// How far a place is from the lowest bit.
    fn shift(i: usize) -> usize {
        64 - BITS * (i + 1)
    }

    /// Adds a consonant; what is more than it holds is left away.
    fn with(self, class: u8) -> Text {
        let n = self.len();
        if n == CONSONANTS_MAX { self } else { Text((self.0 | u64::from(class) << Text::shift(n)) + 1) }
    }

    fn at(self, i: usize) -> u8 {
        (self.0 >> Text::shift(i) & 31) as u8
    }

    fn last(self) -> Option<u8> {
        self.len().checked_sub(1).map(|i| self.at(i))
    }

    /// Leaves one consonant out.
    fn without(self, i: usize) -> Text {
        let behind = (1u64 << Text::shift(i)) - 1;
        let letters = self.0 & !LENGTH;
        Text(letters & !(behind | 31 << Text::shift(i)) | (letters & behind) << BITS | ((self.0 & LENGTH) - 1))
    }

    /// Puts a consonant before the first.
    fn after(class: u8, rest: Text) -> Text {
        let letters = (rest.0 & !LENGTH) >> BITS & !LENGTH;
        Text(u64::from(class) << Text::shift(0) | letters | ((rest.0 & LENGTH).min(CONSONANTS_MAX as u64 - 1) + 1))
    }

    /// Writes its letters, and returns how many.
    fn write(self, out: &mut [u8]) -> usize {
        out.iter_mut().zip(0..self.len()).for_each(|(o, i)| *o = LETTERS[usize::from(self.at(i))]);
        self.len()
    }
}

/// A class, or nothing, and its cost.
type Way = (Option<u8>, Cost);

/// A reading of a part, and how much less likely it is than certain.
type Reading = (Text, Cost);

/// How symbols and known units are read.
pub(crate) struct Readings {
    /// For each symbol the classes that it may stand for, `None` for nothing, with their costs; the likeliest first.
    ways: Vec<Vec<Way>>,
    /// For each known Latin unit the readings of the Arabic units that it stands for, and of the name that it is short for.
    units: Vec<Vec<Reading>>,
    /// In how many names each known unit stands.
    bearers: Vec<u32>,
}

impl Readings {
    /// Returns those of the shipped table.
    pub(crate) fn shipped() -> &'static Readings {
        static READINGS: OnceLock<Readings> = OnceLock::new();
        READINGS.get_or_init(|| Readings::of(Costs::shipped(), Units::shipped()))
    }

    pub(crate) fn of(costs: &Costs, units: &Units) -> Readings {
        let mut all = Readings { ways: (0..COUNT).map(|s| read(s, costs)).collect(), units: Vec::new(), bearers: Vec::new() };
        let mut letters: Vec<(Unit, &str)> = units.all().map(|(text, unit)| (unit, text)).collect();
        letters.sort_unstable();
        let own: Vec<Option<Text>> = letters.iter().map(|(_, text)| all.likeliest(text)).collect();
        let read = |u: &Unit, cost: Cost| own[usize::from(*u)].map(|text| (text, cost));
        all.units = letters
            .iter()
            .map(|(unit, _)| {
                let stands_for = units.readings(*unit).into_iter().filter_map(|(u, share)| read(&u, nats(-share.ln())));
                stands_for.chain(units.long(*unit).iter().filter_map(|u| read(u, nats(SHORT)))).collect()
            })
            .collect();
        all.bearers = letters.iter().map(|(unit, _)| units.names(*unit)).collect();
        all
    }

    /// Reads a unit in the likeliest way.
    fn likeliest(&self, text: &str) -> Option<Text> {
        let mut symbols = Vec::new();
        super::letters::symbols(text, &mut symbols);
        let mut room = Room::default();
        consonants(&Form { symbols, without: None, parted: false }, 0, 1, self, &mut room);
        room.all.iter().min_by_key(|r| (r.1, r.0)).map(|r| r.0)
    }
}

fn class_of(symbol: usize) -> Option<u8> {
    CLASSES.iter().position(|(_, letters)| letters.split(' ').any(|l| l == SYMBOLS[symbol])).map(|c| c as u8 + 1)
}

/// The number of a class, which its letter is found by while this is compiled.
const fn class(letter: char) -> u8 {
    let mut i = 0;
    while CLASSES[i].0 != letter {
        i += 1;
    }
    i as u8 + 1
}

const A: u8 = class('A');
const H: u8 = class('H');
const L: u8 = class('L');

fn read(s: usize, costs: &Costs) -> Vec<Way> {
    if is_arabic_symbol(s as Symbol) {
        let own = class_of(s);
        // A heh is often not heard, and so not written in Latin.
        return match SYMBOLS[s] {
            "ه" => vec![(own, nats(0.2)), (None, nats(1.8))],
            _ => vec![(own, 0)],
        };
    }
    let mut sums: Vec<(Option<u8>, f32)> = vec![(None, 0.0)];
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
    sums.retain(|c| c.1 < RARE);
    let mut ways: Vec<Way> = sums.into_iter().map(|(c, cost)| (c, nats(cost))).collect();
    // Many leave the sign away: then the letter reads as the bare one.
    if let Some((_, bare)) = UNSIGNED.iter().find(|(signed, _)| *signed == SYMBOLS[s]) {
        let bare = SYMBOLS.iter().position(|b| b == bare).map_or_else(Vec::new, |b| read(b, costs));
        for (class, cost) in bare.into_iter().take(2) {
            match ways.iter_mut().find(|w| w.0 == class) {
                Some(w) => w.1 = w.1.min(cost + nats(NO_SIGN)),
                None => ways.push((class, cost + nats(NO_SIGN))),
            }
        }
    }
    ways.sort_by_key(|w| (w.1, w.0));
    ways
}

/// Memory that is used again for each part of a name, and for each name of a thread.
#[derive(Default)]
struct Room {
    /// Readings of the form so far, and with the next symbol.
    beam: Vec<Reading>,
    next: Vec<Reading>,
    /// Readings of the part.
    all: Vec<Reading>,
    /// What was kept of them, part after part.
    kept: Vec<Reading>,
    /// For each part what is its own there, and how many names bear it.
    parts: Vec<(Range<usize>, u64)>,
    /// Pairs of readings.
    pairs: Vec<Ranked>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Reads a form in all ways that are at most `most` worse than the likeliest, and adds them to the others.
///
/// A consonant that is repeated counts twice where both scripts write it twice: in Latin with a vowel between, in Arabic always, because what is only
/// held long is written once there; but the l of the article and of God's name, which is written and not said.
fn consonants(form: &Form, cost: Cost, most: Cost, readings: &Readings, room: &mut Room) {
    let Room { beam, next, all, .. } = room;
    beam.clear();
    beam.push((Text::default(), cost));
    let is_silent = |s: Symbol| readings.ways[usize::from(s)].first().is_some_and(|w| w.0.is_none());
    let mut parted = true;
    for s in &form.symbols {
        let ways = &readings.ways[usize::from(*s)];
        let arabic = is_arabic_symbol(*s);
        let add = |text: Text, class: Option<u8>| match class {
            Some(c) if text.last() != Some(c) || parted || (arabic && c != L) => text.with(c),
            _ => text,
        };
        if let [(class, more)] = ways.as_slice() {
            beam.iter_mut().for_each(|r| *r = (add(r.0, *class), r.1 + more));
        } else {
            next.clear();
            let bound = beam.iter().map(|r| r.1).min().unwrap_or_default() + ways[0].1 + most;
            for (text, so_far) in beam.iter() {
                for (class, more) in ways {
                    let cost = so_far + more;
                    if cost > bound {
                        break;
                    }
                    let text = add(*text, *class);
                    match next.iter_mut().find(|r| r.0 == text) {
                        Some(r) => r.1 = r.1.min(cost),
                        None => next.push((text, cost)),
                    }
                }
            }
            if next.len() > READINGS_MAX {
                next.select_nth_unstable_by_key(READINGS_MAX, |r| (r.1, r.0));
                next.truncate(READINGS_MAX);
            }
            std::mem::swap(beam, next);
        }
        parted = is_silent(*s);
    }
    let opens = form.symbols.first().is_some_and(|s| is_silent(*s));
    for (mut text, cost) in beam.iter().copied() {
        // An h at the end is a matter of spelling, an L at the beginning mostly an article that grew together with its word.
        while text.len() > 2 && text.last() == Some(H) {
            text = text.without(text.len() - 1);
        }
        if text.len() > 2 && text.at(0) == L {
            text = text.without(0);
        }
        // Short words keep the mark that they open with a vowel, w or y: Ali is not Lea, Amin not Mouna, Younes not Niss.
        if text.len() <= SHORT_WORD && opens {
            text = Text::after(A, text);
        }
        if text.len() > 0 {
            all.push((text, cost));
        }
    }
}

/// Reads a part in the ways that a width takes, the likeliest first, and adds them to those that are kept.
fn part_readings(forms: &[Form], unit: Option<Unit>, limits: &Limits, readings: &Readings, room: &mut Room) -> Range<usize> {
    room.all.clear();
    room.all.extend(unit.iter().flat_map(|u| &readings.units[usize::from(*u)]));
    let known = if room.all.is_empty() { 0.0 } else { BY_LETTERS };
    // In Arabic what looks like an article nearly always is one; elsewhere it is open.
    let arabic = forms[0].symbols.first().is_some_and(|s| is_arabic_symbol(*s));
    for form in forms {
        let cost = match (form.without, forms.get(1).and_then(|f| f.without), arabic) {
            (None, None, _) => 0.0,
            (Some(Affix::Kin), _, _) => 1.4,
            (None, Some(Affix::Kin), _) => 0.2,
            (Some(Affix::Article), _, true) => 0.1,
            (None, Some(Affix::Article), true) => 2.2,
            (Some(Affix::Article), _, false) => 0.9,
            (None, Some(Affix::Article), false) => 0.5,
        };
        let parted = if form.parted { PARTED } else { 0.0 };
        consonants(form, nats(cost + known + parted), limits.doubt, readings, room);
    }
    let Room { all, kept, .. } = room;
    let most = all.iter().map(|r| r.1).min().unwrap_or_default() + limits.doubt;
    let least = limits.left_out.iter().chain([&limits.slight]).flatten().min();
    for r in 0..least.map_or(0, |_| all.len()) {
        let (text, cost) = all[r];
        let n = text.len();
        if least.is_some_and(|least| cost + least >= most) {
            continue;
        }
        let whole = (3..=n).last().and_then(|n| limits.left_out[n.min(5) - 3]);
        for i in 0..n {
            let slight = n > 1 && (text.at(i) == A || (i > 0 && text.at(i) == text.at(i - 1)));
            let more = if slight { limits.slight } else { whole };
            all.extend(more.map(|more| (text.without(i), cost + more)).filter(|r| r.1 < most));
        }
    }
    // What follows far behind is not looked at.
    if all.len() > 2 * READINGS_MAX {
        all.select_nth_unstable_by_key(2 * READINGS_MAX, |r| (r.1, r.0));
        all.truncate(2 * READINGS_MAX);
    }
    all.sort_unstable_by_key(|r| (r.1, r.0));
    let begin = kept.len();
    for reading in all.iter().take_while(|r| r.1 < most) {
        if kept[begin..].iter().all(|k| k.0 != reading.0) {
            kept.push(*reading);
            if kept.len() == begin + READINGS_MAX {
                break;
            }
        }
    }
    begin..kept.len()
}

/// A pair of readings, in alphabetical order, behind its place.
type Ranked = (Cost, Text, Text);

/// Puts what is beyond doubt first.
fn rank(doubted: bool, doubt: Cost) -> Cost {
    if doubted { doubt + 1 } else { 0 }
}

/// Sorts and takes all that is beyond doubt, and of the rest as many as there is room for; none twice.
fn first_keys(all: &mut [Ranked], most: usize) -> Vec<NameKey> {
    all.sort_unstable();
    let mut taken = 0;
    // One bit for each pair that was taken: what finds its bit free is new, and only what does not is looked for.
    let mut seen = 0u128;
    for i in 0..all.len() {
        let (rank, low, high) = all[i];
        if rank > 0 && taken >= most {
            break;
        }
        let bit = 1 << (low.0.wrapping_add(high.0.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57);
        if seen & bit == 0 || all[..taken].iter().all(|k| (k.1, k.2) != (low, high)) {
            seen |= bit;
            all[taken] = all[i];
            taken += 1;
        }
    }
    all[..taken].iter().map(|k| NameKey::of(k.1, k.2)).collect()
}

impl Name {
    /// Returns the name's keys, the likeliest first, none twice; none where the name holds no letter.
    pub fn keys(&self, width: Width) -> Vec<NameKey> {
        self.keys_by(width, Readings::shipped())
    }

    pub(crate) fn keys_by(&self, width: Width, readings: &Readings) -> Vec<NameKey> {
        ROOM.with_borrow_mut(|room| self.keys_in(&width.limits(), readings, room))
    }

    fn keys_in(&self, limits: &Limits, readings: &Readings, room: &mut Room) -> Vec<NameKey> {
        room.kept.clear();
        room.parts.clear();
        room.pairs.clear();
        for (part, unit) in self.parts().iter().zip(self.units()) {
            let read = part_readings(&part.forms, *unit, limits, readings, room);
            if !read.is_empty() {
                room.parts.push((read, unit.map_or(1, |u| u64::from(readings.bearers[usize::from(u)]).max(1))));
            }
        }
        let Room { kept, parts, pairs: all, .. } = room;
        if let [(one, _)] = parts.as_slice() {
            all.extend(kept[one.clone()].iter().enumerate().map(|(i, (text, cost))| (rank(i != 0, *cost), *text, Text::default())));
        }
        let pairs = || (0..parts.len()).flat_map(|i| (i + 1..parts.len()).map(move |j| (i, j)));
        let meet = |(i, j): (usize, usize)| parts[i].1 * parts[j].1;
        // What many bear together tells few of them apart, and another pair stands for the name as well.
        let most = pairs().map(meet).min().unwrap_or_default().max(if parts.len() < 3 { u64::MAX } else { limits.bearers });
        for (i, j) in pairs().filter(|p| meet(*p) <= most) {
            let (first, second) = (&kept[parts[i].0.clone()], &kept[parts[j].0.clone()]);
            let certain = first[0].1 + second[0].1;
            for (x, (a, ca)) in first.iter().enumerate() {
                // Before the pair at (x, y) stand at least (x + 1) * (y + 1) - 1 others.
                for (y, (b, cb)) in second.iter().enumerate().take(limits.keys / (x + 1)) {
                    let doubt = ca + cb - certain;
                    if doubt >= limits.doubt {
                        break;
                    }
                    all.push((rank(x + y != 0, doubt), *a.min(b), *a.max(b)));
                }
            }
        }
        // Only the first are looked at, as long as they hold enough different ones.
        let enough = limits.keys + limits.keys / 4 + parts.len() * parts.len() / 2;
        if all.len() > enough {
            all.select_nth_unstable(enough);
            let keys = first_keys(&mut all[..enough], limits.keys);
            if keys.len() >= limits.keys {
                return keys;
            }
        }
        first_keys(all, limits.keys)
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
    fn a_key_holds_the_letters_of_two_parts_and_is_told_from_another_by_each() {
        let text = |word: &str| word.chars().fold(Text::default(), |t, c| t.with(class(c)));
        let key = |low: &str, high: &str| NameKey::of(text(low), text(high));
        assert_eq!(key("MHMD", "ZRL").as_str(), "MHMD ZRL");
        assert_eq!((key("MHMD", "").to_string(), format!("{:?}", key("B", "B"))), ("MHMD".to_owned(), "\"B B\"".to_owned()));
        assert_eq!(key("BCDBCDBCDBCD", "ZZZZZZZZZZZZ").as_str(), "BCDBCDBCDBCD ZZZZZZZZZZZZ", "the longest that there can be");
        assert!(key("B", "C") == key("B", "C") && key("B", "C") != key("BC", "") && key("B", "C") != key("B", "D"));
    }

    #[test]
    fn first_keys_are_different_ones_and_all_that_is_beyond_doubt() {
        let text = |n: u8| (0..n % 5).fold(Text::default().with(1 + n % 17), |t, i| t.with(1 + (n / 5 + i) % 17));
        // So many that some share a bit, and each twice: in doubt first, then again behind all others.
        let mut all: Vec<Ranked> = (0..200).flat_map(|n| [(1 + Cost::from(n), Text::default(), text(n)), (900, Text::default(), text(n))]).collect();
        let mut different: Vec<Text> = all.iter().map(|r| r.2).collect();
        different.sort_unstable();
        different.dedup();
        assert_eq!(first_keys(&mut all.clone(), 400).len(), different.len());
        assert!(different.len() > 40 && first_keys(&mut all.clone(), 2).len() == 2);
        all.extend([10, 77, 10].map(|n| (0, text(n), text(n))));
        assert_eq!(first_keys(&mut all, 1).len(), 2, "two are beyond doubt, and there is no room for another");
    }

    #[test]
    fn a_text_holds_its_letters_in_order_and_no_more_than_it_can() {
        let text = |word: &str| word.chars().fold(Text::default(), |t, c| t.with(class(c)));
        let shown = |t: Text| {
            let mut out = [b' '; CONSONANTS_MAX];
            let n = t.write(&mut out);
            String::from_utf8(out[..n].to_vec()).unwrap()
        };
        assert_eq!(shown(text("BNCKRN")), "BNCKRN");
        assert_eq!(["BNCKRN", "BNCKRN", "BNCKRN"].map(text).map(|t| (t.len(), t.last())), [(6, Some(class('N'))); 3]);
        assert_eq!([0, 3, 5].map(|i| shown(text("BNCKRN").without(i))), ["NCKRN", "BNCRN", "BNCKR"]);
        assert!(text("B").without(0) == Text::default() && text("ZZZZZZZZZZZZ").without(11) == text("ZZZZZZZZZZZ"));
        assert_eq!(shown(Text::after(class('A'), text("MN"))), "AMN");
        assert_eq!(shown(Text::after(class('A'), text("BCDBCDBCDBCD"))), "ABCDBCDBCDBC", "full: the last falls");
        assert_eq!(text("BCDBCDBCDBCDBCD"), text("BCDBCDBCDBCD"));
        assert!(text("B") < text("BA") && text("BA") < text("C") && text("MHMD") < text("MN"));
    }

    #[test]
    fn repeated_consonants_and_short_words_keep_apart_what_both_scripts_show() {
        for (a, b) in [("Tarek Haddad", "طارق الهادي"), ("Karima Amine", "كريمة منيع"), ("Karim Tabib", "كريم الطيب")] {
            assert!(!shared(a, b, Width::Narrow), "{a} {b}");
        }
        for (a, b) in [("Tarek Haddad", "طارق حداد"), ("Karima Amine", "كريمة أمين"), ("Karim Tabib", "كريم طبيب"), ("Sami Abdallah", "سامي عبد الله")]
        {
            assert!(shared(a, b, Width::Narrow), "{a} {b}");
        }
        // Mohamed and Hassan are borne by so many that the two tell nothing beside a rare surname; alone they are all there is.
        assert!(!shared("Mohamed Hassan Zeghloul", "محمد حسن", Width::Narrow) && shared("Mohamed Hassan", "محمد حسن", Width::Narrow));
        assert!(shared("Mohamed Hassan Zeghloul", "محمد زغلول", Width::Narrow) || shared("Mohamed Hassan Zeghloul", "حسن زغلول", Width::Narrow));
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
