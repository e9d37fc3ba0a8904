//! Chapter 3: the register is filled from public texts. What the press tells is a draft until an officer has looked at it.

use super::cast::Seat;
use super::wish::text;
use super::{DemoError, Stage};
use serde_json::{Value, json};

/// Texts about public facts, in our own words.
const TEXTS: [(&str, &str); 4] = [
    ("press/madrid-2025-fr.txt", include_str!("../../demo/press/madrid-2025-fr.txt")),
    ("press/madrid-2022-en.txt", include_str!("../../demo/press/madrid-2022-en.txt")),
    ("press/madrid-2022-fr.txt", include_str!("../../demo/press/madrid-2022-fr.txt")),
    ("press/rabat-undated-es.txt", include_str!("../../demo/press/rabat-undated-es.txt")),
];

/// Reads the texts, decides on the drafts, and returns the one that tells of the visit.
pub async fn read(stage: &Stage) -> Result<String, DemoError> {
    let (voice, es) = (&stage.voice, &stage.es);
    voice.chapter("3  The register: what the press tells, with the words it comes from, until an officer decides");
    let texts: Vec<Value> = TEXTS.iter().map(|(path, body)| json!({ "path": path, "body": body })).collect();
    let read = es.post(Seat::Desk, "/v1/register", &json!({ "texts": texts })).await?;
    let drafts = read["drafts"].as_array().cloned().unwrap_or_default();
    voice.says("es", &format!("{} has {} public texts read: {} drafts", es.who(Seat::Desk), TEXTS.len(), drafts.len()));
    voice.same("four texts in three languages tell of three events", &(drafts.len(), read["silent"].as_array().map(Vec::len)), &(3, Some(0)))?;
    drafts.iter().for_each(|d| shown(stage, d));

    let find = |from: &str| drafts.iter().find(|d| d["event"]["date_from"].as_str().unwrap_or("none") == from).cloned();
    let missing = |name: &str| DemoError::Check { name: format!("the draft of {name} is there"), found: read.to_string() };
    let last = find("2025-01-28").ok_or_else(|| missing("28 January 2025"))?;
    let first = find("2022-06-16").ok_or_else(|| missing("16 June 2022"))?;
    let undated = find("none").ok_or_else(|| missing("no date"))?;
    voice.same("two texts, English and French, were joined into one event", &first["event"]["languages"], &json!(["en", "fr"]))?;
    voice.same("where they differ the draft says a meeting, by the words of the English one", text(&first["event"], "kind"), "meeting")?;

    let mut corrected = first["event"].clone();
    corrected["kind"] = json!("visit");
    let confirmed = es.post(Seat::Desk, &format!("/v1/register/{}/confirm", text(&first, "id")), &json!({ "event": corrected })).await?;
    voice.says("es", &format!("{} corrects June 2022: it was a working visit, as the French text says; confirmed", es.who(Seat::Desk)));
    voice.same("the register holds what the officer says", &(text(&confirmed, "state"), text(&confirmed["event"], "kind")), &("confirmed", "visit"))?;
    let rejected = es.post(Seat::Desk, &format!("/v1/register/{}/reject", text(&undated, "id")), &json!({})).await?;
    voice.says("es", &format!("{} rejects the text without a date: nobody can tell which visit it was", es.who(Seat::Desk)));
    voice.same("the rejected draft stays on record as rejected", text(&rejected, "state"), "rejected")?;

    let id = text(&last, "id").to_owned();
    voice.says("es", &format!("{} wants to open a visit from a draft that nobody has confirmed", es.who(Seat::Desk)));
    let guests = json!({ "guests": [stage.ma.id(), stage.de.id()], "fields": {} });
    stage.try_in_vain(es, Seat::Desk, &format!("/v1/register/{id}/visit"), &guests, "refusal.node.asked").await?;
    es.post(Seat::Desk, &format!("/v1/register/{id}/confirm"), &json!({})).await?;
    let again = es.post(Seat::Desk, "/v1/register", &json!({ "texts": texts })).await?;
    let states = |list: &Value| list.as_array().into_iter().flatten().filter(|d| text(d, "state") != "draft").count();
    voice.same("reading the same texts again changes no decision", &states(&again["drafts"]), &3)?;
    Ok(id)
}

fn shown(stage: &Stage, draft: &Value) {
    let event = &draft["event"];
    let list = |key: &str| event[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let days = match (event["date_from"].as_str(), event["date_to"].as_str()) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        _ => "no date".to_owned(),
    };
    stage.voice.shows(&format!(
        "{}: {}, {days}, {}, countries {}, threats {}",
        text(draft, "id"),
        text(event, "kind"),
        text(event, "place"),
        list("countries"),
        list("threat_areas")
    ));
    for field in ["date_from", "place", "services"] {
        for span in event["spans"][field].as_array().into_iter().flatten().take(2) {
            let source = span["source"].as_u64().and_then(|n| event["sources"][n as usize].as_str()).unwrap_or_default();
            stage.voice.shows(&format!(
                "    {field} = {} from \"{}\" ({source}, bytes {} to {})",
                text(span, "value"),
                text(span, "text"),
                span["start"],
                span["end"]
            ));
        }
    }
}
