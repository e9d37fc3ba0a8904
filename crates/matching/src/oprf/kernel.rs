//! Group work in batches, on the instructions that the processor has: eight lanes, four lanes, or curve25519-dalek everywhere.
//!
//! All do the same: the tests of `lanes` compare element by element, ours compare whole batches.

use super::OprfFault;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use lanes::{Group, Lanes};
use zeroize::{Zeroize, Zeroizing};

/// Which code does the group work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// curve25519-dalek, on every processor.
    Portable,
    /// Eight lanes of AVX-512 IFMA, or four of AVX2.
    Lanes(Lanes),
}

/// Group elements that were decoded or mapped.
#[derive(Clone)]
pub(super) enum Batch {
    Portable(Vec<RistrettoPoint>),
    Lanes(Group),
}

type Encoded = [u8; 32];

impl Kernel {
    /// Returns all that this processor can run, the quickest first.
    pub fn all() -> impl Iterator<Item = Kernel> {
        [Lanes::eight(), Lanes::four()].into_iter().flatten().map(Kernel::Lanes).chain([Kernel::Portable])
    }

    /// Returns the quickest that this processor can run.
    pub fn best() -> Kernel {
        Kernel::all().next().unwrap_or(Kernel::Portable)
    }

    /// Returns its name, for measurements.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Portable => "portable",
            Kernel::Lanes(lanes) => lanes.name(),
        }
    }

    /// Maps uniform strings to the group.
    pub(super) fn map(self, uniform: &[[u8; 64]]) -> Batch {
        match self {
            Kernel::Portable => Batch::Portable(uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect()),
            Kernel::Lanes(lanes) => Batch::Lanes(lanes.map(uniform)),
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
            Kernel::Lanes(lanes) => lanes.decode(encoded).map(Batch::Lanes).map_err(OprfFault::Element),
        }
    }
}

impl Batch {
    /// Multiplies all by one secret and encodes.
    pub(super) fn times(&self, scalar: &Scalar) -> Vec<Encoded> {
        self.products(scalar.div_by_2()).encoded_doubles()
    }

    /// Multiplies the first elements, as many as there are secrets, each by its own; returns the halves of the products, which are cheaper to
    /// encode.
    pub(super) fn halves_of_each(&self, scalars: &[Scalar]) -> Batch {
        match self {
            Batch::Portable(points) => Batch::Portable(points.iter().zip(scalars).map(|(p, s)| p * s.div_by_2()).collect()),
            Batch::Lanes(group) => {
                let mut halves = halves(scalars);
                let multiplied = group.times_each(&halves);
                halves.zeroize();
                Batch::Lanes(multiplied)
            }
        }
    }

    /// Doubles all.
    pub(super) fn doubled(&self) -> Batch {
        match self {
            Batch::Portable(points) => Batch::Portable(points.iter().map(|p| p + p).collect()),
            Batch::Lanes(group) => Batch::Lanes(group.double()),
        }
    }

    /// Encodes the doubles of all: for a batch that is many times cheaper than encoding points one by one.
    pub(super) fn encoded_doubles(&self) -> Vec<Encoded> {
        match self {
            Batch::Portable(points) => RistrettoPoint::double_and_compress_batch(points).iter().map(CompressedRistretto::to_bytes).collect(),
            Batch::Lanes(group) => group.encode_doubles(),
        }
    }

    /// Adds up the products with public scalars; not constant in time.
    pub(super) fn sum(&self, scalars: &[Scalar]) -> RistrettoPoint {
        match self {
            Batch::Portable(points) => RistrettoPoint::vartime_multiscalar_mul(scalars, points),
            Batch::Lanes(group) => {
                let parts = group.sum_products(&halves(scalars));
                parts.iter().map(|p| CompressedRistretto(*p).decompress().expect("our own encoding")).sum()
            }
        }
    }

    fn products(&self, scalar: Scalar) -> Batch {
        match self {
            Batch::Portable(points) => Batch::Portable(points.iter().map(|p| p * scalar).collect()),
            Batch::Lanes(group) => Batch::Lanes(group.times(&Zeroizing::new(scalar.to_bytes()))),
        }
    }
}

/// Half of each scalar: what is encoded is doubled on the way.
fn halves(scalars: &[Scalar]) -> Vec<Encoded> {
    scalars.iter().map(|s| s.div_by_2().to_bytes()).collect()
}
