//! Fairness measured: how long an honest partner's acts take to a node while nobody else calls, and while another partner floods it.

use crate::bench::{dossiers, letters, note, two_nodes};
use crate::flood::{Flooded, Flooder};
use crate::launch::{Founder, LaunchError, Station};
use crate::soak::quantile;
use base::Lang;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Honest acts under way at once.
const UNDER_WAY: usize = 4;

/// Measures with a program: the honest partner's latencies for `seconds` without and with a flood, in milliseconds.
pub async fn run(root: &Path, program: &Path, seconds: u64) -> Result<Value, LaunchError> {
    let (honest, victim) = two_nodes(root, program).await?;
    let fourth = Station::found(root, &Founder { code: "xx", country: "PT", zone: "Europe/Lisbon", name: &[(Lang::En, "xx")], languages: &[Lang::En] })?;
    let flooder = Arc::new(Flooder::new(&fourth, &victim).await?);
    let ids = dossiers(&honest, &victim, UNDER_WAY).await?;
    let time = Duration::from_secs(seconds);
    let calm = latencies(&honest, &ids, time).await?;
    let (flooded, came_to) = tokio::join!(latencies(&honest, &ids, time), flooder.run(time));
    let shown = |mut ms: Vec<f64>| {
        let round = |v: f64| (v * 10.0).round() / 10.0;
        json!({ "acts": ms.len(), "p50_ms": round(quantile(&mut ms, 0.5)), "p99_ms": round(quantile(&mut ms, 0.99)), "most_ms": round(quantile(&mut ms, 1.0)) })
    };
    let Flooded { receipts, busy, refused, broken } = came_to;
    let status = victim.client("admin").get("/v1/process").await?;
    Ok(json!({
        "calm": shown(calm), "flooded": shown(flooded?), "flood": { "receipts": receipts, "busy": busy, "refused": refused, "broken": broken },
        "victim_peak_mb": status["peak_rss_kib"].as_u64().unwrap_or(0) / 1024,
    }))
}

async fn latencies(from: &Station, ids: &[String], time: Duration) -> Result<Vec<f64>, LaunchError> {
    let end = Instant::now() + time;
    let mut tasks = tokio::task::JoinSet::new();
    for id in ids {
        let (client, id) = (from.client("desk"), id.clone());
        tasks.spawn(async move {
            let mut out = Vec::new();
            while Instant::now() < end {
                let began = Instant::now();
                let made = client.post("/v1/intents?wait=delivered&timeout_s=120", &note(&id, &letters())).await?;
                if made["delivered"] != true {
                    return Err(LaunchError::System("an honest act was not delivered in two minutes".to_owned()));
                }
                out.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            Ok(out)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done.map_err(|e| LaunchError::System(e.to_string()))??);
    }
    Ok(all)
}

/// Measures on this machine and prints.
pub fn fairness(seconds: u64, json: bool) -> Result<(), LaunchError> {
    let system = |e: &dyn std::fmt::Display| LaunchError::System(e.to_string());
    let root = std::env::temp_dir().join(format!("entente-fairness-{}", std::process::id()));
    let program = std::env::current_exe().map_err(|e| system(&e))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| system(&e))?;
    let whole = runtime.block_on(run(&root, &program, seconds))?;
    let _ = std::fs::remove_dir_all(&root); // only temporary files
    match json {
        true => println!("{whole}"),
        false => ["calm", "flooded", "flood", "victim_peak_mb"].iter().for_each(|k| println!("{k:>14}  {}", whole[k])),
    }
    Ok(())
}
