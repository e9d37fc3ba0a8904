//! Our own clock under watch. Acts and receipts carry it, so a wrong clock makes wrong deadlines and acts that partners refuse.
//!
//! Two witnesses: 1 the time since the machine came up, which nobody sets: where the clock moves against it, somebody moved the
//! clock; 2 the signed times of partners. Both are handed in. While the clock is in doubt nothing is signed, and partners are told
//! that we fail, not that they do.

use crate::error::NodeError;
use crate::inbound::ACT_AHEAD_MINUTES_MAX;
use crate::node::Node;
use base::{ServiceId, UnixMs};
use seal::{Directory, SealFault};
use serde::Serialize;
use std::collections::BTreeMap;

/// How far the clock may be off before it is in doubt: what partners allow an act to be ahead.
const OFF_MS_MAX: i64 = ACT_AHEAD_MINUTES_MAX * 60_000;
/// A move against the uptime that counts as a step; what is slower is a clock being disciplined.
const STEP_MS_MIN: i64 = 2_000;
/// Partners that must contradict our clock, all who were heard, before their word alone stops us: one alone may be wrong itself.
const ACCUSERS_MIN: usize = 2;
const MINUTE_MS: i64 = 60_000;

/// What is known of our own clock.
#[derive(Debug, Default)]
pub struct OwnClock {
    /// The last moment at which both clocks were read: wall, and milliseconds since the machine came up.
    read: Option<(UnixMs, u64)>,
    /// How far the clock was moved since it was last confirmed.
    moved_ms: i64,
    /// By how much our clock was ahead of each partner's when it last spoke; none where only "far off" is known.
    heard: BTreeMap<ServiceId, Option<i64>>,
    /// The newest time in our ledger when the node was opened.
    ledger: Option<UnixMs>,
}

/// Our own clock as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockReport {
    /// Minutes by which the clock was moved while the node ran and which nobody has confirmed; 0 where it was not.
    pub moved_minutes: i64,
    /// Minutes by which our clock is ahead of each partner that was heard; none where only "more than an hour off" is known.
    pub ahead_of: Vec<(String, Option<i64>)>,
    /// Minutes by which the newest entry of our ledger lies in the future of our clock; 0 where it does not.
    pub behind_ledger_minutes: i64,
}

impl OwnClock {
    /// Notes what both clocks show now: the wall clock, and the milliseconds since the machine came up.
    fn tick(&mut self, wall: UnixMs, uptime_ms: u64) {
        if let Some((wall_before, uptime_before)) = self.read {
            let passed = i64::try_from(uptime_ms.saturating_sub(uptime_before)).unwrap_or(i64::MAX);
            let step = wall.0 - wall_before.0 - passed;
            if step.abs() >= STEP_MS_MIN {
                self.moved_ms += step;
                self.heard.clear(); // what partners said was said of the clock before
                tracing::warn!(seconds = step / 1000, "this machine's clock was moved");
            }
        }
        self.read = Some((wall, uptime_ms));
    }

    fn hear(&mut self, from: ServiceId, ahead_ms: Option<i64>) {
        if self.moved_ms != 0 && ahead_ms.is_some_and(|a| a.abs() <= OFF_MS_MAX) {
            tracing::info!(partner = %from.short(), "a partner's signed time bears this machine's clock out");
            self.moved_ms = 0;
        }
        self.heard.insert(from, ahead_ms);
    }

    fn fault(&self) -> Option<NodeError> {
        if self.moved_ms.abs() > OFF_MS_MAX {
            return Some(NodeError::ClockMoved(self.moved_ms / MINUTE_MS));
        }
        let off = |ahead: &Option<i64>| ahead.is_none_or(|a| a.abs() > OFF_MS_MAX);
        (self.heard.len() >= ACCUSERS_MIN && self.heard.values().all(off)).then(|| {
            let said = self.heard.values().flatten().next().map(|ahead_ms| match ahead_ms / MINUTE_MS {
                n if n < 0 => format!("{} minutes behind", -n),
                n => format!("{n} minutes ahead"),
            });
            NodeError::ClockContradicted { partners: self.heard.len(), ahead: said.unwrap_or_else(|| "an hour or more".to_owned()) }
        })
    }
}

impl Node {
    /// Notes what both clocks of this machine show: the wall clock, and the milliseconds since it came up.
    pub fn tick(&mut self, wall: UnixMs, uptime_ms: u64) {
        self.clock.tick(wall, uptime_ms);
    }

    /// Remembers the newest time in our ledger, so that a clock behind it is shown.
    pub(crate) fn note_ledger_time(&mut self) -> Result<(), NodeError> {
        let size = self.store.ledger()?.size;
        self.clock.ledger = self.store.entries(size.saturating_sub(1), 1)?.last().map(|e| e.at);
        Ok(())
    }

    /// Refuses to sign while our own clock is in doubt, or shows a time at which the card that acts has not begun: whatever that
    /// card's keys sign then holds nowhere, now or later.
    pub fn trust_clock(&self, now: UnixMs) -> Result<(), NodeError> {
        let begins = self.keys.acts_from();
        match self.clock.fault() {
            Some(fault) => Err(fault),
            // What is signed states whole seconds.
            None if now.0 - now.0.rem_euclid(1000) < begins.0 => Err(NodeError::ClockBeforeCard(begins)),
            None => match self.book.cards(&self.me()).map(|own| own.judge(self.keys.card_number(), now)) {
                Some(Err(SealFault::CardRetired { retired: over, .. } | SealFault::CardExpired { until: over, .. })) => Err(NodeError::ClockAfterCard(over)),
                _ => Ok(()),
            },
        }
    }

    /// Takes a partner's signed time, given just now.
    pub(crate) fn hear_time(&mut self, from: ServiceId, theirs: UnixMs, now: UnixMs) {
        self.clock.hear(from, Some(now.0.saturating_sub(theirs.0)));
    }

    /// Notes that a partner refuses our parcels for their time: it is an hour off or more, one way or the other.
    pub fn hear_far_off(&mut self, from: ServiceId) {
        if !self.clock.heard.get(&from).is_some_and(|a| a.is_some_and(|a| a.abs() > OFF_MS_MAX)) {
            self.clock.hear(from, None);
        }
    }

    /// Tells how our own clock stands.
    pub fn clock(&self, now: UnixMs) -> ClockReport {
        let minutes = |ms: i64| ms / MINUTE_MS;
        ClockReport {
            moved_minutes: if self.clock.moved_ms.abs() > OFF_MS_MAX { minutes(self.clock.moved_ms) } else { 0 },
            ahead_of: self
                .clock
                .heard
                .iter()
                .filter(|(_, a)| a.is_none_or(|a| a.abs() > OFF_MS_MAX))
                .map(|(s, a)| (self.book.code(s), a.map(minutes)))
                .collect(),
            behind_ledger_minutes: self.clock.ledger.map_or(0, |l| minutes(l.0 - now.0)).max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;

    const HOUR: i64 = 60 * MINUTE_MS;

    fn partner(n: u8) -> ServiceId {
        Digest::of(&[n]).into()
    }

    /// Reads both clocks: minutes of the wall clock, minutes since the machine came up.
    fn after(readings: &[(i64, u64)]) -> OwnClock {
        let mut c = OwnClock::default();
        readings.iter().for_each(|(wall, up)| c.tick(UnixMs(wall * MINUTE_MS), up * 60_000));
        c
    }

    fn code(c: &OwnClock) -> &'static str {
        c.fault().map_or("trusted", |e| e.code())
    }

    #[test]
    fn a_step_is_seen_in_both_directions_and_forgotten_when_it_is_taken_back() {
        assert_eq!(code(&after(&[(0, 0), (5, 5), (3000, 2995 + 5)])), "trusted", "time passed, nobody moved the clock");
        assert_eq!(code(&after(&[(0, 0), (10, 0)])), "trusted", "at the edge of what partners allow");
        assert_eq!(code(&after(&[(0, 0), (11, 0)])), "failure.clock.moved");
        assert_eq!(code(&after(&[(600, 0), (0, 1)])), "failure.clock.moved");
        assert_eq!(code(&after(&[(0, 0), (600, 1), (2, 2)])), "trusted");
        assert_eq!(code(&after(&[(0, 0), (6, 0), (12, 0)])), "failure.clock.moved", "small steps add up");
    }

    #[test]
    fn slow_discipline_is_no_step() {
        // 500 parts in a million, read every second for a day: 43 seconds, never two at once.
        let mut c = OwnClock::default();
        (0..86_400i64).for_each(|s| c.tick(UnixMs(s * 1000 + s / 2), s as u64 * 1000));
        assert_eq!((c.moved_ms, code(&c)), (0, "trusted"));
    }

    #[test]
    fn a_partner_can_bear_a_moved_clock_out_and_cannot_stop_us_alone() {
        let mut c = after(&[(0, 0), (600, 0)]);
        c.hear(partner(1), Some(11 * MINUTE_MS));
        assert_eq!(code(&c), "failure.clock.moved", "a partner that contradicts confirms nothing");
        c.hear(partner(2), Some(9 * MINUTE_MS));
        assert_eq!(code(&c), "trusted");
        let mut c = OwnClock::default();
        c.hear(partner(1), Some(30 * HOUR));
        assert_eq!(code(&c), "trusted", "one partner alone may be wrong itself, or lie");
        c.hear(partner(2), None);
        assert_eq!(code(&c), "failure.clock.contradicted");
        c.hear(partner(3), Some(0));
        assert_eq!(code(&c), "trusted", "they do not agree among themselves");
    }
}
