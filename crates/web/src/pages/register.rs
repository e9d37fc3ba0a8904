//! The register: what was promised, late ones first; communiqués; visits; accords; and how many drafts of the press wait to be looked at.

use super::desk::listed_line;
use crate::access::{Access, Pages, READ};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, failed, page};
use crate::reading;
use crate::session::Seat;
use crate::when;
use crate::words::{coded, fill, language, many, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base::{DossierId, UnixMs};
use dossier::{Mechanism, OfficerRole};
use maud::{Markup, html};
use node::{AccordView, DraftState, Listed, Node, NodeError, Promise, VISIT, VersionView};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who decides on drafts of the press; the local API asks for the same.
pub(super) const DECIDE: Access = Access::Roles(&[OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor]);
/// Lines of each list.
const LINES_MAX: usize = 50;
/// Visits, the last changed first, in which promises and communiqués are looked for.
const VISITS_MAX: usize = 200;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/register", READ, register)
}

/// Everything that the page shows.
struct Register {
    promises: Vec<Promise>,
    versions: Vec<VersionView>,
    visits: Vec<Listed>,
    accords: Vec<Listed>,
    in_force: Vec<AccordView>,
    read: BTreeMap<DossierId, UnixMs>,
    mechanisms: BTreeMap<String, Arc<Mechanism>>,
    drafts: usize,
}

impl Register {
    fn title(&self, id: &DossierId) -> String {
        self.visits.iter().find(|l| l.id == *id).map(|l| l.title.clone()).filter(|t| !t.is_empty()).unwrap_or_else(|| id.short())
    }

    fn visit(&self) -> Option<&Arc<Mechanism>> {
        self.mechanisms.get(VISIT)
    }
}

async fn register(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let (officer, now) = (seat.officer.clone(), seat.now);
    let gather = move |n: &mut Node| -> Result<Register, NodeError> {
        let visits = n.list(Some(VISIT), None, VISITS_MAX)?;
        let (mut promises, mut versions) = (Vec::new(), Vec::new());
        for visit in &visits {
            let (some, promised) = n.kept_of(&visit.id, now)?;
            versions.extend(some.into_iter().filter(|v| v.phase != "struck"));
            promises.extend(promised);
        }
        // Late ones first, then by the day on which they are due, what is over last.
        promises.sort_by(|a, b| (!a.is_late(), !a.is_open(), &a.due).cmp(&(!b.is_late(), !b.is_open(), &b.due)));
        Ok(Register {
            promises,
            versions,
            visits,
            accords: n.list(Some(dossier::accord::MECHANISM), None, LINES_MAX)?,
            in_force: n.accords(now)?,
            read: reading::of(n, &officer)?,
            mechanisms: n.mechanisms().map(|m| (m.id.clone(), Arc::clone(m))).collect(),
            drafts: n.drafts()?.iter().filter(|d| d.state == DraftState::Draft).count(),
        })
    };
    match desk.read(gather).await {
        Ok(r) => page(&seat, t(seat.lang, "nav.register"), Live::Fresh, draw(&seat, &r)).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

fn draw(seat: &Seat, r: &Register) -> Markup {
    let lang = seat.lang;
    let (open, over): (Vec<&Promise>, Vec<&Promise>) = r.promises.iter().partition(|p| p.is_open());
    html! {
        h1 { (t(lang, "nav.register")) }
        div.row.noprint {
            a.button href="/register/drafts" { (many(lang, "register.drafts", r.drafts)) }
            a.button href="/verify" { (t(lang, "verify.title")) }
        }
        section aria-labelledby="promises" {
            h2 #promises { (many(lang, "register.promises", open.len())) }
            @if !open.is_empty() { ul.list { @for p in open.iter().take(LINES_MAX) { (promise(seat, r, p)) } } }
            @if !over.is_empty() {
                details { summary { (many(lang, "register.over", over.len())) } ul.list { @for p in over.iter().take(LINES_MAX) { (promise(seat, r, p)) } } }
            }
        }
        section aria-labelledby="versions" {
            h2 #versions { (many(lang, "register.communiques", r.versions.len())) }
            @if !r.versions.is_empty() { ul.list { @for v in r.versions.iter().take(LINES_MAX) { (version(seat, r, v)) } } }
        }
        section aria-labelledby="visits" {
            h2 #visits { (many(lang, "register.visits", r.visits.len())) }
            @if !r.visits.is_empty() {
                ul.list { @for l in r.visits.iter().take(LINES_MAX) { (listed_line(seat, &r.mechanisms, l, r.read.get(&l.id).is_none_or(|at| *at < l.updated_at))) } }
            }
        }
        section aria-labelledby="accords" {
            h2 #accords { (many(lang, "register.accords", r.accords.len())) }
            @if !r.accords.is_empty() { ul.list { @for l in &r.accords { (accord(seat, r, l)) } } }
        }
    }
}

fn promise(seat: &Seat, r: &Register, p: &Promise) -> Markup {
    let lang = seat.lang;
    let clock = p.clock.as_ref().and_then(|(name, _, _)| r.visit()?.kind("commitment")?.clocks.iter().find(|c| c.id == *name));
    let phase = r.visit().map_or_else(|| p.phase.clone(), |m| m.phase_label("commitment", &p.phase, lang));
    html! {
        li {
            div {
                p { a href=(format!("/dossiers/{}", p.dossier)) { (coded(lang, "commitment-kinds", &p.kind)) } " · " bdi { (r.title(&p.dossier)) } }
                p.quiet { (t(lang, "register.owner")) " " @if p.ours { strong { bdi { (p.owner) } } } @else { bdi { (p.owner) } } " · " (phase) }
                @if let Some(c) = clock { p.quiet { @if p.is_late() { (t(lang, "register.follows")) } @else { (t(lang, "desk.else")) } " " (c.follows.get(lang)) } }
            }
            div.side {
                @match &p.clock {
                    Some((_, due, state)) => (super::desk::remaining(seat, Some(*due), Some(*state))),
                    None => p.quiet { (when::day(seat, &p.due)) },
                }
            }
        }
    }
}

fn version(seat: &Seat, r: &Register, v: &VersionView) -> Markup {
    let lang = seat.lang;
    let phase = r.visit().map_or_else(|| v.phase.clone(), |m| m.phase_label("version", &v.phase, lang));
    let languages: Vec<&str> = v.texts.iter().map(|(l, _)| language(l)).collect();
    html! {
        li {
            div {
                p { a href=(format!("/dossiers/{}/communique", v.dossier)) { bdi { (r.title(&v.dossier)) } } }
                p.quiet { (fill(lang, "register.version", &[("n", &v.number.0.to_string()), ("who", &v.number.1)])) " · " bdi { (languages.join(", ")) } }
            }
            div.side {
                p { (phase) }
                @if let (true, Some((_, hash))) = (v.phase == "published", v.texts.first()) { p { a href=(format!("/verify/{hash}")) { (t(lang, "register.public")) } } }
                @else if let Ok(at) = v.embargo.parse::<base::Instant>() { p.quiet { (t(lang, "register.embargo")) " " (when::lived(seat, &at)) } }
            }
        }
    }
}

fn accord(seat: &Seat, r: &Register, l: &Listed) -> Markup {
    let lang = seat.lang;
    let terms = r.in_force.iter().find(|a| a.dossier == l.id);
    let phase = r.mechanisms.get(&l.mechanism).map_or_else(|| l.phase.clone(), |m| m.phase_label(&m.root().id, &l.phase, lang));
    html! {
        li {
            div {
                p { a href=(format!("/dossiers/{}", l.id)) { bdi { @if l.title.is_empty() { (l.id.short()) } @else { (l.title) } } } }
                p.quiet { @for (i, (code, _)) in l.parties.iter().enumerate() { @if i > 0 { ", " } bdi { (code) } } }
                @if let Some(a) = terms {
                    p.quiet { (t(lang, "register.permits")) " " (a.mechanisms.iter().map(|m| r.mechanisms.get(m).map_or(m.as_str(), |m| m.label.get(lang))).collect::<Vec<_>>().join(", ")) }
                }
            }
            div.side {
                p { (phase) }
                @if let Some(until) = terms.and_then(|a| a.valid_until) { p.quiet { (t(lang, "new.until")) " " (when::day(seat, &until.to_string())) } }
            }
        }
    }
}
