//! `unset`: removes two-factor login, after a code and a confirmation.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::warnings;
use totp_core::operation::Request;
use totp_core::policy::Mode;
use zeroize::Zeroizing;

pub fn run(session: &Session, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let status = session.configured()?;
    // Where a code is required, no login could set it up again.
    let bound = status.mode == Mode::Required || !session.may(session.policy.enrollment.unset);
    session.refuse_early(bound, Request::Unset { code: Zeroizing::default() })?;

    terminal.say(warnings::UNSET)?;
    let code = terminal.ask_code()?;
    if !yes {
        terminal.ask_to_go_on(&format!("Remove two-factor login for {}?", session.user()))?;
    }
    session.done(Request::Unset { code })?;
    terminal.say(&format!(
        "Two-factor login is removed for {}. Delete its entry in the app; `totp-enroll enroll` sets it up again.",
        session.user()
    ))
}
