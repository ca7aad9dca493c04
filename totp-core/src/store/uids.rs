//! Which names have a credential of a uid: symbolic links in a directory of their own, `.uids/1000 -> alice`.
//!
//! It is asked where a user has no credential, for one of the same uid under a former name. It only leads to a
//! credential: what counts is the uid in that file, so an entry that is out of date does nothing. A link is read by one
//! system call, and its target cannot be lost apart from its name, so that none of them is synced by itself. Names that
//! share a uid stand in one target, `root/toor`: a slash is in no file stem.
//!
//! The directory is there as a whole or not at all: a store made by an older version gets it at the first set-up, the
//! first login of a user without a credential or the first look of an administrator at all users.

use super::{Store, StoreError};
use crate::name::UserName;
use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, readlinkat, renameat, renameat2};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, mkdirat};
use nix::unistd::{Uid, UnlinkatFlags, fchown, fsync, geteuid, symlinkat, unlinkat};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// The directory of the links.
const DIRECTORY: &str = ".uids";
/// Longest target in bytes, less than any file system allows.
const LONGEST_TARGET: usize = 4000;

/// The open directory.
struct Links<'s> {
    store: &'s Store,
    directory: OwnedFd,
}

impl Store {
    /// Everybody whose credential is of this uid.
    ///
    /// # Errors
    /// [`StoreError::Unsafe`] where the index is not what the store made; a credential that cannot be read.
    pub fn users_of_uid(&self, uid: u32) -> Result<Vec<UserName>, StoreError> {
        let names = match self.links()? {
            Some(links) => links.names(uid)?,
            None => {
                let mut all = self.credentials_by_uid()?;
                if !all.is_empty() {
                    // Where that fails, as in a store that is read-only, the next one looks through all of them again.
                    let _ = self.make_links(&all);
                }
                all.remove(&uid).unwrap_or_default()
            }
        };
        let mut found = Vec::new();
        for name in names {
            if self.credential(&name)?.is_some_and(|credential| credential.uid == uid) {
                found.push(name);
            }
        }
        Ok(found)
    }

    /// Brings the index in line with the credentials there are. For an administrator's look at all users: it reads all
    /// of them. One that cannot be read is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_uids(&self) -> Result<(), StoreError> {
        let all = self.credentials_by_uid()?;
        self.remove_dead_links();
        let Some(links) = self.links()? else {
            return if all.is_empty() { Ok(()) } else { self.make_links(&all) };
        };
        for (uid, names) in &all {
            if links.names(*uid).ok().as_ref() != Some(names) {
                links.put(*uid, names)?;
            }
        }
        for name in self.names_in(DIRECTORY)? {
            let stale = name.parse().is_ok_and(|uid: u32| !all.contains_key(&uid));
            let cut_off =
                name.starts_with('.') && self.is_left_behind(&format!("{DIRECTORY}/{name}"), SFlag::S_IFLNK);
            if stale || cut_off {
                links.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Notes that `user` is about to have a credential of this uid.
    pub(super) fn index_uid(&self, uid: u32, user: &UserName) -> Result<(), StoreError> {
        let links = match self.links()? {
            Some(links) => links,
            None => {
                self.make_links(&self.credentials_by_uid()?)?;
                self.links()?.ok_or(StoreError::Busy)?
            }
        };
        // One that is broken is made anew.
        let mut names = links.names(uid).unwrap_or_default();
        if names.contains(user) {
            return Ok(());
        }
        names.retain(|name| self.has_credential(name).unwrap_or(true));
        names.push(user.clone());
        links.put(uid, &names)
    }

    /// Notes that `user` has no credential of this uid any more. An entry that stays is out of date and does nothing.
    pub(super) fn forget_uid(&self, uid: u32, user: &UserName) {
        let Ok(Some(links)) = self.links() else { return };
        let Ok(mut names) = links.names(uid) else { return };
        names.retain(|name| name != user);
        let _ = if names.is_empty() { links.remove(&uid.to_string()) } else { links.put(uid, &names) };
    }

    fn credentials_by_uid(&self) -> Result<BTreeMap<u32, Vec<UserName>>, StoreError> {
        let mut all: BTreeMap<u32, Vec<UserName>> = BTreeMap::new();
        for user in self.users()? {
            // A broken one is told by whoever uses it.
            if let Ok(Some(credential)) = self.credential(&user) {
                all.entry(credential.uid).or_default().push(user);
            }
        }
        Ok(all)
    }

    fn links(&self) -> Result<Option<Links<'_>>, StoreError> {
        self.open_links(DIRECTORY)
    }

    fn open_links(&self, name: &str) -> Result<Option<Links<'_>>, StoreError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let directory = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ELOOP | Errno::ENOTDIR) => return Err(self.not_ours(name, "it is not a directory")),
            Err(error) => return Err(self.io("opening", name, error)),
        };
        let about = fstat(&directory).map_err(|error| self.io("looking at", name, error))?;
        if about.st_uid != self.owner && about.st_uid != 0 {
            return Err(self.not_ours(name, "it belongs neither to the store's owner nor to root"));
        }
        // Who cannot pass the store's own directory reads nothing in it, whatever the mode says.
        if about.st_mode & 0o022 != 0 {
            return Err(self.not_ours(name, "its permissions are too open; chmod 0700 closes it"));
        }
        Ok(Some(Links { store: self, directory }))
    }

    /// Makes the directory with all of its links, and then gives it its name; one that was made meanwhile stays.
    fn make_links(&self, all: &BTreeMap<u32, Vec<UserName>>) -> Result<(), StoreError> {
        let drawn = u64::from_ne_bytes(*crate::random::bytes::<8>()?);
        let new = format!("{DIRECTORY}.{drawn:016x}");
        mkdirat(&self.directory, new.as_str(), Mode::S_IRWXU)
            .map_err(|error| self.io("making", &new, error))?;
        let made = self.fill_links(&new, all).and_then(|()| {
            let flags = RenameFlags::RENAME_NOREPLACE;
            renameat2(&self.directory, new.as_str(), &self.directory, DIRECTORY, flags)
                .map_err(|error| self.io("making", DIRECTORY, error))
        });
        if made.is_err() {
            self.remove_links(&new);
            // Another process was faster.
            if self.exists(DIRECTORY)? {
                return Ok(());
            }
        }
        made.and_then(|()| self.sync_directory())
    }

    fn fill_links(&self, new: &str, all: &BTreeMap<u32, Vec<UserName>>) -> Result<(), StoreError> {
        let links = self.open_links(new)?.ok_or(StoreError::Busy)?;
        let failed = |error: Errno| self.io("making", new, error);
        if geteuid().as_raw() != self.owner {
            fchown(&links.directory, Some(Uid::from_raw(self.owner)), None).map_err(failed)?;
        }
        // The umask of a login program may have taken bits away.
        fchmod(&links.directory, Mode::S_IRWXU).map_err(failed)?;
        for (uid, names) in all {
            symlinkat(target(names).as_str(), &links.directory, uid.to_string().as_str()).map_err(failed)?;
        }
        fsync(&links.directory).map_err(failed)
    }

    /// Removes what a process that was killed was making.
    fn remove_dead_links(&self) {
        for name in self.leftover_directories(&format!("{DIRECTORY}.")).unwrap_or_default() {
            self.remove_links(&name);
        }
    }

    fn remove_links(&self, name: &str) {
        if let Ok(Some(links)) = self.open_links(name) {
            for link in self.names_in(name).unwrap_or_default() {
                let _ = links.remove(&link);
            }
        }
        let _ = unlinkat(&self.directory, name, UnlinkatFlags::RemoveDir);
    }
}

impl Links<'_> {
    fn names(&self, uid: u32) -> Result<Vec<UserName>, StoreError> {
        let name = format!("{DIRECTORY}/{uid}");
        let target = match readlinkat(&self.directory, uid.to_string().as_str()) {
            Ok(target) => target,
            Err(Errno::ENOENT) => return Ok(Vec::new()),
            Err(Errno::EINVAL) => return Err(self.store.not_ours(&name, "it is not a symbolic link")),
            Err(error) => return Err(self.store.io("reading", &name, error)),
        };
        let names: Option<Vec<UserName>> =
            target.to_str().and_then(|target| target.split('/').map(UserName::from_file_stem).collect());
        names.ok_or_else(|| {
            self.store
                .not_ours(&name, "it does not lead to user names; `totp-enroll admin users` makes it anew")
        })
    }

    /// Puts a link in the place of any other.
    fn put(&self, uid: u32, names: &[UserName]) -> Result<(), StoreError> {
        let failed = |error: Errno| self.store.io("making", &format!("{DIRECTORY}/{uid}"), error);
        let drawn = u64::from_ne_bytes(*crate::random::bytes::<8>()?);
        let new = format!(".{uid}.{drawn:016x}");
        symlinkat(target(names).as_str(), &self.directory, new.as_str()).map_err(failed)?;
        if let Err(error) = renameat(&self.directory, new.as_str(), &self.directory, uid.to_string().as_str())
        {
            let _ = self.remove(&new);
            return Err(failed(error));
        }
        fsync(&self.directory).map_err(failed)
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        match unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(self.store.io("removing", &format!("{DIRECTORY}/{name}"), error)),
        }
    }
}

/// As many of the names as a link has room for.
fn target(names: &[UserName]) -> String {
    let mut target = String::new();
    for name in names {
        let stem = name.file_stem();
        if target.len().saturating_add(stem.len()) < LONGEST_TARGET {
            if !target.is_empty() {
                target.push('/');
            }
            target.push_str(&stem);
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Credential;
    use crate::credential::tests::example;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    struct Place {
        directory: tempfile::TempDir,
        store: Store,
    }

    fn place() -> Place {
        let directory = crate::store::tests::directory();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let store = Store::open(directory.path()).unwrap();
        Place { directory, store }
    }

    fn name(name: &str) -> UserName {
        UserName::new(name).unwrap()
    }

    impl Place {
        fn sets_up(&self, user: &str, uid: u32) {
            let credential = Credential { uid, ..example() };
            self.store.lock(&name(user)).unwrap().write_credential(&credential).unwrap();
        }

        fn link(&self, uid: u32) -> PathBuf {
            self.directory.path().join(format!(".uids/{uid}"))
        }

        fn users_of(&self, uid: u32) -> Vec<String> {
            self.store.users_of_uid(uid).unwrap().iter().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn a_credential_is_found_by_its_uid_until_it_is_removed() {
        let place = place();
        assert!(place.users_of(1000).is_empty());
        assert_eq!(
            fs::read_dir(place.directory.path()).unwrap().count(),
            0,
            "nothing is made for a question"
        );
        place.sets_up("EX\\alice", 1000);
        place.sets_up("bob", 1001);
        assert_eq!(place.users_of(1000), ["EX\\alice"]);
        assert_eq!(fs::read_link(place.link(1000)).unwrap().to_str(), Some("EX%5Calice"));
        let mode = fs::metadata(place.directory.path().join(".uids")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        let mut user = place.store.lock(&name("EX\\alice")).unwrap();
        user.remove_credential(&crate::state::State::default()).unwrap();
        assert!(place.users_of(1000).is_empty() && !place.link(1000).is_symlink());
        place.store.lock(&name("bob")).unwrap().remove_everything().unwrap();
        assert!(!place.link(1001).is_symlink());
    }

    #[test]
    fn names_that_share_a_uid_are_all_found() {
        let place = place();
        for user in ["root", "toor", "admin"] {
            place.sets_up(user, 0);
        }
        assert_eq!(place.users_of(0), ["root", "toor", "admin"]);
        place.store.lock(&name("toor")).unwrap().remove_everything().unwrap();
        assert_eq!(place.users_of(0), ["root", "admin"]);
    }

    #[test]
    fn an_entry_that_is_out_of_date_leads_nowhere() {
        let place = place();
        place.sets_up("alice", 1000);
        place.sets_up("bob", 1001);
        fs::remove_file(place.directory.path().join("alice.toml")).unwrap();
        assert!(place.users_of(1000).is_empty(), "the credential is gone");
        fs::remove_file(place.link(1001)).unwrap();
        symlink("bob", place.link(2000)).unwrap();
        assert!(place.users_of(2000).is_empty(), "it is of another uid");
        place.store.index_uids().unwrap();
        assert_eq!(place.users_of(1001), ["bob"]);
        assert!(!place.link(1000).is_symlink() && !place.link(2000).is_symlink());
    }

    #[test]
    fn a_store_of_an_older_version_gets_its_index_at_the_first_question() {
        let place = place();
        for (user, uid) in [("alice", 1000), ("bob", 1001), ("carol", 1002)] {
            place.sets_up(user, uid);
        }
        let path = place.directory.path();
        fs::remove_dir_all(path.join(".uids")).unwrap();
        fs::write(path.join("broken.toml"), "x").unwrap();
        assert_eq!(place.users_of(1001), ["bob"]);
        assert_eq!(fs::read_link(place.link(1002)).unwrap().to_str(), Some("carol"));
        fs::remove_dir_all(path.join(".uids")).unwrap();
        place.sets_up("dave", 1003);
        assert_eq!(place.users_of(1000), ["alice"], "also by a set-up");
        assert_eq!(place.users_of(1003), ["dave"]);
        fs::remove_dir_all(path.join(".uids")).unwrap();
        place.store.index_uids().unwrap();
        assert!(place.link(1000).is_symlink(), "also by an administrator's look");
    }

    #[test]
    fn what_the_store_did_not_make_is_refused_and_made_anew() {
        let place = place();
        place.sets_up("alice", 1000);
        let refused = || place.store.users_of_uid(1000).unwrap_err().to_string();
        for target in ["../alice", "alice/", "%zz", ".alice"] {
            fs::remove_file(place.link(1000)).unwrap();
            symlink(target, place.link(1000)).unwrap();
            assert!(refused().contains("does not lead to user names"), "{target}: {}", refused());
        }
        fs::remove_file(place.link(1000)).unwrap();
        fs::write(place.link(1000), "alice").unwrap();
        assert!(refused().contains(".uids/1000: refused: it is not a symbolic link"), "{}", refused());
        place.store.index_uids().unwrap();
        assert_eq!(place.users_of(1000), ["alice"]);
        let directory = place.directory.path().join(".uids");
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(place.users_of(1000), ["alice"], "nobody else gets that far");
        fs::set_permissions(&directory, Permissions::from_mode(0o770)).unwrap();
        assert!(refused().contains("permissions are too open"), "{}", refused());
        fs::remove_dir_all(&directory).unwrap();
        symlink("/etc", &directory).unwrap();
        assert!(refused().contains("not a directory"), "{}", refused());
        let user = place.store.lock(&name("bob")).unwrap();
        assert!(user.write_credential(&example()).is_err(), "none is written that cannot be found");
    }

    #[test]
    fn what_was_cut_off_while_it_was_made_is_in_nobodys_way_and_goes() {
        let place = place();
        place.sets_up("alice", 1000);
        let path = place.directory.path();
        fs::remove_dir_all(path.join(".uids")).unwrap();
        let half = path.join(".uids.0123456789abcdef");
        fs::create_dir(&half).unwrap();
        fs::set_permissions(&half, Permissions::from_mode(0o700)).unwrap();
        symlink("alice", half.join("1")).unwrap();
        place.store.index_uids().unwrap();
        assert!(half.exists(), "its maker may live");
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
        fs::File::open(&half).unwrap().set_modified(old).unwrap();
        place.store.index_uids().unwrap();
        assert!(!half.exists());
        assert_eq!(place.users_of(1000), ["alice"]);
    }

    #[test]
    fn two_that_make_it_at_once_lose_nobody() {
        for _ in 0..20 {
            let place = place();
            std::thread::scope(|scope| {
                for uid in 0..8 {
                    let place = &place;
                    scope.spawn(move || place.sets_up(&format!("user{uid}"), uid));
                }
            });
            for uid in 0..8 {
                assert_eq!(place.users_of(uid), [format!("user{uid}")]);
            }
        }
    }
}
