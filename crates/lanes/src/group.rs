//! Points in extended coordinates, one in each lane, and their ristretto255 encodings (RFC 9496, sections 4.3 and 4.4).

macro_rules! group {
    ($feature:literal) => {
        use super::arithmetic::{invert, sqrt_ratios};
        use super::field::{F, LANES, Mask, Stored, V, read};
        use crate::curve::{D, D_MINUS_ONE_SQ, INVSQRT_A_MINUS_D, ONE_MINUS_D_SQ, SQRT_AD_MINUS_ONE, SQRT_M1};

        /// All lanes.
        const ALL: Mask = Mask::MAX >> (8 - LANES);

        /// Points (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z.
        #[derive(Clone, Copy)]
        pub(crate) struct Point {
            x: F,
            y: F,
            z: F,
            t: F,
        }

        /// Points as an addition reads them on its left: Y + X, Y - X, Z, T.
        #[derive(Clone, Copy)]
        pub(crate) struct Ready {
            plus: F,
            minus: F,
            z: F,
            t: F,
        }

        /// Points before they are multiplied out: X = EF, Y = GH, Z = FG, T = EH.
        #[derive(Clone, Copy)]
        pub(crate) struct Completed {
            e: F,
            f: F,
            g: F,
            h: F,
        }

        /// Points prepared to be added: Y + X, Y - X, 2Z, 2dT.
        #[derive(Clone, Copy)]
        pub(crate) struct Prepared {
            plus: F,
            minus: F,
            z2: F,
            t2d: F,
        }

        /// Prepared points as a table holds them.
        #[derive(Clone, Copy)]
        pub(crate) struct Entry([Stored; 4]);

        impl Point {
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn identity() -> Point {
                Point { x: F::small(0), y: F::small(1), z: F::small(1), t: F::small(0) }
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn ready(&self) -> Ready {
                Ready { plus: self.y.add(&self.x), minus: self.y.sub(&self.x), z: self.z, t: self.t }
            }

            /// Doubles; T is not read.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn doubled(&self) -> Completed {
                let mut out = Completed { e: self.x, f: self.x, g: self.x, h: self.x };
                out.set_double(&self.x, &self.y, &self.z);
                out
            }

            /// Adds.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn plus(&self, other: &Prepared) -> Point {
                self.ready().plus(other).point()
            }

            /// Maps uniform strings to points: two Elligator maps, added (RFC 9496, 4.3.4).
            #[target_feature(enable = $feature)]
            pub(crate) fn from_uniform(bytes: &[[u8; 64]; LANES]) -> Point {
                let half = |from: usize| bytes.each_ref().map(|b| <[u8; 32]>::try_from(&b[from..from + 32]).expect("half of 64 bytes"));
                let [first, second] = elligators(&[F::from_bytes(&half(0)), F::from_bytes(&half(32))]);
                first.plus(&second.ready().prepare())
            }

            /// Decodes (RFC 9496, 4.3.1); the other value counts the lanes before the first that holds no valid encoding.
            #[target_feature(enable = $feature)]
            pub(crate) fn decode(bytes: &[[u8; 32]; LANES]) -> (usize, Point) {
                let s = F::from_bytes(bytes);
                // What is not canonical, the top bit included, does not come back as it was.
                let again = s.to_bytes();
                let mut canonical: Mask = 0;
                for lane in 0..LANES {
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
                let good = canonical & !s.is_negative() & square & !t.is_negative() & !y.is_zero() & ALL;
                (good.trailing_ones() as usize, Point { x, y, z: one, t })
            }
        }

        impl Completed {
            /// Multiplies out.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn point(&self) -> Point {
                let Completed { e, f, g, h } = self;
                Point { x: e.mul(f), y: g.mul(h), z: f.mul(g), t: e.mul(h) }
            }

            /// Doubles in place: multiplies out all but T.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn double(&mut self) {
                let Completed { e, f, g, h } = self;
                let (x, y, z) = (e.mul(f), g.mul(h), f.mul(g));
                self.set_double(&x, &y, &z);
            }

            /// All four signs are those of the usual formula turned around, which is the same point: so one raise is enough for what is taken off.
            #[inline]
            #[target_feature(enable = $feature)]
            fn set_double(&mut self, x: &F, y: &F, z: &F) {
                let (xx, yy, zz) = (x.squared_raised(), y.squared(), z.squared());
                let h = xx.plus(&yy);
                let g = xx.minus(&yy);
                self.e = h.minus(&x.sum_squared(y)).carried();
                self.f = g.plus(&zz.plus(&zz)).carried();
                self.g = g.carried();
                self.h = h.carried();
            }

            /// Adds in place.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn add(&mut self, other: &Prepared) {
                let ready = self.ready();
                self.set_sum(&ready, other);
            }

            /// The formula is complete: it holds for equal points and the identity too.
            #[inline]
            #[target_feature(enable = $feature)]
            fn set_sum(&mut self, one: &Ready, other: &Prepared) {
                let a = one.minus.product(&other.minus);
                let b = one.plus.product_raised(&other.plus);
                self.e = b.minus(&a).carried();
                self.h = b.plus(&a).carried();
                let c = one.t.product(&other.t2d);
                let d = one.z.product_raised(&other.z2);
                self.f = d.minus(&c).carried();
                self.g = d.plus(&c).carried();
            }

            /// Multiplies out what an addition needs.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn ready(&self) -> Ready {
                let Completed { e, f, g, h } = self;
                let (x, y) = (e.product(f), g.product_raised(h));
                Ready { plus: y.plus(&x).carried(), minus: y.minus(&x).carried(), z: f.mul(g), t: e.mul(h) }
            }
        }

        impl Ready {
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn prepare(&self) -> Prepared {
                let d = F::constant(&D);
                Prepared { plus: self.plus, minus: self.minus, z2: self.z.add(&self.z), t2d: self.t.mul(&d.add(&d)) }
            }

            /// Adds.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn plus(&self, other: &Prepared) -> Completed {
                let mut out = Completed { e: self.t, f: self.t, g: self.t, h: self.t };
                out.set_sum(self, other);
                out
            }
        }

        impl Prepared {
            #[inline]
            #[target_feature(enable = $feature)]
            fn identity() -> Prepared {
                Prepared { plus: F::small(1), minus: F::small(1), z2: F::small(2), t2d: F::small(0) }
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn entry(&self) -> Entry {
                Entry([self.plus.stored(), self.minus.stored(), self.z2.stored(), self.t2d.stored()])
            }

            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn negate_if(&self, mask: Mask) -> Prepared {
                Prepared { plus: self.plus.or(&self.minus, mask), minus: self.minus.or(&self.plus, mask), z2: self.z2, t2d: self.t2d.negate_if(mask) }
            }
        }

        impl Entry {
            /// Reads for each lane the entry of its number, from 1 on, every entry for every lane; the identity for 0.
            #[inline]
            #[target_feature(enable = $feature)]
            pub(crate) fn read<const N: usize>(table: &[Entry; N], number: V) -> Prepared {
                let [plus, minus, z2, t2d] = &read(&Prepared::identity().entry().0, table.each_ref().map(|e| &e.0), number);
                Prepared { plus: plus.opened(), minus: minus.opened(), z2: z2.opened(), t2d: t2d.opened() }
            }
        }

        /// The map of RFC 9496, 4.3.4, for two inputs in each lane.
        #[target_feature(enable = $feature)]
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
        #[target_feature(enable = $feature)]
        pub(crate) fn encode_doubles(points: &[Point]) -> Vec<[[u8; 32]; LANES]> {
            let one = F::small(1);
            let mut halves: Vec<Half> = Vec::with_capacity(points.len());
            let mut product = one;
            for p in points {
                let (xx, yy, zz) = (p.x.squared(), p.y.squared(), p.z.squared_raised());
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
            let mut out = vec![[[0; 32]; LANES]; halves.len()];
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
    };
}
