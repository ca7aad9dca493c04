//! Who a user is to the system: what the name service says of a name or a uid, and of groups.

use crate::name::{UnusableName, UserName};
use crate::nsswitch::{Database, Sources};
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

/// A number that no group and no user has: asking for it tells whether the name service answers at all.
const NO_GID: u32 = u32::MAX - 1;

/// The groups of a user, looked up when a rule first asks for them.
///
/// "Not a member" is believed where it can be trusted, for a directory that is down must not end a rule by group:
///
/// - Where nsswitch.conf names sources of this machine alone, whatever they say.
/// - Where it names a directory, a group that nobody knows may be the directory's, so it is undecided. For a group
///   that is found, getgrouplist(3) tells the whole list if the directory answers while it runs. That is known if
///   before and after it one of these holds: a look-up of a number that nobody has ends in "not found", where a failure
///   [would be reported](Sources::failures_are_reported); where none would, the directory's daemon listens, which says
///   nothing of a server behind it; or a look-up of the user or of the group finds an entry that
///   [only the directory has](Sources::directory_of).
/// - Otherwise it is undecided.
///
/// "A member" needs no proof: no failure makes one up. (But where a group of the directory stands before one of the
/// host's own with the same name, the host's is meant while the directory is down.)
pub struct Groups<'a> {
    account: &'a Account,
    found: OnceCell<Option<Vec<Gid>>>,
    whole: OnceCell<Option<Vec<Gid>>>,
    sources: OnceCell<Sources>,
}

impl<'a> Groups<'a> {
    /// The groups of this account.
    #[must_use]
    pub fn of(account: &'a Account) -> Self {
        Self { account, found: OnceCell::new(), whole: OnceCell::new(), sources: OnceCell::new() }
    }

    fn found(&self) -> Option<&Vec<Gid>> {
        self.found.get_or_init(|| self.list()).as_ref()
    }

    /// What getgrouplist(3) finds; `None` where it fails. It does not say where a source failed.
    fn list(&self) -> Option<Vec<Gid>> {
        let name = CString::new(self.account.name.as_str()).ok()?;
        getgrouplist(&name, Gid::from_raw(self.account.gid)).ok()
    }

    fn sources(&self) -> &Sources {
        self.sources.get_or_init(|| Sources::of(Database::Group))
    }

    /// Whether the user is not in a group that was found, and not on the list either.
    fn is_surely_not_in(&self, group: &Group) -> bool {
        let lacks = |gids: &Vec<Gid>| !gids.contains(&group.gid);
        if !self.sources().name_a_directory() {
            return nothing_fails() && self.found().is_some_and(lacks);
        }
        if let Some(whole) = self.whole.get_or_init(|| self.list_while(|| self.directory_answers())) {
            return lacks(whole);
        }
        // The look-up that found the group stands before the list, this one behind it.
        let is_of_directory =
            || self.sources().directory_of(&group.name, group.gid.as_raw()).is_some() && is_known(group);
        self.list_while(is_of_directory).is_some_and(|list| lacks(&list))
    }

    /// The list, where `answering` holds both before and after it was made.
    fn list_while(&self, answering: impl Fn() -> bool) -> Option<Vec<Gid>> {
        let list = if answering() { self.list() } else { None };
        list.filter(|_| answering())
    }

    /// Whether the directory answers at this moment, as far as that can be told whatever the group.
    fn directory_answers(&self) -> bool {
        self.sources().answer(nothing_fails) || self.is_of_directory()
    }

    /// Whether the user comes from the directory that the groups come from, which still knows them.
    fn is_of_directory(&self) -> bool {
        let (name, uid) = (self.account.name.as_str(), self.account.uid);
        let passwd = Sources::of(Database::Passwd);
        let own = passwd.directory_of(name, uid);
        own.is_some()
            && self.sources().only_directory() == own
            && matches!(User::from_name(name), Ok(Some(user)) if user.uid.as_raw() == uid)
    }
}

/// Whether no source reports a failure, as one that cannot open its file does.
fn nothing_fails() -> bool {
    matches!(Group::from_gid(Gid::from_raw(NO_GID)), Ok(None))
}

/// The same of users.
fn no_user_fails() -> bool {
    matches!(User::from_uid(Uid::from_raw(NO_GID)), Ok(None))
}

/// Whether the name service still finds the group.
fn is_known(group: &Group) -> bool {
    matches!(Group::from_name(&group.name), Ok(Some(again)) if again.gid == group.gid)
}

impl Membership for Groups<'_> {
    fn is_in(&self, group: &str) -> Option<bool> {
        match Group::from_name(group) {
            Ok(Some(group)) => {
                if self.found().is_some_and(|gids| gids.contains(&group.gid)) {
                    return Some(true);
                }
                self.is_surely_not_in(&group).then_some(false)
            }
            Ok(None) => (!self.sources().name_a_directory()).then_some(false),
            Err(_) => None,
        }
    }
}

/// A name that no account has, as it was typed.
///
/// Where nsswitch.conf names a directory, which may be down, it may be a user who is not found at the moment, and in any
/// group: no rule about them falls away. The caller denies the login for want of an account, or leaves that to others,
/// who look again a moment later.
pub struct Stranger<'a> {
    typed: &'a str,
    may_exist: OnceCell<bool>,
}

impl<'a> Stranger<'a> {
    /// Whoever typed this.
    #[must_use]
    pub fn of(typed: &'a str) -> Self {
        Self { typed, may_exist: OnceCell::new() }
    }

    fn may_exist(&self) -> bool {
        *self.may_exist.get_or_init(|| {
            let sources = Sources::of(Database::Passwd);
            let answer = || sources.answer(no_user_fails);
            // Looked up once more between two answers: at the first time it may have been down.
            let unknown = || matches!(User::from_name(self.typed), Ok(None));
            sources.name_a_directory() && !(answer() && unknown() && answer())
        })
    }
}

impl Membership for Stranger<'_> {
    fn is_in(&self, _: &str) -> Option<bool> {
        (!self.may_exist()).then_some(false)
    }

    /// Whatever the case and the domain: how a directory spells it cannot be known.
    fn may_be(&self, user: &str) -> bool {
        fn bare(name: &str) -> &str {
            let name = name.rsplit('\\').next().unwrap_or(name);
            name.split('@').next().unwrap_or(name)
        }
        bare(user).eq_ignore_ascii_case(bare(self.typed)) && self.may_exist()
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
    fn a_stranger_may_be_whoever_is_spelled_alike() {
        let may_be = |exists: bool, typed: &str, user: &str| {
            let stranger = Stranger { typed, may_exist: OnceCell::from(exists) };
            assert_eq!(stranger.is_in("admins"), (!exists).then_some(false));
            stranger.may_be(user)
        };
        for (typed, user) in
            [("carol", "carol"), ("CAROL", "carol"), ("EX\\carol", "carol"), ("carol", "carol@example.org")]
        {
            assert!(may_be(true, typed, user) && !may_be(false, typed, user), "{typed}");
        }
        assert!(!may_be(true, "carol", "dave") && !may_be(true, "", "dave"));
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
