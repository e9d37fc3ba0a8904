//! Where the texts of published communiqués are, by their SHA-256, so that a stranger's question folds no dossier.
//!
//! A text that is found is answered at once: what was published stays so. One that is not found is answered "no" only by a shelf that was
//! brought up to date after the question came; visits that did not change since are not folded again.

use crate::desk::Desk;
use base::{Digest, DossierId, ItemId, UnixMs};
use node::{NodeError, VISIT};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Visits that are folded in one job of the node.
const VISITS_AT_ONCE: usize = 20;

type Texts = Vec<(Digest, ItemId)>;

/// What is known of published texts.
#[derive(Default)]
pub(crate) struct Shelf {
    visits: Mutex<HashMap<DossierId, (UnixMs, Texts)>>,
    texts: Mutex<HashMap<Digest, (DossierId, ItemId)>>,
    /// Held by who brings the shelf up to date: the node's count of changes when it last was, and the how-manieth time that was.
    renewed: tokio::sync::Mutex<Option<(u64, u64)>>,
    /// How often it was begun to be.
    begun: AtomicU64,
}

impl Shelf {
    fn find(&self, hashes: &[Digest]) -> Option<(usize, DossierId, ItemId)> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.iter().enumerate().find_map(|(i, h)| texts.get(h).map(|(d, item)| (i, *d, *item)))
    }

    /// Returns the visits that changed; those that are gone are forgotten.
    fn changed(&self, all: &[(DossierId, UnixMs)]) -> Vec<(DossierId, UnixMs)> {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let there: HashMap<DossierId, UnixMs> = all.iter().copied().collect();
        visits.retain(|id, _| there.contains_key(id));
        all.iter().filter(|(id, at)| visits.get(id).is_none_or(|(known, _)| known != at)).copied().collect()
    }

    fn put(&self, found: Vec<(DossierId, UnixMs, Texts)>) {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner).extend(found.into_iter().map(|(id, at, texts)| (id, (at, texts))));
    }

    fn sort(&self) {
        let visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let all = visits.iter().flat_map(|(id, (_, texts))| texts.iter().map(|(hash, item)| (*hash, (*id, *item)))).collect();
        *self.texts.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

impl Desk {
    /// Finds the published communiqué with one of these texts: which of them, the visit, the version.
    pub(crate) async fn communique(&self, hashes: &[Digest]) -> Result<Option<(usize, DossierId, ItemId)>, NodeError> {
        let asked = self.shelf.begun.load(Ordering::SeqCst);
        if let Some(found) = self.shelf.find(hashes) {
            return Ok(Some(found));
        }
        let mut renewed = self.shelf.renewed.lock().await;
        let count = *self.node.changes().borrow();
        // Who waited while somebody else began after this question came has nothing left to do.
        if !renewed.is_some_and(|(then, mine)| then == count || mine > asked) {
            let mine = self.shelf.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let all = self.read(|n| n.visits()).await?;
            for some in self.shelf.changed(&all).chunks(VISITS_AT_ONCE) {
                let some = some.to_vec();
                let fold = move |n: &mut node::Node| -> Result<Vec<(DossierId, UnixMs, Texts)>, NodeError> {
                    let texts = |found: Vec<(ItemId, Vec<Digest>)>| found.into_iter().flat_map(|(item, all)| all.into_iter().map(move |h| (h, item))).collect();
                    some.into_iter().map(|(id, at)| Ok((id, at, texts(n.published(&id)?)))).collect()
                };
                let found = self.read(fold).await?;
                self.shelf.put(found);
            }
            self.shelf.sort();
            *renewed = Some((count, mine));
            tracing::debug!(mechanism = VISIT, visits = all.len(), "published texts sorted");
        }
        Ok(self.shelf.find(hashes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Digest {
        Digest::of(&[n])
    }

    #[test]
    fn only_what_changed_is_folded_and_what_is_gone_is_forgotten() {
        let (shelf, one, two) = (Shelf::default(), digest(1).into(), digest(2).into());
        assert_eq!(shelf.changed(&[(one, UnixMs(1)), (two, UnixMs(1))]).len(), 2);
        shelf.put(vec![(one, UnixMs(1), vec![(digest(7), digest(9).into())]), (two, UnixMs(1), Vec::new())]);
        shelf.sort();
        assert_eq!(shelf.find(&[digest(8), digest(7)]), Some((1, one, digest(9).into())));
        assert_eq!(shelf.changed(&[(one, UnixMs(1)), (two, UnixMs(2))]), [(two, UnixMs(2))]);
        assert_eq!(shelf.changed(&[(two, UnixMs(2))]), [(two, UnixMs(2))]);
        shelf.sort();
        assert_eq!(shelf.find(&[digest(7)]), None, "the visit was erased");
    }
}
