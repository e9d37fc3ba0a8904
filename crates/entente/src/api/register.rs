//! The register's doors: texts in, drafts out; officers confirm, reject, split and join them.

use super::{Answer, DossierReader, Form, Shared, Wait, WaitQuery, Who, as_json, make};
use crate::engine::{Engine, now};
use ::register::{EventDraft, Reader, Silent};
use axum::Json;
use axum::extract::{Path, State};
use base::ServiceId;
use dossier::OfficerRole;
use node::{Draft, DraftState, NewText, Node, NodeError, Officer, PressDesk};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The service's own names for the register, in the node's directory.
pub const NAMES_FILE: &str = "register.toml";
const DECIDERS: [OfficerRole; 3] = [OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor];
const DECIDERS_NAMED: &str = "officer, desk or supervisor";

#[derive(Deserialize, ToSchema)]
pub(super) struct TextForm {
    path: String,
    body: String,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct TextsForm {
    texts: Vec<TextForm>,
}

#[utoipa::path(post, path = "/v1/register", responses((status = 200, description = "Drafts, and texts that gave none")))]
pub(super) async fn register_import(Who(officer): Who, State(shared): State<Shared>, Form(f): Form<TextsForm>) -> Answer {
    let texts: Vec<NewText> = f.texts.into_iter().map(|t| NewText { path: t.path, body: t.body }).collect();
    if texts.len() > ::register::TEXTS_MAX {
        return Err(NodeError::Asked(format!("one run reads texts_max = {} texts; import the rest in another run", ::register::TEXTS_MAX)).into());
    }
    let (drafts, silent) = press(&shared.engine, &shared.dir, &officer, move |n| n.press_desk(texts.clone(), now())).await?;
    Ok(Json(json!({ "drafts": as_json(&drafts), "silent": as_json(&silent) })))
}

/// Lays a desk of texts out, reads it away from the node's thread and files what was read; anew if the register moved meanwhile.
pub(crate) async fn press(
    engine: &Engine,
    dir: &std::path::Path,
    officer: &Officer,
    lay: impl Fn(&Node) -> Result<PressDesk, NodeError> + Clone + Send + 'static,
) -> Result<(Vec<Draft>, Vec<Silent>), NodeError> {
    for last in [false, false, true] {
        let (lay, dir) = (lay.clone(), dir.to_owned());
        let desk = engine.read(move |n| lay(n)).await?;
        let read = tokio::task::spawn_blocking(move || Ok::<_, NodeError>(desk.read(&own_names(&dir)?)));
        let reading = read.await.map_err(|e| NodeError::Corrupt(e.to_string()))??;
        let (silent, officer) = (reading.silent.clone(), officer.clone());
        match engine.run(move |n| n.file_press(&officer, reading, now()).map(|(t, d)| (Some(t), d))).await {
            Err(NodeError::RegisterMoved) if !last => {}
            filed => return Ok((filed?, silent)),
        }
    }
    Err(NodeError::RegisterMoved)
}

/// The names of the service's own file beside ours, if it has one.
fn own_names(dir: &std::path::Path) -> Result<Reader, NodeError> {
    let path = dir.join(NAMES_FILE);
    match std::fs::read_to_string(&path) {
        Ok(toml) => Reader::with_names(&toml).map_err(|fault| NodeError::RegisterNames(format!("{}: {fault}", path.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Reader::shipped()),
        Err(e) => Err(NodeError::RegisterNames(format!("{} cannot be read: {e}", path.display()))),
    }
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SplitForm {
    /// Lists of places, from 1, in the draft's list of texts; each list becomes a draft of its own.
    parts: Vec<Vec<usize>>,
}

#[utoipa::path(post, path = "/v1/register/{id}/split", params(("id" = String, Path)), responses((status = 200, description = "The drafts that it became")))]
pub(super) async fn register_split(who: Who, State(shared): State<Shared>, Path(id): Path<String>, Form(f): Form<SplitForm>) -> Answer {
    who.must_be(&DECIDERS, DECIDERS_NAMED)?;
    // A place of 0 is none: it turns into one that no draft has.
    let parts: Vec<Vec<usize>> = f.parts.iter().map(|part| part.iter().map(|place| place.wrapping_sub(1)).collect()).collect();
    let (drafts, _) = press(&shared.engine, &shared.dir, &who.0, move |n| n.split_desk(&id, &parts)).await?;
    Ok(Json(as_json(&drafts)))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct JoinForm {
    /// Names of the drafts.
    drafts: Vec<String>,
}

#[utoipa::path(post, path = "/v1/register/join", responses((status = 200, description = "The draft that they became")))]
pub(super) async fn register_join(who: Who, State(shared): State<Shared>, Form(f): Form<JoinForm>) -> Answer {
    who.must_be(&DECIDERS, DECIDERS_NAMED)?;
    let (drafts, _) = press(&shared.engine, &shared.dir, &who.0, move |n| n.join_desk(&f.drafts)).await?;
    Ok(Json(as_json(&drafts)))
}

#[utoipa::path(get, path = "/v1/register", responses((status = 200, description = "All drafts")))]
pub(super) async fn register_list(_: DossierReader, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.drafts()).await?)))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct DecisionForm {
    #[schema(value_type = Option<Object>)]
    event: Option<EventDraft>,
}

#[utoipa::path(post, path = "/v1/register/{id}/confirm", params(("id" = String, Path)), responses((status = 200, description = "The draft, confirmed")))]
pub(super) async fn register_confirm(who: Who, engine: State<Engine>, Path(id): Path<String>, Form(f): Form<DecisionForm>) -> Answer {
    decide(who, engine, id, DraftState::Confirmed, f.event).await
}

#[utoipa::path(post, path = "/v1/register/{id}/reject", params(("id" = String, Path)), responses((status = 200, description = "The draft, rejected")))]
pub(super) async fn register_reject(who: Who, engine: State<Engine>, Path(id): Path<String>, Form(f): Form<DecisionForm>) -> Answer {
    decide(who, engine, id, DraftState::Rejected, f.event).await
}

async fn decide(who: Who, State(engine): State<Engine>, id: String, state: DraftState, event: Option<EventDraft>) -> Answer {
    who.must_be(&DECIDERS, DECIDERS_NAMED)?;
    let officer = who.0;
    let draft = engine.run(move |n| n.decide_draft(&officer, &id, state, event, now()).map(|(t, d)| (Some(t), d))).await?;
    Ok(Json(as_json(&draft)))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct VisitForm {
    #[schema(value_type = Vec<String>)]
    guests: Vec<ServiceId>,
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

#[utoipa::path(post, path = "/v1/register/{id}/visit", params(("id" = String, Path)), responses((status = 200, description = "The visit's opening, or the proposal of it")))]
pub(super) async fn register_visit(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>, Form(f): Form<VisitForm>) -> Answer {
    let wait = WaitQuery { wait: Wait::None, timeout_s: None };
    make(&engine, wait, move |n| {
        let intent = n.visit_from(&id, f.guests, f.fields)?;
        n.propose(&officer, intent, now())
    })
    .await
}
