//! Clocks: deadlines worked out from the acts, the accord's lengths and, where a clock runs from receipt, signed receipts.
//!
//! Reading an item's clocks: 1 replay the timeline and note when the phases changed, 2 add up how long each clock ran and
//! stood still, 3 set the deadline. Nothing here judges acts, so that nodes with different receipts still fold alike.

use crate::act::Act;
use crate::dossier::{Dossier, Verdict};
use crate::mechanism::{Clock, ItemKind, Start};
use crate::state::{Item, PhaseOf, State};
use crate::value::Value;
use base::{ActId, Instant, ItemId, Length, ServiceId, UnixMs};
use std::collections::HashMap;
use std::sync::Arc;

/// How a clock stands at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockState {
    /// It runs.
    Running,
    /// It stands still.
    Paused,
    /// It ran out while what it waits for had not come.
    Expired,
    /// What it waits for came in time.
    Met,
    /// What it waits for came after it had run out.
    MetLate,
}

/// One clock of one item for one answering party.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ClockView {
    /// The item.
    pub item: ItemId,
    /// The item's kind.
    pub kind: String,
    /// The clock.
    pub clock: String,
    /// Who answers for it.
    pub answers: ServiceId,
    /// From when it counts.
    pub since: UnixMs,
    /// When it runs out, as far as can be said while it stands still.
    pub due: UnixMs,
    /// How it stands.
    pub state: ClockState,
}

/// When a phase began, by which act.
#[derive(Clone)]
struct Change {
    at: Instant,
    act: ActId,
    author: ServiceId,
    whole: PhaseOf,
    own: Vec<Option<PhaseOf>>,
}

impl Dossier {
    /// Works out all clocks at a moment; `received` tells when a party received an act, by its signed receipt.
    pub fn clocks(&self, now: UnixMs, received: &dyn Fn(&ActId, &ServiceId) -> Option<UnixMs>) -> Vec<ClockView> {
        let history = self.history();
        let mut out = Vec::new();
        for item in self.state().items() {
            let kind = self.state().kind_of(item);
            let Some(changes) = history.get(&item.id) else { continue };
            for clock in &kind.clocks {
                let per = kind.phase(&clock.runs_in[0]).and_then(|p| p.per.as_deref());
                let answers = |p: usize, role: &str| role == clock.answers || self.state().stands(item, p, &clock.answers);
                for (p, (service, _)) in self.state().parties().iter().enumerate().filter(|(p, (_, role))| answers(*p, role)) {
                    let named = clock.answers_field.as_ref().and_then(|f| item.fields.get(f));
                    if (per.is_some() && item.stances[p].is_none()) || named.is_some_and(|n| *n != Value::Party(*service)) {
                        continue;
                    }
                    let run = Run { dossier: self, kind, clock, per: per.map(|_| p), service, item, received };
                    out.extend(run.read(changes, now).map(|(since, due, state)| ClockView {
                        item: item.id,
                        kind: kind.id.clone(),
                        clock: clock.id.clone(),
                        answers: *service,
                        since,
                        due,
                        state,
                    }));
                }
            }
        }
        out.sort_by(|a, b| (a.due, &a.item, &a.clock, &a.answers).cmp(&(b.due, &b.item, &b.clock, &b.answers)));
        out
    }

    /// Replays the timeline and notes, for items with clocks, when their phases changed.
    fn history(&self) -> HashMap<ItemId, Vec<Change>> {
        let mut out: HashMap<ItemId, Vec<Change>> = HashMap::new();
        if self.mechanism().items.iter().all(|k| k.clocks.is_empty()) {
            return out;
        }
        let mut state = State::new(Arc::clone(self.mechanism()), self.opening());
        for (act, verdict) in self.in_time() {
            if *verdict != Verdict::Valid {
                continue;
            }
            state.apply(act, true);
            // An act changes its own item and, through counts, those above it.
            // Where it moved a voice, it also changes what lives within.
            for first in state.heirs(&act.item()).into_iter().chain([act.item()]) {
                let mut next = Some(first);
                while let Some(item) = next.and_then(|id| state.item(&id)) {
                    if !state.kind_of(item).clocks.is_empty() {
                        note(out.entry(item.id).or_default(), act, item.phase.clone(), item.own_phases.clone());
                    }
                    next = item.parent;
                }
            }
        }
        out
    }

    /// Returns the length of a clock: the accord's word, else the mechanism's; by the code of a field where it differs.
    fn length(&self, kind: &ItemKind, clock: &Clock, code: Option<&str>) -> Option<Length> {
        let name = format!("{}/{}", kind.id, clock.id);
        let agreed = self.terms().and_then(|t| t.length(&self.mechanism().id, &name, code));
        agreed.or_else(|| code.and_then(|c| clock.lengths.get(c).copied())).or(clock.length)
    }
}

fn note(changes: &mut Vec<Change>, act: &Act, whole: PhaseOf, own: Vec<Option<PhaseOf>>) {
    if changes.last().is_none_or(|c| c.whole != whole || c.own != own) {
        changes.push(Change { at: act.head().at.clone(), act: act.id(), author: act.head().author, whole, own });
    }
}

struct Run<'a> {
    dossier: &'a Dossier,
    kind: &'a ItemKind,
    clock: &'a Clock,
    per: Option<usize>,
    service: &'a ServiceId,
    item: &'a Item,
    received: &'a dyn Fn(&ActId, &ServiceId) -> Option<UnixMs>,
}

impl Run<'_> {
    fn read(&self, changes: &[Change], now: UnixMs) -> Option<(UnixMs, UnixMs, ClockState)> {
        let name = |c: &Change| {
            let phase = self.per.map_or(Some(&c.whole), |p| c.own[p].as_ref());
            match phase {
                Some(PhaseOf::One(i)) => self.kind.phases[*i].id.as_str(),
                _ => "",
            }
        };
        let mut current: Option<(Instant, i64)> = None; // when it began, milliseconds for which it stood still
        let mut paused_since: Option<UnixMs> = None;
        let mut last = None;
        for c in changes {
            let (runs, pauses) = (self.clock.runs_in.iter().any(|r| r == name(c)), self.clock.paused_in.iter().any(|r| r == name(c)));
            match (&mut current, runs, pauses) {
                (None, true, _) => {
                    current = Some((self.begin(c), 0));
                    last = None;
                }
                (Some((_, stood)), true, _) => {
                    if let Some(since) = paused_since.take() {
                        *stood += (c.at.at.0 - since.0).max(0);
                    }
                }
                (Some(_), false, true) => paused_since = paused_since.or(Some(c.at.at)),
                (Some((start, stood)), false, false) => {
                    let still = paused_since.take().map_or(0, |since| (c.at.at.0 - since.0).max(0));
                    let due = self.due(start, *stood + still)?;
                    let state = if c.at.at <= due { ClockState::Met } else { ClockState::MetLate };
                    last = Some((start.at, due, state));
                    current = None;
                }
                (None, false, _) => {}
            }
        }
        let Some((start, stood)) = current else { return last };
        let still = paused_since.map_or(0, |since| (now.0 - since.0).max(0));
        let due = self.due(&start, stood + still)?;
        let state = match (paused_since, now > due) {
            (Some(_), _) => ClockState::Paused,
            (None, true) => ClockState::Expired,
            (None, false) => ClockState::Running,
        };
        Some((start.at, due, state))
    }

    fn begin(&self, c: &Change) -> Instant {
        let received = (self.clock.start == Start::Receipt && c.author != *self.service).then(|| (self.received)(&c.act, self.service)).flatten();
        received.and_then(|at| at.in_zone(c.at.zone()).ok()).unwrap_or_else(|| c.at.clone())
    }

    fn due(&self, start: &Instant, stood: i64) -> Option<UnixMs> {
        let stated = self.clock.until_field.as_ref().and_then(|f| self.item.fields.get(f)).and_then(|v| end(v, start));
        let first = stated.map(|at| at.plus_ms(stood)).or_else(|| {
            let code = self.clock.by_field.as_ref().and_then(|f| self.item.fields.get(f)).and_then(|v| match v {
                Value::Choice(c) => Some(c.as_str()),
                _ => None,
            });
            self.dossier.length(self.kind, self.clock, code).map(|l| start.plus(l).plus_ms(stood))
        });
        let put_off = self.clock.extended_by.as_ref().and_then(|e| {
            let state = self.dossier.state();
            let kind = self.dossier.mechanism().items.iter().position(|k| k.id == e.item)?;
            let counting = state.within(&self.item.id, kind).filter(|i| state.phase_name(i) == Some(e.phase.as_str()));
            counting.filter_map(|i| end(i.fields.get(&e.field)?, start)).max()
        });
        first.max(put_off)
    }
}

/// Returns the moment at which a stated limit ends; a date ends with its day in UTC, so that all parties count alike.
fn end(limit: &Value, start: &Instant) -> Option<UnixMs> {
    match limit {
        Value::Date(d) => Some(d.start_utc().in_zone(start.zone()).ok()?.plus(Length { days: 1, minutes: 0 })),
        Value::Instant(i) => Some(i.at),
        _ => None,
    }
}
