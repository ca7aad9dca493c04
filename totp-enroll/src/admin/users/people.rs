//! Who there is on this host: everybody that the name service lists, and everybody the store knows.

use crate::admin::orphans::Orphan;
use crate::exit::Stop;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use totp_core::account::Account;
use totp_core::name::UserName;
use totp_core::store::{Holding, Store};

/// Lists users as the name service switch has them, directories included where they allow it.
const GETENT: &str = "/usr/bin/getent";
/// Uids of people begin above the system's own, by login.defs(5). Directories give numbers far beyond its
/// UID_MAX.
const FIRST_PERSON: u32 = 1000;
/// "nobody", and -1 of sixteen bits.
const NO_PERSON: std::ops::RangeInclusive<u32> = 65_534..=65_535;

/// A user of this host.
pub struct Person {
    /// Who it is.
    pub account: Account,
    /// What the store has.
    pub holding: Holding,
    /// Whether somebody could log in as this user: root or a person's uid, and a shell.
    pub logs_in: bool,
}

/// Everybody, in the order of their names; and what the store keeps that is none of theirs, left to `adopt` and
/// `prune`.
pub fn everybody(
    store: &Store,
    mut holdings: BTreeMap<UserName, Holding>,
) -> Result<(Vec<Person>, Vec<Orphan>), Stop> {
    let mut people = Vec::new();
    let mut seen = BTreeSet::new();
    for line in listed().lines() {
        let Some((account, shell)) = parse(line) else { continue };
        // The first of a name counts, as for getpwnam(3).
        if seen.insert(account.name.clone()) {
            let holding = holdings.remove(&account.name).unwrap_or_default();
            let logs_in = has_login(account.uid, &shell);
            people.push(Person { account, holding, logs_in });
        }
    }
    // A directory that lists nobody still knows those it is asked about.
    let mut orphans = Vec::new();
    for (name, holding) in holdings {
        match Account::by_name(name.as_str())? {
            Some(account) if account.name == name => {
                people.push(Person { logs_in: is_person(account.uid), account, holding });
            }
            _ => orphans.extend(Orphan::of(store, &name, holding, None)?),
        }
    }
    for person in people.iter().filter(|person| person.holding != Holding::default()) {
        // A file that cannot be read is told by whoever looks at the person.
        let found = Orphan::of(store, &person.account.name, person.holding, Some(&person.account));
        orphans.extend(found.ok().flatten());
    }
    orphans.sort_by(|one, other| one.name.cmp(&other.name));
    people.sort_by(|one, other| one.account.name.cmp(&other.account.name));
    Ok((people, orphans))
}

fn listed() -> String {
    let getent = Command::new(GETENT).arg("passwd").env_clear().output();
    match getent {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        // A host without it, as with musl, has the file alone.
        _ => String::from_utf8_lossy(&std::fs::read("/etc/passwd").unwrap_or_default()).into_owned(),
    }
}

/// A line of passwd(5).
fn parse(line: &str) -> Option<(Account, String)> {
    let mut fields = line.split(':');
    let name = UserName::new(fields.next()?).ok()?;
    let _password = fields.next()?;
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let shell = fields.nth(2)?;
    Some((Account { name, uid, gid }, shell.to_owned()))
}

fn has_login(uid: u32, shell: &str) -> bool {
    let program = shell.rsplit('/').next().unwrap_or(shell);
    is_person(uid) && !matches!(program, "nologin" | "false")
}

/// Root counts as one.
fn is_person(uid: u32) -> bool {
    uid == 0 || (uid >= FIRST_PERSON && !NO_PERSON.contains(&uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_passwd_is_read_and_an_odd_one_is_not() {
        let (account, shell) = parse("alice:x:1000:1001:Alice,,,:/home/alice:/bin/bash").unwrap();
        assert_eq!((account.name.as_str(), account.uid, account.gid), ("alice", 1000, 1001));
        assert_eq!(shell, "/bin/bash");
        assert_eq!(parse("EXAMPLE\\dave:*:70001:70001::/home/dave:").unwrap().1, "");
        for odd in ["", "+::::::", "alice:x:-1:0:::/bin/sh", "alice:x:1000", "#alice:x"] {
            assert!(parse(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn service_accounts_do_not_log_in() {
        assert!(has_login(0, "/bin/bash") && has_login(1000, "/bin/zsh") && has_login(1000, ""));
        assert!(has_login(1_494_201_105, "/bin/bash"), "of a directory");
        assert!(!has_login(33, "/bin/sh") && !has_login(1000, "/usr/sbin/nologin"));
        assert!(!has_login(65_534, "/bin/sh") && !has_login(1000, "/bin/false"));
    }
}
