//! What a person typed at the code prompt, brought into a shape that can be judged.

use zeroize::Zeroizing;

/// Longest answer looked at, in bytes; anything longer has an impossible shape.
const LONGEST: usize = 256;
/// Characters of a recovery code without its hyphens: 80 bits in Base32.
pub const RECOVERY_CHARACTERS: usize = 16;

/// An answer, trimmed, upper-cased and freed of spaces and hyphens. Wiped when dropped.
pub enum Answer {
    /// Nothing but space.
    Empty,
    /// Six to eight ASCII digits: a code of a device.
    Code(Zeroizing<String>),
    /// Twelve, fourteen or sixteen ASCII digits: two codes of a device in a row.
    Pair(Pair),
    /// Sixteen Base32 characters: a recovery code.
    Recovery(Zeroizing<String>),
    /// Nothing that could be a code: a password typed again, other digits of Unicode, too long.
    Impossible,
}

/// Two codes of the same length, typed as one.
pub struct Pair(Zeroizing<String>);

impl Pair {
    /// The first code and the one after it.
    #[must_use]
    pub fn codes(&self) -> (&str, &str) {
        let half = self.0.len() / 2;
        self.0.split_at_checked(half).unwrap_or_default()
    }

    /// The recovery code that it may be instead: a code of Base32 can happen to be all digits.
    #[must_use]
    pub fn as_recovery(&self) -> Option<&str> {
        let base32 = self.0.bytes().all(|byte| matches!(byte, b'2'..=b'7'));
        (base32 && self.0.len() == RECOVERY_CHARACTERS).then_some(self.0.as_str())
    }
}

impl Answer {
    /// Reads what was typed.
    #[must_use]
    pub fn parse(typed: &[u8]) -> Self {
        if typed.len() > LONGEST {
            return Self::Impossible;
        }
        let mut bare = Zeroizing::new(String::with_capacity(typed.len()));
        for &byte in typed {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'-' => {}
                byte if byte.is_ascii_alphanumeric() => {
                    bare.push(char::from(byte.to_ascii_uppercase()));
                }
                _ => return Self::Impossible,
            }
        }
        let digits = bare.bytes().all(|byte| byte.is_ascii_digit());
        let base32 = bare.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        match bare.len() {
            0 => Self::Empty,
            6..=8 if digits => Self::Code(bare),
            // Before recovery codes, of which one in 400 billion is all digits.
            12 | 14 | 16 if digits => Self::Pair(Pair(bare)),
            RECOVERY_CHARACTERS if base32 => Self::Recovery(bare),
            _ => Self::Impossible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(typed: &str) -> String {
        match Answer::parse(typed.as_bytes()) {
            Answer::Empty => "empty".into(),
            Answer::Impossible => "impossible".into(),
            Answer::Code(code) => format!("code {}", *code),
            Answer::Recovery(code) => format!("recovery {}", *code),
            Answer::Pair(pair) => format!("pair {} {}", pair.codes().0, pair.codes().1),
        }
    }

    #[test]
    fn spaces_hyphens_and_case_do_not_matter() {
        assert_eq!(shape(" 123 456\r\n"), "code 123456");
        assert_eq!(shape("12-34-56-78"), "code 12345678");
        assert_eq!(shape("abcd-efgh-ijkl-mn27"), "recovery ABCDEFGHIJKLMN27");
        assert_eq!(shape("  "), "empty");
    }

    #[test]
    fn an_even_number_of_digits_beyond_one_code_is_two_codes() {
        assert_eq!(shape("123456 654321"), "pair 123456 654321");
        assert_eq!(shape("123456654321"), "pair 123456 654321");
        assert_eq!(shape("1234567 7654321"), "pair 1234567 7654321");
        assert_eq!(shape("2345-6722 2345-6722"), "pair 23456722 23456722");
        let recovery = |typed: &str| match Answer::parse(typed.as_bytes()) {
            Answer::Pair(pair) => pair.as_recovery().map(str::to_owned),
            _ => None,
        };
        assert_eq!(recovery("2345-6722-2345-6722").as_deref(), Some("2345672223456722"));
        for no_recovery_code in ["2345672223456721", "234567222345", "1234567887654321"] {
            assert_eq!(recovery(no_recovery_code), None);
        }
        for odd in [
            "1234567890",
            "12345678901",
            "1234567890123",
            "123456789012345",
            "12345678901234567",
            "123456789012345678",
        ] {
            assert_eq!(shape(odd), "impossible");
        }
    }

    #[test]
    fn answers_of_impossible_shape_are_told_apart() {
        for odd in [
            "12345",
            "123456789",
            "12345a",
            "hunter2",
            "\u{0661}\u{0662}\u{0663}\u{0664}\u{0665}\u{0666}",
            "\u{ff11}23456",
            "123\x00456",
            "%s%s%n",
            "ABCDEFGHIJKLMN01",
            "123.456",
            "+123456",
        ] {
            assert_eq!(shape(odd), "impossible", "{odd:?}");
        }
        assert_eq!(shape(&"1".repeat(5000)), "impossible");
        assert_eq!(shape(&" ".repeat(5000)), "impossible");
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_shape(typed in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Answer::Code(code) = Answer::parse(&typed) {
                prop_assert!((6..=8).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
