//! Chapter 1: three services, each with its own keys, store and process; officers; cards compared by words read aloud.

use super::cast::{DE, ES, MA, PT, Seat, Service};
use super::voice::Voice;
use super::wish::text;
use super::{DemoError, Stage};
use crate::client::Client;
use serde_json::json;
use std::path::Path;

/// Makes the three directories.
pub fn found(voice: Voice, root: &Path) -> Result<Stage, DemoError> {
    voice.chapter("1  Three services, three nodes, no server between them");
    let [ma, es, de, pt] = [&MA, &ES, &DE, &PT].map(|cast| Service::found(root, cast));
    let stage = Stage { ma: ma?, es: es?, de: de?, pt: pt?, root: root.to_owned(), voice };
    for s in stage.three() {
        let name = s.cast.founder.name[0].1;
        stage.voice.says(s.code(), &format!("{name}: own keys, first card and store in {}, service {}", s.station.dir.display(), &s.id()[..8]));
    }
    Ok(stage)
}

/// Starts the nodes and registers their officers.
pub async fn start(stage: &mut Stage, program: &Path) -> Result<(), DemoError> {
    for s in [&mut stage.ma, &mut stage.es, &mut stage.de] {
        open_office(&stage.voice, s, program).await?;
    }
    let me = stage.de.get(Seat::DataProtection, "/v1/me").await?;
    stage.voice.same("an officer signs in by token and is who the administrator registered", &me["roles"], &json!(["data-protection"]))?;
    let stranger = Client::new(&stage.es.station.peer.to_string(), "").get("/v1/status").await;
    stage
        .voice
        .check("es: a stranger who knocks at the partners' door gets no answer", stranger.as_ref().is_err_and(|p| p.status == 0), || format!("{stranger:?}"))
}

/// Starts a node and registers its officers.
pub async fn open_office(voice: &Voice, s: &mut Service, program: &Path) -> Result<(), DemoError> {
    s.station.start(program).await?;
    for (id, name, role) in s.cast.people {
        s.station.add_officer(id, name, &[role]).await?;
    }
    let names: Vec<&str> = s.cast.people.iter().map(|p| p.1).collect();
    voice.says(s.code(), &format!("node runs: partners come in at {} (mutual TLS 1.3), officers at {}", s.station.peer, s.station.api));
    voice.shows(&format!("officers: {}", names.join(", ")));
    Ok(())
}

/// Exchanges the cards, with the fingerprints read aloud.
pub async fn meet(stage: &Stage) -> Result<(), DemoError> {
    let voice = &stage.voice;
    let card = stage.es.station.client("admin").get("/v1/card").await.map_err(crate::launch::LaunchError::from)?;
    let words = text(&card["fingerprint"], "en");
    voice.says("es", &format!("reads the fingerprint of its card to ma by telephone: {words}"));
    let misheard = swap_a_word(words);
    voice.says("ma", &format!("types a word wrong: {misheard}"));
    let wrong = stage.ma.station.client("admin").post("/v1/partners", &json!({ "card": card["card"], "fingerprint": misheard })).await;
    let refusal = wrong.as_ref().map_or_else(|p| format!("refused, HTTP {}: {}", p.status, p.what), |_| "taken".to_owned());
    voice.shows(&refusal);
    voice.check("ma does not take a card whose fingerprint was not read right", wrong.as_ref().is_err_and(|p| p.code.contains("fingerprint")), || {
        format!("{wrong:?}")
    })?;
    for s in stage.three() {
        for other in stage.three().into_iter().filter(|o| o.code() != s.code()) {
            s.station.meet(&other.station).await?;
        }
    }
    voice.says("all", "every administrator compares the right words with the other two, and takes their cards");
    for s in stage.three() {
        let partners = s.get(Seat::Desk, "/v1/partners").await?;
        let mut known: Vec<(String, String)> = Vec::new();
        for p in partners.as_array().into_iter().flatten() {
            known.push((text(p, "code").to_owned(), p["endpoints"][0].as_str().unwrap_or_default().to_owned()));
        }
        known.sort();
        let mut wanted: Vec<(String, String)> =
            stage.three().into_iter().filter(|o| o.code() != s.code()).map(|o| (o.code().to_owned(), o.station.peer.to_string())).collect();
        wanted.sort();
        voice.same(&format!("{} knows its two partners, at the ports and by the keys on their cards", s.code()), &known, &wanted)?;
    }
    Ok(())
}

/// Puts the second different word in the place of the first, as somebody may who mishears.
fn swap_a_word(words: &str) -> String {
    let all: Vec<&str> = words.split(' ').collect();
    let other = all.iter().find(|w| **w != all[0]).copied().unwrap_or("zebra");
    std::iter::once(other).chain(all.into_iter().skip(1)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::swap_a_word;

    #[test]
    fn a_word_is_always_another_one() {
        assert_eq!(swap_a_word("apple apple moon"), "moon apple moon");
        assert_eq!(swap_a_word("apple apple"), "zebra apple");
    }
}
