//! `status`: what is set up.

use crate::exit::Stop;
use crate::report;
use crate::session::Session;
use crate::terminal::Terminal;
use totp_core::operation::Status;

pub fn run(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    let status = session.status()?;
    if json { as_json(&status, terminal) } else { show(session, &status, terminal) }
}

/// In words.
pub fn show(session: &Session, status: &Status, terminal: &Terminal) -> Result<(), Stop> {
    let mut told = format!("Two-factor login: {}\n", terminal.bold(report::state(status)));
    for line in report::details(status, &session.way_to_set_up()) {
        told.push_str(&terminal.fitted(&line));
        told.push('\n');
    }
    terminal.write(&told)
}

/// For scripts.
pub fn as_json(status: &Status, terminal: &Terminal) -> Result<(), Stop> {
    let value = serde_json::to_value(status).map_err(|error| Stop::Output(error.into()))?;
    terminal.json(&value)
}
