//! Opening, checking and replacing single files of the store.

use super::{Store, StoreError};
use crate::state::slot::UnknownVersion;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat};
use nix::unistd::{Uid, UnlinkatFlags, fchown, fsync, geteuid, unlinkat};
use std::fs::File;
use std::io::{Read as _, Write as _};
use zeroize::Zeroizing;

/// Longest text file read, in bytes: eight devices need less than four thousand.
const LONGEST_TEXT: usize = 64 * 1024;
/// How often a file is opened that was replaced or removed before it could be looked at. Nobody replaces one
/// that fast for long; a file system that never counts links is refused after that.
const MOST_OPENINGS: u32 = 20;

/// A file of the store that is open, as it was when it was looked at.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) about: FileStat,
}

/// What stands in the mode of every state file, and gives nobody anything: no group runs it. A module of before version
/// 3 that is still at its prompt refuses a file that its group may use in any way. It would find no slot that it knows,
/// begin anew in the first one, and write over what has been spent since.
pub(super) const FENCE: Mode = Mode::S_IXGRP;

/// The bits of others than the owner that a file of this name has.
fn allowed(name: &str) -> Mode {
    // The state itself; one that is to become it, `.NAME.state.new`; one that has no name yet, with a number behind.
    let is_state = name.ends_with(".state") || (name.starts_with('.') && name.contains(".state."));
    if is_state { FENCE } else { Mode::empty() }
}

impl Store {
    pub(super) fn io(&self, doing: &'static str, name: &str, error: impl Into<std::io::Error>) -> StoreError {
        StoreError::Io { doing, path: self.path.join(name), error: error.into() }
    }

    pub(super) fn later_version(&self, name: &str, UnknownVersion(version): UnknownVersion) -> StoreError {
        StoreError::LaterVersion { path: self.path.join(name), version: char::from(version) }
    }

    /// Opens a file of the store; `None` where there is none.
    ///
    /// It is refused unless it is a regular file with one link, of the store's owner or root, and closed
    /// to others: anything else was not made by the store.
    pub(super) fn open_file(&self, name: &str, access: OFlag) -> Result<Option<OpenFile>, StoreError> {
        let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        for _ in 0..MOST_OPENINGS {
            let file = match openat(&self.directory, name, flags, Mode::empty()) {
                Ok(descriptor) => File::from(descriptor),
                Err(Errno::ENOENT) => return Ok(None),
                Err(Errno::ELOOP) => return Err(self.not_ours(name, "it is a symbolic link")),
                Err(error) => return Err(self.io("opening", name, error)),
            };
            let open = self.look_at(name, file)?;
            // Without a link it is a file that had this name a moment ago.
            if open.about.st_nlink > 0 {
                self.check(name, &open.about)?;
                return Ok(Some(open));
            }
        }
        Err(self.not_ours(name, "it is replaced again and again, or has no link"))
    }

    /// Looks at a file that was opened, or made, as `name`.
    pub(super) fn look_at(&self, name: &str, file: File) -> Result<OpenFile, StoreError> {
        let about = fstat(&file).map_err(|error| self.io("looking at", name, error))?;
        Ok(OpenFile { file, about })
    }

    pub(super) fn not_ours(&self, name: &str, why: &'static str) -> StoreError {
        StoreError::Unsafe { path: self.path.join(name), why }
    }

    fn check(&self, name: &str, about: &FileStat) -> Result<(), StoreError> {
        let kind = SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT;
        let wrong = if kind != SFlag::S_IFREG {
            "not a regular file"
        } else if about.st_nlink != 1 {
            "it has more than one link"
        } else if about.st_uid != self.owner && about.st_uid != 0 {
            "it belongs neither to the store's owner nor to root"
        } else if about.st_mode & 0o077 & !allowed(name).bits() != 0 {
            "it is open to others than its owner"
        } else {
            return Ok(());
        };
        Err(self.not_ours(name, wrong))
    }

    /// Reads a text file whole; `None` where there is none. The text is wiped when dropped.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        let Some(OpenFile { mut file, about }) = self.open_file(name, OFlag::O_RDONLY)? else {
            return Ok(None);
        };
        let size = usize::try_from(about.st_size).unwrap_or(usize::MAX);
        if size > LONGEST_TEXT {
            return Err(self.not_ours(name, "it is larger than any such file can be"));
        }
        // Taken in one piece: a buffer that grows leaves pieces of the secret behind.
        let mut bytes = Zeroizing::new(vec![0; size]);
        file.read_exact(&mut bytes).map_err(|error| self.io("reading", name, error))?;
        let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            self.not_ours(name, "it is no text")
        })?;
        Ok(Some(Zeroizing::new(text)))
    }

    /// Makes a temporary file, in the place of what a process that was killed left behind.
    pub(super) fn make_anew(&self, name: &str, contents: &[u8]) -> Result<(), StoreError> {
        self.remove_quietly(name)?;
        self.write_new(name, contents).map(drop)
    }

    /// Gives a temporary file its name, durably.
    pub(super) fn rename(&self, new: &str, name: &str) -> Result<(), StoreError> {
        if let Err(error) = renameat(&self.directory, new, &self.directory, name) {
            let _ = unlinkat(&self.directory, new, UnlinkatFlags::NoRemoveDir);
            return Err(self.io("replacing", name, error));
        }
        self.sync_directory()
    }

    /// Makes `name` with `contents`, on the disk when this returns; whoever made it first is left alone.
    pub(super) fn create(&self, name: &str, contents: &[u8]) -> Result<(), StoreError> {
        let (new, _) = self.write_aside(name, contents)?;
        // What is recorded in it later must not go with its name.
        if self.name_if_free(&new, name)? { self.sync_directory() } else { Ok(()) }
    }

    /// Writes a temporary file under a name that nobody else will come upon, and says which.
    pub(super) fn write_aside(&self, name: &str, contents: &[u8]) -> Result<(String, File), StoreError> {
        let drawn = u64::from_ne_bytes(*crate::random::bytes::<8>()?);
        let new = format!(".{name}.{drawn:016x}");
        let file = self.write_new(&new, contents)?;
        Ok((new, file))
    }

    /// Gives a temporary file its name unless there is such a file; then it is removed, and this is false.
    pub(super) fn name_if_free(&self, new: &str, name: &str) -> Result<bool, StoreError> {
        let Err(error) =
            renameat2(&self.directory, new, &self.directory, name, RenameFlags::RENAME_NOREPLACE)
        else {
            return Ok(true);
        };
        let _ = unlinkat(&self.directory, new, UnlinkatFlags::NoRemoveDir);
        if error == Errno::EEXIST { Ok(false) } else { Err(self.io("making", name, error)) }
    }

    /// Writes a new file, gives it to the store's owner and brings it to the disk.
    fn write_new(&self, name: &str, contents: &[u8]) -> Result<File, StoreError> {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR | allowed(name);
        let mut file = openat(&self.directory, name, flags, mode)
            .map(File::from)
            .map_err(|error| self.io("making", name, error))?;
        let owner = Uid::from_raw(self.owner);
        let owned = if geteuid() == owner { Ok(()) } else { fchown(&file, Some(owner), None) };
        let written = owned
            // A host program's umask may have taken bits away.
            .and_then(|()| fchmod(&file, mode))
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(contents))
            .and_then(|()| file.sync_all());
        match written {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir);
                Err(self.io("writing", name, error))
            }
        }
    }

    /// Removes a file and brings that to the disk; one that is not there is fine.
    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.remove_quietly(name)?;
        self.sync_directory()
    }

    pub(super) fn remove_quietly(&self, name: &str) -> Result<(), StoreError> {
        match unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(self.io("removing", name, error)),
        }
    }

    pub(super) fn sync_directory(&self) -> Result<(), StoreError> {
        fsync(&self.directory).map_err(|error| self.io("writing", ".", error))
    }

    /// Whether there is anything of this name.
    pub(super) fn exists(&self, name: &str) -> Result<bool, StoreError> {
        match fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(self.io("looking at", name, error)),
        }
    }

    /// Whether `open` is still what `name` leads to.
    pub(super) fn is_current(&self, name: &str, open: &OpenFile) -> Result<bool, StoreError> {
        Ok(self.current(name, open)?.is_some())
    }

    /// What `name` leads to, where that is still `open`. An open file keeps its number, so it is not looked at again.
    pub(super) fn current(&self, name: &str, open: &OpenFile) -> Result<Option<FileStat>, StoreError> {
        match fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(there) => {
                let same = (open.about.st_dev, open.about.st_ino) == (there.st_dev, there.st_ino);
                Ok(same.then_some(there))
            }
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(self.io("looking at", name, error)),
        }
    }
}
