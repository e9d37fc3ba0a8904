//! Officers: the persons who stand behind acts, by the service's own names for them.

use crate::error::NodeError;
use base::{Digest, OfficerId};
use dossier::{OfficerRole, Signatory};
use serde::{Deserialize, Serialize};

/// Who reads dossiers. An administrator runs the node and reads none.
pub const READERS: &[OfficerRole] =
    &[OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::CompetentAuthority, OfficerRole::DataProtection];

/// An officer of this service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Officer {
    /// The name that acts carry; only this service resolves it to a person.
    pub id: OfficerId,
    /// The person's name; never leaves this node.
    pub name: String,
    /// What the officer may be.
    pub roles: Vec<OfficerRole>,
    /// Digest of the token with which the officer signs in.
    pub token: Digest,
    /// Whether the officer may still sign in.
    pub active: bool,
}

impl Officer {
    /// Tells whether a token is this officer's; the token has 256 random bits, so its plain digest tells nothing of it.
    pub fn has_token(&self, token: &str) -> bool {
        self.active && Digest::tagged("entente/officer-token/1", &[token.as_bytes()]) == self.token
    }

    /// Refuses who may not read dossiers; [`NodeError::Role`].
    pub fn must_read(&self) -> Result<(), NodeError> {
        match self.roles.iter().any(|r| READERS.contains(r)) {
            true => Ok(()),
            false => Err(NodeError::Role("officer, liaison desk, supervisor, competent authority or data-protection officer")),
        }
    }

    /// Signs as this officer, in the first of the officer's roles that is allowed, else in the first of all.
    pub(crate) fn sign(&self, allowed: &[OfficerRole]) -> Option<Signatory> {
        let role = self.roles.iter().find(|r| allowed.contains(r)).or(self.roles.first())?;
        Some(Signatory { officer: self.id.clone(), role: *role })
    }
}
