//! Serves: the courier for partners, the local API for officers, checkpoints and retention by the clock; until it is told to stop.

use crate::api;
use crate::courier::Door;
use crate::engine::{Engine, now};
use crate::home::{Home, HomeError};
use crate::keeper::{Keeper, Keyring, identity};
use seal::{Keys, Lock, SystemEntropy};
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use transport::{Courier, Limits, Pump, Server};

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
    let held = home.hold_keys()?;
    let keys = home.stored_keys(lock)?;
    let mut acting = keys.clone();
    acting.advance(now());
    let node = home.node_with(acting)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| HomeError::Io("the runtime".to_owned(), e))?;
    runtime.block_on(run(home, node, (keys, lock, held), ready))
}

async fn run(home: &Home, node: node::Node, (keys, lock, held): (Keys, &Lock<'_>, File), ready: impl FnOnce(Addresses)) -> Result<(), HomeError> {
    let config = home.config().clone();
    let book = node.book();
    let asked = |e: &dyn std::fmt::Display| HomeError::Asked(e.to_string());
    let identity = identity(&keys);
    let ring = Keyring::new(keys);
    let engine = Engine::start(node);
    let door = Arc::new(Door::new(engine.clone(), book, ring.clone()));
    let limits = Limits { parcel_bytes_max: node::PARCEL_BYTES_MAX, ..Limits::default() };
    let server = Server::bind(config.listen, &identity, door.clone(), door.clone(), limits.clone()).await.map_err(|e| asked(&e))?;
    let peer = server.local_addr;
    let courier = Arc::new(Courier::new(&identity, limits.clone()).map_err(|e| asked(&e))?);
    let keeper = Arc::new(Keeper::new(home, lock, ring, engine.clone(), [server.identities(), courier.identities()], held));
    keeper.look().await?;
    let pump = Pump::new(courier, door, SystemEntropy, limits);
    let listener = TcpListener::bind(config.api).await.map_err(|e| HomeError::Io(format!("the local API at {}", config.api), e))?;
    let api_address = listener.local_addr().map_err(|e| HomeError::Io("the local API".to_owned(), e))?;
    let (keeper_too, dir) = (keeper.clone(), home.dir().to_owned());
    let shared = api::Shared { engine: engine.clone(), health: pump.health(), keeper: keeper_too, carry_days_max: config.carry_days_max, dir };
    let app = api::router(shared);
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|s| *s).await; // a closed channel is a stop as well
    };
    let peers = tokio::spawn(server.run(until(stopped.clone())));
    let pumping = tokio::spawn(pump.run(until(stopped.clone())));
    let officers = tokio::spawn(axum::serve(listener, app).with_graceful_shutdown(until(stopped.clone())).into_future());
    let keys = tokio::spawn(keeper.watch(until(stopped.clone())));
    let keeping = tokio::spawn(house_keeping(engine, Duration::from_secs(config.checkpoint_minutes * 60), until(stopped)));
    ready(Addresses { api: api_address, peer });
    told_to_stop().await;
    tracing::info!("stopping: what is under way is finished first");
    let _ = stop.send(true);
    let _ = tokio::time::timeout(Duration::from_secs(15), async { tokio::join!(peers, pumping, officers, keys, keeping) }).await;
    Ok(())
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
