//! `backup` and `migrate`: the node's directory into a place of backups and back. They work on the directory, also while the node runs.

use super::Global;
use super::face::{Face, note, progress, table};
use super::locks::{Asking, LockArgs, Secret};
use super::trouble::Trouble;
use crate::backup::{self, BackupError, Damage, Order, Target, Verified};
use crate::engine::now;
use crate::home::Home;
use serde_json::json;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  entente backup create /mnt/backup --backup-passphrase-file /etc/entente/backup.pass
  entente backup list /mnt/backup
  entente backup verify /mnt/backup --all
  entente backup restore /mnt/backup --at 2026-11-26T06:00:00Z --dir /var/lib/entente-new
  entente backup prune /mnt/backup --keep 7 --keep-days 30

The backup has a key of its own, under a passphrase or key file of its own: keep it where the backup is not. A restored node starts
fenced: it signs in no dossier before the other parties have said what they hold. docs/backup.md has the whole evening.";

/// What opens a place of backups.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct BackupLockArgs {
    /// The backup's passphrase is the first line of this file [default: $ENTENTE_BACKUP_PASSPHRASE, else asked on the terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "backup_key_file")]
    backup_passphrase_file: Option<PathBuf>,
    /// The backup is locked with the 32 bytes in this file; the first backup makes it if it is not there
    #[arg(long, value_name = "FILE")]
    backup_key_file: Option<PathBuf>,
}

impl BackupLockArgs {
    fn asking(&self) -> Asking {
        let args = LockArgs { passphrase_file: self.backup_passphrase_file.clone(), key_file: self.backup_key_file.clone() };
        Asking {
            args,
            variable: "ENTENTE_BACKUP_PASSPHRASE",
            prompt: "Passphrase of the backup: ",
            options: "--backup-passphrase-file FILE, --backup-key-file FILE or ENTENTE_BACKUP_PASSPHRASE",
        }
    }

    fn open(&self, dir: &Path) -> Result<Target, Trouble> {
        if !Target::exists(dir) {
            return Err(BackupError::Asked(format!("{} holds no backups; entente backup create makes the first", dir.display())).into());
        }
        Ok(Target::open(dir, &self.asking().open()?.lock())?)
    }

    fn open_or_make(&self, dir: &Path) -> Result<Target, Trouble> {
        let asking = self.asking();
        let secret: Secret = if Target::exists(dir) { asking.open()? } else { asking.make()? };
        Ok(Target::open_or_make(dir, &secret.lock())?)
    }
}

/// What to do with backups.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum BackupCommand {
    /// Make a backup, also while the node runs; only what changed is written, and it is read back and checked
    #[command(after_help = EXAMPLES)]
    Create {
        /// Where the backups lie: a directory on another disk
        target: PathBuf,
        #[command(flatten)]
        lock: BackupLockArgs,
    },
    /// List the backups in a place
    List {
        /// Where the backups lie
        target: PathBuf,
        #[command(flatten)]
        lock: BackupLockArgs,
    },
    /// Read a backup again and check it: every chunk, the database, every hash and signature of its ledger
    Verify {
        /// Where the backups lie
        target: PathBuf,
        /// Which: its name or the beginning of it, or the newest up to this time (RFC 3339) [default: the newest]
        #[arg(long, value_name = "NAME|TIME", conflicts_with = "all")]
        at: Option<String>,
        /// Check all of them
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        lock: BackupLockArgs,
    },
    /// Restore a backup into the new directory that --dir names
    #[command(after_help = EXAMPLES)]
    Restore {
        /// Where the backups lie
        target: PathBuf,
        /// Which: its name or the beginning of it, or the newest up to this time (RFC 3339) [default: the newest]
        #[arg(long, value_name = "NAME|TIME")]
        at: Option<String>,
        #[command(flatten)]
        lock: BackupLockArgs,
        #[command(flatten)]
        keys: LockArgs,
    },
    /// Remove old backups, and what only they needed; the newest always stays
    Prune {
        /// Where the backups lie
        target: PathBuf,
        /// How many of the newest stay
        #[arg(long, value_name = "NUMBER")]
        keep: usize,
        /// All that are younger than this stay as well
        #[arg(long, value_name = "DAYS", default_value_t = 0)]
        keep_days: u32,
        /// Give up backups whose list does not open
        #[arg(long)]
        drop_damaged: bool,
        #[command(flatten)]
        lock: BackupLockArgs,
    },
}

impl BackupCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        let face = global.face();
        match self {
            BackupCommand::Create { target, lock } => create(global, &lock.open_or_make(&target)?, false),
            BackupCommand::List { target, lock } => list(&face, &lock.open(&target)?),
            BackupCommand::Verify { target, at, all, lock } => verify(global, &lock.open(&target)?, at.as_deref(), all),
            BackupCommand::Restore { target, at, lock, keys } => restore(global, &lock.open(&target)?, at.as_deref(), &keys),
            BackupCommand::Prune { target, keep, keep_days, drop_damaged, lock } => {
                let target = lock.open(&target)?.to_write()?;
                let pruned = backup::prune(&target, keep, keep_days, drop_damaged, now())?;
                face.show(&json!(pruned), || {
                    let gone: String = pruned.gone.iter().map(|id| format!("gone  {id}\n")).collect();
                    format!("{gone}{} backups stay; {} of chunks that nobody needs any more are free\n", pruned.kept, size(pruned.bytes))
                })
            }
        }
    }
}

fn create(global: &Global, target: &Target, moved: bool) -> Result<(), Trouble> {
    let face = global.face();
    let made = backup::create(target, &Order { dir: global.dir(), now: now(), moved }, &mut progress)?;
    face.show(&json!(made), || {
        let healed = match made.healed {
            0 => String::new(),
            n => format!("{n} damaged chunks of earlier backups were written anew: check that medium\n"),
        };
        format!(
            "backup {}\n{} files, {}; new: {} chunks, {}\nledger of {} entries, root {}\n{healed}read back: every hash and signature of the ledger holds\n",
            made.id,
            made.files,
            size(made.bytes),
            made.new_chunks,
            size(made.new_bytes),
            made.ledger_size,
            made.ledger_root
        )
    })
}

fn list(face: &Face, target: &Target) -> Result<(), Trouble> {
    let (all, bad) = target.lists()?;
    let shown: Vec<_> = all
        .iter()
        .map(|l| {
            let s = &l.snapshot;
            let bytes: u64 = s.files.iter().map(|f| f.bytes).sum();
            json!({ "id": s.id, "at": s.at, "service": s.service, "moved": s.moved, "ledger_size": s.ledger_size, "ledger_root": s.ledger_root, "files": s.files.len(), "bytes": bytes, "new_bytes": s.new_bytes, "verified": l.verified })
        })
        .collect();
    face.show(&json!({ "backups": shown, "damaged_lists": bad }), || {
        let mut rows = vec![["BACKUP", "MOMENT", "LEDGER", "FILES", "BYTES", "NEW", "VERIFIED", ""].map(str::to_owned).to_vec()];
        for v in &shown {
            let of = |name: &str| size(v[name].as_u64().unwrap_or(0));
            rows.push(vec![
                v["id"].as_str().unwrap_or_default().to_owned(),
                face.time(&v["at"]),
                v["ledger_size"].to_string(),
                v["files"].to_string(),
                of("bytes"),
                of("new_bytes"),
                face.time(&v["verified"]),
                if v["moved"] == true { "last before a move".to_owned() } else { String::new() },
            ]);
        }
        let damaged: String = bad.iter().map(|id| format!("{id}  its list does not open; what it held cannot be told\n")).collect();
        let table = if shown.is_empty() { "no backup yet\n".to_owned() } else { table(&rows) };
        table + &damaged
    })
}

fn verify(global: &Global, target: &Target, at: Option<&str>, all: bool) -> Result<(), Trouble> {
    let dir = global.dir();
    if !dir.is_dir() {
        return Err(Trouble::refused("refusal.backup.asked", format!("{} is no directory; the database is put together there for a moment", dir.display()))
            .remedy("name a directory on a guarded disk with --dir: the database shows who dealt with whom"));
    }
    let one = if all { None } else { Some(target.find(at)?) };
    let found = backup::verify(target, one.as_ref(), &dir, now(), &mut progress)?;
    backup::tried(&dir, found.holds(), now());
    global.face().show(&json!({ "verified": found, "holds": found.holds() }), || told(&found))?;
    if found.holds() { Ok(()) } else { Err(Trouble::Found) }
}

fn told(found: &Verified) -> String {
    let mut out = format!("{} chunks read, {}\n", found.chunks, size(found.bytes));
    found.whole.iter().for_each(|id| out += &format!("{id}  holds: chunks, database, every hash and signature of the ledger\n"));
    found.damage.iter().for_each(|d| out += &damage(d));
    found.lists.iter().for_each(|id| out += &format!("{id}  its list does not open: it cannot be restored, and what it held cannot be told\n"));
    found.unsound.iter().for_each(|(id, why)| out += &format!("{id}  cannot be used: {why}\n"));
    if !found.holds() {
        out += "make a new backup now: it writes anew what is damaged and still here; then check the medium\n";
    }
    out
}

fn damage(d: &Damage) -> String {
    let held: Vec<String> = d.held.iter().map(|(name, from, to)| format!("{name} bytes {from} to {to}")).collect();
    format!(
        "chunk {} is {}: it held {}; it costs {}\n",
        d.chunk,
        if d.missing { "gone" } else { "damaged" },
        held.join(", "),
        if d.backups.is_empty() { "no backup".to_owned() } else { d.backups.join(", ") }
    )
}

fn restore(global: &Global, target: &Target, at: Option<&str>, keys: &LockArgs) -> Result<(), Trouble> {
    let from = target.find(at)?;
    let secret = keys.open()?;
    let into = global.dir();
    let back = backup::restore(target, &from, &into, &secret.lock(), now(), &mut progress)?;
    let face = global.face();
    face.show(&json!(back), || {
        let mut out = format!(
            "restored {} of {} into {}: {} files, {}\nledger of {} entries, root {}: every hash and signature holds\n",
            back.id,
            face.time(&json!(back.at)),
            into.display(),
            back.files,
            size(back.bytes),
            back.ledger_size,
            back.ledger_root
        );
        match &back.declared {
            None => out += "the node was moved with its last backup, so it goes on where it stood: no fence\n",
            Some(_) => {
                out += &format!(
                    "the node will start FENCED. It asks {} what they hold, and signs in a dossier once all its parties have answered.\n\
                     Coming back from them: their acts and ours, receipts, the point from which they cosign our ledger.\n\
                     Lost back to {}, for nobody else had them: drafts and proposals that waited, officers and tokens added since, lines of the\n\
                     local log, partners met since (import their cards again), and acts that had not reached any partner.\n\
                     The old machine must never run again under this name.\n",
                    if back.partners.is_empty() { "nobody (no partner is known)".to_owned() } else { back.partners.join(", ") },
                    face.time(&json!(back.at))
                );
            }
        }
        out
    })?;
    if !global.json {
        note(&format!("look at the addresses in {}, then: entente serve --dir {}; entente fence show\n", into.join("config.toml").display(), into.display()));
    }
    Ok(())
}

/// How to move.
#[derive(Debug, Clone, clap::Args)]
pub struct MigrateArgs {
    /// Where the backups lie; the new machine must reach it, or it is carried there
    target: PathBuf,
    /// Where the node goes, for whoever finds the old directory
    #[arg(long, value_name = "TEXT")]
    to: String,
    #[command(flatten)]
    backup: BackupLockArgs,
    #[command(flatten)]
    keys: LockArgs,
}

impl MigrateArgs {
    /// Makes the last backup, and marks this directory as moved.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        if self.to.trim().is_empty() {
            return Err(Trouble::Usage("--to says where the node goes, for whoever finds this directory".to_owned()));
        }
        let target = self.backup.open_or_make(&self.target)?;
        let home = Home::open(&global.dir())?;
        // Held from before the copy until the mark stands: no node signs anything in between.
        let held = home.hold(&self.keys.open()?.lock())?;
        create(global, &target, true)?;
        held.mark_moved(self.to.trim(), now())?;
        if !global.json {
            note(&format!(
                "this directory is marked as moved and starts no more. On the new machine: entente backup restore {} --dir NEW\n",
                self.target.display()
            ));
        }
        Ok(())
    }
}

impl From<BackupError> for Trouble {
    fn from(e: BackupError) -> Trouble {
        match e {
            BackupError::Home(e) => e.into(),
            e => Trouble::refused(e.code(), e.to_string()),
        }
    }
}

/// Writes a number of bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
