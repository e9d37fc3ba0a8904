//! Finds the days that a page gives itself: 1 the agency line, 2 the outlet's own line of publication, 3 the release, 4 stamps of others.
//!
//! The text's own line (1 to 3) resolves "yesterday" and "on Tuesday". A stamp, which an aggregator or a crawl set, or which shows the day
//! on which the page was looked at, never does: it only bounds the event from behind, and lends a year to a day that lies shortly before it.

use crate::clean::Sort;
use crate::dates::{Said, dates};
use crate::hits::Class;
use crate::scene::{Paragraph, Scene};
use crate::when::is_other_time;
use crate::words::Gap;
use jiff::ToSpan;
use jiff::civil::Date;

/// How far before its date the word for a release may stand, in words.
const RELEASE_WORDS_MAX: usize = 7;
/// How far into a paragraph the date of an agency line may start, in words.
const AGENCY_WORDS_MAX: usize = 8;
/// Days before a stamp within which a day without a year takes the stamp's year.
const STAMP_REACH_DAYS: i32 = 45;

/// A day, a month or a year that a page gives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub year: i16,
    pub month: Option<i8>,
    pub day: Option<i8>,
    pub bytes: (usize, usize),
}

impl Line {
    /// Returns the day, if it gives one.
    pub fn date(&self) -> Option<Date> {
        Date::new(self.year, self.month?, self.day?).ok()
    }

    /// Returns the last day that it may mean.
    pub fn last_day(&self) -> Option<Date> {
        match (self.month, self.day) {
            (Some(_), Some(_)) => self.date(),
            (Some(month), None) => Some(Date::new(self.year, month, 1).ok()?.last_of_month()),
            _ => Date::new(self.year, 12, 31).ok(),
        }
    }
}

/// The lines of one page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The text's own.
    pub own: Option<Line>,
    /// Set by others: an aggregator, a crawl, the day of the look-up.
    pub stamp: Option<Line>,
    /// A label such as "date 2031-03" before the text.
    pub label: Option<Line>,
    /// Words of the agency line, which are no date of the event.
    pub agency: Option<Said>,
    /// A day of the agency line whose year nothing tells.
    pub open_day: Option<Said>,
}

/// Finds the lines of a page.
pub(crate) fn lines(scene: &Scene) -> Lines {
    let mut lines = Lines { agency: agency_line(scene), label: label(scene), ..Lines::default() };
    let published = published(scene);
    lines.stamp = published.iter().find(|(_, own)| !own).map(|(line, _)| *line);
    let outlet = published.iter().find(|(_, own)| *own).map(|(line, _)| *line);
    if let Some(said) = &lines.agency {
        let bytes = scene.bytes(said.from, said.to);
        let year = said.first.year.or_else(|| [outlet, lines.stamp, lines.label].into_iter().flatten().find_map(|line| year_by(said, &line)));
        match year {
            Some(year) => lines.own = Some(Line { year, month: Some(said.first.month), day: said.first.day, bytes }),
            None => lines.open_day = Some(said.clone()),
        }
    }
    lines.own = lines.own.or(outlet).or_else(|| released(scene));
    lines
}

/// Lends the year of a line to a day that lies on it or shortly before it.
fn year_by(said: &Said, line: &Line) -> Option<i16> {
    let last = line.last_day()?;
    [last.year(), last.year() - 1].into_iter().find(|year| {
        said.first.in_year(*year).is_some_and(|day| {
            let before = day.until(last).map(|span| span.get_days()).unwrap_or(i32::MAX);
            (0..=STAMP_REACH_DAYS).contains(&before)
        })
    })
}

/// Finds "Rabat, 8 mars 2031 (agency) –", "8. März 2031 – " or "Rabat, 8 Mar. (AGENCY) -" at the head of the first paragraphs.
fn agency_line(scene: &Scene) -> Option<Said> {
    let bodies = scene.paragraphs.iter().filter(|paragraph| matches!(paragraph.part.sort, Sort::Body | Sort::Title)).take(3);
    bodies.into_iter().find_map(|body| agency_line_of(scene, body))
}

fn agency_line_of(scene: &Scene, body: &Paragraph) -> Option<Said> {
    let reach = (body.from + AGENCY_WORDS_MAX + 6).min(body.to);
    let said = dates(scene, body.from, reach).into_iter().next().filter(|said| said.from <= body.from + AGENCY_WORDS_MAX && !said.is_hijri)?;
    said.first.day.filter(|_| said.first == said.last)?;
    let head = || body.from..said.from;
    let word = |at: usize| &scene.words.list[at];
    // Before the date only names of towns and agencies stand, or nothing.
    let is_head = |at: usize| {
        word(at).is_capital || word(at).number.is_some() || scene.is(at, Class::Place) || scene.is(at, Class::Filler) || scene.is(at, Class::Locative)
    };
    if !head().all(is_head) {
        return None;
    }
    let starts_with_place = scene.is(body.from, Class::Place);
    let after = scene.words.list.get(said.to).filter(|_| said.to < body.to);
    let closes =
        after.is_some_and(|after| after.gap.has(Gap(Gap::PAREN.0 | Gap::HYPHEN.0 | Gap::SLASH.0 | Gap::STOP.0 | Gap::END.0)) && !after.gap.has(Gap::COMMA));
    let opens = said.from == body.from || starts_with_place && (body.from + 1..=said.from).any(|at| !word(at).gap.is_soft() || word(at).gap.has(Gap::HYPHEN));
    (opens && closes).then_some(said)
}

fn from_said(scene: &Scene, said: &Said) -> Option<Line> {
    let bytes = scene.bytes(said.from, said.to);
    Some(Line { year: said.first.year?, month: Some(said.first.month), day: said.first.day, bytes })
}

/// Lines of publication, each with whether it is the outlet's own.
fn published(scene: &Scene) -> Vec<(Line, bool)> {
    let mut all = Vec::new();
    for paragraph in &scene.paragraphs {
        let own = match paragraph.part.sort {
            Sort::Published => true,
            Sort::Stamp => false,
            _ => continue,
        };
        let said = dates(scene, paragraph.from, paragraph.to).into_iter().filter_map(|said| from_said(scene, &said)).next();
        all.extend(said.map(|line| (line, own)));
    }
    all
}

/// Finds the day of the release itself, as in "a statement of the service dated 6 March 2031".
fn released(scene: &Scene) -> Option<Line> {
    scene.told().filter(|sentence| !sentence.is_title).find_map(|sentence| {
        let mut said = dates(scene, sentence.from, sentence.near_to).into_iter();
        said.find_map(|said| {
            let from = said.from.saturating_sub(RELEASE_WORDS_MAX).max(sentence.from);
            let released = scene.hits.any(Class::CommuniqueWord, from, said.from) && is_other_time(scene, sentence, &said);
            from_said(scene, &said).filter(|_| released && !said.is_hijri)
        })
    })
}

fn label(scene: &Scene) -> Option<Line> {
    let part = scene.parts.iter().find(|part| part.sort == Sort::Label)?;
    let text = &scene.text[part.start..part.end];
    let date = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = date.split('-').map(|number| number.parse::<i16>().ok());
    let year = numbers.next()??;
    let (month, day) = (numbers.next().flatten().map(|n| n as i8), numbers.next().flatten().map(|n| n as i8));
    Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
    Some(Line { year, month, day, bytes: (part.start, part.end) })
}

/// When a page was out at the latest, as far as it tells: the first and the last day that its best line may mean.
pub(crate) fn out(lines: &Lines) -> Option<(Date, Date)> {
    let line = lines.own.or(lines.label).or(lines.stamp)?;
    let last = line.last_day()?;
    let first = match (line.month, line.day) {
        (Some(_), Some(_)) => last,
        (Some(_), None) => last.first_of_month(),
        _ => Date::new(line.year, 1, 1).ok()?,
    };
    // A stamp may be late by any time; it says only "not after".
    if lines.own.is_none() && lines.label.is_none() { Some((last.checked_sub(10.years()).ok()?, last)) } else { Some((first, last)) }
}
