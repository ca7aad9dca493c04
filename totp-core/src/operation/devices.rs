//! What is done to devices that are set up: show, remove one, remove all.

use super::{Context, Failure, Shown, attempt, setup};
use crate::credential::{Credential, Device, DeviceName};
use crate::policy::Mode;

/// Shows a secret again.
pub(super) fn show(context: &Context<'_>, name: Option<&DeviceName>, typed: &str) -> Result<Shown, Failure> {
    context.permit(context.policy.enrollment.show, "see a secret again")?;
    let (mut user, credential) = context.locked_with_credential()?;
    let device = chosen(&credential, name)?;
    attempt::authorise(context, &mut user, &credential, "show", typed)?;
    context.log_change("show", |event| event.with("device", &device.name));
    Ok(shown(context, device))
}

/// A device with its secret, for whoever may see it.
pub(super) fn shown(context: &Context<'_>, device: &Device) -> Shown {
    Shown {
        device: device.name.clone(),
        uri: setup::uri_of(context, device),
        secret: device.secret.to_base32(),
    }
}

/// Removes one of several devices.
pub(super) fn remove(context: &Context<'_>, name: &DeviceName, typed: &str) -> Result<(), Failure> {
    context.permit(context.policy.enrollment.unset, "remove devices")?;
    let (mut user, mut credential) = context.locked_with_credential()?;
    chosen(&credential, Some(name))?;
    if credential.devices.len() == 1 {
        let unset = match insist_on_a_way_back(context, &credential) {
            Ok(()) => "; `totp-enroll unset` removes two-factor login",
            Err(_) => "",
        };
        return Err(Failure::Impossible(format!(
            "\"{name}\" is the only device; `totp-enroll renew` moves it to another phone{unset}"
        )));
    }
    attempt::authorise(context, &mut user, &credential, "device-remove", typed)?;
    credential.devices.retain(|device| device.name != *name);
    user.write_credential(&credential)?;
    context.log_change("device-remove", |event| event.with("device", name));
    Ok(())
}

/// Removes two-factor login. What counts against the user stays: see [`State::without_credential`].
///
/// [`State::without_credential`]: crate::state::State::without_credential
pub(super) fn unset(context: &Context<'_>, typed: &str) -> Result<(), Failure> {
    context.permit(context.policy.enrollment.unset, "remove two-factor login")?;
    let (mut user, credential) = context.locked_with_credential()?;
    insist_on_a_way_back(context, &credential)?;
    let state = attempt::authorise(context, &mut user, &credential, "unset", typed)?;
    user.remove_credential(&state.without_credential(context.account.uid, credential.mail))?;
    context.log_change("unset", |event| event);
    Ok(())
}

/// Where a code is required, the next login must be able to set it up again.
fn insist_on_a_way_back(context: &Context<'_>, credential: &Credential) -> Result<(), Failure> {
    let enrollment = &context.policy.enrollment;
    let invited = !enrollment.needs_invitation || enrollment.mail_invitations && credential.mail.is_some();
    let at_login = !enrollment.at_login.is_empty() && invited;
    if at_login || context.strictest_mode()? != Mode::Required {
        return Ok(());
    }
    Err(Failure::Impossible(
        "two-factor login is required here, and no login could set it up again; `totp-enroll renew` moves it to another phone"
            .to_owned(),
    ))
}

/// The device of that name, or the only one.
pub(super) fn chosen<'c>(
    credential: &'c Credential,
    name: Option<&DeviceName>,
) -> Result<&'c Device, Failure> {
    let names: Vec<_> = credential.devices.iter().map(|device| device.name.as_str()).collect();
    match (name, credential.devices.as_slice()) {
        (Some(name), _) => credential.device(name).ok_or_else(|| {
            Failure::Impossible(format!(
                "there is no device named \"{name}\"; there are: {}",
                names.join(", ")
            ))
        }),
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::Impossible(format!(
            "there are several devices, say which with --device: {}",
            names.join(", ")
        ))),
    }
}
