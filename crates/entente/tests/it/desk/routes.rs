//! The golden table of routes and roles, and what it means: whoever lacks a role cannot tell a page from one that does not exist.

use super::authenticator::Authenticator;
use super::http::Visitor;
use entente::config::DeskConfig;
use entente::desk;
use entente::engine::{Engine, now};
use entente::home::{Founding, Home};
use entente::launch::accord;
use node::{Intent, Made};
use seal::Lock;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use web::{Access, Desk, Row, Settings};

const ROLES: [&str; 6] = ["officer", "desk", "supervisor", "competent-authority", "data-protection", "administrator"];

/// One node with an officer for each role and a dossier in it, served in this process.
pub struct Served {
    /// One for each role, in the order of the table.
    pub visitors: Vec<Visitor>,
    stranger: Visitor,
    rows: Vec<Row>,
    pub engine: Engine,
    pub dossier: String,
}

pub fn founding(code: &str) -> Founding {
    Founding {
        code: code.to_owned(),
        country: code.to_uppercase(),
        name: vec![base::Text::new(base::Lang::En, code)],
        endpoints: vec!["127.0.0.1:1".to_owned()],
        listen: ([127, 0, 0, 1], 1).into(),
        api: ([127, 0, 0, 1], 0).into(),
        zone: "Africa/Casablanca".to_owned(),
        languages: vec![base::Lang::En],
        duty: vec![seal::Duty { desk: "desk".to_owned(), phone: "+10000000000".to_owned(), mail: String::new() }],
        valid_days: 365,
        desk: None,
    }
}

async fn served(dir: &Path) -> Served {
    let (lock, other_dir) = (Lock::KeyFile(&[7; 32]), dir.join("es"));
    Home::init(&other_dir, &founding("es"), &lock).unwrap();
    let card = Home::open(&other_dir).unwrap().keys(&lock).unwrap().card_bytes().to_vec();
    let other = Home::open(&other_dir).unwrap().keys(&lock).unwrap().service();
    let dir = dir.join("ma");
    Home::init(&dir, &founding("ma"), &lock).unwrap();
    let mut node = Home::open(&dir).unwrap().node(&lock).unwrap();
    node.import_card(&card, &seal::Fingerprint::of(&other).words(base::Lang::En), now()).unwrap();
    for role in ROLES {
        node.add_officer(format!("o.{role}").parse().unwrap(), role.to_owned(), vec![serde_json::from_value(role.into()).unwrap()], now()).unwrap();
    }
    entente::home::commit(&mut node).unwrap();
    let hash = node.mechanism("information-request").unwrap().hash.to_string();
    let intent: Intent = serde_json::from_value(accord(&[node.me(), other], &[("information-request", &hash)], "Requests")).unwrap();
    let who = |node: &node::Node, role: &str| node.officers().iter().find(|o| o.id.as_str() == format!("o.{role}")).unwrap().clone();
    let (first, second) = (who(&node, "supervisor"), who(&node, "competent-authority"));
    let mut made = node.propose(&first, intent, now()).unwrap();
    entente::home::commit(&mut node).unwrap();
    if let Made::Pending { id, .. } = &made {
        made = node.approve(&second, id, now()).unwrap();
        entente::home::commit(&mut node).unwrap();
    }
    let Made::Act { dossier, .. } = made else { panic!("{made:?}") };
    let engine = Engine::start(node);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let origin = format!("http://localhost:{}", address.port());
    let settings = Settings { origin: origin.clone(), zone: "Africa/Casablanca".to_owned(), idle_minutes: 30, session_hours: 12 };
    let behind = desk::Behind::new(engine.clone(), transport::HealthBook::default(), dir);
    let (_, rows) = web::desk(Desk::new(Arc::new(behind.clone()), settings));
    let config = DeskConfig { listen: address, origin: origin.clone(), idle_minutes: 30, session_hours: 12, certificate: None, key: None, provider: None };
    tokio::spawn(desk::serve(listener, config, "Africa/Casablanca".to_owned(), behind, std::future::pending()));
    let mut visitors = Vec::new();
    for role in ROLES {
        let id = format!("o.{role}");
        let token = engine.run(move |n| web::invite(n, &id, now()).map(|(t, token)| (Some(t), token))).await.unwrap();
        let link = format!("{origin}/invitation#o.{role}/{token}");
        visitors.push(
            tokio::task::spawn_blocking(move || {
                let mut v = Visitor::new(address);
                let mut key = Authenticator::new(&v.origin());
                assert_eq!(v.take_up(&link, &mut key).status, 200);
                v
            })
            .await
            .unwrap(),
        );
    }
    Served { visitors, stranger: Visitor::new(address), rows, engine, dossier: dossier.to_string() }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn with_served(story: impl FnOnce(&mut Served)) {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let mut served = runtime.block_on(served(dir.path()));
    story(&mut served);
}

fn address(s: &Served, path: &str) -> String {
    // Where a path names something, it is something that is there.
    let item = s.dossier.clone();
    path.replace("{id}", if path.starts_with("/dossiers") { &s.dossier } else { "0011223344556677" })
        .replace("{item}", &item)
        .replace("{name}", "sign")
        .replace("{kind}", "amendment")
        .replace("{draft}", "0011223344556677")
        .replace("{exhibit}", &"0".repeat(64))
        .replace("{number}", "1")
        .replace("{edition}", "0")
}

fn lets(access: Access, role: &str) -> bool {
    access.lets(&[serde_json::from_value(role.into()).unwrap()])
}

#[test]
fn routes_and_roles_are_as_agreed() {
    with_served(|s| {
        let mut table = format!("{:<6}{:<46}{:<10}", "", "route", "signed-out") + &ROLES.map(|r| format!("  {r}")).concat() + "\n";
        for row in &s.rows {
            let marks: Vec<String> = ROLES.iter().map(|r| format!("  {:<w$}", if lets(row.access, r) { "yes" } else { "absent" }, w = r.len())).collect();
            let anyone = if row.access == Access::Anyone { "yes" } else { "sign-in" };
            writeln!(table, "{}", format!("{:<6}{:<46}{anyone:<10}{}", row.method, row.path, marks.concat()).trim_end()).unwrap();
        }
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/desk/routes.txt");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&golden, &table).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&golden).unwrap_or_default(), table, "read the difference; UPDATE_EXPECT=1 writes it");

        for row in s.rows.clone() {
            let path = address(s, row.path);
            let asks = |v: &Visitor| if row.method == "GET" { v.get(&path) } else { v.send(&path, &[]) };
            if row.access != Access::Anyone {
                let page = asks(&s.stranger);
                assert_eq!((page.status, page.header("location")), (303, "/signin"), "{} {path} signed out", row.method);
                let unknown = if row.method == "GET" { s.stranger.get("/no/such/page") } else { s.stranger.send("/no/such/page", &[]) };
                assert_eq!(unknown.body, page.body, "signed out, nothing is told apart");
            }
            for (v, role) in s.visitors.iter().zip(ROLES) {
                if row.path == "/signout" || row.path == "/live" {
                    continue;
                }
                let unknown = v.get("/no/such/page");
                assert_eq!(unknown.status, 404);
                if !lets(row.access, role) {
                    let page = asks(v);
                    assert_eq!((page.status, &page.body), (404, &unknown.body), "{} {path} as {role}", row.method);
                }
            }
        }
        let reader = &s.visitors[1];
        assert!(reader.get(&format!("/dossiers/{}", s.dossier)).body.contains("name=\"reason\""), "it is there for who may read");
        let (there, nowhere) = (s.dossier.clone(), "0".repeat(64));
        let admin = &s.visitors[5];
        assert_eq!(admin.get(&format!("/dossiers/{there}")).body, admin.get(&format!("/dossiers/{nowhere}")).body);
        assert_eq!(reader.get(&format!("/dossiers/{nowhere}")).body, reader.get("/no/such/page").body);
    });
}

#[test]
fn only_our_own_forms_do_anything() {
    with_served(|s| {
        let v = &s.visitors[0];
        let form = |headers: &[(&str, &str)], csrf: &str| {
            let with = [headers, &[("content-type", "application/x-www-form-urlencoded")]].concat();
            v.ask("POST", "/settings", &with, &format!("lang=fr&zone=UTC&csrf={csrf}")).status
        };
        let origin = v.origin();
        assert_eq!(form(&[("sec-fetch-site", "same-origin")], &v.csrf), 303);
        assert_eq!(form(&[("origin", &origin)], &v.csrf), 303);
        assert_eq!(form(&[("sec-fetch-site", "cross-site")], &v.csrf), 403);
        assert_eq!(form(&[("sec-fetch-site", "same-site"), ("origin", &origin)], &v.csrf), 403);
        assert_eq!(form(&[], &v.csrf), 403);
        assert_eq!(form(&[("sec-fetch-site", "same-origin")], &s.visitors[1].csrf), 403, "another session's token");
        let page = v.get("/");
        assert!(page.header("content-security-policy").contains("default-src 'none'") && page.header("cache-control") == "no-store");
        assert!(page.body.contains("lang=\"fr\""), "the choice was kept");
        assert!(!page.body.contains("<style") && !page.body.contains(" style=") && !page.body.contains(" onclick"), "nothing inline");
    });
}

#[test]
fn who_signs_in_how_and_how_long() {
    with_served(|s| {
        let (engine, address) = (s.engine.clone(), s.stranger.desk);
        let runtime = runtime();
        let invited = |id: &'static str| {
            let token = runtime.block_on(engine.run(move |n| web::invite(n, id, now()).map(|(t, token)| (Some(t), token)))).unwrap();
            format!("http://localhost/invitation#{id}/{token}")
        };
        let (void, link) = (invited("o.officer"), invited("o.officer"));
        let mut v = Visitor::new(address);
        let mut key = Authenticator::new(&v.origin());
        assert_eq!(v.take_up(&void, &mut key).status, 403, "a newer invitation makes the older one void");
        assert_eq!(v.take_up(&link, &mut key).status, 200);
        assert_eq!(v.take_up(&link, &mut Authenticator::new(&v.origin())).status, 403, "an invitation works once");
        assert!(v.cookie.starts_with(&format!("desk-{}=", address.port())) && v.get("/").status == 200);
        assert_eq!(v.send("/signout", &[]).status, 303);
        assert_eq!(v.get("/").header("location"), "/signin", "the session is over, whatever the browser keeps");

        let mut v = Visitor::new(address);
        assert_eq!(v.sign_in(&mut key).status, 200);
        let asked = v.script("/signin/start", &serde_json::json!({})).json();
        let proof = key.prove(&asked);
        assert_eq!(v.script("/signin/finish", &proof).status, 200);
        assert_eq!(v.script("/signin/finish", &proof).status, 403, "a challenge is answered once");
        let wrongs: [fn(&mut Authenticator); 4] =
            [|k| k.origin = "https://evil.example".to_owned(), |k| k.site = "evil.example".to_owned(), |k| k.flags = 0x01, |k| k.turn_back()];
        for wrong in wrongs {
            wrong(&mut key);
            assert_eq!(Visitor::new(address).sign_in(&mut key).status, 403);
            (key.origin, key.site, key.flags) = (v.origin(), "localhost".to_owned(), 0x05);
        }
        let mut stranger = Authenticator::new(&v.origin());
        assert_eq!(Visitor::new(address).sign_in(&mut stranger).status, 403, "a passkey that nobody was invited for");

        runtime.block_on(engine.run(|n| n.lock_officer("o.officer", now()).map(|t| (Some(t), ())))).unwrap();
        assert_eq!(v.get("/").header("location"), "/signin", "who is locked out is out at once");
        for _ in 0..30 {
            key.prove(&serde_json::json!({ "challenge": "" }));
        }
        assert_eq!(Visitor::new(address).sign_in(&mut key).status, 403);
    });
}
