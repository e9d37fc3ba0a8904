//! Carries one parcel to one partner and brings its receipt back.
//!
//! 1 the partner's desk: one pooled HTTP/2 line, its room bounded; 2 no line: the endpoints in the card's order, each
//! with TCP, TLS, pin; 3 the request; 4 the answer, its size limited, sorted by who must act. A line that turns out to be
//! dead is opened anew once: a parcel may arrive twice, and its number makes that harmless.

use crate::identity::{Identities, Identity, IdentityError};
use crate::limits::Limits;
use crate::problem;
use crate::route::{PARCEL_TYPE, PARCELS_PATH, RECEIPT_TYPE, is_type};
use crate::send_error::SendError;
use crate::tls::{self, LineReport};
use crate::wire::{Heard, Wire, alert_in};
use base::{Digest, ServiceId};
use bytes::Bytes;
use h2::Reason;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::AlertDescription;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The URI that requests carry: the name is nobody's (RFC 6761 section 6.4), because the pin says who is meant.
const AUTHORITY: &str = "entente.invalid";

/// Where a partner is and by which key it is known; from its card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The partner.
    pub service: ServiceId,
    /// `host:port`, tried in this order.
    pub endpoints: Vec<String>,
    /// The pins of TLS keys that it may show, the newest first, see [`crate::pin_of`].
    pub pins: Vec<Digest>,
    /// The pin of the identity that we show it; `None` for the one that acts.
    pub shows: Option<Digest>,
}

/// The sending end; one for a node, shared by all its tasks.
pub struct Courier {
    identities: Identities,
    limits: Limits,
    desks: Mutex<HashMap<ServiceId, Arc<Desk>>>,
}

/// What is kept for one partner: at most one line.
struct Desk {
    room: Semaphore,
    line: tokio::sync::Mutex<Option<Line>>,
}

/// An open line; clones share it.
#[derive(Clone)]
struct Line {
    pin: Digest,
    /// What we showed.
    own: Digest,
    report: LineReport,
    requests: SendRequest<Full<Bytes>>,
    heard: Heard,
    task: AbortHandle,
}

/// How a request can fail: with an answer that says so, or with its line.
enum Fault {
    Answered(SendError),
    Line(SendError),
}

impl Courier {
    /// Makes a courier that shows this identity.
    pub fn new(identity: &Identity, limits: Limits) -> Result<Courier, IdentityError> {
        Ok(Courier { identities: Identities::new(identity)?, limits, desks: Mutex::default() })
    }

    /// Returns the handle by which the courier is given another identity while it runs.
    pub fn identities(&self) -> Identities {
        self.identities.clone()
    }

    /// Sends one parcel and returns the bytes of its receipt, unverified: whose receipt it is, is for `seal` to say.
    pub async fn send(&self, to: &Address, parcel: Bytes) -> Result<Bytes, SendError> {
        timeout(self.limits.answer_timeout, self.carry(to, parcel)).await.unwrap_or(Err(SendError::Timeout("no receipt")))
    }

    /// Closes the line to a partner that is none any more; what is under way on it ends with an error.
    pub async fn forget(&self, service: ServiceId) {
        let desk = self.desks.lock().unwrap_or_else(PoisonError::into_inner).remove(&service);
        if let Some(desk) = desk
            && let Some(line) = desk.line.lock().await.take()
        {
            line.task.abort();
        }
    }

    /// Cuts the open line to a partner if the key at its other end is not one of these any more.
    pub async fn cut_unless(&self, service: ServiceId, pins: &[Digest]) {
        let desk = self.desks.lock().unwrap_or_else(PoisonError::into_inner).get(&service).cloned();
        let Some(desk) = desk else { return };
        // Whoever is opening a line holds the lock, and asks for the pins that it was told; the next look finds it.
        let Ok(mut kept) = desk.line.try_lock() else { return };
        if kept.as_ref().is_some_and(|line| !pins.contains(&line.pin))
            && let Some(line) = kept.take()
        {
            tracing::warn!(service = %service.short(), "key withdrawn: line cut");
            line.task.abort();
        }
    }

    /// Returns the open line to a partner, if there is one.
    pub async fn line(&self, service: ServiceId) -> Option<LineReport> {
        let desk = self.desks.lock().unwrap_or_else(PoisonError::into_inner).get(&service).cloned()?;
        let line = desk.line.lock().await;
        line.as_ref().filter(|l| !l.requests.is_closed()).map(|l| l.report.clone())
    }

    fn desk(&self, service: ServiceId) -> Arc<Desk> {
        let room = self.limits.streams_per_connection_max as usize;
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        desks.entry(service).or_insert_with(|| Arc::new(Desk { room: Semaphore::new(room), line: Default::default() })).clone()
    }

    async fn carry(&self, to: &Address, parcel: Bytes) -> Result<Bytes, SendError> {
        let desk = self.desk(to.service);
        let _place = desk.room.acquire().await.map_err(|_| SendError::Stopped)?;
        let mut again = true;
        loop {
            let (line, pooled) = self.line_to(&desk, to).await?;
            match self.post(&line, parcel.clone()).await {
                Ok(receipt) => return Ok(receipt),
                Err(Fault::Answered(error)) => return Err(error),
                Err(Fault::Line(error)) => {
                    desk.give_up(&line).await;
                    if !pooled || !again {
                        return Err(error);
                    }
                    again = false;
                }
            }
        }
    }

    /// Returns the pooled line, or opens one; others who want it wait for the same one.
    async fn line_to(&self, desk: &Desk, to: &Address) -> Result<(Line, bool), SendError> {
        let mut kept = desk.line.lock().await;
        if let Some(line) = kept.as_ref() {
            if !to.pins.contains(&line.pin) {
                line.task.abort(); // the key is withdrawn: it must not carry anything more
            } else if !line.requests.is_closed() && line.own == self.identities.with(to.shows).0 {
                return Ok((line.clone(), true));
            }
            // A line on which we showed another identity of ours ends by itself, once nothing is under way on it.
        }
        *kept = None;
        let line = self.open(to).await?;
        *kept = Some(line.clone());
        Ok((line, false))
    }

    async fn open(&self, to: &Address) -> Result<Line, SendError> {
        let mut gravest = SendError::Unreachable("the card names no endpoint".into());
        for (i, endpoint) in to.endpoints.iter().enumerate() {
            let opened = timeout(self.limits.connect_timeout, self.open_at(to, endpoint)).await;
            match opened.unwrap_or(Err(SendError::Timeout("no connection"))) {
                Ok(line) => return Ok(line),
                Err(error) => {
                    tracing::debug!(service = %to.service.short(), endpoint, code = error.code(), %error, "no line");
                    if i == 0 || error.gravity() > gravest.gravity() {
                        gravest = error;
                    }
                }
            }
        }
        Err(gravest)
    }

    async fn open_at(&self, to: &Address, endpoint: &str) -> Result<Line, SendError> {
        let unreachable = |e: io::Error| match is_exhausted(&e) {
            true => SendError::Descriptors(e.to_string()),
            false => SendError::Unreachable(format!("{endpoint}: {e}")),
        };
        let tcp = TcpStream::connect(endpoint).await.map_err(unreachable)?;
        let _ = tcp.set_nodelay(true); // without it the line is slower, not wrong
        let (own, key) = self.identities.with(to.shows);
        let (config, shown) = tls::client_config(key, to.pins.clone()).map_err(|e| SendError::Tls(e.to_string()))?;
        let name = ServerName::try_from(AUTHORITY).map_err(|e| SendError::Tls(e.to_string()))?;
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|e| handshake_error(e, endpoint, &to.pins, &shown))?;
        let (group, pin) = tls::check_line(tls.get_ref().1).map_err(|e| SendError::Tls(e.to_string()))?;
        if !to.pins.contains(&pin) {
            return Err(SendError::Pin { expected: newest(&to.pins), shown: pin });
        }
        let heard = Heard::default();
        let wire = TokioIo::new(Wire { stream: tls, heard: heard.clone() });
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(self.limits.header_bytes_max)
            .keep_alive_interval(self.limits.ping_interval)
            .keep_alive_timeout(self.limits.ping_timeout)
            .handshake(wire)
            .await
            .map_err(|e| line_error(&e, &heard))?;
        let service = to.service;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(service = %service.short(), %error, "line ended");
            }
        });
        let report = LineReport { service, endpoint: endpoint.to_owned(), group };
        Ok(Line { pin, own, report, requests, heard, task: task.abort_handle() })
    }

    async fn post(&self, line: &Line, parcel: Bytes) -> Result<Bytes, Fault> {
        let request = Request::post(format!("https://{AUTHORITY}{PARCELS_PATH}"))
            .header(CONTENT_TYPE, PARCEL_TYPE)
            .header(ACCEPT, RECEIPT_TYPE)
            .body(Full::new(parcel))
            .map_err(|e| Fault::Answered(SendError::Protocol(e.to_string())))?;
        let response = line.requests.clone().send_request(request).await.map_err(|e| line.fault(&e))?;
        self.receipt(response, line).await
    }

    async fn receipt(&self, response: Response<Incoming>, line: &Line) -> Result<Bytes, Fault> {
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
        let protocol = |what: &str| Err(Fault::Answered(SendError::Protocol(what.into())));
        match status {
            StatusCode::OK if !is_type(response.headers(), RECEIPT_TYPE) => return protocol("its receipt has another content type"),
            StatusCode::OK => {}
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => return Err(Fault::Answered(SendError::Busy { retry_after_s: seconds })),
            StatusCode::REQUEST_TIMEOUT => return Err(Fault::Answered(SendError::Timeout("the parcel was too slow on the way"))),
            s if s.is_client_error() || s.is_server_error() => {}
            s => return protocol(&format!("it answered with status {}", s.as_u16())),
        }
        let max = if status == StatusCode::OK { self.limits.receipt_bytes_max } else { problem::PROBLEM_BYTES_MAX };
        let mut incoming = response.into_body();
        let body = match Limited::new(&mut incoming, max).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => match error.downcast::<hyper::Error>() {
                Ok(error) => return Err(line.fault(&error)),
                Err(_) => return protocol("its answer is longer than allowed"),
            },
        };
        if !incoming.is_end_stream() {
            return protocol("its answer broke off"); // a reset without an error would pass for an end
        }
        if status == StatusCode::OK {
            return Ok(body);
        }
        let (code, text) = problem::read(status, &body);
        Err(Fault::Answered(if status.is_client_error() { SendError::Refused { code, text } } else { SendError::Partner(code) }))
    }
}

impl Desk {
    /// Takes a line out of use; what else is under way on it ends by itself.
    async fn give_up(&self, line: &Line) {
        let mut kept = self.line.lock().await;
        if kept.as_ref().is_some_and(|k| k.task.id() == line.task.id()) {
            *kept = None;
        }
    }
}

impl Line {
    fn fault(&self, error: &hyper::Error) -> Fault {
        match stream_error(error) {
            Some(answered) => Fault::Answered(answered),
            None => Fault::Line(line_error(error, &self.heard)),
        }
    }
}

/// Tells a request that alone was broken off, on a line that lives (RFC 9113 section 5.4.2); `None` for all else.
fn stream_error(error: &hyper::Error) -> Option<SendError> {
    let cause = http2_cause(error).filter(|e| e.is_reset())?;
    let reason = cause.reason()?;
    Some(match reason {
        Reason::REFUSED_STREAM | Reason::ENHANCE_YOUR_CALM if cause.is_remote() => SendError::Busy { retry_after_s: None },
        Reason::INTERNAL_ERROR | Reason::CANCEL if cause.is_remote() => SendError::Partner(format!("http2.{}", u32::from(reason))),
        _ => SendError::Protocol(format!("the request was broken off: {}", reason.description())),
    })
}

fn line_error(error: &hyper::Error, heard: &Heard) -> SendError {
    if let Some(alert) = heard.get() {
        return alert_error(*alert);
    }
    match http2_cause(error).and_then(|e| Some((e, e.reason()?))) {
        Some((_, Reason::ENHANCE_YOUR_CALM)) => SendError::Busy { retry_after_s: None },
        // Found by our own HTTP/2: what came is none.
        Some((cause, reason)) if cause.is_library() && reason != Reason::NO_ERROR => SendError::Protocol(causes(error)),
        _ if error.is_timeout() => SendError::Timeout("no answer to a ping"),
        _ => SendError::Unreachable(causes(error)),
    }
}

fn http2_cause(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Tells what a TLS alert from the partner means (RFC 8446 section 6.2).
fn alert_error(alert: AlertDescription) -> SendError {
    use AlertDescription::{AccessDenied, BadCertificate, CertificateRevoked, CertificateUnknown, UnknownCA};
    match alert {
        AccessDenied | BadCertificate | CertificateRevoked | CertificateUnknown | UnknownCA => SendError::Stranger,
        other => SendError::Tls(format!("the partner ended the handshake with the alert {other:?}")),
    }
}

/// Returns the pin to name where none fits.
fn newest(pins: &[Digest]) -> Digest {
    pins.first().copied().unwrap_or_default()
}

fn handshake_error(error: io::Error, endpoint: &str, expected: &[Digest], shown: &OnceLock<Digest>) -> SendError {
    if let Some(shown) = shown.get().filter(|s| !expected.contains(s)) {
        return SendError::Pin { expected: newest(expected), shown: *shown };
    }
    if let Some(alert) = alert_in(&error) {
        return alert_error(alert);
    }
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(e @ (rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } | rustls::Error::PeerMisbehaved(_))) => {
            SendError::Protocol(format!("{endpoint}: {e}"))
        }
        Some(e) => SendError::Tls(format!("{endpoint}: {e}")),
        None => SendError::Unreachable(format!("{endpoint}: {error}")),
    }
}

/// Tells whether this machine had no descriptor left: ENFILE or EMFILE (accept(2), socket(2)), by their numbers on every Unix.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Joins an error and its causes, since HTTP errors say little by themselves.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    problem::shown(&text)
}
