//! Drafts of the press: texts in by pasting or as files, drafts out; those that nobody has looked at first; several joined into one.

use super::register::DECIDE;
use crate::access::{Pages, Posted, READ};
use crate::desk::{Desk, Lay};
use crate::layout::{Live, csrf, failed, notice, page};
use crate::press;
use crate::session::Seat;
use crate::when;
use crate::words::{coded, many, t};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::UnixMs;
use maud::{Markup, html};
use node::{Draft, DraftState, EventDraft, NewText, NodeError, Silent, TEXT_BYTES_MAX, TEXTS_MAX};
use std::sync::Arc;

/// Drafts of each list; the rest is counted.
const LINES_MAX: usize = 50;
/// Bytes of all texts of one import by the desk; more of them go by `entente register import`.
const IMPORT_BYTES_MAX: usize = 8 << 20;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/register/drafts", READ, drafts).post("/register/drafts", DECIDE, import).post("/register/join", DECIDE, join)
}

/// What just happened, to be told above the list.
#[derive(Default)]
struct Told {
    /// Drafts that an import touched.
    read: Option<usize>,
    silent: Vec<Silent>,
    trouble: Option<Markup>,
}

async fn drafts(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    list(&desk, &seat, StatusCode::OK, &Told::default()).await
}

async fn list(desk: &Desk, seat: &Seat, status: StatusCode, told: &Told) -> Response {
    match desk.read(|n| n.drafts()).await {
        Ok(mut all) => {
            all.sort_by_key(|d| std::cmp::Reverse(d.event.date_from.map(|d| d.to_string()).unwrap_or_default()));
            (status, page(seat, t(seat.lang, "drafts.title"), Live::Still, draw(desk, seat, &all, told))).into_response()
        }
        Err(e) => failed(seat, desk, &e),
    }
}

/// The days of an event, or that they are open.
pub(super) fn days(seat: &Seat, e: &EventDraft) -> Markup {
    let day = |d: Option<_>| d.map(|d: jiff::civil::Date| when::day(seat, &d.to_string()));
    html! {
        @match (day(e.date_from), day(e.date_to)) {
            (Some(from), Some(_)) if e.date_from == e.date_to => (from),
            (Some(from), Some(to)) => { (from) " – " (to) }
            _ => span.soon { (t(seat.lang, "fact.open")) },
        }
    }
}

fn line(seat: &Seat, d: &Draft, to_join: bool) -> Markup {
    let (lang, e) = (seat.lang, &d.event);
    let countries: Vec<&str> = e.countries.iter().map(|c| coded(lang, "countries", c)).collect();
    html! {
        li {
            div {
                p {
                    @if to_join { input type="checkbox" name="draft" value=(d.id) form="join" aria-label=(format!("{} {}", t(lang, "drafts.choose"), d.id)); " " }
                    a href=(format!("/register/drafts/{}", d.id)) { (press::kind(lang, e.kind.code())) @if let Some(p) = &e.place { " · " bdi { (p) } } }
                }
                p.quiet { (countries.join(", ")) " · " (many(lang, "drafts.texts", d.texts.len())) }
                @if !d.later.is_empty() { p.soon { (many(lang, "drafts.later", d.later.len())) } }
            }
            div.side { p { (days(seat, e)) } @if let Some(by) = &d.by { p.quiet { (t(lang, "drafts.by")) " " bdi { (by) } } } }
        }
    }
}

fn draw(desk: &Desk, seat: &Seat, all: &[Draft], told: &Told) -> Markup {
    let lang = seat.lang;
    let of = |state: DraftState| all.iter().filter(|d| d.state == state).collect::<Vec<_>>();
    let (open, confirmed, rejected) = (of(DraftState::Draft), of(DraftState::Confirmed), of(DraftState::Rejected));
    let may = DECIDE.lets(&seat.officer.roles);
    html! {
        p.quiet { a href="/register" { (t(lang, "nav.register")) } }
        h1 { (t(lang, "drafts.title")) }
        @if let Some(trouble) = &told.trouble { (trouble) }
        @if let Some(n) = told.read { p.notice role="status" { (many(lang, "drafts.read", n)) } }
        @for s in &told.silent { p { bdi { (s.source) } } (notice(lang, s.reason.code(), desk, &s.reason.to_string())) }
        section aria-labelledby="open" {
            h2 #open { (many(lang, "drafts.open", open.len())) }
            @if !open.is_empty() {
                ul.list { @for d in open.iter().take(LINES_MAX) { (line(seat, d, may && open.len() > 1)) } }
                @if may && open.len() > 1 {
                    form #join method="post" action="/register/join" { (csrf(seat)) div.row { button { (t(lang, "drafts.join")) } } }
                }
            }
        }
        @if may {
            section aria-labelledby="import" {
                h2 #import { (t(lang, "drafts.import")) }
                p.quiet { (t(lang, "drafts.import-text")) }
                form method="post" action="/register/drafts" enctype="multipart/form-data" {
                    (csrf(seat))
                    fieldset.field {
                        legend { label for="source" { (t(lang, "drafts.source")) } }
                        input #source type="text" name="source" dir="auto" maxlength="300";
                        label.part { span { (t(lang, "drafts.paste")) } textarea name="text" dir="auto" rows="6" {} }
                    }
                    fieldset.field {
                        legend { label for="files" { (t(lang, "drafts.files")) } }
                        input #files type="file" name="file" multiple accept="text/plain,text/html,.txt,.html";
                    }
                    div.row { button.main { (t(lang, "drafts.read-button")) } }
                }
            }
        }
        @for (key, some) in [("drafts.confirmed", &confirmed), ("drafts.rejected", &rejected)] {
            @if !some.is_empty() { details { summary { (many(lang, key, some.len())) } ul.list { @for d in some.iter().take(LINES_MAX) { (line(seat, d, false)) } } } }
        }
    }
}

/// Takes the texts of a form: the pasted one under the source that was named, files under their names.
fn texts(form: &Posted, now: UnixMs) -> Vec<NewText> {
    let pasted = Some(form.get("text")).filter(|t| !t.trim().is_empty()).map(|body| {
        let named = form.get("source").trim();
        NewText { path: if named.is_empty() { format!("desk/{now}") } else { named.to_owned() }, body: body.to_owned() }
    });
    let files = form.all("file:file").zip(form.all("file")).map(|(path, body)| NewText { path: path.to_owned(), body: body.to_owned() });
    pasted.into_iter().chain(files).collect()
}

async fn import(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let (new, now) = (texts(&form, seat.now), seat.now);
    let bytes: usize = new.iter().map(|t| t.body.len()).sum();
    if new.is_empty() || new.len() > TEXTS_MAX || bytes > IMPORT_BYTES_MAX {
        let code = if new.is_empty() { "register.text.empty" } else { "register.text.too-many" };
        let details = format!("text_bytes_max = {TEXT_BYTES_MAX}, texts_max = {TEXTS_MAX}, import_bytes_max = {IMPORT_BYTES_MAX}");
        let told = Told { trouble: Some(notice(seat.lang, code, &desk, &details)), ..Told::default() };
        return list(&desk, &seat, StatusCode::UNPROCESSABLE_ENTITY, &told).await;
    }
    let lay: Lay = Arc::new(move |n| n.press_desk(new.clone(), now));
    match desk.node.press(seat.officer.clone(), lay).await {
        Ok((made, silent)) => list(&desk, &seat, StatusCode::OK, &Told { read: Some(made.len()), silent, trouble: None }).await,
        Err(e) => refused(&desk, &seat, &e).await,
    }
}

async fn join(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let ids: Vec<String> = form.all("draft").map(str::to_owned).collect();
    let lay: Lay = Arc::new(move |n| n.join_desk(&ids));
    match desk.node.press(seat.officer.clone(), lay).await {
        Ok((made, _)) => Redirect::to(&made.first().map_or_else(|| "/register/drafts".to_owned(), |d| format!("/register/drafts/{}", d.id))).into_response(),
        Err(NodeError::Absent(_)) => crate::layout::absent(&seat),
        Err(e) => refused(&desk, &seat, &e).await,
    }
}

async fn refused(desk: &Desk, seat: &Seat, e: &NodeError) -> Response {
    let told = Told { trouble: Some(super::moves::refused(desk, seat, e)), ..Told::default() };
    list(desk, seat, StatusCode::UNPROCESSABLE_ENTITY, &told).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_texts_and_files_come_in_under_their_names() {
        let form = |pairs: &[(&str, &str)]| Posted(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        let names = |f: &Posted| texts(f, UnixMs(0)).into_iter().map(|t| (t.path, t.body)).collect::<Vec<_>>();
        let of = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let full = form(&[("source", " outlet/1 "), ("text", "t"), ("file:file", "a.txt"), ("file", "A"), ("file:file", "b.txt"), ("file", "B")]);
        assert_eq!(names(&full), [of("outlet/1", "t"), of("a.txt", "A"), of("b.txt", "B")]);
        assert_eq!(names(&form(&[("source", ""), ("text", "t")])), [of("desk/1970-01-01T00:00:00Z", "t")]);
        assert_eq!(names(&form(&[("source", "x"), ("text", " \n ")])), []);
    }
}
