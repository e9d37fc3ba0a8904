//! What waits: proposals for a second officer (`pending`), and everything with a deadline (`due`).

use super::desk::{Desk, Services};
use super::dossier_view::value_text;
use super::face::{distance, each, short, table, text};
use super::intents::{WaitArgs, approve};
use super::trouble::Trouble;
use super::words::Words;
use crate::client::escape;
use crate::engine::now;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What to do with proposals.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PendingCommand {
    /// List proposals that wait for a second officer, with what they would do
    List,
    /// Approve a proposal as the second officer; the act is then signed and sent
    Approve {
        /// The proposal's name, as pending list shows it
        id: String,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Dismiss a proposal; nothing of it leaves this node
    Dismiss {
        /// The proposal's name, as pending list shows it
        id: String,
    },
}

impl PendingCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            PendingCommand::List => {
                let pending = desk.get("/v1/pending")?;
                let services = desk.services()?;
                let mut forms = Vec::new();
                if !desk.face.json {
                    for p in each(&pending) {
                        forms.push(form(desk, &p["intent"])?);
                    }
                }
                desk.face.show(&pending, || {
                    let all: String = each(&pending).zip(&forms).map(|(p, form)| proposal(desk, &services, form, p)).collect();
                    if all.is_empty() { "nothing waits for a second officer\n".to_owned() } else { all }
                })
            }
            PendingCommand::Approve { id, wait } => approve(desk, &id, wait),
            PendingCommand::Dismiss { id } => {
                desk.delete(&format!("/v1/pending/{}", escape(&id)))?;
                desk.face.show(&json!({ "dismissed": id }), || format!("proposal {id} is dismissed; nothing of it left this node\n"))
            }
        }
    }
}

/// Finds the form that a proposal fills: its mechanism, the kind of item, and the move if it is one.
fn form(desk: &Desk, intent: &Value) -> Result<(Words, String, Option<String>), Trouble> {
    if intent["do"] == "open" {
        let words = desk.mechanism(text(&intent["mechanism"]))?;
        let root = words.root().to_owned();
        return Ok((words, root, None));
    }
    let words = desk.dossier(text(&intent["dossier"]))?.words;
    if intent["do"] == "open-item" {
        return Ok((words, text(&intent["kind"]).to_owned(), None));
    }
    let kind = match intent["item"].as_str() {
        Some(item) => {
            let view = desk.consult(text(&intent["dossier"]), "to show a proposal that waits (command line)")?;
            text(&desk.item(&view, item)?["kind"]).to_owned()
        }
        None => words.root().to_owned(),
    };
    Ok((words, kind, Some(text(&intent["name"]).to_owned())))
}

/// Writes a proposal out, so that the second officer sees what would be signed.
fn proposal(desk: &Desk, services: &Services, (words, kind, mv): &(Words, String, Option<String>), p: &Value) -> String {
    let i = &p["intent"];
    let parties: Vec<String> = each(&i["parties"]).map(|x| format!("{} {}", services.code(&x[0]), text(&x[1]))).collect();
    let what = match text(&i["do"]) {
        "open" => format!("open {} with {}", text(&i["mechanism"]), parties.join(", ")),
        "open-item" => format!("open {} in dossier {}", text(&i["kind"]), short(&i["dossier"])),
        _ => format!("{} in dossier {}", text(&i["name"]), short(&i["dossier"])),
    };
    let roles: Vec<&str> = each(&p["roles"]).map(text).collect();
    let mut out = format!("{}  {what}\n  by {} at {}; to be approved by {}\n", text(&p["id"]), text(&p["by"]), desk.face.time(&p["at"]), roles.join(" or "));
    for (id, value) in i["fields"].as_object().into_iter().flatten() {
        let (label, vocabulary) = words.field(kind, mv.as_deref(), id);
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let shown = value_text(&desk.face, services, value, vocabulary).trim_end().replace('\n', "\n    | ");
            out += &format!("  {label}: {shown}\n");
        }
    }
    out += &format!("  handling: {}\n", value_text(&desk.face, services, &i["handling"], None));
    out
}

/// Shows what is due: approvals, then our own clocks, then those of partners, the nearest first.
pub fn due(desk: &Desk) -> Result<(), Trouble> {
    let Value::Array(mut due) = desk.get("/v1/due")? else { return Err(Trouble::refused("failure.client.answer", "the node's answer holds no list")) };
    sort(&mut due);
    let due = Value::Array(due);
    let mut words: BTreeMap<String, Words> = BTreeMap::new();
    for d in each(&due) {
        let name = text(&d["mechanism"]);
        if !name.is_empty() && !words.contains_key(name) {
            words.insert(name.to_owned(), desk.mechanism(name)?);
        }
    }
    let at = now().0;
    desk.face.show(&due, || {
        let mut rows = vec![["WHOSE TURN", "DUE", "", "WHAT", "DOSSIER", "TITLE"].map(str::to_owned).to_vec()];
        for d in each(&due) {
            let (kind, clock) = text(&d["what"]).split_once('/').unwrap_or((text(&d["what"]), ""));
            let (whose, what) = match text(&d["kind"]) {
                "approval" => ("a second officer".to_owned(), format!("proposal {kind} by {}", text(&d["answers"]))),
                "ours" => ("ours".to_owned(), words[text(&d["mechanism"])].clock(kind, clock)),
                _ => (text(&d["answers"]).to_owned(), words[text(&d["mechanism"])].clock(kind, clock)),
            };
            let left = match (d["due"].as_i64(), text(&d["state"])) {
                (_, "paused") => "stands still".to_owned(),
                (Some(due), _) => distance(due, at),
                (None, _) => String::new(),
            };
            rows.push(vec![whose, desk.face.time(&d["due"]), left, what, short(&d["dossier"]), text(&d["title"]).to_owned()]);
        }
        if rows.len() == 1 { "nothing is due\n".to_owned() } else { table(&rows) }
    })
}

/// Puts approvals first, then what is ours; within each, the nearest first, as the node gave them.
fn sort(due: &mut [Value]) {
    due.sort_by_key(|d| match text(&d["kind"]) {
        "approval" => 0,
        "ours" => 1,
        _ => 2,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_comes_first_and_keeps_its_order() {
        let d = |kind: &str, n: i64| json!({ "kind": kind, "due": n });
        let mut due = vec![d("theirs", 1), d("ours", 2), d("approval", 0), d("theirs", 3), d("ours", 4)];
        sort(&mut due);
        let order: Vec<String> = due.iter().map(|d| format!("{} {}", text(&d["kind"]), d["due"])).collect();
        assert_eq!(order.join(", "), "approval 0, ours 2, ours 4, theirs 1, theirs 3");
    }
}
