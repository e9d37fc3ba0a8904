//! What a dossier says in words: the texts of its items and stances, and coded fields by their labels in all six languages.

use base::{ItemId, Lang, ServiceId, Vocabulary};
use dossier::{DossierView, Field, FieldType, Mechanism};
use serde_json::Value as Json;

/// Words of one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The item in which they stand.
    pub item: ItemId,
    /// The item's kind.
    pub kind: String,
    /// The field.
    pub field: String,
    /// Who says them.
    pub by: ServiceId,
    /// The words, with their language where they have one; a coded field has one for each language.
    pub texts: Vec<(Option<Lang>, String)>,
    /// How much a find in them counts, from 1.
    pub weight: u16,
}

/// Weight of the fields under which a dossier is listed.
const TITLE_WEIGHT: u16 = 4;

/// Reads all words that a dossier shows, the root's first. What was erased is not there.
pub fn lines(view: &DossierView, mechanism: &Mechanism) -> Vec<Line> {
    let mut out = Vec::new();
    for item in &view.items {
        let Some(kind) = mechanism.kind(&item.kind) else { continue };
        let opened = item.fields.iter().map(|(id, json)| (kind.fields.iter().find(|f| f.id == *id), item.opener, json));
        let said = item.stances.iter().flat_map(|s| {
            let role = view.parties.iter().find(|p| p.service == s.service).map(|p| p.role.as_str());
            let field = move |id: &str| kind.moves.iter().filter(|m| Some(m.role.as_str()) == role).flat_map(|m| &m.fields).find(|f| f.id == id);
            s.said.iter().map(move |(id, json)| (field(id), s.service, json))
        });
        for (field, by, json) in opened.chain(said) {
            let Some(field) = field else { continue };
            let root = item.parent.is_none() && ["title", "reference"].contains(&field.id.as_str());
            let each = json.as_array().map_or_else(|| std::slice::from_ref(json), Vec::as_slice);
            out.extend(each.iter().map(|one| texts(field, one)).filter(|texts| !texts.is_empty()).map(|texts| Line {
                item: item.id,
                kind: item.kind.clone(),
                field: field.id.clone(),
                by,
                texts,
                weight: if root { TITLE_WEIGHT } else { 1 },
            }));
        }
    }
    out
}

/// Returns the words of one value; what is not written in words has none.
fn texts(field: &Field, json: &Json) -> Vec<(Option<Lang>, String)> {
    match field.kind {
        FieldType::Choice => {
            let entry = field.vocabulary.as_deref().and_then(Vocabulary::get).and_then(|v| v.entry(json.as_str().unwrap_or_default()));
            entry.map(|e| Lang::ALL.into_iter().map(|l| (Some(l), e.label.get(l).to_owned())).collect()).unwrap_or_default()
        }
        FieldType::Exhibit => json["name"].as_str().map(|s| (None, s.to_owned())).into_iter().collect(),
        FieldType::Text
        | FieldType::Line
        | FieldType::Place
        | FieldType::Person
        | FieldType::Document
        | FieldType::Vehicle
        | FieldType::Vessel
        | FieldType::Phone
        | FieldType::Account => {
            let mut out = Vec::new();
            gather(json, None, &mut out);
            out
        }
        _ => Vec::new(),
    }
}

/// Parts of records that are codes, not words.
const CODES: [&str; 6] = ["lang", "country", "nationalities", "category", "born", "flag"];

/// Gathers the words of a record, each with the language that stands beside it.
fn gather(json: &Json, lang: Option<Lang>, out: &mut Vec<(Option<Lang>, String)>) {
    match json {
        Json::String(s) => out.push((lang, s.clone())),
        Json::Array(all) => all.iter().for_each(|j| gather(j, lang, out)),
        Json::Object(map) => {
            // Language tags may say more than the language: ar-MA.
            let stated = map.get("lang").and_then(Json::as_str).and_then(|t| t.split('-').next()?.parse().ok());
            map.iter().filter(|(k, _)| !CODES.contains(&k.as_str())).for_each(|(_, j)| gather(j, stated.or(lang), out));
        }
        _ => {}
    }
}
