//! Where a program goes with a request: to the store where it may open it, else to totp-helper.
//! The caller does not notice which.

use crate::account::Account;
use crate::clock::Timestamp;
use crate::event::EventLog;
use crate::helper::{self, Answered, Envelope, Version};
use crate::operation::{self, Actor, Context, Failure, LoginReply, Reply, Request};
use crate::policy::Policy;
use crate::source::Source;
use crate::store::{Store, StoreError};
use nix::unistd::{geteuid, getuid};

/// Whom a request is about, and where it comes from.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Whose files are meant.
    pub account: &'a Account,
    /// On whose behalf; what totp-helper makes of it is its own affair.
    pub actor: Actor,
    /// The PAM service, or the program's name.
    pub service: &'a str,
    /// PAM_RHOST, where there is one, for totp-helper, which finds out by itself what it means.
    pub remote_host: Option<&'a str>,
    /// What it means.
    pub source: Source,
}

/// The way to the store.
pub struct Desk<'a> {
    policy: &'a Policy,
    store: Option<Store>,
}

/// Which policy a desk works by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyOrigin {
    /// The system's, which totp-helper knows too.
    System,
    /// One that a PAM stack or root named; totp-helper ignores it.
    Named,
}

impl<'a> Desk<'a> {
    /// Opens the policy's store, or finds that the helper is needed.
    ///
    /// A set-user-ID program such as su can open the store, but its caller can stop it, renice it and
    /// limit it while it holds a lock: there the helper acts, which is out of the caller's reach.
    ///
    /// # Errors
    /// [`Failure::Unusable`] where the store is missing or unsafe, or the helper that is needed is missing.
    pub fn open(policy: &'a Policy, origin: PolicyOrigin) -> Result<Self, Failure> {
        if origin == PolicyOrigin::System && getuid() != geteuid() {
            return Self::of_helper(policy);
        }
        match Store::open(&policy.store) {
            Ok(store) => Ok(Self { policy, store: Some(store) }),
            Err(StoreError::NotPermitted) => Self::of_helper(policy),
            Err(error) => Err(Failure::of_store(&error)),
        }
    }

    /// Whether the helper is there is found out before anybody asks about a user: a login of a name that nobody has
    /// never calls it, and must not look different.
    fn of_helper(policy: &'a Policy) -> Result<Self, Failure> {
        helper::ensure_installed()?;
        Ok(Self { policy, store: None })
    }

    /// The store itself, for what root does directly; `None` where the helper is needed.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Does what `request` asks, as of `now`.
    ///
    /// # Errors
    /// [`Failure`], as [`operation::perform`].
    pub fn perform(
        &self,
        caller: &Caller<'_>,
        now: Timestamp,
        log: &dyn EventLog,
        request: Request,
    ) -> Result<Reply, Failure> {
        match &self.store {
            Some(store) => operation::perform(&self.context(store, caller, now, log), request),
            None => helper::call(&envelope(caller, request), Answered::<Reply>::parse),
        }
    }

    /// Does what a login asks, for the module, which needs no other errands.
    ///
    /// # Errors
    /// [`Failure`], as [`operation::perform_for_login`].
    pub fn perform_for_login(
        &self,
        caller: &Caller<'_>,
        now: Timestamp,
        log: &dyn EventLog,
        request: Request,
    ) -> Result<LoginReply, Failure> {
        match &self.store {
            Some(store) => operation::perform_for_login(&self.context(store, caller, now, log), request),
            None => helper::call(&envelope(caller, request), Answered::<LoginReply>::parse),
        }
    }

    fn context<'c>(
        &'c self,
        store: &'c Store,
        caller: &Caller<'c>,
        now: Timestamp,
        log: &'c dyn EventLog,
    ) -> Context<'c> {
        Context {
            store,
            policy: self.policy,
            account: caller.account,
            actor: caller.actor,
            service: caller.service,
            source: caller.source,
            now,
            log,
        }
    }
}

fn envelope(caller: &Caller<'_>, request: Request) -> Envelope {
    Envelope {
        version: Version::CURRENT,
        user: caller.account.name.to_string(),
        service: caller.service.to_owned(),
        remote_host: caller.remote_host.map(str::to_owned),
        request,
    }
}
