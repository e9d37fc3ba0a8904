//! Four elements of GF(2^255 - 19), one in each 64-bit lane, in ten limbs of 26 and 25 bits, for AVX2.
//!
//! Limb i stands for 2^ceil(25.5 i), so that two limbs are one of 51 bits. Between operations a limb is less than 2^18 above its 26 or 25
//! bits. What a product or a sum leaves before its carries is a [`Wide`]: formulas add and subtract there, and carry once. The multiplier reads
//! the lower 32 bits of each lane. No branch and no address depends on a value.

use core::arch::x86_64::*;

/// One vector: a limb of four elements.
pub(crate) type V = __m256i;
/// One bit for each lane.
pub(crate) type Mask = u8;
/// How many elements stand side by side.
pub(crate) const LANES: usize = 4;

/// Four field elements.
#[derive(Clone, Copy)]
pub(crate) struct F([V; 10]);

/// Four field elements whose carries are still to be done.
///
/// A product is below 2^59 in each even limb and 2^58.3 in each odd one, and four times that where the factors were sums. Of what was
/// [`raised`](Wide::raised) before, 2^61 can be taken from each limb.
#[derive(Clone, Copy)]
pub(crate) struct Wide([V; 10]);

/// Four field elements in little room: limb i below, limb i + 5 above.
#[derive(Clone, Copy)]
pub(crate) struct Stored(pub(crate) [V; 5]);

const LOW_51: u64 = (1 << 51) - 1;
const LOW_26: u64 = (1 << 26) - 1;
const LOW_25: u64 = (1 << 25) - 1;
/// An even and an odd limb of 2^36 p; the first has 18 * 2^36 less.
const RAISE: [u64; 2] = [LOW_26 << 36, LOW_25 << 36];

/// Writes a block out for each limb: loops of this length the compiler would leave as loops.
macro_rules! for_each_limb {
    ($k:ident, $body:block) => {
        for_each_limb!(@ $k, $body, 0 1 2 3 4 5 6 7 8 9)
    };
    (@ $k:ident, $body:block, $($n:literal)*) => {{
        $({
            const $k: usize = $n;
            $body
        })*
    }};
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn splat(x: u64) -> V {
    _mm256_set1_epi64x(x.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn sum(a: V, b: V) -> V {
    _mm256_add_epi64(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn times(a: V, b: V) -> V {
    _mm256_mul_epu32(a, b)
}

/// Multiplies what is below 2^59 by 19.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn nineteen(x: V) -> V {
    sum(sum(_mm256_slli_epi64::<4>(x), sum(x, x)), x)
}

/// Multiplies what is below 2^27.7 by 19.
#[inline]
#[target_feature(enable = "avx2")]
fn nineteen_32(x: V) -> V {
    _mm256_mullo_epi32(x, splat(19))
}

/// What stands above 51 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn above_51(x: V) -> V {
    _mm256_srli_epi64::<51>(x)
}

/// The lower 51 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn below_51(x: V) -> V {
    _mm256_and_si256(x, splat(LOW_51))
}

/// Tells which lanes are odd.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn odd(x: V) -> Mask {
    _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_slli_epi64::<63>(x))) as Mask
}

/// Tells in which lanes all five are zero.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn zero(z: &[V; 5]) -> Mask {
    let any = _mm256_or_si256(_mm256_or_si256(_mm256_or_si256(z[0], z[1]), _mm256_or_si256(z[2], z[3])), z[4]);
    _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(any, _mm256_setzero_si256()))) as Mask
}

/// The size of a signed number.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn size(x: V) -> V {
    let sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
    _mm256_sub_epi64(_mm256_xor_si256(x, sign), sign)
}

/// Tells which lanes are below zero.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn negative(x: V) -> Mask {
    _mm256_movemask_pd(_mm256_castsi256_pd(x)) as Mask
}

/// Reads for each lane what stands at its number in a table, from 1 on, and `zero` for 0; every entry for every lane.
///
/// One vector after the other, so that the masks of all entries stay where they are.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn read<const F: usize, const N: usize>(zero: &[Stored; F], table: [&[Stored; F]; N], number: V) -> [Stored; F] {
    let holds = |n: usize| _mm256_cmpeq_epi64(number, splat(n as u64));
    let none = holds(0);
    let masks: [V; N] = core::array::from_fn(|n| holds(n + 1));
    let mut found = *zero;
    for (at, found) in found.iter_mut().enumerate() {
        for k in 0..5 {
            let mut all = _mm256_and_si256(found.0[k], none);
            for n in 0..N {
                all = _mm256_or_si256(all, _mm256_and_si256(table[n][at].0[k], masks[n]));
            }
            found.0[k] = all;
        }
    }
    found
}

/// Adds in the lanes of the mask.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn sum_where(mask: Mask, a: V, b: V) -> V {
    sum(a, _mm256_and_si256(b, lanes(mask)))
}

/// Exclusive or of three.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn xor(a: V, b: V, c: V) -> V {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}

/// Takes the bits of `a` where `choice` is one, else those of `b`.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn choose(choice: V, a: V, b: V) -> V {
    _mm256_xor_si256(b, _mm256_and_si256(choice, _mm256_xor_si256(a, b)))
}

/// Takes each bit as two of three have it.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn majority(a: V, b: V, c: V) -> V {
    choose(_mm256_xor_si256(a, b), c, a)
}

/// Rotates to the right by `R`; `L` is what is left of 64.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn rotated<const R: i32, const L: i32>(x: V) -> V {
    const { assert!(R + L == 64) };
    _mm256_or_si256(_mm256_srli_epi64::<R>(x), _mm256_slli_epi64::<L>(x))
}

/// Shifts to the right.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn shifted<const R: i32>(x: V) -> V {
    _mm256_srli_epi64::<R>(x)
}

/// All bits of the lanes of a mask.
#[inline]
#[target_feature(enable = "avx2")]
fn lanes(mask: Mask) -> V {
    let bits = _mm256_set_epi64x(8, 4, 2, 1);
    _mm256_cmpeq_epi64(_mm256_and_si256(splat(mask.into()), bits), bits)
}

/// Moves what stands above limb `K` into the next one.
#[inline]
#[target_feature(enable = "avx2")]
fn carry<const K: usize>(z: &mut [V; 10]) {
    let (low, above) = if K.is_multiple_of(2) { (splat(LOW_26), _mm256_srli_epi64::<26>(z[K])) } else { (splat(LOW_25), _mm256_srli_epi64::<25>(z[K])) };
    z[K] = _mm256_and_si256(z[K], low);
    let next = (K + 1) % 10;
    z[next] = sum(z[next], if K == 9 { nineteen(above) } else { above });
}

/// Has the compiler align the stack for vectors: else what it puts there for a while lies across two lines of the cache.
#[inline]
#[target_feature(enable = "avx2")]
fn align() {
    core::hint::black_box(&splat(0));
}

impl Wide {
    /// Does the carries, in two chains side by side; limbs may have all 64 bits but the uppermost two.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn carried(&self) -> F {
        let mut z = self.0;
        carry::<0>(&mut z);
        carry::<4>(&mut z);
        carry::<1>(&mut z);
        carry::<5>(&mut z);
        carry::<2>(&mut z);
        carry::<6>(&mut z);
        carry::<3>(&mut z);
        carry::<7>(&mut z);
        carry::<4>(&mut z);
        carry::<8>(&mut z);
        carry::<9>(&mut z);
        carry::<0>(&mut z);
        F(z)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn plus(&self, other: &Wide) -> Wide {
        let mut r = self.0;
        for (limb, other) in r.iter_mut().zip(&other.0) {
            *limb = sum(*limb, *other);
        }
        Wide(r)
    }

    /// Subtracts what no limb of `self` is below: of a raised one up to 2^61 in each limb.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn minus(&self, other: &Wide) -> Wide {
        let mut r = self.0;
        for (limb, other) in r.iter_mut().zip(&other.0) {
            *limb = _mm256_sub_epi64(*limb, *other);
        }
        Wide(r)
    }

    /// Adds 2^36 p: nothing, but every limb is now at least 2^61 - 2^41.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn raised(&self) -> Wide {
        let mut r = self.0;
        for (k, limb) in r.iter_mut().enumerate() {
            *limb = sum(*limb, splat(RAISE[k % 2] - if k == 0 { 18 << 36 } else { 0 }));
        }
        Wide(r)
    }
}

impl F {
    /// The same constant in every lane, given in limbs of 51 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn constant(x: &[u64; 5]) -> F {
        let mut r = [splat(0); 10];
        for k in 0..5 {
            (r[2 * k], r[2 * k + 1]) = (splat(x[k] & LOW_26), splat(x[k] >> 26));
        }
        F(r)
    }

    /// Takes limbs of 51 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn split(x: &[V; 5]) -> F {
        let mut r = [x[0]; 10];
        for k in 0..5 {
            (r[2 * k], r[2 * k + 1]) = (_mm256_and_si256(x[k], splat(LOW_26)), _mm256_srli_epi64::<26>(x[k]));
        }
        F(r)
    }

    /// Gives limbs of 51 bits, a little more in each.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn joined(&self) -> [V; 5] {
        let mut r = [self.0[0]; 5];
        for (k, limb) in r.iter_mut().enumerate() {
            *limb = sum(self.0[2 * k], _mm256_slli_epi64::<26>(self.0[2 * k + 1]));
        }
        r
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn wide(&self) -> Wide {
        Wide(self.0)
    }

    /// Multiplies and leaves the carries to be done: 2^255 is 19, and two odd limbs come out twice.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn product(&self, other: &F) -> Wide {
        align();
        let (a, b) = (&self.0, &other.0);
        let mut over = *b;
        for_each_limb!(K, {
            over[K] = nineteen_32(over[K]);
        });
        let mut r = [splat(0); 10];
        for_each_limb!(I, {
            let twice = sum(a[I], a[I]);
            for_each_limb!(J, {
                let left = if I % 2 == 1 && J % 2 == 1 { twice } else { a[I] };
                let right = if I + J < 10 { b[J] } else { over[J] };
                r[(I + J) % 10] = sum(r[(I + J) % 10], times(left, right));
            })
        });
        Wide(r)
    }

    /// Squares and leaves the carries to be done; products of two different limbs are worked out once and doubled.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn squared(&self) -> Wide {
        align();
        let a = &self.0;
        let mut over = *a;
        for_each_limb!(K, {
            over[K] = nineteen_32(over[K]);
        });
        let mut r = [splat(0); 10];
        for_each_limb!(I, {
            let twice = sum(a[I], a[I]);
            let four = sum(twice, twice);
            for_each_limb!(J, {
                if J + 1 > I {
                    let left = match (I == J, I % 2 == 1 && J % 2 == 1) {
                        (true, false) => a[I],
                        (true, true) | (false, false) => twice,
                        (false, true) => four,
                    };
                    let right = if I + J < 10 { a[J] } else { over[J] };
                    r[(I + J) % 10] = sum(r[(I + J) % 10], times(left, right));
                }
            })
        });
        Wide(r)
    }

    /// A product that was raised.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn product_raised(&self, other: &F) -> Wide {
        self.product(other).raised()
    }

    /// A square that was raised.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn squared_raised(&self) -> Wide {
        self.squared().raised()
    }

    /// Squares a sum, whose carries need not be done before.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn sum_squared(&self, other: &F) -> Wide {
        F(self.wide().plus(&other.wide()).0).squared()
    }

    /// Takes `then` in the lanes of the mask and `self` in the others.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn or(&self, then: &F, mask: Mask) -> F {
        let mask = lanes(mask);
        let mut r = self.0;
        for (limb, then) in r.iter_mut().zip(&then.0) {
            *limb = _mm256_blendv_epi8(*limb, *then, mask);
        }
        F(r)
    }

    /// Packs, for a table that is read whole.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn stored(&self) -> Stored {
        let mut r = [self.0[0]; 5];
        for (k, limb) in r.iter_mut().enumerate() {
            *limb = _mm256_or_si256(self.0[k], _mm256_slli_epi64::<32>(self.0[k + 5]));
        }
        Stored(r)
    }
}

impl Stored {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(crate) fn opened(&self) -> F {
        let mut r = [self.0[0]; 10];
        for k in 0..5 {
            (r[k], r[k + 5]) = (_mm256_and_si256(self.0[k], splat(u32::MAX.into())), _mm256_srli_epi64::<32>(self.0[k]));
        }
        F(r)
    }
}
