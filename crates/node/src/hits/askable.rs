//! Whom an officer may ask now, on what ground, and how much is left of the quotas; what was asked of us, for who answers for the answers.

use super::HIT_MECHANISM;
use super::quota::Way;
use crate::error::NodeError;
use crate::node::{Node, PAGE, Ticket, log};
use crate::officer::Officer;
use base::{Date, DossierId, ServiceId, Text, UnixMs};
use dossier::{OfficerRole, Value};
use serde::Serialize;
use std::collections::BTreeSet;
use store::Append;

/// Dossiers among which open list grants are looked for, the last changed first.
const GRANTS_MAX: usize = 200;
/// Lines of the log that one look at partners' questions goes through.
const SCAN_MAX: usize = 50_000;
/// Partners' questions that one look returns, the newest.
pub const SERVED_FOUND_MAX: usize = 500;

/// A partner that may be asked.
#[derive(Clone, Debug, Serialize)]
pub struct Askable {
    /// The partner.
    pub partner: ServiceId,
    /// The accord that permits it.
    pub accord: DossierId,
    /// Codes of `legal-purposes` that the accord names; none where nothing is forbidden by them.
    pub purposes: Option<BTreeSet<String>>,
    /// Codes of `data-subject-categories`.
    pub categories: BTreeSet<String>,
    /// Elements that the officer has left today, and has in a day.
    pub officer: (u64, u64),
    /// Elements that the service has left, and has in ten days.
    pub service: (u64, u64),
    /// When the partner's list last changed, and until when it can be asked; none where no list is here.
    pub list: Option<(UnixMs, UnixMs)>,
    /// List grants that are open.
    pub grants: Vec<GrantLeft>,
}

/// An open list grant.
#[derive(Clone, Debug, Serialize)]
pub struct GrantLeft {
    /// Its dossier.
    pub dossier: DossierId,
    /// Our reference of it.
    pub reference: String,
    /// First day without questions.
    pub until: Option<Date>,
}

/// A question that a partner asked and that was answered here. Of whom it was is not known.
#[derive(Clone, Debug, Serialize)]
pub struct ServedView {
    /// Its name, the same at both sides.
    pub question: String,
    /// Who asked.
    pub from: ServiceId,
    /// When it was answered.
    pub at: UnixMs,
    /// The officer, by the partner's own name.
    pub officer: String,
    /// Code of `legal-purposes`.
    pub purpose: String,
    /// Code of `crime-areas`.
    pub offence: String,
    /// Code of `data-subject-categories`.
    pub category: String,
    /// `identify` or `learn-more`.
    pub aim: String,
    /// The partner's case reference.
    pub reference: String,
    /// Why.
    pub reason: Option<Text>,
    /// Elements that were asked.
    pub elements: u64,
    /// The list grant under which it was asked.
    pub grant: Option<DossierId>,
    /// Our own references of the records that were named after a confirmation; none where nothing was confirmed.
    pub confirmed: Option<Vec<String>>,
}

impl Node {
    /// Shows whom an officer may ask now, and how much is left.
    pub fn askables(&mut self, officer: &Officer, now: UnixMs) -> Result<Vec<Askable>, NodeError> {
        let me = self.me();
        let mut out = Vec::new();
        for partner in self.hit_partners(now)? {
            let ground = self.hit_ground(me, partner, now)?;
            let (asked, today) = self.hit_usage(Way::Out, partner, now)?;
            let hits = ground.terms.hits;
            let own = today.get(officer.id.as_str()).copied().unwrap_or_default();
            let list = self.hit_held(&partner)?.filter(|h| h.head.until > now && h.head.accord == ground.accord).map(|h| (h.as_of, h.head.until));
            out.push(Askable {
                partner,
                accord: ground.accord,
                purposes: ground.terms.purposes,
                categories: hits.categories,
                officer: (hits.officer_day_max.saturating_sub(own), hits.officer_day_max),
                service: (hits.partner_ten_days_max.saturating_sub(asked), hits.partner_ten_days_max),
                list,
                grants: Vec::new(),
            });
        }
        for (partner, grant) in self.open_grants()? {
            if let Some(a) = out.iter_mut().find(|a| a.partner == partner) {
                a.grants.push(grant);
            }
        }
        Ok(out)
    }

    /// Lists open list grants by which we ask, with whom they permit asking.
    fn open_grants(&mut self) -> Result<Vec<(ServiceId, GrantLeft)>, NodeError> {
        let me = self.me();
        let mut out = Vec::new();
        for listed in self.list(Some(HIT_MECHANISM), Some(false), GRANTS_MAX)? {
            let Some(d) = self.dossier(&listed.id)? else { continue };
            let party = |role: &str| d.opening().parties.iter().find(|p| p.role == role).map(|p| p.service);
            let (Some(holding), true) = (party("holding"), party("asking") == Some(me)) else { continue };
            let Some(root) = d.state().item(&d.root()).filter(|r| d.state().phase_name(r) == Some("open")) else { continue };
            let until = match root.fields.get("until") {
                Some(Value::Date(day)) => Some(*day),
                _ => None,
            };
            out.push((holding, GrantLeft { dossier: listed.id, reference: listed.title, until }));
        }
        Ok(out)
    }

    /// Shows what partners asked of us since a moment and before another, the newest first, and what was answered. Of a question that hit
    /// nothing, and of one whose hit nobody confirmed, nothing more is known here. The look is logged with its reason.
    ///
    /// For supervisors and the data-protection officer. Goes through 50 000 lines and returns [`SERVED_FOUND_MAX`] at most.
    pub fn served_questions(
        &mut self,
        officer: &Officer,
        (from, until): (UnixMs, UnixMs),
        reason: &str,
        now: UnixMs,
    ) -> Result<(Ticket, Vec<ServedView>), NodeError> {
        if !officer.roles.iter().any(|r| matches!(r, OfficerRole::Supervisor | OfficerRole::DataProtection)) {
            return Err(NodeError::Role("supervisor or data-protection officer"));
        }
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why you look at what partners asked; the reason is logged".to_owned()));
        }
        let mut found: Vec<ServedView> = Vec::new();
        let (mut after, mut gone_through) = (None, 0);
        while gone_through < SCAN_MAX {
            let page = self.store.log(Some("hit"), after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            gone_through += page.len();
            for line in page {
                let data: serde_json::Value = serde_json::from_slice(&line.data).unwrap_or_default();
                match data["what"].as_str() {
                    Some("was asked") if from <= line.at && line.at < until => found.extend(served(&data, line.at)),
                    Some("was confirmed") => {
                        let references = serde_json::from_value(data["references"].clone()).unwrap_or_default();
                        if let Some(q) = found.iter_mut().rev().find(|q| data["question"] == q.question.as_str()) {
                            q.confirmed = Some(references);
                        }
                    }
                    _ => {}
                }
            }
        }
        found.reverse();
        found.truncate(SERVED_FOUND_MAX);
        let mut batch = Append::new(now);
        let line =
            serde_json::json!({ "what": "partners' questions read", "by": officer.id, "reason": reason, "from": from, "until": until, "found": found.len() });
        batch.logs.push(log("audit", line));
        Ok((self.stage(batch), found))
    }
}

/// Reads a line of the log about a question that was answered.
fn served(data: &serde_json::Value, at: UnixMs) -> Option<ServedView> {
    let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    Some(ServedView {
        question: text("question"),
        from: data["by"].as_str()?.parse().ok()?,
        at,
        officer: text("officer"),
        purpose: text("purpose"),
        offence: text("offence"),
        category: text("category"),
        aim: text("aim"),
        reference: text("reference"),
        reason: serde_json::from_value(data["reason"].clone()).ok(),
        elements: data["elements"].as_u64().unwrap_or_default(),
        grant: data["grant"].as_str().and_then(|g| g.parse().ok()),
        confirmed: None,
    })
}
