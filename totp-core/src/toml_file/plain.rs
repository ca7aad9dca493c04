//! The plain part of TOML that nearly every policy and every credential keeps to, read line by line.
//!
//! A login reads two or three such files, and with the toml crate that took more than half of its
//! instructions. What is read here means the same to that crate (a property test and a fuzz target hold them
//! against each other); whatever else TOML allows, and whatever is wrong, gives `None` and is left to it.

use super::value::{Item, Pair, Table, Value};
use std::borrow::Cow;
use toml::value::{Date, Datetime, Offset, Time};

/// Keys of one table, of which our largest has twelve. Each is held against all before it: what has thousands is
/// left to the toml crate.
const MOST_KEYS: usize = 64;

/// Reads a text of blank lines, comments, `[table]`, `[[table]]` and `key = value`, where a value is a string
/// without escapes, a decimal number, `true` or `false`, a day, a moment in UTC, or a list of strings on one line.
pub(super) fn read(text: &str) -> Option<Table<'_>> {
    let mut reader = Reader::default();
    let mut rest = text;
    for number in 1.. {
        let (line, after) = split_line(rest)?;
        reader.take(line, number)?;
        let Some(after) = after else { break };
        rest = after;
    }
    reader.close()?;
    Some(reader.root)
}

/// Splits off a line; no text is after the last one. `None` where it holds a control character, which TOML
/// allows nowhere but for tabs; so what is white space to ASCII is what it is to TOML. A lone carriage return is
/// one: old text files have it for a line's end, and what looks like the next line must not be swallowed by a
/// comment.
fn split_line(text: &str) -> Option<(&str, Option<&str>)> {
    let mut from = 0;
    loop {
        let Some(distance) = text.as_bytes().get(from..).and_then(first_control) else {
            return Some((text, None));
        };
        let (line, rest) = text.split_at_checked(from.checked_add(distance)?)?;
        if rest.starts_with('\t') {
            from = line.len().checked_add(1)?;
            continue;
        }
        let rest = rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n"))?;
        return Some((line, Some(rest)));
    }
}

/// Where the first control character is. Most of a policy is prose, so eight bytes are looked at together.
fn first_control(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    let may_hold_one = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        let delete = word ^ (ONES * 0x7f);
        // A byte below 0x20, or 0x7f, sets its top bit here; one behind it may set its own for nothing.
        (word.wrapping_sub(ONES * 0x20) & !word | delete.wrapping_sub(ONES) & !delete) & TOPS != 0
    };
    let (words, _) = bytes.as_chunks::<8>();
    let whole = words.iter().position(may_hold_one).unwrap_or(words.len()).checked_mul(8)?;
    let place = bytes.get(whole..)?.iter().position(u8::is_ascii_control)?;
    whole.checked_add(place)
}

/// What has been read, and the table that keys go into.
#[derive(Default)]
struct Reader<'a> {
    root: Table<'a>,
    open: Option<Open<'a>>,
}

/// A table whose keys are being read.
struct Open<'a> {
    name: &'a str,
    line: usize,
    /// One of several, `[[table]]`.
    repeated: bool,
    table: Table<'a>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, line: &'a str, number: usize) -> Option<()> {
        let line = line.trim_ascii_start();
        if is_nothing(line) {
            return Some(());
        }
        if let Some(header) = line.strip_prefix('[') {
            return self.take_header(header, number);
        }
        let (key, rest) = bare_key(line)?;
        let rest = rest.trim_ascii_start().strip_prefix('=')?.trim_ascii_start();
        let (value, rest) = value(rest, number)?;
        if !is_nothing(rest) {
            return None;
        }
        let table = match &mut self.open {
            Some(open) => &mut open.table,
            None => &mut self.root,
        };
        add(table, key, number, value)
    }

    fn take_header(&mut self, header: &'a str, line: usize) -> Option<()> {
        self.close()?;
        let (repeated, header) = match header.strip_prefix('[') {
            Some(header) => (true, header),
            None => (false, header),
        };
        let (name, rest) = bare_key(header)?;
        let rest = rest.strip_prefix(if repeated { "]]" } else { "]" })?;
        if !is_nothing(rest) {
            return None;
        }
        self.open = Some(Open { name, line, repeated, table: Table::default() });
        Some(())
    }

    /// Puts the open table where it belongs.
    fn close(&mut self) -> Option<()> {
        let Some(Open { name, line, repeated, table }) = self.open.take() else {
            return Some(());
        };
        let item = Item { value: Value::Table(table), line };
        if !repeated {
            return add(&mut self.root, name, line, item.value);
        }
        match self.root.0.iter_mut().find(|pair| pair.key == name).map(|pair| &mut pair.item.value) {
            None => add(&mut self.root, name, line, Value::Array(vec![item])),
            // A list of tables here is one of `[[table]]`: no other is read.
            Some(Value::Array(items)) if matches!(items.last()?.value, Value::Table(_)) => {
                items.push(item);
                Some(())
            }
            Some(_) => None,
        }
    }
}

/// Adds a key, unless it is there or there are too many.
fn add<'a>(table: &mut Table<'a>, key: &'a str, line: usize, value: Value<'a>) -> Option<()> {
    if table.0.len() >= MOST_KEYS || table.0.iter().any(|pair| pair.key == key) {
        return None;
    }
    if table.0.is_empty() {
        // A device has eight keys.
        table.0.reserve(8);
    }
    table.0.push(Pair { key: Cow::Borrowed(key), key_line: line, item: Item { value, line } });
    Some(())
}

/// Whether the rest of a line says nothing: it is blank or a comment.
fn is_nothing(rest: &str) -> bool {
    let rest = rest.trim_ascii_start();
    rest.is_empty() || rest.starts_with('#')
}

/// Splits off a key without quotes and dots.
fn bare_key(text: &str) -> Option<(&str, &str)> {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let length = text.bytes().position(|byte| !is_bare(byte)).filter(|length| *length > 0)?;
    text.split_at_checked(length)
}

/// Splits off a value.
fn value(text: &str, line: usize) -> Option<(Value<'_>, &str)> {
    if text.starts_with('"') {
        let (string, rest) = string(text)?;
        return Some((Value::String(Cow::Borrowed(string)), rest));
    }
    if let Some(list) = text.strip_prefix('[') {
        return strings(list, line);
    }
    let length = text.bytes().position(|byte| b" \t#".contains(&byte)).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(length)?;
    let value = match word {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        number if is_decimal(number) => Value::Integer { written: Cow::Borrowed(number), radix: 10 },
        day if day.len() == 10 => {
            Value::Datetime(Datetime { date: Some(date(day)?), time: None, offset: None })
        }
        moment => {
            let (day, rest) = moment.split_once('T')?;
            let time = Some(time(rest.strip_suffix('Z')?)?);
            Value::Datetime(Datetime { date: Some(date(day)?), time, offset: Some(Offset::Z) })
        }
    };
    Some((value, rest))
}

/// Splits off a string in double quotes that says what it means.
fn string(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let end = text.bytes().position(|byte| byte == b'"')?;
    let (inside, rest) = (text.get(..end)?, text.get(end.checked_add(1)?..)?);
    let plain = !inside.contains('\\');
    // Two quotes and a third begin a string of several lines.
    let several_lines = inside.is_empty() && rest.starts_with('"');
    (plain && !several_lines).then_some((inside, rest))
}

/// Splits off the strings of a list, whose first bracket is gone, with its last bracket.
fn strings(text: &str, line: usize) -> Option<(Value<'_>, &str)> {
    let mut items = Vec::new();
    let mut rest = text.trim_ascii_start();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some((Value::Array(items), after));
        }
        let (item, after) = string(rest)?;
        items.push(Item { value: Value::String(Cow::Borrowed(item)), line });
        rest = after.trim_ascii_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_ascii_start(),
            None if rest.starts_with(']') => {}
            None => return None,
        }
    }
}

/// A whole number as people write it: no plus, no zero in front, nothing that is too large.
fn is_decimal(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    (1..=18).contains(&digits.len()) && !leading_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A day such as `2027-01-31`; whether a year has a 29th of February is the toml crate's to say.
fn date(text: &str) -> Option<Date> {
    let [year, month, day] = numbers(text, b'-', [4, 2, 2])?;
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28,
        _ => return None,
    };
    (1..=last).contains(&day).then_some(Date { year, month, day })
}

/// A time of day such as `03:00:00`, without leap seconds.
fn time(text: &str) -> Option<Time> {
    let [hour, minute, second] = numbers(text, b':', [2, 2, 2])?;
    let [hour, minute, second] =
        [u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?];
    let good = hour < 24 && minute < 60 && second < 60;
    good.then_some(Time { hour, minute, second: Some(second), nanosecond: None })
}

/// Three numbers of so many digits each.
fn numbers(text: &str, between: u8, digits: [usize; 3]) -> Option<[u16; 3]> {
    let mut bytes = text.bytes();
    let mut numbers = [0u16; 3];
    for (place, (number, digits)) in numbers.iter_mut().zip(digits).enumerate() {
        if place > 0 && bytes.next() != Some(between) {
            return None;
        }
        for _ in 0..digits {
            let digit = bytes.next()?.checked_sub(b'0').filter(|digit| *digit < 10)?;
            *number = number.checked_mul(10)?.checked_add(u16::from(digit))?;
        }
    }
    bytes.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::super::value::Lines;
    use super::*;
    use proptest::prelude::*;
    use toml::de::DeTable;

    fn by_the_toml_crate(text: &str) -> Option<Table<'_>> {
        DeTable::parse(text).ok().map(|table| Lines::of(text).table(table.into_inner()))
    }

    const SHIPPED: &str = include_str!("../../../config/policy.toml");

    #[test]
    fn what_is_shipped_and_what_the_store_writes_is_plain() {
        let in_force = SHIPPED.replace("\n#", "\n");
        let settings =
            in_force.lines().map(str::trim).filter(|line| line.starts_with('[') || line.contains(" = "));
        let settings = settings.collect::<Vec<_>>().join("\n");
        let mut credential = crate::credential::tests::example();
        credential.mail = Some("alice@example.org".into());
        for text in [SHIPPED, &settings, &credential.to_toml()] {
            assert!(read(text).is_some(), "{text}");
            assert_eq!(read(text), by_the_toml_crate(text));
        }
    }

    #[test]
    fn what_is_not_plain_or_wrong_is_left_to_the_toml_crate() {
        for text in [
            "a = 'b'",
            "a = \"\\t\"",
            "a = \"\"\"\nb\n\"\"\"",
            "a = \"\"\"b\"\"\"",
            "a = [\n\"b\"]",
            "a = [1]",
            "a = {}",
            "a.b = 1",
            "\"a\" = 1",
            "[a.b]",
            "[ a ]",
            "a = 1_000",
            "a = 0x10",
            "a = 010",
            "a = +1",
            "a = 9223372036854775808",
            "a = 1.5",
            "a = 2027-01-31 10:00:00Z",
            "a = 2027-02-31x",
            "a = 2027-02-30",
            "a = 2027-13-01",
            "a = 2027-1-01",
            "a = 2026-11-22T24:00:00Z",
            "a = 2026-11-22T23:59:60Z",
            "a = 2026-11-22T03:00:00+01:00",
            "a = 2026-11-22T03:00:00.5Z",
            "a = 1 b = 2",
            "a = 1\na = 2",
            "[a]\n[a]",
            "a = 1\n[a]",
            "a = 1\n[[a]]",
            "a = []\n[[a]]",
            "a = [\"b\"]\n[[a]]",
            "[a]\n[[a]]",
            "[[a]]\n[a]",
            "# old line ends\rmode = \"required\"\r",
            "a = 1 # \u{1}",
            "a = \"\u{1}\"",
            "a = \"b\" \"c\"",
            "a = \"b",
            "a =",
            "a",
            "= 1",
            "[a",
            "[[a]",
            "\u{feff}a = 1",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_table_of_more_keys_than_any_of_ours_is_left_to_the_toml_crate() {
        let keys = |count: usize| (0..count).map(|key| format!("k{key} = 1\n")).collect::<String>();
        assert!(read(&keys(MOST_KEYS)).is_some());
        assert_eq!(read(&keys(MOST_KEYS + 1)), None);
    }

    /// Random text hardly ever comes near a date.
    #[test]
    fn a_date_with_two_changed_bytes_means_the_same_to_the_toml_crate() {
        let mut as_plain = 0;
        for date in ["a = 2027-01-31", "a = 2026-11-22T03:00:00Z"] {
            for first in 4..date.len() {
                for second in first..date.len() {
                    for (one, other) in (*b"0123459-:TZ +.#\xff")
                        .iter()
                        .flat_map(|one| b"0369-:tz\n".map(|other| (*one, other)))
                    {
                        let mut bytes = date.as_bytes().to_vec();
                        (bytes[first], bytes[second]) = (one, other);
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        if let Some(read) = read(&text) {
                            as_plain += 1;
                            assert_eq!(Some(read), by_the_toml_crate(&text), "{text:?}");
                        }
                    }
                }
            }
        }
        assert!(as_plain > 1000, "{as_plain}");
    }

    fn scrap() -> impl Strategy<Value = String> {
        let words = [
            "a",
            "b",
            "mode",
            "=",
            " = ",
            "\"",
            "\"x\"",
            "\"\"",
            "'",
            "[",
            "]",
            "[[",
            "]]",
            "[a]",
            "[[b]]",
            "[b]",
            ",",
            "\n",
            "\n",
            "\n",
            "\r\n",
            "\r",
            "#",
            " ",
            "\t",
            "1",
            "0",
            "-",
            "18",
            "2027-01-31",
            "2026-11-22T03:00:00Z",
            "true",
            "false",
            ".",
            "_",
            "\\",
            "\u{fc}",
            "\u{7f}",
            "a = 1\n",
            "b = [\"x\", \"y\"]\n",
        ];
        let word = prop_oneof![proptest::sample::select(words.to_vec()).prop_map(str::to_owned), ".{0,3}"];
        proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_is_read_means_the_same_to_the_toml_crate(text in scrap()) {
            if let Some(read) = read(&text) {
                prop_assert_eq!(Some(read), by_the_toml_crate(&text), "{:?}", text);
            }
        }
    }
}
