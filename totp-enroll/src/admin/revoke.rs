//! `admin revoke`: removes a user's two-factor login, also that of an account that is gone.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::operation::admin;
use totp_core::policy::Mode;

pub fn run(session: &Session, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let user = session.user();
    if !yes {
        terminal.ask_to_go_on(&format!("Remove two-factor login for {user}?"))?;
    }
    session.administer(admin::revoke)?;
    terminal.say(&format!("Two-factor login is removed for {user}."))?;
    match session.policy.mode {
        Mode::Required => terminal.say(&format!(
            "The policy requires it, so {user} cannot log in until it is set up again: `totp-enroll admin enroll {user}` does it."
        )),
        Mode::Optional | Mode::Disabled => Ok(()),
    }
}
