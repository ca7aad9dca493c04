//! What root does for others, without a code of theirs.

mod adopt;
mod issue;
mod mode;
mod prune;
mod resync;
mod survey;

pub use adopt::{Adoptable, adopt, adoptable};
pub use issue::{Delivery, Invited, code, invitation_mailed, invite, withdraw_invitation};
pub use mode::{Override, set_mode};
pub use prune::{absence_left, end_absence, note_absence, prune, prune_pending};
pub use resync::{Resynced, resync};
pub use survey::{Gone, Survey, is_gone, survey, throttle_state};

use super::{Context, Failure, Shown, devices, setup, with_held_log};
use crate::credential::DeviceName;
use crate::login::Record;
use crate::otp::Kind;
use crate::recovery::{PrintedCodes, RecoverySet};
use crate::secret::Secret;
use crate::state::PastRefusal;
use crate::store::LockedUser;

/// Where a user may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// E.164.
    pub phone: Option<String>,
    /// A mail address.
    pub mail: Option<String>,
}

/// The device of an unattended set-up.
#[derive(Default)]
pub enum Unattended {
    /// Codes by time, of a secret drawn here.
    #[default]
    Drawn,
    /// Codes by time, of a secret that is in a token already.
    Given(Secret),
    /// Codes by counter (RFC 4226), of a secret drawn here.
    Counter,
}

/// Sets a user up unattended: no code has proven the device, so it starts without a last step.
///
/// # Errors
/// [`Failure::Impossible`] for a user who is set up.
pub fn enroll(
    context: &Context<'_>,
    unattended: Unattended,
    contact: Contact,
) -> Result<(Shown, PrintedCodes), Failure> {
    with_held_log(context, |context| enroll_now(context, unattended, contact))
}

fn enroll_now(
    context: &Context<'_>,
    unattended: Unattended,
    contact: Contact,
) -> Result<(Shown, PrintedCodes), Failure> {
    let (mut user, credential) = context.locked()?;
    if credential.is_some() {
        return Err(Failure::Impossible(format!(
            "{} is set up already, nothing was changed; `totp-enroll admin revoke {}` comes first",
            context.account.name,
            context.account.name.as_word()
        )));
    }
    setup::ensure_no_orphan(context, &user)?;
    let mut device = setup::new_device(context, DeviceName::default())?;
    match unattended {
        Unattended::Drawn => {}
        Unattended::Given(secret) => device.secret = secret,
        Unattended::Counter => device.parameters.kind = Kind::Hotp,
    }
    let shown = devices::shown(context, &device);
    let (recovery, printed) = RecoverySet::generate(usize::from(context.policy.recovery_codes))?;
    setup::set_up(context, &mut user, device, setup::Proof::None, recovery)?;
    if contact != Contact::default() {
        note_contact(context, &user, contact)?;
    }
    user.end_pending();
    context.log_change("setup", |event| event.with("device", &shown.device));
    Ok((shown, printed))
}

/// Notes where a user who is set up can be reached; what is not given stays as it is.
///
/// # Errors
/// [`Failure::NotConfigured`] for a user who is not set up.
pub fn contact(context: &Context<'_>, contact: Contact) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let (user, _) = context.locked_with_credential()?;
        note_contact(context, &user, contact)?;
        context.log_change("contact", |event| event);
        Ok(())
    })
}

fn note_contact(context: &Context<'_>, user: &LockedUser<'_>, contact: Contact) -> Result<(), Failure> {
    let Some(mut credential) = user.credential(&context.account.name)? else { return Ok(()) };
    credential.phone = contact.phone.or(credential.phone);
    credential.mail = contact.mail.or(credential.mail);
    Ok(user.write_credential(&credential)?)
}

/// Every device with its secret.
///
/// # Errors
/// [`Failure::NotConfigured`] for a user who is not set up.
pub fn show(context: &Context<'_>) -> Result<Vec<Shown>, Failure> {
    with_held_log(context, show_now)
}

fn show_now(context: &Context<'_>) -> Result<Vec<Shown>, Failure> {
    let (_user, credential) = context.locked_with_credential()?;
    let shown = credential.devices.iter().map(|device| devices::shown(context, device)).collect();
    context.log_change("show", |event| event);
    Ok(shown)
}

/// Removes whatever is kept of a user's second factor, also where it belongs to a former uid or cannot be
/// read, and without waiting behind a lock that does not come. An override stays, and so do the mail address
/// and the count of logins without set-up.
///
/// # Errors
/// [`Failure::NotConfigured`] where there was nothing.
pub fn revoke(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, revoke_now)
}

fn revoke_now(context: &Context<'_>) -> Result<(), Failure> {
    let mut user = context.store.lock_by_force(&context.account.name)?;
    let uid = context.account.uid;
    user.give_up_later_version();
    let found = user.credential(&context.account.name);
    let newcomer = user.newcomer(uid)?;
    let issued = newcomer.invitation.is_some() || newcomer.temporary.is_some();
    let there = !matches!(found, Ok(None)) || issued;
    let kept = match found {
        Ok(Some(credential)) if credential.uid == uid => {
            user.state_of(credential.id)?.without_credential(uid, credential.mail)
        }
        _ => newcomer.without_credential(uid, newcomer.mail.clone()),
    };
    user.remove_credential(&kept)?;
    if !there {
        return Err(Failure::NotConfigured);
    }
    context.log_change("revoke", |event| event);
    Ok(())
}

/// Whether the store has a credential or a state in the name of this user.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn is_kept(context: &Context<'_>) -> Result<bool, Failure> {
    let (store, name) = (context.store, &context.account.name);
    Ok(store.has_credential(name)? || store.has_state(name)?)
}

/// The last few refusals of a user who is set up, oldest first.
///
/// # Errors
/// [`Failure::NotConfigured`].
pub fn refusals(context: &Context<'_>) -> Result<Vec<PastRefusal>, Failure> {
    with_held_log(context, |context| {
        let (user, credential) = context.locked_with_credential()?;
        Ok(user.state_of(credential.id)?.refusals)
    })
}

/// Ends every throttle of a user. Steps, recovery codes and remembered hosts stay as they are.
///
/// # Errors
/// [`Failure::NotConfigured`] for a user who is not set up.
pub fn unlock(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, unlock_now)
}

fn unlock_now(context: &Context<'_>) -> Result<(), Failure> {
    // As in `locked_with_credential`.
    if !context.store.has_credential(&context.account.name)? {
        return Err(Failure::NotConfigured);
    }
    let mut user = context.store.lock_by_force(&context.account.name)?;
    let credential =
        context.own_credential(user.credential(&context.account.name)?).ok_or(Failure::NotConfigured)?;
    let mut state = user.state_of(credential.id)?;
    state.ledger.reset_failures();
    user.record(&state, Record::Durable)?;
    context.log_change("unlock", |event| event);
    Ok(())
}
