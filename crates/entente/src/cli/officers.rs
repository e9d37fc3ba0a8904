//! `officer`: who may sign in, and as what.

use super::Global;
use super::desk::Desk;
use super::face::{each, table, text};
use super::trouble::Trouble;
use crate::home::Home;
use serde_json::{Value, json};

/// What to do with officers.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum OfficerCommand {
    /// Register an officer, or give one a new token; the token is shown once
    Add {
        /// The name that acts carry, such as liaison.07; only this service resolves it to a person
        id: String,
        /// The person's name; it never leaves this node
        #[arg(long)]
        name: String,
        /// officer, desk, supervisor, competent-authority, data-protection or administrator; repeat it for more
        #[arg(long = "role", required = true, value_delimiter = ',')]
        roles: Vec<String>,
        /// Keep the token in the node's directory, so that --officer ID signs in
        #[arg(long)]
        keep_token: bool,
    },
    /// List officers and their roles
    List,
}

impl OfficerCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        let desk = Desk::open(global)?;
        match self {
            OfficerCommand::Add { id, name, roles, keep_token } => {
                let token = desk.post("/v1/officers", &json!({ "id": id, "name": name, "roles": roles }))?["token"].clone();
                let kept = match keep_token {
                    true => Some(Home::open(&global.dir())?.keep_token(&id, text(&token))?.display().to_string()),
                    false => None,
                };
                desk.face.show(&json!({ "officer": id, "token": token, "token_kept": kept }), || match &kept {
                    Some(path) => format!("officer {id} signs in with --officer {id}; the token is kept in {path}\n"),
                    None => format!("officer {id} signs in with this token, which is shown once:\n{}\n", text(&token)),
                })
            }
            OfficerCommand::List => {
                let officers = desk.get("/v1/officers")?;
                desk.face.show(&officers, || {
                    let mut rows = vec![["ID", "NAME", "ROLES", "ACTIVE"].map(str::to_owned).to_vec()];
                    let roles = |o: &Value| each(&o["roles"]).map(text).collect::<Vec<_>>().join(", ");
                    rows.extend(each(&officers).map(|o| {
                        vec![text(&o["id"]).to_owned(), text(&o["name"]).to_owned(), roles(o), if o["active"] == true { "yes" } else { "no" }.to_owned()]
                    }));
                    table(&rows)
                })
            }
        }
    }
}
