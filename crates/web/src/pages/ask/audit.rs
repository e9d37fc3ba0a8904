//! The auditor's part, for the data-protection role. Where it was asked: a question's line of the log is opened, with a reason that is logged.
//! Where it was answered: what a partner opened is held against what was asked here.

use super::one::{answer, kind};
use super::{AUDIT, tabs};
use crate::access::{Pages, Posted};
use crate::desk::Desk;
use crate::layout::{Live, absent, csrf, notice, page};
use crate::pages::moves::refused;
use crate::session::Seat;
use crate::words::{fill, many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::Digest;
use maud::{Markup, html};
use node::{NodeError, Opening};
use serde::{Deserialize, Serialize};

/// Inputs that the page shows; the file has them all.
const LINES_MAX: usize = 100;
/// What a file that cannot be read is refused with.
const UNREADABLE: &str = "refusal.matching.opening";

pub(super) fn routes(pages: Pages) -> Pages {
    pages.post("/ask/{id}/open", AUDIT, open).get("/ask/check", AUDIT, form).post("/ask/check", AUDIT, check)
}

/// What is handed to the partner's auditor; the form that `entente ask open --json` prints and `entente ask check` takes.
#[derive(Serialize, Deserialize)]
struct Opened {
    question: Digest,
    openings: Vec<Pair>,
}

#[derive(Serialize, Deserialize)]
struct Pair {
    input: String,
    blind: String,
}

async fn open(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>, Path(id): Path<String>) -> Response {
    let (officer, now, reason, asked) = (seat.officer.clone(), seat.now, posted.get("reason").to_owned(), id.clone());
    let job = move |n: &mut node::Node| {
        let question = n.find_ask(&officer, &asked)?.question;
        let (ticket, openings) = n.open_ask(&officer, &question, &reason, now)?;
        Ok((Some(ticket), (question, openings)))
    };
    let (question, openings) = match desk.run(job).await {
        Ok(opened) => opened,
        Err(NodeError::Absent(_)) => return absent(&seat),
        Err(e) => return answer(&desk, &seat, id, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(&desk, &seat, &e))).await,
    };
    if posted.get("do") == "file" {
        let opened = Opened { question, openings: openings.into_iter().map(|o| Pair { input: o.input, blind: o.blind }).collect() };
        let name = HeaderValue::from_str(&format!("attachment; filename=\"question-{question}.json\"")).expect("a digest is hexadecimal");
        let bytes = serde_json::to_vec(&opened).expect("plain data has a JSON form");
        return ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CONTENT_DISPOSITION, name)], bytes).into_response();
    }
    page(&seat, t(seat.lang, "ask.open"), Live::Still, draw(&seat, &question, &openings)).into_response()
}

fn draw(seat: &Seat, question: &Digest, openings: &[Opening]) -> Markup {
    let lang = seat.lang;
    html! {
        p.quiet { a href=(format!("/ask/{question}")) { (t(lang, "ask.questions")) } }
        h1 { (t(lang, "ask.open")) }
        (tabs(seat, ""))
        p { (many(lang, "ask.opened", openings.len())) " " (t(lang, "ask.opened-text")) }
        table.board {
            thead { tr { th scope="col" { (t(lang, "part.kind")) } th scope="col" { (t(lang, "ask.input")) } } }
            tbody {
                @for o in openings.iter().take(LINES_MAX) {
                    // Mechanism, kind and version of the rules stand before the value.
                    @let parts: Vec<&str> = o.input.splitn(4, '|').collect();
                    tr { th scope="row" { (kind(lang, parts.get(1).copied().unwrap_or_default())) } td { bdi dir="auto" {
                        (parts.get(3).copied().unwrap_or_default().replace('|', " · ")) } } }
                }
            }
        }
    }
}

async fn form(Extension(seat): Extension<Seat>) -> Response {
    page(&seat, t(seat.lang, "ask.check"), Live::Still, draw_form(&seat, None)).into_response()
}

fn draw_form(seat: &Seat, said: Option<Markup>) -> Markup {
    let lang = seat.lang;
    html! {
        h1 { (t(lang, "ask.check")) }
        (tabs(seat, "/ask/check"))
        p { (t(lang, "ask.check-text")) }
        @if let Some(said) = said { (said) }
        form method="post" action="/ask/check" enctype="multipart/form-data" {
            (csrf(seat))
            fieldset.field { legend { label for="files" { (t(lang, "ask.check-file")) } }
                input #files type="file" name="file" required accept=".json,application/json"; }
            div.row { button.main { (t(lang, "ask.check-button")) } }
        }
    }
}

async fn check(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>) -> Response {
    let lang = seat.lang;
    let answer = |status: StatusCode, said: Markup| (status, page(&seat, t(lang, "ask.check"), Live::Still, draw_form(&seat, Some(said)))).into_response();
    let Ok(opened) = serde_json::from_str::<Opened>(posted.get("file")) else {
        return answer(StatusCode::UNPROCESSABLE_ENTITY, notice(lang, UNREADABLE, &desk, ""));
    };
    let (officer, now, question, count) = (seat.officer.clone(), seat.now, opened.question, opened.openings.len());
    let pairs = opened.openings.into_iter().map(|p| (p.input, p.blind)).collect();
    match desk.run(move |n| n.check_openings(&officer, &question, pairs, now).map(|(t, checked)| (Some(t), checked))).await {
        // What the file names beyond what was asked opens nothing.
        Ok(checked) => answer(StatusCode::OK, verdict(&seat, &question, count - checked.iter().filter(|o| o.opens == Some(true)).count(), count)),
        Err(NodeError::Absent(_)) => answer(StatusCode::OK, html! { p.notice role="status" { (t(lang, "ask.check-unknown")) } }),
        Err(e) => answer(StatusCode::UNPROCESSABLE_ENTITY, refused(&desk, &seat, &e)),
    }
}

fn verdict(seat: &Seat, question: &Digest, bad: usize, count: usize) -> Markup {
    let lang = seat.lang;
    let values = [("n", count.to_string()), ("bad", bad.to_string())];
    let values: Vec<(&str, &str)> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    html! {
        div.sheet role="status" {
            @if bad == 0 && count > 0 { p.good { strong { (fill(lang, "ask.check-good", &values[..1])) } } }
            @else { p.late { strong { (fill(lang, "ask.check-bad", &values)) } } }
            p.quiet { code dir="ltr" { (question) } }
        }
    }
}
