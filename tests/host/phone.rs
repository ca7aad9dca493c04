//! A phone with an authenticator app, independent of the product: it reads otpauth URIs itself
//! and takes its codes from oathtool.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One entry in the app, and what the person remembers of it.
#[derive(Debug)]
pub struct Phone {
    secret: String,
    algorithm: String,
    digits: u32,
    interval: i64,
    window: i64,
    issuer: Option<String>,
    label: String,
    used: BTreeSet<i64>,
    /// The recovery codes on the slip of paper beside the phone.
    pub recovery_codes: Vec<String>,
}

impl Phone {
    /// Adds what a QR code says. Panics on what an app would refuse.
    pub fn scan(uri: &str) -> Phone {
        let rest = uri
            .trim()
            .strip_prefix("otpauth://totp/")
            .unwrap_or_else(|| panic!("an app cannot read `{uri}`"));
        let (label, query) = rest.split_once('?').unwrap_or_else(|| panic!("`{uri}` has no secret"));
        let value = |key: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| percent_decoded(value))
        };
        let number = |key: &str, default| {
            value(key).map_or(default, |text| {
                text.parse().unwrap_or_else(|_| panic!("`{key}` is no number in `{uri}`"))
            })
        };
        let secret = value("secret").unwrap_or_else(|| panic!("`{uri}` has no secret"));
        assert!(!secret.contains('='), "apps take Base32 without padding: `{uri}`");
        Phone {
            secret,
            algorithm: value("algorithm").unwrap_or_else(|| "SHA1".to_owned()),
            digits: u32::try_from(number("digits", 6)).expect("digits are few"),
            interval: number("period", 30),
            window: 1,
            issuer: value("issuer"),
            label: percent_decoded(label),
            used: BTreeSet::new(),
            recovery_codes: Vec::new(),
        }
    }

    /// Adds a secret typed in by hand: Base32, spaces allowed, with an app's defaults.
    pub fn type_in(secret: &str) -> Phone {
        let secret: String = secret.split_whitespace().collect();
        Phone::scan(&format!("otpauth://totp/typed-in?secret={}", secret.to_uppercase()))
    }

    /// Tells the person how many steps either side the host accepts.
    pub fn with_window(mut self, window: i64) -> Phone {
        self.window = window;
        self
    }

    /// The secret in Base32, as the app stores it.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The issuer that the app shows, where the URI names one.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The label of the entry, with its percent signs decoded.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How many digits a code has.
    pub fn digits(&self) -> u32 {
        self.digits
    }

    /// How long a step lasts, in seconds.
    pub fn interval(&self) -> i64 {
        self.interval
    }

    /// A code the host has not seen and still takes, without waiting: of the lowest such step after
    /// those used, and never of the very oldest, which could run out on the way. One that another step nearby
    /// has as well is passed over: the host takes it for the later one's.
    pub fn code(&mut self) -> String {
        let now = self.step_now();
        let oldest = now - (self.window - 1).max(0);
        let newest = now + self.window;
        let after_used = self.used.last().map_or(oldest, |last| last + 1).max(oldest);
        let near = 2 * self.window + 2;
        let codes = self.codes_of_steps(after_used - near..=newest.max(after_used) + near);
        let (step, code) = (after_used - near..)
            .zip(&codes)
            .filter(|(step, _)| (after_used..=newest).contains(step))
            .find(|(_, code)| codes.iter().filter(|other| other == code).count() == 1)
            .unwrap_or_else(|| {
                panic!(
                    "no unused code is left within {} steps: set a wider window or wait for the next step",
                    self.window
                )
            });
        self.used.insert(step);
        code.clone()
    }

    /// The code of a step away from now by so many steps; not noted as used.
    pub fn code_at(&self, offset: i64) -> String {
        self.codes_at(offset..=offset).remove(0)
    }

    /// The codes of steps that follow one another, also where one ends while this is asked.
    pub fn codes_at(&self, offsets: RangeInclusive<i64>) -> Vec<String> {
        let now = self.step_now();
        self.codes_of_steps(now + offsets.start()..=now + offsets.end())
    }

    /// Really waits until the app shows a code that was not used yet, and returns it.
    pub fn wait_for_next_code(&mut self) -> String {
        let last = self.used.last().copied().unwrap_or_default();
        while self.step_now() <= last {
            let into_step = seconds_now().rem_euclid(self.interval);
            let left = u64::try_from(self.interval - into_step).expect("an interval is positive");
            std::thread::sleep(Duration::from_secs(left));
        }
        let step = self.step_now();
        self.used.insert(step);
        self.codes_of_steps(step..=step).remove(0)
    }

    /// Notes the present step as used, whoever used it.
    pub fn note_used_now(&mut self) {
        let now = self.step_now();
        self.used.insert(now);
    }

    /// Digits of the right length that are no code of any step near now.
    pub fn wrong_code(&self) -> String {
        self.wrong_codes().next().expect("51 codes cannot be all codes")
    }

    /// One after the other of these.
    pub fn wrong_codes(&self) -> impl Iterator<Item = String> + use<> {
        let near = self.codes_at(-25..=25);
        let digits = self.digits as usize;
        (0..)
            .map(move |number: u32| format!("{number:0digits$}"))
            .filter(move |candidate| !near.contains(candidate))
    }

    fn step_now(&self) -> i64 {
        seconds_now().div_euclid(self.interval)
    }

    fn codes_of_steps(&self, steps: RangeInclusive<i64>) -> Vec<String> {
        let output = Command::new("oathtool")
            .arg(format!("--totp={}", self.algorithm))
            .arg("--base32")
            .arg(format!("--digits={}", self.digits))
            .arg(format!("--time-step-size={}s", self.interval))
            .arg(format!("--now=@{}", steps.start() * self.interval))
            .arg(format!("--window={}", steps.end() - steps.start()))
            .arg(&self.secret)
            .output()
            .expect("oathtool should be installed");
        assert!(
            output.status.success(),
            "oathtool refuses the secret: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

/// The recovery codes shown in a text: four groups of four Base32 characters.
pub fn recovery_codes_in(text: &str) -> Vec<String> {
    let is_group =
        |group: &str| group.len() == 4 && group.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    text.split_whitespace()
        .filter(|word| word.split('-').count() == 4 && word.split('-').all(is_group))
        .map(str::to_owned)
        .collect()
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_secs()).expect("the clock is before the end of time")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).expect("a label is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_with_its_defaults() {
        let phone =
            Phone::scan("otpauth://totp/box%3Aalice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=my%20box");
        assert_eq!(phone.label(), "box:alice");
        assert_eq!(phone.issuer(), Some("my box"));
        assert_eq!((phone.digits(), phone.interval()), (6, 30));
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let phone = Phone::scan("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8");
        for (seconds, code) in [(59, "94287082"), (1_111_111_109, "07081804")] {
            assert_eq!(phone.codes_of_steps(seconds / 30..=seconds / 30), [code]);
        }
    }

    #[test]
    fn a_code_is_given_once() {
        let mut phone = Phone::type_in("GEZD GNBV GY3T QOJQ").with_window(10);
        let mut codes: Vec<String> = (0..19).map(|_| phone.code()).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 19);
    }
}
