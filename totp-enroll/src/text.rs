//! Text made fit for a screen: no character a terminal would obey, no line too wide, secrets in groups.

use zeroize::Zeroizing;

/// `text` with every character that is not printable escaped, as `\u{1b}` or `\n`.
pub fn printable(text: &str) -> String {
    let mut fit = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => fit.push(character),
            _ => fit.extend(character.escape_debug()),
        }
    }
    fit
}

/// `text` broken at spaces into lines of at most `width` characters. A longer word stays whole: a URI
/// broken in two could not be copied.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::with_capacity(text.len().saturating_add(16));
    for (position, paragraph) in text.split('\n').enumerate() {
        if position > 0 {
            lines.push('\n');
        }
        let mut column = 0_usize;
        for word in paragraph.split(' ') {
            let length = word.chars().count();
            if column > 0 {
                if column.saturating_add(length).saturating_add(1) > width {
                    lines.push('\n');
                    column = 0;
                } else {
                    lines.push(' ');
                    column = column.saturating_add(1);
                }
            }
            lines.push_str(word);
            column = column.saturating_add(length);
        }
    }
    lines
}

/// A secret in groups of four, as people read it out and type it.
pub fn grouped(secret: &str) -> Zeroizing<String> {
    let mut groups = Zeroizing::new(String::with_capacity(secret.len().saturating_mul(2)));
    for (position, character) in secret.chars().enumerate() {
        if position > 0 && position.is_multiple_of(4) {
            groups.push(' ');
        }
        groups.push(character);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_grouped_by_four() {
        assert_eq!(*grouped("GEZDGNBVGY3TQOJQ"), "GEZD GNBV GY3T QOJQ");
        assert_eq!(*grouped("GEZDGNB"), "GEZD GNB");
        assert_eq!(*grouped(""), "");
    }

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\u{1b}[2J\n\0\u{9b}b\u{202e}"), "a\\u{1b}[2J\\n\\0\\u{9b}b\\u{202e}");
        assert_eq!(printable("EX\\al 'x' \"y\" \u{fc}"), "EX\\al 'x' \"y\" \u{fc}");
    }

    #[test]
    fn lines_are_broken_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("one\n\ntwo three", 20), "one\n\ntwo three");
        assert_eq!(wrapped("\none", 20), "\none");
        assert_eq!(wrapped("a otpauth://totp/x b", 5), "a\notpauth://totp/x\nb");
    }
}
