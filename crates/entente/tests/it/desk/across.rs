//! Pages across dossiers: search with its reason and its log, tasks, days, statistics; views and their addresses.

use super::http::Visitor;
use super::routes::{Served, runtime, with_served};
use node::OfficerLog;

fn log(s: &Served) -> String {
    runtime().block_on(s.engine.read(|n| n.log(Some("consultation"), None, 100))).unwrap().into_iter().map(|l| String::from_utf8_lossy(&l.data).into_owned()).collect()
}

/// Asks and returns what the page answers.
fn search(v: &Visitor, query: &str, why: &str) -> String {
    let sent = v.send("/search", &[("q", query), ("reason", why)]);
    assert_eq!(sent.status, 303, "{}", sent.body);
    let to = sent.header("location");
    assert!(!to.contains(query), "what is searched stands in no address");
    v.get(to).body
}
