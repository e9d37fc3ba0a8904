//! The node itself: `serve`, `status`, `partners`, `checkpoint`, `log`, `rebuild`.

use super::Global;
use super::desk::Desk;
use super::face::{Face, distance, each, note, progress, sentence, table, text, write};
use super::locks::LockArgs;
use super::trouble::Trouble;
use crate::client::escape;
use crate::engine::now;
use crate::home::{Home, commit};
use crate::locale;
use serde_json::{Value, json};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Lines of the log that the node gives at a time.
const LOG_PAGE: usize = 1000;

/// Runs the node; says on standard output when it is ready, and logs to standard error.
pub fn serve(global: &Global, lock: &LockArgs) -> Result<(), Trouble> {
    let home = Home::open(&global.dir())?;
    let secret = lock.open()?;
    let filter = EnvFilter::try_new(&home.config().log)
        .map_err(|e| Trouble::refused("refusal.home", format!("'log' in config.toml is no level: {e}")).remedy("write error, warn, info, debug or trace"))?;
    // A second subscriber of the same process is a caller's own; it stays.
    // Where standard error cannot be written (its disk is full), a line is lost and nothing else.
    let _ = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
    let json = global.json;
    crate::serve::serve(&home, &secret.lock(), |at| {
        let line = match json {
            true => format!("{}\n", json!({ "ready": true, "api": at.api, "peer": at.peer, "desk": at.desk })),
            false => format!("ready api={} peer={}{}\n", at.api, at.peer, at.desk.map(|d| format!(" desk={d}")).unwrap_or_default()),
        };
        // Who started us may not listen; the node runs all the same.
        let _ = write(&line);
    })?;
    Ok(())
}

/// Shows how the node stands.
pub fn status(desk: &Desk) -> Result<(), Trouble> {
    let s = desk.get("/v1/status")?;
    desk.face.show(&s, || {
        let cosigned: Vec<String> = each(&s["cosigned"]).map(|c| format!("{} at {}", text(&c[0]), c[1])).collect();
        let cosigned = if cosigned.is_empty() { "nobody yet".to_owned() } else { cosigned.join(", ") };
        let troubles: String = each(&s["troubles"]).map(|t| trouble(desk, t)).collect();
        let mut lines = backup_lines(&desk.face, &s["backup"]);
        if s["fence"].is_object() {
            let awaited: Vec<&str> = each(&s["fence"]["awaited"]).map(text).collect();
            lines += &format!("fence      put back to an older state; awaited: {}; entente fence show\n", awaited.join(", "));
        }
        let card = card_line(&desk.face, &s["card"]);
        format!(
            "{troubles}service    {} {}\n{card}ledger     {} entries, root {}\ncosigned   {cosigned}\ndossiers   {} open, {} ended\noutbox     {} not receipted\nincidents  {}\n{lines}",
            text(&s["code"]),
            text(&s["service"]),
            s["ledger_size"],
            text(&s["ledger_root"]),
            s["open"],
            s["closed"],
            s["outbox"],
            s["incidents"]
        )
    })
}

/// Writes one thing that is wrong with our own node, in the reader's language, with what helps.
fn trouble(desk: &Desk, t: &Value) -> String {
    let since = match t["since"].is_null() {
        true => String::new(),
        false => format!(" since {}", desk.face.time(&t["since"])),
    };
    let said = Trouble::refused(text(&t["code"]), text(&t["what"])).print(false, desk.face.lang);
    format!("TROUBLE{since}\n{}", said.lines().map(|l| format!("  {l}\n")).collect::<String>())
}

/// Says how old the last backup is that was read back and checked, and what came in the way of later ones.
fn backup_lines(face: &Face, backup: &Value) -> String {
    let at = now().0;
    let mut out = match &backup["made"] {
        Value::Array(made) => format!("backup     {} verified {} ago, in {}\n", text(&made[0]), since(&made[1], at), text(&made[2])),
        _ => "backup     none was ever made from this directory; entente backup create\n".to_owned(),
    };
    if let Value::Array(failed) = &backup["failed"] {
        out += &format!("           the one of {} FAILED: {} [{}]\n", face.time(&failed[0]), text(&failed[2]), text(&failed[1]));
    }
    out
}

/// Says how long ago a moment was.
fn since(ms: &Value, now: i64) -> String {
    let gone = distance(ms.as_i64().unwrap_or(now), now);
    gone.trim_end_matches(" over").trim_start_matches("in ").to_owned()
}

/// Says which card is the newest and when it ends, and warns in good time.
fn card_line(face: &super::face::Face, card: &Value) -> String {
    let (at, until) = (now().0, card[1].as_i64().unwrap_or(0));
    let line = format!("card       {}, until {} ({})\n", card[0], face.time(&card[1]), distance(until, at));
    let code = match until - at {
        left if left < 0 => "refusal.keys.ended",
        left if left < node::CARD_WARNING_MS => "refusal.keys.ends-soon",
        _ => return line,
    };
    let words = crate::locale::of(code).map(|p| (p.what.get(face.lang), p.help.get(face.lang))).unwrap_or_default();
    format!("{line}warning    {} {}\n", words.0, words.1)
}

/// Shows partners.
pub fn partners(desk: &Desk) -> Result<(), Trouble> {
    let partners = desk.get("/v1/partners")?;
    let at = now().0;
    desk.face.show(&partners, || {
        let ago = |ms: &Value| ms.as_i64().map(|ms| distance(ms, at)).unwrap_or_default();
        let mut rows = vec![["CODE", "COUNTRY", "CARD", "VALID UNTIL", "ENDPOINT", "WAITING", "ANSWERS"].map(str::to_owned).to_vec()];
        for p in each(&partners) {
            let health = &p["health"];
            let answers = match (health["last_failure_code"].as_str(), health["attempts"].as_u64().unwrap_or(0)) {
                (_, 0) if health["last_success"].is_null() => "not asked since our node started".to_owned(),
                (Some(code), n) if n > 0 => format!("no ({code}, tried {n} times, next {})", ago(&health["next_try"])),
                _ => "yes".to_owned(),
            };
            let answers = match p["suspended"].is_null() {
                true => answers,
                false => format!("suspended by {} and {}", text(&p["suspended"]["by"]), text(&p["suspended"]["second"])),
            };
            let waiting = match p["oldest"].as_i64() {
                Some(since) => format!("{} since {}", p["waiting"], desk.face.time(&json!(since))),
                None => "0".to_owned(),
            };
            let endpoints: Vec<&str> = each(&p["endpoints"]).map(text).collect();
            rows.push(vec![
                text(&p["code"]).to_owned(),
                text(&p["country"]).to_owned(),
                p["card"].to_string(),
                desk.face.time(&p["valid_until"]),
                endpoints.join(" "),
                waiting,
                answers,
            ]);
        }
        let mut codes: Vec<&str> =
            each(&partners).filter(|p| p["health"]["attempts"].as_u64() > Some(0)).filter_map(|p| p["health"]["last_failure_code"].as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let lang = desk.face.lang;
        let words = codes.iter().filter_map(|c| Some((c, locale::of(c)?)));
        let why: String = words.map(|(c, pair)| format!("{c}: {} {}\n", sentence(lang, pair.what.get(lang)), sentence(lang, pair.help.get(lang)))).collect();
        let prints: String = each(&partners).map(|p| format!("  {}  {}\n", text(&p["code"]), text(&p["fingerprint"]))).collect();
        if rows.len() == 1 { "no partner yet; import a card\n".to_owned() } else { format!("{}{why}fingerprints\n{prints}", table(&rows)) }
    })
}

/// Sends a checkpoint to every partner.
pub fn checkpoint(desk: &Desk) -> Result<(), Trouble> {
    desk.post("/v1/checkpoint", &json!({}))?;
    desk.face.show(&json!({ "sent": true }), || "a checkpoint of our ledger is on its way to every partner\n".to_owned())
}

/// Shows lines of the log, all of them, page by page.
pub fn log(desk: &Desk, kind: &str, reason: &str) -> Result<(), Trouble> {
    let mut lines: Vec<Value> = Vec::new();
    loop {
        let after = lines.last().map(|l| format!("&after={}", l["seq"])).unwrap_or_default();
        let page = desk.get(&format!("/v1/log?kind={}&reason={}{after}", escape(kind), escape(reason)))?;
        let Value::Array(page) = page else { break };
        let last = page.len() < LOG_PAGE;
        lines.extend(page);
        // Reading is logged itself, so an empty page would never come.
        if last {
            break;
        }
    }
    let lines = Value::Array(lines);
    desk.face.show(&lines, || {
        let line = |l: &Value| format!("{:>6}  {}  {}\n", l["seq"].to_string(), desk.face.time(&l["at"]), told(&l["data"]));
        match each(&lines).map(line).collect::<String>() {
            none if none.is_empty() => format!("the log has no line of kind '{kind}'\n"),
            all => all,
        }
    })
}

/// Writes a line of the log for people: who read which dossier and why, or each part with its name.
fn told(data: &Value) -> String {
    if let (Some(officer), Some(dossier), Some(reason)) = (data["officer"].as_str(), data["dossier"].as_str(), data["reason"].as_str()) {
        return format!("{officer}  {dossier}  {}", reason.replace('\n', " "));
    }
    let part = |(name, v): (&String, &Value)| format!("{name} {}", v.as_str().map_or_else(|| v.to_string(), |s| s.replace('\n', " ")));
    data.as_object().map_or_else(|| data.to_string(), |o| o.iter().map(part).collect::<Vec<_>>().join(", "))
}

/// Works everything out anew from the ledger.
pub fn rebuild(global: &Global, lock: &LockArgs) -> Result<(), Trouble> {
    let home = Home::open(&global.dir())?;
    let mut node = home.node(&lock.open()?.lock())?;
    let rebuilt = node.rebuild(now(), &mut progress).map_err(|e| Trouble::refused(e.code(), e.to_string()))?;
    commit(&mut node).map_err(|e| Trouble::refused(e.code(), e.to_string()))?;
    global
        .face()
        .show(&json!(rebuilt), || format!("worked out anew: {} ledger entries, {} acts, {} dossiers\n", rebuilt.entries, rebuilt.acts, rebuilt.dossiers))?;
    if !global.json {
        note("what was worked out is what the ledger says; start the node again with entente serve\n");
    }
    Ok(())
}
