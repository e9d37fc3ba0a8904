//! Sealed parcels.

use crate::hand::{array, bytes, int, map};
use crate::{Counting, DAY_MS, START, cards, draft, forge, header, service};
use base::{Digest, ParcelId, ServiceId, UnixMs};
use entente_seal::{ALG_HPKE_XWING, Cards, Keys, Opened, PARCEL_OVERHEAD_BYTES_MAX, Parcel, SealFault, SystemEntropy, Typ, seal_parcel};
use minicbor::Decoder;
use proptest::prelude::*;

const PARCEL: &str = "application/entente-parcel+cbor";

fn open(parcel: &[u8], sender: &Cards, keys: &Keys) -> Result<Opened, SealFault> {
    Parcel::parse(parcel, 1 << 20)?.open(sender, keys)
}

fn refused(parcel: &[u8], sender: &Cards, keys: &Keys) -> &'static str {
    open(parcel, sender, keys).unwrap_err().code()
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
        let mut d = Decoder::new(parcel);
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
        Parts { to, to_card, number, at, encrypted: d.bytes().unwrap().to_vec() }
    }

    /// Signs the parts as service and card with a seed.
    fn signed(&self, from: ServiceId, card: u32, seed: u8) -> Vec<u8> {
        let number = i64::try_from(self.number).unwrap();
        let fields = [bytes(self.to.bytes()), int(self.to_card.into()), int(number), int(self.at), bytes(&self.encrypted)];
        let payload = map(&fields.into_iter().zip(0..).flat_map(|(value, key)| [int(key), value]).collect::<Vec<_>>());
        forge(&header(-8, from, card, PARCEL), &payload, seed)
    }
}

#[test]
fn a_parcel_opens_for_its_recipient_alone() {
    let (ours, theirs, third) = (service(0), service(100), service(200));
    let (our_cards, their_cards) = (cards(&ours), cards(&theirs));
    let bytes = seal_parcel(&ours, their_cards.latest(), 42, START, b"acts").unwrap();
    let parcel = Parcel::parse(&bytes, bytes.len()).unwrap();
    assert_eq!((parcel.from(), parcel.from_card(), parcel.to(), parcel.to_card()), (ours.service(), 1, theirs.service(), 1));
    assert_eq!((parcel.number(), parcel.at(), parcel.id()), (42, START, ParcelId::from(Digest::of(&bytes))));
    let opened = parcel.open(&our_cards, &theirs).unwrap();
    assert_eq!((opened.plaintext.as_slice(), opened.number, opened.at, opened.from, opened.from_card), (&b"acts"[..], 42, START, ours.service(), 1));
    assert_eq!((opened.verified.bytes(), opened.verified.typ(), opened.id), (&bytes[..], Typ::Parcel, ParcelId::from(Digest::of(&bytes))));

    assert!(!format!("{opened:?}").contains(&format!("{:?}", b"acts")), "contents stay out of logs");

    assert_eq!(open(&bytes, &our_cards, &third), Err(SealFault::NotForUs(theirs.service())));
    assert_eq!(refused(&bytes, &their_cards, &theirs), "peer.seal.unknown-sender");
    let act = ours.sign(Typ::Act, b"x");
    assert_eq!(refused(act.bytes(), &our_cards, &theirs), "peer.seal.wrong-type");
    assert_eq!(Parcel::parse(&bytes, bytes.len() - 1).unwrap_err().code(), "peer.bytes.too-large");
    for cut in 0..bytes.len() {
        assert_eq!(Parcel::parse(&bytes[..cut], 1 << 20).unwrap_err().code(), "peer.bytes.truncated");
    }
    for n in [0, 10, 100, 70_000] {
        let sealed = seal_parcel(&ours, their_cards.latest(), u64::MAX, UnixMs(i64::MAX), &vec![7; n]).unwrap();
        assert!(sealed.len() <= n + PARCEL_OVERHEAD_BYTES_MAX, "{}", sealed.len() - n);
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
        prop_assert_eq!(open(&bytes, &cards(&ours), &theirs).unwrap().plaintext, plaintext);
        let mut changed = bytes.clone();
        let place = at.index(changed.len());
        changed[place] ^= 1 << bit;
        prop_assert!(open(&changed, &cards(&ours), &theirs).is_err());
    }
}
