//! A dossier of 1,000 acts stays light: every page of it is small, whatever it holds. `DESK_TIMES=1` prints how long each takes.

use super::authenticator::Authenticator;
use super::http::Visitor;
use entente::bench::{dossiers, note, two_nodes};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const NOTES: usize = 999;
/// Bytes of a page; style, script and fonts have 42 kB, and a first load has 100 kB.
const PAGE_BYTES_MAX: usize = 55_000;
/// Requests of one page that are timed.
const TIMED: usize = 20;

#[test]
fn a_dossier_of_a_thousand_acts_stays_light() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (a, _b, dossier, link) = runtime.block_on(async {
        let (a, b) = two_nodes(dir.path(), Path::new(env!("CARGO_BIN_EXE_entente"))).await.unwrap();
        let dossier = dossiers(&a, &b, 1).await.unwrap().remove(0);
        let clients: Vec<_> = (0..8).map(|_| a.client("desk")).collect();
        let each = |n: usize, client: entente::client::Client| {
            let dossier = dossier.clone();
            async move {
                for i in (n..NOTES).step_by(8) {
                    client.post("/v1/intents", &note(&dossier, &format!("Note {i} on what was seen at the port."))).await.unwrap();
                }
            }
        };
        let writing: Vec<_> = clients.into_iter().enumerate().map(|(n, c)| tokio::spawn(each(n, c))).collect();
        for one in writing {
            one.await.unwrap();
        }
        let invited = a.client("admin").post("/v1/officers/desk/invite", &json!({})).await.unwrap();
        let link = invited["link"].as_str().unwrap().to_owned();
        (a, b, dossier, link)
    });
    let mut v = Visitor::new(a.desk);
    let mut key = Authenticator::new(&v.origin());
    assert_eq!(v.take_up(&link, &mut key).status, 200);
    let at = |rest: &str| format!("/dossiers/{dossier}{rest}");
    assert_eq!(v.send(&at("/reason"), &[("reason", "measured")]).status, 303);
    for rest in ["", "/views/board", "/views/timeline", "/views/timeline?skip=950", "/items", "/items?skip=500", "/exhibits"] {
        let page = v.get(&at(rest));
        assert_eq!(page.status, 200, "{rest}");
        assert!(page.body.len() < PAGE_BYTES_MAX, "{rest}: {} bytes", page.body.len());
        let mut took: Vec<Duration> = (0..TIMED).map(|_| (Instant::now(), v.get(&at(rest))).0.elapsed()).collect();
        took.sort();
        if std::env::var_os("DESK_TIMES").is_some() {
            println!("{rest:<28} {:>6} bytes  median {:?}  worst {:?}", page.body.len(), took[TIMED / 2], took[TIMED - 1]);
        }
    }
    let all = v.get(&at("/views/timeline"));
    assert!(all.body.contains("1,000 acts"), "{}", all.body);
}
