//! Exhibits of a dossier: how far each is here and at every other party, files in and out. Bytes stream; no file is in memory whole.
//!
//! In: 1 the form token comes before the file, 2 chunks are sealed and written as they come, 3 the file waits in the session until a form
//! of the dossier names it; what no act names within 24 hours is erased. Out: a disclosure, logged with its reason before the first byte.

use super::dossier::{Shown, head, look};
use crate::access::{ACT, Pages, Posted, READ};
use crate::desk::Desk;
use crate::files;
use crate::labels::Labelled;
use crate::layout::{Live, absent, csrf, failed, page, told};
use crate::session::{Loose, REASON_CHARS_MAX, Seat};
use crate::show;
use crate::when;
use crate::words::{fill, many, t};
use axum::Extension;
use axum::extract::multipart::Multipart;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{DossierId, ExhibitId, Use};
use dossier::FieldType;
use maud::{Markup, html};
use node::{ExhibitView, NodeError};
use serde_json::json;

/// Characters of a file's name.
const NAME_CHARS_MAX: usize = 200;
/// Exhibits on the dossier's own page.
const SHORT: usize = 8;
/// Exhibits on their own page.
const LISTED_MAX: usize = 100;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers/{id}/exhibits", READ, exhibits).upload("/dossiers/{id}/exhibits", ACT, add).post("/dossiers/{id}/exhibits/{exhibit}", READ, take_out)
}

/// Lists exhibits beside a dossier.
pub(super) fn short(seat: &Seat, s: &Shown, all: &[ExhibitView]) -> Markup {
    html! {
        @if !all.is_empty() {
            section { h2 { (t(seat.lang, "exhibit.title")) }
                ul.list { @for e in all.iter().take(SHORT) { li { div {
                    p { a href=(s.at(&format!("/exhibits#{}", e.id.short()))) { bdi { (e.name) } } " " span.quiet { (show::size(e.size)) } }
                    p.quiet { (standing(seat, e.here.state)) }
                } } } }
                @if all.len() > SHORT { p { a href=(s.at("/exhibits")) { (many(seat.lang, "exhibit.count", all.len())) } } }
            }
        }
    }
}

fn standing(seat: &Seat, state: &str) -> &'static str {
    let lang = seat.lang;
    match state {
        "held" => t(lang, "exhibit.held"),
        "coming" => t(lang, "exhibit.coming"),
        "refused" => t(lang, "exhibit.refused"),
        "erased" => t(lang, "exhibit.erased"),
        _ => t(lang, "exhibit.unknown"),
    }
}

async fn exhibits(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let lang = seat.lang;
    let (s, all) = match look(&desk, &seat, (&id, "/exhibits"), |n, v| n.exhibits_of(&v.id)).await {
        Ok(all) => all,
        Err(answer) => return *answer,
    };
    let loose: Vec<&Loose> = seat.session.loose(&s.view.id).into_iter().filter(|l| !all.iter().any(|e| l.value["id"] == e.id.to_string())).collect();
    let main = html! {
        (head(&seat, &s, "/exhibits"))
        p { (many(lang, "exhibit.count", all.len())) }
        @for e in all.iter().take(LISTED_MAX) { (one(&seat, &s, e)) }
        @if ACT.lets(&seat.officer.roles) {
            @if !loose.is_empty() { (unnamed(&seat, &s, &loose)) }
            section.sheet.noprint {
                h2 { (t(lang, "exhibit.add")) }
                p.quiet { (t(lang, "exhibit.add-text")) }
                form method="post" action=(s.at("/exhibits")) enctype="multipart/form-data" data-upload {
                    (csrf(&seat))
                    fieldset.field { legend { label for="file" { (t(lang, "exhibit.file")) } } input #file type="file" name="file" required; }
                    progress hidden max="1" value="0" aria-label=(t(lang, "exhibit.progress")) {}
                    div.row { button.main { (t(lang, "exhibit.send")) } }
                }
            }
        }
    };
    page(&seat, &s.title, Live::Told, main).into_response()
}

/// One exhibit: who named it first, in which act, where it is for certain, and taking it out.
fn one(seat: &Seat, s: &Shown, e: &ExhibitView) -> Markup {
    let lang = seat.lang;
    html! {
        section.sheet id=(e.id.short()) {
            h3 { bdi { (e.name) } }
            p.quiet { (show::size(e.size)) " · " bdi { (e.media) } " · " (fill(lang, "exhibit.by", &[("who", &s.name(&e.author))])) " · " code { (e.act.short()) } }
            h4 { (t(lang, "exhibit.custody")) }
            ol.timeline { @for st in std::iter::once(&e.here).chain(&e.there) {
                li.ours[st.service == s.me] {
                    p { strong { bdi { (st.code) } } ": " (standing(seat, st.state)) @if let Some(at) = st.since { " · " (when::moment(seat, at)) } }
                    @if st.state == "coming" { p.quiet { (show::size(st.bytes)) " / " (show::size(e.size)) @if let Some(at) = st.moved { " · " (when::moment(seat, at)) } } }
                    @if let Some(why) = &st.why { p.late { code { (why) } } }
                }
            } }
            p.quiet { (t(lang, "exhibit.address")) " " code { (e.id) } }
            @if e.here.state == "held" {
                details.noprint {
                    summary { (t(lang, "exhibit.take-out")) }
                    form method="post" action=(s.at(&format!("/exhibits/{}", e.id))) {
                        (csrf(seat))
                        p.quiet { (t(lang, "exhibit.take-out-text")) }
                        label.part { span { (t(lang, "reason.label")) } input type="text" name="reason" required maxlength=(REASON_CHARS_MAX) dir="auto"; }
                        label.part { span { (t(lang, "exhibit.for")) } select name="for" {
                            option value="party" { (t(lang, "exhibit.for-party")) }
                            option value="court" { (t(lang, "exhibit.for-court")) }
                            option value="onward" { (t(lang, "exhibit.for-onward")) }
                        } }
                        div.row { button { (t(lang, "exhibit.take-out")) } }
                    }
                }
            }
        }
    }
}

/// Files that were added and that no act names yet, and the forms that take them.
fn unnamed(seat: &Seat, s: &Shown, loose: &[&Loose]) -> Markup {
    let (lang, m) = (seat.lang, &s.mechanism);
    let takes = |fields: &[dossier::Field]| fields.iter().any(|f| f.kind == FieldType::Exhibit);
    let mut forms: Vec<(String, String)> = Vec::new();
    for i in &s.view.items {
        for kind in i.may_open.iter().filter(|k| m.kind(k).is_some_and(|k| takes(&k.fields))) {
            forms.push((s.at(&format!("/items/{}/new/{kind}", i.id)), format!("+ {}", m.kind_label(kind, lang))));
        }
        for mv in i.moves.iter().filter(|mv| mv.possible) {
            let Some(declared) = m.move_of(&i.kind, s.role(&s.me), &mv.name).filter(|d| takes(&d.fields)) else { continue };
            forms.push((s.at(&format!("/items/{}/moves/{}", i.id, mv.name)), declared.label.get(lang).to_owned()));
        }
    }
    html! {
        div.notice role="status" {
            p { strong { (t(lang, "exhibit.loose")) } }
            ul { @for l in loose { li { bdi { (l.name()) } " " span.quiet { (show::size(l.size())) } } } }
            p { (t(lang, "exhibit.loose-text")) }
            div.row { @for (to, words) in forms.iter().take(SHORT) { a.button href=(to) { (words) } } }
        }
    }
}

async fn add(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>, form: Multipart) -> Response {
    let Some(dossier) = id.parse::<DossierId>().ok().filter(|id| seat.session.reason(id).is_some()) else { return absent(&seat) };
    match take_in(&desk, &seat, dossier, form).await {
        Ok(true) => Redirect::to(&format!("/dossiers/{dossier}/exhibits")).into_response(),
        Ok(false) => told(&seat, StatusCode::FORBIDDEN, "refusal.desk.form", &desk, ""),
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// Takes a form with a file in; says whether it came from our own pages.
async fn take_in(desk: &Desk, seat: &Seat, dossier: DossierId, mut form: Multipart) -> Result<bool, NodeError> {
    let broken = |e: axum::extract::multipart::MultipartError| NodeError::Asked(format!("the file broke off ({e}); add it again"));
    let token = form.next_field().await.map_err(broken)?;
    let ours = match token {
        Some(field) if field.name() == Some("csrf") => field.text().await.is_ok_and(|text| text == seat.csrf),
        _ => false,
    };
    if !ours {
        return Ok(false);
    }
    let _place = files::room_in()?;
    let file = form.next_field().await.map_err(broken)?.filter(|f| f.name() == Some("file"));
    let file = file.ok_or_else(|| NodeError::Asked("choose a file first".to_owned()))?;
    // Browsers hand over a name alone; a path of somebody's machine would be none of our business.
    let name = file.file_name().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let media = file.content_type().unwrap_or("application/octet-stream").to_owned();
    if name.is_empty() {
        return Err(NodeError::Asked("choose a file first".to_owned()));
    }
    let shelves = desk
        .read(move |n| {
            n.mechanism_of(&dossier)?;
            n.shelves().ok_or(NodeError::ExhibitNoVault)
        })
        .await?;
    let taken = files::take_in(shelves, file).await?;
    let size = taken.size();
    let (officer, now) = (seat.officer.clone(), desk.node.now());
    let id = desk.run(move |n| n.add_exhibit(&officer, taken, now).map(|(t, id)| (Some(t), id))).await?;
    desk.remember_loose(seat, Loose { dossier, value: json!({ "id": id, "name": name, "size": size, "media": media }), at: now }).await?;
    Ok(true)
}

type At = Path<(String, String)>;

async fn take_out(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path((id, exhibit)): At, Extension(form): Extension<Posted>) -> Response {
    let (Ok(dossier), Ok(exhibit)) = (id.parse::<DossierId>(), exhibit.parse::<ExhibitId>()) else { return absent(&seat) };
    if seat.session.reason(&dossier).is_none() {
        return absent(&seat);
    }
    let place = match files::room_out() {
        Ok(place) => place,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let why: String = form.get("reason").trim().chars().take(REASON_CHARS_MAX).collect();
    let wanted = match form.get("for") {
        "court" => Some(Use::Court),
        "onward" => Some(Use::Onward),
        _ => None,
    };
    let (officer, now) = (seat.officer.clone(), seat.now);
    let opened = desk.run(move |n| {
        let name = n.exhibits_of(&dossier)?.into_iter().find(|e| e.id == exhibit).map(|e| e.name);
        let (ticket, reading) = n.read_exhibit(&officer, (&dossier, &exhibit), &why, wanted, now)?;
        Ok((Some(ticket), (name.unwrap_or_default(), reading)))
    });
    match opened.await {
        Ok((name, reading)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_LENGTH, reading.size().to_string()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", escaped(&name))),
            ];
            let damaged = move |index| {
                let desk = desk.clone();
                async move {
                    let now = desk.node.now();
                    let _ = desk.run(move |n| Ok((Some(n.exhibit_damaged(exhibit, index, now)), ()))).await; // the reader has seen the answer break off
                }
            };
            (headers, files::read_out(exhibit, reading, 0, place, damaged)).into_response()
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// Writes a name as RFC 8187 wants it.
fn escaped(name: &str) -> String {
    name.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-._".contains(&b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_keeps_its_name_whatever_it_is() {
        assert_eq!(super::escaped("بلاغ 1\".pdf"), "%D8%A8%D9%84%D8%A7%D8%BA%201%22.pdf");
    }
}
