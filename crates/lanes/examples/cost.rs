//! Prints what one element costs, in microseconds: the least of some rounds, each kernel beside curve25519-dalek in the same run.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use entente_lanes::Lanes;
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// How many elements are worked on at a time: so few that other work on the machine seldom comes between.
const SOME: usize = 32;
/// What gains from long batches has these.
const MANY: usize = 1024;
/// How often each kernel has its turn.
const ROUNDS: usize = 150;

/// What one element costs, by kernel and work.
struct Table(BTreeMap<String, f64>);

impl Table {
    /// Runs work on so many elements, and keeps the least time that any round took for one; a first run, which wakes wide units, does not count.
    fn measure<T>(&mut self, name: String, elements: usize, mut work: impl FnMut() -> T) {
        black_box(work());
        let begun = Instant::now();
        black_box(work());
        let took = begun.elapsed().as_secs_f64() * 1e6 / elements as f64;
        let least = self.0.entry(name).or_insert(took);
        *least = least.min(took);
    }
}

/// Works on each, one after the other.
fn each<I, O>(all: &[I], work: impl Fn(&I) -> O) {
    for one in all {
        black_box(work(one));
    }
}

fn main() {
    let uniform: Vec<[u8; 64]> = (0..MANY).map(|l| core::array::from_fn(|i| (i * 7 + l * 31 + 1) as u8)).collect();
    let scalars: Vec<Scalar> = uniform.iter().map(Scalar::from_bytes_mod_order_wide).collect();
    let bytes: Vec<[u8; 32]> = scalars.iter().map(Scalar::to_bytes).collect();
    let points: Vec<RistrettoPoint> = uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect();
    let encoded: Vec<[u8; 32]> = points[..SOME].iter().map(|p| p.compress().to_bytes()).collect();
    let (few, some) = (&uniform[..SOME], &points[..SOME]);
    let messages: Vec<&[u8]> = few.iter().map(|m| &m[..]).collect();
    let mut table = Table(BTreeMap::new());
    for round in 0..ROUNDS {
        let mut dalek = |name: &str, elements: usize, work: &mut dyn FnMut()| table.measure(format!("dalek: {name}"), elements, work);
        dalek("map", SOME, &mut || each(few, RistrettoPoint::from_uniform_bytes));
        dalek("multiply", SOME, &mut || each(some, |p| p * scalars[5]));
        dalek("encode one by one", SOME, &mut || each(some, RistrettoPoint::compress));
        dalek("decode", SOME, &mut || each(&encoded, |e| CompressedRistretto(*e).decompress()));
        dalek("SHA-512 of one block", SOME, &mut || each(few, |m| Sha512::digest(m)));
        let long = round % 10 == 0;
        if long {
            dalek("encode doubles", MANY, &mut || each(&[&points], |p| RistrettoPoint::double_and_compress_batch(*p)));
            dalek("sum of products", MANY, &mut || each(&[&points], |p| RistrettoPoint::vartime_multiscalar_mul(&scalars, *p)));
        }
        for lanes in [Lanes::eight(), Lanes::four()].into_iter().flatten() {
            let (group, begun) = (lanes.map(few), lanes.sha512_begin(&[]));
            let mut ours = |name: &str, elements: usize, work: &mut dyn FnMut()| table.measure(format!("{}: {name}", lanes.name()), elements, work);
            ours("map", SOME, &mut || each(&[few], |u| lanes.map(u)));
            ours("multiply", SOME, &mut || each(&[&group], |g| g.times(&bytes[5])));
            ours("multiply each", SOME, &mut || each(&[&group], |g| g.times_each(&bytes[..SOME])));
            ours("decode", SOME, &mut || each(&[&encoded], |e| lanes.decode(e)));
            ours("SHA-512 of one block", SOME, &mut || each(&[&messages], |m| lanes.sha512(&begun, m)));
            if long {
                let group = lanes.map(&uniform);
                ours("encode doubles", MANY, &mut || each(&[&group], |g| g.encode_doubles()));
                ours("sum of products", MANY, &mut || each(&[&group], |g| g.sum_products(&bytes)));
            }
        }
    }
    table.0.iter().for_each(|(name, least)| println!("{name} {least:.3}"));
}
