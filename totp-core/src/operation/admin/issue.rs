//! Codes that root issues: an invitation to set up, and a temporary code for a forgotten phone.

use super::super::{Context, Failure, with_held_log};
use crate::clock::Timestamp;
use crate::credential::CredentialId;
use crate::issued::{Invitation, Issued, TemporaryCode};
use crate::login::Record;
use zeroize::Zeroizing;

/// An invitation as it is handed over.
pub struct Invited {
    /// The code as it is printed. Wiped when dropped.
    pub code: Zeroizing<String>,
    /// When it ends.
    pub expires: Timestamp,
    /// The address it is to be mailed to.
    pub mail: Option<String>,
}

/// How an invitation reaches its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The administrator hands it over.
    ByHand,
    /// By mail to this address, which is remembered once the mail system took it.
    Mail(String),
    /// By mail to the address that is known.
    KnownMail,
}

/// Draws an invitation in the place of any other, good for `lives_for` seconds.
///
/// # Errors
/// [`Failure::Impossible`] for a user who is set up, and where no address is known.
pub fn invite(context: &Context<'_>, lives_for: u64, delivery: Delivery) -> Result<Invited, Failure> {
    with_held_log(context, |context| invite_now(context, lives_for, delivery))
}

fn invite_now(context: &Context<'_>, lives_for: u64, delivery: Delivery) -> Result<Invited, Failure> {
    let name = &context.account.name;
    let (mut user, credential) = context.locked()?;
    if credential.is_some() {
        return Err(Failure::Impossible(format!(
            "{name} is set up already and needs no invitation; `totp-enroll admin revoke {name}` comes first where the phone is lost"
        )));
    }
    let mut state = user.newcomer(context.account.uid);
    let mail = match delivery {
        Delivery::ByHand => None,
        Delivery::Mail(address) => Some(address),
        Delivery::KnownMail => match &state.mail {
            Some(address) => Some(address.clone()),
            None => {
                user.tidy(name)?;
                let why = format!("no mail address of {name} is known; name one with --mail");
                return Err(Failure::Impossible(why));
            }
        },
    };
    let (code, printed) = Issued::draw(context.now, lives_for)?;
    let expires = code.expires;
    // Mailed, and to an address worth remembering, is what the mail system took: see `invitation_mailed`.
    state.invitation = Some(Invitation { code, mailed: None });
    user.record(&state, Record::Durable)?;
    let by = if mail.is_some() { "mail" } else { "hand" };
    let until = expires.to_rfc3339();
    context.log_change("invite", |event| event.with("delivery", &by).with("until", &until));
    Ok(Invited { code: printed, expires, mail })
}

/// Notes that the mail system took the invitation for this address, and remembers the address.
///
/// # Errors
/// [`Failure::Unusable`].
pub fn invitation_mailed(context: &Context<'_>, address: &str) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let mut user = context.store.lock(&context.account.name)?;
        let mut state = user.newcomer(context.account.uid);
        if let Some(invitation) = &mut state.invitation {
            invitation.mailed = Some(context.now);
            state.mail = Some(address.to_owned());
            user.record(&state, Record::Durable)?;
        }
        Ok(())
    })
}

/// Withdraws the invitation of a user, as where it could not be mailed.
///
/// # Errors
/// [`Failure::Unusable`].
pub fn withdraw_invitation(context: &Context<'_>) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let mut user = context.store.lock(&context.account.name)?;
        let mut state = user.newcomer(context.account.uid);
        if state.invitation.take().is_some() {
            user.record(&state, Record::Durable)?;
            context.log_change("invite-withdraw", |event| event);
        }
        Ok(())
    })
}

/// Draws a temporary code in the place of any other, good for `lives_for` seconds and so many logins.
///
/// # Errors
/// [`Failure::Unusable`].
pub fn code(
    context: &Context<'_>,
    lives_for: u64,
    uses: u8,
) -> Result<(Zeroizing<String>, Timestamp), Failure> {
    with_held_log(context, |context| {
        let (mut user, credential) = context.locked()?;
        let id = credential.map_or(CredentialId::none_of(context.account.uid), |credential| credential.id);
        let (code, printed) = Issued::draw(context.now, lives_for)?;
        let expires = code.expires;
        let mut state = user.state_of(id);
        state.temporary = Some(TemporaryCode { code, uses_left: uses });
        user.record(&state, Record::Durable)?;
        let until = expires.to_rfc3339();
        context.log_change("temporary-code", |event| event.with("uses", &uses).with("until", &until));
        Ok((printed, expires))
    })
}
