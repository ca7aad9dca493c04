//! The otpauth URI by which an app learns a secret (the "Key URI Format" of Google Authenticator).

use crate::credential::Device;
use crate::name::UserName;
use crate::otp::{Algorithm, Kind, Parameters};
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Bytes that a QR code of version 6 holds at error correction L. With a quiet zone of two it is 45
/// modules wide, which half-block characters draw in 23 lines: one line is left for a prompt on 80x24.
const FITS_A_TERMINAL: usize = 134;

/// The issuer where nothing else is left of it, as on a host without a name: an app refuses an empty one.
const NAMELESS: &str = "localhost";

/// The issuer shown in the app: the policy's text with `{hostname}` filled in. A colon cannot stand in it.
#[must_use]
pub fn issuer(template: &str, hostname: &str) -> String {
    let filled = template.replace("{hostname}", hostname).replace(':', "-");
    if filled.trim().is_empty() { NAMELESS.to_owned() } else { filled }
}

/// The URI of a device.
///
/// Parameters that are defaults are left out, `issuer` never is. Where the URI would not fit a QR code on
/// an 80x24 terminal, a host name in it is cut to its first label.
#[must_use]
pub fn uri(device: &Device, user: &UserName, template: &str, hostname: &str) -> Zeroizing<String> {
    let whole = with_issuer(device, user, &issuer(template, hostname));
    if whole.len() <= FITS_A_TERMINAL {
        return whole;
    }
    let first_label = hostname.split('.').next().unwrap_or(hostname);
    with_issuer(device, user, &issuer(template, first_label))
}

fn with_issuer(device: &Device, user: &UserName, issuer: &str) -> Zeroizing<String> {
    let Parameters { kind, digits, algorithm } = device.parameters;
    let issuer = percent_encode(issuer);
    let mut uri = Zeroizing::new(String::with_capacity(1024));
    // Writing to a String cannot fail.
    let _ = write!(
        uri,
        "otpauth://{}/{issuer}:{}?secret={}&issuer={issuer}",
        kind.as_str(),
        percent_encode(user.as_str()),
        *device.secret.to_base32(),
    );
    if algorithm != Algorithm::default() {
        let _ = write!(uri, "&algorithm={algorithm}");
    }
    if digits != 6 {
        let _ = write!(uri, "&digits={digits}");
    }
    match kind {
        Kind::Totp { interval: 30 } => {}
        Kind::Totp { interval } => {
            let _ = write!(uri, "&period={interval}");
        }
        // The counter has no default in the format.
        Kind::Hotp => uri.push_str("&counter=0"),
    }
    uri
}

/// RFC 3986 2.3: everything but unreserved characters is encoded; `@` is kept for shortness, as it is
/// allowed in a path and in a query.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::example_device;

    fn uri_of(device: &Device, user: &str, template: &str, hostname: &str) -> String {
        uri(device, &UserName::new(user).unwrap(), template, hostname).to_string()
    }

    #[test]
    fn defaults_are_left_out_and_the_issuer_never_is() {
        let device = example_device(1, "phone", Kind::Totp { interval: 30 });
        assert_eq!(
            uri_of(&device, "alice", "{hostname}", "web1"),
            "otpauth://totp/web1:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=web1"
        );
    }

    #[test]
    fn everything_else_is_stated() {
        let mut device = example_device(1, "phone", Kind::Totp { interval: 60 });
        device.parameters.digits = 8;
        device.parameters.algorithm = Algorithm::Sha512;
        assert!(uri_of(&device, "a", "x", "").ends_with("&algorithm=SHA512&digits=8&period=60"));
        device.parameters.kind = Kind::Hotp;
        let hotp = uri_of(&device, "a", "x", "");
        assert!(hotp.starts_with("otpauth://hotp/") && hotp.ends_with("&counter=0"), "{hotp}");
    }

    #[test]
    fn odd_names_are_encoded() {
        let device = example_device(1, "phone", Kind::Totp { interval: 30 });
        let uri = uri_of(&device, "EX\\al ice?&", "My: {hostname}", "h\u{f6}st");
        assert!(uri.contains("/My-%20h%C3%B6st:EX%5Cal%20ice%3F%26?secret="), "{uri}");
    }

    #[test]
    fn a_host_without_a_name_has_an_issuer_all_the_same() {
        let device = example_device(1, "phone", Kind::Totp { interval: 30 });
        for hostname in ["", " ", &format!(".{}", "x".repeat(200))] {
            let uri = uri_of(&device, "alice", "{hostname}", hostname);
            assert!(uri.contains("/localhost:alice?") && uri.ends_with("&issuer=localhost"), "{uri}");
        }
    }

    #[test]
    fn a_long_host_name_is_cut_to_its_first_label_and_a_short_one_is_not() {
        let device = example_device(1, "phone", Kind::Totp { interval: 30 });
        let long = "build-agent-17.eu-central.compute.example.org";
        let cut = uri_of(&device, "alice", "{hostname}", long);
        assert!(cut.contains("issuer=build-agent-17") && !cut.contains("example"), "{cut}");
        assert!(cut.len() <= FITS_A_TERMINAL);
        let kept = uri_of(&device, "alice", "{hostname}", "web1.example.org");
        assert!(kept.ends_with("issuer=web1.example.org"), "{kept}");
    }
}
