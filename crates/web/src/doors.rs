//! The doors of the desk against whoever tries them: challenges that are used once, tries per address and per passkey, open streams.
//!
//! All of it lies in memory: after a restart a challenge must be asked for again, and nothing is let in that was not before.

use base::UnixMs;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Challenges that may wait for their answer.
const CHALLENGES_MAX: usize = 4096;
/// Milliseconds for which a challenge may be answered.
const CHALLENGE_MS: i64 = 5 * 60_000;
/// Tries that one address has within [`TRIES_MS`].
const ADDRESS_TRIES_MAX: u32 = 60;
/// Wrong answers that one passkey, or one invitation, may give in a row before it is locked for [`TRIES_MS`].
const WRONG_MAX: u32 = 5;
/// Questions about published texts that one address may ask within [`TRIES_MS`]; counted apart, so that readers lock no officer out.
const ADDRESS_QUESTIONS_MAX: u32 = 300;
/// Milliseconds for which tries are counted, and for which a lock-out lasts.
const TRIES_MS: i64 = 15 * 60_000;
/// Addresses and passkeys that are counted at a time; where all places are taken, nobody new may try.
const COUNTED_MAX: usize = 16_384;
/// Streams of live updates that may be open at a time.
const STREAMS_MAX: usize = 512;

/// For what a challenge was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing in.
    SignIn,
    /// Making a passkey, by the officer of an invitation.
    Invitation(String),
    /// Proving presence again, in a session.
    Again(String),
}

/// From where a browser came; whoever serves the desk puts it into the request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What is known of those who try.
#[derive(Default)]
pub(crate) struct Doors {
    challenges: Mutex<HashMap<[u8; 32], (Purpose, UnixMs)>>,
    addresses: Mutex<HashMap<IpAddr, (u32, UnixMs)>>,
    readers: Mutex<HashMap<IpAddr, (u32, UnixMs)>>,
    wrong: Mutex<HashMap<String, (u32, UnixMs)>>,
    streams: Arc<AtomicUsize>,
}

/// An open stream; its place is free again when this is dropped.
pub(crate) struct Stream(Arc<AtomicUsize>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Doors {
    /// Remembers a challenge; tells whether there was a place for it.
    pub fn ask(&self, challenge: [u8; 32], purpose: Purpose, now: UnixMs) -> bool {
        let mut all = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CHALLENGES_MAX {
            all.retain(|_, (_, until)| *until > now);
        }
        all.len() < CHALLENGES_MAX && all.insert(challenge, (purpose, now.plus_ms(CHALLENGE_MS))).is_none()
    }

    /// Takes a challenge back: for what it was given, once and in time.
    pub fn answered(&self, challenge: &[u8; 32], now: UnixMs) -> Option<Purpose> {
        let (purpose, until) = self.challenges.lock().unwrap_or_else(PoisonError::into_inner).remove(challenge)?;
        (now <= until).then_some(purpose)
    }

    /// Counts a try from an address; tells whether it may be made.
    pub fn may_try(&self, from: Option<IpAddr>, now: UnixMs) -> bool {
        from.is_none_or(|ip| count(&mut self.addresses.lock().unwrap_or_else(PoisonError::into_inner), ip, now) <= ADDRESS_TRIES_MAX)
    }

    /// Counts a question about a published text; tells whether it is answered.
    pub fn may_ask(&self, from: Option<IpAddr>, now: UnixMs) -> bool {
        from.is_none_or(|ip| count(&mut self.readers.lock().unwrap_or_else(PoisonError::into_inner), ip, now) <= ADDRESS_QUESTIONS_MAX)
    }

    /// Tells whether a passkey or invitation gave too many wrong answers.
    pub fn locked(&self, name: &str, now: UnixMs) -> bool {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get(name).is_some_and(|(n, since)| *n >= WRONG_MAX && now.0 - since.0 < TRIES_MS)
    }

    /// Counts a wrong answer; tells whether this one locks.
    pub fn wrong(&self, name: &str, now: UnixMs) -> bool {
        count(&mut self.wrong.lock().unwrap_or_else(PoisonError::into_inner), name.to_owned(), now) == WRONG_MAX
    }

    /// Forgets wrong answers after a right one.
    pub fn right(&self, name: &str) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Takes a place for a stream.
    pub fn stream(&self) -> Option<Stream> {
        let stream = Stream(Arc::clone(&self.streams));
        (self.streams.fetch_add(1, Ordering::Relaxed) < STREAMS_MAX).then_some(stream)
    }
}

fn count<K: Hash + Eq>(all: &mut HashMap<K, (u32, UnixMs)>, key: K, now: UnixMs) -> u32 {
    if all.len() >= COUNTED_MAX {
        all.retain(|_, (_, since)| now.0 - since.0 < TRIES_MS);
        if all.len() >= COUNTED_MAX && !all.contains_key(&key) {
            return u32::MAX;
        }
    }
    let (n, since) = all.entry(key).or_insert((0, now));
    if now.0 - since.0 >= TRIES_MS {
        (*n, *since) = (0, now);
    }
    *n = n.saturating_add(1);
    *n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_once_and_in_time() {
        let (doors, start) = (Doors::default(), UnixMs(0));
        assert!(doors.ask([1; 32], Purpose::SignIn, start) && doors.ask([2; 32], Purpose::SignIn, start));
        assert_eq!(doors.answered(&[1; 32], UnixMs(CHALLENGE_MS)), Some(Purpose::SignIn));
        assert_eq!(doors.answered(&[1; 32], UnixMs(0)), None, "a second time");
        assert_eq!(doors.answered(&[2; 32], UnixMs(CHALLENGE_MS + 1)), None, "too late");
    }

    #[test]
    fn the_fifth_wrong_answer_locks_and_time_unlocks() {
        let doors = Doors::default();
        let locks: Vec<bool> = (0..5).map(|_| doors.wrong("key", UnixMs(0))).collect();
        assert_eq!(locks, [false, false, false, false, true]);
        assert!(doors.locked("key", UnixMs(TRIES_MS - 1)) && !doors.locked("key", UnixMs(TRIES_MS)) && !doors.locked("other", UnixMs(0)));
        doors.right("key");
        assert!(!doors.locked("key", UnixMs(1)));
    }

    #[test]
    fn an_address_has_its_tries_and_no_more() {
        let (doors, ip) = (Doors::default(), Some([127, 0, 0, 1].into()));
        assert_eq!((0..100).filter(|_| doors.may_try(ip, UnixMs(0))).count(), ADDRESS_TRIES_MAX as usize);
        assert_eq!((0..400).filter(|_| doors.may_ask(ip, UnixMs(0))).count(), ADDRESS_QUESTIONS_MAX as usize, "questions are counted apart");
        assert!(doors.may_ask(ip, UnixMs(TRIES_MS)));
        assert!(doors.may_try(ip, UnixMs(TRIES_MS)) && doors.may_try(None, UnixMs(0)));
    }

    #[test]
    fn streams_have_places() {
        let doors = Doors::default();
        let open: Vec<_> = (0..STREAMS_MAX).filter_map(|_| doors.stream()).collect();
        assert!(open.len() == STREAMS_MAX && doors.stream().is_none());
        drop(open);
        assert!(doors.stream().is_some());
    }
}
