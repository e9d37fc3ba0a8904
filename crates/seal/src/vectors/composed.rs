//! What this crate composes itself, X-Wing and HPKE over it, against published vectors and the `hpke` and `x-wing` crates.

use super::{unhex, unhex_array, xwing_from_seed};
use crate::{hpke as ours, xwing};
use hpke::aead::{AeadTag, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
use proptest::prelude::*;

/// draft-connolly-cfrg-xwing-kem, spec/test-vectors.json, as it is shipped with the x-wing crate 0.1.1.
const XWING: &str = include_str!("../../tests/vectors/xwing.json");

#[test]
fn the_drafts_xwing_vectors_open() {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(XWING).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let field = |name: &str| unhex(vector[name].as_str().unwrap());
        let secret = xwing_from_seed(&field("sk"));
        assert_eq!(secret.public()[..], field("pk"));
        assert_eq!(secret.decapsulate(&field("ct")).unwrap()[..], field("ss"));
    }
}

#[test]
fn what_we_encapsulate_the_other_implementation_decapsulates() {
    use x_wing::Decapsulate as _;
    let seed = [7; 32];
    let (encapsulated, shared) = xwing::PublicKey::new(xwing_from_seed(&seed).public()).unwrap().encapsulate().unwrap();
    let theirs = x_wing::DecapsulationKey::from(seed);
    assert_eq!(theirs.decapsulate(&encapsulated.into())[..], shared[..]);
}

/// RFC 9180, A.2.1: another KEM and AEAD, whose key has our length; proves the key schedule alone.
#[test]
fn rfc_9180_key_schedule() {
    let suite = [b'H', b'P', b'K', b'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x03];
    let shared = unhex("0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7");
    let (key, nonce) = ours::key_schedule(suite, &shared, &unhex("4f6465206f6e2061204772656369616e2055726e"));
    assert_eq!(*key, unhex_array("ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"));
    assert_eq!(*nonce, unhex_array("5c4d98150661b848853b547f"));
}

/// draft-ietf-hpke-pq, the set for X-Wing (0x647a) with HKDF-SHA256; from the seeds to the AEAD's key.
#[test]
fn hpke_pq_xwing_hkdf_sha256() {
    use x_wing::{DecapsulationKey, Decapsulator as _};
    let seed: [u8; 32] = unhex_array("3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630");
    let randomness: [u8; 64] =
        unhex_array("2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd190fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8");
    let (encapsulated, _) = DecapsulationKey::from(seed).encapsulation_key().encapsulate_deterministic(&randomness.into());
    let shared = xwing_from_seed(&seed).decapsulate(&encapsulated).unwrap();
    assert_eq!(*shared, unhex_array("58200ed1f137bd95a921bb47f6aaecf2395b26f7fd24efd3a5ffae4849e8dea3"));
    let suite = [b'H', b'P', b'K', b'E', 0x64, 0x7a, 0x00, 0x01, 0x00, 0x03];
    let (key, nonce) = ours::key_schedule(suite, &*shared, &unhex("34663634363532303666366532303631323034373732363536333639363136653230353537323665"));
    assert_eq!(*key, unhex_array("131c2ebb469b909a40915914afd7ff5e638888ac7195dcaaaef8f9a84f0e4030"));
    assert_eq!(*nonce, unhex_array("2b7a68f19e6cdbd43dda3c6d"));
}

/// Seals with the `hpke` crate.
fn their_seal(public: &[u8], info: &[u8], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let public = <XWing as hpke::Kem>::PublicKey::from_bytes(public).unwrap();
    let mut buffer = plaintext.to_vec();
    let (encapsulated, tag) =
        hpke::single_shot_seal_inout_detached::<AesGcm256, HkdfSha256, XWing>(&OpModeS::Base, &public, info, buffer.as_mut_slice().into(), aad).unwrap();
    buffer.extend_from_slice(&tag.to_bytes());
    (encapsulated.to_bytes().to_vec(), buffer)
}

/// Opens with the `hpke` crate.
fn their_open(seed: &[u8], encapsulated: &[u8], info: &[u8], aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let secret = <XWing as hpke::Kem>::PrivateKey::from_bytes(seed).unwrap();
    let encapsulated = <XWing as hpke::Kem>::EncappedKey::from_bytes(encapsulated).unwrap();
    let (body, tag) = ciphertext.split_at(ciphertext.len() - ours::TAG_BYTES);
    let tag = AeadTag::<AesGcm256>::from_bytes(tag).unwrap();
    let mut buffer = body.to_vec();
    let opened = hpke::single_shot_open_inout_detached::<AesGcm256, HkdfSha256, XWing>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        info,
        buffer.as_mut_slice().into(),
        aad,
        &tag,
    );
    opened.is_ok().then_some(buffer)
}

/// Seals with this crate.
fn our_seal(to: &xwing::PublicKey, info: &[u8], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (encapsulated, sealing) = ours::Sealing::begin(to, info).unwrap();
    let mut buffer = plaintext.to_vec();
    let tag = sealing.seal(aad, &mut buffer).unwrap();
    buffer.extend(tag);
    (encapsulated.to_vec(), buffer)
}

/// Opens with this crate.
fn our_open(secret: &xwing::SecretKey, encapsulated: &[u8], info: &[u8], aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    ours::open(secret, encapsulated, info, aad, &mut ciphertext.to_vec()).map(|plaintext| plaintext.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn both_implementations_of_hpke_open_each_other(seed: [u8; 32], info: Vec<u8>, aad: Vec<u8>, plaintext: Vec<u8>) {
        let secret = xwing_from_seed(&seed);
        let public = xwing::PublicKey::new(secret.public()).unwrap();
        let (encapsulated, ciphertext) = our_seal(&public, &info, &aad, &plaintext);
        prop_assert_eq!(their_open(&seed, &encapsulated, &info, &aad, &ciphertext), Some(plaintext.clone()));
        let (encapsulated, ciphertext) = their_seal(secret.public(), &info, &aad, &plaintext);
        prop_assert_eq!(our_open(&secret, &encapsulated, &info, &aad, &ciphertext), Some(plaintext));
        let other = [&aad[..], b"x"].concat();
        prop_assert_eq!(our_open(&secret, &encapsulated, &info, &other, &ciphertext), None);
        prop_assert_eq!(our_open(&secret, &encapsulated, &other, &aad, &ciphertext), None);
    }

    #[test]
    fn a_changed_bit_opens_nothing(plaintext in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let secret = xwing::SecretKey::generate();
        let public = xwing::PublicKey::new(secret.public()).unwrap();
        let (encapsulated, ciphertext) = our_seal(&public, b"i", b"a", &plaintext);
        let mut whole = [&encapsulated[..], &ciphertext].concat();
        let place = at.index(whole.len());
        whole[place] ^= 1 << bit;
        let (encapsulated, ciphertext) = whole.split_at(xwing::ENCAPSULATED_BYTES);
        prop_assert_eq!(our_open(&secret, encapsulated, b"i", b"a", ciphertext), None);
    }
}

#[test]
fn keys_of_the_other_implementation_are_keys_here() {
    let (secret, public) = XWing::gen_keypair();
    assert_eq!(xwing_from_seed(&secret.to_bytes()).public()[..], public.to_bytes()[..]);
}
