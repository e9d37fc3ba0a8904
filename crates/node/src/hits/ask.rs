//! Asking: 1 the subject becomes keys here, 2 accord, purpose, category and quota are judged as the partner will judge them, 3 the keys are
//! blinded and padded, the head is signed, 4 the answer's proof is checked and its outputs are looked up in the list that lies here.
//!
//! What was not hit causes no message. Inputs and blinds stay, sealed, for an auditor; what a hit found expires.

use super::quota::Way;
use super::wire::{Aim, HIT_VERSION, HitQuestion, Signing, commitment};
use super::{DAY_MS, HIT_MECHANISM, HitFault, HitReference, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, Ticket, log, put};
use crate::officer::Officer;
use crate::piece::Piece;
use base::{Digest, DossierId, ServiceId, Text, UnixMs, Vocabulary, hex};
use dossier::OfficerRole;
use matching::oprf::{ELEMENT_BYTES, Evaluated, Kernel, Proof, Question};
use matching::subject::{Key as SubjectKey, Quality, Side, Subject, quality_of};
use serde::{Deserialize, Serialize};
use store::{Append, Outgoing, Queued, RecordOp};

/// Elements to a multiple of which a question is filled up, so that their number does not tell how much is known of a subject.
pub const ASK_PADDING: usize = 64;
/// Elements of one question.
pub const QUESTION_ELEMENTS_MAX: usize = 2_048;
/// Days for which a result can be seen and confirmed.
pub const RESULT_DAYS: u32 = 7;
/// Bytes of a reason or reference.
const WORDS_BYTES_MAX: usize = 2_000;
pub(super) const ASK: &str = "hit-ask";
/// SHA-256 of the points of each answer that was taken, so that none is taken twice.
pub(super) const ANSWERED: &str = "hit-answered";
/// Leads from a piece that was sent to its question.
pub(super) const SENT: &str = "hit-sent";
/// Who may ask and confirm.
pub(super) const ASKERS: &[OfficerRole] = &[OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor];

/// What an officer asks.
#[derive(Clone, Debug)]
pub struct AskForm {
    /// Whom.
    pub to: ServiceId,
    /// About whom or what.
    pub subject: Subject,
    /// How the officer calls the subject here; never leaves this node.
    pub label: String,
    /// Why it is asked.
    pub justification: Justification,
    /// Whether the subject is looked up in every change that comes, without another question.
    pub standing: bool,
}

/// Why a question is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Justification {
    /// Code of `legal-purposes`.
    pub purpose: String,
    /// Code of `crime-areas`.
    pub offence: String,
    /// Code of `data-subject-categories`.
    pub category: String,
    /// To identify, or to learn more.
    pub aim: Aim,
    /// The case's own reference.
    pub reference: String,
    /// Why.
    pub reason: Text,
    /// The list grant, for what goes beyond the quotas.
    pub grant: Option<DossierId>,
}

/// How a question stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Asked {
    /// On its way, or not answered yet.
    Sent,
    /// Nothing was hit.
    NoHit,
    /// Something was hit; nobody has confirmed it.
    Hit,
    /// A hit was confirmed; its reference is on its way.
    Confirmed,
    /// Here is where to ask.
    Referred,
    /// What looked like a hit was none: the filter's own rate of false hits, once in 2^32.
    FalseHit,
    /// The partner refused it, or its answer did not hold.
    Failed {
        /// The stable code.
        code: String,
    },
    /// What was found is kept no longer.
    Expired,
}

/// A hit's secrets: what is fetched and opened with it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct HitKey {
    /// Which input.
    pub(super) input: usize,
    pub(super) tag: u64,
    pub(super) fetch: String,
    pub(super) seal: String,
}

impl HitKey {
    fn new(input: usize, output: &matching::oprf::Output) -> HitKey {
        HitKey { input, tag: output.tag(), fetch: hex::encode(&output.fetch_tag()), seal: hex::encode(&output.seal_key()) }
    }
}

/// A question as it lies here; sealed at rest.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) to: ServiceId,
    pub(super) officer: String,
    pub(super) label: String,
    #[serde(flatten)]
    pub(super) why: Justification,
    pub(super) at: UnixMs,
    pub(super) list: Digest,
    /// SHA-256 of the answer's piece, once one held.
    pub(super) answer: Option<Digest>,
    pub(super) answered_at: Option<UnixMs>,
    pub(super) asked: Asked,
    /// The inputs, and the blind of each: an auditor can have both opened.
    pub(super) inputs: Vec<String>,
    pub(super) openings: Vec<String>,
    pub(super) elements: usize,
    pub(super) commitment: Digest,
    pub(super) hits: Vec<HitKey>,
    pub(super) quality: Option<String>,
    pub(super) standing: bool,
    /// What all inputs came to, kept for standing subjects only, for the epoch of the list.
    pub(super) outputs: Vec<HitKey>,
    pub(super) references: Vec<HitReference>,
    pub(super) confirmed: Option<(String, UnixMs)>,
    /// The request that followed, or the proposal of one.
    pub(super) followed: Option<String>,
}

/// Bytes of the elements, kept until the answer comes: without them no proof can be checked.
const ELEMENTS: &str = "hit-elements";

impl Justification {
    /// Refuses what lacks a part or names no code that is known.
    fn judge(&self) -> Result<(), HitFault> {
        let known = |vocabulary: &str, code: &str| Vocabulary::get(vocabulary).is_some_and(|v| v.entry(code).is_some());
        let words = |text: &str| !text.trim().is_empty() && text.len() <= WORDS_BYTES_MAX;
        let parts = [
            (words(&self.reference), "the case reference"),
            (words(&self.reason.text), "the reason"),
            (known("legal-purposes", &self.purpose), "the purpose"),
            (known("crime-areas", &self.offence), "the offence"),
            (known("data-subject-categories", &self.category), "the category of the subject"),
        ];
        match parts.into_iter().find(|(good, _)| !good) {
            Some((_, what)) => Err(HitFault::Justification(what)),
            None => Ok(()),
        }
    }
}

pub(super) fn asker(officer: &Officer) -> Result<(), NodeError> {
    match officer.roles.iter().any(|r| ASKERS.contains(r)) {
        true => Ok(()),
        false => Err(NodeError::Role("officer, desk or supervisor")),
    }
}

impl Node {
    /// Asks a partner whether its index holds a subject; returns the question's name.
    pub fn ask(&mut self, officer: &Officer, form: AskForm, now: UnixMs) -> Result<(Ticket, Digest), NodeError> {
        asker(officer)?;
        if form.standing {
            self.room_for_standing()?;
        }
        let inputs: Vec<String> =
            form.subject.keys(Side::Question).map_err(HitFault::from)?.iter().map(|k| String::from_utf8_lossy(&k.input(HIT_MECHANISM)).into_owned()).collect();
        let mut batch = Append::new(now);
        let id = self.ask_inputs(officer, form.to, inputs, form.label, form.justification, form.standing, &mut batch)?;
        Ok((self.stage(batch), id))
    }

    #[allow(clippy::too_many_arguments)] // A question's parts, from a form, a batch or a standing subject.
    pub(super) fn ask_inputs(
        &mut self,
        officer: &Officer,
        to: ServiceId,
        inputs: Vec<String>,
        label: String,
        why: Justification,
        standing: bool,
        batch: &mut Append,
    ) -> Result<Digest, NodeError> {
        let now = batch.at;
        self.trust_clock(now)?;
        why.judge()?;
        let me = self.me();
        let ground = self.hit_ground(me, to, now)?;
        self.may_sign(&ground.accord, &[to], now)?;
        let held = self.hit_held(&to)?.filter(|h| h.head.until > now && h.head.accord == ground.accord).ok_or(HitFault::NoList)?;
        let list = held.list;
        let count = inputs.len().next_multiple_of(ASK_PADDING);
        if count > QUESTION_ELEMENTS_MAX {
            return Err(HitFault::Oprf(matching::oprf::OprfFault::Count { found: count, expected: QUESTION_ELEMENTS_MAX }).into());
        }
        let mut head = HitQuestion {
            version: HIT_VERSION,
            by: me,
            to,
            list,
            grant: why.grant,
            officer: officer.id.clone(),
            purpose: why.purpose.clone(),
            offence: why.offence.clone(),
            category: why.category.clone(),
            aim: why.aim,
            reference: why.reference.trim().to_owned(),
            reason: why.reason.clone(),
            count: u32::try_from(count).expect("questions are short"),
            commitment: Digest::default(),
            at: now,
        };
        self.hit_may(Way::Out, to, &ground, &head, now)?;
        let question = Question::blind(&inputs, ASK_PADDING, &mut *self.entropy, Kernel::best()).map_err(HitFault::from)?;
        let elements = question.blinded().concat();
        head.commitment = commitment(&elements);
        let signed = head.sign(&self.keys).into_bytes();
        let id = Digest::of(&signed);
        let ask = Ask {
            to,
            officer: officer.id.to_string(),
            label,
            why,
            at: now,
            list,
            answer: None,
            answered_at: None,
            asked: Asked::Sent,
            openings: question.openings().iter().map(|o| hex::encode(&**o)).collect(),
            inputs,
            elements: count,
            commitment: head.commitment,
            hits: Vec::new(),
            quality: None,
            standing,
            outputs: Vec::new(),
            references: Vec::new(),
            confirmed: None,
            followed: None,
        };
        self.hit_count(Way::Out, to, &head, batch)?;
        let piece = Piece::HitQuestion { signed, elements: elements.clone() };
        batch.records.push(put(ASK, &id.to_string(), json(&ask)));
        batch.records.push(put(ELEMENTS, &id.to_string(), elements));
        batch.records.push(put(SENT, &piece.digest().to_string(), id.to_string().into_bytes()));
        if standing {
            batch.records.push(put(super::standing::STANDING, &id.to_string(), Vec::new()));
        }
        batch.logs.push(log("hit", hit_line("asked", &id, &head)));
        batch.queue.push(Queued { recipient: to, what: Outgoing::Note(piece.encode()) });
        self.news += 1;
        Ok(id)
    }

    pub(super) fn ask_of(&self, id: &Digest) -> Result<Option<Ask>, NodeError> {
        self.store.record(ASK, &id.to_string())?.map(|r| read_json(&r.data, "a question")).transpose()
    }

    /// Takes the answer to a question: proof, blinds, look-up. An answer that does not hold says nothing, neither hit nor no-hit.
    pub(crate) fn take_hit_answer(&mut self, from: ServiceId, piece: &Piece, batch: &mut Append) -> Result<(), NodeError> {
        let Piece::HitAnswer { question, elements, proof } = piece else { return Err(HitFault::Unasked.into()) };
        let digest = piece.digest();
        let mut ask = self.ask_of(question)?.filter(|a| a.to == from).ok_or(HitFault::Unasked)?;
        if ask.answer.is_some() {
            return if ask.answer == Some(digest) { Ok(()) } else { Err(HitFault::AnswerReplayed.into()) };
        }
        // The same points under another question: no proof fits them there, but it is another attack than a wrong key.
        let points = Digest::of(elements).to_string();
        if self.hits.answered.contains(&points) || self.store.record(ANSWERED, &points)?.is_some() {
            ask.asked = Asked::Failed { code: HitFault::AnswerReplayed.code().to_owned() };
            batch.records.push(put(ASK, &question.to_string(), json(&ask)));
            batch.logs.push(log("incident", serde_json::json!({ "code": HitFault::AnswerReplayed.code(), "service": from, "question": question })));
            return Err(HitFault::AnswerReplayed.into());
        }
        let sent = self.store.record(ELEMENTS, &question.to_string())?.ok_or(HitFault::Unasked)?.data;
        self.hit_held(&from)?;
        let read = self.open_answer(&ask, &sent, elements, proof);
        let outputs = match read {
            Ok(outputs) => outputs,
            Err(e) => {
                if let NodeError::Hit(fault) = &e {
                    ask.asked = Asked::Failed { code: fault.code().to_owned() };
                    batch.records.push(put(ASK, &question.to_string(), json(&ask)));
                    batch.logs.push(log("incident", serde_json::json!({ "code": fault.code(), "service": from, "question": question })));
                }
                return Err(e);
            }
        };
        let tags: Vec<u64> = outputs.iter().map(|o| o.tag()).collect();
        let listed: Vec<bool> = match self.hit_held(&from)? {
            Some(held) => tags.iter().map(|t| held.filter.contains(*t)).collect(),
            None => Vec::new(),
        };
        (ask.answer, ask.answered_at) = (Some(digest), Some(batch.at));
        let hit = |i: &usize| listed.get(*i).copied().unwrap_or_default();
        ask.hits = (0..outputs.len()).filter(hit).map(|i| HitKey::new(i, &outputs[i])).collect();
        ask.quality = quality_among(&ask).map(|q| q.as_str().to_owned());
        ask.asked = if ask.hits.is_empty() { Asked::NoHit } else { Asked::Hit };
        if ask.standing {
            ask.outputs = outputs.iter().enumerate().map(|(i, o)| HitKey::new(i, o)).collect();
        }
        batch.records.push(put(ASK, &question.to_string(), json(&ask)));
        batch.records.push(RecordOp::Delete { kind: ELEMENTS.to_owned(), id: question.to_string() });
        batch.records.push(put(ANSWERED, &points, Vec::new()));
        self.hits.answered.insert(points);
        batch.logs.push(log("hit", serde_json::json!({ "what": "answered", "question": question, "partner": from, "elements": ask.elements })));
        Ok(())
    }

    fn open_answer(&self, ask: &Ask, sent: &[u8], elements: &[u8], proof: &[u8]) -> Result<Vec<matching::oprf::Output>, NodeError> {
        let corrupt = || NodeError::Corrupt("a question".to_owned());
        let split = |bytes: &[u8]| -> Vec<[u8; ELEMENT_BYTES]> { bytes.chunks_exact(ELEMENT_BYTES).map(|c| c.try_into().expect("32 bytes")).collect() };
        let openings = ask.openings.iter().map(|o| hex::decode(o).and_then(|b| b.try_into().ok())).collect::<Option<Vec<[u8; 32]>>>().ok_or_else(corrupt)?;
        if elements.len() != sent.len() {
            let fault = matching::oprf::OprfFault::Count { found: elements.len() / ELEMENT_BYTES, expected: sent.len() / ELEMENT_BYTES };
            return Err(HitFault::Oprf(fault).into());
        }
        let held = self.hits.held.get(&ask.to).filter(|h| h.list == ask.list).map(|h| h.public);
        let Some(public) = held else { return Err(HitFault::Epoch.into()) };
        let question = Question::resume(&ask.inputs, &openings, split(sent), Kernel::best()).map_err(|_| corrupt())?;
        let answer = Evaluated { elements: split(elements), proof: Proof::from_bytes(proof).map_err(HitFault::from)? };
        Ok(question.finish(&answer, &public).map_err(HitFault::from)?)
    }

    /// Notes that a partner refused a piece of hit/no-hit: a question shows it, a list goes anew with the next epoch.
    pub(crate) fn hit_refused(&mut self, to: ServiceId, object: &Digest, code: &str, batch: &mut Append) -> Result<(), NodeError> {
        if !code.contains(".matching.") && code != NodeError::NoAccord.code() {
            return Ok(());
        }
        let Some(sent) = self.store.record(SENT, &object.to_string())? else {
            if code.contains(".matching.") {
                batch.records.push(put(super::held::REFUSED, &to.to_string(), code.as_bytes().to_vec()));
            }
            return Ok(());
        };
        let id: Digest = String::from_utf8_lossy(&sent.data).parse()?;
        if let Some(mut ask) = self.ask_of(&id)?.filter(|a| a.to == to) {
            ask.asked = Asked::Failed { code: code.to_owned() };
            batch.records.push(put(ASK, &id.to_string(), json(&ask)));
        }
        batch.records.push(RecordOp::Delete { kind: SENT.to_owned(), id: object.to_string() });
        Ok(())
    }

    /// Remembers which question a piece belongs to, so that its refusal is shown there.
    pub(super) fn note_sent(&self, piece: &Piece, question: &Digest, batch: &mut Append) {
        batch.records.push(put(SENT, &piece.digest().to_string(), question.to_string().into_bytes()));
    }

    /// Ends what may no longer be seen: a result after [`RESULT_DAYS`], a question with inputs and blinds after the mechanism's retention.
    pub(super) fn sweep_ask(&mut self, r: &store::Record, now: UnixMs, batch: &mut Append) -> Result<(), NodeError> {
        let retention = i64::from(self.mechanism(HIT_MECHANISM)?.retention_days) * DAY_MS;
        let mut ask: Ask = read_json(&r.data, "a question")?;
        if now >= ask.at.plus_ms(retention) {
            batch.records.extend([ASK, ELEMENTS].map(|kind| RecordOp::Delete { kind: kind.to_owned(), id: r.id.clone() }));
            batch.shred = true;
        } else if ask.asked != Asked::Expired && !ask.standing && now >= ask.answered_at.unwrap_or(ask.at).plus_ms(i64::from(RESULT_DAYS) * DAY_MS) {
            ask.asked = Asked::Expired;
            ask.hits.clear();
            ask.references.clear();
            ask.quality = None;
            batch.records.push(put(ASK, &r.id, json(&ask)));
        }
        Ok(())
    }
}

/// Days after which nobody answers a piece any more.
pub(super) const EXPIRE_SENT_DAYS: u32 = 90;

/// Says how much the hits of a question say, by the kinds of keys that were found.
pub(super) fn quality_among(ask: &Ask) -> Option<Quality> {
    quality_of(ask.hits.iter().filter_map(|h| SubjectKey::kind_of(ask.inputs.get(h.input)?.as_bytes())))
}

/// A line for the log of both sides; the commitment binds it to what was asked without telling it.
pub(super) fn hit_line(what: &str, question: &Digest, q: &HitQuestion) -> serde_json::Value {
    serde_json::json!({
        "what": what, "question": question, "by": q.by, "to": q.to, "officer": q.officer, "purpose": q.purpose, "offence": q.offence, "category": q.category,
        "aim": q.aim, "reference": q.reference, "reason": q.reason, "elements": q.count, "commitment": q.commitment, "grant": q.grant, "list": q.list,
    })
}
