//! Group work in batches, on the instructions that the processor has: eight lanes, or curve25519-dalek everywhere.
//!
//! Both do the same: the tests of `lanes` compare lane by lane, ours compare whole batches.

use super::OprfFault;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use lanes::{Eight, LANES, Points};
use zeroize::{Zeroize, Zeroizing};

/// Which code does the group work.
#[derive(Clone, Copy, Debug)]
pub enum Kernel {
    /// curve25519-dalek, on every processor.
    Portable,
    /// Eight lanes of AVX-512 IFMA.
    Eight(Eight),
}

/// Group elements that were decoded or mapped.
#[derive(Clone)]
pub(super) enum Batch {
    Portable(Vec<RistrettoPoint>),
    Eight(Eight, Vec<Points>, usize),
}

type Encoded = [u8; 32];

impl Kernel {
    /// Returns the quickest that this processor can run.
    pub fn best() -> Kernel {
        Eight::find().map_or(Kernel::Portable, Kernel::Eight)
    }

    /// Returns its name, for measurements.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Portable => "portable",
            Kernel::Eight(_) => "eight",
        }
    }

    /// Maps uniform strings to the group.
    pub(super) fn map(self, uniform: &[[u8; 64]]) -> Batch {
        match self {
            Kernel::Portable => Batch::Portable(uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect()),
            Kernel::Eight(eight) => Batch::Eight(eight, by_eight(uniform, [0; 64]).map(|u| eight.from_uniform(&u)).collect(), uniform.len()),
        }
    }

    /// Decodes elements; refuses what is not canonical, and the identity.
    pub(super) fn decode(self, encoded: &[Encoded]) -> Result<Batch, OprfFault> {
        if let Some(identity) = encoded.iter().position(|e| *e == [0; 32]) {
            return Err(OprfFault::Identity(identity));
        }
        match self {
            Kernel::Portable => {
                let decode = |(i, e): (usize, &Encoded)| CompressedRistretto(*e).decompress().ok_or(OprfFault::Element(i));
                encoded.iter().enumerate().map(decode).collect::<Result<_, _>>().map(Batch::Portable)
            }
            Kernel::Eight(eight) => {
                let mut all = Vec::with_capacity(encoded.len().div_ceil(LANES));
                for (group, e) in by_eight(encoded, [0; 32]).enumerate() {
                    let (good, points) = eight.decode(&e);
                    if good != u8::MAX {
                        return Err(OprfFault::Element(group * LANES + good.trailing_ones() as usize));
                    }
                    all.push(points);
                }
                Ok(Batch::Eight(eight, all, encoded.len()))
            }
        }
    }
}

impl Batch {
    /// Multiplies all by one secret and encodes.
    pub(super) fn times(&self, scalar: &Scalar) -> Vec<Encoded> {
        self.products(scalar.div_by_2()).encoded_doubles()
    }

    /// Multiplies each by its own secret; returns the halves of the products, which are cheaper to encode.
    pub(super) fn halves_of_each(&self, scalars: &[Scalar]) -> Batch {
        match self {
            Batch::Portable(points) => Batch::Portable(points.iter().zip(scalars).map(|(p, s)| p * s.div_by_2()).collect()),
            Batch::Eight(eight, groups, count) => {
                let mut halves: Vec<Encoded> = scalars.iter().map(|s| s.div_by_2().to_bytes()).collect();
                let multiplied = groups.iter().zip(by_eight(&halves, [0; 32])).map(|(g, s)| eight.multiply_each(g, &s)).collect();
                halves.zeroize();
                Batch::Eight(*eight, multiplied, *count)
            }
        }
    }

    /// Doubles all.
    pub(super) fn doubled(&self) -> Batch {
        match self {
            Batch::Portable(points) => Batch::Portable(points.iter().map(|p| p + p).collect()),
            Batch::Eight(eight, groups, count) => Batch::Eight(*eight, groups.iter().map(|g| eight.double(g)).collect(), *count),
        }
    }

    /// Encodes the doubles of all: for a batch that is many times cheaper than encoding points one by one.
    pub(super) fn encoded_doubles(&self) -> Vec<Encoded> {
        match self {
            Batch::Portable(points) => RistrettoPoint::double_and_compress_batch(points).iter().map(CompressedRistretto::to_bytes).collect(),
            Batch::Eight(eight, groups, count) => {
                let mut all = eight.encode_doubles(groups).into_flattened();
                all.truncate(*count);
                all
            }
        }
    }

    /// Adds up the products with public scalars; not constant in time.
    pub(super) fn sum(&self, scalars: &[Scalar]) -> RistrettoPoint {
        match self {
            Batch::Portable(points) => RistrettoPoint::vartime_multiscalar_mul(scalars, points),
            Batch::Eight(eight, groups, _) => {
                let halves: Vec<Encoded> = scalars.iter().map(|s| s.div_by_2().to_bytes()).collect();
                let halves: Vec<[Encoded; LANES]> = by_eight(&halves, [0; 32]).collect();
                let parts = eight.encode_doubles(&[eight.sum_products(groups, &halves)]);
                parts.as_flattened().iter().map(|p| CompressedRistretto(*p).decompress().expect("our own encoding")).sum()
            }
        }
    }

    fn products(&self, scalar: Scalar) -> Batch {
        match self {
            Batch::Portable(points) => Batch::Portable(points.iter().map(|p| p * scalar).collect()),
            Batch::Eight(eight, groups, count) => {
                let bytes = Zeroizing::new(scalar.to_bytes());
                Batch::Eight(*eight, groups.iter().map(|g| eight.multiply(g, &bytes)).collect(), *count)
            }
        }
    }
}

/// Goes over a slice in groups of eight; the last is filled up.
fn by_eight<T: Copy>(all: &[T], filler: T) -> impl Iterator<Item = [T; LANES]> {
    all.chunks(LANES).map(move |c| core::array::from_fn(|i| c.get(i).copied().unwrap_or(filler)))
}
