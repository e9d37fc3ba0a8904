//! Does one piece of work with one of two secrets, for a tool that records every instruction and every address: the two records must be the same.
//!
//! ```sh
//! cargo build --release -p entente-matching --example trace
//! for secret in 0 1; do
//!   valgrind --tool=lackey --trace-mem=yes target/release/examples/trace portable inputs $secret 2>&1 | grep '^[I ]' | sha256sum
//! done
//! ```
//!
//! Two equal sums say that no branch and no address depended on the secret, whatever else the machine did; what an instruction itself takes is left to
//! `timing`. Kernels: `four` and `portable` (the tool does not know AVX-512). Work: `index`, `answer`, `blinds`, `inputs`, and `control`, which ends early and
//! must be told apart.

use base::Entropy;
use entente_matching::oprf::{Kernel, Key, Question};
use std::hint::black_box;

/// Every byte the same.
struct Same(u8);

impl Entropy for Same {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kernel, work, secret] = arguments.as_slice() else { panic!("a kernel, a work and 0 or 1") };
    let kernel = Kernel::all().find(|k| k.name() == kernel).expect("a kernel of this processor");
    let mask = 0u8.wrapping_sub(u8::from(secret == "1"));
    // Chosen by masks, so that this program's own choice leaves no trace.
    let one_of = |a: &[u8], b: &[u8]| -> Vec<u8> { a.iter().zip(b).map(|(a, b)| black_box(a ^ ((a ^ b) & mask))).collect() };
    let subjects: Vec<Vec<u8>> =
        (b'0'..b'8').map(|n| one_of(b"hit-no-hit|phone|1|21253700000", b"hit-no-hit|phone|1|34919999990").into_iter().chain([n]).collect()).collect();
    let subject: Vec<Vec<u8>> = (b'0'..b'8').map(|n| [b"hit-no-hit|phone|1|21253700000".as_slice(), &[n]].concat()).collect();
    // A key of one bit and one of many.
    let keys: [[u8; 32]; 2] = [std::array::from_fn(|i| u8::from(i == 31) << 3), std::array::from_fn(|i| if i == 31 { 7 } else { 0xa7 ^ i as u8 })];
    let key = Key::from_bytes(&one_of(&keys[0], &keys[1]).try_into().expect("32 bytes"), kernel).expect("a key");
    match work.as_str() {
        "index" => drop(black_box(key.tags(&subject, &|_| ()))),
        "answer" => {
            let asked = Question::blind(&subject, 1, &mut Same(5), kernel).expect("a question");
            drop(black_box(key.evaluate(asked.blinded(), &mut Same(7))));
        }
        "blinds" => drop(black_box(Question::blind(&subject, 1, &mut Same(1 ^ (0xa6 & mask)), kernel))),
        "inputs" => drop(black_box(Question::blind(&subjects, 1, &mut Same(7), kernel))),
        _ => {
            let guess = one_of(&[7; 64], &std::array::from_fn::<u8, 64, _>(|i| if i < 9 { 7 } else { 8 }));
            black_box(guess.iter().all(|b| black_box(*b) == 7));
        }
    }
}
