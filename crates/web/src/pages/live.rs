//! Live updates: a line whenever something was stored, by server-sent events (WHATWG HTML, 9.2). It says that there is news, not which.

use crate::access::{Access, Pages};
use crate::desk::Desk;
use crate::session::Seat;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

/// Time after which a stream ends; the browser comes back, and with it the session is looked at again.
const STREAM_MAX: Duration = Duration::from_secs(300);
/// Shortest time between two lines.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/live", Access::SignedIn, live)
}

#[derive(Deserialize)]
struct Drawn {
    /// How often something had been stored when the page was drawn.
    since: Option<u64>,
}

async fn live(State(desk): State<Desk>, Extension(_): Extension<Seat>, Query(drawn): Query<Drawn>) -> Response {
    let Some(place) = desk.doors.stream() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let (mut changes, end) = (desk.node.changes(), Instant::now() + STREAM_MAX);
    match drawn.since {
        // What came before the stream was open is news to the page.
        Some(since) if since != *changes.borrow() => changes.mark_changed(),
        _ => changes.mark_unchanged(),
    }
    let next = move |(mut changes, place)| async move {
        tokio::time::sleep(PAUSE).await;
        match tokio::time::timeout_at(end, tokio::sync::watch::Receiver::<u64>::changed(&mut changes)).await {
            Ok(Ok(())) => Some((Ok::<Event, Infallible>(Event::default().data("news")), (changes, place))),
            _ => None,
        }
    };
    Sse::new(futures_util::stream::unfold((changes, place), next)).keep_alive(KeepAlive::default()).into_response()
}
