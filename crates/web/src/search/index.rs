//! Which dossier has which words, in memory only, and the search itself.

use super::lines::Line;
use super::postings::Postings;
use super::query::{Asked, Filter, Part, Query};
use super::words::{Word, stems, words};
use base::fold::fold;
use base::{DossierId, ItemId, Lang, UnixMs};
use maud::{Markup, html};
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;
use std::ops::Bound;
use std::sync::Arc;

/// Different words and stems of one dossier that are remembered; what a larger one says beyond them is found by its other words only.
pub const TERMS_MAX: usize = 20_000;
/// Bytes of memory that an index takes, as it counts them; beyond, the dossiers that changed longest ago are left out.
pub const INDEX_BYTES_MAX: usize = 256 << 20;
/// Bytes that a word takes beside its letters, a word in one dossier, and a dossier beside both; measured in `docs/design/0019-search.md`.
const TERM_BYTES: usize = 95;
const POSTING_BYTES: usize = 18;
const DOSSIER_BYTES: usize = 600;
/// Dossiers that one search reads again at most.
pub const DOSSIERS_READ_MAX: usize = 200;
/// Characters shown on each side of a find.
const AROUND: usize = 60;
/// What a find by stem counts beside one of the word itself.
const STEM_SHARE: f64 = 0.6;

/// What filters look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meta {
    /// The dossier.
    pub id: DossierId,
    /// Name and labels of its mechanism.
    pub mechanism: Vec<String>,
    /// Short names and names of its parties.
    pub partners: Vec<String>,
    /// Name and labels of its phase.
    pub phase: Vec<String>,
    /// When it was opened.
    pub opened: UnixMs,
    /// When it last changed.
    pub updated: UnixMs,
    /// Whether it has ended.
    pub ended: bool,
}

/// Words around a find, each piece with whether it is the find itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snippet {
    /// The item.
    pub item: ItemId,
    /// The item's kind.
    pub kind: String,
    /// The field.
    pub field: String,
    /// The language of the words.
    pub lang: Option<Lang>,
    /// The words.
    pub pieces: Vec<(String, bool)>,
}

/// A dossier that answers.
#[derive(Clone, PartialEq, Debug)]
pub struct Hit {
    /// The dossier.
    pub id: DossierId,
    /// Where the first words of the query stand; none where only filters were given.
    pub snippets: Vec<Snippet>,
    /// Its rank, the higher the better.
    pub score: f64,
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// Dossiers, the best first.
    pub hits: Vec<Hit>,
    /// Whether there may be more than are listed.
    pub more: bool,
}

struct Entry {
    meta: Meta,
    terms: Vec<u32>,
    /// Its lines under a hash whose key nobody else has, in order.
    lines: Vec<u64>,
}

impl Entry {
    fn bytes(&self) -> usize {
        DOSSIER_BYTES + self.terms.len() * POSTING_BYTES + size_of_val(&self.lines[..])
    }
}

/// An index of dossiers. It is built from what a node shows, lives in memory, and is gone with the process.
pub struct Index {
    entries: HashMap<u32, Entry>,
    numbers: HashMap<DossierId, u32>,
    /// Numbers by when their dossiers last changed.
    ages: BTreeSet<(UnixMs, u32)>,
    left_out: HashSet<DossierId>,
    next: u32,
    terms: BTreeMap<Arc<str>, u32>,
    /// By term: its text, and how much it counts in which dossier.
    postings: Vec<(Arc<str>, Postings)>,
    free: Vec<u32>,
    bytes: usize,
    bytes_max: usize,
    hasher: RandomState,
}

impl Default for Index {
    fn default() -> Self {
        Index::with_room(INDEX_BYTES_MAX)
    }
}

impl Index {
    /// Makes an empty index that takes about so many bytes at most.
    pub fn with_room(bytes_max: usize) -> Index {
        Index {
            entries: HashMap::new(),
            numbers: HashMap::new(),
            ages: BTreeSet::new(),
            left_out: HashSet::new(),
            next: 0,
            terms: BTreeMap::new(),
            postings: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            bytes_max,
            hasher: RandomState::new(),
        }
    }

    /// Takes a dossier in, in place of what was known of it. One that only grew is not cut into words again.
    pub fn put(&mut self, meta: Meta, lines: &[Line]) {
        let mut hashed: Vec<(u64, &Line)> = lines.iter().map(|l| (self.hasher.hash_one((l.item, &l.field, l.weight, &l.texts)), l)).collect();
        hashed.sort_unstable_by_key(|h| h.0);
        let grown = self.numbers.get(&meta.id).and_then(|n| added(&self.entries[n].lines, &hashed));
        let new = grown.unwrap_or_else(|| {
            self.forget(&meta.id);
            hashed.iter().map(|h| h.1).collect()
        });
        let number = *self.numbers.entry(meta.id).or_insert_with(|| {
            self.next += 1;
            self.next - 1
        });
        let mut terms = match self.entries.remove(&number) {
            Some(old) => {
                self.bytes -= old.bytes();
                self.ages.remove(&(old.meta.updated, number));
                old.terms
            }
            None => Vec::new(),
        };
        for (key, n) in counted(&new) {
            if terms.len() == TERMS_MAX && !self.has(&key, number) {
                continue;
            }
            let term = self.term(&key);
            if self.postings[term as usize].1.count(number, n) {
                terms.push(term);
            }
        }
        terms.shrink_to_fit();
        self.ages.insert((meta.updated, number));
        let entry = Entry { meta, terms, lines: hashed.iter().map(|h| h.0).collect() };
        self.bytes += entry.bytes();
        self.entries.insert(number, entry);
        self.make_room();
    }

    /// Forgets a dossier, and every word that no other has.
    pub fn forget(&mut self, id: &DossierId) {
        self.left_out.remove(id);
        let Some(number) = self.numbers.remove(id) else { return };
        let Some(entry) = self.entries.remove(&number) else { return };
        self.ages.remove(&(entry.meta.updated, number));
        self.bytes -= entry.bytes();
        for term in entry.terms {
            let (text, held) = &mut self.postings[term as usize];
            if held.forget(number) {
                self.terms.remove(text);
                self.bytes -= TERM_BYTES + text.len();
                *text = Arc::from("");
                self.free.push(term);
            }
        }
    }

    /// Leaves out what changed longest ago until the rest has room; one dossier always has.
    fn make_room(&mut self) {
        while self.bytes > self.bytes_max && self.entries.len() > 1 {
            let Some(id) = self.ages.first().and_then(|(_, n)| self.entries.get(n)).map(|e| e.meta.id) else { return };
            self.forget(&id);
            self.left_out.insert(id);
        }
    }

    /// Returns how many dossiers and how many different words and stems are remembered.
    pub fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.terms.len())
    }

    /// Returns how many dossiers, those that changed longest ago, are not searched because there was no room for them.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn has(&self, key: &str, number: u32) -> bool {
        self.terms.get(key).is_some_and(|t| self.postings[*t as usize].1.all().binary_search_by_key(&number, |p| p.0).is_ok())
    }

    fn term(&mut self, key: &str) -> u32 {
        if let Some(term) = self.terms.get(key) {
            return *term;
        }
        let text: Arc<str> = Arc::from(key);
        self.bytes += TERM_BYTES + key.len();
        let place = (Arc::clone(&text), Postings::default());
        let term = match self.free.pop() {
            Some(free) => {
                self.postings[free as usize] = place;
                free
            }
            None => {
                self.postings.push(place);
                (self.postings.len() - 1) as u32
            }
        };
        self.terms.insert(text, term);
        term
    }

    /// Searches. `allowed` says which dossiers the officer may see: others are not counted, read or named. `read` reads what a
    /// dossier shows now; what does not stand there any more is no hit.
    pub fn find(&self, query: &Query, limit: usize, allowed: &dyn Fn(&DossierId) -> bool, read: &mut dyn FnMut(&DossierId) -> Option<Vec<Line>>) -> Found {
        let mut out = Found::default();
        if query.is_empty() {
            return out;
        }
        let wanted = query.parts.iter().filter(|p| !p.excluded);
        // Where only filters are given, all are candidates.
        let mut scores: BTreeMap<u32, f64> = self.entries.keys().map(|n| (*n, 0.0)).collect();
        for word in wanted.flat_map(|p| &p.words) {
            let counted = self.weigh(word);
            scores.retain(|n, score| counted.get(n).map(|s| *score += s).is_some());
        }
        let fits = |n: &u32| self.entries.get(n).filter(|e| query.filters.iter().all(|f| fits(f, &e.meta)) && allowed(&e.meta.id));
        let mut ranked: Vec<(f64, &Meta)> = scores.iter().filter_map(|(n, s)| fits(n).map(|e| (*s, &e.meta))).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.updated.cmp(&a.1.updated)).then(a.1.id.cmp(&b.1.id)));
        for (i, (score, meta)) in ranked.into_iter().enumerate() {
            if out.hits.len() == limit || i == DOSSIERS_READ_MAX {
                out.more = true;
                break;
            }
            let Some(lines) = read(&meta.id) else { continue };
            if let Some(snippets) = answers(query, &lines) {
                out.hits.push(Hit { id: meta.id, snippets, score });
            }
        }
        out
    }

    /// Weighs the dossiers that have a word: rare words and frequent mention count more (BM25 without lengths).
    fn weigh(&self, word: &Asked) -> BTreeMap<u32, f64> {
        let mut found: Vec<(u32, f64)> = Vec::new();
        if word.begins {
            let from = self.terms.range::<str, _>((Bound::Included(word.folded.as_str()), Bound::Unbounded)).take_while(|(t, _)| t.starts_with(&word.folded));
            found.extend(from.filter(|(t, _)| !t.contains(STEM_MARK)).map(|(_, id)| (*id, 1.0)));
        } else {
            found.extend(self.terms.get(word.folded.as_str()).map(|id| (*id, 1.0)));
        }
        found.extend(word.stems.iter().filter_map(|(lang, stem)| self.terms.get(stem_key(*lang, stem).as_str())).map(|id| (*id, STEM_SHARE)));
        let mut out: BTreeMap<u32, f64> = BTreeMap::new();
        for (term, share) in found {
            for (n, count) in self.postings[term as usize].1.all() {
                let tf = f64::from(*count);
                let best = out.entry(*n).or_default();
                *best = best.max(share * tf * 2.2 / (tf + 1.2));
            }
        }
        // How rare a word is counts in all its forms together.
        let (all, with) = (self.entries.len() as f64, out.len() as f64);
        let rare = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        out.values_mut().for_each(|score| *score *= rare);
        out
    }
}

/// Returns the lines that are new where all that were known still stand, else none. Both are in order.
fn added<'a>(known: &[u64], now: &[(u64, &'a Line)]) -> Option<Vec<&'a Line>> {
    let mut known = known.iter().peekable();
    let new = now.iter().filter(|(hash, _)| known.next_if_eq(&hash).is_none()).map(|(_, line)| *line).collect();
    known.next().is_none().then_some(new)
}

/// Counts the words and stems of lines.
fn counted(lines: &[&Line]) -> BTreeMap<String, u16> {
    let mut counts: BTreeMap<String, u16> = BTreeMap::new();
    for (line, lang, text) in lines.iter().flat_map(|l| l.texts.iter().map(move |(lang, text)| (l, *lang, text))) {
        for w in words(text) {
            for key in keys(text, &w, lang) {
                if let Some(n) = counts.get_mut(&key) {
                    *n = n.saturating_add(line.weight);
                } else if counts.len() < TERMS_MAX {
                    counts.insert(key, line.weight);
                }
            }
        }
    }
    counts
}

const STEM_MARK: char = '~';

fn stem_key(lang: Lang, stem: &str) -> String {
    format!("{lang}{STEM_MARK}{stem}")
}

/// Returns everything under which a word of a text is remembered; Arabic words have their stem whatever language stands beside them.
fn keys(text: &str, word: &Word, lang: Option<Lang>) -> Vec<String> {
    let lang = if word.folded.chars().any(base::fold::is_arabic) { Some(Lang::Ar) } else { lang };
    let stems = lang.into_iter().flat_map(|l| stems(&text[word.at.clone()], l).into_iter().map(move |s| stem_key(l, &s)));
    [word.folded.clone()].into_iter().chain(stems).collect()
}

fn fits(filter: &Filter, meta: &Meta) -> bool {
    let says = |list: &[String], value: &String| list.iter().any(|l| fold(l).starts_with(value.as_str()));
    match filter {
        Filter::Mechanism(m) => says(&meta.mechanism, m),
        Filter::Partner(p) => says(&meta.partners, p),
        Filter::Phase(p) => says(&meta.phase, p),
        Filter::Before(at) => meta.opened < *at,
        Filter::After(at) => meta.updated >= *at,
        Filter::Ended(ended) => meta.ended == *ended,
    }
}

/// Reads a dossier again: where each part of a query stands, or none if one does not or one stands that must not.
fn answers(query: &Query, lines: &[Line]) -> Option<Vec<Snippet>> {
    let mut out: Vec<Snippet> = Vec::new();
    for part in &query.parts {
        let mut found = lines.iter().filter_map(|l| l.texts.iter().find_map(|(lang, t)| place(part, t, *lang).map(|at| (l, lang, t, at))));
        match (part.excluded, found.next()) {
            (true, None) => {}
            (false, Some((line, lang, text, _))) => {
                // One snippet for each field shows all parts of the query that stand in it.
                if !out.iter().any(|s| s.item == line.item && s.field == line.field) {
                    let pieces = cut(text, &marks(query, text, *lang));
                    out.push(Snippet { item: line.item, kind: line.kind.clone(), field: line.field.clone(), lang: *lang, pieces });
                }
            }
            _ => return None,
        }
    }
    Some(out)
}

fn place(part: &Part, text: &str, lang: Option<Lang>) -> Option<std::ops::Range<usize>> {
    places(part, text, lang).into_iter().next()
}

fn places(part: &Part, text: &str, lang: Option<Lang>) -> Vec<std::ops::Range<usize>> {
    let all = words(text);
    let meets = |w: &Word, asked: &Asked| {
        w.folded == asked.folded
            || (asked.begins && w.folded.starts_with(&asked.folded))
            || (!asked.stems.is_empty() && keys(text, w, lang)[1..].iter().any(|k| asked.stems.iter().any(|(l, s)| stem_key(*l, s) == *k)))
    };
    let runs = all.windows(part.words.len()).filter(|run| run.iter().zip(&part.words).all(|(w, a)| meets(w, a)));
    runs.map(|run| run[0].at.start..run[run.len() - 1].at.end).collect()
}

fn marks(query: &Query, text: &str, lang: Option<Lang>) -> Vec<std::ops::Range<usize>> {
    let mut all: Vec<_> = query.parts.iter().filter(|p| !p.excluded).flat_map(|p| places(p, text, lang)).collect();
    all.sort_by_key(|r| (r.start, r.end));
    all.dedup_by(|later, first| later.start < first.end);
    all
}

/// Cuts the surroundings of the first find out of a text.
fn cut(text: &str, marks: &[std::ops::Range<usize>]) -> Vec<(String, bool)> {
    let Some(first) = marks.first() else { return Vec::new() };
    let from = text[..first.start].char_indices().rev().nth(AROUND).map_or(0, |(i, _)| i);
    let to = text[first.end..].char_indices().nth(AROUND * 2).map_or(text.len(), |(i, _)| first.end + i);
    let mut out = Vec::new();
    let mut at = from;
    let mut push = |piece: &str, found: bool| (!piece.is_empty()).then(|| out.push((piece.to_owned(), found)));
    if from > 0 {
        push("…", false);
    }
    for m in marks.iter().filter(|m| m.end <= to) {
        push(&text[at..m.start], false);
        push(&text[m.clone()], true);
        at = m.end;
    }
    push(&text[at..to], false);
    if to < text.len() {
        push("…", false);
    }
    out
}

/// Draws a snippet, finds marked, in its own language and direction.
pub fn highlight(snippet: &Snippet) -> Markup {
    html! {
        bdi lang=[snippet.lang.map(Lang::code)] dir=(snippet.lang.map_or("auto", |l| if l == Lang::Ar { "rtl" } else { "ltr" })) {
            @for (piece, found) in &snippet.pieces {
                @if *found { mark { (piece) } } @else { (piece) }
            }
        }
    }
}
