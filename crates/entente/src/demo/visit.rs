//! Chapter 4, first half: a working visit from the invitation to what was promised.

use super::accords::Accords;
use super::cast::{Seat, Service, Stood};
use super::wish::{self, find, text, words};
use super::{DemoError, Stage};
use crate::engine::now;
use base::UnixMs;
use serde_json::{Value, json};

/// A commitment that all have agreed to.
pub struct Commitment {
    /// Its item.
    pub item: String,
    /// Short name of the owner.
    pub owner: &'static str,
}

const DAY_MS: i64 = 86_400_000;

/// Opens the visit out of the confirmed draft and invites both guests.
pub async fn invite(stage: &Stage, accords: &Accords, draft: &str) -> Result<String, DemoError> {
    let (voice, es) = (&stage.voice, &stage.es);
    voice.chapter("4  A working visit in Madrid: es invites ma and de");
    let form = json!({
        "guests": [stage.ma.id(), stage.de.id()],
        "fields": {
            "title": words("es", "Visita de trabajo en Madrid, 28 y 29 de enero de 2025"),
            "level": "director-general",
            "place": { "name": words("es", "Madrid"), "country": "ES" },
            "topics": ["terrorism", "drug-trafficking", "migrant-smuggling"],
            "purpose": words("es", "Cooperación policial y seguridad del Mundial 2030"),
            "languages": ["fr", "es", "de", "en", "ar"],
        },
    });
    let made = es.post(Seat::Desk, &format!("/v1/register/{draft}/visit"), &form).await?;
    let visit = es.approve(Seat::Supervisor, &es.pending(&made)?).await?.dossier;
    voice.says(
        "es",
        &format!("{} opens it from the confirmed draft, {} approves: dossier {}", es.who(Seat::Desk), es.who(Seat::Supervisor), wish::short(&visit)),
    );
    let view = es.look(Seat::Desk, &visit, "opening of the visit").await?;
    let root = find(&view, text(&view["items"][0], "id"));
    voice.same(
        "days and sources stand in the visit as the draft told them",
        &(text(&root["fields"], "date_from"), text(&root["fields"], "date_to"), &root["fields"]["register_source"]),
        &("2025-01-28", "2025-01-29", &json!(["press/madrid-2025-fr.txt"])),
    )?;
    voice.same("the visit stands under the trilateral accord", text(&view, "accord"), accords.trilateral.as_str())?;
    for guest in [&stage.ma, &stage.de] {
        voice.same(&format!("the invitation is at {}", guest.code()), guest.phase(&visit).await?.as_str(), "invitation")?;
        guest.act(Seat::Desk, &wish::step(&visit, "accept", json!({}))).await?;
        voice.says(guest.code(), &format!("{} accepts the invitation", guest.who(Seat::Desk)));
    }
    everywhere(stage, &visit, "the visit is on", "visit").await?;
    Ok(visit)
}

/// Agrees on the agenda, names the delegations, writes down the meetings.
pub async fn prepare(stage: &Stage, visit: &str) -> Result<(), DemoError> {
    let (voice, ma, es, de) = (&stage.voice, &stage.ma, &stage.es, &stage.de);
    let madrid = json!({ "name": words("es", "Madrid"), "country": "ES" });
    let points = [
        ("Coopération bilatérale contre le terrorisme", "Cooperación bilateral contra el terrorismo"),
        ("Coupe du monde 2030 : jours de match", "Mundial 2030: días de partido"),
    ];
    for (fr, es_text) in points {
        let fields = json!({ "topic": [words("fr", fr), words("es", es_text)], "duration": "PT2H", "place": madrid });
        let point = es.act(Seat::Desk, &wish::item(visit, "agenda_point", fields)).await?;
        for guest in [ma, de] {
            guest.act(Seat::Desk, &wish::step_on(visit, &point.item, "agree", json!({}))).await?;
        }
        same_phase(stage, visit, &point, &format!("agenda: \"{es_text}\", agreed by all"), "on-the-agenda").await?;
    }
    for (s, lang) in [(ma, "fr"), (es, "es"), (de, "de")] {
        let name = |seat: Seat| words(lang, s.cast.people[seat as usize].1);
        s.act(Seat::Desk, &wish::item(visit, "delegation", json!({ "head": name(Seat::Authority), "members": [name(Seat::Supervisor), name(Seat::Officer)] })))
            .await?;
        voice.says(s.code(), &format!("delegation: {}, with {} and {}", s.cast.people[3].1, s.cast.people[2].1, s.cast.people[0].1));
    }
    let meetings = [
        ("Reunión bilateral España-Marruecos", "2025-01-28T10:00:00+01:00[Europe/Madrid]", vec![es, ma]),
        ("Reunión trilateral", "2025-01-28T16:00:00+01:00[Europe/Madrid]", vec![es, ma, de]),
    ];
    for (title, at, who) in meetings {
        let parties: Vec<String> = who.iter().map(|s| s.id()).collect();
        let fields = json!({ "title": words("es", title), "at": at, "place": madrid, "parties": parties, "minutes": [words("es", "Se repasaron los puntos del orden del día.")] });
        es.act(Seat::Officer, &wish::item(visit, "meeting", fields)).await?;
        let codes: Vec<&str> = who.iter().map(|s| s.code()).collect();
        voice.says("es", &format!("{} writes down the meeting of {}: {title}", es.who(Seat::Officer), codes.join(", ")));
    }
    Ok(())
}

/// Has three commitments promised and agreed.
pub async fn promise(stage: &Stage, visit: &str) -> Result<Vec<Commitment>, DemoError> {
    let (voice, ma, es, de) = (&stage.voice, &stage.ma, &stage.es, &stage.de);
    let promises = [
        (
            es,
            "exchange-of-information",
            30,
            "es",
            "Lista de los servicios de guardia permanente para el Mundial 2030",
            "Liste des permanences pour la Coupe du monde 2030",
        ),
        (
            de,
            "expert-exchange",
            90,
            "de",
            "Zwei Fachleute für Spieltage reisen nach Rabat und Casablanca",
            "Deux experts des jours de match se rendent à Rabat et à Casablanca",
        ),
        (ma, "joint-committee", 120, "ar", "مشروع نظام لجنة أمنية مشتركة", "Projet de règlement d'un comité de sécurité commun"),
    ];
    let mut kept = Vec::new();
    for (owner, kind, days, lang, own, fr) in promises {
        let due = date(now().plus_ms(days * DAY_MS));
        let fields =
            json!({ "text": [words(lang, own), words("fr", fr)], "kind": kind, "owner": owner.id(), "due": due, "level": "director-general", "public": true });
        let made = owner.act(Seat::Desk, &wish::item(visit, "commitment", fields)).await?;
        voice.says(owner.code(), &format!("promises by {due}: {fr}"));
        if kept.is_empty() {
            voice.says("es", &format!("{} wants to conclude the talks while a promise is only proposed", es.who(Seat::Desk)));
            stage.try_in_vain(es, Seat::Desk, "/v1/intents", &wish::step(visit, "conclude", json!({})), "refusal.act.guard").await?;
            why_not(stage, es, "working-visit", "visit", "conclude").await?;
        }
        for other in stage.three().into_iter().filter(|o| o.code() != owner.code()) {
            other.act(Seat::Supervisor, &wish::step_on(visit, &made.item, "agree", json!({}))).await?;
        }
        same_phase(stage, visit, &made, &format!("the commitment of {} is agreed by all", owner.code()), "agreed").await?;
        kept.push(Commitment { item: made.item, owner: owner.code() });
    }
    Ok(kept)
}

/// Has one commitment reported done by its owner and confirmed by the others.
pub async fn keep_one(stage: &Stage, visit: &str, commitment: &Commitment) -> Result<(), DemoError> {
    let (voice, ma, es, de) = (&stage.voice, &stage.ma, &stage.es, &stage.de);
    let report = |lang: &str, evidence: &str| wish::step_on(visit, &commitment.item, "report_done", json!({ "evidence": words(lang, evidence) }));
    voice.says("de", &format!("{} wants to report done what {} promised", de.who(Seat::Desk), commitment.owner));
    stage.try_in_vain(de, Seat::Desk, "/v1/intents", &report("de", "Liste liegt vor."), "refusal.act.guard").await?;
    why_not(stage, de, "working-visit", "commitment", "report_done").await?;
    let made = es.act(Seat::Desk, &report("es", "La lista se envió a las dos partes.")).await?;
    voice.says("es", &format!("{} reports it done", es.who(Seat::Desk)));
    same_phase(stage, visit, &made, "it is reported, and not kept before the others say so", "reported").await?;
    for guest in [ma, de] {
        guest.act(Seat::Desk, &wish::step_on(visit, &commitment.item, "confirm", json!({}))).await?;
        voice.says(guest.code(), &format!("{} confirms", guest.who(Seat::Desk)));
    }
    same_phase(stage, visit, &made, "the commitment is kept", "kept").await
}

/// Concludes the talks; what was promised stays open.
pub async fn conclude(stage: &Stage, visit: &str) -> Result<(), DemoError> {
    for s in stage.three() {
        s.act(Seat::Desk, &wish::step(visit, "conclude", json!({}))).await?;
    }
    stage.voice.says("all", "conclude the talks");
    everywhere(stage, visit, "two commitments are still open, so the visit is in its follow-up", "follow-up").await
}

/// Checks a dossier's phase at all three.
pub async fn everywhere(stage: &Stage, dossier: &str, name: &str, phase: &str) -> Result<(), DemoError> {
    let mut found = Vec::new();
    for s in stage.three() {
        found.push(s.phase(dossier).await?);
    }
    stage.voice.same(&format!("{name}: '{phase}' at all three"), &found, &vec![phase.to_owned(); 3])
}

/// Checks an item's phase at all three.
pub async fn same_phase(stage: &Stage, dossier: &str, item: &Stood, name: &str, phase: &str) -> Result<(), DemoError> {
    let mut found = Vec::new();
    for s in stage.three() {
        let view = s.look(Seat::Desk, dossier, "phase of an item").await?;
        found.push(text(find(&view, &item.item), "phase").to_owned());
    }
    stage.voice.same(&format!("{name}: '{phase}' at all three"), &found, &vec![phase.to_owned(); 3])
}

/// Shows the mechanism's own words for why a move is not possible.
pub async fn why_not(stage: &Stage, who: &Service, mechanism: &str, kind: &str, name: &str) -> Result<(), DemoError> {
    let m = who.get(Seat::Desk, &format!("/v1/mechanisms/{mechanism}")).await?;
    let items = m["items"].as_array().into_iter().flatten();
    let words = items
        .filter(|i| i["id"] == kind)
        .flat_map(|i| i["moves"].as_array().into_iter().flatten())
        .find(|mv| mv["id"] == name && mv["why_not"].is_object())
        .map(|mv| &mv["why_not"]["en"]);
    let found = words.and_then(Value::as_str).unwrap_or_default();
    stage.voice.shows(&format!("the mechanism says: {found}"));
    stage.voice.check("the mechanism says why not", !found.is_empty(), || format!("{mechanism} {kind} {name}"))
}

fn date(at: UnixMs) -> String {
    at.to_string().chars().take(10).collect()
}
