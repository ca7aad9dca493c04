//! Removing what is kept of users who are gone, and noting first that they are where that may be a mistake.

use super::super::{Context, Failure, with_held_log};
use crate::absence::{Absence, LONG_ENOUGH, Moment};
use crate::credential::CredentialId;

/// Removes everything that is kept of a user who is [gone](super::Gone).
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn prune(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, |context| {
        context.store.lock_by_force(&context.account.name)?.remove_everything()?;
        context.log_change("prune", |event| event);
        Ok(())
    })
}

/// Removes what is left of a set-up that is dead. Says whether there was one.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn prune_pending(context: &Context<'_>) -> Result<bool, Failure> {
    with_held_log(context, |context| {
        let user = context.store.lock(&context.account.name)?;
        let found = context.store.pending(&context.account.name)?;
        let dead = found.is_some_and(|pending| !pending.is_alive(context.now));
        if dead {
            user.remove_pending()?;
        }
        user.tidy(&context.account.name)?;
        Ok(dead)
    })
}

/// Seconds until what is kept of a user may be removed whom the name service does not know: 0 where a run a day ago
/// or earlier noted that, and nothing has spoken against it since. A note that cannot be read, or that lies in the
/// future, is worth as much as none.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn absence_left(context: &Context<'_>, now: &Moment) -> Result<u64, Failure> {
    let (store, name) = (context.store, &context.account.name);
    let Some(absence) = store.absence(name).unwrap_or_default() else { return Ok(LONG_ENOUGH) };
    let id = store.credential(name).ok().flatten().map_or(CredentialId::ZERO, |credential| credential.id);
    // Who was let in since was not gone then: two runs may both have met a directory that was down.
    let last = store.glance_at_state(name, id).ok().and_then(|state| state.ledger.last_success());
    let seen = last.is_some_and(|last| last > absence.since.now);
    Ok(if seen { LONG_ENOUGH } else { absence.left(now) })
}

/// Notes that the name service does not know the user, in the place of a note that is worth nothing. One that counts
/// stays as it is.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn note_absence(context: &Context<'_>, now: &Moment) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let user = context.store.lock_by_force(&context.account.name)?;
        if absence_left(context, now)? == LONG_ENOUGH {
            user.write_absence(&Absence { since: now.clone() })?;
            context.log_change("absence", |event| event);
        }
        Ok(user.tidy(&context.account.name)?)
    })
}

/// Ends a note about a user who is known again.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn end_absence(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let user = context.store.lock_by_force(&context.account.name)?;
        user.remove_absence()?;
        Ok(user.tidy(&context.account.name)?)
    })
}
