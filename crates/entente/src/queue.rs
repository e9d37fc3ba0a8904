//! Jobs that wait for one thread, each in the lane of whoever asks. Lanes are served in turn, so that one who floods waits for
//! themselves and for nobody else.

use base::ServiceId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// In whose name a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Officers, by the local API.
    Desk,
    /// The node's own housekeeping.
    House,
    /// What a partner brings.
    Partner(ServiceId),
    /// What goes to a partner, and its receipts.
    Courier(ServiceId),
}

/// A bounded queue of lanes.
///
/// A lane may hold at most as much as is left free beside it: one that floods gets half of the room, the next one half of the
/// rest, so that there is always a place for one more lane.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    news: Condvar,
    max: usize,
}

struct State<T> {
    lanes: HashMap<Lane, VecDeque<T>>,
    turn: VecDeque<Lane>,
    len: usize,
    open: bool,
}

/// Why a job is not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Turned {
    /// The lane or the whole queue is full.
    Full,
    /// Nobody works any more.
    Closed,
}

impl<T> Queue<T> {
    /// Makes a queue for at most `max` jobs.
    pub fn new(max: usize) -> Queue<T> {
        let state = State { lanes: HashMap::new(), turn: VecDeque::new(), len: 0, open: true };
        Queue { state: Mutex::new(state), news: Condvar::new(), max }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job at the end of a lane.
    pub fn push(&self, lane: Lane, job: T) -> Result<(), Turned> {
        let mut s = self.state();
        if !s.open {
            return Err(Turned::Closed);
        }
        let held = s.lanes.get(&lane).map_or(0, VecDeque::len);
        if held + 1 > self.max - s.len {
            return Err(Turned::Full);
        }
        s.lanes.entry(lane).or_default().push_back(job);
        if held == 0 {
            s.turn.push_back(lane);
        }
        s.len += 1;
        drop(s);
        self.news.notify_one();
        Ok(())
    }

    /// Takes the next job, lane by lane; none where nothing waits.
    pub fn try_pop(&self) -> Option<T> {
        self.state().pop()
    }

    /// Waits for a job; none once the queue is closed and empty, or where `patience` ran out.
    pub fn pop(&self, patience: Option<Duration>) -> Popped<T> {
        let end = patience.map(|p| Instant::now() + p);
        let mut s = self.state();
        loop {
            if let Some(job) = s.pop() {
                return Popped::Job(job);
            }
            if !s.open {
                return Popped::Closed;
            }
            s = match end.map(|e| e.saturating_duration_since(Instant::now())) {
                None => self.news.wait(s).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Popped::Nothing,
                Some(left) => self.news.wait_timeout(s, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Takes no more jobs; those that wait are still handed out.
    pub fn close(&self) {
        self.state().open = false;
        self.news.notify_all();
    }
}

/// What waiting for a job led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Popped<T> {
    /// A job.
    Job(T),
    /// None came in time.
    Nothing,
    /// None will come.
    Closed,
}

impl<T> State<T> {
    fn pop(&mut self) -> Option<T> {
        let lane = self.turn.pop_front()?;
        let jobs = self.lanes.get_mut(&lane)?;
        let job = jobs.pop_front();
        self.len -= 1;
        match jobs.is_empty() {
            true => drop(self.lanes.remove(&lane)),
            false => self.turn.push_back(lane),
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;
    use std::sync::Arc;

    fn partner(n: u8) -> Lane {
        Lane::Partner(Digest::of(&[n]).into())
    }

    fn drain(q: &Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| q.try_pop()).collect()
    }

    #[test]
    fn lanes_take_turns_and_each_keeps_its_order() {
        let q = Queue::new(100);
        for n in 10..16 {
            q.push(partner(1), n).unwrap();
        }
        q.push(partner(2), 20).unwrap();
        q.push(Lane::Desk, 30).unwrap();
        q.push(partner(2), 21).unwrap();
        assert_eq!(drain(&q), [10, 20, 30, 11, 21, 12, 13, 14, 15]);
        assert!(q.state().lanes.is_empty() && q.state().len == 0);
    }

    #[test]
    fn one_that_floods_gets_half_of_the_room_and_leaves_a_place_for_everybody_else() {
        let q = Queue::new(64);
        let fill = |lane| (0..1000).take_while(|n| q.push(lane, *n).is_ok()).count();
        assert_eq!([fill(partner(1)), fill(partner(2)), fill(partner(3))], [32, 16, 8]);
        assert_eq!(q.push(partner(1), 0), Err(Turned::Full));
        assert_eq!(q.push(Lane::Desk, 0), Ok(()));
    }

    #[test]
    fn a_closed_queue_hands_out_what_it_has_and_takes_no_more() {
        let q = Arc::new(Queue::new(8));
        q.push(Lane::House, 1).unwrap();
        let waiting = std::thread::spawn({
            let q = Arc::clone(&q);
            move || [q.pop(None), q.pop(None)]
        });
        while q.state().len > 0 {
            std::thread::yield_now();
        }
        q.close();
        assert_eq!(waiting.join().unwrap(), [Popped::Job(1), Popped::Closed]);
        assert_eq!(q.push(Lane::House, 2), Err(Turned::Closed));
        assert_eq!(Queue::<u32>::new(1).pop(Some(Duration::from_millis(5))), Popped::Nothing);
    }
}
