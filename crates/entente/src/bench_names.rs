//! Measures how well names are told apart, and found again by their keys, on a labelled file.
//!
//! The file has a heading and the columns left, right, same (1 or 0), source, with tabs between them. Pairs are counted by the scripts that
//! stand in the two texts, by the first word of the source (`x` of `x:MA:y`), and, where the source holds a country between colons, by it for pairs of two
//! scripts. With a part held back, tables are learned from the rest, and the figures are those of names that they have never seen. Rates are for each
//! second of one core's time, as the system counts it. Chance hits are told on a list of names drawn from the file (`matching::names::chance`): Arabic
//! ones of the Maghreb, or of all countries where it names none there, and Latin ones.

use crate::bench::round;
use matching::names::chance::{SAME_DATE, SAME_YEAR, TOLD, chance};
use matching::names::learn::{Labelled, learn};
use matching::names::rates::{Met, Tables, hold_back, part, rates};
use matching::names::{ALIKE, Name};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::time::Instant;

/// Countries whose Arabic names a list for chance hits is drawn from.
const MAGHREB: [&str; 3] = ["MA", "DZ", "TN"];

/// Labelled pairs, and where they come from.
pub struct Pairs {
    pairs: Vec<Labelled>,
    sources: HashMap<(String, String), Source>,
}

/// Where a pair comes from: the first word of its source, and the country that it names.
#[derive(Default)]
struct Source {
    of: String,
    country: Option<String>,
}

/// Reads a labelled file; says which line is not of the form.
pub fn read(text: &str) -> Result<Pairs, String> {
    let (mut pairs, mut sources) = (Vec::new(), HashMap::new());
    for (n, line) in text.lines().enumerate().skip(1).filter(|(_, l)| !l.trim().is_empty()) {
        let mut columns = line.split('\t');
        let (left, right, same) = (columns.next(), columns.next(), columns.next());
        match (left, right, same) {
            (Some(left), Some(right), Some(same @ ("0" | "1"))) if !left.trim().is_empty() && !right.trim().is_empty() => {
                let is_code = |c: &&str| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase());
                let source = columns.next().unwrap_or_default();
                let country = source.split(':').nth(1).filter(is_code).map(str::to_owned);
                let of = source.split(':').next().unwrap_or_default().to_owned();
                sources.insert((left.to_owned(), right.to_owned()), Source { of, country });
                pairs.push(Labelled { left: left.to_owned(), right: right.to_owned(), same: same == "1" });
            }
            _ => return Err(format!("line {} is not: name, tab, name, tab, 0 or 1", n + 1)),
        }
    }
    match pairs.is_empty() {
        true => Err("there is no pair behind the heading".to_owned()),
        false => Ok(Pairs { pairs, sources }),
    }
}

/// Measures and returns all figures; with `held_back`, of a quarter of the names, by tables learned from the others.
pub fn measure(all: Pairs, held_back: bool) -> Value {
    let Pairs { pairs, sources } = all;
    let source = |p: &Labelled| sources.get(&(p.left.clone(), p.right.clone()));
    let country = |p: &Labelled| source(p).and_then(|s| s.country.clone());
    let whole = pairs.clone();
    let (tables, pairs) = if held_back {
        let (rest, held) = hold_back(pairs);
        (Tables::of(&learn(&rest)).expect("what was just learned is of the form"), held)
    } else {
        (Tables::shipped(), pairs)
    };
    let began = Clock::now();
    let names: Vec<(Name, Name)> = pairs.iter().map(|p| (tables.name(&p.left), tables.name(&p.right))).collect();
    let prepared = began.seconds();
    let began = Clock::now();
    let scores: Vec<f32> = black_box(names.iter().map(|(a, b)| tables.score(a, b)).collect());
    let scored = began.seconds();
    let mut of: BTreeMap<String, Vec<usize>> = BTreeMap::from([("all".to_owned(), (0..pairs.len()).collect())]);
    for (i, p) in pairs.iter().enumerate() {
        let scripts = scripts(&p.left, &p.right);
        if let Some(country) = country(p).filter(|_| scripts == "Arab-Latn") {
            of.entry(format!("{scripts} {country}")).or_default().push(i);
        }
        if let Some(source) = source(p).map(|s| &s.of).filter(|s| !s.is_empty()) {
            of.entry(format!("{scripts} {source}")).or_default().push(i);
        }
        of.entry(scripts).or_default().push(i);
    }
    let score = |mine: &[usize]| {
        let r = rates(&mine.iter().map(|i| (scores[*i], pairs[*i].same)).collect::<Vec<_>>());
        json!({
            "n": r.pairs, "same": r.same, "precision": r.precision, "recall": r.recall, "f1": r.f1, "recall_at_1_percent_false": r.recall_at_one_percent,
        })
    };
    let keys = TOLD.map(|(name, sides)| {
        let began = Clock::now();
        let met: Vec<Met> = names.iter().map(|(a, b)| tables.meet(a, b, sides)).collect();
        key_rates(name, &pairs, &of, &met, 2.0 * pairs.len() as f64 / began.seconds())
    });
    let maghreb = |p: &&Labelled| country(p).is_some_and(|c| MAGHREB.contains(&c.as_str()));
    let named = |all: &[Labelled]| -> Vec<Labelled> {
        let some: Vec<Labelled> = all.iter().filter(maghreb).cloned().collect();
        if some.is_empty() { all.to_vec() } else { some }
    };
    let (from, asked) = (named(&whole), named(&pairs));
    let by_chance: Vec<Value> = [("Arab", true), ("Latn", false)]
        .into_iter()
        .flat_map(|(list, arabic)| TOLD.map(|(name, sides)| (list, arabic, name, sides)))
        .filter_map(|(list, arabic, name, sides)| {
            let c = if arabic { chance(&tables, &from, &asked, true, sides) } else { chance(&tables, &whole, &pairs, false, sides) }?;
            let dated = |p: f64| (c.mean * p * 1e6).round() / 1e6;
            Some(json!({
                "list": list, "width": name, "questions": c.questions, "mean": round(c.mean), "median": round(c.median), "namesakes": c.namesakes,
                "mean_with_year": dated(SAME_YEAR), "mean_with_date": dated(SAME_DATE),
            }))
        })
        .collect();
    json!({
        "pairs": pairs.len(), "held_back": held_back, "alike": ALIKE, "names_per_s": round(2.0 * pairs.len() as f64 / prepared),
        "pairs_per_s": round(pairs.len() as f64 / scored),
        "scores": of.iter().map(|(name, mine)| (name.clone(), score(mine))).collect::<serde_json::Map<_, _>>(), "keys": keys, "chance": by_chance,
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
    for c in whole["chance"].as_array().into_iter().flatten() {
        out += &format!(
            "chance hits beside 10^6 others, {} list, {}: mean {}, median {}; with the year {}, with the full date {}\n",
            c["list"].as_str().unwrap_or_default(),
            c["width"].as_str().unwrap_or_default(),
            c["mean"],
            c["median"],
            c["mean_with_year"],
            c["mean_with_date"]
        );
    }
    out
}

/// Time of this process's own work: other programs on the machine do not lengthen it. Where the system does not tell it, time as such.
struct Clock(Option<u64>, Instant);

impl Clock {
    fn now() -> Clock {
        Clock(worked_ns(), Instant::now())
    }

    fn seconds(&self) -> f64 {
        let worked = self.0.zip(worked_ns()).map(|(then, now)| (now - then) as f64 / 1e9);
        worked.unwrap_or_else(|| self.1.elapsed().as_secs_f64()).max(1e-9)
    }
}

/// Nanoseconds for which this thread was on a processor (Linux, `schedstat`).
fn worked_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
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
        assert_eq!(whole["scores"]["Latn-Latn x"]["n"], json!(2), "and a first word");
        let text = text.to_owned() + "خالد بنشقرون\tKhalid Benchekroun\t1\tx:MA:y\n";
        let whole = measure(read(&text).unwrap(), false);
        let chance: Vec<&Value> = whole["chance"].as_array().unwrap().iter().filter(|c| c["list"] == "Arab" && c["width"] == "narrow").collect();
        // Four names can be drawn; two of them are those that are asked for, and the other two share a part with each: no key of two parts.
        assert_eq!((chance[0]["questions"].clone(), chance[0]["mean"].as_f64(), chance[0]["namesakes"].as_f64()), (json!(2), Some(0.0), Some(1.0)));
        assert!(read("left\tright\tsame\nAna\tAna\tyes\n").is_err_and(|e| e.starts_with("line 2")));
        assert!(read("left\tright\tsame\n").is_err());
    }
}
