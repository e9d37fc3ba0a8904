//! Views of a dossier that its mechanism asks for, each with its own address; beside it what is ours to do there.

use super::dossier::{Shown, head, look};
use super::{acts, items};
use crate::access::{Pages, READ};
use crate::assets;
use crate::desk::Desk;
use crate::layout::{Live, absent, page};
use crate::session::Seat;
use crate::view::{self, Reader, Scene};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use base::ServiceId;
use dossier::DossierView;
use maud::{Markup, html};
use node::Node;
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers/{id}/views/{name}", READ, one)
}

#[derive(Deserialize)]
struct Part {
    page: Option<usize>,
    #[serde(default)]
    skip: usize,
}

/// Short names and countries of services.
pub(super) type Services = BTreeMap<ServiceId, (String, String)>;

/// Reads short names and countries of all services that we know.
pub(super) fn services(n: &Node) -> Services {
    n.book().all().iter().map(|c| (c.service(), (c.latest().code.clone(), c.latest().country.clone()))).collect()
}

/// Returns the sheet of style that views need.
pub(super) fn style() -> Markup {
    html! { link rel="stylesheet" href=(assets::address("view.css")); }
}

/// Lets somebody who sits at the desk read views.
pub(super) fn with_reader<T>(seat: &Seat, services: &Services, draw: impl FnOnce(&Reader<'_>) -> T) -> T {
    let service = |id: &ServiceId| services.get(id).map_or_else(|| (id.short(), None), |(code, country)| (code.clone(), Some(country.clone())));
    draw(&Reader { lang: seat.lang, zone: &seat.zone, hijri: seat.preferences.hijri, now: seat.now, service: &service })
}

async fn one(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path((id, name)): Path<(String, String)>, Query(q): Query<Part>) -> Response {
    let (rest, timeline, skip) = (format!("/views/{name}"), name == "timeline", q.skip);
    let more = move |n: &mut Node, v: &DossierView| {
        let acts = if timeline { acts::some(n, &v.id, skip)? } else { (Vec::new(), 0) };
        Ok((acts, services(n)))
    };
    let (s, (acts, services)) = match look(&desk, &seat, (&id, &rest), more).await {
        Ok(all) => all,
        Err(answer) => return *answer,
    };
    if !view::asked(&s.mechanism).any(|v| v == name) {
        return absent(&seat);
    }
    let drawn = if timeline { Some(acts::long(&seat, &s, &acts, skip)) } else { scene(&seat, &s, &services, &name, q.page) };
    let Some(drawn) = drawn else { return absent(&seat) };
    let main = html! {
        (style())
        (head(&seat, &s, &rest))
        (items::todo(&seat, &s, |m, kind| view::concerns(m, &name, kind)))
        (drawn)
    };
    page(&seat, &s.title, Live::Told, main).into_response()
}

fn scene(seat: &Seat, s: &Shown, services: &Services, name: &str, page: Option<usize>) -> Option<Markup> {
    with_reader(seat, services, |reader| view::draw(&Scene { reader, view: &s.view, mechanism: &s.mechanism, page }, name))
}
