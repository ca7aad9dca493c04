//! Whoever edits a credential by hand may put its secret into any place of it. No error repeats a part of it,
//! for errors go into logs; nor does one about a set-up under way.

use super::FileError;
use crate::clock::Timestamp;
use crate::credential::{Credential, CredentialId, Device, example_device};
use crate::issued::InvitationId;
use crate::otp::Kind;
use crate::pending::{AtLogin, Nonce, Pending, Proven, Purpose};
use crate::recovery::RecoverySet;
use proptest::prelude::*;

/// Secrets as they are written: in Base32, in hexadecimal, in decimal digits.
const SECRETS: [&str; 3] =
    ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "3132333435363738393031323334353637383930", "3141592653589793"];
/// Bytes of a secret in a row that no error has by chance.
const TELLING: usize = 5;

fn device() -> Device {
    Device { window: Some(3), clock_offset: -45, ..example_device(1, "phone", Kind::Totp { interval: 60 }) }
}

fn credential() -> String {
    let credential = Credential {
        id: CredentialId([7; 16]),
        uid: 1000,
        created: Timestamp(1_790_000_000),
        created_by: "alice".into(),
        phone: Some("+43 1 234".into()),
        mail: Some("alice@example.org".into()),
        devices: vec![device()],
    };
    credential.to_toml().to_string()
}

fn pending() -> String {
    let recovery = RecoverySet { salt: [0xab; 16], hashes: vec![[0x0f; 32]; 2] };
    let pending = Pending {
        nonce: Nonce::generate().unwrap(),
        purpose: Purpose::Renewal(device().id),
        uid: 1000,
        from: CredentialId([5; 16]),
        begun: Timestamp(1_790_000_000),
        failures: 2,
        invited: Some(InvitationId(7)),
        at_login: Some(AtLogin {
            service: "sshd".into(),
            proven: Some(Proven { step: 59_666_667, recovery }),
        }),
        device: device(),
    };
    pending.to_toml().to_string()
}

fn repeats(error: &FileError, secret: &str) -> bool {
    let told = error.to_string();
    secret.as_bytes().windows(TELLING).any(|part| told.contains(std::str::from_utf8(part).unwrap()))
}

/// What a line of a file becomes with a secret in its place, in the place of its key, or in that of its value.
fn planted(line: &str, secret: &str) -> Vec<String> {
    let mut lines = vec![
        secret.to_owned(),
        format!("{line} {secret}"),
        format!("{line}\n{secret} = 1"),
        format!("\"{secret}\" = \"{secret}\""),
        format!("[{secret}]"),
        format!("[[{secret}]]\n{line}"),
        format!("[device.{secret}]\n{line}"),
        format!("{line}\nsecret = \"{secret}\"\nsecret = \"{secret}\""),
    ];
    if let Some((key, value)) = line.split_once(" = ") {
        lines.extend([format!("{secret} = {value}"), format!("{key}.{secret} = {value}")]);
        let values = [
            format!("\"{secret}\""),
            format!("'{secret}"),
            format!("\"\"\"\n{secret}\"\"\""),
            secret.to_owned(),
            format!("-{secret}"),
            format!("0x{secret}"),
            format!("{secret}.5"),
            format!("2027-01-31T{secret}"),
            format!("[\"{secret}\", {secret}]"),
            format!("{{ {secret} = \"{secret}\" }}"),
            format!("\"\\{secret}\""),
        ];
        lines.extend(values.map(|value| format!("{key} = {value}")));
    }
    lines
}

/// Plants secrets everywhere in a text, and returns how many of them were errors.
fn plant<T>(whole: &str, parse: impl Fn(&str) -> Result<T, FileError>) -> usize {
    assert!(parse(whole).is_ok(), "{whole}");
    let lines: Vec<&str> = whole.lines().collect();
    let mut errors = 0;
    for secret in SECRETS {
        for (place, line) in lines.iter().enumerate() {
            for planted in planted(line, secret) {
                let mut lines = lines.clone();
                lines[place] = &planted;
                let text = lines.join("\n");
                if let Err(error) = parse(&text) {
                    assert!(!repeats(&error, secret), "{planted:?}: {error}");
                    errors += 1;
                }
            }
        }
    }
    errors
}

#[test]
fn no_error_about_a_credential_repeats_a_secret_that_stands_anywhere_in_it() {
    let whole = credential();
    // Whatever may stand in one: seven keys, and ten of its device.
    assert_eq!(whole.matches(" = ").count(), 17, "{whole}");
    let errors = plant(&whole, |text| Credential::parse("alice.toml", text));
    assert!(errors > 900, "{errors}");
}

#[test]
fn no_error_about_a_set_up_repeats_a_secret_that_stands_anywhere_in_it() {
    let whole = pending();
    assert_eq!(whole.matches(" = ").count(), 23, "{whole}");
    let errors = plant(&whole, |text| Pending::parse("alice.pending", text));
    assert!(errors > 1000, "{errors}");
}

proptest! {
    #[test]
    fn nor_does_one_about_a_credential_that_is_torn_and_has_a_secret_somewhere(
        at in any::<prop::sample::Index>(),
        end in any::<prop::sample::Index>(),
        which in 0..SECRETS.len(),
        around in "[\"'=\\[\\]{}.,#\\\\\n ]{0,3}",
    ) {
        let mut text = credential();
        text.insert_str(at.index(text.len()), &format!("{around}{}{around}", SECRETS[which]));
        text.truncate(end.index(text.len() + 1));
        if let Err(error) = Credential::parse("alice.toml", &text) {
            prop_assert!(!repeats(&error, SECRETS[which]), "{text:?}: {error}");
        }
    }
}
