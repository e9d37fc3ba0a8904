//! How long to wait after a failure: decorrelated jitter, from entropy that is handed in.
//!
//! Each wait is drawn between the base and three times the wait before, and never above the cap. Many nodes that lose the
//! same partner at the same moment so come back spread out, and a partner that is long away is asked seldom.

use base::Entropy;

/// The wait before the next try to one partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    base_ms: u64,
    cap_ms: u64,
    last_ms: u64,
}

impl Backoff {
    /// Starts fresh; a cap below the base is read as the base.
    pub fn new(base_ms: u64, cap_ms: u64) -> Backoff {
        let base_ms = base_ms.max(1);
        Backoff { base_ms, cap_ms: cap_ms.max(base_ms), last_ms: base_ms }
    }

    /// Counts a failure and returns the milliseconds to wait.
    ///
    /// A partner's Retry-After (RFC 9110 section 10.2.3) is kept up to the cap, so that nobody can silence us for a year; up
    /// to one base is added to it, so that all whom it told the same do not come back at once.
    pub fn failed(&mut self, entropy: &mut dyn Entropy, retry_after_ms: Option<u64>) -> u64 {
        let high = self.last_ms.saturating_mul(3).min(self.cap_ms);
        self.last_ms = between(entropy, self.base_ms, high);
        match retry_after_ms.map(|asked| asked.min(self.cap_ms)) {
            Some(asked) if asked >= self.last_ms => asked.saturating_add(between(entropy, 0, self.base_ms)),
            _ => self.last_ms,
        }
    }

    /// Starts afresh after a success.
    pub fn reset(&mut self) {
        self.last_ms = self.base_ms;
    }
}

/// Draws a number in `low..=high`.
fn between(entropy: &mut dyn Entropy, low: u64, high: u64) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    let width = u128::from(high.saturating_sub(low)) + 1;
    low + ((u128::from(u64::from_le_bytes(bytes)) * width) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Bytes(Vec<u8>, usize);
    impl Entropy for Bytes {
        fn fill(&mut self, buffer: &mut [u8]) {
            for b in buffer {
                *b = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
        }
    }

    #[test]
    fn the_longest_waits_triple_up_to_the_cap_and_the_shortest_stay_at_the_base() {
        let (mut high, mut low) = (Bytes(vec![0xff], 0), Bytes(vec![0], 0));
        let mut b = Backoff::new(100, 2_000);
        assert_eq!([0; 5].map(|_| b.failed(&mut high, None)), [300, 900, 2_000, 2_000, 2_000]);
        b.reset();
        assert_eq!(b.failed(&mut high, None), 300);
        assert_eq!([0; 3].map(|_| b.failed(&mut low, None)), [100; 3]);
    }

    #[test]
    fn retry_after_is_kept_up_to_the_cap() {
        let mut low = Bytes(vec![0], 0);
        let mut b = Backoff::new(100, 10_000);
        assert_eq!(b.failed(&mut low, Some(7_000)), 7_000);
        assert_eq!(b.failed(&mut low, Some(0)), 100);
        assert_eq!(b.failed(&mut low, Some(u64::MAX)), 10_000);
    }

    proptest! {
        #[test]
        fn every_wait_is_between_base_and_cap(base in 1u64..10_000, cap in 1u64..1_000_000, seed in prop::collection::vec(any::<u8>(), 8..64),
                                              failures in prop::collection::vec((any::<bool>(), prop::option::of(0u64..2_000_000)), 1..60)) {
            let mut entropy = Bytes(seed, 0);
            let mut b = Backoff::new(base, cap);
            let cap = cap.max(base);
            for (success_before, asked) in failures {
                if success_before {
                    b.reset();
                    prop_assert_eq!(&b, &Backoff::new(base, cap));
                }
                let before = b.last_ms;
                let wait = b.failed(&mut entropy, asked);
                prop_assert!(wait >= base);
                prop_assert!(wait <= cap + base);
                prop_assert!(b.last_ms <= cap && b.last_ms <= before * 3);
                match asked {
                    Some(asked) => prop_assert!(wait >= asked.min(cap)),
                    None => prop_assert_eq!(wait, b.last_ms),
                }
            }
        }

        #[test]
        fn the_same_entropy_gives_the_same_waits(seed in prop::collection::vec(any::<u8>(), 8..64)) {
            let run = || {
                let (mut e, mut b) = (Bytes(seed.clone(), 0), Backoff::new(50, 60_000));
                [0; 12].map(|_| b.failed(&mut e, None))
            };
            prop_assert_eq!(run(), run());
        }
    }
}
