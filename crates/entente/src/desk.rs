//! The desk beside the local API: the same engine behind the pages, and the address at which browsers find it.

use crate::api::prove;
use crate::api::register::press;
use crate::config::DeskConfig;
use crate::engine::{Engine, now};
use crate::home::HomeError;
use crate::{locale, own};
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use base::UnixMs;
use dossier::Mechanism;
use node::{Draft, NodeError, Officer, Silent};
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use web::{Desk, Job, Later, Lay, Pair, Running, Settings};

/// Time for pages under way when the node stops.
const GRACE: Duration = Duration::from_secs(2);

/// What stands behind the desk: the engine, and the node's directory for what lies beside the store.
#[derive(Clone)]
pub struct Behind {
    /// The node's thread.
    pub engine: Engine,
    /// The node's directory.
    pub dir: PathBuf,
}

impl Running for Behind {
    fn submit(&self, job: Job) -> Later<Result<(), NodeError>> {
        let engine = self.engine.clone();
        Box::pin(async move { engine.run(|node| job(node).map(|ticket| (ticket, ()))).await })
    }

    fn prove(&self, mechanisms: Vec<Arc<Mechanism>>) -> Later<Result<(), NodeError>> {
        let engine = self.engine.clone();
        Box::pin(async move { prove(&engine, mechanisms).await })
    }

    fn press(&self, officer: Officer, lay: Lay) -> Later<Result<(Vec<Draft>, Vec<Silent>), NodeError>> {
        let Behind { engine, dir } = self.clone();
        Box::pin(async move { press(&engine, &dir, &officer, move |n| lay(n)).await })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.engine.changes()
    }

    fn now(&self) -> UnixMs {
        now()
    }

    fn words_of(&self, code: &str) -> Option<Pair> {
        locale::of(code).map(|pair| (&pair.what, &pair.help))
    }
}

/// Opens the desk's address.
pub async fn bind(config: &DeskConfig) -> Result<(TcpListener, SocketAddr), HomeError> {
    let io = |e| HomeError::Io(format!("the desk at {}", config.listen), e);
    let listener = TcpListener::bind(config.listen).await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    Ok((listener, address))
}

/// Serves the desk until it is told to stop.
pub async fn serve(
    listener: TcpListener,
    config: DeskConfig,
    zone: String,
    behind: Behind,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let settings = Settings { origin: config.origin, zone, idle_minutes: config.idle_minutes, session_hours: config.session_hours };
    let (router, _) = web::desk(Desk::new(Arc::new(behind), settings));
    let router = router.layer(map_request(|ConnectInfo(peer): ConnectInfo<own::Peer>, mut request: Request| async move {
        request.extensions_mut().insert(web::Peer(peer.0.ip()));
        request
    }));
    let (told, heard) = oneshot::channel();
    let stop = async move {
        stop.await;
        let _ = told.send(()); // who listens has ended already
    };
    let server = axum::serve(own::Desk::new(listener), router.into_make_service_with_connect_info::<own::Peer>()).with_graceful_shutdown(stop);
    // Streams of live updates do not end by themselves: they are cut, and browsers come back when the node does.
    let grace = async move {
        let _ = heard.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server.into_future() => served,
        () = grace => Ok(()),
    }
}
