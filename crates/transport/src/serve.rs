//! One accepted connection, from the first byte to the last.
//!
//! 1 TLS handshake in time; 2 version, group, protocol and pin; 3 the partner's share of connections; 4 HTTP/2 until the
//! partner leaves, falls silent, is no longer a partner, or the server stops.

use crate::identity::Pins;
use crate::server::House;
use crate::share::Ticket;
use crate::tls::{self, LineReport};
use base::{Digest, ServiceId};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

/// How far a server's shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Serving.
    Open,
    /// No new requests; those under way are answered.
    Draining,
    /// Everything is closed at once.
    Closed,
}

/// Bytes that one stream and one connection may have on the way to us unread (RFC 9113 section 5.2).
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// Bytes of the largest frame that we take (RFC 9113 section 4.2): a parcel of a MiB is then a few frames and not 64.
const FRAME_BYTES: u32 = STREAM_WINDOW_BYTES / 4;
/// Streams that a client may open and reset before we have looked at them (CVE-2023-44487 and its kin).
const RESET_STREAMS_MAX: usize = 32;
/// How long we listen on after a refused handshake, so that the peer can still read why.
const LINGER: Duration = Duration::from_millis(500);
/// How long a connection that we close for silence may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves one connection.
pub(crate) async fn connection(house: Arc<House>, tcp: TcpStream, from: SocketAddr, number: u64, handshake: Ticket<IpAddr>, mut stage: watch::Receiver<Stage>) {
    let admitted = tokio::select! {
        admitted = admit(&house, tcp, from) => admitted,
        _ = stage.wait_for(|s| *s != Stage::Open) => None,
    };
    drop(handshake);
    if let Some((tls, line, partner, _place)) = admitted {
        let _shown = house.lines.show(number, line);
        serve(house, tls, partner, stage).await;
    }
}

/// Who is at the other end, by which key.
#[derive(Debug, Clone, Copy)]
struct Partner {
    service: ServiceId,
    pin: Digest,
}

impl Partner {
    fn is_still_known(&self, pins: &dyn Pins) -> bool {
        pins.service(&self.pin) == Some(self.service)
    }
}

/// Shakes hands; `None` for everybody who is no partner, speaks something else or is too slow.
async fn admit(house: &House, tcp: TcpStream, from: SocketAddr) -> Option<(TlsStream<TcpStream>, LineReport, Partner, Ticket<ServiceId>)> {
    let _ = tcp.set_nodelay(true); // without it the line is slower, not wrong
    let mut tls = match timeout(house.counter.limits.handshake_timeout, house.acceptor.accept(tcp).into_fallible()).await {
        Ok(Ok(tls)) => tls,
        Ok(Err((error, tcp))) => {
            tracing::info!(%from, %error, "handshake refused");
            linger(tcp).await;
            return None;
        }
        Err(_) => {
            tracing::info!(%from, "handshake not finished in time");
            return None;
        }
    };
    let (group, pin) = match tls::check_line(tls.get_ref().1) {
        Ok(line) => line,
        Err(error) => {
            tracing::warn!(%from, %error, "line refused");
            goodbye(&mut tls).await;
            return None;
        }
    };
    // The card may have been withdrawn while hands were shaken.
    let service = house.pins.service(&pin)?;
    let Some(place) = house.connections.take(service, 1) else {
        tracing::warn!(%from, service = %service.short(), "too many connections: connection closed");
        goodbye(&mut tls).await;
        return None;
    };
    tracing::debug!(%from, service = %service.short(), group, "partner connected");
    Some((tls, LineReport { service, endpoint: from.to_string(), group }, Partner { service, pin }, place))
}

/// Ends a line with close_notify (RFC 8446 section 6.1), so that the peer sees an end and no cut.
async fn goodbye(tls: &mut TlsStream<TcpStream>) {
    let _ = timeout(LINGER, tls.shutdown()).await; // a peer that does not read is left without it
}

/// Ends our side and throws away what still comes: closing with bytes unread would make the system send a reset, which can
/// overtake the alert that tells the peer what is wrong.
async fn linger(mut tcp: TcpStream) {
    let _ = timeout(LINGER, async {
        tcp.shutdown().await?;
        let mut sink = [0; 4096];
        for _ in 0..64 {
            if tcp.read(&mut sink).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    })
    .await;
}

async fn serve(house: Arc<House>, tls: TlsStream<TcpStream>, partner: Partner, mut stage: watch::Receiver<Stage>) {
    let limits = house.counter.limits.clone();
    let (quiet, out) = (Arc::new(Quiet::new()), Arc::new(Notify::new()));
    let service = {
        let (house, quiet, out) = (house.clone(), quiet.clone(), out.clone());
        service_fn(move |request| {
            let (house, under_way, out) = (house.clone(), UnderWay::begin(&quiet), out.clone());
            async move {
                if !partner.is_still_known(&*house.pins) {
                    // The connection closes and takes this request with it: whoever is no partner gets no answer.
                    out.notify_one();
                    return std::future::pending().await;
                }
                let response = house.counter.answer(partner.service, request).await;
                drop(under_way);
                Ok::<_, Infallible>(response)
            }
        })
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection_max)
        .max_header_list_size(limits.header_bytes_max)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout)
        .serve_connection(TokioIo::new(tls), service);
    tokio::pin!(connection);
    let mut look = Instant::now() + limits.header_timeout;
    let mut leaving = false;
    let mut withdrawn = house.pins.changed();
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(service = %partner.service.short(), %error, "connection ended");
                }
                return;
            }
            () = crate::pump::news(&mut withdrawn) => {
                // At once, and not with the next request: whoever has a stolen key may hold a line open.
                if !partner.is_still_known(&*house.pins) {
                    tracing::warn!(service = %partner.service.short(), "key withdrawn: connection closed");
                    return;
                }
            }
            () = out.notified() => {
                tracing::warn!(service = %partner.service.short(), "key withdrawn: connection closed");
                return;
            }
            () = sleep_until(look) => {
                match quiet.closes_at(limits.header_timeout, limits.idle_timeout) {
                    Some(_) if leaving => return,
                    Some(due) if due <= Instant::now() => {
                        connection.as_mut().graceful_shutdown();
                        leaving = true;
                        look = Instant::now() + GOODBYE;
                    }
                    Some(due) => look = due,
                    // Requests have clocks of their own.
                    None => look = Instant::now() + limits.header_timeout.min(limits.idle_timeout),
                }
            }
            changed = stage.changed() => match changed.map(|()| *stage.borrow_and_update()) {
                Ok(Stage::Open) => {}
                Ok(Stage::Draining) => {
                    connection.as_mut().graceful_shutdown();
                    leaving = true;
                    look = Instant::now() + GOODBYE;
                }
                Ok(Stage::Closed) | Err(_) => return,
            },
        }
    }
}

/// Knows since when a connection has had no request under way.
///
/// A header that dribbles in counts as silence: it blocks its whole connection (RFC 9113 section 6.10), so that soon nothing
/// is under way, and then the connection closes as if nothing came.
struct Quiet(Mutex<Since>);

struct Since {
    under_way: usize,
    served: bool,
    since: Instant,
}

impl Quiet {
    fn new() -> Quiet {
        Quiet(Mutex::new(Since { under_way: 0, served: false, since: Instant::now() }))
    }

    fn lock(&self) -> MutexGuard<'_, Since> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the connection is to be closed if nothing more comes; `None` while a request is under way.
    fn closes_at(&self, header_timeout: Duration, idle_timeout: Duration) -> Option<Instant> {
        let q = self.lock();
        (q.under_way == 0).then(|| q.since + if q.served { idle_timeout } else { header_timeout })
    }
}

/// A request under way, from its header until its answer is handed over or it is given up.
struct UnderWay(Arc<Quiet>);

impl UnderWay {
    fn begin(quiet: &Arc<Quiet>) -> UnderWay {
        let mut q = quiet.lock();
        q.under_way += 1;
        q.served = true;
        drop(q);
        UnderWay(quiet.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut q = self.0.lock();
        q.under_way -= 1;
        q.since = Instant::now();
    }
}
