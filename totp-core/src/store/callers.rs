//! How many calls one user may have under way in totp-helper at once.
//!
//! A helper is the store's owner and so counts against no limit of its caller's. A place is a lock on one byte of an
//! empty file, at an offset that belongs to the caller's uid: it takes no room on the disk, and the kernel frees it
//! when the process that holds it ends, in whichever way.

use super::{Store, StoreError};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use std::fs::File;

/// Calls of one user at once: a screen locker makes one, and some start a process for each monitor.
pub const CALLS_AT_ONCE: u32 = 32;

/// The file whose bytes are locked.
pub(super) const FILE: &str = ".callers";

/// A place among the calls of one user. It is free again when this is dropped, or the process has ended.
#[derive(Debug)]
pub struct CallerPlace {
    _file: File,
}

impl Store {
    /// Takes one of the [`CALLS_AT_ONCE`] places of a user; `None` where none is free. It does not wait.
    ///
    /// # Errors
    /// [`StoreError`] where the file that is locked is missing and cannot be made, or cannot be opened or locked.
    pub fn take_caller_place(&self, uid: u32) -> Result<Option<CallerPlace>, StoreError> {
        let file = match self.open_file(FILE, OFlag::O_RDWR)? {
            Some(open) => open.file,
            None => {
                self.make_caller_places()?;
                let made = self.open_file(FILE, OFlag::O_RDWR)?;
                made.ok_or_else(|| self.io("opening", FILE, Errno::ENOENT))?.file
            }
        };
        let first = u64::from(uid).saturating_mul(u64::from(CALLS_AT_ONCE));
        // From one that differs between processes, so that few tries are needed.
        let start = std::process::id();
        for turn in 0..CALLS_AT_ONCE {
            let place = u64::from(start.wrapping_add(turn) % CALLS_AT_ONCE);
            match lock_byte(&file, first.saturating_add(place)) {
                Ok(()) => return Ok(Some(CallerPlace { _file: file })),
                Err(Errno::EAGAIN | Errno::EACCES) => {}
                Err(error) => return Err(self.io("locking", FILE, error)),
            }
        }
        Ok(None)
    }

    /// Makes the file whose bytes are locked, where it is missing: a disk that is full later must not keep screen
    /// lockers out.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn make_caller_places(&self) -> Result<(), StoreError> {
        if self.exists(FILE)? { Ok(()) } else { self.create(FILE, &[]) }
    }
}

/// Of the open file, not of the process, so that two in one process exclude each other as well.
fn lock_byte(file: &File, offset: u64) -> nix::Result<()> {
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: libc::off_t::try_from(offset).map_err(|_| Errno::EOVERFLOW)?,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = crate::store::tests::directory();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    #[test]
    fn a_user_has_so_many_places_and_no_more_whatever_others_take() {
        let (_directory, store) = store();
        let take = |uid| store.take_caller_place(uid).unwrap();
        for uid in [0, 1, 1000, 1001, u32::MAX - 1, u32::MAX] {
            let mut taken: Vec<_> = (0..CALLS_AT_ONCE).map(|_| take(uid).unwrap()).collect();
            assert!(take(uid).is_none(), "{uid}");
            taken.pop();
            let again = take(uid);
            assert!(again.is_some() && take(uid).is_none(), "{uid}");
            // The neighbours stay taken while the next uid takes all of its own.
            std::mem::forget((taken, again));
        }
    }

    #[test]
    fn the_file_of_places_is_empty_and_closed_and_nobodys() {
        let (directory, store) = store();
        let path = directory.path().join(FILE);
        let place = store.take_caller_place(u32::MAX).unwrap();
        assert!(place.is_some());
        let about = fs::metadata(&path).unwrap();
        assert_eq!((about.len(), about.permissions().mode() & 0o7777), (0, 0o600));
        assert!(store.holdings().unwrap().is_empty());
        assert!(store.leftovers().unwrap().is_empty());
    }

    #[test]
    fn whoever_makes_it_first_is_left_alone() {
        let (_directory, store) = store();
        store.make_caller_places().unwrap();
        let taken: Vec<_> =
            (0..CALLS_AT_ONCE).map(|_| store.take_caller_place(7).unwrap().unwrap()).collect();
        store.make_caller_places().unwrap();
        assert!(store.take_caller_place(7).unwrap().is_none());
        drop(taken);
    }

    #[test]
    fn what_is_not_a_file_of_the_store_gives_no_place() {
        let (directory, store) = store();
        let path = directory.path().join(FILE);
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(store.take_caller_place(1).is_err());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(store.take_caller_place(1).is_err());
    }
}
