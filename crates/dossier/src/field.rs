//! Typed fields of forms: what a mechanism may ask for, and whether a value answers it.

use crate::value::{Exhibit, Value};
use base::cbor::Map;
use base::{Coded, Labels, Vocabulary};
use serde::{Deserialize, Serialize};

/// Characters that one line may have.
pub const LINE_CHARS_MAX: usize = 300;
/// Values that a field may hold.
pub const VALUES_MAX: usize = 200;
/// The vocabulary of how a dossier stands to another.
pub const RELATIONS: &str = "dossier-relations";

/// A field of a form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name within the form.
    pub id: String,
    /// Its label for people.
    pub label: Labels,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// The vocabulary that a choice draws from.
    pub vocabulary: Option<String>,
    /// Whether the form may be sent without it.
    #[serde(default)]
    pub required: bool,
    /// Whether it holds several values.
    #[serde(default)]
    pub many: bool,
    /// A hint for the officer.
    pub hint: Option<Labels>,
    /// Kinds of item that an item field may point at; any where empty.
    #[serde(default)]
    pub of: Vec<String>,
    /// Whether an item field points at an item that the author itself opened.
    #[serde(default)]
    pub own: bool,
    /// Whether the item that is opened takes the place of the one that this field names, which stays readable beside it.
    #[serde(default)]
    pub supersedes: bool,
    /// The commitment field that a reveal field opens.
    pub opens: Option<String>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // The names are those of the values in `Value`.
pub enum FieldType {
    Text,
    Line,
    Choice,
    Date,
    Instant,
    Length,
    Number,
    Flag,
    Quantity,
    Money,
    Place,
    Person,
    Document,
    Vehicle,
    Vessel,
    Phone,
    Account,
    Party,
    Officer,
    Exhibit,
    Reference,
    TextHash,
    Evaluation,
    Mechanism,
    Clock,
    Equivalence,
    Commitment,
    Reveal,
    Dossier,
    Item,
}

/// A form does not fit what the mechanism asks for; the officer who filled it can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// A required field is empty.
    #[error("the field '{0}' is required; fill it in")]
    Missing(String),
    /// The form has no such field.
    #[error("the form has no field '{0}'; leave it out")]
    Unknown(String),
    /// The value is not of the field's type or breaks its rule.
    #[error("the field '{field}' does not hold what it should: {why}")]
    Wrong {
        /// The field.
        field: String,
        /// The rule that it breaks.
        why: String,
    },
}

impl FieldFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            FieldFault::Missing(_) => "refusal.field.missing",
            FieldFault::Unknown(_) => "refusal.field.unknown",
            FieldFault::Wrong { .. } => "refusal.field.wrong",
        }
    }
}

impl Field {
    /// Reads a field's value from its plain JSON form.
    pub fn read(&self, json: &serde_json::Value) -> Result<Value, FieldFault> {
        match (self.many, json) {
            (true, serde_json::Value::Array(values)) => values.iter().map(|v| self.read_one(v)).collect::<Result<_, _>>().map(Value::Many),
            (true, one) => Ok(Value::Many(vec![self.read_one(one)?])),
            (false, one) => self.read_one(one),
        }
    }

    fn read_one(&self, json: &serde_json::Value) -> Result<Value, FieldFault> {
        fn get<T: serde::de::DeserializeOwned>(json: &serde_json::Value) -> Result<T, String> {
            serde_json::from_value(json.clone()).map_err(|e| e.to_string())
        }
        let value = match self.kind {
            FieldType::Text => get(json).map(Value::Text),
            FieldType::Line => get(json).map(Value::Line),
            FieldType::Choice => get(json).map(Value::Choice),
            FieldType::Date => get(json).map(Value::Date),
            FieldType::Instant => get(json).map(Value::Instant),
            FieldType::Length => get(json).map(Value::Length),
            FieldType::Number => get(json).map(Value::Number),
            FieldType::Flag => get(json).map(Value::Flag),
            FieldType::Quantity => get(json).map(Value::Quantity),
            FieldType::Money => get(json).map(Value::Money),
            FieldType::Place => get(json).map(Value::Place),
            FieldType::Person => get(json).map(Value::Person),
            FieldType::Document => get(json).map(Value::Document),
            FieldType::Vehicle => get(json).map(Value::Vehicle),
            FieldType::Vessel => get(json).map(Value::Vessel),
            FieldType::Phone => get(json).map(Value::Phone),
            FieldType::Account => get(json).map(Value::Account),
            FieldType::Party => get(json).map(Value::Party),
            FieldType::Officer => get(json).map(Value::Officer),
            FieldType::Exhibit => get(json).map(Value::Exhibit),
            FieldType::Reference => get(json).map(Value::Reference),
            FieldType::TextHash => get(json).map(Value::TextHash),
            FieldType::Evaluation => get(json).map(Value::Evaluation),
            FieldType::Mechanism => get(json).map(Value::Mechanism),
            FieldType::Clock => get(json).map(Value::Clock),
            FieldType::Equivalence => get(json).map(Value::Equivalence),
            FieldType::Commitment => get(json).map(Value::Commitment),
            FieldType::Reveal => get(json).map(Value::Reveal),
            FieldType::Dossier => get(json).map(Value::Dossier),
            FieldType::Item => get(json).map(Value::Item),
        };
        value.map_err(|why| self.wrong(why))
    }

    fn wrong(&self, why: impl Into<String>) -> FieldFault {
        FieldFault::Wrong { field: self.id.clone(), why: why.into() }
    }

    /// Checks a value against the field's type, vocabulary and limits.
    pub fn check(&self, value: &Value) -> Result<(), FieldFault> {
        if matches!(value, Value::Many(_)) != self.many {
            return Err(self.wrong(if self.many { "it holds a list" } else { "it holds one value" }));
        }
        let count = value.each().count();
        if !(1..=VALUES_MAX).contains(&count) {
            return Err(self.wrong(format!("it holds 1 to {VALUES_MAX} values")));
        }
        value.each().try_for_each(|v| self.check_one(v))
    }

    fn check_one(&self, value: &Value) -> Result<(), FieldFault> {
        let country = |c: &Option<String>| match c {
            Some(c) if c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase()) => Err("a country is an ISO 3166-1 alpha-2 code"),
            _ => Ok(()),
        };
        let decimal = |s: &str| match s.len() <= 30
            && s.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && s.matches('.').count() <= 1
            && s.starts_with(|c: char| c.is_ascii_digit())
        {
            true => Ok(()),
            false => Err("an amount is written in digits with at most one point"),
        };
        let line = |s: &str| match !s.trim().is_empty() && s.chars().count() <= LINE_CHARS_MAX && !s.chars().any(char::is_control) {
            true => Ok(()),
            false => Err("a line has 1 to 300 characters and no line break"),
        };
        let words = |t: &base::Text| match t.lang.is_well_formed() && !t.text.trim().is_empty() {
            true => Ok(()),
            false => Err("a text names its language and says something"),
        };
        let coded = |c: &Coded| if c.is_known() { Ok(()) } else { Err("the code is not in its vocabulary") };
        let known = |vocabulary: &str, code: &str| if Coded::new(vocabulary, code).is_known() { Ok(()) } else { Err("the code is not in its vocabulary") };
        let verdict = match (self.kind, value) {
            (FieldType::Text, Value::Text(t)) => words(t),
            (FieldType::Line, Value::Line(s)) => line(s),
            (FieldType::Choice, Value::Choice(code)) => known(self.vocabulary.as_deref().unwrap_or_default(), code),
            (FieldType::Instant, Value::Instant(i)) => {
                if i.is_well_formed() {
                    Ok(())
                } else {
                    Err("the zone or the moment does not exist")
                }
            }
            (FieldType::Quantity, Value::Quantity(q)) => decimal(&q.amount).and(line(&q.unit)),
            (FieldType::Money, Value::Money(m)) => decimal(&m.amount).and(if m.currency.len() == 3 { Ok(()) } else { Err("a currency is an ISO 4217 code") }),
            (FieldType::Place, Value::Place(p)) => words(&p.name).and(country(&p.country)),
            (FieldType::Person, Value::Person(p)) => words(&p.given)
                .or(words(&p.family))
                .and(known("data-subject-categories", &p.category))
                .and(p.nationalities.iter().flatten().try_for_each(|n| country(&Some(n.clone()))))
                .and(match &p.born {
                    Some(b) if !partial_date(b) => Err("a birth date is YYYY, YYYY-MM or YYYY-MM-DD"),
                    _ => Ok(()),
                }),
            (FieldType::Document, Value::Document(d)) => line(&d.kind).and(line(&d.number)).and(country(&d.country)),
            (FieldType::Vehicle, Value::Vehicle(v)) => {
                country(&v.country).and(if v.plate.is_some() || v.vin.is_some() { Ok(()) } else { Err("a vehicle has a plate or a VIN") })
            }
            (FieldType::Vessel, Value::Vessel(v)) => line(&v.name).and(country(&v.flag)),
            (FieldType::Phone, Value::Phone(p)) => {
                match p.strip_prefix('+').is_some_and(|d| (7..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit())) {
                    true => Ok(()),
                    false => Err("a telephone number is written as + and 7 to 15 digits (E.164)"),
                }
            }
            (FieldType::Account, Value::Account(a)) => line(&a.number),
            (FieldType::Officer, Value::Officer(o)) => {
                if o.officer.is_well_formed() {
                    Ok(())
                } else {
                    Err("the officer's id is not well formed")
                }
            }
            (FieldType::Exhibit, Value::Exhibit(e)) => line(&e.name).and(exhibit(e)),
            (FieldType::TextHash, Value::TextHash(h)) => {
                if h.lang.is_well_formed() {
                    Ok(())
                } else {
                    Err("the language tag is not well formed")
                }
            }
            (FieldType::Evaluation, Value::Evaluation(e)) => {
                if e.is_known() {
                    Ok(())
                } else {
                    Err("the scale has no such grades")
                }
            }
            (FieldType::Mechanism, Value::Mechanism(m)) => line(&m.name),
            (FieldType::Clock, Value::Clock(c)) => line(&c.mechanism).and(line(&c.clock)),
            (FieldType::Equivalence, Value::Equivalence(e)) => coded(&e.one).and(coded(&e.other)),
            (FieldType::Dossier, Value::Dossier(l)) => known(RELATIONS, &l.relation),
            (FieldType::Date, Value::Date(_))
            | (FieldType::Length, Value::Length(_))
            | (FieldType::Number, Value::Number(_))
            | (FieldType::Flag, Value::Flag(_))
            | (FieldType::Party, Value::Party(_))
            | (FieldType::Commitment, Value::Commitment(_))
            | (FieldType::Reveal, Value::Reveal(_))
            | (FieldType::Item, Value::Item(_))
            | (FieldType::Reference, Value::Reference(_)) => Ok(()),
            _ => Err("the value is of another type"),
        };
        verdict.map_err(|why| self.wrong(why))
    }
}

/// Checks what an exhibit says of itself; the name is the file's own, without the folders it lay in.
fn exhibit(e: &Exhibit) -> Result<(), &'static str> {
    let token = |s: &str| (1..=127).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    if base::chunk_count(e.size).is_none() {
        return Err("an exhibit has 1 byte to 64 GiB");
    }
    if e.name.contains(['/', '\\']) || e.name == "." || e.name == ".." {
        return Err("an exhibit's name is that of a file, without folders");
    }
    match e.media.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub)) {
        true => Ok(()),
        false => Err("a media type is written as type/subtype (RFC 6838)"),
    }
}

fn partial_date(s: &str) -> bool {
    let full = match s.len() {
        4 => format!("{s}-01-01"),
        7 => format!("{s}-01"),
        _ => s.to_owned(),
    };
    full.parse::<base::Date>().is_ok()
}

/// Checks a whole form: every required field is there, none is unknown, each holds what it should.
pub(crate) fn check_form(form: &[Field], values: &Map<Value>) -> Result<(), FieldFault> {
    for (id, value) in values.iter() {
        let field = form.iter().find(|f| f.id == id).ok_or_else(|| FieldFault::Unknown(id.to_owned()))?;
        field.check(value)?;
    }
    match form.iter().find(|f| f.required && values.get(&f.id).is_none()) {
        Some(f) => Err(FieldFault::Missing(f.id.clone())),
        None => Ok(()),
    }
}

/// Checks that a form can be filled: ids single, labels whole, vocabularies known.
pub(crate) fn check_fields(form: &[Field]) -> Result<(), String> {
    for (i, f) in form.iter().enumerate() {
        let fault = |why: &str| Err(format!("field '{}': {why}", f.id));
        if form[..i].iter().any(|before| before.id == f.id) {
            return fault("stands twice");
        }
        if let Some(l) = f.label.blank().first() {
            return fault(&format!("no label in {l}"));
        }
        match (&f.vocabulary, f.kind == FieldType::Choice) {
            (Some(v), true) if Vocabulary::get(v).is_none() => return fault(&format!("vocabulary '{v}' is not known here")),
            (None, true) => return fault("a choice names its vocabulary"),
            (Some(_), false) => return fault("only a choice names a vocabulary"),
            _ => {}
        }
        if (f.own || f.supersedes || !f.of.is_empty()) && f.kind != FieldType::Item {
            return fault("only an item field says of which kind the item is, whose it is, and that it is superseded");
        }
        if f.supersedes && (!f.own || f.many) {
            return fault("who supersedes an item opened it, and supersedes one at a time");
        }
        if (f.kind == FieldType::Reveal) != f.opens.is_some() || (f.kind == FieldType::Reveal && f.many) {
            return fault("a reveal field, and no other, names the one commitment that it opens");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exhibit_says_what_it_is_and_nothing_of_where_it_lay() {
        let said = |name: &str, size: u64, media: &str| {
            let e = Exhibit { id: Default::default(), name: name.to_owned(), size, media: media.to_owned() };
            exhibit(&e).is_ok()
        };
        assert!(said("procès-verbal 4.pdf", 1, "application/pdf") && said("صورة.jpg", 64 << 30, "image/svg+xml"));
        assert!(!said("x", 0, "a/b") && !said("x", (64 << 30) + 1, "a/b"), "a byte too few, a byte too many");
        for name in ["../x", "/etc/x", "C:\\x", ".", ".."] {
            assert!(!said(name, 1, "a/b"), "{name}");
        }
        for media in ["pdf", "/", "a/", "a/b c", "a/b;charset=utf-8"] {
            assert!(!said("x", 1, media), "{media}");
        }
    }
}
