//! Joint operation: ma, es and pt act on the same days, each on its own ground; one declines a task, one withdraws, nobody commands.

use super::super::DemoError;
use super::kit::*;
use serde_json::{Value, json};

fn form(reference: &str, title: &str, from: i64) -> Value {
    json!({
        "title": w("fr", title), "reference": reference, "legal_basis": w("fr", "Accord, article 14"), "purpose": "detect", "offence": ["motor-vehicle-crime"],
        "proposal": w("fr", "Contrôles aux mêmes heures, chacun dans ses ports."), "date_from": in_days(from), "date_to": in_days(from + 2),
        "area": [place("fr", "Tanger Med", "MA"), place("es", "Algeciras", "ES"), place("pt", "Vila Real de Santo António", "PT")],
    })
}

fn joins(reference: &str, name: &str) -> Value {
    json!({ "reference": reference, "coordinator": w("en", name), "phone": "+10000000000" })
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, _, pt) = s.cast();
    s.voice.chapter("14  Joint operation: each under its own law; a task is declined, one withdraws, and the others go on");
    let parties = [(ma, "participant"), (es, "participant"), (pt, "participant")];
    let run = s.opens(Desk, "joint-operation", &parties, form("MA-DGSN-OC-6", "Opération Détroit : véhicules volés", 20)).await?;
    s.shows("joint-operation/closed", &run);
    s.tells(ma, Desk, "proposes checks on the same days in Tanger Med, Algeciras and Vila Real");
    s.moves(es, Desk, &run, &run.root, "join", joins("ES-OC-6", "Andrés Castaño")).await?;
    s.moves(pt, Desk, &run, &run.root, "join", joins("PT-OC-6", "Duarte Valadares")).await?;
    let picture =
        json!({ "facts": [w("es", "Veintiún vehículos recuperados en el puerto en un año.")], "evaluation": [graded("A", "1")], "likelihood": "likely" });
    s.adds(es, Officer, &run, "threat_picture", picture).await?;
    let plan = json!({
        "lead": ma.id(), "co_leads": [es.id()], "targets": [w("fr", "Véhicules haut de gamme sans document d'origine")],
        "area": [place("fr", "Tanger Med", "MA"), place("es", "Algeciras", "ES")], "date_from": in_days(20), "date_to": in_days(22),
        "rules": [w("fr", "Chacun sur son sol, selon sa loi ; aucun service ne donne d'ordre à un autre.")], "command_post": w("fr", "Algésiras, coordination seulement"),
        "results": ["vehicles-checked", "vehicles-seized", "arrests"], "media": w("fr", "Un texte commun, après l'opération."), "reply_until": in_minutes(7 * 1440, "Africa/Casablanca"),
    });
    let plan = s.adds(ma, Desk, &run, "plan", plan).await?;
    s.all(&[es, pt], Supervisor, &run, &plan, "agree", json!({})).await?;
    s.stands(&run, &plan, "agreed", "the plan is agreed by all").await?;
    let clear = |who: &str, lang: &str, law: &str| json!({ "plan": plan, "authority": w(lang, who), "law": w(lang, law) });
    s.moves(ma, Supervisor, &run, &run.root, "clear", clear("Procureur du Roi", "fr", "Code de procédure pénale, article 18")).await?;
    s.moves(es, Supervisor, &run, &run.root, "clear", clear("Fiscalía de Algeciras", "es", "LECrim, artículo 282")).await?;
    s.moves(pt, Supervisor, &run, &run.root, "clear", clear("Ministério Público", "pt", "CPP, artigo 250.º")).await?;
    s.voice.says("all", "each has the plan checked under its own law");
    let task = json!({ "text": w("fr", "Contrôle des ferrys du soir à Vila Real"), "owner": pt.id(), "due": in_minutes(21 * 1440, "Europe/Lisbon") });
    let task = s.adds(ma, Desk, &run, "task", task).await?;
    let declines = json!({ "ground": ["no-capacity"], "explanation": w("pt", "Não há ferry nessa noite.") });
    s.moves(pt, Desk, &run, &task, "decline", declines).await?;
    s.tells(pt, Desk, "declines a task: no capacity; the one who asked cannot make it do it");
    s.stands(&run, &task, "declined", "a task may be declined at any time").await?;
    let leaves = json!({ "from_when": in_minutes(0, "Europe/Lisbon"), "ground": ["no-capacity"], "explanation": w("pt", "Os meios são precisos no Algarve.") });
    s.moves(pt, Supervisor, &run, &run.root, "withdraw", leaves).await?;
    s.tells(pt, Supervisor, "withdraws on its ground, with notice; the operation is not held up by that");
    let plea = json!({ "text": w("pt", "Afinal, uma patrulha."), "owner": ma.id(), "due": in_minutes(21 * 1440, "Europe/Lisbon") });
    s.no_item((pt, Desk), &run, &run.root, "task", plea, "refusal.act.voice").await?;
    s.all(&[ma, es], Desk, &run, &run.root, "ready", json!({ "briefed": w("en", "All teams briefed.") })).await?;
    s.stands(&run, &run.root, "action", "ma and es go on").await?;
    let day = json!({ "from": in_minutes(0, "Europe/Madrid"), "until": in_minutes(600, "Europe/Madrid"), "areas": [place("es", "Algeciras", "ES")], "post": w("es", "Puesto de Algeciras"), "phone": "+34950000000" });
    let day = s.adds(es, Desk, &run, "action_day", day).await?;
    s.moves(es, Desk, &run, &day, "start", json!({})).await?;
    let entry = json!({ "happened": in_minutes(0, "Europe/Madrid"), "type": "incident", "priority": "high", "text": w("es", "Tres turismos sin documentación de origen."), "action_day": day });
    s.adds(es, Officer, &run, "entry", entry).await?;
    s.moves(es, Desk, &run, &day, "end", json!({})).await?;
    let three = s.adds(es, Desk, &run, "result", json!({ "kind": "vehicles-seized", "count": 3 })).await?;
    let two = s.adds(ma, Desk, &run, "result", json!({ "kind": "vehicles-seized", "count": 2 })).await?;
    s.all(&[ma, es], Desk, &run, &run.root, "end_action", json!({})).await?;
    let tally = json!({ "results": [three, two], "totals": [w("en", "Five vehicles seized.")], "reply_until": in_minutes(1440, "Europe/Madrid") });
    let tally = s.adds(es, Desk, &run, "tally", tally).await?;
    s.in_vain((pt, Supervisor), &run, &tally, "oppose", json!({ "reason": w("pt", "Contagem incompleta.") }), "refusal.act.voice").await?;
    s.moves(ma, Supervisor, &run, &tally, "agree", json!({})).await?;
    s.stands(&run, &tally, "agreed", "the count does not wait for pt, which has withdrawn").await?;
    let debrief = s.adds(ma, Desk, &run, "debrief", json!({ "reply_until": in_minutes(1440, "Africa/Casablanca") })).await?;
    let said = json!({ "worked": w("en", "One radio channel for liaison."), "failed": w("en", "Lists came late.") });
    s.all(&[ma, es], Officer, &run, &debrief, "contribute", said).await?;
    s.all(&[ma, es], Desk, &run, &run.root, "close", json!({ "result": w("en", "Five stolen vehicles returned to their owners.") })).await?;
    s.stands(&run, &run.root, "closed", "counted, debriefed, closed").await
}

/// Proposed: ma has joined, pt is asked, de supports with a threat picture.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    let parties = [(es, "participant"), (ma, "participant"), (pt, "participant"), (de, "supporting")];
    let run = s.opens(Desk, "joint-operation", &parties, form("ES-OC-7", "Opération Estrecho : documents", 30)).await?;
    s.shows("joint-operation/proposed", &run);
    s.moves(ma, Desk, &run, &run.root, "join", joins("MA-OC-7", "Karim Ouazzani")).await?;
    let picture = json!({ "facts": [w("de", "Serie gefälschter Aufenthaltstitel, gleiche Druckerei.")], "evaluation": [graded("B", "2")] });
    s.adds(de, Officer, &run, "threat_picture", picture).await.map(drop)
}
