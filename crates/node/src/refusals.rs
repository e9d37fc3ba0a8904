//! How much of what a partner sends in vain is written down: enough to see what is wrong, never enough to fill our disk.

use base::{ServiceId, UnixMs};
use std::collections::HashMap;

/// Lines of the local log about one partner's refused input in one hour.
const REFUSED_LINES_MAX: u32 = 200;
const HOUR_MS: i64 = 3_600_000;

/// What was written down of each partner's refused input in the hour that runs.
#[derive(Default)]
pub(crate) struct Refusals(HashMap<ServiceId, (UnixMs, u32)>);

/// Whether a refusal is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is.
    Written,
    /// It is the last one of this hour, and says so.
    Last,
    /// It is not; it was refused all the same.
    Dropped,
}

impl Refusals {
    /// Counts one refusal.
    pub fn count(&mut self, from: ServiceId, now: UnixMs) -> Line {
        let (since, lines) = self.0.entry(from).or_insert((now, 0));
        if now.0.saturating_sub(since.0).abs() >= HOUR_MS {
            (*since, *lines) = (now, 0);
        }
        *lines = lines.saturating_add(1);
        match *lines {
            n if n < REFUSED_LINES_MAX => Line::Written,
            REFUSED_LINES_MAX => Line::Last,
            _ => Line::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;

    #[test]
    fn a_partner_fills_its_own_hour_and_nobody_elses() {
        let (mut r, noisy, other) = (Refusals::default(), Digest::of(b"noisy").into(), Digest::of(b"other").into());
        let written = |r: &mut Refusals, at: i64| (0..1000).filter(|_| r.count(noisy, UnixMs(at)) != Line::Dropped).count();
        assert_eq!(written(&mut r, 0), REFUSED_LINES_MAX as usize);
        assert_eq!(r.count(other, UnixMs(0)), Line::Written);
        assert_eq!(written(&mut r, HOUR_MS - 1), 0);
        assert_eq!(written(&mut r, HOUR_MS), REFUSED_LINES_MAX as usize);
        assert_eq!(written(&mut r, 0), REFUSED_LINES_MAX as usize, "a clock that is set back begins a new hour");
    }
}
