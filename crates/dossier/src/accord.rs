//! Accords: what the parties agreed that they may do, read from the accord's own dossier at the state that an opener had seen.

use crate::act::{Mark, Opening};
use crate::dossier::Dossier;
use crate::guard::Refusal;
use crate::value::Value;
use base::cbor::Map;
use base::{Date, DossierId, Length, MechanismId, ServiceId, UnixMs};
use std::collections::{BTreeMap, BTreeSet};

/// The id of the mechanism by which accords themselves come about.
pub const MECHANISM: &str = "accord";
/// The phase in which an accord binds.
pub const IN_FORCE: &str = "in-force";

/// What an accord in force permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The accord's dossier.
    pub accord: DossierId,
    /// Its parties.
    pub parties: BTreeSet<ServiceId>,
    /// The mechanisms that it names, by content.
    pub mechanisms: BTreeSet<MechanismId>,
    /// The purposes that it names, codes of `legal-purposes`; none where they are not known here, and then nothing is forbidden by them.
    pub purposes: Option<BTreeSet<String>>,
    /// Lengths of clocks: mechanism and clock (`item/clock` or `item/clock/code`).
    pub clocks: BTreeMap<(String, String), Length>,
    /// Days that a dossier is kept after its end.
    pub retention_days: Option<u32>,
    /// First day on which nothing new may be opened under it.
    pub valid_until: Option<Date>,
    /// How large exhibits may be.
    pub exhibits: ExhibitLimits,
    /// About whom hit/no-hit questions may be asked, and how many.
    pub hits: HitGrant,
}

/// What an accord grants of hit/no-hit, to each party alike; purposes and legal basis are the accord's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HitGrant {
    /// Codes of `data-subject-categories`, of whoever is asked about and whoever stands in a list; suspects and convicted persons where it names none.
    pub categories: BTreeSet<String>,
    /// Elements that one officer may ask one partner for in a day.
    pub officer_day_max: u64,
    /// Elements that one party may ask another for in ten days.
    pub partner_ten_days_max: u64,
}

impl Default for HitGrant {
    fn default() -> HitGrant {
        HitGrant { categories: HIT_CATEGORIES.map(str::to_owned).into(), officer_day_max: HIT_OFFICER_DAY_MAX, partner_ten_days_max: HIT_PARTNER_TEN_DAYS_MAX }
    }
}

/// Elements that one officer may ask for in a day where the accord says nothing: twenty subjects, each padded to 64.
pub const HIT_OFFICER_DAY_MAX: u64 = 1_280;
/// Elements that one party may ask for in ten days where the accord says nothing.
pub const HIT_PARTNER_TEN_DAYS_MAX: u64 = 20_480;
/// The categories where the accord names none: Regulation (EU) 2024/982, Article 25.
const HIT_CATEGORIES: [&str; 2] = ["suspect", "convicted"];

/// How many bytes of exhibits an accord permits; none where it says nothing, and then only the program's own limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExhibitLimits {
    /// Bytes of one exhibit.
    pub one_bytes_max: Option<u64>,
    /// Bytes of all exhibits of one dossier.
    pub dossier_bytes_max: Option<u64>,
    /// Bytes of all exhibits that one party has sent and the others still keep, over all dossiers under the accord.
    pub party_bytes_max: Option<u64>,
}

/// Refuses an accord that could not be meant: nothing could be opened under it, or nothing kept.
pub(crate) fn sound(fields: &Map<Value>, at: UnixMs) -> Result<(), Refusal> {
    if matches!(fields.get("retention_days"), Some(Value::Number(days)) if !(1..=i64::from(u32::MAX)).contains(days)) {
        return Err(Refusal::Opening("what is done under an accord is kept for a day at least"));
    }
    match fields.get("valid_until") {
        Some(Value::Date(d)) if at >= d.start_utc() => Err(Refusal::Opening("the accord would have run out before it begins")),
        _ => Ok(()),
    }
}

impl Terms {
    /// Reads the terms of an accord as folded at some marks; refuses what is no accord or not in force there.
    pub fn at(accord: &Dossier, seen: &[Mark]) -> Result<Terms, Refusal> {
        if accord.mechanism().id != MECHANISM {
            return Err(Refusal::Accord("the dossier that it names is not an accord"));
        }
        let state = accord.state_at(seen).ok_or(Refusal::SeenFalse)?;
        let root = state.item(&accord.root()).ok_or(Refusal::Accord("the accord is not open"))?;
        if state.phase_name(root) != Some(IN_FORCE) {
            return Err(Refusal::Accord("it is not in force: not all parties have signed, or one has denounced it"));
        }
        let list = |field: &str| root.fields.get(field).into_iter().flat_map(Value::each);
        // A number below zero permits nothing.
        let mebibytes = |field: &str| {
            list(field).find_map(|v| match v {
                Value::Number(n) => Some(u64::try_from(*n).unwrap_or(0).saturating_mul(1 << 20)),
                _ => None,
            })
        };
        let number = |field: &str| {
            list(field).find_map(|v| match v {
                Value::Number(n) => Some(u64::try_from(*n).unwrap_or(0)),
                _ => None,
            })
        };
        let categories: BTreeSet<String> = list("hit_categories")
            .filter_map(|v| match v {
                Value::Choice(c) => Some(c.clone()),
                _ => None,
            })
            .collect();
        let mechanisms = list("mechanisms").filter_map(|v| match v {
            Value::Mechanism(m) => Some(m.id),
            _ => None,
        });
        let clocks = list("clocks").filter_map(|v| match v {
            Value::Clock(c) => Some(((c.mechanism.clone(), c.clock.clone()), c.length)),
            _ => None,
        });
        let purposes = list("purposes").filter_map(|v| match v {
            Value::Choice(c) => Some(c.clone()),
            _ => None,
        });
        Ok(Terms {
            accord: accord.id(),
            parties: state.parties().iter().map(|(s, _)| *s).collect(),
            mechanisms: mechanisms.collect(),
            purposes: Some(purposes.collect()),
            clocks: clocks.collect(),
            retention_days: list("retention_days").find_map(|v| match v {
                Value::Number(n) => u32::try_from(*n).ok(),
                _ => None,
            }),
            valid_until: list("valid_until").find_map(|v| match v {
                Value::Date(d) => Some(*d),
                _ => None,
            }),
            exhibits: ExhibitLimits {
                one_bytes_max: mebibytes("exhibit_mib_max"),
                dossier_bytes_max: mebibytes("dossier_exhibits_mib_max"),
                party_bytes_max: mebibytes("party_exhibits_mib_max"),
            },
            hits: HitGrant {
                categories: if categories.is_empty() { HIT_CATEGORIES.map(str::to_owned).into() } else { categories },
                officer_day_max: number("hit_officer_day_max").unwrap_or(HIT_OFFICER_DAY_MAX),
                partner_ten_days_max: number("hit_partner_ten_days_max").unwrap_or(HIT_PARTNER_TEN_DAYS_MAX),
            },
        })
    }

    /// Tells whether the accord permits an opening at a time.
    pub fn permit(&self, opening: &Opening, at: UnixMs) -> Result<(), Refusal> {
        if opening.accord.as_ref().map(|a| a.dossier) != Some(self.accord) {
            return Err(Refusal::Accord("it is another accord"));
        }
        if !self.mechanisms.contains(&opening.mechanism) {
            return Err(Refusal::Accord("it does not name this mechanism in this version"));
        }
        if !opening.parties.iter().all(|p| self.parties.contains(&p.service)) {
            return Err(Refusal::Accord("a party of the dossier is not a party of the accord"));
        }
        if self.valid_until.is_some_and(|d| at >= d.start_utc()) {
            return Err(Refusal::Accord("it has run out; agree on a new one"));
        }
        Ok(())
    }

    /// Returns the length that the accord gives a clock.
    pub fn length(&self, mechanism: &str, clock: &str, code: Option<&str>) -> Option<Length> {
        let get = |name: String| self.clocks.get(&(mechanism.to_owned(), name)).copied();
        code.and_then(|c| get(format!("{clock}/{c}"))).or_else(|| get(clock.to_owned()))
    }
}
