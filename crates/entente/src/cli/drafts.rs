//! `register`: events drafted from public texts, for an officer to confirm, correct or reject; nothing is taken as fact unseen.

use super::Global;
use super::desk::Desk;
use super::dossiers::map;
use super::face::{Face, each, note, plain, say, table, text, write};
use super::fields::{FieldArgs, read_text};
use super::intents::{WaitArgs, tell};
use super::trouble::Trouble;
use crate::client::escape;
use register::{Decisions, EventDraft, Reader, Text};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  entente register import --dry-run communique-fr.txt communique-es.txt
  entente register import --dry-run --json press/*.txt > events.jsonl
  entente register import press/*.txt

With --dry-run the texts are read here, no node is needed and nothing is kept. Texts of one event become one draft. Texts that give
no draft are named on standard error with the reason. A node adds the names of the file register.toml in its directory to those that
we ship; with --dry-run, --names gives such a file.";

/// What to do with the register.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum RegisterCommand {
    /// Read public texts and draft events
    #[command(after_help = EXAMPLES)]
    Import {
        /// Text files, UTF-8
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Read here and keep nothing; needs no node
        #[arg(long)]
        dry_run: bool,
        /// A service's own names beside ours; a node takes them from register.toml in its directory
        #[arg(long, value_name = "FILE", requires = "dry_run")]
        names: Option<PathBuf>,
    },
    /// List drafts
    List {
        /// Only those in this state
        #[arg(long, value_parser = ["draft", "confirmed", "rejected"])]
        state: Option<String>,
    },
    /// Show a draft with the words that it rests on
    Show {
        /// Its name, as register list shows it
        id: String,
    },
    /// Say that a draft is so, corrected or as it is
    Confirm {
        /// Its name, as register list shows it
        id: String,
        /// A file with the corrected event, as register show --json prints it under "event"
        #[arg(long, value_name = "FILE")]
        event: Option<PathBuf>,
    },
    /// Say that a draft is not so
    Reject {
        /// Its name, as register list shows it
        id: String,
    },
    /// Part a draft whose texts tell of several events; what was decided about it falls
    Split {
        /// Its name, as register list shows it
        id: String,
        /// Texts that become a draft of their own, by their places in the draft's list, such as 2,4; once for each
        #[arg(long = "texts", value_name = "PLACES", required = true)]
        parts: Vec<String>,
    },
    /// Make one draft of several that tell of one event; what was decided about them falls
    Join {
        /// Their names, as register list shows them
        #[arg(required = true, num_args = 2.., value_name = "ID")]
        ids: Vec<String>,
    },
    /// Open a working visit from a confirmed draft, as its host
    Visit {
        /// Its name, as register list shows it
        id: String,
        /// The guests, by their cards' codes
        #[arg(long = "guest", value_name = "CODES", required = true, value_delimiter = ',')]
        guests: Vec<String>,
        #[command(flatten)]
        fields: FieldArgs,
    },
}

impl RegisterCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        match self {
            RegisterCommand::Import { files, dry_run, names } => {
                let (texts, whole) = read(&files, &global.face());
                match dry_run {
                    true => read_here(&global.face(), &texts, &reader(names.as_deref())?)?,
                    false => import(&Desk::open(global)?, &texts)?,
                }
                if whole { Ok(()) } else { Err(Trouble::Found) }
            }
            RegisterCommand::List { state } => {
                let desk = Desk::open(global)?;
                let all = desk.get("/v1/register")?;
                let wanted: Value = each(&all).filter(|d| state.as_deref().is_none_or(|s| d["state"] == s)).cloned().collect();
                desk.face.show(&wanted, || {
                    let mut rows = vec![["ID", "STATE", "KIND", "DATES", "PLACE", "COUNTRIES", "TEXTS"].map(str::to_owned).to_vec()];
                    rows.extend(each(&wanted).map(row));
                    if rows.len() == 1 { "no draft\n".to_owned() } else { table(&rows) }
                })
            }
            RegisterCommand::Show { id } => {
                let desk = Desk::open(global)?;
                show(&desk.face, &find(&desk, &id)?)
            }
            RegisterCommand::Confirm { id, event } => {
                let corrected = event.as_deref().map(read_event).transpose()?;
                let desk = Desk::open(global)?;
                let id = text(&find(&desk, &id)?["id"]).to_owned();
                show(&desk.face, &desk.post(&format!("/v1/register/{}/confirm", escape(&id)), &json!({ "event": corrected }))?)
            }
            RegisterCommand::Reject { id } => {
                let desk = Desk::open(global)?;
                let id = text(&find(&desk, &id)?["id"]).to_owned();
                show(&desk.face, &desk.post(&format!("/v1/register/{}/reject", escape(&id)), &json!({}))?)
            }
            RegisterCommand::Split { id, parts } => {
                let places = |part: &String| part.split(',').map(|place| place.trim().parse::<usize>()).collect::<Result<Vec<_>, _>>();
                let parts: Vec<Vec<usize>> = parts
                    .iter()
                    .map(|part| places(part).map_err(|_| Trouble::Usage(format!("--texts takes places such as 2 or 2,4, not '{part}'"))))
                    .collect::<Result<_, _>>()?;
                let desk = Desk::open(global)?;
                let id = text(&find(&desk, &id)?["id"]).to_owned();
                show_all(&desk.face, &desk.post(&format!("/v1/register/{}/split", escape(&id)), &json!({ "parts": parts }))?)
            }
            RegisterCommand::Join { ids } => {
                let desk = Desk::open(global)?;
                let ids = ids.iter().map(|id| Ok(text(&find(&desk, id)?["id"]).to_owned())).collect::<Result<Vec<_>, Trouble>>()?;
                show_all(&desk.face, &desk.post("/v1/register/join", &json!({ "drafts": ids }))?)
            }
            RegisterCommand::Visit { id, guests, fields } => {
                let desk = Desk::open(global)?;
                let services = desk.services()?;
                let guests = guests.iter().map(|g| services.find(g)).collect::<Result<Vec<_>, _>>()?;
                let visit = desk.mechanism("working-visit")?;
                let fields = map(fields.read(&visit.form(visit.root())?, &|code| services.by_code(code))?);
                let id = text(&find(&desk, &id)?["id"]).to_owned();
                let made = desk.post(&format!("/v1/register/{}/visit", escape(&id)), &json!({ "guests": guests, "fields": fields }))?;
                tell(&desk, made, WaitArgs::default())
            }
        }
    }
}

/// Reads texts; one that cannot be read is named on standard error and the others are read all the same.
fn read(files: &[PathBuf], face: &Face) -> (Vec<(String, String)>, bool) {
    let mut texts = Vec::new();
    for file in files {
        match read_text(file) {
            Ok(body) => texts.push((file.display().to_string(), body)),
            Err(trouble) => say(&trouble.print(false, face.lang)),
        }
    }
    let whole = texts.len() == files.len();
    (texts, whole)
}

/// Reads with our names, and those of a service's own file.
pub fn reader(names: Option<&Path>) -> Result<Reader, Trouble> {
    let Some(path) = names else { return Ok(Reader::shipped()) };
    let refused = |fault: register::NamesFault| Trouble::refused("refusal.register.names", format!("{}: {fault}", path.display()));
    Reader::with_names(&read_text(path)?).map_err(refused)
}

fn read_here(face: &Face, texts: &[(String, String)], reader: &Reader) -> Result<(), Trouble> {
    let texts: Vec<Text<'_>> = texts.iter().map(|(path, body)| Text { path, body }).collect();
    let reading = reader.read(&texts, &Decisions::default());
    for event in &reading.events {
        match face.json {
            true => write(&format!("{}\n", serde_json::to_string(event).expect("a draft has a JSON form")))?,
            false => write(&plain(&format!("{}\n", draw(face, &json!(event)))))?,
        }
    }
    reading.silent.iter().for_each(|s| note(&silence(&json!(s))));
    Ok(())
}

fn import(desk: &Desk, texts: &[(String, String)]) -> Result<(), Trouble> {
    let texts: Vec<Value> = texts.iter().map(|(path, body)| json!({ "path": path, "body": body })).collect();
    let answer = desk.post("/v1/register", &json!({ "texts": texts }))?;
    for draft in each(&answer["drafts"]) {
        show(&desk.face, draft)?;
    }
    each(&answer["silent"]).for_each(|s| note(&silence(s)));
    Ok(())
}

fn silence(s: &Value) -> String {
    format!("{}: {}: {}\n", text(&s["source"]), text(&s["code"]), text(&s["reason"]))
}

/// Finds a draft by its id or the first six digits or more.
fn find(desk: &Desk, id: &str) -> Result<Value, Trouble> {
    let all = desk.get("/v1/register")?;
    let id = id.to_ascii_lowercase();
    let mut found = each(&all).filter(|d| text(&d["id"]) == id || (id.len() >= 6 && text(&d["id"]).starts_with(&id)));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        _ => Err(Trouble::refused("refusal.node.absent", format!("there is no draft '{id}' here, or several begin so"))
            .remedy("give six digits of its id or more; entente register list shows them")),
    }
}

fn read_event(path: &Path) -> Result<EventDraft, Trouble> {
    serde_json::from_str(&read_text(path)?).map_err(|e| Trouble::refused("refusal.register.event", format!("{} does not hold an event: {e}", path.display())))
}

fn row(d: &Value) -> Vec<String> {
    let e = &d["event"];
    let list = |v: &Value| each(v).map(text).collect::<Vec<_>>().join(" ");
    vec![
        text(&d["id"]).to_owned(),
        text(&d["state"]).to_owned(),
        text(&e["kind"]).to_owned(),
        dates(e),
        text(&e["place"]).to_owned(),
        list(&e["countries"]),
        each(&e["sources"]).count().to_string(),
    ]
}

fn show(face: &Face, draft: &Value) -> Result<(), Trouble> {
    face.show(draft, || {
        let by = draft["by"].as_str().map(|by| format!(" by {by}")).unwrap_or_default();
        let later = each(&draft["later"]).map(|path| format!("came later   {}\n", text(path))).collect::<String>();
        format!("draft        {}, {}{by}\n{}{later}\n", text(&draft["id"]), text(&draft["state"]), draw(face, &draft["event"]))
    })
}

fn show_all(face: &Face, drafts: &Value) -> Result<(), Trouble> {
    match face.json {
        true => face.show(drafts, String::new),
        false => each(drafts).try_for_each(|draft| show(face, draft)),
    }
}

/// Draws an event: each value with the words that it rests on.
fn draw(face: &Face, e: &Value) -> String {
    let mut out = String::new();
    let mut line = |label: &str, field: &str, value: String| {
        if value.is_empty() {
            return;
        }
        out += &format!("{label:12} {value}\n");
        for span in each(&e["spans"][field]) {
            let source = span["source"].as_u64().and_then(|n| e["sources"].get(n as usize)).map(text).unwrap_or_default();
            let words: Vec<&str> = text(&span["text"]).split_whitespace().collect();
            out += &format!("{:12}   « {} » {source}:{}\n", "", words.join(" "), span["start"]);
        }
    };
    let list = |v: &Value| each(v).map(text).collect::<Vec<_>>().join(", ");
    let countries: Vec<String> = each(&e["countries"]).map(|c| face.code("countries", text(c))).collect();
    let officials: Vec<String> =
        each(&e["officials"]).map(|o| [text(&o["name"]), text(&o["office"])].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(", ")).collect();
    let points = |field: &str| {
        each(&e[field]).map(|p| p["topic"].as_str().map_or_else(|| text(&p["text"]).to_owned(), |t| format!("[{t}] {}", text(&p["text"])))).collect::<Vec<_>>()
    };
    let form = e["form"].as_str().map(|form| format!(", {form}")).unwrap_or_default();
    line("kind", "kind", format!("{}{form}", text(&e["kind"])));
    let date_field = if e["date_from"].is_null() { "date_precision" } else { "date_from" };
    line("dates", date_field, dates(e));
    line("place", "place", text(&e["place"]).to_owned());
    line("countries", "countries", countries.join(", "));
    line("services", "services", list(&e["services"]));
    officials.into_iter().for_each(|o| line("official", "", o));
    line("threats", "threat_areas", list(&e["threat_areas"]));
    points("commitments").into_iter().for_each(|p| line("promised", "", p));
    points("considered").into_iter().for_each(|p| line("considered", "", p));
    for step in each(&e["steps"]) {
        let parts = [text(&step["kind"]), text(&step["date"]), text(&step["place"])];
        let words: Vec<&str> = text(&step["text"]).split_whitespace().collect();
        line("step", "", format!("{}: « {} »", parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", "), words.join(" ")));
    }
    let numbered: Vec<String> = each(&e["sources"]).enumerate().map(|(at, path)| format!("{}. {}", at + 1, text(path))).collect();
    line("texts", "", format!("{} ({})", numbered.join("  "), list(&e["languages"])));
    each(&e["joined_because"]).for_each(|b| line("one event", "", text(b).to_owned()));
    for dispute in each(&e["disputes"]) {
        let side = |side: &Value| {
            let who: Vec<&str> = each(&side["sources"]).filter_map(|at| e["sources"].get(at.as_u64()? as usize)).map(text).collect();
            format!("{} ({})", text(&side["value"]), who.join(", "))
        };
        line("differ", "", format!("{}: {}", text(&dispute["field"]), each(&dispute["sides"]).map(side).collect::<Vec<_>>().join("; ")));
    }
    each(&e["contradictions"]).for_each(|c| line("but", "", text(c).to_owned()));
    out
}

fn dates(e: &Value) -> String {
    match (text(&e["date_from"]), text(&e["date_to"]), text(&e["date_precision"])) {
        ("", _, _) => "not known".to_owned(),
        (from, _, "month") => format!("{} (month)", &from[..from.len().min(7)]),
        (from, _, "year") => format!("{} (year)", &from[..from.len().min(4)]),
        (from, to, _) if to.is_empty() || from == to => from.to_owned(),
        (from, to, _) => format!("{from} to {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_say_how_closely_they_are_known() {
        let d = |from: Value, to: Value, precision: &str| dates(&json!({ "date_from": from, "date_to": to, "date_precision": precision }));
        assert_eq!(d(json!("2025-01-28"), json!("2025-01-29"), "day"), "2025-01-28 to 2025-01-29");
        assert_eq!(d(json!("2025-01-28"), json!("2025-01-28"), "day"), "2025-01-28");
        assert_eq!(d(json!("2025-01-01"), json!("2025-01-31"), "month"), "2025-01 (month)");
        assert_eq!(d(json!("2025-01-01"), json!("2025-12-31"), "year"), "2025 (year)");
        assert_eq!(d(Value::Null, Value::Null, "none"), "not known");
    }
}
