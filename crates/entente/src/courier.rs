//! Between the courier and the node: parcels in, loads out, pins from the cards.

use crate::engine::{Engine, now};
use crate::keeper::Keyring;
use crate::queue::Lane;
use base::{Digest, ParcelId, ServiceId};
use bytes::Bytes;
use node::{Book, NodeError, Served, Shelves};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use transport::{Address, BoxFuture, Inbox, Letter, Outbox, Pins, Rejection, SendError};

/// How long the courier waits before it sends again what our own disk could not settle.
const DISK_PAUSE: Duration = Duration::from_secs(2);
/// Parcels of one partner that are opened at once; more wait, so that whoever floods takes no more of our processors than others.
const OPENING_MAX: usize = 1;

/// What the courier sees of the node.
#[derive(Clone)]
pub struct Door {
    /// The node's thread.
    pub engine: Engine,
    /// Everybody's cards.
    pub book: Book,
    /// Our keys.
    pub keys: Keyring,
    own: ServiceId,
    /// Where chunks of exhibits are written beside the node; none where it keeps no exhibits.
    shelves: Option<Shelves>,
    /// Parcels under way, so that a receipt is held against the right one.
    under_way: Arc<Mutex<HashMap<(ServiceId, u64), ParcelId>>>,
    /// Who has how many parcels being opened; grows with the partners only.
    opening: Arc<Mutex<HashMap<ServiceId, Arc<Semaphore>>>>,
}

impl Door {
    /// Opens the door between a node and its courier.
    pub fn new(engine: Engine, book: Book, keys: Keyring) -> Door {
        let own = keys.now().service();
        Door { engine, book, keys, own, under_way: Arc::default(), opening: Arc::default(), shelves: None }
    }

    /// Has chunks of exhibits written beside the node, on another core.
    pub fn shelving(self, shelves: Option<Shelves>) -> Door {
        Door { shelves, ..self }
    }

    async fn take(&self, from: ServiceId, parcel: Bytes) -> Result<Bytes, NodeError> {
        let (book, keys, shelves) = (self.book.clone(), self.keys.now(), self.shelves.clone());
        let engine = self.engine.in_lane(Lane::Partner(from));
        let turn = Arc::clone(self.opening.lock().expect("no holder panics").entry(from).or_insert_with(|| Arc::new(Semaphore::new(OPENING_MAX))));
        let turn = turn.acquire_owned().await.map_err(|e| NodeError::Corrupt(e.to_string()))?;
        let open = move || {
            let mut arrived = node::open(parcel, from, &book, &keys, now())?;
            // Whoever waits for the disk needs no processor: the partner's next parcel is opened meanwhile.
            let yields = || drop(turn);
            match &shelves {
                Some(shelves) => arrived.shelve_then(shelves, yields),
                None => yields(),
            }
            Ok(arrived)
        };
        let opened: Result<Result<node::Arrived, NodeError>, _> = tokio::task::spawn_blocking(open).await;
        let arrived = match opened.map_err(|e| NodeError::Corrupt(e.to_string()))? {
            Ok(arrived) => arrived,
            Err(e) => {
                let (code, what) = (e.code(), e.to_string());
                let far_off = matches!(e, NodeError::ParcelClock(_));
                let note = move |n: &mut node::Node| {
                    if far_off {
                        n.hear_far_off(from);
                    }
                    n.trust_clock(now())?; // the fault may be ours
                    Ok((n.note_refused(from, code, &what, now()), ()))
                };
                engine.run(note).await?;
                return Err(e);
            }
        };
        let receipt = engine
            .run_then(
                move |n| match n.receive(arrived, now())? {
                    Served::Again(receipt) => Ok((None, Some(receipt))),
                    Served::Staged(ticket) => Ok((Some(ticket), None)),
                },
                |again, appended| again.or(appended.and_then(|a| a.receipt)),
            )
            .await?;
        receipt.map(Bytes::from).ok_or_else(|| NodeError::Corrupt("a parcel was stored without receipt".to_owned()))
    }

    async fn next_letter(&self, to: ServiceId) -> Option<Letter> {
        let load = self.engine.in_lane(Lane::Courier(to)).read(move |n| n.load(to, now())).await;
        let load = load.inspect_err(|e| tracing::error!(code = e.code(), "nothing could be loaded for {}: {e}", to.short())).ok()??;
        let keys = self.keys.now();
        let number = load.number;
        let sealed = tokio::task::spawn_blocking(move || load.seal(&keys)).await.ok()?;
        match sealed {
            Ok(parcel) => {
                self.under_way.lock().expect("no holder panics").insert((to, number), parcel.id);
                Some(Letter { number, parcel: parcel.bytes.into() })
            }
            Err(e) => {
                tracing::error!(code = e.code(), "a parcel could not be sealed: {e}");
                let _ = self.engine.run(move |n| Ok((n.unsealed(to, number, &e, now()), ()))).await;
                None
            }
        }
    }

    async fn answered(&self, to: ServiceId, number: u64, answer: Result<Bytes, SendError>) {
        let parcel = self.under_way.lock().expect("no holder panics").remove(&(to, number)).unwrap_or_default();
        if let Err(e) = &answer {
            tracing::info!(partner = %self.book.code(&to), code = e.code(), "not delivered: {e}");
        }
        let refused_for_time = matches!(&answer, Err(SendError::Refused { code, .. }) if code == "peer.parcel.clock");
        let receipt = answer.ok();
        let job = move |n: &mut node::Node| {
            if refused_for_time {
                n.hear_far_off(to);
            }
            match n.answered(to, number, parcel, receipt.as_deref(), now())? {
                Some((ticket, held)) => Ok((Some(ticket), held)),
                None => Ok((None, Vec::new())),
            }
        };
        match self.engine.in_lane(Lane::Courier(to)).run(job).await {
            Ok(held) => self.engine.held(to, &held),
            Err(e) => {
                if !e.code().starts_with("failure.store.") {
                    tracing::error!(partner = %self.book.code(&to), code = e.code(), "a receipt could not be taken: {e}");
                }
                // The parcel is due again at once; a disk that fails is given a moment.
                tokio::time::sleep(DISK_PAUSE).await;
            }
        }
    }
}

impl Pins for Door {
    fn service(&self, pin: &Digest) -> Option<ServiceId> {
        self.book.by_pin(pin, now()).filter(|s| *s != self.own)
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.engine.news()
    }
}

impl Inbox for Door {
    fn deliver(&self, from: ServiceId, parcel: Bytes) -> BoxFuture<'_, Result<Bytes, Rejection>> {
        Box::pin(async move {
            self.take(from, parcel).await.map_err(|e| match e.code() {
                code if code.starts_with("failure.") => Rejection::Failed { code },
                "refusal.store.busy" => Rejection::Busy { retry_after_s: 2 },
                code => Rejection::Refused { code, text: e.to_string() },
            })
        })
    }
}

impl Outbox for Door {
    fn partners(&self) -> Vec<Address> {
        let now = now();
        let keys = self.keys.now();
        let address = |cards: Arc<seal::Cards>| {
            let card = cards.current(now)?;
            // A partner that does not hold our newest card lets in only the key that it knows.
            let shows = self.book.known_to(&cards.service()).and_then(|n| keys.under(n)).map(|k| k.tls().pin);
            Some(Address { service: cards.service(), endpoints: card.endpoints.clone(), pins: cards.pins(now), shows })
        };
        let exchanged = |c: &Arc<seal::Cards>| c.service() != self.own && !self.book.is_suspended(&c.service());
        self.book.all().into_iter().filter(exchanged).filter_map(address).collect()
    }

    fn next(&self, to: ServiceId) -> BoxFuture<'_, Option<Letter>> {
        Box::pin(self.next_letter(to))
    }

    fn done(&self, to: ServiceId, letter: u64, answer: Result<Bytes, SendError>) -> BoxFuture<'_, ()> {
        Box::pin(self.answered(to, letter, answer))
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.engine.news()
    }
}
