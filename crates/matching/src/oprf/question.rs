//! Who asks: blinds inputs, checks the answer's proof, takes the blinds off.

use super::kernel::{Batch, Kernel};
use super::suite::Expander;
use super::{BATCH_MAX, OprfFault, Output, Proof, PublicKey};
use base::Entropy;
use curve25519_dalek::scalar::Scalar;
use zeroize::{Zeroize, Zeroizing};

/// An answer: one element for each that was asked, and one proof for all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluated {
    /// The evaluated elements, in the order of the question.
    pub elements: Vec<[u8; 32]>,
    /// That one key made them all.
    pub proof: Proof,
}

/// A question under way: inputs with their blinds, which never leave this side.
pub struct Question {
    inputs: Vec<Zeroizing<Vec<u8>>>,
    blinds: Vec<Scalar>,
    blinded: Vec<[u8; 32]>,
    batch: Batch,
    kernel: Kernel,
    expander: Expander,
}

impl Question {
    /// Blinds inputs; `pad_to` rounds the number of elements up, so that it does not tell how many keys a subject has (1 for none).
    ///
    /// What is filled up are random elements that nobody can tell from the others. Refuses no inputs and too many.
    pub fn blind<I: AsRef<[u8]>>(inputs: &[I], pad_to: usize, entropy: &mut dyn Entropy, kernel: Kernel) -> Result<Question, OprfFault> {
        let count = inputs.len().next_multiple_of(pad_to.max(1));
        if inputs.is_empty() || count > BATCH_MAX {
            return Err(OprfFault::Count { found: count, expected: BATCH_MAX });
        }
        Question::with_blinds(inputs, draw(count, entropy), entropy, kernel)
    }

    pub(super) fn with_blinds<I: AsRef<[u8]>>(inputs: &[I], blinds: Vec<Scalar>, entropy: &mut dyn Entropy, kernel: Kernel) -> Result<Question, OprfFault> {
        let expander = Expander::new(kernel);
        let mut uniform = expander.uniform(inputs)?;
        let known = uniform.len();
        uniform.resize(blinds.len(), [0; 64]);
        entropy.fill(uniform[known..].as_flattened_mut());
        let halves = kernel.map(&uniform).halves_of_each(&blinds);
        uniform.zeroize();
        let (blinded, batch) = (halves.encoded_doubles(), halves.doubled());
        let inputs = inputs.iter().map(|i| Zeroizing::new(i.as_ref().to_vec())).collect();
        Ok(Question { inputs, blinds, blinded, batch, kernel, expander })
    }

    /// Takes a question up again that was sent before: its inputs, their blinds, and all elements as they were sent.
    ///
    /// Refuses blinds that are none, and elements that are not as many as the inputs at least.
    pub fn resume<I: AsRef<[u8]>>(inputs: &[I], openings: &[[u8; 32]], blinded: Vec<[u8; 32]>, kernel: Kernel) -> Result<Question, OprfFault> {
        if inputs.is_empty() || inputs.len() != openings.len() || blinded.len() < inputs.len() || blinded.len() > BATCH_MAX {
            return Err(OprfFault::Count { found: blinded.len(), expected: inputs.len() });
        }
        let blind = |bytes: &[u8; 32]| Scalar::from_canonical_bytes(*bytes).into_option().filter(|s| *s != Scalar::ZERO).ok_or(OprfFault::Form("blind"));
        let mut blinds = openings.iter().map(blind).collect::<Result<Vec<_>, _>>()?;
        blinds.resize(blinded.len(), Scalar::ONE);
        let batch = kernel.decode(&blinded)?;
        let inputs = inputs.iter().map(|i| Zeroizing::new(i.as_ref().to_vec())).collect();
        Ok(Question { inputs, blinds, blinded, batch, kernel, expander: Expander::new(kernel) })
    }

    /// Returns the blinded elements, to be sent. Each is also a commitment to its input that an auditor can have opened later.
    pub fn blinded(&self) -> &[[u8; 32]] {
        &self.blinded
    }

    /// Returns the blinds of the inputs, 32 bytes each, to be kept under a seal for an auditor.
    pub fn openings(&self) -> Vec<Zeroizing<[u8; 32]>> {
        self.blinds.iter().take(self.inputs.len()).map(|b| Zeroizing::new(b.to_bytes())).collect()
    }

    /// Tells whether an input and a blind open a blinded element that was logged.
    pub fn opens(input: &[u8], blind: &[u8; 32], blinded: &[u8; 32], kernel: Kernel) -> bool {
        let Some(blind) = Scalar::from_canonical_bytes(*blind).into_option() else { return false };
        let Ok(uniform) = Expander::new(kernel).uniform(&[input]) else { return false };
        blind != Scalar::ZERO && kernel.map(&uniform).times(&blind) == [*blinded]
    }

    /// Checks the answer against the published key and returns the outputs, in the order of the inputs.
    pub fn finish(&self, answer: &Evaluated, public: &PublicKey) -> Result<Vec<Output>, OprfFault> {
        if answer.elements.len() != self.blinded.len() {
            return Err(OprfFault::Count { found: answer.elements.len(), expected: self.blinded.len() });
        }
        let evaluated = self.kernel.decode(&answer.elements)?;
        answer.proof.check(&self.expander, public, (&self.batch, &self.blinded), (&evaluated, &answer.elements))?;
        // What filled the batch up is never unblinded.
        let mut inverses = self.blinds[..self.inputs.len()].to_vec();
        Scalar::invert_batch_alloc(&mut inverses);
        let unblinded = evaluated.halves_of_each(&inverses).encoded_doubles();
        inverses.zeroize();
        let inputs: Vec<&[u8]> = self.inputs.iter().map(|i| i.as_slice()).collect();
        Ok(self.expander.finalize(&inputs, &unblinded).into_iter().map(Output).collect())
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.blinds.zeroize();
    }
}

/// Draws scalars, none of them zero.
fn draw(count: usize, entropy: &mut dyn Entropy) -> Vec<Scalar> {
    let mut drawn = Zeroizing::new(vec![0; 64 * count]);
    loop {
        // A zero comes once in 2^252 times; then all are drawn anew.
        entropy.fill(&mut drawn);
        let scalars: Vec<Scalar> = drawn.as_chunks().0.iter().map(Scalar::from_bytes_mod_order_wide).collect();
        if !scalars.contains(&Scalar::ZERO) {
            return scalars;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oprf::Key;

    /// Counts up: enough for what is compared here.
    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, buffer: &mut [u8]) {
            for b in buffer {
                self.0 = self.0.wrapping_mul(5).wrapping_add(3);
                *b = self.0;
            }
        }
    }

    #[test]
    fn a_question_that_was_laid_down_is_taken_up_again() {
        let inputs = ["a", "b", "c"];
        let question = Question::blind(&inputs, 8, &mut Counting(1), Kernel::Portable).unwrap();
        let openings: Vec<[u8; 32]> = question.openings().iter().map(|o| **o).collect();
        let key = Key::generate(&mut Counting(2), Kernel::Portable);
        let answer = key.evaluate(question.blinded(), &mut Counting(3)).unwrap();
        let again = Question::resume(&inputs, &openings, question.blinded().to_vec(), Kernel::Portable).unwrap();
        let tags = |q: &Question| q.finish(&answer, key.public()).unwrap().iter().map(|o| o.tag()).collect::<Vec<_>>();
        assert_eq!(tags(&again), tags(&question));
        let refused = |openings: &[[u8; 32]], blinded: Vec<[u8; 32]>| Question::resume(&inputs, openings, blinded, Kernel::Portable).err();
        assert_eq!(refused(&openings[..2], question.blinded().to_vec()), Some(OprfFault::Count { found: 8, expected: 3 }));
        assert_eq!(refused(&openings, question.blinded()[..2].to_vec()), Some(OprfFault::Count { found: 2, expected: 3 }));
        assert_eq!(refused(&[[0; 32]; 3], question.blinded().to_vec()), Some(OprfFault::Form("blind")));
    }
}
