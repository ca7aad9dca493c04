//! New recovery codes in the place of the old.

use super::{Context, Failure, attempt};
use crate::login::Record;
use crate::recovery::{PrintedCodes, RecoverySet};

/// Draws new codes after a code was given; the old ones are worth nothing then.
pub(super) fn renew(context: &Context<'_>, typed: &str) -> Result<PrintedCodes, Failure> {
    context.permit(context.policy.enrollment.renew, "renew recovery codes")?;
    if context.policy.recovery_codes == 0 {
        return Err(Failure::Impossible("the policy of this host gives no recovery codes".to_owned()));
    }
    let (mut user, credential) = context.locked_with_credential()?;
    let mut state = attempt::authorise(context, &mut user, &credential, "recovery-renew", typed)?;
    let (recovery, printed) = RecoverySet::generate(usize::from(context.policy.recovery_codes))?;
    state.recovery = recovery;
    user.record(&state, Record::Durable)?;
    context.log_change("recovery-renew", |event| event.with("codes", &printed.len()));
    Ok(printed)
}
