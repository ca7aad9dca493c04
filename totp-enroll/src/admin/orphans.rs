//! What the store keeps of names that nobody has, of other uids, and of renamed users: named with the way out.

use crate::exit::Stop;
use crate::text::printable;
use totp_core::account::Account;
use totp_core::name::UserName;
use totp_core::operation::admin::Gone;
use totp_core::operation::orphan::holder_of;
use totp_core::store::{Holding, Store};

/// Why what is kept of a name is not that of a user of this name.
#[derive(Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody has the name.
    NoSuchUser,
    /// Nobody has the name, and somebody has the uid: another name of the same user, or a new user.
    Renamed {
        /// The uid.
        uid: u32,
        /// Who has it.
        heir: UserName,
    },
    /// Somebody has the name, with another uid.
    OtherUid {
        /// The uid that it was made for.
        made_for: u32,
        /// The uid of the name.
        uid: u32,
        /// Who has the uid that it was made for: a user who had the name before.
        holder: Option<UserName>,
    },
}

/// An orphan.
#[derive(Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The name that it is kept under.
    pub name: UserName,
    /// Why.
    pub why: Why,
}

impl Orphan {
    /// The orphan that is kept under this name, if it is one; `account` is whom the name service has for it.
    pub fn of(
        store: &Store,
        name: &UserName,
        holding: Holding,
        account: Option<&Account>,
    ) -> Result<Option<Self>, Stop> {
        // A name that leads to another, as where a directory changed its spelling, is nobody's any more.
        let account = account.filter(|account| account.name == *name);
        let made_for = made_for(store, name, holding);
        let why = match totp_core::operation::admin::is_gone(store, account, name, holding)? {
            None => return Ok(None),
            Some(Gone::NoSuchUser) => match made_for.map(Account::by_uid).transpose()?.flatten() {
                Some(heir) => Why::Renamed { uid: heir.uid, heir: heir.name },
                None => Why::NoSuchUser,
            },
            Some(Gone::OtherUid) => Why::OtherUid {
                made_for: made_for.unwrap_or_default(),
                uid: account.map(|account| account.uid).unwrap_or_default(),
                holder: made_for.and_then(|uid| holder_of(uid, name)),
            },
        };
        Ok(Some(Self { name: name.clone(), why }))
    }

    /// Whether nobody has the name.
    pub fn is_of_nobody(&self) -> bool {
        !matches!(self.why, Why::OtherUid { .. })
    }

    /// Whether somebody is not let in for it, so that it is not removed without being named.
    pub fn is_in_the_way(&self) -> bool {
        self.why != Why::NoSuchUser
    }

    /// What is the matter.
    pub fn what(&self) -> String {
        let name = printable(self.name.as_str());
        match &self.why {
            Why::NoSuchUser => format!("{name}: there is no such user any more"),
            Why::Renamed { uid, heir } => format!(
                "{name}: there is no such user any more, and the uid {uid} is that of {} by now",
                printable(heir.as_str())
            ),
            Why::OtherUid { made_for, uid, holder } => {
                let holder = holder.as_ref().map_or_else(String::new, |holder| {
                    format!("; the uid {made_for} is that of {}", printable(holder.as_str()))
                });
                format!("{name}: it was made for another uid ({made_for}; the user has {uid}{holder})")
            }
        }
    }

    /// What an administrator does about it.
    pub fn way_out(&self) -> String {
        let word = printable(&self.name.as_word());
        let adopt = |heir: &str| {
            format!(
                "`totp-enroll admin adopt {word} {heir}` if that is the same person, `totp-enroll admin prune {word}` if it is somebody else"
            )
        };
        match &self.why {
            Why::NoSuchUser => format!("`totp-enroll admin prune {word}` removes what is kept"),
            Why::Renamed { heir: user, .. } | Why::OtherUid { holder: Some(user), .. } => {
                adopt(&printable(&user.as_word()))
            }
            Why::OtherUid { holder: None, .. } => adopt(&word),
        }
    }

    /// Both, in a line.
    pub fn in_words(&self) -> String {
        format!("{}; {}", self.what(), self.way_out())
    }
}

/// The uid that what is kept was made for; `None` where that cannot be read.
fn made_for(store: &Store, name: &UserName, holding: Holding) -> Option<u32> {
    let of_credential = || store.credential(name).ok().flatten().map(|found| found.uid);
    let of_override = || store.mode_override(name).ok().flatten().map(|made| made.uid);
    of_credential().filter(|_| holding.credential).or_else(|| of_override().filter(|_| holding.mode))
}

/// Every orphan of the store, for `policy check`; nothing for a caller who may not look.
pub fn findings(policy: &totp_core::policy::Policy) -> Vec<String> {
    if !nix::unistd::geteuid().is_root() {
        return Vec::new();
    }
    let Ok(store) = Store::open(&policy.store) else { return Vec::new() };
    let _ = store.index_uids();
    let Ok(holdings) = store.holdings() else { return Vec::new() };
    match super::users::everybody(&store, holdings) {
        Ok((_, orphans)) => {
            orphans.iter().map(|orphan| format!("in the store: {}", orphan.in_words())).collect()
        }
        Err(stop) => vec![format!("whether all in the store are users of this host is not known: {stop}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_way_out() {
        let name = |name: &str| UserName::new(name).unwrap();
        let told = |why| Orphan { name: name("EX\\alice"), why }.in_words();
        let gone = told(Why::NoSuchUser);
        assert!(
            gone.ends_with("any more; `totp-enroll admin prune 'EX\\alice'` removes what is kept"),
            "{gone}"
        );
        let renamed = told(Why::Renamed { uid: 1000, heir: name("alicia") });
        assert!(
            renamed.contains("uid 1000 is that of alicia") && renamed.contains("adopt 'EX\\alice' alicia`")
        );
        let other = told(Why::OtherUid { made_for: 1000, uid: 2000, holder: Some(name("alicia")) });
        assert!(
            other.contains("the uid 1000 is that of alicia)") && other.contains("adopt 'EX\\alice' alicia`"),
            "{other}"
        );
        let other = told(Why::OtherUid { made_for: 1000, uid: 2000, holder: None });
        assert!(
            other.contains("(1000; the user has 2000)") && other.contains("adopt 'EX\\alice' 'EX\\alice'`")
        );
    }
}
