//! The plain part of TOML that nearly every policy and every credential keeps to, read line by line.
//!
//! A login reads two or three such files, and with the toml crate that took more than half of its
//! instructions. What is read here means the same to that crate (a property test and a fuzz target hold them
//! against each other); whatever else TOML allows, and whatever is wrong, gives `None` and is left to it.

use super::value::{Item, Pair, Table, Value};
use std::borrow::Cow;

/// Reads a text of blank lines, comments, `[table]`, `[[table]]` and `key = value`, where a value is a string
/// without escapes, a decimal number, `true` or `false`, a day, a moment in UTC, or a list of strings on one line.
pub(super) fn read(text: &str) -> Option<Table<'_>> {
    let mut reader = Reader::default();
    let mut rest = text;
    for number in 1.. {
        let (line, after) = first_line(rest)?;
        reader.take(line, number)?;
        let Some(after) = after else { break };
        rest = after;
    }
    reader.close()?;
    Some(reader.root)
}

/// Splits off a line; no text is after the last one. `None` where it holds a control character, which TOML allows
/// nowhere but for tabs. A lone carriage return is one: old text files have it for a line's end, and what
/// looks like the next line must not be swallowed by a comment.
fn first_line(text: &str) -> Option<(&str, Option<&str>)> {
    let is_control = |byte: u8| byte.wrapping_sub(b' ') >= 0x7f - b' ' && byte.is_ascii() && byte != b'\t';
    let Some(end) = text.bytes().position(is_control) else {
        return Some((text, None));
    };
    let (line, rest) = text.split_at_checked(end)?;
    let rest = rest.strip_prefix('\n').or_else(|| rest.strip_prefix("\r\n"))?;
    Some((line, Some(rest)))
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
        let line = line.trim_start_matches(BLANKS);
        if is_nothing(line) {
            return Some(());
        }
        if let Some(header) = line.strip_prefix('[') {
            return self.take_header(header, number);
        }
        let (key, rest) = bare_key(line)?;
        let rest = rest.trim_start_matches(BLANKS).strip_prefix('=')?.trim_start_matches(BLANKS);
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

/// What TOML takes for white space within a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// Adds a key, unless it is there.
fn add<'a>(table: &mut Table<'a>, key: &'a str, line: usize, value: Value<'a>) -> Option<()> {
    if table.0.iter().any(|pair| pair.key == key) {
        return None;
    }
    table.0.push(Pair { key: Cow::Borrowed(key), key_line: line, item: Item { value, line } });
    Some(())
}

/// Whether the rest of a line says nothing: it is blank or a comment.
fn is_nothing(rest: &str) -> bool {
    let rest = rest.trim_start_matches(BLANKS);
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
        moment if is_moment(moment) => Value::Datetime(moment.parse().ok()?),
        _ => return None,
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
    let mut rest = text.trim_start_matches(BLANKS);
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some((Value::Array(items), after));
        }
        let (item, after) = string(rest)?;
        items.push(Item { value: Value::String(Cow::Borrowed(item)), line });
        rest = after.trim_start_matches(BLANKS);
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start_matches(BLANKS),
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

/// The shape of `2027-01-31` or `2026-11-22T03:00:00Z`.
fn is_moment(word: &str) -> bool {
    let shape = match word.len() {
        10 => "0000-00-00",
        20 => "0000-00-00T00:00:00Z",
        _ => return false,
    };
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    word.bytes().zip(shape.bytes()).all(fits)
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
