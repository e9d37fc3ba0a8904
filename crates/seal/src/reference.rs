//! What is sealed for a hit: under a key that only who asked for that very input can work out (AES-256-GCM, NIST SP 800-38D).

use crate::rest::{ItemKey, RestFailure};
use base::Entropy;

/// Seals what belongs to a hit; `aad` names the question, so that an answer serves no other one.
pub fn seal_reference(key: &[u8; 32], aad: &[u8], plaintext: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
    ItemKey::from_bytes(*key).seal(aad, plaintext, entropy)
}

/// Opens it; whoever asked for another input, or for this one under another question, cannot.
pub fn open_reference(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, RestFailure> {
    ItemKey::from_bytes(*key).open(aad, sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn a_reference_opens_for_its_input_and_its_question_alone() {
        let sealed = seal_reference(&[1; 32], b"question 1", b"ES/2025/9", &mut SystemEntropy);
        assert_eq!(open_reference(&[1; 32], b"question 1", &sealed).as_deref(), Ok(&b"ES/2025/9"[..]));
        assert!(open_reference(&[2; 32], b"question 1", &sealed).is_err());
        assert!(open_reference(&[1; 32], b"question 2", &sealed).is_err());
    }
}
