//! `unset`: removes two-factor login, after a code and a confirmation.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::warnings;
use totp_core::operation::{Failure, Request};
use totp_core::policy::Mode;
use zeroize::Zeroizing;

pub fn run(session: &Session, terminal: &Terminal, yes: bool) -> Result<(), Stop> {
    let status = session.configured()?;
    let required = status.mode == Mode::Required;
    if required && session.services_that_set_up().is_empty() {
        return Err(Failure::Impossible(
            "two-factor login is required here, and no login sets it up again; `totp-enroll renew` moves it to another phone"
                .to_owned(),
        )
        .into());
    }
    session.refuse_early(
        !session.may(session.policy.enrollment.unset),
        Request::Unset { code: Zeroizing::default() },
    )?;

    terminal.say(warnings::UNSET)?;
    if required {
        terminal.say(warnings::UNSET_WHERE_REQUIRED)?;
    }
    let code = terminal.ask_code()?;
    if !yes {
        terminal.ask_to_go_on(&format!("Remove two-factor login for {}?", session.user()))?;
    }
    session.done(Request::Unset { code })?;
    let next = if required {
        "the next login asks for it to be set up again"
    } else {
        "`totp-enroll enroll` sets it up again"
    };
    terminal.say(&format!(
        "Two-factor login is removed for {}. Delete its entry in the app; {next}.",
        session.user()
    ))
}
