//! Acting in a dossier: a form drawn from the mechanism, for a move of our stance or for a new item; then it is done, or waits for a second officer.
//! What is typed is kept as it is typed, so that a session that runs out, or presence that must be proved again, costs nobody their words.

use super::dossier::names;
use crate::access::{ACT, Pages, Posted};
use crate::desk::Desk;
use crate::draft::{self, DRAFTS_MAX, Draft};
use crate::form::{self, Choices, Typed};
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, notice, page};
use crate::session::Seat;
use crate::show;
use crate::words::{apart, role, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{DossierId, ItemId};
use dossier::{Field, Mechanism, OfficerRole};
use maud::{Markup, html};
use node::{Drawer, Intent, Made, Node, NodeError};
use std::sync::Arc;

pub(super) fn routes(pages: Pages) -> Pages {
    pages
        .get("/dossiers/{id}/items/{item}/moves/{name}", ACT, move_form)
        .post("/dossiers/{id}/items/{item}/moves/{name}", ACT, make_move)
        .get("/dossiers/{id}/items/{item}/new/{kind}", ACT, item_form)
        .post("/dossiers/{id}/items/{item}/new/{kind}", ACT, make_item)
        .post("/dossiers/{id}/items/{item}/moves/{name}/keep", ACT, keep_move)
        .post("/dossiers/{id}/items/{item}/new/{kind}/keep", ACT, keep_item)
}

/// What the form is for.
struct Wanted {
    dossier: DossierId,
    item: ItemId,
    /// The move, or the kind of item.
    name: String,
    opens: bool,
    mechanism: Arc<Mechanism>,
    label: String,
    fields: Vec<Field>,
    second: Vec<OfficerRole>,
    step_up: bool,
    /// The mechanism's own words for why the move may not be possible.
    why_not: Option<String>,
    recipients: Vec<String>,
    choices: Choices,
}

impl Wanted {
    fn path(&self) -> String {
        format!("/dossiers/{}/items/{}/{}/{}", self.dossier, self.item, if self.opens { "new" } else { "moves" }, self.name)
    }

    fn intent(&self, typed: &Typed, seat: &Seat) -> Intent {
        let (fields, handling) = (form::read(&self.fields, typed, self.choices.me), form::read_handling(typed, seat.lang));
        match self.opens {
            true => Intent::OpenItem { dossier: self.dossier, parent: Some(self.item), kind: self.name.clone(), fields, handling },
            false => Intent::Move { dossier: self.dossier, item: Some(self.item), name: self.name.clone(), fields, handling },
        }
    }
}

/// Finds what the form is for; absent where there is no such dossier, item, move or kind, and where the officer has not said why they look.
async fn wanted(desk: &Desk, seat: &Seat, (id, item, name): (String, String, String), opens: bool) -> Result<Wanted, NodeError> {
    let (dossier, item): (DossierId, ItemId) = (id.parse()?, item.parse()?);
    if seat.session.reason(&dossier).is_none() {
        return Err(NodeError::Absent("dossier"));
    }
    let (roles, now, lang) = (seat.officer.roles.clone(), seat.now, seat.lang);
    let loose: Vec<_> = seat.session.loose(&dossier).into_iter().map(|l| (l.value.clone(), l.name().to_owned())).collect();
    desk.read(move |n| {
        let mechanism = n.mechanism_of(&dossier)?;
        let view = n.view(&dossier, &roles, now)?;
        let me = n.me();
        let found = view.items.iter().find(|i| i.id == item).ok_or(NodeError::Absent("item"))?;
        let my_role = view.parties.iter().find(|p| p.service == me).map(|p| p.role.clone()).ok_or(NodeError::NotParty)?;
        let (label, fields, second, step_up, why_not) = match opens {
            true => {
                let k = mechanism.kind(&name).ok_or(NodeError::Absent("kind"))?;
                (k.label.get(lang).to_owned(), k.fields.clone(), k.four_eyes.clone(), false, None)
            }
            false => {
                let m = mechanism.move_of(&found.kind, &my_role, &name).ok_or(NodeError::Absent("move"))?;
                (m.label.get(lang).to_owned(), m.fields.clone(), m.four_eyes.clone(), m.step_up, m.why_not.as_ref().map(|w| w.get(lang).to_owned()))
            }
        };
        let all = names(n);
        let code = |s: &base::ServiceId| show::code(&all, s);
        let items = view.items.iter().map(|i| {
            let label = format!("{} {} · {}", mechanism.kind_label(&i.kind, lang), i.number, code(&i.opener));
            (i.id.to_string(), i.kind.clone(), i.opener, label)
        });
        let choices = Choices {
            parties: view.parties.iter().map(|p| (p.service, code(&p.service))).collect(),
            items: items.collect(),
            exhibits: exhibits(n, &dossier, loose)?,
            ..general(n, lang)?
        };
        let recipients = view.parties.iter().filter(|p| p.service != me).map(|p| code(&p.service)).collect();
        Ok(Wanted { dossier, item, name, opens, label, fields, second, step_up, why_not, recipients, choices, mechanism })
    })
    .await
}

/// Lists the files that a form may name: those of the dossier that are here, and those that were just added.
fn exhibits(n: &mut Node, dossier: &DossierId, loose: Vec<(serde_json::Value, String)>) -> Result<Vec<(serde_json::Value, String)>, NodeError> {
    let plain = |e: node::ExhibitView| (serde_json::json!({ "id": e.id, "name": e.name, "size": e.size, "media": e.media }), e.name);
    let mut all: Vec<_> = n.exhibits_of(dossier)?.into_iter().filter(|e| e.here.state == "held").map(plain).collect();
    all.extend(loose);
    all.dedup_by(|later, first| later.0["id"] == first.0["id"]);
    Ok(all)
}

/// What fields of any form may point at.
pub(super) fn general(n: &mut Node, lang: base::Lang) -> Result<Choices, NodeError> {
    Ok(Choices {
        officers: n.officers().iter().filter(|o| o.active).map(|o| o.id.to_string()).collect(),
        me: Some(n.me()),
        mechanisms: n.mechanisms().map(|m| (m.id.clone(), m.hash.to_string(), m.label.get(lang).to_owned())).collect(),
        dossiers: n.list(None, None, 500)?.into_iter().map(|l| (l.id.to_string(), apart(&if l.title.is_empty() { l.id.short() } else { l.title }))).collect(),
        ..Choices::default()
    })
}

fn draw(seat: &Seat, w: &Wanted, typed: &Typed, trouble: Option<Markup>, wrong: Option<&str>) -> Markup {
    let lang = seat.lang;
    let main = html! {
        p.quiet { a href=(format!("/dossiers/{}", w.dossier)) { (t(lang, "form.back")) } " · " (w.mechanism.label.get(lang)) }
        h1 { (w.label) }
        @if let Some(trouble) = trouble { (trouble) }
        form method="post" action=(w.path()) data-keep=(format!("{}/keep", w.path())) {
            (csrf(seat))
            (form::draw(seat, &w.fields, typed, &w.choices, wrong))
            (form::draw_handling(seat, typed))
            (consequence(seat, &w.recipients, &w.second, w.step_up))
            p.quiet #kept role="status" data-kept=(t(lang, "new.kept")) data-lost=(t(lang, "new.lost")) {}
            div.row { button.main name="do" value="send" { (if w.second.is_empty() { t(lang, "form.sign") } else { t(lang, "form.propose") }) } a.button href=(format!("/dossiers/{}", w.dossier)) { (t(lang, "form.cancel")) } }
        }
    };
    page(seat, &w.label, Live::Still, main)
}

/// Says what will happen: who receives it, who must approve, whether presence is proved.
pub(super) fn consequence(seat: &Seat, recipients: &[String], second: &[OfficerRole], step_up: bool) -> Markup {
    let lang = seat.lang;
    html! {
        div.sheet {
            p { (t(lang, "form.receives")) " " @for (i, r) in recipients.iter().enumerate() { @if i > 0 { ", " } bdi { (r) } } }
            @if !second.is_empty() { p { (t(lang, "form.second")) " " (second.iter().map(|r| role(lang, *r)).collect::<Vec<_>>().join(", ")) } }
            @if step_up { p { (t(lang, "form.presence")) } }
        }
    }
}

type At = Path<(String, String, String)>;

async fn move_form(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(at): At) -> Response {
    show_form(&desk, &seat, at, false).await
}

async fn item_form(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(at): At) -> Response {
    show_form(&desk, &seat, at, true).await
}

async fn make_move(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(at): At) -> Response {
    act(&desk, &seat, form, at, false).await
}

async fn make_item(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(at): At) -> Response {
    act(&desk, &seat, form, at, true).await
}

async fn keep_move(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(at): At) -> Response {
    keep(&desk, &seat, form, at, false).await
}

async fn keep_item(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(at): At) -> Response {
    keep(&desk, &seat, form, at, true).await
}

async fn keep(desk: &Desk, seat: &Seat, form: Posted, at: (String, String, String), opens: bool) -> Response {
    let w = match wanted(desk, seat, at, opens).await {
        Ok(w) => w,
        Err(NodeError::NotParty) => return absent(seat),
        Err(e) => return failed(seat, desk, &e),
    };
    match store(desk, seat, &w, form.0).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Err(e) => failed(seat, desk, &e),
    }
}

/// Keeps what was typed; tells whether there was a place for it.
async fn store(desk: &Desk, seat: &Seat, w: &Wanted, typed: Typed) -> Result<bool, NodeError> {
    let (officer, now, path) = (seat.officer.clone(), desk.node.now(), w.path());
    let typed = typed.into_iter().filter(|(n, v)| n != "csrf" && n != "do" && n != "more" && !v.is_empty()).collect();
    let kept = Draft { mechanism: w.mechanism.id.clone(), accord: String::new(), typed, kept: now, hit: None, form: Some((path.clone(), w.label.clone())) };
    desk.run(move |n| {
        let name = draft::name_of_form(&path);
        let there = draft::find(n, &officer, &name).is_ok();
        if !there && n.papers(Drawer::Draft, &format!("{}/", officer.id))?.len() >= DRAFTS_MAX {
            return Ok((None, false));
        }
        Ok((Some(n.file_papers(vec![draft::keep(&officer, &name, &kept)], None, now)?), true))
    })
    .await
}

/// Forgets what was typed into a form, if anything was.
async fn forget(desk: &Desk, seat: &Seat, path: &str) -> Result<(), NodeError> {
    let (officer, now, name) = (seat.officer.clone(), desk.node.now(), draft::name_of_form(path));
    desk.run(move |n| match draft::find(n, &officer, &name) {
        Ok(_) => Ok((Some(n.file_papers(vec![draft::drop(&officer, &name)], None, now)?), ())),
        Err(_) => Ok((None, ())),
    })
    .await
}

async fn show_form(desk: &Desk, seat: &Seat, at: (String, String, String), opens: bool) -> Response {
    let rest = format!("/items/{}/{}/{}", at.1, if opens { "new" } else { "moves" }, at.2);
    let path = format!("/dossiers/{}{rest}", at.0);
    if let Ok(id) = at.0.parse::<DossierId>()
        && seat.session.reason(&id).is_none()
    {
        // A draft leads here in a session that has not said why it looks.
        return super::dossier::ask_reason(desk, seat, id, &rest).await;
    }
    let (officer, name) = (seat.officer.clone(), draft::name_of_form(&path));
    match wanted(desk, seat, at, opens).await {
        Ok(w) if w.step_up && !seat.session.is_present(seat.now) => Redirect::to(&format!("/again?to={}", w.path())).into_response(),
        Ok(w) => {
            let typed = desk.read(move |n| Ok(draft::find(n, &officer, &name).map(|d| d.typed).unwrap_or_default())).await;
            typed.map_or_else(|e| failed(seat, desk, &e), |typed| draw(seat, &w, &typed, None, None).into_response())
        }
        Err(NodeError::NotParty) => absent(seat),
        Err(e) => {
            // What was begun and is not possible any more is begun no longer.
            if let (NodeError::Absent(_), Err(e)) = (&e, forget(desk, seat, &path).await) {
                return failed(seat, desk, &e);
            }
            failed(seat, desk, &e)
        }
    }
}

async fn act(desk: &Desk, seat: &Seat, posted: Posted, at: (String, String, String), opens: bool) -> Response {
    let w = match wanted(desk, seat, at, opens).await {
        Ok(w) => w,
        Err(NodeError::NotParty) => return absent(seat),
        Err(e) => return failed(seat, desk, &e),
    };
    if posted.get("do") != "send" {
        return draw(seat, &w, &posted.0, None, None).into_response();
    }
    if w.step_up && !seat.session.is_present(seat.now) {
        if let Err(e) = store(desk, seat, &w, posted.0.clone()).await {
            return failed(seat, desk, &e);
        }
        let again = html! {
            (notice(seat.lang, "refusal.desk.presence", desk, ""))
            p { a.button.main href=(format!("/again?to={}", w.path())) { (t(seat.lang, "again.button")) } }
        };
        return (StatusCode::FORBIDDEN, draw(seat, &w, &posted.0, Some(again), None)).into_response();
    }
    if let Some(wrong) = form::unread(&w.fields, &posted.0) {
        let main = draw(seat, &w, &posted.0, Some(form::said(desk, seat, &w.fields, wrong)), Some(wrong.field));
        return (StatusCode::UNPROCESSABLE_ENTITY, main).into_response();
    }
    let made = desk.propose(seat.officer.clone(), w.intent(&posted.0, seat)).await;
    if made.is_ok()
        && let Err(e) = forget(desk, seat, &w.path()).await
    {
        return failed(seat, desk, &e);
    }
    match made {
        Ok(Made::Act { .. }) => Redirect::to(&format!("/dossiers/{}", w.dossier)).into_response(),
        Ok(Made::Pending { id, .. }) => Redirect::to(&format!("/pending/{id}")).into_response(),
        Err(e) => {
            // What the mechanism says itself is nearer to the case than the words of the code.
            let own = w.why_not.as_ref().filter(|_| e.code() == "refusal.act.guard");
            let trouble = html! { @if let Some(own) = own { p.late role="alert" { (own) } } (refused(desk, seat, &e)) };
            (StatusCode::UNPROCESSABLE_ENTITY, draw(seat, &w, &posted.0, Some(trouble), field_of(&e))).into_response()
        }
    }
}

/// Says why the node refused.
pub(super) fn refused(desk: &Desk, seat: &Seat, e: &NodeError) -> Markup {
    notice(seat.lang, e.code(), desk, &e.to_string())
}

/// Returns the field that an error is about.
pub(super) fn field_of(e: &NodeError) -> Option<&str> {
    let fault = match e {
        NodeError::Field(f) | NodeError::Law(dossier::Refusal::Field(f)) => f,
        _ => return None,
    };
    match fault {
        dossier::FieldFault::Missing(f) | dossier::FieldFault::Unknown(f) | dossier::FieldFault::Wrong { field: f, .. } => Some(f),
    }
}
