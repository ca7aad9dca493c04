//! What an administrator sees of many users at a glance, and what is left of users who are gone.

use super::super::Failure;
use super::super::orphan::{self, Orphan};
use crate::account::{Account, Groups};
use crate::clock::Timestamp;
use crate::credential::CredentialId;
use crate::login::dearest_guess;
use crate::policy::{Mode, Policy, Subject};
use crate::source::Source;
use crate::store::{Holding, Store};
use crate::throttle::{Ledger, Party, ThrottleState};

/// One user at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Whether a code is needed: the strictest that any login of this user meets.
    pub mode: Mode,
    /// Whether an administrator's override says so.
    pub overridden: bool,
    /// The orphan that may be this user's, who is not let in meanwhile.
    pub orphan: Option<Orphan>,
    /// The names of the devices; none for a user who is not set up.
    pub devices: Vec<String>,
    /// Whether a source must wait, or a budget of guesses is used up.
    pub throttled: bool,
    /// Whether an invitation is good.
    pub invited: bool,
    /// When a code was last accepted.
    pub last_login: Option<Timestamp>,
}

/// Looks at one user, without a lock.
///
/// # Errors
/// [`Failure::UserUnusable`] where a file of theirs cannot be used; the text names it.
pub fn survey(
    store: &Store,
    policy: &Policy,
    account: &Account,
    holding: Holding,
    now: Timestamp,
) -> Result<Survey, Failure> {
    let made = if holding.mode { store.mode_override(&account.name)? } else { None };
    let overridden = made.and_then(|made| made.in_force(account.uid, now));
    let groups = Groups::of(account);
    let subject = Subject { user: Some(&account.name), groups: &groups, service: None, source: None };
    let found = if holding.credential { store.credential(&account.name)? } else { None };
    let credential = found.filter(|credential| credential.uid == account.uid);
    let id = credential.as_ref().map_or(CredentialId::none_of(account.uid), |credential| credential.id);
    let cost = credential.as_ref().map_or(0, |credential| dearest_guess(policy, credential));
    let orphan = if credential.is_some() { None } else { orphan::find(store, account)? };
    let decided = policy.decide(overridden, &subject).mode;
    let mut survey = Survey {
        mode: if orphan.is_some() { orphan::strictest(decided) } else { decided },
        overridden: overridden.is_some(),
        orphan,
        devices: credential
            .map(|credential| {
                credential.devices.iter().map(|device| device.name.as_str().to_owned()).collect()
            })
            .unwrap_or_default(),
        throttled: false,
        invited: false,
        last_login: None,
    };
    if holding.state {
        let mut state = store.glance_at_state(&account.name, id)?;
        state.ledger.clamp_to(now);
        let limits = &policy.throttle;
        survey.throttled = state.ledger.longest_wait(now, limits) > 0
            || !state.ledger.exhausted(cost, now, limits).is_empty();
        survey.invited = state.invitation.is_some_and(|invitation| invitation.code.is_alive(now));
        survey.last_login = state.ledger.last_success();
    }
    Ok(survey)
}

/// What a source may do next with a code of this user, and with whom it shares a budget; see
/// [`Ledger::state_of`](crate::throttle::Ledger).
///
/// # Errors
/// As [`survey`].
pub fn throttle_state(
    store: &Store,
    policy: &Policy,
    account: &Account,
    source: Source,
    now: Timestamp,
) -> Result<(Party, ThrottleState), Failure> {
    let found = store.credential(&account.name)?.filter(|credential| credential.uid == account.uid);
    let Some(credential) = found else {
        return Ok((Ledger::default().party(source, now), ThrottleState::Free));
    };
    let mut state = store.glance_at_state(&account.name, credential.id)?;
    state.ledger.clamp_to(now);
    let cost = dearest_guess(policy, &credential);
    Ok((state.ledger.party(source, now), state.ledger.state_of(source, cost, now, &policy.throttle)))
}

/// Why nothing needs what is kept of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The system does not know the user.
    NoSuchUser,
    /// The user has another uid than the one it was made for.
    OtherUid,
}

/// Whether what is kept of a user is that of somebody who is gone; `account` is what the name service says.
///
/// # Errors
/// As [`survey`]; what cannot be read is never taken for something that can go.
pub fn is_gone(
    store: &Store,
    account: Option<&Account>,
    user: &crate::name::UserName,
    holding: Holding,
) -> Result<Option<Gone>, Failure> {
    let Some(account) = account else { return Ok(Some(Gone::NoSuchUser)) };
    let of_credential =
        if holding.credential { store.credential(user)?.map(|found| found.uid) } else { None };
    let of_override = if holding.mode { store.mode_override(user)?.map(|made| made.uid) } else { None };
    let other = |uid: Option<u32>| uid.is_some_and(|uid| uid != account.uid);
    Ok((other(of_credential) || other(of_override)).then_some(Gone::OtherUid))
}
