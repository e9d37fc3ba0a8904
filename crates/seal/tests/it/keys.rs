//! Our own keys: issuing, rotating, locking away.

use crate::{Counting, DAY_MS, START, cards, draft, service};
use entente_seal::{CardDraft, CardFault, Cards, Kdf, Keys, KeysRefusal, Lock, RootKey, Signed, SystemEntropy, Typ};

/// Cheap enough for a test, dear enough for the door.
const CHEAP: Kdf = Kdf { memory_kib: 8 * 1024, passes: 1, lanes: 1 };

fn passphrase(text: &str) -> Lock<'_> {
    Lock::Passphrase { text, kdf: CHEAP }
}

fn code(result: Result<Keys, KeysRefusal>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn a_key_file_gives_back_every_key() {
    let mut keys = service(0);
    let mut chain = cards(&keys);
    chain.add(&keys.rotate(&draft(10), START, &mut SystemEntropy).unwrap()).unwrap();
    keys.advance(START.plus_ms(11 * DAY_MS));
    for lock in [passphrase("un, dos, tres"), Lock::KeyFile(&[9; 32])] {
        let file = keys.to_file(&lock, &mut SystemEntropy).unwrap();
        let again = Keys::from_file(&file, &lock).unwrap();
        assert_eq!((again.service(), again.card_number(), again.card_bytes()), (keys.service(), 2, keys.card_bytes()));
        assert_eq!((&again.tls().certificate_der, again.tls().pin), (&keys.tls().certificate_der, chain.latest().tls_pin));
        assert_eq!(again.storage(), keys.storage());
        let act = again.sign(Typ::Act, b"x");
        assert!(Signed::parse(act.bytes(), Typ::Act, 999).unwrap().verify(&chain, START.plus_ms(11 * DAY_MS)).is_ok());
        // The old sealing key came along.
        let parcel = entente_seal::seal_parcel(&again, chain.get(1).unwrap(), 1, START.plus_ms(11 * DAY_MS), b"old").unwrap().bytes;
        let opened = entente_seal::Parcel::parse(parcel, 9999).unwrap().open(&chain, &again).unwrap();
        assert_eq!(opened.plaintext(), b"old");
        assert_ne!(keys.to_file(&lock, &mut SystemEntropy).unwrap(), file, "salt and nonce are drawn each time");
    }
}

#[test]
fn the_wrong_lock_is_refused_clearly() {
    let keys = service(0);
    let file = keys.to_file(&passphrase("right"), &mut SystemEntropy).unwrap();
    assert_eq!(code(Keys::from_file(&file, &passphrase("wrong"))), "refusal.keys.passphrase");
    assert_eq!(code(Keys::from_file(&file, &Lock::KeyFile(&[1; 32]))), "refusal.keys.passphrase");
    let file = keys.to_file(&Lock::KeyFile(&[1; 32]), &mut SystemEntropy).unwrap();
    assert_eq!(code(Keys::from_file(&file, &Lock::KeyFile(&[2; 32]))), "refusal.keys.key-file");
    assert_eq!(code(Keys::from_file(&file, &passphrase("right"))), "refusal.keys.key-file");
    for cut in [0, 1, 60, file.len() - 1] {
        assert_eq!(code(Keys::from_file(&file[..cut], &Lock::KeyFile(&[1; 32]))), "refusal.keys.file");
    }
    let mut flipped = file.clone();
    for place in 0..file.len() {
        flipped[place] ^= 1;
        assert!(Keys::from_file(&flipped, &Lock::KeyFile(&[1; 32])).is_err(), "byte {place}");
        flipped[place] ^= 1;
    }
}

#[test]
fn absurd_costs_are_refused_before_they_are_paid() {
    let keys = service(0);
    let file = keys.to_file(&passphrase("right"), &mut SystemEntropy).unwrap();
    // The cost of 8 MiB stands once in the file, as 0x19 0x2000; 0x1a7fffffff asks for 2 TiB.
    let at = file.windows(3).position(|w| w == [0x19, 0x20, 0x00]).unwrap();
    let absurd = [&file[..at], &[0x1a, 0x7f, 0xff, 0xff, 0xff], &file[at + 3..]].concat();
    assert_eq!(code(Keys::from_file(&absurd, &passphrase("right"))), "refusal.keys.parameters");
    let free = Kdf { memory_kib: 16, passes: 1, lanes: 1 };
    let lock = Lock::Passphrase { text: "right", kdf: free };
    assert_eq!(keys.to_file(&lock, &mut SystemEntropy), Err(KeysRefusal::Parameters));
}

#[test]
fn the_default_cost_opens_too() {
    let file = service(0).to_file(&Lock::passphrase("correct horse"), &mut SystemEntropy).unwrap();
    assert!(Keys::from_file(&file, &Lock::passphrase("correct horse")).is_ok());
}

#[test]
fn the_root_key_can_stay_elsewhere() {
    let mut keys = service(0);
    let root = keys.detach_root().unwrap();
    assert!(keys.detach_root().is_none());
    assert_eq!(keys.rotate(&draft(10), START, &mut SystemEntropy), Err(KeysRefusal::RootAway));
    assert_eq!(keys.issue_card(&draft(10), START), Err(KeysRefusal::RootAway));
    let file = keys.to_file(&Lock::KeyFile(&[1; 32]), &mut SystemEntropy).unwrap();
    let mut keys = Keys::from_file(&file, &Lock::KeyFile(&[1; 32])).unwrap();
    assert!(keys.detach_root().is_none(), "what was away is not in the file");
    keys.sign(Typ::Act, b"acts are signed without it");

    let file = root.to_file(&Lock::KeyFile(&[2; 32]), &mut SystemEntropy).unwrap();
    assert_eq!(code(Keys::from_file(&file, &Lock::KeyFile(&[2; 32]))), "refusal.keys.file", "a root file is no key file");
    let root = RootKey::from_file(&file, &Lock::KeyFile(&[2; 32])).unwrap();
    let mut stranger = service(100);
    assert_eq!(stranger.attach_root(root.clone()), Err(KeysRefusal::RootOther(keys.service())));
    let before = keys.card_bytes().to_vec();
    keys.attach_root(root).unwrap();
    let next = keys.rotate(&draft(10), START, &mut SystemEntropy).unwrap();
    assert!(Cards::chain([before, next]).is_ok());
}

#[test]
fn a_card_acts_from_its_first_moment_and_not_before() {
    let mut keys = service(0);
    let (first, pin) = (keys.card_bytes().to_vec(), keys.tls().pin);
    let second = keys.rotate(&draft(10), START, &mut SystemEntropy).unwrap();
    assert_eq!((keys.card_number(), keys.tls().pin), (1, pin), "partners get the card before its keys act");
    assert_eq!(keys.advance(START.plus_ms(10 * DAY_MS - 1)), 1);
    assert_eq!(keys.advance(START.plus_ms(10 * DAY_MS)), 2);
    assert_eq!(keys.advance(START), 2, "there is no way back");
    let chain = Cards::chain([first, second]).unwrap();
    assert_eq!(keys.tls().pin, chain.latest().tls_pin);
    assert_eq!(keys.sign(Typ::Act, b"x").card_number(), 2);
    // Same keys, new address: acting card 3 keeps the keys alive that card 2 shares.
    keys.issue_card(&CardDraft { endpoints: vec!["new.entente.example:1".to_owned()], ..draft(12) }, START).unwrap();
    assert_eq!(keys.advance(START.plus_ms(12 * DAY_MS)), 3);
    assert_eq!(keys.tls().pin, chain.latest().tls_pin);
}

#[test]
fn a_draft_that_breaks_the_rules_is_not_signed() {
    let mut keys = service(0);
    let bad = CardDraft { country: "Morocco".to_owned(), ..draft(1) };
    assert_eq!(keys.issue_card(&bad, START), Err(KeysRefusal::Draft(CardFault::Field("country"))));
    assert_eq!(keys.issue_card(&draft(-1), START), Err(KeysRefusal::Draft(CardFault::Field("valid_from"))), "not before now");
    assert_eq!(keys.card_number(), 1);
    assert!(Keys::generate(&bad, START, &mut Counting(0)).is_err());
}

#[test]
fn secrets_are_not_printed() {
    let keys = service(0);
    let shown = format!("{keys:?} {:?} {:?}", keys.storage(), keys.tls());
    assert_eq!(shown, format!("Keys(of {}, card 1, root here) StorageKey(secret) TlsIdentity(pin {})", keys.service().short(), keys.tls().pin.short()));
    let root = keys.clone().detach_root().unwrap();
    assert_eq!(format!("{root:?}"), format!("RootKey(of {})", keys.service().short()));
}

#[test]
#[should_panic(expected = "cards and revocations are signed by the root key")]
fn a_signing_key_signs_no_cards() {
    service(0).sign(Typ::Card, b"x");
}
