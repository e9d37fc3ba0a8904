//! Which chunks: numbers as ranges, because chunks mostly come in order.

use serde::{Deserialize, Serialize};

/// Ranges that one request may name; what lies beyond is asked for later.
pub(crate) const RANGES_MAX: usize = 256;

/// A set of chunk numbers: ranges `from..to`, in order, none touching the next.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// All numbers below `count`.
    pub(crate) fn below(count: u32) -> Ranges {
        Ranges(if count == 0 { Vec::new() } else { vec![(0, count)] })
    }

    /// Reads ranges that somebody else wrote; none where they are not in order, touch, or go beyond `count`.
    pub(crate) fn read(pairs: &[(u32, u32)], count: u32) -> Option<Ranges> {
        let each = pairs.iter().all(|(from, to)| from < to && *to <= count);
        let order = pairs.windows(2).all(|p| p[0].1 < p[1].0);
        (each && order && pairs.len() <= RANGES_MAX).then(|| Ranges(pairs.to_vec()))
    }

    /// Returns the first ranges, as many as a request may name.
    pub(crate) fn pairs(&self) -> Vec<(u32, u32)> {
        self.0.iter().take(RANGES_MAX).copied().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    pub(crate) fn has(&self, n: u32) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= n);
        after > 0 && n < self.0[after - 1].1
    }

    /// Goes over the numbers in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(from, to)| *from..*to)
    }

    pub(crate) fn insert(&mut self, n: u32) {
        if self.has(n) {
            return;
        }
        let at = self.0.partition_point(|(from, _)| *from <= n);
        let (joins_left, joins_right) = (at > 0 && self.0[at - 1].1 == n, self.0.get(at).is_some_and(|r| r.0 == n + 1));
        match (joins_left, joins_right) {
            (true, true) => self.0[at - 1].1 = self.0.remove(at).1,
            (true, false) => self.0[at - 1].1 = n + 1,
            (false, true) => self.0[at].0 = n,
            (false, false) => self.0.insert(at, (n, n + 1)),
        }
    }

    pub(crate) fn remove(&mut self, n: u32) {
        if !self.has(n) {
            return;
        }
        let at = self.0.partition_point(|(from, _)| *from <= n) - 1;
        let (from, to) = self.0[at];
        let parts = [(from, n), (n + 1, to)].into_iter().filter(|(f, t)| f < t);
        self.0.splice(at..=at, parts);
    }

    /// Returns the numbers of these that are not in others.
    pub(crate) fn without(&self, others: &Ranges) -> Ranges {
        let mut left = Ranges::default();
        self.iter().filter(|n| !others.has(*n)).for_each(|n| left.insert(n));
        left
    }

    /// Takes the first numbers out, and returns the first of them.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let first = self.0.first()?.0;
        self.remove(first);
        Some(first)
    }

    /// Returns the numbers below `count` that are not in here.
    pub(crate) fn missing(&self, count: u32) -> Ranges {
        let ends = self.0.iter().map(|r| r.1);
        let starts = self.0.iter().map(|r| r.0).chain([count]);
        Ranges([0].into_iter().chain(ends).zip(starts).filter(|(from, to)| from < to).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Ranges against a plain set, over a fixed walk that comes by every join and split.
    #[test]
    fn ranges_are_a_set() {
        let (mut ranges, mut set, mut seed) = (Ranges::default(), BTreeSet::new(), 7u32);
        for step in 0..2_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let n = seed >> 26;
            if (seed >> 20) & 3 == 0 {
                ranges.remove(n);
                set.remove(&n);
            } else {
                ranges.insert(n);
                set.insert(n);
            }
            assert_eq!(ranges.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>(), "step {step}");
            assert!((0..64).all(|k| ranges.has(k) == set.contains(&k)));
            assert_eq!(ranges.missing(64).iter().count(), 64 - set.len());
            assert!(ranges.without(&ranges.missing(64)) == ranges && ranges.without(&ranges).is_empty());
            assert_eq!(Ranges::read(&ranges.pairs(), 64), Some(ranges.clone()), "kept in the form in which they are sent");
            if step % 300 == 299 {
                (ranges, set) = (Ranges::default(), BTreeSet::new());
            }
        }
    }

    #[test]
    fn foreign_ranges_are_checked() {
        assert_eq!(Ranges::read(&[(0, 3), (4, 5)], 5).map(|r| r.count()), Some(4));
        for bad in [&[(0, 3), (3, 5)][..], &[(4, 5), (0, 3)], &[(2, 2)], &[(0, 6)], &[(3, 1)]] {
            assert_eq!(Ranges::read(bad, 5), None, "{bad:?}");
        }
        assert_eq!(Ranges::read(&(0..300).map(|i| (2 * i, 2 * i + 1)).collect::<Vec<_>>(), 1000), None, "more than a request may name");
        assert_eq!((Ranges::below(0).is_empty(), Ranges::below(3).missing(3).is_empty()), (true, true));
    }
}
