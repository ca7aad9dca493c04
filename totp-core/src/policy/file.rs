//! The policy's file: who could have written it, and its text.
//!
//! Whoever can write the policy, or put another file in its place, decides who is asked for a code. So the file
//! and every directory and link on the way to it must belong to root, or to the user that this process runs as,
//! and nobody else may be able to write them.

use crate::toml_file::FileError;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, SFlag, fstat, lstat};
use nix::unistd::geteuid;
use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

/// Longest policy file read, in bytes.
const LONGEST_FILE: u64 = 256 * 1024;
/// Most symbolic links followed on the way to it, as many as the kernel follows (path_resolution(7)).
const MOST_LINKS: u32 = 40;

/// The policy cannot be used; nobody is let in by it.
#[derive(Debug)]
pub enum PolicyError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// Somebody else than root, or than this process's own user, could change it: the policy, and by what.
    Exposed(PathBuf, Exposure),
    /// Its text does not check.
    Invalid(FileError),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "{}: the policy cannot be read: {error}", path.display())
            }
            Self::Exposed(path, exposure) => {
                write!(f, "{}: the policy is not used: permissions too open: {exposure}", path.display())
            }
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PolicyError {}

/// A file, directory or symbolic link by which others could change the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The file, directory or link.
    pub path: PathBuf,
    /// Its owner's uid.
    pub owner: u32,
    /// Its group's gid.
    pub group: u32,
    /// Its permissions, in the low twelve bits.
    pub mode: u32,
    /// What it is.
    pub kind: Kind,
    /// Why that is too open.
    pub weakness: Weakness,
}

/// What stands on the way to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file itself, or what stands in its place.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
}

impl Kind {
    fn of(about: &FileStat) -> Self {
        match file_type(about) {
            SFlag::S_IFLNK => Self::Link,
            SFlag::S_IFDIR => Self::Directory,
            _ => Self::File,
        }
    }
}

/// Why others could change a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It belongs to somebody else.
    Owner,
    /// Others, or a group that is not root's, can write it.
    Writable,
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, owner, group, mode, kind, weakness } = self;
        let path = path.display();
        match weakness {
            Weakness::Owner => {
                let (option, or_else) = match kind {
                    Kind::File => ("", ""),
                    // Of a home that would be the wrong way out.
                    Kind::Directory => ("", ", or keep the policy below directories of root's"),
                    Kind::Link => ("-h ", ""),
                };
                write!(
                    f,
                    "{path} belongs to uid {owner} (mode {mode:04o}); see that the policy says what it should, then run `chown {option}root {path}`{or_else}"
                )
            }
            Weakness::Writable => write!(
                f,
                "others than root can write {path} (mode {mode:04o}, uid {owner}, gid {group}); see that the policy says what it should, then run `chmod go-w {path}`"
            ),
        }
    }
}

impl Exposure {
    /// What is too open about a file at `path`, for a process of `user`; group 0 counts as root. As a rule all is
    /// root's, and nobody asks who the user is.
    fn of(path: &Path, about: &FileStat, user: impl FnOnce() -> u32) -> Option<Self> {
        let (owner, group, mode) = (about.st_uid, about.st_gid, about.st_mode & 0o7777);
        let writable = mode & 0o002 != 0 || (mode & 0o020 != 0 && group != 0);
        // There everybody may make files, and only their owners can remove or rename them. The owner of what
        // the policy's path names in it is looked at like any other.
        let kind = Kind::of(about);
        let sticky = kind == Kind::Directory && owner == 0 && mode & 0o1000 != 0;
        let weakness = if owner != 0 && owner != user() {
            Weakness::Owner
        } else if kind == Kind::Link || !writable || sticky {
            // The mode of a link says nothing.
            return None;
        } else {
            Weakness::Writable
        };
        Some(Self { path: path.to_owned(), owner, group, mode, kind, weakness })
    }
}

fn file_type(about: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT
}

/// Why a file was not opened.
enum Refusal {
    Failed(io::Error),
    Exposed(Exposure),
}

impl<E: Into<io::Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads the text of the policy at `path`, where nobody else could have written it.
pub(super) fn read(path: &Path) -> Result<String, PolicyError> {
    let text = open_closed(path).and_then(|(file, about)| Ok(text_of(file, &about)?));
    text.map_err(|refusal| match refusal {
        Refusal::Failed(error) => PolicyError::Unreadable(path.to_owned(), error),
        Refusal::Exposed(exposure) => PolicyError::Exposed(path.to_owned(), exposure),
    })
}

/// Reads the text at `path`, whoever wrote it.
pub(super) fn read_draft(path: &Path) -> Result<String, PolicyError> {
    let text = options(OFlag::empty()).open(path).and_then(|file| {
        let about = fstat(&file)?;
        text_of(file, &about)
    });
    text.map_err(|error| PolicyError::Unreadable(path.to_owned(), error))
}

/// A FIFO must not keep a login waiting, nor a terminal become its own.
fn options(more: OFlag) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY | more).bits());
    options
}

/// Opens the file that `path` leads to, where nobody else could have changed it or the way.
fn open_closed(path: &Path) -> Result<(File, FileStat), Refusal> {
    let absolute = if path.is_absolute() { Cow::from(path) } else { Cow::from(std::path::absolute(path)?) };
    let mut walk = Walk::from_the_root(absolute.as_os_str().len())?;
    let mut found = walk.follow(&absolute)?;
    for _ in 0..=MOST_LINKS {
        match found {
            Found::File(file, about) => return Ok((file, about)),
            Found::Link(target) => found = walk.follow(&target)?,
        }
    }
    Err(Errno::ELOOP.into())
}

/// The way to a file, step by step as the kernel goes it. Each step is looked at before the next is taken: from
/// the root on, nobody else can change what has been looked at, so that the next step still finds that.
struct Walk {
    /// So far; there are no links in it, for they have been followed.
    here: PathBuf,
}

enum Found {
    /// The file, and what it was when it had been opened.
    File(File, FileStat),
    /// Where a link leads, with what stood behind it.
    Link(PathBuf),
}

impl Walk {
    fn from_the_root(length: usize) -> Result<Self, Refusal> {
        // In one piece for all but links.
        let mut here = PathBuf::with_capacity(length.saturating_add(1));
        here.push("/");
        let walk = Self { here };
        walk.look()?;
        Ok(walk)
    }

    /// Goes on by `path` until a file is open or a link is met.
    fn follow(&mut self, path: &Path) -> Result<Found, Refusal> {
        let mut steps = path.components();
        while let Some(step) = steps.next() {
            match step {
                // It has been looked at.
                Component::RootDir => {
                    self.here.push("/");
                    continue;
                }
                Component::ParentDir => drop(self.here.pop()),
                Component::CurDir | Component::Prefix(_) => continue,
                Component::Normal(name) => self.here.push(name),
            }
            let rest = steps.as_path();
            if rest.as_os_str().is_empty()
                && let Some((file, about)) = self.open()?
            {
                return Ok(Found::File(file, about));
            }
            if Kind::of(&self.look()?) == Kind::Link {
                let target = self.here.read_link()?.join(rest);
                self.here.pop();
                return Ok(Found::Link(target));
            }
        }
        Err(io::Error::other("not a regular file").into())
    }

    /// Looks at what is here, itself and not what it may link to.
    fn look(&self) -> Result<FileStat, Refusal> {
        let about = lstat(&self.here)?;
        self.closed(&about)?;
        Ok(about)
    }

    /// Opens what is here, and looks at what was opened; `None` for a link.
    fn open(&self) -> Result<Option<(File, FileStat)>, Refusal> {
        match options(OFlag::O_NOFOLLOW).open(&self.here) {
            Ok(file) => {
                let about = fstat(&file)?;
                self.closed(&about)?;
                Ok(Some((file, about)))
            }
            Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn closed(&self, about: &FileStat) -> Result<(), Refusal> {
        let user = || geteuid().as_raw();
        Exposure::of(&self.here, about, user).map_or(Ok(()), |exposure| Err(Refusal::Exposed(exposure)))
    }
}

fn text_of(file: File, about: &FileStat) -> io::Result<String> {
    if file_type(about) != SFlag::S_IFREG {
        return Err(io::Error::other("not a regular file"));
    }
    let size = u64::try_from(about.st_size).unwrap_or(u64::MAX);
    if size > LONGEST_FILE {
        return Err(io::Error::other("it is larger than 256 KiB"));
    }
    let length = usize::try_from(size).unwrap_or(0);
    // A byte more than there is, so that the second read finds the end. The end is looked for: a file that has
    // grown, or whose file system tells no size, must not pass for a shorter policy.
    let mut text = String::with_capacity(length.saturating_add(1));
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
