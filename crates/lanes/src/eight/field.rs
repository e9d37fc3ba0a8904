//! Eight elements of GF(2^255 - 19), one in each 64-bit lane, in five limbs of 51 bits, for AVX-512 IFMA.
//!
//! Between operations every limb is below 2^51 + 2^16, so that it fits the 52 bits that the multiplier reads. What a product or a sum leaves
//! before its carries is a [`Wide`]: formulas add and subtract there, and carry once. No branch and no address depends on a value.

use core::arch::x86_64::*;

/// One vector: a limb of eight elements.
pub(crate) type V = __m512i;
/// One bit for each lane.
pub(crate) type Mask = __mmask8;
/// How many elements stand side by side.
pub(crate) const LANES: usize = 8;

/// Eight field elements.
#[derive(Clone, Copy)]
pub(crate) struct F([V; 5]);

/// Eight field elements whose carries are still to be done.
///
/// A product is below 2^59 in each limb. Of what was [`raised`](Wide::raised) before, 2^60 can be taken from each limb; limbs must stay
/// below 2^62.
#[derive(Clone, Copy)]
pub(crate) struct Wide([V; 5]);

/// Eight field elements as a table holds them.
#[derive(Clone, Copy)]
pub(crate) struct Stored(pub(crate) [V; 5]);

const LOW_51: u64 = (1 << 51) - 1;
/// Limbs of 2^10 p.
const RAISE: [u64; 5] = [(LOW_51 - 18) << 10, LOW_51 << 10, LOW_51 << 10, LOW_51 << 10, LOW_51 << 10];

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn splat(x: u64) -> V {
    _mm512_set1_epi64(x.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn sum(a: V, b: V) -> V {
    _mm512_add_epi64(a, b)
}

/// Multiplies what is below 2^52 by 19.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn nineteen(x: V) -> V {
    _mm512_madd52lo_epu64(splat(0), x, splat(19))
}

/// What stands above 51 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn above_51(x: V) -> V {
    _mm512_srli_epi64::<51>(x)
}

/// The lower 51 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn below_51(x: V) -> V {
    _mm512_and_si512(x, splat(LOW_51))
}

/// Tells which lanes are odd.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn odd(x: V) -> Mask {
    _mm512_test_epi64_mask(x, splat(1))
}

/// Tells in which lanes all five are zero.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn zero(z: &[V; 5]) -> Mask {
    let any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(z[0], z[1]), _mm512_or_si512(z[2], z[3])), z[4]);
    _mm512_testn_epi64_mask(any, any)
}

/// The size of a signed number.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn size(x: V) -> V {
    _mm512_abs_epi64(x)
}

/// Tells which lanes are below zero.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn negative(x: V) -> Mask {
    _mm512_movepi64_mask(x)
}

/// Reads for each lane what stands at its number in a table, from 1 on, and `zero` for 0; every entry for every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn read<const F: usize, const N: usize>(zero: &[Stored; F], table: [&[Stored; F]; N], number: V) -> [Stored; F] {
    let mut found = *zero;
    for (n, entry) in table.iter().enumerate() {
        let here = _mm512_cmpeq_epi64_mask(number, splat(n as u64 + 1));
        for (found, entry) in found.iter_mut().zip(*entry) {
            for k in 0..5 {
                found.0[k] = _mm512_mask_mov_epi64(found.0[k], here, entry.0[k]);
            }
        }
    }
    found
}

/// Adds in the lanes of the mask.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn sum_where(mask: Mask, a: V, b: V) -> V {
    _mm512_mask_add_epi64(a, mask, a, b)
}

/// Exclusive or of three.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn xor(a: V, b: V, c: V) -> V {
    _mm512_ternarylogic_epi64::<0x96>(a, b, c)
}

/// Takes the bits of `a` where `choice` is one, else those of `b`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn choose(choice: V, a: V, b: V) -> V {
    _mm512_ternarylogic_epi64::<0xca>(choice, a, b)
}

/// Takes each bit as two of three have it.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn majority(a: V, b: V, c: V) -> V {
    _mm512_ternarylogic_epi64::<0xe8>(a, b, c)
}

/// Rotates to the right by `R`; `L` is what is left of 64.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn rotated<const R: i32, const L: i32>(x: V) -> V {
    const { assert!(R + L == 64) };
    _mm512_ror_epi64::<R>(x)
}

/// Shifts to the right.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn shifted<const R: u32>(x: V) -> V {
    _mm512_srli_epi64::<R>(x)
}

/// Moves what stands above 51 bits of each limb into the next one, all at once; the top must be below 2^62.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn carry(z: [V; 5]) -> F {
    let low = splat(LOW_51);
    let c = [
        _mm512_srli_epi64::<51>(z[0]),
        _mm512_srli_epi64::<51>(z[1]),
        _mm512_srli_epi64::<51>(z[2]),
        _mm512_srli_epi64::<51>(z[3]),
        _mm512_srli_epi64::<51>(z[4]),
    ];
    F([
        _mm512_madd52lo_epu64(_mm512_and_si512(z[0], low), c[4], splat(19)),
        _mm512_add_epi64(_mm512_and_si512(z[1], low), c[0]),
        _mm512_add_epi64(_mm512_and_si512(z[2], low), c[1]),
        _mm512_add_epi64(_mm512_and_si512(z[3], low), c[2]),
        _mm512_add_epi64(_mm512_and_si512(z[4], low), c[3]),
    ])
}

/// Brings the ten-limb product home: 2^255 = 19, so limb k + 5 counts 16 + 3 times in limb k.
///
/// Limb k is at most the sum of as many 2^52 as products end there, and half of that for those that end one limb below: limb 5, the worst,
/// is below 6.5 * 2^52, so that limb 0 comes to less than 125 * 2^52 < 2^59.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce(t: [V; 10]) -> Wide {
    let mut r = [t[0]; 5];
    for k in 0..5 {
        let over = t[k + 5];
        r[k] = _mm512_add_epi64(t[k], _mm512_mullo_epi64(over, splat(19)));
    }
    Wide(r)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn twice(x: V) -> V {
    _mm512_add_epi64(x, x)
}

/// Has the compiler align the stack for vectors: else what it puts there for a while lies across two lines of the cache.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn align() {
    core::hint::black_box(&splat(0));
}

impl Wide {
    /// Does the carries.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn carried(&self) -> F {
        carry(self.0)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn plus(&self, other: &Wide) -> Wide {
        let mut r = self.0;
        for (limb, other) in r.iter_mut().zip(&other.0) {
            *limb = sum(*limb, *other);
        }
        Wide(r)
    }

    /// Subtracts what no limb of `self` is below: of a raised one up to 2^60 in each limb.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn minus(&self, other: &Wide) -> Wide {
        let mut r = self.0;
        for (limb, other) in r.iter_mut().zip(&other.0) {
            *limb = _mm512_sub_epi64(*limb, *other);
        }
        Wide(r)
    }

    /// Adds 2^10 p: nothing, but every limb is now at least 2^61 - 2^15.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn raised(&self) -> Wide {
        let mut r = self.0;
        for (limb, raise) in r.iter_mut().zip(RAISE) {
            *limb = sum(*limb, splat(raise));
        }
        Wide(r)
    }
}

impl F {
    /// The same constant in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn constant(x: &[u64; 5]) -> F {
        F([splat(x[0]), splat(x[1]), splat(x[2]), splat(x[3]), splat(x[4])])
    }

    /// Takes limbs of 51 bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn split(x: &[V; 5]) -> F {
        F(*x)
    }

    /// Gives limbs of 51 bits, a little more in each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn joined(&self) -> [V; 5] {
        self.0
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn wide(&self) -> Wide {
        Wide(self.0)
    }

    /// Multiplies onto a beginning and leaves the carries to be done.
    ///
    /// What stands above 52 bits of a product comes first: it counts twice in the limb above, whose own products are added to it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn product_on(&self, other: &F, begin: &[u64; 5]) -> Wide {
        align();
        let (a, b) = (&self.0, &other.0);
        let mut high = [splat(0); 9];
        for k in 1..5 {
            high[k - 1] = splat(begin[k] / 2);
        }
        for i in 0..5 {
            for j in 0..5 {
                high[i + j] = _mm512_madd52hi_epu64(high[i + j], a[i], b[j]);
            }
        }
        let mut t = [splat(begin[0]); 10];
        for k in 0..9 {
            t[k + 1] = twice(high[k]);
        }
        for i in 0..5 {
            for j in 0..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], b[j]);
            }
        }
        reduce(t)
    }

    /// Squares onto a beginning and leaves the carries to be done; products of two different limbs are worked out once and doubled.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn squared_on(&self, begin: &[u64; 5]) -> Wide {
        align();
        let a = &self.0;
        let mut high = [splat(0); 9];
        // What begins here is doubled with the products: the lowest once, the others twice.
        high[0] = splat(begin[1] / 2);
        for k in 2..5 {
            high[k - 1] = splat(begin[k] / 4);
        }
        for i in 0..5 {
            for j in i + 1..5 {
                high[i + j] = _mm512_madd52hi_epu64(high[i + j], a[i], a[j]);
            }
        }
        for h in &mut high[1..8] {
            *h = twice(*h);
        }
        for i in 0..5 {
            high[2 * i] = _mm512_madd52hi_epu64(high[2 * i], a[i], a[i]);
        }
        let mut t = [splat(begin[0]); 10];
        t[1..10].copy_from_slice(&high);
        for i in 0..5 {
            for j in i + 1..5 {
                t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], a[j]);
            }
        }
        for limb in &mut t[1..10] {
            *limb = twice(*limb);
        }
        for i in 0..5 {
            t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a[i], a[i]);
        }
        reduce(t)
    }

    /// Multiplies and leaves the carries to be done.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn product(&self, other: &F) -> Wide {
        self.product_on(other, &[0; 5])
    }

    /// A product that was raised.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn product_raised(&self, other: &F) -> Wide {
        self.product_on(other, &RAISE)
    }

    /// Squares and leaves the carries to be done.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn squared(&self) -> Wide {
        self.squared_on(&[0; 5])
    }

    /// A square that was raised.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn squared_raised(&self) -> Wide {
        self.squared_on(&RAISE)
    }

    /// Squares a sum.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn sum_squared(&self, other: &F) -> Wide {
        self.wide().plus(&other.wide()).carried().squared()
    }

    /// Takes `then` in the lanes of the mask and `self` in the others.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn or(&self, then: &F, mask: Mask) -> F {
        let mut r = self.0;
        for (limb, then) in r.iter_mut().zip(&then.0) {
            *limb = _mm512_mask_mov_epi64(*limb, mask, *then);
        }
        F(r)
    }

    /// Prepares for a table that is read whole.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn stored(&self) -> Stored {
        Stored(self.0)
    }
}

impl Stored {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn opened(&self) -> F {
        F(self.0)
    }
}
