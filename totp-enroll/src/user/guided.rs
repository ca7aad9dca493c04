//! Without a command: sets up what is missing, else shows the status.

use super::{enroll, status};
use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::policy::Mode;

pub fn run(session: Session, terminal: &Terminal) -> Result<(), Stop> {
    let found = session.status()?;
    // Where it is disabled, nothing is missing.
    let missing = !found.configured && found.mode != Mode::Disabled;
    if missing && session.may(session.policy.enrollment.enroll) {
        return enroll::run(session, terminal, None, None, false);
    }
    status::show(&session, &found, terminal)
}
