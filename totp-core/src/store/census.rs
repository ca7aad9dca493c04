//! Whom the store holds something of, and looks at it without a lock, for reports.

use super::slots::Slots;
use super::{Store, StoreError, callers};
use crate::credential::CredentialId;
use crate::name::UserName;
use crate::state::State;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds after which a temporary file is nobody's any more: its writer needs milliseconds.
const LEFT_BEHIND_AFTER: i64 = 60 * 60;

/// Which files the store has of one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// A credential.
    pub credential: bool,
    /// A login state.
    pub state: bool,
    /// A set-up under way, or the rest of one.
    pub pending: bool,
    /// An administrator's override.
    pub mode: bool,
    /// A note that the name service did not know the user.
    pub absence: bool,
}

impl Store {
    /// Everybody of whom the store has a file; none is looked into.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the store cannot be listed.
    pub fn holdings(&self) -> Result<BTreeMap<UserName, Holding>, StoreError> {
        let mut holdings: BTreeMap<UserName, Holding> = BTreeMap::new();
        for name in self.file_names()? {
            let Some((stem, ending)) = name.rsplit_once('.') else { continue };
            let Some(user) = UserName::from_file_stem(stem) else { continue };
            let mut holding = holdings.get(&user).copied().unwrap_or_default();
            match ending {
                "toml" => holding.credential = true,
                "state" => holding.state = true,
                "pending" => holding.pending = true,
                "mode" => holding.mode = true,
                "absent" => holding.absence = true,
                _ => continue,
            }
            holdings.insert(user, holding);
        }
        Ok(holdings)
    }

    /// Everybody who has something in the place of a credential.
    ///
    /// # Errors
    /// As [`Self::holdings`].
    pub fn users(&self) -> Result<Vec<UserName>, StoreError> {
        let with_credential = self.holdings()?.into_iter().filter(|(_, holding)| holding.credential);
        Ok(with_credential.map(|(user, _)| user).collect())
    }

    /// A user's state as it belongs to `credential`, read without the lock: a login may change it at this
    /// moment, so it is for reports alone.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be read or was not made by the store.
    pub fn glance_at_state(&self, user: &UserName, credential: CredentialId) -> Result<State, StoreError> {
        let name = user.file_name("state");
        let Some(open) = self.open_file(&name, OFlag::O_RDONLY)? else {
            return Ok(State::afresh(credential));
        };
        let slots = Slots::read(&open.file).map_err(|error| self.io("reading", &name, error))?;
        let state = slots.state().map_err(|unknown| self.later_version(&name, unknown))?;
        Ok(state.cloned().unwrap_or_default().belonging_to(credential))
    }

    /// Temporary files that a process which was killed left behind.
    ///
    /// # Errors
    /// As [`Self::holdings`].
    pub fn leftovers(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.file_names()?;
        names.retain(|name| is_temporary(name) && self.is_left_behind(name, SFlag::S_IFREG));
        Ok(names)
    }

    /// As [`Self::leftovers`], directories whose names begin so.
    pub(super) fn leftover_directories(&self, beginning: &str) -> Result<Vec<String>, StoreError> {
        let mut names = self.file_names()?;
        names.retain(|name| name.starts_with(beginning) && self.is_left_behind(name, SFlag::S_IFDIR));
        Ok(names)
    }

    /// Whether it is of this kind and so old that nobody works on it any more.
    pub(super) fn is_left_behind(&self, name: &str, kind: SFlag) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|about| {
            SFlag::from_bits_truncate(about.st_mode) & SFlag::S_IFMT == kind
                && now.saturating_sub(about.st_mtime) > LEFT_BEHIND_AFTER
        })
    }

    /// Removes one of the [leftovers](Self::leftovers).
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove_leftover(&self, name: &str) -> Result<(), StoreError> {
        match unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(self.io("removing", name, error)),
        }
    }

    fn file_names(&self) -> Result<Vec<String>, StoreError> {
        self.names_in(".")
    }

    /// The names in a directory of the store, without `.` and `..`.
    pub(super) fn names_in(&self, directory: &str) -> Result<Vec<String>, StoreError> {
        let failed = |error: Errno| self.io("listing", directory, error);
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let mut directory = Dir::openat(&self.directory, directory, flags, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in directory.iter() {
            // A name that is no text was not made by the store.
            names.extend(entry.map_err(failed)?.file_name().to_str().ok().map(str::to_owned));
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }
}

/// `.NAME.toml.new`, or `.NAME.state.` or `..callers.` and sixteen hexadecimal digits: what the store writes before it
/// has its name.
fn is_temporary(name: &str) -> bool {
    let Some((rest, last)) = name.strip_prefix('.').and_then(|name| name.rsplit_once('.')) else {
        return false;
    };
    let Some((stem, ending)) = rest.rsplit_once('.') else { return false };
    let drawn = last.len() == 16 && last.bytes().all(|byte| byte.is_ascii_hexdigit());
    if rest == callers::FILE {
        return drawn;
    }
    let made = match ending {
        "state" => last == "new" || drawn,
        "toml" | "pending" | "mode" | "absent" => last == "new",
        _ => false,
    };
    made && UserName::from_file_stem(stem).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::tests::example;
    use crate::login::Record;
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = crate::store::tests::directory();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    #[test]
    fn what_is_held_is_told_by_user_and_nothing_else_counts() {
        let (directory, store) = store();
        assert!(store.holdings().unwrap().is_empty());
        let odd = UserName::new("EX\\b\u{f6}b").unwrap();
        let alice = UserName::new("alice").unwrap();
        store.lock(&odd).unwrap().write_credential(&example()).unwrap();
        drop(store.lock(&alice).unwrap());
        for name in [
            "alice.mode",
            ".dave.toml.new",
            "erin.pending",
            "erin.absent",
            "%zz.toml",
            ".toml",
            "lost+found",
            "x.y",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let erin = UserName::new("erin").unwrap();
        let expected = BTreeMap::from([
            (odd.clone(), Holding { credential: true, state: true, ..Holding::default() }),
            (alice, Holding { state: true, mode: true, ..Holding::default() }),
            (erin, Holding { pending: true, absence: true, ..Holding::default() }),
        ]);
        assert_eq!(store.holdings().unwrap(), expected);
        assert_eq!(store.users().unwrap(), [odd]);
    }

    #[test]
    fn a_glance_sees_the_state_and_makes_none() {
        let (directory, store) = store();
        let alice = UserName::new("alice").unwrap();
        let id = CredentialId([5; 16]);
        assert_eq!(store.glance_at_state(&alice, id).unwrap(), State::afresh(id));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let state = State { graces_used: 3, ..State::afresh(id) };
        let mut user = store.lock(&alice).unwrap();
        user.record(&state, Record::Durable).unwrap();
        assert_eq!(store.glance_at_state(&alice, id).unwrap(), state, "also while it is locked");
        assert_eq!(store.glance_at_state(&alice, CredentialId::ZERO).unwrap().graces_used, 0);
    }

    #[test]
    fn only_old_temporary_files_of_the_store_are_left_behind() {
        let (directory, store) = store();
        let made = |name: &str, age: u64| {
            let file = File::create(directory.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        for name in [
            ".alice.toml.new",
            ".alice.state.0123456789abcdef",
            "..callers.0123456789abcdef",
            "..callers.new",
            ".callers",
            "alice.toml",
            ".profile",
            ".a.b.new",
        ] {
            made(name, 7200);
        }
        made(".bob.toml.new", 60);
        let mut found = store.leftovers().unwrap();
        found.sort();
        assert_eq!(found, ["..callers.0123456789abcdef", ".alice.state.0123456789abcdef", ".alice.toml.new"]);
        store.remove_leftover(".alice.toml.new").unwrap();
        store.remove_leftover(".alice.toml.new").unwrap();
        assert_eq!(store.leftovers().unwrap().len(), 2);
    }
}
