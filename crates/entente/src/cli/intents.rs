//! What officers have done: an intent goes to the node, an act or a proposal for a second officer comes back.

use super::desk::Desk;
use super::face::{each, short, text};
use super::trouble::Trouble;
use crate::client::escape;
use node::Intent;
use serde_json::{Value, json};

/// How long to wait for partners' receipts.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct WaitArgs {
    /// Wait until every other party has receipted the act
    #[arg(long)]
    pub wait: bool,
    /// Seconds to wait at most
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub timeout: u64,
}

impl WaitArgs {
    fn query(self) -> String {
        if self.wait { format!("?wait=delivered&timeout_s={}", self.timeout) } else { String::new() }
    }
}

/// Has an intent done.
pub fn propose(desk: &Desk, intent: &Intent, wait: WaitArgs) -> Result<(), Trouble> {
    let made = desk.post(&format!("/v1/intents{}", wait.query()), &json!(intent))?;
    tell(desk, made, wait)
}

/// Approves a proposal.
pub fn approve(desk: &Desk, id: &str, wait: WaitArgs) -> Result<(), Trouble> {
    let made = desk.post(&format!("/v1/pending/{}/approve{}", escape(id), wait.query()), &json!({}))?;
    tell(desk, made, wait)
}

/// Tells what an intent led to.
pub fn tell(desk: &Desk, made: Value, wait: WaitArgs) -> Result<(), Trouble> {
    desk.face.show(&made, || words(&made, wait.wait))
}

fn words(made: &Value, waited: bool) -> String {
    if made["made"] == "pending" {
        let roles: Vec<&str> = each(&made["roles"]).map(text).collect();
        return format!(
            "proposal {} waits for a second officer ({})\nnext: entente pending approve {} --officer …\n",
            text(&made["pending"]),
            roles.join(" or "),
            text(&made["pending"])
        );
    }
    let item = if made["item"] == made["dossier"] { String::new() } else { format!("item     {}\n", text(&made["item"])) };
    let delivered = match (waited, made["delivered"] == true) {
        (true, true) => "every other party has receipted it",
        (true, false) => "not every other party has receipted it yet; the node keeps sending",
        (false, _) => "the node is sending it",
    };
    format!("act      {} is signed and kept; {delivered}\ndossier  {}\n{item}", short(&made["act"]), text(&made["dossier"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_and_a_proposal_read_differently() {
        let act = json!({ "made": "act", "act": "aaaaaaaabb", "dossier": "d", "item": "d", "delivered": false });
        assert_eq!(words(&act, false), "act      aaaaaaaa is signed and kept; the node is sending it\ndossier  d\n");
        assert!(words(&act, true).contains("not every other party"));
        let child = json!({ "made": "act", "act": "a", "dossier": "d", "item": "i", "delivered": true });
        assert_eq!(words(&child, true), "act      a is signed and kept; every other party has receipted it\ndossier  d\nitem     i\n");
        let pending = json!({ "made": "pending", "pending": "p7", "roles": ["supervisor", "competent-authority"] });
        assert!(words(&pending, true).starts_with("proposal p7 waits for a second officer (supervisor or competent-authority)\n"));
    }
}
