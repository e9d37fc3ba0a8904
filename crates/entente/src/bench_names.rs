//! Measures how well names are told apart, and found again by their keys, on a labelled file.
//!
//! The file has a heading and the columns left, right, same (1 or 0), source, with tabs between them. Pairs are counted by the scripts that
//! stand in the two texts; where the source holds a country between colons, `x:MA:y`, its pairs of two scripts are counted by themselves too.
//! With a part held back, tables are learned from the rest, and the figures are those of names that they have never seen.

use crate::bench::round;
use matching::names::learn::{Labelled, learn};
use matching::names::rates::{Met, Sides, Tables, hold_back, part, rates};
use matching::names::{ALIKE, Name, Width};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::time::Instant;

/// Labelled pairs, and the country of those whose source names one.
pub struct Pairs {
    pairs: Vec<Labelled>,
    countries: HashMap<(String, String), String>,
}

/// Reads a labelled file; says which line is not of the form.
pub fn read(text: &str) -> Result<Pairs, String> {
    let (mut pairs, mut countries) = (Vec::new(), HashMap::new());
    for (n, line) in text.lines().enumerate().skip(1).filter(|(_, l)| !l.trim().is_empty()) {
        let mut columns = line.split('\t');
        let (left, right, same) = (columns.next(), columns.next(), columns.next());
        match (left, right, same) {
            (Some(left), Some(right), Some(same @ ("0" | "1"))) if !left.trim().is_empty() && !right.trim().is_empty() => {
                let is_code = |c: &&str| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase());
                if let Some(country) = columns.next().and_then(|source| source.split(':').nth(1)).filter(is_code) {
                    countries.insert((left.to_owned(), right.to_owned()), country.to_owned());
                }
                pairs.push(Labelled { left: left.to_owned(), right: right.to_owned(), same: same == "1" });
            }
            _ => return Err(format!("line {} is not: name, tab, name, tab, 0 or 1", n + 1)),
        }
    }
    match pairs.is_empty() {
        true => Err("there is no pair behind the heading".to_owned()),
        false => Ok(Pairs { pairs, countries }),
    }
}

/// Measures and returns all figures; with `held_back`, of a quarter of the names, by tables learned from the others.
pub fn measure(all: Pairs, held_back: bool) -> Value {
    let Pairs { pairs, countries } = all;
    let (tables, pairs) = if held_back {
        let (rest, held) = hold_back(pairs);
        (Tables::of(&learn(&rest)).expect("what was just learned is of the form"), held)
    } else {
        (Tables::shipped(), pairs)
    };
    let began = Instant::now();
    let names: Vec<(Name, Name)> = pairs.iter().map(|p| (tables.name(&p.left), tables.name(&p.right))).collect();
    let prepared = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let scores: Vec<f32> = black_box(names.iter().map(|(a, b)| tables.score(a, b)).collect());
    let scored = began.elapsed().as_secs_f64();
    let mut of: BTreeMap<String, Vec<usize>> = BTreeMap::from([("all".to_owned(), (0..pairs.len()).collect())]);
    for (i, p) in pairs.iter().enumerate() {
        let scripts = scripts(&p.left, &p.right);
        if let Some(country) = countries.get(&(p.left.clone(), p.right.clone())).filter(|_| scripts == "Arab-Latn") {
            of.entry(format!("{scripts} {country}")).or_default().push(i);
        }
        of.entry(scripts).or_default().push(i);
    }
    let score = |mine: &[usize]| {
        let r = rates(&mine.iter().map(|i| (scores[*i], pairs[*i].same)).collect::<Vec<_>>());
        json!({
            "n": r.pairs, "same": r.same, "precision": r.precision, "recall": r.recall, "f1": r.f1, "recall_at_1_percent_false": r.recall_at_one_percent,
        })
    };
    let sides = [
        ("narrow", Sides(Width::Narrow, Width::Narrow)),
        ("medium", Sides(Width::Medium, Width::Medium)),
        ("wide", Sides(Width::Wide, Width::Wide)),
        // As a list and a question are held against each other.
        ("wide list, medium question", Sides(Width::Wide, Width::Medium)),
    ];
    let keys = sides.map(|(name, sides)| {
        let began = Instant::now();
        let met: Vec<Met> = names.iter().map(|(a, b)| tables.meet(a, b, sides)).collect();
        key_rates(name, &pairs, &of, &met, 2.0 * pairs.len() as f64 / began.elapsed().as_secs_f64())
    });
    json!({
        "pairs": pairs.len(), "held_back": held_back, "alike": ALIKE, "names_per_s": round(2.0 * pairs.len() as f64 / prepared),
        "pairs_per_s": round(pairs.len() as f64 / scored),
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
        out += &format!("keys, {}: {} a name, {} names/s\n", k["width"].as_str().unwrap_or_default(), k["keys_per_name"], k["names_per_s"]);
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

fn key_rates(width: &str, pairs: &[Labelled], of: &BTreeMap<String, Vec<usize>>, met: &[Met], names_per_s: f64) -> Value {
    let rate = |mine: &[usize], same: bool| {
        let mine: Vec<bool> = mine.iter().filter(|i| pairs[**i].same == same).map(|i| met[*i].met).collect();
        part(mine.iter().filter(|m| **m).count() as f64, mine.len() as f64)
    };
    let per_name = met.iter().map(|m| m.keys).sum::<usize>() as f64 / met.len() as f64 / 2.0;
    json!({
        "width": width, "keys_per_name": round(per_name), "names_per_s": round(names_per_s),
        "scripts": of.iter().map(|(n, mine)| (n.clone(), json!({ "recall": rate(mine, true), "negatives_hit": rate(mine, false) }))).collect::<serde_json::Map<_, _>>(),
    })
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
        let text = "left\tright\tsame\tsource\nAna Ruiz\tAna Ruiz\t1\tx:MA:y\nAna Ruiz\tPeter Vogel\t0\tx\nمحمد الزروالي\tMohamed Zerouali\t1\tx:MA:y\n";
        let whole = measure(read(text).unwrap(), false);
        assert_eq!((whole["scores"]["all"]["n"].clone(), whole["scores"]["Arab-Latn"]["n"].clone()), (json!(3), json!(1)));
        assert_eq!(whole["scores"]["all"]["f1"], json!(1.0));
        assert_eq!(whole["scores"]["Arab-Latn"]["recall_at_1_percent_false"], Value::Null, "no negative, no bar");
        assert_eq!(whole["keys"][0]["scripts"]["Latn-Latn"]["negatives_hit"], json!(0.0));
        assert_eq!(whole["scores"]["Arab-Latn MA"]["n"], json!(1), "the source names a country");
        assert!(whole["scores"]["Latn-Latn MA"].is_null());
        assert!(read("left\tright\tsame\nAna\tAna\tyes\n").is_err_and(|e| e.starts_with("line 2")));
        assert!(read("left\tright\tsame\n").is_err());
    }
}
