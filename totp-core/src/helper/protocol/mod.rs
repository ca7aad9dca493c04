//! One request in, one answer out, both TOML.
//!
//! By serde the helper reads requests and writes answers, and the tool reads them. Requests are written by hand, and
//! so is read what a login is answered: the module has no serde. Both stand beside this.

use crate::operation::{Failure, Reply, Request};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Longest request and answer, in bytes.
pub const LONGEST_MESSAGE: usize = 64 * 1024;

/// A request with whom it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The user. Anyone but root gets only their own name served.
    pub user: String,
    /// The PAM service; believed from root alone.
    pub service: String,
    /// PAM_RHOST as it was; believed from root alone.
    pub remote_host: Option<String>,
    /// What is asked.
    pub request: Request,
}

/// The helper's answer; a caller that asks but a few things names a type that knows their replies alone.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered<R = Reply> {
    /// It was done.
    Done(R),
    /// It was not.
    Failed(Failure),
}

impl Envelope {
    /// Reads a request; the error says what is wrong and repeats none of it.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        toml::from_str(text).map_err(|_| "the request is not one this helper knows")
    }
}

impl Answered<Reply> {
    /// As sent; `None` where it cannot be, as with a number that TOML has no word for.
    #[must_use]
    pub fn to_toml(&self) -> Option<Zeroizing<String>> {
        toml::to_string(self).ok().map(Zeroizing::new)
    }

    /// Reads an answer.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        toml::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests;
