//! Moments and days as the officer at the desk lives them; the rules of writing them are those of `view::format`.

use crate::session::Seat;
use crate::view::Reader;
use base::{Date, Instant, Lang, ServiceId, UnixMs};
use maud::{Markup, html};

/// Tells whether a zone of the tz database is known here.
pub fn is_zone(zone: &str) -> bool {
    Instant::new(UnixMs(0), zone).is_ok()
}

fn with<T>(seat: &Seat, write: impl FnOnce(&Reader<'_>) -> T) -> T {
    let service = |s: &ServiceId| (s.short(), None);
    write(&Reader { lang: seat.lang, zone: &seat.zone, hijri: seat.preferences.hijri, now: seat.now, service: &service })
}

/// Draws a day that is written as YYYY-MM-DD.
pub(crate) fn day(seat: &Seat, date: &str) -> Markup {
    match date.parse::<Date>() {
        Ok(d) => with(seat, |r| r.date(d)),
        Err(_) => html! { bdi { (date) } },
    }
}

/// Draws a moment in the reader's zone.
pub(crate) fn moment(seat: &Seat, at: UnixMs) -> Markup {
    with(seat, |r| r.at(at))
}

/// Draws a moment that was lived somewhere: in the reader's zone, and as it was there where that reads otherwise.
pub(crate) fn lived(seat: &Seat, at: &Instant) -> Markup {
    with(seat, |r| r.moment(at))
}

/// Draws a moment as it was lived where it was, for readers of whom nothing but the language is known.
pub(crate) fn there(lang: Lang, at: &Instant) -> Markup {
    let service = |s: &ServiceId| (s.short(), None);
    let reader = Reader { lang, zone: at.zone(), hijri: false, now: at.at, service: &service };
    html! { (reader.at(at.at)) " " span.quiet { "(" bdi { (at.zone()) } ")" } }
}
