//! `exhibit`: files are added, named in a dossier, watched on their way, and taken out again.

use super::desk::Desk;
use super::face::{Face, each, note, short, table, text};
use super::fields::HandlingArgs;
use super::intents::{WaitArgs, propose};
use super::trouble::Trouble;
use crate::client::escape;
use base::{CHUNK_BYTES, Digest, Lang, Text};
use node::Intent;
use seal::exhibit::{ChunkTree, chunk_hash};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time between two words on how far a file is.
const WORD_EVERY: Duration = Duration::from_millis(500);
/// Media types by the ending of a file's name (RFC 6838); what is not known here travels as bytes.
const MEDIA: [(&str, &str); 14] = [
    ("pdf", "application/pdf"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("mp4", "video/mp4"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("json", "application/json"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

const EXAMPLES: &str = "Examples:
  entente exhibit add scan.pdf --dossier 4f1a09 --description fr=\"Procès-verbal, 12 pages\" --handling H0,H1 --wait
  tar c folder | entente exhibit add - --name folder.tar --json
  entente exhibit list 4f1a09 --reason \"has the file arrived?\" --follow
  entente exhibit get 4f1a09 9bc2d1 scan.pdf --reason \"to be translated\"

Without --dossier the file is only kept, for 24 hours; its value then goes into any form:
  entente dossier move 4f1a09 answer --field-json 'exhibits={\"id\":\"…\",\"name\":\"…\",\"size\":…,\"media\":\"…\"}' …";

/// What to do with exhibits.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum ExhibitCommand {
    /// Add a file; with --dossier, name it there as an exhibit of our own
    #[command(after_help = EXAMPLES)]
    Add {
        /// The file; - reads standard input
        file: PathBuf,
        /// The name that partners see [default: the file's own]
        #[arg(long)]
        name: Option<String>,
        /// The media type [default: by the name's ending]
        #[arg(long, value_name = "TYPE/SUBTYPE")]
        media: Option<String>,
        /// Open an item 'exhibit' with it in this dossier: id, or its first six digits or more
        #[arg(long, value_name = "DOSSIER")]
        dossier: Option<String>,
        /// What it is, in a language, for example fr="Procès-verbal"
        #[arg(long, value_name = "LANG=TEXT", requires = "dossier")]
        description: Option<String>,
        #[command(flatten)]
        handling: HandlingArgs,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// List a dossier's exhibits: how far each is here and at every other party; the reason is logged
    List {
        /// Id of the dossier, or its first six digits or more
        dossier: String,
        /// Why you look
        #[arg(long)]
        reason: String,
        /// Go on until every exhibit is where it should be, with words on standard error
        #[arg(long)]
        follow: bool,
    },
    /// Show one exhibit, and why it stands still where it does; the reason is logged
    Show {
        /// Id of the dossier, or its first six digits or more
        dossier: String,
        /// Id of the exhibit, or its first six digits or more
        exhibit: String,
        /// Why you look
        #[arg(long)]
        reason: String,
    },
    /// Take an exhibit out into a file; a disclosure, logged with its reason. Goes on where an earlier try broke off
    Get {
        /// Id of the dossier, or its first six digits or more
        dossier: String,
        /// Id of the exhibit, or its first six digits or more
        exhibit: String,
        /// The file; - writes standard output
        file: PathBuf,
        /// Why you take it out
        #[arg(long)]
        reason: String,
        /// For whom: handling codes of other parties may forbid the latter two until their owner consents
        #[arg(long = "for", value_name = "WHOM", default_value = "party", value_parser = ["party", "court", "onward"])]
        whom: String,
    },
}

impl ExhibitCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            ExhibitCommand::Add { file, name, media, dossier, description, handling, wait } => {
                let value = upload(desk, &file, name, media)?;
                let Some(dossier) = dossier else {
                    let kept = || {
                        format!("exhibit  {}\nsize     {} bytes\nkept for 24 hours; name it in a dossier before\n{value}\n", text(&value["id"]), value["size"])
                    };
                    return desk.face.show(&value, kept);
                };
                let dossier = super::dossiers::whole(desk, &dossier)?;
                let mut fields = BTreeMap::from([("file".to_owned(), json!([value]))]);
                if let Some(d) = description {
                    fields.insert("description".to_owned(), json!(words(&d)?));
                }
                propose(desk, &Intent::OpenItem { dossier, parent: None, kind: "exhibit".to_owned(), fields, handling: handling.read()? }, wait)
            }
            ExhibitCommand::List { dossier, reason, follow } => list(desk, &dossier, &reason, follow),
            ExhibitCommand::Show { dossier, exhibit, reason } => {
                let all = read(desk, &dossier, &reason)?;
                let one = find(&all, &exhibit)?;
                desk.face.show(one, || picture(&desk.face, one))
            }
            ExhibitCommand::Get { dossier, exhibit, file, reason, whom } => get(desk, &dossier, &exhibit, &file, &reason, &whom),
        }
    }
}

fn words(typed: &str) -> Result<Text, Trouble> {
    let (lang, text) =
        typed.split_once('=').ok_or_else(|| Trouble::Usage(format!("--description '{typed}' is not LANG=TEXT, for example fr=\"Photographie\"")))?;
    let lang: Lang = lang.parse().map_err(|_| Trouble::Usage(format!("'{lang}' is not one of ar, fr, es, en, de, pt")))?;
    Ok(Text::new(lang, text))
}

fn upload(desk: &Desk, file: &Path, name: Option<String>, media: Option<String>) -> Result<Value, Trouble> {
    let stdin = file == Path::new("-");
    let own = file.file_name().map(|n| n.to_string_lossy().into_owned()).filter(|_| !stdin);
    let name = name.or(own).ok_or_else(|| Trouble::Usage("standard input has no name; give one with --name".to_owned()))?;
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    let media = media.unwrap_or_else(|| MEDIA.iter().find(|(e, _)| *e == ending).map_or("application/octet-stream", |(_, m)| m).to_owned());
    let (from, whole): (Box<dyn Read + Send>, u64) = match stdin {
        true => (Box::new(std::io::stdin()), 0),
        false => {
            let opened = File::open(file).map_err(|e| Trouble::unreadable(file, e))?;
            let size = opened.metadata().map_err(|e| Trouble::unreadable(file, e))?.len();
            (Box::new(opened), size)
        }
    };
    let progress = Progress::new(desk.face.json, "added");
    let made = desk.upload("/v1/exhibits", from, move |done| progress.say(done, whole))?;
    Ok(json!({ "id": made["id"], "name": name, "size": made["size"], "media": media }))
}

fn read(desk: &Desk, dossier: &str, reason: &str) -> Result<Value, Trouble> {
    desk.get(&format!("/v1/dossiers/{}/exhibits?reason={}", escape(dossier), escape(reason)))
}

fn find<'a>(all: &'a Value, name: &str) -> Result<&'a Value, Trouble> {
    let name = name.to_ascii_lowercase();
    let mut found = each(all).filter(|e| text(&e["id"]) == name || (name.len() >= 6 && text(&e["id"]).starts_with(&name)));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Trouble::refused("refusal.node.absent", format!("the dossier names no exhibit '{name}', or several begin so"))
            .remedy("give six digits of its id or more; entente exhibit list shows them")),
    }
}

fn list(desk: &Desk, dossier: &str, reason: &str, follow: bool) -> Result<(), Trouble> {
    let mut all = read(desk, dossier, reason)?;
    // Every look is a consultation: they come further and further apart.
    let mut waits = [1, 2, 4, 8].into_iter().chain(std::iter::repeat(15));
    while follow && each(&all).any(moves_still) {
        let line = each(&all).filter(|e| moves_still(e)).map(|e| summary(&desk.face, e)).collect::<Vec<_>>().join("; ");
        match desk.face.json {
            true => note(&format!("{}\n", json!({ "progress": all }))),
            false => note(&format!("{line}\n")),
        }
        std::thread::sleep(Duration::from_secs(waits.next().unwrap_or(15)));
        all = read(desk, dossier, "following exhibits on their way (command line)")?;
    }
    desk.face.show(&all, || {
        let mut rows = vec![["ID", "NAME", "SIZE", "FROM", "WHERE"].map(str::to_owned).to_vec()];
        for e in each(&all) {
            let author = standings(e).find(|s| s["service"] == e["author"]).map_or_else(|| short(&e["author"]), |s| text(&s["code"]).to_owned());
            let places: Vec<String> = standings(e).map(|s| standing(&desk.face, e, s)).collect();
            rows.push(vec![short(&e["id"]), text(&e["name"]).to_owned(), mib(e["size"].as_u64().unwrap_or(0)), author, places.join(", ")]);
        }
        if rows.len() == 1 { "no exhibit\n".to_owned() } else { table(&rows) }
    })
}

/// Goes over where an exhibit is: here, then at the others.
fn standings(exhibit: &Value) -> impl Iterator<Item = &Value> {
    std::iter::once(&exhibit["here"]).chain(each(&exhibit["there"]))
}

fn moves_still(exhibit: &Value) -> bool {
    standings(exhibit).any(|s| s["state"] == "coming" || (s["state"] == "unknown" && exhibit["here"]["state"] == "held"))
}

fn summary(face: &Face, exhibit: &Value) -> String {
    let places: Vec<String> = standings(exhibit).map(|s| standing(face, exhibit, s)).collect();
    format!("{} {}: {}", short(&exhibit["id"]), text(&exhibit["name"]), places.join(", "))
}

/// Says in one line how an exhibit stands at a party.
pub fn standing(face: &Face, exhibit: &Value, s: &Value) -> String {
    let code = text(&s["code"]);
    let why = s["why"].as_str().map(|w| format!(" [{w}]")).unwrap_or_default();
    match text(&s["state"]) {
        "held" if s["since"].is_null() => format!("{code} has it"),
        "held" => format!("{code} holds it since {}", face.time(&s["since"])),
        "erased" => format!("{code} erased it at {}", face.time(&s["since"])),
        "refused" => format!("{code} does not take it{why}"),
        "unknown" => format!("{code} has not answered"),
        _ => {
            let moved = if s["moved"].is_null() { String::new() } else { format!(", last movement {}", face.time(&s["moved"])) };
            format!("{code} {} of {}{moved}{why}", mib(s["bytes"].as_u64().unwrap_or(0)), mib(exhibit["size"].as_u64().unwrap_or(0)))
        }
    }
}

fn picture(face: &Face, e: &Value) -> String {
    let mut out = format!(
        "exhibit  {}\nname     {}\nmedia    {}\nsize     {} bytes\nact      {}\n",
        text(&e["id"]),
        text(&e["name"]),
        text(&e["media"]),
        e["size"],
        text(&e["act"])
    );
    standings(e).for_each(|s| out += &format!("where    {}\n", standing(face, e, s)));
    out
}

/// Writes bytes as mebibytes, or as bytes where they are few.
pub fn mib(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{bytes} B"),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn get(desk: &Desk, dossier: &str, exhibit: &str, file: &Path, reason: &str, whom: &str) -> Result<(), Trouble> {
    let all = read(desk, dossier, reason)?;
    let one = find(&all, exhibit)?;
    let (id, size) = (text(&one["id"]), one["size"].as_u64().unwrap_or(0));
    let dossier = super::dossiers::whole(desk, dossier)?;
    let path = |from: u64| format!("/v1/dossiers/{dossier}/exhibits/{id}?reason={}&for={whom}&from={from}", escape(reason));
    let progress = Progress::new(desk.face.json, "taken out");
    if file == Path::new("-") {
        let mut out = Hashed { to: std::io::stdout(), hashes: Vec::new(), part: Vec::new() };
        desk.download(&path(0), &mut out, |done, _| progress.say(done, size))?;
        return out.is(id);
    }
    let part = PathBuf::from(format!("{}.part", file.display()));
    let unwritable = |e| Trouble::unwritable(&part, e);
    let mut out = Hashed { to: std::io::sink(), hashes: Vec::new(), part: Vec::new() };
    // What an earlier try left is hashed again: it counts only if the whole file is the exhibit.
    let mut begun = 0;
    if let Ok(mut before) = File::open(&part) {
        begun = std::io::copy(&mut before, &mut out).map_err(|e| Trouble::unreadable(&part, e))?;
        if begun > size {
            return Err(Trouble::refused("refusal.file.unreadable", format!("{} is longer than the exhibit; take it away first", part.display())));
        }
    }
    let to = OpenOptions::new().create(true).append(true).open(&part).map_err(unwritable)?;
    let mut out = Hashed { to, hashes: out.hashes, part: out.part };
    if begun < size {
        desk.download(&path(begun), &mut out, |done, _| progress.say(begun + done, size))?;
    }
    out.to.sync_all().map_err(unwritable)?;
    if let Err(e) = out.is(id) {
        let _ = fs::remove_file(&part); // it would only fail again
        return Err(e);
    }
    fs::rename(&part, file).map_err(|e| Trouble::unwritable(file, e))?;
    let shown = json!({ "file": file.display().to_string(), "id": id, "size": size, "resumed_at": begun });
    desk.face.show(&shown, || format!("{} is the exhibit {}, every byte of it\n", file.display(), short(&one["id"])))
}

/// Passes bytes on and hashes them by chunks.
struct Hashed<W> {
    to: W,
    hashes: Vec<Digest>,
    part: Vec<u8>,
}

impl<W> Hashed<W> {
    /// Tells whether what has passed is an exhibit, whole.
    fn is(&mut self, id: &str) -> Result<(), Trouble> {
        if !self.part.is_empty() {
            self.hashes.push(chunk_hash(&std::mem::take(&mut self.part)));
        }
        match ChunkTree::new(std::mem::take(&mut self.hashes)).root().to_string() == id {
            true => Ok(()),
            false => Err(Trouble::refused("peer.exhibit.chunk", "what was read is not the exhibit, byte for byte")
                .remedy("take it out again; if it happens twice, check the disk")),
        }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.to.write(bytes)?;
        let mut rest = &bytes[..n];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(CHUNK_BYTES - self.part.len()));
            self.part.extend_from_slice(now);
            rest = later;
            if self.part.len() == CHUNK_BYTES {
                self.hashes.push(chunk_hash(&self.part));
                self.part.clear();
            }
        }
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// Returns the address of a file's content, read as a stream, and its size in bytes.
pub fn address_of(file: &Path) -> Result<(base::ExhibitId, u64), Trouble> {
    let mut out = Hashed { to: std::io::sink(), hashes: Vec::new(), part: Vec::new() };
    let mut from = File::open(file).map_err(|e| Trouble::unreadable(file, e))?;
    let size = std::io::copy(&mut from, &mut out).map_err(|e| Trouble::unreadable(file, e))?;
    if !out.part.is_empty() {
        out.hashes.push(chunk_hash(&out.part));
    }
    Ok((ChunkTree::new(out.hashes).root(), size))
}

/// Tells on standard error how far a file is: on a terminal for people, with --json for machines.
struct Progress {
    json: bool,
    what: &'static str,
    last: Mutex<Option<Instant>>,
}

impl Progress {
    fn new(json: bool, what: &'static str) -> Progress {
        Progress { json, what, last: Mutex::new(None) }
    }

    fn say(&self, done: u64, whole: u64) {
        if !self.json && !std::io::stderr().is_terminal() {
            return;
        }
        let mut last = self.last.lock().expect("no holder panics");
        if last.is_some_and(|l| l.elapsed() < WORD_EVERY) && done != whole {
            return;
        }
        *last = Some(Instant::now());
        let end = if done == whole { "\n" } else { "" };
        match self.json {
            true => note(&format!("{}\n", json!({ "progress": { "what": self.what, "bytes": done, "of": whole } }))),
            false => super::face::say(&format!("\r{} of {} {}{end}", mib(done), mib(whole), self.what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_reads_like_a_sentence() {
        let face = Face { json: false, lang: Lang::En, zone: "UTC".to_owned() };
        let e = json!({ "size": 3 << 20 });
        let say = |s: Value| standing(&face, &e, &s);
        assert_eq!(say(json!({ "code": "es", "state": "held", "since": 1_738_051_200_000_i64 })), "es holds it since 2025-01-28 08:00 +00:00");
        assert_eq!(say(json!({ "code": "es", "state": "coming", "bytes": 1 << 20, "moved": null, "why": null })), "es 1.0 MiB of 3.0 MiB");
        assert_eq!(say(json!({ "code": "es", "state": "refused", "why": "refusal.exhibit.quota" })), "es does not take it [refusal.exhibit.quota]");
        assert_eq!(say(json!({ "code": "es", "state": "unknown" })), "es has not answered");
        assert_eq!((mib(12), mib(1_572_864)), ("12 B".to_owned(), "1.5 MiB".to_owned()));
    }

    #[test]
    fn a_file_s_address_is_that_of_its_chunks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.bin");
        let bytes = vec![7; CHUNK_BYTES + 5];
        fs::write(&path, &bytes).unwrap();
        let tree = ChunkTree::new(bytes.chunks(CHUNK_BYTES).map(chunk_hash).collect());
        assert_eq!(address_of(&path).unwrap(), (tree.root(), bytes.len() as u64));
        assert!(address_of(&dir.path().join("y")).is_err());
    }
}
