//! Signing in by a real identity provider (node-oidc-provider), in Chromium: the officer whom the configuration names sits down, without
//! presence proved; nobody else does, by no way back that did not begin in the same browser.

use super::browser::{Browser, Tab};
use super::http::{Page, Visitor};
use super::routes::{runtime, with_served};
use super::sight::{look, look_after};
use super::story::PROGRAM;
use crate::wire::not_checked;
use base::Lang;
use entente::desk::Behind;
use entente::launch::{Founder, Station, free_port};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use web::{Back, Begun, Desk, Fault, Later, Provider, Settings};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/desk/provider.mjs");

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended by itself
        let _ = self.0.wait();
    }
}

/// Starts the provider for a desk, or says loudly that nothing was checked.
fn provider(port: u16, desk: &str) -> Option<Running> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/oidc");
    let started = folder.join("node_modules/oidc-provider").is_dir().then(|| {
        let args = [SCRIPT, folder.canonicalize().unwrap().to_str().unwrap(), &port.to_string(), desk].map(str::to_owned);
        Command::new("node").args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
    });
    let Some(Ok(child)) = started else {
        not_checked("signing in by an identity provider", "node or target/tools/oidc is not there; 'cargo xtask needs' fetches it");
        return None;
    };
    let mut running = Running(child);
    let mut said = BufReader::new(running.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|l| l == "ready"), "the provider does not start");
    // It says more later, and would end if nobody heard it.
    std::thread::spawn(move || said.for_each(drop));
    Some(running)
}

/// Goes to the provider and signs in there as somebody does, by its own pages.
fn at_the_provider(tab: &Tab, login: &str) {
    tab.click("a[href='/signin/provider']");
    tab.until("document.readyState === 'complete' && !!document.querySelector('[name=login]')");
    tab.fill("login", login);
    tab.fill("password", "of no account");
    tab.click("form [type=submit]");
    tab.until("document.readyState === 'complete' && !document.querySelector('[name=login]')");
    tab.click("form [type=submit]");
}

/// Says what happened, out of a page of a refusal.
fn refused(page: &Page, code: &str) {
    assert!(page.body.contains(code), "{code} is not in {} {}", page.status, page.body);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(!page.headers.iter().any(|(n, v)| n == "set-cookie" && !v.starts_with("desk-provider=;")), "nobody is signed in");
}

#[test]
fn an_officer_signs_in_by_the_service_s_own_provider() {
    let dir = tempfile::tempdir().unwrap();
    let Some(browser) = Browser::start("signing in by an identity provider", &dir.path().join("chromium")) else { return };
    let founder = Founder { code: "ma", country: "MA", zone: "Africa/Casablanca", name: &[(Lang::Fr, "Bureau de liaison")], languages: &[Lang::Fr] };
    let mut ma = Station::found(dir.path(), &founder).unwrap();
    let port = free_port().unwrap().port();
    let Some(running) = provider(port, &ma.origin()) else { return };
    let secret = dir.path().join("client.secret");
    std::fs::write(&secret, "a secret of the test\n").unwrap();
    let config = ma.dir.join("config.toml");
    let section = format!(
        "\n[desk.provider]\nissuer = \"http://localhost:{port}\"\nclient_id = \"desk\"\nclient_secret_file = \"{}\"\n\n[desk.provider.subjects]\n\
         4711 = \"desk\"\n4712 = \"admin\"\n4713 = \"gone\"\n",
        secret.display()
    );
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + &section).unwrap();
    let runtime = runtime();
    runtime.block_on(ma.start(Path::new(PROGRAM))).unwrap();
    runtime.block_on(ma.add_officer("desk", "Desk", &["desk", "officer"])).unwrap();

    let officer = browser.person("officer");
    officer.lang("en");
    officer.goto(&format!("{}/signin", ma.origin()));
    look(&officer, "signin-provider", "/signin");
    officer.open("/signin");
    at_the_provider(&officer, "4711");
    officer.until("location.pathname === '/' && document.readyState === 'complete'");
    officer.until_shown("liaison desk");
    officer.open("/settings");
    officer.until_shown("Desk");

    // Presence is not proved by the provider: what lets others in wants the passkey.
    let admin = browser.person("administrator");
    admin.lang("en");
    admin.goto(&format!("{}/signin", ma.origin()));
    at_the_provider(&admin, "4712");
    admin.until("location.pathname === '/' && document.readyState === 'complete'");
    admin.open("/officers");
    admin.until_shown("Presence is proved by passkey");
    assert_eq!(admin.js("!!document.querySelector('form[action$=invite]')"), false, "nobody is invited without it");

    // Whom no line names, and whom a line names who is no officer, is proved and not let in.
    for login in ["4710", "4713"] {
        let nobody = browser.person("nobody");
        nobody.lang("en");
        nobody.goto(&format!("{}/signin", ma.origin()));
        at_the_provider(&nobody, login);
        nobody.until_shown("refusal.provider.unknown");
        nobody.goto(&ma.origin());
        nobody.until("location.pathname === '/signin'");
    }

    // The way back is this browser's, once.
    let v = Visitor::new(ma.desk);
    refused(&v.get("/signin/provider/back?state=made-up&code=x"), "refusal.provider.stale");
    let begin = |v: &mut Visitor| {
        let sent = v.get("/signin/provider");
        assert_eq!(sent.status, 303);
        let to = sent.header("location").to_owned();
        assert!(to.contains("code_challenge_method=S256") && to.contains("nonce=") && to.contains("response_type=code"), "{to}");
        let cookie = sent.header("set-cookie").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/signin/provider"), "{cookie}");
        v.cookie = cookie.split(';').next().unwrap().to_owned();
        to.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let (mut one, mut other) = (Visitor::new(ma.desk), Visitor::new(ma.desk));
    let state = begin(&mut one);
    begin(&mut other);
    refused(&other.get(&format!("/signin/provider/back?state={state}&code=x")), "refusal.provider.stale");
    refused(&one.get(&format!("/signin/provider/back?state={state}&code=x")), "refusal.provider.stale");
    let issuer = format!("http%3A%2F%2Flocalhost%3A{port}");
    let state = begin(&mut one);
    refused(&one.get(&format!("/signin/provider/back?state={state}&error=access_denied&iss={issuer}")), "refusal.provider.denied");
    let state = begin(&mut one);
    refused(&one.get(&format!("/signin/provider/back?state={state}&code=x&iss=http%3A%2F%2Fevil.example")), "failure.provider.answer");
    let state = begin(&mut one);
    refused(&one.get(&format!("/signin/provider/back?state={state}&code=x&iss={issuer}")), "failure.provider.answer");

    // A provider that is away leaves the passkey as it is.
    let state = begin(&mut one);
    drop(running);
    refused(&one.get(&format!("/signin/provider/back?state={state}&code=x&iss={issuer}")), "failure.provider.unreachable");
    let stranger = browser.person("signed out");
    stranger.goto(&format!("{}/signin", ma.origin()));
    look_after(&stranger, "provider-refused", "/signin/provider/back?state=x", |_| ());
    assert_eq!(officer.complaints(), Vec::<String>::new());
}

/// A provider that signs nobody in.
struct Nobody;

impl Provider for Nobody {
    fn begin(&self) -> Later<Result<Begun, Fault>> {
        Box::pin(async { Err(Fault::new("failure.provider.unreachable", "nobody")) })
    }

    fn finish(&self, _: Back) -> Later<Result<String, Fault>> {
        Box::pin(async { Err(Fault::new("failure.provider.unreachable", "nobody")) })
    }
}

#[test]
fn a_provider_adds_two_routes_for_everybody_and_no_others() {
    with_served(|s| {
        let settings = || Settings { origin: "http://localhost:1".to_owned(), zone: "UTC".to_owned(), idle_minutes: 1, session_hours: 1 };
        let behind = || Arc::new(Behind::new(s.engine.clone(), transport::HealthBook::default(), PathBuf::new()));
        let without = web::desk(Desk::new(behind(), settings())).1;
        let with = web::desk(Desk::new(behind(), settings()).with_provider(Arc::new(Nobody))).1;
        let added: Vec<String> = with.iter().filter(|r| !without.contains(r)).map(|r| format!("{} {} {:?}\n", r.method, r.path, r.access)).collect();
        assert_eq!(added.concat(), include_str!("routes-provider.txt"));
        assert_eq!(with.len(), without.len() + added.len());
    });
}
