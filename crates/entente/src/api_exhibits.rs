//! Exhibits over the local API: files stream in and out, chunk by chunk; taking one out is a disclosure and logged as one.

use crate::api::{Answer, Problem, Shared, Who, as_json};
use crate::engine::{Engine, now};
use crate::flow::flow;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use base::{CHUNK_BYTES, ExhibitId, Use};
use bytes::Bytes;
use dossier::OfficerRole;
use http_body_util::BodyExt;
use node::{FileIntake, NodeError, Reading};
use serde::Deserialize;
use serde_json::json;
use std::io;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Files that may come in at once.
const UPLOADS_MAX: usize = 4;
/// Files that may go out at once.
const DOWNLOADS_MAX: usize = 8;

static UPLOADS: Semaphore = Semaphore::const_new(UPLOADS_MAX);
static DOWNLOADS: Semaphore = Semaphore::const_new(DOWNLOADS_MAX);

/// The routes, for the API's one list.
pub(crate) fn exhibit_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(add_exhibit)).routes(routes!(exhibits)).routes(routes!(read_exhibit))
}

fn busy() -> Problem {
    NodeError::Store(store::StoreError::Busy).into()
}

async fn joined<T>(work: JoinHandle<Result<T, NodeError>>) -> Result<T, NodeError> {
    work.await.unwrap_or(Err(NodeError::Bug))
}

#[utoipa::path(post, path = "/v1/exhibits", request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes"), responses((status = 200, description = "The exhibit's address and size; what no act names within 24 hours is erased")))]
async fn add_exhibit(who: Who, State(engine): State<Engine>, body: Body) -> Answer {
    let roles = [OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::CompetentAuthority];
    who.must_be(&roles, "officer, desk, supervisor or competent authority")?;
    let _one = UPLOADS.try_acquire().map_err(|_| busy())?;
    let shelves = engine.read(|n| n.shelves().ok_or(NodeError::ExhibitNoVault)).await?;
    let intake = joined(spawn_blocking(move || shelves.take_in())).await?;
    let intake = take_in(intake, body).await?;
    let taken = joined(spawn_blocking(move || intake.finish())).await?;
    let size = taken.size();
    let id = engine.run(move |n| n.add_exhibit(&who.0, taken, now()).map(|(t, id)| (Some(t), id))).await?;
    Ok(Json(json!({ "id": id, "size": size })))
}

/// Writes a body to its shelf: while one chunk is sealed and written, the next comes in.
async fn take_in(intake: FileIntake, mut body: Body) -> Result<FileIntake, Problem> {
    let mut writing: JoinHandle<Result<FileIntake, NodeError>> = tokio::spawn(async move { Ok(intake) });
    let mut part = Vec::with_capacity(CHUNK_BYTES);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| NodeError::Asked(format!("the file broke off ({e}); add it again")))?;
        let Ok(data) = frame.into_data() else { continue };
        part.extend_from_slice(&data);
        if part.len() >= CHUNK_BYTES {
            let mut intake = joined(writing).await?;
            let full = std::mem::replace(&mut part, Vec::with_capacity(CHUNK_BYTES));
            writing = spawn_blocking(move || intake.write(&full).map(|()| intake));
        }
    }
    let mut intake = joined(writing).await?;
    Ok(joined(spawn_blocking(move || intake.write(&part).map(|()| intake))).await?)
}

#[derive(Deserialize)]
struct ReasonQuery {
    #[serde(default)]
    reason: String,
}

#[utoipa::path(get, path = "/v1/dossiers/{id}/exhibits", params(("id" = String, Path, description = "Id or its first digits"), ("reason" = String, Query, description = "Why; it is logged")), responses((status = 200, description = "The dossier's exhibits: how far each is here and at every other party")))]
async fn exhibits(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>, Query(q): Query<ReasonQuery>) -> Answer {
    let look = move |n: &mut node::Node| {
        let id = n.find_dossier(&id)?;
        let (ticket, _) = n.consult(&officer, &id, &q.reason, now())?;
        n.exhibits_of(&id).map(|all| (Some(ticket), as_json(&all)))
    };
    Ok(Json(engine.run(look).await?))
}

#[derive(Deserialize)]
struct ReadQuery {
    #[serde(default)]
    reason: String,
    #[serde(rename = "for", default)]
    whom: String,
    #[serde(default)]
    from: u64,
}

#[utoipa::path(get, path = "/v1/dossiers/{id}/exhibits/{exhibit}", params(("id" = String, Path), ("exhibit" = String, Path), ("reason" = String, Query, description = "Why; it is logged"), ("for" = Option<String>, Query, description = "party, court or onward: handling codes may forbid the latter two"), ("from" = Option<u64>, Query, description = "The first byte, to go on where an earlier answer broke off")), responses((status = 200, content_type = "application/octet-stream", description = "The file's bytes")))]
async fn read_exhibit(
    who: Who,
    State(engine): State<Engine>,
    Path((id, exhibit)): Path<(String, ExhibitId)>,
    Query(q): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let roles = [OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::CompetentAuthority, OfficerRole::DataProtection];
    who.must_be(&roles, "officer, desk, supervisor, competent authority or data-protection officer")?;
    let one = DOWNLOADS.try_acquire().map_err(|_| busy())?;
    let wanted = match q.whom.as_str() {
        "" | "party" => None,
        "court" => Some(Use::Court),
        "onward" => Some(Use::Onward),
        _ => return Err(NodeError::Asked("'for' is party, court or onward".to_owned()).into()),
    };
    let open = move |n: &mut node::Node| {
        let id = n.find_dossier(&id)?;
        n.read_exhibit(&who.0, (&id, &exhibit), &q.reason, wanted, now()).map(|(t, reading)| (Some(t), reading))
    };
    let reading = engine.run(open).await?;
    let left = reading.size().checked_sub(q.from).ok_or_else(|| NodeError::Asked("'from' is beyond the file's end".to_owned()))?;
    let (feed, body) = flow();
    let handle = engine.clone();
    tokio::spawn(async move {
        let _one = one;
        let damaged = spawn_blocking(move || read_out(&reading, q.from, &feed)).await.ok().flatten();
        if let Some(index) = damaged {
            tracing::error!(exhibit = %exhibit.short(), index, "a chunk cannot be read");
            // The reader has seen its answer break off; what is lost is fetched again if anybody holds it.
            let _ = handle.run(move |n| Ok((Some(n.exhibit_damaged(exhibit, index, now())), ()))).await;
        }
    });
    let response = Response::builder().header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, left).body(Body::new(body));
    response.map_err(|e| NodeError::Asked(e.to_string()).into())
}

/// Feeds an exhibit's bytes from a place on; returns the chunk that could not be read.
fn read_out(reading: &Reading, from: u64, feed: &tokio::sync::mpsc::Sender<io::Result<Bytes>>) -> Option<u32> {
    let first = u32::try_from(from / CHUNK_BYTES as u64).ok()?;
    let mut skip = usize::try_from(from % CHUNK_BYTES as u64).ok()?;
    for index in first..base::chunk_count(reading.size()).unwrap_or(0) {
        match reading.chunk(index) {
            Ok(data) => {
                let part = Bytes::from(data).slice(skip..);
                skip = 0;
                if feed.blocking_send(Ok(part)).is_err() {
                    return None; // nobody reads any more
                }
            }
            Err(e) => {
                let _ = feed.blocking_send(Err(io::Error::other(e.to_string()))); // it may have gone away
                return matches!(e, NodeError::ExhibitDamaged { .. }).then_some(index);
            }
        }
    }
    None
}
