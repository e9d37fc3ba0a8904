//! Measures the courier on loopback: 4 KiB parcels at 1, 16 and 64 at once over one connection, both ends in this process.
//!
//! `cargo run --release -p entente-transport --example bench`

use base::{Digest, ServiceId};
use bytes::Bytes;
use entente_transport::{Address, BoxFuture, Courier, Identity, Inbox, Limits, Pins, Rejection, Server, pin_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

struct One(Digest, ServiceId);

impl Pins for One {
    fn service(&self, pin: &Digest) -> Option<ServiceId> {
        (*pin == self.0).then_some(self.1)
    }
}

struct Echo;

impl Inbox for Echo {
    fn deliver(&self, _: ServiceId, parcel: Bytes) -> BoxFuture<'_, Result<Bytes, Rejection>> {
        Box::pin(async move { Ok(parcel.slice(..parcel.len().min(200))) })
    }
}

fn identity() -> Result<Identity, rcgen::Error> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
    let certificate = rcgen::CertificateParams::default().self_signed(&key)?;
    Ok(Identity { certificate_der: certificate.der().to_vec(), key_der: key.serialize_der() })
}

async fn rate(courier: &Arc<Courier>, to: &Address, at_once: usize, bytes: usize, lasting: Duration) -> f64 {
    let parcel = Bytes::from((0..bytes).map(|i| (i * 131 % 251) as u8).collect::<Vec<_>>());
    let (sent, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let (courier, to, parcel, sent) = (courier.clone(), to.clone(), parcel.clone(), sent.clone());
            tokio::spawn(async move {
                while started.elapsed() < lasting {
                    match courier.send(&to, parcel.clone()).await {
                        Ok(_) => sent.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("a run with a missing receipt prints no number: {error}"),
                    };
                }
            })
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    sent.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, server) = (identity()?, identity()?);
    let name = ServiceId::from(Digest::of(b"bench"));
    let pins = Arc::new(One(pin_of(&client.certificate_der)?, name));
    let listening = Server::bind(([127, 0, 0, 1], 0).into(), &server, pins, Arc::new(Echo), Limits::default()).await?;
    let to = Address { service: name, endpoints: vec![listening.local_addr.to_string()], pins: vec![pin_of(&server.certificate_der)?], shows: None };
    tokio::spawn(listening.run(std::future::pending()));
    let courier = Arc::new(Courier::new(&client, Limits::default())?);
    rate(&courier, &to, 64, 4096, Duration::from_millis(500)).await;
    for (at_once, bytes) in [(1, 4096), (16, 4096), (64, 4096), (4, 1 << 20)] {
        let per_s = rate(&courier, &to, at_once, bytes, Duration::from_secs(3)).await;
        println!("{bytes} bytes, {at_once} at once: {per_s:.0} parcels/s");
    }
    let (opened, count) = (Instant::now(), 200);
    for _ in 0..count {
        courier.forget(name).await;
        courier.send(&to, Bytes::from_static(b"x")).await?;
    }
    println!("new line and one parcel: {:.2} ms", opened.elapsed().as_secs_f64() * 1e3 / f64::from(count));
    Ok(())
}
