//! The node's thread: a bug that ends it ends the process, and takes nothing along that was acknowledged.

use crate::desk::routes::founding;
use entente::engine::{Engine, now};
use entente::home::Home;
use seal::Lock;
use std::path::Path;
use std::process::Command;

const LOCK: Lock<'static> = Lock::KeyFile(&[7; 32]);
/// Where the process that is to end finds its node's directory.
const DIR: &str = "ENTENTE_TEST_ENDS_IN";

#[test]
fn a_bug_that_ends_the_node_s_thread_ends_the_process() {
    if let Some(dir) = std::env::var_os(DIR) {
        return ends(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    Home::init(&dir.path().join("ma"), &founding("ma"), &LOCK).unwrap();
    let this = "engine::a_bug_that_ends_the_node_s_thread_ends_the_process";
    let out = Command::new(std::env::current_exe().unwrap()).args(["--exact", this]).env(DIR, dir.path().join("ma")).output().unwrap();
    assert_eq!(out.status.code(), Some(70), "{}", String::from_utf8_lossy(&out.stderr));
    let node = Home::open(&dir.path().join("ma")).unwrap().node(&LOCK).unwrap();
    let officers: Vec<_> = node.officers().iter().map(|o| o.id.to_string()).collect();
    assert!(officers.contains(&"acknowledged".to_owned()) && !officers.contains(&"later".to_owned()), "{officers:?}");
}

/// Runs a node on whose thread something ends in a bug that no request answers for; does not come back.
#[tokio::main(flavor = "current_thread")]
async fn ends(dir: &Path) {
    let engine = Engine::start(Home::open(dir).unwrap().node(&LOCK).unwrap());
    let adds = async |id: &'static str| {
        engine.run(move |n| n.add_officer(id.parse().unwrap(), id.to_owned(), vec![dossier::OfficerRole::Desk], now()).map(|(t, _)| (Some(t), ()))).await
    };
    adds("acknowledged").await.unwrap();
    let bug = engine.run(|_| -> Result<(Option<node::Ticket>, ()), node::NodeError> { panic!("a request ends in a bug") }).await;
    assert_eq!(bug.unwrap_err().code(), "failure.node.bug", "the thread goes on after a request");
    let _ = engine.run_then(|_| Ok((None, ())), |(), _| panic!("an answer ends in a bug")).await;
    std::thread::sleep(std::time::Duration::from_secs(20));
    let _ = adds("later").await;
}
