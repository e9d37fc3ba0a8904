//! The node on a thread of its own: many callers, one order, one wait for the disk.
//!
//! 1 callers submit jobs into a bounded queue, 2 the thread runs all that wait, each staging what it wants stored, 3 one commit
//! makes it durable, 4 only then is each caller answered.

use base::{ActId, Digest, ServiceId, UnixMs};
use node::{Node, NodeError, Ticket};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use store::{Appended, StoreError};
use tokio::sync::{oneshot, watch};

/// Jobs that may wait; beyond, callers are told to come back.
const QUEUE_MAX: usize = 4096;
/// Jobs whose batches share one commit.
const GROUP_MAX: usize = 512;

type Answer = Box<dyn FnOnce(Result<Option<Appended>, StoreError>) + Send>;
type Job = Box<dyn FnOnce(&mut Node) -> (Option<Ticket>, Answer) + Send>;

/// A handle on the node's thread.
#[derive(Clone)]
pub struct Engine {
    jobs: SyncSender<Job>,
    news: watch::Receiver<u64>,
    waiters: Arc<Mutex<HashMap<ActId, Waiter>>>,
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
    /// Starts the thread on an open node.
    pub fn start(node: Node) -> Engine {
        let (jobs, queue) = sync_channel(QUEUE_MAX);
        let (tell, news) = watch::channel(node.news());
        std::thread::Builder::new().name("node".to_owned()).spawn(move || work(node, &queue, &tell)).expect("the operating system gives no thread");
        Engine { jobs, news, waiters: Arc::default() }
    }

    /// Returns a channel that changes whenever the courier has something to do.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.clone()
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
        let boxed: Job = Box::new(move |node| match job(node) {
            // Who asked may have gone away; what was asked is done all the same.
            Err(e) => (None, Box::new(move |_| drop(sender.send(Err(e)))) as Answer),
            Ok((ticket, value)) => (ticket, Box::new(move |outcome| drop(sender.send(outcome.map(|a| then(value, a)).map_err(NodeError::from))))),
        });
        self.jobs.try_send(boxed).map_err(|e| match e {
            TrySendError::Full(_) => NodeError::Store(StoreError::Busy),
            TrySendError::Disconnected(_) => stopped(),
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

fn work(mut node: Node, queue: &Receiver<Job>, tell: &watch::Sender<u64>) {
    while let Ok(first) = queue.recv() {
        let mut answers: Vec<(Option<Ticket>, Answer)> = Vec::new();
        let mut next = Some(first);
        let mut broken = false;
        while let Some(job) = next.take() {
            // A bug ends the request, never the ledger: what it may have left in memory is thrown away below.
            match catch_unwind(AssertUnwindSafe(|| job(&mut node))) {
                Ok(answer) => answers.push(answer),
                Err(_) => broken = true,
            }
            if !broken && answers.len() < GROUP_MAX {
                next = queue.try_recv().ok();
            }
        }
        let mut outcomes: HashMap<Ticket, Result<Appended, StoreError>> = node.commit().into_iter().collect();
        if broken {
            tracing::error!(code = "failure.node.bug", "a request ended in a bug; memory is read anew from the ledger");
            node.reload();
        }
        for (ticket, answer) in answers {
            answer(match ticket {
                None => Ok(None),
                Some(t) => outcomes.remove(&t).unwrap_or(Err(StoreError::Io("the batch was lost".to_owned()))).map(Some),
            });
        }
        for outcome in outcomes.into_values().filter_map(Result::err) {
            tracing::error!(code = outcome.code(), "{outcome}");
        }
        tell.send_if_modified(|known| std::mem::replace(known, node.news()) != node.news());
    }
}
