//! Spans of time as the policy writes them: `5s`, `15m`, `12h`, `30d`.

use crate::toml_file::{Entry, FileError};
use std::ops::RangeInclusive;

const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];

/// Reads a span within `range` seconds.
pub(super) fn read(entry: &Entry<'_>, range: RangeInclusive<u64>) -> Result<u64, FileError> {
    let allowed = format!(
        "a span such as \"5s\", \"15m\", \"12h\" or \"30d\", {} to {}",
        write(*range.start()),
        write(*range.end())
    );
    let text = entry
        .string()
        .map_err(|error| FileError { problem: format!("wrong type; allowed: {allowed}"), ..error })?;
    seconds(text)
        .filter(|span| range.contains(span))
        .ok_or_else(|| entry.error(format!("{text:?} is not possible; allowed: {allowed}")))
}

/// The seconds of a span; `None` for anything but a number and one unit.
#[must_use]
pub fn seconds(text: &str) -> Option<u64> {
    let (_, unit) = UNITS.iter().find(|(letter, _)| text.ends_with(*letter))?;
    let number = text.get(..text.len().checked_sub(1)?)?;
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| number.parse::<u64>().ok()?.checked_mul(*unit)).flatten()
}

/// The shortest way to write a number of seconds.
#[must_use]
pub fn write(span: u64) -> String {
    UNITS
        .iter()
        .rev()
        .filter(|_| span > 0)
        .find(|(_, unit)| span.is_multiple_of(*unit))
        .and_then(|(letter, unit)| Some(format!("{}{letter}", span.checked_div(*unit)?)))
        .unwrap_or_else(|| format!("{span}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        assert_eq!(seconds("0s"), Some(0));
        assert_eq!(seconds("15m"), Some(900));
        assert_eq!(seconds("2d"), Some(172_800));
        for odd in [
            "",
            "s",
            "5",
            "5 s",
            "-5s",
            "+5s",
            "5ms",
            "1h30m",
            "99999999999999999999s",
            "9999999999999999999d",
            "5\u{3bc}",
        ] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }

    #[test]
    fn spans_are_written_in_their_largest_unit() {
        assert_eq!([0, 5, 900, 5400, 172_800].map(write), ["0s", "5s", "15m", "90m", "2d"]);
    }
}
