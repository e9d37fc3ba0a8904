//! Acts: the signed head that says who did what on which state, and the body that holds the content.
//!
//! The author signs the head; the head names the body by its salted digest, so that a body can be erased and the chain
//! still verifies. `seen` names the last act of every other party that the author had folded: the act is judged there.

use crate::mechanism::OfficerRole;
use crate::value::{Exhibit, Value};
use base::cbor::{self, CborError, Map};
use base::{ActId, BodyId, Digest, DossierId, Handling, Instant, ItemId, MechanismId, OfficerId, ServiceId};
use minicbor::{Decode, Encode};

/// The version of heads, bodies and openings that this program writes and reads.
pub const VERSION: u8 = 1;
/// Bytes that a head may have.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes that a body may have.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Parties that a dossier may have.
pub const PARTIES_MAX: usize = 12;

/// Bytes that should be an act are none; the sender's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActFault {
    /// The bytes are not in form.
    #[error(transparent)]
    Bytes(#[from] CborError),
    /// Another version.
    #[error("the act has version {0}, this node reads version 1; one of both nodes must be updated")]
    Version(u8),
    /// The body is not the one that the head names.
    #[error("the act's content is not the one that its author signed; the sender must send it again")]
    Body,
    /// A number, name or list of the head breaks a rule of form.
    #[error("the act's head is not well formed: {0}")]
    Head(&'static str),
}

impl ActFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            ActFault::Bytes(e) => e.code(),
            ActFault::Version(_) => "peer.act.version",
            ActFault::Body => "peer.act.body",
            ActFault::Head(_) => "peer.act.head",
        }
    }
}

/// The place of one act in its author's chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Mark {
    /// The author.
    #[n(0)]
    pub party: ServiceId,
    /// The act's number in the dossier, from 1.
    #[n(1)]
    pub seq: u64,
    /// The act.
    #[n(2)]
    pub act: ActId,
}

/// The officer who stands behind an act.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Signatory {
    /// The officer, by the service's own name.
    #[n(0)]
    pub officer: OfficerId,
    /// The role in which the officer acted.
    #[n(1)]
    pub role: OfficerRole,
}

/// A party of a dossier and its role there.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Party {
    /// The service.
    #[n(0)]
    pub service: ServiceId,
    /// Its role, one of the mechanism's.
    #[n(1)]
    pub role: String,
}

/// The accord under which a dossier is opened, at the state that its opener had seen.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct AccordRef {
    /// The accord's own dossier.
    #[n(0)]
    pub dossier: DossierId,
    /// The accord's acts that the opener had folded, one mark a party, ordered by party.
    #[n(1)]
    pub seen: Vec<Mark>,
}

/// What a dossier is: its digest is the dossier's name.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Opening {
    /// The mechanism.
    #[n(0)]
    pub mechanism: MechanismId,
    /// The accord; none for an accord itself.
    #[n(1)]
    pub accord: Option<AccordRef>,
    /// All parties, fixed; the opener is the first.
    #[n(2)]
    pub parties: Vec<Party>,
    /// A dossier from which this one follows.
    #[n(3)]
    pub follows: Option<DossierId>,
    /// Makes two like dossiers different.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

impl Opening {
    /// Returns the dossier's name: the digest of the canonical bytes under the domain `entente/dossier/1`.
    pub fn dossier(&self) -> DossierId {
        Digest::tagged("entente/dossier/1", &[&cbor::to_vec(self)]).into()
    }
}

/// What an act does.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Deed {
    /// Opens the dossier; the form is that of the root item.
    #[n(0)]
    Open(#[n(0)] Opening),
    /// Opens an item within another.
    #[n(1)]
    OpenItem {
        /// The item's kind.
        #[n(0)]
        kind: String,
        /// The item within which it is opened.
        #[n(1)]
        parent: ItemId,
    },
    /// Moves the author's stance on an item.
    #[n(2)]
    Move {
        /// The item.
        #[n(0)]
        item: ItemId,
        /// The move.
        #[n(1)]
        name: String,
    },
}

/// The signed part of an act.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    /// The version, [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// The dossier.
    #[n(1)]
    pub dossier: DossierId,
    /// The author.
    #[n(2)]
    pub author: ServiceId,
    /// The act's number in its author's chain, from 1.
    #[n(3)]
    pub seq: u64,
    /// The author's act before; zeros for the first.
    #[n(4)]
    pub prev: ActId,
    /// The last act of each other party that the author had folded, ordered by party, parties without acts left out.
    #[n(5)]
    pub seen: Vec<Mark>,
    /// When the officer acted.
    #[n(6)]
    pub at: Instant,
    /// The officer who acted.
    #[n(7)]
    pub by: Signatory,
    /// The officer who approved, where the mechanism wants four eyes.
    #[n(8)]
    pub second: Option<Signatory>,
    /// What the act does.
    #[n(9)]
    pub deed: Deed,
    /// The digest of the body's bytes under the domain `entente/body/1`.
    #[n(10)]
    pub body: BodyId,
}

/// The content of an act.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Body {
    /// Random, so that the digest of an erased body cannot be guessed.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// What receivers may do with it.
    #[n(1)]
    pub handling: Handling,
    /// The form, by field.
    #[n(2)]
    pub fields: Map<Value>,
}

impl Body {
    /// Returns the canonical bytes and their name.
    pub fn encode(&self) -> (Vec<u8>, BodyId) {
        let bytes = cbor::to_vec(self);
        let id = body_id(&bytes);
        (bytes, id)
    }

    /// Goes over the exhibits that the form names, in the order of its fields.
    pub fn exhibits(&self) -> impl Iterator<Item = &Exhibit> {
        self.fields.iter().flat_map(|(_, v)| v.each()).filter_map(|v| match v {
            Value::Exhibit(e) => Some(e),
            _ => None,
        })
    }
}

fn body_id(bytes: &[u8]) -> BodyId {
    Digest::tagged("entente/body/1", &[bytes]).into()
}

/// An act whose bytes are in form; whether it may be is for the guard to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    id: ActId,
    head: Head,
    body: Option<Body>,
    bytes: usize,
}

impl Act {
    /// Reads an act from the head's bytes and, unless it was erased, the body's.
    pub fn decode(head_bytes: &[u8], body_bytes: Option<&[u8]>) -> Result<Act, ActFault> {
        let head: Head = cbor::from_slice(head_bytes, HEAD_BYTES_MAX)?;
        if head.version != VERSION {
            return Err(ActFault::Version(head.version));
        }
        let body = match body_bytes {
            Some(bytes) if body_id(bytes) != head.body => return Err(ActFault::Body),
            Some(bytes) => Some(cbor::from_slice(bytes, BODY_BYTES_MAX)?),
            None => None,
        };
        if !head.at.is_well_formed() {
            return Err(ActFault::Head("its time or zone does not exist"));
        }
        if !head.by.officer.is_well_formed() || head.second.as_ref().is_some_and(|s| !s.officer.is_well_formed()) {
            return Err(ActFault::Head("an officer's id is not plain"));
        }
        if head.seq == 0 || (head.seq == 1) != (head.prev == ActId::default()) {
            return Err(ActFault::Head("number and predecessor do not fit"));
        }
        if head.seen.len() >= PARTIES_MAX || !head.seen.is_sorted_by(|a, b| a.party < b.party) || head.seen.iter().any(|m| m.seq == 0 || m.party == head.author)
        {
            return Err(ActFault::Head("what it has seen is not in order"));
        }
        let bytes = head_bytes.len() + body_bytes.map_or(0, <[u8]>::len);
        Ok(Act { id: Digest::of(head_bytes).into(), head, body, bytes })
    }

    /// Returns the act's name: the SHA-256 of its head's bytes.
    pub fn id(&self) -> ActId {
        self.id
    }

    /// Returns the head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Returns the body; none once it was erased.
    pub fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    /// Returns how many bytes head and body were read from.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the item that this act opens or moves.
    pub fn item(&self) -> ItemId {
        match &self.head.deed {
            Deed::Open(_) => root_item(self.head.dossier),
            Deed::OpenItem { .. } => (*self.id.as_ref()).into(),
            Deed::Move { item, .. } => *item,
        }
    }

    /// Returns this act's place in its author's chain.
    pub fn mark(&self) -> Mark {
        Mark { party: self.head.author, seq: self.head.seq, act: self.id }
    }
}

/// Returns the root item's id, which carries the dossier's digest.
pub fn root_item(dossier: DossierId) -> ItemId {
    (*dossier.as_ref()).into()
}
