//! Signing in by passkey, taking up an invitation, proving presence again, signing out.

use crate::access::{Access, Pages, cookie_of};
use crate::desk::Desk;
use crate::doors::{Peer, Purpose};
use crate::layout::{self, Live, front, page};
use crate::session::{Seat, begin};
use crate::webauthn::{Ceremony, Denied};
use crate::words::t;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use base::Lang;
use maud::{Markup, html};
use node::Officer;
use serde::Deserialize;
use serde_json::json;
use std::net::IpAddr;

pub(super) fn routes(pages: Pages) -> Pages {
    pages
        .get("/signin", Access::Anyone, sign_in)
        .post("/signin/start", Access::Anyone, start)
        .post("/signin/finish", Access::Anyone, finish)
        .get("/invitation", Access::Anyone, invitation)
        .post("/invitation/start", Access::Anyone, invitation_start)
        .post("/invitation/finish", Access::Anyone, invitation_finish)
        .get("/again", Access::SignedIn, again)
        .post("/again/start", Access::SignedIn, again_start)
        .post("/again/finish", Access::SignedIn, again_finish)
        .post("/signout", Access::SignedIn, sign_out)
}

#[derive(Deserialize)]
struct LangQuery {
    lang: Option<Lang>,
}

pub(super) type Address = Option<Extension<Peer>>;

pub(super) fn ip(address: &Address) -> Option<IpAddr> {
    address.as_ref().map(|Extension(p)| p.0)
}

fn button(lang: Lang, how: &str, words: &str) -> Markup {
    html! {
        button.main data-passkey=(how) hidden { (words) }
        p.notice #trouble role="alert" hidden { (t(lang, "signin.failed")) }
        noscript { p.notice { (t(lang, "signin.noscript")) } }
    }
}

/// The way in by the identity provider, where there is one.
#[cfg(feature = "oidc")]
fn by_provider(desk: &Desk, lang: Lang) -> Markup {
    html! { @if desk.provider.is_some() { p { a.button href="/signin/provider" { (t(lang, "signin.provider")) } } } }
}

#[cfg(not(feature = "oidc"))]
fn by_provider(_: &Desk, _: Lang) -> Markup {
    html! {}
}

async fn sign_in(State(desk): State<Desk>, Extension(accepted): Extension<Lang>, seat: Option<Extension<Seat>>, Query(q): Query<LangQuery>) -> Response {
    if seat.is_some() {
        return Redirect::to("/").into_response();
    }
    let lang = q.lang.unwrap_or(accepted);
    let main = html! {
        h1 { "Entente" }
        p { (t(lang, "signin.text")) }
        (button(lang, "/signin", t(lang, "signin.button")))
        (by_provider(&desk, lang))
        p.quiet { (t(lang, "signin.none")) }
    };
    front(lang, t(lang, "signin.title"), "/signin", main).into_response()
}

fn denied(d: &Denied) -> Response {
    let status = match d {
        Denied::Busy => StatusCode::TOO_MANY_REQUESTS,
        Denied::Wrong(why) => {
            tracing::info!(code = d.code(), "not let in at the desk: {why}");
            StatusCode::FORBIDDEN
        }
        Denied::Node(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(json!({ "code": d.code() }))).into_response()
}

async fn start(State(desk): State<Desk>, address: Address) -> Response {
    if !desk.doors.may_try(ip(&address), desk.node.now()) {
        return denied(&Denied::Busy);
    }
    desk.ask_proof(Purpose::SignIn).await.map_or_else(|d| denied(&d), |v| Json(v).into_response())
}

async fn finish(State(desk): State<Desk>, address: Address, Json(c): Json<Ceremony>) -> Response {
    if !desk.doors.may_try(ip(&address), desk.node.now()) {
        return denied(&Denied::Busy);
    }
    match desk.take_proof(c, Purpose::SignIn).await {
        Ok(officer) => let_in(&desk, officer).await,
        Err(d) => denied(&d),
    }
}

/// Begins a session.
async fn let_in(desk: &Desk, officer: Officer) -> Response {
    let now = desk.node.now();
    let begun = desk.run(move |n| {
        let (secret, paper) = begin(n, &officer, Some(now), now);
        let line = json!({ "what": "signed in at the desk", "officer": officer.id });
        Ok((Some(n.file_papers(vec![paper], Some(line), now)?), secret))
    });
    match begun.await {
        Ok(secret) => ([(header::SET_COOKIE, cookie_of(desk, &secret))], Json(json!({ "to": "/" }))).into_response(),
        Err(e) => denied(&Denied::Node(e)),
    }
}

/// Begins a session of an officer whom the identity provider proved, without presence; none where there is no such officer.
#[cfg(feature = "oidc")]
pub(super) async fn let_in_as(desk: &Desk, officer: String) -> Result<Option<axum::http::HeaderValue>, node::NodeError> {
    let now = desk.node.now();
    let begun = desk.run(move |n| {
        let Some(officer) = n.officers().iter().find(|o| o.id.as_str() == officer && o.active).cloned() else { return Ok((None, None)) };
        let (secret, paper) = begin(n, &officer, None, now);
        let line = json!({ "what": "signed in by the identity provider", "officer": officer.id });
        Ok((Some(n.file_papers(vec![paper], Some(line), now)?), Some(secret)))
    });
    Ok(begun.await?.map(|secret| cookie_of(desk, &secret)))
}

async fn invitation(Extension(accepted): Extension<Lang>, Query(q): Query<LangQuery>) -> Markup {
    let lang = q.lang.unwrap_or(accepted);
    let main = html! {
        h1 { (t(lang, "invitation.title")) }
        p { (t(lang, "invitation.text")) }
        (button(lang, "make", t(lang, "invitation.button")))
    };
    front(lang, t(lang, "invitation.title"), "/invitation", main)
}

#[derive(Deserialize)]
struct Invited {
    officer: String,
    token: String,
}

#[derive(Deserialize)]
struct InvitedCeremony {
    #[serde(flatten)]
    who: Invited,
    #[serde(flatten)]
    ceremony: Ceremony,
}

async fn invitation_start(State(desk): State<Desk>, address: Address, Json(i): Json<Invited>) -> Response {
    if !desk.doors.may_try(ip(&address), desk.node.now()) {
        return denied(&Denied::Busy);
    }
    desk.ask_passkey(i.officer, i.token).await.map_or_else(|d| denied(&d), |v| Json(v).into_response())
}

async fn invitation_finish(State(desk): State<Desk>, address: Address, Json(i): Json<InvitedCeremony>) -> Response {
    if !desk.doors.may_try(ip(&address), desk.node.now()) {
        return denied(&Denied::Busy);
    }
    match desk.take_passkey(i.who.officer, i.who.token, i.ceremony).await {
        Ok(officer) => let_in(&desk, officer).await,
        Err(d) => denied(&d),
    }
}

#[derive(Deserialize)]
struct ToQuery {
    #[serde(default)]
    to: String,
}

/// Returns an address of our own pages, or the desk's.
pub(super) fn own(to: &str) -> &str {
    let fits = to.starts_with('/') && !to.starts_with("//") && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if fits { to } else { "/" }
}

async fn again(Extension(seat): Extension<Seat>, Query(q): Query<ToQuery>) -> Markup {
    let lang = seat.lang;
    let main = html! {
        h1 { (t(lang, "again.title")) }
        p { (t(lang, "again.text")) }
        button.main data-passkey="/again" data-to=(own(&q.to)) hidden { (t(lang, "again.button")) }
        p.notice #trouble role="alert" hidden { (t(lang, "signin.failed")) }
        noscript { p.notice { (t(lang, "signin.noscript")) } }
    };
    page(&seat, t(lang, "again.title"), Live::Still, main)
}

async fn again_start(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    desk.ask_proof(Purpose::Again(seat.name.clone())).await.map_or_else(|d| denied(&d), |v| Json(v).into_response())
}

async fn again_finish(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Json(c): Json<Ceremony>) -> Response {
    match desk.take_proof(c, Purpose::Again(seat.name.clone())).await {
        Ok(officer) if officer.id == seat.officer.id => match desk.note_presence(&seat).await {
            Ok(()) => Json(json!({ "to": "/" })).into_response(),
            Err(e) => denied(&Denied::Node(e)),
        },
        Ok(_) => denied(&Denied::Wrong("another officer's passkey")),
        Err(d) => denied(&d),
    }
}

async fn sign_out(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    match desk.sign_out(&seat).await {
        Ok(()) => ([(header::SET_COOKIE, cookie_of(&desk, ""))], Redirect::to("/signin")).into_response(),
        Err(e) => layout::failed(&seat, &desk, &e),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(
            ["/dossiers/1?a=b", "//evil.example", "https://evil.example", "/\\evil.example", ""].map(super::own),
            ["/dossiers/1?a=b", "/", "/", "/", "/"]
        );
    }
}
