//! Whether the sshd that runs knows the newest configuration: it reads its files when it is started or reloaded.
//!
//! It writes its PidFile anew both times, so that the file's time tells the last of them. Where there is no such
//! file, as under inetd or with `PidFile none`, that is not known.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The file that is read unless -f names another.
const USUAL_FILE: &str = "/etc/ssh/sshd_config";
/// What an administrator types to make it read them, on Debian and elsewhere.
pub const RELOAD: &str = "`systemctl reload ssh` (sshd on RHEL and others)";

/// What is known of a server that runs, as sentences about what sshd's configuration does not tell.
pub fn findings(pid_file: Option<&Path>, read: &BTreeSet<PathBuf>) -> Vec<String> {
    let Some((started, command)) = pid_file.and_then(server) else { return Vec::new() };
    let mut findings = Vec::new();
    let newer = read.iter().find(|path| changed(path).is_some_and(|changed| changed > started));
    findings.extend(newer.map(|path| {
        format!(
            "{} was changed after sshd was started or reloaded: sshd does not know the change yet; {RELOAD} makes it known",
            path.display()
        )
    }));
    findings.extend(option_beyond_files(&command).map(|option| {
        format!("sshd was started with {option} on its command line: what that changes was not looked at")
    }));
    findings
}

/// When the server was started or reloaded, in seconds and nanoseconds, and its command line.
fn server(pid_file: &Path) -> Option<((i64, i64), String)> {
    let about = fs::metadata(pid_file).ok().filter(|about| about.is_file() && about.len() < 32)?;
    let process: u32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    // sshd puts its own words there, with its command line behind "sshd: ".
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    command.contains("sshd").then_some(((about.mtime(), about.mtime_nsec()), command))
}

/// When a file was last changed or put there, also one whose time somebody set; of a directory, when a name in it
/// came or went.
fn changed(path: &Path) -> Option<(i64, i64)> {
    let about = fs::metadata(path).ok()?;
    Some(if about.is_dir() {
        (about.mtime(), about.mtime_nsec())
    } else {
        (about.ctime(), about.ctime_nsec())
    })
}

/// An option by which other settings count than those of the files.
fn option_beyond_files(command: &str) -> Option<&str> {
    const DECIDING: [&str; 8] = [
        "authenticationmethods",
        "challengeresponseauthentication",
        "kbdinteractiveauthentication",
        "logingracetime",
        "passwordauthentication",
        "permitrootlogin",
        "pubkeyauthentication",
        "usepam",
    ];
    let mut words = command.split_whitespace();
    while let Some(word) = words.next() {
        if word.starts_with("-f") {
            let named =
                if word == "-f" { words.next().unwrap_or_default() } else { word.trim_start_matches("-f") };
            if named == USUAL_FILE {
                continue;
            }
            return Some(word);
        }
        let Some(given) = word.strip_prefix("-o") else { continue };
        let setting = if given.is_empty() { words.next().unwrap_or_default() } else { given };
        if DECIDING.iter().any(|name| setting.to_ascii_lowercase().starts_with(name)) {
            return Some(setting);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_decide_are_found_and_no_others() {
        for (command, expected) in [
            ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", None),
            ("/usr/sbin/sshd -D -oCiphers=aes256-ctr -o MACs=x", None),
            ("/usr/sbin/sshd -D -f /etc/ssh/other", Some("-f")),
            ("/usr/sbin/sshd -D -f /etc/ssh/sshd_config", None),
            ("/usr/sbin/sshd -oUsePAM=no", Some("UsePAM=no")),
            ("/usr/sbin/sshd -o KbdInteractiveAuthentication=no", Some("KbdInteractiveAuthentication=no")),
        ] {
            assert_eq!(option_beyond_files(command), expected, "{command}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_server_that_is_not_known() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("sshd_config");
        fs::write(&file, "").unwrap();
        let read = BTreeSet::from([file]);
        assert!(findings(None, &read).is_empty());
        for text in ["", "x", "1\n4\n", "4294967295\n"] {
            let pid_file = place.path().join("pid");
            fs::write(&pid_file, text).unwrap();
            assert!(findings(Some(&pid_file), &read).is_empty(), "{text:?}");
        }
    }
}
