//! The calendar: every date and moment that the dossier names, as an agenda, with a leaf for each month that has some.

use super::format::{Reader, hijri_date, month, number, weekdays};
use super::hijri::hijri;
use super::scene::{Scene, day, instant};
use base::{Date, Instant};
use dossier::ItemView;
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// Months that have a leaf; the agenda goes on beyond them.
const MONTHS_MAX: usize = 6;

struct Note<'a> {
    item: &'a ItemView,
    label: &'a str,
    at: Option<Instant>,
}

pub(super) fn calendar(scene: &Scene<'_>) -> Markup {
    let r = scene.reader;
    let mut days: BTreeMap<Date, Vec<Note<'_>>> = BTreeMap::new();
    for item in scene.standing() {
        for s in scene.opened(item) {
            let label = scene.label(&s.field.label);
            if let Some(d) = day(&s) {
                days.entry(d).or_default().push(Note { item, label, at: None });
            } else if let Some(at) = instant(&s) {
                days.entry(r.local(at.at).0).or_default().push(Note { item, label, at: Some(at) });
            }
        }
        for c in scene.clocks(&item.id) {
            let (d, _) = r.local(c.due);
            let at = c.due.in_zone(r.zone).ok();
            days.entry(d).or_default().push(Note { item, label: r.word("due"), at });
        }
    }
    days.values_mut().for_each(|notes| notes.sort_by_key(|n| (n.at.as_ref().map(|a| a.at), n.item.id)));
    let today = r.local(r.now).0;
    let all: Vec<(Date, &Note<'_>)> = days.iter().flat_map(|(d, notes)| notes.iter().map(move |n| (*d, n))).collect();
    let (shown, others) = scene.paged(&all, all.iter().take_while(|(d, _)| *d < today).count());
    let months: BTreeSet<(i16, i8)> = shown.iter().map(|(d, _)| (d.civil().year(), d.civil().month())).collect();
    let mut listed: BTreeMap<Date, Vec<&Note<'_>>> = BTreeMap::new();
    shown.iter().for_each(|(d, n)| listed.entry(*d).or_default().push(n));
    scene.section(
        "calendar",
        html! {
            @if days.is_empty() { (scene.nothing()) }
            div.leaves { @for (y, m) in months.iter().take(MONTHS_MAX) { (leaf(r, (*y, *m), &|d| days.get(&d).map_or(0, Vec::len))) } }
            (others)
            ol.agenda { @for (d, notes) in &listed { li class=[(*d == today).then_some("today")] {
                h3 { (r.date(*d)) }
                ul { @for n in notes { li {
                    @if let Some(at) = &n.at { (r.clock(at)) " · " }
                    (n.label) " — " (scene.kind_label(n.item)) " " (n.item.number) ": " (scene.name(n.item)) " · " (scene.service(&n.item.opener))
                } } }
            } } }
        },
    )
}

/// Draws the leaf of a month; `count` tells how much stands on a day.
pub fn leaf(r: &Reader<'_>, (year, month_of): (i16, i8), count: &dyn Fn(Date) -> usize) -> Markup {
    let today = r.local(r.now).0;
    let Some(first) = Date::new(year, month_of, 1) else { return html! {} };
    let before = i64::from(first.civil().weekday().to_monday_zero_offset());
    let weeks = (before + i64::from(first.civil().days_in_month()) + 6) / 7;
    let at = |week: i64, day: i64| first.plus_days(week * 7 + day - before).filter(|d| d.civil().month() == month_of);
    html! {
        table.leaf {
            caption {
                (month(r.lang, year, month_of))
                @if let Some(h) = r.hijri.then(|| hijri_date(r.lang, first)).flatten() { " " small { "(1 = " bdi { (h) } ")" } }
            }
            thead { tr { @for w in weekdays(r.lang) { th scope="col" { (w) } } } }
            tbody { @for week in 0..weeks { tr { @for weekday in 0..7 {
                @match at(week, weekday) {
                    None => { td {} }
                    Some(d) => {
                        @let count = count(d);
                        td class=(format!("{}{}", if count > 0 { "full " } else { "" }, if d == today { "today" } else { "" })) {
                            (d.civil().day())
                            @if let Some((_, _, h)) = r.hijri.then(|| hijri(d)).flatten() { small { (h) } }
                            @if count > 0 { b { (number(r.lang, count as i64)) } }
                        }
                    }
                }
            } } } }
        }
    }
}
