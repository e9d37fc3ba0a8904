//! Fingerprints read aloud.

use crate::service;
use base::{Digest, Lang, ServiceId};
use entente_seal::{Fingerprint, FingerprintRefusal};
use proptest::prelude::*;

fn print() -> (ServiceId, Fingerprint) {
    let service = service(0).service();
    (service, Fingerprint::of(&service))
}

#[test]
fn words_and_digits_read_back_in_every_language() {
    let (service, print) = print();
    for lang in Lang::ALL {
        let words = print.words(lang);
        assert_eq!(words.split(' ').count(), 12);
        assert_eq!(Fingerprint::parse_words(&words, lang), Ok(print));
        assert_eq!(Fingerprint::compare(&service, &format!("  {}\n", words.to_uppercase().replace(' ', "   ")), lang), Ok(()));
        assert_eq!(Fingerprint::compare(&service, &print.digits(), lang), Ok(()));
    }
    assert_eq!(print.to_string(), print.words(Lang::En));
    let indic: String = print.digits().chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(0x660 + d)).unwrap_or(c)).collect();
    assert_eq!(Fingerprint::parse_digits(&indic), Ok(print), "{indic}");
}

#[test]
fn accents_are_for_the_eye() {
    // Composed or apart, typed or left out.
    let spanish = "ábaco ábaco ábaco ábaco ábaco ábaco ábaco ábaco ábaco ábaco ábaco abierto";
    let zero = Fingerprint::parse_words(spanish, Lang::Es).unwrap();
    assert_eq!(zero.words(Lang::En), "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about");
    assert_eq!(Fingerprint::parse_words(&spanish.replace('á', "a"), Lang::Es), Ok(zero));
    assert_eq!(Fingerprint::parse_words(&spanish.replace('á', "a\u{301}"), Lang::Es), Ok(zero));
}

#[test]
fn a_slip_of_the_ear_is_named() {
    let (service, print) = print();
    let words = print.words(Lang::En);
    let mut list: Vec<&str> = words.split(' ').collect();
    list[4] = "entente";
    let misheard = |list: &[&str]| Fingerprint::compare(&service, &list.join(" "), Lang::En);
    assert_eq!(misheard(&list), Err(FingerprintRefusal::Word { place: 5, word: "entente".to_owned() }));
    assert_eq!(Fingerprint::compare(&service, &words, Lang::Fr).unwrap_err().code(), "refusal.fingerprint.word", "the wrong language");
    let list: Vec<&str> = words.split(' ').collect();
    assert_eq!(misheard(&list[..11]), Err(FingerprintRefusal::Count { expected: 12, found: 11 }));
    assert_eq!(misheard(&[]), Err(FingerprintRefusal::Count { expected: 12, found: 0 }));
    let digits = print.digits();
    let groups: Vec<&str> = digits.split(' ').collect();
    assert_eq!(misheard(&groups[..8]), Err(FingerprintRefusal::Count { expected: 9, found: 8 }));
    let typed = |groups: &[&str]| Fingerprint::parse_digits(&groups.join(" ")).unwrap_err().code();
    assert_eq!(typed(&["65536"]), "refusal.fingerprint.group");
    assert_eq!(typed(&["1234"]), "refusal.fingerprint.group");
    assert_eq!(typed(&["1234a"]), "refusal.fingerprint.group");
    assert_eq!(typed(&[]), "refusal.fingerprint.count");
    // Whole, well heard, and another service's.
    let other = Fingerprint::of(&Digest::of(b"other").into());
    assert_eq!(Fingerprint::compare(&service, &other.words(Lang::En), Lang::En), Err(FingerprintRefusal::Differs));
    assert_eq!(Fingerprint::compare(&service, &other.digits(), Lang::En), Err(FingerprintRefusal::Differs));
}

proptest! {
    #[test]
    fn one_wrong_word_never_passes(seed: u64, place in 0usize..12, lang in prop::sample::select(&Lang::ALL[..]), other: u64) {
        let service: ServiceId = Digest::of(&seed.to_be_bytes()).into();
        let words = Fingerprint::of(&service).words(lang);
        let donor = Fingerprint::of(&Digest::of(&other.to_be_bytes()).into()).words(lang);
        let mut list: Vec<&str> = words.split(' ').collect();
        let replacement = donor.split(' ').next().unwrap();
        prop_assume!(list[place] != replacement);
        list[place] = replacement;
        prop_assert!(matches!(Fingerprint::compare(&service, &list.join(" "), lang), Err(FingerprintRefusal::Check | FingerprintRefusal::Differs)));
    }

    #[test]
    fn one_wrong_group_never_passes(seed: u64, place in 0usize..9, group: u16) {
        let service: ServiceId = Digest::of(&seed.to_be_bytes()).into();
        let digits = Fingerprint::of(&service).digits();
        let mut list: Vec<String> = digits.split(' ').map(str::to_owned).collect();
        let replacement = format!("{group:05}");
        prop_assume!(list[place] != replacement);
        list[place] = replacement;
        prop_assert!(Fingerprint::compare(&service, &list.join(" "), Lang::En).is_err());
    }
}
