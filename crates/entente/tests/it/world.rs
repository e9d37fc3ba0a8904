//! The demonstration's world: four nodes with a dossier of every mechanism, for whoever tests what looks at them.

use entente::client::Client;
use entente::demo::{World, world};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn client(world: &World, code: &str, role: &str) -> Client {
    let node = world.node(code).unwrap();
    let officer = node.officers.iter().find(|o| o.role == role).unwrap();
    Client::new(&node.api.to_string(), std::fs::read_to_string(&officer.token_file).unwrap().trim())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[tokio::test]
async fn a_world_has_every_mechanism_in_the_middle_of_its_story() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path(), Path::new(env!("CARGO_BIN_EXE_entente"))).await.unwrap();
    assert_eq!(world.nodes.iter().map(|n| n.code.as_str()).collect::<Vec<_>>(), ["ma", "es", "de", "pt"]);

    let mut phases = Vec::new();
    let mut mechanisms = BTreeSet::new();
    for (name, id) in &world.dossiers {
        let mut digests = BTreeSet::new();
        let mut holders = 0;
        for node in &world.nodes {
            let seen = client(&world, &node.code, "supervisor").get(&format!("/v1/dossiers/{id}?reason=test")).await;
            if let Ok(view) = seen {
                holders += 1;
                digests.insert(view["digest"].as_str().unwrap().to_owned());
                mechanisms.insert(view["mechanism"].as_str().unwrap().to_owned());
                assert_eq!((&view["void"], &view["waiting"], &view["forks"]), (&Value::from(vec![0; 0]), &Value::from(vec![0; 0]), &Value::from(vec![0; 0])));
                if node.code == "es" {
                    phases.push(format!("{name}: {}", view["phase"].as_str().unwrap()));
                }
            }
        }
        assert!(holders >= 2 && digests.len() == 1, "{name} folds alike at its {holders} parties");
    }
    let shipped: BTreeSet<String> = dossier::shipped().iter().map(|m| m.id.clone()).collect();
    assert_eq!(mechanisms, shipped, "a dossier of every mechanism");
    assert_eq!(
        phases,
        [
            "controlled-delivery/aborted: abort_concluded",
            "controlled-delivery/refused: refused",
            "controlled-delivery/under-way: under_way",
            "early-warning/closed: closed",
            "early-warning/unacknowledged: alerting",
            "event-security/operating: operating",
            "expert-exchange/terms-waiting: settling",
            "expert-exchange/withdrawn: withdrawn",
            "information-request/waits-for-answers: open",
            "joint-investigation-team/declined: not_set_up",
            "joint-investigation-team/running: operating",
            "joint-operation/closed: closed",
            "joint-operation/proposed: proposed",
            "risk-assessment/collecting: assessing",
            "risk-assessment/valid: valid",
            "spontaneous-information/awaits-feedback: out",
            "spontaneous-information/recalled-and-erased: erased",
            "working-visit/commitment-late: visit",
        ]
    );

    let due = client(&world, "es", "desk").get("/v1/due").await.unwrap();
    let ours = |what: &str, state: &str| list(&due).any(|d| d["kind"] == "ours" && d["what"] == what && d["state"] == state);
    assert!(ours("commitment/due_guest", "expired"), "a promise is late: {due}");
    assert!(ours("consignment/hand_over", "running") && ours("warning/decision", "running"));
    assert!(list(&due).any(|d| d["kind"] == "approval"), "a proposal waits for a second officer");
    let due = client(&world, "ma", "desk").get("/v1/due").await.unwrap();
    assert!(list(&due).any(|d| d["kind"] == "ours" && d["what"] == "shift/takeover"), "a shift waits for ma's signature");
    let stranger = client(&world, "de", "desk").get(&format!("/v1/dossiers/{}?reason=test", world.dossiers["controlled-delivery/refused"])).await;
    assert!(stranger.is_err(), "de is no party of that delivery");
    world.stop().unwrap();
}
