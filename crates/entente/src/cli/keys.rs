//! `keys`: how our keys stand, the next card, revocations, the root key kept elsewhere, the lock of the key file, acts in doubt.

use super::Global;
use super::desk::Desk;
use super::face::{Face, distance, each, short, table, text};
use super::locks::{LockArgs, Secret};
use super::trouble::Trouble;
use crate::client::escape;
use crate::engine::now;
use crate::home::{Home, write_private};
use base::{ActId, Instant, UnixMs, hex};
use seal::{Asked, REQUEST_BYTES_MAX, RootKey, RootRequest, SystemEntropy};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Days for which a new card waits before its keys act, if nothing else is said: time for partners that are away to hold it.
const AHEAD_DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;

const ROTATE: &str = "Examples:
  entente keys rotate                                        # in a week, with the root key that is here
  entente keys rotate --from 2026-03-01T00:00:00Z --root /media/root.key
The new card goes to every partner at once and takes over at its time, while the node runs. Until two days later a partner that has not
got it yet is told under the old one; entente keys status shows who that is.";

const REVOKE: &str = "Example, in the first hour (docs/keys.md has the rest):
  entente keys revoke --card 1 --since 2026-02-27T22:00:00Z --reason stolen
A new card with new keys begins at once and goes to every partner with the revocation. What stands in partners' ledgers since before
--since stays; what came later is in doubt until you say that it is yours: entente keys doubtful, keys confirm, keys disown.";

/// The root key, where it is kept elsewhere.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RootArgs {
    /// The file with the root key [default: the one in the node's key file]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The root key's passphrase is the first line of this file [default: asked on the terminal]
    #[arg(long, value_name = "FILE", requires = "root", conflicts_with = "root_key_file")]
    root_passphrase_file: Option<PathBuf>,
    /// The root key is locked with the 32 bytes in this file
    #[arg(long, value_name = "FILE", requires = "root")]
    root_key_file: Option<PathBuf>,
}

/// What to do with our keys.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum KeysCommand {
    /// Show our cards, which one acts, where the root key is, and who has not been told
    Status,
    /// Issue the next card with new signing, sealing and TLS keys
    #[command(after_help = ROTATE)]
    Rotate {
        /// When it takes over, such as 2026-03-01T00:00:00Z, or now [default: in seven days]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<UnixMs>,
        /// Days for which it is valid
        #[arg(long, default_value_t = 365, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        valid_days: u32,
        #[command(flatten)]
        root: RootArgs,
    },
    /// Issue the next card with the same keys, for another address or desk
    Card {
        /// Where partners reach the node; repeat it for more, best first
        #[arg(long = "endpoint", value_name = "HOST:PORT")]
        endpoints: Vec<String>,
        /// A desk that answers; repeat it for more
        #[arg(long = "duty", value_name = "DESK,PHONE,MAIL")]
        duty: Vec<String>,
        /// When it takes over [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<UnixMs>,
        /// Days for which it is valid
        #[arg(long, default_value_t = 365, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        valid_days: u32,
        #[command(flatten)]
        root: RootArgs,
    },
    /// Withdraw the keys of a card that somebody else may have, with a new card that begins at once
    #[command(after_help = REVOKE)]
    Revoke {
        /// The card's number; repeat it for more
        #[arg(long = "card", required = true, value_name = "NUMBER")]
        cards: Vec<u32>,
        /// First moment at which somebody else may have had its keys; when in doubt, earlier
        #[arg(long, value_name = "TIME", value_parser = moment)]
        since: UnixMs,
        /// Why
        #[arg(long, value_parser = ["stolen", "suspected", "lost"])]
        reason: String,
        /// No new card: the keys that act are good ones
        #[arg(long)]
        no_card: bool,
        #[command(flatten)]
        root: RootArgs,
    },
    /// Write what a root key that is kept elsewhere shall sign to a file
    Request {
        /// The file, which holds nothing secret
        file: PathBuf,
        /// When the new card takes over [default: in seven days; now with --revoke]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<UnixMs>,
        /// A card to be revoked as well; repeat it for more
        #[arg(long, value_name = "NUMBER", requires = "since")]
        revoke: Vec<u32>,
        /// Since when its keys are suspected
        #[arg(long, value_name = "TIME", value_parser = moment, requires = "reason")]
        since: Option<UnixMs>,
        /// Why
        #[arg(long, value_parser = ["stolen", "suspected", "lost"])]
        reason: Option<String>,
    },
    /// Show what a request asks for and sign it, where the root key is; needs no node
    Sign {
        /// The request
        request: PathBuf,
        /// Where the answer is written
        answer: PathBuf,
        /// The file with the root key
        #[arg(long, value_name = "FILE")]
        root: PathBuf,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Install what the root key signed
    Install {
        /// The answer
        file: PathBuf,
    },
    /// Write our cards and revocations to a file, for a partner that the line does not reach: entente partner keys FILE
    Export {
        /// The file
        file: PathBuf,
    },
    /// Take the root key out of the node's key file, to be kept offline; the node must not run
    DetachRoot {
        /// Where the root key is written
        file: PathBuf,
        /// The root key is locked with this passphrase (first line) [default: as the node's keys]
        #[arg(long, value_name = "FILE")]
        root_passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Put the root key back into the node's key file; the node must not run
    AttachRoot {
        /// The file with the root key
        file: PathBuf,
        /// The root key's passphrase is the first line of this file [default: as the node's keys]
        #[arg(long, value_name = "FILE")]
        root_passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Lock the node's key file with another passphrase or key file; the node must not run
    Passphrase {
        /// The new passphrase is the first line of this file [default: asked on the terminal]
        #[arg(long, value_name = "FILE", conflicts_with = "new_key_file")]
        new_passphrase_file: Option<PathBuf>,
        /// Lock with the 32 bytes in this file instead; it is made if it is not there
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// List acts under a revoked card that came after its keys are suspected
    Doubtful {
        /// Whose: a partner's code [default: ours]
        service: Option<String>,
    },
    /// Say under our present card that acts in doubt are ours; without names, all that were made here
    Confirm {
        /// The acts
        acts: Vec<ActId>,
    },
    /// Say under our present card that acts in doubt are not ours; without names, all that came from outside
    Disown {
        /// The acts
        acts: Vec<ActId>,
    },
}

/// Reads a moment that was typed.
fn moment(typed: &str) -> Result<UnixMs, String> {
    match typed {
        "now" => Ok(now()),
        _ => typed.parse::<Instant>().map(|i| i.at).map_err(|e| e.to_string()),
    }
}

impl KeysCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        let ahead = now().plus_ms(AHEAD_DAYS * DAY_MS);
        match self {
            KeysCommand::Status => {
                let desk = Desk::open(global)?;
                let view = desk.get("/v1/keys")?;
                show(&desk.face, &view)
            }
            KeysCommand::Rotate { from, valid_days, root } => {
                let wanted = json!({ "new_keys": true, "from": from.unwrap_or(ahead), "valid_days": valid_days });
                change(&Desk::open(global)?, &wanted, &root)
            }
            KeysCommand::Card { endpoints, duty, from, valid_days, root } => {
                let mut wanted = json!({ "from": from, "valid_days": valid_days });
                if !endpoints.is_empty() {
                    wanted["endpoints"] = json!(endpoints);
                }
                if !duty.is_empty() {
                    let parts = duty.iter().map(|d| super::found::duty(d).map(|d| json!([d.desk, d.phone, d.mail]))).collect::<Result<Vec<_>, _>>()?;
                    wanted["duty"] = json!(parts);
                }
                change(&Desk::open(global)?, &wanted, &root)
            }
            KeysCommand::Revoke { cards, since, reason, no_card, root } => {
                let wanted = json!({ "new_keys": true, "no_card": no_card, "revoke": cards, "since": since, "reason": reason });
                change(&Desk::open(global)?, &wanted, &root)
            }
            KeysCommand::Request { file, from, revoke, since, reason } => {
                let from = from.or_else(|| revoke.is_empty().then_some(ahead));
                let wanted = json!({ "new_keys": true, "from": from, "revoke": revoke, "since": since, "reason": reason });
                let desk = Desk::open(global)?;
                let request = bytes(&desk.post("/v1/keys/request", &wanted)?["request"])?;
                std::fs::write(&file, &request).map_err(|e| Trouble::unwritable(&file, e))?;
                let asked = asked(&desk.face, &RootRequest::read(&request).map_err(refused)?)?;
                desk.face.show(&json!({ "file": file.display().to_string(), "asks": asked }), || {
                    format!(
                        "{}the request is in {}; have it signed where the root key is (entente keys sign) and install the answer (entente keys install)\n",
                        lines(&asked),
                        file.display()
                    )
                })
            }
            KeysCommand::Sign { request, answer, root, lock } => sign(&global.face(), &request, &answer, &root, &lock),
            KeysCommand::Install { file } => {
                let answer = read(&file)?;
                let desk = Desk::open(global)?;
                let view = desk.post("/v1/keys/install", &json!({ "answer": hex::encode(&answer) }))?;
                show(&desk.face, &view)
            }
            KeysCommand::Export { file } => {
                let desk = Desk::open(global)?;
                let all = bytes(&desk.get("/v1/keys/export")?["answer"])?;
                std::fs::write(&file, all).map_err(|e| Trouble::unwritable(&file, e))?;
                desk.face.show(&json!({ "file": file.display().to_string() }), || {
                    format!("our cards and revocations are in {}; a partner takes them with entente partner keys\n", file.display())
                })
            }
            KeysCommand::DetachRoot { file, root_passphrase_file, lock } => detach(global, &file, root_passphrase_file, &lock),
            KeysCommand::AttachRoot { file, root_passphrase_file, lock } => {
                let home = Home::open(&global.dir())?;
                let _held = home.hold_keys()?;
                let secret = lock.open()?;
                let other = other_lock(root_passphrase_file)?;
                let root = RootKey::from_file(&read(&file)?, &other.as_ref().unwrap_or(&secret).lock()).map_err(refused)?;
                let mut keys = home.stored_keys(&secret.lock())?;
                keys.attach_root(root).map_err(refused)?;
                home.write_keys(&keys, &secret.lock())?;
                global.face().show(&json!({ "root_here": true }), || "the root key is in the node's key file again\n".to_owned())
            }
            KeysCommand::Passphrase { new_passphrase_file, new_key_file, lock } => {
                let home = Home::open(&global.dir())?;
                let _held = home.hold_keys()?;
                let keys = home.stored_keys(&lock.open()?.lock())?;
                let made = LockArgs { passphrase_file: new_passphrase_file, key_file: new_key_file }.make_new()?;
                home.write_keys(&keys, &made.lock())?;
                global.face().show(&json!({ "locked": true }), || "the key file has its new lock; backups from before still open with the old one\n".to_owned())
            }
            KeysCommand::Doubtful { service } => {
                let desk = Desk::open(global)?;
                let services = desk.services()?;
                let whose = service.map(|s| services.find(&s)).transpose()?.unwrap_or(services.own());
                let acts = desk.get(&format!("/v1/doubtful?service={}", escape(&whose.to_string())))?;
                desk.face.show(&acts, || {
                    let mut rows = vec![["ACT", "DOSSIER", "CARD", "MADE", "HERE SINCE", "OFFICER", "STANDING", "MADE HERE"].map(str::to_owned).to_vec()];
                    rows.extend(each(&acts).map(|a| {
                        let made_here = if a["in_our_name"] == true { "no" } else { "yes" };
                        let times = [&a["at"], &a["held"]].map(|t| desk.face.time(t));
                        let [at, held] = times;
                        let own = if whose == services.own() { made_here } else { "" };
                        vec![
                            text(&a["act"]).to_owned(),
                            short(&a["dossier"]),
                            a["card"].to_string(),
                            at,
                            held,
                            text(&a["officer"]).to_owned(),
                            text(&a["standing"]).to_owned(),
                            own.to_owned(),
                        ]
                    }));
                    if rows.len() == 1 { "no act is in doubt\n".to_owned() } else { table(&rows) }
                })
            }
            KeysCommand::Confirm { acts } => stand(global, &acts, true),
            KeysCommand::Disown { acts } => stand(global, &acts, false),
        }
    }
}

fn stand(global: &Global, acts: &[ActId], ours: bool) -> Result<(), Trouble> {
    let desk = Desk::open(global)?;
    let done = desk.post("/v1/doubtful", &json!({ "acts": acts, "ours": ours }))?;
    let said = if ours { "ours" } else { "not ours" };
    desk.face.show(&done, || {
        let n = each(&done["acts"]).count();
        format!("{n} acts are said to be {said} under our present card; every party of their dossiers is told. No verdict changes by it.\n")
    })
}

/// Has the next card, and revocations, signed by the root key that is here or in a file.
fn change(desk: &Desk, wanted: &Value, root: &RootArgs) -> Result<(), Trouble> {
    let view = match &root.root {
        None => desk.post("/v1/keys/rotate", wanted)?,
        Some(file) => {
            // The root key stays in this process; the node sees what it signed.
            let lock = LockArgs { passphrase_file: root.root_passphrase_file.clone(), key_file: root.root_key_file.clone() };
            let key = RootKey::from_file(&read(file)?, &lock.open()?.lock()).map_err(refused)?;
            let request = RootRequest::read(&bytes(&desk.post("/v1/keys/request", wanted)?["request"])?).map_err(refused)?;
            let answer = key.answer_bytes(&request).map_err(refused)?;
            desk.post("/v1/keys/install", &json!({ "answer": hex::encode(&answer) }))?
        }
    };
    show(&desk.face, &view)
}

fn sign(face: &Face, request: &Path, answer: &Path, root: &Path, lock: &LockArgs) -> Result<(), Trouble> {
    let request = RootRequest::read(&read(request)?).map_err(refused)?;
    let asked = asked(face, &request)?;
    let key = RootKey::from_file(&read(root)?, &lock.open()?.lock()).map_err(refused)?;
    let signed = key.answer_bytes(&request).map_err(refused)?;
    std::fs::write(answer, signed).map_err(|e| Trouble::unwritable(answer, e))?;
    face.show(&json!({ "file": answer.display().to_string(), "signed": asked }), || {
        format!("{}signed, in {}; take it back to the node: entente keys install\n", lines(&asked), answer.display())
    })
}

fn detach(global: &Global, file: &Path, root_passphrase_file: Option<PathBuf>, lock: &LockArgs) -> Result<(), Trouble> {
    let home = Home::open(&global.dir())?;
    let _held = home.hold_keys()?;
    let secret = lock.open()?;
    let mut keys = home.stored_keys(&secret.lock())?;
    let Some(root) = keys.detach_root() else { return Err(refused(seal::KeysRefusal::RootAway)) };
    if file.exists() {
        return Err(Trouble::unwritable(file, "it is there already; name a new file"));
    }
    let other = other_lock(root_passphrase_file)?;
    let locked = root.to_file(&other.as_ref().unwrap_or(&secret).lock(), &mut SystemEntropy).map_err(refused)?;
    write_private(file, &locked).map_err(|e| Trouble::unwritable(file, e))?;
    // Read back before the only other copy goes.
    RootKey::from_file(&read(file)?, &other.as_ref().unwrap_or(&secret).lock()).map_err(refused)?;
    home.write_keys(&keys, &secret.lock())?;
    global.face().show(&json!({ "file": file.display().to_string(), "root_here": false }), || {
        format!("the root key is in {} and no more in the node's key file; keep two copies in two safes\n", file.display())
    })
}

fn other_lock(passphrase_file: Option<PathBuf>) -> Result<Option<Secret>, Trouble> {
    passphrase_file.map(|f| LockArgs { passphrase_file: Some(f), key_file: None }.make()).transpose()
}

/// Tells what a request asks for, for people and machines.
fn asked(face: &Face, request: &RootRequest) -> Result<Vec<Value>, Trouble> {
    let told = |a: Asked| match a {
        Asked::Card(c) => {
            let (from, until) = (face.time(&json!(c.valid_from)), face.time(&json!(c.valid_until)));
            json!({ "card": c.number, "told": format!("card {} of {} ({}), from {from} until {until}, at {}", c.number, c.code, c.service, c.endpoints.join(", ")) })
        }
        Asked::Revocation(r) => {
            let since = face.time(&json!(r.since));
            json!({ "revokes": r.card, "told": format!("revocation of card {} of {}: {}, suspected since {since}", r.card, r.service, r.reason.code()) })
        }
    };
    Ok(request.asked().map_err(refused)?.into_iter().map(told).collect())
}

fn lines(asked: &[Value]) -> String {
    asked.iter().map(|a| format!("{}\n", text(&a["told"]))).collect()
}

fn show(face: &Face, view: &Value) -> Result<(), Trouble> {
    let at = now().0;
    face.show(view, || {
        let mut rows = vec![["CARD", "FROM", "UNTIL", "KEYS", "REVOKED"].map(str::to_owned).to_vec()];
        rows.extend(each(&view["cards"]).map(|c| {
            let revoked = match c["revoked_since"].is_null() {
                true => String::new(),
                false => format!("suspected since {}", face.time(&c["revoked_since"])),
            };
            let keys = match text(&c["keys"]) {
                "waits" => format!("waits, {}", distance(c["valid_from"].as_i64().unwrap_or(0), at)),
                other => other.to_owned(),
            };
            vec![c["number"].to_string(), face.time(&c["valid_from"]), face.time(&c["valid_until"]), keys, revoked]
        }));
        let mut out = table(&rows);
        out +=
            if view["root_here"] == true { "root key   here; it is safer elsewhere: entente keys detach-root FILE\n" } else { "root key   kept elsewhere\n" };
        if let Some(n) = view["asked"].as_u64() {
            out += &format!("waiting    card {n} waits for the root key's signature: entente keys install FILE\n");
        }
        let untold: Vec<&str> = each(&view["untold"]).map(text).collect();
        if !untold.is_empty() {
            out += &format!("untold     {} have not receipted our newest card or revocation; if this lasts, hand them the card\n", untold.join(", "));
        }
        for code in each(&view["warnings"]).map(text) {
            let words = crate::locale::of(code).map(|p| (p.what.get(face.lang), p.help.get(face.lang))).unwrap_or_default();
            out += &format!("warning    {} {}\n", words.0, words.1);
        }
        out
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let bytes = std::fs::read(path).map_err(|e| Trouble::unreadable(path, e))?;
    match bytes.len() > REQUEST_BYTES_MAX {
        true => Err(Trouble::unreadable(path, format!("it has {} bytes, which no such file has", bytes.len()))),
        false => Ok(bytes),
    }
}

fn bytes(value: &Value) -> Result<Vec<u8>, Trouble> {
    hex::decode(text(value)).ok_or_else(|| Trouble::refused("failure.client.answer", "the node's answer holds no request"))
}

fn refused(e: seal::KeysRefusal) -> Trouble {
    Trouble::refused(e.code(), e.to_string())
}
