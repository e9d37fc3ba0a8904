//! Finds the texts that tell of one event, and says why.
//!
//! Flow: 1 what officers have decided stands: texts joined by hand are one, texts split by hand never are, 2 pairs that share anything and whose days
//! allow it are weighed (`evidence`), 3 a text without a year that fits two years joins the one that clearly leads, or none, 4 bonds join, strongest first, as
//! long as the two groups on the whole speak for each other and no two members against. In doubt two drafts: an officer joins two more
//! easily than he parts one.

use crate::evidence::{AGAINST_POINTS, Book, Evidence, JOIN_POINTS};
use crate::nearness::{Nearness, nearness, window};
use crate::tale::Tale;
use crate::when::When;
use std::collections::{BTreeMap, HashSet};

/// Most partners of one text that are weighed; those that share most with it.
const PARTNERS_MAX: usize = 48;
/// Most members of a group that a join is held against; the first ones.
const SPOKESMEN_MAX: usize = 6;
/// Points that two groups must have on the whole.
const WHOLE_POINTS: i32 = 18;
/// By how many points one year must lead another.
const YEAR_LEAD_POINTS: i32 = 20;
/// By how many points one event must lead another for a text without a date.
const DAY_LEAD_POINTS: i32 = 10;
/// Days within which the partners of a text without a date are taken for one event.
const ONE_EVENT_DAYS: i32 = 8;

/// Texts of one event, by their places in the list, in that order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub members: Vec<usize>,
    pub because: Vec<String>,
    pub contradictions: Vec<String>,
}

/// What officers have decided about texts, by their places in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    pub together: Vec<Vec<usize>>,
    pub apart: HashSet<(usize, usize)>,
}

struct Bond {
    one: usize,
    two: usize,
    evidence: Evidence,
}

/// Groups the texts; groups stand in the order of their first texts.
pub(crate) fn group(tales: &[Tale], decided: &Decided) -> Vec<Group> {
    let book = Book::new(tales);
    let mut bonds = bonds(&book, decided);
    let mut groups = Groups::new(&book, decided);
    for set in &decided.together {
        for pair in set.windows(2) {
            groups.join(pair[0], pair[1], format!("{} and {}: an officer joined them", tales[pair[0]].path, tales[pair[1]].path));
        }
    }
    drop_two_years(tales, &mut bonds, &mut groups);
    drop_two_days(tales, &mut bonds);
    bonds.sort_by(|a, b| b.evidence.points.cmp(&a.evidence.points).then_with(|| (a.one, a.two).cmp(&(b.one, b.two))));
    for bond in bonds {
        if groups.may_join(bond.one, bond.two) {
            let why = bond.evidence.why.join(", ");
            groups.join(bond.one, bond.two, format!("{} and {} tell of {why}", tales[bond.one].path, tales[bond.two].path));
        }
    }
    groups.list.retain(|group| !group.members.is_empty());
    groups.list
}

/// Weighs the pairs that may be one, and keeps those that are.
fn bonds(book: &Book, decided: &Decided) -> Vec<Bond> {
    let windows: Vec<(i32, i32)> = book.tales.iter().map(|tale| window(&tale.told)).collect();
    let mut bonds = Vec::new();
    let mut partners: Vec<(u32, usize)> = Vec::new();
    for one in 0..book.tales.len() {
        partners.clear();
        let (bits, (first, last)) = (book.faces[one].bits, windows[one]);
        for (two, (from, to)) in windows.iter().copied().enumerate().skip(one + 1) {
            if from <= last && first <= to {
                let dated = i32::from(first > i32::MIN && from > i32::MIN) as u32;
                partners.push(((book.faces[two].bits & bits).count_ones() + 8 * dated, two));
            }
        }
        partners.retain(|(shared, _)| *shared > 0);
        if partners.len() > PARTNERS_MAX {
            partners.select_nth_unstable_by(PARTNERS_MAX, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            partners.truncate(PARTNERS_MAX);
        }
        for (_, two) in &partners {
            if decided.apart.contains(&(one, *two)) {
                continue;
            }
            let evidence = book.weigh(one, *two);
            if !evidence.forbidden && evidence.points >= JOIN_POINTS {
                bonds.push(Bond { one, two: *two, evidence });
            }
        }
    }
    bonds
}

struct Groups<'b, 'a, 't> {
    book: &'b Book<'a, 't>,
    decided: &'b Decided,
    /// Group of each text.
    of: Vec<usize>,
    list: Vec<Group>,
}

impl<'b, 'a, 't> Groups<'b, 'a, 't> {
    fn new(book: &'b Book<'a, 't>, decided: &'b Decided) -> Self {
        let count = book.tales.len();
        let list = (0..count).map(|at| Group { members: vec![at], ..Group::default() }).collect();
        Groups { book, decided, of: (0..count).collect(), list }
    }

    /// Joins the groups of two texts without asking.
    fn join(&mut self, one: usize, two: usize, because: String) {
        let (left, right) = (self.of[one].min(self.of[two]), self.of[one].max(self.of[two]));
        if left == right {
            return;
        }
        let joined = std::mem::take(&mut self.list[right]);
        joined.members.iter().for_each(|member| self.of[*member] = left);
        let group = &mut self.list[left];
        group.members.extend(joined.members);
        group.members.sort_unstable();
        group.because.extend(joined.because);
        group.because.push(because);
        group.contradictions.extend(joined.contradictions);
    }

    /// Tells whether two groups on the whole speak for each other, and no two members against.
    fn may_join(&self, one: usize, two: usize) -> bool {
        let (left, right) = (self.of[one], self.of[two]);
        if left == right {
            return false;
        }
        let (ours, theirs) = (&self.list[left].members, &self.list[right].members);
        let apart = &self.decided.apart;
        if !apart.is_empty() && ours.iter().any(|a| theirs.iter().any(|b| apart.contains(&(*a.min(b), *a.max(b))))) {
            return false;
        }
        // The bond's own ends speak first, so that a large group is asked about them too.
        let spokesmen = |members: &[usize], end: usize| {
            let mut some: Vec<usize> = std::iter::once(end).chain(members.iter().copied().filter(|at| *at != end).take(SPOKESMEN_MAX - 1)).collect();
            some.sort_unstable();
            some
        };
        let (ours, theirs) = match self.of[one] == left {
            true => (spokesmen(ours, one), spokesmen(theirs, two)),
            false => (spokesmen(ours, two), spokesmen(theirs, one)),
        };
        let (mut sum, mut count) = (0, 0);
        for a in &ours {
            for b in &theirs {
                let evidence = self.book.weigh(*a, *b);
                let nested = || self.is_one_trip(*a, *b, &ours, &theirs);
                if (evidence.forbidden || evidence.points <= AGAINST_POINTS) && !nested() {
                    return false;
                }
                (sum, count) = (sum + evidence.points, count + 1);
            }
        }
        sum >= WHOLE_POINTS * count
    }

    /// Two days of one trip are no quarrel where a third text tells of the whole trip.
    fn is_one_trip(&self, a: usize, b: usize, ours: &[usize], theirs: &[usize]) -> bool {
        let tales = self.book.tales;
        let meets = |one: usize, two: usize| matches!(nearness(&tales[one].told, &tales[two].told), Nearness::Same(_));
        let visits = !tales[a].kind.is_operation() && !tales[b].kind.is_operation();
        visits && ours.iter().chain(theirs).any(|whole| *whole != a && *whole != b && meets(*whole, a) && meets(*whole, b))
    }
}

/// A text without a year whose partners tell of different years joins only those that clearly lead; else none.
fn drop_two_years(tales: &[Tale], bonds: &mut Vec<Bond>, groups: &mut Groups) {
    let no_year = |at: usize| matches!(tales[at].told.when, When::DaysOfNoYear { .. });
    let year = |at: usize| match tales[at].told.when {
        When::Days { from, .. } => Some(from.year()),
        _ => None,
    };
    // Text without a year -> year of its partners -> the most points that speak for it.
    let mut best: BTreeMap<usize, BTreeMap<i16, i32>> = BTreeMap::new();
    for bond in bonds.iter() {
        for (open, partner) in [(bond.one, bond.two), (bond.two, bond.one)] {
            if let Some(year) = year(partner).filter(|_| no_year(open)) {
                let points = best.entry(open).or_default().entry(year).or_insert(i32::MIN);
                *points = bond.evidence.points.max(*points);
            }
        }
    }
    let mut winners: BTreeMap<usize, Option<i16>> = BTreeMap::new();
    for (at, years) in best.into_iter().filter(|(_, years)| years.len() > 1) {
        let mut ranked: Vec<(i32, i16)> = years.iter().map(|(year, points)| (*points, *year)).collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        let winner = (ranked[0].0 >= ranked[1].0 + YEAR_LEAD_POINTS).then_some(ranked[0].1);
        if winner.is_none() {
            let years: Vec<String> = years.keys().map(i16::to_string).collect();
            let words = format!("{} gives no year, and other texts fit it in {}: left open", tales[at].path, years.join(" and "));
            groups.list[at].contradictions.push(words);
        }
        winners.insert(at, winner);
    }
    let fits = |open: usize, partner: usize| winners.get(&open).is_none_or(|winner| year(partner).is_none_or(|year| Some(year) == *winner));
    bonds.retain(|bond| fits(bond.one, bond.two) && fits(bond.two, bond.one));
}

/// A text without a date whose partners tell of days far apart joins those that clearly lead; else none of them.
///
/// The same two people meet thrice in a year: what fits three events alike belongs to none for certain.
fn drop_two_days(tales: &[Tale], bonds: &mut Vec<Bond>) {
    let day = |at: usize| match tales[at].told.when {
        When::Days { from, .. } => Some(from),
        _ => None,
    };
    let open = |at: usize| matches!(tales[at].told.when, When::Open | When::Year(_) | When::Month { .. });
    let mut partners: BTreeMap<usize, Vec<(jiff::civil::Date, i32)>> = BTreeMap::new();
    for bond in bonds.iter() {
        for (at, partner) in [(bond.one, bond.two), (bond.two, bond.one)] {
            if let Some(day) = day(partner).filter(|_| open(at)) {
                partners.entry(at).or_default().push((day, bond.evidence.points));
            }
        }
    }
    // Text -> first and last day of the partners that it may keep; none if no event leads.
    let mut kept: BTreeMap<usize, Option<(jiff::civil::Date, jiff::civil::Date)>> = BTreeMap::new();
    for (at, mut days) in partners {
        days.sort_unstable();
        let mut events: Vec<(i32, jiff::civil::Date, jiff::civil::Date)> = Vec::new();
        for (day, points) in days {
            match events.last_mut().filter(|(_, _, last)| last.until(day).is_ok_and(|gap| gap.get_days() <= ONE_EVENT_DAYS)) {
                Some(event) => *event = (event.0.max(points), event.1, day),
                None => events.push((points, day, day)),
            }
        }
        if events.len() > 1 {
            events.sort_unstable_by(|a, b| b.cmp(a));
            let leads = events[0].0 >= events[1].0 + DAY_LEAD_POINTS;
            kept.insert(at, leads.then_some((events[0].1, events[0].2)));
        }
    }
    let fits = |at: usize, partner: usize| match (kept.get(&at), day(partner)) {
        (Some(Some((first, last))), Some(day)) => *first <= day && day <= *last,
        (Some(None), Some(_)) => false,
        _ => true,
    };
    bonds.retain(|bond| fits(bond.one, bond.two) && fits(bond.two, bond.one));
}
