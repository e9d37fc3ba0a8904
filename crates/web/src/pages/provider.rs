//! Signing in by the service's own identity provider (OpenID Connect), where the program is built with it and the configuration names one.
//!
//! 1 the browser is sent to the provider, with a cookie that binds the way back to this browser, 2 it comes back with a code, once and in
//! time, 3 the program redeems the code and proves who it is, 4 the officer of that subject sits down, without presence proved: moves
//! that want it ask for the passkey still.

use super::signin::let_in_as;
use crate::access::{Access, Pages, cookie as cookie_value};
use crate::desk::Desk;
use crate::layout::{front, notice};
use crate::provider::{Back, Fault};
use crate::words::t;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::Lang;
use maud::html;
use serde::Deserialize;

/// The cookie of a browser that went to the provider; it is sent when the provider sends the browser back.
const COOKIE: &str = "desk-provider";
/// Seconds for which a browser may stay with the provider.
const AWAY_S: i64 = 10 * 60;

pub(super) fn routes(pages: Pages) -> Pages {
    if pages.has_provider() {
        return pages.get("/signin/provider", Access::Anyone, go).get("/signin/provider/back", Access::Anyone, back);
    }
    pages
}

fn cookie(desk: &Desk, secret: &str) -> HeaderValue {
    let secure = if desk.settings.is_tls() { "; Secure" } else { "" };
    let age = if secret.is_empty() { 0 } else { AWAY_S };
    let text = format!("{COOKIE}={secret}; Path=/signin/provider; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::from_str(&text).expect("a secret is hexadecimal")
}

fn refused(desk: &Desk, lang: Lang, fault: &Fault) -> Response {
    tracing::warn!(code = fault.code, "nobody was signed in by the provider: {}", fault.what);
    let status = if fault.code.starts_with("failure.") { StatusCode::BAD_GATEWAY } else { StatusCode::FORBIDDEN };
    let title = t(lang, "trouble.title");
    let main = html! { h1 { (title) } (notice(lang, fault.code, desk, "")) p { a.button href="/signin" { (t(lang, "signin.title")) } } };
    let mut answer = (status, front(lang, title, "/signin", main)).into_response();
    answer.headers_mut().insert(header::SET_COOKIE, cookie(desk, ""));
    answer
}

async fn go(State(desk): State<Desk>, address: super::signin::Address, Extension(lang): Extension<Lang>) -> Response {
    if !desk.doors.may_try(super::signin::ip(&address), desk.node.now()) {
        return refused(&desk, lang, &Fault::new("refusal.desk.tries", "too many tries from one address"));
    }
    let Some(provider) = &desk.provider else { return refused(&desk, lang, &Fault::new("refusal.provider.stale", "no provider")) };
    match provider.begin().await {
        Ok(begun) => {
            let mut answer = Redirect::to(&begun.to).into_response();
            answer.headers_mut().insert(header::SET_COOKIE, cookie(&desk, &begun.secret));
            answer
        }
        Err(fault) => refused(&desk, lang, &fault),
    }
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

async fn back(
    State(desk): State<Desk>,
    address: super::signin::Address,
    Extension(lang): Extension<Lang>,
    headers: HeaderMap,
    Query(q): Query<Answered>,
) -> Response {
    if !desk.doors.may_try(super::signin::ip(&address), desk.node.now()) {
        return refused(&desk, lang, &Fault::new("refusal.desk.tries", "too many tries from one address"));
    }
    let Some(provider) = &desk.provider else { return refused(&desk, lang, &Fault::new("refusal.provider.stale", "no provider")) };
    let secret = cookie_value(&headers, COOKIE).unwrap_or_default();
    let officer = match provider.finish(Back { secret, state: q.state, code: q.code, issuer: q.iss, error: q.error }).await {
        Ok(officer) => officer,
        Err(fault) => return refused(&desk, lang, &fault),
    };
    match let_in_as(&desk, officer).await {
        // The browser comes from elsewhere, and its strict cookie goes along only from a page of ours.
        Ok(Some(seat)) => {
            let main = html! {
                h1 { (t(lang, "signin.title")) }
                p { a.button.main href="/" { (t(lang, "absent.back")) } }
            };
            let mut answer = front(lang, t(lang, "signin.title"), "/signin", main).into_response();
            answer.headers_mut().insert(header::REFRESH, HeaderValue::from_static("0; url=/"));
            answer.headers_mut().append(header::SET_COOKIE, seat);
            answer.headers_mut().append(header::SET_COOKIE, cookie(&desk, ""));
            answer
        }
        Ok(None) => refused(&desk, lang, &Fault::new("refusal.provider.unknown", "the officer of this subject is not there, or is locked out")),
        Err(e) => refused(&desk, lang, &Fault::new(e.code(), e.to_string())),
    }
}
