//! Chapter 2: what the services may do together. Nothing is possible before an accord is in force.

use super::cast::{Seat, Service};
use super::wish::{self, words};
use super::{DemoError, Stage};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The accords in force.
pub struct Accords {
    /// Between ma and es.
    pub bilateral: String,
    /// Among all three.
    pub trilateral: String,
}

/// Agrees on both accords.
pub async fn agree(stage: &Stage) -> Result<Accords, DemoError> {
    let (voice, ma, es, de) = (&stage.voice, &stage.ma, &stage.es, &stage.de);
    voice.chapter("2  Two accords: what may be done together, on which legal basis, by which clocks");
    let hashes = mechanisms(ma).await?;
    for other in [es, de] {
        let theirs = mechanisms(other).await?;
        voice.same(&format!("{} holds the same mechanisms as ma, by hash", other.code()), &theirs, &hashes)?;
    }
    let early = wish::open("information-request", &[(ma.station.service, "requesting"), (es.station.service, "requested")], json!({}));
    voice.says("ma", &format!("{} wants to ask es something before there is an accord", ma.who(Seat::Desk)));
    stage.try_in_vain(ma, Seat::Desk, "/v1/intents", &early, "refusal.accord.none").await?;

    let bilateral = propose(stage, &[ma, es], bilateral(&hashes)).await?;
    in_force(stage, &[ma, es], &bilateral, "the bilateral accord").await?;
    let trilateral = propose(stage, &[es, ma, de], trilateral(&hashes)).await?;
    in_force(stage, &[es, ma, de], &trilateral, "the trilateral accord").await?;
    let unknown = de.phase(&bilateral).await?;
    voice.same("de does not know the bilateral accord", unknown.as_str(), "unknown here")?;
    Ok(Accords { bilateral, trilateral })
}

/// Brings the accord of all four on everything that they do for the World Cup into force.
pub async fn four(stage: &Stage) -> Result<String, DemoError> {
    let (ma, es, de, pt) = (&stage.ma, &stage.es, &stage.de, &stage.pt);
    let hashes = mechanisms(ma).await?;
    stage.voice.same("pt holds the same mechanisms as ma, by hash", &mechanisms(pt).await?, &hashes)?;
    let all: Vec<&str> = hashes.keys().map(String::as_str).filter(|m| *m != "accord").collect();
    let fields = json!({
        "title": words("en", "Security of the World Cup 2030: Morocco, Spain, Portugal and Germany"),
        "legal_basis_kind": "memorandum",
        "legal_basis": [words("en", "Memorandum of the four services (example of this demonstration)")],
        "purposes": ["prevent", "detect", "investigate", "protect-public-security"],
        "mechanisms": named(&hashes, &all),
        "languages": ["ar", "fr", "es", "pt", "de", "en"],
        "retention_days": 1825,
    });
    let accord = propose(stage, &[ma, es, de, pt], fields).await?;
    in_force(stage, &[ma, es, de, pt], &accord, "the accord of four").await?;
    Ok(accord)
}

/// Drafts an accord between two that is not in force yet.
pub async fn bilateral_draft(one: &Service, other: &Service) -> Result<Value, DemoError> {
    let hashes = mechanisms(one).await?;
    Ok(json!({
        "title": words("en", &format!("Requests between {} and {}", one.code(), other.code())),
        "legal_basis_kind": "bilateral-agreement",
        "legal_basis": [words("en", "Draft agreement of the two services (example of this demonstration)")],
        "purposes": ["prevent", "investigate"],
        "mechanisms": named(&hashes, &["information-request"]),
        "languages": ["en"],
        "retention_days": 1095,
    }))
}

pub(super) async fn mechanisms(who: &Service) -> Result<BTreeMap<String, String>, DemoError> {
    let list = who.get(Seat::Desk, "/v1/mechanisms").await?;
    Ok(list.as_array().into_iter().flatten().map(|m| (wish::text(m, "id").to_owned(), wish::text(m, "hash").to_owned())).collect())
}

pub(super) async fn propose(stage: &Stage, parties: &[&Service], fields: Value) -> Result<String, DemoError> {
    let (voice, first) = (&stage.voice, parties[0]);
    let all: Vec<_> = parties.iter().map(|p| (p.station.service, "party")).collect();
    let title = wish::text(&fields["title"], "text").to_owned();
    let pending = first.propose(Seat::Supervisor, &wish::open("accord", &all, fields)).await?;
    voice.says(first.code(), &format!("{} proposes \"{title}\"", first.who(Seat::Supervisor)));
    if parties.len() == 2 {
        voice.says(first.code(), &format!("{} tries to be the second pair of eyes as well", first.who(Seat::Supervisor)));
        stage.try_in_vain(first, Seat::Supervisor, &format!("/v1/pending/{pending}/approve"), &json!({}), "refusal.pending.same-eyes").await?;
    }
    let stood = first.approve(Seat::Authority, &pending).await?;
    voice.says(first.code(), &format!("{} approves: the act is signed, sealed for each party, receipted by all", first.who(Seat::Authority)));
    Ok(stood.dossier)
}

pub(super) async fn in_force(stage: &Stage, parties: &[&Service], accord: &str, name: &str) -> Result<(), DemoError> {
    for (n, p) in parties.iter().enumerate() {
        let sign = wish::step(accord, "sign", json!({ "authority": words("en", &format!("{}, by decision of the head of service", p.who(Seat::Authority))) }));
        p.act_with(Seat::Authority, Seat::Supervisor, &sign).await?;
        stage.voice.says(p.code(), &format!("{} signs, {} with a second pair of eyes", p.who(Seat::Authority), p.who(Seat::Supervisor)));
        if n + 1 < parties.len() {
            let phase = parties[0].phase(accord).await?;
            stage.voice.same(&format!("{name} waits for {} more", parties.len() - n - 1), phase.as_str(), "proposed")?;
        }
    }
    for p in parties {
        let phase = p.phase(accord).await?;
        stage.voice.same(&format!("{name} is in force at {}", p.code()), phase.as_str(), "in-force")?;
    }
    Ok(())
}

fn named(hashes: &BTreeMap<String, String>, mechanisms: &[&str]) -> Vec<Value> {
    mechanisms.iter().map(|m| json!({ "name": m, "id": hashes[*m] })).collect()
}

fn clock(name: &str, length: &str) -> Value {
    json!({ "mechanism": "information-request", "clock": name, "length": length })
}

fn bilateral(hashes: &BTreeMap<String, String>) -> Value {
    json!({
        "title": words("fr", "Échange d'informations entre la DGSN-DGST et la Policía Nacional"),
        "legal_basis_kind": "convention",
        "legal_basis": [
            words("es", "Convenio entre España y Marruecos en materia de cooperación en la lucha contra la delincuencia, hecho en Rabat el 13 de febrero de 2019"),
            words("fr", "Convention entre le Maroc et l'Espagne en matière de coopération dans la lutte contre la criminalité, faite à Rabat le 13 février 2019"),
        ],
        "purposes": ["prevent", "detect", "investigate"],
        "mechanisms": named(hashes, &["information-request", "working-visit"]),
        "clocks": [
            clock("request/answer/urgent-direct", "PT8H"),
            clock("request/answer/urgent-indirect", "P2D"),
            clock("request/answer/ordinary", "P5D"),
            clock("clarification/reply", "P2D"),
        ],
        "languages": ["fr", "es", "ar"],
        "retention_days": 1825,
        "safeguards": [words("fr", "Toute transmission vers l'autre partie est consignée avec sa justification et le destinataire.")],
    })
}

fn trilateral(hashes: &BTreeMap<String, String>) -> Value {
    json!({
        "title": words("en", "Working visits of DGSN-DGST, Policía Nacional and Bundespolizei"),
        "legal_basis_kind": "memorandum",
        "legal_basis": [words("en", "Memorandum of the three services on the security of major events (example of this demonstration)")],
        "purposes": ["prevent", "protect-public-security"],
        "mechanisms": named(hashes, &["working-visit"]),
        "languages": ["fr", "es", "de", "en", "ar"],
        "retention_days": 3650,
    })
}
