//! Ask and answer between two nodes, all of it through the desk: passkeys, a draft, a preview, a second officer, an answer, in Chromium.

use super::browser::{Browser, Tab};
use super::sight::look;
use base::Lang;
use entente::launch::{Founder, Station, accord, settle};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");

pub fn two_stations(root: &Path) -> Vec<Station> {
    stations(root, &["ma", "es"])
}

/// Founds services by their codes.
pub fn stations(root: &Path, codes: &[&str]) -> Vec<Station> {
    let founders = [
        Founder { code: "ma", country: "MA", zone: "Africa/Casablanca", name: &[(Lang::Fr, "Bureau de liaison")], languages: &[Lang::Fr, Lang::Ar] },
        Founder { code: "es", country: "ES", zone: "Europe/Madrid", name: &[(Lang::Es, "Oficina de enlace")], languages: &[Lang::Es] },
        Founder { code: "de", country: "DE", zone: "Europe/Berlin", name: &[(Lang::De, "Verbindungsstelle")], languages: &[Lang::De] },
    ];
    founders.iter().filter(|f| codes.contains(&f.code)).map(|f| Station::found(root, f).unwrap()).collect()
}

/// Lets somebody in by an invitation of the running node.
pub async fn seat(browser: &Browser, station: &Station, officer: &str, name: &'static str) -> Tab {
    take_up(browser, &station.invite(officer).await.unwrap(), name)
}

/// Opens the link of an invitation as somebody does who has no passkey yet.
pub fn take_up(browser: &Browser, link: &str, name: &'static str) -> Tab {
    let tab = browser.person(name);
    tab.lang("en");
    tab.goto(link);
    tab.click("button[data-passkey]");
    tab.until("location.pathname === '/' && document.readyState === 'complete'");
    tab
}

pub fn say_why(tab: &Tab, why: &str) {
    tab.until_shown("Why do you look at this dossier?");
    tab.fill("reason", why);
    tab.follow("form[action$=reason] button");
}

pub fn h0() -> Value {
    json!({ "codes": ["H0"] })
}

/// Brings an accord among services into force that permits some mechanisms.
pub async fn agree(all: &[&Station], mechanisms: &[&str], title: &str) {
    let mut hashes = Vec::new();
    for name in mechanisms {
        let found = all[0].client("desk").get(&format!("/v1/mechanisms/{name}")).await.unwrap();
        hashes.push((*name, found["hash"].as_str().unwrap().to_owned()));
    }
    let named: Vec<(&str, &str)> = hashes.iter().map(|(name, hash)| (*name, hash.as_str())).collect();
    let parties: Vec<_> = all.iter().map(|s| s.service).collect();
    let opened = all[0].act("chief", "judge", &accord(&parties, &named, title), "delivered").await.unwrap();
    let authority = json!({ "lang": "en", "text": "Director" });
    let sign = json!({ "do": "move", "dossier": opened["dossier"], "item": null, "name": "sign", "handling": h0(), "fields": { "authority": authority } });
    for s in all {
        s.act("judge", "chief", &sign, "delivered").await.unwrap();
    }
    for s in all {
        phase(s, opened["dossier"].as_str().unwrap(), None, "in-force").await;
    }
}

/// Waits until a dossier, or an item of it, stands in a phase at a node.
pub async fn phase(at: &Station, dossier: &str, item: Option<&str>, wanted: &str) {
    let began = Instant::now();
    loop {
        let view = at.client("desk").get(&format!("/v1/dossiers/{dossier}?reason=story")).await.unwrap_or_default();
        let found = match item {
            None => view["phase"].clone(),
            Some(id) => view["items"].as_array().into_iter().flatten().find(|i| i["id"] == id).map(|i| i["phase"].clone()).unwrap_or_default(),
        };
        if found == wanted {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{} has {found} and not {wanted}", at.code);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Fills in a form that is drawn from a mechanism, as it stands in the window; a name with `=` before it is a box to tick.
pub fn fill(tab: &Tab, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        match name.strip_prefix('=') {
            Some(name) => tab.click(&format!("input[name='{name}'][value='{value}']")),
            None => tab.fill(name, value),
        }
    }
}

/// Does something in a dossier through its page: follows a link that ends so, fills in the form, signs it or puts it before a second officer,
/// who signs it at the own window.
pub fn does(tab: &Tab, dossier: &str, link: &str, fields: &[(&str, &str)], second: Option<&Tab>) {
    tab.open(&format!("/dossiers/{dossier}/items"));
    if tab.js("!!document.querySelector('form[action$=reason]')") == true {
        say_why(tab, "story");
    }
    tab.open(&format!("/dossiers/{dossier}"));
    tab.until(&format!("!!document.querySelector(\"main a[href$='{link}']\")"));
    tab.follow(&format!("main a[href$='{link}']"));
    if tab.js("location.pathname") == "/again" {
        tab.click("button[data-passkey]");
        tab.until("location.pathname !== '/again' && document.readyState === 'complete'");
    }
    fill(tab, fields);
    tab.click("input[name=handling][value=H0]");
    let lacks = tab.js("[...document.querySelectorAll('main form[data-keep] :invalid')].map(e => e.name).filter(n => n).join(' ')");
    assert_eq!(lacks, "", "{}: {link} is not filled in", tab.name);
    tab.follow("button[value=send]");
    let at = tab.js("location.pathname").as_str().unwrap().to_owned();
    let Some(second) = second else {
        assert!(at.starts_with("/dossiers/") && !at.contains("/items/"), "{}: {link}: {}", tab.name, tab.js("document.querySelector('main').innerText"));
        return;
    };
    assert!(at.starts_with("/pending/"), "{}: {link}: {}", tab.name, tab.js("document.querySelector('main').innerText"));
    second.open(&at);
    second.follow("form[action$=approve] button");
}

/// Types a request about a vehicle into an open draft, and waits until the last of it is kept.
pub fn types_a_request(tab: &Tab, asked: &Station, reference: &str) {
    tab.fill(&format!("party:{}", asked.service), "requested");
    for (name, value) in [
        ("reference:0:v", reference),
        ("legal_basis:0:text", "Convention, article 4"),
        ("purpose:0:v", "investigate"),
        ("offence:0:v", "drug-trafficking"),
        ("facts:0:text", "Un véhicule a été vu trois fois près du port."),
        ("facts:0:lang", "fr"),
        ("question:0:text", "À qui appartient ce véhicule ?"),
        ("question:0:lang", "fr"),
        ("why_requested:0:text", "Il est immatriculé en Espagne."),
        ("why_requested:0:lang", "fr"),
        ("vehicles:0:plate", "1234 BCD"),
        ("vehicles:0:country", "ES"),
        ("urgency:0:v", "urgent-direct"),
    ] {
        tab.fill(name, value);
    }
    tab.click("input[name=handling][value=H0]");
    tab.js("document.querySelector('#kept').textContent = ''");
    tab.fill("offence_text:0:text", "Trafic de stupéfiants");
    tab.until("document.querySelector('#kept').textContent.length > 5");
}

/// Puts a window in front of its reader, or behind others.
fn in_sight(tab: &Tab, seen: bool) {
    let state = if seen { "visible" } else { "hidden" };
    tab.js(&format!(
        "Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }}); document.dispatchEvent(new Event('visibilitychange'))"
    ));
}

#[test]
fn ask_and_answer_through_the_desk() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("the desk in a browser: passkeys, ask and answer, axe-core, pictures", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut stations = two_stations(dir.path());
    runtime.block_on(settle(&mut stations, Path::new(PROGRAM))).unwrap();
    let (ma, es) = (&stations[0], &stations[1]);
    let (asks, approves, answers, seconds) = runtime.block_on(async {
        (
            seat(&browser, ma, "desk", "MA desk").await,
            seat(&browser, ma, "chief", "MA chief").await,
            seat(&browser, es, "desk", "ES desk").await,
            seat(&browser, es, "chief", "ES chief").await,
        )
    });

    // Signing out and in again, by the passkey alone.
    asks.click(".menu summary");
    asks.follow("form[action='/signout'] button");
    look(&asks, "signin", "/signin");
    asks.open("/signin");
    asks.click("button[data-passkey]");
    asks.until("location.pathname === '/' && document.readyState === 'complete'");

    // A request is written; what was typed is kept as it is typed.
    asks.follow(".bar a[href='/new']");
    look(&asks, "new", "/new");
    asks.follow("form:has(input[value=information-request]) button");
    let draft = asks.js("location.pathname").as_str().unwrap().to_owned();
    types_a_request(&asks, es, "BL/2026/117");
    asks.open(&draft);
    assert_eq!(asks.js("document.querySelector('[name=\"offence_text:0:text\"]').value"), "Trafic de stupéfiants", "the draft came back");
    look(&asks, "draft", &draft);
    // A country is typed by name or by code; one that nobody knows is said, and nothing that was typed is lost.
    asks.open(&draft);
    let country = "vehicles:0:country";
    let shown = |tab: &Tab| tab.js(&format!("document.querySelector('[name=\"{country}\"]').value"));
    assert_eq!(shown(&asks), "Spain", "the code came back as the reader's name for it");
    asks.fill(country, "Atlantis");
    asks.follow("button[value=preview]");
    asks.until_shown("refusal.desk.country");
    assert_eq!(shown(&asks), "Atlantis");
    assert_eq!(asks.js("document.querySelector('[aria-invalid=true]').closest('fieldset').matches('.wrong#field-vehicles')"), true);
    asks.fill(country, "espana");
    asks.follow("button[value=preview]");
    asks.until_shown("What es will receive");
    asks.until_shown("1234 BCD");
    asks.until_shown("Spain");
    asks.follow("button[value=send]");
    asks.until_shown("waits for a second officer");

    // The second pair of eyes sees it come, and signs.
    approves.open("/");
    approves.until_shown("Opening: Information request");
    look(&approves, "desk-approval", "/");
    approves.open("/");
    approves.follow("main a[href^='/pending/']");
    in_sight(&answers, false);
    look(&approves, "pending", approves.js("location.pathname").as_str().unwrap());
    approves.open(approves.js("location.pathname").as_str().unwrap());
    approves.follow("form[action$=approve] button");
    say_why(&approves, "approved by me");
    approves.until_shown("signed receipt from es");

    // It appears at the other desk by itself as soon as that is in sight, with its clock and what follows when that runs out.
    assert_eq!(answers.js("document.body.innerText.includes('BL/2026/117')"), false, "a window out of sight listens");
    in_sight(&answers, true);
    answers.until_shown("BL/2026/117");
    answers.until_shown("If nothing is done:");
    look(&answers, "desk", "/");
    answers.open("/");
    answers.follow("main a[href^='/dossiers/']");
    say_why(&answers, "request received");
    answers.until_shown("À qui appartient ce véhicule ?");
    let dossier = answers.js("location.pathname").as_str().unwrap().to_owned();
    answers.follow("main a[href$='moves/answer']");
    for (name, value) in [("answer:0:text", "A Construcciones Invento, S. L."), ("answer:0:lang", "es")] {
        let there = answers.js(&format!("!!document.querySelector('[name=\"{name}\"]')"));
        assert_eq!(there, true, "{}", answers.js("[...document.querySelectorAll('form [name]')].map(e => e.name).join(' ')"));
        answers.fill(name, value);
    }
    look(&answers, "answer", answers.js("location.pathname").as_str().unwrap());
    let form = answers.js("location.pathname").as_str().unwrap().to_owned();
    answers.open(&form);
    answers.js("document.querySelector('form[action*=moves]').noValidate = true");
    answers.follow("button[value=send]");
    answers.until_shown("refusal.field.missing");
    answers.fill("answer:0:text", "A Construcciones Invento, S. L.");
    answers.fill("reference:0:v", "PN-2030-44");
    answers.fill("nature:0:v", "fact");
    answers.fill("evaluation:0:source", "4x4/A");
    answers.fill("evaluation:0:information", "4x4/1");
    answers.click("input[name=handling][value=H1]");
    answers.follow("button[value=send]");
    answers.until_shown("waits for a second officer");
    seconds.open("/");
    seconds.follow("main a[href^='/pending/']");
    seconds.follow("form[action$=approve] button");

    // The answer is here, signed, sealed and receipted; a move that is not possible says why.
    asks.open(&dossier);
    say_why(&asks, "answer expected");
    asks.until_shown("Construcciones Invento");
    asks.until_shown("signature verified");
    look(&asks, "dossier", &dossier);

    // A file is added, waits for a form that names it, and the form offers it.
    let exhibits = format!("{dossier}/exhibits");
    asks.open(&exhibits);
    asks.js("(() => { const all = new DataTransfer(); all.items.add(new File(['facture'], 'facture été.pdf', { type: 'application/pdf' })); \
         document.querySelector('#file').files = all.files; window.before = true; })()");
    asks.click("form[data-upload] button");
    asks.until_shown("no act names yet");
    asks.until_shown("facture été.pdf");
    look(&asks, "exhibits", &exhibits);
    look(&asks, "board", &format!("{dossier}/views/board"));
    look(&asks, "timeline", &format!("{dossier}/views/timeline"));

    // Search from anywhere by the key, with a reason; the answer stands in words that were written in another language.
    asks.open("/");
    asks.js("document.dispatchEvent(new KeyboardEvent('keydown', { key: '/' }))");
    asks.until("document.activeElement === document.querySelector('.find input[type=search]')");
    asks.js("(() => { const box = document.querySelector('.find input[type=search]'); box.value = 'véhicules'; box.form.submit(); })()");
    asks.until("location.pathname.startsWith('/search/') && document.readyState === 'complete'");
    asks.fill("reason", "same vehicle in other dossiers?");
    asks.follow("form.search button");
    asks.until_shown("1 dossier found");
    asks.until("!!document.querySelector('mark')");
    look(&asks, "search", asks.js("location.pathname").as_str().unwrap());
    look(&asks, "tasks", "/tasks");
    look(&asks, "calendar", "/calendar");
    look(&asks, "statistics", "/statistics");
    // Pages that one has left hold no connection: a browser has six.
    for _ in 0..4 {
        asks.open("/");
        asks.open("/tasks");
    }
    let answered = asks.js("fetch('/calendar', { signal: AbortSignal.timeout(20000) }).then(a => a.status).catch(e => e.name)");
    assert_eq!(answered, 200, "the browser waits for a connection");
    for tab in [&asks, &approves, &answers, &seconds] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
}
