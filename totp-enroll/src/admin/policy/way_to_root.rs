//! Before a policy is installed: who would lose their way to root by it. [`confirm`](super::confirm) names them, and asks.
//!
//! An administrator who is not set up, and who makes a code necessary that nothing gives them, finds it out when
//! the last root shell is closed.

mod ways;

use crate::stacks;
use std::fs;
use std::path::Path;
use totp_core::account::{Account, Groups};
use totp_core::clock::Timestamp;
use totp_core::credential::CredentialId;
use totp_core::policy::Policy;
use totp_core::store::Store;
use ways::{Person, Ways};

/// Variables in which programs that make root say who called. Whoever calls can set them: they make for more
/// questions, and never for fewer.
const NAMES: [&str; 2] = ["SUDO_USER", "DOAS_USER"];
const UIDS: [&str; 2] = ["SUDO_UID", "PKEXEC_UID"];
/// What a process that no login began has for its loginuid (audit_uid unset).
const NO_LOGIN: u32 = u32::MAX;

/// A sentence for each person who would lose their way to root by `after`; `before` is `None` where the former policy
/// does not check.
pub fn losses(path: &Path, before: Option<&Policy>, after: &Policy) -> Vec<String> {
    let ways = Ways::new(stacks::read(), path);
    let now = Timestamp::now();
    let mut losses = Vec::new();
    for account in people() {
        let account = match account {
            Ok(account) => account,
            Err(why) => {
                losses.push(why);
                continue;
            }
        };
        if account.uid == 0 && has_no_password(&account) {
            continue;
        }
        let groups = Groups::of(&account);
        let refused = |policy: &Policy| ways.refused(policy, &person(policy, &account, now), &groups, now);
        let before = before.map(&refused).unwrap_or_default();
        let lost: Vec<_> = refused(after).into_iter().filter(|service| !before.contains(service)).collect();
        if !lost.is_empty() {
            losses.push(sentence(&account, &lost, after));
        }
    }
    losses
}

fn sentence(account: &Account, lost: &[&str], after: &Policy) -> String {
    let (name, word) = (&account.name, account.name.as_word());
    let invite = if after.enrollment.needs_invitation {
        format!(", or `totp-enroll admin invite {word}` lets {name} do it")
    } else {
        String::new()
    };
    format!(
        "{name} is not set up, and could not come to root by {} any more: a code would be needed there, and nothing would set {name} up. `totp-enroll admin enroll {word}` does it{invite}",
        lost.join(" or ")
    )
}

/// Root, and everybody who may have become root to run this. Who cannot be looked up is an error, in words.
fn people() -> Vec<Result<Account, String>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let named = NAMES.iter().filter_map(|name| variable(name)).map(|name| (Account::by_name(&name), name));
    let numbers = UIDS.iter().filter_map(|name| variable(name)?.parse().ok()).chain(login_uid());
    let numbered = numbers.map(|uid: u32| (Account::by_uid(uid), format!("uid {uid}")));
    let root = std::iter::once((Account::by_uid(0), "root".to_owned()));
    let mut people = Vec::new();
    for (found, name) in named.chain(numbered).chain(root) {
        let found = match found {
            Ok(Some(account)) => Ok(account),
            // What is no user cannot lose anything.
            Ok(None) => continue,
            Err(error) => Err(format!("whether {name} keeps a way to root cannot be known: {error}")),
        };
        if !people.contains(&found) {
            people.push(found);
        }
    }
    people
}

/// Who logged in to begin with, whatever they became since.
fn login_uid() -> Option<u32> {
    let uid = fs::read_to_string("/proc/self/loginuid").ok()?.trim().parse().ok()?;
    (uid != NO_LOGIN).then_some(uid)
}

/// Whether an account of this host's own files has a password that nothing matches: then no way leads through it.
fn has_no_password(account: &Account) -> bool {
    let shadow = fs::read("/etc/shadow").unwrap_or_default();
    let shadow = String::from_utf8_lossy(&shadow);
    let mut passwords = shadow.lines().filter_map(|line| {
        let (name, rest) = line.split_once(':')?;
        (name == account.name.as_str()).then(|| rest.split(':').next().unwrap_or_default())
    });
    passwords.next().is_some_and(|password| password.starts_with(['!', '*']))
}

/// What is kept of somebody in the policy's store. What cannot be read counts as nothing: that asks more.
fn person(policy: &Policy, account: &Account, now: Timestamp) -> Person {
    let store = Store::open(&policy.store).ok();
    let store = store.as_ref();
    let credential = store.and_then(|store| store.credential(&account.name).ok().flatten());
    let made = store.and_then(|store| store.mode_override(&account.name).ok().flatten());
    let nobody = CredentialId::none_of(account.uid);
    let state = store.and_then(|store| store.glance_at_state(&account.name, nobody).ok());
    Person {
        name: account.name.clone(),
        is_root: account.uid == 0,
        set_up: credential.is_some_and(|credential| credential.uid == account.uid),
        overridden: made.and_then(|made| made.in_force(account.uid, now)),
        state: state.unwrap_or_default(),
    }
}
