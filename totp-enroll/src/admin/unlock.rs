//! `admin unlock`: lets a user's codes be looked at again at once.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::operation::admin;

pub fn run(session: &Session, terminal: &Terminal) -> Result<(), Stop> {
    session.administer(admin::unlock)?;
    terminal.say(&format!("Wrong codes of {} are forgiven: the next code is judged at once.", session.user()))
}
