//! The demonstration's world: four nodes with a dossier of every mechanism, for whoever tests what looks at them.

use entente::client::Client;
use entente::demo::{World, world};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;

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
    who_runs_the_node_reads_no_dossier(&world).await;
    both_sides_count_alike(&world, dir.path());
    what_was_said_is_shown(&world);
    an_officer_commits_and_reveals_by_the_command_line(&world, dir.path());
    world.stop().unwrap();
}

/// An administrator learns nothing of a dossier, not even whether one is there; who supervises data protection reads.
async fn who_runs_the_node_reads_no_dossier(world: &World) {
    let id = &world.dossiers["information-request/waits-for-answers"];
    let node = world.node("es").unwrap();
    let admin = Client::new(&node.api.to_string(), std::fs::read_to_string(node.dir.join("tokens/admin")).unwrap().trim());
    let reader = client(world, "es", "data-protection");
    let doors = ["/v1/dossiers", "/v1/pending", "/v1/due", "/v1/register"].map(str::to_owned);
    for door in doors.into_iter().chain([format!("/v1/dossiers/{id}?reason=test"), format!("/v1/dossiers/{id}/exhibits?reason=test")]) {
        assert_eq!(admin.get(&door).await.unwrap_err().code, "refusal.officer.role", "{door}");
        assert!(reader.get(&door).await.is_ok(), "{door}");
    }
    let absent = admin.get("/v1/dossiers/ffffffff?reason=test").await.unwrap_err();
    assert_eq!(absent.code, "refusal.officer.role", "what is not there answers alike");
}

/// Runs the program as an officer of a node; it must do well.
fn run(world: &World, code: &str, role: &str, args: &[impl AsRef<OsStr> + Debug]) -> String {
    let node = world.node(code).unwrap();
    let officer = node.officers.iter().find(|o| o.role == role).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    for name in ["ENTENTE_DIR", "ENTENTE_TOKEN", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    let done = command.arg("--dir").arg(&node.dir).args(["--officer", &officer.id, "--lang", "en"]).args(args).output().unwrap();
    assert!(done.status.success(), "{code}: {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Two services count the same cooperation from acts alone: the same rows, the same digest, the same acts counted; CSV and a chart come of it.
fn both_sides_count_alike(world: &World, dir: &Path) {
    let days = ["statistics", "--from", "2020-01-01", "--until", "2100-01-01", "--by", "mechanism,outcome"];
    let counted = |code: &str, among: &str| -> Value {
        serde_json::from_str(&run(world, code, "supervisor", &[&days[..], &["--among", among, "--json"]].concat())).unwrap()
    };
    let (ours, theirs) = (counted("ma", "es"), counted("es", "ma"));
    assert_eq!((&ours["digest"], &ours["basis"], &ours["rows"]), (&theirs["digest"], &theirs["basis"], &theirs["rows"]));
    let row = |outcome: &str| list(&ours["rows"]).find(|r| r["key"] == serde_json::json!(["controlled-delivery", outcome])).map(|r| r["dossiers"].clone());
    assert_eq!((row("refused"), row("abort_concluded"), row("running")), (Some(1.into()), Some(1.into()), Some(1.into())), "{ours}");
    let others = counted("ma", "de");
    assert!(others["digest"] != ours["digest"] && others["basis"] != ours["basis"], "another partner, other dossiers");
    // What was counted is told by digests of acts and by codes: no word of any form is in it.
    let told = ours.to_string();
    assert!(!told.contains("Tanger") && !told.contains("MA-DGST"), "{told}");

    let table = run(world, "ma", "supervisor", &[&days[..], &["--among", "es"]].concat());
    assert!(table.contains(ours["digest"].as_str().unwrap()) && table.contains("DOSSIERS"), "{table}");
    let (ma, es) = (dir.join("ma.svg"), dir.join("es.svg"));
    let csv = |code: &str, among: &str, svg: &Path| {
        run(world, code, "supervisor", &[&days[..], &["--among", among, "--csv", "--svg", svg.to_str().unwrap()]].concat())
    };
    let (one, other) = (csv("ma", "es", &ma), csv("es", "ma", &es));
    assert_eq!(one, other, "both print the same CSV");
    assert_eq!(one.lines().count(), 1 + list(&ours["rows"]).count(), "a heading and a line for each row: {one}");
    assert!(one.contains("\r\n") && one.contains("refused"), "RFC 4180: {one:?}");
    let drawn = std::fs::read_to_string(&ma).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"), "{drawn}");
    assert_eq!(drawn, std::fs::read_to_string(&es).unwrap(), "and draw the same chart");
}

/// `dossier show` tells what each party stated in its moves, each item's number, what superseded what, and links from both sides.
fn what_was_said_is_shown(world: &World) {
    let show = |code: &str, dossier: &str, more: &[&str]| run(world, code, "desk", &[&["dossier", "show", dossier, "--reason", "test"], more].concat());
    let shown = show("es", &world.dossiers["controlled-delivery/refused"], &[]);
    assert!(shown.contains("pt stands: Refused (refused)"), "{shown}");
    assert!(shown.contains("Sem equipas disponíveis entre Elvas e Setúbal."), "a partner's reason is shown: {shown}");
    assert!(shown.contains("(surveillance-not-assured)"), "with the label of its ground: {shown}");

    let shown = show("ma", &world.dossiers["event-security/operating"], &[]);
    let entries: Vec<&str> = shown.lines().filter(|l| l.trim_start().starts_with("Log entry (entry) ")).map(str::trim_start).collect();
    assert_eq!(entries.iter().map(|l| l["Log entry (entry) ".len()..].split(' ').next().unwrap()).collect::<Vec<_>>(), ["1", "2"], "{shown}");
    let second = entries[1].split(' ').nth(4).unwrap().trim_end_matches(',');
    assert!(shown.contains(&format!("superseded by {second}")), "{shown}");

    let again = &world.dossiers["expert-exchange/terms-waiting"];
    let shown = show("es", again, &[]);
    let link = shown.lines().find(|l| l.starts_with("link ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(link.contains("(predecessor): dossier ") && link.ends_with("named here by pt"), "{link}");
    let before = link.split("dossier ").nth(1).unwrap().split(',').next().unwrap();
    let other_side = show("es", before, &[]);
    assert!(other_side.contains(&format!("(successor): dossier {again}, which names this one")), "{other_side}");

    let view: Value = serde_json::from_str(&show("es", again, &["--json"])).unwrap();
    assert_eq!((&view["links"][0]["relation"], &view["items"][0]["number"]), (&"predecessor".into(), &1.into()));
    assert!(view["items"][0]["stances"].as_array().unwrap().iter().any(|s| s["said"]["reference"] == "ES-EX-6"), "{view}");
}

/// Seal, commit, reveal at the command line: the salt is in the officer's file alone, and a changed word opens nothing.
fn an_officer_commits_and_reveals_by_the_command_line(world: &World, dir: &Path) {
    let help = run(world, "es", "officer", &["dossier", "seal", "--help"]);
    assert!(help.contains("the only place where the salt is") && help.contains("reveal --item ROUND --fields-file FILE"), "{help}");
    let id = &world.dossiers["risk-assessment/collecting"];
    let view: Value = serde_json::from_str(&run(world, "es", "officer", &["dossier", "show", id, "--reason", "test", "--json"])).unwrap();
    let round = list(&view["items"]).find(|i| i["kind"] == "round").unwrap()["id"].as_str().unwrap().to_owned();
    let file = dir.join("ours.json");
    let form = [
        ["--field", "facts@es=Tres vuelos en un mes."],
        ["--field", "assessments@es=Aficionados, no un grupo."],
        ["--field", "likelihood=unlikely"],
        ["--field", "impact=minor"],
        ["--field", "confidence=moderate"],
        ["--field-json", r#"sources={"scale":"4x4","source":"A","information":"1"}"#],
        ["--file", file.to_str().unwrap()],
    ];
    let words = |all: &[&str]| all.iter().map(|w| w.to_string()).collect::<Vec<String>>();
    let seal = |form: &[[&str; 2]]| words(&[&["dossier", "seal", id, "reveal", "--item", &round], form.as_flattened()].concat());
    let lacking = refused(world, "es", "officer", &seal(&[form[0], form[6]]));
    assert!(lacking.contains("refusal.field.missing") && !file.exists(), "a form that could not be revealed is not sealed: {lacking}");
    let said = run(world, "es", "officer", &seal(&form));
    let digest = said.lines().next().unwrap().trim_start_matches("sealed").trim();
    assert!(said.contains(&format!("commit --item {round} --field seal={digest}")) && said.contains("which are nowhere else"), "{said}");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("\"opening\"") && !kept.contains(digest), "the salt is kept, the seal need not be: {kept}");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);

    let step = |name: &str, more: &[&str]| words(&[&["dossier", "move", id, name, "--item", &round], more].concat());
    let commit = [step("commit", &["--wait", "--field"]), vec![format!("seal={digest}")]].concat();
    run(world, "es", "officer", &commit);
    let reveal = |path: &Path| [step("reveal", &["--wait", "--fields-file"]), vec![path.display().to_string()]].concat();
    let early = reveal(&file);
    let early = refused(world, "es", "officer", &early);
    assert!(early.contains("refusal.act.guard"), "others are still asked: {early}");
    for code in ["de", "pt"] {
        let withhold = step("withhold", &["--wait", "--field", "reason=no-information"]);
        run(world, code, "officer", &withhold);
    }
    let altered = dir.join("altered.json");
    std::fs::write(&altered, kept.replace("unlikely", "likely")).unwrap();
    let other = reveal(&altered);
    let other = refused(world, "es", "officer", &other);
    assert!(other.contains("it does not open the commitment"), "one changed word: {other}");
    let mut done = reveal(&file);
    done.push("--json".to_owned());
    let made: Value = serde_json::from_str(&run(world, "es", "officer", &done)).unwrap();
    run(world, "es", "supervisor", &["pending", "approve", made["pending"].as_str().unwrap(), "--wait"]);
    let shown = run(world, "ma", "desk", &["dossier", "show", id, "--reason", "test"]);
    assert!(shown.contains("es stands: Open to all (revealed)") && shown.contains("Aficionados, no un grupo."), "{shown}");
}

/// Runs the program as an officer of a node; it must refuse, and says why on standard error.
fn refused(world: &World, code: &str, role: &str, args: &[impl AsRef<OsStr> + Debug]) -> String {
    let node = world.node(code).unwrap();
    let officer = node.officers.iter().find(|o| o.role == role).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    let done = command.arg("--dir").arg(&node.dir).args(["--officer", &officer.id, "--lang", "en"]).args(args).output().unwrap();
    assert!(!done.status.success(), "{code}: {args:?} was not refused");
    String::from_utf8(done.stderr).unwrap()
}
