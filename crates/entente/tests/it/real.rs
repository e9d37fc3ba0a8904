//! Three real nodes, each a process in a network namespace of its own, while their wire, disk, descriptors and clock fail: what the
//! operator sees, that the node heals by itself when the cause goes, and that no acknowledged act is lost.

use crate::wire::{self, API, Net, Weather, address, not_checked};
use base::Lang;
use entente::bench::{dossiers, note};
use entente::client::Problem;
use entente::launch::{Founder, Station, settle, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");
/// How long a node may take to come back once the cause is gone: its longest wait is cut short below.
const HEALS_WITHIN: Duration = Duration::from_secs(45);

/// One at a time: each story needs the machine for itself.
static TURN: Mutex<()> = Mutex::new(());

/// Three nodes in their namespaces, one dossier between the first and each other, and what was acknowledged so far.
struct World {
    nodes: Vec<Station>,
    ids: Vec<String>,
    told: BTreeMap<String, (usize, String)>,
    root: PathBuf,
    written: usize,
    // Dropped last: the namespaces go when the nodes are gone.
    net: Net,
}

/// Tells a story where this machine lets us, and says loudly where it does not.
fn story(what: &str, prepare: impl FnOnce(&Path, &Net) -> Result<Vec<Prepared>, String>, told: impl AsyncFnOnce(&mut World)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let mounts = Mounts(dir.path().to_owned());
    let net = match Net::new(3) {
        Ok(net) => net,
        Err(why) => return not_checked(what, &format!("no network namespaces: {why}")),
    };
    let prepared = match prepare(dir.path(), &net) {
        Ok(p) => p,
        Err(why) => return not_checked(what, &why),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::found(net, dir.path(), prepared).await;
        told(&mut world).await;
        world.nothing_is_lost().await;
    });
    drop(mounts);
}

/// How one node is started.
#[derive(Default, Clone)]
struct Prepared {
    variables: Vec<(String, String)>,
}

/// Takes away what was mounted below a directory.
struct Mounts(PathBuf);

impl Drop for Mounts {
    fn drop(&mut self) {
        let mounted = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let here = self.0.display().to_string();
        for place in mounted.lines().rev().filter_map(|l| l.split(' ').nth(1)).filter(|p| p.starts_with(&here)) {
            let _ = wire::run(&format!("umount -l {place}")); // the test has failed already where this matters
        }
    }
}

fn plain(_: &Path, _: &Net) -> Result<Vec<Prepared>, String> {
    Ok(vec![Prepared::default(); 3])
}

impl World {
    async fn found(net: Net, root: &Path, prepared: Vec<Prepared>) -> World {
        let founders = [("ma", "MA", "Africa/Casablanca"), ("es", "ES", "Europe/Madrid"), ("de", "DE", "Europe/Berlin")];
        let mut nodes: Vec<Station> = Vec::new();
        for (i, ((code, country, zone), p)) in founders.into_iter().zip(prepared).enumerate() {
            let at = (address(i), 7400).into();
            let founder = Founder { code, country, zone, name: &[(Lang::En, code)], languages: &[Lang::En] };
            let mut node = Station::found_at(root, &founder, API.parse().unwrap(), at, at).unwrap();
            node.before = net.inside(i);
            node.variables = p.variables;
            node.api = net.doors[i];
            node.log = root.join(format!("{code}.log"));
            nodes.push(node);
        }
        settle(&mut nodes, Path::new(PROGRAM)).await.unwrap();
        let mut ids = dossiers(&nodes[0], &nodes[1], 1).await.unwrap();
        ids.extend(dossiers(&nodes[0], &nodes[2], 1).await.unwrap());
        World { nodes, ids, told: BTreeMap::new(), root: root.to_owned(), written: 0, net }
    }

    /// Writes one note from a node into the dossier with a partner; remembers it once the node has acknowledged it.
    async fn write(&mut self, from: usize, dossier: usize, wait: &str) -> Result<bool, Problem> {
        self.written += 1;
        let text = format!("note {} {}", self.written, "x".repeat(1500));
        let made = self.nodes[from].client("desk").post(&format!("/v1/intents?wait={wait}&timeout_s=40"), &note(&self.ids[dossier], &text)).await?;
        self.told.insert(text, (dossier, made["act"].as_str().unwrap().to_owned()));
        Ok(made["delivered"] == true)
    }

    async fn partner(&self, of: usize, code: &str) -> Value {
        let partners = self.nodes[of].client("admin").get("/v1/partners").await.unwrap();
        partners.as_array().unwrap().iter().find(|p| p["code"] == code).unwrap().clone()
    }

    /// Returns the codes of what a node says is wrong with itself.
    async fn troubles(&self, of: usize) -> Vec<String> {
        let status = self.nodes[of].client("admin").get("/v1/status").await.unwrap();
        status["troubles"].as_array().unwrap().iter().map(|t| t["code"].as_str().unwrap().to_owned()).collect()
    }

    async fn until_troubles(&self, of: usize, wanted: &[&str]) {
        let began = Instant::now();
        loop {
            let found = self.troubles(of).await;
            if found == wanted {
                return;
            }
            assert!(began.elapsed() < HEALS_WITHIN, "{found:?} instead of {wanted:?}\n{}", self.nodes[of].log_tail());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks the operator's own command.
    fn command(&self, of: usize, words: &[&str]) -> String {
        let node = &self.nodes[of];
        let out = Command::new(PROGRAM).arg("--dir").arg(&node.dir).args(["--api", &node.api.to_string(), "--officer", "admin"]).args(words).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    }

    fn log(&self, of: usize) -> String {
        fs::read_to_string(&self.nodes[of].log).unwrap_or_default()
    }

    async fn delivered(&self) {
        for node in &self.nodes {
            let client = node.client("admin");
            let all = until("an empty outbox", HEALS_WITHIN, || async { Ok(client.get("/v1/status").await?["outbox"] == 0) }).await;
            all.unwrap_or_else(|e| panic!("{}: {e}\n{}", node.code, node.log_tail()));
        }
    }

    /// Every acknowledged act stands once with both parties, under its name, and all ledgers verify.
    async fn nothing_is_lost(&mut self) {
        self.delivered().await;
        for (dossier, id) in self.ids.clone().iter().enumerate() {
            for node in [0, dossier + 1] {
                let view = self.nodes[node].client("desk").get(&format!("/v1/dossiers/{id}?reason=test")).await.unwrap();
                let notes = view["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "note");
                let mut held: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                notes.for_each(|i| held.entry(i["fields"]["text"][0]["text"].as_str().unwrap()).or_default().push(i["act"].as_str().unwrap()));
                for (text, (_, act)) in self.told.iter().filter(|(_, (d, _))| *d == dossier) {
                    assert_eq!(held.get(text.as_str()).map(Vec::as_slice), Some(&[act.as_str()][..]), "{} on {}", &text[..10], self.nodes[node].code);
                }
                assert!(held.values().all(|acts| acts.len() == 1), "a note is doubled");
            }
        }
        for node in &mut self.nodes {
            node.stop().unwrap();
            let out = Command::new(PROGRAM).arg("--dir").arg(&node.dir).args(["verify", "--ledger", "--key-file"]).arg(&node.key_file).output().unwrap();
            assert!(out.status.success(), "{}: {}{}", node.code, String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        }
    }
}

#[test]
fn the_wire_is_cut_one_way_or_both_and_the_weather_is_bad() {
    story("cuts, asymmetric cuts, delay, loss, doubling, reordering and a slow line between three nodes", plain, async |w| {
        assert!(w.write(0, 0, "delivered").await.unwrap());
        // Cut between the first and the second: the third is served as if nothing were.
        w.net.cut(0, 1, true);
        assert!(!w.write(0, 0, "none").await.unwrap());
        let began = Instant::now();
        for _ in 0..5 {
            assert!(w.write(0, 1, "delivered").await.unwrap(), "the third node does not wait for the second");
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        until("the cut to be noticed", Duration::from_secs(60), || async { Ok(w.partner(0, "es").await["health"]["attempts"].as_u64() > Some(0)) })
            .await
            .unwrap();
        let (seen, waiting) = (w.command(0, &["partners", "--lang", "es"]), w.partner(0, "es").await);
        let code = waiting["health"]["last_failure_code"].as_str().unwrap().to_owned();
        assert!(["failure.transport.unreachable", "failure.transport.timeout"].contains(&code.as_str()), "{code}");
        assert!(seen.contains(&code) && seen.contains("homólogo"), "{seen}");
        assert_eq!(waiting["waiting"], 1);
        w.net.cut(0, 1, false);
        w.delivered().await;
        // Packets reach the second node and none come back: from here it looks like silence, not like a refusal.
        w.net.way(1, 0, Weather { cut: true, ..Weather::default() });
        assert!(!w.write(0, 0, "none").await.unwrap());
        assert!(w.write(0, 1, "delivered").await.unwrap());
        until("the silence to be noticed", Duration::from_secs(60), || async { Ok(w.partner(0, "es").await["health"]["attempts"].as_u64() > Some(0)) })
            .await
            .unwrap();
        w.net.cut(0, 1, false);
        w.delivered().await;
        // Bad weather everywhere; both sides write.
        let weather = Weather { delay_ms: 15, jitter_ms: 10, loss_percent: 3, double_percent: 3, reorder_percent: 10, ..Weather::default() };
        let by = w.net.everywhere(weather);
        let before = w.net.packets();
        for _ in 0..6 {
            for (from, dossier) in [(0, 0), (1, 0), (2, 1)] {
                assert!(w.write(from, dossier, "delivered").await.unwrap(), "slower, and yet it comes");
            }
        }
        let after = w.net.packets();
        if by != "tc netem" {
            assert!(after.1 > before.1, "packets were lost and nothing else was");
        }
        // A slow line: 48 kB in a second, in both directions.
        w.net.everywhere(Weather { bytes_per_s: 48_000, delay_ms: 40, ..Weather::default() });
        let began = Instant::now();
        for _ in 0..20 {
            w.write(0, 0, "none").await.unwrap();
        }
        w.delivered().await;
        eprintln!("weather by {by}; 20 acts over the slow line in {:.1} s; packets passed and dropped: {:?}", began.elapsed().as_secs_f64(), w.net.packets());
        w.net.everywhere(Weather::default());
    });
}

#[test]
fn kill_nine_in_the_middle_of_bad_weather() {
    story("kill -9 of nodes in namespaces", plain, async |w| {
        w.net.everywhere(Weather { delay_ms: 5, loss_percent: 1, ..Weather::default() });
        for victim in [1, 0, 2, 1] {
            for (from, dossier) in [(0, 0), (0, 1)] {
                w.write(from, dossier, "none").await.unwrap();
            }
            w.nodes[victim].kill();
            if victim != 0 {
                w.write(0, 0, "none").await.unwrap();
            }
            w.nodes[victim].start(Path::new(PROGRAM)).await.unwrap();
            w.write(victim, usize::from(victim == 2), "none").await.unwrap();
        }
        w.net.everywhere(Weather::default());
    });
}

#[test]
fn a_full_disk_refuses_writes_answers_reads_and_heals() {
    let small = |root: &Path, _: &Net| {
        fs::create_dir(root.join("ma")).map_err(|e| e.to_string())?;
        wire::run(&format!("mount -t tmpfs -o size=6m entente {}", root.join("ma").display()))?;
        Ok(vec![Prepared::default(); 3])
    };
    story("a full disk", small, async |w| {
        // The node's own log lies on the same disk: what cannot be written there must not stop the node.
        w.nodes[0].stop().unwrap();
        w.nodes[0].log = w.nodes[0].dir.join("log.txt");
        w.nodes[0].start(Path::new(PROGRAM)).await.unwrap();
        assert!(w.write(0, 0, "delivered").await.unwrap());
        let filler = w.nodes[0].dir.join("filler");
        let _ = fs::write(&filler, vec![1u8; 8 << 20]); // as much as fits
        let refused = loop {
            // What the write-ahead log has in reserve may take a few more.
            match w.write(0, 0, "none").await {
                Ok(_) => {}
                Err(p) => break p,
            }
        };
        assert_eq!((refused.status, refused.code.as_str()), (500, "failure.store.disk-full"), "{refused}");
        w.until_troubles(0, &["failure.store.disk-full"]).await;
        let seen = w.command(0, &["status", "--lang", "fr"]);
        assert!(seen.contains("failure.store.disk-full: Le disque est plein") && seen.contains("-> Libérez de l'espace"), "{seen}");
        // Reads are answered; a consultation is not, because its reason could not be logged.
        let client = w.nodes[0].client("desk");
        assert_eq!(client.get("/v1/dossiers").await.unwrap().as_array().unwrap().len(), 3);
        assert!(client.get("/v1/due").await.is_ok());
        assert_eq!(client.get(&format!("/v1/dossiers/{}?reason=test", w.ids[0])).await.unwrap_err().code, "failure.store.disk-full");
        // The partner keeps what it cannot deliver, and learns whose doing it is.
        w.write(1, 0, "none").await.unwrap();
        until("the partner to be told", HEALS_WITHIN, || async { Ok(w.partner(1, "ma").await["health"]["last_failure_code"] == "failure.transport.partner") })
            .await
            .unwrap();
        assert!(w.log(1).contains("failure.store.disk-full"), "the partner's log names our code");
        fs::remove_file(filler).unwrap();
        w.until_troubles(0, &[]).await;
        assert!(w.write(0, 0, "delivered").await.unwrap());
        assert!(w.log(0).contains("the node stores again"), "{}", w.log(0));
    });
}

#[test]
fn a_disk_that_turns_read_only_refuses_writes_and_says_so() {
    let own_disk = |root: &Path, _: &Net| {
        let (image, place) = (root.join("disk.img"), root.join("ma"));
        fs::File::create(&image).and_then(|f| f.set_len(64 << 20)).map_err(|e| e.to_string())?;
        fs::create_dir(&place).map_err(|e| e.to_string())?;
        // Shared, so that what is unmounted here goes in the namespaces of the other nodes as well.
        wire::run(&format!("mount --bind {0} {0}", root.display()))?;
        wire::run(&format!("mount --make-shared {}", root.display()))?;
        wire::run(&format!("mkfs.ext4 -q -F {}", image.display()))?;
        wire::run(&format!("mount -o loop,errors=remount-ro {} {}", image.display(), place.display()))?;
        Ok(vec![Prepared::default(); 3])
    };
    story("a read-only disk", own_disk, async |w| {
        assert!(w.write(0, 0, "delivered").await.unwrap());
        // 1 Files that may not be written any more, under the running node; taken back, it heals without a restart.
        let database = w.nodes[0].dir.join("node.db");
        let files = ["", "-wal", "-shm"].map(|end| format!("{}{end}", database.display())).join(" ");
        wire::run(&format!("chattr +i {files} {}", w.nodes[0].dir.display())).unwrap();
        let refused = w.write(0, 0, "none").await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (500, "failure.store.read-only"), "{refused}");
        w.until_troubles(0, &["failure.store.read-only"]).await;
        assert!(w.command(0, &["status", "--lang", "de"]).contains("nicht beschreibbar"));
        w.write(1, 0, "none").await.unwrap();
        wire::run(&format!("chattr -i {files} {}", w.nodes[0].dir.display())).unwrap();
        w.until_troubles(0, &[]).await;
        assert!(w.write(0, 0, "delivered").await.unwrap());
        // 2 The kernel itself finds an error and turns the disk read-only, as it does when a real one dies.
        let device = fs::read_to_string("/proc/self/mounts").unwrap();
        let place = w.nodes[0].dir.display().to_string();
        let device =
            device.lines().find(|l| l.split(' ').nth(1) == Some(&place)).and_then(|l| l.split(' ').next()).unwrap().rsplit('/').next().unwrap().to_owned();
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        if let Err(e) = fs::write(&trigger, "1") {
            return not_checked("a disk that the kernel turns read-only", &format!("{trigger}: {e}"));
        }
        let refused = w.write(0, 0, "none").await.unwrap_err();
        assert_eq!(refused.code, "failure.store.read-only", "{refused}");
        assert!(w.nodes[0].client("desk").get("/v1/dossiers").await.is_ok(), "what is there can be read");
        // Such a disk must be taken out of use; the node is stopped, and on the mended disk all that was acknowledged is there.
        w.nodes[0].kill();
        wire::run(&format!("umount {place}")).unwrap();
        let image = w.root.join("disk.img");
        let _ = wire::run(&format!("e2fsck -f -y {}", image.display())); // 1 says that it mended something
        wire::run(&format!("mount -o loop {} {place}", image.display())).unwrap();
        wire::run(&format!("mount -o remount,ro {place}")).unwrap();
        let said = w.nodes[0].start(Path::new(PROGRAM)).await.unwrap_err().to_string();
        assert!(said.contains("failure.store.read-only"), "a node does not start on a disk that it cannot write: {said}");
        wire::run(&format!("mount -o remount,rw {place}")).unwrap();
        w.nodes[0].start(Path::new(PROGRAM)).await.unwrap();
        assert!(w.write(0, 0, "delivered").await.unwrap());
    });
}

#[test]
fn without_descriptors_the_node_waits_and_says_so() {
    story("exhausted file descriptors", plain, async |w| {
        assert!(w.write(0, 0, "delivered").await.unwrap());
        let pid = w.nodes[0].pid().unwrap();
        let taken = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let ticks = || -> u64 {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2).map(|t| t.parse::<u64>().unwrap()).sum()
        };
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let most = limits.lines().find(|l| l.starts_with("Max open files")).and_then(|l| l.split_whitespace().nth(4)).unwrap().to_owned();
        // Every number is taken, by programs that say nothing: the one in reserve lets the operator's command in, more than once.
        let numbers = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|d| d.unwrap().file_name().to_str()?.parse::<usize>().ok());
        wire::run(&format!("prlimit --pid {pid} --nofile={}:{most}", numbers.max().unwrap() + 1)).unwrap();
        let mut silent = Vec::new();
        let spent = |w: &World| w.log(0).contains("an officer's program cannot be let in");
        while !spent(w) {
            assert!(silent.len() < 1000, "{} descriptors are taken and none is missed", taken());
            silent.push(tokio::net::TcpStream::connect(w.nodes[0].api).await.unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        silent.truncate(silent.len() - 1);
        for time in 0..3 {
            let began = Instant::now();
            while !w.command(0, &["status"]).contains("failure.system.descriptors") {
                assert!(began.elapsed() < HEALS_WITHIN, "time {time}: {}", w.command(0, &["status"]));
            }
        }
        drop(silent);
        wire::run(&format!("prlimit --pid {pid} --nofile={most}:{most}")).unwrap();
        // Both lines to partners end, so that each side must open a new one and finds that it cannot.
        w.nodes[1].kill();
        w.nodes[1].start(Path::new(PROGRAM)).await.unwrap();
        wire::run(&format!("prlimit --pid {pid} --nofile={}:{most}", 3)).unwrap();
        w.write(1, 0, "none").await.unwrap();
        let (began, before) = (Instant::now(), ticks());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let busy = (ticks() - before) as f64 / 100.0 / began.elapsed().as_secs_f64();
        assert!(busy < 0.5, "the node turns in a circle: {busy:.2} of a processor, {} descriptors", taken());
        assert!(w.log(0).contains("failure.transport.descriptors"), "{}", w.log(0));
        let said = w.log(0).lines().filter(|l| l.contains("failure.transport.descriptors") && l.contains("partners cannot come in")).count();
        assert_eq!(said, 1, "said once, not with every try");
        wire::run(&format!("prlimit --pid {pid} --nofile={most}:{most}")).unwrap();
        assert!(w.write(0, 0, "delivered").await.unwrap());
        w.delivered().await;
        w.until_troubles(0, &[]).await;
        assert!(w.log(0).contains("partners come in again"), "{}", w.log(0));
        // With few from the start, the node fits its limits to them and tells its operator.
        w.nodes[0].stop().unwrap();
        let prefix = w.nodes[0].before.clone();
        w.nodes[0].before.extend(["prlimit", "--nofile=256:256"].map(str::to_owned));
        w.nodes[0].start(Path::new(PROGRAM)).await.unwrap();
        assert!(w.log(0).contains("this process may open 256 files"), "{}", w.log(0));
        assert!(w.write(0, 0, "delivered").await.unwrap());
        w.nodes[0].before = prefix;
    });
}

#[test]
fn a_clock_that_jumps_signs_nothing_until_it_is_right() {
    let faked = |root: &Path, _: &Net| {
        let library = ["x86_64", "aarch64"].map(|a| format!("/usr/lib/{a}-linux-gnu/faketime/libfaketimeMT.so.1")).into_iter().find(|p| Path::new(p).exists());
        let library = library.ok_or("libfaketime is not installed (Debian: faketime)")?;
        fs::write(root.join("clock"), "+0").map_err(|e| e.to_string())?;
        let set = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let variables = vec![
            set("LD_PRELOAD", &library),
            set("FAKETIME_TIMESTAMP_FILE", &root.join("clock").display().to_string()),
            set("FAKETIME_NO_CACHE", "1"),
            set("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Ok(vec![Prepared { variables }, Prepared::default(), Prepared::default()])
    };
    story("clock steps", faked, async |w| {
        let step = |w: &World, by: &str| fs::write(w.root.join("clock"), by).unwrap();
        assert!(w.write(0, 0, "delivered").await.unwrap());
        // Ahead by three hours: nothing is signed, so no dossier is left with a time that partners refuse.
        step(w, "+3h");
        w.until_troubles(0, &["failure.clock.moved"]).await;
        let refused = w.write(0, 0, "none").await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (500, "failure.clock.moved"), "{refused}");
        assert!(w.command(0, &["status", "--lang", "pt"]).contains("failure.clock.moved: O relógio desta máquina"));
        // A partner that brings something meanwhile is told that we fail, not that it does, and keeps it.
        w.write(1, 0, "none").await.unwrap();
        until("the partner to be told", HEALS_WITHIN, || async { Ok(w.partner(1, "ma").await["health"]["last_failure_code"] == "failure.transport.partner") })
            .await
            .unwrap();
        assert!(w.log(1).contains("failure.clock.moved"), "{}", w.log(1));
        step(w, "+0");
        w.until_troubles(0, &[]).await;
        assert!(w.write(0, 0, "delivered").await.unwrap(), "the soft spot: a later act of the same dossier is taken");
        w.delivered().await;
        // Back by a day.
        step(w, "-1d");
        w.until_troubles(0, &["failure.clock.moved", "failure.clock.behind-ledger"]).await;
        step(w, "+0");
        w.until_troubles(0, &[]).await;
        // A step within what partners allow is no trouble.
        step(w, "+5m");
        assert!(w.write(0, 0, "delivered").await.unwrap());
        step(w, "+0");
        assert!(w.write(0, 0, "delivered").await.unwrap());
        // Started with a clock that is two hours ahead: the node itself cannot know, and two partners contradict it.
        w.nodes[0].stop().unwrap();
        step(w, "+2h");
        w.nodes[0].start(Path::new(PROGRAM)).await.unwrap();
        w.nodes[0].client("admin").post("/v1/checkpoint", &json!({})).await.unwrap();
        w.until_troubles(0, &["failure.clock.contradicted"]).await;
        assert_eq!(w.write(0, 0, "none").await.unwrap_err().code, "failure.clock.contradicted");
        // Set right while the node runs: that is a step too, which the next receipt bears out.
        step(w, "+0");
        w.until_troubles(0, &[]).await;
        assert!(w.write(0, 0, "delivered").await.unwrap());
        assert!(!w.log(0).contains("panicked"), "{}", w.log(0));
    });
}
