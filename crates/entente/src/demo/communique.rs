//! Chapter 4, second half: one communiqué in five languages, agreed by the hash of every text, released after its embargo, and
//! proved to somebody who has nothing but the file.

use super::cast::{Seat, Service, Stood};
use super::visit::{self, Commitment, same_phase};
use super::wish::{self, words};
use super::{DemoError, Stage};
use crate::engine::now;
use base::{Digest, UnixMs};
use node::{Claim, Proof};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Every language's text, and the sentence that one party will not sign.
const TEXTS: [(&str, &str, &str); 5] = [
    ("fr", include_str!("../../demo/communique/fr.txt"), include_str!("../../demo/communique/struck.fr.txt")),
    ("es", include_str!("../../demo/communique/es.txt"), include_str!("../../demo/communique/struck.es.txt")),
    ("de", include_str!("../../demo/communique/de.txt"), include_str!("../../demo/communique/struck.de.txt")),
    ("ar", include_str!("../../demo/communique/ar.txt"), include_str!("../../demo/communique/struck.ar.txt")),
    ("en", include_str!("../../demo/communique/en.txt"), include_str!("../../demo/communique/struck.en.txt")),
];
/// Shortest embargo, seconds.
const EMBARGO_S: u32 = 3;
/// Acts for which an embargo leaves time, on a machine however slow.
const EMBARGO_ACTS: u32 = 30;

/// Agrees on the communiqué, publishes it, and keeps a commitment meanwhile.
pub async fn publish(stage: &Stage, visit: &str, commitments: &[Commitment]) -> Result<(), DemoError> {
    let (voice, de) = (&stage.voice, &stage.de);
    let drafts: Vec<(&str, String)> = TEXTS.iter().map(|(lang, text, struck)| (*lang, format!("{text}{struck}"))).collect();
    let began = Instant::now();
    let first = version(stage, visit, &drafts, whole_second(now().plus_ms(60_000))).await?;
    // Five texts and a version were six acts.
    let embargo_ms = (began.elapsed() / 6 * EMBARGO_ACTS).max(Duration::from_secs(u64::from(EMBARGO_S))).as_millis();
    let german = TEXTS[2].2.trim();
    let strike = json!({ "reason": "not-authorised", "sentence": words("de", german), "proposal": words("de", "Satz streichen.") });
    de.act(Seat::Desk, &wish::step_on(visit, &first.item, "strike", strike)).await?;
    voice.says("de", &format!("{} strikes a sentence that nobody has authorised: \"{german}\"", de.who(Seat::Desk)));
    same_phase(stage, visit, &first, "one party strikes, and this version is at its end", "struck").await?;

    let agreed: Vec<(&str, String)> = TEXTS.iter().map(|(lang, text, _)| (*lang, (*text).to_owned())).collect();
    let embargo = whole_second(now().plus_ms(i64::try_from(embargo_ms).unwrap_or(i64::MAX)));
    let second = version(stage, visit, &agreed, embargo).await?;
    for guest in [&stage.ma, de] {
        guest.act_with(Seat::Supervisor, Seat::Authority, &wish::step_on(visit, &second.item, "agree", json!({}))).await?;
        voice.says(
            guest.code(),
            &format!("{} agrees to all five texts, {} with a second pair of eyes", guest.who(Seat::Supervisor), guest.who(Seat::Authority)),
        );
    }
    let release = wish::step_on(visit, &second.item, "release", json!({}));
    voice.says("es", &format!("{} wants to release it before the embargo is over", stage.es.who(Seat::Supervisor)));
    stage.try_in_vain(&stage.es, Seat::Supervisor, "/v1/intents", &release, "refusal.act.guard").await?;
    visit::why_not(stage, &stage.es, "working-visit", "version", "release").await?;
    voice.check("the refusal came while the embargo ran", now() < embargo, || format!("it is {}, the embargo ended {embargo}", now()))?;
    same_phase(stage, visit, &second, "agreed by all, word for word", "agreed").await?;

    let promise = &commitments[0];
    visit::keep_one(stage, visit, promise).await?;
    visit::conclude(stage, visit).await?;

    let left = u64::try_from(embargo.0.saturating_sub(now().0)).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left)).await;
    for s in stage.three() {
        s.act(Seat::Authority, &release).await?;
        voice.says(s.code(), &format!("{} releases the communiqué", s.who(Seat::Authority)));
    }
    same_phase(stage, visit, &second, "the communiqué is public", "published").await?;
    prove(stage, visit, &second).await
}

/// Writes the texts, each service those in its languages, and a version that names them by hash.
async fn version(stage: &Stage, visit: &str, texts: &[(&str, String)], embargo: UnixMs) -> Result<Stood, DemoError> {
    let author = |lang: &str| -> &Service {
        match lang {
            "fr" | "ar" => &stage.ma,
            "de" => &stage.de,
            _ => &stage.es,
        }
    };
    let mut hashes: Vec<Value> = Vec::new();
    for (lang, text) in texts {
        author(lang).act(Seat::Desk, &wish::item(visit, "communique_text", json!({ "text": words(lang, text) }))).await?;
        hashes.push(json!({ "lang": lang, "sha256": Digest::of(text.as_bytes()) }));
    }
    let until = embargo.in_zone("Europe/Madrid").map_err(|e| DemoError::System(e.to_string()))?;
    let made = stage.es.act(Seat::Desk, &wish::item(visit, "version", json!({ "hashes": hashes, "embargo": until.to_string() }))).await?;
    let langs: Vec<&str> = texts.iter().map(|t| t.0).collect();
    stage.voice.says("es", &format!("{} puts forward a version in {}, embargo until {until}", stage.es.who(Seat::Desk), langs.join(", ")));
    for h in &hashes {
        stage.voice.shows(&format!("{} sha256 {}", wish::text(h, "lang"), wish::text(h, "sha256")));
    }
    Ok(made)
}

/// Names the file with the proof that a service exported.
pub fn proof_name(code: &str) -> String {
    format!("communique-proof-by-{code}.json")
}

/// Has each party export the proof, and an outsider check it.
async fn prove(stage: &Stage, visit: &str, version: &Stood) -> Result<(), DemoError> {
    let voice = &stage.voice;
    let fault = |name: &str, found: &dyn std::fmt::Display| DemoError::Check { name: name.to_owned(), found: found.to_string() };
    for s in stage.three() {
        let exported = s.get(Seat::Desk, &format!("/v1/dossiers/{visit}/communiques/{}/proof", version.item)).await?;
        let path = stage.root.join(proof_name(s.code()));
        let io = |e: std::io::Error| DemoError::System(format!("{}: {e}", path.display()));
        fs::write(&path, exported.to_string()).map_err(io)?;
        // From here on the outsider: a file, and nothing else.
        let file = fs::read_to_string(&path).map_err(io)?;
        let name = format!("the proof exported by {} holds for an outsider", s.code());
        let proved = Proof::read(&file).and_then(|p| p.verify()).map_err(|e| fault(&name, &e))?;
        let mut parties: Vec<&str> = proved.parties.iter().map(|p| p.0.as_str()).collect();
        parties.sort_unstable();
        let mut texts: Vec<(String, Digest)> = TEXTS.iter().map(|(lang, text, _)| ((*lang).to_owned(), Digest::of(text.as_bytes()))).collect();
        texts.sort();
        voice.check(&name, proved.claim == Claim::Communique && parties == ["de", "es", "ma"] && proved.texts == texts, || format!("{proved:?}"))?;
        if s.code() == "es" {
            voice.shows(&format!(
                "{}: {} acts, {} languages, released by {}, the last at {}",
                path.display(),
                proved.acts,
                proved.texts.len(),
                parties.join(", "),
                proved.at
            ));
            tampered(stage, &file)?;
        }
    }
    Ok(())
}

/// Alters the proof in three ways; each must be found.
fn tampered(stage: &Stage, file: &str) -> Result<(), DemoError> {
    let read = || Proof::read(file).map_err(|e| DemoError::Check { name: "the proof can be read".to_owned(), found: e.to_string() });
    let refuse = |name: &str, proof: Proof, code: &str| {
        let outcome = proof.verify();
        if let Err(fault) = &outcome {
            stage.voice.shows(&format!("refused: {fault}"));
        }
        stage.voice.check(name, outcome.as_ref().is_err_and(|f| f.code() == code), || format!("{outcome:?}"))
    };
    let mut other_text = read()?;
    other_text.texts.entry("fr".to_owned()).and_modify(|t| *t = t.replace("des experts", "des patrouilles"));
    refuse("an outsider finds two altered words in the French text", other_text, "peer.proof.text")?;
    let mut silent = read()?;
    silent.acts.pop();
    refuse("an outsider finds that one party's release is missing", silent, "peer.proof.missing")?;
    let mut forged = read()?;
    if let Some((signed, _)) = forged.acts.last_mut() {
        let last = if signed.ends_with('0') { "1" } else { "0" };
        signed.replace_range(signed.len() - 1.., last);
    }
    refuse("an outsider finds a single altered digit of a signature", forged, "peer.proof.signature")
}

/// Rounds up to the next whole second, for the eye.
fn whole_second(at: UnixMs) -> UnixMs {
    UnixMs(at.0.div_euclid(1000).saturating_add(1).saturating_mul(1000))
}
