//! `admin disable`: mode disabled for a user, and nothing set up any more.

use crate::exit::{Status, Stop};
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::operation::admin::{self, Override};
use totp_core::policy::Mode;

pub fn run(session: &Session, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let user = session.user();
    if !yes {
        terminal.ask_to_go_on(&format!("Disable two-factor login for {user}, and remove what is set up?"))?;
    }
    // First the mode: a user without a phone is not to be refused meanwhile.
    let disabled = Override { mode: Mode::Disabled, until: None };
    session.administer(|context| admin::set_mode(context, Some(disabled)))?;
    match session.administer(admin::revoke) {
        Ok(()) => {}
        Err(stop) if stop.status() == Status::NotConfigured => {}
        Err(stop) => return Err(stop),
    }
    terminal.say(&format!(
        "Two-factor login is disabled for {user}, and nothing is set up; `totp-enroll admin mode {} default` ends that.",
        session.word()
    ))
}
