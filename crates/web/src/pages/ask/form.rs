//! Asking: 1 whom, as far as accords and grants permit it, with what is left of the quotas, 2 about whom, 3 why; what is missing or wrong is said
//! beside its field, all at once, and everything that was typed stays. Then each partner gets a question of its own.
//!
//! What is typed here is kept nowhere until it is asked: it is about a person.

use super::fields::draw;
use super::typed::{Asking, Wrong, read};
use super::{ASK, tabs};
use crate::access::{Pages, Posted};
use crate::desk::Desk;
use crate::layout::{Live, failed, notice, page};
use crate::pages::dossier::names;
use crate::session::Seat;
use crate::show::{self, Names};
use crate::words::t;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Digest, ServiceId, Vocabulary};
use maud::{Markup, html};
use node::{AskForm, Askable, NodeError};

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/ask/new", ASK, empty).post("/ask/new", ASK, ask)
}

/// What the form offers.
pub(super) struct Offers {
    pub askables: Vec<Askable>,
    names: Names,
}

impl Offers {
    /// Returns the short name of a service.
    pub fn name(&self, s: &ServiceId) -> String {
        show::code(&self.names, s)
    }

    /// Purposes that some accord names, in the order of the vocabulary.
    pub fn purposes(&self) -> Vec<&'static str> {
        codes("legal-purposes").filter(|c| self.askables.iter().any(|a| a.purposes.as_ref().is_none_or(|p| p.contains(*c)))).collect()
    }

    /// Categories that some accord permits, in the order of the vocabulary.
    pub fn categories(&self) -> Vec<&'static str> {
        codes("data-subject-categories").filter(|c| self.askables.iter().any(|a| a.categories.contains(*c))).collect()
    }
}

/// Lists the codes of a vocabulary.
pub(super) fn codes(vocabulary: &str) -> impl Iterator<Item = &'static str> {
    Vocabulary::get(vocabulary).into_iter().flat_map(|v| &v.entries).map(|e| e.code.as_str())
}

async fn offers(desk: &Desk, seat: &Seat) -> Result<Offers, NodeError> {
    let (officer, now) = (seat.officer.clone(), seat.now);
    desk.read(move |n| Ok(Offers { askables: n.askables(&officer, now)?, names: names(n) })).await
}

async fn empty(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    match offers(&desk, &seat).await {
        Ok(o) => page(&seat, t(seat.lang, "ask.new"), Live::Still, draw(&desk, &seat, &o, &Posted::default(), &Vec::new())).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// What became of a question to one partner.
type Outcome = (ServiceId, Result<Digest, NodeError>);

async fn ask(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let o = match offers(&desk, &seat).await {
        Ok(o) => o,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let again =
        |status: StatusCode, wrong: &Wrong| (status, page(&seat, t(seat.lang, "ask.new"), Live::Still, draw(&desk, &seat, &o, &form, wrong))).into_response();
    if form.get("do") != "send" {
        return again(StatusCode::OK, &Vec::new());
    }
    let asking = match read(&form, &o.askables, seat.lang) {
        Ok(asking) => asking,
        Err(wrong) => return again(StatusCode::UNPROCESSABLE_ENTITY, &wrong),
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    // Each partner gets a question of its own: none learns who else was asked.
    for to in &asking.to {
        let (form, officer, now) = (form_for(&asking, &o, *to), seat.officer.clone(), seat.now);
        match desk.run(move |n| n.ask(&officer, form, now).map(|(t, id)| (Some(t), id))).await {
            Err(e) if e.code().starts_with("failure.") => return failed(&seat, &desk, &e),
            done => outcomes.push((*to, done)),
        }
    }
    if outcomes.iter().all(|(_, done)| done.is_err()) {
        let wrong =
            outcomes.iter().filter_map(|(to, done)| Some((at_fault(done.as_ref().err()?), done.as_ref().err()?.code().to_owned(), o.name(to)))).collect();
        return again(StatusCode::UNPROCESSABLE_ENTITY, &wrong);
    }
    match &outcomes[..] {
        [(_, Ok(id))] => Redirect::to(&format!("/ask/{id}")).into_response(),
        all if all.iter().all(|(_, done)| done.is_ok()) => Redirect::to("/ask").into_response(),
        some => page(&seat, t(seat.lang, "ask.new"), Live::Still, said(&desk, &seat, &o, some)).into_response(),
    }
}

/// The question to one partner; a list grant stands between two, so it goes to its own holder only.
fn form_for(asking: &Asking, o: &Offers, to: ServiceId) -> AskForm {
    let mut why = asking.why.clone();
    why.grant = why.grant.filter(|g| o.askables.iter().any(|a| a.partner == to && a.grants.iter().any(|l| l.dossier == *g)));
    AskForm { to, subject: asking.subject.clone(), label: asking.label.clone(), persons: asking.persons.clone(), justification: why, standing: asking.standing }
}

/// Returns the field that a refusal of the node is about.
fn at_fault(e: &NodeError) -> &'static str {
    match e.code() {
        "refusal.matching.category" => "category",
        "refusal.matching.purpose" => "purpose",
        "refusal.matching.grant" => "grant",
        "refusal.matching.too-little" | "refusal.matching.too-much" | "refusal.matching.value" | "refusal.matching.input" => "names",
        "refusal.matching.justification" => "reason",
        "refusal.matching.full" => "standing",
        _ => "to",
    }
}

/// Says of each partner whether it was asked, where it was not the same of all.
fn said(desk: &Desk, seat: &Seat, o: &Offers, outcomes: &[Outcome]) -> Markup {
    let lang = seat.lang;
    html! {
        h1 { (t(lang, "ask.partly")) }
        (tabs(seat, ""))
        ul.list {
            @for (to, done) in outcomes {
                li {
                    @match done {
                        Ok(id) => { p { a href=(format!("/ask/{id}")) { bdi { (o.name(to)) } } } p.side.good { (t(lang, "ask.was-asked")) } }
                        Err(e) => { div { p { bdi { (o.name(to)) } } (notice(lang, e.code(), desk, &e.to_string())) } p.side.late { (t(lang,
                            "ask.was-not-asked")) } }
                    }
                }
            }
        }
    }
}
