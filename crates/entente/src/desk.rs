//! The desk beside the local API: the same engine behind the pages, and the address at which browsers find it.

use crate::api::register::press;
use crate::api::{prove, troubles_now};
use crate::api_hits::{load_source, publish_to};
use crate::config::DeskConfig;
use crate::desk_tls::{Files, Secured};
use crate::engine::{Engine, now};
use crate::home::HomeError;
use crate::sources::{self, Defaults, Format};
use crate::{locale, own};
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use axum::serve::{IncomingStream, Listener};
use base::{ServiceId, UnixMs};
use dossier::Mechanism;
use node::{NodeError, Officer};
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use transport::{Health, HealthBook};
use web::{Answering, BackupState, Desk, IndexLoaded, IndexSource, IndexWork, Job, Later, Lay, Outlook, Pair, Persons, Running, Settings};

/// Time for pages under way when the node stops.
const GRACE: Duration = Duration::from_secs(2);
/// How long a page waits for partners' lists; a million records take minutes.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(2);

/// What stands behind the desk: the engine that answers the local API too, and what the program knows beside the store.
#[derive(Clone)]
pub struct Behind {
    /// The node's thread.
    engine: Engine,
    /// How partners answer.
    health: HealthBook,
    /// The node's directory, for the note on its backups.
    dir: PathBuf,
    /// The certificate that browsers are shown, where the desk speaks TLS itself.
    shown: Option<Arc<Files>>,
}

impl Behind {
    /// Joins the node's engine, what is known of its partners, and its directory.
    pub fn new(engine: Engine, health: HealthBook, dir: PathBuf) -> Behind {
        Behind { engine, health, dir, shown: None }
    }

    async fn look(self) -> Result<Outlook, NodeError> {
        let answering = |h: Health| Answering {
            last_success: h.last_success,
            last_failure: h.last_failure.zip(h.last_failure_code),
            attempts: h.attempts,
            next_try: h.next_try,
        };
        let last = crate::backup::last(&self.dir);
        let backup = BackupState { made: last.made.map(|(_, at, _)| at), failed: last.failed.map(|(at, code, _)| (at, code)), tried: last.tried };
        let found = troubles_now(&self.engine).await?;
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
        let troubles = found.as_array().into_iter().flatten().map(|t| (text(&t["code"]), text(&t["what"]), t["since"].as_i64().map(UnixMs)));
        let troubles = troubles.chain(self.shown.iter().flat_map(|s| s.troubles(now())));
        Ok(Outlook { partners: self.health.all().into_iter().map(|(s, h)| (s, answering(h))).collect(), backup, troubles: troubles.collect() })
    }
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

    fn press(&self, officer: Officer, lay: Lay) -> Later<Result<web::Read, NodeError>> {
        let Behind { engine, dir, .. } = self.clone();
        Box::pin(async move { press(&engine, &dir, &officer, move |n| lay(n)).await })
    }

    fn persons(&self, name: String, text: String) -> Later<Result<Persons, NodeError>> {
        let format = Format::of(Path::new(&name)).unwrap_or(Format::Csv);
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || sources::persons(format, &text));
            let (persons, rejects) = read.await.map_err(|_| NodeError::Bug)?;
            Ok((persons, rejects.into_iter().map(|r| (r.line, r.code)).collect()))
        })
    }

    fn load_index(&self, officer: Officer, file: IndexSource) -> Later<Result<IndexLoaded, NodeError>> {
        let engine = self.engine.clone();
        let format = Format::of(Path::new(&file.file)).unwrap_or(Format::Csv);
        let [category, contact, until, quality] = file.unsaid.map(|said| Some(said).filter(|s| !s.is_empty()));
        let defaults = Defaults { category, contact, until, quality };
        Box::pin(async move {
            let done = load_source(&engine, Some(officer), file.source, (format, file.text, defaults), !file.add, file.skip_rejects, false).await?;
            let rejects = done["rejects"].as_array().into_iter().flatten();
            let line =
                |r: &serde_json::Value| (r["line"].as_u64().and_then(|l| l.try_into().ok()).unwrap_or(0), r["code"].as_str().unwrap_or_default().to_owned());
            let rejected = done["rejected"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or_default();
            Ok(IndexLoaded { is_loaded: done["loaded"] == true, rejected, rejects: rejects.map(line).collect() })
        })
    }

    fn publish_index(&self, officer: Officer, partner: Option<ServiceId>, rotate: bool) -> Later<()> {
        let engine = self.engine.clone();
        // It goes on although nobody waits for it any more.
        let work = tokio::spawn(async move { publish_to(&engine, Some(officer), partner, rotate).await });
        Box::pin(async move { drop(tokio::time::timeout(PUBLISHED_WITHIN, work).await) })
    }

    fn index_work(&self) -> IndexWork {
        let work = self.engine.index_work();
        IndexWork { running: work.view().into_iter().collect(), refused: work.refused() }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.engine.changes()
    }

    fn outlook(&self) -> Later<Result<Outlook, NodeError>> {
        Box::pin(self.clone().look())
    }

    fn now(&self) -> UnixMs {
        now()
    }

    fn words_of(&self, code: &str) -> Option<Pair> {
        locale::of(code).map(|pair| (&pair.what, &pair.help))
    }
}

/// Prepares the identity provider of the configuration.
#[cfg(feature = "oidc")]
pub(crate) fn provider(config: Option<&crate::config::ProviderConfig>, origin: &str) -> Result<Option<crate::oidc::Oidc>, String> {
    config.map(|p| crate::oidc::Oidc::new(p, origin)).transpose()
}

/// Reads the certificate that browsers are shown, where the desk speaks TLS itself.
fn shown(config: &DeskConfig) -> Result<Option<Files>, String> {
    match (&config.certificate, &config.key) {
        (Some(certificate), Some(key)) => Files::read(certificate, key).map(Some),
        _ => Ok(None),
    }
}

/// Opens the desk's address.
pub async fn bind(config: &DeskConfig) -> Result<(TcpListener, SocketAddr), HomeError> {
    // What is wrong with the provider or the certificate is said at the start, and not when somebody wants to sign in.
    #[cfg(feature = "oidc")]
    provider(config.provider.as_ref(), &config.origin).map_err(|e| HomeError::Asked(format!("[desk.provider] {e}")))?;
    shown(config).map_err(|e| HomeError::Asked(format!("[desk] {e}")))?;
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
    let shown = shown(&config).map_err(std::io::Error::other)?.map(Arc::new);
    let settings = Settings { origin: config.origin, zone, idle_minutes: config.idle_minutes, session_hours: config.session_hours };
    #[cfg(feature = "oidc")]
    let provider = provider(config.provider.as_ref(), &settings.origin).map_err(std::io::Error::other)?;
    let behind = Behind { shown: shown.clone(), ..behind };
    let desk = Desk::new(Arc::new(behind), settings);
    #[cfg(feature = "oidc")]
    let desk = match provider {
        Some(provider) => desk.with_provider(Arc::new(provider)),
        None => desk,
    };
    let (router, _) = web::desk(desk);
    let router = router.layer(map_request(|ConnectInfo(peer): ConnectInfo<own::Peer>, mut request: Request| async move {
        request.extensions_mut().insert(web::Peer(peer.0.ip()));
        request
    }));
    let (told, heard) = oneshot::channel();
    let stop = async move {
        stop.await;
        let _ = told.send(()); // who listens has ended already
    };
    let plain = own::Desk::new(listener);
    match shown {
        Some(shown) => run(Secured::new(plain, shown)?, router, stop, heard).await,
        None => run(plain, router, stop, heard).await,
    }
}

/// Lets browsers in until it is told to stop.
async fn run<L>(listener: L, router: Router, stop: impl Future<Output = ()> + Send + 'static, heard: oneshot::Receiver<()>) -> std::io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    for<'a> own::Peer: Connected<IncomingStream<'a, L>>,
{
    let server = axum::serve(listener, router.into_make_service_with_connect_info::<own::Peer>()).with_graceful_shutdown(stop);
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
