//! Password and code typed as one, for programs that ask once: where the one ends and the other begins.

use totp_core::answer::{Answer, RECOVERY_CHARACTERS};

/// Characters of a recovery code as printed, in four groups with hyphens.
const PRINTED_RECOVERY: usize = RECOVERY_CHARACTERS + 3;

/// What was typed as one, in two.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    pub(crate) password: &'a [u8],
    pub(crate) code: &'a [u8],
}

/// Cuts the code off the end: a recovery code as it is printed, else two codes with a space between them, else one code
/// of `digits` digits. `None` where the end is none of them.
///
/// Only the space tells two codes from one behind a password that ends in digits. A password that ends in six digits
/// and a space is not told from a first code.
pub(crate) fn split(typed: &[u8], digits: u8) -> Option<Split<'_>> {
    let cut = |length: usize| {
        let (password, code) = typed.split_at_checked(typed.len().checked_sub(length)?)?;
        Some(Split { password, code })
    };
    let recovery = cut(PRINTED_RECOVERY).filter(|split| {
        let hyphens = split.code.iter().enumerate().filter(|(_, byte)| **byte == b'-');
        hyphens.map(|(position, _)| position).eq([4, 9, 14])
            && matches!(Answer::parse(split.code), Answer::Recovery(_))
    });
    let one = usize::from(digits);
    let is_code = |code: &[u8]| code.len() == one && code.iter().all(u8::is_ascii_digit);
    let two = || {
        cut(one.checked_mul(2)?.checked_add(1)?).filter(|split| {
            let mut codes = split.code.split(|byte| *byte == b' ');
            codes.by_ref().take(2).filter(|code| is_code(code)).count() == 2 && codes.next().is_none()
        })
    };
    recovery.or_else(two).or_else(|| cut(one).filter(|split| is_code(split.code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(typed: &str, digits: u8) -> Option<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        split(typed.as_bytes(), digits).map(|split| (text(split.password), text(split.code)))
    }

    #[test]
    fn the_code_is_the_end_of_what_was_typed() {
        let expected = |password: &str, code: &str| Some((password.to_owned(), code.to_owned()));
        assert_eq!(parts("hunter2123456", 6), expected("hunter2", "123456"));
        assert_eq!(parts("hunter212345678", 8), expected("hunter2", "12345678"));
        assert_eq!(parts("123456", 6), expected("", "123456"));
        assert_eq!(parts("pass-wordabcd-efgh-ijkl-mn27", 6), expected("pass-word", "abcd-efgh-ijkl-mn27"));
    }

    #[test]
    fn two_codes_are_set_apart_by_a_space() {
        let expected = |password: &str, code: &str| Some((password.to_owned(), code.to_owned()));
        assert_eq!(parts("hunter2123456 654321", 6), expected("hunter2", "123456 654321"));
        assert_eq!(parts("123456 654321", 6), expected("", "123456 654321"));
        assert_eq!(parts("hunter2 12345678 87654321", 8), expected("hunter2 ", "12345678 87654321"));
        // Without it the first of them is the end of the password.
        assert_eq!(parts("hunter2123456654321", 6), expected("hunter2123456", "654321"));
        assert_eq!(parts("hunter2123456  654321", 6), expected("hunter2123456  ", "654321"));
        assert_eq!(parts("12345a 654321", 6), expected("12345a ", "654321"));
    }

    #[test]
    fn an_end_that_is_no_code_is_not_cut_off() {
        for typed in ["", "12345", "hunter2", "hunter12345x", "p\u{e4}ss\u{0661}\u{0662}\u{0663}"] {
            assert_eq!(parts(typed, 6), None, "{typed}");
        }
    }
}
