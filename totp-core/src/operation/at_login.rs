//! Set-up during login: what its three PAM phases ask for.
//!
//! In the auth phase nothing is written, for nobody knows yet whether the password was right. The account
//! phase runs only after the whole auth stack said yes: it draws a secret and has it proven. The session
//! phase makes it count, for later modules and the program itself may still have refused.

use super::orphan::Orphan;
use super::setup::Proof;
use super::{Actor, Begun, Context, Failure, Outlook, SessionStart, attempt, setup};
use crate::answer::Answer;
use crate::clock::Timestamp;
use crate::credential::{CredentialId, DeviceName};
use crate::event::Level;
use crate::issued::{Handover, InvitationId};
use crate::login::Record;
use crate::login::newcomer::{self, BETWEEN_MAILS, Grace, Welcome};
use crate::pending::{AtLogin, Nonce, Pending, Proven, Purpose};
use crate::recovery::{PrintedCodes, RecoverySet};

/// Only a program that logs people in may ask: whoever else could set up without a login.
fn insist_on_host(context: &Context<'_>) -> Result<(), Failure> {
    match context.actor {
        Actor::Host | Actor::Root => Ok(()),
        Actor::Owner => Err(Failure::NotPermitted("only a login program may ask for this".to_owned())),
    }
}

/// Judges the answer of a user who is not set up.
pub(super) fn welcome(context: &Context<'_>, typed: &str) -> Result<Welcome, Failure> {
    let orphan = context.orphan()?;
    // A login is let in by what an administrator issued, if by anything. A screen locker is told why not at once.
    let refused = |orphan: &Orphan| {
        let event = context
            .event("login", "denied", Some(orphan.reason()))
            .with("former_user", orphan.name(context.account))
            .with("former_uid", &orphan.uid(context.account));
        context.log.event(Level::Warning, &event);
        Failure::Orphaned(orphan.way_out(context.account))
    };
    if let Some(orphan) = orphan.as_ref().filter(|_| context.actor == Actor::Owner) {
        return Err(refused(orphan));
    }
    insist_on_host(context)?;
    let judge = |state| {
        let answer = Answer::parse(typed.as_bytes());
        newcomer::welcome(context.policy, state, &answer, context.now)
    };
    // Who has no state has no code to spend, and is given no file for having tried one.
    let Some(mut user) = context.store.lock_if_there(&context.account.name)? else {
        return match &orphan {
            Some(orphan) => Err(refused(orphan)),
            None => Ok(judge(crate::state::State::default()).0),
        };
    };
    if context.own_credential(user.credential(&context.account.name)?).is_some() {
        return Err(setup::changed_meanwhile());
    }
    let (welcome, next) = judge(user.newcomer(context.account.uid)?);
    if let Welcome::Accepted(factor) = &welcome {
        user.record(&next, Record::Durable)?;
        attempt::log_acceptance(context, "login", factor, None);
    } else if let Some(orphan) = &orphan {
        return Err(refused(orphan));
    }
    Ok(welcome)
}

/// How the login can go on without a set-up.
pub(super) fn outlook(context: &Context<'_>) -> Result<Outlook, Failure> {
    insist_on_host(context)?;
    let state = context.newcomer()?;
    let invitation = state.invitation.as_ref().filter(|invitation| invitation.code.is_alive(context.now));
    let handover = invitation.map(|invitation| invitation.handover);
    Ok(Outlook {
        grace: newcomer::grace(context.policy, &state, context.now),
        mailbox: newcomer::mailbox(context.policy, &state).map(masked),
        mailed_lately: match handover {
            Some(Handover::Mailed(mailed)) => context.now.since(mailed) < BETWEEN_MAILS,
            Some(Handover::ByHand | Handover::Mailing) | None => false,
        },
        handed_over: handover == Some(Handover::ByHand),
    })
}

/// An address that its owner knows again, and nobody else: `a...@example.org`.
fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}...@{domain}")
}

/// Puts set-up off for this login. No set-up of an earlier login that was cut off may keep this one out.
pub(super) fn put_off(context: &Context<'_>) -> Result<Grace, Failure> {
    insist_on_host(context)?;
    let (mut user, credential) = context.locked()?;
    if credential.is_some() {
        return Err(setup::changed_meanwhile());
    }
    setup::ensure_no_orphan(context, &user)?;
    let mut state = user.newcomer(context.account.uid)?;
    let Some(left) = newcomer::put_off(context.policy, &mut state, context.now) else {
        user.tidy(&context.account.name)?;
        return Err(Failure::NotConfigured);
    };
    user.remove_pending()?;
    match left {
        Grace::Until(_) => user.tidy(&context.account.name)?,
        Grace::Logins(_) => user.record(&state, Record::Durable)?,
    }
    let event = context.event("setup", "put-off", None).with("grace", &left);
    context.log.event(Level::Notice, &event);
    Ok(left)
}

/// Draws a secret for the login that has this nonce.
pub(super) fn begin(
    context: &Context<'_>,
    nonce: Nonce,
    invited: Option<InvitationId>,
) -> Result<Begun, Failure> {
    insist_on_host(context)?;
    let (user, credential) = context.locked()?;
    if credential.is_some() {
        return Err(setup::changed_meanwhile());
    }
    setup::ensure_no_orphan(context, &user)?;
    if let Some(invitation) = invited
        && !setup::stands(context, &user, invitation)?
    {
        return Err(setup::no_invitation_any_more());
    }
    if context.policy.enrollment.needs_invitation && invited.is_none() {
        return Err(Failure::NotPermitted("a first set-up takes an invitation on this host".to_owned()));
    }
    let pending = Pending {
        nonce,
        purpose: Purpose::First,
        uid: context.account.uid,
        from: CredentialId::ZERO,
        begun: context.now,
        failures: 0,
        invited,
        at_login: Some(AtLogin { service: context.service.to_owned(), proven: None }),
        device: setup::new_device(context, DeviceName::default())?,
    };
    user.write_pending(&pending)?;
    Ok(setup::begun(context, &pending))
}

/// Takes the first code. The device still counts for nothing: the session has yet to open.
pub(super) fn prove(context: &Context<'_>, nonce: Nonce, typed: &str) -> Result<PrintedCodes, Failure> {
    insist_on_host(context)?;
    let (user, credential) = context.locked()?;
    let mut pending = setup::matching(context, &user, credential.as_ref(), nonce)?;
    let step = setup::prove(context, &user, &mut pending, typed)?;
    let (recovery, printed) = RecoverySet::generate(usize::from(context.policy.recovery_codes))?;
    let service = context.service.to_owned();
    pending.at_login = Some(AtLogin { service, proven: Some(Proven { step, recovery }) });
    user.write_pending(&pending)?;
    Ok(printed)
}

/// Makes the set-up of this login count. A login without one is refused while another login of this
/// service has one that was proven: the user's environment may have lost the marker.
pub(super) fn open_session(context: &Context<'_>, nonce: Option<Nonce>) -> Result<SessionStart, Failure> {
    insist_on_host(context)?;
    let Some(nonce) = nonce else {
        let waiting = context.store.pending(&context.account.name)?.filter(|pending| {
            let proven = pending
                .at_login
                .as_ref()
                .is_some_and(|login| login.service == context.service && login.proven.is_some());
            proven && pending.uid == context.account.uid && pending.is_alive(context.now)
        });
        let Some(waiting) = waiting else { return Ok(SessionStart::Nothing) };
        // One that became the credential, in a process that was killed before it could remove it, waits for
        // nothing.
        let credential = context.own_credential(context.store.credential(&context.account.name)?);
        return if waiting.from == credential.map_or(CredentialId::ZERO, |credential| credential.id) {
            Err(Failure::Impossible("a set-up of this user on this service has not been finished".to_owned()))
        } else {
            Ok(SessionStart::Nothing)
        };
    };
    // Who has none under way is given no state file for a marker of their own making.
    if context.store.pending(&context.account.name)?.is_none() {
        return Err(setup::none_under_way());
    }
    let (mut user, credential) = context.locked()?;
    let mut pending = setup::matching(context, &user, credential.as_ref(), nonce)?;
    let Some(AtLogin { service, proven: Some(proven) }) = pending.at_login.take() else {
        return Err(Failure::Impossible("the set-up was not proven by a code".to_owned()));
    };
    if service != context.service {
        return Err(Failure::Impossible("the set-up was begun on another service".to_owned()));
    }
    setup::ensure_no_orphan(context, &user)?;
    setup::insist_on_invitation(context, &user, &pending)?;
    let device = pending.device.name.clone();
    setup::set_up(context, &mut user, pending.device, Proof::Login(proven.step), proven.recovery)?;
    user.end_pending();
    context.log_change("setup", |event| event.with("device", &device));
    Ok(SessionStart::Activated)
}

/// Forgets the refused codes that the session of this login told its owner of.
pub(super) fn acknowledge(context: &Context<'_>, count: u32, latest: Timestamp) -> Result<(), Failure> {
    insist_on_host(context)?;
    let (mut user, credential) = context.locked_with_credential()?;
    let mut state = user.state_of(credential.id)?;
    state.end_refused(count, latest);
    // Where that is lost in a crash they are told twice.
    Ok(user.record(&state, Record::Written)?)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn an_address_keeps_its_first_letter_and_its_domain() {
        assert_eq!(masked("alice@example.org"), "a...@example.org");
        assert_eq!(masked("\u{fc}@x"), "\u{fc}...@x");
    }
}
