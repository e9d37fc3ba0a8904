//! After a hit: an officer confirms, the holder's node hands out a sealed reference, an information request follows, filled in beforehand.
//!
//! Only now does the holder learn that something was hit, and which record. What is sealed opens for who asked for that very input alone.

use super::ask::{ASK, Ask, Asked, asker};
use super::index::{KIND, Kept, record_id};
use super::serve::{SERVED, ServedAsk};
use super::wire::{HIT_TAG_BYTES, HIT_VERSION, HitConfirmation, HitQuestion, HitReference, Signing, reference_aad};
use super::{HitFault, json, read_json};
use crate::error::NodeError;
use crate::intent::{Intent, Made};
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use crate::piece::Piece;
use base::{Digest, DossierId, Handling, ServiceId, UnixMs, cbor, hex};
use dossier::Party;
use minicbor::bytes::ByteVec;
use std::collections::BTreeMap;
use store::{Append, Outgoing, Queued, RecordOp};

/// Bytes of what is sealed for one hit.
const REFERENCE_BYTES_MAX: usize = 4096;
/// Leads from a proposal to the question whose hit it follows up.
const FOLLOWS: &str = "hit-follows";
/// The mechanism of a follow-up.
const REQUEST: &str = "information-request";

impl Node {
    /// Confirms the hits of a question as an officer: their references are asked for. The holder learns which records these are.
    pub fn confirm_hit(&mut self, officer: &Officer, question: &Digest, now: UnixMs) -> Result<Ticket, NodeError> {
        asker(officer)?;
        self.trust_clock(now)?;
        let mut ask = self.ask_that_is(Asked::Hit, question)?;
        let ground = self.hit_ground(self.me(), ask.to, now)?;
        self.may_sign(&ground.accord, &[ask.to], now)?;
        let mut tags = Vec::with_capacity(ask.hits.len() * HIT_TAG_BYTES);
        for hit in &ask.hits {
            tags.extend(hit.tag.to_be_bytes());
            tags.extend(hex::decode(&hit.fetch).ok_or_else(|| NodeError::Corrupt("a question".to_owned()))?);
        }
        let head = HitConfirmation { version: HIT_VERSION, by: self.me(), to: ask.to, question: *question, officer: officer.id.clone(), tags, at: now };
        let piece = Piece::HitConfirmation { signed: head.sign(&self.keys).into_bytes() };
        (ask.asked, ask.confirmed) = (Asked::Confirmed, Some((officer.id.to_string(), now)));
        let mut batch = Append::new(now);
        batch.records.push(put(ASK, &question.to_string(), json(&ask)));
        self.note_sent(&piece, question, &mut batch);
        batch.logs.push(log("hit", serde_json::json!({ "what": "confirmed", "question": question, "officer": officer.id, "hits": ask.hits.len() })));
        batch.queue.push(Queued { recipient: ask.to, what: Outgoing::Note(piece.encode()) });
        self.news += 1;
        Ok(self.stage(batch))
    }

    /// Hands out the references of confirmed hits, each sealed for who asked for its input.
    pub(crate) fn serve_hit_confirmation(&mut self, from: ServiceId, signed: &[u8], batch: &mut Append) -> Result<(), NodeError> {
        let cards = seal::Directory::cards(&self.book, &from).ok_or(NodeError::UnknownPartner(from))?;
        let head = HitConfirmation::read(signed, &cards)?;
        let corrupt = || NodeError::Corrupt("a question that was answered".to_owned());
        let id = head.question.to_string();
        let record = self.store.record(SERVED, &id)?.ok_or(HitFault::Unasked)?;
        let mut served: ServedAsk = read_json(&record.data, "a question that was answered")?;
        let asked = hex::decode(&served.elements).ok_or_else(corrupt)?.len() / matching::oprf::ELEMENT_BYTES;
        let hits = head.tags.len() / HIT_TAG_BYTES;
        if served.from != from || head.to != self.me() || !head.tags.len().is_multiple_of(HIT_TAG_BYTES) || hits == 0 || hits > asked {
            return Err(HitFault::Unasked.into());
        }
        let confirmation = Digest::of(signed).to_string();
        if served.confirmed.contains(&confirmation) {
            return Ok(());
        }
        // Who asked about n inputs can confirm one selection of them, not try again and again.
        if !served.confirmed.is_empty() {
            return Err(HitFault::ConfirmedTwice.into());
        }
        self.hit_ground(from, self.me(), batch.at)?;
        let epoch = self.epoch(&from)?.filter(|e| e.list == served.list).ok_or(HitFault::Epoch)?;
        let key = self.epoch_key(&from)?.ok_or(HitFault::Epoch)?;
        let mut sealed: Vec<ByteVec> = Vec::with_capacity(hits);
        let mut told: Vec<String> = Vec::new();
        for hit in head.tags.chunks_exact(HIT_TAG_BYTES) {
            let tag = u64::from_be_bytes(hit[..8].try_into().expect("eight bytes"));
            let mut references: Vec<HitReference> = Vec::new();
            let mut under = None;
            for record in self.mapped(&from, &epoch, tag)? {
                let Some(r) = self.store.record(KIND, &hex::encode(&record))? else { continue }; // taken out since
                let kept: Kept = read_json(&r.data, "a record of the index")?;
                debug_assert_eq!(record, record_id(&kept.source, &kept.record.reference));
                let outputs = key.outputs(kept.record.inputs(), &|_| ()).map_err(HitFault::from)?;
                let Some(output) = outputs.iter().find(|o| o.fetch_tag()[..] == hit[8..]) else { continue };
                under = Some(output.seal_key());
                told.push(kept.record.reference.clone());
                let k = kept.record;
                references.push(HitReference { reference: k.reference, category: k.category, quality: k.quality, contact: k.contact, until: k.until });
            }
            sealed.push(match under {
                Some(key) => seal::seal_reference(&key, &reference_aad(&head.question, &hit[..8]), &cbor::to_vec(&references), &mut *self.entropy).into(),
                None => Vec::new().into(),
            });
        }
        told.sort();
        told.dedup();
        served.confirmed.push(confirmation);
        batch.records.push(put(SERVED, &id, json(&served)));
        let line = serde_json::json!({ "what": "was confirmed", "question": head.question, "by": from, "officer": head.officer, "references": told });
        batch.logs.push(log("hit", line));
        let piece = Piece::HitReference { question: head.question, sealed };
        batch.queue.push(Queued { recipient: from, what: Outgoing::Note(piece.encode()) });
        self.news += 1;
        Ok(())
    }

    /// Opens the references that came for confirmed hits.
    pub(crate) fn take_hit_reference(&mut self, from: ServiceId, question: Digest, sealed: &[ByteVec], batch: &mut Append) -> Result<(), NodeError> {
        let mut ask = self.ask_of(&question)?.filter(|a| a.to == from).ok_or(HitFault::Unasked)?;
        match ask.asked {
            Asked::Confirmed => {}
            Asked::Referred | Asked::FalseHit | Asked::Expired => return Ok(()),
            _ => return Err(HitFault::Unasked.into()),
        }
        if sealed.len() != ask.hits.len() {
            return Err(HitFault::Reference.into());
        }
        let mut references: Vec<HitReference> = Vec::new();
        for (hit, bytes) in ask.hits.iter().zip(sealed).filter(|(_, b)| !b.is_empty()) {
            let key: [u8; 32] = hex::decode(&hit.seal).and_then(|b| b.try_into().ok()).ok_or_else(|| NodeError::Corrupt("a question".to_owned()))?;
            if bytes.len() > REFERENCE_BYTES_MAX * 4 {
                return Err(HitFault::Reference.into());
            }
            let opened = seal::open_reference(&key, &reference_aad(&question, &hit.tag.to_be_bytes()), bytes).map_err(|_| HitFault::Reference)?;
            let some: Vec<HitReference> = cbor::from_slice(&opened, opened.len()).map_err(|_| HitFault::Reference)?;
            for r in some {
                if !references.contains(&r) {
                    references.push(r);
                }
            }
        }
        ask.asked = if references.is_empty() { Asked::FalseHit } else { Asked::Referred };
        ask.references = references;
        batch.records.push(put(ASK, &question.to_string(), json(&ask)));
        batch.logs.push(log("hit", serde_json::json!({ "what": "referred", "question": question, "partner": from, "references": ask.references.len() })));
        Ok(())
    }

    /// Returns a question that stands as one must for what an officer wants to do.
    fn ask_that_is(&self, wanted: Asked, question: &Digest) -> Result<Ask, NodeError> {
        let ask = self.ask_of(question)?.ok_or(NodeError::Absent("question"))?;
        match &ask.asked {
            stands if *stands == wanted => Ok(ask),
            Asked::Expired => Err(HitFault::Expired.into()),
            _ => Err(HitFault::NotHit.into()),
        }
    }

    /// Opens the information request that follows a confirmed hit: all that is known is filled in, `fields` adds facts and question.
    pub fn follow_hit(&mut self, officer: &Officer, question: &Digest, fields: BTreeMap<String, serde_json::Value>, now: UnixMs) -> Result<Made, NodeError> {
        asker(officer)?;
        let ask = self.ask_that_is(Asked::Referred, question)?;
        let intent = self.follow_up_of(&ask, fields, now)?;
        let made = self.propose(officer, intent, now)?;
        self.hit_followed(officer, question, &made, now)?;
        Ok(made)
    }

    /// Notes the request that followed a hit, so that nobody sends another.
    pub fn hit_followed(&mut self, officer: &Officer, question: &Digest, made: &Made, now: UnixMs) -> Result<Ticket, NodeError> {
        asker(officer)?;
        let ask = self.ask_of(question)?.ok_or(NodeError::Absent("question"))?;
        let followed = match made {
            Made::Act { dossier, .. } => dossier.to_string(),
            Made::Pending { id, .. } => format!("pending/{id}"),
        };
        let ask = super::ask::Ask { followed: Some(followed.clone()), ..ask };
        let mut batch = Append::new(now);
        batch.records.push(put(ASK, &question.to_string(), json(&ask)));
        batch.logs.push(log("hit", serde_json::json!({ "what": "followed up", "question": question, "officer": officer.id, "by": followed })));
        if let Made::Pending { id, .. } = made {
            batch.records.push(put(FOLLOWS, id, question.to_string().into_bytes()));
        }
        Ok(self.stage(batch))
    }

    /// Notes the dossier that a second officer's approval of a follow-up opened, in the place of its proposal.
    pub(crate) fn hit_proposal_approved(&mut self, pending: &str, made: &Made, now: UnixMs) -> Result<(), NodeError> {
        let (Made::Act { dossier, .. }, Some(r)) = (made, self.store.record(FOLLOWS, pending)?) else { return Ok(()) };
        let question: Digest = String::from_utf8_lossy(&r.data).parse()?;
        let mut batch = Append::new(now);
        batch.records.push(RecordOp::Delete { kind: FOLLOWS.to_owned(), id: pending.to_owned() });
        if let Some(ask) = self.ask_of(&question)? {
            let ask = super::ask::Ask { followed: Some(dossier.to_string()), ..ask };
            batch.records.push(put(ASK, &question.to_string(), json(&ask)));
        }
        self.stage(batch);
        Ok(())
    }

    /// Fills in the information request that would follow a hit, for an officer to read and complete: the accord under which it would go, and the
    /// fields in plain form. Refuses as [`Node::follow_hit`] does.
    pub fn follow_up_form(
        &mut self,
        officer: &Officer,
        question: &Digest,
        now: UnixMs,
    ) -> Result<(DossierId, ServiceId, BTreeMap<String, serde_json::Value>), NodeError> {
        asker(officer)?;
        let ask = self.ask_that_is(Asked::Referred, question)?;
        let Intent::Open { fields, parties, .. } = self.follow_up_of(&ask, BTreeMap::new(), now)? else { return Err(NodeError::Bug) };
        let parties: Vec<Party> = parties.into_iter().map(|(service, role)| Party { service, role }).collect();
        let mechanism = self.mechanism(REQUEST)?;
        Ok((self.fitting_accord(&mechanism, &parties, now)?.dossier, ask.to, fields))
    }

    fn follow_up_of(&mut self, ask: &super::ask::Ask, fields: BTreeMap<String, serde_json::Value>, now: UnixMs) -> Result<Intent, NodeError> {
        let me = self.me();
        let ground = self.hit_ground(me, ask.to, now)?;
        let d = self.dossier(&ground.accord)?.ok_or(NodeError::NoAccord)?;
        let root = d.state().item(&d.root());
        let basis = root.and_then(|r| r.fields.get("legal_basis")).and_then(|v| v.each().next()).cloned();
        let theirs: Vec<&str> = ask.references.iter().map(|r| r.reference.as_str()).collect();
        let why = format!("Hit/no-hit {}: {} ({})", ask.at, theirs.join(", "), ask.quality.as_deref().unwrap_or_default());
        let mut form: BTreeMap<String, serde_json::Value> = BTreeMap::from([
            ("reference".to_owned(), ask.why.reference.clone().into()),
            ("purpose".to_owned(), ask.why.purpose.clone().into()),
            ("offence".to_owned(), ask.why.offence.clone().into()),
            ("why_requested".to_owned(), serde_json::json!({ "lang": ask.why.reason.lang, "text": why })),
            ("facts".to_owned(), serde_json::json!({ "lang": ask.why.reason.lang, "text": ask.why.reason.text })),
            ("urgency".to_owned(), "ordinary".into()),
        ]);
        if let Some(dossier::Value::Text(t)) = basis {
            form.insert("legal_basis".to_owned(), serde_json::json!({ "lang": t.lang, "text": t.text }));
        }
        let lang = ask.why.reason.lang.clone();
        let person = |p: &super::ask::AskedPerson| {
            let name = |text: &str| serde_json::json!({ "lang": lang, "text": text });
            let born = Some(&p.born).filter(|b| !b.is_empty());
            serde_json::json!({ "given": name(&p.given), "family": name(&p.family), "born": born, "nationalities": null, "category": ask.why.category, "aliases": null })
        };
        if !ask.persons.is_empty() {
            form.insert("persons".to_owned(), ask.persons.iter().map(person).collect());
        }
        form.extend(fields);
        let parties = vec![(me, "requesting".to_owned()), (ask.to, "requested".to_owned())];
        Ok(Intent::Open { mechanism: REQUEST.to_owned(), accord: None, parties, follows: None, fields: form, handling: Handling::default() })
    }

    /// Opens a line of the log for an auditor: the input and the blind that open an element, checked against what was signed.
    pub(super) fn openings_of(ask: &super::ask::Ask) -> Vec<(String, String)> {
        ask.inputs.iter().cloned().zip(ask.openings.iter().cloned()).collect()
    }

    /// Reads the head of a question that was answered here.
    pub(super) fn served_head(served: &ServedAsk) -> Result<HitQuestion, NodeError> {
        let corrupt = || NodeError::Corrupt("a question that was answered".to_owned());
        let signed = hex::decode(&served.signed).ok_or_else(corrupt)?;
        let parsed = seal::Signed::parse(&signed, seal::Typ::HitQuestion, super::HIT_SIGNED_BYTES_MAX)?;
        cbor::from_slice(parsed.payload(), super::HIT_SIGNED_BYTES_MAX).map_err(|_| corrupt())
    }
}
