//! Whether the person who logs in without a remote address sits at this machine. Only they hear why a login fails.
//!
//! Programs that serve the network set no PAM_RHOST (FreeRADIUS, Squid's basic_pam_auth, OpenVPN before 2.6, xrdp
//! before 0.10), some under another program's service name (OpenVPN: `login`). So its absence says nothing, and no
//! name of a service does: there must be something that a remote user does not bring. Two are taken for somebody here
//! who is not: a user of lightdm over VNC, whose display is one of this machine's, and who logs in through login(1) that
//! a web terminal started without `-h`.

use nix::unistd::{Uid, getuid};

/// Whether there is such a thing: the process was started by a person, as su, sudo and screen lockers are, or the
/// program names a terminal or a display here, as login(1) and display managers do.
pub(crate) fn is_evident(terminal: Option<&str>, display: Option<&str>) -> bool {
    is_persons(getuid()) || [terminal, display].into_iter().flatten().any(is_here)
}

/// Whether a real uid is that of a person: what daemons and their set-user-ID children run as is root or a system
/// user below 1000, a user of systemd's DynamicUser (61184 to 65519), or nobody (65534). See systemd's "Users, Groups,
/// UIDs and GIDs on systemd systems".
fn is_persons(uid: Uid) -> bool {
    matches!(uid.as_raw(), 1000..=60_513 | 65_536..=0xffff_fffd)
}

/// Whether PAM_TTY or PAM_XDISPLAY names a terminal or a display of this machine. Daemons write their own names there
/// (`ssh`, `cron`, `dovecot`, `cups`, `xrdp-sesman`), and a display of another host has that host's name before the
/// colon.
fn is_here(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(display) = text.strip_prefix(':') {
        return display.split('.').all(is_number);
    }
    let terminal = text.strip_prefix("/dev/").unwrap_or(text);
    // `tty1`, `ttyS0`, `ttyAMA0`, `hvc0`.
    let is_line = |prefix: &str| {
        let rest = terminal.strip_prefix(prefix);
        rest.is_some_and(|rest| {
            is_number(rest.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()))
        })
    };
    terminal == "console"
        || terminal.strip_prefix("pts/").is_some_and(is_number)
        || is_line("tty")
        || is_line("hvc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_and_displays_of_this_machine_are_told_from_names_of_daemons() {
        for text in [
            "/dev/pts/3",
            "pts/0",
            "/dev/tty1",
            "tty1",
            "/dev/ttyS0",
            "ttyAMA0",
            "console",
            "hvc0",
            ":0",
            ":1.0",
        ] {
            assert!(is_here(text), "{text}");
        }
        for text in [
            "",
            ":",
            ":x",
            "ssh",
            "cron",
            "cups",
            "dovecot",
            "ftp",
            "/dev/ftpd1234",
            "xrdp-sesman",
            "gdm",
            "smb/7/alice",
            "/dev/null",
            "ttyd",
            "pts/",
            "pts/x",
            "/dev/pts/../ssh",
            "192.0.2.7:0",
            "localhost:10.0",
            "tty/../../x",
        ] {
            assert!(!is_here(text), "{text}");
        }
    }

    #[test]
    fn people_are_told_from_daemons_by_the_uid_that_started_the_program() {
        for person in [1000, 1234, 60_513, 65_536, 200_001, 1_879_048_191] {
            assert!(is_persons(Uid::from_raw(person)), "{person}");
        }
        for daemon in [0, 13, 33, 999, 61_184, 65_519, 65_534, 65_535, u32::MAX] {
            assert!(!is_persons(Uid::from_raw(daemon)), "{daemon}");
        }
    }
}
