//! TLS of the desk itself, with certificate and key in PEM files, as authorities and ACME clients write them.
//!
//! 1 [`Files::read`] at the start: what is wrong with the files is said then; 2 connections are taken one after another and their handshakes go on
//! beside each other, within a time and in a place that each address has a share of; 3 as connections come the files are looked at again, so that a renewed certificate is shown
//! without a restart. Files that do not fit each other are told in the log and change nothing: a renewal writes one after the other.

use crate::own::{self, Peer};
use axum::serve::{IncomingStream, Listener};
use base::UnixMs;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use transport::Shown;

/// Stable code of files that cannot be read or do not fit each other.
const FAULTY: &str = "failure.desk.certificate";
/// Stable code of a certificate that ends soon or has ended.
const ENDING: &str = "failure.desk.certificate-ends";
/// Connections that are open at once, in all and from one address; others are let go. A browser has six.
const OPEN_MAX: usize = 1000;
const OPEN_OF_ONE_MAX: usize = 100;
/// The files are looked at again no sooner than this after the last time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Bytes of a file with certificates or a key.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Days before the end of the certificate from which the administrator is told.
const ENDS_WITHIN_DAYS: i64 = 14;
const DAY_MS: i64 = 86_400_000;

/// The certificate that browsers are shown, from its files.
#[derive(Debug)]
pub(crate) struct Files {
    names: [PathBuf; 2],
    shown: Shown,
    last: Mutex<Last>,
}

/// How the files were when they were last looked at.
#[derive(Debug)]
struct Last {
    /// What is wrong with them, and since when that is known.
    fault: Option<(String, UnixMs)>,
    /// Changed when, how long.
    seen: [Option<(SystemTime, u64)>; 2],
    at: Instant,
}

impl Files {
    /// Reads the files; says what is wrong with them.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Files, String> {
        let names = [certificate.to_owned(), key.to_owned()];
        let seen = state(&names);
        let [certificate, key] = bytes(&names)?;
        let shown = Shown::new(&certificate, &key).map_err(|e| said(&names, &e))?;
        Ok(Files { names, shown, last: Mutex::new(Last { fault: None, seen, at: Instant::now() }) })
    }

    /// Reads the files again where they have changed; keeps what there was where they do not fit.
    fn renew(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.elapsed() < LOOK_AGAIN {
            return;
        }
        last.at = Instant::now();
        let seen = state(&self.names);
        if seen == last.seen {
            return;
        }
        last.seen = seen;
        match bytes(&self.names).and_then(|[certificate, key]| self.shown.renew(&certificate, &key).map_err(|e| said(&self.names, &e))) {
            Ok(()) => {
                last.fault = None;
                tracing::info!("the desk shows its renewed certificate");
            }
            Err(e) => {
                let e = format!("{e}; the desk still shows the certificate that it had");
                tracing::error!(code = FAULTY, "{e}");
                last.fault = Some((e, crate::engine::now()));
            }
        }
    }

    /// Tells what is wrong with the certificate: stable code, text, since when where that is known.
    pub(crate) fn troubles(&self, at: UnixMs) -> Vec<(String, String, Option<UnixMs>)> {
        let fault = self.last.lock().unwrap_or_else(PoisonError::into_inner).fault.clone();
        let ends = self.shown.ends().filter(|ends| *ends <= at.plus_ms(ENDS_WITHIN_DAYS * DAY_MS));
        let ends = ends.map(|ends| (ENDING.to_owned(), format!("{}: ends {ends}", self.names[0].display()), None));
        fault.into_iter().map(|(e, since)| (FAULTY.to_owned(), e, Some(since))).chain(ends).collect()
    }
}

fn said(names: &[PathBuf; 2], e: &str) -> String {
    format!("{} and {}: {e}", names[0].display(), names[1].display())
}

fn state(names: &[PathBuf; 2]) -> [Option<(SystemTime, u64)>; 2] {
    [0, 1].map(|i| std::fs::metadata(&names[i]).and_then(|m| Ok((m.modified()?, m.len()))).ok())
}

/// Reads both files, up to a size.
fn bytes(names: &[PathBuf; 2]) -> Result<[Vec<u8>; 2], String> {
    let read = |file: &Path| {
        let said = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let length = std::fs::metadata(file).map_err(|e| said(&e))?.len();
        if length > FILE_BYTES_MAX {
            return Err(said(&format!("has {length} bytes, more than the {FILE_BYTES_MAX} of a PEM file")));
        }
        std::fs::read(file).map_err(|e| said(&e))
    };
    Ok([read(&names[0])?, read(&names[1])?])
}

/// Places for connections: so many in all, and so many from one address.
#[derive(Debug, Default)]
struct Places(Mutex<BTreeMap<IpAddr, usize>>);

/// One of them, until this is dropped.
#[derive(Debug)]
struct Place {
    of: Arc<Places>,
    from: IpAddr,
}

impl Places {
    /// Takes a place for an address; none where it has its share, or all are taken.
    fn take(self: &Arc<Places>, from: IpAddr) -> Option<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.values().sum::<usize>() >= OPEN_MAX || all.get(&from).is_some_and(|n| *n >= OPEN_OF_ONE_MAX) {
            return None;
        }
        *all.entry(from).or_default() += 1;
        Some(Place { of: Arc::clone(self), from })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&self.from) {
            Some(n) if *n > 1 => *n -= 1,
            _ => drop(all.remove(&self.from)),
        }
    }
}

/// A connection whose handshake is done, in its place.
#[derive(Debug)]
pub(crate) struct Line {
    tls: transport::Secured,
    _place: Place,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

/// Connections whose handshake is done.
pub(crate) struct Secured {
    done: mpsc::Receiver<(Line, SocketAddr)>,
    at: SocketAddr,
}

impl Secured {
    /// Takes connections of a listener from now on, until this is dropped.
    pub(crate) fn new(mut plain: own::Desk, files: Arc<Files>) -> io::Result<Secured> {
        let at = plain.local_addr()?;
        let (finished, done) = mpsc::channel(1);
        let places = Arc::new(Places::default());
        tokio::spawn(async move {
            loop {
                let (tcp, from) = tokio::select! {
                    taken = plain.accept() => taken,
                    () = finished.closed() => return,
                };
                let Some(place) = places.take(from.ip()) else {
                    tracing::debug!("a connection from {from} is let go: too many are open");
                    continue;
                };
                let (finished, files) = (finished.clone(), Arc::clone(&files));
                tokio::spawn(async move {
                    let shown = files.shown.clone();
                    if tokio::task::spawn_blocking(move || files.renew()).await.is_err() {
                        return;
                    }
                    match shown.secure(tcp).await {
                        // Who does not take what is finished has stopped.
                        Ok(tls) => drop(finished.send((Line { tls, _place: place }, from)).await),
                        Err(e) => tracing::debug!("no TLS with {from}: {e}"),
                    }
                });
            }
        });
        Ok(Secured { done, at })
    }
}

impl Listener for Secured {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        match self.done.recv().await {
            Some(taken) => taken,
            None => std::future::pending().await, // nothing comes any more
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.at)
    }
}

impl axum::extract::connect_info::Connected<IncomingStream<'_, Secured>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Secured>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, names: [&str; 2], until: (i32, u8, u8)) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["desk.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        std::fs::write(dir.join(names[0]), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(dir.join(names[1]), key.serialize_pem()).unwrap();
    }

    #[test]
    fn one_address_has_its_share_of_places() {
        let places = Arc::new(Places::default());
        let from = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut taken: Vec<_> = (0..OPEN_OF_ONE_MAX).map(|_| places.take(from(1)).unwrap()).collect();
        assert!(places.take(from(1)).is_none());
        assert!(places.take(from(2)).is_some(), "another address has its own");
        taken.pop();
        assert!(places.take(from(1)).is_some(), "a place is free again");
        let all: Vec<_> = (10..=20).flat_map(|n| (0..OPEN_OF_ONE_MAX).map(move |_| n)).filter_map(|n| places.take(from(n))).collect();
        assert_eq!(all.len() + taken.len(), OPEN_MAX);
        drop((all, taken));
        assert!(places.0.lock().unwrap().is_empty());
    }

    #[test]
    fn the_end_of_a_certificate_is_told_before_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let codes = |until: (i32, u8, u8), at: &str| {
            write(dir.path(), ["c.pem", "c.key"], until);
            let shown = Files::read(&dir.path().join("c.pem"), &dir.path().join("c.key")).unwrap();
            shown.troubles(at.parse::<base::Date>().unwrap().start_utc()).into_iter().map(|(code, ..)| code).collect::<Vec<_>>()
        };
        assert_eq!(codes((2031, 3, 15), "2031-02-28"), [""; 0]);
        assert_eq!(codes((2031, 3, 15), "2031-03-01"), [ENDING], "fourteen days before");
        assert_eq!(codes((2031, 3, 15), "2031-04-01"), [ENDING], "and after it");
        assert_eq!(codes((2055, 3, 15), "2055-02-28"), [""; 0], "a year that UTCTime cannot write");
        assert_eq!(codes((2055, 3, 15), "2055-03-01"), [ENDING]);
    }

    #[test]
    fn files_that_do_not_fit_are_told_and_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (c, k) = (dir.path().join("c.pem"), dir.path().join("c.key"));
        assert!(Files::read(&c, &k).unwrap_err().contains("c.pem"), "files that are not there");
        write(dir.path(), ["c.pem", "c.key"], (2040, 1, 1));
        let shown = Files::read(&c, &k).unwrap();
        let (first, long_ago) = (shown.shown.ends(), Instant::now().checked_sub(LOOK_AGAIN * 2).unwrap());
        let again = || {
            shown.last.lock().unwrap().at = long_ago;
            shown.renew();
            shown.shown.ends() == first
        };
        assert!(again() && shown.troubles(UnixMs(0)).is_empty(), "nothing has changed");
        // A renewal writes one file after the other.
        write(dir.path(), ["c.pem", "new.key"], (2041, 1, 1));
        assert!(again());
        assert_eq!(shown.troubles(UnixMs(0)).into_iter().map(|(code, ..)| code).collect::<Vec<_>>(), [FAULTY]);
        std::fs::copy(dir.path().join("new.key"), &k).unwrap();
        assert!(!again() && shown.troubles(UnixMs(0)).is_empty());
        assert!(Files::read(&c, &c).is_err() && Files::read(&k, &k).is_err(), "a certificate is no key, a key no certificate");
    }
}
