//! The page for everybody: is this text a published communiqué, which services agreed to it, when, by which keys.
//!
//! 1 a text is pasted or given as a file, 2 its SHA-256 becomes the address of the answer, 3 the answer is drawn from a proof that was made
//! and verified for it, and that anybody may take away. Nothing else of the dossier is told; the text itself is kept nowhere.

use crate::access::{Access, Pages, Posted};
use crate::desk::Desk;
use crate::doors::Peer;
use crate::layout::{failed_unseated, notice, open_page};
use crate::when;
use crate::words::{coded, fill, language, many, t};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{Digest, Lang, ServiceId, Text};
use maud::{Markup, html};
use node::{Agreement, Node, NodeError, Proof, Proved};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is found may be kept by shared caches for an hour, for what was published stays so; browsers ask whether it is still the same.
const FOUND: &str = "public, max-age=0, s-maxage=3600";
/// "No" is asked anew each time: the text may be published by now.
const NOT_FOUND: &str = "public, no-cache";
/// Seconds after which who asked too often may ask again.
const AGAIN_S: u32 = 900;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/verify", Access::Anyone, ask).post("/verify", Access::Anyone, look_up).get("/verify/{hash}", Access::Anyone, answer).get(
        "/verify/{hash}/proof",
        Access::Anyone,
        proof,
    )
}

#[derive(Deserialize)]
struct Asked {
    lang: Option<Lang>,
    /// Set where not the text as given was found, but the same words with other line ends or blanks at its ends.
    #[serde(default)]
    evened: bool,
}

type Address = Option<Extension<Peer>>;

fn form(lang: Lang, chosen: Option<Lang>) -> Markup {
    html! {
        form method="post" action="/verify" enctype="multipart/form-data" {
            @if let Some(l) = chosen { input type="hidden" name="lang" value=(l); }
            p { label for="text" { (t(lang, "verify.paste")) } }
            textarea #text name="text" dir="auto" rows="8" {}
            p { label for="file" { (t(lang, "verify.file")) } }
            input #file type="file" name="file" accept="text/plain,.txt";
            div.row { button.main { (t(lang, "verify.button")) } }
        }
    }
}

/// Answers with a page that is the same for everybody who reads a language, and may be kept for a while.
fn kept(headers: &HeaderMap, status: StatusCode, cache: &str, page: Markup) -> Response {
    let body = page.into_string();
    let tag = format!("\"{}\"", &Digest::of(body.as_bytes()).to_string()[..32]);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|h| h.as_bytes() == tag.as_bytes());
    let all = [
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::VARY, "accept-language".to_owned()),
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::ETAG, tag),
    ];
    match known {
        true => (StatusCode::NOT_MODIFIED, all).into_response(),
        false => (status, all, body).into_response(),
    }
}

fn too_often(desk: &Desk, lang: Lang) -> Response {
    let title = t(lang, "verify.title");
    let page = open_page(lang, title, "/verify", html! { h1 { (title) } (notice(lang, "refusal.desk.questions", desk, "")) });
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, HeaderValue::from(AGAIN_S))], page).into_response()
}

async fn ask(Extension(accepted): Extension<Lang>, Query(q): Query<Asked>, headers: HeaderMap) -> Response {
    let lang = q.lang.unwrap_or(accepted);
    let main = html! { h1 { (t(lang, "verify.title")) } p { (t(lang, "verify.text")) } (form(lang, q.lang)) p.quiet { (t(lang, "verify.offline")) } };
    kept(&headers, StatusCode::OK, FOUND, open_page(lang, t(lang, "verify.title"), "/verify", main))
}

/// The texts that a given one may stand for: itself, and the same words with other line ends or without blanks at its ends.
fn readings(given: &str) -> Vec<String> {
    let lines = given.replace("\r\n", "\n");
    let bare = lines.trim().to_owned();
    let with_end = format!("{bare}\n");
    let mut out = vec![given.to_owned()];
    for one in [lines.clone(), lines.replace('\n', "\r\n"), bare.clone(), with_end.clone(), bare.replace('\n', "\r\n"), with_end.replace('\n', "\r\n")] {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

async fn look_up(State(desk): State<Desk>, address: Address, Extension(accepted): Extension<Lang>, Extension(form): Extension<Posted>) -> Response {
    let chosen: Option<Lang> = form.get("lang").parse().ok();
    let lang = chosen.unwrap_or(accepted);
    if !desk.doors.may_ask(address.map(|Extension(p)| p.0), desk.node.now()) {
        return too_often(&desk, lang);
    }
    let given = form.all("file").chain(form.all("text")).find(|v| !v.trim().is_empty());
    let language = chosen.map(|l| format!("lang={l}"));
    let to = |path: String, evened: bool| {
        let query: Vec<String> = evened.then(|| "evened=true".to_owned()).into_iter().chain(language.clone()).collect();
        Redirect::to(&if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }).into_response()
    };
    let Some(given) = given else { return to("/verify".to_owned(), false) };
    let hashes: Vec<Digest> = readings(given).iter().map(|r| Digest::of(r.as_bytes())).collect();
    match desk.communique(&hashes).await {
        Ok(found) => {
            let at = found.map_or(0, |(at, _, _)| at);
            to(format!("/verify/{}", hashes[at]), at > 0)
        }
        Err(e) => failed_unseated(&desk, lang, &e),
    }
}

/// A communiqué that was found: its proof, what the proof shows, and names and countries of the parties.
struct Found {
    proof: Proof,
    proved: Proved,
    names: BTreeMap<ServiceId, (Vec<Text>, String)>,
}

/// Finds the communiqué with a text, proves it, and verifies the proof as a stranger would.
async fn find(desk: &Desk, hash: Digest) -> Result<Option<Found>, NodeError> {
    let Some((_, dossier, item)) = desk.communique(&[hash]).await? else { return Ok(None) };
    let prove = move |n: &mut Node| -> Result<_, NodeError> {
        let proof = n.prove_communique(&dossier, &item)?;
        let names = n.book().all().iter().map(|c| (c.service(), (c.latest().name.clone(), c.latest().country.clone()))).collect();
        Ok((proof, names))
    };
    let (proof, names) = match desk.read(prove).await {
        Ok(made) => made,
        // It was erased since it was found.
        Err(NodeError::Absent(_)) => return Ok(None),
        Err(e) => return Err(e),
    };
    match proof.verify() {
        Ok(proved) => Ok(Some(Found { proof, proved, names })),
        Err(fault) => {
            tracing::warn!(code = fault.code(), "a published communiqué cannot be proved any more: {fault}");
            Ok(None)
        }
    }
}

async fn answer(
    State(desk): State<Desk>,
    address: Address,
    Extension(accepted): Extension<Lang>,
    Path(hash): Path<String>,
    Query(q): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let lang = q.lang.unwrap_or(accepted);
    if !desk.doors.may_ask(address.map(|Extension(p)| p.0), desk.node.now()) {
        return too_often(&desk, lang);
    }
    let path = format!("/verify/{hash}{}", if q.evened { "?evened=true" } else { "" });
    let Ok(hash) = hash.parse::<Digest>() else {
        let main = html! { h1 { (t(lang, "verify.title")) } p.notice role="alert" { (t(lang, "verify.no-hash")) } (form(lang, q.lang)) };
        return kept(&headers, StatusCode::NOT_FOUND, NOT_FOUND, open_page(lang, t(lang, "verify.title"), "/verify", main));
    };
    match find(&desk, hash).await {
        Ok(Some(found)) => kept(&headers, StatusCode::OK, FOUND, open_page(lang, t(lang, "verify.yes"), &path, yes(lang, &hash, &found, q.evened))),
        Ok(None) => kept(&headers, StatusCode::NOT_FOUND, NOT_FOUND, open_page(lang, t(lang, "verify.no"), &path, no(lang, &hash, q.lang))),
        Err(e) => failed_unseated(&desk, lang, &e),
    }
}

fn no(lang: Lang, hash: &Digest, chosen: Option<Lang>) -> Markup {
    html! {
        h1.late { (t(lang, "verify.no")) }
        p { (t(lang, "verify.no-text")) }
        p.quiet { "SHA-256 " code dir="ltr" { (hash) } }
        section { h2 { (t(lang, "verify.another")) } (form(lang, chosen)) }
    }
}

fn yes(lang: Lang, hash: &Digest, f: &Found, evened: bool) -> Markup {
    let of = f.proved.texts.iter().find(|(_, h)| h == hash).map_or("", |(l, _)| l.as_str());
    html! {
        h1.good { (t(lang, "verify.yes")) }
        p { (many(lang, "verify.agreed", f.proved.parties.len())) }
        @if evened { p.notice { (t(lang, "verify.evened")) } }
        @if !f.proved.standing.is_empty() { p.notice role="alert" { (t(lang, "verify.doubt")) } }
        ul.list {
            @for s in &f.proved.signed { li.one { (party(lang, f, s)) } }
        }
        section {
            h2 { (t(lang, "verify.texts")) }
            @for (code, digest) in &f.proved.texts {
                details open[code == of] {
                    summary { bdi lang=(code) { (language(code)) } @if code == of { " · " strong { (t(lang, "verify.this")) } } }
                    @if let Some(text) = f.proof.texts.get(code) { div.press lang=(code) dir="auto" { @for line in text.lines() { p { (line) } } } }
                    p.quiet { "SHA-256 " code dir="ltr" { (digest) } }
                }
            }
        }
        section {
            h2 { (t(lang, "verify.yourself")) }
            p { (t(lang, "verify.trust")) }
            p { (t(lang, "verify.take")) }
            div.row { a.button.main href=(format!("/verify/{hash}/proof")) download { (t(lang, "verify.proof")) } a.button href="/verify" { (t(lang, "verify.another")) } }
            p.quiet { code dir="ltr" { "entente verify communique-proof.json" } }
        }
    }
}

fn party(lang: Lang, f: &Found, s: &Agreement) -> Markup {
    let code = f.proved.parties.iter().find(|p| p.1 == s.service).map_or("", |p| p.0.as_str());
    let (names, country) = f.names.get(&s.service).map_or((&[][..], ""), |(n, c)| (n.as_slice(), c.as_str()));
    let name = names.iter().find(|n| n.lang.as_str() == lang.code()).or(names.first());
    let (words, digits) = node::fingerprint_of(&s.service, lang);
    let cards: Vec<String> = s.cards.iter().map(u32::to_string).collect();
    html! {
        p { strong { @if let Some(n) = name { span lang=(n.lang.as_str()) dir="auto" { (n.text) } } @else { bdi { (code) } } } " · " (coded(lang, "countries", country)) }
        p { (t(lang, "verify.when-agreed")) " " (when::there(lang, &s.agreed)) }
        p { (t(lang, "verify.when-released")) " " (when::there(lang, &s.released)) }
        details {
            summary { (fill(lang, "verify.key", &[("card", &cards.join(", "))])) }
            p { bdi dir="ltr" { (words) } }
            p { code dir="ltr" { (digits) } }
        }
    }
}

async fn proof(State(desk): State<Desk>, address: Address, Extension(accepted): Extension<Lang>, Path(hash): Path<String>) -> Response {
    if !desk.doors.may_ask(address.map(|Extension(p)| p.0), desk.node.now()) {
        return too_often(&desk, accepted);
    }
    let Ok(hash) = hash.parse::<Digest>() else { return StatusCode::NOT_FOUND.into_response() };
    match find(&desk, hash).await {
        Ok(Some(f)) => {
            let bytes = serde_json::to_vec(&f.proof).expect("a proof has a JSON form");
            let all = [
                (header::CONTENT_TYPE, "application/json".to_owned()),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"communique-proof.json\"".to_owned()),
                (header::CACHE_CONTROL, FOUND.to_owned()),
            ];
            (all, bytes).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(e) => failed_unseated(&desk, accepted, &e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_for_itself_first_and_for_other_line_ends_then() {
        assert_eq!(readings("a\nb")[0], "a\nb");
        assert!(readings("a\r\nb\r\n").contains(&"a\nb".to_owned()) && readings(" a\nb").contains(&"a\r\nb\r\n".to_owned()));
        let apart = readings("a\nb");
        assert!(!apart.iter().any(|r| r.contains("a b") || r.contains("ab")), "words are never changed: {apart:?}");
        let unlike: std::collections::BTreeSet<&String> = apart.iter().collect();
        assert_eq!(unlike.len(), apart.len());
    }
}
