//! An attempt to prove the second factor: lock, read, judge, record, and only then the verdict.

use super::{Context, Failure, Intent, Probe};
use crate::answer::Answer;
use crate::credential::Credential;
use crate::event::Level;
use crate::login::{self, Factor, Verdict};
use crate::state::State;
use crate::store::LockedUser;

/// What a login will have to ask.
pub(super) fn probe(context: &Context<'_>) -> Result<Probe, Failure> {
    let found = context.store.credential(&context.account.name)?;
    let Some(credential) = context.own_credential(found) else {
        return Ok(Probe::NotConfigured);
    };
    if context.policy.remember_hosts_for > 0 && context.source.address().is_some() {
        let user = context.store.lock(&context.account.name)?;
        let state = user.state_of(credential.id);
        if login::is_remembered(context.policy, &state, context.source, context.now) {
            let event = context.event("login", "accepted", None).with("factor", &"remembered-host");
            context.log.event(Level::Info, &event);
            return Ok(Probe::Remembered);
        }
    }
    let digits = credential.devices.first().map_or(6, |device| device.parameters.digits);
    Ok(Probe::Ask { digits })
}

/// Judges an answer for a login or for `verify`.
pub(super) fn judge(
    context: &Context<'_>,
    intent: Intent,
    typed: &str,
    second_try: bool,
) -> Result<Verdict, Failure> {
    let (mut user, credential) = context.locked_with_credential()?;
    let event = match intent {
        Intent::Login => "login",
        Intent::Verify => "verify",
    };
    let (verdict, _) = attempt(context, &mut user, &credential, event, typed, second_try)?;
    Ok(verdict)
}

/// Takes the code that an errand needs before it may change or show anything, and returns the state
/// after it.
pub(super) fn authorise(
    context: &Context<'_>,
    user: &mut LockedUser<'_>,
    credential: &Credential,
    event: &str,
    typed: &str,
) -> Result<State, Failure> {
    match attempt(context, user, credential, event, typed, false)? {
        (Verdict::Accepted(_), state) => Ok(state),
        (Verdict::Refused(refusal), _) => Err(Failure::Refused(refusal)),
    }
}

fn attempt(
    context: &Context<'_>,
    user: &mut LockedUser<'_>,
    credential: &Credential,
    event: &str,
    typed: &str,
    second_try: bool,
) -> Result<(Verdict, State), Failure> {
    let mut state = user.state_of(credential.id);
    if second_try {
        state.ledger.end_delay(context.source);
    }
    let answer = Answer::parse(typed.as_bytes());
    let (verdict, next) =
        login::judge(context.policy, credential, state, &answer, context.source, context.now);
    user.record(&next, verdict.record())?;
    match &verdict {
        Verdict::Accepted(factor) => {
            let event = context.event(event, "accepted", None);
            let event = match factor {
                Factor::Device(name) => event.with("factor", &"device").with("device", name),
                Factor::RecoveryCode { left } => event.with("factor", &"recovery-code").with("left", left),
            };
            context.log.event(Level::Info, &event);
        }
        Verdict::Refused(refusal) => {
            let mut event = context.event(event, "denied", Some(refusal.reason.as_str()));
            if refusal.wait > 0 {
                event = event.with("wait", &refusal.wait);
            }
            context.log.event(Level::Notice, &event);
        }
    }
    Ok((verdict, next))
}
