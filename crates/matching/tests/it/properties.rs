//! Whatever bytes and texts come: they are read to one form or refused with a code, and nothing else happens.

use base::cbor;
use entente_matching::filter::{Changes, Filter};
use entente_matching::names::{Name, Width};
use entente_matching::oprf::{Kernel, Proof, PublicKey};
use entente_matching::subject::{Birth, KEYS_MAX, KeyType, Side, Subject, quality};
use proptest::prelude::*;

/// A filter's or changes' bytes with a few of them changed, doubled or taken out.
fn mangled(bytes: &[u8], changes: &[(u16, u8, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (place, what, value) in changes {
        let at = usize::from(*place) % out.len().max(1);
        match what % 4 {
            _ if out.is_empty() => out.push(*value),
            0 => out[at] = *value,
            1 => out[at] ^= 1 << (value % 8),
            2 => out.insert(at, *value),
            _ => drop(out.remove(at)),
        }
    }
    out
}

fn known(code: &str) -> bool {
    code.starts_with("peer.matching.filter-")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_mangled_filter_is_refused_or_reads_back_as_itself(tags in proptest::collection::vec(any::<u64>(), 0..60), changes in proptest::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        let bytes = mangled(&Filter::build(tags).unwrap().to_bytes(), &changes);
        match Filter::from_bytes(&bytes) {
            // One list has one form: what was read is written as the very bytes that came.
            Ok(filter) => prop_assert_eq!(filter.to_bytes(), bytes),
            Err(e) => prop_assert!(known(e.code())),
        }
    }

    #[test]
    fn mangled_changes_are_refused_or_read_back_as_themselves(added in proptest::collection::vec(any::<u64>(), 0..20), changes in proptest::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        let mut added = added;
        added.sort_unstable();
        let bytes = mangled(&Changes { added: added.clone(), removed: added.iter().map(|t| t ^ 1).collect() }.to_bytes(), &changes);
        match Changes::from_bytes(&bytes) {
            Ok(read) => prop_assert_eq!(read.to_bytes(), bytes),
            Err(e) => prop_assert!(known(e.code())),
        }
    }

    #[test]
    fn what_changes_take_in_they_take_out_again(before in proptest::collection::vec(any::<u64>(), 0..80), new in proptest::collection::vec(any::<u64>(), 0..40), gone in 0usize..80) {
        let after: Vec<u64> = before.iter().copied().skip(gone).chain(new).collect();
        let mut filter = Filter::build(before.clone()).unwrap();
        filter.apply(&Changes::between(before.clone(), after.clone())).unwrap();
        prop_assert!(after.iter().all(|t| filter.contains(*t)));
        prop_assert_eq!(filter.len(), after.len());
        filter.apply(&Changes::between(after, before.clone())).unwrap();
        prop_assert!(before.iter().all(|t| filter.contains(*t)));
        prop_assert_eq!(filter.len(), before.len());
    }

    #[test]
    fn any_bytes_are_a_public_key_and_a_proof_or_are_not(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(key) = PublicKey::from_bytes(&bytes) {
            prop_assert_eq!(key.to_bytes().to_vec(), bytes.clone());
        }
        if let Ok(proof) = Proof::from_bytes(&bytes) {
            prop_assert_eq!(proof.to_bytes().to_vec(), bytes);
        }
    }

    #[test]
    fn any_two_texts_are_compared_alike_from_both_sides(a in "\\PC{0,40}", b in "[a-zéñ ا-ي-]{0,40}") {
        let (x, y) = (Name::new(&a), Name::new(&b));
        let (forth, back) = (x.score(&y), y.score(&x));
        prop_assert!((0.0..=1.0).contains(&forth), "{}", forth);
        prop_assert!((forth - back).abs() < 0.35, "{} {}", forth, back);
        for width in [Width::Narrow, Width::Medium, Width::Wide] {
            let keys = x.keys(width);
            let mut once = keys.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), keys.len(), "no key twice");
        }
        prop_assert_eq!(x.keys(Width::Wide), Name::new(&a).keys(Width::Wide), "the same name has the same keys");
    }

    #[test]
    fn any_values_make_a_subject_or_are_refused_and_keys_are_typed_and_bounded(name in "\\PC{0,60}", birth in "h?[0-9]{1,4}(-[0-9]{1,2}){0,2}", value in "\\PC{0,30}", country in "[A-Za-z]{1,3}") {
        let mut subject = Subject::default();
        let before = subject.clone();
        for result in [subject.phone(&value), subject.plate(&country, &value), subject.document(&country, "passport", &value), subject.vessel(&value), subject.account(&value)] {
            if let Err(e) = result {
                prop_assert_eq!(e.code(), "refusal.matching.value");
            }
        }
        let identifiers = subject != before;
        let named = subject.name(&name).is_ok();
        let born = Birth::read(&birth).is_ok() && subject.birth(&birth).is_ok();
        let keys = [Side::List, Side::Question].map(|side| subject.keys(side));
        for keys in keys {
            match keys {
                Ok(keys) => {
                    prop_assert!(!keys.is_empty() && keys.len() <= KEYS_MAX);
                    prop_assert!(quality(&keys).is_some());
                    for key in &keys {
                        let input = String::from_utf8(key.input("hit-no-hit")).unwrap();
                        let begins = input.starts_with(&format!("hit-no-hit|{}|", key.kind.as_str()));
                        prop_assert!(begins);
                        prop_assert!(key.kind > KeyType::NameDate || (named && born), "no name leaves without a date");
                    }
                }
                Err(e) => prop_assert!(!identifiers && ["refusal.matching.too-little", "refusal.matching.too-much"].contains(&e.code())),
            }
        }
    }

    #[test]
    fn canonical_bytes_of_another_object_are_no_filter(version in 2u32.., count in any::<u64>()) {
        let e = Filter::from_bytes(&cbor::to_vec(&(version, count))).unwrap_err();
        prop_assert!(known(e.code()));
    }
}

#[test]
fn kernels_are_told_apart_by_their_names_and_the_quickest_comes_first() {
    let names: Vec<&str> = Kernel::all().map(Kernel::name).collect();
    let known: Vec<&str> = ["eight", "four", "portable"].into_iter().filter(|n| names.contains(n)).collect();
    assert_eq!((names.as_slice(), names.last()), (known.as_slice(), Some(&"portable")));
    assert_eq!(Kernel::best().name(), names[0]);
}
