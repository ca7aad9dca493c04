//! What people must be told before they do something to their logins, in plain words.

use totp_core::otp::Algorithm;
use totp_core::policy::{Mode, Policy, Totp};

/// Before the secret of a new device is shown, of a user whom this mode counts for; a `further` one stands
/// beside others.
pub fn before_scan(policy: &Policy, mode: Mode, further: bool) -> Vec<String> {
    let mut told = vec![
        "Any app for time-based codes (TOTP) can read the QR code: an authenticator app on your phone, or a password manager that keeps one-time codes.".to_owned(),
    ];
    told.extend(unusual(&policy.totp));
    told.push("Scan it before you leave this program: the secret may not be shown again.".to_owned());
    told.push(match mode {
        Mode::Disabled => {
            "Set-up has no effect yet: two-factor login is disabled for you on this host. Once it is enabled, you cannot log in without a code from the app (or a recovery code).".to_owned()
        }
        Mode::Required | Mode::Optional if further => {
            "Its codes log you in as well as those of your other devices.".to_owned()
        }
        Mode::Required | Mode::Optional => {
            "From then on you cannot log in without a code from the app (or a recovery code).".to_owned()
        }
    });
    told.push(
        "Codes depend on the time: the clock of your phone and the clock of this host must both be right."
            .to_owned(),
    );
    told
}

/// Settings that not every app knows.
fn unusual(totp: &Totp) -> Option<String> {
    let Totp { digits, interval, algorithm, .. } = totp;
    if (*digits, *interval, *algorithm) == (6, 30, Algorithm::default()) {
        return None;
    }
    Some(format!(
        "This host uses codes of {digits} digits that change every {interval} s, by {algorithm}. Not every app knows these settings; who types the secret in must set them, too."
    ))
}

/// Before a secret is replaced.
pub const RENEWAL: &str = "A new secret replaces the one in your app. The old entry in the app works until the first code of the new one is proven, and stops working then: delete it afterwards.";

/// Before two-factor login is removed.
pub const UNSET: &str = "Without two-factor login this account is less secure: whoever learns its password can log in. Devices and recovery codes are removed.";

/// Before it is removed where it is required.
pub const UNSET_WHERE_REQUIRED: &str = "It is required here: the next login asks for it to be set up again, and nothing else lets you in until then.";

/// Before a code is judged without a login.
pub const VERIFY: &str =
    "This counts like a login: a right code is spent, and wrong ones slow down further tries.";

/// With new recovery codes.
pub const RECOVERY_CODES: &str = "Each of these recovery codes works once, in place of a code from the app, as when the phone is lost. Keep them on paper, in a safe place; they are not shown again.";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(policy: &Policy, mode: Mode) -> String {
        before_scan(policy, mode, false).join(" ")
    }

    #[test]
    fn users_are_told_what_they_must_know() {
        let told = told(&Policy::default(), Mode::Required);
        for word in ["Scan", "cannot log in", "clock", "app"] {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert!(!told.contains("no effect") && !told.contains("SHA1"));
    }

    #[test]
    fn where_it_is_disabled_set_up_has_no_effect_yet() {
        assert!(told(&Policy::default(), Mode::Disabled).contains("no effect yet"));
    }

    #[test]
    fn settings_that_few_apps_know_are_named() {
        let mut policy = Policy::default();
        policy.totp.digits = 8;
        assert!(told(&policy, Mode::Optional).contains("8 digits that change every 30 s, by SHA1"));
    }
}
