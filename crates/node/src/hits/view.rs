//! What officers, a data-protection officer and an auditor see; and what is done by the clock.

use super::ask::{ASK, Ask, Asked, Justification};
use super::publish::PublishedView;
use super::quota::Way;
use super::serve::{SERVED, ServedAsk};
use super::{HitFault, HitReference, read_json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, log};
use crate::officer::Officer;
use base::{Digest, ServiceId, UnixMs, hex};
use dossier::OfficerRole;
use matching::oprf::{ELEMENT_BYTES, Kernel, Question};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Append;

/// How the own index and its lists with partners stand.
#[derive(Clone, Serialize, Debug)]
pub struct IndexView {
    /// Records by category.
    pub records: BTreeMap<String, usize>,
    /// Records by source.
    pub sources: BTreeMap<String, usize>,
    /// Categories that accords in force permit.
    pub permitted: Vec<String>,
    /// Lists that partners were given.
    pub published: Vec<PublishedView>,
    /// What partners asked in ten days, in elements.
    pub asked_by: BTreeMap<ServiceId, u64>,
}

/// A partner's list as it is held here.
#[derive(Clone, Serialize, Debug)]
pub struct HeldView {
    /// Whose.
    pub partner: ServiceId,
    /// Number of the epoch.
    pub epoch: u32,
    /// Tags in it.
    pub tags: usize,
    /// When it last changed.
    pub as_of: UnixMs,
    /// Until when it can be asked.
    pub until: UnixMs,
    /// Elements asked in ten days.
    pub asked: u64,
    /// Elements asked today, by officer.
    pub today: BTreeMap<String, u64>,
}

/// A question as an officer sees it.
#[derive(Clone, Serialize, Debug)]
pub struct AskView {
    /// Its name.
    pub question: Digest,
    /// Whom it asks.
    pub to: ServiceId,
    /// Who asked.
    pub officer: String,
    /// How the officer called the subject.
    pub label: String,
    /// Why.
    #[serde(flatten)]
    pub why: Justification,
    /// When.
    pub at: UnixMs,
    /// How it stands.
    #[serde(flatten)]
    pub asked: Asked,
    /// How many keys were hit, and of which kinds.
    pub hits: BTreeMap<String, usize>,
    /// How much they say: possible, probable, strong.
    pub quality: Option<String>,
    /// Whether it is a standing subject.
    pub standing: bool,
    /// Elements that were asked.
    pub elements: usize,
    /// What the log of both sides commits to.
    pub commitment: Digest,
    /// Where to ask, after a confirmed hit.
    pub references: Vec<HitReference>,
    /// The request that followed, or its proposal.
    pub followed: Option<String>,
}

/// A line of the log, opened for an auditor.
#[derive(Clone, Serialize, Debug)]
pub struct Opening {
    /// The input.
    pub input: String,
    /// The blind, hexadecimal.
    pub blind: String,
    /// Whether both open the element at this place, as far as the element is here.
    pub opens: Option<bool>,
}

fn view(question: Digest, a: Ask) -> AskView {
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    for kind in a.hits.iter().filter_map(|h| matching::subject::Key::kind_of(a.inputs.get(h.input)?.as_bytes())) {
        *hits.entry(kind.as_str().to_owned()).or_default() += 1;
    }
    AskView {
        question,
        to: a.to,
        officer: a.officer,
        label: a.label,
        why: a.why,
        at: a.at,
        asked: a.asked,
        hits,
        quality: a.quality,
        standing: a.standing,
        elements: a.elements,
        commitment: a.commitment,
        references: a.references,
        followed: a.followed,
    }
}

impl Node {
    /// Shows how our index stands.
    pub fn index_view(&mut self, now: UnixMs) -> Result<IndexView, NodeError> {
        let (mut records, mut sources) = (BTreeMap::new(), BTreeMap::new());
        self.each_record(|_, kept| {
            *records.entry(kept.record.category).or_default() += 1;
            *sources.entry(kept.source).or_default() += 1;
            Ok(())
        })?;
        let permitted = self.index_categories(now)?.into_iter().collect();
        let mut asked_by = BTreeMap::new();
        for partner in self.hit_partners(now)? {
            asked_by.insert(partner, self.hit_usage(Way::In, partner, now)?.0);
        }
        Ok(IndexView { records, sources, permitted, published: self.published_lists()?, asked_by })
    }

    /// Shows which partners' lists can be asked, and how much was asked.
    pub fn lists_view(&mut self, now: UnixMs) -> Result<Vec<HeldView>, NodeError> {
        let mut out = Vec::new();
        for partner in self.hit_lists()? {
            let (asked, today) = self.hit_usage(Way::Out, partner, now)?;
            if let Some(h) = self.hit_held(&partner)? {
                out.push(HeldView { partner, epoch: h.head.epoch, tags: h.filter.len(), as_of: h.as_of, until: h.head.until, asked, today });
            }
        }
        Ok(out)
    }

    /// Shows questions, the newest first: an officer's own; all of them to supervisors and the data-protection officer.
    pub fn asks(&self, officer: &Officer, standing: Option<bool>) -> Result<Vec<AskView>, NodeError> {
        let mut out = Vec::new();
        for r in self.documents(ASK)? {
            let ask: Ask = read_json(&r.data, "a question")?;
            if sees(officer, &ask) && standing.is_none_or(|s| s == ask.standing) {
                out.push(view(r.id.parse()?, ask));
            }
        }
        out.sort_by_key(|a| std::cmp::Reverse(a.at));
        Ok(out)
    }

    /// Finds a question by its name or the first six digits or more; whose it is not to see, it is absent for.
    pub fn find_ask(&self, officer: &Officer, name: &str) -> Result<AskView, NodeError> {
        if let Ok(id) = name.parse::<Digest>() {
            return match self.ask_of(&id)?.filter(|a| sees(officer, a)) {
                Some(ask) => Ok(view(id, ask)),
                None => Err(NodeError::Absent("question")),
            };
        }
        let all = self.asks(officer, None)?;
        let mut found = all.into_iter().filter(|a| name.len() >= 6 && a.question.to_string().starts_with(name));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(NodeError::Absent("question")),
        }
    }

    /// Opens a question's line of the log for an auditor; that is logged. For the data-protection officer alone.
    pub fn open_ask(&mut self, officer: &Officer, question: &Digest, reason: &str, now: UnixMs) -> Result<(Ticket, Vec<Opening>), NodeError> {
        if !officer.roles.contains(&OfficerRole::DataProtection) {
            return Err(NodeError::Role("data-protection officer"));
        }
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why this line of the log is opened; the reason is logged".to_owned()));
        }
        let ask = self.ask_of(question)?.ok_or(NodeError::Absent("question"))?;
        let open = |(input, blind): (String, String)| Opening { input, blind, opens: None };
        let openings = Node::openings_of(&ask).into_iter().map(open).collect();
        let mut batch = Append::new(now);
        batch.logs.push(log("audit", serde_json::json!({ "what": "question opened", "question": question, "by": officer.id, "reason": reason })));
        Ok((self.stage(batch), openings))
    }

    /// Checks, where a question was answered, whether inputs and blinds open the elements that its signed head commits to.
    pub fn check_openings(
        &mut self,
        officer: &Officer,
        question: &Digest,
        openings: Vec<(String, String)>,
        now: UnixMs,
    ) -> Result<(Ticket, Vec<Opening>), NodeError> {
        if !officer.roles.contains(&OfficerRole::DataProtection) {
            return Err(NodeError::Role("data-protection officer"));
        }
        let record = self.store.record(SERVED, &question.to_string())?.ok_or(NodeError::Absent("question"))?;
        let served: ServedAsk = read_json(&record.data, "a question that was answered")?;
        let head = Node::served_head(&served)?;
        let elements = hex::decode(&served.elements).ok_or_else(|| NodeError::Corrupt("a question that was answered".to_owned()))?;
        if super::commitment(&elements) != head.commitment {
            return Err(HitFault::Commitment.into());
        }
        let each = elements.chunks_exact(ELEMENT_BYTES);
        let check = |((input, blind), element): ((String, String), &[u8])| {
            let bytes: Option<[u8; 32]> = hex::decode(&blind).and_then(|b| b.try_into().ok());
            let opens = bytes.is_some_and(|b| Question::opens(input.as_bytes(), &b, element.try_into().expect("32 bytes"), Kernel::best()));
            Opening { input, blind, opens: Some(opens) }
        };
        let checked = openings.into_iter().zip(each).map(check).collect();
        let mut batch = Append::new(now);
        batch.logs.push(log("audit", serde_json::json!({ "what": "openings checked", "question": question, "by": officer.id })));
        Ok((self.stage(batch), checked))
    }

    /// Asks anew and goes on with granted lists; for the clock and after answers. None where nothing was to be done.
    pub fn tend_asks(&mut self, now: UnixMs) -> Result<Option<Ticket>, NodeError> {
        let mut batch = Append::new(now);
        let asked = self.renew_standing(&mut batch)? + self.step_batches(&mut batch)?;
        Ok((asked > 0 || !batch.records.is_empty()).then(|| self.stage(batch)))
    }
}

fn sees(officer: &Officer, ask: &Ask) -> bool {
    officer.id.as_str() == ask.officer || officer.roles.iter().any(|r| matches!(r, OfficerRole::Supervisor | OfficerRole::DataProtection))
}
