//! `index`: what partners may be told that this service holds; loaded from files, given to partners as a filter under a key of their own.

use super::desk::{Desk, Services};
use super::face::{each, table, text};
use super::fields::read_text;
use super::trouble::Trouble;
use crate::sources::Format;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  entente index load suspects.csv --contact case.desk --until 2026-12-31
  entente index load entities.ftm.json --category suspect --contact case.desk --until 2026-12-31
  entente index status
  entente index rotate --partner es

Columns of a CSV file: reference, name, birth, document (ES:passport:AAA123456), phone, plate (MA:12345-A-6), vessel, account, category,
quality, contact, until; several values of one cell stand with ; between them. Only the first column must be there.
FollowTheMoney entities stand one a line: Person, LegalEntity, Company, Organization, PublicBody, Vehicle, Car, Vessel, Passport, Identification.
A file is loaded as a whole: what it holds no more is removed. If a line is rejected, nothing is loaded.";

/// What to do with the index.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum IndexCommand {
    /// Load a file in one transaction, and give partners what changed
    #[command(after_help = EXAMPLES)]
    Load(Box<LoadArgs>),
    /// Show records by category and source, what partners were given, and what they asked
    Status,
    /// Begin a new epoch: a new key and a new filter for each partner; the old keys are destroyed
    Rotate {
        /// Only this partner's
        #[arg(long, value_name = "CODE")]
        partner: Option<String>,
    },
    /// Give partners what changed since, without waiting for the daily round
    Publish {
        /// Only this partner
        #[arg(long, value_name = "CODE")]
        partner: Option<String>,
    },
}

/// A file, and what it does not say for each line.
#[derive(Debug, Clone, clap::Args)]
pub struct LoadArgs {
    /// The file
    file: PathBuf,
    /// The source's name; loading it again replaces what it held [default: the file's name]
    #[arg(long)]
    source: Option<String>,
    /// The file's form [default: by its name's ending]
    #[arg(long)]
    format: Option<Format>,
    /// Category of lines that say none: a code of the vocabulary data-subject-categories
    #[arg(long, value_name = "CODE")]
    category: Option<String>,
    /// Case officer or desk of lines that say none
    #[arg(long)]
    contact: Option<String>,
    /// The last day on which records are kept whose lines say none
    #[arg(long, value_name = "DATE")]
    until: Option<base::Date>,
    /// How good the identification is in lines that do not say it
    #[arg(long)]
    quality: Option<String>,
    /// Keep other records of this source
    #[arg(long)]
    add: bool,
    /// Load good lines although others are rejected
    #[arg(long)]
    skip_rejects: bool,
    /// Leave publishing to the daily round
    #[arg(long)]
    later: bool,
}

impl IndexCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            IndexCommand::Load(args) => args.run(desk),
            IndexCommand::Status => {
                let (view, services) = (desk.get("/v1/index")?, desk.services()?);
                desk.face.show(&view, || status(desk, &services, &view))
            }
            IndexCommand::Rotate { partner } => publish(desk, partner, true),
            IndexCommand::Publish { partner } => publish(desk, partner, false),
        }
    }
}

/// Tells a file's form by what was typed or by its name.
pub fn format_of(file: &Path, typed: Option<Format>) -> Result<Format, Trouble> {
    typed.or_else(|| Format::of(file)).ok_or_else(|| Trouble::Usage(format!("{}: say --format csv or --format ftm", file.display())))
}

impl LoadArgs {
    fn run(self, desk: &Desk) -> Result<(), Trouble> {
        let format = format_of(&self.file, self.format)?;
        let content = read_text(&self.file)?;
        let name = self.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let defaults = json!({ "category": self.category, "contact": self.contact, "until": self.until.map(|d| d.to_string()), "quality": self.quality });
        let form = json!({
            "source": self.source.unwrap_or(name), "format": format, "text": content, "add": self.add, "skip_rejects": self.skip_rejects,
            "later": self.later, "defaults": defaults,
        });
        let services = desk.services()?;
        let answer = watched(desk, &services, "/v1/index/load", &form)?;
        for r in each(&answer["rejects"]).take(if desk.face.json { 0 } else { usize::MAX }) {
            super::face::note(&format!("line {}: {} [{}]\n", r["line"], text(&r["what"]), text(&r["code"])));
        }
        if answer["loaded"] != true {
            if desk.face.json {
                desk.face.show(&answer, String::new)?;
            }
            let what = format!("nothing was loaded: {} lines are rejected; mend them, or say --skip-rejects", answer["rejected"]);
            return Err(Trouble::refused("refusal.matching.source", what));
        }
        let c = &answer["changed"];
        desk.face.show(&answer, || {
            let first = format!(
                "loaded    {} new, {} changed, {} as before, {} removed, {} rejected\n",
                c["added"], c["changed"], c["same"], c["removed"], answer["rejected"]
            );
            first + &published(&services, &answer["published"])
        })
    }
}

fn publish(desk: &Desk, partner: Option<String>, rotate: bool) -> Result<(), Trouble> {
    let services = desk.services()?;
    let partner = partner.map(|p| services.find(&p)).transpose()?;
    let answer = watched(desk, &services, "/v1/index/publish", &json!({ "partner": partner, "rotate": rotate }))?;
    desk.face.show(&answer, || match published(&services, &answer) {
        none if none.is_empty() => "no accord in force permits hit/no-hit with anybody; nothing was published\n".to_owned(),
        some => some,
    })
}

/// Does what works lists out, and tells on standard error how far it is: to people on a terminal, to machines as JSON lines.
fn watched(desk: &Desk, services: &Services, path: &str, form: &Value) -> Result<Value, Trouble> {
    let mut told = false;
    let answer = desk.post_watching(path, form, "/v1/index/work", |all| {
        for w in each(all) {
            if desk.face.json {
                super::face::note(&format!("{}\n", json!({ "progress": w })));
            } else if std::io::stderr().is_terminal() {
                told = true;
                super::face::say(&format!("\r\x1b[K{}        {} keys worked out", services.code(&w["partner"]), w["keys"]));
            }
        }
    });
    if told {
        super::face::say("\r\x1b[K");
    }
    answer
}

fn published(services: &Services, all: &Value) -> String {
    let one = |p: &Value| match (p["code"].as_str(), p["published"] == true) {
        (Some(code), _) => format!("{}        not published: {} [{code}]\n", services.code(&p["partner"]), text(&p["what"])),
        (None, true) => format!(
            "{}        {} keys worked out, {} tags new, {} gone; the node is sending them\n",
            services.code(&p["partner"]),
            p["keys"],
            p["added"],
            p["removed"]
        ),
        (None, false) => format!("{}        nothing changed\n", services.code(&p["partner"])),
    };
    each(all).map(one).collect()
}

fn status(desk: &Desk, services: &Services, view: &Value) -> String {
    let counts = |v: &Value| match v.as_object() {
        Some(all) if !all.is_empty() => all.iter().map(|(k, n)| format!("{k} {n}")).collect::<Vec<_>>().join(", "),
        _ => "none".to_owned(),
    };
    let permitted: Vec<&str> = each(&view["permitted"]).map(text).collect();
    let mut out = format!("records    {}\nsources    {}\npermitted  {}\n", counts(&view["records"]), counts(&view["sources"]), permitted.join(", "));
    let heading = ["partner", "epoch", "since", "until", "records", "tags", "changed", "asked in ten days", ""].map(str::to_owned).to_vec();
    let row = |p: &Value| {
        let asked = view["asked_by"][text(&p["partner"])].as_u64().unwrap_or_default();
        let refused = p["refused"].as_str().map_or(String::new(), |c| format!("NOT TAKEN: {c}; entente index rotate sends it anew"));
        vec![
            services.code(&p["partner"]),
            p["epoch"].to_string(),
            desk.face.time(&p["since"]),
            desk.face.time(&p["until"]),
            p["records"].to_string(),
            p["tags"].to_string(),
            desk.face.time(&p["as_of"]),
            asked.to_string(),
            refused,
        ]
    };
    out += &table(&std::iter::once(heading).chain(each(&view["published"]).map(row)).collect::<Vec<_>>());
    out
}
