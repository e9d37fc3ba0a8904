//! The command line from outside: what it prints, where, and with which exit code.

use entente::launch::free_port;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente");

/// What a command did.
struct Done {
    exit: i32,
    out: String,
    err: String,
}

/// Runs the program in a directory, apart from the environment's own settings; nobody is at a terminal.
fn run(dir: &Path, args: &[&str]) -> Done {
    let mut command = Command::new(PROGRAM);
    for name in ["ENTENTE_DIR", "ENTENTE_TOKEN", "ENTENTE_PASSPHRASE", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } = command.args(args).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("the program speaks UTF-8");
    Done { exit: status.code().expect("it ends by itself"), out: text(stdout), err: text(stderr) }
}

/// Runs what must succeed and say nothing on standard error, and returns its JSON.
fn json(dir: &Path, args: &[&str]) -> Value {
    let done = run(dir, &[args, &["--json"]].concat());
    assert_eq!((done.exit, done.err.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{args:?}: {e}: {}", done.out))
}

fn mechanism(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../dossier/mechanisms/{name}.toml"))).unwrap()
}

/// Checks a mechanism file with this text: exit code, text, and the faults of the machine form.
fn check(text: &str) -> (Done, Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("m.toml"), text).unwrap();
    let done = run(dir.path(), &["mechanism", "check", "m.toml"]);
    let machine = run(dir.path(), &["mechanism", "check", "m.toml", "--json"]);
    assert_eq!(done.exit, machine.exit, "both forms say the same");
    let report: Value = serde_json::from_str(&machine.out).unwrap();
    assert_eq!(report["proved"] == true, done.exit == 0);
    (done, report["faults"].as_array().cloned().unwrap_or_default())
}

/// Cuts one table out of a mechanism file: from its own heading to the next top-level one.
fn without(text: &str, heading: &str, until: &str) -> String {
    let from = text.find(heading).unwrap_or_else(|| panic!("{heading:?} is not there"));
    let to = text[from + 1..].find(until).map_or(text.len(), |n| from + 1 + n);
    format!("{}{}", &text[..from], &text[to..])
}

#[test]
fn shipped_mechanisms_are_proved_by_name_and_by_file() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dossier/mechanisms");
    for name in ["accord", "information-request", "working-visit"] {
        let done = run(&here, &["mechanism", "check", name]);
        assert_eq!((done.exit, done.err.as_str()), (0, ""), "{name}");
        assert!(done.out.starts_with(&format!("{name} version ")) && done.out.contains("\nproved: "), "{}", done.out);
    }
    let done = run(&here, &["mechanism", "check", "accord.toml", "accord", "--json"]);
    let lines: Vec<Value> = done.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["hash"]), (2, &lines[1]["hash"]), "the file and the shipped one are the same bytes");
}

#[test]
fn a_phase_that_never_comes_about_is_named() {
    let at = "[[item.phase]]\nid = \"declined\"";
    let label = "label = { ar = \"x\", fr = \"x\", es = \"x\", en = \"x\", de = \"x\", pt = \"x\" }\n";
    let limbo = format!("[[item.phase]]\nid = \"limbo\"\nrule = 'party.all(s, s == \"signed\") && party.exists(s, s == \"declined\")'\n{label}{at}");
    let (done, faults) = check(&mechanism("accord").replace(at, &limbo));
    assert_eq!(done.exit, 1);
    assert!(done.out.contains("fault mechanism.unreachable.phase in accord: phase limbo never comes about\n"), "{}", done.out);
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_dead_end_is_shown_with_the_way_there() {
    let (done, faults) = check(&without(&mechanism("accord"), "[[item.move]]\nid = \"denounce\"", "[[item.phase]]"));
    assert_eq!(done.exit, 1);
    let way = "fault mechanism.dead-end in accord: nobody can move in phase in-force: party 1 signed, party 2 signed\n  1 open accord (2 party; opened by party)\n  2 party 1: sign\n  3 party 2: sign\n";
    assert!(done.out.contains(way), "{}", done.out);
    let dead = faults.iter().find(|f| f["code"] == "mechanism.dead-end").unwrap();
    assert_eq!(dead["path"].as_array().unwrap().len(), 3);
}

#[test]
fn two_phases_at_once_are_shown_with_the_way_there() {
    let (done, faults) = check(&mechanism("accord").replace(" && !party.exists(s, s == \"denounced\")'", "'"));
    assert_eq!(done.exit, 1);
    assert!(done.out.contains("fault mechanism.phase.double in accord: phases declined and denounced hold at once"), "{}", done.out);
    assert!(done.out.contains("\n  3 party 1: denounce\n  4 party 2: decline"), "{}", done.out);
    assert!(faults.iter().any(|f| f["code"] == "mechanism.phase.double" && f["path"].as_array().unwrap().len() == 4));
}

#[test]
fn a_phase_that_waits_without_clock_is_shown() {
    let (done, faults) = check(&without(&mechanism("accord"), "[[item.clock]]\nid = \"signature\"", "[[item.clock]]"));
    assert_eq!(done.exit, 1);
    assert!(done.out.contains("fault mechanism.no-clock in accord: phase proposed waits and no clock runs"), "{}", done.out);
    assert_eq!(faults[0]["path"], serde_json::json!(["open accord (2 party; opened by party)"]));
}

#[test]
fn a_file_that_is_no_mechanism_does_not_spoil_the_others() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("none.toml"), "id = 7").unwrap();
    let done = run(dir.path(), &["mechanism", "check", "none.toml", "absent.toml", "accord"]);
    assert_eq!(done.exit, 1);
    assert!(done.err.contains("refusal.mechanism.shape: none.toml: the file is not a mechanism"), "{}", done.err);
    assert!(done.err.contains("refusal.file.unreadable: absent.toml cannot be read") && done.err.contains("help: "), "{}", done.err);
    assert!(done.out.starts_with("accord version") && done.out.contains("proved"), "{}", done.out);
}

#[test]
fn the_matrix_speaks_the_language_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let matrix = |lang| run(dir.path(), &["mechanism", "matrix", "accord", "--lang", lang]);
    assert!(matrix("de").out.starts_with("accord version 1 — Übereinkunft\n"));
    assert!(matrix("ar").out.starts_with("accord version 1 — اتفاق\n"));
    assert!(matrix("de").out.contains("sign -> signed: competent-authority, approved by"));
    assert_eq!(matrix("it").exit, 64);
    assert_eq!(json(dir.path(), &["mechanism", "matrix", "accord", "--lang", "de"])["matrix"], matrix("de").out.as_str());
    let named: Vec<Value> = json(dir.path(), &["mechanism", "list", "--shipped"]).as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
    let shipped = [
        "accord",
        "controlled-delivery",
        "early-warning",
        "event-security",
        "expert-exchange",
        "hit-no-hit",
        "information-request",
        "joint-investigation-team",
        "joint-operation",
        "risk-assessment",
        "spontaneous-information",
        "working-visit",
    ];
    assert_eq!(named, shipped);
}

const FR: &str = "Madrid, 4 mars 2031 - Le directeur général de la sûreté nationale et de la surveillance du territoire du Maroc, Karim Benali, a effectué \
une visite de travail en Espagne les 4 et 5 mars 2031. Il s'est entretenu à Madrid avec le directeur général de la Police nationale espagnole, \
Juan Ejemplo. Les deux parties se sont engagées à renforcer l'échange d'informations dans la lutte contre le terrorisme.\n";
const ES: &str = "Madrid, 5 de marzo de 2031. El director general de la Seguridad Nacional de Marruecos, Karim Benali, ha realizado una visita de trabajo a España \
los días 4 y 5 de marzo de 2031. En Madrid se reunió con el director general de la Policía Nacional, Juan Ejemplo, para reforzar la lucha contra el terrorismo.\n";
const SOUP: &str = "La harira se prépare avec des pois chiches, des tomates et de la coriandre fraîche. On la sert chaude.\n";

#[test]
fn texts_become_one_json_object_per_event() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("fr.txt", FR), ("es.txt", ES), ("soup.txt", SOUP)] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let done = run(dir.path(), &["register", "import", "--dry-run", "--json", "fr.txt", "es.txt", "soup.txt"]);
    assert_eq!(done.exit, 0, "{}", done.err);
    let texts = [("fr.txt", FR), ("es.txt", ES), ("soup.txt", SOUP)].map(|(path, body)| register::Text { path, body });
    let read = register::draft(&texts);
    assert!(!read.events.is_empty(), "the texts tell of a visit");
    let expected: String = read.events.iter().map(|e| serde_json::to_string(e).unwrap() + "\n").collect();
    assert_eq!(done.out, expected);
    assert!(done.err.starts_with("soup.txt: register.text.no-event: "), "{}", done.err);
    let words = run(dir.path(), &["register", "import", "--dry-run", "--lang", "es", "fr.txt", "soup.txt"]);
    assert!(words.out.contains("kind         visit\n") && words.out.contains("dates        2031-03-04 to 2031-03-05\n"), "{}", words.out);
    assert!(words.out.contains("Marruecos (MA)") && words.out.contains("fr.txt:"), "{}", words.out);
}

#[test]
fn a_text_that_cannot_be_read_is_named_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fr.txt"), FR).unwrap();
    fs::write(dir.path().join("bytes.txt"), b"ab\xff\xfe").unwrap();
    let done = run(dir.path(), &["register", "import", "--dry-run", "--json", "bytes.txt", "absent.txt", "fr.txt"]);
    assert_eq!(done.exit, 1);
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    assert!(done.err.contains("bytes.txt cannot be read: it is not UTF-8 (byte 2)") && done.err.contains("absent.txt cannot be read"), "{}", done.err);
}

#[test]
fn a_labelled_folder_is_measured_and_own_names_are_used_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let index =
        "file\tlanguage\tevent_id\tdate\tkind\nfr.txt\tfr\tm\t2031-03-04/2031-03-05\tvisit\nes.txt\tes\tm\t2031-03\tvisit|meeting\nsoup.txt\tfr\t\t\t\n";
    for (name, text) in [("fr.txt", FR), ("es.txt", ES), ("soup.txt", SOUP), ("index.tsv", index)] {
        write(name, text);
    }
    let figures = json(dir.path(), &["bench", "register", "."]);
    assert_eq!((&figures["f1"], &figures["pairs_right"], &figures["dates_right"], &figures["rightly_silent"]), (&1.0.into(), &1.into(), &2.into(), &1.into()));
    assert!(figures["us_per_text"].as_f64() > Some(0.0));
    let words = run(dir.path(), &["bench", "register", ".", "--faults"]);
    assert!(words.out.contains("F1 1.000") && words.out.contains("for 1,000"), "{}", words.out);
    write("names.toml", "[[service]]\nid = \"es.brigada-azul\"\nnames = [\"lucha contra el terrorismo\"]\n");
    let read = run(dir.path(), &["register", "import", "--dry-run", "--json", "--names", "names.toml", "es.txt"]);
    assert!(read.out.contains("es.brigada-azul"), "{}", read.out);
    write("names.toml", "[[service]]\nid = \"Brigada\"\nnames = [\"x\"]\n");
    let refused = run(dir.path(), &["bench", "register", ".", "--names", "names.toml"]);
    assert!(refused.exit == 1 && refused.err.contains("Brigada") && refused.err.contains("refusal.register.names"), "{}", refused.err);
    write("index.tsv", &index.replace("2031-03-04/2031-03-05", "4.3.2031"));
    let refused = run(dir.path(), &["bench", "register", "."]);
    assert!(refused.exit == 1 && refused.err.contains("line 2") && refused.err.contains("refusal.register.labels"), "{}", refused.err);
}

#[test]
fn an_officer_splits_and_joins_by_the_command_line_and_an_import_undoes_neither() {
    let root = tempfile::tempdir().unwrap();
    found(root.path(), "es", "ES", "Europe/Madrid");
    let es = Running::start(root.path(), "es");
    es.json("admin", &["officer", "add", "desk", "--name", "desk", "--role", "desk", "--keep-token"]);
    fs::write(root.path().join("fr.txt"), FR).unwrap();
    fs::write(root.path().join("es.txt"), ES).unwrap();
    let import = || es.run("desk", &["register", "import", "fr.txt", "es.txt"]);
    let drafts = || es.json("desk", &["register", "list"]).as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(import().exit, 0);
    let one = drafts();
    assert_eq!(one.len(), 1);
    let done = es.run("desk", &["register", "split", &one[0], "--texts", "2"]);
    assert_eq!(done.exit, 0, "{}", done.err);
    assert_eq!((import().exit, drafts().len()), (0, 2), "an import joins nothing that was split");
    let two = drafts();
    let done = es.run("desk", &["register", "join", &two[0], &two[1]]);
    assert!(done.exit == 0 && done.out.contains("an officer joined them"), "{}{}", done.out, done.err);
    assert_eq!((import().exit, drafts().len()), (0, 1));
    fs::write(root.path().join("es/register.toml"), "[[place]]\nname = \"X\"\nnames = []\n").unwrap();
    let refused = import();
    assert!(refused.exit == 1 && refused.err.contains("register.toml"), "a file of names that does not do is named: {}", refused.err);
}

#[test]
fn completions_and_the_api_description_come_on_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    for (shell, sign) in [("bash", "_entente()"), ("zsh", "#compdef entente"), ("fish", "complete -c entente")] {
        let done = run(dir.path(), &["completions", shell]);
        assert!(done.exit == 0 && done.err.is_empty() && done.out.contains(sign), "{shell}");
    }
    let description: Value = serde_json::from_str(&run(dir.path(), &["openapi"]).out).unwrap();
    assert!(description["paths"]["/v1/intents"].is_object());
}

#[test]
fn a_bad_proof_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bad.json"), "{}").unwrap();
    let done = run(dir.path(), &["verify", "bad.json"]);
    assert_eq!((done.exit, done.out.as_str()), (1, ""));
    assert!(done.err.starts_with("peer.proof.form: bad.json: this is not a proof"), "{}", done.err);
    let done = run(dir.path(), &["verify", "absent.json", "--json"]);
    let fault: Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!((done.exit, fault["code"].as_str()), (1, Some("refusal.file.unreadable")));
}

#[test]
fn what_cannot_be_understood_exits_64_and_help_exits_0() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["frobnicate"][..], &[], &["verify"], &["verify", "x", "--ledger"], &["dossier", "show", "abcdef"], &["status", "--api", "nowhere"]] {
        let done = run(dir.path(), args);
        assert_eq!((done.exit, done.out.as_str()), (64, ""), "{args:?}");
        assert!(!done.err.is_empty(), "{args:?}");
    }
    let done = run(dir.path(), &["log", "nonsense", "--reason", "audit", "--json"]);
    let fault: Value = serde_json::from_str(&done.err).expect("a machine reads why");
    assert_eq!((done.exit, fault["code"].as_str()), (64, Some("refusal.usage")), "{fault}");
    assert!(fault["what"].as_str().unwrap().contains("refused-by-partner"), "{fault}");
    for command in ["init", "register import", "card import", "accord propose", "dossier open"] {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let done = run(dir.path(), &args);
        assert!(done.exit == 0 && done.out.contains("\nExamples:\n") && done.out.contains(&format!("\n  entente {command} ")), "{command}: {}", done.out);
    }
}

/// A directory with a service of this code, locked by a key file.
fn found(root: &Path, code: &str, country: &str, zone: &str) -> Value {
    let port = || free_port().unwrap().to_string();
    let (peer, api, key) = (port(), port(), format!("{code}.key"));
    let name = format!("fr=Bureau {code}");
    json(
        root,
        &[
            "init",
            "--dir",
            code,
            "--code",
            code,
            "--country",
            country,
            "--name",
            &name,
            "--endpoint",
            &peer,
            "--listen",
            &peer,
            "--api",
            &api,
            "--zone",
            zone,
            "--duty",
            "desk,+10000000000,",
            "--key-file",
            &key,
        ],
    )
}

#[test]
fn a_node_that_does_not_run_is_said_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let founded = found(dir.path(), "ma", "MA", "Africa/Casablanca");
    assert_eq!(founded["fingerprint"].as_str().unwrap().split(' ').count(), 12);
    let done = run(dir.path(), &["status", "--dir", "ma"]);
    assert_eq!((done.exit, done.out.as_str()), (2, ""));
    assert!(
        done.err.starts_with("failure.node.not-running: no node answers at 127.0.0.1:") && done.err.contains("help: start it with entente serve --dir ma\n"),
        "{}",
        done.err
    );
    let done = run(dir.path(), &["status", "--dir", "elsewhere"]);
    assert!(done.exit == 1 && done.err.contains("entente init --dir elsewhere"), "{}", done.err);
    let config = fs::read_to_string(dir.path().join("ma/config.toml")).unwrap();
    let api = config.lines().find_map(|l| l.strip_prefix("api = \"")?.strip_suffix('"')).unwrap();
    let taken = TcpListener::bind(api).unwrap();
    let busy = run(dir.path(), &["serve", "--dir", "ma", "--key-file", "ma.key"]);
    assert!(busy.exit == 1 && busy.err.starts_with("failure.home.port: ") && busy.err.contains("choose another port in config.toml"), "{}", busy.err);
    drop(taken);
    let again = run(dir.path(), &["init", "--dir", "ma", "--code", "ma", "--country", "MA", "--name", "fr=x", "--endpoint", "h:1", "--key-file", "ma.key"]);
    assert!(again.exit == 1 && again.err.starts_with("refusal.home: ma holds a node already"), "{}", again.err);
    let unasked = run(dir.path(), &["rebuild", "--dir", "ma"]);
    assert!(unasked.exit == 1 && unasked.err.contains("--passphrase-file FILE, --key-file FILE or ENTENTE_PASSPHRASE"), "{}", unasked.err);
}

#[test]
fn a_ledger_that_was_altered_does_not_hold() {
    let dir = tempfile::tempdir().unwrap();
    found(dir.path(), "ma", "MA", "Africa/Casablanca");
    let verify = || run(dir.path(), &["verify", "--ledger", "--dir", "ma", "--key-file", "ma.key"]);
    let done = verify();
    assert_eq!((done.exit, done.err.as_str()), (0, ""));
    assert!(done.out.contains("signatures hold: 1 cards\nthe ledger holds\n"), "{}", done.out);
    assert_eq!(json(dir.path(), &["rebuild", "--dir", "ma", "--key-file", "ma.key"])["entries"], 1);
    // Behind the store's back, in the one card that the ledger holds.
    let path = dir.path().join("ma/node.db");
    rusqlite::Connection::open(&path).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let mark = b"Bureau ma";
    let at = bytes.windows(mark.len()).position(|w| w == mark).expect("the card lies in the store as it was signed");
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let done = verify();
    assert_eq!((done.exit, done.out.as_str()), (1, ""));
    assert!(done.err.contains("entry 0 of the ledger was changed after it was written"), "{}", done.err);
}

/// A running node; ends with the test.
struct Running {
    child: Child,
    root: PathBuf,
    code: &'static str,
}

impl Running {
    fn start(root: &Path, code: &'static str) -> Running {
        let key = format!("{code}.key");
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--dir", code, "--key-file", &key]).current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready api=127.0.0.1:"), "{line:?}");
        Running { child, root: root.to_owned(), code }
    }

    /// Runs a command as one of its officers.
    fn run(&self, officer: &str, args: &[&str]) -> Done {
        run(&self.root, &[args, &["--dir", self.code, "--officer", officer, "--lang", "fr"]].concat())
    }

    /// Runs a command as one of its officers and returns its JSON.
    fn json(&self, officer: &str, args: &[&str]) -> Value {
        json(&self.root, &[args, &["--dir", self.code, "--officer", officer]].concat())
    }

    /// Has the supervisor or the competent authority approve what another officer proposed.
    fn both(&self, first: &str, second: &str, args: &[&str]) -> Value {
        let proposed = self.json(first, args);
        assert_eq!(proposed["made"], "pending", "{args:?}");
        self.json(second, &["pending", "approve", proposed["pending"].as_str().unwrap(), "--wait"])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

fn meet(one: &Running, other: &Running) {
    let file = format!("{}.card", other.code);
    let words = other.json("admin", &["card", "export", &file])["fingerprint"]["words"].as_str().unwrap().to_owned();
    let unread = one.run("admin", &["card", "import", &file]);
    assert!(unread.exit == 1 && unread.err.contains("read aloud"), "{}", unread.err);
    assert_eq!(one.json("admin", &["card", "import", &file, "--fingerprint", &words])["code"], other.code);
    // Words that are typed for a partner who is known already are compared as well.
    let wrong = one.json("admin", &["card", "show"])["fingerprint"]["words"].as_str().unwrap().to_owned();
    let again = one.run("admin", &["card", "import", &file, "--fingerprint", &wrong]);
    assert!(again.exit == 1 && again.out.is_empty() && again.err.starts_with("refusal.fingerprint.differs: "), "{}", again.err);
    assert_eq!(one.json("admin", &["card", "import", &file])["code"], other.code);
}

#[test]
fn officers_of_two_services_work_by_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    found(dir.path(), "ma", "MA", "Africa/Casablanca");
    found(dir.path(), "es", "ES", "Europe/Madrid");
    let (ma, es) = (Running::start(dir.path(), "ma"), Running::start(dir.path(), "es"));
    meet(&ma, &es);
    meet(&es, &ma);
    for node in [&ma, &es] {
        for (id, role) in [("sup", "supervisor"), ("auth", "competent-authority"), ("desk", "desk"), ("dpo", "data-protection")] {
            node.json("admin", &["officer", "add", id, "--name", id, "--role", role, "--keep-token"]);
        }
    }
    let again = ma.run("admin", &["officer", "add", "desk", "--name", "desk", "--role", "desk", "--keep-token"]);
    assert!(again.out.starts_with("officer desk was here already (desk; desk): name and roles are replaced"), "{}", again.out);
    for wrong in [["--name", "", "--role", "desk"], ["--name", "x", "--role", "king"]] {
        assert_eq!(ma.run("admin", &[&["officer", "add", "x"][..], &wrong].concat()).exit, 64, "{wrong:?}");
    }
    let nobody = run(dir.path(), &["status", "--dir", "ma", "--officer", "nobody"]);
    assert!(nobody.exit == 1 && nobody.err.starts_with("refusal.officer.unkept: no token of nobody can be read in ma/tokens"), "{}", nobody.err);
    fs::write(dir.path().join("no.card"), "no card").unwrap();
    let no_card = ma.run("admin", &["card", "import", "no.card"]);
    assert!(no_card.exit == 1 && no_card.err.contains("no.card does not hold a card"), "{}", no_card.err);

    let terms = ["accord", "propose", "--with", "es", "--title", "fr=Essai", "--basis-kind", "convention", "--basis", "fr=Convention, article 5"];
    let more = ["--purpose", "prevent,investigate", "--mechanism", "information-request", "--clock", "information-request:request/answer/urgent-direct=6h"];
    let rest = ["--language", "fr,es", "--retention-days", "1825", "--valid-until", "2098-01-01"];
    // What partners would sign in vain is refused before it is proposed.
    for (clock, word) in [("request/answer/urgent-direkt", "no field of request has the code 'urgent-direkt'"), ("request/anser", "'anser'")] {
        let clock = format!("information-request:{clock}=6h");
        let refused = ma.run("sup", &[&terms[..], &more[..4], &["--clock", &clock], &rest].concat());
        assert!(refused.exit == 1 && refused.err.starts_with("refusal.mechanism.no-such: ") && refused.err.contains(word), "{}", refused.err);
    }
    let late = ma.run("sup", &[&terms[..], &more, &rest[..4], &["--valid-until", "2020-01-01"]].concat());
    assert!(late.exit == 64 && late.err.contains("2020-01-01 is over"), "{}", late.err);
    let accord = ma.both("sup", "auth", &[&terms[..], &more, &rest].concat())["dossier"].as_str().unwrap().to_owned();
    for node in [&ma, &es] {
        assert_eq!(node.both("auth", "sup", &["accord", "sign", &accord[..8], "--authority", "fr=Le directeur"])["delivered"], true);
    }
    assert!(es.run("sup", &["accord", "list"]).out.contains("En vigueur (in-force)"));

    let open = [
        "dossier",
        "open",
        "information-request",
        "--as",
        "requesting",
        "--party",
        "es=requested",
        "--field",
        "reference=BL/117",
        "--field",
        "purpose=investigate",
    ];
    let form = [
        "--field",
        "legal_basis@fr=Article 5",
        "--field",
        "offence=drug-trafficking",
        "--field",
        "facts@fr=Faits",
        "--field",
        "question@fr=Qui ?",
        "--field",
        "why_requested@fr=Plaque",
        "--field",
        "urgency=urgent-direct",
    ];
    let lacking = ma.run("desk", &open);
    assert!(lacking.exit == 1 && lacking.err.starts_with("refusal.field.missing: "), "{}", lacking.err);
    let role = ma.run("desk", &[&open[..5], &["--party", "es=asked"], &form].concat());
    assert!(role.exit == 1 && role.err.contains("has no 'asked' among its roles: requesting, requested"), "{}", role.err);
    let proposal = ma.json("desk", &[&open[..], &form].concat())["pending"].as_str().unwrap().to_owned();
    let waits = ma.run("sup", &["pending", "list"]).out;
    assert!(waits.contains("  Ce qui est demandé: [fr] Qui ?\n") && waits.contains("Trafic de stupéfiants (drug-trafficking)"), "{waits}");
    ma.json("sup", &["pending", "dismiss", &proposal]);
    let dossier =
        ma.both("desk", "sup", &[&open[..], &form, &["--field-json", "vehicles={\"plate\":\"0000 AAA\",\"country\":\"ES\"}", "--handling", "H0,H1"]].concat());
    let id = dossier["dossier"].as_str().unwrap();

    let shown = es.run("desk", &["dossier", "show", &id[..6], "--reason", "traitement"]);
    assert_eq!(shown.exit, 0, "{}", shown.err);
    for line in [
        "phase      Ouverte (open)\n",
        "  Ce qui est demandé: [fr] Qui ?\n",
        "  Véhicules: country ES, plate 0000 AAA\n",
        "es answers, due ",
        "(in 5h 5",
        "  can: Accepter et attribuer (accept)\n",
    ] {
        assert!(shown.out.contains(line), "{line:?} is not in\n{}", shown.out);
    }
    let due = es.run("desk", &["due"]);
    let first = due.out.lines().nth(1).unwrap();
    assert!(first.starts_with("ours ") && first.ends_with("BL/117"), "{}", due.out);

    let unknown = es.run("desk", &["dossier", "move", &id[..6], "acept"]);
    assert!(unknown.exit == 1 && unknown.err.contains("among its moves: accept, "), "{}", unknown.err);
    assert_eq!(es.json("desk", &["dossier", "move", &id[..6], "accept", "--field", "reference=GC/9", "--wait"])["delivered"], true);
    let item = es.json("desk", &["dossier", "item", &id[..6], "clarification", "--field", "question@es=¿Cuál?", "--wait"])["item"].as_str().unwrap().to_owned();
    assert!(ma.run("desk", &["dossier", "show", id, "--reason", "suivi"]).out.contains("for it: "), "the clock of the other side stands still");
    assert_eq!(ma.json("desk", &["dossier", "move", id, "give", "--item", &item[..8], "--field", "answer@fr=Celui-ci.", "--wait"])["delivered"], true);
    let log = ma.json("dpo", &["log", "consultation", "--reason", "audit"]);
    assert_eq!(log[0]["data"]["reason"], "suivi");
    let line = format!("desk  {id}  suivi\n");
    assert!(ma.run("dpo", &["log", "consultation", "--reason", "audit"]).out.contains(&line), "who, what and why stand in one line");

    ma.json("desk", &["dossier", "export", id, "d.proof"]);
    let proved = json(dir.path(), &["verify", "d.proof"]);
    assert_eq!((proved["claim"].as_str(), proved["phase"].as_str()), (Some("dossier"), Some("open")));
    let court = es.run("desk", &["dossier", "export", id, "court.proof", "--for", "court"]);
    assert!(court.exit == 1 && court.err.starts_with("refusal.handling.forbidden: "), "{}", court.err);
    let forged = fs::read_to_string(dir.path().join("d.proof")).unwrap().replacen("\"claim\":\"dossier\"", "\"claim\":\"communique\"", 1);
    fs::write(dir.path().join("forged.proof"), forged).unwrap();
    assert_eq!(run(dir.path(), &["verify", "forged.proof"]).exit, 1);

    ma.json("admin", &["checkpoint"]);
    let ledger = json(dir.path(), &["verify", "--ledger", "--dir", "ma", "--key-file", "ma.key"]);
    assert_eq!((ledger["holds"].as_bool(), ledger["signatures"]["acts"].as_u64()), (Some(true), Some(7)), "{ledger}");
    let busy = run(dir.path(), &["rebuild", "--dir", "ma", "--key-file", "ma.key"]);
    assert!(busy.exit == 1 && busy.err.starts_with("failure.store.locked: "), "{}", busy.err);
    drop(ma);
    assert_eq!(json(dir.path(), &["rebuild", "--dir", "ma", "--key-file", "ma.key"])["dossiers"], 2);
}
