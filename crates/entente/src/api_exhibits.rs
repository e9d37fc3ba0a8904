//! Exhibits over the local API: files stream in and out, chunk by chunk; taking one out is a disclosure and logged as one.

use crate::api::{Answer, DossierReader, Problem, Shared, Who, as_json};
use crate::engine::{Engine, now};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use base::{ExhibitId, Use};
use dossier::OfficerRole;
use node::NodeError;
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::files;

/// The routes, for the API's one list.
pub(crate) fn exhibit_routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(add_exhibit)).routes(routes!(exhibits)).routes(routes!(read_exhibit))
}

#[utoipa::path(post, path = "/v1/exhibits", request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes"), responses((status = 200, description = "The exhibit's address and size; what no act names within 24 hours is erased")))]
async fn add_exhibit(who: Who, State(engine): State<Engine>, body: Body) -> Answer {
    let roles = [OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::CompetentAuthority];
    who.must_be(&roles, "officer, desk, supervisor or competent authority")?;
    let _place = files::room_in()?;
    let shelves = engine.read(|n| n.shelves().ok_or(NodeError::ExhibitNoVault)).await?;
    let taken = files::take_in(shelves, body.into_data_stream()).await?;
    let size = taken.size();
    let id = engine.run(move |n| n.add_exhibit(&who.0, taken, now()).map(|(t, id)| (Some(t), id))).await?;
    Ok(Json(json!({ "id": id, "size": size })))
}

#[derive(Deserialize)]
struct ReasonQuery {
    #[serde(default)]
    reason: String,
}

#[utoipa::path(get, path = "/v1/dossiers/{id}/exhibits", params(("id" = String, Path, description = "Id or its first digits"), ("reason" = String, Query, description = "Why; it is logged")), responses((status = 200, description = "The dossier's exhibits: how far each is here and at every other party")))]
async fn exhibits(DossierReader(officer): DossierReader, State(engine): State<Engine>, Path(id): Path<String>, Query(q): Query<ReasonQuery>) -> Answer {
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
    DossierReader(officer): DossierReader,
    State(engine): State<Engine>,
    Path((id, exhibit)): Path<(String, ExhibitId)>,
    Query(q): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let place = files::room_out()?;
    let wanted = match q.whom.as_str() {
        "" | "party" => None,
        "court" => Some(Use::Court),
        "onward" => Some(Use::Onward),
        _ => return Err(NodeError::Asked("'for' is party, court or onward".to_owned()).into()),
    };
    let open = move |n: &mut node::Node| {
        let id = n.find_dossier(&id)?;
        n.read_exhibit(&officer, (&id, &exhibit), &q.reason, wanted, now()).map(|(t, reading)| (Some(t), reading))
    };
    let reading = engine.run(open).await?;
    let left = reading.size().checked_sub(q.from).ok_or_else(|| NodeError::Asked("'from' is beyond the file's end".to_owned()))?;
    let damaged = move |index| {
        let engine = engine.clone();
        async move {
            let _ = engine.run(move |n| Ok((Some(n.exhibit_damaged(exhibit, index, now())), ()))).await; // the reader has seen the answer break off
        }
    };
    let body = files::read_out(exhibit, reading, q.from, place, damaged);
    let response = Response::builder().header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, left).body(body);
    response.map_err(|e| NodeError::Asked(e.to_string()).into())
}
