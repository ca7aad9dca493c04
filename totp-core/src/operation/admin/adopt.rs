//! Giving an [orphaned](super::super::orphan) second factor to whom an administrator says it belongs.

use super::super::orphan::holder_of;
use super::super::{Context, Failure, with_held_log};
use crate::account::Account;
use crate::name::UserName;
use crate::store::{Adoption, LockedUser, Store, StoreError};

/// What is to be given away, for the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoptable {
    /// The uid it was made for.
    pub uid: u32,
    /// The devices; none where there is an override alone.
    pub devices: Vec<String>,
}

/// Tells what `old` has that the user of `context` can be given, and refuses what must not be.
///
/// # Errors
/// [`Failure::Impossible`] where the user is set up, where `old` is somebody's name, or has nothing;
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn adoptable(context: &Context<'_>, old: &UserName) -> Result<Adoptable, Failure> {
    let (store, account) = (context.store, context.account);
    let word = account.name.as_word();
    let found = store.credential(old)?;
    let made = store.mode_override(old)?;
    let same_name = *old == account.name;
    if !same_name {
        ensure_free_name(store, account, old)?;
        ensure_former_name(account, old, found.as_ref().map(|credential| credential.uid))?;
    }
    let uid = found.as_ref().map(|credential| credential.uid).or(made.as_ref().map(|made| made.uid));
    let Some(uid) = uid else {
        return Err(Failure::Impossible(format!("nothing is kept of {old} that could be adopted")));
    };
    if same_name && uid == account.uid {
        return Err(Failure::Impossible(format!(
            "what is kept of {old} is of the uid {uid} that this user has; nothing was changed; for another name it is `totp-enroll admin adopt {word} NEW`"
        )));
    }
    if same_name && let Some(holder) = holder_of(uid, &account.name) {
        return Err(Failure::Impossible(format!(
            "what is kept of {old} was made for uid {uid}, which {holder} has; nothing was changed; if {holder} had this name before, it is `totp-enroll admin adopt {word} {}`",
            holder.as_word()
        )));
    }
    let devices = found.iter().flat_map(|credential| &credential.devices);
    Ok(Adoptable { uid, devices: devices.map(|device| device.name.to_string()).collect() })
}

/// Nobody's second factor is taken away, and none is covered by another.
fn ensure_free_name(store: &Store, account: &Account, old: &UserName) -> Result<(), Failure> {
    let (name, word) = (&account.name, account.name.as_word());
    match store.credential(name)? {
        Some(credential) if credential.uid == account.uid => {
            return Err(Failure::Impossible(format!(
                "{name} is set up already, nothing was changed; `totp-enroll admin revoke {word}` comes first, or `totp-enroll admin prune {}` removes the other",
                old.as_word()
            )));
        }
        Some(credential) => {
            return Err(Failure::Impossible(format!(
                "what is kept of {name} was made for another uid ({}); nothing was changed; `totp-enroll admin prune {word}` removes it",
                credential.uid
            )));
        }
        None => {}
    }
    Ok(())
}

/// The name that somebody has is theirs, unless what is kept of it was made for the uid of the user who gets it: then
/// that user had the name before.
fn ensure_former_name(account: &Account, old: &UserName, made_for: Option<u32>) -> Result<(), Failure> {
    match holder_of_name(old)? {
        Some(known) if known.uid == account.uid || made_for != Some(account.uid) => {
            Err(Failure::Impossible(format!(
                "there is a user named {old}, with uid {}; nothing was changed: only what is kept of a name that nobody has any more can be adopted",
                known.uid
            )))
        }
        _ => Ok(()),
    }
}

/// Who has the name as it is typed: one that leads to another by now is nobody's.
fn holder_of_name(name: &UserName) -> Result<Option<Account>, Failure> {
    let known = Account::by_name(name.as_str()).map_err(|error| Failure::Unusable(error.to_string()))?;
    Ok(known.filter(|known| known.name == *name))
}

/// Gives everything that is kept of `old` to the user of `context`: devices, used codes, recovery codes, the mail
/// address, and the override where the user has none. `old` may be the user's own name, after a change of uid.
///
/// # Errors
/// As [`adoptable`].
pub fn adopt(context: &Context<'_>, old: &UserName) -> Result<(), Failure> {
    with_held_log(context, |context| adopt_now(context, old))
}

fn adopt_now(context: &Context<'_>, old: &UserName) -> Result<(), Failure> {
    let (store, account) = (context.store, context.account);
    // Before a lock makes a state file of a name that has nothing.
    adoptable(context, old)?;
    let adopted = if *old == account.name {
        let mut user = store.lock_by_force(old)?;
        let found = adoptable(context, old)?;
        Adoption { store, old: &mut user, new: None, uid: account.uid, old_belongs_to: None }.run()?;
        found
    } else {
        let (mut from, mut to) = lock_both(store, old, &account.name)?;
        let found = adoptable(context, old);
        if found.is_err() {
            let _ = from.tidy(old);
            let _ = to.tidy(&account.name);
        }
        let found = found?;
        let old_belongs_to = holder_of_name(old)?.map(|known| known.uid);
        Adoption { store, old: &mut from, new: Some(&mut to), uid: account.uid, old_belongs_to }.run()?;
        found
    };
    context.log_change("adopt", |event| event.with("former_user", old).with("former_uid", &adopted.uid));
    Ok(())
}

/// Both users, in an order that does not depend on who is which: two administrators at once do not wait for each other.
fn lock_both<'s>(
    store: &'s Store,
    old: &UserName,
    new: &UserName,
) -> Result<(LockedUser<'s>, LockedUser<'s>), StoreError> {
    if old < new {
        let from = store.lock_by_force(old)?;
        Ok((from, store.lock_by_force(new)?))
    } else {
        let to = store.lock_by_force(new)?;
        Ok((store.lock_by_force(old)?, to))
    }
}
