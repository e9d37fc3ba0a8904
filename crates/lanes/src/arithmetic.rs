//! What is written once for any number of lanes: bytes, signs, inversion and square roots of field elements.
//!
//! The code of this file, of `group`, `multiply` and `hash` stands in macros, because the instructions that a function may use are a part of
//! it: each number of lanes has its own `field` and takes the rest from here, compiled for its own instructions.

macro_rules! arithmetic {
    ($feature:literal) => {
        use super::field::*;
        use crate::curve::SQRT_M1;

        impl F {
            /// The same small number in every lane.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn small(x: u64) -> F {
                F::constant(&[x, 0, 0, 0, 0])
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn mul(&self, other: &F) -> F {
                self.product(other).carried()
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn square(&self) -> F {
                self.squared().carried()
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn add(&self, other: &F) -> F {
                self.wide().plus(&other.wide()).carried()
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn sub(&self, other: &F) -> F {
                self.wide().raised().minus(&other.wide()).carried()
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn negate(&self) -> F {
                F::small(0).sub(self)
            }

            /// Brings every lane to its one form below p, in limbs of 51 bits.
            #[target_feature(enable = $feature)]
            fn canonical(&self) -> [V; 5] {
                #[inline]
                #[target_feature(enable = $feature)]
                fn ripple(z: &mut [V; 5]) -> V {
                    for i in 0..4 {
                        z[i + 1] = sum(z[i + 1], above_51(z[i]));
                        z[i] = below_51(z[i]);
                    }
                    let top = above_51(z[4]);
                    z[4] = below_51(z[4]);
                    top
                }
                let mut z = self.joined();
                for _ in 0..2 {
                    let top = ripple(&mut z);
                    z[0] = sum(z[0], nineteen(top));
                }
                // Now z < 2^255 + 19: it is at least p exactly when z + 19 reaches 2^255.
                let mut q = above_51(sum(z[0], splat(19)));
                for limb in &z[1..] {
                    q = above_51(sum(*limb, q));
                }
                z[0] = sum(z[0], nineteen(q));
                ripple(&mut z);
                z
            }

            /// Tells for each lane whether it is negative: whether its canonical form is odd.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn is_negative(&self) -> Mask {
                odd(self.canonical()[0])
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn is_zero(&self) -> Mask {
                zero(&self.canonical())
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn equals(&self, other: &F) -> Mask {
                self.sub(other).is_zero()
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn negate_if(&self, mask: Mask) -> F {
                self.or(&self.negate(), mask)
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn absolute(&self) -> F {
                self.negate_if(self.is_negative())
            }

            /// Reads little-endian strings of 32 bytes; the top bit of each is ignored.
            #[target_feature(enable = $feature)]
            pub(crate) fn from_bytes(bytes: &[[u8; 32]; LANES]) -> F {
                let mut limbs = [[0u64; LANES]; 5];
                for (lane, b) in bytes.iter().enumerate() {
                    let word = |at: usize| u64::from_le_bytes(b[at..at + 8].try_into().expect("eight bytes"));
                    limbs[0][lane] = word(0) & LOW_51;
                    limbs[1][lane] = word(6) >> 3 & LOW_51;
                    limbs[2][lane] = word(12) >> 6 & LOW_51;
                    limbs[3][lane] = word(19) >> 1 & LOW_51;
                    limbs[4][lane] = word(24) >> 12 & LOW_51;
                }
                F::split(&limbs.map(bytemuck::cast))
            }

            /// Writes the canonical form of every lane.
            #[target_feature(enable = $feature)]
            pub(crate) fn to_bytes(self) -> [[u8; 32]; LANES] {
                let limbs: [[u64; LANES]; 5] = self.canonical().map(bytemuck::cast);
                core::array::from_fn(|lane| {
                    let [a, b, c, d, e] = limbs.map(|l| l[lane]);
                    let words = [a | b << 51, b >> 13 | c << 38, c >> 26 | d << 25, d >> 39 | e << 12];
                    let mut out = [0; 32];
                    for (place, word) in out.chunks_exact_mut(8).zip(words) {
                        place.copy_from_slice(&word.to_le_bytes());
                    }
                    out
                })
            }
        }

        const LOW_51: u64 = (1 << 51) - 1;

        /// Squares each of some elements so many times; together, so that one does not wait for the other's last limb.
        #[inline]
        #[target_feature(enable = $feature)]
        fn squares<const N: usize>(x: &[F; N], times: usize) -> [F; N] {
            let mut x = *x;
            for _ in 0..times {
                for each in &mut x {
                    *each = each.square();
                }
            }
            x
        }

        /// Appends the ones of `y`, m of them, to those of `x`, as exponents.
        #[inline]
        #[target_feature(enable = $feature)]
        fn append<const N: usize>(x: &[F; N], y: &[F; N], m: usize) -> [F; N] {
            let mut x = squares(x, m);
            for (each, other) in x.iter_mut().zip(y) {
                *each = each.mul(other);
            }
            x
        }

        /// Raises to 2^250 - 1.
        #[inline]
        #[target_feature(enable = $feature)]
        fn power_of_ones<const N: usize>(n1: &[F; N]) -> [F; N] {
            let n2 = append(n1, n1, 1);
            let n3 = append(&n2, n1, 1);
            let n6 = append(&n3, &n3, 3);
            let n12 = append(&n6, &n6, 6);
            let n24 = append(&n12, &n12, 12);
            let n25 = append(&n24, n1, 1);
            let n50 = append(&n25, &n25, 25);
            let n100 = append(&n50, &n50, 50);
            let n125 = append(&n100, &n25, 25);
            append(&n125, &n125, 125)
        }

        /// Raises to (p - 5) / 8 = 2^252 - 3.
        #[target_feature(enable = $feature)]
        fn power_58<const N: usize>(x: &[F; N]) -> [F; N] {
            append(&power_of_ones(x), x, 2)
        }

        /// Inverts every lane: raises to p - 2 = 2^255 - 21; zero stays zero.
        #[target_feature(enable = $feature)]
        pub(crate) fn invert(x: &F) -> F {
            // 2^255 - 21 = (2^250 - 1) * 2^5 + 11, and 11 is 1011 in binary.
            let ones = power_of_ones(&[*x]);
            let eleven = x.square().square().mul(x).square().mul(x);
            squares(&ones, 5)[0].mul(&eleven)
        }

        /// Returns, for each lane, whether `u / v` is a square, and the nonnegative root of it or of `sqrt(-1) * u / v` (RFC 9496, 4.2); for some
        /// pairs of u and v together.
        #[target_feature(enable = $feature)]
        pub(crate) fn sqrt_ratios<const N: usize>(u: &[F; N], v: &[F; N]) -> [(Mask, F); N] {
            let (mut front, mut base) = (*u, *u);
            for n in 0..N {
                let v3 = v[n].square().mul(&v[n]);
                front[n] = u[n].mul(&v3);
                base[n] = u[n].mul(&v3.square().mul(&v[n]));
            }
            let powers = power_58(&base);
            let i = F::constant(&SQRT_M1);
            let mut out = [(0, i); N];
            for n in 0..N {
                let root = front[n].mul(&powers[n]);
                let check = v[n].mul(&root.square());
                let minus_u = u[n].negate();
                let correct = check.equals(&u[n]);
                let flipped = check.equals(&minus_u);
                let flipped_i = check.equals(&minus_u.mul(&i));
                let root = root.or(&root.mul(&i), flipped | flipped_i);
                out[n] = (correct | flipped, root.absolute());
            }
            out
        }
    };
}
