//! Seals over what a move will reveal: an officer states a commitment now and opens it later. The node keeps neither form nor salt;
//! whoever asked for the seal does, for without the salt nobody opens it.

use crate::error::NodeError;
use crate::node::Node;
use crate::officer::Officer;
use base::{Digest, DossierId, ItemId, cbor::Map};
use dossier::{FieldFault, FieldType, Refusal, Value, commitment};
use serde::Serialize;
use std::collections::BTreeMap;

/// A seal, and what opens it.
#[derive(Debug, Clone, Serialize)]
pub struct Sealed {
    /// The commitment, which all may see.
    pub seal: Digest,
    /// The field that takes it.
    pub seal_field: String,
    /// Moves that take it.
    pub seal_moves: Vec<String>,
    /// The salt, which nobody may see before the form is revealed.
    pub opening: Digest,
    /// The field of the revealing form that takes the salt.
    pub opening_field: String,
}

impl Node {
    /// Seals the form of a move that will reveal it: draws a salt and works out the commitment over all other fields, the dossier and us.
    ///
    /// Refuses a form that the move could not take later: an unknown or wrong field, one that is missing, an officer without the role.
    pub fn seal(
        &mut self,
        officer: &Officer,
        dossier: &DossierId,
        item: Option<ItemId>,
        name: &str,
        form: &BTreeMap<String, serde_json::Value>,
    ) -> Result<Sealed, NodeError> {
        let me = self.me();
        let mut salt = Digest([0; 32]);
        self.entropy.fill(&mut salt.0);
        let d = self.dossier(dossier)?.ok_or(NodeError::Absent("dossier"))?;
        let state = d.state();
        let item = state.item(&item.unwrap_or(d.root())).ok_or(Refusal::UnknownItem)?;
        let role = &state.parties()[state.party(&me).ok_or(NodeError::NotParty)?].1;
        let kind = state.kind_of(item);
        let m = kind.find_move_of(name, role).ok_or(Refusal::UnknownMove)?;
        let opening = m.fields.iter().find(|f| f.kind == FieldType::Reveal);
        let opening = opening.ok_or_else(|| NodeError::Asked(format!("the move '{name}' opens no seal; seal the form of one that does")))?;
        if !m.officer.iter().any(|r| officer.roles.contains(r)) {
            return Err(NodeError::Role("officer who may make the move"));
        }
        let fields: Map<Value> = crate::intent::read_form(&m.fields, form)?;
        let given = |f: &&dossier::Field| f.id == opening.id || fields.get(&f.id).is_some();
        if let Some(lacking) = m.fields.iter().find(|f| f.required && !given(f)) {
            return Err(FieldFault::Missing(lacking.id.clone()).into());
        }
        let seal_field = opening.opens.clone().unwrap_or_default();
        let takes = |m: &&dossier::Move| m.role == *role && m.fields.iter().any(|f| f.kind == FieldType::Commitment && f.id == seal_field);
        Ok(Sealed {
            seal: commitment(*dossier, me, &salt, &opening.id, &fields),
            seal_moves: kind.moves.iter().filter(takes).map(|m| m.id.clone()).collect(),
            seal_field,
            opening: salt,
            opening_field: opening.id.clone(),
        })
    }
}
