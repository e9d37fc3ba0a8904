//! What is refused, what is over and what must be proved again: a ground from the vocabulary, an act before and after an expiry, a form error that
//! keeps what was typed in a language written from right to left; a session that ran out, and presence that was proved too long ago.

use super::browser::{Browser, Tab};
use super::routes::{Served, runtime, with_served};
use super::sight::{look, look_as_it_is};
use super::story::{PROGRAM, agree, does, fill, h0, phase, say_why, seat, two_stations};
use entente::bench::dossiers;
use entente::engine::now;
use entente::launch::settle;
use node::{Drawer, Paper};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Seconds after which the warning of the story expires: time enough to see that it has not yet.
const EXPIRES_IN_S: i64 = 45;

fn instant(seconds: i64) -> Value {
    json!(now().plus_ms(seconds * 1000).in_zone("Europe/Madrid").unwrap().to_string())
}

#[test]
fn a_request_is_refused_on_a_ground_and_a_warning_expires() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("refusal, expiry and form errors in a browser", &dir.path().join("chromium")) else { return };
    let runtime = runtime();
    let mut stations = two_stations(dir.path());
    runtime.block_on(async {
        settle(&mut stations, Path::new(PROGRAM)).await.unwrap();
        agree(&[&stations[0], &stations[1]], &["early-warning"], "Early warnings").await;
    });
    let (ma, es) = (&stations[0], &stations[1]);
    let (ma_desk, es_desk, es_chief) = runtime.block_on(async {
        (seat(&browser, ma, "desk", "MA desk").await, seat(&browser, es, "desk", "ES desk").await, seat(&browser, es, "chief", "ES chief").await)
    });

    // Without a ground nothing is refused; the form says so in the reader's language and keeps every word.
    let request = runtime.block_on(dossiers(ma, es, 1)).unwrap().remove(0);
    runtime.block_on(phase(es, &request, None, "open"));
    es_desk.open(&format!("/dossiers/{request}"));
    say_why(&es_desk, "request received");
    es_desk.open(&format!("/dossiers/{request}"));
    es_desk.follow("main a[href$='moves/refuse']");
    let form = es_desk.js("location.pathname").as_str().unwrap().to_owned();
    es_desk.lang("ar");
    es_desk.open(&form);
    let words = "لا يمكن الإفصاح عن أكثر من ذلك.";
    fill(&es_desk, &[("explanation:0:text", words), ("explanation:0:lang", "ar"), ("=handling", "H0")]);
    es_desk.follow("button[value=send]");
    es_desk.until_shown("refusal.act.guard");
    es_desk.until_shown("يجب ذكر سبب الرفض، ومرجعكم");
    assert_eq!(es_desk.js("[document.documentElement.dir, document.querySelector('[name=\"explanation:0:text\"]').value].join(' ')"), format!("rtl {words}"));
    assert_eq!(es_desk.js("document.querySelector('input[name=handling][value=H0]').checked"), true);
    look_as_it_is(&es_desk, "refuse-without-ground-ar");
    es_desk.lang("en");
    fill(&es_desk, &[("=ground:all:v", "national-security"), ("reference:0:v", "PN-2030-44")]);
    es_desk.follow("button[value=send]");
    es_desk.until("location.pathname.startsWith('/pending/')");
    es_chief.open(es_desk.js("location.pathname").as_str().unwrap());
    es_chief.follow("form[action$=approve] button");
    ma_desk.open(&format!("/dossiers/{request}"));
    say_why(&ma_desk, "answer expected");
    ma_desk.open(&format!("/dossiers/{request}"));
    ma_desk.until_shown(words);
    let ground = ma_desk.js("[...document.querySelectorAll('.board dd')].map(d => d.textContent.trim()).join('; ')");
    assert!(ground.as_str().is_some_and(|g| g.to_lowercase().contains("security")), "the ground stands there in the reader's words: {ground}");
    look(&ma_desk, "request-refused", &format!("/dossiers/{request}"));

    // A warning: before its time is over it cannot be said to have expired, and nobody erases it; after, it cannot be called off any more. The page
    // says why.
    let w = |text: &str| json!({ "lang": "en", "text": text });
    let fields = json!({
        "reference": "MA-W-17", "legal_basis": w("Article 9 of the accord"), "purpose": "prevent", "offence": ["arms-explosives"], "threat": [w("A bag of fireworks.")],
        "from": instant(0), "until": instant(EXPIRES_IN_S - 5), "places": [{ "name": w("Madrid"), "country": "ES" }],
        "credibility": { "scale": "4x4", "source": "C", "information": "3" }, "recommended": [w("Look into bags.")], "not_to_do": [w("No announcement.")],
        "contact": w("Situation centre"), "contact_phone": "+10000000000", "expires": instant(EXPIRES_IN_S), "article_3": "not-concerned", "article_3_reasons": w("Ordinary crime."),
    });
    let parties = json!([[ma.service, "issuer"], [es.service, "recipient"]]);
    let open = json!({ "do": "open", "mechanism": "early-warning", "accord": null, "follows": null, "parties": parties, "fields": fields, "handling": h0() });
    let warning = runtime.block_on(ma.act("desk", "chief", &open, "delivered")).unwrap()["dossier"].as_str().unwrap().to_owned();
    let over = std::time::Instant::now() + Duration::from_secs(EXPIRES_IN_S as u64);
    let at = format!("/dossiers/{warning}");
    for tab in [&ma_desk, &es_desk] {
        tab.open(&at);
        say_why(tab, "warning");
        tab.open(&at);
    }
    let possible = |tab: &Tab, name: &str| tab.js(&format!("!!document.querySelector(\"main a[href$='moves/{name}']\")")) == true;
    for (tab, why) in [(&ma_desk, "It has not expired yet: cancel it."), (&es_desk, "This move needs the end of the warning by its issuer.")] {
        tab.js("document.querySelectorAll('details').forEach(d => d.open = true)");
        tab.until_shown(why);
    }
    assert!(possible(&ma_desk, "cancel") && !possible(&ma_desk, "expire") && !possible(&es_desk, "purge"));
    let form = ma_desk.js("document.querySelector(\"main a[href$='moves/cancel']\").getAttribute('href')").as_str().unwrap().to_owned();
    std::thread::sleep(over.saturating_duration_since(std::time::Instant::now()) + Duration::from_secs(1));
    does(&ma_desk, &warning, "moves/expire", &[], None);
    es_desk.until("!document.querySelector('.changed').hidden");
    es_desk.open(&at);
    es_desk.until("!!document.querySelector(\"main a[href$='moves/purge']\")");
    ma_desk.open(&at);
    assert!(!possible(&ma_desk, "cancel") && !possible(&ma_desk, "expire"));
    look(&ma_desk, "warning-expired", &at);
    // Whoever still has the form in the window is told why, and what they typed stays.
    ma_desk.open(&form);
    fill(&ma_desk, &[("reason:0:v", "threat-averted"), ("explanation:0:text", "It is over."), ("=handling", "H0")]);
    ma_desk.follow("button[value=send]");
    ma_desk.until("/refusal.act.wrong-(state|phase)/.test(document.body.innerText)");
    assert_eq!(ma_desk.js("document.querySelector('[name=\"explanation:0:text\"]').value"), "It is over.");
    for tab in [&ma_desk, &es_desk, &es_chief] {
        assert_eq!(tab.complaints(), Vec::<String>::new(), "{}", tab.name);
    }
}

/// Puts moments of all sessions back to the beginning of time, as if that long had passed.
fn passes(s: &Served, what: &'static str) {
    runtime()
        .block_on(s.engine.run(move |n| {
            let mut papers = Vec::new();
            for (name, bytes) in n.papers(Drawer::Session, "")? {
                let mut session: Value = serde_json::from_slice(&bytes).unwrap();
                assert!(session[what].as_i64().is_some_and(|at| at > 0), "a session has {what}");
                session[what] = json!(1);
                papers.push(Paper::Put(Drawer::Session, name, session.to_string().into_bytes()));
            }
            Ok((Some(n.file_papers(papers, None, now())?), ()))
        }))
        .unwrap();
}

/// Lets somebody in at a desk of this process.
fn sits(browser: &Browser, s: &Served, officer: &'static str) -> Tab {
    let token = runtime().block_on(s.engine.run(move |n| web::invite(n, officer, now()).map(|(t, token)| (Some(t), token)))).unwrap();
    let tab = browser.person(officer);
    tab.lang("en");
    tab.goto(&format!("{}/invitation#{officer}/{token}", s.visitors[0].origin()));
    tab.click("button[data-passkey]");
    tab.until("location.pathname === '/' && document.readyState === 'complete'");
    tab
}

#[test]
fn nothing_typed_is_lost_when_a_session_or_a_proof_runs_out() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("a session that runs out and presence proved again, in a browser", &dir.path().join("chromium")) else { return };
    with_served(|s| {
        let tab = sits(&browser, s, "o.competent-authority");
        let proves = |words: &str| {
            tab.click("button[data-passkey]");
            tab.until(&format!("location.pathname !== '/again' && location.pathname !== '/signin' && document.readyState === 'complete' && document.body.innerText.includes({})", json!(words)));
        };
        let typed = |name: &str| tab.js(&format!("document.querySelector('[name=\"{name}\"]').value"));
        tab.open(&format!("/dossiers/{}", s.dossier));
        say_why(&tab, "to sign it");
        tab.open(&format!("/dossiers/{}", s.dossier));
        tab.follow("main a[href$='moves/sign']");
        let form = tab.js("location.pathname").as_str().unwrap().to_owned();
        tab.fill("authority:0:text", "المدير العام، قرار رقم 7");
        tab.until("document.querySelector('#kept').textContent.length > 5");

        // The session idles out while the form is open: signing sends nobody's words away.
        passes(s, "seen");
        tab.click("input[name=handling][value=H0]");
        tab.click("button[value=send]");
        tab.until("location.pathname === '/signin' && document.readyState === 'complete'");
        proves("1 draft");
        tab.follow(&format!("main a[href='{form}']"));
        tab.fill("reason", "to sign it");
        tab.follow("form[action$=reason] button");
        tab.until(&format!("location.pathname === '{form}'"));
        assert_eq!(typed("authority:0:text"), "المدير العام، قرار رقم 7");

        // The move is marked: whoever proved presence too long ago proves it again, before the form and before the act.
        passes(s, "proved");
        tab.open(&format!("/dossiers/{}", s.dossier));
        tab.follow("main a[href$='moves/sign']");
        assert_eq!(tab.js("location.pathname"), "/again");
        look(&tab, "again", &format!("/again?to={form}"));
        tab.open(&format!("/again?to={form}"));
        proves("proved by passkey");
        assert_eq!(tab.js("location.pathname"), form.as_str());
        tab.fill("authority:0:text", "The director, decree 7");
        tab.click("input[name=handling][value=H0]");
        passes(s, "proved");
        tab.follow("button[value=send]");
        tab.until_shown("refusal.desk.presence");
        assert_eq!(typed("authority:0:text"), "The director, decree 7");
        look_as_it_is(&tab, "presence-again-en");
        tab.follow("main a[href^='/again']");
        proves("proved by passkey");
        assert_eq!(
            (typed("authority:0:text"), tab.js("document.querySelector('input[name=handling][value=H0]').checked")),
            ("The director, decree 7".into(), true.into())
        );
        tab.follow("button[value=send]");
        tab.until_shown("waits for a second officer");
        tab.open("/");
        assert_eq!(tab.js(&format!("!!document.querySelector(\"main a[href='{form}']\")")), false, "what was sent is a draft no longer");
        assert_eq!(tab.complaints(), Vec::<String>::new());
    });
}
