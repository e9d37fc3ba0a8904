//! A communiqué from a text of the press to the page for everybody, between two nodes: read, confirmed, a visit opened from it, agreed in
//! every language by hash, released by both, and checked by a stranger at either desk and without any.

use super::browser::{Browser, Tab};
use super::http::Visitor;
use super::sight::look;
use super::story::{PROGRAM, agree, h0, phase, say_why, seat, two_stations};
use base::Digest;
use entente::launch::{Station, settle};
use node::Proof;
use serde_json::{Value, json};
use std::path::Path;

const PRESS: &str = include_str!("../../../demo/press/madrid-2025-fr.txt");
const TEXTS: [(&str, &str); 3] = [
    ("fr", "Les deux services ont convenu d'échanger des informations.\nLes entretiens se sont tenus à Madrid."),
    ("es", "Los dos servicios acordaron intercambiar información.\nLas conversaciones se celebraron en Madrid."),
    ("ar", "اتفقت المصلحتان على تبادل المعلومات.\nوجرت المباحثات في مدريد."),
];

/// The press text becomes a confirmed draft and the form of a visit, which is completed and put before a second officer.
fn from_press_to_visit(tab: &Tab, es: &Station) -> String {
    tab.open("/register/drafts");
    tab.fill("source", "press/madrid-2025-fr.txt");
    tab.fill("text", PRESS);
    tab.follow("form[action='/register/drafts'] button.main");
    tab.until_shown("Texts read: 1 draft");
    look(tab, "register-drafts", "/register/drafts");
    tab.follow("main a[href^='/register/drafts/']");
    tab.until_shown("not yet decided");
    let draft = tab.js("location.pathname").as_str().unwrap().to_owned();
    let marked = tab.js("[...document.querySelectorAll('mark')].map(m => m.textContent).join('|')");
    assert!(marked.as_str().unwrap().contains("28 et 29 janvier 2025"), "{marked}");
    assert_eq!(tab.js("document.querySelector('[name=date_from]').value"), "2025-01-28");
    let anchors = tab.js("[...document.querySelectorAll('a.mark-n')].every(a => document.getElementById(a.getAttribute('href').slice(1)))");
    assert_eq!(anchors, true, "each number leads somewhere");
    look(tab, "register-draft", &draft);
    tab.open(&draft);
    tab.fill("date_to", "2025-01-27");
    tab.follow("button[value=confirm]");
    tab.until_shown("refusal.register.event");
    tab.open(&draft);
    tab.follow("button[value=confirm]");
    tab.until_shown("confirmed");
    tab.follow("form[action$=visit] button");
    tab.until("location.pathname.startsWith('/new/')");
    let typed = |name: &str| tab.js(&format!("document.querySelector('[name=\"{name}\"]').value"));
    assert_eq!([typed("date_from:0:v"), typed("date_to:0:v"), typed("place:0:name")], ["2025-01-28", "2025-01-29", "Madrid"]);
    assert_eq!(typed("register_source:0:v"), "press/madrid-2025-fr.txt");
    assert_eq!(tab.js("[...document.querySelectorAll('[name^=\"party:\"]')].map(e => e.value).join()"), "guest", "the other party comes as a guest");
    for (name, value) in [
        ("title:0:text", "Visita de trabajo en Madrid"),
        ("title:0:lang", "es"),
        ("level:0:v", "director-general"),
        ("place:0:country", "ES"),
        ("purpose:0:text", "Cooperación"),
    ] {
        tab.fill(name, value);
    }
    tab.click("input[name=handling][value=H0]");
    tab.follow("button[value=preview]");
    tab.until_shown("What ma will receive");
    tab.follow("button[value=send]");
    tab.until_shown("waits for a second officer");
    let pending = tab.js("location.pathname").as_str().unwrap().trim_start_matches("/pending/").to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let made = runtime.block_on(es.client("chief").post(&format!("/v1/pending/{pending}/approve?wait=delivered"), &json!({}))).unwrap();
    made["dossier"].as_str().unwrap().to_owned()
}

#[test]
fn a_communique_from_draft_to_public_verification() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("register and communiqués in a browser, and the page for everybody", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut stations = two_stations(dir.path());
    runtime.block_on(settle(&mut stations, Path::new(PROGRAM))).unwrap();
    let (ma, es) = (&stations[0], &stations[1]);
    runtime.block_on(agree(&[ma, es], &["working-visit"], "Visits"));
    let (host, guest) = runtime.block_on(async { (seat(&browser, es, "desk", "ES desk").await, seat(&browser, ma, "chief", "MA chief").await) });
    let visit = from_press_to_visit(&host, es);

    let item = |kind: &str, fields: Value| json!({ "do": "open-item", "dossier": visit, "parent": null, "kind": kind, "fields": fields, "handling": h0() });
    runtime.block_on(async {
        phase(ma, &visit, None, "invitation").await;
        let accept = json!({ "do": "move", "dossier": visit, "item": null, "name": "accept", "fields": {}, "handling": h0() });
        ma.act("desk", "chief", &accept, "delivered").await.unwrap();
        let promise =
            json!({ "text": [{ "lang": "es", "text": "Lista de guardias" }], "kind": "exchange-of-information", "owner": es.service, "due": "2025-02-01" });
        let made = es.act("desk", "chief", &item("commitment", promise), "delivered").await.unwrap();
        let agree = json!({ "do": "move", "dossier": visit, "item": made["item"], "name": "agree", "fields": {}, "handling": h0() });
        ma.act("chief", "judge", &agree, "delivered").await.unwrap();
        for (lang, text) in TEXTS {
            es.act("desk", "chief", &item("communique_text", json!({ "text": { "lang": lang, "text": text } })), "delivered").await.unwrap();
        }
    });

    // A version is put forward from the texts; nobody types a hash.
    host.open(&format!("/dossiers/{visit}"));
    say_why(&host, "communiqué");
    host.open(&format!("/dossiers/{visit}/communique"));
    look(&host, "communique", &format!("/dossiers/{visit}/communique"));
    host.open(&format!("/dossiers/{visit}/communique"));
    host.fill("embargo:0:v", "2025-01-29T12:00");
    host.follow("form[action$=communique] button.main");
    host.until_shown("Under discussion");
    let version = runtime.block_on(async {
        let view = es.client("desk").get(&format!("/v1/dossiers/{visit}?reason=story")).await.unwrap();
        let found = view["items"].as_array().unwrap().iter().find(|i| i["kind"] == "version").unwrap();
        assert_eq!(found["fields"]["hashes"].as_array().unwrap().len(), TEXTS.len());
        found["id"].as_str().unwrap().to_owned()
    });

    // While it is only discussed, the public page knows nothing of it.
    let stranger = browser.person("stranger");
    stranger.lang("en");
    let public = |tab: &Tab, desk: &Station, text: &str| {
        tab.goto(&format!("http://localhost:{}/verify", desk.desk.port()));
        tab.fill("text", text);
        tab.follow("button.main");
    };
    public(&stranger, es, TEXTS[0].1);
    stranger.until_shown("No: this is not a published communiqué");

    // The guest agrees to every language at its own desk, a second officer with it.
    runtime.block_on(phase(ma, &visit, Some(&version), "under_discussion"));
    guest.open(&format!("/dossiers/{visit}"));
    say_why(&guest, "communiqué");
    guest.open(&format!("/dossiers/{visit}/communique"));
    guest.until_shown("text is here");
    guest.follow("main a[href$='moves/agree']");
    guest.click("input[name=handling][value=H0]");
    guest.follow("button[value=send]");
    guest.until_shown("waits for a second officer");
    let pending = guest.js("location.pathname").as_str().unwrap().trim_start_matches("/pending/").to_owned();
    runtime.block_on(async {
        ma.client("judge").post(&format!("/v1/pending/{pending}/approve?wait=delivered"), &json!({})).await.unwrap();
        phase(es, &visit, Some(&version), "agreed").await;
    });
    public(&stranger, es, TEXTS[0].1);
    stranger.until_shown("No: this is not a published communiqué");
    runtime.block_on(async {
        let release = json!({ "do": "move", "dossier": visit, "item": version, "name": "release", "fields": {}, "handling": h0() });
        for s in [ma, es] {
            s.act("chief", "judge", &release, "delivered").await.unwrap();
        }
        for s in [ma, es] {
            phase(s, &visit, Some(&version), "published").await;
        }
    });

    // Everybody checks it, at either desk, in any language of it, whatever the line ends.
    for (desk, (_, text)) in [es, ma].into_iter().zip(TEXTS) {
        public(&stranger, desk, text);
        stranger.until_shown("Yes: this text is an agreed and published communiqué");
        stranger.until_shown("Bureau de liaison");
        stranger.until_shown("Oficina de enlace");
        assert_eq!(stranger.js("location.pathname"), format!("/verify/{}", Digest::of(text.as_bytes())));
        let page = stranger.js("document.documentElement.outerHTML");
        let page = page.as_str().unwrap();
        assert!(!page.contains("Cooperación") && !page.contains("Lista de guardias") && !page.contains("Visita de trabajo"), "nothing else of the dossier");
    }
    public(&stranger, es, &format!("  {}\n\n", TEXTS[1].1));
    stranger.until_shown("the words are the same");
    public(&stranger, es, &TEXTS[1].1.replace("dos", "tres"));
    stranger.until_shown("No: this is not a published communiqué");
    let no = stranger.js("location.pathname").as_str().unwrap().to_owned();
    look(&stranger, "verify-no", &no);
    look(&stranger, "verify", "/verify");
    let yes = format!("/verify/{}", Digest::of(TEXTS[2].1.as_bytes()));
    look(&stranger, "verify-yes", &yes);

    // The proof holds without any desk; pages may be cached, and say whom they are for.
    let reader = Visitor::new(es.desk);
    let page = reader.get(&yes);
    assert_eq!((page.status, page.header("cache-control"), page.header("vary")), (200, "public, max-age=0, s-maxage=3600", "accept-language"));
    let again = reader.ask("GET", &yes, &[("if-none-match", page.header("etag"))], "");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert!(page.header("set-cookie").is_empty());
    let proof = reader.get(&format!("{yes}/proof"));
    let proved = Proof::read(&proof.body).unwrap().verify().unwrap();
    assert_eq!((proved.texts.len(), proved.signed.len()), (TEXTS.len(), 2));
    assert!(proved.signed.iter().all(|s| s.cards == [1] && s.agreed.at <= s.released.at), "{:?}", proved.signed);
    let file = dir.path().join("communique-proof.json");
    std::fs::write(&file, &proof.body).unwrap();
    let verified = std::process::Command::new(PROGRAM).arg("verify").arg(&file).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(!proof.body.contains("Cooperaci"), "nothing else of the dossier");

    // The register shows what is late first, and where the public page is.
    host.open("/register");
    host.until_shown("Exchange of information");
    host.until_shown("Late:");
    host.until_shown("Public verification page");
    look(&host, "register", "/register");
    for tab in [&host, &guest, &stranger] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
    let asked = (0..400).map(|_| reader.get(&no).status).find(|s| *s == 429);
    assert_eq!(asked, Some(429), "who asks without end is told to wait");
    assert_ne!(reader.get("/signin").status, 429, "and locks nobody out");
}
