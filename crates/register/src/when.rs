//! Decides when the event was: 1 the page's own date line, 2 the dates told of the event, 3 the best of them, 4 its year, 5 weekdays.
//!
//! A date line (agency line, publication line, day of the release, label) never is the event's date; it completes years and relative days. Only a
//! label that gives no more than a month is taken as the month. A year is completed from the nearest time before the date
//! line (`YEAR_REACH_DAYS`); where the completed day falls on another weekday than the text says, the date stays open.

use crate::dateline::{Line, lines, out};
use crate::dates::{Said, Ymd, dates, from_hijri, weekday};
use crate::event::{DatePrecision, Kind};
use crate::hits::Class;
use crate::scene::{Scene, Sentence};
use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

/// How far before and after its date line a text may speak of a day without a year, in days.
const YEAR_REACH_DAYS: std::ops::RangeInclusive<i32> = -183..=45;
/// The same for a stamp of others, which is never before the event.
const STAMP_REACH_DAYS: std::ops::RangeInclusive<i32> = -62..=5;
/// How long before its page was out an event may lie, in days.
const OLD_DAYS: i32 = 62;
const CUE_WORDS_MAX: usize = 3;
const TOLD_RANK_MAX: usize = 5;
/// How far before a weekday the word of speech stands that takes it, in words.
const SPEECH_WORDS_MAX: usize = 3;

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

/// A day without a year on which a text was out, and how long before it the event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenLine {
    pub line: Ymd,
    /// Weekday of the event, on the line or in the week before it.
    pub weekday: Option<Weekday>,
    /// Days before the line, if the text says "today" or "yesterday".
    pub back: Option<i32>,
}

impl OpenLine {
    /// Returns the day of the event, if the line stood in this year.
    pub fn in_year(self, year: i16) -> Option<Date> {
        let line = self.line.in_year(year)?;
        match (self.back, self.weekday) {
            (Some(back), said) => line.checked_add(i64::from(back).days()).ok().filter(|day| said.is_none_or(|said| said == day.weekday())),
            (None, Some(said)) => {
                let back = (line.weekday().to_monday_one_offset() - said.to_monday_one_offset()).rem_euclid(7);
                line.checked_sub(i64::from(back).days()).ok()
            }
            (None, None) => None,
        }
    }
}

/// What one text says about the day, with the bytes it says it on.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub when: When,
    pub spans: Vec<(usize, usize)>,
    pub contradictions: Vec<String>,
    /// Weekdays written before a date whose year is still open, else the weekday that the lead names.
    pub weekdays: Vec<Weekday>,
    /// "On Tuesday" beside an agency line whose year nothing tells.
    pub open_line: Option<OpenLine>,
    /// First and last day on which the page may have been out, as far as its lines tell.
    pub out: Option<(Date, Date)>,
}

/// Reads when the event of a text was.
pub(crate) fn when(scene: &Scene, kind: Kind) -> Told {
    let words_are_the_deed = kind == Kind::Statement;
    let lines = lines(scene);
    let mut told = Told { when: When::Open, spans: Vec::new(), contradictions: Vec::new(), weekdays: Vec::new(), out: out(&lines), open_line: None };
    let mut candidates = candidates(scene, lines.agency.as_ref());
    // What lies months before the page was out is looked back at.
    if let Some(first) = lines.own.or(lines.label).and_then(|line| if line.day.is_some() { line.date() } else { line.last_day().map(Date::first_of_month) }) {
        let is_old = |said: &Said| {
            let day = said.first.year.filter(|_| !said.is_hijri).and_then(|year| said.first.in_year(year));
            day.is_some_and(|day| day.until(first).is_ok_and(|span| span.get_days() > OLD_DAYS))
        };
        candidates.retain(|candidate| !is_old(&candidate.said));
    }
    // A year is lent by the nearest line; a relative day only by the text's own.
    let line = lines.own.or(lines.stamp).or(lines.label);
    let (top, _) = (candidates.iter().map(|candidate| candidate.score).max(), ());
    let spoken = lines.own.and_then(|own| relative(scene, own.date()?, words_are_the_deed));
    // "On Tuesday" in the lead goes before a day without a year further down.
    let best = best(&candidates).filter(|best| spoken.is_none() || best.first.year.is_some() || top >= Some(3));
    if let Some(best) = best {
        told.spans.push(scene.bytes(best.from, best.to));
        complete(best, &candidates, line.as_ref(), lines.own.is_some(), &mut told);
    } else if let Some((from, to, at)) = spoken {
        told.when = When::Days { from, to };
        told.spans = vec![scene.bytes(at.0, at.1)];
        told.spans.extend(lines.own.map(|line| line.bytes));
    } else if let Some(line) = lines.label.filter(|line| line.day.is_none()) {
        told.when = line.month.map_or(When::Year(line.year), |month| When::Month { year: line.year, month });
        told.spans.push(line.bytes);
    }
    if told.when == When::Open {
        told.open_line = lines.open_day.as_ref().and_then(|line| open_line(scene, line, words_are_the_deed));
    }
    if told.weekdays.is_empty() {
        told.weekdays = lead_weekday(scene).into_iter().collect();
    }
    told
}

/// Checks weekdays against days and returns what does not fit, in words.
pub(crate) fn misfits(weekdays: &[Weekday], from: Date, to: Date) -> Vec<String> {
    let ends = [(weekdays.first(), from), (weekdays.get(1), to)];
    let wrong = ends.into_iter().filter_map(|(said, date)| said.filter(|said| **said != date.weekday()).map(|said| (*said, date)));
    wrong.map(|(said, date)| format!("the text says {said:?}, but {date} is a {:?}", date.weekday())).collect()
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
            if !scene.happens(sentence) || sentence.rank > TOLD_RANK_MAX || scene.hits.any(Class::Aftermath, sentence.from, sentence.told_to) {
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
pub(crate) fn is_other_time(scene: &Scene, sentence: &Sentence, said: &Said) -> bool {
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

fn complete(best: &Said, candidates: &[Candidate], line: Option<&Line>, is_own: bool, told: &mut Told) {
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
    let Some((from, to)) = line.and_then(|line| nearest(best, line, is_own)) else { return };
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

/// Completes the year from a line: the nearest such days, if they lie within reach; a stamp of others reaches only back.
fn nearest(said: &Said, line: &Line, is_own: bool) -> Option<(Date, Date)> {
    let anchor = line.last_day()?;
    let years = [line.year - 1, line.year, line.year + 1];
    let distance = |from: Date| anchor.until(from).map(|span| span.get_days()).unwrap_or(i32::MAX);
    let reach = if is_own { YEAR_REACH_DAYS } else { STAMP_REACH_DAYS };
    let options = years.into_iter().filter_map(|year| range(said, year));
    options.min_by_key(|(from, _)| distance(*from).unsigned_abs()).filter(|(from, _)| reach.contains(&distance(*from)))
}

/// Returns the month of an Islamic date if it is the same two days earlier and two days later.
fn hijri_month(said: &Said) -> Option<When> {
    let middle = from_hijri(said.first)?;
    let shift = |days: i64| middle.checked_add(Span::new().try_days(days).ok()?).ok();
    let (early, late) = (shift(-2)?, shift(2)?);
    let same = (early.year(), early.month()) == (late.year(), late.month());
    same.then_some(When::Month { year: middle.year(), month: middle.month() })
}

/// Resolves "yesterday" or "on Tuesday" in the lead against the day of the text's own line.
fn relative(scene: &Scene, anchor: Date, words_are_the_deed: bool) -> Option<(Date, Date, (usize, usize))> {
    for sentence in scene.told().filter(|sentence| sentence.rank <= 1) {
        if !scene.happens(sentence) && sentence.rank > 0 && !words_are_the_deed {
            continue;
        }
        for hit in scene.hits.within(sentence.from, sentence.near_to) {
            if !words_are_the_deed && is_spoken(scene, sentence, hit.from, hit.to) || is_part_of_a_date(scene, sentence, hit.from) {
                continue;
            }
            match hit.entry.class {
                Class::RelativeDay => {
                    // "اليوم الثلاثاء": the weekday beside it says the same, and is held against it.
                    let day = anchor.checked_add(i64::from(hit.entry.number()).days()).ok()?;
                    let beside = scene.hits.at(hit.to, Class::Weekday).map(|hit| weekday(hit.entry.number()));
                    match beside {
                        Some(said) if said != day.weekday() => return weekdays_from(scene, sentence, hit.to, anchor),
                        _ => return Some((day, day, (hit.from, hit.to))),
                    }
                }
                Class::Weekday => return weekdays_from(scene, sentence, hit.from, anchor),
                _ => {}
            }
        }
    }
    None
}

/// A day that an agency line gives without its year, where the lead says "today" or names a weekday.
fn open_line(scene: &Scene, line: &Said, words_are_the_deed: bool) -> Option<OpenLine> {
    let lead = scene.told().find(|sentence| sentence.rank <= 1 && !sentence.is_title && (words_are_the_deed || scene.happens(sentence)))?;
    let own = |hit: &crate::hits::Hit| words_are_the_deed || !is_spoken(scene, lead, hit.from, hit.to);
    let back = scene.hits.of(Class::RelativeDay, lead.from, lead.near_to).find(own).map(|hit| hit.entry.number());
    let weekday = scene.hits.of(Class::Weekday, lead.from, lead.near_to).find(own).map(|hit| weekday(hit.entry.number()));
    (back.is_some() || weekday.is_some()).then_some(OpenLine { line: line.first, weekday, back })
}

/// The weekday that the lead names for the event, whichever week it is in.
fn lead_weekday(scene: &Scene) -> Option<Weekday> {
    scene.told().filter(|sentence| sentence.rank <= 1 && scene.happens(sentence)).find_map(|sentence| {
        let mut days = scene.hits.of(Class::Weekday, sentence.from, sentence.near_to);
        days.find(|hit| !is_spoken(scene, sentence, hit.from, hit.to)).map(|hit| weekday(hit.entry.number()))
    })
}

/// Tells whether a relative day is that of the words, not of the deed: "said on Tuesday", "on Tuesday, the ministry said".
fn is_spoken(scene: &Scene, sentence: &Sentence, from: usize, to: usize) -> bool {
    let none = Ymd { year: None, month: 1, day: None };
    let words = Said { from, to, first: none, last: none, weekdays: Vec::new(), is_hijri: false };
    let near = from.saturating_sub(SPEECH_WORDS_MAX).max(sentence.from);
    let before = scene.hits.of(Class::Speech, near, from).any(|hit| hit.to <= from && !scene.hits.any(Class::Result, hit.to, from));
    let after = scene.hits.of(Class::Speech, to, (to + 2).min(sentence.to)).next().is_some();
    is_other_time(scene, sentence, &words) || before || after || scene.hits.any(Class::Aftermath, sentence.from, sentence.told_to)
}

/// Tells whether a weekday belongs to a date in numbers, which is read as such.
fn is_part_of_a_date(scene: &Scene, sentence: &Sentence, at: usize) -> bool {
    dates(scene, sentence.from, sentence.near_to).iter().any(|said| (said.from..said.to).contains(&at) && said.first.day.is_some())
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
    if scene.hits.any(Class::Future, sentence.from, sentence.told_to) && days.len() == 1 {
        let ahead = (days[0].to_monday_one_offset() - anchor.weekday().to_monday_one_offset()).rem_euclid(7);
        let day = anchor.checked_add(i64::from(ahead).days()).ok()?;
        return Some((day, day, (at, end)));
    }
    let to = latest(*days.last()?, limit)?;
    let from = latest(days[0], to)?;
    Some((from, to, (at, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, usize) {
        let scene = Scene::set(text).unwrap();
        let kind = crate::kind::kind(&scene).map_or(Kind::Meeting, |(kind, _)| kind);
        let told = when(&scene, kind);
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
