//! Points in extended coordinates, eight at a time, and their ristretto255 encodings (RFC 9496, sections 4.3 and 4.4).

use crate::field::{D, D_MINUS_ONE_SQ, F, INVSQRT_A_MINUS_D, Mask, ONE_MINUS_D_SQ, SQRT_AD_MINUS_ONE, SQRT_M1, sqrt_ratio};

/// Eight points (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: F,
    pub(crate) y: F,
    pub(crate) z: F,
    pub(crate) t: F,
}

/// Eight points prepared to be added: Y + X, Y - X, 2Z, 2dT.
#[derive(Clone, Copy)]
pub(crate) struct Prepared {
    pub(crate) plus: F,
    pub(crate) minus: F,
    pub(crate) z2: F,
    pub(crate) t2d: F,
}

impl Point {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn identity() -> Point {
        Point { x: F::small(0), y: F::small(1), z: F::small(1), t: F::small(0) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn prepare(&self) -> Prepared {
        let d = F::constant(&D);
        Prepared { plus: self.y.add(&self.x), minus: self.y.sub(&self.x), z2: self.z.add(&self.z), t2d: self.t.mul(&d.add(&d)) }
    }

    /// Doubles; T is worked out only if somebody will add to the result, and must else not be read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn double<const WITH_T: bool>(&self) -> Point {
        let (a, b, c) = (self.x.square(), self.y.square(), self.z.square());
        let ab = a.raw_sum(&b);
        let e = self.x.add(&self.y).square().sub(&ab);
        let g = b.sub(&a);
        let f = g.sub(&c.raw_sum(&c));
        let h = F::small(0).sub(&ab);
        Point { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: if WITH_T { e.mul(&h) } else { e } }
    }

    /// Adds; complete, so that it holds for equal points and the identity too.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn add<const WITH_T: bool>(&self, other: &Prepared) -> Point {
        let a = self.y.sub(&self.x).mul(&other.minus);
        let b = self.y.add(&self.x).mul(&other.plus);
        let c = self.t.mul(&other.t2d);
        let d = self.z.mul(&other.z2);
        let (e, f, g, h) = (b.sub(&a), d.sub(&c), d.add(&c), b.add(&a));
        Point { x: e.mul(&f), y: g.mul(&h), z: f.mul(&g), t: if WITH_T { e.mul(&h) } else { e } }
    }

    /// Maps uniform strings to points: two Elligator maps, added (RFC 9496, 4.3.4).
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn from_uniform(bytes: &[[u8; 64]; 8]) -> Point {
        let half = |from: usize| bytes.each_ref().map(|b| <[u8; 32]>::try_from(&b[from..from + 32]).expect("half of 64 bytes"));
        elligator(&F::from_bytes(&half(0))).add::<true>(&elligator(&F::from_bytes(&half(32))).prepare())
    }

    /// Encodes (RFC 9496, 4.3.2).
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn encode(&self) -> [[u8; 32]; 8] {
        let i = F::constant(&SQRT_M1);
        let u1 = self.z.add(&self.y).mul(&self.z.sub(&self.y));
        let u2 = self.x.mul(&self.y);
        let (_, root) = sqrt_ratio(&F::small(1), &u1.mul(&u2.square()));
        let (den1, den2) = (root.mul(&u1), root.mul(&u2));
        let z_inv = den1.mul(&den2).mul(&self.t);
        let enchanted = den1.mul(&F::constant(&INVSQRT_A_MINUS_D));
        let rotate = self.t.mul(&z_inv).is_negative();
        let x = self.x.or(&self.y.mul(&i), rotate);
        let y = self.y.or(&self.x.mul(&i), rotate);
        let den = den2.or(&enchanted, rotate);
        let y = y.negate_if(x.mul(&z_inv).is_negative());
        den.mul(&self.z.sub(&y)).absolute().to_bytes()
    }

    /// Decodes (RFC 9496, 4.3.1); the mask has a bit for each lane that holds a valid encoding, what the others hold is no point.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn decode(bytes: &[[u8; 32]; 8]) -> (Mask, Point) {
        let s = F::from_bytes(bytes);
        // What is not canonical, the top bit included, does not come back as it was.
        let again = s.to_bytes();
        let mut canonical: Mask = 0;
        for lane in 0..8 {
            canonical |= Mask::from(again[lane] == bytes[lane]) << lane;
        }
        let one = F::small(1);
        let ss = s.square();
        let (u1, u2) = (one.sub(&ss), one.add(&ss));
        let u2_sq = u2.square();
        let v = F::constant(&D).mul(&u1.square()).negate().sub(&u2_sq);
        let (square, root) = sqrt_ratio(&one, &v.mul(&u2_sq));
        let den_x = root.mul(&u2);
        let den_y = root.mul(&den_x).mul(&v);
        let x = s.add(&s).mul(&den_x).absolute();
        let y = u1.mul(&den_y);
        let t = x.mul(&y);
        let good = canonical & !s.is_negative() & square & !t.is_negative() & !y.is_zero();
        (good, Point { x, y, z: one, t })
    }
}

impl Prepared {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn identity() -> Prepared {
        Prepared { plus: F::small(1), minus: F::small(1), z2: F::small(2), t2d: F::small(0) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn or(&self, then: &Prepared, mask: Mask) -> Prepared {
        Prepared {
            plus: self.plus.or(&then.plus, mask),
            minus: self.minus.or(&then.minus, mask),
            z2: self.z2.or(&then.z2, mask),
            t2d: self.t2d.or(&then.t2d, mask),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn negate_if(&self, mask: Mask) -> Prepared {
        Prepared { plus: self.plus.or(&self.minus, mask), minus: self.minus.or(&self.plus, mask), z2: self.z2, t2d: self.t2d.negate_if(mask) }
    }
}

/// The map of RFC 9496, 4.3.4.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn elligator(t: &F) -> Point {
    let one = F::small(1);
    let d = F::constant(&D);
    let r = F::constant(&SQRT_M1).mul(&t.square());
    let u = r.add(&one).mul(&F::constant(&ONE_MINUS_D_SQ));
    let v = one.negate().sub(&r.mul(&d)).mul(&r.add(&d));
    let (square, s) = sqrt_ratio(&u, &v);
    let other = s.mul(t).absolute().negate();
    let s = other.or(&s, square);
    let c = r.or(&one.negate(), square);
    let n = c.mul(&r.sub(&one)).mul(&F::constant(&D_MINUS_ONE_SQ)).sub(&v);
    let ss = s.square();
    let w0 = s.add(&s).mul(&v);
    let w1 = n.mul(&F::constant(&SQRT_AD_MINUS_ONE));
    let (w2, w3) = (one.sub(&ss), one.add(&ss));
    Point { x: w0.mul(&w3), y: w2.mul(&w1), z: w1.mul(&w3), t: w0.mul(&w2) }
}
