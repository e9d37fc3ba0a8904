//! Many callers, one wait for the disk.
//!
//! 1 callers submit batches into a bounded queue, 2 one thread takes all that waits, 3 stores it in one transaction, 4 tells each
//! caller its own result. While the disk is busy the next group gathers by itself, so there is no timer to tune.

use crate::{Append, Appended, Store, StoreError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Batches in one transaction.
pub const GROUP_BATCHES_MAX: usize = 512;
/// Ledger entries after which no further batch joins a transaction.
pub const GROUP_ENTRIES_MAX: usize = 4096;

type Outcome = Result<Appended, StoreError>;
type Done = Box<dyn FnOnce(Outcome) + Send>;

struct Job {
    append: Append,
    done: Done,
}

/// The thread that writes.
///
/// Dropping it stores what was submitted, then ends the thread.
pub struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A batch under way.
#[must_use = "a batch is not durable before its ticket says so"]
pub struct Ticket(Receiver<Outcome>);

impl Ticket {
    /// Waits until the batch is on disk or refused.
    pub fn wait(self) -> Result<Appended, StoreError> {
        self.0.recv().unwrap_or_else(|_| Err(stopped()))
    }
}

impl Writer {
    /// Starts the thread; no more than `waiting_max` batches wait.
    pub fn start(store: Arc<dyn Store>, waiting_max: usize) -> Result<Writer, StoreError> {
        let (queue, jobs) = sync_channel(waiting_max);
        let thread = Builder::new().name("store-writer".to_owned()).spawn(move || work(&*store, &jobs)).map_err(|e| StoreError::Io(e.to_string()))?;
        Ok(Writer { queue: Some(queue), thread: Some(thread) })
    }

    /// Submits a batch; refused as busy when the queue is full.
    pub fn submit(&self, append: Append) -> Result<Ticket, StoreError> {
        let (sender, receiver) = sync_channel(1);
        // The caller may have gone away; the batch is stored all the same.
        self.submit_then(append, move |outcome| drop(sender.send(outcome)))?;
        Ok(Ticket(receiver))
    }

    /// Submits a batch and calls `done` on the writer's thread, which must not block there.
    pub fn submit_then(&self, append: Append, done: impl FnOnce(Outcome) + Send + 'static) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().expect("the queue is open until drop");
        queue.try_send(Job { append, done: Box::new(done) }).map_err(|e| match e {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => stopped(),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Io("the writing thread has stopped".to_owned())
}

fn work(store: &dyn Store, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut entries = first.append.entries.len();
        let (mut batches, mut waiting) = (vec![first.append], vec![first.done]);
        while batches.len() < GROUP_BATCHES_MAX && entries < GROUP_ENTRIES_MAX {
            let Ok(job) = jobs.try_recv() else { break };
            entries += job.append.entries.len();
            batches.push(job.append);
            waiting.push(job.done);
        }
        // A bug ends these batches, not the thread that all others wait for.
        let outcomes =
            catch_unwind(AssertUnwindSafe(|| store.append(batches))).unwrap_or_else(|_| Err(StoreError::Io("the writer stumbled over a bug".to_owned())));
        match outcomes {
            Ok(outcomes) => waiting.into_iter().zip(outcomes).for_each(|(done, outcome)| tell(done, outcome)),
            Err(e) => waiting.into_iter().for_each(|done| tell(done, Err(e.clone()))),
        }
    }
}

fn tell(done: Done, outcome: Outcome) {
    let _ = catch_unwind(AssertUnwindSafe(|| done(outcome)));
}
