//! A dossier: who stands where, the phase in words, what is mine to do and why other things are not, clocks, content, exhibits, acts.
//!
//! 1 who has not said why they look is asked, and nothing is shown; 2 each look is logged with that reason; 3 acts that fold to nothing,
//! two acts under one number and acts in doubt are shown for what they are.

use super::desk::remaining;
use crate::access::{EXPORT, Pages, Posted, READ};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, page};
use crate::reading;
use crate::session::{REASON_CHARS_MAX, Seat};
use crate::show::{self, Names};
use crate::when;
use crate::words::{coded, fill, many, role, t};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{DossierId, ItemId, ServiceId};
use dossier::{DossierView, ItemView, Mechanism};
use maud::{Markup, html};
use node::{DeedView, Entry, ExhibitView, Node, NodeError, StandingView};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Acts of the timeline on one page.
const ACTS_SHOWN: usize = 50;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers/{id}", READ, dossier).post("/dossiers/{id}/reason", READ, reason).get("/dossiers/{id}/export", EXPORT, export)
}

/// Everything that the page shows.
pub(super) struct Shown {
    pub view: DossierView,
    pub mechanism: Arc<Mechanism>,
    pub names: Names,
    pub me: ServiceId,
    acts: Vec<Entry>,
    acts_all: usize,
    exhibits: Vec<ExhibitView>,
    standings: Vec<StandingView>,
    title: String,
}

#[derive(Deserialize)]
struct Skip {
    #[serde(default)]
    skip: usize,
}

/// Short names of services by id.
pub(super) fn names(n: &Node) -> Names {
    n.book().all().iter().map(|c| (c.service().to_string(), c.latest().code.clone())).collect()
}

async fn dossier(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>, Query(q): Query<Skip>) -> Response {
    let Ok(id) = id.parse::<DossierId>() else { return absent(&seat) };
    let Some(why) = seat.session.reason(&id).map(str::to_owned) else {
        return ask_reason(&desk, &seat, id).await;
    };
    let (officer, now) = (seat.officer.clone(), seat.now);
    let look = move |n: &mut Node| -> Result<_, NodeError> {
        let (ticket, view) = n.consult(&officer, &id, &why, now)?;
        let listed = n.list(None, None, usize::MAX)?.into_iter().find(|l| l.id == id);
        let (title, changed) = listed.map(|l| (l.title, l.updated_at)).unwrap_or_default();
        if let Some(paper) = reading::note(n, &officer, id, changed)? {
            n.file_papers(vec![paper], None, now)?;
        }
        let (acts, acts_all) = n.chronicle(&id, q.skip, ACTS_SHOWN)?;
        let shown = Shown {
            mechanism: n.mechanism_of(&id)?,
            names: names(n),
            me: n.me(),
            exhibits: n.exhibits_of(&id)?,
            standings: n.standings(&id)?,
            view,
            acts,
            acts_all,
            title,
        };
        Ok((Some(ticket), shown))
    };
    match desk.run(look).await {
        Ok(shown) => {
            let title = if shown.title.is_empty() { id.short() } else { shown.title.clone() };
            page(&seat, &title, Live::Told, draw(&seat, &shown, &title, q.skip)).into_response()
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// Asks why the officer looks; says nothing of the dossier but its name, and nothing at all where there is none.
async fn ask_reason(desk: &Desk, seat: &Seat, id: DossierId) -> Response {
    let lang = seat.lang;
    if let Err(e) = desk.read(move |n| n.mechanism_of(&id)).await {
        return failed(seat, desk, &e);
    }
    let main = html! {
        h1 { (t(lang, "reason.title")) }
        p { (t(lang, "reason.text")) }
        form method="post" action=(format!("/dossiers/{id}/reason")) {
            (csrf(seat))
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
    if let Err(e) = desk.read(move |n| n.mechanism_of(&id)).await {
        return failed(&seat, &desk, &e);
    }
    if !why.is_empty()
        && let Err(e) = desk.remember_reason(&seat, id, why).await
    {
        return failed(&seat, &desk, &e);
    }
    Redirect::to(&format!("/dossiers/{id}")).into_response()
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

fn draw(seat: &Seat, s: &Shown, title: &str, skip: usize) -> Markup {
    let lang = seat.lang;
    let (v, m) = (&s.view, &s.mechanism);
    let root = v.items.first();
    html! {
        p.quiet { (m.label.get(lang)) " · " code { (v.id.short()) } }
        h1 { bdi { (title) } }
        p { span.tag { (m.phase_label(&m.root().id, &v.phase, lang)) } @if v.ended { " " span.quiet { (t(lang, "dossier.ended")) } } }
        (alarms(seat, s))
        div.two {
            div {
                @if let Some(root) = root { (item(seat, s, root, true)) }
                @for i in v.items.iter().skip(1) { (item(seat, s, i, false)) }
            }
            aside {
                (clocks(seat, s))
                (links(seat, s))
                (exhibits(seat, s))
                div.row.noprint {
                    @if m.id == node::VISIT { a.button href=(format!("/dossiers/{}/communique", v.id)) { (t(lang, "communique.title")) } }
                    @if EXPORT.lets(&seat.officer.roles) { a.button href=(format!("/dossiers/{}/export", v.id)) { (t(lang, "dossier.export")) } }
                }
            }
        }
        (timeline(seat, s, skip))
    }
}

/// What must not be overlooked: two tongues, void acts, acts that wait, acts under revoked keys.
fn alarms(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    html! {
        @for (who, seq, acts) in &s.view.forks {
            div.notice role="alert" { p { strong { (fill(lang, "dossier.fork", &[("who", &name(s, who)), ("n", &seq.to_string())])) } } p.quiet { @for a in acts { code { (a.short()) } " " } } }
        }
        @if !s.view.void.is_empty() { p.late { (many(lang, "dossier.void-acts", s.view.void.len())) } }
        @if !s.view.waiting.is_empty() { p.soon { (many(lang, "dossier.waiting-acts", s.view.waiting.len())) } }
        @if !s.standings.is_empty() { p.late { (many(lang, "dossier.doubtful-acts", s.standings.len())) } }
    }
}

fn name(s: &Shown, service: &ServiceId) -> String {
    s.names.get(&service.to_string()).cloned().unwrap_or_else(|| service.short())
}

/// One item: its content, everybody's stance, what is ours to do.
fn item(seat: &Seat, s: &Shown, i: &ItemView, root: bool) -> Markup {
    let lang = seat.lang;
    let m = &s.mechanism;
    let my_role = s.view.parties.iter().find(|p| p.service == s.me).map_or("", |p| p.role.as_str());
    let to = |what: &str| format!("/dossiers/{}/items/{}/{what}", s.view.id, i.id);
    let heading = html! { (m.kind_label(&i.kind, lang)) @if !root { " " (i.number) " · " bdi { (name(s, &i.opener)) } } };
    let form = m.kind(&i.kind).map(|k| k.fields.as_slice()).unwrap_or_default();
    let may_act = crate::access::ACT.lets(&seat.officer.roles);
    let (possible, barred): (Vec<_>, Vec<_>) = i.moves.iter().partition(|mv| mv.possible);
    html! {
        section.sheet id=(format!("item-{}", i.id.short())) {
            @if root { h2 { (heading) } } @else { h3 { (heading) } }
            @if !root && !i.phase.is_empty() { p { span.tag { (m.phase_label(&i.kind, &i.phase, lang)) } } }
            @if !i.superseded_by.is_empty() { p.soon { (t(lang, "item.superseded")) } }
            @if may_act && (!possible.is_empty() || !i.may_open.is_empty()) {
                div.row.noprint {
                    @for mv in &possible {
                        a.button.main[possible.len() == 1] href=(to(&format!("moves/{}", mv.name))) { (m.move_of(&i.kind, my_role, &mv.name).map_or(mv.name.as_str(), |d| d.label.get(lang))) }
                    }
                    @for kind in &i.may_open { a.button href=(to(&format!("new/{kind}"))) { "+ " (m.kind_label(kind, lang)) } }
                }
            }
            @if may_act && !barred.is_empty() {
                details.noprint { summary { (many(lang, "item.not-now", barred.len())) }
                    ul { @for mv in barred { @let declared = m.move_of(&i.kind, my_role, &mv.name);
                        li { (declared.map_or(mv.name.as_str(), |d| d.label.get(lang))) ": " (why_not(seat, declared, mv.why_not)) } } } }
            }
            (show::fields(seat, form, &i.fields, &s.names))
            @if !i.stances.is_empty() {
                table.board {
                    thead { tr { th scope="col" { (t(lang, "board.party")) } th scope="col" { (t(lang, "board.stands")) } th scope="col" { (t(lang, "board.said")) } } }
                    tbody { @for st in &i.stances {
                        @let party_role = s.view.parties.iter().find(|p| p.service == st.service).map_or("", |p| p.role.as_str());
                        tr {
                            th scope="row" { bdi { (name(s, &st.service)) } " " span.quiet { (m.role_label(party_role, lang)) } }
                            td { (m.state_label(&i.kind, party_role, &st.state, lang)) @if let Some(p) = &st.phase { br; span.quiet { (m.phase_label(&i.kind, p, lang)) } } }
                            td { @if !st.said.is_empty() { (show::fields(seat, &m.fields_of(&i.kind), &st.said, &s.names)) } }
                        } } }
                }
            }
        }
    }
}

/// Says why a move is not possible: the mechanism's own words where it has some.
fn why_not(seat: &Seat, declared: Option<&dossier::Move>, code: Option<&str>) -> String {
    let lang = seat.lang;
    match (code, declared) {
        (Some("refusal.act.officer-role"), Some(d)) => {
            let roles: Vec<&str> = d.officer.iter().map(|r| role(lang, *r)).collect();
            fill(lang, "item.other-role", &[("roles", &roles.join(", "))])
        }
        (_, Some(d)) if d.why_not.is_some() => d.why_not.as_ref().map(|w| w.get(lang).to_owned()).unwrap_or_default(),
        _ => t(lang, "item.not-in-phase").to_owned(),
    }
}

fn clocks(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    html! {
        @if !s.view.clocks.is_empty() {
            section {
                h2 { (t(lang, "clock.title")) }
                ul.list { @for c in &s.view.clocks {
                    @let declared = s.mechanism.kind(&c.kind).and_then(|k| k.clocks.iter().find(|d| d.id == c.clock));
                    li { div { p { (declared.map_or(c.clock.as_str(), |d| d.label.get(lang))) " · " bdi { (name(s, &c.answers)) } }
                        @if let Some(d) = declared { p.quiet { (t(lang, "desk.else")) " " (d.follows.get(lang)) } } }
                        div.side { (remaining(seat, Some(c.due), Some(c.state))) } }
                } }
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
                @for l in &s.view.links { li { p { (coded(lang, "dossier-relations", &l.relation)) " " a href=(format!("/dossiers/{}", l.dossier)) { code { (l.dossier.short()) } } } } }
                @for l in &s.view.linked_from { li { p { (coded(lang, "dossier-relations", dossier::opposite(&l.relation))) " " a href=(format!("/dossiers/{}", l.dossier)) { code { (l.dossier.short()) } } } } }
                li { p.quiet { (t(lang, "dossier.digest")) " " code { (s.view.digest.to_string().chars().take(16).collect::<String>()) } } }
            }
        }
    }
}

fn exhibits(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    let standing = |state: &str| match state {
        "held" => t(lang, "exhibit.held"),
        "coming" => t(lang, "exhibit.coming"),
        "refused" => t(lang, "exhibit.refused"),
        "erased" => t(lang, "exhibit.erased"),
        _ => t(lang, "exhibit.unknown"),
    };
    html! {
        @if !s.exhibits.is_empty() {
            section { h2 { (t(lang, "exhibit.title")) }
                ul.list { @for e in &s.exhibits {
                    li { div { p { bdi { (e.name) } " " span.quiet { (show::size(e.size)) } }
                        p.quiet { (fill(lang, "exhibit.by", &[("who", &name(s, &e.author))])) }
                        @for st in std::iter::once(&e.here).chain(&e.there) {
                            p.quiet { bdi { (st.code) } ": " (standing(st.state)) @if let Some(at) = st.since { " · " (when::moment(seat, at)) } @if let Some(w) = &st.why { " · " code { (w) } } }
                        } } }
                } }
            }
        }
    }
}

fn timeline(seat: &Seat, s: &Shown, skip: usize) -> Markup {
    let lang = seat.lang;
    let kinds: BTreeMap<ItemId, (&str, u32)> = s.view.items.iter().map(|i| (i.id, (i.kind.as_str(), i.number))).collect();
    let to = |skip: usize| format!("/dossiers/{}?skip={skip}#acts", s.view.id);
    html! {
        section {
            h2 #acts { (many(lang, "timeline.title", s.acts_all)) }
            ol.timeline reversed start=(s.acts_all.saturating_sub(skip)) { @for e in &s.acts { (act(seat, s, e, kinds.get(&e.item).map_or("", |k| k.0))) } }
            div.row.noprint {
                @if skip > 0 { a.button href=(to(skip.saturating_sub(ACTS_SHOWN))) { (t(lang, "timeline.newer")) } }
                @if skip + s.acts.len() < s.acts_all { a.button href=(to(skip + ACTS_SHOWN)) { (t(lang, "timeline.older")) } }
            }
        }
    }
}

fn act(seat: &Seat, s: &Shown, e: &Entry, kind: &str) -> Markup {
    let lang = seat.lang;
    let m = &s.mechanism;
    let party_role = s.view.parties.iter().find(|p| p.service == e.author).map_or("", |p| p.role.as_str());
    let (what, form) = match &e.deed {
        DeedView::Open => (fill(lang, "timeline.opened", &[("what", &m.kind_label(&m.root().id, lang))]), m.root().fields.clone()),
        DeedView::OpenItem { kind } => {
            (fill(lang, "timeline.opened", &[("what", &m.kind_label(kind, lang))]), m.kind(kind).map(|k| k.fields.clone()).unwrap_or_default())
        }
        DeedView::Move { name } => {
            let found = m.move_of(kind, party_role, name);
            (
                format!("{} · {}", found.map_or(name.as_str(), |f| f.label.get(lang)), m.kind_label(kind, lang)),
                found.map(|f| f.fields.clone()).unwrap_or_default(),
            )
        }
    };
    let doubt = s.standings.iter().find(|d| d.act == e.act);
    html! {
        li.ours[e.author == s.me].void[e.void.is_some()] {
            p { strong { bdi { (name(s, &e.author)) } } ": " (what) }
            p.quiet {
                (when::lived(seat, &e.at)) " · " bdi { (e.by.0) } " (" (role(lang, e.by.1)) ")"
                @if let Some((second, r)) = &e.second { " · " (t(lang, "timeline.second")) " " bdi { (second) } " (" (role(lang, *r)) ")" }
            }
            @if let Some(code) = &e.void { p.late { (t(lang, "timeline.void")) " " code { (code) } } }
            @if doubt.is_some() { p.late { (t(lang, "timeline.doubt")) } }
            @if let Some(h) = &e.handling { p { (show::handling(seat, h)) } }
            @match &e.fields {
                None => p.quiet { (t(lang, "timeline.erased")) },
                Some(f) if f.is_empty() => {},
                Some(f) => details { summary { (t(lang, "timeline.content")) } (show::fields(seat, &form, f, &s.names)) },
            }
            p.quiet {
                span.good { (t(lang, "timeline.signed")) }
                @if let Some((pos, at)) = e.filed { " · " (fill(lang, "timeline.filed", &[("n", &pos.to_string())])) " " (when::moment(seat, at)) }
                @for (who, at) in &e.receipts { " · " span.good { (fill(lang, "timeline.receipt", &[("who", &name(s, who))])) } " " (when::moment(seat, *at)) }
                @for who in &e.outstanding { " · " span.soon { (fill(lang, "timeline.no-receipt", &[("who", &name(s, who))])) } }
                " · " code { (e.act.short()) }
            }
        }
    }
}
