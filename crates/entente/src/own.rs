//! What this machine lends the process: file descriptors. Each connection takes one, so limits follow what there is, and the
//! local API keeps one in reserve, so that the operator is still answered when all are taken.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::File;
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use transport::Limits;

/// Descriptors for everything but connections: the store and its readers, the runtime, programs that we start.
const DESCRIPTORS_KEPT: u64 = 128;
/// Share of the descriptors, in percent, from which the operator is told that they run out.
const DESCRIPTORS_FULL_PERCENT: u64 = 90;
/// How long to wait after a connection that could not be accepted, where nothing is in reserve.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How many descriptors there are and how many are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// Taken now; none where not even this could be counted, for want of a descriptor.
    pub taken: Option<u64>,
    /// The process's limit.
    pub max: u64,
}

impl Descriptors {
    /// Counts.
    pub fn now() -> Descriptors {
        let taken = std::fs::read_dir("/proc/self/fd").ok().map(|d| d.count() as u64);
        Descriptors { taken, max: limit() }
    }

    /// Tells whether they run out.
    pub fn run_out(&self) -> bool {
        self.taken.is_none_or(|t| t * 100 >= self.max * DESCRIPTORS_FULL_PERCENT)
    }
}

fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Asks the system for as many descriptors as it allows, and fits the courier's limits to what there is.
pub fn fit(limits: &mut Limits) {
    let had = getrlimit(Resource::Nofile);
    if had.current != had.maximum {
        let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: had.maximum, maximum: had.maximum }); // else as many as there are
    }
    let max = limit();
    let wanted = (limits.connections_max + limits.handshakes_max) as u64 + DESCRIPTORS_KEPT;
    if max < wanted {
        let room = usize::try_from(max.saturating_sub(DESCRIPTORS_KEPT).max(16)).unwrap_or(usize::MAX);
        (limits.connections_max, limits.handshakes_max) = (room * 2 / 3, room / 3);
        tracing::warn!(
            code = "failure.system.descriptors",
            "this process may open {max} files; {wanted} would let all partners in: at most {} connections are taken. Raise the limit (ulimit -n, LimitNOFILE)",
            limits.connections_max
        );
    }
}

/// Tells whether the system had no descriptor left for us.
pub fn is_exhausted(e: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].iter().any(|n| e.raw_os_error() == Some(n.raw_os_error()))
}

/// The local API's listener, with one descriptor in reserve.
pub struct Desk {
    listener: TcpListener,
    reserve: Option<File>,
    told: bool,
}

impl Desk {
    /// Takes a listener and one descriptor more.
    pub fn new(listener: TcpListener) -> Desk {
        Desk { listener, reserve: spare(), told: false }
    }
}

/// From where a browser or program came.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub std::net::SocketAddr);

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Desk>> for Peer {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Desk>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

impl axum::serve::Listener for Desk {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (TcpStream, std::net::SocketAddr) {
        loop {
            if self.reserve.is_none() {
                self.reserve = spare();
                self.told &= self.reserve.is_none();
            }
            match self.listener.accept().await {
                Ok((tcp, from)) => {
                    // Else the end of an answer waits 40 ms for the other side to confirm its beginning.
                    let _ = tcp.set_nodelay(true); // without it the line is slower, not wrong
                    return (tcp, from);
                }
                Err(e) => {
                    if !std::mem::replace(&mut self.told, true) {
                        tracing::error!(
                            code = "failure.system.descriptors",
                            "an officer's program cannot be let in: {e}. Close what holds files open, or raise the limit"
                        );
                    }
                    // The reserve lets one in; where it is spent, the next waits until one that is open closes.
                    if !is_exhausted(&e) || self.reserve.take().is_none() {
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }
}
