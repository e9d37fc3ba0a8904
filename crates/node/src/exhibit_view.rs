//! Exhibits as people see them: how far each is here and at every other party, and reading one out, which is a disclosure.

use crate::Officer;
use crate::error::NodeError;
use crate::exhibit::{Kept, bytes_of};
use crate::node::{Node, Ticket, log};
use crate::proof::consents;
use crate::shelves::Reading;
use base::{ActId, DossierId, ExhibitId, ServiceId, UnixMs, Use};
use serde::Serialize;
use store::Append;

/// An exhibit that a dossier names.
#[derive(Debug, Clone, Serialize)]
pub struct ExhibitView {
    /// Its address.
    pub id: ExhibitId,
    /// The file's name.
    pub name: String,
    /// Its media type.
    pub media: String,
    /// Its size in bytes.
    pub size: u64,
    /// Who named it first here.
    pub author: ServiceId,
    /// In which act.
    pub act: ActId,
    /// How it stands here.
    pub here: ExhibitStanding,
    /// How it stands at the other parties, as far as this node knows by their signed word.
    pub there: Vec<ExhibitStanding>,
}

/// How an exhibit stands at one party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExhibitStanding {
    /// The party.
    pub service: ServiceId,
    /// Its short name.
    pub code: String,
    /// `held`, `coming` (chunks move or will), `refused`, `erased`, or `unknown` where the party has not said anything.
    pub state: &'static str,
    /// Bytes that are there for certain.
    pub bytes: u64,
    /// Since when all of it is there; for an erased one since when it is gone.
    pub since: Option<UnixMs>,
    /// When something last moved.
    pub moved: Option<UnixMs>,
    /// The stable code of why it stands still.
    pub why: Option<String>,
}

impl Node {
    /// Lists the exhibits that the acts of a dossier name, by name.
    pub fn exhibits_of(&mut self, dossier: &DossierId) -> Result<Vec<ExhibitView>, NodeError> {
        let me = self.me();
        let d = self.dossier(dossier)?.ok_or(NodeError::Absent("dossier"))?;
        let parties: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).filter(|s| *s != me).collect();
        let view = |(id, kept): (&ExhibitId, &Kept)| {
            let name = kept.named_in(dossier)?;
            let there = parties.iter().map(|p| self.standing_at(kept, *p, dossier)).collect();
            Some(ExhibitView {
                id: *id,
                name: name.name.clone(),
                media: name.media.clone(),
                size: kept.size,
                author: name.author,
                act: name.act,
                here: self.standing_here(kept, name.released),
                there,
            })
        };
        let mut all: Vec<ExhibitView> = self.exhibits.kept.iter().filter_map(view).collect();
        all.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(all)
    }

    fn standing_here(&self, kept: &Kept, released: Option<UnixMs>) -> ExhibitStanding {
        let service = self.me();
        let (state, since) = match (released.or(kept.gone), kept.since, &kept.refused) {
            (Some(gone), _, _) => ("erased", Some(gone)),
            (_, Some(since), _) => ("held", Some(since)),
            (_, _, Some(_)) => ("refused", None),
            _ => ("coming", None),
        };
        let short = state == "coming" && self.lacks_room(kept);
        let why = kept.refused.clone().or_else(|| short.then(|| NodeError::ExhibitRoom.code().to_owned()));
        let bytes = if state == "erased" { 0 } else { kept.bytes() };
        ExhibitStanding { service, code: self.book.code(&service), state, bytes, since, moved: Some(kept.moved), why }
    }

    /// Tells whether the disk has no room for what is lacking of an exhibit.
    pub(crate) fn lacks_room(&self, kept: &Kept) -> bool {
        let missing = u64::from(kept.have.missing(kept.chunks()).count()) * store::SLOT_BYTES;
        self.exhibits.shelves.as_ref().is_some_and(|s| s.vault().room().is_ok_and(|room| room < missing))
    }

    fn standing_at(&self, kept: &Kept, service: ServiceId, dossier: &DossierId) -> ExhibitStanding {
        let code = self.book.code(&service);
        let named = kept.names.iter().any(|n| n.author == service && n.dossier == *dossier);
        let none = ExhibitStanding { service, code, state: if named { "held" } else { "unknown" }, bytes: 0, since: None, moved: None, why: None };
        let Some(other) = kept.others.get(&service) else { return ExhibitStanding { bytes: if named { kept.size } else { 0 }, ..none } };
        let (state, bytes) = match (other.since, &other.refused) {
            (Some(_), _) => ("held", kept.size),
            (_, Some(_)) => ("refused", 0),
            _ => ("coming", kept.size - bytes_of(&other.lacking, kept.size)),
        };
        ExhibitStanding { state, bytes, since: other.since, moved: Some(other.moved), why: other.refused.clone(), ..none }
    }

    /// Opens an exhibit to be read out; the disclosure is logged with its reason before the first byte goes.
    ///
    /// For a use beyond the dossier's parties, refuses while a handling code of another party's act that names it forbids the use and
    /// that party has not consented.
    pub fn read_exhibit(
        &mut self,
        officer: &Officer,
        (dossier, exhibit): (&DossierId, &ExhibitId),
        reason: &str,
        wanted: Option<Use>,
        now: UnixMs,
    ) -> Result<(Ticket, Reading), NodeError> {
        officer.must_read()?;
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why you take this exhibit out; the reason is logged".to_owned()));
        }
        let (shelves, me) = (self.vault_or_refuse()?, self.me());
        let d = self.dossier(dossier)?.ok_or(NodeError::Absent("dossier"))?;
        if let Some(wanted) = wanted {
            let consents = consents(d, wanted);
            for (place, (act, _)) in d.timeline().into_iter().enumerate() {
                let Some(body) = act.body().filter(|b| b.exhibits().any(|e| e.id == *exhibit)) else { continue };
                let author = act.head().author;
                let decided = consents.iter().rfind(|c| c.owner == author && c.asked > place).is_some_and(|c| c.granted);
                if author != me && !decided {
                    body.handling.permits(wanted).map_err(dossier::Refusal::from)?;
                }
            }
        }
        let kept = self.exhibits.kept.get(exhibit).filter(|k| k.named_in(dossier).is_some_and(|n| n.released.is_none()));
        let kept = kept.ok_or(NodeError::Absent("exhibit"))?;
        let shelf = kept.shelf().filter(|_| kept.since.is_some()).ok_or(NodeError::ExhibitIncomplete)?;
        let size = kept.size;
        let whom = wanted.map_or("party", |w| match w {
            Use::Court => "court",
            Use::Onward => "onward",
            Use::Crime | Use::Other => "other",
        });
        let mut batch = Append::new(now);
        let line =
            serde_json::json!({ "officer": officer.id, "dossier": dossier, "exhibit": exhibit, "for": whom, "reason": reason, "what": "exhibit taken out" });
        batch.logs.push(log("consultation", line));
        Ok((self.stage(batch), Reading { shelves, id: *exhibit, shelf, size }))
    }
}
