//! The communiqué of a working visit: its texts in every language with their hashes, its versions and who stands where; a version put forward
//! from the texts, without anybody typing a hash; and, once published, the proof and the public page.

use super::dossier::names;
use super::moves::refused;
use crate::access::{ACT, Pages, Posted, READ};
use crate::desk::Desk;
use crate::form;
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, page};
use crate::session::Seat;
use crate::show::{self, Names};
use crate::when;
use crate::words::{fill, language, many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Digest, DossierId, Handling, ServiceId};
use dossier::{DossierView, ItemView, Mechanism};
use maud::{Markup, html};
use node::{Intent, Made, Node, NodeError, VISIT};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers/{id}/communique", READ, show).post("/dossiers/{id}/communique", ACT, put_forward)
}

struct Shown {
    view: DossierView,
    mechanism: Arc<Mechanism>,
    names: Names,
    me: ServiceId,
}

/// A text of the communiqué as its item states it.
struct Text<'a> {
    item: &'a ItemView,
    text: &'a str,
    lang: &'a str,
    hash: Digest,
}

impl Shown {
    fn texts(&self) -> Vec<Text<'_>> {
        let of = |item| -> Option<Text<'_>> {
            let item: &ItemView = item;
            let value = item.fields.get("text")?;
            let text = value["text"].as_str()?;
            Some(Text { item, text, lang: value["lang"].as_str()?, hash: Digest::of(text.as_bytes()) })
        };
        self.view.items.iter().filter(|i| i.kind == "communique_text").filter_map(of).collect()
    }

    fn name(&self, s: &ServiceId) -> String {
        show::code(&self.names, s)
    }
}

/// Looks at the visit for the reason that the officer has given for this dossier; the look is logged with it.
async fn look(desk: &Desk, seat: &Seat, id: DossierId, why: String) -> Result<Shown, NodeError> {
    let (officer, now) = (seat.officer.clone(), seat.now);
    let read = move |n: &mut Node| {
        let mechanism = n.mechanism_of(&id)?;
        if mechanism.id != VISIT {
            return Err(NodeError::Absent("communiqué"));
        }
        let (ticket, view) = n.consult(&officer, &id, &why, now)?;
        Ok((Some(ticket), Shown { view, mechanism, names: names(n), me: n.me() }))
    };
    desk.run(read).await
}

async fn show(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    answer(&desk, &seat, &id, StatusCode::OK, None).await
}

async fn answer(desk: &Desk, seat: &Seat, id: &str, status: StatusCode, trouble: Option<Markup>) -> Response {
    let Ok(id) = id.parse::<DossierId>() else { return absent(seat) };
    // The dossier's own page asks why, and says nothing where there is none.
    let Some(why) = seat.session.reason(&id).map(str::to_owned) else { return Redirect::to(&format!("/dossiers/{id}")).into_response() };
    match look(desk, seat, id, why).await {
        Ok(s) => (status, page(seat, t(seat.lang, "communique.title"), Live::Told, draw(seat, &s, trouble))).into_response(),
        Err(e) => failed(seat, desk, &e),
    }
}

fn draw(seat: &Seat, s: &Shown, trouble: Option<Markup>) -> Markup {
    let lang = seat.lang;
    let texts = s.texts();
    let root = s.view.items.first();
    let may = |kind: &str| root.is_some_and(|r| r.may_open.iter().any(|k| k == kind));
    let versions: Vec<&ItemView> = s.view.items.iter().filter(|i| i.kind == "version").rev().collect();
    html! {
        p.quiet { a href=(format!("/dossiers/{}", s.view.id)) { (t(lang, "form.back")) } }
        h1 { (t(lang, "communique.title")) }
        @if let Some(trouble) = trouble { (trouble) }
        section aria-labelledby="versions" {
            h2 #versions { (many(lang, "communique.versions", versions.len())) }
            @for v in &versions { (version(seat, s, v, &texts)) }
        }
        section aria-labelledby="texts" {
            h2 #texts { (many(lang, "communique.texts", texts.len())) }
            @for x in texts.iter().rev() {
                div.sheet {
                    p { strong { bdi lang=(x.lang) { (language(x.lang)) } } " " span.quiet { bdi { (s.name(&x.item.opener)) } @if let Ok(at) = x.item.at.parse::<base::Instant>() { " · " (when::lived(seat, &at)) } } }
                    p.said lang=(x.lang) dir="auto" { (x.text) }
                    p.quiet { "SHA-256 " code dir="ltr" { (x.hash) } }
                }
            }
            @if may("communique_text") && let Some(r) = root {
                div.row { a.button href=(format!("/dossiers/{}/items/{}/new/communique_text", s.view.id, r.id)) { (t(lang, "communique.write")) } }
            }
        }
        @if may("version") && !texts.is_empty() { (put_form(seat, s, &texts)) }
    }
}

fn version(seat: &Seat, s: &Shown, v: &ItemView, texts: &[Text<'_>]) -> Markup {
    let (lang, m) = (seat.lang, &s.mechanism);
    let hashes: Vec<(&str, Digest)> = v
        .fields
        .get("hashes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|h| Some((h["lang"].as_str()?, h["sha256"].as_str()?.parse().ok()?)))
        .collect();
    html! {
        div.sheet {
            p { strong { (fill(lang, "register.version", &[("n", &v.number.to_string()), ("who", &s.name(&v.opener))])) } " " span.tag { (m.phase_label("version", &v.phase, lang)) } }
            @if let Some(at) = v.fields.get("embargo").and_then(Value::as_str).and_then(|e| e.parse::<base::Instant>().ok()) {
                p.quiet { (t(lang, "register.embargo")) " " (when::lived(seat, &at)) }
            }
            ul {
                @for (l, hash) in &hashes {
                    li { bdi lang=(l) { (language(l)) } " " code dir="ltr" { (hash.to_string().chars().take(16).collect::<String>()) "…" } " "
                        @if texts.iter().any(|x| x.lang == *l && x.hash == *hash) { span.good { (t(lang, "communique.text-here")) } } @else { span.late { (t(lang, "communique.no-text")) } } }
                }
            }
            ul {
                @for st in &v.stances {
                    @let role = s.view.parties.iter().find(|p| p.service == st.service).map_or("", |p| p.role.as_str());
                    li { bdi { (s.name(&st.service)) } ": " (m.state_label("version", role, &st.state, lang)) }
                }
            }
            @let mine = s.view.parties.iter().find(|p| p.service == s.me).map_or("", |p| p.role.as_str());
            div.row {
                @for mv in v.moves.iter().filter(|mv| mv.possible) {
                    a.button href=(format!("/dossiers/{}/items/{}/moves/{}", s.view.id, v.id, mv.name)) { (m.move_of("version", mine, &mv.name).map_or(mv.name.as_str(), |x| x.label.get(lang))) }
                }
                @if let (true, Some((_, hash))) = (v.phase == "published", hashes.first()) {
                    a.button.main href=(format!("/verify/{hash}")) { (t(lang, "register.public")) }
                    a.button href=(format!("/verify/{hash}/proof")) download { (t(lang, "verify.proof")) }
                }
            }
        }
    }
}

/// The newest text of each language stands ticked; hashes are worked out here.
fn put_form(seat: &Seat, s: &Shown, texts: &[Text<'_>]) -> Markup {
    let lang = seat.lang;
    let newest: BTreeMap<&str, String> = texts.iter().map(|x| (x.lang, x.item.id.to_string())).collect();
    html! {
        section aria-labelledby="forward" {
            h2 #forward { (t(lang, "communique.forward")) }
            p.quiet { (t(lang, "communique.forward-text")) }
            form method="post" action=(format!("/dossiers/{}/communique", s.view.id)) {
                (csrf(seat))
                fieldset.field {
                    legend { (t(lang, "communique.choose")) }
                    @for x in texts {
                        label.check {
                            input type="checkbox" name="text" value=(x.item.id) checked[newest.get(x.lang).is_some_and(|id| *id == x.item.id.to_string())];
                            span { bdi lang=(x.lang) { (language(x.lang)) } " · " bdi { (s.name(&x.item.opener)) } " " code dir="ltr" { (x.hash.to_string().chars().take(16).collect::<String>()) "…" } }
                        }
                    }
                }
                fieldset.field {
                    legend { (t(lang, "register.embargo")) }
                    div.parts {
                        label.part { input type="datetime-local" name="embargo:0:v" required aria-label=(t(lang, "register.embargo")); }
                        label.part { span { (t(lang, "part.zone")) } input type="text" name="embargo:0:zone" value=(seat.zone); }
                    }
                }
                div.row { button.main { (t(lang, "form.sign")) } }
            }
        }
    }
}

async fn put_forward(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>, Path(id): Path<String>) -> Response {
    let Ok(dossier) = id.parse::<DossierId>() else { return absent(&seat) };
    let Some(why) = seat.session.reason(&dossier).map(str::to_owned) else { return absent(&seat) };
    let s = match look(&desk, &seat, dossier, why).await {
        Ok(s) => s,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let (Some(root), Some(kind)) = (s.view.items.first(), s.mechanism.kind("version")) else { return absent(&seat) };
    let chosen = |x: &Text<'_>| posted.all("text").any(|id| id == x.item.id.to_string());
    let hashes: Vec<Value> = s.texts().iter().filter(|x| chosen(x)).map(|x| json!({ "lang": x.lang, "sha256": x.hash })).collect();
    let mut fields = form::read(&kind.fields, &posted.0, Some(s.me));
    fields.insert("hashes".to_owned(), Value::Array(hashes));
    let intent = Intent::OpenItem { dossier, parent: Some(root.id), kind: "version".to_owned(), fields, handling: Handling::code("H0") };
    match desk.propose(seat.officer.clone(), intent).await {
        Ok(Made::Act { .. }) => Redirect::to(&format!("/dossiers/{dossier}/communique")).into_response(),
        Ok(Made::Pending { id, .. }) => Redirect::to(&format!("/pending/{id}")).into_response(),
        Err(e) => answer(&desk, &seat, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(refused(&desk, &seat, &e))).await,
    }
}
