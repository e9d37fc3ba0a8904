//! What partners asked of us: who, in which case, why, how much; and of which hits they learnt a reference. Of whom it was is known to nobody
//! here. A look has a reason, which is asked once a session and logged each time.

use super::{SERVED, tabs};
use crate::access::{Pages, Posted};
use crate::desk::Desk;
use crate::layout::{Live, csrf, failed, page};
use crate::pages::audit::begins;
use crate::pages::dossier::names;
use crate::session::{REASON_CHARS_MAX, Seat};
use crate::show::{self, Names};
use crate::view::number;
use crate::when;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use base::UnixMs;
use jiff::civil;
use maud::{Markup, html};
use node::ServedView;
use serde::Deserialize;

/// Days that are looked at where nothing else is asked for.
const DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// Questions that one page shows.
const LINES_MAX: usize = 30;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/served", SERVED, served).post("/ask/served", SERVED, reason)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    skip: usize,
}

async fn reason(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let why: String = form.get("reason").trim().chars().take(REASON_CHARS_MAX).collect();
    if !why.is_empty()
        && let Err(e) = desk.remember_why_served(&seat, why).await
    {
        return failed(&seat, &desk, &e);
    }
    Redirect::to("/ask/served").into_response()
}

async fn served(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    let lang = seat.lang;
    let why = seat.session.why_served().to_owned();
    if why.is_empty() {
        let main = html! {
            h1 { (t(lang, "ask.served")) }
            (tabs(&seat, "/ask/served"))
            p { (t(lang, "ask.served-why")) }
            form method="post" action="/ask/served" {
                (csrf(&seat))
                fieldset.field { legend { label for="reason" { (t(lang, "reason.label")) } }
                    input #reason type="text" name="reason" required maxlength=(REASON_CHARS_MAX) dir="auto"; }
                button.main { (t(lang, "ask.served-look")) }
            }
        };
        return page(&seat, t(lang, "ask.served"), Live::Still, main).into_response();
    }
    let day = |typed: &str| typed.parse::<civil::Date>().ok();
    let from = day(&q.from).and_then(|d| begins(d, &seat.zone)).unwrap_or(seat.now.plus_ms(-DAYS * DAY_MS));
    let until = day(&q.until).and_then(|d| d.tomorrow().ok()).and_then(|d| begins(d, &seat.zone)).unwrap_or(seat.now.plus_ms(1));
    let (officer, now) = (seat.officer.clone(), seat.now);
    match desk.run(move |n| n.served_questions(&officer, (from, until), &why, now).map(|(t, found)| (Some(t), (found, names(n))))).await {
        Ok((found, names)) => page(&seat, t(lang, "ask.served"), Live::Told, draw(&seat, &found, &names, &q, (from, until))).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

fn draw(seat: &Seat, found: &[ServedView], names: &Names, q: &Wanted, (from, until): (UnixMs, UnixMs)) -> Markup {
    let lang = seat.lang;
    let at = |skip: usize| format!("/ask/served?from={}&until={}&skip={skip}", safe(&q.from), safe(&q.until));
    html! {
        h1 { (t(lang, "ask.served")) }
        (tabs(seat, "/ask/served"))
        p { (t(lang, "ask.served-text")) }
        form.noprint method="get" action="/ask/served" {
            div.parts {
                div.part { label for="from" { (t(lang, "audit.from")) } input #from type="date" name="from" value=(safe(&q.from)); }
                div.part { label for="until" { (t(lang, "audit.until")) } input #until type="date" name="until" value=(safe(&q.until)); }
                div.part { button { (t(lang, "ask.served-look")) } }
            }
        }
        h2 { (many(lang, "ask.served-found", found.len())) }
        p.quiet { (when::moment(seat, from)) " – " (when::moment(seat, until)) }
        @if !found.is_empty() { ul.list { @for s in found.iter().skip(q.skip).take(LINES_MAX) { (line(seat, s, names)) } } }
        div.row.noprint {
            @if q.skip > 0 { a.button href=(at(q.skip.saturating_sub(LINES_MAX))) { (t(lang, "ask.newer")) } }
            @if found.len() > q.skip.saturating_add(LINES_MAX) { a.button href=(at(q.skip + LINES_MAX)) { (t(lang, "ask.older")) } }
        }
    }
}

/// A day as it was typed, if it is one.
fn safe(typed: &str) -> String {
    typed.parse::<civil::Date>().map(|d| d.to_string()).unwrap_or_default()
}

fn line(seat: &Seat, s: &ServedView, names: &Names) -> Markup {
    let lang = seat.lang;
    let from = show::code(names, &s.from);
    let aim = if s.aim == "learn-more" { t(lang, "ask.aim.learn-more") } else { t(lang, "ask.aim.identify") };
    let elements = number(lang, i64::try_from(s.elements).unwrap_or(i64::MAX));
    html! {
        li {
            div {
                p { strong { bdi { (from) } } " · " bdi { (s.reference) } }
                p { (coded(lang, "legal-purposes", &s.purpose)) " · " (coded(lang, "crime-areas", &s.offence)) " · " (coded(lang,
                    "data-subject-categories", &s.category)) " · " (aim) }
                @if let Some(r) = &s.reason { p { span.said lang=(r.lang.as_str()) dir="auto" { (r.text) } } }
                p.quiet {
                    (t(lang, "ask.by")) " " bdi { (s.officer) } " · " (fill(lang, "ask.served-elements", &[("n", &elements)])) " · "
                    code dir="ltr" title=(s.question) { (s.question.chars().take(16).collect::<String>()) }
                    @if let Some(g) = s.grant { " · " a href=(format!("/dossiers/{g}")) { (t(lang, "ask.grant")) } }
                }
            }
            div.side {
                p.quiet { (when::moment(seat, s.at)) }
                @match &s.confirmed {
                    None => p.quiet { (t(lang, "ask.served-nothing")) },
                    Some(refs) => p.late { (t(lang, "ask.served-confirmed")) " " @for (i, r) in refs.iter().enumerate() { @if i > 0 { ", " } bdi {
                        (r) } } },
                }
            }
        }
    }
}
