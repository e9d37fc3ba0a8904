//! The one route: takes a parcel, hands it to the inbox, answers with the receipt.
//!
//! 1 path, method, type, no coding; 2 announced size; 3 the partner's share of the room; 4 the bytes, counted and timed; 5 the inbox,
//! timed; 6 receipt or problem document. A delivery that has begun runs to its end, even if the partner hangs up.

use crate::BoxFuture;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::share::{Share, Ticket};
use base::ServiceId;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The path of the one route; HTTP/2, POST.
pub const PARCELS_PATH: &str = "/entente/v1/parcels";
/// The media type of a parcel.
pub const PARCEL_TYPE: &str = "application/entente-parcel+cbor";
/// The media type of a receipt.
pub const RECEIPT_TYPE: &str = "application/entente-receipt+cbor";

/// Why an inbox does not take a parcel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No room or no time now; the partner comes back after these seconds.
    #[error("busy for {retry_after_s} s; the partner sends the parcel again")]
    Busy {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The rules say no to these bytes; sending them again does not help.
    #[error("refused ({code}): {text}")]
    Refused {
        /// The stable code that the partner sees.
        code: &'static str,
        /// The text that the partner sees.
        text: String,
    },
    /// Our own disk or clock failed; the partner sends again later.
    #[error("failed ({code}); the partner sends the parcel again, our operator looks at the log")]
    Failed {
        /// The stable code that the partner sees.
        code: &'static str,
    },
}

impl Rejection {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Busy { .. } => "refusal.transport.busy",
            Rejection::Refused { code, .. } | Rejection::Failed { code } => code,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Problem {
        match rejection {
            Rejection::Busy { retry_after_s } => Problem::Busy { retry_after_s },
            Rejection::Refused { code, text } => Problem::Refused { code, text },
            Rejection::Failed { code } => Problem::Failed { code },
        }
    }
}

/// Where parcels go in.
pub trait Inbox: Send + Sync {
    /// Takes one parcel and returns the bytes of its signed receipt.
    ///
    /// The same parcel can come again (a receipt may be lost on the way), at the same moment too: it then earns a receipt
    /// again. Once called, the future is run to its end unless the program ends.
    fn deliver(&self, from: ServiceId, parcel: Bytes) -> BoxFuture<'_, Result<Bytes, Rejection>>;
}

/// What all requests of a server share.
pub(crate) struct Counter {
    pub(crate) inbox: Arc<dyn Inbox>,
    pub(crate) limits: Limits,
    receiving: Arc<Share<ServiceId>>,
    bytes: Arc<Share<ServiceId>>,
    processing: Arc<Share<ServiceId>>,
    /// Held by every delivery under way, so that a shutdown can wait for them.
    alive: mpsc::Sender<()>,
}

impl Counter {
    /// Opens the counter; `alive` is held by each delivery until it ends.
    pub(crate) fn new(inbox: Arc<dyn Inbox>, limits: Limits, alive: mpsc::Sender<()>) -> Counter {
        let (receiving, bytes, processing) = (limits.receiving_max, limits.receiving_bytes_max, limits.processing_max);
        Counter {
            inbox,
            limits,
            receiving: Share::new(receiving, usize::MAX),
            bytes: Share::new(bytes, usize::MAX),
            processing: Share::new(processing, usize::MAX),
            alive,
        }
    }

    /// Answers one request of a partner.
    pub(crate) async fn answer(&self, from: ServiceId, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.take(from, request).await {
            Ok(receipt) => {
                let mut response = Response::new(Full::new(receipt));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(RECEIPT_TYPE));
                response
            }
            Err(problem) => {
                tracing::debug!(service = %from.short(), code = problem.code(), "parcel not taken");
                problem.response()
            }
        }
    }

    fn busy(&self) -> Problem {
        Problem::Busy { retry_after_s: self.limits.busy_retry_after_s }
    }

    async fn take(&self, from: ServiceId, request: Request<Incoming>) -> Result<Bytes, Problem> {
        let announced = check_head(&request, self.limits.parcel_bytes_max)?;
        // Refusing before the bytes have come is cheaper for both ends.
        if !self.processing.has_room(from, 1) {
            return Err(self.busy());
        }
        let place = self.receiving.take(from, 1).ok_or_else(|| self.busy())?;
        let mut room = self.bytes.take(from, announced).ok_or_else(|| self.busy())?;
        let parcel = timeout(self.limits.body_timeout, self.receive(request.into_body(), announced, &mut room)).await.map_err(|_| Problem::Slow)??;
        let in_hand = self.processing.take(from, 1).ok_or_else(|| self.busy())?;
        drop(place);
        self.deliver(from, parcel, (room, in_hand)).await
    }

    /// Collects the bytes; each stands in the ledger of room before it is kept.
    async fn receive(&self, mut body: Incoming, announced: usize, room: &mut Ticket<ServiceId>) -> Result<Bytes, Problem> {
        let max = self.limits.parcel_bytes_max;
        let mut parcel = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Problem::Broken)?.into_data() else { continue }; // trailers say nothing to us
            let length = parcel.len() + data.len();
            if length > max {
                return Err(Problem::Size { max });
            }
            if length > announced && !room.grow(length - announced.max(parcel.len())) {
                return Err(self.busy());
            }
            if parcel.is_empty() && body.is_end_stream() {
                return Ok(data); // came in one frame: no copy
            }
            if parcel.capacity() == 0 {
                parcel.reserve(announced.min(max));
            }
            // Copied, because a slice of one byte would keep the connection's whole read buffer alive.
            parcel.extend_from_slice(&data);
        }
        // A stream that is reset without an error ends like one that is complete (RFC 9113 section 8.1); only the flag tells.
        if body.is_end_stream() { Ok(parcel.freeze()) } else { Err(Problem::Broken) }
    }

    async fn deliver(&self, from: ServiceId, parcel: Bytes, tickets: (Ticket<ServiceId>, Ticket<ServiceId>)) -> Result<Bytes, Problem> {
        let (inbox, alive) = (self.inbox.clone(), self.alive.clone());
        let delivery = tokio::spawn(async move {
            let answer = inbox.deliver(from, parcel).await;
            drop((tickets, alive));
            answer
        });
        match timeout(self.limits.delivery_timeout, delivery).await {
            Ok(Ok(answer)) => answer.map_err(Problem::from),
            Ok(Err(_)) => {
                tracing::error!(service = %from.short(), "the inbox broke off a delivery");
                Err(Problem::Failed { code: "failure.transport.delivery" })
            }
            Err(_) => Err(self.busy()),
        }
    }
}

/// Checks path, method, type and announced length; returns that length, 0 if there is none.
fn check_head(request: &Request<Incoming>, max: usize) -> Result<usize, Problem> {
    if request.uri().path() != PARCELS_PATH {
        return Err(Problem::Path);
    }
    if request.method() != Method::POST {
        return Err(Problem::Method);
    }
    if !is_type(request.headers(), PARCEL_TYPE) {
        return Err(Problem::Type);
    }
    if request.headers().get_all(CONTENT_ENCODING).iter().any(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::Encoding);
    }
    match request.headers().get(CONTENT_LENGTH) {
        None => Ok(0),
        Some(length) => {
            let length: u64 = length.to_str().ok().and_then(|s| s.parse().ok()).ok_or(Problem::Broken)?;
            usize::try_from(length).ok().filter(|l| *l <= max).ok_or(Problem::Size { max })
        }
    }
}

/// Tells whether the content type is this one, whatever its parameters (RFC 9110 section 8.3.1).
pub(crate) fn is_type(headers: &HeaderMap, media_type: &str) -> bool {
    let found = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}
