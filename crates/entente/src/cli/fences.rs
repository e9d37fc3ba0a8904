//! `fence`: how far a node is that was put back to an older state, and the decision to wait for a partner no longer.

use super::desk::Desk;
use super::face::{each, text};
use super::trouble::Trouble;
use crate::client::escape;
use serde_json::{Value, json};

const RISK: &str = "The risk: if that partner comes back and holds acts of ours that nobody else has, this node may have signed other acts under
their numbers. Every partner will then hold a proof of equivocation against us, and those dossiers stand still for us from
there on. Lift only for a partner that is gone for good, or that has said by another way that it holds nothing.";

/// What to do with the fence.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum FenceCommand {
    /// Show who is still awaited, what came back, and what is known to be lost
    Show,
    /// Propose to wait for a partner no longer; named by our own code, that the other machine under our name was stopped
    #[command(after_help = RISK)]
    Lift {
        /// The partner's code or id
        partner: String,
        /// Why; it is kept
        #[arg(long)]
        reason: String,
    },
    /// Approve that as the second officer
    #[command(after_help = RISK)]
    Approve {
        /// The partner's code or id
        partner: String,
    },
}

impl FenceCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        match self {
            FenceCommand::Show => {
                let fence = desk.get("/v1/fence")?;
                desk.face.show(&fence, || told(desk, &fence))
            }
            FenceCommand::Lift { partner, reason } => {
                let service = desk.services()?.find(&partner)?;
                desk.post(&format!("/v1/fence/{}/lift", escape(&service.to_string())), &json!({ "reason": reason }))?;
                desk.face.show(&json!({ "proposed": service }), || format!("proposed; a second officer decides: entente fence approve {partner}\n{RISK}\n"))
            }
            FenceCommand::Approve { partner } => {
                let service = desk.services()?.find(&partner)?;
                desk.post(&format!("/v1/fence/{}/approve", escape(&service.to_string())), &json!({}))?;
                desk.face.show(&json!({ "lifted": service }), || format!("nothing waits for {partner} any more\n"))
            }
        }
    }
}

fn told(desk: &Desk, f: &Value) -> String {
    if f.is_null() {
        return "nothing was ever put back here; there is no fence\n".to_owned();
    }
    let names = |v: &Value| match each(v).map(text).collect::<Vec<_>>() {
        none if none.is_empty() => "nobody".to_owned(),
        some => some.join(", "),
    };
    let why = match text(&f["why"]) {
        "found" => "a partner's proof showed that this ledger was older than what was signed",
        _ => "a backup was restored",
    };
    let mut out = format!(
        "{why}, declared {}\ncopy of    {}\nstands     {} ledger entries as before; {} entries behind them are known to be lost as entries\n\
         came back  {} acts of ours, {} of partners\nanswered   {}\nawaited    {}\non its way something in {} dossiers\n",
        desk.face.time(&f["declared"]),
        desk.face.time(&f["copied"]),
        f["size"],
        f["lost_entries"],
        f["own_back"],
        f["others_back"],
        names(&f["answered"]),
        names(&f["awaited"]),
        f["dossiers_open"]
    );
    if f["dossiers_erased"] != 0 {
        out += &format!(
            "erased     in {} dossiers acts of ours came back without content: erased at partners, or left out; nothing is signed in them\n",
            f["dossiers_erased"]
        );
    }
    for l in each(&f["lifted"]) {
        out += &format!("lifted     {} by {} and {}: {}\n", text(&l[0]), text(&l[1]["by"]), text(&l[1]["second"]), text(&l[1]["reason"]));
    }
    for l in each(&f["proposed"]) {
        out += &format!("proposed   to lift {} by {}: {}\n", text(&l[0]), text(&l[1]["by"]), text(&l[1]["reason"]));
    }
    if f["twin"] == true {
        out += "ANOTHER MACHINE runs under our name. Stop one of the two for good, then: entente fence lift OUR-CODE --reason …\n";
    }
    if f["old_keys"] == true {
        out += "the key file is older than our newest card: put the newer one in place, or issue the next card with the root key\n";
    }
    out += &format!(
        "lost       local drafts, waiting proposals, officers and log lines written after {}\n{}\n",
        desk.face.time(&f["copied"]),
        match (f["over"] == true, f["dossiers_erased"] == 0) {
            (true, true) => "the fence is over: everything may be signed",
            (true, false) => "the fence is over: everything may be signed but in the dossiers above",
            (false, _) => "what awaits nobody may be signed; the rest waits",
        }
    );
    out
}
