//! A partner that means harm, for measurements and tests: it has a card and keys like any other, and sends as fast as it can what no
//! honest node sends, never minding when it is asked to come back later.

use crate::engine::now;
use crate::home::Home;
use crate::launch::{LaunchError, Station};
use base::{Entropy, ServiceId, cbor, hex};
use bytes::Bytes;
use node::Piece;
use seal::{Card, Cards, Keys, Lock, SystemEntropy, seal_parcel};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use transport::{Address, Courier, Identity, Limits, SendError};

/// Lines that it opens: as many as one partner may have.
const LINES: usize = 4;
/// Parcels under way on each line.
const UNDER_WAY: usize = 16;
/// Pieces of nonsense in a sealed parcel.
const PIECES: usize = 200;
/// Bytes of noise in a parcel that is none.
const NOISE_BYTES: usize = 200_000;

/// A flooding partner.
pub struct Flooder {
    /// Its service, as the victims know it.
    pub service: ServiceId,
    keys: Keys,
    card: Card,
    to: Address,
    couriers: Vec<Arc<Courier>>,
    number: AtomicU64,
}

/// What a flood came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Flooded {
    /// Parcels that got a receipt, which refuses what is in them.
    pub receipts: u64,
    /// Parcels that were told to come back later.
    pub busy: u64,
    /// Parcels that were refused.
    pub refused: u64,
    /// Parcels whose line broke.
    pub broken: u64,
}

impl Flooder {
    /// Lets a founded service whose node does not run flood another, which has taken its card.
    pub async fn new(own: &Station, victim: &Station) -> Result<Flooder, LaunchError> {
        let system = |e: &dyn std::fmt::Display| LaunchError::System(e.to_string());
        let key: [u8; 32] = std::fs::read(&own.key_file).ok().and_then(|k| k.try_into().ok()).ok_or_else(|| system(&"the key file"))?;
        let keys = Home::open(Path::new(&own.dir))?.keys(&Lock::KeyFile(&key))?;
        victim.client("admin").post("/v1/partners", &serde_json::json!({ "card": hex::encode(keys.card_bytes()), "fingerprint": own.fingerprint })).await?;
        let shown = victim.client("admin").get("/v1/card").await?;
        let bytes = hex::decode(shown["card"].as_str().unwrap_or_default()).ok_or_else(|| system(&"the victim's card"))?;
        let card = Cards::first(&bytes).map_err(|e| system(&e))?.latest().clone();
        let identity = Identity { certificate_der: keys.tls().certificate_der.clone(), key_der: keys.tls().key_der.to_vec() };
        let to = Address { service: victim.service, endpoints: card.endpoints.clone(), pins: vec![card.tls_pin], shows: None };
        let limits = Limits { answer_timeout: Duration::from_secs(30), ..Limits::default() };
        let courier = |_| Courier::new(&identity, limits.clone()).map(Arc::new).map_err(|e| system(&e));
        let couriers = (0..LINES).map(courier).collect::<Result<_, _>>()?;
        // Above any number of an earlier flood by the same service.
        Ok(Flooder { service: own.service, keys, card, to, couriers, number: AtomicU64::new(now().0.unsigned_abs()) })
    }

    /// Floods for a time.
    pub async fn run(self: &Arc<Self>, time: Duration) -> Flooded {
        let end = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for courier in &self.couriers {
            for place in 0..UNDER_WAY {
                let (this, courier) = (Arc::clone(self), Arc::clone(courier));
                tasks.spawn(async move {
                    let mut done = Flooded::default();
                    let mut again: Option<Bytes> = None;
                    let mut n = place;
                    while Instant::now() < end {
                        n += 1;
                        let parcel = match (n % 4, &again) {
                            (0, _) => noise(),
                            (1, Some(before)) => before.clone(),
                            (2, _) => this.sealed(&noise()),
                            _ => this.sealed(&nonsense()),
                        };
                        match courier.send(&this.to, parcel.clone()).await {
                            Ok(_) => {
                                done.receipts += 1;
                                again = Some(parcel);
                            }
                            Err(SendError::Busy { .. }) => done.busy += 1,
                            Err(SendError::Refused { .. }) => done.refused += 1,
                            Err(_) => {
                                done.broken += 1;
                                tokio::time::sleep(Duration::from_millis(20)).await; // a line that is refused at once would only heat this end
                            }
                        }
                    }
                    done
                });
            }
        }
        let mut sum = Flooded::default();
        while let Some(Ok(one)) = tasks.join_next().await {
            sum.receipts += one.receipts;
            sum.busy += one.busy;
            sum.refused += one.refused;
            sum.broken += one.broken;
        }
        sum
    }

    fn sealed(&self, content: &[u8]) -> Bytes {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        seal_parcel(&self.keys, &self.card, number, now(), content).map(|p| p.bytes.into()).unwrap_or_default()
    }
}

fn noise() -> Bytes {
    let mut bytes = vec![0; NOISE_BYTES];
    SystemEntropy.fill(&mut bytes);
    bytes.into()
}

/// Pieces in form that hold nothing: each costs us a look and is refused.
fn nonsense() -> Vec<u8> {
    let piece = |_| {
        let mut signed = vec![0; 300];
        SystemEntropy.fill(&mut signed);
        Piece::Act { signed, body: Some(vec![0; 2000]) }
    };
    cbor::to_vec(&(0..PIECES).map(piece).collect::<Vec<Piece>>())
}
