//! Published vectors and second implementations against this crate's compositions, and the golden file of our own wire objects.

mod composed;
mod exhibit;
mod published;
mod wire;

pub use wire::wire_draft;

use crate::xwing;
use shake::Shake256;
use shake::digest::{ExtendableOutput as _, Update as _, XofReader as _};

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

pub fn unhex_array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().unwrap()
}

/// Expands a 32-byte X-Wing seed (draft-connolly-cfrg-xwing-kem, 5.2) with pure-Rust code that shares nothing with AWS-LC.
pub fn xwing_from_seed(seed: &[u8]) -> xwing::SecretKey {
    let mut expanded = [0; 96];
    let mut shake = Shake256::default();
    shake.update(seed);
    shake.finalize_xof().read(&mut expanded);
    xwing::SecretKey::from_bytes(&[&expanded_ml_kem(expanded[..64].try_into().unwrap()), &expanded[64..]].concat()).unwrap()
}

/// Expands a 64-byte ML-KEM-768 seed (FIPS 203, 7.1) into the form that AWS-LC takes.
#[allow(deprecated)] // the form is out of favour, but AWS-LC takes no seed
pub fn expanded_ml_kem(seed: [u8; 64]) -> Vec<u8> {
    use ml_kem::ExpandedKeyEncoding as _;
    ml_kem::DecapsulationKey::<ml_kem::MlKem768>::from_seed(seed.into()).to_expanded_bytes().to_vec()
}
