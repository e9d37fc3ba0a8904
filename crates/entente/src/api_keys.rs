//! The local API's part on keys: how they stand, the next card, revocations, acts in doubt, suspended partners, successions.

use crate::api::{Answer, Form, Problem, Shared, Who, as_json, unhex};
use crate::engine::{Engine, now};
use crate::home::HomeError;
use crate::keeper::{Keeper, Wanted};
use axum::Json;
use axum::extract::{FromRef, Path, Query, State};
use axum::http::StatusCode;
use base::{ActId, ServiceId};
use dossier::OfficerRole;
use seal::Directory;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

impl FromRef<Shared> for Arc<Keeper> {
    fn from_ref(shared: &Shared) -> Arc<Keeper> {
        shared.keeper.clone()
    }
}

impl From<HomeError> for Problem {
    fn from(e: HomeError) -> Problem {
        let status = if e.code().starts_with("failure.") { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::UNPROCESSABLE_ENTITY };
        match e {
            HomeError::Node(e) => e.into(),
            e => Problem(status, e.code().to_owned(), e.to_string()),
        }
    }
}

/// Returns the routes.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(keys))
        .routes(routes!(request))
        .routes(routes!(install))
        .routes(routes!(rotate))
        .routes(routes!(export))
        .routes(routes!(import_revocation))
        .routes(routes!(doubtful, stand))
        .routes(routes!(suspension))
        .routes(routes!(successions, take_succession))
}

const ADMINISTRATOR: &[OfficerRole] = &[OfficerRole::Administrator];

#[utoipa::path(get, path = "/v1/keys", responses((status = 200, description = "Our cards, what acts, what partners have not been told")))]
async fn keys(_: Who, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.keys_view(now())).await?)))
}

#[utoipa::path(post, path = "/v1/keys/request", responses((status = 200, description = "The request for a root key that is kept elsewhere")))]
async fn request(who: Who, State(keeper): State<Arc<Keeper>>, Form(wanted): Form<Wanted>) -> Answer {
    who.must_be(ADMINISTRATOR, "administrator")?;
    Ok(Json(json!({ "request": base::hex::encode(&keeper.request(&wanted).await?) })))
}

#[derive(Deserialize, ToSchema)]
struct AnswerForm {
    answer: String,
}

#[utoipa::path(post, path = "/v1/keys/install", responses((status = 200, description = "What the root key signed is installed")))]
async fn install(who: Who, State(engine): State<Engine>, State(keeper): State<Arc<Keeper>>, Form(f): Form<AnswerForm>) -> Answer {
    who.must_be(ADMINISTRATOR, "administrator")?;
    keeper.install(&unhex(&f.answer)?).await?;
    Ok(Json(as_json(&engine.read(|n| n.keys_view(now())).await?)))
}

#[utoipa::path(post, path = "/v1/keys/rotate", responses((status = 200, description = "The next card is issued with the root key that is here")))]
async fn rotate(who: Who, State(engine): State<Engine>, State(keeper): State<Arc<Keeper>>, Form(wanted): Form<Wanted>) -> Answer {
    who.must_be(ADMINISTRATOR, "administrator")?;
    keeper.rotate(&wanted).await?;
    Ok(Json(as_json(&engine.read(|n| n.keys_view(now())).await?)))
}

#[utoipa::path(get, path = "/v1/keys/export", responses((status = 200, description = "Our cards and revocations, to be carried to a partner by hand")))]
async fn export(_: Who, State(engine): State<Engine>) -> Answer {
    let read = |n: &mut node::Node| {
        let cards = n.book().cards(&n.me()).ok_or(node::NodeError::Absent("card"))?;
        let signed = cards.iter_bytes().chain(cards.revocation_bytes()).map(|b| b.to_vec().into()).collect();
        Ok(base::cbor::to_vec(&seal::RootAnswer { version: seal::REQUEST_VERSION, signed }))
    };
    Ok(Json(json!({ "answer": base::hex::encode(&engine.read(read).await?) })))
}

#[derive(Deserialize, ToSchema)]
struct RevocationForm {
    revocation: String,
}

#[utoipa::path(post, path = "/v1/revocations", responses((status = 200, description = "A partner's revocation was taken")))]
async fn import_revocation(who: Who, State(engine): State<Engine>, Form(f): Form<RevocationForm>) -> Answer {
    who.must_be(ADMINISTRATOR, "administrator")?;
    let bytes = unhex(&f.revocation)?;
    let service = engine.run(move |n| n.import_revocation(&bytes, now()).map(|(t, s)| (Some(t), s))).await?;
    Ok(Json(json!({ "service": service })))
}

#[derive(Deserialize)]
struct OfQuery {
    service: Option<ServiceId>,
}

#[utoipa::path(get, path = "/v1/doubtful", params(("service" = Option<String>, Query, description = "Whose; ours if nobody is named")), responses((status = 200, description = "Acts in doubt by a revocation")))]
async fn doubtful(_: Who, State(engine): State<Engine>, Query(q): Query<OfQuery>) -> Answer {
    Ok(Json(as_json(&engine.read(move |n| n.doubtful(q.service.unwrap_or_else(|| n.me()))).await?)))
}

#[derive(Deserialize, ToSchema)]
struct StandForm {
    #[schema(value_type = Vec<String>)]
    acts: Vec<ActId>,
    ours: bool,
}

#[utoipa::path(post, path = "/v1/doubtful", responses((status = 200, description = "Acts in our name are confirmed or disowned")))]
async fn stand(who: Who, State(engine): State<Engine>, Form(f): Form<StandForm>) -> Answer {
    who.must_be(&[OfficerRole::Supervisor, OfficerRole::CompetentAuthority], "supervisor or competent authority")?;
    let by = who.0.id.to_string();
    let acts = engine.run(move |n| n.stand_by(&by, &f.acts, f.ours, now()).map(|(t, a)| (Some(t), a))).await?;
    Ok(Json(json!({ "acts": acts, "ours": f.ours })))
}

#[derive(Deserialize, ToSchema)]
struct SuspensionForm {
    suspend: bool,
    #[serde(default)]
    reason: String,
}

#[utoipa::path(post, path = "/v1/partners/{id}/suspension", params(("id" = String, Path)), responses((status = 200, description = "Done, or proposed to a second officer")))]
async fn suspension(who: Who, State(engine): State<Engine>, Path(id): Path<ServiceId>, Form(f): Form<SuspensionForm>) -> Answer {
    who.must_be(&[OfficerRole::Supervisor, OfficerRole::CompetentAuthority, OfficerRole::Administrator], "supervisor, competent authority or administrator")?;
    let officer = who.0;
    let done = engine.run(move |n| n.suspend(&officer, id, &f.reason, f.suspend, now()).map(|(t, done)| (Some(t), done))).await?;
    Ok(Json(json!({ "service": id, "suspended": f.suspend, "done": done })))
}

#[utoipa::path(get, path = "/v1/successions", responses((status = 200, description = "Services with a successor, and what is still open with them")))]
async fn successions(_: Who, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.successions()).await?)))
}

#[derive(Deserialize, ToSchema)]
struct SuccessionForm {
    card: String,
    succession: String,
    countersigned: Option<String>,
    fingerprint: String,
}

#[utoipa::path(post, path = "/v1/successions", responses((status = 200, description = "The succession was taken")))]
async fn take_succession(who: Who, State(engine): State<Engine>, Form(f): Form<SuccessionForm>) -> Answer {
    who.must_be(ADMINISTRATOR, "administrator")?;
    let (card, succession) = (unhex(&f.card)?, unhex(&f.succession)?);
    let counter = f.countersigned.as_deref().map(unhex).transpose()?;
    let officer = who.0;
    let take = move |n: &mut node::Node| n.take_succession(&officer, &card, &succession, counter.as_deref(), &f.fingerprint, now()).map(|(t, s)| (Some(t), s));
    Ok(Json(as_json(&engine.run(take).await?)))
}
