//! Tasks and commitments across dossiers, late first: clocks that run, and items whose form says by when. No content: that stands in the dossier.

use super::desk::remaining;
use super::views::{Services, services};
use crate::access::{Pages, READ};
use crate::desk::Desk;
use crate::finder::{Dated, Plan};
use crate::labels::Labelled;
use crate::layout::{Live, failed, page};
use crate::session::Seat;
use crate::view::word;
use crate::words::{many, t};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use base::{DossierId, ServiceId, UnixMs};
use dossier::{ClockState, Mechanism};
use maud::{Markup, html};
use node::{Due, DueKind, Node, NodeError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines of each group on one page.
const LINES_MAX: usize = 25;
const WEEK_MS: i64 = 7 * 86_400_000;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/tasks", READ, tasks)
}

#[derive(Deserialize)]
struct Wanted {
    /// `ours`, `theirs`, else all.
    #[serde(default)]
    who: String,
    /// The group that is shown alone, else all.
    #[serde(default)]
    only: String,
    /// How many of its lines are left out.
    #[serde(default)]
    skip: usize,
}

/// One thing that is to be done.
pub(super) struct Task {
    pub dossier: DossierId,
    pub title: String,
    pub what: String,
    /// What follows if nothing is done.
    pub follows: Option<String>,
    pub owner: String,
    pub ours: bool,
    pub due: UnixMs,
    pub state: Option<ClockState>,
}

/// What pages on tasks and days read of the node.
pub(super) struct Told {
    due: Vec<Due>,
    mechanisms: BTreeMap<String, Arc<Mechanism>>,
    pub services: Services,
    me: ServiceId,
}

/// Reads the clocks of all dossiers.
pub(super) fn told(n: &mut Node, now: UnixMs) -> Result<Told, NodeError> {
    let mechanisms = n.mechanisms().map(|m| (m.id.clone(), Arc::clone(m))).collect();
    Ok(Told { due: n.due(now)?, mechanisms, services: services(n), me: n.me() })
}

impl Told {
    /// Lists the clocks that run.
    pub fn clocks(&self, seat: &Seat) -> Vec<Task> {
        let one = |d: &Due| {
            let (kind, clock) = d.what.split_once('/')?;
            let m = self.mechanisms.get(&d.mechanism);
            let declared = m.and_then(|m| m.kind(kind)).and_then(|k| k.clocks.iter().find(|c| c.id == clock));
            let what =
                format!("{} · {}", m.map_or_else(|| kind.to_owned(), |m| m.kind_label(kind, seat.lang)), declared.map_or(clock, |c| c.label.get(seat.lang)));
            let follows = declared.map(|c| c.follows.get(seat.lang).to_owned());
            let (dossier, due) = (d.dossier?, d.due?);
            let title = if d.title.is_empty() { dossier.short() } else { d.title.clone() };
            Some(Task { dossier, title, what, follows, owner: d.answers.clone(), ours: d.kind == DueKind::Ours, due, state: d.state })
        };
        self.due.iter().filter_map(one).collect()
    }

    /// Names a day of a plan.
    pub fn dated(&self, seat: &Seat, plan: &Plan, d: &Dated) -> Task {
        let (lang, m) = (seat.lang, &plan.mechanism);
        let phase = if d.phase.is_empty() { String::new() } else { format!(" · {}", m.phase_label(&d.kind, &d.phase, lang)) };
        let field = m.fields_of(&d.kind).into_iter().find(|f| f.id == d.field).map_or_else(|| d.field.clone(), |f| f.label.get(lang).to_owned());
        let what = match m.root().id == d.kind {
            true => field,
            false => format!("{field} · {} {}{phase}", m.kind_label(&d.kind, lang), d.number),
        };
        let owner = self.services.get(&d.owner).map_or_else(|| d.owner.short(), |(code, _)| code.clone());
        let title = if plan.title.is_empty() { plan.id.short() } else { plan.title.clone() };
        Task { dossier: plan.id, title, what, follows: None, owner, ours: d.owner == self.me, due: d.due(), state: None }
    }
}

async fn tasks(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    let (lang, now) = (seat.lang, seat.now);
    if let Err(e) = desk.finder.refresh(&desk).await {
        return failed(&seat, &desk, &e);
    }
    let told = match desk.read(move |n| told(n, now)).await {
        Ok(told) => told,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let mut all = told.clocks(&seat);
    for plan in desk.finder.plans() {
        all.extend(plan.days.iter().filter(|d| d.is_deadline() && !d.ended).map(|d| told.dated(&seat, &plan, d)));
    }
    // Lines are left out of one group alone.
    let q =
        Wanted { skip: if q.only.is_empty() { 0 } else { q.skip }, who: if ["ours", "theirs"].contains(&q.who.as_str()) { q.who } else { String::new() }, ..q };
    all.retain(|task| match q.who.as_str() {
        "ours" => task.ours,
        "theirs" => !task.ours,
        _ => true,
    });
    all.sort_by_key(|task| (task.due, task.dossier));
    let group = |task: &Task| match task.due.0 - now.0 {
        ms if ms < 0 => "late",
        ms if ms <= WEEK_MS => "soon",
        _ => "later",
    };
    let title = t(lang, "tasks.title");
    let whose = [("", t(lang, "dossiers.all")), ("ours", t(lang, "tasks.ours")), ("theirs", t(lang, "tasks.theirs"))];
    let main = html! {
        h1 { (title) }
        nav.tabs.noprint aria-label=(t(lang, "tasks.whose")) {
            @for (who, words) in whose {
                a href=(if who.is_empty() { "/tasks".to_owned() } else { format!("/tasks?who={who}") }) aria-current=[(who == q.who).then_some("page")] { (words) }
            }
        }
        p.quiet { (many(lang, "tasks.count", all.len())) }
        @for name in ["late", "soon", "later"].into_iter().filter(|n| q.only.is_empty() || q.only == *n) {
            @let some: Vec<&Task> = all.iter().filter(|task| group(task) == name).collect();
            @if !some.is_empty() {
                section {
                    h2.late[name == "late"] { (word(lang, name)) " (" (some.len()) ")" }
                    ul.list { @for task in some.iter().skip(q.skip).take(LINES_MAX) { (line(&seat, task)) } }
                    @let rest = some.len().saturating_sub(q.skip + LINES_MAX);
                    @if rest > 0 { p { a href=(format!("/tasks?who={}&only={name}&skip={}", q.who, q.skip + LINES_MAX)) { (many(lang, "desk.more", rest)) } } }
                }
            }
        }
    };
    page(&seat, title, Live::Fresh, main).into_response()
}

fn line(seat: &Seat, task: &Task) -> Markup {
    html! {
        li {
            div {
                p { a href=(format!("/dossiers/{}", task.dossier)) { bdi { (task.title) } } }
                p.quiet { bdi { (task.owner) } " · " (task.what) @if let Some(f) = &task.follows { " · " (t(seat.lang, "desk.else")) " " (f) } }
            }
            div.side { (remaining(seat, Some(task.due), task.state)) }
        }
    }
}
