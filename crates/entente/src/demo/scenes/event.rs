//! Event security: three hosts and a guest secure the World Cup; risks are judged apart, and the centre's log is handed from shift to shift.

use super::super::DemoError;
use super::super::cast::Service;
use super::kit::*;
use serde_json::json;

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    s.voice.chapter("15  Event security: the World Cup of three hosts; a centre that informs and commands nobody");
    let parties = [(ma, "host"), (es, "host"), (pt, "host"), (de, "guest")];
    let form = json!({
        "title": w("fr", "Coupe du monde 2030"), "reference": "MA-CSM-1", "legal_basis": w("fr", "Accord, article 16"), "purpose": "protect-public-security",
        "mandate": w("fr", "Préparer et suivre la sécurité des rencontres ; aucun service n'en commande un autre."),
        "date_from": in_days(60), "date_to": in_days(100), "languages": ["ar", "fr", "es", "pt", "en"],
    });
    let run = s.opens(Desk, "event-security", &parties, form).await?;
    s.shows("event-security/operating", &run);
    s.tells(ma, Desk, "proposes the committee of ma, es and pt; de is a guest");
    for (who, reference, name) in [(es, "ES-CSM-1", "Marta Olivares"), (pt, "PT-CSM-1", "Inês Carvalhal")] {
        s.moves(who, Supervisor, &run, &run.root, "agree", json!({ "reference": reference, "representative": w("en", name) })).await?;
    }
    s.moves(de, Desk, &run, &run.root, "join", json!({ "reference": "DE-ZIS-1", "contact_point": w("de", "Nationale Informationsstelle, Katrin Lohmann") }))
        .await?;
    s.stands(&run, &run.root, "preparing", "the committee is constituted by all hosts").await?;
    let stadium = json!({ "name": w("fr", "Grand stade"), "place": place("fr", "Casablanca", "MA"), "capacity": 93_000 });
    let stadium = s.adds(ma, Desk, &run, "venue", stadium).await?;
    let fixture = json!({ "what": w("fr", "Match d'ouverture de groupe"), "venue": stadium, "begins": in_minutes(62 * 1440, "Africa/Casablanca") });
    let fixture = s.adds(ma, Desk, &run, "fixture", fixture).await?;
    let risk = json!({ "kind": "ticket-fraud", "text": w("pt", "Bilhetes falsos vendidos em linha antes do jogo de abertura."), "fixture": fixture });
    let risk = s.adds(pt, Officer, &run, "risk", risk).await?;
    let judged = [(ma, "likely", "serious"), (es, "even-chance", "moderate"), (pt, "very-likely", "serious"), (de, "unlikely", "minor")];
    for (who, likelihood, impact) in judged as [(&Service, &str, &str); 4] {
        s.moves(who, Officer, &run, &risk, "judge", json!({ "likelihood": likelihood, "impact": impact, "reasons": w("en", "By our own cases.") })).await?;
    }
    let view = s.view(de, &run).await?;
    let at = super::super::wish::find(&view, &risk);
    let said: Vec<String> =
        at["stances"].as_array().into_iter().flatten().map(|x| format!("{}/{}", x["said"]["likelihood"], x["said"]["impact"]).replace('"', "")).collect();
    s.voice.shows(&format!("risk \"ticket fraud\": {}", said.join(" · ")));
    s.voice.same("four judgements stand side by side, and nobody's is averaged away", &said, &judged.map(|j| format!("{}/{}", j.1, j.2)).to_vec())?;
    let measure = json!({ "text": w("fr", "Contrôle des billets à deux anneaux"), "owner": ma.id(), "due": in_minutes(50 * 1440, "Africa/Casablanca") });
    s.adds_in(ma, Desk, &run, &risk, "measure", measure).await?;
    let late = json!({ "text": w("es", "Lista de puntos de contacto de las sedes"), "owner": es.id(), "due": in_minutes(-2 * 1440, "Europe/Madrid") });
    let late = s.adds(pt, Desk, &run, "action", late).await?;
    s.moves(es, Desk, &run, &late, "take_on", json!({})).await?;
    let meeting =
        json!({ "when": in_minutes(-60, "Europe/Lisbon"), "place": place("pt", "Lisboa", "PT"), "agenda": [w("pt", "Centro de cooperação policial")] });
    let meeting = s.adds(pt, Desk, &run, "meeting", meeting).await?;
    let minutes = json!({ "minutes": [w("pt", "O centro recolhe, avalia e distribui informação; não comanda.")], "present": w("pt", "Os três anfitriões e o convidado.") });
    s.moves(pt, Desk, &run, &meeting, "write_minutes", minutes).await?;
    let decision = s.adds(pt, Desk, &run, "decision", json!({ "text": w("pt", "O centro abre em Lisboa, por turnos."), "meeting": meeting })).await?;
    s.all(&[ma, es], Supervisor, &run, &decision, "vote_for", json!({})).await?;
    s.stands(&run, &decision, "adopted", "a decision is adopted by the hosts").await?;
    let readiness = s.adds(ma, Desk, &run, "readiness", json!({ "scope": [w("fr", "Match d'ouverture")] })).await?;
    s.tells(ma, Supervisor, "wants to hand over to the centre before the hosts are ready");
    s.in_vain((ma, Supervisor), &run, &run.root, "hand_over", json!({}), "refusal.act.guard").await?;
    s.all(&[ma, es], Supervisor, &run, &readiness, "declare_ready", json!({})).await?;
    s.moves(pt, Supervisor, &run, &readiness, "declare_reserved", json!({ "reservation": [w("pt", "Falta a lista de contactos das sedes espanholas.")] }))
        .await?;
    s.stands(&run, &readiness, "passed", "ready, with pt's reservation on record").await?;
    s.all(&[ma, es, pt], Supervisor, &run, &run.root, "hand_over", json!({})).await?;
    let centre = json!({ "place": place("pt", "Lisboa", "PT"), "phone": "+351211000000", "report_times": ["07:00", "19:00"], "until": in_minutes(100 * 1440, "Europe/Lisbon") });
    let centre = s.adds(pt, Desk, &run, "centre", centre).await?;
    s.tells(pt, Desk, "opens the centre in Lisbon");
    let shift =
        json!({ "leader": w("es", "Lucía Ferrer"), "begins": in_minutes(-480, "Europe/Lisbon"), "ends": in_minutes(15, "Europe/Lisbon"), "next": ma.id() });
    let shift = s.adds_in(es, Officer, &run, &centre, "shift", shift).await?;
    let entry = |from: &str, words: &str, kind: &str| {
        json!({
            "received": in_minutes(-1, "Europe/Lisbon"), "happened": in_minutes(-6, "Europe/Lisbon"), "from": w("en", from), "to": w("en", "Centre"), "type": kind,
            "nature": "fact", "text": w("es", words), "evaluation": graded("A", "1"), "priority": "routine", "fixture": fixture, "shift": shift,
        })
    };
    let first = s.adds_in(es, Officer, &run, &centre, "entry", entry("National information point, Spain", "Salen 41 autobuses de Sevilla.", "info")).await?;
    let mut corrected = entry("National information point, Spain", "Salen 14 autobuses de Sevilla, no 41.", "info");
    corrected["supersedes"] = json!(first);
    let second = s.adds_in(es, Officer, &run, &centre, "entry", corrected.clone()).await?;
    s.tells(es, Officer, "corrects an entry by a new one: the log only grows");
    corrected["text"] = w("fr", "Rien.");
    s.tells(ma, Officer, "wants to correct what es has entered");
    s.no_item((ma, Officer), &run, &centre, "entry", corrected, "refusal.field.wrong").await?;
    let report = json!({ "from_when": in_minutes(-480, "Europe/Lisbon"), "to_when": in_minutes(0, "Europe/Lisbon"), "entries": [second], "text": w("es", "Sin incidentes.") });
    s.adds_in(es, Officer, &run, &centre, "situation_report", report).await?;
    let asked = json!({ "text": w("es", "¿Matrículas de los 14 autobuses?"), "owner": ma.id(), "due": in_minutes(240, "Europe/Lisbon"), "entry": second });
    s.adds_in(es, Officer, &run, &centre, "follow_up", asked).await?;
    s.moves(es, Officer, &run, &shift, "hand_over", json!({ "open_matters": [w("es", "Pendiente: matrículas de los autobuses.")], "last_entry": second }))
        .await?;
    s.tells(es, Officer, "hands the shift over to ma, with the open matters; until ma signs, both see that it is under way");
    s.stands(&run, &shift, "handing_over", "the shift waits for ma's signature").await?;
    s.sees(ma, Officer, &run).await
}
