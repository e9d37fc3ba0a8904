//! The press that the register rests on: texts kept by their digest, what officers decided about them, and drafts made anew.
//!
//! Flow of an import, a split or a join: 1 the node hands out a desk of texts and decisions (`press_desk`), 2 the desk is read away from the node's
//! thread, because reading takes time (`PressDesk::read`), 3 the node files what was read, if nothing moved meanwhile (`file_press`). What an officer
//! confirmed or rejected is never changed by a reading: a later text of the same event is noted beside it.

use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use crate::register::{Draft, DraftState, read, write};
use base::{Digest, UnixMs};
use register::{Decisions, EventDraft, Reader, Silent, Text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Append, RecordOp};

/// Texts of undecided and decided drafts that an import reads again beside the new ones; the newest first.
pub const PRESS_REREAD_MAX: usize = 1_000;
/// Most texts of drafts that an officer splits or joins by hand.
pub const BY_HAND_TEXTS_MAX: usize = 200;
/// Digits of a digest that name a text or a draft.
const ID_DIGITS: usize = 16;

/// A public text in the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PressText {
    /// Its name: the first 16 digits of its digest.
    pub id: String,
    /// Path as given by the first who imported it.
    pub path: String,
    /// The whole page.
    pub body: String,
    /// When it came in.
    pub at: UnixMs,
}

/// What an officer decided about two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Bond {
    Together,
    Apart,
}

/// A text that an officer brings.
#[derive(Clone, Debug)]
pub struct NewText {
    /// Path as given.
    pub path: String,
    /// The whole page.
    pub body: String,
}

/// Texts to be read together, and what was decided about them.
#[derive(Clone, Debug)]
pub struct PressDesk {
    texts: Vec<PressText>,
    /// Texts that are not kept yet.
    fresh: BTreeSet<String>,
    decisions: Decisions,
    /// Bonds to be kept with what is read.
    bonds: BTreeMap<String, Option<Bond>>,
    /// Drafts whose texts all lie on the desk.
    drafts: Vec<String>,
    /// What the register held when the desk was laid out.
    seen: Digest,
    what: &'static str,
}

/// A desk that was read.
#[derive(Debug)]
pub struct PressReading {
    desk: PressDesk,
    events: Vec<(EventDraft, Vec<usize>)>,
    /// Texts that gave no draft, and why.
    pub silent: Vec<Silent>,
}

impl PressDesk {
    /// Reads the desk; this takes about a millisecond a text, so it is done away from the node's thread.
    pub fn read(self, reader: &Reader) -> PressReading {
        let texts: Vec<Text<'_>> = self.texts.iter().map(|text| Text { path: &text.path, body: &text.body }).collect();
        let reading = reader.read(&texts, &self.decisions);
        let events = reading.events.into_iter().zip(reading.members).collect();
        PressReading { desk: self, events, silent: reading.silent }
    }
}

fn press_id(body: &str) -> String {
    Digest::tagged("entente/press/1", &[body.as_bytes()]).to_string()[..ID_DIGITS].to_owned()
}

fn bond_id(one: &str, two: &str) -> String {
    format!("{}-{}", one.min(two), one.max(two))
}

impl Node {
    /// Lays out new texts beside those that the register holds, with what officers decided about them.
    ///
    /// The same text again is the same text, whatever its path.
    pub fn press_desk(&self, new: Vec<NewText>, now: UnixMs) -> Result<PressDesk, NodeError> {
        let mut kept: Vec<PressText> = self.press()?;
        kept.sort_by(|a, b| b.at.0.cmp(&a.at.0).then_with(|| a.id.cmp(&b.id)));
        let mut ids: BTreeSet<String> = BTreeSet::new();
        let mut desk = self.bare_desk("register import")?;
        for text in new {
            let id = press_id(&text.body);
            if ids.insert(id.clone()) {
                let held = kept.iter().find(|held| held.id == id).cloned();
                if held.is_none() {
                    desk.fresh.insert(id.clone());
                }
                desk.texts.push(held.unwrap_or(PressText { id, path: text.path, body: text.body, at: now }));
            }
        }
        // Drafts lie on the desk whole or not at all, so that no text is torn from its event. Those that a new text names come first.
        let mut drafts = self.drafts()?;
        let newest = |draft: &Draft| kept.iter().position(|text| draft.texts.contains(&text.id)).unwrap_or(usize::MAX);
        drafts.sort_by_key(|draft| (!draft.texts.iter().any(|id| ids.contains(id)), newest(draft)));
        let mut count = 0;
        for draft in &drafts {
            let named = draft.texts.iter().any(|id| ids.contains(id));
            if draft.texts.is_empty() || !named && count + draft.texts.len() > PRESS_REREAD_MAX {
                continue;
            }
            count += draft.texts.len();
            desk.drafts.push(draft.id.clone());
            for id in &draft.texts {
                if ids.insert(id.clone()) {
                    desk.texts.push(kept.iter().find(|text| &text.id == id).cloned().ok_or_else(|| NodeError::Corrupt(format!("press text {id} is lacking")))?);
                }
            }
        }
        // What was there first stands first, so that a draft's list of texts grows at its end.
        let fresh = std::mem::take(&mut desk.fresh);
        desk.texts.sort_by_key(|text| (fresh.contains(&text.id), text.at.0));
        desk.fresh = fresh;
        self.decide_desk(&mut desk, &drafts)?;
        Ok(desk)
    }

    /// Lays out the texts of one draft, to be split: each list of places in its sources becomes a draft of its own, the rest another.
    pub fn split_desk(&self, id: &str, parts: &[Vec<usize>]) -> Result<PressDesk, NodeError> {
        let draft = self.draft(id)?;
        let count = draft.texts.len();
        let named: Vec<usize> = parts.iter().flatten().copied().collect();
        let once = named.iter().collect::<BTreeSet<_>>().len() == named.len();
        if parts.is_empty() || parts.iter().any(Vec::is_empty) || !once || named.iter().any(|at| *at >= count) {
            return Err(NodeError::Asked(format!("name each text once, by its place from 1 to {count} in the draft's list of texts")));
        }
        let mut sets: Vec<Vec<usize>> = parts.to_vec();
        let rest: Vec<usize> = (0..count).filter(|at| !named.contains(at)).collect();
        sets.extend((!rest.is_empty()).then_some(rest));
        if sets.len() < 2 {
            return Err(NodeError::Asked("a split leaves at least one text on each side".to_owned()));
        }
        let mut desk = self.bare_desk("draft split")?;
        self.lay(&mut desk, &draft)?;
        for (at, set) in sets.iter().enumerate() {
            for other in &sets[at + 1..] {
                for (one, two) in set.iter().flat_map(|one| other.iter().map(move |two| (*one, *two))) {
                    desk.bonds.insert(bond_id(&draft.texts[one], &draft.texts[two]), Some(Bond::Apart));
                }
            }
            for pair in set.windows(2) {
                desk.bonds.insert(bond_id(&draft.texts[pair[0]], &draft.texts[pair[1]]), Some(Bond::Together));
            }
        }
        self.decide_desk(&mut desk, &[])?;
        Ok(desk)
    }

    /// Lays out the texts of several drafts, to be joined into one.
    pub fn join_desk(&self, ids: &[String]) -> Result<PressDesk, NodeError> {
        let names: BTreeSet<&String> = ids.iter().collect();
        if names.len() < 2 {
            return Err(NodeError::Asked("name two drafts or more to join them".to_owned()));
        }
        let mut desk = self.bare_desk("drafts joined")?;
        let mut all: Vec<String> = Vec::new();
        for id in names {
            let draft = self.draft(id)?;
            self.lay(&mut desk, &draft)?;
            all.extend(draft.texts);
        }
        for (at, one) in all.iter().enumerate() {
            for two in &all[at + 1..] {
                desk.bonds.insert(bond_id(one, two), None);
            }
        }
        for pair in all.windows(2) {
            desk.bonds.insert(bond_id(&pair[0], &pair[1]), Some(Bond::Together));
        }
        self.decide_desk(&mut desk, &[])?;
        Ok(desk)
    }

    /// Files what was read from a desk: new texts, new drafts, decisions about texts.
    ///
    /// Refuses if the register moved since the desk was laid out; lay it out and read it again then.
    pub fn file_press(&mut self, officer: &Officer, reading: PressReading, now: UnixMs) -> Result<(Ticket, Vec<Draft>), NodeError> {
        let PressReading { desk, events, .. } = reading;
        if self.press_seen()? != desk.seen {
            return Err(NodeError::RegisterMoved);
        }
        let by_hand = desk.what != "register import";
        let mut batch = Append::new(now);
        let mut drafts = Vec::new();
        let mut kept: BTreeSet<String> = BTreeSet::new();
        let before: Vec<Draft> = desk.drafts.iter().map(|id| self.draft(id)).collect::<Result<_, _>>()?;
        for (event, members) in events {
            let texts: Vec<String> = members.iter().map(|at| desk.texts[*at].id.clone()).collect();
            let decided = before.iter().find(|draft| !by_hand && draft.state != DraftState::Draft && draft.texts.iter().any(|id| texts.contains(id)));
            let draft = match decided {
                Some(held) => with_later_texts(held, &texts, &event),
                None => self.draft_of(event, texts, now)?,
            };
            kept.insert(draft.id.clone());
            let same = before.iter().any(|held| held.id == draft.id && held.texts == draft.texts && held.state == draft.state);
            if !same {
                batch.records.push(put("draft", &draft.id, write(&draft)));
            }
            drafts.push(draft);
        }
        for gone in before.iter().filter(|held| !kept.contains(&held.id) && (by_hand || held.state == DraftState::Draft)) {
            batch.records.push(RecordOp::Delete { kind: "draft".to_owned(), id: gone.id.clone() });
        }
        let told: BTreeSet<&String> = drafts.iter().flat_map(|draft| &draft.texts).collect();
        for text in desk.texts.iter().filter(|text| desk.fresh.contains(&text.id) && told.contains(&text.id)) {
            batch.records.push(put("press", &text.id, serde_json::to_vec(text).expect("plain data has a JSON form")));
        }
        for (id, bond) in &desk.bonds {
            batch.records.push(match bond {
                Some(bond) => put("press-bond", id, serde_json::to_vec(bond).expect("plain data has a JSON form")),
                None => RecordOp::Delete { kind: "press-bond".to_owned(), id: id.clone() },
            });
        }
        let names = |drafts: &[Draft]| drafts.iter().map(|d| d.id.clone()).collect::<Vec<_>>();
        let undone: Vec<&Draft> = before.iter().filter(|held| by_hand && held.state != DraftState::Draft).collect();
        batch.logs.push(log(
            "audit",
            serde_json::json!({ "what": desk.what, "by": officer.id, "before": names(&before), "drafts": names(&drafts), "undone": undone }),
        ));
        Ok((self.stage(batch), drafts))
    }

    /// Returns the texts that the register keeps.
    pub fn press(&self) -> Result<Vec<PressText>, NodeError> {
        let all = self.documents("press")?;
        all.iter().map(|r| serde_json::from_slice(&r.data).map_err(|e| NodeError::Corrupt(format!("a text of the press: {e}")))).collect()
    }

    /// Returns the texts of a draft in the order of its list; one that is not kept any more is left out.
    pub fn press_of(&self, draft: &Draft) -> Result<Vec<PressText>, NodeError> {
        let mut out = Vec::new();
        for id in &draft.texts {
            if let Some(r) = self.store.record("press", id)? {
                out.push(serde_json::from_slice(&r.data).map_err(|e| NodeError::Corrupt(format!("a text of the press: {e}")))?);
            }
        }
        Ok(out)
    }

    fn draft_of(&self, event: EventDraft, texts: Vec<String>, now: UnixMs) -> Result<Draft, NodeError> {
        let mut sorted: Vec<&[u8]> = texts.iter().map(|id| id.as_bytes()).collect();
        sorted.sort_unstable();
        let id = Digest::tagged("entente/draft/1", &sorted).to_string()[..ID_DIGITS].to_owned();
        let held = self.store.record("draft", &id)?.map(|r| read(&r.data)).transpose()?;
        Ok(held.unwrap_or(Draft { id, event, texts, later: Vec::new(), state: DraftState::Draft, at: now, by: None }))
    }

    fn bare_desk(&self, what: &'static str) -> Result<PressDesk, NodeError> {
        Ok(PressDesk {
            texts: Vec::new(),
            fresh: BTreeSet::new(),
            decisions: Decisions::default(),
            bonds: BTreeMap::new(),
            drafts: Vec::new(),
            seen: self.press_seen()?,
            what,
        })
    }

    fn lay(&self, desk: &mut PressDesk, draft: &Draft) -> Result<(), NodeError> {
        for id in &draft.texts {
            let record = self.store.record("press", id)?.ok_or_else(|| NodeError::Corrupt(format!("press text {id} is lacking")))?;
            desk.texts.push(serde_json::from_slice(&record.data).map_err(|e| NodeError::Corrupt(format!("a text of the press: {e}")))?);
        }
        desk.drafts.push(draft.id.clone());
        if desk.texts.len() > BY_HAND_TEXTS_MAX {
            return Err(NodeError::Asked(format!("more than by_hand_texts_max = {BY_HAND_TEXTS_MAX} texts are split or joined at once; take fewer drafts")));
        }
        Ok(())
    }

    /// Puts what officers decided on a desk: bonds between texts, and drafts that were confirmed or rejected as they are.
    fn decide_desk(&self, desk: &mut PressDesk, drafts: &[Draft]) -> Result<(), NodeError> {
        let place: BTreeMap<&str, usize> = desk.texts.iter().enumerate().map(|(at, text)| (text.id.as_str(), at)).collect();
        let mut bonds: BTreeMap<String, Bond> = BTreeMap::new();
        for record in self.documents("press-bond")? {
            let bond = serde_json::from_slice(&record.data).map_err(|e| NodeError::Corrupt(format!("a bond of the press: {e}")))?;
            bonds.insert(record.id, bond);
        }
        for (id, bond) in &desk.bonds {
            match bond {
                Some(bond) => bonds.insert(id.clone(), *bond),
                None => bonds.remove(id),
            };
        }
        let mut decisions = Decisions::default();
        for (id, bond) in &bonds {
            let ends = id.split_once('-').and_then(|(one, two)| Some((*place.get(one)?, *place.get(two)?)));
            match (ends, bond) {
                (Some((one, two)), Bond::Together) => decisions.together.push(vec![one, two]),
                (Some(pair), Bond::Apart) => decisions.apart.push(pair),
                (None, _) => {}
            }
        }
        let decided: Vec<Vec<usize>> = drafts
            .iter()
            .filter(|draft| draft.state != DraftState::Draft && desk.drafts.contains(&draft.id))
            .map(|draft| draft.texts.iter().filter_map(|id| place.get(id.as_str()).copied()).collect())
            .collect();
        for (at, set) in decided.iter().enumerate() {
            for other in &decided[at + 1..] {
                decisions.apart.extend(set.iter().flat_map(|one| other.iter().map(move |two| (*one, *two))));
            }
        }
        decisions.together.extend(decided);
        desk.decisions = decisions;
        Ok(())
    }

    /// A digest of what the register holds, to tell whether it moved.
    fn press_seen(&self) -> Result<Digest, NodeError> {
        let mut parts: Vec<Vec<u8>> = self.documents("draft")?.into_iter().map(|r| [r.id.as_bytes(), &r.data].concat()).collect();
        parts.extend(self.documents("press-bond")?.into_iter().map(|r| [r.id.as_bytes(), &r.data].concat()));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(Digest::tagged("entente/register/1", &parts))
    }
}

/// A decided draft with the texts that came in later: the event stays as the officer left it.
fn with_later_texts(held: &Draft, texts: &[String], event: &EventDraft) -> Draft {
    let mut draft = held.clone();
    for (at, id) in texts.iter().enumerate().filter(|(_, id)| !held.texts.contains(id)) {
        draft.texts.push(id.clone());
        draft.later.push(event.sources[at].clone());
    }
    draft
}
