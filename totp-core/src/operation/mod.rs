//! What can be asked of the store: one file an errand, each under the user's lock from reading to record.
//!
//! The same [`perform`] runs in a root process and in totp-helper; [`Desk`](crate::desk::Desk) chooses.

pub mod admin;
mod at_login;
mod attempt;
mod devices;
pub mod orphan;
mod recovery;
mod request;
mod setup;
mod status;

pub use request::{
    Begun, Confirmed, DeviceStatus, Failure, Found, HostStatus, Intent, Judged, LoginReply, OrphanStatus,
    Outlook, OverrideStatus, Probe, Purpose, Reply, Request, SessionStart, Shown, Status, TemporaryStatus,
};

use crate::account::{Account, Groups};
use crate::clock::Timestamp;
use crate::credential::Credential;
use crate::event::{Event, EventLog, Level};
use crate::mode_override::ModeOverride;
use crate::policy::{Mode, Policy, Subject};
use crate::source::Source;
use crate::state::State;
use crate::store::{LockedUser, Store};
use std::cell::RefCell;

/// On whose behalf something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The user themselves; the policy says what they may do.
    Owner,
    /// A login program, in the name of the user who logs in.
    Host,
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
        self.log.event(Level::Notice, &more(self.event(name, "done", None).with("by", &self.by())));
    }

    /// Who acts, for the log and for files.
    fn by(&self) -> &str {
        match self.actor {
            Actor::Owner | Actor::Host => self.account.name.as_str(),
            Actor::Root => "root",
        }
    }

    /// An administrator's override, if it is this account's.
    fn mode_override(&self) -> Result<Option<ModeOverride>, Failure> {
        let found = self.store.mode_override(&self.account.name)?;
        let Some(other) = found.as_ref().filter(|made| made.uid != self.account.uid) else {
            return Ok(found);
        };
        let event = self
            .event("mode", "ignored", Some("other-uid"))
            .with("uid", &self.account.uid)
            .with("override_uid", &other.uid);
        self.log.event(Level::Warning, &event);
        Ok(None)
    }

    /// The mode of the override in force.
    fn overridden(&self) -> Result<Option<Mode>, Failure> {
        Ok(self.mode_override()?.and_then(|made| made.in_force(self.account.uid, self.now)))
    }

    /// The strictest mode that any login of this user meets, whatever its service and its source.
    fn strictest_mode(&self) -> Result<Mode, Failure> {
        let groups = Groups::of(self.account);
        let subject =
            Subject { user: Some(&self.account.name), groups: &groups, service: None, source: None };
        Ok(self.policy.decide(self.overridden()?, &subject).mode)
    }

    /// The state of a user without a credential. One that has none is not given a file for having been
    /// asked about.
    fn newcomer(&self) -> Result<State, Failure> {
        let user = self.store.lock_if_there(&self.account.name)?;
        user.map_or_else(|| Ok(State::default()), |user| Ok(user.newcomer(self.account.uid)?))
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
        let user = match self.store.lock_if_there(&self.account.name)? {
            Some(user) => user,
            None if self.store.has_credential(&self.account.name)? => self.store.lock(&self.account.name)?,
            None => return Err(Failure::NotConfigured),
        };
        let Some(credential) = self.own_credential(user.credential(&self.account.name)?) else {
            // It went away while this waited for the lock, which made a new state file.
            let _ = user.tidy(&self.account.name);
            return Err(Failure::NotConfigured);
        };
        Ok((user, credential))
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

/// Does what a login asks; a request that none makes is refused.
///
/// # Errors
/// [`Failure`], as [`perform`].
pub fn perform_for_login(context: &Context<'_>, request: Request) -> Result<LoginReply, Failure> {
    with_held_log(context, |context| answer_login(context, request))
}

fn answer_login(context: &Context<'_>, request: Request) -> Result<LoginReply, Failure> {
    match request {
        Request::Probe => attempt::probe(context).map(LoginReply::Probed),
        Request::Judge { intent, typed, second_try } => {
            attempt::judge(context, intent, &typed, second_try).map(LoginReply::Judged)
        }
        Request::Welcome { typed } => at_login::welcome(context, &typed).map(LoginReply::Welcome),
        Request::Outlook => at_login::outlook(context).map(LoginReply::Outlook),
        Request::PutOff => at_login::put_off(context).map(LoginReply::PutOff),
        Request::BeginAtLogin { nonce, invited } => {
            at_login::begin(context, nonce, invited).map(LoginReply::Begun)
        }
        Request::ProveAtLogin { nonce, code } => {
            at_login::prove(context, nonce, &code).map(LoginReply::RecoveryCodes)
        }
        Request::OpenSession { nonce } => at_login::open_session(context, nonce).map(LoginReply::Session),
        Request::Abandon { nonce } => setup::abandon(context, nonce).map(|()| LoginReply::Done),
        Request::Acknowledge { count, latest } => {
            at_login::acknowledge(context, count, latest).map(|()| LoginReply::Done)
        }
        _ => Err(Failure::Impossible("no login asks for this".to_owned())),
    }
}

fn answer(context: &Context<'_>, request: Request) -> Result<Reply, Failure> {
    match request {
        Request::Status => status::status(context).map(|status| Reply::Status(Box::new(status))),
        Request::Begin { purpose, device, code } => {
            setup::begin(context, purpose, device, code.as_deref().map(String::as_str)).map(Reply::Begun)
        }
        Request::Confirm { nonce, code } => setup::confirm(context, nonce, &code).map(Reply::Confirmed),
        Request::Show { device, code } => devices::show(context, device.as_ref(), &code).map(Reply::Shown),
        Request::RemoveDevice { device, code } => {
            devices::remove(context, &device, &code).map(|()| Reply::Done)
        }
        Request::Unset { code } => devices::unset(context, &code).map(|()| Reply::Done),
        Request::RenewRecovery { code } => recovery::renew(context, &code).map(Reply::RecoveryCodes),
        Request::ForgetHosts => status::forget_hosts(context).map(|()| Reply::Done),
        login => answer_login(context, login).map(Reply::from),
    }
}

#[cfg(test)]
mod tests;
