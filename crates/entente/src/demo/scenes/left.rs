//! What lies on the desks besides: a request under its clock and one that was refused, a visit with a promise that is late, an accord that
//! is not signed by all, proposals that wait for a second officer.

use super::super::DemoError;
use super::super::wish;
use super::kit::*;
use serde_json::{Value, json};

fn request(reference: &str, lang: &str, question: &str, urgency: &str) -> Value {
    json!({
        "reference": reference, "legal_basis": w(lang, "Accord, article 5"), "purpose": "investigate", "offence": "motor-vehicle-crime",
        "facts": w(lang, "Véhicule volé à Hambourg, vu au port."), "question": [w(lang, question)], "why_requested": w(lang, "Le registre est chez vous."),
        "urgency": urgency, "answer_languages": ["fr"],
    })
}

pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    let parties = [(de, "requesting"), (es, "requested"), (pt, "requested")];
    let run = s.opens(Desk, "information-request", &parties, request("DE-BPOL-3111", "de", "Wem gehört das Fahrzeug?", "ordinary")).await?;
    s.shows("information-request/waits-for-answers", &run);
    s.moves(es, Desk, &run, &run.root, "accept", json!({ "reference": "ES-UDYCO-0120", "unit": w("es", "Tráfico ilícito de vehículos") })).await?;
    s.adds(es, Desk, &run, "clarification", json!({ "question": [w("es", "¿Número de bastidor?")] })).await?;

    let run = s
        .opens(Desk, "information-request", &[(pt, "requesting"), (ma, "requested")], request("PT-DIC-0110", "pt", "Quem esteve no hotel?", "ordinary"))
        .await?;
    s.shows("information-request/refused", &run);
    let refuse =
        json!({ "ground": ["request-not-compliant"], "reference": "MA-DGST-0221", "explanation": w("fr", "Ni personne ni fait précis ; demande trop large.") });
    s.moves(ma, Desk, &run, &run.root, "refuse", refuse).await?;

    let visit = json!({
        "title": w("pt", "Visita de trabalho em Lisboa"), "level": "director-general", "place": place("pt", "Lisboa", "PT"), "date_from": in_days(-20), "date_to": in_days(-19),
        "topics": ["terrorism"], "purpose": w("pt", "Segurança do Mundial 2030"), "languages": ["pt", "fr", "es"],
    });
    let run = s.opens(Desk, "working-visit", &[(pt, "host"), (ma, "guest"), (es, "guest")], visit).await?;
    s.shows("working-visit/commitment-late", &run);
    s.all(&[ma, es], Desk, &run, &run.root, "accept", json!({})).await?;
    for (owner, days, text) in
        [(es, -3, "Envio da lista de pontos de contacto"), (ma, 6, "Projecto de regulamento da comissão"), (pt, 45, "Formação em Lisboa")]
    {
        let promise = json!({ "text": [w("pt", text)], "kind": "exchange-of-information", "owner": owner.id(), "due": in_days(days), "level": "director-general", "public": false });
        let item = s.adds(owner, Desk, &run, "commitment", promise).await?;
        let others: Vec<_> = [ma, es, pt].into_iter().filter(|o| o.code() != owner.code()).collect();
        s.all(&others, Supervisor, &run, &item, "agree", json!({})).await?;
    }

    let list = json!({
        "reference": "PT-DIC-0208", "legal_basis": w("pt", "Memorando dos quatro serviços"), "purpose": "prevent", "offence": "terrorism",
        "subject_category": "suspect", "reason": w("pt", "Acreditações do Mundial 2030"), "persons": 300, "elements": 19_200, "until": in_days(30),
    });
    let grant = s.opens(Desk, "hit-no-hit", &[(pt, "asking"), (ma, "holding")], list).await?;
    s.shows("hit-no-hit/grant-awaited", &grant);

    let draft = super::super::accords::bilateral_draft(de, pt).await?;
    let accord = s.opens(Supervisor, "accord", &[(de, "party"), (pt, "party")], draft).await?;
    s.shows("accord/not-signed-by-all", &accord);
    s.moves(de, Authority, &accord, &accord.root, "sign", json!({ "authority": w("de", "Präsidium") })).await?;

    for (who, other) in [(ma, es), (es, ma), (pt, ma), (de, ma)] {
        let parties = [(who.station.service, "requesting"), (other.station.service, "requested")];
        let reference = format!("{}-ATT-1", who.code().to_uppercase());
        who.propose(Officer, &wish::open("information-request", &parties, request(&reference, "fr", "À qui appartient ce numéro ?", "urgent-direct"))).await?;
    }
    Ok(())
}
