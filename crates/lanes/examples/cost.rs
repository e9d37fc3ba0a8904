//! Prints what one element costs, in microseconds: the least of some rounds, each kernel beside curve25519-dalek in the same run.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use entente_lanes::Lanes;
use sha2::{Digest, Sha512};
use std::hint::black_box;
use std::time::Instant;

/// How many elements are worked on at a time.
const MANY: usize = 32;
/// How often each kernel has its turn, so that other work on the machine meets all of them.
const ROUNDS: usize = 150;

/// Work that one element costs, by name.
struct Table(Vec<(String, f64)>);

impl Table {
    /// Runs work on so many elements once, and keeps the least time that any round took for one.
    fn measure<T>(&mut self, name: String, elements: usize, mut work: impl FnMut() -> T) {
        let begun = Instant::now();
        black_box(work());
        let took = begun.elapsed().as_secs_f64() * 1e6 / elements as f64;
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, least)) => *least = least.min(took),
            None => self.0.push((name, took)),
        }
    }
}

fn main() {
    let uniform: Vec<[u8; 64]> = (0..MANY).map(|l| core::array::from_fn(|i| (i * 7 + l * 31 + 1) as u8)).collect();
    let scalars: Vec<Scalar> = uniform.iter().map(Scalar::from_bytes_mod_order_wide).collect();
    let bytes: Vec<[u8; 32]> = scalars.iter().map(Scalar::to_bytes).collect();
    let points: Vec<RistrettoPoint> = uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect();
    let encoded: Vec<[u8; 32]> = points.iter().map(|p| p.compress().to_bytes()).collect();
    let many: Vec<&[u8]> = uniform.iter().map(|m| &m[..]).collect();
    let mut table = Table(Vec::new());
    for _ in 0..ROUNDS {
        let mut dalek = |name: &str, work: &mut dyn FnMut()| table.measure(format!("dalek: {name}"), MANY, work);
        dalek("map", &mut || uniform.iter().for_each(|u| drop(black_box(RistrettoPoint::from_uniform_bytes(u)))));
        dalek("multiply", &mut || points.iter().for_each(|p| drop(black_box(p * scalars[5]))));
        dalek("encode one by one", &mut || points.iter().for_each(|p| drop(black_box(p.compress()))));
        dalek("encode doubles", &mut || drop(black_box(RistrettoPoint::double_and_compress_batch(&points))));
        dalek("decode", &mut || encoded.iter().for_each(|e| drop(black_box(CompressedRistretto(*e).decompress()))));
        dalek("sum of products", &mut || drop(black_box(RistrettoPoint::vartime_multiscalar_mul(&scalars, &points))));
        dalek("SHA-512 of one block", &mut || many.iter().for_each(|m| drop(black_box(Sha512::digest(m)))));
        for lanes in [Lanes::eight(), Lanes::four()].into_iter().flatten() {
            let (group, begun) = (lanes.map(&uniform), lanes.sha512_begin(&[]));
            let mut ours = |name: &str, work: &mut dyn FnMut()| table.measure(format!("{}: {name}", lanes.name()), MANY, work);
            ours("map", &mut || drop(black_box(lanes.map(&uniform))));
            ours("multiply", &mut || drop(black_box(group.times(&bytes[5]))));
            ours("multiply each", &mut || drop(black_box(group.times_each(&bytes))));
            ours("encode doubles", &mut || drop(black_box(group.encode_doubles())));
            ours("decode", &mut || drop(black_box(lanes.decode(&encoded))));
            ours("sum of products", &mut || drop(black_box(group.sum_products(&bytes))));
            ours("SHA-512 of one block", &mut || drop(black_box(lanes.sha512(&begun, &many))));
        }
    }
    table.0.sort_by(|a, b| a.0.cmp(&b.0));
    table.0.iter().for_each(|(name, least)| println!("{name} {least:.3}"));
}
