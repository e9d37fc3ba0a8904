//! How much was asked: counted in elements, which are all that who is asked can count; by day, for each officer and for the whole service.

use super::{DAY_MS, Ground, HitFault, HitQuestion, json, read_json};
use crate::error::NodeError;
use crate::node::{Node, put};
use base::{Date, DossierId, ServiceId, UnixMs};
use dossier::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Append;

pub(super) const KIND: &str = "hit-used";
/// Days over which a service's questions are added up.
const WINDOW_DAYS: i64 = 10;

/// What was asked on one day in one direction between two services, or under one list grant.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Used {
    total: u64,
    officers: BTreeMap<String, u64>,
}

/// Which way a question goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// We ask.
    Out,
    /// A partner asks.
    In,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Out => "out",
            Way::In => "in",
        }
    }
}

fn by_day(way: Way, partner: &ServiceId, day: i64) -> String {
    format!("{}/{partner}/{day:08}", way.name())
}

fn by_grant(way: Way, grant: &DossierId) -> String {
    format!("{}/grant/{grant}", way.name())
}

impl Node {
    pub(crate) fn hit_used(&mut self, id: &str) -> Result<Used, NodeError> {
        if let Some(used) = self.hits.used.get(id) {
            return Ok(used.clone());
        }
        let used = match self.store.record(KIND, id)? {
            Some(r) => read_json(&r.data, "a count of questions")?,
            None => Used::default(),
        };
        self.hits.used.insert(id.to_owned(), used.clone());
        Ok(used)
    }

    /// Judges a question by purpose, category and quota. Both sides judge alike, each by its own clock and its own accord.
    pub(crate) fn hit_may(&mut self, way: Way, partner: ServiceId, ground: &Ground, q: &HitQuestion, now: UnixMs) -> Result<(), NodeError> {
        let terms = &ground.terms;
        if !terms.purposes.as_ref().is_none_or(|p| p.contains(&q.purpose)) {
            return Err(HitFault::Purpose(q.purpose.clone()).into());
        }
        if !terms.hits.categories.contains(&q.category) {
            return Err(HitFault::Category(q.category.clone()).into());
        }
        let wanted = u64::from(q.count);
        if let Some(grant) = &q.grant {
            let max = self.hit_grant(grant, q, now)?;
            let used = self.hit_used(&by_grant(way, grant))?.total;
            return match used.saturating_add(wanted) > max {
                true => Err(HitFault::Grant("it is used up").into()),
                false => Ok(()),
            };
        }
        let today = now.0.div_euclid(DAY_MS);
        let mut total = 0u64;
        for day in today - WINDOW_DAYS + 1..=today {
            total = total.saturating_add(self.hit_used(&by_day(way, &partner, day))?.total);
        }
        let left = terms.hits.partner_ten_days_max.saturating_sub(total);
        if wanted > left {
            return Err(HitFault::QuotaPartner { left, wanted }.into());
        }
        let asked = self.hit_used(&by_day(way, &partner, today))?.officers.get(q.officer.as_str()).copied().unwrap_or_default();
        let left = terms.hits.officer_day_max.saturating_sub(asked);
        if wanted > left {
            return Err(HitFault::QuotaOfficer { left, wanted }.into());
        }
        Ok(())
    }

    /// Counts a question that is asked or answered.
    pub(crate) fn hit_count(&mut self, way: Way, partner: ServiceId, q: &HitQuestion, batch: &mut Append) -> Result<(), NodeError> {
        let id = match &q.grant {
            Some(grant) => by_grant(way, grant),
            None => by_day(way, &partner, batch.at.0.div_euclid(DAY_MS)),
        };
        let mut used = self.hit_used(&id)?;
        used.total = used.total.saturating_add(u64::from(q.count));
        *used.officers.entry(q.officer.to_string()).or_default() += u64::from(q.count);
        batch.records.push(put(KIND, &id, json(&used)));
        self.hits.used.insert(id, used);
        Ok(())
    }

    /// Returns how many elements an open list grant permits in all.
    fn hit_grant(&mut self, grant: &DossierId, q: &HitQuestion, now: UnixMs) -> Result<u64, NodeError> {
        let no = |why| Err(HitFault::Grant(why).into());
        let Some(d) = self.dossier(grant)? else { return no("it is not known here") };
        if d.mechanism().id != super::HIT_MECHANISM {
            return no("the dossier is none");
        }
        let parties = &d.opening().parties;
        let holds = |role: &str, service: &ServiceId| parties.iter().any(|p| p.role == role && p.service == *service);
        if !holds("asking", &q.by) || !holds("holding", &q.to) {
            return no("it stands between other services");
        }
        let state = d.state();
        let Some(root) = state.item(&d.root()).filter(|r| state.phase_name(r) == Some("open")) else { return no("it is not open") };
        let code = |field: &str| match root.fields.get(field) {
            Some(Value::Choice(c)) => Some(c.as_str()),
            _ => None,
        };
        if code("purpose") != Some(&q.purpose) || code("offence") != Some(&q.offence) || code("subject_category") != Some(&q.category) {
            return no("it is for another purpose, offence or category of persons");
        }
        if matches!(root.fields.get("until"), Some(Value::Date(until)) if now >= until.start_utc()) {
            return no("its time is over");
        }
        let number = |v: Option<&Value>| match v {
            Some(Value::Number(n)) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        let asked = number(root.fields.get("elements"));
        let holder = parties.iter().position(|p| p.role == "holding").unwrap_or_default();
        Ok(asked.min(number(root.said.get(holder).and_then(|s| s.get("elements")))))
    }

    /// Forgets a count that no window reaches any more.
    pub(super) fn sweep_count(&mut self, r: &store::Record, now: UnixMs, batch: &mut Append) {
        let oldest = now.0.div_euclid(DAY_MS) - WINDOW_DAYS;
        let day = r.id.rsplit('/').next().filter(|_| !r.id.contains("/grant/")).and_then(|d| d.parse::<i64>().ok());
        if day.is_some_and(|d| d < oldest) {
            self.hits.used.remove(&r.id);
            batch.records.push(store::RecordOp::Delete { kind: KIND.to_owned(), id: r.id.clone() });
        }
    }

    /// Returns what was asked of or by a partner in the last ten days, and today by officer.
    pub(crate) fn hit_usage(&mut self, way: Way, partner: ServiceId, now: UnixMs) -> Result<(u64, BTreeMap<String, u64>), NodeError> {
        let today = now.0.div_euclid(DAY_MS);
        let mut total = 0u64;
        for day in today - WINDOW_DAYS + 1..=today {
            total = total.saturating_add(self.hit_used(&by_day(way, &partner, day))?.total);
        }
        Ok((total, self.hit_used(&by_day(way, &partner, today))?.officers))
    }
}

/// Returns the last moment of a day.
pub(crate) fn end_of(day: Date) -> UnixMs {
    day.start_utc().plus_ms(DAY_MS)
}
