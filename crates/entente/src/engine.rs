//! The node on a thread of its own: many callers, one order, one wait for the disk.
//!
//! 1 callers submit jobs into a bounded queue, each in its own lane, 2 the thread runs those that wait, lane by lane and for a
//! bounded time, each staging what it wants stored, 3 one commit makes it durable, 4 only then is each caller answered.

use crate::index_work::IndexWork;
use crate::queue::{Lane, Popped, Queue, Turned};
use base::{ActId, Digest, ServiceId, UnixMs};
use node::{Node, NodeError, Ticket};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::{Appended, StoreError};
use tokio::sync::{oneshot, watch};

/// Jobs that may wait; beyond, callers are told to come back.
const QUEUE_MAX: usize = 4096;
/// Jobs whose batches share one commit.
const GROUP_MAX: usize = 512;
/// How long jobs are gathered for one commit: whoever waits for the disk waits no longer for the work of others.
const GROUP_TIME_MAX: Duration = Duration::from_millis(40);
/// With which the process ends where the node's thread cannot go on (EX_SOFTWARE of sysexits.h).
const EXIT_BUG: i32 = 70;

type Answer = Box<dyn FnOnce(Result<Option<Appended>, StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Node) -> (Option<Ticket>, Answer) + Send>;

/// A handle on the node's thread.
#[derive(Clone)]
pub struct Engine {
    jobs: Arc<Open>,
    lane: Lane,
    news: watch::Receiver<u64>,
    changes: watch::Receiver<u64>,
    waiters: Arc<Mutex<HashMap<ActId, Waiter>>>,
    condition: Arc<Mutex<Option<Condition>>>,
    index_work: Arc<IndexWork>,
}

/// The queue as those who submit hold it; the last to go closes it, and the thread ends.
struct Open(Arc<Queue<Job>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What is wrong with our own node, until it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The stable code of the failure.
    pub code: &'static str,
    /// What happened and what to do.
    pub what: String,
    /// Since when.
    pub since: UnixMs,
    /// How often it was met.
    pub times: u64,
}

struct Waiter {
    left: HashSet<ServiceId>,
    done: oneshot::Sender<()>,
}

/// Returns the time of this machine.
pub fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Engine {
    /// Returns how far lists are that are worked out beside the node.
    pub(crate) fn index_work(&self) -> &Arc<IndexWork> {
        &self.index_work
    }

    /// Starts the thread on an open node.
    pub fn start(node: Node) -> Engine {
        let queue = Arc::new(Queue::new(QUEUE_MAX));
        let (tell, news) = watch::channel(node.news());
        let (stored, changes) = watch::channel(0);
        let condition = Arc::<Mutex<Option<Condition>>>::default();
        let (jobs, mut work) = (Arc::new(Open(Arc::clone(&queue))), Work { node, queue, tell, stored, condition: Arc::clone(&condition) });
        let running = move || {
            // Without its thread the process would take jobs that nobody does: who asked would wait for ever, and who watches over
            // the process would see one that runs. Nothing is lost: what was acknowledged is on the disk.
            if catch_unwind(AssertUnwindSafe(|| work.run())).is_err() {
                tracing::error!(code = "failure.node.bug", "the node's thread ended in a bug; the process ends, to be started anew from its ledger");
                std::process::exit(EXIT_BUG);
            }
        };
        std::thread::Builder::new().name("node".to_owned()).spawn(running).expect("the operating system gives no thread");
        Engine { jobs, lane: Lane::Desk, news, changes, waiters: Arc::default(), condition, index_work: Arc::default() }
    }

    /// Returns a handle whose jobs wait in another lane.
    pub fn in_lane(&self, lane: Lane) -> Engine {
        Engine { lane, ..self.clone() }
    }

    /// Returns what is wrong with our own node now.
    pub fn condition(&self) -> Option<Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns a channel that changes whenever the courier has something to do.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
    }

    /// Returns a channel that changes whenever something was stored.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Runs a job on the node; what it staged is durable when the answer comes.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce(&mut Node) -> Result<(Option<Ticket>, T), NodeError> + Send + 'static) -> Result<T, NodeError> {
        self.run_then(job, |value, _| value).await
    }

    /// Runs a job on the node and makes the answer out of what became of its batch.
    pub async fn run_then<T: Send + 'static, U: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Node) -> Result<(Option<Ticket>, T), NodeError> + Send + 'static,
        then: impl FnOnce(T, Option<Appended>) -> U + Send + 'static,
    ) -> Result<U, NodeError> {
        let (sender, receiver) = oneshot::channel();
        let condition = Arc::clone(&self.condition);
        let boxed: Job = Box::new(move |node| match job(node) {
            // Who asked may have gone away; what was asked is done all the same.
            Err(e) => {
                met(&condition, e.code(), &e);
                (None, Box::new(move |_| drop(sender.send(Err(e)))) as Answer)
            }
            Ok((ticket, value)) => (ticket, Box::new(move |outcome| drop(sender.send(outcome.map(|a| then(value, a)).map_err(NodeError::from))))),
        });
        self.jobs.0.push(self.lane, boxed).map_err(|e| match e {
            Turned::Full => NodeError::Store(StoreError::Busy),
            Turned::Closed => stopped(),
        })?;
        receiver.await.unwrap_or(Err(NodeError::Bug))
    }

    /// Reads from the node without storing anything.
    pub async fn read<T: Send + 'static>(&self, job: impl FnOnce(&mut Node) -> Result<T, NodeError> + Send + 'static) -> Result<T, NodeError> {
        self.run(move |node| job(node).map(|value| (None, value))).await
    }

    /// Returns a signal that fires when every recipient has receipted an act; to be asked for before the act can leave.
    pub fn delivered(&self, act: ActId, recipients: impl IntoIterator<Item = ServiceId>) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        let left: HashSet<ServiceId> = recipients.into_iter().collect();
        self.waiters.lock().expect("no holder panics").insert(act, Waiter { left, done });
        receiver
    }

    /// Notes that a partner holds some objects.
    pub fn held(&self, by: ServiceId, objects: &[Digest]) {
        let mut waiters = self.waiters.lock().expect("no holder panics");
        if waiters.is_empty() {
            return;
        }
        for object in objects {
            let act = ActId::from(*object);
            if let Some(waiter) = waiters.get_mut(&act) {
                waiter.left.remove(&by);
                if waiter.left.is_empty()
                    && let Some(waiter) = waiters.remove(&act)
                {
                    let _ = waiter.done.send(()); // nobody may be waiting any more
                }
            }
        }
        waiters.retain(|_, w| !w.done.is_closed());
    }
}

fn stopped() -> NodeError {
    NodeError::Store(StoreError::Io("the node's thread has stopped".to_owned()))
}

/// Milliseconds since this machine came up, by the clock that nobody sets and that runs on while the machine sleeps.
fn uptime_ms() -> u64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(t.tv_sec).unwrap_or(0) * 1000 + u64::try_from(t.tv_nsec).unwrap_or(0) / 1_000_000
}

/// Notes a failure of our own disk; says it once in the log, not with every request that meets it.
fn met(condition: &Mutex<Option<Condition>>, code: &'static str, what: &dyn std::fmt::Display) {
    if !code.starts_with("failure.store.") {
        return;
    }
    let mut now_wrong = condition.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *now_wrong {
        Some(c) if c.code == code => c.times += 1,
        other => {
            let since = other.as_ref().map_or_else(now, |c| c.since);
            tracing::error!(code, "nothing can be stored: {what}. Nothing that was acknowledged is lost; the node tries again by itself");
            *other = Some(Condition { code, what: what.to_string(), since, times: 1 });
        }
    }
}

/// What the node's thread works with.
struct Work {
    node: Node,
    queue: Arc<Queue<Job>>,
    tell: watch::Sender<u64>,
    stored: watch::Sender<u64>,
    condition: Arc<Mutex<Option<Condition>>>,
}

impl Work {
    fn run(&mut self) {
        while let Popped::Job(first) = self.queue.pop(None) {
            self.node.tick(now(), uptime_ms());
            self.group(first);
        }
    }

    /// Runs the jobs that wait, commits what they staged, answers.
    fn group(&mut self, first: Job) {
        let began = Instant::now();
        let mut answers: Vec<(Option<Ticket>, Answer)> = Vec::new();
        let mut next = Some(first);
        let mut broken = false;
        while let Some(job) = next.take() {
            // A bug ends the request, never the ledger: what it may have left in memory is thrown away below.
            match catch_unwind(AssertUnwindSafe(|| job(&mut self.node))) {
                Ok(answer) => answers.push(answer),
                Err(_) => broken = true,
            }
            if !broken && answers.len() < GROUP_MAX && began.elapsed() < GROUP_TIME_MAX {
                next = self.queue.try_pop();
            }
        }
        let mut outcomes: HashMap<Ticket, Result<Appended, StoreError>> = self.node.commit().into_iter().collect();
        self.judge(outcomes.values());
        if broken {
            tracing::error!(code = "failure.node.bug", "a request ended in a bug; memory is read anew from the ledger");
            self.node.reload();
        }
        for (ticket, answer) in answers {
            answer(match ticket {
                None => Ok(None),
                Some(t) => outcomes.remove(&t).unwrap_or(Err(StoreError::Io("the batch was lost".to_owned()))).map(Some),
            });
        }
        for outcome in outcomes.into_values().filter_map(Result::err).filter(|e| !e.code().starts_with("failure.store.")) {
            tracing::error!(code = outcome.code(), "{outcome}");
        }
        self.tell.send_if_modified(|known| std::mem::replace(known, self.node.news()) != self.node.news());
    }

    /// Learns from a commit whether our disk takes writes.
    fn judge<'a>(&self, outcomes: impl Iterator<Item = &'a Result<Appended, StoreError>>) {
        let mut stored = false;
        for outcome in outcomes {
            match outcome {
                Ok(_) => stored = true,
                Err(e) => met(&self.condition, e.code(), e),
            }
        }
        if stored {
            self.stored.send_modify(|n| *n += 1);
            let over = self.condition.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(c) = over {
                tracing::info!(code = c.code, seconds = (now().0 - c.since.0) / 1000, times = c.times, "it is over: the node stores again");
            }
        }
    }
}
