//! Sets the scene: the sentences of a text, and which of them tell of its main event.
//!
//! Flow: 1 words of titles, paragraphs and publication lines, 2 language per paragraph, 3 gazetteer hits, 4 sentences,
//! 5 what looks back or aside (`data/scene.toml`): whole sentences, the rest of a sentence after "following the visit of …",
//! and sentences that merely go on about it. Later steps read what is told, never the background.

use crate::clean::{Part, Sort, clean};
use crate::hits::{Class, Hit, Hits};
use crate::language::{LANGUAGES, Lang};
use crate::lexicon::Lexicon;
use crate::silence::Silence;
use crate::words::{Gap, Words};
use std::collections::BTreeSet;

/// Longest stretch that is read as one sentence; a page that never ends its sentences is cut here.
const SENTENCE_WORDS_MAX: usize = 300;
/// Fewest words of a sentence without an event that counts for the rank of those behind it.
const RANKED_WORDS_MIN: usize = 7;

/// A paragraph and its words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paragraph {
    pub part: Part,
    pub from: usize,
    pub to: usize,
    pub lang: Lang,
}

/// A sentence; word ranges are half open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sentence {
    pub from: usize,
    pub to: usize,
    /// Where the main event ends and another one is told; `from` if the whole sentence is background.
    pub told_to: usize,
    /// Where countries, dates and places stop being those of the event; never beyond `told_to`.
    pub near_to: usize,
    pub is_title: bool,
    /// Stands how far down, counted over sentences of the body that tell of the event; the title counts as 0.
    pub rank: usize,
}

/// A text with its scene set.
#[derive(Debug)]
pub(crate) struct Scene<'t> {
    pub text: &'t str,
    pub parts: Vec<Part>,
    pub words: Words,
    pub hits: Hits<'t>,
    pub paragraphs: Vec<Paragraph>,
    pub sentences: Vec<Sentence>,
    pub lang: Lang,
}

impl<'t> Scene<'t> {
    /// Sets the scene of a page with the names that we ship.
    #[cfg(test)]
    pub fn set(text: &'t str) -> Result<Scene<'t>, Silence> {
        Scene::with(&crate::lexicon::LEXICON, text)
    }

    /// Sets the scene of a page, or says why it cannot be read.
    pub fn with(lexicon: &'t Lexicon, text: &'t str) -> Result<Scene<'t>, Silence> {
        let parts = clean(text)?;
        let mut words = Words::default();
        let mut paragraphs = Vec::new();
        for part in parts.iter().filter(|part| matches!(part.sort, Sort::Title | Sort::Body | Sort::Published | Sort::Stamp)) {
            let from = words.list.len();
            words.push(text, part.start, part.end);
            let to = words.list.len();
            let lang = LANGUAGES.tell(&words, from, to);
            paragraphs.push(Paragraph { part: *part, from, to, lang });
        }
        let lang = main_language(&paragraphs);
        for paragraph in &mut paragraphs {
            if paragraph.lang == Lang::UNKNOWN || matches!(paragraph.part.sort, Sort::Published | Sort::Stamp) {
                paragraph.lang = lang;
            }
        }
        let mut by_word = vec![lang; words.list.len()];
        paragraphs.iter().for_each(|paragraph| by_word[paragraph.from..paragraph.to].fill(paragraph.lang));
        let hits = lexicon.find(&words, |at| by_word[at]);
        let mut scene = Scene { text, parts, words, hits, paragraphs, sentences: Vec::new(), lang };
        scene.cut_sentences();
        scene.part_opening_clauses();
        scene.push_back_the_background();
        Ok(scene)
    }

    /// Returns the text of the words `from..to` as written.
    pub fn raw(&self, from: usize, to: usize) -> &'t str {
        let (start, end) = self.bytes(from, to);
        &self.text[start..end]
    }

    /// Returns the bytes of the words `from..to`.
    pub fn bytes(&self, from: usize, to: usize) -> (usize, usize) {
        match (self.words.list.get(from), self.words.list.get(to.max(from + 1) - 1)) {
            (Some(first), Some(last)) => (first.start as usize, last.end as usize),
            _ => (0, 0),
        }
    }

    /// Returns the bytes of a sentence with its closing mark.
    pub fn sentence_bytes(&self, sentence: &Sentence) -> (usize, usize) {
        let (start, end) = self.bytes(sentence.from, sentence.to);
        let mark = self.text[end..].chars().next().filter(|c| matches!(c, '.' | '!' | '?' | '؟' | '…'));
        (start, end + mark.map_or(0, char::len_utf8))
    }

    /// Returns the sentences that tell of the main event, in reading order.
    pub fn told(&self) -> impl Iterator<Item = &Sentence> {
        self.sentences.iter().filter(|sentence| sentence.told_to > sentence.from)
    }

    /// Tells whether something happens in a sentence: an event, a signature, an arrest.
    pub fn happens(&self, sentence: &Sentence) -> bool {
        let told = self.hits.within(sentence.from, sentence.told_to);
        // In the lead, what two sides agreed on happens too.
        let agrees = |class: Class| sentence.rank == 0 && class == Class::Commit;
        told.into_iter().any(|hit| matches!(hit.entry.class, Class::Event | Class::Sign | Class::Result) || agrees(hit.entry.class))
    }

    /// Tells whether a word starts the phrase of a class.
    pub fn is(&self, at: usize, class: Class) -> bool {
        self.hits.at(at, class).is_some()
    }

    /// Returns a hit of a class that ends right before a word.
    pub fn before(&self, at: usize, class: Class, sentence_from: usize) -> Option<Hit<'t>> {
        let reach = at.saturating_sub(4).max(sentence_from);
        (reach..at).find_map(|start| self.hits.starting(start).iter().find(|hit| hit.entry.class == class && hit.to == at).copied())
    }

    fn cut_sentences(&mut self) {
        for paragraph in &self.paragraphs {
            if matches!(paragraph.part.sort, Sort::Published | Sort::Stamp) {
                continue;
            }
            let mut from = paragraph.from;
            for at in paragraph.from + 1..=paragraph.to {
                if at == paragraph.to || at - from == SENTENCE_WORDS_MAX || self.ends_before(at) {
                    let is_title = paragraph.part.sort == Sort::Title;
                    self.sentences.push(Sentence { from, to: at, told_to: at, near_to: at, is_title, rank: 0 });
                    from = at;
                }
            }
        }
    }

    fn ends_before(&self, at: usize) -> bool {
        let (previous, word) = (&self.words.list[at - 1], &self.words.list[at]);
        if !word.gap.has(Gap::END) {
            return false;
        }
        let first = self.text[word.start as usize..].chars().next().unwrap_or(' ');
        if word.gap.has(Gap::STOP) {
            return true;
        }
        let is_initial = previous.is_capital && previous.end - previous.start <= 2 && previous.number.is_none();
        let is_day = previous.digits <= 2 && previous.number.is_some();
        let goes_on = self.is(at, Class::Month) || self.is(at, Class::And) || self.is(at, Class::Until) || self.is(at, Class::HijriMonth);
        !(first.is_lowercase() || is_initial || (is_day && goes_on) || LANGUAGES.is_abbreviation(self.words.folded(at - 1)))
    }

    fn push_back_the_background(&mut self) {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        let mut elsewhere: BTreeSet<&str> = BTreeSet::new();
        let (mut follows_background, mut rank) = (false, 0);
        let mut sentences = std::mem::take(&mut self.sentences);
        for sentence in &mut sentences {
            let (from, to) = (sentence.from, sentence.to);
            if sentence.told_to == from {
                // An opening clause that was parted off: it says where they came from, and what follows is told.
                elsewhere.extend(self.actors(from, to));
                continue;
            }
            let lead = rank == 0;
            let looks_back = !lead && !sentence.is_title && self.hits.any(Class::Background, from, to);
            let goes_on = follows_background
                && (self.hits.any(Class::Anaphora, from, (from + 2).min(to))
                    || self.actors(from, to).any(|actor| elsewhere.contains(actor) && !told.contains(actor)));
            let tail = self.hits.of(Class::Tail, from, to).find(|hit| hit.from >= from + 2).map(|hit| hit.from);
            // A lead that has named fewer than two actors so far has not told its event yet.
            let tail = tail.filter(|tail| !lead || sentence.is_title || self.actors(from, *tail).collect::<BTreeSet<_>>().len() >= 2);
            sentence.told_to = if looks_back || goes_on { from } else { tail.unwrap_or(to) };
            let aside = self.hits.of(Class::Aside, from, sentence.told_to).map(|hit| hit.from).next();
            sentence.near_to = aside.unwrap_or(sentence.told_to);
            sentence.rank = rank;
            // The head of an agency line or a caption of few words is no sentence of the lead.
            let tells = to - from >= RANKED_WORDS_MIN || self.hits.within(from, to).any(|hit| matches!(hit.entry.class, Class::Event | Class::Result));
            if !sentence.is_title && sentence.told_to > from && tells {
                rank += 1;
            }
            follows_background = sentence.told_to < to;
            told.extend(self.actors(from, sentence.near_to));
            elsewhere.extend(self.actors(sentence.told_to, to));
        }
        self.sentences = sentences;
    }

    /// Parts "Following the visit to …, the two chiefs met" at its comma, so that the rest is told.
    fn part_opening_clauses(&mut self) {
        let mut parted = Vec::with_capacity(self.sentences.len());
        for sentence in std::mem::take(&mut self.sentences) {
            let opens = self.hits.of(Class::Tail, sentence.from, (sentence.from + 2).min(sentence.to)).next();
            let comma = opens.and_then(|hit| (hit.to..sentence.to).find(|at| self.words.list[*at].gap.has(Gap::COMMA)));
            match comma {
                Some(at) => {
                    parted.push(Sentence { to: at, told_to: sentence.from, near_to: sentence.from, ..sentence });
                    parted.push(Sentence { from: at, ..sentence });
                }
                None => parted.push(sentence),
            }
        }
        self.sentences = parted;
    }

    /// Countries, places and countries of services named on these words.
    fn actors(&self, from: usize, to: usize) -> impl Iterator<Item = &'t str> + '_ {
        self.hits.within(from, to).filter_map(|hit| match hit.entry.class {
            Class::Country | Class::Place => Some(hit.entry.value.as_str()),
            Class::Service => hit.entry.country.as_deref(),
            _ => None,
        })
    }
}

/// The language in which most of the words stand; titles and publication lines do not vote unless alone.
fn main_language(paragraphs: &[Paragraph]) -> Lang {
    let mut votes: Vec<(Lang, usize)> = Vec::new();
    let known = paragraphs.iter().filter(|paragraph| paragraph.lang != Lang::UNKNOWN);
    for paragraph in known {
        let weight = if paragraph.part.sort == Sort::Body { paragraph.to - paragraph.from } else { 1 };
        match votes.iter_mut().find(|(lang, _)| *lang == paragraph.lang) {
            Some((_, vote)) => *vote += weight,
            None => votes.push((paragraph.lang, weight)),
        }
    }
    votes.iter().max_by_key(|(_, vote)| *vote).map_or(Lang::UNKNOWN, |(lang, _)| *lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let scene = Scene::set(text).unwrap();
        scene.told().map(|sentence| scene.raw(sentence.from, sentence.told_to).to_owned()).collect()
    }

    #[test]
    fn abbreviations_and_german_days_end_no_sentence() {
        let scene = Scene::set("Der Präsident traf am 3. März in Bonn Herrn Dr. Weber. Die Gespräche waren offen.").unwrap();
        assert_eq!(scene.sentences.len(), 2);
        let scene = Scene::set("Le préfet a reçu M. Aubin et Mme. Roux. La réunion a duré une heure.").unwrap();
        assert_eq!(scene.sentences.len(), 2);
    }

    #[test]
    fn other_trips_are_background() {
        let page = "La directrice a rencontré son homologue portugais à Lisbonne. Cette rencontre a lieu juste après un voyage à Paris, où elle a vu le chef de la DGSI. Les entretiens avec les Français ont été longs. La sécurité des ports a été abordée.";
        let told = told(page);
        assert_eq!(told.len(), 3);
        assert_eq!(told[1], "Cette rencontre a lieu");
        assert!(told[2].starts_with("La sécurité des ports"));
    }

    #[test]
    fn a_sports_event_is_an_aside() {
        let scene = Scene::set("The two chiefs spoke about the World Cup that Brazil will host in 2035.").unwrap();
        let sentence = scene.sentences[0];
        assert_eq!(scene.raw(sentence.from, sentence.near_to), "The two chiefs spoke about the");
        assert_eq!(sentence.told_to, sentence.to);
    }
}
