//! Scalar multiplication: one secret scalar for all lanes, a secret scalar for each, and sums of products with public scalars.
//!
//! Scalars are little-endian and below the group's order. They are written in 64 signed digits of four bits, -8 to 8 (the last one
//! 0 to 8), and a table of 1 to 8 times the point is read whole for each digit.

/// How many digits a scalar has.
pub(crate) const DIGITS: usize = 64;

/// Writes a scalar in signed digits.
pub(crate) fn digits(scalar: &[u8; 32]) -> [i8; DIGITS] {
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

macro_rules! multiply {
    ($feature:literal) => {
        use super::field::{LANES, V, negative, size};
        use super::group::{Completed, Entry, Point, Prepared};
        use crate::multiply::{DIGITS, digits};

        const TABLE: usize = 8;
        /// Groups of points whose tables are held at once: 32 * 10 KiB stay in the second cache.
        const HELD_MAX: usize = 32;

        /// For each place one vector of the digits of the lanes' scalars.
        #[target_feature(enable = $feature)]
        pub(crate) fn digits_each(scalars: &[[u8; 32]; LANES]) -> [V; DIGITS] {
            let all = scalars.each_ref().map(digits);
            core::array::from_fn(|place| bytemuck::cast(all.each_ref().map(|d| i64::from(d[place]))))
        }

        #[target_feature(enable = $feature)]
        fn table(point: &Point) -> [Entry; TABLE] {
            let mut sum = point.ready();
            let first = sum.prepare();
            let mut out = [first.entry(); TABLE];
            for entry in &mut out[1..] {
                sum = sum.plus(&first).ready();
                *entry = sum.prepare().entry();
            }
            out
        }

        /// Reads the table for one digit a lane, every entry for every digit.
        #[inline]
        #[target_feature(enable = $feature)]
        fn pick(table: &[Entry; TABLE], digit: V) -> Prepared {
            Entry::read(table, size(digit)).negate_if(negative(digit))
        }

        /// Multiplies points, each by its own digits.
        #[target_feature(enable = $feature)]
        pub(crate) fn by_digits(point: &Point, digits: &[V; DIGITS]) -> Point {
            let table = table(point);
            let mut sum = Point::identity().ready().plus(&pick(&table, digits[DIGITS - 1]));
            for digit in digits[..DIGITS - 1].iter().rev() {
                sixteen_times(&mut sum);
                sum.add(&pick(&table, *digit));
            }
            sum.point()
        }

        #[inline]
        #[target_feature(enable = $feature)]
        fn sixteen_times(point: &mut Completed) {
            for _ in 0..4 {
                point.double();
            }
        }

        /// Adds up products of points and public scalars, lane by lane; what remains to be added are the lanes of the result.
        #[target_feature(enable = $feature)]
        pub(crate) fn sums_by_lane(points: &[Point], scalars: &[[[u8; 32]; LANES]]) -> Point {
            let mut total = Point::identity();
            for (points, scalars) in points.chunks(HELD_MAX).zip(scalars.chunks(HELD_MAX)) {
                let mut tables = Vec::with_capacity(HELD_MAX);
                let mut digits = Vec::with_capacity(HELD_MAX);
                for (scalars, point) in scalars.iter().zip(points) {
                    tables.push(table(point));
                    digits.push(digits_each(scalars));
                }
                let mut sum = Point::identity().doubled();
                for place in (0..DIGITS).rev() {
                    if place + 1 < DIGITS {
                        sixteen_times(&mut sum);
                    }
                    for (table, digits) in tables.iter().zip(&digits) {
                        sum.add(&pick(table, digits[place]));
                    }
                }
                total = total.plus(&sum.ready().prepare());
            }
            total
        }
    };
}
