//! The index is filled from a file, whole or not at all: 1 the file and what its lines leave unsaid, 2 every line read or rejected by number and code, 3 loaded,
//! and partners get what changed.

use super::lists::rejected;
use super::{KEEP, tabs};
use crate::access::{Pages, Posted};
use crate::desk::{Desk, IndexSource};
use crate::layout::{Live, csrf, failed, page};
use crate::pages::moves::refused;
use crate::session::Seat;
use crate::words::{coded, t};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

/// Characters of a source's name, a contact and a quality.
const LINE_CHARS_MAX: usize = 100;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/index/load", KEEP, form).post("/ask/index/load", KEEP, load)
}

async fn form(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    draw(&desk, &seat, StatusCode::OK, &Posted::default(), None).await
}

/// One line of what a file may leave unsaid.
fn line(posted: &Posted, name: &str, label: &str, kind: &str) -> Markup {
    html! { label.part { span { (label) } input type=(kind) name=(name) value=(posted.get(name)) maxlength=(LINE_CHARS_MAX) dir=[(kind == "text").then_some("auto")]; } }
}

async fn draw(desk: &Desk, seat: &Seat, status: StatusCode, posted: &Posted, trouble: Option<Markup>) -> Response {
    let (lang, now) = (seat.lang, seat.now);
    let categories = match desk.read(move |n| n.index_categories(now)).await {
        Ok(categories) => categories,
        Err(e) => return failed(seat, desk, &e),
    };
    let check = |name: &str, words: &str| {
        html! { label.check { input type="checkbox" name=(name) value="yes" checked[posted.get(name) == "yes"]; span { (words) } } }
    };
    let main = html! {
        p.quiet { a href="/ask/index" { (t(lang, "ask.index")) } }
        h1 { (t(lang, "ask.load")) }
        (tabs(seat, ""))
        @if let Some(trouble) = trouble { (trouble) }
        form method="post" action="/ask/index/load" enctype="multipart/form-data" {
            (csrf(seat))
            fieldset.field { legend { label for="files" { (t(lang, "ask.load-file")) } }
                p.quiet { (t(lang, "ask.load-file-text")) }
                input #files type="file" name="file" accept=".csv,.json,.jsonl,.ndjson,.ftm,.ijson";
                label.part { span { (t(lang, "ask.lists-paste")) } textarea name="text" dir="auto" rows="6" { (posted.get("text")) } } }
            fieldset.field { legend { label for="source" { (t(lang, "ask.load-source")) } }
                p.quiet { (t(lang, "ask.load-source-text")) }
                input #source type="text" name="source" value=(posted.get("source")) maxlength=(LINE_CHARS_MAX) dir="auto";
                (check("add", t(lang, "ask.load-add")))
                (check("skip", t(lang, "ask.load-skip"))) }
            fieldset.field { legend { (t(lang, "ask.load-unsaid")) }
                div.parts {
                    label.part { span { (t(lang, "ask.category")) } select name="category" { option value="" { (t(lang, "form.none")) }
                        @for c in &categories { option value=(c) selected[posted.get("category") == c] { (coded(lang, "data-subject-categories", c)) } } } }
                    (line(posted, "contact", t(lang, "ask.load-contact"), "text"))
                    (line(posted, "until", t(lang, "ask.load-until"), "date"))
                    (line(posted, "quality", t(lang, "ask.load-quality"), "text"))
                } }
            div.row { button.main { (t(lang, "ask.load-do")) } a.button href="/ask/index" { (t(lang, "form.cancel")) } }
        }
    };
    (status, page(seat, t(lang, "ask.load"), Live::Still, main)).into_response()
}

async fn load(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>) -> Response {
    let lang = seat.lang;
    let (file, pasted) = (posted.get("file"), posted.get("text"));
    let (name, text) = if file.trim().is_empty() { ("", pasted) } else { (posted.get("file:file"), file) };
    let source = [posted.get("source"), name].into_iter().map(str::trim).find(|s| !s.is_empty()).unwrap_or_default();
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let lacks = [(text, "ask.load-file"), (source, "ask.load-source")].into_iter().find(|(said, _)| said.trim().is_empty());
    if let Some((_, what)) = lacks {
        let trouble = html! { div.notice role="alert" { p { strong { (t(lang, what)) ": " (t(lang, "ask.missing")) } } } };
        return draw(&desk, &seat, unprocessable, &posted, Some(trouble)).await;
    }
    let file = IndexSource {
        source: source.to_owned(),
        file: name.to_owned(),
        text: text.to_owned(),
        unsaid: ["category", "contact", "until", "quality"].map(|n| posted.get(n).trim().to_owned()),
        add: posted.get("add") == "yes",
        skip_rejects: posted.get("skip") == "yes",
    };
    match desk.node.load_index(seat.officer.clone(), file).await {
        Ok(done) if done.is_loaded => {
            desk.node.publish_index(seat.officer.clone(), None, false).await;
            Redirect::to("/ask/index").into_response()
        }
        Ok(done) => {
            let trouble = html! { p.late role="alert" { (t(lang, "ask.not-loaded")) } (rejected(&desk, &seat, done.rejected, &done.rejects)) };
            draw(&desk, &seat, unprocessable, &posted, Some(trouble)).await
        }
        Err(e) => draw(&desk, &seat, unprocessable, &posted, Some(refused(&desk, &seat, &e))).await,
    }
}
