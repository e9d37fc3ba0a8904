//! A new dossier: 1 what, under which accord, 2 parties, content, handling, saved as they are typed, 3 exactly what each party will
//! receive and who must approve, 4 signed, or before a second officer.

use super::dossier::names;
use super::moves::{consequence, field_of, general, refused};
use crate::access::{ACT, Pages, Posted};
use crate::desk::Desk;
use crate::draft::{self, DRAFTS_MAX, Draft};
use crate::form::{self, Choices, Typed};
use crate::labels::Labelled;
use crate::layout::{Live, csrf, failed, page, told};
use crate::session::Seat;
use crate::show::{self, Names};
use crate::when;
use crate::words::{fill, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base::{Digest, ServiceId};
use dossier::Mechanism;
use maud::{Markup, html};
use node::{AccordView, Drawer, Intent, Made, Node, NodeError, Rehearsal};
use std::sync::Arc;

pub(super) fn routes(pages: Pages) -> Pages {
    pages
        .get("/new", ACT, choose)
        .post("/new", ACT, begin)
        .get("/new/{draft}", ACT, edit)
        .post("/new/{draft}", ACT, go_on)
        .post("/new/{draft}/keep", ACT, keep)
        .post("/new/{draft}/drop", ACT, throw_away)
}

const ACCORD: &str = dossier::accord::MECHANISM;

/// What may be opened: the accords in force and the mechanisms.
async fn offers(desk: &Desk, seat: &Seat) -> Result<(Vec<AccordView>, Vec<Arc<Mechanism>>, Names, ServiceId), NodeError> {
    let (now, roles) = (seat.now, seat.officer.roles.clone());
    desk.read(move |n| {
        let mut mechanisms: Vec<Arc<Mechanism>> = n.mechanisms().filter(|m| m.root().officer.iter().any(|r| roles.contains(r))).cloned().collect();
        mechanisms.sort_by(|a, b| (&a.id, std::cmp::Reverse(a.version)).cmp(&(&b.id, std::cmp::Reverse(b.version))));
        mechanisms.dedup_by(|a, b| a.id == b.id);
        Ok((n.accords(now)?, mechanisms, names(n), n.me()))
    })
    .await
}

async fn choose(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let lang = seat.lang;
    let (accords, mechanisms, names, me) = match offers(&desk, &seat).await {
        Ok(all) => all,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let begin = |mechanism: &str, accord: &str, m: &Mechanism| {
        html! { li { div { p { strong { (m.label.get(lang)) } } p.quiet { (m.about.get(lang)) } }
        form.side method="post" action="/new" { (csrf(&seat)) input type="hidden" name="mechanism" value=(mechanism); input type="hidden" name="accord" value=(accord); button { (t(lang, "new.begin")) span.hidden hidden { " " (m.label.get(lang)) } } } } }
    };
    let main = html! {
        h1 { (t(lang, "nav.new")) }
        @if accords.is_empty() { p.notice { (t(lang, "new.no-accord")) } }
        @for a in &accords {
            section {
                h2 { bdi { (a.title) } }
                p.quiet {
                    (t(lang, "new.with")) " " @for (i, p) in a.parties.iter().filter(|p| **p != me).enumerate() { @if i > 0 { ", " } bdi { (names.get(&p.to_string()).cloned().unwrap_or_default()) } }
                    @if let Some(until) = a.valid_until { " · " (t(lang, "new.until")) " " (when::day(&seat, &until.to_string())) }
                }
                ul.list { @for m in mechanisms.iter().filter(|m| a.mechanisms.contains(&m.id)) { (begin(&m.id, &a.dossier.to_string(), m)) } }
            }
        }
        @if let Some(m) = mechanisms.iter().find(|m| m.id == ACCORD) {
            section { h2 { (t(lang, "new.accord")) } ul.list { (begin(ACCORD, "", m)) } }
        }
    };
    page(&seat, t(lang, "nav.new"), Live::Still, main).into_response()
}

async fn begin(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>) -> Response {
    let d = Draft {
        mechanism: posted.get("mechanism").to_owned(),
        accord: posted.get("accord").to_owned(),
        typed: Vec::new(),
        kept: seat.now,
        hit: None,
        form: None,
    };
    let (officer, now) = (seat.officer.clone(), seat.now);
    let made = desk.run(move |n| {
        n.mechanism(&d.mechanism)?;
        if n.papers(Drawer::Draft, &format!("{}/", officer.id))?.len() >= DRAFTS_MAX {
            return Ok((None, None));
        }
        let name = base::hex::encode(&n.draw()[..8]);
        Ok((Some(n.file_papers(vec![draft::keep(&officer, &name, &d)], None, now)?), Some(name)))
    });
    match made.await {
        Ok(Some(name)) => Redirect::to(&format!("/new/{name}")).into_response(),
        Ok(None) => told(&seat, StatusCode::UNPROCESSABLE_ENTITY, "refusal.desk.drafts", &desk, ""),
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// A draft with what its form needs.
struct Open {
    draft: Draft,
    mechanism: Arc<Mechanism>,
    partners: Vec<(ServiceId, String)>,
    choices: Choices,
    names: Names,
    me: ServiceId,
}

async fn open(desk: &Desk, seat: &Seat, name: String, typed: Option<Typed>) -> Result<Open, NodeError> {
    let (officer, now, lang) = (seat.officer.clone(), seat.now, seat.lang);
    desk.read(move |n: &mut Node| {
        let found = draft::find(n, &officer, &name)?;
        let draft = Draft { typed: typed.unwrap_or(found.typed), ..found };
        let (mechanism, names, me) = (n.mechanism(&draft.mechanism)?, names(n), n.me());
        let all: Vec<ServiceId> = match draft.mechanism == ACCORD {
            true => n.book().all().iter().map(|c| c.service()).collect(),
            false => n.accords(now)?.into_iter().find(|a| a.dossier.to_string() == draft.accord).map(|a| a.parties).unwrap_or_default(),
        };
        let code = |s: &ServiceId| show::code(&names, s);
        let partners: Vec<_> = all.iter().filter(|p| **p != me).map(|p| (*p, code(p))).collect();
        let parties = std::iter::once((me, code(&me))).chain(partners.clone()).collect();
        Ok(Open { choices: Choices { parties, ..general(n, lang)? }, draft, mechanism, partners, names, me })
    })
    .await
}

impl Open {
    /// Returns the role in which we would take part: as chosen, else the first that may open.
    fn our_role(&self) -> String {
        let chosen = self.draft.typed.iter().find(|(n, v)| n == "our-role" && !v.is_empty()).map(|(_, v)| v.clone());
        chosen.unwrap_or_else(|| self.mechanism.root().opened_by.first().cloned().unwrap_or_default())
    }

    fn role_of(&self, partner: &ServiceId) -> &str {
        let name = format!("party:{partner}");
        self.draft.typed.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    /// Tells whether the order of the parties means something, as on a route.
    fn is_ordered(&self) -> bool {
        self.mechanism.roles.iter().any(|r| r.ordered)
    }

    /// Returns the place of a service in the order of the parties: as typed, else ours first and the others as they are listed.
    fn place_of(&self, service: &ServiceId) -> usize {
        let name = format!("place:{service}");
        let typed = self.draft.typed.iter().find(|(n, _)| *n == name).and_then(|(_, v)| v.trim().parse().ok());
        typed.unwrap_or_else(|| self.partners.iter().position(|(id, _)| id == service).map_or(1, |at| at + 2))
    }

    fn intent(&self, seat: &Seat) -> Result<Intent, NodeError> {
        let chosen = self.partners.iter().filter(|(id, _)| !self.role_of(id).is_empty()).map(|(id, _)| (*id, self.role_of(id).to_owned()));
        let mut parties: Vec<(ServiceId, String)> = std::iter::once((self.me, self.our_role())).chain(chosen).collect();
        if self.is_ordered() {
            parties.sort_by_key(|(id, _)| self.place_of(id));
        }
        Ok(Intent::Open {
            mechanism: self.draft.mechanism.clone(),
            accord: if self.draft.accord.is_empty() { None } else { Some(self.draft.accord.parse()?) },
            parties,
            follows: None,
            fields: form::read(&self.mechanism.root().fields, &self.draft.typed, Some(self.me)),
            handling: form::read_handling(&self.draft.typed, seat.lang),
        })
    }
}

fn draw(seat: &Seat, name: &str, o: &Open, trouble: Option<Markup>, wrong: Option<&str>) -> Markup {
    let lang = seat.lang;
    let m = &o.mechanism;
    let ours: Vec<_> = m.root().opened_by.clone();
    let place = |id: &ServiceId, code: &str| {
        html! {
            @if o.is_ordered() {
                label.part { span { (t(lang, "new.place")) }
                    input type="number" min="1" max=(o.partners.len() + 1) name=(format!("place:{id}")) value=(o.place_of(id)) aria-label=(format!("{}: {code}", t(lang, "new.place"))) {}
                }
            }
        }
    };
    let main = html! {
        p.quiet { a href="/new" { (t(lang, "nav.new")) } }
        h1 { (m.label.get(lang)) }
        p { (m.about.get(lang)) }
        @if let Some(trouble) = trouble { (trouble) }
        form method="post" action=(format!("/new/{name}")) data-keep=(format!("/new/{name}/keep")) {
            (csrf(seat))
            fieldset.field {
                legend { (t(lang, "new.parties")) }
                @if ours.len() > 1 {
                    label.part { span { (t(lang, "new.our-role")) } select name="our-role" { @for r in &ours { option value=(r) selected[*r == o.our_role()] { (m.role_label(r, lang)) } } } }
                } @else { p.quiet { (t(lang, "new.our-role")) ": " (m.role_label(&o.our_role(), lang)) } }
                (place(&o.me, &show::code(&o.names, &o.me)))
                @for (id, code) in &o.partners {
                    div.parts {
                        label.part { span { bdi { (code) } } select name=(format!("party:{id}")) aria-label=(code) { option value="" { (t(lang, "new.not-party")) } @for r in &m.roles { option value=(r.id) selected[r.id == o.role_of(id)] { (r.label.get(lang)) } } } }
                        (place(id, code))
                    }
                }
            }
            (form::draw(seat, &m.root().fields, &o.draft.typed, &o.choices, wrong))
            (form::draw_handling(seat, &o.draft.typed))
            p.quiet #kept role="status" data-kept=(t(lang, "new.kept")) data-lost=(t(lang, "new.lost")) { (t(lang, "new.kept")) }
            div.row {
                button.main name="do" value="preview" { (t(lang, "new.preview")) }
                button name="do" value="keep" formnovalidate { (t(lang, "new.keep")) }
            }
        }
        form method="post" action=(format!("/new/{name}/drop")) { (csrf(seat)) button.plain { (t(lang, "new.drop")) } }
    };
    page(seat, m.label.get(lang), Live::Still, main)
}

async fn edit(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(name): Path<String>) -> Response {
    match open(&desk, &seat, name.clone(), None).await {
        Ok(o) => draw(&seat, &name, &o, None, None).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

/// Keeps what was typed.
async fn store(desk: &Desk, seat: &Seat, name: &str, typed: Typed) -> Result<(), NodeError> {
    let (officer, now, name) = (seat.officer.clone(), desk.node.now(), name.to_owned());
    desk.run(move |n| {
        let found = draft::find(n, &officer, &name)?;
        let kept = Draft { typed: typed.into_iter().filter(|(n, v)| n != "csrf" && n != "do" && !v.is_empty()).collect(), kept: now, ..found };
        Ok((Some(n.file_papers(vec![draft::keep(&officer, &name, &kept)], None, now)?), ()))
    })
    .await
}

async fn keep(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>, Path(name): Path<String>) -> Response {
    match store(&desk, &seat, &name, posted.0).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn throw_away(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(name): Path<String>) -> Response {
    let (officer, now) = (seat.officer.clone(), seat.now);
    match desk.run(move |n| Ok((Some(n.file_papers(vec![draft::drop(&officer, &name)], None, now)?), ()))).await {
        Ok(()) => Redirect::to("/").into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn go_on(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(posted): Extension<Posted>, Path(name): Path<String>) -> Response {
    let wish = posted.get("do").to_owned();
    // What is sent is what was kept and shown; only a form that was typed into is kept anew.
    let typed = (wish != "send").then_some(posted.0);
    if let Some(typed) = &typed
        && let Err(e) = store(&desk, &seat, &name, typed.iter().filter(|(n, _)| n != "more").cloned().collect()).await
    {
        return failed(&seat, &desk, &e);
    }
    let o = match open(&desk, &seat, name.clone(), typed).await {
        Ok(o) => o,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let refuse = |e: &NodeError| (StatusCode::UNPROCESSABLE_ENTITY, draw(&seat, &name, &o, Some(refused(&desk, &seat, e)), field_of(e))).into_response();
    let fields = &o.mechanism.root().fields;
    if let ("preview" | "send", Some(wrong)) = (wish.as_str(), form::unread(fields, &o.draft.typed)) {
        let main = draw(&seat, &name, &o, Some(form::said(&desk, &seat, fields, wrong)), Some(wrong.field));
        return (StatusCode::UNPROCESSABLE_ENTITY, main).into_response();
    }
    let intent = match o.intent(&seat) {
        Ok(intent) => intent,
        Err(e) => return refuse(&e),
    };
    match wish.as_str() {
        "preview" => {
            let (officer, now, asked) = (seat.officer.clone(), seat.now, intent.clone());
            match desk.read(move |n| n.rehearse(&officer, &asked, now)).await {
                Ok(r) => preview(&seat, &name, &o, &intent, &r).into_response(),
                Err(e) => refuse(&e),
            }
        }
        "send" => match desk.propose(seat.officer.clone(), intent).await {
            Ok(made) => sent(&desk, &seat, &name, o.draft.hit, made).await,
            Err(e) => refuse(&e),
        },
        _ => draw(&seat, &name, &o, None, None).into_response(),
    }
}

/// Throws the draft away once it was sent, and notes it with the hit that it follows up; whoever opened a dossier has a reason to look at it.
async fn sent(desk: &Desk, seat: &Seat, name: &str, hit: Option<Digest>, made: Made) -> Response {
    let (officer, now, name) = (seat.officer.clone(), seat.now, name.to_owned());
    let followed = (hit, made.clone());
    let done = desk.run(move |n| {
        if let (Some(question), made) = &followed {
            n.hit_followed(&officer, question, made, now)?;
        }
        Ok((Some(n.file_papers(vec![draft::drop(&officer, &name)], None, now)?), ()))
    });
    if let Err(e) = done.await {
        return failed(seat, desk, &e);
    }
    match made {
        Made::Act { dossier, .. } => match desk.remember_reason(seat, dossier, t(seat.lang, "new.reason").to_owned()).await {
            Ok(()) => Redirect::to(&format!("/dossiers/{dossier}")).into_response(),
            Err(e) => failed(seat, desk, &e),
        },
        Made::Pending { id, .. } => Redirect::to(&format!("/pending/{id}")).into_response(),
    }
}

fn preview(seat: &Seat, name: &str, o: &Open, intent: &Intent, r: &Rehearsal) -> Markup {
    let lang = seat.lang;
    let Intent::Open { fields, handling, parties, .. } = intent else { return html! {} };
    let code = |s: &ServiceId| show::code(&o.names, s);
    let codes: Vec<String> = r.recipients.iter().map(code).collect();
    let main = html! {
        p.quiet { a href=(format!("/new/{name}")) { (t(lang, "new.change")) } }
        h1 { (t(lang, "new.preview-title")) }
        (consequence(seat, &codes, &r.second, false))
        @for id in &r.recipients {
            section.sheet {
                h2 { (fill(lang, "new.receives", &[("who", &code(id))])) }
                p.quiet { (o.mechanism.label.get(lang)) @for (p, role) in parties { " · " bdi { (code(p)) } ": " (o.mechanism.role_label(role, lang)) } }
                (show::fields(seat, &o.mechanism.root().fields, fields, &o.names))
                p { (show::handling(seat, handling)) }
            }
        }
        form method="post" action=(format!("/new/{name}")) {
            (csrf(seat))
            div.row {
                button.main name="do" value="send" { (if r.second.is_empty() { t(lang, "form.sign") } else { t(lang, "form.propose") }) }
                a.button href=(format!("/new/{name}")) { (t(lang, "new.change")) }
            }
        }
    };
    page(seat, t(lang, "new.preview-title"), Live::Still, main)
}
