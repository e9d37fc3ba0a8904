//! Hit/no-hit at the desk: questions and what came of them, asking, the request that follows a hit, granted lists, what partners asked of us,
//! the auditor's opening and checking, and how the own index and partners' lists stand. What it all means stands in `docs/matching.md`.

mod audit;
mod fields;
mod form;
mod index;
mod lists;
mod load;
mod one;
mod questions;
mod served;
mod typed;

use crate::access::{Access, Pages};
use crate::session::Seat;
use crate::view::number;
use crate::words::{fill, t};
use base::Lang;
use dossier::OfficerRole::{Administrator, CompetentAuthority, DataProtection, Desk, Officer, Supervisor};
use maud::{Markup, html};
use node::{AskView, Asked};

/// Who asks, confirms and follows up; the node asks for the same.
const ASK: Access = Access::Roles(&[Officer, Desk, Supervisor]);
/// Who sees questions: their own, and supervisors and data protection all.
pub(crate) const SEE: Access = Access::Roles(&[Officer, Desk, Supervisor, DataProtection]);
/// Who sees what partners asked of us; the node asks for the same.
const SERVED: Access = Access::Roles(&[Supervisor, DataProtection]);
/// Who sees how the index stands; the local API asks for the same.
const INDEX: Access = Access::Roles(&[Administrator, Desk, Supervisor, DataProtection, CompetentAuthority]);
/// Who loads the index and gives lists to partners; the node asks for the same.
const KEEP: Access = Access::Roles(&[Administrator, Desk, Supervisor]);
/// Who sees how the index stands, and no question.
pub(crate) const INDEX_ALONE: Access = Access::Roles(&[Administrator, CompetentAuthority]);
/// Who has a line of the log opened and checks what was opened; the node asks for the same.
const AUDIT: Access = Access::Roles(&[DataProtection]);

pub(super) fn routes(pages: Pages) -> Pages {
    let parts: [fn(Pages) -> Pages; 8] =
        [questions::routes, form::routes, one::routes, lists::routes, served::routes, audit::routes, index::routes, load::routes];
    parts.into_iter().fold(pages, |pages, add| add(pages))
}

/// The pages of hit/no-hit beside each other, as far as they are for the officer.
fn tabs(seat: &Seat, here: &str) -> Markup {
    let lang = seat.lang;
    let all = [
        ("/ask", SEE, t(lang, "ask.questions")),
        ("/ask/new", ASK, t(lang, "ask.new")),
        ("/ask/lists", SEE, t(lang, "ask.lists")),
        ("/ask/served", SERVED, t(lang, "ask.served")),
        ("/ask/index", INDEX, t(lang, "ask.index")),
        ("/ask/check", AUDIT, t(lang, "ask.check")),
    ];
    html! {
        nav.tabs.noprint aria-label=(t(lang, "ask.title")) {
            @for (to, _, words) in all.iter().filter(|(_, access, _)| access.lets(&seat.officer.roles)) {
                a href=(to) aria-current=[(*to == here).then_some("page")] { (words) }
            }
        }
    }
}

/// How a question stands, in words, and the class in which it is shown.
fn state(lang: Lang, a: &AskView) -> (&'static str, String) {
    let quality = a.quality.as_deref().map(|q| quality(lang, q));
    let with = |key: &str| quality.map_or_else(|| t(lang, key).to_owned(), |q| fill(lang, "ask.with", &[("what", t(lang, key)), ("quality", q)]));
    match &a.asked {
        Asked::Sent => ("soon", t(lang, "ask.is.sent").to_owned()),
        Asked::NoHit => ("", t(lang, "ask.is.no-hit").to_owned()),
        Asked::Hit => ("late", with("ask.is.hit")),
        Asked::Confirmed => ("soon", with("ask.is.confirmed")),
        Asked::Referred => ("good", with("ask.is.referred")),
        Asked::FalseHit => ("", t(lang, "ask.is.false-hit").to_owned()),
        Asked::Failed { .. } => ("late", t(lang, "ask.is.failed").to_owned()),
        Asked::Expired => ("quiet", t(lang, "ask.is.expired").to_owned()),
    }
}

/// Names how much a hit says.
fn quality(lang: Lang, quality: &str) -> &'static str {
    match quality {
        "strong" => t(lang, "ask.quality.strong"),
        "probable" => t(lang, "ask.quality.probable"),
        _ => t(lang, "ask.quality.possible"),
    }
}

/// What the officer sees a question by: the own name for its subject, or the first digits of its name.
fn called(a: &AskView) -> String {
    if a.label.is_empty() { a.question.to_string().chars().take(8).collect() } else { a.label.clone() }
}

/// Says how much of a quota is left, in elements and in subjects, each of which takes 64 at least.
fn left(lang: Lang, key: &str, (left, max): (u64, u64)) -> String {
    let n = |v: u64| number(lang, i64::try_from(v).unwrap_or(i64::MAX));
    fill(lang, key, &[("n", &n(left)), ("max", &n(max)), ("subjects", &n(left / node::ASK_PADDING as u64))])
}
