//! What waits for a second officer: exactly what would be signed; approved, or put aside.

use super::dossier::names;
use super::moves::consequence;
use crate::access::{ACT, Pages};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, page, told};
use crate::session::Seat;
use crate::show::{self, Names};
use crate::when;
use crate::words::t;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{DossierId, Handling};
use dossier::Field;
use maud::{Markup, html};
use node::{Intent, Made, Node, NodeError, Pending};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/pending/{id}", ACT, pending).post("/pending/{id}/approve", ACT, approve).post("/pending/{id}/dismiss", ACT, dismiss)
}

/// A proposal with what it needs to be read.
struct Shown {
    pending: Pending,
    label: String,
    fields: Vec<Field>,
    values: BTreeMap<String, Value>,
    handling: Handling,
    recipients: Vec<String>,
    names: Names,
    dossier: Option<DossierId>,
    step_up: bool,
}

async fn find(desk: &Desk, seat: &Seat, id: String) -> Result<Shown, NodeError> {
    let lang = seat.lang;
    desk.read(move |n: &mut Node| {
        let pending = n.all_pending()?.into_iter().find(|p| p.id == id).ok_or(NodeError::Absent("proposal"))?;
        let (names, me) = (names(n), n.me());
        let (label, fields, values, handling, dossier, parties, step_up) = match &pending.intent {
            Intent::Open { mechanism, parties, fields, handling, .. } => {
                let m = n.mechanism(mechanism)?;
                let parties = parties.iter().map(|p| p.0).collect();
                (m.label.get(lang).to_owned(), m.root().fields.clone(), fields.clone(), handling.clone(), None, parties, false)
            }
            Intent::OpenItem { dossier, kind, fields, handling, .. } => {
                let (m, view) = (n.mechanism_of(dossier)?, n.view(dossier, &[], base::UnixMs(0))?);
                let form = m.kind(kind).map(|k| k.fields.clone()).unwrap_or_default();
                (
                    m.kind_label(kind, lang),
                    form,
                    fields.clone(),
                    handling.clone(),
                    Some(*dossier),
                    view.parties.iter().map(|p| p.service).collect::<Vec<_>>(),
                    false,
                )
            }
            Intent::Move { dossier, item, name, fields, handling } => {
                let (m, view) = (n.mechanism_of(dossier)?, n.view(dossier, &[], base::UnixMs(0))?);
                let kind = view.items.iter().find(|i| Some(i.id) == *item || item.is_none() && i.parent.is_none()).map(|i| i.kind.clone()).unwrap_or_default();
                let role = view.parties.iter().find(|p| p.service == me).map(|p| p.role.clone()).unwrap_or_default();
                let declared = m.move_of(&kind, &role, name);
                let label = declared.map_or_else(|| name.clone(), |d| d.label.get(lang).to_owned());
                let form = declared.map(|d| d.fields.clone()).unwrap_or_default();
                let parties = view.parties.iter().map(|p| p.service).collect();
                (label, form, fields.clone(), handling.clone(), Some(*dossier), parties, declared.is_some_and(|d| d.step_up))
            }
        };
        let code = |s: &base::ServiceId| show::code(&names, s);
        let recipients = parties.iter().filter(|p| **p != me).map(code).collect();
        Ok(Shown { pending, label, fields, values, handling, recipients, names, dossier, step_up })
    })
    .await
}

/// Tells whether an officer may see a proposal: its author and those who may decide it; for others it does not exist.
fn may_see(seat: &Seat, s: &Shown) -> bool {
    s.pending.by == seat.officer.id.as_str() || may_decide(seat, s)
}

fn may_decide(seat: &Seat, s: &Shown) -> bool {
    s.pending.by != seat.officer.id.as_str() && seat.officer.roles.iter().any(|r| s.pending.roles.contains(r))
}

async fn pending(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    match find(&desk, &seat, id).await {
        Ok(s) if may_see(&seat, &s) => page(&seat, &s.label, Live::Still, draw(&seat, &s)).into_response(),
        Ok(_) => absent(&seat),
        Err(e) => failed(&seat, &desk, &e),
    }
}

fn draw(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    let id = &s.pending.id;
    html! {
        h1 { (s.label) }
        p { (t(lang, "pending.by")) " " bdi { (s.pending.by) } " · " (when::moment(seat, s.pending.at)) }
        @if let Some(d) = s.dossier { p { a href=(format!("/dossiers/{d}")) { (t(lang, "form.back")) } } }
        (consequence(seat, &s.recipients, &s.pending.roles, s.step_up))
        div.sheet { (show::fields(seat, &s.fields, &s.values, &s.names)) p { (show::handling(seat, &s.handling)) } }
        div.row {
            @if may_decide(seat, s) {
                @if s.step_up && !seat.session.is_present(seat.now) { a.button.main href=(format!("/again?to=/pending/{id}")) { (t(lang, "again.button")) } }
                @else { form method="post" action=(format!("/pending/{id}/approve")) { (csrf(seat)) button.main { (t(lang, "pending.approve")) } } }
            } @else { p { (t(lang, "pending.waits")) } }
            form method="post" action=(format!("/pending/{id}/dismiss")) { (csrf(seat)) button { (t(lang, "pending.dismiss")) } }
        }
    }
}

async fn approve(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let s = match find(&desk, &seat, id.clone()).await {
        Ok(s) if may_see(&seat, &s) => s,
        Ok(_) => return absent(&seat),
        Err(e) => return failed(&seat, &desk, &e),
    };
    if s.step_up && !seat.session.is_present(seat.now) {
        return told(&seat, StatusCode::FORBIDDEN, "refusal.desk.presence", &desk, "");
    }
    match desk.approve(seat.officer.clone(), id).await {
        Ok(Made::Act { dossier, .. }) => Redirect::to(&format!("/dossiers/{dossier}")).into_response(),
        Ok(Made::Pending { id, .. }) => Redirect::to(&format!("/pending/{id}")).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn dismiss(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    match find(&desk, &seat, id.clone()).await {
        Ok(s) if may_see(&seat, &s) => {}
        Ok(_) => return absent(&seat),
        Err(e) => return failed(&seat, &desk, &e),
    }
    let (officer, now) = (seat.officer.clone(), seat.now);
    match desk.run(move |n| n.dismiss(&officer, &id, now).map(|t| (Some(t), ()))).await {
        Ok(()) => Redirect::to("/").into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}
