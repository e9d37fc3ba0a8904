//! Search across dossiers. A search reads contents: it has a reason, and is logged with it and with what it named.
//!
//! What is searched travels in a form and lies in the session under a number: it stands in no address, no history, no proxy's log.

use super::desk::listed_line;
use crate::access::{Pages, Posted, READ};
use crate::desk::Desk;
use crate::layout::{Live, absent, csrf, failed, page};
use crate::search::{Found, QUERY_CHARS_MAX, Query, Snippet, highlight, lines};
use crate::session::{REASON_CHARS_MAX, Seat};
use crate::words::{many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use dossier::Mechanism;
use maud::{Markup, html};
use node::{Listed, Node, NodeError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Dossiers of one answer.
const HITS_MAX: usize = 30;
/// Places shown of one dossier.
const SNIPPETS_MAX: usize = 3;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/search", READ, blank).post("/search", READ, ask).get("/search/{number}", READ, answer)
}

async fn blank(Extension(seat): Extension<Seat>) -> Markup {
    let lang = seat.lang;
    let main = html! { h1 { (t(lang, "search.title")) } (form(&seat, "")) (help(&seat)) };
    page(&seat, t(lang, "search.title"), Live::Still, main)
}

async fn ask(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let query: String = form.get("q").trim().chars().take(QUERY_CHARS_MAX).collect();
    let why: String = form.get("reason").trim().chars().take(REASON_CHARS_MAX).collect();
    if query.is_empty() {
        return Redirect::to("/search").into_response();
    }
    match desk.remember_search(&seat, query, why).await {
        Ok(number) => Redirect::to(&format!("/search/{number}")).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// What an answer shows.
struct Answer {
    hits: Vec<(Listed, Vec<Snippet>)>,
    more: bool,
    /// Dossiers for whose words there was no room.
    not_searched: usize,
    mechanisms: BTreeMap<String, Arc<Mechanism>>,
}

async fn answer(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(number): Path<String>) -> Response {
    let lang = seat.lang;
    let Some(typed) = number.parse().ok().and_then(|n| seat.session.search(n)).map(str::to_owned) else { return absent(&seat) };
    let query = Query::read(&typed);
    let left_out = query.left_out.clone();
    let title = t(lang, "search.title");
    if seat.session.why_search().is_empty() {
        let main = html! { h1 { (title) } (form(&seat, &typed)) (help(&seat)) };
        return page(&seat, title, Live::Still, main).into_response();
    }
    let found = match find(&desk, &seat, typed.clone(), query).await {
        Ok(found) => found,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let main = html! {
        h1 { (title) }
        (form(&seat, &typed))
        @if !left_out.is_empty() { p.soon { (t(lang, "search.left-out")) " " @for l in &left_out { bdi { (l) } " " } } }
        h2 { (many(lang, "search.found", found.hits.len())) }
        @if found.more { p.quiet { (t(lang, "search.more")) } }
        @if found.not_searched > 0 { p.soon { (many(lang, "search.full", found.not_searched)) } }
        @if !found.hits.is_empty() {
            ul.list.hits { @for (l, snippets) in &found.hits {
                (listed_line(&seat, &found.mechanisms, l, false))
                @if !snippets.is_empty() { li.quoted { div { @for s in snippets.iter().take(SNIPPETS_MAX) { (quoted(lang, &found.mechanisms, l, s)) } } } }
            } }
        }
        (help(&seat))
    };
    page(&seat, title, Live::Still, main).into_response()
}

/// Draws a place where something was found, under the names of its field and item.
fn quoted(lang: base::Lang, mechanisms: &BTreeMap<String, Arc<Mechanism>>, l: &Listed, s: &Snippet) -> Markup {
    let kind = mechanisms.get(&l.mechanism).and_then(|m| m.kind(&s.kind));
    let fields = kind.into_iter().flat_map(|k| k.fields.iter().chain(k.moves.iter().flat_map(|m| &m.fields)));
    let label = fields.into_iter().find(|f| f.id == s.field).map_or(s.field.as_str(), |f| f.label.get(lang));
    html! { p { span.quiet { (label) ": " } (highlight(s)) } }
}

async fn find(desk: &Desk, seat: &Seat, typed: String, query: Query) -> Result<Answer, NodeError> {
    desk.finder.refresh(desk).await?;
    let (finder, officer, why, now) = (Arc::clone(&desk.finder), seat.officer.clone(), seat.session.why_search().to_owned(), seat.now);
    desk.run(move |n: &mut Node| {
        let mut trouble = None;
        // Who reads dossiers here may know of all of them; one that stands in no list is known to nobody.
        let (found, not_searched): (Found, usize) = {
            let mut allowed = BTreeMap::new();
            for l in n.list(None, None, usize::MAX)? {
                allowed.insert(l.id, l);
            }
            let mut read = |id: &base::DossierId| match n.view(id, &officer.roles, now).and_then(|v| Ok(lines(&v, &*n.mechanism_of(id)?))) {
                Ok(lines) => Some(lines),
                Err(e) => {
                    trouble = trouble.take().or(Some(e));
                    None
                }
            };
            finder.with_index(|index| (index.find(&query, HITS_MAX, &|id| allowed.contains_key(id), &mut read), index.left_out()))
        };
        if let Some(e) = trouble {
            return Err(e);
        }
        let named: Vec<base::DossierId> = found.hits.iter().map(|h| h.id).collect();
        let ticket = n.note_search(&officer, &typed, &why, &named, now)?;
        let mut hits = Vec::new();
        for hit in found.hits {
            hits.extend(n.listed_one(&hit.id)?.map(|l| (l, hit.snippets)));
        }
        let mechanisms = n.mechanisms().map(|m| (m.id.clone(), Arc::clone(m))).collect();
        Ok((Some(ticket), Answer { hits, more: found.more, not_searched, mechanisms }))
    })
    .await
}

fn form(seat: &Seat, typed: &str) -> Markup {
    let lang = seat.lang;
    html! {
        form.search method="post" action="/search" role="search" {
            (csrf(seat))
            fieldset.field { legend { label for="query" { (t(lang, "search.words")) } }
                input #query type="search" name="q" value=(typed) required maxlength=(QUERY_CHARS_MAX) dir="auto" autocomplete="off"; }
            fieldset.field { legend { label for="why" { (t(lang, "search.why")) } }
                input #why type="text" name="reason" value=(seat.session.why_search()) required maxlength=(REASON_CHARS_MAX) dir="auto"; }
            div.row { button.main { (t(lang, "search.button")) } }
        }
    }
}

/// How to ask, with examples whose filters bear the names of the reader's language.
fn help(seat: &Seat) -> Markup {
    let lang = seat.lang;
    let rows = [
        ("search.help.word.x", "search.help.word"),
        ("search.help.phrase.x", "search.help.phrase"),
        ("search.help.without.x", "search.help.without"),
        ("search.help.begins.x", "search.help.begins"),
        ("search.help.partner.x", "search.help.partner"),
        ("search.help.when.x", "search.help.when"),
        ("search.help.is.x", "search.help.is"),
    ];
    html! {
        section.sheet { h2 { (t(lang, "search.help")) }
            dl.fields { @for (example, text) in rows { dt { code dir="auto" { (t(lang, example)) } } dd { (t(lang, text)) } } }
            p.quiet { (t(lang, "search.help.languages")) } p.quiet { (t(lang, "search.help.logged")) }
        }
    }
}
