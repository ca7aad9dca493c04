//! What root does for others, without a code of theirs.

use super::{Context, Failure, Shown, devices, setup, with_held_log};
use crate::credential::DeviceName;
use crate::login::Record;
use crate::recovery::PrintedCodes;

/// Sets a user up unattended: no code has proven the device, so it starts without a last step.
///
/// # Errors
/// [`Failure::Impossible`] for a user who is set up.
pub fn enroll(context: &Context<'_>) -> Result<(Shown, PrintedCodes), Failure> {
    with_held_log(context, enroll_now)
}

fn enroll_now(context: &Context<'_>) -> Result<(Shown, PrintedCodes), Failure> {
    let (mut user, credential) = context.locked()?;
    if credential.is_some() {
        return Err(Failure::Impossible(format!(
            "{} is set up already, nothing was changed; `totp-enroll admin revoke {}` comes first",
            context.account.name, context.account.name
        )));
    }
    let device = setup::new_device(context, DeviceName::default())?;
    let shown = devices::shown(context, &device);
    let (_, recovery_codes) = setup::set_up(context, &mut user, device, None)?;
    user.remove_pending()?;
    context.log_change("setup", |event| event.with("device", &shown.device));
    Ok((shown, recovery_codes))
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
/// read, and without waiting behind a lock that does not come.
///
/// # Errors
/// [`Failure::NotConfigured`] where there was no credential.
pub fn revoke(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, revoke_now)
}

fn revoke_now(context: &Context<'_>) -> Result<(), Failure> {
    let user = context.store.lock_by_force(&context.account.name)?;
    let there = !matches!(user.credential(&context.account.name), Ok(None));
    user.remove_everything()?;
    if !there {
        return Err(Failure::NotConfigured);
    }
    context.log_change("revoke", |event| event);
    Ok(())
}

/// Ends every throttle of a user. Steps, recovery codes and remembered hosts stay as they are.
///
/// # Errors
/// [`Failure::NotConfigured`] for a user who is not set up.
pub fn unlock(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, unlock_now)
}

fn unlock_now(context: &Context<'_>) -> Result<(), Failure> {
    let mut user = context.store.lock_by_force(&context.account.name)?;
    let credential =
        context.own_credential(user.credential(&context.account.name)?).ok_or(Failure::NotConfigured)?;
    let mut state = user.state_of(credential.id);
    state.ledger.forgive();
    user.record(&state, Record::Durable)?;
    context.log_change("unlock", |event| event);
    Ok(())
}
