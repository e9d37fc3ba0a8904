//! Reads who took part and where: countries, services, place.
//!
//! Flow: 1 countries of the lead, of sentences with an event, or said twice, 2 services, those of a shared name by the country that
//! stands nearest, 3 parties: countries whose services or authorities are named, so that nobody's passport makes a participant, 4 a town
//! after a word of place near an event word, else the country travelled to. What stands behind a sports event in its sentence
//! (`Sentence::near_to`), and what one came from, does not count.

use crate::hits::{Class, Hit};
use crate::scene::{Scene, Sentence};
use std::collections::BTreeMap;

/// How far a country may stand from a service of a shared name, in words.
const NEAR_WORDS_MAX: usize = 8;
/// How far behind a visit the country travelled to may stand, in words.
const TRAVEL_WORDS_MAX: usize = 9;

/// A value and the bytes it was read on.
pub(crate) type Found = BTreeMap<String, (usize, usize)>;

/// Who and where, as one text says.
#[derive(Debug, Default)]
pub(crate) struct Actors {
    pub countries: Found,
    pub services: Found,
    /// Countries whose services or authorities speak or act, and bodies of many States.
    pub parties: Found,
    /// Every town of the lead, in reading order.
    pub towns: Vec<String>,
    pub place: Option<(String, (usize, usize))>,
    pub place_is_city: bool,
    /// Country that it took place in, as far as the text says.
    pub host: Option<String>,
    /// A service is named whose country the text leaves unsaid, and which none of the countries named has.
    pub unsaid_service: bool,
}

/// Sentences of the lead whose towns are those of the event.
const TOWN_RANK_MAX: usize = 14;
/// How far from the word for an authority its country may stand, in words.
const BESIDE_WORDS_MAX: usize = 3;

/// Reads countries, services and place.
pub(crate) fn actors(scene: &Scene) -> Actors {
    let mut actors = Actors { countries: countries(scene), ..Actors::default() };
    services(scene, &mut actors);
    seats(scene, &mut actors);
    parties(scene, &mut actors);
    for sentence in scene.told().filter(|sentence| sentence.rank <= TOWN_RANK_MAX) {
        for hit in scene.hits.of(Class::Place, sentence.from, sentence.near_to) {
            if !actors.towns.contains(&hit.entry.value) && !is_dateline(scene, hit) {
                actors.towns.push(hit.entry.value.clone());
            }
        }
    }
    if let Some(hit) = city(scene) {
        actors.place = Some((hit.entry.value.clone(), scene.bytes(hit.from, hit.to)));
        actors.place_is_city = true;
        actors.host = hit.entry.seat.clone();
    } else if let Some(hit) = destination(scene).or_else(|| only_country(scene)) {
        actors.host = Some(hit.entry.value.clone());
        let name = hit.entry.name.as_ref().unwrap_or(&hit.entry.value);
        actors.place = Some((name.clone(), scene.bytes(hit.from, hit.to)));
    }
    actors
}

fn countries(scene: &Scene) -> Found {
    let mut seen: BTreeMap<&str, (usize, bool, (usize, usize))> = BTreeMap::new();
    for sentence in scene.told() {
        let strong = sentence.rank <= 1 || scene.hits.any(Class::Event, sentence.from, sentence.told_to);
        let mut in_sentence: Vec<&str> = Vec::new();
        for hit in scene.hits.of(Class::Country, sentence.from, sentence.near_to) {
            let entry = seen.entry(&hit.entry.value).or_insert((0, false, scene.bytes(hit.from, hit.to)));
            entry.1 |= strong;
            if !in_sentence.contains(&hit.entry.value.as_str()) {
                in_sentence.push(&hit.entry.value);
                entry.0 += 1;
            }
        }
    }
    let kept = seen.into_iter().filter(|(_, (sentences, strong, _))| *strong || *sentences >= 2);
    kept.map(|(code, (_, _, bytes))| (code.to_owned(), bytes)).collect()
}

fn services(scene: &Scene, actors: &mut Actors) {
    let told: Vec<Sentence> = scene.told().copied().collect();
    let mut shared: Vec<(Sentence, Hit)> = Vec::new();
    for sentence in &told {
        for hit in scene.hits.within(sentence.from, sentence.near_to) {
            match hit.entry.class {
                Class::Service => note(scene, actors, hit),
                Class::ServiceOf => shared.push((*sentence, hit)),
                _ => {}
            }
        }
    }
    // Rivals for one phrase stand side by side, as hits are in reading order.
    for rivals in shared.chunk_by(|(_, one), (_, two)| (one.from, one.to) == (two.from, two.to)) {
        let hits: Vec<Hit> = rivals.iter().map(|(_, hit)| *hit).collect();
        match rivals.first().and_then(|(sentence, _)| meant(scene, sentence, &hits, actors)) {
            Some(meant) => note(scene, actors, meant),
            None => {
                let known = |hit: &Hit| hit.entry.country.as_ref().is_some_and(|code| actors.countries.contains_key(code));
                let unsaid = !hits.iter().any(known);
                actors.unsaid_service |= unsaid;
            }
        }
    }
}

/// Chooses among the services that share a name; nothing where the text leaves it open.
fn meant<'l>(scene: &Scene, sentence: &Sentence, rivals: &[Hit<'l>], actors: &Actors) -> Option<Hit<'l>> {
    let name = rivals.first()?;
    let fits = |rival: &&Hit, code: &str| rival.entry.country.as_deref() == Some(code);
    let distance = |country: &Hit| if country.to <= name.from { name.from - country.to } else { country.from.saturating_sub(name.to) };
    let nearest = scene
        .hits
        .of(Class::Country, sentence.from, sentence.near_to)
        // "His Moroccan counterpart" is the other one.
        .filter(|country| scene.before(country.from, Class::OfficeHead, sentence.from).is_none_or(|head| head.entry.value != "counterpart"))
        .filter(|country| scene.hits.at(country.to, Class::OfficeHead).is_none_or(|head| head.entry.value != "counterpart"))
        .filter(|country| distance(country) <= NEAR_WORDS_MAX && rivals.iter().any(|rival| fits(&rival, &country.entry.value)))
        .min_by_key(distance);
    if let Some(country) = nearest {
        return rivals.iter().find(|rival| fits(rival, &country.entry.value)).copied();
    }
    // A Spanish text that says "Policía Nacional" and no more speaks of its own.
    if let Some(own) = home(scene).and_then(|home| rivals.iter().find(|rival| fits(rival, home))) {
        return Some(*own);
    }
    let mut known = rivals.iter().filter(|rival| rival.entry.country.as_ref().is_some_and(|code| actors.countries.contains_key(code)));
    if let Some(one) = known.next() {
        return Some(*one).filter(|_| known.next().is_none());
    }
    // The seat of a government in the lead says whose service it is.
    let seats: Vec<&str> = scene
        .told()
        .filter(|sentence| sentence.rank <= 2)
        .flat_map(|sentence| scene.hits.of(Class::Place, sentence.from, sentence.near_to).filter_map(|hit| hit.entry.seat.as_deref()))
        .collect();
    let mut seated = rivals.iter().filter(|rival| rival.entry.country.as_deref().is_some_and(|code| seats.contains(&code)));
    seated.next().filter(|_| seated.next().is_none()).copied()
}

/// "Rabat and Berlin have signed" names two governments, and a guest in Rabat meets the Moroccan one.
fn seats(scene: &Scene, actors: &mut Actors) {
    for sentence in scene.told().filter(|sentence| sentence.rank <= 2) {
        for hit in scene.hits.of(Class::Place, sentence.from, sentence.near_to) {
            let from_there = scene.before(hit.from, Class::Origin, sentence.from).is_some();
            if let Some(seat) = hit.entry.seat.as_ref().filter(|_| !from_there && !is_dateline(scene, hit)) {
                actors.countries.entry(seat.clone()).or_insert_with(|| scene.bytes(hit.from, hit.to));
            }
        }
    }
}

/// Tells whether a place only says where the agency sat: "Brussels, 8 July (AGENCY) -".
fn is_dateline(scene: &Scene, place: Hit) -> bool {
    let opens = scene.paragraphs.iter().any(|paragraph| paragraph.from == place.from);
    opens && scene.words.list.get(place.to).is_some_and(|word| !word.gap.is_soft() || word.gap.has(crate::words::Gap::HYPHEN))
}

/// Countries whose authorities a sentence names, and of the services that bear a name of their own.
pub(crate) fn acting<'t>(scene: &Scene<'t>, sentence: &Sentence) -> Vec<(&'t str, Hit<'t>)> {
    let speaks = |class: Class| matches!(class, Class::Authority | Class::Service | Class::ServiceOf | Class::OfficeHead | Class::Tip | Class::Jointly);
    let beside = |hit: &Hit| {
        let (from, to) = (hit.from.saturating_sub(BESIDE_WORDS_MAX).max(sentence.from), (hit.to + BESIDE_WORDS_MAX).min(sentence.near_to));
        scene.hits.within(from, to).filter(|other| speaks(other.entry.class)).any(|other| {
            let (first, last) = if other.from < hit.from { (other.to, hit.from) } else { (hit.to, other.from) };
            (first..=last).all(|at| scene.words.list.get(at).is_none_or(|word| word.gap.is_soft()))
        })
    };
    // "The forces of Morocco and Spain": the second is beside what the first is beside.
    let joined = |hit: &Hit, all: &[(&str, Hit)]| {
        let and = scene.before(hit.from, Class::And, sentence.from);
        and.is_some_and(|and| all.iter().any(|(_, other)| other.entry.class == Class::Country && other.to == and.from))
    };
    let mut all = Vec::new();
    for hit in scene.hits.within(sentence.from, sentence.near_to) {
        match hit.entry.class {
            Class::Country if beside(&hit) || joined(&hit, &all) => all.push((hit.entry.value.as_str(), hit)),
            Class::Service => all.extend(hit.entry.country.as_deref().filter(|code| *code != "EU").map(|code| (code, hit))),
            Class::ServiceOf => all.extend(hit.entry.country.as_deref().filter(|code| home(scene) == Some(code)).map(|code| (code, hit))),
            _ => {}
        }
    }
    all
}

fn parties(scene: &Scene, actors: &mut Actors) {
    for sentence in scene.told() {
        for (code, hit) in acting(scene, sentence) {
            actors.parties.entry(code.to_owned()).or_insert_with(|| scene.bytes(hit.from, hit.to));
        }
    }
    for (id, bytes) in &actors.services {
        let body = id.split('.').next().unwrap_or_default();
        let party = if matches!(body, "int" | "eu") { id.clone() } else { body.to_ascii_uppercase() };
        actors.parties.entry(party).or_insert(*bytes);
    }
}

/// The country whose services a language names without saying whose they are; French, English and Arabic have many homes.
fn home(scene: &Scene) -> Option<&'static str> {
    match scene.lang.code() {
        "es" => Some("ES"),
        "de" => Some("DE"),
        _ => None,
    }
}

fn note(scene: &Scene, actors: &mut Actors, hit: Hit) {
    let bytes = scene.bytes(hit.from, hit.to);
    actors.services.entry(hit.entry.value.clone()).or_insert(bytes);
    if let Some(country) = hit.entry.country.as_ref().filter(|code| *code != "EU") {
        actors.countries.entry(country.clone()).or_insert(bytes);
    }
}

fn city<'t>(scene: &Scene<'t>) -> Option<Hit<'t>> {
    let mut best: Option<(i32, Hit)> = None;
    for sentence in scene.told().filter(|sentence| scene.happens(sentence)) {
        for hit in scene.hits.of(Class::Place, sentence.from, sentence.near_to) {
            let hosts = scene.is(hit.to, Class::Host);
            let visited = scene.before(hit.from, Class::Event, sentence.from).is_some_and(|cue| cue.entry.value == "visit");
            let there = hosts || visited || scene.before(hit.from, Class::Locative, sentence.from).is_some() || is_joined_locative(scene, hit);
            let came_from = scene.before(hit.from, Class::Origin, sentence.from).is_some();
            if there && !came_from {
                let score = 2 * i32::from(sentence.rank <= 1) + i32::from(sentence.is_title);
                if best.is_none_or(|(top, _)| score > top) {
                    best = Some((score, hit));
                }
            }
        }
    }
    best.map(|(_, hit)| hit)
}

/// Arabic writes "in" onto the name: بمدريد.
fn is_joined_locative(scene: &Scene, hit: Hit) -> bool {
    scene.words.folded(hit.from).starts_with('ب') && !hit_starts_with(hit, 'ب')
}

fn hit_starts_with(hit: Hit, letter: char) -> bool {
    hit.entry.spellings().any(|phrase| phrase.starts_with(letter))
}

fn destination<'t>(scene: &Scene<'t>) -> Option<Hit<'t>> {
    for sentence in scene.told() {
        for visit in scene.hits.of(Class::Event, sentence.from, sentence.near_to).filter(|hit| hit.entry.value == "visit") {
            let reach = (visit.to + TRAVEL_WORDS_MAX).min(sentence.near_to);
            let travelled = scene.hits.of(Class::Country, visit.to.saturating_sub(1), reach).find(|country| {
                let verb = matches!(scene.lang.code(), "en" | "ar");
                let runs_on = visit.to == country.from && (verb || scene.before(visit.to, Class::Locative, sentence.from).is_some());
                runs_on || scene.before(country.from, Class::Locative, sentence.from).is_some()
            });
            if travelled.is_some() {
                return travelled;
            }
        }
        for word in scene.hits.of(Class::Destination, sentence.from, sentence.near_to) {
            let from = word.from.saturating_sub(4).max(sentence.from);
            if let Some(country) = scene.hits.of(Class::Country, from, word.from).last() {
                return Some(country);
            }
        }
    }
    None
}

/// The one country of the lead that stands behind a word of place, if something happens there.
fn only_country<'t>(scene: &Scene<'t>) -> Option<Hit<'t>> {
    let lead = scene.told().filter(|sentence| sentence.rank == 0 && scene.happens(sentence));
    let there = lead.flat_map(|sentence| {
        let countries = scene.hits.of(Class::Country, sentence.from, sentence.near_to);
        countries
            .filter(|hit| scene.before(hit.from, Class::Locative, sentence.from).is_some() && scene.before(hit.from, Class::Origin, sentence.from).is_none())
    });
    let all: Vec<Hit<'t>> = there.collect();
    let first = all.first().copied()?;
    all.iter().all(|hit| hit.entry.value == first.entry.value).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(text: &str) -> String {
        let actors = actors(&Scene::set(text).unwrap());
        let list = |found: &Found| found.keys().cloned().collect::<Vec<_>>().join(" ");
        let place = actors.place.map(|(place, _)| place).unwrap_or_default();
        format!("{} | {} | {place}", list(&actors.countries), list(&actors.services))
    }

    #[test]
    fn a_shared_name_belongs_to_the_nearest_country() {
        let french = "Le directeur de la Police nationale française a reçu à Paris son homologue de la Police nationale espagnole.";
        assert_eq!(picture(french), "ES FR | es.policia-nacional fr.police-nationale | Paris");
        let open = "The head of the National Police met in Vienna with officers of the ministry.";
        assert_eq!(picture(open), "AT |  | Wien", "the seat of a government, and no service of its own");
    }

    #[test]
    fn hosts_of_a_sports_event_take_no_part() {
        let page = "The Belgian Federal Police received a delegation of the Bundespolizei in Brussels to prepare the World Cup hosted by Brazil in Lisbon.";
        assert_eq!(picture(page), "BE DE | be.police-federale de.bundespolizei | Bruxelles");
    }

    #[test]
    fn where_one_came_from_is_not_the_place() {
        assert_eq!(picture("Depuis Lisbonne, la délégation portugaise s'est rendue à Berlin pour une visite.").split(" | ").last(), Some("Berlin"));
        assert_eq!(picture("Aus Lissabon reiste die Delegation nach Berlin und traf sich mit der Bundespolizei.").split(" | ").last(), Some("Berlin"));
        assert_eq!(picture("قام المدير العام بزيارة عمل إلى إسبانيا").split(" | ").last(), Some("Spain"));
        assert_eq!(picture("اجتماع أمني بمدريد بين المغرب وإسبانيا").split(" | ").last(), Some("Madrid"));
    }
}
