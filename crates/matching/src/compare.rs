//! Two records in clear, held against each other, with the reasons field by field: after a hit, or within one's own index.
//!
//! 1 the two names that are likeliest one are told part by part, 2 dates of birth and identifiers are told for themselves. The reasons are codes and
//! what stood on either side; their words are the program's. Nothing here decides: a person reads it.

use crate::names::{Likeness, Name};
use crate::subject::{Birth, KeyType, Subject};

/// From this fit on two parts stand for the same sounds; below the other bound they have little in common.
const SAME_SOUNDS: f32 = 0.75;
const NEAR: f32 = 0.4;

/// What a reason is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Field {
    /// The name.
    Name,
    /// The date of birth.
    Birth,
    /// An identifier of a kind.
    Identifier(KeyType),
}

/// What was found in a field.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Finding {
    /// Letter by letter the same.
    Same,
    /// Another spelling of the same sounds.
    SameSounds,
    /// Near in sound.
    Near,
    /// Little in common.
    Unlike,
    /// On one side only.
    OneSide,
    /// The parts stand in another order.
    Reordered,
    /// The same date with day and month exchanged.
    Exchanged,
    /// The same year; a day is known on one side at most.
    SameYear,
    /// The same year, another day.
    OtherDay,
}

impl Finding {
    /// All findings.
    pub const ALL: [Finding; 9] = [
        Finding::Same,
        Finding::SameSounds,
        Finding::Near,
        Finding::Unlike,
        Finding::OneSide,
        Finding::Reordered,
        Finding::Exchanged,
        Finding::SameYear,
        Finding::OtherDay,
    ];

    /// Returns the name in files and figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Finding::Same => "same",
            Finding::SameSounds => "same-sounds",
            Finding::Near => "near",
            Finding::Unlike => "unlike",
            Finding::OneSide => "one-side",
            Finding::Reordered => "reordered",
            Finding::Exchanged => "exchanged",
            Finding::SameYear => "same-year",
            Finding::OtherDay => "other-day",
        }
    }
}

impl Field {
    /// Returns the name in files and figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Birth => "birth",
            Field::Identifier(kind) => kind.as_str(),
        }
    }
}

/// One reason: a field, what was found in it, and what stood on either side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// What it is about.
    pub field: Field,
    /// What was found.
    pub finding: Finding,
    /// What the first record says; empty where it says nothing.
    pub left: String,
    /// What the second record says.
    pub right: String,
}

/// What two records come to.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// How likely the two likeliest names are one, from 0 to 1; none where a record has no name.
    pub name_score: Option<f32>,
    /// Why, field by field.
    pub reasons: Vec<Reason>,
}

/// Holds two records against each other.
pub fn compare(left: &Subject, right: &Subject) -> Comparison {
    let pairs = left.names.iter().flat_map(|l| right.names.iter().map(move |r| Name::new(l).likeness(&Name::new(r))));
    let best = pairs.max_by(|a, b| a.score.total_cmp(&b.score));
    let mut reasons: Vec<Reason> = best.iter().flat_map(of_names).collect();
    reasons.extend(of_births(&left.births, &right.births));
    for kind in KeyType::ALL {
        let of = |s: &Subject| s.identifiers.iter().filter(|k| k.kind == kind).map(|k| k.value().to_owned()).collect::<Vec<_>>();
        let (l, r) = (of(left), of(right));
        let same: Vec<&String> = l.iter().filter(|v| r.contains(v)).collect();
        let finding = match (same.is_empty(), l.is_empty(), r.is_empty()) {
            (_, true, true) => continue,
            (false, _, _) => Finding::Same,
            (true, false, false) => Finding::Unlike,
            _ => Finding::OneSide,
        };
        let told = |side: &[String]| if same.is_empty() { side.join(", ") } else { same.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ") };
        reasons.push(Reason { field: Field::Identifier(kind), finding, left: told(&l), right: told(&r) });
    }
    Comparison { name_score: best.map(|b| b.score), reasons }
}

fn of_names(l: &Likeness) -> Vec<Reason> {
    let reason = |finding, left: &str, right: &str| Reason { field: Field::Name, finding, left: left.to_owned(), right: right.to_owned() };
    let fit = |f: &crate::names::Fit| {
        let finding = match f.fit {
            _ if f.left == f.right => Finding::Same,
            fit if fit >= SAME_SOUNDS => Finding::SameSounds,
            fit if fit >= NEAR => Finding::Near,
            _ => Finding::Unlike,
        };
        reason(finding, &f.left, &f.right)
    };
    let mut all: Vec<Reason> = l.fits.iter().map(fit).collect();
    all.extend(l.left_over.iter().map(|p| reason(Finding::OneSide, p, "")));
    all.extend(l.right_over.iter().map(|p| reason(Finding::OneSide, "", p)));
    if l.reordered {
        all.push(reason(Finding::Reordered, "", ""));
    }
    all
}

/// Tells the best that any date of one record and any of the other come to.
fn of_births(left: &[Birth], right: &[Birth]) -> Option<Reason> {
    let finding = |l: &Birth, r: &Birth| {
        if l.year() != r.year() {
            return Finding::Unlike;
        }
        match (l.is_whole() && r.is_whole(), l == r, l.swapped().as_ref() == Some(r)) {
            (true, true, _) => Finding::Same,
            (true, _, true) => Finding::Exchanged,
            (false, _, _) => Finding::SameYear,
            _ => Finding::OtherDay,
        }
    };
    let rank = |f: &Finding| match f {
        Finding::Same => 0,
        Finding::Exchanged => 1,
        Finding::SameYear => 2,
        Finding::OtherDay => 3,
        _ => 4,
    };
    let pairs = left.iter().flat_map(|l| right.iter().map(move |r| (finding(l, r), l, r)));
    let reason = |finding, l: String, r: String| Reason { field: Field::Birth, finding, left: l, right: r };
    match (pairs.min_by_key(|(f, _, _)| rank(f)), left.first(), right.first()) {
        (Some((f, l, r)), _, _) => Some(reason(f, l.to_string(), r.to_string())),
        (None, Some(l), _) => Some(reason(Finding::OneSide, l.to_string(), String::new())),
        (None, _, Some(r)) => Some(reason(Finding::OneSide, String::new(), r.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, birth: &str, phone: &str) -> Subject {
        let mut s = Subject::default();
        s.name(name).unwrap();
        [birth].iter().filter(|b| !b.is_empty()).for_each(|b| s.birth(b).unwrap());
        [phone].iter().filter(|p| !p.is_empty()).for_each(|p| s.phone(p).unwrap());
        s
    }

    /// A small picture: one word for each reason.
    fn told(a: &Subject, b: &Subject) -> String {
        compare(a, b).reasons.iter().map(|r| format!("{}:{}", r.field.as_str(), r.finding.as_str())).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn reasons_are_told_field_by_field() {
        let list = record("يوسف بن شقرون", "1981-03-07", "+212537000001");
        assert_eq!(told(&list, &record("Youssef Benchekroun", "1981-03-07", "+212537000001")), "name:same-sounds name:same-sounds birth:same phone:same");
        assert_eq!(told(&record("Ana Ruiz", "", ""), &record("Ruiz, Ana", "1990", "")), "name:same name:same name:reordered birth:one-side");
        assert_eq!(
            told(&record("Ana Ruiz", "1990-05-02", "+34910000000"), &record("Ana Ruiz Soto", "1990-05-03", "+34910000001")),
            "name:same name:same name:one-side birth:other-day phone:unlike"
        );
    }

    #[test]
    fn the_best_of_several_dates_and_names_is_told() {
        let birth = |a: &str, b: &str| compare(&record("Ana Ruiz", a, ""), &record("Ana Ruiz", b, "")).reasons.pop().unwrap().finding;
        assert_eq!(birth("1981-03-07", "1981-07-03"), Finding::Exchanged);
        assert_eq!(birth("1981-03-07", "1981"), Finding::SameYear);
        assert_eq!(birth("1981", "1981"), Finding::SameYear);
        assert_eq!(birth("1981-03-07", "1982-03-07"), Finding::Unlike);
        let mut two = record("Peter Vogel", "1970", "");
        two.name("Ana Ruiz").unwrap();
        two.birth("1981-03-07").unwrap();
        let c = compare(&two, &record("Ana Ruiz", "1981-03-07", ""));
        assert!(c.name_score > Some(0.5) && c.reasons.last().map(|r| r.finding) == Some(Finding::Same));
        assert_eq!(compare(&Subject::default(), &two).name_score, None);
    }
}
