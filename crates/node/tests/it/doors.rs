//! Every bad parcel and receipt at the node's doors: refused with its own code, logged, and without a trace.

use crate::world::*;
use base::{Digest, DossierId, UnixMs, cbor};
use node::{PARCEL_BYTES_MAX, PIECES_MAX, Piece};
use seal::Keys;

/// One request among MA and ES; DE is a partner without part in it.
pub fn desk() -> (World, DossierId) {
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
pub fn trace(w: &mut World, id: DossierId) -> String {
    let rows: Vec<String> = w.node(MA).list(None, None, 99).unwrap().iter().map(|l| format!("{} {}", l.id.short(), l.phase)).collect();
    format!("{} {} {rows:?}", w.digest(MA, id).short(), w.filed(MA, id))
}

/// Hands over bytes that must be refused whole: no receipt, nothing in the ledger, one line in the log.
pub fn refused_whole(w: &mut World, id: DossierId, from: usize, bytes: &[u8], expected: &str, why: &str) {
    let (before, size, logged) = (trace(w, id), w.size(MA), w.logged(MA, "refused-input").len());
    assert_eq!(w.hand(from, MA, bytes).unwrap_err(), expected, "{why}");
    assert_eq!((trace(w, id), w.size(MA)), (before, size), "{why} left a trace");
    let log = w.codes_logged(MA, "refused-input");
    assert_eq!((log.len(), log.last().map(String::as_str)), (logged + 1, Some(expected)), "{why} is logged");
}

/// Hands over a parcel whose one piece must be refused in its receipt: the receipt is the only new entry.
pub fn refused_piece(w: &mut World, id: DossierId, from: usize, piece: Piece, expected: &str, why: &str) {
    let (before, size, logged) = (trace(w, id), w.size(MA), w.logged(MA, "refused-input").len());
    let parcel = w.parcel(from, MA, 1_000 + size, &[piece]);
    let receipt = w.hand(from, MA, &parcel).unwrap_or_else(|e| panic!("{why}: {e}"));
    assert_eq!(fates(w, MA, &receipt), [expected], "{why}");
    assert_eq!((trace(w, id), w.size(MA)), (before, size + 1), "{why} left a trace");
    let log = w.codes_logged(MA, "refused-input");
    assert_eq!((log.len(), log.last().map(String::as_str)), (logged + 1, Some(expected)), "{why} is logged");
}

pub fn strange() -> Keys {
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
    signature[parts_of(&good).0.len()] ^= 1; // the last byte of the signed part
    refused_whole(&mut w, id, ES, &signature, "peer.seal.signature", "a wrong signature");
    let other_alg = {
        let at = good.windows(2).position(|p| p == [0x01, 0x27]).unwrap();
        let mut b = good.clone();
        b[at + 1] = 0x26;
        b
    };
    refused_whole(&mut w, id, ES, &other_alg, "peer.seal.version", "another signature algorithm");
    let act = w.forge(ES, id, note_deed(id), words("Bien."), |_| ()).0;
    refused_whole(&mut w, id, ES, &act, "peer.bytes.shape", "an act at the door for parcels");
    let (signed, encrypted) = parts_of(&good);
    refused_whole(&mut w, id, ES, &[&[0x82], &act[..], encrypted].concat(), "peer.seal.wrong-type", "a signed act in front of what is encrypted");
    let other = w.parcel(ES, MA, 501, &[]);
    refused_whole(&mut w, id, ES, &[&[0x82], signed, parts_of(&other).1].concat(), "peer.seal.signature", "another content beside what is signed");
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
    let unknown = seal::seal_parcel(&stranger, &to, 1, now, &cbor::to_vec(&Vec::<Piece>::new())).unwrap().bytes;
    let arrived = node::open(&unknown[..], stranger.service(), &w.node(MA).book(), &w.sides[MA].keys.clone(), now);
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
        (sign(&w, DE, &|_| ()), "peer.receipt.signer", "signed by another partner"),
        (flipped, "peer.seal.signature", "a wrong signature"),
        (real[..30].to_vec(), "peer.bytes.truncated", "cut short"),
        (parts_of(&parcel).0.to_vec(), "peer.seal.wrong-type", "no receipt"),
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
    let arrived = node::open(&parcel[..], es, &side.node.book(), &side.keys, now).unwrap();
    side.disk.dossiers_unreadable.store(true, Relaxed);
    assert_eq!(side.node.receive(arrived, now).err().unwrap().code(), "failure.store.io");
    side.disk.dossiers_unreadable.store(false, Relaxed);
    side.commit();
    w.answered(ES, MA, number, &parcel, None).unwrap();
    w.pump();
    assert_eq!(w.filed(MA, id), "es1 valid, ma1 valid", "it was not refused in a receipt, so it came again");
    assert_eq!(w.digest(MA, id), w.digest(ES, id));
}
