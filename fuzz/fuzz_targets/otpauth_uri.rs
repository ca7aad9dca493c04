//! The URI of any device, under any names, says that device and those names to a reader of its own.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use pam_totp_fuzz::{drawn, rfc};
use totp_core::name::UserName;
use totp_core::otp::{Algorithm, Kind};
use totp_core::otpauth;

fuzz_target!(|bytes: &[u8]| {
    let _ = check(&mut Unstructured::new(bytes));
});

fn check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let device = drawn::device(bytes, 1)?;
    let template: &str = bytes.arbitrary()?;
    let hostname: &str = bytes.arbitrary()?;
    let Ok(user) = UserName::new(bytes.arbitrary()?) else { return Ok(()) };
    // What the policy lets through.
    let fits = template.len() <= 100 && !template.chars().any(char::is_control);
    if !fits || template.trim().is_empty() || template.contains(':') {
        return Ok(());
    }

    let uri = otpauth::uri(&device, &user, template, hostname);
    assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()), "{}", *uri);
    let read = Read::from(&uri).unwrap_or_else(|| panic!("not understood: {}", *uri));
    assert_eq!(read.kind, device.parameters.kind.as_str());
    assert_eq!(read.user, user.as_str());
    assert_eq!(read.issuer, read.issuer_again);
    let whole = otpauth::issuer(template, hostname);
    let cut = otpauth::issuer(template, hostname.split('.').next().unwrap_or_default());
    assert!(read.issuer == whole || read.issuer == cut, "{}", read.issuer);
    assert!(!read.issuer.is_empty(), "an app would show no name: {}", *uri);
    assert_eq!(rfc::base32(&read.secret).as_deref(), Some(device.secret.as_bytes()));
    let algorithm = match read.algorithm.as_deref() {
        None | Some("SHA1") => Algorithm::Sha1,
        Some("SHA256") => Algorithm::Sha256,
        Some("SHA512") => Algorithm::Sha512,
        Some(other) => panic!("{other}"),
    };
    assert_eq!(algorithm, device.parameters.algorithm);
    assert_eq!(read.digits.unwrap_or(6), u64::from(device.parameters.digits));
    match device.parameters.kind {
        Kind::Totp { interval } => {
            assert_eq!((read.period.unwrap_or(30), read.counter), (u64::from(interval), None));
        }
        Kind::Hotp => assert_eq!((read.period, read.counter), (None, Some(0))),
    }
    Ok(())
}

/// The "Key URI Format", as an app reads it: strict where the format is.
struct Read {
    kind: String,
    issuer: String,
    user: String,
    secret: String,
    issuer_again: String,
    algorithm: Option<String>,
    digits: Option<u64>,
    period: Option<u64>,
    counter: Option<u64>,
}

impl Read {
    fn from(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("otpauth://")?;
        let (kind, rest) = rest.split_once('/')?;
        let (label, query) = rest.split_once('?')?;
        let (issuer, user) = label.split_once(':')?;
        let mut fields = std::collections::HashMap::new();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=')?;
            if fields.insert(key, decoded(value)?).is_some() {
                return None;
            }
        }
        let mut number = |key| match fields.remove(key) {
            Some(text) => text.parse().ok().map(Some),
            None => Some(None),
        };
        let (digits, period, counter) = (number("digits")?, number("period")?, number("counter")?);
        let read = Self {
            kind: kind.to_owned(),
            issuer: decoded(issuer)?,
            user: decoded(user)?,
            secret: fields.remove("secret")?,
            issuer_again: fields.remove("issuer")?,
            algorithm: fields.remove("algorithm"),
            digits,
            period,
            counter,
        };
        fields.is_empty().then_some(read)
    }
}

/// RFC 3986 2.1.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let pair = [bytes.next()?, bytes.next()?];
                plain.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
            }
            b':' | b'/' | b'?' | b'#' | b'&' | b'=' | b'+' | b'<'..=b'>' => return None,
            other => plain.push(other),
        }
    }
    String::from_utf8(plain).ok()
}
