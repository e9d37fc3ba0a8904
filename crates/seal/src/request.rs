//! What a node asks of a root key that is kept elsewhere: unsigned cards and revocations go out, signed ones come back.
//!
//! Both files hold nothing secret. Where the root key is, people read what is asked before it signs.

use crate::card::{CARD_BYTES_MAX, CARD_VERSION, Card, CardFault, read_versioned};
use crate::cose::{self, Typ};
use crate::keys::{KeysRefusal, RootKey};
use crate::revocation::Revocation;
use base::ServiceId;
use base::cbor;
use minicbor::{Decode, Encode};

/// Version of the request that this node reads and writes.
pub const REQUEST_VERSION: u8 = 1;
/// Bytes of a request or its answer.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Tasks in one request.
pub const REQUEST_TASKS_MAX: usize = 16;

/// One thing that the root key is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RootTask {
    /// A card.
    #[n(0)]
    Card(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A revocation.
    #[n(1)]
    Revocation(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

/// What a node asks of its root key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RootRequest {
    /// [`REQUEST_VERSION`].
    #[n(0)]
    pub version: u8,
    /// Whose root key.
    #[n(1)]
    pub service: ServiceId,
    /// What is to be signed, in order.
    #[n(2)]
    pub tasks: Vec<RootTask>,
}

/// What a task asks for, to be read by people before the root key signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This card.
    Card(Box<Card>),
    /// This revocation.
    Revocation(Revocation),
}

/// What the root key signed, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RootAnswer {
    /// [`REQUEST_VERSION`].
    #[n(0)]
    pub version: u8,
    /// Signed cards and revocations.
    #[n(1)]
    pub signed: Vec<minicbor::bytes::ByteVec>,
}

impl RootTask {
    /// Reads what is asked; refuses what no service's root key signs.
    pub fn read(&self, service: ServiceId) -> Result<Asked, CardFault> {
        let (asked, whose) = match self {
            RootTask::Card(payload) => {
                let card: Card = read_versioned(payload, CARD_BYTES_MAX, CARD_VERSION)?;
                card.check()?;
                let whose = card.service;
                (Asked::Card(Box::new(card)), whose)
            }
            RootTask::Revocation(payload) => {
                let revocation = Revocation::read_payload(payload)?;
                let whose = revocation.service;
                (Asked::Revocation(revocation), whose)
            }
        };
        if whose == service { Ok(asked) } else { Err(CardFault::Service(whose)) }
    }
}

impl RootRequest {
    /// Reads a request file.
    pub fn read(bytes: &[u8]) -> Result<RootRequest, KeysRefusal> {
        let request: RootRequest = read_versioned(bytes, REQUEST_BYTES_MAX, REQUEST_VERSION).map_err(|e| KeysRefusal::File(e.to_string()))?;
        match (1..=REQUEST_TASKS_MAX).contains(&request.tasks.len()) {
            true => Ok(request),
            false => Err(KeysRefusal::File("a request asks for 1 to 16 signatures".to_owned())),
        }
    }

    /// Returns what is asked, in order.
    pub fn asked(&self) -> Result<Vec<Asked>, KeysRefusal> {
        self.tasks.iter().map(|t| t.read(self.service).map_err(KeysRefusal::Draft)).collect()
    }
}

impl RootAnswer {
    /// Reads an answer file.
    pub fn read(bytes: &[u8]) -> Result<RootAnswer, KeysRefusal> {
        read_versioned(bytes, REQUEST_BYTES_MAX, REQUEST_VERSION).map_err(|e| KeysRefusal::File(e.to_string()))
    }
}

impl RootKey {
    /// Signs everything that a request of this service asks for, or nothing.
    pub fn answer(&self, request: &RootRequest) -> Result<RootAnswer, KeysRefusal> {
        if request.service != self.service() {
            return Err(KeysRefusal::RootOther(self.service()));
        }
        let sign = |(task, asked): (&RootTask, Asked)| {
            let (typ, payload, number) = match (task, asked) {
                (RootTask::Card(payload), Asked::Card(card)) => (Typ::Card, payload, card.number),
                (RootTask::Revocation(payload), Asked::Revocation(r)) => (Typ::Revocation, payload, r.card),
                _ => return Err(KeysRefusal::File("a task is not what it reads as".to_owned())),
            };
            Ok(cose::sign(self.secret(), request.service, number, typ, payload).bytes().to_vec().into())
        };
        let asked = request.asked()?;
        let signed = request.tasks.iter().zip(asked).map(sign).collect::<Result<Vec<_>, _>>()?;
        Ok(RootAnswer { version: REQUEST_VERSION, signed })
    }

    /// Returns the canonical bytes of an answer.
    pub fn answer_bytes(&self, request: &RootRequest) -> Result<Vec<u8>, KeysRefusal> {
        Ok(cbor::to_vec(&self.answer(request)?))
    }
}
