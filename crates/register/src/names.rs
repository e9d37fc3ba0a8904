//! Reads the officials that a text names for its event, name and office as written.
//!
//! Flow: 1 offices: a head of `data/offices.toml` and the words that go with it, 2 a name beside an office: before it and a comma, or
//! behind it, 3 names after a form of address, 4 one person under several names becomes one. No list of persons: who holds an
//! office is what the text says.

use crate::fold::{fold, is_arabic, skeleton};
use crate::hits::Class;
use crate::scene::{Scene, Sentence};
use crate::words::Gap;
use std::collections::BTreeSet;

const NAME_WORDS_MAX: usize = 5;
const OFFICE_WORDS_MAX: usize = 24;
/// How far behind an "and" the head of another office is looked for, in words.
const AND_WORDS_MAX: usize = 6;
const ARABIC_UNITS_MAX: usize = 4;
/// Particles that may stand inside a name.
const PARTICLES: [&str; 16] = ["de", "del", "la", "el", "al", "ben", "bin", "ibn", "van", "von", "der", "da", "dos", "y", "zu", "ould"];
/// Arabic first words that need the next one to be a name.
const ARABIC_BOUND: [&str; 6] = ["عبد", "ابو", "بن", "ابن", "ال", "ولد"];

/// Arabic words that end a name: prepositions and words of time, folded.
const ARABIC_STOPS: [&str; 26] = [
    "خلال",
    "في",
    "علي",
    "من",
    "الي",
    "عن",
    "مع",
    "بين",
    "حول",
    "بعد",
    "قبل",
    "الذي",
    "التي",
    "يوم",
    "يومه",
    "امس",
    "اليوم",
    "وذلك",
    "ان",
    "قد",
    "عدد",
    "كل",
    "هذا",
    "هذه",
    "بمكتبه",
    "مرفوقا",
];

/// One official of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub name: Option<String>,
    pub office: Option<String>,
    pub bytes: (usize, usize),
    /// Services that the office names, by id; with the head, it tells one office under two wordings.
    services: Vec<String>,
    head: String,
}

impl Named {
    /// Keeps only services that the text was found to name: of those that share a name, the one that is meant.
    pub fn keep_services(&mut self, known: &crate::actors::Found) {
        self.services.retain(|id| known.contains_key(id));
    }

    /// The office's id: the service and the role; nothing for a mere "counterpart", or where no service is named.
    pub fn office_id(&self) -> Option<String> {
        let service = self.services.iter().max_by_key(|id| id.matches('.').count())?;
        (!self.head.is_empty() && self.head != "counterpart").then(|| format!("{service}:{}", self.head))
    }
}

/// Returns the officials of a text in reading order.
pub(crate) fn officials(scene: &Scene) -> Vec<Named> {
    let mut all = Vec::new();
    for sentence in scene.told() {
        let reader = Reader { scene, from: sentence.from, to: sentence.told_to };
        reader.read(sentence, &mut all);
    }
    merge(all)
}

struct Reader<'a, 't> {
    scene: &'a Scene<'t>,
    from: usize,
    to: usize,
}

impl Reader<'_, '_> {
    fn read(&self, sentence: &Sentence, all: &mut Vec<Named>) {
        let mut at = self.from;
        while at < self.to {
            if let Some(head) = self.scene.hits.at(at, Class::OfficeHead).filter(|hit| hit.to <= self.to) {
                let (office_from, office_to) = (self.office_start(at), self.office_end(head.to));
                let behind = self.name_behind(office_to);
                let name = behind.or_else(|| self.name_before(office_from));
                // "Comisaría General de …" is a service, though its first words are those of an office.
                let is_service = self.scene.hits.at(at, Class::Service).is_some_and(|hit| hit.to > head.to);
                let is_told = name.is_some() || !is_service && office_to - office_from > head.to - head.from;
                if is_told && (!sentence.is_title || name.is_some()) {
                    let (first, last) = name.map_or((office_from, office_to), |(from, to)| (office_from.min(from), office_to.max(to)));
                    let office = self.scene.raw(office_from, office_to);
                    let office = if office.matches('(').count() > office.matches(')').count() { format!("{office})") } else { office.to_owned() };
                    all.push(Named {
                        name: name.map(|(from, to)| self.scene.raw(from, to).to_owned()),
                        office: Some(office),
                        bytes: self.scene.bytes(first, last),
                        services: self.services(office_from, office_to),
                        head: head.entry.value.clone(),
                    });
                }
                at = behind.map_or(office_to, |(_, to)| to);
                continue;
            }
            if let Some(form) = self.scene.hits.at(at, Class::Honorific).filter(|hit| hit.to < self.to)
                && let Some((from, to)) = self.name_at(form.to, 1)
            {
                all.push(self.bare(from, to));
                at = to;
                continue;
            }
            if let Some((from, to)) = self.plain_name(at) {
                all.push(self.bare(from, to));
                at = to;
                continue;
            }
            at += 1;
        }
    }

    fn bare(&self, from: usize, to: usize) -> Named {
        let name = Some(self.scene.raw(from, to).to_owned());
        Named { name, office: None, bytes: self.scene.bytes(from, to), services: Vec::new(), head: String::new() }
    }

    fn services(&self, from: usize, to: usize) -> Vec<String> {
        let hits = self.scene.hits.within(from, to).filter(|hit| matches!(hit.entry.class, Class::Service | Class::ServiceOf));
        hits.map(|hit| hit.entry.value.clone()).collect()
    }

    /// A name without form of address or office: behind "between" or "with", or right before an event word.
    fn plain_name(&self, at: usize) -> Option<(usize, usize)> {
        let word = &self.scene.words.list[at];
        if !word.is_capital || at > self.from && self.is_name_word(at - 1) && self.gap(at).is_soft() {
            return None;
        }
        let (from, to) = self.name_at(at, 2)?;
        let cued = self.gap(from).is_soft() && self.scene.before(from, Class::NameCue, self.from).is_some();
        let acts = to < self.to && self.gap(to).is_soft() && self.scene.is(to, Class::Event);
        let shouted = (from..to).any(|at| self.scene.words.list[at].is_capitals);
        ((cued || acts) && !shouted).then_some((from, to))
    }

    fn gap(&self, at: usize) -> Gap {
        self.scene.words.list.get(at).map_or(Gap::END, |word| word.gap)
    }

    /// Goes back over "Spain's", "German Federal Police" before a head.
    fn office_start(&self, head: usize) -> usize {
        let mut start = head;
        while start > self.from && self.gap(start).is_soft() {
            let back = [Class::Country, Class::Service, Class::ServiceOf, Class::OfficeWord];
            let hit = back.iter().find_map(|class| self.scene.before(start, *class, self.from));
            let possessive = start >= 2
                && self.scene.words.folded(start - 1) == "s"
                && self.gap(start - 1).has(Gap::APOSTROPHE)
                && self.scene.before(start - 1, Class::Country, self.from).is_some();
            match hit {
                Some(hit) if hit.from < start && self.scene.lang.code() != "ar" => start = hit.from,
                _ if possessive => start -= 2,
                _ => break,
            }
        }
        start
    }

    /// Goes on over the words of an office and drops connectors left at its end.
    fn office_end(&self, head_to: usize) -> usize {
        let (mut at, mut end) = (head_to, head_to);
        while at < self.to && at - head_to < OFFICE_WORDS_MAX {
            let gap = self.gap(at);
            let bracket = gap.has(Gap::PAREN) && !gap.has(Gap(Gap::COMMA.0 | Gap::STOP.0 | Gap::END.0));
            if !(gap.is_soft() || bracket) {
                break;
            }
            let hits = self.scene.hits.starting(at);
            let of = |classes: &[Class]| hits.iter().find(|hit| classes.contains(&hit.entry.class) && hit.to <= self.to).map(|hit| hit.to);
            if let Some(to) = of(&[Class::And]) {
                let next = (to..(to + AND_WORDS_MAX).min(self.to)).find(|at| !self.gap(*at).is_soft() || self.scene.is(*at, Class::OfficeHead));
                if next.is_some_and(|at| self.gap(at).is_soft()) {
                    // "… and the president of …" is another official.
                    break;
                }
            }
            let substance = of(&[Class::Service, Class::ServiceOf, Class::Country, Class::OfficeWord, Class::OfficeHead]);
            if self.scene.words.list[at].is_capitals && substance.is_none() && bracket {
                (at, end) = (at + 1, at + 1);
            } else if let Some(to) = substance {
                (at, end) = (to, to);
            } else if let Some(to) = of(&[Class::Connector, Class::Article]) {
                at = to;
            } else {
                break;
            }
        }
        end
    }

    /// A name behind an office: after a comma, a form of address, or at once.
    fn name_behind(&self, office_to: usize) -> Option<(usize, usize)> {
        if office_to >= self.to || self.gap(office_to).has(Gap(Gap::END.0 | Gap::STOP.0 | Gap::SLASH.0)) {
            return None;
        }
        match self.scene.hits.at(office_to, Class::Honorific) {
            Some(form) => self.name_at(form.to, 1),
            None => {
                // An Arabic name has no capitals to be told by: punctuation must close it.
                let (from, to) = self.name_at(office_to, 2)?;
                let arabic = self.scene.words.folded(from).starts_with(is_arabic);
                (!arabic || self.closes(to)).then_some((from, to))
            }
        }
    }

    /// A name before an office: "First Last, the director …".
    fn name_before(&self, office_from: usize) -> Option<(usize, usize)> {
        let mut end = office_from;
        while end > self.from && !self.gap(end).has(Gap::COMMA) {
            end = self.scene.before(end, Class::Article, self.from)?.from;
        }
        let mut start = end;
        while start > self.from && end - start < NAME_WORDS_MAX && self.is_name_word(start - 1) && (start == end || self.gap(start).is_soft()) {
            start -= 1;
        }
        while start < end && PARTICLES.contains(&self.scene.words.folded(start)) {
            start += 1;
        }
        let addressed = self.scene.before(start, Class::Honorific, self.from).is_some();
        (end - start >= if addressed { 1 } else { 2 }).then_some((start, end))
    }

    /// Reads a name of at least `least` words that starts at a word.
    fn name_at(&self, start: usize, least: usize) -> Option<(usize, usize)> {
        if start >= self.to {
            return None;
        }
        if self.scene.words.folded(start).starts_with(is_arabic) {
            return self.arabic_name(start);
        }
        let mut end = start;
        while end < self.to && end - start < NAME_WORDS_MAX && self.is_name_word(end) && (end == start || self.gap(end).is_soft()) {
            end += 1;
        }
        while end > start && PARTICLES.contains(&self.scene.words.folded(end - 1)) {
            end -= 1;
        }
        (end - start >= least && self.scene.words.list[start].is_capital).then_some((start, end))
    }

    /// First name and surname, each of which may be bound to the word after it; more where punctuation closes the name.
    fn arabic_name(&self, start: usize) -> Option<(usize, usize)> {
        let mut ends = Vec::new();
        let mut end = start;
        while end < self.to
            && ends.len() < ARABIC_UNITS_MAX
            && (end == start || self.gap(end).is_soft())
            && !self.is_known(end)
            && !ARABIC_STOPS.contains(&self.scene.words.folded(end))
        {
            let bound = ARABIC_BOUND.contains(&self.scene.words.folded(end)) && end + 1 < self.to;
            end += 1 + usize::from(bound);
            ends.push(end);
        }
        let closed = self.closes(end);
        let end = if closed { ends.last() } else { ends.get(1) };
        end.filter(|_| ends.len() >= 2).map(|end| (start, *end))
    }

    /// Tells whether an Arabic name ends for certain before a word: at punctuation, or where another office or deed begins.
    fn closes(&self, at: usize) -> bool {
        let next = [Class::OfficeHead, Class::Event, Class::Honorific, Class::RelativeDay];
        at >= self.to || !self.gap(at).is_soft() || next.iter().any(|class| self.scene.is(at, *class)) || ARABIC_STOPS.contains(&self.scene.words.folded(at))
    }

    fn is_name_word(&self, at: usize) -> bool {
        let word = &self.scene.words.list[at];
        let folded = self.scene.words.folded(at);
        let particle = PARTICLES.contains(&folded) && !word.is_capital;
        word.number.is_none() && (particle || word.is_capital && !self.is_known(at))
    }

    /// Tells whether a word is one of ours and so no part of a name.
    fn is_known(&self, at: usize) -> bool {
        let known = [
            Class::Country,
            Class::Place,
            Class::Service,
            Class::ServiceOf,
            Class::OfficeHead,
            Class::Honorific,
            Class::Month,
            Class::Weekday,
            Class::Event,
            Class::Article,
            Class::OfficeWord,
            Class::Locative,
            Class::Background,
            Class::Anaphora,
        ];
        let capital = self.scene.words.list[at].is_capital;
        // "De" or "La" with a capital opens a sentence; a surname particle is written small.
        self.scene
            .hits
            .starting(at)
            .iter()
            .any(|hit| known.contains(&hit.entry.class) && !(hit.entry.class == Class::OfficeWord && capital && !self.gap(at).is_soft()))
    }
}

/// Makes one of those who share a surname or an office: the fullest name, the first office.
pub(crate) fn merge(all: Vec<Named>) -> Vec<Named> {
    let words = |name: &Option<String>| name.as_deref().map_or(0, |name| name.split_whitespace().count());
    let (named, nameless): (Vec<Named>, Vec<Named>) = all.into_iter().partition(|official| official.name.is_some());
    let mut merged: Vec<Named> = Vec::new();
    for official in named {
        let twin = merged.iter_mut().find(|other| match (&other.name, &official.name) {
            (Some(one), Some(two)) => is_same_person(one, two),
            _ => false,
        });
        match twin {
            Some(other) => {
                let script = |name: &Option<String>| name.as_deref().is_some_and(|name| name.starts_with(is_arabic));
                if words(&official.name) > words(&other.name) && script(&official.name) == script(&other.name) {
                    other.name = official.name;
                }
                if other.office.is_none() {
                    (other.office, other.services, other.head) = (official.office, official.services, official.head);
                }
            }
            None => merged.push(official),
        }
    }
    for official in nameless {
        if !merged.iter().any(|other| is_same_office(other, &official)) {
            merged.push(official);
        }
    }
    merged.sort_by_key(|official| official.bytes);
    merged
}

/// Tells whether an office without a name is one that is there already: the same words, or the same head of the same services.
fn is_same_office(known: &Named, nameless: &Named) -> bool {
    let words = |office: &Option<String>| {
        let folded = fold(office.as_deref().unwrap_or_default());
        let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3);
        words.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let same_services = !nameless.services.is_empty() && nameless.services.iter().all(|id| known.services.contains(id));
    words(&known.office) == words(&nameless.office) || same_services && known.head == nameless.head && known.name.is_some()
}

/// Tells whether two names may be one person's, by sound and across scripts.
///
/// One is the surname of the other, or its beginning (a second surname left out), or both agree in surname and given names.
pub(crate) fn is_same_person(one: &str, two: &str) -> bool {
    let sounds = |name: &str| name.split(|c: char| c.is_whitespace() || c == '-').map(skeleton).filter(|key| !key.is_empty()).collect::<Vec<_>>();
    same_sounds(&sounds(one), &sounds(two))
}

/// The same, of names whose sounds are known.
pub(crate) fn same_sounds(one: &[String], two: &[String]) -> bool {
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    let (Some((surname, given)), Some((other, other_given))) = (short.split_last(), long.split_last()) else { return false };
    let alike = surname == other && (given.is_empty() || without_article(given) == without_article(other_given));
    alike || long.ends_with(short) || short.len() >= 2 && long.starts_with(short)
}

/// Joins given names and drops the l of an Arabic article, which one script writes and the other may not.
fn without_article(given: &[String]) -> String {
    given.concat().replace('l', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let scene = Scene::set(text).unwrap();
        let all = officials(&scene);
        all.iter().map(|named| format!("{} / {}", named.name.as_deref().unwrap_or("-"), named.office.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn name_and_office_in_each_order() {
        assert_eq!(
            read("Anna de Vries, the Director General of the Belgian Federal Police (BFP), met with Mr. Paul Aubin in Brussels."),
            ["Anna de Vries / Director General of the Belgian Federal Police (BFP)", "Paul Aubin / -"]
        );
        assert_eq!(
            read("Le ministre de l'Intérieur, Paul Aubin, a reçu Mme Vries. M. Aubin a parlé de la sécurité."),
            ["Paul Aubin / ministre de l'Intérieur", "Vries / -"]
        );
        assert_eq!(
            read("The talks brought together Spain's Director General of the National Police and the German Federal Police President."),
            ["- / Spain's Director General of the National Police", "- / German Federal Police President"]
        );
        assert_eq!(
            read("El director general de la Policía Nacional, Jorge Ibáñez Soler, recibió a la delegación en Toledo."),
            ["Jorge Ibáñez Soler / director general de la Policía Nacional"]
        );
        assert_eq!(
            read("Der Präsident der Bundespolizei, Dr. Jens Okonjo, traf sich mit der Delegation in Bonn."),
            ["Jens Okonjo / Präsident der Bundespolizei"]
        );
        assert_eq!(read("استقبل المدير العام للأمن الوطني، السيد كريم بنشقرون، وفدا إسبانيا في مدريد."), ["كريم بنشقرون / المدير العام للأمن الوطني"]);
    }

    #[test]
    fn spellings_of_one_person_meet() {
        assert!(is_same_person("Karim Benchekroun", "كريم بنشقرون"));
        assert!(is_same_person("Benchekroun", "Karim Bencheqroun"));
        assert!(is_same_person("Abdelkarim Tazi", "عبد الكريم التازي"));
        assert!(is_same_person("Jorge Ibáñez", "Jorge Ibáñez Soler"));
        assert!(!is_same_person("Karim Benchekroun", "Karim Tazi"));
        assert!(!is_same_person("Karim Tazi", "Jorge Tazi"));
    }
}
