//! Controlled delivery: every State on the route authorises or nothing moves; custody is handed over; one stops it for all; one refuses.

use super::super::DemoError;
use super::super::cast::Service;
use super::kit::*;
use serde_json::{Value, json};

fn form(reference: &str, border: &[(&str, &str, &str)], goods: &str) -> Value {
    json!({
        "reference": reference, "legal_basis": w("fr", "Convention de 1988, article 11 ; accord, article 12"), "purpose": "investigate",
        "offence": "drug-trafficking", "offence_text": w("fr", "Transport de résine de cannabis"), "goods": "narcotics",
        "quantity": { "amount": "40", "unit": "kg" }, "goods_text": w("fr", goods), "means": ["lorry", "ferry"],
        "vehicles": [{ "plate": "0000 CCC", "country": "ES", "vin": null, "description": w("fr", "Camion frigorifique blanc") }],
        "intelligence": [w("fr", "Le chargement part de Tanger Med et doit être remis à un dépôt à destination.")], "evaluation": graded("B", "2"),
        "border_points": border.iter().map(|(lang, name, country)| place(lang, name, country)).collect::<Vec<_>>(),
        "start": in_minutes(6 * 60, "Africa/Casablanca"), "expected_end": in_minutes(40 * 60, "Africa/Casablanca"),
    })
}

/// Each State's own authority, in its own words.
fn authority(who: &Service) -> Value {
    let (lang, name, kind, decision) = match who.code() {
        "ma" => ("fr", "Procureur général du Roi près la Cour d'appel", "prosecutor-general-court-of-appeal", "82/2030"),
        "es" => ("es", "Juzgado Central de Instrucción", "investigating-judge", "DP 114/2030"),
        "de" => ("de", "Staatsanwaltschaft Hamburg", "public-prosecutor", "6100 Js 31/30"),
        _ => ("pt", "Ministério Público, DCIAP", "public-prosecutor", "NUIPC 77/30"),
    };
    json!({
        "authority": w(lang, name), "authority_kind": kind, "decision": decision, "reference": format!("{}-LV-19", who.code().to_uppercase()),
        "modes": ["intact", "replaced-in-part"], "valid_until": in_minutes(72 * 60, who.cast.founder.zone),
        "duty_contact": w(lang, who.cast.people[Supervisor as usize].1), "duty_phone": "+10000000000",
    })
}

fn plan(prosecutes: &Service, points: Value) -> Value {
    json!({
        "coordination": w("fr", "Cellule à Algésiras ; chaque État conduit sur son sol."), "surveillance": [w("fr", "Filature continue, balise, relève à chaque frontière.")],
        "handover_points": points, "modes": "intact", "weapons": w("fr", "Chacun sur son sol seulement."), "stop_when": ["surveillance-lost", "danger-to-persons"],
        "prosecutes": prosecutes.id(), "costs": w("fr", "Chacun les siens."),
    })
}

fn leg(number: i64, from: Value, to: Value, watched_by: &str) -> Value {
    json!({ "number": number, "from_place": from, "to_place": to, "begins": in_minutes(360 * number, "Europe/Madrid"), "watched_by": w("fr", watched_by) })
}

fn tanger() -> Value {
    place("fr", "Tanger Med", "MA")
}

fn algeciras() -> Value {
    place("es", "Puerto de Algeciras", "ES")
}

fn taken(at: Value) -> Value {
    json!({ "place": at, "when": in_minutes(0, "Europe/Madrid"), "seals_intact": true })
}

fn offered(at: Value) -> Value {
    json!({ "place": at, "when": in_minutes(0, "Europe/Madrid"), "state_of_goods": w("fr", "Scellés intacts.") })
}

/// Brings a delivery from the request to the consignment in Morocco's hands; returns the dossier and the consignment.
async fn sets_out<'a>(s: &Scene<'a>, parties: &[(&'a Service, &str)], fields: Value, last: Value, loud: bool) -> Result<(Run<'a>, String), DemoError> {
    let states: Vec<&Service> = parties.iter().map(|p| p.0).collect();
    let run = s.opens(Desk, "controlled-delivery", parties, fields).await?;
    if loud {
        s.tells(states[0], Desk, "asks all States on the route");
        s.tells(states[0], Supervisor, "wants to start it; there is no such button for police");
        s.in_vain((states[0], Supervisor), &run, &run.root, "authorise", authority(states[0]), "refusal.act.officer-role").await?;
    }
    for who in &states {
        s.moves(who, Authority, &run, &run.root, "authorise", authority(who)).await?;
        if loud {
            s.tells(who, Authority, &format!("authorises: {}", authority(who)["authority"]["text"].as_str().unwrap_or_default()));
        }
    }
    let rule = json!({ "kind": "no-foreign-weapons", "text": w("es", "Ningún agente extranjero armado en territorio español.") });
    let condition = s.adds(states[1], Desk, &run, "condition", rule).await?;
    let plan = s.adds(states[0], Desk, &run, "plan", plan(states[2], json!([algeciras(), last.clone()]))).await?;
    s.adds_in(states[0], Desk, &run, &plan, "leg", leg(1, tanger(), algeciras(), "DGSN, puis Policía Nacional à bord")).await?;
    s.adds_in(states[1], Desk, &run, &plan, "leg", leg(2, algeciras(), last, "UDYCO Central")).await?;
    s.all(&states[1..], Supervisor, &run, &plan, "agree", json!({})).await?;
    if loud {
        s.tells(states[0], Supervisor, &format!("wants to be ready while a condition of {} is not ticked off", states[1].code()));
        s.in_vain((states[0], Supervisor), &run, &run.root, "ready", json!({ "watch": w("fr", "Trois équipes.") }), "refusal.act.guard").await?;
    }
    s.all(&[states[0], states[2]], Desk, &run, &condition, "accept", json!({})).await?;
    s.moves(states[1], Desk, &run, &condition, "tick", json!({})).await?;
    s.all(&states, Supervisor, &run, &run.root, "ready", json!({ "watch": w("fr", "Trois équipes, relève toutes les six heures.") })).await?;
    let goods = json!({ "what": w("fr", "Quarante kilogrammes, double fond"), "quantity": { "amount": "40", "unit": "kg" }, "place": tanger() });
    let goods = s.adds(states[0], Officer, &run, "consignment", goods).await?;
    Ok((run, goods))
}

async fn hands_over(s: &Scene<'_>, run: &Run<'_>, goods: &str, giver: &Service, taker: &Service, at: Value) -> Result<(), DemoError> {
    s.moves(giver, Officer, run, goods, "offer", offered(at.clone())).await?;
    s.moves(taker, Officer, run, goods, "accept", taken(at)).await?;
    s.moves(giver, Officer, run, goods, "confirm", json!({})).await
}

pub async fn play(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, de, pt) = s.cast();
    s.voice.chapter("12  Controlled delivery: all authorise or nothing moves; anybody stops it; a refusal ends it");
    let parties = [(ma, "route"), (es, "route"), (de, "route")];
    let kehl = place("de", "Kehl", "DE");
    let border = [("es", "Algeciras", "ES"), ("de", "Kehl", "DE")];
    let (run, goods) = sets_out(s, &parties, form("MA-DGST-LV-19", &border, "Quarante kilogrammes de résine"), kehl, true).await?;
    s.shows("controlled-delivery/aborted", &run);
    s.stands(&run, &run.root, "under_way", "all are ready, and ma holds the goods").await?;
    s.voice.says("de", "wants to take the goods before they were anywhere near");
    s.in_vain((de, Officer), &run, &goods, "accept", taken(algeciras()), "refusal.act.guard").await?;
    hands_over(s, &run, &goods, ma, es, algeciras()).await?;
    s.voice.says("all", "hand-over in Algeciras: ma offers, es accepts, ma is relieved; never unheld");
    s.stands(&run, &goods, "held", "es holds the goods, alone").await?;
    s.sees(es, Officer, &run).await?;
    let stop = json!({ "reason": ["danger-to-persons"], "explanation": w("de", "Bewaffnete Begleitung erkannt."), "seize_where": w("es", "Área de servicio de la A-4, km 61") });
    s.moves(de, Officer, &run, &run.root, "stop", stop).await?;
    s.tells(de, Officer, "stops everything; nobody has to agree to that");
    s.stands(&run, &run.root, "aborted", "stopped for all").await?;
    let seized =
        json!({ "place": place("es", "A-4, km 61", "ES"), "when": in_minutes(0, "Europe/Madrid"), "seized": { "amount": "40", "unit": "kg" }, "arrested": 2 });
    s.moves(es, Officer, &run, &goods, "intercept", seized).await?;
    s.tells(es, Officer, "secures the goods: 40 kg, two arrests");
    s.all(&[ma, es], Desk, &run, &run.root, "conclude", json!({ "result": w("en", "Stopped for the safety of persons; goods seized in Spain.") })).await?;
    s.stands(&run, &run.root, "abort_concluded", "the abort is concluded, nothing is left on the road").await?;

    let parties = [(ma, "route"), (es, "route"), (pt, "route")];
    let fields = form("MA-DGST-LV-20", &[("es", "Algeciras", "ES"), ("pt", "Elvas", "PT")], "Vingt kilogrammes de résine");
    let run = s.opens(Desk, "controlled-delivery", &parties, fields).await?;
    s.shows("controlled-delivery/refused", &run);
    s.all(&[ma, es], Authority, &run, &run.root, "authorise", authority(ma)).await?;
    s.voice.says("pt", "wants to refuse without saying why");
    s.in_vain((pt, Authority), &run, &run.root, "refuse", json!({}), "refusal.field.missing").await?;
    let refuse = json!({ "ground": ["surveillance-not-assured"], "explanation": w("pt", "Sem equipas disponíveis entre Elvas e Setúbal.") });
    s.moves(pt, Authority, &run, &run.root, "refuse", refuse).await?;
    s.tells(pt, Authority, "refuses on its ground: continuous surveillance is not assured; a second officer approves");
    s.stands(&run, &run.root, "refused", "one refusal stops the whole").await?;
    s.no_item((ma, Officer), &run, &run.root, "consignment", json!({ "what": w("fr", "x"), "place": tanger() }), "refusal.act.wrong-phase").await
}

/// Under way: ma has handed over to es, es offers to pt, the second leg lies ahead, evidence and costs are open.
pub async fn leave(s: &Scene<'_>) -> Result<(), DemoError> {
    let (ma, es, _, pt) = s.cast();
    let elvas = place("pt", "Elvas", "PT");
    let fields = form("MA-DGST-LV-21", &[("es", "Algeciras", "ES"), ("pt", "Elvas", "PT")], "Soixante kilogrammes de résine");
    let (run, goods) = sets_out(s, &[(ma, "route"), (es, "route"), (pt, "route")], fields, elvas.clone(), false).await?;
    s.shows("controlled-delivery/under-way", &run);
    hands_over(s, &run, &goods, ma, es, algeciras()).await?;
    let entry = json!({ "happened": in_minutes(-12, "Europe/Madrid"), "type": "info", "text": w("es", "El camión sale del puerto; dos coches detrás."), "place": algeciras(), "consignment": goods });
    s.adds(es, Officer, &run, "entry", entry).await?;
    s.adds(
        ma,
        Officer,
        &run,
        "cost",
        json!({ "bearer": es.id(), "amount": { "amount": "340", "currency": "EUR" }, "what": w("fr", "Billets de ferry de l'équipe de filature") }),
    )
    .await?;
    let swap =
        json!({ "consignment": goods, "mode": "replaced-in-part", "what": w("es", "Sustituir dos tercios"), "sample_place": place("es", "Sevilla", "ES") });
    s.adds(es, Officer, &run, "substitution", swap).await?;
    s.moves(es, Officer, &run, &goods, "offer", offered(elvas)).await
}
