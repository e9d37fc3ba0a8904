//! Hit/no-hit by the command line alone, between two running nodes: an index is loaded, published, rotated; officers ask, confirm, follow up; what is
//! too much is refused in the officer's language; standing subjects and lists go on by themselves; an auditor opens a line.

use base::Lang;
use entente::launch::{Founder, Station, accord, settle};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");
const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than the node's pause between two looks at lists that wait.
const A_ROUND: Duration = Duration::from_secs(6);

/// Invented persons. The third line's date is none.
const BAD: &str = "reference,name,birth,category,quality,contact,until\n\
    MA/2024/117,Youssef Benchekroun,1981-03-07,suspect,identity from a document,k.ouazzani,2098-12-31\n\
    MA/2023/9,Fatima-Zahra Alaoui,1990-23-11,convicted,identity from a document,k.ouazzani,2098-12-31\n";
const BAD_ENTITIES: &str = "{\"id\":\"p1\",\"schema\":\"Person\",\"properties\":{\"name\":[\"Omar Zerhouni\"],\"birthDate\":[\"1979-05-02\"]}}\n\
    {\"id\":\"p2\",\"schema\":\"Person\",\"properties\":{\"name\":[\"Karim without a date\"]}}\n";

struct Done {
    exit: i32,
    out: String,
    err: String,
}

struct World {
    ma: Station,
    es: Station,
    dir: PathBuf,
}

fn run_in(lang: &str, node: &Station, officer: &str, args: &[&str]) -> Done {
    let mut command = Command::new(PROGRAM);
    for name in ["ENTENTE_DIR", "ENTENTE_TOKEN", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    let done = command.arg("--dir").arg(&node.dir).args(["--officer", officer, "--lang", lang]).args(args).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { exit: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

fn run(node: &Station, officer: &str, args: &[&str]) -> Done {
    run_in("en", node, officer, args)
}

/// Runs what must succeed and returns what it prints.
fn says(node: &Station, officer: &str, args: &[&str]) -> String {
    let done = run(node, officer, args);
    assert_eq!(done.exit, 0, "{args:?}: {}{}", done.out, done.err);
    done.out
}

fn tells(node: &Station, officer: &str, args: &[&str]) -> Value {
    serde_json::from_str(&says(node, officer, &[args, &["--json"]].concat())).unwrap()
}

/// Runs what must be refused with a code, and returns what it says.
fn refused(node: &Station, officer: &str, code: &str, args: &[&str]) -> String {
    let done = run(node, officer, args);
    assert!(done.exit != 0 && done.out.is_empty() && done.err.contains(code), "{args:?}: exit {}, {}{}", done.exit, done.out, done.err);
    done.err
}

/// Does as one officer and has another approve where a second pair of eyes is wanted.
fn both(node: &Station, first: &str, second: &str, args: &[&str]) -> Value {
    let made = tells(node, first, args);
    match made["pending"].as_str() {
        Some(id) => tells(node, second, &["pending", "approve", id, "--wait"]),
        None => made,
    }
}

/// Looks again and again until a command's answer is as wanted.
fn until(node: &Station, officer: &str, args: &[&str], what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let answer = tells(node, officer, args);
        if holds(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}: {answer}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The texts of a code in a language, as they are shipped.
fn shipped(code: &str, lang: &str) -> [String; 2] {
    let all: toml::Table = toml::from_str(include_str!("../../locales/errors.toml")).unwrap();
    ["what", "help"].map(|part| all[code][part][lang].as_str().unwrap().to_owned())
}

impl World {
    async fn found(root: &Path) -> World {
        let names: [(&str, &str, &str); 2] = [("ma", "MA", "Africa/Casablanca"), ("es", "ES", "Europe/Madrid")];
        let found = |(code, country, zone)| Station::found(root, &Founder { code, country, zone, name: &[(Lang::En, code)], languages: &[Lang::En] }).unwrap();
        let mut nodes = names.map(found);
        settle(&mut nodes, Path::new(PROGRAM)).await.unwrap();
        for n in &mut nodes {
            n.add_officer("dpo", "Data protection", &["data-protection"]).await.unwrap();
        }
        let [ma, es] = nodes;
        World { ma, es, dir: root.to_owned() }
    }

    /// Brings the accord into force under which Spain may ask Morocco: three questions a day for each officer.
    async fn agree(&self) {
        let hash = self.ma.client("desk").get("/v1/mechanisms/hit-no-hit").await.unwrap()["hash"].as_str().unwrap().to_owned();
        let mut intent = accord(&[self.ma.service, self.es.service], &[("hit-no-hit", &hash)], "Hit/no-hit");
        intent["fields"]["hit_officer_day_max"] = json!(192);
        let opened = self.ma.act("chief", "judge", &intent, "delivered").await.unwrap();
        let id = opened["dossier"].as_str().unwrap();
        for node in [&self.ma, &self.es] {
            both(node, "judge", "chief", &["accord", "sign", id, "--authority", "en=Director", "--wait"]);
        }
        for node in [&self.ma, &self.es] {
            until(node, "desk", &["accord", "list"], "the accord in force", |all| {
                all.as_array().unwrap().iter().any(|a| a["id"] == id && a["phase"] == "in-force")
            });
        }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What Spain asks of Morocco about a person.
    fn question<'a>(name: &'a str, birth: &'a str) -> Vec<&'a str> {
        let why = ["--reference", "ES-2025-44", "--purpose", "investigate", "--offence", "drug-trafficking", "--category", "suspect"];
        let more = ["--aim", "learn-more", "--reason", "en=Seen twice at the port", "--label", name, "--wait", "--timeout", "60"];
        [&["ask", "person", "--with", "ma", "--name", name, "--birth", birth][..], &why, &more].concat()
    }

    fn asks(&self, name: &str, birth: &str) -> Value {
        tells(&self.es, "desk", &World::question(name, birth))[0].clone()
    }

    fn loads_all_or_nothing(&self) {
        let bad = self.file("suspects.csv", BAD);
        let load = ["index", "load", &bad, "--later"];
        let said = refused(&self.ma, "desk", "refusal.matching.source", &load);
        assert!(said.contains("line 3: ") && !said.contains("line 2: "), "the line and no other: {said}");
        let entities = self.file("register.ftm.json", BAD_ENTITIES);
        let load_entities = ["index", "load", &entities, "--category", "suspect", "--contact", "case.desk", "--until", "2098-12-31", "--later"];
        let said = refused(&self.ma, "desk", "refusal.matching.source", &load_entities);
        assert!(said.contains("line 2: ") && said.contains("refusal.matching.too-little"), "{said}");
        assert_eq!(tells(&self.ma, "desk", &["index", "status"])["records"], json!({}), "nothing of either file is in the index");

        self.file("suspects.csv", &BAD.replace("1990-23-11", "1990-11-23"));
        assert!(says(&self.ma, "desk", &load).contains("loaded    2 new, 0 changed, 0 as before, 0 removed, 0 rejected"));
        self.file("register.ftm.json", BAD_ENTITIES.lines().next().unwrap());
        assert!(says(&self.ma, "desk", &load_entities).contains("loaded    1 new"));
        assert!(says(&self.ma, "desk", &load).contains("loaded    0 new, 0 changed, 2 as before"), "the same file again changes nothing");
        let status = tells(&self.ma, "desk", &["index", "status"]);
        assert_eq!((&status["records"], &status["sources"]), (&json!({ "suspect": 2, "convicted": 1 }), &json!({ "suspects.csv": 2, "register.ftm.json": 1 })));
        assert_eq!(status["published"], json!([]), "--later leaves it to the clock");
        refused(&self.ma, "dpo", "refusal.officer.role", &load);
    }

    fn publishes_and_rotates(&self) {
        let published = says(&self.ma, "desk", &["index", "publish"]);
        let keys = published.split(" keys worked out").next().and_then(|w| w.rsplit(' ').next()).and_then(|n| n.parse::<u32>().ok());
        assert!(published.starts_with("es ") && keys.is_some_and(|k| k > 3), "how much was worked out is told: {published}");
        assert!(says(&self.ma, "desk", &["index", "publish"]).contains("nothing changed"));
        let epoch = |n: u32| move |all: &Value| all.as_array().is_some_and(|l| l.len() == 1 && l[0]["epoch"] == n);
        until(&self.es, "desk", &["ask", "lists"], "the first list", epoch(1));
        says(&self.ma, "desk", &["index", "rotate", "--partner", "es"]);
        let lists = until(&self.es, "desk", &["ask", "lists"], "the list under a new key", epoch(2));
        let status = tells(&self.ma, "desk", &["index", "status"]);
        assert_eq!((&status["published"][0]["epoch"], &status["published"][0]["tags"]), (&json!(2), &lists[0]["tags"]), "both sides name one list");
        assert_eq!(status["published"][0]["records"], json!(3));
    }

    /// Returns the hit and the no-hit.
    fn hit_and_namesake(&self) -> (String, String) {
        let hit = self.asks("يوسف بن شقرون", "1981-03-07");
        assert_eq!((&hit["state"], &hit["quality"], &hit["references"]), (&json!("hit"), &json!("strong"), &json!([])), "{hit}");
        let namesake = self.asks("يوسف بن شقرون", "1986-09-14");
        assert_eq!(namesake["state"], "no-hit", "{namesake}");
        let id = |v: &Value| v["question"].as_str().unwrap().to_owned();
        let (hit, namesake) = (id(&hit), id(&namesake));
        let table = says(&self.es, "desk", &["ask", "status"]);
        assert!(table.contains("HIT (strong); confirm it") && table.contains("NO HIT") && table.contains(&hit[..6]), "{table}");
        refused(&self.es, "desk", "refusal.matching.not-hit", &["ask", "confirm", &namesake[..8]]);
        let confirmed = says(&self.es, "desk", &["ask", "confirm", &hit[..8], "--wait", "--timeout", "60"]);
        assert!(confirmed.contains("reference MA/2024/117, ") && confirmed.contains("contact k.ouazzani, kept until 2098-12-31"), "{confirmed}");
        (hit, namesake)
    }

    fn follows_up(&self, hit: &str) {
        let made = both(&self.es, "desk", "chief", &["ask", "follow-up", &hit[..8], "--question", "en=What is known of him?"]);
        let dossier = made["dossier"].as_str().unwrap_or_else(|| panic!("{made}"));
        let began = Instant::now();
        let shown = loop {
            let done = run(&self.ma, "desk", &["dossier", "show", dossier, "--reason", "a request that follows a hit"]);
            if done.exit == 0 {
                break done.out;
            }
            assert!(began.elapsed() < PATIENCE, "{}", done.err);
            std::thread::sleep(Duration::from_millis(200));
        };
        for part in ["ES-2025-44", "MA/2024/117", "Seen twice at the port", "What is known of him?", "drug-trafficking", "investigate"] {
            assert!(shown.contains(part), "{part} is not filled in:\n{shown}");
        }
        assert!(says(&self.es, "desk", &["ask", "status", &hit[..8]]).contains("followed  "));
    }

    fn too_much_is_said_in_the_officers_language(&self) {
        for lang in ["fr", "ar"] {
            let done = run_in(lang, &self.es, "desk", &World::question("Nadia Invented", "1999-01-03"));
            assert!(done.exit != 0 && done.err.contains("refusal.matching.quota-officer"), "{}{}", done.out, done.err);
            for text in shipped("refusal.matching.quota-officer", lang) {
                assert!(done.err.contains(&text), "{lang}: {text:?} is not in {}", done.err);
            }
        }
    }

    fn a_standing_subject_is_hit_by_a_change(&self) {
        let asked = tells(&self.es, "desk", &[&World::question("Salim Berrada", "1988-08-08")[..], &["--standing"]].concat())[0].clone();
        assert_eq!((&asked["state"], &asked["standing"]), (&json!("no-hit"), &json!(true)));
        let question = asked["question"].as_str().unwrap();
        let lines_before = tells(&self.ma, "dpo", &["log", "hit", "--reason", "audit"]).as_array().unwrap().len();
        let added = self.file("added.csv", "reference,name,birth,category,contact,until\nMA/2025/1,سليم برادة,1988-08-08,suspect,case.desk,2098-12-31\n");
        let loaded = says(&self.ma, "desk", &["index", "load", &added]);
        assert!(loaded.contains("loaded    1 new") && loaded.contains("tags new, 0 gone"), "{loaded}");
        let standing = until(&self.es, "desk", &["ask", "standing"], "the change", |all| all[0]["state"] == "hit");
        assert_eq!(standing[0]["question"], question);
        let lines = tells(&self.ma, "dpo", &["log", "hit", "--reason", "audit"]).as_array().unwrap().len();
        assert_eq!(lines, lines_before, "nobody was asked anything");
        says(&self.es, "desk", &["ask", "standing", "--end", &question[..8]]);
        assert_eq!(tells(&self.es, "desk", &["ask", "standing"]), json!([]));
    }

    fn a_list_is_asked_paused_and_resumed(&self) {
        let open = ["dossier", "open", "hit-no-hit", "--as", "asking", "--party", "ma=holding", "--field", "reference=ES-2025-44"];
        let form = ["--field", "legal_basis@en=Article 5", "--field", "purpose=investigate", "--field", "offence=drug-trafficking"];
        let more = ["--field", "subject_category=suspect", "--field", "reason@en=Accreditations", "--field", "persons=3", "--field", "elements=192"];
        let made = both(&self.es, "judge", "chief", &[&open[..], &form, &more, &["--field", "until=2098-01-01"]].concat());
        let grant = made["dossier"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let persons = "reference,name,birth\na,Omar Zarhouni,1979-05-02\nb,Nobody Anywhere,1971-01-01\nc,Nadia Invented,1999-01-02\n";
        let persons = self.file("persons.csv", persons);
        assert!(says(&self.es, "desk", &["ask", "batch", &persons, "--grant", &grant[..8]]).starts_with("3 persons"));
        let phase = |wanted: &'static str| move |all: &Value| all[0]["phase"] == wanted;
        says(&self.es, "desk", &["dossier", "move", &grant, "pause", "--wait"]);
        let began = Instant::now();
        while run(&self.ma, "chief", &["dossier", "show", &grant, "--reason", "a list"]).exit != 0 {
            assert!(began.elapsed() < PATIENCE, "the grant does not reach ma");
            std::thread::sleep(Duration::from_millis(200));
        }
        both(&self.ma, "judge", "chief", &["dossier", "move", &grant, "grant", "--field", "authority@en=Prosecutor", "--field", "elements=192", "--wait"]);
        until(&self.es, "desk", &["ask", "batch"], "the pause", phase("paused"));
        std::thread::sleep(A_ROUND);
        assert_eq!(tells(&self.es, "desk", &["ask", "batch"])[0]["asked"], 0, "granted and paused: nobody is asked about");
        says(&self.es, "desk", &["dossier", "move", &grant, "resume", "--wait"]);
        let done = until(&self.es, "desk", &["ask", "batch"], "all three answers", |all| all[0]["answered"] == 3);
        assert_eq!((&done[0]["phase"], &done[0]["persons"], done[0]["hits"].as_array().unwrap().len()), (&json!("open"), &json!(3), 1), "{done}");
        assert!(says(&self.es, "desk", &["ask", "batch"]).contains(" ma  open: 3 of 3 asked, 3 answered\nhits      "));
        says(&self.es, "desk", &["dossier", "move", &grant, "finish", "--wait"]);
    }

    fn an_auditor_opens_a_line(&self, namesake: &str) {
        refused(&self.es, "desk", "refusal.officer.role", &["ask", "open", &namesake[..8], "--reason", "curious"]);
        let opened = tells(&self.es, "dpo", &["ask", "open", &namesake[..8], "--reason", "yearly check"]);
        let file = self.file("opened.json", &opened.to_string());
        let checked = says(&self.ma, "dpo", &["ask", "check", &file]);
        assert!(checked.contains("elements were opened; 0 of them do not open what was asked"), "{checked}");
        // Another person in the place of the one who was asked about: the commitment does not open for him.
        let forged = opened.to_string().replacen("1986-09-14", "1987-09-14", 1);
        assert_ne!(forged, opened.to_string());
        let file = self.file("forged.json", &forged);
        assert!(says(&self.ma, "dpo", &["ask", "check", &file]).contains("; 1 of them do not open what was asked"));
        let told = tells(&self.ma, "dpo", &["log", "hit", "--reason", "audit"]).to_string().to_lowercase();
        for word in ["bench", "شقرون", "1986-09-14", "zarhouni", "berrada"] {
            assert!(!told.contains(word), "the holder's log names {word}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hit_no_hit_by_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let w = World::found(dir.path()).await;
    refused(&w.es, "desk", "refusal.accord.none", &World::question("Youssef Benchekroun", "1981-03-07"));
    w.agree().await;
    w.loads_all_or_nothing();
    refused(&w.es, "desk", "refusal.matching.no-list", &World::question("Youssef Benchekroun", "1981-03-07"));
    w.publishes_and_rotates();
    let (hit, namesake) = w.hit_and_namesake();
    w.follows_up(&hit);
    w.a_standing_subject_is_hit_by_a_change();
    w.too_much_is_said_in_the_officers_language();
    w.a_list_is_asked_paused_and_resumed();
    w.an_auditor_opens_a_line(&namesake);
}
