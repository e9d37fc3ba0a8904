//! What an officer chooses for themselves: language, zone, calendar.

use crate::access::{Access, Pages, Posted};
use crate::desk::Desk;
use crate::layout::{Live, csrf, failed, page};
use crate::session::{Preferences, Seat};
use crate::when::is_zone;
use crate::words::{own_name, role, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::Lang;
use maud::{Markup, html};
use node::{Drawer, Paper};

/// Zones that are offered; any other of the tz database can be typed.
const ZONES: [&str; 8] = ["Africa/Casablanca", "Europe/Paris", "Europe/Madrid", "Europe/Berlin", "Europe/Lisbon", "Europe/London", "Africa/Dakar", "UTC"];

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/settings", Access::SignedIn, settings).post("/settings", Access::SignedIn, change)
}

async fn settings(Extension(seat): Extension<Seat>) -> Markup {
    let lang = seat.lang;
    let main = html! {
        h1 { (t(lang, "nav.settings")) }
        dl.fields {
            dt { (t(lang, "settings.officer")) } dd { bdi { (seat.officer.name) } " · " bdi { (seat.officer.id.as_str()) } }
            dt { (t(lang, "settings.roles")) } dd { (seat.officer.roles.iter().map(|r| role(lang, *r)).collect::<Vec<_>>().join(", ")) }
        }
        form method="post" action="/settings" {
            (csrf(&seat))
            fieldset.field { legend { label for="lang" { (t(lang, "settings.language")) } }
                select #lang name="lang" { @for l in Lang::ALL { option value=(l.code()) lang=(l.code()) selected[l == lang] { (own_name(l)) } } } }
            fieldset.field { legend { label for="zone" { (t(lang, "settings.zone")) } }
                input #zone type="text" name="zone" value=(seat.zone) list="zones" dir="ltr";
                datalist #zones { @for z in ZONES { option value=(z) {} } } }
            fieldset.field { legend { (t(lang, "settings.calendar")) }
                label.check { input type="checkbox" name="hijri" value="yes" checked[seat.preferences.hijri]; span { (t(lang, "settings.hijri")) } } }
            button.main { (t(lang, "settings.keep")) }
        }
    };
    page(&seat, t(lang, "nav.settings"), Live::Still, main)
}

async fn change(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let zone = Some(form.get("zone").trim().to_owned()).filter(|z| is_zone(z)).or(seat.preferences.zone.clone());
    let chosen = Preferences { lang: form.get("lang").parse().ok().or(seat.preferences.lang), zone, hijri: form.get("hijri") == "yes" };
    let (officer, now) = (seat.officer.id.to_string(), seat.now);
    let paper = Paper::Put(Drawer::Preferences, officer, serde_json::to_vec(&chosen).expect("plain data has a JSON form"));
    match desk.run(move |n| Ok((Some(n.file_papers(vec![paper], None, now)?), ()))).await {
        Ok(()) => Redirect::to("/settings").into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}
