//! Pages across dossiers: search with its reason and its log, tasks, days, statistics; views and their addresses.

use super::http::Visitor;
use super::routes::{Served, runtime, with_served};

/// Lines of the consultation log.
fn log(s: &Served) -> Vec<String> {
    let lines = runtime().block_on(s.engine.read(|n| Ok(n.store().log(Some("consultation"), None, 100)?))).unwrap();
    lines.into_iter().map(|l| String::from_utf8_lossy(&l.data).into_owned()).collect()
}

/// Searches and returns what the page answers.
fn search(v: &Visitor, query: &str, why: &str) -> String {
    let sent = v.send("/search", &[("q", query), ("reason", why)]);
    assert_eq!(sent.status, 303, "{}", sent.body);
    let to = sent.header("location");
    assert!(!to.contains(query), "what is searched stands in no address: {to}");
    v.get(to).body
}

#[test]
fn a_search_has_a_reason_and_finds_what_stands_there() {
    with_served(|s| {
        let (officer, admin) = (&s.visitors[0], &s.visitors[5]);
        let here = format!("/dossiers/{}", s.dossier);
        assert!(!search(officer, "cooperation", "").contains(&here), "nothing is searched before it is said why");
        assert_eq!(log(s), Vec::<String>::new());
        let page = search(officer, "agreements", "overview of what is in force");
        assert!(page.contains(&here) && page.contains("<mark>Agreement</mark>"), "by its stem, and shown where it stands: {page}");
        let said = log(s).pop().unwrap();
        assert!(said.contains("\"search\"") && said.contains("agreements") && said.contains(&s.dossier) && said.contains("overview"), "{said}");
        assert!(search(officer, "Fahrzeug", "").contains("0 dossiers found"), "the reason stands until the officer signs out");
        assert!(search(officer, "التحري", "").contains(&here), "a code is found by its label in another language");
        assert!(search(officer, "agreement before:2025-02-30", "").contains("Not understood"), "what was not understood is said");
        assert!(search(officer, "<script>", "").contains("&lt;script&gt;"), "what was typed is text");
        let absent = admin.get("/no/such/page").body;
        assert_eq!((admin.get("/search").body, officer.get("/search/999").status), (absent, 404));
    });
}

#[test]
fn views_are_those_that_the_mechanism_asks_for_and_each_look_is_logged() {
    with_served(|s| {
        let v = &s.visitors[1];
        let at = |rest: &str| format!("/dossiers/{}{rest}", s.dossier);
        assert!(v.get(&at("/views/board")).body.contains("name=\"reason\""), "a view is a look like any other");
        let sent = v.send(&at("/reason"), &[("reason", "review"), ("to", &at("/views/board"))]);
        assert_eq!(sent.header("location"), at("/views/board"), "and one comes back to where one wanted to go");
        assert_eq!(v.send(&at("/reason"), &[("reason", "review"), ("to", "//evil.example")]).header("location"), at(""));
        let looks = log(s).len();
        for (rest, words) in [("/views/board", "view-board"), ("/views/timeline", "signature verified"), ("/items", "id=\"main\""), ("/exhibits", "Add a file")]
        {
            let page = v.get(&at(rest));
            assert!(page.status == 200 && page.body.contains(words), "{rest}: {}", page.body);
        }
        assert_eq!(log(s).len(), looks + 4);
        for rest in ["/views/route", "/views/sign", "/views/"] {
            assert_eq!(v.get(&at(rest)).status, 404, "{rest}: an accord has no such view");
        }
    });
}

#[test]
fn tasks_days_and_numbers_across_dossiers() {
    with_served(|s| {
        let v = &s.visitors[1];
        for path in
            ["/tasks", "/tasks?who=ours", "/calendar", "/calendar?month=2031-12", "/calendar?month=nonsense", "/statistics", "/statistics?by=area&from=x"]
        {
            assert_eq!(v.get(path).status, 200, "{path}");
        }
        let csv = v.get("/statistics.csv?by=mechanism");
        assert!(csv.header("content-type").starts_with("text/csv") && csv.header("content-disposition").contains("attachment"));
        assert_eq!(csv.body.lines().nth(1).map(|l| l.split(',').nth(1).unwrap().to_owned()), Some("1".to_owned()), "{}", csv.body);
    });
}
