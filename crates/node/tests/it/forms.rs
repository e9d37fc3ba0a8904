//! Filled forms and intents, in the few words that the stories need.

use base::cbor::Map;
use base::{DossierId, Handling, ItemId, Lang, Text};
use dossier::{Deed, Value};
use node::Intent;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

pub fn h0() -> Handling {
    Handling::code("H0")
}

pub fn fr(words: &str) -> Json {
    json!({ "lang": "fr", "text": words })
}

pub fn form(fields: Json) -> BTreeMap<String, Json> {
    fields.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

pub fn moves(dossier: DossierId, item: Option<ItemId>, name: &str, fields: Json) -> Intent {
    Intent::Move { dossier, item, name: name.into(), fields: form(fields), handling: h0() }
}

pub fn opens(dossier: DossierId, kind: &str, fields: Json) -> Intent {
    Intent::OpenItem { dossier, parent: None, kind: kind.into(), fields: form(fields), handling: h0() }
}

pub fn note(dossier: DossierId, words: &str) -> Intent {
    opens(dossier, "note", json!({ "text": [fr(words)] }))
}

pub fn question() -> Json {
    json!({
        "reference": "RB-2025-17",
        "legal_basis": fr("Convention du 13 février 2019, article 5"),
        "purpose": "investigate",
        "offence": "drug-trafficking",
        "facts": fr("Un véhicule a été vu deux fois."),
        "question": [fr("À qui appartient-il ?")],
        "why_requested": fr("La plaque est espagnole."),
        "urgency": "urgent-direct",
    })
}

pub fn answer() -> Json {
    json!({ "answer": [fr("À une société.")], "nature": "fact", "reference": "ES-9", "evaluation": { "scale": "4x4", "source": "B", "information": "2" } })
}

pub fn text(words: &str) -> Value {
    Value::Text(Text::new(Lang::Fr, words))
}

pub fn words(words: &str) -> Map<Value> {
    [("text".to_owned(), Value::Many(vec![text(words)]))].into_iter().collect()
}

pub fn note_deed(dossier: DossierId) -> Deed {
    Deed::OpenItem { kind: "note".into(), parent: (*dossier.as_ref()).into() }
}
