//! FollowTheMoney entities (followthemoney.tech, its default model): persons and companies with their documents, vehicles, vessels.
//!
//! 1 each line is an entity, 2 passports and identifications are joined to their holder, wherever they stand, 3 what is about nobody in the file,
//! or of another schema, is rejected by its line.

use super::{Entry, Reject, reject};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize)]
struct Entity {
    id: String,
    schema: String,
    #[serde(default)]
    properties: BTreeMap<String, Vec<String>>,
}

impl Entity {
    fn all<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> + 'a {
        names.iter().filter_map(|n| self.properties.get(*n)).flatten().map(String::as_str)
    }

    /// Returns the country of a thing, as far as it says one.
    fn country(&self) -> &str {
        self.all(&["country", "nationality", "citizenship", "jurisdiction", "flag"]).next().unwrap_or_default()
    }
}

/// Reads entities.
pub fn read(text: &str) -> (Vec<Entry>, Vec<Reject>) {
    let (mut entries, mut rejects, mut documents): (Vec<Entry>, Vec<Reject>, Vec<(usize, Entity)>) = Default::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, t)| !t.trim().is_empty()) {
        let entity: Entity = match serde_json::from_str(text) {
            Ok(e) => e,
            Err(e) => {
                rejects.push(reject(line, format!("this line is no FollowTheMoney entity: {e}")));
                continue;
            }
        };
        let mut e = Entry { line, reference: entity.id.clone(), ..Entry::default() };
        match entity.schema.as_str() {
            "Person" | "LegalEntity" | "Organization" | "Company" | "PublicBody" => subject(&entity, &mut e),
            "Vehicle" | "Car" => {
                for plate in entity.all(&["registrationNumber"]) {
                    let done = e.subject.plate(entity.country(), plate);
                    e.try_do(done);
                }
            }
            "Vessel" => {
                for imo in entity.all(&["imoNumber"]) {
                    let done = e.subject.vessel(imo);
                    e.try_do(done);
                }
            }
            "Passport" | "Identification" => {
                documents.push((line, entity));
                continue;
            }
            other => {
                rejects.push(reject(line, format!("entities of the schema '{other}' say nothing that can be asked about")));
                continue;
            }
        }
        if places.insert(entity.id.clone(), entries.len()).is_some() {
            rejects.push(reject(line, format!("the entity '{}' stands twice in this file", entity.id)));
            continue;
        }
        entries.push(e);
    }
    for (line, document) in documents {
        let holders: Vec<usize> = document.all(&["holder"]).filter_map(|h| places.get(h).copied()).collect();
        if holders.is_empty() {
            rejects.push(reject(line, "the holder of this document is not in the file"));
        }
        for holder in holders {
            let e = &mut entries[holder];
            let kind = if document.schema == "Passport" { "passport" } else { document.all(&["type"]).next().unwrap_or("identity-card") };
            for number in document.all(&["number", "passportNumber"]) {
                let done = e.subject.document(document.country(), &kind.to_lowercase().replace(' ', "-"), number);
                e.try_do(done);
            }
        }
    }
    (entries, rejects)
}

fn subject(entity: &Entity, e: &mut Entry) {
    for name in entity.all(&["name", "alias", "previousName"]) {
        let done = e.subject.name(name);
        e.try_do(done);
    }
    if entity.all(&["name"]).next().is_none() {
        let parts: Vec<&str> = entity.all(&["firstName", "secondName", "middleName", "lastName"]).collect();
        if parts.len() > 1 {
            let done = e.subject.name(&parts.join(" "));
            e.try_do(done);
        }
    }
    for birth in entity.all(&["birthDate"]) {
        // Dates of the model may carry a time; the day is what counts.
        let done = e.subject.birth(birth.split('T').next().unwrap_or(birth));
        e.try_do(done);
    }
    for phone in entity.all(&["phone"]) {
        let done = e.subject.phone(phone);
        e.try_do(done);
    }
    for (property, kind) in [("passportNumber", "passport"), ("idNumber", "identity-card")] {
        for number in entity.all(&[property]) {
            let done = e.subject.document(entity.country(), kind, number);
            e.try_do(done);
        }
    }
}
