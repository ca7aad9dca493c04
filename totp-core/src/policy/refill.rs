//! How fast a budget of guesses is refilled, as the policy writes it: `10/day`, `1/hour`.

use crate::toml_file::{Entry, FileError};
use std::fmt;

const UNITS: [(&str, u32); 2] = [("day", 1), ("hour", 24)];
/// Most guesses a day.
const MOST_A_DAY: u32 = 1_000_000;

/// Guesses that are added to a budget as time goes on, evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    /// In 24 hours, 1 to 1,000,000.
    pub per_day: u32,
}

impl Refill {
    /// Reads `10/day` or `1/hour`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once('/')?;
        let (_, units_a_day) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let per_day = number.parse::<u32>().ok().filter(|_| plain)?.checked_mul(*units_a_day)?;
        (1..=MOST_A_DAY).contains(&per_day).then_some(Self { per_day })
    }
}

impl fmt::Display for Refill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/day", self.per_day)
    }
}

/// Reads the value of a key.
pub(super) fn read(entry: &Entry<'_>) -> Result<Refill, FileError> {
    let allowed = "\"10/day\" or \"1/hour\", 1 to 1000000 a day";
    let text = entry
        .string()
        .map_err(|error| FileError { problem: format!("wrong type; allowed: {allowed}"), ..error })?;
    Refill::parse(text).ok_or_else(|| entry.error(format!("{text:?} is not possible; allowed: {allowed}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refill_is_a_number_a_day_or_an_hour() {
        let per_day = |text| Refill::parse(text).map(|refill| refill.per_day);
        assert_eq!([per_day("10/day"), per_day("1/hour")], [Some(10), Some(24)]);
        assert_eq!(per_day("1000000/day"), Some(1_000_000));
        for odd in [
            "",
            "10",
            "/day",
            "0/day",
            "10/week",
            "10 / day",
            "-1/day",
            "+1/day",
            "1000001/day",
            "99999999999/hour",
        ] {
            assert_eq!(Refill::parse(odd), None, "{odd}");
        }
        assert_eq!(Refill { per_day: 24 }.to_string(), "24/day");
    }
}
