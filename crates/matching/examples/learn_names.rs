//! Learns the tables of `names` from a labelled file and writes them into `data/`.
//!
//! `cargo run --release -p entente-matching --example learn_names -- FILE`: FILE has a heading and the columns left, right, same. How well tables do
//! on names that they were not learned from is told by `entente bench names FILE --held-back`.

use entente_matching::names::learn::{Labelled, learn};

fn main() {
    let file = std::env::args().nth(1).expect("a labelled file");
    let text = std::fs::read_to_string(file).expect("a readable file");
    let pair = |line: &str| {
        let mut columns = line.split('\t');
        let (left, right, same) = (columns.next()?, columns.next()?, columns.next()?);
        Some(Labelled { left: left.to_owned(), right: right.to_owned(), same: same == "1" })
    };
    let learned = learn(&text.lines().skip(1).filter_map(pair).collect::<Vec<_>>());
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/");
    std::fs::write(format!("{data}letters.txt"), learned.letters).expect("a writable folder");
    std::fs::write(format!("{data}weights.txt"), learned.weights).expect("a writable folder");
    std::fs::write(format!("{data}units.txt"), learned.units).expect("a writable folder");
}
