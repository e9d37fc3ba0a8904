//! What was typed into the question form, read into a subject and its justification; everything that is missing or wrong is found at once.

use crate::access::Posted;
use crate::country;
use base::{DossierId, Lang, ServiceId, Text};
use node::{Aim, Askable, AskedPerson, Justification, Subject, SubjectFault};

/// Names, dates and identifiers that the form takes of one subject; more go by a list.
pub(super) const ROWS_MAX: usize = 12;
/// Characters of the officer's own name for a subject.
const LABEL_CHARS_MAX: usize = 200;

/// What is missing or wrong: the field, the stable code (empty where it is missing), and which value.
pub(super) type Wrong = Vec<(&'static str, String, String)>;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asking {
    pub to: Vec<ServiceId>,
    pub subject: Subject,
    pub persons: Vec<AskedPerson>,
    pub label: String,
    pub why: Justification,
    pub standing: bool,
}

/// Reads the form; only partners that may be asked count as chosen.
pub(super) fn read(form: &Posted, askables: &[Askable], lang: Lang) -> Result<Asking, Wrong> {
    let mut wrong: Wrong = Vec::new();
    let mut missing = |field: &'static str, is: bool| {
        if is {
            wrong.push((field, String::new(), String::new()));
        }
    };
    let get = |name: &str| form.get(name).trim();
    let to: Vec<ServiceId> = askables.iter().map(|a| a.partner).filter(|p| form.all("to").any(|v| v == p.to_string())).collect();
    missing("to", to.is_empty());
    let aim = match get("aim") {
        "identify" => Some(Aim::Identify),
        "learn-more" => Some(Aim::LearnMore),
        _ => None,
    };
    missing("aim", aim.is_none());
    for field in ["purpose", "offence", "category", "reference", "reason"] {
        missing(field, get(field).is_empty());
    }
    let (subject, persons) = subject(form, &mut wrong);
    let Some(aim) = aim.filter(|_| wrong.is_empty()) else { return Err(wrong) };
    let label = if get("label").is_empty() { own_name(&persons, form) } else { get("label").to_owned() };
    let why = Justification {
        purpose: get("purpose").to_owned(),
        offence: get("offence").to_owned(),
        category: get("category").to_owned(),
        aim,
        reference: get("reference").to_owned(),
        reason: Text::new(get("reason-lang").parse().unwrap_or(lang), get("reason")),
        grant: get("grant").parse::<DossierId>().ok(),
    };
    Ok(Asking { to, subject, persons, label: label.chars().take(LABEL_CHARS_MAX).collect(), why, standing: get("standing") == "yes" })
}

/// Reads names, dates of birth and identifiers.
fn subject(form: &Posted, wrong: &mut Wrong) -> (Subject, Vec<AskedPerson>) {
    let (mut s, mut persons, mut born) = (Subject::default(), Vec::new(), String::new());
    let get = |name: &str, i: usize| form.get(&format!("{name}:{i}")).trim().to_owned();
    let mut note = |field: &'static str, value: &str, done: Result<(), SubjectFault>| {
        if let Err(e) = done {
            wrong.push((field, e.code().to_owned(), value.to_owned()));
        }
    };
    let (mut names, mut births, mut others, mut unknown) = (0, 0, 0, Vec::new());
    for i in 0..ROWS_MAX {
        let date = birth(&get("calendar", i), [get("year", i), get("month", i), get("day", i)]);
        if !date.is_empty() {
            births += 1;
            note("births", &date, s.birth(&date));
            if born.is_empty() && !date.starts_with('h') && matches!(date.len(), 4 | 10) {
                born.clone_from(&date);
            }
        }
    }
    for i in 0..ROWS_MAX {
        let (given, family) = (get("given", i), get("family", i));
        let whole = format!("{given} {family}").trim().to_owned();
        if !whole.is_empty() {
            names += 1;
            note("names", &whole, s.name(&whole));
            persons.push(AskedPerson { given, family, born: born.clone() });
        }
    }
    for i in 0..ROWS_MAX {
        let (kind, paper, typed, number) = (get("kind", i), get("paper", i), get("country", i), get("number", i));
        if kind.is_empty() && number.is_empty() {
            continue;
        }
        others += 1;
        let country = country::read(&typed).unwrap_or_default();
        if country.is_empty() && !typed.is_empty() {
            unknown.push(typed);
            continue;
        }
        let done = match kind.as_str() {
            "document" => s.document(country, &paper, &number),
            "phone" => s.phone(&number),
            "plate" => s.plate(country, &number),
            "vessel" => s.vessel(&number),
            "account" if country.is_empty() => s.account(&number),
            "account" => s.account(&number).or_else(|_| s.account(&format!("{country}:{number}"))),
            _ => Err(SubjectFault::Value { what: "kind", value: String::new(), remedy: "choose what it is" }),
        };
        note("ids", &number, done);
    }
    wrong.extend(unknown.into_iter().map(|typed| ("ids", country::UNKNOWN.to_owned(), typed)));
    // A name asks with a date or year only, and a date with a name only; an identifier asks alone.
    if others == 0 {
        match (names, births) {
            (0, 0) => wrong.push(("names", String::new(), String::new())),
            (0, _) => wrong.push(("names", SubjectFault::TooLittle.code().to_owned(), String::new())),
            (_, 0) => wrong.push(("births", SubjectFault::TooLittle.code().to_owned(), String::new())),
            _ => {}
        }
    }
    (s, persons)
}

/// Writes a date of birth as far as it is known: year, year and month, or all of it; `h` stands before a Hijri one. What cannot be meant is
/// handed on, for the node to refuse.
fn birth(calendar: &str, [year, month, day]: [String; 3]) -> String {
    let sign = if calendar == "hijri" { "h" } else { "" };
    let padded = |n: &str| if n.len() < 2 { format!("0{n}") } else { n.to_owned() };
    match (year.is_empty(), month.is_empty(), day.is_empty()) {
        (true, true, true) => String::new(),
        (false, true, true) => format!("{sign}{year}"),
        (false, false, true) => format!("{sign}{year}-{}", padded(&month)),
        _ => format!("{sign}{year}-{}-{}", padded(&month), padded(&day)),
    }
}

/// What the officer sees a question by who gave its subject no name: the first name and date, or the first identifier.
fn own_name(persons: &[AskedPerson], form: &Posted) -> String {
    match persons.first() {
        // The date stands apart (UAX #9, LRI and PDI): beside a name written from right to left it would be read backwards.
        Some(p) => {
            let born = if p.born.is_empty() { String::new() } else { format!("\u{2066}{}\u{2069}", p.born) };
            [p.given.as_str(), p.family.as_str(), born.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        }
        None => (0..ROWS_MAX).map(|i| form.get(&format!("number:{i}")).trim()).find(|n| !n.is_empty()).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;

    fn form(pairs: &[(&str, &str)]) -> Posted {
        Posted(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    fn partner() -> Askable {
        let partner: ServiceId = Digest::of(b"es").into();
        let accord: DossierId = Digest::of(b"accord").to_string().parse().unwrap();
        Askable { partner, accord, purposes: None, categories: Default::default(), officer: (64, 64), service: (64, 64), list: None, grants: Vec::new() }
    }

    /// A whole form with some fields put otherwise; an empty value takes one out.
    fn faults(changes: &[(&str, &str)]) -> String {
        let to = partner().partner.to_string();
        let whole = [
            ("to", to.as_str()),
            ("given:0", "يوسف"),
            ("family:0", "بن شقرون"),
            ("year:0", "1981"),
            ("month:0", "3"),
            ("day:0", "7"),
            ("aim", "identify"),
            ("purpose", "investigate"),
            ("offence", "drug-trafficking"),
            ("category", "suspect"),
            ("reference", "ES-1"),
            ("reason", "Seen twice"),
        ];
        let kept = whole.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n));
        let typed: Vec<(&str, &str)> = kept.chain(changes).copied().collect();
        match read(&form(&typed), &[partner()], Lang::Es) {
            Ok(a) => format!("{} · {:?} · {}", a.label, a.persons.first().map(|p| p.born.clone()).unwrap_or_default(), a.why.reason.lang.as_str()),
            Err(w) => {
                w.iter().map(|(f, c, v)| format!("{f}: {} {v}", if c.is_empty() { "missing" } else { c }).trim().to_owned()).collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_found_at_once() {
        assert_eq!(faults(&[]), "يوسف بن شقرون \u{2066}1981-03-07\u{2069} · \"1981-03-07\" · es");
        assert_eq!(
            faults(&[("to", "somebody else"), ("aim", ""), ("reason", " "), ("offence", "")]),
            "to: missing; aim: missing; offence: missing; reason: missing"
        );
        assert_eq!(faults(&[("given:0", ""), ("family:0", ""), ("year:0", ""), ("month:0", ""), ("day:0", "")]), "names: missing");
        let paper = |country| faults(&[("kind:0", "document"), ("paper:0", "passport"), ("country:0", country), ("number:0", "AAA123456")]);
        assert!(paper("Marruecos").starts_with("يوسف") && paper("ma").starts_with("يوسف"), "{}", paper("Marruecos"));
        assert_eq!(paper("Atlantis"), "ids: refusal.desk.country Atlantis");
        assert_eq!(faults(&[("year:0", ""), ("month:0", ""), ("day:0", "")]), "births: refusal.matching.too-little");
        assert_eq!(faults(&[("given:0", ""), ("family:0", "")]), "names: refusal.matching.too-little");
        assert_eq!(faults(&[("month:0", "13")]), "births: refusal.matching.value 1981-13-07");
        assert_eq!(
            faults(&[("given:0", "123"), ("family:0", ""), ("day:0", "x")]),
            "births: refusal.matching.value 1981-03-0x; names: refusal.matching.value 123"
        );
    }

    #[test]
    fn a_date_is_taken_as_far_as_it_is_known_in_either_calendar() {
        assert!(faults(&[("month:0", ""), ("day:0", "")]).contains("\"1981\""));
        assert!(faults(&[("day:0", "")]).starts_with("يوسف بن شقرون · \"\""), "a month without a day asks by the year, and is no date of a request");
        assert!(faults(&[("calendar:0", "hijri"), ("year:0", "1401"), ("month:0", "5"), ("day:0", "1")]).starts_with("يوسف بن شقرون · \"\""));
        assert_eq!(faults(&[("year:0", "")]), "births: refusal.matching.value -03-07", "a day without a year is none");
    }

    #[test]
    fn an_identifier_asks_alone() {
        let alone = [("given:0", ""), ("family:0", ""), ("year:0", ""), ("month:0", ""), ("day:0", "")];
        let id = |pairs: &[(&'static str, &'static str)]| faults(&[&alone[..], pairs].concat());
        assert!(id(&[("kind:0", "phone"), ("number:0", "+212537000001")]).starts_with("+212537000001 · "));
        assert!(id(&[("kind:0", "document"), ("paper:0", "passport"), ("country:0", "MA"), ("number:0", "ZZ998877")]).starts_with("ZZ998877 · "));
        assert!(id(&[("kind:0", "account"), ("country:0", "MA"), ("number:0", "00787654321")]).starts_with("00787654321 · "));
        assert_eq!(id(&[("kind:0", "phone"), ("number:0", "0537000001")]), "ids: refusal.matching.value 0537000001");
        assert_eq!(id(&[("number:0", "12345")]), "ids: refusal.matching.value 12345", "what it is must be said");
    }
}
