//! Tells a line that says when a page was out from a line of the story, and an outlet's own from a stamp of others.
//!
//! Only the shape of the line counts: a date, hours, a handful of other words, no verb. It runs before languages are known, so month names of all
//! languages are held against it.

use crate::fold::fold;
use crate::hits::{Class, Entry};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::LazyLock;

const LINE_BYTES_MAX: usize = 160;
const WORDS_MAX: usize = 18;
/// Words beside the date that a line of publication may have: the outlet, the author, the town.
const OTHERS_MAX: usize = 7;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateLine {
    /// The outlet's own.
    Own,
    /// A bare day, as it stands in the head of a site: perhaps the outlet's own, perhaps the day of the look-up.
    Bare,
}

#[derive(Deserialize)]
struct DataFile {
    entry: Vec<Entry>,
}

struct Words {
    months: HashSet<String>,
    days: HashSet<String>,
    fillers: HashSet<String>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let data: DataFile = toml::from_str(include_str!("../data/calendar.toml")).expect("a data file of this crate is valid TOML");
    let of = |classes: &[Class]| {
        let entries = data.entry.iter().filter(|entry| classes.contains(&entry.class));
        let phrases = entries.flat_map(Entry::spellings).flat_map(|phrase| phrase.split_whitespace().map(|word| fold(word.trim_start_matches('^'))));
        phrases.map(|word| word.strip_prefix("ال").map_or(word.clone(), str::to_owned)).collect::<HashSet<String>>()
    };
    let mut days = of(&[Class::Weekday]);
    days.extend(["mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so"].map(str::to_owned));
    Words { months: of(&[Class::Month]), days, fillers: of(&[Class::Filler, Class::Clock, Class::Ordinal]) }
});

/// Words that make a line one of publication even where function words stand on it.
const CUES: [&str; 30] = [
    "par",
    "by",
    "por",
    "von",
    "source",
    "fuente",
    "quelle",
    "map",
    "datum",
    "date",
    "fecha",
    "pressemitteilung",
    "communique",
    "publie",
    "publicado",
    "published",
    "updated",
    "actualizado",
    "redaccion",
    "redaction",
    "posted",
    "stand",
    "karte",
    "ecrit",
    "mis",
    "بقلم",
    "نشر",
    "تحديث",
    "كتب",
    "nota",
];
/// Function words that a caption has and a line of publication has not.
const SENTENCE: [&str; 20] = [
    "et", "and", "y", "und", "avec", "with", "con", "mit", "lors", "during", "entre", "between", "zwischen", "sur", "sobre", "about", "خلال", "مع", "بين", "في",
];

/// Tells whether a line says when a page was out, and whose line it is; `None` for a line of the story.
pub(crate) fn date_line(line: &str) -> Option<DateLine> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let folded = fold(line);
    let tokens: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).collect();
    if tokens.len() > WORDS_MAX {
        return None;
    }
    let (mut year, mut figures, mut month, mut weekday, mut clock, mut cue, mut others) = (0, 0, false, false, line.contains(':'), false, Vec::new());
    for token in &tokens {
        let bare = token.strip_prefix("ال").unwrap_or(token);
        match token.parse::<u32>() {
            Ok(number) if token.len() == 4 && (1990..=2100).contains(&number) => year += 1,
            Ok(number) if number <= 59 && token.len() <= 2 => figures += 1,
            Ok(_) => others.push(*token),
            Err(_) if WORDS.months.contains(bare) => month = true,
            Err(_) if WORDS.days.contains(bare) => weekday = true,
            Err(_) if CUES.contains(token) => cue = true,
            Err(_) if matches!(*token, "a" | "at" | "um" | "las" | "los" | "vom") => {}
            Err(_) if matches!(*token, "uhr" | "am" | "pm" | "utc" | "gmt" | "h" | "min") || is_hour(token) => clock = true,
            Err(_) if WORDS.fillers.contains(bare) => {}
            Err(_) => others.push(*token),
        }
    }
    // Only figures that stand as 16:42 or 16h42 are hours; a colon behind a word is none.
    clock &= figures >= 2 && (year > 0) && (figures >= 3 || month);
    let is_date = (1..=2).contains(&year) && (month && figures >= 1 || !month && figures >= 2);
    // The outlet and the town have capitals; Arabic has none, so there fewer words may stand.
    let small = line.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().next().is_some_and(char::is_lowercase)).map(fold);
    let small = small.into_iter().filter(|word| others.contains(&word.as_str())).count();
    let arabic = others.iter().filter(|word| word.starts_with(crate::fold::is_arabic)).count();
    let told = others.iter().any(|word| SENTENCE.contains(word)) || small > 0 || arabic > 2;
    if !is_date || others.len() > OTHERS_MAX || !cue && (told || others.len() > 4 && !clock || line.trim_end().ends_with('.') && others.len() > 1) {
        return None;
    }
    Some(if others.is_empty() && !cue && !clock && (month || weekday) { DateLine::Bare } else { DateLine::Own })
}

/// "16h42", "17h".
fn is_hour(token: &str) -> bool {
    token
        .split_once('h')
        .is_some_and(|(hour, minute)| !hour.is_empty() && [hour, minute].iter().all(|part| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())))
}

/// Tells whether a line shows the weather: "20.2 C", "19 ° C".
pub(crate) fn is_weather(line: &str) -> bool {
    line.len() <= 12 && line.contains(|c: char| c.is_ascii_digit()) && (line.contains('°') || line.trim_end().ends_with('C'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_publication_and_lines_of_the_story() {
        let own = [
            "mardi, 11 février, 2031 à 16:42",
            "Redacción | 12/02/2031 | Actualizado a las 09:14",
            "Par la rédaction, le 03/07/2031 à 08h12",
            "Pressemitteilung vom 27.06.2031",
            "Source: The Harbour Gazette December 16, 2031 15:58 UTC",
            "The Quiet Observer, 19 March 2032",
            "الثلاثاء 11 فبراير 2031 - 17:05",
            "Mo., 18.10.2032, 21.10 Uhr",
            "Lleida, 20 de agosto de 2031 · Sucesos",
            "22/11/2031",
        ];
        own.iter().for_each(|line| assert_eq!(date_line(line), Some(DateLine::Own), "{line}"));
        let bare = ["Sunday, June 29, 2031", "الجمعة 6 فبراير 2032", "16 novembre 2032"];
        bare.iter().for_each(|line| assert_eq!(date_line(line), Some(DateLine::Bare), "{line}"));
        let story = [
            "Aubin et Roux à Rabat, le 22 avril 2031.",
            "La réunion du 3 mars 2031 a porté sur la sécurité",
            "Le budget 2032 et ses 12 mesures",
            "Mondial 2030 : 6 stades",
        ];
        story.iter().for_each(|line| assert_eq!(date_line(line), None, "{line}"));
        assert!(is_weather("20.2 C") && is_weather("19 ° C") && !is_weather("Article 3"));
    }
}
