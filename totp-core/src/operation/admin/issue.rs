//! Codes that root issues: an invitation to set up, and a temporary code for a forgotten phone.

use super::super::{Context, Failure, with_held_log};
use crate::clock::Timestamp;
use crate::credential::CredentialId;
use crate::issued::{Handover, Invitation, InvitationId, Issued, TemporaryCode};
use crate::login::Record;
use crate::login::newcomer::BETWEEN_MAILS;
use crate::state::State;
use zeroize::Zeroizing;

/// An invitation as it is handed over.
pub struct Invited {
    /// The code as it is printed. Wiped when dropped.
    pub code: Zeroizing<String>,
    /// When it ends.
    pub expires: Timestamp,
    /// The address it is to be mailed to.
    pub mail: Option<String>,
    id: InvitationId,
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
    /// As that, by a login: it takes the place of none that an administrator handed over, and of none that was
    /// mailed, or was to be, a short while ago.
    AtLogin,
}

/// Draws an invitation in the place of any other, good for `lives_for` seconds. A set-up that was begun with
/// the other one ends.
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
            "{name} is set up already and needs no invitation; `totp-enroll admin revoke {}` comes first where the phone is lost",
            name.as_word()
        )));
    }
    let mut state = user.newcomer(context.account.uid)?;
    if delivery == Delivery::AtLogin {
        insist_on_place_for_mail(context, &state)?;
    }
    let mail = match delivery {
        Delivery::ByHand => None,
        Delivery::Mail(address) => Some(address),
        Delivery::KnownMail | Delivery::AtLogin => match &state.mail {
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
    let handover = if mail.is_some() { Handover::Mailing } else { Handover::ByHand };
    let invitation = Invitation { code, handover };
    let id = invitation.id();
    state.invitation = Some(invitation);
    user.record(&state, Record::Durable)?;
    let by = if mail.is_some() { "mail" } else { "hand" };
    let until = expires.to_rfc3339();
    context.log_change("invite", |event| event.with("delivery", &by).with("until", &until));
    Ok(Invited { code: printed, expires, mail, id })
}

/// Whoever knows a password can have a login mail an invitation: neither may that take one away that its user
/// has in hand, nor may many logins at once send many.
fn insist_on_place_for_mail(context: &Context<'_>, state: &State) -> Result<(), Failure> {
    let alive = state.invitation.as_ref().filter(|invitation| invitation.code.is_alive(context.now));
    let Some(Invitation { code, handover }) = alive else { return Ok(()) };
    let (name, until) = (&context.account.name, code.expires.to_rfc3339());
    if *handover == Handover::ByHand {
        return Err(Failure::Impossible(format!(
            "the invitation that was handed over to {name} is good until {until}; `totp-enroll admin invite {name} --mail ADDRESS` puts another in its place"
        )));
    }
    if context.now.since(code.issued) < BETWEEN_MAILS {
        return Err(Failure::Impossible(format!("an invitation of {name} was mailed a short while ago")));
    }
    Ok(())
}

/// Notes that the mail system took this invitation, if it still counts, and remembers where it went.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn invitation_mailed(context: &Context<'_>, invited: &Invited) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let mut user = context.store.lock(&context.account.name)?;
        let mut state = user.newcomer(context.account.uid)?;
        if let Some(invitation) = state.invitation.as_mut().filter(|found| found.id() == invited.id) {
            invitation.handover = Handover::Mailed(context.now);
            state.mail = invited.mail.clone().or(state.mail);
            return Ok(user.record(&state, Record::Durable)?);
        }
        Ok(user.tidy(&context.account.name)?)
    })
}

/// Withdraws this invitation, as where it could not be mailed; another that took its place meanwhile stays.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
pub fn withdraw_invitation(context: &Context<'_>, invited: &Invited) -> Result<(), Failure> {
    with_held_log(context, |context| {
        let mut user = context.store.lock(&context.account.name)?;
        let mut state = user.newcomer(context.account.uid)?;
        if state.invitation.take_if(|found| found.id() == invited.id).is_some() {
            user.record(&state, Record::Durable)?;
            context.log_change("invite-withdraw", |event| event);
        }
        Ok(user.tidy(&context.account.name)?)
    })
}

/// Draws a temporary code in the place of any other, good for `lives_for` seconds and so many logins.
///
/// # Errors
/// [`Failure::Unusable`], [`Failure::UserUnusable`].
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
        let mut state = user.state_of(id)?;
        state.temporary = Some(TemporaryCode { code, uses_left: uses });
        user.record(&state, Record::Durable)?;
        let until = expires.to_rfc3339();
        context.log_change("temporary-code", |event| event.with("uses", &uses).with("until", &until));
        Ok((printed, expires))
    })
}
