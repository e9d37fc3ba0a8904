//! The local API's part on hit/no-hit: the own index and its lists, questions, confirmations, granted lists, the auditor's check.

use crate::api::{Answer, Form, Problem, Shared, Who, as_json};
use crate::engine::{Engine, now};
use crate::sources::{self, Defaults, Format, REJECTS_NAMED_MAX, Reject};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use base::{DossierId, ServiceId, Text};
use dossier::OfficerRole;
use matching::subject::{Subject, SubjectFault};
use node::{Aim, AskForm, HitFault, Justification, LOAD_REJECTS_MAX, LoadNote, Made, Node, NodeError, Officer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Partners that one question may go to.
const PARTNERS_MAX: usize = 20;

/// Returns the routes.
pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(index))
        .routes(routes!(load))
        .routes(routes!(publish))
        .routes(routes!(work))
        .routes(routes!(lists))
        .routes(routes!(asks, ask))
        .routes(routes!(asked))
        .routes(routes!(confirm))
        .routes(routes!(follow))
        .routes(routes!(end_standing))
        .routes(routes!(open))
        .routes(routes!(check))
        .routes(routes!(batches, batch))
}

const KEEPERS: &[OfficerRole] = &[OfficerRole::Administrator, OfficerRole::Desk, OfficerRole::Supervisor];
const WATCHERS: &[OfficerRole] =
    &[OfficerRole::Administrator, OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::DataProtection, OfficerRole::CompetentAuthority];

#[utoipa::path(get, path = "/v1/index", responses((status = 200, description = "Our index: records by category and source, what partners were given, what they asked")))]
async fn index(who: Who, State(engine): State<Engine>) -> Answer {
    who.must_be(WATCHERS, "administrator, desk, supervisor, data-protection officer or competent authority")?;
    Ok(Json(as_json(&engine.read(|n| n.index_view(now())).await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LoadForm {
    /// The source's name; what it does not hold any more is removed.
    source: String,
    format: Format,
    text: String,
    /// Whether other records of this source stay.
    #[serde(default)]
    add: bool,
    /// Whether good lines are loaded although others are rejected.
    #[serde(default)]
    skip_rejects: bool,
    /// Whether partners get the changes with the next round of the clock only.
    #[serde(default)]
    later: bool,
    #[serde(default)]
    defaults: Defaults,
}

#[utoipa::path(post, path = "/v1/index/load", responses((status = 200, description = "What changed, and every rejected line; nothing is loaded where a line is rejected, unless it is said that those be skipped")))]
async fn load(who: Who, State(engine): State<Engine>, Form(f): Form<LoadForm>) -> Answer {
    who.must_be(KEEPERS, "administrator, desk or supervisor")?;
    Ok(Json(load_source(&engine, Some(who.0), f.source, (f.format, f.text, f.defaults), !f.add, f.skip_rejects, !f.later).await?))
}

/// Reads a source beside the node, loads it in one transaction and gives partners what changed.
pub(crate) async fn load_source(
    engine: &Engine,
    officer: Option<Officer>,
    source: String,
    (format, text, defaults): (Format, String, Defaults),
    whole: bool,
    skip_rejects: bool,
    publish_now: bool,
) -> Result<Value, NodeError> {
    let bug = |_| NodeError::Bug;
    let (mut records, mut rejects) = tokio::task::spawn_blocking(move || sources::records(format, &text, &defaults)).await.map_err(bug)?;
    let permitted = engine.read(|n| n.index_categories(now())).await?;
    records.retain(|r| {
        let good = permitted.contains(&r.category);
        if !good {
            let fault = HitFault::Category(r.category.clone());
            rejects.push(Reject { line: 0, code: fault.code().to_owned(), what: format!("{}: {fault}", r.reference) });
        }
        good
    });
    let count = rejects.len();
    rejects.truncate(REJECTS_NAMED_MAX);
    let mut answer = json!({ "rejected": count, "rejects": rejects, "loaded": false });
    let named = answer["rejects"].as_array().into_iter().flatten().take(LOAD_REJECTS_MAX);
    let named = named.map(|r| (r["line"].as_u64().and_then(|l| l.try_into().ok()).unwrap_or(0), r["code"].as_str().unwrap_or_default().to_owned())).collect();
    let note = LoadNote { source: source.clone(), at: now(), by: None, changed: None, rejected: count, rejects: named };
    let by = officer.clone();
    if count > 0 && !skip_rejects {
        engine.run(move |n| n.note_load(by.as_ref(), note).map(|t| (Some(t), ()))).await?;
        return Ok(answer);
    }
    let load = move |n: &mut Node| {
        let (_, changed) = n.load_index(by.as_ref(), &source, whole, records, now())?;
        Ok((Some(n.note_load(by.as_ref(), LoadNote { changed: Some(changed), ..note })?), changed))
    };
    let changed = engine.run(load).await?;
    answer["loaded"] = true.into();
    answer["changed"] = as_json(&changed);
    if publish_now {
        answer["published"] = publish_to(engine, officer, None, false).await?;
    }
    Ok(answer)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PublishForm {
    /// To whom; all partners under an accord that permits it if nobody is named.
    #[schema(value_type = Option<String>)]
    partner: Option<ServiceId>,
    /// Whether a new epoch begins: a new key, and the old one is destroyed.
    #[serde(default)]
    rotate: bool,
}

#[utoipa::path(post, path = "/v1/index/publish", responses((status = 200, description = "For each partner what goes to it")))]
async fn publish(who: Who, State(engine): State<Engine>, Form(f): Form<PublishForm>) -> Answer {
    who.must_be(KEEPERS, "administrator, desk or supervisor")?;
    Ok(Json(publish_to(&engine, Some(who.0), f.partner, f.rotate).await?))
}

/// Works out lists beside the node, one after another, and queues what changed.
pub(crate) async fn publish_to(engine: &Engine, officer: Option<Officer>, partner: Option<ServiceId>, rotate: bool) -> Result<Value, NodeError> {
    let partners = match partner {
        Some(p) => vec![p],
        None => engine.read(|n| n.index_partners(now())).await?,
    };
    let mut out = Vec::new();
    for partner in partners {
        let done = publish_one(engine, officer.clone(), partner, rotate).await;
        engine.index_work().ended(partner, now(), done.as_ref().err().map(NodeError::code));
        out.push(match done {
            Ok(v) => v,
            Err(e) if e.code().starts_with("failure.") => return Err(e),
            Err(e) => json!({ "partner": partner, "code": e.code(), "what": e.to_string() }),
        });
    }
    Ok(out.into())
}

async fn publish_one(engine: &Engine, officer: Option<Officer>, partner: ServiceId, rotate: bool) -> Result<Value, NodeError> {
    let by = officer.clone();
    let job = engine.read(move |n| n.index_job(by.as_ref(), partner, rotate, now())).await?;
    let counter = engine.index_work().begin(partner);
    let worked = move || job.run(&|keys| counter.add(keys)).map(|done| (done, counter.keys()));
    let (done, keys) = tokio::task::spawn_blocking(worked).await.map_err(|_| NodeError::Bug)??;
    let (added, removed) = done.counts();
    let published = engine
        .run(move |n| {
            let ticket = n.publish(officer.as_ref(), done, now())?;
            Ok((ticket, ticket.is_some()))
        })
        .await?;
    Ok(json!({ "partner": partner, "published": published, "added": added, "removed": removed, "keys": keys }))
}

#[utoipa::path(get, path = "/v1/index/work", responses((status = 200, description = "Partners' lists that are being worked out, and how many keys of each are done")))]
async fn work(who: Who, State(engine): State<Engine>) -> Answer {
    who.must_be(KEEPERS, "administrator, desk or supervisor")?;
    Ok(Json(engine.index_work().view().into_iter().map(|(partner, keys)| json!({ "partner": partner, "keys": keys })).collect::<Vec<_>>().into()))
}

#[utoipa::path(get, path = "/v1/lists", responses((status = 200, description = "Partners' lists that can be asked, and what was asked of them")))]
async fn lists(_: Who, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.lists_view(now())).await?)))
}

/// What is known of a subject, as people write it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SubjectForm {
    /// Names and aliases, in any script.
    pub names: Vec<String>,
    /// Dates or years of birth.
    pub births: Vec<String>,
    /// Documents: country, kind, number.
    pub documents: Vec<[String; 3]>,
    /// Telephone numbers (E.164).
    pub phones: Vec<String>,
    /// Plates: country, plate.
    pub plates: Vec<[String; 2]>,
    /// IMO numbers.
    pub vessels: Vec<String>,
    /// IBAN, or COUNTRY:NUMBER.
    pub accounts: Vec<String>,
}

impl SubjectForm {
    /// Reads it.
    pub fn read(&self) -> Result<Subject, SubjectFault> {
        let mut s = Subject::default();
        self.names.iter().try_for_each(|v| s.name(v))?;
        self.births.iter().try_for_each(|v| s.birth(v))?;
        self.documents.iter().try_for_each(|[c, k, n]| s.document(c, k, n))?;
        self.phones.iter().try_for_each(|v| s.phone(v))?;
        self.plates.iter().try_for_each(|[c, p]| s.plate(c, p))?;
        self.vessels.iter().try_for_each(|v| s.vessel(v))?;
        self.accounts.iter().try_for_each(|v| s.account(v))?;
        Ok(s)
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuestionForm {
    #[schema(value_type = Vec<String>)]
    to: Vec<ServiceId>,
    subject: SubjectForm,
    #[serde(default)]
    label: String,
    purpose: String,
    offence: String,
    category: String,
    #[schema(value_type = String)]
    aim: Aim,
    reference: String,
    #[schema(value_type = Object)]
    reason: Text,
    #[schema(value_type = Option<String>)]
    grant: Option<DossierId>,
    #[serde(default)]
    standing: bool,
}

#[utoipa::path(post, path = "/v1/asks", responses((status = 200, description = "For each partner the question's name, or why it was not asked")))]
async fn ask(Who(officer): Who, State(engine): State<Engine>, Form(f): Form<QuestionForm>) -> Answer {
    if f.to.is_empty() || f.to.len() > PARTNERS_MAX {
        return Err(NodeError::Asked(format!("a question goes to 1 to {PARTNERS_MAX} partners")).into());
    }
    let subject = f.subject.read().map_err(|e| NodeError::Hit(e.into()))?;
    let why =
        Justification { purpose: f.purpose, offence: f.offence, category: f.category, aim: f.aim, reference: f.reference, reason: f.reason, grant: f.grant };
    let mut out = Vec::new();
    // Each partner gets a question of its own: none learns who else was asked.
    for to in f.to.iter().copied() {
        let form = AskForm { to, subject: subject.clone(), label: f.label.clone(), persons: Vec::new(), justification: why.clone(), standing: f.standing };
        let by = officer.clone();
        match engine.run(move |n| n.ask(&by, form, now()).map(|(t, id)| (Some(t), id))).await {
            Ok(id) => out.push(json!({ "to": to, "question": id })),
            Err(e) if f.to.len() == 1 || e.code().starts_with("failure.") => return Err(e.into()),
            Err(e) => out.push(json!({ "to": to, "code": e.code(), "what": e.to_string() })),
        }
    }
    Ok(Json(out.into()))
}

#[derive(Deserialize)]
struct AsksQuery {
    standing: Option<bool>,
}

#[utoipa::path(get, path = "/v1/asks", params(("standing" = Option<bool>, Query)), responses((status = 200, description = "An officer's own questions, all of them for supervisors and data protection, the newest first")))]
async fn asks(Who(officer): Who, State(engine): State<Engine>, Query(q): Query<AsksQuery>) -> Answer {
    Ok(Json(as_json(&engine.read(move |n| n.asks(&officer, q.standing)).await?)))
}

#[utoipa::path(get, path = "/v1/asks/{id}", params(("id" = String, Path, description = "The question's name, or its first six digits or more")), responses((status = 200, description = "How a question stands")))]
async fn asked(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>) -> Answer {
    Ok(Json(as_json(&engine.read(move |n| n.find_ask(&officer, &id)).await?)))
}

#[utoipa::path(post, path = "/v1/asks/{id}/confirm", params(("id" = String, Path)), responses((status = 200, description = "The hit is confirmed; its reference is asked for")))]
async fn confirm(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>) -> Answer {
    let job = move |n: &mut Node| {
        let id = n.find_ask(&officer, &id)?.question;
        Ok((Some(n.confirm_hit(&officer, &id, now())?), id))
    };
    Ok(Json(json!({ "question": engine.run(job).await? })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FollowForm {
    /// Fields of the request that are not filled in by themselves, or otherwise.
    #[serde(default)]
    #[schema(value_type = Object)]
    fields: BTreeMap<String, Value>,
}

#[utoipa::path(post, path = "/v1/asks/{id}/follow-up", params(("id" = String, Path)), responses((status = 200, description = "The information request that follows, or its proposal")))]
async fn follow(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>, Form(f): Form<FollowForm>) -> Answer {
    let job = move |n: &mut Node| {
        let id = n.find_ask(&officer, &id)?.question;
        Ok(match n.follow_hit(&officer, &id, f.fields, now())? {
            Made::Act { ticket, act, dossier, item, .. } => (Some(ticket), json!({ "made": "act", "act": act, "dossier": dossier, "item": item })),
            Made::Pending { ticket, id, roles } => (Some(ticket), json!({ "made": "pending", "pending": id, "roles": roles })),
        })
    };
    Ok(Json(engine.run(job).await?))
}

#[utoipa::path(post, path = "/v1/asks/{id}/end-standing", params(("id" = String, Path)), responses((status = 200, description = "The subject is looked up in changes no longer")))]
async fn end_standing(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>) -> Answer {
    let job = move |n: &mut Node| {
        let id = n.find_ask(&officer, &id)?.question;
        Ok((Some(n.end_standing(&officer, &id, now())?), ()))
    };
    engine.run(job).await?;
    Ok(Json(json!({})))
}

#[derive(Deserialize, ToSchema)]
struct OpenForm {
    reason: String,
}

#[utoipa::path(post, path = "/v1/asks/{id}/open", params(("id" = String, Path)), responses((status = 200, description = "Inputs and blinds of a question, for the data-protection officer; logged")))]
async fn open(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>, Form(f): Form<OpenForm>) -> Answer {
    let job = move |n: &mut Node| {
        let id = n.find_ask(&officer, &id)?.question;
        let (ticket, openings) = n.open_ask(&officer, &id, &f.reason, now())?;
        Ok((Some(ticket), json!({ "question": id, "openings": openings })))
    };
    Ok(Json(engine.run(job).await?))
}

#[derive(Deserialize, ToSchema)]
struct CheckForm {
    /// Input and blind of each element, in order.
    openings: Vec<(String, String)>,
}

#[utoipa::path(post, path = "/v1/asks/{id}/check", params(("id" = String, Path, description = "The whole name of a question that was answered here")), responses((status = 200, description = "Whether inputs and blinds open what a partner asked")))]
async fn check(Who(officer): Who, State(engine): State<Engine>, Path(id): Path<String>, Form(f): Form<CheckForm>) -> Answer {
    let job = move |n: &mut Node| {
        let id = id.parse()?;
        let (ticket, checked) = n.check_openings(&officer, &id, f.openings, now())?;
        Ok((Some(ticket), as_json(&checked)))
    };
    Ok(Json(engine.run(job).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchForm {
    /// The list grant's dossier: id, or its first six digits or more.
    grant: String,
    #[schema(value_type = String)]
    aim: Aim,
    format: Format,
    text: String,
}

#[utoipa::path(post, path = "/v1/batches", responses((status = 200, description = "The list was taken; it is asked while its grant is open")))]
async fn batch(Who(officer): Who, State(engine): State<Engine>, Form(f): Form<BatchForm>) -> Answer {
    let (format, text) = (f.format, f.text);
    let (persons, rejects) = tokio::task::spawn_blocking(move || sources::persons(format, &text)).await.map_err(|_| NodeError::Bug)?;
    if !rejects.is_empty() {
        let first: Vec<String> = rejects.iter().take(20).map(|r| format!("line {}: {}", r.line, r.what)).collect();
        let what = format!("nothing was taken; {} lines are rejected: {}", rejects.len(), first.join("; "));
        return Err(Problem(StatusCode::UNPROCESSABLE_ENTITY, "refusal.matching.source".to_owned(), what));
    }
    let count = persons.len();
    let job = move |n: &mut Node| {
        let grant = n.find_dossier(&f.grant)?;
        Ok((Some(n.batch(&officer, grant, f.aim, persons, now())?), grant))
    };
    let grant = engine.run(job).await?;
    Ok(Json(json!({ "grant": grant, "persons": count })))
}

#[utoipa::path(get, path = "/v1/batches", responses((status = 200, description = "How far granted lists are")))]
async fn batches(who: Who, State(engine): State<Engine>) -> Answer {
    let roles = [OfficerRole::Officer, OfficerRole::Desk, OfficerRole::Supervisor, OfficerRole::DataProtection];
    who.must_be(&roles, "officer, desk, supervisor or data-protection officer")?;
    Ok(Json(as_json(&engine.read(|n| n.batches()).await?)))
}
