//! Bounded room that is shared fairly: nobody may hold more of it than is still free.
//!
//! With n holders that all want more, each ends at 1/(n+1) of the room and as much stays free for whoever comes next. One
//! partner that floods takes at most half, whatever it does, and no list of partners has to be configured for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A room of `max` places for holders named by `K`.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash + Copy> {
    max: usize,
    each_max: usize,
    room: Mutex<Room<K>>,
}

#[derive(Debug)]
struct Room<K> {
    used: usize,
    by_holder: HashMap<K, usize>,
}

impl<K: Eq + Hash + Copy> Share<K> {
    /// Makes a room of `max` places, of which one holder gets at most `each_max`.
    pub(crate) fn new(max: usize, each_max: usize) -> Arc<Share<K>> {
        Arc::new(Share { max, each_max, room: Mutex::new(Room { used: 0, by_holder: HashMap::new() }) })
    }

    fn room(&self) -> MutexGuard<'_, Room<K>> {
        // The room is consistent between any two statements, so a panic elsewhere does not spoil it.
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fits(&self, room: &Room<K>, holder: K, n: usize) -> bool {
        let held = room.by_holder.get(&holder).copied().unwrap_or(0);
        held.saturating_add(n) <= self.each_max.min(self.max - room.used)
    }

    /// Tells whether a holder would now get `n` places.
    pub(crate) fn has_room(&self, holder: K, n: usize) -> bool {
        self.fits(&self.room(), holder, n)
    }

    /// Takes `n` places until the ticket is dropped; `None` when they are not the holder's to take.
    pub(crate) fn take(self: &Arc<Self>, holder: K, n: usize) -> Option<Ticket<K>> {
        let mut ticket = Ticket { share: self.clone(), holder, n: 0 };
        ticket.grow(n).then_some(ticket)
    }
}

/// Places held in a [`Share`]; dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Ticket<K: Eq + Hash + Copy> {
    share: Arc<Share<K>>,
    holder: K,
    n: usize,
}

impl<K: Eq + Hash + Copy> Ticket<K> {
    /// Takes `more` places under the same ticket, or none.
    #[must_use]
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let mut room = self.share.room();
        if !self.share.fits(&room, self.holder, more) {
            return false;
        }
        if more > 0 {
            room.used += more;
            *room.by_holder.entry(self.holder).or_default() += more;
            self.n += more;
        }
        true
    }
}

impl<K: Eq + Hash + Copy> Drop for Ticket<K> {
    fn drop(&mut self) {
        if self.n == 0 {
            return;
        }
        let mut room = self.share.room();
        room.used -= self.n;
        if let Some(held) = room.by_holder.get_mut(&self.holder) {
            *held -= self.n;
            if *held == 0 {
                room.by_holder.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take_all(share: &Arc<Share<u8>>, holder: u8) -> Vec<Ticket<u8>> {
        std::iter::from_fn(|| share.take(holder, 1)).collect()
    }

    #[test]
    fn one_that_floods_gets_half_and_the_next_half_of_the_rest() {
        let share = Share::new(16, usize::MAX);
        let a = take_all(&share, 1);
        let b = take_all(&share, 2);
        assert_eq!((a.len(), b.len()), (8, 4));
        assert!(share.has_room(3, 1));
        drop(a);
        assert_eq!(take_all(&share, 2).len(), 4, "what one gives back is shared anew: 4 and 4 is half");
    }

    #[test]
    fn a_single_place_can_be_taken_and_none_cannot() {
        assert!(Share::new(1, 1).take(1, 1).is_some());
        assert!(Share::new(0, 1).take(1, 1).is_none());
        assert!(Share::new(9, 1).take(1, 2).is_none());
    }

    proptest! {
        #[test]
        fn the_room_is_never_overdrawn_and_empties(steps in prop::collection::vec((0u8..4, 0usize..9, any::<bool>()), 1..200), max in 0usize..40, each in 1usize..40) {
            let share = Share::new(max, each);
            let mut held: Vec<Ticket<u8>> = Vec::new();
            for (holder, n, give_back) in steps {
                if give_back && !held.is_empty() {
                    held.remove(n % held.len());
                } else if let Some(t) = share.take(holder, n) {
                    held.push(t);
                }
                let used: usize = held.iter().map(|t| t.n).sum();
                prop_assert!(used <= max);
                prop_assert_eq!(share.room().used, used);
                for h in 0..4 {
                    prop_assert!(held.iter().filter(|t| t.holder == h).map(|t| t.n).sum::<usize>() <= each);
                }
            }
            held.clear();
            prop_assert_eq!(share.room().used, 0);
            prop_assert!(share.room().by_holder.is_empty());
        }
    }
}
