//! What one phase of a login leaves for the next: in module data, and in the PAM environment.
//!
//! sshd runs auth and account in one process and session in another, where module data is gone and the PAM
//! environment is not. The account phase believes module data alone, which nobody but this module can write;
//! the session phase takes the nonce from the environment, and the store knows what it stands for.

use crate::arguments::Arguments;
use crate::conversation;
use pamsm::{Pam, PamError, PamLibExt as _, PamResult};
use std::ffi::CStr;
use totp_core::issued::InvitationId;
use totp_core::pending::Nonce;

/// How the name of a variable in the PAM environment begins that a set-up during login is carried in. The
/// nonce ends it: pam_env can be told by ~/.pam_environment to clear a variable, but only by its whole name.
const VARIABLE: &str = "PAM_TOTP_SETUP";
/// Hexadecimal digits of a nonce.
const NONCE_CHARACTERS: usize = 32;
/// How the name of the module data begins.
const DATA: &str = "pam_totp";
/// The module data of the `begin` line: how many auth phases of this handle it has seen. It has one name whatever
/// policy a line names, for it is about the stack and not about codes.
const BEGUN: &str = "pam_totp:begin";

/// What the code line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A code was given, or none was needed.
    Passed,
    /// Neither: the stack must not go on, whatever the control word of the line.
    Denied,
    /// The user must set up before this login goes on.
    SetUp {
        /// Ties the phases to one another.
        nonce: Nonce,
        /// The invitation that was given.
        invited: Option<InvitationId>,
    },
}

impl Outcome {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Passed => vec![0],
            Self::Denied => vec![2],
            Self::SetUp { nonce, invited } => {
                let mut bytes = vec![1];
                bytes.extend(nonce.to_string().bytes());
                bytes.extend(invited.into_iter().flat_map(|InvitationId(number)| number.to_be_bytes()));
                bytes
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match kind {
            0 if rest.is_empty() => Some(Self::Passed),
            2 if rest.is_empty() => Some(Self::Denied),
            1 => {
                let (nonce, invited) = rest.split_at_checked(NONCE_CHARACTERS)?;
                let invited = match invited {
                    [] => None,
                    number => Some(InvitationId(u32::from_be_bytes(number.try_into().ok()?))),
                };
                Some(Self::SetUp { nonce: std::str::from_utf8(nonce).ok()?.parse().ok()?, invited })
            }
            _ => None,
        }
    }
}

/// What the code line noted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// What it came to.
    pub(crate) outcome: Outcome,
    /// The name that was judged: a program, or a module below, may go on as another.
    pub(crate) user: Vec<u8>,
    /// Which auth phase of the handle it was, by the count of the `begin` line; 0 without one.
    phase: u32,
}

impl Noted {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.user, &[0][..], &self.phase.to_be_bytes(), &self.outcome.to_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        // PAM_USER is a string of C.
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (user, rest) = bytes.split_at_checked(end)?;
        let (phase, outcome) = rest.get(1..)?.split_first_chunk()?;
        Some(Self {
            outcome: Outcome::from_bytes(outcome)?,
            user: user.to_vec(),
            phase: u32::from_be_bytes(*phase),
        })
    }
}

/// Notes that an auth phase begins. What the code line noted in an earlier one, as after a login name that was
/// typed anew, says nothing about this one.
pub(crate) fn begin(pam: &Pam) -> PamResult<()> {
    let phase = phase(pam).checked_add(1).ok_or(PamError::MAXTRIES)?;
    pam.send_bytes(BEGUN, phase.to_be_bytes().to_vec(), None)
}

/// The auth phase of this handle, counted by the `begin` line; 0 where there is none or it has not run.
fn phase(pam: &Pam) -> u32 {
    let count =
        pam.retrieve_bytes(BEGUN).ok().and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    count.unwrap_or(0)
}

/// Notes what the code line came to for the user of this name, in the place of what an earlier try of the same
/// handle noted, which may have been for another user.
pub(crate) fn note(pam: &Pam, arguments: &Arguments, user: &CStr, outcome: Outcome) -> PamResult<()> {
    let earlier = noted(pam, arguments);
    let noted = Noted { outcome, user: user.to_bytes().to_vec(), phase: phase(pam) };
    pam.send_bytes(&data_of(arguments), noted.to_bytes(), None)?;
    if let Some(Noted { outcome: Outcome::SetUp { nonce, .. }, .. }) = earlier {
        remove(pam, nonce);
    }
    match outcome {
        Outcome::SetUp { nonce, .. } => pam.putenv(&format!("{}=1", variable_of(nonce))),
        Outcome::Passed | Outcome::Denied => Ok(()),
    }
}

/// What the account phase finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The code line answered in the auth phase that led here.
    Answered(Noted),
    /// An auth phase began, and the code line did not answer in it.
    NotReached,
    /// No sign of an auth phase: a key alone, cron, a cached password; or there is no `begin` line.
    Nothing,
}

/// What the auth phase of this handle left.
pub(crate) fn found(pam: &Pam, arguments: &Arguments) -> Found {
    match (noted(pam, arguments), phase(pam)) {
        (Some(noted), phase) if noted.phase == phase => Found::Answered(noted),
        (_, 0) => Found::Nothing,
        _ => Found::NotReached,
    }
}

fn noted(pam: &Pam, arguments: &Arguments) -> Option<Noted> {
    Noted::from_bytes(&pam.retrieve_bytes(&data_of(arguments)).ok()?)
}

/// The name of the module data. Lines of one stack with different policies know nothing of each other:
/// what one of them lets pass says nothing about the set-up that another asks for.
fn data_of(arguments: &Arguments) -> String {
    match &arguments.policy {
        None => DATA.to_owned(),
        Some(path) => format!("{DATA} {}", path.display()),
    }
}

fn variable_of(nonce: Nonce) -> String {
    format!("{VARIABLE}_{nonce}")
}

/// The markers in the environment: usually none or one, and several where an earlier try of the same
/// connection left one. `None` stands for one that is no nonce.
///
/// The whole is `None` where libpam gives no environment.
pub(crate) fn nonces(pam: &Pam) -> Option<Vec<Option<Nonce>>> {
    Some(conversation::environment(pam)?.iter().filter_map(|entry| marker_in(entry)).collect())
}

#[allow(clippy::option_option)] // A marker that was tampered with is not a missing one.
fn marker_in(entry: &[u8]) -> Option<Option<Nonce>> {
    let name = entry.split(|byte| *byte == b'=').next()?;
    let nonce = name.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"_");
    Some(nonce.and_then(|nonce| std::str::from_utf8(nonce).ok()?.parse().ok()))
}

/// Removes a marker from the environment.
pub(crate) fn remove(pam: &Pam, nonce: Nonce) {
    // Removing what is not there is an error to libpam, and none here.
    let _ = pam.putenv(&variable_of(nonce));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_back_as_noted() {
        let nonce = Nonce::generate().unwrap();
        for outcome in [
            Outcome::Passed,
            Outcome::Denied,
            Outcome::SetUp { nonce, invited: None },
            Outcome::SetUp { nonce, invited: Some(InvitationId(u32::MAX)) },
        ] {
            for user in ["", "alice", "\u{fc}"] {
                let noted = Noted { outcome, user: user.into(), phase: 7 };
                assert_eq!(Noted::from_bytes(&noted.to_bytes()), Some(noted));
            }
        }
        for odd in [
            &b""[..],
            b"\0",
            b"a\0\0\0\0\x01",
            b"a\0\0\0\0\x01\x01",
            b"\0\0\0\0\0\x02zz",
            b"a\0\0\0\0\0",
            b"\x07",
        ] {
            assert_eq!(Noted::from_bytes(odd), None);
        }
    }

    #[test]
    fn a_marker_is_known_by_how_its_name_begins_and_belongs_to_the_nonce_at_its_end() {
        let nonce = Nonce::generate().unwrap();
        assert_eq!(marker_in(format!("{}=1", variable_of(nonce)).as_bytes()), Some(Some(nonce)));
        for odd in ["PAM_TOTP_SETUP=1", "PAM_TOTP_SETUP_=1", "PAM_TOTP_SETUP_x", "PAM_TOTP_SETUP_\u{fc}=1"] {
            assert_eq!(marker_in(odd.as_bytes()), Some(None), "{odd}");
        }
        for other in ["", "=", "PATH=/bin", "X_PAM_TOTP_SETUP_0=1", "X=PAM_TOTP_SETUP_0"] {
            assert_eq!(marker_in(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn lines_with_different_policies_have_data_of_their_own() {
        let with = |word: &str| data_of(&Arguments::parse(&[word.to_owned()]).0);
        assert_eq!(with("setup"), with("debug"));
        assert_ne!(with("setup"), with("policy=/etc/a"));
        assert_ne!(with("policy=/etc/b"), with("policy=/etc/a"));
    }
}
