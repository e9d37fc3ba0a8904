//! A working visit to its communiqué, and the proof that a stranger checks.

use crate::world::*;
use base::{Digest, DossierId, ItemId, UnixMs};
use node::{Intent, Proof};
use serde_json::json;

const TEXTS: [(&str, &str); 2] = [("fr", "Les deux services ont convenu d'échanger des informations."), ("ar", "اتفقت المصلحتان على تبادل المعلومات.")];

fn visit_form() -> serde_json::Value {
    json!({
        "title": fr("Visite de travail à Madrid"),
        "level": "director-general",
        "date_from": "2025-01-28",
        "date_to": "2025-01-29",
        "place": { "name": { "lang": "es", "text": "Madrid" }, "country": "ES" },
        "purpose": fr("Coopération"),
    })
}

/// A visit of all to ES, with a version of the communiqué that all have agreed to under an embargo of an hour.
fn agreed(n: usize, earlier: usize) -> (World, DossierId, ItemId) {
    let (mut w, _) = World::allied(n);
    for _ in 0..earlier {
        w.asks(ES, None);
    }
    let guests = (0..n).filter(|i| *i != ES).map(|i| (i, "guest"));
    let all: Vec<_> = std::iter::once((ES, "host")).chain(guests).collect();
    let parties = w.parties(&all);
    let visit = w
        .does(ES, Intent::Open { mechanism: "working-visit".into(), accord: None, parties, follows: None, fields: form(visit_form()), handling: h0() })
        .dossier;
    w.pump();
    for i in (0..n).filter(|i| *i != ES) {
        w.does(i, moves(visit, None, "accept", json!({})));
    }
    w.pump();
    let mut hashes = Vec::new();
    for (lang, words) in TEXTS {
        w.does(ES, opens(visit, "communique_text", json!({ "text": { "lang": lang, "text": words } })));
        hashes.push(json!({ "lang": lang, "sha256": Digest::of(words.as_bytes()) }));
    }
    let embargo = UnixMs(w.now.0 + HOUR).in_zone(ZONE).unwrap();
    let version = w.does(ES, opens(visit, "version", json!({ "hashes": hashes, "embargo": embargo }))).item;
    w.pump();
    for i in (0..n).filter(|i| *i != ES) {
        w.does(i, moves(visit, Some(version), "agree", json!({})));
        w.pump();
    }
    assert_eq!(w.item_phase(MA, visit, version), "agreed");
    (w, visit, version)
}

fn published(n: usize, earlier: usize) -> (World, DossierId, ItemId) {
    let (mut w, visit, version) = agreed(n, earlier);
    assert_eq!(w.tries(MA, moves(visit, Some(version), "release", json!({}))).unwrap_err().code(), "refusal.act.guard", "under embargo");
    w.wait(2 * HOUR);
    for i in 0..n {
        assert_eq!(w.node(ES).prove_communique(&visit, &version).unwrap_err().code(), "refusal.node.asked", "not all have released");
        w.does(i, moves(visit, Some(version), "release", json!({})));
        w.pump();
    }
    assert_eq!(w.item_phase(MA, visit, version), "published");
    (w, visit, version)
}

#[test]
fn a_published_communique_is_proved_to_anyone_and_no_tampering_passes() {
    let (mut w, visit, version) = published(3, 0);
    let proofs: Vec<Proof> = (0..3).map(|i| w.node(i).prove_communique(&visit, &version).unwrap()).collect();
    let json = serde_json::to_string(&proofs[0]).unwrap();
    for proof in &proofs {
        let proved = proof.verify().unwrap();
        assert_eq!(proved.parties.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["es", "ma", "de"]);
        assert_eq!(proved.texts, [("ar".to_owned(), Digest::of(TEXTS[1].1.as_bytes())), ("fr".to_owned(), Digest::of(TEXTS[0].1.as_bytes()))]);
    }
    assert!(!json.contains("Coop"), "nothing else of the dossier is told");
    let good = Proof::read(&json).unwrap();
    let stranger = keys("ma", 999);
    let (signed, bodies) = (good.acts.len(), good.acts.iter().filter(|a| a.1.is_some()).count());
    assert_eq!((signed, bodies), (7, 1), "opening, version, two agreements, three releases; one body");
    let tampered = |change: &dyn Fn(&mut Proof)| {
        let mut p = good.clone();
        change(&mut p);
        p.verify().map_or_else(|e| e.code(), |_| "believed")
    };
    let flip = |hex: &str, at: usize| {
        let mut h = hex.as_bytes().to_vec();
        h[at] = if h[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(h).unwrap()
    };
    assert_eq!(tampered(&|_| ()), "believed");
    assert_eq!(tampered(&|p| drop(p.texts.insert("fr".into(), TEXTS[0].1.replace("deux", "trois")))), "peer.proof.text");
    assert_eq!(tampered(&|p| drop(p.texts.insert("fr".into(), format!("{} ", TEXTS[0].1)))), "peer.proof.text");
    assert_eq!(tampered(&|p| drop(p.texts.remove("ar"))), "peer.proof.form");
    assert_eq!(tampered(&|p| drop(p.texts.insert("es".into(), "Más.".into()))), "peer.proof.form");
    assert_eq!(
        tampered(&|p| {
            let t = p.texts.remove("fr").unwrap();
            p.texts.insert("es".into(), t);
        }),
        "peer.proof.text"
    );
    for i in 0..signed {
        let left_out = tampered(&|p| drop(p.acts.remove(i)));
        assert!(["peer.proof.missing", "peer.proof.form"].contains(&left_out), "{i}: {left_out}");
        let hex = &good.acts[i].0;
        for at in (0..hex.len()).step_by(37) {
            let code = tampered(&|p| p.acts[i].0 = flip(hex, at));
            assert!(code.starts_with("peer.proof."), "act {i}, digit {at}: {code}");
        }
    }
    let with_body = good.acts.iter().position(|a| a.1.is_some()).unwrap();
    let body = good.acts[with_body].1.clone().unwrap();
    for at in (0..body.len()).step_by(11) {
        assert_eq!(tampered(&|p| p.acts[with_body].1 = Some(flip(&body, at))), "peer.proof.signature");
    }
    assert_eq!(tampered(&|p| p.acts[with_body].1 = None), "peer.proof.form");
    assert_eq!(tampered(&|p| p.acts[0].1 = Some(body.clone())), "peer.proof.signature", "a body under another head");
    assert_eq!(tampered(&|p| drop(p.cards.remove(1))), "peer.proof.signature");
    let other = stranger.card_bytes().iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(tampered(&|p| p.cards[1] = vec![other.clone()]), "peer.proof.signature");
    assert_eq!(tampered(&|p| p.cards[0][0] = flip(&good.cards[0][0], 300)), "peer.proof.signature");
    assert_eq!(tampered(&|p| p.item = None), "peer.proof.form");
    assert_eq!(tampered(&|p| p.item = Some((*visit.as_ref()).into())), "peer.proof.form");
    assert_eq!(tampered(&|p| p.dossier = Digest::of(b"x").into()), "peer.proof.form");
    assert_eq!(tampered(&|p| p.acts[0].0 = "0g".into()), "peer.proof.form");
    assert_eq!(Proof::read(&json.replacen("\"version\":1", "\"version\":2", 1)).unwrap_err().code(), "peer.proof.form");
    assert_eq!(Proof::read(&json.replacen("{", "{\"more\":1,", 1)).unwrap_err().code(), "peer.proof.form");
}

#[test]
fn a_release_of_another_version_proves_nothing() {
    let (mut w, visit, version) = published(2, 0);
    let (mut v, other_visit, other) = published(2, 1);
    let good = w.node(MA).prove_communique(&visit, &version).unwrap();
    let foreign = v.node(MA).prove_communique(&other_visit, &other).unwrap();
    // The same services released something else: its acts do not stand in for those that are missing here.
    let mut mixed = good.clone();
    mixed.acts.truncate(good.acts.len() - 1);
    mixed.acts.extend(foreign.acts.into_iter().skip(1));
    assert_eq!(mixed.verify().unwrap_err().code(), "peer.proof.missing");
}

#[test]
fn a_dossiers_proof_refolds_to_the_same_digest_and_says_so_when_content_was_erased() {
    let (mut w, visit, version) = published(2, 0);
    let proof = w.node(MA).prove_dossier(&visit, None).unwrap();
    let proved = proof.verify().unwrap();
    assert_eq!((proved.digest, proved.phase.as_deref()), (Some(w.digest(ES, visit)), Some("visit")));
    let mut batch = store::Append::new(w.now);
    batch.erase.push((visit, version));
    w.store(MA).append(vec![batch]).unwrap().remove(0).unwrap();
    let proof = w.node(MA).prove_dossier(&visit, None).unwrap();
    assert_eq!(proof.verify().unwrap_err().code(), "peer.proof.fold", "no other digest is passed off as the dossier's");
}
