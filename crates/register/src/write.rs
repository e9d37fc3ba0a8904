//! Writes one draft down: each field's value, the words it came from, and what the texts say against each other.

use crate::actors::Found;
use crate::amounts::same_weight;
use crate::event::{Dispute, EventDraft, Form, Kind, Official, Point, Side, Span, Step};
use crate::extend::Person;
use crate::fold::skeleton;
use crate::group::Group;
use crate::names::{Named, merge, same_sounds};
use crate::tale::Tale;
use crate::when::{When, misfits};
use std::collections::{BTreeMap, BTreeSet};

/// Most steps of one draft.
const STEPS_MAX: usize = 24;

/// Writes the draft of one group.
pub(crate) struct Writer<'a, 't> {
    tales: Vec<&'a Tale<'t>>,
    people: &'a [Person],
    group: Group,
    spans: BTreeMap<String, Vec<Span>>,
}

impl<'a, 't> Writer<'a, 't> {
    /// Takes the texts of a group, and the officials that a service's own file lists.
    pub fn new(all: &'a [Tale<'t>], people: &'a [Person], group: Group) -> Self {
        Writer { tales: group.members.iter().map(|at| &all[*at]).collect(), people, group, spans: BTreeMap::new() }
    }

    /// Writes it.
    pub fn write(mut self) -> EventDraft {
        let mut languages: Vec<String> = Vec::new();
        for tale in &self.tales {
            if !languages.iter().any(|language| language == tale.language) {
                languages.push(tale.language.to_owned());
            }
        }
        let kind = self.kind();
        let when = self.date(kind);
        let (date_from, date_to, date_precision) = when.days();
        let place = self.place();
        let countries = self.found("countries", |tale| &tale.actors.countries);
        let services = self.found("services", |tale| &tale.actors.services);
        let threat_areas = self.found("threat_areas", |tale| &tale.threats);
        let officials = self.officials();
        let (commitments, considered) = (self.points("commitments", true), self.points("considered", false));
        self.promised_here_weighed_there();
        let disputes = self.disputes(when, place.as_deref());
        EventDraft {
            sources: self.tales.iter().map(|tale| tale.path.to_owned()).collect(),
            languages,
            kind,
            form: self.form(kind),
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
            steps: self.steps(kind),
            disputes,
            spans: self.spans,
            joined_because: self.group.because,
            contradictions: self.group.contradictions,
        }
    }

    fn span(&mut self, field: &str, value: &str, source: usize, (start, end): (usize, usize)) {
        let text = self.tales[source].text[start..end].to_owned();
        self.spans.entry(field.to_owned()).or_default().push(Span { value: value.to_owned(), source, start, end, text });
    }

    fn date(&mut self, kind: Kind) -> When {
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
        // What is told of an operation afterwards is told of other days: the first day leads where votes are equal.
        let first = |when: When| match when {
            When::Days { from, .. } => Some(from),
            _ => None,
        };
        let whole = |when: When| !kind.is_operation() && is_whole(when);
        let chosen = whens.min_by_key(|when| (rank(*when), !whole(*when), tales.len() - votes(*when), first(*when)));
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
                        let (ours, theirs) = (days_in_words(first, last), days_in_words(from, to));
                        self.group.contradictions.push(format!("{} tells of {theirs}, the draft says {ours}", tale.path));
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
        // A statement about an event is told of the event.
        let deeds = self.tales.iter().any(|tale| tale.kind != Kind::Statement);
        let counts = |tale: &&&Tale| !deeds || tale.kind != Kind::Statement;
        let most = self.tales.iter().filter(counts).map(|tale| votes(tale.kind)).max().unwrap_or(0);
        let kind = self.tales.iter().filter(counts).find(|tale| votes(tale.kind) == most).map_or(Kind::Other, |tale| tale.kind);
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
        let people = self.people;
        let listed = |name: &str| {
            let sounds: Vec<String> = name.split(|c: char| c.is_whitespace() || c == '-').map(skeleton).filter(|key| !key.is_empty()).collect();
            people.iter().find(|person| person.sounds.iter().any(|spelling| same_sounds(spelling, &sounds))).map(|person| person.id.clone())
        };
        let official =
            |named: Named| Official { id: named.name.as_deref().and_then(listed), office_id: named.office_id(), name: named.name, office: named.office };
        merge(all).into_iter().map(official).collect()
    }

    /// How many countries sat at the table, as most texts say.
    fn form(&self, kind: Kind) -> Option<Form> {
        if kind != Kind::Meeting {
            return None;
        }
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        for tale in &self.tales {
            *votes.entry(tale.actors.countries.len()).or_default() += 1;
        }
        let (count, _) = votes.into_iter().max_by_key(|(count, votes)| (*votes, *count))?;
        match count {
            0 | 1 => None,
            2 => Some(Form::Bilateral),
            3 => Some(Form::Trilateral),
            _ => Some(Form::Multilateral),
        }
    }

    fn steps(&self, kind: Kind) -> Vec<Step> {
        let mut all: Vec<(&crate::steps::Step, usize)> = Vec::new();
        for (source, tale) in self.tales.iter().enumerate() {
            for step in &tale.steps {
                if step.kind != kind && !all.iter().any(|(other, _)| other.is_same(step)) && all.len() < STEPS_MAX {
                    all.push((step, source));
                }
            }
        }
        all.iter().map(|(step, source)| step.draft(*source, self.tales[*source].text)).collect()
    }

    /// What the texts say differently, side by side with those who say it.
    fn disputes(&self, when: When, place: Option<&str>) -> Vec<Dispute> {
        let mut disputes = Vec::new();
        let days = |when: When| match when {
            When::Days { from, to } => Some((from, to)),
            _ => None,
        };
        if let Some((first, last)) = days(when) {
            let sides = sides(&self.tales, |tale| {
                let (from, to) = days(tale.told.when)?;
                let nested = (from >= first && to <= last) || (first >= from && last <= to);
                Some(if nested { days_in_words(first, last) } else { days_in_words(from, to) })
            });
            disputes.extend(dispute("date", &days_in_words(first, last), sides));
        }
        if let Some(place) = place {
            let sides = sides(&self.tales, |tale| tale.actors.place.as_ref().filter(|_| tale.actors.place_is_city).map(|(name, _)| name.clone()));
            disputes.extend(dispute("place", place, sides));
        }
        let heaviest = |tale: &Tale| tale.amounts.kilograms.iter().map(|(kilograms, _)| *kilograms).max();
        if let Some(weight) = self.tales.iter().find_map(|tale| heaviest(tale)) {
            let sides = sides(&self.tales, |tale| heaviest(tale).map(|other| if same_weight(weight, other) { weight.to_string() } else { other.to_string() }));
            disputes.extend(dispute("kilograms", &weight.to_string(), sides));
        }
        disputes
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

fn days_in_words(from: jiff::civil::Date, to: jiff::civil::Date) -> String {
    if from == to { from.to_string() } else { format!("{from} to {to}") }
}

fn sides(tales: &[&Tale], value: impl Fn(&Tale) -> Option<String>) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    for (source, tale) in tales.iter().enumerate() {
        let Some(value) = value(tale) else { continue };
        match sides.iter_mut().find(|side| side.value == value) {
            Some(side) => side.sources.push(source),
            None => sides.push(Side { value, sources: vec![source] }),
        }
    }
    sides
}

/// A dispute, if there are two sides to it; the draft's own side stands first.
fn dispute(field: &str, own: &str, mut sides: Vec<Side>) -> Option<Dispute> {
    sides.sort_by_key(|side| side.value != own);
    (sides.len() > 1).then(|| Dispute { field: field.to_owned(), sides })
}
