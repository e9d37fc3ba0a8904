//! A service's own names beside ours: services, places, roles of offices, and officials under one id across their spellings.
//!
//! Flow: 1 size and form of the file, 2 each table: ids, countries, names, 3 our data files and these are compiled into one gazetteer. A name under an
//! id that we ship adds a spelling to it; a new id makes a new entry. Nothing that we ship can be taken away.

use crate::fold::skeleton;
use crate::hits::{Class, Entry};
use crate::lexicon::{Lexicon, shipped_entries};
use crate::words::Words;
use serde::Deserialize;
use std::collections::BTreeMap;
use thiserror::Error;

/// Largest file of own names, in bytes.
pub const NAMES_BYTES_MAX: usize = 1 << 20;
/// Most tables in it.
pub const NAMES_TABLES_MAX: usize = 5_000;
/// Longest name, in words.
pub const NAME_WORDS_MAX: usize = 12;

/// Why a file of own names is not taken; nothing of it is used then.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NamesFault {
    /// The file is larger than we read.
    #[error("the file of names has {bytes} bytes, more than names_bytes_max = {NAMES_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No valid TOML, or a table or key that has no meaning; the words say where.
    #[error("the file of names cannot be read: {0}")]
    Form(String),
    /// More tables than we read.
    #[error("the file of names has {tables} tables, more than names_tables_max = {NAMES_TABLES_MAX}")]
    TooMany {
        /// How many.
        tables: usize,
    },
    /// An id that is no id.
    #[error(
        "{table} {id:?}: an id has small letters, digits, hyphens and full stops, as in es.guardia-civil; a service's starts with its country or with int. or eu."
    )]
    Id {
        /// Which table.
        table: &'static str,
        /// What stands there.
        id: String,
    },
    /// A country that is no country code.
    #[error("{table} {id:?}: {country:?} is no country code; write two capitals, as in MA")]
    Country {
        /// Which table.
        table: &'static str,
        /// Whose.
        id: String,
        /// What stands there.
        country: String,
    },
    /// A table without names, or a name without a word, or one too long.
    #[error("{table} {id:?}: {name:?} is no name that can be met in a text; give 1 to {NAME_WORDS_MAX} words")]
    Name {
        /// Which table.
        table: &'static str,
        /// Whose.
        id: String,
        /// What stands there, or nothing.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnFile {
    #[serde(default)]
    service: Vec<OwnService>,
    #[serde(default)]
    place: Vec<OwnPlace>,
    #[serde(default)]
    office: Vec<OwnOffice>,
    #[serde(default)]
    official: Vec<OwnOfficial>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnService {
    id: String,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    /// Names that other States' services bear too: they count only where the country stands near.
    #[serde(default)]
    shared_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnPlace {
    name: String,
    #[serde(default)]
    seat: Option<String>,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnOffice {
    role: String,
    names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnOfficial {
    id: String,
    names: Vec<String>,
}

/// Own names, compiled.
#[derive(Debug)]
pub(crate) struct Own {
    pub lexicon: Lexicon,
    pub people: Vec<Person>,
}

/// An official that a service's own file lists.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub id: String,
    /// Sounds of each spelling.
    pub sounds: Vec<Vec<String>>,
}

/// Reads and compiles a file of own names.
pub(crate) fn own_names(toml: &str) -> Result<Own, NamesFault> {
    if toml.len() > NAMES_BYTES_MAX {
        return Err(NamesFault::TooLarge { bytes: toml.len() });
    }
    let file: OwnFile = toml::from_str(toml).map_err(|fault| NamesFault::Form(fault.to_string()))?;
    let tables = file.service.len() + file.place.len() + file.office.len() + file.official.len();
    if tables > NAMES_TABLES_MAX {
        return Err(NamesFault::TooMany { tables });
    }
    let mut entries = shipped_entries();
    for service in file.service {
        entries.extend(service_entries(service)?);
    }
    for place in file.place {
        names("place", &place.name, &place.names)?;
        if let Some(seat) = &place.seat {
            country("place", &place.name, seat)?;
        }
        entries.push(Entry { seat: place.seat, ..entry(Class::Place, place.name, place.names) });
    }
    for office in file.office {
        id("office", &office.role)?;
        names("office", &office.role, &office.names)?;
        entries.push(entry(Class::OfficeHead, office.role, office.names));
    }
    let mut people = Vec::new();
    for official in file.official {
        id("official", &official.id)?;
        names("official", &official.id, &official.names)?;
        let sounds = |name: &String| name.split(|c: char| c.is_whitespace() || c == '-').map(skeleton).filter(|key| !key.is_empty()).collect();
        people.push(Person { sounds: official.names.iter().map(sounds).collect(), id: official.id });
    }
    Ok(Own { lexicon: Lexicon::of(entries), people })
}

fn entry(class: Class, value: String, names: Vec<String>) -> Entry {
    Entry { class, value, country: None, seat: None, name: None, with: None, phrases: BTreeMap::from([("any".to_owned(), names)]) }
}

fn service_entries(service: OwnService) -> Result<Vec<Entry>, NamesFault> {
    id("service", &service.id)?;
    let body = service.id.split('.').next().unwrap_or_default();
    let many = matches!(body, "int" | "eu");
    if body.len() != 2 && !many || !service.id.contains('.') {
        return Err(NamesFault::Id { table: "service", id: service.id });
    }
    let code = service.country.clone().unwrap_or_else(|| body.to_ascii_uppercase());
    if !many {
        country("service", &service.id, &code)?;
    }
    if service.names.is_empty() && service.shared_names.is_empty() {
        return Err(NamesFault::Name { table: "service", id: service.id, name: String::new() });
    }
    let mut all = Vec::new();
    for (class, list) in [(Class::Service, service.names), (Class::ServiceOf, service.shared_names)] {
        if !list.is_empty() {
            names("service", &service.id, &list)?;
            let country = if body == "int" { None } else { Some(code.clone()) };
            all.push(Entry { country, ..entry(class, service.id.clone(), list) });
        }
    }
    Ok(all)
}

fn id(table: &'static str, id: &str) -> Result<(), NamesFault> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let is_id = !id.is_empty() && id.len() <= 100 && id.chars().all(plain) && id.split('.').all(|part| !part.is_empty());
    if is_id { Ok(()) } else { Err(NamesFault::Id { table, id: id.to_owned() }) }
}

fn country(table: &'static str, id: &str, country: &str) -> Result<(), NamesFault> {
    let is_code = country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase());
    if is_code { Ok(()) } else { Err(NamesFault::Country { table, id: id.to_owned(), country: country.to_owned() }) }
}

fn names(table: &'static str, id: &str, names: &[String]) -> Result<(), NamesFault> {
    let fault = |name: &str| NamesFault::Name { table, id: id.to_owned(), name: name.to_owned() };
    if names.is_empty() {
        return Err(fault(""));
    }
    for name in names {
        let mut words = Words::default();
        words.push(name, 0, name.len());
        // A "~" at either end would meet anything.
        let bare = name.trim();
        let meets = !words.list.is_empty() && words.list.len() <= NAME_WORDS_MAX && !bare.starts_with('~') && !bare.ends_with('~');
        let spelled = bare.split_whitespace().filter(|part| *part != "~").all(|part| part.chars().any(char::is_alphanumeric));
        if !meets || !spelled {
            return Err(fault(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let fault = |toml: &str| own_names(toml).unwrap_err().to_string();
        assert!(fault("[[service]]\nid = \"Guardia\"\nnames = [\"x\"]").contains("Guardia"));
        assert!(fault("[[service]]\nid = \"guardia\"\nnames = [\"x\"]").contains("es.guardia-civil"));
        assert!(fault("[[service]]\nid = \"es.x\"\ncountry = \"Spain\"\nnames = [\"x\"]").contains("Spain"));
        assert!(fault("[[service]]\nid = \"es.x\"").contains("1 to 12 words"));
        assert!(fault("[[place]]\nname = \"Larache\"\nnames = [\"…\"]").contains("Larache"));
        assert!(fault("[[place]]\nname = \"Larache\"\nnames = [\"~ Larache\"]").contains("Larache"));
        assert!(fault("[[office]]\nrole = \"wali\"\nnames = []").contains("wali"));
        assert!(fault("[[river]]\nname = \"Loukkos\"").contains("river"));
        assert!(fault("[[official]]\nid = \"a.b\"\nname = \"A B\"").contains("name"));
        assert!(fault(&" ".repeat(NAMES_BYTES_MAX + 1)).contains("names_bytes_max"));
        assert!(fault(&"[[place]]\nname = \"A\"\nnames = [\"B\"]\n".repeat(NAMES_TABLES_MAX + 1)).contains("names_tables_max"));
        assert!(own_names("").is_ok());
    }
}
