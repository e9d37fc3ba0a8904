//! Administration through the desk: a partner that is away, officers who come and go, a card taken by telephone, a suspended partner,
//! and the audit of who read what, in Chromium over real nodes.

use super::browser::{Browser, Tab};
use super::sight::{look, look_as_it_is};
use super::story::{PROGRAM, say_why, seat, two_stations};
use base::Lang;
use entente::bench::{dossiers, note};
use entente::home::Home;
use entente::launch::{Founder, Station, settle};
use seal::Lock;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Chooses a file as a person would.
fn choose(tab: &Tab, bytes: &[u8]) {
    let code = format!(
        "(() => {{ const d = new DataTransfer(); d.items.add(new File([new Uint8Array({})], 'x.card')); const e = document.querySelector('#file'); \
         e.files = d.files; e.dispatchEvent(new Event('change')); return true; }})()",
        json!(bytes)
    );
    tab.js(&code);
    tab.until("document.querySelector('#card').value.length > 100");
}

/// Opens a page anew until something holds: what changes without being stored, such as a failed try, comes by no live update.
fn again_until(tab: &Tab, path: &str, holds: &str) {
    let began = Instant::now();
    loop {
        tab.open(path);
        if tab.js(holds) == true {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "in vain: {holds}\n{}", tab.js("document.body.innerText"));
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// A service that runs nowhere yet: its card and its fingerprint in words.
fn third(root: &Path) -> (Vec<u8>, String) {
    let founder = Founder { code: "pt", country: "PT", zone: "Europe/Lisbon", name: &[(Lang::Pt, "Gabinete de ligação")], languages: &[Lang::Pt] };
    let s = Station::found(root, &founder).unwrap();
    let key = std::fs::read(&s.key_file).unwrap();
    let card = Home::open(&s.dir).unwrap().keys(&Lock::KeyFile(key.as_slice().try_into().unwrap())).unwrap().card_bytes().to_vec();
    (card, s.fingerprint.clone())
}

#[test]
fn the_node_is_run_through_the_desk() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("the desk in a browser: partners, officers, audit", &dir.path().join("chromium")) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut stations = two_stations(dir.path());
    runtime.block_on(settle(&mut stations, Path::new(PROGRAM))).unwrap();
    runtime.block_on(stations[0].add_officer("dpo", "Data protection", &["data-protection"])).unwrap();
    let opened = runtime.block_on(dossiers(&stations[0], &stations[1], 1)).unwrap();
    let (desk, chief, dpo) = runtime.block_on(async {
        let ma = &stations[0];
        (seat(&browser, ma, "desk", "MA desk").await, seat(&browser, ma, "chief", "MA chief").await, seat(&browser, ma, "dpo", "MA data protection").await)
    });
    let es = format!("/partners/{}", stations[1].service);

    // The partner's node stops: what we send waits, and the desk says so in plain words until it is back.
    stations[1].stop().unwrap();
    runtime.block_on(stations[0].act("desk", "chief", &note(&opened[0], "Said while the partner is away."), "none")).unwrap();
    again_until(&desk, "/", "/Has not answered for .*\\. [1-9][0-9]* waits? to be received/.test(document.body.innerText)");
    desk.until_shown("If it lasts over an hour");
    desk.open(&es);
    desk.until_shown("Nothing is lost");
    desk.until_shown("failure.transport.unreachable");
    look(&desk, "partner-away", &es);
    desk.open("/partners");
    runtime.block_on(stations[1].start(Path::new(PROGRAM))).unwrap();
    desk.until_shown("Answers; last receipt");
    desk.until_shown("0 wait to be received");
    look(&desk, "partners", "/partners");
    look(&desk, "accords", "/accords");

    let admin = runtime.block_on(seat(&browser, &stations[0], "admin", "MA administrator"));

    // A card comes by file; what was heard is compared, and a wrong word is named.
    let (card, words) = third(dir.path());
    admin.open("/partners/import");
    assert_eq!(admin.js(&format!("document.body.innerText.includes({})", json!(words))), false, "what must be heard is not shown");
    choose(&admin, &card);
    let wrong: Vec<&str> = words.split(' ').map(|w| if w == words.split(' ').nth(3).unwrap() { "zebra" } else { w }).collect();
    admin.fill("fingerprint", &wrong.join(" "));
    admin.follow("form[action='/partners/import'] button");
    admin.until("!!document.querySelector('.notice') && document.querySelector('#card').value.length > 100");
    admin.fill("fingerprint", &words);
    admin.follow("form[action='/partners/import'] button");
    admin.until_shown("Gabinete de ligação");

    // An officer comes by a link that is shown once, and is out at once when locked.
    admin.open("/officers");
    admin.fill("id", "k.new");
    admin.fill("name", "K. New");
    admin.click("input[name=role][value=officer]");
    admin.follow("form[action='/officers'] button");
    admin.until_shown("is registered");
    admin.follow("form[action='/officers/k.new/invite'] button");
    let link = admin.js("document.querySelector('#link').textContent").as_str().unwrap().to_owned();
    let fresh = browser.person("new officer");
    fresh.lang("en");
    fresh.goto(&link);
    fresh.click("button[data-passkey]");
    fresh.until("location.pathname === '/' && document.readyState === 'complete'");
    admin.open("/officers");
    admin.follow("form[action='/officers/k.new/lock'] button");
    admin.until_shown("locked out");
    fresh.goto(fresh.js("location.origin + '/settings'").as_str().unwrap());
    fresh.until("location.pathname === '/signin'");
    for (name, path) in [("officers", "/officers"), ("import", "/partners/import"), ("administration", "/administration")] {
        look(&admin, name, path);
    }

    // Suspending takes two officers.
    chief.open(&es);
    chief.fill("reason", "root key may be gone");
    chief.follow("form[action$=suspension] button");
    chief.until_shown("root key may be gone");
    assert_eq!(chief.js("!!document.querySelector('form[action$=suspension]')"), false, "not twice the same eyes");
    admin.open(&es);
    admin.follow("form[action$=suspension] button");
    admin.until_shown("Exchange is suspended");

    // Who read what: the reason is asked, the look itself is logged, and a file is known by its digest.
    desk.open(&format!("/dossiers/{}", opened[0]));
    say_why(&desk, "shift hand-over");
    dpo.open("/administration");
    dpo.follow("main a[href='/audit']");
    dpo.js("document.querySelector('#why').required = false");
    dpo.follow("form[action='/audit'] button.main");
    dpo.until_shown("refusal.node.asked");
    dpo.open("/audit");
    dpo.fill("reason", "yearly check");
    dpo.follow("form[action='/audit'] button.main");
    dpo.until_shown("shift hand-over");
    look_as_it_is(&dpo, "audit-found-en");
    let digest = dpo.js("(async () => { const f = new FormData(document.querySelector('form[action=\"/audit\"]')); \
         const a = await fetch('/audit/file', { method: 'POST', body: new URLSearchParams(f) }); const bytes = await a.arrayBuffer(); \
         const is = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map(b => b.toString(16).padStart(2, '0')).join(''); \
         return a.headers.get('content-disposition').includes(is) && new TextDecoder().decode(bytes).includes('shift hand-over') ? is : ''; })()");
    assert_eq!(digest.as_str().unwrap().len(), 64, "the file is what its name says");
    dpo.fill("kind", "audit");
    dpo.fill("reason", "who looked into the log");
    dpo.follow("form[action='/audit'] button.main");
    dpo.until_shown("yearly check");
    dpo.js("document.querySelectorAll('details').forEach(d => d.open = true)");
    dpo.until_shown(digest.as_str().unwrap());
    look(&dpo, "audit", "/audit");
    for tab in [&desk, &chief, &dpo, &admin] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
}
