//! `verify`: a proof is checked with nothing but the cards in it, a ledger against itself and everybody's signatures.
//!
//! A ledger: 1 hashes, subtrees and root, 2 the cards that it holds, each service's chain in order, 3 every act, receipt and
//! cosigned checkpoint against the card that was good at its time.

use super::Global;
use super::face::{Face, progress};
use super::fields::read_text;
use super::locks::LockArgs;
use super::trouble::Trouble;
use crate::home::Home;
use base::{Digest, ServiceId};
use dossier::{Act, HEAD_BYTES_MAX};
use node::{Claim, Proof, Proved};
use seal::{Cards, Checkpoint, NoteFault, RECEIPT_BYTES_MAX, Receipt, Signed, Typ};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::{Kind, LedgerEntry, Store, check_ledger};

/// Ledger entries read at a time.
const PAGE: usize = 500;
/// Bytes that a signed act has besides its head.
const SIGNED_BYTES_MAX: usize = 512;

/// What to verify.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["file", "ledger"]))]
pub struct VerifyArgs {
    /// A proof: of a dossier (dossier export) or of a published communiqué (communique export)
    file: Option<PathBuf>,
    /// A text that must be the communiqué's in that language, byte by byte: LANG=FILE; repeat it for more
    #[arg(long = "text", value_name = "LANG=FILE", conflicts_with = "ledger")]
    texts: Vec<String>,
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
            Some(file) => proof(&global.face(), file, &self.texts),
            None => ledger(global, &self.lock),
        }
    }
}

fn proof(face: &Face, file: &Path, texts: &[String]) -> Result<(), Trouble> {
    let fault = |e: node::ProofFault| Trouble::refused(e.code(), format!("{}: {e}", file.display()));
    let proved = Proof::read(&read_text(file)?).and_then(|p| p.verify()).map_err(fault)?;
    let same = texts.iter().map(|t| same_text(&proved, t)).collect::<Result<Vec<_>, _>>()?;
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
        if let Some(phase) = &proved.phase {
            out += &format!("phase  {phase}\n");
        }
        if let Some(digest) = proved.digest {
            out += &format!("state digest {digest}, to be compared with the parties' own\n");
        }
        out += &format!("last act {}\n", face.time(&json!(proved.at)));
        out + "That these services are who they say is for you to find out: compare the twelve words of each with a source of your own.\n"
    })
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
    let state = check_ledger(&store).map_err(fault)?;
    let mut audit = Audit::new(own);
    pages(&store, state.size, |e| audit.card(e)).map_err(fault)?;
    let mut done = 0;
    pages(&store, state.size, |e| {
        audit.signature(e);
        done += 1;
        if done % PAGE as u64 == 0 || done == state.size {
            progress(done, state.size);
        }
    })
    .map_err(fault)?;
    let faults: Vec<_> = audit.faults.iter().map(|(pos, code, what)| json!({ "entry": pos, "code": code, "what": what })).collect();
    let shown = json!({ "entries": state.size, "root": state.root, "services": audit.book.len(), "signatures": audit.counts, "faults": faults, "holds": faults.is_empty() });
    global.face().show(&shown, || {
        let counts: Vec<String> = audit.counts.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let mut out =
            format!("ledger of {} entries, root {}\nhashes, subtrees and root hold\nsignatures hold: {}\n", state.size, state.root, counts.join(", "));
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

fn pages(store: &dyn Store, size: u64, mut see: impl FnMut(&LedgerEntry)) -> Result<(), store::StoreError> {
    let mut from = 0;
    while from < size {
        let page = store.entries(from, PAGE)?;
        let Some(last) = page.last() else { break };
        let next = last.pos + 1;
        page.iter().filter(|e| e.pos < size).for_each(&mut see);
        from = next;
    }
    Ok(())
}

/// What reading a ledger's signatures found.
struct Audit {
    own: ServiceId,
    book: BTreeMap<ServiceId, Cards>,
    counts: BTreeMap<&'static str, u64>,
    faults: Vec<(u64, String, String)>,
}

impl Audit {
    fn new(own: ServiceId) -> Audit {
        Audit { own, book: BTreeMap::new(), counts: BTreeMap::new(), faults: Vec::new() }
    }

    /// Takes a card entry into the book: the first of its service as it is, later ones only if they continue its chain.
    fn card(&mut self, entry: &LedgerEntry) {
        if entry.kind != Kind::Card {
            return;
        }
        let taken = Cards::first(&entry.signed).and_then(|first| match self.book.get_mut(&first.service()) {
            Some(held) => held.add(&entry.signed).map(drop),
            None => {
                self.book.insert(first.service(), first);
                Ok(())
            }
        });
        let judged = taken.map_err(|e| (e.code().to_owned(), e.to_string()));
        self.note(entry.pos, "cards", judged);
    }

    /// Checks the signature of any other entry.
    fn signature(&mut self, entry: &LedgerEntry) {
        let (what, judged) = match entry.kind {
            Kind::Card => return,
            Kind::Act => ("acts", self.act(entry)),
            Kind::ReceiptGiven => ("receipts given", self.receipt(entry, true)),
            Kind::ReceiptTaken => ("receipts taken", self.receipt(entry, false)),
            Kind::CheckpointCosigned => ("cosigned checkpoints", self.checkpoint(entry)),
        };
        self.note(entry.pos, what, judged);
    }

    fn note(&mut self, pos: u64, what: &'static str, judged: Judged) {
        match judged {
            Ok(()) => *self.counts.entry(what).or_default() += 1,
            Err((code, text)) => self.faults.push((pos, code, text)),
        }
    }

    fn cards(&self, service: ServiceId) -> Result<&Cards, (String, String)> {
        self.book
            .get(&service)
            .ok_or_else(|| ("peer.ledger.no-card".to_owned(), format!("it is signed by service {service}, whose card the ledger does not hold")))
    }

    fn act(&self, entry: &LedgerEntry) -> Judged {
        let signed = Signed::parse(&entry.signed, Typ::Act, HEAD_BYTES_MAX + SIGNED_BYTES_MAX).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        let act = Act::decode(signed.payload(), None).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        let signer = signed.signer();
        if act.head().author != signer || *act.id().as_ref() != entry.object {
            return Err(("peer.ledger.act".to_owned(), "the act is filed under another name or signed by another than its author".to_owned()));
        }
        signed.verify(self.cards(signer)?, act.head().at.at).map(drop).map_err(|e| (e.code().to_owned(), e.to_string()))
    }

    fn receipt(&self, entry: &LedgerEntry, given: bool) -> Judged {
        let signer = Signed::parse(&entry.signed, Typ::Receipt, RECEIPT_BYTES_MAX).map_err(|e| (e.code().to_owned(), e.to_string()))?.signer();
        let (receipt, _) = Receipt::read(&entry.signed, self.cards(signer)?).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        let ours = if given { receipt.from } else { receipt.to };
        match ours == self.own {
            true => Ok(()),
            false => Err(("peer.ledger.receipt".to_owned(), "the receipt is between other services".to_owned())),
        }
    }

    fn checkpoint(&self, entry: &LedgerEntry) -> Judged {
        let bad = |e: NoteFault| (e.code().to_owned(), e.to_string());
        let note = std::str::from_utf8(&entry.signed).map_err(|_| bad(NoteFault::Form))?;
        let checkpoint = Checkpoint::read(note, self.cards(self.own)?, entry.at).map_err(bad)?;
        let cosigned = self.book.values().filter(|c| c.service() != self.own).any(|c| checkpoint.cosigned_by(note, c).is_ok());
        match cosigned {
            true => Ok(()),
            false => Err(("peer.ledger.cosignature".to_owned(), "no partner whose card is here has cosigned this checkpoint".to_owned())),
        }
    }
}

type Judged = Result<(), (String, String)>;
