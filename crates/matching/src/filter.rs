//! What a partner may hold of a list: a sorted set of truncated tags, and daily changes to it.
//!
//! A tag is 64 bits of a keyed function's output; without the key nobody can work out the tag of a guess. `n` tags are scaled to numbers below
//! n * 2^32, so that a stranger's tag is in the set once in 2^32 times, and the gaps between them are written in Golomb-Rice code: 33.5
//! bits for each. Wire format: `docs/protocol.md`.

use base::Entropy;
use base::cbor::{self, CborError};
use minicbor::{Decode, Encode};

/// Bits by which a filter is larger than its list: a stranger hits once in 2^32 times.
pub const FALSE_HIT_BITS: u32 = 32;
/// Tags in one filter.
pub const TAGS_MAX: usize = 1 << 25;
/// Tags in one day's changes.
pub const CHANGES_MAX: usize = 1 << 22;
/// The version of both wire formats.
pub const FILTER_VERSION: u32 = 1;
/// Random tags that a probe tries.
const PROBES: usize = 1_000_000;
/// Hits among them from which a filter is refused: an honest one has one in four thousand probes.
const PROBE_HITS_MAX: usize = 2;

/// A filter's bytes break the format, or what they hold cannot be honest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// Not canonical CBOR of the right form.
    #[error("these bytes are no filter: {0}")]
    Form(CborError),
    /// The bytes, or the code in them, end before the last tag.
    #[error("the filter is cut short; it must be sent again")]
    Truncated,
    /// A version that this node does not know.
    #[error("the filter has version {0}; one of the two nodes must be brought up to date")]
    Version(u32),
    /// The code goes on behind the last tag, or says what cannot be.
    #[error("the filter is altered: {0}")]
    Code(&'static str),
    /// More than a node holds.
    #[error("the filter names {found} tags, {max} are allowed")]
    Size {
        /// What the filter says.
        found: u64,
        /// The limit.
        max: usize,
    },
    /// Random guesses hit: the filter would make everybody a hit.
    #[error("{0} of a million random tags are in the filter; it is planted")]
    Planted(usize),
    /// Changes that do not fit the filter.
    #[error("the changes do not fit this filter: {0}")]
    Changes(&'static str),
}

impl FilterFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            FilterFault::Form(_) => "peer.matching.filter-form",
            FilterFault::Truncated => "peer.matching.filter-truncated",
            FilterFault::Version(_) => "peer.matching.filter-version",
            FilterFault::Code(_) => "peer.matching.filter-code",
            FilterFault::Size { .. } => "peer.matching.filter-size",
            FilterFault::Planted(_) => "peer.matching.filter-planted",
            FilterFault::Changes(_) => "peer.matching.filter-changes",
        }
    }
}

impl From<CborError> for FilterFault {
    fn from(e: CborError) -> FilterFault {
        match e {
            CborError::Truncated { .. } => FilterFault::Truncated,
            other => FilterFault::Form(other),
        }
    }
}

/// A list's filter with the changes that came since.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// The number of tags by which the range was chosen; changes leave it alone.
    scale: u64,
    /// Scaled tags in order; equal ones stand as often as they occur.
    scaled: Vec<u64>,
    /// Full tags that came later, in order.
    added: Vec<u64>,
}

/// One day's changes under the same key: full tags, eight bytes each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Tags that are new.
    pub added: Vec<u64>,
    /// Tags that are gone.
    pub removed: Vec<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct FilterWire {
    #[n(0)]
    version: u32,
    #[n(1)]
    count: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    code: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ChangesWire {
    #[n(0)]
    version: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    added: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    removed: Vec<u8>,
}

impl Filter {
    /// Makes a filter of a list's tags; refuses more than [`TAGS_MAX`].
    pub fn build(mut tags: Vec<u64>) -> Result<Filter, FilterFault> {
        let scale = tags.len() as u64;
        if tags.len() > TAGS_MAX {
            return Err(FilterFault::Size { found: scale, max: TAGS_MAX });
        }
        tags.iter_mut().for_each(|t| *t = scaled(*t, scale));
        tags.sort_unstable();
        Ok(Filter { scale, scaled: tags, added: Vec::new() })
    }

    /// Tells whether a tag is in the set.
    pub fn contains(&self, tag: u64) -> bool {
        (self.scale > 0 && self.scaled.binary_search(&scaled(tag, self.scale)).is_ok()) || self.added.binary_search(&tag).is_ok()
    }

    /// Returns how many tags are in the set.
    pub fn len(&self) -> usize {
        self.scaled.len() + self.added.len()
    }

    /// Tells whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a filter to which no changes were applied; a changed one is sent as the filter and its changes.
    pub fn to_bytes(&self) -> Vec<u8> {
        assert!(self.added.is_empty() && self.scaled.len() as u64 == self.scale, "changes travel by themselves");
        let mut code = Bits::default();
        let mut before = 0;
        for value in &self.scaled {
            code.gap(value - before);
            before = *value;
        }
        cbor::to_vec(&FilterWire { version: FILTER_VERSION, count: self.scale, code: code.end() })
    }

    /// Reads a filter: every tag below the range, in order, and nothing behind the last one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Filter, FilterFault> {
        let wire: FilterWire = cbor::from_slice(bytes, bytes_max(TAGS_MAX))?;
        if wire.version != FILTER_VERSION {
            return Err(FilterFault::Version(wire.version));
        }
        // A tag takes 33 bits at least: what claims more than its bytes can hold is refused before room is made for it.
        let room = wire.code.len() as u64 * 8 / u64::from(FALSE_HIT_BITS + 1);
        if wire.count > TAGS_MAX as u64 || wire.count > room {
            return Err(FilterFault::Size { found: wire.count, max: TAGS_MAX.min(usize::try_from(room).unwrap_or(TAGS_MAX)) });
        }
        let range = wire.count << FALSE_HIT_BITS;
        let mut reader = Reader { bytes: &wire.code, bit: 0 };
        let mut scaled = Vec::with_capacity(usize::try_from(wire.count).expect("below the limit"));
        let mut value = 0u64;
        for _ in 0..wire.count {
            let gap = reader.gap().ok_or(FilterFault::Truncated)?;
            value = value.checked_add(gap).ok_or(FilterFault::Code("a tag lies beyond the range"))?;
            if value >= range {
                return Err(FilterFault::Code("a tag lies beyond the range"));
            }
            scaled.push(value);
        }
        reader.end()?;
        Ok(Filter { scale: wire.count, scaled, added: Vec::new() })
    }

    /// Tries random tags; a filter in which they hit would make everybody a hit, and is refused.
    pub fn probe(&self, entropy: &mut dyn Entropy) -> Result<(), FilterFault> {
        let mut hits = 0;
        let mut drawn = [0; 8_000];
        for _ in 0..PROBES / 1_000 {
            entropy.fill(&mut drawn);
            hits += drawn.chunks_exact(8).filter(|c| self.contains(u64::from_le_bytes((*c).try_into().expect("eight bytes")))).count();
        }
        if hits > PROBE_HITS_MAX { Err(FilterFault::Planted(hits)) } else { Ok(()) }
    }

    /// Applies a day's changes; refuses, and leaves the filter as it was, if a tag is removed that is not here.
    pub fn apply(&mut self, changes: &Changes) -> Result<(), FilterFault> {
        let mut gone = changes.removed.clone();
        gone.sort_unstable();
        let (mut added, left) = without(&self.added, &gone);
        let left: Vec<u64> = left.into_iter().map(|t| scaled(t, self.scale)).collect();
        let (scaled, left) = without(&self.scaled, &left);
        if !left.is_empty() {
            return Err(FilterFault::Changes("a tag is removed that is not in the filter"));
        }
        if scaled.len() + added.len() + changes.added.len() > TAGS_MAX {
            return Err(FilterFault::Size { found: (scaled.len() + added.len() + changes.added.len()) as u64, max: TAGS_MAX });
        }
        added.extend(&changes.added);
        added.sort_unstable();
        (self.scaled, self.added) = (scaled, added);
        Ok(())
    }
}

impl Changes {
    /// Works out what leads from one list's tags to another's.
    pub fn between(mut before: Vec<u64>, mut after: Vec<u64>) -> Changes {
        before.sort_unstable();
        after.sort_unstable();
        let mut changes = Changes::default();
        let (mut b, mut a) = (before.into_iter().peekable(), after.into_iter().peekable());
        loop {
            match (b.peek(), a.peek()) {
                (Some(x), Some(y)) if x == y => {
                    b.next();
                    a.next();
                }
                (Some(x), y) if y.is_none_or(|y| x < y) => {
                    changes.removed.push(*x);
                    b.next();
                }
                (_, Some(y)) => {
                    changes.added.push(*y);
                    a.next();
                }
                (_, None) => return changes,
            }
        }
    }

    /// Tells which of some cached tags the changes make a hit, without a question to anybody.
    pub fn hits<'a>(&'a self, cached: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        cached.iter().copied().filter(|tag| self.added.binary_search(tag).is_ok())
    }

    /// Writes the changes, both lists in order.
    pub fn to_bytes(&self) -> Vec<u8> {
        let list = |tags: &[u64]| {
            let mut tags = tags.to_vec();
            tags.sort_unstable();
            tags.iter().flat_map(|t| t.to_be_bytes()).collect()
        };
        cbor::to_vec(&ChangesWire { version: FILTER_VERSION, added: list(&self.added), removed: list(&self.removed) })
    }

    /// Reads changes; both lists must be in order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Changes, FilterFault> {
        let wire: ChangesWire = cbor::from_slice(bytes, 64 + 16 * CHANGES_MAX)?;
        if wire.version != FILTER_VERSION {
            return Err(FilterFault::Version(wire.version));
        }
        let list = |bytes: &[u8]| {
            if !bytes.len().is_multiple_of(8) || bytes.len() / 8 > CHANGES_MAX {
                return Err(FilterFault::Changes("a list has a broken length"));
            }
            let tags: Vec<u64> = bytes.chunks_exact(8).map(|c| u64::from_be_bytes(c.try_into().expect("eight bytes"))).collect();
            if tags.is_sorted() { Ok(tags) } else { Err(FilterFault::Changes("a list is not in order")) }
        };
        Ok(Changes { added: list(&wire.added)?, removed: list(&wire.removed)? })
    }
}

/// Scales a tag to the range of a filter of so many tags; the order stays.
fn scaled(tag: u64, scale: u64) -> u64 {
    let range = u128::from(scale) << FALSE_HIT_BITS;
    u64::try_from((u128::from(tag) * range) >> 64).expect("a range is below 2^64")
}

/// The largest encoding: gaps add up to n * 2^32, so the unary parts take 2 n bits at most.
const fn bytes_max(tags: usize) -> usize {
    tags / 8 * (FALSE_HIT_BITS as usize + 2) + 64
}

/// Takes values out of a list, both in order, each once; returns what stays and which values were not there.
fn without(all: &[u64], gone: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (mut stay, mut lacking) = (Vec::with_capacity(all.len()), Vec::new());
    let mut gone = gone.iter().copied().peekable();
    for value in all {
        while let Some(before) = gone.next_if(|g| g < value) {
            lacking.push(before);
        }
        if gone.next_if_eq(value).is_none() {
            stay.push(*value);
        }
    }
    lacking.extend(gone);
    (stay, lacking)
}

/// Writes gaps: the part above 32 bits in ones and a zero, then the low 32 bits; most significant bit first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    fn gap(&mut self, gap: u64) {
        for _ in 0..gap >> FALSE_HIT_BITS {
            self.push(1, 1);
        }
        self.push(0, 1);
        self.push(gap & 0xffff_ffff, FALSE_HIT_BITS);
    }

    /// Takes up to 32 bits; fewer than eight are held from one call to the next.
    fn push(&mut self, value: u64, bits: u32) {
        self.held = self.held << bits | value;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.held >> self.count & 0xff) as u8);
        }
        self.held &= (1 << self.count) - 1;
    }

    /// Fills the last byte up with zeros.
    fn end(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
        self.bytes
    }
}

/// Reads what [`Bits`] writes.
struct Reader<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl Reader<'_> {
    fn gap(&mut self) -> Option<u64> {
        let mut high = 0u64;
        while self.next()? == 1 {
            high += 1;
        }
        let mut low = 0;
        for _ in 0..FALSE_HIT_BITS / 8 {
            low = low << 8 | self.byte()?;
        }
        Some(high << FALSE_HIT_BITS | low)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.bit / 8)?;
        let bit = byte >> (7 - self.bit % 8) & 1;
        self.bit += 1;
        Some(bit)
    }

    /// Reads eight bits, wherever they begin.
    fn byte(&mut self) -> Option<u64> {
        let (at, shift) = (self.bit / 8, self.bit % 8);
        let pair = u16::from(*self.bytes.get(at)?) << 8 | u16::from(self.bytes.get(at + 1).copied().unwrap_or_default());
        self.bit += 8;
        (self.bit <= self.bytes.len() * 8).then_some(u64::from(pair >> (8 - shift) & 0xff))
    }

    fn end(mut self) -> Result<(), FilterFault> {
        if self.bytes.len() != self.bit.div_ceil(8) {
            return Err(FilterFault::Code("there are bytes behind the last tag"));
        }
        while let Some(bit) = self.next() {
            if bit == 1 {
                return Err(FilterFault::Code("the last byte is not filled up with zeros"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// SplitMix64.
    struct Seeded(u64);

    impl Entropy for Seeded {
        fn fill(&mut self, buffer: &mut [u8]) {
            for chunk in buffer.chunks_mut(8) {
                chunk.copy_from_slice(&self.tag().to_le_bytes()[..chunk.len()]);
            }
        }
    }

    impl Seeded {
        fn tag(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn tags(&mut self, n: usize) -> Vec<u64> {
            (0..n).map(|_| self.tag()).collect()
        }
    }

    fn code(result: Result<Filter, FilterFault>) -> &'static str {
        result.unwrap_err().code()
    }

    #[test]
    fn a_filter_holds_its_list_and_strangers_do_not_hit() {
        let mut seeded = Seeded(1);
        let list = seeded.tags(100_000);
        let filter = Filter::build(list.clone()).unwrap();
        assert!(list.iter().all(|t| filter.contains(*t)));
        assert!(seeded.tags(1_000_000).iter().all(|t| !filter.contains(*t)));
        filter.probe(&mut seeded).unwrap();
        let bytes = filter.to_bytes();
        assert_eq!(Filter::from_bytes(&bytes).unwrap(), filter);
        // The floor is 32 bits and the list's own logarithm; Rice code stays within six parts in a hundred.
        let bits = bytes.len() as f64 * 8.0 / 100_000.0;
        assert!((33.0..33.9).contains(&bits), "{bits} bits for each tag");
    }

    #[test]
    fn small_lists_and_equal_tags_come_back() {
        for list in [vec![], vec![0], vec![u64::MAX], vec![7, 7, 7], vec![0, u64::MAX, u64::MAX]] {
            let filter = Filter::build(list.clone()).unwrap();
            assert!(list.iter().all(|t| filter.contains(*t)) && filter.len() == list.len() && filter.is_empty() == list.is_empty());
            assert_eq!(Filter::from_bytes(&filter.to_bytes()).unwrap(), filter);
        }
        assert!(!Filter::build(vec![]).unwrap().contains(0));
    }

    #[test]
    fn what_is_cut_altered_or_boastful_is_refused_with_its_code() {
        let bytes = Filter::build(Seeded(2).tags(500)).unwrap().to_bytes();
        let wire = |change: &dyn Fn(&mut FilterWire)| {
            let mut wire: FilterWire = cbor::from_slice(&bytes, bytes.len()).unwrap();
            change(&mut wire);
            code(Filter::from_bytes(&cbor::to_vec(&wire)))
        };
        assert_eq!(code(Filter::from_bytes(&bytes[..bytes.len() - 1])), "peer.matching.filter-truncated");
        assert_eq!(code(Filter::from_bytes(&[bytes.clone(), vec![0]].concat())), "peer.matching.filter-form");
        assert_eq!(wire(&|w| w.version = 2), "peer.matching.filter-version");
        assert_eq!(wire(&|w| w.code.truncate(w.code.len() - 1)), "peer.matching.filter-truncated");
        assert_eq!(wire(&|w| w.code.push(0)), "peer.matching.filter-code");
        assert_eq!(wire(&|w| *w.code.last_mut().unwrap() |= 1), "peer.matching.filter-code");
        assert_eq!(wire(&|w| w.code.fill(0xff)), "peer.matching.filter-truncated", "the first gap never ends");
        assert_eq!(wire(&|w| w.count -= 1), "peer.matching.filter-code");
        assert_eq!(wire(&|w| w.count += 100), "peer.matching.filter-size");
        assert_eq!(wire(&|w| w.count = u64::MAX), "peer.matching.filter-size");
    }

    #[test]
    fn a_planted_filter_is_found_by_the_probe() {
        // What a liar would want: a range that is full. It can be made in memory only, the wire has no room for it.
        let mut added = Seeded(3).tags(300);
        added.sort_unstable();
        let planted = Filter { scale: 1, scaled: Vec::new(), added };
        assert_eq!(planted.probe(&mut Seeded(3)).unwrap_err(), FilterFault::Planted(300));
    }

    #[test]
    fn a_day_of_changes_turns_one_list_into_the_other() {
        let mut seeded = Seeded(4);
        let before = seeded.tags(20_000);
        let mut after = before[200..].to_vec();
        after.extend(seeded.tags(300));
        let changes = Changes::between(before.clone(), after.clone());
        assert_eq!((changes.added.len(), changes.removed.len()), (300, 200));
        let changes = Changes::from_bytes(&changes.to_bytes()).unwrap();
        assert!(changes.to_bytes().len() < 8 * 500 + 32);
        let mut filter = Filter::build(before.clone()).unwrap();
        filter.apply(&changes).unwrap();
        assert!(after.iter().all(|t| filter.contains(*t)) && before[..200].iter().all(|t| !filter.contains(*t)));
        let watched = [after[19_900], before[0], 5];
        assert_eq!(changes.hits(&watched).collect::<Vec<_>>(), [after[19_900]]);
        // Back again: what came with changes goes with changes.
        let back = Changes::between(after, before.clone());
        filter.apply(&back).unwrap();
        assert!(before.iter().all(|t| filter.contains(*t)) && filter.len() == before.len());
        let kept = filter.clone();
        assert_eq!(filter.apply(&back).unwrap_err().code(), "peer.matching.filter-changes", "gone already");
        assert_eq!(filter, kept);
    }

    #[test]
    fn changes_out_of_order_or_broken_are_refused() {
        let bytes = |added: Vec<u8>| cbor::to_vec(&ChangesWire { version: FILTER_VERSION, added, removed: Vec::new() });
        let two = |a: u64, b: u64| [a.to_be_bytes(), b.to_be_bytes()].concat();
        assert!(Changes::from_bytes(&bytes(two(1, 2))).is_ok());
        for bad in [two(2, 1), vec![0; 7]] {
            assert_eq!(Changes::from_bytes(&bytes(bad)).unwrap_err().code(), "peer.matching.filter-changes");
        }
    }

    proptest! {
        #[test]
        fn any_list_comes_back(tags in proptest::collection::vec(any::<u64>(), 0..200)) {
            let filter = Filter::build(tags).unwrap();
            prop_assert_eq!(Filter::from_bytes(&filter.to_bytes()).unwrap(), filter);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), count in 0u64..40) {
            let _ = Filter::from_bytes(&bytes);
            let _ = Changes::from_bytes(&bytes);
            if let Ok(filter) = Filter::from_bytes(&cbor::to_vec(&FilterWire { version: FILTER_VERSION, count, code: bytes })) {
                prop_assert_eq!(Filter::from_bytes(&filter.to_bytes()).unwrap(), filter);
            }
        }
    }
}
