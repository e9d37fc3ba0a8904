//! Takes a page apart: what tells something, and what is furniture.
//!
//! Flow: 1 refuse what is no text, 2 lines, 3 a line of headlines run together is split and its headlines dropped, 4 known
//! furniture by its words (`data/furniture.toml`), 5 publication lines and date labels become date lines, 6 runs of bare
//! headlines, 7 the title, 8 paragraphs said before. Nothing is copied: a part is a range of bytes of the text as given.

use crate::fold::{fold, is_arabic};
use crate::silence::Silence;
use crate::stamps::{DateLine, date_line, is_weather};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Largest text that is read, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
const HEADLINE_BYTES_MAX: usize = 400;
const TITLE_BYTES_MAX: usize = 300;
const HEADLINES_RUN_MIN: usize = 4;
const SHORT_LINE_BYTES_MAX: usize = 240;
/// Long words that a headline must share with the article below to be its own.
const OWN_WORDS_MIN: usize = 3;

/// What a part of a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The headline of this text.
    Title,
    /// A paragraph that tells something.
    Body,
    /// A line that says when the page was published.
    Published,
    /// A line of an aggregator, or with the day of the look-up.
    Stamp,
    /// A label such as "date 2025-04" before the text.
    Label,
    /// Menus, buttons, credits.
    Furniture,
    /// A paragraph that stood on the page before.
    Repeat,
}

/// A range of bytes of the text as given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub start: usize,
    pub end: usize,
    pub sort: Sort,
}

#[derive(Deserialize)]
struct FurnitureFile {
    starts: Vec<String>,
    holds: Vec<String>,
    published: Vec<String>,
    aggregators: Vec<String>,
    labels: Vec<String>,
}

static FURNITURE: LazyLock<FurnitureFile> = LazyLock::new(|| {
    let mut file: FurnitureFile = toml::from_str(include_str!("../data/furniture.toml")).expect("the furniture file of this crate is valid TOML");
    for list in [&mut file.starts, &mut file.holds, &mut file.published, &mut file.aggregators, &mut file.labels] {
        list.iter_mut().for_each(|phrase| *phrase = plain(phrase));
    }
    file
});

/// Takes a page apart, in reading order; every byte that is not blank is in one part.
///
/// Refuses what is too large, empty, or not text; a page of furniture only is refused as such.
pub(crate) fn clean(text: &str) -> Result<Vec<Part>, Silence> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Silence::TextTooLarge { bytes: text.len(), text_bytes_max: TEXT_BYTES_MAX });
    }
    if text.trim_matches(is_blank).is_empty() {
        return Err(Silence::Empty);
    }
    let (total, odd) =
        text.chars().fold((0usize, 0usize), |(total, odd), c| (total + 1, odd + usize::from((c.is_control() && !c.is_whitespace()) || c == '\u{fffd}')));
    if odd * 100 > total {
        return Err(Silence::NotText);
    }
    let mut parts = lines(text);
    runs_of_headlines(text, &mut parts);
    title(text, &mut parts);
    repeats(text, &mut parts);
    match parts.iter().any(|part| matches!(part.sort, Sort::Body | Sort::Title)) {
        true => Ok(parts),
        false => Err(Silence::OnlyFurniture),
    }
}

fn lines(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    for line in text.split(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let (start, end) = (at, at + line.len());
        at = end + 1 + if text[end..].starts_with('\u{2028}') || text[end..].starts_with('\u{2029}') { 2 } else { 0 };
        let pieces = pieces(text, start, end);
        let is_menu = pieces.len() >= HEADLINES_RUN_MIN;
        for (start, end) in pieces {
            if is_menu && !is_prose(&text[start..end]) {
                parts.push(Part { start, end, sort: Sort::Furniture });
            } else {
                line_parts(text, start, end, &mut parts);
            }
        }
    }
    parts
}

/// Splits a line where three blanks or more stand together, one of them no plain space, or where menu signs stand between blanks.
fn pieces(text: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    let line = &text[start..end];
    let mut pieces = Vec::new();
    let (mut from, mut blank_from, mut blanks, mut wide) = (0, 0, 0usize, false);
    let mut push = |from: usize, to: usize| {
        let trimmed = line[from..to].trim_matches(is_blank);
        if !trimmed.is_empty() {
            let lead = line[from..to].len() - line[from..to].trim_start_matches(is_blank).len();
            pieces.push((start + from + lead, start + from + lead + trimmed.len()));
        }
    };
    for (at, c) in line.char_indices() {
        if is_blank(c) || matches!(c, '|' | '•' | '»') && blanks > 0 && line[at + c.len_utf8()..].starts_with(is_blank) {
            if blanks == 0 {
                blank_from = at;
            }
            blanks += 1;
            wide |= c != ' ';
        } else if blanks > 0 {
            if blanks >= 3 && wide || blanks >= 6 {
                push(from, blank_from);
                from = at;
            }
            (blanks, wide) = (0, false);
        }
    }
    push(from, line.len());
    pieces
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}'
}

fn line_parts(text: &str, start: usize, end: usize, parts: &mut Vec<Part>) {
    let line = &text[start..end];
    let mut start = start;
    if let Some(length) = label_bytes(line) {
        parts.push(Part { start, end: start + length, sort: Sort::Label });
        let rest = line[length..].trim_start_matches(is_blank);
        if rest.is_empty() {
            return;
        }
        start = end - rest.len();
    }
    let line = &text[start..end];
    let sort = if line.len() > SHORT_LINE_BYTES_MAX {
        Sort::Body
    } else {
        let words = plain(line);
        let by = |list: &[String]| list.iter().any(|phrase| starts_with_words(&words, phrase));
        let (published, dated) = (by(&FURNITURE.published), line.chars().any(char::is_numeric));
        let bare = !words.chars().any(char::is_alphabetic);
        if by(&FURNITURE.aggregators) && dated {
            Sort::Stamp
        } else if published && dated {
            Sort::Published
        } else if let Some(whose) = date_line(line) {
            // A bare day above the title, under the weather or under a heading of the site is the day of the look-up.
            let told = parts.iter().rev().find(|part| part.sort == Sort::Body);
            let under_heading = told.is_none_or(|part| parts.last().is_some_and(|last| last.start != part.start))
                || told.is_some_and(|part| parts.iter().filter(|part| part.sort == Sort::Body).count() > 1 && !is_prose(&text[part.start..part.end]));
            if whose == DateLine::Bare && under_heading { Sort::Stamp } else { Sort::Published }
        } else if published
            || bare
            || is_weather(line)
            || FURNITURE.starts.iter().any(|phrase| starts_with_words(&words, phrase))
            || FURNITURE.holds.iter().any(|phrase| words.contains(phrase.as_str()))
        {
            Sort::Furniture
        } else {
            Sort::Body
        }
    };
    parts.push(Part { start, end, sort });
}

/// Returns the length of a leading label such as "date 2025-04", if the line starts with one.
fn label_bytes(line: &str) -> Option<usize> {
    let word_end = line.find(|c: char| !c.is_alphabetic())?;
    let label = fold(&line[..word_end]);
    if !FURNITURE.labels.contains(&label) {
        return None;
    }
    let rest = &line[word_end..];
    let date_at = rest.find(|c: char| c.is_ascii_digit())?;
    if date_at > 3 || rest[..date_at].contains(|c: char| c.is_alphabetic()) {
        return None;
    }
    let date = &rest[date_at..];
    let length = date.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(date.len());
    matches!(length, 4 | 7 | 10).then_some(word_end + date_at + length)
}

fn runs_of_headlines(text: &str, parts: &mut [Part]) {
    let is_bare = |part: &Part| part.sort == Sort::Body && part.end - part.start < SHORT_LINE_BYTES_MAX && !is_prose(&text[part.start..part.end]);
    let mut at = 0;
    while at < parts.len() {
        let run = parts[at..].iter().take_while(|part| is_bare(part)).count();
        if run >= HEADLINES_RUN_MIN {
            let titled = parts.get(at + run).is_some_and(|next| matches!(next.sort, Sort::Published | Sort::Stamp | Sort::Label | Sort::Body));
            // A headline that speaks of what the article speaks of is its own, or its summary.
            let article = parts[at + run..].iter().find(|part| part.sort == Sort::Body && !is_bare(part)).map(|part| weighty(&text[part.start..part.end]));
            let last = if titled { run - 1 } else { run };
            for (nth, part) in parts[at..at + last].iter_mut().enumerate() {
                // The first line of a page needs less to be taken for its headline.
                let least = if at + nth == 0 { OWN_WORDS_MIN - 1 } else { OWN_WORDS_MIN };
                let own = article.as_ref().is_some_and(|article| weighty(&text[part.start..part.end]).intersection(article).count() >= least);
                if !own {
                    part.sort = Sort::Furniture;
                }
            }
        }
        at += run.max(1);
    }
}

/// The beginnings of the long words of a piece, folded; Arabic ones without article and joined particles.
fn weighty(piece: &str) -> HashSet<String> {
    let stem = |word: &str| {
        if !word.starts_with(is_arabic) {
            return word.chars().take(6).collect::<String>();
        }
        let bare = ["وال", "بال", "لل", "ال", "و", "ب", "ل"].iter().find_map(|joined| word.strip_prefix(joined)).unwrap_or(word);
        bare.chars().take(4).collect()
    };
    plain(piece).split(' ').filter(|word| word.chars().count() >= 5).map(stem).filter(|stem| stem.chars().count() >= 4).collect()
}

fn title(text: &str, parts: &mut [Part]) {
    let Some(first) = parts.iter().position(|part| part.sort == Sort::Body) else { return };
    let line = &text[parts[first].start..parts[first].end];
    let has_more = parts[first + 1..].iter().any(|part| part.sort == Sort::Body);
    if has_more && line.len() <= TITLE_BYTES_MAX && !line.trim_end().ends_with(['.', '!', '?', '؟', ':', '…', '»', '"']) {
        parts[first].sort = Sort::Title;
    }
}

fn repeats(text: &str, parts: &mut [Part]) {
    let mut said = HashSet::new();
    for part in parts {
        if part.sort == Sort::Body && !said.insert(plain(&text[part.start..part.end])) {
            part.sort = Sort::Repeat;
        }
    }
}

/// Tells whether a piece reads like a paragraph and not like a headline: long, or ended like a sentence.
fn is_prose(piece: &str) -> bool {
    let ends = piece.trim_end().ends_with(['.', '؟', '»', ':', ';', '"', '”']) || piece.contains(". ");
    piece.len() > HEADLINE_BYTES_MAX || (ends && piece.split_whitespace().count() >= 12)
}

/// Folds and keeps letters and digits, one space between words.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in fold(line).chars() {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn starts_with_words(words: &str, phrase: &str) -> bool {
    words.strip_prefix(phrase).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorts(text: &str) -> Vec<(Sort, &str)> {
        clean(text).unwrap().iter().map(|part| (part.sort, &text[part.start..part.end])).collect()
    }

    #[test]
    fn a_menu_falls_and_the_article_stays() {
        let page = "Météo du jour\u{a0} \u{a0} Le marché recule\u{a0} \u{a0} Finale ce soir\u{a0} \u{a0} Un drone perdu\n\nMerci d'avoir signalé!\nPolice : un accord à Lisbonne\nPublié dans Le Quai le 04 - 03 - 2024\nLe directeur a reçu son homologue.\nCliquez ici pour lire la suite.";
        let kept: Vec<_> = sorts(page).into_iter().filter(|(sort, _)| *sort != Sort::Furniture).collect();
        assert_eq!(
            kept,
            [
                (Sort::Title, "Police : un accord à Lisbonne"),
                (Sort::Stamp, "Publié dans Le Quai le 04 - 03 - 2024"),
                (Sort::Body, "Le directeur a reçu son homologue."),
            ]
        );
    }

    #[test]
    fn what_was_said_twice_is_read_once() {
        let page = "Les deux chefs se sont vus.\nIls ont parlé.\nLes deux chefs  se sont vus .";
        let repeats: Vec<_> = sorts(page).into_iter().map(|(sort, _)| sort == Sort::Repeat).collect();
        assert_eq!(repeats, [false, false, true]);
    }

    #[test]
    fn a_label_is_cut_from_its_line() {
        assert_eq!(sorts(" date 2024-11 Un communiqué du service.")[..1], [(Sort::Label, "date 2024-11")]);
        assert_eq!(sorts("date de la visite : 3 mai")[0].0, Sort::Body);
    }

    #[test]
    fn a_line_of_a_date_alone_is_a_date_line() {
        assert_eq!(
            sorts("Les deux chefs se sont vus.\n22/11/2031\n12 345\n")[1..].iter().map(|part| part.0).collect::<Vec<_>>(),
            [Sort::Published, Sort::Furniture]
        );
    }

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        assert!(matches!(clean(" \n\u{a0}"), Err(Silence::Empty)));
        assert!(matches!(clean("\u{0}\u{1}\u{2}ab\u{7f}"), Err(Silence::NotText)));
        assert!(matches!(clean("Merci d'avoir signalé !\nCliquez ici"), Err(Silence::OnlyFurniture)));
        let huge = "a".repeat(TEXT_BYTES_MAX + 1);
        assert!(clean(&huge).unwrap_err().to_string().contains("text_bytes_max"));
        assert!(clean(&huge[..TEXT_BYTES_MAX]).is_ok());
    }
}
