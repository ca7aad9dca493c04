//! Who a user is to the system: what the name service says of a name or a uid.

use crate::name::{UnusableName, UserName};
use nix::unistd::{Uid, User};
use std::fmt;

/// A user the system knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The canonical name: with a directory that ignores case, "Alice" is "alice".
    pub name: UserName,
    /// The uid.
    pub uid: u32,
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
        Ok(Some(Self { name, uid: user.uid.as_raw() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
