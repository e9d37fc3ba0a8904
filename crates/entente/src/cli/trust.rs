//! `partner` and `succession`: whom we speak with, by decision of people: suspended partners, revocations by hand, new root keys.

use super::Global;
use super::desk::Desk;
use super::face::{each, short, text};
use super::locks::LockArgs;
use super::trouble::Trouble;
use crate::engine::now;
use crate::home::Home;
use base::hex;
use minicbor::bytes::ByteVec;
use seal::{CARD_BYTES_MAX, Fingerprint, SUCCESSION_BYTES_MAX, Signed, Typ};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Whether to speak with a partner.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PartnerCommand {
    /// Take nothing from a partner and send it nothing; a second officer says the same before it is done
    Suspend {
        /// The partner's code
        service: String,
        /// Why; it is logged
        #[arg(long)]
        reason: String,
    },
    /// Speak with it again; a second officer says the same before it is done
    Resume {
        /// The partner's code
        service: String,
        /// Why; it is logged
        #[arg(long)]
        reason: String,
    },
    /// Take a partner's newer cards and revocations that were carried by hand: what entente keys export wrote on its side
    Keys {
        /// The file
        file: PathBuf,
    },
}

const DECLARE: &str = "Example, on a machine where both directories are:
  entente succession declare --dir es-new --key-file new.key --old-dir es --old-key-file old.key --code es es-new.succession
Hand the file to every partner, call them, and read the twelve words of the NEW service aloud. docs/keys.md tells what becomes of dossiers,
accords and the outbox.";

/// A new service in the place of one whose root key was lost.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum SuccessionCommand {
    /// Write a file in which the new service in --dir says whose place it takes
    #[command(after_help = DECLARE)]
    Declare {
        /// Where it is written
        file: PathBuf,
        /// The old service's id
        #[arg(long, value_name = "ID", required_unless_present = "old_dir")]
        old: Option<base::ServiceId>,
        /// The old service's directory, whose acting keys sign too
        #[arg(long, value_name = "DIR")]
        old_dir: Option<PathBuf>,
        /// The old service's keys are locked with the 32 bytes in this file
        #[arg(long, value_name = "FILE", requires = "old_dir")]
        old_key_file: Option<PathBuf>,
        /// The passphrase of the old service's keys is the first line of this file
        #[arg(long, value_name = "FILE", requires = "old_dir", conflicts_with = "old_key_file")]
        old_passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Take a partner's new service, after its fingerprint was read aloud
    Confirm {
        /// The partner's file
        file: PathBuf,
        /// The twelve words or nine groups of digits of the new service, as the partner read them
        #[arg(long, value_name = "WORDS")]
        fingerprint: String,
    },
    /// List services that have a successor, and what is still open with them
    List,
}

/// What a declaration file holds: the new card, the succession under the new root, and under the old card.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Declaration {
    #[n(0)]
    version: u8,
    #[n(1)]
    card: ByteVec,
    #[n(2)]
    succession: ByteVec,
    #[n(3)]
    countersigned: Option<ByteVec>,
}

impl PartnerCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            PartnerCommand::Suspend { service, reason } => suspend(desk, &service, &reason, true),
            PartnerCommand::Resume { service, reason } => suspend(desk, &service, &reason, false),
            PartnerCommand::Keys { file } => {
                let answer = std::fs::read(&file).map_err(|e| Trouble::unreadable(&file, e))?;
                let signed = seal::RootAnswer::read(&answer).map_err(|e| Trouble::refused(e.code(), e.to_string()))?.signed;
                let revocations: Vec<Vec<u8>> = signed.iter().filter(|s| seal::Revocation::read(s).is_ok()).map(|s| s.to_vec()).collect();
                // A newer card may lie beside it, and comes first, so that there is one to go on with.
                for card in signed.iter().filter(|s| seal::Cards::first(s).is_ok()) {
                    match desk.post("/v1/partners", &json!({ "card": hex::encode(card) })) {
                        // Older than the first card that we took of it.
                        Err(e) if e.code() == "peer.card.gap" => {}
                        taken => drop(taken?),
                    }
                }
                for r in &revocations {
                    desk.post("/v1/revocations", &json!({ "revocation": hex::encode(r) }))?;
                }
                let n = revocations.len();
                desk.face.show(&json!({ "taken": n }), || format!("cards and {n} revocations are taken; what revoked cards sign is refused from now on\n"))
            }
        }
    }
}

fn suspend(desk: &Desk, service: &str, reason: &str, suspend: bool) -> Result<(), Trouble> {
    let id = desk.services()?.find(service)?;
    let done = desk.post(&format!("/v1/partners/{id}/suspension"), &json!({ "suspend": suspend, "reason": reason }))?;
    desk.face.show(&done, || match (done["done"] == true, suspend) {
        (true, true) => format!("{service} is suspended: nothing is taken from it and nothing is sent; what is due stays due\n"),
        (true, false) => format!("{service} is a partner again; what waited goes out\n"),
        (false, _) => "proposed; it is done when a second officer gives the same command\n".to_owned(),
    })
}

impl SuccessionCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        match self {
            SuccessionCommand::Declare { file, old, old_dir, old_key_file, old_passphrase_file, lock } => {
                let keys = Home::open(&global.dir())?.keys(&lock.open()?.lock())?;
                let before = match &old_dir {
                    Some(dir) => {
                        let lock = LockArgs { passphrase_file: old_passphrase_file, key_file: old_key_file };
                        Some(Home::open(dir)?.keys(&lock.open()?.lock())?)
                    }
                    None => None,
                };
                let predecessor = before.as_ref().map(seal::Keys::service).or(old).unwrap_or_default();
                let succession = keys.succeed(predecessor, now()).map_err(|e| Trouble::refused(e.code(), e.to_string()))?;
                let countersigned = before.map(|k| k.sign(Typ::Succession, succession.payload()).bytes().to_vec().into());
                let both = countersigned.is_some();
                let declaration =
                    Declaration { version: 1, card: keys.card_bytes().to_vec().into(), succession: succession.bytes().to_vec().into(), countersigned };
                std::fs::write(&file, base::cbor::to_vec(&declaration)).map_err(|e| Trouble::unwritable(&file, e))?;
                let words = Fingerprint::of(&keys.service()).words(base::Lang::En);
                let shown = json!({ "file": file.display().to_string(), "service": keys.service(), "predecessor": predecessor, "countersigned": both, "fingerprint": words });
                global.face().show(&shown, || {
                    let too = if both { "and the old service's acting keys say so too" } else { "without the old service's keys" };
                    format!(
                        "service {} takes the place of {predecessor}, {too}\nfingerprint  {words}\n             read it aloud to every partner who takes {}\n",
                        keys.service(),
                        file.display()
                    )
                })
            }
            SuccessionCommand::Confirm { file, fingerprint } => {
                let declaration = read(&file)?;
                let desk = Desk::open(global)?;
                let part = |b: &ByteVec| hex::encode(b);
                let taken = desk.post(
                    "/v1/successions",
                    &json!({ "card": part(&declaration.card), "succession": part(&declaration.succession),
                        "countersigned": declaration.countersigned.as_ref().map(part), "fingerprint": fingerprint }),
                )?;
                desk.face.show(&taken, || {
                    let too = if taken["countersigned"] == true { "its old keys say so too" } else { "by your comparison alone" };
                    format!("service {} takes the place of {}: {too}\nnext: entente succession list\n", text(&taken["service"]), text(&taken["predecessor"]))
                })
            }
            SuccessionCommand::List => {
                let desk = Desk::open(global)?;
                let all = desk.get("/v1/successions")?;
                desk.face.show(&all, || each(&all).map(|s| told(&desk, s)).collect::<Vec<_>>().join("\n"))
            }
        }
    }
}

fn told(desk: &Desk, s: &Value) -> String {
    let (old, new) = (text(&s["predecessor_code"]), text(&s["service"]));
    let mut out = format!(
        "{old} ({}) is followed by {} ({new}), taken by {} at {}\n",
        text(&s["predecessor"]),
        text(&s["code"]),
        text(&s["by"]),
        desk.face.time(&s["at"])
    );
    out += &format!("  {} acts and notes wait for the old service; they go out until its card ends, {}\n", s["waiting"], desk.face.time(&s["until"]));
    for a in each(&s["accords"]) {
        out += &format!("  accord {} {}: propose it anew: entente accord propose --with {new} …\n", short(&a[0]), text(&a[1]));
    }
    for d in each(&s["dossiers"]) {
        out += &format!("  dossier {} {}: entente dossier open {} --follows {} --party {new}=…\n", short(&d[0]), text(&d[2]), text(&d[1]), text(&d[0]));
    }
    out
}

fn read(path: &Path) -> Result<Declaration, Trouble> {
    let bytes = std::fs::read(path).map_err(|e| Trouble::unreadable(path, e))?;
    let declaration: Declaration =
        base::cbor::from_slice(&bytes, CARD_BYTES_MAX + 2 * SUCCESSION_BYTES_MAX + 64).map_err(|e| Trouble::refused(e.code(), e.to_string()))?;
    let known = declaration.version == 1 && Signed::parse(&declaration.succession, Typ::Succession, SUCCESSION_BYTES_MAX).is_ok();
    if known { Ok(declaration) } else { Err(Trouble::unreadable(path, "it is not a succession that this program can read")) }
}
