//! How near in time two texts put their events: by the days that they tell, else by the days on which they were out.

use crate::when::{Told, When, misfits};
use jiff::civil::Date;

/// Days before an event within which a text may announce it.
const ANNOUNCED_DAYS: i32 = 14;

/// How near two texts are in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nearness {
    /// Their days meet; in words.
    Same(String),
    /// Their days meet, and neither gives the year; in words.
    SameNoYear(String),
    /// One day lies in the other's month, or both tell the same month; in words.
    SameMonth(String),
    /// So many days lie between.
    Apart(i32),
    /// Neither tells a day; both were out within two days.
    OutTogether,
    /// One was out so many days after the other's event.
    OutAfter(i32),
    /// Out within ten days.
    OutNear,
    /// Nothing is known.
    Unsaid,
    /// Out some weeks apart.
    OutApart,
    /// Out months apart.
    OutFar,
    /// Other months or years: never one event.
    Never,
}

/// Tells how near two texts are in time.
pub(crate) fn nearness(one: &Told, two: &Told) -> Nearness {
    match (days(one), days(two)) {
        (Some(a), Some(b)) => met(a, b),
        (Some(a), None) => against(a, two),
        (None, Some(b)) => against(b, one),
        (None, None) => undated(one, two),
    }
}

fn days(told: &Told) -> Option<(Date, Date)> {
    match told.when {
        When::Days { from, to } => Some((from, to)),
        _ => None,
    }
}

fn gap(a: (Date, Date), b: (Date, Date)) -> i32 {
    let between = |from: Date, to: Date| from.until(to).map(|span| span.get_days()).unwrap_or(i32::MAX);
    between(a.1, b.0).max(between(b.1, a.0)).max(0)
}

fn words((from, to): (Date, Date)) -> String {
    if from == to { from.to_string() } else { format!("{from} to {to}") }
}

fn met(a: (Date, Date), b: (Date, Date)) -> Nearness {
    match gap(a, b) {
        0 => Nearness::Same(format!("the same days ({})", words(if a.1 == a.0 { b } else { a }))),
        days => Nearness::Apart(days),
    }
}

/// A day against a text that tells none with its year.
fn against(day: (Date, Date), other: &Told) -> Nearness {
    match other.when {
        When::DaysOfNoYear { from, to } => {
            let years = [day.0.year() - 1, day.0.year(), day.0.year() + 1];
            let all = years.into_iter().filter_map(|year| Some((from.in_year(year)?, to.in_year(year)?)));
            let Some(lent) = all.min_by_key(|lent| gap(day, *lent)) else { return Nearness::Never };
            match gap(day, lent) {
                0 if misfits(&other.weekdays, lent.0, lent.1).is_empty() => Nearness::Same(format!("the same days ({}; one text gives no year)", words(lent))),
                0 => Nearness::Never,
                days => Nearness::Apart(days),
            }
        }
        When::Month { year, month } => {
            let Ok(first) = Date::new(year, month, 1) else { return Nearness::Unsaid };
            match gap(day, (first, first.last_of_month())) {
                0 => Nearness::SameMonth("the same month".to_owned()),
                // A label that gives the month of publication may be late by some days.
                1..=7 if first > day.1 => Nearness::OutNear,
                1..=20 => Nearness::OutApart,
                _ => Nearness::Never,
            }
        }
        When::Year(year) if year != day.0.year() => Nearness::Never,
        When::Open if other.open_line.is_some() => {
            let line = other.open_line.into_iter();
            let all = line.flat_map(|line| [day.0.year(), day.0.year() + 1].into_iter().filter_map(move |year| line.in_year(year)));
            match all.map(|spoken| (gap(day, (spoken, spoken)), spoken)).min() {
                Some((0, spoken)) => Nearness::Same(format!("the same days ({spoken}; one text gives no year)")),
                Some((days, _)) => Nearness::Apart(days),
                None => Nearness::Unsaid,
            }
        }
        _ => match other.out {
            Some(out) => out_against(day, out),
            None => Nearness::Unsaid,
        },
    }
}

fn out_against(day: (Date, Date), (first, last): (Date, Date)) -> Nearness {
    let between = |from: Date, to: Date| from.until(to).map(|span| span.get_days()).unwrap_or(i32::MAX);
    let early = between(last, day.0);
    if early > ANNOUNCED_DAYS {
        return Nearness::Never;
    }
    match between(day.1, first) {
        // A stamp of others bounds it only from behind.
        ..=-400 => Nearness::Unsaid,
        late @ 0..=3 => Nearness::OutAfter(late),
        -31..=10 => Nearness::OutNear,
        11..=45 => Nearness::OutApart,
        _ => Nearness::OutFar,
    }
}

fn undated(one: &Told, two: &Told) -> Nearness {
    match (one.when, two.when) {
        (When::DaysOfNoYear { from, to }, When::DaysOfNoYear { from: first, to: last }) => {
            let year = |ymd: crate::dates::Ymd| ymd.in_year(2024);
            let (Some(a), Some(b)) = (year(from).zip(year(to)), year(first).zip(year(last))) else { return Nearness::Unsaid };
            match gap(a, b) {
                0 => Nearness::SameNoYear("the same days, of a year that neither gives".to_owned()),
                days => Nearness::Apart(days),
            }
        }
        (When::Month { month, .. }, When::DaysOfNoYear { from, .. }) | (When::DaysOfNoYear { from, .. }, When::Month { month, .. }) => {
            if from.month == month {
                Nearness::SameMonth("the same month".to_owned())
            } else {
                Nearness::Never
            }
        }
        (When::Month { year, month }, When::Month { year: other, month: second }) => {
            match (i32::from(year) * 12 + i32::from(month)).abs_diff(i32::from(other) * 12 + i32::from(second)) {
                0 => Nearness::SameMonth("the same month".to_owned()),
                1 => Nearness::OutApart,
                _ => Nearness::Never,
            }
        }
        (When::Month { year, month }, _) | (_, When::Month { year, month }) => {
            let other = if matches!(one.when, When::Month { .. }) { two } else { one };
            let (Ok(first), Some(out)) = (Date::new(year, month, 1), other.out) else { return Nearness::Unsaid };
            out_against((first, first.last_of_month()), out)
        }
        (When::Open, When::Open) if one.open_line.is_some() && two.open_line.is_some() => {
            let day = |told: &Told| told.open_line.and_then(|line| line.line.in_year(2024));
            match day(one).zip(day(two)).map(|(a, b)| gap((a, a), (b, b))) {
                Some(0) => Nearness::SameNoYear("agency lines of one day, whose year neither gives".to_owned()),
                Some(1..=3) => Nearness::OutTogether,
                Some(days) => Nearness::Apart(days),
                None => Nearness::Unsaid,
            }
        }
        _ => match (one.out, two.out) {
            (Some(a), Some(b)) if a.0 == a.1 && b.0 == b.1 => match gap(a, b) {
                0..=2 => Nearness::OutTogether,
                3..=8 => Nearness::OutNear,
                9..=45 => Nearness::OutApart,
                _ => Nearness::OutFar,
            },
            (Some(a), Some(b)) if gap(a, b) > 60 => Nearness::OutFar,
            _ => Nearness::Unsaid,
        },
    }
}

/// Tells whether the weekday that one text names is that of the other's day; nothing where it is not asked.
pub(crate) fn weekday_fits(one: &Told, two: &Told) -> Option<bool> {
    let fits = |a: &Told, b: &Told| match (days(a), days(b), b.weekdays.first()) {
        (Some((from, to)), None, Some(said)) if from == to => Some(from.weekday() == *said),
        _ => None,
    };
    fits(one, two).or_else(|| fits(two, one)).or_else(|| match (days(one), days(two), one.weekdays.first(), two.weekdays.first()) {
        (None, None, Some(a), Some(b)) => Some(a == b),
        _ => None,
    })
}

/// First and last day on which the event of a text may have been, in days since 1970, for a quick look at many pairs.
pub(crate) fn window(told: &Told) -> (i32, i32) {
    let number = |date: Date| Date::new(1970, 1, 1).ok().and_then(|epoch| epoch.until(date).ok()).map_or(0, |span| span.get_days());
    let wide = |first: Date, last: Date, slack: i32| (number(first) - slack, number(last) + slack);
    match (told.when, told.out) {
        (When::Days { from, to }, _) => wide(from, to, 5),
        (When::Month { .. }, _) => told.when.days().0.zip(told.when.days().1).map_or((i32::MIN, i32::MAX), |(from, to)| wide(from, to, 25)),
        (_, Some((_, last))) => (i32::MIN, number(last) + ANNOUNCED_DAYS + 5),
        _ => (i32::MIN, i32::MAX),
    }
}
