//! Every bad piece of a good parcel: refused in the receipt with its own code, or kept as void where the law says no.

use crate::doors::{desk, refused_piece, strange};
use crate::world::*;
use base::cbor::Map;
use base::{Digest, DossierId, UnixMs, cbor};
use dossier::{AccordRef, Deed, Opening, Party};
use node::Piece;
use seal::Typ;

#[test]
fn acts_that_are_none_are_refused_in_the_receipt() {
    let (mut w, id) = desk();
    let now = w.now;
    let es_note = |w: &World, change: &dyn Fn(&mut dossier::Head)| w.forge(ES, id, note_deed(id), words("Mot."), change);
    let good = es_note(&w, &|_| ());
    let mut bad: Vec<(Piece, &str, &str)> = Vec::new();
    let with = |signed: Vec<u8>, body: Vec<u8>| Piece::Act { signed, body: Some(body) };
    let mut tampered = good.0.clone();
    *tampered.last_mut().unwrap() ^= 1;
    bad.push((with(tampered, good.1.clone()), "peer.seal.signature", "an act with a wrong signature"));
    bad.push((with(good.0[..40].to_vec(), good.1.clone()), "peer.bytes.truncated", "an act cut short"));
    bad.push((with(vec![0; dossier::HEAD_BYTES_MAX + 600], good.1.clone()), "peer.bytes.too-large", "an act too large"));
    let other = es_note(&w, &|h| h.seq = 2).1;
    bad.push((with(good.0.clone(), [&other[..], &[0]].concat()), "peer.act.body", "another body"));
    bad.push((with(good.0.clone(), vec![]), "peer.act.body", "an empty body"));
    bad.push((Piece::Act { signed: good.0.clone(), body: None }, "refusal.act.without-content", "no body"));
    bad.push((piece(es_note(&w, &|h| h.version = 2)), "peer.act.version", "another version"));
    bad.push((piece(es_note(&w, &|h| h.at.at = UnixMs(now.0 + 11 * MINUTE))), "peer.act.clock-ahead", "dated eleven minutes ahead"));
    bad.push((piece(es_note(&w, &|h| h.seq = 0)), "peer.act.head", "no number"));
    bad.push((
        piece(es_note(&w, &|h| (h.seq, h.prev) = (u64::MAX, Digest::of(b"before").into()))),
        "peer.store.number-too-large",
        "a number that no store can count",
    ));
    // Bodies whose own bytes are hostile, properly signed.
    let hostile = |w: &World, body: Vec<u8>| {
        let id = Digest::tagged("entente/body/1", &[&body]).into();
        with(es_note(w, &|h| h.body = id).0, body)
    };
    let bytes = good.1.clone();
    let mut utf8 = bytes.clone();
    let at = bytes.windows(4).position(|p| p == b"Mot.").unwrap();
    utf8[at] = 0xff;
    bad.push((hostile(&w, utf8), "peer.bytes.utf8", "a body that is not UTF-8"));
    bad.push((hostile(&w, [vec![0x81; 30], vec![0]].concat()), "peer.bytes.too-deep", "a body nested deeply"));
    bad.push((hostile(&w, vec![0x18, 0x01]), "peer.bytes.not-canonical", "a body not in canonical form"));
    bad.push((hostile(&w, vec![0x80]), "peer.bytes.shape", "a body that is none"));
    bad.push((hostile(&w, vec![0; dossier::BODY_BYTES_MAX + 1]), "peer.bytes.too-large", "a body too large"));
    // Somebody else's name.
    let de = w.id(DE);
    bad.push((piece(es_note(&w, &|h| h.author = de)), "peer.act.signer", "signed by another than its author"));
    let stranger = strange();
    let mut head = act_of(&good).head().clone();
    head.author = stranger.service();
    let unknown = stranger.sign(Typ::Act, &cbor::to_vec(&head)).bytes().to_vec();
    bad.push((with(unknown, good.1.clone()), "refusal.partner.unknown", "by a service that we do not know"));
    let mut rotated = w.sides[ES].keys.clone();
    rotated.rotate(&seal::CardDraft { valid_from: now, ..card_draft("es") }, now, &mut Seeded(8)).unwrap();
    let early = rotated.sign(Typ::Act, &cbor::to_vec(act_of(&good).head())).bytes().to_vec();
    bad.push((with(early, good.1.clone()), "peer.seal.unknown-card", "by a card that we do not have"));
    for (bad, code, why) in bad {
        refused_piece(&mut w, id, ES, bad, code, why);
    }
    let of_de = w.forge(DE, id, note_deed(id), words("Moi."), |_| ());
    refused_piece(&mut w, id, DE, piece(of_de.clone()), "peer.act.not-party", "an act of a non-party");
    refused_piece(&mut w, id, DE, with(good.0.clone(), good.1.clone()), "peer.act.not-party", "a party's act brought by a non-party");
    refused_piece(&mut w, id, ES, piece(of_de), "peer.act.not-party", "a non-party's act brought by a party");
    let parcel = w.parcel(ES, MA, 77, &[piece(good)]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["held"], "the nearest neighbour is taken");
    let ten = es_note_after(&w, id, now);
    let parcel = w.parcel(ES, MA, 78, &[piece(ten)]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["held"], "ten minutes ahead are borne");
}

fn es_note_after(w: &World, id: DossierId, now: UnixMs) -> (Vec<u8>, Vec<u8>) {
    // ES's own disk does not hold what was forged, so the chain is continued by hand from MA's.
    let last = w.store(MA).acts_of(&id).unwrap().into_iter().filter(|a| a.author == w.id(ES)).max_by_key(|a| a.seq).unwrap();
    w.forge(ES, id, note_deed(id), words("Dix."), |h| {
        h.seq = last.seq + 1;
        h.prev = last.id;
        h.at.at = UnixMs(now.0 + 10 * MINUTE);
    })
}

#[test]
fn openings_that_no_accord_permits_are_void_or_refused() {
    let (mut w, id) = desk();
    let accord = opening_of(&w, id, MA).accord.unwrap();
    let request = w.node(MA).mechanism("information-request").unwrap().hash;
    let party = |w: &World, of: &[(usize, &str)]| of.iter().map(|(i, r)| Party { service: w.id(*i), role: (*r).to_owned() }).collect::<Vec<_>>();
    let two = party(&w, &[(ES, "requesting"), (MA, "requested")]);
    let open = |w: &World, opening: Opening| {
        let dossier = opening.dossier();
        let fields: Map<dossier::Value> = {
            let m = w.sides[MA].node.mechanism("information-request").unwrap();
            form(question()).iter().map(|(k, v)| (k.clone(), m.root().fields.iter().find(|f| f.id == *k).unwrap().read(v).unwrap())).collect()
        };
        (dossier, w.forge(ES, dossier, Deed::Open(opening), fields, |_| ()))
    };
    let base = Opening { mechanism: request, accord: Some(accord.clone()), parties: two.clone(), follows: None, nonce: [1; 16] };
    // Refused at the door: these can never be judged here.
    let (_, unknown) = open(&w, Opening { mechanism: Digest::of(b"another").into(), ..base.clone() });
    refused_piece(&mut w, id, ES, piece(unknown), "refusal.mechanism.other-version", "a mechanism that is not here and that the accord does not name");
    let (_, outside) = open(&w, Opening { parties: party(&w, &[(ES, "requesting"), (DE, "requested")]), ..base.clone() });
    refused_piece(&mut w, id, ES, piece(outside), "peer.act.not-party", "a dossier in which we have no part");
    let (_, named) = open(&w, base.clone());
    let renamed = w.forge(ES, Digest::of(b"another name").into(), Deed::Open(base.clone()), Map::default(), |_| ());
    refused_piece(&mut w, id, ES, piece(renamed), "peer.act.not-party", "an opening under another dossier's name");
    // Kept and shown, folds to nothing: judged by the law, alike at every party.
    let visit = w.node(MA).mechanism("working-visit").unwrap().hash;
    let not_signed = {
        let parties = w.parties(&[(ES, "party"), (MA, "party"), (DE, "party")]);
        let fields = w.accord_form(&["information-request"]);
        let d = w.does(ES, node::Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() });
        w.pump();
        let marks = vec![dossier::Mark { party: w.id(ES), seq: 1, act: d.act }];
        AccordRef { dossier: d.dossier, seen: marks }
    };
    let half = AccordRef { dossier: accord.dossier, seen: accord.seen[..1].to_vec() };
    let cases = [
        (Opening { accord: Some(not_signed), ..base.clone() }, "refusal.act.accord", "an accord that is not in force"),
        (Opening { accord: Some(half), ..base.clone() }, "refusal.act.accord", "an accord as it stood before all had signed"),
        (Opening { accord: Some(AccordRef { dossier: id, seen: vec![] }), ..base.clone() }, "refusal.act.accord", "a dossier that is no accord"),
        (Opening { accord: None, ..base.clone() }, "refusal.act.accord", "no accord at all"),
        (Opening { parties: [two.clone(), party(&w, &[(DE, "requested")])].concat(), ..base.clone() }, "refusal.act.accord", "a party outside the accord"),
        (
            Opening { mechanism: visit, parties: party(&w, &[(ES, "requesting"), (MA, "requested")]), ..base.clone() },
            "refusal.act.opening",
            "roles of another mechanism",
        ),
        (Opening { parties: party(&w, &[(MA, "requesting"), (ES, "requested")]), ..base.clone() }, "refusal.act.opening", "the opener is not the first"),
        (Opening { parties: [two.clone(), two.clone()].concat(), ..base.clone() }, "refusal.act.opening", "a party twice"),
    ];
    let before = w.digest(MA, id);
    for (n, (opening, code, why)) in cases.into_iter().enumerate() {
        let (dossier, act) = open(&w, opening);
        let parcel = w.parcel(ES, MA, 40 + n as u64, &[piece(act)]);
        let receipt = w.hand(ES, MA, &parcel).unwrap();
        assert_eq!(fates(&w, MA, &receipt), ["held"], "{why}");
        assert_eq!(w.filed(MA, dossier), format!("es1 void:{code}"), "{why}");
        assert_eq!(w.phase(MA, dossier), "", "{why}: nothing is folded");
        assert_eq!(w.store(MA).dossier(&dossier).unwrap().unwrap().phase, "void", "{why}");
        assert_eq!(w.tries(MA, note(dossier, "Et alors ?")).err().map(|e| e.code()), Some("refusal.act.unknown-item"), "{why}: nothing can be built on it");
    }
    assert_eq!(w.digest(MA, id), before);
    let parcel = w.parcel(ES, MA, 60, &[piece(named)]);
    w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(w.filed(MA, base.dossier()), "es1 valid", "the nearest neighbour is opened");
}

#[test]
fn a_mechanism_file_is_checked_at_the_door_and_proved_before_signing() {
    let (mut w, id) = desk();
    refused_piece(&mut w, id, ES, Piece::Mechanism(b"id = 7".to_vec()), "refusal.mechanism.shape", "no mechanism");
    let shipped = w.node(MA).mechanism("information-request").unwrap().bytes().to_vec();
    // One rule turned: a request that was refused by all is in no phase. It parses, and fails its proof.
    let broken = String::from_utf8(shipped).unwrap().replacen(r#"rule = 'requesting[0] == "withdrawn"'"#, r#"rule = 'requesting[0] == "asking"'"#, 1);
    let hash = Digest::of(broken.as_bytes());
    let parcel = w.parcel(ES, MA, 5, &[Piece::Mechanism(broken.into_bytes())]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["held"]);
    let parties = w.parties(&[(MA, "party"), (ES, "party")]);
    let mut fields = w.accord_form(&["working-visit"]);
    fields.insert("mechanisms".into(), serde_json::json!([{ "name": "information-request", "id": hash }]));
    let accord = w
        .does(
            MA,
            node::Intent::Open { mechanism: "accord".into(), accord: None, parties: parties.clone(), follows: None, fields: fields.clone(), handling: h0() },
        )
        .dossier;
    let sign = moves(accord, None, "sign", serde_json::json!({ "authority": fr("Le directeur") }));
    assert_eq!(w.tries(MA, sign).unwrap_err().code(), "refusal.mechanism.unproved");
    fields.insert("mechanisms".into(), serde_json::json!([{ "name": "elsewhere", "id": Digest::of(b"nowhere") }]));
    let accord = w.does(MA, node::Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() }).dossier;
    let sign = moves(accord, None, "sign", serde_json::json!({ "authority": fr("Le directeur") }));
    assert_eq!(w.tries(MA, sign).unwrap_err().code(), "refusal.mechanism.unknown");
}
