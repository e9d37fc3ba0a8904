//! Officers: who works here in which roles; adding, inviting to the desk, locking out.

use crate::access::{Access, Pages, Posted, RUN};
use crate::desk::Desk;
use crate::layout::{Live, csrf, failed, page, told};
use crate::session::Seat;
use crate::webauthn::{INVITATION_HOURS, invite};
use crate::words::{apart, fill, role, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::OfficerId;
use dossier::OfficerRole::{self, Administrator, CompetentAuthority, DataProtection, Desk as DeskRole, Officer, Supervisor};
use maud::{Markup, html};
use node::{Drawer, NodeError};
use std::collections::BTreeSet;

/// Who sees the officers and locks one out.
pub(crate) const LOCK: Access = Access::Roles(&[Administrator, Supervisor]);
/// The roles, each with the name that a form sends.
const ROLES: [(OfficerRole, &str); 6] = [
    (Officer, "officer"),
    (DeskRole, "desk"),
    (Supervisor, "supervisor"),
    (CompetentAuthority, "competent-authority"),
    (DataProtection, "data-protection"),
    (Administrator, "administrator"),
];

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/officers", LOCK, officers).post("/officers", RUN, add).post("/officers/{id}/invite", RUN, invited).post("/officers/{id}/lock", LOCK, lock)
}

async fn officers(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    draw(&desk, &seat, StatusCode::OK, &html! {}).await
}

/// Draws the page; at its head what is shown once.
async fn draw(desk: &Desk, seat: &Seat, status: StatusCode, once: &Markup) -> Response {
    let invited = |(name, _): (String, Vec<u8>)| name;
    let gathered = desk.read(move |n| {
        let open: BTreeSet<String> = n.papers(Drawer::Invitation, "")?.into_iter().map(invited).collect();
        Ok((n.officers().to_vec(), open))
    });
    let (mut all, open) = match gathered.await {
        Ok(all) => all,
        Err(e) => return failed(seat, desk, &e),
    };
    all.sort_by(|a, b| (!a.active, &a.id).cmp(&(!b.active, &b.id)));
    let (lang, runs, present) = (seat.lang, RUN.lets(&seat.officer.roles), seat.session.is_present(seat.now));
    let main = html! {
        h1 { (t(lang, "officers.title")) }
        (once)
        @if runs && !present { p.notice { (t(lang, "form.presence")) } p { a.button.main href="/again?to=/officers" { (t(lang, "again.button")) } } }
        ul.list {
            @for o in &all {
                li {
                    div {
                        p { strong { bdi { (o.name) } } " · " bdi { (o.id) } @if !o.active { " " span.tag.late { (t(lang, "officers.locked")) } } }
                        p.quiet { (o.roles.iter().map(|r| role(lang, *r)).collect::<Vec<_>>().join(", ")) }
                        @if o.active && open.contains(o.id.as_str()) { p.quiet { (t(lang, "officers.invitation-open")) } }
                    }
                    @if o.active {
                        div.side.row {
                            @if runs && present { form method="post" action=(format!("/officers/{}/invite", o.id)) {
                                (csrf(seat)) button aria-label=(format!("{} {}", t(lang, "officers.invite"), apart(&o.name))) {
                                (t(lang, "officers.invite")) } } }
                            @if o.id != seat.officer.id { form method="post" action=(format!("/officers/{}/lock", o.id)) {
                                (csrf(seat)) button aria-label=(format!("{} {}", t(lang, "officers.lock"), apart(&o.name))) { (t(lang, "officers.lock")) } } }
                        }
                    }
                }
            }
        }
        @if runs && present {
            h2 { (t(lang, "officers.add")) }
            p.quiet { (t(lang, "officers.add-text")) }
            form method="post" action="/officers" {
                (csrf(seat))
                div.field { p { label for="id" { (t(lang, "officers.id")) } } input #id type="text" name="id" required dir="ltr"; p.quiet {
                    (t(lang, "officers.id-help")) } }
                div.field { p { label for="name" { (t(lang, "officers.name")) } } input #name type="text" name="name" required dir="auto"; p.quiet {
                    (t(lang, "officers.name-help")) } }
                fieldset.field { legend { (t(lang, "settings.roles")) }
                    @for (r, code) in ROLES { label.check { input type="checkbox" name="role" value=(code); span { (role(lang, r)) } } } }
                button.main { (t(lang, "officers.save")) }
            }
        }
    };
    (status, page(seat, t(lang, "officers.title"), Live::Still, main)).into_response()
}

async fn add(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    if !seat.session.is_present(seat.now) {
        return told(&seat, StatusCode::FORBIDDEN, "refusal.desk.presence", &desk, "");
    }
    let (name, now) = (form.get("name").trim().to_owned(), seat.now);
    let roles: Vec<OfficerRole> = ROLES.into_iter().filter(|(_, code)| form.0.iter().any(|(n, v)| n == "role" && v == code)).map(|(r, _)| r).collect();
    let id = match form.get("id").trim().parse::<OfficerId>() {
        Ok(id) => id,
        Err(e) => return told(&seat, StatusCode::UNPROCESSABLE_ENTITY, e.code(), &desk, &e.to_string()),
    };
    if id == seat.officer.id && !roles.contains(&Administrator) {
        let e = NodeError::Asked("nobody takes the administrator's role from themselves; another administrator does it".to_owned());
        return failed(&seat, &desk, &e);
    }
    let lang = seat.lang;
    let shown = id.to_string();
    match desk.run(move |n| n.add_officer(id, name, roles, now).map(|(t, token)| (Some(t), token))).await {
        Ok(token) => {
            let once = html! {
                div.notice role="status" {
                    p { strong { (fill(lang, "officers.added", &[("id", &apart(&shown))])) } }
                    details { summary { (t(lang, "officers.token")) } p { code dir="ltr" { (token) } } }
                }
            };
            draw(&desk, &seat, StatusCode::OK, &once).await
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn invited(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    if !seat.session.is_present(seat.now) {
        return told(&seat, StatusCode::FORBIDDEN, "refusal.desk.presence", &desk, "");
    }
    let (now, lang, whom) = (seat.now, seat.lang, id.clone());
    match desk.run(move |n| invite(n, &id, now).map(|(t, token)| (Some(t), token))).await {
        Ok(token) => {
            let link = format!("{}/invitation#{whom}/{token}", desk.settings.origin);
            let once = html! {
                div.notice role="status" {
                    p { strong { (fill(lang, "officers.link", &[("id", &apart(&whom)), ("hours", &INVITATION_HOURS.to_string())])) } }
                    p { code #link dir="ltr" { (link) } }
                }
            };
            draw(&desk, &seat, StatusCode::OK, &once).await
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn lock(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    if id == seat.officer.id.as_str() {
        let e = NodeError::Asked("nobody locks themselves out; another administrator or a supervisor does it".to_owned());
        return failed(&seat, &desk, &e);
    }
    let now = seat.now;
    match desk.run(move |n| n.lock_officer(&id, now).map(|t| (Some(t), ()))).await {
        Ok(()) => Redirect::to("/officers").into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}
