//! Reads the dates that a text writes: day lists and ranges, month first or last, numbers, with weekdays before them.
//!
//! Only the grammar lives here, with the words of `data/calendar.toml`; which date is the event's is decided in `when`.
//! A numeric date that could be read in two orders is not read. Islamic dates are read as such and never taken for others.

use crate::hits::Class;
use crate::scene::Scene;
use crate::words::Gap;
use jiff::civil::{Date, Weekday};

const YEARS: std::ops::RangeInclusive<u32> = 1950..=2100;
const HIJRI_YEARS: std::ops::RangeInclusive<u32> = 1370..=1530;

/// One end of a date as written; the year and the day may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ymd {
    pub year: Option<i16>,
    pub month: i8,
    pub day: Option<i8>,
}

impl Ymd {
    /// Returns the civil date in a given year, if there is such a day.
    pub fn in_year(self, year: i16) -> Option<Date> {
        Date::new(year, self.month, self.day?).ok()
    }
}

/// A date as a text writes it, on the words `from..to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub from: usize,
    pub to: usize,
    pub first: Ymd,
    pub last: Ymd,
    /// Weekdays written before it, in their order.
    pub weekdays: Vec<Weekday>,
    /// Written in the Islamic calendar; `first` and `last` then hold its numbers.
    pub is_hijri: bool,
}

/// Returns the dates that stand on the words `from..to`, in reading order.
pub(crate) fn dates(scene: &Scene, from: usize, to: usize) -> Vec<Said> {
    let grammar = Grammar { scene, to };
    let mut said = Vec::new();
    let mut at = from;
    while at < to {
        let found = grammar.numeric(at).or_else(|| grammar.day_first(at)).or_else(|| grammar.month_first(at));
        match found {
            Some(mut date) => {
                at = date.to;
                grammar.weekdays_before(from, &mut date);
                said.push(date);
            }
            None => at += 1,
        }
    }
    said
}

struct Grammar<'a, 't> {
    scene: &'a Scene<'t>,
    to: usize,
}

impl Grammar<'_, '_> {
    fn gap(&self, at: usize) -> Gap {
        self.scene.words.list.get(at).filter(|_| at < self.to).map_or(Gap::END, |word| word.gap)
    }

    fn skip(&self, mut at: usize, class: Class) -> usize {
        while at < self.to && !self.gap(at).has(Gap::STOP) {
            match self.scene.hits.at(at, class) {
                Some(hit) if hit.to <= self.to => at = hit.to,
                _ => break,
            }
        }
        at
    }

    /// Passes over "le mercredi" before the second day of a range; only the first weekday is held against the calendar then.
    fn skip_to_day(&self, at: usize) -> usize {
        let at = self.skip(at, Class::Filler);
        self.skip(self.skip(at, Class::Weekday), Class::Filler)
    }

    fn number(&self, at: usize) -> Option<(u32, u8)> {
        let word = self.scene.words.list.get(at).filter(|_| at < self.to)?;
        word.number.map(|number| (number, word.digits))
    }

    fn day(&self, at: usize) -> Option<(i8, usize)> {
        if at >= self.to {
            return None;
        }
        if let Some(hit) = self.scene.hits.at(at, Class::DayOne) {
            return Some((1, hit.to));
        }
        let (number, digits) = self.number(at)?;
        if digits > 2 || !(1..=31).contains(&number) || self.gap(at + 1).has(Gap::PERCENT) {
            return None;
        }
        let next = at + 1;
        let ordinal = self.scene.hits.at(next, Class::Ordinal).filter(|_| next < self.to && self.gap(next) == Gap::default());
        Some((number as i8, ordinal.map_or(next, |hit| hit.to)))
    }

    /// Reads a month at a word and jumps over its other name in "يونيو/حزيران".
    fn month(&self, at: usize, class: Class) -> Option<(i8, usize)> {
        if at >= self.to {
            return None;
        }
        let hit = self.scene.hits.at(at, class)?;
        let month = hit.entry.number() as i8;
        let again =
            self.scene.hits.at(hit.to, class).filter(|other| other.entry.number() as i8 == month && self.gap(hit.to).has(Gap(Gap::SLASH.0 | Gap::PAREN.0)));
        Some((month, again.map_or(hit.to, |hit| hit.to)))
    }

    fn year(&self, at: usize, years: std::ops::RangeInclusive<u32>) -> Option<(i16, usize)> {
        let at = self.skip(at, Class::Filler);
        let (number, digits) = self.number(at)?;
        let fits = digits == 4 && years.contains(&number) && !self.gap(at).has(Gap(Gap::STOP.0 | Gap::SLASH.0));
        fits.then_some((number as i16, at + 1))
    }

    /// Reads what may join two days, and tells where the second starts and whether it is a plain "and".
    fn connector(&self, at: usize) -> Option<(usize, bool)> {
        if at >= self.to {
            return None;
        }
        let gap = self.gap(at);
        if self.scene.is(at, Class::Until) {
            let next = self.skip(at, Class::Until);
            return Some((self.skip_to_day(next), false));
        }
        if let Some(and) = self.scene.hits.at(at, Class::And) {
            return Some((self.skip_to_day(and.to), true));
        }
        if gap.has(Gap::HYPHEN) {
            return Some((at, false));
        }
        if gap.has(Gap(Gap::COMMA.0 | Gap::SLASH.0)) && !gap.has(Gap(Gap::STOP.0)) {
            return Some((at, true));
        }
        None
    }

    fn day_first(&self, at: usize) -> Option<Said> {
        if self.gap(at).has(Gap(Gap::SLASH.0)) {
            return None;
        }
        let (day, mut next) = self.day(at)?;
        let mut days = vec![day];
        let (class, month) = loop {
            let named = self.skip(next, Class::Filler);
            if let Some((month, after)) = self.month(named, Class::Month) {
                next = after;
                break (Class::Month, month);
            }
            if let Some((month, after)) = self.month(named, Class::HijriMonth) {
                next = after;
                break (Class::HijriMonth, month);
            }
            let (second, _) = self.connector(next)?;
            let (day, after) = self.day(second)?;
            if day <= *days.last()? || days.len() > 9 {
                // "du 30 au 2 juillet" leaves the first month unsaid: not read.
                return None;
            }
            days.push(day);
            next = after;
        };
        let is_hijri = class == Class::HijriMonth;
        let years = if is_hijri { HIJRI_YEARS } else { YEARS };
        let first = Ymd { year: None, month, day: Some(days[0]) };
        let mut last = Ymd { year: None, month, day: days.last().copied() };
        let mut first_year = None;
        if let Some((year, after)) = self.year(next, years.clone()) {
            first_year = Some(year);
            next = after;
        }
        last.year = first_year;
        if let Some((end, after)) = self.second_month(next, class, days.len() == 1, &first) {
            last = end;
            next = after;
            if let Some((year, after)) = self.year(next, years) {
                last.year = Some(year);
                next = after;
            }
        }
        Some(spread(Said { from: at, to: next, first: Ymd { year: first_year, ..first }, last, weekdays: Vec::new(), is_hijri }))
    }

    /// Reads "… au 2 juillet" and "… et lundi 22 avril"; after a plain "and" only the very next day counts, as two single days make no range.
    fn second_month(&self, at: usize, class: Class, is_single: bool, first: &Ymd) -> Option<(Ymd, usize)> {
        let (second, is_and) = self.connector(at).filter(|_| is_single && !self.gap(at).has(Gap::COMMA))?;
        let (day, after) = self.day(second)?;
        let (month, after) = self.month(self.skip(after, Class::Filler), class)?;
        let turns = day == 1 && month == first.month % 12 + 1 && first.day >= Some(28);
        let next_day = is_and && month == first.month && first.day.is_some_and(|first| day == first + 1);
        (turns || next_day || !is_and && month != first.month).then_some((Ymd { year: None, month, day: Some(day) }, after))
    }

    fn month_first(&self, at: usize) -> Option<Said> {
        let (month, next) = self.month(at, Class::Month)?;
        let english = self.scene.lang.code() == "en";
        if let Some((year, next)) = self.year(next, YEARS) {
            let ymd = Ymd { year: Some(year), month, day: None };
            return Some(Said { from: at, to: next, first: ymd, last: ymd, weekdays: Vec::new(), is_hijri: false });
        }
        if !english || self.gap(next).has(Gap(Gap::COMMA.0)) {
            return None;
        }
        let (day, mut next) = self.day(next)?;
        let first = Ymd { year: None, month, day: Some(day) };
        let mut last = first;
        while let Some((second, is_and)) = self.connector(next) {
            let same = self.day(second).filter(|(day, after)| Some(*day) > last.day && !self.scene.is(*after, Class::Month));
            let other = || {
                let (month, after) = self.month(second, Class::Month)?;
                let (day, after) = self.day(after)?;
                (!is_and || day == 1).then_some((Ymd { year: None, month, day: Some(day) }, after))
            };
            match same.map(|(day, after)| (Ymd { day: Some(day), ..last }, after)).or_else(other) {
                Some((ymd, after)) => (last, next) = (ymd, after),
                None => break,
            }
        }
        if let Some((year, after)) = self.year(next, YEARS) {
            last.year = Some(year);
            next = after;
        }
        Some(spread(Said { from: at, to: next, first, last, weekdays: Vec::new(), is_hijri: false }))
    }

    /// Reads 2022-06-16, 16/06/2022, 16.06.2022 and "30 - 01 - 2025".
    fn numeric(&self, at: usize) -> Option<Said> {
        let ((a, a_digits), (b, b_digits), (c, c_digits)) = (self.number(at)?, self.number(at + 1)?, self.number(at + 2)?);
        let (one, two) = (self.gap(at + 1), self.gap(at + 2));
        let sign = [Gap::HYPHEN, Gap::SLASH, Gap::DOT].into_iter().find(|sign| one.has(*sign) && two.has(*sign))?;
        if [one, two].iter().any(|gap| gap.has(Gap(Gap::END.0 | Gap::COMMA.0 | Gap::STOP.0))) {
            return None;
        }
        let (year, month, day) = match (a_digits, b_digits, c_digits) {
            (4, 1..=2, 1..=2) if YEARS.contains(&a) => (a, b, c),
            (1..=2, 1..=2, 4) if YEARS.contains(&c) => {
                // In English 03/04 is March to some and April to others.
                if sign == Gap::SLASH && self.scene.lang.code() == "en" && a <= 12 && b <= 12 && a != b {
                    return None;
                }
                if b > 12 { (c, a, b) } else { (c, b, a) }
            }
            _ => return None,
        };
        let date = Date::new(year as i16, month as i8, day as i8).ok()?;
        let ymd = Ymd { year: Some(date.year()), month: date.month(), day: Some(date.day()) };
        Some(Said { from: at, to: at + 3, first: ymd, last: ymd, weekdays: Vec::new(), is_hijri: false })
    }

    fn weekdays_before(&self, from: usize, said: &mut Said) {
        let mut at = said.from;
        let mut start = said.from;
        while at > from && !self.gap(at).has(Gap(Gap::END.0 | Gap::STOP.0)) && said.from - at < 8 {
            at -= 1;
            let hits = self.scene.hits.starting(at);
            if let Some(hit) = hits.iter().find(|hit| hit.entry.class == Class::Weekday && hit.to == at + 1) {
                said.weekdays.insert(0, weekday(hit.entry.number()));
                start = at;
            } else if !hits.iter().any(|hit| matches!(hit.entry.class, Class::Filler | Class::And | Class::Until) && hit.to == at + 1) {
                break;
            }
        }
        said.from = start;
    }
}

/// Gives the first end the year of the last, or the one before where the months turn over New Year.
fn spread(mut said: Said) -> Said {
    if said.first.year.is_none() {
        let turns = said.first.month > said.last.month;
        said.first.year = said.last.year.map(|year| year - i16::from(turns));
    } else if said.last.year.is_none() {
        let turns = said.first.month > said.last.month;
        said.last.year = said.first.year.map(|year| year + i16::from(turns));
    }
    said
}

/// Returns the weekday of an ISO 8601 number, 1 = Monday.
pub(crate) fn weekday(number: i32) -> Weekday {
    Weekday::from_monday_one_offset(number as i8).unwrap_or(Weekday::Monday)
}

/// Returns the civil date of an Islamic one by the tabular calendar, which observation may shift by two days either way.
pub(crate) fn from_hijri(said: Ymd) -> Option<Date> {
    let part = |n: i8| u8::try_from(n).ok();
    base::Date::from_hijri(said.year?, part(said.month)?, part(said.day?)?).map(base::Date::civil)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str, lang: &str) -> Vec<String> {
        let filler = match lang {
            "fr" => "Le chef a reçu les membres de la police et du service. ",
            "en" => "The head of the service has met with the members. ",
            "es" => "El jefe del servicio se reunió con los miembros de la policía. ",
            "de" => "Der Leiter des Dienstes traf sich mit den Mitgliedern und der Polizei. ",
            _ => "استقبل المدير العام نظيره. ",
        };
        let page = format!("{filler}{text}");
        let scene = Scene::set(&page).unwrap();
        assert_eq!(scene.lang.code(), lang);
        let end = |ymd: Ymd| {
            let part = |n: Option<i64>| n.map_or("?".to_owned(), |n| format!("{n:02}"));
            format!("{}-{:02}-{}", part(ymd.year.map(i64::from)), ymd.month, part(ymd.day.map(i64::from)))
        };
        let all = dates(&scene, 0, scene.words.list.len());
        all.iter()
            .map(|said| {
                let days: Vec<_> = said.weekdays.iter().map(|day| day.to_monday_one_offset().to_string()).collect();
                let hijri = if said.is_hijri { "h" } else { "" };
                format!("{hijri}{}..{}{}{}", end(said.first), end(said.last), if days.is_empty() { "" } else { " w" }, days.join(","))
            })
            .collect()
    }

    #[test]
    fn french() {
        assert_eq!(say("mardi et mercredi 4 et 5 mars 2031", "fr"), ["2031-03-04..2031-03-05 w2,3"]);
        assert_eq!(say("du 30 avril au 2 mai 2031", "fr"), ["2031-04-30..2031-05-02"]);
        assert_eq!(say("le 1er juillet", "fr"), ["?-07-01..?-07-01"]);
        assert_eq!(say("les 3, 4 et 5 août", "fr"), ["?-08-03..?-08-05"]);
        assert_eq!(say("en mars 2031, 12 % de plus, 25 août-3 septembre", "fr"), ["2031-03-?..2031-03-?", "?-08-25..?-09-03"]);
        assert_eq!(say("paru le 07 - 03 - 2031, ou 07/03/2031", "fr"), ["2031-03-07..2031-03-07"; 2]);
        assert_eq!(say("16 personnes et 3 juges en mai", "fr"), [""; 0]);
    }

    #[test]
    fn english() {
        assert_eq!(say("on Monday, May 12, 2031", "en"), ["2031-05-12..2031-05-12 w1"]);
        assert_eq!(say("on May 12-14", "en"), ["?-05-12..?-05-14"]);
        assert_eq!(say("from June 30 to July 2, 2031", "en"), ["2031-06-30..2031-07-02"]);
        assert_eq!(say("from 30 December to 2 January 2031", "en"), ["2030-12-30..2031-01-02"]);
        assert_eq!(say("on 12 and 13 May 2031", "en"), ["2031-05-12..2031-05-13"]);
        assert_eq!(say("by 03/04/2031 or 13/04/2031 or 2031-04-03", "en"), ["2031-04-13..2031-04-13", "2031-04-03..2031-04-03"]);
        assert_eq!(say("they may meet 12 times", "en"), [""; 0]);
    }

    #[test]
    fn spanish_german_arabic() {
        assert_eq!(say("el martes 4 de marzo de 2031", "es"), ["2031-03-04..2031-03-04 w2"]);
        assert_eq!(say("del 4 al 6 de marzo", "es"), ["?-03-04..?-03-06"]);
        assert_eq!(say("el martes 4 y el miércoles 5 de marzo de 2031", "es"), ["2031-03-04..2031-03-05 w2"]);
        assert_eq!(say("am Dienstag, den 4. März 2031", "de"), ["2031-03-04..2031-03-04 w2"]);
        assert_eq!(say("vom 4. bis 6. März 2031 und am 04.03.2031", "de"), ["2031-03-04..2031-03-06", "2031-03-04..2031-03-04"]);
        assert_eq!(say("يومي الثلاثاء والأربعاء 4 و5 مارس 2031", "ar"), ["2031-03-04..2031-03-05 w2,3"]);
        assert_eq!(say("من ٤ إلى ٦ آذار/مارس ٢٠٣١", "ar"), ["2031-03-04..2031-03-06"]);
        assert_eq!(say("يوم 10 شوال 1452 الموافق 4 فبراير 2031", "ar"), ["h1452-10-10..1452-10-10", "2031-02-04..2031-02-04"]);
    }

    #[test]
    fn the_tabular_islamic_calendar() {
        let date = |y, m, d| from_hijri(Ymd { year: Some(y), month: m, day: Some(d) }).unwrap().to_string();
        // 1 Muharram 1400 fell on 21 November 1979 (published conversion tables, civil epoch).
        assert_eq!(date(1400, 1, 1), "1979-11-21");
        assert_eq!(date(1445, 9, 1), "2024-03-11");
    }
}
