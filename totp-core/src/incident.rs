//! The last time that codes could not be checked: one note for the whole host, and one for each user whose own files
//! or lock failed. `totp-enroll admin why` tells it.
//!
//! The notes do not lie in the store, which may be what fails. They are root's, in a directory in memory that the
//! first note makes; the next boot forgets them. Programs that are not root leave them to the log, and so does
//! totp-helper, which is not root by then. Nothing in a note is secret.

use crate::clock::Timestamp;
use crate::credential::moment;
use crate::name::UserName;
use crate::source::Source;
use crate::toml_file::{FileError, Text, quoted};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, gettid, unlinkat};
use std::fs::File;
use std::io::{Error, Read as _, Result, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Where the notes lie.
pub const DIRECTORY: &str = "/run/pam_totp";

/// The note about the whole host. That of a user has an ending.
const HOST_NOTE: &str = "host";
/// The ending of a user's note.
const USER_ENDING: &str = "user";
/// Longest name of a service kept, in bytes.
const LONGEST_SERVICE: usize = 64;
/// Longest reason kept, in bytes.
const LONGEST_REASON: usize = 1024;
/// Names that notes have until they are whole.
const NAMES_BEFORE: i32 = 64;
/// Longest note read, in bytes: each byte of both texts may be escaped by six.
const LONGEST_NOTE: u64 = 8 * 1024;

/// Whom it concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerned<'a> {
    /// The whole host.
    Host,
    /// This user alone.
    User(&'a UserName),
}

impl Concerned<'_> {
    fn file_name(self) -> String {
        match self {
            Self::Host => HOST_NOTE.to_owned(),
            Self::User(user) => user.file_name(USER_ENDING),
        }
    }
}

/// One time that codes could not be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// When.
    pub at: Timestamp,
    /// The PAM service of the login that met it, at most 64 bytes.
    pub service: String,
    /// Where that login came from.
    pub source: Source,
    /// What could not be used, as the log says it, at most 1,024 bytes.
    pub reason: String,
}

impl Incident {
    /// What a login met at this moment; longer texts are cut.
    #[must_use]
    pub fn new(at: Timestamp, service: &str, source: Source, reason: &str) -> Self {
        let (service, reason) = (cut(service, LONGEST_SERVICE), cut(reason, LONGEST_REASON));
        Self { at, service, source, reason }
    }

    /// Keeps it, in the place of an earlier one of the same user, or of the host.
    ///
    /// # Errors
    /// What the system says; an error where `directory` is not this process's own, or open to others.
    pub fn keep(&self, directory: &Path, concerned: Concerned<'_>) -> Result<()> {
        // A write beyond the limit would end the program by a signal.
        let (allowed, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
        if allowed < LONGEST_NOTE {
            return Err(Error::other("a limit on file sizes is in the way"));
        }
        match mkdirat(AT_FDCWD, directory, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let directory = open_directory(directory)?;
        let new = name_before();
        let written = self.write(&directory, &new).and_then(|()| {
            Ok(renameat(&directory, new.as_str(), &directory, concerned.file_name().as_str())?)
        });
        if written.is_err() {
            let _ = unlinkat(&directory, new.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        written
    }

    fn write(&self, directory: &OwnedFd, name: &str) -> Result<()> {
        let _ = unlinkat(directory, name, UnlinkatFlags::NoRemoveDir);
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let mut file = File::from(openat(directory, name, flags, mode)?);
        // A login program's umask may have taken bits away.
        fchmod(&file, mode)?;
        file.write_all(self.to_toml().as_bytes())
    }

    fn to_toml(&self) -> String {
        format!(
            "version = 1\nat = {}\nservice = {}\nfrom = {}\nreason = {}\n",
            self.at.to_rfc3339(),
            quoted(&self.service),
            quoted(&self.source.to_string()),
            quoted(&self.reason)
        )
    }

    fn parse(file: &str, text: &str) -> std::result::Result<Self, FileError> {
        const KEYS: [&str; 5] = ["version", "at", "service", "from", "reason"];
        let text = Text::open(file, text);
        let document = text.parse()?;
        let (mut at, mut service, mut source, mut reason) = (None, None, None, None);
        for entry in document.entries() {
            match entry.key() {
                "version" => drop(entry.integer(1u8..=1)?),
                "at" => at = Some(moment(&entry)?),
                "service" => service = Some(entry.string()?),
                "from" => {
                    let from = entry.string()?;
                    source = Some(Source::from_word(from).ok_or_else(|| entry.error("unknown source"))?);
                }
                "reason" => reason = Some(entry.string()?),
                _ => return Err(entry.unknown(&KEYS)),
            }
        }
        let missing = |key| text.whole(key, "is missing");
        Ok(Self::new(
            at.ok_or_else(|| missing("at"))?,
            service.ok_or_else(|| missing("service"))?,
            source.ok_or_else(|| missing("from"))?,
            reason.ok_or_else(|| missing("reason"))?,
        ))
    }
}

/// The last one kept about `concerned`; `None` where there is none since the last boot.
///
/// # Errors
/// As [`Incident::keep`], and a note that cannot be understood.
pub fn last(directory: &Path, concerned: Concerned<'_>) -> Result<Option<Incident>> {
    let name = concerned.file_name();
    let directory = match open_directory(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file = match openat(&directory, name.as_str(), flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    ensure_own(&fstat(&file)?, SFlag::S_IFREG)?;
    let mut text = String::new();
    file.take(LONGEST_NOTE).read_to_string(&mut text)?;
    Incident::parse(&name, &text).map(Some).map_err(|error| Error::other(error.to_string()))
}

/// What a note is called until it is whole. Two that are written at once may get one name once in a while; what a
/// process that was killed left under it is replaced. Whoever starts and kills su again and again leaves no more than
/// these.
fn name_before() -> String {
    format!(".{}", gettid().as_raw() % NAMES_BEFORE)
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let directory = openat(AT_FDCWD, path, flags, Mode::empty())?;
    ensure_own(&fstat(&directory)?, SFlag::S_IFDIR)?;
    Ok(directory)
}

/// What others could have put there is not written to, and not believed.
fn ensure_own(about: &FileStat, kind: SFlag) -> Result<()> {
    let is_kind = SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT == kind;
    if is_kind && about.st_uid == geteuid().as_raw() && about.st_mode & 0o022 == 0 {
        return Ok(());
    }
    Err(Error::other("it belongs to another user, or others may write it"))
}

/// The beginning of `text`, of at most `most` bytes.
fn cut(text: &str, most: usize) -> String {
    // Not in the middle of a character.
    let longest = text.len().min(most);
    (0..=longest).rev().find_map(|end| text.get(..end)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("pam_totp")
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(self.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    fn incident(reason: &str) -> Incident {
        Incident::new(Timestamp(1_790_000_000), "sshd", Source::from_remote_host(Some("192.0.2.7")), reason)
    }

    #[test]
    fn the_last_one_is_kept_for_the_host_and_for_each_user() {
        let place = Place::new();
        let (alice, host) = (UserName::new("alice").unwrap(), UserName::new("host").unwrap());
        assert_eq!(last(&place.path(), Concerned::Host).unwrap(), None);
        for (concerned, reason) in [
            (Concerned::Host, "earlier"),
            (Concerned::Host, "policy\n\u{1b}[2J \"x\""),
            (Concerned::User(&alice), "lock"),
            (Concerned::User(&host), "another"),
        ] {
            incident(reason).keep(&place.path(), concerned).unwrap();
            assert_eq!(last(&place.path(), concerned).unwrap(), Some(incident(reason)));
        }
        assert_eq!(place.names(), ["alice.user", "host", "host.user"], "nothing else is left there");
        assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_a_killed_process_left_is_replaced() {
        let place = Place::new();
        fs::create_dir(place.path()).unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(place.path().join(name_before()), "half a no").unwrap();
        incident("whole").keep(&place.path(), Concerned::Host).unwrap();
        assert_eq!(last(&place.path(), Concerned::Host).unwrap(), Some(incident("whole")));
        assert_eq!(place.names(), ["host"]);
    }

    #[test]
    fn processes_that_are_killed_leave_no_more_than_a_few_files() {
        let names: std::collections::BTreeSet<_> =
            (0..200).map(|_| std::thread::spawn(name_before).join().unwrap()).collect();
        assert!(names.len() <= 64, "{names:?}");
    }

    #[test]
    fn a_directory_that_others_can_change_is_refused() {
        let place = Place::new();
        fs::create_dir(place.path()).unwrap();
        for mode in [0o770, 0o702, 0o777] {
            fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(incident("x").keep(&place.path(), Concerned::Host).is_err(), "{mode:o}");
            assert!(last(&place.path(), Concerned::Host).is_err(), "{mode:o}");
        }
        fs::remove_dir(place.path()).unwrap();
        let elsewhere = place.0.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, place.path()).unwrap();
        assert!(incident("x").keep(&place.path(), Concerned::Host).is_err());
        assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn a_link_in_the_place_of_a_note_is_replaced_and_not_followed() {
        let place = Place::new();
        incident("x").keep(&place.path(), Concerned::Host).unwrap();
        let target = place.0.path().join("target");
        fs::write(&target, "untouched").unwrap();
        fs::remove_file(place.path().join("host")).unwrap();
        symlink(&target, place.path().join("host")).unwrap();
        assert!(last(&place.path(), Concerned::Host).is_err());
        incident("y").keep(&place.path(), Concerned::Host).unwrap();
        assert_eq!(last(&place.path(), Concerned::Host).unwrap(), Some(incident("y")));
        assert_eq!(fs::read_to_string(target).unwrap(), "untouched");
    }

    #[test]
    fn long_texts_are_cut_between_characters_and_fit() {
        let place = Place::new();
        let service = "\u{1}".repeat(200);
        let long = Incident::new(Timestamp(0), &service, Source::Named, &"\u{fc}\u{7f}".repeat(900));
        assert_eq!((long.service.len(), long.reason.len()), (LONGEST_SERVICE, LONGEST_REASON - 1));
        long.keep(&place.path(), Concerned::Host).unwrap();
        assert_eq!(last(&place.path(), Concerned::Host).unwrap(), Some(long));
    }

    #[test]
    fn what_is_no_note_is_an_error() {
        let place = Place::new();
        incident("x").keep(&place.path(), Concerned::Host).unwrap();
        for text in ["", "nonsense", "version = 2\n", "version = 1\nat = 2026-09-21T14:13:20Z\n"] {
            fs::write(place.path().join("host"), text).unwrap();
            assert!(last(&place.path(), Concerned::Host).is_err(), "{text}");
        }
    }
}
