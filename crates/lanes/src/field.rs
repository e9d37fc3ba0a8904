//! Eight elements of GF(2^255 - 19), one in each 64-bit lane, in five limbs of 51 bits.
//!
//! Between operations every limb is below 2^51 + 2^16, so that it fits the 52 bits that the multiplier reads. What a product or a sum leaves
//! before its carries is a [`Wide`]: formulas add and subtract there, and carry once. No branch and no address depends on a value.

use core::arch::x86_64::*;

/// One vector: a limb of eight elements.
pub(crate) type V = __m512i;
/// One bit for each lane.
pub(crate) type Mask = __mmask8;

/// Eight field elements.
#[derive(Clone, Copy)]
pub(crate) struct F(pub(crate) [V; 5]);

/// Eight field elements whose carries are still to be done.
///
/// A product is below 2^59 in each limb; [`Wide::minus`] adds 2^10 p, so what it takes off must be below 2^60. Limbs must stay below 2^63.
#[derive(Clone, Copy)]
pub(crate) struct Wide([V; 5]);

const LOW_51: u64 = (1 << 51) - 1;

/// A constant of the curve, as limbs of 51 bits.
pub(crate) type Constant = [u64; 5];
// RFC 9496, section 4.1.
pub(crate) const D: Constant = [0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff];
pub(crate) const SQRT_M1: Constant = [0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d];
pub(crate) const SQRT_AD_MINUS_ONE: Constant = [0x7f6a0497b2e1b, 0x1836f0a97afd2, 0x7d747f6be7638, 0x456079e7e6498, 0x376931bf2b834];
pub(crate) const INVSQRT_A_MINUS_D: Constant = [0x0fdaa805d40ea, 0x2eb482e57d339, 0x007610274bc58, 0x6510b613dc8ff, 0x786c8905cfaff];
pub(crate) const ONE_MINUS_D_SQ: Constant = [0x409c1945fc176, 0x719abc6a1fc4f, 0x1c37f90b20684, 0x06bccca55eedf, 0x029072a8b2b3e];
pub(crate) const D_MINUS_ONE_SQ: Constant = [0x55aaa44ed4d20, 0x59603c3332635, 0x26d3baf4a7928, 0x120a66e6997a9, 0x5968b37af66c2];

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn splat(x: u64) -> V {
    _mm512_set1_epi64(x.cast_signed())
}

/// Moves what stands above 51 bits of each limb into the next one, all at once; the top must be below 2^61.
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
        let three = _mm512_add_epi64(twice(over), over);
        r[k] = _mm512_add_epi64(_mm512_add_epi64(t[k], _mm512_slli_epi64::<4>(over)), three);
    }
    Wide(r)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn twice(x: V) -> V {
    _mm512_add_epi64(x, x)
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
        let (a, b) = (&self.0, &other.0);
        let mut r = *a;
        for k in 0..5 {
            r[k] = _mm512_add_epi64(a[k], b[k]);
        }
        Wide(r)
    }

    /// Subtracts what is below 2^60 in each limb.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn minus(&self, other: &Wide) -> Wide {
        let (a, b) = (&self.0, &other.0);
        let (first, rest) = (splat((1 << 61) - (19 << 10)), splat(LOW_51 << 10));
        let mut r = *a;
        for k in 0..5 {
            r[k] = _mm512_sub_epi64(_mm512_add_epi64(a[k], if k == 0 { first } else { rest }), b[k]);
        }
        Wide(r)
    }

    /// Takes what is below 2^60 in each limb from zero.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn negated(&self) -> Wide {
        let (first, rest) = (splat((1 << 61) - (19 << 10)), splat(LOW_51 << 10));
        let r = &self.0;
        Wide([
            _mm512_sub_epi64(first, r[0]),
            _mm512_sub_epi64(rest, r[1]),
            _mm512_sub_epi64(rest, r[2]),
            _mm512_sub_epi64(rest, r[3]),
            _mm512_sub_epi64(rest, r[4]),
        ])
    }
}

impl F {
    /// The same constant in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn constant(x: &Constant) -> F {
        F([splat(x[0]), splat(x[1]), splat(x[2]), splat(x[3]), splat(x[4])])
    }

    /// The same small number in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn small(x: u64) -> F {
        F::constant(&[x, 0, 0, 0, 0])
    }

    /// Multiplies and leaves the carries to be done.
    ///
    /// What stands above 52 bits of a product comes first: it counts twice in the limb above, whose own products are added to it.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn product(&self, other: &F) -> Wide {
        let (a, b) = (&self.0, &other.0);
        let zero = _mm512_setzero_si512();
        let mut high = [zero; 9];
        for i in 0..5 {
            for j in 0..5 {
                high[i + j] = _mm512_madd52hi_epu64(high[i + j], a[i], b[j]);
            }
        }
        let mut t = [zero; 10];
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

    /// Squares and leaves the carries to be done; products of two different limbs are worked out once and doubled.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn squared(&self) -> Wide {
        let a = &self.0;
        let zero = _mm512_setzero_si512();
        let mut high = [zero; 9];
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
        let mut t = [zero; 10];
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

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn mul(&self, other: &F) -> F {
        self.product(other).carried()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn square(&self) -> F {
        self.squared().carried()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn add(&self, other: &F) -> F {
        Wide(self.0).plus(&Wide(other.0)).carried()
    }

    /// Subtracts; 16 p is added first, so that no limb of `other` below 2^55 - 304 makes it negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn sub(&self, other: &F) -> F {
        let (a, b) = (&self.0, &other.0);
        let (first, rest) = (splat(16 * ((1 << 51) - 19)), splat(16 * LOW_51));
        carry([
            _mm512_sub_epi64(_mm512_add_epi64(a[0], first), b[0]),
            _mm512_sub_epi64(_mm512_add_epi64(a[1], rest), b[1]),
            _mm512_sub_epi64(_mm512_add_epi64(a[2], rest), b[2]),
            _mm512_sub_epi64(_mm512_add_epi64(a[3], rest), b[3]),
            _mm512_sub_epi64(_mm512_add_epi64(a[4], rest), b[4]),
        ])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn negate(&self) -> F {
        F::small(0).sub(self)
    }

    /// Brings every lane to its one form below p.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn canonical(&self) -> F {
        let low = splat(LOW_51);
        #[inline]
        #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
        fn ripple(z: &mut [V; 5], low: V) -> V {
            for i in 0..4 {
                let c = _mm512_srli_epi64::<51>(z[i]);
                z[i] = _mm512_and_si512(z[i], low);
                z[i + 1] = _mm512_add_epi64(z[i + 1], c);
            }
            let top = _mm512_srli_epi64::<51>(z[4]);
            z[4] = _mm512_and_si512(z[4], low);
            top
        }
        let mut z = carry(self.0).0;
        for _ in 0..2 {
            let top = ripple(&mut z, low);
            z[0] = _mm512_madd52lo_epu64(z[0], top, splat(19));
        }
        // Now z < 2^255 + 19: it is at least p exactly when z + 19 reaches 2^255.
        let mut q = _mm512_srli_epi64::<51>(_mm512_add_epi64(z[0], splat(19)));
        for limb in &z[1..] {
            q = _mm512_srli_epi64::<51>(_mm512_add_epi64(*limb, q));
        }
        z[0] = _mm512_madd52lo_epu64(z[0], q, splat(19));
        ripple(&mut z, low);
        F(z)
    }

    /// Tells for each lane whether it is negative: whether its canonical form is odd.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn is_negative(&self) -> Mask {
        _mm512_test_epi64_mask(self.canonical().0[0], splat(1))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn is_zero(&self) -> Mask {
        let z = self.canonical().0;
        let any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(z[0], z[1]), _mm512_or_si512(z[2], z[3])), z[4]);
        _mm512_testn_epi64_mask(any, any)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn equals(&self, other: &F) -> Mask {
        self.sub(other).is_zero()
    }

    /// Takes `then` in the lanes of the mask and `self` in the others.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn or(&self, then: &F, mask: Mask) -> F {
        let (a, b) = (&self.0, &then.0);
        F([
            _mm512_mask_mov_epi64(a[0], mask, b[0]),
            _mm512_mask_mov_epi64(a[1], mask, b[1]),
            _mm512_mask_mov_epi64(a[2], mask, b[2]),
            _mm512_mask_mov_epi64(a[3], mask, b[3]),
            _mm512_mask_mov_epi64(a[4], mask, b[4]),
        ])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn negate_if(&self, mask: Mask) -> F {
        self.or(&self.negate(), mask)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn absolute(&self) -> F {
        self.negate_if(self.is_negative())
    }

    /// Reads eight little-endian strings of 32 bytes; the top bit of each is ignored.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn from_bytes(bytes: &[[u8; 32]; 8]) -> F {
        let mut limbs = [[0u64; 8]; 5];
        for (lane, b) in bytes.iter().enumerate() {
            let word = |at: usize| u64::from_le_bytes(b[at..at + 8].try_into().expect("eight bytes"));
            limbs[0][lane] = word(0) & LOW_51;
            limbs[1][lane] = word(6) >> 3 & LOW_51;
            limbs[2][lane] = word(12) >> 6 & LOW_51;
            limbs[3][lane] = word(19) >> 1 & LOW_51;
            limbs[4][lane] = word(24) >> 12 & LOW_51;
        }
        F(limbs.map(bytemuck::cast))
    }

    /// Writes the canonical form of every lane.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn to_bytes(self) -> [[u8; 32]; 8] {
        let limbs: [[u64; 8]; 5] = self.canonical().0.map(bytemuck::cast);
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

/// Squares each of some elements so many times; together, so that one does not wait for the other's last limb.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
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
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn append<const N: usize>(x: &[F; N], y: &[F; N], m: usize) -> [F; N] {
    let mut x = squares(x, m);
    for (each, other) in x.iter_mut().zip(y) {
        *each = each.mul(other);
    }
    x
}

/// Raises to 2^250 - 1.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
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
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn power_58<const N: usize>(x: &[F; N]) -> [F; N] {
    append(&power_of_ones(x), x, 2)
}

/// Inverts every lane: raises to p - 2 = 2^255 - 21; zero stays zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn invert(x: &F) -> F {
    // 2^255 - 21 = (2^250 - 1) * 2^5 + 11, and 11 is 1011 in binary.
    let ones = power_of_ones(&[*x]);
    let eleven = x.square().square().mul(x).square().mul(x);
    squares(&ones, 5)[0].mul(&eleven)
}

/// Returns, for each lane, whether `u / v` is a square, and the nonnegative root of it or of `sqrt(-1) * u / v` (RFC 9496, 4.2); for some
/// pairs of u and v together.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
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
