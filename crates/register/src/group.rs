//! Finds the texts that tell of one event, and says why.
//!
//! Flow: 1 each pair is held together: days, place, countries, officials, likeness of wording, 2 other days keep them
//! apart, and so do other cities, or an operation and a visit, unless the wording is nearly the same, 3 a text without a year joins
//! only where all its partners agree on one, 4 bonds join, strongest first, as long as no two members of the whole group
//! speak against each other. In doubt two drafts: an officer joins two more easily than he parts one.

use crate::actors::Actors;
use crate::event::Kind;
use crate::lexicon::Quick;
use crate::names::{Named, is_same_person};
use crate::scene::Scene;
use crate::when::{Told, When, misfits};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::hash::Hasher;

const SKETCH_SHINGLES_MAX: usize = 96;
const SHINGLE_WORDS: usize = 3;
/// Share of common word triples from which two texts are one wording.
const SAME_WORDING: f64 = 0.45;
/// Share of common word triples that speaks for one release behind two texts.
const LIKE_WORDING: f64 = 0.2;

/// What one text tells.
#[derive(Debug)]
pub(crate) struct Tale<'t> {
    pub path: &'t str,
    pub text: &'t str,
    pub language: &'static str,
    pub kind: Kind,
    pub kind_bytes: (usize, usize),
    pub told: Told,
    pub actors: Actors,
    pub officials: Vec<Named>,
    pub threats: crate::actors::Found,
    pub points: Vec<crate::promises::Said>,
    pub sketch: Vec<u64>,
}

/// Texts of one event, by their places in the list, in that order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub members: Vec<usize>,
    pub because: Vec<String>,
    pub contradictions: Vec<String>,
}

/// Returns the smallest hashes of the word triples that are told: two texts' wordings are compared by these alone.
pub(crate) fn sketch(scene: &Scene) -> Vec<u64> {
    let mut all = BTreeSet::new();
    for sentence in scene.told() {
        for at in sentence.from..sentence.told_to.saturating_sub(SHINGLE_WORDS - 1) {
            let mut hasher = Quick::default();
            (at..at + SHINGLE_WORDS).for_each(|word| hasher.write(scene.words.folded(word).as_bytes()));
            // The quick hash keeps order in its low bits; spread it, so that the smallest are a fair sample.
            all.insert(hasher.finish().wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23));
            if all.len() > SKETCH_SHINGLES_MAX {
                all.pop_last();
            }
        }
    }
    all.into_iter().collect()
}

/// Estimates the share of common word triples (bottom-k sketch of the Jaccard coefficient).
fn likeness(one: &[u64], two: &[u64]) -> f64 {
    let (mut a, mut b, mut common, mut union) = (0, 0, 0usize, 0usize);
    while union < SKETCH_SHINGLES_MAX && (a < one.len() || b < two.len()) {
        union += 1;
        match (one.get(a), two.get(b)) {
            (Some(x), Some(y)) if x == y => {
                common += 1;
                (a, b) = (a + 1, b + 1);
            }
            (Some(x), Some(y)) if x < y => a += 1,
            (Some(_), None) => a += 1,
            _ => b += 1,
        }
    }
    if union == 0 { 0.0 } else { common as f64 / union as f64 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    Same,
    SameMonth,
    Unsaid,
    Other,
}

fn days(one: &Told, two: &Told) -> Days {
    let met = |a: (Date, Date), b: (Date, Date)| if a.0 <= b.1 && b.0 <= a.1 { Days::Same } else { Days::Other };
    match (one.when, two.when) {
        (When::Days { from, to }, When::Days { from: other, to: end }) => met((from, to), (other, end)),
        (When::Days { from, to }, When::DaysOfNoYear { from: first, to: last }) => match (first.in_year(from.year()), last.in_year(to.year())) {
            (Some(first), Some(last)) if misfits(&two.weekdays, first, last).is_empty() => met((from, to), (first, last)),
            _ => Days::Other,
        },
        (When::DaysOfNoYear { .. }, When::Days { .. }) => days(two, one),
        (When::DaysOfNoYear { from, to }, When::DaysOfNoYear { from: first, to: last }) => {
            let same = (from.month, from.day) <= (last.month, last.day) && (first.month, first.day) <= (to.month, to.day);
            if same { Days::Same } else { Days::Other }
        }
        (When::Month { year, month }, When::Days { from, to }) | (When::Days { from, to }, When::Month { year, month }) => {
            let within = [from, to].iter().any(|day| (day.year(), day.month()) == (year, month));
            if within { Days::SameMonth } else { Days::Other }
        }
        (When::Month { month, .. }, When::DaysOfNoYear { from, .. }) | (When::DaysOfNoYear { from, .. }, When::Month { month, .. }) => {
            if from.month == month {
                Days::SameMonth
            } else {
                Days::Other
            }
        }
        (When::Month { .. }, When::Month { .. }) => {
            if one.when == two.when {
                Days::SameMonth
            } else {
                Days::Other
            }
        }
        (When::Year(year), When::Days { from, .. }) | (When::Days { from, .. }, When::Year(year)) if from.year() != year => Days::Other,
        (When::Year(year), When::Month { year: other, .. }) | (When::Month { year: other, .. }, When::Year(year)) if other != year => Days::Other,
        (When::Year(year), When::Year(other)) if other != year => Days::Other,
        _ => Days::Unsaid,
    }
}

/// Why two texts may be one event.
struct Bond {
    one: usize,
    two: usize,
    score: u32,
    why: Vec<String>,
}

/// Tells whether two texts speak of different cities, or one of an operation and the other of a visit.
fn other_scene(one: &Tale, two: &Tale) -> bool {
    // An operation has many places, and each text names its own.
    let operations = one.kind == Kind::JointOperation && two.kind == Kind::JointOperation;
    let cities = one.actors.place_is_city && two.actors.place_is_city && !operations;
    let places = cities && one.actors.place.as_ref().map(|place| &place.0) != two.actors.place.as_ref().map(|place| &place.0);
    let kinds = (one.kind == Kind::JointOperation) != (two.kind == Kind::JointOperation);
    places || kinds
}

fn bond(tales: &[Tale], at: (usize, usize)) -> Option<Bond> {
    let (one, two) = (&tales[at.0], &tales[at.1]);
    let day = days(&one.told, &two.told);
    if day == Days::Other {
        return None;
    }
    let like = likeness(&one.sketch, &two.sketch);
    if other_scene(one, two) && like < SAME_WORDING {
        return None;
    }
    let countries: Vec<&str> = one.actors.countries.keys().filter(|code| two.actors.countries.contains_key(*code)).map(String::as_str).collect();
    if countries.len() < 2 {
        return None;
    }
    let city = match (&one.actors.place, &two.actors.place) {
        (Some(place), Some(other)) if one.actors.place_is_city && place.0 == other.0 => Some(&place.0),
        _ => None,
    };
    if day != Days::Same && like < LIKE_WORDING && city.is_none() {
        return None;
    }
    let officials: Vec<&str> = one
        .officials
        .iter()
        .filter_map(|named| named.name.as_deref())
        .filter(|name| two.officials.iter().any(|other| other.name.as_deref().is_some_and(|other| is_same_person(name, other))))
        .collect();
    let services = one.actors.services.keys().filter(|id| two.actors.services.contains_key(*id)).count();
    let other_evidence = usize::from(city.is_some()) + officials.len() + services.min(2) + usize::from(like >= LIKE_WORDING);
    let joined = like >= SAME_WORDING
        || day == Days::Same && other_evidence >= 1
        || day == Days::SameMonth && city.is_some() && (!officials.is_empty() || like >= LIKE_WORDING)
        || day == Days::SameMonth && like >= LIKE_WORDING && !officials.is_empty()
        || day == Days::Unsaid && city.is_some() && officials.len() >= 2 && one.kind == two.kind
        || day == Days::Unsaid && like >= LIKE_WORDING && officials.len() >= 2;
    if !joined {
        return None;
    }
    let mut why = Vec::new();
    match day {
        Days::Same => why.push(same_days(one, two)),
        Days::SameMonth => why.push("the same month".to_owned()),
        Days::Unsaid | Days::Other => {}
    }
    why.extend(city.map(|city| format!("the same place ({city})")));
    why.push(format!("the same countries ({})", countries.join(", ")));
    if !officials.is_empty() {
        why.push(format!("the same officials ({})", officials.join(", ")));
    }
    if like >= LIKE_WORDING {
        why.push(format!("{} in 100 word triples in common", (like * 100.0).round()));
    }
    let score = 40 * u32::from(day == Days::Same) + 10 * u32::from(city.is_some()) + 5 * officials.len().min(4) as u32 + (like * 100.0) as u32;
    Some(Bond { one: at.0, two: at.1, score, why })
}

fn same_days(one: &Tale, two: &Tale) -> String {
    let no_year = |tale: &Tale| matches!(tale.told.when, When::DaysOfNoYear { .. });
    match (one.told.when, two.told.when) {
        (When::Days { from, to }, other) | (other, When::Days { from, to }) => {
            let days = if from == to { from.to_string() } else { format!("{from} to {to}") };
            match other {
                When::DaysOfNoYear { .. } => {
                    let silent = if no_year(one) { one } else { two };
                    format!("the same days ({days}; {} gives no year)", silent.path)
                }
                _ => format!("the same days ({days})"),
            }
        }
        _ => "the same days, of a year that neither gives".to_owned(),
    }
}

/// Groups the texts; groups stand in the order of their first texts.
pub(crate) fn group(tales: &[Tale]) -> Vec<Group> {
    let mut bonds: Vec<Bond> = Vec::new();
    for one in 0..tales.len() {
        bonds.extend((one + 1..tales.len()).filter_map(|two| bond(tales, (one, two))));
    }
    let mut contradictions = vec![Vec::new(); tales.len()];
    drop_two_years(tales, &mut bonds, &mut contradictions);
    bonds.sort_by_key(|bond| (u32::MAX - bond.score, bond.one, bond.two));
    let mut of: Vec<usize> = (0..tales.len()).collect();
    let mut groups: Vec<Group> =
        contradictions.into_iter().enumerate().map(|(at, contradictions)| Group { members: vec![at], because: Vec::new(), contradictions }).collect();
    for bond in bonds {
        let (left, right) = (of[bond.one].min(of[bond.two]), of[bond.one].max(of[bond.two]));
        if left == right || !may_join(tales, &groups[left], &groups[right]) {
            continue;
        }
        let joined = std::mem::take(&mut groups[right]);
        joined.members.iter().for_each(|member| of[*member] = left);
        let group = &mut groups[left];
        group.members.extend(joined.members);
        group.members.sort_unstable();
        group.because.extend(joined.because);
        group.because.push(format!("{} and {} tell of {}", tales[bond.one].path, tales[bond.two].path, bond.why.join(", ")));
        group.contradictions.extend(joined.contradictions);
    }
    groups.retain(|group| !group.members.is_empty());
    groups
}

/// Tells whether no member of one group speaks against one of the other, nearly equal wording aside.
fn may_join(tales: &[Tale], one: &Group, two: &Group) -> bool {
    // Two days of one trip are no quarrel where a third text tells of the whole trip.
    let whole = |a: &Tale, b: &Tale| {
        let mut members = one.members.iter().chain(&two.members).map(|at| &tales[*at].told);
        members.any(|told| days(told, &a.told) == Days::Same && days(told, &b.told) == Days::Same)
    };
    let fits =
        |a: &Tale, b: &Tale| (days(&a.told, &b.told) != Days::Other || whole(a, b)) && (!other_scene(a, b) || likeness(&a.sketch, &b.sketch) >= SAME_WORDING);
    one.members.iter().all(|a| two.members.iter().all(|b| fits(&tales[*a], &tales[*b])))
}

/// A text without a year whose partners tell of different years joins only those that clearly lead; else none.
fn drop_two_years(tales: &[Tale], bonds: &mut Vec<Bond>, contradictions: &mut [Vec<String>]) {
    for (at, tale) in tales.iter().enumerate().filter(|(_, tale)| matches!(tale.told.when, When::DaysOfNoYear { .. })) {
        let year = |bond: &Bond| {
            let partner = if bond.one == at { bond.two } else { bond.one };
            match tales[partner].told.when {
                When::Days { from, .. } if bond.one == at || bond.two == at => Some(from.year()),
                _ => None,
            }
        };
        let years: BTreeSet<i16> = bonds.iter().filter_map(year).collect();
        if years.len() < 2 {
            continue;
        }
        let best = |wanted: i16| bonds.iter().filter(|bond| year(bond) == Some(wanted)).map(|bond| bond.score).max().unwrap_or(0);
        let mut ranked: Vec<(u32, i16)> = years.iter().map(|year| (best(*year), *year)).collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        let winner = (ranked[0].0 >= ranked[1].0 + 20).then_some(ranked[0].1);
        bonds.retain(|bond| year(bond).is_none_or(|year| Some(year) == winner));
        if winner.is_none() {
            let years: Vec<String> = years.iter().map(i16::to_string).collect();
            contradictions[at].push(format!("{} gives no year, and other texts fit it in {}: left open", tale.path, years.join(" and ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_counts_common_triples() {
        let one: Vec<u64> = (0..40).collect();
        let two: Vec<u64> = (20..60).collect();
        assert!((likeness(&one, &two) - 20.0 / 60.0).abs() < 1e-9);
        assert!((likeness(&one, &one) - 1.0).abs() < 1e-9);
        assert_eq!(likeness(&one, &[]), 0.0);
        assert_eq!(likeness(&[], &[]), 0.0);
    }
}
