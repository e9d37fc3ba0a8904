//! `accord`: what partners agree that they may do together; nothing is sent but under one.

use super::desk::Desk;
use super::dossiers::{list, map};
use super::face::{each, text};
use super::fields::{FieldArgs, HandlingArgs, coded, lang_text};
use super::intents::{WaitArgs, propose};
use super::trouble::Trouble;
use crate::engine::now;
use base::{Length, Text};
use dossier::accord::MECHANISM;
use node::Intent;
use serde_json::{Map, Value, json};

const EXAMPLES: &str = "Examples:
  entente accord propose --with es,de --title fr=\"Échange d'informations Maroc – Espagne – Allemagne\" \\
      --basis-kind convention --basis fr=\"Convention des Nations unies contre la criminalité transnationale organisée, article 27\" \\
      --purpose prevent,detect,investigate --mechanism information-request,working-visit \\
      --clock information-request:request/answer/urgent-direct=8h --clock information-request:request/answer/ordinary=7d \\
      --language fr,es --retention-days 1825 --valid-until 2028-01-01
  entente accord sign 3f9a1c --authority fr=\"Le directeur général, décret n° …\"

Each party signs for itself; the accord is in force once all have. Proposing and signing take a second officer.";

/// What to do with accords.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum AccordCommand {
    /// Propose an accord to partners
    #[command(after_help = EXAMPLES)]
    Propose(Box<Proposal>),
    /// Sign an accord for our service
    Sign {
        /// Id, or its first six digits or more
        id: String,
        /// The signing authority and its power to sign: LANG=TEXT
        #[arg(long, value_name = "LANG=TEXT")]
        authority: String,
        #[command(flatten)]
        handling: HandlingArgs,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Show an accord: terms, who has signed; the reason is logged
    Show {
        /// Id, or its first six digits or more
        id: String,
        /// Why you look
        #[arg(long)]
        reason: String,
    },
    /// List accords
    List,
}

/// The terms of an accord.
#[derive(Debug, Clone, clap::Args)]
pub struct Proposal {
    /// The other parties, by their cards' codes
    #[arg(long = "with", value_name = "CODES", required = true, value_delimiter = ',')]
    parties: Vec<String>,
    /// Title: LANG=TEXT
    #[arg(long, value_name = "LANG=TEXT")]
    title: String,
    /// Kind of legal basis: treaty, convention, bilateral-agreement, eu-law, memorandum or reciprocity
    #[arg(long, value_name = "CODE")]
    basis_kind: String,
    /// Legal basis: treaty, date and article; repeat it for more
    #[arg(long = "basis", value_name = "LANG=TEXT", required = true)]
    basis: Vec<String>,
    /// What information may be used for: codes of the vocabulary legal-purposes
    #[arg(long = "purpose", value_name = "CODES", required = true, value_delimiter = ',')]
    purposes: Vec<String>,
    /// A mechanism that the accord permits, by name or hash
    #[arg(long = "mechanism", value_name = "NAMES", required = true, value_delimiter = ',')]
    mechanisms: Vec<String>,
    /// Length of a clock that differs from the mechanism's; repeat it for more
    #[arg(long = "clock", value_name = "MECHANISM:ITEM/CLOCK[/CODE]=LENGTH")]
    clocks: Vec<String>,
    /// Two classification levels that the parties treat alike; repeat it for more
    #[arg(long = "equivalence", value_name = "SCHEME:LEVEL=SCHEME:LEVEL")]
    equivalences: Vec<String>,
    /// Working languages
    #[arg(long = "language", value_name = "LANGS", required = true, value_delimiter = ',')]
    languages: Vec<String>,
    /// Days for which a closed dossier is kept
    #[arg(long, value_name = "DAYS")]
    retention_days: u32,
    /// Categories of persons for hit/no-hit: codes of the vocabulary data-subject-categories [default: suspect,convicted]
    #[arg(long = "hit-category", value_name = "CODES", value_delimiter = ',')]
    hit_categories: Vec<String>,
    /// Question elements that one officer may ask for in a day [default: 1280, which is twenty persons]
    #[arg(long, value_name = "ELEMENTS")]
    hit_officer_day_max: Option<u32>,
    /// Question elements that one party may ask another for in ten days [default: 20480]
    #[arg(long, value_name = "ELEMENTS")]
    hit_partner_ten_days_max: Option<u32>,
    /// Largest exhibit [default: 65536, which is 64 GiB]
    #[arg(long, value_name = "MIB")]
    exhibit_mib_max: Option<u32>,
    /// All exhibits of one dossier
    #[arg(long, value_name = "MIB")]
    dossier_exhibits_mib_max: Option<u32>,
    /// All exhibits that one party has sent and that are not yet erased
    #[arg(long, value_name = "MIB")]
    party_exhibits_mib_max: Option<u32>,
    /// First day on which nothing new may be opened under it
    #[arg(long, value_name = "DATE")]
    valid_until: Option<base::Date>,
    /// Safeguard for transfers to third countries; repeat it for more
    #[arg(long = "safeguard", value_name = "LANG=TEXT")]
    safeguards: Vec<String>,
    #[command(flatten)]
    handling: HandlingArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

impl AccordCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            AccordCommand::Propose(p) => p.run(desk),
            AccordCommand::Sign { id, authority, handling, wait } => {
                let fields = Map::from_iter([("authority".to_owned(), json!(lang_text(&authority)?))]);
                let dossier = super::dossiers::whole(desk, &id)?;
                propose(desk, &Intent::Move { dossier, item: None, name: "sign".to_owned(), fields: map(fields), handling: handling.read()? }, wait)
            }
            AccordCommand::Show { id, reason } => super::dossier_view::show(desk, &id, &reason),
            AccordCommand::List => list(desk, Some(MECHANISM), None, 1000),
        }
    }
}

impl Proposal {
    fn run(&self, desk: &Desk) -> Result<(), Trouble> {
        let services = desk.services()?;
        let accord = desk.mechanism(MECHANISM)?;
        let role = "party".to_owned();
        let mut parties = vec![(services.own(), role.clone())];
        for code in &self.parties {
            parties.push((services.find(code)?, role.clone()));
        }
        let known = desk.get("/v1/mechanisms")?;
        let mechanisms: Vec<Value> = self.mechanisms.iter().map(|name| reference(&known, name)).collect::<Result<_, _>>()?;
        for c in &self.clocks {
            self.known_clock(desk, &clock(c)?)?;
        }
        if let Some(day) = self.valid_until.filter(|day| day.start_utc() <= now()) {
            return Err(Trouble::Usage(format!("--valid-until {day} is over; nothing could be opened under this accord")));
        }
        // What has codes is held against the accord's own form, so that a false code is named here.
        let typed = |id: &str, values: &[String]| values.iter().map(|v| format!("{id}={v}")).collect::<Vec<_>>();
        let coded = FieldArgs {
            typed: [
                typed("hit_categories", &self.hit_categories),
                typed("purposes", &self.purposes),
                typed("languages", &self.languages),
                typed("legal_basis_kind", std::slice::from_ref(&self.basis_kind)),
            ]
            .concat(),
            ..FieldArgs::default()
        };
        let mut fields = coded.read(&accord.form(accord.root())?, &|_| None)?;
        let mut put = |id: &str, value: Value| drop(fields.insert(id.to_owned(), value));
        put("title", json!(lang_text(&self.title)?));
        put("legal_basis", json!(texts(&self.basis)?));
        put("mechanisms", json!(mechanisms));
        put("retention_days", json!(self.retention_days));
        let limits = [
            ("exhibit_mib_max", self.exhibit_mib_max),
            ("dossier_exhibits_mib_max", self.dossier_exhibits_mib_max),
            ("party_exhibits_mib_max", self.party_exhibits_mib_max),
            ("hit_officer_day_max", self.hit_officer_day_max),
            ("hit_partner_ten_days_max", self.hit_partner_ten_days_max),
        ];
        for (id, max) in limits {
            max.into_iter().for_each(|n| put(id, json!(n)));
        }
        if let Some(day) = self.valid_until {
            put("valid_until", json!(day));
        }
        let lists = [
            ("clocks", self.clocks.iter().map(|c| clock(c)).collect::<Result<Vec<_>, _>>()?),
            ("equivalences", self.equivalences.iter().map(|e| equivalence(e)).collect::<Result<_, _>>()?),
            ("safeguards", texts(&self.safeguards)?.into_iter().map(|t| json!(t)).collect()),
        ];
        lists.into_iter().filter(|(_, values)| !values.is_empty()).for_each(|(id, values)| put(id, json!(values)));
        let intent =
            Intent::Open { mechanism: MECHANISM.to_owned(), accord: None, parties, follows: None, fields: map(fields), handling: self.handling.read()? };
        propose(desk, &intent, self.wait)
    }
}

impl Proposal {
    /// Refuses a length for a clock that is not there: the partners would sign it and it would change nothing.
    fn known_clock(&self, desk: &Desk, clock: &Value) -> Result<(), Trouble> {
        let mechanism = text(&clock["mechanism"]);
        if !self.mechanisms.iter().any(|m| m == mechanism) {
            let permitted = self.mechanisms.join(", ");
            return Err(Trouble::Usage(format!("--clock names the mechanism '{mechanism}', and --mechanism permits {permitted}")));
        }
        desk.mechanism(mechanism)?.known_clock(text(&clock["clock"]))
    }
}

fn texts(typed: &[String]) -> Result<Vec<Text>, Trouble> {
    typed.iter().map(|t| lang_text(t)).collect()
}

/// Names a mechanism with its hash; of several versions the newest.
fn reference(known: &Value, name: &str) -> Result<Value, Trouble> {
    let found = each(known).filter(|m| m["id"] == name || m["hash"] == name).max_by_key(|m| m["version"].as_u64());
    let names = || each(known).map(|m| text(&m["id"])).collect::<Vec<_>>().join(", ");
    let m = found.ok_or_else(|| Trouble::refused("refusal.mechanism.unknown", format!("mechanism '{name}' is not known here; there are {}", names())))?;
    Ok(json!({ "name": m["id"], "id": m["hash"] }))
}

fn clock(typed: &str) -> Result<Value, Trouble> {
    let bad =
        || Trouble::Usage(format!("--clock '{typed}' is not MECHANISM:ITEM/CLOCK=LENGTH, for example information-request:request/answer/urgent-direct=8h"));
    let (name, length) = typed.rsplit_once('=').ok_or_else(bad)?;
    let (mechanism, clock) = name.split_once(':').ok_or_else(bad)?;
    if !(1..=2).contains(&clock.matches('/').count()) {
        return Err(bad());
    }
    let length: Length = length.parse().map_err(|e: base::TimeError| Trouble::refused(e.code(), e.to_string()))?;
    Ok(json!({ "mechanism": mechanism, "clock": clock, "length": length }))
}

fn equivalence(typed: &str) -> Result<Value, Trouble> {
    let (one, other) = typed.split_once('=').ok_or_else(|| Trouble::Usage(format!("--equivalence '{typed}' is not SCHEME:LEVEL=SCHEME:LEVEL")))?;
    Ok(json!({ "one": coded(one)?, "other": coded(other)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_equivalences_become_their_records() {
        let read = |typed: &str| clock(typed).map(|v| v.to_string()).map_err(|e| (e.exit(), e.code().to_owned()));
        assert_eq!(
            read("information-request:request/answer/urgent-direct=8h").unwrap(),
            r#"{"clock":"request/answer/urgent-direct","length":"PT8H","mechanism":"information-request"}"#
        );
        assert_eq!(read("information-request:answer=8h"), Err((64, "refusal.usage".to_owned())));
        assert_eq!(read("m:a/b=8"), Err((1, "refusal.time.length".to_owned())));
        let e = equivalence("classification-es:RESERVADO=classification-ma:SECRET").unwrap();
        assert_eq!((e["one"]["code"].as_str(), e["other"]["vocabulary"].as_str()), (Some("RESERVADO"), Some("classification-ma")));
        assert!(equivalence("classification-es:RESERVADO").is_err());
    }

    #[test]
    fn a_mechanism_is_named_by_its_newest_version() {
        let known = json!([{ "id": "m", "version": 1, "hash": "aa" }, { "id": "m", "version": 2, "hash": "bb" }, { "id": "n", "version": 9, "hash": "cc" }]);
        assert_eq!(reference(&known, "m").unwrap()["id"], "bb");
        assert_eq!(reference(&known, "aa").unwrap()["id"], "aa");
        assert_eq!(reference(&known, "x").unwrap_err().code(), "refusal.mechanism.unknown");
    }
}
