//! Expert exchange: terms first, then a name that the receiver vets, then the mission; one need is withdrawn.

use super::super::DemoError;
use super::kit::*;
use serde_json::{Value, json};

fn need(reference: &str, title: &str) -> Value {
    json!({
        "title": w("fr", title), "reference": reference, "legal_basis": w("fr", "Accord, article 20"), "activity": ["training", "observation"],
        "topic": w("fr", "Gestion des flux aux portes d'un stade"), "level": w("fr", "Cadres"), "languages": ["fr", "en"], "from": in_days(20), "until": in_days(50),
    })
}

fn terms(asking: &str, offering: &str) -> Value {
    json!({
        "travel_by": offering, "stay_by": asking, "status": w("fr", "Observateur, sans pouvoir ni arme."), "insured_by": offering, "insurance": w("fr", "Police du service d'origine."),
        "confidentiality": w("fr", "Aucune donnée opérationnelle."), "licence": w("fr", "Supports réutilisables avec mention."), "reply_until": in_minutes(10 * 1440, "Africa/Casablanca"),
    })
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    s.voice.chapter("17  Expert exchange: terms, vetting, mission, report, a lesson published by both; a need withdrawn");
    let run = s.opens(Desk, "expert-exchange", &[(ma, "asking"), (de, "offering")], need("MA-EX-2", "Spécialiste des flux de spectateurs")).await?;
    s.shows("expert-exchange/concluded", &run);
    s.moves(de, Desk, &run, &run.root, "offer", json!({ "reference": "DE-EX-8", "offer": w("de", "Eine Fachkraft für zehn Tage."), "experts": 1 })).await?;
    s.tells(de, Desk, "offers one expert for ten days");
    let name = json!({
        "name": "Mareike Andresen", "function": "Polizeihauptkommissarin", "competence": w("de", "Einlass an Spieltagen"), "languages": ["de", "fr"], "agrees": true, "vetted": true,
        "reply_until": in_minutes(7 * 1440, "Europe/Berlin"),
    });
    s.tells(de, Desk, "wants to name her before the terms are settled");
    s.no_item((de, Desk), &run, &run.root, "nomination", name.clone(), "refusal.act.wrong-phase").await?;
    let agreed = s.adds(de, Desk, &run, "terms", terms(&ma.id(), &de.id())).await?;
    s.moves(ma, Desk, &run, &agreed, "agree", json!({})).await?;
    let nominated = s.adds(de, Desk, &run, "nomination", name).await?;
    s.moves(ma, Desk, &run, &nominated, "accept", json!({ "contact": { "service": ma.id(), "officer": "k.ouazzani" } })).await?;
    s.tells(ma, Desk, "has vetted and accepts the expert");
    let mission = json!({
        "activity": "training", "from": in_days(21), "until": in_days(31), "place": place("fr", "Casablanca", "MA"),
        "programme": w("fr", "Trois journées en salle, deux jours de match."), "limits": w("fr", "Pas d'accès aux salles de commandement."),
    });
    let mission = s.adds_in(de, Desk, &run, &nominated, "mission", mission).await?;
    s.moves(ma, Desk, &run, &mission, "agree", json!({})).await?;
    s.tells(de, Desk, "wants to end the mission without a report");
    s.in_vain((de, Desk), &run, &mission, "end", json!({}), "refusal.act.guard").await?;
    for (who, lang, said) in [(de, "de", "Zwei Sperrringe wirken."), (ma, "fr", "Deux anneaux de contrôle retenus.")] {
        let report = json!({ "text": [w(lang, said)], "reached": w(lang, "ja / oui"), "no_case_data": true });
        s.adds_in(who, Desk, &run, &mission, "report", report).await?;
        s.moves(who, Desk, &run, &mission, "end", json!({})).await?;
    }
    s.stands(&run, &mission, "done", "both have reported").await?;
    let lesson = json!({ "text": [w("fr", "Deux anneaux de contrôle réduisent l'attente d'un tiers.")], "readers": w("fr", "Services hôtes"), "licence": w("fr", "Avec mention."), "no_case_data": true, "reply_until": in_minutes(7 * 1440, "Africa/Casablanca") });
    let lesson = s.adds(ma, Desk, &run, "lesson", lesson).await?;
    s.moves(de, Desk, &run, &lesson, "agree", json!({})).await?;
    s.stands(&run, &lesson, "published", "the lesson is published by both or not at all").await?;
    s.all(&[de, ma], Desk, &run, &run.root, "conclude", json!({ "result": w("en", "Two rings of checks adopted.") })).await?;
    s.stands(&run, &run.root, "concluded", "concluded by both").await?;

    let run = s.opens(Desk, "expert-exchange", &[(es, "asking"), (pt, "offering")], need("ES-EX-5", "Formation à la détection de drones")).await?;
    s.shows("expert-exchange/withdrawn", &run);
    s.moves(es, Desk, &run, &run.root, "withdraw", json!({ "reason": ["need-lapsed"], "explanation": w("es", "Formación ya contratada.") })).await?;
    s.tells(es, Desk, "withdraws another need: it has lapsed");
    s.stands(&run, &run.root, "withdrawn", "withdrawn by who asked").await
}

/// Terms that wait for pt, in a need that takes the place of one that came at the wrong time.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (_, es, _, pt) = s.cast();
    let before = s.opens(Desk, "expert-exchange", &[(pt, "asking"), (es, "offering")], need("PT-EX-3", "Observation d'un derby")).await?;
    s.moves(pt, Desk, &before, &before.root, "withdraw", json!({ "reason": ["timing"] })).await?;
    let mut again = need("PT-EX-4", "Observation d'un derby");
    again["origin"] = json!({ "dossier": before.dossier, "relation": "predecessor" });
    let run = s.opens(Desk, "expert-exchange", &[(pt, "asking"), (es, "offering")], again).await?;
    s.shows("expert-exchange/terms-waiting", &run);
    s.moves(es, Desk, &run, &run.root, "offer", json!({ "reference": "ES-EX-6", "offer": w("es", "Dos plazas de observador."), "experts": 2 })).await?;
    s.adds(es, Desk, &run, "terms", terms(&pt.id(), &es.id())).await.map(drop)
}
