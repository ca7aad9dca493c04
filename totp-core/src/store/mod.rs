//! Where it lies on disk: one directory, a set of files a user.
//!
//! The directory is opened once, by descriptor; [`file`] opens, checks and replaces what is in it,
//! [`slots`] is the form of a state file, [`user`] is one user under lock, [`uids`] finds a credential by its uid,
//! [`callers`] bounds the calls of totp-helper, and [`census`] looks at all of them.

mod adopt;
mod callers;
mod census;
mod file;
mod slots;
mod uids;
mod user;

pub use adopt::Adoption;
pub use callers::{CALLS_AT_ONCE, CallerPlace};
pub use census::Holding;
pub use user::LockedUser;

use crate::absence::Absence;
use crate::credential::Credential;
use crate::mode_override::ModeOverride;
use crate::name::UserName;
use crate::pending::Pending;
use crate::random::NoRandomness;
use crate::toml_file::FileError;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fstat};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The store cannot be used, or not now. Nobody is let in meanwhile.
#[derive(Debug)]
pub enum StoreError {
    /// The caller may not open the store; totp-helper acts for such callers.
    NotPermitted,
    /// A system call failed.
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file is not what the store made.
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file holds something else than it should.
    Invalid(FileError),
    /// A later version of this project wrote a state file.
    LaterVersion {
        /// The file.
        path: PathBuf,
        /// The version of its slots, an ASCII character.
        version: char,
    },
    /// Another login of the same user holds the lock for too long.
    Busy,
    /// This process may not write files as large as a state.
    Limited,
    /// No random bytes.
    Random(NoRandomness),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted => f.write_str("the store may be opened by root only"),
            Self::Io { doing, path, error } => {
                write!(f, "{}: {doing} failed: {error}", path.display())
            }
            Self::Unsafe { path, why } => write!(f, "{}: refused: {why}", path.display()),
            Self::Invalid(error) => error.fmt(f),
            Self::LaterVersion { path, version } => write!(
                f,
                "{}: written by a later version of pam_totp (state version {version}); install that version again, or give up this second factor with `totp-enroll admin revoke`",
                path.display()
            ),
            Self::Busy => f.write_str("another login of this user is in the way; try again"),
            Self::Limited => {
                f.write_str("a limit on file sizes (ulimit -f) keeps logins from being recorded; lift it")
            }
            Self::Random(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<NoRandomness> for StoreError {
    fn from(error: NoRandomness) -> Self {
        Self::Random(error)
    }
}

/// The open store.
#[derive(Debug)]
pub struct Store {
    directory: OwnedFd,
    path: PathBuf,
    owner: u32,
}

impl Store {
    /// Opens the store at `path`.
    ///
    /// # Errors
    /// [`StoreError::NotPermitted`] where this process may not; [`StoreError::Unsafe`] where others than
    /// its owner could read or write it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |error: Errno| match error {
            Errno::EACCES | Errno::EPERM => StoreError::NotPermitted,
            error => {
                StoreError::Io { doing: "opening the store", path: path.to_owned(), error: error.into() }
            }
        };
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let directory = openat(AT_FDCWD, path, flags, Mode::empty()).map_err(failed)?;
        let about = fstat(&directory).map_err(failed)?;
        if about.st_mode & 0o077 != 0 {
            let why = "the store is open to others than its owner; chmod 0700 closes it";
            return Err(StoreError::Unsafe { path: path.to_owned(), why });
        }
        Ok(Self { directory, path: path.to_owned(), owner: about.st_uid })
    }

    /// The uid that owns the store and what root writes into it.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Whether there is anything in the place of a user's credential; it is not looked into.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn has_credential(&self, user: &UserName) -> Result<bool, StoreError> {
        self.exists(&user.file_name("toml"))
    }

    /// Whether there is anything in the place of a user's state.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn has_state(&self, user: &UserName) -> Result<bool, StoreError> {
        self.exists(&user.file_name("state"))
    }

    /// A user's credential, read without the lock; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the file is not a credential the store made.
    pub fn credential(&self, user: &UserName) -> Result<Option<Credential>, StoreError> {
        self.parsed(&user.file_name("toml"), Credential::parse)
    }

    /// An administrator's override for a user, in force or not; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::credential`].
    pub fn mode_override(&self, user: &UserName) -> Result<Option<ModeOverride>, StoreError> {
        self.parsed(&user.file_name("mode"), ModeOverride::parse)
    }

    /// A user's set-up under way, alive or not, read without the lock; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::credential`].
    pub fn pending(&self, user: &UserName) -> Result<Option<Pending>, StoreError> {
        self.parsed(&user.file_name("pending"), Pending::parse)
    }

    /// A note that the name service did not know a user; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::credential`].
    pub fn absence(&self, user: &UserName) -> Result<Option<Absence>, StoreError> {
        self.parsed(&user.file_name("absent"), Absence::parse)
    }

    fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str, &str) -> Result<T, FileError>,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.read(name)? else {
            return Ok(None);
        };
        // The whole path is put together for an error alone.
        let with_path = |error| {
            let file = self.path.join(name).to_string_lossy().into_owned();
            StoreError::Invalid(FileError { file, ..error })
        };
        parse(name, &text).map(Some).map_err(with_path)
    }
}

#[cfg(test)]
pub(crate) mod tests;
