//! Strings as TOML quotes them, written without the toml crate, whose serializer the module would carry for
//! this alone.

use std::fmt::Write as _;

/// A string in double quotes.
pub(crate) fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len().saturating_add(2));
    push_quoted(&mut text, value);
    text
}

/// Appends a string in double quotes. A secret goes straight to where it is wiped.
pub(crate) fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            // Writing to a String cannot fail.
            _ if character.is_control() => drop(write!(text, "\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn as_toml_reads(text: &str) -> String {
        let table: toml::Table = format!("key = {text}").parse().expect(text);
        table["key"].as_str().expect(text).to_owned()
    }

    #[test]
    fn what_would_end_a_string_or_a_line_is_escaped() {
        assert_eq!(quoted("plain"), r#""plain""#);
        assert_eq!(quoted("a\"b\\c\nd\u{7f}\u{85}\0"), r#""a\"b\\c\u000ad\u007f\u0085\u0000""#);
    }

    proptest! {
        #[test]
        fn any_string_is_read_back_as_it_was(value in any::<String>(), odd in "[\"\\\\\\x00-\\x1f\\x7f-\\x9f']*") {
            for value in [&value, &odd] {
                prop_assert_eq!(&as_toml_reads(&quoted(value)), value);
            }
        }
    }
}
