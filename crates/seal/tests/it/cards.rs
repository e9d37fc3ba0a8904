//! Chains of cards.

use crate::{Counting, DAY_MS, START, cards, draft, forge, hand, header, service};
use base::{Digest, Text, UnixMs};
use entente_seal::{CARD_BYTES_MAX, CARD_VERSION, Card, CardFault, Cards, Directory, Duty, Keys, SystemEntropy, service_id};
use std::collections::BTreeMap;
use std::sync::Arc;

const CARD: &str = "application/entente-card+cbor";

/// A chain of three: 1 from day 0, 2 from day 10, 3 (same keys as 2) from day 20.
fn chain() -> (Keys, [Vec<u8>; 3]) {
    let mut keys = service(0);
    let first = keys.card_bytes().to_vec();
    let second = keys.rotate(&draft(10), START, &mut Counting(50)).unwrap();
    let third = keys.issue_card(&draft(20), START).unwrap();
    (keys, [first, second, third])
}

/// Signs a card with the root key of [`service`] 0, after changing what an honest service would not.
fn tampered(change: impl FnOnce(&mut Card)) -> Vec<u8> {
    let mut card = cards(&service(0)).latest().clone();
    change(&mut card);
    forge(&header(-8, card.service, card.number, CARD), &base::cbor::to_vec(&card), 1)
}

#[test]
fn a_chain_grows_card_by_card() {
    let (keys, all) = chain();
    let mut held = Cards::first(&all[0]).unwrap();
    assert_eq!((held.service(), held.latest().number), (keys.service(), 1));
    assert_eq!(held.add(&all[2]).unwrap_err(), CardFault::Gap { expected: 2, found: 3 });
    assert_eq!(held.add(&all[1]), Ok(true));
    assert_eq!(held.add(&all[1]), Ok(false), "the same bytes again are no news");
    assert_eq!(held.add(&all[2]), Ok(true));
    assert_eq!(held.iter_bytes().collect::<Vec<_>>(), all);
    let current = |day: i64| held.current(START.plus_ms(day * DAY_MS)).map(|c| c.number);
    assert_eq!([-1, 0, 9, 10, 19, 20, 385, 386].map(current), [None, Some(1), Some(1), Some(2), Some(2), Some(3), Some(3), None]);
    assert_eq!(held.get(2).map(|c| c.signing), held.get(3).map(|c| c.signing), "issue_card keeps the keys");
    assert_ne!(held.get(1).map(|c| c.signing), held.get(2).map(|c| c.signing), "rotate draws new ones");
    assert_eq!(held.get(2).unwrap().previous, Some(Digest::of(&all[0])));
    assert!(held.get(0).is_none() && held.get(4).is_none());
    assert_eq!(Cards::chain(&all).unwrap().latest(), held.latest());
    // A partner that meets the service later may start in the middle.
    let mut later = Cards::first(&all[1]).unwrap();
    assert_eq!(later.add(&all[2]), Ok(true));
    assert!(later.get(1).is_none());
}

#[test]
fn pins_overlap_for_two_days() {
    let (_, all) = chain();
    let held = Cards::chain(&all[..2]).unwrap();
    let pins = |hours: i64| held.pins(START.plus_ms(10 * DAY_MS + hours * 3_600_000)).len();
    assert_eq!([-2, -1, 0, 48, 49].map(pins), [1, 2, 2, 2, 1], "an hour ahead, because no two clocks are the same");
    assert_eq!(held.pins(START.plus_ms(10 * DAY_MS))[0], held.get(2).unwrap().tls_pin, "newest first");
}

#[test]
fn a_fork_is_refused_by_its_own_name() {
    let (keys, all) = chain();
    // Another second card: the thief of the root key, or a service with two faces.
    let mut other = service(0);
    let fork = other.rotate(&draft(10), START, &mut Counting(70)).unwrap();
    let mut held = Cards::chain(&all).unwrap();
    let fault = held.add(&fork).unwrap_err();
    assert_eq!((fault.code(), fault), ("peer.card.fork", CardFault::Fork { service: keys.service(), number: 2 }));
    assert_eq!(held.iter_bytes().count(), 3, "what was held stays");
    // A third card on top of the other second one does not fit.
    let third = other.issue_card(&draft(20), START).unwrap();
    let mut held = Cards::chain(&all[..2]).unwrap();
    assert_eq!(held.add(&third).unwrap_err().code(), "peer.card.previous");
}

#[test]
fn a_card_may_begin_before_the_one_that_it_follows_and_takes_over_from_there() {
    let (_, all) = chain();
    let back = tampered(|c| {
        c.number = 2;
        c.previous = Some(Digest::of(&all[0]));
        c.valid_from = START.plus_ms(-1);
    });
    let mut held = Cards::first(&all[0]).unwrap();
    assert_eq!(held.add(&back), Ok(true));
    assert_eq!(held.current(START).map(|c| c.number), Some(2));
    assert_eq!(held.judge(1, START.plus_ms(2 * DAY_MS)).unwrap_err().code(), "peer.seal.card-retired", "at the door");
    assert_eq!(held.judge_held(1, START.plus_ms(2 * DAY_MS)), Ok(()), "what was taken before stays");
    let forward = tampered(|c| {
        c.number = 2;
        c.previous = Some(Digest::of(&all[0]));
    });
    assert_eq!(Cards::first(&all[0]).unwrap().add(&forward), Ok(true));
}

#[test]
fn a_card_vouches_for_itself_or_is_refused() {
    let code = |bytes: &[u8]| Cards::first(bytes).unwrap_err().code();
    let keys = service(0);
    let good = keys.card_bytes();
    assert!(Cards::first(&tampered(|_| {})).is_ok(), "the forger's tool makes true cards too");
    assert_eq!(code(keys.sign(entente_seal::Typ::Act, b"x").bytes()), "peer.seal.wrong-type");
    // Another root key: either the id does not fit it, or the signature does not.
    let other = cards(&service(100)).latest().clone();
    assert_eq!(code(&tampered(|c| c.root = other.root)), "peer.card.service");
    assert_eq!(code(&tampered(|c| c.service = other.service)), "peer.card.service");
    let both = |c: &mut Card| (c.root, c.service) = (other.root, other.service);
    assert_eq!(code(&tampered(both)), "peer.seal.signature");
    let payload = base::cbor::to_vec(cards(&keys).latest());
    assert_eq!(code(&forge(&header(-8, keys.service(), 1, CARD), &payload, 2)), "peer.seal.signature", "the signing key signs no cards");
    assert_eq!(code(&forge(&header(-8, keys.service(), 2, CARD), &payload, 1)), "peer.card.service", "the header names another card");
    assert_eq!(code(&tampered(|c| c.version = CARD_VERSION + 1)), "peer.seal.version");
    // One field more than this version knows.
    let more = [&[0xb0], &payload[1..], &[0x10, 0x00]].concat();
    assert_eq!(code(&forge(&header(-8, keys.service(), 1, CARD), &more, 1)), "peer.bytes.shape");
    assert_eq!(code(&forge(&header(-8, keys.service(), 1, CARD), &hand::map(&[]), 1)), "peer.bytes.shape");
    assert_eq!(code(&tampered(|c| c.name = vec![Text::new(base::Lang::Fr, "x".repeat(CARD_BYTES_MAX))])), "peer.bytes.too-large");
    for cut in 0..good.len() {
        assert_eq!(code(&good[..cut]), "peer.bytes.truncated");
    }
}

#[test]
fn no_changed_bit_makes_another_card() {
    let good = service(0).card_bytes().to_vec();
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 1 << (place % 8);
        assert!(Cards::first(&changed).is_err(), "byte {place}");
    }
}

#[test]
fn a_small_order_root_cannot_found_a_service() {
    let mut root = [0; 32];
    root[0] = 1;
    let card = tampered(|c| (c.root, c.service) = (root, service_id(&root)));
    assert_eq!(Cards::first(&card).unwrap_err(), CardFault::Field("root"));
}

#[test]
fn every_field_has_its_rule() {
    type Change = fn(&mut Card);
    let changes: [(&'static str, Change); 24] = [
        ("number", |c| c.number = 0),
        ("code", |c| c.code = "MA".into()),
        ("code", |c| c.code = "a-name-too-long".into()),
        ("country", |c| c.country = "Maroc".into()),
        ("name", |c| c.name.clear()),
        ("name", |c| c.name.push(c.name[0].clone())),
        ("name", |c| c.name[0].text = "a\u{202e}b".into()),
        ("name", |c| c.name[0].text = "x".repeat(256)),
        ("endpoints", |c| c.endpoints.clear()),
        ("endpoints", |c| c.endpoints = vec!["node".into()]),
        ("endpoints", |c| c.endpoints = vec!["node:1".into(); 17]),
        ("languages", |c| c.languages.clear()),
        ("languages", |c| c.languages.push(c.languages[0].clone())),
        ("duty", |c| c.duty = vec![c.duty[0].clone(); 17]),
        ("duty", |c| c.duty[0].phone.clear()),
        ("duty", |c| c.duty[0].desk.clear()),
        ("valid_until", |c| c.valid_until = c.valid_from),
        ("previous", |c| c.previous = Some(Digest::of(b"x"))),
        ("previous", |c| c.number = 2),
        ("signing", |c| c.signing = [0; 32]),
        ("signing", |c| c.signing = c.root),
        ("sealing", |c| c.sealing.truncate(1215)),
        ("sealing", |c| c.sealing[..3].fill(0xff)),
        ("sealing", |c| c.sealing[1184..].fill(0)),
    ];
    for (field, change) in changes {
        assert_eq!(Cards::first(&tampered(change)).unwrap_err(), CardFault::Field(field), "{field}");
    }
    // The turn: what is just allowed.
    let allowed: [Change; 4] = [
        |c| c.code = "ma-dgsn-bcij".into(),
        |c| c.endpoints = vec!["node:1".into(); 16],
        |c| c.duty = vec![Duty { desk: "d".into(), phone: String::new(), mail: "m@example".into() }; 16],
        |c| c.name[0].text = "x".repeat(255),
    ];
    allowed.into_iter().for_each(|change| drop(Cards::first(&tampered(change)).unwrap()));
}

#[test]
fn a_directory_knows_whom_it_knows() {
    let keys = service(0);
    let directory = BTreeMap::from([(keys.service(), Arc::new(cards(&keys)))]);
    assert_eq!(directory.cards(&keys.service()).map(|c| c.service()), Some(keys.service()));
    assert!(directory.cards(&service(100).service()).is_none());
}

#[test]
fn an_empty_chain_is_none() {
    assert_eq!(Cards::chain::<&[u8]>([]).unwrap_err().code(), "peer.card.gap");
    assert!(Cards::chain([service(0).card_bytes()]).is_ok());
    let mut keys = service(0);
    assert!(keys.rotate(&draft(1), UnixMs(START.0 + 400 * DAY_MS), &mut SystemEntropy).is_err(), "a card that is over is not issued");
}
