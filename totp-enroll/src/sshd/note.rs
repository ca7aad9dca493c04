//! What root's last `admin policy check` found of sshd, left where users can read it: they may not run `sshd -T`.
//!
//! There is a note only while something is wrong. Whatever of it is odd, older than the configuration, or not
//! root's own is not believed, and nothing is said.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use totp_core::clock::Timestamp;

/// Where the note lies. The store is closed to users, and what is in a cache may be lost.
const DIRECTORY: &str = "/var/cache/pam_totp";
const NAME: &str = "sshd.toml";
/// The form of the note.
const VERSION: i64 = 1;
/// Longest note read, in bytes.
const LONGEST: u64 = 4096;
/// What a change of would have mended it, perhaps.
const CONFIGURATION: [&str; 2] = ["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"];

/// Why sshd asks nobody for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `UsePAM no`
    UsePam,
    /// `KbdInteractiveAuthentication no`
    KeyboardInteractive,
    /// `AuthenticationMethods` has no list with keyboard-interactive.
    AuthenticationMethods,
}

impl Reason {
    const NAMES: [(&'static str, Self); 3] = [
        ("use-pam", Self::UsePam),
        ("keyboard-interactive", Self::KeyboardInteractive),
        ("authentication-methods", Self::AuthenticationMethods),
    ];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, reason)| *reason == self).map_or("", |(name, _)| name)
    }

    /// What a user should know.
    fn advice(self) -> &'static str {
        match self {
            Self::UsePam => "UsePAM is off, so that two-factor login has no effect over ssh",
            Self::KeyboardInteractive => {
                "KbdInteractiveAuthentication is off, so that whoever is set up is refused with the right password. Ask an administrator before you set up, and before you log out"
            }
            Self::AuthenticationMethods => {
                "AuthenticationMethods leaves keyboard-interactive out, so that whoever is set up may be refused. Ask an administrator before you set up, and before you log out"
            }
        }
    }
}

/// Leaves word for users that sshd asks nobody, or takes it away where there is no such reason. For root; that
/// it cannot be written is no reason to refuse anything.
pub fn leave(reason: Option<Reason>, now: Timestamp) {
    let directory = Path::new(DIRECTORY);
    let _ = match reason {
        Some(reason) => write(directory, reason, now),
        None => fs::remove_file(directory.join(NAME)),
    };
}

fn write(directory: &Path, reason: Reason, now: Timestamp) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(directory) {
        Ok(()) => fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let about = fs::symlink_metadata(directory)?;
    if !(about.is_dir() && is_own(&about)) {
        return Err(io::Error::other("it is not root's own directory"));
    }
    let new = directory.join(".new.sshd.toml");
    let _ = fs::remove_file(&new);
    let mut file = File::options().write(true).create_new(true).mode(0o644).open(&new)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    let text = format!(
        "# What `totp-enroll admin policy check` found of sshd; it removes this once sshd asks for codes.\n\
         version = {VERSION}\nchecked = {}\nasks = false\nreason = \"{}\"\n",
        now.0,
        reason.name()
    );
    file.write_all(text.as_bytes())?;
    fs::rename(&new, directory.join(NAME))
}

/// Whether a file is root's, and nobody else may write it.
fn is_own(about: &fs::Metadata) -> bool {
    about.uid() == 0 && about.mode() & 0o022 == 0
}

/// What a user is to hear of the last check; `None` where it found nothing wrong, or what it found may be mended.
pub fn said() -> Option<String> {
    let text = read(&Path::new(DIRECTORY).join(NAME))?;
    let (checked, reason) = parse(&text)?;
    if CONFIGURATION.iter().any(|path| is_newer(Path::new(path), checked)) {
        return None;
    }
    let time = checked.to_rfc3339();
    let day = time.split('T').next().unwrap_or_default();
    Some(format!("As of {day}, sshd on this host does not ask for codes: {}.", reason.advice()))
}

fn read(path: &Path) -> Option<String> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path).ok()?;
    let about = file.metadata().ok()?;
    if !(about.is_file() && is_own(&about) && about.len() <= LONGEST) {
        return None;
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn parse(text: &str) -> Option<(Timestamp, Reason)> {
    let note: toml::Table = text.parse().ok()?;
    if note.get("version")?.as_integer()? != VERSION || note.get("asks")?.as_bool()? {
        return None;
    }
    let checked = Timestamp(note.get("checked")?.as_integer()?.try_into().ok()?);
    let reason = note.get("reason")?.as_str()?;
    let (_, reason) = Reason::NAMES.iter().find(|(name, _)| *name == reason)?;
    // One from a clock that was ahead would stand for ever.
    (checked <= Timestamp::now()).then_some((checked, *reason))
}

/// Whether a file, or one in a directory, was changed after this. What cannot be looked at tells nothing.
fn is_newer(path: &Path, than: Timestamp) -> bool {
    let newer = |about: fs::Metadata| u64::try_from(about.ctime()).is_ok_and(|changed| changed > than.0);
    let within = fs::read_dir(path).into_iter().flatten().flatten();
    fs::metadata(path).is_ok_and(newer)
        || within.filter_map(|entry| fs::metadata(entry.path()).ok()).any(newer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version = 1\nchecked = 1790000000\nasks = false\nreason = \"keyboard-interactive\"\n";

    #[test]
    fn a_note_is_read_as_it_was_written() {
        assert_eq!(parse(GOOD), Some((Timestamp(1_790_000_000), Reason::KeyboardInteractive)));
        for (_, reason) in Reason::NAMES {
            let text = GOOD.replace("keyboard-interactive", reason.name());
            assert_eq!(parse(&text).unwrap().1, reason);
        }
    }

    #[test]
    fn an_odd_note_says_nothing() {
        for text in [
            "",
            "rubbish",
            &GOOD.replace("version = 1", "version = 2"),
            &GOOD.replace("asks = false", "asks = true"),
            &GOOD.replace("asks = false", "asks = \"no\""),
            &GOOD.replace("1790000000", "-1"),
            &GOOD.replace("1790000000", "99999999999"),
            &GOOD.replace("keyboard-interactive", "the moon"),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_note_that_others_could_have_written_is_not_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(NAME);
        fs::write(&path, GOOD).unwrap();
        let with = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read(&path).is_some()
        };
        let is_root = nix::unistd::getuid().is_root();
        assert_eq!((with(0o644), with(0o664), with(0o646)), (is_root, false, false));
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        with(0o644);
        assert!(read(&link).is_none());
    }

    #[test]
    fn a_configuration_that_was_changed_since_is_newer() {
        let place = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        fs::write(place.path().join("a.conf"), "").unwrap();
        assert!(is_newer(place.path(), Timestamp(now.0 - 60)));
        assert!(!is_newer(place.path(), Timestamp(now.0 + 60)));
        assert!(!is_newer(Path::new("/no/such/file"), Timestamp(0)));
    }
}
