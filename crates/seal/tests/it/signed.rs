//! Signed objects and receipts.

use crate::hand::{array, bytes, int, map, text};
use crate::{DAY_MS, HOUR_MS, START, cards, draft, forge, header, service};
use base::{ActId, Digest, Instant, UnixMs};
use entente_seal::{
    Cards, Held, Keys, OVERLAP_MS, RECEIPT_BYTES_MAX, RECEIPT_ENTRIES_MAX, Receipt, ReceiptEntry, SealFault, Signed, SystemEntropy, Typ, Verified,
};
use proptest::prelude::*;

const ACT: &str = "application/entente-act+cbor";

fn verify(object: &[u8], cards: &Cards, at: UnixMs) -> Result<Verified, SealFault> {
    Signed::parse(object, Typ::Act, 4096)?.verify(cards, at)
}

fn refused(object: &[u8], cards: &Cards, at: UnixMs) -> &'static str {
    verify(object, cards, at).unwrap_err().code()
}

#[test]
fn what_is_signed_is_believed_and_nothing_else() {
    let keys = service(0);
    let mut cards = cards(&keys);
    let act = keys.sign(Typ::Act, b"payload");
    assert_eq!(verify(act.bytes(), &cards, START).as_ref(), Ok(&act));
    assert_eq!((act.signer(), act.card_number(), act.payload(), act.typ()), (keys.service(), 1, &b"payload"[..], Typ::Act));
    // The form is the published one: what a stranger writes by the RFC is believed too.
    assert_eq!(forge(&header(-8, keys.service(), 1, ACT), b"payload", 2), act.bytes());

    let stranger = service(100);
    assert_eq!(refused(stranger.sign(Typ::Act, b"payload").bytes(), &cards, START), "peer.seal.unknown-sender");
    let receipt = keys.sign(Typ::Receipt, b"payload");
    assert_eq!(refused(receipt.bytes(), &cards, START), "peer.seal.wrong-type");
    let with = |alg, number, typ, seed| forge(&header(alg, keys.service(), number, typ), b"payload", seed);
    assert_eq!(refused(&with(-8, 1, ACT, 1), &cards, START), "peer.seal.signature", "the root key signs no acts");
    assert_eq!(refused(&with(-8, 1, ACT, 9), &cards, START), "peer.seal.signature");
    assert_eq!(refused(&with(-8, 2, ACT, 2), &cards, START), "peer.seal.unknown-card");
    assert_eq!(refused(&with(-8, 0, ACT, 2), &cards, START), "peer.seal.unknown-card");
    assert_eq!(refused(&with(-19, 1, ACT, 2), &cards, START), "peer.seal.version");
    assert_eq!(refused(&with(-8, 1, "application/entente-act+json", 2), &cards, START), "peer.seal.wrong-type");
    // The same bytes under the header of a card that exists but was signed by another key.
    let mut second = keys.clone();
    cards.add(&second.rotate(&draft(0), START, &mut SystemEntropy).unwrap()).unwrap();
    assert_eq!(refused(&with(-8, 2, ACT, 2), &cards, START), "peer.seal.signature");
}

#[test]
fn a_card_begins_ends_and_is_retired_to_the_millisecond() {
    let mut keys = service(0);
    let act = keys.sign(Typ::Act, b"payload");
    let mut cards = cards(&keys);
    let end = START.plus_ms(365 * DAY_MS);
    assert_eq!(refused(act.bytes(), &cards, START.plus_ms(-1)), "peer.seal.card-expired");
    assert!(verify(act.bytes(), &cards, START).is_ok() && verify(act.bytes(), &cards, end).is_ok());
    assert_eq!(refused(act.bytes(), &cards, end.plus_ms(1)), "peer.seal.card-expired");

    cards.add(&keys.rotate(&draft(10), START, &mut SystemEntropy).unwrap()).unwrap();
    let retired = START.plus_ms(10 * DAY_MS + OVERLAP_MS);
    assert!(verify(act.bytes(), &cards, retired).is_ok());
    assert_eq!(refused(act.bytes(), &cards, retired.plus_ms(1)), "peer.seal.card-retired");

    keys.advance(START.plus_ms(10 * DAY_MS));
    let act = keys.sign(Typ::Act, b"payload");
    assert_eq!(act.card_number(), 2);
    assert_eq!(refused(act.bytes(), &cards, START.plus_ms(10 * DAY_MS - 1)), "peer.seal.card-expired");
    assert!(verify(act.bytes(), &cards, START.plus_ms(10 * DAY_MS)).is_ok());
}

#[test]
fn only_the_canonical_form_is_read() {
    let keys = service(0);
    let cards = cards(&keys);
    let good = keys.sign(Typ::Act, b"payload").bytes().to_vec();
    let protected = header(-8, keys.service(), 1, ACT);
    assert_eq!(Signed::parse(&good, Typ::Act, good.len() - 1).unwrap_err().code(), "peer.bytes.too-large");
    assert!(Signed::parse(&good, Typ::Act, good.len()).is_ok());
    for cut in 0..good.len() {
        assert_eq!(refused(&good[..cut], &cards, START), "peer.bytes.truncated", "{cut}");
    }
    let tagged = [&[0xd2], &good[..]].concat();
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    let deep = vec![0x81; 4000];
    for other in [tagged, indefinite, [&good[..], &[0]].concat()] {
        assert_eq!(refused(&other, &cards, START), "peer.bytes.not-canonical");
    }
    assert_eq!(refused(&deep, &cards, START), "peer.bytes.too-deep");
    let (body, zeros) = (bytes(b"p"), bytes(&[0; 64]));
    let unsigned_header = array(&[bytes(&protected), map(&[int(4), int(1)]), body.clone(), zeros.clone()]);
    let detached = array(&[bytes(&protected), map(&[]), vec![0xf4], zeros]);
    let long_signature = array(&[bytes(&protected), map(&[]), body.clone(), bytes(&[0; 65])]);
    let three = array(&[bytes(&protected), map(&[]), body]);
    let more = [&[0xa4], &protected[1..], &[0x18, 0x20, 0x00]].concat();
    let no_typ = map(&[int(1), int(-8), int(4), bytes(&[0; 36])]);
    let short_kid = map(&[int(1), int(-8), int(4), bytes(&[0; 35]), int(16), text(ACT)]);
    for other in
        [unsigned_header, detached, long_signature, three, forge(&more, b"p", 2), forge(&no_typ, b"p", 2), forge(&short_kid, b"p", 2), forge(b"\xa0", b"p", 2)]
    {
        assert_eq!(refused(&other, &cards, START), "peer.bytes.shape", "{other:02x?}");
    }
    // Inside the header's byte string the same strictness holds.
    let unsorted = map(&[int(4), bytes(&[0; 36]), int(1), int(-8)]);
    assert_eq!(refused(&forge(&unsorted, b"p", 2), &cards, START), "peer.bytes.not-canonical");
    assert_eq!(refused(&forge(&protected[..protected.len() - 1], b"p", 2), &cards, START), "peer.bytes.truncated");
}

proptest! {
    #[test]
    fn no_changed_bit_is_believed(payload in proptest::collection::vec(any::<u8>(), 0..80), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let keys = service(0);
        let mut bytes = keys.sign(Typ::Act, &payload).bytes().to_vec();
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert!(verify(&bytes, &cards(&keys), START).is_err());
    }

    #[test]
    fn no_bytes_make_a_door_panic(bytes: Vec<u8>) {
        for typ in [Typ::Act, Typ::Card, Typ::Receipt, Typ::Parcel] {
            prop_assert!(Signed::parse(&bytes, typ, 1024).is_err());
        }
        prop_assert!(Cards::first(&bytes).is_err());
        prop_assert!(entente_seal::Parcel::parse(&bytes[..], 1024).is_err());
        prop_assert!(Receipt::read(&bytes, &cards(&service(0))).is_err());
    }
}

fn receipt(from: &Keys, to: &Keys, entries: Vec<ReceiptEntry>) -> Receipt {
    Receipt {
        version: 1,
        parcel: Digest::of(b"parcel").into(),
        from: from.service(),
        to: to.service(),
        at: Instant::new(START.plus_ms(HOUR_MS), "Africa/Casablanca").unwrap(),
        entries,
        ledger_size: 3,
        ledger_root: Digest::of(b"root"),
        number: 7,
    }
}

fn entry(held: Held) -> ReceiptEntry {
    ReceiptEntry { act: ActId::from(Digest::of(b"act")), held }
}

#[test]
fn a_receipt_is_the_word_of_who_received() {
    let (ours, theirs) = (service(0), service(100));
    let read = |bytes: &[u8]| Receipt::read(bytes, &cards(&theirs)).map_err(|e| e.code());
    let good = receipt(&theirs, &ours, vec![entry(Held::Held { at: START }), entry(Held::Refused { code: "refusal.handling.purpose".to_owned() })]);
    let signed = good.clone().sign(&theirs);
    assert_eq!(read(signed.bytes()), Ok((good.clone(), signed.clone())));
    assert_eq!(read(good.clone().sign(&ours).bytes()), Err("peer.seal.unknown-sender"));
    assert_eq!(read(theirs.sign(Typ::Act, signed.payload()).bytes()), Err("peer.seal.wrong-type"));
    // Signed by the right key, but in another's name.
    let lie = Receipt { from: ours.service(), ..good.clone() };
    assert_eq!(read(theirs.sign(Typ::Receipt, &base::cbor::to_vec(&lie)).bytes()), Err("peer.bytes.shape"));
    let newer = Receipt { version: 2, ..good.clone() };
    assert_eq!(read(theirs.sign(Typ::Receipt, &base::cbor::to_vec(&newer)).bytes()), Err("peer.seal.version"));
    let mut nowhere = signed.payload().to_vec();
    let zone = nowhere.windows(17).position(|w| w == b"Africa/Casablanca").unwrap();
    nowhere[zone] = b'X';
    assert_eq!(read(theirs.sign(Typ::Receipt, &nowhere).bytes()), Err("peer.bytes.shape"));
    let late = Receipt { at: Instant::new(START.plus_ms(366 * DAY_MS), "UTC").unwrap(), ..good.clone() };
    assert_eq!(read(late.sign(&theirs).bytes()), Err("peer.seal.card-expired"));
    for bad in [Held::Held { at: START.plus_ms(HOUR_MS + 1) }, Held::Refused { code: "Not a code".to_owned() }, Held::Refused { code: String::new() }] {
        assert_eq!(read(receipt(&theirs, &ours, vec![entry(bad)]).sign(&theirs).bytes()), Err("peer.bytes.shape"));
    }
}

#[test]
fn the_largest_receipt_passes_its_own_door() {
    let keys = service(0);
    let longest = entry(Held::Refused { code: "x".repeat(64) });
    let full = receipt(&keys, &keys, vec![longest.clone(); RECEIPT_ENTRIES_MAX]).sign(&keys);
    assert!(full.bytes().len() <= RECEIPT_BYTES_MAX);
    assert!(Receipt::read(full.bytes(), &cards(&keys)).is_ok());
    let over = receipt(&keys, &keys, vec![longest; RECEIPT_ENTRIES_MAX + 1]).sign(&keys);
    assert_eq!(Receipt::read(over.bytes(), &cards(&keys)).unwrap_err().code(), "peer.bytes.shape");
}
