//! `ask`: do partners hold anything on this person, document, phone, plate, vessel, account? Hit or no-hit; then confirm, then ask for more.

use super::desk::{Desk, Services};
use super::face::{each, short, table, text};
use super::fields::{lang_text, read_text};
use super::intents::{WaitArgs, tell};
use super::trouble::Trouble;
use crate::client::escape;
use crate::sources::Format;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Time between two looks at a question.
const LOOK: Duration = Duration::from_millis(250);

const EXAMPLES: &str = "Examples:
  entente ask person --with ma --name \"Youssef Benchekroun\" --birth 1981-03-07 --reference ES-2025-44 --purpose investigate \\
      --offence drug-trafficking --category suspect --aim learn-more --reason es=\"Visto dos veces en el puerto\" --wait
  entente ask person --with ma,de --phone +212537000001 --plate MA:12345-A-6 --reference … --standing
  entente ask status
  entente ask confirm 4f1a09
  entente ask follow-up 4f1a09 --question es=\"¿Qué consta de él?\"

A name asks with a date or year of birth only. Each partner gets a question of its own, and none learns whom it is about, or who else was asked.
Every question counts in elements, 64 for each subject at least, against the quotas of the accord.";

/// What to ask.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum AskCommand {
    /// Ask partners whether they hold a person, document, phone, plate, vessel or account
    #[command(after_help = EXAMPLES)]
    Person(Box<PersonArgs>),
    /// Show questions and how they stand, or one of them
    Status {
        /// The question, by its first six digits or more
        question: Option<String>,
    },
    /// Show which partners' lists can be asked, and what was asked of each
    Lists,
    /// Confirm a hit: the partner learns which record it is and hands out its reference
    Confirm {
        /// The question, by its first six digits or more
        question: String,
        /// Wait for the reference
        #[arg(long)]
        wait: bool,
        /// Seconds to wait at most
        #[arg(long, default_value_t = 30, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Open the information request that follows a confirmed hit; what is known is filled in
    FollowUp {
        /// The question, by its first six digits or more
        question: String,
        /// What is asked; repeat it for more
        #[arg(long = "question", value_name = "LANG=TEXT", required = true)]
        questions: Vec<String>,
        /// The facts [default: the reason of the question]
        #[arg(long, value_name = "LANG=TEXT")]
        facts: Option<String>,
        /// The urgency: a code of the vocabulary urgency
        #[arg(long, value_name = "CODE", default_value = "ordinary")]
        urgency: String,
    },
    /// List standing subjects, or end one
    Standing {
        /// End this one, by its question's first six digits or more
        #[arg(long, value_name = "QUESTION")]
        end: Option<String>,
    },
    /// Ask about a list of persons under a list grant; without a file, show how far lists are
    #[command(
        after_help = "The grant is a dossier of the mechanism hit-no-hit: entente dossier open hit-no-hit …; its moves pause, resume and finish it.\nThe file has the columns of entente index load; 'reference' is the own name of each person and leaves this node with nothing."
    )]
    Batch {
        /// The file: CSV or FollowTheMoney entities
        #[arg(requires = "grant")]
        file: Option<PathBuf>,
        /// The list grant's dossier: id, or its first six digits or more
        #[arg(long, value_name = "DOSSIER")]
        grant: Option<String>,
        /// To identify, or to learn more
        #[arg(long, value_parser = ["identify", "learn-more"], default_value = "identify")]
        aim: String,
        /// The file's form [default: by its name's ending]
        #[arg(long)]
        format: Option<Format>,
    },
    /// Open a question's line of the log for an auditor: inputs and blinds; logged, for the data-protection officer
    Open {
        /// The question, by its first six digits or more
        question: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Check what a partner opened against the question that was answered here; for the data-protection officer
    Check {
        /// A file with what 'entente ask open --json' printed at the partner
        file: PathBuf,
    },
}

/// A subject and why it is asked about.
#[derive(Debug, Clone, clap::Args)]
pub struct PersonArgs {
    /// Whom to ask, by their cards' codes
    #[arg(long = "with", value_name = "CODES", required = true, value_delimiter = ',')]
    to: Vec<String>,
    /// A name or alias, in any script; repeat it for more
    #[arg(long = "name")]
    names: Vec<String>,
    /// Date or year of birth: 1981-03-07, 1981, h1401-05-01
    #[arg(long = "birth", value_name = "DATE")]
    births: Vec<String>,
    /// A document
    #[arg(long = "document", value_name = "COUNTRY:KIND:NUMBER")]
    documents: Vec<String>,
    /// A telephone number, with + and country code
    #[arg(long = "phone")]
    phones: Vec<String>,
    /// A plate
    #[arg(long = "plate", value_name = "COUNTRY:PLATE")]
    plates: Vec<String>,
    /// A vessel's IMO number
    #[arg(long = "vessel", value_name = "IMO")]
    vessels: Vec<String>,
    /// An IBAN, or COUNTRY:NUMBER
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// How you call the subject here; never leaves this node
    #[arg(long, default_value = "")]
    label: String,
    /// The case's own reference
    #[arg(long)]
    reference: String,
    /// Why it is asked
    #[arg(long, value_name = "LANG=TEXT")]
    reason: String,
    /// The purpose: a code of the vocabulary legal-purposes
    #[arg(long, value_name = "CODE")]
    purpose: String,
    /// The offence: a code of the vocabulary crime-areas
    #[arg(long, value_name = "CODE")]
    offence: String,
    /// Who is asked about: a code of the vocabulary data-subject-categories
    #[arg(long, value_name = "CODE")]
    category: String,
    /// To identify, or to learn more
    #[arg(long, value_parser = ["identify", "learn-more"])]
    aim: String,
    /// The list grant that permits more than the quotas: its dossier's whole id
    #[arg(long, value_name = "DOSSIER")]
    grant: Option<String>,
    /// Look the subject up in every change of the list from now on, without another question
    #[arg(long)]
    standing: bool,
    /// Wait for the answers
    #[arg(long)]
    wait: bool,
    /// Seconds to wait at most
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    timeout: u64,
}

impl AskCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        let path = |question: &str, what: &str| format!("/v1/asks/{}{what}", escape(question));
        match self {
            AskCommand::Person(args) => args.run(desk),
            AskCommand::Status { question: None } => listed(desk, "/v1/asks"),
            AskCommand::Status { question: Some(q) } => {
                let (one, services) = (desk.get(&path(&q, ""))?, desk.services()?);
                desk.face.show(&one, || picture(desk, &services, &one))
            }
            AskCommand::Lists => lists(desk),
            AskCommand::Confirm { question, wait, timeout } => {
                desk.post(&path(&question, "/confirm"), &json!({}))?;
                let one = settled(desk, &question, "confirmed", if wait { timeout } else { 0 })?;
                let services = desk.services()?;
                desk.face.show(&one, || picture(desk, &services, &one))
            }
            AskCommand::FollowUp { question, questions, facts, urgency } => {
                let texts = questions.iter().map(|q| lang_text(q)).collect::<Result<Vec<_>, _>>()?;
                let mut fields = Map::from_iter([("question".to_owned(), json!(texts)), ("urgency".to_owned(), json!(urgency))]);
                if let Some(f) = facts {
                    fields.insert("facts".to_owned(), json!(lang_text(&f)?));
                }
                let made = desk.post(&path(&question, "/follow-up"), &json!({ "fields": fields }))?;
                tell(desk, made, WaitArgs::default())
            }
            AskCommand::Standing { end: None } => listed(desk, "/v1/asks?standing=true"),
            AskCommand::Standing { end: Some(q) } => {
                desk.post(&path(&q, "/end-standing"), &json!({}))?;
                desk.face.show(&json!({ "ended": q }), || "it is looked up in changes no longer\n".to_owned())
            }
            AskCommand::Batch { file, grant, aim, format } => batch(desk, file, grant, &aim, format),
            AskCommand::Open { question, reason } => {
                let opened = desk.post(&path(&question, "/open"), &json!({ "reason": reason }))?;
                desk.face.show(&opened, || each(&opened["openings"]).map(|o| format!("{}  {}\n", text(&o["blind"]), text(&o["input"]))).collect())
            }
            AskCommand::Check { file } => {
                let opened: Value = serde_json::from_str(&read_text(&file)?).map_err(|e| Trouble::unreadable(&file, e))?;
                let pairs: Vec<(&str, &str)> = each(&opened["openings"]).map(|o| (text(&o["input"]), text(&o["blind"]))).collect();
                let checked = desk.post(&path(text(&opened["question"]), "/check"), &json!({ "openings": pairs }))?;
                let bad = each(&checked).filter(|o| o["opens"] != true).count();
                desk.face.show(&checked, || format!("{} elements were opened; {bad} of them do not open what was asked\n", each(&checked).count()))
            }
        }
    }
}

impl PersonArgs {
    fn run(self, desk: &Desk) -> Result<(), Trouble> {
        let services = desk.services()?;
        let to = self.to.iter().map(|c| services.find(c)).collect::<Result<Vec<_>, _>>()?;
        let parted = |all: &[String], n: usize, form: &str| -> Result<Vec<Vec<String>>, Trouble> {
            let part = |v: &String| {
                let parts: Vec<String> = v.splitn(n, ':').map(str::to_owned).collect();
                if parts.len() == n { Ok(parts) } else { Err(Trouble::Usage(format!("'{v}' is not {form}"))) }
            };
            all.iter().map(part).collect()
        };
        let subject = json!({
            "names": self.names, "births": self.births, "documents": parted(&self.documents, 3, "COUNTRY:KIND:NUMBER")?, "phones": self.phones,
            "plates": parted(&self.plates, 2, "COUNTRY:PLATE")?, "vessels": self.vessels, "accounts": self.accounts,
        });
        let form = json!({
            "to": to, "subject": subject, "label": self.label, "purpose": self.purpose, "offence": self.offence, "category": self.category, "aim": self.aim,
            "reference": self.reference, "reason": lang_text(&self.reason)?, "grant": self.grant, "standing": self.standing,
        });
        let asked = desk.post("/v1/asks", &form)?;
        let mut out = Vec::new();
        for a in each(&asked) {
            out.push(match a["question"].as_str() {
                Some(q) => settled(desk, q, "sent", if self.wait { self.timeout } else { 0 })?,
                None => a.clone(),
            });
        }
        let all = Value::Array(out);
        desk.face.show(&all, || each(&all).map(|a| picture(desk, &services, a)).collect::<Vec<_>>().join("\n"))
    }
}

/// Looks at a question until it is in another state than one, at most so many seconds.
fn settled(desk: &Desk, question: &str, state: &str, seconds: u64) -> Result<Value, Trouble> {
    let began = Instant::now();
    loop {
        let one = desk.get(&format!("/v1/asks/{}", escape(question)))?;
        if one["state"] != state || began.elapsed() >= Duration::from_secs(seconds) {
            return Ok(one);
        }
        std::thread::sleep(LOOK);
    }
}

/// Says how a question stands, in a sentence.
fn said(a: &Value) -> String {
    let quality = a["quality"].as_str().map_or(String::new(), |q| format!(" ({q})"));
    match text(&a["state"]) {
        "sent" => "not answered yet".to_owned(),
        "no-hit" => "NO HIT".to_owned(),
        "hit" => format!("HIT{quality}; confirm it to learn where to ask"),
        "confirmed" => format!("hit{quality}, confirmed; its reference is on its way"),
        "referred" => format!("hit{quality}, confirmed"),
        "false-hit" => "NO HIT: what looked like one was none".to_owned(),
        "failed" => format!("NOTHING IS KNOWN: it was refused or its answer does not hold [{}]", text(&a["code"])),
        "expired" => "expired; ask again if it is still needed".to_owned(),
        _ => format!("not asked: {} [{}]", text(&a["what"]), text(&a["code"])),
    }
}

fn picture(desk: &Desk, services: &Services, a: &Value) -> String {
    let mut out = format!("{:<9} {}\n", services.code(&a["to"]), said(a));
    if a["question"].is_null() {
        return out;
    }
    out += &format!("question  {}  {}\n", short(&a["question"]), desk.face.time(&a["at"]));
    if let Some(label) = a["label"].as_str().filter(|l| !l.is_empty()) {
        out += &format!("subject   {label}\n");
    }
    let kinds: Vec<String> = a["hits"].as_object().into_iter().flatten().map(|(k, n)| format!("{k} {n}")).collect();
    if !kinds.is_empty() {
        out += &format!("keys hit  {}\n", kinds.join(", "));
    }
    for r in each(&a["references"]) {
        let category = desk.face.code("data-subject-categories", text(&r["category"]));
        out += &format!(
            "reference {}, {category}, {}, contact {}, kept until {}\n",
            text(&r["reference"]),
            text(&r["quality"]),
            text(&r["contact"]),
            text(&r["until"])
        );
    }
    if let Some(f) = a["followed"].as_str() {
        out += &format!("followed  {f}\n");
    }
    if a["standing"] == true {
        out += "standing  looked up in every change\n";
    }
    out
}

fn listed(desk: &Desk, path: &str) -> Result<(), Trouble> {
    let (all, services) = (desk.get(path)?, desk.services()?);
    desk.face.show(&all, || {
        let heading = ["question", "asked", "whom", "case", "subject", "how it stands"].map(str::to_owned).to_vec();
        let row = |a: &Value| {
            vec![
                short(&a["question"]),
                desk.face.time(&a["at"]),
                services.code(&a["to"]),
                text(&a["reference"]).to_owned(),
                text(&a["label"]).to_owned(),
                said(a),
            ]
        };
        match table(&std::iter::once(heading).chain(each(&all).map(row)).collect::<Vec<_>>()) {
            none if none.is_empty() => "nothing of this kind was asked\n".to_owned(),
            some => some,
        }
    })
}

fn lists(desk: &Desk) -> Result<(), Trouble> {
    let (all, services) = (desk.get("/v1/lists")?, desk.services()?);
    desk.face.show(&all, || {
        let heading = ["partner", "epoch", "tags", "changed", "until", "elements asked in ten days"].map(str::to_owned).to_vec();
        let row = |l: &Value| {
            let times = [desk.face.time(&l["as_of"]), desk.face.time(&l["until"])];
            [vec![services.code(&l["partner"]), l["epoch"].to_string(), l["tags"].to_string()], times.to_vec(), vec![l["asked"].to_string()]].concat()
        };
        match table(&std::iter::once(heading).chain(each(&all).map(row)).collect::<Vec<_>>()) {
            none if none.is_empty() => "no partner's list is here\n".to_owned(),
            some => some,
        }
    })
}

fn batch(desk: &Desk, file: Option<PathBuf>, grant: Option<String>, aim: &str, format: Option<Format>) -> Result<(), Trouble> {
    if let (Some(file), Some(grant)) = (&file, &grant) {
        let form = json!({ "grant": grant, "aim": aim, "format": super::index::format_of(file, format)?, "text": read_text(file)? });
        let taken = desk.post("/v1/batches", &form)?;
        return desk
            .face
            .show(&taken, || format!("{} persons are asked about while the grant is open: entente ask batch shows how far it is\n", taken["persons"]));
    }
    let (all, services) = (desk.get("/v1/batches")?, desk.services()?);
    desk.face.show(&all, || {
        let one = |b: &Value| {
            let stands = b["stands"].as_str().map_or(String::new(), |c| format!("; it stands still [{c}]"));
            let hits: Vec<String> = each(&b["hits"]).map(short).collect();
            format!(
                "{}  {}  {}: {} of {} asked, {} answered{stands}\nhits      {}\n",
                short(&b["grant"]),
                services.code(&b["to"]),
                text(&b["phase"]),
                b["asked"],
                b["persons"],
                b["answered"],
                if hits.is_empty() { "none".to_owned() } else { hits.join(" ") }
            )
        };
        match each(&all).map(one).collect::<String>() {
            none if none.is_empty() => "no list is asked\n".to_owned(),
            some => some,
        }
    })
}
