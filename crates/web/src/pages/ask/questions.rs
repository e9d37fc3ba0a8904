//! The questions asked: hits that wait for somebody first, then standing subjects, then all others; and what is left of the quotas.

use super::{ASK, SEE, called, left, state, tabs};
use crate::access::Pages;
use crate::desk::Desk;
use crate::layout::{Live, failed, page};
use crate::pages::dossier::names;
use crate::session::Seat;
use crate::show::{self, Names};
use crate::when;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use node::{AskView, Askable, Asked};
use serde::Deserialize;

/// Questions of each list; the last one goes on by pages.
const LINES_MAX: usize = 40;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask", SEE, questions)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    skip: usize,
}

async fn questions(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    let (officer, now, asks_too) = (seat.officer.clone(), seat.now, ASK.lets(&seat.officer.roles));
    let gather = move |n: &mut node::Node| Ok((n.asks(&officer, None)?, if asks_too { n.askables(&officer, now)? } else { Vec::new() }, names(n)));
    match desk.read(gather).await {
        Ok((asks, askables, names)) => page(&seat, t(seat.lang, "ask.title"), Live::Fresh, draw(&seat, asks, &askables, &names, q.skip)).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// Tells whether somebody must do something about a question.
fn waits(a: &AskView) -> bool {
    match a.asked {
        Asked::Hit | Asked::Confirmed => true,
        Asked::Referred => a.followed.is_none(),
        _ => false,
    }
}

fn draw(seat: &Seat, asks: Vec<AskView>, askables: &[Askable], names: &Names, skip: usize) -> Markup {
    let lang = seat.lang;
    let (hits, rest): (Vec<AskView>, Vec<AskView>) = asks.into_iter().partition(waits);
    let (standing, others): (Vec<AskView>, Vec<AskView>) = rest.into_iter().partition(|a| a.standing);
    let name = |s: &base::ServiceId| show::code(names, s);
    html! {
        h1 { (t(lang, "ask.title")) }
        (tabs(seat, "/ask"))
        section aria-labelledby="hits" {
            h2 #hits { (many(lang, "ask.hits", hits.len())) }
            @if hits.is_empty() { p.quiet { (t(lang, "ask.nothing")) } } @else { ul.list { @for a in hits.iter().take(LINES_MAX) { (line(seat, a,
                &name(&a.to))) } } }
        }
        @if !standing.is_empty() {
            section aria-labelledby="standing" {
                h2 #standing { (many(lang, "ask.standing-count", standing.len())) }
                ul.list { @for a in standing.iter().take(LINES_MAX) { (line(seat, a, &name(&a.to))) } }
            }
        }
        section aria-labelledby="others" {
            h2 #others { (many(lang, "ask.others", others.len())) }
            @if !others.is_empty() { ul.list { @for a in others.iter().skip(skip).take(LINES_MAX) { (line(seat, a, &name(&a.to))) } } }
            div.row.noprint {
                @if skip > 0 { a.button href=(format!("/ask?skip={}", skip.saturating_sub(LINES_MAX))) { (t(lang, "ask.newer")) } }
                @if others.len() > skip.saturating_add(LINES_MAX) { a.button href=(format!("/ask?skip={}", skip + LINES_MAX)) { (t(lang,
                    "ask.older")) } }
            }
        }
        @if ASK.lets(&seat.officer.roles) {
            section aria-labelledby="left" {
                h2 #left { (t(lang, "ask.left")) }
                @if askables.is_empty() { p.quiet { (t(lang, "ask.no-accord")) } }
                @else { ul.list { @for a in askables { li { div { p { strong { bdi { (name(&a.partner)) } } } (quotas(seat, a)) } div.side {
                    (list_of(seat, a)) } } } } }
            }
        }
    }
}

/// What an officer and the service have left with a partner.
pub(super) fn quotas(seat: &Seat, a: &Askable) -> Markup {
    html! {
        p.quiet { (left(seat.lang, "ask.left-officer", a.officer)) }
        p.quiet { (left(seat.lang, "ask.left-service", a.service)) }
    }
}

/// How old a partner's list is, or that none is here.
pub(super) fn list_of(seat: &Seat, a: &Askable) -> Markup {
    let lang = seat.lang;
    html! {
        @match a.list {
            Some((as_of, _)) => p.quiet { (t(lang, "ask.as-of")) " " (when::moment(seat, as_of)) },
            None => p.soon { (t(lang, "ask.no-list")) },
        }
    }
}

fn line(seat: &Seat, a: &AskView, to: &str) -> Markup {
    let lang = seat.lang;
    let (class, words) = state(lang, a);
    let whose = a.officer != seat.officer.id.as_str();
    html! {
        li {
            div {
                p { a href=(format!("/ask/{}", a.question)) { bdi { (called(a)) } } " · " bdi { (to) } @if a.standing { " " span.tag { (t(lang,
                    "ask.standing")) } } }
                p.quiet {
                    bdi { (a.why.reference) } " · " (coded(lang, "crime-areas", &a.why.offence)) @if whose { " · " bdi { (a.officer) } }
                    " · " (when::moment(seat, a.at))
                }
            }
            div.side {
                p class=(class) { (words) }
                @if let (Some(until), true) = (a.expires_at, !matches!(a.asked, Asked::Sent)) { p.quiet { (expires(seat, a, until)) } }
            }
        }
    }
}

/// Says until when a result is kept; what was not hit can be seen, and there is nothing to confirm.
pub(super) fn expires(seat: &Seat, a: &AskView, until: base::UnixMs) -> Markup {
    let lang = seat.lang;
    let words = if a.asked == Asked::Hit { t(lang, "ask.until") } else { t(lang, "ask.seen-until") };
    let left = crate::view::length(lang, (until.0 - seat.now.0).max(0));
    html! { (words) " " (when::moment(seat, until)) " (" (fill(lang, "ask.within", &[("for", &left)])) ")" }
}
