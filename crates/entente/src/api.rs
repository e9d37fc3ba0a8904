//! The local API: officers' programs in, JSON out. Routes and their OpenAPI description are one list.
//!
//! Every route but the description itself knows its officer by token. What an officer may not see answers like what is not there.

pub mod register;

use crate::carry::{__path_carry_done, __path_carry_export, __path_carry_import, __path_carry_status};
use crate::carry::{carry_done, carry_export, carry_import, carry_status};
use crate::engine::{Engine, now};
use crate::keeper::Keeper;
use crate::own::Descriptors;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::{ItemId, OfficerId, ServiceId, Use, hex};
use dossier::{Mechanism, OfficerRole};
use node::{Intent, LogFilter, Made, Node, NodeError, Officer};
use seal::{Directory, Fingerprint};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use transport::HealthBook;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Longest time that a caller may wait for receipts, seconds.
const WAIT_S_MAX: u64 = 300;

/// What handlers share.
#[derive(Clone)]
pub struct Shared {
    /// The node's thread.
    pub engine: Engine,
    /// How partners answer.
    pub health: HealthBook,
    /// Our keys.
    pub keeper: Arc<Keeper>,
    /// Days that a carried parcel may be old.
    pub carry_days_max: u32,
    /// Where browsers find the desk, where it is served.
    pub desk: Option<String>,
    /// The node's directory, for what lies beside the store: backups, the register's own names.
    pub dir: PathBuf,
}

impl FromRef<Shared> for Engine {
    fn from_ref(shared: &Shared) -> Engine {
        shared.engine.clone()
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Entente, a node's local API",
    description = "For officers' programs on the node's own machine. Every route wants 'Authorization: Bearer <officer token>'."
))]
struct Description;

/// Makes the router.
pub fn router(shared: Shared) -> axum::Router {
    let (routes, description) = described().split_for_parts();
    routes.route("/openapi.json", get(move || async move { Json(description) })).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)).with_state(shared)
}

fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(status))
        .routes(routes!(me))
        .routes(routes!(card))
        .routes(routes!(partners, import_card))
        .routes(routes!(officers, add_officer))
        .routes(routes!(lock_officer))
        .routes(routes!(invite_officer))
        .routes(routes!(mechanisms, add_mechanism))
        .routes(routes!(mechanism))
        .routes(routes!(dossiers))
        .routes(routes!(dossier))
        .routes(routes!(dossier_proof))
        .routes(routes!(communique_proof))
        .routes(routes!(intent))
        .routes(routes!(seal))
        .routes(routes!(pending))
        .routes(routes!(dismiss))
        .routes(routes!(approve))
        .routes(routes!(due))
        .routes(routes!(statistics))
        .routes(routes!(register::register_list, register::register_import))
        .routes(routes!(register::register_confirm))
        .routes(routes!(register::register_reject))
        .routes(routes!(register::register_split))
        .routes(routes!(register::register_join))
        .routes(routes!(register::register_visit))
        .routes(routes!(checkpoint))
        .routes(routes!(fence))
        .routes(routes!(fence_lift))
        .routes(routes!(fence_approve))
        .routes(routes!(log))
        .routes(routes!(carry_status))
        .routes(routes!(carry_export))
        .routes(routes!(carry_done))
        .routes(routes!(carry_import))
        .routes(routes!(process))
        .merge(crate::api_exhibits::exhibit_routes())
        .merge(crate::api_keys::routes())
        .merge(crate::api_hits::routes())
}

/// Writes the description as JSON.
pub fn openapi_json() -> String {
    described().into_openapi().to_pretty_json().expect("the description has a JSON form")
}

/// What a handler answers when it does not do what it was asked.
pub(crate) struct Problem(pub(crate) StatusCode, pub(crate) String, pub(crate) String);

impl From<NodeError> for Problem {
    fn from(e: NodeError) -> Problem {
        let status = match e.code() {
            "refusal.officer.token" => StatusCode::UNAUTHORIZED,
            "refusal.officer.role" | "refusal.act.officer-role" | "refusal.pending.same-eyes" => StatusCode::FORBIDDEN,
            "refusal.node.absent" => StatusCode::NOT_FOUND,
            "refusal.pending.gone" => StatusCode::CONFLICT,
            "refusal.store.busy" | "refusal.exhibit.busy" => StatusCode::SERVICE_UNAVAILABLE,
            code if code.starts_with("failure.") => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem(status, e.code().to_owned(), e.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "code": self.1, "what": self.2 }))).into_response()
    }
}

pub(crate) type Answer = Result<Json<Value>, Problem>;

pub(crate) fn as_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("what the node shows has a JSON form")
}

/// The officer who asks, known by token.
pub(crate) struct Who(pub(crate) Officer);

impl FromRequestParts<Shared> for Who {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Who, Problem> {
        let token =
            parts.headers.get("authorization").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer ")).unwrap_or_default().trim().to_owned();
        Ok(Who(shared.engine.read(move |n| n.officer_by_token(&token)).await?))
    }
}

/// The officer who asks, and who may read dossiers; who may not learns not even whether one is there.
pub(crate) struct DossierReader(pub(crate) Officer);

impl FromRequestParts<Shared> for DossierReader {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<DossierReader, Problem> {
        let Who(officer) = Who::from_request_parts(parts, shared).await?;
        officer.must_read()?;
        Ok(DossierReader(officer))
    }
}

impl Who {
    pub(crate) fn must_be(&self, roles: &[OfficerRole], name: &'static str) -> Result<(), Problem> {
        match self.0.roles.iter().any(|r| roles.contains(r)) {
            true => Ok(()),
            false => Err(NodeError::Role(name).into()),
        }
    }
}

/// JSON whose faults are told in our own form.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: serde::de::DeserializeOwned> FromRequest<Shared> for Form<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, shared: &Shared) -> Result<Form<T>, Problem> {
        let json = Json::<T>::from_request(request, shared).await;
        json.map(|Json(v)| Form(v)).map_err(|e: JsonRejection| {
            Problem(e.status(), "refusal.api.form".to_owned(), format!("the request is not of the form that belongs here: {}", e.body_text()))
        })
    }
}

#[utoipa::path(get, path = "/v1/status", responses((status = 200, description = "How the node stands")))]
async fn status(_: Who, State(shared): State<Shared>) -> Answer {
    let mut v = as_json(&shared.engine.read(|n| n.status()).await?);
    v["troubles"] = troubles_now(&shared.engine).await?;
    v["backup"] = as_json(&crate::backup::last(&shared.dir));
    Ok(Json(v))
}

/// Finds out what is wrong with our own node now.
pub(crate) async fn troubles_now(engine: &Engine) -> Result<Value, NodeError> {
    let (clock, doubt) = engine.read(|n| Ok((n.clock(now()), n.trust_clock(now()).err().map(|e| (e.code(), e.to_string()))))).await?;
    Ok(troubles(engine, &clock, doubt))
}

/// Lists what is wrong with our own node now: stable code, what happened and what to do, since when where that is known.
fn troubles(engine: &Engine, clock: &node::ClockReport, doubt: Option<(&'static str, String)>) -> Value {
    let mut out: Vec<Value> = Vec::new();
    if let Some(c) = engine.condition() {
        out.push(json!({ "code": c.code, "what": c.what, "since": c.since, "times": c.times }));
    }
    if let Some((code, what)) = &doubt {
        out.push(json!({ "code": code, "what": what }));
    }
    for (partner, minutes) in clock.ahead_of.iter().filter(|_| doubt.is_none()) {
        let by = minutes.map_or("an hour or more away from".to_owned(), |m| format!("{} minutes {}", m.abs(), if m < 0 { "behind" } else { "ahead of" }));
        let what = format!("our clock is {by} that of {partner}; compare both with a third clock: whoever is wrong sets theirs by NTP");
        out.push(json!({ "code": "failure.clock.differs", "what": what }));
    }
    if clock.behind_ledger_minutes > node::ACT_AHEAD_MINUTES_MAX {
        let what = format!(
            "the newest entry of our ledger is dated {} minutes ahead of our clock: the clock is behind now, or was ahead when that was written; set it by NTP",
            clock.behind_ledger_minutes
        );
        out.push(json!({ "code": "failure.clock.behind-ledger", "what": what }));
    }
    let files = Descriptors::now();
    if files.run_out() {
        let taken = files.taken.map_or("all".to_owned(), |t| t.to_string());
        let what = format!(
            "{taken} of the {} files that this process may open are open; raise the limit (ulimit -n, LimitNOFILE), or find out who holds them",
            files.max
        );
        out.push(json!({ "code": "failure.system.descriptors", "what": what }));
    }
    out.into()
}

#[utoipa::path(get, path = "/v1/fence", responses((status = 200, description = "What a restoration holds back: who is awaited, what came back; null where nothing was ever put back")))]
async fn fence(_: Who, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.fence()).await?)))
}

#[derive(Deserialize, ToSchema)]
struct ReasonForm {
    reason: String,
}

#[utoipa::path(post, path = "/v1/fence/{service}/lift", params(("service" = String, Path)), responses((status = 200, description = "Proposed; a second officer decides")))]
async fn fence_lift(Who(officer): Who, State(engine): State<Engine>, Path(service): Path<ServiceId>, Form(f): Form<ReasonForm>) -> Answer {
    engine.run(move |n| n.propose_lift(&officer, service, &f.reason, now()).map(|t| (Some(t), ()))).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(post, path = "/v1/fence/{service}/approve", params(("service" = String, Path)), responses((status = 200, description = "This partner is waited for no more")))]
async fn fence_approve(Who(officer): Who, State(engine): State<Engine>, Path(service): Path<ServiceId>) -> Answer {
    engine.run(move |n| n.approve_lift(&officer, service, now()).map(|t| (Some(t), ()))).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(get, path = "/v1/me", responses((status = 200, description = "Who asks")))]
async fn me(Who(o): Who) -> Answer {
    Ok(Json(json!({ "id": o.id, "name": o.name, "roles": o.roles })))
}

#[utoipa::path(get, path = "/v1/card", responses((status = 200, description = "Our card and its fingerprint")))]
async fn card(_: Who, State(engine): State<Engine>) -> Answer {
    let read = |n: &mut Node| {
        let service = n.me();
        let cards = n.book().cards(&service).ok_or(NodeError::Absent("card"))?;
        let bytes = cards.iter_bytes().last().unwrap_or_default();
        let print = Fingerprint::of(&service);
        let words: BTreeMap<String, String> = [base::Lang::En, base::Lang::Fr, base::Lang::Es, base::Lang::Pt]
            .into_iter()
            .map(|l| (l.to_string(), print.words(l)))
            .chain([("digits".to_owned(), print.digits())])
            .collect();
        Ok(json!({ "service": service, "number": cards.latest().number, "card": hex::encode(bytes), "fingerprint": words }))
    };
    Ok(Json(engine.read(read).await?))
}

#[utoipa::path(get, path = "/v1/partners", responses((status = 200, description = "Partners, what waits for them, how they answer")))]
async fn partners(_: Who, State(shared): State<Shared>) -> Answer {
    let partners = shared.engine.read(|n| n.partners()).await?;
    let with_health = |p: node::PartnerView| {
        let mut v = as_json(&p);
        v["health"] = shared.health.of(p.service).map_or(Value::Null, |h| json!({ "last_success": h.last_success, "last_failure": h.last_failure, "last_failure_code": h.last_failure_code, "attempts": h.attempts, "next_try": h.next_try }));
        v
    };
    Ok(Json(partners.into_iter().map(with_health).collect()))
}

#[derive(Deserialize, ToSchema)]
struct CardForm {
    card: String,
    #[serde(default)]
    fingerprint: String,
}

#[utoipa::path(post, path = "/v1/partners", responses((status = 200, description = "The card was taken")))]
async fn import_card(who: Who, State(engine): State<Engine>, Form(f): Form<CardForm>) -> Answer {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    let bytes = unhex(&f.card)?;
    let service = engine.run(move |n| n.import_card(&bytes, &f.fingerprint, now()).map(|(t, s)| (Some(t), s))).await?;
    Ok(Json(json!({ "service": service })))
}

#[utoipa::path(get, path = "/v1/officers", responses((status = 200, description = "Officers, without tokens")))]
async fn officers(_: Who, State(engine): State<Engine>) -> Answer {
    let list = |n: &mut Node| Ok(n.officers().iter().map(|o| json!({ "id": o.id, "name": o.name, "roles": o.roles, "active": o.active })).collect::<Vec<_>>());
    Ok(Json(engine.read(list).await?.into()))
}

#[derive(Deserialize, ToSchema)]
struct OfficerForm {
    #[schema(value_type = String)]
    id: OfficerId,
    name: String,
    #[schema(value_type = Vec<String>)]
    roles: Vec<OfficerRole>,
}

#[utoipa::path(post, path = "/v1/officers", responses((status = 200, description = "The officer's token, shown once")))]
async fn add_officer(who: Who, State(engine): State<Engine>, Form(f): Form<OfficerForm>) -> Answer {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    let token = engine.run(move |n| n.add_officer(f.id, f.name, f.roles, now()).map(|(t, token)| (Some(t), token))).await?;
    Ok(Json(json!({ "token": token })))
}

#[utoipa::path(post, path = "/v1/officers/{id}/lock", params(("id" = String, Path)), responses((status = 200, description = "The officer's token no longer signs in")))]
async fn lock_officer(who: Who, State(engine): State<Engine>, Path(id): Path<String>) -> Answer {
    who.must_be(&[OfficerRole::Administrator, OfficerRole::Supervisor], "administrator or supervisor")?;
    engine.run(move |n| n.lock_officer(&id, now()).map(|t| (Some(t), ()))).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(post, path = "/v1/officers/{id}/invite", params(("id" = String, Path)), responses((status = 200, description = "A token, shown once, with which the officer makes a passkey for the desk")))]
async fn invite_officer(who: Who, State(shared): State<Shared>, Path(id): Path<String>) -> Answer {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    let origin =
        shared.desk.clone().ok_or_else(|| NodeError::Asked("the desk is not served here; add [desk] to config.toml and start the node again".to_owned()))?;
    let asked = id.clone();
    let token = shared.engine.run(move |n| web::invite(n, &asked, now()).map(|(t, token)| (Some(t), token))).await?;
    Ok(Json(json!({ "officer": id, "link": format!("{origin}/invitation#{id}/{token}"), "hours": web::INVITATION_HOURS })))
}

#[utoipa::path(get, path = "/v1/mechanisms", responses((status = 200, description = "Mechanisms known here")))]
async fn mechanisms(_: Who, State(engine): State<Engine>) -> Answer {
    let list = |n: &mut Node| {
        Ok(n.mechanisms().map(|m| json!({ "id": m.id, "version": m.version, "hash": m.hash, "label": m.label, "about": m.about })).collect::<Vec<_>>())
    };
    Ok(Json(engine.read(list).await?.into()))
}

#[derive(Deserialize, ToSchema)]
struct FileForm {
    file: String,
}

#[utoipa::path(post, path = "/v1/mechanisms", responses((status = 200, description = "The mechanism was proved and kept")))]
async fn add_mechanism(who: Who, State(engine): State<Engine>, Form(f): Form<FileForm>) -> Answer {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    prove(&engine, vec![Arc::new(Mechanism::parse(f.file.as_bytes()).map_err(NodeError::from)?)]).await?;
    let hash = engine.run(move |n| n.add_mechanism(f.file.as_bytes(), now()).map(|(h, t)| (Some(t), h))).await?;
    Ok(Json(json!({ "hash": hash })))
}

/// Proves mechanisms beside the node, one after another: whoever wrote a large one must not hold everybody up.
pub(crate) async fn prove(engine: &Engine, mechanisms: Vec<Arc<Mechanism>>) -> Result<(), NodeError> {
    static ONE: Semaphore = Semaphore::const_new(1);
    for m in mechanisms {
        let _turn = ONE.acquire().await.map_err(|e| NodeError::Corrupt(e.to_string()))?;
        let hash = m.hash;
        let fault = tokio::task::spawn_blocking(move || node::proof_fault(&m)).await.map_err(|e| NodeError::Corrupt(e.to_string()))?;
        engine
            .read(move |n| {
                n.note_proof(hash, fault);
                Ok(())
            })
            .await?;
    }
    Ok(())
}

#[utoipa::path(get, path = "/v1/mechanisms/{name}", params(("name" = String, Path, description = "Name or hash")), responses((status = 200, description = "Roles, items, forms, moves, phases")))]
async fn mechanism(_: Who, State(engine): State<Engine>, Path(name): Path<String>) -> Answer {
    Ok(Json(engine.read(move |n| n.mechanism(&name).map(|m| draw(&m))).await?))
}

fn draw(m: &Mechanism) -> Value {
    let fields = |fields: &[dossier::Field]| -> Value {
        fields
            .iter()
            .map(
                |f| json!({ "id": f.id, "type": f.kind, "required": f.required, "many": f.many, "vocabulary": f.vocabulary, "label": f.label, "hint": f.hint }),
            )
            .collect()
    };
    let item = |k: &dossier::ItemKind| {
        json!({
            "id": k.id, "label": k.label, "parent": k.parent, "opened_by": k.opened_by, "only": k.only, "officer": k.officer, "four_eyes": k.four_eyes, "fields": fields(&k.fields),
            "stances": k.stances.iter().map(|s| json!({ "role": s.role, "initial": s.initial, "states": s.states.iter().map(|st| json!({ "id": st.id, "label": st.label })).collect::<Vec<_>>() })).collect::<Vec<_>>(),
            "moves": k.moves.iter().map(|mv| json!({ "id": mv.id, "role": mv.role, "from": mv.from, "to": mv.to, "only": mv.only, "label": mv.label, "officer": mv.officer, "four_eyes": mv.four_eyes, "why_not": mv.why_not, "fields": fields(&mv.fields) })).collect::<Vec<_>>(),
            "voices": k.voices.iter().map(|v| json!({ "id": v.id, "label": v.label, "states": v.states })).collect::<Vec<_>>(),
            "phases": k.phases.iter().map(|p| json!({ "id": p.id, "label": p.label, "per": p.per, "ends": p.ends })).collect::<Vec<_>>(),
            "clocks": k.clocks.iter().map(|c| json!({ "id": c.id, "label": c.label, "answers": c.answers, "follows": c.follows })).collect::<Vec<_>>(),
        })
    };
    let role = |r: &dossier::Role| json!({ "id": r.id, "label": r.label, "min": r.min, "max": r.max });
    json!({ "id": m.id, "version": m.version, "hash": m.hash, "label": m.label, "about": m.about, "roles": m.roles.iter().map(role).collect::<Vec<_>>(), "items": m.items.iter().map(item).collect::<Vec<_>>() })
}

#[derive(Deserialize)]
struct ListQuery {
    mechanism: Option<String>,
    closed: Option<bool>,
    limit: Option<usize>,
}

#[utoipa::path(get, path = "/v1/dossiers", params(("mechanism" = Option<String>, Query), ("closed" = Option<bool>, Query), ("limit" = Option<usize>, Query)), responses((status = 200, description = "Dossiers, the one that changed last first")))]
async fn dossiers(_: DossierReader, State(engine): State<Engine>, Query(q): Query<ListQuery>) -> Answer {
    let listed = engine.read(move |n| n.list(q.mechanism.as_deref(), q.closed, q.limit.unwrap_or(1000))).await?;
    Ok(Json(as_json(&listed)))
}

#[derive(Deserialize)]
struct ReasonQuery {
    #[serde(default)]
    reason: String,
}

#[utoipa::path(get, path = "/v1/dossiers/{id}", params(("id" = String, Path, description = "Id or its first digits"), ("reason" = String, Query, description = "Why; it is logged")), responses((status = 200, description = "The dossier as the officer may see it")))]
async fn dossier(DossierReader(officer): DossierReader, State(engine): State<Engine>, Path(id): Path<String>, Query(q): Query<ReasonQuery>) -> Answer {
    let look = move |n: &mut Node| {
        let id = n.find_dossier(&id)?;
        let (ticket, view) = n.consult(&officer, &id, &q.reason, now())?;
        let mut shown = as_json(&view);
        shown["standings"] = as_json(&n.standings(&id)?);
        shown["exhibits"] = as_json(&n.exhibits_of(&id)?);
        Ok((Some(ticket), shown))
    };
    Ok(Json(engine.run(look).await?))
}

#[derive(Deserialize)]
struct UseQuery {
    #[serde(rename = "for", default)]
    whom: Whom,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Whom {
    #[default]
    Party,
    Court,
    Onward,
}

#[utoipa::path(get, path = "/v1/dossiers/{id}/proof", params(("id" = String, Path), ("for" = String, Query, description = "party, court or onward: handling codes may forbid the latter two")), responses((status = 200, description = "Proof of the whole dossier")))]
async fn dossier_proof(who: Who, State(engine): State<Engine>, Path(id): Path<String>, Query(q): Query<UseQuery>) -> Answer {
    who.must_be(&[OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::DataProtection], "desk, supervisor or data-protection officer")?;
    let prove = move |n: &mut Node| {
        let id = n.find_dossier(&id)?;
        // A proof shows the content, so making one is a consultation.
        let (reason, wanted) = match q.whom {
            Whom::Party => ("proof exported for a party", None),
            Whom::Court => ("proof exported for a court", Some(Use::Court)),
            Whom::Onward => ("proof exported to pass on", Some(Use::Onward)),
        };
        let (ticket, _) = n.consult(&who.0, &id, reason, now())?;
        n.prove_dossier(&id, wanted).map(|p| (Some(ticket), as_json(&p)))
    };
    Ok(Json(engine.run(prove).await?))
}

#[utoipa::path(get, path = "/v1/dossiers/{id}/communiques/{item}/proof", params(("id" = String, Path), ("item" = String, Path)), responses((status = 200, description = "Proof of a published communiqué, for anyone")))]
async fn communique_proof(_: DossierReader, State(engine): State<Engine>, Path((id, item)): Path<(String, ItemId)>) -> Answer {
    let prove = move |n: &mut Node| {
        let id = n.find_dossier(&id)?;
        n.prove_communique(&id, &item)
    };
    Ok(Json(as_json(&engine.read(prove).await?)))
}

#[derive(Deserialize)]
struct WaitQuery {
    #[serde(default)]
    wait: Wait,
    timeout_s: Option<u64>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Wait {
    #[default]
    None,
    Delivered,
}

#[utoipa::path(post, path = "/v1/intents", request_body(content = Object, description = "What to do: {do: open|open-item|move, …, fields: plain values by field, handling: {codes}}"), params(("wait" = Option<String>, Query, description = "none, or delivered: until every other party has receipted"), ("timeout_s" = Option<u64>, Query)), responses((status = 200, description = "The act, or the proposal that waits for a second officer")))]
async fn intent(Who(officer): Who, State(engine): State<Engine>, Query(q): Query<WaitQuery>, Form(intent): Form<Intent>) -> Answer {
    let asked = intent.clone();
    prove(&engine, engine.read(move |n| n.unproved(&asked)).await?).await?;
    make(&engine, q, move |n| n.propose(&officer, intent, now())).await
}

#[derive(Deserialize, ToSchema)]
struct SealForm {
    #[schema(value_type = String)]
    dossier: base::DossierId,
    #[schema(value_type = Option<String>)]
    item: Option<ItemId>,
    name: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

#[utoipa::path(post, path = "/v1/seals", responses((status = 200, description = "The commitment to the form of a move that will reveal it, and the salt that opens it; the node keeps neither")))]
async fn seal(Who(officer): Who, State(engine): State<Engine>, Form(f): Form<SealForm>) -> Answer {
    Ok(Json(as_json(&engine.read(move |n| n.seal(&officer, &f.dossier, f.item, &f.name, &f.fields)).await?)))
}

/// Has an act made and, where asked, waits until all recipients have receipted it.
async fn make(engine: &Engine, q: WaitQuery, job: impl FnOnce(&mut Node) -> Result<Made, NodeError> + Send + 'static) -> Answer {
    let waiting = engine.clone();
    let made = engine
        .run(move |n| {
            let made = job(n)?;
            // Asked for before the act is on disk, so that no receipt can come first.
            Ok(match made {
                Made::Act { ticket, act, dossier, item, recipients } => {
                    let signal = (q.wait == Wait::Delivered && !recipients.is_empty()).then(|| waiting.delivered(act, recipients));
                    (Some(ticket), Ok((act, dossier, item, signal)))
                }
                Made::Pending { ticket, id, roles } => (Some(ticket), Err((id, roles))),
            })
        })
        .await?;
    let (act, dossier, item, signal) = match made {
        Ok(act) => act,
        Err((id, roles)) => return Ok(Json(json!({ "made": "pending", "pending": id, "roles": roles }))),
    };
    let delivered = match signal {
        None => false,
        Some(signal) => {
            let patience = Duration::from_secs(q.timeout_s.unwrap_or(30).min(WAIT_S_MAX));
            matches!(tokio::time::timeout(patience, signal).await, Ok(Ok(())))
        }
    };
    Ok(Json(json!({ "made": "act", "act": act, "dossier": dossier, "item": item, "delivered": delivered })))
}

#[utoipa::path(get, path = "/v1/pending", responses((status = 200, description = "Proposals that wait for a second officer")))]
async fn pending(_: DossierReader, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.all_pending()).await?)))
}

#[utoipa::path(post, path = "/v1/pending/{id}/approve", params(("id" = String, Path), ("wait" = Option<String>, Query), ("timeout_s" = Option<u64>, Query)), responses((status = 200, description = "The act")))]
async fn approve(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>, Query(q): Query<WaitQuery>) -> Answer {
    let asked = id.clone();
    prove(&engine, engine.read(move |n| n.unproved_pending(&asked)).await?).await?;
    make(&engine, q, move |n| n.approve(&officer, &id, now())).await
}

#[utoipa::path(delete, path = "/v1/pending/{id}", params(("id" = String, Path)), responses((status = 200, description = "The proposal is gone")))]
async fn dismiss(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>) -> Answer {
    engine.run(move |n| n.dismiss(&officer, &id, now()).map(|t| (Some(t), ()))).await?;
    Ok(Json(json!({})))
}

#[utoipa::path(get, path = "/v1/due", responses((status = 200, description = "What waits for whom, the nearest first")))]
async fn due(_: DossierReader, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.due(now())).await?)))
}

#[derive(Deserialize)]
struct StatisticsQuery {
    from: base::Date,
    until: base::Date,
    #[serde(default)]
    by: String,
    among: Option<String>,
}

#[utoipa::path(get, path = "/v1/statistics", params(("from" = String, Query, description = "First day, UTC"), ("until" = String, Query, description = "The day after the last, UTC"), ("by" = Option<String>, Query, description = "mechanism, partner, area, outcome, answer; separated by commas"), ("among" = Option<String>, Query, description = "Only what this partner is a party of")), responses((status = 200, description = "Counts and times from acts alone, with the digest that the partner finds too")))]
async fn statistics(who: Who, State(engine): State<Engine>, Query(q): Query<StatisticsQuery>) -> Answer {
    who.must_be(
        &[OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::DataProtection, OfficerRole::CompetentAuthority],
        "liaison desk, supervisor, competent authority or data-protection officer",
    )?;
    let by: Vec<dossier::statistics::By> =
        q.by.split(',')
            .filter(|b| !b.is_empty())
            .map(|b| serde_json::from_value(json!(b)).map_err(|_| NodeError::Asked(format!("'{b}' is not one of mechanism, partner, area, outcome, answer"))))
            .collect::<Result<_, _>>()?;
    let read = move |n: &mut Node| {
        let among = q.among.as_ref().map(|s| s.parse::<ServiceId>().map_err(|_| NodeError::Asked(format!("'{s}' is not the id of a service")))).transpose()?;
        n.statistics(q.from.start_utc(), q.until.start_utc(), &by, among.as_ref())
    };
    Ok(Json(as_json(&engine.read(read).await?)))
}
#[utoipa::path(post, path = "/v1/checkpoint", responses((status = 200, description = "A checkpoint is on its way to every partner")))]
async fn checkpoint(_: Who, State(engine): State<Engine>) -> Answer {
    engine.run(|n| n.checkpoint(now()).map(|t| (t, ()))).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct LogQuery {
    reason: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    dossier: String,
    after: Option<u64>,
}

#[utoipa::path(get, path = "/v1/log", params(("reason" = String, Query, description = "Why the log is read; logged"), ("kind" = Option<String>, Query), ("person" = Option<String>, Query, description = "An officer's id"), ("dossier" = Option<String>, Query, description = "Its id, or the first digits"), ("after" = Option<u64>, Query)), responses((status = 200, description = "Lines of the local log, 1,000 at most; reading it is logged")))]
async fn log(who: Who, State(engine): State<Engine>, Query(q): Query<LogQuery>) -> Answer {
    who.must_be(&[OfficerRole::DataProtection, OfficerRole::Supervisor, OfficerRole::Administrator], "data-protection officer, supervisor or administrator")?;
    let read = move |n: &mut Node| {
        let filter = LogFilter { kind: q.kind, person: q.person, dossier: q.dossier, ..LogFilter::default() };
        let (ticket, page) = n.look_into_log(&who.0, &filter, q.after, &q.reason.unwrap_or_default(), now())?;
        Ok((Some(ticket), page.lines))
    };
    Ok(Json(as_json(&engine.run(read).await?)))
}

#[utoipa::path(get, path = "/v1/process", responses((status = 200, description = "CPU time, memory and open files of the node's process")))]
async fn process(_: Who, State(engine): State<Engine>) -> Answer {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 after the name, in ticks of 10 ms (proc(5)); the name may hold spaces.
    let ticks: u64 = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    let files = Descriptors::now();
    let (dossiers, dossier_bytes) = engine.read(|n| Ok(n.memory())).await?;
    Ok(Json(json!({
        "cpu_ms": ticks * 10, "rss_kib": kib("VmRSS:"), "peak_rss_kib": kib("VmHWM:"), "descriptors": files.taken, "descriptors_max": files.max,
        "dossiers_in_memory": dossiers, "dossier_bytes": dossier_bytes,
    })))
}

pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, Problem> {
    let bad = || Problem(StatusCode::BAD_REQUEST, "refusal.api.hex".to_owned(), "the card is not hexadecimal; export it again".to_owned());
    hex::decode(text.trim()).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_is_described() {
        let json: serde_json::Value = serde_json::from_str(&super::openapi_json()).unwrap();
        let paths = json["paths"].as_object().unwrap();
        for path in ["/v1/intents", "/v1/dossiers/{id}", "/v1/due", "/v1/register", "/v1/pending/{id}/approve", "/v1/carry/import"] {
            assert!(paths.contains_key(path), "{path}");
        }
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
    }
}
