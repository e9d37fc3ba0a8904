//! The listening end: takes connections until it is told to stop, then lets what is under way come to its end.

use crate::courier::is_exhausted;
use crate::identity::{Identities, Identity, IdentityError, Pins};
use crate::limits::Limits;
use crate::route::{Counter, Inbox};
use crate::serve::{self, Stage};
use crate::share::Share;
use crate::tls::{self, LineReport};
use base::ServiceId;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// How long to wait after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be listened on; free it or choose another in the configuration.
    #[error("cannot listen on {address}: {source}. Free the port or choose another")]
    Address {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The crypto library refuses the settings; the program was built wrongly.
    #[error("TLS 1.3 with X25519MLKEM768 cannot be set up: {0}. Report this as a bug")]
    Tls(#[from] rustls::Error),
}

impl BindError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            BindError::Address { .. } => "failure.transport.address",
            BindError::Identity(e) => e.code(),
            BindError::Tls(_) => "failure.transport.tls",
        }
    }
}

/// The open lines of a server; cheap to clone, for the operator's page.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<HashMap<u64, LineReport>>>);

impl Lines {
    /// Returns the lines that are open now, by the order of their coming.
    pub fn now(&self) -> Vec<LineReport> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<_> = lines.iter().map(|(n, line)| (*n, line.clone())).collect();
        lines.sort_by_key(|(n, _)| *n);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// Shows a line until the returned value is dropped.
    pub(crate) fn show(&self, number: u64, line: LineReport) -> impl Drop + use<> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, line);
        Shown(self.clone(), number)
    }
}

struct Shown(Lines, u64);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// A server that listens and does not yet answer.
pub struct Server {
    /// Where it listens; tells the port when port 0 was asked for.
    pub local_addr: SocketAddr,
    listener: TcpListener,
    identities: Identities,
    house: Arc<House>,
    done: mpsc::Receiver<()>,
}

/// What all connections of a server share.
pub(crate) struct House {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) pins: Arc<dyn Pins>,
    pub(crate) counter: Counter,
    pub(crate) handshakes: Arc<Share<IpAddr>>,
    pub(crate) connections: Arc<Share<ServiceId>>,
    pub(crate) lines: Lines,
}

impl Server {
    /// Opens the port; connections wait in the system's queue until [`Server::run`].
    pub async fn bind(address: SocketAddr, identity: &Identity, pins: Arc<dyn Pins>, inbox: Arc<dyn Inbox>, limits: Limits) -> Result<Server, BindError> {
        let identities = Identities::new(identity)?;
        let config = tls::server_config(identities.clone(), pins.clone())?;
        let failed = |source| BindError::Address { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let (alive, done) = mpsc::channel(1);
        let house = House {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pins,
            handshakes: Share::new(limits.handshakes_max, usize::MAX),
            connections: Share::new(limits.connections_max, limits.connections_per_partner_max),
            lines: Lines::default(),
            counter: Counter::new(inbox, limits, alive),
        };
        Ok(Server { local_addr, listener, identities, house: Arc::new(house), done })
    }

    /// Returns the handle by which the server is given another identity while it runs.
    pub fn identities(&self) -> Identities {
        self.identities.clone()
    }

    /// Returns a view of the open lines.
    pub fn lines(&self) -> Lines {
        self.house.lines.clone()
    }

    /// Serves until `shutdown` is ready; then takes no more connections and requests, and waits for what is under way.
    ///
    /// Waits at most `drain_timeout`. A delivery that takes longer still runs to its end while the runtime lives.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Server { listener, house, mut done, local_addr, .. } = self;
        let drain_timeout = house.counter.limits.drain_timeout;
        let (stage, watched) = watch::channel(Stage::Open);
        let mut number = 0u64;
        let mut refused = 0u64; // connections that could not be accepted, one after another
        tracing::info!(%local_addr, "listening for parcels");
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                // Over the limit the newest is dropped: a queue of strangers would keep partners out for longer.
                Ok((tcp, from)) => match house.handshakes.take(neighbourhood(from.ip()), 1) {
                    Some(ticket) => {
                        number += 1;
                        tokio::spawn(serve::connection(house.clone(), tcp, from, number, ticket, watched.clone()));
                    }
                    None => tracing::warn!(%from, "too many handshakes at once: connection dropped"),
                },
                Err(error) => {
                    // Said once, not with every try: whoever runs out of descriptors needs the disk for other things.
                    if refused == 0 && is_exhausted(&error) {
                        tracing::error!(
                            code = "failure.transport.descriptors",
                            "partners cannot come in: this process has no file descriptor left ({error}). Raise the limit (ulimit -n, LimitNOFILE)"
                        );
                    } else if refused == 0 {
                        tracing::warn!(%error, "cannot accept a connection");
                    }
                    refused += 1;
                    tokio::time::sleep(ACCEPT_PAUSE).await; // give the others time to close
                    continue;
                }
            }
            if refused > 0 {
                tracing::info!("partners come in again, after {refused} tries");
                refused = 0;
            }
        }
        drop(listener);
        drop(house);
        drop(watched);
        // Every connection holds the house and so the sender of `done`; every delivery holds that sender too.
        let _ = stage.send(Stage::Draining);
        if tokio::time::timeout(drain_timeout, done.recv()).await.is_err() {
            tracing::warn!("work under way did not end in time: connections closed");
            let _ = stage.send(Stage::Closed);
            stage.closed().await;
        }
    }
}

/// Returns what counts as one address: IPv6 by its /64, since whoever has one has them all (RFC 4291 section 2.5.4).
fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_ipv6_count_as_one() {
        let n = |ip: &str| neighbourhood(ip.parse().unwrap());
        assert_eq!(n("2001:db8:1:2::3"), n("2001:db8:1:2:ffff::9"));
        assert_ne!(n("2001:db8:1:2::3"), n("2001:db8:1:3::3"));
        assert_ne!(n("192.0.2.1"), n("192.0.2.2"));
        assert_eq!(n("::ffff:192.0.2.1"), n("192.0.2.1"));
    }
}
