//! Who is behind a connection that sshd is asked about: whether the policy asks them for a code there.

use super::judgement::Whom;
use crate::sshd::SERVICE;
use crate::sshd::effective::Connection;
use nix::unistd::Group;
use std::fs;
use totp_core::account::{Account, Groups};
use totp_core::clock::Timestamp;
use totp_core::policy::{Decision, Ground, Mode, Policy, Subject};
use totp_core::source::Source;
use totp_core::store::Store;

/// As many members of a group as sshd is asked about: a Match on a group is the same for all of them.
const MOST_MEMBERS: usize = 2;
/// As many users of rules as sshd is asked about.
const MOST_NAMED: usize = 8;

/// The users of this host under a policy.
pub struct People<'p> {
    policy: &'p Policy,
    /// `None` where it cannot be opened: then everybody counts as set up.
    store: Option<Store>,
}

impl<'p> People<'p> {
    pub fn under(policy: &'p Policy) -> Self {
        Self { policy, store: Store::open(&policy.store).ok() }
    }

    /// Users whom rules ask for a code.
    pub fn named(&self) -> Vec<String> {
        let asking = self.policy.rules.iter().filter(|rule| rule.mode != Mode::Disabled);
        asking.flat_map(|rule| rule.users.iter().flatten()).take(MOST_NAMED).cloned().collect()
    }

    /// Who this connection's user is to the policy. A name made up for a pattern is asked like everybody.
    pub fn whom(&self, connection: &Connection) -> Whom {
        let Ok(Some(account)) = Account::by_name(&connection.user) else {
            return Whom { asked: true, meant: false };
        };
        let Decision { mode, ground } = self.decision(&account, connection);
        let set_up = self.is_set_up(&account);
        let by_name = matches!(ground, Ground::Rule { .. } | Ground::Override);
        Whom {
            asked: mode == Mode::Required || (mode == Mode::Optional && set_up),
            meant: (mode != Mode::Disabled && set_up) || (mode == Mode::Required && by_name),
        }
    }

    fn decision(&self, account: &Account, connection: &Connection) -> Decision {
        let groups = Groups::of(account);
        let subject = Subject {
            user: Some(&account.name),
            groups: &groups,
            service: Some(SERVICE),
            source: Some(Source::from_remote_host(Some(&connection.address))),
        };
        let made = self.store.as_ref().and_then(|store| store.mode_override(&account.name).ok().flatten());
        let overridden = made.and_then(|made| made.in_force(account.uid, Timestamp::now()));
        self.policy.decide(overridden, &subject)
    }

    fn is_set_up(&self, account: &Account) -> bool {
        let Some(store) = &self.store else { return true };
        match store.credential(&account.name) {
            Ok(found) => found.is_some_and(|credential| credential.uid == account.uid),
            Err(_) => true,
        }
    }
}

/// Some members of a group, also such as have it for their primary one.
pub fn members(group: &str) -> Vec<String> {
    let Ok(Some(group)) = Group::from_name(group) else { return Vec::new() };
    let accounts = fs::read("/etc/passwd").unwrap_or_default();
    let accounts = String::from_utf8_lossy(&accounts);
    let gid = group.gid.to_string();
    let primary = accounts.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(2)? == gid).then(|| name.to_owned())
    });
    group.mem.into_iter().chain(primary).take(MOST_MEMBERS).collect()
}
