//! Measures how well names are told apart, and found again by their keys, on a labelled file.
//!
//! The file has a heading and the columns left, right, same (1 or 0), source, with tabs between them. Pairs are counted by the scripts that
//! stand in the two texts; what the source column says is not looked at.

use crate::bench::round;
use matching::names::{ALIKE, Name, Width};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

/// The part of false hits at which recall is told.
const FALSE_PART: usize = 100;

/// A pair of names and whether they are one person's.
pub struct Pair {
    left: String,
    right: String,
    same: bool,
}

/// Reads a labelled file; says which line is not of the form.
pub fn read(text: &str) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    for (n, line) in text.lines().enumerate().skip(1).filter(|(_, l)| !l.trim().is_empty()) {
        let mut columns = line.split('\t');
        let (left, right, same) = (columns.next(), columns.next(), columns.next());
        match (left, right, same) {
            (Some(left), Some(right), Some(same @ ("0" | "1"))) if !left.trim().is_empty() && !right.trim().is_empty() => {
                pairs.push(Pair { left: left.to_owned(), right: right.to_owned(), same: same == "1" });
            }
            _ => return Err(format!("line {} is not: name, tab, name, tab, 0 or 1", n + 1)),
        }
    }
    match pairs.is_empty() {
        true => Err("there is no pair behind the heading".to_owned()),
        false => Ok(pairs),
    }
}

/// Measures and returns all figures.
pub fn measure(pairs: &[Pair]) -> Value {
    let began = Instant::now();
    let names: Vec<(Name, Name)> = pairs.iter().map(|p| (Name::new(&p.left), Name::new(&p.right))).collect();
    let prepared = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let scores: Vec<f32> = black_box(names.iter().map(|(a, b)| a.score(b)).collect());
    let scored = began.elapsed().as_secs_f64();
    let mut of: BTreeMap<String, Vec<usize>> = BTreeMap::from([("all".to_owned(), (0..pairs.len()).collect())]);
    for (i, p) in pairs.iter().enumerate() {
        of.entry(scripts(&p.left, &p.right)).or_default().push(i);
    }
    let score = |mine: &[usize]| rates(&mine.iter().map(|i| (scores[*i], pairs[*i].same)).collect::<Vec<_>>());
    let mut keys = Vec::new();
    for (name, width) in [("narrow", Width::Narrow), ("medium", Width::Medium), ("wide", Width::Wide)] {
        let met = |i: usize| {
            let (a, b) = (names[i].0.keys(width), names[i].1.keys(width));
            (a.iter().any(|k| b.contains(k)), a.len() + b.len())
        };
        keys.push(key_rates(name, pairs, &of, &(0..pairs.len()).map(met).collect::<Vec<_>>()));
    }
    // As a list and a question are held against each other: the list wide, the question medium.
    let crossed = |i: usize| {
        let (a, b) = (names[i].0.keys(Width::Wide), names[i].1.keys(Width::Medium));
        (a.iter().any(|k| b.contains(k)), a.len() + b.len())
    };
    keys.push(key_rates("wide list, medium question", pairs, &of, &(0..pairs.len()).map(crossed).collect::<Vec<_>>()));
    json!({
        "pairs": pairs.len(), "alike": ALIKE, "names_per_s": round(2.0 * pairs.len() as f64 / prepared), "pairs_per_s": round(pairs.len() as f64 / scored),
        "scores": of.iter().map(|(name, mine)| (name.clone(), score(mine))).collect::<serde_json::Map<_, _>>(), "keys": keys,
    })
}

/// Shows the figures to people.
pub fn shown(whole: &Value) -> String {
    let mut out = String::new();
    out += &format!("{} pairs; {} names/s prepared, {} pairs/s scored, one thread\n", whole["pairs"], whole["names_per_s"], whole["pairs_per_s"]);
    out += &format!("{:>16}{}\n", "scripts", ["n", "same", "precision", "recall", "F1", "recall at 1% false"].map(|h| format!("{h:>20}")).concat());
    for (name, r) in whole["scores"].as_object().into_iter().flatten() {
        let columns = ["n", "same", "precision", "recall", "f1", "recall_at_1_percent_false"];
        out += &format!("{name:>16}{}\n", columns.map(|c| format!("{:>20}", r[c].to_string())).concat());
    }
    for k in whole["keys"].as_array().into_iter().flatten() {
        out += &format!("keys, {}: {} a name\n", k["width"].as_str().unwrap_or_default(), k["keys_per_name"]);
        for (name, r) in k["scripts"].as_object().into_iter().flatten() {
            out += &format!("{name:>16} recall {}, hard negatives that hit {}\n", r["recall"], r["negatives_hit"]);
        }
    }
    out
}

/// Names the scripts of two texts: `Arab-Latn`, in alphabetical order; a text in two scripts is `mixed`.
fn scripts(left: &str, right: &str) -> String {
    let of = |text: &str| {
        let mut found: Vec<&str> = text.chars().filter_map(script).collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [one] => *one,
            [] => "none",
            _ => "mixed",
        }
    };
    let mut both = [of(left), of(right)];
    both.sort_unstable();
    both.join("-")
}

/// Names a letter's script by its code of ISO 15924.
fn script(c: char) -> Option<&'static str> {
    match c {
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => Some("Arab"),
        '\u{2d30}'..='\u{2d7f}' => Some("Tfng"),
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Some("Latn"),
        c if c.is_alphabetic() => Some("Zzzz"),
        _ => None,
    }
}

fn rates(scores: &[(f32, bool)]) -> Value {
    let count = |f: &dyn Fn(&(f32, bool)) -> bool| scores.iter().filter(|s| f(s)).count() as f64;
    let (hit, wrong, missed) = (count(&|s| s.1 && s.0 >= ALIKE), count(&|s| !s.1 && s.0 >= ALIKE), count(&|s| s.1 && s.0 < ALIKE));
    let mut negatives: Vec<f32> = scores.iter().filter(|s| !s.1).map(|s| s.0).collect();
    negatives.sort_by(|a, b| b.total_cmp(a));
    let at_bar = negatives.get(negatives.len() / FALSE_PART).map(|bar| part(count(&|s| s.1 && s.0 > *bar), hit + missed));
    json!({
        "n": scores.len(), "same": hit + missed, "precision": part(hit, hit + wrong), "recall": part(hit, hit + missed),
        "f1": part(2.0 * hit, 2.0 * hit + wrong + missed), "recall_at_1_percent_false": at_bar,
    })
}

fn key_rates(width: &str, pairs: &[Pair], of: &BTreeMap<String, Vec<usize>>, met: &[(bool, usize)]) -> Value {
    let rate = |mine: &[usize], same: bool| {
        let mine: Vec<bool> = mine.iter().filter(|i| pairs[**i].same == same).map(|i| met[*i].0).collect();
        part(mine.iter().filter(|m| **m).count() as f64, mine.len() as f64)
    };
    let per_name = met.iter().map(|m| m.1).sum::<usize>() as f64 / met.len() as f64 / 2.0;
    json!({
        "width": width, "keys_per_name": round(per_name),
        "scripts": of.iter().map(|(n, mine)| (n.clone(), json!({ "recall": rate(mine, true), "negatives_hit": rate(mine, false) }))).collect::<serde_json::Map<_, _>>(),
    })
}

/// A part of a whole with four digits; none where there is no whole.
fn part(of: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (of / whole * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_from_the_texts() {
        assert_eq!(scripts("محمد", "Mohamed"), "Arab-Latn");
        assert_eq!(scripts("Zoë", "محمد"), "Arab-Latn");
        assert_eq!(scripts("Ana", "María"), "Latn-Latn");
        assert_eq!(scripts("محمد Ali", "Ana"), "Latn-mixed");
    }

    #[test]
    fn figures_follow_from_the_pairs() {
        let text = "left\tright\tsame\tsource\nAna Ruiz\tAna Ruiz\t1\tx\nAna Ruiz\tPeter Vogel\t0\tx\nمحمد الزروالي\tMohamed Zerouali\t1\tx\n";
        let whole = measure(&read(text).unwrap());
        assert_eq!((whole["scores"]["all"]["n"].clone(), whole["scores"]["Arab-Latn"]["n"].clone()), (json!(3), json!(1)));
        assert_eq!(whole["scores"]["all"]["f1"], json!(1.0));
        assert_eq!(whole["scores"]["Arab-Latn"]["recall_at_1_percent_false"], Value::Null, "no negative, no bar");
        assert_eq!(whole["keys"][0]["scripts"]["Latn-Latn"]["negatives_hit"], json!(0.0));
        assert!(rates(&[(0.9, true), (0.8, false), (0.2, true)])["precision"] == json!(0.5));
        assert!(read("left\tright\tsame\nAna\tAna\tyes\n").is_err_and(|e| e.starts_with("line 2")));
        assert!(read("left\tright\tsame\n").is_err());
    }
}
