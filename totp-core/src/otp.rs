//! One-time codes: HOTP (RFC 4226) and TOTP (RFC 6238), computed by totp-rs.

use crate::clock::Timestamp;
use crate::secret::Secret;
use std::fmt;
use totp_rs::{Builder, Totp};

/// How far ahead of the last accepted counter an HOTP code may be: the look-ahead parameter `s` of
/// RFC 4226 7.4.
pub const HOTP_LOOK_AHEAD: u64 = 10;

/// The hash in the HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// HMAC-SHA-1: what every app knows, and safe in an HMAC.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm with its name in policies, credentials and URIs.
    pub const NAMES: [(&'static str, Self); 3] =
        [("SHA1", Self::Sha1), ("SHA256", Self::Sha256), ("SHA512", Self::Sha512)];

    /// The name in policies, credentials and URIs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a code moves along: time or a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 6238; the step is the time divided by `interval` seconds (5 to 300).
    Totp {
        /// Seconds a step lasts.
        interval: u16,
    },
    /// RFC 4226; the step is a counter that grows with each code.
    Hotp,
}

impl Kind {
    /// The name in credentials and URIs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp { .. } => "totp",
            Self::Hotp => "hotp",
        }
    }
}

/// The parameters of one device's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Time or counter.
    pub kind: Kind,
    /// Digits of a code, 6 to 8 (RFC 4226 5.3).
    pub digits: u8,
    /// The hash in the HMAC.
    pub algorithm: Algorithm,
}

/// The step that `now` lies in, for an interval in seconds: RFC 6238 4.2 with T0 = 0.
#[must_use]
pub fn step_at(now: Timestamp, interval: u16) -> u64 {
    now.0.checked_div(u64::from(interval)).unwrap_or(0)
}

/// Computes codes of one secret; wiped when dropped.
pub struct Generator {
    totp: Totp,
}

impl Generator {
    /// A generator for `parameters`. Digits outside 6 to 8 match nothing.
    #[must_use]
    pub fn new(secret: &Secret, parameters: Parameters) -> Self {
        let algorithm = match parameters.algorithm {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        // Steps are counted here, so the library's step lasts one second and its skew is none: the
        // "time" it is given is the counter itself, and nothing in it can overflow.
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(parameters.digits.clamp(6, 8))
            .with_secret(totp_rs::Secret::new(secret.as_bytes().into()))
            .with_step_duration(1)
            .with_skew(0)
            .build_noncompliant();
        Self { totp }
    }

    /// Whether `typed` is the code of `step`. The comparison takes the same time for every code.
    #[must_use]
    pub fn matches(&self, step: u64, typed: &str) -> bool {
        self.totp.check(typed, step).is_some()
    }

    /// The code of `step`, for tests; the product never needs to know one.
    #[cfg(test)]
    pub(crate) fn code(&self, step: u64) -> String {
        self.totp.generate(step).to_string()
    }

    /// The steps of `range` whose code is `typed`, lowest first.
    pub fn matching<'a>(
        &'a self,
        mut range: std::ops::RangeInclusive<u64>,
        typed: &'a str,
    ) -> impl Iterator<Item = u64> + 'a {
        std::iter::from_fn(move || range.find(|&step| self.matches(step, typed)))
    }

    /// The latest step of `range` whose code is `typed`: of several with the same code none shall work again.
    #[must_use]
    pub fn latest(&self, range: std::ops::RangeInclusive<u64>, typed: &str) -> Option<u64> {
        range.rev().find(|&step| self.matches(step, typed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(digits: u8, algorithm: Algorithm) -> Parameters {
        Parameters { kind: Kind::Hotp, digits, algorithm }
    }

    fn secret(bytes: usize) -> Secret {
        let repeated = b"1234567890".repeat(7);
        Secret::from_base32(&crate::secret::base32_of(&repeated[..bytes])).unwrap()
    }

    /// RFC 4226 appendix D.
    #[test]
    fn codes_are_those_of_rfc_4226() {
        let table = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        let generator = Generator::new(&secret(20), parameters(6, Algorithm::Sha1));
        for (counter, code) in (0u64..).zip(table) {
            assert!(generator.matches(counter, code), "counter {counter}");
            assert!(!generator.matches(counter + 1, code));
        }
    }

    /// RFC 6238 appendix B, with the secret lengths of its erratum 2866.
    #[test]
    fn codes_are_those_of_rfc_6238() {
        let table = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        for (time, sha1, sha256, sha512) in table {
            for (algorithm, bytes, code) in [
                (Algorithm::Sha1, 20, sha1),
                (Algorithm::Sha256, 32, sha256),
                (Algorithm::Sha512, 64, sha512),
            ] {
                let generator = Generator::new(&secret(bytes), parameters(8, algorithm));
                let step = step_at(Timestamp(time), 30);
                assert!(generator.matches(step, code), "{algorithm} at {time}");
            }
        }
    }

    #[test]
    fn odd_text_matches_no_step_and_the_last_step_does_not_overflow() {
        let generator = Generator::new(&secret(20), parameters(6, Algorithm::Sha1));
        for typed in ["", "75522", "7552240", "+55224", "75522\u{0664}"] {
            assert!(!generator.matches(0, typed), "{typed}");
        }
        assert!(!generator.matches(u64::MAX, "0000000"));
        assert_eq!(generator.matching(0..=9, "287922").collect::<Vec<_>>(), [6]);
        assert_eq!(generator.latest(0..=9, "287922"), Some(6));
    }
}
