//! The calendar across dossiers: every day that a form names and every clock that runs, a month a page.

use super::tasks::{Task, told};
use super::views::{style, with_reader};
use crate::access::{Pages, READ};
use crate::desk::Desk;
use crate::layout::{Live, failed, page};
use crate::session::Seat;
use crate::view::{Reader, leaf, month};
use crate::words::{many, t};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use base::{Date, Instant};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lines of one month; the rest is counted.
const LINES_MAX: usize = 150;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/calendar", READ, calendar)
}

#[derive(Deserialize)]
struct Wanted {
    /// Year and month, as 2026-11.
    #[serde(default)]
    month: String,
}

/// Reads year and month; this one where they are none.
fn wanted(text: &str, today: Date) -> (i16, i8) {
    let read = || {
        let (y, m) = text.split_once('-')?;
        let (y, m) = (y.parse().ok()?, m.parse().ok()?);
        Date::new(y, m, 1).map(|_| (y, m))
    };
    read().unwrap_or((today.civil().year(), today.civil().month()))
}

/// Returns the month that many months away; the same where the calendar ends.
fn away(y: i16, m: i8, by: i32) -> (i16, i8) {
    let months = i32::from(y) * 12 + i32::from(m) - 1 + by;
    let next = (i16::try_from(months.div_euclid(12)).unwrap_or(y), i8::try_from(months.rem_euclid(12) + 1).unwrap_or(m));
    Date::new(next.0, next.1, 1).map_or((y, m), |_| next)
}

async fn calendar(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    let now = seat.now;
    if let Err(e) = desk.finder.refresh(&desk).await {
        return failed(&seat, &desk, &e);
    }
    let told = match desk.read(move |n| told(n, now)).await {
        Ok(told) => told,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let services = told.services.clone();
    let main = with_reader(&seat, &services, |r| {
        let (y, m) = wanted(&q.month, r.local(now).0);
        let mut days: BTreeMap<Date, Vec<(Option<Instant>, Task)>> = BTreeMap::new();
        let mut note = |day: Date, at: Option<Instant>, task: Task| {
            if (day.civil().year(), day.civil().month()) == (y, m) {
                days.entry(day).or_default().push((at, task));
            }
        };
        for task in told.clocks(&seat) {
            note(r.local(task.due).0, task.due.in_zone(r.zone).ok(), task);
        }
        for plan in desk.finder.plans() {
            for d in &plan.days {
                let Some(day) = d.day.or_else(|| d.at.as_ref().map(|at| r.local(at.at).0)) else { continue };
                note(day, d.at.clone(), told.dated(&seat, &plan, d));
            }
        }
        days.values_mut().for_each(|all| all.sort_by_key(|(at, task)| (at.as_ref().map(|a| a.at), task.dossier)));
        draw(&seat, r, (y, m), &days)
    });
    page(&seat, t(seat.lang, "calendar.title"), Live::Fresh, main).into_response()
}

fn draw(seat: &Seat, r: &Reader<'_>, (y, m): (i16, i8), days: &BTreeMap<Date, Vec<(Option<Instant>, Task)>>) -> Markup {
    let lang = seat.lang;
    let today = r.local(r.now).0;
    let all: usize = days.values().map(Vec::len).sum();
    let to = |by: i32| away(y, m, by);
    let link = |(y, m): (i16, i8)| html! { a.button href=(format!("/calendar?month={y}-{m:02}")) { (month(lang, y, m)) } };
    let mut left = LINES_MAX;
    html! {
        (style())
        h1 { (t(lang, "calendar.title")) " · " bdi { (month(lang, y, m)) } }
        div.row.noprint { (link(to(-1))) a.button href="/calendar" { (t(lang, "calendar.today")) } (link(to(1))) }
        section.view {
            div.leaves { (leaf(r, (y, m), &|d| days.get(&d).map_or(0, Vec::len))) }
            p.quiet { (many(lang, "calendar.count", all)) }
            ol.agenda { @for (d, notes) in days {
                @let shown = &notes[..notes.len().min(left)];
                @let () = left -= shown.len();
                @if !shown.is_empty() { li class=[(*d == today).then_some("today")] {
                    h2 { (r.date(*d)) }
                    ul { @for (at, task) in shown { li {
                        @if let Some(at) = at { (r.clock(at)) " · " }
                        a href=(format!("/dossiers/{}", task.dossier)) { bdi { (task.title) } } " · " (task.what) " · " bdi.service { (task.owner) }
                    } } }
                } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other() {
        let today = Date::new(2026, 11, 26).unwrap();
        assert_eq!(["2026-02", "2026-13", "x", ""].map(|text| wanted(text, today)), [(2026, 2), (2026, 11), (2026, 11), (2026, 11)]);
        assert_eq!([away(2026, 12, 1), away(2026, 1, -1), away(2026, 6, 0)], [(2027, 1), (2025, 12), (2026, 6)]);
    }
}
