//! What a reading hands back: drafts of register events, each value with the words it came from.

use crate::silence::Silent;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A public communiqué as it came from the web.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The path as given by the caller; it is only repeated, never opened.
    pub path: &'a str,
    /// The whole page, furniture and all.
    pub body: &'a str,
}

/// What several texts tell together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reading {
    /// Drafts, in the order of their first texts.
    pub events: Vec<EventDraft>,
    /// For each draft the places of its texts in the list that was read; the order is that of its `sources`.
    #[serde(skip)]
    pub members: Vec<Vec<usize>>,
    /// Texts that gave no draft, and why.
    pub silent: Vec<Silent>,
    /// How each text was taken apart, in the order given; a text that was refused has no parts.
    pub pages: Vec<PageNote>,
}

/// How one page was taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageNote {
    /// The path as given.
    pub source: String,
    /// ISO 639-1 code of the text, or "und".
    pub language: &'static str,
    /// The parts in reading order.
    pub parts: Vec<PartNote>,
}

/// One part of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartNote {
    /// First byte.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
    /// "title", "body", "published", "label", "furniture" or "repeat".
    pub part: &'static str,
    /// ISO 639-1 code of this part, or "und"; furniture and repeats are not asked.
    pub language: &'static str,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Someone travelled to a partner.
    Visit,
    /// Partners met or spoke.
    Meeting,
    /// Services acted together, with results.
    JointOperation,
    /// One service acted, with results, on what another had told it.
    SharedInformationOperation,
    /// Something was signed.
    Agreement,
    /// Something common was opened.
    Inauguration,
    /// One side spoke of the other's help, and nothing else happened.
    Statement,
    /// Training, workshops and the like.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] =
        [Kind::Visit, Kind::Meeting, Kind::JointOperation, Kind::SharedInformationOperation, Kind::Agreement, Kind::Inauguration, Kind::Statement, Kind::Other];

    /// Returns the stable code, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Visit => "visit",
            Kind::Meeting => "meeting",
            Kind::JointOperation => "joint_operation",
            Kind::SharedInformationOperation => "shared_information_operation",
            Kind::Agreement => "agreement",
            Kind::Inauguration => "inauguration",
            Kind::Statement => "statement",
            Kind::Other => "other",
        }
    }

    /// Tells whether somebody was arrested or something seized.
    pub fn is_operation(self) -> bool {
        matches!(self, Kind::JointOperation | Kind::SharedInformationOperation)
    }
}

/// How many countries sat at the table of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Two.
    Bilateral,
    /// Three.
    Trilateral,
    /// More.
    Multilateral,
}

/// How closely the date is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePrecision {
    /// `date_from` to `date_to` are the days of the event.
    Day,
    /// The event lies somewhere in this month.
    Month,
    /// The event lies somewhere in this year.
    Year,
    /// The texts do not say.
    None,
}

/// An official as the texts name them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Official {
    /// Name as written, without the form of address; absent where only the office is told.
    pub name: Option<String>,
    /// Office as written.
    pub office: Option<String>,
    /// The person's id, if a service's own file of names lists this name; the same for every spelling.
    #[serde(default)]
    pub id: Option<String>,
    /// The office's id, the same in every language: the service's id and the role, as in `de.bka:president`.
    #[serde(default)]
    pub office_id: Option<String>,
}

/// Something promised or weighed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The sentence as written.
    pub text: String,
    /// Stable code of `data/promises.toml`, where the topic is known.
    pub topic: Option<String>,
}

/// A step of a trip, told apart from the rest of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What kind of step: a meeting, an agreement, an inauguration.
    pub kind: Kind,
    /// Its own day, where the text gives it in full.
    #[serde(with = "iso")]
    pub date: Option<Date>,
    /// Its own town, where the text names it.
    pub place: Option<String>,
    /// ISO 3166-1 alpha-2 codes of the countries named with it, sorted.
    pub countries: Vec<String>,
    /// Index into the draft's `sources`.
    pub source: usize,
    /// First byte in that text as given.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
    /// The sentence as written.
    pub text: String,
}

/// What sources say differently, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// The field, or "kilograms".
    pub field: String,
    /// Each value with those who tell it; the draft's own value stands first.
    pub sides: Vec<Side>,
}

/// One value of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The value, as the field would show it.
    pub value: String,
    /// Indexes into the draft's `sources`.
    pub sources: Vec<usize>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The value that these words support, as it stands in the field.
    pub value: String,
    /// Index into the draft's `sources`.
    pub source: usize,
    /// First byte in that text as given.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
    /// The words.
    pub text: String,
}

/// A draft of a register event, for an officer to correct; nothing in it is more than what the texts say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDraft {
    /// Paths of the texts that tell of it, as given.
    pub sources: Vec<String>,
    /// ISO 639-1 codes of those texts.
    pub languages: Vec<String>,
    /// What kind of event.
    pub kind: Kind,
    /// How many countries sat at the table; only a meeting has one.
    pub form: Option<Form>,
    /// First day.
    #[serde(with = "iso")]
    pub date_from: Option<Date>,
    /// Last day.
    #[serde(with = "iso")]
    pub date_to: Option<Date>,
    /// How closely the days are known.
    pub date_precision: DatePrecision,
    /// Neutral name of the city of `data/places.toml`, else of the country where it took place.
    pub place: Option<String>,
    /// ISO 3166-1 alpha-2 codes of the participants, sorted.
    pub countries: Vec<String>,
    /// Ids of `data/services.toml`, sorted.
    pub services: Vec<String>,
    /// Those named as taking part.
    pub officials: Vec<Official>,
    /// Codes of `data/threats.toml`, sorted.
    pub threat_areas: Vec<String>,
    /// What was promised.
    pub commitments: Vec<Point>,
    /// What was proposed, discussed or explored, and not promised.
    pub considered: Vec<Point>,
    /// Steps of the trip, each apart.
    pub steps: Vec<Step>,
    /// What the sources say differently, side by side.
    pub disputes: Vec<Dispute>,
    /// Field name -> the words its values come from.
    pub spans: BTreeMap<String, Vec<Span>>,
    /// Why these texts were taken for one event, in words; empty for a single text.
    pub joined_because: Vec<String>,
    /// What does not fit together, in words.
    pub contradictions: Vec<String>,
}

/// ISO 8601 dates in JSON without a feature of the date crate.
mod iso {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        match date {
            Some(date) => serializer.collect_str(date),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
