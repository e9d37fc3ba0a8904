//! Points in extended coordinates, eight at a time, and their ristretto255 encodings (RFC 9496, sections 4.3 and 4.4).

use crate::field::{D, D_MINUS_ONE_SQ, F, INVSQRT_A_MINUS_D, Mask, ONE_MINUS_D_SQ, SQRT_AD_MINUS_ONE, SQRT_M1, Wide, invert, sqrt_ratios};

/// Eight points (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: F,
    pub(crate) y: F,
    pub(crate) z: F,
    pub(crate) t: F,
}

/// Eight points as an addition reads them on its left: Y + X, Y - X, Z, T.
#[derive(Clone, Copy)]
pub(crate) struct Ready {
    plus: F,
    minus: F,
    z: F,
    t: F,
}

/// Eight points before they are multiplied out: X = EF, Y = GH, Z = FG, T = EH.
#[derive(Clone, Copy)]
pub(crate) struct Completed {
    e: F,
    f: F,
    g: F,
    h: F,
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
    pub(crate) fn ready(&self) -> Ready {
        Ready { plus: self.y.add(&self.x), minus: self.y.sub(&self.x), z: self.z, t: self.t }
    }

    /// Doubles; T is not read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn doubled(&self) -> Completed {
        let (a, b, c) = (self.x.squared(), self.y.squared(), self.z.squared());
        let ab = a.plus(&b);
        let e = self.x.add(&self.y).squared().minus(&ab).carried();
        let g = b.minus(&a);
        // Below 2^59 + 2^61 + 2^61.
        let f = g.minus(&c.plus(&c)).carried();
        Completed { e, f, g: g.carried(), h: ab.negated().carried() }
    }

    /// Adds; complete, so that it holds for equal points and the identity too.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn plus(&self, other: &Prepared) -> Point {
        self.ready().plus(other).point::<true>()
    }

    /// Maps uniform strings to points: two Elligator maps, added (RFC 9496, 4.3.4).
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn from_uniform(bytes: &[[u8; 64]; 8]) -> Point {
        let half = |from: usize| bytes.each_ref().map(|b| <[u8; 32]>::try_from(&b[from..from + 32]).expect("half of 64 bytes"));
        let [first, second] = elligators(&[F::from_bytes(&half(0)), F::from_bytes(&half(32))]);
        first.plus(&second.ready().prepare())
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
        let [(square, root)] = sqrt_ratios(&[one], &[v.mul(&u2_sq)]);
        let den_x = root.mul(&u2);
        let den_y = root.mul(&den_x).mul(&v);
        let x = s.add(&s).mul(&den_x).absolute();
        let y = u1.mul(&den_y);
        let t = x.mul(&y);
        let good = canonical & !s.is_negative() & square & !t.is_negative() & !y.is_zero();
        (good, Point { x, y, z: one, t })
    }
}

impl Completed {
    /// Multiplies out; T is worked out only if somebody will add to the result, and must else not be read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn point<const WITH_T: bool>(&self) -> Point {
        let Completed { e, f, g, h } = self;
        Point { x: e.mul(f), y: g.mul(h), z: f.mul(g), t: if WITH_T { e.mul(h) } else { *e } }
    }

    /// Multiplies out what an addition needs.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn ready(&self) -> Ready {
        let Completed { e, f, g, h } = self;
        let (x, y) = (e.product(f), g.product(h));
        Ready { plus: y.plus(&x).carried(), minus: y.minus(&x).carried(), z: f.mul(g), t: e.mul(h) }
    }
}

impl Ready {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn prepare(&self) -> Prepared {
        let d = F::constant(&D);
        Prepared { plus: self.plus, minus: self.minus, z2: self.z.add(&self.z), t2d: self.t.mul(&d.add(&d)) }
    }

    /// Adds; complete, so that it holds for equal points and the identity too.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(crate) fn plus(&self, other: &Prepared) -> Completed {
        let a = self.minus.product(&other.minus);
        let b = self.plus.product(&other.plus);
        let c = self.t.product(&other.t2d);
        let d = self.z.product(&other.z2);
        Completed { e: b.minus(&a).carried(), f: d.minus(&c).carried(), g: d.plus(&c).carried(), h: b.plus(&a).carried() }
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

/// The map of RFC 9496, 4.3.4, for two inputs in each lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn elligators(t: &[F; 2]) -> [Point; 2] {
    let one = F::small(1);
    let d = F::constant(&D);
    let (mut r, mut u, mut v) = (*t, *t, *t);
    for n in 0..2 {
        r[n] = F::constant(&SQRT_M1).mul(&t[n].square());
        u[n] = r[n].add(&one).mul(&F::constant(&ONE_MINUS_D_SQ));
        v[n] = one.negate().sub(&r[n].mul(&d)).mul(&r[n].add(&d));
    }
    let roots = sqrt_ratios(&u, &v);
    let mut out = [Point::identity(); 2];
    for n in 0..2 {
        let (square, s) = roots[n];
        let other = s.mul(&t[n]).absolute().negate();
        let s = other.or(&s, square);
        let c = r[n].or(&one.negate(), square);
        let nn = c.mul(&r[n].sub(&one)).mul(&F::constant(&D_MINUS_ONE_SQ)).sub(&v[n]);
        let ss = s.square();
        let w0 = s.add(&s).mul(&v[n]);
        let w1 = nn.mul(&F::constant(&SQRT_AD_MINUS_ONE));
        let (w2, w3) = (one.sub(&ss), one.add(&ss));
        out[n] = Point { x: w0.mul(&w3), y: w2.mul(&w1), z: w1.mul(&w3), t: w0.mul(&w2) };
    }
    out
}

/// What encoding the double of a point needs, before the one inversion for all of them.
struct Half {
    e: F,
    f: F,
    g: F,
    h: F,
    eg: F,
    fh: F,
    /// The product of `eg` and `fh` of this one and of all before it; lanes that are zero are left out.
    product: F,
    zero: Mask,
}

/// Encodes the doubles of points: a double needs no square root but an inversion, and one inversion serves all.
///
/// The encoding is that of RFC 9496, 4.3.2; how the root falls away is told in the notes of curve25519-dalek's `double_and_compress_batch`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn encode_doubles<'a>(points: impl ExactSizeIterator<Item = &'a Point>) -> Vec<[[u8; 32]; 8]> {
    let one = F::small(1);
    let mut halves: Vec<Half> = Vec::with_capacity(points.len());
    let mut product = one;
    for p in points {
        let (xx, yy, zz): (Wide, Wide, Wide) = (p.x.squared(), p.y.squared(), p.z.squared());
        let dtt = p.t.square().product(&F::constant(&D));
        let (e, f) = (p.x.mul(&p.y.add(&p.y)), zz.plus(&dtt).carried());
        let (g, h) = (yy.plus(&xx).carried(), zz.minus(&dtt).carried());
        let (eg, fh) = (e.mul(&g), f.mul(&h));
        let efgh = eg.mul(&fh);
        let zero = efgh.is_zero();
        product = product.mul(&efgh.or(&one, zero));
        halves.push(Half { e, f, g, h, eg, fh, product, zero });
    }
    let mut inverse = invert(&product);
    let mut out = vec![[[0; 32]; 8]; halves.len()];
    let i = F::constant(&SQRT_M1);
    for n in (0..halves.len()).rev() {
        let Half { e, f, g, h, eg, fh, zero, .. } = &halves[n];
        let before = if n == 0 { one } else { halves[n - 1].product };
        let own = inverse.mul(&before).or(&F::small(0), *zero);
        inverse = inverse.mul(&eg.mul(fh).or(&one, *zero));
        let (z_inv, t_inv) = (eg.mul(&own), fh.mul(&own));
        let rotate = eg.mul(&z_inv).is_negative();
        let magic = F::constant(&INVSQRT_A_MINUS_D).or(&i, rotate);
        let (e, g, h) = (e.or(g, rotate), g.or(&e.negate(), rotate), h.or(&f.mul(&i), rotate));
        let g = g.negate_if(h.mul(&e).mul(&z_inv).is_negative());
        out[n] = h.sub(&g).mul(&magic.mul(&g.mul(&t_inv))).absolute().to_bytes();
    }
    out
}
