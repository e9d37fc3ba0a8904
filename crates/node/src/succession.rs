//! A partner that lost its root key comes back as a new service: people compare the new fingerprint by telephone and say so here.
//!
//! Nothing is carried over by itself. Parties of a dossier are fixed by service, so open dossiers go on as successor dossiers, accords
//! are signed anew, and what waits for the old service goes out as long as its card lasts.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use crate::overview::compare;
use base::{ActId, Digest, DossierId, ServiceId, UnixMs};
use seal::{Attestation, Cards, Directory, Succession, Word};
use serde::{Deserialize, Serialize};
use store::{Append, Entry};

const SUCCESSION: &str = "succession";

/// That a new service has taken the place of one whose root key was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succeeded {
    /// The service that was.
    pub predecessor: ServiceId,
    /// The service that is.
    pub service: ServiceId,
    /// Whether the old service's acting keys signed it too.
    pub countersigned: bool,
    /// The officer here who compared the fingerprint.
    pub by: String,
    /// When.
    pub at: UnixMs,
}

/// What is still open with a service that has a successor.
#[derive(Debug, Clone, Serialize)]
pub struct Inheritance {
    /// Who follows whom.
    #[serde(flatten)]
    pub succeeded: Succeeded,
    /// The old service's short name.
    pub predecessor_code: String,
    /// The new service's short name.
    pub code: String,
    /// Accords with the old service that have not ended, to be signed anew.
    pub accords: Vec<(DossierId, String)>,
    /// Dossiers with the old service that have not ended, to be followed by new ones: id, mechanism, title.
    pub dossiers: Vec<(DossierId, String, String)>,
    /// What the old service has not receipted.
    pub waiting: u64,
    /// The last moment at which the old service's newest card is good.
    pub until: UnixMs,
}

impl Node {
    /// Takes a succession after its fingerprint was compared aloud, as for a first card.
    ///
    /// `countersigned` is the same succession under the old service's acting card. Files all of it and our own signed word that we
    /// took it.
    pub fn take_succession(
        &mut self,
        officer: &Officer,
        card: &[u8],
        succession: &[u8],
        countersigned: Option<&[u8]>,
        fingerprint: &str,
        now: UnixMs,
    ) -> Result<(Ticket, Succeeded), NodeError> {
        let (words, verified) = Succession::read(succession)?;
        let predecessor = self.book.cards(&words.predecessor).ok_or(NodeError::UnknownPartner(words.predecessor))?;
        let first = Cards::first(card)?;
        if first.service() != words.service || words.service == self.me() || words.predecessor == self.me() {
            return Err(NodeError::Asked("the card is not of the service that the succession names".to_owned()));
        }
        compare(&words.service, fingerprint)?;
        let counter = countersigned.map(|bytes| words.countersigned(bytes, &predecessor)).transpose()?;
        self.trust_clock(now)?; // our word on it carries our time
        let mut batch = Append::new(now);
        let cards = match self.book.cards(&words.service) {
            None => first,
            Some(held) => {
                let mut held = (*held).clone();
                held.add(card)?;
                held
            }
        };
        let succeeded =
            Succeeded { predecessor: words.predecessor, service: words.service, countersigned: counter.is_some(), by: officer.id.to_string(), at: now };
        batch.entries.push(Entry::succession(&verified));
        batch.entries.extend(counter.iter().map(Entry::succession));
        let taken = Attestation::sign(&self.keys, ActId::from(Digest::of(succession)), Word::Held { since: now }, now);
        batch.entries.push(Entry::attestation(&taken));
        batch.records.push(put(SUCCESSION, &words.predecessor.to_string(), serde_json::to_vec(&succeeded).expect("plain data has a JSON form")));
        batch.logs.push(log("audit", serde_json::json!({ "what": "succession taken", "succession": succeeded })));
        self.stage_cards(&mut batch, cards);
        Ok((self.stage(batch), succeeded))
    }

    /// Lists services that have a successor, with what is still open with them.
    pub fn successions(&self) -> Result<Vec<Inheritance>, NodeError> {
        let listed = self.list(None, Some(false), usize::MAX)?;
        let depth = self.store.outbox_depth()?;
        let mut out = Vec::new();
        for record in self.documents(SUCCESSION)? {
            let succeeded: Succeeded = serde_json::from_slice(&record.data).map_err(|_| NodeError::Corrupt("a succession".to_owned()))?;
            let old = self.book.cards(&succeeded.predecessor).ok_or(NodeError::UnknownPartner(succeeded.predecessor))?;
            let with: Vec<_> = self.dossiers_with(&listed, succeeded.predecessor)?;
            out.push(Inheritance {
                predecessor_code: self.book.code(&succeeded.predecessor),
                code: self.book.code(&succeeded.service),
                accords: with.iter().filter(|l| l.mechanism == dossier::accord::MECHANISM).map(|l| (l.id, l.title.clone())).collect(),
                dossiers: with.iter().filter(|l| l.mechanism != dossier::accord::MECHANISM).map(|l| (l.id, l.mechanism.clone(), l.title.clone())).collect(),
                waiting: depth.iter().find(|d| d.recipient == succeeded.predecessor).map_or(0, |d| d.count),
                until: old.latest().valid_until,
                succeeded,
            });
        }
        Ok(out)
    }

    fn dossiers_with<'a>(&self, listed: &'a [crate::overview::Listed], service: ServiceId) -> Result<Vec<&'a crate::overview::Listed>, NodeError> {
        let mut out = Vec::new();
        for l in listed {
            let row = self.store.dossier(&l.id)?;
            let summary: serde_json::Value = row.and_then(|r| serde_json::from_slice(&r.summary).ok()).unwrap_or_default();
            let id = service.to_string();
            if summary["parties"].as_array().into_iter().flatten().any(|p| p["service"] == id.as_str()) {
                out.push(l);
            }
        }
        Ok(out)
    }
}
