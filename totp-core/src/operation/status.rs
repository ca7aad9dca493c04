//! What is set up, without a secret and without a code; and forgetting remembered hosts.

use super::{Context, DeviceStatus, Failure, HostStatus, Status};
use crate::credential::Device;
use crate::login::{Record, is_remembered};
use crate::otp::Kind;
use crate::source::Source;

/// Reports on a user.
pub(super) fn status(context: &Context<'_>) -> Result<Status, Failure> {
    let mut status = Status {
        user: context.account.name.to_string(),
        mode: context.policy.mode,
        configured: false,
        strategy: "totp".to_owned(),
        since: None,
        devices: Vec::new(),
        recovery_codes_left: 0,
        throttled_for: 0,
        at_ceiling: false,
        remembered_hosts: Vec::new(),
    };
    let found = context.store.credential(&context.account.name)?;
    if context.own_credential(found).is_none() {
        return Ok(status);
    }
    // Read again under the lock, so that credential and state belong together.
    let (user, credential) = context.locked_with_credential()?;
    let mut state = user.state_of(credential.id);
    state.ledger.settle_clock(context.now);
    status.throttled_for = state.ledger.longest_wait(context.now, &context.policy.throttle);
    status.configured = true;
    status.since = Some(credential.created.to_rfc3339());
    status.devices = credential.devices.iter().map(device_status).collect();
    status.recovery_codes_left = state.recovery.left();
    status.at_ceiling = state.ledger.in_a_row >= context.policy.throttle.ceiling;
    status.remembered_hosts = state
        .hosts
        .iter()
        .filter(|host| is_remembered(context.policy, &state, Source::Address(host.address), context.now))
        .map(|host| HostStatus { address: host.address.to_string(), since: host.since.to_rfc3339() })
        .collect();
    Ok(status)
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
    let mut state = user.state_of(credential.id);
    state.hosts.clear();
    user.record(&state, Record::Durable)?;
    context.log_change("hosts-forget", |event| event);
    Ok(())
}
