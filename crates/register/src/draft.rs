//! Reads several texts and writes down one draft per event.
//!
//! Flow: 1 each text alone: scene, kind, actors, day, officials, threats, points; a text of no cooperation event is set aside with
//! the reason, 2 texts of one event are grouped, 3 each group becomes a draft: the field's value, the words it came from, and what
//! the texts say against each other.

use crate::actors::{Found, actors};
use crate::clean::Sort;
use crate::event::{EventDraft, Kind, Official, PageNote, PartNote, Point, Reading, Span, Text};
use crate::group::{Group, Tale, group, sketch};
use crate::names::{Named, merge, officials};
use crate::promises::points;
use crate::scene::Scene;
use crate::silence::{Silence, Silent};
use crate::threats::threats;
use crate::when::{When, misfits, when};
use std::collections::{BTreeMap, BTreeSet};

/// Most texts that one run reads.
pub const TEXTS_MAX: usize = 10_000;

/// Reads texts and drafts the events they tell of.
///
/// Never fails as a whole: a text that cannot be read, or tells of no cooperation event, is in `silent` with its reason.
pub fn draft(texts: &[Text]) -> Reading {
    let mut reading = Reading::default();
    let mut tales = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let mut note = PageNote { source: text.path.to_owned(), language: "und", parts: Vec::new() };
        match tale(text, at, &mut note) {
            Ok(tale) => tales.push(tale),
            Err(reason) => reading.silent.push(Silent { source: text.path.to_owned(), reason }),
        }
        reading.pages.push(note);
    }
    reading.events = group(&tales).into_iter().map(|group| Writer::new(&tales, group).write()).collect();
    reading
}

fn tale<'t>(text: &Text<'t>, at: usize, note: &mut PageNote) -> Result<Tale<'t>, Silence> {
    if at >= TEXTS_MAX {
        return Err(Silence::TooManyTexts { texts_max: TEXTS_MAX });
    }
    let scene = Scene::set(text.body)?;
    note.language = scene.lang.code();
    note.parts = part_notes(&scene);
    if !scene.lang.is_read() {
        return Err(Silence::LanguageNotRead { language: scene.lang.code().to_owned() });
    }
    let (kind, kind_bytes) = crate::kind::kind(&scene).ok_or(Silence::NoEvent { missing: "no visit, meeting, joint operation or agreement is told" })?;
    if !crate::kind::is_security(&scene) {
        return Err(Silence::NoEvent { missing: "nothing in it is about security or its services" });
    }
    let actors = actors(&scene);
    if actors.countries.len() < 2 {
        return Err(Silence::NoEvent { missing: "fewer than two countries take part" });
    }
    Ok(Tale {
        path: text.path,
        text: text.body,
        language: scene.lang.code(),
        kind,
        kind_bytes,
        told: when(&scene),
        actors,
        officials: officials(&scene),
        threats: threats(&scene),
        points: points(&scene),
        sketch: sketch(&scene),
    })
}

fn part_notes(scene: &Scene) -> Vec<PartNote> {
    let language = |start| scene.paragraphs.iter().find(|paragraph| paragraph.part.start == start).map_or("und", |paragraph| paragraph.lang.code());
    let name = |sort| match sort {
        Sort::Title => "title",
        Sort::Body => "body",
        Sort::Published => "published",
        Sort::Label => "label",
        Sort::Furniture => "furniture",
        Sort::Repeat => "repeat",
    };
    scene.parts.iter().map(|part| PartNote { start: part.start, end: part.end, part: name(part.sort), language: language(part.start) }).collect()
}

struct Writer<'a, 't> {
    tales: Vec<&'a Tale<'t>>,
    group: Group,
    spans: BTreeMap<String, Vec<Span>>,
}

impl<'a, 't> Writer<'a, 't> {
    fn new(all: &'a [Tale<'t>], group: Group) -> Self {
        Writer { tales: group.members.iter().map(|at| &all[*at]).collect(), group, spans: BTreeMap::new() }
    }

    fn write(mut self) -> EventDraft {
        let mut languages: Vec<String> = Vec::new();
        for tale in &self.tales {
            if !languages.iter().any(|language| language == tale.language) {
                languages.push(tale.language.to_owned());
            }
        }
        let (date_from, date_to, date_precision) = self.date().days();
        let kind = self.kind();
        let place = self.place();
        let countries = self.found("countries", |tale| &tale.actors.countries);
        let services = self.found("services", |tale| &tale.actors.services);
        let threat_areas = self.found("threat_areas", |tale| &tale.threats);
        let officials = self.officials();
        let (commitments, considered) = (self.points("commitments", true), self.points("considered", false));
        self.promised_here_weighed_there();
        EventDraft {
            sources: self.tales.iter().map(|tale| tale.path.to_owned()).collect(),
            languages,
            kind,
            form: None,
            date_from,
            date_to,
            date_precision,
            place,
            countries,
            services,
            officials,
            threat_areas,
            commitments,
            considered,
            spans: self.spans,
            joined_because: self.group.because,
            contradictions: self.group.contradictions,
        }
    }

    fn span(&mut self, field: &str, value: &str, source: usize, (start, end): (usize, usize)) {
        let text = self.tales[source].text[start..end].to_owned();
        self.spans.entry(field.to_owned()).or_default().push(Span { value: value.to_owned(), source, start, end, text });
    }

    fn date(&mut self) -> When {
        let rank = |when: When| match when {
            When::Days { .. } => 0,
            When::DaysOfNoYear { .. } => 1,
            When::Month { .. } => 2,
            When::Year(_) => 3,
            When::Open => 4,
        };
        let tales = self.tales.clone();
        let votes = |when: When| tales.iter().filter(|tale| tale.told.when == when).count();
        // The days of the whole trip go before those of one meeting in it.
        let is_whole = |when: When| match when {
            When::Days { from, to } => tales.iter().all(|tale| match tale.told.when {
                When::Days { from: first, to: last } => from <= first && last <= to,
                _ => true,
            }),
            _ => true,
        };
        let whens = tales.iter().map(|tale| tale.told.when);
        let chosen = whens.min_by_key(|when| (rank(*when), !is_whole(*when), tales.len() - votes(*when)));
        let chosen = chosen.unwrap_or(When::Open);
        let (from, to, _) = chosen.days();
        for (source, tale) in tales.iter().enumerate() {
            let prefix = if tales.len() > 1 { format!("{}: ", tale.path) } else { String::new() };
            self.group.contradictions.extend(tale.told.contradictions.iter().map(|words| format!("{prefix}{words}")));
            let speaks = rank(tale.told.when) <= rank(chosen).max(1) && tale.told.when != When::Open;
            for bytes in tale.told.spans.iter().filter(|_| speaks) {
                match (from, to) {
                    (Some(from), Some(to)) => {
                        self.span("date_from", &from.to_string(), source, *bytes);
                        self.span("date_to", &to.to_string(), source, *bytes);
                    }
                    _ => self.span("date_precision", "none", source, *bytes),
                }
            }
            match (tale.told.when, chosen) {
                (When::Days { from, to }, When::Days { from: first, to: last }) => {
                    let nested = (from >= first && to <= last) || (first >= from && last <= to);
                    if !nested {
                        self.group.contradictions.push(format!("{} tells of {from} to {to}, the draft says {first} to {last}", tale.path));
                    }
                }
                (When::DaysOfNoYear { from: first, to: last }, When::Days { from, to }) => {
                    if let (Some(first), Some(last)) = (first.in_year(from.year()), last.in_year(to.year())) {
                        let wrong = misfits(&tale.told.weekdays, first, last);
                        self.group.contradictions.extend(wrong.into_iter().map(|words| format!("{}: {words}", tale.path)));
                    }
                }
                _ => {}
            }
        }
        chosen
    }

    fn kind(&mut self) -> Kind {
        let votes = |kind: Kind| self.tales.iter().filter(|tale| tale.kind == kind).count();
        let most = self.tales.iter().map(|tale| votes(tale.kind)).max().unwrap_or(0);
        let kind = self.tales.iter().find(|tale| votes(tale.kind) == most).map_or(Kind::Other, |tale| tale.kind);
        for source in 0..self.tales.len() {
            if self.tales[source].kind == kind {
                self.span("kind", kind.code(), source, self.tales[source].kind_bytes);
            }
        }
        kind
    }

    fn place(&mut self) -> Option<String> {
        let places: Vec<(bool, &str, usize, (usize, usize))> = self
            .tales
            .iter()
            .enumerate()
            .filter_map(|(source, tale)| tale.actors.place.as_ref().map(|(name, bytes)| (tale.actors.place_is_city, name.as_str(), source, *bytes)))
            .collect();
        let votes = |name: &str| places.iter().filter(|place| place.1 == name).count();
        let best = places.iter().max_by_key(|place| (place.0, votes(place.1), usize::MAX - place.2))?.1.to_owned();
        for (_, name, source, bytes) in places {
            if name == best {
                self.span("place", &best, source, bytes);
            }
        }
        Some(best)
    }

    fn found(&mut self, field: &str, of: impl for<'b> Fn(&'b Tale<'t>) -> &'b Found) -> Vec<String> {
        let mut values = BTreeSet::new();
        for source in 0..self.tales.len() {
            let tale = self.tales[source];
            for (value, bytes) in of(tale) {
                values.insert(value.clone());
                self.span(field, value, source, *bytes);
            }
        }
        values.into_iter().collect()
    }

    fn officials(&mut self) -> Vec<Official> {
        for source in 0..self.tales.len() {
            let tale = self.tales[source];
            for named in &tale.officials {
                let value = named.name.as_deref().or(named.office.as_deref()).unwrap_or_default();
                self.span("officials", value, source, named.bytes);
            }
        }
        let all: Vec<Named> = self.tales.iter().flat_map(|tale| tale.officials.iter().cloned()).collect();
        merge(all).into_iter().map(|named| Official { name: named.name, office: named.office }).collect()
    }

    fn points(&mut self, field: &str, is_promise: bool) -> Vec<Point> {
        let mut all: Vec<Point> = Vec::new();
        for source in 0..self.tales.len() {
            let tale = self.tales[source];
            for said in tale.points.iter().filter(|said| said.is_promise == is_promise) {
                let text = tale.text[said.bytes.0..said.bytes.1].to_owned();
                let point = Point { text, topic: said.topic.clone() };
                if !all.contains(&point) {
                    self.span(field, said.topic.as_deref().unwrap_or_default(), source, said.bytes);
                    all.push(point);
                }
            }
        }
        all
    }

    fn promised_here_weighed_there(&mut self) {
        let topics = |is_promise: bool| {
            let points = self.tales.iter().flat_map(|tale| tale.points.iter().map(move |said| (tale.path, said)));
            points
                .filter(move |(_, said)| said.is_promise == is_promise)
                .filter_map(|(path, said)| Some((said.topic.clone()?, path)))
                .collect::<BTreeMap<_, _>>()
        };
        let (promised, weighed) = (topics(true), topics(false));
        for (topic, path) in promised {
            if let Some(other) = weighed.get(&topic).filter(|other| **other != path) {
                self.group.contradictions.push(format!("{topic} is promised in {path} and only considered in {other}"));
            }
        }
    }
}
