//! `admin mode`: overrides the policy's mode for a user.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::clock::Day;
use totp_core::operation::admin::{self, Override};
use totp_core::policy::Mode;

pub fn run(session: &Session, terminal: &Terminal, word: &str, until: Option<Day>) -> Result<(), Stop> {
    let mode = Mode::NAMES.iter().find(|(name, _)| *name == word).map(|(_, mode)| *mode);
    let user = session.user();
    let Some(mode) = mode else {
        if until.is_some() {
            return Err(Stop::Usage("default has no --until: it is what the policy says".to_owned()));
        }
        session.administer(|context| admin::set_mode(context, None))?;
        return terminal.say(&format!("What the policy says counts for {user}."));
    };
    session.administer(|context| admin::set_mode(context, Some(Override { mode, until })))?;
    let until = until.map_or_else(String::new, |until| format!(" until {until} (UTC)"));
    terminal.say(&format!("Mode {mode} counts for {user}{until}, whatever the policy says."))?;
    if mode != Mode::Required {
        return Ok(());
    }
    let status = session.status()?;
    if status.configured { Ok(()) } else { terminal.say(&super::revoke::what_comes_next(session, &status)) }
}
