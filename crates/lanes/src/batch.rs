//! Slices of any length, as many elements at a time as there are lanes; the last group is filled up with zeros.

macro_rules! batch {
    ($feature:literal) => {
        use super::field::LANES;
        use super::group::{Point, encode_doubles};
        use super::{hash, multiply};
        use crate::hash::Begun;

        fn groups<const N: usize>(all: &[[u8; N]]) -> impl Iterator<Item = [[u8; N]; LANES]> {
            all.chunks(LANES).map(|c| core::array::from_fn(|lane| c.get(lane).copied().unwrap_or([0; N])))
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn map(uniform: &[[u8; 64]]) -> Vec<Point> {
            let mut out = Vec::with_capacity(uniform.len().div_ceil(LANES));
            for group in groups(uniform) {
                out.push(Point::from_uniform(&group));
            }
            out
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn decode(encoded: &[[u8; 32]]) -> Result<Vec<Point>, usize> {
            let mut out = Vec::with_capacity(encoded.len().div_ceil(LANES));
            for (n, group) in groups(encoded).enumerate() {
                // What fills the last group up is the identity's encoding, a good one.
                let (good, point) = Point::decode(&group);
                if good < LANES {
                    return Err(n * LANES + good);
                }
                out.push(point);
            }
            Ok(out)
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn double(points: &[Point]) -> Vec<Point> {
            let mut out = Vec::with_capacity(points.len());
            for point in points {
                out.push(point.doubled().point());
            }
            out
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn times(points: &[Point], scalar: &[u8; 32]) -> Vec<Point> {
            let digits = multiply::digits_each(&[*scalar; LANES]);
            let mut out = Vec::with_capacity(points.len());
            for point in points {
                out.push(multiply::by_digits(point, &digits));
            }
            out
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn times_each(points: &[Point], scalars: &[[u8; 32]]) -> Vec<Point> {
            let mut out = Vec::with_capacity(points.len());
            for (point, scalars) in points.iter().zip(groups(scalars)) {
                out.push(multiply::by_digits(point, &multiply::digits_each(&scalars)));
            }
            out
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn sum_products(points: &[Point], scalars: &[[u8; 32]]) -> Vec<Point> {
            let scalars: Vec<_> = groups(scalars).collect();
            vec![multiply::sums_by_lane(points, &scalars)]
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn encode(points: &[Point]) -> Vec<[u8; 32]> {
            encode_doubles(points).into_flattened()
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn sha512_begin(blocks: &[u8]) -> Begun {
            hash::begin(blocks)
        }

        #[target_feature(enable = $feature)]
        pub(crate) fn sha512(begun: &Begun, messages: &[&[u8]]) -> Vec<[u8; 64]> {
            let mut out = Vec::with_capacity(messages.len().next_multiple_of(LANES));
            for group in messages.chunks(LANES) {
                out.extend(hash::finish(begun, core::array::from_fn(|lane| group.get(lane).copied().unwrap_or_default())));
            }
            out.truncate(messages.len());
            out
        }
    };
}
