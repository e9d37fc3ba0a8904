//! How commands speak: tables, local times and labels for people, or JSON for machines; standard output carries nothing else.

use super::trouble::Trouble;
use base::{Lang, UnixMs, Vocabulary};
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// To whom a command speaks, and how.
#[derive(Debug, Clone)]
pub struct Face {
    /// Whether machines read.
    pub json: bool,
    /// The language of labels.
    pub lang: Lang,
    /// The tz name in which times are shown.
    pub zone: String,
}

impl Face {
    /// Shows a value as JSON, or its text.
    pub fn show(&self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Trouble> {
        if self.json { write(&format!("{value}\n")) } else { write(&plain(&text())) }
    }

    /// Shows a time as people of this node's place read it: `2025-01-28 09:00 +01:00`.
    pub fn time(&self, at: &Value) -> String {
        let Some(at) = at.as_i64().map(UnixMs) else { return String::new() };
        let local = at.in_zone(&self.zone).map_or_else(|_| at.to_string(), |i| i.to_string());
        readable(&local)
    }

    /// Shows what an instant with its own zone says: `2025-01-28 09:00 +01:00 Europe/Madrid`.
    pub fn instant(&self, text: &str) -> String {
        match text.split_once('[') {
            Some((time, zone)) => format!("{} {}", readable(time), zone.trim_end_matches(']')),
            None => readable(text),
        }
    }

    /// Names a code of a vocabulary for people: its label, and the code in brackets.
    pub fn code(&self, vocabulary: &str, code: &str) -> String {
        match Vocabulary::get(vocabulary).and_then(|v| v.entry(code)) {
            Some(entry) => format!("{} ({code})", entry.label.get(self.lang)),
            None => code.to_owned(),
        }
    }
}

/// Writes to standard output; a reader that went away is no fault.
pub fn write(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Trouble::refused("failure.output", format!("standard output cannot be written: {e}"))),
        _ => Ok(()),
    }
}

/// Writes to standard error; where that is not possible there is nobody to tell.
pub fn note(text: &str) {
    say(&plain(text));
}

/// Writes our own words to standard error as they are; what others wrote in them is plain already.
pub fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Takes out of words that others wrote what could steer the reader's terminal (ECMA-48) or turn the reading order round (UAX #9).
pub fn plain(text: &str) -> String {
    let steers = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// Keeps a sentence of a language written from the right together (UAX #9, isolates): names in Latin letters would tear it apart.
pub fn sentence(lang: Lang, text: &str) -> String {
    if lang == Lang::Ar { format!("\u{2067}{text}\u{2069}") } else { text.to_owned() }
}

/// Returns the columns that a text takes: vowel signs and accents that stand over a letter take none.
fn columns(text: &str) -> usize {
    text.chars().filter(|c| !matches!(c, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}')).count()
}

/// Tells how far long work is, on a terminal only.
pub fn progress(done: u64, of: u64) {
    if std::io::stderr().is_terminal() {
        let end = if done >= of { "\n" } else { "" };
        let _ = write!(std::io::stderr().lock(), "\r{done} of {of}{end}"); // as in note
    }
}

/// Tells how far away a moment is: `in 3h 20m`, `2d 4h over`.
pub fn distance(due: i64, now: i64) -> String {
    let minutes = (due - now).abs() / 60_000;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let length = match (days, hours) {
        (0, 0) => format!("{rest}m"),
        (0, h) => format!("{h}h {rest}m"),
        (d, h) => format!("{d}d {h}h"),
    };
    if due >= now { format!("in {length}") } else { format!("{length} over") }
}

/// Lays rows out in columns, the first row as the heading; an empty table has no heading either.
pub fn table(rows: &[Vec<String>]) -> String {
    if rows.len() < 2 {
        return String::new();
    }
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| columns(s)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(s, w)| format!("{s}{}", " ".repeat(w.saturating_sub(columns(s))))).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Returns a text of a JSON object, or nothing.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the first eight characters of an id.
pub fn short(id: &Value) -> String {
    text(id).chars().take(8).collect()
}

/// Goes over a list; anything else has no members.
pub fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Takes an RFC 3339 time apart for the eye: no seconds where they are none of the matter, no letter T.
fn readable(rfc3339: &str) -> String {
    let plain = rfc3339.split('[').next().unwrap_or_default();
    let (date, rest) = plain.split_once('T').unwrap_or((plain, ""));
    let zone = rest.find(['+', '-', 'Z']).map_or("", |i| &rest[i..]);
    let clock: String = rest.chars().take(5).collect();
    format!("{date} {clock} {zone}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn face() -> Face {
        Face { json: false, lang: Lang::Fr, zone: "Africa/Casablanca".to_owned() }
    }

    #[test]
    fn times_are_local_and_name_their_offset() {
        assert_eq!(face().time(&json!(1_738_051_200_000_i64)), "2025-01-28 09:00 +01:00");
        assert_eq!(face().time(&Value::Null), "");
        assert_eq!(face().instant("2025-01-28T09:00:00+01:00[Europe/Madrid]"), "2025-01-28 09:00 +01:00 Europe/Madrid");
        assert_eq!(face().instant("2025-01-28T09:00:00Z"), "2025-01-28 09:00 Z");
    }

    #[test]
    fn distances_turn_at_the_moment_itself() {
        assert_eq!(distance(60_000, 0), "in 1m");
        assert_eq!(distance(0, 0), "in 0m");
        assert_eq!(distance(0, 60_000), "1m over");
        assert_eq!(distance(90 * 60_000, 0), "in 1h 30m");
        assert_eq!(distance(0, 52 * 3_600_000), "2d 4h over");
    }

    #[test]
    fn columns_stand_under_each_other_whatever_the_script() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(table(&[row("x", "name"), row("long", "é"), row("ملف", "z")]), "x     name\nlong  é\nملف   z\n");
        assert_eq!(table(&[row("ab", "name"), row("يُ", "z")]), "ab  name\nيُ   z\n", "a vowel sign takes no column");
        assert_eq!(table(&[row("x", "name")]), "");
    }

    #[test]
    fn foreign_words_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\u{9b}c\n\tملف"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\n\u{fffd}ملف");
        assert_eq!(plain("0000\u{202e}AAA\u{2069}\u{2028}x\u{200f}"), "0000\u{fffd}AAA\u{fffd}\u{fffd}x\u{200f}");
    }

    #[test]
    fn an_arabic_sentence_stays_together() {
        assert_eq!(sentence(Lang::Ar, "شغلوا entente serve"), "\u{2067}شغلوا entente serve\u{2069}");
        assert_eq!(sentence(Lang::Fr, "x"), "x");
    }

    #[test]
    fn codes_are_named_where_they_are_known() {
        assert_eq!(face().code("tlp", "NOPE"), "NOPE");
        assert!(face().code("countries", "MA").ends_with(" (MA)"));
    }
}
