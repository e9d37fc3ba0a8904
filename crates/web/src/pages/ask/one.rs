//! One question: how it stands and what that means, what met, until when; its hit confirmed, followed up by a request that is drafted and read
//! first, its subject watched from now on or no longer.

use super::questions::expires;
use super::{ASK, AUDIT, SEE, called, quality, state, tabs};
use crate::access::{Pages, Posted};
use crate::desk::Desk;
use crate::draft::{self, DRAFTS_MAX};
use crate::form::Typed;
use crate::layout::{Live, absent, csrf, failed, notice, page, told};
use crate::pages::dossier::names;
use crate::pages::moves::refused;
use crate::session::{REASON_CHARS_MAX, Seat};
use crate::show::{self, Names};
use crate::view::number;
use crate::when;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Digest, Lang, ServiceId};
use maud::{Markup, html};
use node::{Aim, AskView, Asked, Drawer, Met, Node, NodeError, Ticket};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/{id}", SEE, one).post("/ask/{id}/confirm", ASK, confirm).post("/ask/{id}/follow-up", ASK, follow_up).post(
        "/ask/{id}/standing",
        ASK,
        standing,
    )
}

async fn one(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    answer(&desk, &seat, id, StatusCode::OK, None).await
}

/// Draws a question, with what went wrong above it; for whom it is not, it does not exist.
pub(super) async fn answer(desk: &Desk, seat: &Seat, id: String, status: StatusCode, trouble: Option<Markup>) -> Response {
    let officer = seat.officer.clone();
    match desk.read(move |n| Ok((n.find_ask(&officer, &id)?, names(n)))).await {
        Ok((a, names)) => {
            let title = called(&a);
            // Whoever has a field to type into is not interrupted by what comes in.
            let live = if AUDIT.lets(&seat.officer.roles) { Live::Told } else { Live::Fresh };
            let main = html! { @if let Some(trouble) = trouble { (trouble) } (draw(desk, seat, &a, &names)) };
            (status, page(seat, &title, live, main)).into_response()
        }
        Err(e) => failed(seat, desk, &e),
    }
}

/// Names a kind of key.
pub(super) fn kind(lang: Lang, kind: &str) -> &'static str {
    match kind {
        "name-date" => t(lang, "ask.kind.name-date"),
        "name-year" => t(lang, "ask.kind.name-year"),
        "document" => t(lang, "ask.kind.document"),
        "phone" => t(lang, "ask.kind.phone"),
        "plate" => t(lang, "ask.kind.plate"),
        "vessel" => t(lang, "ask.kind.vessel"),
        _ => t(lang, "ask.kind.account"),
    }
}

fn draw(desk: &Desk, seat: &Seat, a: &AskView, names: &Names) -> Markup {
    let lang = seat.lang;
    let to = show::code(names, &a.to);
    let (class, words) = state(lang, a);
    html! {
        h1 { bdi { (called(a)) } }
        (tabs(seat, ""))
        section.sheet {
            p { strong class=(class) { (words) } @if a.standing { " " span.tag { (t(lang, "ask.standing")) } } }
            p { (meaning(seat, a, &to)) }
            @if let Asked::Failed { code } = &a.asked { (notice(lang, code, desk, "")) }
            @if !a.met.is_empty() { (met(seat, a)) }
            @if let (Some(until), true) = (a.expires_at, !matches!(a.asked, Asked::Sent)) { p.quiet { (expires(seat, a, until)) } }
        }
        @if !a.references.is_empty() { (references(seat, a)) }
        @if let Some(followed) = &a.followed { p { (t(lang, "ask.followed")) " " (link(seat, followed)) } }
        @if ASK.lets(&seat.officer.roles) { (deeds(seat, a, &to)) }
        @if AUDIT.lets(&seat.officer.roles) { (opening(seat, a)) }
        section { h2 { (t(lang, "ask.why")) } (why(seat, a, &to)) }
    }
}

/// Says in a sentence what a state means, and what it does not mean.
fn meaning(seat: &Seat, a: &AskView, to: &str) -> Markup {
    let lang = seat.lang;
    let who = [("who", to)];
    html! {
        @match &a.asked {
            Asked::Sent => (fill(lang, "ask.means.sent", &who)),
            Asked::NoHit | Asked::FalseHit => (fill(lang, "ask.means.no-hit", &who)),
            Asked::Hit => (fill(lang, "ask.means.hit", &who)),
            Asked::Confirmed => (fill(lang, "ask.means.confirmed", &who)),
            Asked::Referred => (fill(lang, "ask.means.referred", &who)),
            Asked::Failed { .. } => (t(lang, "ask.means.failed")),
            Asked::Expired => (t(lang, "ask.means.expired")),
        }
    }
}

/// What of the question met, thing by thing, and how much that says.
fn met(seat: &Seat, a: &AskView) -> Markup {
    let lang = seat.lang;
    let value = |m: &Met| html! { @if m.kind == "name-date" { (when::day(seat, &m.value)) } @else { bdi dir="ltr" { (m.value) } } };
    let count = |m: &Met| (m.kind.starts_with("name") && m.keys > 1).then(|| many(lang, "ask.spellings", m.keys));
    html! {
        h2 { (t(lang, "ask.met")) }
        dl.fields { @for m in &a.met { dt { (kind(lang, &m.kind)) } dd { (value(m)) @if let Some(n) = count(m) { " " span.quiet { "(" (n) ")" } }
            } } }
        @if let Some(q) = &a.quality {
            @let says = match q.as_str() { "strong" => t(lang, "ask.says.strong"), "probable" => t(lang, "ask.says.probable"), _ => t(lang,
                "ask.says.possible") };
            p { (fill(lang, "ask.with", &[("what", quality(lang, q)), ("quality", says)])) }
        }
    }
}

fn references(seat: &Seat, a: &AskView) -> Markup {
    let lang = seat.lang;
    html! {
        section {
            h2 { (many(lang, "ask.references", a.references.len())) }
            ul.list {
                @for r in &a.references {
                    li {
                        div {
                            p { strong { bdi { (r.reference) } } " · " (coded(lang, "data-subject-categories", &r.category)) }
                            @if !r.quality.is_empty() { p.quiet { (t(lang, "ask.identified")) " " bdi { (r.quality) } } }
                            p.quiet { (t(lang, "ask.contact")) " " bdi { (r.contact) } }
                        }
                        div.side { p.quiet { (t(lang, "ask.kept-until")) " " (when::day(seat, &r.until.to_string())) } }
                    }
                }
            }
            @if let Some((by, at)) = &a.confirmed { p.quiet { (t(lang, "ask.confirmed-by")) " " bdi { (by) } " · " (when::moment(seat, *at)) } }
        }
    }
}

/// Leads to the request that followed, or to its proposal.
fn link(seat: &Seat, followed: &str) -> Markup {
    let lang = seat.lang;
    html! {
        @match followed.strip_prefix("pending/") {
            Some(id) => a href=(format!("/pending/{id}")) { (t(lang, "ask.proposal")) },
            None => a href=(format!("/dossiers/{followed}")) { (t(lang, "ask.request")) },
        }
    }
}

/// What can be done with a question, and what follows of it.
fn deeds(seat: &Seat, a: &AskView, to: &str) -> Markup {
    let lang = seat.lang;
    let at = |what: &str| format!("/ask/{}/{what}", a.question);
    let button = |what: &str, wish: &str, words: &str, main: bool| {
        html! { form method="post" action=(at(what)) { (csrf(seat)) input type="hidden" name="do" value=(wish); button.main[main] { (words) } } }
    };
    html! {
        @if a.asked == Asked::Hit {
            div.sheet { p { (fill(lang, "ask.confirm-text", &[("who", to)])) } div.row { (button("confirm", "confirm", t(lang, "ask.confirm"),
                true)) } }
        }
        @if a.asked == Asked::Referred && a.followed.is_none() {
            div.sheet { p { (fill(lang, "ask.follow-text", &[("who", to)])) } div.row { (button("follow-up", "draft", t(lang, "ask.follow"),
                true)) } }
        }
        @if a.standing {
            div.sheet { p { (t(lang, "ask.standing-on-text")) } div.row { (button("standing", "off", t(lang, "ask.standing-off"), false)) } }
        } @else if a.asked != Asked::Sent {
            div.sheet { p { (t(lang, "ask.standing-off-text")) } div.row { (button("standing", "on", t(lang, "ask.standing-on"), false)) } }
        }
    }
}

/// Has the line of the log opened, by the data-protection officer and with a reason.
fn opening(seat: &Seat, a: &AskView) -> Markup {
    let lang = seat.lang;
    html! {
        section {
            h2 { (t(lang, "ask.open")) }
            p { (t(lang, "ask.open-text")) }
            form method="post" action=(format!("/ask/{}/open", a.question)) {
                (csrf(seat))
                div.field { p { label for="why" { (t(lang, "reason.label")) } }
                    input #why type="text" name="reason" required maxlength=(REASON_CHARS_MAX) dir="auto"; }
                div.row { button.main { (t(lang, "ask.open-button")) } button name="do" value="file" { (t(lang, "ask.open-file")) } }
            }
        }
    }
}

fn why(seat: &Seat, a: &AskView, to: &str) -> Markup {
    let lang = seat.lang;
    html! {
        dl.fields {
            dt { (t(lang, "ask.to")) } dd { bdi { (to) } }
            dt { (t(lang, "ask.reference")) } dd { bdi { (a.why.reference) } }
            dt { (t(lang, "ask.reason")) } dd { span.said lang=(a.why.reason.lang.as_str()) dir="auto" { (a.why.reason.text) } }
            dt { (t(lang, "ask.purpose")) } dd { (coded(lang, "legal-purposes", &a.why.purpose)) }
            dt { (t(lang, "ask.offence")) } dd { (coded(lang, "crime-areas", &a.why.offence)) }
            dt { (t(lang, "ask.category")) } dd { (coded(lang, "data-subject-categories", &a.why.category)) }
            dt { (t(lang, "ask.aim")) } dd { (aim(lang, a.why.aim)) }
            @if let Some(g) = a.why.grant { dt { (t(lang, "ask.grant")) } dd { a href=(format!("/dossiers/{g}")) { code { (g.short()) } } } }
            dt { (t(lang, "ask.by")) } dd { bdi { (a.officer) } " · " (when::moment(seat, a.at)) }
            @if let Some(at) = a.answered_at { dt { (t(lang, "ask.answered")) } dd { (when::moment(seat, at)) } }
            dt { (t(lang, "ask.elements")) } dd { (number(lang, i64::try_from(a.elements).unwrap_or(i64::MAX))) }
            dt { (t(lang, "ask.commitment")) } dd { code dir="ltr" { (a.commitment) } }
            dt { (t(lang, "ask.name")) } dd { code dir="ltr" { (a.question) } }
        }
    }
}

/// Names why it is asked: to identify, or to learn more.
pub(super) fn aim(lang: Lang, aim: Aim) -> &'static str {
    match aim {
        Aim::Identify => t(lang, "ask.aim.identify"),
        Aim::LearnMore => t(lang, "ask.aim.learn-more"),
    }
}

/// Runs a job on a question that the officer may see.
async fn with<T: Send + 'static>(
    desk: &Desk,
    seat: &Seat,
    id: &str,
    job: impl FnOnce(&mut Node, &Digest) -> Result<(Option<Ticket>, T), NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    let (officer, id) = (seat.officer.clone(), id.to_owned());
    desk.run(move |n| {
        let question = n.find_ask(&officer, &id)?.question;
        job(n, &question)
    })
    .await
}

async fn refuse(desk: &Desk, seat: &Seat, id: String, e: &NodeError) -> Response {
    match e {
        NodeError::Absent(_) => absent(seat),
        e => answer(desk, seat, id, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(desk, seat, e))).await,
    }
}

async fn confirm(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let (officer, now) = (seat.officer.clone(), seat.now);
    match with(&desk, &seat, &id, move |n, q| Ok((Some(n.confirm_hit(&officer, q, now)?), ()))).await {
        Ok(()) => Redirect::to(&format!("/ask/{id}")).into_response(),
        Err(e) => refuse(&desk, &seat, id, &e).await,
    }
}

async fn standing(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>, Path(id): Path<String>) -> Response {
    let (officer, now, on) = (seat.officer.clone(), seat.now, form.get("do") == "on");
    let job = move |n: &mut Node, q: &Digest| match on {
        true => n.begin_standing(&officer, q, now).map(|(t, new)| (Some(t), new)),
        false => n.end_standing(&officer, q, now).map(|t| (Some(t), *q)),
    };
    match with(&desk, &seat, &id, job).await {
        Ok(question) => Redirect::to(&format!("/ask/{question}")).into_response(),
        Err(e) => refuse(&desk, &seat, id, &e).await,
    }
}

/// Drafts the request that follows a hit: nothing goes before an officer has read it, completed it and sent it.
async fn follow_up(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let (officer, now) = (seat.officer.clone(), seat.now);
    let job = move |n: &mut Node, q: &Digest| {
        let (accord, to, fields) = n.follow_up_form(&officer, q, now)?;
        if n.papers(Drawer::Draft, &format!("{}/", officer.id))?.len() >= DRAFTS_MAX {
            return Ok((None, None));
        }
        let typed = typed(&fields, &to);
        let begun = draft::Draft { mechanism: "information-request".to_owned(), accord: accord.to_string(), typed, kept: now, hit: Some(*q), form: None };
        let paper = base::hex::encode(&n.draw()[..8]);
        Ok((Some(n.file_papers(vec![draft::keep(&officer, &paper, &begun)], None, now)?), Some(paper)))
    };
    match with(&desk, &seat, &id, job).await {
        Ok(Some(paper)) => Redirect::to(&format!("/new/{paper}")).into_response(),
        Ok(None) => told(&seat, StatusCode::UNPROCESSABLE_ENTITY, "refusal.desk.drafts", &desk, ""),
        Err(e) => refuse(&desk, &seat, id, &e).await,
    }
}

/// Writes a request's fields as they would be typed.
fn typed(fields: &BTreeMap<String, Value>, to: &ServiceId) -> Typed {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut out: Typed = vec![(format!("party:{to}"), "requested".to_owned())];
    let mut put = |name: String, value: String| {
        if !value.is_empty() {
            out.push((name, value));
        }
    };
    for (name, v) in fields {
        match v {
            Value::String(code) => put(format!("{name}:0:v"), code.clone()),
            Value::Object(said) => {
                put(format!("{name}:0:text"), text(&said["text"]));
                put(format!("{name}:0:lang"), text(&said["lang"]));
            }
            Value::Array(persons) => {
                for (i, p) in persons.iter().enumerate() {
                    put(format!("{name}:{i}:given"), text(&p["given"]["text"]));
                    put(format!("{name}:{i}:family"), text(&p["family"]["text"]));
                    put(format!("{name}:{i}:lang"), text(&p["family"]["lang"]));
                    put(format!("{name}:{i}:born"), text(&p["born"]));
                    put(format!("{name}:{i}:category"), text(&p["category"]));
                }
            }
            _ => {}
        }
    }
    out
}
