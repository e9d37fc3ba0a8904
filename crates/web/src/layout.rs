//! The frame of every page: head, skip link, navigation, foot. And the pages that say that something is not possible.

use crate::access::{ACT, Access, READ, RUN};
use crate::assets;
use crate::desk::Desk;
use crate::session::Seat;
use crate::words::{direction, own_name, t};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::Lang;
use maud::{DOCTYPE, Markup, html};
use node::NodeError;

/// How a page behaves beside what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Live {
    /// It stays as it is.
    #[default]
    Still,
    /// Its main part is drawn anew when something was stored.
    Fresh,
    /// It says that something changed, and lets the reader decide: reading it is logged.
    Told,
}

fn head(lang: Lang, title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · Entente" }
            link rel="stylesheet" href=(assets::address("desk.css"));
            link rel="icon" href=(assets::address("mark.svg")) type="image/svg+xml";
            @if lang == Lang::Ar { link rel="preload" as="font" type="font/woff2" crossorigin href=(assets::address("noto-sans-arabic-400.woff2")); }
            script src=(assets::address("desk.js")) defer {}
        }
    }
}

/// Draws a page for who is signed in.
pub(crate) fn page(seat: &Seat, title: &str, live: Live, main: Markup) -> Markup {
    let lang = seat.lang;
    let is_live = match live {
        Live::Still => None,
        Live::Fresh => Some("fresh"),
        Live::Told => Some("told"),
    };
    html! {
        (DOCTYPE)
        html lang=(lang.code()) dir=(direction(lang)) {
            (head(lang, title))
            body data-live=[is_live] data-news=[is_live.map(|_| seat.news)] data-form=(seat.csrf) {
                a.skip href="#main" { (t(lang, "nav.skip")) }
                header.bar { (bar(seat)) }
                p.changed hidden role="status" { (t(lang, "live.changed")) " " a href="" { (t(lang, "live.reload")) } }
                main #main tabindex="-1" { (main) }
                footer {
                    span { bdi { (seat.officer.name) } " · " (seat.officer.roles.iter().map(|r| crate::words::role(lang, *r)).collect::<Vec<_>>().join(", ")) }
                    span { (t(lang, "foot.zone")) " " bdi { (seat.zone) } }
                }
            }
        }
    }
}

/// Address, words, and who may go there.
type Page = (&'static str, &'static str, Access);

/// The pages to which one goes again and again: they stand in the bar; on a phone, in the menu with the others.
const OFTEN: [Page; 4] = [("/", "nav.desk", READ), ("/dossiers", "nav.dossiers", READ), ("/tasks", "tasks.title", READ), ("/register", "nav.register", READ)];
/// The same for who runs the node and reads no dossier.
const OFTEN_RUNNING: [Page; 3] =
    [("/partners", "nav.partners", Access::SignedIn), ("/officers", "officers.title", crate::pages::LOCK), ("/administration", "nav.administration", RUN)];

/// The pages of the menu.
const SELDOM: [Page; 10] = [
    ("/ask", "ask.title", crate::pages::SEE),
    ("/ask/index", "ask.index", crate::pages::INDEX_ALONE),
    ("/calendar", "calendar.title", READ),
    ("/statistics", "statistics.title", READ),
    ("/partners", "nav.partners", Access::SignedIn),
    ("/accords", "accords.title", READ),
    ("/officers", "officers.title", crate::pages::LOCK),
    ("/administration", "nav.administration", crate::pages::KEEP),
    ("/audit", "audit.title", crate::pages::AUDIT),
    ("/settings", "nav.settings", Access::SignedIn),
];

/// The bar: the mark, where one goes often, a new dossier, the search, and a menu that opens without a script.
fn bar(seat: &Seat) -> Markup {
    let (lang, roles) = (seat.lang, &seat.officer.roles);
    let here = |to: &str| to == seat.path || (to != "/" && seat.path.strip_prefix(to).is_some_and(|rest| rest.starts_with('/')));
    let link = |(to, words, access): &Page| {
        html! { @if access.lets(roles) { a href=(*to) aria-current=[here(to).then_some("page")] { (t(lang, words)) } } }
    };
    let often: &[Page] = if READ.lets(roles) { &OFTEN } else { &OFTEN_RUNNING };
    html! {
        a.home href="/" { img src=(assets::address("mark.svg")) alt="" width="20" height="20"; span { "Entente · " bdi { (seat.code) } } }
        nav.often aria-label=(t(lang, "nav.label")) { @for page in often { (link(page)) } }
        @if READ.lets(roles) { (search_box(seat)) }
        @if ACT.lets(roles) { a.button.main.fresh href="/new" aria-current=[here("/new").then_some("page")] { (t(lang, "nav.new")) } }
        details.menu {
            summary { (t(lang, "nav.menu")) }
            nav aria-label=(t(lang, "nav.menu")) {
                div.narrow { @for page in often { (link(page)) } }
                @for page in SELDOM.iter().filter(|p| !often.contains(p)) { (link(page)) }
                form method="post" action="/signout" { (csrf(seat)) button.plain { (t(lang, "nav.signout")) } }
            }
        }
    }
}

/// The box from which one searches wherever one is; the key `/` goes there.
fn search_box(seat: &Seat) -> Markup {
    let words = t(seat.lang, "search.title");
    html! {
        form.find method="post" action="/search" role="search" aria-label=(words) {
            (csrf(seat))
            input type="search" name="q" aria-label=(words) placeholder=(words) required dir="auto" autocomplete="off" aria-keyshortcuts="/";
        }
    }
}

/// Draws a page for who is not signed in.
pub(crate) fn front(lang: Lang, title: &str, path: &str, main: Markup) -> Markup {
    outside(lang, title, path, "front", main)
}

/// Draws a page for everybody, the same for whoever is signed in; `path` may hold a query.
pub(crate) fn open_page(lang: Lang, title: &str, path: &str, main: Markup) -> Markup {
    outside(lang, title, path, "front wide", main)
}

fn outside(lang: Lang, title: &str, path: &str, class: &str, main: Markup) -> Markup {
    let joint = if path.contains('?') { '&' } else { '?' };
    html! {
        (DOCTYPE)
        html lang=(lang.code()) dir=(direction(lang)) {
            (head(lang, title))
            body class=(class) {
                main #main tabindex="-1" { (main) }
                footer {
                    nav aria-label=(t(lang, "nav.languages")) {
                        @for l in Lang::ALL { a href=(format!("{path}{joint}lang={l}")) lang=(l.code()) hreflang=(l.code()) aria-current=[(l == lang).then_some("true")] { (own_name(l)) } }
                    }
                }
            }
        }
    }
}

/// The field that each form carries.
pub(crate) fn csrf(seat: &Seat) -> Markup {
    html! { input type="hidden" name="csrf" value=(seat.csrf); }
}

/// The page of what does not exist, and of what the officer may not know to exist: the same bytes.
pub(crate) fn absent(seat: &Seat) -> Response {
    // The bar must not tell where the officer wanted to go.
    let (lang, seat) = (seat.lang, &Seat { path: String::new(), ..seat.clone() });
    let main = html! { h1 { (t(lang, "absent.title")) } p { (t(lang, "absent.text")) } p { a.button href="/" { (t(lang, "absent.back")) } } };
    (StatusCode::NOT_FOUND, page(seat, t(lang, "absent.title"), Live::Still, main)).into_response()
}

/// What happened and what to do, by a stable code, with the details of the case.
pub(crate) fn notice(lang: Lang, code: &str, desk: &Desk, details: &str) -> Markup {
    html! {
        div.notice role="alert" {
            @match desk.node.words_of(code) {
                Some((what, help)) => { p { strong { (what.get(lang)) } } p { (help.get(lang)) } }
                None => { p { strong { (t(lang, "trouble.unknown")) } } }
            }
            @if !details.is_empty() { details { summary { (t(lang, "trouble.details")) } p lang="en" dir="ltr" { (details) } } }
            p.quiet { (t(lang, "trouble.code")) " " code dir="ltr" { (code) } }
        }
    }
}

/// A page that says why something was not done.
pub(crate) fn told(seat: &Seat, status: StatusCode, code: &str, desk: &Desk, details: &str) -> Response {
    let title = t(seat.lang, "trouble.title");
    let main = html! { h1 { (title) } (notice(seat.lang, code, desk, details)) p { a.button href="/" { (t(seat.lang, "absent.back")) } } };
    (status, page(seat, title, Live::Still, main)).into_response()
}

/// Answers an error of the node: what is absent as absent, everything else with its words.
pub(crate) fn failed(seat: &Seat, desk: &Desk, e: &NodeError) -> Response {
    let status = match e.code() {
        "refusal.node.absent" | "refusal.id.hex" => return absent(seat),
        "refusal.store.busy" => StatusCode::SERVICE_UNAVAILABLE,
        code if code.starts_with("failure.") => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    told(seat, status, e.code(), desk, &e.to_string())
}

/// Answers an error of the node before it is known who asks.
pub(crate) fn failed_unseated(desk: &Desk, lang: Lang, e: &NodeError) -> Response {
    let title = t(lang, "trouble.title");
    let status = if e.code() == "refusal.store.busy" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
    (status, front(lang, title, "/signin", html! { h1 { (title) } (notice(lang, e.code(), desk, "")) })).into_response()
}
