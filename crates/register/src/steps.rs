//! Reads the steps of a trip apart: a meeting, a signature, an opening told within a visit, with their own day, town and people.

use crate::dates::dates;
use crate::event::{Kind, Step as StepDraft};
use crate::hits::Class;
use crate::scene::{Scene, Sentence};
use jiff::civil::Date;

const STEPS_MAX: usize = 8;

/// A step of an event as one text tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub kind: Kind,
    pub date: Option<Date>,
    pub place: Option<String>,
    pub countries: Vec<String>,
    pub bytes: (usize, usize),
}

impl Step {
    /// Returns the step as a draft shows it.
    pub fn draft(&self, source: usize, text: &str) -> StepDraft {
        StepDraft {
            kind: self.kind,
            date: self.date,
            place: self.place.clone(),
            countries: self.countries.clone(),
            source,
            start: self.bytes.0,
            end: self.bytes.1,
            text: text[self.bytes.0..self.bytes.1].to_owned(),
        }
    }

    /// Tells whether two texts tell of one step: the same kind, and neither another day nor another town nor other guests.
    pub fn is_same(&self, other: &Step) -> bool {
        let fits = |one: Option<&String>, two: Option<&String>| one.is_none() || two.is_none() || one == two;
        let days = self.date.is_none() || other.date.is_none() || self.date == other.date;
        let fewer = self.countries.iter().all(|code| other.countries.contains(code)) || other.countries.iter().all(|code| self.countries.contains(code));
        self.kind == other.kind && days && fits(self.place.as_ref(), other.place.as_ref()) && fewer && (self.countries.len() > 2) == (other.countries.len() > 2)
    }
}

/// Reads the steps that a visit or a meeting was made of; an operation has none.
pub(crate) fn steps(scene: &Scene, main: Kind) -> Vec<Step> {
    if !matches!(main, Kind::Visit | Kind::Meeting) {
        return Vec::new();
    }
    let mut all: Vec<Step> = Vec::new();
    for sentence in scene.told().filter(|sentence| !sentence.is_title) {
        let Some(kind) = kind(scene, sentence).filter(|kind| *kind != main || main == Kind::Meeting) else { continue };
        let step = Step {
            kind,
            date: day(scene, sentence),
            place: town(scene, sentence),
            countries: countries(scene, sentence),
            bytes: scene.sentence_bytes(sentence),
        };
        // A sentence that adds neither a day, a town nor a guest goes on about the step before.
        let tells = step.date.is_some() || step.place.is_some() || step.countries.len() > 2 || kind != Kind::Meeting || main == Kind::Visit;
        if tells && !all.iter().any(|other| other.is_same(&step)) && all.len() < STEPS_MAX {
            all.push(step);
        }
    }
    if main == Kind::Meeting && all.len() == 1 { Vec::new() } else { all }
}

fn kind(scene: &Scene, sentence: &Sentence) -> Option<Kind> {
    let has = |value: &str| scene.hits.of(Class::Event, sentence.from, sentence.told_to).any(|hit| hit.entry.value == value);
    let signs = scene.hits.any(Class::Sign, sentence.from, sentence.told_to) && scene.hits.any(Class::Agreement, sentence.from, sentence.told_to);
    match () {
        () if has("inauguration") => Some(Kind::Inauguration),
        () if has("agreement") || signs => Some(Kind::Agreement),
        () if has("meeting") => Some(Kind::Meeting),
        () => None,
    }
}

fn day(scene: &Scene, sentence: &Sentence) -> Option<Date> {
    let said = dates(scene, sentence.from, sentence.near_to).into_iter().find(|said| !said.is_hijri && said.first == said.last)?;
    said.first.in_year(said.first.year?)
}

fn town(scene: &Scene, sentence: &Sentence) -> Option<String> {
    let mut towns = scene.hits.of(Class::Place, sentence.from, sentence.near_to);
    towns.find(|hit| scene.before(hit.from, Class::Locative, sentence.from).is_some()).map(|hit| hit.entry.value.clone())
}

fn countries(scene: &Scene, sentence: &Sentence) -> Vec<String> {
    let hits = scene.hits.within(sentence.from, sentence.near_to);
    let mut all: Vec<String> = hits
        .filter_map(|hit| match hit.entry.class {
            Class::Country => Some(hit.entry.value.clone()),
            Class::Service => hit.entry.country.clone().filter(|code| code != "EU"),
            _ => None,
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
