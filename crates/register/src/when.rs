//! Decides when the event was: 1 the page's own date line, 2 the dates told of the event, 3 the best of them, 4 its year, 5 weekdays.
//!
//! A date line (agency line, publication line, day of the release, label) never is the event's date; it completes years and relative days. Only a
//! label that gives no more than a month is taken as the month. A year is completed from the nearest time before the date
//! line (`YEAR_REACH_DAYS`); where the completed day falls on another weekday than the text says, the date stays open.

use crate::clean::Sort;
use crate::dates::{Said, Ymd, dates, from_hijri, weekday};
use crate::event::DatePrecision;
use crate::hits::Class;
use crate::scene::{Scene, Sentence};
use crate::words::Gap;
use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

/// How far before and after its date line a text may speak of a day without a year, in days.
const YEAR_REACH_DAYS: std::ops::RangeInclusive<i32> = -183..=45;
const CUE_WORDS_MAX: usize = 3;
/// How far before its date the word for a release may stand, in words.
const RELEASE_WORDS_MAX: usize = 7;
const TOLD_RANK_MAX: usize = 5;

/// When an event was, as far as one text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Days with their year.
    Days {
        from: Date,
        to: Date,
    },
    /// Days whose year is not said.
    DaysOfNoYear {
        from: Ymd,
        to: Ymd,
    },
    Month {
        year: i16,
        month: i8,
    },
    Year(i16),
    Open,
}

impl When {
    /// Returns first day, last day and precision as a draft shows them.
    pub fn days(self) -> (Option<Date>, Option<Date>, DatePrecision) {
        match self {
            When::Days { from, to } => (Some(from), Some(to), DatePrecision::Day),
            When::Month { year, month } => {
                let from = Date::new(year, month, 1).ok();
                (from, from.map(Date::last_of_month), DatePrecision::Month)
            }
            When::Year(year) => (Date::new(year, 1, 1).ok(), Date::new(year, 12, 31).ok(), DatePrecision::Year),
            When::DaysOfNoYear { .. } | When::Open => (None, None, DatePrecision::None),
        }
    }
}

/// What one text says about the day, with the bytes it says it on.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub when: When,
    pub spans: Vec<(usize, usize)>,
    pub contradictions: Vec<String>,
    /// Weekdays written before a date whose year is still open.
    pub weekdays: Vec<Weekday>,
}

/// A page's own date line.
#[derive(Clone, Copy, Debug)]
struct Line {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    bytes: (usize, usize),
}

impl Line {
    fn date(&self) -> Option<Date> {
        Date::new(self.year, self.month?, self.day?).ok()
    }
}

/// Reads when the event of a text was.
pub(crate) fn when(scene: &Scene) -> Told {
    let dateline = agency_line(scene);
    let line = dateline.as_ref().and_then(|said| from_said(scene, said)).or_else(|| published(scene)).or_else(|| released(scene)).or_else(|| label(scene));
    let mut told = Told { when: When::Open, spans: Vec::new(), contradictions: Vec::new(), weekdays: Vec::new() };
    let candidates = candidates(scene, dateline.as_ref());
    if let Some(best) = best(&candidates) {
        told.spans.push(scene.bytes(best.from, best.to));
        complete(best, &candidates, line.as_ref(), &mut told);
    } else if let Some((from, to, at)) = line.and_then(|line| relative(scene, line.date()?)) {
        told.when = When::Days { from, to };
        told.spans = vec![scene.bytes(at.0, at.1)];
        told.spans.extend(line.map(|line| line.bytes));
    } else if let Some(line) = label(scene).filter(|line| line.day.is_none()) {
        told.when = line.month.map_or(When::Year(line.year), |month| When::Month { year: line.year, month });
        told.spans.push(line.bytes);
    }
    told
}

/// Checks weekdays against days and returns what does not fit, in words.
pub(crate) fn misfits(weekdays: &[Weekday], from: Date, to: Date) -> Vec<String> {
    let ends = [(weekdays.first(), from), (weekdays.get(1), to)];
    let wrong = ends.into_iter().filter_map(|(said, date)| said.filter(|said| **said != date.weekday()).map(|said| (*said, date)));
    wrong.map(|(said, date)| format!("the text says {said:?}, but {date} is a {:?}", date.weekday())).collect()
}

/// Finds "Rabat, 8 mars 2031 (agency) –" at the head of the first paragraph.
fn agency_line(scene: &Scene) -> Option<Said> {
    let body = scene.paragraphs.iter().find(|paragraph| paragraph.part.sort == Sort::Body)?;
    scene.hits.at(body.from, Class::Place)?;
    let reach = (body.from + 12).min(body.to);
    let said = dates(scene, body.from, reach).into_iter().next().filter(|said| said.from <= body.from + 5 && !said.is_hijri)?;
    let between = (body.from + 1..=said.from).any(|at| scene.words.list[at].gap.has(Gap(Gap::COMMA.0 | Gap::PAREN.0)));
    let after = scene.words.list.get(said.to).filter(|_| said.to < body.to)?;
    (between && after.gap.has(Gap(Gap::PAREN.0 | Gap::HYPHEN.0 | Gap::SLASH.0 | Gap::STOP.0))).then_some(said)
}

fn from_said(scene: &Scene, said: &Said) -> Option<Line> {
    let bytes = scene.bytes(said.from, said.to);
    Some(Line { year: said.first.year?, month: Some(said.first.month), day: said.first.day, bytes })
}

fn published(scene: &Scene) -> Option<Line> {
    let lines = scene.paragraphs.iter().filter(|paragraph| paragraph.part.sort == Sort::Published);
    lines.flat_map(|paragraph| dates(scene, paragraph.from, paragraph.to)).find_map(|said| from_said(scene, &said))
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

struct Candidate {
    said: Said,
    score: i32,
}

fn candidates(scene: &Scene, dateline: Option<&Said>) -> Vec<Candidate> {
    let mut all = Vec::new();
    for sentence in scene.told() {
        for said in dates(scene, sentence.from, sentence.near_to) {
            if dateline.is_some_and(|line| line.to > said.from && line.from < said.to) || is_other_time(scene, sentence, &said) {
                continue;
            }
            // A day in a sentence that tells of nothing happening is not the event's, not even in the lead.
            let lead = sentence.rank <= 1;
            if !scene.happens(sentence) || sentence.rank > TOLD_RANK_MAX {
                continue;
            }
            let score = 3 * i32::from(lead) + i32::from(sentence.rank == 0) + i32::from(said.first.year.is_some())
                - 4 * i32::from(said.first.day.is_none())
                - 3 * i32::from(said.is_hijri);
            all.push(Candidate { said, score });
        }
    }
    all
}

/// Tells whether a date belongs to a release, a signature long ago, or a plan.
fn is_other_time(scene: &Scene, sentence: &Sentence, said: &Said) -> bool {
    let from = said.from.saturating_sub(CUE_WORDS_MAX + 3).max(sentence.from);
    let near = |hit: crate::hits::Hit, reach: usize| hit.to <= said.from && said.from - hit.to <= reach;
    let cue = scene.hits.within(from, said.from).any(|hit| match hit.entry.class {
        Class::NotThen => near(hit, CUE_WORDS_MAX),
        Class::CommuniqueWord => near(hit, CUE_WORDS_MAX - 1),
        _ => false,
    });
    cue || scene.is(said.to, Class::NextWord) || scene.before(said.from, Class::NextWord, sentence.from).is_some()
}

fn best(candidates: &[Candidate]) -> Option<&Said> {
    let top = candidates.iter().map(|candidate| candidate.score).max()?;
    candidates.iter().find(|candidate| candidate.score == top).map(|candidate| &candidate.said)
}

fn complete(best: &Said, candidates: &[Candidate], line: Option<&Line>, told: &mut Told) {
    if best.is_hijri {
        told.when = hijri_month(best).unwrap_or(When::Open);
        return;
    }
    let (Some(_), Some(_)) = (best.first.day, best.last.day) else {
        told.when = best.first.year.map_or(When::Open, |year| When::Month { year, month: best.first.month });
        return;
    };
    let same = |said: &&Said| (said.first.month, said.first.day) == (best.first.month, best.first.day) && said.first.year.is_some();
    let said = if best.first.year.is_some() { Some(best) } else { candidates.iter().map(|candidate| &candidate.said).find(same) };
    if let Some((from, to)) = said.and_then(|said| range(best, said.first.year?)) {
        told.contradictions = misfits(&best.weekdays, from, to);
        told.when = When::Days { from, to };
        return;
    }
    if best.first.year.is_some() {
        told.contradictions.push(format!("there is no such day: {:?}", (best.first.year, best.first.month, best.first.day)));
        return;
    }
    told.when = When::DaysOfNoYear { from: best.first, to: best.last };
    told.weekdays = best.weekdays.clone();
    let Some((from, to)) = line.and_then(|line| nearest(best, line)) else { return };
    let wrong = misfits(&best.weekdays, from, to);
    told.spans.extend(line.map(|line| line.bytes));
    if wrong.is_empty() {
        told.when = When::Days { from, to };
        told.weekdays.clear();
    } else {
        told.contradictions = wrong.into_iter().map(|words| format!("{words}; with the year of the date line, so the year stays open")).collect();
    }
}

fn range(said: &Said, first_year: i16) -> Option<(Date, Date)> {
    let turns = said.first.month > said.last.month;
    let (from, to) = (said.first.in_year(first_year)?, said.last.in_year(first_year + i16::from(turns))?);
    (from <= to).then_some((from, to))
}

/// Completes the year from the date line: the nearest such days, if they lie within reach.
fn nearest(said: &Said, line: &Line) -> Option<(Date, Date)> {
    let anchor = line.date().or_else(|| Some(Date::new(line.year, line.month?, 1).ok()?.last_of_month()))?;
    let years = [line.year - 1, line.year, line.year + 1];
    let distance = |from: Date| anchor.until(from).map(|span| span.get_days()).unwrap_or(i32::MAX);
    let options = years.into_iter().filter_map(|year| range(said, year));
    options.min_by_key(|(from, _)| distance(*from).unsigned_abs()).filter(|(from, _)| YEAR_REACH_DAYS.contains(&distance(*from)))
}

/// Returns the month of an Islamic date if it is the same two days earlier and two days later.
fn hijri_month(said: &Said) -> Option<When> {
    let middle = from_hijri(said.first)?;
    let shift = |days: i64| middle.checked_add(Span::new().try_days(days).ok()?).ok();
    let (early, late) = (shift(-2)?, shift(2)?);
    let same = (early.year(), early.month()) == (late.year(), late.month());
    same.then_some(When::Month { year: middle.year(), month: middle.month() })
}

/// Resolves "yesterday" or "on Tuesday" in the lead against the day of the date line.
fn relative(scene: &Scene, anchor: Date) -> Option<(Date, Date, (usize, usize))> {
    for sentence in scene.told().filter(|sentence| sentence.rank <= 1 && !sentence.is_title) {
        if !scene.hits.any(Class::Event, sentence.from, sentence.told_to) {
            continue;
        }
        for hit in scene.hits.within(sentence.from, sentence.near_to) {
            let words = Said {
                from: hit.from,
                to: hit.to,
                first: Ymd { year: None, month: 1, day: None },
                last: Ymd { year: None, month: 1, day: None },
                weekdays: Vec::new(),
                is_hijri: false,
            };
            if is_other_time(scene, sentence, &words) {
                continue;
            }
            match hit.entry.class {
                Class::RelativeDay => {
                    let day = anchor.checked_add(i64::from(hit.entry.number()).days()).ok()?;
                    return Some((day, day, (hit.from, hit.to)));
                }
                Class::Weekday => return weekdays_from(scene, sentence, hit.from, anchor),
                _ => {}
            }
        }
    }
    None
}

/// Resolves one weekday, or two in a row, to the latest such days not after the anchor.
fn weekdays_from(scene: &Scene, sentence: &Sentence, at: usize, anchor: Date) -> Option<(Date, Date, (usize, usize))> {
    let mut days: Vec<Weekday> = Vec::new();
    let (mut next, mut end) = (at, at);
    while next < sentence.near_to && days.len() < 2 {
        match scene.hits.starting(next).iter().find(|hit| matches!(hit.entry.class, Class::Weekday | Class::And | Class::Filler)) {
            Some(hit) if hit.entry.class == Class::Weekday => {
                days.push(weekday(hit.entry.number()));
                (next, end) = (hit.to, hit.to);
            }
            Some(hit) => next = hit.to,
            None => break,
        }
    }
    let latest = |day: Weekday, limit: Date| {
        let back = (limit.weekday().to_monday_one_offset() - day.to_monday_one_offset()).rem_euclid(7);
        limit.checked_sub(i64::from(back).days()).ok()
    };
    let strictly_before = scene.is(end, Class::LastWord) || scene.before(at, Class::LastWord, sentence.from).is_some();
    let limit = if strictly_before { anchor.yesterday().ok()? } else { anchor };
    let to = latest(*days.last()?, limit)?;
    let from = latest(days[0], to)?;
    Some((from, to, (at, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, usize) {
        let told = when(&Scene::set(text).unwrap());
        let (from, to, precision) = told.when.days();
        let day = |date: Option<Date>| date.map_or("open".to_owned(), |date| date.to_string());
        (format!("{}..{} {precision:?}", day(from), day(to)), told.contradictions.len())
    }

    #[test]
    fn the_year_comes_from_the_date_line_or_stays_open() {
        let story = "Le chef de la police a effectué une visite de travail à Lisbonne les 3 et 4 mars.";
        assert_eq!(read(story), ("open..open None".into(), 0));
        let page = format!("Deux jours à Lisbonne\nPublié dans Le Quai le 06 - 03 - 2031\n{story}");
        assert_eq!(read(&page), ("2031-03-03..2031-03-04 Day".into(), 0));
        let late = format!("Deux jours à Lisbonne\nPublié dans Le Quai le 02 - 01 - 2032\n{story}");
        assert_eq!(read(&late), ("open..open None".into(), 0), "ten months later the year is a guess");
    }

    #[test]
    fn a_weekday_is_held_against_the_calendar() {
        assert_eq!(read("La délégation a effectué une visite à Lisbonne le mardi 4 mars 2031.").1, 0);
        let (date, wrong) = read("La délégation a effectué une visite à Lisbonne le lundi 4 mars 2031.");
        assert_eq!((date.as_str(), wrong), ("2031-03-04..2031-03-04 Day", 1));
        let (date, wrong) = read("Une visite\nPublié dans Le Quai le 06 - 03 - 2031\nLa délégation a effectué une visite à Lisbonne le lundi 4 mars.");
        assert_eq!((date.as_str(), wrong), ("open..open None", 1), "a completed year that does not fit is no year");
    }

    #[test]
    fn the_release_itself_is_a_date_line() {
        let story = "La délégation a effectué une visite à Lisbonne les 3 et 4 mars, indique un communiqué de la police daté du 6 mars 2031.";
        assert_eq!(read(story), ("2031-03-03..2031-03-04 Day".into(), 0));
        let old = "La délégation a effectué une visite à Lisbonne les 3 et 4 mars, dans le cadre de l'accord signé le 6 mars 2031.";
        assert_eq!(read(old), ("open..open None".into(), 0));
    }

    #[test]
    fn relative_days_need_a_date_line() {
        let story = "The head of the police met with his Spanish counterpart in Lisbon on Tuesday.";
        assert_eq!(read(story).0, "open..open None");
        assert_eq!(read(&format!("A meeting in Lisbon\nPublished on 6 March 2031\n{story}")).0, "2031-03-04..2031-03-04 Day");
        let agency = "Lisbon, 6 March 2031 (AGENCY) - The head of the police met with his Spanish counterpart yesterday.";
        assert_eq!(read(agency).0, "2031-03-05..2031-03-05 Day");
        let release = "A meeting in Lisbon\nPublished on 6 March 2031\nThe head of the police met with his counterpart, said a statement issued on Wednesday.";
        assert_eq!(read(release).0, "open..open None");
        let next = "A meeting in Lisbon\nPublished on 6 March 2031\nThe head of the police is to have a meeting with his counterpart next Tuesday.";
        assert_eq!(read(next).0, "open..open None");
    }

    #[test]
    fn other_days_are_not_the_event() {
        let page = "Les deux chefs ont tenu une réunion à Lisbonne dans le cadre de l'accord signé le 5 mai 2029.";
        assert_eq!(read(page).0, "open..open None");
        let page = "Les deux chefs ont tenu une réunion à Lisbonne le 4 mars 2031. La visite a eu lieu quelques jours après le sommet du 1er mars 2031.";
        assert_eq!(read(page).0, "2031-03-04..2031-03-04 Day");
    }

    #[test]
    fn a_month_label_is_a_month_and_an_islamic_day_too() {
        assert_eq!(read(" date 2031-03 La délégation de la police a effectué une visite.").0, "2031-03-01..2031-03-31 Month");
        assert_eq!(read(" date 2031-03-09 La délégation de la police a effectué une visite.").0, "open..open None");
        assert_eq!(read("استقبل المدير العام نظيره الإسباني يوم 1 رمضان 1445 في مدريد.").0, "2024-03-01..2024-03-31 Month");
        assert_eq!(read("استقبل المدير العام نظيره الإسباني يوم 21 رمضان 1445 في مدريد.").0, "open..open None");
    }
}
