//! What working visits leave for a register: communiqués and their versions, what was promised and by when.
//!
//! 1 `visits` tells cheaply which visits there are and when each last changed, 2 `published` and `kept_of` fold one of them. Words that
//! officers wrote are not handed out here: whoever wants them opens the dossier and says why.

use crate::error::NodeError;
use crate::node::{Node, PAGE};
use base::{Digest, DossierId, ItemId, UnixMs};
use dossier::{ClockState, DossierView};
use seal::Fingerprint;
use serde::Serialize;
use store::DossierFilter;

/// The mechanism's name.
pub const VISIT: &str = "working-visit";

/// A version of a communiqué.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionView {
    /// The visit.
    pub dossier: DossierId,
    /// The version item.
    pub item: ItemId,
    /// Its number among those of its opener, and the opener's short name.
    pub number: (u32, String),
    /// Language and SHA-256 of each text.
    pub texts: Vec<(String, Digest)>,
    /// Its phase: `under_discussion`, `agreed`, `published`, `struck`.
    pub phase: String,
    /// Not to be published before, as it was written.
    pub embargo: String,
}

/// Something that was promised, without the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// The visit.
    pub dossier: DossierId,
    /// The commitment's item.
    pub item: ItemId,
    /// Code of `commitment-kinds`.
    pub kind: String,
    /// Short name of the service that promised.
    pub owner: String,
    /// Whether that is us.
    pub ours: bool,
    /// ISO date by which it is due.
    pub due: String,
    /// Its phase: `proposed`, `agreed`, `reported`, `kept`, `declined`.
    pub phase: String,
    /// The nearest clock that runs or ran out on it: its name, when it ends, how it stands.
    pub clock: Option<(String, UnixMs, ClockState)>,
}

impl Promise {
    /// Tells whether it should have been kept by now.
    pub fn is_late(&self) -> bool {
        self.phase == "agreed" && matches!(self.clock, Some((_, _, ClockState::Expired)))
    }

    /// Tells whether somebody still has to do something about it.
    pub fn is_open(&self) -> bool {
        matches!(self.phase.as_str(), "proposed" | "agreed" | "reported")
    }
}

/// Writes a service's fingerprint: its words in a language, and its digits.
pub fn fingerprint_of(service: &base::ServiceId, lang: base::Lang) -> (String, String) {
    let print = Fingerprint::of(service);
    (print.words(lang), print.digits())
}

impl Node {
    /// Lists all working visits and when each last changed.
    pub fn visits(&self) -> Result<Vec<(DossierId, UnixMs)>, NodeError> {
        let mut out = Vec::new();
        for m in self.mechanisms.values().filter(|m| m.id == VISIT) {
            let filter = DossierFilter { mechanism: Some(m.hash), ..DossierFilter::default() };
            let mut after = None;
            loop {
                let page = self.store.dossiers(&filter, after, PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some((last.updated_at, last.id));
                out.extend(page.iter().map(|row| (row.id, row.updated_at)));
            }
        }
        Ok(out)
    }

    /// Lists the published communiqués of a visit; none where there is no such visit.
    pub fn published(&mut self, id: &DossierId) -> Result<Vec<(ItemId, Vec<Digest>)>, NodeError> {
        let Some(d) = self.dossier(id)?.filter(|d| d.mechanism().id == VISIT) else { return Ok(Vec::new()) };
        let state = d.state();
        let versions = state.items().filter(|i| state.kind_of(i).id == "version" && state.phase_name(i) == Some("published"));
        let hashes = |v: &dossier::Value| match v {
            dossier::Value::TextHash(h) => Some(h.sha256),
            _ => None,
        };
        Ok(versions.map(|i| (i.id, i.fields.get("hashes").into_iter().flat_map(dossier::Value::each).filter_map(hashes).collect())).collect())
    }

    /// Tells what a visit leaves for the register: the versions of its communiqué, and what was promised.
    pub fn kept_of(&mut self, id: &DossierId, now: UnixMs) -> Result<(Vec<VersionView>, Vec<Promise>), NodeError> {
        let view = self.view(id, &[], now)?;
        let versions = view.items.iter().filter(|i| i.kind == "version").map(|i| VersionView {
            dossier: *id,
            item: i.id,
            number: (i.number, self.book.code(&i.opener)),
            texts: i.fields.get("hashes").and_then(|h| h.as_array()).into_iter().flatten().filter_map(text_hash).collect(),
            phase: i.phase.clone(),
            embargo: plain(&i.fields, "embargo"),
        });
        let versions = versions.collect();
        let promises = view.items.iter().filter(|i| i.kind == "commitment").map(|i| {
            let owner = plain(&i.fields, "owner").parse::<base::ServiceId>().ok();
            Promise {
                dossier: *id,
                item: i.id,
                kind: plain(&i.fields, "kind"),
                owner: owner.map(|s| self.book.code(&s)).unwrap_or_default(),
                ours: owner == Some(self.me()),
                due: plain(&i.fields, "due"),
                phase: i.phase.clone(),
                clock: nearest(&view, &i.id),
            }
        });
        Ok((versions, promises.collect()))
    }
}

fn plain(fields: &std::collections::BTreeMap<String, serde_json::Value>, name: &str) -> String {
    fields.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
}

fn text_hash(v: &serde_json::Value) -> Option<(String, Digest)> {
    Some((v["lang"].as_str()?.to_owned(), v["sha256"].as_str()?.parse().ok()?))
}

fn nearest(view: &DossierView, item: &ItemId) -> Option<(String, UnixMs, ClockState)> {
    let waits = |c: &&dossier::ClockView| c.item == *item && matches!(c.state, ClockState::Running | ClockState::Paused | ClockState::Expired);
    view.clocks.iter().filter(waits).min_by_key(|c| c.due).map(|c| (c.clock.clone(), c.due, c.state))
}
