//! All dossiers, the one that changed last first.

use super::desk::listed_line;
use crate::access::{Pages, READ};
use crate::desk::Desk;
use crate::layout::{Live, failed, page};
use crate::reading;
use crate::session::Seat;
use crate::words::{many, t};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use dossier::Mechanism;
use maud::html;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Dossiers on one page.
const LISTED_MAX: usize = 200;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers", READ, dossiers)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    mechanism: String,
    #[serde(default)]
    state: String,
}

async fn dossiers(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    let lang = seat.lang;
    let (officer, mechanism) = (seat.officer.clone(), q.mechanism.clone());
    let closed = match q.state.as_str() {
        "open" => Some(false),
        "closed" => Some(true),
        _ => None,
    };
    let gathered = desk.read(move |n| {
        let mechanisms: BTreeMap<String, Arc<Mechanism>> = n.mechanisms().map(|m| (m.id.clone(), Arc::clone(m))).collect();
        let wanted = Some(mechanism.as_str()).filter(|m| !m.is_empty());
        Ok((n.list(wanted, closed, LISTED_MAX)?, reading::of(n, &officer)?, mechanisms))
    });
    let (listed, read, mechanisms) = match gathered.await {
        Ok(all) => all,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let states = [("", t(lang, "dossiers.all")), ("open", t(lang, "dossiers.open")), ("closed", t(lang, "dossiers.closed"))];
    let main = html! {
        h1 { (t(lang, "nav.dossiers")) }
        form.row method="get" action="/dossiers" {
            label { (t(lang, "new.mechanism")) " " select name="mechanism" {
                option value="" { (t(lang, "dossiers.all")) }
                @for (id, m) in &mechanisms { option value=(id) selected[*id == q.mechanism] { (m.label.get(lang)) } }
            } }
            label { (t(lang, "dossiers.state")) " " select name="state" { @for (v, words) in states { option value=(v) selected[v == q.state] { (words) } } } }
            button { (t(lang, "dossiers.show")) }
        }
        p.quiet { (many(lang, "dossiers.count", listed.len())) }
        @if !listed.is_empty() { ul.list { @for l in &listed { (listed_line(&seat, &mechanisms, l, read.get(&l.id).is_none_or(|at| *at < l.updated_at))) } } }
    };
    page(&seat, t(lang, "nav.dossiers"), Live::Told, main).into_response()
}
