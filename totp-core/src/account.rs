//! Who a user is to the system: what the name service says of a name or a uid, and of groups.

use crate::name::{UnusableName, UserName};
use crate::policy::Membership;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::cell::OnceCell;
use std::ffi::CString;
use std::fmt;

/// A user the system knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The canonical name: with a directory that ignores case, "Alice" is "alice".
    pub name: UserName,
    /// The uid.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
}

/// A number that no group has: asking for it tells whether the name service answers at all.
const NO_GID: u32 = u32::MAX - 1;

/// The groups of a user, looked up when a rule first asks for them.
pub struct Groups<'a> {
    account: &'a Account,
    found: OnceCell<Memberships>,
}

/// What getgrouplist(3) found. It does not say where a part of the name service failed.
#[derive(Default)]
struct Memberships {
    gids: Vec<Gid>,
    complete: bool,
}

impl<'a> Groups<'a> {
    /// The groups of this account.
    #[must_use]
    pub fn of(account: &'a Account) -> Self {
        Self { account, found: OnceCell::new() }
    }

    fn found(&self) -> &Memberships {
        self.found.get_or_init(|| {
            let Ok(name) = CString::new(self.account.name.as_str()) else { return Memberships::default() };
            let Ok(gids) = getgrouplist(&name, Gid::from_raw(self.account.gid)) else {
                return Memberships::default();
            };
            Memberships { gids, complete: Group::from_gid(Gid::from_raw(NO_GID)).is_ok() }
        })
    }
}

impl Membership for Groups<'_> {
    fn is_in(&self, group: &str) -> Option<bool> {
        match Group::from_name(group) {
            Ok(Some(group)) => {
                let found = self.found();
                if found.gids.contains(&group.gid) { Some(true) } else { found.complete.then_some(false) }
            }
            Ok(None) => Some(false),
            Err(_) => None,
        }
    }
}

/// The name service gave no answer. That is never the same as "unknown user".
#[derive(Debug)]
pub enum AccountError {
    /// The look-up failed.
    NameService(nix::Error),
    /// The canonical name cannot be a file.
    Name(UnusableName),
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameService(error) => write!(f, "the name service failed: {}", error.desc()),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AccountError {}

impl Account {
    /// Looks a name up as it was typed. `None` for a user that does not exist.
    ///
    /// # Errors
    /// [`AccountError`] where that cannot be known.
    pub fn by_name(typed: &str) -> Result<Option<Self>, AccountError> {
        // The empty name is nobody; some name services answer for it.
        if typed.is_empty() {
            return Ok(None);
        }
        User::from_name(typed).map_err(AccountError::NameService).and_then(Self::from_user)
    }

    /// Looks a uid up.
    ///
    /// # Errors
    /// [`AccountError`] where that cannot be known.
    pub fn by_uid(uid: u32) -> Result<Option<Self>, AccountError> {
        User::from_uid(Uid::from_raw(uid)).map_err(AccountError::NameService).and_then(Self::from_user)
    }

    fn from_user(user: Option<User>) -> Result<Option<Self>, AccountError> {
        let Some(user) = user else { return Ok(None) };
        let name = UserName::new(&user.name).map_err(AccountError::Name)?;
        Ok(Some(Self { name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_in_its_own_group_and_in_none_that_does_not_exist() {
        let root = Account::by_name("root").unwrap().unwrap();
        let groups = Groups::of(&root);
        assert_eq!(groups.is_in("root"), Some(true));
        assert_eq!(groups.is_in("no-such-group-here"), Some(false));
    }

    #[test]
    fn root_is_known_and_a_stranger_is_not() {
        let root = Account::by_name("root").unwrap().unwrap();
        assert_eq!((root.name.as_str(), root.uid), ("root", 0));
        assert_eq!(Account::by_uid(0).unwrap(), Some(root));
        for stranger in ["", "no-such-user-here", "a\0b", "..", "a/b"] {
            assert_eq!(Account::by_name(stranger).unwrap(), None, "{stranger:?}");
        }
    }
}
