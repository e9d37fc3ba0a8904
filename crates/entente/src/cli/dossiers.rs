//! `dossier`: list, look, open, move, and take away as a proof.

use super::desk::{Desk, Services};
use super::face::{each, table, text};
use super::fields::{FieldArgs, HandlingArgs};
use super::intents::{WaitArgs, propose};
use super::trouble::Trouble;
use super::words::Words;
use base::{DossierId, ItemId, ServiceId};
use node::Intent;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  entente dossier open information-request --as requesting --party es=requested \\
      --field reference=BL/2026/117 --field legal_basis@fr=\"Convention du 13 novembre 1992, article 5\" --field purpose=investigate \\
      --field offence=drug-trafficking --field facts@fr=\"…\" --field question@fr=\"À qui appartient ce véhicule ?\" \\
      --field why_requested@fr=\"…\" --field urgency=urgent-direct \\
      --field-json 'vehicles={\"plate\":\"0000 AAA\",\"country\":\"ES\"}' --handling H0,H1 --wait
  entente dossier open working-visit --as host --party es=guest --party pt=guest --fields-file visit.json

entente mechanism matrix NAME shows the roles; entente dossier open refuses a form that is not whole and names the field.";

/// What to do with dossiers.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum DossierCommand {
    /// List dossiers, the one that changed last first
    List {
        /// Only those of this mechanism
        #[arg(long)]
        mechanism: Option<String>,
        /// Only ended (true) or only open ones (false)
        #[arg(long)]
        closed: Option<bool>,
        /// So many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show who stands where, the phase, clocks, and which moves are possible; the reason is logged
    Show {
        /// Id, or its first six digits or more
        id: String,
        /// Why you look
        #[arg(long)]
        reason: String,
    },
    /// Open a dossier
    #[command(after_help = EXAMPLES)]
    Open {
        /// Name or hash of the mechanism
        mechanism: String,
        /// Our own role
        #[arg(long = "as", value_name = "ROLE")]
        own_role: String,
        /// Another party by its card's code or id, with its role; repeat it for more
        #[arg(long = "party", value_name = "CODE=ROLE", required = true)]
        parties: Vec<String>,
        /// The accord under which it is opened [default: the one in force that permits it]
        #[arg(long, value_name = "DOSSIER")]
        accord: Option<String>,
        /// The dossier from which this one follows
        #[arg(long, value_name = "DOSSIER")]
        follows: Option<String>,
        #[command(flatten)]
        filled: Filled,
    },
    /// Move our own stance
    #[command(after_help = "A move that commits to something sealed takes its seal from entente dossier seal, whose --help tells the whole way.")]
    Move {
        /// Id of the dossier, or its first six digits or more
        id: String,
        /// Name of the move, as dossier show lists it
        name: String,
        /// The item, by its id or the first six digits or more [default: the dossier's own]
        #[arg(long, value_name = "ITEM")]
        item: Option<String>,
        #[command(flatten)]
        filled: Filled,
    },
    /// Seal what a move will reveal later; prints the seal to commit to now, and keeps form and salt in a file
    #[command(after_help = SEALING)]
    Seal {
        /// Id of the dossier, or its first six digits or more
        id: String,
        /// Name of the move that will reveal it
        name: String,
        /// The item, by its id or the first six digits or more [default: the dossier's own]
        #[arg(long, value_name = "ITEM")]
        item: Option<String>,
        /// Where form and salt are kept [default: sealed/ in the node's directory, named after the seal]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        fields: FieldArgs,
    },
    /// Open an item in a dossier: a clarification, an answer, an agenda point…
    Item {
        /// Id of the dossier, or its first six digits or more
        id: String,
        /// Kind of the item, as dossier show lists it
        kind: String,
        /// The item within which it is opened, by its id or the first six digits or more [default: the dossier's own]
        #[arg(long, value_name = "ITEM")]
        parent: Option<String>,
        #[command(flatten)]
        filled: Filled,
    },
    /// Write the proof of a whole dossier, which entente verify checks anywhere; it holds the content, and the export is logged
    Export {
        /// Id, or its first six digits or more
        id: String,
        /// The file
        file: PathBuf,
        /// For whom: handling codes of other parties may forbid the latter two until their owner consents
        #[arg(long = "for", value_name = "WHOM", default_value = "party", value_parser = ["party", "court", "onward"])]
        whom: String,
    },
}

/// A form with its handling, and how long to wait.
#[derive(Debug, Clone, clap::Args)]
pub struct Filled {
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    handling: HandlingArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

const SEALING: &str = "Sealed inputs: each party commits to what it thinks before it sees what others think, and reveals it later.
  entente dossier seal DOSSIER reveal --item ROUND --field facts@fr=\"…\" --field likelihood=likely …
  entente dossier move DOSSIER commit --item ROUND --field seal=SEAL       # now: a digest, and no word of it
  entente dossier move DOSSIER reveal --item ROUND --fields-file FILE      # when all are in, or the time is over

FILE holds the form and its salt, readable by you alone, and is the only place where the salt is: neither the node nor its backups have it.
Keep a copy. Whoever loses it, or changes a word of it, cannot reveal any more and can only withhold. Delete it once it is revealed.";

impl DossierCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            DossierCommand::List { mechanism, closed, limit } => list(desk, mechanism.as_deref(), closed, limit),
            DossierCommand::Show { id, reason } => super::dossier_view::show(desk, &id, &reason),
            DossierCommand::Open { mechanism, own_role, parties, accord, follows, filled } => {
                let services = desk.services()?;
                let words = desk.mechanism(&mechanism)?;
                let mut all = vec![(services.own(), own_role)];
                for typed in &parties {
                    all.push(party(&services, typed)?);
                }
                all.iter().try_for_each(|(_, role)| words.known_role(role))?;
                let fields = map(filled.fields.read(&words.form(words.root())?, &|code| services.by_code(code))?);
                let find = |name: Option<String>| name.map(|n| whole(desk, &n)).transpose();
                let intent =
                    Intent::Open { mechanism, accord: find(accord)?, parties: all, follows: find(follows)?, fields, handling: filled.handling.read()? };
                propose(desk, &intent, filled.wait)
            }
            DossierCommand::Move { id, name, item, filled } => make_move(desk, &id, &name, item.as_deref(), &filled),
            DossierCommand::Seal { id, name, item, file, fields } => seal(desk, &id, &name, item.as_deref(), file, &fields),
            DossierCommand::Item { id, kind, parent, filled } => {
                let dossier = desk.dossier(&id)?;
                let services = desk.services()?;
                let fields = map(filled.fields.read(&dossier.words.form(&kind)?, &|code| services.by_code(code))?);
                let parent = match parent {
                    Some(p) => {
                        let view = desk.consult(&dossier.id, &format!("to open {kind} in it (command line)"))?;
                        Some(item_id(desk.item(&view, &p)?)?)
                    }
                    None => None,
                };
                let intent = Intent::OpenItem { dossier: parse(&dossier.id)?, parent, kind, fields, handling: filled.handling.read()? };
                propose(desk, &intent, filled.wait)
            }
            DossierCommand::Export { id, file, whom } => {
                let proof = desk.get(&format!("/v1/dossiers/{}/proof?for={whom}", crate::client::escape(&id)))?;
                save_proof(desk, &proof, &file)
            }
        }
    }
}

/// Moves our stance on a dossier's own item or another.
fn make_move(desk: &Desk, id: &str, name: &str, item: Option<&str>, filled: &Filled) -> Result<(), Trouble> {
    let (dossier, item, fields) = move_form(desk, id, name, item, &filled.fields)?;
    propose(desk, &Intent::Move { dossier, item, name: name.to_owned(), fields: map(fields), handling: filled.handling.read()? }, filled.wait)
}

/// A move of ours as it was typed: the dossier, the item where one was named, the form.
type Typed = (DossierId, Option<ItemId>, Map<String, Value>);

/// Reads what was typed by the form of a move of ours.
fn move_form(desk: &Desk, id: &str, name: &str, item: Option<&str>, typed: &FieldArgs) -> Result<Typed, Trouble> {
    let dossier = desk.dossier(id)?;
    let mut kind = dossier.words.root().to_owned();
    let mut item_named = None;
    if let Some(item) = item {
        let view = desk.consult(&dossier.id, &format!("to make the move {name} (command line)"))?;
        let item = desk.item(&view, item)?;
        kind = text(&item["kind"]).to_owned();
        item_named = Some(item_id(item)?);
    }
    let form = dossier.words.move_form(&kind, dossier.role.as_deref(), name)?;
    let fields = match typed.is_empty() {
        true => Map::new(),
        false => {
            let services = desk.services()?;
            typed.read(&form, &|code| services.by_code(code))?
        }
    };
    Ok((parse(&dossier.id)?, item_named, fields))
}

/// Has a form sealed, and keeps it with its salt in a file of the officer's own.
fn seal(desk: &Desk, id: &str, name: &str, item: Option<&str>, file: Option<PathBuf>, typed: &FieldArgs) -> Result<(), Trouble> {
    let (dossier, item, mut fields) = move_form(desk, id, name, item, typed)?;
    let sealed = desk.post("/v1/seals", &json!({ "dossier": dossier, "item": item, "name": name, "fields": fields }))?;
    let seal = text(&sealed["seal"]);
    let file = file.unwrap_or_else(|| desk.dir.join("sealed").join(format!("{}.json", seal.get(..16).unwrap_or(seal))));
    fields.insert(text(&sealed["opening_field"]).to_owned(), sealed["opening"].clone());
    let kept = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| match file.exists() {
        true => Err(std::io::Error::other("the file is there already; name another one with --file")),
        false => crate::home::write_private(&file, format!("{}\n", Value::Object(fields)).as_bytes()),
    });
    kept.map_err(|e| Trouble::unwritable(&file, e))?;
    let shown = json!({ "seal": seal, "field": sealed["seal_field"], "moves": sealed["seal_moves"], "file": file.display().to_string() });
    let on = item.map_or(String::new(), |i| format!(" --item {i}"));
    let commit = each(&sealed["seal_moves"]).map(text).next().unwrap_or("MOVE");
    desk.face.show(&shown, || {
        format!(
            "sealed   {seal}\nkept in  {}: the form and its salt, which are nowhere else; keep a copy until it is revealed\n\
             now      entente dossier move {dossier} {commit}{on} --field {}={seal}\n\
             later    entente dossier move {dossier} {name}{on} --fields-file {}\n",
            file.display(),
            text(&sealed["seal_field"]),
            file.display()
        )
    })
}

/// Writes a proof to a file.
pub fn save_proof(desk: &Desk, proof: &Value, file: &std::path::Path) -> Result<(), Trouble> {
    std::fs::write(file, format!("{proof}\n")).map_err(|e| Trouble::unwritable(file, e))?;
    let shown = json!({ "file": file.display().to_string(), "claim": proof["claim"], "dossier": proof["dossier"], "acts": each(&proof["acts"]).count() });
    desk.face.show(&shown, || format!("the proof is in {}: {} acts; anyone checks it with entente verify\n", file.display(), shown["acts"]))
}

/// Lists dossiers.
pub fn list(desk: &Desk, mechanism: Option<&str>, closed: Option<bool>, limit: usize) -> Result<(), Trouble> {
    let mut path = format!("/v1/dossiers?limit={limit}");
    if let Some(m) = mechanism {
        path += &format!("&mechanism={}", crate::client::escape(m));
    }
    if let Some(c) = closed {
        path += &format!("&closed={c}");
    }
    let listed = desk.get(&path)?;
    let mut words: BTreeMap<String, Words> = BTreeMap::new();
    for l in each(&listed) {
        let name = text(&l["mechanism"]);
        if !words.contains_key(name) {
            words.insert(name.to_owned(), desk.mechanism(name)?);
        }
    }
    desk.face.show(&listed, || {
        let mut rows = vec![["ID", "MECHANISM", "TITLE", "PARTIES", "PHASE", "CHANGED"].map(str::to_owned).to_vec()];
        for l in each(&listed) {
            let parties: Vec<String> = each(&l["parties"]).map(|p| format!("{} {}", text(&p[0]), text(&p[1]))).collect();
            let forks = if l["forks"] == 0 { "" } else { " (a party spoke with two tongues)" };
            let phase = format!("{}{forks}", words[text(&l["mechanism"])].root_phase(text(&l["phase"])));
            rows.push(vec![
                super::face::short(&l["id"]),
                text(&l["mechanism"]).to_owned(),
                text(&l["title"]).to_owned(),
                parties.join(", "),
                phase,
                desk.face.time(&l["updated_at"]),
            ]);
        }
        if rows.len() == 1 { "no dossier\n".to_owned() } else { table(&rows) }
    })
}

/// Finds the whole id of a dossier.
pub fn whole(desk: &Desk, name: &str) -> Result<DossierId, Trouble> {
    match name.parse() {
        Ok(id) => Ok(id),
        Err(_) => parse(&desk.dossier(name)?.id),
    }
}

/// Takes fields as an intent wants them.
pub fn map(fields: Map<String, Value>) -> BTreeMap<String, Value> {
    fields.into_iter().collect()
}

fn party(services: &Services, typed: &str) -> Result<(ServiceId, String), Trouble> {
    let (name, role) = typed.split_once('=').ok_or_else(|| Trouble::Usage(format!("--party '{typed}' is not CODE=ROLE, for example es=requested")))?;
    Ok((services.find(name)?, role.to_owned()))
}

fn parse(id: &str) -> Result<DossierId, Trouble> {
    id.parse().map_err(|e: base::IdError| Trouble::refused(e.code(), e.to_string()))
}

fn item_id(item: &Value) -> Result<ItemId, Trouble> {
    text(&item["id"]).parse().map_err(|e: base::IdError| Trouble::refused(e.code(), e.to_string()))
}
