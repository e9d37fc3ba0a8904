//! The chronicle of a dossier: its acts one by one as people read them, with what proves them. And what would become of an intent.

use crate::error::NodeError;
use crate::intent::Intent;
use crate::node::{Node, PAGE};
use crate::officer::Officer;
use base::{ActId, DossierId, Handling, ItemId, ServiceId, UnixMs};
use dossier::accord::{self, Terms};
use dossier::{Deed, OfficerRole, Verdict};
use seal::Directory;
use serde::Serialize;
use std::collections::BTreeMap;

/// One act of a dossier.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The act.
    pub act: ActId,
    /// Its author.
    pub author: ServiceId,
    /// Its number in its author's chain.
    pub seq: u64,
    /// When the officer acted, with the zone of the place.
    pub at: base::Instant,
    /// The officer, by the author's own name, and the role in which they acted.
    pub by: (String, OfficerRole),
    /// The officer who approved.
    pub second: Option<(String, OfficerRole)>,
    /// `open`, the kind of an item that it opens, or the move.
    pub deed: DeedView,
    /// The item that it opens or moves.
    pub item: ItemId,
    /// What it states, in plain form; none where the content was erased.
    pub fields: Option<BTreeMap<String, serde_json::Value>>,
    /// What receivers may do with it; none where the content was erased.
    pub handling: Option<Handling>,
    /// Why it folds to nothing.
    pub void: Option<String>,
    /// Its place in our ledger, and since when it is there; none while it is about to be stored.
    pub filed: Option<(u64, UnixMs)>,
    /// Whose signed receipts for it we hold, with the time at which each came.
    pub receipts: Vec<(ServiceId, UnixMs)>,
    /// Parties whose receipts are outstanding: those of an act of ours only, for a partner's receipts go to the partner.
    pub outstanding: Vec<ServiceId>,
}

/// What an act does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum DeedView {
    /// Opens the dossier.
    Open,
    /// Opens an item.
    OpenItem {
        /// Its kind.
        kind: String,
    },
    /// Moves a stance.
    Move {
        /// The move.
        name: String,
    },
}

/// An accord in force and what it permits.
#[derive(Debug, Clone, Serialize)]
pub struct AccordView {
    /// Its dossier.
    pub dossier: DossierId,
    /// Its title.
    pub title: String,
    /// Its parties.
    pub parties: Vec<ServiceId>,
    /// Names of the mechanisms that it permits and that are here in its version.
    pub mechanisms: Vec<String>,
    /// First day on which nothing new may be opened under it.
    pub valid_until: Option<base::Date>,
}

/// What an intent would do if it were proposed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// The parties that would receive the act.
    pub recipients: Vec<ServiceId>,
    /// Roles of which a second officer must approve; none where one is enough.
    pub second: Vec<OfficerRole>,
}

impl Node {
    /// Lists a dossier's acts, the newest first: `count` of them after leaving out `skip`; tells also how many there are.
    pub fn chronicle(&mut self, id: &DossierId, skip: usize, count: usize) -> Result<(Vec<Entry>, usize), NodeError> {
        let me = self.me();
        self.dossier(id)?.ok_or(NodeError::Absent("dossier"))?;
        let d = self.held(id).ok_or(NodeError::Absent("dossier"))?;
        let timeline = d.timeline();
        let parties: Vec<ServiceId> = d.opening().parties.iter().map(|p| p.service).collect();
        let mut out = Vec::new();
        for (act, verdict) in timeline.iter().rev().skip(skip).take(count) {
            let head = act.head();
            let filed = self.store.act(&act.id())?.map(|a| (a.pos, a.at));
            let receipts: Vec<(ServiceId, UnixMs)> = self.store.receipts_of(&act.id())?.into_iter().map(|h| (h.service, h.at)).collect();
            let outstanding = match head.author == me {
                true => parties.iter().filter(|p| **p != me && !receipts.iter().any(|r| r.0 == **p)).copied().collect(),
                false => Vec::new(),
            };
            out.push(Entry {
                act: act.id(),
                author: head.author,
                seq: head.seq,
                at: head.at.clone(),
                by: (head.by.officer.to_string(), head.by.role),
                second: head.second.as_ref().map(|s| (s.officer.to_string(), s.role)),
                deed: match &head.deed {
                    Deed::Open(_) => DeedView::Open,
                    Deed::OpenItem { kind, .. } => DeedView::OpenItem { kind: kind.clone() },
                    Deed::Move { name, .. } => DeedView::Move { name: name.clone() },
                },
                item: act.item(),
                fields: act.body().map(|b| b.fields.iter().map(|(k, v)| (k.to_owned(), v.to_json())).collect()),
                handling: act.body().map(|b| b.handling.clone()),
                void: match verdict {
                    Verdict::Void(code) => Some(code.clone()),
                    Verdict::Valid => None,
                },
                filed,
                receipts,
                outstanding,
            });
        }
        Ok((out, timeline.len()))
    }

    /// Returns the mechanism by which a dossier runs, in its own version.
    pub fn mechanism_of(&mut self, id: &DossierId) -> Result<std::sync::Arc<dossier::Mechanism>, NodeError> {
        Ok(std::sync::Arc::clone(self.dossier(id)?.ok_or(NodeError::Absent("dossier"))?.mechanism()))
    }

    /// Lists the accords in force of which we are a party, with what may be opened under them now.
    pub fn accords(&mut self, now: UnixMs) -> Result<Vec<AccordView>, NodeError> {
        let me = self.me();
        let hash = self.mechanism(accord::MECHANISM)?.hash;
        let filter = store::DossierFilter { mechanism: Some(hash), phase: Some(accord::IN_FORCE), ..Default::default() };
        let titles: BTreeMap<DossierId, String> = self.list(Some(accord::MECHANISM), None, usize::MAX)?.into_iter().map(|l| (l.id, l.title)).collect();
        let mut out = Vec::new();
        for row in self.store.dossiers(&filter, None, PAGE)? {
            let Some(d) = self.dossier(&row.id)? else { continue };
            let Ok(terms) = Terms::at(d, &d.marks()) else { continue };
            if !terms.parties.contains(&me) || terms.valid_until.is_some_and(|until| now >= until.start_utc()) {
                continue;
            }
            out.push(AccordView {
                dossier: row.id,
                title: titles.get(&row.id).cloned().unwrap_or_default(),
                parties: terms.parties.iter().copied().filter(|p| self.book.cards(p).is_some()).collect(),
                mechanisms: self.mechanisms.values().filter(|m| terms.mechanisms.contains(&m.hash)).map(|m| m.id.clone()).collect(),
                valid_until: terms.valid_until,
            });
        }
        Ok(out)
    }

    /// Judges an intent as [`Node::propose`] would and does nothing: who would receive it, and who must approve it first.
    pub fn rehearse(&mut self, officer: &Officer, intent: &Intent, now: UnixMs) -> Result<Rehearsal, NodeError> {
        let (parties, second) = self.try_intent(officer, intent, now)?;
        let me = self.me();
        Ok(Rehearsal { recipients: parties.into_iter().filter(|p| *p != me).collect(), second })
    }
}
