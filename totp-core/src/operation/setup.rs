//! Setting a device up: begin draws a secret and keeps it pending, confirm proves it with its first code.

use super::request::Purpose as Wanted;
use super::{Actor, Begun, Confirmed, Context, Failure, attempt};
use crate::answer::Answer;
use crate::credential::{Credential, CredentialId, Device, DeviceId, DeviceName, MOST_DEVICES};
use crate::event::Level;
use crate::issued::{Invitation, InvitationId};
use crate::login::newcomer;
use crate::login::{self, Record};
use crate::otp::{Kind, Parameters};
use crate::otpauth;
use crate::pending::{MOST_FAILURES, Nonce, Pending, Purpose};
use crate::recovery::{PrintedCodes, RecoverySet};
use crate::secret::Secret;
use crate::state::State;
use crate::store::{LockedUser, StoreError};
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
    let mut invited = None;
    let (purpose, name) = match (wanted, &credential) {
        (Wanted::First, None) => {
            ensure_no_orphan(context, &user)?;
            invited = takes_invitation(context, &user, code)?;
            (Purpose::First, name.unwrap_or_default())
        }
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
        invited,
        at_login: None,
        device,
    };
    user.write_pending(&pending)?;
    Ok(begun(context, &pending))
}

/// As [`Context::ensure_no_orphan`]; who is refused is given no state file for having asked.
pub(super) fn ensure_no_orphan(context: &Context<'_>, user: &LockedUser<'_>) -> Result<(), Failure> {
    let found = context.ensure_no_orphan();
    if found.is_err() {
        let _ = user.tidy(&context.account.name);
    }
    found
}

/// What the person must see of a set-up that was begun.
pub(super) fn begun(context: &Context<'_>, pending: &Pending) -> Begun {
    Begun {
        nonce: pending.nonce,
        device: pending.device.name.clone(),
        uri: uri_of(context, &pending.device),
        secret: pending.device.secret.to_base32(),
    }
}

/// The invitation that a first set-up by the user is begun with; refused where it would take one.
fn takes_invitation(
    context: &Context<'_>,
    user: &LockedUser<'_>,
    code: Option<&str>,
) -> Result<Option<InvitationId>, Failure> {
    if context.actor == Actor::Root {
        return Ok(None);
    }
    let Some(code) = code else {
        return if context.policy.enrollment.needs_invitation {
            Err(Failure::NotPermitted(
                "a first set-up takes an invitation on this host; ask an administrator for one, then `totp-enroll enroll --invitation CODE`"
                    .to_owned(),
            ))
        } else {
            Ok(None)
        };
    };
    let state = user.newcomer(context.account.uid)?;
    let invitation = match Answer::parse(code.as_bytes()) {
        Answer::Recovery(typed) => newcomer::invitation(&state, &typed, context.now),
        _ => None,
    };
    match invitation {
        Some(invitation) => Ok(Some(invitation)),
        None => {
            context.log.event(Level::Notice, &context.event("setup", "denied", Some("wrong-invitation")));
            Err(Failure::Impossible(
                "this invitation is not valid for this user, or it has expired or was used; ask an administrator for another"
                    .to_owned(),
            ))
        }
    }
}

/// Proves the pending device with its first code and makes it count.
pub(super) fn confirm(context: &Context<'_>, nonce: Nonce, typed: &str) -> Result<Confirmed, Failure> {
    let (mut user, credential) = context.locked()?;
    let mut pending = matching(context, &user, credential.as_ref(), nonce)?;
    if pending.at_login.is_some() {
        // Only the login that began it can end it: the rest of that login may still be refused.
        return Err(changed_meanwhile());
    }
    let step = prove(context, &user, &mut pending, typed)?;
    let (event, device_name) = (
        match pending.purpose {
            Purpose::First => "setup",
            Purpose::Further => "device-add",
            Purpose::Renewal(_) => "renew",
        },
        pending.device.name.clone(),
    );
    let recovery_codes = match credential {
        None => {
            ensure_no_orphan(context, &user)?;
            let (recovery, printed) = RecoverySet::generate(usize::from(context.policy.recovery_codes))?;
            insist_on_invitation(context, &user, &pending)?;
            set_up(context, &mut user, pending.device, Proof::Code(step), recovery)?;
            printed
        }
        Some(credential) => {
            change(&mut user, credential, pending, step)?;
            PrintedCodes::new()
        }
    };
    user.end_pending();
    context.log_change(event, |event| event.with("device", &device_name));
    Ok(Confirmed { device: device_name, recovery_codes })
}

/// Finds the step of the first code; a wrong one is counted.
pub(super) fn prove(
    context: &Context<'_>,
    user: &LockedUser<'_>,
    pending: &mut Pending,
    typed: &str,
) -> Result<u64, Failure> {
    let answer = Answer::parse(typed.as_bytes());
    if let Some(step) = login::prove(context.policy, &pending.device, &answer, context.now) {
        return Ok(step);
    }
    pending.failures = pending.failures.saturating_add(1);
    user.write_pending(pending)?;
    Err(Failure::NotProven { left: MOST_FAILURES.saturating_sub(pending.failures) })
}

/// Of several set-ups with one invitation, one counts; and none that was begun with an invitation in whose
/// place there is another by now.
pub(super) fn insist_on_invitation(
    context: &Context<'_>,
    user: &LockedUser<'_>,
    pending: &Pending,
) -> Result<(), Failure> {
    if let Some(invitation) = pending.invited
        && !stands(context, user, invitation)?
    {
        user.remove_pending()?;
        return Err(no_invitation_any_more());
    }
    Ok(())
}

/// Whether this invitation is still the user's.
pub(super) fn stands(
    context: &Context<'_>,
    user: &LockedUser<'_>,
    invitation: InvitationId,
) -> Result<bool, StoreError> {
    let state = user.newcomer(context.account.uid)?;
    Ok(state.invitation.as_ref().map(Invitation::id) == Some(invitation))
}

pub(super) fn no_invitation_any_more() -> Failure {
    Failure::Impossible("the invitation was used or withdrawn meanwhile; nothing was set up".to_owned())
}

/// Ends a set-up under way, if it is still the one that `nonce` began, and leaves no trace of it.
pub(super) fn abandon(context: &Context<'_>, nonce: Nonce) -> Result<(), Failure> {
    let is_under_way = || -> Result<bool, Failure> {
        Ok(context.store.pending(&context.account.name)?.is_some_and(|pending| pending.nonce == nonce))
    };
    // Who has begun none is given no state file for ending it.
    if !is_under_way()? {
        return Ok(());
    }
    let user = context.store.lock(&context.account.name)?;
    if is_under_way()? {
        user.remove_pending()?;
        user.tidy(&context.account.name)?;
    }
    Ok(())
}

/// What proves the device of a first credential.
#[derive(Clone, Copy)]
pub(super) enum Proof {
    /// Nothing: root sets a user up unattended.
    None,
    /// The code of this step, typed to the tool.
    Code(u64),
    /// The code of this step, typed to a login that is let in: where it came from is known from then on.
    Login(u64),
}

impl Proof {
    /// The step that is spent by it.
    fn step(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Code(step) | Self::Login(step) => Some(step),
        }
    }
}

/// A first credential with one device: state first, then credential, so that a crash in between leaves a
/// user who is not set up. An invitation and a temporary code end with it.
pub(super) fn set_up(
    context: &Context<'_>,
    user: &mut LockedUser<'_>,
    device: Device,
    proof: Proof,
    recovery: RecoverySet,
) -> Result<(), Failure> {
    let newcomer = user.newcomer(context.account.uid)?;
    let credential = Credential {
        id: CredentialId::generate()?,
        uid: context.account.uid,
        created: context.now,
        created_by: context.by().to_owned(),
        phone: None,
        mail: newcomer.mail.clone(),
        devices: vec![device],
    };
    let mut state = State { recovery, graces_used: newcomer.graces_used, ..State::afresh(credential.id) };
    for device in &credential.devices {
        state.set_progress(device.id, proof.step());
    }
    if let Proof::Login(_) = proof {
        state.ledger.count_success(context.source, context.now);
    }
    user.record(&state, Record::Durable)?;
    let written = user.write_credential(&credential);
    if written.is_err() {
        // On a full disk the set-up can be made again, by the same invitation. A credential that is in place, and
        // only not known to be on the disk, keeps its state.
        let found = context.store.credential(&context.account.name)?;
        if found.is_none_or(|found| found.id != credential.id) {
            user.record(&newcomer, Record::Durable)?;
        }
    }
    Ok(written?)
}

/// Adds or renews a device. The state learns of the new device before the credential does; its id is new,
/// so the old one goes on working until the credential is in place.
fn change(
    user: &mut LockedUser<'_>,
    mut credential: Credential,
    pending: Pending,
    step: u64,
) -> Result<(), Failure> {
    let mut state = user.state_of(credential.id)?;
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

/// The set-up under way that `nonce` began, if it may still end in a device.
pub(super) fn matching(
    context: &Context<'_>,
    user: &LockedUser<'_>,
    credential: Option<&Credential>,
    nonce: Nonce,
) -> Result<Pending, Failure> {
    let found = context.store.pending(&context.account.name)?;
    let pending = found.filter(|pending| pending.uid == context.account.uid).ok_or_else(none_under_way)?;
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
    if pending.from != credential.map_or(CredentialId::ZERO, |credential| credential.id) {
        user.remove_pending()?;
        return Err(changed_meanwhile());
    }
    Ok(pending)
}

pub(super) fn none_under_way() -> Failure {
    Failure::Impossible("no set-up is under way; begin again".to_owned())
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

pub(super) fn changed_meanwhile() -> Failure {
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
