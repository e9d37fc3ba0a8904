//! The disaster drill: three nodes, a backup under traffic, more traffic, kill -9, the disk is gone, the older backup takes its place.
//!
//! Short in every run; long with `ENTENTE_DRILL_ACTS=20000 cargo test --release -p entente --test it drill -- --nocapture`.

use crate::backups::{command, copy_tree, run};
use base::{ActId, DossierId, Lang, ServiceId};
use entente::bench::note;
use entente::launch::{Founder, Station, accord, until};
use entente::{audit::audit, home::Home};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Kind, Store};
use tokio::task::JoinSet;

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");
/// Writers at once.
const WRITERS: usize = 9;
const DOSSIERS: usize = 6;

fn acts() -> usize {
    std::env::var("ENTENTE_DRILL_ACTS").ok().and_then(|n| n.parse().ok()).unwrap_or(90)
}

#[test]
fn the_disk_is_gone_and_an_older_backup_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(story(dir.path(), Path::new(PROGRAM)));
}

/// Three services that know each other, with officers and an accord in force.
async fn federation(root: &Path, program: &Path) -> Vec<Station> {
    let mut all = Vec::new();
    for (code, country, zone, lang) in
        [("ma", "MA", "Africa/Casablanca", Lang::Fr), ("es", "ES", "Europe/Madrid", Lang::Es), ("de", "DE", "Europe/Berlin", Lang::De)]
    {
        let mut s = Station::found(root, &Founder { code, country, zone, name: &[(lang, code)], languages: &[lang] }).unwrap();
        s.start(program).await.unwrap();
        s.add_officer("desk", "Desk", &["desk", "officer"]).await.unwrap();
        s.add_officer("chief", "Chief", &["supervisor", "competent-authority"]).await.unwrap();
        s.add_officer("judge", "Judge", &["competent-authority", "supervisor"]).await.unwrap();
        all.push(s);
    }
    for a in &all {
        for b in all.iter().filter(|b| b.code != a.code) {
            a.meet(b).await.unwrap();
        }
    }
    let hash = all[0].client("desk").get("/v1/mechanisms/information-request").await.unwrap()["hash"].as_str().unwrap().to_owned();
    let services: Vec<ServiceId> = all.iter().map(|s| s.service).collect();
    let opened = all[0].act("chief", "judge", &accord(&services, &[("information-request", &hash)], "Drill"), "delivered").await.unwrap();
    let sign = json!({ "do": "move", "dossier": opened["dossier"], "item": null, "name": "sign", "handling": { "codes": ["H0"] }, "fields": { "authority": { "lang": "en", "text": "Director" } } });
    for s in &all {
        s.act("judge", "chief", &sign, "delivered").await.unwrap();
    }
    let path = format!("/v1/dossiers/{}?reason=drill", opened["dossier"].as_str().unwrap());
    for s in &all {
        until("the accord in force", Duration::from_secs(30), || async { Ok(s.client("desk").get(&path).await?["phase"] == "in-force") }).await.unwrap();
    }
    all
}

/// Opens a request from one service to the other two.
async fn opens(all: &[Station], by: usize) -> String {
    let text = |t: &str| json!({ "lang": "en", "text": t });
    let mut parties = vec![json!([all[by].service, "requesting"])];
    parties.extend(all.iter().enumerate().filter(|(n, _)| *n != by).map(|(_, s)| json!([s.service, "requested"])));
    let intent = json!({
        "do": "open", "mechanism": "information-request", "accord": null, "follows": null, "handling": { "codes": ["H0"] }, "parties": parties,
        "fields": {
            "reference": "DRILL", "legal_basis": text("Agreement, article 5"), "purpose": "investigate", "offence": "terrorism",
            "facts": text("Drill."), "question": [text("What is left?")], "why_requested": text("All ask all."), "urgency": "ordinary"
        }
    });
    all[by].act("desk", "chief", &intent, "delivered").await.unwrap()["dossier"].as_str().unwrap().to_owned()
}

/// Has all write notes into all dossiers until each is receipted by both others; text and act of each.
async fn traffic(all: &[Station], ids: &[String], acts: usize, name: &str) -> BTreeMap<String, String> {
    let mut writers = JoinSet::new();
    for w in 0..WRITERS {
        let (client, ids, name) = (all[w % all.len()].client("desk"), ids.to_vec(), name.to_owned());
        writers.spawn(async move {
            let mut done = Vec::new();
            for n in (w..acts).step_by(WRITERS) {
                let text = format!("{name} {n}");
                let made = client.post("/v1/intents?wait=delivered&timeout_s=120", &note(&ids[n % ids.len()], &text)).await.unwrap();
                assert_eq!(made["delivered"], true, "{text}");
                done.push((text, made["act"].as_str().unwrap().to_owned()));
            }
            done
        });
    }
    let mut out = BTreeMap::new();
    while let Some(done) = writers.join_next().await {
        out.extend(done.unwrap());
    }
    assert_eq!(out.len(), acts);
    out
}

async fn story(root: &Path, program: &Path) {
    let acts = acts();
    let mut all = federation(root, program).await;
    let mut ids = Vec::new();
    for n in 0..DOSSIERS {
        ids.push(opens(&all, n % 3).await);
    }
    let mut told = traffic(&all, &ids, acts, "before").await;
    all[0].client("chief").post("/v1/checkpoint", &json!({})).await.unwrap();
    // The backup is made while everybody writes.
    let (target, key) = (root.join("backups"), root.join("backup.key"));
    let began = Instant::now();
    let ma = all[0].dir.clone();
    let make = {
        let (ma, target, key) = (ma.clone(), target.clone(), key.clone());
        tokio::task::spawn_blocking(move || command(&ma, &["backup", "create", target.to_str().unwrap(), "--backup-key-file", key.to_str().unwrap()]))
    };
    told.extend(traffic(&all, &ids, acts / 3, "during").await);
    let made = make.await.unwrap();
    let backed_up = began.elapsed();
    let status = all[0].client("desk").get("/v1/status").await.unwrap();
    assert_eq!(status["backup"]["made"][0], made["id"], "the node says how old its last verified backup is");
    // What comes now is in no backup: own acts that partners receipted, partners' acts that we receipted, dossiers of both.
    told.extend(traffic(&all, &ids, acts, "after").await);
    ids.push(opens(&all, 0).await);
    ids.push(opens(&all, 1).await);
    told.extend(traffic(&all, &ids, acts / 3, "late").await);
    for s in &all {
        s.client("chief").post("/v1/checkpoint", &json!({})).await.unwrap();
    }
    let lost_size = all[0].client("desk").get("/v1/status").await.unwrap()["ledger_size"].as_u64().unwrap();
    // The power goes, and the disk with it. Nobody can read what was on it; we keep it to compare what it had signed.
    all[0].kill();
    let lost = root.join("what-was-lost");
    copy_tree(&ma, &lost);
    std::fs::remove_dir_all(&ma).unwrap();
    let new = root.join("new-machine");
    let node_key = all[0].key_file.clone();
    let restored =
        command(&new, &["backup", "restore", target.to_str().unwrap(), "--backup-key-file", key.to_str().unwrap(), "--key-file", node_key.to_str().unwrap()]);
    assert_eq!(restored["id"], made["id"]);
    assert!(restored["ledger_size"].as_u64().unwrap() < lost_size, "the backup is older than the loss");
    // Nobody answers yet: the node is fenced, reads and says whom it awaits.
    let (es, de) = (all.remove(1), all.remove(1));
    let (mut es, mut de) = (es, de);
    es.stop().unwrap();
    de.stop().unwrap();
    (all[0].dir, all[0].log) = (new.clone(), new.join("log.txt"));
    all[0].start(program).await.unwrap();
    let refused = all[0].client("desk").post("/v1/intents", &note(&ids[0], "too early")).await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (422, "refusal.fence.awaited"), "{refused}");
    assert!(all[0].client("desk").get(&format!("/v1/dossiers/{}?reason=drill", ids[0])).await.is_ok());
    let (_, shown, _) = run(&new, &["status", "--officer", "admin"]);
    assert!(shown.contains("fence      put back to an older state; awaited: ") && shown.contains("backup     none was ever made"), "{shown}");
    let began = Instant::now();
    es.start(program).await.unwrap();
    de.start(program).await.unwrap();
    all.extend([es, de]);
    until("the end of the fence", Duration::from_secs(600), || async { Ok(all[0].client("desk").get("/v1/fence").await?["over"] == true) })
        .await
        .unwrap_or_else(|e| panic!("{e}\n{}", all[0].log_tail()));
    let healed = began.elapsed();
    let fence = all[0].client("desk").get("/v1/fence").await.unwrap();
    let (exit, shown, err) = run(&new, &["fence", "show", "--officer", "admin"]);
    assert!(exit == 0 && shown.contains("awaited    nobody") && shown.contains("the fence is over"), "{shown}{err}");
    let (exit, _, err) = run(&new, &["fence", "lift", "es", "--reason", "It has answered.", "--officer", "admin"]);
    assert!(exit == 1 && err.starts_with("refusal.node.asked"), "{err}");
    // Traffic goes on, all to all.
    told.extend(traffic(&all, &ids, acts / 3, "again").await);
    for s in &all {
        s.client("chief").post("/v1/checkpoint", &json!({})).await.unwrap();
    }
    for s in &all {
        until("an empty outbox", Duration::from_secs(120), || async { Ok(s.client("desk").get("/v1/status").await?["outbox"] == 0) }).await.unwrap();
    }
    alike(&all, &ids, &told).await;
    for s in &all {
        let incidents = s.client("admin").get("/v1/log?kind=incident&reason=drill").await.unwrap();
        let codes: Vec<&str> = incidents.as_array().unwrap().iter().map(|l| l["data"]["code"].as_str().unwrap()).collect();
        assert_eq!(codes, if s.code == "ma" { vec![] } else { vec!["peer.ledger.restored"] }, "{}", s.code);
    }
    for s in &mut all {
        s.stop().unwrap();
    }
    let mut dirs: Vec<(&Path, &Path)> = all.iter().map(|s| (s.dir.as_path(), s.key_file.as_path())).collect();
    dirs.push((&lost, &node_key));
    let signed = once_only(&dirs);
    eprintln!(
        "drill: {} acts receipted by all, {signed} acts in four ledgers, none under one number with another; backup {:.1} s beside traffic ({} KiB); \
         {} entries lost, {} own acts and {} of partners came back in {:.1} s",
        told.len(),
        backed_up.as_secs_f64(),
        made["new_bytes"].as_u64().unwrap() / 1024,
        fence["lost_entries"],
        fence["own_back"],
        fence["others_back"],
        healed.as_secs_f64()
    );
    assert!(fence["own_back"].as_u64().unwrap() > 0 && fence["others_back"].as_u64().unwrap() > 0, "{fence}");
}

/// All hold every receipted act, once, and the same state; no forks, nothing that waits.
async fn alike(all: &[Station], ids: &[String], told: &BTreeMap<String, String>) {
    for id in ids {
        let mut digests = Vec::new();
        for s in all {
            let view = s.client("desk").get(&format!("/v1/dossiers/{id}?reason=drill")).await.unwrap();
            let none = Value::Array(vec![]);
            assert_eq!((&view["forks"], &view["waiting"], &view["void"]), (&none, &none, &none), "{id} on {}", s.code);
            let here: BTreeMap<String, String> = view["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|i| i["kind"] == "note")
                .map(|i| (i["fields"]["text"][0]["text"].as_str().unwrap().to_owned(), i["act"].as_str().unwrap().to_owned()))
                .collect();
            digests.push((view["digest"].clone(), here));
        }
        assert!(digests.windows(2).all(|p| p[0] == p[1]), "{id}: the parties' states differ");
        for (text, act) in &digests[0].1 {
            assert_eq!(told.get(text), Some(act), "{text:?} was never receipted, or under another act");
        }
    }
    let mut held = 0;
    for id in ids {
        let view = all[0].client("desk").get(&format!("/v1/dossiers/{id}?reason=drill")).await.unwrap();
        held += view["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "note").count();
    }
    assert_eq!(held, told.len(), "every receipted act is there, and none twice");
}

/// Every ledger holds by hash and signature; over all of them, the lost one too, no number of any chain was signed twice.
fn once_only(dirs: &[(&Path, &Path)]) -> usize {
    let mut seen: BTreeMap<(ServiceId, DossierId, u64), ActId> = BTreeMap::new();
    for (dir, key) in dirs {
        let key: [u8; 32] = std::fs::read(key).unwrap().try_into().unwrap();
        let home = Home::open(dir).unwrap();
        let own = home.keys(&seal::Lock::KeyFile(&key)).unwrap().service();
        let store = home.inspect(&seal::Lock::KeyFile(&key)).unwrap();
        let (state, audit) = audit(&store, own, &mut |_, _| ()).unwrap();
        assert!(audit.faults.is_empty(), "{}: {:?}", dir.display(), audit.faults);
        let mut from = 0;
        while from < state.size {
            let page = store.entries(from, 500).unwrap();
            from = page.last().unwrap().pos + 1;
            for e in page.into_iter().filter(|e| e.kind == Kind::Act) {
                let act = store.act(&e.object.into()).unwrap().unwrap();
                let before = *seen.entry((act.author, act.dossier, act.seq)).or_insert(act.id);
                assert_eq!(before, act.id, "act {} of {} in {} was signed twice", act.seq, act.author, act.dossier);
            }
        }
    }
    seen.len()
}
