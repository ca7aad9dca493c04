//! The session phase: a set-up that the account phase had proven counts from here on.

use crate::arguments::Arguments;
use crate::login::{Login, odd_reply};
use crate::marker;
use pamsm::{Pam, PamError, PamFlags};
use totp_core::event::{EventLog as _, Level};
use totp_core::operation::{LoginReply, Request, SessionStart};
use totp_core::pending::Nonce;

/// pam_sm_open_session(3).
pub(crate) fn open(pam: &Pam, flags: PamFlags, words: &[String]) -> PamError {
    let (arguments, _) = Arguments::parse(words);
    let login = match Login::of(pam, flags, &arguments) {
        Ok(login) => login,
        Err(answer) => return answer,
    };
    let found = marker::nonce(pam);
    match activate(&login, found.is_some(), found.flatten()) {
        Ok(SessionStart::Activated) => {
            marker::remove(pam);
            PamError::SUCCESS
        }
        Ok(SessionStart::Nothing) => PamError::IGNORE,
        Err(why) => {
            login.log.event(Level::Warning, &login.event("session", "denied", &why));
            PamError::SESSION_ERR
        }
    }
}

/// Opens the session in the store; the error ends the login.
fn activate(login: &Login<'_>, marked: bool, nonce: Option<Nonce>) -> Result<SessionStart, String> {
    // A login that was asked for a code was denied by this already; one by key alone never was, and root may
    // be on the way in to mend it.
    let unusable = |why: String| {
        if marked {
            return Err(why);
        }
        login.log.event(Level::Error, &login.event("session", "ignored", &why));
        Ok(SessionStart::Nothing)
    };
    let policy = match login.policy() {
        Ok(policy) => policy,
        Err(why) => return unusable(why),
    };
    if !marked && !policy.enrollment.is_at_login(&login.service) {
        // What no login sets up on this service, none can leave behind.
        return Ok(SessionStart::Nothing);
    }
    if marked && nonce.is_none() {
        return Err("the marker of a set-up is none that this module made".to_owned());
    }
    let desk = match login.desk(&policy) {
        Ok(desk) => desk,
        Err(why) => return unusable(why),
    };
    let Some(account) = login.account()? else {
        return if marked { Err("the user is gone".to_owned()) } else { Ok(SessionStart::Nothing) };
    };
    match login.ask(&desk, &account, Request::OpenSession { nonce }) {
        Ok(LoginReply::Session(start)) => Ok(start),
        Ok(_) => Err(odd_reply()),
        Err(failure) => Err(failure.to_string()),
    }
}
