//! A subject as keys: what a list and a question are turned into before anything leaves a node.
//!
//! 1 each thing that identifies is brought to one form (a phone to E.164, a plate without strokes, a date in one calendar), 2 a name never
//! stands alone but beside a date of birth, 3 every key carries its type and the version of these rules, and the mechanism that asks.
//! Source: the `peers` of hit/no-hit measured for the design; ITU-T E.164, ISO 3166-1 alpha-2, ISO 13616 (IBAN), IMO A.1117(30).

use crate::names::{Name, SCHEME, Width};
use std::fmt;

/// Names and aliases of one subject.
pub const NAMES_MAX: usize = 20;
/// Identifiers of one subject.
pub const IDENTIFIERS_MAX: usize = 50;
/// Keys of one subject; what would be more is refused, never cut.
pub const KEYS_MAX: usize = 2_000;

/// A subject cannot be turned into keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectFault {
    /// Not enough to tell one person from others.
    #[error("a name alone identifies nobody: add a date or year of birth, or a document, phone, plate, vessel or account")]
    TooLittle,
    /// A value that is no such thing.
    #[error("'{value}' is no {what}; {remedy}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// What was given.
        value: String,
        /// What helps.
        remedy: &'static str,
    },
    /// More names, identifiers or keys than one subject has.
    #[error("{found} {what} are more than one subject has (at most {max}); part the record")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
}

impl SubjectFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            SubjectFault::TooLittle => "refusal.matching.too-little",
            SubjectFault::Value { .. } => "refusal.matching.value",
            SubjectFault::TooMuch { .. } => "refusal.matching.too-much",
        }
    }
}

/// A date of birth as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Birth {
    year: i16,
    day: Option<(u8, u8)>,
}

/// What kind a key is; the order is that of strength.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum KeyType {
    /// A name and a year of birth.
    NameYear,
    /// A name and a full date of birth.
    NameDate,
    /// A document's country, kind and number.
    Document,
    /// A telephone number.
    Phone,
    /// A vehicle's country and plate.
    Plate,
    /// A vessel's IMO number.
    Vessel,
    /// An account's number.
    Account,
}

/// One key of a subject, before the oblivious function.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: KeyType,
    value: String,
}

/// How much a hit says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Quality {
    /// One name key beside a year of birth: look twice.
    Possible,
    /// Two different name keys beside a year of birth.
    Probable,
    /// A full date of birth beside a name, or an identifier.
    Strong,
}

/// What is known of a subject, each thing in its one form.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Subject {
    pub(crate) names: Vec<String>,
    pub(crate) births: Vec<Birth>,
    pub(crate) identifiers: Vec<Key>,
}

/// On which side keys are made: the list carries the doubts, the question only what is likely.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The list.
    List,
    /// The question.
    Question,
}

impl KeyType {
    /// All kinds.
    pub const ALL: [KeyType; 7] = [KeyType::NameYear, KeyType::NameDate, KeyType::Document, KeyType::Phone, KeyType::Plate, KeyType::Vessel, KeyType::Account];

    /// Returns the name on the wire and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyType::NameYear => "name-year",
            KeyType::NameDate => "name-date",
            KeyType::Document => "document",
            KeyType::Phone => "phone",
            KeyType::Plate => "plate",
            KeyType::Vessel => "vessel",
            KeyType::Account => "account",
        }
    }
}

impl Quality {
    /// Returns the name on the wire and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Possible => "possible",
            Quality::Probable => "probable",
            Quality::Strong => "strong",
        }
    }
}

impl fmt::Debug for Key {
    /// Shows the kind alone: a key's value is the subject's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.kind.as_str())
    }
}

impl Key {
    /// Returns the value in clear, for who holds the record.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Finds what kind of key an input was made of; none where it is no input.
    pub fn kind_of(input: &[u8]) -> Option<KeyType> {
        let kind = std::str::from_utf8(input).ok()?.split('|').nth(1)?;
        KeyType::ALL.into_iter().find(|k| k.as_str() == kind)
    }

    /// Returns the input of the oblivious function: mechanism, kind, version of the rules, value.
    pub fn input(&self, mechanism: &str) -> Vec<u8> {
        format!("{mechanism}|{}|{SCHEME}|{}", self.kind.as_str(), self.value).into_bytes()
    }
}

impl fmt::Display for Birth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.day {
            Some((month, day)) => write!(f, "{:04}-{month:02}-{day:02}", self.year),
            None => write!(f, "{:04}", self.year),
        }
    }
}

impl Birth {
    /// Takes a date of the Gregorian calendar, or a year alone; 1850 to 2100.
    pub fn new(year: i16, day: Option<(u8, u8)>) -> Result<Birth, SubjectFault> {
        let fault = || SubjectFault::Value {
            what: "date of birth",
            value: match day {
                Some((month, day)) => format!("{year:04}-{month:02}-{day:02}"),
                None => format!("{year:04}"),
            },
            remedy: "write year-month-day, or the year alone",
        };
        let is_day = |(month, day): (u8, u8)| format!("{year:04}-{month:02}-{day:02}").parse::<base::Date>().is_ok();
        if (1850..=2100).contains(&year) && day.is_none_or(is_day) { Ok(Birth { year, day }) } else { Err(fault()) }
    }

    /// Reads `1980-02-28`, `1980-02` (the month is not used), `1980`, and the same of the Hijri calendar with `h` before it: `h1400-04-12`.
    ///
    /// 1 January is what many registers write for "year known": it counts as a year alone.
    pub fn read(text: &str) -> Result<Vec<Birth>, SubjectFault> {
        let fault = || SubjectFault::Value { what: "date of birth", value: text.to_owned(), remedy: "write 1980-02-28, 1980, or h1400-04-12 for a Hijri date" };
        let (hijri, rest) = match text.trim().strip_prefix(['h', 'H']) {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let numbers: Vec<i16> = rest.split('-').map(|n| n.parse().ok()).collect::<Option<_>>().ok_or_else(fault)?;
        let small = |n: i16| u8::try_from(n).map_err(|_| fault());
        match (hijri, numbers.as_slice()) {
            (false, [year] | [year, _]) => Ok(vec![Birth::new(*year, None)?]),
            (false, [year, month, day]) => Ok(vec![Birth::new(*year, Some((small(*month)?, small(*day)?)).filter(|d| *d != (1, 1)))?]),
            // A Hijri year touches two or three Gregorian ones; the day is a matter of which moon was seen.
            (true, [year] | [year, _]) => {
                let first = base::Date::from_hijri(*year, 1, 1).ok_or_else(fault)?;
                let last = base::Date::from_hijri(*year, 12, 29).ok_or_else(fault)?;
                let (first, last) = (first.civil().year(), last.civil().year());
                (first..=last).map(|year| Birth::new(year, None)).collect()
            }
            (true, [year, month, day]) => {
                let middle = base::Date::from_hijri(*year, small(*month)?, small(*day)?).ok_or_else(fault)?;
                let near = |shift| {
                    let date = middle.plus_days(shift).ok_or_else(fault)?.civil();
                    Birth::new(date.year(), Some((small(i16::from(date.month()))?, small(i16::from(date.day()))?)))
                };
                [-1, 0, 1].into_iter().map(near).collect()
            }
            _ => Err(fault()),
        }
    }

    /// Returns the year.
    pub(crate) fn year(&self) -> i16 {
        self.year
    }

    /// Tells whether the day is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.day.is_some()
    }

    /// Returns the date with day and month exchanged, where that is another date.
    pub(crate) fn swapped(&self) -> Option<Birth> {
        let (month, day) = self.day?;
        (day <= 12 && day != month).then_some(Birth { year: self.year, day: Some((day, month)) })
    }
}

impl Subject {
    /// Adds a name or alias, in any script.
    pub fn name(&mut self, name: &str) -> Result<(), SubjectFault> {
        let fault = || SubjectFault::Value { what: "name of a person", value: name.to_owned(), remedy: "write it in Latin, Arabic or Tifinagh letters" };
        if Name::new(name).keys(Width::Narrow).is_empty() {
            return Err(fault());
        }
        self.names.push(name.to_owned());
        limit("names", self.names.len(), NAMES_MAX)
    }

    /// Adds a date of birth, see [`Birth::read`].
    pub fn birth(&mut self, text: &str) -> Result<(), SubjectFault> {
        self.births.extend(Birth::read(text)?);
        limit("dates of birth", self.births.len(), NAMES_MAX)
    }

    /// Adds a document: country (ISO 3166-1 alpha-2), kind (`passport`, `identity-card`, …) and number.
    pub fn document(&mut self, country: &str, kind: &str, number: &str) -> Result<(), SubjectFault> {
        let country = country_of(country)?;
        let kind: String = kind.trim().to_lowercase();
        let number = signs(number);
        if number.len() < 4 || number.len() > 40 || kind.is_empty() || kind.contains('|') {
            return Err(SubjectFault::Value { what: "document", value: format!("{kind} {number}"), remedy: "write its kind and its whole number" });
        }
        self.identify(KeyType::Document, format!("{country}|{kind}|{number}"))
    }

    /// Adds a telephone number in international form; `00` before it counts as `+`.
    pub fn phone(&mut self, number: &str) -> Result<(), SubjectFault> {
        let fault = || SubjectFault::Value { what: "telephone number", value: number.to_owned(), remedy: "write it with + and the country's code (E.164)" };
        let folded = base::fold::fold(number);
        let international = folded.trim().starts_with('+') || folded.trim().starts_with("00");
        let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
        let digits = if folded.trim().starts_with("00") { digits[2..].to_owned() } else { digits };
        // "+34 (0) 91 …": the trunk prefix in brackets is not dialled from abroad.
        let bracketed = folded.contains("(0)");
        let strange = folded.chars().any(|c| !c.is_ascii_digit() && !" +-./()\u{a0}".contains(c));
        if !international || strange || bracketed || !(7..=15).contains(&digits.len()) || digits.starts_with('0') {
            return Err(fault());
        }
        self.identify(KeyType::Phone, digits)
    }

    /// Adds a vehicle's plate: country and what stands on it, in either script.
    pub fn plate(&mut self, country: &str, plate: &str) -> Result<(), SubjectFault> {
        let country = country_of(country)?;
        let plate = signs(plate);
        if !(2..=20).contains(&plate.chars().count()) {
            return Err(SubjectFault::Value { what: "plate", value: plate, remedy: "write what stands on it" });
        }
        self.identify(KeyType::Plate, format!("{country}|{plate}"))
    }

    /// Adds a vessel by its IMO number; the check digit must be right.
    pub fn vessel(&mut self, imo: &str) -> Result<(), SubjectFault> {
        let number = signs(imo);
        let digits: Vec<u32> = number.trim_start_matches("IMO").chars().filter_map(|c| c.to_digit(10)).collect();
        let is_imo = digits.len() == 7 && digits[..6].iter().zip([7, 6, 5, 4, 3, 2]).map(|(d, w)| d * w).sum::<u32>() % 10 == digits[6];
        if !is_imo {
            return Err(SubjectFault::Value { what: "IMO number", value: imo.to_owned(), remedy: "write its seven digits; the last one is checked" });
        }
        self.identify(KeyType::Vessel, digits.iter().map(u32::to_string).collect())
    }

    /// Adds an account: an IBAN, whose check digits must be right, or another number behind its country, `MA:0078…`.
    pub fn account(&mut self, account: &str) -> Result<(), SubjectFault> {
        let fault = |remedy| SubjectFault::Value { what: "account", value: account.to_owned(), remedy };
        if let Some((country, number)) = account.split_once(':') {
            let (country, number) = (country_of(country)?, signs(number));
            if number.len() < 5 {
                return Err(fault("write the whole number"));
            }
            return self.identify(KeyType::Account, format!("{country}|{number}"));
        }
        let iban = signs(account);
        if !is_iban(&iban) {
            return Err(fault("write a whole IBAN, whose check digits are right, or COUNTRY:NUMBER"));
        }
        self.identify(KeyType::Account, format!("{}|{iban}", &iban[..2]))
    }

    fn identify(&mut self, kind: KeyType, value: String) -> Result<(), SubjectFault> {
        let key = Key { kind, value };
        if !self.identifiers.contains(&key) {
            self.identifiers.push(key);
        }
        limit("identifiers", self.identifiers.len(), IDENTIFIERS_MAX)
    }

    /// Returns the keys of the subject, none twice, in an order that tells nothing.
    ///
    /// Refuses a subject of which only a name is known.
    pub fn keys(&self, side: Side) -> Result<Vec<Key>, SubjectFault> {
        let mut all = self.identifiers.clone();
        // One side carries the readings of a name, the other the readings of a date: what is written twice would be counted twice.
        let (with_date, with_year) = match side {
            Side::List => (Width::Wide, Width::Medium),
            Side::Question => (Width::Medium, Width::Narrow),
        };
        let mut dates: Vec<Birth> = self.births.iter().copied().filter(|b| b.day.is_some()).collect();
        if side == Side::Question {
            dates.extend(dates.clone().iter().filter_map(Birth::swapped));
        }
        let mut years: Vec<i16> = self.births.iter().map(|b| b.year).collect();
        years.sort_unstable();
        years.dedup();
        for name in self.names.iter().map(|n| Name::new(n)) {
            let by_date = if dates.is_empty() { Vec::new() } else { name.keys(with_date) };
            for (month, day, year) in dates.iter().filter_map(|b| b.day.map(|(month, day)| (month, day, b.year))) {
                all.extend(by_date.iter().map(|k| Key { kind: KeyType::NameDate, value: format!("{k}|{year:04}-{month:02}-{day:02}") }));
            }
            let by_year = if years.is_empty() { Vec::new() } else { name.keys(with_year) };
            for year in &years {
                all.extend(by_year.iter().map(|k| Key { kind: KeyType::NameYear, value: format!("{k}|{year:04}") }));
            }
        }
        all.sort();
        all.dedup();
        if all.is_empty() {
            return Err(SubjectFault::TooLittle);
        }
        limit("keys", all.len(), KEYS_MAX)?;
        Ok(all)
    }
}

/// Says what keys that were found come to; none where none was.
pub fn quality<'a>(found: impl IntoIterator<Item = &'a Key>) -> Option<Quality> {
    let mut found: Vec<&Key> = found.into_iter().collect();
    found.sort();
    found.dedup();
    quality_of(found.into_iter().map(|k| k.kind))
}

/// Says the same of the kinds of different keys that were found.
pub fn quality_of(found: impl IntoIterator<Item = KeyType>) -> Option<Quality> {
    let found: Vec<KeyType> = found.into_iter().collect();
    match (found.iter().any(|k| *k > KeyType::NameYear), found.len()) {
        (true, _) => Some(Quality::Strong),
        (false, 0) => None,
        (false, 1) => Some(Quality::Possible),
        (false, _) => Some(Quality::Probable),
    }
}

fn limit(what: &'static str, found: usize, max: usize) -> Result<(), SubjectFault> {
    if found > max { Err(SubjectFault::TooMuch { what, found, max }) } else { Ok(()) }
}

/// Letters and digits alone, folded, in capitals.
fn signs(text: &str) -> String {
    base::fold::fold(text).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

fn country_of(code: &str) -> Result<String, SubjectFault> {
    let code = code.trim().to_uppercase();
    let is_code = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
    if is_code { Ok(code) } else { Err(SubjectFault::Value { what: "country", value: code, remedy: "write its two letters (ISO 3166-1)" }) }
}

/// Checks the two digits of ISO 13616: the whole, turned, is 1 modulo 97.
fn is_iban(iban: &str) -> bool {
    let well_formed = (15..=34).contains(&iban.len())
        && iban.bytes().all(|b| b.is_ascii_alphanumeric())
        && iban.bytes().take(2).all(|b| b.is_ascii_uppercase())
        && iban.bytes().skip(2).take(2).all(|b| b.is_ascii_digit());
    let value = |rest: u32, c: char| {
        let n = c.to_digit(36).unwrap_or_default();
        (rest * if n < 10 { 10 } else { 100 } + n) % 97
    };
    well_formed && iban[4..].chars().chain(iban[..4].chars()).fold(0, value) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, birth: &str) -> Subject {
        let mut s = Subject::default();
        s.name(name).unwrap();
        s.birth(birth).unwrap();
        s
    }

    /// What a question finds in a list of one.
    fn met(list: &Subject, question: &Subject) -> Option<Quality> {
        let list = list.keys(Side::List).unwrap();
        quality(question.keys(Side::Question).unwrap().iter().filter(|k| list.contains(k)))
    }

    fn code(result: Result<(), SubjectFault>) -> &'static str {
        result.map_or_else(|e| e.code(), |()| "ok")
    }

    #[test]
    fn a_name_meets_across_scripts_with_its_date_and_not_with_another() {
        let list = person("يوسف بن شقرون", "1981-03-07");
        assert_eq!(met(&list, &person("Youssef Benchekroun", "1981-03-07")), Some(Quality::Strong));
        assert_eq!(met(&list, &person("Yusef Benshekrun", "1981-07-03")), Some(Quality::Strong), "day and month exchanged");
        assert_eq!(met(&list, &person("Youssef Benchekroun", "1981-03-08")), Some(Quality::Possible), "the year alone");
        assert_eq!(met(&list, &person("Youssef Benchekroun", "1982-03-07")), None);
        assert_eq!(met(&list, &person("Youssef Zerouali", "1981-03-07")), None, "a namesake by one name");
        assert_eq!(met(&person("Ana María Ruiz Soto", "1990"), &person("Soto Ruiz, Ana", "1990-05-02")), Some(Quality::Probable));
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        let read = |t: &str| Birth::read(t).map(|all| all.iter().map(|b| format!("{}{:?}", b.year, b.day)).collect::<Vec<_>>().join(" "));
        assert_eq!(read("1980").unwrap(), "1980None");
        assert_eq!(read("1980-02").unwrap(), "1980None");
        assert_eq!(read("1980-01-01").unwrap(), "1980None", "many registers write it for a year");
        assert_eq!(read("1980-02-29").unwrap(), "1980Some((2, 29))");
        assert_eq!(Birth::read("h1400-04-12").unwrap().len(), 3, "which moon was seen");
        assert_eq!(read("h1400").unwrap(), "1979None 1980None");
        for bad in ["1980-02-30", "1800", "80-1-1", "12/03/1980", "", "h9999-01-01"] {
            assert_eq!(read(bad).unwrap_err().code(), "refusal.matching.value", "{bad}");
        }
    }

    #[test]
    fn identifiers_come_to_one_form_and_wrong_ones_are_refused() {
        let same = |a: &dyn Fn(&mut Subject) -> Result<(), SubjectFault>, b: &dyn Fn(&mut Subject) -> Result<(), SubjectFault>| {
            let (mut x, mut y) = (Subject::default(), Subject::default());
            a(&mut x).unwrap();
            b(&mut y).unwrap();
            x == y
        };
        assert!(same(&|s| s.phone("+212 5 37-00.00.01"), &|s| s.phone("00212537000001")));
        assert!(same(&|s| s.phone("+٢١٢ ٥٣٧٠٠٠٠٠١"), &|s| s.phone("+212537000001")));
        assert!(same(&|s| s.plate("ma", "12345-أ-6"), &|s| s.plate("MA", "12345 ا 6")));
        assert!(same(&|s| s.document("es", "Passport", "AAA-123 456"), &|s| s.document("ES", "passport", "aaa123456")));
        assert!(same(&|s| s.vessel("IMO 9074729"), &|s| s.vessel("9074729")));
        assert!(same(&|s| s.account("DE89 3704 0044 0532 0130 00"), &|s| s.account("de89370400440532013000")));
        let mut s = Subject::default();
        for refused in [
            code(s.phone("0537000001")),
            code(s.phone("+34 (0) 91 000 00 00")),
            code(s.phone("+34 91 CALL")),
            code(s.plate("MAR", "1")),
            code(s.document("ES", "passport", "12")),
            code(s.vessel("9074728")),
            code(s.account("DE88370400440532013000")),
            code(s.account("MA:12")),
            code(s.name("???")),
        ] {
            assert_eq!(refused, "refusal.matching.value");
        }
        assert_eq!(s, Subject::default(), "nothing of a refused value stays");
    }

    #[test]
    fn a_name_alone_is_no_question_and_an_identifier_is_one() {
        let mut s = Subject::default();
        s.name("Youssef Benchekroun").unwrap();
        assert_eq!(s.keys(Side::Question).unwrap_err(), SubjectFault::TooLittle);
        assert_eq!(SubjectFault::TooLittle.code(), "refusal.matching.too-little");
        s.phone("+34910000000").unwrap();
        let keys = s.keys(Side::Question).unwrap();
        assert_eq!(keys.len(), 1, "the name adds nothing without a date");
        assert_eq!(String::from_utf8(keys[0].input("hit-no-hit")).unwrap(), format!("hit-no-hit|phone|{SCHEME}|34910000000"));
        assert_eq!(format!("{keys:?}"), "[Key(phone)]", "what is printed for a log holds nothing of the subject");
    }

    #[test]
    fn a_question_stays_small_and_a_record_is_bounded() {
        let asked = person("Mohamed Amine Ben Abdellah El Idrissi", "1981-03-07").keys(Side::Question).unwrap();
        assert!(asked.len() <= 64, "{} keys fit one padded batch", asked.len());
        let mut s = Subject::default();
        let last = (0..=NAMES_MAX).map(|i| s.name(&format!("Name{}", "abcdefghijklmnopqrstu".chars().nth(i).unwrap()))).last().unwrap();
        assert_eq!(code(last), "refusal.matching.too-much");
    }
}
