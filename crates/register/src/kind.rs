//! Decides what kind of event a text tells of.
//!
//! A joint operation needs its word and a result (arrests, seizures) in the lead; an agreement needs a signature and
//! its object in one sentence of title or lead; between visit and meeting the word that comes first counts.

use crate::event::Kind;
use crate::hits::{Class, Hit};
use crate::scene::Scene;

const LEAD_RANK_MAX: usize = 2;

/// Returns the kind and the bytes that say so; nothing if the text tells of no event.
pub(crate) fn kind(scene: &Scene) -> Option<(Kind, (usize, usize))> {
    let lead = || scene.told().filter(|sentence| sentence.rank <= LEAD_RANK_MAX);
    let event = |value: &'static str| {
        move |sentence: &crate::scene::Sentence| scene.hits.of(Class::Event, sentence.from, sentence.told_to).find(move |hit| hit.entry.value == value)
    };
    let said = |hit: Hit| scene.bytes(hit.from, hit.to);
    let has_result = lead().any(|sentence| scene.hits.any(Class::Result, sentence.from, sentence.told_to));
    if let Some(hit) = lead().find_map(event("joint_operation")).filter(|_| has_result) {
        return Some((Kind::JointOperation, said(hit)));
    }
    for sentence in scene.told().filter(|sentence| sentence.rank == 0) {
        if let Some(hit) = event("agreement")(sentence) {
            return Some((Kind::Agreement, said(hit)));
        }
        let signs = scene.hits.of(Class::Sign, sentence.from, sentence.near_to).next();
        let object = signs.and_then(|sign| scene.hits.of(Class::Agreement, sign.to, sentence.near_to).next());
        if let (Some(sign), Some(object)) = (signs, object.filter(|object| object.from - signs.map_or(0, |sign| sign.to) <= 6)) {
            return Some((Kind::Agreement, scene.bytes(sign.from, object.to)));
        }
    }
    let first = |values: &[&str]| {
        scene.told().find_map(|sentence| scene.hits.of(Class::Event, sentence.from, sentence.told_to).find(|hit| values.contains(&hit.entry.value.as_str())))
    };
    if let Some(hit) = first(&["visit", "meeting"]) {
        return Some((if hit.entry.value == "visit" { Kind::Visit } else { Kind::Meeting }, said(hit)));
    }
    first(&["other"]).map(|hit| (Kind::Other, said(hit)))
}

/// Tells whether the text is about security: a service, an office of one, or plain words of it, in what is told.
pub(crate) fn is_security(scene: &Scene) -> bool {
    let mut told = scene.told();
    told.any(|sentence| {
        let has = |class| scene.hits.any(class, sentence.from, sentence.told_to);
        has(Class::Service) || has(Class::ServiceOf) || has(Class::Security) || has(Class::Threat)
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
