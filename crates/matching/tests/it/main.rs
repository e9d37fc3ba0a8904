//! Stories of hit/no-hit through the crate's door: attacks, published vectors, properties.

mod attacks;
mod name_families;
mod properties;
mod vectors;

use base::Entropy;
use entente_matching::oprf::{Kernel, Key};

/// SplitMix64: the same bytes for the same seed.
pub struct Seeded(pub u64);

impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Runs a story with every kernel that this processor has.
pub fn with_kernels(story: impl Fn(Kernel)) {
    story(Kernel::Portable);
    match Kernel::best() {
        Kernel::Portable => eprintln!("NOT CHECKED: this processor has no AVX-512 IFMA, so the eight-lane kernel was not run"),
        best => story(best),
    }
}

/// A key from a seed.
pub fn key(seed: u8, kernel: Kernel) -> Key {
    Key::derive(&[seed; 32], b"hit-no-hit", kernel).expect("a seed that gives a key")
}
