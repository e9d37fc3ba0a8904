//! `officer`: who may sign in, and as what.

use super::Global;
use super::desk::Desk;
use super::face::{each, table, text};
use super::trouble::Trouble;
use crate::home::Home;
use serde_json::{Value, json};

/// Roles that an officer may have; a test holds them against the node's own.
const ROLES: [&str; 6] = ["officer", "desk", "supervisor", "competent-authority", "data-protection", "administrator"];

/// What to do with officers.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum OfficerCommand {
    /// Register an officer, or give one a new token, name and roles; the token is shown once and the old one is void
    Add {
        /// The name that acts carry, such as liaison.07; only this service resolves it to a person
        id: String,
        /// The person's name; it never leaves this node
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        name: String,
        /// What the officer may do; repeat it for more
        #[arg(long = "role", required = true, value_delimiter = ',', value_name = "ROLE", value_parser = ROLES)]
        roles: Vec<String>,
        /// Keep the token in the node's directory, so that --officer ID signs in
        #[arg(long)]
        keep_token: bool,
    },
    /// Invite an officer to the desk: a link, shown once, with which they make a passkey in their browser
    Invite {
        /// The officer's name
        id: String,
    },
    /// Lock an officer out: the token no longer signs in
    Lock {
        /// The officer's name
        id: String,
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
                let before = each(&desk.get("/v1/officers")?).find(|o| o["id"] == id.as_str()).map(told);
                let token = desk.post("/v1/officers", &json!({ "id": id, "name": name, "roles": roles }))?["token"].clone();
                let kept = match keep_token {
                    true => Some(Home::open(&global.dir())?.keep_token(&id, text(&token))?.display().to_string()),
                    false => None,
                };
                desk.face.show(&json!({ "officer": id, "token": token, "token_kept": kept, "replaced": before.is_some() }), || {
                    let was = before.map(|b| format!("officer {id} was here already ({b}): name and roles are replaced, the old token is void\n"));
                    was.unwrap_or_default()
                        + &match &kept {
                            Some(path) => format!("officer {id} signs in with --officer {id}; the token is kept in {path}\n"),
                            None => format!("officer {id} signs in with this token, which is shown once:\n{}\n", text(&token)),
                        }
                })
            }
            OfficerCommand::Lock { id } => {
                desk.post(&format!("/v1/officers/{}/lock", crate::client::escape(&id)), &json!({}))?;
                desk.face.show(&json!({ "officer": id, "active": false }), || format!("officer {id} can no longer sign in\n"))
            }
            OfficerCommand::Invite { id } => {
                let invited = desk.post(&format!("/v1/officers/{}/invite", crate::client::escape(&id)), &json!({}))?;
                desk.face.show(&invited, || {
                    let link = text(&invited["link"]);
                    format!("officer {id} opens this link once, within {} hours, and makes a passkey; hand it over in person:\n{link}\n", invited["hours"])
                })
            }
            OfficerCommand::List => {
                let officers = desk.get("/v1/officers")?;
                desk.face.show(&officers, || {
                    let mut rows = vec![["ID", "NAME", "ROLES", "ACTIVE"].map(str::to_owned).to_vec()];
                    rows.extend(each(&officers).map(|o| {
                        vec![text(&o["id"]).to_owned(), text(&o["name"]).to_owned(), roles(o), if o["active"] == true { "yes" } else { "no" }.to_owned()]
                    }));
                    table(&rows)
                })
            }
        }
    }
}

fn roles(officer: &Value) -> String {
    each(&officer["roles"]).map(text).collect::<Vec<_>>().join(", ")
}

fn told(officer: &Value) -> String {
    format!("{}; {}", text(&officer["name"]), roles(officer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::OfficerRole;

    #[test]
    fn roles_are_the_nodes_own() {
        for role in ROLES {
            assert!(serde_json::from_value::<OfficerRole>(json!(role)).is_ok(), "{role}");
        }
        assert!(serde_json::from_value::<OfficerRole>(json!("king")).unwrap_err().to_string().matches('`').count() == 2 * (ROLES.len() + 1));
    }
}
