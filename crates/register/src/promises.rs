//! Tells what was promised from what was only weighed.
//!
//! Flow, per sentence: 1 cues (`data/promises.toml`): promise, weighing, mere importance, negation, 2 each known topic is
//! governed by the nearest cue before it, else by the nearest after, 3 a promise inside a weighing ("discussed whether to
//! agree") is weighed, 4 without a topic a promise stands, a weighing only if it speaks of
//! making something, or turns a promise into an opinion. In doubt it is
//! weighed: a promise that was never made is the worse error.

use crate::hits::{Class, Hit};
use crate::scene::{Scene, Sentence};
use crate::words::Gap;

/// How far before a cue a "not" reaches, in words.
const NEGATION_WORDS_MAX: usize = 4;
/// How far behind a promise "the importance of" turns it into a mere opinion, in words.
const WEAK_WORDS_MAX: usize = 4;
/// How far a weighing word reaches forward over a word of promise, in words.
const HEDGE_WORDS_MAX: usize = 8;

/// One point of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub topic: Option<String>,
    pub bytes: (usize, usize),
    pub is_promise: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Force {
    Promise,
    Weighing,
    Nothing,
}

/// Returns the points of a text in reading order.
pub(crate) fn points(scene: &Scene) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for sentence in scene.told().filter(|sentence| !sentence.is_title) {
        let cues = cues(scene, sentence);
        if cues.iter().all(|(_, force)| *force == Force::Nothing) {
            continue;
        }
        let bytes = scene.sentence_bytes(sentence);
        let mut add = |topic: Option<&str>, force| {
            let said = Said { topic: topic.map(str::to_owned), bytes, is_promise: force == Force::Promise };
            if force != Force::Nothing && !all.iter().any(|other| other.topic == said.topic && other.bytes == bytes) {
                all.push(said);
            }
        };
        let topics = topics(scene, sentence);
        for topic in &topics {
            add(Some(&topic.entry.value), governing(&cues, topic));
        }
        if topics.is_empty() {
            let acts = scene.hits.any(Class::Action, sentence.from, sentence.told_to);
            let promise = cues.iter().any(|(_, force)| *force == Force::Promise);
            let opinion = cues.iter().any(|(cue, force)| *force == Force::Weighing && cue.entry.class == Class::Commit);
            if promise {
                add(None, Force::Promise);
            } else if acts || opinion {
                add(None, Force::Weighing);
            }
        }
    }
    all
}

fn cues<'s>(scene: &'s Scene, sentence: &Sentence) -> Vec<(Hit<'s>, Force)> {
    let hits: Vec<Hit> = scene.hits.within(sentence.from, sentence.told_to).collect();
    let any = |class, from: usize, to: usize| hits.iter().any(|hit| hit.entry.class == class && hit.from >= from && hit.from < to);
    let mut cues = Vec::new();
    for hit in &hits {
        let is_denied = any(Class::Negation, hit.from.saturating_sub(NEGATION_WORDS_MAX), hit.from);
        let force = match hit.entry.class {
            Class::Commit if is_denied => Force::Nothing,
            Class::Commit if any(Class::Weak, hit.to, hit.to + WEAK_WORDS_MAX) => Force::Weighing,
            Class::Commit if is_hedged(scene, &hits, hit) => Force::Weighing,
            Class::Commit => Force::Promise,
            Class::Consider if is_denied => Force::Nothing,
            Class::Consider => Force::Weighing,
            _ => continue,
        };
        cues.push((*hit, force));
    }
    cues
}

/// Tells whether a word of weighing reaches over a promise: within one clause, so neither across a comma nor a joining "and".
fn is_hedged(scene: &Scene, hits: &[Hit], promise: &Hit) -> bool {
    let joined = scene.before(promise.from, Class::And, 0).is_some();
    let hedge = |hit: &&Hit| hit.entry.class == Class::Consider && hit.from + HEDGE_WORDS_MAX >= promise.from && hit.from < promise.to + 2;
    hits.iter().filter(hedge).any(|hit| {
        let clause = hit.to.min(promise.from) + 1..=promise.from;
        !joined && clause.into_iter().all(|at| !scene.words.list[at].gap.has(Gap(Gap::COMMA.0 | Gap::STOP.0)))
    })
}

/// Topics whose ingredient stands in the sentence; one with an ingredient takes the place of the plain one on the same words.
fn topics<'s>(scene: &'s Scene, sentence: &Sentence) -> Vec<Hit<'s>> {
    let ingredients: Vec<&str> = scene.hits.of(Class::Ingredient, sentence.from, sentence.told_to).map(|hit| hit.entry.value.as_str()).collect();
    let here = |hit: &Hit| hit.entry.with.as_deref().is_none_or(|with| ingredients.contains(&with));
    let all: Vec<Hit> = scene.hits.of(Class::Topic, sentence.from, sentence.told_to).filter(here).collect();
    let outdone = |hit: &Hit| hit.entry.with.is_none() && all.iter().any(|other| other.from == hit.from && other.entry.with.is_some());
    all.iter().filter(|hit| !outdone(hit)).copied().collect()
}

fn governing(cues: &[(Hit, Force)], topic: &Hit) -> Force {
    let before = cues.iter().rev().find(|(cue, _)| cue.from <= topic.from);
    let after = cues.iter().find(|(cue, _)| cue.from > topic.from);
    before.or(after).map_or(Force::Nothing, |(_, force)| *force)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let page = format!("{text} .");
        let lines: Vec<_> = points(&Scene::set(&page).unwrap())
            .iter()
            .map(|said| format!("{} {}", if said.is_promise { "promised" } else { "weighed" }, said.topic.as_deref().unwrap_or("-")))
            .collect();
        lines.join("; ")
    }

    #[test]
    fn promised_or_only_weighed() {
        assert_eq!(read("Both sides agreed to set up a joint committee for the ports"), "promised joint-committee");
        assert_eq!(read("Both sides discussed the idea of a joint committee for the ports"), "weighed joint-committee");
        assert_eq!(read("A joint committee for the World Cup was also considered by the two chiefs"), "weighed world-cup-committee");
        assert_eq!(read("Both sides did not agree to the controlled deliveries of the plan"), "");
        assert_eq!(read("The two chiefs discussed whether they would have agreed on joint teams"), "weighed joint-teams");
        assert_eq!(read("Both sides agreed on the importance of information sharing in the region"), "weighed information-exchange");
        assert_eq!(read("They agreed on joint teams and explored controlled deliveries at the border"), "promised joint-teams; weighed controlled-delivery");
    }

    #[test]
    fn in_the_other_languages() {
        assert_eq!(
            read("Les deux parties sont convenues d'échanger des informations et de créer des équipes mixtes"),
            "promised information-exchange; promised joint-teams"
        );
        assert_eq!(
            read("Les deux parties ont évoqué la création d'équipes mixtes et les livraisons surveillées"),
            "weighed joint-teams; weighed controlled-delivery"
        );
        assert_eq!(
            read("Ambas partes acordaron el intercambio de información y se estudió la creación de equipos conjuntos"),
            "promised information-exchange; weighed joint-teams"
        );
        assert_eq!(
            read("Beide Seiten vereinbarten einen Expertenaustausch und erörterten kontrollierte Lieferungen"),
            "promised expert-exchange; weighed controlled-delivery"
        );
        assert_eq!(read("اتفق الجانبان على تبادل المعلومات"), "promised information-exchange");
        assert_eq!(read("ناقش الجانبان إمكانية إحداث لجنة خاصة بكأس العالم"), "weighed world-cup-committee");
    }
}
