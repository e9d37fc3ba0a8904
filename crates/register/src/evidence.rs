//! Weighs what speaks for and against two texts telling of one event, in points, with the reasons in words.
//!
//! What is rare speaks louder: a guest who is named in three texts of a thousand says more than the host who is named in all. Other days, other guests,
//! other countries, other towns of a meeting and other weights of a seizure speak against it; days far apart forbid it.

use crate::actors::Found;
use crate::amounts::same_weight;
use crate::event::Kind;
use crate::fold::{is_arabic, skeleton};
use crate::lexicon::Quick;
use crate::names::same_sounds;
use crate::nearness::{Nearness, nearness};
use crate::tale::{Tale, sound_hash};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Points from which two texts are held to tell of one event.
pub(crate) const JOIN_POINTS: i32 = 45;
/// Below this, two texts speak against each other even in a larger group.
pub(crate) const AGAINST_POINTS: i32 = -40;
/// A name counts as rare up to this many texts, or up to one in `RARE_SHARE`.
const RARE_TEXTS: usize = 6;
const RARE_SHARE: usize = 20;

type Counts = HashMap<u64, u32, BuildHasherDefault<Quick>>;

/// What is compared of one text.
#[derive(Debug)]
pub(crate) struct Face {
    /// Sounds of the names of each official.
    people: Vec<Vec<String>>,
    /// Hash of each surname's sound.
    surnames: Vec<u64>,
    /// One bit for each thing that two texts of one event may share; no bit in common, no bond.
    pub bits: u128,
}

/// Every text's face, and how often each name stands in them.
pub(crate) struct Book<'a, 't> {
    pub tales: &'a [Tale<'t>],
    pub faces: Vec<Face>,
    names: Counts,
    surnames: Counts,
    towns: HashMap<&'a str, u32>,
}

/// What two texts say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub points: i32,
    /// They can never be one.
    pub forbidden: bool,
    /// What speaks for it, in words.
    pub why: Vec<String>,
}

impl<'a, 't> Book<'a, 't> {
    /// Reads the faces of texts.
    pub fn new(tales: &'a [Tale<'t>]) -> Self {
        let faces: Vec<Face> = tales.iter().map(face).collect();
        let (mut names, mut surnames, mut towns) = (Counts::default(), Counts::default(), HashMap::new());
        for (tale, face) in tales.iter().zip(&faces) {
            tale.names.iter().for_each(|name| *names.entry(*name).or_default() += 1);
            let mut own = face.surnames.clone();
            own.sort_unstable();
            own.dedup();
            own.iter().for_each(|name| *surnames.entry(*name).or_default() += 1);
            tale.actors.towns.iter().for_each(|town| *towns.entry(town.as_str()).or_default() += 1);
        }
        Book { tales, faces, names, surnames, towns }
    }

    fn is_rare(&self, count: u32) -> bool {
        count as usize <= RARE_TEXTS.max(self.tales.len() / RARE_SHARE)
    }

    /// Weighs two texts.
    pub fn weigh(&self, one: usize, two: usize) -> Evidence {
        let mut evidence = Evidence::default();
        self.days(one, two, &mut evidence);
        if evidence.forbidden {
            return evidence;
        }
        self.wording(one, two, &mut evidence);
        self.people(one, two, &mut evidence);
        self.places(one, two, &mut evidence);
        self.countries(one, two, &mut evidence);
        self.kinds(one, two, &mut evidence);
        self.amounts(one, two, &mut evidence);
        self.rare_words(one, two, &mut evidence);
        evidence
    }

    pub fn days(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.tales[one], &self.tales[two]);
        let operations = a.kind.is_operation() && b.kind.is_operation();
        let (points, why) = match nearness(&a.told, &b.told) {
            Nearness::Same(days) => (42, Some(days)),
            Nearness::SameNoYear(days) => (32, Some(days)),
            Nearness::SameMonth(month) => (12, Some(month)),
            Nearness::Apart(days) => match days {
                // What a judge or a ministry says some days later is told of the same arrests.
                1 if operations => (-5, Some("one day apart".to_owned())),
                2..=8 if operations => (-25, Some(format!("{days} days apart, as what follows an operation"))),
                // Two outlets may differ by a day; by more only if their words are the same.
                1 => (-50, Some("one day apart".to_owned())),
                2..=3 => (-80, Some(format!("{days} days apart"))),
                _ => {
                    evidence.forbidden = true;
                    (0, None)
                }
            },
            Nearness::OutTogether => (14, Some("published within two days of each other".to_owned())),
            Nearness::OutAfter(days) => (12, Some(format!("published {days} days after it"))),
            Nearness::OutNear => (4, None),
            // When nothing is known of the days, one known name is not enough.
            Nearness::Unsaid => (-12, None),
            Nearness::OutApart => (-20, None),
            Nearness::OutFar => (-50, None),
            Nearness::Never => {
                evidence.forbidden = true;
                (0, None)
            }
        };
        evidence.points += points;
        evidence.why.extend(why);
        if let Some(fits) = crate::nearness::weekday_fits(&a.told, &b.told) {
            evidence.points += if fits { 8 } else { -15 };
        }
    }

    pub fn wording(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.tales[one], &self.tales[two]);
        if a.language != b.language {
            return;
        }
        let (like, held) = likeness(&a.shingles, &b.shingles);
        let points = match () {
            () if like >= 0.4 => 80,
            () if held >= 0.5 => 60,
            () if like >= 0.2 || held >= 0.3 => 35,
            () if held >= 0.15 => 18,
            () if held >= 0.07 => 7,
            () => 0,
        };
        evidence.points += points;
        if points >= 18 {
            evidence.why.push(format!("{} in 100 word triples of the shorter in common", (held * 100.0).round()));
        }
    }

    pub fn people(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.faces[one], &self.faces[two]);
        let mut shared: Vec<&str> = Vec::new();
        let (mut mine, mut theirs) = (0, vec![true; b.people.len()]);
        let named: Vec<&str> = self.tales[one].officials.iter().filter_map(|named| named.name.as_deref()).collect();
        for (at, person) in a.people.iter().enumerate() {
            let twin = b.people.iter().position(|other| same_sounds(person, other));
            match twin {
                Some(other) => {
                    let count = self.surnames.get(&a.surnames[at]).copied().unwrap_or(1).min(self.surnames.get(&b.surnames[other]).copied().unwrap_or(1));
                    evidence.points += match () {
                        () if self.is_rare(count) => 26,
                        () if (count as usize) * 5 <= self.tales.len() => 16,
                        () => 8,
                    };
                    theirs[other] = false;
                    shared.push(named[at]);
                }
                None => mine += usize::from(self.is_clear(one, named[at]) && !self.sounds_in(a.surnames[at], two)),
            }
        }
        let others: Vec<&str> = self.tales[two].officials.iter().filter_map(|named| named.name.as_deref()).collect();
        let is_alone = |at: usize| self.is_clear(two, others[at]) && !self.sounds_in(b.surnames[at], one);
        let alone = theirs.iter().enumerate().filter(|(at, alone)| **alone && is_alone(*at)).count();
        // One stranger on each side may be a slip of the reader; three are another delegation.
        evidence.points -= match mine.min(alone) {
            0 => 0,
            1 if shared.is_empty() => 25,
            1 => 30,
            2 => 45,
            _ => 60,
        };
        if !shared.is_empty() {
            evidence.why.push(format!("the same officials ({})", shared.join(", ")));
        }
    }

    /// Tells whether a name was read clearly: in Arabic script little shows where it ends, and two words may be a name and a verb.
    fn is_clear(&self, tale: usize, name: &str) -> bool {
        self.tales[tale].language != "ar" || !name.starts_with(is_arabic) || name.split_whitespace().count() >= 3
    }

    /// Tells whether a surname stands among the other text's words, though it was not read as an official's there.
    fn sounds_in(&self, surname: u64, tale: usize) -> bool {
        self.tales[tale].names.binary_search(&surname).is_ok()
    }

    pub fn places(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.tales[one], &self.tales[two]);
        let operations = a.kind.is_operation() && b.kind.is_operation();
        let (mine, theirs) = (&a.actors.towns, &b.actors.towns);
        if operations {
            let shared: Vec<&String> = mine.iter().filter(|town| theirs.contains(town)).collect();
            let capital = |town: &str| matches!(town, "Madrid" | "Rabat" | "Paris" | "Berlin" | "Bruxelles" | "Canarias");
            let weight = |town: &&String| match self.towns.get(town.as_str()) {
                _ if capital(town) => 4,
                Some(count) if self.is_rare(*count) => 16,
                _ => 9,
            };
            let points: i32 = shared.iter().map(weight).sum();
            if !shared.is_empty() {
                evidence.why.push(format!("the same towns ({})", shared.iter().map(|town| town.as_str()).collect::<Vec<_>>().join(", ")));
            }
            let silent = mine.is_empty() || theirs.is_empty();
            // Towns that only one side names are left out by the other; where both name others, there were two operations.
            let others = (mine.len() - shared.len()).min(theirs.len() - shared.len()) as i32;
            evidence.points += if shared.is_empty() && !silent { -25 } else { points.min(40) - (8 * others).min(24) };
            return;
        }
        let city = |tale: &'a Tale| tale.actors.place.as_ref().filter(|_| tale.actors.place_is_city).map(|(name, _)| name);
        match (city(a), city(b)) {
            (Some(place), Some(other)) if place == other => {
                evidence.points += 16;
                evidence.why.push(format!("the same place ({place})"));
            }
            (Some(place), Some(other)) if theirs.contains(place) || mine.contains(other) => evidence.points -= 5,
            (Some(_), Some(_)) => evidence.points -= 40,
            _ => {
                // Who was the guest: a meeting in Rabat is none in Spain.
                let host = |tale: &'a Tale| tale.actors.host.as_deref();
                match (host(a), host(b)) {
                    (Some(host), Some(other)) if host == other => evidence.points += 4,
                    (Some(_), Some(_)) => evidence.points -= 35,
                    _ => {}
                }
            }
        }
    }

    pub fn countries(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.tales[one].actors, &self.tales[two].actors);
        let shared: Vec<&str> = a.countries.keys().filter(|code| b.countries.contains_key(*code)).map(String::as_str).collect();
        let all = |found: &Found| found.len();
        let operations = self.tales[one].kind.is_operation() || self.tales[two].kind.is_operation();
        evidence.points += match () {
            () if shared.len() == all(&a.countries) && shared.len() == all(&b.countries) => 7,
            // Three at the table are another meeting than two of them.
            () if shared.len() == 2 && !operations && all(&a.countries).max(all(&b.countries)) == 3 => -8,
            () if shared.len() >= 2 && (shared.len() == all(&a.countries) || shared.len() == all(&b.countries)) => 2,
            () if shared.len() >= 2 => -6,
            () if all(&a.countries) < 2 || all(&b.countries) < 2 => -4,
            () => -40,
        };
        if shared.len() >= 2 {
            evidence.why.push(format!("the same countries ({})", shared.join(", ")));
        }
        // The host's own services stand in every text; the guests' tell which text it is.
        let common = |id: &&String| !id.starts_with("ma.") && !id.ends_with(".interior");
        let mine: Vec<&String> = a.services.keys().filter(common).collect();
        let theirs: Vec<&String> = b.services.keys().filter(common).collect();
        let akin = |id: &str, other: &str| id.starts_with(other) || other.starts_with(id);
        let same = mine.iter().filter(|id| theirs.iter().any(|other| akin(id, other))).count() as i32;
        evidence.points += (4 * same).min(12);
        if same == 0 && !mine.is_empty() && !theirs.is_empty() {
            evidence.points -= 15;
        }
    }

    pub fn kinds(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (self.tales[one].kind, self.tales[two].kind);
        let acts = |kind: Kind| kind.is_operation();
        evidence.points += match () {
            () if a == b => 5,
            () if acts(a) && acts(b) => 2,
            () if acts(a) != acts(b) => {
                if a == Kind::Statement || b == Kind::Statement {
                    -8
                } else {
                    -40
                }
            }
            () if a == Kind::Statement || b == Kind::Statement => -8,
            () => 0,
        };
    }

    pub fn amounts(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.tales[one].amounts, &self.tales[two].amounts);
        if !a.kilograms.is_empty() && !b.kilograms.is_empty() {
            let same = a.kilograms.iter().find(|(one, _)| b.kilograms.iter().any(|(two, _)| same_weight(*one, *two)));
            match same {
                Some((kilograms, _)) => {
                    evidence.points += 25;
                    evidence.why.push(format!("the same weight (about {kilograms} kg)"));
                }
                None => evidence.points -= 25,
            }
        }
        if self.tales[one].kind.is_operation() && self.tales[two].kind.is_operation() && !a.counts.is_empty() && !b.counts.is_empty() {
            let shared: Vec<u32> = a.counts.iter().filter(|count| b.counts.binary_search(count).is_ok()).copied().collect();
            let points: i32 = shared.iter().map(|count| if *count >= 10 { 10 } else { 6 }).sum();
            // The largest count is the whole; a text that names only a part of it has it smaller.
            let of_parts = |all: &[u32], other: &[u32]| all.len() == 2 && Some(&all.iter().sum::<u32>()) == other.last();
            let whole = a.counts.last() == b.counts.last() || of_parts(&a.counts, &b.counts) || of_parts(&b.counts, &a.counts);
            evidence.points += if shared.is_empty() { -15 } else { points.min(20) + if whole { 4 } else { -18 } };
            if shared.len() >= 2 {
                let words: Vec<String> = shared.iter().map(u32::to_string).collect();
                evidence.why.push(format!("the same counts ({})", words.join(", ")));
            }
        }
    }

    pub fn rare_words(&self, one: usize, two: usize, evidence: &mut Evidence) {
        let (a, b) = (&self.tales[one], &self.tales[two]);
        let arabic = a.language == "ar" && b.language == "ar";
        let shared = common(&a.names, &b.names).filter(|name| self.names.get(name).is_some_and(|count| self.is_rare(*count))).count() as i32;
        // Arabic has no capitals: two Arabic texts share words here, not only names.
        let points = if arabic { (3 * shared).min(18) } else { (8 * shared).min(32) };
        evidence.points += points;
        if points >= 16 && !arabic {
            evidence.why.push(format!("{shared} rare names in common"));
        }
    }
}

fn face(tale: &Tale) -> Face {
    let sounds = |name: &str| name.split(|c: char| c.is_whitespace() || c == '-').map(skeleton).filter(|key| !key.is_empty()).collect::<Vec<_>>();
    let people: Vec<Vec<String>> = tale.officials.iter().filter_map(|named| named.name.as_deref()).map(sounds).collect();
    let surnames: Vec<u64> = people.iter().map(|sounds| sounds.last().map_or(0, |sound| sound_hash(sound))).collect();
    let mut bits = 0u128;
    let mut set = |hash: u64| bits |= 1 << (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57);
    let text = |text: &str| {
        let mut hasher = Quick::default();
        hasher.write(text.as_bytes());
        hasher.finish()
    };
    surnames.iter().for_each(|hash| set(*hash));
    tale.names.iter().for_each(|hash| set(*hash));
    tale.actors.towns.iter().for_each(|town| set(text(town)));
    tale.shingles.iter().step_by(16).for_each(|hash| set(*hash));
    Face { people, surnames, bits }
}

/// Returns the share of common word triples, of both and of the shorter.
fn likeness(one: &[u64], two: &[u64]) -> (f64, f64) {
    let shared = common(one, two).count();
    let (all, shorter) = (one.len() + two.len() - shared, one.len().min(two.len()));
    let share = |whole: usize| if whole == 0 { 0.0 } else { shared as f64 / whole as f64 };
    // A line of five words is held by many texts.
    (share(all), if shorter < 12 { 0.0 } else { share(shorter) })
}

/// What two sorted lists have in common.
fn common<'s>(one: &'s [u64], two: &'s [u64]) -> impl Iterator<Item = u64> + 's {
    let mut at = 0;
    one.iter().copied().filter(move |hash| {
        while at < two.len() && two[at] < *hash {
            at += 1;
        }
        two.get(at) == Some(hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_counts_common_triples() {
        let one: Vec<u64> = (0..40).collect();
        let two: Vec<u64> = (20..60).collect();
        assert_eq!(likeness(&one, &two), (20.0 / 60.0, 0.5));
        assert_eq!(likeness(&one, &one), (1.0, 1.0));
        assert_eq!(likeness(&one, &[]), (0.0, 0.0));
        assert_eq!(likeness(&[], &[]), (0.0, 0.0));
    }
}
