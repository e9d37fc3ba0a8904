//! Learns the tables of `names` from a labelled file and writes them into `data/`.
//!
//! `cargo run --release -p entente-matching --example learn_names -- FILE [weights]`: FILE has a heading and the columns left, right, same. With
//! `weights` only what figures weigh is learned, beside the letters and units that ship, so that keys of names stay as they are. How well tables do
//! on names that they were not learned from is told by `entente bench names FILE --held-back`.

use entente_matching::names::learn::{Labelled, learn, learn_weights};

fn main() {
    let file = std::env::args().nth(1).expect("a labelled file");
    let text = std::fs::read_to_string(file).expect("a readable file");
    let pair = |line: &str| {
        let mut columns = line.split('\t');
        let (left, right, same) = (columns.next()?, columns.next()?, columns.next()?);
        Some(Labelled { left: left.to_owned(), right: right.to_owned(), same: same == "1" })
    };
    let pairs: Vec<Labelled> = text.lines().skip(1).filter_map(pair).collect();
    let write = |name: &str, text: &str| std::fs::write(format!("{}/data/{name}.txt", env!("CARGO_MANIFEST_DIR")), text).expect("a writable folder");
    match std::env::args().nth(2).as_deref() {
        Some("weights") => write("weights", &learn_weights(&pairs)),
        Some(other) => panic!("{other} is no part of the tables; `weights` is"),
        None => {
            let learned = learn(&pairs);
            write("letters", &learned.letters);
            write("weights", &learned.weights);
            write("units", &learned.units);
        }
    }
}
