//! Reads the areas of threat that a text names for its event.

use crate::actors::Found;
use crate::hits::Class;
use crate::scene::Scene;

/// Returns codes of `data/threats.toml` with the words they were first read on.
pub(crate) fn threats(scene: &Scene) -> Found {
    let mut found = Found::new();
    for sentence in scene.told() {
        for hit in scene.hits.of(Class::Threat, sentence.from, sentence.told_to) {
            found.entry(hit.entry.value.clone()).or_insert_with(|| scene.bytes(hit.from, hit.to));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_name_wins() {
        let page = "Les deux services luttent contre les réseaux d'immigration clandestine, le blanchiment d'argent et les cyberattaques.";
        let codes: Vec<_> = threats(&Scene::set(page).unwrap()).into_keys().collect();
        assert_eq!(codes, ["cybercrime", "migrant-smuggling", "money-laundering"]);
    }
}
