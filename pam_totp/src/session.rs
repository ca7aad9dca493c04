//! The session phase: a set-up that the account phase had proven counts from here on, and the owner is told of
//! refused codes.

use crate::arguments::Arguments;
use crate::login::Login;
use crate::marker;
use crate::refused;
use crate::unavailable::{Unavailable, odd_reply};
use pamsm::{Pam, PamError, PamFlags};
use totp_core::event::{EventLog as _, Level};
use totp_core::operation::{LoginReply, Request, SessionStart};
use totp_core::pending::Nonce;

/// What ends the login. Not PAM_SESSION_ERR: sudo warns of that one and runs the command all the same.
const REFUSED: PamError = PamError::PERM_DENIED;
/// Most markers looked at; whoever has more in their environment made them.
const MOST_MARKERS: usize = 8;

/// pam_sm_open_session(3).
pub(crate) fn open(pam: &Pam, flags: PamFlags, words: &[String]) -> PamError {
    let (arguments, _) = Arguments::parse(words);
    let login = match Login::of(pam, flags, &arguments) {
        Ok(login) => login,
        Err(answer) => return answer,
    };
    let opened = match marker::nonces(pam) {
        Some(markers) => activate(&login, &markers),
        None => Err("libpam gives no environment".to_owned()),
    };
    if opened.is_ok() {
        refused::tell(&login);
    }
    match opened {
        Ok(SessionStart::Activated) => PamError::SUCCESS,
        Ok(SessionStart::Nothing) => PamError::IGNORE,
        Err(why) => {
            login.log.event(Level::Warning, &login.event("session", "denied", &why));
            REFUSED
        }
    }
}

/// Opens the session in the store; the error ends the login.
fn activate(login: &Login<'_>, markers: &[Option<Nonce>]) -> Result<SessionStart, String> {
    let marked = !markers.is_empty();
    // A login that was asked for a code was denied by this already; one by key alone never was, and root may
    // be on the way in to mend it.
    let unusable = |unavailable: Unavailable| {
        login.keep_incident(&unavailable);
        if marked {
            return Err(unavailable.reason);
        }
        login.log.event(Level::Error, &login.event("session", "ignored", &unavailable.reason));
        Ok(SessionStart::Nothing)
    };
    let policy = match login.policy() {
        Ok(policy) => policy,
        Err(unavailable) => return unusable(unavailable),
    };
    if !marked && !policy.enrollment.is_at_login(&login.service) {
        // What no login sets up on this service, none can leave behind.
        return Ok(SessionStart::Nothing);
    }
    if markers.contains(&None) || markers.len() > MOST_MARKERS {
        return Err("the marker of a set-up is none that this module made".to_owned());
    }
    let desk = match login.desk(&policy) {
        Ok(desk) => desk,
        Err(unavailable) => return unusable(unavailable),
    };
    let account = login.account().map_err(|unavailable| unavailable.reason)?;
    let Some(account) = account else {
        return if marked { Err("the user is gone".to_owned()) } else { Ok(SessionStart::Nothing) };
    };
    let open = |nonce| match login.ask(&desk, &account, Request::OpenSession { nonce }) {
        Ok(LoginReply::Session(start)) => Ok(start),
        Ok(_) => Err(odd_reply().reason),
        Err(failure) => Err(failure.to_string()),
    };
    if !marked {
        return open(None);
    }
    // A password tried in vain before, in the same connection, may have left one that stands for nothing.
    let mut why = String::new();
    for nonce in markers.iter().flatten() {
        match open(Some(*nonce)) {
            Ok(start) => {
                marker::remove(login.pam, *nonce);
                return Ok(start);
            }
            Err(refused) => why = refused,
        }
    }
    Err(why)
}
