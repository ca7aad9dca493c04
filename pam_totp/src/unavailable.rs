//! What a login needs and cannot use: whom it concerns, who may hear of it, and where it is noted.
//!
//! Whoever sees "cannot check codes" learns something of the name that was typed, unless every name meets the same. So
//! it is told to all only where it was found before the name was looked up, or where no name can be looked up. All
//! else is for local users, who see the machine anyway.

use crate::conversation::Message;
use crate::login::Login;
use nix::unistd::{geteuid, getuid};
use pamsm::PamError;
use std::path::Path;
use totp_core::account::{Account, AccountError};
use totp_core::clock::Timestamp;
use totp_core::event::{EventLog as _, Level};
use totp_core::incident::{Concerned, DIRECTORY, Incident};
use totp_core::name::UserName;
use totp_core::operation::Failure;
use totp_core::source::Source;

/// What everybody hears where codes of no name can be checked, without a path or any other detail.
const CANNOT_CHECK: &str = "This host cannot check codes now; it is not your code.";

/// Whom a failure concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// The whole host, and every name that is typed meets it in the same way.
    EveryName,
    /// The whole host, but not every name meets it: one that no account has, or one of /etc/passwd, may not.
    SomeNames,
    /// The files or the lock of this user.
    User(UserName),
}

/// Something that a login needs cannot be used.
#[derive(Debug)]
pub(crate) struct Unavailable {
    /// Whom it concerns.
    pub(crate) concern: Concern,
    /// What it is, for the log and for local users.
    pub(crate) reason: String,
}

impl Unavailable {
    /// Found before the user is looked up.
    pub(crate) fn every_name(reason: impl ToString) -> Self {
        Self { concern: Concern::EveryName, reason: reason.to_string() }
    }

    /// Found after that, though it is no fault of this user's files.
    pub(crate) fn some_names(reason: impl ToString) -> Self {
        Self { concern: Concern::SomeNames, reason: reason.to_string() }
    }

    /// What was not done for a user who exists.
    pub(crate) fn of(failure: &Failure, account: &Account) -> Self {
        let concern = match failure {
            Failure::Unusable(_) => Concern::SomeNames,
            _ => Concern::User(account.name.clone()),
        };
        Self { concern, reason: failure.to_string() }
    }

    /// A name could not be looked up.
    pub(crate) fn of_look_up(error: &AccountError) -> Self {
        // Names of /etc/passwd are found while a directory is down. root stands there, so that where not even
        // root is found no name is.
        let concern = match (error, Account::by_name("root")) {
            (AccountError::NameService(_), Err(_)) => Concern::EveryName,
            _ => Concern::SomeNames,
        };
        Self { concern, reason: error.to_string() }
    }

    fn concerned(&self) -> Concerned<'_> {
        match &self.concern {
            Concern::EveryName | Concern::SomeNames => Concerned::Host,
            Concern::User(user) => Concerned::User(user),
        }
    }
}

/// What totp-helper never says.
pub(crate) fn odd_reply() -> Unavailable {
    Unavailable::some_names("totp-helper answered another question than was asked")
}

impl Login<'_> {
    /// Logs and notes what cannot be used.
    pub(crate) fn note_unavailable(&self, unavailable: &Unavailable) {
        self.log.event(Level::Error, &self.event("login", "unavailable", &unavailable.reason));
        self.keep_incident(unavailable);
    }

    /// Notes it for `totp-enroll admin why`.
    pub(crate) fn keep_incident(&self, unavailable: &Unavailable) {
        if geteuid().is_root() {
            let incident = Incident::new(Timestamp::now(), &self.service, self.source, &unavailable.reason);
            // The log has it in any case.
            let _ = incident.keep(Path::new(DIRECTORY), unavailable.concerned());
        }
    }

    /// Logs and notes what cannot be used, tells whoever may hear of it, and denies.
    pub(crate) fn deny_unavailable(&self, unavailable: &Unavailable) -> PamError {
        self.note_unavailable(unavailable);
        if self.is_local() {
            self.tell_unavailable_here(unavailable);
        } else if unavailable.concern == Concern::EveryName {
            self.tell(Message::Error(CANNOT_CHECK));
        }
        PamError::AUTHINFO_UNAVAIL
    }

    /// PAM's word for it in the auth phase. Programs pass on which word ended the stack, Cockpit to anybody on the
    /// network, su to its caller, who can make this fail by a limit (`ulimit -n 8`). Behind a wrong password it is
    /// that for a wrong one; so it is behind a right one, or guesses at passwords would need no code.
    pub(crate) fn unavailable_answer(&self) -> PamError {
        let is_callers_own = getuid() == geteuid();
        if self.source == Source::Local && is_callers_own {
            PamError::AUTHINFO_UNAVAIL
        } else {
            PamError::AUTH_ERR
        }
    }

    /// Who sits at this machine is told what it is: the console may be the only way left to mend it.
    pub(crate) fn tell_unavailable_here(&self, unavailable: &Unavailable) {
        self.tell(Message::Error(&format!("{CANNOT_CHECK} {}", unavailable.reason)));
    }
}
