//! What is set up, in words: one thing a line, first what matters.

use crate::text::printable;
use totp_core::login::Reason;
use totp_core::operation::{DeviceStatus, HostStatus, OverrideStatus, Status};
use totp_core::policy::Mode;
use totp_core::source::Source;
use totp_core::throttle::Party;

/// So few recovery codes left deserve a hint.
const FEW_CODES: usize = 3;

/// The first line: whether two-factor login is set up.
pub fn state(status: &Status) -> &'static str {
    match (status.mode, status.configured) {
        (Mode::Disabled, _) if status.overridden.is_some() => "disabled by an administrator",
        (Mode::Disabled, _) => "disabled by the policy of this host",
        (_, true) => "configured",
        (_, false) => "not configured",
    }
}

/// The lines below it; `places` are those about where a code is asked for, `way_to_set_up` is what helps where
/// nothing is set up.
pub fn details(status: &Status, places: Vec<String>, way_to_set_up: &str) -> Vec<String> {
    let mut lines =
        vec![format!("User: {}", printable(&status.user)), format!("Mode: {}", mode(status.mode))];
    lines.extend(places);
    lines.extend(status.overridden.as_ref().map(|made| format!("Override: {}", overridden(made))));
    lines.push(format!("Strategy: {}", printable(&status.strategy)));
    lines.extend(status.mail.as_ref().map(|mail| format!("Mail: {}", printable(mail))));
    lines.extend(status.temporary_code.as_ref().map(|temporary| {
        let until = printable(&temporary.until);
        format!("Temporary code: good for {}, until {until}", logins(temporary.uses_left))
    }));
    if let Some(orphan) = &status.orphan {
        lines.push(format!("Set up: not for this name and uid. {}", printable(&orphan.way_out)));
        return lines;
    }
    if !status.configured {
        lines.push(match status.mode {
            Mode::Disabled => format!("Set up: no; {way_to_set_up}, without effect yet"),
            _ => format!("Set up: no; {way_to_set_up}"),
        });
        lines.extend(
            status.invited_until.as_ref().map(|until| format!("Invited: until {}", printable(until))),
        );
        lines.extend(status.grace.map(|grace| format!("Grace: set-up may be put off {grace}")));
        return lines;
    }
    if let Some(since) = &status.since {
        lines.push(format!("Set up since: {}", printable(since)));
    }
    lines.extend(status.devices.iter().map(|one| format!("Device: {}", device(one))));
    lines.push(format!("Recovery codes: {}", codes_left(status.recovery_codes_left)));
    lines.extend(status.last_login.as_ref().map(|last| format!("Last code accepted: {}", printable(last))));
    if !status.remembered_hosts.is_empty() {
        lines.push(format!("Remembered hosts: {}", status.remembered_hosts.len()));
    }
    if status.throttled_for > 0 {
        lines.push(format!(
            "Throttled: after too many wrong codes from one place no code from there is looked at for {} s; a recovery code works at once",
            status.throttled_for
        ));
    }
    if !status.exhausted.is_empty() {
        lines.push(format!(
            "Throttled: too many wrong codes over time {}: type two codes in a row there, or a recovery code",
            parties(&status.exhausted)
        ));
    }
    lines
}

/// Where codes come from that share a budget which is used up.
pub fn parties(parties: &[Party]) -> String {
    let words = parties.iter().map(|party| match party {
        Party::Strangers => "from addresses without a login in the last 30 days",
        Party::ThisMachine => "on this machine",
        Party::Known => "from addresses with a login in the last 30 days",
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// A device in a line.
pub fn device(device: &DeviceStatus) -> String {
    let changes = device.interval.map_or_else(String::new, |interval| format!(" every {interval} s"));
    format!(
        "{}: {}, {} digits{changes}, {}, since {}",
        device.name,
        printable(&device.kind),
        device.digits,
        printable(&device.algorithm),
        printable(&device.created)
    )
}

/// How many recovery codes are left, and what to do about few.
pub fn codes_left(left: usize) -> String {
    match left {
        0 => "none left; `totp-enroll recovery --renew` draws new ones".to_owned(),
        few if few < FEW_CODES => {
            format!("only {few} left; `totp-enroll recovery --renew` draws new ones")
        }
        enough => format!("{enough} left"),
    }
}

/// An override in a line.
pub fn overridden(made: &OverrideStatus) -> String {
    let until = made.until.map_or_else(String::new, |until| format!(" until {until}"));
    format!("{}{until}, by {} on {}", made.mode, printable(&made.by), printable(&made.since))
}

/// So many logins.
fn logins(count: u8) -> String {
    if count == 1 { "one login".to_owned() } else { format!("{count} logins") }
}

/// Where a code came from.
pub fn place(source: Source) -> String {
    match source {
        Source::Local => "at this machine".to_owned(),
        Source::Address(address) | Source::Own(address) => format!("from {address}"),
        Source::Named => "from a host known by name only".to_owned(),
        Source::Helper => "by a program of the user's own".to_owned(),
    }
}

/// Why a code was refused.
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongCode => "wrong code",
        Reason::UsedCode => "a code that was used before",
        Reason::StaleCode => "a code from outside the window: a slow hand, or a wrong clock",
        Reason::WrongRecoveryCode => "no recovery or temporary code that is left",
        Reason::Throttled => "throttled after too many wrong codes",
        Reason::Exhausted => "too many wrong codes over time",
        Reason::Malformed => "nothing that could be a code",
        Reason::NoAnswer => "no answer",
        Reason::Unsynchronised => "the counter of the device was lost",
    }
}

/// A remembered host in a line.
pub fn host(host: &HostStatus) -> String {
    format!("{} since {}", printable(&host.address), printable(&host.since))
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Required => "required (where a code is asked for, nobody logs in without one)",
        Mode::Optional => "optional (where a code is asked for, who is set up needs one)",
        Mode::Disabled => "disabled (nobody is asked for a code)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use totp_core::credential::DeviceName;

    fn status() -> Status {
        Status {
            user: "alice".into(),
            mode: Mode::Optional,
            configured: true,
            orphan: None,
            strategy: "totp".into(),
            since: Some("2026-11-22T03:00:00Z".into()),
            devices: vec![DeviceStatus {
                name: DeviceName::default(),
                kind: "totp".into(),
                digits: 6,
                interval: Some(30),
                algorithm: "SHA1".into(),
                created: "2026-11-22T03:00:00Z".into(),
            }],
            recovery_codes_left: 9,
            throttled_for: 0,
            at_ceiling: false,
            exhausted: Vec::new(),
            remembered_hosts: Vec::new(),
            overridden: None,
            last_login: None,
            temporary_code: None,
            invited_until: None,
            grace: None,
            mail: None,
        }
    }

    #[test]
    fn the_state_is_one_of_three() {
        let mut status = status();
        assert_eq!(state(&status), "configured");
        status.configured = false;
        assert_eq!(state(&status), "not configured");
        status.mode = Mode::Disabled;
        assert_eq!(state(&status), "disabled by the policy of this host");
    }

    #[test]
    fn a_device_is_a_line() {
        assert_eq!(
            device(&status().devices[0]),
            "phone: totp, 6 digits every 30 s, SHA1, since 2026-11-22T03:00:00Z"
        );
    }

    #[test]
    fn few_recovery_codes_bring_a_hint() {
        assert_eq!(codes_left(3), "3 left");
        assert!(codes_left(2).contains("only 2 left") && codes_left(2).contains("--renew"));
        assert!(codes_left(0).contains("none left"));
    }

    #[test]
    fn a_hostile_name_cannot_forge_a_line() {
        let status = Status { user: "a\nMode: \u{1b}[2J".into(), ..status() };
        assert_eq!(details(&status, Vec::new(), "")[0], "User: a\\nMode: \\u{1b}[2J");
    }

    #[test]
    fn throttling_is_told_with_what_helps() {
        let status = Status { throttled_for: 40, ..status() };
        let told = details(&status, Vec::new(), "").join("\n");
        assert!(told.contains("40 s") && told.contains("recovery code works"), "{told}");
    }
}
