//! Reads one text alone: what it tells, or why it gives no draft.

use crate::actors::{Actors, Found, actors};
use crate::amounts::{Amounts, amounts};
use crate::clean::Sort;
use crate::event::{Kind, PageNote, PartNote, Text};
use crate::fold::{is_arabic, skeleton};
use crate::hits::Class;
use crate::lexicon::{Lexicon, Quick};
use crate::names::{Named, officials};
use crate::promises::points;
use crate::scene::Scene;
use crate::silence::Silence;
use crate::steps::{Step, steps};
use crate::threats::threats;
use crate::when::{Told, when};
use std::collections::BTreeSet;
use std::hash::Hasher;

/// Most word triples of one text that are compared; what a long page says first says which event it tells of.
const SHINGLES_MAX: usize = 400;
const SHINGLE_WORDS: usize = 3;
/// Most words of one text that may be names.
const NAME_WORDS_MAX: usize = 160;
/// Sentences of the lead whose names are compared; further down stand teasers of other stories.
const NAME_RANK_MAX: usize = 14;
/// Shortest sound of a word that may be a name, in consonants.
const SOUND_MIN: usize = 3;

/// What one text tells.
#[derive(Debug)]
pub(crate) struct Tale<'t> {
    pub path: &'t str,
    pub text: &'t str,
    pub language: &'static str,
    pub kind: Kind,
    pub kind_bytes: (usize, usize),
    pub told: Told,
    pub actors: Actors,
    pub officials: Vec<Named>,
    pub threats: Found,
    pub points: Vec<crate::promises::Said>,
    pub amounts: Amounts,
    pub steps: Vec<Step>,
    /// Hashes of the word triples that are told, sorted.
    pub shingles: Vec<u64>,
    /// Hashes of the sounds of words that are names or may be: capitals in Latin script, unknown words in Arabic script.
    pub names: Vec<u64>,
}

/// Reads a text, and notes how its page was taken apart.
pub(crate) fn tale<'t>(lexicon: &'t Lexicon, text: &Text<'t>, note: &mut PageNote) -> Result<Tale<'t>, Silence> {
    let scene = Scene::with(lexicon, text.body)?;
    note.language = scene.lang.code();
    note.parts = part_notes(&scene);
    if !scene.lang.is_read() {
        return Err(Silence::LanguageNotRead { language: scene.lang.code().to_owned() });
    }
    let (kind, kind_bytes) = crate::kind::kind(&scene).ok_or(Silence::NoEvent { missing: "no visit, meeting, operation, agreement or statement is told" })?;
    if !crate::kind::is_security(&scene) {
        return Err(Silence::NoEvent { missing: "nothing in it is about security or its services" });
    }
    if crate::kind::is_off_topic(&scene) {
        return Err(Silence::NoEvent { missing: "it speaks of sport, trade, holidays or an exercise" });
    }
    let actors = actors(&scene);
    let acts = kind.is_operation() || kind == Kind::Statement;
    let bodies = actors.parties.keys().filter(|party| party.contains('.')).count();
    if acts && actors.parties.len() < 2 {
        return Err(Silence::NoEvent { missing: "services of fewer than two countries act or help" });
    }
    let mut officials = officials(&scene);
    officials.iter_mut().for_each(|named| named.keep_services(&actors.services));
    // A service whose country is left unsaid, or a guest and a host by name on a visit abroad, stand for the second country.
    let counterpart = crate::kind::has_counterpart(&scene);
    let unsaid = usize::from((actors.unsaid_service || counterpart) && !acts);
    let by_name = usize::from(kind == Kind::Visit && officials.iter().filter(|named| named.name.is_some()).count() >= 2);
    if actors.countries.len() + bodies + unsaid.max(by_name) < 2 || actors.countries.is_empty() {
        return Err(Silence::NoEvent { missing: "fewer than two countries take part" });
    }
    if actors.parties.is_empty() && !actors.unsaid_service && !scene.told().any(|sentence| scene.hits.any(Class::ServiceOf, sentence.from, sentence.told_to)) {
        return Err(Silence::NoEvent { missing: "no service, police or ministry takes part" });
    }
    Ok(Tale {
        path: text.path,
        text: text.body,
        language: scene.lang.code(),
        kind,
        kind_bytes,
        told: when(&scene, kind),
        actors,
        officials,
        threats: threats(&scene),
        points: points(&scene),
        amounts: amounts(&scene),
        steps: steps(&scene, kind),
        shingles: shingles(&scene),
        names: names(&scene),
    })
}

fn part_notes(scene: &Scene) -> Vec<PartNote> {
    let language = |start| scene.paragraphs.iter().find(|paragraph| paragraph.part.start == start).map_or("und", |paragraph| paragraph.lang.code());
    let name = |sort| match sort {
        Sort::Title => "title",
        Sort::Body => "body",
        Sort::Published => "published",
        Sort::Stamp => "stamp",
        Sort::Label => "label",
        Sort::Furniture => "furniture",
        Sort::Repeat => "repeat",
    };
    scene.parts.iter().map(|part| PartNote { start: part.start, end: part.end, part: name(part.sort), language: language(part.start) }).collect()
}

fn shingles(scene: &Scene) -> Vec<u64> {
    let mut all = BTreeSet::new();
    for sentence in scene.told() {
        for at in sentence.from..sentence.told_to.saturating_sub(SHINGLE_WORDS - 1) {
            if all.len() == SHINGLES_MAX {
                break;
            }
            let mut hasher = Quick::default();
            (at..at + SHINGLE_WORDS).for_each(|word| hasher.write(scene.words.folded(word).as_bytes()));
            all.insert(hasher.finish());
        }
    }
    all.into_iter().collect()
}

/// The sounds of words that no data file knows: in Latin script those with a capital that open no sentence, in Arabic script all.
fn names(scene: &Scene) -> Vec<u64> {
    let mut all = BTreeSet::new();
    for sentence in scene.told().filter(|sentence| sentence.rank <= NAME_RANK_MAX) {
        for at in sentence.from..sentence.told_to {
            let folded = scene.words.folded(at);
            let arabic = folded.starts_with(is_arabic);
            let word = &scene.words.list[at];
            let opens = at == sentence.from && !scene.words.list.get(at + 1).is_some_and(|next| next.is_capital && next.gap.is_soft());
            let known = scene.hits.starting(at).iter().any(|hit| !matches!(hit.entry.class, Class::OfficeWord | Class::Topic | Class::Connector));
            if word.number.is_some() || known || !arabic && (!word.is_capital || opens) || all.len() == NAME_WORDS_MAX {
                continue;
            }
            let sound = skeleton(folded);
            if sound.len() >= SOUND_MIN {
                all.insert(sound_hash(&sound));
            }
        }
    }
    all.into_iter().collect()
}

/// Returns the hash under which a sound is compared.
pub(crate) fn sound_hash(sound: &str) -> u64 {
    let mut hasher = Quick::default();
    hasher.write(sound.as_bytes());
    hasher.finish()
}
