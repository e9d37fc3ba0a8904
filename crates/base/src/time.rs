//! Time that people and judges can read: instants with their zone, civil dates, and lengths of clocks.

use jiff::{Timestamp, ToSpan, Zoned, civil, tz::TimeZone};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A text or number that should be a time is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text is not a time with its zone.
    #[error("'{0}' is not an instant with its zone; write for example 2025-01-28T09:00+01:00[Europe/Madrid]")]
    Instant(String),
    /// The text is not a calendar date.
    #[error("'{0}' is not a date; write year-month-day, for example 2025-01-28")]
    Date(String),
    /// The text is not a length of time.
    #[error("'{0}' is not a length of time; write for example 30m, 8h, 3d or P3DT8H")]
    Length(String),
    /// The zone is not in the tz database.
    #[error("'{0}' is not a time zone of the tz database, for example Africa/Casablanca")]
    Zone(String),
}

impl TimeError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            TimeError::Instant(_) => "refusal.time.instant",
            TimeError::Date(_) => "refusal.time.date",
            TimeError::Length(_) => "refusal.time.length",
            TimeError::Zone(_) => "refusal.time.zone",
        }
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, Encode, Decode)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct UnixMs(#[n(0)] pub i64);

impl UnixMs {
    /// Adds milliseconds, stopping at the ends of the range.
    pub fn plus_ms(self, ms: i64) -> UnixMs {
        UnixMs(self.0.saturating_add(ms))
    }

    /// Puts this moment into a zone.
    pub fn in_zone(self, zone: &str) -> Result<Instant, TimeError> {
        Instant::new(self, zone)
    }
}

impl fmt::Display for UnixMs {
    /// Prints RFC 3339 in UTC, or the bare number where the calendar ends.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A moment and the zone of the place where it was lived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Instant {
    /// The moment.
    #[n(0)]
    pub at: UnixMs,
    /// The zone's name in the tz database.
    #[n(1)]
    zone: String,
}

impl Instant {
    /// Joins a moment and a zone of the tz database.
    pub fn new(at: UnixMs, zone: &str) -> Result<Instant, TimeError> {
        let instant = Instant { at, zone: zone.to_owned() };
        instant.zoned().map(|_| instant).ok_or_else(|| TimeError::Zone(zone.to_owned()))
    }

    /// Returns the zone's name.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Tells whether zone and moment exist; decoded instants are checked where acts are judged.
    pub fn is_well_formed(&self) -> bool {
        self.zone.len() <= 64 && self.zoned().is_some()
    }

    /// Returns the moment that lies one clock's length later.
    ///
    /// Days are civil days in this instant's own zone (a day with 23 hours counts as one), hours and minutes are elapsed time.
    pub fn plus(&self, length: Length) -> UnixMs {
        let later = self.zoned().and_then(|z| z.checked_add(i64::from(length.days).days()).ok());
        let base = later.map_or(self.at.plus_ms(i64::from(length.days) * 86_400_000), |z| UnixMs(z.timestamp().as_millisecond()));
        base.plus_ms(i64::from(length.minutes) * 60_000)
    }

    fn zoned(&self) -> Option<Zoned> {
        let zone = if self.zone == "UTC" { TimeZone::UTC } else { TimeZone::get(&self.zone).ok()? };
        Some(Timestamp::from_millisecond(self.at.0).ok()?.to_zoned(zone))
    }
}

impl fmt::Display for Instant {
    /// Prints RFC 9557, the zone in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zoned() {
            Some(z) => write!(f, "{z}"),
            None => write!(f, "{}[{}]", self.at, self.zone),
        }
    }
}

impl FromStr for Instant {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Instant(s.to_owned());
        if let Ok(z) = s.parse::<Zoned>() {
            let zone = z.time_zone().iana_name().ok_or_else(bad)?.to_owned();
            return Ok(Instant { at: UnixMs(z.timestamp().as_millisecond()), zone });
        }
        let utc = s.parse::<Timestamp>().map_err(|_| bad())?;
        if !s.ends_with('Z') {
            return Err(bad());
        }
        Ok(Instant { at: UnixMs(utc.as_millisecond()), zone: "UTC".to_owned() })
    }
}

/// A day of the civil calendar (ISO 8601).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Date(civil::Date);

impl Date {
    /// Makes a date if the calendar has it.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Date> {
        civil::Date::new(year, month, day).ok().map(Date)
    }

    /// Turns a day of the Hijri calendar into a civil one, by the tabular rule; the day on which a moon was seen may differ by one or two.
    ///
    /// Leap years are the 2nd, 5th, 7th, 10th, 13th, 16th, 18th, 21st, 24th, 26th and 29th of thirty; day 1 is 16 July 622, Julian.
    pub fn from_hijri(year: i16, month: u8, day: u8) -> Option<Date> {
        if !(1..=12).contains(&month) || !(1..=30).contains(&day) || !(1..=1800).contains(&year) {
            return None;
        }
        let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
        // Odd months have 30 days, even ones 29.
        let before_months = 29 * (month - 1) + month / 2;
        let from_1970 = (11 * year + 3).div_euclid(30) + 354 * (year - 1) + before_months + day + 1_948_439 - 2_440_588;
        Date(civil::date(1970, 1, 1)).plus_days(from_1970)
    }

    /// Returns the day so many days later, if the calendar has it.
    pub fn plus_days(self, days: i64) -> Option<Date> {
        self.0.checked_add(jiff::Span::new().try_days(days).ok()?).ok().map(Date)
    }

    /// Returns the calendar's own value.
    pub fn civil(self) -> civil::Date {
        self.0
    }

    /// Returns the first moment of this day in UTC.
    pub fn start_utc(self) -> UnixMs {
        UnixMs(self.0.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(0, |z| z.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Date {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        // Only the extended form counts, so that a date has one spelling.
        let date = s.parse::<civil::Date>().map_err(|_| TimeError::Date(s.to_owned()))?;
        if date.to_string() == s { Ok(Date(date)) } else { Err(TimeError::Date(s.to_owned())) }
    }
}

impl<C> Encode<C> for Date {
    fn encode<W: minicbor::encode::Write>(&self, e: &mut minicbor::Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0.to_string())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Date {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        d.str()?.parse().map_err(|_| minicbor::decode::Error::message("not a date").at(at))
    }
}

/// How long a clock runs: civil days and minutes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Length {
    /// Civil days.
    #[n(0)]
    pub days: u32,
    /// Minutes on top.
    #[n(1)]
    pub minutes: u32,
}

impl fmt::Display for Length {
    /// Prints an ISO 8601 duration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes) = (self.minutes / 60, self.minutes % 60);
        f.write_str("P")?;
        if self.days > 0 || self.minutes == 0 {
            write!(f, "{}D", self.days)?;
        }
        if self.minutes > 0 {
            f.write_str("T")?;
        }
        if hours > 0 {
            write!(f, "{hours}H")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}M")?;
        }
        Ok(())
    }
}

impl FromStr for Length {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Length(s.to_owned());
        let upper = s.to_ascii_uppercase();
        let (days, time) = match upper.strip_prefix('P') {
            Some(iso) => iso.split_once('T').unwrap_or((iso, "")),
            None => match upper.ends_with('D') {
                true => (upper.as_str(), ""),
                false => ("", upper.as_str()),
            },
        };
        let number = |n: &str| n.parse::<u32>().map_err(|_| bad());
        let mut out = Length::default();
        if !days.is_empty() {
            out.days = number(days.strip_suffix('D').ok_or_else(bad)?)?;
        }
        let mut rest = time;
        if let Some((hours, tail)) = rest.split_once('H') {
            out.minutes = number(hours)?.checked_mul(60).ok_or_else(bad)?;
            rest = tail;
        }
        if !rest.is_empty() {
            let minutes = number(rest.strip_suffix('M').ok_or_else(bad)?)?;
            out.minutes = out.minutes.checked_add(minutes).ok_or_else(bad)?;
        }
        if days.is_empty() && time.is_empty() { Err(bad()) } else { Ok(out) }
    }
}

macro_rules! serde_as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(Instant Date Length);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hijri_days_come_to_civil_ones() {
        let civil = |y, m, d| Date::from_hijri(y, m, d).map(|d| d.to_string());
        assert_eq!(civil(1, 1, 1).unwrap(), "0622-07-19", "16 July of the Julian calendar");
        assert_eq!(civil(1400, 1, 1).unwrap(), "1979-11-21");
        assert_eq!(civil(1446, 9, 1).unwrap(), "2025-03-01");
        assert_eq!((civil(1446, 13, 1), civil(0, 1, 1), civil(1446, 1, 31)), (None, None, None));
    }

    #[test]
    fn an_instant_keeps_its_zone() {
        let i: Instant = "2025-01-28T09:30:00+01:00[Europe/Madrid]".parse().unwrap();
        assert_eq!(i.to_string(), "2025-01-28T09:30:00+01:00[Europe/Madrid]");
        assert_eq!(i.at.to_string(), "2025-01-28T08:30:00Z");
        assert!("2025-01-28T09:30:00".parse::<Instant>().is_err(), "a time without zone is not an instant");
        assert!(Instant::new(UnixMs(0), "Europe/Atlantis").is_err());
    }

    #[test]
    fn a_civil_day_may_have_23_hours() {
        // Spain put its clocks forward on 30 March 2025.
        let before: Instant = "2025-03-29T12:00:00+01:00[Europe/Madrid]".parse().unwrap();
        let day = before.plus("1d".parse().unwrap());
        assert_eq!(day.0 - before.at.0, 23 * 3_600_000);
        assert_eq!(before.plus("24h".parse().unwrap()).0 - before.at.0, 24 * 3_600_000);
    }

    #[test]
    fn lengths_read_both_spellings() {
        for (written, printed) in [("8h", "PT8H"), ("3d", "P3D"), ("P3DT8H", "P3DT8H"), ("90m", "PT1H30M"), ("0d", "P0D")] {
            assert_eq!(written.parse::<Length>().unwrap().to_string(), printed);
            assert_eq!(printed.parse::<Length>(), written.parse::<Length>());
        }
        for bad in ["", "P", "8", "h", "-1d", "3w", "99999999999h"] {
            assert!(bad.parse::<Length>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn dates_have_one_spelling() {
        assert!("2025-02-29".parse::<Date>().is_err());
        assert!("20250228".parse::<Date>().is_err());
        assert_eq!("2024-02-29".parse::<Date>().unwrap().to_string(), "2024-02-29");
    }
}
