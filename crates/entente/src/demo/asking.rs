//! Chapters 5 to 7: ma asks es; a clarification stops the clock; es is killed, comes back and lacks nothing; es answers in part.

use super::accords::Accords;
use super::cast::Seat;
use super::visit::why_not;
use super::wish::{self, clock, find, handled, text, words};
use super::{DemoError, Stage, until};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A request on its way.
pub struct Request {
    dossier: String,
    root: String,
}

/// Milliseconds that the accord gives for an urgent request with direct access.
const URGENT_MS: i64 = 8 * 3_600_000;
/// Notes that ma writes around the death of es: some before, the rest after it.
const NOTES: [&str; 5] = [
    "Le véhicule a été revu à Tanger.",
    "Le ferry de 18 h est annulé.",
    "Nouvel horaire : 21 h.",
    "Le conducteur est seul.",
    "Le contrôle est prévu à l'arrivée.",
];
const NOTES_BEFORE: usize = 2;
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(20);

/// Asks, is received and accepted, and answers a clarification that stops the clock.
pub async fn ask(stage: &Stage, accords: &Accords) -> Result<Request, DemoError> {
    let (voice, ma, es) = (&stage.voice, &stage.ma, &stage.es);
    voice.chapter("5  An urgent request: ma asks es, under the bilateral accord and its clock of 8 hours");
    let parties = [(ma.station.service, "requesting"), (es.station.service, "requested")];
    let intent = handled(wish::open("information-request", &parties, form()), &["H1", "H2"]);
    let pending = ma.propose(Seat::Officer, &intent).await?;
    voice.says("ma", &format!("{} drafts the request: a lorry on the ferry from Tangier, suspicion of drug trafficking", ma.who(Seat::Officer)));
    let asked = ma.approve(Seat::Desk, &pending).await?;
    voice.says("ma", &format!("{} approves and sends it, handling H1 and H2: not in court, not onward without consent", ma.who(Seat::Desk)));
    let request = Request { dossier: asked.dossier, root: asked.item };
    let view = look(stage, &request).await?;
    voice.same("of two accords the narrower one was taken", text(&view, "accord"), accords.bilateral.as_str())?;
    voice.same("es has received it", es.phase(&request.dossier).await?.as_str(), "open")?;
    voice.same("de does not know that there is such a request", stage.de.phase(&request.dossier).await?.as_str(), "unknown here")?;
    let answer = clock(&view, "request/answer", &es.id());
    voice.shows(&format!("clock: es answers by {}", time(answer, "due", es.cast.founder.zone)));
    voice.same(
        "the clock runs 8 hours from the signed receipt",
        &(answer["due"].as_i64().unwrap_or(0) - answer["since"].as_i64().unwrap_or(0), text(answer, "state")),
        &(URGENT_MS, "running"),
    )?;

    let received = es.look(Seat::Desk, &request.dossier, "a request that came in").await?;
    voice.same("es reads what ma wrote, word for word", &find(&received, &request.root)["fields"]["facts"], &form()["facts"])?;
    es.look(Seat::Officer, &request.dossier, "search in our own records").await?;
    voice.says("es", &format!("{} wants to accept; that is for the desk", es.who(Seat::Officer)));
    let accept = wish::step(&request.dossier, "accept", json!({ "reference": "ES-UDYCO-0114", "unit": words("es", "UDYCO, Algeciras") }));
    stage.try_in_vain(es, Seat::Officer, "/v1/intents", &accept, "refusal.act.officer-role").await?;
    es.act(Seat::Desk, &accept).await?;
    voice.says("es", &format!("{} accepts it under es's own reference", es.who(Seat::Desk)));

    let question = json!({ "question": [words("fr", "Quelle est la date d'embarquement prévue ?"), words("es", "¿Qué fecha de embarque está prevista?")] });
    let asked_back = es.act(Seat::Desk, &wish::item(&request.dossier, "clarification", question)).await?;
    voice.says("es", &format!("{} asks back: which day does it board?", es.who(Seat::Desk)));
    let paused = look(stage, &request).await?;
    voice.same("the clock of es stands still while its question is open", text(clock(&paused, "request/answer", &es.id()), "state"), "paused")?;
    voice.same("now ma's own clock runs", text(clock(&paused, "clarification/reply", &ma.id()), "state"), "running")?;
    ma.act(Seat::Officer, &wish::step_on(&request.dossier, &asked_back.item, "give", json!({ "answer": [words("fr", "Le 24 de ce mois, ferry de 18 h.")] })))
        .await?;
    voice.says("ma", &format!("{} gives the clarification", ma.who(Seat::Officer)));
    let running = look(stage, &request).await?;
    let resumed = clock(&running, "request/answer", &es.id());
    voice.same("the clock of es runs again", text(resumed, "state"), "running")?;
    let later = resumed["due"].as_i64().unwrap_or(0) - answer["due"].as_i64().unwrap_or(0);
    voice.check("and ends later by the time that it stood still", (1..URGENT_MS).contains(&later), || format!("{later} ms later"))?;
    voice.shows(&format!("paused {later} ms; es answers by {}", time(resumed, "due", es.cast.founder.zone)));
    Ok(request)
}

/// Kills the node of es while ma writes, and starts it again.
pub async fn interrupt(stage: &mut Stage, program: &Path, request: &Request) -> Result<(), DemoError> {
    stage.voice.chapter("6  In the middle of it the node of es dies");
    let note = |n: usize| wish::item(&request.dossier, "note", json!({ "text": [words("fr", NOTES[n])] }));
    for n in 0..NOTES_BEFORE {
        stage.ma.post(Seat::Desk, "/v1/intents", &note(n)).await?;
    }
    stage.es.station.kill();
    stage.voice.says("es", "killed (SIGKILL) while notes of ma are on their way");
    let dead = stage.es.client(Seat::Desk).get("/v1/me").await;
    stage.voice.check("nobody answers at es", dead.as_ref().is_err_and(|p| p.status == 0), || format!("{dead:?}"))?;
    for n in NOTES_BEFORE..NOTES.len() {
        stage.ma.post(Seat::Desk, "/v1/intents", &note(n)).await?;
    }
    let waiting = stage.ma.status().await?["outbox"].as_u64().unwrap_or(0);
    stage.voice.says("ma", &format!("{} goes on writing; {waiting} acts wait in the outbox for es", stage.ma.who(Seat::Desk)));
    stage
        .voice
        .check("what es has not receipted waits at ma", (NOTES.len() - NOTES_BEFORE..=NOTES.len()).contains(&(waiting as usize)), || waiting.to_string())?;
    stage.es.station.start(program).await?;
    stage.voice.says("es", "started again on the same directory");
    let began = stage.voice.seconds();
    let ma = &stage.ma;
    until("ma's outbox is empty again", CAUGHT_UP_WITHIN, || async move { Ok(ma.status().await?["outbox"] == 0) }).await?;
    stage.voice.says("es", &format!("has caught up after {:.1} s", stage.voice.seconds() - began));
    let (at_ma, at_es) = (
        stage.ma.look(Seat::Desk, &request.dossier, "after the restart of es").await?,
        stage.es.look(Seat::Desk, &request.dossier, "after our restart").await?,
    );
    stage.voice.same("both hold the same dossier, by the digest of everything in it", text(&at_es, "digest"), text(&at_ma, "digest"))?;
    let mut held: Vec<&str> =
        at_es["items"].as_array().into_iter().flatten().filter(|i| i["kind"] == "note").filter_map(|i| i["fields"]["text"][0]["text"].as_str()).collect();
    held.sort_unstable();
    let mut written = NOTES.to_vec();
    written.sort_unstable();
    stage.voice.same("every note is there once: nothing lost, nothing doubled", &held, &written)?;
    stage.voice.same("no act is void or waits for another", &(&at_es["void"], &at_es["waiting"], &at_es["forks"]), &(&json!([]), &json!([]), &json!([])))
}

/// Has es refuse without ground in vain, answer one part and refuse the other, and ma close with its feedback.
pub async fn answer(stage: &Stage, request: &Request) -> Result<(), DemoError> {
    let (voice, ma, es) = (&stage.voice, &stage.ma, &stage.es);
    voice.chapter("7  The request goes on: an answer in part, a refusal on its ground, a close");
    voice.says("es", &format!("{} wants to refuse without a ground", es.who(Seat::Desk)));
    let refuse = wish::step(&request.dossier, "refuse", json!({ "explanation": words("es", "No procede.") }));
    stage.try_in_vain(es, Seat::Desk, "/v1/intents", &refuse, "refusal.act.guard").await?;
    why_not(stage, es, "information-request", "request", "refuse").await?;
    let part = json!({
        "answer": [words("fr", "Le véhicule est immatriculé au nom d'une société de transport d'Algésiras ; aucun signalement.")],
        "nature": "fact",
        "evaluation": { "scale": "4x4", "source": "A", "information": "1" },
        "ground": ["owner-did-not-consent"],
        "refused_part": words("fr", "L'origine du renseignement sur le chargement appartient à un service tiers, qui n'a pas consenti."),
    });
    let answer = handled(wish::step(&request.dossier, "answer_and_refuse_rest", part), &["H1", "H2"]);
    es.act_with(Seat::Desk, Seat::Supervisor, &answer).await?;
    voice.says(
        "es",
        &format!("{} answers one question (4x4: A1) and refuses the other on its ground, {} approves", es.who(Seat::Desk), es.who(Seat::Supervisor)),
    );
    voice.same("ma has the answer", ma.phase(&request.dossier).await?.as_str(), "answered-by-all")?;
    ma.act(Seat::Desk, &wish::step(&request.dossier, "close", json!({ "outcome": words("fr", "Utile : le contrôle a été ciblé sur le bon véhicule.") })))
        .await?;
    voice.says("ma", &format!("{} closes it with feedback: useful, the check found the right lorry", ma.who(Seat::Desk)));
    voice.same("es reads the feedback on a closed request", es.phase(&request.dossier).await?.as_str(), "closed")?;
    let view = look(stage, request).await?;
    voice.same("and its own stance is what it decided itself", stance(find(&view, &request.root), &es.id()), "answered_in_part")?;
    let states = [("request/answer", &es.id()), ("clarification/reply", &ma.id()), ("request/closing", &ma.id())]
        .map(|(name, who)| text(clock(&view, name, who), "state").to_owned());
    voice.same("every clock was met: answer, clarification, closing", &states, &["met", "met", "met"].map(str::to_owned))?;

    voice.says("es", &format!("{} asks who read what, and why", es.who(Seat::DataProtection)));
    let wanted = es.client(Seat::Officer).get("/v1/log?kind=consultation&reason=curious").await;
    voice.check("an officer may not read the log", wanted.as_ref().is_err_and(|p| p.code == "refusal.officer.role"), || format!("{wanted:?}"))?;
    let log = es.get(Seat::DataProtection, "/v1/log?kind=consultation&reason=yearly+audit").await?;
    let of_this: Vec<&Value> = log.as_array().into_iter().flatten().filter(|l| l["data"]["dossier"] == request.dossier).collect();
    let reasons: std::collections::BTreeSet<&str> = of_this.iter().map(|l| text(&l["data"], "reason")).collect();
    voice.shows(&format!("{} consultations of the request: {}", of_this.len(), reasons.iter().map(|r| format!("\"{r}\"")).collect::<Vec<_>>().join(", ")));
    voice.check(
        "each consultation stands in the log with officer and reason",
        reasons.contains("after our restart") && of_this.iter().all(|l| l["data"]["officer"].is_string()),
        || log.to_string(),
    )
}

async fn look(stage: &Stage, request: &Request) -> Result<Value, DemoError> {
    stage.ma.look(Seat::Desk, &request.dossier, "clocks of our request").await
}

fn stance<'a>(item: &'a Value, service: &str) -> &'a str {
    item["stances"].as_array().and_then(|all| all.iter().find(|s| s["service"] == service)).map_or("", |s| text(s, "state"))
}

fn time(clock: &Value, key: &str, zone: &str) -> String {
    let at = base::UnixMs(clock[key].as_i64().unwrap_or(0));
    at.in_zone(zone).map_or_else(|_| at.to_string(), |i| i.to_string())
}

fn form() -> Value {
    json!({
        "reference": "MA-DGST-0457",
        "legal_basis": words("fr", "Convention du 13 février 2019, échange d'informations"),
        "purpose": "investigate",
        "offence": "drug-trafficking",
        "offence_text": words("fr", "Transport de résine de cannabis"),
        "facts": words("fr", "Un camion frigorifique doit embarquer à Tanger Med avec une cache aménagée."),
        "question": [words("fr", "À qui appartient le véhicule ?"), words("fr", "D'où vient le renseignement espagnol sur un chargement semblable ?")],
        "why_requested": words("fr", "Le véhicule porte des plaques espagnoles."),
        "persons": [{ "given": words("fr", "Anouar"), "family": words("fr", "Exemple"), "born": "1984", "nationalities": ["MA"], "category": "suspect", "aliases": null }],
        "vehicles": [{ "plate": "0000 BBB", "country": "ES", "vin": null, "description": words("fr", "Camion frigorifique blanc") }],
        "urgency": "urgent-direct",
        "urgency_reason": ["evidence-at-risk"],
        "evaluation": { "scale": "4x4", "source": "B", "information": "2" },
        "answer_languages": ["fr"],
    })
}
