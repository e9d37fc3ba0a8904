//! A dossier: who stands where, the phase in words, what is mine to do and why other things are not, clocks, content, links.
//!
//! 1 who has not said why they look is asked, and nothing is shown; 2 then the view opens that the mechanism is about, where it asks for one;
//! 3 each look is logged with that reason. Its parts with pages of their own: `items`, `acts`, `exhibits`, `views`.

use super::desk::remaining;
use super::items;
use super::signin::own;
use crate::access::{EXPORT, Pages, Posted, READ};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, page};
use crate::reading;
use crate::session::{REASON_CHARS_MAX, Seat};
use crate::show::{self, Names};
use crate::view;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{DossierId, ServiceId};
use dossier::{ClockState, ClockView, DossierView, Mechanism};
use maud::{Markup, html};
use node::{Node, NodeError, StandingView};
use std::sync::Arc;

/// Links, and pairs of acts under one number that the page lists; how many there are stands beside.
const LISTED_MAX: usize = 20;
/// Clocks that run, the nearest first; the rest is counted, and stands among the tasks.
const CLOCKS_MAX: usize = 12;
/// Clocks that were met, of which the page lists some.
const MET_MAX: usize = 5;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers/{id}", READ, dossier).post("/dossiers/{id}/reason", READ, reason).get("/dossiers/{id}/export", EXPORT, export)
}

/// What every page of a dossier shows.
pub(super) struct Shown {
    pub view: DossierView,
    pub mechanism: Arc<Mechanism>,
    pub names: Names,
    pub me: ServiceId,
    pub standings: Vec<StandingView>,
    pub title: String,
}

impl Shown {
    /// Returns the short name of a service.
    pub fn name(&self, service: &ServiceId) -> String {
        show::code(&self.names, service)
    }

    /// Returns the role of a party.
    pub fn role(&self, service: &ServiceId) -> &str {
        self.view.parties.iter().find(|p| p.service == *service).map_or("", |p| p.role.as_str())
    }

    /// Returns the address of a page of the dossier.
    pub fn at(&self, rest: &str) -> String {
        format!("/dossiers/{}{rest}", self.view.id)
    }
}

/// Short names of services by id.
pub(super) fn names(n: &Node) -> Names {
    n.book().all().iter().map(|c| (c.service().to_string(), c.latest().code.clone())).collect()
}

/// Looks at a dossier for a page at `/dossiers/{id}` and `rest`: logs it with the reason that was given, or asks for one. `more` reads what
/// the page shows besides.
pub(super) async fn look<T: Send + 'static>(
    desk: &Desk,
    seat: &Seat,
    (id, rest): (&str, &str),
    more: impl FnOnce(&mut Node, &DossierView) -> Result<T, NodeError> + Send + 'static,
) -> Result<(Shown, T), Box<Response>> {
    let Ok(id) = id.parse::<DossierId>() else { return Err(Box::new(absent(seat))) };
    let Some(why) = seat.session.reason(&id).map(str::to_owned) else {
        return Err(Box::new(ask_reason(desk, seat, id, rest).await));
    };
    let (officer, now) = (seat.officer.clone(), seat.now);
    let looked = desk.run(move |n: &mut Node| {
        let (ticket, view) = n.consult(&officer, &id, &why, now)?;
        let (title, changed) = n.listed_one(&id)?.map(|l| (l.title, l.updated_at)).unwrap_or_default();
        if let Some(paper) = reading::note(n, &officer, id, changed)? {
            n.file_papers(vec![paper], None, now)?;
        }
        let also = more(n, &view)?;
        let title = if title.is_empty() { id.short() } else { title };
        let shown = Shown { mechanism: n.mechanism_of(&id)?, names: names(n), me: n.me(), standings: n.standings(&id)?, view, title };
        Ok((Some(ticket), (shown, also)))
    });
    looked.await.map_err(|e| Box::new(failed(seat, desk, &e)))
}

async fn dossier(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let more = |n: &mut Node, v: &DossierView| Ok((super::acts::latest(n, &v.id)?, n.exhibits_of(&v.id)?));
    match look(&desk, &seat, (&id, ""), more).await {
        Ok((s, (acts, exhibits))) => {
            let main = html! {
                (head(&seat, &s, ""))
                div.two {
                    div { (items::most_important(&seat, &s)) }
                    aside {
                        (clocks(&seat, &s))
                        (links(&seat, &s))
                        (super::exhibits::short(&seat, &s, &exhibits))
                        div.row.noprint {
                            @if s.mechanism.id == node::VISIT { a.button href=(s.at("/communique")) { (t(seat.lang, "communique.title")) } }
                            @if EXPORT.lets(&seat.officer.roles) { a.button href=(s.at("/export")) { (t(seat.lang, "dossier.export")) } }
                        }
                    }
                }
                (super::acts::short(&seat, &s, &acts))
            };
            page(&seat, &s.title, Live::Told, main).into_response()
        }
        Err(answer) => *answer,
    }
}

/// Asks why the officer looks; says nothing of the dossier but its name, and nothing at all where there is none.
pub(super) async fn ask_reason(desk: &Desk, seat: &Seat, id: DossierId, rest: &str) -> Response {
    let lang = seat.lang;
    if let Err(e) = desk.read(move |n| n.mechanism_of(&id)).await {
        return failed(seat, desk, &e);
    }
    let main = html! {
        h1 { (t(lang, "reason.title")) }
        p { (t(lang, "reason.text")) }
        form method="post" action=(format!("/dossiers/{id}/reason")) {
            (csrf(seat))
            @if !rest.is_empty() { input type="hidden" name="to" value=(format!("/dossiers/{id}{rest}")); }
            fieldset.field {
                legend { label for="reason" { (t(lang, "reason.label")) } }
                input #reason type="text" name="reason" required maxlength=(REASON_CHARS_MAX) dir="auto" autofocus;
            }
            button.main { (t(lang, "reason.button")) }
        }
    };
    page(seat, t(lang, "reason.title"), Live::Still, main).into_response()
}

async fn reason(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<DossierId>() else { return absent(&seat) };
    let why: String = form.get("reason").trim().chars().take(REASON_CHARS_MAX).collect();
    let mechanism = match desk.read(move |n| n.mechanism_of(&id)).await {
        Ok(m) => m,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let home = format!("/dossiers/{id}");
    if why.is_empty() {
        return Redirect::to(&home).into_response();
    }
    if let Err(e) = desk.remember_reason(&seat, id, why).await {
        return failed(&seat, &desk, &e);
    }
    let asked = Some(own(form.get("to"))).filter(|to| to.strip_prefix(&home).is_some_and(|rest| rest.starts_with('/')));
    let landing = asked.map(str::to_owned).or_else(|| view::leading(&mechanism).map(|name| format!("{home}/views/{name}")));
    Redirect::to(&landing.unwrap_or(home)).into_response()
}

async fn export(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<DossierId>() else { return absent(&seat) };
    let (officer, now) = (seat.officer.clone(), seat.now);
    let prove = move |n: &mut Node| {
        // A proof shows the content, so making one is a consultation.
        let (ticket, _) = n.consult(&officer, &id, "proof exported for a party", now)?;
        n.prove_dossier(&id, None).map(|p| (Some(ticket), serde_json::to_vec(&p).expect("a proof has a JSON form")))
    };
    match desk.run(prove).await {
        Ok(bytes) => {
            let name = HeaderValue::from_str(&format!("attachment; filename=\"dossier-{}.json\"", id.short())).expect("an id is hexadecimal");
            ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CONTENT_DISPOSITION, name)], bytes).into_response()
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// The head of every page of a dossier: what it is, what must not be overlooked, and where its other pages are. `here` is the page's own
/// address after the dossier's.
pub(super) fn head(seat: &Seat, s: &Shown, here: &str) -> Markup {
    let lang = seat.lang;
    let (v, m) = (&s.view, &s.mechanism);
    let views = view::asked(m).map(|name| (format!("/views/{name}"), view::word(lang, name)));
    let tabs = std::iter::once((String::new(), t(lang, "dossier.overview"))).chain(views).chain([("/exhibits".to_owned(), t(lang, "exhibit.title"))]);
    html! {
        p.quiet { (m.label.get(lang)) " · " code { (v.id.short()) } }
        h1 { bdi { (s.title) } }
        p { span.tag { (m.phase_label(&m.root().id, &v.phase, lang)) } @if v.ended { " " span.quiet { (t(lang, "dossier.ended")) } } }
        (alarms(seat, s))
        nav.tabs.noprint aria-label=(t(lang, "dossier.tabs")) {
            @for (rest, words) in tabs { a href=(s.at(&rest)) aria-current=[(rest == here).then_some("page")] { (words) } }
        }
    }
}

/// What must not be overlooked: two tongues, void acts, acts that wait, acts under revoked keys.
fn alarms(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    html! {
        @for (who, seq, acts) in s.view.forks.iter().take(LISTED_MAX) {
            div.notice role="alert" { p { strong { (fill(lang, "dossier.fork", &[("who", &s.name(who)), ("n", &seq.to_string())])) } } p.quiet { @for a in acts { code { (a.short()) } " " } } }
        }
        @if !s.view.void.is_empty() { p.late { (many(lang, "dossier.void-acts", s.view.void.len())) } }
        @if !s.view.waiting.is_empty() { p.soon { (many(lang, "dossier.waiting-acts", s.view.waiting.len())) } }
        @if !s.standings.is_empty() { p.late { (many(lang, "dossier.doubtful-acts", s.standings.len())) } }
    }
}

/// The clocks that run, with what follows; those that were met stand folded below.
fn clocks(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    let (met, mut running): (Vec<_>, Vec<_>) = s.view.clocks.iter().partition(|c| matches!(c.state, ClockState::Met | ClockState::MetLate));
    running.sort_by_key(|c| c.due);
    let line = |c: &ClockView, with_else: bool| {
        let declared = s.mechanism.kind(&c.kind).and_then(|k| k.clocks.iter().find(|d| d.id == c.clock));
        html! {
            li { div { p { (declared.map_or(c.clock.as_str(), |d| d.label.get(lang))) " · " bdi { (s.name(&c.answers)) } }
                @if let Some(d) = declared.filter(|_| with_else) { p.quiet { (t(lang, "desk.else")) " " (d.follows.get(lang)) } } }
                div.side { (remaining(seat, Some(c.due), Some(c.state))) } }
        }
    };
    html! {
        @if !s.view.clocks.is_empty() {
            section {
                h2 { (t(lang, "clock.title")) }
                @if !running.is_empty() { ul.list { @for c in running.iter().take(CLOCKS_MAX) { (line(c, true)) } }
                    @if running.len() > CLOCKS_MAX { p { a href="/tasks" { (many(lang, "desk.more", running.len() - CLOCKS_MAX)) } } } }
                @if !met.is_empty() {
                    details { summary { (many(lang, "clock.were-met", met.len())) } ul.list { @for c in met.iter().take(MET_MAX) { (line(c, false)) } } }
                }
            }
        }
    }
}

fn links(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    let accord = s.view.accord;
    html! {
        section {
            h2 { (t(lang, "dossier.links")) }
            ul.list {
                @if let Some(a) = accord { li { p { (t(lang, "dossier.accord")) " " a href=(format!("/dossiers/{a}")) { code { (a.short()) } } } } }
                @for l in s.view.links.iter().take(LISTED_MAX) { li { p { (coded(lang, "dossier-relations", &l.relation)) " " a href=(format!("/dossiers/{}", l.dossier)) { code { (l.dossier.short()) } } } } }
                @for l in s.view.linked_from.iter().take(LISTED_MAX) { li { p { (coded(lang, "dossier-relations", dossier::opposite(&l.relation))) " " a href=(format!("/dossiers/{}", l.dossier)) { code { (l.dossier.short()) } } } } }
                li { p.quiet { (t(lang, "dossier.digest")) " " code { (s.view.digest.to_string().chars().take(16).collect::<String>()) } } }
            }
        }
    }
}
