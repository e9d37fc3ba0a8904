//! Moments and days as the reader lives them: in their zone and calendar, the original beside where it differs.

use crate::session::Seat;
use crate::words::t;
use base::{Date, Instant, Lang, UnixMs};
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use maud::{Markup, html};

const MONTHS: [&str; 12] =
    ["month.1", "month.2", "month.3", "month.4", "month.5", "month.6", "month.7", "month.8", "month.9", "month.10", "month.11", "month.12"];
const HIJRI: [&str; 12] =
    ["hijri.1", "hijri.2", "hijri.3", "hijri.4", "hijri.5", "hijri.6", "hijri.7", "hijri.8", "hijri.9", "hijri.10", "hijri.11", "hijri.12"];

fn zoned(at: UnixMs, zone: &str) -> Option<Zoned> {
    let tz = if zone == "UTC" { TimeZone::UTC } else { TimeZone::get(zone).ok()? };
    Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(tz))
}

/// Tells whether a zone of the tz database is known here.
pub fn is_zone(zone: &str) -> bool {
    zoned(UnixMs(0), zone).is_some()
}

/// Turns a civil day into one of the tabular Hijri calendar: year, month, day.
fn hijri_of(day: civil::Date) -> Option<(i16, u8, u8)> {
    let is = |y: i16, m: u8, d: u8| Date::from_hijri(y, m, d).map(|x| x.civil());
    // A Hijri year is about 0.970224 of a civil one; the first day of the year found so is at most one off.
    let guess = ((f64::from(day.year()) + f64::from(day.day_of_year()) / 366.0 - 621.5774) * 1.030_684).floor() as i16;
    let year = (guess - 1..=guess + 1).rev().find(|y| is(*y, 1, 1).is_some_and(|first| first <= day))?;
    let month = (1..=12u8).rev().find(|m| is(year, *m, 1).is_some_and(|first| first <= day))?;
    let first = is(year, month, 1)?;
    let days = (day - first).get_days();
    Some((year, month, u8::try_from(days + 1).ok()?))
}

fn gregorian(lang: Lang, d: civil::Date) -> String {
    let month = t(lang, MONTHS[usize::from(d.month().unsigned_abs()) - 1]);
    match lang {
        Lang::De => format!("{}. {month} {}", d.day(), d.year()),
        Lang::Es | Lang::Pt => format!("{} de {month} de {}", d.day(), d.year()),
        _ => format!("{} {month} {}", d.day(), d.year()),
    }
}

fn named(lang: Lang, hijri: bool, d: civil::Date) -> String {
    match hijri_of(d).filter(|_| hijri) {
        Some((y, m, day)) => format!("{day} {} {y} ({})", t(lang, HIJRI[usize::from(m) - 1]), gregorian(lang, d)),
        None => gregorian(lang, d),
    }
}

/// Writes a day.
pub(crate) fn day(seat: &Seat, date: &str) -> String {
    date.parse::<Date>().map_or_else(|_| date.to_owned(), |d| named(seat.lang, seat.preferences.hijri, d.civil()))
}

fn text(seat: &Seat, at: UnixMs) -> String {
    zoned(at, &seat.zone)
        .map_or_else(|| at.to_string(), |z| format!("{}, {:02}:{:02}", named(seat.lang, seat.preferences.hijri, z.date()), z.hour(), z.minute()))
}

/// Writes a moment in the reader's zone.
pub(crate) fn moment(seat: &Seat, at: UnixMs) -> Markup {
    html! { time datetime=(at.to_string()) { (text(seat, at)) } }
}

/// Writes a moment that was lived somewhere: in the reader's zone, and as it was there where that reads otherwise.
pub(crate) fn lived(seat: &Seat, at: &Instant) -> Markup {
    let there = zoned(at.at, at.zone());
    let same = zoned(at.at, &seat.zone).zip(there.as_ref()).is_some_and(|(here, there)| here.offset() == there.offset());
    html! {
        (moment(seat, at.at))
        @if let (false, Some(z)) = (same, there) {
            " " span.quiet { "(" bdi { (format!("{:02}:{:02} {}", z.hour(), z.minute(), at.zone())) } ")" }
        }
    }
}

/// Writes how far away a moment is, in the two largest units that matter.
pub(crate) fn distance(lang: Lang, ms: i64) -> String {
    let minutes = usize::try_from(ms.abs() / 60_000).unwrap_or(0);
    let (days, hours) = (minutes / 1440, minutes % 1440 / 60);
    match (days, hours) {
        (0, 0) => crate::words::many(lang, "time.minutes", minutes),
        (0, h) if h < 6 && minutes % 60 > 0 => crate::words::fill(
            lang,
            "time.and",
            &[("a", &crate::words::many(lang, "time.hours", h)), ("b", &crate::words::many(lang, "time.minutes", minutes % 60))],
        ),
        (0, h) => crate::words::many(lang, "time.hours", h),
        (d, h) if d < 3 && h > 0 => {
            crate::words::fill(lang, "time.and", &[("a", &crate::words::many(lang, "time.days", d)), ("b", &crate::words::many(lang, "time.hours", h))])
        }
        (d, _) => crate::words::many(lang, "time.days", d),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_hijri_name_and_back() {
        for offset in (0..40_000).step_by(37) {
            let d = civil::date(1950, 1, 1) + jiff::Span::new().days(offset);
            let (y, m, day) = hijri_of(d).unwrap();
            assert_eq!(Date::from_hijri(y, m, day).unwrap().civil(), d);
        }
        // 1 Muharram 1447 by the tabular rule.
        assert_eq!(hijri_of(civil::date(2025, 6, 27)), Some((1447, 1, 1)));
        assert_eq!(named(Lang::En, true, civil::date(2025, 6, 27)), "1 Muharram 1447 (27 June 2025)");
        assert_eq!(named(Lang::Es, false, civil::date(2025, 6, 27)), "27 de junio de 2025");
    }

    #[test]
    fn distances_are_short_and_true() {
        let said = [0, 59, 60, 61, 359, 360, 1440, 1500, 4320].map(|minutes| distance(Lang::En, minutes * 60_000));
        assert_eq!(said, ["0 minutes", "59 minutes", "1 hour", "1 hour 1 minute", "5 hours 59 minutes", "6 hours", "1 day", "1 day 1 hour", "3 days"]);
    }
}
