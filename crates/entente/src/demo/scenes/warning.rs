//! Early warning: de warns three; a duty officer is named in minutes; one acts, one declines on its ground; it is cancelled and purged.

use super::super::DemoError;
use super::kit::*;
use serde_json::{Value, json};

fn form(reference: &str, lang: &str, threat: &str, until_hours: i64) -> Value {
    json!({
        "reference": reference, "legal_basis": w("en", "Article 9 of the accord: warnings"), "purpose": "protect-public-security", "offence": ["arms-explosives"],
        "threat": [w(lang, threat)], "from": in_minutes(60, "Europe/Berlin"), "until": in_minutes(until_hours * 60, "Europe/Berlin"),
        "places": [place("pt", "Lisboa, Parque das Nações", "PT"), place("es", "Madrid", "ES")],
        "credibility": graded("C", "3"), "likelihood": "even-chance", "impact": "serious",
        "recommended": [w(lang, "Einlass mit Sichtkontrolle; Behälter nicht bewegen.")], "not_to_do": [w(lang, "Keine Lautsprecherdurchsage, kein Funk in der Nähe.")],
        "contact": w(lang, "Lagezentrum, rund um die Uhr"), "contact_phone": "+4930000000000", "expires": in_minutes(until_hours * 60 + 360, "Europe/Berlin"),
        "article_3": "not-concerned", "article_3_reasons": w(lang, "Gewöhnliche Kriminalität; kein politischer, militärischer, religiöser oder rassischer Bezug."),
    })
}

fn duty(reference: &str, lang: &str, officer: &str, phone: &str) -> Value {
    json!({ "reference": reference, "desk": w(lang, "24/7"), "duty_officer": w(lang, officer), "phone": phone, "taken_at": in_minutes(0, "Europe/Lisbon") })
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    s.voice.chapter("11  Early warning: a named duty officer acknowledges in minutes, and each says whether it acts");
    let parties = [(de, "issuer"), (ma, "recipient"), (es, "recipient"), (pt, "recipient")];
    let run = s
        .opens(
            Desk,
            "early-warning",
            &parties,
            form("DE-BPOL-W-17", "de", "Pyrotechnik großer Ladung soll in einer Sporttasche in den Fanbereich gebracht werden.", 20),
        )
        .await?;
    s.shows("early-warning/closed", &run);
    s.tells(de, Desk, "warns ma, es and pt: what to do, what not to do; article 3 is checked by a second officer before it leaves");
    s.sees(pt, Officer, &run).await?;
    s.moves(pt, Officer, &run, &run.root, "acknowledge", duty("PT-DIC-0102", "pt", "Teresa Nogueira", "+351210000000")).await?;
    s.moves(ma, Desk, &run, &run.root, "acknowledge", duty("MA-DGST-0740", "fr", "Karim Ouazzani", "+212500000001")).await?;
    s.stands(&run, &run.root, "alerting", "one recipient has not acknowledged").await?;
    let call = json!({ "to": es.id(), "called": in_minutes(0, "Europe/Berlin"), "phone": "+34910000000", "reached": w("de", "Andrés Castaño, Dienststelle in Madrid") });
    s.adds(de, Desk, &run, "escalation", call).await?;
    s.tells(de, Desk, "calls es, and the call stands in the dossier");
    s.moves(es, Desk, &run, &run.root, "acknowledge", duty("ES-UCRIF-2236", "es", "Andrés Castaño", "+34910000000")).await?;
    s.moves(
        pt,
        Officer,
        &run,
        &run.root,
        "act",
        json!({ "measures": w("pt", "Controlo de sacos em todas as entradas; equipa de inativação de explosivos em prevenção.") }),
    )
    .await?;
    s.moves(ma, Desk, &run, &run.root, "decline", json!({ "ground": ["not-here"], "explanation": w("fr", "Aucun lien avec le territoire.") })).await?;
    s.tells(ma, Desk, "does not act, and says on which ground: it does not concern this place");
    let update = json!({ "text": w("de", "Tasche ist blau, nicht schwarz."), "expires": in_minutes(40 * 60, "Europe/Berlin"), "article_3": "not-concerned" });
    let update = s.adds(de, Desk, &run, "update", update).await?;
    for (who, name) in [(ma, "Karim Ouazzani"), (es, "Andrés Castaño"), (pt, "Duarte Valadares")] {
        s.moves(who, Desk, &run, &update, "acknowledge", json!({ "duty_officer": w("en", name) })).await?;
    }
    s.stands(&run, &update, "acknowledged", "the update is acknowledged by a name at each").await?;
    let report = json!({ "kind": "action-taken", "happened": in_minutes(0, "Europe/Lisbon"), "place": place("pt", "Lisboa", "PT"), "text": w("pt", "Saco encontrado e retirado; ninguém ferido."), "nature": "fact", "evaluation": graded("A", "1") });
    s.adds(pt, Officer, &run, "report", report).await?;
    s.tells(pt, Desk, "wants to purge a warning that is in force");
    s.in_vain((pt, Desk), &run, &run.root, "purge", json!({ "where": w("pt", "Sistema.") }), "refusal.act.guard").await?;
    s.moves(de, Desk, &run, &run.root, "cancel", json!({ "reason": "threat-averted" })).await?;
    s.tells(de, Desk, "cancels it: the threat is averted; now it must go from every desk");
    s.all(&[ma, es, pt], DataProtection, &run, &run.root, "purge", json!({ "where": w("en", "Duty desk and case system.") })).await?;
    s.stands(&run, &run.root, "closed", "purged everywhere").await
}

/// pt has acted, es has acknowledged, ma's minutes run.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    let parties = [(de, "issuer"), (ma, "recipient"), (es, "recipient"), (pt, "recipient")];
    let run = s.opens(Desk, "early-warning", &parties, form("DE-BPOL-W-18", "de", "Drohnenflug über dem Stadion am zweiten Spieltag angekündigt.", 44)).await?;
    s.shows("early-warning/unacknowledged", &run);
    s.moves(es, Desk, &run, &run.root, "acknowledge", duty("ES-UCRIF-2244", "es", "Andrés Castaño", "+34910000000")).await?;
    s.moves(pt, Desk, &run, &run.root, "acknowledge", duty("PT-DIC-0107", "pt", "Duarte Valadares", "+351210000000")).await?;
    s.moves(pt, Desk, &run, &run.root, "act", json!({ "measures": w("pt", "Equipa antidrone pedida.") })).await
}
