//! Carry files over the local API: volumes stream out while the node writes them, a volume streams in while the node takes it.
//!
//! Out: the answer is a row of frames: those of the volumes, each volume beginning with its magic, and between volumes and
//! records [`FRAME_PROGRESS`] and [`FRAME_PROBLEM`], which are for the caller and stand in no file. An export counts only when the
//! caller says that its files are written. In: one volume is one request; what was taken before it broke off stays taken.

use crate::api::{Answer, Form, Problem, Shared, Who, as_json};
use crate::engine::{Engine, now};
use crate::pipe::pipe;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base::ServiceId;
use bytes::Bytes;
use dossier::OfficerRole;
use http_body_util::BodyExt;
use node::{CarryBegun, CarryNext, CarryRecord, CarrySealed, Intake, IntakeDone, IntakeJob, NodeError, Outgo};
use seal::{Keys, carry_frame};
use serde::Deserialize;
use serde_json::json;
use std::io;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use utoipa::ToSchema;

/// Kind of a frame that tells how far an export is: JSON with `parcels` and `bytes` written, and `due`, the acts and notes that were due.
pub const FRAME_PROGRESS: u8 = 0xf0;
/// Kind of a frame that tells why an export breaks off: JSON with `code` and `what`.
pub const FRAME_PROBLEM: u8 = 0xff;
/// Bytes of a progress or problem frame.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Header of an export's answer that numbers its first volume.
pub const VOLUME_HEADER: &str = "entente-carry-volume";
/// Header of an export's answer that names it.
pub const EXPORT_HEADER: &str = "entente-carry-export";
/// Parcels that share one wait for the disk before they leave.
const GROUP_PARCELS: usize = 8;
/// Bytes of parcels that wait for it.
const GROUP_BYTES: usize = 8 << 20;
/// Volumes of one export, unless fewer are asked for.
const VOLUMES_MAX: u64 = 1_000_000;

#[derive(Deserialize, ToSchema)]
pub(crate) struct ExportForm {
    #[schema(value_type = String)]
    partner: ServiceId,
    #[serde(default)]
    again: bool,
    volume_bytes_max: u64,
    /// What does not fit into as many volumes is for the next export.
    volumes_max: Option<u64>,
}

#[utoipa::path(get, path = "/v1/carry", responses((status = 200, description = "How carrying by file stands with each partner")))]
pub(crate) async fn carry_status(_: Who, State(engine): State<Engine>) -> Answer {
    Ok(Json(as_json(&engine.read(|n| n.carry_status()).await?)))
}

#[utoipa::path(post, path = "/v1/carry/export", responses((status = 200, description = "Volumes as frames; the header entente-carry-export names the export")))]
pub(crate) async fn carry_export(who: Who, State(shared): State<Shared>, Form(f): Form<ExportForm>) -> Result<Response, Problem> {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    let engine = shared.engine;
    let to = f.partner;
    let (keys, begun) = engine.run(move |n| n.carry_begin(to, f.again, now()).map(|(t, begun)| (t, (n.keys(), begun)))).await?;
    let out = Outgo::new(keys.clone(), to, &begun, f.volume_bytes_max, f.volumes_max.unwrap_or(VOLUMES_MAX).max(1))?;
    let group_max = if f.volumes_max.is_some() { 1 } else { GROUP_PARCELS };
    let (sender, body) = pipe();
    let (name, volume) = (begun.export.to_string(), begun.volume.to_string());
    tokio::spawn(async move {
        let mut writer = Writer { engine, keys, to, begun, out, sender, group: Vec::new(), group_max, sent: 0 };
        if let Err(problem) = writer.run().await {
            tracing::warn!(code = problem.code(), "an export of a carry file broke off: {problem}");
            let told = json!({ "code": problem.code(), "what": problem.to_string() }).to_string();
            let _ = writer.sender.send(Ok(carry_frame(FRAME_PROBLEM, told.as_bytes()).into())).await; // the caller may be gone
        }
    });
    let answer =
        Response::builder().header("content-type", "application/octet-stream").header(EXPORT_HEADER, name).header(VOLUME_HEADER, volume).body(Body::new(body));
    answer.map_err(|e| NodeError::Asked(e.to_string()).into())
}

/// One export on its way out.
struct Writer {
    engine: Engine,
    keys: Keys,
    to: ServiceId,
    begun: CarryBegun,
    out: Outgo,
    sender: Sender<Result<Bytes, io::Error>>,
    group: Vec<(CarrySealed, Vec<u8>)>,
    /// Parcels of a group: one where the volumes are counted, because what is let go cannot be put back.
    group_max: usize,
    /// Bytes that were written.
    sent: u64,
}

impl Writer {
    async fn run(&mut self) -> Result<(), NodeError> {
        let (to, export, room) = (self.to, self.begun.export, self.out.room());
        let mut parcels = 0u64;
        loop {
            match self.engine.read(move |n| n.carry_next(to, export, room, now())).await? {
                CarryNext::Receipts(all) => {
                    for owed in all {
                        let record = CarryRecord::Receipt(owed.number, &owed.receipt);
                        if !self.out.fits(record) {
                            self.put_back(owed.place).await?;
                            break;
                        }
                        let bytes = self.out.add(record, now())?;
                        self.send(bytes).await?;
                    }
                }
                CarryNext::Load(load) => {
                    let keys = self.keys.clone();
                    let (load, sealed) = tokio::task::spawn_blocking(move || {
                        let sealed = load.seal(&keys);
                        (load, sealed)
                    })
                    .await
                    .map_err(|_| NodeError::Bug)?;
                    let parcel = match sealed {
                        Ok(parcel) => parcel,
                        Err(NodeError::ExhibitDamaged { exhibit, index }) => {
                            // Its disk has lost a chunk: it is fetched anew, and all else goes.
                            self.engine.run(move |n| Ok((Some(n.exhibit_damaged(exhibit, index, now())), ()))).await?;
                            continue;
                        }
                        Err(e) => return Err(e),
                    };
                    if !self.out.fits(CarryRecord::Parcel(&parcel.bytes)) {
                        self.put_back(0).await?;
                        continue;
                    }
                    self.group.push((CarrySealed { number: load.number, parcel: parcel.id, sent: load.sent.clone() }, parcel.bytes));
                    if self.group.len() >= self.group_max || self.group.iter().map(|g| g.1.len()).sum::<usize>() >= GROUP_BYTES {
                        parcels += self.let_go().await?;
                        self.send(carry_frame(FRAME_PROGRESS, json!({ "parcels": parcels, "due": self.begun.due, "bytes": self.sent }).to_string().as_bytes()))
                            .await?;
                    }
                }
                CarryNext::Done => {
                    self.let_go().await?;
                    let end = self.out.finish();
                    return self.send(end).await;
                }
            }
        }
    }

    /// Makes durable what receipts will be held against, and only then lets the parcels go.
    async fn let_go(&mut self) -> Result<u64, NodeError> {
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return Ok(0);
        }
        let (to, export) = (self.to, self.begun.export);
        let sealed: Vec<CarrySealed> = group.iter().map(|g| g.0.clone()).collect();
        self.engine.run(move |n| n.carry_sealed(to, export, &sealed, now()).map(|t| (Some(t), ()))).await?;
        for (_, parcel) in &group {
            let bytes = self.out.add(CarryRecord::Parcel(parcel), now())?;
            self.send(bytes).await?;
        }
        Ok(group.len() as u64)
    }

    /// Hands back what the volumes have no room for.
    async fn put_back(&self, owed: u64) -> Result<(), NodeError> {
        let (to, export) = (self.to, self.begun.export);
        self.engine.read(move |n| n.carry_put_back(to, export, owed)).await
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), NodeError> {
        self.sent += bytes.len() as u64;
        // Who asked went away: nothing was confirmed, so nothing moved.
        self.sender.send(Ok(bytes.into())).await.map_err(|_| NodeError::CarryExport)
    }
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct DoneForm {
    #[schema(value_type = String)]
    partner: ServiceId,
    export: String,
    volumes: u64,
}

#[utoipa::path(post, path = "/v1/carry/export/done", responses((status = 200, description = "The files of an export are written; the next one goes on from there")))]
pub(crate) async fn carry_done(who: Who, State(engine): State<Engine>, Form(f): Form<DoneForm>) -> Answer {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    let export: u64 = f.export.parse().map_err(|_| NodeError::CarryExport)?;
    let left = engine.run(move |n| n.carry_done(f.partner, export, f.volumes, &who.0.id, now()).map(|(t, left)| (Some(t), left))).await?;
    Ok(Json(json!({ "exhibits_left": left })))
}

#[utoipa::path(post, path = "/v1/carry/import", responses((status = 200, description = "What became of a volume; it may have faults and is taken as far as it goes")))]
pub(crate) async fn carry_import(who: Who, State(shared): State<Shared>, body: Body) -> Answer {
    who.must_be(&[OfficerRole::Administrator], "administrator")?;
    let (engine, days_max, by) = (shared.engine, shared.carry_days_max, who.0.id);
    let mut intake = engine.read(move |n| Ok(Intake::new(n, days_max, by))).await?;
    let mut body = body;
    // Opening parcels is work for another core than the node's, and for one thread from the first parcel to the last: the memory of
    // those before is used again, where a thread for each parcel would leave some behind with every one.
    let runtime = Handle::current();
    let (taken, intake) = tokio::task::spawn_blocking(move || {
        let taken = runtime.block_on(take_all(&engine, &mut intake, &mut body));
        (taken, intake)
    })
    .await
    .map_err(|_| NodeError::Bug)?;
    taken?;
    Ok(Json(intake.report().map(as_json).unwrap_or_default()))
}

/// Takes a volume as its bytes come; an answer that came before its question is through would be lost with the connection.
async fn take_all(engine: &Engine, intake: &mut Intake, body: &mut Body) -> Result<(), NodeError> {
    let taken = take_each(engine, intake, body).await;
    if taken.is_err() {
        while let Some(Ok(_)) = body.frame().await {}
    }
    taken
}

async fn take_each(engine: &Engine, intake: &mut Intake, body: &mut Body) -> Result<(), NodeError> {
    while let Some(frame) = body.frame().await {
        // The file's reader went away: what was taken stays taken, and the next attempt finds it.
        let Ok(frame) = frame else { break };
        if let Ok(bytes) = frame.into_data() {
            intake.push(&bytes);
            while let Some(job) = intake.next(now())? {
                take(engine, intake, job).await?;
            }
        }
    }
    while let Some(job) = intake.finish()? {
        take(engine, intake, job).await?;
    }
    Ok(())
}

/// Runs a job on the node and counts what came of it.
async fn take(engine: &Engine, intake: &mut Intake, job: IntakeJob) -> Result<(), NodeError> {
    let done = engine.run_then(move |n| job.run(n, now()), |done, appended| (done, appended)).await;
    let (done, appended) = match done {
        Ok((done, appended)) => (Ok(done), appended),
        Err(e) => (Err(e), None),
    };
    if let Ok(IntakeDone::Settled(from, held)) = &done {
        engine.held(*from, held);
    }
    intake.done(done, appended)
}
