//! `mechanism`: check and draw the protocols of cooperation; checking needs no node.

use super::Global;
use super::desk::Desk;
use super::face::{Face, each, note, short, table, text, write};
use super::fields::read_text;
use super::trouble::Trouble;
use dossier::{Mechanism, MechanismFault, Report, check, matrix, shipped};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to do with mechanisms.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum MechanismCommand {
    /// Prove mechanisms, or show the shortest way to where each breaks; needs no node
    Check {
        /// Mechanism files, or names of mechanisms that come with the program
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the matrix of a mechanism: who may do what in which stance; needs no node
    Matrix {
        /// A mechanism file, or the name of a mechanism that comes with the program
        file: PathBuf,
    },
    /// List the mechanisms that the node knows
    List {
        /// Those that come with this program; needs no node
        #[arg(long)]
        shipped: bool,
    },
    /// Give the node a mechanism; it takes none that is not proved
    Add {
        /// The mechanism file
        file: PathBuf,
    },
}

impl MechanismCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        match self {
            MechanismCommand::Check { files } => check_all(&global.face(), &files),
            MechanismCommand::Matrix { file } => {
                let face = global.face();
                let drawn = matrix(&*load(&file)?, face.lang);
                face.show(&json!({ "lang": face.lang, "matrix": drawn }), || drawn.clone())
            }
            MechanismCommand::List { shipped: true } => {
                let all = shipped().iter().map(|m| json!({ "id": m.id, "version": m.version, "hash": m.hash, "label": m.label, "about": m.about }));
                list(&global.face(), &all.collect())
            }
            MechanismCommand::List { shipped: false } => {
                let desk = Desk::open(global)?;
                list(&desk.face, &desk.get("/v1/mechanisms")?)
            }
            MechanismCommand::Add { file } => {
                let added = read_text(&file)?;
                let desk = Desk::open(global)?;
                let added = desk.post("/v1/mechanisms", &json!({ "file": added }))?;
                desk.face.show(&added, || format!("the mechanism is proved and kept: {}\n", text(&added["hash"])))
            }
        }
    }
}

fn list(face: &Face, all: &Value) -> Result<(), Trouble> {
    face.show(all, || {
        let mut rows = vec![["NAME", "VERSION", "HASH", "LABEL"].map(str::to_owned).to_vec()];
        rows.extend(
            each(all).map(|m| vec![text(&m["id"]).to_owned(), m["version"].to_string(), short(&m["hash"]), text(&m["label"][face.lang.code()]).to_owned()]),
        );
        table(&rows)
    })
}

/// Checks all files; one that cannot be read does not spoil the others.
fn check_all(face: &Face, files: &[PathBuf]) -> Result<(), Trouble> {
    let mut sound = true;
    for file in files {
        match load(file) {
            Ok(mechanism) => {
                let report = check(&mechanism);
                sound &= report.proved();
                face.show(&as_json(file, &mechanism, &report), || in_words(&mechanism, &report))?;
            }
            Err(trouble) => {
                sound = false;
                let place = json!({ "file": file.display().to_string(), "proved": false, "fault": trouble.json() });
                if face.json { write(&format!("{place}\n"))? } else { note(&trouble.print(false, face.lang)) }
            }
        }
    }
    if sound { Ok(()) } else { Err(Trouble::Found) }
}

/// Loads a mechanism file, or one that comes with the program where no such file is there.
fn load(file: &Path) -> Result<Arc<Mechanism>, Trouble> {
    let known = file.to_str().and_then(|name| shipped().iter().find(|m| m.id == name));
    match std::fs::read(file) {
        Ok(bytes) => Mechanism::parse(&bytes).map(Arc::new).map_err(|e| Trouble::refused(e.code(), in_file(file, &e))),
        Err(e) => known.cloned().ok_or_else(|| {
            let names: Vec<&str> = shipped().iter().map(|m| m.id.as_str()).collect();
            Trouble::unreadable(file, e).remedy(format!("give a file, or a name of those that come with the program: {}", names.join(", ")))
        }),
    }
}

fn in_file(file: &Path, fault: &MechanismFault) -> String {
    format!("{}: {fault}", file.display())
}

fn as_json(file: &Path, mechanism: &Mechanism, report: &Report) -> Value {
    json!({
        "file": file.display().to_string(), "mechanism": mechanism.id, "version": mechanism.version, "hash": mechanism.hash,
        "proved": report.proved(), "explored": report.explored, "faults": report.faults,
    })
}

fn in_words(mechanism: &Mechanism, report: &Report) -> String {
    let mut out = format!("{} version {}, {}\n", mechanism.id, mechanism.version, mechanism.hash);
    for e in &report.explored {
        let whole = if e.complete { "" } else { "; not explored to the end" };
        out += &format!("  {}, {}: {} combinations can come about, {} looked at besides{whole}\n", e.item, e.parties, e.combinations, e.product);
    }
    for f in &report.faults {
        out += &format!("fault {} in {}: {}\n", f.code, f.item, f.what);
        for (i, step) in f.path.iter().enumerate() {
            out += &format!("  {} {step}\n", i + 1);
        }
    }
    let combinations: usize = report.explored.iter().map(|e| e.combinations).sum();
    out += &match (report.proved(), report.faults.len()) {
        (true, _) => format!("proved: {combinations} combinations, each with one phase, a way on, an end in reach and a clock that runs\n"),
        (false, 0) => "not proved: it was not explored to the end; make it smaller\n".to_owned(),
        (false, 1) => "not proved: 1 fault\n".to_owned(),
        (false, n) => format!("not proved: {n} faults\n"),
    };
    out
}
