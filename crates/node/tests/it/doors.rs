//! Every bad input at the node's doors: refused with its own code, logged, and without a trace.

use crate::world::*;
use base::cbor::Map;
use base::{Digest, DossierId, UnixMs, cbor};
use dossier::{AccordRef, Deed, Opening, Party};
use node::{PARCEL_BYTES_MAX, PIECES_MAX, Piece};
use seal::{Keys, Typ};

/// One request among MA and ES; DE is a partner without part in it.
fn desk() -> (World, DossierId) {
    let mut w = World::partners(3);
    let parties = w.parties(&[(MA, "party"), (ES, "party")]);
    let fields = w.accord_form(&["information-request", "working-visit"]);
    let accord = w.does(MA, node::Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() }).dossier;
    w.pump();
    for i in [MA, ES] {
        w.signs(i, accord);
        w.pump();
    }
    let parties = w.parties(&[(MA, "requesting"), (ES, "requested")]);
    let id = w
        .does(
            MA,
            node::Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: None, fields: form(question()), handling: h0() },
        )
        .dossier;
    w.pump();
    (w, id)
}

/// What a door must leave as it was.
fn trace(w: &mut World, id: DossierId) -> String {
    let rows: Vec<String> = w.node(MA).list(None, None, 99).unwrap().iter().map(|l| format!("{} {}", l.id.short(), l.phase)).collect();
    format!("{} {} {rows:?}", w.digest(MA, id).short(), w.filed(MA, id))
}

/// Hands over bytes that must be refused whole: no receipt, nothing in the ledger, one line in the log.
fn refused_whole(w: &mut World, id: DossierId, from: usize, bytes: &[u8], expected: &str, why: &str) {
    let (before, size, logged) = (trace(w, id), w.size(MA), w.logged(MA, "refused-input").len());
    assert_eq!(w.hand(from, MA, bytes).unwrap_err(), expected, "{why}");
    assert_eq!((trace(w, id), w.size(MA)), (before, size), "{why} left a trace");
    let log = w.codes_logged(MA, "refused-input");
    assert_eq!((log.len(), log.last().map(String::as_str)), (logged + 1, Some(expected)), "{why} is logged");
}

/// Hands over a parcel whose one piece must be refused in its receipt: the receipt is the only new entry.
fn refused_piece(w: &mut World, id: DossierId, from: usize, piece: Piece, expected: &str, why: &str) {
    let (before, size, logged) = (trace(w, id), w.size(MA), w.logged(MA, "refused-input").len());
    let parcel = w.parcel(from, MA, 1_000 + size, &[piece]);
    let receipt = w.hand(from, MA, &parcel).unwrap_or_else(|e| panic!("{why}: {e}"));
    assert_eq!(fates(w, MA, &receipt), [expected], "{why}");
    assert_eq!((trace(w, id), w.size(MA)), (before, size + 1), "{why} left a trace");
    let log = w.codes_logged(MA, "refused-input");
    assert_eq!((log.len(), log.last().map(String::as_str)), (logged + 1, Some(expected)), "{why} is logged");
}

fn strange() -> Keys {
    keys("fr", 4242)
}

#[test]
fn parcels_that_are_none_are_refused_whole() {
    let (mut w, id) = desk();
    let good = w.parcel(ES, MA, 500, &[piece(w.forge(ES, id, note_deed(id), words("Bien."), |_| ()))]);
    let cut = &good[..good.len() - 1];
    refused_whole(&mut w, id, ES, cut, "peer.bytes.truncated", "cut short");
    refused_whole(&mut w, id, ES, &[], "peer.bytes.truncated", "nothing");
    refused_whole(&mut w, id, ES, &vec![0; PARCEL_BYTES_MAX + 1], "peer.bytes.too-large", "oversized");
    let longer = [&good[..], &[0]].concat();
    refused_whole(&mut w, id, ES, &longer, "peer.bytes.not-canonical", "bytes after the end");
    let mut signature = good.clone();
    *signature.last_mut().unwrap() ^= 1;
    refused_whole(&mut w, id, ES, &signature, "peer.seal.signature", "a wrong signature");
    let other_alg = {
        let at = good.windows(2).position(|p| p == [0x01, 0x27]).unwrap();
        let mut b = good.clone();
        b[at + 1] = 0x26;
        b
    };
    refused_whole(&mut w, id, ES, &other_alg, "peer.seal.version", "another signature algorithm");
    let act = w.forge(ES, id, note_deed(id), words("Bien."), |_| ()).0;
    refused_whole(&mut w, id, ES, &act, "peer.seal.wrong-type", "an act at the door for parcels");
    // Wherever one bit is turned, nothing is taken.
    for at in (0..good.len()).step_by(97) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        let (before, size) = (trace(&mut w, id), w.size(MA));
        let code = w.hand(ES, MA, &flipped).unwrap_err();
        assert!(code.starts_with("peer.") || code == "refusal.partner.unknown", "byte {at}: {code}");
        assert_eq!((trace(&mut w, id), w.size(MA)), (before, size), "byte {at}");
    }
    assert!(w.hand(ES, MA, &good).is_ok(), "the very parcel is good");
}

#[test]
fn parcels_by_the_wrong_hands_are_refused_whole() {
    let (mut w, id) = desk();
    let to = seal::Cards::first(w.sides[MA].keys.card_bytes()).unwrap().latest().clone();
    let (stranger, now) = (strange(), w.now);
    let unknown = seal::seal_parcel(&stranger, &to, 1, now, &cbor::to_vec(&Vec::<Piece>::new())).unwrap();
    let arrived = node::open(&unknown, stranger.service(), &w.node(MA).book(), &w.sides[MA].keys.clone(), now);
    assert_eq!(arrived.err().unwrap().code(), "refusal.partner.unknown");
    refused_whole(&mut w, id, ES, &unknown, "peer.parcel.courier", "an unknown sender's parcel, brought by a partner");
    let of_de = w.parcel(DE, MA, 1, &[]);
    refused_whole(&mut w, id, ES, &of_de, "peer.parcel.courier", "another service's parcel");
    let for_de = w.parcel(ES, DE, 1, &[]);
    refused_whole(&mut w, id, ES, &for_de, "peer.seal.not-for-us", "a parcel for another recipient");
    for minutes in [61, -61] {
        let off = w.sealed(ES, MA, 1, UnixMs(now.0 + minutes * MINUTE), &[0x80]);
        refused_whole(&mut w, id, ES, &off, "peer.parcel.clock", "a clock that is an hour off");
    }
    for at in [i64::MIN, i64::MAX] {
        let off = w.sealed(ES, MA, 1, UnixMs(at), &[0x80]);
        refused_whole(&mut w, id, ES, &off, "peer.parcel.clock", "a clock at the end of time");
    }
    let near = w.sealed(ES, MA, 2, UnixMs(now.0 + 59 * MINUTE), &[0x80]);
    assert!(w.hand(ES, MA, &near).is_ok(), "59 minutes are borne");
    // Bytes that no honest node puts into a parcel.
    let deep = [vec![0x81; 20], vec![0x00]].concat();
    let many = cbor::to_vec(&vec![Piece::Want { dossier: id, author: to.service, from: 1, to: 1 }; PIECES_MAX * 20 + 1]);
    for (content, code, why) in [
        (vec![0x81, 0x61, 0xff], "peer.bytes.utf8", "a text that is not UTF-8"),
        (deep, "peer.bytes.too-deep", "deep nesting"),
        (vec![0x9f, 0xff], "peer.bytes.not-canonical", "an indefinite length"),
        (vec![0x81, 0x82, 0x18, 0x63, 0x80], "peer.bytes.shape", "a piece that nobody knows"),
        (vec![0xa0], "peer.bytes.shape", "a map for a list"),
        (many, "peer.bytes.shape", "more pieces than a receipt may name"),
    ] {
        let bad = w.sealed(ES, MA, 3, now, &content);
        refused_whole(&mut w, id, ES, &bad, code, why);
    }
}

#[test]
fn the_same_parcel_gets_the_same_receipt_and_its_number_serves_no_other() {
    let (mut w, id) = desk();
    let act = piece(w.forge(ES, id, note_deed(id), words("Une fois."), |_| ()));
    let first = w.parcel(ES, MA, 600, std::slice::from_ref(&act));
    let receipt = w.hand(ES, MA, &first).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["held"]);
    let size = w.size(MA);
    w.wait(10 * MINUTE);
    assert_eq!(w.hand(ES, MA, &first).unwrap(), receipt);
    w.restart(MA);
    assert_eq!(w.hand(ES, MA, &first).unwrap(), receipt, "also after a restart");
    assert_eq!(w.size(MA), size);
    let again = w.parcel(ES, MA, 600, std::slice::from_ref(&act));
    refused_whole(&mut w, id, ES, &again, "peer.parcel.replayed", "the same number, sealed anew");
    let other = w.parcel(ES, MA, 600, &[]);
    refused_whole(&mut w, id, ES, &other, "peer.parcel.replayed", "the same number with other content");
    let beyond = w.parcel(ES, MA, u64::MAX, &[]);
    refused_whole(&mut w, id, ES, &beyond, "peer.store.number-too-large", "a number that no store can count");
    // Two parcels with one number before either is on disk.
    let (a, b) = (w.parcel(ES, MA, 601, &[]), w.parcel(ES, MA, 601, &[act]));
    let (es, now) = (w.id(ES), w.now);
    let side = &mut w.sides[MA];
    let open = |side: &Side, p: &[u8]| node::open(p, es, &side.node.book(), &side.keys, now).unwrap();
    let (one, two) = (open(side, &a), open(side, &b));
    assert!(side.node.receive(one, now).is_ok());
    assert_eq!(side.node.receive(two, now).err().unwrap().code(), "peer.parcel.replayed");
    side.commit();
}

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
    bad.push((Piece::Act { signed: good.0.clone(), body: None }, "peer.act.body", "no body"));
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
    rotated.rotate(&card_draft("es"), now, &mut Seeded(8)).unwrap();
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
    refused_piece(&mut w, id, ES, piece(unknown), "refusal.mechanism.unknown", "a mechanism that is not here");
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

#[test]
fn forged_receipts_settle_nothing() {
    let (mut w, id) = desk();
    w.notes(MA, id, "À livrer.");
    let (es, now, ma) = (w.id(ES), w.now, w.id(MA));
    let due = w.waiting_for(MA);
    assert_eq!(due, 1);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let real = w.hand(MA, ES, &parcel).unwrap();
    let cards = seal::Cards::first(w.sides[ES].keys.card_bytes()).unwrap();
    let truth = seal::Receipt::read(&real, &cards).unwrap().0;
    let sign = |w: &World, by: usize, change: &dyn Fn(&mut seal::Receipt)| {
        let mut r = truth.clone();
        change(&mut r);
        r.sign(&w.sides[by].keys).bytes().to_vec()
    };
    let mut flipped = real.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let forged: Vec<(Vec<u8>, &str, &str)> = vec![
        (sign(&w, ES, &|r| r.parcel = Digest::of(b"x").into()), "peer.receipt.other", "of another parcel"),
        (sign(&w, ES, &|r| r.to = es), "peer.receipt.other", "for another sender"),
        (sign(&w, ES, &|r| r.entries.clear()), "peer.receipt.other", "names nothing"),
        (sign(&w, ES, &|r| r.entries[0].act = Digest::of(b"x").into()), "peer.receipt.other", "names another act"),
        (sign(&w, ES, &|r| r.entries.push(r.entries[0].clone())), "peer.receipt.other", "names an act too many"),
        (sign(&w, ES, &|r| r.entries[0].held = seal::Held::Held { at: UnixMs(r.at.at.0 + 1) }), "peer.bytes.shape", "held later than signed"),
        (sign(&w, DE, &|_| ()), "peer.seal.unknown-sender", "signed by another partner"),
        (flipped, "peer.seal.signature", "a wrong signature"),
        (real[..30].to_vec(), "peer.bytes.truncated", "cut short"),
        (parcel.clone(), "peer.seal.wrong-type", "no receipt"),
    ];
    let (mut number, mut parcel) = (number, parcel);
    for (receipt, code, why) in forged {
        let (before, size) = (trace(&mut w, id), w.size(MA));
        let read = w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap_err();
        // What names the parcel of the first round is of another parcel in the later ones, too; the fault named first stands.
        assert_eq!(read, code, "{why}");
        assert_eq!((trace(&mut w, id), w.size(MA), w.waiting_for(MA)), (before, size, due), "{why}");
        assert_eq!(w.codes_logged(MA, "refused-input").last().map(String::as_str), Some(code), "{why} is logged");
        (number, parcel) = w.carry(MA, ES).unwrap();
    }
    // An old receipt does not settle what was sent anew; the new one does.
    assert_eq!(w.answered(MA, ES, number, &parcel, Some(&real)).unwrap_err(), "peer.receipt.other");
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(w.answered(MA, ES, number, &parcel, Some(&receipt)), Ok(Some(vec![truth.entries[0].act.as_ref().to_owned()])));
    assert_eq!(w.answered(MA, ES, number, &parcel, Some(&receipt)), Ok(None), "answered once");
    assert_eq!(w.answered(MA, ES, 999, &parcel, Some(&receipt)), Ok(None), "never sent");
    assert_eq!(w.waiting_for(MA), 0);
    assert_eq!(w.filed(ES, id), "ma1 valid, ma2 valid");
    let _ = (now, ma);
}

#[test]
fn what_cannot_be_read_from_our_own_disk_is_never_the_partners_fault() {
    use std::sync::atomic::Ordering::Relaxed;
    let (mut w, id) = desk();
    w.notes(ES, id, "À garder.");
    w.restart(MA);
    let (number, parcel) = w.carry(ES, MA).unwrap();
    // The disk fails between the look for the parcel's number and the reading of the dossier.
    let (es, now) = (w.id(ES), w.now);
    let side = &mut w.sides[MA];
    let arrived = node::open(&parcel, es, &side.node.book(), &side.keys, now).unwrap();
    side.disk.dossiers_unreadable.store(true, Relaxed);
    assert_eq!(side.node.receive(arrived, now).err().unwrap().code(), "failure.store.io");
    side.disk.dossiers_unreadable.store(false, Relaxed);
    side.commit();
    w.answered(ES, MA, number, &parcel, None).unwrap();
    w.pump();
    assert_eq!(w.filed(MA, id), "es1 valid, ma1 valid", "it was not refused in a receipt, so it came again");
    assert_eq!(w.digest(MA, id), w.digest(ES, id));
}
