//! The strings and hashes of the suite: RFC 9497, sections 3.1, 4.1 and 4.6; expand_message_xmd of RFC 9380, 5.3.1.

use super::OprfFault;
use super::kernel::Kernel;
use curve25519_dalek::scalar::Scalar;
use lanes::{Begun, Lanes};
use sha2::digest::Update;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// Bytes of one input: lengths are written in two bytes.
pub const INPUT_BYTES_MAX: usize = 65_535;

/// Messages that are written before they are hashed together; a multiple of every number of lanes.
const AT_A_TIME: usize = 8;

/// The context string: version, mode 1 (verifiable), suite.
macro_rules! with_context {
    ($label:literal) => {
        concat!($label, "OPRFV1-\x01-ristretto255-SHA512").as_bytes()
    };
}
const TO_GROUP: &[u8] = with_context!("HashToGroup-");
const TO_SCALAR: &[u8] = with_context!("HashToScalar-");
const DERIVE: &[u8] = with_context!("DeriveKeyPair");
pub(super) const SEED: &[u8] = with_context!("Seed-");

/// Where every expansion begins, the hash of 128 zero bytes (Z_pad), and how hashes of many messages are worked out.
#[derive(Clone)]
pub(super) struct Expander {
    padded: Sha512,
    lanes: Option<(Lanes, Begun, Begun)>,
}

impl Expander {
    pub(super) fn new(kernel: Kernel) -> Expander {
        let lanes = match kernel {
            Kernel::Portable => None,
            Kernel::Lanes(lanes) => Some((lanes, lanes.sha512_begin(&[0; 128]), lanes.sha512_begin(&[]))),
        };
        Expander { padded: Sha512::new().chain([0; 128]), lanes }
    }

    /// Expands a message to 64 bytes.
    fn expand(&self, parts: &[&[u8]], domain: &[u8]) -> [u8; 64] {
        let mut first = self.padded.clone();
        parts.iter().for_each(|p| Update::update(&mut first, p));
        let b0 = first.chain([0, 64, 0]).chain(domain).chain([length(domain)]).finalize();
        Sha512::new().chain(b0).chain([1]).chain(domain).chain([length(domain)]).finalize().into()
    }

    /// Expands many messages; `write` appends message n to what it is given.
    fn expand_all(&self, count: usize, write: impl Fn(usize, &mut Vec<u8>), domain: &[u8]) -> Vec<[u8; 64]> {
        let Some((lanes, padded, empty)) = &self.lanes else {
            let mut message = Zeroizing::new(Vec::new());
            let expand = |n| {
                message.clear();
                write(n, &mut message);
                self.expand(&[&message], domain)
            };
            return (0..count).map(expand).collect();
        };
        let end = [domain, &[length(domain)]].concat();
        let first = hash_all(*lanes, padded, count, |n, message| {
            write(n, message);
            message.extend([0, 64, 0]);
            message.extend(&end);
        });
        hash_all(*lanes, empty, count, |n, message| {
            message.extend(first[n]);
            message.push(1);
            message.extend(&end);
        })
    }

    /// Hashes inputs to the uniform strings that the group's map takes.
    pub(super) fn uniform<I: AsRef<[u8]>>(&self, inputs: &[I]) -> Result<Vec<[u8; 64]>, OprfFault> {
        if let Some(long) = inputs.iter().find(|i| i.as_ref().len() > INPUT_BYTES_MAX) {
            return Err(OprfFault::Input(long.as_ref().len()));
        }
        Ok(self.expand_all(inputs.len(), |n, message| message.extend(inputs[n].as_ref()), TO_GROUP))
    }

    pub(super) fn scalar(&self, parts: &[&[u8]]) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.expand(parts, TO_SCALAR))
    }

    /// Hashes many messages to scalars, as [`Expander::scalar`] does one.
    pub(super) fn scalars(&self, count: usize, write: impl Fn(usize, &mut Vec<u8>)) -> Vec<Scalar> {
        self.expand_all(count, write, TO_SCALAR).iter().map(Scalar::from_bytes_mod_order_wide).collect()
    }

    /// Derives a secret key from a seed (RFC 9497, 3.2.1); the chance of failure is negligible, and then another seed is needed.
    pub(super) fn derive(&self, seed: &[u8; 32], info: &[u8]) -> Option<Scalar> {
        let length = u16::try_from(info.len()).ok()?.to_be_bytes();
        (0..=255u8).map(|counter| Scalar::from_bytes_mod_order_wide(&self.expand(&[seed, &length, info, &[counter]], DERIVE))).find(|key| *key != Scalar::ZERO)
    }

    /// Hashes inputs, which were measured before, and their unblinded elements to outputs (RFC 9497, 3.3.1).
    pub(super) fn finalize<I: AsRef<[u8]>>(&self, inputs: &[I], elements: &[[u8; 32]]) -> Vec<[u8; 64]> {
        let count = inputs.len().min(elements.len());
        let length = |input: &[u8]| u16::try_from(input.len()).expect("inputs were measured before").to_be_bytes();
        match &self.lanes {
            None => {
                let one = |(i, e): (&I, &[u8; 32])| {
                    let input = i.as_ref();
                    Sha512::new().chain(length(input)).chain(input).chain([0, 32]).chain(e).chain(b"Finalize").finalize().into()
                };
                inputs.iter().zip(elements).map(one).collect()
            }
            Some((lanes, _, empty)) => hash_all(*lanes, empty, count, |n, message| {
                let input = inputs[n].as_ref();
                message.extend(length(input));
                message.extend(input);
                message.extend([0, 32]);
                message.extend(elements[n]);
                message.extend(b"Finalize");
            }),
        }
    }
}

fn length(domain: &[u8]) -> u8 {
    u8::try_from(domain.len()).expect("our domains are short")
}

/// Hashes messages behind one beginning, some at a time; what they were is wiped.
fn hash_all(lanes: Lanes, begun: &Begun, count: usize, write: impl Fn(usize, &mut Vec<u8>)) -> Vec<[u8; 64]> {
    let mut messages: [Zeroizing<Vec<u8>>; AT_A_TIME] = std::array::from_fn(|_| Zeroizing::new(Vec::with_capacity(256)));
    let mut out = Vec::with_capacity(count);
    for from in (0..count).step_by(AT_A_TIME) {
        let here = AT_A_TIME.min(count - from);
        for (n, message) in messages[..here].iter_mut().enumerate() {
            message.clear();
            write(from + n, message);
        }
        out.extend(lanes.sha512(begun, &messages.each_ref().map(|m| m.as_slice())[..here]));
    }
    out
}
