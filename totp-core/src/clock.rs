//! Time as this project counts it: whole seconds since the Unix epoch, given to whoever judges.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch (UTC, no leap seconds), the `T` of RFC 6238 4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

/// Thirty days in seconds: how long an address that logged in counts as known.
pub const KNOWN_FOR: u64 = 30 * 24 * 60 * 60;

impl Timestamp {
    /// The wall clock. A clock set before 1970 reads as 0.
    #[must_use]
    pub fn now() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// Seconds from `earlier` to this moment; 0 where `earlier` lies in the future, as after a clock
    /// that stepped back.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment and `seconds` more.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// RFC 3339 in UTC, such as `2026-11-22T03:00:00Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        i64::try_from(self.0)
            .ok()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .unwrap_or(jiff::Timestamp::MAX)
            .to_string()
    }

    /// A moment as TOML writes what [`Self::to_rfc3339`] gives: date, time and `Z`. `None` for any other
    /// form, for a day that no calendar has, and for years before 1970.
    #[must_use]
    pub fn from_toml(written: &toml::value::Datetime) -> Option<Self> {
        let (date, time) = (written.date?, written.time?);
        if written.offset != Some(toml::value::Offset::Z) {
            return None;
        }
        let small = |number: u8| i8::try_from(number).ok();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(date.year).ok()?,
            small(date.month)?,
            small(date.day)?,
            small(time.hour)?,
            small(time.minute)?,
            small(time.second.unwrap_or(0))?,
            0,
        );
        let moment = jiff::tz::Offset::UTC.to_timestamp(civil.ok()?).ok()?;
        u64::try_from(moment.as_second()).ok().map(Self)
    }
}

/// A day of the calendar in UTC. What is allowed until a day is allowed through its last second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(jiff::civil::Date);

impl Day {
    /// A date as TOML writes it, without a time; `None` for any other form and for a day that no calendar
    /// has.
    #[must_use]
    pub fn from_toml(written: &toml::value::Datetime) -> Option<Self> {
        let date = written.date.filter(|_| written.time.is_none() && written.offset.is_none())?;
        let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
        jiff::civil::Date::new(i16::try_from(date.year).ok()?, month, day).ok().map(Self)
    }

    /// Reads `2027-01-31`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().as_ref().and_then(Self::from_toml)
    }

    /// Whether `now` lies behind its last second.
    #[must_use]
    pub fn is_over(self, now: Timestamp) -> bool {
        let end = self.0.tomorrow().ok().and_then(|next| {
            let midnight = jiff::tz::Offset::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()?;
            Some(midnight.as_second())
        });
        end.is_some_and(|end| i64::try_from(now.0).is_ok_and(|now| now >= end))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no date")
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Day, Timestamp};

    #[test]
    fn dates_are_read_back_as_written() {
        let moment = Timestamp(1_790_000_000);
        assert_eq!(moment.to_rfc3339(), "2026-09-21T14:13:20Z");
        let read = |text: &str| Timestamp::from_toml(&text.parse().expect(text));
        assert_eq!(read(&moment.to_rfc3339()), Some(moment));
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(Timestamp(0)));
        for odd in [
            "1969-12-31T23:59:59Z",
            "2026-09-21",
            "14:13:20",
            "2026-09-21T14:13:20",
            "2026-09-21T14:13:20+01:00",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_day_lasts_through_its_last_second() {
        let day = Day::parse("2026-09-21").unwrap();
        assert_eq!(day.to_string(), "2026-09-21");
        let moment = |text: &str| Timestamp::from_toml(&text.parse().expect(text)).unwrap();
        assert!(!day.is_over(Timestamp(0)) && !day.is_over(moment("2026-09-21T23:59:59Z")));
        assert!(day.is_over(moment("2026-09-22T00:00:00Z")));
        assert!(!Day::parse("9999-12-31").unwrap().is_over(moment("2026-09-22T00:00:00Z")));
        for odd in ["", "2026-02-30", "2026-09-21T00:00:00Z", "tomorrow", "21.9.2026", "2026-9-1"] {
            assert_eq!(Day::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_clock_that_stepped_back_gives_no_negative_age() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), 0);
    }
}
