//! Carry files: for partners that no line reaches, or beside the line.

use super::Global;
use super::desk::Desk;
use super::face::{each, say, table, text};
use super::trouble::Trouble;
use crate::carry::{EXPORT_HEADER, FRAME_BYTES_MAX, FRAME_PROBLEM, FRAME_PROGRESS, VOLUME_HEADER};
use seal::{CARRY_FRAME_BYTES, CARRY_MAGIC, CarryKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes that are read from a file at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes of a volume unless others are named: what fits on a medium that takes no files of 4 GiB (FAT32).
const VOLUME_BYTES: u64 = 2_000_000_000;
/// How the names of carry files end.
const EXTENSION: &str = "carry";

const EXPORT_EXAMPLES: &str = "Examples:
  entente carry export es /media/stick
  entente carry export es /media/disc --max-size 650M
  entente carry export es /media/stick --max-size 2G --max-files 1
  entente carry export es /var/spool/diode --again

Acts go first, then the content of exhibits. What --max-files leaves goes with the next export.

Without --again an export goes on where the last one ended. With it everything goes again that the partner has not acknowledged:
after a file was lost, or through a diode that brings no receipt back.";

const IMPORT_EXAMPLES: &str = "Examples:
  entente carry import /media/stick/es-ma-000012.carry
  entente carry import /media/stick --reply /media/stick

A file may be imported twice, late, out of order and while the node exchanges with the same partner over the line. An import that was
interrupted is simply done again.";

/// What to do with carry files.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum CarryCommand {
    /// Write what is due to a partner, and receipts that it is owed, into files on a medium
    #[command(after_help = EXPORT_EXAMPLES)]
    Export {
        /// The partner, by its code or id
        partner: String,
        /// The directory that the files go to
        into: PathBuf,
        /// Write everything again that is not acknowledged
        #[arg(long)]
        again: bool,
        #[command(flatten)]
        size: Size,
    },
    /// Take carry files that somebody brought
    #[command(after_help = IMPORT_EXAMPLES)]
    Import {
        /// The files, or directories of which all carry files are taken
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Then write what goes back to the senders, receipts first, into this directory
        #[arg(long, value_name = "DIR")]
        reply: Option<PathBuf>,
        #[command(flatten)]
        size: Size,
    },
    /// Show what is under way by file, what is owed and which files never came
    Status,
}

/// How much goes onto a medium.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Size {
    /// Bytes of one file at most, 262144 or more; with k, M or G thousands, millions or thousand millions
    #[arg(long, value_name = "BYTES", default_value_t = VOLUME_BYTES, value_parser = bytes)]
    max_size: u64,
    /// Files at most, for a medium that holds no more; what does not fit goes with the next export
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_files: Option<u64>,
}

/// Reads a size, as `650M`.
fn bytes(text: &str) -> Result<u64, String> {
    let unit = match text.chars().last() {
        Some('k') => 1_000,
        Some('M') => 1_000_000,
        Some('G') => 1_000_000_000,
        _ => 1,
    };
    let digits = if unit == 1 { text } else { &text[..text.len() - 1] };
    let number: u64 = digits.parse().map_err(|_| "a number of bytes, or one with k, M or G, as 650M".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "no file is as large".to_owned())
}

impl CarryCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        let desk = Desk::open(global)?;
        match self {
            CarryCommand::Export { partner, into, again, size } => {
                let services = desk.services()?;
                let id = services.find(&partner)?.to_string();
                let wish = Wish { again, size };
                let shown = export(&desk, (&services.code(&json!(services.own())), &services.code(&json!(id)), &id), &into, wish)?;
                desk.face.show(&shown, || written(&shown))
            }
            CarryCommand::Import { files, reply, size } => import(&desk, &files, reply.as_deref(), size),
            CarryCommand::Status => status(&desk),
        }
    }
}

#[derive(Clone, Copy)]
struct Wish {
    again: bool,
    size: Size,
}

/// Writes an export into a directory and confirms it; `(our code, the partner's code, its id)`.
fn export(desk: &Desk, (own, code, id): (&str, &str, &str), into: &Path, wish: Wish) -> Result<Value, Trouble> {
    if !into.is_dir() {
        return Err(Trouble::unwritable(into, "it is no directory").remedy("name the directory of the medium; the files get names of their own"));
    }
    let asked = json!({ "partner": id, "again": wish.again, "volume_bytes_max": wish.size.max_size, "volumes_max": wish.size.max_files });
    let mut files = Files { into, own, code, volume: 1, open: None, written: Vec::new(), parcels: 0, receipts: 0 };
    let mut frames = Frames::default();
    let export = desk.pull("/v1/carry/export", &asked, |headers, bytes| {
        if let Some(first) = headers.and_then(|h| h.get(VOLUME_HEADER)?.to_str().ok()?.parse().ok()) {
            files.volume = first;
        }
        frames.push(bytes);
        while let Some(frame) = frames.next()? {
            match frame {
                Cut::Magic => files.begin()?,
                Cut::Frame(kind, bytes) => files.frame(kind, &bytes)?,
                Cut::Progress(told) => show_progress(&told),
                Cut::Problem(code, what) => return Err(Trouble::refused(&code, what)),
            }
        }
        Ok(())
    });
    let headers = match export {
        Ok(headers) => headers,
        Err(e) => {
            files.give_up();
            return Err(e);
        }
    };
    if files.open.is_some() || !frames.is_empty() {
        files.give_up();
        return Err(broken("the node broke off in the middle of a file"));
    }
    clear_progress();
    sync_directory(into)?;
    let name = headers.get(EXPORT_HEADER).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let done = desk.post("/v1/carry/export/done", &json!({ "partner": id, "export": name, "volumes": files.written.len() }))?;
    Ok(
        json!({ "partner": code, "service": id, "files": files.written, "parcels": files.parcels, "receipts": files.receipts, "exhibits_left": done["exhibits_left"] }),
    )
}

/// The files of an export: each is written under another name, brought to the medium, and then gets its own.
struct Files<'a> {
    into: &'a Path,
    own: &'a str,
    code: &'a str,
    volume: u64,
    open: Option<(PathBuf, BufWriter<File>, u64)>,
    written: Vec<Value>,
    parcels: u64,
    receipts: u64,
}

impl Files<'_> {
    fn begin(&mut self) -> Result<(), Trouble> {
        let path = self.into.join(format!("{}-{}-{:06}.{EXTENSION}", self.own, self.code, self.volume));
        let file = File::create(part(&path)).map_err(|e| Trouble::unwritable(&part(&path), e))?;
        self.open = Some((path, BufWriter::new(file), 0));
        self.write(CARRY_MAGIC)
    }

    fn frame(&mut self, kind: u8, bytes: &[u8]) -> Result<(), Trouble> {
        self.write(bytes)?;
        self.parcels += u64::from(kind == CarryKind::Parcel as u8);
        self.receipts += u64::from(kind == CarryKind::Receipt as u8);
        if kind == CarryKind::End as u8
            && let Some((path, file, bytes)) = self.open.take()
        {
            let wrong = |e: std::io::Error| Trouble::unwritable(&path, e);
            file.into_inner().map_err(|e| wrong(e.into_error()))?.sync_all().map_err(wrong)?;
            fs::rename(part(&path), &path).map_err(wrong)?;
            self.written.push(json!({ "file": path.display().to_string(), "volume": self.volume, "bytes": bytes }));
            self.volume += 1;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let Some((path, file, count)) = &mut self.open else { return Err(broken("a record came outside a file")) };
        *count += bytes.len() as u64;
        file.write_all(bytes).map_err(|e| Trouble::unwritable(path, e))
    }

    /// Takes away what is not a whole file.
    fn give_up(&mut self) {
        if let Some((path, file, _)) = self.open.take() {
            drop(file);
            let _ = fs::remove_file(part(&path)); // the medium may be gone
        }
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("part")
}

fn sync_directory(dir: &Path) -> Result<(), Trouble> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Trouble::unwritable(dir, e))
}

fn broken(what: &str) -> Trouble {
    Trouble::refused("failure.carry.broken", what)
}

/// Cuts an export's answer into its frames.
#[derive(Default)]
struct Frames {
    buffer: Vec<u8>,
    start: usize,
}

enum Cut {
    Magic,
    /// A frame of a file, with its prefix.
    Frame(u8, Vec<u8>),
    Progress(Value),
    Problem(String, String),
}

impl Frames {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.start));
        self.buffer.extend_from_slice(bytes);
    }

    fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    fn next(&mut self) -> Result<Option<Cut>, Trouble> {
        let here = &self.buffer[self.start..];
        if here.len() < CARRY_FRAME_BYTES {
            return Ok(None);
        }
        // No frame is as long as the letters of the magic would say.
        if here[..4] == CARRY_MAGIC[..4] {
            if here.len() < CARRY_MAGIC.len() {
                return Ok(None);
            }
            self.start += CARRY_MAGIC.len();
            return Ok(Some(Cut::Magic));
        }
        let length = u32::from_be_bytes([here[0], here[1], here[2], here[3]]) as usize;
        let kind = here[4];
        if length > node::PARCEL_BYTES_MAX.max(FRAME_BYTES_MAX) {
            return Err(broken("the node's answer cannot be read"));
        }
        let Some(frame) = here.get(..CARRY_FRAME_BYTES + length) else { return Ok(None) };
        self.start += frame.len();
        let told = || serde_json::from_slice::<Value>(&frame[CARRY_FRAME_BYTES..]).unwrap_or_default();
        Ok(Some(match kind {
            FRAME_PROGRESS => Cut::Progress(told()),
            FRAME_PROBLEM => Cut::Problem(text(&told()["code"]).to_owned(), text(&told()["what"]).to_owned()),
            _ => Cut::Frame(kind, frame.to_vec()),
        }))
    }
}

/// Tells on a terminal how far an export is.
fn show_progress(told: &Value) {
    if std::io::stderr().is_terminal() {
        let mb = told["bytes"].as_u64().unwrap_or(0) / 1_000_000;
        say(&format!("\r{} parcels, {mb} MB written; {} acts and notes were due", told["parcels"], told["due"]));
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        say("\r\x1b[K");
    }
}

fn written(shown: &Value) -> String {
    let files: String = each(&shown["files"]).map(|f| format!("  {}  {} bytes\n", text(&f["file"]), f["bytes"])).collect();
    let partner = text(&shown["partner"]);
    let left = shown["exhibits_left"].as_u64().filter(|n| *n > 0);
    let left = left.map_or(String::new(), |n| {
        format!("  the content of {n} exhibits is not, or not wholly, in these files; export again, and with a --max-size of 2M or more\n")
    });
    match files.as_str() {
        "" => format!("nothing is due to {partner} by file\n{left}"),
        files => format!("{} parcels and {} receipts for {partner}\n{files}{left}", shown["parcels"], shown["receipts"]),
    }
}

/// Takes files and writes the replies; ends with exit code 1 where anything was wrong.
fn import(desk: &Desk, files: &[PathBuf], reply: Option<&Path>, size: Size) -> Result<(), Trouble> {
    if let Some(dir) = reply.filter(|d| !d.is_dir()) {
        return Err(Trouble::unwritable(dir, "it is no directory").remedy("name the directory of the medium; the files get names of their own"));
    }
    let services = desk.services()?;
    let own = services.code(&json!(services.own()));
    let (mut reports, mut senders, mut faults) = (Vec::new(), BTreeSet::new(), false);
    for (path, named) in all_files(files)? {
        let taken = push(desk, &path);
        clear_progress();
        let mut report = match taken {
            Ok(report) => report,
            Err(t @ Trouble::NotRunning { .. }) => return Err(t),
            Err(t) => {
                // A medium that goes round holds files for others too, and those that we left on it.
                let passed = !named && ["refusal.carry.own", "refusal.carry.other-recipient"].contains(&t.code());
                faults |= !passed;
                tell(desk, &t);
                let ends = t.code().starts_with("failure.");
                let mut told = t.json();
                told["file"] = json!(path.display().to_string());
                reports.push(told);
                if ends {
                    break;
                }
                continue;
            }
        };
        senders.insert((text(&report["code"]).to_owned(), text(&report["from"]).to_owned()));
        for f in each(&report["faults"]) {
            faults = true;
            tell(desk, &Trouble::refused(text(&f["code"]), format!("{}: {}", place(&path, &f["record"]), text(&f["what"]))));
        }
        report["file"] = json!(path.display().to_string());
        reports.push(report);
    }
    let mut replies = Vec::new();
    if let Some(dir) = reply {
        for (code, id) in &senders {
            replies.push(export(desk, (&own, code, id), dir, Wish { again: false, size })?);
        }
    }
    let shown = json!({ "taken": reports, "replies": replies });
    desk.face.show(&shown, || {
        let lines: String = each(&shown["taken"]).filter(|r| !r["parcels"].is_null()).map(|r| taken(desk, r)).collect();
        let back: String = each(&shown["replies"]).map(|r| format!("back: {}", written(r))).collect();
        format!("{lines}{back}")
    })?;
    if faults { Err(Trouble::Found) } else { Ok(()) }
}

/// Tells of a fault on standard error, unless a machine reads it in the answer.
fn tell(desk: &Desk, trouble: &Trouble) {
    if !desk.face.json {
        say(&trouble.print(false, desk.face.lang));
    }
}

fn place(path: &Path, record: &Value) -> String {
    match record.as_u64() {
        Some(0) | None => path.display().to_string(),
        Some(n) => format!("{}, record {n}", path.display()),
    }
}

/// Says in a line what became of a file, and which others are lacking.
fn taken(desk: &Desk, r: &Value) -> String {
    let count = |c: &Value, what: &str| {
        let n = |key: &str| c[key].as_u64().unwrap_or(0);
        let mut parts = vec![format!("{} {what}", n("new"))];
        parts.extend((n("again") > 0).then(|| format!("{} were here already", n("again"))));
        parts.extend((n("refused") > 0).then(|| format!("{} refused", n("refused"))));
        parts.join(", ")
    };
    let whole = if r["whole"] == true { "" } else { "; NOT WHOLE" };
    let mut out = format!(
        "{}: from {}, volume {} of {}: {}; {}{whole}\n",
        text(&r["file"]),
        text(&r["code"]),
        r["volume"],
        desk.face.time(&r["at"]),
        count(&r["parcels"], "new parcels"),
        count(&r["receipts"], "new receipts")
    );
    if r["chunks"] != 0 {
        out += &format!("  {} chunks of exhibits in them\n", r["chunks"]);
    }
    if r["pieces_refused"] != 0 {
        out += &format!("  {} acts, notes or chunks in them were refused; entente log refused-input says why\n", r["pieces_refused"]);
    }
    if r["faults_more"].as_u64().unwrap_or(0) > 0 {
        out += &format!("  {} more faults\n", r["faults_more"]);
    }
    let gaps = runs(&r["missing"]);
    if !gaps.is_empty() {
        out += &format!("  volumes of {} that never came here: {gaps}; if they are lost, it exports with --again\n", text(&r["code"]));
    }
    out
}

fn runs(missing: &Value) -> String {
    let run = |r: &Value| if r[0] == r[1] { r[0].to_string() } else { format!("{}-{}", r[0], r[1]) };
    each(missing).map(run).collect::<Vec<_>>().join(", ")
}

/// Returns the files that are meant, those of a directory in the order of their names, and whether each was named itself.
fn all_files(named: &[PathBuf]) -> Result<Vec<(PathBuf, bool)>, Trouble> {
    let mut out = Vec::new();
    for path in named {
        if !path.is_dir() {
            out.push((path.clone(), true));
            continue;
        }
        let entries = fs::read_dir(path).map_err(|e| Trouble::unreadable(path, e))?;
        let mut inside: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == EXTENSION)).collect();
        if inside.is_empty() {
            return Err(Trouble::unreadable(path, "no carry file lies in this directory"));
        }
        inside.sort();
        out.extend(inside.into_iter().map(|p| (p, false)));
    }
    Ok(out)
}

/// Sends one file to the node as it is read.
fn push(desk: &Desk, path: &Path) -> Result<Value, Trouble> {
    let mut file = File::open(path).map_err(|e| Trouble::unreadable(path, e))?;
    let size = file.metadata().map_err(|e| Trouble::unreadable(path, e))?.len();
    let mut done = 0u64;
    let terminal = std::io::stderr().is_terminal();
    let taken = desk.push("/v1/carry/import", move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        let n = file.read(&mut chunk)?;
        chunk.truncate(n);
        done += n as u64;
        if terminal && size > 0 {
            say(&format!("\r{} of {} MB read", done / 1_000_000, size / 1_000_000));
        }
        Ok(chunk)
    });
    taken.map_err(|e| match e {
        Trouble::Refused { code, what, remedy } => Trouble::Refused { what: format!("{}: {what}", path.display()), code, remedy },
        other => other,
    })
}

/// Shows how carrying stands.
fn status(desk: &Desk) -> Result<(), Trouble> {
    let all = desk.get("/v1/carry")?;
    desk.face.show(&all, || {
        let mut rows = vec![
            ["CODE", "WAITING", "EXHIBITS", "UNDER WAY", "SINCE", "FILES OUT", "LAST OUT", "RECEIPTS OWED", "FILES IN", "LAST IN", "NEVER CAME"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for v in each(&all) {
            rows.push(vec![
                text(&v["code"]).to_owned(),
                v["waiting"].to_string(),
                v["exhibits"].to_string(),
                v["under_way"].to_string(),
                desk.face.time(&v["oldest"]),
                v["volumes"].to_string(),
                desk.face.time(&v["exported_at"]),
                v["owed"].to_string(),
                v["imported"].to_string(),
                desk.face.time(&v["imported_at"]),
                runs(&v["missing"]),
            ]);
        }
        if rows.len() == 1 { "no partner yet; import a card\n".to_owned() } else { table(&rows) }
    })
}
