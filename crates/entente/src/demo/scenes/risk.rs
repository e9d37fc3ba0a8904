//! Risk assessment: each commits to its own view before it sees another's; one withholds, one dissents, and the dissent stays.

use super::super::DemoError;
use super::super::cast::Service;
use super::kit::*;
use serde_json::{Value, json};

fn form(reference: &str, title: &str) -> Value {
    json!({
        "title": w("en", title), "reference": reference, "legal_basis": w("en", "Article 18 of the accord"), "purpose": "prevent", "offence": ["counterfeiting-piracy"],
        "question": w("en", "How likely is organised sale of forged tickets at the group matches, and how hard would it hit?"),
        "from": in_days(30), "until": in_days(90), "expires": in_minutes(90 * 1440, "Europe/Madrid"),
    })
}

fn view_of(who: &Service, likelihood: &str, confidence: &str) -> Value {
    let lang = who.cast.founder.languages[0].code();
    json!({
        "facts": [w(lang, "Cases of the last twelve months, by our own files.")], "assessments": [w(lang, "The same groups will try again.")],
        "likelihood": likelihood, "impact": "serious", "confidence": confidence, "sources": [graded("B", "2")], "would_change": w(lang, "An arrest of the printers."),
    })
}

fn round() -> Value {
    json!({ "trigger": w("en", "Beginning of ticket sale"), "due": in_minutes(5 * 1440, "Europe/Madrid"), "reveal_by": in_minutes(6 * 1440, "Europe/Madrid") })
}

/// Has the node seal what a service will reveal: the form that commits to it, and the form that opens it.
async fn sealed(who: &Service, run: &Run<'_>, round: &str, mut view: Value) -> Result<(Value, Value), DemoError> {
    let asked = json!({ "dossier": run.dossier, "item": round, "name": "reveal", "fields": view });
    let sealed = who.post(Officer, "/v1/seals", &asked).await?;
    view["opening"] = sealed["opening"].clone();
    Ok((json!({ "seal": sealed["seal"] }), view))
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    s.voice.chapter("16  Risk assessment: sealed until all are in, and dissents are kept");
    let parties = [(pt, "assessor"), (ma, "assessor"), (es, "assessor"), (de, "assessor")];
    let run = s.opens(Desk, "risk-assessment", &parties, form("PT-AR-3", "Forged tickets at the group matches")).await?;
    s.shows("risk-assessment/valid", &run);
    let round = s.adds(pt, Desk, &run, "round", round()).await?;
    s.tells(pt, Desk, "asks one question of four services");
    let mut views = Vec::new();
    for (who, likelihood, confidence) in [(pt, "very-likely", "high"), (ma, "likely", "moderate"), (es, "even-chance", "low")] {
        let (seal, view) = sealed(who, &run, &round, view_of(who, likelihood, confidence)).await?;
        s.moves(who, Officer, &run, &round, "commit", seal.clone()).await?;
        s.tells(who, Officer, &format!("commits to its view: {}… and no word of it", seal["seal"].as_str().and_then(|x| x.get(..12)).unwrap_or_default()));
        views.push((who, view));
    }
    s.voice.says("pt", "wants to reveal while de is still asked");
    s.in_vain((pt, Officer), &run, &round, "reveal", views[0].1.clone(), "refusal.act.guard").await?;
    s.moves(de, Officer, &run, &round, "withhold", json!({ "reason": ["source-protection"] })).await?;
    s.tells(de, Officer, "withholds its view and says why: a source must be protected");
    let mut altered = views[1].1.clone();
    altered["likelihood"] = json!("unlikely");
    s.tells(ma, Officer, "wants to say something else now that it has thought again");
    s.in_vain((ma, Officer), &run, &round, "reveal", altered, "refusal.field.wrong").await?;
    for (who, view) in &views {
        s.moves(who, Officer, &run, &round, "reveal", view.clone()).await?;
    }
    s.stands(&run, &round, "complete", "three are revealed as they were sealed, one is withheld").await?;
    let version = json!({
        "text": [w("en", "Organised sale of forged tickets is likely.")], "facts": [w("en", "Two workshops were found in the last year.")], "likelihood": "likely", "impact": "serious",
        "confidence": "moderate", "would_change": w("en", "Personalised tickets."), "reply_until": in_minutes(2 * 1440, "Europe/Lisbon"),
    });
    let version = s.adds(pt, Desk, &run, "version", version).await?;
    s.moves(ma, Desk, &run, &version, "agree", json!({})).await?;
    s.moves(
        es,
        Desk,
        &run,
        &version,
        "dissent",
        json!({ "dissent": [w("es", "Un taller fue cerrado; la probabilidad es menor.")], "likelihood": "even-chance" }),
    )
    .await?;
    s.tells(es, Desk, "dissents; its words stay in the agreed version");
    s.moves(de, Desk, &run, &version, "abstain", json!({})).await?;
    s.stands(&run, &version, "adopted", "adopted by two, with a dissent and an abstention").await?;
    s.stands(&run, &run.root, "valid", "valid until it expires").await
}

/// A second round: ma has committed, es, de and pt are asked.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    let parties = [(es, "assessor"), (ma, "assessor"), (de, "assessor"), (pt, "assessor")];
    let run = s.opens(Desk, "risk-assessment", &parties, form("ES-AR-9", "Drones over training grounds")).await?;
    s.shows("risk-assessment/collecting", &run);
    let round = s.adds(es, Desk, &run, "round", round()).await?;
    let (seal, _) = sealed(ma, &run, &round, view_of(ma, "likely", "low")).await?;
    s.moves(ma, Officer, &run, &round, "commit", seal).await
}
