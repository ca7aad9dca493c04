//! Setting a device up: begin draws a secret and keeps it pending, confirm proves it with its first code.

use super::request::Purpose as Wanted;
use super::{Actor, Begun, Confirmed, Context, Failure, attempt};
use crate::answer::Answer;
use crate::credential::{Credential, CredentialId, Device, DeviceId, DeviceName, MOST_DEVICES};
use crate::login::{self, Record};
use crate::otp::{Kind, Parameters};
use crate::otpauth;
use crate::pending::{MOST_FAILURES, Nonce, Pending, Purpose};
use crate::recovery::{PrintedCodes, RecoverySet};
use crate::secret::Secret;
use crate::state::State;
use crate::store::LockedUser;
use zeroize::Zeroizing;

/// Begins a set-up in the place of any other.
pub(super) fn begin(
    context: &Context<'_>,
    wanted: Wanted,
    name: Option<DeviceName>,
    code: Option<&str>,
) -> Result<Begun, Failure> {
    match wanted {
        Wanted::First | Wanted::Further => {
            context.permit(context.policy.enrollment.enroll, "set devices up")?
        }
        Wanted::Renewal => context.permit(context.policy.enrollment.renew, "renew secrets")?,
    }
    let (mut user, credential) = context.locked()?;
    let (purpose, name) = match (wanted, &credential) {
        (Wanted::First, None) => (Purpose::First, name.unwrap_or_default()),
        (Wanted::First, Some(_)) => return Err(already_configured()),
        (_, None) => return Err(Failure::NotConfigured),
        (Wanted::Further, Some(credential)) => {
            (Purpose::Further, free_name(credential, name.unwrap_or_default())?)
        }
        (Wanted::Renewal, Some(credential)) => {
            let device = super::devices::chosen(credential, name.as_ref())?;
            (Purpose::Renewal(device.id), device.name.clone())
        }
    };
    if let Some(credential) = &credential {
        let event = if wanted == Wanted::Renewal { "renew" } else { "device-add" };
        attempt::authorise(context, &mut user, credential, event, code.unwrap_or_default())?;
    }
    let device = new_device(context, name)?;
    let pending = Pending {
        nonce: Nonce::generate()?,
        purpose,
        uid: context.account.uid,
        from: credential.map_or(CredentialId::ZERO, |credential| credential.id),
        begun: context.now,
        failures: 0,
        device,
    };
    user.write_pending(&pending)?;
    Ok(Begun {
        nonce: pending.nonce,
        device: pending.device.name.clone(),
        uri: uri_of(context, &pending.device),
        secret: pending.device.secret.to_base32(),
    })
}

/// Proves the pending device with its first code and makes it count.
pub(super) fn confirm(context: &Context<'_>, nonce: Nonce, typed: &str) -> Result<Confirmed, Failure> {
    let (mut user, credential) = context.locked()?;
    let mut pending = matching(context, &user, nonce)?;
    let from = credential.as_ref().map_or(CredentialId::ZERO, |credential| credential.id);
    if pending.from != from {
        user.remove_pending()?;
        return Err(changed_meanwhile());
    }
    let Some(step) =
        login::prove(context.policy, &pending.device, &Answer::parse(typed.as_bytes()), context.now)
    else {
        pending.failures = pending.failures.saturating_add(1);
        user.write_pending(&pending)?;
        return Err(Failure::NotProven { left: MOST_FAILURES.saturating_sub(pending.failures) });
    };
    let (event, device_name) = (
        match pending.purpose {
            Purpose::First => "setup",
            Purpose::Further => "device-add",
            Purpose::Renewal(_) => "renew",
        },
        pending.device.name.clone(),
    );
    let recovery_codes = match credential {
        None => set_up(context, &mut user, pending.device, Some(step))?.1,
        Some(credential) => {
            change(&mut user, credential, pending, step)?;
            PrintedCodes::new()
        }
    };
    user.remove_pending()?;
    context.log_change(event, |event| event.with("device", &device_name));
    Ok(Confirmed { device: device_name, recovery_codes })
}

/// Ends a set-up under way, if it is still the one that `nonce` began, and leaves no trace of it.
pub(super) fn abandon(context: &Context<'_>, nonce: Nonce) -> Result<(), Failure> {
    let user = context.store.lock(&context.account.name)?;
    if user.pending()?.is_some_and(|pending| pending.nonce == nonce) {
        user.remove_pending()?;
        let unused = user.state_of(CredentialId::ZERO) == State::default();
        if unused && user.credential(&context.account.name)?.is_none() {
            user.remove_everything()?;
        }
    }
    Ok(())
}

/// A first credential with one device: state first, then credential, so that a crash in between leaves a
/// user who is not set up.
pub(super) fn set_up(
    context: &Context<'_>,
    user: &mut LockedUser<'_>,
    device: Device,
    last: Option<u64>,
) -> Result<(Credential, PrintedCodes), Failure> {
    let (recovery, printed) = RecoverySet::generate(usize::from(context.policy.recovery_codes))?;
    let credential = Credential {
        id: CredentialId::generate()?,
        uid: context.account.uid,
        created: context.now,
        created_by: match context.actor {
            Actor::Owner => context.account.name.to_string(),
            Actor::Root => "root".to_owned(),
        },
        phone: None,
        mail: None,
        devices: vec![device],
    };
    let mut state = State { recovery, ..State::afresh(credential.id) };
    for device in &credential.devices {
        state.set_progress(device.id, last);
    }
    user.record(&state, Record::Durable)?;
    user.write_credential(&credential)?;
    Ok((credential, printed))
}

/// Adds or renews a device. The state learns of the new device before the credential does; its id is new,
/// so the old one goes on working until the credential is in place.
fn change(
    user: &mut LockedUser<'_>,
    mut credential: Credential,
    pending: Pending,
    step: u64,
) -> Result<(), Failure> {
    let mut state = user.state_of(credential.id);
    // What an earlier change that was cut short left behind.
    state.keep_devices(|id| credential.devices.iter().any(|device| device.id == id));
    state.set_progress(pending.device.id, Some(step));
    let new = pending.device;
    match pending.purpose {
        Purpose::Renewal(old) => {
            let place = credential.devices.iter_mut().find(|device| device.id == old);
            *place.ok_or_else(changed_meanwhile)? = new;
        }
        Purpose::First | Purpose::Further => {
            // Names and number were free when the set-up began; another may have taken them since.
            free_name(&credential, new.name.clone())?;
            credential.devices.push(new);
        }
    }
    user.record(&state, Record::Durable)?;
    user.write_credential(&credential)?;
    Ok(())
}

fn matching(context: &Context<'_>, user: &LockedUser<'_>, nonce: Nonce) -> Result<Pending, Failure> {
    let none = || Failure::Impossible("no set-up is under way; begin again".to_owned());
    let pending = user.pending()?.filter(|pending| pending.uid == context.account.uid).ok_or_else(none)?;
    if pending.nonce != nonce {
        return Err(Failure::Impossible(
            "another set-up of this user was begun since; finish that one, or begin again".to_owned(),
        ));
    }
    if !pending.is_alive(context.now) {
        user.remove_pending()?;
        return Err(Failure::Impossible(
            "this set-up took longer than 15 minutes or too many tries; begin again".to_owned(),
        ));
    }
    Ok(pending)
}

fn free_name(credential: &Credential, name: DeviceName) -> Result<DeviceName, Failure> {
    if credential.devices.len() >= MOST_DEVICES {
        let why = format!("there are {MOST_DEVICES} devices already; remove one first");
        return Err(Failure::Impossible(why));
    }
    if credential.device(&name).is_some() {
        let why =
            format!("a device named \"{name}\" is there already; choose another name, or renew that one");
        return Err(Failure::Impossible(why));
    }
    Ok(name)
}

pub(super) fn already_configured() -> Failure {
    Failure::Impossible(
        "two-factor login is set up already; `totp-enroll renew` replaces the secret, `totp-enroll enroll --device NAME` adds a device"
            .to_owned(),
    )
}

fn changed_meanwhile() -> Failure {
    Failure::Impossible("the set-up was changed meanwhile; nothing was done; begin again".to_owned())
}

/// A device with a fresh secret and the policy's parameters.
pub(super) fn new_device(context: &Context<'_>, name: DeviceName) -> Result<Device, Failure> {
    let totp = &context.policy.totp;
    Ok(Device {
        id: DeviceId::generate()?,
        name,
        secret: Secret::generate()?,
        parameters: Parameters {
            kind: Kind::Totp { interval: totp.interval },
            digits: totp.digits,
            algorithm: totp.algorithm,
        },
        window: None,
        clock_offset: 0,
        created: context.now,
    })
}

pub(super) fn uri_of(context: &Context<'_>, device: &Device) -> Zeroizing<String> {
    let hostname = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "localhost".to_owned());
    otpauth::uri(device, &context.account.name, &context.policy.totp.issuer, &hostname)
}
