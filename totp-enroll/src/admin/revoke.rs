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
    // A user who is gone has no mode any more.
    let required = session.exists() && session.status()?.mode == Mode::Required;
    if required { terminal.say(&what_comes_next(session)) } else { Ok(()) }
}

/// How a user who needs a code and is not set up gets in.
pub fn what_comes_next(session: &Session) -> String {
    let user = session.user();
    let services = session.services_that_set_up();
    if services.is_empty() {
        return format!(
            "A code is required, and no login sets it up here, so {user} cannot log in until `totp-enroll admin enroll {user}` has done it."
        );
    }
    let invitation = if session.policy.enrollment.needs_invitation {
        format!(", with an invitation, which `totp-enroll admin invite {user}` draws")
    } else {
        String::new()
    };
    format!(
        "A code is required: {user} sets it up at the next login by {}{invitation}. Other services refuse {user} until then.",
        services.join(" or ")
    )
}
