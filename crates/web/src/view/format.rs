//! Dates, numbers and distances in time as each of the six languages writes them.

use super::hijri::hijri;
use super::words::word;
use base::{Date, Instant, Lang, ServiceId, UnixMs};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// Who reads, and how.
pub struct Reader<'a> {
    /// The language.
    pub lang: Lang,
    /// The tz name of the reader's zone.
    pub zone: &'a str,
    /// Whether Hijri days stand beside civil ones.
    pub hijri: bool,
    /// Now.
    pub now: UnixMs,
    /// Gives a service's short name and country (ISO 3166-1 alpha-2).
    pub service: &'a dyn Fn(&ServiceId) -> (String, Option<String>),
}

/// Which form of a noun a number takes (CLDR).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // The names are CLDR's.
pub enum Plural {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

/// Tells which form a whole number takes; Portuguese is that of Portugal.
pub fn plural(lang: Lang, n: u64) -> Plural {
    match (lang, n, n % 100) {
        (Lang::Ar, 0, _) => Plural::Zero,
        (Lang::Ar, 2, _) => Plural::Two,
        (Lang::Ar, 3.., 3..=10) => Plural::Few,
        (Lang::Ar, 3.., 11..=99) => Plural::Many,
        (_, 1, _) | (Lang::Fr, 0, _) => Plural::One,
        _ => Plural::Other,
    }
}

/// Groups the digits of a number.
pub fn number(lang: Lang, n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let (separator, from) = match lang {
        Lang::Fr => ('\u{202f}', 4),
        Lang::Es => ('.', 5),
        Lang::De => ('.', 4),
        Lang::Pt => ('\u{a0}', 5),
        Lang::En | Lang::Ar => (',', 4),
    };
    let mut out = if n < 0 { "\u{2212}".to_owned() } else { String::new() };
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && digits.len() >= from && (digits.len() - i).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(d);
    }
    out
}

const MONTHS: [[&str; 12]; 6] = [
    ["يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"],
    ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"],
    ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"],
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
    ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"],
    ["janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"],
];
const HIJRI_AR: [&str; 12] = ["محرم", "صفر", "ربيع الأول", "ربيع الآخر", "جمادى الأولى", "جمادى الآخرة", "رجب", "شعبان", "رمضان", "شوال", "ذو القعدة", "ذو الحجة"];
const HIJRI_FR: [&str; 12] =
    ["mouharram", "safar", "rabia I", "rabia II", "joumada I", "joumada II", "rajab", "chaabane", "ramadan", "chawwal", "dhou al-qi\u{2bf}da", "dhou al-hijja"];
const HIJRI_OTHERS: [&str; 12] = [
    "Muharram",
    "Safar",
    "Rabi\u{2bf} I",
    "Rabi\u{2bf} II",
    "Jumada I",
    "Jumada II",
    "Rajab",
    "Sha\u{2bf}ban",
    "Ramadan",
    "Shawwal",
    "Dhu al-Qi\u{2bf}da",
    "Dhu al-Hijja",
];
/// Two letters or a word for each weekday, Monday first.
const WEEKDAYS: [[&str; 7]; 6] = [
    ["إثنين", "ثلاثاء", "أربعاء", "خميس", "جمعة", "سبت", "أحد"],
    ["lu", "ma", "me", "je", "ve", "sa", "di"],
    ["lu", "ma", "mi", "ju", "vi", "sá", "do"],
    ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"],
    ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"],
    ["2.ª", "3.ª", "4.ª", "5.ª", "6.ª", "sáb", "dom"],
];

fn place(lang: Lang) -> usize {
    Lang::ALL.iter().position(|l| *l == lang).unwrap_or_default()
}

/// Writes a civil date out.
pub fn date(lang: Lang, d: Date) -> String {
    let c = d.civil();
    let (y, month, day) = (c.year(), MONTHS[place(lang)][c.month() as usize - 1], c.day());
    match lang {
        Lang::De => format!("{day}. {month} {y}"),
        Lang::Es | Lang::Pt => format!("{day} de {month} de {y}"),
        Lang::Fr if day == 1 => format!("1er {month} {y}"),
        _ => format!("{day} {month} {y}"),
    }
}

/// Writes a civil date as its Hijri day, where the table has it.
pub fn hijri_date(lang: Lang, d: Date) -> Option<String> {
    let (y, m, day) = hijri(d)?;
    let at = m as usize - 1;
    Some(match lang {
        Lang::Ar => format!("{day} {} {y} هـ", HIJRI_AR[at]),
        Lang::Fr => format!("{day} {} {y} H", HIJRI_FR[at]),
        _ => format!("{day} {} {y} AH", HIJRI_OTHERS[at]),
    })
}

/// Writes a month out.
pub fn month(lang: Lang, year: i16, month: i8) -> String {
    let name = MONTHS[place(lang)][month as usize - 1];
    if matches!(lang, Lang::Es | Lang::Pt) { format!("{name} de {year}") } else { format!("{name} {year}") }
}

/// Returns the short names of the weekdays, Monday first.
pub fn weekdays(lang: Lang) -> [&'static str; 7] {
    WEEKDAYS[place(lang)]
}

/// What a length under a minute is after a preposition, and alone.
const UNDER: [[&str; 2]; 6] = [
    ["أقل من دقيقة"; 2],
    ["moins d'une minute"; 2],
    ["menos de un minuto"; 2],
    ["less than a minute"; 2],
    ["weniger als einer Minute", "weniger als eine Minute"],
    ["menos de um minuto"; 2],
];
/// Forms of minute, hour and day after a preposition: zero, one, two, few, many, other.
const UNITS: [[[&str; 6]; 3]; 6] = [
    [
        ["0 دقيقة", "دقيقة", "دقيقتين", "# دقائق", "# دقيقة", "# دقيقة"],
        ["0 ساعة", "ساعة", "ساعتين", "# ساعات", "# ساعة", "# ساعة"],
        ["0 يوم", "يوم", "يومين", "# أيام", "# يوما", "# يوم"],
    ],
    [["# min"; 6], ["# h"; 6], ["", "# jour", "", "", "", "# jours"]],
    [["# min"; 6], ["# h"; 6], ["", "# día", "", "", "", "# días"]],
    [["# min"; 6], ["# h"; 6], ["", "# day", "", "", "", "# days"]],
    [["# Min."; 6], ["# Std."; 6], ["", "# Tag", "", "", "", "# Tagen"]],
    [["# min"; 6], ["# h"; 6], ["", "# dia", "", "", "", "# dias"]],
];
/// In that time, that long ago, late by that long.
const DISTANCES: [[&str; 3]; 6] = [
    ["بعد #", "قبل #", "متأخر بمقدار #"],
    ["dans #", "il y a #", "en retard de #"],
    ["en #", "hace #", "con retraso de #"],
    ["in #", "# ago", "late by #"],
    ["in #", "vor #", "seit # überfällig"],
    ["daqui a #", "há #", "em atraso há #"],
];

/// Writes a length of time as it stands after a preposition, in its two largest units: minutes below an hour, days alone from two days on.
pub fn length(lang: Lang, ms: i64) -> String {
    written(lang, ms, false)
}

/// Writes a length of time as it stands alone: in German and Arabic its words have another case than after a preposition.
pub fn amount(lang: Lang, ms: i64) -> String {
    written(lang, ms, true)
}

fn written(lang: Lang, ms: i64, alone: bool) -> String {
    let minutes = ms.unsigned_abs() / 60_000;
    let unit = |which: usize, n: u64| {
        let form = match (lang, which, n, alone) {
            (Lang::De, 2, 2.., true) => "# Tage",
            (Lang::Ar, 0, 2, true) => "دقيقتان",
            (Lang::Ar, 1, 2, true) => "ساعتان",
            (Lang::Ar, 2, 2, true) => "يومان",
            _ => UNITS[place(lang)][which][plural(lang, n) as usize],
        };
        form.replace('#', &number(lang, n as i64))
    };
    let (days, hours, rest) = (minutes / 1440, minutes % 1440 / 60, minutes % 60);
    let and = if lang == Lang::Ar { " و" } else { " " };
    let two = |a: String, n: u64, b: String| if n == 0 { a } else { format!("{a}{and}{b}") };
    match (days, hours, rest) {
        (2.., ..) => unit(2, days),
        (1, ..) => two(unit(2, 1), hours, unit(1, hours)),
        (0, 1.., _) => two(unit(1, hours), rest, unit(0, rest)),
        (0, 0, 0) if ms != 0 || !alone => UNDER[place(lang)][usize::from(alone)].to_owned(),
        (0, 0, _) => unit(0, rest),
    }
}

/// Writes how far a moment lies from now; for what is due, what has passed is late.
pub fn distance(lang: Lang, now: UnixMs, at: UnixMs, is_due: bool) -> String {
    let which = match (at.0 < now.0, is_due) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    };
    DISTANCES[place(lang)][which].replace('#', &length(lang, at.0 - now.0))
}

impl Reader<'_> {
    /// Returns a word of a view.
    pub fn word<'k>(&self, key: &'k str) -> &'k str
    where
        'static: 'k,
    {
        word(self.lang, key)
    }

    /// Returns a service's short name.
    pub fn code(&self, service: &ServiceId) -> String {
        (self.service)(service).0
    }

    fn comma(&self) -> &'static str {
        if self.lang == Lang::Ar { "، " } else { ", " }
    }

    /// Puts a moment into the reader's zone: the day, and hour and minute. Where the calendar or the zone does not have it, in UTC from 1970.
    pub fn local(&self, at: UnixMs) -> (Date, String) {
        split(at, self.zone)
    }

    /// Draws a date, its Hijri day beside it where the reader wants it.
    pub fn date(&self, d: Date) -> Markup {
        let beside = if self.hijri { hijri_date(self.lang, d) } else { None };
        html! { time datetime=(d) { bdi { (date(self.lang, d)) } @if let Some(h) = beside { " " small { "(" bdi { (h) } ")" } } } }
    }

    /// Draws the clock of a moment whose day stands above it, and as it was written beside it where that was another zone.
    pub fn clock(&self, at: &Instant) -> Markup {
        html! { span.moment { time datetime=(at.at) { bdi { (self.local(at.at).1) } } (self.original(at)) } }
    }

    /// Draws a moment in the reader's zone, and as it was written beside it where that was another zone.
    pub fn moment(&self, at: &Instant) -> Markup {
        let (day, clock) = self.local(at.at);
        html! {
            span.moment {
                (self.date(day)) (self.comma()) time datetime=(at.at) { bdi { (clock) } }
                (self.original(at))
            }
        }
    }

    /// Draws day and clock where a moment was written, if they differ from the reader's.
    fn original(&self, at: &Instant) -> Markup {
        let here = self.local(at.at);
        let there = (at.zone() != self.zone).then(|| split(at.at, at.zone())).filter(|there| *there != here);
        html! {
            @if let Some((day, clock)) = there {
                " " small { "(" @if day != here.0 { bdi { (date(self.lang, day)) } (self.comma()) } bdi dir="ltr" { (clock) " " (at.zone()) } ")" }
            }
        }
    }

    /// Draws a moment of which no zone is known.
    pub fn at(&self, at: UnixMs) -> Markup {
        let (day, clock) = self.local(at);
        html! { span.moment { (self.date(day)) (self.comma()) time datetime=(at) { bdi { (clock) } } } }
    }
}

fn split(at: UnixMs, zone: &str) -> (Date, String) {
    let moment = Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
    let day = Date::new(moment.year(), moment.month(), moment.day()).expect("a moment has a day");
    (day, format!("{:02}:{:02}", moment.hour(), moment.minute()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn six_languages_write_dates_numbers_and_distances() {
        let day = Date::new(2030, 6, 13).unwrap();
        let (minute, hour) = (60_000, 3_600_000);
        let line = |l: Lang| {
            let far = |ms: i64, due| distance(l, UnixMs(0), UnixMs(ms), due);
            let parts = [
                date(l, day),
                hijri_date(l, day).unwrap(),
                number(l, 1_234_567),
                far(2 * hour + 10 * minute, true),
                far(-72 * hour, true),
                far(-minute, false),
            ];
            format!("{l} {}\n", parts.join(" | "))
        };
        expect![[r#"
            ar 13 يونيو 2030 | 11 صفر 1452 هـ | 1,234,567 | بعد ساعتين و10 دقائق | متأخر بمقدار 3 أيام | قبل دقيقة
            fr 13 juin 2030 | 11 safar 1452 H | 1 234 567 | dans 2 h 10 min | en retard de 3 jours | il y a 1 min
            es 13 de junio de 2030 | 11 Safar 1452 AH | 1.234.567 | en 2 h 10 min | con retraso de 3 días | hace 1 min
            en 13 June 2030 | 11 Safar 1452 AH | 1,234,567 | in 2 h 10 min | late by 3 days | 1 min ago
            de 13. Juni 2030 | 11 Safar 1452 AH | 1.234.567 | in 2 Std. 10 Min. | seit 3 Tagen überfällig | vor 1 Min.
            pt 13 de junho de 2030 | 11 Safar 1452 AH | 1 234 567 | daqui a 2 h 10 min | em atraso há 3 dias | há 1 min
        "#]]
        .assert_eq(&Lang::ALL.map(line).concat());
    }

    #[test]
    fn plural_rules() {
        let ar: Vec<Plural> = [0, 1, 2, 3, 10, 11, 99, 100, 102, 103].into_iter().map(|n| plural(Lang::Ar, n)).collect();
        use Plural::*;
        assert_eq!(ar, [Zero, One, Two, Few, Few, Many, Many, Other, Other, Few]);
        assert_eq!([plural(Lang::Fr, 0), plural(Lang::Pt, 0), plural(Lang::De, 1), plural(Lang::Es, 2)], [One, Other, One, Other]);
    }

    #[test]
    fn lengths_turn_at_an_hour_a_day_and_two() {
        let l = |minutes: i64| length(Lang::En, minutes * 60_000);
        assert_eq!(
            [0, 59, 60, 61, 1439, 1440, 1500, 2879, 2880].map(l),
            ["less than a minute", "59 min", "1 h", "1 h 1 min", "23 h 59 min", "1 day", "1 day 1 h", "1 day 23 h", "2 days"]
        );
        assert_eq!(length(Lang::Ar, 62 * 60_000), "ساعة ودقيقتين");
    }

    #[test]
    fn a_length_has_its_case() {
        let days = |lang| (length(lang, 3 * 86_400_000), amount(lang, 3 * 86_400_000));
        assert_eq!(days(Lang::De), ("3 Tagen".to_owned(), "3 Tage".to_owned()));
        assert_eq!(days(Lang::Fr).0, days(Lang::Fr).1);
        assert_eq!((length(Lang::Ar, 2 * 3_600_000), amount(Lang::Ar, 2 * 3_600_000)), ("ساعتين".to_owned(), "ساعتان".to_owned()));
        assert_eq!((amount(Lang::De, 0), amount(Lang::De, 59_999)), ("0 Min.".to_owned(), "weniger als eine Minute".to_owned()));
        assert_eq!(distance(Lang::De, UnixMs(0), UnixMs(-1), true), "seit weniger als einer Minute überfällig");
    }

    #[test]
    fn the_original_stands_beside_where_its_clock_differs() {
        let service = |_: &ServiceId| (String::new(), None);
        let reader = Reader { lang: Lang::Fr, zone: "Africa/Casablanca", hijri: false, now: UnixMs(0), service: &service };
        let text = |s: &str| reader.moment(&s.parse().unwrap()).into_string();
        assert!(text("2025-07-28T00:30:00+02:00[Europe/Madrid]").contains("28 juillet 2025"), "the day there");
        assert!(text("2025-07-28T00:30:00+02:00[Europe/Madrid]").contains("<bdi>27 juillet 2025</bdi></time>, "), "the day here");
        assert!(!text("2025-07-28T00:30:00+01:00[Europe/London]").contains("London"), "the same clock");
    }
}
