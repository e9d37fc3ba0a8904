//! Revocations, words on acts, successions, and a root key that is kept elsewhere.

use crate::{Counting, DAY_MS, HOUR_MS, START, cards, draft, service};
use base::{ActId, Digest, UnixMs};
use entente_seal::{
    Attestation, CardDraft, Cards, Keys, Lock, OVERLAP_MS, REQUEST_VERSION, REVOCATIONS_MAX, Reason, Revocation, RootRequest, RootTask, SEALING_GRACE_MS,
    Signed, Succession, SystemEntropy, Typ, Word,
};

const LOCK: Lock<'static> = Lock::KeyFile(&[7; 32]);

fn signed_by_root(keys: &Keys, task: RootTask) -> Vec<u8> {
    let request = RootRequest { version: REQUEST_VERSION, service: keys.service(), tasks: vec![task] };
    keys.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec()
}

fn revocation(keys: &Keys, card: u32, since: UnixMs, at: UnixMs) -> Vec<u8> {
    signed_by_root(keys, keys.revocation(card, since, Reason::Stolen, at).unwrap())
}

#[test]
fn a_revoked_card_signs_nothing_more_whatever_time_it_states() {
    let keys = service(0);
    let mut held = cards(&keys);
    let act = keys.sign(Typ::Act, b"act").bytes().to_vec();
    let parse = || Signed::parse(&act, Typ::Act, 4096).unwrap();
    assert!(parse().verify(&held, START).is_ok());
    let since = START.plus_ms(DAY_MS);
    let bytes = revocation(&keys, 1, since, START.plus_ms(2 * DAY_MS));
    assert_eq!(held.revoke(&bytes), Ok(true));
    assert_eq!(held.revoke(&bytes), Ok(false), "the same bytes again are no news");
    for at in [START, since.plus_ms(-1), since, START.plus_ms(9 * DAY_MS)] {
        assert_eq!(parse().verify(&held, at).unwrap_err().code(), "peer.seal.card-revoked");
    }
    assert!(parse().verify_held(&held, START).is_ok(), "what was taken before stays");
    assert_eq!(parse().verify_held(&held, START.plus_ms(400 * DAY_MS)).unwrap_err().code(), "peer.seal.card-expired");
    assert!(held.current(START).is_none() && held.pins(START).is_empty());
    // Of several, the earliest suspicion counts, in whatever order they come.
    let earlier = revocation(&keys, 1, START, START.plus_ms(3 * DAY_MS));
    let mut other = cards(&keys);
    assert_eq!((held.revoke(&earlier), other.revoke(&earlier), other.revoke(&bytes)), (Ok(true), Ok(true), Ok(true)));
    assert_eq!((held.revocation(1).unwrap().since, other.revocation(1).unwrap().since), (START, START));
}

#[test]
fn a_card_with_the_same_keys_falls_with_it_and_one_with_new_keys_does_not() {
    let mut keys = service(0);
    let first = keys.card_bytes().to_vec();
    let second = keys.issue_card(&draft(1), START).unwrap();
    let third = keys.rotate(&draft(2), START, &mut Counting(40)).unwrap();
    let mut held = Cards::chain([&first, &second, &third]).unwrap();
    assert_eq!(held.revoke(&revocation(&keys, 2, START, START)), Ok(true));
    assert!(held.revocation(1).is_some() && held.revocation(2).is_some() && held.revocation(3).is_none());
    assert_eq!(held.current(START.plus_ms(3 * DAY_MS)).map(|c| c.number), Some(3));
    // The newest card is not here yet: it comes first.
    let mut short = Cards::chain([&first, &second]).unwrap();
    assert_eq!(short.revoke(&revocation(&keys, 3, START, START)).unwrap_err().code(), "peer.seal.unknown-card");
}

#[test]
fn a_revocation_is_its_services_own_and_whole() {
    let (keys, other) = (service(0), service(100));
    let good = revocation(&keys, 1, START, START);
    assert_eq!(cards(&other).revoke(&good).unwrap_err().code(), "peer.card.service");
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 1 << (place % 8);
        assert!(Revocation::read(&changed).is_err(), "byte {place}");
    }
    assert_eq!(Revocation::read(keys.sign(Typ::Act, b"x").bytes()).unwrap_err().code(), "peer.seal.wrong-type");
    assert_eq!(keys.revocation(2, START, Reason::Lost, START).unwrap_err().code(), "refusal.keys.draft", "a card that there is not");
    assert_eq!(keys.revocation(1, START.plus_ms(1), Reason::Lost, START).unwrap_err().code(), "refusal.keys.draft", "a theft to come");
    assert!(Reason::ALL.iter().all(|r| Reason::from_code(r.code()) == Some(*r)));
    let mut held = cards(&keys);
    let took = (0..=REVOCATIONS_MAX as i64).map(|n| held.revoke(&revocation(&keys, 1, START, START.plus_ms(n))).is_ok()).filter(|ok| *ok).count();
    assert_eq!(took, REVOCATIONS_MAX);
}

#[test]
fn a_root_key_that_is_elsewhere_signs_what_was_asked_last_and_nothing_else() {
    let mut keys = service(0);
    let root = keys.detach_root().unwrap();
    assert_eq!(keys.rotate(&draft(1), START, &mut Counting(40)).unwrap_err().code(), "refusal.keys.root-away");
    assert_eq!(keys.asked(), None, "what was refused leaves nothing behind");
    let ask = |keys: &mut Keys, day| {
        let task = keys.request(&draft(day), true, START, &mut SystemEntropy).unwrap();
        RootRequest { version: REQUEST_VERSION, service: keys.service(), tasks: vec![task] }
    };
    let first = ask(&mut keys, 1);
    let second = ask(&mut keys, 2);
    let answer = |r: &RootRequest| root.answer(&RootRequest::read(&base::cbor::to_vec(r)).unwrap()).unwrap().signed.remove(0).to_vec();
    // The keys that wait survive in the file.
    let mut keys = Keys::from_file(&keys.to_file(&LOCK, &mut SystemEntropy).unwrap(), &LOCK).unwrap();
    assert_eq!((keys.asked(), keys.all().len()), (Some(2), 1));
    assert_eq!(keys.install(&answer(&first), START).unwrap_err().code(), "refusal.keys.not-asked");
    assert!(keys.install(&answer(&second), START).is_ok());
    assert_eq!(keys.install(&answer(&second), START).unwrap_err().code(), "refusal.keys.not-asked");
    assert_eq!((keys.asked(), keys.all().len(), keys.card_number()), (None, 2, 1));
    assert_eq!(keys.advance(START.plus_ms(2 * DAY_MS)), 2);
    let other = service(100);
    assert_eq!(other.root().unwrap().answer(&second).unwrap_err().code(), "refusal.keys.root-other");
    let mut crossed = second.clone();
    crossed.service = other.service();
    assert_eq!(other.root().unwrap().answer(&crossed).unwrap_err().code(), "refusal.keys.draft", "it signs nobody else's card");
    assert_eq!(RootRequest::read(&base::cbor::to_vec(&RootRequest { tasks: Vec::new(), ..second })).unwrap_err().code(), "refusal.keys.file");
}

#[test]
fn a_card_begins_no_earlier_than_now() {
    let mut keys = service(0);
    let now = START.plus_ms(10 * DAY_MS);
    let from = |ms: i64| CardDraft { valid_from: now.plus_ms(ms), ..draft(10) };
    assert_eq!(keys.rotate(&from(-HOUR_MS - 1), now, &mut Counting(40)).unwrap_err().code(), "refusal.keys.draft");
    assert!(keys.rotate(&from(-HOUR_MS), now, &mut Counting(41)).is_ok(), "a partner's clock may be behind");
    // One that waits is overtaken by one that begins at once.
    assert!(keys.rotate(&from(7 * DAY_MS), now, &mut Counting(42)).is_ok());
    assert_eq!(keys.card_number(), 2);
    assert!(keys.rotate(&from(0), now, &mut Counting(43)).is_ok());
    assert_eq!((keys.card_number(), keys.advance(now.plus_ms(8 * DAY_MS))), (4, 4));
}

#[test]
fn old_keys_go_when_their_time_is_over() {
    let mut keys = service(0);
    let begins = START.plus_ms(DAY_MS);
    keys.rotate(&draft(1), START, &mut Counting(40)).unwrap();
    assert!(keys.under(2).is_some() && keys.under(3).is_none());
    keys.advance(begins.plus_ms(OVERLAP_MS));
    assert!(keys.under(1).is_some(), "to tell a partner that was away");
    keys.advance(begins.plus_ms(OVERLAP_MS + 1));
    assert!(keys.under(1).is_none());
    assert_eq!(keys.forget_old(begins.plus_ms(OVERLAP_MS + SEALING_GRACE_MS)), 0);
    assert_eq!(keys.forget_old(begins.plus_ms(OVERLAP_MS + SEALING_GRACE_MS + 1)), 1);
    assert_eq!(keys.all().iter().map(|c| c.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_word_on_an_act_is_signed_by_who_gives_it() {
    let (keys, other) = (service(0), service(100));
    let act = ActId::from(Digest::of(b"act"));
    let word = Attestation::sign(&keys, act, Word::Held { since: START }, START);
    let (read, _) = Attestation::read(word.bytes(), &cards(&keys)).unwrap();
    assert_eq!((read.act, read.by, read.word), (act, keys.service(), Word::Held { since: START }));
    assert_eq!(Attestation::read(word.bytes(), &cards(&other)).unwrap_err().code(), "peer.seal.unknown-sender");
    let ahead = Attestation::sign(&keys, act, Word::Held { since: START.plus_ms(1) }, START);
    assert_eq!(Attestation::read(ahead.bytes(), &cards(&keys)).unwrap_err().code(), "peer.bytes.shape");
    let borrowed = Attestation { version: 1, act, by: other.service(), word: Word::Mine, at: START };
    let borrowed = keys.sign(Typ::Attestation, &base::cbor::to_vec(&borrowed));
    assert_eq!(Attestation::read(borrowed.bytes(), &cards(&keys)).unwrap_err().code(), "peer.bytes.shape");
}

#[test]
fn a_succession_names_another_service_and_holds_under_the_new_root() {
    let (old, new, third) = (service(0), service(100), service(50));
    let signed = new.succeed(old.service(), START).unwrap();
    let (read, _) = Succession::read(signed.bytes()).unwrap();
    assert_eq!((read.service, read.predecessor), (new.service(), old.service()));
    let by = |keys: &Keys| keys.sign(Typ::Succession, signed.payload()).bytes().to_vec();
    assert!(read.countersigned(&by(&old), &cards(&old)).is_ok());
    assert_eq!(read.countersigned(&by(&third), &cards(&old)).unwrap_err().code(), "peer.seal.unknown-sender");
    assert_eq!(Succession::read(&by(&old)).unwrap_err().code(), "peer.card.service", "the old keys name no successor by themselves");
    let mut revoked = cards(&old);
    revoked.revoke(&revocation(&old, 1, START, START)).unwrap();
    assert_eq!(read.countersigned(&by(&old), &revoked).unwrap_err().code(), "peer.seal.card-revoked", "a thief does not take a service over");
    assert_eq!(Succession::read(new.succeed(new.service(), START).unwrap().bytes()).unwrap_err().code(), "peer.card.field");
}
