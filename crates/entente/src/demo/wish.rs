//! Intents and values in the plain form in which the local API takes them.

use base::ServiceId;
use serde_json::{Value, json};

/// Opens a dossier; our own service and role stand first.
pub fn open(mechanism: &str, parties: &[(ServiceId, &str)], fields: Value) -> Value {
    json!({ "do": "open", "mechanism": mechanism, "accord": null, "parties": parties, "follows": null, "fields": fields, "handling": { "codes": ["H0"] } })
}

/// Opens an item in a dossier's root.
pub fn item(dossier: &str, kind: &str, fields: Value) -> Value {
    json!({ "do": "open-item", "dossier": dossier, "parent": null, "kind": kind, "fields": fields, "handling": { "codes": ["H0"] } })
}

/// Opens an item within another one.
pub fn item_in(dossier: &str, parent: &str, kind: &str, fields: Value) -> Value {
    json!({ "do": "open-item", "dossier": dossier, "parent": parent, "kind": kind, "fields": fields, "handling": { "codes": ["H0"] } })
}

/// Moves our stance on the root.
pub fn step(dossier: &str, name: &str, fields: Value) -> Value {
    json!({ "do": "move", "dossier": dossier, "item": null, "name": name, "fields": fields, "handling": { "codes": ["H0"] } })
}

/// Moves our stance on an item.
pub fn step_on(dossier: &str, item: &str, name: &str, fields: Value) -> Value {
    json!({ "do": "move", "dossier": dossier, "item": item, "name": name, "fields": fields, "handling": { "codes": ["H0"] } })
}

/// Gives an intent other handling codes than H0.
pub fn handled(mut intent: Value, codes: &[&str]) -> Value {
    intent["handling"]["codes"] = json!(codes);
    intent
}

/// A place with its country.
pub fn place(lang: &str, name: &str, country: &str) -> Value {
    json!({ "name": words(lang, name), "country": country })
}

/// The moment that lies so many minutes ahead, on a zone's clocks.
pub fn in_minutes(minutes: i64, zone: &str) -> Value {
    let at = crate::engine::now().plus_ms(minutes * 60_000);
    json!(at.in_zone(zone).map_or_else(|_| at.to_string(), |i| i.to_string()))
}

/// The day that lies so many days ahead.
pub fn in_days(days: i64) -> Value {
    json!(crate::engine::now().plus_ms(days * 86_400_000).to_string().chars().take(10).collect::<String>())
}

/// Words with their language.
pub fn words(lang: &str, text: &str) -> Value {
    json!({ "lang": lang, "text": text })
}

/// Finds an item of a dossier as an officer sees it.
pub fn find<'a>(view: &'a Value, item: &str) -> &'a Value {
    view["items"].as_array().and_then(|items| items.iter().find(|i| i["id"] == item)).unwrap_or(&Value::Null)
}

/// Finds a clock of a dossier, as `kind/clock`, for the service that answers.
pub fn clock<'a>(view: &'a Value, name: &str, answers: &str) -> &'a Value {
    let fits =
        |c: &&Value| format!("{}/{}", c["kind"].as_str().unwrap_or_default(), c["clock"].as_str().unwrap_or_default()) == name && c["answers"] == answers;
    view["clocks"].as_array().and_then(|clocks| clocks.iter().find(fits)).unwrap_or(&Value::Null)
}

/// Returns a member that is a text.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Returns the first eight characters of an id.
pub fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
