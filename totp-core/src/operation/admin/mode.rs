//! An administrator's override of the policy's mode for one user.

use super::super::{Context, Failure, with_held_log};
use crate::clock::Day;
use crate::mode_override::ModeOverride;
use crate::policy::Mode;

/// What an administrator wants for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// The mode.
    pub mode: Mode,
    /// Its last day; for good where there is none.
    pub until: Option<Day>,
}

/// Puts an override in the place of any other, or ends it with `None`.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn set_mode(context: &Context<'_>, wanted: Option<Override>) -> Result<(), Failure> {
    with_held_log(context, |context| set_mode_now(context, wanted))
}

fn set_mode_now(context: &Context<'_>, wanted: Option<Override>) -> Result<(), Failure> {
    let user = context.store.lock_by_force(&context.account.name)?;
    match wanted {
        Some(Override { mode, until }) => user.write_mode_override(&ModeOverride {
            uid: context.account.uid,
            mode,
            until,
            since: context.now,
            by: context.by().to_owned(),
        })?,
        None => user.remove_mode_override()?,
    }
    user.tidy(&context.account.name)?;
    let word = wanted.map_or("default", |wanted| wanted.mode.as_str());
    context.log_change("mode", |event| match wanted.and_then(|wanted| wanted.until) {
        Some(until) => event.with("mode", &word).with("until", &until),
        None => event.with("mode", &word),
    });
    Ok(())
}
