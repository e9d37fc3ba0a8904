//! Values of typed fields: what officers state, in forms that both sides read alike.

use base::{Coded, Date, Digest, DossierId, Evaluation, ExhibitId, Instant, ItemId, Length, MechanismId, OfficerId, ServiceId, Text};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $n:literal $field:ident : $t:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, Encode, Decode)]
        #[serde(deny_unknown_fields)]
        #[cbor(map)]
        pub struct $name { $($(#[$fdoc])* #[n($n)] pub $field: $t),* }
    };
}

record! {
    /// An amount with its unit, the amount as a decimal text so that nothing is rounded.
    Quantity {
        /// Decimal digits with at most one point.
        0 amount: String,
        /// Unit symbol, for example kg.
        1 unit: String,
    }
}
record! {
    /// An amount of money.
    Money {
        /// Decimal digits with at most one point.
        0 amount: String,
        /// ISO 4217 code.
        1 currency: String,
    }
}
record! {
    /// A place.
    Place {
        /// The name as written.
        0 name: Text,
        /// ISO 3166-1 alpha-2 code.
        1 country: Option<String>,
    }
}
record! {
    /// A person, with the category in which the law lets this person be processed.
    Person {
        /// Names as written, the given ones.
        0 given: Text,
        /// Family names as written.
        1 family: Text,
        /// Birth date: year, year-month or full date.
        2 born: Option<String>,
        /// ISO 3166-1 alpha-2 codes.
        3 nationalities: Option<Vec<String>>,
        /// Code of the vocabulary `data-subject-categories`.
        4 category: String,
        /// Other names.
        5 aliases: Option<Vec<Text>>,
    }
}
record! {
    /// An identity document.
    Document {
        /// What it is: passport, identity card, driving licence…
        0 kind: String,
        /// Its number.
        1 number: String,
        /// Issuing State, ISO 3166-1 alpha-2.
        2 country: Option<String>,
    }
}
record! {
    /// A vehicle.
    Vehicle {
        /// The plate as written.
        0 plate: Option<String>,
        /// Registering State, ISO 3166-1 alpha-2.
        1 country: Option<String>,
        /// Vehicle identification number (ISO 3779).
        2 vin: Option<String>,
        /// Make, model, colour.
        3 description: Option<Text>,
    }
}
record! {
    /// A vessel.
    Vessel {
        /// Its name.
        0 name: String,
        /// IMO number.
        1 imo: Option<String>,
        /// Flag State, ISO 3166-1 alpha-2.
        2 flag: Option<String>,
    }
}
record! {
    /// An account.
    Account {
        /// IBAN (ISO 13616) or the account's number.
        0 number: String,
        /// The institution.
        1 institution: Option<String>,
    }
}
record! {
    /// An officer of a party, by that party's own name for them.
    OfficerRef {
        /// The service.
        0 service: ServiceId,
        /// The officer.
        1 officer: OfficerId,
    }
}
record! {
    /// A file, by content.
    Exhibit {
        /// Digest of its bytes.
        0 id: ExhibitId,
        /// Its name.
        1 name: String,
        /// Its size in bytes.
        2 size: u64,
        /// Media type (RFC 6838).
        3 media: String,
    }
}
record! {
    /// Another dossier or an item of it.
    Reference {
        /// The dossier.
        0 dossier: DossierId,
        /// An item of it.
        1 item: Option<ItemId>,
    }
}
record! {
    /// The SHA-256 of one language's text, over its exact UTF-8 bytes.
    TextHash {
        /// The language tag.
        0 lang: base::Tag,
        /// The digest.
        1 sha256: Digest,
    }
}
record! {
    /// A mechanism that an accord permits.
    MechanismRef {
        /// Its name, for people.
        0 name: String,
        /// Its content address, which is what counts.
        1 id: MechanismId,
    }
}
record! {
    /// How long one clock of one mechanism runs under an accord.
    ClockLength {
        /// The mechanism's name.
        0 mechanism: String,
        /// The clock, as `item/clock` or, where lengths differ by a field's code, `item/clock/code`.
        1 clock: String,
        /// The length.
        2 length: Length,
    }
}
record! {
    /// Two classification levels that the parties treat alike.
    Equivalence {
        /// One scheme's level.
        0 one: Coded,
        /// The other scheme's level.
        1 other: Coded,
    }
}

record! {
    /// Another dossier and how this one stands to it.
    Link {
        /// The other dossier.
        0 dossier: DossierId,
        /// Code of the vocabulary `dossier-relations`: what the other dossier is to this one.
        1 relation: String,
    }
}

/// The value of one field.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Value {
    /// Words with their language.
    #[n(0)]
    Text(#[n(0)] Text),
    /// A short line without language: a reference number, a name of a file.
    #[n(1)]
    Line(#[n(0)] String),
    /// A code of the field's vocabulary.
    #[n(2)]
    Choice(#[n(0)] String),
    /// A calendar date.
    #[n(3)]
    Date(#[n(0)] Date),
    /// A moment with its zone.
    #[n(4)]
    Instant(#[n(0)] Instant),
    /// A length of time.
    #[n(5)]
    Length(#[n(0)] Length),
    /// A whole number.
    #[n(6)]
    Number(#[n(0)] i64),
    /// Yes or no.
    #[n(7)]
    Flag(#[n(0)] bool),
    /// An amount with unit.
    #[n(8)]
    Quantity(#[n(0)] Quantity),
    /// Money.
    #[n(9)]
    Money(#[n(0)] Money),
    /// A place.
    #[n(10)]
    Place(#[n(0)] Place),
    /// A person.
    #[n(11)]
    Person(#[n(0)] Person),
    /// An identity document.
    #[n(12)]
    Document(#[n(0)] Document),
    /// A vehicle.
    #[n(13)]
    Vehicle(#[n(0)] Vehicle),
    /// A vessel.
    #[n(14)]
    Vessel(#[n(0)] Vessel),
    /// A telephone number (E.164).
    #[n(15)]
    Phone(#[n(0)] String),
    /// An account.
    #[n(16)]
    Account(#[n(0)] Account),
    /// A party of the dossier.
    #[n(17)]
    Party(#[n(0)] ServiceId),
    /// An officer.
    #[n(18)]
    Officer(#[n(0)] OfficerRef),
    /// A file.
    #[n(19)]
    Exhibit(#[n(0)] Exhibit),
    /// Another dossier or item.
    #[n(20)]
    Reference(#[n(0)] Reference),
    /// A text's hash.
    #[n(21)]
    TextHash(#[n(0)] TextHash),
    /// A graded source.
    #[n(22)]
    Evaluation(#[n(0)] Evaluation),
    /// A mechanism.
    #[n(23)]
    Mechanism(#[n(0)] MechanismRef),
    /// A clock's length.
    #[n(24)]
    Clock(#[n(0)] ClockLength),
    /// Two levels treated alike.
    #[n(25)]
    Equivalence(#[n(0)] Equivalence),
    /// Several values of one type.
    #[n(26)]
    Many(#[n(0)] Vec<Value>),
    /// The digest of contents that are stated later.
    #[n(27)]
    Commitment(#[n(0)] Digest),
    /// What opens a commitment: the 32 random bytes that were hashed into it.
    #[n(28)]
    Reveal(#[n(0)] Digest),
    /// Another dossier and how this one stands to it.
    #[n(29)]
    Dossier(#[n(0)] Link),
    /// An item of this dossier.
    #[n(30)]
    Item(#[n(0)] ItemId),
}

impl Value {
    /// Goes over the values of a field: those of a list, or the one.
    pub fn each(&self) -> impl Iterator<Item = &Value> {
        match self {
            Value::Many(values) => values.iter(),
            one => std::slice::from_ref(one).iter(),
        }
    }

    /// Prints a value as JSON in its plain form, without a type tag: the field's type is known from the mechanism.
    pub fn to_json(&self) -> serde_json::Value {
        let plain = |v: &dyn erased::Json| v.json();
        match self {
            Value::Text(v) => plain(v),
            Value::Line(v) | Value::Choice(v) | Value::Phone(v) => plain(v),
            Value::Date(v) => plain(v),
            Value::Instant(v) => plain(v),
            Value::Length(v) => plain(v),
            Value::Number(v) => plain(v),
            Value::Flag(v) => plain(v),
            Value::Quantity(v) => plain(v),
            Value::Money(v) => plain(v),
            Value::Place(v) => plain(v),
            Value::Person(v) => plain(v),
            Value::Document(v) => plain(v),
            Value::Vehicle(v) => plain(v),
            Value::Vessel(v) => plain(v),
            Value::Account(v) => plain(v),
            Value::Party(v) => plain(v),
            Value::Officer(v) => plain(v),
            Value::Exhibit(v) => plain(v),
            Value::Reference(v) => plain(v),
            Value::TextHash(v) => plain(v),
            Value::Evaluation(v) => plain(v),
            Value::Mechanism(v) => plain(v),
            Value::Clock(v) => plain(v),
            Value::Equivalence(v) => plain(v),
            Value::Commitment(v) => plain(v),
            Value::Reveal(v) => plain(v),
            Value::Dossier(v) => plain(v),
            Value::Item(v) => plain(v),
            Value::Many(values) => values.iter().map(Value::to_json).collect(),
        }
    }

    /// Returns what a rule may read of this value: a code, text, number, moment, flag or list of these.
    pub(crate) fn fact(&self) -> cel::Value {
        match self {
            Value::Line(v) | Value::Choice(v) | Value::Phone(v) => v.as_str().into(),
            Value::Text(t) => t.text.as_str().into(),
            Value::Date(d) => cel::Value::Int(d.start_utc().0),
            Value::Instant(i) => cel::Value::Int(i.at.0),
            Value::Number(n) => cel::Value::Int(*n),
            Value::Flag(b) => cel::Value::Bool(*b),
            Value::Party(s) => s.to_string().into(),
            Value::Commitment(d) => d.to_string().into(),
            Value::Item(i) => i.to_string().into(),
            Value::Many(values) => cel::Value::List(std::sync::Arc::new(values.iter().map(Value::fact).collect())),
            other => other.to_json().to_string().into(),
        }
    }
}

mod erased {
    /// JSON of a value whose own form cannot fail.
    pub trait Json {
        fn json(&self) -> serde_json::Value;
    }
    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> serde_json::Value {
            serde_json::to_value(self).expect("plain records have a JSON form")
        }
    }
}
