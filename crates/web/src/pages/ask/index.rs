//! How the own index stands, and what became of its last loads; what each partner was given, in which epoch, how old, whether its node took it;
//! and partners' lists as they are held here. Who keeps the index gives partners what changed, and begins a new epoch.

use super::lists::rejected;
use super::{INDEX, KEEP, tabs};
use crate::access::{Pages, Posted};
use crate::desk::{Desk, IndexWork};
use crate::layout::{Live, absent, csrf, failed, notice, page};
use crate::pages::dossier::names;
use crate::session::Seat;
use crate::show::{self, Names};
use crate::view::{length, number};
use crate::when;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Lang, ServiceId, UnixMs};
use maud::{Markup, html};
use node::{EPOCH_DAYS, HeldView, IndexView, LoadNote, PublishedView};

/// Sources that are shown; how many there are stands beside.
const SOURCES_MAX: usize = 50;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/index", INDEX, index).post("/ask/index/publish", KEEP, publish)
}

/// What the page shows.
struct Shown {
    ours: IndexView,
    theirs: Vec<HeldView>,
    /// Partners who may be given a list.
    partners: Vec<ServiceId>,
    names: Names,
    work: IndexWork,
}

async fn index(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let now = seat.now;
    match desk.read(move |n| Ok((n.index_view(now)?, n.lists_view(now)?, n.index_partners(now)?, names(n)))).await {
        Ok((ours, theirs, partners, names)) => {
            let shown = Shown { ours, theirs, partners, names, work: desk.node.index_work() };
            page(&seat, t(seat.lang, "ask.index"), Live::Fresh, draw(&desk, &seat, &shown)).into_response()
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// Gives one partner or all of them what changed, or a new epoch. What is under way already is not begun again.
async fn publish(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>) -> Response {
    let rotate = match posted.get("do") {
        "changes" => false,
        "rotate" => true,
        _ => return absent(&seat),
    };
    let (now, wanted) = (seat.now, posted.get("partner"));
    let permitted = match desk.read(move |n| n.index_partners(now)).await {
        Ok(permitted) => permitted,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let partner = permitted.iter().find(|p| p.to_string() == wanted).copied();
    if partner.is_none() && !wanted.is_empty() {
        return absent(&seat);
    }
    let under_way = desk.node.index_work().running;
    if !partner.map_or(!under_way.is_empty(), |p| under_way.contains_key(&p)) {
        desk.node.publish_index(seat.officer.clone(), partner, rotate).await;
    }
    Redirect::to("/ask/index").into_response()
}

fn count(lang: Lang, n: usize) -> String {
    number(lang, i64::try_from(n).unwrap_or(i64::MAX))
}

/// A moment, and how long ago it was.
fn ago(seat: &Seat, at: UnixMs) -> Markup {
    let lang = seat.lang;
    html! { (when::moment(seat, at)) " (" (fill(lang, "admin.ago", &[("for", &length(lang, (seat.now.0 - at.0).max(0)))])) ")" }
}

fn draw(desk: &Desk, seat: &Seat, s: &Shown) -> Markup {
    let (lang, ours) = (seat.lang, &s.ours);
    let keeps = KEEP.lets(&seat.officer.roles);
    html! {
        h1 { (t(lang, "ask.index")) }
        (tabs(seat, "/ask/index"))
        @if keeps { div.row.noprint { a.button.main href="/ask/index/load" { (t(lang, "ask.load")) }
            @if !s.partners.is_empty() { (gives(seat, "", t(lang, "ask.publish-all"))) } } }
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
            @if ours.published.is_empty() && s.partners.is_empty() { p.quiet { (t(lang, "ask.published-none")) } }
            @for p in &ours.published { (published(desk, seat, s, p)) }
            @for p in s.partners.iter().filter(|p| !ours.published.iter().any(|l| l.partner == **p)) {
                div.sheet { h3 { bdi { (show::code(&s.names, p)) } } p { (t(lang, "ask.list-none-yet")) } (giving(desk, seat, s, p)) }
            }
        }
        section aria-labelledby="loads" {
            h2 #loads { (many(lang, "ask.loads", ours.loads.len())) }
            @for l in ours.loads.iter().take(SOURCES_MAX) { (load(desk, seat, l, ours.sources.get(&l.source).copied().unwrap_or_default())) }
        }
        section aria-labelledby="held" {
            h2 #held { (many(lang, "ask.held", s.theirs.len())) }
            @if !s.theirs.is_empty() { ul.list { @for h in &s.theirs { (held(seat, h, &show::code(&s.names, &h.partner))) } } }
        }
    }
}

/// The button that gives a partner, or all of them, what changed.
fn gives(seat: &Seat, partner: &str, words: &str) -> Markup {
    html! { form method="post" action="/ask/index/publish" { (csrf(seat)) input type="hidden" name="partner" value=(partner);
    button name="do" value="changes" { (words) } } }
}

/// How far a partner's list is, what stood in the way of the last try, and what who keeps the index may do.
fn giving(desk: &Desk, seat: &Seat, s: &Shown, partner: &ServiceId) -> Markup {
    let lang = seat.lang;
    let keeps = KEEP.lets(&seat.officer.roles) && s.partners.contains(partner);
    let to = partner.to_string();
    html! {
        @match s.work.running.get(partner) {
            Some(keys) => p.soon role="status" { (fill(lang, "ask.working", &[("n", &number(lang, i64::try_from(*keys).unwrap_or(i64::MAX)))])) },
            None => {
                @if let Some((at, code)) = s.work.refused.get(partner) { p.late { (t(lang, "ask.publish-refused")) " (" (when::moment(seat, *at)) ")" }
                    (notice(lang, code, desk, "")) }
                @if keeps {
                    div.row.noprint { (gives(seat, &to, t(lang, "ask.publish"))) }
                    details.noprint { summary { (t(lang, "ask.rotate")) }
                        p { (fill(lang, "ask.rotate-text", &[("n", &number(lang, i64::from(EPOCH_DAYS)))])) }
                        form method="post" action="/ask/index/publish" { (csrf(seat)) input type="hidden" name="partner" value=(to);
                            button.grave name="do" value="rotate" { (t(lang, "ask.rotate-do")) } } }
                }
            }
        }
    }
}

fn published(desk: &Desk, seat: &Seat, s: &Shown, p: &PublishedView) -> Markup {
    let lang = seat.lang;
    let asked = s.ours.asked_by.get(&p.partner).copied().unwrap_or_default();
    html! {
        div.sheet {
            h3 { bdi { (show::code(&s.names, &p.partner)) } }
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
            (giving(desk, seat, s, &p.partner))
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
            @if l.rejected > 0 { (rejected(desk, seat, l.rejected, &l.rejects)) }
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
