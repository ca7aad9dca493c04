//! What is set up, without a secret and without a code; and forgetting remembered hosts.

use super::{
    Context, DeviceStatus, Failure, HostStatus, OrphanStatus, OverrideStatus, Status, TemporaryStatus, orphan,
};
use crate::clock::Timestamp;
use crate::credential::Device;
use crate::login::newcomer;
use crate::login::{Record, dearest_guess, is_remembered};
use crate::otp::Kind;
use crate::policy::Mode;
use crate::source::Source;
use crate::state::State;
use crate::throttle::Party;

/// Reports on a user.
pub(super) fn status(context: &Context<'_>) -> Result<Status, Failure> {
    let found = context.store.credential(&context.account.name)?;
    let configured = context.own_credential(found).is_some();
    // Read again under the lock, so that credential and state belong together.
    let (mut state, credential) = if configured {
        let (user, credential) = context.locked_with_credential()?;
        (user.state_of(credential.id)?, Some(credential))
    } else {
        (context.newcomer()?, None)
    };
    state.ledger.clamp_to(context.now);
    let orphan = if configured { None } else { context.orphan()? };
    let decided = context.strictest_mode()?;
    let mode = if orphan.is_some() { orphan::strictest(decided) } else { decided };
    let devices = credential.as_ref().map(|credential| credential.devices.as_slice()).unwrap_or_default();
    let cost = credential.as_ref().map_or(0, |credential| dearest_guess(context.policy, credential));
    let exhausted = state.ledger.exhausted(cost, context.now, &context.policy.throttle);
    let remembered = |host: &Source| is_remembered(context.policy, &state, *host, context.now);
    Ok(Status {
        user: context.account.name.to_string(),
        mode,
        overridden: overridden(context)?,
        configured,
        orphan: orphan.map(|orphan| OrphanStatus {
            user: orphan.name(context.account).to_string(),
            uid: orphan.uid(context.account),
            way_out: orphan.way_out(context.account),
        }),
        strategy: "totp".to_owned(),
        since: credential.as_ref().map(|credential| credential.created.to_rfc3339()),
        devices: devices.iter().map(device_status).collect(),
        recovery_codes_left: state.recovery.left(),
        throttled_for: state.ledger.longest_wait(context.now, &context.policy.throttle),
        at_ceiling: exhausted.contains(&Party::Strangers),
        exhausted,
        remembered_hosts: state
            .hosts
            .iter()
            .filter(|host| remembered(&Source::from_remote_host(Some(&host.address.to_string()))))
            .map(|host| HostStatus { address: host.address.to_string(), since: host.since.to_rfc3339() })
            .collect(),
        last_login: state.ledger.last_success().map(Timestamp::to_rfc3339),
        temporary_code: temporary(context, &state),
        invited_until: state
            .invitation
            .as_ref()
            .filter(|invitation| invitation.code.is_alive(context.now))
            .map(|invitation| invitation.code.expires.to_rfc3339()),
        grace: newcomer::grace(context.policy, &state, context.now)
            .filter(|_| mode == Mode::Required && !configured),
        mail: credential.map_or_else(|| state.mail.clone(), |credential| credential.mail),
    })
}

fn overridden(context: &Context<'_>) -> Result<Option<OverrideStatus>, Failure> {
    let made = context.mode_override()?;
    let in_force = made.filter(|made| made.in_force(context.account.uid, context.now).is_some());
    Ok(in_force.map(|made| OverrideStatus {
        mode: made.mode,
        until: made.until,
        since: made.since.to_rfc3339(),
        by: made.by,
    }))
}

fn temporary(context: &Context<'_>, state: &State) -> Option<TemporaryStatus> {
    let temporary = state.temporary.as_ref().filter(|temporary| temporary.code.is_alive(context.now))?;
    let until = temporary.code.expires.to_rfc3339();
    Some(TemporaryStatus { until, uses_left: temporary.uses_left })
}

fn device_status(device: &Device) -> DeviceStatus {
    DeviceStatus {
        name: device.name.clone(),
        kind: device.parameters.kind.as_str().to_owned(),
        digits: device.parameters.digits,
        interval: match device.parameters.kind {
            Kind::Totp { interval } => Some(interval),
            Kind::Hotp => None,
        },
        algorithm: device.parameters.algorithm.to_string(),
        created: device.created.to_rfc3339(),
    }
}

/// Forgets remembered hosts. That makes logins stricter, so it takes no code.
pub(super) fn forget_hosts(context: &Context<'_>) -> Result<(), Failure> {
    let (mut user, credential) = context.locked_with_credential()?;
    let mut state = user.state_of(credential.id)?;
    state.hosts.clear();
    user.record(&state, Record::Durable)?;
    context.log_change("hosts-forget", |event| event);
    Ok(())
}
