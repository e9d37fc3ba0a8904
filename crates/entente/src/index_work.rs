//! How far the working out of partners' lists is, for whoever waits for it: a million records take minutes.

use base::{ServiceId, UnixMs};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Lists that are being worked out, how many keys of each are done, and what stood in the way of the last try.
#[derive(Default)]
pub struct IndexWork {
    running: Mutex<BTreeMap<ServiceId, Arc<AtomicU64>>>,
    refused: Mutex<BTreeMap<ServiceId, (UnixMs, String)>>,
}

/// One list's count; it is gone from the view when this is dropped.
pub struct Counter {
    of: Arc<IndexWork>,
    partner: ServiceId,
    keys: Arc<AtomicU64>,
}

impl IndexWork {
    /// Begins to count for a partner.
    pub fn begin(self: &Arc<IndexWork>, partner: ServiceId) -> Counter {
        let keys = Arc::new(AtomicU64::new(0));
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(partner, Arc::clone(&keys));
        Counter { of: Arc::clone(self), partner, keys }
    }

    /// Returns for each list under way how many keys are done.
    pub fn view(&self) -> Vec<(ServiceId, u64)> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(p, n)| (*p, n.load(Ordering::Relaxed))).collect()
    }

    /// Notes how a try for a partner ended: with a stable code, or well.
    pub fn ended(&self, partner: ServiceId, at: UnixMs, code: Option<&str>) {
        let mut all = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match code {
            Some(code) => drop(all.insert(partner, (at, code.to_owned()))),
            None => drop(all.remove(&partner)),
        }
    }

    /// Returns for each partner whose last try since the program started came to nothing when that was, and the stable code.
    pub fn refused(&self) -> BTreeMap<ServiceId, (UnixMs, String)> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Counter {
    /// Adds keys that are done.
    pub fn add(&self, keys: usize) {
        self.keys.fetch_add(keys as u64, Ordering::Relaxed);
    }

    /// Returns how many are done.
    pub fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let mut all = self.of.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Another round for the same partner may have begun.
        if all.get(&self.partner).is_some_and(|k| Arc::ptr_eq(k, &self.keys)) {
            all.remove(&self.partner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_seen_while_it_goes_on_and_no_longer() {
        let work = Arc::new(IndexWork::default());
        let partner = base::Digest::of(b"a partner").into();
        assert!(work.view().is_empty());
        let first = work.begin(partner);
        first.add(3);
        first.add(4);
        assert_eq!((work.view(), first.keys()), (vec![(partner, 7)], 7));
        let second = work.begin(partner);
        drop(first);
        assert_eq!(work.view(), [(partner, 0)], "a later round of the same partner is not taken for the one that ended");
        drop(second);
        assert!(work.view().is_empty());
        work.ended(partner, UnixMs(5), Some("refusal.x"));
        assert_eq!(work.refused().into_iter().collect::<Vec<_>>(), [(partner, (UnixMs(5), "refusal.x".to_owned()))]);
        work.ended(partner, UnixMs(6), None);
        assert!(work.refused().is_empty(), "what came to a good end is not refused any more");
    }
}
