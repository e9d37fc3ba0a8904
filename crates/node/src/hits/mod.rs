//! Hit/no-hit between nodes: who holds an index gives each partner a filter of it; who asks learns hit or no-hit; the holder learns nothing of
//! what was not hit.
//!
//! Holder: 1 records are loaded (`index`), 2 an epoch's key turns them into a filter that one partner gets, then its changes (`publish`), 3 a
//! question is judged by accord and quota and answered with a proof (`serve`), 4 a confirmed hit gets its sealed reference (`confirm`).
//! Asking side: 1 a list is taken whole or not at all (`held`), 2 an officer asks (`ask`), 3 the answer is checked and looked up here, 4 the
//! officer confirms and follows up (`confirm`); standing subjects and granted lists go on by themselves (`standing`, `batch`).

mod ask;
mod batch;
mod confirm;
mod fault;
mod held;
mod index;
mod publish;
mod quota;
mod serve;
mod standing;
mod sweep;
mod view;
mod wire;

pub use ask::{ASK_PADDING, AskForm, Asked, Justification, QUESTION_ELEMENTS_MAX, RESULT_DAYS};
pub use batch::{BATCH_PERSONS_MAX, BatchPerson, BatchView};
pub use fault::HitFault;
pub use index::{Changed, INDEX_RECORDS_MAX, IndexRecord};
pub use publish::{EPOCH_DAYS, IndexDone, IndexJob, PublishedView};
pub use sweep::STEP as HIT_SWEEP_STEP;
pub use view::{AskView, HeldView, IndexView, Opening};
pub use wire::{
    Aim, HIT_SIGNED_BYTES_MAX, HIT_TAG_BYTES, HIT_VERSION, HitConfirmation, HitList, HitQuestion, HitReference, SUITE, Signing, commitment, reference_aad,
};

use crate::error::NodeError;
use crate::node::Node;
use crate::piece::Piece;
use base::{Digest, DossierId, ServiceId, UnixMs};
use dossier::accord::Terms;
use dossier::{Mechanism, Party};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::Append;

/// The mechanism that an accord names to permit questions.
pub const HIT_MECHANISM: &str = "hit-no-hit";
/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// What of hit/no-hit is in memory: ahead of the disk until the next commit, thrown away when a commit fails.
#[derive(Default)]
pub(crate) struct Hits {
    coming: HashMap<ServiceId, held::Coming>,
    held: HashMap<ServiceId, held::Held>,
    used: HashMap<String, quota::Used>,
    /// Commitments of questions that are staged and not yet stored, and the questions that made them.
    seen: HashMap<(ServiceId, Digest), Digest>,
    /// Answers that are staged and not yet stored, by the digest of their points.
    answered: HashSet<String>,
    /// Lists that failed a check and lie on the disk until the next commit.
    dropped: HashSet<Digest>,
    /// How far the round of what ends by the clock is.
    round: sweep::Round,
}

impl Hits {
    /// Follows a commit.
    pub(crate) fn committed(&mut self, whole: bool) {
        self.seen.clear();
        self.answered.clear();
        self.dropped.clear();
        if !whole {
            *self = Hits::default();
        }
    }
}

/// An accord in force that lets two services ask each other.
pub(crate) struct Ground {
    pub(crate) accord: DossierId,
    pub(crate) mechanism: Arc<Mechanism>,
    pub(crate) terms: Terms,
}

impl Node {
    /// Finds the accord that lets `asking` ask `holding`, one of which is this service; of several the one with the fewest parties.
    pub(crate) fn hit_ground(&mut self, asking: ServiceId, holding: ServiceId, now: UnixMs) -> Result<Ground, NodeError> {
        let mechanism = self.mechanism(HIT_MECHANISM)?;
        let party = |service, role: &str| Party { service, role: role.to_owned() };
        let found = self.fitting_accord(&mechanism, &[party(asking, "asking"), party(holding, "holding")], now)?;
        let d = self.dossier(&found.dossier)?.ok_or(NodeError::NoAccord)?;
        let terms = Terms::at(d, &d.marks())?;
        Ok(Ground { accord: found.dossier, mechanism, terms })
    }

    /// Lists partners with whom an accord in force permits hit/no-hit.
    pub(crate) fn hit_partners(&mut self, now: UnixMs) -> Result<Vec<ServiceId>, NodeError> {
        let (me, services) = (self.me(), self.book.all().iter().map(|c| c.service()).collect::<Vec<_>>());
        let mut out = Vec::new();
        for partner in services.into_iter().filter(|s| *s != me) {
            match self.hit_ground(partner, me, now) {
                Ok(_) => out.push(partner),
                Err(e) if e.failure().is_some() => return Err(e),
                Err(_) => {}
            }
        }
        Ok(out)
    }
}

impl Node {
    /// Takes a piece of hit/no-hit.
    pub(crate) fn serve_hit(&mut self, from: ServiceId, piece: Piece, batch: &mut Append, now: UnixMs) -> Result<(), NodeError> {
        match piece {
            Piece::HitList { signed } => self.take_hit_list(from, &signed, batch, now),
            Piece::HitPart { list, part, data } => self.take_hit_part(from, list, part, data, batch),
            Piece::HitChanges { list, number, data } => self.take_hit_changes(from, list, number, &data, batch),
            Piece::HitQuestion { signed, elements } => self.serve_hit_question(from, &signed, &elements, batch, now),
            answer @ Piece::HitAnswer { .. } => self.take_hit_answer(from, &answer, batch),
            Piece::HitConfirmation { signed } => self.serve_hit_confirmation(from, &signed, batch),
            Piece::HitReference { question, sealed } => self.take_hit_reference(from, question, &sealed, batch),
            _ => Err(HitFault::Unasked.into()),
        }
    }
}

/// Reads a document of hit/no-hit.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(data: &[u8], what: &str) -> Result<T, NodeError> {
    serde_json::from_slice(data).map_err(|_| NodeError::Corrupt(what.to_owned()))
}

/// Writes a document of hit/no-hit.
pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data has a JSON form")
}
