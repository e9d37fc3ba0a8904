//! One draft of the press beside its texts: confirmed as it is or corrected, rejected, split; and a working visit opened from it.

use super::drafts::days;
use super::moves::refused;
use super::register::DECIDE;
use crate::access::{Pages, Posted, READ};
use crate::desk::{Desk, Lay};
use crate::draft::{self, DRAFTS_MAX};
use crate::form::Typed;
use crate::layout::{Live, absent, csrf, failed, notice, page, told};
use crate::press::{self, draw_facts, draw_texts};
use crate::session::Seat;
use crate::words::{many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{ServiceId, Vocabulary};
use maud::{Markup, html};
use node::{AccordView, Draft, DraftState, Drawer, EventDraft, Intent, Node, NodeError, PressText, VISIT};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const KINDS: [&str; 8] = ["visit", "meeting", "joint_operation", "shared_information_operation", "agreement", "inauguration", "statement", "other"];
/// Characters of a place.
const PLACE_CHARS_MAX: usize = 300;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/register/drafts/{id}", READ, show).post("/register/drafts/{id}/decide", DECIDE, decide).post("/register/drafts/{id}/split", DECIDE, split).post(
        "/register/drafts/{id}/visit",
        DECIDE,
        visit,
    )
}

struct Shown {
    draft: Draft,
    texts: Vec<PressText>,
    accords: Vec<AccordView>,
}

async fn look(desk: &Desk, seat: &Seat, id: &str) -> Result<Shown, NodeError> {
    let (id, now) = (id.to_owned(), seat.now);
    desk.read(move |n| {
        let draft = n.draft(&id)?;
        let texts = n.press_of(&draft)?;
        let accords = n.accords(now)?.into_iter().filter(|a| a.mechanisms.iter().any(|m| m == VISIT)).collect();
        Ok(Shown { draft, texts, accords })
    })
    .await
}

async fn show(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    answer(&desk, &seat, &id, StatusCode::OK, None).await
}

async fn answer(desk: &Desk, seat: &Seat, id: &str, status: StatusCode, trouble: Option<Markup>) -> Response {
    match look(desk, seat, id).await {
        Ok(s) => (status, page(seat, t(seat.lang, "draft.title"), Live::Still, draw(seat, &s, trouble))).into_response(),
        Err(e) => failed(seat, desk, &e),
    }
}

fn draw(seat: &Seat, s: &Shown, trouble: Option<Markup>) -> Markup {
    let (lang, d, e) = (seat.lang, &s.draft, &s.draft.event);
    let may = DECIDE.lets(&seat.officer.roles);
    let (state, class) = match d.state {
        DraftState::Draft => (t(lang, "draft.state-draft"), "tag soon"),
        DraftState::Confirmed => (t(lang, "draft.state-confirmed"), "tag good"),
        DraftState::Rejected => (t(lang, "draft.state-rejected"), "tag late"),
    };
    html! {
        p.quiet { a href="/register/drafts" { (t(lang, "drafts.title")) } }
        h1 { (press::kind(lang, e.kind.code())) @if let Some(p) = &e.place { " · " bdi { (p) } } }
        p { span class=(class) { (state) } @if let Some(by) = &d.by { " " span.quiet { (t(lang, "drafts.by")) " " bdi { (by) } } } " " (days(seat, e)) }
        @if let Some(trouble) = trouble { (trouble) }
        @if !d.later.is_empty() { p.notice { (many(lang, "drafts.later", d.later.len())) ": " bdi { (d.later.join(", ")) } } }
        div.two {
            div { (draw_texts(seat, e, &s.texts)) }
            aside {
                section { h2 { (t(lang, "draft.facts")) } p.quiet { (t(lang, "draft.facts-text")) } (draw_facts(seat, e)) }
                @if may { (decision(seat, d)) @if s.texts.len() > 1 { (parting(seat, s)) } }
                @if may && d.state == DraftState::Confirmed && matches!(e.kind.code(), "visit" | "meeting") { (opening(seat, s)) }
            }
        }
    }
}

fn decision(seat: &Seat, d: &Draft) -> Markup {
    let (lang, e) = (seat.lang, &d.event);
    let date = |d: Option<jiff::civil::Date>| d.map(|d| d.to_string()).unwrap_or_default();
    let countries: Vec<(&str, &str)> = Vocabulary::get("countries")
        .into_iter()
        .flat_map(|v| &v.entries)
        .map(|c| (c.code.as_str(), c.label.get(lang)))
        .filter(|(c, _)| e.countries.iter().any(|x| x == c))
        .collect();
    html! {
        section {
            h2 { (t(lang, "draft.decide")) }
            form method="post" action=(format!("/register/drafts/{}/decide", d.id)) {
                (csrf(seat))
                label.part { span { (t(lang, "fact.kind")) } select name="kind" { @for k in KINDS { option value=(k) selected[k == e.kind.code()] { (press::kind(lang, k)) } } } }
                label.part { span { (t(lang, "fact.date_from")) } input type="date" name="date_from" value=(date(e.date_from)); }
                label.part { span { (t(lang, "fact.date_to")) } input type="date" name="date_to" value=(date(e.date_to)); }
                label.part { span { (t(lang, "fact.place")) } input type="text" name="place" dir="auto" maxlength=(PLACE_CHARS_MAX) value=(e.place.as_deref().unwrap_or_default()); }
                (checks("country", t(lang, "fact.countries"), &countries))
                (checks("service", t(lang, "fact.services"), &e.services.iter().map(|s| (s.as_str(), s.as_str())).collect::<Vec<_>>()))
                (checks("threat", t(lang, "fact.threat_areas"), &e.threat_areas.iter().map(|c| (c.as_str(), press::threat(lang, c))).collect::<Vec<_>>()))
                div.row {
                    button.main name="do" value="confirm" { (t(lang, "draft.confirm")) }
                    button name="do" value="reject" formnovalidate { (t(lang, "draft.reject")) }
                }
            }
        }
    }
}

/// What was read, each to be kept or taken away.
fn checks(name: &str, legend: &str, all: &[(&str, &str)]) -> Markup {
    html! {
        @if !all.is_empty() {
            fieldset.field { legend { (legend) } @for (code, label) in all { label.check { input type="checkbox" name=(name) value=(code) checked; bdi { (label) } } } }
        }
    }
}

fn parting(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    html! {
        section {
            h2 { (t(lang, "draft.split")) }
            p.quiet { (t(lang, "draft.split-text")) }
            form method="post" action=(format!("/register/drafts/{}/split", s.draft.id)) {
                (csrf(seat))
                @for (i, text) in s.texts.iter().enumerate() { label.check { input type="checkbox" name="text" value=(i); span { (i + 1) " · " bdi { (text.path) } } } }
                div.row { button { (t(lang, "draft.split-button")) } }
            }
        }
    }
}

fn opening(seat: &Seat, s: &Shown) -> Markup {
    let lang = seat.lang;
    html! {
        section {
            h2 { (t(lang, "draft.visit")) }
            @if s.accords.is_empty() { p { (t(lang, "draft.no-accord")) } } @else {
                p.quiet { (t(lang, "draft.visit-text")) }
                form method="post" action=(format!("/register/drafts/{}/visit", s.draft.id)) {
                    (csrf(seat))
                    label.part { span { (t(lang, "dossier.accord")) } select name="accord" { @for a in &s.accords { option value=(a.dossier) { (a.title) } } } }
                    div.row { button.main { (t(lang, "draft.visit-button")) } }
                }
            }
        }
    }
}

/// Corrects an event by what stands in the form; nothing where a day is none, or the last lies before the first.
fn corrected(event: &EventDraft, form: &Posted) -> Option<EventDraft> {
    let day = |name: &str| Some(form.get(name)).filter(|v| !v.is_empty()).map(str::parse::<jiff::civil::Date>).transpose().ok();
    let mut out = event.clone();
    out.kind = serde_json::from_value(json!(form.get("kind"))).ok()?;
    if out.kind.code() != "meeting" {
        out.form = None;
    }
    let (from, to) = (day("date_from")?, day("date_to")?);
    if (from, to) != (event.date_from, event.date_to) {
        // One day given is a day; both taken away leave it open.
        (out.date_from, out.date_to) = (from.or(to), to.or(from));
        out.date_precision = serde_json::from_value(json!(if out.date_from.is_some() { "day" } else { "none" })).ok()?;
    }
    if out.date_from > out.date_to {
        return None;
    }
    out.place = Some(form.get("place").trim()).filter(|p| !p.is_empty()).map(|p| p.chars().take(PLACE_CHARS_MAX).collect());
    let kept = |name: &'static str| move |v: &String| form.all(name).any(|k| k == v);
    out.countries.retain(kept("country"));
    out.services.retain(kept("service"));
    out.threat_areas.retain(kept("threat"));
    Some(out)
}

async fn decide(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(id): Path<String>) -> Response {
    let confirm = match form.get("do") {
        "confirm" => true,
        "reject" => false,
        _ => return Redirect::to(&format!("/register/drafts/{id}")).into_response(),
    };
    let held = match look(&desk, &seat, &id).await {
        Ok(s) => s.draft.event,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let event = match confirm.then(|| corrected(&held, &form)) {
        Some(None) => {
            let trouble = notice(seat.lang, "refusal.register.event", &desk, "date_from <= date_to");
            return answer(&desk, &seat, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(trouble)).await;
        }
        Some(Some(event)) => Some(event),
        None => None,
    };
    let state = if confirm { DraftState::Confirmed } else { DraftState::Rejected };
    let (officer, now, name) = (seat.officer.clone(), seat.now, id.clone());
    match desk.run(move |n| n.decide_draft(&officer, &name, state, event, now).map(|(ticket, _)| (Some(ticket), ()))).await {
        Ok(()) => Redirect::to(&format!("/register/drafts/{id}")).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn split(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(id): Path<String>) -> Response {
    let part: Vec<usize> = form.all("text").filter_map(|v| v.parse().ok()).collect();
    let name = id.clone();
    let lay: Lay = Arc::new(move |n| n.split_desk(&name, std::slice::from_ref(&part)));
    match desk.node.press(seat.officer.clone(), lay).await {
        Ok(_) => Redirect::to("/register/drafts").into_response(),
        Err(NodeError::Absent(_)) => absent(&seat),
        Err(e) => answer(&desk, &seat, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(&desk, &seat, &e))).await,
    }
}

/// Begins a working visit from the draft: what the texts say stands in the form of a new dossier, the officer completes it there.
async fn visit(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(id): Path<String>) -> Response {
    let (officer, now, name, accord) = (seat.officer.clone(), seat.now, id.clone(), form.get("accord").to_owned());
    let begin = move |n: &mut Node| {
        let found = n.accords(now)?.into_iter().find(|a| a.dossier.to_string() == accord).ok_or(NodeError::Absent("accord"))?;
        let event = n.draft(&name)?.event;
        let guests = guests(n, &found, &event.countries);
        let Intent::Open { fields, .. } = n.visit_from(&name, guests.clone(), BTreeMap::new())? else { return Err(NodeError::Bug) };
        if n.papers(Drawer::Draft, &format!("{}/", officer.id))?.len() >= DRAFTS_MAX {
            return Ok((None, None));
        }
        let begun = draft::Draft { mechanism: VISIT.to_owned(), accord, typed: typed(&fields, &guests, &event), kept: now, hit: None, form: None };
        let paper = base::hex::encode(&n.draw()[..8]);
        Ok((Some(n.file_papers(vec![draft::keep(&officer, &paper, &begun)], None, now)?), Some(paper)))
    };
    match desk.run(begin).await {
        Ok(Some(paper)) => Redirect::to(&format!("/new/{paper}")).into_response(),
        Ok(None) => told(&seat, StatusCode::UNPROCESSABLE_ENTITY, "refusal.desk.drafts", &desk, ""),
        Err(NodeError::Absent(_)) => absent(&seat),
        Err(e) => answer(&desk, &seat, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(&desk, &seat, &e))).await,
    }
}

/// The parties of an accord whose country took part; all of them where none is told.
fn guests(n: &Node, accord: &AccordView, countries: &[String]) -> Vec<ServiceId> {
    let me = n.me();
    let all: Vec<ServiceId> = accord.parties.iter().copied().filter(|p| *p != me).collect();
    let book = n.book().all();
    let took_part = |p: &ServiceId| book.iter().any(|c| c.service() == *p && countries.contains(&c.latest().country));
    let some: Vec<ServiceId> = all.iter().copied().filter(took_part).collect();
    if some.is_empty() { all } else { some }
}

/// Writes an opening's fields as they would be typed.
fn typed(fields: &BTreeMap<String, Value>, guests: &[ServiceId], event: &EventDraft) -> Typed {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut out: Typed = guests.iter().map(|g| (format!("party:{g}"), "guest".to_owned())).collect();
    for (name, v) in fields {
        match v {
            Value::String(s) => out.push((format!("{name}:0:v"), s.clone())),
            Value::Array(all) => out.extend(all.iter().enumerate().map(|(i, v)| (format!("{name}:{i}:v"), text(v)))),
            Value::Object(place) => {
                out.push((format!("{name}:0:name"), text(&place["name"]["text"])));
                out.push((format!("{name}:0:lang"), text(&place["name"]["lang"])));
            }
            _ => {}
        }
    }
    let known = |c: &&String| Vocabulary::get("crime-areas").and_then(|v| v.entry(c)).is_some();
    out.extend(event.threat_areas.iter().filter(known).map(|c| ("topics:all:v".to_owned(), c.clone())));
    out
}
