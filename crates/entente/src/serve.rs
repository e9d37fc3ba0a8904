//! Serves: the courier for partners, the local API for officers, checkpoints and retention by the clock; until it is told to stop.

use crate::api;
use crate::backup;
use crate::courier::Door;
use crate::desk;
use crate::engine::{Engine, now};
use crate::home::{Home, HomeError};
use crate::keeper::{Keeper, Keyring, identity};
use crate::own;
use crate::queue::Lane;
use seal::{Keys, Lock, SystemEntropy};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use transport::{Courier, Limits, Pump, Server};

/// How long a fenced node waits before it asks again for what is lacking.
const RECOVER_AGAIN: Duration = Duration::from_secs(5);

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
    /// For officers' browsers, where the desk is served.
    pub desk: Option<SocketAddr>,
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
    let (book, shelves) = (node.book(), node.shelves());
    let asked = |e: &dyn std::fmt::Display| HomeError::Asked(e.to_string());
    let identity = identity(&keys);
    let ring = Keyring::new(keys);
    let engine = Engine::start(node);
    let house = engine.in_lane(Lane::House);
    let door = Arc::new(Door::new(engine.clone(), book, ring.clone()).shelving(shelves));
    let mut limits = Limits { parcel_bytes_max: node::PARCEL_BYTES_MAX, ..Limits::default() };
    own::fit(&mut limits);
    let server = Server::bind(config.listen, &identity, door.clone(), door.clone(), limits.clone()).await.map_err(|e| asked(&e))?;
    let peer = server.local_addr;
    let courier = Arc::new(Courier::new(&identity, limits.clone()).map_err(|e| asked(&e))?);
    let keeper = Arc::new(Keeper::new(home, lock, ring, engine.clone(), [server.identities(), courier.identities()], held));
    keeper.look().await?;
    let pump = Pump::new(courier, door, SystemEntropy, limits);
    let listener = TcpListener::bind(config.api).await.map_err(|e| HomeError::Io(format!("the local API at {}", config.api), e))?;
    let api_address = listener.local_addr().map_err(|e| HomeError::Io("the local API".to_owned(), e))?;
    let health = pump.health();
    let shared = api::Shared {
        engine: engine.clone(),
        health: health.clone(),
        keeper: keeper.clone(),
        carry_days_max: config.carry_days_max,
        desk: config.desk.as_ref().map(|d| d.origin.clone()),
        dir: home.dir().to_owned(),
    };
    let app = api::router(shared);
    let mut desk_at = None;
    let desk = match &config.desk {
        Some(d) => {
            let (listener, address) = desk::bind(d).await?;
            desk_at = Some(address);
            Some((listener, d.clone()))
        }
        None => None,
    };
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|s| *s).await; // a closed channel is a stop as well
    };
    let peers = tokio::spawn(server.run(until(stopped.clone())));
    let pumping = tokio::spawn(pump.run(until(stopped.clone())));
    let officers = tokio::spawn(axum::serve(own::Desk::new(listener), app).with_graceful_shutdown(until(stopped.clone())).into_future());
    let behind = desk::Behind::new(engine.clone(), health, home.dir().to_owned());
    let desks = desk.map(|(listener, d)| tokio::spawn(desk::serve(listener, d, config.zone.clone(), behind, until(stopped.clone()))));
    let recovering = tokio::spawn(recover(house.clone(), until(stopped.clone())));
    let backing_up = tokio::spawn(back_up(home.clone(), until(stopped.clone())));
    let keys = tokio::spawn(keeper.watch(until(stopped.clone())));
    let watching = tokio::spawn(watch_over(house.clone(), until(stopped.clone())));
    let tending = tokio::spawn(crate::hits_clock::tend(house.clone(), config.clone(), until(stopped.clone())));
    let keeping = tokio::spawn(house_keeping(house, Duration::from_secs(config.checkpoint_minutes * 60), until(stopped)));
    ready(Addresses { api: api_address, peer, desk: desk_at });
    told_to_stop().await;
    tracing::info!("stopping: what is under way is finished first");
    let _ = stop.send(true);
    let desks = async {
        if let Some(desks) = desks {
            let _ = desks.await; // it ends with the rest
        }
    };
    let all = async { tokio::join!(desks, peers, pumping, officers, keys, watching, keeping, recovering, backing_up, tending) };
    let _ = tokio::time::timeout(Duration::from_secs(15), all).await;
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
        let doubt = engine.read(|n| n.trust_clock(now())).await.err().filter(|e| e.code().starts_with("failure.clock."));
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
        // Step by step: between two of them whatever else waits for the node gets its turn.
        loop {
            let step = |n: &mut node::Node| {
                let (ticket, erased) = n.sweep(now())?.map_or((None, Vec::new()), |(t, erased)| (Some(t), erased));
                Ok((ticket, (erased, n.hits_unswept())))
            };
            match engine.run(step).await {
                Ok((erased, goes_on)) => {
                    erased.iter().for_each(|d| tracing::info!(dossier = %d.short(), "the content was erased: its retention is over"));
                    if !goes_on {
                        break;
                    }
                }
                Err(e) => {
                    tracing::error!(code = e.code(), "nothing could be erased: {e}");
                    break;
                }
            }
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

/// Asks partners for what is lacking as long as the node is fenced.
async fn recover(engine: Engine, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    let mut fenced = false;
    loop {
        match engine.run(|n| n.recover(now()).map(|t| (t, n.is_fenced()))).await {
            Ok(still) if still != fenced => {
                match still {
                    true => tracing::warn!("this node was put back to an older state: it signs in a dossier once all its parties have said what they hold"),
                    false => tracing::info!("the fence is over: partners have said what they hold, and what can come back is here"),
                }
                fenced = still;
            }
            Ok(_) => {}
            Err(e) => tracing::error!(code = e.code(), "partners cannot be asked for what is lacking: {e}"),
        }
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(RECOVER_AGAIN) => {}
        }
    }
}

/// Makes backups by the clock, where the configuration says so.
async fn back_up(home: Home, stopped: impl Future<Output = ()>) {
    let config = home.config().clone();
    let (Some(target), Some(key_file)) = (config.backup_target, config.backup_key_file) else { return };
    if config.backup_minutes == 0 {
        return;
    }
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(Duration::from_secs(config.backup_minutes.saturating_mul(60))) => {}
        }
        let (dir, target, key_file) = (home.dir().to_owned(), target.clone(), key_file.clone());
        let made = tokio::task::spawn_blocking(move || backup_now(&dir, &target, &key_file)).await;
        match made {
            Ok(Ok(m)) => tracing::info!(backup = %m.id, new_bytes = m.new_bytes, entries = m.ledger_size, "backed up, read back and checked"),
            Ok(Err(e)) => tracing::error!(code = e.code(), "no backup was made: {e}"),
            Err(e) => tracing::error!(code = "failure.node.bug", "no backup was made: {e}"),
        }
    }
}

/// Makes one backup as the configuration says; what came in its way stands in the node's directory, for `status`.
pub fn backup_now(dir: &Path, target: &Path, key_file: &Path) -> Result<backup::Created, backup::BackupError> {
    let work = || {
        let bytes = zeroize::Zeroizing::new(std::fs::read(key_file).map_err(|e| backup::BackupError::Io(key_file.display().to_string(), e))?);
        let wrong = || backup::BackupError::Asked(format!("{} has {} bytes; a key file has 32", key_file.display(), bytes.len()));
        let key: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong())?;
        let target = backup::Target::open_or_make(target, &Lock::KeyFile(key))?;
        backup::create(&target, &backup::Order { dir: dir.to_owned(), now: now(), moved: false }, &mut |_, _| ())
    };
    work().inspect_err(|e| backup::failed(dir, e, now()))
}

async fn told_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
