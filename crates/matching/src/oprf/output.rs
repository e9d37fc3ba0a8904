//! What an input comes to under a key: the tag that stands in a filter, and what is fetched and opened after a hit.

use sha2::digest::Update;
use sha2::{Digest, Sha512};
use zeroize::Zeroize;

/// The function's output for one input, 64 bytes; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Output(pub(super) [u8; 64]);

impl Output {
    /// Returns the tag for filters: the first eight bytes, as a number.
    pub fn tag(&self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("64 bytes"))
    }

    /// Returns the name under which the holder of the list keeps what belongs to a hit.
    pub fn fetch_tag(&self) -> [u8; 32] {
        self.derive(b"fetch")
    }

    /// Returns the key under which that is sealed, so that only who has asked for this very input can open it.
    pub fn seal_key(&self) -> [u8; 32] {
        self.derive(b"seal")
    }

    /// Returns the output itself.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    fn derive(&self, label: &[u8]) -> [u8; 32] {
        let hash: [u8; 64] = Sha512::new().chain(self.0).chain(label).finalize().into();
        hash[..32].try_into().expect("64 bytes")
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output(..)")
    }
}
