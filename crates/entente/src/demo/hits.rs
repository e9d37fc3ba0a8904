//! Chapter 7a: es asks the index of ma about a man whose name ma holds in Arabic letters: a hit, a follow-up; and a namesake who is none.

use super::accords;
use super::cast::Seat;
use super::wish::{text, words};
use super::{DemoError, Stage, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);
/// Invented persons, as a register of ma writes them.
const INDEX: &str = "reference,name,birth,document,category,quality,contact,until\n\
    MA-2024-0117,يوسف بن شقرون,1981-03-07,,suspect,identity from a document,k.ouazzani,2030-12-31\n\
    MA-2023-0009,فاطمة الزهراء العلوي;Fatima-Zahra Alaoui,1990-11-23,MA:passport:ZZ998877,convicted,identity from a document,k.ouazzani,2030-12-31\n\
    MA-2022-0041,خالد الريفي,1975,,suspect,year of birth only,k.ouazzani,2030-12-31\n";

/// Agrees on hit/no-hit, loads an index, asks, confirms and follows up.
pub async fn ask(stage: &Stage) -> Result<(), DemoError> {
    let (voice, ma, es) = (&stage.voice, &stage.ma, &stage.es);
    voice.chapter("8  Hit or no-hit: es asks without telling, ma answers without giving a list away");
    let hashes = accords::mechanisms(ma).await?;
    let question = |name: &str, birth: &str| asks(stage, name, birth);
    voice.says("es", &format!("{} wants to ask before there is an accord on it", es.who(Seat::Officer)));
    let early = question("Yusef Benchekrún", "1981-03-07");
    stage.try_in_vain(es, Seat::Officer, "/v1/asks", &early, "refusal.accord.none").await?;
    let accord = accords::propose(stage, &[ma, es], terms(&hashes)).await?;
    accords::in_force(stage, &[ma, es], &accord, "the accord on hit/no-hit").await?;

    let load = |content: &str| json!({ "source": "register.csv", "format": "csv", "text": content });
    let bad = INDEX.replace("1975", "1875-13-45");
    let refused = ma.post(Seat::Desk, "/v1/index/load", &load(&bad)).await?;
    voice.shows(&format!("line {}: {}", refused["rejects"][0]["line"], text(&refused["rejects"][0], "what")));
    voice.same("a file with a false line is rejected by that line, and nothing of it is loaded", &refused["loaded"], &json!(false))?;
    let loaded = ma.post(Seat::Desk, "/v1/index/load", &load(INDEX)).await?;
    voice.same("ma loads three invented persons in one transaction", &loaded["changed"]["added"], &json!(3))?;
    let tags = loaded["published"][0]["added"].as_u64().unwrap_or_default();
    voice.says("ma", &format!("{} loads the index; es gets a filter of {tags} tags, made with a key for es alone", ma.who(Seat::Desk)));
    until("es has the list of ma", WITHIN, || async { Ok(es.get(Seat::Officer, "/v1/lists").await?.as_array().is_some_and(|l| l.len() == 1)) }).await?;
    let lists = es.get(Seat::Officer, "/v1/lists").await?;
    voice.same("es has taken it whole, checked and probed", &lists[0]["tags"].as_u64(), &Some(tags))?;

    let hit = answered(stage, &early).await?;
    voice.says("es", &format!("{} asks about \"Yusef Benchekrún\", born on 7 March 1981, in a case", es.who(Seat::Officer)));
    voice.same("a Spanish spelling meets the name in Arabic letters: a hit", &(text(&hit, "state"), text(&hit, "quality")), &("hit", "strong"))?;
    voice.same("the hit alone tells nothing of what ma holds", &hit["references"], &json!([]))?;
    let namesake = answered(stage, &question("Yusef Benchekrún", "1986-09-14")).await?;
    voice.same("a namesake with another date of birth is no hit", text(&namesake, "state"), "no-hit")?;
    let french = answered(stage, &question("Fatima Zohra El Alaoui", "1990-11-23")).await?;
    voice.same("a French spelling is a hit too", text(&french, "state"), "hit")?;

    let log = lines(ma.get(Seat::DataProtection, "/v1/log?kind=hit&reason=audit").await?);
    voice.same("the log of ma has three questions, with officer, case and commitment", &log.len(), &3)?;
    let told = log.iter().map(Value::to_string).collect::<String>().to_lowercase();
    voice.check("and not a word of whom they were about", !["bench", "1981", "1986", "alaoui"].iter().any(|w| told.contains(w)), || told.clone())?;
    let ours = lines(es.get(Seat::DataProtection, "/v1/log?kind=hit&reason=audit").await?);
    voice.same("both sides wrote down the same commitment", &ours[0]["commitment"], &log[0]["commitment"])?;

    confirm_and_follow(stage, text(&hit, "question"), text(&namesake, "question")).await
}

/// The officer confirms: now ma learns which record it is, and es where to ask; the request is filled in.
async fn confirm_and_follow(stage: &Stage, hit: &str, namesake: &str) -> Result<(), DemoError> {
    let (voice, ma, es) = (&stage.voice, &stage.ma, &stage.es);
    stage.try_in_vain(es, Seat::Officer, &format!("/v1/asks/{namesake}/confirm"), &json!({}), "refusal.matching.not-hit").await?;
    es.post(Seat::Officer, &format!("/v1/asks/{hit}/confirm"), &json!({})).await?;
    voice.says("es", &format!("{} confirms the hit: only now does ma learn that there was one", es.who(Seat::Officer)));
    let path = format!("/v1/asks/{hit}");
    until("the reference comes", WITHIN, || async { Ok(text(&es.get(Seat::Officer, &path).await?, "state") == "referred") }).await?;
    let referred = es.get(Seat::Officer, &path).await?;
    voice.same("es learns ma's own reference, and no content", text(&referred["references"][0], "reference"), "MA-2024-0117")?;
    let fields = json!({ "fields": { "question": [words("es", "¿Qué consta de esta persona?")] } });
    let made = es.post(Seat::Officer, &format!("/v1/asks/{hit}/follow-up"), &fields).await?;
    let followed = es.approve(Seat::Desk, &es.pending(&made)?).await?;
    voice.says("es", &format!("{} sends the information request that follows, {} approves", es.who(Seat::Officer), es.who(Seat::Desk)));
    let received = ma.look(Seat::Desk, &followed.dossier, "a request that follows a hit").await?;
    let form = received["items"][0]["fields"].to_string();
    voice.check("the request names the case and ma's reference", form.contains("MA-2024-0117") && form.contains("ES-UDYCO-0207"), || form.clone())?;
    // The auditor: one side opens a line of its log, the other holds it against what was asked.
    let opened = es.post(Seat::DataProtection, &format!("/v1/asks/{namesake}/open"), &json!({ "reason": "yearly check" })).await?;
    let pairs: Vec<Value> = opened["openings"].as_array().into_iter().flatten().map(|o| json!([o["input"], o["blind"]])).collect();
    let checked = ma.post(Seat::DataProtection, &format!("/v1/asks/{namesake}/check"), &json!({ "openings": pairs })).await?;
    let all = checked.as_array().is_some_and(|c| !c.is_empty() && c.iter().all(|o| o["opens"] == true));
    voice.check("an auditor opens a line of es, and it opens what ma was asked", all, || checked.to_string())
}

async fn answered(stage: &Stage, form: &Value) -> Result<Value, DemoError> {
    let es = &stage.es;
    let asked = es.post(Seat::Officer, "/v1/asks", form).await?;
    let path = format!("/v1/asks/{}", text(&asked[0], "question"));
    until("ma answers", WITHIN, || async { Ok(text(&es.get(Seat::Officer, &path).await?, "state") != "sent") }).await?;
    es.get(Seat::Officer, &path).await
}

fn asks(stage: &Stage, name: &str, birth: &str) -> Value {
    json!({
        "to": [stage.ma.id()], "subject": { "names": [name], "births": [birth] }, "label": name, "purpose": "investigate", "offence": "drug-trafficking",
        "category": "suspect", "aim": "learn-more", "reference": "ES-UDYCO-0207", "reason": words("es", "Visto dos veces en el puerto de Algeciras."),
    })
}

fn lines(log: Value) -> Vec<Value> {
    log.as_array().into_iter().flatten().map(|l| l["data"].clone()).collect()
}

fn terms(hashes: &BTreeMap<String, String>) -> Value {
    json!({
        "title": words("fr", "Concordance / non-concordance entre la DGSN-DGST et la Policía Nacional"),
        "legal_basis_kind": "convention",
        "legal_basis": [words("fr", "Convention entre le Maroc et l'Espagne en matière de coopération dans la lutte contre la criminalité, faite à Rabat le 13 février 2019")],
        "purposes": ["investigate"],
        "mechanisms": [{ "name": "hit-no-hit", "id": hashes["hit-no-hit"] }],
        "languages": ["fr", "es"],
        "retention_days": 1095,
        "hit_categories": ["suspect", "convicted"],
        "hit_officer_day_max": 1280,
        "hit_partner_ten_days_max": 20480,
    })
}
