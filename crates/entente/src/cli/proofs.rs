//! `verify`: a proof is checked with nothing but the cards in it, a ledger against itself and everybody's signatures.

use super::Global;
use super::face::{Face, progress, text};
use super::fields::read_text;
use super::locks::LockArgs;
use super::trouble::Trouble;
use crate::audit::audit;
use crate::home::Home;
use base::Digest;
use node::{Claim, Proof, Proved};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What to verify.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["file", "ledger"]))]
pub struct VerifyArgs {
    /// A proof: of a dossier (dossier export) or of a published communiqué (communique export)
    file: Option<PathBuf>,
    /// A text that must be the communiqué's in that language, byte by byte: LANG=FILE; repeat it for more
    #[arg(long = "text", value_name = "LANG=FILE", conflicts_with = "ledger")]
    texts: Vec<String>,
    /// A file that must be an exhibit which the dossier's acts name, byte by byte; repeat it for more
    #[arg(long = "exhibit", value_name = "FILE", conflicts_with = "ledger")]
    exhibits: Vec<PathBuf>,
    /// Check this node's own ledger, also while it runs: every hash, every signature
    #[arg(long)]
    ledger: bool,
    #[command(flatten)]
    lock: LockArgs,
}

impl VerifyArgs {
    /// Verifies.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        match &self.file {
            Some(file) => proof(&global.face(), file, &self.texts, &self.exhibits),
            None => ledger(global, &self.lock),
        }
    }
}

fn proof(face: &Face, file: &Path, texts: &[String], exhibits: &[PathBuf]) -> Result<(), Trouble> {
    let fault = |e: node::ProofFault| Trouble::refused(e.code(), format!("{}: {e}", file.display()));
    let proved = Proof::read(&read_text(file)?).and_then(|p| p.verify()).map_err(fault)?;
    let mut same = texts.iter().map(|t| same_text(&proved, t)).collect::<Result<Vec<_>, _>>()?;
    for file in exhibits {
        same.push(same_exhibit(&proved, file)?);
    }
    let mut shown = json!(proved);
    shown["same"] = json!(same);
    face.show(&shown, || {
        let mut out = match proved.claim {
            Claim::Communique => format!("proved: all parties agreed to and released this communiqué of dossier {}\n", proved.dossier),
            Claim::Dossier => format!("proved: {} acts make up dossier {}, each signed by its author\n", proved.acts, proved.dossier),
        };
        for (code, service, words) in &proved.parties {
            out += &format!("party  {code}  {service}\n       {words}\n");
        }
        for (lang, digest) in &proved.texts {
            out += &format!("text   {lang}  SHA-256 {digest}\n");
        }
        same.iter().for_each(|s| out += &format!("same   {s}\n"));
        for e in &proved.exhibits {
            out += &format!("exhibit {}  {} bytes  {}\n", e.id, e.size, e.name);
        }
        if let Some(phase) = &proved.phase {
            out += &format!("phase  {phase}\n");
        }
        if let Some(digest) = proved.digest {
            out += &format!("state digest {digest}, to be compared with the parties' own\n");
        }
        for (act, how) in &proved.standing {
            out += &format!("doubt  act {} is {}\n", act.short(), text(&json!(how)));
        }
        out += &format!("last act {}\n", face.time(&json!(proved.at)));
        out + "That these services are who they say is for you to find out: compare the twelve words of each with a source of your own.\n"
    })
}

/// Holds a file against the exhibits that the dossier's acts name.
fn same_exhibit(proved: &Proved, file: &Path) -> Result<String, Trouble> {
    let (id, size) = super::exhibits::address_of(file)?;
    match proved.exhibits.iter().find(|e| e.id == id && e.size == size) {
        Some(e) => Ok(format!("{} is the exhibit {} ({})", file.display(), e.id, e.name)),
        None => Err(Trouble::refused(
            "peer.proof.exhibit",
            format!("{} is no exhibit that the dossier's acts name: its address is {id}, its size {size} bytes", file.display()),
        )
        .remedy("one byte more is another file; take the exhibit out again with entente exhibit get")),
    }
}

/// Holds a text in a file against the one that was agreed.
fn same_text(proved: &Proved, typed: &str) -> Result<String, Trouble> {
    let (lang, path) = typed.split_once('=').ok_or_else(|| Trouble::Usage(format!("--text '{typed}' is not LANG=FILE, for example fr=communique.txt")))?;
    let path = Path::new(path);
    let found = Digest::of(&std::fs::read(path).map_err(|e| Trouble::unreadable(path, e))?);
    let langs = || proved.texts.iter().map(|(l, _)| l.as_str()).collect::<Vec<_>>().join(", ");
    match proved.texts.iter().find(|(l, _)| l == lang) {
        Some((_, agreed)) if *agreed == found => Ok(format!("{lang}={}", path.display())),
        Some((_, agreed)) => Err(Trouble::refused(
            "peer.proof.text",
            format!("{} is not the text that was agreed in '{lang}': its SHA-256 is {found}, the agreed one {agreed}", path.display()),
        )
        .remedy("one byte more is another text: compare line ends and blanks at the end of the file")),
        None => Err(Trouble::refused(
            "peer.proof.text",
            format!("the proof holds no text in '{lang}'; it has: {}", if proved.texts.is_empty() { "none".to_owned() } else { langs() }),
        )),
    }
}

fn ledger(global: &Global, lock: &LockArgs) -> Result<(), Trouble> {
    let home = Home::open(&global.dir())?;
    let secret = lock.open()?;
    let own = home.keys(&secret.lock())?.service();
    let store = home.inspect(&secret.lock())?;
    let fault = |e: store::StoreError| Trouble::refused(e.code(), e.to_string());
    let (state, audit) = audit(&store, own, &mut progress).map_err(fault)?;
    let faults: Vec<_> = audit.faults.iter().map(|(pos, code, what)| json!({ "entry": pos, "code": code, "what": what })).collect();
    let shown = json!({ "entries": state.size, "root": state.root, "services": audit.book.len(), "signatures": audit.counts, "standing": audit.standing.iter().map(|(act, how)| json!([act, how])).collect::<Vec<_>>(), "faults": faults, "holds": faults.is_empty() });
    global.face().show(&shown, || {
        let counts: Vec<String> = audit.counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let mut out =
            format!("ledger of {} entries, root {}\nhashes, subtrees and root hold\nsignatures hold: {}\n", state.size, state.root, counts.join(", "));
        let mut standing: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        audit.standing.values().for_each(|how| *standing.entry(how).or_default() += 1);
        standing.iter().for_each(|(how, n)| out += &format!("acts under revoked cards: {n} {how}\n"));
        audit.faults.iter().for_each(|(pos, code, what)| out += &format!("entry {pos}: {what} [{code}]\n"));
        out += if audit.faults.is_empty() {
            "the ledger holds\n"
        } else {
            "the ledger does NOT hold; stop the node, keep a copy, restore the last backup and call the partners who cosigned\n"
        };
        out
    })?;
    if audit.faults.is_empty() { Ok(()) } else { Err(Trouble::Found) }
}
