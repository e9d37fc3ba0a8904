//! The desk: what waits for me, by clock, with what happens if nothing is done; what waits for partners; what is new; drafts.

use crate::access::{Access, Pages};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, failed, page};
use crate::reading;
use crate::session::Seat;
use crate::when;
use crate::words::{fill, many, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dossier::{ClockState, Mechanism};
use maud::{Markup, html};
use node::{Drawer, Due, DueKind, Listed, Node, NodeError, Pending};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of what waits for us; the rest is counted, and stands among the tasks.
const OURS_MAX: usize = 25;
/// Lines of every other list: the page says what is next, other pages list everything.
const LINES_MAX: usize = 10;
/// Dossiers, the latest first, among which unread ones are looked for.
const UNREAD_AMONG: usize = 200;
/// Milliseconds before its end from which a clock is shown as near.
const NEAR_MS: i64 = 24 * 3_600_000;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/", Access::SignedIn, desk)
}

/// Everything that the page shows.
struct Waiting {
    due: Vec<Due>,
    pending: Vec<Pending>,
    recent: Vec<Listed>,
    drafts: Vec<(String, crate::draft::Draft)>,
    mechanisms: BTreeMap<String, Arc<Mechanism>>,
}

async fn desk(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    if !crate::access::READ.lets(&seat.officer.roles) {
        let main = html! { h1 { (t(seat.lang, "nav.desk")) } p { (t(seat.lang, "desk.no-dossiers")) } };
        return page(&seat, t(seat.lang, "nav.desk"), Live::Still, main).into_response();
    }
    let (officer, now) = (seat.officer.clone(), seat.now);
    let gather = move |n: &mut Node| -> Result<Waiting, NodeError> {
        let read = reading::of(n, &officer)?;
        let recent = n.list(None, None, UNREAD_AMONG)?.into_iter().filter(|l| read.get(&l.id).is_none_or(|at| *at < l.updated_at)).collect();
        let prefix = format!("{}/", officer.id);
        let drafts = n
            .papers(Drawer::Draft, &prefix)?
            .into_iter()
            .filter_map(|(name, bytes)| Some((name[prefix.len()..].to_owned(), serde_json::from_slice(&bytes).ok()?)));
        let drafts = drafts.collect();
        let mechanisms = n.mechanisms().map(|m| (m.id.clone(), Arc::clone(m))).collect();
        Ok(Waiting { due: n.due(now)?, pending: n.all_pending()?, recent, drafts, mechanisms })
    };
    match desk.read(gather).await {
        Ok(w) => match super::partners::alarms(&desk, &seat).await {
            Ok(alarms) => page(&seat, t(seat.lang, "nav.desk"), Live::Fresh, html! { (alarms) (draw(&seat, &w)) }).into_response(),
            Err(e) => failed(&seat, &desk, &e),
        },
        Err(e) => failed(&seat, &desk, &e),
    }
}

fn draw(seat: &Seat, w: &Waiting) -> Markup {
    let lang = seat.lang;
    let of = |kind: DueKind| w.due.iter().filter(|d| d.kind == kind).collect::<Vec<_>>();
    let (ours, theirs) = (of(DueKind::Ours), of(DueKind::Theirs));
    let mine = |p: &&Pending| p.by != seat.officer.id.as_str() && seat.officer.roles.iter().any(|r| p.roles.contains(r));
    let to_approve: Vec<&Pending> = w.pending.iter().filter(mine).collect();
    let proposed: Vec<&Pending> = w.pending.iter().filter(|p| p.by == seat.officer.id.as_str()).collect();
    html! {
        h1 { (t(lang, "nav.desk")) }
        section aria-labelledby="mine" {
            h2 #mine { (many(lang, "desk.waits-for-us", ours.len() + to_approve.len())) }
            @if ours.is_empty() && to_approve.is_empty() { p.quiet { (t(lang, "desk.nothing")) } }
            @else {
                ul.list {
                    @for p in to_approve.iter().take(OURS_MAX) { (pending_line(seat, w, p)) }
                    @for d in ours.iter().take(OURS_MAX) { (clock_line(seat, w, d)) }
                }
                (more(seat, to_approve.len().saturating_sub(OURS_MAX) + ours.len().saturating_sub(OURS_MAX), "/tasks?who=ours"))
            }
        }
        @if !proposed.is_empty() {
            section aria-labelledby="second" {
                h2 #second { (many(lang, "desk.second-eyes", proposed.len())) }
                ul.list { @for p in proposed.iter().take(LINES_MAX) { (pending_line(seat, w, p)) } }
            }
        }
        section aria-labelledby="theirs" {
            h2 #theirs { (many(lang, "desk.waits-for-partners", theirs.len())) }
            @if !theirs.is_empty() { ul.list { @for d in theirs.iter().take(LINES_MAX) { (clock_line(seat, w, d)) } } (more(seat, theirs.len().saturating_sub(LINES_MAX), "/tasks?who=theirs")) }
        }
        section aria-labelledby="unread" {
            h2 #unread { (many(lang, "desk.unread", w.recent.len())) }
            @if !w.recent.is_empty() { ul.list { @for l in w.recent.iter().take(LINES_MAX) { (listed_line(seat, &w.mechanisms, l, true)) } }
                (more(seat, w.recent.len().saturating_sub(LINES_MAX), "/dossiers")) }
        }
        @if !w.drafts.is_empty() {
            section aria-labelledby="drafts" {
                h2 #drafts { (many(lang, "desk.drafts", w.drafts.len())) }
                ul.list {
                    @for (name, d) in w.drafts.iter().take(LINES_MAX) {
                        li { p { a href=(d.form.as_ref().map_or_else(|| format!("/new/{name}"), |(path, _)| path.clone())) { (label(w, lang, &d.mechanism)) " · " bdi { (d.title()) } } } p.side.quiet { (when::moment(seat, d.kept)) } }
                    }
                }
            }
        }
    }
}

/// Says how many lines there are besides, and where.
fn more(seat: &Seat, n: usize, at: &str) -> Markup {
    html! { @if n > 0 { p { a href=(at) { (many(seat.lang, "desk.more", n)) } } } }
}

fn label(w: &Waiting, lang: base::Lang, mechanism: &str) -> String {
    w.mechanisms.get(mechanism).map_or_else(|| mechanism.to_owned(), |m| m.label.get(lang).to_owned())
}

/// One dossier of a list.
pub(super) fn listed_line(seat: &Seat, mechanisms: &BTreeMap<String, Arc<Mechanism>>, l: &Listed, unread: bool) -> Markup {
    let lang = seat.lang;
    let m = mechanisms.get(&l.mechanism);
    let title = if l.title.is_empty() { l.id.short() } else { l.title.clone() };
    html! {
        li.unread[unread] {
            div {
                p { a href=(format!("/dossiers/{}", l.id)) { bdi { (title) } } @if l.forks > 0 { " " span.tag.late { (t(lang, "dossier.forked")) } } }
                p.quiet {
                    (m.map_or(l.mechanism.as_str(), |m| m.label.get(lang))) " · "
                    @for (i, (code, _)) in l.parties.iter().enumerate() { @if i > 0 { ", " } bdi { (code) } }
                }
            }
            div.side { p { (m.map_or_else(|| l.phase.clone(), |m| m.phase_label(&m.root().id, &l.phase, lang))) } p.quiet { (when::moment(seat, l.updated_at)) } }
        }
    }
}

fn clock_line(seat: &Seat, w: &Waiting, d: &Due) -> Markup {
    let lang = seat.lang;
    let (kind, clock) = d.what.split_once('/').unwrap_or((&d.what, ""));
    let m = w.mechanisms.get(&d.mechanism);
    let found = m.and_then(|m| m.kind(kind)).and_then(|k| k.clocks.iter().find(|c| c.id == clock));
    let title = if d.title.is_empty() { d.dossier.map(|id| id.short()).unwrap_or_default() } else { d.title.clone() };
    html! {
        li {
            div {
                p { @if let Some(id) = d.dossier { a href=(format!("/dossiers/{id}")) { bdi { (title) } } } " · " (label(w, lang, &d.mechanism)) }
                p.quiet {
                    (found.map_or(clock, |c| c.label.get(lang)))
                    @if d.kind == DueKind::Theirs { " · " bdi { (d.answers) } }
                    @if let Some(c) = found { " · " (t(lang, "desk.else")) " " (c.follows.get(lang)) }
                }
            }
            div.side { (remaining(seat, d.due, d.state)) }
        }
    }
}

/// How long a clock still runs, and how it stands.
pub(super) fn remaining(seat: &Seat, due: Option<base::UnixMs>, state: Option<ClockState>) -> Markup {
    let lang = seat.lang;
    let Some(due) = due else { return html! {} };
    let ms = due.0 - seat.now.0;
    let words = crate::view::distance(lang, seat.now, due, true);
    html! {
        @match state {
            Some(ClockState::Paused) => p.quiet { (t(lang, "clock.paused")) },
            Some(ClockState::Met | ClockState::MetLate) => p.good { (t(lang, if state == Some(ClockState::Met) { "clock.met" } else { "clock.met-late" })) },
            _ if ms < 0 => p.late { (words) },
            _ => p.soon[ms < NEAR_MS] { (words) },
        }
        p.quiet { (when::moment(seat, due)) }
    }
}

fn pending_line(seat: &Seat, w: &Waiting, p: &Pending) -> Markup {
    let lang = seat.lang;
    let what = match &p.intent {
        node::Intent::Open { mechanism, .. } => fill(lang, "pending.open", &[("what", &label(w, lang, mechanism))]),
        node::Intent::OpenItem { .. } => t(lang, "pending.item").to_owned(),
        node::Intent::Move { .. } => t(lang, "pending.move").to_owned(),
    };
    html! {
        li {
            div { p { a href=(format!("/pending/{}", p.id)) { (what) } } p.quiet { (t(lang, "pending.by")) " " bdi { (p.by) } } }
            div.side { p { (t(lang, "pending.waits")) } p.quiet { (when::moment(seat, p.at)) } }
        }
    }
}
