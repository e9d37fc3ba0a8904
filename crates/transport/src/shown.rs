//! TLS for officers' browsers: the certificate that they are shown, and the handshake. Unlike partners' lines, whose keys stand on cards, these are
//! certificates of an authority that browsers know; nobody is asked for one.

use base::UnixMs;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Time for one handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The name of HTTP/1.1 in ALPN (RFC 7301).
const ALPN: &[u8] = b"http/1.1";

/// What browsers are shown; may be changed while connections come.
#[derive(Debug, Clone)]
pub struct Shown {
    certificate: Arc<Certificate>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Certificate(Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Shown {
    /// Takes a certificate, with those above it, and its key, both in PEM (RFC 7468); says what is wrong with them.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Shown, String> {
        let certificate = Arc::new(Certificate(Mutex::new(pair(certificate, key)?)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|e| e.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![ALPN.to_vec()];
        // No connection goes on with what an earlier one agreed on: each is shown the certificate of its time.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Shown { certificate, config: Arc::new(config) })
    }

    /// Shows another certificate from the next connection on; where it is not in order, the one before stays.
    pub fn renew(&self, certificate: &[u8], key: &[u8]) -> Result<(), String> {
        let pair = pair(certificate, key)?;
        *self.certificate.0.lock().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    /// Returns when the certificate ends; none where that cannot be read.
    pub fn ends(&self) -> Option<UnixMs> {
        self.certificate.0.lock().unwrap_or_else(PoisonError::into_inner).cert.first().and_then(|c| ends(c))
    }

    /// Does the server's part of a handshake: TLS 1.3, HTTP/1.1. Fails after ten seconds.
    pub async fn secure(&self, tcp: TcpStream) -> io::Result<Secured> {
        let done = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(Arc::clone(&self.config)).accept(tcp)).await;
        done.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(Secured)
    }
}

/// Reads a certificate with those above it, and the key that fits it.
fn pair(certificate: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).map(|c| c.map(CertificateDer::into_owned)).collect();
    let chain = chain.map_err(|e| format!("the certificate: {e}"))?;
    if chain.is_empty() {
        return Err("the certificate: there is none in PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| format!("the key: {e}"))?;
    CertifiedKey::from_der(chain, key, &default_provider()).map(Arc::new).map_err(|e| format!("certificate and key: {e}"))
}

/// Returns the moment at which a certificate ends: the second time of `validity` (RFC 5280, 4.1); none where it cannot be read.
fn ends(der: &[u8]) -> Option<UnixMs> {
    let certificate = inner(&mut { der })?.1;
    let mut fields = inner(&mut { certificate })?.1;
    // The version is written where it is not the first; serial number, algorithm and issuer stand before the times.
    if fields.first() == Some(&0xa0) {
        inner(&mut fields)?;
    }
    for _ in 0..3 {
        inner(&mut fields)?;
    }
    let mut times = inner(&mut fields)?.1;
    inner(&mut times)?;
    let (kind, time) = inner(&mut times)?;
    let time = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    // UTCTime has years of two digits, up to 2049.
    let (century, time) = match kind {
        0x17 => (if time < "50" { "20" } else { "19" }, time),
        _ => (time.get(..2)?, time.get(2..)?),
    };
    let two = |i: usize| time.get(2 * i..2 * i + 2);
    let day: base::Date = format!("{century}{}-{}-{}", two(0)?, two(1)?, two(2)?).parse().ok()?;
    let part = |i: usize| two(i)?.parse::<i64>().ok();
    Some(day.start_utc().plus_ms(((part(3)? * 60 + part(4)?) * 60 + part(5)?) * 1000))
}

/// Takes the next value of a DER sequence: its tag and what it holds.
fn inner<'a>(from: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], rest) = from.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        ..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some((tag, value))
}

/// A connection with a browser whose handshake is done.
#[derive(Debug)]
pub struct Secured(TlsStream<TcpStream>);

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
