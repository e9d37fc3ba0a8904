//! Spontaneous information: es tells ma and de what matters to them; a correction and a recall reach every holder, and each answers.

use super::super::DemoError;
use super::super::cast::Service;
use super::kit::*;
use serde_json::{Value, json};

fn form(reference: &str, lang: &str, why: &str, fact: &str) -> Value {
    json!({
        "reference": reference, "legal_basis": w("en", "Article 7 of the accord: information without being asked"), "purpose": "prevent",
        "offence": ["migrant-smuggling"], "why_relevant": w(lang, why), "facts": [w(lang, fact)],
        "evaluation": [graded("B", "2")], "quality": w(lang, "Observado una vez; fecha y lugar comprobados."),
        "conditions": ["no-onward", "no-court"], "expected_action": ["check-own-data", "assess"],
        "feedback_by": in_minutes(3 * 1440, "Europe/Madrid"), "review_by": in_days(90), "language": "fr",
    })
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, _) = s.cast();
    s.voice.chapter("10  Spontaneous information: told without being asked, corrected, recalled, and every holder answers");
    let fields = form(
        "ES-UCRIF-2231",
        "es",
        "La embarcación lleva matrícula marroquí y su patrón llamó a Hamburgo.",
        "Embarcación neumática vista en Cabo de Gata a las 03:10.",
    );
    let run = s.opens(Desk, "spontaneous-information", &[(es, "sender"), (ma, "receiver"), (de, "receiver")], fields).await?;
    s.shows("spontaneous-information/recalled-and-erased", &run);
    s.tells(es, Desk, "tells ma and de of a boat, with conditions: not onward, not in court; a second officer approves");
    s.sees(ma, Desk, &run).await?;
    s.moves(ma, Desk, &run, &run.root, "acknowledge", json!({ "reference": "MA-DGST-0731" })).await?;
    s.moves(ma, Officer, &run, &run.root, "report_use", json!({ "feedback": w("fr", "Utile : la patrouille de nuit a été avancée.") })).await?;
    s.tells(ma, Officer, "gives the feedback that senders miss: useful, the night patrol left earlier");
    s.moves(de, Desk, &run, &run.root, "reject", json!({ "ground": ["outside-scope"], "explanation": w("de", "Kein Bezug zu unseren Aufgaben.") })).await?;
    s.tells(de, Desk, "rejects it on its ground: outside our scope; so it must erase it");
    s.tells(ma, Supervisor, "wants to note that ma keeps it for its own file, though nobody has recalled it");
    let keep = json!({ "ground": ["part-of-court-file"], "explanation": w("fr", "Dossier en cours.") });
    s.in_vain((ma, Supervisor), &run, &run.root, "keep", keep, "refusal.act.guard").await?;
    let wrong = json!({ "wrong": w("es", "La hora era 03:10."), "right": [w("es", "La hora era 04:10, hora peninsular.")] });
    let correction = s.adds(es, Desk, &run, "correction", wrong).await?;
    s.moves(ma, Officer, &run, &correction, "correct", json!({ "where": w("fr", "Dossier 0731 et main courante de la patrouille.") })).await?;
    s.moves(de, Desk, &run, &correction, "hold_nothing", json!({})).await?;
    s.stands(&run, &correction, "answered", "the correction is answered by every receiver").await?;
    s.moves(es, DataProtection, &run, &run.root, "recall", json!({ "reason": ["source-protection"] })).await?;
    s.tells(es, DataProtection, "recalls it: the source must be protected");
    s.stands(&run, &run.root, "recalled", "es sees who still holds it").await?;
    for (who, lang, place) in [(ma, "fr", "Serveur du service et dossier 0731."), (de, "de", "Vorgangssystem.")] {
        s.moves(who, DataProtection, &run, &run.root, "erase", json!({ "where": w(lang, place) })).await?;
        s.tells(who, DataProtection, "has it erased, with a second officer, and says where");
    }
    s.stands(&run, &run.root, "erased", "nobody holds it any more").await
}

/// Unacknowledged at ma, awaited feedback at es, in use at de.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    let fields = form("PT-DIC-0098", "pt", "O veículo passou a fronteira em Elvas e segue para norte.", "Camião com matrícula de Hamburgo, visto em Setúbal.");
    let run = s.opens(Desk, "spontaneous-information", &[(pt, "sender"), (ma, "receiver"), (es, "receiver"), (de, "receiver")], fields).await?;
    s.shows("spontaneous-information/awaits-feedback", &run);
    for (who, reference) in [(es, "ES-UCRIF-2240"), (de, "DE-BPOL-3105")] as [(&Service, &str); 2] {
        s.moves(who, Desk, &run, &run.root, "acknowledge", json!({ "reference": reference })).await?;
    }
    s.moves(de, Officer, &run, &run.root, "report_use", json!({ "feedback": w("de", "Halter ermittelt.") })).await
}
