//! Many persons in one cause: lists that are asked under a list grant, how far each is, paused and resumed by an act in the grant's own dossier;
//! a list taken in from a file, whole or not at all.

use super::{ASK, SEE, called, tabs};
use crate::access::{Pages, Posted};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, notice, page};
use crate::pages::dossier::names;
use crate::pages::moves::refused;
use crate::session::Seat;
use crate::show::{self, Names};
use crate::view::number;
use crate::words::{fill, many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Digest, DossierId, Handling};
use dossier::Mechanism;
use maud::{Markup, html};
use node::{Aim, Askable, BATCH_PERSONS_MAX, BatchView, HIT_MECHANISM, Intent, Made, Node};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hits of a list that are named; how many there are stands beside.
const HITS_MAX: usize = 30;
/// Rejected lines that are shown; how many there are stands beside.
const REJECTS_MAX: usize = 50;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/lists", SEE, lists).get("/ask/lists/new", ASK, form).post("/ask/lists/new", ASK, take).post("/ask/lists/{id}", ASK, go)
}

/// A list with its grant's reference, and the hits that the officer may look at.
struct Shown {
    batch: BatchView,
    title: String,
    mine: Vec<(Digest, String)>,
}

async fn lists(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    answer(&desk, &seat, StatusCode::OK, None).await
}

async fn answer(desk: &Desk, seat: &Seat, status: StatusCode, trouble: Option<Markup>) -> Response {
    let officer = seat.officer.clone();
    let gather = move |n: &mut Node| {
        let mut out = Vec::new();
        for batch in n.batches()? {
            let title = n.listed_one(&batch.grant)?.map(|l| l.title).filter(|t| !t.is_empty()).unwrap_or_else(|| batch.grant.short());
            let seen = |q: &Digest| n.find_ask(&officer, &q.to_string()).ok().map(|a| (*q, called(&a)));
            let mine = batch.hits.iter().filter_map(seen).collect();
            out.push(Shown { batch, title, mine });
        }
        Ok((out, n.mechanism(HIT_MECHANISM)?, names(n)))
    };
    match desk.read(gather).await {
        Ok((all, mechanism, names)) => {
            let main = html! { @if let Some(trouble) = trouble { (trouble) } (draw(desk, seat, &all, &mechanism, &names)) };
            (status, page(seat, t(seat.lang, "ask.lists"), Live::Fresh, main)).into_response()
        }
        Err(e) => failed(seat, desk, &e),
    }
}

fn draw(desk: &Desk, seat: &Seat, all: &[Shown], mechanism: &Arc<Mechanism>, names: &Names) -> Markup {
    let lang = seat.lang;
    html! {
        h1 { (t(lang, "ask.lists")) }
        (tabs(seat, "/ask/lists"))
        p { (t(lang, "ask.lists-text")) }
        @if ASK.lets(&seat.officer.roles) { div.row.noprint { a.button href="/ask/lists/new" { (t(lang, "ask.lists-new")) } a.button href="/new" {
            (t(lang, "ask.lists-grant")) } } }
        @if all.is_empty() { p.quiet { (t(lang, "ask.lists-none")) } }
        @for s in all { (one(desk, seat, s, mechanism, names)) }
    }
}

fn one(desk: &Desk, seat: &Seat, s: &Shown, mechanism: &Arc<Mechanism>, names: &Names) -> Markup {
    let (lang, b) = (seat.lang, &s.batch);
    let n = |v: usize| number(lang, i64::try_from(v).unwrap_or(i64::MAX));
    let far = fill(lang, "ask.lists-far", &[("asked", &n(b.asked)), ("persons", &n(b.persons)), ("answered", &n(b.answered))]);
    let to = show::code(names, &b.to);
    // Only who asks may pause, and only what runs; the rest is done in the grant's dossier.
    let wish = match b.phase.as_str() {
        "open" => Some(("pause", t(lang, "ask.pause"))),
        "paused" => Some(("resume", t(lang, "ask.resume"))),
        _ => None,
    };
    html! {
        section.sheet aria-labelledby=(format!("list-{}", b.grant)) {
            h2 id=(format!("list-{}", b.grant)) { a href=(format!("/dossiers/{}", b.grant)) { bdi { (s.title) } } " · " bdi { (to) } }
            p { span.tag { (mechanism.phase_label("list", &b.phase, lang)) } }
            p { progress max=(b.persons) value=(b.answered) aria-label=(far) {} }
            p { (far) }
            @if let Some(code) = &b.stands { p.soon { (t(lang, "ask.lists-stands")) } (notice(lang, code, desk, "")) }
            p { (many(lang, "ask.lists-hits", b.hits.len())) }
            @if !s.mine.is_empty() { ul { @for (q, label) in s.mine.iter().take(HITS_MAX) { li { a href=(format!("/ask/{q}")) { bdi { (label) } }
                } } } }
            @if let (Some((name, words)), true) = (wish, ASK.lets(&seat.officer.roles)) {
                form method="post" action=(format!("/ask/lists/{}", b.grant)) { (csrf(seat)) div.row { button name="do" value=(name) { (words) } } }
            }
        }
    }
}

/// Pauses or resumes: a move of our stance in the grant's dossier, which the partner gets like any other.
async fn go(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>, Path(id): Path<String>) -> Response {
    let Ok(grant) = id.parse::<DossierId>() else { return absent(&seat) };
    let name = match posted.get("do") {
        "pause" => "pause",
        "resume" => "resume",
        _ => return absent(&seat),
    };
    match desk.read(move |n| Ok(n.batches()?.iter().any(|b| b.grant == grant))).await {
        Ok(true) => {}
        Ok(false) => return absent(&seat),
        Err(e) => return failed(&seat, &desk, &e),
    }
    let handling = Handling { codes: vec!["H0".to_owned()], ..Handling::default() };
    let intent = Intent::Move { dossier: grant, item: None, name: name.to_owned(), fields: BTreeMap::new(), handling };
    match desk.propose(seat.officer.clone(), intent).await {
        Ok(Made::Act { .. }) => Redirect::to("/ask/lists").into_response(),
        Ok(Made::Pending { id, .. }) => Redirect::to(&format!("/pending/{id}")).into_response(),
        Err(e) => answer(&desk, &seat, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(&desk, &seat, &e))).await,
    }
}

async fn form(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    draw_form(&desk, &seat, StatusCode::OK, &Posted::default(), None).await
}

async fn draw_form(desk: &Desk, seat: &Seat, status: StatusCode, posted: &Posted, trouble: Option<Markup>) -> Response {
    let (officer, now) = (seat.officer.clone(), seat.now);
    let gather = move |n: &mut Node| {
        let taken: Vec<DossierId> = n.batches()?.into_iter().map(|b| b.grant).collect();
        let mut all = n.askables(&officer, now)?;
        all.iter_mut().for_each(|a| a.grants.retain(|g| !taken.contains(&g.dossier)));
        Ok((all, names(n)))
    };
    let (all, names): (Vec<Askable>, Names) = match desk.read(gather).await {
        Ok(all) => all,
        Err(e) => return failed(seat, desk, &e),
    };
    let lang = seat.lang;
    let grants: Vec<_> = all.iter().flat_map(|a| a.grants.iter().map(move |g| (a.partner, g))).collect();
    let aims = [("identify", t(lang, "ask.aim.identify")), ("learn-more", t(lang, "ask.aim.learn-more"))];
    let aim = if posted.get("aim").is_empty() { "identify" } else { posted.get("aim") };
    let main = html! {
        p.quiet { a href="/ask/lists" { (t(lang, "ask.lists")) } }
        h1 { (t(lang, "ask.lists-new")) }
        (tabs(seat, ""))
        @if let Some(trouble) = trouble { (trouble) }
        @if grants.is_empty() { p.notice { (t(lang, "ask.lists-no-grant")) " " a href="/new" { (t(lang, "ask.lists-grant")) } } }
        @else {
            form method="post" action="/ask/lists/new" enctype="multipart/form-data" {
                (csrf(seat))
                fieldset.field { legend { label for="grant" { (t(lang, "ask.grant")) } }
                    select #grant name="grant" required { @for (partner, g) in &grants {
                        option value=(g.dossier) selected[posted.get("grant") == g.dossier.to_string()] {
                            (names.get(&partner.to_string()).cloned().unwrap_or_default()) " · " (g.reference) } } } }
                fieldset.field { legend { (t(lang, "ask.aim")) }
                    @for (code, words) in aims { label.check { input type="radio" name="aim" value=(code) checked[code == aim]; span { (words) } } } }
                fieldset.field { legend { label for="files" { (t(lang, "ask.lists-file")) } }
                    p.quiet { (fill(lang, "ask.lists-file-text", &[("max", &number(lang, BATCH_PERSONS_MAX as i64))])) }
                    input #files type="file" name="file" accept=".csv,.json,.jsonl,.ndjson,.ftm,.ijson";
                    label.part { span { (t(lang, "ask.lists-paste")) } textarea name="text" dir="auto" rows="6" { (posted.get("text")) } } }
                div.row { button.main { (t(lang, "ask.lists-take")) } a.button href="/ask/lists" { (t(lang, "form.cancel")) } }
            }
        }
    };
    (status, page(seat, t(lang, "ask.lists-new"), Live::Still, main)).into_response()
}

async fn take(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>) -> Response {
    let Ok(grant) = posted.get("grant").parse::<DossierId>() else { return absent(&seat) };
    let aim = if posted.get("aim") == "learn-more" { Aim::LearnMore } else { Aim::Identify };
    let (file, pasted) = (posted.get("file"), posted.get("text"));
    let (name, text) = if file.trim().is_empty() { ("pasted.csv", pasted) } else { (posted.get("file:file"), file) };
    let (persons, rejects) = match desk.node.persons(name.to_owned(), text.to_owned()).await {
        Ok(read) => read,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    if !rejects.is_empty() {
        return draw_form(&desk, &seat, unprocessable, &posted, Some(rejected(&desk, &seat, rejects.len(), &rejects))).await;
    }
    let (officer, now) = (seat.officer.clone(), seat.now);
    match desk.run(move |n| n.batch(&officer, grant, aim, persons, now).map(|t| (Some(t), ()))).await {
        Ok(()) => Redirect::to("/ask/lists").into_response(),
        Err(e) => draw_form(&desk, &seat, unprocessable, &posted, Some(refused(&desk, &seat, &e))).await,
    }
}

/// Lines that were not read, how many of all and the first of them: number and what is wrong with it; what stands in them is not repeated.
pub(super) fn rejected(desk: &Desk, seat: &Seat, all: usize, rejects: &[(usize, String)]) -> Markup {
    let lang = seat.lang;
    html! {
        div.notice {
            p { strong { (many(lang, "ask.rejected", all)) } }
            ul { @for (line, code) in rejects.iter().take(REJECTS_MAX) { li {
                @if *line > 0 { (fill(lang, "ask.line", &[("n", &line.to_string())])) ": " }
                @match desk.node.words_of(code) { Some((what, _)) => (what.get(lang)), None => code dir="ltr" { (code) } }
            } } }
        }
    }
}
