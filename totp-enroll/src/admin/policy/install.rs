//! One administrator at a time, and a file that is replaced whole or not at all.

use crate::exit::Stop;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use totp_core::policy::{Policy, PolicyError};

/// The policy file while this process holds its lock.
pub struct Held {
    /// As it was named.
    shown: PathBuf,
    /// Where it lies, behind every symbolic link.
    path: PathBuf,
    text: String,
    _lock: Lock,
}

/// A file beside the policy that only root can open, locked, and gone when this is dropped. Everybody could
/// hold a lock on the policy itself or on its directory, and so keep administrators out.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// `None` where somebody else has it.
    fn take(path: PathBuf) -> io::Result<Option<Self>> {
        loop {
            let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it may have removed the file between the opening and the lock.
            let about = file.metadata()?;
            let is_current = fs::symlink_metadata(&path).is_ok_and(|there| there.ino() == about.ino());
            if is_current {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Before the lock is let go, so that nobody else's file is removed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Why a policy was not installed. The former one stands.
pub enum NotInstalled {
    /// Somebody changed the file meanwhile, as with a plain editor, which knows no lock.
    Changed,
    /// It cannot be written.
    Failed(Stop),
}

impl Held {
    /// Locks and reads the policy at `path`; its text may be one that does not check.
    pub fn take(path: &Path) -> Result<Self, Stop> {
        // Before anything is made beside it: where others can write, a file there may be theirs.
        Policy::read(path)?;
        let unreadable = |error| PolicyError::Unreadable(path.to_owned(), error);
        let real = fs::canonicalize(path).map_err(unreadable)?;
        let lock = Lock::take(beside(&real, "lock")).map_err(|error| {
            let sentence = format!("{} cannot be replaced: {error}; nothing was changed", path.display());
            Stop::Refused(sentence)
        })?;
        let Some(lock) = lock else {
            return Err(Stop::Refused(format!(
                "somebody else is editing {}; nothing was changed; try again when they are done",
                path.display()
            )));
        };
        let text = Policy::read(path)?;
        Ok(Self { shown: path.to_owned(), path: real, text, _lock: lock })
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file as it was named.
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// Where it lies, behind every symbolic link.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A hidden file beside the policy; the lock makes it this process's own.
    pub fn beside(&self, purpose: &str) -> PathBuf {
        beside(&self.path, purpose)
    }

    /// Makes a file beside the policy, for root alone, in the place of what a run that was killed left.
    pub fn make_beside(&self, path: &Path, text: &str) -> io::Result<File> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        match file.write_all(text.as_bytes()) {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Puts `text` in the place of the policy, with the owner and mode it has; it is on the disk when this
    /// returns.
    pub fn install(&self, text: &str) -> Result<(), NotInstalled> {
        let failed = |error: io::Error| {
            let sentence =
                format!("{} cannot be replaced: {error}; nothing was changed", self.shown.display());
            NotInstalled::Failed(Stop::Refused(sentence))
        };
        let new = self.beside("new");
        let file = self.make_beside(&new, text).map_err(failed)?;
        // Read as a login will: what does not check then is never in force, as by growing too large.
        let checks = || Policy::load(&new).map(drop).map_err(io::Error::other);
        let ready = self.dress(&file).and_then(|()| checks()).map_err(failed);
        let moved = ready
            .and_then(|()| self.insist_on_unchanged())
            .and_then(|()| fs::rename(&new, &self.path).map_err(failed));
        if moved.is_err() {
            let _ = fs::remove_file(&new);
        }
        moved?;
        let unsure = |error| NotInstalled::Failed(Stop::File(self.path.clone(), error));
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(unsure)
    }

    fn dress(&self, file: &File) -> io::Result<()> {
        let former = fs::metadata(&self.path)?;
        fchown(file, Some(former.uid()), Some(former.gid()))?;
        file.set_permissions(fs::Permissions::from_mode(former.mode() & 0o7777))?;
        file.sync_all()
    }

    fn insist_on_unchanged(&self) -> Result<(), NotInstalled> {
        match Policy::read(&self.path) {
            Ok(now) if now == self.text => Ok(()),
            _ => Err(NotInstalled::Changed),
        }
    }
}

fn beside(path: &Path, purpose: &str) -> PathBuf {
    let mut name = OsString::from(format!(".{purpose}."));
    name.push(path.file_name().unwrap_or(OsStr::new("policy.toml")));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new(text: &str) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            // Whatever the umask of whoever runs the tests.
            fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o700)).unwrap();
            fs::write(place.path(), text).unwrap();
            fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).unwrap();
            place
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("policy.toml")
        }

        fn names(&self) -> Vec<OsString> {
            let mut names: Vec<_> =
                fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        }
    }

    fn refusal(path: &Path) -> Stop {
        Held::take(path).err().expect("it must be refused")
    }

    #[test]
    fn a_policy_is_replaced_with_its_mode_kept() {
        let place = Place::new("# one");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(place.0.path().join(".new.policy.toml"), "left by a run that was killed").unwrap();
        assert!(Held::take(&place.path()).unwrap().install("# two").is_ok());
        assert_eq!(fs::read_to_string(place.path()).unwrap(), "# two");
        assert_eq!(fs::metadata(place.path()).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(place.names(), ["policy.toml"]);
    }

    #[test]
    fn a_policy_that_others_can_write_is_not_touched_before_it_is_closed() {
        let place = Place::new("# one");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o666)).unwrap();
        let told = refusal(&place.path());
        assert!(matches!(told, Stop::Policy(PolicyError::Exposed(..))), "{told}");
        assert!(told.to_string().contains(&format!("`chmod go-w {}`", place.path().display())), "{told}");
        assert_eq!(place.names(), ["policy.toml"]);
    }

    #[test]
    fn what_a_login_could_not_read_is_never_installed() {
        for text in ["mode = \"sometimes\"", &"#".repeat(256 * 1024 + 1)] {
            let place = Place::new("# one");
            assert!(Held::take(&place.path()).unwrap().install(text).is_err());
            assert_eq!(fs::read_to_string(place.path()).unwrap(), "# one");
            assert_eq!(place.names(), ["policy.toml"]);
        }
    }

    #[test]
    fn behind_a_link_the_target_is_replaced_and_the_link_stays() {
        let place = Place::new("# one");
        let link = place.0.path().join("link");
        symlink("policy.toml", &link).unwrap();
        assert!(Held::take(&link).unwrap().install("# two").is_ok());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(place.path()).unwrap(), "# two");
    }

    #[test]
    fn the_second_is_told_at_once() {
        let place = Place::new("# one");
        let first = Held::take(&place.path()).unwrap();
        let told = refusal(&place.path());
        assert!(told.to_string().starts_with("somebody else is editing /"), "{told}");
        let lock = fs::metadata(place.0.path().join(".lock.policy.toml")).unwrap();
        assert_eq!(lock.mode() & 0o777, 0o600, "nobody else can hold it");
        drop(first);
        assert_eq!(place.names(), ["policy.toml"]);
        assert!(Held::take(&place.path()).is_ok());
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_kept() {
        for meanwhile in [Some("# three"), None] {
            let place = Place::new("# one");
            let held = Held::take(&place.path()).unwrap();
            match meanwhile {
                Some(text) => fs::write(place.path(), text).unwrap(),
                None => fs::remove_file(place.path()).unwrap(),
            }
            assert!(held.install("# two").is_err());
            assert_eq!(fs::read_to_string(place.path()).ok().as_deref(), meanwhile);
            assert!(!place.names().iter().any(|name| name == ".new.policy.toml"));
        }
    }

    #[test]
    fn what_is_no_text_file_is_unusable() {
        let place = Place::new("# one");
        let fifo = place.0.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let bytes = place.0.path().join("bytes");
        fs::write(&bytes, b"mode = \"\xff\"\n").unwrap();
        let huge = place.0.path().join("huge");
        fs::write(&huge, vec![b'#'; 1024 * 1024]).unwrap();
        let lost = place.0.path().join("lost");
        for path in [place.0.path(), &fifo, &bytes, &huge, &lost] {
            let stop = refusal(path);
            assert!(matches!(stop, Stop::Policy(_)), "{stop}");
            assert!(stop.to_string().starts_with(&path.display().to_string()), "{stop}");
        }
    }
}
