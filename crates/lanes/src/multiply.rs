//! Scalar multiplication: one secret scalar for all lanes, a secret scalar for each, and sums of products with public scalars.
//!
//! Scalars are little-endian and below the group's order. They are written in 64 signed digits of four bits, -8 to 8 (the last one
//! 0 to 8), and a table of 1 to 8 times the point is read whole for each digit.

use crate::field::Mask;
use crate::group::{Completed, Point, Prepared};
use core::arch::x86_64::*;

const DIGITS: usize = 64;
const TABLE: usize = 8;
/// Groups of eight points whose tables are held at once: 32 * 10 KiB stay in the second cache.
const HELD_MAX: usize = 32;

/// Writes a scalar in signed digits.
fn digits(scalar: &[u8; 32]) -> [i8; DIGITS] {
    let mut out = [0i8; DIGITS];
    for (pair, byte) in out.chunks_exact_mut(2).zip(scalar) {
        pair[0] = (byte & 15).cast_signed();
        pair[1] = (byte >> 4).cast_signed();
    }
    for i in 0..DIGITS - 1 {
        let carry = (out[i] + 8) >> 4;
        out[i] -= carry << 4;
        out[i + 1] += carry;
    }
    out
}

/// For each place one vector of the digits of eight scalars.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn digits_each(scalars: &[[u8; 32]; 8]) -> [__m512i; DIGITS] {
    let all = scalars.each_ref().map(digits);
    core::array::from_fn(|place| bytemuck::cast(all.each_ref().map(|d| i64::from(d[place]))))
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn table(point: &Point) -> [Prepared; TABLE] {
    let mut sum = point.ready();
    let first = sum.prepare();
    let mut out = [first; TABLE];
    for entry in &mut out[1..] {
        sum = sum.plus(&first).ready();
        *entry = sum.prepare();
    }
    out
}

/// Reads the table for one digit a lane, every entry for every digit.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn pick(table: &[Prepared; TABLE], digit: __m512i) -> Prepared {
    let size = _mm512_abs_epi64(digit);
    let mut found = Prepared::identity();
    for (entry, n) in table.iter().zip(1..) {
        found = found.or(entry, _mm512_cmpeq_epi64_mask(size, _mm512_set1_epi64(n)));
    }
    let negative: Mask = _mm512_movepi64_mask(digit);
    found.negate_if(negative)
}

/// Multiplies eight points, each by its own digits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn by_digits(point: &Point, digits: impl Fn(usize) -> __m512i) -> Point {
    let table = table(point);
    let mut sum = Point::identity().ready().plus(&pick(&table, digits(DIGITS - 1)));
    for place in (0..DIGITS - 1).rev() {
        sum = sixteen_times(&sum).ready().plus(&pick(&table, digits(place)));
    }
    sum.point::<true>()
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn sixteen_times(point: &Completed) -> Completed {
    let twice = |c: Completed| c.point::<false>().doubled();
    twice(twice(twice(point.point::<false>().doubled())))
}

/// Multiplies eight points by one scalar.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn by_one(point: &Point, scalar: &[u8; 32]) -> Point {
    let digits = digits(scalar);
    by_digits(point, |place| _mm512_set1_epi64(i64::from(digits[place])))
}

/// Multiplies eight points, each by its own scalar.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn by_each(point: &Point, scalars: &[[u8; 32]; 8]) -> Point {
    let digits = digits_each(scalars);
    by_digits(point, |place| digits[place])
}

/// Adds up products of points and public scalars, lane by lane; what remains to be added are the eight lanes of the result.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn sums_by_lane<'a>(points: impl Iterator<Item = &'a Point>, scalars: &[[[u8; 32]; 8]]) -> Point {
    let mut total = Point::identity();
    let mut points = points;
    for scalars in scalars.chunks(HELD_MAX) {
        let mut tables = Vec::with_capacity(HELD_MAX);
        let mut digits = Vec::with_capacity(HELD_MAX);
        for (scalars, point) in scalars.iter().zip(&mut points) {
            tables.push(table(point));
            digits.push(digits_each(scalars));
        }
        let mut sum = Point::identity().doubled();
        for place in (0..DIGITS).rev() {
            if place + 1 < DIGITS {
                sum = sixteen_times(&sum);
            }
            for (table, digits) in tables.iter().zip(&digits) {
                sum = sum.ready().plus(&pick(table, digits[place]));
            }
        }
        total = total.plus(&sum.ready().prepare());
    }
    total
}
