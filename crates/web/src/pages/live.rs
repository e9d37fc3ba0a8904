//! Live updates: a line whenever something was stored, by server-sent events (WHATWG HTML, 9.2). It says that there is news, not which.

use crate::access::{Access, Pages};
use crate::desk::Desk;
use crate::session::Seat;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch::Receiver;
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

async fn live(State(desk): State<Desk>, Extension(_): Extension<Seat>, Query(drawn): Query<Drawn>, headers: HeaderMap) -> Response {
    let Some(place) = desk.doors.stream() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let (mut changes, end) = (desk.node.changes(), Instant::now() + STREAM_MAX);
    // A browser that comes back by itself says what it was told last.
    let told = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let now = *changes.borrow_and_update();
    if told.or(drawn.since).is_some_and(|since: u64| since != now) {
        // What came before the stream was open is news to the page.
        changes.mark_changed();
    }
    let heard = move |(mut changes, place)| async move {
        tokio::time::sleep(PAUSE).await;
        match tokio::time::timeout_at(end, Receiver::<u64>::changed(&mut changes)).await {
            Ok(Ok(())) => {
                let count = *changes.borrow_and_update();
                Some((event("news", count), (changes, place)))
            }
            _ => None,
        }
    };
    // The first line says from where on the stream tells, for a page that listens again later.
    let events = futures_util::stream::once(async move { event("at", now) }).chain(futures_util::stream::unfold((changes, place), heard));
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

fn event(name: &str, count: u64) -> Result<Event, Infallible> {
    Ok(Event::default().event(name).id(count.to_string()).data(count.to_string()))
}
