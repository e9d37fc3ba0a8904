//! Decides what kind of event a text tells of.
//!
//! An operation needs a result (arrests, seizures, a plot foiled) in the lead, and either a word of acting together or one of being told by another
//! service; an inauguration its word in the lead; an agreement a signature and its object in one sentence of the lead; between visit and
//! meeting the word that comes first counts; where none of these is told, words of thanks make a statement.

use crate::actors::acting;
use crate::event::Kind;
use crate::hits::{Class, Hit};
use crate::scene::{Scene, Sentence};

/// Sentences that make the lead.
const LEAD_RANK_MAX: usize = 3;
/// How far behind a signature its object may stand, in words.
const OBJECT_WORDS_MAX: usize = 8;

/// Returns the kind and the bytes that say so; nothing if the text tells of no event.
pub(crate) fn kind(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    operation(scene).or_else(|| inauguration(scene)).or_else(|| agreement(scene)).or_else(|| met(scene)).or_else(|| statement(scene))
}

fn lead<'s>(scene: &'s Scene) -> impl Iterator<Item = &'s Sentence> {
    scene.told().filter(|sentence| sentence.rank <= LEAD_RANK_MAX)
}

fn first<'t>(scene: &Scene<'t>, rank_max: usize, found: impl Fn(&Hit<'t>) -> bool) -> Option<Hit<'t>> {
    scene.told().filter(|sentence| sentence.rank <= rank_max).find_map(|sentence| scene.hits.within(sentence.from, sentence.told_to).find(&found))
}

fn operation(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    let result = first(scene, 1, |hit| hit.entry.class == Class::Result)?;
    let meets = first(scene, 0, |hit| hit.entry.class == Class::Event && matches!(hit.entry.value.as_str(), "visit" | "meeting" | "inauguration"));
    let acts = |hit: &Hit| hit.entry.class == Class::Event && hit.entry.value == "joint_operation";
    if let Some(hit) = first(scene, 1, acts) {
        return Some((Kind::JointOperation, scene.bytes(hit.from, hit.to)));
    }
    let told = first(scene, LEAD_RANK_MAX, |hit| hit.entry.class == Class::Tip);
    let jointly = first(scene, LEAD_RANK_MAX, |hit| hit.entry.class == Class::Jointly || acts(hit));
    if meets.is_some_and(|meets| meets.from < result.from) && told.is_none() {
        return None;
    }
    match (told, jointly) {
        (Some(hit), _) => Some((Kind::SharedInformationOperation, scene.bytes(hit.from, hit.to))),
        (None, Some(hit)) => Some((Kind::JointOperation, scene.bytes(hit.from, hit.to))),
        (None, None) => {
            // Two countries' services that are named in the sentence of the arrests made them.
            let deed = scene.told().filter(|sentence| sentence.rank <= 1 && scene.hits.any(Class::Result, sentence.from, sentence.told_to));
            let both = deed.into_iter().find_map(|sentence| {
                let acting = acting(scene, sentence);
                let other = acting.iter().find(|(code, _)| *code != acting[0].0)?;
                Some(scene.bytes(acting[0].1.from.min(other.1.from), acting[0].1.to.max(other.1.to)))
            });
            both.map(|bytes| (Kind::JointOperation, bytes))
        }
    }
}

fn inauguration(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    let hit = first(scene, 0, |hit| hit.entry.class == Class::Event && hit.entry.value == "inauguration")?;
    Some((Kind::Inauguration, scene.bytes(hit.from, hit.to)))
}

fn agreement(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    for sentence in lead(scene).filter(|sentence| sentence.rank <= 1) {
        let mut events = scene.hits.of(Class::Event, sentence.from, sentence.told_to);
        if let Some(hit) = events.find(|hit| hit.entry.value == "agreement") {
            return Some((Kind::Agreement, scene.bytes(hit.from, hit.to)));
        }
        for sign in scene.hits.of(Class::Sign, sentence.from, sentence.near_to) {
            let reach = sign.from.saturating_sub(OBJECT_WORDS_MAX).max(sentence.from);
            let behind = scene.hits.of(Class::Agreement, sign.to, (sign.to + OBJECT_WORDS_MAX).min(sentence.near_to)).next();
            // German puts the verb last: "haben ein Abkommen unterschrieben".
            let before = || scene.hits.of(Class::Agreement, reach, sign.from).next().filter(|_| scene.lang.code() == "de");
            if let Some(object) = behind.or_else(before) {
                return Some((Kind::Agreement, scene.bytes(sign.from.min(object.from), sign.to.max(object.to))));
            }
        }
    }
    None
}

fn met(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    let named = |values: &'static [&'static str]| move |hit: &Hit| hit.entry.class == Class::Event && values.contains(&hit.entry.value.as_str());
    if let Some(hit) = first(scene, usize::MAX, named(&["visit", "meeting"])) {
        return Some((if hit.entry.value == "visit" { Kind::Visit } else { Kind::Meeting }, scene.bytes(hit.from, hit.to)));
    }
    if let Some(hit) = first(scene, LEAD_RANK_MAX, named(&["other"])) {
        return Some((Kind::Other, scene.bytes(hit.from, hit.to)));
    }
    // Two sides that agreed on something in the lead met, though the text has no word for it.
    let agreed = first(scene, 0, |hit| hit.entry.class == Class::Commit)?;
    Some((Kind::Meeting, scene.bytes(agreed.from, agreed.to)))
}

fn statement(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    let hit = first(scene, 1, |hit| hit.entry.class == Class::Praise)?;
    Some((Kind::Statement, scene.bytes(hit.from, hit.to)))
}

/// Tells whether the text is about security: a service, an office of one, or plain words of it, in what is told.
pub(crate) fn is_security(scene: &Scene) -> bool {
    scene.told().any(|sentence| {
        let has = |class| scene.hits.any(class, sentence.from, sentence.told_to);
        has(Class::Service) || has(Class::ServiceOf) || has(Class::Security) || has(Class::Threat)
    })
}

/// Tells whether the lead names somebody's counterpart, and so two sides.
pub(crate) fn has_counterpart(scene: &Scene) -> bool {
    lead(scene).any(|sentence| scene.hits.of(Class::OfficeHead, sentence.from, sentence.told_to).any(|hit| hit.entry.value == "counterpart"))
}

/// Tells whether the lead speaks of sport, trade or holidays, and no service meets anybody in the same breath.
pub(crate) fn is_off_topic(scene: &Scene) -> bool {
    let off = lead(scene).any(|sentence| scene.hits.any(Class::OffTopic, sentence.from, sentence.told_to));
    off && !lead(scene).any(|sentence| {
        let has = |class| scene.hits.any(class, sentence.from, sentence.told_to);
        let counterpart = scene.hits.of(Class::OfficeHead, sentence.from, sentence.told_to).any(|hit| hit.entry.value == "counterpart");
        (has(Class::Service) || has(Class::ServiceOf) || counterpart) && (has(Class::Event) || has(Class::Sign) || has(Class::Tip) || has(Class::Jointly))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Kind> {
        kind(&Scene::set(text).unwrap()).map(|(kind, _)| kind)
    }

    #[test]
    fn each_kind_and_its_nearest_neighbour() {
        let operation = "Spanish and Moroccan services carried out a joint operation in Toledo";
        assert_eq!(read(&format!("{operation} and arrested three people.")), Some(Kind::JointOperation));
        assert_eq!(read("The two chiefs met and praised the joint operations of the services."), Some(Kind::Meeting));
        assert_eq!(read("Les deux ministres ont signé un accord de coopération entre les polices."), Some(Kind::Agreement));
        assert_eq!(read("Les deux ministres ont tenu une réunion sur l'accord de coopération."), Some(Kind::Meeting));
        assert_eq!(read("Der Präsident war zu einem Arbeitsbesuch bei der Polizei, es gab ein Treffen."), Some(Kind::Visit));
        assert_eq!(read("La réunion s'est tenue en marge de la visite de la délégation."), Some(Kind::Meeting));
        assert_eq!(read("Le prix du blé a baissé dans les ports de la région."), None);
    }
}
