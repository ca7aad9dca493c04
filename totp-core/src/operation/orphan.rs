//! A second factor that is kept under another name or uid than its user has by now: orphaned, until an administrator
//! says whose it is.
//!
//! `usermod --login` and `usermod --uid` leave the credential where it is, and so do `userdel` and a `useradd` after
//! it, which gives the freed uid, or the freed name, to somebody new. The two cannot be told apart here. So nobody
//! inherits the credential, and nobody loses it without a word either: such a user is treated as one of whom a code is
//! required and who has none, also where the mode is optional, and is not set up by a login or by the tool; else
//! whoever has the password could plant a phone in the place of the one that is kept. Where the mode is disabled the
//! user is not asked: a credential in the right place would not be asked for either.

use super::{Context, Failure};
use crate::account::Account;
use crate::name::UserName;
use crate::policy::Mode;

/// An orphaned credential, seen from the user to whom it may belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orphan {
    /// It was made for this name and another uid.
    OtherUid {
        /// The uid.
        uid: u32,
    },
    /// It was made for this uid and another name, which no account of this uid has any more.
    OtherName {
        /// The name.
        name: UserName,
    },
}

impl Orphan {
    /// The reason, for the log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OtherUid { .. } => "other-uid",
            Self::OtherName { .. } => "renamed-user",
        }
    }

    /// The name it is kept under.
    #[must_use]
    pub fn name<'o>(&'o self, account: &'o Account) -> &'o UserName {
        match self {
            Self::OtherUid { .. } => &account.name,
            Self::OtherName { name } => name,
        }
    }

    /// The uid it was made for.
    #[must_use]
    pub fn uid(&self, account: &Account) -> u32 {
        match self {
            Self::OtherUid { uid } => *uid,
            Self::OtherName { .. } => account.uid,
        }
    }

    /// Who else has the uid that it was made for: a user who was renamed before somebody else got the name.
    fn holder(&self, account: &Account) -> Option<UserName> {
        match self {
            Self::OtherUid { uid } => holder_of(*uid, &account.name),
            Self::OtherName { .. } => None,
        }
    }

    /// What is the matter and what an administrator does about it, in words for the user's screen.
    #[must_use]
    pub fn way_out(&self, account: &Account) -> String {
        let former = shown(&self.name(account).as_word());
        let own = shown(&account.name.as_word());
        if let Some(holder) = self.holder(account) {
            let (uid, holder) = (self.uid(account), shown(&holder.as_word()));
            return format!(
                "Two-factor login was set up under your name for uid {uid}, which {holder} has. Ask an administrator: `totp-enroll admin adopt {own} {holder}` if that user had your name before."
            );
        }
        let kept = match self {
            Self::OtherUid { uid } => format!("for another uid ({uid}) of this name"),
            Self::OtherName { .. } => format!("for this uid under the name {former}"),
        };
        format!(
            "Two-factor login was set up {kept}. Ask an administrator: `totp-enroll admin adopt {former} {own}` if that was you, `totp-enroll admin prune {former}` if it was somebody else."
        )
    }
}

/// Who has this uid, under another name than `name`. Nobody, where that cannot be known.
#[must_use]
pub fn holder_of(uid: u32, name: &UserName) -> Option<UserName> {
    let holder = Account::by_uid(uid).ok().flatten()?;
    (holder.name != *name).then_some(holder.name)
}

/// Without a byte that a terminal would obey.
fn shown(name: &str) -> String {
    name.chars()
        .flat_map(|one| if one.is_control() { one.escape_default().collect() } else { vec![one] })
        .collect()
}

/// The mode that counts for a user to whom an orphan may belong.
#[must_use]
pub fn strictest(mode: Mode) -> Mode {
    match mode {
        Mode::Disabled => Mode::Disabled,
        Mode::Optional | Mode::Required => Mode::Required,
    }
}

impl Context<'_> {
    /// The orphan that may belong to this user, who has no credential of their own.
    pub(super) fn orphan(&self) -> Result<Option<Orphan>, Failure> {
        find(self.store, self.account)
    }

    /// Refuses to set this user up while an orphan may be theirs.
    pub(super) fn ensure_no_orphan(&self) -> Result<(), Failure> {
        match self.orphan()? {
            Some(orphan) => Err(Failure::Orphaned(orphan.way_out(self.account))),
            None => Ok(()),
        }
    }
}

/// The orphan that may belong to a user; `None` for one who has a credential of their own.
///
/// # Errors
/// [`Failure::Unusable`] where store or name service cannot be used.
pub fn find(store: &crate::store::Store, account: &Account) -> Result<Option<Orphan>, Failure> {
    match store.credential(&account.name)? {
        Some(credential) if credential.uid == account.uid => return Ok(None),
        Some(credential) => return Ok(Some(Orphan::OtherUid { uid: credential.uid })),
        None => {}
    }
    for name in store.users_of_uid(account.uid)? {
        // A name that leads to another, as where a directory changed its spelling, is nobody's any more; and one that
        // was given to somebody else since is not that of whom the credential was made for.
        let known = Account::by_name(name.as_str()).map_err(|error| Failure::Unusable(error.to_string()))?;
        if known.is_none_or(|known| known.name != name || known.uid != account.uid) {
            return Ok(Some(Orphan::OtherName { name }));
        }
    }
    Ok(None)
}
