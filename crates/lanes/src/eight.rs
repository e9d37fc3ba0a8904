//! The door: safe functions that step into code for the instructions that were found.

#![allow(unsafe_code)]

use crate::group::{Point, encode_doubles};
use crate::hash::{self, Begun};
use crate::multiply;

/// Proof that this processor has the instructions; [`Eight::find`] alone makes one.
#[derive(Clone, Copy, Debug)]
pub struct Eight(());

/// Eight group elements, ready for further work.
#[derive(Clone, Copy)]
pub struct Points(Point);

/// Steps into a function compiled for AVX-512 F, DQ and IFMA.
macro_rules! step {
    ($self:ident, $call:expr) => {{
        let Eight(()) = $self;
        // SAFETY: the only precondition of a `target_feature` function is that the processor has the features; an `Eight` exists only
        // after `find` has seen all three of them. The functions themselves are safe code.
        unsafe { $call }
    }};
}

impl Eight {
    /// Looks whether this processor, and the operating system on it, offer AVX-512 F, DQ and IFMA.
    pub fn find() -> Option<Eight> {
        let here = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512ifma");
        here.then_some(Eight(()))
    }

    /// Maps eight uniform strings of 64 bytes to group elements (RFC 9496, 4.3.4).
    pub fn from_uniform(self, bytes: &[[u8; 64]; 8]) -> Points {
        Points(step!(self, Point::from_uniform(bytes)))
    }

    /// Decodes eight elements; bit n of the first value tells whether string n is a canonical encoding (the identity's is one).
    pub fn decode(self, bytes: &[[u8; 32]; 8]) -> (u8, Points) {
        let (good, point) = step!(self, Point::decode(bytes));
        (good, Points(point))
    }

    /// Encodes the **doubles** of elements, eight at a time: what wants the encoding of P works out half of P, and pays no square root.
    pub fn encode_doubles(self, points: &[Points]) -> Vec<[[u8; 32]; 8]> {
        step!(self, encode_doubles(points.iter().map(|p| &p.0)))
    }

    /// Doubles eight elements.
    pub fn double(self, points: &Points) -> Points {
        Points(step!(self, points.0.doubled().point::<true>()))
    }

    /// Multiplies eight elements by one scalar, little-endian and below the group's order; constant in time.
    pub fn multiply(self, points: &Points, scalar: &[u8; 32]) -> Points {
        Points(step!(self, multiply::by_one(&points.0, scalar)))
    }

    /// Multiplies each of eight elements by its own scalar, little-endian and below the group's order; constant in time.
    pub fn multiply_each(self, points: &Points, scalars: &[[u8; 32]; 8]) -> Points {
        Points(step!(self, multiply::by_each(&points.0, scalars)))
    }

    /// Adds up products of elements and **public** scalars; returns eight partial sums, one a lane.
    pub fn sum_products(self, points: &[Points], scalars: &[[[u8; 32]; 8]]) -> Points {
        Points(step!(self, multiply::sums_by_lane(points.iter().map(|p| &p.0), scalars)))
    }

    /// Hashes whole blocks of 128 bytes that other messages share as their beginning.
    pub fn sha512_begin(self, blocks: &[u8]) -> Begun {
        step!(self, Begun::of(blocks))
    }

    /// Hashes eight messages with SHA-512 (FIPS 180-4), each behind the same beginning; the time tells their lengths and nothing else.
    pub fn sha512(self, begun: &Begun, messages: [&[u8]; 8]) -> [[u8; 64]; 8] {
        step!(self, hash::finish(begun, messages))
    }
}
