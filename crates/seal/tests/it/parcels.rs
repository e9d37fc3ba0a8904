//! Sealed parcels.

use crate::hand::{array, bytes, int, map};
use crate::{Counting, DAY_MS, START, cards, draft, forge, header, service};
use base::{Digest, ParcelId, ServiceId, UnixMs};
use entente_seal::{ALG_HPKE_XWING, Card, CardFault, Cards, Keys, Opened, PARCEL_OVERHEAD_BYTES_MAX, Parcel, SealFault, SystemEntropy, Typ};
use minicbor::Decoder;
use proptest::prelude::*;
use std::ops::Range;

const PARCEL: &str = "application/entente-parcel+cbor";

fn seal_parcel(keys: &Keys, to: &Card, number: u64, at: UnixMs, plaintext: &[u8]) -> Result<Vec<u8>, CardFault> {
    entente_seal::seal_parcel(keys, to, number, at, plaintext).map(|p| p.bytes)
}

fn open(parcel: &[u8], sender: &Cards, keys: &Keys) -> Result<Opened, SealFault> {
    Parcel::parse(parcel, 1 << 20)?.open(sender, keys)
}

fn refused(parcel: &[u8], sender: &Cards, keys: &Keys) -> &'static str {
    open(parcel, sender, keys).unwrap_err().code()
}

/// Where the signed part of a parcel lies.
fn signed_part(parcel: &[u8]) -> Range<usize> {
    let mut d = Decoder::new(parcel);
    assert_eq!(d.array().unwrap(), Some(2));
    d.skip().unwrap();
    1..d.position()
}

/// The parts of a parcel, to be put together wrongly.
#[derive(Clone)]
struct Parts {
    to: ServiceId,
    to_card: u32,
    number: u64,
    at: i64,
    encrypted: Vec<u8>,
}

impl Parts {
    fn of(parcel: &[u8]) -> Parts {
        let encrypted = parcel[signed_part(parcel).end..].to_vec();
        let mut d = Decoder::new(&parcel[signed_part(parcel)]);
        d.array().unwrap();
        d.bytes().unwrap();
        d.map().unwrap();
        let mut d = Decoder::new(d.bytes().unwrap());
        d.map().unwrap();
        d.u64().unwrap();
        let to = ServiceId::from_slice(d.bytes().unwrap()).unwrap();
        d.u64().unwrap();
        let to_card = d.u32().unwrap();
        d.u64().unwrap();
        let number = d.u64().unwrap();
        d.u64().unwrap();
        let at = d.i64().unwrap();
        d.u64().unwrap();
        assert_eq!(d.bytes().unwrap(), Digest::of(&encrypted).0);
        Parts { to, to_card, number, at, encrypted }
    }

    /// Signs the parts as service and card with a seed.
    fn signed(&self, from: ServiceId, card: u32, seed: u8) -> Vec<u8> {
        let number = i64::try_from(self.number).unwrap();
        let digest = Digest::of(&self.encrypted);
        let fields = [bytes(self.to.bytes()), int(self.to_card.into()), int(number), int(self.at), bytes(&digest.0)];
        let payload = map(&fields.into_iter().zip(0..).flat_map(|(value, key)| [int(key), value]).collect::<Vec<_>>());
        array(&[forge(&header(-8, from, card, PARCEL), &payload, seed), self.encrypted.clone()])
    }
}

#[test]
fn a_parcel_opens_for_its_recipient_alone() {
    let (ours, theirs, third) = (service(0), service(100), service(200));
    let (our_cards, their_cards) = (cards(&ours), cards(&theirs));
    let bytes = seal_parcel(&ours, their_cards.latest(), 42, START, b"acts").unwrap();
    let named = ParcelId::from(Digest::of(&bytes[signed_part(&bytes)]));
    let parcel = Parcel::parse(&bytes[..], bytes.len()).unwrap();
    assert_eq!((parcel.from(), parcel.from_card(), parcel.to(), parcel.to_card()), (ours.service(), 1, theirs.service(), 1));
    assert_eq!((parcel.number(), parcel.at(), parcel.id()), (42, START, named));
    let opened = parcel.open(&our_cards, &theirs).unwrap();
    assert_eq!((opened.plaintext(), opened.number, opened.at, opened.from, opened.from_card), (&b"acts"[..], 42, START, ours.service(), 1));
    assert_eq!((opened.verified.bytes(), opened.verified.typ(), opened.id), (&bytes[signed_part(&bytes)], Typ::Parcel, named));

    assert!(!format!("{opened:?}").contains(&format!("{:?}", b"acts")), "contents stay out of logs");

    assert_eq!(open(&bytes, &our_cards, &third), Err(SealFault::NotForUs(theirs.service())));
    assert_eq!(refused(&bytes, &their_cards, &theirs), "peer.seal.unknown-sender");
    let act = ours.sign(Typ::Act, b"x");
    assert_eq!(refused(act.bytes(), &our_cards, &theirs), "peer.bytes.shape");
    let encrypted = bytes[signed_part(&bytes).end..].to_vec();
    assert_eq!(refused(&array(&[act.bytes().to_vec(), encrypted]), &our_cards, &theirs), "peer.seal.wrong-type");
    assert_eq!(Parcel::parse(&bytes[..], bytes.len() - 1).unwrap_err().code(), "peer.bytes.too-large");
    for cut in 0..bytes.len() {
        assert_eq!(Parcel::parse(&bytes[..cut], 1 << 20).unwrap_err().code(), "peer.bytes.truncated");
    }
    for n in [0, 7, 8, 100, 239, 240, 65_519, 65_520, 70_000] {
        let most = seal_parcel(&ours, their_cards.latest(), u64::MAX, UnixMs(i64::MAX), &vec![7; n]).unwrap();
        assert!(most.len() <= n + PARCEL_OVERHEAD_BYTES_MAX, "{}", most.len() - n);
        // Every length of the ciphertext has its one shortest head.
        let sealed = seal_parcel(&ours, their_cards.latest(), 1, START, &vec![7; n]).unwrap();
        assert_eq!(open(&sealed, &our_cards, &theirs).unwrap().plaintext(), &vec![7; n][..]);
    }
}

#[test]
fn signature_and_card_are_judged_before_anything_is_decrypted() {
    let (ours, theirs) = (service(0), service(100));
    let bytes = seal_parcel(&ours, cards(&theirs).latest(), 1, START, b"acts").unwrap();
    let parts = Parts::of(&bytes);
    assert_eq!(parts.signed(ours.service(), 1, 2), bytes, "the forger's tool makes true parcels too");
    assert_eq!(refused(&parts.signed(ours.service(), 1, 9), &cards(&ours), &theirs), "peer.seal.signature");
    // Wrong in two ways: the signature is what counts, even at the wrong door.
    assert_eq!(refused(&parts.signed(ours.service(), 1, 9), &cards(&ours), &service(200)), "peer.seal.signature");
    let late = seal_parcel(&ours, cards(&theirs).latest(), 1, START.plus_ms(400 * DAY_MS), b"acts").unwrap();
    assert_eq!(refused(&late, &cards(&ours), &theirs), "peer.seal.card-expired");
    let mut rotated = ours.clone();
    let mut chain = cards(&ours);
    chain.add(&rotated.rotate(&draft(10), START, &mut SystemEntropy).unwrap()).unwrap();
    let retired = seal_parcel(&ours, cards(&theirs).latest(), 1, START.plus_ms(13 * DAY_MS), b"acts").unwrap();
    assert_eq!(refused(&retired, &chain, &theirs), "peer.seal.card-retired");
    rotated.advance(START.plus_ms(10 * DAY_MS));
    let unknown = seal_parcel(&rotated, cards(&theirs).latest(), 1, START.plus_ms(13 * DAY_MS), b"acts").unwrap();
    assert_eq!(refused(&unknown, &cards(&ours), &theirs), "peer.seal.unknown-card");
    assert!(open(&unknown, &chain, &theirs).is_ok());
}

#[test]
fn what_was_signed_is_what_stands_beside_it() {
    let (ours, theirs) = (service(0), service(100));
    let (our_cards, their_cards) = (cards(&ours), cards(&theirs));
    let (one, two) = [5, 6].map(|n| seal_parcel(&ours, their_cards.latest(), n, START, b"acts").unwrap()).into();
    let beside = |signed: &[u8], encrypted: &[u8]| array(&[signed[signed_part(signed)].to_vec(), encrypted.to_vec()]);
    let part = |parcel: &[u8]| parcel[signed_part(parcel).end..].to_vec();
    assert_eq!(beside(&one, &part(&one)), one, "the forger's tool makes true parcels too");
    // Our own other ciphertext, and one with a changed bit: what stands there is not what was signed, and no key is touched.
    let mut changed = part(&one);
    *changed.last_mut().unwrap() ^= 1;
    for encrypted in [part(&two), changed] {
        let forged = beside(&one, &encrypted);
        assert_eq!(Parcel::parse(&forged[..], 1 << 20).unwrap().id(), Parcel::parse(&one[..], 1 << 20).unwrap().id(), "the name is that of the signed part");
        assert_eq!(refused(&forged, &our_cards, &theirs), "peer.seal.signature");
        assert_eq!(open(&forged, &our_cards, &service(200)), Err(SealFault::NotForUs(theirs.service())), "the address comes first");
    }
    // The two parts stand in one form: nothing beside them, nothing left out.
    let signed = one[signed_part(&one)].to_vec();
    for wrong in [array(std::slice::from_ref(&signed)), array(&[signed.clone(), part(&one), bytes(b"")]), signed, array(&[part(&one), part(&one)])] {
        assert_eq!(refused(&wrong, &our_cards, &theirs), "peer.bytes.shape");
    }
}

#[test]
fn sender_recipient_number_and_time_are_bound_inside_too() {
    let (ours, theirs, thief) = (service(0), service(100), service(200));
    let parts = Parts::of(&seal_parcel(&ours, cards(&theirs).latest(), 5, START, b"acts").unwrap());
    // A thief signs our ciphertext as his own: his signature holds, the content does not open.
    assert_eq!(refused(&parts.signed(thief.service(), 1, 202), &cards(&thief), &theirs), "peer.seal.open");
    // Even we cannot reuse a ciphertext under another number, time or recipient.
    let ours_again = |parts: Parts| parts.signed(ours.service(), 1, 2);
    assert_eq!(refused(&ours_again(Parts { number: 6, ..parts.clone() }), &cards(&ours), &theirs), "peer.seal.open");
    assert_eq!(refused(&ours_again(Parts { at: START.0 + 1, ..parts.clone() }), &cards(&ours), &theirs), "peer.seal.open");
    assert_eq!(refused(&ours_again(Parts { to: thief.service(), ..parts.clone() }), &cards(&ours), &thief), "peer.seal.open");
    assert_eq!(refused(&ours_again(Parts { to_card: 2, ..parts.clone() }), &cards(&ours), &theirs), "peer.seal.open");
    assert!(open(&ours_again(parts), &cards(&ours), &theirs).is_ok());
}

#[test]
fn the_encryption_has_one_form_and_one_algorithm() {
    let (ours, theirs) = (service(0), service(100));
    let parts = Parts::of(&seal_parcel(&ours, cards(&theirs).latest(), 5, START, b"acts").unwrap());
    let with = |header: &[u8], label: i64, key: &[u8], more: &[Vec<u8>]| {
        let encrypted = array(&[&[bytes(header), map(&[int(label), bytes(key)]), bytes(&[0; 20])], more].concat());
        refused(&Parts { encrypted, ..parts.clone() }.signed(ours.service(), 1, 2), &cards(&ours), &theirs)
    };
    let alg = |n: i64| map(&[int(1), int(n)]);
    let good = alg(ALG_HPKE_XWING);
    assert_eq!(with(&good, -4, &[1; 1120], &[]), "peer.seal.open", "a forged key opens nothing");
    assert_eq!(with(&alg(35), -4, &[1; 1120], &[]), "peer.seal.version");
    assert_eq!(with(&good, -4, &[1; 1119], &[]), "peer.bytes.shape");
    assert_eq!(with(&good, -5, &[1; 1120], &[]), "peer.bytes.shape");
    assert_eq!(with(&good, -4, &[1; 1120], &[int(0)]), "peer.bytes.shape");
    let more = map(&[int(1), int(ALG_HPKE_XWING), int(3), int(0)]);
    assert_eq!(with(&more, -4, &[1; 1120], &[]), "peer.bytes.shape");
    assert_eq!(with(b"\xa0", -4, &[1; 1120], &[]), "peer.bytes.shape");
    assert_eq!(with(b"\xa1\x01", -4, &[1; 1120], &[]), "peer.bytes.truncated");
    let deep = Parts { encrypted: vec![0x81; 3000], ..parts.clone() };
    assert_eq!(refused(&deep.signed(ours.service(), 1, 2), &cards(&ours), &theirs), "peer.bytes.too-deep");
}

#[test]
fn retired_sealing_keys_open_until_they_are_forgotten() {
    let (ours, mut theirs) = (service(0), service(100));
    let mut their_cards = cards(&theirs);
    let old = seal_parcel(&ours, their_cards.latest(), 1, START, b"for card 1").unwrap();
    their_cards.add(&theirs.rotate(&draft(10), START, &mut Counting(150)).unwrap()).unwrap();
    let early = seal_parcel(&ours, their_cards.latest(), 2, START, b"for card 2").unwrap();
    assert!(open(&old, &cards(&ours), &theirs).is_ok());
    assert!(open(&early, &cards(&ours), &theirs).is_ok(), "a card that is known but has not begun can be sealed for");
    theirs.forget_sealing(2);
    assert!(open(&old, &cards(&ours), &theirs).is_ok(), "the key of the card that acts cannot be forgotten");
    theirs.advance(START.plus_ms(10 * DAY_MS));
    assert!(open(&old, &cards(&ours), &theirs).is_ok());
    theirs.forget_sealing(2);
    assert_eq!(open(&old, &cards(&ours), &theirs), Err(SealFault::Open { number: 1 }));
    assert!(open(&early, &cards(&ours), &theirs).is_ok());
}

#[test]
fn nothing_is_sealed_for_a_key_that_is_none() {
    let mut card = cards(&service(100)).latest().clone();
    card.sealing[1184..].fill(0);
    assert_eq!(seal_parcel(&service(0), &card, 1, START, b"acts").unwrap_err().code(), "peer.card.field");
    card.sealing.pop();
    assert_eq!(seal_parcel(&service(0), &card, 1, START, b"acts").unwrap_err().code(), "peer.card.field");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_changed_bit_opens(plaintext in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (ours, theirs) = (service(0), service(100));
        let bytes = seal_parcel(&ours, cards(&theirs).latest(), 1, START, &plaintext).unwrap();
        let opened = open(&bytes, &cards(&ours), &theirs).unwrap();
        prop_assert_eq!(opened.plaintext(), &plaintext[..]);
        let mut changed = bytes.clone();
        let place = at.index(changed.len());
        changed[place] ^= 1 << bit;
        prop_assert!(open(&changed, &cards(&ours), &theirs).is_err());
    }
}
