//! pam_totp.so: asks for a one-time code after the password.
//!
//! Entry points only; [`authenticate`] is the one with work to do. Everything that decides lives in
//! totp-core.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

// The macro of pamsm names its crate from the root.
extern crate pamsm;

mod arguments;
mod authenticate;
mod conversation;
mod guard;
mod one_entry;
mod pam_log;

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

    fn acct_mgmt(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }

    fn open_session(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }

    fn close_session(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }

    fn chauthtok(_: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        PamError::IGNORE
    }
}

pamsm::pam_module!(Module);
