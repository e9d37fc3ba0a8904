//! Every page there is, over four nodes with a dossier of every mechanism in the middle of its story. The golden table of routes says which
//! pages there are: one that nobody looks at fails a test, and so does a view that a mechanism asks for.

use super::browser::{Browser, Tab};
use super::sight::{LANGS, is_whole, look, look_after, look_again, tell_times};
use super::story::{PROGRAM, seat, types_a_request};
use entente::demo::{World, world};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const TABLE: &str = include_str!("routes.txt");
const ROLES: [&str; 6] = ["officer", "desk", "supervisor", "competent-authority", "data-protection", "administrator"];
/// Forms of each sort that are looked at in one dossier; all of them with `DESK_WHOLE=1`.
const FORMS_OF_ONE: usize = 2;
const PRESS: [&str; 2] = [include_str!("../../../demo/press/madrid-2022-en.txt"), include_str!("../../../demo/press/madrid-2022-fr.txt")];

/// What answers with something else than a page of the desk.
const NO_PAGES: [&str; 7] = [
    "/assets/{edition}/{name}",
    "/live",
    "/dossiers/{id}/export",
    "/statistics.csv",
    "/verify/{hash}/proof",
    "/card/file",
    "/dossiers/{id}/exhibits/{exhibit}",
];

/// Pages that a story looks at where it has come to them, and the words with which it does.
const TOLD: [(&str, &str, &str); 1] = [("/ask/{id}", include_str!("ask.rs"), "look(&es_desk, \"ask-hit\", &hit)")];

/// Forms whose answer is a page of its own, and is looked at; what goes wrong looks like `refused`.
const ANSWERS: [&str; 5] = ["/audit", "/new/{draft}", "/officers/{id}/invite", "/partners/import", "/dossiers/{id}/items/{item}/moves/{name}"];

/// Forms that lead to a page of the table, or are answered to the script.
const LEADS: [&str; 42] = [
    "/signin/start",
    "/signin/finish",
    "/invitation/start",
    "/invitation/finish",
    "/again/start",
    "/again/finish",
    "/signout",
    "/dossiers/{id}/reason",
    "/dossiers/{id}/exhibits",
    "/dossiers/{id}/exhibits/{exhibit}",
    "/dossiers/{id}/items/{item}/new/{kind}",
    "/new",
    "/new/{draft}/keep",
    "/new/{draft}/drop",
    "/pending/{id}/approve",
    "/pending/{id}/dismiss",
    "/search",
    "/settings",
    "/register/drafts",
    "/register/join",
    "/register/drafts/{id}/decide",
    "/register/drafts/{id}/split",
    "/register/drafts/{id}/visit",
    "/dossiers/{id}/communique",
    "/verify",
    "/partners/{id}/suspension",
    "/officers",
    "/officers/{id}/lock",
    "/audit/file",
    "/dossiers/{id}/items/{item}/moves/{name}/keep",
    "/dossiers/{id}/items/{item}/new/{kind}/keep",
    "/ask/new",
    "/ask/{id}/confirm",
    "/ask/{id}/follow-up",
    "/ask/{id}/standing",
    "/ask/{id}/open",
    "/ask/lists/new",
    "/ask/lists/{id}",
    "/ask/served",
    "/ask/check",
    "/ask/index/load",
    "/ask/index/publish",
];

/// A route of the golden table.
struct Row {
    method: &'static str,
    path: &'static str,
    /// Whether somebody comes there without signing in, then for each of [`ROLES`].
    lets: Vec<bool>,
}

fn table() -> Vec<Row> {
    let row = |line: &'static str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Row { method: words[0], path: words[1], lets: words[2..].iter().map(|w| *w == "yes").collect() }
    };
    TABLE.lines().skip(1).map(row).collect()
}

impl Row {
    /// Who looks at it: the first of these that is let in.
    fn viewer(&self) -> &'static str {
        let order = ["desk", "data-protection", "administrator", "supervisor", "competent-authority", "officer"];
        let lets = |role: &&str| self.lets[1 + ROLES.iter().position(|r| r == role).unwrap()];
        order.into_iter().find(lets).unwrap_or_else(|| panic!("nobody comes to {}", self.path))
    }
}

/// Where the pages are whose address has a part that varies.
#[derive(Default)]
struct Places {
    /// Dossiers by what they show, and the views that their mechanisms ask for.
    dossiers: BTreeMap<String, (String, Vec<String>)>,
    forms: Vec<String>,
    draft: String,
    pending: String,
    search: String,
    press: String,
    partner: String,
}

/// Returns the pages of a route, by name; none where nobody has said where they are.
fn pages(route: &str, p: &Places) -> Vec<(String, String)> {
    // The dossier that shows most comes first.
    let first = |mechanism: &str| {
        let mut all: Vec<_> = p.dossiers.iter().collect();
        all.sort_by_key(|(name, _)| !name.starts_with(mechanism));
        all
    };
    let each = |rest: &str| {
        first("controlled-delivery").into_iter().map(|(name, (id, _))| (name.replace('/', "-"), format!("/dossiers/{id}{rest}"))).collect::<Vec<_>>()
    };
    let short = |name: &str| name.split('/').next().unwrap().to_owned();
    let forms = |part: &str| {
        p.forms.iter().filter(|f| f.contains(part)).enumerate().map(|(n, f)| (format!("form{}{n}", part.replace('/', "-")), f.clone())).collect::<Vec<_>>()
    };
    match route {
        "/dossiers/{id}" => each(""),
        "/dossiers/{id}/items" => each("/items").into_iter().take(1).map(|(_, path)| ("items".to_owned(), path)).collect(),
        "/dossiers/{id}/exhibits" => each("/exhibits").into_iter().take(1).map(|(_, path)| ("exhibits-none".to_owned(), path)).collect(),
        "/dossiers/{id}/views/{name}" => {
            let views = first("event-security").into_iter().flat_map(|(name, (id, views))| views.iter().map(move |v| (name, id, v)));
            views.map(|(name, id, view)| (format!("view-{view}-{}", short(name)), format!("/dossiers/{id}/views/{view}"))).collect()
        }
        "/dossiers/{id}/communique" => {
            let visits = p.dossiers.iter().filter(|(name, _)| name.starts_with("working-visit"));
            visits.map(|(_, (id, _))| ("communique-none".to_owned(), format!("/dossiers/{id}/communique"))).collect()
        }
        "/dossiers/{id}/items/{item}/moves/{name}" => forms("/moves/"),
        "/dossiers/{id}/items/{item}/new/{kind}" => forms("/new/"),
        "/new/{draft}" => vec![("draft-form".to_owned(), p.draft.clone())],
        "/pending/{id}" => vec![("pending-one".to_owned(), p.pending.clone())],
        "/search/{number}" => vec![("search-found".to_owned(), p.search.clone())],
        "/register/drafts/{id}" => vec![("press".to_owned(), p.press.clone())],
        "/partners/{id}" => vec![("partner".to_owned(), p.partner.clone())],
        "/verify/{hash}" => vec![("verify-none".to_owned(), format!("/verify/{}", "0".repeat(64)))],
        fixed if !fixed.contains('{') => vec![(if fixed == "/" { "home".to_owned() } else { fixed[1..].replace('/', "-") }, fixed.to_owned())],
        _ => Vec::new(),
    }
}

#[test]
fn every_page_of_the_golden_table_is_looked_at() {
    let views = |m: &dossier::Mechanism| m.views.clone();
    let dossiers = dossier::shipped().iter().map(|m| (format!("{}/x", m.id), (m.id.clone(), views(m)))).collect();
    let forms = vec!["/moves/".to_owned(), "/new/".to_owned()];
    let places = Places { dossiers, forms, ..Places::default() };
    for row in table() {
        let how = match row.method {
            "GET" => {
                let told = TOLD.iter().find(|(path, ..)| *path == row.path);
                !pages(row.path, &places).is_empty() || NO_PAGES.contains(&row.path) || told.is_some_and(|(_, story, look)| story.contains(look))
            }
            _ => ANSWERS.contains(&row.path) || LEADS.contains(&row.path),
        };
        assert!(how, "nobody looks at {} {}: say in this file where such a page is", row.method, row.path);
        assert!(row.lets[0] || ROLES.contains(&row.viewer()));
    }
    // The other way round: a view that no page draws, and a dossier that the world lacks, would be looked at by nobody.
    let asked: BTreeSet<&str> = dossier::shipped().iter().flat_map(|m| m.views.iter().map(String::as_str)).collect();
    let looked: BTreeSet<String> =
        pages("/dossiers/{id}/views/{name}", &places).into_iter().map(|(name, _)| name.split('-').nth(1).unwrap().to_owned()).collect();
    assert_eq!(asked.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), looked);
}

/// Comes into a dossier with a reason; the first look leads to the view that the mechanism is about.
fn enter(tab: &Tab, path: &str) {
    tab.open(path);
    if tab.js("!!document.querySelector('form[action$=reason]')") == true {
        tab.fill("reason", "looked at by a test");
        tab.follow("form[action$=reason] button");
    }
}

/// What stories end with; one that is still under way shows more.
const OVER: [&str; 7] = ["aborted", "closed", "concluded", "declined", "recalled-and-erased", "refused", "withdrawn"];

/// Finds where pages are at one node, and makes those that must be made first.
fn places(w: &World, desk: &Tab, listed: &Value, pending: &Value) -> Places {
    let mut p = Places::default();
    // One dossier of each mechanism that the node is party to, one under way before one that is over.
    let mut known: Vec<(String, String)> = w.dossiers.iter().map(|(name, id)| (name.clone(), id.clone())).collect();
    known.sort_by_key(|(name, _)| OVER.iter().any(|o| name.ends_with(o)));
    let all: Vec<(&str, &str)> = listed.as_array().unwrap().iter().map(|l| (l["id"].as_str().unwrap(), l["mechanism"].as_str().unwrap())).collect();
    known.extend(all.iter().map(|(id, mechanism)| (format!("{mechanism}/listed"), (*id).to_owned())));
    for m in dossier::shipped() {
        let mine = |(name, id): &&(String, String)| name.starts_with(&format!("{}/", m.id)) && all.iter().any(|(known, _)| *known == id.as_str());
        let (name, id) = known.iter().find(mine).unwrap_or_else(|| panic!("ma has no dossier of {}", m.id));
        enter(desk, &format!("/dossiers/{id}"));
        let forms = desk.js("[...document.querySelectorAll('main a[href*=\"/moves/\"], main a[href*=\"/new/\"]')].map(a => a.getAttribute('href'))");
        let forms: BTreeSet<&str> = forms.as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        for part in ["/moves/", "/new/"] {
            let most = if is_whole() { usize::MAX } else { FORMS_OF_ONE };
            p.forms.extend(forms.iter().filter(|f| f.contains(part)).take(most).map(|f| (*f).to_owned()));
        }
        p.dossiers.insert(name.clone(), (id.clone(), m.views.clone()));
    }
    p.pending = format!("/pending/{}", pending[0]["id"].as_str().unwrap());
    p.partner = format!("/partners/{}", w.node("es").unwrap().service);
    // A new dossier as somebody has begun it.
    desk.open("/new");
    desk.follow("form:has(input[value=information-request]) button");
    p.draft = desk.js("location.pathname").as_str().unwrap().to_owned();
    desk.fill("legal_basis:0:lang", "fr");
    types_a_request(desk, w.station("es").unwrap(), "BL/2030/117");
    desk.open("/search");
    desk.js("document.querySelector('#query').value = 'véhicule'");
    desk.fill("reason", "same vehicle in other dossiers?");
    desk.follow("form.search button");
    p.search = desk.js("location.pathname").as_str().unwrap().to_owned();
    for (n, text) in PRESS.iter().enumerate() {
        desk.open("/register/drafts");
        desk.fill("source", &format!("press/{n}.txt"));
        desk.fill("text", text);
        desk.follow("form[action='/register/drafts'] button.main");
    }
    p.press = desk.js("document.querySelector('main a[href^=\"/register/drafts/\"]').getAttribute('href')").as_str().unwrap().to_owned();
    p
}

#[test]
fn every_page_in_every_language() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("every page of the desk: axe-core, size, words, phone", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let w = runtime.block_on(world(dir.path(), Path::new(PROGRAM))).unwrap();
    let ma = w.station("ma").unwrap();
    let (desk, admin, dpo) = runtime.block_on(async {
        (seat(&browser, ma, "k.ouazzani", "ma desk").await, seat(&browser, ma, "admin", "ma admin").await, seat(&browser, ma, "h.sefrioui", "ma dpo").await)
    });
    let read = |path: &str| runtime.block_on(ma.client("k.ouazzani").get(path)).unwrap();
    let stranger = browser.person("signed out");
    stranger.goto(&ma.origin());

    // What wants presence proved lately comes first.
    look_after(&admin, "invited", "/officers", |tab| tab.follow("form[action='/officers/y.berrahal/invite'] button"));
    look_after(&admin, "import-refused", "/partners/import", |tab| {
        tab.js("document.querySelector('#card').value = '00'");
        tab.fill("fingerprint", "one two three");
        tab.follow("form[action='/partners/import'] button");
    });
    look_after(&dpo, "audit-found", "/audit", |tab| {
        tab.fill("reason", "yearly check");
        tab.fill("kind", "");
        tab.follow("form[action='/audit'] button.main");
        tab.js("document.querySelectorAll('main details').forEach(d => d.open = true)");
    });

    let p = places(&w, &desk, &read("/v1/dossiers"), &read("/v1/pending"));
    look_after(&desk, "preview", &p.draft, |tab| tab.follow("button[value=preview]"));
    let wants = |form: &&String| {
        desk.open(form);
        desk.js("!!document.querySelector('main form [required]') && !!document.querySelector('button[value=send]')") == true
    };
    let refused = p.forms.iter().filter(|f| f.contains("/moves/")).find(wants).expect("a move with a field that must be filled");
    look_after(&desk, "move-refused", refused, |tab| {
        tab.js("document.querySelector('main form[action*=moves]').noValidate = true");
        tab.follow("button[value=send]");
        tab.until("!!document.querySelector('main .notice, main .wrong')");
    });

    // What is refused, absent, or over.
    look(&desk, "absent", "/no/such/page");
    look_after(&desk, "refused", "/settings", |tab| {
        tab.js("document.querySelector('main form [name=csrf]').value = '0'.repeat(64)");
        tab.follow("main form button.main");
        tab.until_shown("refusal.desk.form");
    });
    look_after(&stranger, "expired", "/invitation", |tab| {
        tab.js(&format!("location.hash = 'k.ouazzani/{}'", "0".repeat(64)));
        tab.click("button[data-passkey]");
        tab.until("document.querySelector('#trouble').hidden === false");
    });

    let (mut looked, mut kinds) = (0, BTreeSet::new());
    for row in table().iter().filter(|r| r.method == "GET" && !NO_PAGES.contains(&r.path)) {
        let tab = match (row.lets[0], row.viewer()) {
            (true, _) => &stranger,
            (_, "desk") => &desk,
            (_, "data-protection") => &dpo,
            _ => &admin,
        };
        for (name, path) in pages(row.path, &p) {
            let kind = if row.path.contains("/views/") { name.split('-').take(2).collect::<Vec<_>>().join("-") } else { row.path.to_owned() };
            if kinds.insert(kind) {
                look(tab, &name, &path)
            } else {
                look_again(tab, &name, &path)
            }
            looked += 1;
        }
    }
    println!("{looked} pages of the table, of {} kinds, were looked at, each in {} languages", kinds.len(), LANGS.len());
    for tab in [&desk, &admin, &dpo, &stranger] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
    tell_times();
    w.stop().unwrap();
}
