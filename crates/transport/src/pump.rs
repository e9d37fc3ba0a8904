//! Moves what is due from the outbox to the partners: one round per partner, so that none waits for another.
//!
//! The pump keeps nothing. What it was handed it gives back with an answer, exactly once: a receipt or the reason for none.

use crate::BoxFuture;
use crate::courier::{Address, Courier};
use crate::health::HealthBook;
use crate::limits::Limits;
use crate::round::{Order, Round};
use crate::send_error::SendError;
use base::{Entropy, ServiceId};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A parcel that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Names the letter between outbox and pump.
    pub number: u64,
    /// The sealed bytes.
    pub parcel: Bytes,
}

/// Where parcels come out.
///
/// A letter that was handed out is not handed out again until `done` was called for it. After `done` with an error it is
/// due again, at the outbox's discretion: a letter that a partner refused should not come back as the first one.
pub trait Outbox: Send + Sync {
    /// Returns all partners as of now; a partner that is missing is left, one that is new is served.
    fn partners(&self) -> Vec<Address>;
    /// Hands out the next letter to a partner; `None` when nothing is due.
    fn next(&self, to: ServiceId) -> BoxFuture<'_, Option<Letter>>;
    /// Takes the answer to a letter: the receipt's bytes, unverified, or why there is none.
    fn done(&self, to: ServiceId, letter: u64, answer: Result<Bytes, SendError>) -> BoxFuture<'_, ()>;
    /// Returns a channel that changes whenever a letter becomes due or the partners change.
    fn changed(&self) -> watch::Receiver<u64>;
}

/// The sending side of a node.
pub struct Pump {
    courier: Arc<Courier>,
    outbox: Arc<dyn Outbox>,
    entropy: Arc<Mutex<dyn Entropy>>,
    limits: Limits,
    health: HealthBook,
}

struct Served {
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Pump {
    /// Makes a pump; the entropy spreads the waits after failures.
    pub fn new(courier: Arc<Courier>, outbox: Arc<dyn Outbox>, entropy: impl Entropy + 'static, limits: Limits) -> Pump {
        Pump { courier, outbox, entropy: Arc::new(Mutex::new(entropy)), limits, health: HealthBook::default() }
    }

    /// Returns the book in which every partner's health stands.
    pub fn health(&self) -> HealthBook {
        self.health.clone()
    }

    /// Runs until `shutdown` is ready, then waits up to `drain_timeout` for the answers under way.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut served: HashMap<ServiceId, Served> = HashMap::new();
        let mut changed = self.outbox.changed();
        tokio::pin!(shutdown);
        loop {
            self.reconcile(&mut served).await;
            tokio::select! {
                () = &mut shutdown => break,
                () = news(&mut changed) => {}
                () = tokio::time::sleep(self.limits.look_interval) => {}
            }
        }
        for partner in served.values() {
            let _ = partner.orders.send(Order::Drain); // a round that has ended needs no order
        }
        for partner in served.into_values() {
            let _ = partner.task.await; // a round that broke was logged by the runtime
        }
    }

    /// Starts rounds for new partners, tells the others their address, ends those of former partners.
    async fn reconcile(&self, served: &mut HashMap<ServiceId, Served>) {
        let partners: HashMap<ServiceId, Address> = self.outbox.partners().into_iter().map(|a| (a.service, a)).collect();
        let gone: Vec<ServiceId> = served.keys().filter(|s| !partners.contains_key(s)).copied().collect();
        for service in gone {
            if let Some(Served { orders, task }) = served.remove(&service) {
                drop(orders);
                let _ = task.await;
                self.courier.forget(service).await;
                self.health.forget(service);
            }
        }
        for (service, address) in partners {
            self.courier.cut_unless(service, &address.pins).await;
            match served.get(&service) {
                Some(partner) if !partner.task.is_finished() => {
                    partner.orders.send_if_modified(|order| {
                        let news = Order::Carry(address);
                        let differs = *order != news;
                        *order = news;
                        differs
                    });
                }
                _ => {
                    let (orders, received) = watch::channel(Order::Carry(address));
                    let round = Round::new(service, received, &self.courier, &self.outbox, &self.entropy, &self.limits, &self.health);
                    served.insert(service, Served { orders, task: tokio::spawn(round.run()) });
                }
            }
        }
    }
}

/// Waits for news; for ever if there will be none, so that a closed channel leaves the timer and no busy loop.
pub(crate) async fn news(changed: &mut watch::Receiver<u64>) {
    if changed.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
