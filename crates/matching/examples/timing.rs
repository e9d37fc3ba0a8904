//! Looks for a dependence of time on secrets, as dudect does (Reparaz, Balasch, Verbauwhede 2017): two classes of secrets, drawn in turn at
//! random, and Welch's t over the times of each.
//!
//! `cargo run --release -p entente-matching --example timing -- [SAMPLES]`. A |t| that stays above 10 while samples grow is a leak; one below 4.5 is none
//! that so many samples show. The last line is a control: it compares bytes with an early end, and must be found. A measurement, not a test:
//! other work on the machine moves it.

use base::Entropy;
use entente_matching::oprf::{Kernel, Key, Question};
use std::hint::black_box;
use std::time::Instant;

/// The slowest part of the samples is thrown away: interrupts, not secrets.
const KEPT: f64 = 0.9;

/// Questions of which one is drawn for each answer.
const POOL: u64 = 256;

struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.chunks_mut(8).for_each(|c| c.copy_from_slice(&self.next().to_le_bytes()[..c.len()]));
    }
}

/// Every byte the same.
struct Same(u8);

impl Entropy for Same {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// Welch's t of two classes of times.
fn welch(classes: [Vec<f64>; 2]) -> f64 {
    let [a, b] = classes.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.truncate((times.len() as f64 * KEPT) as usize);
        let n = times.len() as f64;
        let mean = times.iter().sum::<f64>() / n;
        (mean, times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
    });
    (a.0 - b.0) / (a.1 + b.1).sqrt()
}

/// Times work with secrets of class 0 or 1, drawn by chance.
fn measured(samples: usize, mut work: impl FnMut(usize)) -> f64 {
    let mut classes = [Vec::new(), Vec::new()];
    let mut chance = Seeded(99);
    for n in 0..samples + samples / 10 {
        let class = (chance.next() >> 33) as usize & 1;
        let began = Instant::now();
        work(class);
        let took = began.elapsed().as_nanos() as f64;
        if n >= samples / 10 {
            classes[class].push(took);
        }
    }
    welch(classes)
}

fn main() {
    let samples: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(20_000);
    let inputs: Vec<String> = (0..8).map(|n| format!("hit-no-hit|phone|1|2125370000{n:02}")).collect();
    for kernel in Kernel::all() {
        let name = kernel.name();
        // Keys of one bit against keys of many: what a branch or a skipped addition would tell apart.
        let sparse: [u8; 32] = std::array::from_fn(|i| u8::from(i == 31) << 3);
        let keys = [Key::from_bytes(&sparse, kernel).expect("a key"), Key::generate(&mut Seeded(1), kernel)];
        let t = measured(samples, |class| drop(black_box(keys[class].tags(black_box(&inputs), &|_| ()))));
        println!("{name}: the holder's key, an index: t {t:.2}");
        // What the key makes of the elements is public, and the sum over it in the proof may take its time by it: many questions, the same for both keys,
        // so that only the key tells the classes apart.
        let asked = |n: u64| Question::blind(&inputs, 1, &mut Seeded(1_000 + n), kernel).expect("a question").blinded().to_vec();
        let pool: Vec<_> = (0..POOL).map(asked).collect();
        let mut pick = Seeded(3);
        let t = measured(samples, |class| {
            let blinded = &pool[(pick.next() % POOL) as usize];
            drop(black_box(keys[class].evaluate(black_box(blinded), &mut Same(7))));
        });
        println!("{name}: the holder's key, an answer with its proof: t {t:.2}");
        let t = measured(samples, |class| drop(black_box(Question::blind(black_box(&inputs), 1, &mut Same([1, 0xa7][class]), kernel))));
        println!("{name}: blinds: t {t:.2}");
        let subjects = [inputs.clone(), (0..8).map(|n| format!("hit-no-hit|phone|1|3491999999{n:02}")).collect()];
        let t = measured(samples, |class| drop(black_box(Question::blind(black_box(&subjects[class]), 1, &mut Same(7), kernel))));
        println!("{name}: inputs of one length: t {t:.2}");
    }
    let secret = [7u8; 4096];
    let guesses = [secret, std::array::from_fn(|i| if i < 64 { 7 } else { 8 })];
    let t = measured(samples, |class| {
        black_box(black_box(&secret).iter().zip(black_box(&guesses[class])).all(|(a, b)| black_box(*a) == black_box(*b)));
    });
    println!("control, a comparison that ends early: t {t:.2}");
}
