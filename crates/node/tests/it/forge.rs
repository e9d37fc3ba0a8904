//! Acts and parcels that no honest node would make, signed with a service's own keys.

use crate::world::*;
use base::cbor::{self, Map};
use base::{ActId, DossierId, Instant, ServiceId, UnixMs};
use dossier::OfficerRole::{Desk, Supervisor};
use dossier::{Act, Body, Deed, Head, Mark, Opening, Signatory, Value};
use node::Piece;
use seal::Typ;
use std::collections::BTreeMap;

impl World {
    /// Writes an act with a service's own key on what its node has stored, past every check of its node.
    pub fn forge(&self, i: usize, dossier: DossierId, deed: Deed, fields: Map<Value>, change: impl FnOnce(&mut Head)) -> (Vec<u8>, Vec<u8>) {
        let me = self.id(i);
        let mut last: BTreeMap<ServiceId, Mark> = BTreeMap::new();
        for a in self.store(i).acts_of(&dossier).unwrap() {
            last.insert(a.author, Mark { party: a.author, seq: a.seq, act: a.id });
        }
        let own = last.remove(&me);
        let body = Body { salt: [9; 16], handling: h0(), fields };
        let (body_bytes, body) = body.encode();
        let mut head = Head {
            version: dossier::VERSION,
            dossier,
            author: me,
            seq: own.map_or(1, |m| m.seq + 1),
            prev: own.map_or(ActId::default(), |m| m.act),
            seen: last.into_values().collect(),
            at: Instant::new(self.now, ZONE).unwrap(),
            by: Signatory { officer: "forger".parse().unwrap(), role: Desk },
            second: Some(Signatory { officer: "forger.too".parse().unwrap(), role: Supervisor }),
            deed,
            body,
        };
        change(&mut head);
        (self.sides[i].keys.sign(Typ::Act, &cbor::to_vec(&head)).bytes().to_vec(), body_bytes)
    }

    /// Seals pieces as a service, with a number of its own choice.
    pub fn parcel(&self, from: usize, to: usize, number: u64, pieces: &[Piece]) -> Vec<u8> {
        self.sealed(from, to, number, self.now, &cbor::to_vec(&pieces.to_vec()))
    }

    pub fn sealed(&self, from: usize, to: usize, number: u64, at: UnixMs, content: &[u8]) -> Vec<u8> {
        let card = seal::Directory::cards(&self.sides[from].node.book(), &self.id(to)).unwrap().latest().clone();
        seal::seal_parcel(&self.sides[from].keys, &card, number, at, content).unwrap().bytes
    }
}

/// Returns the signed part of a parcel and the encrypted part that stands behind it.
pub fn parts_of(parcel: &[u8]) -> (&[u8], &[u8]) {
    let mut d = minicbor::Decoder::new(parcel);
    assert_eq!(d.array().unwrap(), Some(2));
    d.skip().unwrap();
    parcel[1..].split_at(d.position() - 1)
}

pub fn piece((signed, body): (Vec<u8>, Vec<u8>)) -> Piece {
    Piece::Act { signed, body: Some(body) }
}

pub fn act_of(forged: &(Vec<u8>, Vec<u8>)) -> Act {
    let parsed = seal::Signed::parse(&forged.0, Typ::Act, 1 << 20).unwrap();
    Act::decode(parsed.payload(), Some(&forged.1)).unwrap()
}

/// The codes with which a receipt refuses, in the parcel's order; "held" for what it took.
pub fn fates(w: &World, by: usize, receipt: &[u8]) -> Vec<String> {
    let cards = seal::Cards::first(w.sides[by].keys.card_bytes()).unwrap();
    let (receipt, _) = seal::Receipt::read(receipt, &cards).unwrap();
    receipt
        .entries
        .into_iter()
        .map(|e| match e.held {
            seal::Held::Held { .. } => "held".to_owned(),
            seal::Held::Refused { code } => code,
        })
        .collect()
}

/// Opens a dossier as `Opening` says, by hand.
pub fn opening_of(w: &World, dossier: DossierId, at: usize) -> Opening {
    let acts = w.store(at).acts_of(&dossier).unwrap();
    acts.iter()
        .find_map(|a| {
            let parsed = seal::Signed::parse(&a.signed, Typ::Act, 1 << 20).unwrap();
            match Act::decode(parsed.payload(), None).unwrap().head().deed.clone() {
                Deed::Open(o) => Some(o),
                _ => None,
            }
        })
        .unwrap()
}
