//! The desk's cabinet: papers of officers that must outlive a restart and never leave this node.
//!
//! Passkeys, invitations, sessions, drafts, preferences and what was read. What stands on a paper is the desk's own; here each is
//! bytes under a drawer and a name, sealed at rest like every document, and stored by the same commit as everything else.

use crate::error::NodeError;
use crate::node::{Node, PAGE, Ticket, log, put};
use base::UnixMs;
use store::{Append, RecordOp};

/// Bytes that one paper may have.
pub const PAPER_BYTES_MAX: usize = 1 << 20;
/// Papers of one drawer that are read at a time.
pub const PAPERS_MAX: usize = 10_000;

/// A drawer of the cabinet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawer {
    /// Officers' passkeys, by credential.
    Passkey,
    /// Invitations that were not taken up, by officer.
    Invitation,
    /// Sessions, by the digest of their secret.
    Session,
    /// Drafts, by officer and name.
    Draft,
    /// What officers chose for themselves, by officer.
    Preferences,
    /// When an officer last read which dossier, by officer.
    Reading,
}

impl Drawer {
    /// All of them.
    pub const ALL: [Drawer; 6] = [Drawer::Passkey, Drawer::Invitation, Drawer::Session, Drawer::Draft, Drawer::Preferences, Drawer::Reading];

    fn kind(self) -> &'static str {
        match self {
            Drawer::Passkey => "desk-passkey",
            Drawer::Invitation => "desk-invitation",
            Drawer::Session => "desk-session",
            Drawer::Draft => "desk-draft",
            Drawer::Preferences => "desk-preferences",
            Drawer::Reading => "desk-reading",
        }
    }
}

/// A change to the cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paper {
    /// Puts a paper in, over what was there.
    Put(Drawer, String, Vec<u8>),
    /// Takes a paper out; the whole change is refused where it is not there any more, so that it is used once only.
    Take(Drawer, String),
    /// Throws a paper away, if it is there.
    Drop(Drawer, String),
}

impl Node {
    /// Reads a paper.
    pub fn paper(&self, drawer: Drawer, name: &str) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.store.record(drawer.kind(), name)?.map(|r| r.data))
    }

    /// Reads the papers of a drawer whose names begin with some text, in the order of their names; at most [`PAPERS_MAX`].
    pub fn papers(&self, drawer: Drawer, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, NodeError> {
        let mut out: Vec<(String, Vec<u8>)> = Vec::new();
        let mut after = (!prefix.is_empty()).then(|| prefix.to_owned());
        while out.len() < PAPERS_MAX {
            let page = self.store.records(drawer.kind(), after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(out) };
            after = Some(last.id.clone());
            for record in page {
                if !record.id.starts_with(prefix) {
                    return Ok(out);
                }
                out.push((record.id, record.data));
            }
        }
        Ok(out)
    }

    /// Changes papers, all or none, and writes a line into the audit log where one is given.
    pub fn file_papers(&mut self, papers: Vec<Paper>, audit: Option<serde_json::Value>, now: UnixMs) -> Result<Ticket, NodeError> {
        let mut batch = Append::new(now);
        for paper in papers {
            batch.records.push(match paper {
                Paper::Put(_, _, data) if data.len() > PAPER_BYTES_MAX => {
                    return Err(NodeError::Asked("what is to be kept is too large; shorten it".to_owned()));
                }
                Paper::Put(drawer, name, data) => put(drawer.kind(), &name, data),
                Paper::Take(drawer, id) => RecordOp::Take { kind: drawer.kind().to_owned(), id },
                Paper::Drop(drawer, id) => RecordOp::Delete { kind: drawer.kind().to_owned(), id },
            });
        }
        batch.logs.extend(audit.map(|line| log("audit", line)));
        Ok(self.stage(batch))
    }

    /// Draws 32 random bytes: the secret of a session, a challenge, a name that nobody guesses.
    pub fn draw(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
