//! The round of one partner: take what is due, send a few at once, back off when it fails.
//!
//! Healthy: up to `in_flight_max` letters under way; while one is sealed, answers are settled. After a failure: nothing until the wait is over, then a single letter
//! as a probe, and all again after its receipt. Nothing here turns without waiting for an answer, for news or for a timer.

use crate::backoff::Backoff;
use crate::courier::{Address, Courier};
use crate::health::{self, HealthBook};
use crate::limits::Limits;
use crate::pump::{Letter, Outbox, news};
use crate::send_error::SendError;
use base::{Entropy, ServiceId};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// What a round is told. A closed channel means: the partner is none any more, stop at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Serve the partner at this address.
    Carry(Address),
    /// Take no more letters, wait for the answers under way, end.
    Drain,
}

type Answer = Result<Bytes, SendError>;

pub(crate) struct Round {
    service: ServiceId,
    orders: watch::Receiver<Order>,
    courier: Arc<Courier>,
    outbox: Arc<dyn Outbox>,
    entropy: Arc<Mutex<dyn Entropy>>,
    limits: Limits,
    health: HealthBook,
    backoff: Backoff,
    rest_until: Option<Instant>,
    failing: bool,
    flying: JoinSet<Answer>,
    letters: HashMap<Id, u64>,
    next: Next,
}

/// How far the next letter is.
enum Next {
    /// Nobody has asked for it since something may have become due.
    Unasked,
    /// It is being made; the flag says that something became due meanwhile, so that "nothing" is not the last word.
    Coming(JoinHandle<Option<Letter>>, bool),
    /// It waits until the partner may be tried again.
    Ready(Letter),
    /// Nothing is due.
    Nothing,
}

impl Next {
    /// Notes that something may have become due.
    fn ask_again(&mut self) {
        match self {
            Next::Coming(_, again) => *again = true,
            Next::Nothing => *self = Next::Unasked,
            Next::Unasked | Next::Ready(_) => {}
        }
    }
}

impl Round {
    pub(crate) fn new(
        service: ServiceId,
        orders: watch::Receiver<Order>,
        courier: &Arc<Courier>,
        outbox: &Arc<dyn Outbox>,
        entropy: &Arc<Mutex<dyn Entropy>>,
        limits: &Limits,
        health: &HealthBook,
    ) -> Round {
        health.note(service, |_| {});
        Round {
            service,
            orders,
            courier: courier.clone(),
            outbox: outbox.clone(),
            entropy: entropy.clone(),
            backoff: Backoff::new(limits.backoff_base_ms, limits.backoff_cap_ms),
            limits: limits.clone(),
            health: health.clone(),
            rest_until: None,
            failing: false,
            flying: JoinSet::new(),
            letters: HashMap::new(),
            next: Next::Unasked,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut changed = self.outbox.changed();
        loop {
            let Order::Carry(address) = self.orders.borrow_and_update().clone() else { break };
            self.fill(&address);
            let resting = self.rest_until;
            let wake = resting.unwrap_or_else(|| Instant::now() + self.limits.look_interval);
            tokio::select! {
                made = made(&mut self.next) => self.next = made,
                Some(landed) = self.flying.join_next_with_id() => {
                    self.settle(landed).await;
                    self.next.ask_again();
                }
                order = self.orders.changed() => match order {
                    Ok(()) => {
                        // Another address or another key of the partner's: why it failed may be gone.
                        let moved = |to: &Address| to.endpoints != address.endpoints || to.pins != address.pins;
                        if matches!(&*self.orders.borrow(), Order::Carry(to) if moved(to)) {
                            self.rest_until = None;
                        }
                    }
                    Err(_) => break,
                },
                () = news(&mut changed), if resting.is_none() => self.next.ask_again(),
                () = sleep_until(wake) => {
                    self.rest_until = None;
                    self.next.ask_again();
                    self.health.note(self.service, |h| h.next_try = None);
                }
            }
        }
        let patience = if self.orders.has_changed().is_ok() { self.limits.drain_timeout } else { Duration::ZERO };
        self.land(Instant::now() + patience).await;
    }

    /// Sends the letter that is ready and has the next one made, unless enough are under way or nothing is due.
    fn fill(&mut self, address: &Address) {
        let may = match (self.rest_until, self.failing) {
            (Some(_), _) => 0,
            (None, true) => 1,
            (None, false) => self.limits.in_flight_max,
        };
        if self.flying.len() >= may {
            return;
        }
        if matches!(self.next, Next::Ready(_))
            && let Next::Ready(letter) = std::mem::replace(&mut self.next, Next::Unasked)
        {
            let (courier, address) = (self.courier.clone(), address.clone());
            let task = self.flying.spawn(async move { courier.send(&address, letter.parcel).await });
            self.letters.insert(task.id(), letter.number);
        }
        if matches!(self.next, Next::Unasked) && self.flying.len() < may {
            let (outbox, service) = (self.outbox.clone(), self.service);
            self.next = Next::Coming(tokio::spawn(async move { outbox.next(service).await }), false);
        }
    }

    async fn settle(&mut self, landed: Result<(Id, Answer), JoinError>) {
        let (id, answer) = match landed {
            Ok(landed) => landed,
            // Cut off by us, or a bug that the runtime has logged: either way the letter is not lost.
            Err(error) => (error.id(), Err(SendError::Stopped)),
        };
        match &answer {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
        if let Some(letter) = self.letters.remove(&id) {
            self.outbox.done(self.service, letter, answer).await;
        }
    }

    fn succeeded(&mut self) {
        // A rest that a letter beside this one has earned is still kept: the partner may have asked for it.
        self.backoff.reset();
        self.failing = false;
        self.health.note(self.service, |h| (h.last_success, h.attempts) = (Some(health::now()), 0));
    }

    fn failed(&mut self, error: &SendError) {
        let asked_ms = match error {
            SendError::Busy { retry_after_s } => retry_after_s.map(|s| s.saturating_mul(1_000)),
            _ => None,
        };
        // Letters that were under way together fail together: that is one failure, not four.
        let first = self.rest_until.is_none();
        if first || asked_ms.is_some() {
            let wait_ms = {
                let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
                let mut trial = self.backoff.clone();
                let wait_ms = trial.failed(&mut *entropy, asked_ms);
                if first {
                    self.backoff = trial;
                }
                wait_ms
            };
            let until = Instant::now() + Duration::from_millis(wait_ms);
            if self.rest_until.is_none_or(|rest| rest < until) {
                self.rest_until = Some(until);
                self.health.note(self.service, |h| h.next_try = Some(health::now().plus_ms(i64::try_from(wait_ms).unwrap_or(i64::MAX))));
            }
        }
        self.failing = true;
        self.health.note(self.service, |h| {
            h.last_failure = Some(health::now());
            h.last_failure_code = Some(error.code());
            h.attempts = h.attempts.saturating_add(u32::from(first));
        });
        tracing::info!(service = %self.service.short(), code = error.code(), %error, "parcel not delivered");
    }

    /// Waits for the answers under way until `deadline`, then cuts off the rest; each letter goes back with its answer.
    async fn land(&mut self, deadline: Instant) {
        // What was made and has not left goes back.
        if matches!(self.next, Next::Coming(..)) {
            self.next = made(&mut self.next).await;
        }
        if let Next::Ready(letter) = std::mem::replace(&mut self.next, Next::Nothing) {
            self.outbox.done(self.service, letter.number, Err(SendError::Stopped)).await;
        }
        loop {
            tokio::select! {
                biased;
                landed = self.flying.join_next_with_id() => match landed {
                    Some(landed) => self.settle(landed).await,
                    None => return,
                },
                () = sleep_until(deadline) => break,
            }
        }
        self.flying.abort_all();
        while let Some(landed) = self.flying.join_next_with_id().await {
            self.settle(landed).await;
        }
    }
}

/// Waits for the letter that is being made, for ever where none is; says how far the next one then is.
async fn made(next: &mut Next) -> Next {
    let Next::Coming(task, again) = next else { return std::future::pending().await };
    // An outbox that broke was logged by the runtime; it is asked again with the next news.
    match (task.await.ok().flatten(), again) {
        (Some(letter), _) => Next::Ready(letter),
        (None, true) => Next::Unasked,
        (None, false) => Next::Nothing,
    }
}
