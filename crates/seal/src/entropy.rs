//! The system's randomness behind the seam that `base` declares.

use base::Entropy;

/// Draws from the operating system through AWS-LC's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, buffer: &mut [u8]) {
        // Without randomness nothing here is safe to go on with.
        aws_lc_rs::rand::fill(buffer).expect("the operating system gives no randomness");
    }
}
