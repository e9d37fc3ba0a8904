//! Serves: the courier for partners, the local API for officers, checkpoints and retention by the clock; until it is told to stop.

use crate::api;
use crate::courier::Door;
use crate::engine::{Engine, now};
use crate::home::{Home, HomeError};
use crate::own;
use crate::queue::Lane;
use seal::{Lock, SystemEntropy};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use transport::{Courier, Identity, Limits, Pump, Server};

/// How often the node looks whether what was wrong is over.
const PROBE: Duration = Duration::from_secs(2);
/// Time between two questions to partners what time it is.
const ASK_TIME_AGAIN: Duration = Duration::from_secs(20);

/// Where a running node is reached.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// For officers' programs.
    pub api: SocketAddr,
    /// For partners' nodes.
    pub peer: SocketAddr,
}

/// Serves a node until SIGTERM or SIGINT.
pub fn serve(home: &Home, lock: &Lock<'_>, ready: impl FnOnce(Addresses)) -> Result<(), HomeError> {
    let node = home.node(lock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| HomeError::Io("the runtime".to_owned(), e))?;
    runtime.block_on(run(home, node, ready))
}

async fn run(home: &Home, node: node::Node, ready: impl FnOnce(Addresses)) -> Result<(), HomeError> {
    let config = home.config().clone();
    let (keys, book) = (node.keys(), node.book());
    let asked = |e: &dyn std::fmt::Display| HomeError::Asked(e.to_string());
    let identity = Identity { certificate_der: keys.tls().certificate_der.clone(), key_der: keys.tls().key_der.to_vec() };
    let engine = Engine::start(node);
    let house = engine.in_lane(Lane::House);
    let door = Arc::new(Door::new(engine.clone(), book, keys));
    let mut limits = Limits { parcel_bytes_max: node::PARCEL_BYTES_MAX, ..Limits::default() };
    own::fit(&mut limits);
    let server = Server::bind(config.listen, &identity, door.clone(), door.clone(), limits.clone()).await.map_err(|e| asked(&e))?;
    let peer = server.local_addr;
    let courier = Arc::new(Courier::new(&identity, limits.clone()).map_err(|e| asked(&e))?);
    let pump = Pump::new(courier, door, SystemEntropy, limits);
    let listener = TcpListener::bind(config.api).await.map_err(|e| HomeError::Io(format!("the local API at {}", config.api), e))?;
    let api_address = listener.local_addr().map_err(|e| HomeError::Io("the local API".to_owned(), e))?;
    let app = api::router(api::Shared { engine: engine.clone(), health: pump.health(), carry_days_max: config.carry_days_max });
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|s| *s).await; // a closed channel is a stop as well
    };
    let peers = tokio::spawn(server.run(until(stopped.clone())));
    let pumping = tokio::spawn(pump.run(until(stopped.clone())));
    let officers = tokio::spawn(axum::serve(own::Desk::new(listener), app).with_graceful_shutdown(until(stopped.clone())).into_future());
    let watching = tokio::spawn(watch_over(house.clone(), until(stopped.clone())));
    let keeping = tokio::spawn(house_keeping(house, Duration::from_secs(config.checkpoint_minutes * 60), until(stopped)));
    ready(Addresses { api: api_address, peer });
    told_to_stop().await;
    tracing::info!("stopping: what is under way is finished first");
    let _ = stop.send(true);
    let _ = tokio::time::timeout(Duration::from_secs(15), async { tokio::join!(peers, pumping, officers, watching, keeping) }).await;
    Ok(())
}

/// Finds out by itself when what was wrong is over: tries the disk while it fails, asks partners for the time while our clock is in doubt.
async fn watch_over(engine: Engine, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    let mut doubted_until = None;
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(PROBE) => {}
        }
        // A failure is noted where it is met; asking is all that is done here.
        if engine.condition().is_some() {
            let _ = engine.run(|n| Ok((Some(n.probe(now())), ()))).await;
        }
        let doubt = engine.read(|n| n.trust_clock()).await.err().filter(|e| e.code().starts_with("failure.clock."));
        match (&doubt, doubted_until) {
            (None, Some(_)) => {
                tracing::info!("this machine's clock is trusted again");
                doubted_until = None;
            }
            (Some(e), None) => tracing::error!(code = e.code(), "{e}"),
            _ => {}
        }
        if doubt.is_some() && doubted_until.is_none_or(|at| tokio::time::Instant::now() >= at) {
            doubted_until = Some(tokio::time::Instant::now() + ASK_TIME_AGAIN);
            // A receipt carries the partner's time under its signature.
            let ask = |n: &mut node::Node| {
                n.retry();
                n.checkpoint(now()).map(|t| (t, ()))
            };
            let _ = engine.run(ask).await;
        }
    }
}

/// Does by the clock what nobody asks for: checkpoints for partners, and erasing what may no longer be kept.
async fn house_keeping(engine: Engine, every: Duration, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    loop {
        match engine.run(|n| Ok(n.sweep(now())?.map_or((None, Vec::new()), |(t, erased)| (Some(t), erased)))).await {
            Ok(erased) => erased.iter().for_each(|d| tracing::info!(dossier = %d.short(), "the content was erased: its retention is over")),
            Err(e) => tracing::error!(code = e.code(), "nothing could be erased: {e}"),
        }
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(every) => {}
        }
        let round = |n: &mut node::Node| {
            n.retry();
            n.checkpoint(now()).map(|t| (t, ()))
        };
        if let Err(e) = engine.run(round).await {
            tracing::error!(code = e.code(), "no checkpoint: {e}");
        }
    }
}

async fn told_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
