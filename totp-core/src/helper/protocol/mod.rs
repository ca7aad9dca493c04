//! One request in, one answer out, both TOML. For each message, writing and reading stand together.
//!
//! Programs that run for weeks, such as screen lockers, keep the module they were started with: an older caller
//! meets a newer helper, and after a way back a newer caller an older helper. So each request says which
//! [`Version`] its sender speaks, and the rules are these:
//!
//! 1. The helper answers in the version of the request, with no word and no key that is newer.
//! 2. Of a request, everything must be known: a version, a key or a word that is not is refused. Whoever asks for
//!    more than this helper knows must not get a judgement that leaves it out.
//! 3. Of an answer, keys that are not known are ignored. An unknown reason of a refusal reads as a wrong code. Any
//!    other unknown word makes it an answer that cannot be understood, and that denies. So what changes whether
//!    somebody is let in takes a word of its own or a new version, never a key beside what is there.
//!
//! The bytes of each version are kept under `bytes/` and replayed. What a login needs is written and read by hand
//! and not by serde, which would make the module larger.

mod answer;
mod enrolling;
mod judging;
mod reading;
mod request;
mod writing;

pub use answer::Answered;
pub(super) use request::UNKNOWN_REQUEST;

use crate::operation::Request;

/// Longest request and answer, in bytes.
pub const LONGEST_MESSAGE: usize = 64 * 1024;

/// Which form of the messages a caller speaks; the later is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// A request that names none: of a program from before versions.
    Unnamed,
    /// The first with a name, `version = 1`. Its callers ignore keys they do not know.
    One,
}

impl Version {
    /// What this program speaks.
    pub const CURRENT: Self = Self::One;

    /// The number in a request.
    fn number(self) -> Option<i64> {
        match self {
            Self::Unnamed => None,
            Self::One => Some(1),
        }
    }
}

/// A request with whom it is about.
pub struct Envelope {
    /// The form that the caller speaks, and is answered in.
    pub version: Version,
    /// The user. Anyone but root gets only their own name served.
    pub user: String,
    /// The PAM service; believed from root alone.
    pub service: String,
    /// PAM_RHOST as it was; believed from root alone.
    pub remote_host: Option<String>,
    /// What is asked.
    pub request: Request,
}

#[cfg(test)]
mod tests;
