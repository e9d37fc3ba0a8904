//! Learns the tables of `names` from a labelled file and says how they do on names that were held back.
//!
//! `cargo run --release -p entente-matching --example learn_names -- FILE [--write]`: FILE has a heading and the columns left, right, same.
//! With `--write`, the tables learned from all of it replace those in `data/`.

use entente_matching::names::learn::{Labelled, learn, scored};
use entente_matching::names::{Name, Width};

fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().expect("a labelled file");
    let write = args.next().is_some_and(|a| a == "--write");
    let text = std::fs::read_to_string(file).expect("a readable file");
    let mut pairs = Vec::new();
    for line in text.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(left), Some(right), Some(same)) = (columns.next(), columns.next(), columns.next()) else { continue };
        pairs.push((Labelled { left: left.to_owned(), right: right.to_owned(), same: same == "1" }, columns.next().unwrap_or_default().to_owned()));
    }
    // Held back by the first name's text, so that no name stands on both sides.
    let hash = |s: &str| s.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let (held, rest): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(p, _)| hash(&p.left) % 4 == 0);
    let (held_pairs, kinds): (Vec<_>, Vec<_>) = held.into_iter().unzip();
    let rest: Vec<Labelled> = rest.into_iter().map(|(p, _)| p).collect();
    let learned = learn(&rest);
    let scores = scored(&learned, &held_pairs);
    report("all", &scores, |_| true);
    for (name, test) in [("mixed scripts", true), ("one script", false)] {
        report(name, &scores, |i| kinds[i].contains(":ar-") == test);
    }
    report("Morocco, mixed", &scores, |i| kinds[i].contains(":MA:ar-"));
    report("parliaments, Latin", &scores, |i| kinds[i].starts_with("every") && kinds[i].contains(":lat-"));
    report("wikidata, Latin", &scores, |i| kinds[i].starts_with("wiki") && kinds[i].contains(":lat-"));
    let mut wrong: Vec<(f32, usize)> = scores.iter().enumerate().map(|(i, (s, same))| (if *same { 1.0 - s } else { *s }, i)).collect();
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (by, i) in wrong.iter().take(60) {
        println!("{by:.2} {} {} | {} | {}", held_pairs[*i].same, held_pairs[*i].left, held_pairs[*i].right, kinds[*i]);
    }
    if write {
        let all: Vec<Labelled> = rest.into_iter().chain(held_pairs).collect();
        let learned = learn(&all);
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data/");
        std::fs::write(format!("{data}letters.txt"), learned.letters).expect("a writable folder");
        std::fs::write(format!("{data}weights.txt"), learned.weights).expect("a writable folder");
        return;
    }
    for width in [Width::Narrow, Width::Medium, Width::Wide] {
        let meets = |p: &Labelled| {
            let (a, b) = (Name::new(&p.left).keys(width), Name::new(&p.right).keys(width));
            (a.iter().any(|k| b.contains(k)), a.len() + b.len())
        };
        let met: Vec<(bool, usize)> = held_pairs.iter().map(meets).collect();
        let rate = |of: &dyn Fn(usize) -> bool| {
            let mine: Vec<bool> = (0..met.len()).filter(|i| of(*i)).map(|i| met[i].0).collect();
            mine.iter().filter(|m| **m).count() as f64 / mine.len() as f64
        };
        let keys = met.iter().map(|m| m.1).sum::<usize>() as f64 / met.len() as f64 / 2.0;
        let same = |i: usize| held_pairs[i].same;
        println!(
            "{width:?}: {keys:.1} keys a name; recall {:.3}, mixed scripts {:.3}, Latin {:.3}, Morocco mixed {:.3}; hard negatives {:.3}",
            rate(&same),
            rate(&|i| same(i) && kinds[i].contains(":ar-")),
            rate(&|i| same(i) && kinds[i].contains(":lat-")),
            rate(&|i| same(i) && kinds[i].contains(":MA:ar-")),
            rate(&|i| !same(i)),
        );
    }
    let begun = std::time::Instant::now();
    let names: Vec<(Name, Name)> = held_pairs.iter().map(|p| (Name::new(&p.left), Name::new(&p.right))).collect();
    let prepared = begun.elapsed();
    let begun = std::time::Instant::now();
    let sum: f32 = names.iter().map(|(a, b)| a.score(b)).sum();
    println!(
        "{:.0} names/s prepared, {:.0} pairs/s scored ({sum:.0})",
        2.0 * names.len() as f64 / prepared.as_secs_f64(),
        names.len() as f64 / begun.elapsed().as_secs_f64()
    );
}

fn report(name: &str, scores: &[(f32, bool)], of: impl Fn(usize) -> bool) {
    let mine: Vec<(f32, bool)> = scores.iter().enumerate().filter(|(i, _)| of(*i)).map(|(_, s)| *s).collect();
    let count = |f: &dyn Fn(&(f32, bool)) -> bool| mine.iter().filter(|s| f(s)).count() as f64;
    let (tp, fp, fne) = (count(&|s| s.1 && s.0 >= 0.5), count(&|s| !s.1 && s.0 >= 0.5), count(&|s| s.1 && s.0 < 0.5));
    let mut negatives: Vec<f32> = mine.iter().filter(|s| !s.1).map(|s| s.0).collect();
    negatives.sort_by(|a, b| b.total_cmp(a));
    let bar = negatives.get(negatives.len() / 100).copied().unwrap_or(1.0);
    let recall = count(&|s| s.1 && s.0 > bar) / count(&|s| s.1).max(1.0);
    println!(
        "{name}: n {} P {:.3} R {:.3} F1 {:.4}; recall at 1 % false {recall:.3}",
        mine.len(),
        tp / (tp + fp),
        tp / (tp + fne),
        2.0 * tp / (2.0 * tp + fp + fne)
    );
}
