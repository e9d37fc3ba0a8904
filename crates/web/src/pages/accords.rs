//! Accords in force: with whom, until when, and what each permits, by the versions of mechanisms that the parties signed.

use super::dossier::names;
use crate::access::{Pages, READ};
use crate::desk::Desk;
use crate::layout::{Live, failed, page};
use crate::session::Seat;
use crate::when;
use crate::words::{fill, many, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dossier::Mechanism;
use maud::{Markup, html};
use std::sync::Arc;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/accords", READ, accords)
}

fn mechanism(lang: base::Lang, m: &Mechanism) -> Markup {
    html! {
        li { div {
            p { strong { (m.label.get(lang)) } }
            p.quiet { (m.about.get(lang)) }
            details { summary { (fill(lang, "accords.version", &[("n", &m.version.to_string())])) } p { code dir="ltr" { (m.id) " " (m.hash) } } }
        } }
    }
}

async fn accords(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let now = seat.now;
    let gathered = desk.read(move |n| {
        let mechanisms: Vec<Arc<Mechanism>> = n.mechanisms().map(Arc::clone).collect();
        let under_way = n.list(Some(dossier::accord::MECHANISM), Some(false), usize::MAX)?;
        Ok((n.accords(now)?, mechanisms, under_way, names(n), n.me()))
    });
    let (all, mechanisms, under_way, names, me) = match gathered.await {
        Ok(all) => all,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let lang = seat.lang;
    let waiting: Vec<_> = under_way.into_iter().filter(|l| !all.iter().any(|a| a.dossier == l.id)).collect();
    let main = html! {
        h1 { (t(lang, "accords.title")) }
        p.quiet { (t(lang, "accords.text")) }
        @if all.is_empty() { p.notice { (t(lang, "new.no-accord")) } }
        @for a in &all {
            section {
                h2 { a href=(format!("/dossiers/{}", a.dossier)) { bdi { (a.title) } } }
                p {
                    (t(lang, "new.with")) " " @for (i, p) in a.parties.iter().filter(|p| **p != me).enumerate() { @if i > 0 { ", " }
                        a href=(format!("/partners/{p}")) { bdi { (names.get(&p.to_string()).cloned().unwrap_or_default()) } } }
                    @if let Some(until) = a.valid_until { " · " (t(lang, "new.until")) " " (when::day(&seat, &until.to_string())) }
                }
                ul.list { @for m in mechanisms.iter().filter(|m| a.mechanisms.contains(&m.id)) { (mechanism(lang, m)) } }
            }
        }
        @if !waiting.is_empty() {
            h2 { (many(lang, "accords.under-way", waiting.len())) }
            ul.list { @for l in &waiting { li { p { a href=(format!("/dossiers/{}", l.id)) { bdi { (l.title) } } } } } }
        }
    };
    page(&seat, t(lang, "accords.title"), Live::Still, main).into_response()
}
