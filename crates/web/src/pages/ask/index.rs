//! How the own index stands, and what became of its last loads; what each partner was given, in which epoch, how old, whether its node took it;
//! and partners' lists as they are held here.

use super::lists::rejected;
use super::{INDEX, tabs};
use crate::access::Pages;
use crate::desk::Desk;
use crate::layout::{Live, failed, notice, page};
use crate::pages::dossier::names;
use crate::session::Seat;
use crate::show::{self, Names};
use crate::view::{length, number};
use crate::when;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base::{Lang, UnixMs};
use maud::{Markup, html};
use node::{HeldView, IndexView, LoadNote, PublishedView};

/// Sources that are shown; how many there are stands beside.
const SOURCES_MAX: usize = 50;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/index", INDEX, index)
}

async fn index(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let now = seat.now;
    match desk.read(move |n| Ok((n.index_view(now)?, n.lists_view(now)?, names(n)))).await {
        Ok((ours, theirs, names)) => page(&seat, t(seat.lang, "ask.index"), Live::Fresh, draw(&desk, &seat, &ours, &theirs, &names)).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

fn count(lang: Lang, n: usize) -> String {
    number(lang, i64::try_from(n).unwrap_or(i64::MAX))
}

/// A moment, and how long ago it was.
fn ago(seat: &Seat, at: UnixMs) -> Markup {
    let lang = seat.lang;
    html! { (when::moment(seat, at)) " (" (fill(lang, "admin.ago", &[("for", &length(lang, (seat.now.0 - at.0).max(0)))])) ")" }
}

fn draw(desk: &Desk, seat: &Seat, ours: &IndexView, theirs: &[HeldView], names: &Names) -> Markup {
    let lang = seat.lang;
    html! {
        h1 { (t(lang, "ask.index")) }
        (tabs(seat, "/ask/index"))
        section aria-labelledby="ours" {
            h2 #ours { (many(lang, "ask.records", ours.records.values().sum())) }
            p.quiet { (t(lang, "ask.index-text")) }
            dl.fields {
                @for (c, n) in &ours.records { dt { (coded(lang, "data-subject-categories", c)) } dd { (count(lang, *n)) } }
                dt { (t(lang, "ask.permitted")) } dd { (ours.permitted.iter().map(|c| coded(lang, "data-subject-categories",
                    c)).collect::<Vec<_>>().join(" · ")) }
            }
        }
        section aria-labelledby="given" {
            h2 #given { (t(lang, "ask.published")) }
            @if ours.published.is_empty() { p.quiet { (t(lang, "ask.published-none")) } }
            @for p in &ours.published { (published(desk, seat, p, ours.asked_by.get(&p.partner).copied().unwrap_or_default(), &show::code(names,
                &p.partner))) }
        }
        section aria-labelledby="loads" {
            h2 #loads { (many(lang, "ask.loads", ours.loads.len())) }
            @for l in ours.loads.iter().take(SOURCES_MAX) { (load(desk, seat, l, ours.sources.get(&l.source).copied().unwrap_or_default())) }
        }
        section aria-labelledby="held" {
            h2 #held { (many(lang, "ask.held", theirs.len())) }
            @if !theirs.is_empty() { ul.list { @for h in theirs { (held(seat, h, &show::code(names, &h.partner))) } } }
        }
    }
}

fn published(desk: &Desk, seat: &Seat, p: &PublishedView, asked: u64, name: &str) -> Markup {
    let lang = seat.lang;
    html! {
        div.sheet {
            h3 { bdi { (name) } }
            dl.fields {
                dt { (t(lang, "ask.epoch")) } dd { (p.epoch) " · " (t(lang, "ask.since")) " " (ago(seat, p.since)) }
                dt { (t(lang, "ask.epoch-ends")) } dd { (when::moment(seat, p.until)) }
                dt { (t(lang, "ask.published-last")) } dd { (ago(seat, p.as_of)) " · " (many(lang, "ask.changes",
                    usize::try_from(p.changes).unwrap_or(usize::MAX))) }
                dt { (t(lang, "ask.in-it")) } dd { (many(lang, "ask.records", p.records)) " · " (many(lang, "ask.tags", p.tags)) }
                dt { (t(lang, "ask.asked-by")) } dd { (fill(lang, "ask.served-elements", &[("n", &number(lang,
                    i64::try_from(asked).unwrap_or(i64::MAX)))])) }
            }
            @if let Some(code) = &p.refused { p.late { (t(lang, "ask.not-taken")) } (notice(lang, code, desk, "")) }
        }
    }
}

fn load(desk: &Desk, seat: &Seat, l: &LoadNote, records: usize) -> Markup {
    let lang = seat.lang;
    html! {
        div.sheet {
            h3 { bdi { (l.source) } }
            p {
                @match &l.changed {
                    Some(c) => (fill(lang, "ask.loaded", &[("added", &count(lang, c.added)), ("changed", &count(lang, c.changed)), ("same",
                        &count(lang, c.same)), ("removed", &count(lang, c.removed))])),
                    None => span.late { (t(lang, "ask.not-loaded")) },
                }
            }
            p.quiet { (ago(seat, l.at)) " · " @match &l.by { Some(by) => bdi { (by) }, None => (t(lang, "ask.by-itself")) } " · " (many(lang,
                "ask.records", records)) }
            @if l.rejected > 0 {
                @if l.rejected > l.rejects.len() { p.late { (many(lang, "ask.rejected", l.rejected)) } }
                (rejected(desk, seat, &l.rejects))
            }
        }
    }
}

fn held(seat: &Seat, h: &HeldView, name: &str) -> Markup {
    let lang = seat.lang;
    html! {
        li {
            div {
                p { strong { bdi { (name) } } " · " (t(lang, "ask.epoch")) " " (h.epoch) " · " (many(lang, "ask.tags", h.tags)) }
                p.quiet { (t(lang, "ask.as-of")) " " (ago(seat, h.as_of)) }
                p.quiet { (t(lang, "ask.asked-us")) " " (fill(lang, "ask.served-elements", &[("n", &number(lang,
                    i64::try_from(h.asked).unwrap_or(i64::MAX)))])) }
            }
            div.side { p.quiet { (t(lang, "ask.can-be-asked")) " " (when::moment(seat, h.until)) } }
        }
    }
}
