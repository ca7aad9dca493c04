//! How a run ends: the exit statuses, and the one sentence on standard error that goes with them.

use crate::text::{printable, wrapped};
use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use totp_core::account::AccountError;
use totp_core::operation::Failure;
use totp_core::policy::PolicyError;
use totp_core::store::StoreError;

/// The exit statuses that scripts can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Done = 0,
    /// Refused, or a wrong code.
    Refused = 1,
    /// The command line cannot be understood, or not be obeyed here.
    Usage = 2,
    /// Two-factor login is not set up.
    NotConfigured = 3,
    /// This user may not do it.
    NotPermitted = 4,
    /// Policy, store or name service cannot be used.
    Unusable = 5,
    /// Ended by a signal at a prompt, as shells count it.
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a run stops before it is done.
#[derive(Debug)]
pub enum Stop {
    /// The library says no.
    Failure(Failure),
    /// Two-factor login is not set up: for whom, and what to do about it.
    NotConfigured(String, String),
    /// The policy cannot be used.
    Policy(PolicyError),
    /// A user cannot be looked up.
    Account(AccountError),
    /// The caller's uid belongs to no user.
    Nobody(u32),
    /// There is no user of this name.
    NoSuchUser(String),
    /// Who is in this group cannot be known.
    GroupUnknowable(String),
    /// It is for root alone.
    RootOnly(&'static str),
    /// The command line asks for what cannot be: a sentence.
    Usage(String),
    /// It is refused here and now: a sentence.
    Refused(String),
    /// A secret would be printed where no person looks.
    NoTerminal(&'static str),
    /// Three wrong codes for a new device; what that leaves as it was.
    NotProven(&'static str),
    /// A question was not answered with yes.
    Declined,
    /// The input ended at a prompt.
    EndOfInput,
    /// A line longer than any answer.
    LongLine,
    /// The answer to a request was one to another.
    OddReply,
    /// Standard input cannot be read.
    Input(io::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// An administrator's set-up stands, but could not be printed: whose, as told and as typed.
    Unprinted(String, String, io::Error),
    /// A file cannot be written.
    File(PathBuf, io::Error),
    /// What was given is no secret; it is not repeated, for it may be one with a wrong letter.
    NoSecret,
    /// A secret does not fit a QR code.
    NoQrCode,
    /// Signals cannot be caught.
    Signals(ctrlc::Error),
    /// All has been said.
    Told(Status),
}

impl Stop {
    /// The store cannot be used.
    pub fn store(error: StoreError) -> Self {
        Self::Failure(error.into())
    }

    /// The exit status.
    pub fn status(&self) -> Status {
        match self {
            Self::Failure(failure) => match failure {
                Failure::Refused(_)
                | Failure::NotProven { .. }
                | Failure::Impossible(_)
                | Failure::Orphaned(_) => Status::Refused,
                Failure::NotConfigured => Status::NotConfigured,
                Failure::NotPermitted(_) => Status::NotPermitted,
                Failure::Unusable(_) | Failure::UserUnusable(_) => Status::Unusable,
            },
            Self::NotConfigured(..) => Status::NotConfigured,
            Self::RootOnly(_) => Status::NotPermitted,
            Self::NoTerminal(_) | Self::Usage(_) => Status::Usage,
            Self::Policy(_)
            | Self::Account(_)
            | Self::Nobody(_)
            | Self::GroupUnknowable(_)
            | Self::OddReply
            | Self::Signals(_) => Status::Unusable,
            Self::NoSuchUser(_)
            | Self::Refused(_)
            | Self::NotProven(_)
            | Self::Declined
            | Self::EndOfInput
            | Self::LongLine
            | Self::Input(_)
            | Self::Output(_)
            | Self::Unprinted(..)
            | Self::File(..)
            | Self::NoSecret
            | Self::NoQrCode => Status::Refused,
            Self::Told(status) => *status,
        }
    }

    /// Whether there is nothing left to say, or nobody to say it to.
    fn is_silent(&self) -> bool {
        match self {
            Self::Told(_) => true,
            // `totp-enroll status | head -1`
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(failure) => failure.fmt(f),
            Self::NotConfigured(user, way_out) => {
                write!(f, "two-factor login is not set up for {user}; {way_out}")
            }
            Self::Policy(error) => error.fmt(f),
            Self::Account(error) => error.fmt(f),
            Self::Nobody(uid) => write!(f, "the name service knows no user with your uid {uid}"),
            Self::NoSuchUser(user) => write!(f, "there is no user named \"{user}\""),
            Self::GroupUnknowable(group) => {
                write!(f, "the name service does not say who is in the group \"{group}\"; nothing was listed")
            }
            Self::RootOnly(what) => write!(f, "{what} is for root only"),
            Self::Usage(sentence) | Self::Refused(sentence) => f.write_str(sentence),
            Self::NoTerminal(way_out) => write!(
                f,
                "standard output is no terminal, and a secret is not printed elsewhere unasked; nothing was changed; {way_out}"
            ),
            Self::NotProven(nothing) => write!(
                f,
                "three wrong codes; {nothing}; begin again, and if codes keep being wrong, set the clock of the phone right"
            ),
            Self::Declined => f.write_str("nothing was changed"),
            Self::EndOfInput => f.write_str("the input ended; nothing was set up or changed"),
            Self::LongLine => f.write_str("the answer is too long for a code; nothing was set up or changed"),
            Self::OddReply => f.write_str(
                "totp-helper answered another question; totp-enroll and totp-helper must be of one version",
            ),
            Self::Input(error) => write!(f, "standard input cannot be read: {error}"),
            Self::Output(error) => write!(f, "standard output cannot be written: {error}"),
            Self::Unprinted(user, word, error) => write!(
                f,
                "standard output cannot be written: {error}; {user} is set up: `totp-enroll admin show {word}` shows the secret, `totp-enroll admin revoke {word}` removes it"
            ),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoSecret => f.write_str(
                "this is no secret; allowed: Base32 of 16 to 128 bytes (128 bits at least, RFC 4226 4); nothing was set up",
            ),
            Self::NoQrCode => f.write_str("this secret does not fit a QR code; use --uri"),
            Self::Signals(error) => write!(f, "signals cannot be caught: {error}"),
            Self::Told(_) => Ok(()),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<PolicyError> for Stop {
    fn from(error: PolicyError) -> Self {
        Self::Policy(error)
    }
}

impl From<AccountError> for Stop {
    fn from(error: AccountError) -> Self {
        Self::Account(error)
    }
}

/// Tells why a run stopped, and gives the exit status.
pub fn report(outcome: Result<(), Stop>) -> ExitCode {
    let Err(stop) = outcome else {
        return Status::Done.into();
    };
    if !stop.is_silent() {
        let told = format!("totp-enroll: {}", printable(&stop.to_string()));
        // Broken at spaces for a person; a log or a script gets one line.
        let width = terminal_size::terminal_size_of(io::stderr()).map(|(columns, _)| usize::from(columns.0));
        say_to_stderr(&width.map_or(told.clone(), |width| wrapped(&told, width.min(80))));
    }
    stop.status().into()
}

/// A line on standard error; one that cannot be written is lost.
pub fn say_to_stderr(line: &str) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_status() {
        let status = |failure| Stop::Failure(failure).status() as u8;
        assert_eq!(status(Failure::Impossible(String::new())), 1);
        assert_eq!(status(Failure::NotProven { left: 1 }), 1);
        assert_eq!(status(Failure::NotConfigured), 3);
        assert_eq!(status(Failure::NotPermitted(String::new())), 4);
        assert_eq!(status(Failure::Unusable(String::new())), 5);
        assert_eq!(status(Failure::UserUnusable(String::new())), 5);
        assert_eq!(Stop::NoTerminal("").status() as u8, 2);
        assert_eq!(Stop::RootOnly("--policy").status() as u8, 4);
        assert_eq!(Stop::Nobody(7).status() as u8, 5);
    }

    #[test]
    fn refusals_name_the_thing_and_the_way_out() {
        assert_eq!(Stop::RootOnly("--policy").to_string(), "--policy is for root only");
        assert_eq!(
            Stop::NotConfigured("bob".into(), "ask an administrator".into()).to_string(),
            "two-factor login is not set up for bob; ask an administrator"
        );
        assert!(Stop::NoTerminal("run it in a terminal").to_string().ends_with("; run it in a terminal"));
    }

    #[test]
    fn a_reader_that_went_away_is_told_nothing() {
        assert!(Stop::Output(io::ErrorKind::BrokenPipe.into()).is_silent());
        assert!(!Stop::Output(io::ErrorKind::StorageFull.into()).is_silent());
    }
}
