//! An attempt to prove the second factor: lock, read, judge, record, and only then the verdict.

use super::{Actor, Context, Failure, Found, Intent, Judged, Probe};
use crate::answer::Answer;
use crate::credential::Credential;
use crate::event::Level;
use crate::login::{self, Factor, Verdict};
use crate::state::{RefusedSince, State};
use crate::store::LockedUser;

/// The event of a login.
const LOGIN: &str = "login";

/// What a login will have to ask, and the override that may spare it.
pub(super) fn probe(context: &Context<'_>) -> Result<Probe, Failure> {
    Ok(Probe { overridden: context.overridden()?, found: found(context)? })
}

fn found(context: &Context<'_>) -> Result<Found, Failure> {
    let found = context.store.credential(&context.account.name)?;
    let Some(credential) = context.own_credential(found) else {
        return Ok(if context.orphan()?.is_some() { Found::Orphaned } else { Found::NotConfigured });
    };
    if context.policy.remember_hosts_for > 0 && context.source.address().is_some() {
        let user = context.store.lock(&context.account.name)?;
        let state = user.state_of(credential.id)?;
        if login::is_remembered(context.policy, &state, context.source, context.now) {
            return Ok(Found::Remembered);
        }
    }
    let digits = credential.devices.first().map_or(6, |device| device.parameters.digits);
    Ok(Found::Code { digits })
}

/// Judges an answer for a login or for `verify`.
pub(super) fn judge(
    context: &Context<'_>,
    intent: Intent,
    typed: &str,
    second_try: bool,
) -> Result<Judged, Failure> {
    let event = match intent {
        Intent::Login => LOGIN,
        Intent::Verify => "verify",
    };
    let (mut user, credential) = context.locked_with_credential()?;
    let (verdict, state) = attempt(context, &mut user, &credential, event, typed, second_try)?;
    let refused_since = match verdict {
        Verdict::Accepted(_) => to_be_told(context, event, &state),
        Verdict::Refused(_) => None,
    };
    Ok(Judged { verdict, refused_since })
}

/// The refused codes that this login is to tell its owner of: only a login program has a session to tell them in.
fn to_be_told(context: &Context<'_>, event: &str, state: &State) -> Option<RefusedSince> {
    state.refused_since.filter(|_| event == LOGIN && context.actor != Actor::Owner)
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
    let mut state = user.state_of(credential.id)?;
    if second_try {
        state.ledger.end_delay(context.source);
    }
    // A temporary code is for logins: whoever talked a help desk into one gets no phone in place by it.
    let withheld = if event == LOGIN { None } else { state.temporary.take() };
    let answer = Answer::parse(typed.as_bytes());
    let (verdict, mut next) =
        login::judge(context.policy, credential, state, &answer, context.source, context.now);
    next.temporary = next.temporary.or(withheld);
    user.record(&next, verdict.record())?;
    match &verdict {
        Verdict::Accepted(factor) => {
            log_acceptance(context, event, factor, to_be_told(context, event, &next));
        }
        Verdict::Refused(refusal) => {
            // Exactly, also where less is told.
            let kept = next.refusals.last().filter(|_| refusal.counted);
            let reason = kept.map_or(refusal.reason, |kept| kept.reason);
            let mut event = context.event(event, "denied", Some(reason.as_str()));
            if refusal.wait > 0 {
                event = event.with("wait", &refusal.wait);
            }
            context.log.event(Level::Notice, &event);
        }
    }
    Ok((verdict, next))
}

/// Logs that `factor` was accepted.
pub(super) fn log_acceptance(
    context: &Context<'_>,
    event: &str,
    factor: &Factor,
    refused_since: Option<RefusedSince>,
) {
    let event = context.event(event, "accepted", None);
    let event = match factor {
        Factor::Device(name) => event.with("factor", &"device").with("device", name),
        Factor::RecoveryCode { left } => event.with("factor", &"recovery-code").with("left", left),
        Factor::TemporaryCode { left } => event.with("factor", &"temporary-code").with("left", left),
    };
    let event = match refused_since {
        Some(refused) => event.with("refused_since", &refused.count),
        None => event,
    };
    context.log.event(Level::Info, &event);
}
