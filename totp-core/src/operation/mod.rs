//! What can be asked of the store: one file an errand, each under the user's lock from reading to record.
//!
//! The same [`perform`] runs in a root process and in totp-helper; [`Desk`](crate::desk::Desk) chooses.

pub mod admin;
mod attempt;
mod devices;
mod recovery;
mod request;
mod setup;
mod status;

pub use request::{
    Begun, Confirmed, DeviceStatus, Failure, HostStatus, Intent, Probe, Purpose, Reply, Request, Shown,
    Status,
};

use crate::account::Account;
use crate::clock::Timestamp;
use crate::credential::Credential;
use crate::event::{Event, EventLog, Level};
use crate::login::Verdict;
use crate::policy::Policy;
use crate::source::Source;
use crate::store::{LockedUser, Store};
use std::cell::RefCell;

/// On whose behalf something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The user themselves; the policy says what they may do.
    Owner,
    /// Root, for any user.
    Root,
}

/// Everything an errand needs besides the request.
pub struct Context<'a> {
    /// The open store.
    pub store: &'a Store,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Whose files are meant.
    pub account: &'a Account,
    /// On whose behalf.
    pub actor: Actor,
    /// The PAM service, or the program's name.
    pub service: &'a str,
    /// Where the request comes from.
    pub source: Source,
    /// The moment it is judged at.
    pub now: Timestamp,
    /// Where events go.
    pub log: &'a dyn EventLog,
}

impl<'a> Context<'a> {
    fn event(&self, name: &str, result: &str, reason: Option<&str>) -> Event {
        let event = Event::new(name).with("result", &result);
        let event = match reason {
            Some(reason) => event.with("reason", &reason),
            None => event,
        };
        event.with("user", &self.account.name).with("service", &self.service).with("from", &self.source)
    }

    /// Logs a change that was made, with who made it.
    fn log_change(&self, name: &str, more: impl FnOnce(Event) -> Event) {
        let by = match self.actor {
            Actor::Owner => self.account.name.as_str(),
            Actor::Root => "root",
        };
        self.log.event(Level::Notice, &more(self.event(name, "done", None).with("by", &by)));
    }

    /// The credential, if it is this account's: one of another uid is that of a user who had the same name.
    fn own_credential(&self, found: Option<Credential>) -> Option<Credential> {
        let credential = found?;
        if credential.uid == self.account.uid {
            return Some(credential);
        }
        let event = self
            .event("credential", "ignored", Some("other-uid"))
            .with("uid", &self.account.uid)
            .with("credential_uid", &credential.uid);
        self.log.event(Level::Warning, &event);
        None
    }

    fn locked(&self) -> Result<(LockedUser<'a>, Option<Credential>), Failure> {
        let user = self.store.lock(&self.account.name)?;
        let credential = self.own_credential(user.credential(&self.account.name)?);
        Ok((user, credential))
    }

    /// The user under lock with the credential there must be.
    fn locked_with_credential(&self) -> Result<(LockedUser<'a>, Credential), Failure> {
        // A user without one is not given a state file for having been asked about.
        if !self.store.has_credential(&self.account.name)? {
            return Err(Failure::NotConfigured);
        }
        let (user, credential) = self.locked()?;
        Ok((user, credential.ok_or(Failure::NotConfigured)?))
    }

    fn permit(&self, allowed: bool, what: &str) -> Result<(), Failure> {
        if allowed || self.actor == Actor::Root {
            return Ok(());
        }
        Err(Failure::NotPermitted(format!(
            "the policy of this host does not let users {what}; ask an administrator"
        )))
    }
}

/// Keeps log lines until no lock is held: a log daemon that hangs must not hold up other logins.
#[derive(Default)]
struct HeldLog(RefCell<Vec<(Level, String)>>);

impl EventLog for HeldLog {
    fn write(&self, level: Level, line: &str) {
        self.0.borrow_mut().push((level, line.to_owned()));
    }
}

/// Runs an errand, and writes its log lines when its lock is let go.
fn with_held_log<T>(
    context: &Context<'_>,
    errand: impl FnOnce(&Context<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let held = HeldLog::default();
    let done = errand(&Context { log: &held, ..*context });
    for (level, line) in held.0.into_inner() {
        context.log.write(level, &line);
    }
    done
}

/// Does what `request` asks.
///
/// # Errors
/// [`Failure`], with nothing changed but what a refused code counts.
pub fn perform(context: &Context<'_>, request: Request) -> Result<Reply, Failure> {
    with_held_log(context, |context| answer(context, request))
}

/// What a login will have to ask.
///
/// # Errors
/// [`Failure`], as [`perform`].
pub fn probe(context: &Context<'_>) -> Result<Probe, Failure> {
    with_held_log(context, attempt::probe)
}

/// Judges the answer of a login; see [`Request::Judge`].
///
/// # Errors
/// [`Failure`], as [`perform`].
pub fn judge_login(context: &Context<'_>, typed: &str, second_try: bool) -> Result<Verdict, Failure> {
    with_held_log(context, |context| attempt::judge(context, Intent::Login, typed, second_try))
}

fn answer(context: &Context<'_>, request: Request) -> Result<Reply, Failure> {
    match request {
        Request::Probe => attempt::probe(context).map(Reply::Probed),
        Request::Judge { intent, typed, second_try } => {
            attempt::judge(context, intent, &typed, second_try).map(Reply::Judged)
        }
        Request::Status => status::status(context).map(Reply::Status),
        Request::Begin { purpose, device, code } => {
            setup::begin(context, purpose, device, code.as_deref().map(String::as_str)).map(Reply::Begun)
        }
        Request::Confirm { nonce, code } => setup::confirm(context, nonce, &code).map(Reply::Confirmed),
        Request::Abandon { nonce } => setup::abandon(context, nonce).map(|()| Reply::Done),
        Request::Show { device, code } => devices::show(context, device.as_ref(), &code).map(Reply::Shown),
        Request::RemoveDevice { device, code } => {
            devices::remove(context, &device, &code).map(|()| Reply::Done)
        }
        Request::Unset { code } => devices::unset(context, &code).map(|()| Reply::Done),
        Request::RenewRecovery { code } => recovery::renew(context, &code).map(Reply::RecoveryCodes),
        Request::ForgetHosts => status::forget_hosts(context).map(|()| Reply::Done),
    }
}

#[cfg(test)]
mod tests;
