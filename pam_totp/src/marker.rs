//! What one phase of a login leaves for the next: in module data, and in the PAM environment.
//!
//! sshd runs auth and account in one process and session in another, where module data is gone and the PAM
//! environment is not. The account phase believes module data alone, which nobody but this module can write;
//! the session phase takes the nonce from the environment, and the store knows what it stands for.

use pamsm::{Pam, PamLibExt as _, PamResult};
use totp_core::pending::Nonce;

/// The variable in the PAM environment that a set-up during login is carried in.
const VARIABLE: &str = "PAM_TOTP_SETUP";
/// The name of the module data.
const DATA: &str = "pam_totp";

/// What the auth phase came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A code was given, or none was needed.
    Passed,
    /// The user must set up before this login goes on.
    SetUp {
        /// Ties the phases to one another.
        nonce: Nonce,
        /// Whether an invitation was given.
        invited: bool,
    },
}

impl Outcome {
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Passed => vec![0],
            Self::SetUp { nonce, invited } => {
                let mut bytes = vec![if invited { 2 } else { 1 }];
                bytes.extend(nonce.to_string().bytes());
                bytes
            }
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, nonce) = bytes.split_first()?;
        let nonce = || std::str::from_utf8(nonce).ok()?.parse().ok();
        match kind {
            0 => Some(Self::Passed),
            1 => Some(Self::SetUp { nonce: nonce()?, invited: false }),
            2 => Some(Self::SetUp { nonce: nonce()?, invited: true }),
            _ => None,
        }
    }
}

/// Notes what this auth phase came to; `None` takes back what an earlier try of the same handle noted, which
/// may have been for another user.
pub(crate) fn note(pam: &Pam, outcome: Option<Outcome>) -> PamResult<()> {
    pam.send_bytes(DATA, outcome.map_or_else(Vec::new, Outcome::to_bytes), None)?;
    match outcome {
        Some(Outcome::SetUp { nonce, .. }) => pam.putenv(&format!("{VARIABLE}={nonce}")),
        Some(Outcome::Passed) | None => {
            remove(pam);
            Ok(())
        }
    }
}

/// What the auth phase of this handle came to; `None` where there was none, as after a key alone.
pub(crate) fn outcome(pam: &Pam) -> Option<Outcome> {
    Outcome::from_bytes(&pam.retrieve_bytes(DATA).ok()?)
}

/// The marker in the environment: `None` where there is none, `Some(None)` for one that is no nonce.
#[allow(clippy::option_option)] // A marker that was tampered with is not a missing one.
pub(crate) fn nonce(pam: &Pam) -> Option<Option<Nonce>> {
    let value = pam.getenv(VARIABLE).ok().flatten()?;
    Some(value.to_str().ok().and_then(|text| text.parse().ok()))
}

/// Removes the marker from the environment.
pub(crate) fn remove(pam: &Pam) {
    // Removing what is not there is an error to libpam, and none here.
    if nonce(pam).is_some() {
        let _ = pam.putenv(VARIABLE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_back_as_noted() {
        let nonce = Nonce::generate().unwrap();
        for outcome in [
            Outcome::Passed,
            Outcome::SetUp { nonce, invited: false },
            Outcome::SetUp { nonce, invited: true },
        ] {
            assert_eq!(Outcome::from_bytes(&outcome.to_bytes()), Some(outcome));
        }
        for odd in [&b""[..], b"\x01", b"\x02zz", b"\x07"] {
            assert_eq!(Outcome::from_bytes(odd), None);
        }
    }
}
