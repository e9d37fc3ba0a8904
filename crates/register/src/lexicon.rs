//! The gazetteer: every name, date word and cue of the data files in one trie, met in one pass over the words.
//!
//! Data: `data/*.toml`, tables `[[entry]]` with a class, a value and phrases per language (`any` = in every language).
//! Phrase marks: `terroris*` any ending; `^May` only with a capital; `FBI` (all capitals) only so; `~` up to six words between.
//! Flow: 1 each word asks for the patterns it satisfies, 2 the trie is walked from each word, 3 shorter hits inside longer ones of
//! the same class fall.

use crate::hits::{Class, Entry, Hit, Hits};
use crate::language::{Lang, Languages};
use crate::words::{Gap, Words};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

#[derive(Deserialize)]
struct DataFile {
    entry: Vec<Entry>,
}

/// Multiplicative hashing of short keys that come from our own data, where flooding is no concern.
#[derive(Default)]
pub(crate) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

type Table<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

const EXACT: usize = 0;
const CAPITAL: usize = 1;
const CAPITALS: usize = 2;
const STEM: usize = 3;
const GAP_PATTERN: u32 = u32::MAX;
const GAP_WORDS_MAX: usize = 6;
/// Arabic proclitics and articles that may be written onto a word; what remains must have three letters.
const PROCLITICS: [&str; 14] = ["وبال", "وال", "بال", "فال", "كال", "ولل", "وب", "ول", "لل", "ال", "و", "ب", "ل", "ف"];

/// The compiled data files.
#[derive(Debug)]
pub(crate) struct Lexicon {
    entries: Vec<Entry>,
    patterns: [Table<String, u32>; 4],
    stem_bytes: u64,
    pattern_count: u32,
    edges: Table<u64, u32>,
    outputs: Vec<Vec<(u32, u32)>>,
}

/// The data files in this crate, compiled once.
///
/// Panics on a malformed file: they are part of the program and proved by its tests.
pub(crate) static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::of(shipped_entries()));

/// Returns the entries of the data files in this crate.
pub(crate) fn shipped_entries() -> Vec<Entry> {
    let files = [
        include_str!("../data/calendar.toml"),
        include_str!("../data/countries.toml"),
        include_str!("../data/places.toml"),
        include_str!("../data/services.toml"),
        include_str!("../data/offices.toml"),
        include_str!("../data/events.toml"),
        include_str!("../data/scene.toml"),
        include_str!("../data/threats.toml"),
        include_str!("../data/promises.toml"),
    ];
    let entries = files.iter().flat_map(|file| {
        let data: DataFile = toml::from_str(file).expect("a data file of this crate is valid TOML");
        data.entry
    });
    entries.collect()
}

impl Lexicon {
    /// Compiles entries; their phrases hold a word each.
    pub fn of(entries: Vec<Entry>) -> Lexicon {
        Lexicon::compile(entries, &crate::language::LANGUAGES)
    }

    fn compile(entries: Vec<Entry>, languages: &Languages) -> Lexicon {
        let mut lexicon =
            Lexicon { entries: Vec::new(), patterns: Default::default(), stem_bytes: 0, pattern_count: 0, edges: Table::default(), outputs: vec![Vec::new()] };
        for (id, entry) in entries.iter().enumerate() {
            for (code, phrases) in &entry.phrases {
                let mask = if code == "any" { u32::MAX } else { languages.by_code(code).expect("a known language code").bit() };
                for phrase in phrases {
                    lexicon.add(phrase, id as u32, mask);
                }
            }
        }
        lexicon.entries = entries;
        lexicon
    }

    fn add(&mut self, phrase: &str, entry: u32, mask: u32) {
        let mut node = 0;
        for part in phrase.split_whitespace() {
            if part == "~" {
                node = self.child(node, GAP_PATTERN);
                continue;
            }
            let (part, is_stem) = part.strip_suffix('*').map_or((part, false), |p| (p, true));
            let (part, needs_capital) = part.strip_prefix('^').map_or((part, false), |p| (p, true));
            let mut words = Words::default();
            words.push(part, 0, part.len());
            let last = words.list.len() - 1;
            for at in 0..=last {
                let folded = without_article(words.folded(at)).to_owned();
                let table = match () {
                    () if is_stem && at == last => STEM,
                    () if words.list[at].is_capitals => CAPITALS,
                    () if needs_capital && at == 0 => CAPITAL,
                    () => EXACT,
                };
                if table == STEM {
                    self.stem_bytes |= 1 << folded.len().min(63);
                }
                let next = self.pattern_count;
                let pattern = *self.patterns[table].entry(folded).or_insert(next);
                self.pattern_count += u32::from(pattern == next);
                node = self.child(node, pattern);
            }
        }
        assert!(node != 0, "an empty phrase in the data files");
        self.outputs[node as usize].push((entry, mask));
    }

    fn child(&mut self, node: u32, pattern: u32) -> u32 {
        let next = self.outputs.len() as u32;
        let child = *self.edges.entry(edge(node, pattern)).or_insert(next);
        if child == next {
            self.outputs.push(Vec::new());
        }
        child
    }

    /// Finds every phrase; `lang_of(word)` is the language of the paragraph that the word stands in.
    pub fn find(&self, words: &Words, lang_of: impl Fn(usize) -> Lang) -> Hits<'_> {
        let mut patterns = Vec::with_capacity(words.list.len());
        let mut starts = Vec::with_capacity(words.list.len() + 1);
        for at in 0..words.list.len() {
            starts.push(patterns.len());
            self.patterns_of(words, at, &mut patterns);
        }
        starts.push(patterns.len());
        let walk = Walk { lexicon: self, words, patterns: &patterns, starts: &starts };
        let mut raw = Vec::new();
        for at in 0..words.list.len() {
            if starts[at] != starts[at + 1] {
                walk.step(0, at, at, lang_of(at).bit(), &mut raw);
            }
        }
        self.settle(raw, words.list.len())
    }

    fn patterns_of(&self, words: &Words, at: usize, out: &mut Vec<u32>) {
        let (word, folded) = (&words.list[at], words.folded(at));
        if word.is_capital {
            out.extend(self.patterns[CAPITAL].get(folded));
        }
        if word.is_capitals {
            out.extend(self.patterns[CAPITALS].get(folded));
        }
        self.spelled(folded, out);
        if folded.starts_with(crate::fold::is_arabic) {
            for proclitic in PROCLITICS {
                if let Some(rest) = folded.strip_prefix(proclitic).filter(|rest| rest.len() >= 6) {
                    self.spelled(rest, out);
                }
            }
        }
    }

    fn spelled(&self, folded: &str, out: &mut Vec<u32>) {
        out.extend(self.patterns[EXACT].get(folded));
        let mut lengths = self.stem_bytes;
        while lengths != 0 {
            let length = lengths.trailing_zeros() as usize;
            lengths &= lengths - 1;
            match folded.get(..length) {
                Some(stem) => out.extend(self.patterns[STEM].get(stem)),
                None if length > folded.len() => break,
                None => {}
            }
        }
    }

    fn settle(&self, mut raw: Vec<(u32, u32, u32)>, word_count: usize) -> Hits<'_> {
        raw.sort_unstable_by_key(|&(entry, from, to)| (from, u32::MAX - to, entry));
        raw.dedup();
        let mut longest: BTreeMap<Class, (u32, u32)> = BTreeMap::new();
        let mut hits = Hits { list: Vec::with_capacity(raw.len()), starts: vec![0; word_count + 1] };
        for (entry, from, to) in raw {
            let entry = &self.entries[entry as usize];
            let family = if entry.class == Class::ServiceOf { Class::Service } else { entry.class };
            let best = longest.entry(family).or_insert((from, to));
            if best.1 >= to && best.1 - best.0 > to - from {
                continue;
            }
            if to > best.1 {
                *best = (from, to);
            }
            hits.list.push(Hit { entry, from: from as usize, to: to as usize });
            hits.starts[from as usize + 1] += 1;
        }
        for at in 0..word_count {
            hits.starts[at + 1] += hits.starts[at];
        }
        hits
    }
}

struct Walk<'a> {
    lexicon: &'a Lexicon,
    words: &'a Words,
    patterns: &'a [u32],
    starts: &'a [usize],
}

impl Walk<'_> {
    fn step(&self, node: u32, first: usize, at: usize, mask: u32, out: &mut Vec<(u32, u32, u32)>) {
        if node != 0 {
            let outputs = &self.lexicon.outputs[node as usize];
            out.extend(outputs.iter().filter(|(_, lang)| lang & mask != 0).map(|(entry, _)| (*entry, first as u32, at as u32)));
        }
        if at >= self.words.list.len() || (node != 0 && !self.words.list[at].gap.is_soft()) {
            if node != 0 && at < self.words.list.len() && self.words.list[at].gap.has(Gap::COMMA) {
                self.leap(node, first, at, mask, out);
            }
            return;
        }
        for &pattern in &self.patterns[self.starts[at]..self.starts[at + 1]] {
            if let Some(&child) = self.lexicon.edges.get(&edge(node, pattern)) {
                self.step(child, first, at + 1, mask, out);
            }
        }
        if node != 0 {
            self.leap(node, first, at, mask, out);
        }
    }

    /// Passes a `~`: up to six words, across commas and brackets but never across the end of a sentence.
    fn leap(&self, node: u32, first: usize, at: usize, mask: u32, out: &mut Vec<(u32, u32, u32)>) {
        let Some(&after) = self.lexicon.edges.get(&edge(node, GAP_PATTERN)) else { return };
        for next in at..=(at + GAP_WORDS_MAX) {
            match self.words.list.get(next) {
                Some(word) if !word.gap.has(Gap(Gap::END.0 | Gap::STOP.0)) => {}
                _ => return,
            }
            for &pattern in &self.patterns[self.starts[next]..self.starts[next + 1]] {
                if let Some(&child) = self.lexicon.edges.get(&edge(after, pattern)) {
                    self.step(child, first, next + 1, mask, out);
                }
            }
        }
    }
}

fn edge(node: u32, pattern: u32) -> u64 {
    u64::from(node) << 32 | u64::from(pattern)
}

/// Drops the Arabic article from a word of the data files, as the words of a text are tried without it too.
fn without_article(folded: &str) -> &str {
    folded.strip_prefix("ال").filter(|rest| rest.len() >= 6).unwrap_or(folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::LANGUAGES;

    fn found(text: &str, code: &str) -> Vec<(Class, String)> {
        let mut words = Words::default();
        words.push(text, 0, text.len());
        let lang = LANGUAGES.by_code(code).unwrap();
        LEXICON.find(&words, |_| lang).list.iter().map(|hit| (hit.entry.class, hit.entry.value.clone())).collect()
    }

    fn has(text: &str, code: &str, class: Class, value: &str) -> bool {
        found(text, code).contains(&(class, value.to_owned()))
    }

    #[test]
    fn every_data_file_compiles_and_numbers_are_numbers() {
        for class in [Class::Month, Class::HijriMonth, Class::Weekday, Class::RelativeDay] {
            assert!(LEXICON.entries.iter().filter(|entry| entry.class == class).all(|entry| entry.value.parse::<i32>().is_ok()), "{class:?}");
        }
        for class in [Class::Service, Class::ServiceOf] {
            for entry in LEXICON.entries.iter().filter(|entry| entry.class == class) {
                let country = entry.country.as_deref().unwrap_or_default();
                assert!(country.len() == 2 || entry.value.starts_with("int."), "{class:?} {}", entry.value);
            }
        }
    }

    #[test]
    fn marks_of_phrases_hold() {
        assert!(has("agents du FBI", "fr", Class::Service, "us.fbi"));
        assert!(!has("agents du fbi", "fr", Class::Service, "us.fbi"));
        assert!(has("on 3 May", "en", Class::Month, "5"));
        assert!(!has("they may", "en", Class::Month, "5"));
        assert!(has("la menace terroriste", "fr", Class::Threat, "terrorism"));
        assert!(has("led a large delegation to", "en", Class::Event, "visit"));
        assert!(!has("led a very large and not at all quiet delegation to", "en", Class::Event, "visit"));
    }

    #[test]
    fn arabic_proclitics_do_not_hide_a_name() {
        assert!(has("وبالمغرب", "ar", Class::Country, "MA"));
        assert!(has("للأمن الوطني", "ar", Class::ServiceOf, "ma.dgsn"));
        assert!(has("بمدريد", "ar", Class::Place, "Madrid"));
    }
}
