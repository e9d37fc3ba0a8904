//! The door: safe functions that step into code for the instructions that were found.

#![allow(unsafe_code)]

use crate::hash::Begun;
use crate::{eight, four};

/// Proof that this processor has the instructions of a kernel; [`Lanes::eight`] and [`Lanes::four`] alone make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(Width);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Eight,
    Four,
}

/// Group elements, ready for further work by the kernel that mapped or decoded them.
#[derive(Clone)]
pub struct Group {
    points: Points,
    count: usize,
}

#[derive(Clone)]
enum Points {
    Eight(Vec<eight::group::Point>),
    Four(Vec<four::group::Point>),
}

/// Steps into a function of the kernel that was found.
macro_rules! step {
    ($lanes:expr, $function:ident($($argument:expr),*)) => {
        match $lanes.0 {
            // SAFETY: the only precondition of a `target_feature` function is that the processor has the features; this value exists only
            // after `eight` has seen all three of them. The functions themselves are safe code.
            Width::Eight => unsafe { eight::batch::$function($($argument),*) }.into(),
            // SAFETY: as above; this value exists only after `four` has seen AVX2.
            Width::Four => unsafe { four::batch::$function($($argument),*) }.into(),
        }
    };
}

/// Steps into a function of the kernel that has made these points.
macro_rules! step_with {
    ($points:expr, $function:ident($($argument:expr),*)) => {
        match $points {
            // SAFETY: points are made by `step` alone, which had the proof.
            Points::Eight(points) => unsafe { eight::batch::$function(points, $($argument),*) }.into(),
            // SAFETY: as above.
            Points::Four(points) => unsafe { four::batch::$function(points, $($argument),*) }.into(),
        }
    };
}

impl From<Vec<eight::group::Point>> for Points {
    fn from(points: Vec<eight::group::Point>) -> Points {
        Points::Eight(points)
    }
}

impl From<Vec<four::group::Point>> for Points {
    fn from(points: Vec<four::group::Point>) -> Points {
        Points::Four(points)
    }
}

impl Lanes {
    /// Looks whether this processor, and the operating system on it, offer AVX-512 F, DQ and IFMA: eight lanes.
    pub fn eight() -> Option<Lanes> {
        let here = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512ifma");
        here.then_some(Lanes(Width::Eight))
    }

    /// Looks whether this processor, and the operating system on it, offer AVX2: four lanes.
    pub fn four() -> Option<Lanes> {
        is_x86_feature_detected!("avx2").then_some(Lanes(Width::Four))
    }

    /// Returns the kernel's name, for measurements.
    pub fn name(self) -> &'static str {
        match self.0 {
            Width::Eight => "eight",
            Width::Four => "four",
        }
    }

    /// Maps uniform strings of 64 bytes to group elements (RFC 9496, 4.3.4).
    pub fn map(self, uniform: &[[u8; 64]]) -> Group {
        Group { points: step!(self, map(uniform)), count: uniform.len() }
    }

    /// Decodes elements, the identity too; the error is the place of the first string that is no canonical encoding.
    pub fn decode(self, encoded: &[[u8; 32]]) -> Result<Group, usize> {
        let points = match self.0 {
            // SAFETY: as in `step`.
            Width::Eight => unsafe { eight::batch::decode(encoded) }.map(Points::Eight),
            // SAFETY: as in `step`.
            Width::Four => unsafe { four::batch::decode(encoded) }.map(Points::Four),
        };
        points.map(|points| Group { points, count: encoded.len() })
    }

    /// Hashes whole blocks of 128 bytes that other messages share as their beginning.
    pub fn sha512_begin(self, blocks: &[u8]) -> Begun {
        step!(self, sha512_begin(blocks))
    }

    /// Hashes messages with SHA-512 (FIPS 180-4), each behind the same beginning; the time tells their lengths and nothing else.
    pub fn sha512(self, begun: &Begun, messages: &[&[u8]]) -> Vec<[u8; 64]> {
        step!(self, sha512(begun, messages))
    }
}

impl Group {
    fn of(&self, points: Points) -> Group {
        Group { points, count: self.count }
    }

    /// Doubles all.
    pub fn double(&self) -> Group {
        self.of(step_with!(&self.points, double()))
    }

    /// Multiplies all by one scalar, little-endian and below the group's order; constant in time.
    pub fn times(&self, scalar: &[u8; 32]) -> Group {
        self.of(step_with!(&self.points, times(scalar)))
    }

    /// Multiplies the first elements, as many as there are scalars, each by its own, little-endian and below the group's order; constant in
    /// time in the scalars.
    pub fn times_each(&self, scalars: &[[u8; 32]]) -> Group {
        assert!(scalars.len() <= self.count, "no more scalars than elements");
        Group { points: step_with!(&self.points, times_each(scalars)), count: scalars.len() }
    }

    /// Encodes the **doubles** of all: what wants the encoding of P works out half of P, and pays no square root.
    pub fn encode_doubles(&self) -> Vec<[u8; 32]> {
        let mut all: Vec<[u8; 32]> = step_with!(&self.points, encode());
        all.truncate(self.count);
        all
    }

    /// Adds up products of the elements and **public** scalars; returns the encodings of the doubles of some partial sums.
    pub fn sum_products(&self, scalars: &[[u8; 32]]) -> Vec<[u8; 32]> {
        assert_eq!(scalars.len(), self.count, "a scalar for each element");
        let sums: Points = step_with!(&self.points, sum_products(scalars));
        step_with!(&sums, encode())
    }
}
