//! `communique`: a published communiqué leaves as a proof that anyone can check.

use super::desk::Desk;
use super::dossiers::save_proof;
use super::face::text;
use super::trouble::Trouble;
use crate::client::escape;
use std::path::PathBuf;

/// What to do with communiqués.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum CommuniqueCommand {
    /// Write the proof of a published communiqué: its texts, hashes and every party's signature, and nothing else of the dossier
    Export {
        /// Id of the dossier, or its first six digits or more
        dossier: String,
        /// The version item, by its id or the first six digits or more
        item: String,
        /// The file
        file: PathBuf,
    },
}

impl CommuniqueCommand {
    /// Does it.
    pub fn run(self, desk: &Desk) -> Result<(), Trouble> {
        let CommuniqueCommand::Export { dossier, item, file } = self;
        let item = match item.parse::<base::ItemId>() {
            Ok(id) => id.to_string(),
            Err(_) => {
                let view = desk.consult(&dossier, "to export its communiqué (command line)")?;
                text(&desk.item(&view, &item)?["id"]).to_owned()
            }
        };
        let proof = desk.get(&format!("/v1/dossiers/{}/communiques/{item}/proof", escape(&dossier)))?;
        save_proof(desk, &proof, &file)
    }
}
