//! What the gazetteer hands over: classes of phrases, entries of the data files, hits on the words of a text.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What a phrase of the data files stands for; its meaning is told where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    Country,
    Place,
    Service,
    ServiceOf,
    Honorific,
    NameCue,
    OfficeHead,
    OfficeWord,
    Connector,
    Article,
    Month,
    HijriMonth,
    Weekday,
    DayOne,
    Ordinal,
    And,
    Until,
    Filler,
    RelativeDay,
    LastWord,
    NextWord,
    NotThen,
    CommuniqueWord,
    Locative,
    Origin,
    Destination,
    Host,
    Event,
    Sign,
    Agreement,
    Result,
    Tip,
    Jointly,
    Aftermath,
    Future,
    Praise,
    Speech,
    Authority,
    OffTopic,
    NumberWord,
    Unit,
    Clock,
    Age,
    Security,
    Background,
    Tail,
    Anaphora,
    Aside,
    Threat,
    Commit,
    Consider,
    Weak,
    Negation,
    Topic,
    Ingredient,
    Action,
}

/// One table of a data file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    /// What the phrases stand for.
    pub class: Class,
    /// Stable code, number or name; its sense depends on the class.
    #[serde(default)]
    pub value: String,
    /// ISO 3166-1 alpha-2 code of the country it belongs to, for places and services.
    pub country: Option<String>,
    /// ISO 3166-1 alpha-2 code of the State whose government sits there, for places.
    pub seat: Option<String>,
    /// English short name shown to officers, for countries.
    pub name: Option<String>,
    /// Ingredient that must stand in the same sentence.
    pub with: Option<String>,
    /// Language code, or "any" -> phrases.
    #[serde(flatten)]
    pub phrases: BTreeMap<String, Vec<String>>,
}

impl Entry {
    /// Returns the phrases as the data file writes them.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        self.phrases.values().flatten().map(String::as_str)
    }

    /// Returns the value as a number; the data files are proved by tests to hold one where it is asked for.
    pub fn number(&self) -> i32 {
        self.value.parse().unwrap_or_default()
    }
}

/// A phrase found on the words `from..to`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'l> {
    pub entry: &'l Entry,
    pub from: usize,
    pub to: usize,
}

/// All hits of one text in reading order, longest first at each word.
#[derive(Debug, Default)]
pub(crate) struct Hits<'l> {
    /// In reading order.
    pub list: Vec<Hit<'l>>,
    /// Place in `list` of the first hit that starts at each word; one more at the end.
    pub starts: Vec<u32>,
}

impl<'l> Hits<'l> {
    /// Returns the hits that start at a word.
    pub fn starting(&self, at: usize) -> &[Hit<'l>] {
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&from), Some(&to)) => &self.list[from as usize..to as usize],
            _ => &[],
        }
    }

    /// Returns the longest hit of a class that starts at a word.
    pub fn at(&self, at: usize, class: Class) -> Option<Hit<'l>> {
        self.starting(at).iter().find(|hit| hit.entry.class == class).copied()
    }

    /// Returns the hits that start on the words `from..to`, in reading order.
    pub fn within(&self, from: usize, to: usize) -> impl Iterator<Item = Hit<'l>> + '_ {
        let bound = |at: usize| self.starts.get(at).map_or(self.list.len(), |&n| n as usize);
        self.list[bound(from)..bound(to)].iter().copied()
    }

    /// Returns the hits of one class that start on the words `from..to`.
    pub fn of(&self, class: Class, from: usize, to: usize) -> impl Iterator<Item = Hit<'l>> + '_ {
        self.within(from, to).filter(move |hit| hit.entry.class == class)
    }

    /// Tells whether a class has a hit on the words `from..to`.
    pub fn any(&self, class: Class, from: usize, to: usize) -> bool {
        self.of(class, from, to).next().is_some()
    }
}
