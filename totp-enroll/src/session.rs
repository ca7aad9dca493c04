//! Who calls, under which policy, and the way to the store: one request in, the reply to it out.

use crate::admin::orphans::Orphan;
use crate::asked::{Person, Places};
use crate::exit::Stop;
use crate::stacks;
use std::path::{Path, PathBuf};
use totp_core::POLICY_FILE;
use totp_core::account::Account;
use totp_core::clock::Timestamp;
use totp_core::desk::{Caller, Desk, PolicyOrigin};
use totp_core::name::UserName;
use totp_core::operation::{Actor, Begun, Confirmed, Context, Failure, Reply, Request, Shown, Status};
use totp_core::policy::Policy;
use totp_core::recovery::PrintedCodes;
use totp_core::source::Source;
use totp_core::store::Store;
use totp_core::syslog::Syslog;

/// The name of this program to the log, and its "service".
pub const SERVICE: &str = "totp-enroll";

/// One run of an administrator's, about many users.
pub struct Office {
    /// The policy in force.
    pub policy: Policy,
    /// Where that stands.
    pub policy_file: PathBuf,
    origin: PolicyOrigin,
}

impl Office {
    /// Whether it is the system's policy, not one that was named.
    pub fn is_of_system(&self) -> bool {
        self.origin == PolicyOrigin::System
    }

    /// For root alone.
    pub fn open(policy: Option<&Path>) -> Result<Self, Stop> {
        insist_on_root()?;
        let origin = if policy.is_some() { PolicyOrigin::Named } else { PolicyOrigin::System };
        let policy_file = policy.unwrap_or(Path::new(POLICY_FILE)).to_owned();
        Ok(Self { policy: Policy::load(&policy_file)?, policy_file, origin })
    }

    /// The store.
    pub fn store(&self) -> Result<Store, Stop> {
        Store::open(&self.policy.store).map_err(Stop::store)
    }
}

/// One run, about one user.
pub struct Session {
    /// The policy in force.
    pub policy: Policy,
    /// Where that stands.
    policy_file: PathBuf,
    /// Whom it is about.
    pub account: Account,
    origin: PolicyOrigin,
    actor: Actor,
    log: Syslog,
}

impl Session {
    /// For commands by which people serve themselves.
    pub fn of_caller(policy: Option<&Path>) -> Result<Self, Stop> {
        let uid = nix::unistd::getuid();
        if policy.is_some() && !uid.is_root() {
            return Err(Stop::RootOnly("--policy"));
        }
        let account = Account::by_uid(uid.as_raw())?.ok_or(Stop::Nobody(uid.as_raw()))?;
        let actor = if uid.is_root() { Actor::Root } else { Actor::Owner };
        Self::open(policy, account, actor)
    }

    /// For what root does to others.
    pub fn of_root(policy: Option<&Path>, user: &str) -> Result<Self, Stop> {
        insist_on_root()?;
        match Account::by_name(user)? {
            Some(account) => Self::open(policy, account, Actor::Root),
            None => Err(Self::of_nobody(policy, user).unwrap_or_else(|| Stop::NoSuchUser(user.to_owned()))),
        }
    }

    /// What is kept of a name that nobody has, if anything is.
    fn of_nobody(policy: Option<&Path>, user: &str) -> Option<Stop> {
        let name = UserName::new(user).ok()?;
        let store = Office::open(policy).ok()?.store().ok()?;
        let holding = *store.holdings().ok()?.get(&name)?;
        let orphan = Orphan::of(&store, &name, holding, None).ok()??;
        Some(Stop::Refused(format!("nothing was done: {}", orphan.in_words())))
    }

    /// As [`Self::of_root`], also for a user who was deleted and left files in the store.
    pub fn of_root_about_anybody(policy: Option<&Path>, user: &str) -> Result<Self, Stop> {
        insist_on_root()?;
        let account = match Account::by_name(user)? {
            Some(account) => account,
            None => {
                let name = UserName::new(user).map_err(|_| Stop::NoSuchUser(user.to_owned()))?;
                Account { name, uid: nix::libc::uid_t::MAX, gid: nix::libc::gid_t::MAX }
            }
        };
        Self::open(policy, account, Actor::Root)
    }

    /// For one of the users that an administrator's run is about.
    pub fn of_office(office: &Office, account: Account) -> Self {
        let (policy, policy_file) = (office.policy.clone(), office.policy_file.clone());
        let (origin, log) = (office.origin, Syslog::open(SERVICE));
        Self { policy, policy_file, account, origin, actor: Actor::Root, log }
    }

    fn open(policy: Option<&Path>, account: Account, actor: Actor) -> Result<Self, Stop> {
        let origin = if policy.is_some() { PolicyOrigin::Named } else { PolicyOrigin::System };
        let policy_file = policy.unwrap_or(Path::new(POLICY_FILE)).to_owned();
        let policy = Policy::load(&policy_file)?;
        Ok(Self { policy, policy_file, account, origin, actor, log: Syslog::open(SERVICE) })
    }

    /// Whether the system knows the user.
    pub fn exists(&self) -> bool {
        self.account.uid != nix::libc::uid_t::MAX
    }

    /// Where events go.
    pub fn log(&self) -> &Syslog {
        &self.log
    }

    /// The user's name, fit for a screen.
    pub fn user(&self) -> String {
        crate::text::printable(self.account.name.as_str())
    }

    /// The user's name as it is typed into a shell, for commands that are named as a way out.
    pub fn word(&self) -> String {
        crate::text::printable(&self.account.name.as_word())
    }

    /// Whether the policy lets this caller do what it `allows` or not.
    pub fn may(&self, allows: bool) -> bool {
        allows || self.actor == Actor::Root
    }

    /// The services whose logins set users up: those that policy and PAM stack both say so of.
    pub fn services_that_set_up(&self) -> Vec<String> {
        let ready = |service: &stacks::Service| {
            service.sets_up()
                && service.policy().is_none()
                && self.policy.enrollment.is_at_login(&service.name)
        };
        stacks::read().services.into_iter().filter(ready).map(|service| service.name).collect()
    }

    /// Where this user is asked for a code, as PAM stacks and policy say together.
    pub fn places(&self, status: &Status) -> Places {
        let person = Person {
            account: &self.account,
            overridden: status.overridden.as_ref().map(|made| made.mode),
            configured: status.configured,
        };
        Places::of(&person, &self.policy, &self.policy_file, &stacks::read())
    }

    /// Whether a first set-up takes an invitation of this caller.
    pub fn needs_invitation(&self) -> bool {
        self.policy.enrollment.needs_invitation && self.actor != Actor::Root
    }

    /// What sets this user up, for the one who reads it.
    pub fn way_to_set_up(&self) -> String {
        let own = self.account.uid == nix::unistd::getuid().as_raw();
        if !own {
            format!("`totp-enroll admin enroll {}` does it", self.word())
        } else if self.needs_invitation() {
            "an administrator hands out an invitation, and `totp-enroll enroll --invitation CODE` does it"
                .to_owned()
        } else if self.may(self.policy.enrollment.enroll) {
            "`totp-enroll enroll` does it".to_owned()
        } else {
            "ask an administrator: the policy of this host does not let users do it".to_owned()
        }
    }

    fn not_configured(&self) -> Stop {
        Stop::NotConfigured(self.user(), self.way_to_set_up())
    }

    fn perform(&self, request: Request) -> Result<Reply, Stop> {
        let caller = Caller {
            account: &self.account,
            actor: self.actor,
            service: SERVICE,
            remote_host: None,
            source: Source::Local,
        };
        let desk = Desk::open(&self.policy, self.origin)?;
        desk.perform(&caller, Timestamp::now(), &self.log, request).map_err(|failure| match failure {
            Failure::NotConfigured => self.not_configured(),
            failure => failure.into(),
        })
    }

    /// Does what root does directly in the store.
    pub fn administer<T>(&self, errand: impl FnOnce(&Context<'_>) -> Result<T, Failure>) -> Result<T, Stop> {
        let desk = Desk::open(&self.policy, self.origin)?;
        let store = desk.store().ok_or(Stop::RootOnly("the store"))?;
        let context = Context {
            store,
            policy: &self.policy,
            account: &self.account,
            actor: self.actor,
            service: SERVICE,
            source: Source::Local,
            now: Timestamp::now(),
            log: &self.log,
        };
        errand(&context).map_err(|failure| match failure {
            Failure::NotConfigured => Stop::NotConfigured(self.user(), "nothing was done".to_owned()),
            failure => failure.into(),
        })
    }

    /// What is set up, if anything is.
    pub fn status(&self) -> Result<Status, Stop> {
        match self.perform(Request::Status)? {
            Reply::Status(status) => Ok(*status),
            _ => Err(Stop::OddReply),
        }
    }

    /// What is set up, where something must be.
    pub fn configured(&self) -> Result<Status, Stop> {
        let status = self.status()?;
        if status.configured { Ok(status) } else { Err(self.not_configured()) }
    }

    /// Sends a request without a code that is bound to be refused, so that nobody types a code for it
    /// in vain. The library's own words say why.
    pub fn refuse_early(&self, bound: bool, request: Request) -> Result<(), Stop> {
        if bound { self.perform(request).map(drop) } else { Ok(()) }
    }

    /// Sends [`Request::Judge`].
    pub fn judged(&self, request: Request) -> Result<totp_core::login::Verdict, Stop> {
        match self.perform(request)? {
            Reply::Judged(judged) => Ok(judged.verdict),
            _ => Err(Stop::OddReply),
        }
    }

    /// Sends [`Request::Begin`].
    pub fn begun(&self, request: Request) -> Result<Begun, Stop> {
        match self.perform(request)? {
            Reply::Begun(begun) => Ok(begun),
            _ => Err(Stop::OddReply),
        }
    }

    /// Sends [`Request::Confirm`].
    pub fn confirmed(&self, request: Request) -> Result<Confirmed, Stop> {
        match self.perform(request)? {
            Reply::Confirmed(confirmed) => Ok(confirmed),
            _ => Err(Stop::OddReply),
        }
    }

    /// Sends [`Request::Show`].
    pub fn shown(&self, request: Request) -> Result<Shown, Stop> {
        match self.perform(request)? {
            Reply::Shown(shown) => Ok(shown),
            _ => Err(Stop::OddReply),
        }
    }

    /// Sends [`Request::RenewRecovery`].
    pub fn recovery_codes(&self, request: Request) -> Result<PrintedCodes, Stop> {
        match self.perform(request)? {
            Reply::RecoveryCodes(codes) => Ok(codes),
            _ => Err(Stop::OddReply),
        }
    }

    /// Sends a request that needs no answer but that it was done.
    pub fn done(&self, request: Request) -> Result<(), Stop> {
        match self.perform(request)? {
            Reply::Done => Ok(()),
            _ => Err(Stop::OddReply),
        }
    }
}

/// Stops whoever is not root.
pub fn insist_on_root() -> Result<(), Stop> {
    if nix::unistd::getuid().is_root() { Ok(()) } else { Err(Stop::RootOnly("`totp-enroll admin`")) }
}
