//! pam_totp.so: asks for a one-time code after the password.
//!
//! Entry points only; each of the three phases of a login has a file of its own: [`authenticate`],
//! [`account`], [`session`]. Everything that decides lives in totp-core.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

// The macro of pamsm names its crate from the root.
extern crate pamsm;

mod account;
mod arguments;
mod authenticate;
mod conversation;
mod guard;
mod invitation;
mod login;
mod marker;
mod one_entry;
mod pam_log;
mod presence;
mod refused;
mod session;
mod unavailable;

use pamsm::{Pam, PamError, PamFlags, PamServiceModule};

struct Module;

impl PamServiceModule for Module {
    fn authenticate(pam: Pam, flags: PamFlags, arguments: Vec<String>) -> PamError {
        guard::deny_on_panic(&pam, "authenticate", || authenticate::authenticate(&pam, flags, &arguments))
    }

    /// There are no credentials to set. libpam takes PAM_IGNORE as a stack's only answer for a denial.
    fn setcred(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::SUCCESS
    }

    fn acct_mgmt(pam: Pam, flags: PamFlags, arguments: Vec<String>) -> PamError {
        guard::deny_on_panic(&pam, "acct_mgmt", || account::account(&pam, flags, &arguments))
    }

    fn open_session(pam: Pam, flags: PamFlags, arguments: Vec<String>) -> PamError {
        guard::deny_on_panic(&pam, "open_session", || session::open(&pam, flags, &arguments))
    }

    fn close_session(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }

    fn chauthtok(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }
}

pamsm::pam_module!(Module);
