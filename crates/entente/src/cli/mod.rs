//! The command line: one file per family of commands. Commands that act on a running node are clients of its local API; `init`,
//! `serve`, `rebuild`, `verify`, `backup` and `migrate` work on the directory, `mechanism check` and `register import --dry-run` on files alone.
//!
//! Standard output carries what was asked for, as text or with `--json` as JSON; everything else goes to standard error.

mod accords;
mod ask;
mod backups;
mod cards;
mod carry;
mod communiques;
mod desk;
mod dossier_view;
mod dossiers;
mod drafts;
mod exhibits;
mod face;
mod fences;
mod fields;
mod found;
mod index;
mod intents;
mod keys;
mod locks;
mod mechanisms;
mod node_own;
mod officers;
mod proofs;
mod quality;
mod statistics;
mod trouble;
mod trust;
mod waiting;
mod words;

pub(crate) use face::sentence;

use crate::bench::ExchangeArgs;
use crate::bench_exhibit::ExhibitArgs;
use crate::bench_matching::{Lanes, MatchingArgs, Workload};
use crate::demo::DemoArgs;
use base::Lang;
use clap::{CommandFactory, Parser, Subcommand};
use desk::Desk;
use face::Face;
use quality::RegisterArgs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use trouble::Trouble;

/// Entente: a node that a security service runs itself, to cooperate with others by signed and sealed acts
#[derive(Debug, Parser)]
#[command(name = "entente", version, subcommand_required = true, arg_required_else_help = true, after_help = EXITS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXITS: &str = "Exit codes: 0 done; 1 refused, or faults were found; 2 the node does not answer; 64 the command line cannot be understood.";

/// What every command knows.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "On every command")]
pub struct Global {
    /// The node's directory [default: $ENTENTE_DIR, else ./entente-node]
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Address of the local API, on this machine [default: the one in the directory's config.toml]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub api: Option<SocketAddr>,
    /// Sign in as this officer, whose token the directory keeps
    #[arg(long, global = true, value_name = "ID")]
    pub officer: Option<String>,
    /// Sign in with the token in this file [default: $ENTENTE_TOKEN, else the only token that the directory keeps]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Print JSON for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of labels and error texts: ar, fr, es, en, de or pt [default: the session's, else en]
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<Lang>,
}

impl Global {
    /// Returns the node's directory.
    pub fn dir(&self) -> PathBuf {
        let named = self.dir.clone().or_else(|| std::env::var_os("ENTENTE_DIR").filter(|d| !d.is_empty()).map(PathBuf::from));
        named.unwrap_or_else(|| PathBuf::from("./entente-node"))
    }

    /// Returns how to speak.
    pub fn face(&self) -> Face {
        Face { json: self.json, lang: self.lang.unwrap_or_else(desk::session_lang), zone: desk::zone(&self.dir()) }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new service: its keys, its first card, its store and the officer admin
    Init(found::InitArgs),
    /// Run the node until it is told to stop
    Serve(locks::LockArgs),
    /// Show how the node stands
    Status,
    /// Show partners, what waits for them and how they answer
    Partners,
    /// Officers and their roles
    #[command(subcommand)]
    Officer(officers::OfficerCommand),
    /// Cards: our own, and those of partners
    #[command(subcommand)]
    Card(cards::CardCommand),
    /// Our keys: rotation, revocation, the root key
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Whether to speak with a partner
    #[command(subcommand)]
    Partner(trust::PartnerCommand),
    /// A new service in the place of one whose root key was lost
    #[command(subcommand)]
    Succession(trust::SuccessionCommand),
    /// Carry files: acts and receipts on a medium, for partners that no line reaches
    #[command(subcommand)]
    Carry(carry::CarryCommand),
    /// Accords: what partners agree that they may do
    #[command(subcommand)]
    Accord(accords::AccordCommand),
    /// Mechanisms: the protocols of cooperation
    #[command(subcommand)]
    Mechanism(mechanisms::MechanismCommand),
    /// Dossiers: open, look, move
    #[command(subcommand)]
    Dossier(dossiers::DossierCommand),
    /// Exhibits: files that travel with a dossier
    #[command(subcommand)]
    Exhibit(exhibits::ExhibitCommand),
    /// The index: what partners may be told that this service holds
    #[command(subcommand)]
    Index(index::IndexCommand),
    /// Ask partners: hit or no-hit
    #[command(subcommand)]
    Ask(ask::AskCommand),
    /// Proposals that wait for a second officer
    #[command(subcommand)]
    Pending(waiting::PendingCommand),
    /// Show what is due, ours first
    Due,
    /// Count cooperation: dossiers, outcomes and times, alike on both sides
    Statistics(statistics::StatisticsArgs),
    /// The register: drafts of events read from public texts
    #[command(subcommand)]
    Register(drafts::RegisterCommand),
    /// Communiqués
    #[command(subcommand)]
    Communique(communiques::CommuniqueCommand),
    /// Check a proof with nothing but public cards, or this node's own ledger
    Verify(proofs::VerifyArgs),
    /// Work everything out anew from the ledger, while the node does not run
    Rebuild(locks::LockArgs),
    /// Send a checkpoint of our ledger to every partner now
    Checkpoint,
    /// Backups of this node: encrypted, incremental, verified
    #[command(subcommand)]
    Backup(backups::BackupCommand),
    /// Make the last backup of this node before it moves to another machine, and mark it here as moved
    Migrate(backups::MigrateArgs),
    /// The fence of a node that was put back to an older state
    #[command(subcommand)]
    Fence(fences::FenceCommand),
    /// Show lines of the local log; reading it is logged
    Log {
        /// What kind of lines
        #[arg(value_parser = ["consultation", "refused-input", "refused-by-partner", "incident", "audit", "hit"])]
        kind: String,
        /// Why you look; the reason is logged
        #[arg(long)]
        reason: String,
    },
    /// Show everything: four services on this machine, each a process of its own, from the first card to the last proof
    Demo {
        /// Let the nodes run on with a desk each until Ctrl-C; with --dir of a demonstration that was kept, start its nodes again
        #[arg(long)]
        keep: bool,
    },
    /// Compare two names, with dates of birth where they are known, and say why they are alike; needs no node, keeps nothing
    Compare {
        /// A name in Latin, Arabic or Tifinagh letters
        left: String,
        /// Another
        right: String,
        /// Date of birth of the first: 1980-02-28, 1980, or h1400-04-12 for a Hijri date
        #[arg(long, value_name = "DATE")]
        left_birth: Option<String>,
        /// Date of birth of the second
        #[arg(long, value_name = "DATE")]
        right_birth: Option<String>,
    },
    /// Measure this machine
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Print the description of the local API (OpenAPI 3.1)
    Openapi,
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// How names across scripts are told apart and found by their keys, on a labelled file; needs no node
    Names {
        /// A heading, then left, right, same (1 or 0) and source with tabs between them
        file: PathBuf,
        /// Learn new tables from three quarters of the names and measure on the others, which they have never seen
        #[arg(long)]
        held_back: bool,
    },
    /// Hit/no-hit: an index built, keys asked with proof, changes, a rotation; beside other programs where they are named; needs no node
    Matching {
        /// Keys in the index
        #[arg(long, default_value_t = 1 << 20)]
        keys: usize,
        /// Keys asked; one in ten is in the index
        #[arg(long, default_value_t = 1_000)]
        asked: usize,
        /// Keys of the list that is put under a new key
        #[arg(long, default_value_t = 10_000_000)]
        rotated: usize,
        /// How often the index is built and asked; the median counts
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Which workloads [default: all]
        #[arg(long, value_enum, value_delimiter = ',')]
        workloads: Vec<Workload>,
        /// Which code does the group work [default: all that this processor has]
        #[arg(long, value_enum, value_delimiter = ',')]
        kernel: Vec<Lanes>,
        /// A folder with psi_peers.py: OpenMined PSI and SecretFlow EC-OPRF are installed from PyPI and run in turn with us
        #[arg(long, value_name = "DIR")]
        peers: Option<PathBuf>,
    },
    /// Acts per second between two nodes on this machine, each signed, sealed, on both disks and receipted
    Exchange {
        /// Acts in each run
        #[arg(long, default_value_t = 5000)]
        acts: usize,
        /// Acts under way at once, one run each
        #[arg(long, value_delimiter = ',', default_value = "1,16,256", value_name = "NUMBERS")]
        outstanding: Vec<usize>,
        /// Where the nodes' directories are made and kept [default: a temporary place]
        #[arg(long, value_name = "DIR")]
        at: Option<PathBuf>,
    },
    /// A file from one node to another on this machine: added, sealed, checked, on both disks and receipted
    Exhibit {
        /// Mebibytes of the file
        #[arg(long, default_value_t = 100)]
        mib: u64,
        /// How often, each with a new file
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Where the nodes' directories are made and kept [default: a temporary place]
        #[arg(long, value_name = "DIR")]
        at: Option<PathBuf>,
    },
    /// How well the register reads a labelled folder of texts, and how fast; needs no node
    #[command(
        after_help = "The folder holds texts and an index.tsv with the columns file, language, event_id, date and kind; an empty event_id says that the\ntext tells of no cooperation event. Pairs of texts count for the grouping."
    )]
    Register {
        /// The folder
        folder: PathBuf,
        /// A service's own names beside ours
        #[arg(long, value_name = "FILE")]
        names: Option<PathBuf>,
        /// Name everything that is not right
        #[arg(long)]
        faults: bool,
    },
    /// Three nodes under load, kills, cuts and floods: is anything lost, does memory grow
    Soak {
        /// How long, in seconds
        #[arg(long, default_value_t = 600)]
        seconds: u64,
        /// Acts a second, from all nodes together
        #[arg(long, default_value_t = 150.0)]
        rate: f64,
        /// Where the nodes' directories are made and kept [default: a temporary place]
        #[arg(long, value_name = "DIR")]
        at: Option<PathBuf>,
        /// Draw figures as SVG into this directory
        #[arg(long, value_name = "DIR")]
        plots: Option<PathBuf>,
    },
    /// How long an honest partner waits while another floods the node
    Fairness {
        /// How long each half takes, in seconds
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// Seconds and bytes of a first and a second backup, of checking and of restoring one
    Backup {
        /// Acts in the ledger before the first backup
        #[arg(long, default_value_t = 20_000)]
        acts: usize,
        /// Acts between the first and the second
        #[arg(long, default_value_t = 100)]
        more: usize,
        /// Where the directories are made and kept
        #[arg(long, value_name = "DIR")]
        at: PathBuf,
    },
}

/// Reads the command line, does what it says and returns the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let exit = if e.use_stderr() { 64 } else { 0 };
            if exit == 64 && std::env::args_os().any(|a| a == "--json") {
                face::note(&Trouble::Usage(e.render().to_string().trim_end().to_owned()).print(true, desk::session_lang()));
            } else {
                let _ = e.print(); // a reader that went away is no fault
            }
            return ExitCode::from(exit);
        }
    };
    let (json, lang) = (cli.global.json, cli.global.lang.unwrap_or_else(desk::session_lang));
    match cli.command.run(&cli.global) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            face::say(&trouble.print(json, lang));
            ExitCode::from(trouble.exit())
        }
    }
}

impl Command {
    fn run(self, global: &Global) -> Result<(), Trouble> {
        match self {
            Command::Init(args) => args.run(global),
            Command::Serve(lock) => node_own::serve(global, &lock),
            Command::Status => node_own::status(&Desk::open(global)?),
            Command::Partners => node_own::partners(&Desk::open(global)?),
            Command::Officer(c) => c.run(global),
            Command::Card(c) => c.run(global),
            Command::Keys(c) => c.run(global),
            Command::Partner(c) => c.run(&Desk::open(global)?),
            Command::Succession(c) => c.run(global),
            Command::Carry(c) => c.run(global),
            Command::Accord(c) => c.run(&Desk::open(global)?),
            Command::Mechanism(c) => c.run(global),
            Command::Dossier(c) => c.run(&Desk::open(global)?),
            Command::Exhibit(c) => c.run(&Desk::open(global)?),
            Command::Index(c) => c.run(&Desk::open(global)?),
            Command::Ask(c) => c.run(&Desk::open(global)?),
            Command::Pending(c) => c.run(&Desk::open(global)?),
            Command::Due => waiting::due(&Desk::open(global)?),
            Command::Statistics(args) => args.run(&Desk::open(global)?),
            Command::Register(c) => c.run(global),
            Command::Communique(c) => c.run(&Desk::open(global)?),
            Command::Verify(args) => args.run(global),
            Command::Rebuild(lock) => node_own::rebuild(global, &lock),
            Command::Checkpoint => node_own::checkpoint(&Desk::open(global)?),
            Command::Backup(c) => c.run(global),
            Command::Migrate(args) => args.run(global),
            Command::Fence(c) => c.run(&Desk::open(global)?),
            Command::Log { kind, reason } => node_own::log(&Desk::open(global)?, &kind, &reason),
            Command::Demo { keep } => Ok(crate::demo::run(&DemoArgs { keep, dir: global.dir.clone(), json: global.json })?),
            Command::Compare { left, right, left_birth, right_birth } => {
                let refused = |e: matching::subject::SubjectFault| Trouble::refused(e.code(), e.to_string());
                let left = crate::reasons::record(&left, left_birth.as_deref()).map_err(refused)?;
                let right = crate::reasons::record(&right, right_birth.as_deref()).map_err(refused)?;
                let face = global.face();
                let whole = crate::reasons::told(&left, &right, face.lang);
                face.show(&whole, || crate::reasons::shown(&whole, face.lang))
            }
            Command::Bench(BenchCommand::Names { file, held_back }) => {
                let text = std::fs::read_to_string(&file).map_err(|e| Trouble::unreadable(&file, e))?;
                let pairs = crate::bench_names::read(&text).map_err(|e| Trouble::unreadable(&file, e))?;
                let whole = crate::bench_names::measure(pairs, held_back);
                global.face().show(&whole, || crate::bench_names::shown(&whole))
            }
            Command::Bench(BenchCommand::Matching { keys, asked, rotated, runs, workloads, kernel, peers }) => {
                let kernels = crate::bench_matching::kernels(&kernel).map_err(Trouble::Usage)?;
                let whole = crate::bench_matching::measure(&MatchingArgs { keys, asked, rotated, runs, workloads, kernels, peers })?;
                global.face().show(&whole, || crate::bench_matching::shown(&whole))
            }
            Command::Bench(BenchCommand::Exchange { acts, outstanding, at }) => {
                Ok(crate::bench::exchange(&ExchangeArgs { acts, outstanding, dir: at, json: global.json })?)
            }
            Command::Bench(BenchCommand::Exhibit { mib, runs, at }) => {
                Ok(crate::bench_exhibit::exhibit(&ExhibitArgs { mib, runs, dir: at, json: global.json })?)
            }
            Command::Bench(BenchCommand::Register { folder, names, faults }) => {
                face::write(&quality::register(&RegisterArgs { folder, names, json: global.json, faults })?)
            }
            Command::Bench(BenchCommand::Soak { seconds, rate, at, plots }) => {
                Ok(crate::soak::soak(&crate::soak::SoakArgs { seconds, rate, dir: at, plots, json: global.json })?)
            }
            Command::Bench(BenchCommand::Fairness { seconds }) => Ok(crate::fairness::fairness(seconds, global.json)?),
            Command::Bench(BenchCommand::Backup { acts, more, at }) => {
                Ok(crate::bench_backup::backup(&crate::bench_backup::BackupArgs { acts, more, dir: at, json: global.json })?)
            }
            Command::Openapi => face::write(&format!("{}\n", crate::api::openapi_json())),
            Command::Completions { shell } => {
                let mut out = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "entente", &mut out);
                face::write(&String::from_utf8_lossy(&out))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_the_name_of_a_global_one() {
        fn look(command: &clap::Command, global: &[String]) {
            for sub in command.get_subcommands() {
                let taken = sub.get_arguments().find(|a| global.iter().any(|g| g == a.get_id().as_str()));
                assert!(taken.is_none(), "{} {:?}", sub.get_name(), taken.map(|a| a.get_id()));
                look(sub, global);
            }
        }
        let cli = Cli::command();
        let global: Vec<String> = cli.get_arguments().map(|a| a.get_id().to_string()).collect();
        assert!(global.contains(&"json".to_owned()));
        look(&cli, &global);
    }

    #[test]
    fn every_command_and_argument_says_what_it_does() {
        fn look(command: &clap::Command, path: &str) {
            assert!(command.get_about().is_some(), "{path} says nothing of itself");
            for arg in command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str())) {
                assert!(arg.get_help().is_some(), "{path} {} says nothing of itself", arg.get_id());
            }
            command.get_subcommands().filter(|c| c.get_name() != "help").for_each(|c| look(c, &format!("{path} {}", c.get_name())));
        }
        look(&Cli::command(), "entente");
    }
}
